/* SPDX-License-Identifier: MIT */
/* Two connections of tlsm_ssl.h, ours and the peer's, brought to where SSL_shutdown() is to be looked at. */
#ifndef TLSM_TEST_SSL_PAGE_FIXTURE_H
#define TLSM_TEST_SSL_PAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tlsm_ssl.h"

enum { ONE_CALL = 1, TWO_STEP = 2, EITHER = ONE_CALL | TWO_STEP };
enum { SENT = SSL_SENT_SHUTDOWN, RECEIVED = SSL_RECEIVED_SHUTDOWN, BOTH = SENT | RECEIVED };

struct page {
    int contract;              /* ONE_CALL or TWO_STEP */
    int server;                /* 1: we are the server */
    int older;                 /* TLS 1.2, else 1.3 */
    SSL *us, *peer;
    BIO *near, *far;           /* ends of a pair; NULL: over sockets */
    int socket[2];             /* ours, the peer's; -1 none */
    pthread_t thread;
    int threaded;
    atomic_int returned;       /* the call under test came back */
    int sends;                 /* bytes that it is to send; -1: not looked at */
    int flags, error;          /* what SSL_get_shutdown() and errno are to be; 0: SENT among others, anything */
    const char *how;           /* the verdict; NULL: not looked at */
    void (*after)(struct page *page);
};

/* A record under a key with two bytes in it: header, alert, tag; TLS 1.3: the type; TLS 1.2: the nonce. */
static inline size_t alert_record(const struct page *page) { return 5 + 2 + (page->older ? 8u : 1u) + 16; }

static SSL_CTX *contexts[2];   /* client, server */

/* ------------------------------------------------------------------------------------------------ connections */

static EVP_PKEY *key;
static X509 *certificate;

static inline void make_identity(void)
{
    X509_NAME *name;
    key = EVP_EC_gen("P-256");
    certificate = X509_new();
    assert_non_null(key);
    assert_non_null(certificate);
    name = X509_get_subject_name(certificate);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0), 1);
    assert_int_equal(X509_set_version(certificate, 2), 1);
    assert_int_equal(X509_set_issuer_name(certificate, name), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
}

static inline int make_contexts(void **state)
{
    (void)state;
    make_identity();
    contexts[0] = SSL_CTX_new(TLS_client_method());
    contexts[1] = SSL_CTX_new(TLS_server_method());
    assert_non_null(contexts[0]);
    assert_non_null(contexts[1]);
    SSL_CTX_set_verify(contexts[0], SSL_VERIFY_NONE, NULL);
    assert_int_equal(SSL_CTX_use_certificate(contexts[1], certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(contexts[1], key), 1);
    return 0;
}

static inline int free_contexts(void **state)
{
    (void)state;
    SSL_CTX_free(contexts[0]);
    SSL_CTX_free(contexts[1]);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return 0;
}

static inline void make_ssl(struct page *page)
{
    page->us = SSL_new(contexts[page->server]);
    page->peer = SSL_new(contexts[!page->server]);
    assert_non_null(page->us);
    assert_non_null(page->peer);
    if (page->contract == TWO_STEP)
        (void)SSL_set_mode(page->us, SSL_MODE_TWO_STEP_SHUTDOWN);
    else
        (void)SSL_clear_mode(page->us, SSL_MODE_TWO_STEP_SHUTDOWN);
    (void)SSL_clear_mode(page->peer, SSL_MODE_TWO_STEP_SHUTDOWN);
    assert_int_equal(SSL_set_max_proto_version(page->us, page->older ? TLS1_2_VERSION : TLS1_3_VERSION), 1);
    (page->server ? SSL_set_accept_state : SSL_set_connect_state)(page->us);
    (page->server ? SSL_set_connect_state : SSL_set_accept_state)(page->peer);
}

/* Room for what each side writes; 0: BIO_s_bio's own. */
static inline void pair(struct page *page, size_t our_room, size_t peer_room)
{
    make_ssl(page);
    assert_int_equal(BIO_new_bio_pair(&page->near, our_room, &page->far, peer_room), 1);
    SSL_set_bio(page->us, page->near, page->near);
    SSL_set_bio(page->peer, page->far, page->far);
}

/* Everything owed is out, everything sent is read: tickets do not disturb what follows. */
static inline void settle(struct page *page)
{
    char byte;
    int idle = 0;
    while (idle < 3) {
        const int us = SSL_do_handshake(page->us), peer = SSL_do_handshake(page->peer);
        assert_true(us == 1 || SSL_get_error(page->us, us) != SSL_ERROR_SSL);
        assert_true(peer == 1 || SSL_get_error(page->peer, peer) != SSL_ERROR_SSL);
        if (us == 1)
            assert_int_equal(SSL_peek(page->us, &byte, 1), -1);
        if (peer == 1)
            assert_int_equal(SSL_peek(page->peer, &byte, 1), -1);
        idle = us == 1 && peer == 1 ? idle + 1 : 0;
    }
    ERR_clear_error();
}

static inline void connected_with(struct page *page, size_t our_room, size_t peer_room)
{
    pair(page, our_room, peer_room);
    settle(page);
}

static inline void connected(struct page *page) { connected_with(page, 0, 0); }

static inline void set_blocking(const struct page *page, int yes)
{
    for (int end = 0; end < 2; end++)
        assert_int_equal(fcntl(page->socket[end], F_SETFL, yes ? 0 : O_NONBLOCK), 0);
}

static inline void connected_over_sockets(struct page *page)
{
    make_ssl(page);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, page->socket), 0);
    set_blocking(page, 0);
    assert_int_equal(SSL_set_fd(page->us, page->socket[0]), 1);
    assert_int_equal(SSL_set_fd(page->peer, page->socket[1]), 1);
    settle(page);
}

