/* SPDX-License-Identifier: MIT */
/* The call under test: once, repeated, or in a thread of its own that others look at. */
#define _GNU_SOURCE

#include "seed_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------ for the table */

static void describe(struct seed_outcome outcome, char text[128])
{
    const char *const reason = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, outcome.reason));
    if (outcome.error == SEED_NONE)
        (void)snprintf(text, 128, "%d", outcome.result);
    else if (outcome.error == SEED_WANT_READ || outcome.error == SEED_WANT_WRITE)
        (void)snprintf(text, 128, "%d WANT_%s", outcome.result, outcome.error == SEED_WANT_READ ? "READ" : "WRITE");
    else if (outcome.error == SEED_SYSCALL)
        (void)snprintf(text, 128, "%d SYSCALL%s%s", outcome.result, outcome.system != 0 ? ", " : "",
                       outcome.system != 0 ? strerrorname_np(outcome.system) : "");
    else
        (void)snprintf(text, 128, "%d SSL, %s", outcome.result, reason != NULL ? reason : "no reason");
}

static void append(struct seed *seed, const char *text, const char *separator)
{
    const size_t have = strlen(seed->seen);
    const size_t tail = have >= strlen(text) ? have - strlen(text) : have;
    if (have > 0 && strcmp(seed->seen + tail, text) == 0)
        return;
    (void)snprintf(seed->seen + have, sizeof seed->seen - have, "%s%s",
                   have > 0 && seed->seen[have - 1] != ' ' ? separator : "", text);
}

void seed_scene(struct seed *seed, const char *name)
{
    char text[80];
    (void)snprintf(text, sizeof text, "%s: ", name);
    append(seed, text, "; ");
}

void seed_saw(struct seed *seed, const char *what) { append(seed, what, ", "); }

static void note(struct seed *seed, struct seed_outcome outcome)
{
    char text[128];
    describe(outcome, text);
    append(seed, text, " → ");
}

/* ------------------------------------------------------------------------------------------------ calling */

int seed_wants(struct seed_outcome outcome)
{
    return outcome.result == -1 && (outcome.error == SEED_WANT_READ || outcome.error == SEED_WANT_WRITE);
}

static struct seed_outcome call_here(struct seed *seed)
{
    struct seed_outcome outcome = { 0 };
    errno = 0;
    outcome.result = seed->kind->shutdown(seed->us);
    outcome.system = errno;
    outcome.error = seed->kind->get_error(seed->us, outcome.result);
    outcome.reason = outcome.error == SEED_SSL ? ERR_GET_REASON(ERR_peek_last_error()) : 0;
    outcome.flags = seed->kind->get_shutdown(seed->us);
    ERR_clear_error();
    return outcome;
}

struct seed_outcome seed_shutdown(struct seed *seed)
{
    const struct seed_outcome outcome = call_here(seed);
    note(seed, outcome);
    assert_true(outcome.flags & SEED_SENT);
    assert_false(seed_blocks(seed) && seed_wants(outcome));
    return outcome;
}

static void *call_there(void *argument)
{
    struct seed *const seed = argument;
    atomic_store(&seed->call.task, (int)gettid());
    seed->call.outcome = call_here(seed);
    atomic_store(&seed->call.returned, 1);
    (void)eventfd_write(seed->call.event, 1);
    return NULL;
}

void seed_start(struct seed *seed)
{
    atomic_store(&seed->call.task, 0);
    atomic_store(&seed->call.returned, 0);
    assert_int_equal(pthread_create(&seed->call.thread, NULL, call_there, seed), 0);
    seed->call.running = 1;
}

static struct seed_outcome join(struct seed *seed)
{
    uint64_t count;
    assert_int_equal(pthread_join(seed->call.thread, NULL), 0);
    seed->call.running = 0;
    assert_int_equal(read(seed->call.event, &count, sizeof count), sizeof count);
    note(seed, seed->call.outcome);
    assert_true(seed->call.outcome.flags & SEED_SENT);
    assert_false(seed_wants(seed->call.outcome));
    return seed->call.outcome;
}

