/* SPDX-License-Identifier: MIT */
/* Kernel TLS, and what can go wrong: streams cut at every byte, records changed at every byte, every system call failing or cut
 * short in turn until none is left. Nothing is lost, doubled, leaked, or taken for an end that it is not. */
#include "ktls_world.h"

/* ------------------------------------------------------------------------------------------------ what came */

struct outcome {
    uint8_t data[1024];
    size_t have;
    ptrdiff_t last;
    struct tlsm_verdict verdict;
};

static struct outcome read_out(struct world *world)
{
    struct outcome outcome = { .have = 0 };
    do {
        outcome.last = tlsm_ktls_read(world->kernel, outcome.data + outcome.have, sizeof outcome.data - outcome.have);
        outcome.have += outcome.last > 0 ? (size_t)outcome.last : 0;
    } while (outcome.last > 0);
    tlsm_verdict(world->kernel->link.state, &outcome.verdict);
    return outcome;
}

/* What the peer would send: data, a key update, data under the new key, close_notify. */
static size_t peer_stream(struct world *world, uint8_t *bytes, size_t ends[4])
{
    struct tlsm_link *link = &world->socket[PEER]->link;
    struct tlsm_bytes pending;
    assert_int_equal(tlsm_link_seal(link, "before", 6), 6);
    ends[0] = tlsm_link_pending(link).length;
    assert_int_equal(tlsm_link_key_update(link, 0), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_run(link), TLSM_IO_DONE);
    ends[1] = tlsm_link_pending(link).length;
    assert_int_equal(tlsm_link_seal(link, "after", 5), 5);
    ends[2] = tlsm_link_pending(link).length;
    assert_int_equal(tlsm_link_end(link, 0), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_run(link), TLSM_IO_DONE);
    pending = tlsm_link_pending(link);
    ends[3] = pending.length;
    memcpy(bytes, pending.data, pending.length);
    return pending.length;
}

static void cut_at(size_t at, int *last)
{
    struct world *world = world_new(TLSM_CLIENT, world_suites[0]);
    struct outcome outcome;
    uint8_t bytes[1024];
    size_t ends[4], length, whole = 0;
    world->settings[OURS].eof = TLSM_EOF_FRAMED;
    world_connect(world);
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
    tlsm_link_vouch(&world->kernel->link);   /* the application says that it has all: nobody can know */
    length = peer_stream(world, bytes, ends);
    *last = at >= length;
    world_sends(world, bytes, *last ? length : at);
    shutdown(world->descriptor[PEER], SHUT_WR);
    outcome = read_out(world);
    for (size_t i = 0; i < 4; i++)
        whole = ends[i] <= at ? ends[i] : whole;
    assert_int_equal(outcome.have, at < ends[0] ? 0 : at < ends[2] ? 6 : 11);
    assert_memory_equal(outcome.data, "beforeafter", outcome.have);
    if (*last) {
        assert_int_equal(outcome.last, TLSM_IO_END);
        assert_int_equal(tlsm_ktls_close(world->kernel, &outcome.verdict), TLSM_IO_DONE);
        assert_string_equal(tlsm_how_name(outcome.verdict.how), "clean_both");
    } else {
        assert_int_equal(outcome.last, TLSM_IO_ENDED);
        assert_int_equal(outcome.verdict.how, TLSM_TRUNCATED_VERDICT);
        assert_int_equal(outcome.verdict.place, at == whole ? TLSM_PLACE_UNKNOWN
                                                : at - whole < TLSM_HEADER ? TLSM_PLACE_HEADER : TLSM_PLACE_BODY);
        assert_int_equal(tlsm_ktls_close(world->kernel, &outcome.verdict), TLSM_IO_DONE);
        assert_int_equal(outcome.verdict.how, TLSM_TRUNCATED_VERDICT);
    }
    world_free(world);
}

static void cut_at_every_byte(void **unused)
{
    int last = 0;
    (void)unused;
    for (size_t at = 0; !last; at++)
        cut_at(at, &last);
}

