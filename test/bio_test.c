/* SPDX-License-Identifier: MIT */
/* Connections over every kind of BIO: pair, memory, socket, buffering; and nothing left on the thread. */
#define _DEFAULT_SOURCE

#include "bio_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/buffer.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static uint8_t text[50000];

static int fill_text(void **state)
{
    size_t at;
    (void)state;
    for (at = 0; at < sizeof text; at++)
        text[at] = (uint8_t)(at * 11 + at / 253);
    return 0;
}

/* Sends length bytes of text from one to the other, in one thread. */
static void carry(struct tlsm_bio *from, struct tlsm_bio *to, size_t length)
{
    static uint8_t heard[sizeof text];
    size_t said = 0, got = 0;
    while (got < length) {
        ptrdiff_t put = said < length ? tlsm_bio_write(from, text + said, length - said) : tlsm_bio_flush(from);
        ptrdiff_t read;
        if (said < length)
            said += put > 0 ? (size_t)put : 0;
        assert_true(put > 0 || put == TLSM_IO_WANT_WRITE);
        read = tlsm_bio_read(to, heard + got, sizeof heard - got);
        assert_true(read > 0 || read == TLSM_IO_WANT_READ || read == TLSM_IO_WANT_WRITE);
        got += read > 0 ? (size_t)read : 0;
    }
    assert_int_equal(got, length);
    assert_memory_equal(heard, text, length);
}

/* Both with the one-call contract, in turns. */
static void shut_both(struct bios *bios)
{
    int c = -1, v = -1;
    while (c != 1 || v != 1) {
        if (c != 1)
            c = tlsm_bio_shutdown(bios->c);
        assert_true(c == 1 || tlsm_bio_get_error(bios->c) == WANT_READ || tlsm_bio_get_error(bios->c) == WANT_WRITE);
        if (v != 1)
            v = tlsm_bio_shutdown(bios->v);
        assert_true(v == 1 || tlsm_bio_get_error(bios->v) == WANT_READ || tlsm_bio_get_error(bios->v) == WANT_WRITE);
    }
    assert_bio(bios->c, "clean_both");
    assert_bio(bios->v, "clean_both");
    assert_flags(bios->c, BOTH);
    assert_flags(bios->v, BOTH);
}

static void whole_life(struct bios *bios)
{
    bios_connect(bios);
    carry(bios->c, bios->v, sizeof text);
    carry(bios->v, bios->c, 700);
    shut_both(bios);
    bios_free(bios);
}

/* H4: also over a pair of one byte. */
static void a_pair_of_any_size_ends_clean(void **state)
{
    static const size_t room[] = { 1, 2, 7, 100, 5000, 0 };
    size_t i;
    (void)state;
    for (i = 0; i < sizeof room / sizeof room[0]; i++) {
        struct bios bios;
        bios_pair(&bios, room[i], room[sizeof room / sizeof room[0] - 1 - i]);
        whole_life(&bios);
        bios_pair(&bios, room[i], room[i]);
        whole_life(&bios);
    }
}

/* ------------------------------------------------------------------------------------------------ memory */

static void bios_memory(struct bios *bios, BIO *memory[2])
{
    struct tlsm_link_options options;
    two_init(&bios->two);
    options = two_options(&bios->two);
    memory[0] = BIO_new(BIO_s_mem());
    memory[1] = BIO_new(BIO_s_mem());
    assert_true(BIO_up_ref(memory[0]) && BIO_up_ref(memory[1]));
    bios->c = tlsm_bio_new_with(&bios->two.config[CLIENT], memory[0], memory[1], &options);
    bios->v = tlsm_bio_new_with(&bios->two.config[SERVER], memory[1], memory[0], &options);
    assert_int_equal(tlsm_bio_start(bios->c, &bios->two.entropy[CLIENT], NULL), TLSM_IO_DONE);
    assert_int_equal(tlsm_bio_start(bios->v, &bios->two.entropy[SERVER], NULL), TLSM_IO_DONE);
}

static void memory_bios_end_clean(void **state)
{
    struct bios bios;
    BIO *memory[2];
    (void)state;
    bios_memory(&bios, memory);
    whole_life(&bios);
}

/* An empty memory BIO says "retry" or "end", as its mem_eof_return was set. */
static void an_empty_memory_bio_is_the_end_only_when_it_says_so(void **state)
{
    struct bios bios;
    BIO *memory[2];
    uint8_t byte;
    (void)state;
    bios_memory(&bios, memory);
    bios_connect(&bios);
    assert_int_equal(tlsm_bio_read(bios.c, &byte, 1), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_bio_get_error(bios.c), WANT_READ);
    BIO_set_mem_eof_return(memory[0], 0);
    assert_int_equal(tlsm_bio_read(bios.c, &byte, 1), TLSM_IO_ENDED);
    assert_int_equal(tlsm_bio_get_error(bios.c), SSL_CLASS);
    assert_reason(bios.c, "unexpected eof while reading");
    assert_bio(bios.c, "truncated");
    bios_free(&bios);
}

