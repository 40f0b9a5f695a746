/* SPDX-License-Identifier: MIT */
/* Whole handshakes between our client and our server, over both providers, through tlsm_step. */
#include "handshake_fixture.h"
#include "rfc8448.h"

/* ------------------------------------------------------------------------------------------------ the matrix */

static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256, TLSM_ECDSA_SECP384R1_SHA384, TLSM_ED25519,
                                    TLSM_RSA_PSS_RSAE_SHA256, TLSM_RSA_PSS_RSAE_SHA384, TLSM_RSA_PSS_RSAE_SHA512 };

static void one_of_the_matrix(int real, size_t suite, size_t group, int retry, size_t scheme)
{
    struct pair *pair = fresh(real);
    const uint16_t offered[2] = { groups[(group + 1) % 3], groups[group] };
    pair->client.settings.suites = &suites[suite];
    pair->client.settings.suite_count = 1;
    pair->client.settings.schemes = &schemes[scheme];
    pair->client.settings.scheme_count = 1;
    pair->client.settings.groups = retry ? offered : offered + 1;
    pair->client.settings.group_count = retry ? 2 : 1;
    pair->server.settings.groups = &groups[group];
    pair->server.settings.group_count = 1;
    start_both(pair, "some.name");
    talk(pair);
    check_connected(pair);
    assert_int_equal(pair->client.block.state.suite, suites[suite]);
    assert_int_equal(pair->client.block.state.group, groups[group]);
    assert_int_equal(pair->client.block.state.scheme, schemes[scheme]);
    assert_int_equal((pair->client.block.state.control.facts & TLSM_FACT_RETRIED) != 0, retry);
    assert_int_equal((pair->server.block.state.control.facts & TLSM_FACT_RETRIED) != 0, retry);
    exchange_and_close(pair);
}

static void matrix(int real)
{
    for (size_t i = 0; i < 3 * 3 * 2 * 6; i++)
        one_of_the_matrix(real, i % 3, i / 3 % 3, (int)(i / 9 % 2), i / 18);
}

static void every_suite_group_and_scheme_with_and_without_retry_null(void **state)
{
    TLSM_UNUSED(state);
    matrix(0);
}

static void every_suite_group_and_scheme_with_and_without_retry_libcrypto(void **state)
{
    TLSM_UNUSED(state);
    matrix(1);
}

static void defaults_prefer_aes128_x25519(void **state)
{
    struct pair *pair = fresh(1);
    TLSM_UNUSED(state);
    start_both(pair, "");
    talk(pair);
    check_connected(pair);
    assert_int_equal(pair->client.block.state.suite, TLSM_AES_128_GCM_SHA256);
    assert_int_equal(pair->client.block.state.group, TLSM_X25519);
    assert_int_equal(pair->client.block.state.scheme, TLSM_ECDSA_SECP256R1_SHA256);
    assert_int_equal(pair->server.block.state.credential, 0);
}

/* The server takes its own order of suites, and the best group for which there is a share. */
static void the_server_prefers(void **state)
{
    static const uint16_t server_suites[] = { TLSM_CHACHA20_POLY1305_SHA256, TLSM_AES_256_GCM_SHA384 };
    static const uint16_t server_groups[] = { TLSM_SECP384R1, TLSM_SECP256R1, TLSM_X25519 };
    TLSM_UNUSED(state);
    for (uint8_t shares = 1; shares <= 2; shares++) {
        struct pair *pair = fresh(1);
        pair->client.settings.shares_offered = shares;
        pair->server.settings.suites = server_suites;
        pair->server.settings.suite_count = 2;
        pair->server.settings.groups = server_groups;
        pair->server.settings.group_count = 3;
        start_both(pair, "");
        talk(pair);
        check_connected(pair);
        assert_int_equal(pair->client.block.state.suite, TLSM_CHACHA20_POLY1305_SHA256);
        assert_int_equal(pair->client.block.state.group, shares == 2 ? TLSM_SECP256R1 : TLSM_X25519);
        exchange_and_close(pair);
    }
}

