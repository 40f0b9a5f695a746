/* SPDX-License-Identifier: MIT */
/* What the files of tlsm_uring share and nobody else sees. */
#ifndef TLSM_URING_INTERNAL_H
#define TLSM_URING_INTERNAL_H

#include "tlsm_socket_internal.h"
#include "tlsm_uring.h"

/* tlsm_uring_heed: tells the machine that the deadline passed or that the application gave up, once nothing is being sent. */
void tlsm_uring_heed(struct tlsm_uring *connection);
/* tlsm_uring_halting: nothing new is to be sent or received for the machine, and what is being sent is called back. */
int tlsm_uring_halting(const struct tlsm_uring *connection);
/* tlsm_uring_finish_kept: a transport that is kept needs no last operation. */
void tlsm_uring_finish_kept(struct tlsm_uring *connection);

#endif
