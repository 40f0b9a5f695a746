/* SPDX-License-Identifier: MIT */
/* Two links over a transport in memory that does everything a transport can do, at every byte. */
#include "adapter_fixture.h"

#include <stdlib.h>

#include "tlsm_memory.h"

enum { SAID_MAX = 70000 };

struct run {
    struct two two;
    struct tlsm_memory_options options;
    struct tlsm_memory memory;
    uint8_t heard[2][SAID_MAX];
    size_t heard_length[2];
    ptrdiff_t last_read[2];
};

static uint8_t text[SAID_MAX];

static int fill_text(void **state)
{
    size_t at;
    (void)state;
    for (at = 0; at < sizeof text; at++)
        text[at] = (uint8_t)(at * 7 + at / 251);
    return 0;
}

static struct run *run_new(void)
{
    struct run *run = calloc(1, sizeof *run);
    assert_non_null(run);
    two_init(&run->two);
    run->options.link[CLIENT] = run->options.link[SERVER] = two_options(&run->two);
    return run;
}

static void run_start(struct run *run)
{
    assert_int_equal(tlsm_memory_init(&run->memory, run->two.config, &run->options), TLSM_IO_DONE);
    tlsm_memory_record(&run->memory, CLIENT);
    tlsm_memory_record(&run->memory, SERVER);
    assert_int_equal(tlsm_memory_start(&run->memory, run->two.entropy, "test.example"), TLSM_IO_DONE);
}

static struct run *run_connected(void)
{
    struct run *run = run_new();
    run_start(run);
    assert_int_equal(tlsm_memory_connect(&run->memory), TLSM_IO_DONE);
    return run;
}

static void run_free(struct run *run)
{
    tlsm_memory_free(&run->memory);
    free(run);
}

/* Reads what is there; 1 when anything came or ended for the first time. */
static int hear(struct run *run, int which)
{
    int moved = 0;
    for (;;) {
        uint8_t *to = run->heard[which] + run->heard_length[which];
        const ptrdiff_t got = tlsm_memory_read(&run->memory, which, to, SAID_MAX - run->heard_length[which]);
        if (got <= 0) {
            moved |= got != run->last_read[which];
            run->last_read[which] = got;
            return moved;
        }
        run->heard_length[which] += (size_t)got;
        moved = 1;
    }
}

static int both_hear(struct run *run)
{
    int moved, any = 0;
    do {
        moved = hear(run, CLIENT) + hear(run, SERVER);
        moved += tlsm_memory_run(&run->memory) > 0;
        any |= moved;
    } while (moved);
    return any;
}

/* Says all of it, the other end listening. 0 when the connection would not take it, or nothing moves any more. */
static int say(struct run *run, int which, size_t length)
{
    size_t said = 0;
    while (said < length) {
        const ptrdiff_t put = tlsm_memory_write(&run->memory, which, text + said, length - said);
        if (put < 0 && put != TLSM_IO_WANT_WRITE && put != TLSM_IO_WANT_READ)
            return 0;
        said += put > 0 ? (size_t)put : 0;
        if (!both_hear(run) && put < 0)
            return 0;
    }
    return 1;
}

static void close_both(struct run *run)
{
    int done[2] = { 0, 0 }, round;
    for (round = 0; round < 400000 && (done[0] != TLSM_IO_DONE || done[1] != TLSM_IO_DONE); round++) {
        const int which = round & 1;
        (void)hear(run, which);
        done[which] = tlsm_memory_close(&run->memory, which, 0);
        (void)tlsm_memory_turn(&run->memory, 1 - which);
    }
}

/* The same conversation under any schedule. */
static void converse(struct run *run)
{
    assert_int_equal(tlsm_memory_connect(&run->memory), TLSM_IO_DONE);
    assert_true(say(run, CLIENT, 40000));
    assert_true(say(run, SERVER, 300));
    (void)both_hear(run);
    close_both(run);
    assert_int_equal(run->heard_length[SERVER], 40000);
    assert_memory_equal(run->heard[SERVER], text, 40000);
    assert_int_equal(run->heard_length[CLIENT], 300);
    assert_memory_equal(run->heard[CLIENT], text, 300);
    assert_link(&run->memory.end[CLIENT], "clean_both");
    assert_link(&run->memory.end[SERVER], "clean_both");
}

