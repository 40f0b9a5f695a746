/* SPDX-License-Identifier: MIT */
/* The client's certificate in the handshake: RFC 9846 §4.4.2, §4.5. */
#include "client_auth_fixture.h"

static int shown(const struct pair *pair) { return tlsm_peer_shown(&pair->server.block.state); }

static void every_scheme(int real)
{
    static const uint16_t each[] = { TLSM_ECDSA_SECP256R1_SHA256, TLSM_ECDSA_SECP384R1_SHA384, TLSM_ED25519,
                                     TLSM_RSA_PSS_RSAE_SHA256, TLSM_RSA_PSS_RSAE_SHA384, TLSM_RSA_PSS_RSAE_SHA512 };
    for (size_t scheme = 0; scheme < sizeof each / sizeof *each; scheme++) {
        for (size_t suite = 0; suite < 3; suite++) {
            struct pair *pair = mutual(real, TLSM_CLIENT_AUTH_REQUIRE, KEYS);
            pair->server.settings.schemes = &each[scheme];
            pair->server.settings.scheme_count = 1;
            pair->server.settings.suites = &suites[suite];
            pair->server.settings.suite_count = 1;
            start_both(pair, "");
            talk_mutual(pair);
            check_connected(pair);
            assert_int_equal(pair->server.block.state.scheme, each[scheme]);
            assert_int_equal(shown(pair), 1);
            exchange_and_close(pair);
        }
    }
}

static void a_client_shows_what_the_server_can_verify_null(void **state)
{
    TLSM_UNUSED(state);
    every_scheme(0);
}

static void a_client_shows_what_the_server_can_verify_libcrypto(void **state)
{
    TLSM_UNUSED(state);
    every_scheme(1);
}

static void a_client_with_nothing_to_show_is_let_in_where_that_is_allowed(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_REQUEST, 0);
    start_both(pair, "");
    talk_mutual(pair);
    check_connected(pair);
    assert_int_equal(shown(pair), 0);
    exchange_and_close(pair);
}

static void a_client_with_nothing_to_show_is_refused_where_one_is_required(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_REQUIRE, 0);
    start_both(pair, "");
    talk_mutual(pair);
    assert_how(&pair->server, "handshake_failed");
    assert_int_equal(side_verdict(&pair->server).alert_sent, TLSM_ALERT_CERTIFICATE_REQUIRED);
    assert_how(&pair->client, "peer_alert");   /* it was connected: its own Finished was the last message */
    assert_int_equal(side_verdict(&pair->client).alert_received, TLSM_ALERT_CERTIFICATE_REQUIRED);
}

static void nobody_is_asked_by_default(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_NONE, KEYS);
    start_both(pair, "");
    talk_mutual(pair);
    check_connected(pair);
    assert_int_equal(shown(pair), 0);
    assert_int_equal(tlsm_peer_shown(&pair->client.block.state), 0);
}

/* ------------------------------------------------------------------------------------------------ the judge */

static void a_refused_client_hears_the_judges_alert(void **state)
{
    static const uint8_t alerts[] = { TLSM_ALERT_UNKNOWN_CA, TLSM_ALERT_CERTIFICATE_REVOKED, TLSM_ALERT_ACCESS_DENIED };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof alerts; i++) {
        struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_REQUEST, KEYS);
        const struct tlsm_answer no = { .alert = alerts[i] };
        start_both(pair, "");
        assert_int_equal(talk_until(pair, &pair->server, TLSM_ASK_JUDGE), 1);
        answer_with(&pair->server, &no, TLSM_FAILED);
        talk_mutual(pair);
        assert_how(&pair->server, "handshake_failed");
        assert_int_equal(side_verdict(&pair->server).alert_sent, alerts[i]);
        assert_int_equal(side_verdict(&pair->client).alert_received, alerts[i]);
        assert_int_equal(shown(pair), 0);
    }
}

