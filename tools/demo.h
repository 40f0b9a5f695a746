/* SPDX-License-Identifier: MIT */
/* The demonstration: pairings × endings; a cell says what was expected and what came. */
#ifndef TLSM_DEMO_H
#define TLSM_DEMO_H

#include "endpoint.h"

enum demo_ending {
    DEMO_TWO_WAY, DEMO_HALF_CLOSE, DEMO_IN_FLIGHT, DEMO_GONE_BOUNDARY, DEMO_GONE_INSIDE, DEMO_ALERT, DEMO_DEADLINE,
    DEMO_ENDINGS
};
enum demo_pairing {
    DEMO_MEMORY, DEMO_BIO,                                         /* in this process: demo_near.c */
    DEMO_OURS, DEMO_S_SERVER, DEMO_S_CLIENT, DEMO_CURL,            /* over TCP, in processes of their own: demo_far.c */
    DEMO_PAIRINGS
};

enum { DEMO_BYTES = 200000 };    /* what flows back after a half-close */

struct demo_cell {
    const char *unreachable;     /* why this pairing cannot reach this ending; NULL: it can */
    char got[96];                /* "clean_both", "truncated (body)" */
    char trouble[256];           /* what went wrong around it; empty: nothing */
};

/* The folder with ca.pem, leaf.pem, leaf.key, config, and the page "big". */
struct demo {
    const char *program;         /* this program, to be started again */
    char folder[256];
};

/* Each fills the cell; the caller compares. */
void demo_near(const struct demo *demo, enum demo_pairing pairing, enum demo_ending ending, struct demo_cell *cell);
void demo_far(const struct demo *demo, enum demo_pairing pairing, enum demo_ending ending, struct demo_cell *cell);

/* demo_run: runs a command in the folder, its output dropped; 0 when it succeeded. */
int demo_run(const struct demo *demo, const char *const arguments[]);

#endif
