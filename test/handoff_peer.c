/* SPDX-License-Identifier: MIT */
/* A new server that is no good, for test/handoff_test.sh: handoff_peer SOCKET HOW
 *   silent   goes away without a word
 *   dies     takes the address, and goes away with a connection in its hands that it never said yes to
 *   refuses  takes the address and no connection
 *   unheard  is told at once that there is nothing to be had: an end of the line, not a silence */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "passing.h"

static int call(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || strlen(path) >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, strlen(path));
    return connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* What the next message is; with it go its descriptors. 0: there is none, or one without. */
static int next(int fd)
{
    struct passing message;
    if (passing_receive(fd, &message) < 0)
        return 0;
    const int kind = message.bytes[0] == 'E' || message.descriptor[0] >= 0 ? message.bytes[0] : 0;
    passing_drop(&message);
    return kind;
}

static int act(int fd, const char *how)
{
    int kind = next(fd);
    if (strcmp(how, "unheard") == 0)
        return kind != 0 || errno != ECONNRESET;
    if (kind != 'H' || strcmp(how, "silent") == 0)
        return kind != 'H';
    (void)passing_say(fd, 'y');
    while ((kind = next(fd)) != 0) {
        if (kind == 'C' && strcmp(how, "dies") == 0)
            return 0;
        (void)passing_say(fd, kind == 'C' ? 'n' : 'y');
    }
    return strcmp(how, "dies") == 0;
}

int main(int count, char **argument)
{
    const int fd = count == 3 ? call(argument[1]) : -1;
    if (fd < 0) {
        fprintf(stderr, "handoff_peer: cannot connect: %s\n", strerror(errno));
        return 1;
    }
    return act(fd, argument[2]);
}
