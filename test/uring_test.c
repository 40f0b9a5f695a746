/* SPDX-License-Identifier: MIT */
/* Connections over completion queues: every order of completions on a simulated ring, every completion failing in turn, and the
 * kernel's own ring where it has one. */
#define _DEFAULT_SOURCE

#include "uring_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>

static int prepare(void **state)
{
    (void)state;
    fill_speech();
    return 0;
}

static const struct tlsm_uring_options usual;

/* ------------------------------------------------------------------------------------------------ orders of completion */

/* Where choices come from: a seed, or an odometer that runs through all of them. */
enum { DIGITS = 4000, CHAOS = 400 };
struct chooser {
    uint64_t seed;                       /* 0: the odometer */
    uint8_t digit[DIGITS], base[DIGITS];
    size_t at, used;
};

static unsigned choose(struct chooser *chooser, unsigned of)
{
    if (of <= 1)
        return 0;
    if (chooser->seed != 0) {
        chooser->seed = chooser->seed * 6364136223846793005u + 1442695040888963407u;
        return (unsigned)(chooser->seed >> 33) % of;
    }
    if (chooser->at == DIGITS)
        return 0;
    if (chooser->at == chooser->used)
        chooser->digit[chooser->used++] = 0;
    chooser->base[chooser->at] = (uint8_t)of;
    return chooser->digit[chooser->at++];
}

/* The next combination of choices; 0 when that was the last. */
static int turn_over(struct chooser *chooser)
{
    while (chooser->used > 0 && chooser->digit[chooser->used - 1] + 1 == chooser->base[chooser->used - 1])
        chooser->used--;
    if (chooser->used > 0)
        chooser->digit[chooser->used - 1]++;
    chooser->at = 0;
    return chooser->used > 0;
}

/* One completion, whichever is chosen, as long as is chosen. 0: there is none. */
static int complete_some(struct simulation *sim, struct chooser *chooser)
{
    static const size_t lengths[] = { SIZE_MAX, 15, 1, 300 };
    struct operation *ready[OPERATIONS];
    unsigned count = 0, kinds;
    for (int i = 0; i < OPERATIONS; i++)
        if (is_ready(sim, &sim->operation[i]))
            ready[count++] = &sim->operation[i];
    if (count == 0)
        return 0;
    ready[0] = ready[choose(chooser, count)];
    kinds = chooser->seed != 0 ? 4 : ready[0]->sqe.opcode == IORING_OP_SEND && whose(sim, &ready[0]->sqe) == CLIENT ? 2 : 1;
    simulation_complete(sim, ready[0], lengths[choose(chooser, kinds)]);
    return 1;
}

static void begin(struct simulation *sim)
{
    for (int which = 0; which < 2; which++) {
        while (end_turn(&sim->ends.end[which], &sim->ring) == TLSM_URING_FULL)
            simulation_submit(sim);
        simulation_submit(sim);
    }
}

static int all_closed(const struct simulation *sim) { return sim->ends.end[0].closed && sim->ends.end[1].closed; }

/* Nothing can happen any more: that is what deadlines are for. */
static void let_time_pass(struct simulation *sim)
{
    for (int which = 0; which < 2; which++)
        if (!sim->ends.end[which].closed)
            (void)tlsm_uring_deadline(sim->ends.end[which].connection, 0);
    begin(sim);
}

/* To the end of both. Returns how often time had to pass. */
static unsigned run(struct simulation *sim, struct chooser *chooser)
{
    unsigned waits = 0;
    begin(sim);
    for (unsigned steps = 0; !all_closed(sim); steps++) {
        assert_true(steps < 200000);
        if (complete_some(sim, chooser))
            continue;
        assert_true(waits++ < 2);
        let_time_pass(sim);
    }
    assert_honest(&sim->ends);
    return waits;
}

static const char *how(const struct end *end) { return tlsm_how_name(end->verdict.how); }

