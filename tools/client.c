/* SPDX-License-Identifier: MIT */
/* tlsm client: stdin to the peer, the peer to stdout. One poll loop; nothing waits anywhere else. */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "endpoint.h"
#include "report.h"
#include "tool.h"

enum { CHUNK = 16384, PIPE_CHUNK = 4096, CONNECT_MS = 30000 };

struct half {
    uint8_t bytes[CHUNK];
    size_t at, have;
};
/* What --early-data sends before anything of stdin. */
struct opening {
    uint8_t *bytes;
    size_t at, length;
    int settled;                 /* it is known what became of it */
};
struct client {
    const struct options *options;
    struct opening opening;
    struct endpoint endpoint;
    struct session session;
    struct resume resume;
    struct tlsm_socket *socket;
    struct half up, down;        /* from stdin, not sealed yet; opened, not written to stdout yet */
    size_t out_chunk;            /* what a write to stdout may take without blocking */
    int stdin_ended;             /* nothing more is read from it */
    int said_end;                /* the end of stdin was turned into what --close asks for */
    int peer_ended;              /* its close_notify came */
    int reading_over;            /* nothing more will be read from the peer */
    int status;                  /* of what failed on our side of the connection; 0: the verdict decides */
};

/* ------------------------------------------------------------------------------------------------ stdin and stdout */

/* Something here failed: the peer must not take it for an end of our data. */
static void give_up(struct client *client, int status)
{
    client->status = status;
    client->stdin_ended = client->said_end = 1;
    client->up.have = client->down.have = 0;
    if (tlsm_link_abort(&client->socket->link, TLSM_ALERT_INTERNAL_ERROR) != TLSM_IO_DONE)
        (void)tlsm_link_abandon(&client->socket->link);
    client->reading_over = 1;
}

static void take_input(struct client *client)
{
    const ssize_t got = read(STDIN_FILENO, client->up.bytes, sizeof client->up.bytes);
    if (got > 0) {
        client->up.at = 0;
        client->up.have = (size_t)got;
    } else if (got == 0 || errno == EBADF) {
        client->stdin_ended = 1;
    } else if (errno != EAGAIN && errno != EINTR) {
        tool_say("Reading stdin failed: %s. The connection is aborted, so that the peer does not take the rest for an end.",
                 strerror(errno));
        give_up(client, TOOL_IO);
    }
}

static void output_failed(struct client *client)
{
    const char *what = errno == ENOSPC ? "The disk is full: make room and try again"
                       : errno == EPIPE ? "Whoever read our output has gone" : strerror(errno);
    tool_say("Writing to stdout failed; at least %zu bytes of the peer's data are lost. %s.", client->down.have, what);
    give_up(client, TOOL_IO);
}

static void put_output(struct client *client)
{
    struct half *down = &client->down;
    const size_t most = down->have < client->out_chunk ? down->have : client->out_chunk;
    const ssize_t put = write(STDOUT_FILENO, down->bytes + down->at, most);
    if (put < 0 && errno != EAGAIN && errno != EINTR) {
        output_failed(client);
    } else if (put > 0) {
        down->at += (size_t)put;
        down->have -= (size_t)put;
    }
}

/* ------------------------------------------------------------------------------------------------ the peer */

static int closes_with(const struct client *client, enum options_close how)
{
    return client->said_end && client->status == 0 && client->options->close == how;
}

/* Memory or the cryptographic library: nothing that a peer or a network can cause. */
static void internal(struct client *client, ptrdiff_t result)
{
    if (result == TLSM_IO_NO_MEMORY)
        tool_say("Out of memory.");
    else
        tool_say("%s %s", tlsm_code_text(client->socket->link.code), tlsm_code_advice(client->socket->link.code));
    give_up(client, TOOL_INTERNAL);
}

/* Lost, not ended. What stdin still holds nobody will hear, and what was sent of it must not look like all of it. */
static void lose(struct client *client)
{
    client->reading_over = 1;
    if (!client->said_end && (!client->stdin_ended || client->up.have > 0))
        (void)tlsm_link_abandon(&client->socket->link);
}

static void pull(struct client *client)
{
    ptrdiff_t got;
    if (client->down.have > 0 || client->reading_over || closes_with(client, CLOSE_ONE_WAY))
        return;
    got = tlsm_socket_read(client->socket, client->down.bytes, sizeof client->down.bytes);
    if (got > 0) {
        client->down.at = 0;
        client->down.have = (size_t)got;
    } else if (got == TLSM_IO_END) {
        client->peer_ended = client->reading_over = 1;
    } else if (got == TLSM_IO_ENDED) {
        lose(client);
    } else if (got == TLSM_IO_REFUSED || got == TLSM_IO_NO_MEMORY) {
        internal(client, got);
    }
}

static int has_opening(const struct client *client) { return client->opening.at < client->opening.length; }

