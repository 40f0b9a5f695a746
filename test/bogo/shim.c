/* SPDX-License-Identifier: MIT */
/* The program that BoGo's runner (google/boringssl, ssl/test/runner) starts for each of its tests: it connects to the
 * runner, speaks TLS as client or server as its flags say, and by its exit status and what it prints says how that went.
 *   0    all was as expected; nothing is printed
 *   1    the connection failed, or an expectation did: the words on stderr are what config.json's ErrorMap looks for
 *   89   a flag asks for what is not here
 * With TLSM_BOGO_LOG it adds a line to that file: test, status, version, what is missing; tabs between them. */
#define _DEFAULT_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shim.h"

enum { DECOMPRESSION_FAILURE = 30 };   /* of no use to TLS 1.3, and what -send-alert means */

/* ------------------------------------------------------------------------------------------------ transport */

static int dial(const struct bogo_flags *flags)
{
    const struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)flags->port),
                                      .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    const struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)flags->port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int descriptor = socket(flags->ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0), on = 1;
    uint8_t id[8];
    int done;
    if (descriptor < 0)
        return -1;
    for (size_t i = 0; i < sizeof id; i++)
        id[i] = (uint8_t)((uint64_t)flags->shim_id >> 8 * i);
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    done = flags->ipv6 ? connect(descriptor, (const struct sockaddr *)(const void *)&six, sizeof six)
                       : connect(descriptor, (const struct sockaddr *)(const void *)&four, sizeof four);
    if (done == 0 && write(descriptor, id, sizeof id) == (ssize_t)sizeof id)
        return descriptor;
    (void)close(descriptor);
    return -1;
}

/* -async: a transport that moves one byte after each refusal. */
static enum tlsm_moved starved_receive(void *self, struct tlsm_span room, size_t *count)
{
    struct bogo_connection *connection = self;
    const struct tlsm_transport *inner = &connection->socket->transport;
    enum tlsm_moved moved;
    if (!connection->may_receive)
        return TLSM_BLOCKED;
    room.capacity = 1;
    moved = inner->receive(inner->self, room, count);
    if (moved == TLSM_MOVED)
        connection->may_receive = 0;
    return moved;
}

static enum tlsm_moved starved_send(void *self, struct tlsm_bytes bytes, size_t *count)
{
    struct bogo_connection *connection = self;
    const struct tlsm_transport *inner = &connection->socket->transport;
    if (!connection->may_send)
        return TLSM_BLOCKED;
    connection->may_send = 0;
    bytes.length = 1;
    return inner->send(inner->self, bytes, count);
}

/* 1: the call is to be repeated. */
static int again(struct bogo_connection *connection, ptrdiff_t result)
{
    const struct tlsm_transport *inner = &connection->socket->transport;
    if (result == TLSM_IO_WANT_ANSWER)
        return connection->flags->async;
    if (result != TLSM_IO_WANT_READ && result != TLSM_IO_WANT_WRITE)
        return 0;
    if (!connection->flags->async)
        return 0;
    if (result == TLSM_IO_WANT_WRITE) {
        connection->holds_back = 0;
        return connection->may_send = 1;
    }
    /* What is to be sent may be what the peer waits for. */
    connection->may_send = !connection->holds_back;
    if (connection->holds_back || tlsm_link_pending(&connection->socket->link).length == 0)
        (void)inner->wait(inner->self, TLSM_WANT_READ);
    return connection->may_receive = 1;
}

/* ------------------------------------------------------------------------------------------------ one connection */

static int write_all(struct bogo_connection *connection, const uint8_t *bytes, size_t length)
{
    struct tlsm_link *link = &connection->socket->link;
    size_t written = 0;
    ptrdiff_t put;
    int done;
    do {
        put = tlsm_link_write(link, &connection->transport, length > 0 ? bytes + written : bytes, length - written);
        written += put > 0 ? (size_t)put : 0;
    } while ((put > 0 && written < length) || again(connection, put));
    if (put < 0)
        return BOGO_FAILED;
    do
        done = tlsm_link_flush(link, &connection->transport);
    while (again(connection, done));
    return done == TLSM_IO_DONE ? BOGO_DONE : BOGO_FAILED;
}

