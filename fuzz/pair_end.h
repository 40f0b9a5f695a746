/* SPDX-License-Identifier: MIT */
/* One end of a pair, the bytes around it, and what it said and heard. */
#ifndef TLSM_PAIR_END_H
#define TLSM_PAIR_END_H

#include "check.h"

enum { PAIR_OUT = 2 * SCENE_WIRE, PAIR_IN = 80000 };

struct pair_end {
    struct node node;
    uint8_t out[PAIR_OUT];       /* produced; the first `taken` of it the transport has, and they are reported later */
    size_t out_length, taken;
    uint8_t way[PAIR_IN];        /* under way to the other end */
    size_t way_length;
    int way_shut, way_reset;     /* behind the last byte of it */
    uint8_t in[PAIR_IN];         /* arrived, not consumed */
    size_t in_length;
    int in_ended;                /* the machine was told of the end */
    uint64_t said[2], heard[2];  /* application bytes: [1] as early data */
    int vouches;
};

struct pair_ends {
    struct pair_end end[2];      /* the client; the server */
    int excused;                 /* something happened after which not everything must end well */
    int attacked;                /* bytes came that no end had sent */
    unsigned provoked;           /* records that may come only so many times in a row */
    int connected;               /* both were, at the same time */
};

/* pair_begin: neither is started. */
void pair_begin(struct pair_ends *pair, size_t client_scene, size_t server_scene);
/* The calls below return NULL, or what is broken. pair_step: one checked step, and what must hold between the two. `consumed` may be NULL. */
const char *pair_step(struct pair_ends *pair, int who, const struct tlsm_in *in, size_t room, enum tlsm_code *code, size_t *consumed);
const char *pair_command(struct pair_ends *pair, int who, enum tlsm_in_kind kind);
const char *pair_start(struct pair_ends *pair, int who);
const char *pair_write(struct pair_ends *pair, int who, size_t length, int early);
const char *pair_answer(struct pair_ends *pair, int who, uint8_t refusal);
/* pair_take: the transport takes up to so many bytes; pair_report: up to so many of these are reported as sent. */
void pair_take(struct pair_ends *pair, int who, size_t most);
const char *pair_report(struct pair_ends *pair, int who, size_t most);
/* pair_deliver: up to so many bytes arrive at `who`. pair_feed: the machine is shown up to so many of those that have arrived, and the end behind the
 * last of them. */
void pair_deliver(struct pair_ends *pair, int who, size_t most);
const char *pair_feed(struct pair_ends *pair, int who, size_t most);
/* pair_oblige: all that its needs name, on a transport that takes and brings all. *moved: something was done. */
const char *pair_oblige(struct pair_ends *pair, int who, int *moved);
/* pair_settle: both oblige each other to the end. */
const char *pair_settle(struct pair_ends *pair);

#endif