/* As early data for as long as that goes; once it is known that nobody read it, all of it again. */
static void push_opening(struct client *client)
{
    struct opening *opening = &client->opening;
    struct tlsm_socket *socket = client->socket;
    ptrdiff_t put = 1;
    while (put > 0 && has_opening(client) && !tlsm_connected(socket->link.state)) {
        put = tlsm_link_write_early(&socket->link, &socket->transport, opening->bytes + opening->at, opening->length - opening->at);
        opening->at += put > 0 ? (size_t)put : 0;
    }
    if (!opening->settled && tlsm_connected(socket->link.state)) {
        opening->settled = 1;
        if (tlsm_link_early(&socket->link) != TLSM_EARLY_ACCEPTED)
            opening->at = 0;
    }
    while (put > 0 && has_opening(client) && tlsm_connected(socket->link.state)) {
        put = tlsm_socket_write(socket, opening->bytes + opening->at, opening->length - opening->at);
        opening->at += put > 0 ? (size_t)put : 0;
    }
    if (put == TLSM_IO_ENDED)
        opening->at = opening->length;
}

static void push(struct client *client)
{
    struct half *up = &client->up;
    ptrdiff_t put;
    push_opening(client);
    if (has_opening(client) || up->have == 0 || client->said_end)
        return;
    put = tlsm_socket_write(client->socket, up->bytes + up->at, up->have);
    if (put > 0) {
        up->at += (size_t)put;
        up->have -= (size_t)put;
    } else if (put == TLSM_IO_ENDED) {   /* our half is dead: the verdict will say why */
        up->have = 0;
        client->stdin_ended = client->said_end = 1;
    } else if (put == TLSM_IO_REFUSED || put == TLSM_IO_NO_MEMORY) {
        internal(client, put);
    }
}

/* What --close asks for when there is nothing more to send. */
static void say_end(struct client *client)
{
    struct tlsm_link *link = &client->socket->link;
    if (client->said_end || !client->stdin_ended || client->up.have > 0 || has_opening(client) || !tlsm_connected(link->state))
        return;
    client->said_end = 1;
    switch (client->options->close) {
    case CLOSE_TWO_WAY:
        (void)tlsm_link_end(link, 0);
        break;
    case CLOSE_ONE_WAY:
        (void)tlsm_link_end(link, 1);
        break;
    case CLOSE_ABORT:
        (void)tlsm_link_abort(link, client->options->alert);
        break;
    case CLOSE_NONE: case CLOSE_LATE:   /* by finish(), after the peer's end */
        break;
    }
}

/* 1: the connection is over and the transport closed. */
static int finish(struct client *client)
{
    struct tlsm_link *link = &client->socket->link;
    int done;
    if (closes_with(client, CLOSE_ONE_WAY) && !tlsm_is_final(link->state)) {
        done = tlsm_socket_flush(client->socket);
        if (done == TLSM_IO_WANT_WRITE)
            return 0;
        client->reading_over = 1;
        (void)tlsm_link_abandon(link);
    }
    if (!client->reading_over || client->down.have > 0)
        return 0;
    if (closes_with(client, CLOSE_NONE))
        (void)tlsm_link_abandon(link);
    while ((done = tlsm_socket_close(client->socket, NULL)) == TLSM_IO_UNREAD)
        (void)tlsm_link_discard(link);
    if (done == TLSM_IO_NO_MEMORY || done == TLSM_IO_REFUSED)
        return client->status = TOOL_INTERNAL, 1;
    return done == TLSM_IO_DONE;
}

/* All that can be done without waiting. 1: over. */
static int advance(struct client *client)
{
    int progress;
    (void)tlsm_socket_flush(client->socket);
    do {
        const size_t before = client->up.have;
        push(client);
        say_end(client);
        pull(client);
        progress = client->up.have != before && client->up.have > 0;
    } while (progress);
    /* After the peer's end nobody would hear the rest of stdin. */
    if (client->reading_over)
        client->stdin_ended = 1;
    say_end(client);
    return finish(client);
}

/* ------------------------------------------------------------------------------------------------ waiting */

static short socket_events(const struct client *client)
{
    const int drained = client->down.have == 0;
    return (short)(tlsm_socket_events(client->socket) & (drained ? POLLIN | POLLOUT : POLLOUT));
}

static void await(struct client *client)
{
    const int wants_input = !client->stdin_ended && client->up.have == 0 && tlsm_connected(client->socket->link.state);
    struct pollfd watched[3] = {
        { wants_input ? STDIN_FILENO : -1, POLLIN, 0 },
        { client->down.have > 0 ? STDOUT_FILENO : -1, POLLOUT, 0 },
        { -1, 0, 0 }
    };
    watched[2].events = socket_events(client);
    watched[2].fd = watched[2].events != 0 ? client->socket->descriptor : -1;
    if (poll(watched, 3, tlsm_socket_timeout(client->socket)) < 0) {
        if (errno != EINTR) {
            tool_say("Waiting for events failed: %s.", strerror(errno));
            give_up(client, TOOL_INTERNAL);
        }
        return;
    }
    if (watched[1].revents != 0)
        put_output(client);
    if (watched[0].revents != 0)
        take_input(client);
}