static void change_at(size_t at, size_t length)
{
    struct world *world = world_there(TLSM_SERVER, world_suites[2]);
    struct outcome outcome;
    struct tlsm_verdict verdict;
    uint8_t record[64];
    char heard[8];
    assert_int_equal(world_record(world, 23, "unchanged", 9, record), length);
    record[at] ^= 1;
    world_sends(world, record, length);
    shutdown(world->descriptor[PEER], SHUT_WR);
    outcome = read_out(world);
    assert_int_equal(outcome.have, 0);
    assert_int_equal(outcome.last, TLSM_IO_ENDED);
    if (at == 4 || at == 3) {   /* the length: a record that never becomes whole, or not that one */
        assert_true(outcome.verdict.how == TLSM_TRUNCATED_VERDICT || outcome.verdict.how == TLSM_LOCAL_ALERT_VERDICT);
    } else {
        assert_string_equal(tlsm_how_name(outcome.verdict.how), "local_alert");
        assert_int_equal(tlsm_socket_read(world->socket[PEER], heard, sizeof heard), TLSM_IO_ENDED);
        tlsm_verdict(world->socket[PEER]->link.state, &verdict);
        assert_int_equal(verdict.how, TLSM_PEER_ALERT_VERDICT);
        assert_int_equal(verdict.alert_received, at == 1 || at == 2 ? TLSM_ALERT_PROTOCOL_VERSION : TLSM_ALERT_BAD_RECORD_MAC);
    }
    world_free(world);
}

static void a_record_changed_at_every_byte(void **unused)
{
    const size_t length = 5 + 9 + 1 + SIM_TAG;
    (void)unused;
    for (size_t at = 0; at < length; at++)
        change_at(at, length);
}

static void a_record_too_long(void **unused)
{
    static const uint8_t header[5] = { 23, 3, 3, 0x41, 0x01 };
    struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
    struct outcome outcome;
    (void)unused;
    world_sends(world, header, sizeof header);
    outcome = read_out(world);
    assert_string_equal(tlsm_how_name(outcome.verdict.how), "local_alert");
    assert_int_equal(outcome.verdict.alert_sent, TLSM_ALERT_RECORD_OVERFLOW);
    world_free(world);
}

/* What a kernel passes on, the machine judges as ever. */
static void contents_that_are_wrong(void **unused)
{
    static const struct { uint8_t type; const char *bytes; size_t length; uint8_t alert; } wrong[] = {
        { 20, "\1", 1, TLSM_ALERT_UNEXPECTED_MESSAGE }, { 24, "x", 1, TLSM_ALERT_UNEXPECTED_MESSAGE },
        { 22, "", 0, TLSM_ALERT_UNEXPECTED_MESSAGE }, { 21, "", 0, TLSM_ALERT_UNEXPECTED_MESSAGE },
        { 21, "\1", 1, TLSM_ALERT_DECODE_ERROR }, { 21, "\1\0\0", 3, TLSM_ALERT_DECODE_ERROR },
        { 21, "\7\50", 2, TLSM_ALERT_ILLEGAL_PARAMETER }, { 22, "\30\0\0\1\2", 5, TLSM_ALERT_ILLEGAL_PARAMETER },
        { 22, "\1\0\0\0", 4, TLSM_ALERT_UNEXPECTED_MESSAGE } };
    (void)unused;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
        struct outcome outcome;
        uint8_t record[64];
        world_sends(world, record, world_record(world, wrong[i].type, wrong[i].bytes, wrong[i].length, record));
        outcome = read_out(world);
        assert_string_equal(tlsm_how_name(outcome.verdict.how), "local_alert");
        assert_int_equal(outcome.verdict.alert_sent, wrong[i].alert);
        world_free(world);
    }
}

/* G3: sending fails, and the alert that explains it has come before. */
static void last_words_are_heard(void **unused)
{
    struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
    (void)unused;
    assert_int_equal(tlsm_link_abort(&world->socket[PEER]->link, TLSM_ALERT_ACCESS_DENIED), TLSM_IO_DONE);
    (void)tlsm_socket_flush(world->socket[PEER]);
    world->sim.fail_at = world->sim.calls + 1;
    world->sim.fail_errno = EPIPE;
    assert_int_equal(tlsm_ktls_write(world->kernel, "into nothing", 12), TLSM_IO_ENDED);
    assert_string_equal(how_of(&world->kernel->link), "peer_alert");
    assert_int_equal(world->kernel->error, EPIPE);
    world_free(world);
}

static void signals_without_end_do_not_outlive_the_deadline(void **unused)
{
    struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
    struct outcome outcome;
    (void)unused;
    peer_says(world, "nobody gets to it");
    assert_int_equal(tlsm_ktls_deadline(world->kernel, 20), TLSM_IO_DONE);
    world->sim.signals_until_ms = tlsm_socket_now() + 2000;
    do   /* a connection that does not wait is told to come again */
        outcome = read_out(world);
    while (outcome.last == TLSM_IO_WANT_READ);
    assert_true(tlsm_socket_now() < world->sim.signals_until_ms);
    assert_int_equal(outcome.have, 0);
    assert_string_equal(tlsm_how_name(outcome.verdict.how), "timed_out");
    world->sim.signals_until_ms = 0;
    world_free(world);
}

