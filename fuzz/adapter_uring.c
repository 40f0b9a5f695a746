/* SPDX-License-Identifier: MIT */
/* tlsm_uring on a ring without a kernel (test/uring_fixture.h): the input says in which order operations complete, how long they are,
 * and which fail. Byte 0: bit 0 thrifty, 1 one end hears nothing once it closes, 2 it abandons, 3 what is called back completes all the
 * same, 4 TLS 1.2, 5 little is sealed at once, 6 the server has a deadline. Bytes 1 and 2: how much either says. Then two bytes a completion. */
#define _DEFAULT_SOURCE 1
#include "uring_fixture.h"

#include "talk.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COMPLETIONS = 20000, WAITS = 4, AS_USUAL = 128 };

/* ------------------------------------------------------------------------------------------------ slots */

static enum adapter_answer last;   /* what the last completion said: the calls that follow it see it */

static enum adapter_answer failed_with(int error, enum adapter_answer blocked, enum adapter_answer interrupted, enum adapter_answer failed)
{
    return error == ECANCELED ? ADAPTER_RECALLED : error == EAGAIN ? blocked : error == EINTR ? interrupted : failed;
}

static enum adapter_answer answer_of(const struct tlsm_uring *connection, const struct io_uring_cqe *cqe)
{
    const enum tlsm_uring_operation operation = (enum tlsm_uring_operation)(cqe->user_data & 7);
    const int result = cqe->res;
    const int polled = connection->polling >> operation & 1;
    switch (operation) {
    case TLSM_URING_RECEIVE:
        if (result < 0)
            return failed_with(-result, ADAPTER_RECEIVE_BLOCKED, ADAPTER_RECEIVE_INTERRUPTED, ADAPTER_RECEIVE_FAILED);
        return polled ? ADAPTER_READY : result > 0 ? ADAPTER_RECEIVED : ADAPTER_RECEIVE_END;
    case TLSM_URING_SEND:
        if (result < 0)
            return failed_with(-result, ADAPTER_SEND_BLOCKED, ADAPTER_SEND_INTERRUPTED, ADAPTER_SEND_FAILED);
        return polled ? ADAPTER_READY : (size_t)result < tlsm_link_pending(&connection->link).length ? ADAPTER_SENT_PART : ADAPTER_SENT;
    case TLSM_URING_SHUT: return result == 0 ? ADAPTER_SHUT : ADAPTER_SHUT_FAILED;
    case TLSM_URING_CLOSE: return result == 0 ? ADAPTER_CLOSED : ADAPTER_CLOSE_FAILED;
    case TLSM_URING_RECALL_RECEIVE: case TLSM_URING_RECALL_SEND: break;
    }
    return result == 0 ? ADAPTER_RECALLED : ADAPTER_RECALL_FAILED;
}

static void begins(void)
{
    adapter_begins();
    if (last != ADAPTER_NOTHING)
        adapter_answered(last);
}

int __real_tlsm_uring_complete(struct tlsm_uring *connection, const struct io_uring_cqe *cqe);
int __wrap_tlsm_uring_complete(struct tlsm_uring *connection, const struct io_uring_cqe *cqe);
int __wrap_tlsm_uring_complete(struct tlsm_uring *connection, const struct io_uring_cqe *cqe)
{
    last = answer_of(connection, cqe);
    begins();
    return (int)adapter_returned(ADAPTER_CALLS_COMPLETE, __real_tlsm_uring_complete(connection, cqe));
}

ptrdiff_t __real_tlsm_uring_read(struct tlsm_uring *connection, void *to, size_t capacity);
ptrdiff_t __wrap_tlsm_uring_read(struct tlsm_uring *connection, void *to, size_t capacity);
ptrdiff_t __wrap_tlsm_uring_read(struct tlsm_uring *connection, void *to, size_t capacity)
{
    begins();
    return adapter_returned(ADAPTER_CALLS_READ, __real_tlsm_uring_read(connection, to, capacity));
}

ptrdiff_t __real_tlsm_uring_write(struct tlsm_uring *connection, const void *from, size_t length);
ptrdiff_t __wrap_tlsm_uring_write(struct tlsm_uring *connection, const void *from, size_t length);
ptrdiff_t __wrap_tlsm_uring_write(struct tlsm_uring *connection, const void *from, size_t length)
{
    begins();
    return adapter_returned(ADAPTER_CALLS_WRITE, __real_tlsm_uring_write(connection, from, length));
}

