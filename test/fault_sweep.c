/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "fault_sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 64, SECRETS = 16, SECRET = 16, SHORTS = 3 };
enum kind { MOVES, CALLS, FAILS, FREES, TELLS };

struct fault fault;

static struct {
    int armed;
    unsigned long at;       /* the call that fails; 0: none */
    unsigned variant;
    int absent;             /* that call has no such variant */
    const char *ever;       /* calls of this name fail from now on */
    size_t part;            /* fewer bytes: 1, 2: half */
    uint8_t secret[SECRETS][SECRET];
    unsigned secrets;
} run;
static struct { long blocks, lists; } live;

/* ------------------------------------------------------------------------------------------------ which call fails */

void fault_arm(void)
{
    if (fault.tick_ms == 0)
        fault.tick_ms = 1;
    run.armed = 1;
}

void fault_disarm(void) { run.armed = 0; }

/* Variants of a call, in this order: each error once, each error for ever, and moving 1 byte, half, and half for ever. */
static int pick(const char *name, const int *errors, unsigned mild, int parts, int *error)
{
    unsigned count = 0;
    int in_part;
    while (errors[count] != 0)
        count++;
    run.absent = run.variant >= (parts < 0 ? count : 2 * count + (parts ? SHORTS : 0));
    if (run.absent)
        return 0;
    in_part = run.variant >= 2 * count;
    *error = in_part ? 0 : errors[run.variant % count];
    run.part = run.variant > 2 * count ? 2 : 1;
    if (in_part ? run.variant == 2 * count + 2 : run.variant >= count)
        run.ever = name;
    if (fault.endless != NULL && strstr(fault.endless, name) != NULL && (*error == EINTR || *error == EAGAIN))
        run.ever = NULL;
    fault.effect = in_part || (run.variant < mild) ? FAULT_MILD : run.ever != NULL ? FAULT_EVER : FAULT_ONCE;
    fault.hit = 1;
    fault.name = name;
    fault.error = *error;
    return 1;
}

int fault_next(const char *name, const int *errors, unsigned mild, int parts, int *error)
{
    if (!run.armed)
        return 0;
    fault.now_ms += run.ever != NULL && fault.error == 0 ? 0 : fault.tick_ms;   /* moving little is no delay */
    fault.calls++;
    if (fault.calls > FAULT_CALLS_MAX)
        fail_msg("%s is called for ever", name);
    if (run.ever != NULL && strcmp(run.ever, name) == 0) {
        *error = fault.error;
        return 1;
    }
    return fault.calls == run.at && pick(name, errors, mild, parts, error);
}

size_t fault_part(size_t length)
{
    const size_t part = run.part == 2 ? length / 2 : 1;
    return part > 0 && part < length ? part : length;
}

/* ------------------------------------------------------------------------------------------------ the sweep */

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Set: every call of this name fails, with this error. */
static const char *only;
static int only_error;

static void run_once(void (*scenario)(void *context), void *context, unsigned long at, unsigned variant)
{
    const long blocks = live.blocks, lists = live.lists;
    unsigned descriptors;
    memset(&fault, 0, sizeof fault);
    memset(&run, 0, sizeof run);
    descriptors = open_descriptors();
    run.at = at;
    run.variant = variant;
    fault.now_ms = 1000000;
    if (only != NULL) {
        run.ever = fault.name = only;
        fault.error = only_error;
        fault.effect = FAULT_EVER;
    }
    scenario(context);
    run.armed = 0;
    if (open_descriptors() != descriptors)
        fail_msg("%u descriptors more than before", open_descriptors() - descriptors);
    if (live.blocks != blocks || live.lists != lists)
        fail_msg("%ld blocks, %ld address lists more than before", live.blocks - blocks, live.lists - lists);
}

/* cmocka's failures leave by longjmp; which fault it was is said before that can happen. */
static unsigned long at_number;
static unsigned at_variant;
static const char *at_title;

static void tell(void)
{
    if (at_title != NULL)
        fprintf(stderr, "in \"%s\": call %lu, variant %u: %s, error %d (%s)%s\n", at_title, at_number, at_variant,
                fault.name != NULL ? fault.name : "none", fault.error, fault.error != 0 ? strerror(abs(fault.error)) : "in part",
                run.ever != NULL ? ", for ever" : "");
}

/* Between sweeps nothing fails. */
static void rest(void)
{
    memset(&fault, 0, sizeof fault);
    memset(&run, 0, sizeof run);
}

