/* SPDX-License-Identifier: MIT */
/* What a server of TLS 1.2 can get wrong, message by message: each with its alert. The messages are made here, over the null provider; the
 * judge is asked only where all of them were right. */
#include "fixture.h"

#include "handshake.h"
#include "null_provider.h"

#define NOW UINT64_C(1800000000000)
#define HOST "host.example"

enum { WARM_ROOM = 4096, ECDSA_SUITE = TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256, RSA_SUITE = TLSM_ECDHE_RSA_AES_128_GCM_SHA256 };

static struct pair the_pair;
static struct side *const client = &the_pair.client;

/* ------------------------------------------------------------------------------------------------ messages */

struct hello {
    uint16_t version, suite;
    uint8_t random[32], id[33];
    size_t id_length;
    uint8_t compression, block[256];
    size_t block_length;
    int no_block;
};

static void extend(struct hello *hello, uint16_t number, const void *data, size_t length)
{
    struct tlsm_writer writer = { hello->block, sizeof hello->block, hello->block_length };
    tlsm_put_number(&writer, number, 2);
    tlsm_put_number(&writer, (uint32_t)length, 2);
    tlsm_put(&writer, tlsm_slice(data, length));
    hello->block_length = writer.length;
}

static struct hello bare_hello(void)
{
    struct hello hello = { .version = TLSM_1_2, .suite = ECDSA_SUITE, .id_length = 32 };
    memset(hello.random, 7, sizeof hello.random);
    memset(hello.id, 'S', sizeof hello.id);
    return hello;
}

static struct hello good_hello(void)
{
    struct hello hello = bare_hello();
    extend(&hello, TLSM_EXTENSION_RENEGOTIATION_INFO, "", 1);
    extend(&hello, TLSM_EXTENSION_EXTENDED_MASTER_SECRET, "", 0);
    return hello;
}

/* One message in a record of its own, fed. */
static void tell(uint8_t type, const void *body, size_t length)
{
    uint8_t bytes[WARM_ROOM];
    struct tlsm_writer writer = { bytes, sizeof bytes, 0 };
    tlsm_put_number(&writer, 22 << 16 | 0x0303, 3);
    tlsm_put_number(&writer, (uint32_t)length + 4, 2);
    tlsm_put_number(&writer, type, 1);
    tlsm_put_number(&writer, (uint32_t)length, 3);
    tlsm_put(&writer, tlsm_slice(body, length));
    assert_false(tlsm_overrun(&writer));
    side_inject(client, bytes, writer.length);
    (void)side_feed(client);
}

static void tell_hello(const struct hello *hello)
{
    uint8_t body[512];
    struct tlsm_writer writer = { body, sizeof body, 0 };
    tlsm_put_number(&writer, hello->version, 2);
    tlsm_put(&writer, tlsm_slice(hello->random, 32));
    tlsm_put_number(&writer, (uint32_t)hello->id_length, 1);
    tlsm_put(&writer, tlsm_slice(hello->id, hello->id_length));
    tlsm_put_number(&writer, hello->suite, 2);
    tlsm_put_number(&writer, hello->compression, 1);
    if (!hello->no_block) {
        tlsm_put_number(&writer, (uint32_t)hello->block_length, 2);
        tlsm_put(&writer, tlsm_slice(hello->block, hello->block_length));
    }
    tell(TLSM_MSG_SERVER_HELLO, body, writer.length);
}

static const uint8_t chain[] = { 0, 0, 11, 0, 0, 2, 0x30, 0, 0, 0, 3, 0x30, 1, 0 };

static void tell_certificate(void) { tell(TLSM_MSG_CERTIFICATE, chain, sizeof chain); }

struct exchange {
    uint8_t curve_type;
    uint16_t group, scheme;
    uint8_t point[256];
    size_t point_length, signature_length, cut;   /* cut: bytes missing at the end */
    size_t more;                                  /* bytes too many */
};

static struct exchange good_exchange(uint16_t group)
{
    struct exchange exchange = { .curve_type = 3, .group = group, .scheme = TLSM_ECDSA_SECP256R1_SHA256, .signature_length = 16 };
    const uint8_t secret[TLSM_SHARE_SECRET_MAX] = { 9 };
    struct tlsm_span room = { exchange.point, sizeof exchange.point };
    assert_int_equal(client->config.crypto->share(NULL, group, secret, &room), 0);
    exchange.point_length = room.capacity;
    return exchange;
}

