/* SPDX-License-Identifier: MIT */
/* Connections that move: exported after every step, imported into another block, going on as if nothing had been (J1, J3, I11);
 * and blocks that are damaged. */
#define _DEFAULT_SOURCE 1
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "check_export.h"
#include "import_run.h"
#include "resumption_fixture.h"

/* ------------------------------------------------------------------------------------------------ a course and its log */

/* All that can be seen of a connection from outside, step by step. */
struct course {
    uint8_t log[1 << 20];
    size_t have;
    unsigned steps, move_at, moved, refused;   /* move_at 0: never; UINT_MAX: after every step */
};
static struct course stays, moves, *course;

static void note(const void *bytes, size_t length)
{
    assert_true(course->have + length <= sizeof course->log);
    if (length > 0)
        memcpy(course->log + course->have, bytes, length);
    course->have += length;
}

static void note_number(uint64_t number) { note(&number, sizeof number); }

static uint64_t mix_of(const uint8_t *bytes, size_t length)
{
    uint64_t mix = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++)
        mix = (mix ^ bytes[i]) * UINT64_C(0x100000001b3);
    return mix;
}

/* A state is long: what two of them have in common is told by a mix of all their bytes. */
static void note_state(const struct tlsm_state *state)
{
    note_number(mix_of((const uint8_t *)state, tlsm_length(state)));
}

static void note_step(const struct side *side)
{
    const struct tlsm_state *state = &side->block.state;
    struct tlsm_verdict verdict;
    struct tlsm_advice advice;
    tlsm_verdict(state, &verdict);
    tlsm_advice(state, &advice);
    note(&verdict, sizeof verdict);
    note(&advice, sizeof advice);
    note_number((uint64_t)(int64_t)side->code);
    note_number((uint64_t)side->out.news << 32 | tlsm_needs(state));
    note_number(side->out.consumed);
    note_number(side->out.input_needed);
    note(side->wire + side->wire_have - side->out.wire_length, side->out.wire_length);
    note(side->opened, side->out.plain_length);
    note_state(state);
}

/* ------------------------------------------------------------------------------------------------ moving */

static int all_zero(const void *at, size_t length)
{
    const uint8_t *bytes = at;
    while (length > 0 && bytes[length - 1] == 0)
        length--;
    return length == 0;
}

/* J3: whatever is asked of it, the original makes no byte, opens none, and stays as it is. */
static void check_silent(const struct tlsm_config *config, const struct tlsm_state *left)
{
    static const uint8_t record[64] = { 23, 3, 3, 0, 59 };
    static uint8_t wire[4096], plain[4096];
    static union { struct tlsm_state state; uint8_t bytes[sizeof(struct tlsm_state)]; } next;
    const struct tlsm_entropy entropy = { .random = { 1 } };
    const struct tlsm_answer answer = { .id = left->request_id };
    struct tlsm_verdict verdict;
    tlsm_verdict(left, &verdict);
    assert_int_equal(tlsm_length(left), sizeof *left);
    for (int kind = 0; kind < TLSM_IN_COUNT; kind++) {
        const struct tlsm_in in = { .kind = (enum tlsm_in_kind)kind, .bytes = { record, sizeof record }, .entropy = &entropy,
                                    .answer = &answer, .alert = TLSM_ALERT_INTERNAL_ERROR, .carry = 1 };
        struct tlsm_out out = { .wire = { wire, sizeof wire }, .plain = { plain, sizeof plain }, .state_capacity = sizeof next };
        assert_code(tlsm_step(config, left, &in, &next.state, &out), tlsm_how_code(verdict.how));
        assert_int_equal(out.wire_length + out.plain_length + out.consumed, 0);
        assert_memory_equal(&next, left, sizeof *left);
    }
}

