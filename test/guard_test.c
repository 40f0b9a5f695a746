/* SPDX-License-Identifier: MIT */
/* States that no course leads to: what each function asks itself, beside what its callers have asked. Whoever calls it from one place
 * more is not to find it open. */
#include "early_fixture.h"

static union {
    struct tlsm_state state;
    uint8_t bytes[SIDE_ROOM];
} copy;

static struct tlsm_state *copy_of(const struct side *side)
{
    memcpy(&copy, &side->block, side->block.state.length);
    return &copy.state;
}

static struct pair *connected(uint16_t version)
{
    struct pair *pair = sealing(0);
    pair_speak(pair, version);
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, NOW);
    talk(pair);
    assert_int_equal(tlsm_connected(&pair->server.block.state), 1);
    return pair;
}

/* RFC 5077 §3.3: in TLS 1.2 a ticket comes in the handshake, and not behind it. */
static void no_ticket_is_due_behind_an_older_handshake(void **state)
{
    const struct pair *pair = connected(TLSM_1_3);
    TLSM_UNUSED(state);
    assert_int_equal(tlsm_may_issue(&pair->server.config, &pair->server.block.state), 1);
    pair = connected(TLSM_1_2);
    assert_int_equal(tlsm_fact(&pair->server.block.state, TLSM_FACT_TICKETS_WANTED), 1);
    assert_int_equal(tlsm_may_issue(&pair->server.config, &pair->server.block.state), 0);
}

static unsigned looked;

/* An id has its length, and a session needs a peer that may still be believed. */
static void look_behind(struct side *side)
{
    uint8_t room[TLSM_TICKET_MAX];
    struct tlsm_session session;
    struct tlsm_state *state = copy_of(side);
    size_t offset = 0;
    if (state->control.behind != TLSM_BEHIND_TICKET)
        return;
    looked |= state->control.role;
    if (state->control.role == TLSM_SERVER) {
        assert_int_equal(tlsm_ticket_issued(&side->config, state, room, &session), 1);
        state->length--;
        assert_int_equal(tlsm_ticket_issued(&side->config, state, room, &session), 0);
    } else {
        assert_int_equal(tlsm_ticket_next(&side->config, state, tlsm_slice(NULL, 0), &offset, &session), 1);
        state->control.rx = TLSM_RX_CLOSED;
        offset = 0;
        assert_int_equal(tlsm_ticket_next(&side->config, state, tlsm_slice(NULL, 0), &offset, &session), 0);
    }
}

static void what_lies_behind_an_older_state_is_looked_at(void **state)
{
    struct pair *pair = fresh(0);
    TLSM_UNUSED(state);
    pair_speak(pair, TLSM_1_2);
    pair->server.settings.ask = TLSM_ASK_SESSION_BIT;
    pair->server.settings.tickets = 1;
    pair->client.stepped = pair->server.stepped = look_behind;
    looked = 0;
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, NOW);
    talk(pair);
    assert_int_equal(looked, TLSM_CLIENT | TLSM_SERVER);
}

/* What a request is about lies in the handshake. */
static void nothing_is_asked_without_a_handshake(void **state)
{
    struct pair *pair = signing();
    struct tlsm_request request;
    struct tlsm_state *other = copy_of(&pair->server);
    TLSM_UNUSED(state);
    assert_int_equal(tlsm_request(&pair->server.config, other, &request), TLSM_ASK_SIGN);
    other->control.behind = TLSM_BEHIND_NOTHING;
    assert_int_equal(tlsm_request(&pair->server.config, other, &request), TLSM_ASK_NOTHING);
    assert_int_equal(request.kind, TLSM_ASK_NOTHING);
}

static void no_early_data_has_room_without_a_handshake(void **state)
{
    struct pair *pair = speaking_early(0, LATER);
    struct tlsm_state *other = copy_of(&pair->client);
    TLSM_UNUSED(state);
    assert_int_equal(tlsm_early_room(&pair->client.config, other), EARLY_MAX);
    other->control.behind = TLSM_BEHIND_NOTHING;
    assert_int_equal(tlsm_early_room(&pair->client.config, other), 0);
}

/* RFC 9846 §4.3.10: early data has the parameters of a session of this version. */
static void early_data_is_offered_with_a_newer_session_alone(void **state)
{
    struct tlsm_session session = { .version = TLSM_1_2, .suite = TLSM_AES_128_GCM_SHA256, .early_max = 100 };
    struct pair *pair = fresh(0);
    struct tlsm_state *other;
    TLSM_UNUSED(state);
    pair->client.settings.early_data = 1;
    begin(&pair->client, "", NULL, NOW);
    other = copy_of(&pair->client);
    struct tlsm_work work = { .config = &pair->client.config, .state = other };
    assert_int_equal(tlsm_offer_early(&work, &session), 0);
    assert_int_equal(tlsm_early_offered(other), 0);
    session.version = TLSM_1_3;
    assert_int_equal(tlsm_offer_early(&work, &session), 0);
    assert_int_equal(tlsm_early_offered(other), 1);
}

