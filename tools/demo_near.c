/* SPDX-License-Identifier: MIT */
/* Pairings in this process: two machines over a transport in memory, and over BIO pairs with a tampering pump between. */
#define _DEFAULT_SOURCE

#include "demo.h"

#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "tlsm_bio.h"
#include "tlsm_memory.h"
#include "tool.h"

enum { CHUNK = 8192, ROUNDS = 100000, US = 0, PEER = 1, INSIDE = 100 };

/* What one end still has to do, and what it saw. */
struct actor {
    size_t to_write, written, seen;
    int closes;                     /* ends its half once all is written */
    int closes_after_peer;          /* … and the peer's half has ended */
    int closed, peer_ended, over;
    int deaf;                       /* reads nothing */
};
struct near {
    enum demo_pairing pairing;
    struct endpoint endpoint[2];
    struct tlsm_config config[2];
    struct tlsm_memory memory;
    struct tlsm_bio *bio[2];
    BIO *inner[2];                  /* the pump's ends of the two BIO pairs */
    struct filter filter[2];        /* filter[i]: of what end i sends */
    int shut[2];
    struct actor actor[2];
};

static struct tlsm_link *link_of(struct near *near, int side)
{
    return near->pairing == DEMO_MEMORY ? &near->memory.end[side] : &near->bio[side]->link;
}

/* ------------------------------------------------------------------------------------------------ making the two ends */

static int open_endpoints(struct near *near, const struct demo *demo)
{
    struct options options;
    char ca[300], cert[300], key[300];
    tool_text(ca, sizeof ca, "%s/ca.pem", demo->folder);
    tool_text(cert, sizeof cert, "%s/leaf.pem", demo->folder);
    tool_text(key, sizeof key, "%s/leaf.key", demo->folder);
    memset(&options, 0, sizeof options);
    options.budget = OPTIONS_NEVER;
    options.ca = ca;
    options.cert.at[0] = cert;
    options.key.at[0] = key;
    options.cert.count = options.key.count = 1;
    if (endpoint_open(&near->endpoint[US], &options, TLSM_CLIENT) != 0 ||
        endpoint_open(&near->endpoint[PEER], &options, TLSM_SERVER) != 0)
        return -1;
    near->config[US] = near->endpoint[US].config;
    near->config[PEER] = near->endpoint[PEER].config;
    return 0;
}

static void hook(struct near *near, int side, struct tlsm_link_options *options)
{
    memset(options, 0, sizeof *options);
    options->hooks.answer = tlsm_libcrypto_answer;
    options->hooks.context = &near->endpoint[side].answerer;
}

static int open_memory(struct near *near)
{
    struct tlsm_memory_options options;
    struct tlsm_entropy entropy[2];
    int done;
    memset(&options, 0, sizeof options);
    for (int side = 0; side < 2; side++) {
        hook(near, side, &options.link[side]);
        options.pipe[side].capacity = 2 * CHUNK;
        if (tlsm_libcrypto_entropy(&entropy[side]) != 0)
            return -1;
    }
    done = tlsm_memory_init(&near->memory, near->config, &options);
    if (done == TLSM_IO_DONE)
        done = tlsm_memory_start(&near->memory, entropy, "localhost");
    explicit_bzero(entropy, sizeof entropy);
    return done == TLSM_IO_DONE ? 0 : -1;
}

static int open_bio(struct near *near)
{
    for (int side = 0; side < 2; side++) {
        struct tlsm_link_options options;
        BIO *outer = NULL;
        hook(near, side, &options);
        if (BIO_new_bio_pair(&outer, 0, &near->inner[side], 0) != 1)
            return -1;
        near->bio[side] = tlsm_bio_new_with(&near->config[side], outer, outer, &options);
        if (near->bio[side] == NULL)
            return -1;
    }
    return 0;
}

static void close_near(struct near *near)
{
    if (near->pairing == DEMO_MEMORY)
        tlsm_memory_free(&near->memory);
    for (int side = 0; side < 2; side++) {
        tlsm_bio_free(near->bio[side]);
        BIO_free(near->inner[side]);
        endpoint_close(&near->endpoint[side]);
    }
}

/* ------------------------------------------------------------------------------------------------ the transport */

