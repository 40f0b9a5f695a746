/* SPDX-License-Identifier: MIT */
/* Two machines with the null provider, and a channel between them that splits, joins, delays, cuts at any byte, half-closes and
 * resets. Every step of either is checked as in a choice sequence; and beyond that what must hold between the two: what one
 * end hears is what the other said, and an end that reads "closed" has read all of it (I1, I2). */
#ifndef TLSM_PAIR_RUN_H
#define TLSM_PAIR_RUN_H

#include "check.h"

enum { PAIR_STEPS = 300 };

enum pair_command {
    /* by an end; those with a comment take a byte more */
    PAIR_OBLIGE, PAIR_PRODUCE, PAIR_PRODUCE_SHORT, PAIR_WRITE /* how much */, PAIR_WRITE_EARLY /* how much */, PAIR_CLOSE, PAIR_CLOSE_ONE_WAY,
    PAIR_WAIT, PAIR_ABORT /* the alert */, PAIR_ABANDON, PAIR_UPDATE, PAIR_UPDATE_ASK, PAIR_DEADLINE_SET, PAIR_DEADLINE, PAIR_ANSWER,
    PAIR_REFUSE /* which alert */, PAIR_TICKET, PAIR_ASK_CERTIFICATE, PAIR_EXPORT,
    /* by what lies between: towards the transport, through it, and out of it */
    PAIR_TAKE /* how much */, PAIR_REPORT /* how much */, PAIR_DELIVER /* how much */, PAIR_STEP, PAIR_STEP_SOME /* how much */,
    PAIR_HALF_CLOSE, PAIR_CUT /* behind how much */, PAIR_RESET, PAIR_SEND_FAILED, PAIR_VOUCH,
    /* by an attacker, who has no keys */
    PAIR_FLIP /* where */, PAIR_INJECT /* how much, and that many bytes */,
    PAIR_COMMANDS
};

/* pair_run: byte 0 picks the scene whose settings the client has, byte 1 the server's; bit 7 of byte 1: first they connect.
 * Every further byte is a command: bit 7 says which end, the rest which (enum pair_command). Any bytes are a run; nothing
 * survives it. Returns NULL, or what is broken. */
const char *pair_run(const uint8_t *bytes, size_t length);

#endif
