/* SPDX-License-Identifier: MIT */
/* Handshake, read, write, shutdown, and what SSL_get_error() says of them. */
#include "tlsm_ssl_internal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const char no_connection[] = "there is no connection";

/* ------------------------------------------------------------------------------------------------ handshake */

/* What follows from a complete handshake. 0: the peer is refused after all, and told so. */
static int settle(SSL *ssl)
{
    if (tlsm_ssl_session_answers(ssl)) {
        tlsm_ssl_session_settle(ssl);
        return 1;
    }
    (void)tlsm_bio_flush(ssl->bio);
    (void)tlsm_ssl_report(ssl, TLSM_IO_ENDED);
    return 0;
}

static int handshake(SSL *ssl)
{
    int done;
    if (!tlsm_ssl_start(ssl) || !tlsm_ssl_has_bios(ssl))
        return -1;
    done = ssl->role == TLSM_CLIENT ? tlsm_bio_connect(ssl->bio, NULL) : tlsm_bio_accept(ssl->bio);
    /* What the peer had said was read (G3). It cannot answer what did not reach it: waiting for that might never end, and a
     * handshake whose last messages never left is none. */
    if ((done == TLSM_IO_WANT_READ || done == TLSM_IO_DONE) && ssl->bio->send_failed)
        done = TLSM_IO_ENDED;
    if (done == TLSM_IO_UNREAD)
        return ssl->early_call ? -1 : tlsm_ssl_refuse(ssl, ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED, "early data is unread: SSL_read_early_data()") - 1;
    if (done != TLSM_IO_DONE)
        return tlsm_ssl_report(ssl, done);
    if (!settle(ssl))
        return -1;
    tlsm_ssl_succeeded(ssl);
    ssl->settled = 1;
    return 1;
}

int SSL_do_handshake(SSL *ssl)
{
    int done;
    if (ssl == NULL)
        return tlsm_ssl_refuse(NULL, ERR_R_PASSED_NULL_PARAMETER, no_connection) - 1;
    if (ssl->settled) {   /* data that waits for the transport is no handshake's business */
        tlsm_ssl_succeeded(ssl);
        return 1;
    }
    done = handshake(ssl);
    tlsm_ssl_info(ssl, ssl->role == TLSM_SERVER ? SSL_CB_ACCEPT_EXIT : SSL_CB_CONNECT_EXIT, done);
    return done;
}

int SSL_connect(SSL *ssl)
{
    if (ssl != NULL && ssl->role == 0)
        SSL_set_connect_state(ssl);
    return SSL_do_handshake(ssl);
}

int SSL_accept(SSL *ssl)
{
    if (ssl != NULL && ssl->role == 0)
        SSL_set_accept_state(ssl);
    return SSL_do_handshake(ssl);
}

/* Before reading or writing: the handshake, if it is not through. 1, else what the call returns. */
static int ready(SSL *ssl)
{
    const struct tlsm_state *machine;
    if (ssl->role == 0)
        return tlsm_ssl_refuse(ssl, SSL_R_UNINITIALIZED, "the handshake comes first: SSL_connect() or SSL_accept()") - 1;
    machine = ssl_machine(ssl);
    /* Once something of it is over, reading and writing know more than the handshake does. */
    if (machine != NULL && (tlsm_connected(machine) || tlsm_is_final(machine))) {
        return settle(ssl) ? 1 : -1;
    }
    return SSL_do_handshake(ssl);
}

/* ------------------------------------------------------------------------------------------------ reading */

/* 1: plaintext lies there; else what the call returns. */
static int fill(SSL *ssl)
{
    int done = ready(ssl);
    if (done != 1)
        return done;
    /* The application said itself that the peer's half has ended (K2). A quiet SSL_shutdown() says no such thing: what the peer
     * has sent is still there, and its end is what it is. */
    if (tlsm_link_unread(&ssl->bio->link) == 0 && (ssl->bio->procedure.preset & SSL_RECEIVED_SHUTDOWN))
        return tlsm_ssl_report(ssl, TLSM_IO_END);
    if (tlsm_link_unread(&ssl->bio->link) == 0 && !tlsm_ssl_has_bios(ssl))
        return -1;
    done = tlsm_bio_fill(ssl->bio);
    return done == TLSM_IO_DONE ? 1 : tlsm_ssl_report(ssl, done);
}