static void talk(struct simulation *sim, size_t client_says, size_t server_says)
{
    sim->ends.end[CLIENT].to_say = sim->ends.end[SERVER].to_hear = client_says;
    sim->ends.end[SERVER].to_say = sim->ends.end[CLIENT].to_hear = server_says;
}

static void any_order_and_any_length_give_the_same_connection(void **state)
{
    struct simulation *sim = malloc(sizeof *sim);
    struct chooser chooser;
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct tlsm_uring_options options = usual;
        options.thrifty = seed % 2 == 0;
        options.link.out_limit = seed % 3 == 0 ? 200000 : 0;
        memset(&chooser, 0, sizeof chooser);
        chooser.seed = seed;
        simulation_init(sim, &options);
        sim->pipe[0].room = sim->pipe[1].room = seed % 5 == 0 ? 1000 : PIPE;
        talk(sim, 3000, 40000);
        assert_int_equal(run(sim, &chooser), 0);
        assert_string_equal(how(&sim->ends.end[CLIENT]), "clean_both");
        assert_string_equal(how(&sim->ends.end[SERVER]), "clean_both");
        assert_int_equal(sim->ends.end[CLIENT].heard, 40000);
        assert_int_equal(sim->ends.end[SERVER].heard, 3000);
        assert_int_equal(sim->linger[CLIENT] + sim->linger[SERVER], 0);
        simulation_free(sim);
    }
    free(sim);
}

/* From the last word on: every order of everything that can complete. */
static void every_order_of_a_close_is_clean(void **state)
{
    struct simulation *sim = malloc(sizeof *sim);
    struct chooser *chooser = calloc(1, sizeof *chooser), first;
    unsigned runs = 0;
    (void)state;
    do {
        simulation_init(sim, &usual);
        talk(sim, 10, 10);
        memset(&first, 0, sizeof first);
        first.at = DIGITS;
        begin(sim);
        while (sim->ends.end[CLIENT].said + sim->ends.end[SERVER].said < 20)
            assert_true(complete_some(sim, &first));
        assert_int_equal(run(sim, chooser), 0);
        assert_string_equal(how(&sim->ends.end[CLIENT]), "clean_both");
        assert_string_equal(how(&sim->ends.end[SERVER]), "clean_both");
        simulation_free(sim);
        runs++;
    } while (turn_over(chooser) && runs < 20000);
    print_message("%u orders\n", runs);
    assert_true(runs > 50 && runs < 20000);
    free(chooser);
    free(sim);
}

/* ------------------------------------------------------------------------------------------------ called back */

static struct operation *find(struct simulation *sim, int which, unsigned opcode)
{
    for (struct operation *one = sim->operation; one < sim->operation + OPERATIONS; one++)
        if (one->flying && one->sqe.opcode == opcode && whose(sim, &one->sqe) == which)
            return one;
    return NULL;
}

static void complete(struct simulation *sim, int which, unsigned opcode)
{
    struct operation *one = find(sim, which, opcode);
    assert_non_null(one);
    assert_true(is_ready(sim, one));
    simulation_complete(sim, one, SIZE_MAX);
}

/* What the adapter says of a completion, and the application does nothing. */
static int complete_quietly(struct simulation *sim, struct operation *one)
{
    struct io_uring_cqe cqe = { one->sqe.user_data, perform(sim, whose(sim, &one->sqe), &one->sqe, SIZE_MAX), 0 };
    free(one->before);
    one->before = NULL;
    one->flying = 0;
    return tlsm_uring_complete(tlsm_uring_of(&cqe), &cqe);
}

static void turn(struct simulation *sim, int which)
{
    while (end_turn(&sim->ends.end[which], &sim->ring) == TLSM_URING_FULL)
        simulation_submit(sim);
    simulation_submit(sim);
}

/* Both rest, connected, and nobody wants to close. */
static void connect_ends(struct simulation *sim, struct chooser *first)
{
    memset(first, 0, sizeof *first);
    first->at = DIGITS;
    simulation_init(sim, &usual);
    sim->ends.end[CLIENT].to_hear = sim->ends.end[SERVER].to_hear = SIZE_MAX;
    begin(sim);
    while (complete_some(sim, first))
        continue;
    assert_true(tlsm_connected(sim->ends.end[SERVER].connection->link.state));
}

