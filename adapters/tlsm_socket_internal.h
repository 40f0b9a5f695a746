/* SPDX-License-Identifier: MIT */
/* What the files of tlsm_socket share and nobody else sees. */
#ifndef TLSM_SOCKET_INTERNAL_H
#define TLSM_SOCKET_INTERNAL_H

#include "tlsm_socket.h"

/* tlsm_socket_now: milliseconds of CLOCK_MONOTONIC. */
uint64_t tlsm_socket_now(void);
/* tlsm_socket_left: milliseconds until then, as poll(2) wants them: -1 for UINT64_MAX, 0 when it has passed. */
int tlsm_socket_left(uint64_t until_ms);

#endif
