/* SPDX-License-Identifier: MIT */
/* Every call that the driver makes to its transport, and for memory, refused or cut short in turn, until none is hit: nothing
 * leaks (the sanitizers see), no end is clean that was not, and what only comes late changes nothing. */
#define _DEFAULT_SOURCE

#include "openssl_fixture.h"
#include "tlsm_openssl_internal.h"
#include "tlsm_socket_internal.h"

#define BOTH(server, version)                                             \
    for (int server = 0; server < 2; server++)                            \
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)

enum fault { FAULT_RETRY, FAULT_SHORT, FAULT_FAIL, FAULT_END, FAULTS };
enum { TURNS = 300, PATIENCE = 40 };

/* The call to be hit, counted over all kinds of calls. */
static struct {
    unsigned at, calls;
    int number;                    /* enum fault, or an errno value */
    int broken_read, broken_write; /* after a failure that stays */
    uint64_t signals_until_ms;     /* every system call is interrupted until then */
} hit;

static int is_hit(void) { return ++hit.calls == hit.at; }

/* ------------------------------------------------------------------------------------------------ a BIO that fails */

struct faulty { BIO *from, *to; uint64_t given; };

static int faulty_read(BIO *bio, char *to, int length)
{
    struct faulty *under = BIO_get_data(bio);
    const int now = is_hit();
    int got;
    BIO_clear_retry_flags(bio);
    if (now && hit.number == FAULT_RETRY) {
        BIO_set_retry_read(bio);
        return -1;
    }
    hit.broken_read |= now && (hit.number == FAULT_FAIL || hit.number == FAULT_END);
    if (hit.broken_read) {
        errno = EIO;
        return hit.number == FAULT_END ? 0 : -1;
    }
    got = BIO_read(under->from, to, now && hit.number == FAULT_SHORT ? 1 : length);
    if (got <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    under->given += (uint64_t)got;
    return got;
}

static int faulty_write(BIO *bio, const char *from, int length)
{
    struct faulty *under = BIO_get_data(bio);
    const int now = is_hit();
    BIO_clear_retry_flags(bio);
    if (now && hit.number == FAULT_RETRY) {
        BIO_set_retry_write(bio);
        return -1;
    }
    hit.broken_write |= now && (hit.number == FAULT_FAIL || hit.number == FAULT_END);
    if (hit.broken_write) {
        errno = EPIPE;
        return hit.number == FAULT_END ? 0 : -1;
    }
    return BIO_write(under->to, from, now && hit.number == FAULT_SHORT ? 1 : length);
}

static long faulty_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)number, (void)pointer;
    if (command != BIO_CTRL_FLUSH)
        return 0;
    BIO_clear_retry_flags(bio);
    if (is_hit() && hit.number == FAULT_RETRY) {
        BIO_set_retry_write(bio);
        return -1;
    }
    return 1;
}

/* ------------------------------------------------------------------------------------------------ system calls and memory */

static int swept;   /* 1: system calls; 2: memory */
static int syscall_hit(void)
{
    if (hit.signals_until_ms > tlsm_socket_now()) {
        hit.number = errno = EINTR;
        return 1;
    }
    if (swept != 1 || !is_hit())
        return 0;
    errno = hit.number;
    return 1;
}

ssize_t __real_recv(int, void *, size_t, int);
ssize_t __wrap_recv(int descriptor, void *to, size_t length, int flags);
ssize_t __wrap_recv(int descriptor, void *to, size_t length, int flags)
{
    if (!syscall_hit())
        return __real_recv(descriptor, to, length, flags);
    return hit.number == 0 ? __real_recv(descriptor, to, 1, flags) : -1;
}

ssize_t __real_send(int, const void *, size_t, int);
ssize_t __wrap_send(int descriptor, const void *from, size_t length, int flags);
ssize_t __wrap_send(int descriptor, const void *from, size_t length, int flags)
{
    if (!syscall_hit())
        return __real_send(descriptor, from, length, flags);
    return hit.number == 0 ? __real_send(descriptor, from, 1, flags) : -1;
}

int __real_poll(struct pollfd *, nfds_t, int);
int __wrap_poll(struct pollfd *, nfds_t, int);
int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout)
{
    return syscall_hit() && hit.number != 0 ? -1 : __real_poll(watched, count, timeout);
}

int __real_shutdown(int, int);
int __wrap_shutdown(int, int);
int __wrap_shutdown(int descriptor, int how)
{
    return syscall_hit() && hit.number != 0 ? -1 : __real_shutdown(descriptor, how);
}

int __real_setsockopt(int, int, int, const void *, socklen_t);
int __wrap_setsockopt(int, int, int, const void *, socklen_t);
int __wrap_setsockopt(int descriptor, int level, int name, const void *value, socklen_t length)
{
    return syscall_hit() && hit.number != 0 ? -1 : __real_setsockopt(descriptor, level, name, value, length);
}

