/* SPDX-License-Identifier: MIT */
/* Early data between our client and our server, over the null provider and the real one: RFC 9846 §4.3.10, §4.6, §8. */
#include "early_fixture.h"

/* ------------------------------------------------------------------------------------------------ the whole path */

static void check_accepted(const struct pair *pair)
{
    check_resumed(pair, 1);
    assert_int_equal(side_verdict(&pair->client).early, TLSM_EARLY_ACCEPTED);
    assert_int_equal(side_verdict(&pair->server).early, TLSM_EARLY_ACCEPTED);
    assert_int_equal(pair->server.block.state.ledger.early_in, pair->client.block.state.ledger.early_out);
}

static void check_rejected(const struct pair *pair)
{
    check_connected(pair);
    assert_int_equal(side_verdict(&pair->client).early, TLSM_EARLY_REJECTED);
    assert_int_equal(side_verdict(&pair->server).early, TLSM_EARLY_REJECTED);
    assert_int_equal(pair->server.plain_have, 0);
    assert_true(side_verdict(&pair->server).skipped > 0);
}

static void a_whole_connection(int real)
{
    struct pair *pair = speaking_early(real, LATER);
    assert_int_equal(tlsm_early_data(client_of(pair)), TLSM_EARLY_UNKNOWN);
    assert_int_equal(tlsm_early_room(&pair->client.config, client_of(pair)), EARLY_MAX);
    assert_code(write_early(&pair->client, "early "), TLSM_PRODUCED);
    assert_int_equal(tlsm_early_room(&pair->client.config, client_of(pair)), EARLY_MAX - 6);
    (void)side_say(&pair->client, &pair->server);
    assert_int_equal(pair->server.block.state.control.request, TLSM_ASK_REPLAY);
    reply(pair, &pair->server);
    (void)side_feed(&pair->server);
    assert_plain(&pair->server, "early ");   /* before a byte of ours was made */
    assert_true(pair->server.out.news & TLSM_NEWS_EARLY);
    assert_false(tlsm_connected(server_of(pair)));
    assert_code(write_early(&pair->client, "and more"), TLSM_PRODUCED);
    converse(pair);
    check_accepted(pair);
    assert_plain(&pair->server, "early and more");
    assert_int_equal(side_verdict(&pair->client).plain_out, 14);
    pair->server.plain_have = 0;
    exchange_and_close(pair);
}

static void early_data_comes_first(void **unused) { TLSM_UNUSED(unused); a_whole_connection(0); }
static void early_data_comes_first_for_real(void **unused) { TLSM_UNUSED(unused); a_whole_connection(1); }

static void every_suite_has_early_data(void **unused)
{
    TLSM_UNUSED(unused);
    for (size_t i = 0; i < 3; i++) {
        struct pair *pair = early_pair(1);
        pair->server.settings.suites = &suites[i];
        pair->server.settings.suite_count = 1;
        first(pair);
        again_early(pair, LATER);
        assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
        converse(pair);
        check_accepted(pair);
        assert_int_equal(client_of(pair)->suite, suites[i]);
        assert_plain(&pair->server, "x");
    }
}

static void nothing_is_written_and_all_ends_well(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = speaking_early(0, LATER);
    converse(pair);
    check_accepted(pair);
    exchange_and_close(pair);
}

static void without_compatibility(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(1);
    pair->client.settings.no_compatibility = 1;
    first(pair);
    again_early(pair, LATER);
    assert_int_equal(pair->client.block.state.control.phase, TLSM_PHASE_C_WAIT_HELLO);
    assert_code(write_early(&pair->client, "bare"), TLSM_PRODUCED);
    converse(pair);
    check_accepted(pair);
}

/* ------------------------------------------------------------------------------------------------ on the wire */

