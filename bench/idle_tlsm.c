/* SPDX-License-Identifier: MIT */
/* Held by states alone: a handshake takes place in a block that all share in turn, and what is left of it at the end,
 * tlsm_length() bytes, is copied into a place of its own. Whoever drives tlsm_step() itself can do so. */
#include "idle.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlsm_libcrypto.h"

enum { SHARED_BLOCK = 4 * TLSM_HANDSHAKE_ROOM, STRIDE = sizeof(struct tlsm_state) };

struct end {
    enum bench_end which;
    struct tlsm_state *state;
    size_t capacity;
};

static const struct idle_options *options;
static struct idle_endpoints endpoints;
static uint8_t *places[2];
static size_t live;                        /* bytes of the longest state that was kept */
static union { struct tlsm_state align; uint8_t bytes[SHARED_BLOCK]; } blocks[2];
static uint8_t wire[BENCH_WIRE];

/* ------------------------------------------------------------------------------------------------ one step */

/* 0, unless the step refused, was short of something, or ended badly. */
static int step(struct end *end, const struct tlsm_in *in, struct tlsm_out *out)
{
    enum tlsm_code code;

    out->state_capacity = end->capacity;
    code = tlsm_step(endpoints.config[end->which], end->state, in, end->state, out);
    if ((code >= 0 && code < TLSM_MORE_INPUT) || code == TLSM_END_CLEAN_BOTH)
        return 0;
    (void)fprintf(stderr, "idle: %s; %s\n", tlsm_code_text(code), endpoints.answerer[end->which]->why);
    return -1;
}

static int answer(struct end *end)
{
    struct tlsm_answer given;
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &given };
    struct tlsm_out out;

    return tlsm_libcrypto_answer(endpoints.answerer[end->which], endpoints.config[end->which], end->state, &given) != 0
               ? step(end, &in, &out) : -1;
}

static int produce(struct end *end, const struct tlsm_in *in, size_t *have)
{
    struct tlsm_out out;
    int failed;

    out.wire.data = wire + *have;
    out.wire.capacity = sizeof wire - *have;
    failed = step(end, in, &out);
    *have += failed ? 0 : out.wire_length;
    return failed;
}

static int sent(struct end *end, size_t length)
{
    const struct tlsm_in in = { .kind = TLSM_IN_SENT, .count = length };
    struct tlsm_out out;

    return step(end, &in, &out);
}

/* Opens in place all that lies at `wire`. `opened` is how much of it was data. */
static int receive(struct end *end, size_t length, size_t *opened)
{
    struct tlsm_in in = { .kind = TLSM_IN_WIRE };
    struct tlsm_out out;

    for (size_t at = 0; at < length; at += out.consumed) {
        in.bytes.data = out.plain.data = wire + at;
        in.bytes.length = out.plain.capacity = length - at;
        if (step(end, &in, &out) < 0)
            return -1;
        *opened += out.plain_length;
    }
    return 0;
}

/* All that one end can say now, heard by the other. 1: something was said. */
static int say(struct end *from, struct end *to)
{
    const struct tlsm_in in = { .kind = TLSM_IN_PRODUCE };
    size_t have = 0, opened = 0;
    unsigned needs;

    while ((needs = tlsm_needs(from->state)) & (TLSM_NEED_ANSWER | TLSM_NEED_PRODUCE))
        if ((needs & TLSM_NEED_ANSWER ? answer(from) : produce(from, &in, &have)) < 0)
            return -1;
    return have == 0 ? 0 : sent(from, have) < 0 || receive(to, have, &opened) < 0 ? -1 : 1;
}

static int transfer(struct end *from, struct end *to)
{
    static const uint8_t text[] = "alive";
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { text, sizeof text } };
    size_t have = 0, opened = 0;

    return produce(from, &in, &have) < 0 || sent(from, have) < 0 || receive(to, have, &opened) < 0 || opened != sizeof text ? -1 : 0;
}

/* ------------------------------------------------------------------------------------------------ begin and hold */