static void tell_exchange(const struct exchange *exchange)
{
    static const uint8_t signature[64] = { 5 };
    uint8_t body[512];
    struct tlsm_writer writer = { body, sizeof body, 0 };
    tlsm_put_number(&writer, exchange->curve_type, 1);
    tlsm_put_number(&writer, exchange->group, 2);
    tlsm_put_number(&writer, (uint32_t)exchange->point_length, 1);
    tlsm_put(&writer, tlsm_slice(exchange->point, exchange->point_length));
    tlsm_put_number(&writer, exchange->scheme, 2);
    tlsm_put_number(&writer, (uint32_t)exchange->signature_length, 2);
    tlsm_put(&writer, tlsm_slice(signature, exchange->signature_length + exchange->more));
    tell(TLSM_MSG_SERVER_KEY_EXCHANGE, body, writer.length - exchange->cut);
}

/* ------------------------------------------------------------------------------------------------ where a client stands */

static void begin(const struct tlsm_session *session, uint16_t version_min, uint16_t version_max)
{
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .session = session, .now_ms = NOW,
                                .server_name = { (const uint8_t *)HOST, sizeof HOST - 1 } };
    memset(&entropy, 3, sizeof entropy);
    client->settings.version_min = version_min;
    client->settings.version_max = version_max;
    assert_code(side_step(client, &in), TLSM_OK);
    side_produce(client);
    (void)side_sent(client, client->wire_have, NULL);
}

static void fresh(void)
{
    pair_init(&the_pair);
    client->no_answers = 1;
}

static void greeted(void)
{
    const struct hello hello = good_hello();
    fresh();
    begin(NULL, TLSM_1_2, TLSM_1_2);
    tell_hello(&hello);
    assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12_WAIT_CERTIFICATE);
}

static void shown(void)
{
    greeted();
    tell_certificate();
    assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12_WAIT_EXCHANGE);
}

static void exchanged(void)
{
    shown();
    const struct exchange exchange = good_exchange(TLSM_X25519);
    tell_exchange(&exchange);
    assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12_WAIT_DONE);
}

static void judged(void)
{
    struct tlsm_answer answer = { 0 };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    exchanged();
    tell(TLSM_MSG_SERVER_HELLO_DONE, "", 0);
    assert_int_equal(client->block.state.control.request, TLSM_ASK_JUDGE);
    answer.id = client->block.state.request_id;
    assert_code(side_step(client, &in), TLSM_OK);
}

static void assert_refused(uint8_t alert)
{
    side_produce(client);
    assert_how(client, "handshake_failed");
    assert_int_equal(side_verdict(client).alert_sent, alert);
}

/* ------------------------------------------------------------------------------------------------ ServerHello */

static void version_1_1(struct hello *hello) { hello->version = 0x0302; }
static void version_1_0(struct hello *hello) { hello->version = 0x0301; }
static void version_1_3(struct hello *hello) { hello->version = 0x0304; }
static void unknown_suite(struct hello *hello) { hello->suite = 0xc013; }
static void newer_suite(struct hello *hello) { hello->suite = TLSM_AES_128_GCM_SHA256; }
static void compression(struct hello *hello) { hello->compression = 1; }
static void long_id(struct hello *hello) { hello->id_length = 33; }
static void no_extensions(struct hello *hello) { hello->no_block = 1; }
static void again(struct hello *hello) { extend(hello, TLSM_EXTENSION_EXTENDED_MASTER_SECRET, "", 0); }
static void full_binding(struct hello *hello) { hello->block_length = 5; extend(hello, TLSM_EXTENSION_EXTENDED_MASTER_SECRET, "x", 1); }
static void unbound(struct hello *hello) { hello->block_length = 5; }
static void unsolicited(struct hello *hello) { extend(hello, 0x7777, "", 0); }
static void protocol_unasked(struct hello *hello) { extend(hello, TLSM_EXTENSION_ALPN, "\0\3\2h2", 5); }
static void status_unasked(struct hello *hello) { extend(hello, TLSM_EXTENSION_STATUS_REQUEST, "", 0); }
static void misplaced(struct hello *hello) { extend(hello, TLSM_EXTENSION_KEY_SHARE, "\0\x1d", 2); }
static void versions(struct hello *hello) { extend(hello, TLSM_EXTENSION_SUPPORTED_VERSIONS, "\3\4", 2); }
static void full_name(struct hello *hello) { extend(hello, TLSM_EXTENSION_SERVER_NAME, "x", 1); }
static void full_ticket(struct hello *hello) { extend(hello, TLSM_EXTENSION_SESSION_TICKET, "x", 1); }
static void compressed(struct hello *hello) { extend(hello, TLSM_EXTENSION_EC_POINT_FORMATS, "\1\1", 2); }
static void no_format(struct hello *hello) { extend(hello, TLSM_EXTENSION_EC_POINT_FORMATS, "\0", 1); }
static void renegotiating(struct hello *hello)
{
    *hello = bare_hello();
    extend(hello, TLSM_EXTENSION_EXTENDED_MASTER_SECRET, "", 0);
    extend(hello, TLSM_EXTENSION_RENEGOTIATION_INFO, "\14abcdefghijkl", 13);
}
static void empty_renegotiation(struct hello *hello)
{
    *hello = bare_hello();
    extend(hello, TLSM_EXTENSION_EXTENDED_MASTER_SECRET, "", 0);
    extend(hello, TLSM_EXTENSION_RENEGOTIATION_INFO, "", 0);
}
static void legacy(struct hello *hello)
{
    *hello = bare_hello();
    extend(hello, TLSM_EXTENSION_EXTENDED_MASTER_SECRET, "", 0);
}