static void check_wiped(const struct tlsm_state *left)
{
    assert_int_equal(left->read_key.suite + left->write_key.suite, 0);
    assert_true(all_zero(&left->read_key, sizeof left->read_key) && all_zero(&left->write_key, sizeof left->write_key));
    assert_true(all_zero(left->read_secret, sizeof left->read_secret) && all_zero(left->write_secret, sizeof left->write_secret));
    assert_true(all_zero(left->exporter, sizeof left->exporter) && all_zero(left->resumption, sizeof left->resumption));
    assert_true(all_zero(left->spare, sizeof left->spare));
}

/* J1: with a request open nothing is exported, and nothing changes. */
static void check_refused(struct side *side)
{
    static uint8_t block[SIDE_ROOM];
    const size_t length = tlsm_length(&side->block.state);
    const struct tlsm_in in = { .kind = TLSM_IN_EXPORT, .carry = 1 };
    struct tlsm_out out = { .state_capacity = sizeof side->block };
    memcpy(block, &side->block, length);
    assert_int_not_equal(side->block.state.control.request, 0);
    assert_code(tlsm_step(&side->config, &side->block.state, &in, &side->block.state, &out), TLSM_ANSWER_FIRST);
    assert_memory_equal(block, &side->block, length);
    course->refused++;
}

static void give_up(struct side *side)
{
    const struct tlsm_in in = { .kind = TLSM_IN_EXPORT, .carry = 1 };
    struct tlsm_out out = { .state_capacity = sizeof side->block };
    struct tlsm_verdict before;
    const int final = tlsm_is_final(&side->block.state);
    const uint64_t outstanding = tlsm_outstanding(&side->block.state);
    tlsm_verdict(&side->block.state, &before);
    if (!final && outstanding > 0) {
        const struct tlsm_in careless = { .kind = TLSM_IN_EXPORT };
        assert_code(tlsm_step(&side->config, &side->block.state, &careless, &side->block.state, &out), TLSM_SEND_FIRST);
    }
    assert_code(tlsm_step(&side->config, &side->block.state, &in, &side->block.state, &out),
                final ? tlsm_how_code(before.how) : TLSM_END_HANDED_OFF);
    assert_true(tlsm_outstanding(&side->block.state) == outstanding);
    check_wiped(&side->block.state);
    if (course->moved % 16 == 0)
        check_silent(&side->config, &side->block.state);
}

static void move(struct side *side)
{
    static uint8_t block[SIDE_ROOM + TLSM_EXPORT_HEADER];
    const size_t length = tlsm_export(&side->block.state, NULL, 0);
    if (length == 0) {
        check_refused(side);
        return;
    }
    assert_int_equal(length, tlsm_length(&side->block.state) + TLSM_EXPORT_HEADER);
    assert_int_equal(tlsm_export(&side->block.state, block, sizeof block), length);
    give_up(side);
    memset(&side->block, 0xa5, sizeof side->block);
    assert_code(tlsm_import(&side->config, tlsm_slice(block, length), &side->block.state, length), TLSM_OK);
    memset(block, 0x5a, length);
    course->moved++;
}

static void stepped(struct side *side)
{
    course->steps++;
    note_step(side);
    if (course->move_at == UINT32_MAX || course->move_at == course->steps)
        move(side);
}

/* ------------------------------------------------------------------------------------------------ courses */

static struct pair *watched(struct pair *pair)
{
    /* Ed25519 signs the same to the same: two runs are equal only if all they are given is. */
    pair->client.settings.schemes = ed25519_schemes;
    pair->client.settings.scheme_count = 1;
    pair->client.stepped = pair->server.stepped = stepped;
    return pair;
}

static struct pair *connected(int real)
{
    struct pair *pair = watched(fresh(real));
    start_both(pair, "example.org");
    talk(pair);
    check_connected(pair);
    return pair;
}

static void whole_connection(int real) { exchange_and_close(connected(real)); }

static void hello_retry(int real)
{
    struct pair *pair = watched(fresh(real));
    pair->server.settings.groups = groups + 1;
    pair->server.settings.group_count = 1;
    start_both(pair, "example.org");
    talk(pair);
    check_connected(pair);
    assert_true(tlsm_fact(&pair->server.block.state, TLSM_FACT_RETRIED));
    exchange_and_close(pair);
}