/* From end `side` to the other, through the filter. 1: something moved. */
static int pump(struct near *near, int side)
{
    uint8_t bytes[CHUNK];
    BIO *to = near->inner[1 - side];
    const size_t room = BIO_ctrl_get_write_guarantee(to);
    size_t pass;
    int got;
    if (near->shut[side] || room == 0)
        return 0;
    got = BIO_read(near->inner[side], bytes, (int)(room < sizeof bytes ? room : sizeof bytes));
    if (got <= 0)
        return 0;
    pass = filter_pass(&near->filter[side], bytes, (size_t)got);
    if (pass > 0)
        (void)BIO_write(to, bytes, (int)pass);
    if (pass < (size_t)got) {
        near->shut[side] = 1;
        (void)BIO_shutdown_wr(to);
    }
    return 1;
}

static int turn(struct near *near)
{
    int moved = 0;
    for (int side = 0; side < 2; side++)
        moved |= near->pairing == DEMO_MEMORY ? tlsm_memory_turn(&near->memory, side) : pump(near, side);
    return moved;
}

/* ------------------------------------------------------------------------------------------------ the calls of an end */

static int handshake(struct near *near, int side)
{
    if (near->pairing == DEMO_MEMORY)
        return tlsm_memory_handshake(&near->memory, side);
    return side == US ? tlsm_bio_connect(near->bio[side], "localhost") : tlsm_bio_accept(near->bio[side]);
}

static ptrdiff_t put(struct near *near, int side, const void *bytes, size_t length)
{
    return near->pairing == DEMO_MEMORY ? tlsm_memory_write(&near->memory, side, bytes, length)
                                        : tlsm_bio_write(near->bio[side], bytes, length);
}

static ptrdiff_t get(struct near *near, int side, void *bytes, size_t room)
{
    return near->pairing == DEMO_MEMORY ? tlsm_memory_read(&near->memory, side, bytes, room)
                                        : tlsm_bio_read(near->bio[side], bytes, room);
}

static void flush(struct near *near, int side)
{
    if (near->pairing == DEMO_BIO)
        (void)tlsm_bio_flush(near->bio[side]);
}

/* ------------------------------------------------------------------------------------------------ acting */

/* 1: something happened. */
static int act_write(struct near *near, int side)
{
    struct actor *actor = &near->actor[side];
    uint8_t bytes[CHUNK];
    const size_t length = actor->to_write - actor->written < CHUNK ? actor->to_write - actor->written : CHUNK;
    ptrdiff_t count;
    if (length > 0) {
        memset(bytes, 'x', length);
        count = put(near, side, bytes, length);
        actor->written += count > 0 ? (size_t)count : 0;
        return count > 0;
    }
    if (!actor->closes || actor->closed || (actor->closes_after_peer && !actor->peer_ended))
        return 0;
    actor->closed = 1;
    (void)tlsm_link_end(link_of(near, side), 0);
    return 1;
}

static int act_read(struct near *near, int side)
{
    struct actor *actor = &near->actor[side];
    uint8_t bytes[CHUNK];
    ptrdiff_t count;
    if (actor->deaf || actor->peer_ended || actor->over)
        return 0;
    count = get(near, side, bytes, sizeof bytes);
    actor->seen += count > 0 ? (size_t)count : 0;
    actor->peer_ended = count == TLSM_IO_END;
    actor->over = count == TLSM_IO_ENDED;
    return count >= 0 || actor->over;
}

/* Both act and the transport moves, until nothing does. */
static void settle(struct near *near)
{
    int moved = 1;
    for (int round = 0; moved && round < ROUNDS; round++) {
        moved = 0;
        for (int side = 0; side < 2; side++) {
            moved |= act_write(near, side) | act_read(near, side);
            flush(near, side);
        }
        moved |= turn(near);
    }
}

