/* SPDX-License-Identifier: MIT */
/* Sessions in the caller's cache: a ticket is a key of it, and the server asks. */
#include "resumption_fixture.h"

static struct {
    uint8_t bytes[512];
    size_t length;
} cache;

static struct pair *asking(int real)
{
    struct pair *pair = fresh(real);
    pair->server.settings.ask = TLSM_ASK_SESSION_BIT;
    return pair;
}

/* Connects in full, issues one ticket, and keeps its session in the cache. */
static struct tlsm_session fill_cache(struct pair *pair)
{
    const struct tlsm_in in = { .kind = TLSM_IN_TICKET };
    uint8_t room[TLSM_TICKET_MAX];
    struct tlsm_session issued;
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, NOW);
    talk(pair);
    check_connected(pair);
    assert_code(side_step(&pair->server, &in), TLSM_OK);
    assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_int_equal(tlsm_ticket_issued(&pair->server.config, &pair->server.block.state, room, &issued), 1);
    assert_int_equal(issued.ticket.length, TLSM_TICKET_ID);
    cache.length = tlsm_session_write(&issued, (struct tlsm_span){ cache.bytes, sizeof cache.bytes });
    talk(pair);
    return kept(&pair->client);
}

static struct tlsm_session cached(void)
{
    struct tlsm_session session;
    assert_int_equal(tlsm_session_read(tlsm_slice(cache.bytes, cache.length), &session), 1);
    return session;
}

/* The server has read a ClientHello that offers `session`. */
static void ask(struct pair *pair, const struct tlsm_session *session)
{
    again(&pair->client);
    again(&pair->server);
    begin(&pair->client, HOST, session, NOW);
    begin(&pair->server, "", NULL, NOW);
    (void)side_say(&pair->client, &pair->server);
}

static void check_question(const struct pair *pair)
{
    struct tlsm_request request;
    struct tlsm_bytes identity;
    size_t offset = 0;
    assert_int_equal(tlsm_request(&pair->server.config, &pair->server.block.state, &request), TLSM_ASK_SESSION);
    assert_int_equal(request.server_name.length, strlen(HOST));
    assert_int_equal(tlsm_identity_next(request.identities, &offset, &identity), 1);
    assert_int_equal(identity.length, TLSM_TICKET_ID);
    assert_memory_equal(identity.data, cached().ticket.data, TLSM_TICKET_ID);
    assert_int_equal(tlsm_identity_next(request.identities, &offset, &identity), 0);
}

static void a_cached_session_is_asked_for(void **state)
{
    TLSM_UNUSED(state);
    for (int real = 0; real <= 1; real++) {
        struct pair *pair = asking(real);
        const struct tlsm_session session = fill_cache(pair), found = cached();
        const struct tlsm_answer yes = { .session = &found };
        ask(pair, &session);
        check_question(pair);
        answer_with(&pair->server, &yes, TLSM_OK);
        talk(pair);
        check_resumed(pair, 1);
        exchange_and_close(pair);
    }
}

static void not_found_is_a_full_handshake(void **state)
{
    static const struct tlsm_answer no;
    TLSM_UNUSED(state);
    for (int credential = 0; credential <= 1; credential++) {
        struct pair *pair = asking(1);
        const struct tlsm_session session = fill_cache(pair);
        if (credential)
            pair->server.settings.ask |= TLSM_ASK_CREDENTIAL_BIT;
        ask(pair, &session);
        answer_with(&pair->server, &no, credential ? TLSM_REQUEST : TLSM_OK);
        talk(pair);
        check_resumed(pair, 0);
    }
}

static void nobody_is_asked_without_an_offer(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = asking(0);
    ask(pair, NULL);
    assert_int_equal(pair->server.block.state.control.request, TLSM_ASK_NOTHING);
    side_produce(&pair->server);
    assert_int_equal(pair->server.block.state.control.request, TLSM_ASK_SIGN);
}

/* What is answered is checked like any other session. */
static void a_stale_answer_is_a_full_handshake(void **state)
{
    TLSM_UNUSED(state);
    for (int which = 0; which < 5; which++) {
        struct pair *pair = asking(0);
        const struct tlsm_session session = fill_cache(pair);
        struct tlsm_session found = cached();
        struct tlsm_answer given = { .session = &found };
        if (which == 0)
            given.now_ms = NOW + 7200001;
        if (which == 1)
            found.name_digest[0] ^= 1;
        if (which == 2)
            found.context = tlsm_slice((const uint8_t *)"c", 1);
        if (which == 3) {
            found.suite = TLSM_AES_256_GCM_SHA384;
            found.secret_length = 48;
        }
        if (which == 4)
            found.secret_length = 31;
        ask(pair, &session);
        answer_with(&pair->server, &given, TLSM_OK);
        talk(pair);
        check_resumed(pair, 0);
    }
}