/* The client is connected once its Finished is out and may write at once; before the answer nobody sees a word of it. */
static void nothing_is_read_before_the_answer(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_REQUIRE, KEYS);
    struct side *server = &pair->server;
    start_both(pair, "");
    assert_int_equal(talk_until(pair, server, TLSM_ASK_JUDGE), 1);
    assert_int_equal(tlsm_connected(&server->block.state), 0);
    assert_code(side_write(&pair->client, "secret"), TLSM_PRODUCED);
    (void)side_say(&pair->client, server);
    assert_int_equal(server->plain_have, 0);
    assert_code(side_write(server, "no"), TLSM_NOT_CONNECTED);
    assert_code(side_eof(server, 0), TLSM_ANSWER_FIRST);
    assert_int_equal(side_needs(server) & TLSM_NEED_RECEIVE, 0);
    talk_mutual(pair);
    assert_plain(server, "secret");
    assert_int_equal(shown(pair), 1);
}

static void closing_does_not_wait_for_the_judge(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_REQUIRE, KEYS);
    start_both(pair, "");
    assert_int_equal(talk_until(pair, &pair->server, TLSM_ASK_JUDGE), 1);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    talk_mutual(pair);
    assert_code(side_close(&pair->client, 0), TLSM_OK);
    talk_mutual(pair);
    assert_how(&pair->server, "clean_both");
    assert_how(&pair->client, "clean_both");
}

/* C6: the server's close_notify comes before the client's answer is made; the answer is made, its signature asked for, all the same. */
static void a_client_completes_its_flight_behind_the_peers_close(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_REQUIRE, KEYS);
    struct side *client = &pair->client;
    start_both(pair, "");
    assert_int_equal(talk_until(pair, client, TLSM_ASK_JUDGE), 1);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    side_produce(&pair->server);
    (void)side_sent(&pair->server, pair->server.wire_have, client);
    assert_int_equal(answer_one(pair, client), 1);
    (void)side_feed(client);
    assert_int_equal(side_rx(client), TLSM_RX_CLOSED);
    side_produce(client);
    assert_int_equal(client->block.state.control.request, TLSM_ASK_SIGN);
    talk_mutual(pair);
    assert_int_equal(tlsm_connected(&client->block.state), 1);
    assert_int_equal(shown(pair), 1);
    assert_code(side_close(client, 0), TLSM_OK);
    talk_mutual(pair);
    assert_how(client, "clean_both");
    assert_how(&pair->server, "clean_both");
}

static void a_connection_goes_that_the_judge_never_saw(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_REQUIRE, KEYS);
    start_both(pair, "");
    assert_int_equal(talk_until(pair, &pair->server, TLSM_ASK_JUDGE), 1);
    (void)side_do(&pair->server, TLSM_IN_RECEIVE_FAILED);
    assert_int_equal(pair->server.block.state.control.request, 0);
    assert_int_equal(shown(pair), 0);
}

/* ------------------------------------------------------------------------------------------------ choosing */

static struct pair *choosing(size_t client_credentials)
{
    struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_REQUEST, client_credentials);
    pair->client.settings.ask = TLSM_ASK_CREDENTIAL_BIT;
    start_both(pair, "");
    return pair;
}

static void the_application_chooses(void **state)
{
    static const uint8_t name[] = { 0x30, 3, 0x31, 1, 0 };
    static const struct tlsm_bytes authorities[] = { { name, sizeof name } };
    const uint8_t listed[] = { 0, sizeof name, 0x30, 3, 0x31, 1, 0 };
    const struct tlsm_answer third = { .credential = 2 };
    struct tlsm_request request;
    TLSM_UNUSED(state);
    struct pair *pair = choosing(KEYS);
    pair->server.settings.authorities = authorities;
    pair->server.settings.authority_count = 1;
    assert_int_equal(talk_until(pair, &pair->client, TLSM_ASK_CREDENTIAL), 1);
    assert_int_equal(tlsm_request(&pair->client.config, &pair->client.block.state, &request), TLSM_ASK_CREDENTIAL);
    assert_int_equal(tlsm_list_has(request.schemes, TLSM_ED25519), 1);
    assert_int_equal(request.authorities.length, sizeof listed);
    assert_memory_equal(request.authorities.data, listed, sizeof listed);
    answer_with(&pair->client, &third, TLSM_OK);
    talk_mutual(pair);
    check_connected(pair);
    assert_int_equal(pair->client.block.state.credential, 2);
    assert_int_equal(pair->client.block.state.scheme, TLSM_ED25519);
    assert_int_equal(shown(pair), 1);
}

