/* SPDX-License-Identifier: MIT */
/* The bookkeeping that adapters share: the state's block, the buffers, the order in which things are told. */
#include "adapter_fixture.h"

#include <stdlib.h>

#include "tlsm_memory.h"

static uint8_t text[200000];

struct world {
    struct two two;
    struct tlsm_memory_options options;
    struct tlsm_memory memory;
    struct tlsm_link *client, *server;
};

static struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    two_init(&world->two);
    world->options.link[CLIENT] = world->options.link[SERVER] = two_options(&world->two);
    world->client = &world->memory.end[CLIENT];
    world->server = &world->memory.end[SERVER];
    return world;
}

static void world_start(struct world *world)
{
    assert_int_equal(tlsm_memory_init(&world->memory, world->two.config, &world->options), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_start(&world->memory, world->two.entropy, "test.example"), TLSM_IO_DONE);
}

static struct world *world_connected(void)
{
    struct world *world = world_new();
    world_start(world);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    return world;
}

static void world_free(struct world *world)
{
    tlsm_memory_free(&world->memory);
    free(world);
}

/* ------------------------------------------------------------------------------------------------ memory */

static void an_idle_connection_is_small_and_holds_no_buffers(void **state)
{
    struct world *world = world_connected();
    uint8_t bytes[64];
    int end;
    (void)state;
    assert_int_equal(tlsm_memory_write(&world->memory, CLIENT, text, 40), 40);
    assert_int_equal(tlsm_memory_read(&world->memory, SERVER, bytes, sizeof bytes), 40);
    assert_int_equal(tlsm_memory_read(&world->memory, CLIENT, bytes, sizeof bytes), TLSM_IO_WANT_READ);
    for (end = 0; end < 2; end++) {
        const struct tlsm_link *link = &world->memory.end[end];
        assert_true(link->state_capacity <= TLSM_ESTABLISHED_MAX);
        assert_true(tlsm_length(link->state) <= link->state_capacity);
        assert_null(link->in.data);
        assert_null(link->out.data);
    }
    world_free(world);
}

static void a_small_block_grows_as_the_handshake_asks(void **state)
{
    static uint64_t block[2][TLSM_ESTABLISHED_MAX / sizeof(uint64_t)];
    struct world *world = world_new();
    int end;
    (void)state;
    for (end = 0; end < 2; end++) {
        world->options.link[end].block = block[end];
        world->options.link[end].block_capacity = sizeof block[end];
    }
    world_start(world);
    assert_ptr_not_equal(world->client->state, block[CLIENT]);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    assert_ptr_equal(world->client->state, block[CLIENT]);
    assert_ptr_equal(world->server->state, block[SERVER]);
    world_free(world);
}

static void the_limit_of_the_block_is_kept(void **state)
{
    static uint64_t block[TLSM_ESTABLISHED_MAX / sizeof(uint64_t)];
    struct two two;
    struct tlsm_link_options options;
    struct tlsm_link link;
    (void)state;
    two_init(&two);
    options = two_options(&two);
    options.block = block;
    options.block_capacity = options.state_limit = sizeof block;
    assert_int_equal(tlsm_link_init(&link, &two.config[CLIENT], &options), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_start(&link, &two.entropy[CLIENT], NULL), TLSM_IO_NO_MEMORY);
    assert_int_equal(link.code, TLSM_MORE_STATE_ROOM);
    assert_int_equal(link.state->control.rx, TLSM_RX_UNBORN);
    tlsm_link_free(&link);
    options.block_capacity = 100;
    assert_int_equal(tlsm_link_init(&link, &two.config[CLIENT], &options), TLSM_IO_REFUSED);
    tlsm_link_free(&link);
    tlsm_link_free(&link);
}

static void free_wipes_the_callers_block(void **state)
{
    static uint8_t block[TLSM_HANDSHAKE_ROOM] __attribute__((aligned(16)));
    struct two two;
    struct tlsm_link_options options;
    struct tlsm_link link;
    size_t at;
    (void)state;
    two_init(&two);
    options = two_options(&two);
    options.block = block;
    options.block_capacity = sizeof block;
    assert_int_equal(tlsm_link_init(&link, &two.config[CLIENT], &options), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_start(&link, &two.entropy[CLIENT], "secret.example"), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_run(&link), TLSM_IO_DONE);
    tlsm_link_free(&link);
    for (at = 0; at < sizeof block; at++)
        assert_int_equal(block[at], 0);
}