static int read_some(SSL *ssl, void *to, size_t room, int keep, size_t *count)
{
    int done;
    *count = 0;
    if (ssl == NULL)
        return tlsm_ssl_refuse(NULL, ERR_R_PASSED_NULL_PARAMETER, no_connection) - 1;
    if (room == 0 || to == NULL)
        return room == 0 ? (tlsm_ssl_succeeded(ssl), 0) : tlsm_ssl_refuse(ssl, ERR_R_PASSED_NULL_PARAMETER, "there is no buffer") - 1;
    done = fill(ssl);
    if (done != 1)
        return done;
    *count = keep ? tlsm_link_copy(&ssl->bio->link, to, room) : tlsm_link_take(&ssl->bio->link, to, room);
    tlsm_ssl_succeeded(ssl);
    return 1;
}

static int bad_length(SSL *ssl) { return tlsm_ssl_refuse(ssl, SSL_R_BAD_LENGTH, "the length is negative") - 1; }

int SSL_read(SSL *ssl, void *to, int room)
{
    size_t count = 0;
    const int done = room < 0 ? bad_length(ssl) : read_some(ssl, to, (size_t)room, 0, &count);
    return done == 1 ? (int)count : done;
}

int SSL_peek(SSL *ssl, void *to, int room)
{
    size_t count = 0;
    const int done = room < 0 ? bad_length(ssl) : read_some(ssl, to, (size_t)room, 1, &count);
    return done == 1 ? (int)count : done;
}

int SSL_read_ex(SSL *ssl, void *to, size_t room, size_t *count)
{
    size_t unused = 0;
    return read_some(ssl, to, room, 0, count != NULL ? count : &unused) == 1;
}

int SSL_peek_ex(SSL *ssl, void *to, size_t room, size_t *count)
{
    size_t unused = 0;
    return read_some(ssl, to, room, 1, count != NULL ? count : &unused) == 1;
}

int SSL_pending(const SSL *ssl)
{
    const size_t unread = ssl != NULL && ssl->bio != NULL ? tlsm_link_unread(&ssl->bio->link) : 0;
    return unread < INT_MAX ? (int)unread : INT_MAX;
}

int SSL_has_pending(const SSL *ssl)
{
    return SSL_pending(ssl) > 0 || (ssl != NULL && ssl->bio != NULL && tlsm_link_rest(&ssl->bio->link).length > 0);
}

/* ------------------------------------------------------------------------------------------------ writing */

/* Seals what is not sealed of this write yet, up to what may wait for the transport. 1, else what the call returns. */
static int seal(SSL *ssl, const uint8_t *from, size_t length)
{
    const size_t limit = ssl->profile.mode & SSL_MODE_ENABLE_PARTIAL_WRITE ? TLSM_PLAIN_MAX : length;
    while (ssl->accepted < length && ssl->accepted < limit) {
        const size_t left = (limit < length ? limit : length) - ssl->accepted;
        const ptrdiff_t sealed = tlsm_link_seal(&ssl->bio->link, from + ssl->accepted, left);
        if (sealed == TLSM_IO_WANT_WRITE)
            break;
        if (sealed < 0) {
            ssl->accepted = sealed == TLSM_IO_NO_MEMORY ? ssl->accepted : 0;
            return tlsm_ssl_report(ssl, (int)sealed);
        }
        ssl->accepted += (size_t)sealed;
    }
    return 1;
}

static size_t tail_length(const SSL *ssl)
{
    return ssl->accepted < sizeof ssl->accepted_tail ? ssl->accepted : sizeof ssl->accepted_tail;
}

/* Part of a message is on its way: only its rest may follow, wherever it lies now. */
static int may_repeat(SSL *ssl, const uint8_t *from, size_t length)
{
    const size_t tail = tail_length(ssl);
    if (ssl->accepted == 0)
        return 1;
    if (ssl->accepted > length)
        return tlsm_ssl_refuse(ssl, SSL_R_BAD_WRITE_RETRY, "the write that is being repeated was longer, and part of it is sealed");
    if (memcmp(ssl->accepted_tail, from + ssl->accepted - tail, tail) != 0)
        return tlsm_ssl_refuse(ssl, SSL_R_BAD_WRITE_RETRY, "the write that is being repeated had other bytes, and part of it is sealed");
    OPENSSL_cleanse(ssl->accepted_tail, sizeof ssl->accepted_tail);
    return 1;
}

