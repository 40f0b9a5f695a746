/* SPDX-License-Identifier: MIT */
/* truncate TLSM FOLDER sample|every: `tlsm client` fetches 40,000 bytes through a relay that ends the TCP stream after k bytes.
 * For each k: the exit status is 0 only if all came, close_notify included; stdout is exactly the plaintext of the whole
 * records; the place in the verdict is where k falls. What the wire looked like is judged by the few lines here, not by our
 * own parser. FOLDER holds ca.pem, leaf.pem, leaf.key (Ed25519, so that every run is as long as the other), request. */
#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver.h"

enum { ROOM = 65536, HEADER = 5, OVERHEAD = 17, RECORDS = 64, SAMPLES = 60, WORKERS_MAX = 8, TICKETS = 2 };

struct place {
    char folder[256], address[64], client_address[64];
    const char *program;
    uint16_t server_port;
    int listener;
};
/* What one run brought. */
struct run {
    uint8_t wire[ROOM];          /* from the server, as passed on */
    size_t wire_length;
    char out[ROOM], err[4096];
    size_t out_length, err_length;
    int status;
};
struct layout {
    size_t start[RECORDS + 1];   /* of each record on the wire, and the end */
    size_t count, first_data;    /* the first record with application data … */
    size_t established;          /* … and the first behind the handshake: session tickets come between */
    char data[ROOM];             /* the whole answer */
    size_t data_length;
};

/* ------------------------------------------------------------------------------------------------ one run */

static pid_t start_client(const struct place *place, int *out, int *err)
{
    char ca[300], request[300];
    const char *argv[] = { place->program, "client", place->client_address, "--ca", ca, "--servername", "localhost",
                           "--verdict", "--deadline", "20000", NULL };
    (void)snprintf(ca, sizeof ca, "%s/ca.pem", place->folder);
    (void)snprintf(request, sizeof request, "%s/request", place->folder);
    return driver_spawn(argv, request, out, err);
}