static void the_application_chooses_to_show_none(void **state)
{
    const struct tlsm_answer none = { .credential = TLSM_NO_CREDENTIAL };
    TLSM_UNUSED(state);
    struct pair *pair = choosing(KEYS);
    assert_int_equal(talk_until(pair, &pair->client, TLSM_ASK_CREDENTIAL), 1);
    answer_with(&pair->client, &none, TLSM_OK);
    talk_mutual(pair);
    check_connected(pair);
    assert_int_equal(shown(pair), 0);
}

static void what_cannot_be_shown_is_no_choice(void **state)
{
    static const uint16_t only[] = { TLSM_ED25519 };
    const struct tlsm_answer absent = { .credential = KEYS }, cannot = { .credential = 0 }, refused = { .alert = TLSM_ALERT_ACCESS_DENIED };
    TLSM_UNUSED(state);
    struct pair *pair = choosing(KEYS);
    pair->server.settings.schemes = only;
    pair->server.settings.scheme_count = 1;
    assert_int_equal(talk_until(pair, &pair->client, TLSM_ASK_CREDENTIAL), 1);
    answer_with(&pair->client, &absent, TLSM_BAD_ARGUMENT);
    answer_with(&pair->client, &cannot, TLSM_BAD_ARGUMENT);
    answer_with(&pair->client, &refused, TLSM_FAILED);
    talk_mutual(pair);
    assert_how(&pair->client, "handshake_failed");
    assert_int_equal(side_verdict(&pair->server).alert_received, TLSM_ALERT_ACCESS_DENIED);
}

/* A certificate reduced to what is looked at: its issuer. */
#define ISSUED_BY(x) { 0x30, 20, 0x30, 16, 0xa0, 3, 2, 1, 2, 2, 1, 9, 0x30, 0, 0x30, 4, 0x31, 2, (x), 0, 5, 0 }
#define NAME_OF(x) { 0x30, 4, 0x31, 2, (x), 0 }

static void the_first_is_shown_that_a_named_authority_issued(void **state)
{
    static const uint8_t by_one[] = ISSUED_BY(1), by_two[] = ISSUED_BY(2), one[] = NAME_OF(1), two[] = NAME_OF(2), three[] = NAME_OF(3);
    static const struct tlsm_bytes first[] = { { by_one, sizeof by_one } };
    static const struct tlsm_bytes second[] = { { leaf, sizeof leaf }, { by_two, sizeof by_two } };
    const struct tlsm_credential two_of[] = { { first, 1, p256_schemes, 1, NULL, 0, { NULL, 0 } },
                                              { second, 2, ed25519_schemes, 1, NULL, 0, { NULL, 0 } } };
    const struct { struct tlsm_bytes named; size_t expected; } cases[] = {
        { { one, sizeof one }, 0 }, { { two, sizeof two }, 1 }, { { three, sizeof three }, TLSM_NO_CREDENTIAL }
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_REQUEST, 2);
        pair->client.settings.credentials = two_of;
        pair->server.settings.authorities = &cases[i].named;
        pair->server.settings.authority_count = 1;
        start_both(pair, "");
        talk_mutual(pair);
        check_connected(pair);
        assert_int_equal(pair->client.block.state.credential, cases[i].expected);
        assert_int_equal(shown(pair), cases[i].expected != TLSM_NO_CREDENTIAL);
    }
}