void fault_only(const char *name, int error, void (*scenario)(void *context), void *context)
{
    only = name;
    only_error = error;
    run_once(scenario, context, 0, 0);
    only = NULL;
    rest();
}

unsigned long fault_sweep(const char *title, void (*scenario)(void *context), void *context)
{
    return fault_sweep_some(title, scenario, context, 1);
}

unsigned long fault_sweep_some(const char *title, void (*scenario)(void *context), void *context, unsigned long stride)
{
    static int told;
    unsigned long faults = 0, calls, longest;
    if (!told++)
        (void)atexit(tell);
    tell();
    (void)signal(SIGPIPE, SIG_DFL);
    at_title = title;
    at_number = at_variant = 0;
    run_once(scenario, context, 0, 0);
    longest = calls = fault.calls;
    for (at_number = 1;; at_number += getenv("TLSM_FAULT_SWEEP") != NULL ? 1 : stride) {
        for (at_variant = 0;; at_variant++) {
            run_once(scenario, context, at_number, at_variant);
            longest = fault.calls > longest ? fault.calls : longest;
            if (!fault.hit)
                break;
            faults++;
        }
        if (!run.absent)
            break;
    }
    at_title = NULL;
    rest();
    print_message("%s: %lu calls, %lu faults, longest run %lu calls\n", title, calls, faults, longest);
    return faults;
}

/* ------------------------------------------------------------------------------------------------ the calls */

#define SWEPT(name, kind, ...) enum { kind_##name = kind };
#include "fault_calls.def"
#define SWEPT(name, kind, ...) static const int errors_##name[] = { __VA_ARGS__, 0 };
#include "fault_calls.def"

/* Interruptions and "not yet" stand first in the lists, and are all that may change nothing. */
static unsigned mild_of(enum kind kind, const int *errors)
{
    unsigned count = 0;
    if (kind == FAILS)
        return 0;
    if (kind == FREES)
        return 1000;
    while (errors[count] == EINTR || errors[count] == EAGAIN || errors[count] == ECONNABORTED)
        count++;
    return count;
}

/* 0: the call works; -1: it fails, errno says how; 1: it moves less. */
static int fails(const char *name, enum kind kind, const int *errors)
{
    int error = 0;
    if (!fault_next(name, errors, mild_of(kind, errors), kind == TELLS ? -1 : kind == MOVES, &error))
        return 0;
    errno = error;
    return error == 0 ? 1 : -1;
}
#define FAILS(name) fails(#name, (enum kind)kind_##name, errors_##name)
#define WRAP(result, name, parameters) \
    result __real_##name parameters;   \
    result __wrap_##name parameters;   \
    result __wrap_##name parameters

#define MOVING(name, parameters, whole, part)  \
    WRAP(ssize_t, name, parameters)            \
    {                                          \
        const int how = FAILS(name);           \
        if (how < 0)                           \
            return -1;                         \
        return how == 0 ? whole : part;        \
    }
#define PLAIN(result, failed, name, parameters, arguments)               \
    WRAP(result, name, parameters) { return FAILS(name) < 0 ? failed : __real_##name arguments; }

static void no_signal(int flags)
{
    if (run.armed && !(flags & MSG_NOSIGNAL))
        fail_msg("a send that may raise SIGPIPE");
}

MOVING(recv, (int fd, void *to, size_t room, int flags), __real_recv(fd, to, room, flags),
       __real_recv(fd, to, fault_part(room), flags))
MOVING(read, (int fd, void *to, size_t room), __real_read(fd, to, room), __real_read(fd, to, fault_part(room)))
MOVING(write, (int fd, const void *from, size_t length), __real_write(fd, from, length), __real_write(fd, from, fault_part(length)))
MOVING(getrandom, (void *to, size_t room, unsigned flags), __real_getrandom(to, room, flags),
       __real_getrandom(to, fault_part(room), flags))
MOVING(pread, (int fd, void *to, size_t room, off_t at), __real_pread(fd, to, room, at), __real_pread(fd, to, fault_part(room), at))

WRAP(ssize_t, send, (int fd, const void *from, size_t length, int flags))
{
    const int how = FAILS(send);
    no_signal(flags);
    if (how < 0)
        return -1;
    return __real_send(fd, from, how == 0 ? length : fault_part(length), flags);
}

/* The first vector alone is cut: what follows it does not come, which is a short count too. */
static struct msghdr in_part(const struct msghdr *message, struct iovec *first)
{
    struct msghdr cut = *message;
    *first = message->msg_iov[0];
    first->iov_len = fault_part(first->iov_len);
    cut.msg_iov = first;
    cut.msg_iovlen = 1;
    return cut;
}

WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags))
{
    const int how = FAILS(sendmsg);
    struct iovec first;
    struct msghdr cut;
    no_signal(flags);
    if (how < 0)
        return -1;
    if (how == 0 || message->msg_iovlen == 0)
        return __real_sendmsg(fd, message, flags);
    cut = in_part(message, &first);
    return __real_sendmsg(fd, &cut, flags);
}