/* ------------------------------------------------------------------------------------------------ reading and writing */

static void out_limit_bounds_what_is_sealed(void **state)
{
    struct world *world = world_connected();
    ptrdiff_t sealed;
    (void)state;
    sealed = tlsm_link_seal(world->client, text, sizeof text);
    assert_true(sealed > 0 && sealed < 32768 + TLSM_PLAIN_MAX);
    assert_int_equal(tlsm_link_seal(world->client, text, 1), TLSM_IO_WANT_WRITE);
    assert_int_equal(tlsm_link_pending(world->client).length, tlsm_outstanding(world->client->state));
    assert_int_equal(tlsm_link_sent(world->client, tlsm_link_pending(world->client).length + 1), TLSM_IO_REFUSED);
    assert_int_equal(world->client->code, TLSM_SENT_TOO_MUCH);
    world_free(world);
}

/* For transports that keep memory until they report: what is written meanwhile lies elsewhere, and follows in order. */
static void what_the_transport_holds_lies_still(void **state)
{
    struct world *world = world_connected();
    struct tlsm_bytes held, rest;
    uint8_t before[2000], bytes[64];
    ptrdiff_t sealed;
    (void)state;
    assert_int_equal(tlsm_link_seal(world->client, text, 1000), 1000);
    held = tlsm_link_pending(world->client);
    memcpy(before, held.data, held.length);
    tlsm_link_hold(world->client, TLSM_WANT_WRITE);
    sealed = tlsm_link_seal(world->client, "second", 6);
    assert_int_equal(sealed, 6);
    assert_true(tlsm_link_seal(world->client, text, sizeof text) < 32768 + TLSM_PLAIN_MAX);   /* out_limit counts both */
    assert_int_equal(tlsm_link_seal(world->client, text, 1), TLSM_IO_WANT_WRITE);
    assert_memory_equal(held.data, before, held.length);
    assert_ptr_equal(tlsm_link_pending(world->client).data, held.data);
    assert_int_equal(tlsm_link_pending(world->client).length, held.length);

    tlsm_link_let_go(world->client, TLSM_WANT_WRITE);
    assert_int_equal(tlsm_link_feed(world->server, held.data, 100), 100);   /* a short send: the rest comes before what follows */
    assert_int_equal(tlsm_link_sent(world->client, 100), TLSM_IO_DONE);
    rest = tlsm_link_pending(world->client);
    assert_int_equal(rest.length, held.length - 100);
    assert_int_equal(tlsm_link_feed(world->server, rest.data, rest.length), rest.length);
    assert_int_equal(tlsm_link_sent(world->client, rest.length), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_run(world->server), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_discard(world->server), 1000);
    rest = tlsm_link_pending(world->client);
    assert_int_equal(rest.length, tlsm_outstanding(world->client->state));
    assert_int_equal(tlsm_link_feed(world->server, rest.data, 6 + TLSM_OVERHEAD), 6 + TLSM_OVERHEAD);
    assert_int_equal(tlsm_link_run(world->server), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_take(world->server, bytes, sizeof bytes), 6);
    assert_memory_equal(bytes, "second", 6);
    world_free(world);
}

static void a_room_that_is_held_is_not_freed_nor_fed(void **state)
{
    struct world *world = world_connected();
    struct tlsm_span room;
    (void)state;
    room = tlsm_link_room(world->server);
    tlsm_link_hold(world->server, TLSM_WANT_READ);
    tlsm_link_idle(world->server);
    assert_ptr_equal(tlsm_link_room(world->server).data, room.data);
    room.data[0] = 0x5a;
    assert_int_equal(tlsm_link_feed(world->server, "into what is held", 17), 0);
    assert_int_equal(room.data[0], 0x5a);
    assert_int_equal(tlsm_link_seal(world->client, "held", 4), 4);
    memcpy(room.data, tlsm_link_pending(world->client).data, 4 + TLSM_OVERHEAD);
    assert_int_equal(tlsm_link_run(world->server), TLSM_IO_DONE);
    tlsm_link_rest_taken(world->server, 1);
    tlsm_link_let_go(world->server, TLSM_WANT_READ);
    tlsm_link_received(world->server, 4 + TLSM_OVERHEAD);
    assert_int_equal(tlsm_link_run(world->server), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_unread(world->server), 4);
    world_free(world);
}

