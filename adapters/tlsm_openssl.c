/* SPDX-License-Identifier: MIT */
/* The driver: asks the machine what is needed, moves bytes, calls libssl. What an ending is, the machine says. */
#define _DEFAULT_SOURCE

#include "tlsm_openssl_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { OUT_LIMIT = 32768, AT_ONCE = TLSM_HEADER + TLSM_RECORD_MAX };

/* ------------------------------------------------------------------------------------------------ what is so */

static const struct tlsm_control *control_of(const struct tlsm_openssl *driver) { return &driver->observed.state.control; }
static int is_connected(const struct tlsm_openssl *driver) { return tlsm_connected(&driver->observed.state); }
static size_t unread(const struct tlsm_openssl *driver) { return tlsm_buffer_live(&driver->plain); }
/* What is not taken; a half that is dead sends none of it. */
static size_t unsent(const struct tlsm_openssl *driver)
{
    return control_of(driver)->tx == TLSM_TX_DEAD ? 0 : tlsm_buffer_live(&driver->out);
}

static int may_receive(const struct tlsm_openssl *driver)
{
    const int in_handshake = control_of(driver)->rx == TLSM_RX_HANDSHAKE;
    return !driver->failed && (in_handshake || (tlsm_needs(&driver->observed.state) & TLSM_NEED_RECEIVE) != 0);
}

static unsigned wants(const struct tlsm_openssl *driver)
{
    const int reads = may_receive(driver) && unread(driver) == 0 && driver->transport_end == TLSM_TRANSPORT_RUNS;
    return (reads ? TLSM_WANT_READ : 0u) | (unsent(driver) > 0 ? TLSM_WANT_WRITE : 0u);
}

static int refuse(struct tlsm_openssl *driver, enum tlsm_code code)
{
    driver->code = code;
    return TLSM_IO_REFUSED;
}

/* ------------------------------------------------------------------------------------------------ libssl */

/* All that was received has been read: now the machine hears of the end (T3). */
static void tell_end(struct tlsm_openssl *driver)
{
    const int vouch = driver->vouch && driver->settings.eof == TLSM_EOF_FRAMED;
    if (driver->transport_end == TLSM_TRANSPORT_EOF)
        (void)tlsm_openssl_tell(driver, TLSM_IN_EOF, vouch ? 1 : 0);
    else if (driver->transport_end == TLSM_TRANSPORT_FAILED)
        (void)tlsm_openssl_tell(driver, TLSM_IN_RECEIVE_FAILED, 0);
}

static void give_up(struct tlsm_openssl *driver)
{
    const struct tlsm_seen seen = { .kind = TLSM_SEEN_FAILED };
    driver->failed = 1;
    (void)tlsm_openssl_seen(driver, &seen);
}

/* SSL_RECEIVED_SHUTDOWN without a close_notify: somebody set it. */
static enum tlsm_openssl_did doubt_end(struct tlsm_openssl *driver)
{
    const int flags = SSL_get_shutdown(driver->ssl);
    if (control_of(driver)->rx != TLSM_RX_OPEN && control_of(driver)->rx != TLSM_RX_HANDSHAKE)
        return TLSM_DID_END;
    if (flags & SSL_RECEIVED_SHUTDOWN) {
        SSL_set_shutdown(driver->ssl, flags & ~SSL_RECEIVED_SHUTDOWN);
        return TLSM_DID;
    }
    give_up(driver);
    return TLSM_DID_FAIL;
}

/* One record's data, judged by the machine. */
static enum tlsm_openssl_did read_record(struct tlsm_openssl *driver)
{
    struct tlsm_seen seen = { .kind = TLSM_SEEN_DATA };
    enum tlsm_openssl_did did;
    if (!tlsm_openssl_room(&driver->plain, TLSM_PLAIN_MAX))
        return TLSM_DID_CHOKE;
    did = tlsm_openssl_call(driver, TLSM_CALL_READ, NULL, driver->plain.data, TLSM_PLAIN_MAX, &seen.count);
    if (did != TLSM_DID)
        return did;
    driver->plain.end = seen.count;
    if (tlsm_openssl_seen(driver, &seen) != TLSM_DATA)
        tlsm_openssl_used(&driver->plain, seen.count);   /* discarded, or beyond a budget */
    return TLSM_DID;
}