static const struct { void (*bend)(struct hello *hello); uint8_t alert; } hellos[] = {
    { version_1_1, TLSM_ALERT_PROTOCOL_VERSION },
    { version_1_0, TLSM_ALERT_PROTOCOL_VERSION },
    { version_1_3, TLSM_ALERT_PROTOCOL_VERSION },
    { unknown_suite, TLSM_ALERT_ILLEGAL_PARAMETER },
    { newer_suite, TLSM_ALERT_ILLEGAL_PARAMETER },
    { compression, TLSM_ALERT_ILLEGAL_PARAMETER },
    { long_id, TLSM_ALERT_DECODE_ERROR },
    { no_extensions, TLSM_ALERT_HANDSHAKE_FAILURE },
    { again, TLSM_ALERT_ILLEGAL_PARAMETER },
    { full_binding, TLSM_ALERT_DECODE_ERROR },
    { unbound, TLSM_ALERT_HANDSHAKE_FAILURE },
    { unsolicited, TLSM_ALERT_UNSUPPORTED_EXTENSION },
    { protocol_unasked, TLSM_ALERT_UNSUPPORTED_EXTENSION },
    { status_unasked, TLSM_ALERT_UNSUPPORTED_EXTENSION },
    { misplaced, TLSM_ALERT_ILLEGAL_PARAMETER },
    { versions, TLSM_ALERT_UNSUPPORTED_EXTENSION },
    { full_name, TLSM_ALERT_DECODE_ERROR },
    { full_ticket, TLSM_ALERT_DECODE_ERROR },
    { compressed, TLSM_ALERT_ILLEGAL_PARAMETER },
    { no_format, TLSM_ALERT_DECODE_ERROR },
    { renegotiating, TLSM_ALERT_HANDSHAKE_FAILURE },
    { empty_renegotiation, TLSM_ALERT_HANDSHAKE_FAILURE },
    { legacy, TLSM_ALERT_HANDSHAKE_FAILURE },
};

static void a_server_hello_that_is_wrong_is_refused(void **state)
{
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof hellos / sizeof *hellos; i++) {
        struct hello hello = good_hello();
        fresh();
        begin(NULL, TLSM_1_2, TLSM_1_2);
        hellos[i].bend(&hello);
        tell_hello(&hello);
        side_produce(client);
        if (side_verdict(client).alert_sent != hellos[i].alert)
            fail_msg("case %zu: alert %u", i, side_verdict(client).alert_sent);
        assert_how(client, "handshake_failed");
    }
}

/* Only where the settings say so, in so many words. */
static void what_is_insecure_is_taken_by_those_who_ask_for_it(void **state)
{
    static void (*const bends[])(struct hello *hello) = { unbound, legacy, no_extensions };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < 3; i++) {
        struct hello hello = good_hello();
        fresh();
        client->settings.insecure_master_secret = i != 1;
        client->settings.insecure_legacy_server = i != 0;
        begin(NULL, TLSM_1_2, TLSM_1_2);
        bends[i](&hello);
        tell_hello(&hello);
        assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12_WAIT_CERTIFICATE);
        assert_int_equal(tlsm_mark(&client->block.state, TLSM_MARK_RENEGOTIATION_INFO), i == 0);
    }
}

