/* SPDX-License-Identifier: MIT */
/* A hostile peer, and a hostile network: each row does one thing RFC 9846 or docs/closing.md forbids, and names the alert or
 * the end it must lead to; then a provider that fails at every call in turn. */
#include "faulty_fixture.h"

#include "internal.h"

#define BYTES(text) text, sizeof(text) - 1

/* The next thing `side` owes is this fatal alert. */
static void assert_fails(struct side *side, enum tlsm_code code, uint8_t alert)
{
    assert_int_equal(side->block.state.control.tx, TLSM_TX_FAILING);
    assert_string_equal(tlsm_alert_name(side->block.state.control.alert_out), tlsm_alert_name(alert));
    assert_code(code, TLSM_FAILED);
}

static void hear_client_hello(struct pair *pair)
{
    pair_init(pair);
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
}

/* ------------------------------------------------------------------------------------------------ keys and boundaries */

/* The header came before the keys, the body after them: it is still unprotected. */
static void plaintext_finished_with_its_header_before_the_keys_is_refused(void **unused)
{
    struct pair pair;
    hear_client_hello(&pair);
    side_inject(&pair.server, BYTES("\26\3\3\0\44"));
    (void)side_feed(&pair.server);
    (void)side_say(&pair.server, &pair.client);
    side_produce(&pair.client);
    side_inject(&pair.server, pair.client.wire + 6 + TLSM_HEADER, 36);   /* behind ChangeCipherSpec; the toy hides nothing */
    assert_fails(&pair.server, side_feed(&pair.server), TLSM_ALERT_UNEXPECTED_MESSAGE);
    TLSM_UNUSED(unused);
}

/* §5.1: "Handshake messages MUST NOT span key changes." */
static void plaintext_piece_of_finished_before_the_keys_is_refused(void **unused)
{
    struct pair pair;
    hear_client_hello(&pair);
    side_inject(&pair.server, BYTES("\26\3\3\0\1\24"));
    assert_fails(&pair.server, side_feed(&pair.server), TLSM_ALERT_UNEXPECTED_MESSAGE);
    TLSM_UNUSED(unused);
}

static const uint16_t p256_only[] = { TLSM_SECP256R1 };

static void piece_of_server_hello_before_the_second_client_hello_is_refused(void **unused)
{
    struct pair pair;
    pair_init(&pair);
    pair.server.settings.groups = p256_only;
    pair.server.settings.group_count = 1;
    pair_start(&pair);
    (void)side_say(&pair.client, &pair.server);
    (void)side_say(&pair.server, &pair.client);
    assert_int_equal(pair.client.block.state.control.phase, TLSM_PHASE_C_MAKE_RETRY_CCS);
    side_inject(&pair.client, BYTES("\26\3\3\0\1\2"));
    assert_fails(&pair.client, side_feed(&pair.client), TLSM_ALERT_UNEXPECTED_MESSAGE);
    TLSM_UNUSED(unused);
}

/* ------------------------------------------------------------------------------------------------ early data */

/* The client's taped ClientHello; with_early: no share, and early data is announced. Returns its record's length. */
static size_t put_hello(const struct side *client, int with_early, uint8_t record[1024])
{
    const size_t share = 2 + 2 + 2 + 2 + 2 + 32;   /* key_share is the last extension: one X25519 share */
    size_t length = client->wire_have, block = TLSM_HEADER + 4 + 34 + 33 + 8 + 2, body;
    memcpy(record, client->wire, length);
    if (!with_early)
        return length;
    length -= share;
    memcpy(record + length, "\0\63\0\2\0\0\0\52\0\0", 10);
    length += 10;
    body = length - TLSM_HEADER;
    record[3] = (uint8_t)(body >> 8), record[4] = (uint8_t)body;
    record[7] = (uint8_t)((body - 4) >> 8), record[8] = (uint8_t)(body - 4);
    record[block] = (uint8_t)((length - block - 2) >> 8), record[block + 1] = (uint8_t)(length - block - 2);
    return length;
}

static void hear_early_hello(struct pair *pair)
{
    uint8_t record[1024];
    pair_init(pair);
    pair_start(pair);
    side_produce(&pair->client);
    side_inject(&pair->server, record, put_hello(&pair->client, 1, record));
    (void)side_feed(&pair->server);
    side_produce(&pair->server);
    assert_int_equal(pair->server.block.state.control.phase, TLSM_PHASE_S_WAIT_RETRIED);
}

static const uint8_t unreadable[] = { 23, 3, 3, 0, 17, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 };