/* Early data that comes is kept until the handshake is complete, and answered then. */
static int handshake(struct bogo_connection *connection)
{
    struct tlsm_link *link = &connection->socket->link;
    size_t *have = &connection->early_have;
    int done;
    do {
        done = tlsm_link_handshake(link, &connection->transport);
        if (done == TLSM_IO_UNREAD)
            *have += tlsm_link_take(link, connection->early + *have, sizeof connection->early - *have);
    } while (again(connection, done) || (done == TLSM_IO_UNREAD && *have < sizeof connection->early));
    return done == TLSM_IO_DONE ? BOGO_DONE : BOGO_FAILED;
}

/* What is to be said first, from where it was left off; as early data as far as that is possible. */
static int say_first(struct bogo_connection *connection, int early)
{
    const struct bogo_flags *flags = connection->flags;
    const uint8_t *text = (const uint8_t *)flags->initial_write;
    const size_t length = strlen(flags->initial_write), whole = length * (size_t)flags->repeat_initial_write;
    struct tlsm_link *link = &connection->socket->link;
    while (flags->shim_writes_first && connection->said < whole) {
        const size_t at = connection->said % length;
        const ptrdiff_t put = early ? tlsm_link_write_early(link, &connection->transport, text + at, length - at)
                                    : tlsm_link_write(link, &connection->transport, text + at, length - at);
        connection->said += put > 0 ? (size_t)put : 0;
        if (put < 0 && !again(connection, put))
            return BOGO_FAILED;
    }
    return early ? BOGO_DONE : write_all(connection, text, 0);
}

/* One byte of it leaves; the rest goes with what is written after the first that was read. */
static void begin_to_say(struct bogo_connection *connection)
{
    const char *text = connection->flags->initial_write;
    connection->may_send = 1;
    (void)tlsm_link_write(&connection->socket->link, &connection->transport, text, strlen(text));
    connection->may_send = 0;
    connection->holds_back = 1;
}

static int write_sizes(struct bogo_connection *connection)
{
    static const size_t sizes[] = { 0, 1, 255, 256, 257, 16383, 16384, 16385, 32767, 32768, 32769 };
    static uint8_t bytes[32769];
    memset(bytes, 0x42, sizeof bytes);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (write_all(connection, bytes, sizes[i]) != BOGO_DONE)
            return BOGO_FAILED;
    return BOGO_DONE;
}

static ptrdiff_t read_some(struct bogo_connection *connection, uint8_t *to, size_t capacity)
{
    struct tlsm_link *link = &connection->socket->link;
    ptrdiff_t got;
    uint8_t peeked[512];
    size_t there;
    if (!connection->flags->peek_then_read) {
        do
            got = tlsm_link_read(link, &connection->transport, to, capacity);
        while (again(connection, got));
        return got;
    }
    do
        got = tlsm_link_fill(link, &connection->transport);
    while (again(connection, got));
    if (got != TLSM_IO_DONE)
        return got;
    there = tlsm_link_copy(link, peeked, sizeof peeked);
    got = (ptrdiff_t)tlsm_link_take(link, to, capacity < sizeof peeked ? capacity : sizeof peeked);
    return got == (ptrdiff_t)there && memcmp(peeked, to, there) == 0 ? got : TLSM_IO_REFUSED;
}

/* Reads to the end; what comes goes back with every bit turned. A cut that nobody minds is an end too. */
static int echo(struct bogo_connection *connection)
{
    const struct bogo_flags *flags = connection->flags;
    struct tlsm_link *link = &connection->socket->link;
    uint8_t bytes[16384];
    const size_t size = flags->read_size > 0 && flags->read_size < 16384 ? (size_t)flags->read_size : 512;
    for (;;) {
        ptrdiff_t got;
        if (flags->key_update_before_read && tlsm_link_key_update(link, 0) != TLSM_IO_DONE)
            return BOGO_FAILED;
        got = read_some(connection, bytes, size);
        connection->holds_back = 0;
        if (got == TLSM_IO_END)
            return BOGO_DONE;
        if (got < 0)
            return link->state->control.rx == TLSM_RX_CUT && link->state->control.place == TLSM_PLACE_BOUNDARY ? BOGO_DONE : BOGO_FAILED;
        if (flags->key_update && tlsm_link_key_update(link, 0) != TLSM_IO_DONE)
            return BOGO_FAILED;
        for (ptrdiff_t i = 0; i < got; i++)
            bytes[i] ^= 0xff;
        if (write_all(connection, bytes, (size_t)got) != BOGO_DONE)
            return BOGO_FAILED;
    }
}