/* ------------------------------------------------------------------------------------------------ names and protocols */

static uint16_t credential_for(const char *name)
{
    static const uint16_t all[] = { TLSM_RSA_PSS_RSAE_SHA256, TLSM_ED25519, TLSM_ECDSA_SECP384R1_SHA384 };
    struct pair *pair = fresh(0);
    pair->client.settings.schemes = all;
    pair->client.settings.scheme_count = 3;
    start_both(pair, name);
    talk(pair);
    check_connected(pair);
    return pair->server.block.state.credential;
}

static void the_name_chooses_the_credential(void **state)
{
    TLSM_UNUSED(state);
    assert_int_equal(credential_for("www.example.org"), 1);
    assert_int_equal(credential_for("WWW.EXAMPLE.ORG"), 1);
    assert_int_equal(credential_for("a.b.example.org"), 3);   /* "*." covers one label */
    assert_int_equal(credential_for("example.org"), 2);
    assert_int_equal(credential_for("other.test"), 2);
    assert_int_equal(credential_for("nobody"), 3);
    assert_int_equal(credential_for(""), 3);
    assert_int_equal(credential_for(".example.org"), 3);
}

static void addresses_are_judged_but_not_sent(void **state)
{
    static const char *const names[] = { "192.0.2.1", "2001:db8::1", "10.1" };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < 3; i++) {
        struct pair *pair = fresh(0);
        struct tlsm_request request;
        start_both(pair, names[i]);
        (void)side_say(&pair->client, &pair->server);
        assert_int_equal(tlsm_hs_const(&pair->server.block.state)->name_length, 0);
        (void)side_say(&pair->server, &pair->client);
        answer(pair, &pair->server);
        (void)side_say(&pair->server, &pair->client);
        assert_int_equal(tlsm_request(&pair->client.config, &pair->client.block.state, &request), TLSM_ASK_JUDGE);
        assert_int_equal(request.server_name.length, strlen(names[i]));
        talk(pair);
        check_connected(pair);
    }
}

static const struct tlsm_bytes h2_http[] = { { (const uint8_t *)"h2", 2 }, { (const uint8_t *)"http/1.1", 8 } };
static const struct tlsm_bytes http_h2[] = { { (const uint8_t *)"http/1.1", 8 }, { (const uint8_t *)"h2", 2 } };
static const struct tlsm_bytes imap[] = { { (const uint8_t *)"imap", 4 } };

static struct pair *with_alpn(const struct tlsm_bytes *client, size_t clients, const struct tlsm_bytes *server,
                              size_t servers, uint8_t require)
{
    struct pair *pair = fresh(0);
    pair->client.settings.alpn = client;
    pair->client.settings.alpn_count = clients;
    pair->server.settings.alpn = server;
    pair->server.settings.alpn_count = servers;
    pair->server.settings.require_alpn = require;
    start_both(pair, "");
    talk(pair);
    return pair;
}

static void alpn_is_the_servers_choice(void **state)
{
    struct pair *pair = with_alpn(h2_http, 2, http_h2, 2, 1);
    TLSM_UNUSED(state);
    check_connected(pair);
    assert_int_equal(pair->server.block.state.alpn, 1);
    assert_int_equal(pair->client.block.state.alpn, 2);
    pair = with_alpn(h2_http, 2, NULL, 0, 0);
    check_connected(pair);
    assert_int_equal(pair->client.block.state.alpn, 0);
    pair = with_alpn(NULL, 0, imap, 1, 0);
    check_connected(pair);
    assert_int_equal(pair->server.block.state.alpn, 0);
}

/* RFC 7301 §3.2 */
static void no_common_protocol_is_fatal(void **state)
{
    struct pair *pair = with_alpn(h2_http, 2, imap, 1, 0);
    TLSM_UNUSED(state);
    assert_int_equal(side_verdict(&pair->server).alert_sent, TLSM_ALERT_NO_APPLICATION_PROTOCOL);
}

