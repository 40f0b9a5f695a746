/* SPDX-License-Identifier: MIT */
/* What must hold of a step of closing_run.h, cheaply: from the control block and two totals before it, what went in, and what came out. */
#ifndef TLSM_CLOSING_CHECK_H
#define TLSM_CLOSING_CHECK_H

#include "closing_run.h"

struct closing_before {
    struct tlsm_control control;
    uint64_t produced, taken;
    uint16_t write_suite;     /* 0: there is no write key */
};

struct closing_step {
    const struct tlsm_in *in;
    const struct tlsm_out *out;
    enum tlsm_code code;
    int close_notify;         /* the input is the body of a close_notify that the peer sealed, whole and untouched */
};

void closing_before(const struct tlsm_state *state, struct closing_before *before);
/* closing_check: NULL, or what is broken. Keeps node->mark.watch. */
const char *closing_check(const struct closing_before *before, const struct closing_step *step, struct node *after);

#endif