static int connected(struct near *near)
{
    for (int round = 0; round < ROUNDS; round++) {
        const int us = handshake(near, US), peer = handshake(near, PEER);
        if (us == TLSM_IO_DONE && peer == TLSM_IO_DONE)
            return 1;
        if (!turn(near) && us != TLSM_IO_DONE && us != TLSM_IO_WANT_READ && us != TLSM_IO_WANT_WRITE)
            return 0;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the endings */

static void say_close(struct near *near, int side)
{
    near->actor[side].closes = 1;
    settle(near);
}

/* The peer writes one record that arrives; of the next only `inside` bytes do. */
static void be_gone(struct near *near, uint64_t inside)
{
    near->actor[PEER].to_write = 1000;
    settle(near);
    if (near->pairing == DEMO_MEMORY) {
        near->memory.pipe[PEER].cut_at = near->memory.pipe[PEER].taken + inside;
    } else {
        near->filter[PEER].act = ACT_CUT;
        near->filter[PEER].record = near->filter[PEER].seen + 1;
        near->filter[PEER].inside = inside;
    }
    near->actor[PEER].to_write += 5000;
    settle(near);
}

static void spoil_a_record(struct near *near)
{
    static const uint8_t garbage[5 + 32] = { 23, 3, 3, 0, 32 };
    if (near->pairing == DEMO_MEMORY) {
        (void)tlsm_memory_inject(&near->memory, US, garbage, sizeof garbage);
    } else {
        near->filter[US].act = ACT_FLIP;
        near->filter[US].record = near->filter[US].seen + 1;
        near->actor[US].to_write = 100;
    }
    settle(near);
}

static void play(struct near *near, enum demo_ending ending)
{
    struct actor *us = &near->actor[US], *peer = &near->actor[PEER];
    switch (ending) {
    case DEMO_TWO_WAY:          /* the peer closes after its answer, then we */
        us->closes = us->closes_after_peer = 1;
        peer->to_write = 1000;
        say_close(near, PEER);
        break;
    case DEMO_HALF_CLOSE:       /* we close; only then the peer sends, then it closes */
        say_close(near, US);
        peer->to_write = DEMO_BYTES;
        say_close(near, PEER);
        break;
    case DEMO_IN_FLIGHT:        /* the pipes are full of the peer's data when we close */
        us->deaf = 1;
        peer->to_write = DEMO_BYTES;
        settle(near);
        (void)tlsm_link_end(link_of(near, US), 0);
        us->closed = 1;
        us->deaf = 0;
        say_close(near, PEER);
        break;
    case DEMO_GONE_BOUNDARY:
        be_gone(near, 0);
        break;
    case DEMO_GONE_INSIDE:
        be_gone(near, INSIDE);
        break;
    case DEMO_ALERT:
        spoil_a_record(near);
        break;
    case DEMO_DEADLINE:
        (void)tlsm_link_deadline_set(link_of(near, US));
        settle(near);
        (void)tlsm_link_deadline(link_of(near, US));
        break;
    case DEMO_ENDINGS:
        break;
    }
    if (near->actor[US].over)   /* nothing more will come: we close too */
        say_close(near, US);
}

static void judge(struct near *near, enum demo_ending ending, struct demo_cell *cell)
{
    const int flows = ending == DEMO_HALF_CLOSE || ending == DEMO_IN_FLIGHT;
    struct tlsm_verdict verdict;
    tlsm_verdict(link_of(near, US)->state, &verdict);
    if (verdict.place == TLSM_PLACE_NONE)
        tool_text(cell->got, sizeof cell->got, "%s", tlsm_how_name(verdict.how));
    else
        tool_text(cell->got, sizeof cell->got, "%s (%s)", tlsm_how_name(verdict.how), tlsm_place_name(verdict.place));
    if (flows && near->actor[US].seen != DEMO_BYTES)
        tool_text(cell->trouble, sizeof cell->trouble, "%zu of %d bytes came", near->actor[US].seen, (int)DEMO_BYTES);
}

void demo_near(const struct demo *demo, enum demo_pairing pairing, enum demo_ending ending, struct demo_cell *cell)
{
    struct near *near = calloc(1, sizeof *near);
    if (near == NULL) {
        tool_text(cell->trouble, sizeof cell->trouble, "out of memory");
        return;
    }
    near->pairing = pairing;
    if (open_endpoints(near, demo) != 0 || (pairing == DEMO_MEMORY ? open_memory(near) : open_bio(near)) != 0)
        tool_text(cell->trouble, sizeof cell->trouble, "the two ends could not be made");
    else if (!connected(near))
        tool_text(cell->trouble, sizeof cell->trouble, "the handshake did not complete");
    else {
        play(near, ending);
        judge(near, ending, cell);
    }
    close_near(near);
    free(near);
}