int __real_tlsm_uring_close(struct tlsm_uring *connection, struct tlsm_verdict *verdict);
int __wrap_tlsm_uring_close(struct tlsm_uring *connection, struct tlsm_verdict *verdict);
int __wrap_tlsm_uring_close(struct tlsm_uring *connection, struct tlsm_verdict *verdict)
{
    begins();
    return (int)adapter_returned(ADAPTER_CALLS_CLOSE, __real_tlsm_uring_close(connection, verdict));
}

/* What it puts into the ring is what it asks. */
int __real_tlsm_uring_arm(struct tlsm_uring *connection, struct io_uring *ring);
int __wrap_tlsm_uring_arm(struct tlsm_uring *connection, struct io_uring *ring);
int __wrap_tlsm_uring_arm(struct tlsm_uring *connection, struct io_uring *ring)
{
    static const enum adapter_answer asks[] = { [TLSM_URING_RECEIVE] = ADAPTER_ASK_RECEIVE, [TLSM_URING_SEND] = ADAPTER_ASK_SEND,
                                                [TLSM_URING_SHUT] = ADAPTER_ASK_SHUT, [TLSM_URING_CLOSE] = ADAPTER_ASK_CLOSE,
                                                [TLSM_URING_RECALL_RECEIVE] = ADAPTER_ASK_RECALL, [TLSM_URING_RECALL_SEND] = ADAPTER_ASK_RECALL };
    const unsigned before = connection->in_flight;
    int done;
    begins();
    done = __real_tlsm_uring_arm(connection, ring);
    for (unsigned operation = TLSM_URING_RECEIVE; operation <= TLSM_URING_RECALL_SEND; operation++)
        if (connection->in_flight >> operation & ~(before >> operation) & 1)
            adapter_answered(asks[operation]);
    return (int)adapter_returned(ADAPTER_CALLS_ARM, done);
}

static void place(const struct simulation *sim)
{
    for (int which = 0; which < 2; which++) {
        const struct end *end = &sim->ends.end[which];
        const struct tlsm_uring *connection = end->connection;
        adapter_place(talk_sort(&connection->link));
        adapter_place((uint64_t)connection->in_flight << 24 | (uint64_t)connection->polling << 16 | (uint64_t)connection->recalled << 8 |
                      (uint64_t)connection->shut << 4 | (uint64_t)connection->ended << 3 | (uint64_t)connection->strayed << 2 |
                      (uint64_t)(end->closing != 0) << 1 | (uint64_t)(end->closed != 0));
        adapter_place((uint64_t)(pipe_held(&sim->pipe[which]) > 0) << 3 | (uint64_t)(sim->pipe[which].shut != 0) << 2 |
                      (uint64_t)(sim->pipe[which].reset != 0) << 1 | (uint64_t)(sim->pipe[which].deaf != 0));
    }
}

/* As usual, each length, each error, for each of the first four that can complete. */
#define AS_USUAL_MOVES(n) ADAPTER_BYTES(n "\0"), ADAPTER_BYTES(n "\1"), ADAPTER_BYTES(n "\2"), ADAPTER_BYTES(n "\3"), ADAPTER_BYTES(n "\4")
#define ERROR_MOVES(n) \
    ADAPTER_BYTES(n "\x80"), ADAPTER_BYTES(n "\x81"), ADAPTER_BYTES(n "\x82"), ADAPTER_BYTES(n "\x83"), ADAPTER_BYTES(n "\x84"), \
        ADAPTER_BYTES(n "\x85"), ADAPTER_BYTES(n "\x86"), ADAPTER_BYTES(n "\x87"), ADAPTER_BYTES(n "\x88"), ADAPTER_BYTES(n "\x89"), \
        ADAPTER_BYTES(n "\x8a")