static void collect(int *fd, char *to, size_t *have, size_t room)
{
    const ssize_t got = read(*fd, to + *have, room - 1 - *have);
    if (got > 0)
        *have += (size_t)got;
    if (got == 0 || (got < 0 && errno != EINTR)) {
        (void)close(*fd);
        *fd = -1;
    }
    to[*have] = '\0';
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* Passes the client's bytes on, and its end. 1: it ended. */
static int from_client(int client, int server)
{
    char bytes[4096];
    const ssize_t got = recv(client, bytes, sizeof bytes, 0);
    if (got > 0 && server >= 0)
        (void)send(server, bytes, (size_t)got, MSG_NOSIGNAL);
    if (got <= 0 && server >= 0)
        (void)shutdown(server, SHUT_WR);
    return got <= 0;
}

/* Passes the server's bytes on up to number k; there the stream ends. */
static void from_server(struct run *run, size_t k, int client, int *server)
{
    size_t room = k - run->wire_length;
    ssize_t got = 0;
    if (room > ROOM - run->wire_length)
        room = ROOM - run->wire_length;
    if (room > 0)
        got = recv(*server, run->wire + run->wire_length, room, 0);
    if (got > 0)
        (void)send(client, run->wire + run->wire_length, (size_t)got, MSG_NOSIGNAL);
    run->wire_length += got > 0 ? (size_t)got : 0;
    if (got > 0 && run->wire_length < k)
        return;
    close_fd(server);
    (void)shutdown(client, SHUT_WR);
}

static void one_run(const struct place *place, size_t k, struct run *run)
{
    int out, err, client, server, said_all = 0;
    const pid_t pid = start_client(place, &out, &err);
    struct pollfd arrival = { place->listener, POLLIN, 0 };
    run->wire_length = run->out_length = run->err_length = 0;
    if (poll(&arrival, 1, DRIVER_PATIENCE_MS) <= 0)
        driver_fail("the client did not come");
    client = accept(place->listener, NULL, NULL);
    server = driver_connect(place->server_port);
    if (k == 0)
        from_server(run, k, client, &server);
    while (out >= 0 || err >= 0) {
        struct pollfd watched[4] = { { said_all ? -1 : client, POLLIN, 0 }, { server, POLLIN, 0 },
                                     { out, POLLIN, 0 }, { err, POLLIN, 0 } };
        if (poll(watched, 4, DRIVER_PATIENCE_MS) <= 0)
            driver_fail("k = %zu: nothing happens", k);
        if (watched[0].revents != 0)
            said_all = from_client(client, server);
        if (watched[1].revents != 0 && server >= 0)
            from_server(run, k, client, &server);
        if (watched[2].revents != 0)
            collect(&out, run->out, &run->out_length, sizeof run->out);
        if (watched[3].revents != 0)
            collect(&err, run->err, &run->err_length, sizeof run->err);
    }
    close_fd(&client);
    close_fd(&server);
    run->status = driver_wait(pid);
}

/* ------------------------------------------------------------------------------------------------ the independent walker */

static size_t body_length(const uint8_t *header)
{
    return (size_t)header[3] << 8 | header[4];
}

/* The last record is close_notify; before it stand the records whose plaintext adds up to what came out. */
static void learn(const struct run *run, struct layout *layout)
{
    size_t at = 0, sum = 0;
    for (layout->count = 0; at + HEADER <= run->wire_length && layout->count < RECORDS; layout->count++) {
        layout->start[layout->count] = at;
        at += HEADER + body_length(run->wire + at);
    }
    layout->start[layout->count] = at;
    if (at != run->wire_length || layout->count < 2)
        driver_fail("the server's stream does not consist of whole records");
    if (at - layout->start[layout->count - 1] != HEADER + 2 + OVERHEAD)
        driver_fail("the server's last record is no alert");
    layout->first_data = layout->count - 1;
    while (sum < run->out_length && layout->first_data > 0) {
        layout->first_data--;
        sum += layout->start[layout->first_data + 1] - layout->start[layout->first_data] - HEADER - OVERHEAD;
    }
    if (sum != run->out_length)
        driver_fail("the records' plaintext is %zu bytes, stdout was %zu", sum, run->out_length);
    layout->established = layout->first_data - TICKETS;
    memcpy(layout->data, run->out, run->out_length);
    layout->data_length = run->out_length;
}

static size_t record_at(const struct layout *layout, size_t k)
{
    size_t record = 0;
    while (record < layout->count && layout->start[record + 1] <= k)
        record++;
    return record;
}

static size_t whole_plaintext(const struct layout *layout, size_t record)
{
    size_t sum = 0;
    for (size_t i = layout->first_data; i < record && i < layout->count - 1; i++)
        sum += layout->start[i + 1] - layout->start[i] - HEADER - OVERHEAD;
    return sum;
}

/* ------------------------------------------------------------------------------------------------ judging */

static int says(const struct run *run, const char *format, const char *text, size_t number)
{
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted, format, text, number);
    return strstr(run->err, wanted) != NULL;
}

static const char *wrong_verdict(const struct layout *layout, size_t record, const struct run *run)
{
    if (record < layout->established && says(run, "\"verdict\":\"%s\"", "handshake_failed", 0))
        return NULL;
    if (record >= layout->established && (says(run, "\"verdict\":\"%s\"", "truncated", 0) ||
                                         says(run, "\"verdict\":\"%s\"", "closed_incomplete", 0)))
        return NULL;
    return "the verdict";
}

static const char *wrong_place(const struct layout *layout, size_t record, size_t k, const struct run *run)
{
    const size_t have = k - layout->start[record], need = layout->start[record + 1] - layout->start[record] - HEADER;
    if (have == 0)
        return says(run, "\"place\":\"%s\"", "boundary", 0) ? NULL : "the place (a boundary)";
    if (have < HEADER)
        return says(run, "\"place\":\"%s\",\"eof_have\":%zu,", "header", have) ? NULL : "the place (a header)";
    if (!says(run, "\"place\":\"%s\",\"eof_have\":%zu,", "body", have - HEADER) || !says(run, "%s\"eof_need\":%zu,", "", need))
        return "the place (a body)";
    return NULL;
}

/* What is wrong about the run that ended after k bytes; NULL: nothing. */
static const char *wrong(const struct layout *layout, size_t k, const struct run *run)
{
    const size_t total = layout->start[layout->count], record = record_at(layout, k), whole = whole_plaintext(layout, record);
    if (run->wire_length != k)
        return "the length of the stream: the server sent less";
    if (run->out_length != whole || memcmp(run->out, layout->data, whole) != 0)
        return "stdout: it is not the whole records' plaintext";
    if (!says(run, "%s\"bytes_in\":%zu,", "", whole))
        return "bytes_in";
    if (k == total)
        return run->status == 0 && says(run, "\"verdict\":\"%s\"", "clean_both", 0) ? NULL : "the clean end";
    if (run->status == 0 || run->status >= 256)
        return "the exit status";
    if (record == layout->established && k == layout->start[record])   /* the handshake's last record came: all but our part */
        return wrong_place(layout, record, k, run);
    if (wrong_verdict(layout, record, run) != NULL)
        return wrong_verdict(layout, record, run);
    return wrong_place(layout, record, k, run);
}