static int answer_early(struct bogo_connection *connection)
{
    for (size_t i = 0; i < connection->early_have; i++)
        connection->early[i] ^= 0xff;
    return write_all(connection, connection->early, connection->early_have);
}

/* Keying material is the first thing said. */
static int export_key(struct bogo_connection *connection)
{
    const struct bogo_flags *flags = connection->flags;
    const struct tlsm_bytes label = { (const uint8_t *)flags->export_label, strlen(flags->export_label) };
    const struct tlsm_bytes none = { NULL, 0 };
    const struct tlsm_bytes context = { (const uint8_t *)flags->export_context, strlen(flags->export_context) };
    uint8_t material[2048];
    const struct tlsm_span to = { material, (size_t)flags->export_length };
    if (to.capacity > sizeof material || tlsm_exporter(&connection->config, connection->socket->link.state, label,
                                                       flags->use_export_context ? context : none, to) < 0) {
        fprintf(stderr, "no keying material\n");
        return BOGO_FAILED;
    }
    return write_all(connection, material, to.capacity);
}

static int talk(struct bogo_connection *connection)
{
    const struct bogo_flags *flags = connection->flags;
    if (flags->export_length > 0 && export_key(connection) != BOGO_DONE)
        return BOGO_FAILED;
    if (connection->early_have > 0 && answer_early(connection) != BOGO_DONE)
        return BOGO_FAILED;
    if (flags->different_sizes && write_sizes(connection) != BOGO_DONE)
        return BOGO_FAILED;
    if (flags->unfinished_write && !flags->enable_early_data)
        begin_to_say(connection);
    else if (flags->shim_writes_first && say_first(connection, 0) != BOGO_DONE)
        return BOGO_FAILED;
    return flags->shim_shuts_down ? BOGO_DONE : echo(connection);
}

static const char *error_name(enum tlsm_shutdown_error error)
{
    switch (error) {
    case TLSM_SHUTDOWN_NONE: return "none";
    case TLSM_SHUTDOWN_WANT_READ: return "want_read";
    case TLSM_SHUTDOWN_WANT_WRITE: return "want_write";
    case TLSM_SHUTDOWN_SYSCALL: return "syscall";
    case TLSM_SHUTDOWN_PROTOCOL: return "protocol";
    case TLSM_SHUTDOWN_UNEXPECTED_EOF: return "unexpected_eof";
    case TLSM_SHUTDOWN_DATA_PENDING: return "data_pending";
    case TLSM_SHUTDOWN_IN_INIT: return "in_init";
    case TLSM_SHUTDOWN_FAILURE: return "failure";
    }
    return "?";
}

/* The two-step procedure of SSL_shutdown(3): with the peer's close_notify there one call completes it, else the second. */
static int close_twice(struct bogo_connection *connection)
{
    struct tlsm_shutdown procedure = { .contract = TLSM_SHUTDOWN_TWO_STEP };
    enum tlsm_shutdown_error error = TLSM_SHUTDOWN_NONE;
    int wanted = connection->flags->shim_shuts_down ? 0 : 1, got;
    for (;; wanted = 1) {
        do
            got = tlsm_link_shutdown(&connection->socket->link, &connection->transport, &procedure, &error);
        while (got < 0 && again(connection, error == TLSM_SHUTDOWN_WANT_READ    ? TLSM_IO_WANT_READ
                                            : error == TLSM_SHUTDOWN_WANT_WRITE ? TLSM_IO_WANT_WRITE
                                                                                : TLSM_IO_ENDED));
        if (got != wanted) {
            fprintf(stderr, "shutdown=%d wanted=%d error=%s\n", got, wanted, error_name(error));
            return BOGO_FAILED;
        }
        if (wanted == 1)
            return BOGO_DONE;
    }
}

