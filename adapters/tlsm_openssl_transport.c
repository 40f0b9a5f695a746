/* SPDX-License-Identifier: MIT */
/* What lies under the driver: plain sockets, which are read and written here, and any other BIO, through libcrypto. And what
 * the machine advises to do to it in the end. */
#define _DEFAULT_SOURCE

#include "tlsm_openssl_internal.h"
#include "tlsm_socket_internal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

static int is_late(const struct tlsm_openssl *driver)
{
    return driver->deadline_ms != UINT64_MAX && tlsm_socket_now() >= driver->deadline_ms;
}

/* ------------------------------------------------------------------------------------------------ sockets */

static enum tlsm_moved after_error(struct tlsm_openssl *driver, int error)
{
    if (tlsm_socket_blocked(error))
        return TLSM_BLOCKED;
    driver->error = error;
    return TLSM_MOVED_FAILED;
}

static enum tlsm_moved socket_receive(void *self, struct tlsm_span room, size_t *count)
{
    struct tlsm_openssl *driver = self;
    int interruptions = 0;
    ssize_t got;
    if (is_late(driver))
        return TLSM_MOVED_LATE;
    do
        got = recv(driver->receive_at, room.data, room.capacity, MSG_DONTWAIT);
    while (tlsm_socket_again(got, &interruptions));
    if (got == 0)
        return TLSM_MOVED_END;
    if (got < 0)
        return after_error(driver, errno);
    *count = (size_t)got;
    return TLSM_MOVED;
}