static int write_through(SSL *ssl, const uint8_t *from, size_t length, size_t *count)
{
    for (;;) {
        int done = seal(ssl, from, length);
        if (done != 1)
            return done;
        done = tlsm_bio_flush(ssl->bio);
        if (done != TLSM_IO_DONE) {
            ssl->accepted = done == TLSM_IO_WANT_WRITE || done == TLSM_IO_NO_MEMORY ? ssl->accepted : 0;
            return tlsm_ssl_report(ssl, done);
        }
        if (ssl->accepted == length || ssl->profile.mode & SSL_MODE_ENABLE_PARTIAL_WRITE)
            break;
    }
    *count = ssl->accepted;
    ssl->accepted = 0;
    ssl->settled = 1;   /* and nothing else is left to send */
    tlsm_ssl_succeeded(ssl);
    return 1;
}

/* A write succeeds when all it took has left: nobody flushes for a program that goes on to wait for an answer. What a call
 * that returned WANT_WRITE has sealed is remembered, and the call that repeats it goes on behind that. */
static int write_all(SSL *ssl, const uint8_t *from, size_t length, size_t *count)
{
    int done;
    if (!may_repeat(ssl, from, length))
        return -1;
    done = write_through(ssl, from, length, count);
    if (ssl->accepted > 0)
        memcpy(ssl->accepted_tail, from + ssl->accepted - tail_length(ssl), tail_length(ssl));
    return done;
}

static int write_some(SSL *ssl, const void *from, size_t length, size_t *count)
{
    int done;
    *count = 0;
    if (ssl == NULL)
        return tlsm_ssl_refuse(NULL, ERR_R_PASSED_NULL_PARAMETER, no_connection) - 1;
    if (from == NULL && length > 0)
        return tlsm_ssl_refuse(ssl, ERR_R_PASSED_NULL_PARAMETER, "there is no buffer") - 1;
    done = ready(ssl);
    if (done != 1)
        return done;
    if (ssl->bio->procedure.flags & SSL_SENT_SHUTDOWN)   /* A14, and K2: by SSL_shutdown(), quiet or not, or beforehand */
        return tlsm_ssl_refuse(ssl, SSL_R_PROTOCOL_IS_SHUTDOWN, "our side is shut down") - 1;
    if (!tlsm_ssl_has_bios(ssl))
        return -1;
    return write_all(ssl, from, length, count);
}

int SSL_write(SSL *ssl, const void *from, int length)
{
    size_t count = 0;
    const int done = length < 0 ? bad_length(ssl) : write_some(ssl, from, (size_t)length, &count);
    return done == 1 ? (int)count : done;
}

int SSL_write_ex(SSL *ssl, const void *from, size_t length, size_t *count)
{
    size_t unused = 0;
    return write_some(ssl, from, length, count != NULL ? count : &unused) == 1;
}

/* ------------------------------------------------------------------------------------------------ shutdown */

/* Nothing has begun: nothing can be closed (A1), the flags say what was tried. */
static int shut_nothing(SSL *ssl)
{
    if (ssl->profile.quiet) {
        ssl->preset = SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN;
        tlsm_ssl_succeeded(ssl);
        return 1;
    }
    ssl->attempted = SSL_SENT_SHUTDOWN;
    return tlsm_ssl_refuse(ssl, ssl->role == 0 ? SSL_R_UNINITIALIZED : SSL_R_SHUTDOWN_WHILE_IN_INIT,
                           "no handshake was begun, so there is nothing to shut down") - 1;
}

int SSL_shutdown(SSL *ssl)
{
    int result;
    if (ssl == NULL)
        return tlsm_ssl_refuse(NULL, ERR_R_PASSED_NULL_PARAMETER, no_connection) - 1;
    if (ssl->bio == NULL)
        return shut_nothing(ssl);
    if (!ssl->profile.quiet && !tlsm_ssl_has_bios(ssl))
        return -1;
    tlsm_bio_contract(ssl->bio, ssl->profile.mode & SSL_MODE_TWO_STEP_SHUTDOWN ? TLSM_SHUTDOWN_TWO_STEP
                                                                                : TLSM_SHUTDOWN_ONE_CALL,
                      ssl->profile.quiet);
    result = tlsm_bio_shutdown(ssl->bio);
    tlsm_ssl_report_shutdown(ssl, result);
    return result;
}

