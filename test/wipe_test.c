/* SPDX-License-Identifier: MIT */
/* G4: after a close, a fatal alert and a free, no key and no secret of the connection is anywhere in the process: every
 * readable, writable page is searched. What is searched for is kept masked, so that the search does not find itself. */
#define _DEFAULT_SOURCE 1
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "handshake.h"
#include "tlsm_libcrypto.h"

/* AddressSanitizer's shadow cannot be read, and its quarantine keeps what was freed: there is nothing to learn under it. */
#if defined(__SANITIZE_ADDRESS__)
#define SEARCHABLE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SEARCHABLE 0
#endif
#endif
#ifndef SEARCHABLE
#define SEARCHABLE 1
#endif

enum { MASK = 0x5a, SECRETS_MAX = 64, NEEDLE = 16 };

struct secrets {
    uint8_t masked[SECRETS_MAX][NEEDLE];   /* the first bytes of each are enough to know it */
    const char *name[SECRETS_MAX];
    size_t count;
};
static struct secrets known;

static int here(const uint8_t *at, const uint8_t masked[NEEDLE])
{
    for (size_t i = 0; i < NEEDLE; i++)
        if ((at[i] ^ MASK) != masked[i])
            return 0;
    return 1;
}

static int remembered(const uint8_t *secret)
{
    for (size_t i = 0; i < known.count; i++)
        if (here(secret, known.masked[i]))
            return 1;
    return 0;
}

/* At least NEEDLE bytes. */
static void remember(const char *name, const uint8_t *secret)
{
    uint8_t any = 0;
    for (size_t i = 0; i < NEEDLE; i++)
        any |= secret[i];
    if (any == 0 || remembered(secret))
        return;
    assert_true(known.count < SECRETS_MAX);
    for (size_t i = 0; i < NEEDLE; i++)
        known.masked[known.count][i] = secret[i] ^ MASK;
    known.name[known.count++] = name;
}

static void remember_state(const struct tlsm_state *state)
{
    static const enum tlsm_secret_label labels[] = { TLSM_SECRET_CLIENT_HANDSHAKE, TLSM_SECRET_SERVER_HANDSHAKE,
        TLSM_SECRET_CLIENT_TRAFFIC, TLSM_SECRET_SERVER_TRAFFIC, TLSM_SECRET_EXPORTER, TLSM_SECRET_CLIENT_EARLY, TLSM_SECRET_MASTER };
    static uint8_t secret[TLSM_HASH_MAX];
    remember("read key", state->read_key.key);
    remember("write key", state->write_key.key);
    remember("read secret", state->read_secret);
    remember("write secret", state->write_secret);
    remember("exporter secret", state->exporter);
    if (state->control.version == TLSM_1_3)   /* of TLS 1.2 it is the server's random */
        remember("resumption secret", state->resumption);
    if (tlsm_in_handshake(state)) {
        remember("running secret", tlsm_hs_const(state)->secret);
        remember("agreed secret", tlsm_hs_const(state)->shared);
        remember("early traffic secret", tlsm_hs_const(state)->early);
    }
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (tlsm_secret(state, labels[i], secret) > 0)
            remember("a logged secret", secret);
    for (size_t i = 0; i < sizeof secret; i++)
        ((volatile uint8_t *)secret)[i] = 0;
}

static size_t search(const uint8_t *from, size_t length, char *where, size_t room, const char *region)
{
    uint8_t first[256] = { 0 };
    size_t found = 0;
    for (size_t i = 0; i < known.count; i++)
        first[known.masked[i][0] ^ MASK] = 1;
    for (size_t at = 0; at + NEEDLE <= length; at++) {
        if (!first[from[at]])
            continue;
        for (size_t i = 0; i < known.count; i++)
            if (here(from + at, known.masked[i])) {
                snprintf(where, room, "%s in %s", known.name[i], region);
                found++;
            }
    }
    return found;
}

