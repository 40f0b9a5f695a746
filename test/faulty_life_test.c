/* SPDX-License-Identifier: MIT */
/* Whole connections whose provider fails once, at each of its calls in turn: of TLS 1.2 with certificates both ways and a ticket, new and
 * resumed; and resumed with early data. (hostile_test.c and resumption_hostile_test.c have TLS 1.3 without it.) */
#include "faulty_fixture.h"

#include "handshake.h"

#define NOW UINT64_C(1800000000000)

static const uint8_t certificate[] = { 0x30, 3, 1, 2, 3 };
static const struct tlsm_bytes chain[] = { { certificate, sizeof certificate } };
static const uint16_t scheme[] = { TLSM_ECDSA_SECP384R1_SHA384 };   /* in TLS 1.2 not the hash of the suite */
static const struct tlsm_credential credential = { chain, 1, scheme, 1, NULL, 0, { NULL, 0 } };
static const struct tlsm_ticket_key ticket_key = { { 'k', 'e', 'y' }, { 1, 2, 3 } };
static const struct tlsm_bytes protocols[] = { { (const uint8_t *)"h2", 2 } };
static const uint16_t p256[] = { TLSM_SECP256R1 };

enum kind { OLDER, NEWER, EARLY, EARLY_RETRIED, KINDS };

static struct pair the_pair;
static unsigned refused;   /* steps of this life, each tried once more */

static void settle(struct pair *pair, enum kind kind)
{
    struct tlsm_settings *client = &pair->client.settings, *server = &pair->server.settings;
    pair_init(pair);
    pair->client.no_answers = pair->server.no_answers = 1;
    pair->client.config.crypto = pair->server.config.crypto = &bad_provider;
    client->version_min = client->version_max = server->version_min = server->version_max = kind == OLDER ? TLSM_1_2 : TLSM_1_3;
    client->credentials = server->credentials = &credential;
    client->credential_count = server->credential_count = 1;
    client->alpn = server->alpn = protocols;
    client->alpn_count = server->alpn_count = 1;
    server->client_auth = kind <= NEWER ? TLSM_CLIENT_AUTH_REQUEST : TLSM_CLIENT_AUTH_NONE;
    server->ticket_keys = &ticket_key;
    server->ticket_key_count = server->tickets = 1;
    if (kind >= EARLY) {
        client->early_data = 1;
        server->early_max = 100;
    }
}

/* A refused step changed nothing. */
static void try_twice(struct side *side, const struct tlsm_in *in)
{
    if (side_step(side, in) != TLSM_LIBRARY_FAILED)
        return;
    refused++;
    assert_true(side_step(side, in) < TLSM_MORE_INPUT);
}

static void begin(struct side *side, const struct tlsm_session *session)
{
    struct tlsm_entropy entropy;
    struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .session = session, .now_ms = NOW };
    memset(&entropy, side->settings.role + (session != NULL ? 20 : 0), sizeof entropy);
    if (side->settings.role == TLSM_CLIENT)
        in.server_name = tlsm_slice((const uint8_t *)"host.example", 12);
    try_twice(side, &in);
}

static void answer_again(struct side *side)
{
    struct tlsm_answer given;
    uint8_t signature[TLSM_NULL_SIGNATURE];
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &given };
    if (tlsm_null_answer_open(&side->config, &side->block.state, &given, signature) == TLSM_ASK_REPLAY) {
        given.fresh = 1;
        given.now_ms = NOW;
    }
    try_twice(side, &in);
}

static void oblige(struct side *side)
{
    const struct tlsm_in produce = { .kind = TLSM_IN_PRODUCE };
    unsigned needs;
    while ((needs = tlsm_needs(&side->block.state)) & (TLSM_NEED_PRODUCE | TLSM_NEED_ANSWER)) {
        if (needs & TLSM_NEED_ANSWER)
            answer_again(side);
        else
            try_twice(side, &produce);
    }
}

static void carry(struct side *from, struct side *to)
{
    oblige(from);
    if (from->wire_have > 0)
        (void)side_sent(from, from->wire_have, to);
    while (side_feed(to) == TLSM_ANSWER_FIRST)
        oblige(to);
}

static void talk(struct pair *pair)
{
    for (int i = 0; i < 6; i++) {
        carry(&pair->client, &pair->server);
        carry(&pair->server, &pair->client);
    }
}

static void write_once(struct side *side, const char *text, int early)
{
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .early = (uint8_t)early, .bytes = { (const uint8_t *)text, strlen(text) } };
    if (side_step(side, &in) != TLSM_LIBRARY_FAILED)
        return;
    refused++;
    assert_code(side_step(side, &in), TLSM_PRODUCED);
}

