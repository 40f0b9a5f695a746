/* SPDX-License-Identifier: MIT */
/* What the tests of tlsm_openssl share: libssl on both ends, one of them driven, over every kind of transport. */
#ifndef TLSM_TEST_OPENSSL_FIXTURE_H
#define TLSM_TEST_OPENSSL_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tlsm_openssl.h"

/* BUFFER: a buffering BIO over a socket. */
enum over { OVER_NOTHING, OVER_MEMORY, OVER_PAIR_1, OVER_PAIR, OVER_SOCKET, OVER_BUFFER, OVER_COUNT };
enum { POISON = 777, TALK = 200000 };

/* Us: driven. The peer: plain libssl. */
struct ends {
    enum over over;
    SSL *us, *peer;
    struct tlsm_openssl *driver;
    BIO *to_us, *to_peer;          /* memory; with no BIO: the peer's alone. Pair: our half, the peer's half */
    int socket[2];                 /* ours, the peer's; -1 */
    uint64_t fed;                  /* with no BIO: bytes that went to us */
    uint64_t feed_most;            /* no more than so many */
    size_t at_once;                /* bytes a feed; 0: all */
};

static SSL_CTX *server_ctx, *client_ctx;
static EVP_PKEY *server_key;
static X509 *server_certificate;

static inline EVP_PKEY *new_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    return key;
}

static inline int contexts_open(void **unused)
{
    EVP_PKEY *key = new_key();
    X509 *certificate = X509_new();
    (void)unused;
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, (const unsigned char *)"peer", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    server_ctx = SSL_CTX_new(TLS_server_method());
    client_ctx = SSL_CTX_new(TLS_client_method());
    assert_int_equal(SSL_CTX_use_certificate(server_ctx, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server_ctx, key), 1);
    server_certificate = certificate;
    server_key = key;
    return 0;
}

static inline int contexts_close(void **unused)
{
    (void)unused;
    SSL_CTX_free(server_ctx);
    SSL_CTX_free(client_ctx);
    X509_free(server_certificate);
    EVP_PKEY_free(server_key);
    return 0;
}

/* The thread's error queue and errno, as an application may leave them. */
static inline void poison(void)
{
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    errno = POISON;
}

static inline void assert_unpoisoned(void)
{
    assert_int_equal(errno, POISON);
    assert_int_equal(ERR_peek_error(), 0);
}

static inline void ends_wire(struct ends *ends)
{
    BIO *mine = NULL, *yours = NULL;
    const size_t room = ends->over == OVER_PAIR_1 ? 1 : 20000;
    ends->socket[0] = ends->socket[1] = -1;
    switch (ends->over) {
    case OVER_NOTHING: case OVER_MEMORY:
        ends->to_us = BIO_new(BIO_s_mem());
        ends->to_peer = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(ends->to_us, -1);
        BIO_set_mem_eof_return(ends->to_peer, -1);
        BIO_up_ref(ends->to_us);
        BIO_up_ref(ends->to_peer);
        SSL_set_bio(ends->peer, ends->to_peer, ends->to_us);
        if (ends->over == OVER_NOTHING)
            return;
        BIO_up_ref(ends->to_us);
        BIO_up_ref(ends->to_peer);
        SSL_set_bio(ends->us, ends->to_us, ends->to_peer);
        return;
    case OVER_PAIR_1: case OVER_PAIR:
        assert_int_equal(BIO_new_bio_pair(&mine, room, &yours, room), 1);
        ends->to_us = mine;
        ends->to_peer = yours;
        BIO_up_ref(mine);
        BIO_up_ref(yours);
        SSL_set_bio(ends->us, mine, mine);
        SSL_set_bio(ends->peer, yours, yours);
        return;
    case OVER_SOCKET:
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends->socket), 0);
        assert_int_equal(fcntl(ends->socket[1], F_SETFL, O_NONBLOCK), 0);
        assert_int_equal(SSL_set_fd(ends->us, ends->socket[0]), 1);
        assert_int_equal(SSL_set_fd(ends->peer, ends->socket[1]), 1);
        return;
    case OVER_BUFFER:
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends->socket), 0);
        assert_int_equal(fcntl(ends->socket[0], F_SETFL, O_NONBLOCK), 0);
        assert_int_equal(fcntl(ends->socket[1], F_SETFL, O_NONBLOCK), 0);
        mine = BIO_push(BIO_new(BIO_f_buffer()), BIO_new_socket(ends->socket[0], BIO_NOCLOSE));
        SSL_set_bio(ends->us, mine, mine);
        assert_int_equal(SSL_set_fd(ends->peer, ends->socket[1]), 1);
        return;
    case OVER_COUNT:
        break;
    }
    fail();
}