/* §D.4: ChangeCipherSpec comes right behind the first ClientHello, and is the only one. */
static void records_of_the_flight(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = speaking_early(0, LATER);
    const uint8_t *wire = pair->client.wire;
    assert_code(write_early(&pair->client, "abc"), TLSM_PRODUCED);
    const size_t hello = record_length(wire);
    assert_int_equal(wire[0], TLSM_TYPE_HANDSHAKE);
    assert_memory_equal(wire + hello, "\24\3\3\0\1\1", 6);
    assert_memory_equal(wire + hello + 6, "\27\3\3\0\24", 5);
    assert_int_equal(pair->client.wire_have, hello + 6 + 5 + 3 + 17);
    assert_int_equal(extension_of(wire, TLSM_EXTENSION_EARLY_DATA), 0);   /* its length: "Empty" */
    (void)side_say(&pair->client, &pair->server);
    reply(pair, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    const size_t have = pair->client.wire_have;
    side_produce(&pair->client);
    assert_int_equal(have, 0);
    /* EndOfEarlyData under the early key, then Finished: two protected records and no ChangeCipherSpec. */
    assert_memory_equal(pair->client.wire, "\27\3\3\0\25", 5);
    assert_int_equal(pair->client.wire_have, 5 + 4 + 17 + 5 + 4 + 32 + 17);
    assert_memory_equal(pair->client.wire + 5, "\5\0\0\0\26", 5);         /* the null provider hides nothing */
    converse(pair);
    check_accepted(pair);
}

static void tickets_say_how_much(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(0);
    first(pair);
    assert_int_equal(kept(&pair->client).early_max, EARLY_MAX);
    pair->server.settings.early_max = 0;
    offer(pair, HOST, NULL, NOW);
    assert_int_equal(kept(&pair->client).early_max, 0);
}

static void the_largest_ticket_fits(void **unused)
{
    TLSM_UNUSED(unused);
    static const uint8_t context[TLSM_CONTEXT_MAX] = { 7 };
    struct pair *pair = early_pair(1);
    pair->server.settings.suites = pair->client.settings.suites = &suites[1];
    pair->server.settings.suite_count = pair->client.settings.suite_count = 1;
    pair->server.settings.session_context = pair->client.settings.session_context = tlsm_slice(context, sizeof context);
    first(pair);
    assert_true(kept(&pair->client).ticket.length <= TLSM_TICKET_MAX);
    assert_true(4 + 4 + 4 + 1 + 2 + 2 + kept(&pair->client).ticket.length + 2 + 8 <= TLSM_SPARE);
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
    converse(pair);
    check_accepted(pair);
}

/* ------------------------------------------------------------------------------------------------ off, or not offered */

static void off_by_default(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(0);
    first(pair);
    pair->client.settings.early_data = 0;
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "x"), TLSM_NO_EARLY_DATA);
    assert_int_equal(tlsm_early_room(&pair->client.config, client_of(pair)), 0);
    assert_int_equal(extension_of(pair->client.wire, TLSM_EXTENSION_EARLY_DATA), -1);
    converse(pair);
    check_resumed(pair, 1);
    assert_int_equal(side_verdict(&pair->client).early, TLSM_EARLY_NONE);
    assert_int_equal(side_verdict(&pair->server).early, TLSM_EARLY_NONE);
}

static void a_session_without_it_offers_none(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(0);
    pair->server.settings.early_max = 0;
    first(pair);
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "x"), TLSM_NO_EARLY_DATA);
    converse(pair);
    check_resumed(pair, 1);
}

static void a_suite_that_is_not_ours_any_more_offers_none(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(0);
    pair->server.settings.suites = &suites[2];
    pair->server.settings.suite_count = 1;
    first(pair);
    pair->client.settings.suites = &suites[0];
    pair->client.settings.suite_count = 1;
    pair->server.settings.suites = NULL;
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "x"), TLSM_NO_EARLY_DATA);
    converse(pair);
    check_resumed(pair, 1);
}

static const struct tlsm_bytes protocols[] = { { (const uint8_t *)"h2", 2 }, { (const uint8_t *)"http/1.1", 8 } };

static void speak(struct side *side, size_t at, size_t count)
{
    side->settings.alpn = protocols + at;
    side->settings.alpn_count = count;
}

