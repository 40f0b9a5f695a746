/* SPDX-License-Identifier: MIT */
/* Around the driver's calls: what is known of a connection, bytes that the caller moves, birth and death. */
#define _DEFAULT_SOURCE

#include "tlsm_openssl_internal.h"
#include "tlsm_socket_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { OUT_LIMIT = 32768 };

/* ------------------------------------------------------------------------------------------------ what is known */

unsigned tlsm_openssl_needs(const struct tlsm_openssl *driver)
{
    const unsigned needs = tlsm_needs(&driver->observed.state);
    return needs != 0 && tlsm_openssl_may_receive(driver) ? (needs & ~(unsigned)TLSM_NEED_COMMAND) | TLSM_NEED_RECEIVE : needs;
}

short tlsm_openssl_events(const struct tlsm_openssl *driver)
{
    const unsigned want = tlsm_openssl_wants(driver);
    if (driver->finished)
        return 0;
    if (driver->linger_until_ms != UINT64_MAX)
        return POLLIN;
    return (short)((want & TLSM_WANT_READ ? POLLIN : 0) | (want & TLSM_WANT_WRITE ? POLLOUT : 0));
}

int tlsm_openssl_timeout(const struct tlsm_openssl *driver)
{
    uint64_t until = tlsm_is_final(&driver->observed.state) ? UINT64_MAX : driver->deadline_ms;
    if (driver->linger_until_ms < until)
        until = driver->linger_until_ms;
    return driver->finished ? -1 : tlsm_socket_left(until);
}

void tlsm_openssl_verdict(const struct tlsm_openssl *driver, struct tlsm_verdict *verdict)
{
    tlsm_verdict(&driver->observed.state, verdict);
}

void tlsm_openssl_advice(const struct tlsm_openssl *driver, struct tlsm_advice *advice)
{
    tlsm_advice(&driver->observed.state, advice);
}

const struct tlsm_state *tlsm_openssl_state(const struct tlsm_openssl *driver) { return &driver->observed.state; }
enum tlsm_code tlsm_openssl_code(const struct tlsm_openssl *driver) { return driver->code; }
size_t tlsm_openssl_unread(const struct tlsm_openssl *driver) { return tlsm_buffer_live(&driver->plain); }
int tlsm_openssl_errno(const struct tlsm_openssl *driver) { return driver->error; }
unsigned long tlsm_openssl_reason(const struct tlsm_openssl *driver) { return driver->reason; }

struct tlsm_bytes tlsm_openssl_rest(const struct tlsm_openssl *driver)
{
    struct tlsm_bytes rest = { NULL, 0 };
    if (tlsm_openssl_control(driver)->rx == TLSM_RX_CLOSED && tlsm_buffer_live(&driver->in) > 0) {
        rest.data = driver->in.data + driver->in.start;
        rest.length = tlsm_buffer_live(&driver->in);
    }
    return rest;
}

/* ------------------------------------------------------------------------------------------------ the caller moves bytes */

size_t tlsm_openssl_feed(struct tlsm_openssl *driver, const void *bytes, size_t count)
{
    const size_t have = tlsm_buffer_live(&driver->in);
    const size_t most = driver->settings.keep_transport ? tlsm_observe_hint(&driver->observed) : (size_t)TLSM_OPENSSL_AT_ONCE;
    if (!(tlsm_openssl_wants(driver) & TLSM_WANT_READ) || have >= most)
        return 0;
    count = count < most - have ? count : most - have;
    if (count == 0 || !tlsm_openssl_room(&driver->in, count))
        return 0;
    memcpy(driver->in.data + driver->in.end, bytes, count);
    driver->in.end += count;
    return count;
}

void tlsm_openssl_eof(struct tlsm_openssl *driver)
{
    if (driver->transport_end == TLSM_TRANSPORT_RUNS)
        driver->transport_end = TLSM_TRANSPORT_EOF;
}

void tlsm_openssl_receive_failed(struct tlsm_openssl *driver)
{
    if (driver->transport_end == TLSM_TRANSPORT_RUNS)
        driver->transport_end = TLSM_TRANSPORT_FAILED;
}

struct tlsm_bytes tlsm_openssl_pending(const struct tlsm_openssl *driver)
{
    struct tlsm_bytes pending = { NULL, 0 };
    if (tlsm_openssl_unsent(driver) > 0) {
        pending.data = driver->out.data + driver->out.start;
        pending.length = tlsm_openssl_unsent(driver);
    }
    return pending;
}

int tlsm_openssl_sent(struct tlsm_openssl *driver, size_t count)
{
    if (count > tlsm_openssl_unsent(driver))
        return tlsm_openssl_refuse(driver, TLSM_SENT_TOO_MUCH);
    tlsm_openssl_took(driver, count);
    return TLSM_IO_DONE;
}

void tlsm_openssl_send_failed(struct tlsm_openssl *driver)
{
    const int error = errno;
    tlsm_openssl_sending_failed(driver);
    (void)tlsm_openssl_run(driver);
    errno = error;
}

/* ------------------------------------------------------------------------------------------------ birth and death */

