/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE

#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

/* Bounds on what one connection may have in one turn, and on the head of a request. */
enum { TURN_BYTES = 1 << 20, REQUEST_MAX = 65536, READ_TRIES = 64 };

/* ------------------------------------------------------------------------------------------------ the page */

static const char small_page[] = "<!doctype html>\n<title>tlsm</title>\n<p>This page ends here, and you can tell.\n";

int page_open(struct page *page, const struct options *options)
{
    struct stat about;
    memset(page, 0, sizeof *page);
    memset(&about, 0, sizeof about);
    page->file = -1;
    page->text = options->file == NULL && options->size == OPTIONS_NEVER ? small_page : NULL;
    page->length = page->text != NULL ? sizeof small_page - 1 : options->size;
    if (options->file != NULL) {
        page->file = open(options->file, O_RDONLY | O_CLOEXEC);
        if (page->file < 0 || fstat(page->file, &about) < 0 || !S_ISREG(about.st_mode))
            return tool_say("Cannot serve %s: %s.", options->file, page->file < 0 ? strerror(errno) : "it is no regular file"),
                   TOOL_SETUP;
        page->length = (uint64_t)about.st_size;
    }
    tool_text(page->head, sizeof page->head,
              "HTTP/1.%d %u tlsm\r\nContent-Type: %s\r\nContent-Length: %" PRIu64 "\r\n%s\r\n",
              options->keep, (unsigned)options->status, page->text != NULL ? "text/html" : "application/octet-stream", page->length,
              options->keep ? "" : "Connection: close\r\n");
    page->head_length = strlen(page->head);
    tool_text(page->identity, sizeof page->identity, "%d %d %d %d %d %u %" PRIu64 " %d %llu %llu %lld.%09ld %s", options->http,
              options->sink, options->late, options->eager, options->keep, (unsigned)options->status, page->length, page->text != NULL,
              (unsigned long long)about.st_dev, (unsigned long long)about.st_ino, (long long)about.st_mtim.tv_sec,
              about.st_mtim.tv_nsec, options->alpn != NULL ? options->alpn : "");
    return 0;
}

void page_close(struct page *page)
{
    if (page->file >= 0)
        (void)close(page->file);
}

/* Numbered lines of 16 bytes, so that a missing or doubled piece shows. */
static void pattern(uint64_t at, uint8_t *to, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++, at++)
        to[i] = at % 16 == 15 ? '\n' : (uint8_t)digits[at / 16 >> 4 * (14 - at % 16) & 15];
}

/* The body's bytes from `at` on. Returns how many; 0 at the end; -1 when the file failed. */
static ptrdiff_t body_read(const struct page *page, uint64_t at, uint8_t *to, size_t room)
{
    const size_t length = page->length - at < room ? (size_t)(page->length - at) : room;
    if (length == 0)
        return 0;
    if (page->text != NULL)
        memcpy(to, page->text + at, length);
    else if (page->file < 0)
        pattern(at, to, length);
    else {
        ssize_t got;
        int tries = READ_TRIES;
        do
            got = pread(page->file, to, length, (off_t)at);
        while (got < 0 && errno == EINTR && --tries > 0);
        return got > 0 ? (ptrdiff_t)got : -1;   /* shorter than it was: not an end */
    }
    return (ptrdiff_t)length;
}

/* The same of the answer: where they fit, head and body are one record, and leave in one piece. */
static ptrdiff_t page_read(const struct page *page, uint64_t at, uint8_t *to, size_t room)
{
    size_t head = at < page->head_length ? (size_t)(page->head_length - at) : 0;
    ptrdiff_t body;
    if (head > room)
        head = room;
    memcpy(to, page->head + page->head_length - (at < page->head_length ? page->head_length - at : 0), head);
    if (head == room)
        return (ptrdiff_t)head;
    body = body_read(page, at + head - page->head_length, to + head, room - head);
    return body < 0 && head > 0 ? (ptrdiff_t)head : (ptrdiff_t)head + body;
}

/* Something here failed: the peer must not take it for an end of our data. */
static int give_up(struct connection *connection)
{
    connection->closing = connection->said_end = 1;
    if (tlsm_link_abort(&connection->socket->link, TLSM_ALERT_INTERNAL_ERROR) != TLSM_IO_DONE)
        (void)tlsm_link_abandon(&connection->socket->link);
    return -1;
}