void *__real_calloc(size_t, size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_calloc(size_t count, size_t size) { return swept == 2 && is_hit() ? NULL : __real_calloc(count, size); }
void *__real_realloc(void *, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_realloc(void *block, size_t size) { return swept == 2 && is_hit() ? NULL : __real_realloc(block, size); }

/* ------------------------------------------------------------------------------------------------ the script */

struct run {
    struct ends ends;
    int peer_done;                 /* the peer read "question", answered, and closed */
    size_t have;                   /* of the answer */
    int ended;                     /* our reading is over */
    int asked;
};

static const char answer[] = "answer";

static void peer_turn(struct run *run)
{
    char text[16];
    ERR_clear_error();
    if (SSL_is_init_finished(run->ends.peer)) {
        if (!run->peer_done && SSL_read(run->ends.peer, text, sizeof text) > 0) {
            assert_int_equal(SSL_write(run->ends.peer, answer, 6), 6);
            assert_int_equal(SSL_shutdown(run->ends.peer), 0);
            run->peer_done = 1;
        }
    } else
        (void)SSL_do_handshake(run->ends.peer);
}

/* One call of ours. 1: the connection is closed to its end. */
static int our_turn(struct run *run)
{
    struct tlsm_openssl *driver = run->ends.driver;
    ptrdiff_t done;
    char text[16];
    poison();
    if (run->ended)
        done = tlsm_openssl_close(driver, 0, NULL);
    else if (!run->asked)
        done = tlsm_openssl_write(driver, "question", 8);
    else
        done = tlsm_openssl_read(driver, text, sizeof text);
    assert_unpoisoned();
    assert_int_equal(tlsm_invariant(tlsm_openssl_state(driver)), 0);
    if (run->ended && done == TLSM_IO_UNREAD)
        run->ended = 0;
    else if (run->ended)
        return done == TLSM_IO_DONE;
    else if (!run->asked && done > 0) {
        assert_int_equal(done, 8);
        run->asked = 1;
    } else if (done > 0) {
        assert_memory_equal(text, answer + run->have, (size_t)done);
        run->have += (size_t)done;
    } else if (done == TLSM_IO_END || done == TLSM_IO_ENDED)
        run->asked = run->ended = 1;
    return 0;
}

/* `all`: every byte of the peer's came to the driver. */
static void judge(const struct run *run, int all, int harmless)
{
    const char *how = ends_how(&run->ends);
    const int clean = strncmp(how, "clean", 5) == 0;
    if (clean)
        assert_true(run->peer_done && all && run->have == 6);
    if (harmless)
        assert_string_equal(how, "clean_both");
}

static BIO_METHOD *faulty_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "faulty");
    assert_true(BIO_meth_set_read(method, faulty_read) && BIO_meth_set_write(method, faulty_write) &&
                BIO_meth_set_ctrl(method, faulty_ctrl));
    return method;
}

static void sweep_bio(BIO_METHOD *method, int server, int version, enum fault fault, unsigned at)
{
    struct run run;
    struct faulty under;
    int turns, done = 0;
    BIO *bio = BIO_new(method);
    memset(&run, 0, sizeof run);
    memset(&hit, 0, sizeof hit);
    ends_plain(&run.ends, OVER_NOTHING, server, version);
    under = (struct faulty){ run.ends.to_us, run.ends.to_peer, 0 };
    BIO_set_data(bio, &under);
    BIO_set_init(bio, 1);
    SSL_set_bio(run.ends.us, bio, bio);
    run.ends.over = OVER_MEMORY;
    hit.at = at;
    hit.number = (int)fault;
    ends_drive(&run.ends, NULL);
    for (turns = 0; turns < TURNS && !done; turns++) {
        done = our_turn(&run);
        peer_turn(&run);
        if (!done && turns > 40 && (hit.broken_read || hit.broken_write))   /* nobody will say more */
            hit.broken_read = hit.broken_write = 1;
    }
    assert_true(done);
    judge(&run, BIO_pending(run.ends.to_us) == 0, fault == FAULT_RETRY || fault == FAULT_SHORT);
    ends_free(&run.ends);
}

static void every_call_of_a_bio_fails_in_turn(void **unused)
{
    BIO_METHOD *method = faulty_method();
    int fault;
    (void)unused;
    for (fault = 0; fault < FAULTS; fault++)
        BOTH(server, version) {
            unsigned at = 0;
            do
                sweep_bio(method, server, version, (enum fault)fault, ++at);
            while (hit.calls >= at);
            assert_true(at > 15);
        }
    BIO_meth_free(method);
}