static void early_data_speaks_the_sessions_protocol(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(1);
    speak(&pair->client, 0, 2);
    speak(&pair->server, 1, 1);
    first(pair);
    again_early(pair, LATER);
    assert_int_equal(client_of(pair)->alpn, 2);   /* known before the server speaks */
    assert_code(write_early(&pair->client, "GET"), TLSM_PRODUCED);
    converse(pair);
    check_accepted(pair);
    assert_int_equal(client_of(pair)->alpn, 2);
}

static void a_protocol_that_is_not_ours_any_more_offers_none(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(0);
    speak(&pair->client, 0, 2);
    speak(&pair->server, 0, 2);
    first(pair);
    speak(&pair->client, 1, 1);
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "x"), TLSM_NO_EARLY_DATA);
    converse(pair);
    check_resumed(pair, 1);
    assert_int_equal(client_of(pair)->alpn, 1);
}

static void another_protocol_rejects(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(1);
    speak(&pair->client, 0, 2);
    speak(&pair->server, 0, 2);
    first(pair);
    speak(&pair->server, 1, 1);
    again_early(pair, LATER);
    assert_int_equal(client_of(pair)->alpn, 1);
    assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
    converse(pair);
    check_rejected(pair);
    assert_int_equal(client_of(pair)->alpn, 2);
    exchange_and_close(pair);
}

/* ------------------------------------------------------------------------------------------------ rejected */

static void replayed_is_rejected(void **unused)
{
    TLSM_UNUSED(unused);
    for (int real = 0; real < 2; real++) {
        struct pair *pair = speaking_early(real, LATER);
        assert_code(write_early(&pair->client, "again?"), TLSM_PRODUCED);
        fresh_answer = 0;
        converse(pair);
        fresh_answer = 1;
        check_resumed(pair, 1);
        check_rejected(pair);
        exchange_and_close(pair);
    }
}

/* The same bytes name themselves alike, other bytes do not: whoever remembers the names sees what comes again. */
static void what_comes_again_has_the_same_name(void **unused)
{
    TLSM_UNUSED(unused);
    uint8_t once[3][32];
    struct pair *pair = early_pair(1);
    first(pair);
    for (int i = 0; i < 3; i++) {
        struct tlsm_request request;
        again_early(pair, i < 2 ? LATER : LATER + 1);
        (void)side_say(&pair->client, &pair->server);
        assert_int_equal(tlsm_request(&pair->server.config, server_of(pair), &request), TLSM_ASK_REPLAY);
        assert_int_equal(request.once.length, 32);
        memcpy(once[i], request.once.data, 32);
    }
    assert_memory_equal(once[0], once[1], 32);
    assert_memory_not_equal(once[0], once[2], 32);
}

static void the_age_must_fit(void **unused)
{
    TLSM_UNUSED(unused);
    static const struct { int64_t client, server; int asked; } age[] = {
        { 1000, 1000, 1 }, { 1000, 11000, 1 }, { 1000, 11001, 0 }, { 11000, 1000, 1 }, { 11001, 1000, 0 }, { 5000, -5000, 1 },
        { 5000, -5001, 0 }, { 10001, -1, 0 } };
    for (size_t i = 0; i < sizeof age / sizeof *age; i++) {
        struct pair *pair = early_pair(0);
        first(pair);
        const struct tlsm_session session = kept(&pair->client);
        again(&pair->client);
        again(&pair->server);
        begin(&pair->client, HOST, &session, NOW + (uint64_t)age[i].client);
        begin(&pair->server, "", NULL, NOW + (uint64_t)age[i].server);
        side_produce(&pair->client);
        assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
        (void)side_say(&pair->client, &pair->server);
        assert_int_equal(pair->server.block.state.control.request, age[i].asked ? TLSM_ASK_REPLAY : TLSM_ASK_NOTHING);
        converse(pair);
        if (age[i].asked)
            check_accepted(pair);
        else
            check_rejected(pair);
        check_resumed(pair, 1);
    }
}

