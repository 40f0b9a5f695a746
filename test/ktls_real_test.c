/* SPDX-License-Identifier: MIT */
/* Kernel TLS for real, over TCP on the loopback, where the running kernel has it; where not, that the connection goes on. */
#include "ktls_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/utsname.h>

static void tcp_pair(int descriptor[2])
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    const int listening = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &length), 0);
    descriptor[OURS] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(descriptor[OURS], (struct sockaddr *)&address, length), 0);
    descriptor[PEER] = accept(listening, NULL, NULL);
    assert_true(descriptor[PEER] >= 0);
    close(listening);
}

/* Until both ends have carried on what they had. */
static void await(const struct world *world, short ours)
{
    struct pollfd watched[2] = { { world->kernel->descriptor, ours, 0 }, { world->socket[PEER]->descriptor, POLLIN, 0 } };
    assert_true(poll(watched, 2, 5000) >= 0);
}

static struct world *real_world(int role, uint16_t suite)
{
    struct world *world = world_new(role, suite);
    int done[2] = { 0, 0 };
    close(world->descriptor[OURS]);
    close(world->descriptor[PEER]);
    tcp_pair(world->descriptor);
    for (int end = 0; end < 2; end++) {
        world->socket[end] = tlsm_socket_new(&world->config[end], world->descriptor[end], &world->options);
        assert_non_null(world->socket[end]);
    }
    while (done[0] != TLSM_IO_DONE || done[1] != TLSM_IO_DONE)
        for (int end = 0; end < 2; end++) {
            done[end] = tlsm_socket_handshake(world->socket[end]);
            assert_true(done[end] == TLSM_IO_DONE || done[end] == TLSM_IO_WANT_READ || done[end] == TLSM_IO_WANT_WRITE);
        }
    return world;
}

static void no_kernel_tls(struct world *world)
{
    struct utsname name;
    int ours = 0, peer = 0;
    char heard[16];
    (void)uname(&name);
    print_message("Linux %s refuses kernel TLS (%s): what is seen of it is the simulated one\n", name.release,
                  strerror(world->socket[OURS]->error));
    assert_int_equal(tlsm_socket_write(world->socket[OURS], "here still", 10), 10);
    while (tlsm_socket_read(world->socket[PEER], heard, sizeof heard) != 10)
        continue;
    for (int turns = 0; turns < 100000 && (ours != TLSM_IO_DONE || peer != TLSM_IO_DONE); turns++) {
        ours = tlsm_socket_close(world->socket[OURS], NULL);
        peer = tlsm_socket_close(world->socket[PEER], NULL);
    }
    assert_string_equal(how_of(&world->socket[OURS]->link), "clean_both");
    world_free(world);
}

static void hears(struct world *world, int end, const void *text, size_t length)
{
    static uint8_t heard[300000];
    size_t have = 0;
    while (have < length) {
        const ptrdiff_t got = end == OURS ? tlsm_ktls_read(world->kernel, heard + have, length - have)
                                          : tlsm_socket_read(world->socket[PEER], heard + have, length - have);
        assert_true(got > 0 || got == TLSM_IO_WANT_READ);
        have += got > 0 ? (size_t)got : 0;
        if (got < 0)
            await(world, POLLIN);
    }
    assert_memory_equal(heard, text, length);
}

static void talk_for_real(struct world *world)
{
    ours_says(world, "from the kernel");
    hears(world, PEER, "from the kernel", 15);
    peer_says(world, "to the kernel");
    hears(world, OURS, "to the kernel", 13);
}

static void bulk_for_real(struct world *world)
{
    static uint8_t bytes[200000], heard[200000];
    size_t written = 0, have = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 11 + i / 253);
    while (have < sizeof bytes) {
        const ptrdiff_t put = written < sizeof bytes ? tlsm_ktls_write(world->kernel, bytes + written, sizeof bytes - written) : 0;
        const ptrdiff_t got = tlsm_socket_read(world->socket[PEER], heard + have, sizeof heard - have);
        assert_true(put >= 0 || put == TLSM_IO_WANT_WRITE);
        assert_true(got > 0 || got == TLSM_IO_WANT_READ);
        written += put > 0 ? (size_t)put : 0;
        have += got > 0 ? (size_t)got : 0;
    }
    assert_memory_equal(bytes, heard, sizeof bytes);
}

static void updates_for_real(struct world *world)
{
    if (world->kernel->fixed) {
        assert_int_equal(tlsm_link_key_update(&world->kernel->link, 1), TLSM_IO_REFUSED);
        assert_int_equal(world->kernel->link.code, TLSM_WRITE_EXHAUSTED);
        return;
    }
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(tlsm_link_key_update(&world->kernel->link, 1), TLSM_IO_DONE);
        assert_int_equal(tlsm_ktls_flush(world->kernel), TLSM_IO_DONE);
        talk_for_real(world);
        talk_for_real(world);
        assert_int_equal(tlsm_link_key_update(&world->socket[PEER]->link, 1), TLSM_IO_DONE);
        assert_int_equal(tlsm_socket_flush(world->socket[PEER]), TLSM_IO_DONE);
        talk_for_real(world);
        talk_for_real(world);
    }
}

