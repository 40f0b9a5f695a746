/* SPDX-License-Identifier: MIT */
/* Connections over the kernel's io_uring: local sockets and TCP, with both ends on one ring. */
#define _DEFAULT_SOURCE

#include "uring_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>

static const struct tlsm_uring_options usual;

struct kernel {
    struct io_uring ring;
    struct ends ends;
};

/* Containers often forbid io_uring, old kernels have none. */
static int prepare(void **state)
{
    struct io_uring ring;
    const int made = io_uring_queue_init(2, &ring, 0);
    (void)state;
    fill_speech();
    if (made < 0) {
        print_message("no io_uring here: %s; these tests are skipped\n", strerror(-made));
        *state = speech;
        return 0;
    }
    io_uring_queue_exit(&ring);
    return 0;
}

static void tcp_pair(int descriptor[2])
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    const int listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &length), 0);
    descriptor[CLIENT] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(descriptor[CLIENT], (struct sockaddr *)&address, length), 0);
    descriptor[SERVER] = accept(listening, NULL, NULL);
    assert_true(descriptor[SERVER] >= 0);
    close(listening);
}

static void open_keeping(struct kernel *kernel, void **state, int family, unsigned entries,
                         const struct tlsm_uring_options *options, uint8_t keep)
{
    int descriptor[2];
    if (*state != NULL)
        skip();
    memset(kernel, 0, sizeof *kernel);
    assert_int_equal(io_uring_queue_init(entries, &kernel->ring, 0), 0);
    if (family == AF_UNIX)
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptor), 0);
    else
        tcp_pair(descriptor);
    ends_init(&kernel->ends, descriptor, options, keep);
}

static void open_kernel(struct kernel *kernel, void **state, int family, unsigned entries,
                        const struct tlsm_uring_options *options)
{
    open_keeping(kernel, state, family, entries, options, 0);
}

static void turn(struct kernel *kernel, int which)
{
    while (end_turn(&kernel->ends.end[which], &kernel->ring) == TLSM_URING_FULL)
        assert_true(io_uring_submit(&kernel->ring) >= 0);
}

static int patience(const struct kernel *kernel)
{
    const int one = tlsm_uring_timeout(kernel->ends.end[0].connection), other = tlsm_uring_timeout(kernel->ends.end[1].connection);
    if (one < 0 || other < 0)
        return one < 0 ? other : one;
    return one < other ? one : other;
}

/* Waits for one completion, or the timeout; 0: the latter. `patience_ms`: fails after it; 0: only looks. */
static int wait_once(struct kernel *kernel, int most_ms)
{
    const int own_ms = patience(kernel), ms = own_ms >= 0 && own_ms < most_ms ? own_ms : most_ms;
    struct __kernel_timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
    struct io_uring_cqe *cqe = NULL, copy;
    struct end *end;
    (void)io_uring_submit_and_wait_timeout(&kernel->ring, &cqe, 1, &time, NULL);
    if (io_uring_peek_cqe(&kernel->ring, &cqe) != 0)
        return 0;
    copy = *cqe;
    io_uring_cqe_seen(&kernel->ring, cqe);
    assert_non_null(tlsm_uring_of(&copy));
    (void)tlsm_uring_complete(tlsm_uring_of(&copy), &copy);
    end = tlsm_uring_of(&copy)->owner;
    turn(kernel, (int)(end - kernel->ends.end));
    return 1;
}

static void run(struct kernel *kernel)
{
    turn(kernel, CLIENT);
    turn(kernel, SERVER);
    while (!kernel->ends.end[CLIENT].closed || !kernel->ends.end[SERVER].closed)
        if (!wait_once(kernel, 5000)) {
            assert_true(patience(kernel) >= 0);
            turn(kernel, CLIENT);
            turn(kernel, SERVER);
        }
    assert_honest(&kernel->ends);
}

/* Until both have heard what they want and rest. */
static void connect_ends(struct kernel *kernel)
{
    struct end *end = kernel->ends.end;
    end[CLIENT].to_hear = end[SERVER].to_hear = SIZE_MAX;   /* nobody closes yet */
    turn(kernel, CLIENT);
    turn(kernel, SERVER);
    while (!tlsm_connected(end[CLIENT].connection->link.state) || !tlsm_connected(end[SERVER].connection->link.state) ||
           end[CLIENT].connection->in_flight != 1 << TLSM_URING_RECEIVE || end[SERVER].connection->in_flight != 1 << TLSM_URING_RECEIVE)
        assert_int_equal(wait_once(kernel, 5000), 1);
}