struct seed_outcome seed_returned(struct seed *seed)
{
    struct pollfd watched = { seed->call.event, POLLIN, 0 };
    assert_int_equal(poll(&watched, 1, SEED_PATIENCE_MS), 1);
    return join(seed);
}

/* ------------------------------------------------------------------------------------------------ to the end */

static struct seed_outcome finish_blocking(struct seed *seed)
{
    struct pollfd watched[2] = { { seed->call.event, POLLIN, 0 }, { seed->far_fd, POLLIN, 0 } };
    if (!seed->call.running)
        seed_start(seed);
    (void)seed_serve(seed);
    do {
        assert_true(poll(watched, 2, SEED_PATIENCE_MS) > 0);
        if (watched[1].revents != 0 && seed_serve(seed) == 0)
            watched[1].fd = -1;   /* its end was seen */
    } while (watched[0].revents == 0);
    return join(seed);
}

struct seed_outcome seed_finish(struct seed *seed)
{
    struct seed_outcome outcome;
    if (seed_blocks(seed))
        return finish_blocking(seed);
    for (;;) {
        outcome = seed_shutdown(seed);
        if (!seed_wants(outcome))
            return outcome;
        assert_true(seed_serve(seed) > 0);   /* it asked for something: there must be something to do */
    }
}

void seed_await_far(struct seed *seed)
{
    struct pollfd watched = { seed->far_fd, POLLIN, 0 };
    assert_int_equal(poll(&watched, 1, SEED_PATIENCE_MS), 1);
}

void seed_until_peer_sees(struct seed *seed)
{
    seed->withhold = 1;
    if (seed_blocks(seed))
        seed_start(seed);
    while (!seed->peer_end) {
        if (seed_blocks(seed))
            seed_await_far(seed);
        else
            assert_true(seed_wants(seed_shutdown(seed)));
        assert_true(seed_carry_out(seed, SEED_WIRE) > 0);
        seed_peer_reads(seed);
        assert_false(seed->peer_failed);
    }
    seed->withhold = 0;
}

/* ------------------------------------------------------------------------------------------------ looking at a thread */

/* The state letter of /proc: 'R' runs, 'S' sleeps until something happens. */
static int task_state(const struct seed *seed)
{
    char path[64], text[128] = "";
    const char *end;
    int fd;
    ssize_t got;
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", atomic_load(&seed->call.task));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    (void)close(fd);
    end = got > 0 ? strrchr(text, ')') : NULL;
    return end != NULL && end[1] == ' ' ? end[2] : '?';
}

static int64_t milliseconds(clockid_t clock)
{
    struct timespec now;
    assert_int_equal(clock_gettime(clock, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void await_sleep(struct seed *seed)
{
    const int64_t deadline = milliseconds(CLOCK_MONOTONIC) + SEED_PATIENCE_MS;
    while (atomic_load(&seed->call.task) == 0 || task_state(seed) != 'S' ||
           (seed_near_holds(seed) > 0 && seed_writable(seed))) {
        assert_int_equal(atomic_load(&seed->call.returned), 0);
        assert_true(milliseconds(CLOCK_MONOTONIC) < deadline);
        (void)sched_yield();
    }
}

/* While this thread looks, for so much of its own processor time, the blocked one is to use next to none. */
enum { LOOKING_MS = 30, IDLE_MS = 5 };

void seed_sees_it_blocked(struct seed *seed)
{
    clockid_t theirs;
    int64_t began, used;
    await_sleep(seed);
    assert_int_equal(pthread_getcpuclockid(seed->call.thread, &theirs), 0);
    began = milliseconds(CLOCK_THREAD_CPUTIME_ID);
    used = milliseconds(theirs);
    while (milliseconds(CLOCK_THREAD_CPUTIME_ID) < began + LOOKING_MS)
        assert_int_equal(task_state(seed), 'S');
    assert_true(milliseconds(theirs) - used < IDLE_MS);
    assert_int_equal(atomic_load(&seed->call.returned), 0);
}