/* RFC 9846 §4.2.3: to who speaks TLS 1.3 too, the random says that somebody took it away. */
static void a_downgrade_is_seen(void **state)
{
    TLSM_UNUSED(state);
    for (uint8_t last = 0; last < 3; last++)
        for (int both = 0; both < 2; both++) {
            struct hello hello = good_hello();
            fresh();
            begin(NULL, TLSM_1_2, both ? TLSM_1_3 : TLSM_1_2);
            memcpy(hello.random + 24, "DOWNGRD", 7);
            hello.random[31] = last;
            tell_hello(&hello);
            if (both && last < 2)
                assert_refused(TLSM_ALERT_ILLEGAL_PARAMETER);
            else
                assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12_WAIT_CERTIFICATE);
        }
}

static void who_speaks_one_version_alone_refuses_the_other(void **state)
{
    struct hello hello = good_hello();
    TLSM_UNUSED(state);
    fresh();
    begin(NULL, TLSM_1_3, TLSM_1_3);
    tell_hello(&hello);
    assert_refused(TLSM_ALERT_PROTOCOL_VERSION);
    fresh();
    begin(NULL, TLSM_1_2, TLSM_1_2);
    versions(&hello);
    memcpy(hello.random, tlsm_retry_random, sizeof hello.random);
    tell_hello(&hello);
    assert_refused(TLSM_ALERT_UNSUPPORTED_EXTENSION);
}

/* RFC 9846 §4.2.4: a HelloRetryRequest has fixed the version. */
static void no_older_hello_comes_after_a_retry(void **state)
{
    struct hello retry = bare_hello();
    const struct hello hello = good_hello();
    TLSM_UNUSED(state);
    fresh();
    begin(NULL, TLSM_1_2, TLSM_1_3);
    memcpy(retry.random, tlsm_retry_random, sizeof retry.random);
    memset(retry.id, 3, sizeof retry.id);
    retry.suite = TLSM_AES_128_GCM_SHA256;
    versions(&retry);
    extend(&retry, TLSM_EXTENSION_KEY_SHARE, "\0\x17", 2);
    tell_hello(&retry);
    side_produce(client);
    assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C_WAIT_RETRIED);
    tell_hello(&hello);
    assert_refused(TLSM_ALERT_ILLEGAL_PARAMETER);
}

/* What we sent for the sake of middleboxes names no session that it could resume. */
static void an_id_that_names_no_session_is_not_echoed(void **state)
{
    struct hello hello = good_hello();
    TLSM_UNUSED(state);
    fresh();
    begin(NULL, TLSM_1_2, TLSM_1_3);
    memset(hello.id, 3, sizeof hello.id);
    tell_hello(&hello);
    assert_refused(TLSM_ALERT_ILLEGAL_PARAMETER);
}

/* ------------------------------------------------------------------------------------------------ sessions */

static struct tlsm_session session_of(uint16_t suite, int bound, int by_id)
{
    static const uint8_t ticket[] = "a ticket, or an id of 32 bytes ..";
    struct tlsm_session session = { .secret_length = TLSM_HASH_MAX, .suite = suite, .version = TLSM_1_2, .lifetime_s = 100,
                                    .extended_master = (uint8_t)bound, .by_id = (uint8_t)by_id, .issued_ms = NOW, .origin_ms = NOW,
                                    .ticket = { ticket, 32 } };
    memset(session.secret, 1, sizeof session.secret);
    memcpy(session.name_digest, client->block.state.name_digest, sizeof session.name_digest);
    return session;
}

/* A client that offers a session; its server echoes the id. */
static void resuming(const struct hello *answer, uint16_t suite, int bound, int by_id)
{
    struct hello hello = *answer;
    fresh();
    begin(NULL, TLSM_1_2, TLSM_1_2);   /* for the name's digest */
    const struct tlsm_session session = session_of(suite, bound, by_id);
    fresh();
    client->settings.insecure_master_secret = !bound;
    client->settings.ask_staple = 1;
    begin(&session, TLSM_1_2, TLSM_1_2);
    assert_int_equal(tlsm_hs(&client->block.state)->flags & TLSM_HS_SESSION_12, TLSM_HS_SESSION_12);
    hello.id_length = tlsm_hs(&client->block.state)->session_id_length;
    memcpy(hello.id, tlsm_hs(&client->block.state)->session_id, hello.id_length);
    tell_hello(&hello);
}