/* The peer's alert ends our half while a record is being sent. What of it left nobody can say any more unless it was none: only a
 * reset cannot be taken for an end (A9). */
static void what_leaves_after_our_half_died_makes_it_a_reset(void **state)
{
    (void)state;
    for (int racing = 0; racing < 2; racing++) {
        struct simulation *sim = malloc(sizeof *sim);
        struct chooser first;
        connect_ends(sim, &first);
        sim->racing = racing;
        sim->ends.end[SERVER].to_say = 5000;
        turn(sim, SERVER);
        assert_non_null(find(sim, SERVER, IORING_OP_SEND));
        assert_int_equal(tlsm_link_abort(&sim->ends.end[CLIENT].connection->link, TLSM_ALERT_ACCESS_DENIED), TLSM_IO_DONE);
        turn(sim, CLIENT);
        complete(sim, CLIENT, IORING_OP_SEND);
        complete(sim, SERVER, IORING_OP_RECV);
        complete(sim, SERVER, IORING_OP_ASYNC_CANCEL);
        (void)run(sim, &first);
        assert_string_equal(how(&sim->ends.end[SERVER]), "peer_alert");
        assert_int_equal(sim->linger[SERVER], racing);
        simulation_free(sim);
        free(sim);
    }
}

/* H3: the peer talks on while our alert is on its way: what it says is read and dropped, or a reset would destroy the alert. */
static void what_comes_after_our_alert_is_drained(void **state)
{
    struct simulation *sim = malloc(sizeof *sim);
    struct end *end = sim->ends.end;
    struct chooser first;
    (void)state;
    connect_ends(sim, &first);
    assert_int_equal(tlsm_link_abort(&end[SERVER].connection->link, TLSM_ALERT_ACCESS_DENIED), TLSM_IO_DONE);
    end[SERVER].closing = 1;
    turn(sim, SERVER);
    end[CLIENT].to_say = 20000;
    turn(sim, CLIENT);
    complete(sim, CLIENT, IORING_OP_SEND);
    (void)run(sim, &first);
    assert_true(end[SERVER].connection->drained > 20000);
    assert_int_equal(tlsm_link_rest(&end[SERVER].connection->link).length, 0);
    assert_false(sim->pipe[SERVER].reset);
    assert_string_equal(how(&end[CLIENT]), "peer_alert");
    assert_string_equal(how(&end[SERVER]), "local_alert");
    simulation_free(sim);
    free(sim);
}

/* What completes in spite of having been called back left: the verdict's counts are exact. */
static void giving_up_counts_what_left_meanwhile(void **state)
{
    (void)state;
    for (int racing = 0; racing < 2; racing++)
        for (int late = 0; late < 2; late++) {
            struct simulation *sim = malloc(sizeof *sim);
            struct end *end = &sim->ends.end[SERVER];
            struct chooser first;
            uint64_t before;
            connect_ends(sim, &first);
            sim->racing = racing;
            before = end->connection->link.state->ledger.produced;
            end->to_say = 5000;
            turn(sim, SERVER);
            if (late)
                (void)tlsm_uring_deadline(end->connection, 0);
            else
                end->closing = end->abandons = 1;
            turn(sim, SERVER);
            assert_int_equal(tlsm_is_final(end->connection->link.state), 0);
            assert_int_equal(tlsm_uring_free(end->connection), TLSM_IO_WANT_READ);
            complete(sim, SERVER, IORING_OP_ASYNC_CANCEL);
            assert_int_equal(tlsm_is_final(end->connection->link.state), 1);
            (void)run(sim, &first);
            assert_string_equal(how(end), late ? "timed_out" : "abandoned");
            assert_int_equal(end->verdict.untaken, racing ? 0 : end->connection->link.state->ledger.produced - before);
            assert_int_equal(sim->linger[SERVER], 0);
            assert_int_equal(sim->ends.end[CLIENT].heard, racing ? 5000 : 0);
            assert_string_equal(how(&sim->ends.end[CLIENT]), "truncated");
            simulation_free(sim);
            free(sim);
        }
}

