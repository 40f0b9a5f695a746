/* SPDX-License-Identifier: MIT */
/* Inputs for the target wire from real connections: drives the machine of a scene over TCP against whatever implementation is at the
 * other end, and keeps the bytes that came. What the machine says is the null provider's, so that few peers get beyond the first
 * flight; what they say until then is theirs.
 *
 *      record_wire SCENE connect PORT FILE      a client scene, to a server on 127.0.0.1
 *      record_wire SCENE listen FILE            a server scene; says the port it listens on first
 *
 * SCENE is the number that `explore --scenes` lists. Ends with 0 when FILE has what was heard, with 1 when nothing was. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sequence.h"

enum { PATIENCE_MS = 2000, HEARD_MAX = SCENE_WIRE / 2, STARTED = 1 };

static struct {
    uint8_t bytes[3 + HEARD_MAX];   /* as the target reads it: scene, root, size of the pieces */
    size_t length, consumed;
} input;

static void must(int condition, const char *what)
{
    if (condition)
        return;
    (void)fprintf(stderr, "record_wire: %s\n", what);
    exit(2);
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int connected(int port)
{
    const struct sockaddr_in address = loopback(port);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    must(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0, "nobody listens on that port");
    return fd;
}

static int accepted(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    struct pollfd waiting = { .fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN };
    must(waiting.fd >= 0 && bind(waiting.fd, (const struct sockaddr *)&address, length) == 0 && listen(waiting.fd, 1) == 0 &&
             getsockname(waiting.fd, (struct sockaddr *)&address, &length) == 0, "no port to listen on");
    (void)printf("%d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    must(poll(&waiting, 1, 10 * PATIENCE_MS) == 1, "nobody came");
    const int fd = accept(waiting.fd, NULL, NULL);
    must(fd >= 0, "nobody came");
    (void)close(waiting.fd);
    return fd;
}

/* What the machine has to do before it can hear more; 0 when the peer took no more of it. */
static int oblige(struct node *node, int fd)
{
    static struct node after;
    struct operation_result result;
    for (int next = operation_usual(node); next >= 0 && next != OP_SCRIPT; next = operation_usual(node)) {
        if (operation_apply(node, (unsigned)next, &after, &result) != NULL || !result.applied)
            return 0;
        if (result.step.out.wire_length > 0 && send(fd, result.step.wire, result.step.out.wire_length, MSG_NOSIGNAL) < 0)
            return 0;
        node_copy(node, &after);
    }
    return (tlsm_needs(&node->at.state) & TLSM_NEED_RECEIVE) != 0;
}

/* Another piece from the peer; 0: it has no more to say, or we no more room. */
static int hear(int fd)
{
    struct pollfd readable = { .fd = fd, .events = POLLIN };
    ssize_t got;
    if (input.length == sizeof input.bytes || poll(&readable, 1, PATIENCE_MS) != 1)
        return 0;
    got = recv(fd, input.bytes + input.length, sizeof input.bytes - input.length, 0);
    input.length += got > 0 ? (size_t)got : 0;
    return got > 0;
}

static void converse(struct node *node, int fd)
{
    static struct node after;
    struct operation_result result;
    while (oblige(node, fd)) {
        const struct tlsm_bytes bytes = { input.bytes + input.consumed, input.length - input.consumed };
        const char *broken = operation_wire(node, bytes, &after, &result);
        must(broken == NULL, broken);
        node_copy(node, &after);
        input.consumed += result.step.out.consumed;
        if (result.code < TLSM_OK || (result.step.out.consumed == 0 && !hear(fd)))
            return;
    }
}

int main(int count, char **arguments)
{
    static struct node node;
    const int listens = count == 4 && strcmp(arguments[2], "listen") == 0;
    FILE *file;
    must(listens || (count == 5 && strcmp(arguments[2], "connect") == 0), "usage: record_wire SCENE connect PORT FILE | record_wire SCENE listen FILE");
    scenes_prepare();
    input.bytes[0] = (uint8_t)atoi(arguments[1]);
    input.bytes[1] = STARTED;
    input.length = input.consumed = 3;
    must(input.bytes[0] < scenes_count(), "there is no such scene");
    node_copy(&node, sequence_start(input.bytes, input.length));
    const int fd = listens ? accepted() : connected(atoi(arguments[3]));
    converse(&node, fd);
    (void)close(fd);
    if (input.length == 3)
        return 1;
    file = fopen(arguments[count - 1], "wb");
    must(file != NULL && fwrite(input.bytes, 1, input.length, file) == input.length && fclose(file) == 0, "the file cannot be written");
    return 0;
}