static void required_alpn_is_enforced(void **state)
{
    struct pair *pair = with_alpn(h2_http, 2, imap, 1, 1);
    TLSM_UNUSED(state);
    assert_int_equal(side_verdict(&pair->server).alert_sent, TLSM_ALERT_NO_APPLICATION_PROTOCOL);
    assert_int_equal(side_verdict(&pair->client).alert_received, TLSM_ALERT_NO_APPLICATION_PROTOCOL);
    pair = with_alpn(NULL, 0, imap, 1, 1);
    assert_int_equal(side_verdict(&pair->server).alert_sent, TLSM_ALERT_NO_APPLICATION_PROTOCOL);
}

static void nothing_in_common_is_handshake_failure(void **state)
{
    TLSM_UNUSED(state);
    for (int what = 0; what < 3; what++) {
        struct pair *pair = fresh(0);
        struct tlsm_settings *client = &pair->client.settings, *server = &pair->server.settings;
        client->suites = &suites[0], server->suites = &suites[what == 0 ? 1 : 0];
        client->groups = &groups[0], server->groups = &groups[what == 1 ? 1 : 0];
        client->suite_count = server->suite_count = client->group_count = server->group_count = 1;
        client->schemes = what == 2 ? schemes : NULL;
        client->scheme_count = 1;
        server->credentials = &credentials[1];
        server->credential_count = 1;
        start_both(pair, "");
        talk(pair);
        assert_int_equal(side_verdict(&pair->server).alert_sent, TLSM_ALERT_HANDSHAKE_FAILURE);
        assert_how(&pair->server, "handshake_failed");
    }
}

/* ------------------------------------------------------------------------------------------------ requests */

static struct pair *choosing(int retry)
{
    struct pair *pair = fresh(0);
    pair->server.settings.ask = TLSM_ASK_CREDENTIAL_BIT;
    pair->client.settings.alpn = h2_http;
    pair->client.settings.alpn_count = 2;
    if (retry) {
        pair->server.settings.groups = &groups[2];
        pair->server.settings.group_count = 1;
    }
    start_both(pair, "asked.example");
    (void)side_say(&pair->client, &pair->server);
    return pair;
}

static void the_application_chooses_the_credential(void **state)
{
    TLSM_UNUSED(state);
    for (int retry = 0; retry < 2; retry++) {
        struct pair *pair = choosing(retry);
        struct side *server = &pair->server;
        struct tlsm_request request;
        const struct tlsm_answer third = { .credential = 2 }, none = { .credential = KEYS };
        assert_int_equal(tlsm_request(&server->config, &server->block.state, &request), TLSM_ASK_CREDENTIAL);
        assert_int_equal(request.server_name.length, 13);
        assert_memory_equal(request.server_name.data, "asked.example", 13);
        assert_int_equal(request.alpn.length, 12);
        assert_memory_equal(request.alpn.data, "\2h2\10http/1.1", 12);
        assert_int_equal(request.schemes.length, 18);
        assert_int_equal(request.schemes.data[0] << 8 | request.schemes.data[1], TLSM_ECDSA_SECP256R1_SHA256);
        answer_with(server, &none, TLSM_BAD_ARGUMENT);
        answer_with(server, &third, TLSM_OK);
        assert_int_equal(tlsm_hs(&server->block.state)->used, 0);
        talk(pair);
        check_connected(pair);
        assert_int_equal(server->block.state.credential, 2);
        assert_int_equal(pair->client.block.state.scheme, TLSM_ED25519);
        exchange_and_close(pair);
    }
}

static size_t number16(const uint8_t *at) { return (size_t)at[0] << 8 | at[1]; }

static void grow16(uint8_t *at, size_t by)
{
    const size_t length = number16(at) + by;
    at[0] = (uint8_t)(length >> 8);
    at[1] = (uint8_t)length;
}