static void an_answer_for_no_identity_is_refused(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = asking(0);
    const struct tlsm_session session = fill_cache(pair), found = cached();
    const struct tlsm_answer beyond = { .session = &found, .identity = 1 };
    ask(pair, &session);
    answer_with(&pair->server, &beyond, TLSM_BAD_ARGUMENT);
    check_question(pair);
}

static void the_wrong_session_fails_the_binder(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = asking(0);
    const struct tlsm_session session = fill_cache(pair);
    struct tlsm_session found = cached();
    const struct tlsm_answer given = { .session = &found };
    found.secret[5] ^= 4;
    ask(pair, &session);
    answer_with(&pair->server, &given, TLSM_FAILED);
    talk(pair);
    assert_int_equal(side_verdict(&pair->server).alert_sent, TLSM_ALERT_DECRYPT_ERROR);
}

static void the_cache_is_asked_after_a_retry(void **state)
{
    static const uint16_t p384[] = { TLSM_SECP384R1 };
    TLSM_UNUSED(state);
    for (int found_again = 0; found_again <= 1; found_again++) {
        struct pair *pair = asking(1);
        const struct tlsm_session session = fill_cache(pair), found = cached();
        const struct tlsm_answer given = { .session = found_again ? &found : NULL };
        pair->server.settings.groups = p384;
        pair->server.settings.group_count = 1;
        ask(pair, &session);
        assert_int_equal(pair->server.block.state.control.request, TLSM_ASK_NOTHING);
        (void)side_say(&pair->server, &pair->client);
        (void)side_say(&pair->client, &pair->server);
        check_question(pair);
        answer_with(&pair->server, &given, TLSM_OK);
        talk(pair);
        check_resumed(pair, found_again);
    }
}

/* H1: a close does not wait for the cache, and its answer then changes nothing. */
static void h1_a_close_while_the_cache_is_asked(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = asking(0);
    const struct tlsm_session session = fill_cache(pair), found = cached();
    const struct tlsm_answer late = { .session = &found };
    ask(pair, &session);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    answer_with(&pair->server, &late, TLSM_IGNORED);
    talk(pair);
    assert_how(&pair->server, "cancelled_in_handshake");
    assert_int_equal(tlsm_resumed(&pair->server.block.state), 0);
}

static void h1_a_late_answer_changes_nothing(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = asking(0);
    const struct tlsm_session session = fill_cache(pair), found = cached();
    struct tlsm_answer late = { .session = &found };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &late };
    ask(pair, &session);
    late.id = pair->server.block.state.request_id - 1;
    assert_code(side_step(&pair->server, &in), TLSM_IGNORED);
    check_question(pair);
}

static void a_refusal_ends_the_handshake(void **state)
{
    static const struct tlsm_answer no = { .alert = TLSM_ALERT_ACCESS_DENIED };
    TLSM_UNUSED(state);
    struct pair *pair = asking(0);
    const struct tlsm_session session = fill_cache(pair);
    ask(pair, &session);
    answer_with(&pair->server, &no, TLSM_FAILED);
    talk(pair);
    assert_int_equal(side_verdict(&pair->client).alert_received, TLSM_ALERT_ACCESS_DENIED);
}

/* ------------------------------------------------------------------------------------------------ several identities */

static void put_length(uint8_t *at, size_t length, unsigned bytes)
{
    while (bytes-- > 0)
        *at++ = (uint8_t)(length >> 8 * bytes);
}

/* Our client offers one session. Here `strangers` stand before it, each with a binder of its own, and ours fits again. The
 * hello begins at hello[0]; it ends with pre_shared_key: number, length, identities, binders. */