WRAP(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags))
{
    const int how = FAILS(recvmsg);
    struct iovec first;
    struct msghdr cut;
    ssize_t got;
    if (how < 0)
        return -1;
    if (how == 0 || message->msg_iovlen == 0)
        return __real_recvmsg(fd, message, flags);
    cut = in_part(message, &first);
    got = __real_recvmsg(fd, &cut, flags);
    message->msg_namelen = cut.msg_namelen;
    message->msg_controllen = cut.msg_controllen;
    message->msg_flags = cut.msg_flags;
    return got;
}

/* The rest of the world moves as far as it can. */
static int world_moved(void)
{
    int moved = 0;
    run.armed = 0;
    while (fault.idle != NULL && fault.idle(fault.idle_context))
        moved = 1;
    run.armed = 1;
    return moved;
}

/* A wait that failed: the world goes on nevertheless. */
static int meanwhile(void)
{
    const int error = errno;
    (void)world_moved();
    errno = error;
    return -1;
}

static void time_passes(const char *name, int timeout)
{
    if (timeout < 0)
        fail_msg("%s waits for what will not come", name);
    fault.now_ms += (uint64_t)timeout;
}

WRAP(int, poll, (struct pollfd *watched, nfds_t count, int timeout))
{
    int ready;
    if (!run.armed)
        return __real_poll(watched, count, timeout);
    if (FAILS(poll) < 0)
        return meanwhile();
    if (fault.effect == FAULT_EVER)   /* it goes on also while somebody tries in vain */
        (void)world_moved();
    ready = __real_poll(watched, count, 0);
    if (ready == 0 && timeout != 0 && world_moved())
        ready = __real_poll(watched, count, 0);
    if (ready == 0 && timeout != 0)
        time_passes("poll", timeout);
    return ready;
}

WRAP(int, epoll_wait, (int epoll, struct epoll_event *events, int most, int timeout))
{
    int ready;
    if (!run.armed)
        return __real_epoll_wait(epoll, events, most, timeout);
    if (FAILS(epoll_wait) < 0)
        return meanwhile();
    if (fault.effect == FAULT_EVER)   /* it goes on also while somebody tries in vain */
        (void)world_moved();
    ready = __real_epoll_wait(epoll, events, most, 0);
    if (ready == 0 && timeout != 0 && world_moved())
        ready = __real_epoll_wait(epoll, events, most, 0);
    if (ready == 0 && timeout != 0)
        time_passes("epoll_wait", timeout);
    return ready;
}

PLAIN(int, -1, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event), (epoll, what, fd, event))
PLAIN(int, -1, epoll_create1, (int flags), (flags))
PLAIN(int, -1, signalfd, (int fd, const sigset_t *mask, int flags), (fd, mask, flags))
PLAIN(int, -1, socket, (int domain, int type, int protocol), (domain, type, protocol))
PLAIN(int, -1, bind, (int fd, const struct sockaddr *address, socklen_t length), (fd, address, length))
PLAIN(int, -1, listen, (int fd, int backlog), (fd, backlog))
PLAIN(int, -1, accept4, (int fd, struct sockaddr *address, socklen_t *length, int flags), (fd, address, length, flags))
PLAIN(int, -1, getsockname, (int fd, struct sockaddr *address, socklen_t *length), (fd, address, length))
PLAIN(int, -1, getsockopt, (int fd, int level, int name, void *value, socklen_t *length), (fd, level, name, value, length))
PLAIN(int, -1, shutdown, (int fd, int how), (fd, how))
PLAIN(int, -1, mkstemp, (char *path), (path))
PLAIN(int, -1, fstat, (int fd, struct stat *about), (fd, about))
PLAIN(int, -1, fsync, (int fd), (fd))
PLAIN(int, -1, rename, (const char *from, const char *to), (from, to))
PLAIN(int, -1, unlink, (const char *path), (path))
PLAIN(int, errno, posix_fallocate, (int fd, off_t at, off_t length), (fd, at, length))
PLAIN(FILE *, NULL, fdopen, (int fd, const char *mode), (fd, mode))
PLAIN(FILE *, NULL, fopen, (const char *path, const char *mode), (path, mode))
PLAIN(DIR *, NULL, opendir, (const char *path), (path))
PLAIN(struct dirent *, NULL, readdir, (DIR *folder), (folder))
PLAIN(int, -1, stat, (const char *path, struct stat *about), (path, about))