#define TWO "\0\0\1\0"
#define SIX TWO TWO TWO
const struct enumeration *adapter_enumeration(void)
{
    static const struct enumeration rings = {
        .head = { ADAPTER_BYTES("\x00\1\1"), ADAPTER_BYTES("\x10\1\1"), ADAPTER_BYTES("\x01\0\1"), ADAPTER_BYTES("\x02\0\4"),
                  ADAPTER_BYTES("\x04\1\4"), ADAPTER_BYTES("\x0c\4\1"), ADAPTER_BYTES("\x28\4\4"), ADAPTER_BYTES("\x4a\0\4"),
                  ADAPTER_BYTES("\x09\1\0") },
        .start = { ADAPTER_BYTES(TWO), ADAPTER_BYTES(TWO TWO), ADAPTER_BYTES(SIX), ADAPTER_BYTES(SIX TWO), ADAPTER_BYTES(SIX TWO TWO),
                   ADAPTER_BYTES(SIX SIX), ADAPTER_BYTES(SIX SIX TWO), ADAPTER_BYTES(SIX SIX SIX) },
        .deep = 9,
        .depth = 2,
        .move = { AS_USUAL_MOVES("\0"), AS_USUAL_MOVES("\1"), AS_USUAL_MOVES("\2"), AS_USUAL_MOVES("\3"), ERROR_MOVES("\0"),
                  ERROR_MOVES("\1"), ERROR_MOVES("\2"), ERROR_MOVES("\3") }
    };
    return &rings;
}

/* ------------------------------------------------------------------------------------------------ a run */

static void arm(struct simulation *sim)
{
    for (int which = 0; which < 2; which++) {
        while (end_turn(&sim->ends.end[which], &sim->ring) == TLSM_URING_FULL)
            simulation_submit(sim);
        simulation_submit(sim);
    }
}

static void let_time_pass(struct simulation *sim)
{
    for (int which = 0; which < 2; which++)
        if (!sim->ends.end[which].closed)
            (void)tlsm_uring_deadline(sim->ends.end[which].connection, 0);
    arm(sim);
}

/* Which of those that can complete, and with what. 0: none can. */
static int complete_one(struct simulation *sim, struct feed *feed)
{
    static const size_t lengths[] = { SIZE_MAX, 1, 5, 15, 300, 16384 };
    static const int errors[] = { 0, ECONNRESET, EPIPE, ETIMEDOUT, ECANCELED, EINTR, EAGAIN, ENOBUFS, EINVAL, ENOMEM, EIO };
    const uint8_t which = feed_take(feed), how = feed_take(feed);
    struct operation *ready[OPERATIONS];
    unsigned count = 0;
    for (int i = 0; i < OPERATIONS; i++)
        if (is_ready(sim, &sim->operation[i]))
            ready[count++] = &sim->operation[i];
    if (count == 0)
        return 0;
    sim->fault_at = how >= AS_USUAL ? sim->completions : UINT32_MAX;
    sim->fault = errors[how % (sizeof errors / sizeof *errors)];
    simulation_complete(sim, ready[which % count], how >= AS_USUAL ? SIZE_MAX : lengths[how % (sizeof lengths / sizeof *lengths)]);
    return 1;
}

static void prepare(struct simulation *sim, uint8_t how, struct feed *feed)
{
    const struct tlsm_uring_options options = { .thrifty = how & 1, .linger_ms = 50, .link = { .out_limit = how & 32 ? 300 : 0 } };
    simulation_init(sim, &options);
    for (int which = 0; which < 2; which++) {
        struct end *end = &sim->ends.end[which];
        end->to_say = (size_t)feed_take(feed) * 200;
        sim->ends.end[1 - which].to_hear = end->to_say;
        sim->ends.two.settings[which].version_min = sim->ends.two.settings[which].version_max = how & 16 ? TLSM_1_2 : TLSM_1_3;
    }
    sim->ends.end[CLIENT].discards = how >> 1 & 1;
    sim->ends.end[CLIENT].abandons = how >> 2 & 1;
    sim->racing = how >> 3 & 1;
    if (how & 64)
        (void)tlsm_uring_deadline(sim->ends.end[SERVER].connection, 1000000);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fill_speech();
    adapter_at_exit();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct simulation sim;
    struct feed feed = { data, size };
    unsigned waits = 0;
    const uint8_t how = feed_take(&feed);
    int placed = 0;
    last = ADAPTER_NOTHING;
    prepare(&sim, how, &feed);
    arm(&sim);
    for (unsigned steps = 0; !sim.ends.end[CLIENT].closed || !sim.ends.end[SERVER].closed; steps++) {
        assert_true(steps < COMPLETIONS);
        if (feed.left == 0 && !placed) {
            place(&sim);
            placed = 1;
        }
        if (complete_one(&sim, &feed))
            continue;
        assert_true(waits++ < WAITS);
        let_time_pass(&sim);
    }
    assert_honest(&sim.ends);
    simulation_free(&sim);
    return 0;
}
