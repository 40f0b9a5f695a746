/* SPDX-License-Identifier: MIT */
/* Early data through the adapters: links over pipes in memory, and what a server remembers of it. */
#include "adapter_fixture.h"

#include <pthread.h>
#include <stdlib.h>

#include "tlsm_libcrypto.h"
#include "tlsm_memory.h"
#include "tlsm_replay.h"

#define NOW UINT64_C(1800000000000)
#define WINDOW ((uint64_t)(2 * TLSM_EARLY_AGE_MS))
enum { EARLY_MAX = 20000 };

static const struct tlsm_ticket_key ticket_key = { { 'k' }, { 1, 2, 3 } };
#define SLICE(at, size) ((struct tlsm_bytes){ (at), (size) })
static uint8_t text[EARLY_MAX + 100];

struct world {
    struct two two;
    struct tlsm_memory_options options;
    struct tlsm_memory memory;
    struct tlsm_link *client, *server;
    struct tlsm_replay *replay;
    uint64_t now_ms;
    uint8_t session[1024];
    size_t session_length;
};

static int answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *to)
{
    struct world *world = context;
    struct tlsm_libcrypto_answerer answerer = { .now_seconds = (int64_t)(world->now_ms / 1000), .replay = world->replay };
    struct tlsm_request request;
    if (tlsm_request(config, state, &request) == TLSM_ASK_REPLAY)
        return tlsm_libcrypto_answer(&answerer, config, state, to);
    return two_answer(&world->two, config, state, to);
}

static void keep(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    struct world *world = context;
    (void)state;
    world->session_length = tlsm_session_write(session, (struct tlsm_span){ world->session, sizeof world->session });
}

static void begin(struct world *world, int offering)
{
    struct tlsm_session session;
    const struct tlsm_start client = { &world->two.entropy[CLIENT], "host.example", offering ? &session : NULL, world->now_ms };
    const struct tlsm_start server = { &world->two.entropy[SERVER], NULL, NULL, world->now_ms };
    assert_int_equal(tlsm_memory_init(&world->memory, world->two.config, &world->options), TLSM_IO_DONE);
    world->client = &world->memory.end[CLIENT];
    world->server = &world->memory.end[SERVER];
    if (offering)
        assert_int_equal(tlsm_session_read(SLICE(world->session, world->session_length), &session), 1);
    assert_int_equal(tlsm_link_begin(world->client, &client), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_begin(world->server, &server), TLSM_IO_DONE);
}

/* A world whose client has a session that takes early data, and whose next connection has begun. */
static struct world *resuming(void)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    two_init(&world->two);
    world->two.settings[SERVER].ticket_keys = &ticket_key;
    world->two.settings[SERVER].ticket_key_count = world->two.settings[SERVER].tickets = 1;
    world->two.settings[SERVER].early_max = EARLY_MAX;
    world->two.settings[CLIENT].early_data = 1;
    for (int end = 0; end < 2; end++)
        world->options.link[end].hooks = (struct tlsm_hooks){ .answer = answer, .ticket = keep, .context = world };
    world->replay = tlsm_replay_new(100, NOW, 1);
    world->now_ms = NOW;
    begin(world, 0);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    (void)tlsm_memory_run(&world->memory);
    assert_true(world->session_length > 0);
    tlsm_memory_free(&world->memory);
    world->now_ms += 1000;
    begin(world, 1);
    return world;
}

static void world_free(struct world *world)
{
    tlsm_memory_free(&world->memory);
    tlsm_replay_free(world->replay);
    free(world);
}

static ptrdiff_t write_early(struct world *world, const void *from, size_t length)
{
    return tlsm_link_write_early(world->client, &world->memory.transport[CLIENT], from, length);
}