int SSL_get_shutdown(const SSL *ssl)
{
    if (ssl == NULL)
        return 0;
    return ssl->bio != NULL ? tlsm_bio_get_shutdown(ssl->bio) : ssl->preset | ssl->attempted;
}

void SSL_set_shutdown(SSL *ssl, int flags)
{
    if (ssl == NULL)
        return;
    if (ssl->bio != NULL)
        tlsm_bio_set_shutdown(ssl->bio, flags);
    else
        ssl->preset = flags & (SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

/* ------------------------------------------------------------------------------------------------ errors and keys */

int SSL_get_error(const SSL *ssl, int result)
{
    if (ssl == NULL)
        return SSL_ERROR_SSL;
    return result > 0 ? SSL_ERROR_NONE : ssl->last.error;
}

int SSL_want(const SSL *ssl)
{
    switch (ssl != NULL ? ssl->last.error : SSL_ERROR_NONE) {
    case SSL_ERROR_WANT_READ: return SSL_READING;
    case SSL_ERROR_WANT_WRITE: return SSL_WRITING;
    case SSL_ERROR_WANT_X509_LOOKUP: return SSL_X509_LOOKUP;
    }
    return SSL_NOTHING;
}

int SSL_key_update(SSL *ssl, int type)
{
    struct tlsm_in in = { .kind = TLSM_IN_KEY_UPDATE };
    if (ssl == NULL || ssl->bio == NULL || !SSL_is_init_finished(ssl))
        return tlsm_ssl_refuse(ssl, SSL_R_STILL_IN_INIT, "keys can be updated once the handshake is complete");
    if (type != SSL_KEY_UPDATE_NOT_REQUESTED && type != SSL_KEY_UPDATE_REQUESTED)
        return tlsm_ssl_refuse(ssl, SSL_R_INVALID_KEY_UPDATE_TYPE, "there are two kinds: requested and not");
    if (ssl->bio->procedure.flags & SSL_SENT_SHUTDOWN || tlsm_is_final(ssl_machine(ssl)))   /* A14 */
        return tlsm_ssl_refuse(ssl, SSL_R_PROTOCOL_IS_SHUTDOWN, "our side is shut down");
    in.ask = type == SSL_KEY_UPDATE_REQUESTED;
    if (tlsm_link_command(&ssl->bio->link, &in) != TLSM_IO_DONE)
        return tlsm_ssl_refuse(ssl, SSL_R_PROTOCOL_IS_SHUTDOWN, tlsm_code_text(ssl->bio->link.code));
    ssl->settled = 0;   /* SSL_do_handshake() is how it is sent at once */
    tlsm_ssl_succeeded(ssl);
    return 1;
}

/* The kind that is owed and not made yet. */
int SSL_get_key_update_type(const SSL *ssl)
{
    const struct tlsm_state *const machine = ssl != NULL ? ssl_machine(ssl) : NULL;
    const uint8_t owes = machine != NULL ? machine->control.owes : 0;
    if (owes & TLSM_OWES_UPDATE_ASK)
        return SSL_KEY_UPDATE_REQUESTED;
    return owes & TLSM_OWES_UPDATE ? SSL_KEY_UPDATE_NOT_REQUESTED : SSL_KEY_UPDATE_NONE;
}

int SSL_renegotiate(SSL *ssl)
{
    if (SSL_version(ssl) == TLS1_3_VERSION)
        return tlsm_ssl_refuse(ssl, SSL_R_WRONG_SSL_VERSION, "TLS 1.3 has no renegotiation");
    return tlsm_ssl_refuse(ssl, SSL_R_NO_RENEGOTIATION, "there is no renegotiation here: it is what TLS 1.3 has done without");
}

int SSL_renegotiate_abbreviated(SSL *ssl) { return SSL_renegotiate(ssl); }

int SSL_renegotiate_pending(const SSL *ssl)
{
    (void)ssl;
    return 0;
}