static void entropy_of_ones_own_is_not_needed(void **state)
{
    struct two two;
    struct tlsm_bio *bio;
    (void)state;
    two_init(&two);
    bio = tlsm_bio_new(&two.config[CLIENT], BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    assert_int_equal(tlsm_bio_connect(bio, "test.example"), TLSM_IO_WANT_READ);
    assert_true(bio->link.state->ledger.taken > 100);
    tlsm_bio_free(bio);
    tlsm_bio_free(NULL);
}

/* ------------------------------------------------------------------------------------------------ sockets */

static void bios_sockets(struct bios *bios, int descriptor[2], int blocking)
{
    int i;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptor), 0);
    for (i = 0; i < 2 && !blocking; i++)
        assert_int_equal(fcntl(descriptor[i], F_SETFL, O_NONBLOCK), 0);
    two_init(&bios->two);
    bios_over(bios, BIO_new_socket(descriptor[0], BIO_CLOSE), BIO_new_socket(descriptor[1], BIO_CLOSE));
}

static void non_blocking_sockets_end_clean(void **state)
{
    struct bios bios;
    int descriptor[2];
    (void)state;
    bios_sockets(&bios, descriptor, 0);
    whole_life(&bios);
}

/* K5. */
static void a_non_blocking_bio_returns_at_once(void **state)
{
    struct bios bios;
    int descriptor[2];
    uint8_t byte;
    (void)state;
    bios_sockets(&bios, descriptor, 0);
    bios_connect(&bios);
    assert_int_equal(tlsm_bio_read(bios.c, &byte, 1), TLSM_IO_WANT_READ);
    assert_shutdown(bios.c, -1, WANT_READ);
    assert_shutdown(bios.v, 1, NONE);
    assert_shutdown(bios.c, 1, NONE);
    bios_free(&bios);
}

struct blocking {
    struct tlsm_bio *bio;
    int handshake, shutdown;
    ptrdiff_t got;
    uint8_t heard[64];
};

static void *blocking_server(void *argument)
{
    struct blocking *server = argument;
    server->handshake = tlsm_bio_accept(server->bio);
    server->got = tlsm_bio_read(server->bio, server->heard, sizeof server->heard);
    server->shutdown = tlsm_bio_shutdown(server->bio);
    return NULL;
}

static long reads;

static long count_reads(BIO *bio, int operation, const char *argp, size_t length, int argi, long argl, int result,
                        size_t *processed)
{
    (void)bio; (void)argp; (void)length; (void)argi; (void)argl; (void)processed;
    reads += operation == BIO_CB_READ;
    return result;
}

/* K3, K5: one call carries it to the end; every wake-up is a record that came. */
static void blocking_bios_block_without_spinning(void **state)
{
    struct bios bios;
    struct blocking server;
    pthread_t thread;
    int descriptor[2];
    (void)state;
    bios_sockets(&bios, descriptor, 1);
    memset(&server, 0, sizeof server);
    server.bio = bios.v;
    reads = 0;
    BIO_set_callback_ex(bios.v->rbio, count_reads);
    assert_int_equal(pthread_create(&thread, NULL, blocking_server, &server), 0);
    assert_int_equal(tlsm_bio_connect(bios.c, "test.example"), TLSM_IO_DONE);
    assert_int_equal(tlsm_bio_write(bios.c, "hello", 5), 5);
    assert_shutdown(bios.c, 1, NONE);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(server.handshake, TLSM_IO_DONE);
    assert_int_equal(server.got, 5);
    assert_memory_equal(server.heard, "hello", 5);
    assert_int_equal(server.shutdown, 1);
    assert_true(reads <= 8);
    assert_bio(bios.c, "clean_both");
    assert_bio(bios.v, "clean_both");
    bios_free(&bios);
}

/* H5. The signal has its default action: had it come, this program would be over. */
static void writing_to_a_closed_socket_raises_no_signal(void **state)
{
    struct bios bios;
    int descriptor[2];
    (void)state;
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    bios_sockets(&bios, descriptor, 1);
    two_init(&bios.two);
    close(descriptor[1]);
    assert_int_equal(tlsm_bio_connect(bios.c, "test.example"), TLSM_IO_ENDED);
    assert_int_equal(tlsm_bio_get_error(bios.c), SYSCALL);
    assert_int_equal(tlsm_bio_errno(bios.c), EPIPE);
    assert_bio(bios.c, "handshake_failed");
    bios_free(&bios);
}