/* The server reads until it has to wait; what came while it was early is counted. */
static size_t read_all(struct world *world, size_t *early)
{
    uint8_t bytes[4096];
    size_t all = 0;
    ptrdiff_t got = TLSM_IO_UNREAD;
    do {
        const int is_early = tlsm_memory_handshake(&world->memory, SERVER) == TLSM_IO_UNREAD && tlsm_link_is_early(world->server);
        got = tlsm_memory_read(&world->memory, SERVER, bytes, sizeof bytes);
        if (got > 0) {
            assert_memory_equal(bytes, text + all, (size_t)got);
            all += (size_t)got;
            *early += is_early ? (size_t)got : 0;
        }
    } while (got > 0);
    return all;
}

static void written_before_the_server_speaks(void **unused)
{
    struct world *world = resuming();
    size_t early = 0;
    uint8_t byte;
    (void)unused;
    assert_int_equal(write_early(world, text, 50), 50);
    assert_int_equal(tlsm_link_early(world->client), TLSM_EARLY_UNKNOWN);
    assert_int_equal(tlsm_link_early_room(world->client), EARLY_MAX - 50);
    assert_int_equal(tlsm_memory_handshake(&world->memory, SERVER), TLSM_IO_UNREAD);
    assert_int_equal(tlsm_memory_handshake(&world->memory, SERVER), TLSM_IO_UNREAD);
    assert_int_equal(read_all(world, &early), 50);
    assert_int_equal(early, 50);
    assert_int_equal(tlsm_link_is_early(world->server), 0);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_early(world->client), TLSM_EARLY_ACCEPTED);
    assert_int_equal(tlsm_link_early(world->server), TLSM_EARLY_ACCEPTED);
    assert_true(tlsm_link_news(world->client) & TLSM_NEWS_EARLY);
    assert_int_equal(tlsm_memory_write(&world->memory, CLIENT, "x", 1), 1);
    assert_int_equal(tlsm_memory_read(&world->memory, SERVER, &byte, 1), 1);
    assert_int_equal(link_verdict(world->server).plain_in, 51);
    world_free(world);
}

static void as_much_as_was_promised(void **unused)
{
    struct world *world = resuming();
    size_t early = 0;
    (void)unused;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7);
    assert_int_equal(write_early(world, text, sizeof text), EARLY_MAX);
    assert_int_equal(write_early(world, text, 1), TLSM_IO_REFUSED);
    assert_int_equal(world->client->code, TLSM_NO_EARLY_DATA);
    assert_int_equal(read_all(world, &early), EARLY_MAX);
    assert_int_equal(early, EARLY_MAX);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_early(world->client), TLSM_EARLY_ACCEPTED);
    world_free(world);
}

static void a_pipe_that_is_full(void **unused)
{
    struct world *world = resuming();
    size_t early = 0;
    (void)unused;
    world->memory.pipe[CLIENT].blocked = 1;
    assert_int_equal(write_early(world, text, 50), 50);   /* sealed, and will leave in order */
    assert_int_equal(world->memory.pipe[CLIENT].taken, 0);
    world->client->out_limit = 100;
    assert_int_equal(write_early(world, text + 50, 50), TLSM_IO_WANT_WRITE);
    world->memory.pipe[CLIENT].blocked = 0;
    assert_int_equal(write_early(world, text + 50, 50), 50);
    assert_int_equal(read_all(world, &early), 100);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    world_free(world);
}

/* The bytes of the whole first flight, sent to the same server again. */
static void the_same_flight_again(void **unused)
{
    struct world *world = resuming();
    uint8_t flight[4096], bytes[64];
    size_t early = 0, length;
    (void)unused;
    tlsm_memory_record(&world->memory, CLIENT);
    assert_int_equal(write_early(world, text, 50), 50);
    length = world->memory.pipe[CLIENT].record_length;
    memcpy(flight, world->memory.pipe[CLIENT].record, length);
    assert_int_equal(read_all(world, &early), 50);
    for (int time = 0; time < 3; time++) {
        tlsm_memory_free(&world->memory);
        begin(world, 0);
        assert_int_equal(tlsm_memory_inject(&world->memory, CLIENT, flight, length), TLSM_IO_DONE);
        assert_int_equal(tlsm_memory_read(&world->memory, SERVER, bytes, sizeof bytes), TLSM_IO_WANT_READ);
        assert_int_equal(tlsm_link_early(world->server), TLSM_EARLY_REJECTED);
        assert_int_equal(link_verdict(world->server).plain_in, 0);
        assert_true(tlsm_resumed(world->server->state));
        world->now_ms += WINDOW / 2;   /* forgotten in the end, but too old then */
    }
    world_free(world);
}