/* Blocking from the handshake on, with all that the peer says there already, so that one thread is enough. */
static void sweep_socket(int server, int version, int number, unsigned at)
{
    const struct tlsm_openssl_options brief = { .linger_ms = 50 };
    struct run run;
    int done = 0, turns;
    memset(&run, 0, sizeof run);
    memset(&hit, 0, sizeof hit);
    ends_plain(&run.ends, OVER_SOCKET, server, version);
    ends_drive(&run.ends, NULL);
    hit.at = at;
    hit.number = number;
    swept = 1;
    for (turns = 0; turns < PATIENCE && !run.asked && !run.ended; turns++) {   /* a send that failed may leave both waiting */
        (void)our_turn(&run);
        peer_turn(&run);
    }
    for (turns = 0; turns < 3; turns++) {
        (void)ends_flush(&run.ends);
        peer_turn(&run);
    }
    (void)close(run.ends.socket[1]);
    run.ends.socket[1] = -1;
    if (!tlsm_is_final(tlsm_openssl_state(run.ends.driver)) && !run.ended &&
        tlsm_connected(tlsm_openssl_state(run.ends.driver)) && ends_flush(&run.ends) == TLSM_IO_DONE) {
        tlsm_openssl_free(run.ends.driver);
        ERR_clear_error();
        run.ends.driver = tlsm_openssl_new(run.ends.us, &brief, NULL);
        assert_non_null(run.ends.driver);
    }
    for (turns = 0; turns < TURNS && !done; turns++)
        done = our_turn(&run);
    swept = 0;
    assert_true(done);
    judge(&run, 1, 0);
    if (number == 0 || number == EINTR || number == EAGAIN)
        assert_int_equal(strncmp(ends_how(&run.ends), "clean", 5), 0);
    ends_free(&run.ends);
}

static void every_system_call_fails_in_turn(void **unused)
{
    static const int numbers[] = { 0, EINTR, EAGAIN, ECONNRESET, EPIPE, ETIMEDOUT, ENOTCONN, ENOMEM };
    size_t number;
    (void)unused;
    for (number = 0; number < sizeof numbers / sizeof *numbers; number++)
        BOTH(server, version) {
            unsigned at = 0;
            do
                sweep_socket(server, version, numbers[number], ++at);
            while (hit.calls >= at);
            assert_true(at > 15);
        }
}

static void signals_without_end_do_not_outlive_the_deadline(void **unused)
{
    struct run run;
    ptrdiff_t got;
    char text[16];
    (void)unused;
    memset(&run, 0, sizeof run);
    memset(&hit, 0, sizeof hit);
    ends_plain(&run.ends, OVER_SOCKET, 0, TLS1_3_VERSION);
    ends_drive(&run.ends, NULL);
    assert_int_equal(tlsm_openssl_deadline(run.ends.driver, 20), TLSM_IO_DONE);
    hit.signals_until_ms = tlsm_socket_now() + 2000;
    do   /* a connection that does not wait is told to come again */
        got = tlsm_openssl_read(run.ends.driver, text, sizeof text);
    while (got == TLSM_IO_WANT_READ || got == TLSM_IO_WANT_WRITE);
    assert_int_equal(got, TLSM_IO_ENDED);
    assert_true(tlsm_socket_now() < hit.signals_until_ms);
    assert_string_equal(ends_how(&run.ends), "handshake_failed");
    hit.signals_until_ms = 0;
    ends_free(&run.ends);
}

/* NO_MEMORY: the call is repeated, and nothing is lost. */
static void sweep_memory(int server, int version, unsigned at)
{
    struct run run;
    enum tlsm_code why;
    int turns, done = 0;
    memset(&run, 0, sizeof run);
    memset(&hit, 0, sizeof hit);
    ends_plain(&run.ends, OVER_MEMORY, server, version);
    hit.at = at;
    swept = 2;
    do
        run.ends.driver = tlsm_openssl_new(run.ends.us, NULL, &why);
    while (run.ends.driver == NULL && why == TLSM_OK);
    for (turns = 0; turns < TURNS && !done; turns++) {
        done = our_turn(&run);
        peer_turn(&run);
    }
    swept = 0;
    assert_true(done);
    judge(&run, 1, 1);
    ends_free(&run.ends);
}

static void memory_is_refused_in_turn_and_asked_for_again(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        unsigned at = 0;
        do
            sweep_memory(server, version, ++at);
        while (hit.calls >= at);
        assert_true(at > 3);
    }
}

/* libssl forgets an alert that it cannot write: so none is ever refused. */
static void no_lack_of_memory_loses_a_fatal_alert(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        unsigned at = 0;
        do {
            struct ends ends;
            char *data, byte;
            long have;
            int done = 0;
            swept = 0;
            memset(&hit, 0, sizeof hit);
            ends_open(&ends, OVER_MEMORY, server, version);
            assert_int_equal(SSL_write(ends.peer, answer, 6), 6);
            have = BIO_get_mem_data(ends.to_us, &data);
            data[have - 1] ^= 1;
            hit.at = ++at;
            swept = 2;
            free(ends.driver->out.data);
            memset(&ends.driver->out, 0, sizeof ends.driver->out);
            while (done != TLSM_IO_ENDED)
                done = (int)ends_read(&ends, &byte, 1);
            swept = 0;
            assert_how(&ends, "local_alert");
            assert_int_equal(ends_verdict(&ends).alert_delivered, 1);
            ends_free(&ends);
        } while (hit.calls >= at);
        assert_true(at > 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_of_a_bio_fails_in_turn),
        cmocka_unit_test(every_system_call_fails_in_turn),
        cmocka_unit_test(signals_without_end_do_not_outlive_the_deadline),
        cmocka_unit_test(memory_is_refused_in_turn_and_asked_for_again),
        cmocka_unit_test(no_lack_of_memory_loses_a_fatal_alert),
    };
    return cmocka_run_group_tests(tests, contexts_open, contexts_close);
}