static void a_session_stays_what_it_was(void **state)
{
    struct hello hello = good_hello();
    TLSM_UNUSED(state);
    for (int by_id = 0; by_id < 2; by_id++) {
        resuming(&hello, ECDSA_SUITE, 1, by_id);
        assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12R_WAIT_CCS);
        resuming(&hello, TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384, 1, by_id);
        assert_refused(TLSM_ALERT_ILLEGAL_PARAMETER);
        resuming(&hello, RSA_SUITE, 1, by_id);
        assert_refused(TLSM_ALERT_ILLEGAL_PARAMETER);
        resuming(&hello, ECDSA_SUITE, 0, by_id);   /* RFC 7627 §5.3, both ways */
        assert_refused(TLSM_ALERT_HANDSHAKE_FAILURE);
        hello.block_length = 5;
        resuming(&hello, ECDSA_SUITE, 1, by_id);
        assert_refused(TLSM_ALERT_HANDSHAKE_FAILURE);
        hello = good_hello();
    }
}

/* RFC 6066 §8: the answer follows the Certificate, and there is none: what is said of it says nothing. */
static void a_resumed_handshake_has_no_staple(void **state)
{
    struct hello hello = good_hello();
    TLSM_UNUSED(state);
    status_unasked(&hello);
    resuming(&hello, ECDSA_SUITE, 1, 0);
    assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12R_WAIT_CCS);
    assert_int_equal(tlsm_mark(&client->block.state, TLSM_MARK_STATUS_TOLD), 0);
    hello.suite = RSA_SUITE;
    fresh();
    client->settings.ask_staple = 1;
    begin(NULL, TLSM_1_2, TLSM_1_2);
    tell_hello(&hello);
    assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12_WAIT_CERTIFICATE);
    assert_int_equal(tlsm_mark(&client->block.state, TLSM_MARK_STATUS_TOLD), 1);
}

/* The keys of a session are no reason to believe what comes before its Finished. */
static void a_resumed_handshake_keeps_its_order(void **state)
{
    const struct hello hello = good_hello();
    TLSM_UNUSED(state);
    resuming(&hello, ECDSA_SUITE, 1, 0);
    tell_certificate();
    assert_refused(TLSM_ALERT_UNEXPECTED_MESSAGE);
    resuming(&hello, ECDSA_SUITE, 1, 0);
    tell(TLSM_MSG_NEW_SESSION_TICKET, "\0\0\0\1\0\1t", 7);   /* not announced */
    assert_refused(TLSM_ALERT_UNEXPECTED_MESSAGE);
    resuming(&hello, ECDSA_SUITE, 1, 0);
    tell(TLSM_MSG_FINISHED, "123456789012", 12);
    assert_refused(TLSM_ALERT_UNEXPECTED_MESSAGE);
}

/* ------------------------------------------------------------------------------------------------ the server's flight */

static void a_certificate_that_is_malformed_is_refused(void **state)
{
    static const struct { uint8_t bytes[16]; size_t length; } wrong[] = {
        { { 0, 0, 0 }, 3 },                              /* none */
        { { 0, 0, 3, 0, 0, 0 }, 6 },                     /* an empty one */
        { { 0, 0, 5, 0, 0, 3, 0x30, 1 }, 8 },            /* cut */
        { { 0, 0, 4, 0, 0, 1, 0x30, 0 }, 8 },            /* more than the list */
        { { 0, 0, 5, 0, 0, 1, 0x30, 0 }, 8 },            /* half an entry behind it */
        { { 0, 0, 0, 4, 0, 0, 1, 0x30 }, 8 },            /* a context, as in TLS 1.3 */
        { { 0 }, 0 }
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        greeted();
        tell(TLSM_MSG_CERTIFICATE, wrong[i].bytes, wrong[i].length);
        assert_refused(TLSM_ALERT_DECODE_ERROR);
    }
}