static void early_data_is_skipped_until_the_second_hello(void **unused)
{
    struct pair pair;
    hear_early_hello(&pair);
    side_inject(&pair.server, unreadable, sizeof unreadable);
    assert_code(side_feed(&pair.server), TLSM_IGNORED);
    TLSM_UNUSED(unused);
}

/* §4.3.10: after a HelloRetryRequest it is the second ClientHello that ends early data. */
static void unreadable_record_after_the_second_hello_is_no_early_data(void **unused)
{
    struct pair pair;
    uint8_t record[1024];
    hear_early_hello(&pair);
    side_inject(&pair.server, record, put_hello(&pair.client, 0, record));
    (void)side_feed(&pair.server);
    side_produce(&pair.server);
    assert_int_equal(pair.server.block.state.control.phase, TLSM_PHASE_S_WAIT_FINISHED);
    side_inject(&pair.server, unreadable, sizeof unreadable);
    assert_fails(&pair.server, side_feed(&pair.server), TLSM_ALERT_BAD_RECORD_MAC);
    TLSM_UNUSED(unused);
}

static void skipped_early_data_is_limited(void **unused)
{
    struct pair pair;
    enum tlsm_code code = TLSM_OK;
    hear_early_hello(&pair);
    pair.server.settings.early_skip_max = 170;
    for (int i = 0; i < 10; i++) {
        side_inject(&pair.server, unreadable, sizeof unreadable);
        assert_code(side_feed(&pair.server), TLSM_IGNORED);
    }
    side_inject(&pair.server, unreadable, sizeof unreadable);
    code = side_feed(&pair.server);
    assert_code(code, TLSM_FAILED);
    TLSM_UNUSED(unused);
}

/* RFC 9846 §4.3.10 leaves the number to us: what may be announced at most, and 32768 bytes for those who announce too much. */
static void what_may_be_skipped_follows_what_was_allowed(void **unused)
{
    enum { ALLOWED = 100, ONE = sizeof unreadable - 5 };
    struct pair pair;
    hear_early_hello(&pair);
    pair.server.settings.early_max = ALLOWED;
    pair.server.block.state.ledger.skipped = 32768 + ALLOWED - ONE;
    side_inject(&pair.server, unreadable, sizeof unreadable);
    assert_code(side_feed(&pair.server), TLSM_IGNORED);
    pair.server.block.state.ledger.skipped = 32768 + ALLOWED - ONE + 1;
    side_inject(&pair.server, unreadable, sizeof unreadable);
    assert_code(side_feed(&pair.server), TLSM_FAILED);
    TLSM_UNUSED(unused);
}

/* Too short for a tag, and so as unreadable as any other; an empty one is nothing that could be skipped. */
static void early_data_is_skipped_however_short(void **unused)
{
    static const uint8_t shortest[] = { 23, 3, 3, 0, 1, 9 }, almost[5 + 15] = { 23, 3, 3, 0, 15 }, empty[] = { 23, 3, 3, 0, 0 };
    struct pair pair;
    hear_early_hello(&pair);
    side_inject(&pair.server, shortest, sizeof shortest);
    assert_code(side_feed(&pair.server), TLSM_IGNORED);
    side_inject(&pair.server, almost, sizeof almost);
    assert_code(side_feed(&pair.server), TLSM_IGNORED);
    assert_int_equal(pair.server.block.state.ledger.skipped, 16);
    side_inject(&pair.server, empty, sizeof empty);
    assert_fails(&pair.server, side_feed(&pair.server), TLSM_ALERT_BAD_RECORD_MAC);
    TLSM_UNUSED(unused);
}

/* ------------------------------------------------------------------------------------------------ tickets */

#define TICKET_HEAD "\0\0\16\20\1\2\3\4\1\0\0\2tt"