static void a_warm_buffer_stays_and_is_wiped(void **state)
{
    struct world *world = world_new();
    uint8_t bytes[64];
    (void)state;
    world->options.link[SERVER].warm = 1;
    world_start(world);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_write(&world->memory, CLIENT, "secret", 6), 6);
    assert_int_equal(tlsm_memory_read(&world->memory, SERVER, bytes, sizeof bytes), 6);
    assert_non_null(world->server->in.data);
    for (size_t at = 0; at + 6 <= world->server->in.capacity; at++)
        assert_true(memcmp(world->server->in.data + at, "secret", 6) != 0);
    world_free(world);
}

static void a_write_before_the_handshake_runs_it(void **state)
{
    struct world *world = world_new();
    uint8_t bytes[4];
    (void)state;
    world_start(world);
    assert_int_equal(tlsm_memory_write(&world->memory, CLIENT, "hi", 2), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_memory_read(&world->memory, SERVER, bytes, sizeof bytes), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_memory_write(&world->memory, CLIENT, "hi", 2), 2);
    assert_int_equal(tlsm_memory_read(&world->memory, SERVER, bytes, sizeof bytes), 2);
    world_free(world);
}

static void calls_that_make_no_sense_are_refused_in_words(void **state)
{
    struct two two;
    struct tlsm_link_options options;
    struct tlsm_transport transport = { NULL, NULL, NULL, NULL };
    struct tlsm_link link;
    uint8_t byte;
    (void)state;
    two_init(&two);
    options = two_options(&two);
    assert_int_equal(tlsm_link_init(&link, &two.config[CLIENT], &options), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_handshake(&link, &transport), TLSM_IO_REFUSED);
    assert_int_equal(link.code, TLSM_NOT_STARTED);
    assert_int_equal(tlsm_link_read(&link, &transport, &byte, 1), TLSM_IO_REFUSED);
    assert_int_equal(tlsm_link_read(&link, &transport, &byte, 0), TLSM_IO_REFUSED);
    assert_int_equal(link.code, TLSM_BAD_ARGUMENT);
    assert_int_equal(tlsm_link_close(&link, &transport, 0), TLSM_IO_DONE);
    assert_link(&link, "never_opened");   /* A1 */
    tlsm_link_free(&link);
}

static void discarded_plaintext_is_counted(void **state)
{
    struct world *world = world_connected();
    uint8_t byte;
    (void)state;
    assert_int_equal(tlsm_memory_write(&world->memory, SERVER, text, 300), 300);
    assert_int_equal(tlsm_memory_read(&world->memory, CLIENT, &byte, 1), 1);
    assert_int_equal(tlsm_link_unread(world->client), 299);
    assert_memory_equal(tlsm_link_peek(world->client).data, text + 1, 299);
    assert_int_equal(tlsm_link_discard(world->client), 299);
    assert_int_equal(tlsm_link_discard(world->client), 0);
    assert_int_equal(world->client->plain_discarded, 299);
    assert_int_equal(link_verdict(world->client).plain_in, 300);
    world_free(world);
}

static void discarding_by_policy_is_the_machines_count(void **state)
{
    struct world *world = world_new();
    (void)state;
    world->two.settings[CLIENT].data_while_closing = TLSM_CLOSING_DISCARD;
    world_start(world);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_close(&world->memory, CLIENT, 0), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_memory_write(&world->memory, SERVER, text, 5000), 5000);
    assert_int_equal(tlsm_memory_close(&world->memory, SERVER, 0), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_close(&world->memory, CLIENT, 0), TLSM_IO_DONE);
    assert_link(world->client, "clean_both");
    assert_int_equal(link_verdict(world->client).discarded, 5000);
    world_free(world);
}