static void done(struct kernel *kernel)
{
    ends_free(&kernel->ends);
    io_uring_queue_exit(&kernel->ring);
}

/* What the descriptor was given back for. The end counts as closed: nobody turns it any more. */
static int take_descriptor(struct kernel *kernel, int which)
{
    struct end *end = &kernel->ends.end[which];
    int descriptor = -1, got;
    while ((got = tlsm_uring_release(end->connection, &descriptor)) == TLSM_IO_WANT_READ) {
        assert_int_equal(tlsm_uring_arm(end->connection, &kernel->ring), TLSM_IO_DONE);
        assert_int_equal(wait_once(kernel, 5000), 1);
    }
    assert_int_equal(got, TLSM_IO_DONE);
    end->closed = 1;
    return descriptor;
}

/* ------------------------------------------------------------------------------------------------ orderly */

static void converse(void **state, int family, unsigned entries, const struct tlsm_uring_options *options, int non_blocking)
{
    struct kernel kernel;
    struct end *end = kernel.ends.end;
    open_kernel(&kernel, state, family, entries, options);
    for (int which = 0; which < 2; which++) {
        int yes = non_blocking;
        assert_int_equal(ioctl(end[which].descriptor, FIONBIO, &yes), 0);
        end[which].to_say = end[1 - which].to_hear = which == CLIENT ? 5000 : SPEECH;
    }
    run(&kernel);
    assert_string_equal(tlsm_how_name(end[CLIENT].verdict.how), "clean_both");
    assert_string_equal(tlsm_how_name(end[SERVER].verdict.how), "clean_both");
    assert_int_equal(end[CLIENT].heard, SPEECH);
    assert_int_equal(end[SERVER].heard, 5000);
    assert_false(is_open(end[CLIENT].descriptor) || is_open(end[SERVER].descriptor));
    done(&kernel);
}

static void over_a_local_socket(void **state) { converse(state, AF_UNIX, 8, &usual, 0); }
static void over_tcp(void **state) { converse(state, AF_INET, 8, &usual, 0); }
static void with_room_for_one_submission(void **state) { converse(state, AF_INET, 1, &usual, 0); }
static void on_descriptors_that_do_not_block(void **state) { converse(state, AF_INET, 8, &usual, 1); }

static void thrifty_ones_wait_without_memory(void **state)
{
    const struct tlsm_uring_options thrifty = { .thrifty = 1 };
    struct kernel kernel;
    struct end *end = kernel.ends.end;
    converse(state, AF_INET, 8, &thrifty, 0);
    open_kernel(&kernel, state, AF_UNIX, 8, &thrifty);
    connect_ends(&kernel);
    assert_null(end[CLIENT].connection->link.in.data);
    assert_null(end[SERVER].connection->link.in.data);
    assert_null(end[SERVER].connection->link.out.data);
    end[CLIENT].to_say = end[SERVER].to_hear = 10;
    end[CLIENT].to_hear = 0;
    run(&kernel);
    assert_string_equal(tlsm_how_name(end[SERVER].verdict.how), "clean_both");
    done(&kernel);
}

static void our_sending_half_ends_before_the_connection(void **state)
{
    struct kernel kernel;
    struct end *end = kernel.ends.end;
    uint8_t byte;
    open_kernel(&kernel, state, AF_INET, 8, &usual);
    connect_ends(&kernel);
    assert_int_equal(tlsm_uring_end(end[CLIENT].connection), TLSM_IO_DONE);
    turn(&kernel, CLIENT);
    while (!end[CLIENT].connection->shut || end[SERVER].connection->link.state->control.rx != TLSM_RX_CLOSED)
        assert_int_equal(wait_once(&kernel, 5000), 1);
    assert_int_equal(recv(end[SERVER].descriptor, &byte, 1, 0), 0);
    end[CLIENT].to_hear = end[SERVER].to_hear = 0;
    run(&kernel);
    assert_string_equal(tlsm_how_name(end[CLIENT].verdict.how), "clean_both");
    done(&kernel);
}

