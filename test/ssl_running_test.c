/* SPDX-License-Identifier: MIT */
/* Settings that change while a connection runs: the next one has them, this one goes on as it began. And BIOs that are taken
 * away, or exchanged in the middle of a record. */
#define _DEFAULT_SOURCE

#include "ssl_session_fixture.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

static const unsigned char offered[] = "\2h2\10http/1.1", other[] = "\4spdy";

static int choose_first(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *in, unsigned all,
                        void *argument)
{
    (void)ssl;
    (void)all;
    (void)argument;
    *out = in + 1;
    *length = in[0];
    return SSL_TLSEXT_ERR_OK;
}

static void assert_protocol(const SSL *ssl, const char *name)
{
    const unsigned char *data;
    unsigned length;
    SSL_get0_alpn_selected(ssl, &data, &length);
    assert_int_equal(length, strlen(name));
    assert_memory_equal(data, name, length);
}

/* The client has said hello, and no more. */
static void say_hello(void)
{
    assert_int_equal(SSL_connect(pair.client), -1);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_WANT_READ);
}

static void protocols_set_while_it_runs_are_for_the_next_connection(void **state)
{
    (void)state;
    SSL_CTX_set_alpn_select_cb(server, choose_first, NULL);
    assert_int_equal(SSL_CTX_set_alpn_protos(client, offered, sizeof offered - 1), 0);
    meet(host, NULL);
    say_hello();
    assert_int_equal(SSL_set_alpn_protos(pair.client, other, sizeof other - 1), 0);
    shake();
    assert_protocol(pair.client, "h2");
    assert_int_equal(SSL_set_alpn_protos(pair.client, NULL, 0), 0);
    assert_protocol(pair.client, "h2");
    shut();
}

static void lists_set_while_it_runs_are_for_the_next_connection(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_set_ciphersuites(client, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"), 1);
    assert_int_equal(SSL_CTX_set1_groups_list(client, "X25519:P-256"), 1);
    assert_int_equal(SSL_CTX_set1_sigalgs_list(client, "ECDSA+SHA256:ed25519"), 1);
    assert_int_equal(SSL_CTX_set1_groups_list(server, "P-256:X25519"), 1);   /* asks for another share: HelloRetryRequest */
    meet(host, NULL);
    say_hello();
    assert_int_equal(SSL_set_ciphersuites(pair.client, "TLS_CHACHA20_POLY1305_SHA256"), 1);
    assert_int_equal(SSL_set1_groups_list(pair.client, "P-384"), 1);
    assert_int_equal(SSL_set1_sigalgs_list(pair.client, "RSA-PSS+SHA512"), 1);
    shake();
    assert_string_equal(SSL_CIPHER_get_name(SSL_get_current_cipher(pair.client)), "TLS_AES_128_GCM_SHA256");
    shut();
    assert_int_equal(SSL_clear(pair.client), 1);
    assert_string_equal(SSL_get_cipher_list(pair.client, 0), "TLS_CHACHA20_POLY1305_SHA256");
}

static size_t heard;
static void hear(int written, int version, int type, const void *bytes, size_t length, SSL *ssl, void *argument)
{
    (void)written;
    (void)version;
    (void)type;
    (void)bytes;
    (void)length;
    (void)ssl;
    (void)argument;
    heard++;
}

static void a_message_callback_can_be_taken_away(void **state)
{
    (void)state;
    SSL_CTX_set_msg_callback(client, hear);
    meet(host, NULL);
    say_hello();
    assert_true(heard > 0);
    SSL_set_msg_callback(pair.client, NULL);
    heard = 0;
    shake();
    assert_int_equal(heard, 0);
    SSL_set_msg_callback(pair.client, hear);
    shut();
    assert_true(heard > 0);
}

/* ------------------------------------------------------------------------------------------------ certificates */

static SSL_CTX *renewed;
static X509 *renewed_leaf;

/* The context goes whose callback this is, and its certificates with it. */
static int move_house(SSL *ssl, int *alert, void *argument)
{
    SSL_CTX *const old = argument;
    (void)alert;
    assert_int_equal(SSL_use_certificate(ssl, pki.leaf), 1);
    assert_ptr_equal(SSL_set_SSL_CTX(ssl, renewed), renewed);
    assert_int_equal(SSL_CTX_use_certificate(old, renewed_leaf), 1);
    return SSL_TLSEXT_ERR_OK;
}

static int asked;
static int answer_later(SSL *ssl, void *argument)
{
    (void)argument;
    if (asked++ == 0)
        return -1;
    assert_int_equal(SSL_use_certificate(ssl, renewed_leaf), 1);
    return SSL_use_PrivateKey(ssl, pki.other);
}

/* What is shown and what signs belong together, whatever the program gives meanwhile. */
static void certificates_that_change_in_mid_handshake_do_no_harm(void **state)
{
    (void)state;
    renewed_leaf = make_leaf(pki.other);
    renewed = new_server();
    asked = 0;
    SSL_CTX_set_tlsext_servername_callback(server, move_house);
    SSL_CTX_set_tlsext_servername_arg(server, server);
    SSL_CTX_set_cert_cb(renewed, answer_later, NULL);
    meet(host, NULL);
    say_hello();
    assert_int_equal(SSL_accept(pair.server), -1);
    assert_int_equal(SSL_get_error(pair.server, -1), SSL_ERROR_WANT_X509_LOOKUP);
    assert_int_equal(SSL_CTX_use_certificate(renewed, renewed_leaf), 1);
    assert_int_equal(SSL_CTX_clear_extra_chain_certs(renewed), 1);
    SSL_CTX_free(server);
    server = renewed;
    assert_int_equal(SSL_accept(pair.server), -1);
    assert_int_equal(SSL_get_error(pair.server, -1), SSL_ERROR_WANT_READ);
    assert_int_equal(asked, 2);
    assert_int_equal(SSL_use_certificate(pair.server, pki.leaf), 1);
    assert_int_equal(SSL_use_PrivateKey(pair.server, pki.ec), 1);
    shake();
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(pair.client), renewed_leaf), 0);
    shut();
    X509_free(renewed_leaf);
}

