/* SPDX-License-Identifier: MIT */
/* A transport between two BIOs, in memory: two lanes that a test may block, bend, cut and break, and faults that strike at
 * the nth call. It outlives its BIOs. */
#ifndef TLSM_TEST_SSL_WIRE_H
#define TLSM_TEST_SSL_WIRE_H

#include <openssl/bio.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_LANE = 1 << 17 };
#define WIRE_ANY ((size_t)-1)

/* One direction: what a side wrote and the other has not read. */
struct wire_lane {
    uint8_t bytes[WIRE_LANE];
    size_t length;            /* that lie there */
    uint64_t written;         /* bytes, ever */
    size_t room;              /* bytes it takes before it blocks; WIRE_ANY: no limit of its own */
    size_t visible;           /* bytes its reader gets before it has to wait; WIRE_ANY: all */
    int ended;                /* its writer is gone: EOF behind the last byte */
    int refuses;              /* errno of every write; 0 none */
};

enum wire_trouble {
    WIRE_FINE,
    WIRE_FAIL,                /* this call fails, and every later one in its direction */
    WIRE_SHORT,               /* this call moves one byte */
    WIRE_RETRY,               /* this call has to be repeated */
    WIRE_STUCK,               /* this call has to be repeated, and so has every later one until wire_heal() */
    WIRE_EOF,                 /* this call returns 0 without a retry, and so does every later one in its direction */
    WIRE_SILENT,              /* as FAIL, without an errno */
    WIRE_TROUBLES
};

struct wire_fault {
    enum wire_trouble trouble;
    int writing;              /* strikes the BIO's writes, else its reads */
    unsigned nth;             /* call that it strikes, from 0 */
    unsigned calls;           /* so far */
    int hit;
};

struct wire {
    struct wire_lane lane[2]; /* lane[side] carries what that side writes */
    struct wire_end {
        struct wire *wire;
        int side;
        struct wire_fault fault;
    } end[2];
};

struct wire *wire_new(void);               /* NULL: no memory */
void wire_free(struct wire *wire);         /* after its BIOs */
BIO *wire_bio(struct wire *wire, int side);
void wire_heal(struct wire *wire);         /* the faults are over, struck or not */

/* wire_records: whole records that lie in a lane; the first `most` lengths, headers included, go to length[]. */
size_t wire_records(const struct wire_lane *lane, size_t length[], size_t most);

#endif