/* Rejected early data: what comes now is a second try, with flags of its own. */
static int try_again(struct bogo_connection *connection)
{
    if (connection->flags->server || tlsm_link_early(&connection->socket->link) != TLSM_EARLY_REJECTED)
        return BOGO_DONE;
    if (!connection->flags->expect_reject_early) {
        fprintf(stderr, "the early data was rejected\n");
        return BOGO_FAILED;
    }
    connection->flags = connection->retry;
    connection->said = 0;
    return BOGO_DONE;
}

static int exchange(struct bogo_connection *connection)
{
    const struct bogo_flags *flags = connection->flags;
    struct tlsm_link *link = &connection->socket->link;
    if (!flags->server && flags->enable_early_data)
        (void)say_first(connection, 1);   /* what did not go waits for the handshake */
    if (!flags->implicit_handshake) {
        if (handshake(connection) != BOGO_DONE || try_again(connection) != BOGO_DONE || bogo_expect(connection) != BOGO_DONE)
            return BOGO_FAILED;
        flags = connection->flags;
        if ((flags->handshake_twice || flags->extra_handshake) && handshake(connection) != BOGO_DONE)
            return BOGO_FAILED;
    }
    if (flags->send_alert) {
        (void)tlsm_link_abort(link, DECOMPRESSION_FAILURE);
        return BOGO_DONE;
    }
    if (talk(connection) != BOGO_DONE || bogo_expect_session(connection) != BOGO_DONE)
        return BOGO_FAILED;
    return flags->check_close_notify ? close_twice(connection) : BOGO_DONE;
}

/* What the runner's own shim would have spoken: a peer that wants it is no failure, and no test of ours. 1: it was that. */
static int other_version(const struct bogo_connection *connection)
{
    const struct bogo_flags *flags = connection->flags;
    struct tlsm_verdict verdict;
    tlsm_verdict(connection->socket->link.state, &verdict);
    if ((flags->server ? verdict.alert_sent : verdict.alert_received) != TLSM_ALERT_PROTOCOL_VERSION)
        return 0;
    snprintf(connection->shim->missing, BOGO_TEXT, "TLS 1.1 and older");
    return !(flags->no_tls11 && flags->no_tls1) && flags->min_version < TLSM_1_2;
}

/* In words that config.json looks for. */
static void report(const struct bogo_connection *connection)
{
    const struct tlsm_link *link = &connection->socket->link;
    struct tlsm_verdict verdict;
    tlsm_verdict(link->state, &verdict);
    fprintf(stderr, "verdict=%s cause=%s place=%s sent=%s received=%s wrong=%s code=%s phase=%s", tlsm_how_name(verdict.how),
            tlsm_cause_name(verdict.cause), tlsm_place_name(verdict.place), tlsm_alert_name(verdict.alert_sent),
            tlsm_alert_name(verdict.alert_received), tlsm_alert_name(link->violation), tlsm_code_name(link->code),
            tlsm_phase_name(verdict.phase));
    fprintf(stderr, "%s%s\n", connection->why[0] != '\0' ? " judge: " : "", connection->why);
}

/* Sends what is owed and lets go of the transport in peace, whatever has happened. */
static void finish(struct bogo_connection *connection)
{
    struct tlsm_socket *socket = connection->socket;
    (void)tlsm_socket_flush(socket);
    while (tlsm_socket_close(socket, NULL) == TLSM_IO_UNREAD)
        (void)tlsm_link_discard(&socket->link);
    connection->shim->version = socket->link.state->control.version;
    tlsm_socket_free(socket);
}

static int start(struct bogo_connection *connection, int descriptor)
{
    const int looks_later = connection->flags->shim_shuts_down && connection->flags->check_close_notify;
    const struct tlsm_socket_options options = {
        .link.hooks = { .answer = bogo_answer, .ticket = bogo_ticket, .issued = bogo_issued, .context = connection },
        .link.exact = (uint8_t)looks_later   /* the peer's close_notify is to lie there until our second call */
    };
    struct bogo_shim *shim = connection->shim;
    struct tlsm_session session;
    struct tlsm_start start = { .server_name = connection->flags->host_name, .now_ms = shim->now_ms };
    const struct tlsm_bytes kept = { shim->session, shim->session_length };
    if (connection->resuming && !connection->flags->server && kept.length > 0 && tlsm_session_read(kept, &session))
        start.session = &session;
    connection->socket = tlsm_socket_new(&connection->config, descriptor, &options);
    if (connection->socket == NULL)
        return BOGO_FAILED;
    connection->transport = connection->socket->transport;
    if (connection->flags->async) {
        const struct tlsm_transport starved = { starved_receive, starved_send, NULL, connection };
        connection->transport = starved;
    }
    return tlsm_socket_begin(connection->socket, &start) == TLSM_IO_DONE ? BOGO_DONE : BOGO_FAILED;
}