/* An answer that is being made goes before what comes in, as long as we write. */
static void an_answer_is_in_flight_as_long_as_we_write(void **state)
{
    struct tlsm_control control = { .role = TLSM_CLIENT, .phase = TLSM_PHASE_PC_MAKE_VERIFY, .rx = TLSM_RX_OPEN, .tx = TLSM_TX_OPEN };
    TLSM_UNUSED(state);
    assert_code(tlsm_may_receive(&control), TLSM_PRODUCE_FIRST);
    control.tx = TLSM_TX_CLOSING;
    assert_code(tlsm_may_receive(&control), TLSM_OK);
}

/* RFC 5246 §7.1: ChangeCipherSpec is no protected record, though there is a key already (such a one is refused by its type). */
static void a_change_of_ciphers_is_as_long_as_it_is(void **state)
{
    struct tlsm_control control = { .version = TLSM_1_2, .read_epoch = TLSM_EPOCH_DATA, .record_type = TLSM_TYPE_CCS, .body = 1 };
    TLSM_UNUSED(state);
    assert_int_equal(tlsm_judge_length(&control), 0);
    control.record_type = TLSM_TYPE_DATA;
    assert_int_equal(tlsm_judge_length(&control), TLSM_ALERT_BAD_RECORD_MAC);
}

static struct pair *late(void)
{
    struct pair *pair = fresh(0);
    pair->client.settings.late_auth = pair->server.settings.late_auth = 1;
    start_both(pair, "");
    talk(pair);
    return pair;
}

/* RFC 9846 §4.7.2: a request comes after the handshake, and not in it. */
static void a_handshake_takes_no_late_request(void **state)
{
    struct pair *pair = late();
    struct tlsm_state *other = copy_of(&pair->client);
    TLSM_UNUSED(state);
    assert_int_equal(tlsm_late_takes(other, TLSM_MSG_CERTIFICATE_REQUEST), 1);
    other->control.behind = TLSM_BEHIND_HANDSHAKE;
    other->control.phase = TLSM_PHASE_C_MAKE_FINISHED;
    assert_int_equal(tlsm_late_takes(other, TLSM_MSG_CERTIFICATE_REQUEST), 0);
}

static void a_late_message_of_no_bytes_is_none(void **state)
{
    struct pair *pair = late();
    struct tlsm_out out = { .state_capacity = sizeof copy };
    struct tlsm_bytes nothing = { NULL, 0 };
    struct tlsm_work work = { .config = &pair->client.config, .state = copy_of(&pair->client), .out = &out };
    TLSM_UNUSED(state);
    assert_code(tlsm_late_content(&work, &nothing), TLSM_OK);
    assert_int_equal(copy.state.control.phase, TLSM_PHASE_PC_WAIT_REQUEST);
    assert_int_equal(tlsm_hs_const(&copy.state)->used, 0);
}

/* RFC 9846 §5.1: legacy_record_version "MUST be set to 0x0303 for all records […] other than an initial ClientHello". */
static void only_a_clients_first_record_is_of_an_older_version(void **state)
{
    static const uint8_t alert[] = { 2, 40 };
    TLSM_UNUSED(state);
    for (int server = 0; server < 2; server++) {
        struct pair *pair = fresh(0);
        struct side *side = server ? &pair->server : &pair->client;
        uint8_t wire[32];
        struct tlsm_out out = { .wire = { wire, sizeof wire } };
        begin(side, "", NULL, NOW);
        struct tlsm_work work = { .config = &side->config, .state = copy_of(side), .out = &out };
        assert_int_equal(copy.state.control.tx, TLSM_TX_MUTE);
        assert_int_equal(tlsm_seal_record(&work, TLSM_TYPE_ALERT, tlsm_slice(alert, sizeof alert)), 0);
        assert_int_equal(wire[2], server ? 3 : 1);
    }
}