/* The calling back itself failed: it is done again, or the connection would wait for ever. */
static void a_failed_recall_is_repeated(void **state)
{
    struct simulation *sim = malloc(sizeof *sim);
    struct end *end = &sim->ends.end[SERVER];
    struct chooser first;
    (void)state;
    connect_ends(sim, &first);
    sim->pipe[SERVER].room = 0;
    end->to_say = 5000;
    turn(sim, SERVER);
    end->closing = end->abandons = 1;
    turn(sim, SERVER);
    sim->fault_at = sim->completions;
    sim->fault = ENOMEM;
    complete(sim, SERVER, IORING_OP_ASYNC_CANCEL);
    assert_int_equal(tlsm_is_final(end->connection->link.state), 0);
    complete(sim, SERVER, IORING_OP_ASYNC_CANCEL);
    assert_link(&end->connection->link, "abandoned");
    (void)run(sim, &first);
    simulation_free(sim);
    free(sim);
}

/* A half close: the peer may wait for the FIN, so the completion of close_notify must not say that nothing is left to do. Nobody arms
 * who is told so. */
static void a_close_notify_that_left_asks_for_the_shutdown(void **state)
{
    (void)state;
    for (int both = 0; both < 2; both++) {
        struct simulation *sim = malloc(sizeof *sim);
        struct tlsm_uring *server;
        struct operation *one;
        struct chooser first;
        connect_ends(sim, &first);
        server = sim->ends.end[SERVER].connection;
        if (both)
            assert_int_equal(tlsm_uring_close(server, NULL), TLSM_IO_WANT_WRITE);
        else
            assert_int_equal(tlsm_uring_end(server), TLSM_IO_DONE);
        assert_int_equal(tlsm_uring_arm(server, &sim->ring), TLSM_IO_DONE);
        simulation_submit(sim);
        one = find(sim, SERVER, IORING_OP_SEND);
        assert_non_null(one);
        assert_int_equal(complete_quietly(sim, one), TLSM_IO_DONE);
        assert_int_equal(tlsm_uring_arm(server, &sim->ring), TLSM_IO_DONE);
        simulation_submit(sim);
        one = find(sim, SERVER, IORING_OP_SHUTDOWN);
        assert_non_null(one);
        assert_int_equal(complete_quietly(sim, one), TLSM_IO_WANT_READ);
        (void)run(sim, &first);
        simulation_free(sim);
        free(sim);
    }
}

/* The time to drain ends with the deadline, and who waits must wake then. */
static void the_timeout_of_a_drain_minds_the_deadline(void **state)
{
    struct simulation *sim = malloc(sizeof *sim);
    struct end *end = sim->ends.end;
    struct chooser first;
    (void)state;
    connect_ends(sim, &first);
    assert_int_equal(tlsm_uring_deadline(end[SERVER].connection, 500), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_abort(&end[SERVER].connection->link, TLSM_ALERT_ACCESS_DENIED), TLSM_IO_DONE);
    end[SERVER].closing = 1;
    turn(sim, SERVER);
    complete(sim, SERVER, IORING_OP_SEND);
    complete(sim, SERVER, IORING_OP_SHUTDOWN);
    assert_int_equal(tlsm_is_final(end[SERVER].connection->link.state), 1);
    assert_false(end[SERVER].closed);
    assert_in_range(tlsm_uring_timeout(end[SERVER].connection), 0, 501);
    (void)run(sim, &first);
    simulation_free(sim);
    free(sim);
}

/* liburing's own timeouts have all bits set. */
static void user_data_that_is_nobodys_is_not_ours(void **state)
{
    const struct io_uring_cqe cqe = { LIBURING_UDATA_TIMEOUT, -ETIME, 0 };
    (void)state;
    assert_null(tlsm_uring_of(&cqe));
}

