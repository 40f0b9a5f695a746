/* SPDX-License-Identifier: MIT */
/* The rules of section 11 of docs/closing.md (K1–K6), held against every step of the shutdown procedure. */
#ifndef TLSM_CHECK_SHUTDOWN_H
#define TLSM_CHECK_SHUTDOWN_H

#include "operation.h"
#include "tlsm_shutdown.h"

/* check_shutdown: takes the procedure's next step and judges it. Returns NULL, or what is broken. */
const char *check_shutdown(struct tlsm_shutdown shutdown, enum tlsm_shutdown_seen seen, const struct tlsm_state *state,
                           struct tlsm_shutdown_next *next);

/* What the transport does when the procedure flushes. */
enum flush { FLUSH_ALL, FLUSH_BLOCKED, FLUSH_BROKEN };
/* shutdown_flush: produces and sends; what the procedure sees of it goes to *seen. */
const char *shutdown_flush(struct node *node, enum flush how, enum tlsm_shutdown_seen *seen);
/* shutdown_do: one operation on the node (a close, or what is read). Data that comes is *seen as such. An operation that
 * makes no sense here is BLOCKED_READ. */
const char *shutdown_do(struct node *node, unsigned operation, enum tlsm_shutdown_seen *seen);
/* shutdown_call: one call of the procedure, from TLSM_SAW_CALL to its return. The transport flushes as `how` says and gives
 * `reads` operations to read, then nothing. *next is the return. State coverage is kept. */
const char *shutdown_call(struct node *node, struct tlsm_shutdown *shutdown, enum flush how, const uint8_t *read,
                          size_t reads, struct tlsm_shutdown_next *next);

#endif
