/* SPDX-License-Identifier: MIT */
/* The driver: asks the machine what is needed, moves bytes, calls libssl. What an ending is, the machine says. */
#define _DEFAULT_SOURCE

#include "tlsm_openssl_internal.h"
#include "tlsm_socket_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

static int is_connected(const struct tlsm_openssl *driver) { return tlsm_connected(&driver->observed.state); }

unsigned tlsm_openssl_wants(const struct tlsm_openssl *driver)
{
    const int reads = tlsm_openssl_may_receive(driver) && tlsm_openssl_unread(driver) == 0 &&
                      driver->transport_end == TLSM_TRANSPORT_RUNS;
    return (reads ? TLSM_WANT_READ : 0u) | (tlsm_openssl_unsent(driver) > 0 ? TLSM_WANT_WRITE : 0u);
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
    if (tlsm_openssl_control(driver)->rx != TLSM_RX_OPEN && tlsm_openssl_control(driver)->rx != TLSM_RX_HANDSHAKE)
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
    while (tlsm_openssl_may_receive(driver) && tlsm_openssl_unread(driver) == 0) {
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
    if (!tlsm_openssl_may_receive(driver))   /* what it waits for never comes */
        give_up(driver);
    return 0;
}

/* The close_notify that is owed. DONE, also when it has to wait; NO_MEMORY. */
static int make_close(struct tlsm_openssl *driver)
{
    const struct tlsm_control *control = tlsm_openssl_control(driver);
    if (control->tx != TLSM_TX_CLOSING || !may_make(driver) || control->tx != TLSM_TX_CLOSING)
        return TLSM_IO_DONE;
    SSL_set_shutdown(driver->ssl, SSL_get_shutdown(driver->ssl) & ~SSL_SENT_SHUTDOWN);
    if (tlsm_openssl_call(driver, TLSM_CALL_SHUTDOWN, NULL, NULL, 0, NULL) == TLSM_DID_CHOKE)
        return TLSM_IO_NO_MEMORY;
    if (control->tx == TLSM_TX_CLOSING)
        give_up(driver);
    return TLSM_IO_DONE;
}

int tlsm_openssl_run(struct tlsm_openssl *driver)
{
    int done = make_close(driver);
    if (done == TLSM_IO_DONE)
        done = take_in(driver);
    return done == TLSM_IO_DONE ? make_close(driver) : done;
}

/* ------------------------------------------------------------------------------------------------ one movement */

/* As libssl does it: to the end of the record and no further, unless it reads ahead. */
static size_t most_to_receive(const struct tlsm_openssl *driver)
{
    const int exact = driver->settings.keep_transport || !SSL_get_read_ahead(driver->ssl);
    const size_t most = exact ? tlsm_observe_hint(&driver->observed) : (size_t)TLSM_OPENSSL_AT_ONCE;
    const size_t have = tlsm_buffer_live(&driver->in);
    return have < most ? most - have : 0;
}

/* 1: something came, or the end of it; 0: nothing is wanted; TLSM_IO_WANT_READ: blocked. */
static int receive_once(struct tlsm_openssl *driver)
{
    struct tlsm_span room;
    size_t count = 0;
    if (!(tlsm_openssl_wants(driver) & TLSM_WANT_READ))
        return 0;
    room.capacity = most_to_receive(driver);
    if (room.capacity == 0)
        return 0;
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

void tlsm_openssl_sending_failed(struct tlsm_openssl *driver)
{
    driver->send_failed = 1;
    (void)tlsm_openssl_tell(driver, TLSM_IN_SEND_FAILED, 0);
}

/* G3: what the peer said before it went is taken in, as far as it has come. */
static void hear_last_words(struct tlsm_openssl *driver)
{
    int done;
    do {
        done = tlsm_openssl_run(driver);
        if (done == TLSM_IO_DONE)
            done = receive_once(driver);
    } while (done > 0);
}

void tlsm_openssl_took(struct tlsm_openssl *driver, size_t count)
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
        tlsm_openssl_took(driver, count);
        return 1;
    case TLSM_MOVED_END: case TLSM_MOVED_FAILED:
        tlsm_openssl_sending_failed(driver);
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
        tlsm_openssl_sending_failed(driver);
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
    if (driver->deadline_ms != UINT64_MAX && tlsm_socket_now() >= driver->deadline_ms)
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
        int done = tlsm_openssl_run(driver);
        if (done < 0 && done != TLSM_IO_WANT_ANSWER)
            return done;
        if (tlsm_openssl_wants(driver) == 0 || (is_connected(driver) && tlsm_openssl_unsent(driver) == 0)) {
            if (done == TLSM_IO_WANT_ANSWER)
                return done;
            return is_connected(driver) ? TLSM_IO_DONE : TLSM_IO_ENDED;
        }
        if (done == TLSM_IO_WANT_ANSWER && tlsm_openssl_unsent(driver) == 0)
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
    const uint8_t rx = tlsm_openssl_control(driver)->rx, tx = tlsm_openssl_control(driver)->tx;
    const int cut = rx == TLSM_RX_CUT && tx != TLSM_TX_FAILING && tx != TLSM_TX_FAIL_OUT;
    if (rx == TLSM_RX_CLOSED) {
        (void)send_once(driver);
        *result = TLSM_IO_END;
        return 1;
    }
    if (tlsm_openssl_wants(driver) != 0 && !cut)
        return 0;
    if (rx == TLSM_RX_OPEN && !driver->failed)   /* one-way closed */
        *result = tlsm_openssl_refuse(driver, TLSM_READ_ENDED);
    else
        *result = TLSM_IO_ENDED;
    return 1;
}

/* An established connection reads without a word of ours: what it waits for is the peer. */
static ptrdiff_t waits_for(const struct tlsm_openssl *driver, int done)
{
    const int reading = is_connected(driver) && (tlsm_openssl_wants(driver) & TLSM_WANT_READ) != 0;
    return done == TLSM_IO_WANT_WRITE && reading ? TLSM_IO_WANT_READ : done;
}

static ptrdiff_t fill(struct tlsm_openssl *driver)
{
    ptrdiff_t result = 0;
    while (tlsm_openssl_unread(driver) == 0) {
        int done = tlsm_openssl_run(driver);
        if (tlsm_openssl_unread(driver) > 0)
            break;
        if (done < 0 && done != TLSM_IO_WANT_ANSWER)
            return done;
        if (done == TLSM_IO_WANT_ANSWER && tlsm_openssl_unsent(driver) == 0)
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
        return tlsm_openssl_refuse(driver, TLSM_BAD_ARGUMENT);
    begin(driver);
    got = fill(driver);
    if (got == TLSM_IO_DONE) {
        const size_t count = tlsm_openssl_unread(driver) < capacity ? tlsm_openssl_unread(driver) : capacity;
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
    if (tlsm_openssl_unsent(driver) >= driver->options.out_limit)
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
        return tlsm_openssl_unread(driver) > 0 ? TLSM_IO_UNREAD : TLSM_IO_WANT_READ;
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
        else if (put == TLSM_IO_WANT_WRITE || put == TLSM_IO_WANT_READ) {
            put = advance(driver, put == TLSM_IO_WANT_READ);
            (void)tlsm_openssl_run(driver);
        }
        if (put < 0)
            return written > 0 ? (ptrdiff_t)written : put;
    }
    return (ptrdiff_t)written;
}

/* An empty write: 0 where one that is not could be made. */
static ptrdiff_t nothing_written(struct tlsm_openssl *driver)
{
    const int may = may_write(driver);
    return may == TLSM_IO_DONE ? 0 : may;
}

static int flush(struct tlsm_openssl *driver)
{
    for (;;) {
        int done = is_connected(driver) ? tlsm_openssl_run(driver) : make_close(driver);
        if (done < 0 && done != TLSM_IO_WANT_ANSWER)
            return done;
        if (tlsm_openssl_unsent(driver) == 0)
            return tlsm_openssl_control(driver)->tx == TLSM_TX_DEAD ? TLSM_IO_ENDED : TLSM_IO_DONE;
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
        put = length > 0 ? write_all(driver, from, length) : nothing_written(driver);
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
        int done = tlsm_openssl_run(driver);
        if (done < 0 && done != TLSM_IO_WANT_ANSWER)
            return done;
        if (!(tlsm_needs(&driver->observed.state) & movable))
            return tlsm_openssl_finish(driver);
        if (tlsm_openssl_unread(driver) > 0 && tlsm_openssl_unsent(driver) == 0)
            return TLSM_IO_UNREAD;
        if (done == TLSM_IO_WANT_ANSWER && tlsm_openssl_unsent(driver) == 0)
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
    driver->deadline_ms = tlsm_socket_now() + (uint64_t)milliseconds;
    (void)tlsm_openssl_tell(driver, TLSM_IN_DEADLINE_SET, 0);
    return TLSM_IO_DONE;
}

void tlsm_openssl_vouch(struct tlsm_openssl *driver) { driver->vouch = 1; }
