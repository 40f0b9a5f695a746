/* SPDX-License-Identifier: MIT */
/* What the files of tlsm_ktls share and nobody else sees. Numbers of linux/tls.h, for headers that are older than they. */
#ifndef TLSM_KTLS_INTERNAL_H
#define TLSM_KTLS_INTERNAL_H

#include <errno.h>

#include "tlsm_ktls.h"

enum {
    KTLS_SOL_TCP = 6, KTLS_TCP_ULP = 31, KTLS_SOL_TLS = 282, KTLS_TX = 1, KTLS_RX = 2,
    KTLS_SET_RECORD_TYPE = 1, KTLS_GET_RECORD_TYPE = 2,
    KTLS_AES_GCM_128 = 51, KTLS_AES_GCM_256 = 52, KTLS_CHACHA20_POLY1305 = 54,
    KTLS_INFO_MAX = 56                       /* bytes of the longest crypto_info */
};

static inline int tlsm_ktls_short_of_memory(int error) { return error == ENOMEM || error == ENOBUFS; }

/* tlsm_ktls_give_key: the kernel gets what tlsm_record_keys() says of a side. 0, or -1 and errno. */
int tlsm_ktls_give_key(const struct tlsm_ktls_calls *calls, int descriptor, const struct tlsm_link *link, enum tlsm_side side);
/* tlsm_ktls_system: the system's calls. */
extern const struct tlsm_ktls_calls tlsm_ktls_system;

/* tlsm_ktls_push: makes and sends all that is owed. 1: something went; 0: nothing to send; WANT_WRITE: blocked; NO_MEMORY. A
 * failed send is told to the machine, and what the peer said before is taken in (G3). */
int tlsm_ktls_push(struct tlsm_ktls *kernel);
/* tlsm_ktls_pull: receives once; `room` (TLSM_PLAIN_MAX bytes) or NULL: into the link. 1: something came or ended; 0: nothing
 * may be read; WANT_READ: blocked; NO_MEMORY. *count: bytes of data at `room`. */
int tlsm_ktls_pull(struct tlsm_ktls *kernel, uint8_t *room, size_t *count);
/* tlsm_ktls_await: waits for enum tlsm_want bits. 0: go on; else a result. */
int tlsm_ktls_await(struct tlsm_ktls *kernel, unsigned want);
/* What both files ask. */
int tlsm_ktls_may_pull(const struct tlsm_ktls *kernel);
int tlsm_ktls_read_there(const struct tlsm_ktls *kernel);
int tlsm_ktls_out_is_dead(const struct tlsm_ktls *kernel);
/* The transport failed, for sending or for receiving; `error` is its errno. */
void tlsm_ktls_fail_sending(struct tlsm_ktls *kernel, int error);
void tlsm_ktls_receive_failed(struct tlsm_ktls *kernel, int error);
int tlsm_ktls_late(const struct tlsm_ktls *kernel);
void tlsm_ktls_tell_deadline(struct tlsm_ktls *kernel);
/* tlsm_ktls_follow_shut: ends our sending half when the machine says so, and the kernel holds nothing of it back. */
void tlsm_ktls_follow_shut(struct tlsm_ktls *kernel);

#endif
