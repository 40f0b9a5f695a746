/* SPDX-License-Identifier: MIT */
/* Lanes in memory behind a BIO_METHOD. */
#include "ssl_wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ faults */

/* 1: the fault decides this call, *result is what it returns. 0: the call goes on, with at most *most bytes. */
static int struck(BIO *bio, struct wire_fault *fault, int writing, int *most, int *result)
{
    const unsigned call = fault->calls;
    if (fault->trouble == WIRE_FINE || fault->writing != writing)
        return 0;
    fault->calls++;
    if (call < fault->nth || (call > fault->nth && (fault->trouble == WIRE_SHORT || fault->trouble == WIRE_RETRY)))
        return 0;
    fault->hit = 1;
    *result = -1;
    switch (fault->trouble) {
    case WIRE_FAIL: errno = writing ? EPIPE : ECONNRESET; return 1;
    case WIRE_SILENT: errno = 0; return 1;
    case WIRE_EOF: *result = 0; return 1;
    case WIRE_SHORT: *most = *most > 1 ? 1 : *most; return 0;
    case WIRE_RETRY: case WIRE_STUCK:
        BIO_set_flags(bio, (writing ? BIO_FLAGS_WRITE : BIO_FLAGS_READ) | BIO_FLAGS_SHOULD_RETRY);
        return 1;
    case WIRE_FINE: case WIRE_TROUBLES: break;
    }
    return 0;
}

void wire_heal(struct wire *wire)
{
    wire->end[0].fault.trouble = wire->end[1].fault.trouble = WIRE_FINE;
}

/* ------------------------------------------------------------------------------------------------ the calls of a BIO */

static int smaller(int length, size_t bound) { return bound < (size_t)length ? (int)bound : length; }

static int wire_write(BIO *bio, const char *from, int length)
{
    struct wire_end *const end = BIO_get_data(bio);
    struct wire_lane *const lane = &end->wire->lane[end->side];
    int most = smaller(smaller(length, lane->room), WIRE_LANE - lane->length), result;
    BIO_clear_retry_flags(bio);
    if (struck(bio, &end->fault, 1, &most, &result))
        return result;
    if (lane->refuses != 0) {
        errno = lane->refuses;
        return -1;
    }
    if (most <= 0) {
        BIO_set_retry_write(bio);
        return -1;
    }
    memcpy(lane->bytes + lane->length, from, (size_t)most);
    lane->length += (size_t)most;
    lane->written += (size_t)most;
    lane->room -= lane->room != WIRE_ANY ? (size_t)most : 0;
    return most;
}

static int wire_read(BIO *bio, char *to, int room)
{
    struct wire_end *const end = BIO_get_data(bio);
    struct wire_lane *const lane = &end->wire->lane[!end->side];
    int most = smaller(smaller(room, lane->visible), lane->length), result;
    BIO_clear_retry_flags(bio);
    if (struck(bio, &end->fault, 0, &most, &result))
        return result;
    if (most <= 0 && lane->ended && lane->length == 0)
        return 0;
    if (most <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, lane->bytes, (size_t)most);
    lane->length -= (size_t)most;
    lane->visible -= lane->visible != WIRE_ANY ? (size_t)most : 0;
    memmove(lane->bytes, lane->bytes + most, lane->length);
    return most;
}

static int at_end(const struct wire_end *end)
{
    const struct wire_lane *const lane = &end->wire->lane[!end->side];
    const struct wire_fault *const fault = &end->fault;
    return (lane->ended && lane->length == 0) || (fault->trouble == WIRE_EOF && !fault->writing && fault->hit);
}

static long wire_ctrl(BIO *bio, int command, long number, void *pointer)
{
    const struct wire_end *const end = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_FLUSH)
        return 1;
    if (command == BIO_CTRL_EOF)
        return at_end(end);
    return 0;
}

static int wire_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

/* ------------------------------------------------------------------------------------------------ birth and death */

static BIO_METHOD *method;

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "test wire");
    if (method == NULL || BIO_meth_set_write(method, wire_write) != 1 || BIO_meth_set_read(method, wire_read) != 1 ||
        BIO_meth_set_ctrl(method, wire_ctrl) != 1 || BIO_meth_set_create(method, wire_create) != 1)
        abort();
}

struct wire *wire_new(void)
{
    struct wire *wire = calloc(1, sizeof *wire);
    for (int side = 0; wire != NULL && side < 2; side++) {
        wire->lane[side].room = wire->lane[side].visible = WIRE_ANY;
        wire->end[side].wire = wire;
        wire->end[side].side = side;
    }
    return wire;
}

void wire_free(struct wire *wire) { free(wire); }

BIO *wire_bio(struct wire *wire, int side)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    BIO *bio;
    (void)pthread_once(&once, make_method);
    bio = BIO_new(method);
    if (bio != NULL)
        BIO_set_data(bio, &wire->end[side]);
    return bio;
}

size_t wire_records(const struct wire_lane *lane, size_t length[], size_t most)
{
    size_t count = 0;
    for (size_t at = 0; at + 5 <= lane->length; count++) {
        const size_t whole = 5 + ((size_t)lane->bytes[at + 3] << 8 | lane->bytes[at + 4]);
        if (whole > lane->length - at)
            break;
        if (count < most)
            length[count] = whole;
        at += whole;
    }
    return count;
}