/* Settings that are others while the cache is asked: the ClientHello kept is read again, and held against them. */
static void an_answer_is_held_against_the_settings_there_are(void **state)
{
    TLSM_UNUSED(state);
    for (int changed = 0; changed < 2; changed++) {
        struct pair *pair = early_pair(0);
        first(pair);
        const struct tlsm_session session = kept(&pair->client);
        again(&pair->client);
        again(&pair->server);
        pair->server.settings.ask = TLSM_ASK_SESSION_BIT;
        begin(&pair->client, HOST, &session, NOW);
        begin(&pair->server, "", NULL, NOW);
        (void)side_say(&pair->client, &pair->server);
        assert_int_equal(pair->server.block.state.control.request, TLSM_ASK_SESSION);
        if (changed)
            pair->server.settings.version_min = pair->server.settings.version_max = TLSM_1_2;
        answer_with(&pair->server, &(struct tlsm_answer){ .session = NULL }, changed ? TLSM_FAILED : TLSM_OK);
        assert_int_equal(pair->server.out.violation, changed ? TLSM_ALERT_PROTOCOL_VERSION : 0);
    }
}

/* A16: the last two records under a key are a close's and an alert's; a ticket has to leave them, in as many records as the peer takes. */
static void a_ticket_fits_beside_the_last_words(void **state)
{
    enum { LIMIT = 1000, LAST_WORDS = 2 };
    static const struct { uint16_t record_max; unsigned records; } rows[] = {
        { 0, 1 }, { 64, 1 + TLSM_SPARE / 64 }, { TLSM_SPARE, 2 }, { TLSM_SPARE + 1, 1 }, { TLSM_PLAIN_MAX, 1 }
    };
    struct pair *pair = connected(TLSM_1_3);
    struct tlsm_state *other = copy_of(&pair->server);
    TLSM_UNUSED(state);
    pair->server.settings.record_limit = LIMIT;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        other->record_max = rows[i].record_max;
        other->write_key.sequence = LIMIT - LAST_WORDS - rows[i].records;
        assert_int_equal(tlsm_ticket_fits(&pair->server.config, other), 1);
        other->write_key.sequence++;
        assert_int_equal(tlsm_ticket_fits(&pair->server.config, other), 0);
    }
}

/* A9: of two records that lie ready, the transport took none: whoever reads the other end has seen no half of one. */
static void what_was_not_begun_is_no_half_record(void **state)
{
    struct pair *pair = connected(TLSM_1_3);
    struct tlsm_ledger *ledger = &pair->client.block.state.ledger;
    TLSM_UNUSED(state);
    assert_int_equal(ledger->taken, ledger->produced);
    assert_true(ledger->taken > 0);
    assert_code(side_write(&pair->client, "one"), TLSM_PRODUCED);
    assert_code(side_write(&pair->client, "other"), TLSM_PRODUCED);
    assert_true(ledger->record_start > ledger->taken);
    assert_int_equal(tlsm_half_record(ledger), 0);
    ledger->taken++;
    assert_int_equal(tlsm_half_record(ledger), 1);
}

/* An alert needs no room of the state's. */
static void a_plain_alert_is_heard_in_a_block_that_is_full(void **state)
{
    static const uint8_t alert[] = { TLSM_TYPE_ALERT, 3, 3, 0, 2, 2, 40 };
    struct pair *pair = fresh(0);
    struct tlsm_out out = { .plain = { NULL, 0 } };
    struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { alert, TLSM_HEADER } };
    TLSM_UNUSED(state);
    begin(&pair->client, HOST, NULL, NOW);
    side_produce(&pair->client);
    struct tlsm_state *full = copy_of(&pair->client);
    out.state_capacity = full->length;
    assert_code(tlsm_step(&pair->client.config, full, &in, full, &out), TLSM_OK);
    in.bytes = tlsm_slice(alert + TLSM_HEADER, 2);
    assert_true(tlsm_step(&pair->client.config, full, &in, full, &out) < TLSM_MORE_INPUT);
    assert_int_equal(full->control.alert_in, 40);
}

/* RFC 8449 §4: the limit is for what is protected. */
static void a_limit_of_records_is_for_protected_ones(void **state)
{
    struct pair *pair = connected(TLSM_1_3);
    struct tlsm_state *other = copy_of(&pair->server);
    TLSM_UNUSED(state);
    other->record_max = 64;
    assert_int_equal(tlsm_records_size(other, 64), 64 + TLSM_OVERHEAD);
    assert_int_equal(tlsm_records_size(other, 65), 65 + 2 * TLSM_OVERHEAD);
    assert_int_equal(tlsm_records_size(other, 0), TLSM_OVERHEAD);
    other->control.write_epoch = TLSM_EPOCH_NONE;
    assert_int_equal(tlsm_records_size(other, 65), 65 + TLSM_HEADER);
}