static void explicit_curve(struct exchange *exchange) { exchange->curve_type = 1; }
static void other_curve(struct exchange *exchange) { exchange->group = 25; }
static void no_point(struct exchange *exchange) { exchange->point_length = 0; }
static void short_point(struct exchange *exchange) { exchange->point_length--; }
static void long_point(struct exchange *exchange) { exchange->point_length = 134; }
static void longest_point(struct exchange *exchange) { exchange->point_length = 255; }
static void zero_point(struct exchange *exchange) { memset(exchange->point, 0, sizeof exchange->point); }
static void rsa_scheme(struct exchange *exchange) { exchange->scheme = TLSM_RSA_PKCS1_SHA256; }
static void pss_scheme(struct exchange *exchange) { exchange->scheme = TLSM_RSA_PSS_RSAE_SHA256; }
static void sha1_scheme(struct exchange *exchange) { exchange->scheme = 0x0203; }
static void unasked_scheme(struct exchange *exchange) { exchange->scheme = TLSM_ED25519; }
static void cut_exchange(struct exchange *exchange) { exchange->cut = 1; }
static void long_exchange(struct exchange *exchange) { exchange->more = 1; }

static const struct { void (*bend)(struct exchange *exchange); uint8_t alert; } exchanges[] = {
    { explicit_curve, TLSM_ALERT_ILLEGAL_PARAMETER }, { other_curve, TLSM_ALERT_ILLEGAL_PARAMETER },
    { no_point, TLSM_ALERT_DECODE_ERROR }, { short_point, TLSM_ALERT_ILLEGAL_PARAMETER },
    { long_point, TLSM_ALERT_ILLEGAL_PARAMETER }, { longest_point, TLSM_ALERT_ILLEGAL_PARAMETER },
    { zero_point, TLSM_ALERT_ILLEGAL_PARAMETER }, { rsa_scheme, TLSM_ALERT_ILLEGAL_PARAMETER },
    { pss_scheme, TLSM_ALERT_ILLEGAL_PARAMETER }, { sha1_scheme, TLSM_ALERT_ILLEGAL_PARAMETER },
    { unasked_scheme, TLSM_ALERT_ILLEGAL_PARAMETER }, { cut_exchange, TLSM_ALERT_DECODE_ERROR },
    { long_exchange, TLSM_ALERT_DECODE_ERROR },
};

static void a_key_exchange_that_is_wrong_is_refused(void **state)
{
    static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256, TLSM_RSA_PKCS1_SHA256, TLSM_RSA_PSS_RSAE_SHA256 };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
        shown();
        client->settings.schemes = schemes;
        client->settings.scheme_count = 3;
        struct exchange exchange = good_exchange(TLSM_X25519);
        exchanges[i].bend(&exchange);
        tell_exchange(&exchange);
        side_produce(client);
        if (side_verdict(client).alert_sent != exchanges[i].alert)
            fail_msg("case %zu: alert %u", i, side_verdict(client).alert_sent);
    }
}

/* The kind of key is the suite's: neither passes for the other. */
static void a_suite_of_rsa_is_signed_by_rsa(void **state)
{
    static const struct { uint16_t scheme; int good; } signers[] = {
        { TLSM_RSA_PKCS1_SHA256, 1 }, { TLSM_RSA_PSS_RSAE_SHA512, 1 }, { TLSM_RSA_PSS_PSS_SHA256, 1 },
        { TLSM_ECDSA_SECP256R1_SHA256, 0 }, { TLSM_ED25519, 0 }
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof signers / sizeof *signers; i++) {
        struct hello hello = good_hello();
        fresh();
        begin(NULL, TLSM_1_2, TLSM_1_2);
        hello.suite = RSA_SUITE;
        tell_hello(&hello);
        tell_certificate();
        struct exchange exchange = good_exchange(TLSM_X25519);
        exchange.scheme = signers[i].scheme;
        tell_exchange(&exchange);
        if (signers[i].good)
            assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12_WAIT_DONE);
        else
            assert_refused(TLSM_ALERT_ILLEGAL_PARAMETER);
    }
}

static void a_group_we_did_not_offer_is_refused(void **state)
{
    static const uint16_t groups[] = { TLSM_SECP256R1 };
    TLSM_UNUSED(state);
    shown();
    client->settings.groups = groups;
    client->settings.group_count = 1;
    const struct exchange exchange = good_exchange(TLSM_X25519);
    tell_exchange(&exchange);
    assert_refused(TLSM_ALERT_ILLEGAL_PARAMETER);
}