/* The peer's last words wait in its socket; a silent one is waited for no longer than asked. */
static void a_peer_that_never_goes_is_waited_for_a_while(void **state)
{
    const struct tlsm_uring_options options = { .linger_ms = 20 };
    struct kernel kernel;
    struct end *end = kernel.ends.end;
    open_kernel(&kernel, state, AF_INET, 8, &options);
    connect_ends(&kernel);
    assert_int_equal(tlsm_uring_end(end[SERVER].connection), TLSM_IO_DONE);
    turn(&kernel, SERVER);
    end[CLIENT].closing = 1;
    end[SERVER].to_hear = SIZE_MAX;
    turn(&kernel, CLIENT);
    while (!end[CLIENT].closed)
        if (!wait_once(&kernel, 5000))
            turn(&kernel, CLIENT);
    assert_string_equal(tlsm_how_name(end[CLIENT].verdict.how), "clean_both");
    end[SERVER].to_hear = 0;
    run(&kernel);
    done(&kernel);
}

static void another_protocol_gets_the_descriptor_back(void **state)
{
    struct kernel kernel;
    struct end *end = kernel.ends.end;
    struct tlsm_bytes rest;
    int descriptor;
    open_keeping(&kernel, state, AF_UNIX, 8, &usual, 1);
    connect_ends(&kernel);
    end[CLIENT].to_hear = end[SERVER].to_hear = 0;
    run(&kernel);
    assert_string_equal(tlsm_how_name(end[SERVER].verdict.how), "clean_both");
    assert_int_equal(tlsm_uring_release(end[CLIENT].connection, &descriptor), TLSM_IO_DONE);
    assert_int_equal(descriptor, end[CLIENT].descriptor);
    assert_true(is_open(descriptor) && is_open(end[SERVER].descriptor));
    rest = tlsm_link_rest(&end[CLIENT].connection->link);
    assert_int_equal(rest.length, 0);
    close(descriptor);
    close(end[SERVER].descriptor);
    done(&kernel);
}

/* ------------------------------------------------------------------------------------------------ ends of other kinds */

static void a_peer_that_vanishes_is_a_truncation(void **state)
{
    struct kernel kernel;
    struct end *end = kernel.ends.end;
    open_kernel(&kernel, state, AF_UNIX, 8, &usual);
    connect_ends(&kernel);
    close(take_descriptor(&kernel, SERVER));
    run(&kernel);
    assert_string_equal(tlsm_how_name(end[CLIENT].verdict.how), "truncated");
    assert_int_equal(end[CLIENT].verdict.place, TLSM_PLACE_BOUNDARY);
    done(&kernel);
}

static void a_reset_is_a_failed_transport(void **state)
{
    const struct linger now = { 1, 0 };
    struct kernel kernel;
    struct end *end = kernel.ends.end;
    int descriptor;
    open_kernel(&kernel, state, AF_INET, 8, &usual);
    connect_ends(&kernel);
    descriptor = take_descriptor(&kernel, SERVER);
    assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(descriptor);
    run(&kernel);
    assert_string_equal(tlsm_how_name(end[CLIENT].verdict.how), "transport_failed");
    assert_int_equal(end[CLIENT].connection->error, ECONNRESET);
    done(&kernel);
}

/* H5, G3: no signal (it has its default action), and the alert is what is reported. */
static void a_failed_write_reports_the_alert_that_came_with_it(void **state)
{
    struct kernel kernel;
    struct end *end = kernel.ends.end;
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    open_kernel(&kernel, state, AF_UNIX, 8, &usual);
    connect_ends(&kernel);
    assert_int_equal(tlsm_link_abort(&end[SERVER].connection->link, TLSM_ALERT_ACCESS_DENIED), TLSM_IO_DONE);
    assert_int_equal(tlsm_uring_arm(end[SERVER].connection, &kernel.ring), TLSM_IO_DONE);
    assert_true(io_uring_submit(&kernel.ring) > 0);   /* the alert lies in the client's socket */
    (void)shutdown(end[SERVER].descriptor, SHUT_RDWR);
    end[CLIENT].to_say = 10;
    run(&kernel);
    assert_string_equal(tlsm_how_name(end[CLIENT].verdict.how), "peer_alert");
    assert_int_equal(end[CLIENT].verdict.alert_received, TLSM_ALERT_ACCESS_DENIED);
    done(&kernel);
}

