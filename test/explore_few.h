/* SPDX-License-Identifier: MIT */
/* A few scenes for where the whole walk takes too long: each with numbers of its own, neither framed nor counted deep. */
#ifndef TLSM_EXPLORE_FEW_H
#define TLSM_EXPLORE_FEW_H

#include "explore_text.h"
#include "explore_walk.h"

/* explore_few: walks the scenes whose names the recorded file has at the ends of its lines, and the closing table; says what was found.
 * 0, or 1 where a rule is broken or the file cannot be read. */
int explore_few(struct text *text, const char *recorded, struct hash *digest);

#endif