static void resumption(int real)
{
    struct pair *pair = watched(sealing(real));
    struct tlsm_session session;
    first(pair);
    session = kept(&pair->client);
    offer(pair, HOST, &session, NOW + 1000);
    check_resumed(pair, 1);
    assert_code(side_do(&pair->server, TLSM_IN_TICKET), TLSM_OK);
    exchange_and_close(pair);
    assert_int_equal(pair->client.tickets, 3);
}

static void a_session_of_a_cache(int real)
{
    struct pair *pair = watched(sealing(real));
    struct tlsm_session session;
    first(pair);
    session = kept(&pair->client);
    pair->server.settings.ask = TLSM_ASK_SESSION_BIT;
    offer(pair, HOST, &session, NOW + 1000);   /* the question is answered: none is known */
    exchange_and_close(pair);
}

static void key_updates(int real)
{
    struct pair *pair = connected(real);
    for (int i = 0; i < 3; i++) {
        assert_code(side_update(&pair->client, i & 1), TLSM_OK);
        assert_code(side_update(&pair->server, i & 1), TLSM_OK);
        talk(pair);
    }
    exchange_and_close(pair);
}

static void say_bytewise(struct side *from, struct side *to)
{
    side_produce(from);
    while (from->wire_have > 0) {
        (void)side_sent(from, 1, to);
        (void)side_feed(to);
    }
}

static void byte_by_byte(int real)
{
    struct pair *pair = watched(fresh(real));
    start_both(pair, "example.org");
    for (int i = 0; i < 4; i++) {
        say_bytewise(&pair->client, &pair->server);
        (void)answer(pair, &pair->server);
        say_bytewise(&pair->server, &pair->client);
        (void)answer(pair, &pair->client);
    }
    check_connected(pair);
    (void)side_write(&pair->client, "slow");
    (void)side_close(&pair->client, 0);
    say_bytewise(&pair->client, &pair->server);
    assert_plain(&pair->server, "slow");
    (void)side_close(&pair->server, 0);
    say_bytewise(&pair->server, &pair->client);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
}

/* A ticket in three records, and one that is too long to be kept. */
static void split_messages(int real)
{
    static const uint8_t ticket[24] = { 4, 0, 0, 20, 0, 0, 14, 16, 1, 2, 3, 4, 1, 7, 0, 6, 'a', 'b', 'c', 'd', 'e', 'f', 0, 0 };
    static const uint8_t giant[600] = { 4, 0, 3, 232 };
    struct pair *pair = connected(real);
    for (size_t at = 0; at < sizeof ticket; at += 8) {
        side_forge(&pair->server, &pair->client, 22, ticket + at, 8);
        (void)side_feed(&pair->client);
    }
    assert_int_equal(pair->client.tickets, 1);
    side_forge(&pair->server, &pair->client, 22, giant, sizeof giant);
    side_forge(&pair->server, &pair->client, 22, giant + 4, 400);
    side_forge(&pair->server, &pair->client, 22, giant + 4, 4);
    (void)side_feed(&pair->client);
    exchange_and_close(pair);
}

static void half_taken_alerts(int real)
{
    struct pair *pair = connected(real);
    (void)side_write(&pair->server, "unread");
    assert_code(side_abort(&pair->server, TLSM_ALERT_INTERNAL_ERROR), TLSM_OK);
    side_produce(&pair->server);
    (void)side_sent(&pair->server, 7, &pair->client);
    (void)side_feed(&pair->client);
    (void)side_sent(&pair->server, pair->server.wire_have - 3, &pair->client);
    (void)side_feed(&pair->client);
    (void)side_sent(&pair->server, 3, &pair->client);
    (void)side_feed(&pair->client);
    assert_how(&pair->client, "peer_alert");
    assert_how(&pair->server, "local_alert");
}

static void garbage(int real)
{
    static const uint8_t record[32] = { 23, 3, 3, 0, 27 };
    struct pair *pair = connected(real);
    side_inject(&pair->client, record, sizeof record);
    (void)side_feed(&pair->client);
    talk(pair);
    assert_how(&pair->client, "local_alert");
}