static void rejected_is_for_the_application_to_send_again(void **unused)
{
    struct world *world = resuming();
    size_t early = 0;
    (void)unused;
    tlsm_replay_free(world->replay);
    world->replay = NULL;   /* nobody remembers: nothing is read */
    assert_int_equal(write_early(world, text, 50), 50);
    assert_int_equal(read_all(world, &early), 0);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_early(world->client), TLSM_EARLY_REJECTED);
    assert_int_equal(tlsm_memory_write(&world->memory, CLIENT, text, 50), 50);
    assert_int_equal(read_all(world, &early), 50);
    assert_int_equal(early, 0);
    assert_int_equal(write_early(world, text, 1), TLSM_IO_REFUSED);
    world_free(world);
}

static void a_close_with_early_data_unread(void **unused)
{
    struct world *world = resuming();
    (void)unused;
    assert_int_equal(write_early(world, text, 50), 50);
    assert_int_equal(tlsm_memory_handshake(&world->memory, SERVER), TLSM_IO_UNREAD);
    assert_int_equal(tlsm_memory_close(&world->memory, SERVER, 0), TLSM_IO_UNREAD);   /* A4: it goes on reading (B2) */
    assert_int_equal(tlsm_link_discard(world->server), 50);
    assert_int_equal(tlsm_memory_close(&world->memory, SERVER, 0), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_memory_handshake(&world->memory, CLIENT), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_close(&world->memory, CLIENT, 0), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_close(&world->memory, SERVER, 0), TLSM_IO_DONE);
    assert_link(world->client, "clean_both");
    assert_link(world->server, "clean_both");
    world_free(world);
}

/* ------------------------------------------------------------------------------------------------ what is remembered */

static struct tlsm_bytes name_of(uint32_t number)
{
    static uint8_t name[8][32];
    static unsigned turn;
    uint8_t *to = name[turn++ % 8];
    for (size_t i = 0; i < 32; i++)
        to[i] = (uint8_t)((number + 1) * 2654435761u >> (i % 4 * 8)) ^ (uint8_t)(i * 29);
    return SLICE(to, 32);
}

static void once_and_never_again(void **unused)
{
    struct tlsm_replay *replay = tlsm_replay_new(100, NOW, 1);
    (void)unused;
    for (uint32_t i = 0; i < 90; i++)
        assert_int_equal(tlsm_replay_fresh(replay, name_of(i), NOW + i), 1);
    for (uint32_t i = 0; i < 90; i++)
        assert_int_equal(tlsm_replay_fresh(replay, name_of(i), NOW + 90), 0);
    for (uint32_t i = 0; i < 90; i++)
        assert_int_equal(tlsm_replay_fresh(replay, name_of(i), NOW + i + WINDOW), 0);
    assert_int_equal(tlsm_replay_fresh(replay, SLICE((const uint8_t *)"short", 5), NOW), 0);
    tlsm_replay_free(replay);
    tlsm_replay_free(NULL);
    assert_null(tlsm_replay_new(0, NOW, 1));
    assert_null(tlsm_replay_new(SIZE_MAX, NOW, 1));
}

