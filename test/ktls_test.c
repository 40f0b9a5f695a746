/* SPDX-License-Identifier: MIT */
/* Kernel TLS over the simulated kernel: the hand-over, data, key updates, tickets, alerts and closes, in both directions, with
 * our ordinary machine as the peer. */
#include "ktls_world.h"

enum { BULK = 300000 };

/* ------------------------------------------------------------------------------------------------ the hand-over */

static void every_suite_in_both_roles(void **unused)
{
    (void)unused;
    for (int role = TLSM_CLIENT; role <= TLSM_SERVER; role++)
        for (size_t i = 0; i < 3; i++) {
            struct world *world = world_there(role, world_suites[i]);
            both_talk(world);
            both_talk(world);
            both_close(world);
            world_free(world);
        }
}

static void after_records_were_made_here(void **unused)
{
    struct world *world = world_new(TLSM_CLIENT, world_suites[0]);
    char heard[16];
    (void)unused;
    world_connect(world);
    for (int i = 0; i < 3; i++) {   /* the record numbers go along */
        assert_int_equal(tlsm_socket_write(world->socket[OURS], "here", 4), 4);
        peer_hears(world, "here");
        peer_says(world, "here");
        assert_int_equal(tlsm_socket_read(world->socket[OURS], heard, sizeof heard), 4);
    }
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
    assert_int_equal(world->sim.side[SIM_TX].sequence, 3);
    both_talk(world);
    both_close(world);
    world_free(world);
}

static void refused(int no_ulp, int no_tx)
{
    struct world *world = world_new(TLSM_CLIENT, world_suites[0]);
    int ours = 0, peer = 0;
    char heard[16];
    world->sim.no_ulp = no_ulp;
    world->sim.no_tx = no_tx;
    world_connect(world);
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_REFUSED);
    assert_null(world->kernel);
    assert_int_equal(world->socket[OURS]->error, no_ulp != 0 ? no_ulp : no_tx);
    assert_int_equal(tlsm_socket_write(world->socket[OURS], "here still", 10), 10);
    peer_hears(world, "here still");
    peer_says(world, "there too");
    assert_int_equal(tlsm_socket_read(world->socket[OURS], heard, sizeof heard), 9);
    for (int turns = 0; turns < 20 && (ours != TLSM_IO_DONE || peer != TLSM_IO_DONE); turns++) {
        ours = tlsm_socket_close(world->socket[OURS], NULL);
        peer = tlsm_socket_close(world->socket[PEER], NULL);
    }
    assert_string_equal(how_of(&world->socket[OURS]->link), "clean_both");
    world_free(world);
}

static void a_kernel_without_tls_leaves_the_connection_as_it_was(void **unused)
{
    (void)unused;
    refused(ENOENT, 0);
    refused(ENOSYS, 0);
    refused(0, EINVAL);
    refused(0, ENOPROTOOPT);
}

static void it_can_be_tried_again(void **unused)
{
    struct world *world = world_new(TLSM_CLIENT, world_suites[0]);
    (void)unused;
    world_connect(world);
    world->sim.no_tx = ENOMEM;
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_REFUSED);
    world->sim.no_tx = 0;
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
    both_talk(world);
    world_free(world);
}

static void one_side_alone(struct world *world)
{
    assert_int_equal(world->kernel->sides, TLSM_SIDE_WRITE);
    both_talk(world);
    assert_int_equal(tlsm_link_key_update(&world->kernel->link, 1), TLSM_IO_DONE);
    assert_int_equal(tlsm_ktls_flush(world->kernel), TLSM_IO_DONE);
    peer_idles(world);
    both_talk(world);
    assert_int_equal(world->sim.rekeys[SIM_TX], 2);   /* one to find out whether it can */
    both_close(world);
}