static void close_for_real(struct world *world)
{
    int ours = 0, peer = 0;
    while (ours != TLSM_IO_DONE || peer != TLSM_IO_DONE) {
        ours = tlsm_ktls_close(world->kernel, NULL);
        peer = tlsm_socket_close(world->socket[PEER], NULL);
        assert_true(ours == TLSM_IO_DONE || ours == TLSM_IO_WANT_READ || ours == TLSM_IO_WANT_WRITE);
    }
    assert_string_equal(how_of(&world->kernel->link), "clean_both");
    assert_string_equal(how_of(&world->socket[PEER]->link), "clean_both");
}

/* NULL: this kernel has none, and the rest is skipped. */
static struct world *there_for_real(int role, uint16_t suite)
{
    struct world *world = real_world(role, suite);
    const int done = tlsm_ktls_new(world->socket[OURS], NULL, &world->kernel);
    if (done == TLSM_IO_DONE) {
        world->socket[OURS] = NULL;
        return world;
    }
    assert_int_equal(done, TLSM_IO_REFUSED);
    no_kernel_tls(world);
    return NULL;
}

static void the_whole_of_it(void **unused)
{
    (void)unused;
    for (int role = TLSM_CLIENT; role <= TLSM_SERVER; role++)
        for (size_t i = 0; i < 3; i++) {
            struct world *world = there_for_real(role, world_suites[i]);
            if (world == NULL)
                skip();
            print_message("%s: %s%s, keys %s\n", role == TLSM_CLIENT ? "client" : "server",
                          world->kernel->sides & TLSM_SIDE_WRITE ? "seals" : "", world->kernel->sides & TLSM_SIDE_READ ? ", opens" : "",
                          world->kernel->fixed ? "stay" : "change");
            talk_for_real(world);
            bulk_for_real(world);
            updates_for_real(world);
            close_for_real(world);
            world_free(world);
        }
}

static void a_truncation(void **unused)
{
    static const uint8_t part[] = { 23, 3, 3, 0, 40, 1, 2, 3 };
    (void)unused;
    for (size_t length = 0; length <= sizeof part; length += 4) {
        struct world *world = there_for_real(TLSM_CLIENT, world_suites[0]);
        struct tlsm_verdict verdict;
        char heard[16];
        ptrdiff_t got;
        if (world == NULL)
            skip();
        talk_for_real(world);
        world_sends(world, part, length);
        shutdown(world->descriptor[PEER], SHUT_WR);
        while ((got = tlsm_ktls_read(world->kernel, heard, sizeof heard)) == TLSM_IO_WANT_READ)
            await(world, POLLIN);
        assert_int_equal(got, TLSM_IO_ENDED);
        tlsm_verdict(world->kernel->link.state, &verdict);
        assert_string_equal(tlsm_how_name(verdict.how), "truncated");
        print_message("%zu bytes of a record, then the end: %s, %s %u of %u\n", length, tlsm_how_name(verdict.how),
                      tlsm_place_name(verdict.place), verdict.eof_have, verdict.eof_need);
        world_free(world);
    }
}

static void a_record_that_does_not_authenticate(void **unused)
{
    struct world *world = there_for_real(TLSM_SERVER, world_suites[1]);
    struct tlsm_verdict verdict;
    uint8_t record[64] = { 23, 3, 3, 0, 40 };
    char heard[16];
    ptrdiff_t got;
    (void)unused;
    if (world == NULL)
        skip();
    world_sends(world, record, 45);
    while ((got = tlsm_ktls_read(world->kernel, heard, sizeof heard)) == TLSM_IO_WANT_READ)
        await(world, POLLIN);
    assert_int_equal(got, TLSM_IO_ENDED);
    assert_string_equal(how_of(&world->kernel->link), "local_alert");
    while ((got = tlsm_socket_read(world->socket[PEER], heard, sizeof heard)) == TLSM_IO_WANT_READ)
        await(world, POLLIN);
    tlsm_verdict(world->socket[PEER]->link.state, &verdict);
    assert_string_equal(tlsm_how_name(verdict.how), "peer_alert");
    assert_int_equal(verdict.alert_received, TLSM_ALERT_BAD_RECORD_MAC);
    world_free(world);
}

static void the_peers_update(void **unused)
{
    struct world *world = there_for_real(TLSM_CLIENT, world_suites[0]);
    char heard[16];
    ptrdiff_t got;
    (void)unused;
    if (world == NULL)
        skip();
    assert_int_equal(tlsm_link_key_update(&world->socket[PEER]->link, 0), TLSM_IO_DONE);
    peer_says(world, "under a new key");
    if (!world->kernel->fixed) {
        hears(world, OURS, "under a new key", 15);
        close_for_real(world);
    } else {
        while ((got = tlsm_ktls_read(world->kernel, heard, sizeof heard)) == TLSM_IO_WANT_READ)
            await(world, POLLIN);
        assert_int_equal(got, TLSM_IO_ENDED);
        while ((got = tlsm_socket_read(world->socket[PEER], heard, sizeof heard)) == TLSM_IO_WANT_READ)
            await(world, POLLIN);
        assert_string_equal(how_of(&world->kernel->link), "local_alert");
        assert_string_equal(how_of(&world->socket[PEER]->link), "peer_alert");
    }
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_of_it),
        cmocka_unit_test(a_truncation),
        cmocka_unit_test(a_record_that_does_not_authenticate),
        cmocka_unit_test(the_peers_update),
    };
    return cmocka_run_group_tests(tests, world_prepare, world_clean);
}
