/* SPDX-License-Identifier: MIT */
/* States of every kind: the roots of all scenes, and what a few operations make of them; one of each shape. For tests that
 * change what is written in a state. */
#ifndef TLSM_STATE_POOL_H
#define TLSM_STATE_POOL_H

#include "scene.h"

/* pool_fill: deterministic; the second call does nothing. Aborts where an operation breaks a rule. */
void pool_fill(void);
size_t pool_count(void);
/* pool_at: a state that tlsm_invariant() calls good. It lies at the start of its node's block, and the rest of that is zero. */
const struct node *pool_at(size_t index);

#endif
