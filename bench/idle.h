/* SPDX-License-Identifier: MIT */
/* Many established connections held at once, and what each of them takes. */
#ifndef TLSM_IDLE_H
#define TLSM_IDLE_H

#include <stddef.h>
#include <stdint.h>

#include "bench.h"

struct idle_options {
    const char *library, *version, *ends, *json;
    size_t connections, sample, keys;
    int tls12;
    int held[2];                           /* by enum bench_end: every one of these ends is held; else those of the sample */
};

/* What holds the connections. A pair is a client and a server that are connected to each other, known by its number. */
struct idle_library {
    char name[8];
    const char *words;                     /* what it is that holds a connection */
    int has_target;
    int (*open)(const struct idle_options *options, const struct bench_identity *identity);
    /* the handshake of pair `number`, and a record each way; the ends of it that are not held are dropped. 0, or negative */
    int (*connect)(size_t number);
    /* drops what only makes the next connection faster: on all sides, or on those that do not hold their ends */
    void (*settle)(int all);
    /* a record each way and a two-way close. 0 when both arrived and both ends say that it was clean */
    int (*prove)(size_t number);
    void (*drop)(size_t number);           /* what is held of a pair; once */
    void (*shut)(void);
    /* bytes of one held end: [0] of its TLS state, [1] of what an adapter adds. 0: not known */
    void (*bytes)(size_t bytes[2]);
    size_t (*fixed)(void);                 /* bytes of the provider's instances of the sides that are held */
};
extern const struct idle_library idle_tlsm, idle_link, idle_libssl;

/* idle_keeps: 1: pair `number` keeps this end. */
int idle_keeps(const struct idle_options *options, size_t number, enum bench_end end);
/* idle_place, idle_places: where it is kept, and how many places there are: one more, of number options->connections, is for
 * warming up. */
size_t idle_place(const struct idle_options *options, size_t number, enum bench_end end);
size_t idle_places(const struct idle_options *options, enum bench_end end);

/* idle_counted: bytes that libcrypto, and what allocates through it, hold now. */
size_t idle_counted(void);

/* ------------------------------------------------------------------------------------------------ ours, with either holder */

struct idle_endpoints {
    struct tlsm_config *config[2];
    struct tlsm_libcrypto_answerer *answerer[2];
    const char *name;
};
/* idle_open_endpoints: settings, provider, judge and credential of both sides; one of each. 0, or negative. */
int idle_open_endpoints(const struct idle_options *options, const struct bench_identity *identity, struct idle_endpoints *endpoints);
void idle_settle_endpoints(int all);
void idle_shut_endpoints(void);
size_t idle_fixed_endpoints(void);

#endif