/* Every prefix of a certificate, and every byte of it changed, is walked within its bounds. */
static void what_is_no_certificate_has_no_issuer(void **state)
{
    static const uint8_t whole[] = ISSUED_BY(1), listed[] = { 0, 6, 0x30, 4, 0x31, 2, 1, 0 };
    TLSM_UNUSED(state);
    for (size_t length = 0; length <= sizeof whole; length++) {
        uint8_t *copy = malloc(length + 1);
        const struct tlsm_bytes one = { copy, length };
        const struct tlsm_credential credential = { &one, 1, p256_schemes, 1, NULL, 0, { NULL, 0 } };
        const struct tlsm_settings settings = { .credentials = &credential, .credential_count = 1 };
        const uint8_t scheme[] = { TLSM_ECDSA_SECP256R1_SHA256 >> 8, TLSM_ECDSA_SECP256R1_SHA256 & 255 };
        const struct tlsm_bytes schemes_asked = { scheme, 2 }, authorities = { listed, sizeof listed };
        memcpy(copy, whole, length);
        assert_int_equal(tlsm_choose_client_credential(&settings, TLSM_1_3, schemes_asked, authorities), length == sizeof whole ? 0 : TLSM_NO_CREDENTIAL);
        for (size_t at = 0; at < 8 * length; at++) {
            copy[at / 8] ^= (uint8_t)(1 << at % 8);
            (void)tlsm_choose_client_credential(&settings, TLSM_1_3, schemes_asked, authorities);
            copy[at / 8] ^= (uint8_t)(1 << at % 8);
        }
        free(copy);
    }
}

/* ------------------------------------------------------------------------------------------------ what peers get wrong */

static void check_refused(struct side *side, uint8_t alert)
{
    assert_string_equal(tlsm_alert_name(side->out.violation), tlsm_alert_name(alert));
    assert_int_equal(tlsm_rx_name(side_rx(side)) == tlsm_rx_name(TLSM_RX_DEAD), 1);
}

struct wrong {
    const char *message;
    size_t length;
    uint8_t alert;
};
#define WRONG(message, alert) { message, sizeof message - 1, alert }

static void what_a_client_shows_is_checked(void **state)
{
    static const struct wrong wrong[] = {
        WRONG("\x0b\0\0\1\0", TLSM_ALERT_DECODE_ERROR),                                        /* no list */
        WRONG("\x0b\0\0\5\0\0\0\0\0", TLSM_ALERT_DECODE_ERROR),                                /* more than the list */
        WRONG("\x0b\0\0\5\1x\0\0\0", TLSM_ALERT_ILLEGAL_PARAMETER),                            /* a context nobody gave */
        WRONG("\x0b\0\0\x09\0\0\0\5\0\0\0\0\0", TLSM_ALERT_DECODE_ERROR),                      /* an empty certificate */
        WRONG("\x0b\0\0\x0a\0\0\0\6\0\0\1x\0\1", TLSM_ALERT_DECODE_ERROR),                     /* extensions cut */
        WRONG("\x0b\0\0\x0e\0\0\0\x0a\0\0\1x\0\4\0\5\0\0", TLSM_ALERT_UNSUPPORTED_EXTENSION),  /* a staple not asked for */
        WRONG("\x0b\0\0\x0e\0\0\0\x0a\0\0\1x\0\4\0\x0d\0\0", TLSM_ALERT_ILLEGAL_PARAMETER),    /* not of this message */
        WRONG("\x0f\0\0\6\x04\x03\0\2xy", TLSM_ALERT_UNEXPECTED_MESSAGE),                      /* CertificateVerify first */
        WRONG("\x14\0\0\x20" "01234567890123456789012345678901", TLSM_ALERT_UNEXPECTED_MESSAGE),   /* Finished without it */
        WRONG("\x0d\0\0\3\0\0\0", TLSM_ALERT_UNEXPECTED_MESSAGE),                              /* asks back */
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct pair *pair = client_speaks(TLSM_CLIENT_AUTH_REQUEST, 1);
        side_forge(&pair->client, &pair->server, TLSM_TYPE_HANDSHAKE, wrong[i].message, wrong[i].length);
        assert_code(side_feed(&pair->server), TLSM_FAILED);
        check_refused(&pair->server, wrong[i].alert);
    }
}