/* A connection that was interrupted goes on being made. */
WRAP(int, connect, (int fd, const struct sockaddr *address, socklen_t length))
{
    const int how = FAILS(connect);
    if (how == 0)
        return __real_connect(fd, address, length);
    if (errno == EINTR) {
        (void)__real_connect(fd, address, length);
        errno = EINTR;
    }
    return -1;
}

WRAP(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t length))
{
    const int how = FAILS(setsockopt);
    if (run.armed && level == SOL_SOCKET && name == SO_LINGER)
        fault.reset_asked = 1;
    return how < 0 ? -1 : __real_setsockopt(fd, level, name, value, length);
}

WRAP(int, close, (int fd))
{
    const int how = FAILS(close), error = errno;
    const int closed = __real_close(fd);
    if (how == 0)
        return closed;
    errno = error;
    return -1;
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list arguments;
    long argument;
    va_start(arguments, command);
    argument = va_arg(arguments, long);
    va_end(arguments);
    return FAILS(fcntl) < 0 ? -1 : __real_fcntl(fd, command, argument);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode = 0;
    va_start(arguments, flags);
    if (flags & O_CREAT)
        mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return FAILS(open) < 0 ? -1 : __real_open(path, flags, mode);
}

WRAP(int, getaddrinfo, (const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list))
{
    int failed;
    if (FAILS(getaddrinfo) < 0) {
        failed = errno;
        errno = EMFILE;   /* what EAI_SYSTEM stands for */
        return failed;
    }
    failed = fault.addresses != NULL ? 0 : __real_getaddrinfo(host, port, hints, list);
    if (fault.addresses != NULL)
        *list = fault.addresses;
    live.lists += failed == 0;
    return failed;
}

WRAP(void, freeaddrinfo, (struct addrinfo *list))
{
    live.lists--;
    if (list != fault.addresses)
        __real_freeaddrinfo(list);
}

WRAP(int, clock_gettime, (clockid_t clock, struct timespec *now))
{
    if (fault.now_ms == 0)
        return __real_clock_gettime(clock, now);
    if (!(fault.ignored & FAULT_CLOCK) && FAILS(clock_gettime) < 0)
        return -1;
    now->tv_sec = (time_t)(fault.now_ms / 1000);
    now->tv_nsec = (long)(fault.now_ms % 1000) * 1000000;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ memory */

static int refused(const char *name)
{
    static const int errors[] = { ENOMEM, 0 };
    return !(fault.ignored & FAULT_MEMORY) && fails(name, FAILS, errors) < 0;
}

static void *counted(void *block)
{
    live.blocks += block != NULL;
    return block;
}

WRAP(void *, malloc, (size_t length)) { return refused("malloc") ? NULL : counted(__real_malloc(length)); }
WRAP(void *, calloc, (size_t count, size_t length)) { return refused("calloc") ? NULL : counted(__real_calloc(count, length)); }
WRAP(char *, strdup, (const char *text)) { return refused("strdup") ? NULL : counted(__real_strdup(text)); }
WRAP(char *, strndup, (const char *text, size_t most))
{
    return refused("strndup") ? NULL : counted(__real_strndup(text, most));
}
WRAP(void *, realloc, (void *block, size_t length))
{
    void *grown;
    if (refused("realloc"))
        return NULL;
    grown = __real_realloc(block, length);
    live.blocks += block == NULL && grown != NULL;
    return grown;
}

void fault_secret(const void *bytes, size_t length)
{
    for (unsigned i = 0; i < run.secrets; i++)
        if (length >= SECRET && memcmp(run.secret[i], bytes, SECRET) == 0)
            return;
    if (length >= SECRET && run.secrets < SECRETS)
        memcpy(run.secret[run.secrets++], bytes, SECRET);
}

static void look_for_secrets(void *block)
{
    const size_t length = malloc_usable_size(block);
    for (unsigned i = 0; i < run.secrets; i++)
        if (memmem(block, length, run.secret[i], SECRET) != NULL)
            fail_msg("a secret was freed unwiped");
}

WRAP(void, free, (void *block))
{
    if (block != NULL) {
        live.blocks--;
        look_for_secrets(block);
    }
    __real_free(block);
}

long fault_blocks(void) { return live.blocks; }