static void truncation(int real)
{
    struct pair *pair = connected(real);
    (void)side_do(&pair->client, TLSM_IN_DEADLINE_SET);
    (void)side_write(&pair->server, "cut short");
    (void)side_sent(&pair->server, 11, &pair->client);
    (void)side_feed(&pair->client);
    assert_code(side_eof(&pair->client, 0), TLSM_CUT);
    (void)side_write(&pair->client, "still said");
    (void)side_close(&pair->client, 0);
    talk(pair);
    assert_how(&pair->client, "truncated");
    (void)side_do(&pair->server, TLSM_IN_RECEIVE_FAILED);
    (void)side_do(&pair->server, TLSM_IN_ABANDON);
}

static void closing_one_way(int real)
{
    struct pair *pair = connected(real);
    assert_code(side_close(&pair->client, 1), TLSM_OK);
    talk(pair);
    (void)side_write(&pair->server, "after your close");
    (void)side_close(&pair->server, 0);
    assert_code(side_do(&pair->client, TLSM_IN_WAIT), TLSM_OK);
    talk(pair);
    assert_plain(&pair->client, "after your close");
    assert_how(&pair->client, "clean_both");
}

/* The server has nothing that the client could believe: an alert is owed, and goes from there. */
static void nothing_to_show(int real)
{
    struct pair *pair = watched(fresh(real));
    pair->server.settings.credential_count = 1;
    start_both(pair, "example.org");
    talk(pair);
    assert_how(&pair->server, "handshake_failed");
    assert_int_equal(pair->server.block.state.control.alert_out, TLSM_ALERT_HANDSHAKE_FAILURE);
}

static void cancelled(int real)
{
    struct pair *pair = watched(fresh(real));
    start_both(pair, "example.org");
    (void)side_say(&pair->client, &pair->server);
    (void)side_close(&pair->client, 0);
    talk(pair);
    assert_how(&pair->client, "cancelled_in_handshake");
}

static void a_failed_send(int real)
{
    struct pair *pair = watched(fresh(real));
    start_both(pair, "example.org");
    (void)side_say(&pair->client, &pair->server);
    (void)side_do(&pair->client, TLSM_IN_SEND_FAILED);
    talk(pair);
    (void)side_eof(&pair->client, 0);
    assert_how(&pair->client, "handshake_failed");
}

/* ------------------------------------------------------------------------------------------------ J1, J3, I11 */

static void compare(void (*script)(int real), int real, unsigned move_at)
{
    course = &moves;
    moves.have = moves.steps = moves.moved = moves.refused = 0;
    moves.move_at = move_at;
    script(real);
    assert_int_equal(moves.steps, stays.steps);
    assert_int_equal(moves.have, stays.have);
    assert_memory_equal(moves.log, stays.log, stays.have);
}

/* Moves once, after each step in turn (of long courses after some of them), then after every step. */
static void move_everywhere(void (*script)(int real), int real)
{
    course = &stays;
    stays.have = stays.steps = stays.move_at = 0;
    script(real);
    assert_true(stays.steps > 8);
    for (unsigned at = 1; at <= stays.steps; at += 1 + stays.steps / 100) {
        compare(script, real, at);
        assert_int_equal(moves.moved + moves.refused, 1);
    }
    compare(script, real, UINT32_MAX);
    assert_int_equal(moves.moved + moves.refused, moves.steps);
}

static void both(void (*script)(int real))
{
    move_everywhere(script, 0);
    move_everywhere(script, 1);
}

#define COURSE(script) \
    static void i11_goes_on_elsewhere_##script(void **unused) \
    { \
        (void)unused; \
        both(script); \
    }
COURSE(whole_connection)
COURSE(hello_retry)
COURSE(resumption)
COURSE(a_session_of_a_cache)
COURSE(key_updates)
COURSE(byte_by_byte)
COURSE(half_taken_alerts)
COURSE(split_messages)
COURSE(garbage)
COURSE(truncation)
COURSE(closing_one_way)
COURSE(nothing_to_show)
COURSE(cancelled)
COURSE(a_failed_send)