/* J2: a layer elsewhere gets the content alone, at the front of a room that is as long. */
static void elsewhere_nothing_goes_before_the_content(void **state)
{
    struct pair *pair = connected(TLSM_1_3);
    struct tlsm_state *other = copy_of(&pair->server);
    TLSM_UNUSED(state);
    assert_int_equal(tlsm_record_lead(other), TLSM_HEADER);
    other->control.facts |= TLSM_FACT_WRITE_ELSEWHERE;
    assert_int_equal(tlsm_record_lead(other), 0);
    assert_int_equal(tlsm_records_size(other, 100), 100);
}

enum { MOST = 64, LONGEST = 4 * MOST, BEYOND = 2 * MOST };
static struct tlsm_crypto good, failing;
static int seals_left;

/* Of each place its own, so that what is moved is seen. */
static uint8_t untouched(size_t at) { return (uint8_t)(at * 7 + 3); }

static int seal_so_often(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain, struct tlsm_bytes tail, uint8_t *out)
{
    return seals_left-- > 0 ? good.seal(self, key, aad, plain, tail, out) : -1;
}

struct making {
    struct tlsm_config config;
    struct tlsm_out out;
    struct tlsm_work work;
    size_t needed;
    uint8_t wire[LONGEST + 8 * TLSM_OVERHEAD + BEYOND];
};

/* A message of that length, where the machine writes one, in a room that is as large as it says, under a provider that seals so often. */
static void prepare(struct making *making, size_t length, int seals)
{
    struct pair *pair = connected(TLSM_1_3);
    seals_left = seals;
    good = failing = *pair->server.config.crypto;
    failing.seal = seal_so_often;
    memset(making, 0, sizeof *making);
    for (size_t i = 0; i < sizeof making->wire; i++)
        making->wire[i] = untouched(i);
    making->config = pair->server.config;
    making->config.crypto = &failing;
    making->work = (struct tlsm_work){ .config = &making->config, .state = copy_of(&pair->server), .out = &making->out };
    copy.state.record_max = MOST;
    making->needed = tlsm_records_size(&copy.state, length);
    making->out.wire = (struct tlsm_span){ making->wire, making->needed };
    for (size_t i = 0; i < length; i++)
        making->wire[TLSM_HEADER + i] = (uint8_t)(i + 1);
}

/* The null provider hides nothing: what was sealed can be read. */
static void a_long_message_is_cut_where_the_peer_says(void **state)
{
    static struct making making;
    TLSM_UNUSED(state);
    for (size_t length = 1; length <= LONGEST; length++) {
        const uint8_t *record = making.wire;
        size_t at = 0;
        prepare(&making, length, LONGEST);
        assert_int_equal(tlsm_seal_message(&making.work, TLSM_TYPE_HANDSHAKE, length), 0);
        assert_int_equal(making.out.wire_length, making.needed);
        for (size_t part; at < length; at += part, record += part + TLSM_OVERHEAD) {
            part = length - at < MOST ? length - at : MOST;
            assert_int_equal(record_length(record), part + TLSM_OVERHEAD);
            for (size_t i = 0; i < part; i++)
                assert_int_equal(record[TLSM_HEADER + i], (uint8_t)(at + i + 1));
            assert_int_equal(record[TLSM_HEADER + part], TLSM_TYPE_HANDSHAKE);
        }
        for (size_t i = 0; i < BEYOND; i++)
            assert_int_equal(making.wire[making.needed + i], untouched(making.needed + i));
    }
}

/* Numbers that are used again must not have left anything behind. */
static void a_message_that_cannot_be_finished_was_never_begun(void **state)
{
    static struct making making;
    TLSM_UNUSED(state);
    for (int seals = 0; seals < 3; seals++) {
        prepare(&making, 3 * MOST, seals);
        copy.state.control.facts &= ~(uint32_t)TLSM_FACT_TOUCHED;
        const struct tlsm_ledger ledger = copy.state.ledger;
        const uint32_t facts = copy.state.control.facts;
        const uint64_t sequence = copy.state.write_key.sequence;
        assert_int_equal(tlsm_seal_message(&making.work, TLSM_TYPE_HANDSHAKE, 3 * MOST), -1);
        assert_int_equal(making.out.wire_length, 0);
        assert_int_equal(copy.state.control.facts, facts);
        assert_int_equal(copy.state.write_key.sequence, sequence);
        assert_memory_equal(&copy.state.ledger, &ledger, sizeof ledger);
        for (size_t i = 0; i < (size_t)seals * (MOST + TLSM_OVERHEAD); i++)
            assert_int_equal(making.wire[i], 0);
    }
}

