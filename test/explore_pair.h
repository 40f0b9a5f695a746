/* SPDX-License-Identifier: MIT */
/* Two machines and a channel between them that delays, cuts at any byte, half-closes and resets. */
#ifndef TLSM_EXPLORE_PAIR_H
#define TLSM_EXPLORE_PAIR_H

#include "explore_text.h"
#include "explore_walk.h"

enum { PAIR_CLIENT, PAIR_SERVER, PAIR_ENDS, PAIR_WIRE = 4096 };

/* From one end to the other: bytes produced and not yet given as whole records. */
struct way {
    uint16_t length, taken;      /* all; those the transport took */
    uint16_t given;              /* those of the first record that the receiver holds */
    uint8_t over, zero;          /* 1: nothing is given any more */
    uint8_t wire[PAIR_WIRE];
};

/* What is seen beside the machines. */
struct seen {
    uint8_t wrote[PAIR_ENDS];    /* bytes each end's application wrote */
    uint8_t got[PAIR_ENDS];      /* … and was given */
    uint8_t closed[PAIR_ENDS];   /* each end's close_notify was produced … */
    uint8_t wrote_then[PAIR_ENDS];   /* … after so many bytes */
    uint8_t ended[PAIR_ENDS];    /* each end was told that the peer's data is complete */
    uint8_t hostile;             /* faults: what no orderly course has of the transport, an end or a clock */
    uint8_t zero[5];
};

struct pair {
    struct seen seen;
    struct way way[PAIR_ENDS];   /* from that end */
    struct node end[PAIR_ENDS];
};

/* Two ends' settings, and how far the walk goes. */
struct pairing {
    const char *name;
    struct tlsm_settings settings[PAIR_ENDS];
    int handshake;               /* 1: from the start until both are connected; 0: from there */
};

enum pair_act {
#define ACT(name, text) PAIR_##name,
#include "explore_pair.def"
#undef ACT
    PAIR_ACTS
};

/* An act of one end; CUT has a number beside it. */
struct pair_do {
    uint8_t act, end;
    uint16_t bytes;
};

void pair_copy(struct pair *to, const struct pair *from);
/* pair_begin: both ends started; without pairing->handshake: and connected. NULL, or what is broken. */
const char *pair_begin(const struct pairing *pairing, struct pair *pair);
/* pair_apply: 1: done; 0: makes no sense here, and *pair is spoilt. */
int pair_apply(const struct pairing *pairing, struct pair *pair, struct pair_do what, const char **broken);
/* pair_cuts: so many bytes of the record that is on its way to this end can come and the rest not; 0 where nothing is read. */
unsigned pair_cuts(const struct pair *pair, unsigned end);
const char *pair_act_text(unsigned act);

/* pair_check: the rules that hold of any pair. NULL, or the one that is broken. */
const char *pair_check(const struct pair *pair);
/* explore_pairs: walks every pairing, with at most so many faults in a course; says what was found. 0, or 1 where a rule is broken. */
int explore_pairs(struct text *text, unsigned faults, struct hash *digest);

#endif