/* The filter writes the socket, with write(2). */
static void a_filter_above_a_closed_socket_raises_no_signal(void **state)
{
    struct bios bios;
    BIO *chain;
    int descriptor[2], again;
    (void)state;
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    bios_sockets(&bios, descriptor, 1);
    again = dup(descriptor[0]);
    assert_true(again >= 0);
    chain = BIO_push(BIO_new(BIO_f_buffer()), BIO_new_socket(again, BIO_CLOSE));
    tlsm_bio_set(bios.c, chain, chain);
    close(descriptor[1]);
    assert_int_equal(tlsm_bio_connect(bios.c, "test.example"), TLSM_IO_ENDED);
    assert_int_equal(tlsm_bio_errno(bios.c), EPIPE);
    bios_free(&bios);
}

static void a_sigpipe_that_was_pending_stays_pending(void **state)
{
    struct bios bios;
    int descriptor[2], pending;
    sigset_t only, before, seen;
    (void)state;
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &only, &before), 0);
    assert_int_equal(raise(SIGPIPE), 0);
    bios_sockets(&bios, descriptor, 1);
    close(descriptor[1]);
    assert_int_equal(tlsm_bio_connect(bios.c, "test.example"), TLSM_IO_ENDED);
    assert_int_equal(sigpending(&seen), 0);
    pending = sigismember(&seen, SIGPIPE);
    assert_int_equal(sigwait(&only, &(int){ 0 }), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    assert_int_equal(pending, 1);
    bios_free(&bios);
}

/* A reset keeps its errno; a local socket gives one when it is closed with unread bytes in it. */
static void a_failed_read_keeps_errno(void **state)
{
    struct bios bios;
    int descriptor[2];
    uint8_t byte;
    (void)state;
    bios_sockets(&bios, descriptor, 0);
    bios_connect(&bios);
    assert_int_equal(tlsm_bio_write(bios.c, "unread", 6), 6);
    tlsm_bio_free(bios.v);
    bios.v = NULL;
    errno = 0;
    assert_int_equal(tlsm_bio_read(bios.c, &byte, 1), TLSM_IO_ENDED);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(tlsm_bio_get_error(bios.c), SYSCALL);
    assert_int_equal(tlsm_bio_errno(bios.c), ECONNRESET);
    assert_bio(bios.c, "transport_failed");
    assert_shutdown(bios.c, -1, SYSCALL);
    bios_free(&bios);
}

/* The thread's error queue belongs to somebody else. */
static void the_error_queue_stays_as_it_was(void **state)
{
    struct bios bios;
    int descriptor[2], filled;
    uint8_t byte;
    (void)state;
    for (filled = 0; filled < 2; filled++) {
        ERR_clear_error();
        if (filled)
            ERR_raise(ERR_LIB_USER, 77);
        bios_sockets(&bios, descriptor, 0);
        bios_connect(&bios);
        assert_int_equal(tlsm_bio_write(bios.c, "unread", 6), 6);
        tlsm_bio_free(bios.v);
        bios.v = NULL;
        assert_int_equal(tlsm_bio_read(bios.c, &byte, 1), TLSM_IO_ENDED);
        assert_int_equal(tlsm_bio_write(bios.c, "x", 1), TLSM_IO_ENDED);
        bios_free(&bios);
        assert_int_equal(ERR_GET_REASON(ERR_get_error()), filled ? 77 : 0);
        assert_int_equal(ERR_get_error(), 0);
    }
}

/* ------------------------------------------------------------------------------------------------ buffering */

/* H5: what a buffer swallowed has not left. */
static void bytes_in_a_buffering_bio_do_not_count_as_sent(void **state)
{
    struct bios bios;
    BIO *client, *server, *top = BIO_new(BIO_f_buffer());
    const struct tlsm_ledger *ledger;
    (void)state;
    assert_int_equal(BIO_new_bio_pair(&client, 10, &server, 0), 1);
    two_init(&bios.two);
    bios_over(&bios, BIO_push(top, client), server);
    bios_connect(&bios);
    ledger = &bios.c->link.state->ledger;
    assert_int_equal(ledger->taken, ledger->produced);
    assert_shutdown(bios.c, -1, WANT_WRITE);
    assert_int_equal(BIO_wpending(top) > 0, 1);
    assert_int_equal(ledger->produced - ledger->taken, ALERT_RECORD);
    assert_int_equal(bios.c->written, ALERT_RECORD);
    assert_int_not_equal(bios.c->link.state->control.tx, TLSM_TX_CLOSED);
    shut_both(&bios);
    assert_int_equal(ledger->taken, ledger->produced);
    bios_free(&bios);
}