static enum tlsm_code acceptable(SSL *ssl, const struct tlsm_openssl_options *options)
{
    BIO *rbio = SSL_get_rbio(ssl), *wbio = SSL_get_wbio(ssl);
    const int unfinished = SSL_want_write(ssl) && SSL_is_init_finished(ssl);
    if (SSL_is_dtls(ssl) || (rbio == NULL) != (wbio == NULL))
        return TLSM_BAD_ARGUMENT;
    if (wbio != NULL && (BIO_get_ktls_send(wbio) || BIO_get_ktls_recv(rbio)))
        return TLSM_BAD_ARGUMENT;
    if (strcmp(SSL_state_string(ssl), "SSLERR") == 0)
        return TLSM_WRITE_FAILED;
    if (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN)
        return TLSM_READ_ENDED;
    if (SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN)
        return TLSM_WRITE_CLOSED;
    if (unfinished && options->pending_write.length == 0)
        return TLSM_SEND_FIRST;
    return !unfinished && options->pending_write.length > 0 ? TLSM_BAD_ARGUMENT : TLSM_OK;
}

static void set_policies(struct tlsm_openssl *driver, const struct tlsm_openssl_options *options)
{
    driver->options = *options;
    if (options->out_limit == 0)
        driver->options.out_limit = OUT_LIMIT;
    driver->settings.role = SSL_is_server(driver->ssl) ? TLSM_SERVER : TLSM_CLIENT;
    driver->settings.eof = options->eof;
    driver->settings.data_while_closing = options->data_while_closing;
    driver->settings.keep_transport = options->keep_transport != 0;
    driver->settings.budget_bytes = options->budget_bytes;
    driver->settings.budget_records = options->budget_records;
}

/* Is libssl in the middle of a record that it has part of? */
static int mid_record(const SSL *ssl)
{
    const int body = strcmp(SSL_rstate_string(ssl), "RB") == 0;
    const int held = SSL_has_pending(ssl) && (SSL_pending(ssl) == 0 || SSL_get_read_ahead(ssl));
    return body || held;
}

/* All of it: with SSL_MODE_ENABLE_PARTIAL_WRITE a call finishes a record or two, and nobody else has the rest. */
static enum tlsm_code finish_write(struct tlsm_openssl *driver, const uint8_t *from, size_t length)
{
    while (length > 0) {
        struct tlsm_seen seen = { .kind = TLSM_SEEN_WROTE };
        if (tlsm_openssl_call(driver, TLSM_CALL_WRITE, from, NULL, length, &seen.count) != TLSM_DID)
            return TLSM_BAD_ARGUMENT;
        (void)tlsm_openssl_seen(driver, &seen);
        from += seen.count;
        length -= seen.count;
    }
    return TLSM_OK;
}

static enum tlsm_code start(struct tlsm_openssl *driver)
{
    struct tlsm_seen seen = { .kind = TLSM_SEEN_START };
    const struct tlsm_bytes write = driver->options.pending_write;
    seen.count = !SSL_in_before(driver->ssl);
    seen.lost_in = mid_record(driver->ssl) != 0;
    seen.lost_out = SSL_want_write(driver->ssl) != 0;
    (void)tlsm_openssl_seen(driver, &seen);
    if (write.length == 0) {
        if (SSL_want_write(driver->ssl))   /* a handshake's, or a key update's: here it does not wait any more */
            (void)tlsm_openssl_call(driver, TLSM_CALL_HANDSHAKE, NULL, NULL, 0, NULL);
        tlsm_openssl_adopt(driver);
        return TLSM_OK;
    }
    return finish_write(driver, write.data, write.length);
}

static void drop(struct tlsm_openssl *driver)
{
    free(driver->in.data);
    free(driver->out.data);
    if (driver->plain.data != NULL)
        OPENSSL_cleanse(driver->plain.data, driver->plain.capacity);
    free(driver->plain.data);
    free(driver);
}

static struct tlsm_openssl *make(SSL *ssl, const struct tlsm_openssl_options *options)
{
    struct tlsm_openssl *driver = calloc(1, sizeof *driver);
    if (driver == NULL)
        return NULL;
    driver->ssl = ssl;
    driver->rbio = SSL_get_rbio(ssl);
    driver->wbio = SSL_get_wbio(ssl);
    driver->deadline_ms = driver->linger_until_ms = UINT64_MAX;
    set_policies(driver, options);
    tlsm_observe_init(&driver->observed);
    tlsm_openssl_attach(driver);
    if (tlsm_openssl_install(driver))
        return driver;
    drop(driver);
    return NULL;
}

struct tlsm_openssl *tlsm_openssl_new(SSL *ssl, const struct tlsm_openssl_options *options, enum tlsm_code *why)
{
    static const struct tlsm_openssl_options none;
    const int error = errno;
    struct tlsm_openssl *driver = NULL;
    enum tlsm_code code;
    if (options == NULL)
        options = &none;
    code = acceptable(ssl, options);
    if (code == TLSM_OK)
        driver = make(ssl, options);
    if (driver != NULL)
        code = start(driver);
    if (driver != NULL && code != TLSM_OK) {
        tlsm_openssl_remove(driver);
        drop(driver);
        driver = NULL;
    }
    ERR_clear_error();
    if (why != NULL)
        *why = code;
    errno = error;
    return driver;
}

void tlsm_openssl_free(struct tlsm_openssl *driver)
{
    const int error = errno;
    if (driver == NULL)
        return;
    driver->options.non_blocking = 1;
    if (tlsm_openssl_unsent(driver) > 0 || tlsm_openssl_unread(driver) > 0 || tlsm_buffer_live(&driver->in) > 0)
        (void)tlsm_openssl_tell(driver, TLSM_IN_ABANDON, 0);
    (void)tlsm_openssl_finish(driver);
    tlsm_openssl_remove(driver);
    drop(driver);
    errno = error;
}
