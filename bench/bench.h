/* SPDX-License-Identifier: MIT */
/* What the parts of the benchmark share. A library is a row of functions; all do the same work in the same shape: client and server
 * in one thread, bytes through memory. */
#ifndef TLSM_BENCH_H
#define TLSM_BENCH_H

#include <stddef.h>
#include <stdint.h>

enum bench_end { BENCH_CLIENT, BENCH_SERVER };
enum bench_version { BENCH_TLS13, BENCH_TLS12, BENCH_VERSIONS };
enum bench_kind { BENCH_FULL, BENCH_RESUMED };
enum { BENCH_WIRE = 65536 };               /* room for anything that is under way at once */
enum { BENCH_13 = 1 << BENCH_TLS13, BENCH_12 = 1 << BENCH_TLS12, BENCH_BOTH = BENCH_13 | BENCH_12 };

/* Files in PEM form, and the name that is in the server's certificate. `long_chain`: another leaf with the same key and name, and two
 * intermediates, some 5 KB in all. */
struct bench_identity {
    char folder[64], anchor[96], chain[96], long_chain[96], key[96];
    char name[32];
};

/* A pair is a client and a server that are connected to each other. Every function is called between open() and shut(), and these two
 * once for each version that is measured. Negative, or NULL: it failed, and stderr says why. */
struct bench_library {
    char name[16], key[16];                /* at the head of a column, and in JSON */
    unsigned versions;                     /* BENCH_13, BENCH_12: what it speaks */
    const char *(*release)(void);          /* which one this is, as it says at run time */
    int (*open)(const struct bench_identity *identity, enum bench_version version);
    void (*shut)(void);
    /* makes a pair and does the handshake; BENCH_RESUMED: with the session that prime() left */
    void *(*connect)(enum bench_kind kind);
    int (*prime)(void);                    /* a full handshake that leaves a session; NULL: it does not resume here */
    /* one record: sealed by `from` from `data`, carried over, opened by its peer; the peer's plaintext goes to *opened */
    int (*transfer)(void *pair, enum bench_end from, const uint8_t *data, size_t length, const uint8_t **opened);
    void (*busy)(void *pair);              /* what a program sets that knows of many records to come; NULL: there is no such thing */
    int (*close)(void *pair);              /* both close_notify alerts, both received; negative when it was not clean */
    void (*end)(void *pair, enum bench_end end); /* frees one end: the client first, the pair with the server */
    int (*make)(void);                     /* a client that has sent nothing, and freed again; NULL: there is no such thing */
    int (*refuse)(const uint8_t *bytes, size_t length);   /* a server whose first flight this is, refused, and freed; negative: it was not */
    void (*forget_certificates)(void);     /* drops what is cached between connections; NULL: nothing is */
};
extern const struct bench_library bench_floor, bench_tlsm, bench_link, bench_libssl, bench_libssl_pair, bench_gnutls, bench_mbedtls,
                                  bench_wolfssl, bench_bearssl;

/* Of a TLS 1.3 handshake of tlsm that is given the least at each time, client and server: the block it asks for; that of one with the
 * long chain; and in that one the largest records of both, which is what a program's two buffers must hold. */
struct bench_room {
    size_t state[2], long_state[2], long_buffers;
};
/* bench_tlsm_room: between open and shut. Negative: a handshake failed. */
int bench_tlsm_room(const struct bench_identity *identity, struct bench_room *room);

/* ------------------------------------------------------------------------------------------------ identity */

/* bench_identity_make: an ECDSA P-256 authority and a leaf of it, in a folder of their own. Negative: stderr says why. */
int bench_identity_make(struct bench_identity *identity);
void bench_identity_remove(const struct bench_identity *identity);

/* ------------------------------------------------------------------------------------------------ memory */

/* Of one connection, client and server: heap bytes, whoever allocates them; and how often something is allocated, in a handshake, and
 * for a record of 1 KiB that is sealed, carried over and opened. `idle` is one of BENCH_HELD, so that a cache which they share counts by
 * its share. */
enum { BENCH_HELD = 1000 };
struct bench_memory {
    size_t idle[2], peak[2], allocations[2], per_record;
};

/* bench_turn: whose allocations follow. Read by the counting allocator alone. */
extern enum bench_end bench_turn;

/* bench_measure_memory: in a child process. Negative: it failed. */
int bench_measure_memory(const struct bench_library *library, const struct bench_identity *identity, enum bench_version version,
                         struct bench_memory *memory);

#endif
