/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE 1
#include "faulty_kernel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "adapter_slot.h"

static struct {
    struct faulty *faulty;
    int closes[2], lingers[2];
    uint64_t now_ms;
    int running;
} kernel;

void kernel_open(struct faulty *faulty)
{
    kernel.faulty = faulty;
    kernel.now_ms = 1000;
    kernel.running = 1;
    for (int who = 0; who < 2; who++)
        kernel.closes[who] = kernel.lingers[who] = 0;
}

int kernel_closed(void)
{
    kernel.running = 0;
    return kernel.closes[0] == 1 && kernel.closes[1] == 1;
}

/* Which end, or -1: a descriptor of the kernel's. */
static int end_of(int descriptor)
{
    const int who = descriptor - KERNEL_DESCRIPTOR;
    kernel.now_ms++;
    if (who < 0 || who > 1)
        return -1;
    if (kernel.closes[who] > 0)
        abort();   /* used after it was closed */
    return who;
}

ssize_t __real_recv(int descriptor, void *to, size_t room, int flags);
ssize_t __wrap_recv(int descriptor, void *to, size_t room, int flags);
ssize_t __wrap_recv(int descriptor, void *to, size_t room, int flags)
{
    const int who = end_of(descriptor);
    return who < 0 ? __real_recv(descriptor, to, room, flags) : faulty_receive(kernel.faulty, who, to, room);
}

ssize_t __real_send(int descriptor, const void *from, size_t length, int flags);
ssize_t __wrap_send(int descriptor, const void *from, size_t length, int flags);
ssize_t __wrap_send(int descriptor, const void *from, size_t length, int flags)
{
    const int who = end_of(descriptor);
    if (who >= 0 && !(flags & MSG_NOSIGNAL))
        abort();   /* H5: it would raise SIGPIPE */
    return who < 0 ? __real_send(descriptor, from, length, flags) : faulty_send(kernel.faulty, who, from, length);
}

int __real_shutdown(int descriptor, int how);
int __wrap_shutdown(int descriptor, int how);
int __wrap_shutdown(int descriptor, int how)
{
    const int who = end_of(descriptor);
    if (who < 0)
        return __real_shutdown(descriptor, how);
    faulty_shut(kernel.faulty, who);
    adapter_answered(ADAPTER_SHUT);
    return 0;
}

int __real_setsockopt(int descriptor, int level, int name, const void *value, socklen_t length);
int __wrap_setsockopt(int descriptor, int level, int name, const void *value, socklen_t length);
int __wrap_setsockopt(int descriptor, int level, int name, const void *value, socklen_t length)
{
    const int who = end_of(descriptor);
    if (who < 0)
        return __real_setsockopt(descriptor, level, name, value, length);
    adapter_answered(ADAPTER_SET);
    kernel.lingers[who] |= level == SOL_SOCKET && name == SO_LINGER;
    return 0;
}

/* As TCP does: what was not read, or linger, makes it a reset. */
int __real_close(int descriptor);
int __wrap_close(int descriptor);
int __wrap_close(int descriptor)
{
    const int who = end_of(descriptor);
    if (who < 0)
        return __real_close(descriptor);
    adapter_answered(ADAPTER_CLOSED);
    kernel.closes[who]++;
    if (kernel.lingers[who] || faulty_held(kernel.faulty, 1 - who) > 0) {
        kernel.faulty->pipe[who].reset = 1;
        kernel.faulty->pipe[who].error = ECONNRESET;
    }
    faulty_shut(kernel.faulty, who);
    kernel.faulty->pipe[1 - who].deaf = 1;
    return 0;
}

static int can_move(int who, short events)
{
    const struct faulty_pipe *own = &kernel.faulty->pipe[who], *other = &kernel.faulty->pipe[1 - who];
    const int readable = faulty_held(kernel.faulty, 1 - who) > 0 || other->shut || other->reset;
    const int writable = own->end < sizeof own->bytes || own->deaf || own->shut;
    return (events & POLLIN && readable ? POLLIN : 0) | (events & POLLOUT && writable ? POLLOUT : 0);
}

/* The other end is this thread's too, so who waits without a limit waits until the transport ends. */
int __real_poll(struct pollfd *watched, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
    const int who = count == 1 ? end_of(watched->fd) : -1;
    if (who < 0)
        return __real_poll(watched, count, timeout_ms);
    watched->revents = (short)can_move(who, watched->events);
    if (watched->revents == 0 && timeout_ms < 0) {
        faulty_shut(kernel.faulty, 1 - who);
        faulty_shut(kernel.faulty, who);
        watched->revents = (short)can_move(who, watched->events);
    }
    adapter_answered(watched->revents == 0 ? ADAPTER_LATE : ADAPTER_READY);
    kernel.now_ms += watched->revents == 0 ? (uint64_t)timeout_ms : 0;
    return watched->revents != 0;
}

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!kernel.running)
        return __real_clock_gettime(clock, now);
    kernel.now_ms++;
    now->tv_sec = (time_t)(kernel.now_ms / 1000);
    now->tv_nsec = (long)(kernel.now_ms % 1000 * 1000000);
    return 0;
}