/* Lets libssl read, up to the first plaintext. DONE: nothing more without the transport; WANT_ANSWER; NO_MEMORY. */
static int take_in(struct tlsm_openssl *driver)
{
    while (may_receive(driver) && unread(driver) == 0) {
        const uint64_t given = driver->given;
        enum tlsm_openssl_did did;
        if (is_connected(driver))
            did = read_record(driver);
        else
            did = tlsm_openssl_call(driver, TLSM_CALL_HANDSHAKE, NULL, NULL, 0, NULL);
        if (did == TLSM_DID_END)
            did = doubt_end(driver);
        switch (did) {
        case TLSM_DID:
            break;
        case TLSM_DID_STARVE:
            if (given != driver->given && tlsm_buffer_live(&driver->in) > 0)
                break;
            tell_end(driver);
            return TLSM_IO_DONE;
        case TLSM_DID_ASK:
            return TLSM_IO_WANT_ANSWER;
        case TLSM_DID_CHOKE:
            return TLSM_IO_NO_MEMORY;
        case TLSM_DID_END: case TLSM_DID_FAIL:
            return TLSM_IO_DONE;
        }
    }
    return TLSM_IO_DONE;
}

/* A key update that waits, or a renegotiation, has to be over before libssl makes a close_notify. 1: it is. */
static int may_make(struct tlsm_openssl *driver)
{
    if (!SSL_in_init(driver->ssl))
        return 1;
    (void)tlsm_openssl_call(driver, TLSM_CALL_HANDSHAKE, NULL, NULL, 0, NULL);
    if (driver->failed || !SSL_in_init(driver->ssl))
        return 1;
    if (!may_receive(driver))   /* what it waits for never comes */
        give_up(driver);
    return 0;
}

/* The close_notify that is owed. DONE, also when it has to wait; NO_MEMORY. */
static int make_close(struct tlsm_openssl *driver)
{
    if (control_of(driver)->tx != TLSM_TX_CLOSING || !may_make(driver) || control_of(driver)->tx != TLSM_TX_CLOSING)
        return TLSM_IO_DONE;
    SSL_set_shutdown(driver->ssl, SSL_get_shutdown(driver->ssl) & ~SSL_SENT_SHUTDOWN);
    if (tlsm_openssl_call(driver, TLSM_CALL_SHUTDOWN, NULL, NULL, 0, NULL) == TLSM_DID_CHOKE)
        return TLSM_IO_NO_MEMORY;
    if (control_of(driver)->tx == TLSM_TX_CLOSING)
        give_up(driver);
    return TLSM_IO_DONE;
}

static int run(struct tlsm_openssl *driver)
{
    int done = make_close(driver);
    if (done == TLSM_IO_DONE)
        done = take_in(driver);
    return done == TLSM_IO_DONE ? make_close(driver) : done;
}

/* ------------------------------------------------------------------------------------------------ one movement */

static size_t most_to_receive(const struct tlsm_openssl *driver)
{
    const int exact = driver->settings.keep_transport || !SSL_get_read_ahead(driver->ssl);
    return exact ? tlsm_observe_hint(&driver->observed) : (size_t)AT_ONCE;
}

/* 1: something came, or the end of it; 0: nothing is wanted; TLSM_IO_WANT_READ: blocked. */
static int receive_once(struct tlsm_openssl *driver)
{
    struct tlsm_span room;
    size_t count = 0;
    if (!(wants(driver) & TLSM_WANT_READ))
        return 0;
    room.capacity = most_to_receive(driver);
    if (!tlsm_openssl_room(&driver->in, room.capacity))
        return TLSM_IO_NO_MEMORY;
    room.data = driver->in.data + driver->in.end;
    switch (driver->transport.receive(driver, room, &count)) {
    case TLSM_MOVED:
        driver->in.end += count;
        return 1;
    case TLSM_MOVED_END:
        driver->transport_end = TLSM_TRANSPORT_EOF;
        return 1;
    case TLSM_MOVED_FAILED:
        driver->transport_end = TLSM_TRANSPORT_FAILED;
        return 1;
    case TLSM_BLOCKED: case TLSM_MOVED_LATE:
        break;
    }
    return TLSM_IO_WANT_READ;
}