static void a_kernel_that_only_seals(void **unused)
{
    struct world *world = world_new(TLSM_SERVER, world_suites[1]);
    (void)unused;
    world_connect(world);
    world->sim.no_rx = EINVAL;
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
    one_side_alone(world);
    world_free(world);
    world = world_new(TLSM_CLIENT, world_suites[2]);
    world_connect(world);
    assert_int_equal(world_hand_over(world, TLSM_SIDE_WRITE), TLSM_IO_DONE);
    one_side_alone(world);
    world_free(world);
}

static void bytes_of_a_record_that_lie_here_keep_the_reading_here(void **unused)
{
    struct world *world = world_new(TLSM_CLIENT, world_suites[0]);
    char heard[16];
    (void)unused;
    world_connect(world);
    peer_says(world, "one");
    peer_says(world, "two");
    assert_int_equal(tlsm_socket_read(world->socket[OURS], heard, 1), 1);   /* both records came in one */
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
    assert_int_equal(world->kernel->sides, TLSM_SIDE_WRITE);
    ours_hears(world, "netwo");
    both_talk(world);
    both_close(world);
    world_free(world);
}

static void an_exact_link_never_holds_any(void **unused)
{
    struct world *world = world_new(TLSM_CLIENT, world_suites[0]);
    char heard[16];
    (void)unused;
    world->options.link.exact = 1;
    world_connect(world);
    peer_says(world, "one");
    peer_says(world, "two");
    assert_int_equal(tlsm_socket_read(world->socket[OURS], heard, 1), 1);
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
    assert_int_equal(world->kernel->sides, TLSM_SIDE_READ | TLSM_SIDE_WRITE);
    ours_hears(world, "netwo");   /* what was unread comes first */
    both_talk(world);
    both_close(world);
    world_free(world);
}

static void not_before_it_is_connected(void **unused)
{
    struct world *world = world_new(TLSM_CLIENT, world_suites[0]);
    (void)unused;
    world->socket[OURS] = tlsm_socket_new(&world->config[OURS], world->descriptor[OURS], &world->options);
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_REFUSED);
    assert_int_equal(world->socket[OURS]->link.code, TLSM_NOT_CONNECTED);
    assert_int_equal(world->socket[OURS]->error, 0);
    close(world->descriptor[PEER]);
    world_free(world);
}

/* ------------------------------------------------------------------------------------------------ data */

static void bulk(size_t cut, size_t room)
{
    static uint8_t sent[BULK], got[BULK];
    struct world *world = world_there(TLSM_SERVER, world_suites[0]);
    size_t written = 0, heard = 0;
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 7 + i / 251);
    world->sim.cut = cut;
    while (heard < BULK) {
        const ptrdiff_t put = written < BULK ? tlsm_ktls_write(world->kernel, sent + written, BULK - written) : 0;
        const ptrdiff_t came = tlsm_socket_read(world->socket[PEER], got + heard, BULK - heard);
        (void)sim_push(&world->sim);   /* the kernel's worker */
        assert_true(put >= 0 || put == TLSM_IO_WANT_WRITE);
        assert_true(came > 0 || came == TLSM_IO_WANT_READ);
        written += put > 0 ? (size_t)put : 0;
        heard += came > 0 ? (size_t)came : 0;
    }
    assert_memory_equal(sent, got, BULK);
    for (written = heard = 0; heard < BULK;) {
        const ptrdiff_t put = written < BULK ? tlsm_socket_write(world->socket[PEER], sent + written, BULK - written) : 0;
        const size_t left = BULK - heard;
        const ptrdiff_t came = tlsm_ktls_read(world->kernel, got + heard, left < room ? left : room);
        assert_true(came > 0 || came == TLSM_IO_WANT_READ);
        written += put > 0 ? (size_t)put : 0;
        heard += came > 0 ? (size_t)came : 0;
        (void)tlsm_socket_flush(world->socket[PEER]);
    }
    assert_memory_equal(sent, got, BULK);
    assert_int_equal(world->kernel->link.state->ledger.plain_in, BULK);
    assert_int_equal(world->kernel->link.state->ledger.plain_out, BULK);
    assert_int_equal(world->kernel->link.state->write_key.sequence, world->sim.records_out);
    both_close(world);
    world_free(world);
}

