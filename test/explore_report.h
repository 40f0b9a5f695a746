/* SPDX-License-Identifier: MIT */
/* What the walk found: rows against their reasons, the recorded numbers, one witness for each slot. */
#ifndef TLSM_EXPLORE_REPORT_H
#define TLSM_EXPLORE_REPORT_H

#include "explore_walk.h"
#include "sequence.h"

/* report_rows: each row of closing.def that says "cannot happen" must not have been taken, each other must. Prints those
 * that err, returns how many. Also folds the rows themselves into the digest. */
unsigned report_rows(struct walk *walk);

/* fold_rows: the rows themselves, as compiled. */
void fold_rows(struct hash *digest);

struct numbers {
    uint64_t states, transitions, cells, slots, shutdown_states;
    struct hash digest;
};
struct numbers report_numbers(const struct walk *walk);
void report_print(const struct walk *walk, const struct numbers *numbers);
/* report_record, report_compare: the file with the recorded numbers. Return 0, or 1 when it cannot be written or differs. */
int report_record(const char *path, const struct numbers *numbers);
int report_compare(const char *path, const struct numbers *numbers);

/* Witnesses: the first, so shortest, course to each slot. */
struct witness {
    uint8_t *bytes;
    size_t length;
};
struct witnesses {
    const struct walk *walk;
    struct witness of[STATECOV_SIZE];
};
/* witness_visit: a walk's `visited`; context is struct witnesses. */
void witness_visit(void *context, const struct visit *visit);
/* witness_keep: keeps a course to the slot, unless there is one. */
void witness_keep(struct witnesses *witnesses, unsigned slot, const uint8_t *bytes, size_t length);
/* witness_write: the fewest files that reach every slot, into folder/choice; slots into the file `slots` (either may be
 * NULL). Returns the number of files, or -1. */
int witness_write(struct witnesses *witnesses, const char *folder, const char *slots);
void witness_free(struct witnesses *witnesses);

/* corpus_write: inputs for the targets wire and chunking, into folder/wire and folder/chunking. 0, or -1. */
int corpus_write(const char *folder);

/* dot_visit, dot_print: the halves' moves as a graph for dot(1). */
void dot_visit(void *context, const struct visit *visit);
void dot_print(void);

/* walk_shutdown: the shutdown procedure against every way a transport can treat it. Returns 0, or the number of rules
 * broken; folds into the digest. With `witnesses` (may be NULL) keeps a course to every step that it takes; a step that no course
 * leads to counts as broken. */
unsigned walk_shutdown(struct hash *digest, uint64_t *states, struct witnesses *witnesses);

#endif
