/* SPDX-License-Identifier: MIT */
/* Sessions of TLS 1.2 as a server makes and resumes them, by ticket and by id, with the installed libssl's client. */
#include "server12_fixture.h"

#define HOST "host.example"
#define HOUR UINT64_C(3600000)

static const struct tlsm_ticket_key ticket_keys[3] = { { { 'o', 'n', 'e' }, { 1, 2, 3 } }, { { 't', 'w', 'o' }, { 4, 5, 6 } },
                                                       { { 'o', 'n', 'e' }, { 7, 8, 9 } } };   /* a name is not a key */
static SSL_SESSION *session;

static struct world *sealing(void)
{
    struct world *world = world_new();
    world->server.settings.ticket_keys = ticket_keys;
    world->server.settings.ticket_key_count = 1;
    world->server.settings.tickets = 1;
    return world;
}

static struct world *caching(void)
{
    struct world *world = world_new();
    world->server.settings.ask = TLSM_ASK_SESSION_BIT;
    world->server.settings.tickets = 1;
    return world;
}

/* The first connection; the client keeps its session. */
static void first(struct world *world)
{
    connect_now(world, HOST, NOW);
    check_connected(world);
    assert_int_equal(tlsm_resumed(server_state(world)), 0);
    session = SSL_get1_session(world->client);
    exchange_and_close(world);
}

static void again_as(struct world *world, const char *name, uint64_t now_ms)
{
    new_client(world, name);
    assert_int_equal(SSL_set_session(world->client, session), 1);
    start_server(world, now_ms);
    talk(world);
}

static void check_again(struct world *world, int resumed)
{
    check_connected(world);
    assert_int_equal(tlsm_resumed(server_state(world)), resumed);
    assert_int_equal(side_verdict(&world->server).resumed, resumed);
    assert_int_equal(server_state(world)->length, sizeof(struct tlsm_state));
    exchange_and_close(world);
}

static void finished(struct world *world)
{
    SSL_SESSION_free(session);
    session = NULL;
    world_free(world);
}

/* ------------------------------------------------------------------------------------------------ by ticket */

static void a_ticket_resumes_its_session(void **state)
{
    static const char *const suites[] = { "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
                                          "ECDHE-RSA-CHACHA20-POLY1305" };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < 3; i++) {
        struct world *world = sealing();
        assert_int_equal(SSL_CTX_set_cipher_list(world->context, suites[i]), 1);
        first(world);
        assert_int_equal(SSL_SESSION_has_ticket(session), 1);
        assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(session), 7200);
        for (int turn = 0; turn < 3; turn++) {
            again_as(world, HOST, NOW + 60000);
            check_again(world, 1);
            assert_int_equal(world->asked[TLSM_ASK_SIGN], 0);
            assert_int_equal(world->issued_some, 0);
        }
        finished(world);
    }
}

/* The issued ticket can be looked at where it was made: the same as went out. */
static void the_ticket_issued_is_told_of(void **state)
{
    struct world *world = sealing();
    const unsigned char *ticket;
    size_t length;
    TLSM_UNUSED(state);
    first(world);
    SSL_SESSION_get0_ticket(session, &ticket, &length);
    assert_int_equal(world->issued_some, 1);
    assert_int_equal(world->issued.version, TLSM_1_2);
    assert_int_equal(world->issued.extended_master, 1);
    assert_int_equal(world->issued.by_id, 0);
    assert_int_equal(world->issued.ticket.length, length);
    assert_memory_equal(world->issued.ticket.data, ticket, length);
    finished(world);
}

static void servers_that_share_a_key_share_sessions(void **state)
{
    static const struct { struct tlsm_ticket_key keys[2]; int resumed; } rows[] = {
        { { { { 'o', 'n', 'e' }, { 1, 2, 3 } }, { { 0 }, { 0 } } }, 1 },
        { { { { 't', 'w', 'o' }, { 4, 5, 6 } }, { { 'o', 'n', 'e' }, { 1, 2, 3 } } }, 1 },   /* rotated: it still opens */
        { { { { 't', 'w', 'o' }, { 4, 5, 6 } }, { { 'o', 'n', 'e' }, { 7, 8, 9 } } }, 0 },   /* a name is not a key */
        { { { { 't', 'w', 'o' }, { 4, 5, 6 } }, { { 's', 'i', 'x' }, { 7, 8, 9 } } }, 0 },
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = sealing();
        first(world);
        world->server.settings.ticket_keys = rows[i].keys;
        world->server.settings.ticket_key_count = 2;
        again_as(world, HOST, NOW);
        check_again(world, rows[i].resumed);
        finished(world);
    }
}