/* ------------------------------------------------------------------------------------------------ BIOs */

static int destroyed, nobody_reads = -1;

/* Its last words go into a pipe. */
static int destroy(BIO *bio)
{
    (void)bio;
    destroyed++;
    if (nobody_reads >= 0)
        assert_int_equal(write(nobody_reads, "x", 1), -1);
    return 1;
}

static int contrary(BIO *bio);

static int pass_read(BIO *bio, char *to, int room)
{
    if (contrary(bio))
        return -1;
    const int got = BIO_read(BIO_next(bio), to, room);
    BIO_clear_retry_flags(bio);
    BIO_copy_next_retry(bio);
    return got;
}

static int pass_write(BIO *bio, const char *from, int length)
{
    if (contrary(bio))
        return -1;
    const int put = BIO_write(BIO_next(bio), from, length);
    BIO_clear_retry_flags(bio);
    BIO_copy_next_retry(bio);
    return put;
}

static long pass_ctrl(BIO *bio, int command, long number, void *pointer)
{
    return BIO_next(bio) != NULL ? BIO_ctrl(BIO_next(bio), command, number, pointer) : 0;
}

/* A filter above `bio` that says when it dies. */
static BIO *mortal(BIO *bio)
{
    static BIO_METHOD *method;
    BIO *filter;
    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_FILTER, "mortal");
        assert_non_null(method);
        BIO_meth_set_read(method, pass_read);
        BIO_meth_set_write(method, pass_write);
        BIO_meth_set_ctrl(method, pass_ctrl);
        BIO_meth_set_destroy(method, destroy);
    }
    filter = BIO_new(method);
    assert_non_null(filter);
    BIO_set_init(filter, 1);
    return BIO_push(filter, bio);
}

static void a_bio_that_is_taken_away_dies_at_once(void **state)
{
    BIO *one, *two;
    char byte;
    (void)state;
    meet(host, NULL);
    assert_int_equal(BIO_new_bio_pair(&one, 0, &two, 0), 1);
    one = mortal(one);
    SSL_set_bio(pair.client, one, one);
    SSL_set_bio(pair.server, two, two);
    shake();
    destroyed = 0;
    SSL_set_bio(pair.client, NULL, NULL);
    assert_int_equal(destroyed, 1);
    ERR_clear_error();
    assert_int_equal(SSL_read(pair.client, &byte, 1), -1);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_SSL);
    assert_refused(SSL_R_BIO_NOT_SET);
    assert_int_equal(SSL_write(pair.client, "x", 1), -1);
    assert_refused(SSL_R_BIO_NOT_SET);
    assert_int_equal(SSL_shutdown(pair.client), -1);
    assert_refused(SSL_R_BIO_NOT_SET);
    assert_int_equal(BIO_new_bio_pair(&one, 0, &two, 0), 1);
    SSL_set_bio(pair.client, one, one);
    SSL_set_bio(pair.server, two, two);
    assert_int_equal(SSL_write(pair.client, "x", 1), 1);
    assert_int_equal(SSL_read(pair.server, &byte, 1), 1);
    shut();
}