static void a_request_that_is_malformed_is_refused(void **state)
{
    static const struct { uint8_t bytes[16]; size_t length; } wrong[] = {
        { { 0, 0, 2, 4, 3, 0, 0 }, 7 },                  /* no type */
        { { 1, 64, 0, 0, 0, 0 }, 6 },                    /* no scheme */
        { { 1, 64, 0, 1, 4, 0, 0 }, 7 },                 /* half of one */
        { { 1, 64, 0, 2, 4, 3, 0, 2, 0, 0 }, 10 },       /* an authority without a name */
        { { 1, 64, 0, 2, 4, 3, 0, 3, 0, 2, 1 }, 11 },    /* cut */
        { { 1, 64, 0, 2, 4, 3, 0, 0, 0 }, 9 },           /* too long */
        { { 1, 64, 0, 2, 4, 3 }, 6 },
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        exchanged();
        tell(TLSM_MSG_CERTIFICATE_REQUEST, wrong[i].bytes, wrong[i].length);
        assert_refused(TLSM_ALERT_DECODE_ERROR);
    }
}

static void a_server_that_is_done_says_no_more(void **state)
{
    TLSM_UNUSED(state);
    exchanged();
    tell(TLSM_MSG_SERVER_HELLO_DONE, "x", 1);
    assert_refused(TLSM_ALERT_DECODE_ERROR);
    exchanged();
    const uint8_t two[] = { 22, 3, 3, 0, 8, TLSM_MSG_SERVER_HELLO_DONE, 0, 0, 0, TLSM_MSG_SERVER_HELLO_DONE, 0, 0, 0 };
    side_inject(client, two, sizeof two);
    (void)side_feed(client);
    assert_refused(TLSM_ALERT_UNEXPECTED_MESSAGE);
}

/* Where each message may not stand. */
static void the_order_of_the_flight_is_kept(void **state)
{
    static const uint8_t request[] = { 1, 64, 0, 2, 4, 3, 0, 0 }, status[] = { 1, 0, 0, 1, 0x30 };
    static const uint8_t all[] = { TLSM_MSG_SERVER_HELLO, TLSM_MSG_CERTIFICATE, TLSM_MSG_CERTIFICATE_STATUS, TLSM_MSG_CERTIFICATE_REQUEST,
                                   TLSM_MSG_SERVER_KEY_EXCHANGE, TLSM_MSG_SERVER_HELLO_DONE, TLSM_MSG_FINISHED, TLSM_MSG_NEW_SESSION_TICKET,
                                   TLSM_MSG_CLIENT_KEY_EXCHANGE, TLSM_MSG_CERTIFICATE_VERIFY, TLSM_MSG_KEY_UPDATE, TLSM_MSG_ENCRYPTED_EXTENSIONS };
    static const struct { void (*stand)(void); uint8_t allowed[2]; } stands[] = {
        { greeted, { TLSM_MSG_CERTIFICATE, TLSM_MSG_CERTIFICATE } },
        { shown, { TLSM_MSG_SERVER_KEY_EXCHANGE, TLSM_MSG_SERVER_KEY_EXCHANGE } },
        { exchanged, { TLSM_MSG_CERTIFICATE_REQUEST, TLSM_MSG_SERVER_HELLO_DONE } },
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof stands / sizeof *stands; i++)
        for (size_t k = 0; k < sizeof all; k++) {
            if (all[k] == stands[i].allowed[0] || all[k] == stands[i].allowed[1])
                continue;
            stands[i].stand();
            tell(all[k], status, sizeof status);
            assert_refused(TLSM_ALERT_UNEXPECTED_MESSAGE);
        }
    exchanged();
    tell(TLSM_MSG_CERTIFICATE_REQUEST, request, sizeof request);
    tell(TLSM_MSG_CERTIFICATE_REQUEST, request, sizeof request);
    assert_refused(TLSM_ALERT_UNEXPECTED_MESSAGE);
}

static void a_status_that_is_malformed_is_refused(void **state)
{
    static const struct { uint8_t bytes[8]; size_t length; } wrong[] = {
        { { 2, 0, 0, 1, 0x30 }, 5 }, { { 1, 0, 0, 0 }, 4 }, { { 1, 0, 0, 2, 0x30 }, 5 }, { { 1, 0, 0, 1, 0x30, 0 }, 6 }
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct hello hello = good_hello();
        fresh();
        client->settings.ask_staple = 1;
        begin(NULL, TLSM_1_2, TLSM_1_2);
        status_unasked(&hello);
        tell_hello(&hello);
        tell_certificate();
        assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12_WAIT_STATUS);
        tell(TLSM_MSG_CERTIFICATE_STATUS, wrong[i].bytes, wrong[i].length);
        assert_refused(TLSM_ALERT_DECODE_ERROR);
    }
}

/* ------------------------------------------------------------------------------------------------ changes of keys */