static void same_wire(const struct run *a, const struct run *b)
{
    int end;
    for (end = 0; end < 2; end++) {
        assert_int_equal(a->memory.pipe[end].record_length, b->memory.pipe[end].record_length);
        assert_memory_equal(a->memory.pipe[end].record, b->memory.pipe[end].record, a->memory.pipe[end].record_length);
    }
}

static void a_whole_conversation_ends_clean_on_both_sides(void **state)
{
    struct run *run = run_new();
    (void)state;
    run_start(run);
    converse(run);
    run_free(run);
}

/* H4, I6: one byte at a time, or any sizes, in every direction of every move. */
static void every_schedule_gives_the_same_bytes_and_the_same_end(void **state)
{
    struct run *whole = run_new();
    uint64_t seed;
    (void)state;
    run_start(whole);
    converse(whole);
    for (seed = 0; seed < 12; seed++) {
        struct run *run = run_new();
        int end;
        for (end = 0; end < 2; end++) {
            struct tlsm_pipe_options *pipe = &run->options.pipe[end];
            pipe->send.seed = pipe->receive.seed = pipe->report.seed = seed * 2 + 1;
            pipe->send.most = seed & 1 ? 1 + (size_t)seed * 700 : 0;
            pipe->receive.most = seed & 2 ? 1 + (size_t)seed : 0;
            pipe->report.most = seed & 4 ? 1 + (size_t)seed * 90 : 0;
            pipe->capacity = seed & 8 ? 100 + (size_t)seed : 0;
            pipe->delay = (uint32_t)(seed % 4);
        }
        run_start(run);
        converse(run);
        same_wire(whole, run);
        run_free(run);
    }
    run_free(whole);
}

static void one_byte_at_a_time_in_both_directions(void **state)
{
    struct run *run = run_new();
    int end;
    (void)state;
    for (end = 0; end < 2; end++) {
        struct tlsm_pipe_options *pipe = &run->options.pipe[end];
        pipe->send.most = pipe->receive.most = pipe->report.most = pipe->capacity = 1;
    }
    run_start(run);
    converse(run);
    run_free(run);
}

static void the_same_seed_gives_the_same_run(void **state)
{
    struct run *run[2];
    int i;
    (void)state;
    for (i = 0; i < 2; i++) {
        run[i] = run_new();
        run[i]->options.pipe[CLIENT].send.seed = 99;
        run[i]->options.pipe[CLIENT].send.most = 33;
        run_start(run[i]);
        converse(run[i]);
    }
    assert_int_equal(run[0]->memory.pipe[CLIENT].send.random, run[1]->memory.pipe[CLIENT].send.random);
    same_wire(run[0], run[1]);
    run_free(run[0]);
    run_free(run[1]);
}

static void a_script_says_what_each_move_takes(void **state)
{
    static const uint8_t script[] = { 0, 0, 1, 0, 2, 200, 0, 3, 250, 1, 1, 0, 0, 255 };
    struct run *run = run_new();
    (void)state;
    run->options.pipe[SERVER].send.script = script;
    run->options.pipe[SERVER].send.script_length = sizeof script;
    run->options.pipe[CLIENT].receive.script = script;
    run->options.pipe[CLIENT].receive.script_length = sizeof script;
    run_start(run);
    converse(run);
    assert_int_equal(run->memory.pipe[SERVER].send.at, sizeof script);
    run_free(run);
}

/* ------------------------------------------------------------------------------------------------ faults at every byte */

