/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "handoff.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "carry.h"
#include "passing.h"
#include "tool.h"

enum { VERSION = 1, HELLO = 'H', CONNECTION = 'C', END = 'E', YES = 'y', NO = 'n', GIVING_MS = 2 * PASSING_MS };

/* Both ends are the same program on the same machine: a struct will do. */
struct hello {
    char kind, program[7];
    uint32_t version, size;
    uint64_t accepted;
    struct tlsm_ticket_key ticket_key;
    char identity[sizeof ((struct page *)NULL)->identity];
};

/* ------------------------------------------------------------------------------------------------ the file */

static int address_of(const char *path, struct sockaddr_un *address)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path)
        return tool_say("--handoff %s: the path is too long; the system allows %zu bytes.", path, sizeof address->sun_path - 1), -1;
    memcpy(address->sun_path, path, strlen(path) + 1);
    return 0;
}

/* A socket that nobody listens on any more, and that is ours: it goes. Anything else stays. */
static int clear_stale(const char *path)
{
    struct stat about;
    if (lstat(path, &about) < 0)
        return errno == ENOENT ? 0 : (tool_say("--handoff %s: %s.", path, strerror(errno)), -1);
    if (!S_ISSOCK(about.st_mode))
        return tool_say("--handoff %s: this is a file already, and no socket. Name another one.", path), -1;
    if (about.st_uid != geteuid())
        return tool_say("--handoff %s: this socket belongs to somebody else. Name another one.", path), -1;
    return unlink(path) == 0 ? 0 : (tool_say("--handoff %s: cannot be renewed: %s.", path, strerror(errno)), -1);
}

/* Whoever can connect gets every secret: the file is the user's alone, and the other end is asked who it is, too. */
static int same_user(int fd)
{
    struct ucred other;
    socklen_t length = sizeof other;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &length) == 0 && other.uid == geteuid();
}

int handoff_open(struct server *server)
{
    const char *path = server->options->handoff;
    struct sockaddr_un address;
    mode_t before;
    int bound;
    if (address_of(path, &address) < 0 || clear_stale(path) < 0)
        return -1;
    server->handoff = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    before = umask(S_IRWXG | S_IRWXO | S_IXUSR);
    bound = server->handoff >= 0 && bind(server->handoff, (const struct sockaddr *)&address, sizeof address) == 0;
    (void)umask(before);
    if (bound && listen(server->handoff, 4) == 0)
        return 0;
    tool_say("--handoff %s: %s.", path, strerror(errno));
    if (bound)
        (void)unlink(path);   /* else the file is somebody else's */
    if (server->handoff >= 0)
        (void)close(server->handoff);
    server->handoff = -1;
    return -1;
}

void handoff_close(struct server *server)
{
    if (server->handoff < 0)
        return;
    (void)close(server->handoff);
    (void)unlink(server->options->handoff);
    server->handoff = -1;
}

/* ------------------------------------------------------------------------------------------------ giving */

static int say_hello(const struct server *server, int fd)
{
    const int descriptor[PASSING_DESCRIPTORS] = { server->listener, server->handoff };
    struct hello hello;
    int sent;
    memset(&hello, 0, sizeof hello);
    hello.kind = HELLO;
    memcpy(hello.program, "tlsm", 5);
    hello.version = VERSION;
    hello.size = sizeof hello;
    hello.accepted = server->accepted;
    hello.ticket_key = server->service.endpoint.ticket_key;
    memcpy(hello.identity, server->service.page.identity, sizeof hello.identity);
    sent = passing_send(fd, &hello, sizeof hello, descriptor, PASSING_DESCRIPTORS);
    explicit_bzero(&hello, sizeof hello);
    return sent;
}

/* The other end's last word. It can say nothing more once we have shut the socket, so what has not come by then never left:
 * the connection is ours again. */
static int last_word(int fd)
{
    const int word = passing_hear(fd);
    if (word >= 0)
        return word;
    (void)shutdown(fd, SHUT_RDWR);
    return passing_hear(fd);
}

static int send_cargo(int fd, const struct cargo *cargo)
{
    uint8_t *message = malloc(1 + cargo->length);
    int sent;
    if (message == NULL)
        return -1;
    message[0] = CONNECTION;
    memcpy(message + 1, cargo->bytes, cargo->length);
    sent = passing_send(fd, message, 1 + cargo->length, &cargo->descriptor, 1);
    explicit_bzero(message, 1 + cargo->length);
    free(message);
    return sent;
}

