/* SPDX-License-Identifier: MIT */
/* What tlsm's two back ends share. */
#ifndef TLSM_BENCH_TLSM_H
#define TLSM_BENCH_TLSM_H

#include "tlsm.h"

#include "bench.h"

/* Good between open and shut; `issuer` is a server that gives a ticket. answerers: struct tlsm_libcrypto_answerer[2]. */
struct bench_tlsm_parts {
    const struct tlsm_config *configs, *issuer;
    void *answerers[2];
    const char *server_name;
    uint64_t now_ms;
};
struct bench_tlsm_parts bench_tlsm_parts(void);

/* bench_tlsm_agreed: 1 when an end agreed on what everybody measures. A resumption in TLS 1.2 agrees on no
 * group. */
int bench_tlsm_agreed(const struct tlsm_config *config, const struct tlsm_state *state, enum bench_kind kind);

#endif