/* A receive that is called back may have received: no byte is lost to who takes over. */
static void releasing_keeps_what_was_received_meanwhile(void **state)
{
    struct simulation *sim = malloc(sizeof *sim);
    struct end *end = sim->ends.end;
    struct chooser first;
    int descriptor = -1;
    (void)state;
    connect_ends(sim, &first);
    sim->racing = 1;
    end[CLIENT].to_say = 100;
    turn(sim, CLIENT);
    complete(sim, CLIENT, IORING_OP_SEND);
    assert_int_equal(tlsm_uring_release(end[SERVER].connection, &descriptor), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_uring_arm(end[SERVER].connection, &sim->ring), TLSM_IO_DONE);
    simulation_submit(sim);
    complete(sim, SERVER, IORING_OP_ASYNC_CANCEL);
    assert_int_equal(tlsm_uring_release(end[SERVER].connection, &descriptor), TLSM_IO_DONE);
    assert_int_equal(descriptor, end[SERVER].descriptor);
    assert_int_equal(end[SERVER].heard + tlsm_link_unread(&end[SERVER].connection->link), 100);
    end[SERVER].closed = 1;
    close(descriptor);
    sim->pipe[SERVER].shut = 1;
    (void)run(sim, &first);
    assert_string_equal(how(&end[CLIENT]), "truncated");
    simulation_free(sim);
    free(sim);
}

/* ------------------------------------------------------------------------------------------------ faults */

struct script {
    size_t client_says, server_says;
    int abandons, discards;             /* the client */
};

/* Runs the script with completion number `at` failing. 0: there were fewer. */
static int fault(const struct script *script, unsigned at, int error, int racing)
{
    struct simulation *sim = malloc(sizeof *sim);
    struct tlsm_uring_options options = usual;
    struct chooser chooser;
    int hit;
    memset(&chooser, 0, sizeof chooser);
    chooser.at = DIGITS;
    options.thrifty = at % 2 == 1;
    simulation_init(sim, &options);
    sim->fault_at = at;
    sim->fault = error;
    sim->racing = racing;
    talk(sim, script->client_says, script->server_says);
    sim->ends.end[CLIENT].abandons = script->abandons;
    sim->ends.end[CLIENT].discards = script->discards;
    if (script->abandons || script->discards)
        sim->ends.end[CLIENT].to_hear = 1;
    sim->pipe[SERVER].room = 3000;
    (void)run(sim, &chooser);
    if (!script->abandons && (error == 0 || error == EINTR || error == EAGAIN))   /* which are no failures */
        assert_string_equal(how(&sim->ends.end[SERVER]), "clean_both");
    hit = sim->hit;
    simulation_free(sim);
    free(sim);
    return hit;
}

static void every_completion_may_fail(void **state)
{
    static const struct script scripts[] = { { 100, 100, 0, 0 }, { 3000, 9000, 0, 0 }, { 100, 30000, 1, 0 }, { 100, 30000, 0, 1 } };
    static const int errors[] = { 0, ECONNRESET, EPIPE, ETIMEDOUT, ECANCELED, EINTR, EAGAIN, ENOBUFS, EINVAL, ENOMEM, EIO };
    unsigned runs = 0;
    (void)state;
    for (size_t script = 0; script < sizeof scripts / sizeof *scripts; script++)
        for (size_t error = 0; error < sizeof errors / sizeof *errors; error++)
            for (int racing = 0; racing < 2; racing++) {
                unsigned at = 0;
                while (fault(&scripts[script], at, errors[error], racing))
                    at++;
                assert_true(at > 10);
                runs += at;
            }
    print_message("%u faults\n", runs);
}

/* ------------------------------------------------------------------------------------------------ memory */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
static unsigned allocations, refused = UINT32_MAX;

void *__wrap_malloc(size_t size) { return allocations++ == refused ? NULL : __real_malloc(size); }