/* `server`: we are. `version`: TLS1_2_VERSION or TLS1_3_VERSION. No driver yet. */
static inline void ends_plain(struct ends *ends, enum over over, int server, int version)
{
    memset(ends, 0, sizeof *ends);
    ends->over = over;
    ends->feed_most = UINT64_MAX;
    ends->us = SSL_new(server ? server_ctx : client_ctx);
    ends->peer = SSL_new(server ? client_ctx : server_ctx);
    if (server)
        SSL_set_accept_state(ends->us);
    else
        SSL_set_connect_state(ends->us);
    if (server)
        SSL_set_connect_state(ends->peer);
    else
        SSL_set_accept_state(ends->peer);
    SSL_set_min_proto_version(ends->peer, version);
    SSL_set_max_proto_version(ends->peer, version);
    ends_wire(ends);
}

static inline void ends_drive(struct ends *ends, const struct tlsm_openssl_options *options)
{
    static const struct tlsm_openssl_options none;
    struct tlsm_openssl_options chosen = options != NULL ? *options : none;
    enum tlsm_code why = TLSM_OK;
    if (ends->over == OVER_SOCKET)
        chosen.non_blocking = 1;
    poison();
    ends->driver = tlsm_openssl_new(ends->us, &chosen, &why);
    assert_unpoisoned();
    assert_int_equal(why, TLSM_OK);
    assert_non_null(ends->driver);
}

static inline void ends_free(struct ends *ends)
{
    const int memory = ends->over != OVER_SOCKET && ends->over != OVER_BUFFER;
    poison();
    tlsm_openssl_free(ends->driver);
    assert_int_equal(errno, POISON);
    SSL_free(ends->us);
    SSL_free(ends->peer);
    if (memory) {
        BIO_free(ends->to_us);
        BIO_free(ends->to_peer);
        return;
    }
    (void)close(ends->socket[0]);
    if (ends->socket[1] >= 0)
        (void)close(ends->socket[1]);
}

/* With no BIO: what lies on the wire goes on, as far as feed_most lets it. */
static inline void ends_carry(struct ends *ends)
{
    struct tlsm_bytes pending;
    uint8_t piece[4096];
    int got;
    if (ends->over != OVER_NOTHING)
        return;
    while ((pending = tlsm_openssl_pending(ends->driver)).length > 0) {
        assert_int_equal(BIO_write(ends->to_peer, pending.data, (int)pending.length), (int)pending.length);
        assert_int_equal(tlsm_openssl_sent(ends->driver, pending.length), TLSM_IO_DONE);
    }
    while (ends->fed < ends->feed_most) {
        const uint64_t left = ends->feed_most - ends->fed;
        size_t most = left < sizeof piece ? (size_t)left : sizeof piece;
        char *data;
        long have = BIO_get_mem_data(ends->to_us, &data);
        if (ends->at_once != 0 && most > ends->at_once)
            most = ends->at_once;
        if (have <= 0)
            return;
        most = (size_t)have < most ? (size_t)have : most;
        most = tlsm_openssl_feed(ends->driver, data, most);
        if (most == 0)
            return;
        got = BIO_read(ends->to_us, piece, (int)most);
        assert_int_equal(got, (int)most);
        ends->fed += most;
        if (ends->at_once != 0)
            return;
    }
}

static inline struct tlsm_verdict ends_verdict(const struct ends *ends)
{
    struct tlsm_verdict verdict;
    tlsm_openssl_verdict(ends->driver, &verdict);
    assert_int_equal(tlsm_invariant(tlsm_openssl_state(ends->driver)), 0);
    return verdict;
}

static inline const char *ends_how(const struct ends *ends) { return tlsm_how_name(ends_verdict(ends).how); }
#define assert_how(ends, name) assert_string_equal(ends_how(ends), name)

/* Calls of ours, each with a queue full of errors before it. */
static inline ptrdiff_t ends_read(struct ends *ends, void *to, size_t capacity)
{
    ptrdiff_t got;
    ends_carry(ends);
    poison();
    got = tlsm_openssl_read(ends->driver, to, capacity);
    assert_unpoisoned();
    assert_int_equal(tlsm_invariant(tlsm_openssl_state(ends->driver)), 0);
    return got;
}