static void bulk_both_ways(void **unused)
{
    (void)unused;
    bulk(0, 65536);
    bulk(0, 1000);      /* the caller's room is smaller than a record */
    bulk(3001, 20000);  /* the kernel takes less than a record */
}

static void the_caller_writes_himself(void **unused)
{
    struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
    struct iovec part = { (void *)(uintptr_t)"by hand", 7 };
    const struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    (void)unused;
    assert_int_equal(tlsm_ktls_writable(world->kernel, 100000), TLSM_PLAIN_MAX);
    assert_int_equal(tlsm_ktls_writable(world->kernel, 7), 7);
    assert_int_equal(sim_sendmsg(&world->sim, world->descriptor[OURS], &message, MSG_DONTWAIT | MSG_NOSIGNAL), 7);
    assert_int_equal(tlsm_ktls_written(world->kernel, 7), TLSM_IO_DONE);
    peer_hears(world, "by hand");
    assert_int_equal(world->kernel->link.state->ledger.plain_out, 7);
    assert_int_equal(tlsm_ktls_written(world->kernel, TLSM_PLAIN_MAX + 1), TLSM_IO_REFUSED);
    assert_int_equal(world->kernel->link.code, TLSM_SENT_TOO_MUCH);
    both_close(world);
    assert_int_equal(tlsm_ktls_writable(world->kernel, 7), TLSM_IO_ENDED);
    world_free(world);
}

static void an_empty_write_sends_nothing(void **unused)
{
    struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
    (void)unused;
    assert_int_equal(tlsm_ktls_write(world->kernel, NULL, 0), 0);
    assert_int_equal(world->sim.records_out, 0);
    assert_int_equal(tlsm_ktls_end(world->kernel), TLSM_IO_DONE);
    assert_int_equal(tlsm_ktls_write(world->kernel, NULL, 0), TLSM_IO_REFUSED);
    assert_int_equal(world->kernel->link.code, TLSM_WRITE_CLOSED);
    world_free(world);
}

/* ------------------------------------------------------------------------------------------------ keys and tickets */

static void keys_change_both_ways(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        struct world *world = world_there(TLSM_CLIENT, world_suites[i]);
        for (unsigned turn = 1; turn <= 4; turn++) {
            assert_int_equal(tlsm_link_key_update(&world->kernel->link, turn % 2), TLSM_IO_DONE);
            assert_int_equal(tlsm_ktls_flush(world->kernel), TLSM_IO_DONE);
            peer_idles(world);
            both_talk(world);
            assert_int_equal(tlsm_link_key_update(&world->socket[PEER]->link, turn % 2), TLSM_IO_DONE);
            assert_int_equal(tlsm_socket_flush(world->socket[PEER]), TLSM_IO_DONE);
            ours_idles(world);
            peer_idles(world);
            both_talk(world);
        }
        assert_int_equal(world->sim.rekeys[SIM_TX], 1 + 4 + 2);
        assert_int_equal(world->sim.rekeys[SIM_RX], 4 + 2);
        both_close(world);
        world_free(world);
    }
}

static void the_limit_of_a_key_is_kept(void **unused)
{
    struct world *world = world_new(TLSM_CLIENT, world_suites[0]);
    (void)unused;
    world->settings[OURS].record_limit = 6;
    world_connect(world);
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
    for (int i = 0; i < 12; i++)
        both_talk(world);
    assert_int_equal(world->sim.rekeys[SIM_TX], 1 + 3);   /* four records, then an update */
    both_close(world);
    world_free(world);
}