/* Every private writable mapping of this process, its stack included. */
static size_t search_everything(char *where, size_t room)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    static char line[512];
    size_t found = 0;
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        char mode[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 && mode[0] == 'r' && mode[1] == 'w')
            found += search((const uint8_t *)from, to - from, where, room, line);
    }
    fclose(maps);
    return found;
}

static struct pair *with_libcrypto(struct tlsm_libcrypto *instance, uint16_t *suite)
{
    struct pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    pair_init(pair);
    pair->client.config.crypto = pair->server.config.crypto = &tlsm_libcrypto_table;
    pair->client.config.self = pair->server.config.self = instance;
    pair->client.settings.suites = suite;
    pair->client.settings.suite_count = 1;
    return pair;
}

/* As pair_connect, with every secret of every moment remembered. */
static void connect_and_remember(struct pair *pair)
{
    pair_start(pair);
    for (int rounds = 0; rounds < 6; rounds++) {
        (void)side_say(&pair->client, &pair->server);
        remember_state(&pair->client.block.state);
        remember_state(&pair->server.block.state);
        (void)side_say(&pair->server, &pair->client);
        remember_state(&pair->client.block.state);
        remember_state(&pair->server.block.state);
    }
    assert_true(tlsm_connected(&pair->client.block.state));
    assert_true(known.count >= (pair->client.block.state.control.version == TLSM_1_2 ? 4 : 8));
}

static void exchange(struct pair *pair)
{
    (void)side_write(&pair->client, "secret data");
    if (pair->client.block.state.control.version == TLSM_1_3)
        (void)side_update(&pair->client, 1);
    pair_talk(pair);
    remember_state(&pair->client.block.state);
    remember_state(&pair->server.block.state);
    (void)side_write(&pair->server, "more of it");
    pair_talk(pair);
}

static void assert_nothing_left(void)
{
    static char where[600];
    const size_t found = search_everything(where, sizeof where);
    if (found != 0)
        fail_msg("%zu places still hold a secret, the last: %s", found, where);
}

static void assert_found_while_alive(void)
{
    static char where[600];
    assert_true(search_everything(where, sizeof where) > 0);
}

static void ended(void (*end)(struct pair *), uint16_t suite)
{
    struct tlsm_libcrypto *instance;
    struct pair *pair;
    if (!SEARCHABLE)
        skip();
    instance = tlsm_libcrypto_new(NULL);
    pair = with_libcrypto(instance, &suite);
    assert_non_null(instance);
    memset(&known, 0, sizeof known);
    if (tlsm_suite_is_12(suite)) {
        pair_speak(pair, TLSM_1_2);
        pair->client.settings.suites = NULL;
        pair->client.settings.suites12 = &suite;
        pair->client.settings.suite12_count = 1;
    } else
        pair->client.settings.late_auth = pair->server.settings.late_auth = 1;
    connect_and_remember(pair);
    exchange(pair);
    assert_found_while_alive();   /* or the search proves nothing */
    end(pair);
    assert_nothing_left();        /* the instance lives on: its cache was told to forget */
    free(pair);
    tlsm_libcrypto_free(instance);
}

static void by_close(struct pair *pair)
{
    (void)side_close(&pair->client, 0);
    (void)side_close(&pair->server, 0);
    pair_talk(pair);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
}
static void by_fatal_alert(struct pair *pair)
{
    side_inject(&pair->client, "\x63", 1);
    (void)side_feed(&pair->client);
    pair_talk(pair);
    assert_how(&pair->client, "local_alert");
    assert_how(&pair->server, "peer_alert");
}
static void by_abandon(struct pair *pair)
{
    (void)side_do(&pair->client, TLSM_IN_ABANDON);
    (void)side_do(&pair->server, TLSM_IN_ABANDON);
}
static void by_forget(struct pair *pair)
{
    tlsm_forget(&pair->client.config, &pair->client.block.state);
    tlsm_forget(&pair->server.config, &pair->server.block.state);
}