/* Nobody else has it: it goes on here, from the bytes. */
static int take_back(struct server *server, struct connection *connection, const struct cargo *cargo)
{
    const char *why;
    tlsm_socket_free(connection->socket);
    free(connection->held);
    connection->socket = NULL;
    connection->held = NULL;
    if (carry_in(connection, cargo, &why) == 0 &&
        server_watch(server, cargo->descriptor, connection, connection->watched, EPOLL_CTL_ADD) == 0) {
        server->again = 1;
        return 0;
    }
    tool_say("A connection is lost.");
    if (connection->socket != NULL) {
        server_forget(server, connection);
        return -1;
    }
    (void)close(cargo->descriptor);
    server_forget(server, connection);
    return -1;
}

/* 1: it is theirs; 0: it stays; -1: it stays, and the other end is gone. */
static int give_one(struct server *server, int fd, struct connection *connection)
{
    struct cargo cargo;
    int word;
    if (carry_out(connection, &cargo) < 0)
        return 0;
    /* The descriptor lives on over there, and would go on telling us of events. */
    (void)server_watch(server, cargo.descriptor, connection, 0, EPOLL_CTL_DEL);
    word = send_cargo(fd, &cargo) == 0 ? last_word(fd) : -1;
    if (word == YES) {
        (void)close(cargo.descriptor);
        server_forget(server, connection);
    } else {
        (void)take_back(server, connection, &cargo);
    }
    carry_drop(&cargo);
    return word == YES ? 1 : word == NO ? 0 : -1;
}

/* How many went; -1: the other end is gone, and some may have gone with it. */
static int give_all(struct server *server, int fd)
{
    struct connection *next;
    int given = 0;
    for (struct connection *at = server->first.next; at != &server->first; at = next) {
        int one;
        next = at->next;
        one = give_one(server, fd, at);
        if (one < 0)
            return -1;
        given += one;
    }
    return passing_say(fd, END) == 0 && last_word(fd) == YES ? given : -1;
}

static void retire(struct server *server, int given)
{
    tool_say("Handed over the address and %d connection%s; %" PRIu64 " stay%s here until they end.", given, given == 1 ? "" : "s",
             server->open, server->open == 1 ? "s" : "");
    server->ending = 1;
    (void)server_watch(server, server->listener, &server->listener, 0, EPOLL_CTL_DEL);
    (void)server_watch(server, server->handoff, &server->handoff, 0, EPOLL_CTL_DEL);
    (void)close(server->listener);
    (void)close(server->handoff);   /* the file is the other server's now */
    server->listener = server->handoff = -1;
    server->accepting = 0;
}

void handoff_give(struct server *server)
{
    const int fd = accept4(server->handoff, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int given;
    server->called = 0;
    if (fd < 0)
        return;
    passing_limit(GIVING_MS);   /* nobody is served meanwhile */
    if (server->ending) {
        tool_say("A server called at %s, but this one is ending: refused.", server->options->handoff);
    } else if (!same_user(fd)) {
        tool_say("Another user called at %s: refused.", server->options->handoff);
    } else if (say_hello(server, fd) == 0 && last_word(fd) == YES) {
        given = give_all(server, fd);
        if (given >= 0)
            retire(server, given);
        else
            tool_say("The server that was taking over went away, or was too slow; going on with %" PRIu64 " connections.", server->open);
    } else {
        tool_say("The server that called did not take over; going on.");
    }
    passing_limit(0);
    (void)close(fd);
}

/* ------------------------------------------------------------------------------------------------ taking */

static int call(const char *path)
{
    struct sockaddr_un address;
    int fd, called;
    if (address_of(path, &address) < 0)
        return -2;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    do
        called = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&address, sizeof address);
    while (called < 0 && errno == EINTR);
    if (called == 0)
        return fd;
    called = errno;
    if (fd >= 0)
        (void)close(fd);
    if (called == ENOENT || called == ECONNREFUSED)
        return -1;
    return tool_say("--handoff %s: %s.", path, strerror(called)), -2;
}

/* The port that --listen names, if it names one, is the listener's. */
static int listens_there(const char *place, int listener)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char host[256], port[32], actual[32];
    if (getsockname(listener, (struct sockaddr *)&address, &length) < 0 ||
        getnameinfo((struct sockaddr *)&address, length, NULL, 0, actual, sizeof actual, NI_NUMERICSERV) != 0)
        return 0;
    return tool_split(place, host, port) == 0 && (strcmp(port, "0") == 0 || strcmp(port, actual) == 0);
}

