/* SPDX-License-Identifier: MIT */
/* record_size_limit (RFC 8449): what each side says it takes is what the other sends, in every record and for every message. */
#include "resumption_fixture.h"

/* The longest content of a protected record, type byte counted, that this side has made; its wire is looked at after each step. */
static size_t longest[3];

static void look(struct side *side)
{
    const struct tlsm_state *state = &side->block.state;
    const uint64_t allowed = side->settings.record_limit;
    if (allowed != 0 && state->control.tx == TLSM_TX_OPEN && state->control.write_epoch == TLSM_EPOCH_DATA)
        assert_true(state->write_key.sequence <= allowed - 2);
    const uint8_t *at = side->wire + side->wire_have - side->out.wire_length;
    for (size_t left = side->out.wire_length; left >= TLSM_HEADER;) {
        const size_t body = (size_t)at[3] << 8 | at[4];
        if (at[0] == TLSM_TYPE_DATA && body - TLSM_TAG > longest[side->settings.role])
            longest[side->settings.role] = body - TLSM_TAG;
        at += TLSM_HEADER + body;
        left -= TLSM_HEADER + body;
    }
}

static struct pair *limited(int real, uint16_t client, uint16_t server)
{
    struct pair *pair = sealing(real);
    memset(longest, 0, sizeof longest);
    pair->client.settings.record_size_limit = client;
    pair->server.settings.record_size_limit = server;
    pair->client.stepped = pair->server.stepped = look;
    return pair;
}

static void send_much(struct side *from)
{
    static uint8_t much[3000];
    for (size_t at = 0; at < sizeof much; at += from->out.consumed) {
        const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { much + at, sizeof much - at } };
        assert_code(side_step(from, &in), TLSM_PRODUCED);
        assert_true(from->out.consumed > 0);
    }
}

/* Certificates of 900 bytes, tickets of 200, data: all of it in records as small as were asked for, and no smaller. */
static void what_each_side_takes_is_what_it_gets(void **state)
{
    static const uint16_t limits[][2] = { { 64, 64 }, { 64, 0 }, { 100, 16384 }, { 300, 65 }, { 16384, 16384 }, { 600, 0 } };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof limits / sizeof *limits * 2; i++) {
        const size_t client = limits[i / 2][0], server = limits[i / 2][1];
        struct pair *pair = limited(i % 2 == 1, (uint16_t)client, (uint16_t)server);
        first(pair);
        assert_int_equal(pair->client.tickets, 2);
        assert_int_equal(pair->server.block.state.record_max, client - 1);
        assert_int_equal(pair->client.block.state.record_max, server != 0 ? server - 1 : TLSM_PLAIN_MAX);
        send_much(&pair->client);
        send_much(&pair->server);
        talk(pair);
        assert_int_equal(pair->client.plain_have, 3000);
        assert_int_equal(pair->server.plain_have, 3000);
        assert_int_equal(longest[TLSM_SERVER], client <= 1000 ? client : 3001);
        assert_int_equal(longest[TLSM_CLIENT], server == 0 || server > 3000 ? 3001 : server);
        assert_code(side_update(&pair->server, 1), TLSM_OK);
        pair->client.plain_have = pair->server.plain_have = 0;
        exchange_and_close(pair);
        assert_true(client > 1000 || longest[TLSM_SERVER] <= client);
    }
}

/* RFC 8449 §4: only a server that was asked answers; and without an answer nothing is limited. */
static void who_was_not_asked_is_silent(void **state)
{
    struct pair *pair = limited(0, 0, 64);
    TLSM_UNUSED(state);
    first(pair);
    assert_int_equal(pair->client.block.state.record_max, 0);
    assert_int_equal(pair->server.block.state.record_max, 0);
    send_much(&pair->client);
    talk(pair);
    assert_int_equal(pair->server.plain_have, 3000);
    assert_int_equal(longest[TLSM_CLIENT], 3001);
}

static void forged(struct side *from, struct side *to, size_t content, const char *how)
{
    static const uint8_t zeros[TLSM_PLAIN_MAX];
    side_forge(from, to, TLSM_TYPE_DATA, zeros, content);
    (void)side_feed(to);
    assert_how(to, how);
}

