/* SPDX-License-Identifier: MIT */
/* What the parts of the benchmark share. A library is a row of functions; both do the same work in the same shape. */
#ifndef TLSM_BENCH_H
#define TLSM_BENCH_H

#include <stddef.h>
#include <stdint.h>

enum bench_end { BENCH_CLIENT, BENCH_SERVER };
enum { BENCH_WIRE = 65536 };               /* room for anything that is under way at once */

/* Files in PEM form, and the name that is in the server's certificate. */
struct bench_identity {
    char folder[64], anchor[96], chain[96], key[96];
    char name[32];
};

/* A pair is a client and a server that are connected to each other. */
struct bench_library {
    char name[8];
    int (*open)(const struct bench_identity *identity);   /* negative: it said on stderr why not */
    void (*shut)(void);
    void *(*connect)(void);                /* makes a pair and does the handshake; NULL when that fails */
    /* one record: sealed by `from` from `data`, carried over, opened by its peer; the peer's plaintext goes to *opened */
    int (*transfer)(void *pair, enum bench_end from, const uint8_t *data, size_t length, const uint8_t **opened);
    int (*close)(void *pair);              /* both close_notify alerts, both received; negative when it was not clean */
    void (*end)(void *pair, enum bench_end end);   /* frees one end, and the pair with the second */
    void (*forget_certificates)(void);     /* drops what is cached between connections; NULL: nothing is */
};
extern const struct bench_library bench_tlsm, bench_libssl;

/* bench_tlsm_room: the block each end of a tlsm handshake asks for when it is given the least at each time. Between open
 * and shut. Negative: the handshake failed. */
int bench_tlsm_room(size_t room[2]);

/* ------------------------------------------------------------------------------------------------ identity */

/* bench_identity_make: an ECDSA P-256 authority and a leaf of it, in a folder of their own. Negative: stderr says why. */
int bench_identity_make(struct bench_identity *identity);
void bench_identity_remove(const struct bench_identity *identity);

/* ------------------------------------------------------------------------------------------------ memory */

/* Heap bytes of one connection, client and server, everything libcrypto and libssl allocate for it included. */
struct bench_memory {
    size_t idle[2], peak[2];
};

/* bench_turn: whose allocations follow. Read by the counting allocator alone. */
extern enum bench_end bench_turn;

/* bench_measure_memory: in a child process, where libcrypto's allocator can still be replaced. Negative: it failed. */
int bench_measure_memory(const struct bench_library *library, struct bench_memory *memory);

#endif