/* Every refusal of a session makes a full handshake, which gives a new ticket. */
static void what_does_not_fit_is_a_full_handshake(void **state)
{
    enum { CONTROL, NAME, NO_NAME, CONTEXT, SUITE_OURS, SUITE_THEIRS, LATE, TOTAL, NO_CLOCK, KEYS_GONE, DAMAGED, MUST_SHOW, WAYS };
    static const uint16_t other_suite[] = { TLSM_ECDHE_RSA_AES_256_GCM_SHA384 };
    TLSM_UNUSED(state);
    for (int way = 0; way < WAYS; way++) {
        struct world *world = sealing();
        struct tlsm_settings *settings = &world->server.settings;
        uint64_t now = NOW;
        const char *name = HOST;
        first(world);
        switch (way) {
        case NAME: name = "other.example"; break;
        case NO_NAME: name = NULL; break;
        case CONTEXT: settings->session_context = tlsm_slice((const uint8_t *)"new", 3); break;
        case SUITE_OURS:
            settings->suites12 = other_suite;
            settings->suite12_count = 1;
            break;
        case SUITE_THEIRS: SSL_CTX_set_cipher_list(world->context, "ECDHE-RSA-AES256-GCM-SHA384"); break;
        case LATE: now += 2 * HOUR + 1; break;
        case TOTAL: settings->session_total_s = 1; now += 2000; break;
        case NO_CLOCK: now = 0; break;
        case KEYS_GONE: settings->ticket_keys = &ticket_keys[1]; break;
        case MUST_SHOW: settings->client_auth = TLSM_CLIENT_AUTH_REQUIRE;
            SSL_CTX_use_certificate(world->context, certificate_of[RSA_KEY]);
            SSL_CTX_use_PrivateKey(world->context, key_of[RSA_KEY]);
            break;
        }
        if (way == DAMAGED) {   /* the last byte of the ticket is another */
            unsigned char *der = NULL;
            const unsigned char *ticket, *at;
            size_t length;
            SSL_SESSION_get0_ticket(session, &ticket, &length);
            const int whole = i2d_SSL_SESSION(session, &der);
            for (int i = 0; i + (int)length <= whole; i++)
                if (memcmp(der + i, ticket, length) == 0)
                    der[i + (int)length - 1] ^= 1;
            SSL_SESSION_free(session);
            at = der;
            session = d2i_SSL_SESSION(NULL, &at, whole);
            OPENSSL_free(der);
        }
        if (way == SUITE_THEIRS) {   /* libssl would not offer it */
            new_client(world, name);
            SSL_set_session(world->client, session);
            start_server(world, now);
            talk(world);
            if (!tlsm_connected(server_state(world))) {
                finished(world);
                continue;
            }
        } else {
            again_as(world, name, now);
        }
        check_again(world, way == CONTROL);
        assert_int_equal(world->issued_some, way != CONTROL && way != NO_CLOCK);
        finished(world);
    }
}

/* RFC 7627 §5.3. */
static void a_session_stays_bound_to_its_handshake(void **state)
{
    TLSM_UNUSED(state);
    for (int before = 0; before <= 1; before++)
        for (int after = 0; after <= 1; after++) {
            struct world *world = sealing();
            world->server.settings.insecure_master_secret = 1;
            (before ? SSL_CTX_clear_options : SSL_CTX_set_options)(world->context, SSL_OP_NO_EXTENDED_MASTER_SECRET);
            first(world);
            (after ? SSL_CTX_clear_options : SSL_CTX_set_options)(world->context, SSL_OP_NO_EXTENDED_MASTER_SECRET);
            again_as(world, HOST, NOW);
            if (before && !after)
                assert_int_equal(side_verdict(&world->server).alert_sent, TLSM_ALERT_HANDSHAKE_FAILURE);
            else
                check_again(world, before && after);
            finished(world);
        }
}

/* RFC 5077 §3.3: a ticket that has lived half its time is replaced; the session ends when it would have. */
static void an_old_ticket_is_replaced(void **state)
{
    TLSM_UNUSED(state);
    for (int old = 0; old <= 2; old++) {
        struct world *world = sealing();
        first(world);
        world->server.settings.tickets = old == 2 ? 0 : 1;   /* a server that makes no more still takes those it made */
        again_as(world, HOST, NOW + (old ? HOUR + 1 : HOUR));
        check_again(world, 1);
        assert_int_equal(world->issued_some, old == 1);
        if (old == 1) {
            assert_int_equal(world->issued.origin_ms, NOW);
            assert_int_equal(world->issued.issued_ms, NOW + HOUR + 1);
            SSL_SESSION_free(session);
            session = SSL_get1_session(world->client);
            again_as(world, HOST, NOW + 2 * HOUR + 2);
            check_again(world, 1);
        }
        finished(world);
    }
}

static void no_ticket_for_who_wants_none(void **state)
{
    TLSM_UNUSED(state);
    for (int way = 0; way < 3; way++) {
        struct world *world = sealing();
        if (way == 0)
            SSL_CTX_set_options(world->context, SSL_OP_NO_TICKET);
        if (way == 1)
            world->server.settings.tickets = 0;
        if (way == 2)
            world->server.settings.ticket_key_count = 0;
        first(world);
        assert_int_equal(SSL_SESSION_has_ticket(session), 0);
        assert_int_equal(SSL_SESSION_is_resumable(session), 0);
        assert_int_equal(world->issued_some, 0);
        finished(world);
    }
}