static void sending_failed(struct tlsm_openssl *driver)
{
    driver->send_failed = 1;
    (void)tlsm_openssl_tell(driver, TLSM_IN_SEND_FAILED, 0);
}

/* G3: what the peer said before it went is taken in, as far as it has come. */
static void hear_last_words(struct tlsm_openssl *driver)
{
    int done;
    do {
        done = run(driver);
        if (done == TLSM_IO_DONE)
            done = receive_once(driver);
    } while (done > 0);
}

static void took(struct tlsm_openssl *driver, size_t count)
{
    tlsm_openssl_used(&driver->out, count);
    (void)tlsm_openssl_tell(driver, TLSM_IN_SENT, count);
}

/* 1: something went, or sending failed; 0: nothing is there; TLSM_IO_WANT_WRITE: blocked. */
static int send_once(struct tlsm_openssl *driver)
{
    const struct tlsm_bytes pending = tlsm_openssl_pending(driver);
    size_t count = 0;
    if (pending.length == 0)
        return 0;
    switch (driver->transport.send(driver, pending, &count)) {
    case TLSM_MOVED:
        took(driver, count);
        return 1;
    case TLSM_MOVED_END: case TLSM_MOVED_FAILED:
        sending_failed(driver);
        hear_last_words(driver);
        return 1;
    case TLSM_BLOCKED: case TLSM_MOVED_LATE:
        break;
    }
    return TLSM_IO_WANT_WRITE;
}

static int wait_for(struct tlsm_openssl *driver, unsigned want)
{
    const int blocked = want & TLSM_WANT_WRITE ? TLSM_IO_WANT_WRITE : TLSM_IO_WANT_READ;
    switch (driver->transport.wait(driver, want)) {
    case TLSM_MOVED:
        return 0;
    case TLSM_MOVED_LATE:
        (void)tlsm_openssl_tell(driver, TLSM_IN_DEADLINE, 0);
        return 0;
    case TLSM_MOVED_FAILED:
        driver->transport_end = TLSM_TRANSPORT_FAILED;
        sending_failed(driver);
        return 0;
    case TLSM_BLOCKED: case TLSM_MOVED_END:
        break;
    }
    return blocked;
}

/* Moves bytes once, waiting if it may. While sending is blocked the peer's are taken too, or two peers with full pipes would
 * wait for each other for ever. 0: something changed; else a result. */
static int advance(struct tlsm_openssl *driver, int reading)
{
    const int sent = send_once(driver);
    int received = 0;
    unsigned want = 0;
    if (sent > 0)
        return 0;
    if (reading || sent < 0)
        received = receive_once(driver);
    if (received > 0)
        return 0;
    if (received != 0 && received != TLSM_IO_WANT_READ)
        return received;
    want |= sent < 0 ? TLSM_WANT_WRITE : 0u;
    want |= received < 0 ? TLSM_WANT_READ : 0u;
    return want != 0 ? wait_for(driver, want) : TLSM_IO_ENDED;
}

/* ------------------------------------------------------------------------------------------------ the calls */

static void begin(struct tlsm_openssl *driver)
{
    ERR_clear_error();
    if (driver->deadline_ms != UINT64_MAX && tlsm_openssl_now() >= driver->deadline_ms)
        (void)tlsm_openssl_tell(driver, TLSM_IN_DEADLINE, 0);
}

/* Every call leaves errno as it was. */
static ptrdiff_t end(struct tlsm_openssl *driver, ptrdiff_t result, int error)
{
    tlsm_openssl_follow(driver);
    errno = error;
    return result;
}

static int handshake(struct tlsm_openssl *driver)
{
    for (;;) {
        int done = run(driver);
        if (done < 0 && done != TLSM_IO_WANT_ANSWER)
            return done;
        if (wants(driver) == 0 || (is_connected(driver) && unsent(driver) == 0)) {
            if (done == TLSM_IO_WANT_ANSWER)
                return done;
            return is_connected(driver) ? TLSM_IO_DONE : TLSM_IO_ENDED;
        }
        if (done == TLSM_IO_WANT_ANSWER && unsent(driver) == 0)
            return done;
        done = advance(driver, !is_connected(driver));
        if (done < 0)
            return done;
    }
}

