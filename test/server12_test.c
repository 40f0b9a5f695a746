/* SPDX-License-Identifier: MIT */
/* TLS 1.2 as a server speaks it, against the installed libssl. */
#include "server12_fixture.h"

static const uint16_t suites[] = {
    TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256, TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384, TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
    TLSM_ECDHE_RSA_AES_128_GCM_SHA256, TLSM_ECDHE_RSA_AES_256_GCM_SHA384, TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256
};
static const char *const suite_names[] = { "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                           "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256",
                                           "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305" };
static const uint16_t groups[] = { TLSM_X25519, TLSM_SECP256R1, TLSM_SECP384R1 };
static const char *const group_names[] = { "X25519:P-256:P-384", "P-256:P-384", "P-384:P-256" };
enum { SUITES = 6, GROUPS = 3, ECDSA_SUITES = 3 };

static void every_suite_group_and_key(void **state)
{
    TLSM_UNUSED(state);
    for (size_t suite = 0; suite < SUITES; suite++)
        for (size_t group = 0; group < GROUPS; group++)
            for (size_t key = 0; key < KEYS; key++) {
                struct world *world = world_new();
                const int fits = (suite < ECDSA_SUITES) == (key != RSA_KEY);
                world->server.settings.credentials = &credentials[key];
                world->server.settings.credential_count = 1;
                world->server.settings.groups = &groups[group];
                world->server.settings.group_count = 1;
                assert_int_equal(SSL_CTX_set_cipher_list(world->context, suite_names[suite]), 1);
                assert_int_equal(SSL_CTX_set1_groups_list(world->context, group_names[group]), 1);
                connect_now(world, NULL, NOW);
                if (fits) {
                    check_connected(world);
                    assert_int_equal(server_state(world)->suite, suites[suite]);
                    exchange_and_close(world);
                } else {
                    assert_int_equal(side_verdict(&world->server).alert_sent, TLSM_ALERT_HANDSHAKE_FAILURE);
                }
                world_free(world);
            }
}

/* ------------------------------------------------------------------------------------------------ what is chosen */

static struct tlsm_credential named[3];
static const struct tlsm_bytes one_name[] = { { (const uint8_t *)"one.example", 11 } };
static const struct tlsm_bytes two_names[] = { { (const uint8_t *)"two.example", 11 }, { (const uint8_t *)"*.two.example", 13 } };

/* RSA for one.example, P-384 and P-256 for two.example. */
static struct world *world_with_names(void)
{
    struct world *world = world_new();
    named[0] = credentials[RSA_KEY];
    named[0].names = one_name;
    named[0].name_count = 1;
    named[1] = credentials[P384_KEY];
    named[2] = credentials[P256_KEY];
    named[1].names = named[2].names = two_names;
    named[1].name_count = named[2].name_count = 2;
    world->server.settings.credentials = named;
    world->server.settings.credential_count = 3;
    return world;
}

static void assert_shows(const struct world *world, int key)
{
    X509 *shown = SSL_get1_peer_certificate(world->client);
    check_connected(world);
    assert_int_equal(X509_cmp(shown, certificate_of[key]), 0);
    X509_free(shown);
}

static void the_name_chooses_the_credential(void **state)
{
    static const struct { const char *name, *suites, *groups; int key; } rows[] = {
        { "one.example", NULL, NULL, RSA_KEY },
        { "ONE.example", NULL, NULL, RSA_KEY },
        { "two.example", NULL, NULL, P384_KEY },
        { "any.two.example", NULL, NULL, P384_KEY },
        { "two.example", NULL, "P-256:X25519", P256_KEY },          /* a curve that the client has */
        { "one.example", "ECDHE-ECDSA-AES128-GCM-SHA256", NULL, P384_KEY },   /* no credential of that name can */
        { "other.example", "ECDHE-RSA-AES128-GCM-SHA256", NULL, RSA_KEY },
        { "two.example", "ECDHE-RSA-AES128-GCM-SHA256", NULL, RSA_KEY },
        { NULL, NULL, NULL, P384_KEY },                             /* our first suite is ECDSA's */
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = world_with_names();
        if (rows[i].suites != NULL)
            assert_int_equal(SSL_CTX_set_cipher_list(world->context, rows[i].suites), 1);
        if (rows[i].groups != NULL)
            assert_int_equal(SSL_CTX_set1_groups_list(world->context, rows[i].groups), 1);
        connect_now(world, rows[i].name, NOW);
        assert_shows(world, rows[i].key);
        exchange_and_close(world);
        world_free(world);
    }
}

