/* SPDX-License-Identifier: MIT */
/* tlsm peer: the endings asked for, each on a connection of its own. */
#define _GNU_SOURCE

#include "peer.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HANDSHAKE_MS = 10000, COMMAND_MS = 20000, LARGEST_FILE = 1048576 };

/* Nothing in it asks the server to end. */
static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
static const char page[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nWhether this is all of the page, only its end tells.\n";

struct play {
    const struct options *options;
    struct endpoint endpoint;
    struct peer_identity identity;
    uint8_t *file;
    struct tlsm_bytes saying;
    char host[256], port[32];
    char address[300];                /* of the listening socket */
    int listener;                     /* -1: a client */
    size_t played, wrong, missed;
};

static int is_server(const struct play *play) { return play->listener >= 0; }

/* ------------------------------------------------------------------------------------------------ setting up */

static int load(struct play *play)
{
    const char *const path = play->options->file;
    FILE *file;
    size_t length;
    play->saying.data = (const uint8_t *)(play->options->listen != NULL ? page : request);
    play->saying.length = play->options->listen != NULL ? sizeof page - 1 : sizeof request - 1;
    if (path == NULL)
        return 0;
    file = fopen(path, "re");
    play->file = malloc(LARGEST_FILE + 1);
    if (file == NULL || play->file == NULL)
        return tool_say("Cannot read %s: %s.", path, strerror(errno)), file != NULL ? (void)fclose(file) : (void)0, TOOL_SETUP;
    length = fread(play->file, 1, LARGEST_FILE + 1, file);
    const int bad = ferror(file);
    (void)fclose(file);
    if (bad || length > LARGEST_FILE)
        return tool_say("Cannot read %s: it is no file of at most %d bytes.", path, LARGEST_FILE), TOOL_SETUP;
    play->saying.data = play->file;
    play->saying.length = length;
    return 0;
}

/* Anyone is trusted: what is said is the caller's to choose, and nothing that comes is used. */
static int open_endpoint(struct play *play)
{
    struct options options = *play->options;
    int status;
    options.insecure = 1;
    options.ca = NULL;
    options.tickets = 1;   /* the key, for tickets that an ending makes */
    options.tls = options.tls != NULL ? options.tls : "1.3";
    status = endpoint_open(&play->endpoint, &options, options.listen != NULL ? TLSM_SERVER : TLSM_CLIENT);
    if (status == 0 && options.listen != NULL && options.cert.count == 0)
        status = peer_identity_make(&play->identity, &play->endpoint);
    play->endpoint.settings.tickets = 0;
    return status;
}

static int name_address(struct play *play)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char host[256], port[32];
    if (getsockname(play->listener, (struct sockaddr *)&address, &length) < 0 ||
        getnameinfo((struct sockaddr *)&address, length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return TOOL_SETUP;
    tool_text(play->address, sizeof play->address, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
    return 0;
}

static int open_place(struct play *play)
{
    const struct options *options = play->options;
    if (options->listen == NULL)
        return tool_split(options->place, play->host, play->port) == 0
                   ? 0 : (tool_say("\"%s\" is not HOST:PORT (or [v6]:PORT).", options->place), TOOL_USAGE);
    /* A line for whoever starts clients; with --run nobody needs it. */
    play->listener = options->run != NULL ? tool_bind(options->listen) : tool_listen(options->listen);
    return play->listener >= 0 ? name_address(play) : TOOL_SETUP;
}

/* ------------------------------------------------------------------------------------------------ one ending */

/* -1: `command` ended without a connection. */
static int accept_one(const struct play *play, const struct peer_run *run)
{
    struct pollfd watched[2] = { { play->listener, POLLIN, 0 }, { -1, 0, 0 } };
    for (;;) {
        int fd;
        watched[1].fd = run != NULL ? run->ended : -1;
        (void)poll(watched, 2, -1);
        fd = accept4(play->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 || watched[1].revents != 0)
            return fd;
    }
}

static int connect_one(const struct play *play)
{
    int error = 0;
    const int fd = tlsm_socket_dial(play->host, play->port, HANDSHAKE_MS, &error);
    if (fd < 0)
        tool_say("Cannot connect to %s: %s.", play->options->place, error < 0 ? gai_strerror(error) : strerror(error));
    return fd;
}

static void end_it(struct peer *peer)
{
    const double wait = (double)peer->options->wait;
    double since;
    peer->until = peer_now() + wait;
    for (size_t i = 0; i < PEER_ACTS && peer->ending->acts[i] != PEER_ACT_NONE; i++)
        if (peer_act(peer, peer->ending->acts[i]) < 0)
            return;
    peer->acting = 1;
    since = peer_now();
    peer->until = since + wait;
    peer_watch(peer);
    peer->seen.milliseconds = peer->seen.milliseconds > since ? peer->seen.milliseconds - since : 0;
}

static void play_over(struct play *play, struct peer *peer, const struct peer_ending *ending, int fd)
{
    const struct options *options = play->options;
    const char *const name = is_server(play) ? NULL : options->servername != NULL ? options->servername : play->host;
    const int opened = peer_open(peer, &play->endpoint, options, ending, fd);
    peer->until = peer_now() + HANDSHAKE_MS;
    if (opened == 0 && peer_honest(peer, name, play->saying) == 0)
        end_it(peer);
}

static void count(struct play *play, const struct peer *peer)
{
    if (peer->why[0] != '\0')
        play->missed++;
    else
        play->played++;
    if (peer->why[0] == '\0' && !peer_report_matches(play->options, peer))
        play->wrong++;
}

/* 0, or an exit status, and then nothing more can be played. */
static int play_one(struct play *play, const struct peer_ending *ending)
{
    const char *const command = play->options->run;
    struct peer peer;
    struct peer_run run;
    int fd, status = -2;
    if (command != NULL && peer_run_start(&run, command, play->address, ending->name) < 0)
        return tool_say("Cannot start a command: %s.", strerror(errno)), TOOL_INTERNAL;
    fd = is_server(play) ? accept_one(play, command != NULL ? &run : NULL) : connect_one(play);
    if (fd >= 0) {
        play_over(play, &peer, ending, fd);
        peer_close(&peer);
    } else {
        memset(&peer, 0, sizeof peer);
        peer.ending = ending;
        peer.seen.alert = TLSM_ALERT_NONE;
        (void)peer_fail(&peer, "There was no connection.");
    }
    if (command != NULL)
        status = peer_run_end(&run, COMMAND_MS);
    count(play, &peer);
    peer_report(play->options, &peer, is_server(play), status);
    return fd >= 0 || command != NULL ? 0 : TOOL_UNREACHABLE;
}

/* ------------------------------------------------------------------------------------------------ all of them */

static int fits(const struct play *play, const struct peer_ending *ending)
{
    const char *const tls = play->options->tls;
    const uint16_t version = tls != NULL && strcmp(tls, "1.2") == 0 ? TLSM_1_2 : TLSM_1_3;
    return (ending->version == PEER_ANY || ending->version == version) &&
           (ending->roles & (play->options->listen != NULL ? PEER_AS_SERVER : PEER_AS_CLIENT)) != 0;
}

static int check_names(const struct play *play)
{
    for (size_t i = 0; i < play->options->ending_count; i++) {
        const struct peer_ending *const ending = peer_ending_find(play->options->endings[i]);
        if (ending == NULL)
            return tool_say("There is no ending \"%s\". tlsm peer --list shows them.", play->options->endings[i]), TOOL_USAGE;
        if (!fits(play, ending))
            return tool_say("%s is not for this version or role. tlsm peer --list says which; --tls and --listen choose them.", ending->name),
                   TOOL_USAGE;
    }
    return 0;
}

static int play_all(struct play *play)
{
    const struct peer_ending *ending;
    int status = 0;
    peer_report_head(play->options);
    for (size_t i = 0; status == 0 && play->options->all && (ending = peer_ending_at(i)) != NULL; i++)
        if (fits(play, ending))
            status = play_one(play, ending);
    for (size_t i = 0; status == 0 && i < play->options->ending_count; i++)
        status = play_one(play, peer_ending_find(play->options->endings[i]));
    if (status != 0)
        return status;
    if (play->wrong > 0)
        return TOOL_FAILED;
    return play->missed > 0 && (play->played == 0 || !play->options->all) ? tlsm_how_exit(TLSM_HANDSHAKE_FAILED_VERDICT) : TOOL_FINE;
}

int tool_peer(const struct options *options)
{
    struct play *play;
    int status;
    if (options->list)
        return peer_report_list(options), TOOL_FINE;
    play = calloc(1, sizeof *play);
    if (play == NULL)
        return tool_say("Out of memory."), TOOL_INTERNAL;
    play->options = options;
    play->listener = -1;
    status = check_names(play);
    if (status == 0)
        status = load(play);
    if (status == 0)
        status = open_endpoint(play);
    if (status == 0)
        status = open_place(play);
    if (status == 0)
        status = play_all(play);
    if (play->listener >= 0)
        (void)close(play->listener);
    endpoint_close(&play->endpoint);
    peer_identity_free(&play->identity);
    free(play->file);
    free(play);
    return status;
}