static const char *judge_hello(const struct server *server, const struct passing *message)
{
    struct hello hello;
    if (message->length != sizeof hello)
        return "the server there is another version of tlsm";
    memcpy(&hello, message->bytes, sizeof hello);
    const int good = hello.kind == HELLO && memcmp(hello.program, "tlsm", 5) == 0 && hello.version == VERSION &&
                     hello.size == sizeof hello;
    explicit_bzero(&hello, sizeof hello);
    if (!good || message->descriptor[0] < 0 || message->descriptor[1] < 0)
        return "the server there is another version of tlsm";
    if (!listens_there(server->options->listen, message->descriptor[0]))
        return "the server there listens on another port than --listen says";
    return NULL;
}

/* *same: that server answers as we do, so that a page begun there can be ended here. */
static int take_hello(struct server *server, int fd, int *same)
{
    struct passing message;
    struct hello hello;
    const char *wrong;
    if (passing_receive(fd, &message) < 0)
        return tool_say("--handoff %s: nobody answers there: %s.", server->options->handoff, strerror(errno)), -1;
    wrong = judge_hello(server, &message);
    if (wrong != NULL || passing_say(fd, YES) < 0) {
        (void)passing_say(fd, NO);
        passing_drop(&message);
        return tool_say("--handoff %s: %s.", server->options->handoff, wrong != NULL ? wrong : "the server there went away"), -1;
    }
    memcpy(&hello, message.bytes, sizeof hello);
    server->accepted = hello.accepted;
    server->service.endpoint.ticket_key = hello.ticket_key;
    (void)endpoint_watch_replays(&server->service.endpoint, 0);   /* what came there is not known here; without memory none is read */
    *same = memcmp(hello.identity, server->service.page.identity, sizeof hello.identity) == 0;
    explicit_bzero(&hello, sizeof hello);
    server->listener = message.descriptor[0];
    server->handoff = message.descriptor[1];
    message.descriptor[0] = message.descriptor[1] = -1;
    passing_drop(&message);
    return 0;
}

/* Theirs still: nothing may be done to the transport. */
static void let_go(struct server *server, struct connection *connection)
{
    const int descriptor = tlsm_socket_release(connection->socket);
    (void)server_watch(server, descriptor, connection, 0, EPOLL_CTL_DEL);
    (void)close(descriptor);
    server_forget(server, connection);
}

static void drop(struct connection *connection)
{
    if (connection != NULL && connection->socket != NULL) {
        (void)tlsm_socket_release(connection->socket);
        tlsm_socket_free(connection->socket);
        free(connection->held);
    }
    free(connection);
}

/* 1: it is ours; 0: it stays there; -1: the other end is gone. */
static int take_one(struct server *server, int fd, struct passing *message, int same)
{
    struct connection *connection = calloc(1, sizeof *connection);
    const struct cargo cargo = { message->bytes + 1, message->length - 1, message->descriptor[0] };
    const char *why = same ? "Out of memory." : "The page served here is another one.";
    int taken = -1;
    if (connection != NULL && same && cargo.descriptor >= 0) {
        connection->service = &server->service;
        taken = carry_in(connection, &cargo, &why);
        if (taken == 0 && server_adopt(server, connection) != 0) {
            why = "It cannot be watched for events.";
            taken = -1;
        }
    }
    if (taken < 0) {
        drop(connection);
        tool_say("A connection stays with the other server: %s", why);
        return passing_say(fd, NO) == 0 ? 0 : -1;
    }
    message->descriptor[0] = -1;
    if (passing_say(fd, YES) == 0)
        return 1;
    let_go(server, connection);
    return -1;
}

/* Until the end, or until the other end is gone: what came is ours in any case. */
static unsigned take_all(struct server *server, int fd, int same)
{
    struct passing message;
    unsigned taken = 0;
    int more = 1;
    while (more && passing_receive(fd, &message) == 0) {
        const int kind = message.bytes[0];
        int one = -1;
        if (kind == CONNECTION)
            one = take_one(server, fd, &message, same);
        else if (kind == END)
            (void)passing_say(fd, YES);
        taken += one == 1;
        more = one >= 0;
        passing_drop(&message);
    }
    return taken;
}

int handoff_take(struct server *server)
{
    const int fd = call(server->options->handoff);
    int same, taken;
    if (fd < 0)
        return fd == -1 ? 0 : -1;
    if (!same_user(fd)) {
        (void)close(fd);
        return tool_say("--handoff %s: another user's server is there.", server->options->handoff), -1;
    }
    taken = take_hello(server, fd, &same);
    if (taken == 0) {
        const unsigned count = take_all(server, fd, same);
        tool_say("Took over the address and %u connection%s.", count, count == 1 ? "" : "s");
        taken = 1;
    }
    (void)close(fd);
    return taken;
}