/* Connected, and nobody watches. */
static struct pair *quiet(void)
{
    struct pair *pair = fresh(0);
    start_both(pair, "");
    talk(pair);
    check_connected(pair);
    return pair;
}

static void j1_before_the_start_too(void **unused)
{
    struct pair *pair = fresh(0);
    uint8_t block[TLSM_ESTABLISHED_MAX];
    const size_t length = tlsm_export(&pair->client.block.state, block, sizeof block);
    (void)unused;
    assert_code(side_do(&pair->client, TLSM_IN_EXPORT), TLSM_END_HANDED_OFF);
    assert_how(&pair->client, "handed_off");
    assert_code(tlsm_import(&pair->client.config, tlsm_slice(block, length), &pair->client.block.state, SIDE_ROOM), TLSM_OK);
    start_both(pair, "");
    talk(pair);
    check_connected(pair);
}

static void j1_what_was_handed_off_is_not_exported_again(void **unused)
{
    struct pair *pair = quiet();
    uint8_t block[TLSM_ESTABLISHED_MAX + TLSM_EXPORT_HEADER];
    (void)unused;
    assert_code(side_do(&pair->client, TLSM_IN_EXPORT), TLSM_END_HANDED_OFF);
    assert_int_equal(tlsm_export(&pair->client.block.state, block, sizeof block), 0);
}

/* ------------------------------------------------------------------------------------------------ what is refused */

static uint8_t exported[TLSM_ESTABLISHED_MAX + TLSM_EXPORT_HEADER], larger[2 * TLSM_ESTABLISHED_MAX];

static size_t export_client(const struct pair *pair)
{
    const size_t length = tlsm_export(&pair->client.block.state, exported, sizeof exported);
    assert_true(length > 0 && length <= sizeof exported);
    return length;
}

/* Refused, and nothing stays behind. */
static void refuse(const struct tlsm_config *config, const uint8_t *block, size_t length, enum tlsm_code expected)
{
    static union { struct tlsm_state state; uint8_t bytes[SIDE_ROOM]; } into;
    struct tlsm_state fresh_state;
    memset(&into, 0x5a, sizeof into);
    tlsm_init(&fresh_state);
    assert_code(tlsm_import(config, tlsm_slice(block, length), &into.state, sizeof into), expected);
    assert_memory_equal(&into.state, &fresh_state, sizeof fresh_state);
}

static void what_is_no_block_is_refused(void **unused)
{
    const struct pair *pair = quiet();
    const size_t length = export_client(pair);
    const struct tlsm_config *config = &pair->client.config;
    (void)unused;
    for (size_t i = 0; i < length; i++)
        refuse(config, exported, i, i < 4 ? TLSM_EXPORT_FOREIGN : TLSM_EXPORT_LENGTH);
    memcpy(larger, exported, length);
    refuse(config, larger, length + 1, TLSM_EXPORT_LENGTH);
    larger[0] ^= 1;
    refuse(config, larger, length, TLSM_EXPORT_FOREIGN);
    larger[0] ^= 1;
    larger[5]++;
    refuse(config, larger, length, TLSM_EXPORT_OTHER_VERSION);
    larger[5]--;
    larger[11]++;
    refuse(config, larger, length + 1, TLSM_EXPORT_INCONSISTENT);   /* a block longer than its state */
}

static void a_block_without_room_changes_nothing(void **unused)
{
    const struct pair *pair = quiet();
    const size_t length = export_client(pair);
    uint8_t room[sizeof(struct tlsm_state)] = { 1, 2, 3 }, before[sizeof room];
    (void)unused;
    memcpy(before, room, sizeof room);
    assert_code(tlsm_import(&pair->client.config, tlsm_slice(exported, length), (struct tlsm_state *)(void *)larger,
                            length - TLSM_EXPORT_HEADER - 1), TLSM_MORE_STATE_ROOM);
    assert_memory_equal(before, room, sizeof room);
    assert_int_equal(tlsm_export(&pair->client.block.state, NULL, length - 1), length);
}