/* Suite, key and scheme go together, whatever comes first in a list. */
static void what_does_not_go_together_is_not_chosen(void **state)
{
    static const struct { const char *schemes, *suites; int key; uint16_t scheme; } rows[] = {
        { "RSA-PSS+SHA256", NULL, RSA_KEY, TLSM_RSA_PSS_RSAE_SHA256 },
        { "RSA+SHA256", NULL, RSA_KEY, TLSM_RSA_PKCS1_SHA256 },
        { "RSA+SHA512", NULL, RSA_KEY, TLSM_RSA_PKCS1_SHA512 },
        { "ed25519", NULL, EDWARDS_KEY, TLSM_ED25519 },
        { "ECDSA+SHA384", NULL, P384_KEY, TLSM_ECDSA_SECP384R1_SHA384 },
        { "ECDSA+SHA256:RSA-PSS+SHA384", "ECDHE-RSA-AES256-GCM-SHA384", RSA_KEY, TLSM_RSA_PSS_RSAE_SHA384 },
        { "RSA-PSS+SHA384:ed25519", "ECDHE-ECDSA-CHACHA20-POLY1305", EDWARDS_KEY, TLSM_ED25519 },
        { "RSA+SHA1", NULL, KEYS, 0 },
        { "RSA-PSS+SHA256", "AES128-GCM-SHA256", KEYS, 0 },          /* no suite of ours: key exchange by RSA */
        { "RSA-PSS+SHA256", "ECDHE-RSA-AES128-SHA256", KEYS, 0 },    /* CBC */
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int asked = 0; asked <= 1; asked++) {
            struct world *world = world_new();
            world->server.settings.ask = asked ? TLSM_ASK_CREDENTIAL_BIT : 0;
            if (asked && rows[i].key == KEYS)
                world->chosen = RSA_KEY;   /* whoever chooses can choose badly */
            assert_int_equal(SSL_CTX_set1_sigalgs_list(world->context, rows[i].schemes), 1);
            if (rows[i].suites != NULL)
                assert_int_equal(SSL_CTX_set_cipher_list(world->context, rows[i].suites), 1);
            connect_now(world, NULL, NOW);
            if (rows[i].key == KEYS) {
                assert_int_equal(side_verdict(&world->server).alert_sent, TLSM_ALERT_HANDSHAKE_FAILURE);
            } else {
                assert_shows(world, rows[i].key);
                assert_int_equal(server_state(world)->scheme, rows[i].scheme);
            }
            world_free(world);
        }
}

static void our_preference_decides(void **state)
{
    static const uint16_t ours[] = { TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256, TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384 };
    TLSM_UNUSED(state);
    for (size_t first = 0; first < 2; first++) {
        struct world *world = world_new();
        world->server.settings.suites12 = &ours[first];
        world->server.settings.suite12_count = 2 - first;
        connect_now(world, NULL, NOW);
        check_connected(world);
        assert_int_equal(server_state(world)->suite, ours[first]);
        world_free(world);
    }
}