/* What the filter asks for in the place of its next read or write, once; 0: nothing. */
static int asks_for;

static int contrary(BIO *bio)
{
    if (asks_for == 0)
        return 0;
    BIO_clear_retry_flags(bio);
    if (asks_for == SSL_ERROR_WANT_READ)
        BIO_set_retry_read(bio);
    else if (asks_for == SSL_ERROR_WANT_WRITE)
        BIO_set_retry_write(bio);
    else
        BIO_set_retry_special(bio);
    BIO_set_retry_reason(bio, asks_for == SSL_ERROR_WANT_CONNECT ? BIO_RR_CONNECT : 0);
    return 1;
}

/* A filter that is a tunnel may have to write in order to read: to wait for anything else might never end. */
static void what_is_named_is_what_the_bio_waits_for(void **state)
{
    static const int wishes[] = { SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_WANT_CONNECT };
    BIO *one, *two;
    char byte;
    (void)state;
    meet(host, NULL);
    assert_int_equal(BIO_new_bio_pair(&one, 0, &two, 0), 1);
    one = mortal(one);
    SSL_set_bio(pair.client, one, one);
    SSL_set_bio(pair.server, two, two);
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        asks_for = wishes[i];
        assert_int_equal(SSL_connect(pair.client), -1);
        assert_int_equal(SSL_get_error(pair.client, -1), wishes[i]);
    }
    asks_for = 0;
    shake();
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        asks_for = wishes[i];
        assert_int_equal(SSL_read(pair.client, &byte, 1), -1);
        assert_int_equal(SSL_get_error(pair.client, -1), wishes[i]);
        assert_int_equal(SSL_write(pair.client, "x", 1), -1);
        assert_int_equal(SSL_get_error(pair.client, -1), wishes[i]);
    }
    asks_for = SSL_ERROR_WANT_READ;
    assert_int_equal(SSL_shutdown(pair.client), -1);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_WANT_READ);
    asks_for = 0;
    assert_int_equal(SSL_write(pair.server, "x", 1), 1);
    assert_int_equal(SSL_read(pair.client, &byte, 1), 1);
}

static volatile sig_atomic_t signals;
static void count_signal(int number)
{
    (void)number;
    signals++;
}

/* H5: no call raises SIGPIPE, also those that only let a BIO go. */
static void the_last_words_of_a_bio_raise_no_sigpipe(void **state)
{
    void (*const before)(int) = signal(SIGPIPE, count_signal);
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    meet(host, NULL);
    SSL_set0_wbio(pair.client, mortal(BIO_new(BIO_s_mem())));
    destroyed = 0;
    nobody_reads = ends[1];
    SSL_set_bio(pair.client, mortal(BIO_new(BIO_s_mem())), mortal(BIO_new(BIO_s_mem())));
    assert_int_equal(destroyed, 1);
    say_hello();
    part();
    assert_int_equal(destroyed, 3);
    assert_int_equal(signals, 0);
    nobody_reads = -1;
    close(ends[1]);
    signal(SIGPIPE, before);
}

/* H5: what lies in a buffer was not sent, and is not sent twice. */
static void another_rbio_does_not_repeat_what_the_wbio_holds(void **state)
{
    BIO *one, *two, *buffer;
    char bytes[8192];
    int got = 0;
    (void)state;
    memset(bytes, 'a', sizeof bytes);
    meet(host, NULL);
    shake();
    assert_int_equal(BIO_new_bio_pair(&one, 1024, &two, 0), 1);
    buffer = BIO_new(BIO_f_buffer());
    assert_int_equal(BIO_set_write_buffer_size(buffer, 16384), 1);
    (void)BIO_up_ref(one);
    SSL_set_bio(pair.client, one, BIO_push(buffer, one));
    SSL_set_bio(pair.server, two, two);
    assert_int_equal(SSL_write(pair.client, bytes, sizeof bytes), -1);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_WANT_WRITE);
    SSL_set0_rbio(pair.client, BIO_new(BIO_s_mem()));
    for (int i = 0; i < 64 && SSL_write(pair.client, bytes, sizeof bytes) != sizeof bytes; i++) {
        const int part = SSL_read(pair.server, bytes, sizeof bytes);
        assert_true(part > 0 || SSL_get_error(pair.server, part) == SSL_ERROR_WANT_READ);
        got += part > 0 ? part : 0;
    }
    for (int i = 0, part; i < 8 && (part = SSL_read(pair.server, bytes, sizeof bytes)) > 0; i++)
        got += part;
    assert_int_equal(SSL_get_error(pair.server, -1), SSL_ERROR_WANT_READ);
    assert_int_equal(got, sizeof bytes);
}