static void a_kernel_whose_keys_stay_sends_no_update(void **unused)
{
    struct world *world = world_new(TLSM_CLIENT, world_suites[0]);
    (void)unused;
    world->settings[OURS].record_limit = 4;
    world_connect(world);
    world->sim.keys_stay = 1;
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
    assert_int_equal(world->kernel->fixed, 1);
    assert_int_equal(tlsm_link_key_update(&world->kernel->link, 0), TLSM_IO_REFUSED);
    assert_int_equal(world->kernel->link.code, TLSM_WRITE_EXHAUSTED);
    both_talk(world);
    both_talk(world);
    assert_int_equal(tlsm_ktls_write(world->kernel, "x", 1), TLSM_IO_REFUSED);
    assert_int_equal(world->kernel->link.code, TLSM_WRITE_EXHAUSTED);
    both_close(world);
    world_free(world);
}

static void a_kernel_whose_keys_stay_and_the_peers_update(void **unused)
{
    struct world *world = world_new(TLSM_SERVER, world_suites[0]);
    struct tlsm_verdict verdict;
    char heard[16];
    (void)unused;
    world_connect(world);
    world->sim.keys_stay = 1;
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_key_update(&world->socket[PEER]->link, 0), TLSM_IO_DONE);
    peer_says(world, "under the new key");
    assert_int_equal(tlsm_ktls_read(world->kernel, heard, sizeof heard), TLSM_IO_ENDED);
    assert_string_equal(how_of(&world->kernel->link), "local_alert");
    assert_int_equal(tlsm_socket_read(world->socket[PEER], heard, sizeof heard), TLSM_IO_ENDED);
    tlsm_verdict(world->socket[PEER]->link.state, &verdict);
    assert_int_equal(verdict.how, TLSM_PEER_ALERT_VERDICT);
    assert_int_equal(verdict.alert_received, TLSM_ALERT_INTERNAL_ERROR);
    assert_int_equal(verdict.alert_authenticated, 1);
    world_free(world);
}

static void tickets_come_out_and_go_in(void **unused)
{
    (void)unused;
    for (int role = TLSM_CLIENT; role <= TLSM_SERVER; role++) {
        struct world *world = world_new(role, world_suites[1]);
        const int server = role == TLSM_SERVER ? OURS : PEER;
        world->settings[server].ticket_keys = &world_ticket_key;
        world->settings[server].ticket_key_count = 1;
        world_connect(world);
        assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
        if (server == OURS) {
            assert_int_equal(tlsm_link_ticket(&world->kernel->link, 0), TLSM_IO_DONE);
            assert_int_equal(tlsm_ktls_flush(world->kernel), TLSM_IO_DONE);
            peer_idles(world);
        } else {
            assert_int_equal(tlsm_link_ticket(&world->socket[PEER]->link, 0), TLSM_IO_DONE);
            assert_int_equal(tlsm_socket_flush(world->socket[PEER]), TLSM_IO_DONE);
            ours_idles(world);
        }
        assert_int_equal(world->issued[server], 1);
        assert_int_equal(world->tickets[1 - server], 1);
        both_close(world);
        world_free(world);
    }
}

/* ------------------------------------------------------------------------------------------------ the ends */

static void the_peer_closes_first(void **unused)
{
    struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
    char heard[16];
    (void)unused;
    peer_says(world, "bye");
    assert_int_equal(tlsm_socket_end(world->socket[PEER]), TLSM_IO_DONE);
    ours_hears(world, "bye");
    assert_int_equal(tlsm_ktls_read(world->kernel, heard, sizeof heard), TLSM_IO_END);
    assert_int_equal(tlsm_ktls_read(world->kernel, heard, sizeof heard), TLSM_IO_END);
    ours_says(world, "wait");   /* a half-closed connection */
    peer_hears(world, "wait");
    both_close(world);
    world_free(world);
}