/* What was said came whole, and both have the same secrets. */
static void check_clean(const struct pair *pair)
{
    const struct tlsm_state *client = &pair->client.block.state, *server = &pair->server.block.state;
    const int early = tlsm_early_data(server) == TLSM_EARLY_ACCEPTED;
    assert_int_equal(early, tlsm_early_data(client) == TLSM_EARLY_ACCEPTED);
    assert_plain(&pair->server, early ? "soonone" : "one");
    assert_plain(&pair->client, "two");
    assert_int_equal(tlsm_resumed(client), tlsm_resumed(server));
    assert_int_equal(client->alpn, server->alpn);
}

/* 1: both ended clean. */
static int live(struct pair *pair, const struct tlsm_session *session)
{
    tlsm_forget(&pair->client.config, &pair->client.block.state);
    tlsm_forget(&pair->server.config, &pair->server.block.state);
    pair->client.wire_have = pair->client.held_have = pair->client.plain_have = 0;
    pair->server.wire_have = pair->server.held_have = pair->server.plain_have = 0;
    pair->client.session_have = 0;
    refused = 0;
    begin(&pair->client, session);
    begin(&pair->server, NULL);
    oblige(&pair->client);
    write_once(&pair->client, "soon", 1);
    talk(pair);
    write_once(&pair->client, "one", 0);
    write_once(&pair->server, "two", 0);
    talk(pair);
    (void)side_close(&pair->client, 0);
    (void)side_close(&pair->server, 0);
    talk(pair);
    if (side_how(&pair->client) != TLSM_CLEAN_BOTH_VERDICT || side_how(&pair->server) != TLSM_CLEAN_BOTH_VERDICT)
        return 0;
    check_clean(pair);
    return 1;
}

/* A failure is known where it is: not by what follows from it, as a Finished or a signature that does not fit. */
static void check_alert(const struct side *side)
{
    static const uint8_t own[] = { TLSM_ALERT_NONE, TLSM_ALERT_CLOSE_NOTIFY, TLSM_ALERT_INTERNAL_ERROR, TLSM_ALERT_BAD_RECORD_MAC,
                                   TLSM_ALERT_ILLEGAL_PARAMETER };
    assert_non_null(memchr(own, side_verdict(side).alert_sent, sizeof own));
}

/* All that is made can be made again, and what was read cannot be read again: then the connection fails. A session alone may be lost
 * without a word: the one offered, which is not resumed, or the one that comes. */
static void check_noticed(const struct pair *pair, const struct tlsm_session *session, int clean)
{
    const int lost = pair->client.session_have == 0 || (session != NULL && !tlsm_resumed(&pair->client.block.state));
    assert_int_equal(refused > 0 && !clean, 0);
    if (!clean) {
        check_alert(&pair->client);
        check_alert(&pair->server);
    }
    assert_int_equal(refused == 0 && clean && !lost, 0);
}

static unsigned fail_each(struct pair *pair, const struct tlsm_session *session)
{
    unsigned clean = 0;
    const unsigned calls = faulty.calls;
    for (unsigned at = 1; at <= calls; at++) {
        memset(&faulty, 0, sizeof faulty);
        faulty.at = at;
        const int good_end = live(pair, session);
        check_noticed(pair, session, good_end);
        clean += (unsigned)good_end;
    }
    assert_true(calls > 20);
    assert_true(clean > calls / 4);
    assert_true(clean < calls);
    return calls;
}

static void first_life(struct pair *pair, enum kind kind)
{
    settle(pair, kind);
    memset(&faulty, 0, sizeof faulty);
    assert_int_equal(live(pair, NULL), 1);
    assert_int_equal(tlsm_resumed(&pair->client.block.state), 0);
}

static void failures_of_a_new_connection_spoil_nothing(void **state)
{
    struct pair *pair = &the_pair;
    TLSM_UNUSED(state);
    for (enum kind kind = OLDER; kind <= NEWER; kind++) {
        first_life(pair, kind);
        (void)fail_each(pair, NULL);
    }
}

static void failures_of_a_resumed_connection_spoil_nothing(void **state)
{
    static uint8_t bytes[sizeof the_pair.client.session];
    struct pair *pair = &the_pair;
    struct tlsm_session session;
    TLSM_UNUSED(state);
    for (enum kind kind = OLDER; kind < KINDS; kind++) {
        first_life(pair, kind);
        memcpy(bytes, pair->client.session, sizeof bytes);
        assert_int_equal(tlsm_session_read(tlsm_slice(bytes, pair->client.session_have), &session), 1);
        if (kind == EARLY_RETRIED) {
            pair->server.settings.groups = p256;
            pair->server.settings.group_count = 1;
        }
        memset(&faulty, 0, sizeof faulty);
        assert_int_equal(live(pair, &session), 1);
        assert_int_equal(tlsm_resumed(&pair->client.block.state), 1);
        assert_int_equal(tlsm_early_data(&pair->client.block.state), kind == EARLY ? TLSM_EARLY_ACCEPTED : kind == EARLY_RETRIED ? TLSM_EARLY_REJECTED : TLSM_EARLY_NONE);
        (void)fail_each(pair, &session);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_of_a_new_connection_spoil_nothing),
        cmocka_unit_test(failures_of_a_resumed_connection_spoil_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
