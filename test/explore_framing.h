/* SPDX-License-Identifier: MIT */
/* Framing to its last state: every byte at each place of a header, every length, every number of body bytes held, from every sort of
 * state that a scene reaches. */
#ifndef TLSM_EXPLORE_FRAMING_H
#define TLSM_EXPLORE_FRAMING_H

#include "explore_text.h"
#include "explore_walk.h"

/* explore_framing: says what was found: for each sort of state which records may come, and how long. With `all` every number of bytes
 * held of every length, for one of each sort; else the first and the last, which gives the same digest. 0, or 1 where a rule is broken. */
int explore_framing(struct text *text, int all, struct hash *digest);

#endif