/* RFC 9846 §4.7.3: the reply goes before the next data; writing makes it on its own. */
static void a_requested_key_update_is_answered_by_the_next_write(void **state)
{
    struct world *world = world_connected();
    uint8_t bytes[8];
    int i;
    (void)state;
    for (i = 0; i < 10; i++) {
        const uint64_t before = world->client->state->write_key.id;
        assert_int_equal(tlsm_link_key_update(world->server, i & 1), TLSM_IO_DONE);
        assert_int_equal(tlsm_memory_write(&world->memory, SERVER, "ab", 2), 2);
        assert_int_equal(tlsm_memory_read(&world->memory, CLIENT, bytes, sizeof bytes), 2);
        assert_int_equal(tlsm_memory_write(&world->memory, CLIENT, "cd", 2), 2);
        assert_int_equal(tlsm_memory_read(&world->memory, SERVER, bytes, sizeof bytes), 2);
        assert_int_equal(world->client->state->write_key.id != before, i & 1);
    }
    assert_true(tlsm_link_news(world->client) & TLSM_NEWS_KEYS_CHANGED);
    assert_int_equal(tlsm_link_news(world->client), 0);
    world_free(world);
}

/* F4: at the key's limit writing updates it. */
static void writing_past_the_record_limit_updates_the_key(void **state)
{
    struct world *world = world_new();
    uint8_t bytes[512];
    int i;
    (void)state;
    world->two.settings[CLIENT].record_limit = 6;
    world_start(world);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    for (i = 0; i < 50; i++) {
        assert_int_equal(tlsm_memory_write(&world->memory, CLIENT, text, 100), 100);
        assert_int_equal(tlsm_memory_read(&world->memory, SERVER, bytes, sizeof bytes), 100);
    }
    assert_true(world->client->state->ledger.write_updates >= 8);
    world_free(world);
}

/* ------------------------------------------------------------------------------------------------ requests */

static void a_missing_answer_is_wanted_until_it_comes(void **state)
{
    struct world *world = world_new();
    (void)state;
    world->two.silent = 1;
    world_start(world);
    (void)tlsm_memory_run(&world->memory);
    assert_int_equal(tlsm_memory_handshake(&world->memory, SERVER), TLSM_IO_WANT_ANSWER);
    assert_true(tlsm_link_wants(world->server) & TLSM_WANT_ANSWER);
    world->two.silent = 0;
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    world_free(world);
}

