/* SPDX-License-Identifier: MIT */
/* What the files of tlsm_socket share and nobody else sees. */
#ifndef TLSM_SOCKET_INTERNAL_H
#define TLSM_SOCKET_INTERNAL_H

#include "tlsm_socket.h"

/* So often a call that never waits is repeated when a signal interrupts it; then it counts as one that cannot go on now, so
 * that the deadline is looked at. */
enum { TLSM_SOCKET_INTERRUPTIONS = 64 };

/* tlsm_socket_now: milliseconds of CLOCK_MONOTONIC. */
uint64_t tlsm_socket_now(void);
/* tlsm_socket_left: milliseconds until then, as poll(2) wants them: -1 for UINT64_MAX, 0 when it has passed. */
int tlsm_socket_left(uint64_t until_ms);

#endif