/* ------------------------------------------------------------------------------------------------ the whole */

static int unreachable(const char *place, int error)
{
    const char *text = error < 0 ? gai_strerror(error) : strerror(error);
    const char *advice = error < 0 ? "Check the name, and that this machine can resolve names."
                         : error == ECONNREFUSED ? "Nobody listens there: check the port, and that the server runs."
                         : error == ETIMEDOUT ? "The host does not answer: check the address, and what filters on the way."
                                              : "Check the address and the network.";
    tool_say("Cannot connect to %s: %s. %s", place, text, advice);
    return TOOL_UNREACHABLE;
}

static int load_opening(struct opening *opening, const char *path)
{
    FILE *const file = path != NULL ? fopen(path, "re") : NULL;
    struct stat about;
    if (path == NULL)
        return 0;
    if (file != NULL && fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode))
        opening->bytes = malloc((size_t)about.st_size + 1);
    if (opening->bytes != NULL)
        opening->length = fread(opening->bytes, 1, (size_t)about.st_size, file);
    const int whole = opening->bytes != NULL && opening->length == (size_t)about.st_size;
    if (!whole)
        tool_say("Cannot read the early data in %s: %s.", path, file == NULL ? strerror(errno) : "it is no regular file, or too long");
    if (file != NULL)
        (void)fclose(file);
    return whole ? 0 : TOOL_SETUP;
}

static int dial(struct client *client)
{
    const struct options *options = client->options;
    const int patience = options->deadline != OPTIONS_NEVER ? (int)options->deadline : CONNECT_MS;
    char host[256], port[32];
    int fd, error = 0;
    if (tool_split(options->place, host, port) < 0)
        return tool_say("\"%s\" is not HOST:PORT (or [v6]:PORT).", options->place), TOOL_USAGE;
    fd = tlsm_socket_dial(host, port, patience, &error);
    if (fd < 0)
        return unreachable(options->place, error);
    client->socket = session_open(&client->session, &client->endpoint, options, fd, 0);
    if (client->socket == NULL) {
        (void)close(fd);
        return tool_say("Out of memory."), TOOL_INTERNAL;
    }
    struct tlsm_start start = { NULL, options->servername != NULL ? options->servername : host, NULL, 0 };
    if (client->resume.found)
        start.session = &client->resume.session;
    if (tlsm_socket_begin(client->socket, &start) != TLSM_IO_DONE) {
        tool_say("Cannot start with the server name \"%s\": %s", start.server_name,
                 tlsm_code_text(client->socket->link.code));
        return TOOL_SETUP;
    }
    if (options->deadline != OPTIONS_NEVER)
        (void)tlsm_socket_deadline(client->socket, (int)options->deadline);
    return 0;
}

/* RFC 9846 §6: after an error alert, "the PSKs associated with session tickets […] SHOULD be discarded if possible"; whatever
 * else happened to the connection, its sessions are good (G6). */
static int has_failed(const struct client *client)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(client->socket->link.state, &verdict);
    return verdict.how == TLSM_PEER_ALERT_VERDICT || verdict.how == TLSM_LOCAL_ALERT_VERDICT ||
           verdict.how == TLSM_PROTOCOL_ERROR_VERDICT ||
           (verdict.how == TLSM_HANDSHAKE_FAILED_VERDICT &&
            (verdict.cause == TLSM_CAUSE_PEER_ALERT || verdict.cause == TLSM_CAUSE_LOCAL_ALERT));
}

static int talk(struct client *client)
{
    int kept;
    while (!advance(client))
        await(client);
    if (has_failed(client))
        resume_discard(&client->resume, client->socket->link.state, client->endpoint.settings.session_context);
    kept = resume_save(&client->resume);
    if (client->options->verdict)
        report_json(stderr, &client->session, client->options, NULL);
    if (client->status != 0)
        return client->status;
    report_sentence(&client->session, client->options);
    const int status = report_status(&client->session, client->options);
    return status != 0 ? status : kept;
}

int tool_client(const struct options *options)
{
    struct client *client = calloc(1, sizeof *client);
    struct stat about;
    int status;
    if (client == NULL)
        return tool_say("Out of memory."), TOOL_INTERNAL;
    client->options = options;
    client->out_chunk = fstat(STDOUT_FILENO, &about) == 0 && S_ISREG(about.st_mode) ? CHUNK : PIPE_CHUNK;
    status = endpoint_open(&client->endpoint, options, TLSM_CLIENT);
    client->endpoint.resume = options->resume != NULL ? &client->resume : NULL;
    if (status == 0)
        status = resume_open(&client->resume, options->resume);
    if (status == 0)
        status = load_opening(&client->opening, options->early_file);
    if (status == 0)
        status = dial(client);
    if (status == 0)
        status = talk(client);
    tlsm_socket_free(client->socket);
    endpoint_close(&client->endpoint);
    free(client->opening.bytes);
    explicit_bzero(client, sizeof *client);
    free(client);
    return status;
}