/* Memory, or the cryptographic library: nothing that a peer or a network can cause. */
static int is_ours(ptrdiff_t result) { return result == TLSM_IO_NO_MEMORY || result == TLSM_IO_REFUSED; }

/* Nothing was written. 0: blocked; -1: our half is over. */
static int after_write(struct connection *connection, ptrdiff_t result)
{
    if (result == TLSM_IO_WANT_WRITE || result == TLSM_IO_WANT_READ)
        return 0;
    return is_ours(result) ? give_up(connection) : -1;
}

/* ------------------------------------------------------------------------------------------------ reading */

static void see_request(struct connection *connection, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length && (!connection->asked || connection->service->options->keep); i++) {
        connection->request_bytes++;
        if (bytes[i] == '\n' && ++connection->newlines == 2) {
            connection->asked++;
            connection->newlines = 0;
            connection->request_bytes = 0;
        } else if (bytes[i] != '\n' && bytes[i] != '\r') {
            connection->newlines = 0;
        }
    }
    if (!connection->asked && connection->request_bytes > REQUEST_MAX)
        (void)give_up(connection);
}

static int hold(struct connection *connection, const uint8_t *bytes, size_t length)
{
    connection->held = malloc(length);
    if (connection->held == NULL)
        return give_up(connection);
    memcpy(connection->held, bytes, length);
    connection->held_at = 0;
    connection->held_length = length;
    return 0;
}