/* A connection that waited long for its ClientHello: the time of the answer decides. */
static void the_answer_tells_the_time(void **unused)
{
    TLSM_UNUSED(unused);
    for (int late = 0; late < 2; late++) {
        struct pair *pair = speaking_early(0, LATER);
        assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
        (void)side_say(&pair->client, &pair->server);
        answer_with(&pair->server, &(struct tlsm_answer){ .fresh = 1 }, TLSM_BAD_ARGUMENT);
        answer_with(&pair->server, &(struct tlsm_answer){ .fresh = 1, .now_ms = LATER + TLSM_EARLY_AGE_MS + (uint64_t)late }, TLSM_OK);
        converse(pair);
        if (late)
            check_rejected(pair);
        else
            check_accepted(pair);
    }
}

static void another_suite_rejects(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(1);
    first(pair);
    pair->server.settings.suites = &suites[2];   /* the same hash: the session is resumed all the same */
    pair->server.settings.suite_count = 1;
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
    converse(pair);
    check_resumed(pair, 1);
    check_rejected(pair);
    exchange_and_close(pair);
}

static void another_name_rejects(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(1);
    first(pair);
    struct tlsm_session session = kept(&pair->client);
    again(&pair->client);
    again(&pair->server);
    memset(session.name_digest, 0, sizeof session.name_digest);   /* a client that does not mind */
    begin(&pair->client, "", &session, LATER);
    begin(&pair->server, "", NULL, LATER);
    side_produce(&pair->client);
    assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
    converse(pair);
    check_resumed(pair, 0);
    check_rejected(pair);
    exchange_and_close(pair);
}

static void a_smaller_limit_rejects(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(0);
    first(pair);
    pair->server.settings.early_max = EARLY_MAX - 1;   /* a client may send what it was promised */
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
    converse(pair);
    check_rejected(pair);
    pair = early_pair(0);
    first(pair);
    pair->server.settings.early_max = EARLY_MAX + 1;
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
    converse(pair);
    check_accepted(pair);
}

static void a_server_that_has_none_skips_it(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(1);
    first(pair);
    pair->server.settings.early_max = 0;
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
    converse(pair);
    check_resumed(pair, 1);
    check_rejected(pair);
}

static void a_full_handshake_rejects(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(1);
    first(pair);
    pair->server.settings.ticket_keys = ticket_keys + 1;
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
    converse(pair);
    check_resumed(pair, 0);
    check_rejected(pair);
    exchange_and_close(pair);
}

static void a_retry_rejects(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(1);
    first(pair);
    pair->server.settings.groups = &groups[2];
    pair->server.settings.group_count = 1;
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
    (void)side_say(&pair->client, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    assert_true(pair->client.block.state.control.facts & TLSM_FACT_RETRIED);
    assert_int_equal(tlsm_early_data(client_of(pair)), TLSM_EARLY_REJECTED);
    assert_code(write_early(&pair->client, "x"), TLSM_NO_EARLY_DATA);
    side_produce(&pair->client);
    assert_int_equal(pair->client.wire[0], TLSM_TYPE_HANDSHAKE);   /* one ChangeCipherSpec is enough */
    assert_int_equal(extension_of(pair->client.wire, TLSM_EXTENSION_EARLY_DATA), -1);
    converse(pair);
    check_resumed(pair, 1);
    check_rejected(pair);
    exchange_and_close(pair);
}

/* ------------------------------------------------------------------------------------------------ limits */

static void no_more_is_written_than_was_promised(void **unused)
{
    TLSM_UNUSED(unused);
    static const char text[EARLY_MAX + 10] = { 1 };
    struct pair *pair = speaking_early(0, LATER);
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .early = 1, .bytes = { (const uint8_t *)text, sizeof text } };
    assert_code(side_step(&pair->client, &in), TLSM_PRODUCED);
    assert_int_equal(pair->client.out.consumed, EARLY_MAX);
    assert_code(side_step(&pair->client, &in), TLSM_NO_EARLY_DATA);
    converse(pair);
    check_accepted(pair);
    assert_int_equal(pair->server.plain_have, EARLY_MAX);
}