/* Behind the last extension of the ClientHello that `side` has produced. */
static void add_extension(struct side *side, const void *extension, size_t length)
{
    const size_t list = 5 + 4 + 2 + 32 + 1 + side->wire[5 + 4 + 2 + 32];
    const size_t methods = list + 2 + number16(side->wire + list);
    memcpy(side->wire + side->wire_have, extension, length);
    side->wire_have += length;
    grow16(side->wire + 3, length);
    grow16(side->wire + 5 + 2, length);
    grow16(side->wire + methods + 1 + side->wire[methods], length);
}

/* RFC 9846 §4.3.4: "The client MAY send the "certificate_authorities" extension in the ClientHello message." */
static void who_chooses_is_told_whom_the_client_trusts(void **state)
{
    static const uint8_t extension[] = { 0, 47, 0, 6, 0, 4, 0, 2, 0x30, 0 };
    struct pair *pair = fresh(0);
    struct tlsm_request request;
    TLSM_UNUSED(state);
    pair->server.settings.ask = TLSM_ASK_CREDENTIAL_BIT;
    start_both(pair, "");
    side_produce(&pair->client);
    add_extension(&pair->client, extension, sizeof extension);
    side_inject(&pair->server, pair->client.wire, pair->client.wire_have);
    (void)side_feed(&pair->server);
    assert_int_equal(tlsm_request(&pair->server.config, &pair->server.block.state, &request), TLSM_ASK_CREDENTIAL);
    assert_int_equal(request.authorities.length, 4);
    assert_memory_equal(request.authorities.data, extension + 6, 4);
}

/* Over all the numbers, and at a border of 4096. */
static uint16_t nth_unknown(size_t i) { return (uint16_t)(4095 + 1638 * i); }

/* The alert for a ClientHello with `count` unknown extensions more, and the one with the number `twice` once more. */
static uint8_t alert_for(size_t count, uint16_t twice)
{
    struct pair *pair = fresh(0);
    start_both(pair, "");
    side_produce(&pair->client);
    for (size_t i = 0; i < count; i++) {
        const uint16_t number = nth_unknown(i);
        const uint8_t extension[] = { (uint8_t)(number >> 8), (uint8_t)number, 0, 0 };
        add_extension(&pair->client, extension, sizeof extension);
    }
    if (twice != 0)
        add_extension(&pair->client, (const uint8_t[]){ (uint8_t)(twice >> 8), (uint8_t)twice, 0, 0 }, 4);
    side_inject(&pair->server, pair->client.wire, pair->client.wire_have);
    (void)side_feed(&pair->server);
    return pair->server.block.state.control.alert_out;
}

/* §4.3: "There MUST NOT be more than one extension of the same type in a given extension block." */
static void no_extension_comes_twice_among_few_or_many(void **state)
{
    TLSM_UNUSED(state);
    for (size_t count = 1; count <= 37; count += 6) {
        assert_int_equal(alert_for(count, 0), TLSM_ALERT_NONE);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(alert_for(count, nth_unknown(i)), TLSM_ALERT_ILLEGAL_PARAMETER);
        assert_int_equal(alert_for(count, 8191), TLSM_ALERT_NONE);
        assert_int_equal(alert_for(count, 65535), TLSM_ALERT_NONE);
    }
}

static void refusing_to_choose_fails_with_the_given_alert(void **state)
{
    struct pair *pair = choosing(0);
    const struct tlsm_answer no = { .alert = TLSM_ALERT_UNRECOGNIZED_NAME };
    TLSM_UNUSED(state);
    answer_with(&pair->server, &no, TLSM_FAILED);
    talk(pair);
    assert_int_equal(side_verdict(&pair->server).alert_sent, TLSM_ALERT_UNRECOGNIZED_NAME);
    assert_int_equal(side_verdict(&pair->client).alert_received, TLSM_ALERT_UNRECOGNIZED_NAME);
}