/* A session of TLS 1.3 shown in TLS 1.2 is none. */
static void a_session_of_another_version_is_none(void **state)
{
    struct world *world = sealing();
    TLSM_UNUSED(state);
    world->server.settings.version_max = TLSM_1_3;
    first(world);
    SSL_CTX_set_max_proto_version(world->context, TLS1_3_VERSION);
    again_as(world, HOST, NOW);
    check_connected(world);
    if (server_state(world)->control.version == TLSM_1_3)
        assert_int_equal(tlsm_resumed(server_state(world)), 0);
    finished(world);
}

/* ------------------------------------------------------------------------------------------------ by id */

static uint8_t cached[512];
static size_t cached_length;

static void first_cached(struct world *world)
{
    unsigned length;
    connect_now(world, HOST, NOW);
    check_connected(world);
    assert_int_equal(world->asked[TLSM_ASK_SESSION], 0);
    assert_int_equal(world->issued_some, 1);
    assert_int_equal(world->issued.by_id, 1);
    cached_length = tlsm_session_write(&world->issued, (struct tlsm_span){ cached, sizeof cached });
    session = SSL_get1_session(world->client);
    const unsigned char *id = SSL_SESSION_get_id(session, &length);
    assert_int_equal(length, world->issued.ticket.length);
    assert_memory_equal(id, world->issued.ticket.data, length);
    exchange_and_close(world);
}

static void an_id_is_asked_for_in_the_cache(void **state)
{
    TLSM_UNUSED(state);
    for (int found = 0; found <= 1; found++)
        for (int choosing = 0; choosing <= 1; choosing++) {
            struct world *world = caching();
            struct tlsm_session kept;
            if (choosing)
                world->server.settings.ask |= TLSM_ASK_CREDENTIAL_BIT;
            first_cached(world);
            assert_int_equal(tlsm_session_read(tlsm_slice(cached, cached_length), &kept), 1);
            world->session.session = found ? &kept : NULL;
            for (int turn = 0; turn < 2; turn++) {
                again_as(world, HOST, NOW + 1000);
                assert_int_equal(world->asked[TLSM_ASK_SESSION], 1);
                assert_int_equal(world->asked[TLSM_ASK_CREDENTIAL], choosing);
                assert_int_equal(world->session_asked_length, kept.ticket.length);
                assert_memory_equal(world->session_asked, kept.ticket.data, kept.ticket.length);
                assert_int_equal(world->issued_some, !found);   /* a new one has an id of its own */
                check_again(world, found);
            }
            finished(world);
        }
}

static void a_cached_session_is_checked_too(void **state)
{
    TLSM_UNUSED(state);
    for (int way = 0; way < 6; way++) {
        struct world *world = caching();
        struct tlsm_session kept;
        first_cached(world);
        assert_int_equal(tlsm_session_read(tlsm_slice(cached, cached_length), &kept), 1);
        switch (way) {
        case 0: kept.name_digest[0] ^= 1; break;
        case 1: kept.extended_master = 0; break;
        case 2: world->session.now_ms = NOW + 3 * HOUR; break;
        case 3: kept.suite = 0; break;
        case 4: kept.secret[0] ^= 1; break;
        case 5: kept.version = TLSM_1_3; break;
        }
        world->session.session = &kept;
        again_as(world, HOST, NOW);
        if (way == 4)   /* another secret: nothing that came so can be opened */
            assert_int_equal(tlsm_connected(server_state(world)), 0);
        else
            check_again(world, 0);
        finished(world);
    }
}

/* A step drops the id; a refused one does not. */
static void the_id_is_told_until_the_next_step(void **state)
{
    struct world *world = caching();
    uint8_t room[TLSM_TICKET_MAX];
    struct tlsm_session told;
    TLSM_UNUSED(state);
    connect_now(world, HOST, NOW);
    check_connected(world);
    assert_int_equal(world->issued_some, 1);
    assert_int_equal(tlsm_ticket_issued(&world->server.config, server_state(world), room, &told), 0);
    assert_int_equal(server_state(world)->length, sizeof(struct tlsm_state));
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_resumes_its_session),
        cmocka_unit_test(the_ticket_issued_is_told_of),
        cmocka_unit_test(servers_that_share_a_key_share_sessions),
        cmocka_unit_test(what_does_not_fit_is_a_full_handshake),
        cmocka_unit_test(a_session_stays_bound_to_its_handshake),
        cmocka_unit_test(an_old_ticket_is_replaced),
        cmocka_unit_test(no_ticket_for_who_wants_none),
        cmocka_unit_test(a_session_of_another_version_is_none),
        cmocka_unit_test(an_id_is_asked_for_in_the_cache),
        cmocka_unit_test(a_cached_session_is_checked_too),
        cmocka_unit_test(the_id_is_told_until_the_next_step),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
