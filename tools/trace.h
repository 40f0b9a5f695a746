/* SPDX-License-Identifier: MIT */
/* One line a step: what went in, what the machine said, which rows of closing.def it took. */
#ifndef TLSM_TRACE_H
#define TLSM_TRACE_H

#include <stdio.h>

#include "tlsm.h"

void trace_step(FILE *out, uint64_t connection, const struct tlsm_state *state, const struct tlsm_in *in,
                enum tlsm_code code, const struct tlsm_out *result);

#endif
