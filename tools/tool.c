/* SPDX-License-Identifier: MIT */
/* Sentences, addresses, listening: what every subcommand needs. */
#define _DEFAULT_SOURCE

#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

void tool_say(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "tlsm: %s\n", line);
}

void tool_text(char *to, size_t room, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(to, room, format, arguments);
    va_end(arguments);
}

static int copy(char *to, size_t room, const char *from, size_t length)
{
    if (length == 0 || length >= room)
        return -1;
    memcpy(to, from, length);
    to[length] = '\0';
    return 0;
}

int tool_split(const char *place, char host[256], char port[32])
{
    const char *colon = strrchr(place, ':'), *bracket = strchr(place, ']');
    if (colon == NULL)
        return -1;
    if (copy(port, 32, colon + 1, strlen(colon + 1)) < 0)
        return -1;
    if (place[0] == '[') {
        if (bracket == NULL || bracket + 1 != colon)
            return -1;
        return copy(host, 256, place + 1, (size_t)(bracket - place - 1));
    }
    if (memchr(place, ':', (size_t)(colon - place)) != NULL)   /* v6 without brackets: which colon ends it? */
        return -1;
    return copy(host, 256, place, (size_t)(colon - place));
}

static int bind_to(const struct addrinfo *address)
{
    const int yes = 1;
    const int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);
    int error;
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, 1024) == 0)
        return fd;
    error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

int tool_announce(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char host[256], port[32];
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
        getnameinfo((struct sockaddr *)&address, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return -1;
    (void)printf(strchr(host, ':') != NULL ? "listening on [%s]:%s\n" : "listening on %s:%s\n", host, port);
    return fflush(stdout);
}

int tool_bind(const char *place)
{
    struct addrinfo hints, *found = NULL;
    char host[256], port[32];
    int fd = -1, problem;
    if (tool_split(place, host, port) < 0) {
        tool_say("\"%s\" is no address to listen on. Give ADDRESS:PORT, for example 127.0.0.1:8443 or [::1]:0.", place);
        return -1;
    }
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    problem = getaddrinfo(host, port, &hints, &found);
    if (problem != 0) {
        tool_say("Cannot listen on %s: %s. Give an address of this machine and a port number.", place, gai_strerror(problem));
        return -1;
    }
    for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next)
        fd = bind_to(at);
    problem = errno;
    freeaddrinfo(found);
    if (fd < 0)
        tool_say("Cannot listen on %s: %s.%s", place, strerror(problem),
                 problem == EADDRINUSE ? " Stop what listens there, or use port 0 for a free one."
                 : problem == EACCES ? " Ports below 1024 are for root: take a higher one." : "");
    return fd;
}

int tool_listen(const char *place)
{
    const int fd = tool_bind(place);
    if (fd >= 0 && tool_announce(fd) != 0)
        tool_say("Cannot write the listening line to stdout: %s.", strerror(errno));
    return fd;
}

size_t tool_raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 256;
    limit.rlim_cur = limit.rlim_max < 1048576 ? limit.rlim_max : 1048576;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return (size_t)limit.rlim_cur;
}