int tlsm_openssl_handshake(struct tlsm_openssl *driver)
{
    const int error = errno;
    begin(driver);
    return (int)end(driver, handshake(driver), error);
}

/* The end of the peer's half is told at once, whatever of ours waits to be sent (T4); a fatal alert still goes first. */
static int reading_ended(struct tlsm_openssl *driver, ptrdiff_t *result)
{
    const uint8_t rx = control_of(driver)->rx, tx = control_of(driver)->tx;
    const int cut = rx == TLSM_RX_CUT && tx != TLSM_TX_FAILING && tx != TLSM_TX_FAIL_OUT;
    if (rx == TLSM_RX_CLOSED) {
        (void)send_once(driver);
        *result = TLSM_IO_END;
        return 1;
    }
    if (wants(driver) != 0 && !cut)
        return 0;
    if (rx == TLSM_RX_OPEN && !driver->failed)   /* one-way closed */
        *result = refuse(driver, TLSM_READ_ENDED);
    else
        *result = TLSM_IO_ENDED;
    return 1;
}

/* An established connection reads without a word of ours: what it waits for is the peer. */
static ptrdiff_t waits_for(const struct tlsm_openssl *driver, int done)
{
    const int reading = is_connected(driver) && (wants(driver) & TLSM_WANT_READ) != 0;
    return done == TLSM_IO_WANT_WRITE && reading ? TLSM_IO_WANT_READ : done;
}

static ptrdiff_t fill(struct tlsm_openssl *driver)
{
    ptrdiff_t result = 0;
    while (unread(driver) == 0) {
        int done = run(driver);
        if (unread(driver) > 0)
            break;
        if (done < 0 && done != TLSM_IO_WANT_ANSWER)
            return done;
        if (done == TLSM_IO_WANT_ANSWER && unsent(driver) == 0)
            return done;
        if (reading_ended(driver, &result))
            return result;
        done = advance(driver, done == TLSM_IO_DONE);
        if (done < 0)
            return waits_for(driver, done);
    }
    return TLSM_IO_DONE;
}

ptrdiff_t tlsm_openssl_read(struct tlsm_openssl *driver, void *to, size_t capacity)
{
    const int error = errno;
    ptrdiff_t got;
    if (capacity == 0)
        return refuse(driver, TLSM_BAD_ARGUMENT);
    begin(driver);
    got = fill(driver);
    if (got == TLSM_IO_DONE) {
        const size_t count = unread(driver) < capacity ? unread(driver) : capacity;
        memcpy(to, driver->plain.data + driver->plain.start, count);
        tlsm_openssl_used(&driver->plain, count);
        got = (ptrdiff_t)count;
    }
    return end(driver, got, error);
}

/* DONE: it may; REFUSED, ENDED: the row says why not. */
static int may_write(struct tlsm_openssl *driver)
{
    const struct tlsm_seen seen = { .kind = TLSM_SEEN_WROTE };
    if (tlsm_is_final(&driver->observed.state))
        return TLSM_IO_ENDED;
    driver->code = tlsm_openssl_seen(driver, &seen);
    if (driver->code == TLSM_WRITE_FAILED || driver->failed)
        return TLSM_IO_ENDED;
    return driver->code == TLSM_OK ? TLSM_IO_DONE : TLSM_IO_REFUSED;
}

/* A count, or a result. */
static ptrdiff_t write_piece(struct tlsm_openssl *driver, const uint8_t *from, size_t length)
{
    struct tlsm_seen seen = { .kind = TLSM_SEEN_WROTE };
    int done = may_write(driver);
    if (done != TLSM_IO_DONE)
        return done;
    if (unsent(driver) >= driver->options.out_limit)
        return TLSM_IO_WANT_WRITE;
    length = length < TLSM_PLAIN_MAX ? length : TLSM_PLAIN_MAX;
    switch (tlsm_openssl_call(driver, TLSM_CALL_WRITE, from, NULL, length, &seen.count)) {
    case TLSM_DID:
        (void)tlsm_openssl_seen(driver, &seen);
        return (ptrdiff_t)seen.count;
    case TLSM_DID_STARVE:
        done = take_in(driver);
        if (done != TLSM_IO_DONE)
            return done;
        return unread(driver) > 0 ? TLSM_IO_UNREAD : TLSM_IO_WANT_READ;
    case TLSM_DID_ASK:
        return TLSM_IO_WANT_ANSWER;
    case TLSM_DID_CHOKE:
        return TLSM_IO_NO_MEMORY;
    case TLSM_DID_END: case TLSM_DID_FAIL:
        break;
    }
    return TLSM_IO_ENDED;
}