struct ticket_row {
    const char *message;
    size_t length;
    uint8_t alert;   /* TLSM_ALERT_NONE: a ticket */
};
static const struct ticket_row ticket_rows[] = {
    { BYTES("\4\0\0\20" TICKET_HEAD "\0\0"), TLSM_ALERT_NONE },
    { BYTES("\4\0\0\30" TICKET_HEAD "\0\10\0\52\0\4\0\0\1\0"), TLSM_ALERT_NONE },
    { BYTES("\4\0\0\24" TICKET_HEAD "\0\4\x7a\x7a\0\0"), TLSM_ALERT_NONE },
    { BYTES("\4\0\0\30" TICKET_HEAD "\0\10\x7a\x7a\0\0\x7a\x7a\0\0"), TLSM_ALERT_ILLEGAL_PARAMETER },   /* twice */
    { BYTES("\4\0\0\40" TICKET_HEAD "\0\20\0\52\0\4\0\0\1\0\0\52\0\4\0\0\1\0"), TLSM_ALERT_ILLEGAL_PARAMETER },
    { BYTES("\4\0\0\24" TICKET_HEAD "\0\4\0\63\0\0"), TLSM_ALERT_ILLEGAL_PARAMETER },                  /* key_share */
    { BYTES("\4\0\0\24" TICKET_HEAD "\0\4\0\0\0\0"), TLSM_ALERT_ILLEGAL_PARAMETER },                   /* server_name */
    { BYTES("\4\0\0\27" TICKET_HEAD "\0\7\0\52\0\3\0\0\1"), TLSM_ALERT_DECODE_ERROR },
    { BYTES("\4\0\0\31" TICKET_HEAD "\0\11\0\52\0\5\0\0\1\0\0"), TLSM_ALERT_DECODE_ERROR },
    { BYTES("\4\0\0\23" TICKET_HEAD "\0\3\x7a\x7a\0"), TLSM_ALERT_DECODE_ERROR },
    { BYTES("\4\0\0\21" TICKET_HEAD "\0\0x"), TLSM_ALERT_DECODE_ERROR },
    { BYTES("\4\0\0\16\0\0\16\20\1\2\3\4\1\0\0\0\0\0"), TLSM_ALERT_DECODE_ERROR },                     /* empty ticket */
    { BYTES("\4\0\0\0"), TLSM_ALERT_DECODE_ERROR },
};

static void tickets_obey_the_rules_of_extensions(void **unused)
{
    for (size_t i = 0; i < sizeof ticket_rows / sizeof *ticket_rows; i++) {
        const struct ticket_row *row = &ticket_rows[i];
        struct pair pair;
        enum tlsm_code code;
        pair_init(&pair);
        pair_connect(&pair);
        side_forge(&pair.server, &pair.client, 22, row->message, row->length);
        code = side_feed(&pair.client);
        if (row->alert == TLSM_ALERT_NONE)
            assert_code(code, TLSM_TICKET);
        else
            assert_fails(&pair.client, code, row->alert);
    }
    TLSM_UNUSED(unused);
}

static int next_session(const struct side *side, struct tlsm_session *session)
{
    const struct tlsm_bytes plain = { side->opened, side->out.plain_length };
    size_t offset = 0;
    return tlsm_ticket_next(&side->config, &side->block.state, plain, &offset, session);
}

/* When the secret is gone, a session would hold a PSK that everybody can compute. */
static void ticket_in_a_record_that_ends_the_connection_gives_no_session(void **unused)
{
    struct pair pair;
    struct tlsm_session session;
    static const uint8_t zeros[TLSM_HASH_MAX];
    for (int closed = 0; closed < 2; closed++) {
        pair_init(&pair);
        pair_connect(&pair);
        if (closed) {
            (void)side_close(&pair.client, 0);
            side_produce(&pair.client);
            (void)side_sent(&pair.client, pair.client.wire_have, NULL);
        }
        side_forge(&pair.server, &pair.client, 22, BYTES("\4\0\0\20" TICKET_HEAD "\0\0\143\0\0\0"));
        (void)side_feed(&pair.client);
        assert_int_equal(next_session(&pair.client, &session), 0);
        assert_memory_equal(session.secret, zeros, sizeof zeros);
    }
    TLSM_UNUSED(unused);
}

/* ------------------------------------------------------------------------------------------------ key updates */

/* The request_update of the KeyUpdate produced last: the toy hides nothing. */
static int asked(const struct side *side)
{
    return side->wire[side->wire_have - TLSM_TAG - 2];
}

/* §4.7.3: "Until receiving a subsequent KeyUpdate from the peer, the sender MUST NOT send another KeyUpdate with
 * request_update set to "update_requested"." */
static void update_is_not_requested_again_before_the_peer_has_updated(void **unused)
{
    struct pair pair;
    pair_init(&pair);
    pair_connect(&pair);
    assert_code(side_update(&pair.client, 1), TLSM_OK);
    side_produce(&pair.client);
    assert_int_equal(asked(&pair.client), 1);
    assert_code(side_update(&pair.client, 1), TLSM_OK);
    side_produce(&pair.client);
    assert_int_equal(asked(&pair.client), 0);
    (void)side_say(&pair.client, &pair.server);
    (void)side_say(&pair.server, &pair.client);
    assert_code(side_update(&pair.client, 1), TLSM_OK);
    side_produce(&pair.client);
    assert_int_equal(asked(&pair.client), 1);
    TLSM_UNUSED(unused);
}