/* Server speaks and closes; its bytes are lost from `at` on. Returns what the whole would have been. */
static uint64_t faulty(uint64_t at, int reset)
{
    struct run *run = run_new();
    struct tlsm_verdict verdict;
    uint64_t whole;
    run_start(run);
    if (reset)
        run->memory.pipe[SERVER].reset_at = at;
    else
        run->memory.pipe[SERVER].cut_at = at;
    (void)tlsm_memory_run(&run->memory);
    (void)say(run, SERVER, 100);
    (void)tlsm_link_end(&run->memory.end[SERVER], 0);
    (void)both_hear(run);
    whole = run->memory.pipe[SERVER].record_length;
    verdict = link_verdict(&run->memory.end[CLIENT]);
    assert_memory_equal(run->heard[CLIENT], text, run->heard_length[CLIENT]);
    if (run->last_read[CLIENT] == TLSM_IO_END) {
        assert_true(at >= whole);
        assert_int_equal(run->heard_length[CLIENT], 100);
    } else {
        assert_int_equal(run->last_read[CLIENT], TLSM_IO_ENDED);
        assert_true(verdict.how != TLSM_CLEAN_BOTH_VERDICT && verdict.how != TLSM_CLEAN_RECEIVED_VERDICT);
        assert_true(verdict.how != TLSM_OPEN);
        if (tlsm_connected(run->memory.end[CLIENT].state))
            assert_int_equal(verdict.how, reset ? TLSM_TRANSPORT_FAILED_VERDICT : TLSM_TRUNCATED_VERDICT);
        else
            assert_int_equal(verdict.how, TLSM_HANDSHAKE_FAILED_VERDICT);
    }
    run_free(run);
    return whole;
}

static void a_cut_at_any_byte_is_never_the_end_of_the_data(void **state)
{
    const uint64_t whole = faulty(TLSM_PIPE_NEVER, 0);
    uint64_t at;
    (void)state;
    for (at = 0; at <= whole; at++)
        (void)faulty(at, 0);
}

static void a_reset_at_any_byte_is_never_the_end_of_the_data(void **state)
{
    const uint64_t whole = faulty(TLSM_PIPE_NEVER, 0);
    uint64_t at;
    (void)state;
    for (at = 0; at < whole; at++)
        (void)faulty(at, 1);
}

static void a_cut_record_names_its_place(void **state)
{
    struct run *run = run_connected();
    struct tlsm_verdict verdict;
    uint64_t before;
    (void)state;
    before = run->memory.pipe[SERVER].taken;
    run->memory.pipe[SERVER].cut_at = before + 5 + 30;
    assert_true(say(run, SERVER, 100));
    assert_int_equal(run->last_read[CLIENT], TLSM_IO_ENDED);
    verdict = link_verdict(&run->memory.end[CLIENT]);
    assert_int_equal(verdict.place, TLSM_PLACE_BODY);
    assert_int_equal(verdict.eof_have, 30);
    assert_int_equal(verdict.eof_need, 100 + 1 + TLSM_TAG);
    run_free(run);
}

/* T3: what came is read first. */
static void unread_plaintext_comes_before_the_truncation(void **state)
{
    struct run *run = run_connected();
    uint8_t byte;
    int i;
    (void)state;
    assert_int_equal(tlsm_memory_write(&run->memory, SERVER, "abc", 3), 3);
    tlsm_memory_vanish(&run->memory, SERVER);
    (void)tlsm_memory_run(&run->memory);
    assert_link(&run->memory.end[CLIENT], "open");
    for (i = 0; i < 3; i++) {
        assert_int_equal(tlsm_memory_read(&run->memory, CLIENT, &byte, 1), 1);
        assert_int_equal(byte, "abc"[i]);
    }
    assert_int_equal(tlsm_memory_read(&run->memory, CLIENT, &byte, 1), TLSM_IO_ENDED);
    assert_link(&run->memory.end[CLIENT], "truncated");
    run_free(run);
}

static void only_a_voucher_and_the_policy_make_a_framed_end(void **state)
{
    int framed, vouched;
    (void)state;
    for (framed = 0; framed < 2; framed++) {
        for (vouched = 0; vouched < 2; vouched++) {
            struct run *run = run_new();
            uint8_t byte;
            run->two.settings[CLIENT].eof = framed ? TLSM_EOF_FRAMED : TLSM_EOF_STRICT;
            run_start(run);
            assert_int_equal(tlsm_memory_connect(&run->memory), TLSM_IO_DONE);
            if (vouched)
                tlsm_link_vouch(&run->memory.end[CLIENT]);
            tlsm_memory_vanish(&run->memory, SERVER);
            assert_int_equal(tlsm_memory_read(&run->memory, CLIENT, &byte, 1), TLSM_IO_ENDED);
            assert_link(&run->memory.end[CLIENT], framed && vouched ? "framed_end" : "truncated");
            run_free(run);
        }
    }
}