/* Whatever the bytes are: nothing is written past the room. */
static void no_block_is_read_into_less_than_a_state(void **unused)
{
    const struct pair *pair = quiet();
    const size_t length = export_client(pair);
    union { struct tlsm_state state; uint8_t bytes[sizeof(struct tlsm_state)]; } into, before;
    (void)unused;
    memset(&before, 0x5a, sizeof before);
    memcpy(&into, &before, sizeof into);
    for (size_t cut = 0; cut <= length; cut += length / 2)
        assert_code(tlsm_import(&pair->client.config, tlsm_slice(exported, cut), &into.state, sizeof into - 1), TLSM_MORE_STATE_ROOM);
    assert_memory_equal(&into, &before, sizeof into);
}

/* What a vouched end says is 0, so nothing but a vouched end may say it. */
static void no_damage_makes_a_truncation_a_framed_end(void **unused)
{
    struct pair *pair = quiet();
    static const uint8_t begun[3] = { 23, 3, 3 };
    size_t length;
    (void)unused;
    assert_code(side_eof(&pair->client, 0), TLSM_CUT);
    pair->client.block.state.control.cause = TLSM_CAUSE_EOF_VOUCHED;
    length = export_client(pair);
    refuse(&pair->client.config, exported, length, TLSM_EXPORT_SETTINGS);
    pair = quiet();
    pair->client.settings.eof = TLSM_EOF_FRAMED;
    side_inject(&pair->client, begun, sizeof begun);
    (void)side_feed(&pair->client);
    assert_code(side_eof(&pair->client, 0), TLSM_CUT);
    pair->client.block.state.control.cause = TLSM_CAUSE_EOF_VOUCHED;
    length = export_client(pair);
    refuse(&pair->client.config, exported, length, TLSM_EXPORT_INCONSISTENT);
}

/* One bit, and the next Finished would end a handshake in which nobody showed a certificate. */
static void no_damage_makes_a_full_handshake_a_resumed_one(void **unused)
{
    static uint8_t midway[SIDE_ROOM];
    struct pair *pair = fresh(0);
    struct side *client = &pair->client, *server = &pair->server;
    (void)unused;
    start_both(pair, "example.org");
    (void)side_say(client, server);
    (void)answer(pair, server);
    side_produce(server);
    while (client->block.state.control.phase != TLSM_PHASE_C_WAIT_FINISHED) {
        const size_t record = TLSM_HEADER + ((size_t)server->wire[3] << 8 | server->wire[4]);
        assert_true(server->wire_have >= record);
        (void)side_sent(server, record, client);
        (void)side_feed(client);
        const uint32_t facts = client->block.state.control.facts;
        client->block.state.control.facts |= TLSM_FACT_RESUMED;
        refuse(&client->config, midway, tlsm_export(&client->block.state, midway, sizeof midway), TLSM_EXPORT_INCONSISTENT);
        client->block.state.control.facts = facts;
        if (server->wire_have == 0 && answer(pair, server))
            side_produce(server);
    }
    tlsm_hs(&client->block.state)->chain_length = 0;
    refuse(&client->config, midway, tlsm_export(&client->block.state, midway, sizeof midway), TLSM_EXPORT_INCONSISTENT);
}

static void other_settings_are_refused(void **unused)
{
    static const struct tlsm_bytes protocol[] = { { (const uint8_t *)"h2", 2 } };
    struct pair *pair = sealing(0);
    struct tlsm_settings other;
    struct tlsm_config config = { &other, pair->server.config.crypto, NULL };
    size_t length;
    (void)unused;
    pair->client.settings.alpn = pair->server.settings.alpn = protocol;
    pair->client.settings.alpn_count = pair->server.settings.alpn_count = 1;
    first(pair);
    length = export_client(pair);
    other = pair->client.settings;
    other.alpn_count = 0;
    refuse(&config, exported, length, TLSM_EXPORT_SETTINGS);
    other = pair->server.settings;
    refuse(&config, exported, length, TLSM_EXPORT_SETTINGS);
    length = tlsm_export(&pair->server.block.state, exported, sizeof exported);
    other.ticket_key_count = 0;
    refuse(&config, exported, length, TLSM_EXPORT_SETTINGS);
}