/* Two messages of which the first was sealed in part: what follows it is its rest, or nothing. */
static int interrupted_fd;
static void interrupt(int number)
{
    (void)number;
    if (++signals == 100)
        shutdown(interrupted_fd, SHUT_RDWR);
}

/* A handler that sets a flag is how a program is told to stop: the call comes back, and can be repeated. */
static void a_signal_interrupts_a_call_that_blocks(void **state)
{
    const struct itimerval ticking = { { 0, 10000 }, { 0, 10000 } }, stopped = { { 0, 0 }, { 0, 0 } };
    struct sigaction action, before;
    int fds[2];
    char byte;
    (void)state;
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupt;   /* without SA_RESTART */
    meet(host, NULL);
    shake();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    interrupted_fd = fds[0];
    assert_int_equal(SSL_set_fd(pair.client, fds[0]), 1);
    assert_int_equal(SSL_set_fd(pair.server, fds[1]), 1);
    signals = 0;
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &ticking, NULL);
    assert_int_equal(SSL_read(pair.client, &byte, 1), -1);
    setitimer(ITIMER_REAL, &stopped, NULL);
    sigaction(SIGALRM, &before, NULL);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_WANT_READ);
    assert_int_equal(SSL_write(pair.server, "x", 1), 1);
    assert_int_equal(SSL_read(pair.client, &byte, 1), 1);
    part();
    close(fds[0]);
    close(fds[1]);
}

static void another_message_is_no_repeated_write(void **state)
{
    static uint8_t first[65536], second[65536], moved[65536], got[65536];
    BIO *one, *two;
    size_t all = 0;
    (void)state;
    memset(first, 'a', sizeof first);
    memset(second, 'b', sizeof second);
    meet(host, NULL);
    assert_int_equal(BIO_new_bio_pair(&one, 4096, &two, 4096), 1);
    SSL_set_bio(pair.client, one, one);
    SSL_set_bio(pair.server, two, two);
    shake();
    assert_int_equal(SSL_write(pair.client, first, sizeof first), -1);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_WANT_WRITE);
    ERR_clear_error();
    assert_int_equal(SSL_write(pair.client, second, sizeof second), -1);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_SSL);
    assert_refused(SSL_R_BAD_WRITE_RETRY);
    memcpy(moved, first, sizeof first);
    for (int i = 0, part, done = 0; i < 256 && all < sizeof first; i++) {
        done = done || SSL_write(pair.client, moved, sizeof moved) == sizeof moved;
        part = SSL_read(pair.server, got + all, (int)(sizeof got - all));
        all += part > 0 ? (size_t)part : 0;
    }
    assert_int_equal(all, sizeof first);
    assert_memory_equal(got, first, sizeof first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(protocols_set_while_it_runs_are_for_the_next_connection, start, end),
        cmocka_unit_test_setup_teardown(lists_set_while_it_runs_are_for_the_next_connection, start, end),
        cmocka_unit_test_setup_teardown(a_message_callback_can_be_taken_away, start, end),
        cmocka_unit_test_setup_teardown(certificates_that_change_in_mid_handshake_do_no_harm, start, end),
        cmocka_unit_test_setup_teardown(a_bio_that_is_taken_away_dies_at_once, start, end),
        cmocka_unit_test_setup_teardown(what_is_named_is_what_the_bio_waits_for, start, end),
        cmocka_unit_test_setup_teardown(the_last_words_of_a_bio_raise_no_sigpipe, start, end),
        cmocka_unit_test_setup_teardown(another_message_is_no_repeated_write, start, end),
        cmocka_unit_test_setup_teardown(a_signal_interrupts_a_call_that_blocks, start, end),
        cmocka_unit_test_setup_teardown(another_rbio_does_not_repeat_what_the_wbio_holds, start, end),
    };
    return cmocka_run_group_tests_name("ssl_running", tests, pki_make, pki_free);
}