static size_t check(const struct place *place, const struct layout *layout, size_t k, struct run *run)
{
    const char *what;
    one_run(place, k, run);
    what = wrong(layout, k, run);
    if (what == NULL)
        return 0;
    (void)fprintf(stderr, "k = %zu (record %zu + %zu): wrong: %s; status %d, %zu bytes on stdout\n%s\n", k,
                  record_at(layout, k), k - layout->start[record_at(layout, k)], what, run->status, run->out_length, run->err);
    return 1;
}

/* ------------------------------------------------------------------------------------------------ all runs */

static pid_t prepare(struct place *place)
{
    char cert[300], key[300];
    const char *argv[] = { place->program, "server", "--cert", cert, "--key", key, "--listen", "127.0.0.1:0", "--http",
                           "--size", "40000", NULL };
    uint16_t port;
    int out;
    pid_t server;
    (void)snprintf(cert, sizeof cert, "%s/leaf.pem", place->folder);
    (void)snprintf(key, sizeof key, "%s/leaf.key", place->folder);
    server = driver_spawn(argv, NULL, &out, NULL);
    driver_address(out, place->address);
    place->server_port = driver_port(place->address);
    place->listener = driver_listen(&port);
    (void)snprintf(place->client_address, sizeof place->client_address, "127.0.0.1:%u", port);
    return server;
}

/* The last bytes before, and the first after, every border of a record; and values in between, evenly. */
static size_t sample(const struct layout *layout, size_t *values)
{
    const size_t total = layout->start[layout->count];
    size_t count = 0;
    for (size_t record = 0; record <= layout->count; record++) {
        values[count++] = layout->start[record];
        if (record > 0)
            values[count++] = layout->start[record] - 1;
        if (record < layout->count)
            values[count++] = layout->start[record] + 1 + record % HEADER;   /* inside the header, or just behind it */
    }
    for (size_t i = 1; i <= SAMPLES / 2; i++)
        values[count++] = total * i / (SAMPLES / 2 + 1);
    return count;
}

static size_t worker(struct place place, const char *mode, unsigned number, unsigned workers)
{
    static struct run run;
    static struct layout layout;
    static size_t values[3 * RECORDS + SAMPLES];
    size_t failures = 0, total, count;
    const pid_t server = prepare(&place);
    one_run(&place, ROOM, &run);
    if (run.status != 0)
        driver_fail("the whole transfer failed: %s", run.err);
    learn(&run, &layout);
    total = layout.start[layout.count];
    count = strcmp(mode, "every") == 0 ? total + 1 : sample(&layout, values);
    for (size_t i = number; i < count && failures < 10; i += workers)
        failures += check(&place, &layout, strcmp(mode, "every") == 0 ? i : values[i], &run);
    if (number == 0)
        (void)printf("truncate: %zu cuts of a stream of %zu bytes, %zu records\n", count, total, layout.count);
    (void)fflush(stdout);
    (void)kill(server, SIGKILL);
    (void)driver_wait(server);
    return failures;
}

int main(int argc, char **argv)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned workers = processors < 1 ? 1 : processors > WORKERS_MAX ? WORKERS_MAX : (unsigned)processors;
    struct place place;
    int failures = 0;
    if (argc != 4)
        driver_fail("usage: truncate TLSM FOLDER sample|every");
    memset(&place, 0, sizeof place);
    place.program = argv[1];
    (void)snprintf(place.folder, sizeof place.folder, "%s", argv[2]);
    (void)signal(SIGPIPE, SIG_IGN);
    for (unsigned number = 0; number < workers; number++)
        if (fork() == 0)
            exit(worker(place, argv[3], number, workers) != 0);
    for (unsigned number = 0; number < workers; number++) {
        int status = 0;
        (void)wait(&status);
        failures += status != 0;
    }
    return failures != 0;
}