static ptrdiff_t write_all(struct tlsm_openssl *driver, const uint8_t *from, size_t length)
{
    size_t written = 0;
    while (written < length) {
        ptrdiff_t put = write_piece(driver, from + written, length - written);
        if (put > 0)
            written += (size_t)put;
        else if (put == TLSM_IO_WANT_WRITE || put == TLSM_IO_WANT_READ)
            put = advance(driver, put == TLSM_IO_WANT_READ);
        if (put < 0)
            return written > 0 ? (ptrdiff_t)written : put;
    }
    return (ptrdiff_t)written;
}

static int flush(struct tlsm_openssl *driver)
{
    for (;;) {
        int done;
        done = make_close(driver);
        if (done != TLSM_IO_DONE)
            return done;
        if (unsent(driver) == 0)
            return control_of(driver)->tx == TLSM_TX_DEAD ? TLSM_IO_ENDED : TLSM_IO_DONE;
        done = advance(driver, 0);
        if (done < 0)
            return done;
    }
}

ptrdiff_t tlsm_openssl_write(struct tlsm_openssl *driver, const void *from, size_t length)
{
    const int error = errno;
    ptrdiff_t put;
    begin(driver);
    put = is_connected(driver) || tlsm_is_final(&driver->observed.state) ? TLSM_IO_DONE : handshake(driver);
    if (put == TLSM_IO_DONE)
        put = length > 0 ? write_all(driver, from, length) : may_write(driver) == TLSM_IO_DONE ? 0 : TLSM_IO_REFUSED;
    if (put > 0 && flush(driver) == TLSM_IO_ENDED)
        put = TLSM_IO_ENDED;
    return end(driver, put, error);
}

int tlsm_openssl_flush(struct tlsm_openssl *driver)
{
    const int error = errno;
    begin(driver);
    return (int)end(driver, flush(driver), error);
}

/* ------------------------------------------------------------------------------------------------ endings */

static int close_ways(struct tlsm_openssl *driver, int one_way)
{
    const unsigned movable = TLSM_NEED_RECEIVE | TLSM_NEED_PRODUCE | TLSM_NEED_SEND;
    (void)tlsm_openssl_tell(driver, TLSM_IN_CLOSE, one_way != 0);
    if (!one_way)
        (void)tlsm_openssl_tell(driver, TLSM_IN_WAIT, 0);
    for (;;) {
        int done = run(driver);
        if (done < 0 && done != TLSM_IO_WANT_ANSWER)
            return done;
        if (!(tlsm_needs(&driver->observed.state) & movable))
            return tlsm_openssl_finish(driver);
        if (unread(driver) > 0 && unsent(driver) == 0)
            return TLSM_IO_UNREAD;
        if (done == TLSM_IO_WANT_ANSWER && unsent(driver) == 0)
            return done;
        done = advance(driver, 1);
        if (done < 0)
            return done;
    }
}

int tlsm_openssl_close(struct tlsm_openssl *driver, int one_way, struct tlsm_verdict *verdict)
{
    const int error = errno;
    int done;
    begin(driver);
    done = close_ways(driver, one_way);
    if (done == TLSM_IO_DONE && verdict != NULL)
        tlsm_openssl_verdict(driver, verdict);
    return (int)end(driver, done, error);
}

void tlsm_openssl_abandon(struct tlsm_openssl *driver)
{
    const int error = errno;
    (void)tlsm_openssl_tell(driver, TLSM_IN_ABANDON, 0);
    driver->options.non_blocking = 1;   /* nothing is waited for any more */
    (void)tlsm_openssl_finish(driver);
    errno = error;
}