static inline int ends_close(struct ends *ends, int one_way)
{
    int done, turns;
    for (turns = 0; turns < 2; turns++) {
        ends_carry(ends);
        poison();
        done = tlsm_openssl_close(ends->driver, one_way, NULL);
        assert_unpoisoned();
        assert_int_equal(tlsm_invariant(tlsm_openssl_state(ends->driver)), 0);
        if (ends->over != OVER_NOTHING || done != TLSM_IO_WANT_WRITE)
            break;
    }
    ends_carry(ends);
    return done;
}

static inline int ends_flush(struct ends *ends)
{
    int done;
    poison();
    done = tlsm_openssl_flush(ends->driver);
    assert_unpoisoned();
    ends_carry(ends);
    return ends->over == OVER_NOTHING && done == TLSM_IO_WANT_WRITE ? TLSM_IO_DONE : done;
}

static inline int peer_waits(struct ends *ends, int returns)
{
    const int error = SSL_get_error(ends->peer, returns);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* The handshake, and the tickets read. */
static inline void ends_connect(struct ends *ends)
{
    int turns, ours = 0, theirs = 0, idle = 0;
    uint8_t byte;
    for (turns = 0; turns < TALK && idle < 3; turns++) {
        ERR_clear_error();
        if (ours != TLSM_IO_DONE)
            ours = tlsm_openssl_handshake(ends->driver);
        else
            assert_int_equal(tlsm_openssl_read(ends->driver, &byte, 1), TLSM_IO_WANT_READ);
        ends_carry(ends);
        ERR_clear_error();
        if (theirs != 1)
            theirs = SSL_do_handshake(ends->peer);
        else
            assert_int_equal(SSL_read(ends->peer, &byte, 1), -1);
        if (ours == TLSM_IO_DONE && theirs == 1 && (ends->over != OVER_PAIR_1 || turns % 2000 == 1999))
            idle++;
    }
    assert_int_equal(ours, TLSM_IO_DONE);
    assert_int_equal(theirs, 1);
    assert_true(tlsm_connected(tlsm_openssl_state(ends->driver)));
}

static inline void ends_open(struct ends *ends, enum over over, int server, int version)
{
    ends_plain(ends, over, server, version);
    ends_drive(ends, NULL);
    ends_connect(ends);
}

/* The peer's transport ends behind what it sent. */
static inline void peer_gone(struct ends *ends)
{
    switch (ends->over) {
    case OVER_NOTHING:
        tlsm_openssl_eof(ends->driver);
        return;
    case OVER_MEMORY:
        BIO_set_mem_eof_return(ends->to_us, 0);
        return;
    case OVER_PAIR_1: case OVER_PAIR:
        BIO_shutdown_wr(ends->to_peer);
        return;
    case OVER_SOCKET: case OVER_BUFFER:
        assert_int_equal(shutdown(ends->socket[1], SHUT_WR), 0);
        return;
    case OVER_COUNT:
        break;
    }
}

/* The peer writes all of it while we only carry (and flush): for transports with room. */
static inline void peer_writes(struct ends *ends, const void *bytes, size_t length)
{
    assert_int_equal(SSL_write(ends->peer, bytes, (int)length), (int)length);
}

/* The second one finds that the first is not answered yet, and makes libssl answer at once. */
static inline void peer_asks_twice_for_a_key_update(struct ends *ends)
{
    int i;
    for (i = 0; i < 2; i++) {
        assert_int_equal(SSL_key_update(ends->peer, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(ends->peer), 1);
    }
}

/* SSL_shutdown of the peer, and we read what we find: until `done` of ours. Used where the wire may be a byte wide. */
static inline int both_close(struct ends *ends, int *theirs)
{
    int turns, ours = 0;
    uint8_t byte;
    *theirs = 0;
    for (turns = 0; turns < TALK && (ours != TLSM_IO_DONE || *theirs != 1); turns++) {
        if (ours != TLSM_IO_DONE)
            ours = ends_close(ends, 0);
        if (ours == TLSM_IO_UNREAD)
            assert_true(ends_read(ends, &byte, 1) == 1);
        ERR_clear_error();
        if (*theirs != 1)
            *theirs = SSL_shutdown(ends->peer);
        if (*theirs == 1 && ends->over == OVER_SOCKET)
            (void)shutdown(ends->socket[1], SHUT_WR);
    }
    return ours;
}

#endif