/* RFC 8449 §4: "record_overflow", exactly past the limit; padding counts too. */
static void a_record_past_the_limit_is_record_overflow(void **state)
{
    static const uint8_t padded[100] = { 'x', TLSM_TYPE_DATA };   /* and what side_forge() appends is padding, a zero */
    struct pair *pair = limited(0, 100, 0);
    TLSM_UNUSED(state);
    first(pair);
    forged(&pair->server, &pair->client, 99, "open");
    forged(&pair->server, &pair->client, 100, "local_alert");
    assert_int_equal(pair->client.out.violation, TLSM_ALERT_RECORD_OVERFLOW);
    assert_int_equal(pair->client.block.state.control.alert_out, TLSM_ALERT_RECORD_OVERFLOW);
    assert_int_equal(pair->client.plain_have, 99);

    pair = limited(0, 100, 0);
    first(pair);
    side_forge(&pair->server, &pair->client, 0, padded, 99);
    (void)side_feed(&pair->client);
    assert_int_equal(pair->client.out.violation, 0);
    assert_int_equal(pair->client.plain_have, 1);
    side_forge(&pair->server, &pair->client, 0, padded, 100);
    (void)side_feed(&pair->client);
    assert_int_equal(pair->client.out.violation, TLSM_ALERT_RECORD_OVERFLOW);

    pair = limited(0, 64, 200);
    first(pair);
    forged(&pair->client, &pair->server, 199, "open");
    forged(&pair->client, &pair->server, 200, "local_alert");
    assert_int_equal(pair->server.out.violation, TLSM_ALERT_RECORD_OVERFLOW);
}

/* What a client offers is the settings' number when ClientHello is made; the start has refused what makes no sense. */
static uint8_t offered(uint16_t limit)
{
    struct pair *pair = limited(0, 64, 0);
    start_both(pair, HOST);
    pair->client.settings.record_size_limit = limit;
    (void)side_say(&pair->client, &pair->server);
    return pair->server.out.violation;
}

static uint8_t answered(uint16_t limit)
{
    struct pair *pair = limited(0, 64, 200);
    start_both(pair, HOST);
    pair->server.settings.record_size_limit = limit;
    talk(pair);
    return pair->client.block.state.control.alert_out;
}

static void senseless_limits_are_refused(void **state)
{
    TLSM_UNUSED(state);
    assert_int_equal(offered(64), 0);
    assert_int_equal(offered(63), TLSM_ALERT_ILLEGAL_PARAMETER);
    assert_int_equal(offered(1), TLSM_ALERT_ILLEGAL_PARAMETER);
    assert_int_equal(offered(16386), 0);   /* a later version may have larger ones: a server bears it */
    assert_int_equal(offered(65535), 0);
    assert_int_equal(answered(64), TLSM_ALERT_NONE);
    assert_int_equal(answered(63), TLSM_ALERT_ILLEGAL_PARAMETER);
    assert_int_equal(answered(16385), TLSM_ALERT_NONE);
    assert_int_equal(answered(16386), TLSM_ALERT_ILLEGAL_PARAMETER);
}

static void an_answer_nobody_asked_for_is_unsupported_extension(void **state)
{
    struct pair *pair = limited(0, 0, 0);
    TLSM_UNUSED(state);
    start_both(pair, HOST);
    (void)side_say(&pair->client, &pair->server);
    pair->server.block.state.record_max = 100;   /* so that it answers */
    talk(pair);
    assert_int_equal(pair->client.block.state.control.alert_out, TLSM_ALERT_UNSUPPORTED_EXTENSION);
}

/* The extension's data is cut to one byte, or gets a third; every length around it is set right. */
static uint8_t misshapen(int by)
{
    static const uint8_t extension[] = { 0, 28, 0, 2, 0, 64 };
    struct pair *pair = limited(0, 64, 0);
    uint8_t hello[600];
    start_both(pair, HOST);
    side_produce(&pair->client);
    const size_t have = pair->client.wire_have, more = (size_t)((int)have + by);
    const uint8_t *wire = pair->client.wire, *at = wire;
    while (at + sizeof extension < wire + have && memcmp(at, extension, sizeof extension) != 0)
        at++;
    assert_memory_equal(at, extension, sizeof extension);
    const size_t before = (size_t)(at - wire) + sizeof extension - (by < 0 ? 1 : 0);
    memcpy(hello, wire, before);
    memset(hello + before, 0, by > 0 ? 1 : 0);
    memcpy(hello + before + (by > 0 ? 1 : 0), at + sizeof extension, have - (size_t)(at - wire) - sizeof extension);
    hello[at - wire + 3] = (uint8_t)(2 + by);
    const size_t body = more - TLSM_HEADER, block = TLSM_HEADER + 4 + 2 + 32 + 1 + 32 + 2 + 2 * 3 + 2;
    hello[3] = (uint8_t)(body >> 8), hello[4] = (uint8_t)body;
    hello[7] = (uint8_t)((body - 4) >> 8), hello[8] = (uint8_t)(body - 4);
    hello[block] = (uint8_t)((more - block - 2) >> 8), hello[block + 1] = (uint8_t)(more - block - 2);
    side_inject(&pair->server, hello, more);
    (void)side_feed(&pair->server);
    return pair->server.out.violation;
}