static void an_alert_that_is_cut_is_a_failure(void **unused)
{
    struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
    (void)unused;
    world->sim.cut = 1;
    assert_int_equal(tlsm_ktls_end(world->kernel), TLSM_IO_ENDED);
    assert_int_equal(world->kernel->link.state->control.tx, TLSM_TX_DEAD);
    world_free(world);
}

static void a_message_that_is_cut_goes_on(void **unused)
{
    struct world *world = world_there(TLSM_CLIENT, world_suites[0]);
    (void)unused;
    assert_int_equal(tlsm_link_key_update(&world->kernel->link, 0), TLSM_IO_DONE);
    world->sim.cut = 2;
    assert_int_equal(tlsm_ktls_flush(world->kernel), TLSM_IO_DONE);
    assert_int_equal(world->sim.records_out, 3);
    world->sim.cut = 0;
    peer_idles(world);
    both_talk(world);
    both_close(world);
    world_free(world);
}

/* ------------------------------------------------------------------------------------------------ the sweep */

enum { ANSWER = 40000, ROUNDS = 400 };

/* The peer, while we wait: reads; answers what was asked with a key update, a ticket and much data; closes when we do. */
struct sweep {
    struct world *world;
    char heard[64];
    size_t have, answered;
    int asked, ended;
};

static void peer_lives(void *context)
{
    static uint8_t answer[ANSWER];
    struct sweep *sweep = context;
    struct tlsm_socket *peer = sweep->world->socket[PEER];
    ptrdiff_t got, put;
    while ((got = tlsm_socket_read(peer, sweep->heard + sweep->have, sizeof sweep->heard - sweep->have)) > 0)
        sweep->have += (size_t)got;
    if (sweep->have >= 20 && !sweep->asked) {
        sweep->asked = 1;
        (void)tlsm_link_key_update(&peer->link, 1);
        (void)tlsm_link_ticket(&peer->link, 0);
    }
    while (sweep->asked && sweep->answered < ANSWER &&
           (put = tlsm_socket_write(peer, answer + sweep->answered, ANSWER - sweep->answered)) > 0)
        sweep->answered += (size_t)put;
    if (got == TLSM_IO_END || got == TLSM_IO_ENDED)
        sweep->ended = 1;
    (void)tlsm_socket_flush(peer);
    if (sweep->ended && !peer->finished)
        (void)tlsm_socket_close(peer, NULL);
}

/* Repeats what was short of memory; never for ever. */
static ptrdiff_t again(ptrdiff_t done, int *rounds) { return done == TLSM_IO_NO_MEMORY && ++*rounds < ROUNDS; }

static size_t ours_lives(struct tlsm_ktls *kernel)
{
    static const char text[] = "twenty bytes, ending";
    static uint8_t heard[ANSWER + 1];
    size_t have = 0, put = 0;
    int rounds = 0;
    ptrdiff_t done;
    do {
        done = tlsm_ktls_write(kernel, text + put, 20 - put);
        put += done > 0 ? (size_t)done : 0;
    } while ((done > 0 && put < 20) || again(done, &rounds));
    (void)tlsm_link_key_update(&kernel->link, 1);
    do
        done = tlsm_ktls_flush(kernel);
    while (again(done, &rounds));
    do {
        done = tlsm_ktls_read(kernel, heard + have, sizeof heard - have);
        have += done > 0 ? (size_t)done : 0;
    } while ((done > 0 && have < ANSWER) || again(done, &rounds));
    do
        done = tlsm_ktls_close(kernel, NULL);
    while (done == TLSM_IO_UNREAD ? tlsm_link_discard(&kernel->link) > 0 : again(done, &rounds));
    assert_true(done == TLSM_IO_DONE && rounds < ROUNDS);
    return have;
}

static void goes_on_here(struct world *world)
{
    char heard[32];
    int ours = 0, peer = 0;
    assert_int_equal(tlsm_socket_write(world->socket[OURS], "still", 5), 5);
    assert_int_equal(tlsm_socket_read(world->socket[PEER], heard, sizeof heard), 5);
    for (int turns = 0; turns < 20 && (ours != TLSM_IO_DONE || peer != TLSM_IO_DONE); turns++) {
        ours = tlsm_socket_close(world->socket[OURS], NULL);
        peer = tlsm_socket_close(world->socket[PEER], NULL);
    }
    assert_string_equal(how_of(&world->socket[OURS]->link), "clean_both");
}

