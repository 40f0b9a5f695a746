/* SPDX-License-Identifier: MIT */
/* Resumption between ours and the installed libssl, either way round, after every kind of end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "party.h"

enum { ROUNDS = 32 };

struct meeting {
    const struct party_kind *client_kind, *server_kind;
    struct party *client, *server;
};

static const struct {
    const struct party_kind *client, *server;
} peers[] = { { &party_tlsm, &party_tlsm }, { &party_tlsm, &party_libssl }, { &party_libssl, &party_tlsm } };
enum { PEERS = sizeof peers / sizeof *peers };

static void open_meeting(struct meeting *meeting, size_t index, int stateful, int older)
{
    const struct party_options client = { .verify = 1, .older = older },
                               server = { .server = 1, .tickets = 2, .stateful = stateful, .older = older };
    meeting->client_kind = peers[index].client;
    meeting->server_kind = peers[index].server;
    meeting->client = meeting->client_kind->create(&client);
    meeting->server = meeting->server_kind->create(&server);
    assert_non_null(meeting->client);
    assert_non_null(meeting->server);
}

static void close_meeting(struct meeting *meeting)
{
    meeting->client_kind->destroy(meeting->client);
    meeting->server_kind->destroy(meeting->server);
}

static void connect_both(struct meeting *meeting)
{
    BIO *one, *two;
    int client = 0, server = 0;
    char byte;
    assert_int_equal(BIO_new_bio_pair(&one, 0, &two, 0), 1);
    meeting->client_kind->set_bio(meeting->client, one, one);
    meeting->server_kind->set_bio(meeting->server, two, two);
    for (int i = 0; i < ROUNDS && (client != 1 || server != 1); i++) {
        client = meeting->client_kind->handshake(meeting->client);
        server = meeting->server_kind->handshake(meeting->server);
    }
    assert_int_equal(client, 1);
    assert_int_equal(server, 1);
    assert_int_equal(meeting->client_kind->read(meeting->client, &byte, 1), -1);   /* tickets */
}

static void say(struct meeting *meeting)
{
    char got[6];
    assert_int_equal(meeting->client_kind->write(meeting->client, "hello", 6), 6);
    assert_int_equal(meeting->server_kind->read(meeting->server, got, 6), 6);
    assert_string_equal(got, "hello");
    assert_int_equal(meeting->server_kind->write(meeting->server, "hello", 6), 6);
    assert_int_equal(meeting->client_kind->read(meeting->client, got, 6), 6);
    assert_string_equal(got, "hello");
}

static void assert_reused(struct meeting *meeting, int reused)
{
    assert_int_equal(meeting->client_kind->reused(meeting->client), reused);
    assert_int_equal(meeting->server_kind->reused(meeting->server), reused);
}

static void again(struct meeting *meeting)
{
    assert_int_equal(meeting->client_kind->again(meeting->client, 1), 1);
    assert_int_equal(meeting->server_kind->again(meeting->server, 0), 1);
    connect_both(meeting);
}

/* ------------------------------------------------------------------------------------------------ ends */

static void clean(struct meeting *meeting)
{
    (void)meeting->client_kind->shutdown(meeting->client);
    (void)meeting->server_kind->shutdown(meeting->server);
    assert_int_equal(meeting->client_kind->shutdown(meeting->client), 1);
    assert_int_equal(meeting->server_kind->shutdown(meeting->server), 1);
}

/* Each tries to say close_notify, and neither can. */
static void dead_transport(struct meeting *meeting)
{
    BIO *client = BIO_new(BIO_s_socket()), *server = BIO_new(BIO_s_socket());
    BIO_set_fd(client, -1, BIO_NOCLOSE);
    BIO_set_fd(server, -1, BIO_NOCLOSE);
    meeting->client_kind->set_bio(meeting->client, client, client);
    meeting->server_kind->set_bio(meeting->server, server, server);
    assert_int_equal(meeting->client_kind->shutdown(meeting->client), -1);
    assert_int_equal(meeting->server_kind->shutdown(meeting->server), -1);
    assert_true(meeting->client_kind->get_shutdown(meeting->client) & SSL_SENT_SHUTDOWN);
    assert_true(meeting->server_kind->get_shutdown(meeting->server) & SSL_SENT_SHUTDOWN);
}

static void without_a_word(struct meeting *meeting) { (void)meeting; }

static void ends_with(void (*end)(struct meeting *), int good)
{
    for (size_t i = 0; i < 4 * PEERS; i++) {   /* sealed tickets, and keys of the server's cache; both versions */
        struct meeting meeting;
        open_meeting(&meeting, i / 4, i % 2, i / 2 % 2);
        connect_both(&meeting);
        assert_reused(&meeting, 0);
        say(&meeting);
        assert_int_equal(meeting.client_kind->resumable(meeting.client), 1);
        end(&meeting);
        for (int time = 0; time < 2; time++) {   /* a resumed connection's tickets resume, too */
            again(&meeting);
            assert_reused(&meeting, good);
            say(&meeting);
            end(&meeting);
        }
        close_meeting(&meeting);
    }
}

static void a_clean_end_is_good(void **state)
{
    (void)state;
    ends_with(clean, 1);
}

/* Sentence 2 of SSL_shutdown(3): whether it succeeds or not. */
static void a_shutdown_that_failed_is_good(void **state)
{
    (void)state;
    ends_with(dead_transport, 1);
}

static void no_shutdown_is_bad(void **state)
{
    (void)state;
    ends_with(without_a_word, 0);
}

/* ------------------------------------------------------------------------------------------------ details */

/* libssl's session is kept by the SSL that SSL_clear() made ready for the next connection; ours as well. */
static void cleared_connections_resume(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * PEERS; i++) {
        struct meeting meeting;
        open_meeting(&meeting, i / 2, 0, i % 2);
        connect_both(&meeting);
        clean(&meeting);
        assert_int_equal(meeting.client_kind->clear(meeting.client), 1);
        assert_int_equal(meeting.server_kind->clear(meeting.server), 1);
        connect_both(&meeting);
        assert_reused(&meeting, 1);
        say(&meeting);
        clean(&meeting);
        close_meeting(&meeting);
    }
}

/* Both caches get what the tickets brought, and lose it with a connection that was never closed. OpenSSL drops the last
 * session alone, ours all of the connection. */
static void caches_follow(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4 * PEERS; i++) {
        const int good = i % 2 == 0, older = i / 2 % 2, sessions = older ? 1 : 2;   /* TLS 1.2 has one for a handshake */
        struct meeting meeting;
        open_meeting(&meeting, i / 4, 1, older);
        connect_both(&meeting);
        assert_int_equal(meeting.client_kind->cached(meeting.client), sessions);
        assert_int_equal(meeting.server_kind->cached(meeting.server), sessions);
        if (good)
            clean(&meeting);
        assert_int_equal(meeting.client_kind->again(meeting.client, 0), 1);
        assert_int_equal(meeting.server_kind->again(meeting.server, 0), 1);
        assert_int_equal(meeting.client_kind->cached(meeting.client), good ? sessions : !older && meeting.client_kind == &party_libssl);
        assert_int_equal(meeting.server_kind->cached(meeting.server), good ? sessions : !older && meeting.server_kind == &party_libssl);
        close_meeting(&meeting);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_end_is_good),
        cmocka_unit_test(a_shutdown_that_failed_is_good),
        cmocka_unit_test(no_shutdown_is_bad),
        cmocka_unit_test(cleared_connections_resume),
        cmocka_unit_test(caches_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