/* A client that is being asked for a certificate. */
static void by_abandon_late(struct pair *pair)
{
    assert_code(side_do(&pair->server, TLSM_IN_ASK_CERTIFICATE), TLSM_OK);
    (void)side_say(&pair->server, &pair->client);
    assert_true(pair->client.block.state.length > TLSM_ESTABLISHED_MAX && pair->server.block.state.length > TLSM_ESTABLISHED_MAX);
    by_abandon(pair);
}

static void late_authentication_wipes(void **unused) { (void)unused; ended(by_abandon_late, TLSM_AES_128_GCM_SHA256); }
static void tls12_wipes(void **unused)
{
    (void)unused;
    ended(by_close, TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384);
    ended(by_fatal_alert, TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256);
    ended(by_abandon, TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256);
    ended(by_forget, TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256);
}
static void close_wipes(void **unused) { (void)unused; ended(by_close, TLSM_AES_128_GCM_SHA256); }
static void fatal_alert_wipes(void **unused) { (void)unused; ended(by_fatal_alert, TLSM_AES_256_GCM_SHA384); }
static void abandon_wipes(void **unused) { (void)unused; ended(by_abandon, TLSM_CHACHA20_POLY1305_SHA256); }
static void free_wipes(void **unused) { (void)unused; ended(by_forget, TLSM_AES_128_GCM_SHA256); }

/* ------------------------------------------------------------------------------------------------ resumption */

static const struct tlsm_ticket_key ticket_key = { { 'n', 'a', 'm', 'e' }, { 1, 2, 3, 4, 5, 6, 7, 8 } };

/* The key that sealed this ticket: of key name, salt and the rest. */
static void remember_sealing_key(const struct side *server, struct tlsm_bytes ticket)
{
    static uint8_t secret[TLSM_HASH_MAX];
    static struct tlsm_key key;
    const struct tlsm_bytes salt = { ticket.data + 16, 32 }, under = { ticket_key.secret, sizeof ticket_key.secret };
    assert_int_equal(server->config.crypto->hmac(server->config.self, TLSM_SHA384, under, &salt, 1, secret), 0);
    assert_int_equal(tlsm_traffic_key(&server->config, TLSM_AES_256_GCM_SHA384, secret, &key), 0);
    remember("sealing secret", secret);
    remember("sealing key", key.key);
    tlsm_wipe(secret, sizeof secret);
    tlsm_wipe(&key, sizeof key);
}

static void remember_early_secret(const struct side *client, const struct tlsm_session *session)
{
    static uint8_t early[TLSM_HASH_MAX], derived[TLSM_HASH_MAX], empty[TLSM_HASH_MAX];
    const uint16_t hash = tlsm_suite_hash(session->suite);
    struct tlsm_hash nothing;
    const struct tlsm_config *config = &client->config;
    assert_int_equal(tlsm_early_secret(config, hash, tlsm_slice(session->secret, session->secret_length), early), 0);
    remember("early secret", early);
    assert_int_equal(config->crypto->hash_start(config->self, hash, &nothing), 0);
    assert_int_equal(config->crypto->hash_finish(config->self, hash, &nothing, empty), 0);
    assert_int_equal(tlsm_expand_label(config, hash, early, "res binder", tlsm_slice(empty, session->secret_length), derived,
                                       session->secret_length), 0);
    remember("binder key", derived);
    tlsm_wipe(early, sizeof early);
    tlsm_wipe(derived, sizeof derived);
}

static void begin(struct side *side, const struct tlsm_session *session)
{
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .session = session,
                                .now_ms = UINT64_C(1800000000000) };
    memset(&entropy, side->settings.role * 17 + (session != NULL ? 50 : 0), sizeof entropy);
    assert_code(side_step(side, &in), TLSM_OK);
    tlsm_wipe(&entropy, sizeof entropy);
}

/* Both forget the connection; the client offers what it was given, and its own copies of that go. */
static void begin_again(struct pair *pair)
{
    struct tlsm_session session;
    by_forget(pair);
    assert_int_equal(tlsm_session_read(tlsm_slice(pair->client.session, pair->client.session_have), &session), 1);
    remember("session", session.secret);
    remember_sealing_key(&pair->server, session.ticket);
    remember_early_secret(&pair->client, &session);
    begin(&pair->client, &session);
    begin(&pair->server, NULL);
    tlsm_wipe(&session, sizeof session);
    tlsm_wipe(pair->client.session, sizeof pair->client.session);
}