static void we_close_first_and_read_on(void **unused)
{
    struct world *world = world_there(TLSM_SERVER, world_suites[0]);
    char heard[16];
    (void)unused;
    assert_int_equal(tlsm_ktls_end(world->kernel), TLSM_IO_DONE);
    assert_int_equal(tlsm_socket_read(world->socket[PEER], heard, sizeof heard), TLSM_IO_END);
    peer_says(world, "still here");
    assert_int_equal(tlsm_ktls_close(world->kernel, NULL), TLSM_IO_UNREAD);
    ours_hears(world, "still here");
    both_close(world);
    world_free(world);
}

static void alerts_both_ways(void **unused)
{
    struct world *world = world_there(TLSM_SERVER, world_suites[0]);
    char heard[16];
    (void)unused;
    assert_int_equal(tlsm_link_abort(&world->kernel->link, TLSM_ALERT_ACCESS_DENIED), TLSM_IO_DONE);
    assert_int_equal(tlsm_ktls_flush(world->kernel), TLSM_IO_ENDED);
    assert_int_equal(tlsm_socket_read(world->socket[PEER], heard, sizeof heard), TLSM_IO_ENDED);
    assert_string_equal(how_of(&world->kernel->link), "local_alert");
    assert_string_equal(how_of(&world->socket[PEER]->link), "peer_alert");
    world_free(world);
    world = world_there(TLSM_CLIENT, world_suites[0]);
    assert_int_equal(tlsm_link_abort(&world->socket[PEER]->link, TLSM_ALERT_ACCESS_DENIED), TLSM_IO_DONE);
    (void)tlsm_socket_flush(world->socket[PEER]);
    assert_int_equal(tlsm_ktls_read(world->kernel, heard, sizeof heard), TLSM_IO_ENDED);
    assert_string_equal(how_of(&world->kernel->link), "peer_alert");
    assert_string_equal(how_of(&world->socket[PEER]->link), "local_alert");
    world_free(world);
}

static void the_fin_does_not_overtake_a_record_the_kernel_holds_back(void **unused)
{
    struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
    char heard[16];
    (void)unused;
    assert_int_equal(tlsm_socket_end(world->socket[PEER]), TLSM_IO_DONE);
    assert_int_equal(tlsm_ktls_read(world->kernel, heard, sizeof heard), TLSM_IO_END);
    world->sim.holds_back = 1;
    assert_int_equal(tlsm_ktls_close(world->kernel, NULL), TLSM_IO_DONE);
    assert_int_equal(world->kernel->shut, 1);
    assert_int_equal(tlsm_socket_read(world->socket[PEER], heard, sizeof heard), TLSM_IO_END);
    assert_string_equal(how_of(&world->socket[PEER]->link), "clean_both");
    world_free(world);
}

static void blocked_output_goes_on_where_it_stopped(void **unused)
{
    struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
    (void)unused;
    world->sim.blocked = 1;
    for (int i = 0; i < 5; i++)
        assert_int_equal(tlsm_ktls_write(world->kernel, "blocked", 7), TLSM_IO_WANT_WRITE);
    assert_int_equal(tlsm_ktls_writable(world->kernel, 3), 3);   /* the machine has no objection */
    assert_int_equal(world->kernel->link.state->ledger.plain_out, 0);
    world->sim.blocked = 0;
    both_talk(world);
    world->sim.blocked = 1;
    for (int i = 0; i < 5; i++)
        assert_int_equal(tlsm_ktls_close(world->kernel, NULL), TLSM_IO_WANT_WRITE);
    assert_true(tlsm_ktls_events(world->kernel) & POLLOUT);
    assert_int_equal(world->sim.records_out, 1);
    world->sim.blocked = 0;
    both_close(world);
    assert_int_equal(world->sim.records_out, 2);   /* one alert */
    world_free(world);
}

