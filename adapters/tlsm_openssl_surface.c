/* SPDX-License-Identifier: MIT */
/* The surface of libssl: the BIO it reads from and writes to, the messages it tells of, the calls it is made. Everything that
 * crosses it is told to the machine, in the order in which it crosses; nothing is judged here. */
#include "tlsm_openssl_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 4096, RESERVE = 512, TYPE_CCS = 20, HANDSHAKE_TICKET = 4, TYPE_HANDSHAKE = 22 };

int tlsm_openssl_room(struct tlsm_buffer *buffer, size_t count)
{
    const size_t live = tlsm_buffer_live(buffer);
    uint8_t *larger;
    if (buffer->start > 0 && buffer->capacity - buffer->end < count) {
        memmove(buffer->data, buffer->data + buffer->start, live);
        buffer->start = 0;
        buffer->end = live;
    }
    if (buffer->capacity - buffer->end >= count)
        return 1;
    larger = realloc(buffer->data, live + count + PIECE);
    if (larger == NULL)
        return 0;
    buffer->data = larger;
    buffer->capacity = live + count + PIECE;
    return 1;
}

void tlsm_openssl_used(struct tlsm_buffer *buffer, size_t count)
{
    OPENSSL_cleanse(buffer->data + buffer->start, count);
    buffer->start += count;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

enum tlsm_code tlsm_openssl_seen(struct tlsm_openssl *driver, const struct tlsm_seen *seen)
{
    struct tlsm_out out;
    return tlsm_observe(&driver->settings, &driver->observed, seen, &out);
}

enum tlsm_code tlsm_openssl_tell(struct tlsm_openssl *driver, enum tlsm_in_kind kind, size_t count)
{
    struct tlsm_out out;
    struct tlsm_in in;
    memset(&in, 0, sizeof in);
    in.kind = kind;
    in.count = kind == TLSM_IN_SENT ? count : 0;
    in.one_way = kind == TLSM_IN_CLOSE && count != 0;
    in.vouch = kind == TLSM_IN_EOF && count != 0;
    return tlsm_observe_in(&driver->settings, &driver->observed, &in, &out);
}

/* ------------------------------------------------------------------------------------------------ the BIO */

/* libssl never hears of an end: what has not come may still come, as far as it is told (T4). */
static int watch_read(BIO *bio, char *to, int length)
{
    struct tlsm_openssl *driver = BIO_get_data(bio);
    struct tlsm_seen seen = { .kind = TLSM_SEEN_INPUT };
    size_t count = tlsm_buffer_live(&driver->in), hint;
    BIO_clear_retry_flags(bio);
    if (length <= 0 || count == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    count = count < (size_t)length ? count : (size_t)length;
    hint = tlsm_observe_hint(&driver->observed);
    if (driver->greedy && hint < count)   /* C4: what follows a record may not be libssl's any more */
        count = hint;
    memcpy(to, driver->in.data + driver->in.start, count);
    seen.bytes.data = driver->in.data + driver->in.start;
    seen.bytes.length = count;
    (void)tlsm_openssl_seen(driver, &seen);
    tlsm_openssl_used(&driver->in, count);
    driver->given += count;
    return (int)count;
}

/* Takes everything: a write never blocks inside libssl. What may not follow our last word any more is dropped, and libssl goes
 * on in the belief that it was sent. */
static int watch_write(BIO *bio, const char *from, int length)
{
    struct tlsm_openssl *driver = BIO_get_data(bio);
    struct tlsm_seen seen = { .kind = TLSM_SEEN_OUTPUT };
    BIO_clear_retry_flags(bio);
    if (length <= 0)
        return length;
    if (!tlsm_openssl_room(&driver->out, (size_t)length)) {
        BIO_set_retry_write(bio);
        return -1;
    }
    memcpy(driver->out.data + driver->out.end, from, (size_t)length);
    seen.bytes.data = driver->out.data + driver->out.end;
    seen.bytes.length = (size_t)length;
    if (tlsm_openssl_seen(driver, &seen) == TLSM_OK)
        driver->out.end += (size_t)length;
    return length;
}

static long watch_ctrl(BIO *bio, int command, long number, void *pointer)
{
    struct tlsm_openssl *driver = BIO_get_data(bio);
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_PENDING:
        return (long)tlsm_buffer_live(&driver->in);
    case BIO_C_GET_FD:
        return driver->rbio != NULL ? BIO_ctrl(driver->rbio, command, number, pointer) : -1;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------ messages */

void tlsm_openssl_adopt(struct tlsm_openssl *driver)
{
    struct tlsm_seen seen = { .kind = TLSM_SEEN_CONNECTED };
    const SSL_SESSION *session;
    if ((tlsm_openssl_control(driver)->facts & TLSM_FACT_COMPLETE) != 0 || !SSL_is_init_finished(driver->ssl))
        return;
    session = SSL_get0_session(driver->ssl);
    seen.version = (uint16_t)SSL_version(driver->ssl);
    seen.resumed = SSL_session_reused(driver->ssl) != 0;
    seen.tickets = seen.version < TLSM_1_3 && session != NULL && SSL_SESSION_is_resumable(session);
    (void)tlsm_openssl_seen(driver, &seen);
}

static void record_begins(struct tlsm_openssl *driver, const uint8_t *header, size_t length)
{
    struct tlsm_seen seen = { .kind = TLSM_SEEN_RECORD };
    if (length != TLSM_HEADER)
        return;
    driver->peer_ccs |= header[0] == TYPE_CCS || tlsm_connected(&driver->observed.state);
    driver->inner = driver->peer_ccs && SSL_version(driver->ssl) < TLSM_1_3;
    seen.type = header[0];
    seen.count = (size_t)header[3] << 8 | header[4];
    if (!driver->greedy)   /* else its body may be in libssl's buffer already */
        (void)tlsm_openssl_seen(driver, &seen);
}

static void alert(struct tlsm_openssl *driver, int sent, const uint8_t *bytes, size_t length)
{
    struct tlsm_seen seen = { .kind = sent ? TLSM_SEEN_ALERT_OUT : TLSM_SEEN_ALERT_IN };
    seen.bytes.data = bytes;
    seen.bytes.length = length;
    seen.version = (uint16_t)SSL_version(driver->ssl);
    seen.authentic = driver->inner != 0;
    (void)tlsm_openssl_seen(driver, &seen);
}

/* A ticket came, or was issued. */
static void message(struct tlsm_openssl *driver, int sent, const uint8_t *bytes, size_t length)
{
    struct tlsm_seen seen = { .kind = TLSM_SEEN_MESSAGE };
    seen.tickets = length > 0 && bytes[0] == HANDSHAKE_TICKET;
    if (!sent || seen.tickets)
        (void)tlsm_openssl_seen(driver, &seen);
}

static void watch_messages(int sent, int version, int type, const void *bytes, size_t length, SSL *ssl, void *arg)
{
    struct tlsm_openssl *driver = arg;
    struct tlsm_seen fragment = { .kind = TLSM_SEEN_FRAGMENT };
    const uint8_t *at = bytes;
    if (driver->options.msg_callback != NULL)
        driver->options.msg_callback(sent, version, type, bytes, length, ssl, driver->options.msg_callback_arg);
    if (type == SSL3_RT_HEADER && !sent)
        record_begins(driver, at, length);
    else if (type == SSL3_RT_INNER_CONTENT_TYPE && !sent && length == 1) {
        driver->inner = 1;
        if (at[0] == TYPE_HANDSHAKE)
            (void)tlsm_openssl_seen(driver, &fragment);
    } else if (type == SSL3_RT_ALERT)
        alert(driver, sent, at, length);
    else if (type == SSL3_RT_HANDSHAKE)
        message(driver, sent, at, length);
}

/* ------------------------------------------------------------------------------------------------ in and out */

static BIO_METHOD *new_method(const struct tlsm_openssl *driver)
{
    const int descriptor = driver->receive_at >= 0 ? BIO_TYPE_DESCRIPTOR : 0;
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | descriptor, "tlsm");
    if (method == NULL)
        return NULL;
    if (!BIO_meth_set_read(method, watch_read) || !BIO_meth_set_write(method, watch_write) ||
        !BIO_meth_set_ctrl(method, watch_ctrl)) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

int tlsm_openssl_install(struct tlsm_openssl *driver)
{
    BIO *watch = NULL;
    driver->method = new_method(driver);
    if (driver->method != NULL)
        watch = BIO_new(driver->method);
    if (watch == NULL) {
        BIO_meth_free(driver->method);
        return 0;
    }
    BIO_set_data(watch, driver);
    BIO_set_init(watch, 1);
    if (driver->rbio != NULL) {
        (void)BIO_up_ref(driver->rbio);
        (void)BIO_up_ref(driver->wbio);
    }
    (void)BIO_up_ref(watch);
    SSL_set0_rbio(driver->ssl, watch);
    SSL_set0_wbio(driver->ssl, watch);
    SSL_set_msg_callback(driver->ssl, watch_messages);
    SSL_set_msg_callback_arg(driver->ssl, driver);
    return 1;
}

void tlsm_openssl_remove(struct tlsm_openssl *driver)
{
    SSL_set0_rbio(driver->ssl, driver->rbio);
    SSL_set0_wbio(driver->ssl, driver->wbio);
    SSL_set_msg_callback(driver->ssl, driver->options.msg_callback);
    SSL_set_msg_callback_arg(driver->ssl, driver->options.msg_callback_arg);
    BIO_meth_free(driver->method);
}

/* ------------------------------------------------------------------------------------------------ calls */

/* Ours is made whatever the application thinks of quiet ones: the verdict is about what the peer heard. */
static int shutdown_aloud(SSL *ssl)
{
    const int quiet = SSL_get_quiet_shutdown(ssl);
    int returns;
    SSL_set_quiet_shutdown(ssl, 0);
    returns = SSL_shutdown(ssl);
    SSL_set_quiet_shutdown(ssl, quiet);
    return returns == 0 ? 1 : returns;
}

static int make_call(struct tlsm_openssl *driver, enum tlsm_openssl_call call, const void *from, void *to, size_t length,
                     size_t *count)
{
    switch (call) {
    case TLSM_CALL_HANDSHAKE: return SSL_do_handshake(driver->ssl);
    case TLSM_CALL_READ: return SSL_read_ex(driver->ssl, to, length, count);
    case TLSM_CALL_WRITE: return SSL_write_ex(driver->ssl, from, length, count);
    case TLSM_CALL_SHUTDOWN: return shutdown_aloud(driver->ssl);
    }
    return 0;
}

static enum tlsm_openssl_did did(struct tlsm_openssl *driver, int error)
{
    const struct tlsm_seen seen = { .kind = TLSM_SEEN_FAILED };
    switch (error) {
    case SSL_ERROR_NONE: return TLSM_DID;
    case SSL_ERROR_WANT_READ: return TLSM_DID_STARVE;
    case SSL_ERROR_WANT_WRITE: return TLSM_DID_CHOKE;
    case SSL_ERROR_ZERO_RETURN: return TLSM_DID_END;
    case SSL_ERROR_SSL: case SSL_ERROR_SYSCALL:
        driver->failed = 1;
        (void)tlsm_openssl_seen(driver, &seen);
        return TLSM_DID_FAIL;
    }
    return TLSM_DID_ASK;
}

enum tlsm_openssl_did tlsm_openssl_call(struct tlsm_openssl *driver, enum tlsm_openssl_call call, const void *from, void *to,
                                        size_t length, size_t *count)
{
    int returns, error;
    if (driver->failed)
        return TLSM_DID_FAIL;
    /* So that no alert is ever refused: libssl would forget it. */
    if (!tlsm_openssl_room(&driver->out, RESERVE + (call == TLSM_CALL_WRITE ? 2 * length : 0)))
        return TLSM_DID_CHOKE;
    ERR_clear_error();
    driver->greedy = SSL_get_read_ahead(driver->ssl) != 0;
    returns = make_call(driver, call, from, to, length, count);
    error = returns > 0 ? SSL_ERROR_NONE : SSL_get_error(driver->ssl, returns);
    if (error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL)
        driver->reason = ERR_peek_error();
    ERR_clear_error();
    tlsm_openssl_adopt(driver);
    return did(driver, error);
}
