/* SPDX-License-Identifier: MIT */
/* From a name to a connected socket, with every call on the way refused, interrupted or late in turn. */
#define _DEFAULT_SOURCE

#include "fault_peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlsm_socket.h"

enum { TIMEOUT_MS = 5000 };

static struct {
    int listening;
    char port[16];
} far;

static int listen_somewhere(void **state)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    (void)state;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    far.listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (far.listening < 0 || bind(far.listening, (struct sockaddr *)&address, length) < 0 ||
        listen(far.listening, 16) < 0 || getsockname(far.listening, (struct sockaddr *)&address, &length) < 0)
        return -1;
    (void)snprintf(far.port, sizeof far.port, "%u", ntohs(address.sin_port));
    return 0;
}

static int stop_listening(void **state)
{
    (void)state;
    fault_disarm();
    return close(far.listening);
}

/* The peer's side of whatever was connected; waited for, since the loopback need not deliver at once. -1: nobody came. */
static int accepted(int wait_ms)
{
    struct pollfd watched = { far.listening, POLLIN, 0 };
    return poll(&watched, 1, wait_ms) > 0 ? accept(far.listening, NULL, NULL) : -1;
}

/* The world's part: the connection is made as soon as the kernel gets to it. Told once, so that time goes on after it. */
static int made(void *context)
{
    struct pollfd watched = { far.listening, POLLIN, 0 };
    int *const told = context;
    return !(*told)++ && poll(&watched, 1, 1000) > 0;
}

static void forget_all_that_came(void)
{
    int fd;
    while ((fd = accepted(0)) >= 0)
        (void)close(fd);
}

/* What a descriptor that was handed out has to be: connected, blocking, not inherited. */
static void is_good(int descriptor)
{
    char byte = 0;
    const int peer = accepted(1000);
    assert_true(peer >= 0);
    assert_int_equal(fcntl(descriptor, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(send(descriptor, "x", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(recv(peer, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    (void)close(peer);
}

static void only_a_reason_is_left(int error)
{
    const char *const name = fault.name;
    assert_true(fault.effect >= FAULT_ONCE);
    assert_int_not_equal(error, 0);
    if (strcmp(name, "getaddrinfo") == 0 && fault.error == EAI_SYSTEM)
        assert_int_equal(error, EMFILE);
    else if (fault.effect == FAULT_ONCE)
        assert_int_equal(error, fault.error);
}

static void dial(void *context)
{
    int error = 0, told = 0, descriptor;
    (void)context;
    forget_all_that_came();
    fault.idle = made;
    fault.idle_context = &told;
    fault_arm();
    descriptor = tlsm_socket_dial("127.0.0.1", far.port, TIMEOUT_MS, &error);
    fault_disarm();
    if (descriptor < 0)
        only_a_reason_is_left(error);
    else
        is_good(descriptor);
    if (fault.effect <= FAULT_MILD)
        assert_true(descriptor >= 0);
    if (descriptor >= 0)
        (void)close(descriptor);
}

static void dialling(void **state)
{
    (void)state;
    assert_true(fault_sweep("one address", dial, NULL) > 40);
}

/* ------------------------------------------------------------------------------------------------ several addresses */

/* Both lead to the same place. */
static struct addrinfo *two_addresses(void)
{
    static struct addrinfo info[2];
    static struct sockaddr_in address;
    memset(info, 0, sizeof info);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)strtoul(far.port, NULL, 10));
    for (int i = 0; i < 2; i++) {
        info[i].ai_family = AF_INET;
        info[i].ai_socktype = SOCK_STREAM;
        info[i].ai_addr = (struct sockaddr *)&address;
        info[i].ai_addrlen = sizeof address;
    }
    info[0].ai_next = &info[1];
    return info;
}

/* What goes wrong once costs one address, and there is another. */
static void dial_two(void *context)
{
    int error = 0, told = 0, descriptor;
    (void)context;
    forget_all_that_came();
    fault.idle = made;
    fault.idle_context = &told;
    fault.addresses = two_addresses();
    fault_arm();
    descriptor = tlsm_socket_dial("two.example", far.port, TIMEOUT_MS, &error);
    fault_disarm();
    if (fault.effect != FAULT_EVER && !(fault.hit && strcmp(fault.name, "getaddrinfo") == 0))
        assert_true(descriptor >= 0);
    if (descriptor < 0)
        only_a_reason_is_left(error);
    else
        (void)close(descriptor);
}

static void a_fault_costs_one_address_of_two(void **state)
{
    (void)state;
    assert_true(fault_sweep("two addresses", dial_two, NULL) > 40);
}

/* ------------------------------------------------------------------------------------------------ the connection */

static void connect_to(void *context)
{
    struct two two;
    int error = 0, told = 0;
    struct tlsm_socket *socket;
    (void)context;
    forget_all_that_came();
    two_init(&two);
    fault.idle = made;
    fault.idle_context = &told;
    fault_arm();
    socket = tlsm_socket_connect(&two.config[CLIENT], "127.0.0.1", far.port, TIMEOUT_MS, NULL, &error);
    if (socket == NULL)
        only_a_reason_is_left(error);
    if (socket != NULL && tlsm_socket_start(socket, NULL, "a.example") != TLSM_IO_DONE)
        assert_true(fault.effect >= FAULT_ONCE);
    tlsm_socket_free(socket);
    fault_disarm();
    if (fault.effect <= FAULT_MILD)
        assert_non_null(socket);
}

static void connecting(void **state)
{
    (void)state;
    assert_true(fault_sweep("a connection", connect_to, NULL) > 60);
}

/* ------------------------------------------------------------------------------------------------ what sweeps found */

static void wait_in_vain(void *context)
{
    int error = 0;
    (void)context;
    fault.addresses = two_addresses();
    fault_arm();
    assert_int_equal(tlsm_socket_dial("two.example", far.port, TIMEOUT_MS, &error), -1);
    assert_int_equal(error, ETIMEDOUT);
    fault_disarm();
}

static void the_timeout_holds_against_signals_without_end(void **state)
{
    (void)state;
    fault_only("poll", EINTR, wait_in_vain, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dialling),
        cmocka_unit_test(a_fault_costs_one_address_of_two),
        cmocka_unit_test(connecting),
        cmocka_unit_test(the_timeout_holds_against_signals_without_end),
    };
    return cmocka_run_group_tests(tests, listen_somewhere, stop_listening);
}