/* §4.7.3: the reply is a KeyUpdate "with request_update set to "update_not_requested"". */
static void reply_to_an_update_does_not_request_one(void **unused)
{
    struct pair pair;
    pair_init(&pair);
    pair_connect(&pair);
    assert_code(side_update(&pair.client, 1), TLSM_OK);
    (void)side_update(&pair.server, 1);
    (void)side_say(&pair.server, &pair.client);
    side_produce(&pair.client);
    assert_int_equal(asked(&pair.client), 0);
    TLSM_UNUSED(unused);
}

/* A close_notify under a key the sender has left is no end of data. */
static void close_notify_under_an_old_key_is_not_believed(void **unused)
{
    struct pair pair;
    struct tlsm_key old;
    pair_init(&pair);
    pair_connect(&pair);
    old = pair.server.block.state.write_key;
    (void)side_update(&pair.server, 0);
    (void)side_say(&pair.server, &pair.client);
    old.sequence++;
    pair.server.block.state.write_key = old;
    side_forge(&pair.server, &pair.client, 21, BYTES("\1\0"));
    assert_fails(&pair.client, side_feed(&pair.client), TLSM_ALERT_BAD_RECORD_MAC);
    assert_how(&pair.client, "local_alert");
    TLSM_UNUSED(unused);
}

/* ------------------------------------------------------------------------------------------------ failing */

/* RFC 9846 §6: "Servers and clients MUST forget the secret values and keys established in failed connections". */
static void secrets_are_forgotten_when_the_connection_fails(void **unused)
{
    struct pair pair;
    static const uint8_t zeros[TLSM_HASH_MAX];
    pair_init(&pair);
    pair_connect(&pair);
    side_forge(&pair.server, &pair.client, 0, "", 0);
    assert_fails(&pair.client, side_feed(&pair.client), TLSM_ALERT_UNEXPECTED_MESSAGE);
    assert_memory_equal(pair.client.block.state.exporter, zeros, sizeof zeros);
    assert_memory_equal(pair.client.block.state.resumption, zeros, sizeof zeros);
    TLSM_UNUSED(unused);
}

/* G5, also for the judge: the description is from the list of error alerts. */
static void judge_can_refuse_with_error_alerts_only(void **unused)
{
    static const uint8_t refused[] = { TLSM_ALERT_NONE, TLSM_ALERT_USER_CANCELED, 1 };
    struct pair pair;
    struct tlsm_answer answer = { 0 };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    hear_client_hello(&pair);
    pair.client.no_answers = 1;
    (void)side_say(&pair.server, &pair.client);
    assert_int_equal(pair.client.block.state.control.request, TLSM_ASK_JUDGE);
    answer.id = pair.client.block.state.request_id;
    for (size_t i = 0; i < sizeof refused; i++) {
        answer.alert = refused[i];
        assert_code(side_step(&pair.client, &in), TLSM_BAD_ARGUMENT);
    }
    answer.alert = TLSM_ALERT_UNKNOWN_CA;
    assert_fails(&pair.client, side_step(&pair.client, &in), TLSM_ALERT_UNKNOWN_CA);
    TLSM_UNUSED(unused);
}

/* B1, I2, I12: a send that fails while we wait changes nothing of what is delivered. */
static void failed_send_makes_no_hole_in_discarded_data(void **unused)
{
    static const struct {
        uint8_t policy;
        const char *delivered, *how;
    } row[] = { { TLSM_CLOSING_DISCARD, "before", "open" },
                { TLSM_CLOSING_DELIVER, "beforewhileafter", "open" },
                { TLSM_CLOSING_FAIL, "before", "limit_exceeded" } };
    for (size_t i = 0; i < 2 * sizeof row / sizeof *row; i++) {
        struct pair pair;
        pair_init(&pair);
        pair.client.settings.data_while_closing = row[i / 2].policy;
        pair_connect(&pair);
        (void)side_write(&pair.server, "before");
        (void)side_say(&pair.server, &pair.client);
        (void)side_close(&pair.client, 0);
        if (i % 2)
            side_produce(&pair.client);
        (void)side_write(&pair.server, "while");
        (void)side_say(&pair.server, &pair.client);
        (void)side_do(&pair.client, TLSM_IN_SEND_FAILED);
        (void)side_write(&pair.server, "after");
        (void)side_say(&pair.server, &pair.client);
        assert_plain(&pair.client, row[i / 2].delivered);
        assert_how(&pair.client, row[i / 2].how);
    }
    TLSM_UNUSED(unused);
}