/* ------------------------------------------------------------------------------------------------ closing */

static void a_half_closed_end_still_hears(void **state)
{
    struct run *run = run_connected();
    uint8_t byte;
    (void)state;
    assert_int_equal(tlsm_memory_close(&run->memory, CLIENT, 0), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_memory_read(&run->memory, SERVER, &byte, 1), TLSM_IO_END);
    assert_int_equal(tlsm_memory_read(&run->memory, SERVER, &byte, 1), TLSM_IO_END);
    assert_int_equal(tlsm_memory_write(&run->memory, CLIENT, "x", 1), TLSM_IO_REFUSED);
    assert_int_equal(run->memory.end[CLIENT].code, TLSM_WRITE_CLOSED);
    assert_true(say(run, SERVER, 50000));
    assert_int_equal(tlsm_memory_close(&run->memory, SERVER, 0), TLSM_IO_DONE);
    assert_int_equal(hear(run, CLIENT), 1);
    assert_int_equal(run->heard_length[CLIENT], 50000);
    assert_int_equal(run->last_read[CLIENT], TLSM_IO_END);
    assert_link(&run->memory.end[CLIENT], "clean_both");
    assert_link(&run->memory.end[SERVER], "clean_both");
    run_free(run);
}

/* B2, K1: close does not swallow data. */
static void close_stops_at_unread_data_and_goes_on_after_it(void **state)
{
    struct run *run = run_connected();
    uint8_t bytes[8];
    (void)state;
    assert_int_equal(tlsm_memory_write(&run->memory, SERVER, "late", 4), 4);
    assert_int_equal(tlsm_memory_close(&run->memory, CLIENT, 0), TLSM_IO_UNREAD);
    assert_int_equal(tlsm_memory_close(&run->memory, CLIENT, 0), TLSM_IO_UNREAD);
    assert_int_equal(tlsm_memory_close(&run->memory, SERVER, 0), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_read(&run->memory, CLIENT, bytes, sizeof bytes), 4);
    assert_int_equal(tlsm_memory_close(&run->memory, CLIENT, 0), TLSM_IO_DONE);
    assert_link(&run->memory.end[CLIENT], "clean_both");
    run_free(run);
}

/* A12. */
static void a_one_way_close_is_done_once_taken_and_can_be_made_two_way(void **state)
{
    struct run *run = run_connected();
    uint8_t byte;
    (void)state;
    assert_int_equal(tlsm_memory_close(&run->memory, CLIENT, 1), TLSM_IO_DONE);
    assert_link(&run->memory.end[CLIENT], "open");
    assert_int_equal(tlsm_memory_read(&run->memory, CLIENT, &byte, 1), TLSM_IO_REFUSED);
    assert_int_equal(tlsm_memory_close(&run->memory, CLIENT, 0), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_memory_close(&run->memory, SERVER, 0), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_close(&run->memory, CLIENT, 0), TLSM_IO_DONE);
    assert_link(&run->memory.end[CLIENT], "clean_both");
    run_free(run);
}

/* A11, S9, S10: no room, many tries: one alert, resumed at the exact byte. */
static void a_blocked_close_sends_one_alert_when_freed(void **state)
{
    struct run *run = run_connected();
    const size_t before = run->memory.pipe[CLIENT].record_length;
    int tries;
    (void)state;
    run->memory.pipe[CLIENT].blocked = 1;
    for (tries = 0; tries < 5; tries++)
        assert_int_equal(tlsm_memory_close(&run->memory, CLIENT, 0), TLSM_IO_WANT_WRITE);
    run->memory.pipe[CLIENT].blocked = 0;
    run->memory.pipe[CLIENT].options.capacity = 7;
    assert_int_equal(tlsm_memory_close(&run->memory, CLIENT, 0), TLSM_IO_WANT_WRITE);
    assert_int_equal(run->memory.pipe[CLIENT].record_length, before + 7);
    close_both(run);
    assert_int_equal(run->memory.pipe[CLIENT].record_length, before + TLSM_HEADER + 2 + 1 + TLSM_TAG);
    assert_link(&run->memory.end[CLIENT], "clean_both");
    run_free(run);
}