static size_t add_strangers(const struct side *client, const struct tlsm_session *session, uint8_t *hello, size_t length,
                            size_t strangers)
{
    static const uint8_t stranger[9] = { 0, 3, 'w', 'h', 'o', 0, 0, 0, 0 };
    const size_t identity = 2 + session->ticket.length + 4, extension = 4 + 2 + identity + 2 + 33;
    uint8_t early[TLSM_HASH_MAX], digest[TLSM_HASH_MAX], binder[TLSM_HASH_MAX];
    struct tlsm_hash running;
    struct tlsm_writer writer = { hello, 4096, length - extension };
    struct tlsm_bytes block;
    uint8_t own[512];
    memcpy(own, hello + length - extension + 6, identity);
    tlsm_put_number(&writer, 41, 2);
    size_t all = tlsm_open_vector(&writer, 2), list = tlsm_open_vector(&writer, 2);
    for (size_t i = 0; i < strangers; i++)
        tlsm_put(&writer, tlsm_slice(stranger, sizeof stranger));
    tlsm_put(&writer, tlsm_slice(own, identity));
    tlsm_close_vector(&writer, list, 2);
    const size_t truncated = writer.length;
    list = tlsm_open_vector(&writer, 2);
    for (size_t i = 0; i < 33 * (strangers + 1); i++)
        tlsm_put_number(&writer, i % 33 == 0 ? 32 : 0, 1);
    tlsm_close_vector(&writer, list, 2);
    tlsm_close_vector(&writer, all, 2);
    put_length(hello + 1, writer.length - 4, 3);
    /* the extension block: behind version, random, session id, suites and compression */
    size_t at = 4 + 34;
    at += 1u + hello[at];
    at += 2u + ((size_t)hello[at] << 8 | hello[at + 1]);
    at += 1u + hello[at];
    put_length(hello + at, writer.length - at - 2, 2);
    block = tlsm_slice(hello, truncated);
    assert_int_equal(client->config.crypto->hash_start(client->config.self, TLSM_SHA256, &running), 0);
    assert_int_equal(tlsm_absorb(&client->config, TLSM_SHA256, &running, block), 0);
    assert_int_equal(tlsm_digest(&client->config, TLSM_SHA256, &running, digest), 0);
    assert_int_equal(tlsm_early_secret(&client->config, TLSM_SHA256, tlsm_slice(session->secret, 32), early), 0);
    assert_int_equal(tlsm_binder(&client->config, TLSM_SHA256, early, digest, binder), 0);
    memcpy(hello + writer.length - 32, binder, 32);
    return writer.length;
}

/* A fresh server hears the hello with strangers before the session. */
static void offer_among(struct pair *pair, const struct tlsm_session *session, size_t strangers)
{
    uint8_t record[5 + 4096] = { 22, 3, 1 };
    again(&pair->client);
    again(&pair->server);
    begin(&pair->client, HOST, session, NOW);
    begin(&pair->server, "", NULL, NOW);
    side_produce(&pair->client);
    const size_t had = pair->client.wire_have - 5;
    memcpy(record + 5, pair->client.wire + 5, had);
    const size_t length = add_strangers(&pair->client, session, record + 5, had, strangers);
    put_length(record + 3, length, 2);
    side_inject(&pair->server, record, 5 + length);
    (void)side_feed(&pair->server);
}

static void one_of_four_identities_is_selected(void **state)
{
    TLSM_UNUSED(state);
    for (int real = 0; real <= 1; real++)
        for (size_t strangers = 0; strangers <= 4; strangers++) {
            struct pair *pair = fresh(real);
            pair->server.settings.ticket_keys = ticket_keys;
            pair->server.settings.ticket_key_count = pair->server.settings.tickets = 1;
            first(pair);
            const struct tlsm_session session = kept(&pair->client);
            offer_among(pair, &session, strangers);
            assert_int_equal(tlsm_resumed(&pair->server.block.state), strangers < TLSM_IDENTITIES);
            if (strangers < TLSM_IDENTITIES)
                assert_int_equal(tlsm_hs_const(&pair->server.block.state)->identity, strangers);
        }
}

static void four_identities_are_asked_for(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = asking(1);
    const struct tlsm_session session = fill_cache(pair), found = cached();
    struct tlsm_request request;
    struct tlsm_bytes identity;
    size_t offset = 0, count = 0;
    offer_among(pair, &session, 6);
    assert_int_equal(tlsm_request(&pair->server.config, &pair->server.block.state, &request), TLSM_ASK_SESSION);
    while (tlsm_identity_next(request.identities, &offset, &identity))
        count++;
    assert_int_equal(count, TLSM_IDENTITIES);
    offer_among(pair, &session, 2);
    answer_with(&pair->server, &(struct tlsm_answer){ .session = &found, .identity = 2 }, TLSM_OK);
    assert_int_equal(tlsm_resumed(&pair->server.block.state), 1);
    assert_int_equal(tlsm_hs_const(&pair->server.block.state)->identity, 2);
}

/* ------------------------------------------------------------------------------------------------ without a certificate */

