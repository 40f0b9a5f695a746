/* SPDX-License-Identifier: MIT */
/* A link over BIOs: what libcrypto's calls say, in the words of a transport, and nothing left behind on the thread. */
#define _DEFAULT_SOURCE

#include "tlsm_bio.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <time.h>

/* ------------------------------------------------------------------------------------------------ no SIGPIPE */

struct pipe_guard {
    sigset_t before;
    int guarded, was_pending;
};

static int sigpipe_pending(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

/* Links of a chain that never write to a descriptor themselves. Whatever else there is might. */
static int harmless(const BIO *link)
{
    switch (BIO_method_type(link)) {
    case BIO_TYPE_MEM: case BIO_TYPE_BIO: case BIO_TYPE_BUFFER: case BIO_TYPE_NULL: case BIO_TYPE_NULL_FILTER:
    case BIO_TYPE_LINEBUFFER: case BIO_TYPE_BASE64:
        return 1;
    }
    return 0;
}

static int is_descriptor(const BIO *link)
{
    const int type = BIO_method_type(link);
    return type == BIO_TYPE_SOCKET || type == BIO_TYPE_FD || type == BIO_TYPE_CONNECT;
}

/* Nobody listens to the BIO's calls, and nothing lies between it and its socket. It is written with MSG_NOSIGNAL. */
static int plain_socket(BIO *bio)
{
    return BIO_method_type(bio) == BIO_TYPE_SOCKET && BIO_next(bio) == NULL && BIO_get_callback_ex(bio) == NULL;
}

/* Reading a descriptor raises nothing; an unknown filter might write while it reads. A socket below a filter is written by
 * the filter. */
static int may_signal(BIO *chain, int reading)
{
    if (chain != NULL && plain_socket(chain))
        return 0;
    while (chain != NULL && (harmless(chain) || (reading && is_descriptor(chain))))
        chain = BIO_next(chain);
    return chain != NULL;
}

/* A BIO writes with write(2) or send(2) without MSG_NOSIGNAL, and the descriptor may not even be a socket; so the signal is
 * blocked for this thread, which changes nothing for the rest of the process. */
static void block_signal(struct pipe_guard *pipe)
{
    sigset_t only;
    pipe->was_pending = sigpipe_pending();
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    pipe->guarded = pthread_sigmask(SIG_BLOCK, &only, &pipe->before) == 0;
}

static void guard(struct pipe_guard *pipe, BIO *chain, int reading)
{
    pipe->guarded = 0;
    if (may_signal(chain, reading))
        block_signal(pipe);
}

/* A SIGPIPE that pends now and did not before is ours: write(2) raises it for the calling thread. */
static void unguard(struct pipe_guard *pipe)
{
    const struct timespec no_wait = { 0, 0 };
    sigset_t only;
    if (!pipe->guarded)
        return;
    if (!pipe->was_pending && sigpipe_pending()) {
        sigemptyset(&only);
        sigaddset(&only, SIGPIPE);
        while (sigtimedwait(&only, NULL, &no_wait) == -1 && errno == EINTR)
            ;
    }
    (void)pthread_sigmask(SIG_SETMASK, &pipe->before, NULL);
}

/* ------------------------------------------------------------------------------------------------ transport
 * A BIO that was interrupted by a signal's handler asks for a retry, and the call returns: a program may have set its handler
 * up to be told something, and one that wants to go on repeats the call, as it does with OpenSSL. */

enum { INTERRUPTIONS = 64 };

/* After a failed send only what has come already is read (G3): a blocking BIO must not wait for a peer that is silent. */
static int would_wait(const struct tlsm_bio *bio)
{
    struct pollfd watched = { -1, POLLIN, 0 };
    int ready, tries = INTERRUPTIONS;
    if (!bio->send_failed || BIO_pending(bio->rbio) > 0)
        return 0;
    /* A method that does not know the question says 0, as if it were a descriptor. */
    if (BIO_get_fd(bio->rbio, &watched.fd) < 0 || watched.fd < 0)
        return 0;
    do
        ready = poll(&watched, 1, 0);
    while (ready < 0 && errno == EINTR && --tries > 0);
    return ready <= 0;
}

static enum tlsm_moved failed(struct tlsm_bio *bio, int error)
{
    bio->saved_errno = error;
    return TLSM_MOVED_FAILED;
}

/* What a BIO waits for that asks for a retry; 0: it does not say. */
static uint8_t waits_for(BIO *bio)
{
    if (BIO_should_read(bio))
        return TLSM_BIO_ERROR_WANT_READ;
    if (BIO_should_write(bio))
        return TLSM_BIO_ERROR_WANT_WRITE;
    if (!BIO_should_io_special(bio))
        return 0;
    switch (BIO_get_retry_reason(bio)) {
    case BIO_RR_CONNECT: return TLSM_BIO_ERROR_WANT_CONNECT;
    case BIO_RR_ACCEPT: return TLSM_BIO_ERROR_WANT_ACCEPT;
    }
    return 0;
}

static enum tlsm_moved receive_now(struct tlsm_bio *bio, struct tlsm_span room, size_t *count)
{
    const int most = room.capacity < TLSM_RECORD_MAX ? (int)room.capacity : TLSM_RECORD_MAX;
    int got;
    errno = 0;
    got = BIO_read(bio->rbio, room.data, most);
    if (got > 0) {
        *count = (size_t)got;
        return TLSM_MOVED;
    }
    if (BIO_should_retry(bio->rbio)) {
        bio->receive_waits = waits_for(bio->rbio);
        return TLSM_BLOCKED;
    }
    if (got == 0)
        return TLSM_MOVED_END;
    bio->receive_failed = 1;
    return failed(bio, errno);
}

static enum tlsm_moved bio_receive(void *self, struct tlsm_span room, size_t *count)
{
    struct tlsm_bio *bio = self;
    struct pipe_guard pipe;
    enum tlsm_moved moved;
    bio->receive_waits = 0;
    if (would_wait(bio))
        return TLSM_BLOCKED;
    (void)ERR_set_mark();
    guard(&pipe, bio->rbio, 1);
    moved = receive_now(bio, room, count);
    unguard(&pipe);
    (void)ERR_pop_to_mark();
    return moved;
}

/* A plain socket is written with MSG_NOSIGNAL, so that nothing has to be blocked for it; the BIO's retry flags are as if it
 * had been asked. */
static int write_socket(BIO *bio, const void *bytes, int length)
{
    const ssize_t put = send((int)BIO_get_fd(bio, NULL), bytes, (size_t)length, MSG_NOSIGNAL);
    BIO_clear_retry_flags(bio);
    if (put <= 0 && BIO_sock_should_retry((int)put))
        BIO_set_retry_write(bio);
    return (int)put;
}

/* A socket BIO may stand around a pipe too. */
static int write_other(BIO *bio, const void *bytes, int length)
{
    struct pipe_guard pipe;
    int put, error;
    block_signal(&pipe);
    put = BIO_write(bio, bytes, length);
    error = errno;
    unguard(&pipe);
    errno = error;
    return put;
}

static int put_bytes(BIO *bio, const void *bytes, int length)
{
    int put;
    if (!plain_socket(bio))
        return BIO_write(bio, bytes, length);
    put = write_socket(bio, bytes, length);
    return put < 0 && errno == ENOTSOCK ? write_other(bio, bytes, length) : put;
}

/* What the BIO has not seen yet goes in. */
static enum tlsm_moved write_now(struct tlsm_bio *bio, struct tlsm_bytes bytes)
{
    while (bio->written < bytes.length) {
        const size_t left = bytes.length - bio->written;
        int put;
        errno = 0;
        put = put_bytes(bio->wbio, bytes.data + bio->written, left < (1 << 30) ? (int)left : 1 << 30);
        if (put > 0)
            bio->written += (size_t)put;
        else
            return BIO_should_retry(bio->wbio) ? TLSM_BLOCKED : failed(bio, errno);
    }
    return TLSM_MOVED;
}

static enum tlsm_moved flush_now(struct tlsm_bio *bio)
{
    errno = 0;
    if (BIO_flush(bio->wbio) > 0)
        return TLSM_MOVED;
    return BIO_should_retry(bio->wbio) ? TLSM_BLOCKED : failed(bio, errno);
}

/* H5: `sent` is what the flush brought to the end of the chain. Where the chain cannot buffer, taking is leaving. */
static int buffers(BIO *chain)
{
    while (chain != NULL) {
        const int type = BIO_method_type(chain);
        if (type != BIO_TYPE_MEM && type != BIO_TYPE_BIO && !is_descriptor(chain))
            return 1;
        chain = BIO_next(chain);
    }
    return 0;
}

static enum tlsm_moved send_now(struct tlsm_bio *bio, struct tlsm_bytes bytes, size_t *count)
{
    enum tlsm_moved moved = write_now(bio, bytes), flushed = TLSM_MOVED;
    if (bio->written > 0 && moved != TLSM_MOVED_FAILED && buffers(bio->wbio))
        flushed = flush_now(bio);
    if (flushed == TLSM_MOVED) {
        *count = bio->written;
        bio->written = 0;
    }
    if (*count > 0)
        return TLSM_MOVED;
    return flushed != TLSM_MOVED ? flushed : moved;
}

static enum tlsm_moved bio_send(void *self, struct tlsm_bytes bytes, size_t *count)
{
    struct tlsm_bio *bio = self;
    struct pipe_guard pipe;
    enum tlsm_moved moved;
    (void)ERR_set_mark();
    guard(&pipe, bio->wbio, 0);
    moved = send_now(bio, bytes, count);
    unguard(&pipe);
    (void)ERR_pop_to_mark();
    bio->send_waits = moved == TLSM_BLOCKED ? waits_for(bio->wbio) : 0;
    bio->send_failed |= moved == TLSM_MOVED_FAILED;
    return moved;
}

/* ------------------------------------------------------------------------------------------------ birth and death */

struct tlsm_bio *tlsm_bio_new_with(const struct tlsm_config *config, BIO *rbio, BIO *wbio,
                                   const struct tlsm_link_options *options)
{
    struct tlsm_bio *bio = calloc(1, sizeof *bio);
    if (bio == NULL || tlsm_link_init(&bio->link, config, options) != TLSM_IO_DONE) {
        free(bio);
        return NULL;
    }
    bio->rbio = rbio;
    bio->wbio = wbio;
    bio->transport.receive = bio_receive;
    bio->transport.send = bio_send;
    bio->transport.self = bio;
    return bio;
}

struct tlsm_bio *tlsm_bio_new(const struct tlsm_config *config, BIO *rbio, BIO *wbio)
{
    return tlsm_bio_new_with(config, rbio, wbio, NULL);
}

void tlsm_bio_drop(BIO *rbio, BIO *wbio)
{
    struct pipe_guard pipe;
    pipe.guarded = 0;
    (void)ERR_set_mark();
    if (may_signal(rbio, 0) || may_signal(wbio, 0))
        block_signal(&pipe);
    BIO_free_all(rbio);
    if (wbio != rbio)
        BIO_free_all(wbio);
    unguard(&pipe);
    (void)ERR_pop_to_mark();
}

void tlsm_bio_free(struct tlsm_bio *bio)
{
    if (bio == NULL)
        return;
    tlsm_bio_drop(bio->rbio, bio->wbio);
    tlsm_link_free(&bio->link);
    free(bio);
}

void tlsm_bio_set(struct tlsm_bio *bio, BIO *rbio, BIO *wbio)
{
    BIO *const old_rbio = bio->rbio, *const old_wbio = bio->wbio;
    bio->rbio = rbio;
    bio->wbio = wbio;
    bio->receive_waits = bio->send_waits = 0;
    if (wbio != old_wbio)
        bio->written = 0;
    tlsm_bio_drop(old_rbio, old_wbio);
}

static int system_entropy(struct tlsm_entropy *entropy)
{
    int good;
    (void)ERR_set_mark();
    good = RAND_bytes(entropy->random, sizeof entropy->random) == 1 &&
           RAND_bytes(entropy->session_id, sizeof entropy->session_id) == 1 &&
           RAND_priv_bytes((unsigned char *)entropy->share_secret, sizeof entropy->share_secret) == 1;
    (void)ERR_pop_to_mark();
    return good;
}

static uint64_t system_time(void)
{
    struct timespec now;
    return timespec_get(&now, TIME_UTC) == TIME_UTC ? (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 : 0;
}

int tlsm_bio_begin(struct tlsm_bio *bio, const struct tlsm_start *start)
{
    struct tlsm_start whole = *start;
    struct tlsm_entropy own;
    int done;
    if (whole.now_ms == 0)
        whole.now_ms = system_time();
    if (whole.entropy != NULL)
        return tlsm_link_begin(&bio->link, &whole);
    if (!system_entropy(&own)) {
        bio->link.code = TLSM_LIBRARY_FAILED;
        return TLSM_IO_REFUSED;
    }
    whole.entropy = &own;
    done = tlsm_link_begin(&bio->link, &whole);
    OPENSSL_cleanse(&own, sizeof own);
    return done;
}

int tlsm_bio_start(struct tlsm_bio *bio, const struct tlsm_entropy *entropy, const char *server_name)
{
    const struct tlsm_start start = { entropy, server_name, NULL, 0 };
    return tlsm_bio_begin(bio, &start);
}

/* ------------------------------------------------------------------------------------------------ the calls */

/* Each call ends here: what tlsm_bio_get_error() will speak of, and errno as the transport left it. */
static ptrdiff_t over(struct tlsm_bio *bio, enum tlsm_bio_call call, ptrdiff_t result)
{
    bio->last_call = (uint8_t)call;
    bio->result = result;
    if (result <= 0 && bio->saved_errno != 0)
        errno = bio->saved_errno;
    return result;
}

static int handshake(struct tlsm_bio *bio, const char *server_name)
{
    int done = TLSM_IO_DONE;
    if (bio->link.state->control.rx == TLSM_RX_UNBORN && !tlsm_is_final(bio->link.state))
        done = tlsm_bio_start(bio, NULL, server_name);
    if (done == TLSM_IO_DONE)
        done = tlsm_link_handshake(&bio->link, &bio->transport);
    return (int)over(bio, TLSM_BIO_CALL_HANDSHAKE, done);
}

int tlsm_bio_connect(struct tlsm_bio *bio, const char *server_name) { return handshake(bio, server_name); }
int tlsm_bio_accept(struct tlsm_bio *bio) { return handshake(bio, NULL); }

int tlsm_bio_fill(struct tlsm_bio *bio)
{
    return (int)over(bio, TLSM_BIO_CALL_READ, tlsm_link_fill(&bio->link, &bio->transport));
}

ptrdiff_t tlsm_bio_read(struct tlsm_bio *bio, void *to, size_t capacity)
{
    return over(bio, TLSM_BIO_CALL_READ, tlsm_link_read(&bio->link, &bio->transport, to, capacity));
}

ptrdiff_t tlsm_bio_write(struct tlsm_bio *bio, const void *from, size_t length)
{
    return over(bio, TLSM_BIO_CALL_WRITE, tlsm_link_write(&bio->link, &bio->transport, from, length));
}

size_t tlsm_bio_pending(const struct tlsm_bio *bio) { return tlsm_link_unread(&bio->link); }

int tlsm_bio_flush(struct tlsm_bio *bio)
{
    return (int)over(bio, TLSM_BIO_CALL_WRITE, tlsm_link_flush(&bio->link, &bio->transport));
}

int tlsm_bio_close(struct tlsm_bio *bio, int one_way)
{
    return (int)over(bio, TLSM_BIO_CALL_CLOSE, tlsm_link_close(&bio->link, &bio->transport, one_way));
}

/* ------------------------------------------------------------------------------------------------ shutdown */

void tlsm_bio_contract(struct tlsm_bio *bio, enum tlsm_shutdown_contract contract, int quiet)
{
    bio->procedure.contract = (uint8_t)contract;
    bio->procedure.quiet = quiet != 0;
}

int tlsm_bio_shutdown(struct tlsm_bio *bio)
{
    const int result = tlsm_link_shutdown(&bio->link, &bio->transport, &bio->procedure, &bio->shutdown_error);
    return (int)over(bio, TLSM_BIO_CALL_SHUTDOWN, result);
}

int tlsm_bio_get_shutdown(const struct tlsm_bio *bio)
{
    const int received = bio->link.state->control.rx == TLSM_RX_CLOSED ? TLSM_RECEIVED_SHUTDOWN : 0;
    return bio->procedure.flags | received;
}

void tlsm_bio_set_shutdown(struct tlsm_bio *bio, int flags) { tlsm_shutdown_preset(&bio->procedure, (unsigned)flags); }

/* ------------------------------------------------------------------------------------------------ errors */

enum tlsm_bio_error tlsm_bio_waits(const struct tlsm_bio *bio, enum tlsm_bio_error want)
{
    const uint8_t said = want == TLSM_BIO_ERROR_WANT_WRITE ? bio->send_waits : bio->receive_waits;
    return said != 0 ? (enum tlsm_bio_error)said : want;
}

static enum tlsm_bio_error shutdown_class(const struct tlsm_bio *bio)
{
    switch (bio->shutdown_error) {
    case TLSM_SHUTDOWN_NONE: return TLSM_BIO_ERROR_NONE;
    case TLSM_SHUTDOWN_WANT_READ: return tlsm_bio_waits(bio, TLSM_BIO_ERROR_WANT_READ);
    case TLSM_SHUTDOWN_WANT_WRITE: return tlsm_bio_waits(bio, TLSM_BIO_ERROR_WANT_WRITE);
    case TLSM_SHUTDOWN_SYSCALL: return TLSM_BIO_ERROR_SYSCALL;
    case TLSM_SHUTDOWN_PROTOCOL: case TLSM_SHUTDOWN_UNEXPECTED_EOF: case TLSM_SHUTDOWN_DATA_PENDING:
    case TLSM_SHUTDOWN_IN_INIT: case TLSM_SHUTDOWN_FAILURE:
        break;
    }
    return TLSM_BIO_ERROR_SSL;
}

/* The connection, or a half of it, is over: was it the transport? */
static enum tlsm_bio_error ended_class(const struct tlsm_bio *bio)
{
    const uint32_t protocol = TLSM_FACT_ERROR | TLSM_FACT_ABORTED | TLSM_FACT_PEER_ALERT | TLSM_FACT_PEER_CLOSED_EARLY;
    const struct tlsm_control *control = &bio->link.state->control;
    if (control->facts & protocol)
        return TLSM_BIO_ERROR_SSL;
    return bio->send_failed || bio->receive_failed ? TLSM_BIO_ERROR_SYSCALL : TLSM_BIO_ERROR_SSL;
}

enum tlsm_bio_error tlsm_bio_get_error(const struct tlsm_bio *bio)
{
    if (bio->last_call == TLSM_BIO_CALL_SHUTDOWN)
        return shutdown_class(bio);
    if (bio->result > 0 || bio->last_call == TLSM_BIO_CALL_NONE)
        return TLSM_BIO_ERROR_NONE;
    if (bio->result == TLSM_IO_END)
        return bio->last_call == TLSM_BIO_CALL_READ ? TLSM_BIO_ERROR_ZERO_RETURN : TLSM_BIO_ERROR_NONE;
    switch ((enum tlsm_io)bio->result) {
    case TLSM_IO_WANT_READ: return tlsm_bio_waits(bio, TLSM_BIO_ERROR_WANT_READ);
    case TLSM_IO_WANT_WRITE: return tlsm_bio_waits(bio, TLSM_BIO_ERROR_WANT_WRITE);
    case TLSM_IO_WANT_ANSWER: return TLSM_BIO_ERROR_WANT_ANSWER;
    case TLSM_IO_ENDED: return ended_class(bio);
    case TLSM_IO_NO_MEMORY: case TLSM_IO_REFUSED: case TLSM_IO_UNREAD: case TLSM_IO_END: case TLSM_IO_DONE: break;
    }
    return TLSM_BIO_ERROR_SSL;
}

static const char *shutdown_reason(enum tlsm_shutdown_error error)
{
    switch (error) {
    case TLSM_SHUTDOWN_PROTOCOL: return "protocol error";
    case TLSM_SHUTDOWN_UNEXPECTED_EOF: return "unexpected eof while reading";
    case TLSM_SHUTDOWN_DATA_PENDING: return "application data pending";
    case TLSM_SHUTDOWN_IN_INIT: return "shutdown while in init";
    case TLSM_SHUTDOWN_FAILURE: return "out of memory, or the cryptographic library failed";
    case TLSM_SHUTDOWN_SYSCALL: return "the transport failed";
    case TLSM_SHUTDOWN_NONE: case TLSM_SHUTDOWN_WANT_READ: case TLSM_SHUTDOWN_WANT_WRITE: break;
    }
    return "";
}

static const char *ended_reason(const struct tlsm_bio *bio)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(bio->link.state, &verdict);
    if (verdict.how == TLSM_TRUNCATED_VERDICT || verdict.how == TLSM_CLOSED_INCOMPLETE_VERDICT)
        return "unexpected eof while reading";
    return tlsm_code_text(verdict.how == TLSM_OPEN ? bio->link.code : tlsm_how_code(verdict.how));
}

const char *tlsm_bio_reason(const struct tlsm_bio *bio)
{
    if (bio->last_call == TLSM_BIO_CALL_SHUTDOWN)
        return shutdown_reason(bio->shutdown_error);
    if (bio->result == TLSM_IO_REFUSED)
        return tlsm_code_text(bio->link.code);
    if (bio->result == TLSM_IO_NO_MEMORY)
        return "out of memory";
    if (bio->result == TLSM_IO_UNREAD)
        return "application data pending";
    return bio->result == TLSM_IO_ENDED ? ended_reason(bio) : "";
}

int tlsm_bio_errno(const struct tlsm_bio *bio) { return bio->saved_errno; }