/* Called again it goes on as if nothing had been. */
static void memory_may_be_short_once(void **state)
{
    struct simulation *sim = malloc(sizeof *sim);
    struct chooser chooser;
    unsigned at = 0;
    (void)state;
    memset(&chooser, 0, sizeof chooser);
    chooser.at = DIGITS;
    do {
        simulation_init(sim, &usual);
        talk(sim, 3000, 20000);
        sim->pipe[SERVER].room = 3000;
        allocations = 0;
        refused = at++;
        assert_int_equal(run(sim, &chooser), 0);
        assert_string_equal(how(&sim->ends.end[CLIENT]), "clean_both");
        assert_string_equal(how(&sim->ends.end[SERVER]), "clean_both");
        simulation_free(sim);
    } while (allocations > refused);
    refused = UINT32_MAX;
    print_message("%u allocations\n", at - 1);
    free(sim);
}

/* ------------------------------------------------------------------------------------------------ at any moment */

/* What an application may do, whatever is in flight. */
static void do_something(struct simulation *sim, struct chooser *chooser)
{
    const int which = (int)choose(chooser, 2);
    struct end *end = &sim->ends.end[which];
    struct tlsm_link *link = &end->connection->link;
    if (end->closed)
        return;
    switch (choose(chooser, 12)) {
    case 0: (void)tlsm_uring_end(end->connection); break;
    case 1: end->closing = end->abandons = 1; break;
    case 2: (void)tlsm_uring_deadline(end->connection, 0); break;
    case 3: (void)tlsm_uring_deadline(end->connection, -1); break;
    case 4: (void)tlsm_link_abort(link, TLSM_ALERT_INTERNAL_ERROR); break;
    case 5: (void)tlsm_link_abandon(link); break;
    case 6: (void)tlsm_link_key_update(link, 1); break;
    case 7: end->closing = 1; break;
    case 8: end->discards = end->closing = 1; break;
    case 9: assert_int_equal(tlsm_uring_free(end->connection), TLSM_IO_WANT_READ); break;
    case 10: sim->pipe[which].room = sim->pipe[which].room == PIPE ? pipe_held(&sim->pipe[which]) : PIPE; break;
    case 11: sim->racing = !sim->racing; break;
    }
    turn(sim, which);
}

static void whatever_is_asked_at_any_moment_the_end_is_honest(void **state)
{
    struct simulation *sim = malloc(sizeof *sim);
    struct chooser chooser;
    (void)state;
    for (uint64_t seed = 1; seed <= CHAOS; seed++) {
        struct tlsm_uring_options options = usual;
        unsigned often;
        options.thrifty = seed % 2 == 0;
        memset(&chooser, 0, sizeof chooser);
        chooser.seed = seed;
        simulation_init(sim, &options);
        often = 2 + choose(&chooser, 60);
        talk(sim, choose(&chooser, 30000), choose(&chooser, 60000));
        begin(sim);
        for (unsigned steps = 0; !all_closed(sim) && steps < 400; steps++) {
            if (choose(&chooser, often) == 0)
                do_something(sim, &chooser);
            else if (!complete_some(sim, &chooser))
                do_something(sim, &chooser);
        }
        sim->pipe[0].room = sim->pipe[1].room = PIPE;
        (void)run(sim, &chooser);
        simulation_free(sim);
    }
    free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_and_any_length_give_the_same_connection),
        cmocka_unit_test(every_order_of_a_close_is_clean),
        cmocka_unit_test(what_leaves_after_our_half_died_makes_it_a_reset),
        cmocka_unit_test(what_comes_after_our_alert_is_drained),
        cmocka_unit_test(giving_up_counts_what_left_meanwhile),
        cmocka_unit_test(a_failed_recall_is_repeated),
        cmocka_unit_test(a_close_notify_that_left_asks_for_the_shutdown),
        cmocka_unit_test(the_timeout_of_a_drain_minds_the_deadline),
        cmocka_unit_test(user_data_that_is_nobodys_is_not_ours),
        cmocka_unit_test(releasing_keeps_what_was_received_meanwhile),
        cmocka_unit_test(whatever_is_asked_at_any_moment_the_end_is_honest),
        cmocka_unit_test(every_completion_may_fail),
        cmocka_unit_test(memory_may_be_short_once),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