static void tell_ccs(uint8_t value)
{
    const uint8_t record[] = { 20, 3, 3, 0, 1, value };
    side_inject(client, record, sizeof record);
    (void)side_feed(client);
}

/* RFC 5246 §7.1; the attack of CVE-2014-0224 is one that came too early. */
static void a_change_of_keys_comes_in_its_place_alone(void **state)
{
    static void (*const stands[])(void) = { greeted, shown, exchanged };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < 3; i++) {
        stands[i]();
        tell_ccs(1);
        assert_refused(TLSM_ALERT_UNEXPECTED_MESSAGE);
    }
    judged();
    side_produce(client);
    assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12_WAIT_CCS);
    tell(TLSM_MSG_FINISHED, "123456789012", 12);
    assert_refused(TLSM_ALERT_UNEXPECTED_MESSAGE);
    judged();
    side_produce(client);
    tell_ccs(2);
    assert_refused(TLSM_ALERT_UNEXPECTED_MESSAGE);
    judged();
    side_produce(client);
    tell_ccs(1);
    assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12_WAIT_FINISHED);
    tell_ccs(1);
    assert_refused(TLSM_ALERT_UNEXPECTED_MESSAGE);
}

static void a_message_does_not_span_a_change_of_keys(void **state)
{
    static const uint8_t piece[] = { 22, 3, 3, 0, 2, TLSM_MSG_FINISHED, 0 };
    TLSM_UNUSED(state);
    judged();
    side_produce(client);
    side_inject(client, piece, sizeof piece);
    (void)side_feed(client);
    tell_ccs(1);
    assert_refused(TLSM_ALERT_UNEXPECTED_MESSAGE);
}

/* Before it, what we make for it is not there, and data is nobody's. */
static void data_before_the_keys_is_refused(void **state)
{
    static const uint8_t data[] = { 23, 3, 3, 0, 1, 'x' };
    TLSM_UNUSED(state);
    exchanged();
    side_inject(client, data, sizeof data);
    (void)side_feed(client);
    assert_refused(TLSM_ALERT_UNEXPECTED_MESSAGE);
}

static void a_ticket_that_is_malformed_is_refused(void **state)
{
    static const struct { uint8_t bytes[8]; size_t length; } wrong[] = {
        { { 0, 0, 0, 1, 0, 2, 't' }, 7 }, { { 0, 0, 0, 1, 0, 0, 't' }, 7 }, { { 0, 0, 0, 1, 0 }, 5 }
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        judged();
        tlsm_set_mark(&client->block.state, TLSM_MARK_TICKET_TOLD);
        side_produce(client);
        assert_int_equal(client->block.state.control.phase, TLSM_PHASE_C12_WAIT_TICKET);
        tell(TLSM_MSG_NEW_SESSION_TICKET, wrong[i].bytes, wrong[i].length);
        assert_refused(TLSM_ALERT_DECODE_ERROR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_hello_that_is_wrong_is_refused),
        cmocka_unit_test(what_is_insecure_is_taken_by_those_who_ask_for_it),
        cmocka_unit_test(a_downgrade_is_seen),
        cmocka_unit_test(who_speaks_one_version_alone_refuses_the_other),
        cmocka_unit_test(no_older_hello_comes_after_a_retry),
        cmocka_unit_test(an_id_that_names_no_session_is_not_echoed),
        cmocka_unit_test(a_session_stays_what_it_was),
        cmocka_unit_test(a_resumed_handshake_has_no_staple),
        cmocka_unit_test(a_resumed_handshake_keeps_its_order),
        cmocka_unit_test(a_certificate_that_is_malformed_is_refused),
        cmocka_unit_test(a_key_exchange_that_is_wrong_is_refused),
        cmocka_unit_test(a_suite_of_rsa_is_signed_by_rsa),
        cmocka_unit_test(a_group_we_did_not_offer_is_refused),
        cmocka_unit_test(a_request_that_is_malformed_is_refused),
        cmocka_unit_test(a_server_that_is_done_says_no_more),
        cmocka_unit_test(the_order_of_the_flight_is_kept),
        cmocka_unit_test(a_status_that_is_malformed_is_refused),
        cmocka_unit_test(a_change_of_keys_comes_in_its_place_alone),
        cmocka_unit_test(a_message_does_not_span_a_change_of_keys),
        cmocka_unit_test(data_before_the_keys_is_refused),
        cmocka_unit_test(a_ticket_that_is_malformed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