static void what_a_client_signs_is_checked(void **state)
{
    static const struct wrong wrong[] = {
        WRONG("\x0f\0\0\1\4", TLSM_ALERT_DECODE_ERROR),
        WRONG("\x0f\0\0\7\4\3\0\2xyz", TLSM_ALERT_DECODE_ERROR),
        WRONG("\x0f\0\0\6\4\1\0\2xy", TLSM_ALERT_ILLEGAL_PARAMETER),   /* RSA PKCS #1 signs no handshake */
        WRONG("\x0f\0\0\6\6\3\0\2xy", TLSM_ALERT_ILLEGAL_PARAMETER),   /* never asked for */
        WRONG("\x14\0\0\x20" "01234567890123456789012345678901", TLSM_ALERT_UNEXPECTED_MESSAGE),   /* Finished: unsigned */
        WRONG("\x0b\0\0\4\0\0\0\0", TLSM_ALERT_UNEXPECTED_MESSAGE),
    };
    static const char shows[] = "\x0b\0\0\x0a\0\0\0\6\0\0\1x\0\0";
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct pair *pair = client_speaks(TLSM_CLIENT_AUTH_REQUEST, 1);
        side_forge(&pair->client, &pair->server, TLSM_TYPE_HANDSHAKE, shows, sizeof shows - 1);
        side_forge(&pair->client, &pair->server, TLSM_TYPE_HANDSHAKE, wrong[i].message, wrong[i].length);
        assert_code(side_feed(&pair->server), TLSM_FAILED);
        check_refused(&pair->server, wrong[i].alert);
    }
}

/* A signature the server made is none of a client: the words signed differ. */
static void a_signature_is_of_its_role(void **state)
{
    struct tlsm_request signs, judges;
    TLSM_UNUSED(state);
    struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_REQUIRE, 1);
    start_both(pair, "");
    assert_int_equal(talk_until(pair, &pair->client, TLSM_ASK_SIGN), 1);
    assert_int_equal(tlsm_request(&pair->client.config, &pair->client.block.state, &signs), TLSM_ASK_SIGN);
    assert_int_equal(signs.of_client, 0);
    assert_memory_equal(signs.content + 64, "TLS 1.3, client CertificateVerify", 34);
    assert_int_equal(talk_until(pair, &pair->server, TLSM_ASK_JUDGE), 1);
    assert_int_equal(tlsm_request(&pair->server.config, &pair->server.block.state, &judges), TLSM_ASK_JUDGE);
    assert_int_equal(judges.of_client, 1);
    assert_int_equal(judges.content_length, signs.content_length);
    assert_memory_equal(judges.content, signs.content, signs.content_length);
}

static void what_a_server_asks_is_checked(void **state)
{
    static const struct wrong wrong[] = {
        WRONG("\x0d\0\0\3\0\0\0", TLSM_ALERT_MISSING_EXTENSION),
        WRONG("\x0d\0\0\2\0\0", TLSM_ALERT_DECODE_ERROR),
        WRONG("\x0d\0\0\x0c\1x\0\x08\0\x0d\0\4\0\2\4\3", TLSM_ALERT_ILLEGAL_PARAMETER),           /* a context in the handshake */
        WRONG("\x0d\0\0\x0a\0\0\x08\0\x0d\0\4\0\2\4", TLSM_ALERT_DECODE_ERROR),
        WRONG("\x0d\0\0\x0a\0\0\7\0\x0d\0\3\0\1\4", TLSM_ALERT_DECODE_ERROR),                     /* half a scheme */
        WRONG("\x0d\0\0\x11\0\0\x0e\0\x0d\0\4\0\2\4\3\0\x2f\0\2\0\0", TLSM_ALERT_DECODE_ERROR),   /* authorities: none named */
        WRONG("\x0d\0\0\x14\0\0\x11\0\x0d\0\4\0\2\4\3\0\x2f\0\5\0\3\0\2x", TLSM_ALERT_DECODE_ERROR),
        WRONG("\x0d\0\0\x0f\0\0\x0c\0\x0d\0\4\0\2\4\3\0\x33\0\0", TLSM_ALERT_ILLEGAL_PARAMETER),  /* key_share stands elsewhere */
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct pair *pair = fresh(0);
        start_both(pair, "");
        (void)side_say(&pair->client, &pair->server);
        while (pair->server.block.state.control.phase != TLSM_PHASE_S_MAKE_CERTIFICATE)
            (void)side_do(&pair->server, TLSM_IN_PRODUCE);
        (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
        assert_code(side_feed(&pair->client), TLSM_KEYS);
        side_forge(&pair->server, &pair->client, TLSM_TYPE_HANDSHAKE, wrong[i].message, wrong[i].length);
        assert_code(side_feed(&pair->client), TLSM_FAILED);
        check_refused(&pair->client, wrong[i].alert);
    }
}

/* ------------------------------------------------------------------------------------------------ settings */

static void check_start(struct pair *pair, struct side *side, enum tlsm_code expected)
{
    const struct tlsm_entropy entropy = { { 0 }, { 0 }, { { 0 } } };
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy };
    TLSM_UNUSED(pair);
    assert_code(side_step(side, &in), expected);
}

