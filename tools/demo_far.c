/* SPDX-License-Identifier: MIT */
/* Pairings over TCP: our client and server, openssl's and curl, each a process of its own; a relay of ours where the network
 * has to fail. Nothing sleeps: every wait is for an output line, an end, or the bound. */
#define _GNU_SOURCE

#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

extern char **environ;

enum { ARGUMENTS = 40, PATIENCE_MS = 20000, TEXT_ROOM = 8192, BIG = 2000000, UPLOAD = 1000000 };
enum role { SERVER, RELAY, CLIENT, ROLES };
enum close_when { CLOSE_AT_ONCE, CLOSE_AT_FIRST_BYTE, CLOSE_NEVER };

struct process {
    pid_t pid;                       /* 0: none */
    int in, out, err;                /* our ends of its pipes; -1: closed */
    char text[2][TEXT_ROOM];         /* the beginnings of its stdout and stderr */
    size_t have[2];
};
struct command {
    const char *at[ARGUMENTS];
    int count;
};
struct scene {
    const struct demo *demo;
    enum demo_pairing pairing;
    enum demo_ending ending;
    struct process process[ROLES];
    enum role ours;                  /* whose verdict is looked at */
    const char *request;             /* to the client's stdin, */
    size_t request_left, upload;     /* then so many bytes more */
    enum close_when closes;
    char address[64], relayed[64], number[2][24];
    uint64_t until_ms;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------------------------------------ processes */

static void add(struct command *command, const char *word)
{
    command->at[command->count++] = word;
    command->at[command->count] = NULL;
}

static void add_all(struct command *command, const char *const words[])
{
    for (size_t i = 0; words[i] != NULL; i++)
        add(command, words[i]);
}

static void shut(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static int start(const struct demo *demo, const struct command *command, struct process *process)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int pipes[3][2], failed;
    sigset_t defaults;
    for (int i = 0; i < 3; i++)
        if (pipe2(pipes[i], O_CLOEXEC) < 0)
            return -1;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addchdir_np(&actions, demo->folder);
    (void)posix_spawn_file_actions_adddup2(&actions, pipes[0][0], 0);
    (void)posix_spawn_file_actions_adddup2(&actions, pipes[1][1], 1);
    (void)posix_spawn_file_actions_adddup2(&actions, pipes[2][1], 2);
    (void)posix_spawnattr_init(&attributes);
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    failed = posix_spawnp(&process->pid, command->at[0], &actions, &attributes, (char *const *)(uintptr_t)command->at, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    (void)close(pipes[0][0]);
    (void)close(pipes[1][1]);
    (void)close(pipes[2][1]);
    process->in = pipes[0][1];
    process->out = pipes[1][0];
    process->err = pipes[2][0];
    for (int i = 0; i < 3; i++)
        (void)fcntl(i == 0 ? process->in : i == 1 ? process->out : process->err, F_SETFL, O_NONBLOCK);
    if (failed != 0)
        process->pid = 0;
    return failed != 0 ? -1 : 0;
}

static void stop(struct process *process)
{
    shut(&process->in);
    shut(&process->out);
    shut(&process->err);
    if (process->pid > 0) {
        (void)kill(process->pid, SIGKILL);
        (void)waitpid(process->pid, NULL, 0);
    }
    process->pid = 0;
}

/* Keeps the beginning, drops the rest. */
static void listen_to(struct process *process, int which, int *fd)
{
    char bytes[16384];
    const ssize_t got = read(*fd, bytes, sizeof bytes);
    size_t kept;
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        shut(fd);
    if (got <= 0)
        return;
    kept = TEXT_ROOM - 1 - process->have[which];
    kept = (size_t)got < kept ? (size_t)got : kept;
    memcpy(process->text[which] + process->have[which], bytes, kept);
    process->have[which] += kept;
}

int demo_run(const struct demo *demo, const char *const arguments[])
{
    struct process process;
    struct command command = { { NULL }, 0 };
    int status = -1;
    memset(&process, 0, sizeof process);
    add_all(&command, arguments);
    if (start(demo, &command, &process) != 0)
        return -1;
    shut(&process.in);
    while (process.out >= 0 || process.err >= 0) {
        struct pollfd watched[2] = { { process.out, POLLIN, 0 }, { process.err, POLLIN, 0 } };
        if (poll(watched, 2, PATIENCE_MS) <= 0)
            break;
        if (watched[0].revents != 0)
            listen_to(&process, 0, &process.out);
        if (watched[1].revents != 0)
            listen_to(&process, 1, &process.err);
    }
    (void)waitpid(process.pid, &status, 0);
    process.pid = 0;
    if (status != 0)
        (void)fwrite(process.text[1], 1, process.have[1], stderr);
    stop(&process);
    return status == 0 ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------------ moving */

static void feed(struct scene *scene)
{
    static const char filler[] = "All these lines are the same, and none of them is the last one.\n";
    struct process *client = &scene->process[CLIENT];
    ssize_t put = 0;
    if (scene->request_left > 0) {
        put = write(client->in, scene->request, scene->request_left);
        scene->request += put > 0 ? put : 0;
        scene->request_left -= put > 0 ? (size_t)put : 0;
    } else if (scene->upload > 0) {
        put = write(client->in, filler, sizeof filler - 1 < scene->upload ? sizeof filler - 1 : scene->upload);
        scene->upload -= put > 0 ? (size_t)put : 0;
    }
    if (put < 0 && errno != EAGAIN && errno != EINTR)
        shut(&client->in);
}

static void feed_or_close(struct scene *scene)
{
    struct process *client = &scene->process[CLIENT];
    const int seen = client->have[0] > 0;
    if (client->in < 0 || scene->request_left > 0 || scene->upload > 0)
        return;
    if (scene->closes == CLOSE_AT_ONCE || (scene->closes == CLOSE_AT_FIRST_BYTE && seen))
        shut(&client->in);
}

/* Waits for one event and handles it. -1: the time is up. */
static int move(struct scene *scene)
{
    struct pollfd watched[2 * ROLES + 1];
    const uint64_t now = now_ms();
    const int feeding = scene->request_left > 0 || scene->upload > 0;
    for (int role = 0; role < ROLES; role++) {
        watched[2 * role] = (struct pollfd){ scene->process[role].out, POLLIN, 0 };
        watched[2 * role + 1] = (struct pollfd){ scene->process[role].err, POLLIN, 0 };
    }
    watched[2 * ROLES] = (struct pollfd){ feeding ? scene->process[CLIENT].in : -1, POLLOUT, 0 };
    if (now >= scene->until_ms || poll(watched, 2 * ROLES + 1, (int)(scene->until_ms - now)) <= 0)
        return -1;
    for (int role = 0; role < ROLES; role++) {
        if (watched[2 * role].revents != 0)
            listen_to(&scene->process[role], 0, &scene->process[role].out);
        if (watched[2 * role + 1].revents != 0)
            listen_to(&scene->process[role], 1, &scene->process[role].err);
    }
    if (watched[2 * ROLES].revents != 0)
        feed(scene);
    feed_or_close(scene);
    return 0;
}

/* Waits for a line of the process's stdout that begins so; gives the rest of it. */
static int await_line(struct scene *scene, enum role role, const char *begin, char *rest, size_t room)
{
    struct process *process = &scene->process[role];
    for (;;) {
        const char *at = strstr(process->text[0], begin), *end = at != NULL ? strchr(at, '\n') : NULL;
        if (end != NULL) {
            at += strlen(begin);
            tool_text(rest, room, "%.*s", (int)(end - at), at);
            return 0;
        }
        if (process->out < 0 || move(scene) < 0)
            return -1;
    }
}

/* ------------------------------------------------------------------------------------------------ the casts */

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int gone(const struct scene *scene)
{
    return scene->ending == DEMO_GONE_BOUNDARY || scene->ending == DEMO_GONE_INSIDE;
}

static void our_server(const struct scene *scene, struct command *command)
{
    const int to_us = scene->ours == SERVER;
    add_all(command, WORDS(scene->demo->program, "server", "--cert", "leaf.pem", "--key", "leaf.key", "--listen",
                           "127.0.0.1:0", "--count", "1", "--verdict"));
    if (scene->ending == DEMO_DEADLINE || (to_us && gone(scene)))
        add(command, "--sink");
    else
        add(command, "--http");
    if (scene->ending == DEMO_DEADLINE && to_us)
        add_all(command, WORDS("--deadline", "300"));
    if (scene->ending == DEMO_HALF_CLOSE)
        add_all(command, WORDS("--late", "--size", "200000"));
    if (scene->ending == DEMO_IN_FLIGHT)
        add_all(command, WORDS("--size", to_us ? "1000" : "2000000"));
    if (scene->ending == DEMO_IN_FLIGHT && scene->pairing == DEMO_CURL)
        add(command, "--eager");
    if (!to_us && gone(scene))
        add_all(command, WORDS("--size", "2000000"));
}

static void the_server(const struct scene *scene, struct command *command)
{
    if (scene->pairing != DEMO_S_SERVER)
        our_server(scene, command);
    else
        add_all(command, WORDS("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", "leaf.pem", "-key", "leaf.key",
                               "-WWW", "-num_tickets", "0", "-naccept", "1"));
}

static void our_client(const struct scene *scene, struct command *command)
{
    add_all(command, WORDS(scene->demo->program, "client", scene->relayed, "--ca", "ca.pem", "--servername", "localhost",
                           "--verdict"));
    if (scene->ending == DEMO_DEADLINE)
        add_all(command, WORDS("--deadline", "300"));
}

static void the_client(struct scene *scene, struct command *command)
{
    static char url[96], resolve[96];
    const char *port = strrchr(scene->relayed, ':') + 1;
    if (scene->ours == CLIENT) {
        our_client(scene, command);
    } else if (scene->pairing == DEMO_S_CLIENT) {
        add_all(command, WORDS("openssl", "s_client", "-connect", scene->relayed, "-CAfile", "ca.pem", "-servername",
                               "localhost", "-nocommands"));
    } else {
        tool_text(url, sizeof url, "https://localhost:%s/", port);
        tool_text(resolve, sizeof resolve, "localhost:%s:127.0.0.1", port);
        add_all(command, WORDS("curl", "-s", "--noproxy", "*", "--max-time", "15", "--cacert", "ca.pem", "--resolve", resolve,
                               "-o", "/dev/null", url));
        if (scene->ending == DEMO_IN_FLIGHT || gone(scene))
            add_all(command, WORDS("-T", "big", "-H", "Expect:"));
    }
}

/* The records of TLS 1.3 with outer type application_data: a server's EncryptedExtensions, Certificate, CertificateVerify and
 * Finished are 1 to 4, a client's Finished is 1; then comes data. */
static void the_relay(struct scene *scene, struct command *command)
{
    const int toward_client = scene->ours == CLIENT ? gone(scene) : scene->ending == DEMO_ALERT;
    const int first_data = toward_client ? 5 : 2;
    tool_text(scene->number[0], sizeof scene->number[0], "%d", gone(scene) ? first_data + 1 : first_data);
    tool_text(scene->number[1], sizeof scene->number[1], "%d", scene->ending == DEMO_GONE_INSIDE ? 100 : 0);
    add_all(command, WORDS(scene->demo->program, "relay", "--listen", "127.0.0.1:0", "--count", "1", "--to", scene->address,
                           "--toward", toward_client ? "client" : "server", "--act", gone(scene) ? "cut" : "flip",
                           "--record", scene->number[0], "--inside", scene->number[1]));
}

/* What goes to the client's stdin, and when that ends. curl takes its own from the command line. */
static void the_words(struct scene *scene)
{
    scene->request = scene->ending == DEMO_DEADLINE || scene->pairing == DEMO_CURL ? "" : "GET /big HTTP/1.0\r\n\r\n";
    scene->request_left = strlen(scene->request);
    if (scene->pairing == DEMO_S_CLIENT && (scene->ending == DEMO_IN_FLIGHT || gone(scene)))
        scene->upload = UPLOAD;
    scene->closes = scene->ending == DEMO_HALF_CLOSE                             ? CLOSE_AT_ONCE
                    : scene->ending == DEMO_IN_FLIGHT && scene->ours == CLIENT ? CLOSE_AT_FIRST_BYTE
                                                                               : CLOSE_NEVER;
}

/* ------------------------------------------------------------------------------------------------ the play */

static const char *raise_curtain(struct scene *scene)
{
    struct command server = { { NULL }, 0 }, relay = { { NULL }, 0 }, client = { { NULL }, 0 };
    const int openssl = scene->pairing == DEMO_S_SERVER;
    the_server(scene, &server);
    if (start(scene->demo, &server, &scene->process[SERVER]) != 0 ||
        await_line(scene, SERVER, openssl ? "ACCEPT " : "listening on ", scene->address, sizeof scene->address) != 0)
        return "the server did not come up";
    memcpy(scene->relayed, scene->address, sizeof scene->relayed);
    if (gone(scene) || scene->ending == DEMO_ALERT) {
        the_relay(scene, &relay);
        if (start(scene->demo, &relay, &scene->process[RELAY]) != 0 ||
            await_line(scene, RELAY, "listening on ", scene->relayed, sizeof scene->relayed) != 0)
            return "the relay did not come up";
    }
    the_words(scene);
    the_client(scene, &client);
    return start(scene->demo, &client, &scene->process[CLIENT]) != 0 ? "the client did not start" : NULL;
}

/* The text of "key":"text" or "key":number. */
static void field(const char *json, const char *key, char *to, size_t room)
{
    char quoted[64];
    const char *at;
    tool_text(quoted, sizeof quoted, "\"%s\":", key);
    at = strstr(json, quoted);
    to[0] = '\0';
    if (at == NULL)
        return;
    at += strlen(quoted);
    at += *at == '"';
    tool_text(to, room, "%.*s", (int)strcspn(at, "\",}"), at);
}

static void judge(const struct scene *scene, const char *json, struct demo_cell *cell)
{
    const int flows = scene->ending == DEMO_HALF_CLOSE || scene->ending == DEMO_IN_FLIGHT, us = scene->ours == CLIENT;
    const unsigned long least = !us ? 1 : scene->pairing == DEMO_S_SERVER || scene->ending == DEMO_IN_FLIGHT ? BIG : DEMO_BYTES;
    const char *mover = us || scene->ending == DEMO_IN_FLIGHT ? "we" : "peer";
    char how[64], place[32], bytes[32], moved[32];
    field(json, "verdict", how, sizeof how);
    field(json, "place", place, sizeof place);
    field(json, "bytes_in", bytes, sizeof bytes);
    field(json, "first_mover", moved, sizeof moved);
    if (strcmp(place, "none") == 0)
        tool_text(cell->got, sizeof cell->got, "%s", how);
    else
        tool_text(cell->got, sizeof cell->got, "%s (%s)", how, place);
    if (flows && strtoul(bytes, NULL, 10) < least)
        tool_text(cell->trouble, sizeof cell->trouble, "%s bytes came, at least %lu should", bytes, least);
    else if (flows && strcmp(moved, mover) != 0)
        tool_text(cell->trouble, sizeof cell->trouble, "the first to move was \"%s\", not \"%s\"", moved, mover);
}

static const char *play(struct scene *scene, struct demo_cell *cell)
{
    struct process *ours = &scene->process[scene->ours];
    const char *trouble = raise_curtain(scene), *json;
    if (trouble != NULL)
        return trouble;
    for (;;) {
        json = strstr(ours->text[1], "{\"verdict\"");
        if (json != NULL && strchr(json, '\n') != NULL)
            break;
        if (ours->err < 0)
            return "it ended without a verdict";
        if (move(scene) < 0)
            return "nothing happened for too long";
    }
    judge(scene, json, cell);
    return NULL;
}

void demo_far(const struct demo *demo, enum demo_pairing pairing, enum demo_ending ending, struct demo_cell *cell)
{
    struct scene *scene = calloc(1, sizeof *scene);
    const char *trouble = "out of memory";
    if (scene != NULL) {
        for (int role = 0; role < ROLES; role++)
            scene->process[role].in = scene->process[role].out = scene->process[role].err = -1;
        scene->demo = demo;
        scene->pairing = pairing;
        scene->ending = ending;
        scene->ours = pairing == DEMO_OURS || pairing == DEMO_S_SERVER ? CLIENT : SERVER;
        scene->until_ms = now_ms() + PATIENCE_MS;
        trouble = play(scene, cell);
        for (int role = ROLES - 1; role >= 0; role--)
            stop(&scene->process[role]);
    }
    if (trouble != NULL)
        tool_text(cell->trouble, sizeof cell->trouble, "%s", trouble);
    free(scene);
}