static int take(struct connection *connection, size_t length)
{
    const struct options *options = connection->service->options;
    if (options->http)
        see_request(connection, connection->service->scratch, length);
    else if (!options->sink)
        return hold(connection, connection->service->scratch, length);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ writing */

/* 1: all written; 0: blocked; -1: our half is over. */
static int write_held(struct connection *connection)
{
    while (connection->held != NULL) {
        const ptrdiff_t put = tlsm_socket_write(connection->socket, connection->held + connection->held_at,
                                                connection->held_length - connection->held_at);
        if (put <= 0)
            return after_write(connection, put);
        connection->held_at += (size_t)put;
        if (connection->held_at == connection->held_length) {
            free(connection->held);
            connection->held = NULL;
        }
    }
    return 1;
}

/* The end of the last answer waits for the close_notify behind it: both leave in one piece. */
static ptrdiff_t write_piece(struct connection *connection, const uint8_t *bytes, size_t length)
{
    const struct page *page = &connection->service->page;
    if (connection->service->options->keep || connection->answered + length < page->head_length + page->length)
        return tlsm_socket_write(connection->socket, bytes, length);
    return tlsm_link_seal(&connection->socket->link, bytes, length);
}

static int write_answer(struct connection *connection, size_t *budget)
{
    uint8_t *scratch = connection->service->scratch;
    for (;;) {
        const ptrdiff_t length = page_read(&connection->service->page, connection->answered, scratch, SERVE_CHUNK);
        ptrdiff_t put;
        if (length <= 0)
            return length == 0 ? 1 : give_up(connection);
        put = write_piece(connection, scratch, (size_t)length);
        if (put <= 0)
            return after_write(connection, put);
        connection->answered += (uint64_t)put;
        if (*budget <= (size_t)put)
            return connection->again = 1, 0;
        *budget -= (size_t)put;
    }
}

/* ------------------------------------------------------------------------------------------------ closing */

/* What --close asks for, once there is nothing more to say. 1: said. */
static int say_end(struct connection *connection)
{
    struct tlsm_link *link = &connection->socket->link;
    int done;
    switch (connection->service->options->close) {
    case CLOSE_TWO_WAY: case CLOSE_LATE:
        return 1;
    case CLOSE_ABORT:
        (void)tlsm_link_abort(link, connection->service->options->alert);
        return 1;
    case CLOSE_ONE_WAY:
        (void)tlsm_link_end(link, 1);
        break;
    case CLOSE_NONE:
        break;
    }
    done = tlsm_socket_flush(connection->socket);
    if (done == TLSM_IO_WANT_WRITE)
        return 0;
    (void)tlsm_link_abandon(link);
    return 1;
}

static int close_down(struct connection *connection)
{
    int done;
    if (!connection->said_end && !tlsm_is_final(connection->socket->link.state)) {
        if (tlsm_connected(connection->socket->link.state) && !say_end(connection))
            return 0;
        connection->said_end = 1;
    }
    while ((done = tlsm_socket_close(connection->socket, NULL)) == TLSM_IO_UNREAD)
        (void)tlsm_link_discard(&connection->socket->link);
    if (done == TLSM_IO_WANT_READ || done == TLSM_IO_WANT_WRITE)
        return 0;
    return 1;
}

/* ------------------------------------------------------------------------------------------------ one turn */

/* The answer has to go before more is read. */
static int answer_first(const struct connection *connection)
{
    return connection->held != NULL || (connection->asked && connection->service->options->keep);
}

/* Reads until there is nothing, or the answer has to go first. */
static void read_some(struct connection *connection, size_t *budget)
{
    while (!connection->read_ended && !connection->closing && !answer_first(connection)) {
        const ptrdiff_t got = tlsm_socket_read(connection->socket, connection->service->scratch, SERVE_CHUNK);
        if (got == TLSM_IO_WANT_READ || got == TLSM_IO_WANT_WRITE)
            return;
        if (got <= 0) {
            connection->read_ended = 1;
            if (is_ours(got))
                (void)give_up(connection);
            return;
        }
        if (take(connection, (size_t)got) < 0 || write_held(connection) < 0)
            connection->closing = 1;
        if (*budget <= (size_t)got) {
            connection->again = 1;
            return;
        }
        *budget -= (size_t)got;
    }
}

/* 0: answered so far as can be; -1: our half is over. */
static int answer_all(struct connection *connection, size_t *budget)
{
    while (connection->asked) {
        const int done = write_answer(connection, budget);
        if (done <= 0)
            return done;
        connection->asked--;
        connection->answered = 0;
    }
    return 0;
}

/* 1: nothing more is to be said. */
static int answer(struct connection *connection, size_t *budget)
{
    const struct options *options = connection->service->options;
    int done = 0;
    if (!tlsm_can_write(connection->socket->link.state))
        return connection->read_ended;
    if (options->http && options->keep)
        done = answer_all(connection, budget) < 0 ? -1 : connection->read_ended && !connection->asked;
    else if (options->http && options->eager)
        done = write_answer(connection, budget);
    else if (options->http && connection->asked && (!options->late || connection->read_ended))
        done = write_answer(connection, budget);
    else if (connection->held != NULL)
        done = write_held(connection) < 0 ? -1 : connection->held == NULL && connection->read_ended;
    else
        done = connection->read_ended;
    return done != 0;
}

/* An eager server answers when the handshake is complete, before it reads. 1: it is not, and reading carries it on. */
static int eager_waits(struct connection *connection)
{
    const int done = tlsm_socket_handshake(connection->socket);
    return done != TLSM_IO_DONE && done != TLSM_IO_WANT_READ && done != TLSM_IO_WANT_WRITE;
}

/* Whether there is something to read that the kernel will not tell of: what came with the request, or an end. */
static int more_is_here(const struct tlsm_link *link)
{
    return tlsm_link_unread(link) > 0 || tlsm_link_rest(link).length > 0 || !(tlsm_link_wants(link) & TLSM_WANT_READ);
}

/* 1: requests were answered, all of them, and more has come. */
static int converse(struct connection *connection, size_t *budget)
{
    int had;
    read_some(connection, budget);
    had = connection->asked > 0;
    connection->closing |= answer(connection, budget) != 0;
    return had && !connection->asked && !connection->closing && !connection->again && more_is_here(&connection->socket->link);
}

int serve(struct connection *connection)
{
    size_t budget = TURN_BYTES;
    connection->again = 0;
    if (!connection->closing) {
        (void)tlsm_socket_flush(connection->socket);
        connection->closing |= write_held(connection) < 0;   /* what was held will never be said */
        if (connection->service->options->eager && !eager_waits(connection))
            connection->closing |= answer(connection, &budget) != 0;
        else
            while (converse(connection, &budget))
                continue;
    }
    return connection->closing ? close_down(connection) : 0;
}