/* What is written here is read elsewhere, by another compiler, word size or byte order. If a block looks different now, so that older
 * ones are not read any more, TLSM_EXPORT_VERSION has to change with these numbers. */
static void the_format_is_the_one_of_this_version(void **unused)
{
    static const uint8_t head[] = { 't', 'l', 's', 'm', 0, TLSM_EXPORT_VERSION, 0, 0, 0, 0, 3, 68, 0, 0, 3, 56, 0, 0, 0, 1,
                                    TLSM_RX_OPEN, TLSM_TX_OPEN, TLSM_PHASE_DATA, TLSM_CLIENT, 3, 3 };
    static uint8_t midway[SIDE_ROOM];
    struct pair *pair = quiet();
    size_t length = export_client(pair);
    (void)unused;
    assert_int_equal(TLSM_EXPORT_VERSION, 2);
    assert_int_equal(length, 836);
    assert_memory_equal(exported, head, sizeof head);
    assert_true(mix_of(exported, length) == UINT64_C(0xdc9cb887e60e3436));
    pair = fresh(0);
    start_both(pair, "example.org");
    length = tlsm_export(&pair->client.block.state, midway, sizeof midway);
    assert_int_equal(length, 2612);
    assert_true(mix_of(midway, length) == UINT64_C(0x75657cde4d86ddd6));
}

/* ------------------------------------------------------------------------------------------------ damage */

enum { STEPS = 6, HEAD = 3 + 2 * STEPS, FIRST = TLSM_EXPORT_HEADER + 8 + 32 + 88 };

struct damage {
    uint8_t bytes[HEAD + SCENE_BLOCK];
    size_t length;
    unsigned accepted, refused;
};

static int exports(struct damage *damage, size_t scene, size_t root)
{
    static const uint8_t head[HEAD] = { 0, 0, STEPS, TLSM_IN_WIRE, 5, TLSM_IN_PRODUCE, 0, TLSM_IN_SENT, 1, TLSM_IN_WIRE, 4,
                                        TLSM_IN_CLOSE, 0, TLSM_IN_PRODUCE, 0 };
    const size_t length = tlsm_export(&scene_at(scene)->root[root].at.state, damage->bytes + HEAD, SCENE_BLOCK);
    memcpy(damage->bytes, head, sizeof head);
    damage->bytes[0] = (uint8_t)scene;
    damage->length = HEAD + length;
    return length > 0;
}

static void try(struct damage *damage, size_t length)
{
    int accepted;
    const char *broken = import_run(damage->bytes, length, &accepted);
    if (broken != NULL)
        fail_msg("%s", broken);
    damage->accepted += accepted != 0;
    damage->refused += accepted == 0;
}

static void flip(struct damage *damage, size_t at, uint8_t by)
{
    damage->bytes[HEAD + at] ^= by;
    try(damage, damage->length);
    damage->bytes[HEAD + at] ^= by;
}

/* The bits of the header, the control block and the totals, of every scene's every root; a fifth of them in each. */
static void a_flipped_bit_is_refused_or_harmless(void **unused)
{
    static struct damage damage;
    (void)unused;
    scenes_prepare();
    for (size_t scene = 0; scene < scenes_count(); scene++)
        for (size_t root = 0; root < scene_at(scene)->roots; root++)
            for (size_t bit = root % 5; exports(&damage, scene, root) && bit < 8 * FIRST; bit += 5)
                flip(&damage, bit / 8, (uint8_t)(1u << bit % 8));
    print_message("accepted %u, refused %u\n", damage.accepted, damage.refused);
    assert_true(damage.accepted > 0 && damage.refused > damage.accepted);
}