/* B10. */
static void a_peer_that_closes_and_goes_leaves_clean_received(void **state)
{
    struct run *run = run_connected();
    uint8_t byte;
    (void)state;
    assert_int_equal(tlsm_memory_close(&run->memory, SERVER, 0), TLSM_IO_WANT_READ);
    tlsm_memory_vanish(&run->memory, SERVER);
    assert_int_equal(tlsm_memory_read(&run->memory, CLIENT, &byte, 1), TLSM_IO_END);
    assert_int_equal(tlsm_memory_close(&run->memory, CLIENT, 0), TLSM_IO_DONE);
    assert_link(&run->memory.end[CLIENT], "clean_received");
    assert_int_equal(link_verdict(&run->memory.end[CLIENT]).untaken, TLSM_HEADER + 2 + 1 + TLSM_TAG);
    run_free(run);
}

/* B8. */
static void an_eof_after_our_close_is_closed_incomplete(void **state)
{
    struct run *run = run_connected();
    (void)state;
    assert_int_equal(tlsm_memory_close(&run->memory, CLIENT, 0), TLSM_IO_WANT_READ);
    tlsm_memory_shut(&run->memory, SERVER);
    assert_int_equal(tlsm_memory_close(&run->memory, CLIENT, 0), TLSM_IO_DONE);
    assert_link(&run->memory.end[CLIENT], "closed_incomplete");
    run_free(run);
}

/* C4: exact to the byte. */
static void what_follows_close_notify_stays_untouched(void **state)
{
    struct run *run = run_connected();
    struct tlsm_bytes rest;
    uint8_t byte;
    (void)state;
    assert_int_equal(tlsm_memory_close(&run->memory, SERVER, 0), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_memory_inject(&run->memory, SERVER, "next protocol", 13), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_read(&run->memory, CLIENT, &byte, 1), TLSM_IO_END);
    rest = tlsm_link_rest(&run->memory.end[CLIENT]);
    assert_int_equal(rest.length, 13);
    assert_memory_equal(rest.data, "next protocol", 13);
    tlsm_link_rest_taken(&run->memory.end[CLIENT], 5);
    rest = tlsm_link_rest(&run->memory.end[CLIENT]);
    assert_memory_equal(rest.data, "protocol", 8);
    run_free(run);
}

/* With another protocol behind, the bytes are not even read from the transport. */
static void a_kept_transport_is_read_exactly_to_the_end(void **state)
{
    struct run *run = run_new();
    uint8_t byte;
    (void)state;
    run->two.settings[CLIENT].keep_transport = 1;
    run_start(run);
    assert_int_equal(tlsm_memory_connect(&run->memory), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_close(&run->memory, SERVER, 0), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_memory_inject(&run->memory, SERVER, "plain", 5), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_read(&run->memory, CLIENT, &byte, 1), TLSM_IO_END);
    assert_int_equal(tlsm_link_rest(&run->memory.end[CLIENT]).length, 0);
    assert_int_equal(run->memory.pipe[SERVER].taken - run->memory.pipe[SERVER].given, 5);
    run_free(run);
}

/* ------------------------------------------------------------------------------------------------ failing */

static void garbage_is_answered_by_one_alert_and_both_ends_know(void **state)
{
    static const uint8_t garbage[40] = { TYPE_DATA, 3, 3, 0, 35, 1, 2, 3 };
    struct run *run = run_connected();
    (void)state;
    assert_int_equal(tlsm_memory_inject(&run->memory, SERVER, garbage, sizeof garbage), TLSM_IO_DONE);
    (void)both_hear(run);
    assert_link(&run->memory.end[CLIENT], "local_alert");
    assert_link(&run->memory.end[SERVER], "peer_alert");
    assert_int_equal(link_verdict(&run->memory.end[CLIENT]).alert_delivered, 1);
    assert_int_equal(link_verdict(&run->memory.end[SERVER]).alert_received, TLSM_ALERT_BAD_RECORD_MAC);
    run_free(run);
}