static int is_clean(const struct tlsm_link *link)
{
    const char *how = how_of(link);
    return strcmp(how, "clean_both") == 0 || strcmp(how, "clean_received") == 0;
}

/* Call number `at` fails. 0: there is no such call. */
static int sweep_one(unsigned at, int error, int harmless)
{
    struct world *world = world_new(TLSM_CLIENT, world_suites[0]);
    struct sweep sweep = { .world = world };
    struct tlsm_ktls *kernel;
    size_t have;
    int failed, descriptor = world->descriptor[OURS];
    world->settings[PEER].ticket_keys = &world_ticket_key;
    world->settings[PEER].ticket_key_count = 1;
    world->sim.fail_at = at;
    world->sim.fail_errno = error;
    world->sim.idle = peer_lives;
    world->sim.idle_context = &sweep;
    world_connect(world);
    if (world_hand_over(world, 0) != TLSM_IO_DONE) {
        goes_on_here(world);
        world_free(world);
        return 1;
    }
    kernel = world->kernel;
    kernel->non_blocking = 0;
    kernel->linger_ms = 50;
    assert_int_equal(tlsm_ktls_deadline(kernel, 10000), TLSM_IO_DONE);   /* that nothing hangs */
    have = ours_lives(kernel);
    peer_lives(&sweep);
    failed = world->sim.failed;
    assert_string_not_equal(how_of(&kernel->link), "timed_out");
    if (is_clean(&kernel->link)) {
        assert_int_equal(have, sweep.answered);
        assert_int_equal(kernel->link.state->control.rx, TLSM_RX_CLOSED);
    }
    if (is_clean(&world->socket[PEER]->link))
        assert_int_equal(sweep.have, kernel->link.state->ledger.plain_out);
    assert_memory_equal(sweep.heard, "twenty bytes, ending", sweep.have < 20 ? sweep.have : 20);
    if (harmless || !failed) {
        assert_string_equal(how_of(&kernel->link), "clean_both");
        assert_int_equal(have, ANSWER);
        assert_int_equal(sweep.have, 20);
    }
    assert_int_equal(kernel->descriptor, -1);
    assert_int_equal(fcntl(descriptor, F_GETFD), -1);
    world_free(world);
    return failed;
}

static void sweep_all(int error, int harmless)
{
    unsigned at = 1;
    while (sweep_one(at, error, harmless))
        assert_true(++at < 1000);
    print_message("%u calls\n", at - 1);
    assert_true(at > 20);
}

static void every_call_interrupted(void **unused) { (void)unused; sweep_all(EINTR, 1); }
static void every_call_short_of_memory(void **unused) { (void)unused; sweep_all(ENOMEM, 1); }
static void every_send_cut_to_a_byte(void **unused)
{
    (void)unused;
    for (unsigned at = 1; at < 200; at++)
        (void)sweep_one(at, 0, 0);
}
static void every_call_would_block(void **unused) { (void)unused; sweep_all(EAGAIN, 0); }
static void every_call_reset(void **unused) { (void)unused; sweep_all(ECONNRESET, 0); }
static void every_call_broken(void **unused) { (void)unused; sweep_all(EPIPE, 0); }
static void every_call_bad_message(void **unused) { (void)unused; sweep_all(EBADMSG, 0); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(a_record_changed_at_every_byte),
        cmocka_unit_test(a_record_too_long),
        cmocka_unit_test(contents_that_are_wrong),
        cmocka_unit_test(last_words_are_heard),
        cmocka_unit_test(signals_without_end_do_not_outlive_the_deadline),
        cmocka_unit_test(an_alert_that_is_cut_is_a_failure),
        cmocka_unit_test(a_message_that_is_cut_goes_on),
        cmocka_unit_test(every_call_interrupted),
        cmocka_unit_test(every_call_short_of_memory),
        cmocka_unit_test(every_send_cut_to_a_byte),
        cmocka_unit_test(every_call_would_block),
        cmocka_unit_test(every_call_reset),
        cmocka_unit_test(every_call_broken),
        cmocka_unit_test(every_call_bad_message),
    };
    return cmocka_run_group_tests(tests, world_prepare, world_clean);
}
