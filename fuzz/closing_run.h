/* SPDX-License-Identifier: MIT */
/* The closing machine alone, as fast as it goes: a byte picks where a connection stands, every further byte is an event (closing_event.def),
 * which is one real tlsm_step() in place, or two for a record: its header and its body. What the choice sequences (sequence.h) do to
 * every step and is left out here: the second run, the smaller rooms, our records opened with their key. What is kept: the verdict
 * and its code, I1, I3, I4, I5, I9, I10 and the totals of every step, told from what went in and what came out and not by the
 * machine's tables (closing_check.c); tlsm_invariant() where the events end; and that the course comes to an end: by an obedient caller's
 * next steps if the first byte says so, else abandoned, which is one step. (test/closing_search.c obeys from every state it finds.)
 *
 * The peer's records are sealed once, under the first sequence number: after each, the read key is put back to it. */
#ifndef TLSM_CLOSING_RUN_H
#define TLSM_CLOSING_RUN_H

#include "scene.h"

enum {
    CLOSING_EVENTS_MAX = 12,   /* of an input; what is behind them is not read */
    CLOSING_OBEYS = 128,       /* a bit of the first byte: the course is led to its end; else it is abandoned */
    CLOSING_WIRE = 4096
};

enum closing_event {
#define COMMAND(name, kind, field, value, text) CLOSING_##name,
#define WRITING(name, early, text) CLOSING_##name,
#define SENT(name, how, text) CLOSING_##name,
#define ANSWER(name, operation, text) CLOSING_##name,
#define RECORD(name, operation, text) CLOSING_##name,
#define MADE(name, operation, text) CLOSING_##name,
#define HEADER(name, length, text) CLOSING_##name,
#include "closing_event.def"
    CLOSING_EVENTS
};

/* A run at one moment. Copy it with closing_copy(). */
struct closing_course {
    struct node node;                 /* its mark.watch is what the oracle saw */
    enum tlsm_code code;              /* of the last step */
    unsigned steps;
    /* tlsm_step(), or one with a fault in it, whom the oracle must find. */
    enum tlsm_code (*step)(const struct tlsm_config *config, const struct tlsm_state *state, const struct tlsm_in *in,
                           struct tlsm_state *next, struct tlsm_out *out);
};

/* closing_prepare: once, before all else; the second call does nothing. closing_roots: how many there are, at most CLOSING_OBEYS. */
void closing_prepare(void);
unsigned closing_roots(void);
/* closing_begin: the course stands at a root. closing_event: one event, with every check. closing_end: an obedient caller
 * comes to its end. NULL, or what is broken. closing_over: nothing can happen any more. */
void closing_begin(struct closing_course *course, uint8_t root);
const char *closing_event(struct closing_course *course, uint8_t event);
const char *closing_end(struct closing_course *course);
int closing_over(const struct closing_course *course);
void closing_copy(struct closing_course *to, const struct closing_course *from);
const char *closing_event_text(unsigned event);

/* closing_run: a whole input. closing_must: for fuzz targets: aborts with a word if anything is broken. Both return the steps
 * taken; `broken` becomes NULL, or what is broken. */
unsigned closing_run(const uint8_t *bytes, size_t length, const char **broken);
unsigned closing_must(const uint8_t *bytes, size_t length);
/* closing_run_with: with another tlsm_step(). */
unsigned closing_run_with(const uint8_t *bytes, size_t length, const char **broken,
                          enum tlsm_code (*step)(const struct tlsm_config *config, const struct tlsm_state *state,
                                                 const struct tlsm_in *in, struct tlsm_state *next, struct tlsm_out *out));

#endif