static enum tlsm_moved socket_send(void *self, struct tlsm_bytes bytes, size_t *count)
{
    struct tlsm_openssl *driver = self;
    int interruptions = 0;
    ssize_t put;
    if (is_late(driver))
        return TLSM_MOVED_LATE;
    do
        put = send(driver->send_at, bytes.data, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (tlsm_socket_again(put, &interruptions));
    if (put < 0)
        return after_error(driver, errno);
    *count = (size_t)put;
    return put > 0 ? TLSM_MOVED : TLSM_BLOCKED;
}

static enum tlsm_moved poll_until(const struct tlsm_openssl *driver, unsigned want, uint64_t until_ms)
{
    struct pollfd watched[2] = { { driver->receive_at, POLLIN, 0 }, { driver->send_at, POLLOUT, 0 } };
    watched[0].fd = want & TLSM_WANT_READ ? watched[0].fd : -1;
    watched[1].fd = want & TLSM_WANT_WRITE ? watched[1].fd : -1;
    for (;;) {
        const int ready = poll(watched, 2, tlsm_socket_left(until_ms));
        if (ready > 0)
            return TLSM_MOVED;
        if (ready < 0 && errno != EINTR)
            return TLSM_MOVED_FAILED;
        if (until_ms != UINT64_MAX && tlsm_socket_now() >= until_ms)
            return TLSM_MOVED_LATE;
    }
}

static enum tlsm_moved socket_wait(void *self, unsigned want)
{
    struct tlsm_openssl *driver = self;
    tlsm_openssl_follow(driver);
    if (is_late(driver))
        return TLSM_MOVED_LATE;
    return driver->options.non_blocking ? TLSM_BLOCKED : poll_until(driver, want, driver->deadline_ms);
}

/* ------------------------------------------------------------------------------------------------ any other BIO */

static int is_memory(const BIO *bio)
{
    const int type = BIO_method_type(bio);
    return type == BIO_TYPE_MEM || type == BIO_TYPE_BIO;
}

/* Whatever is not memory may write to a descriptor without MSG_NOSIGNAL. The signal is blocked for this thread alone, and one
 * that pends now and did not before is ours: it goes. */
static int sigpipe_pending(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

static int guarded(BIO *bio, int (*move)(BIO *, void *), void *argument)
{
    const struct timespec no_wait = { 0, 0 };
    const int was_pending = sigpipe_pending();
    sigset_t only, before;
    int result, error;
    if (is_memory(bio))
        return move(bio, argument);
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &only, &before);
    result = move(bio, argument);
    error = errno;
    while (!was_pending && sigpipe_pending() && sigtimedwait(&only, NULL, &no_wait) == -1 && errno == EINTR)
        ;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return result;
}

/* After a failed send only what has come already is read (G3): a blocking BIO must not wait for a peer that is silent. */
static int would_wait(const struct tlsm_openssl *driver)
{
    struct pollfd watched = { -1, POLLIN, 0 };
    if (!driver->send_failed || BIO_pending(driver->rbio) > 0)
        return 0;
    if (BIO_get_fd(driver->rbio, &watched.fd) < 0 || watched.fd < 0)
        return 0;
    return poll(&watched, 1, 0) == 0;
}

static int read_bio(BIO *bio, void *argument)
{
    const struct tlsm_span *room = argument;
    return BIO_read(bio, room->data, room->capacity < INT_MAX ? (int)room->capacity : INT_MAX);
}

static enum tlsm_moved bio_receive(void *self, struct tlsm_span room, size_t *count)
{
    struct tlsm_openssl *driver = self;
    int got;
    if (is_late(driver))
        return TLSM_MOVED_LATE;
    if (would_wait(driver))
        return TLSM_BLOCKED;
    errno = 0;
    got = guarded(driver->rbio, read_bio, &room);
    if (got <= 0) {
        const int error = errno;
        ERR_clear_error();
        if (BIO_should_retry(driver->rbio))
            return TLSM_BLOCKED;
        if (got == 0)
            return TLSM_MOVED_END;
        driver->error = error;
        return TLSM_MOVED_FAILED;
    }
    *count = (size_t)got;
    return TLSM_MOVED;
}

static int write_bio(BIO *bio, void *argument)
{
    const struct tlsm_bytes *bytes = argument;
    return BIO_write(bio, bytes->data, bytes->length < INT_MAX ? (int)bytes->length : INT_MAX);
}

static int flush_bio(BIO *bio, void *argument)
{
    (void)argument;
    return BIO_flush(bio) > 0 ? 1 : -1;
}

static enum tlsm_moved bio_refused(struct tlsm_openssl *driver)
{
    const int error = errno;
    ERR_clear_error();
    if (BIO_should_retry(driver->wbio))
        return TLSM_BLOCKED;
    driver->error = error;
    return TLSM_MOVED_FAILED;
}

/* H5: sent is what the flush brought to the end of the chain. */
static enum tlsm_moved bio_send(void *self, struct tlsm_bytes bytes, size_t *count)
{
    struct tlsm_openssl *driver = self;
    enum tlsm_moved moved = TLSM_MOVED;
    if (is_late(driver))
        return TLSM_MOVED_LATE;
    while (driver->written < bytes.length && moved == TLSM_MOVED) {
        struct tlsm_bytes left = { bytes.data + driver->written, bytes.length - driver->written };
        int put;
        errno = 0;
        put = guarded(driver->wbio, write_bio, &left);
        driver->written += put > 0 ? (size_t)put : 0;
        moved = put > 0 ? TLSM_MOVED : bio_refused(driver);
    }
    if (driver->written == 0 || moved == TLSM_MOVED_FAILED)
        return moved;
    errno = 0;
    if (!is_memory(driver->wbio) && guarded(driver->wbio, flush_bio, NULL) < 0)
        return bio_refused(driver);
    *count = driver->written;
    driver->written = 0;
    return TLSM_MOVED;
}

/* ------------------------------------------------------------------------------------------------ no BIO */

static enum tlsm_moved nothing_received(void *self, struct tlsm_span room, size_t *count)
{
    (void)room;
    (void)count;
    return is_late(self) ? TLSM_MOVED_LATE : TLSM_BLOCKED;
}

static enum tlsm_moved nothing_sent(void *self, struct tlsm_bytes bytes, size_t *count)
{
    (void)bytes;
    (void)count;
    return is_late(self) ? TLSM_MOVED_LATE : TLSM_BLOCKED;
}

/* Only the deadline can be waited for. */
static enum tlsm_moved no_wait(void *self, unsigned want)
{
    (void)want;
    tlsm_openssl_follow(self);
    return is_late(self) ? TLSM_MOVED_LATE : TLSM_BLOCKED;
}

/* A socket, nothing in front of it, and nobody who listens to its calls. */
static int plain_socket(BIO *bio)
{
    int descriptor = -1, type = 0;
    socklen_t size = sizeof type;
    if (BIO_method_type(bio) != BIO_TYPE_SOCKET || BIO_next(bio) != NULL || BIO_get_callback_ex(bio) != NULL ||
        BIO_get_fd(bio, &descriptor) < 0)
        return -1;
    return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 ? descriptor : -1;
}

void tlsm_openssl_attach(struct tlsm_openssl *driver)
{
    struct tlsm_transport *transport = &driver->transport;
    transport->self = driver;
    transport->wait = no_wait;
    driver->receive_at = driver->send_at = -1;
    if (driver->rbio == NULL) {
        transport->receive = nothing_received;
        transport->send = nothing_sent;
        return;
    }
    driver->receive_at = plain_socket(driver->rbio);
    driver->send_at = plain_socket(driver->wbio);
    if (driver->receive_at < 0 || driver->send_at < 0) {
        driver->receive_at = driver->send_at = -1;
        transport->receive = bio_receive;
        transport->send = bio_send;
        return;
    }
    transport->receive = socket_receive;
    transport->send = socket_send;
    transport->wait = socket_wait;
}

/* ------------------------------------------------------------------------------------------------ the advice */

void tlsm_openssl_follow(struct tlsm_openssl *driver)
{
    if (driver->shut || !tlsm_socket_should_shut(&driver->observed.state))
        return;
    driver->shut = 1;
    if (driver->send_at >= 0)
        (void)shutdown(driver->send_at, SHUT_WR);
    else if (driver->wbio != NULL && BIO_method_type(driver->wbio) == BIO_TYPE_BIO)
        (void)BIO_shutdown_wr(driver->wbio);
}

/* H3 */
static int drain(struct tlsm_openssl *driver, uint32_t most)
{
    const uint32_t linger_ms = driver->options.linger_ms != 0 ? driver->options.linger_ms : TLSM_LINGER_MS;
    if (driver->linger_until_ms == UINT64_MAX)
        driver->linger_until_ms = tlsm_socket_now() + linger_ms;
    if (driver->deadline_ms < driver->linger_until_ms)
        driver->linger_until_ms = driver->deadline_ms;
    while (!tlsm_socket_drain(driver->receive_at, &driver->drained, most)) {
        if (tlsm_socket_now() >= driver->linger_until_ms)
            return TLSM_IO_DONE;
        if (driver->options.non_blocking)
            return TLSM_IO_WANT_READ;
        if (poll_until(driver, TLSM_WANT_READ, driver->linger_until_ms) != TLSM_MOVED)
            return TLSM_IO_DONE;
    }
    return TLSM_IO_DONE;
}

int tlsm_openssl_finish(struct tlsm_openssl *driver)
{
    struct tlsm_advice advice;
    if (driver->finished || !tlsm_is_final(&driver->observed.state))
        return TLSM_IO_DONE;
    tlsm_openssl_follow(driver);
    tlsm_advice(&driver->observed.state, &advice);
    if (driver->receive_at >= 0 && (advice.flags & TLSM_ADVICE_DRAIN) && drain(driver, advice.drain_bytes) != TLSM_IO_DONE)
        return TLSM_IO_WANT_READ;
    if (driver->send_at >= 0 && (advice.flags & TLSM_ADVICE_RESET))
        tlsm_socket_reset_on_close(driver->send_at);
    driver->linger_until_ms = UINT64_MAX;
    driver->finished = 1;
    return TLSM_IO_DONE;
}