/* The server is told that this early data never came before. */
static void believe(struct side *server)
{
    const struct tlsm_answer fresh = { .id = server->block.state.request_id, .fresh = 1, .now_ms = UINT64_C(1800000000000) };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &fresh };
    assert_int_equal(server->block.state.control.request, TLSM_ASK_REPLAY);
    assert_true(side_step(server, &in) < TLSM_MORE_INPUT);
}

/* Of a session that was resumed, offered in vain, or only made, nothing stays in the machine or its provider. */
static void resumed(int found, uint16_t suite, int early)
{
    const struct tlsm_in write = { .kind = TLSM_IN_WRITE, .early = 1, .bytes = { (const uint8_t *)"early", 5 } };
    struct tlsm_libcrypto *const instance = tlsm_libcrypto_new(NULL);
    struct pair *const pair = with_libcrypto(instance, &suite);
    assert_non_null(instance);
    memset(&known, 0, sizeof known);
    pair->server.settings.ticket_keys = &ticket_key;
    pair->server.settings.ticket_key_count = 1;
    pair->server.settings.tickets = 1;
    pair->server.settings.early_max = early ? 100 : 0;
    pair->client.settings.early_data = early != 0;
    begin(&pair->client, NULL);
    begin(&pair->server, NULL);
    pair_talk(pair);
    assert_true(pair->client.session_have > 0);
    begin_again(pair);
    assert_found_while_alive();
    if (!found)
        pair->server.settings.ticket_key_count = 0;
    if (early) {
        side_produce(&pair->client);
        remember_state(&pair->client.block.state);
        assert_code(side_step(&pair->client, &write), TLSM_PRODUCED);
        pair->server.no_answers = 1;
        (void)side_say(&pair->client, &pair->server);
        pair->server.no_answers = 0;
        if (found)
            believe(&pair->server);
        remember_state(&pair->server.block.state);
    }
    pair_talk(pair);
    if (early)
        assert_int_equal(tlsm_early_data(&pair->client.block.state), found ? TLSM_EARLY_ACCEPTED : TLSM_EARLY_REJECTED);
    assert_int_equal(tlsm_resumed(&pair->client.block.state), found);
    assert_nothing_left();   /* the connection lives on, without them */
    remember_state(&pair->client.block.state);
    remember_state(&pair->server.block.state);
    by_close(pair);
    tlsm_wipe(pair->client.session, sizeof pair->client.session);   /* the new one is the caller's */
    tlsm_wipe(pair->client.opened, sizeof pair->client.opened);
    assert_nothing_left();
    free(pair);
    tlsm_libcrypto_free(instance);
}

static void resumption_wipes(void **unused)
{
    (void)unused;
    if (!SEARCHABLE)
        skip();
    for (int found = 0; found <= 1; found++) {
        resumed(found, TLSM_AES_128_GCM_SHA256, 0);
        resumed(found, TLSM_AES_256_GCM_SHA384, 0);
    }
}

/* Whether the server reads it or not, nothing of the early key is left once the handshake is complete. */
static void early_data_wipes(void **unused)
{
    (void)unused;
    if (!SEARCHABLE)
        skip();
    for (int found = 0; found <= 1; found++) {
        resumed(found, TLSM_AES_128_GCM_SHA256, 1);
        resumed(found, TLSM_AES_256_GCM_SHA384, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_wipes),
        cmocka_unit_test(fatal_alert_wipes),
        cmocka_unit_test(abandon_wipes),
        cmocka_unit_test(free_wipes),
        cmocka_unit_test(late_authentication_wipes),
        cmocka_unit_test(tls12_wipes),
        cmocka_unit_test(resumption_wipes),
        cmocka_unit_test(early_data_wipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