static void an_answer_can_be_given_without_a_hook(void **state)
{
    struct world *world = world_new();
    struct tlsm_request request;
    struct tlsm_answer answer;
    uint8_t signature[TLSM_NULL_SIGNATURE];
    (void)state;
    memset(&world->options.link[SERVER].hooks, 0, sizeof world->options.link[SERVER].hooks);
    world_start(world);
    (void)tlsm_memory_run(&world->memory);
    assert_int_equal(tlsm_link_request(world->server, &request), TLSM_ASK_SIGN);
    assert_int_equal(tlsm_null_answer(&request, &answer, signature), TLSM_ASK_SIGN);
    answer.id++;
    assert_int_equal(tlsm_link_answer(world->server, &answer), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_request(world->server, &request), TLSM_ASK_SIGN);
    answer.id--;
    assert_int_equal(tlsm_link_answer(world->server, &answer), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    world_free(world);
}

/* A two-way close is not done while the peer's half goes on, and only an answer is missing for that (H1). */
static void a_close_wants_the_answer_that_is_missing(void **state)
{
    struct world *world = world_new();
    (void)state;
    world->two.silent = 1;
    world_start(world);
    (void)tlsm_memory_run(&world->memory);
    tlsm_link_send_failed(world->server);
    assert_int_equal(tlsm_memory_close(&world->memory, SERVER, 0), TLSM_IO_WANT_ANSWER);
    assert_link(world->server, "open");
    world->two.silent = 0;
    assert_int_equal(tlsm_memory_close(&world->memory, SERVER, 0), TLSM_IO_WANT_READ);
    tlsm_memory_shut(&world->memory, CLIENT);
    assert_int_equal(tlsm_memory_close(&world->memory, SERVER, 0), TLSM_IO_DONE);
    assert_link(world->server, "handshake_failed");
    world_free(world);
}

/* T2: the end waits for the answer; H1: a failure does not. */
static void an_eof_while_a_request_is_open_is_told_after_the_answer(void **state)
{
    int failed;
    (void)state;
    for (failed = 0; failed < 2; failed++) {
        struct world *world = world_new();
        world->two.silent = 1;
        world_start(world);
        (void)tlsm_memory_run(&world->memory);
        if (failed)
            tlsm_link_receive_failed(world->server);
        else
            tlsm_link_eof(world->server);
        (void)tlsm_link_run(world->server);
        assert_link(world->server, failed ? "handshake_failed" : "open");
        world->two.silent = 0;
        (void)tlsm_link_run(world->server);
        assert_link(world->server, "handshake_failed");
        assert_int_equal(link_verdict(world->server).cause, failed ? TLSM_CAUSE_RECEIVE_FAILED : TLSM_CAUSE_EOF);
        world_free(world);
    }
}

static void closing_while_a_request_is_open_acts_at_once(void **state)
{
    struct world *world = world_new();
    (void)state;
    world->two.silent = 1;
    world_start(world);
    (void)tlsm_memory_run(&world->memory);
    assert_int_equal(tlsm_memory_close(&world->memory, SERVER, 0), TLSM_IO_DONE);
    assert_link(world->server, "cancelled_in_handshake");
    world_free(world);
}

static void a_deadline_ends_it(void **state)
{
    struct world *world = world_connected();
    uint8_t byte;
    (void)state;
    assert_int_equal(tlsm_link_deadline(world->client), TLSM_IO_REFUSED);
    assert_int_equal(world->client->code, TLSM_NO_DEADLINE);
    assert_int_equal(tlsm_link_deadline_set(world->client), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_deadline(world->client), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_read(&world->memory, CLIENT, &byte, 1), TLSM_IO_ENDED);
    assert_link(world->client, "timed_out");
    world_free(world);
}

static void abandoning_drops_what_was_not_sent(void **state)
{
    struct world *world = world_connected();
    (void)state;
    assert_int_equal(tlsm_link_seal(world->client, text, 500), 500);
    assert_int_equal(tlsm_link_abandon(world->client), TLSM_IO_DONE);
    (void)tlsm_link_run(world->client);
    assert_int_equal(tlsm_link_pending(world->client).length, 0);
    tlsm_link_idle(world->client);
    assert_null(world->client->out.data);
    assert_link(world->client, "abandoned");
    assert_true(link_verdict(world->client).untaken > 500);
    world_free(world);
}

/* E2: whoever forges, it is the machine that judges; the link delivers exactly what was said before. */
static void data_before_a_forged_alert_is_delivered_first(void **state)
{
    static const uint8_t alert[] = { 2, TLSM_ALERT_ACCESS_DENIED };
    struct world *world = world_connected();
    uint8_t bytes[256];
    size_t length;
    (void)state;
    length = two_forge(world->server, TYPE_DATA, "last", 4, bytes);
    length += two_forge(world->server, TYPE_ALERT, alert, sizeof alert, bytes + length);
    assert_int_equal(tlsm_link_feed(world->client, bytes, length), length);
    assert_int_equal(tlsm_memory_read(&world->memory, CLIENT, bytes, sizeof bytes), 4);
    assert_link(world->client, "open");
    assert_int_equal(tlsm_memory_read(&world->memory, CLIENT, bytes, sizeof bytes), TLSM_IO_ENDED);
    assert_link(world->client, "peer_alert");
    assert_int_equal(link_verdict(world->client).alert_received, TLSM_ALERT_ACCESS_DENIED);
    world_free(world);
}

/* ------------------------------------------------------------------------------------------------ sessions */

/* What the hooks of both sides keep: the server's cache of one session, and the client's. */
static struct {
    uint8_t bytes[2][512];
    size_t length[2];
    unsigned asked;
} sessions;

static void keep_session(size_t end, const struct tlsm_session *session)
{
    sessions.length[end] = tlsm_session_write(session, (struct tlsm_span){ sessions.bytes[end], sizeof sessions.bytes[end] });
    assert_true(sessions.length[end] > 0 && sessions.length[end] <= sizeof sessions.bytes[end]);
}

static void hook_issued(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    (void)context;
    assert_int_equal(state->control.role, TLSM_SERVER);
    keep_session(SERVER, session);
}

static void hook_ticket(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    (void)context;
    assert_int_equal(state->control.role, TLSM_CLIENT);
    keep_session(CLIENT, session);
}

static int hook_answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state,
                       struct tlsm_answer *answer)
{
    static struct tlsm_session found;
    const int kind = two_answer(context, config, state, answer);
    if (kind == TLSM_ASK_SESSION) {
        sessions.asked++;
        assert_int_equal(tlsm_session_read((struct tlsm_bytes){ sessions.bytes[SERVER], sessions.length[SERVER] }, &found), 1);
        answer->session = &found;
    }
    return kind;
}

