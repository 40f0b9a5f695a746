/* SPDX-License-Identifier: MIT */
/* Messages with descriptors from a hostile other end: nothing leaks, nothing is believed, nobody waits for ever. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "passing.h"

enum { MANY = 9, LIMIT_MS = 40 };

static int here[2];

static void open_pair(void)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, here), 0);
}

static void close_pair(void)
{
    for (int i = 0; i < 2; i++)
        if (here[i] >= 0)
            assert_int_equal(close(here[i]), 0);
}

static int open_descriptors(void)
{
    int open = 0;
    for (int fd = 0; fd < 256; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    return open;
}

/* Any bytes, with any number of copies of a descriptor. */
static void throw_in(const void *bytes, size_t length, size_t copies)
{
    union { struct cmsghdr align; char bytes[CMSG_SPACE(MANY * sizeof(int))]; } control;
    struct iovec piece = { (void *)(uintptr_t)bytes, length };
    const int copied = STDERR_FILENO;
    struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1 };
    memset(&control, 0, sizeof control);
    if (copies > 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(copies * sizeof(int));
        struct cmsghdr *const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(copies * sizeof(int));
        for (size_t i = 0; i < copies; i++)
            memcpy(CMSG_DATA(rights) + i * sizeof(int), &copied, sizeof(int));
    }
    assert_int_equal(sendmsg(here[0], &header, 0), length);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------------------------------------ descriptors */

static void more_descriptors_than_a_message_has_are_closed(void **unused)
{
    static const uint8_t first[] = { 0, 0 }, rest[] = { 0, 3, 'a', 'b' }, last[] = { 'c' };
    struct passing message;
    (void)unused;
    open_pair();
    const int before = open_descriptors();
    throw_in(first, sizeof first, MANY);
    throw_in(rest, sizeof rest, 1);
    throw_in(last, sizeof last, 2);
    assert_int_equal(passing_receive(here[1], &message), 0);
    assert_int_equal(message.length, 3);
    assert_memory_equal(message.bytes, "abc", 3);
    assert_int_equal(open_descriptors(), before + PASSING_DESCRIPTORS);
    passing_drop(&message);
    assert_int_equal(open_descriptors(), before);
    close_pair();
}

static void what_is_cut_short_keeps_no_descriptor(void **unused)
{
    static const uint8_t cut[] = { 0, 0, 0, 9, 'a' };
    struct passing message;
    (void)unused;
    for (size_t length = 1; length <= sizeof cut; length++) {
        open_pair();
        const int before = open_descriptors();
        throw_in(cut, length, 2);
        assert_int_equal(close(here[0]), 0);
        here[0] = -1;
        assert_int_equal(passing_receive(here[1], &message), -1);
        assert_int_equal(errno, ECONNRESET);
        assert_null(message.bytes);
        assert_int_equal(open_descriptors(), before - 1);
        close_pair();
    }
}

/* The kernel drops what would be one too many: the message says that there is none. */
static void a_process_that_can_open_no_more_gets_none(void **unused)
{
    struct rlimit limit, none;
    struct passing message;
    (void)unused;
    open_pair();
    const int before = open_descriptors();
    assert_int_equal(passing_send(here[0], "x", 1, here, 2), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const int received = passing_receive(here[1], &message);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(received, 0);
    assert_int_equal(message.descriptor[0], -1);
    assert_int_equal(message.descriptor[1], -1);
    passing_drop(&message);
    assert_int_equal(open_descriptors(), before);
    close_pair();
}

/* ------------------------------------------------------------------------------------------------ lengths and words */

static void a_length_that_cannot_be_is_refused(void **unused)
{
    static const uint8_t lengths[][4] = { { 0, 0, 0, 0 }, { 0, 16, 0, 1 }, { 0xff, 0xff, 0xff, 0xff } };
    struct passing message;
    (void)unused;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        open_pair();
        throw_in(lengths[i], sizeof lengths[i], 0);
        assert_int_equal(passing_receive(here[1], &message), -1);
        assert_int_equal(errno, EMSGSIZE);
        close_pair();
    }
}

static void a_word_is_one_byte(void **unused)
{
    (void)unused;
    open_pair();
    assert_int_equal(passing_say(here[0], 'y'), 0);
    assert_int_equal(passing_hear(here[1]), 'y');
    assert_int_equal(passing_send(here[0], "yy", 2, NULL, 0), 0);
    assert_int_equal(passing_hear(here[1]), -1);
    close_pair();
}

/* ------------------------------------------------------------------------------------------------ time */

/* Calls that all fall short together: the first takes what there is, and the others nothing. */
static void j3_nobody_waits_longer_than_the_limit_in_all(void **unused)
{
    static const uint8_t large[PASSING_MAX];
    const int64_t began = now_ms();
    (void)unused;
    open_pair();
    passing_limit(LIMIT_MS);
    assert_int_equal(passing_hear(here[1]), -1);
    assert_int_equal(errno, ETIMEDOUT);
    assert_true(now_ms() - began >= LIMIT_MS);
    for (int calls = 0; calls < 1000; calls++)
        assert_int_equal(passing_hear(here[1]), -1);
    assert_int_equal(passing_send(here[0], large, sizeof large, NULL, 0), -1);   /* nobody reads */
    assert_int_equal(errno, ETIMEDOUT);
    assert_true(now_ms() - began < PASSING_MS);
    assert_int_equal(passing_say(here[1], 'y'), 0);   /* what needs no waiting is done */
    assert_int_equal(passing_hear(here[0]), 'y');
    passing_limit(0);
    close_pair();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_descriptors_than_a_message_has_are_closed),
        cmocka_unit_test(what_is_cut_short_keeps_no_descriptor),
        cmocka_unit_test(a_process_that_can_open_no_more_gets_none),
        cmocka_unit_test(a_length_that_cannot_be_is_refused),
        cmocka_unit_test(a_word_is_one_byte),
        cmocka_unit_test(j3_nobody_waits_longer_than_the_limit_in_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