static void an_empty_or_refused_signature_fails(void **state)
{
    const struct tlsm_answer empty = { .alert = 0 }, no = { .alert = TLSM_ALERT_ACCESS_DENIED };
    struct pair *pair = signing();
    TLSM_UNUSED(state);
    answer_with(&pair->server, &empty, TLSM_FAILED);
    talk(pair);
    assert_int_equal(side_verdict(&pair->server).alert_sent, TLSM_ALERT_INTERNAL_ERROR);
    pair = signing();
    answer_with(&pair->server, &no, TLSM_FAILED);
    talk(pair);
    assert_int_equal(side_verdict(&pair->client).alert_received, TLSM_ALERT_ACCESS_DENIED);
}

static void a_refused_chain_fails_with_the_judges_alert(void **state)
{
    const struct tlsm_answer no = { .alert = TLSM_ALERT_UNKNOWN_CA };
    struct pair *pair = signing();
    TLSM_UNUSED(state);
    answer(pair, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    assert_int_equal(pair->client.block.state.control.request, TLSM_ASK_JUDGE);
    answer_with(&pair->client, &no, TLSM_FAILED);
    talk(pair);
    assert_int_equal(side_verdict(&pair->server).alert_received, TLSM_ALERT_UNKNOWN_CA);
    assert_int_equal(side_verdict(&pair->server).alert_authenticated, 1);
    assert_how(&pair->server, "handshake_failed");
}

/* ------------------------------------------------------------------------------------------------ what the wire shows */

static void record_types(const uint8_t *wire, size_t length, char *text)
{
    const char *const start = text;
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(wire, length));
    while (reader.left > 0) {
        const int first = text == start;
        uint32_t version;
        *text++ = (char)('a' + (int)tlsm_take_number(&reader, 1) - 20);
        version = tlsm_take_number(&reader, 2);
        if (!first || version != 0x0301)   /* §5.1: the record of a first ClientHello says 0x0301 */
            assert_int_equal(version, 0x0303);
        (void)tlsm_take_vector(&reader, 2);
    }
    *text = '\0';
    assert_false(reader.bad);
}

/* a: change_cipher_spec, c: handshake in the clear, d: protected. */
static void check_flights(int retry, int compatible, const char *const expected[4])
{
    struct pair *pair = fresh(0);
    struct side *side[2] = { &pair->client, &pair->server };
    char text[32];
    size_t flight = 0;
    pair->client.settings.no_compatibility = !compatible;
    if (retry) {
        pair->server.settings.groups = &groups[1];
        pair->server.settings.group_count = 1;
    }
    start_both(pair, "");
    for (; flight < 8 && !tlsm_connected(&pair->server.block.state); flight++) {
        struct side *from = side[flight % 2];
        do
            side_produce(from);
        while (answer(pair, from));
        record_types(from->wire, from->wire_have, text);
        assert_string_equal(text, expected[flight]);
        (void)side_say(from, side[1 - flight % 2]);
    }
    assert_null(expected[flight]);
}

static void compatibility_records_stand_where_middleboxes_look(void **state)
{
    static const char *const simple[] = { "c", "cadddd", "ad", NULL };
    static const char *const bare[] = { "c", "cdddd", "d", NULL };
    static const char *const retried[] = { "c", "ca", "ac", "cdddd", "d", NULL };
    static const char *const bare_retried[] = { "c", "c", "c", "cdddd", "d", NULL };
    TLSM_UNUSED(state);
    check_flights(0, 1, simple);
    check_flights(0, 0, bare);
    check_flights(1, 1, retried);
    check_flights(1, 0, bare_retried);
}