static void a_limit_of_another_length_is_decode_error(void **state)
{
    TLSM_UNUSED(state);
    assert_int_equal(misshapen(0), 0);
    assert_int_equal(misshapen(-1), TLSM_ALERT_DECODE_ERROR);
    assert_int_equal(misshapen(1), TLSM_ALERT_DECODE_ERROR);
}

static void a_second_hello_may_not_change_it(void **state)
{
    static const uint16_t curve[] = { TLSM_SECP384R1 };
    TLSM_UNUSED(state);
    for (uint16_t limit = 100; limit < 102; limit++) {
        struct pair *pair = limited(0, 100, 0);
        pair->server.settings.groups = curve;
        pair->server.settings.group_count = 1;
        start_both(pair, HOST);
        (void)side_say(&pair->client, &pair->server);
        (void)side_say(&pair->server, &pair->client);
        pair->client.settings.record_size_limit = limit;
        (void)side_say(&pair->client, &pair->server);
        assert_int_equal(pair->server.out.violation, limit == 100 ? 0 : TLSM_ALERT_ILLEGAL_PARAMETER);
    }
}

/* Our own limit on what we write, and the peer's on what it reads: the smaller. */
static void the_smaller_of_two_limits_is_kept(void **state)
{
    static const struct { size_t ours; uint16_t peers; size_t written; } rows[] = {
        { 0, 0, 3000 }, { 600, 0, 600 }, { TLSM_PLAIN_MAX, 0, 3000 }, { 600, 512, 511 }, { 500, 512, 500 }, { 511, 512, 511 }, { 0, 512, 511 } };
    static uint8_t much[3000];
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { much, sizeof much } };
        struct pair *pair = limited(0, 16384, rows[i].peers);
        pair->client.settings.plain_max = rows[i].ours;
        first(pair);
        assert_code(side_step(&pair->client, &in), TLSM_PRODUCED);
        assert_int_equal(pair->client.out.consumed, rows[i].written);
    }
}

/* RFC 8449 §4: the limit is negotiated in this handshake, and early data comes before that: it may be longer. */
static void early_data_knows_no_limit(void **state)
{
    static uint8_t much[1000];
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .early = 1, .bytes = { much, sizeof much } };
    struct pair *pair = limited(0, 512, 512);
    TLSM_UNUSED(state);
    pair->server.settings.early_max = sizeof much;
    pair->client.settings.early_data = 1;
    first(pair);
    (void)offer_again(pair);
    side_produce(&pair->client);
    assert_code(side_step(&pair->client, &in), TLSM_PRODUCED);
    assert_int_equal(pair->client.out.consumed, sizeof much);
    (void)side_say(&pair->client, &pair->server);
    answer_with(&pair->server, &(struct tlsm_answer){ .fresh = 1, .now_ms = NOW }, TLSM_OK);
    (void)side_feed(&pair->server);
    assert_int_equal(pair->server.plain_have, sizeof much);
    assert_int_equal(pair->server.block.state.record_max, 511);
}

static void settings_are_checked(void **state)
{
    static const uint16_t bad[] = { 1, 63, 16385, 65535 };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pair *pair = limited(0, bad[i], bad[i]);
        struct tlsm_entropy entropy;
        const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy };
        memset(&entropy, 1, sizeof entropy);
        assert_code(side_step(&pair->client, &in), TLSM_BAD_ARGUMENT);
        assert_code(side_step(&pair->server, &in), TLSM_BAD_ARGUMENT);
    }
}