/* ------------------------------------------------------------------------------------------------ a provider that fails */

static uint8_t long_leaf[20000];
static const struct tlsm_bytes long_chain[] = { { long_leaf, sizeof long_leaf } };
static const uint16_t one_scheme[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_credential long_credential = { long_chain, 1, one_scheme, 1, NULL, 0, { NULL, 0 } };

/* A handshake with a retry and a Certificate of two records, data, key updates both ways, data, close; in TLS 1.2 without retry and
 * updates. 1: all of it worked. */
static int whole_life(struct pair *pair, uint16_t version)
{
    pair_init(pair);
    pair_speak(pair, version);
    pair->client.config.crypto = pair->server.config.crypto = &bad_provider;
    pair->server.settings.groups = p256_only;
    pair->server.settings.group_count = 1;
    pair->server.settings.credentials = &long_credential;
    pair->client.no_answers = pair->server.no_answers = 1;
    start_again(&pair->client);
    start_again(&pair->server);
    talk_again(pair);
    if (side_write(&pair->client, "one") == TLSM_LIBRARY_FAILED)
        (void)side_write(&pair->client, "one");
    (void)side_update(&pair->client, 1);
    talk_again(pair);
    if (side_write(&pair->server, "two") == TLSM_LIBRARY_FAILED)
        (void)side_write(&pair->server, "two");
    (void)side_close(&pair->client, 0);
    (void)side_close(&pair->server, 0);
    talk_again(pair);
    return side_how(&pair->client) == TLSM_CLEAN_BOTH_VERDICT && side_how(&pair->server) == TLSM_CLEAN_BOTH_VERDICT;
}

static void fails_once_in_a_life(uint16_t version)
{
    static struct pair pair;
    unsigned calls, clean = 0;
    memset(&faulty, 0, sizeof faulty);
    assert_true(whole_life(&pair, version));
    calls = faulty.calls;
    for (unsigned at = 1; at <= calls; at++) {
        memset(&faulty, 0, sizeof faulty);
        faulty.at = at;
        if (whole_life(&pair, version)) {
            clean++;
            assert_plain(&pair.server, "one");
            assert_plain(&pair.client, "two");
        }
    }
    assert_true(clean > calls / 4);   /* all that is made can be made again; what was read cannot be read again */
}

static void provider_that_fails_once_spoils_no_state_and_no_nonce(void **unused)
{
    fails_once_in_a_life(TLSM_1_3);
    TLSM_UNUSED(unused);
}

static void provider_that_fails_once_in_tls12_spoils_no_state_and_no_nonce(void **unused)
{
    fails_once_in_a_life(TLSM_1_2);
    TLSM_UNUSED(unused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plaintext_finished_with_its_header_before_the_keys_is_refused),
        cmocka_unit_test(plaintext_piece_of_finished_before_the_keys_is_refused),
        cmocka_unit_test(piece_of_server_hello_before_the_second_client_hello_is_refused),
        cmocka_unit_test(early_data_is_skipped_until_the_second_hello),
        cmocka_unit_test(unreadable_record_after_the_second_hello_is_no_early_data),
        cmocka_unit_test(skipped_early_data_is_limited),
        cmocka_unit_test(what_may_be_skipped_follows_what_was_allowed),
        cmocka_unit_test(early_data_is_skipped_however_short),
        cmocka_unit_test(tickets_obey_the_rules_of_extensions),
        cmocka_unit_test(ticket_in_a_record_that_ends_the_connection_gives_no_session),
        cmocka_unit_test(update_is_not_requested_again_before_the_peer_has_updated),
        cmocka_unit_test(reply_to_an_update_does_not_request_one),
        cmocka_unit_test(close_notify_under_an_old_key_is_not_believed),
        cmocka_unit_test(secrets_are_forgotten_when_the_connection_fails),
        cmocka_unit_test(judge_can_refuse_with_error_alerts_only),
        cmocka_unit_test(failed_send_makes_no_hole_in_discarded_data),
        cmocka_unit_test(provider_that_fails_once_spoils_no_state_and_no_nonce),
        cmocka_unit_test(provider_that_fails_once_in_tls12_spoils_no_state_and_no_nonce),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
