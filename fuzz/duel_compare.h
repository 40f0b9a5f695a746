/* SPDX-License-Identifier: MIT */
/* What two parties made of the same script, and whether it is the same. */
#ifndef TLSM_DUEL_COMPARE_H
#define TLSM_DUEL_COMPARE_H

#include "duel.h"

/* The entries of docs/differences.md that scripts can meet. */
enum duel_difference {
#define DIFFERENCE(name, ends, text) DIFFERENCE_##name,
#include "duel_difference.def"
#undef DIFFERENCE
    DIFFERENCES, NO_DIFFERENCE = DIFFERENCES, UNLISTED
};

/* What differs between two outcomes. */
enum {
    DIFFERS_RESULT = 1, DIFFERS_ERROR = 2, DIFFERS_FLAGS = 4, DIFFERS_PENDING = 8, DIFFERS_DIGEST = 16, DIFFERS_REPEATS = 32,
    DIFFERS_TAKEN = 64
};

/* What came before, as far as a difference depends on it. */
struct duel_past {
    int blocked_write;      /* SSL_write() said WANT_WRITE and was not repeated to its end */
    int updating;           /* SSL_key_update() was called, and nothing has sent it yet */
    int asked;              /* the far side asked for a key update */
    int eof, reset, writes_fail;
    int closing;            /* SSL_shutdown() was called */
    int flags;              /* SSL_get_shutdown() before this step */
    int told;               /* those that the application has set */
    int quiet;              /* SSL_shutdown() was quiet, if it was called */
    int alerted, forged;    /* a fatal alert was forged; anything was */
    int bad_level;          /* a close_notify of level 3 was */
    int older;              /* TLS 1.2 */
    int fatal_close, refusal, stray;   /* a close_notify of level fatal was, a no_renegotiation, a message or record of no use */
    int empty, garbage;     /* an empty record was; bytes that are no protected record */
    int updated;            /* SSL_key_update() was ever called */
    int failed;             /* a call ended in SSL_ERROR_SSL */
    int partial_write;      /* the mode */
    int ahead;              /* ours has sent earlier what both will have sent */
};

struct duel_pair {
    const struct duel_outcome *ours, *theirs;   /* of this step; all before it was the same, but for what is listed */
    struct duel_past past;
    unsigned differs;                           /* DIFFERS_… */
};

struct duel_verdict {
    enum duel_difference difference;   /* UNLISTED, the one that ended the comparison, or NO_DIFFERENCE */
    size_t step;                       /* where; past the last step: in what the far side saw at the end */
    const char *what;                  /* that was unlisted */
};

/* duel_compare: goes through both logs; counts each listed difference in used[]. */
struct duel_verdict duel_compare(const struct duel_log *ours, const struct duel_log *theirs, unsigned long used[DIFFERENCES]);
/* duel_listed: which entry explains that this step's outcomes differ; UNLISTED: none. */
enum duel_difference duel_listed(const struct duel_pair *pair);
/* duel_record_listed: the same of records. */
enum duel_difference duel_record_listed(const struct duel_record *ours, const struct duel_record *theirs, const struct duel_past *past);
/* duel_ends: nothing after it can be compared. */
int duel_ends(enum duel_difference difference);
const char *duel_difference_name(enum duel_difference difference);

#endif