static inline void close_socket(struct page *page, int end)
{
    if (page->socket[end] >= 0)
        assert_int_equal(close(page->socket[end]), 0);
    page->socket[end] = -1;
}

static inline void page_free(struct page *page)
{
    if (page->threaded)
        assert_int_equal(pthread_join(page->thread, NULL), 0);
    SSL_free(page->us);
    SSL_free(page->peer);
    close_socket(page, 0);
    close_socket(page, 1);
}

/* ------------------------------------------------------------------------------------------------ what the peer does, and we */

static inline void peer_closes(struct page *page) { (void)SSL_shutdown(page->peer); }
static inline void peer_says(struct page *page) { assert_int_equal(SSL_write(page->peer, "data", 4), 4); }
static inline void peer_hangs_up(struct page *page) { assert_int_equal(BIO_shutdown_wr(page->far), 1); }

static inline void we_read_data(struct page *page)
{
    char bytes[8];
    assert_int_equal(SSL_read(page->us, bytes, sizeof bytes), 4);
    assert_memory_equal(bytes, "data", 4);
}

static inline void we_read_end(struct page *page)
{
    char byte;
    assert_int_equal(SSL_read(page->us, &byte, 1), 0);
    assert_int_equal(SSL_get_error(page->us, 0), SSL_ERROR_ZERO_RETURN);
}

static inline void we_read_error(struct page *page)
{
    char byte;
    assert_int_equal(SSL_read(page->us, &byte, 1), -1);
    assert_int_equal(SSL_get_error(page->us, -1), SSL_ERROR_SSL);
}

/* Our close_notify is out, the peer's is waited for. */
static inline void we_wait(struct page *page)
{
    const int result = SSL_shutdown(page->us);
    assert_int_equal(result, page->contract == TWO_STEP ? 0 : -1);
    assert_int_equal(SSL_get_error(page->us, result), SSL_ERROR_WANT_READ);
}

/* A record that authenticates nowhere. */
static inline void forge(BIO *into)
{
    static const unsigned char record[5 + 20] = { 23, 3, 3, 0, 20, 9 };
    assert_int_equal(BIO_write(into, record, sizeof record), sizeof record);
}

/* Waits for our close_notify, sees that our call is still waiting, and answers. */
static inline void *peer_answers_late(void *argument)
{
    struct page *page = argument;
    char byte;
    const int end = SSL_read(page->peer, &byte, 1);
    const int early = atomic_load(&page->returned);
    if (end == 0 && !early)
        (void)SSL_shutdown(page->peer);
    else
        (void)shutdown(page->socket[1], SHUT_RDWR);   /* our call fails, and the row with it */
    return NULL;
}

static inline void peer_will_answer(struct page *page)
{
    set_blocking(page, 1);
    assert_int_equal(pthread_create(&page->thread, NULL, peer_answers_late, page), 0);
    page->threaded = 1;
}

#endif
