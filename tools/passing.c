/* SPDX-License-Identifier: MIT */
/* A message is its length (4 bytes, big-endian), then its bytes; the descriptors come with the length's first byte. */
#define _GNU_SOURCE

#include "passing.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LENGTH = 4 };

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(PASSING_DESCRIPTORS * sizeof(int))];
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t all_until = INT64_MAX;

void passing_limit(int ms) { all_until = ms > 0 ? now_ms() + ms : INT64_MAX; }

static int64_t patience(void)
{
    const int64_t until = now_ms() + PASSING_MS;
    return until < all_until ? until : all_until;
}

/* After a call that could not go on: 0: repeat it. */
static int await(int fd, short events, int64_t until)
{
    struct pollfd watched = { fd, events, 0 };
    const int64_t left = until - now_ms();
    if (errno == EINTR)
        return 0;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return -1;
    if (left > 0 && (poll(&watched, 1, (int)left) > 0 || errno == EINTR))
        return 0;
    errno = ETIMEDOUT;
    return -1;
}

/* ------------------------------------------------------------------------------------------------ sending */

static void attach(struct msghdr *header, union control *control, const int *descriptor, size_t count)
{
    struct cmsghdr *rights;
    if (count == 0)
        return;
    memset(control, 0, sizeof *control);
    header->msg_control = control->bytes;
    header->msg_controllen = CMSG_SPACE(count * sizeof(int));
    rights = CMSG_FIRSTHDR(header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(rights), descriptor, count * sizeof(int));
}

/* How much of `length` bytes from `at` on lies in a piece that begins at `from`. */
static struct iovec piece(const void *bytes, size_t length, size_t from, size_t at)
{
    const size_t gone = at > from ? at - from : 0;
    struct iovec left = { (uint8_t *)(uintptr_t)bytes, length };
    left.iov_len = gone < length ? length - gone : 0;
    left.iov_base = (uint8_t *)left.iov_base + (gone < length ? gone : length);
    return left;
}

/* Length and bytes leave together: of a short message all is there, or nothing. */
int passing_send(int fd, const void *bytes, size_t length, const int *descriptor, size_t descriptors)
{
    const uint8_t head[LENGTH] = { (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length };
    const int64_t until = patience();
    size_t at = 0;
    while (at < LENGTH + length) {
        struct iovec pieces[2] = { piece(head, LENGTH, 0, at), piece(bytes, length, LENGTH, at) };
        struct msghdr header = { .msg_iov = pieces, .msg_iovlen = 2 };
        union control control;
        ssize_t put;
        attach(&header, &control, descriptor, at == 0 ? descriptors : 0);
        put = sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0 && await(fd, POLLOUT, until) < 0)
            return -1;
        at += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------ receiving */

/* What nobody has room for is closed. */
static void detach(struct msghdr *header, struct passing *message)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at != NULL; at = CMSG_NXTHDR(header, at)) {
        const size_t count = at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS ? (at->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
        for (size_t i = 0, to = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
            while (to < PASSING_DESCRIPTORS && message->descriptor[to] >= 0)
                to++;
            if (to < PASSING_DESCRIPTORS)
                message->descriptor[to] = fd;
            else
                (void)close(fd);
        }
    }
}

static int receive_all(int fd, uint8_t *to, size_t length, struct passing *message, int64_t until)
{
    while (length > 0) {
        struct iovec piece = { to, length };
        union control control;
        struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes,
                                 .msg_controllen = sizeof control.bytes };
        const ssize_t got = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got == 0)
            errno = ECONNRESET;
        if (got == 0 || (got < 0 && await(fd, POLLIN, until) < 0))
            return -1;
        if (got < 0)
            continue;
        detach(&header, message);
        to += got;
        length -= (size_t)got;
    }
    return 0;
}

int passing_receive(int fd, struct passing *message)
{
    const int64_t until = patience();
    uint8_t head[LENGTH];
    memset(message, 0, sizeof *message);
    message->descriptor[0] = message->descriptor[1] = -1;
    if (receive_all(fd, head, sizeof head, message, until) == 0) {
        message->length = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        errno = EMSGSIZE;
        if (message->length > 0 && message->length <= PASSING_MAX)
            message->bytes = malloc(message->length);
        if (message->bytes != NULL && receive_all(fd, message->bytes, message->length, message, until) == 0)
            return 0;
    }
    const int error = errno;
    passing_drop(message);
    errno = error;
    return -1;
}

void passing_drop(struct passing *message)
{
    for (size_t i = 0; i < PASSING_DESCRIPTORS; i++) {
        if (message->descriptor[i] >= 0)
            (void)close(message->descriptor[i]);
        message->descriptor[i] = -1;
    }
    if (message->bytes != NULL)
        explicit_bzero(message->bytes, message->length);
    free(message->bytes);
    message->bytes = NULL;
}

/* ------------------------------------------------------------------------------------------------ words */

int passing_say(int fd, char word) { return passing_send(fd, &word, 1, NULL, 0); }

int passing_hear(int fd)
{
    struct passing message;
    int word;
    if (passing_receive(fd, &message) < 0)
        return -1;
    word = message.length == 1 ? message.bytes[0] : -1;
    passing_drop(&message);
    errno = EPROTO;
    return word;
}