/* Such a layer would not know. A peer that takes all there is gets it (other libraries say so always). */
static void small_records_are_not_made_elsewhere(void **state)
{
    const struct tlsm_in write_side = { .kind = TLSM_IN_OFFLOAD, .sides = TLSM_SIDE_WRITE };
    const struct tlsm_in read_side = { .kind = TLSM_IN_OFFLOAD, .sides = TLSM_SIDE_READ };
    static const uint8_t zeros[200];
    struct tlsm_in record = { .kind = TLSM_IN_RECORD, .record_type = TLSM_TYPE_DATA, .bytes = { zeros, 99 } };
    struct pair *pair = limited(0, 100, 0);
    TLSM_UNUSED(state);
    first(pair);
    assert_code(side_step(&pair->server, &write_side), TLSM_RECORDS_LIMITED);
    assert_code(side_step(&pair->client, &write_side), TLSM_OK);
    assert_code(side_step(&pair->client, &read_side), TLSM_OK);
    assert_true(side_step(&pair->client, &record) < TLSM_MORE_INPUT);
    assert_int_equal(pair->client.out.violation, 0);
    record.bytes.length = 100;
    (void)side_step(&pair->client, &record);
    assert_int_equal(pair->client.out.violation, TLSM_ALERT_RECORD_OVERFLOW);
}

/* A16: two records are kept back for the close, also where a ticket takes several: then none is made. */
static void tickets_in_small_records_leave_the_reserve(void **state)
{
    TLSM_UNUSED(state);
    unsigned most = 0;
    for (uint64_t allowed = 3; allowed < 24; allowed++) {
        struct pair *pair = limited(0, 64, 64);
        pair->server.settings.record_limit = allowed;
        begin(&pair->client, HOST, NULL, NOW);
        begin(&pair->server, "", NULL, NOW);
        talk(pair);
        check_connected(pair);
        most = pair->client.tickets > most ? pair->client.tickets : most;
        assert_code(side_close(&pair->server, 0), TLSM_OK);
        assert_code(side_close(&pair->client, 0), TLSM_OK);
        talk(pair);
        assert_how(&pair->client, "clean_both");
        assert_how(&pair->server, "clean_both");
    }
    assert_int_equal(most, 2);
}

/* TLS 1.2: no type byte is counted; 8 bytes of nonce travel with each record. */
static void older_records_are_limited_too(void **state)
{
    static const uint16_t limits[][2] = { { 64, 64 }, { 64, 0 }, { 300, 65 }, { 16384, 16384 } };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const size_t client = limits[i][0], server = limits[i][1];
        struct pair *pair = limited(0, (uint16_t)client, (uint16_t)server);
        pair->client.settings.version_min = pair->client.settings.version_max = TLSM_1_2;
        pair->server.settings.version_min = pair->server.settings.version_max = TLSM_1_2;
        start_both(pair, HOST);
        talk(pair);
        assert_true(tlsm_connected(&pair->client.block.state) && tlsm_connected(&pair->server.block.state));
        assert_int_equal(pair->server.block.state.record_max, client);
        assert_int_equal(pair->client.block.state.record_max, server != 0 ? server : TLSM_PLAIN_MAX);
        send_much(&pair->client);
        send_much(&pair->server);
        talk(pair);
        assert_int_equal(pair->client.plain_have, 3000);
        assert_int_equal(pair->server.plain_have, 3000);
        assert_int_equal(longest[TLSM_SERVER], 8 + (client <= 1000 ? client : 3000));
        assert_int_equal(longest[TLSM_CLIENT], 8 + (server == 0 || server > 3000 ? 3000 : server));
        pair->server.block.state.record_max = (uint16_t)(client + 1);   /* one byte more than is taken */
        if (client == TLSM_PLAIN_MAX)
            continue;
        send_much(&pair->server);
        (void)side_say(&pair->server, &pair->client);
        assert_int_equal(pair->client.block.state.control.alert_out, TLSM_ALERT_RECORD_OVERFLOW);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_each_side_takes_is_what_it_gets),
        cmocka_unit_test(who_was_not_asked_is_silent),
        cmocka_unit_test(a_record_past_the_limit_is_record_overflow),
        cmocka_unit_test(senseless_limits_are_refused),
        cmocka_unit_test(an_answer_nobody_asked_for_is_unsupported_extension),
        cmocka_unit_test(a_limit_of_another_length_is_decode_error),
        cmocka_unit_test(a_second_hello_may_not_change_it),
        cmocka_unit_test(the_smaller_of_two_limits_is_kept),
        cmocka_unit_test(early_data_knows_no_limit),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(small_records_are_not_made_elsewhere),
        cmocka_unit_test(older_records_are_limited_too),
        cmocka_unit_test(tickets_in_small_records_leave_the_reserve),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