static void a_protocol_is_chosen_and_told(void **state)
{
    static const struct tlsm_bytes protocols[] = { { (const uint8_t *)"h2", 2 }, { (const uint8_t *)"http/1.1", 8 } };
    static const struct { const char *offered; unsigned length; uint16_t chosen; uint8_t alert; } rows[] = {
        { "\x08http/1.1\x02h2", 12, 1, 0 }, { "\x08http/1.1", 9, 2, 0 }, { "\x04smtp", 5, 0, TLSM_ALERT_NO_APPLICATION_PROTOCOL }
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const unsigned char *name;
        unsigned length;
        struct world *world = world_new();
        world->server.settings.alpn = protocols;
        world->server.settings.alpn_count = 2;
        assert_int_equal(SSL_CTX_set_alpn_protos(world->context, (const uint8_t *)rows[i].offered, rows[i].length), 0);
        connect_now(world, NULL, NOW);
        if (rows[i].alert != 0) {
            assert_int_equal(side_verdict(&world->server).alert_sent, rows[i].alert);
        } else {
            check_connected(world);
            assert_int_equal(server_state(world)->alpn, rows[i].chosen);
            SSL_get0_alpn_selected(world->client, &name, &length);
            assert_int_equal(length, protocols[rows[i].chosen - 1].length);
            assert_memory_equal(name, protocols[rows[i].chosen - 1].data, length);
        }
        world_free(world);
    }
}

/* RFC 6066 §8: to whoever asks, where there is one. */
static void a_staple_is_shown_to_whoever_asks(void **state)
{
    static const uint8_t response[] = { 0x30, 3, 10, 1, 6 };
    TLSM_UNUSED(state);
    for (int asks = 0; asks <= 1; asks++)
        for (int has = 0; has <= 1; has++) {
            struct world *world = world_new();
            struct tlsm_credential credential = credentials[P256_KEY];
            const unsigned char *shown = NULL;
            credential.staple = tlsm_slice(response, has ? sizeof response : 0);
            world->server.settings.credentials = &credential;
            world->server.settings.credential_count = 1;
            if (asks)
                SSL_CTX_set_tlsext_status_type(world->context, TLSEXT_STATUSTYPE_ocsp);
            connect_now(world, NULL, NOW);
            check_connected(world);
            const long length = SSL_get_tlsext_status_ocsp_resp(world->client, &shown);
            assert_int_equal(length, asks && has ? (long)sizeof response : -1);
            if (asks && has)
                assert_memory_equal(shown, response, sizeof response);
            world_free(world);
        }
}

/* ------------------------------------------------------------------------------------------------ versions */

enum { ONLY_12, ONLY_13, BOTH, VERSIONS };