/* G3: the alert, not the failed write, is what is reported. */
static void a_peers_alert_is_read_before_a_failed_write_is_reported(void **state)
{
    struct run *run = run_connected();
    uint8_t byte;
    (void)state;
    assert_int_equal(tlsm_link_abort(&run->memory.end[SERVER], TLSM_ALERT_INTERNAL_ERROR), TLSM_IO_DONE);
    (void)tlsm_memory_turn(&run->memory, SERVER);
    tlsm_memory_vanish(&run->memory, SERVER);
    assert_int_equal(tlsm_memory_write(&run->memory, CLIENT, "x", 1), TLSM_IO_ENDED);
    assert_link(&run->memory.end[CLIENT], "peer_alert");
    assert_int_equal(tlsm_memory_write(&run->memory, CLIENT, "x", 1), TLSM_IO_ENDED);
    assert_int_equal(tlsm_memory_read(&run->memory, CLIENT, &byte, 1), TLSM_IO_ENDED);
    run_free(run);
}

/* I12. */
static void a_failed_send_does_not_change_what_is_delivered(void **state)
{
    struct run *run = run_connected();
    uint8_t bytes[8];
    (void)state;
    run->memory.pipe[CLIENT].fail_at = run->memory.pipe[CLIENT].taken;
    assert_int_equal(tlsm_memory_write(&run->memory, SERVER, "news", 4), 4);
    assert_int_equal(tlsm_memory_write(&run->memory, CLIENT, "x", 1), TLSM_IO_ENDED);
    assert_int_equal(tlsm_memory_read(&run->memory, CLIENT, bytes, sizeof bytes), 4);
    assert_int_equal(tlsm_memory_close(&run->memory, SERVER, 0), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_memory_read(&run->memory, CLIENT, bytes, sizeof bytes), TLSM_IO_END);
    assert_link(&run->memory.end[CLIENT], "clean_received");
    run_free(run);
}

static void a_reset_loses_what_was_under_way(void **state)
{
    struct run *run = run_connected();
    uint8_t byte;
    (void)state;
    assert_int_equal(tlsm_memory_write(&run->memory, SERVER, "gone", 4), 4);
    tlsm_memory_reset(&run->memory, SERVER);
    assert_int_equal(tlsm_memory_read(&run->memory, CLIENT, &byte, 1), TLSM_IO_ENDED);
    assert_link(&run->memory.end[CLIENT], "transport_failed");
    assert_int_equal(tlsm_memory_read(&run->memory, SERVER, &byte, 1), TLSM_IO_ENDED);
    assert_link(&run->memory.end[SERVER], "transport_failed");
    run_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_conversation_ends_clean_on_both_sides),
        cmocka_unit_test(every_schedule_gives_the_same_bytes_and_the_same_end),
        cmocka_unit_test(one_byte_at_a_time_in_both_directions),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(a_script_says_what_each_move_takes),
        cmocka_unit_test(a_cut_at_any_byte_is_never_the_end_of_the_data),
        cmocka_unit_test(a_reset_at_any_byte_is_never_the_end_of_the_data),
        cmocka_unit_test(a_cut_record_names_its_place),
        cmocka_unit_test(unread_plaintext_comes_before_the_truncation),
        cmocka_unit_test(only_a_voucher_and_the_policy_make_a_framed_end),
        cmocka_unit_test(a_half_closed_end_still_hears),
        cmocka_unit_test(close_stops_at_unread_data_and_goes_on_after_it),
        cmocka_unit_test(a_one_way_close_is_done_once_taken_and_can_be_made_two_way),
        cmocka_unit_test(a_blocked_close_sends_one_alert_when_freed),
        cmocka_unit_test(a_peer_that_closes_and_goes_leaves_clean_received),
        cmocka_unit_test(an_eof_after_our_close_is_closed_incomplete),
        cmocka_unit_test(what_follows_close_notify_stays_untouched),
        cmocka_unit_test(a_kept_transport_is_read_exactly_to_the_end),
        cmocka_unit_test(garbage_is_answered_by_one_alert_and_both_ends_know),
        cmocka_unit_test(a_peers_alert_is_read_before_a_failed_write_is_reported),
        cmocka_unit_test(a_failed_send_does_not_change_what_is_delivered),
        cmocka_unit_test(a_reset_loses_what_was_under_way),
    };
    return cmocka_run_group_tests(tests, fill_text, NULL);
}