static int start(struct end *end)
{
    struct tlsm_entropy entropy;
    struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy };
    struct tlsm_out out;
    int failed;

    if (tlsm_libcrypto_entropy(&entropy) < 0)
        return -1;
    if (end->which == BENCH_CLIENT) {
        in.server_name.data = (const uint8_t *)endpoints.name;
        in.server_name.length = strlen(endpoints.name);
    }
    tlsm_init(end->state);
    failed = step(end, &in, &out);
    OPENSSL_cleanse(&entropy, sizeof entropy);
    return failed;
}

static struct tlsm_state *place(size_t number, enum bench_end end)
{
    return (struct tlsm_state *)(void *)(places[end] + idle_place(options, number, end) * STRIDE);
}

static int keep(struct end *end, size_t number)
{
    const size_t length = tlsm_length(end->state);

    if (!tlsm_connected(end->state) || length > STRIDE)
        return -1;
    if (idle_keeps(options, number, end->which)) {
        memcpy(place(number, end->which), end->state, length);
        live = length > live ? length : live;
    } else {
        tlsm_forget(endpoints.config[end->which], end->state);
    }
    OPENSSL_cleanse(end->state, length);
    return 0;
}

static int connect_pair(size_t number)
{
    struct end end[2];
    int said = 0;

    for (int side = 0; side < 2; side++) {
        end[side].which = (enum bench_end)side;
        end[side].state = &blocks[side].align;
        end[side].capacity = sizeof blocks[side];
        if (start(&end[side]) < 0)
            return -1;
    }
    do {
        said = say(&end[BENCH_CLIENT], &end[BENCH_SERVER]);
        if (said >= 0)
            said |= say(&end[BENCH_SERVER], &end[BENCH_CLIENT]);
    } while (said > 0);
    if (said < 0 || transfer(&end[BENCH_CLIENT], &end[BENCH_SERVER]) < 0 || transfer(&end[BENCH_SERVER], &end[BENCH_CLIENT]) < 0)
        return -1;
    return keep(&end[BENCH_CLIENT], number) < 0 || keep(&end[BENCH_SERVER], number) < 0 ? -1 : 0;
}

static int open_library(const struct idle_options *given, const struct bench_identity *identity)
{
    options = given;
    for (int end = 0; end < 2; end++) {
        places[end] = calloc(idle_places(options, (enum bench_end)end), STRIDE);
        if (places[end] == NULL)
            return -1;
    }
    return idle_open_endpoints(options, identity, &endpoints);
}

static void shut(void)
{
    idle_shut_endpoints();
    free(places[BENCH_CLIENT]);
    free(places[BENCH_SERVER]);
}

static void drop(size_t number)
{
    for (int end = 0; end < 2; end++)
        if (idle_keeps(options, number, (enum bench_end)end))
            tlsm_forget(endpoints.config[end], place(number, (enum bench_end)end));
}

/* ------------------------------------------------------------------------------------------------ prove */

static int close_one(struct end *from, struct end *to)
{
    const struct tlsm_in in = { .kind = TLSM_IN_CLOSE };
    struct tlsm_out out;

    return tlsm_is_final(from->state) ? 0 : step(from, &in, &out) < 0 || say(from, to) < 0 ? -1 : 0;
}

static int is_clean(const struct end *end)
{
    struct tlsm_verdict verdict;

    tlsm_verdict(end->state, &verdict);
    return verdict.how == TLSM_CLEAN_BOTH_VERDICT;
}

static int prove(size_t number)
{
    struct end end[2];

    for (int side = 0; side < 2; side++) {
        end[side].which = (enum bench_end)side;
        end[side].state = place(number, (enum bench_end)side);
        end[side].capacity = STRIDE;
    }
    if (transfer(&end[0], &end[1]) < 0 || transfer(&end[1], &end[0]) < 0 || close_one(&end[0], &end[1]) < 0 ||
        close_one(&end[1], &end[0]) < 0 || say(&end[1], &end[0]) < 0)
        return -1;
    return is_clean(&end[0]) && is_clean(&end[1]) ? 0 : -1;
}

static void bytes(size_t to[2])
{
    to[0] = live;
    to[1] = 0;
}

const struct idle_library idle_tlsm = { "tlsm", "tlsm_step(): a state each", 1, open_library, connect_pair, idle_settle_endpoints,
                                        prove, drop, shut, bytes, idle_fixed_endpoints };