static void a_silent_peer_meets_the_deadline(void **state)
{
    struct kernel kernel;
    struct end *end = kernel.ends.end;
    open_kernel(&kernel, state, AF_UNIX, 8, &usual);
    connect_ends(&kernel);
    end[SERVER].to_hear = SIZE_MAX;
    assert_int_equal(tlsm_uring_timeout(end[CLIENT].connection), -1);
    assert_int_equal(tlsm_uring_deadline(end[CLIENT].connection, 100000), TLSM_IO_DONE);
    assert_true(tlsm_uring_timeout(end[CLIENT].connection) > 90000);
    assert_int_equal(tlsm_uring_deadline(end[CLIENT].connection, 20), TLSM_IO_DONE);
    run(&kernel);
    assert_string_equal(tlsm_how_name(end[CLIENT].verdict.how), "timed_out");
    assert_string_equal(tlsm_how_name(end[SERVER].verdict.how), "truncated");
    done(&kernel);
}

/* A9: the pipe is full and half a record is on its way: it is called back, counted, and the transport is reset. */
static void giving_up_in_the_middle_of_a_record_resets(void **state)
{
    const struct tlsm_uring_options options = { .link.out_limit = 100000 };
    struct kernel kernel;
    struct end *end = kernel.ends.end;
    const int small = 4096;
    open_kernel(&kernel, state, AF_INET, 8, &options);
    (void)setsockopt(end[SERVER].descriptor, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    (void)setsockopt(end[CLIENT].descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    connect_ends(&kernel);
    (void)take_descriptor(&kernel, CLIENT);   /* nobody reads */
    end[SERVER].to_say = SPEECH;
    turn(&kernel, SERVER);
    while (wait_once(&kernel, 50))
        continue;
    assert_true(end[SERVER].connection->in_flight & 1 << TLSM_URING_SEND);
    assert_int_equal(tlsm_uring_free(end[SERVER].connection), TLSM_IO_WANT_READ);
    end[SERVER].closing = end[SERVER].abandons = 1;
    run(&kernel);
    assert_string_equal(tlsm_how_name(end[SERVER].verdict.how), "abandoned");
    assert_true(end[SERVER].verdict.untaken > 0 && end[SERVER].verdict.untaken < SPEECH);
    {
        uint8_t bytes[4096];
        ssize_t got;
        while ((got = recv(end[CLIENT].descriptor, bytes, sizeof bytes, 0)) > 0)
            continue;
        assert_int_equal(got, -1);
        assert_int_equal(errno, ECONNRESET);
    }
    close(end[CLIENT].descriptor);
    done(&kernel);
}

/* Nothing is in flight: without the ring. */
static void freed_at_once_it_is_abandoned(void **state)
{
    struct kernel kernel;
    struct end *end = kernel.ends.end;
    open_kernel(&kernel, state, AF_UNIX, 8, &usual);
    done(&kernel);
    assert_false(is_open(end[CLIENT].descriptor) || is_open(end[SERVER].descriptor));
}

static void completions_of_others_are_told_apart(void **state)
{
    struct io_uring_cqe cqe = { 4096, 0, 0 };
    struct kernel kernel;
    open_kernel(&kernel, state, AF_UNIX, 8, &usual);
    assert_null(tlsm_uring_of(&cqe));
    cqe.user_data = (uint64_t)(uintptr_t)kernel.ends.end[CLIENT].connection + TLSM_URING_SEND;
    assert_ptr_equal(tlsm_uring_of(&cqe), kernel.ends.end[CLIENT].connection);
    assert_int_equal(tlsm_uring_complete(kernel.ends.end[CLIENT].connection, &cqe), TLSM_IO_REFUSED);
    done(&kernel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_a_local_socket),
        cmocka_unit_test(over_tcp),
        cmocka_unit_test(with_room_for_one_submission),
        cmocka_unit_test(on_descriptors_that_do_not_block),
        cmocka_unit_test(thrifty_ones_wait_without_memory),
        cmocka_unit_test(our_sending_half_ends_before_the_connection),
        cmocka_unit_test(a_peer_that_never_goes_is_waited_for_a_while),
        cmocka_unit_test(another_protocol_gets_the_descriptor_back),
        cmocka_unit_test(a_peer_that_vanishes_is_a_truncation),
        cmocka_unit_test(a_reset_is_a_failed_transport),
        cmocka_unit_test(a_failed_write_reports_the_alert_that_came_with_it),
        cmocka_unit_test(a_silent_peer_meets_the_deadline),
        cmocka_unit_test(giving_up_in_the_middle_of_a_record_resets),
        cmocka_unit_test(freed_at_once_it_is_abandoned),
        cmocka_unit_test(completions_of_others_are_told_apart),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