static void excess_is_unexpected(void **unused)
{
    TLSM_UNUSED(unused);
    static const uint8_t text[EARLY_MAX] = { 1 };
    struct pair *pair = speaking_early(0, LATER);
    (void)side_say(&pair->client, &pair->server);
    reply(pair, &pair->server);
    side_forge(&pair->client, &pair->server, TLSM_TYPE_DATA, text, sizeof text);
    assert_code(side_feed(&pair->server), TLSM_DATA);
    side_forge(&pair->client, &pair->server, TLSM_TYPE_DATA, text, 1);
    assert_code(side_feed(&pair->server), TLSM_FAILED);
    assert_int_equal(pair->server.out.violation, TLSM_ALERT_UNEXPECTED_MESSAGE);
    assert_int_equal(pair->server.plain_have, EARLY_MAX);
}

static void padding_and_empty_records_count_for_themselves(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = speaking_early(0, LATER);
    (void)side_say(&pair->client, &pair->server);
    reply(pair, &pair->server);
    for (int i = 0; i < 32; i++)
        side_forge(&pair->client, &pair->server, TLSM_TYPE_DATA, "", 0);
    assert_code(side_feed(&pair->server), TLSM_IGNORED);
    side_forge(&pair->client, &pair->server, TLSM_TYPE_DATA, "", 0);
    assert_code(side_feed(&pair->server), TLSM_FAILED);
    assert_int_equal(pair->server.out.violation, TLSM_ALERT_UNEXPECTED_MESSAGE);   /* E4 */
}

/* F4, A16: of the early key too two records are kept back. */
static void the_reserve_stays(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(0);
    first(pair);
    pair->client.settings.record_limit = 4;
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "a"), TLSM_PRODUCED);
    assert_code(write_early(&pair->client, "b"), TLSM_PRODUCED);
    assert_int_equal(tlsm_early_room(&pair->client.config, client_of(pair)), 0);
    assert_code(write_early(&pair->client, "c"), TLSM_NO_EARLY_DATA);
    converse(pair);
    check_accepted(pair);
}

static void skipping_follows_what_was_announced(void **unused)
{
    TLSM_UNUSED(unused);
    static const uint8_t text[16000] = { 1 };
    struct pair *pair = early_pair(0);
    pair->server.settings.early_max = 64000;
    first(pair);
    fresh_answer = 0;
    again_early(pair, LATER);
    for (int i = 0; i < 4; i++) {
        const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .early = 1, .bytes = { text, sizeof text } };
        assert_code(side_step(&pair->client, &in), TLSM_PRODUCED);
    }
    converse(pair);
    fresh_answer = 1;
    check_rejected(pair);
}

/* ------------------------------------------------------------------------------------------------ when it may be written */

static void it_is_written_behind_the_hello_and_before_the_end(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(0);
    first(pair);
    const struct tlsm_session session = kept(&pair->client);
    again(&pair->client);
    assert_code(write_early(&pair->client, "x"), TLSM_NOT_STARTED);
    again(&pair->server);
    begin(&pair->client, HOST, &session, LATER);
    begin(&pair->server, "", NULL, LATER);
    assert_code(write_early(&pair->client, "x"), TLSM_PRODUCE_FIRST);
    assert_code(write_early(&pair->server, "x"), TLSM_NO_EARLY_DATA);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_true(pair->client.out.news & TLSM_NEWS_KEYS);
    assert_code(write_early(&pair->client, "x"), TLSM_PRODUCE_FIRST);   /* ChangeCipherSpec */
    assert_int_equal(tlsm_early_room(&pair->client.config, client_of(pair)), 0);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_code(write_early(&pair->client, "x"), TLSM_PRODUCED);
    assert_code(side_write(&pair->client, "x"), TLSM_NOT_CONNECTED);
    (void)side_say(&pair->client, &pair->server);
    reply(pair, &pair->server);
    (void)side_feed(&pair->server);
    assert_code(write_early(&pair->server, "x"), TLSM_NO_EARLY_DATA);
    (void)side_say(&pair->server, &pair->client);
    assert_code(write_early(&pair->client, "y"), TLSM_PRODUCED);        /* still before EndOfEarlyData */
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_code(write_early(&pair->client, "z"), TLSM_NO_EARLY_DATA);
    converse(pair);
    check_accepted(pair);
    assert_plain(&pair->server, "xy");
    assert_code(write_early(&pair->client, "z"), TLSM_NO_EARLY_DATA);
    assert_code(side_close(&pair->client, 0), TLSM_OK);
    assert_code(write_early(&pair->client, "z"), TLSM_WRITE_CLOSED);    /* A14 */
}