static void the_deadline_ends_it(void **unused)
{
    struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
    char heard[16];
    (void)unused;
    world->kernel->non_blocking = 0;
    assert_int_equal(tlsm_ktls_deadline(world->kernel, 20), TLSM_IO_DONE);
    assert_int_equal(tlsm_ktls_read(world->kernel, heard, sizeof heard), TLSM_IO_ENDED);
    assert_string_equal(how_of(&world->kernel->link), "timed_out");
    assert_int_equal(tlsm_ktls_close(world->kernel, NULL), TLSM_IO_DONE);
    world_free(world);
}

static void the_timeout_of_a_drain_minds_the_deadline(void **unused)
{
    struct world *world = world_there(TLSM_SERVER, world_suites[0]);
    (void)unused;
    assert_int_equal(tlsm_ktls_deadline(world->kernel, 500), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_abort(&world->kernel->link, TLSM_ALERT_ACCESS_DENIED), TLSM_IO_DONE);
    assert_int_equal(tlsm_ktls_close(world->kernel, NULL), TLSM_IO_WANT_READ);
    assert_true(tlsm_ktls_timeout(world->kernel) >= 0 && tlsm_ktls_timeout(world->kernel) <= 501);
    world_free(world);
}

static void a_free_without_a_close_is_no_end_for_the_peer(void **unused)
{
    struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
    char heard[16];
    (void)unused;
    ours_says(world, "and gone");
    tlsm_ktls_free(world->kernel);
    world->kernel = NULL;
    peer_hears(world, "and gone");
    assert_int_equal(tlsm_socket_read(world->socket[PEER], heard, sizeof heard), TLSM_IO_ENDED);
    assert_string_equal(how_of(&world->socket[PEER]->link), "truncated");
    world_free(world);
}

static void the_descriptor_can_be_kept(void **unused)
{
    struct world *world = world_new(TLSM_CLIENT, world_suites[0]);
    int descriptor;
    (void)unused;
    world->options.keep_descriptor = 1;
    world_connect(world);
    descriptor = world->descriptor[OURS];
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
    both_close(world);
    assert_true(fcntl(descriptor, F_GETFD) >= 0);
    assert_int_equal(tlsm_ktls_release(world->kernel), descriptor);
    close(descriptor);
    close(world->descriptor[PEER]);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_in_both_roles),
        cmocka_unit_test(after_records_were_made_here),
        cmocka_unit_test(a_kernel_without_tls_leaves_the_connection_as_it_was),
        cmocka_unit_test(it_can_be_tried_again),
        cmocka_unit_test(a_kernel_that_only_seals),
        cmocka_unit_test(bytes_of_a_record_that_lie_here_keep_the_reading_here),
        cmocka_unit_test(an_exact_link_never_holds_any),
        cmocka_unit_test(not_before_it_is_connected),
        cmocka_unit_test(bulk_both_ways),
        cmocka_unit_test(the_caller_writes_himself),
        cmocka_unit_test(an_empty_write_sends_nothing),
        cmocka_unit_test(keys_change_both_ways),
        cmocka_unit_test(the_limit_of_a_key_is_kept),
        cmocka_unit_test(a_kernel_whose_keys_stay_sends_no_update),
        cmocka_unit_test(a_kernel_whose_keys_stay_and_the_peers_update),
        cmocka_unit_test(tickets_come_out_and_go_in),
        cmocka_unit_test(the_peer_closes_first),
        cmocka_unit_test(we_close_first_and_read_on),
        cmocka_unit_test(alerts_both_ways),
        cmocka_unit_test(the_fin_does_not_overtake_a_record_the_kernel_holds_back),
        cmocka_unit_test(blocked_output_goes_on_where_it_stopped),
        cmocka_unit_test(the_deadline_ends_it),
        cmocka_unit_test(the_timeout_of_a_drain_minds_the_deadline),
        cmocka_unit_test(a_free_without_a_close_is_no_end_for_the_peer),
        cmocka_unit_test(the_descriptor_can_be_kept),
    };
    return cmocka_run_group_tests(tests, world_prepare, world_clean);
}