static void settings_that_make_no_sense_are_refused(void **state)
{
    static const struct tlsm_bytes nothing[] = { { NULL, 0 } };
    static const uint16_t pkcs1[] = { TLSM_RSA_PKCS1_SHA256 };
    static const struct tlsm_credential empty = { NULL, 0, p256_schemes, 1, NULL, 0, { NULL, 0 } };
    TLSM_UNUSED(state);
    struct pair *pair = mutual(0, 7, 0);
    check_start(pair, &pair->server, TLSM_BAD_ARGUMENT);
    pair = mutual(0, TLSM_CLIENT_AUTH_REQUEST, 0);
    pair->server.settings.authorities = nothing;
    pair->server.settings.authority_count = 1;
    check_start(pair, &pair->server, TLSM_BAD_ARGUMENT);
    pair = mutual(0, TLSM_CLIENT_AUTH_REQUEST, 0);
    pair->server.settings.schemes = pkcs1;
    pair->server.settings.scheme_count = 1;
    check_start(pair, &pair->server, TLSM_BAD_ARGUMENT);
    pair = mutual(0, TLSM_CLIENT_AUTH_REQUEST, 1);
    pair->client.settings.credentials = &empty;
    check_start(pair, &pair->client, TLSM_BAD_ARGUMENT);
}

/* ------------------------------------------------------------------------------------------------ sessions */

static void one_byte_at_a_time(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_REQUIRE, KEYS);
    struct side *sides[] = { &pair->client, &pair->server };
    int busy = 1;
    start_both(pair, "");
    while (busy) {
        busy = 0;
        for (size_t i = 0; i < 2; i++) {
            side_produce(sides[i]);
            busy |= answer_one(pair, sides[i]);
            if (sides[i]->wire_have > 0 && !(side_needs(sides[1 - i]) & TLSM_NEED_ANSWER)) {
                (void)side_sent(sides[i], 1, sides[1 - i]);
                (void)side_feed(sides[1 - i]);
                busy = 1;
            }
        }
    }
    check_connected(pair);
    assert_int_equal(shown(pair), 1);
    exchange_and_close(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_shows_what_the_server_can_verify_null),
        cmocka_unit_test(a_client_shows_what_the_server_can_verify_libcrypto),
        cmocka_unit_test(a_client_with_nothing_to_show_is_let_in_where_that_is_allowed),
        cmocka_unit_test(a_client_with_nothing_to_show_is_refused_where_one_is_required),
        cmocka_unit_test(nobody_is_asked_by_default),
        cmocka_unit_test(a_refused_client_hears_the_judges_alert),
        cmocka_unit_test(nothing_is_read_before_the_answer),
        cmocka_unit_test(closing_does_not_wait_for_the_judge),
        cmocka_unit_test(a_client_completes_its_flight_behind_the_peers_close),
        cmocka_unit_test(a_connection_goes_that_the_judge_never_saw),
        cmocka_unit_test(the_application_chooses),
        cmocka_unit_test(the_application_chooses_to_show_none),
        cmocka_unit_test(what_cannot_be_shown_is_no_choice),
        cmocka_unit_test(the_first_is_shown_that_a_named_authority_issued),
        cmocka_unit_test(what_is_no_certificate_has_no_issuer),
        cmocka_unit_test(what_a_client_shows_is_checked),
        cmocka_unit_test(what_a_client_signs_is_checked),
        cmocka_unit_test(a_signature_is_of_its_role),
        cmocka_unit_test(what_a_server_asks_is_checked),
        cmocka_unit_test(settings_that_make_no_sense_are_refused),
        cmocka_unit_test(one_byte_at_a_time),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