static void the_key_log_gets_its_secret(void **unused)
{
    TLSM_UNUSED(unused);
    uint8_t client[TLSM_HASH_MAX], server[TLSM_HASH_MAX];
    struct pair *pair = speaking_early(1, LATER);
    assert_int_equal(tlsm_secret(client_of(pair), TLSM_SECRET_CLIENT_EARLY, client), 32);
    (void)side_say(&pair->client, &pair->server);
    reply(pair, &pair->server);
    assert_true(pair->server.out.news & TLSM_NEWS_KEYS);
    assert_int_equal(tlsm_secret(server_of(pair), TLSM_SECRET_CLIENT_EARLY, server), 32);
    assert_memory_equal(client, server, sizeof client);
    (void)side_feed(&pair->server);
    (void)side_say(&pair->server, &pair->client);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    (void)side_sent(&pair->client, pair->client.wire_have, &pair->server);
    (void)side_feed(&pair->server);
    assert_int_equal(server_of(pair)->control.phase, TLSM_PHASE_S_WAIT_FINISHED);   /* behind EndOfEarlyData */
    assert_int_equal(tlsm_secret(client_of(pair), TLSM_SECRET_CLIENT_EARLY, client), 0);
    assert_int_equal(tlsm_secret(server_of(pair), TLSM_SECRET_CLIENT_EARLY, server), 0);
    converse(pair);
    assert_int_equal(tlsm_secret(client_of(pair), TLSM_SECRET_CLIENT_EARLY, client), 0);
    assert_int_equal(tlsm_secret(server_of(pair), TLSM_SECRET_CLIENT_EARLY, server), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(early_data_comes_first),
        cmocka_unit_test(early_data_comes_first_for_real),
        cmocka_unit_test(every_suite_has_early_data),
        cmocka_unit_test(nothing_is_written_and_all_ends_well),
        cmocka_unit_test(without_compatibility),
        cmocka_unit_test(records_of_the_flight),
        cmocka_unit_test(tickets_say_how_much),
        cmocka_unit_test(the_largest_ticket_fits),
        cmocka_unit_test(off_by_default),
        cmocka_unit_test(a_session_without_it_offers_none),
        cmocka_unit_test(a_suite_that_is_not_ours_any_more_offers_none),
        cmocka_unit_test(early_data_speaks_the_sessions_protocol),
        cmocka_unit_test(a_protocol_that_is_not_ours_any_more_offers_none),
        cmocka_unit_test(another_protocol_rejects),
        cmocka_unit_test(replayed_is_rejected),
        cmocka_unit_test(what_comes_again_has_the_same_name),
        cmocka_unit_test(the_age_must_fit),
        cmocka_unit_test(the_answer_tells_the_time),
        cmocka_unit_test(another_suite_rejects),
        cmocka_unit_test(another_name_rejects),
        cmocka_unit_test(a_smaller_limit_rejects),
        cmocka_unit_test(a_server_that_has_none_skips_it),
        cmocka_unit_test(a_full_handshake_rejects),
        cmocka_unit_test(a_retry_rejects),
        cmocka_unit_test(no_more_is_written_than_was_promised),
        cmocka_unit_test(excess_is_unexpected),
        cmocka_unit_test(padding_and_empty_records_count_for_themselves),
        cmocka_unit_test(the_reserve_stays),
        cmocka_unit_test(skipping_follows_what_was_announced),
        cmocka_unit_test(it_is_written_behind_the_hello_and_before_the_end),
        cmocka_unit_test(the_key_log_gets_its_secret),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