/* The client has keys and waits for EncryptedExtensions. */
static struct pair *client_with_keys(int retry, int compatible)
{
    struct pair *pair = fresh(0);
    pair->client.settings.no_compatibility = !compatible;
    if (retry) {
        pair->server.settings.groups = &groups[1];
        pair->server.settings.group_count = 1;
    }
    start_both(pair, "");
    for (int hello = 0; hello < 1 + retry; hello++) {
        (void)side_say(&pair->client, &pair->server);
        if (hello < retry)
            side_produce(&pair->server);
        else
            assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
        (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
        (void)side_feed(&pair->client);
    }
    assert_int_equal(pair->client.block.state.control.phase, TLSM_PHASE_C_WAIT_EXTENSIONS);
    return pair;
}

static void check_last_words(struct side *side, const char *expected)
{
    char text[32];
    side_produce(side);
    record_types(side->wire, side->wire_have, text);
    assert_string_equal(text, expected);
}

/* Middleboxes look for it before anything protected, whatever that is: RFC 9846 §E.4. */
static void a_compatibility_record_stands_before_a_protected_alert_too(void **state)
{
    struct pair *pair;
    TLSM_UNUSED(state);
    for (int scene = 0; scene < 4; scene++) {
        const int retry = scene & 1, compatible = scene & 2;
        pair = client_with_keys(retry, compatible);
        assert_code(side_abort(&pair->client, TLSM_ALERT_INTERNAL_ERROR), TLSM_OK);
        check_last_words(&pair->client, compatible && !retry ? "ad" : "d");
        pair = client_with_keys(retry, compatible);
        assert_code(side_close(&pair->client, 0), TLSM_OK);
        check_last_words(&pair->client, compatible && !retry ? "add" : "dd");
    }
    pair = fresh(0);
    start_both(pair, "");
    (void)side_say(&pair->client, &pair->server);
    assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_code(side_abort(&pair->server, TLSM_ALERT_INTERNAL_ERROR), TLSM_OK);
    check_last_words(&pair->server, "cad");
}

static void the_second_hello_differs_in_its_share_alone(void **state)
{
    struct pair *pair = fresh(1);
    uint8_t first[1024];
    struct tlsm_client_hello one, two;
    TLSM_UNUSED(state);
    pair->server.settings.groups = &groups[2];
    pair->server.settings.group_count = 1;
    start_both(pair, "twice.example");
    side_produce(&pair->client);
    memcpy(first, pair->client.wire, pair->client.wire_have);
    assert_int_equal(tlsm_read_client_hello(&pair->server.settings, tlsm_slice(first + 5, pair->client.wire_have - 5), &one), 0);
    (void)side_say(&pair->client, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    side_produce(&pair->client);
    assert_int_equal(tlsm_read_client_hello(&pair->server.settings, tlsm_slice(pair->client.wire + 11, pair->client.wire_have - 11), &two), 0);
    assert_int_equal(one.extensions.present, two.extensions.present);
    for (size_t i = 0; i < TLSM_EXT_COUNT; i++) {
        if (i == TLSM_EXT_KEY_SHARE)
            continue;
        assert_int_equal(one.extensions.at[i].length, two.extensions.at[i].length);
        if (one.extensions.at[i].length > 0)
            assert_memory_equal(one.extensions.at[i].data, two.extensions.at[i].data, one.extensions.at[i].length);
    }
    assert_int_equal(one.fixed.length, two.fixed.length);
    assert_memory_equal(one.fixed.data, two.fixed.data, one.fixed.length);
    assert_int_equal(two.shares.length, 4 + 97);
}

/* ------------------------------------------------------------------------------------------------ the trace */

/* RFC 8448 §3: its ClientHello and its server's entropy give its ServerHello and its secrets. */
static void the_traces_client_hello_gets_the_traces_server_hello(void **state)
{
    struct pair *pair = fresh(1);
    struct side *server = &pair->server;
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy };
    uint8_t header[5] = { 22, 3, 1, 0, sizeof simple_client_hello }, secret[TLSM_HASH_MAX];
    TLSM_UNUSED(state);
    memset(&entropy, 0, sizeof entropy);
    memcpy(entropy.random, simple_server_hello + 6, 32);
    memcpy(entropy.share_secret[0], simple_server_private, 32);
    server->settings.credentials = &credentials[3];
    server->settings.credential_count = 1;
    assert_code(side_step(server, &in), TLSM_OK);
    side_inject(server, header, 5);
    side_inject(server, simple_client_hello, sizeof simple_client_hello);
    assert_true(side_feed(server) < TLSM_MORE_INPUT);
    assert_int_equal(tlsm_hs(&server->block.state)->name_length, 6);
    assert_code(side_do(server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_int_equal(server->out.news & TLSM_NEWS_KEYS, TLSM_NEWS_KEYS);
    assert_int_equal(server->wire_have, 5 + sizeof simple_server_hello);
    assert_memory_equal(server->wire + 5, simple_server_hello, sizeof simple_server_hello);
    assert_int_equal(tlsm_secret(&server->block.state, TLSM_SECRET_CLIENT_HANDSHAKE, secret), 32);
    assert_memory_equal(secret, simple_client_handshake, 32);
    assert_int_equal(tlsm_secret(&server->block.state, TLSM_SECRET_SERVER_HANDSHAKE, secret), 32);
    assert_memory_equal(secret, simple_server_handshake, 32);
    assert_int_equal(tlsm_secret(&server->block.state, TLSM_SECRET_SERVER_TRAFFIC, secret), 0);
    assert_memory_equal(server->block.state.write_key.key, simple_server_handshake_key, 16);
    assert_memory_equal(server->block.state.read_key.iv, simple_client_handshake_iv, 12);
    assert_int_equal(server->block.state.scheme, TLSM_RSA_PSS_RSAE_SHA256);
}

static void both_sides_log_the_same_secrets(void **state)
{
    struct pair *pair = signing();
    const struct tlsm_state *client = &pair->client.block.state, *server = &pair->server.block.state;
    TLSM_UNUSED(state);
    answer(pair, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    for (int label = 0; label <= TLSM_SECRET_EXPORTER; label++) {   /* no early data, no TLS 1.2 */
        uint8_t ours[TLSM_HASH_MAX], theirs[TLSM_HASH_MAX];
        assert_int_equal(tlsm_secret(client, (enum tlsm_secret_label)label, ours), 32);
        assert_int_equal(tlsm_secret(server, (enum tlsm_secret_label)label, theirs), 32);
        assert_memory_equal(ours, theirs, TLSM_HASH_MAX);
    }
}

static void two_runs_are_equal_bit_for_bit(void **state)
{
    static struct pair first;
    struct pair *pair;
    TLSM_UNUSED(state);
    pair = fresh(0);
    start_both(pair, "again.test");
    talk(pair);
    first = *pair;
    pair = fresh(0);
    start_both(pair, "again.test");
    talk(pair);
    assert_memory_equal(&first.client.block.state, &pair->client.block.state, first.client.block.state.length);
    assert_memory_equal(&first.server.block.state, &pair->server.block.state, first.server.block.state.length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_prefer_aes128_x25519),
        cmocka_unit_test(every_suite_group_and_scheme_with_and_without_retry_null),
        cmocka_unit_test(every_suite_group_and_scheme_with_and_without_retry_libcrypto),
        cmocka_unit_test(the_server_prefers),
        cmocka_unit_test(the_name_chooses_the_credential),
        cmocka_unit_test(addresses_are_judged_but_not_sent),
        cmocka_unit_test(alpn_is_the_servers_choice),
        cmocka_unit_test(no_common_protocol_is_fatal),
        cmocka_unit_test(required_alpn_is_enforced),
        cmocka_unit_test(nothing_in_common_is_handshake_failure),
        cmocka_unit_test(the_application_chooses_the_credential),
        cmocka_unit_test(who_chooses_is_told_whom_the_client_trusts),
        cmocka_unit_test(refusing_to_choose_fails_with_the_given_alert),
        cmocka_unit_test(an_empty_or_refused_signature_fails),
        cmocka_unit_test(a_refused_chain_fails_with_the_judges_alert),
        cmocka_unit_test(compatibility_records_stand_where_middleboxes_look),
        cmocka_unit_test(a_compatibility_record_stands_before_a_protected_alert_too),
        cmocka_unit_test(the_second_hello_differs_in_its_share_alone),
        cmocka_unit_test(the_traces_client_hello_gets_the_traces_server_hello),
        cmocka_unit_test(no_extension_comes_twice_among_few_or_many),
        cmocka_unit_test(both_sides_log_the_same_secrets),
        cmocka_unit_test(two_runs_are_equal_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
