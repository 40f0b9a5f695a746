/* SPDX-License-Identifier: MIT */
/* The step is a function: config, state and input are only read (their pages are read-only here), a step in place and a
 * step apart give equal bytes, and a copy of a state taken after any step goes on as the original does. */
#define _DEFAULT_SOURCE 1
#include <stdlib.h>
#include <sys/mman.h>

#include "fixture.h"

/* One step of a connection, as it was really made. */
struct recorded {
    struct tlsm_in in;
    struct tlsm_answer answer;
    struct tlsm_entropy entropy;
    uint8_t bytes[4096];
};

static uint8_t *page_state, *page_in;
enum { PAGE_STATE = 65536, PAGE_IN = 16384 };

static int setup(void **state)
{
    (void)state;
    page_state = mmap(NULL, PAGE_STATE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page_in = mmap(NULL, PAGE_IN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page_state == MAP_FAILED || page_in == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    munmap(page_state, PAGE_STATE);
    munmap(page_in, PAGE_IN);
    return 0;
}

/* Puts config and state, and the input with all it points at, where nobody can write. */
static void freeze(const struct side *side, const struct tlsm_in *in, struct tlsm_config **config,
                   struct tlsm_state **state, struct tlsm_in **frozen)
{
    struct recorded *record;
    assert_int_equal(mprotect(page_state, PAGE_STATE, PROT_READ | PROT_WRITE), 0);
    assert_int_equal(mprotect(page_in, PAGE_IN, PROT_READ | PROT_WRITE), 0);
    memcpy(page_state, &side->block, sizeof side->block);
    *state = (struct tlsm_state *)(void *)page_state;
    *config = (struct tlsm_config *)(void *)(page_state + sizeof side->block);
    memcpy(*config, &side->config, sizeof **config);
    memcpy(page_state + sizeof side->block + 64, &side->settings, sizeof side->settings);
    (*config)->settings = (const struct tlsm_settings *)(const void *)(page_state + sizeof side->block + 64);
    record = (struct recorded *)(void *)page_in;
    record->in = *in;
    if (in->answer != NULL) {
        record->answer = *in->answer;
        record->in.answer = &record->answer;
    }
    if (in->entropy != NULL) {
        record->entropy = *in->entropy;
        record->in.entropy = &record->entropy;
    }
    if (in->bytes.length > 0 && in->bytes.length <= sizeof record->bytes) {
        memcpy(record->bytes, in->bytes.data, in->bytes.length);
        record->in.bytes.data = record->bytes;
    }
    *frozen = &record->in;
    assert_int_equal(mprotect(page_state, PAGE_STATE, PROT_READ), 0);
    assert_int_equal(mprotect(page_in, PAGE_IN, PROT_READ), 0);
}

static struct tlsm_out rooms(uint8_t *wire, uint8_t *plain)
{
    struct tlsm_out out;
    memset(&out, 0, sizeof out);
    out.wire.data = wire;
    out.wire.capacity = 8192;
    out.plain.data = plain;
    out.plain.capacity = 8192;
    out.state_capacity = SIDE_ROOM;
    return out;
}

static void assert_same_out(const struct tlsm_out *a, const struct tlsm_out *b)
{
    assert_int_equal(a->consumed, b->consumed);
    assert_int_equal(a->wire_length, b->wire_length);
    assert_int_equal(a->plain_length, b->plain_length);
    assert_int_equal(a->news, b->news);
    assert_int_equal(a->cells, b->cells);
    assert_memory_equal(a->cell, b->cell, sizeof a->cell);
    assert_memory_equal(a->wire.data, b->wire.data, a->wire_length);
    assert_memory_equal(a->plain.data, b->plain.data, a->plain_length);
}

/* Before the fixture really makes a step, it is made twice: from frozen pages to a block elsewhere, and in place. */
static unsigned long compared;
static void compare(const struct side *side, const struct tlsm_in *in)
{
    static uint8_t wire[2][8192], plain[2][8192];
    union { struct tlsm_state state; uint8_t bytes[SIDE_ROOM]; } *apart = malloc(sizeof *apart), *place = malloc(sizeof *place);
    struct tlsm_config *config;
    struct tlsm_state *state;
    struct tlsm_in *frozen;
    struct tlsm_out a = rooms(wire[0], plain[0]), b = rooms(wire[1], plain[1]);
    enum tlsm_code code;
    assert_non_null(apart);
    assert_non_null(place);
    memset(apart, 0xa5, sizeof *apart);
    memcpy(place, &side->block, sizeof *place);
    freeze(side, in, &config, &state, &frozen);
    code = tlsm_step(config, state, frozen, &apart->state, &a);
    assert_code(tlsm_step(config, &place->state, frozen, &place->state, &b), code);
    assert_same_out(&a, &b);
    assert_int_equal(tlsm_length(&apart->state), tlsm_length(&place->state));
    assert_memory_equal(apart, place, tlsm_length(&apart->state));
    compared++;
    free(apart);
    free(place);
}

static void pure_do(struct side *side, enum tlsm_in_kind kind)
{
    const struct tlsm_in in = { .kind = kind };
    compare(side, &in);
    (void)side_step(side, &in);
}

static void pure_wire(struct side *to, size_t at_most)
{
    struct tlsm_in in = { .kind = TLSM_IN_WIRE };
    in.bytes.data = to->held;
    in.bytes.length = to->held_have < at_most ? to->held_have : at_most;
    compare(to, &in);
}

/* One connection, byte groups of `step`, every wire step and every produce compared; both ends close. */
static void talk(struct pair *pair, size_t step)
{
    struct side *sides[2] = { &pair->client, &pair->server };
    for (int rounds = 0, quiet = 0; rounds < 4000 && quiet < 2; rounds++) {
        struct side *from = sides[rounds & 1], *to = sides[!(rounds & 1)];
        quiet++;
        while (tlsm_needs(&from->block.state) & TLSM_NEED_PRODUCE && !(tlsm_needs(&from->block.state) & TLSM_NEED_ANSWER))
            pure_do(from, TLSM_IN_PRODUCE);
        side_produce(from);
        while (from->wire_have > 0) {
            const size_t n = from->wire_have < step ? from->wire_have : step;
            (void)side_sent(from, n, to);
            pure_wire(to, SIZE_MAX);
            (void)side_feed(to);
            quiet = 0;
        }
    }
}

static void connection_is_pure_in_every_step(size_t step)
{
    struct pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    pair_init(pair);
    pair_start(pair);
    talk(pair, step);
    assert_true(tlsm_connected(&pair->client.block.state));
    (void)side_write(&pair->client, "data both ways");
    (void)side_write(&pair->server, "and back");
    (void)side_update(&pair->client, 1);
    talk(pair, step);
    pure_do(&pair->client, TLSM_IN_CLOSE);
    pure_do(&pair->server, TLSM_IN_CLOSE);
    talk(pair, step);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
    free(pair);
}

static void pages_stay_read_only_and_in_place_equals_apart(void **unused)
{
    static const size_t steps[] = { 1, 3, 7, 64, 100000 };
    (void)unused;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        connection_is_pure_in_every_step(steps[i]);
    assert_true(compared > 500);
}

/* After every exchange the pair is replaced by its copy; the original is overwritten. */
static void a_copy_goes_on_as_the_original(void **unused)
{
    struct pair *pair = calloc(1, sizeof *pair);
    (void)unused;
    assert_non_null(pair);
    pair_init(pair);
    pair_start(pair);
    for (int i = 0; i < 40; i++) {
        struct pair *copy = malloc(sizeof *copy);
        struct side *from, *to;
        assert_non_null(copy);
        memset(copy, 0x5a, sizeof *copy);
        memcpy(copy, pair, sizeof *copy);
        memset(copy->client.block.bytes + tlsm_length(&pair->client.block.state), 0xee,
               SIDE_ROOM - tlsm_length(&pair->client.block.state));   /* what is beyond `length` is no part of the value */
        memset(pair, 0xdd, sizeof *pair);
        free(pair);
        pair = copy;
        pair->client.config.settings = &pair->client.settings;
        pair->server.config.settings = &pair->server.settings;
        from = i & 1 ? &pair->server : &pair->client;
        to = i & 1 ? &pair->client : &pair->server;
        side_produce(from);
        if (from->wire_have > 0)
            (void)side_sent(from, (from->wire_have + 1) / 2, to);
        (void)side_feed(to);
    }
    pair_talk(pair);
    assert_true(tlsm_connected(&pair->client.block.state));
    (void)side_close(&pair->client, 0);
    (void)side_close(&pair->server, 0);
    pair_talk(pair);
    assert_how(&pair->client, "clean_both");
    free(pair);
}

static void an_established_connection_fits_into_1024_bytes(void **unused)
{
    struct pair *pair = calloc(1, sizeof *pair);
    (void)unused;
    assert_non_null(pair);
    pair_init(pair);
    pair_connect(pair);
    assert_true(tlsm_length(&pair->client.block.state) <= TLSM_ESTABLISHED_MAX);
    assert_true(tlsm_length(&pair->server.block.state) <= TLSM_ESTABLISHED_MAX);
    assert_int_equal(sizeof(struct tlsm_control), 40);
    free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pages_stay_read_only_and_in_place_equals_apart, setup, teardown),
        cmocka_unit_test(a_copy_goes_on_as_the_original),
        cmocka_unit_test(an_established_connection_fits_into_1024_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