/* The ClientHello on the client's wire, without signature_algorithms: into `to`. Its length. */
static size_t strip_schemes(const struct side *client, uint8_t *to)
{
    size_t record = 0, length, block = 4 + 34, at;
    while (client->wire[record] != 22)   /* behind a compatibility record */
        record += 5 + ((size_t)client->wire[record + 3] << 8 | client->wire[record + 4]);
    length = (size_t)client->wire[record + 3] << 8 | client->wire[record + 4];
    memcpy(to, client->wire + record + 5, length);
    block += 1u + to[block];
    block += 2u + ((size_t)to[block] << 8 | to[block + 1]);
    block += 1u + to[block];
    for (at = block + 2; to[at] != 0 || to[at + 1] != 13; at += 4 + ((size_t)to[at + 2] << 8 | to[at + 3]))
        continue;
    const size_t gone = 4 + ((size_t)to[at + 2] << 8 | to[at + 3]);
    memmove(to + at, to + at + gone, length - at - gone);
    put_length(to + 1, length - gone - 4, 3);
    put_length(to + block, length - gone - block - 2, 2);
    return length - gone;
}

static void hear(struct side *server, const uint8_t *hello, size_t length)
{
    uint8_t header[5] = { 22, 3, 3 };
    put_length(header + 3, length, 2);
    side_inject(server, header, sizeof header);
    side_inject(server, hello, length);
    (void)side_feed(server);
}

/* RFC 9846 §9.2 asks for signature_algorithms only where a certificate is wanted: a session does without, also after a retry;
 * and where there is none, that is missing_extension then. */
static void only_a_session_does_without_signature_algorithms(void **state)
{
    static const uint16_t p384[] = { TLSM_SECP384R1 };
    TLSM_UNUSED(state);
    for (int known = 0; known <= 1; known++) {
        struct pair *pair = asking(1);
        const struct tlsm_session session = fill_cache(pair), found = cached();
        const struct tlsm_answer given = { .session = known ? &found : NULL }, any = { 0 };
        uint8_t hello[2048], early[TLSM_HASH_MAX], digest[TLSM_HASH_MAX], binder[TLSM_HASH_MAX];
        pair->server.settings.groups = p384;
        pair->server.settings.group_count = 1;
        pair->server.settings.ask |= TLSM_ASK_CREDENTIAL_BIT;
        again(&pair->client);
        again(&pair->server);
        begin(&pair->client, HOST, &session, NOW);
        begin(&pair->server, "", NULL, NOW);
        side_produce(&pair->client);
        hear(&pair->server, hello, strip_schemes(&pair->client, hello));
        assert_int_equal(pair->server.block.state.control.request, TLSM_ASK_CREDENTIAL);   /* asked, and not needed */
        answer_with(&pair->server, &any, TLSM_OK);
        (void)side_sent(&pair->client, pair->client.wire_have, NULL);
        (void)side_say(&pair->server, &pair->client);
        side_produce(&pair->client);
        const size_t length = strip_schemes(&pair->client, hello);
        struct tlsm_hash running = tlsm_hs_const(&pair->server.block.state)->transcript;
        const struct tlsm_config *config = &pair->server.config;
        assert_int_equal(tlsm_absorb(config, TLSM_SHA256, &running, tlsm_slice(hello, length - 35)), 0);
        assert_int_equal(tlsm_digest(config, TLSM_SHA256, &running, digest), 0);
        assert_int_equal(tlsm_early_secret(config, TLSM_SHA256, tlsm_slice(session.secret, 32), early), 0);
        assert_int_equal(tlsm_binder(config, TLSM_SHA256, early, digest, binder), 0);
        memcpy(hello + length - 32, binder, 32);
        hear(&pair->server, hello, length);
        answer_with(&pair->server, &given, known ? TLSM_OK : TLSM_FAILED);
        side_produce(&pair->server);
        assert_int_equal(tlsm_resumed(&pair->server.block.state), known);
        assert_int_equal(side_verdict(&pair->server).alert_sent, known ? TLSM_ALERT_NONE : TLSM_ALERT_MISSING_EXTENSION);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cached_session_is_asked_for),
        cmocka_unit_test(not_found_is_a_full_handshake),
        cmocka_unit_test(nobody_is_asked_without_an_offer),
        cmocka_unit_test(a_stale_answer_is_a_full_handshake),
        cmocka_unit_test(an_answer_for_no_identity_is_refused),
        cmocka_unit_test(the_wrong_session_fails_the_binder),
        cmocka_unit_test(the_cache_is_asked_after_a_retry),
        cmocka_unit_test(h1_a_close_while_the_cache_is_asked),
        cmocka_unit_test(h1_a_late_answer_changes_nothing),
        cmocka_unit_test(a_refusal_ends_the_handshake),
        cmocka_unit_test(one_of_four_identities_is_selected),
        cmocka_unit_test(four_identities_are_asked_for),
        cmocka_unit_test(only_a_session_does_without_signature_algorithms),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