static void set_client(struct world *world, int which)
{
    SSL_CTX_set_min_proto_version(world->context, which == ONLY_13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(world->context, which == ONLY_12 ? TLS1_2_VERSION : TLS1_3_VERSION);
}

static void set_server(struct world *world, int which)
{
    world->server.settings.version_min = which == ONLY_13 ? TLSM_1_3 : TLSM_1_2;
    world->server.settings.version_max = which == ONLY_12 ? TLSM_1_2 : TLSM_1_3;
}

/* RFC 9846 §4.2.3: the random of a server that could have spoken TLS 1.3. libssl checks it too. */
static void check_sentinel(const struct world *world, int told)
{
    uint8_t random[32];
    assert_int_equal(SSL_get_server_random(world->client, random, sizeof random), sizeof random);
    if (told)
        assert_memory_equal(random + 24, "DOWNGRD\x01", 8);
    else
        assert_memory_not_equal(random + 24, "DOWNGRD", 7);
}

static void the_highest_version_of_both_is_spoken(void **state)
{
    TLSM_UNUSED(state);
    for (int client = 0; client < VERSIONS; client++)
        for (int server = 0; server < VERSIONS; server++) {
            struct world *world = world_new();
            const int newer = client != ONLY_12 && server != ONLY_12, none = client != BOTH && server != BOTH && client != server;
            set_client(world, client);
            set_server(world, server);
            connect_now(world, NULL, NOW);
            if (none) {
                assert_int_equal(side_verdict(&world->server).alert_sent, TLSM_ALERT_PROTOCOL_VERSION);
            } else {
                check_connected(world);
                assert_int_equal(server_state(world)->control.version, newer ? TLSM_1_3 : TLSM_1_2);
                check_sentinel(world, !newer && server == BOTH);
                exchange_and_close(world);
            }
            world_free(world);
        }
}

static void a_client_that_is_too_old_is_refused(void **state)
{
    TLSM_UNUSED(state);
    for (int server = 0; server < VERSIONS; server++) {
        struct world *world = world_new();
        set_server(world, server);
        SSL_CTX_set_min_proto_version(world->context, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(world->context, TLS1_1_VERSION);
        assert_int_equal(SSL_CTX_set_cipher_list(world->context, "ALL:@SECLEVEL=0"), 1);
        connect_now(world, NULL, NOW);
        assert_int_equal(side_verdict(&world->server).alert_sent, TLSM_ALERT_PROTOCOL_VERSION);
        world_free(world);
    }
}

/* RFC 7507: only from a client that need not have fallen back. */
static void a_needless_fallback_is_refused(void **state)
{
    TLSM_UNUSED(state);
    for (int client = 0; client < VERSIONS; client += BOTH)
        for (int server = 0; server < VERSIONS; server += BOTH) {
            struct world *world = world_new();
            set_client(world, client);
            set_server(world, server);
            SSL_CTX_set_mode(world->context, SSL_MODE_SEND_FALLBACK_SCSV);
            connect_now(world, NULL, NOW);
            if (client == ONLY_12 && server == BOTH)
                assert_int_equal(side_verdict(&world->server).alert_sent, TLSM_ALERT_INAPPROPRIATE_FALLBACK);
            else
                check_connected(world);
            world_free(world);
        }
}

/* RFC 7627: not without, unless told so. */
static void the_master_secret_is_extended(void **state)
{
    TLSM_UNUSED(state);
    for (int client = 0; client <= 1; client++)
        for (int insecure = 0; insecure <= 1; insecure++) {
            struct world *world = world_new();
            world->server.settings.insecure_master_secret = (uint8_t)insecure;
            if (!client)
                SSL_CTX_set_options(world->context, SSL_OP_NO_EXTENDED_MASTER_SECRET);
            connect_now(world, NULL, NOW);
            if (!client && !insecure) {
                assert_int_equal(side_verdict(&world->server).alert_sent, TLSM_ALERT_HANDSHAKE_FAILURE);
            } else {
                check_connected(world);
                assert_int_equal(SSL_get_extms_support(world->client), client);
                assert_int_equal(tlsm_mark(server_state(world), TLSM_MARK_EXTENDED_MASTER), client);
                exchange_and_close(world);
            }
            world_free(world);
        }
}

static void both_know_that_renegotiation_is_bound(void **state)
{
    struct world *world = world_new();
    TLSM_UNUSED(state);
    connect_now(world, NULL, NOW);
    check_connected(world);
    assert_int_equal(SSL_get_secure_renegotiation_support(world->client), 1);
    assert_int_equal(tlsm_mark(server_state(world), TLSM_MARK_RENEGOTIATION_INFO), 1);
    world_free(world);
}

static void both_log_the_same_master_secret(void **state)
{
    struct world *world = world_new();
    uint8_t ours[TLSM_HASH_MAX], theirs[TLSM_HASH_MAX];
    TLSM_UNUSED(state);
    connect_now(world, NULL, NOW);
    check_connected(world);
    assert_int_equal(tlsm_secret(server_state(world), TLSM_SECRET_MASTER, ours), TLSM_HASH_MAX);
    assert_int_equal(SSL_SESSION_get_master_key(SSL_get_session(world->client), theirs, sizeof theirs), TLSM_HASH_MAX);
    assert_memory_equal(ours, theirs, TLSM_HASH_MAX);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_group_and_key),
        cmocka_unit_test(the_name_chooses_the_credential),
        cmocka_unit_test(what_does_not_go_together_is_not_chosen),
        cmocka_unit_test(our_preference_decides),
        cmocka_unit_test(a_protocol_is_chosen_and_told),
        cmocka_unit_test(a_staple_is_shown_to_whoever_asks),
        cmocka_unit_test(the_highest_version_of_both_is_spoken),
        cmocka_unit_test(a_client_that_is_too_old_is_refused),
        cmocka_unit_test(a_needless_fallback_is_refused),
        cmocka_unit_test(the_master_secret_is_extended),
        cmocka_unit_test(both_know_that_renegotiation_is_bound),
        cmocka_unit_test(both_log_the_same_master_secret),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