static int connection_of(struct bogo_shim *shim, const struct bogo_flags *flags, const struct bogo_flags *retry, int resuming)
{
    struct bogo_connection *connection = calloc(1, sizeof *connection);
    int status, descriptor = -1;
    if (connection == NULL)
        return BOGO_FAILED;
    connection->shim = shim;
    connection->flags = flags;
    connection->retry = retry;
    connection->resuming = resuming;
    status = bogo_settle(connection);
    if (status == BOGO_DONE && (descriptor = dial(flags)) < 0) {
        fprintf(stderr, "cannot reach the runner: %s\n", strerror(errno));
        status = BOGO_FAILED;
    }
    if (status == BOGO_DONE) {
        status = start(connection, descriptor);
        if (status == BOGO_DONE)
            status = exchange(connection);
        if (connection->socket != NULL) {
            if (status != BOGO_DONE)
                report(connection);
            if (status != BOGO_DONE && other_version(connection))
                status = BOGO_LEFT_OUT;
            finish(connection);
        }
    }
    bogo_unsettle(connection);
    free(connection);
    return status;
}

/* ------------------------------------------------------------------------------------------------ the program */

/* With -transcript-dir the runner names its test in a parameter, which may stand behind a flag that is not known. */
static const char *test_name(int count, char **argument)
{
    for (int i = 1; i + 1 < count; i++)
        if (strcmp(argument[i], "-write-settings") == 0)
            return argument[i + 1];
    return NULL;
}

static void keep_log(const struct bogo_shim *shim, const char *name, int status)
{
    const char *path = getenv("TLSM_BOGO_LOG");
    char line[1024];
    int length, descriptor;
    if (path == NULL || name == NULL || (descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644)) < 0)
        return;
    name = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
    length = snprintf(line, sizeof line, "%.*s\t%d\t%04x\t%s\n", (int)strlen(name) - 1, name, status, (unsigned)shim->version,
                      status == BOGO_LEFT_OUT ? shim->missing : "");
    (void)!write(descriptor, line, (size_t)length);
    (void)close(descriptor);
}

static int run(struct bogo_shim *shim, const struct bogo_flags flags[BOGO_TURNS])
{
    int status = BOGO_DONE;
    for (long i = 0; i <= flags[BOGO_INITIAL].resume_count && status == BOGO_DONE; i++) {
        const struct bogo_flags *turn = &flags[i == 0 ? BOGO_INITIAL : BOGO_RESUME];
        if (i > 0)
            shim->now_ms += (uint64_t)turn->resumption_delay * 1000;
        status = connection_of(shim, turn, &flags[BOGO_RETRY], i > 0);
    }
    return status;
}

int main(int count, char **argument)
{
    static struct bogo_flags flags[BOGO_TURNS];
    static struct bogo_shim shim;
    struct tlsm_entropy entropy;
    int status;
    if (count > 1 && strcmp(argument[count - 1], "-is-handshaker-supported") == 0) {
        puts("No");
        return BOGO_DONE;
    }
    status = bogo_parse(count, argument, flags, shim.missing);
    if (status == BOGO_DONE) {
        shim.instance = tlsm_libcrypto_new(NULL);
        if (shim.instance == NULL || tlsm_libcrypto_entropy(&entropy) < 0)
            return BOGO_FAILED;
        memcpy(shim.ticket_key.name, entropy.session_id, sizeof shim.ticket_key.name);
        memcpy(shim.ticket_key.secret, entropy.share_secret, sizeof shim.ticket_key.secret);
        shim.now_ms = tlsm_socket_time();
        status = run(&shim, flags);
        tlsm_libcrypto_free(shim.instance);
    }
    keep_log(&shim, test_name(count, argument), status);
    return status;
}