/* RFC 9846 §5.4: without a non-zero octet in the cleartext a connection ends with unexpected_message. */
static void a_record_with_nothing_inside_has_no_type(void **state)
{
    static const uint8_t header[] = { TLSM_TYPE_DATA, 3, 3, 0, TLSM_TAG };
    struct pair *pair = connected(TLSM_1_3);
    struct tlsm_state *other = copy_of(&pair->client);
    uint8_t tag[TLSM_TAG], before[1] = { TLSM_TYPE_DATA };   /* what happens to lie where the plaintext goes */
    struct tlsm_out out = { .plain = { before, sizeof before }, .state_capacity = sizeof copy };
    struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { header, sizeof header } };
    TLSM_UNUSED(state);
    assert_int_equal(pair->client.config.crypto->seal(pair->client.config.self, &other->read_key, tlsm_slice(header, sizeof header),
                                                      tlsm_slice(NULL, 0), tlsm_slice(NULL, 0), tag), 0);
    assert_code(tlsm_step(&pair->client.config, other, &in, other, &out), TLSM_OK);
    in.bytes = tlsm_slice(tag, sizeof tag);
    assert_true(tlsm_step(&pair->client.config, other, &in, other, &out) < TLSM_MORE_INPUT);
    assert_int_equal(out.violation, TLSM_ALERT_UNEXPECTED_MESSAGE);
}

static uint8_t authenticated[13];

static int watch_seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain, struct tlsm_bytes tail,
                      uint8_t *out)
{
    (void)self, (void)key, (void)tail;
    assert_int_equal(aad.length, sizeof authenticated);
    memcpy(authenticated, aad.data, sizeof authenticated);
    memset(out, 0, plain.length + TLSM_TAG);
    return 0;
}

/* RFC 5246 §6.2.3.3: seq_num + type + version + length are authenticated; RFC 5288 §3: the nonce's eight bytes go before the rest. */
static void an_older_record_is_authenticated_with_its_whole_number(void **state)
{
    static const uint8_t number[] = { 1, 2, 3, 4, 5, 6, 7, 8 }, rest[] = { TLSM_TYPE_DATA, 3, 3, 0, 2 }, text[] = { 'h', 'i' };
    struct pair *pair = connected(TLSM_1_2);
    struct tlsm_crypto table = *pair->client.config.crypto;
    struct tlsm_config config = pair->client.config;
    uint8_t wire[64];
    struct tlsm_out out = { .wire = { wire, sizeof wire } };
    struct tlsm_work work = { .config = &config, .state = copy_of(&pair->client), .out = &out };
    TLSM_UNUSED(state);
    table.seal = watch_seal;
    config.crypto = &table;
    copy.state.write_key.sequence = UINT64_C(0x0102030405060708);
    assert_int_equal(tlsm_seal_record(&work, TLSM_TYPE_DATA, tlsm_slice(text, sizeof text)), 0);
    assert_memory_equal(authenticated, number, sizeof number);
    assert_memory_equal(authenticated + sizeof number, rest, sizeof rest);
    assert_memory_equal(wire + TLSM_HEADER, number, sizeof number);
    assert_int_equal(out.wire_length, TLSM_HEADER + sizeof number + sizeof text + TLSM_TAG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_ticket_is_due_behind_an_older_handshake),
        cmocka_unit_test(what_lies_behind_an_older_state_is_looked_at),
        cmocka_unit_test(nothing_is_asked_without_a_handshake),
        cmocka_unit_test(no_early_data_has_room_without_a_handshake),
        cmocka_unit_test(early_data_is_offered_with_a_newer_session_alone),
        cmocka_unit_test(an_answer_is_in_flight_as_long_as_we_write),
        cmocka_unit_test(a_change_of_ciphers_is_as_long_as_it_is),
        cmocka_unit_test(a_handshake_takes_no_late_request),
        cmocka_unit_test(a_late_message_of_no_bytes_is_none),
        cmocka_unit_test(only_a_clients_first_record_is_of_an_older_version),
        cmocka_unit_test(an_answer_is_held_against_the_settings_there_are),
        cmocka_unit_test(a_ticket_fits_beside_the_last_words),
        cmocka_unit_test(what_was_not_begun_is_no_half_record),
        cmocka_unit_test(a_plain_alert_is_heard_in_a_block_that_is_full),
        cmocka_unit_test(a_limit_of_records_is_for_protected_ones),
        cmocka_unit_test(elsewhere_nothing_goes_before_the_content),
        cmocka_unit_test(a_long_message_is_cut_where_the_peer_says),
        cmocka_unit_test(a_message_that_cannot_be_finished_was_never_begun),
        cmocka_unit_test(a_record_with_nothing_inside_has_no_type),
        cmocka_unit_test(an_older_record_is_authenticated_with_its_whole_number),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
