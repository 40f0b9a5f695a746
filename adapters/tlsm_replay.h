/* SPDX-License-Identifier: MIT */
/* What a server remembers of early data, so that none is read twice: the answer to TLSM_ASK_REPLAY (RFC 9846 §8.2).
 *
 * Memory is fixed: two generations of a table of names. A name is remembered for at least 2 * TLSM_EARLY_AGE_MS, in which the age of
 * its ticket lets it pass; then that age keeps it out. Where there is doubt, the answer is no, which costs the client a round trip:
 * the table is full, or names would have to be forgotten that were known before the process began.
 *
 * One of these serves all threads of a process, and that process only: servers that open each other's tickets need one between
 * them, or they read the same early data once each. A clock of the server's that is set back opens what was closed. */
#ifndef TLSM_REPLAY_H
#define TLSM_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "tlsm.h"

TLSM_DECLARATIONS_BEGIN

struct tlsm_replay;

/* tlsm_replay_new: room for so many names in TLSM_EARLY_AGE_MS * 2, some 100 bytes each. now_ms: unix milliseconds. keys_are_new: 1:
 * no ticket that these settings open was made before now; 0: all is refused for the first 2 * TLSM_EARLY_AGE_MS, since what came
 * just before the process began may come again. NULL: no memory, or a count of 0. */
struct tlsm_replay *tlsm_replay_new(size_t names, uint64_t now_ms, int keys_are_new);
void tlsm_replay_free(struct tlsm_replay *replay);   /* NULL is fine */

/* tlsm_replay_fresh: 1: `once` (of the request) never came before, and is remembered from now on; 0: it came, or that cannot be told.
 * now_ms: unix milliseconds, the present: the answer's now_ms too. Threads may call it at once. */
int tlsm_replay_fresh(struct tlsm_replay *replay, struct tlsm_bytes once, uint64_t now_ms);

/* tlsm_replay_time: unix milliseconds by the system's clock. */
uint64_t tlsm_replay_time(void);

TLSM_DECLARATIONS_END
#endif
