/* SPDX-License-Identifier: MIT */
/* What two parties made of the same script, and whether it is the same. */
#ifndef TLSM_DUEL_COMPARE_H
#define TLSM_DUEL_COMPARE_H

#include "duel.h"

/* The entries of docs/differences.md that the harness knows. */
enum duel_difference {
#define DIFFERENCE(name, ends, text) DIFFERENCE_##name,
#include "duel_difference.def"
#undef DIFFERENCE
    DIFFERENCES, NO_DIFFERENCE = DIFFERENCES, UNLISTED
};

/* Both logs; `step` is the one that is looked at: all before it was the same, but for what is listed. */
struct duel_pair {
    const struct duel_log *ours, *theirs;
    size_t step;
};

struct duel_verdict {
    enum duel_difference difference;   /* UNLISTED, the one that ended the comparison, or NO_DIFFERENCE */
    size_t step;                       /* where; past the last step: in what the far side saw at the end */
    const char *what;                  /* that was unlisted */
};

/* duel_compare: goes through both logs; counts each listed difference once in used[]. */
struct duel_verdict duel_compare(const struct duel_log *ours, const struct duel_log *theirs, unsigned long used[DIFFERENCES]);
/* duel_listed: which entry explains that this step's outcomes differ; UNLISTED: none. */
enum duel_difference duel_listed(const struct duel_pair *pair);
/* duel_ends: nothing after it can be compared. */
int duel_ends(enum duel_difference difference);
const char *duel_difference_name(enum duel_difference difference);

#endif