/* Every byte of some blocks, and every length. */
static void a_flipped_byte_is_refused_or_harmless(void **unused)
{
    static struct damage damage;
    (void)unused;
    scenes_prepare();
    for (size_t scene = 0; scene < scenes_count(); scene += 3)
        for (size_t root = scene % 5; root < scene_at(scene)->roots; root += 5)
            for (size_t at = 0; exports(&damage, scene, root) && at < damage.length - HEAD; at++)
                flip(&damage, at, (uint8_t)(at % 3 == 0 ? 0xff : at % 3 == 1 ? 0x01 : 0x80));
    print_message("accepted %u, refused %u\n", damage.accepted, damage.refused);
}

static void a_cut_block_is_refused(void **unused)
{
    static struct damage damage;
    (void)unused;
    scenes_prepare();
    for (size_t root = 0; root < scene_at(0)->roots; root += 4)
        for (size_t length = HEAD; exports(&damage, 0, root) && length < damage.length; length++)
            try(&damage, length);
    assert_int_equal(damage.accepted, 0);
}

static unsigned replay(const char *folder, const char *prefix)
{
    static uint8_t bytes[HEAD + SCENE_BLOCK];
    DIR *const entries = opendir(folder);
    const struct dirent *entry;
    unsigned files = 0;
    assert_non_null(entries);
    while ((entry = readdir(entries)) != NULL) {
        char path[512];
        FILE *file;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        file = entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0 ? fopen(path, "rb") : NULL;
        if (file == NULL)
            continue;
        const char *broken = import_run(bytes, fread(bytes, 1, sizeof bytes, file), NULL);
        if (broken != NULL)
            fail_msg("%s: %s", path, broken);
        (void)fclose(file);
        files++;
    }
    (void)closedir(entries);
    return files;
}

static void what_was_found_before_stays_mended(void **unused)
{
    (void)unused;
    scenes_prepare();
    assert_true(replay("corpus/import", "") > 0);
    assert_true(replay("corpus/regress", "import-") > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(i11_goes_on_elsewhere_whole_connection),
        cmocka_unit_test(i11_goes_on_elsewhere_hello_retry),
        cmocka_unit_test(i11_goes_on_elsewhere_resumption),
        cmocka_unit_test(i11_goes_on_elsewhere_a_session_of_a_cache),
        cmocka_unit_test(i11_goes_on_elsewhere_key_updates),
        cmocka_unit_test(i11_goes_on_elsewhere_byte_by_byte),
        cmocka_unit_test(i11_goes_on_elsewhere_split_messages),
        cmocka_unit_test(i11_goes_on_elsewhere_half_taken_alerts),
        cmocka_unit_test(i11_goes_on_elsewhere_garbage),
        cmocka_unit_test(i11_goes_on_elsewhere_truncation),
        cmocka_unit_test(i11_goes_on_elsewhere_closing_one_way),
        cmocka_unit_test(i11_goes_on_elsewhere_nothing_to_show),
        cmocka_unit_test(i11_goes_on_elsewhere_cancelled),
        cmocka_unit_test(i11_goes_on_elsewhere_a_failed_send),
        cmocka_unit_test(j1_before_the_start_too),
        cmocka_unit_test(j1_what_was_handed_off_is_not_exported_again),
        cmocka_unit_test(what_is_no_block_is_refused),
        cmocka_unit_test(a_block_without_room_changes_nothing),
        cmocka_unit_test(no_block_is_read_into_less_than_a_state),
        cmocka_unit_test(no_damage_makes_a_truncation_a_framed_end),
        cmocka_unit_test(no_damage_makes_a_full_handshake_a_resumed_one),
        cmocka_unit_test(other_settings_are_refused),
        cmocka_unit_test(the_format_is_the_one_of_this_version),
        cmocka_unit_test(a_flipped_bit_is_refused_or_harmless),
        cmocka_unit_test(a_flipped_byte_is_refused_or_harmless),
        cmocka_unit_test(a_cut_block_is_refused),
        cmocka_unit_test(what_was_found_before_stays_mended),
    };
    return cmocka_run_group_tests_name("export", tests, make_keys, free_keys);
}
