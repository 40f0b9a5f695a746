/* SPDX-License-Identifier: MIT */
/* From a name and a port to a connected descriptor: every address is tried, within one deadline. */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tlsm_socket_internal.h"

int tlsm_socket_entropy(struct tlsm_entropy *entropy)
{
    uint8_t *at = (uint8_t *)entropy;
    size_t left = sizeof *entropy;
    int interruptions = 0;
    while (left > 0) {
        const ssize_t got = getrandom(at, left, 0);
        if (got < 0 && (errno != EINTR || ++interruptions > TLSM_SOCKET_INTERRUPTIONS))
            return -1;
        at += got > 0 ? got : 0;
        left -= got > 0 ? (size_t)got : 0;
    }
    return 0;
}

/* Waits for the connection that was begun. 0, or an errno value. */
static int connected(int descriptor, uint64_t until_ms)
{
    struct pollfd watched = { descriptor, POLLOUT, 0 };
    socklen_t length = sizeof(int);
    int error = 0, ready, left;
    do {
        left = tlsm_socket_left(until_ms);
        ready = poll(&watched, 1, left);
    } while (ready < 0 && errno == EINTR && left != 0);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return ETIMEDOUT;
    if (ready < 0 || getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        return errno;
    return error;
}

static int set_blocking(int descriptor)
{
    const int flags = fcntl(descriptor, F_GETFL);
    return flags < 0 || fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) < 0 ? errno : 0;
}

static int dial_one(const struct addrinfo *address, uint64_t until_ms, int *error)
{
    const int on = 1;
    const int descriptor = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                  address->ai_protocol);
    if (descriptor < 0) {
        *error = errno;
        return -1;
    }
    *error = connect(descriptor, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (*error == EINPROGRESS || *error == EINTR)
        *error = connected(descriptor, until_ms);
    if (*error == 0)
        *error = set_blocking(descriptor);
    if (*error != 0) {
        (void)close(descriptor);
        return -1;
    }
    /* A record is sent whole: waiting for more to fill a segment only delays it. No harm where it is refused. */
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return descriptor;
}

/* An address that does not answer must leave time for those behind it. */
static uint64_t share_of(uint64_t until_ms, size_t addresses)
{
    const uint64_t now = tlsm_socket_now();
    if (until_ms == UINT64_MAX || addresses <= 1)
        return until_ms;
    return until_ms > now ? now + (until_ms - now) / addresses : until_ms;
}

static int dial_all(const struct addrinfo *list, uint64_t until_ms, int *error)
{
    const struct addrinfo *address;
    size_t left = 0;
    for (address = list; address != NULL; address = address->ai_next)
        left++;
    for (address = list; address != NULL; address = address->ai_next) {
        const int descriptor = dial_one(address, share_of(until_ms, left--), error);
        if (descriptor >= 0)
            return descriptor;
    }
    return -1;
}

int tlsm_socket_dial(const char *host, const char *port, int timeout_ms, int *error)
{
    const uint64_t until_ms = timeout_ms < 0 ? UINT64_MAX : tlsm_socket_now() + (uint64_t)timeout_ms;
    struct addrinfo hints, *list = NULL;
    int descriptor, failed, unused;
    if (error == NULL)
        error = &unused;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    failed = getaddrinfo(host, port, &hints, &list);
    if (failed != 0) {
        *error = failed == EAI_SYSTEM ? errno : failed;
        return -1;
    }
    *error = EADDRNOTAVAIL;
    descriptor = dial_all(list, until_ms, error);
    freeaddrinfo(list);
    return descriptor;
}

struct tlsm_socket *tlsm_socket_connect(const struct tlsm_config *config, const char *host, const char *port,
                                        int timeout_ms, const struct tlsm_socket_options *options, int *error)
{
    const int descriptor = tlsm_socket_dial(host, port, timeout_ms, error);
    struct tlsm_socket *made;
    if (descriptor < 0)
        return NULL;
    made = tlsm_socket_new(config, descriptor, options);
    if (made == NULL) {
        (void)close(descriptor);
        if (error != NULL)
            *error = ENOMEM;
    }
    return made;
}