static struct world *world_with_sessions(const struct tlsm_session *session)
{
    struct world *world = world_new();
    struct tlsm_start start = { .entropy = &world->two.entropy[CLIENT], .server_name = "test.example", .session = session,
                                .now_ms = UINT64_C(1800000000000) };
    world->two.settings[SERVER].ask = TLSM_ASK_SESSION_BIT;
    world->options.link[CLIENT].hooks.ticket = hook_ticket;
    world->options.link[SERVER].hooks.issued = hook_issued;
    world->options.link[SERVER].hooks.answer = hook_answer;
    assert_int_equal(tlsm_memory_init(&world->memory, world->two.config, &world->options), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_begin(world->client, &start), TLSM_IO_DONE);
    start = (struct tlsm_start){ .entropy = &world->two.entropy[SERVER], .now_ms = start.now_ms };
    assert_int_equal(tlsm_link_begin(world->server, &start), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    return world;
}

static void sessions_go_through_the_hooks(void **state)
{
    uint8_t bytes[8];
    struct tlsm_session session;
    struct world *world = world_with_sessions(NULL);
    (void)state;
    assert_int_equal(sessions.length[SERVER], 0);
    assert_int_equal(tlsm_link_ticket(world->client, 0), TLSM_IO_REFUSED);
    assert_int_equal(tlsm_link_ticket(world->server, 0), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_read(&world->memory, SERVER, bytes, sizeof bytes), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_memory_read(&world->memory, CLIENT, bytes, sizeof bytes), TLSM_IO_WANT_READ);
    assert_true(sessions.length[SERVER] > 0);
    assert_true(tlsm_link_news(world->client) & TLSM_NEWS_TICKET);
    assert_int_equal(sessions.length[CLIENT], sessions.length[SERVER]);
    assert_memory_equal(sessions.bytes[CLIENT], sessions.bytes[SERVER], sessions.length[SERVER]);
    world_free(world);
    assert_int_equal(sessions.asked, 0);
    assert_int_equal(tlsm_session_read((struct tlsm_bytes){ sessions.bytes[CLIENT], sessions.length[CLIENT] }, &session), 1);
    world = world_with_sessions(&session);
    assert_int_equal(sessions.asked, 1);
    assert_int_equal(tlsm_resumed(world->client->state), 1);
    assert_int_equal(tlsm_resumed(world->server->state), 1);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_connection_is_small_and_holds_no_buffers),
        cmocka_unit_test(a_small_block_grows_as_the_handshake_asks),
        cmocka_unit_test(the_limit_of_the_block_is_kept),
        cmocka_unit_test(free_wipes_the_callers_block),
        cmocka_unit_test(out_limit_bounds_what_is_sealed),
        cmocka_unit_test(what_the_transport_holds_lies_still),
        cmocka_unit_test(a_room_that_is_held_is_not_freed_nor_fed),
        cmocka_unit_test(a_warm_buffer_stays_and_is_wiped),
        cmocka_unit_test(a_write_before_the_handshake_runs_it),
        cmocka_unit_test(calls_that_make_no_sense_are_refused_in_words),
        cmocka_unit_test(discarded_plaintext_is_counted),
        cmocka_unit_test(discarding_by_policy_is_the_machines_count),
        cmocka_unit_test(a_requested_key_update_is_answered_by_the_next_write),
        cmocka_unit_test(writing_past_the_record_limit_updates_the_key),
        cmocka_unit_test(a_missing_answer_is_wanted_until_it_comes),
        cmocka_unit_test(an_answer_can_be_given_without_a_hook),
        cmocka_unit_test(a_close_wants_the_answer_that_is_missing),
        cmocka_unit_test(an_eof_while_a_request_is_open_is_told_after_the_answer),
        cmocka_unit_test(closing_while_a_request_is_open_acts_at_once),
        cmocka_unit_test(a_deadline_ends_it),
        cmocka_unit_test(abandoning_drops_what_was_not_sent),
        cmocka_unit_test(data_before_a_forged_alert_is_delivered_first),
        cmocka_unit_test(sessions_go_through_the_hooks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