int tlsm_openssl_deadline(struct tlsm_openssl *driver, int milliseconds)
{
    driver->deadline_ms = UINT64_MAX;
    if (milliseconds < 0)
        return TLSM_IO_DONE;
    driver->deadline_ms = tlsm_openssl_now() + (uint64_t)milliseconds;
    (void)tlsm_openssl_tell(driver, TLSM_IN_DEADLINE_SET, 0);
    return TLSM_IO_DONE;
}

void tlsm_openssl_vouch(struct tlsm_openssl *driver) { driver->vouch = 1; }

/* ------------------------------------------------------------------------------------------------ what is known */

unsigned tlsm_openssl_needs(const struct tlsm_openssl *driver)
{
    const unsigned needs = tlsm_needs(&driver->observed.state);
    return needs != 0 && may_receive(driver) ? (needs & ~(unsigned)TLSM_NEED_COMMAND) | TLSM_NEED_RECEIVE : needs;
}

short tlsm_openssl_events(const struct tlsm_openssl *driver)
{
    const unsigned want = wants(driver);
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
    return driver->finished ? -1 : tlsm_openssl_left(until);
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
size_t tlsm_openssl_unread(const struct tlsm_openssl *driver) { return unread(driver); }
int tlsm_openssl_errno(const struct tlsm_openssl *driver) { return driver->error; }
unsigned long tlsm_openssl_reason(const struct tlsm_openssl *driver) { return driver->reason; }

struct tlsm_bytes tlsm_openssl_rest(const struct tlsm_openssl *driver)
{
    struct tlsm_bytes rest = { NULL, 0 };
    if (control_of(driver)->rx == TLSM_RX_CLOSED && tlsm_buffer_live(&driver->in) > 0) {
        rest.data = driver->in.data + driver->in.start;
        rest.length = tlsm_buffer_live(&driver->in);
    }
    return rest;
}

/* ------------------------------------------------------------------------------------------------ the caller moves bytes */

size_t tlsm_openssl_feed(struct tlsm_openssl *driver, const void *bytes, size_t count)
{
    const size_t have = tlsm_buffer_live(&driver->in);
    const size_t most = driver->settings.keep_transport ? tlsm_observe_hint(&driver->observed) : (size_t)AT_ONCE;
    if (!(wants(driver) & TLSM_WANT_READ) || have >= most)
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
    if (unsent(driver) > 0) {
        pending.data = driver->out.data + driver->out.start;
        pending.length = unsent(driver);
    }
    return pending;
}

int tlsm_openssl_sent(struct tlsm_openssl *driver, size_t count)
{
    if (count > unsent(driver))
        return refuse(driver, TLSM_SENT_TOO_MUCH);
    took(driver, count);
    return TLSM_IO_DONE;
}

void tlsm_openssl_send_failed(struct tlsm_openssl *driver)
{
    const int error = errno;
    sending_failed(driver);
    (void)run(driver);
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

static enum tlsm_code start(struct tlsm_openssl *driver)
{
    struct tlsm_seen seen = { .kind = TLSM_SEEN_START };
    const struct tlsm_bytes write = driver->options.pending_write;
    seen.count = !SSL_in_before(driver->ssl);
    seen.lost_in = mid_record(driver->ssl) != 0;
    seen.lost_out = SSL_want_write(driver->ssl) != 0;
    (void)tlsm_openssl_seen(driver, &seen);
    memset(&seen, 0, sizeof seen);
    if (write.length == 0) {
        tlsm_openssl_adopt(driver);
        return TLSM_OK;
    }
    if (tlsm_openssl_call(driver, TLSM_CALL_WRITE, write.data, NULL, write.length, &seen.count) != TLSM_DID)
        return TLSM_BAD_ARGUMENT;
    seen.kind = TLSM_SEEN_WROTE;
    (void)tlsm_openssl_seen(driver, &seen);
    return TLSM_OK;
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
    if (unsent(driver) > 0 || unread(driver) > 0 || tlsm_buffer_live(&driver->in) > 0)
        (void)tlsm_openssl_tell(driver, TLSM_IN_ABANDON, 0);
    (void)tlsm_openssl_finish(driver);
    tlsm_openssl_remove(driver);
    drop(driver);
    errno = error;
}