static void a_buffering_bio_on_any_pair_ends_clean(void **state)
{
    static const size_t room[] = { 1, 50, 0 };
    size_t i;
    (void)state;
    for (i = 0; i < sizeof room / sizeof room[0]; i++) {
        struct bios bios;
        BIO *client, *server;
        assert_int_equal(BIO_new_bio_pair(&client, room[i], &server, room[i]), 1);
        two_init(&bios.two);
        bios_over(&bios, BIO_push(BIO_new(BIO_f_buffer()), client), BIO_push(BIO_new(BIO_f_buffer()), server));
        whole_life(&bios);
    }
}

/* ------------------------------------------------------------------------------------------------ classes */

static void every_result_has_its_class(void **state)
{
    struct bios bios;
    uint8_t byte;
    (void)state;
    bios_pair(&bios, 0, 0);
    assert_int_equal(tlsm_bio_get_error(bios.c), NONE);
    bios.two.silent = 1;
    assert_int_equal(tlsm_bio_connect(bios.c, NULL), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_bio_accept(bios.v), TLSM_IO_WANT_ANSWER);
    assert_int_equal(tlsm_bio_get_error(bios.v), TLSM_BIO_ERROR_WANT_ANSWER);
    bios.two.silent = 0;
    bios_connect(&bios);
    assert_int_equal(tlsm_bio_get_error(bios.v), NONE);
    assert_int_equal(tlsm_bio_close(bios.v, 0), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_bio_read(bios.c, &byte, 1), TLSM_IO_END);
    assert_int_equal(tlsm_bio_get_error(bios.c), ZERO_RETURN);
    assert_flags(bios.c, RECEIVED);
    assert_reason(bios.c, "");
    assert_int_equal(tlsm_bio_write(bios.v, "x", 1), TLSM_IO_REFUSED);
    assert_int_equal(tlsm_bio_get_error(bios.v), SSL_CLASS);
    assert_reason(bios.v, tlsm_code_text(TLSM_WRITE_CLOSED));
    assert_int_equal(tlsm_bio_write(bios.c, "late", 4), 4);
    assert_int_equal(tlsm_bio_close(bios.v, 0), TLSM_IO_UNREAD);
    assert_int_equal(tlsm_bio_pending(bios.v), 4);
    assert_reason(bios.v, "application data pending");
    bios_free(&bios);
}

static void an_alert_either_way_is_the_protocols_class(void **state)
{
    struct bios bios;
    uint8_t byte;
    (void)state;
    bios_pair(&bios, 0, 0);
    bios_connect(&bios);
    assert_int_equal(tlsm_link_abort(&bios.v->link, TLSM_ALERT_INTERNAL_ERROR), TLSM_IO_DONE);
    assert_int_equal(tlsm_bio_read(bios.v, &byte, 1), TLSM_IO_ENDED);
    assert_int_equal(tlsm_bio_get_error(bios.v), SSL_CLASS);
    assert_int_equal(tlsm_bio_read(bios.c, &byte, 1), TLSM_IO_ENDED);
    assert_int_equal(tlsm_bio_get_error(bios.c), SSL_CLASS);
    assert_bio(bios.c, "peer_alert");
    assert_bio(bios.v, "local_alert");
    bios_free(&bios);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_of_any_size_ends_clean),
        cmocka_unit_test(memory_bios_end_clean),
        cmocka_unit_test(an_empty_memory_bio_is_the_end_only_when_it_says_so),
        cmocka_unit_test(entropy_of_ones_own_is_not_needed),
        cmocka_unit_test(non_blocking_sockets_end_clean),
        cmocka_unit_test(a_non_blocking_bio_returns_at_once),
        cmocka_unit_test(blocking_bios_block_without_spinning),
        cmocka_unit_test(writing_to_a_closed_socket_raises_no_signal),
        cmocka_unit_test(a_filter_above_a_closed_socket_raises_no_signal),
        cmocka_unit_test(a_sigpipe_that_was_pending_stays_pending),
        cmocka_unit_test(a_failed_read_keeps_errno),
        cmocka_unit_test(the_error_queue_stays_as_it_was),
        cmocka_unit_test(bytes_in_a_buffering_bio_do_not_count_as_sent),
        cmocka_unit_test(a_buffering_bio_on_any_pair_ends_clean),
        cmocka_unit_test(every_result_has_its_class),
        cmocka_unit_test(an_alert_either_way_is_the_protocols_class),
    };
    return cmocka_run_group_tests(tests, fill_text, NULL);
}