/* At every distance up to the window it is known, whenever the tables turn between. */
static void known_for_the_whole_window(void **unused)
{
    (void)unused;
    for (uint64_t at = 0; at < 3 * WINDOW; at += WINDOW / 8)
        for (uint64_t after = 0; after <= WINDOW; after += WINDOW / 8) {
            struct tlsm_replay *replay = tlsm_replay_new(100, NOW, 1);
            for (uint64_t other = 0; other <= at; other += WINDOW / 4)
                (void)tlsm_replay_fresh(replay, name_of((uint32_t)(1000 + other)), NOW + other);
            assert_int_equal(tlsm_replay_fresh(replay, name_of(1), NOW + at), 1);
            for (uint64_t other = 0; other <= after; other += WINDOW / 4)
                (void)tlsm_replay_fresh(replay, name_of((uint32_t)(500000 + other)), NOW + at + other);
            assert_int_equal(tlsm_replay_fresh(replay, name_of(1), NOW + at + after), 0);
            tlsm_replay_free(replay);
        }
}

static void room_comes_back(void **unused)
{
    struct tlsm_replay *replay = tlsm_replay_new(10, NOW, 1);
    (void)unused;
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(tlsm_replay_fresh(replay, name_of(i), NOW), 1);
    assert_int_equal(tlsm_replay_fresh(replay, name_of(10), NOW), 0);   /* full: none is forgotten for it */
    assert_int_equal(tlsm_replay_fresh(replay, name_of(0), NOW), 0);
    assert_int_equal(tlsm_replay_fresh(replay, name_of(10), NOW + WINDOW), 1);
    assert_int_equal(tlsm_replay_fresh(replay, name_of(0), NOW + WINDOW), 0);
    assert_int_equal(tlsm_replay_fresh(replay, name_of(0), NOW + 5 * WINDOW), 1);
    assert_int_equal(tlsm_replay_fresh(replay, name_of(0), NOW), 0);    /* the clock was set back */
    tlsm_replay_free(replay);
}

/* §8.2: "When implementations are freshly started, they SHOULD reject 0-RTT as long as any portion of their recording window
 * overlaps the startup time." */
static void nothing_is_fresh_at_first(void **unused)
{
    struct tlsm_replay *replay = tlsm_replay_new(10, NOW, 0);
    (void)unused;
    assert_int_equal(tlsm_replay_fresh(replay, name_of(1), NOW), 0);
    assert_int_equal(tlsm_replay_fresh(replay, name_of(1), NOW + WINDOW - 1), 0);
    assert_int_equal(tlsm_replay_fresh(replay, name_of(2), NOW + WINDOW), 1);
    tlsm_replay_free(replay);
}

enum { THREADS = 4, NAMES = 2000 };
static struct tlsm_replay *shared;
static uint8_t names[NAMES][32];

static void *ask_for_all(void *given)
{
    unsigned *fresh = given;
    for (size_t i = 0; i < NAMES; i++)
        *fresh += (unsigned)tlsm_replay_fresh(shared, SLICE(names[i], 32), NOW);
    return NULL;
}

static void one_thread_of_many_is_told_yes(void **unused)
{
    pthread_t thread[THREADS];
    unsigned fresh[THREADS] = { 0 }, all = 0;
    (void)unused;
    for (uint32_t i = 0; i < NAMES; i++)
        memcpy(names[i], name_of(i).data, 32);
    shared = tlsm_replay_new(NAMES, NOW, 1);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask_for_all, &fresh[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        all += fresh[i];
    }
    assert_int_equal(all, NAMES);
    tlsm_replay_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_before_the_server_speaks),
        cmocka_unit_test(as_much_as_was_promised),
        cmocka_unit_test(a_pipe_that_is_full),
        cmocka_unit_test(the_same_flight_again),
        cmocka_unit_test(rejected_is_for_the_application_to_send_again),
        cmocka_unit_test(a_close_with_early_data_unread),
        cmocka_unit_test(once_and_never_again),
        cmocka_unit_test(known_for_the_whole_window),
        cmocka_unit_test(room_comes_back),
        cmocka_unit_test(nothing_is_fresh_at_first),
        cmocka_unit_test(one_thread_of_many_is_told_yes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
