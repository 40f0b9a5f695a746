/* SPDX-License-Identifier: MIT */
/* Two connections on one completion queue, and a simulated ring: the adapter's own submissions, completed in any order, late, short,
 * or with errors. What the adapter gave to the ring is poisoned (a receive) or remembered (a send) and looked at again when it
 * completes: nobody else may have touched it. */
#ifndef TLSM_TEST_URING_FIXTURE_H
#define TLSM_TEST_URING_FIXTURE_H

#include "adapter_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tlsm_uring.h"

enum { ENTRIES = 4, OPERATIONS = 24, PIPE = 200000, POISON = 0xA5, SPEECH = 70000 };

/* ------------------------------------------------------------------------------------------------ two applications */

/* What an end does: says so many bytes, listens to so many, then closes; after a failure it closes at once. */
struct end {
    struct tlsm_uring *connection;
    int descriptor;
    size_t to_say, said, to_hear, heard;
    int closing, closed, abandons;      /* abandons: when it has heard enough, it gives up instead */
    int discards;                       /* hears nothing once it closes */
    int again;                          /* memory was short: the tests refuse it once */
    struct tlsm_verdict verdict;
};
struct ends {
    struct two two;
    struct end end[2];
};

static uint8_t speech[SPEECH];

static inline void fill_speech(void)
{
    for (size_t at = 0; at < sizeof speech; at++)
        speech[at] = (uint8_t)(at * 31 + at / 251);
}

static inline void ends_init(struct ends *ends, const int descriptor[2], const struct tlsm_uring_options *options, uint8_t keep)
{
    memset(ends, 0, sizeof *ends);
    two_init(&ends->two);
    for (int which = 0; which < 2; which++) {
        struct tlsm_uring_options own = *options;
        struct end *end = &ends->end[which];
        own.link = two_options(&ends->two);
        own.link.out_limit = options->link.out_limit;
        own.owner = end;
        ends->two.settings[which].keep_transport = keep;
        end->descriptor = descriptor[which];
        end->connection = tlsm_uring_new(&ends->two.config[which], descriptor[which], &own);
        assert_non_null(end->connection);
        assert_int_equal(tlsm_uring_start(end->connection, &ends->two.entropy[which], NULL), TLSM_IO_DONE);
    }
}

static inline void end_listen(struct end *end)
{
    uint8_t piece[5000];
    ptrdiff_t got;
    while ((got = tlsm_uring_read(end->connection, piece, sizeof piece)) > 0) {
        assert_true(end->heard + (size_t)got <= sizeof speech);
        assert_memory_equal(piece, speech + end->heard, (size_t)got);
        end->heard += (size_t)got;
    }
    end->closing |= got == TLSM_IO_END || got == TLSM_IO_ENDED;
    end->again |= got == TLSM_IO_NO_MEMORY;
}

static inline void end_speak(struct end *end)
{
    while (end->said < end->to_say) {
        const ptrdiff_t put = tlsm_uring_write(end->connection, speech + end->said, end->to_say - end->said);
        if (put <= 0) {
            end->closing |= put == TLSM_IO_ENDED || put == TLSM_IO_REFUSED;
            end->again |= put == TLSM_IO_NO_MEMORY;
            return;
        }
        end->said += (size_t)put;
    }
}

static inline void end_close(struct end *end)
{
    int done;
    if (end->abandons)
        tlsm_uring_abandon(end->connection);
    while ((done = tlsm_uring_close(end->connection, &end->verdict)) == TLSM_IO_UNREAD) {
        if (end->discards)
            (void)tlsm_link_discard(&end->connection->link);
        else
            end_listen(end);
    }
    end->closed = done == TLSM_IO_DONE;
    end->again |= done == TLSM_IO_NO_MEMORY;
    if (end->closed)
        assert_int_equal(end->connection->in_flight, 0);
    assert_true(end->connection->link.in.end <= end->connection->link.in.capacity);
}

/* The application's turn, then what the adapter returns from arming. */
static inline int end_turn(struct end *end, struct io_uring *ring)
{
    int done;
    if (end->closed)
        return TLSM_IO_DONE;
    do {
        end->again = 0;
        if (!end->closing)
            end_speak(end);
        if (!end->closing)
            end_listen(end);
        end->closing |= end->said == end->to_say && end->heard >= end->to_hear && tlsm_connected(end->connection->link.state);
        if (end->closing)
            end_close(end);
        done = end->closed ? TLSM_IO_DONE : tlsm_uring_arm(end->connection, ring);
        end->closing |= done == TLSM_IO_ENDED;
    } while (done == TLSM_IO_ENDED || done == TLSM_IO_NO_MEMORY || end->again);
    return done;
}

/* What no fault may bring about: an end called clean although something is missing. */
static inline void assert_honest(const struct ends *ends)
{
    for (int which = 0; which < 2; which++) {
        const struct end *end = &ends->end[which], *other = &ends->end[1 - which];
        const int clean = end->verdict.how == TLSM_CLEAN_BOTH_VERDICT || end->verdict.how == TLSM_CLEAN_RECEIVED_VERDICT;
        if (clean && !end->discards)
            assert_int_equal(end->heard, other->said);
        if (end->verdict.how == TLSM_CLEAN_BOTH_VERDICT)
            assert_int_equal(end->verdict.alert_delivered, 1);
    }
}

static inline int is_open(int descriptor) { return fcntl(descriptor, F_GETFD) >= 0; }

static inline void ends_free(struct ends *ends)
{
    for (int which = 0; which < 2; which++)
        assert_int_equal(tlsm_uring_free(ends->end[which].connection), TLSM_IO_DONE);
}

/* ------------------------------------------------------------------------------------------------ a ring without a kernel */

struct operation {
    struct io_uring_sqe sqe;
    uint8_t *before;        /* what a send was given */
    int flying;
};
struct simulation {
    struct io_uring ring;
    struct io_uring_sqe queue[ENTRIES];
    unsigned head, tail, flags, dropped, mask, entries, array[ENTRIES];
    struct operation operation[OPERATIONS];
    struct pipe {
        uint8_t *bytes;             /* from end[i] to the other */
        size_t start, end, room;    /* room: bytes it takes until somebody reads */
        int shut, reset, deaf;      /* deaf: the far end is closed */
    } pipe[2];
    int linger[2];                  /* the descriptor was closed by a reset */
    struct ends ends;
    unsigned completions, fault_at;
    int fault;                      /* an errno value; 0: short */
    int hit;
    int racing;                     /* what is called back completes all the same */
};

static inline void simulation_init(struct simulation *sim, const struct tlsm_uring_options *options)
{
    int descriptor[2];
    memset(sim, 0, sizeof *sim);
    sim->ring.sq.khead = &sim->head;
    sim->ring.sq.ktail = &sim->tail;
    sim->ring.sq.kflags = &sim->flags;
    sim->ring.sq.kdropped = &sim->dropped;
    sim->ring.sq.kring_mask = &sim->mask;
    sim->ring.sq.kring_entries = &sim->entries;
    sim->ring.sq.array = sim->array;
    sim->ring.sq.sqes = sim->queue;
    sim->ring.sq.ring_mask = sim->mask = ENTRIES - 1;
    sim->ring.sq.ring_entries = sim->entries = ENTRIES;
    sim->fault_at = UINT32_MAX;
    for (int which = 0; which < 2; which++) {
        sim->pipe[which].bytes = calloc(1, PIPE);
        sim->pipe[which].room = PIPE;
        descriptor[which] = socket(AF_INET, SOCK_STREAM, 0);   /* carries nothing; its options show a reset */
        assert_true(descriptor[which] >= 0);
    }
    ends_init(&sim->ends, descriptor, options, 0);
}

static inline void simulation_free(struct simulation *sim)
{
    for (int i = 0; i < OPERATIONS; i++)
        assert_int_equal(sim->operation[i].flying, 0);
    ends_free(&sim->ends);
    for (int which = 0; which < 2; which++) {
        assert_false(is_open(sim->ends.end[which].descriptor));
        free(sim->pipe[which].bytes);
    }
}

static inline void *memory_of(const struct io_uring_sqe *sqe) { return (void *)(uintptr_t)sqe->addr; }

static inline int whose(const struct simulation *sim, const struct io_uring_sqe *sqe)
{
    return (sqe->user_data & ~(uint64_t)7) == (uint64_t)(uintptr_t)sim->ends.end[SERVER].connection;
}

/* io_uring_submit(): the ring has them now. */
static inline void simulation_submit(struct simulation *sim)
{
    for (; sim->head != sim->ring.sq.sqe_tail; sim->head++) {
        const struct io_uring_sqe *sqe = &sim->queue[sim->head & sim->mask];
        struct operation *free_one = sim->operation;
        while (free_one->flying)
            free_one++;
        assert_true(free_one < sim->operation + OPERATIONS);
        free_one->sqe = *sqe;
        free_one->flying = 1;
        free_one->before = NULL;
        if (sqe->opcode == IORING_OP_RECV)
            memset(memory_of(sqe), POISON, sqe->len);
        if (sqe->opcode == IORING_OP_SEND) {
            assert_int_equal(sqe->msg_flags & MSG_NOSIGNAL, MSG_NOSIGNAL);
            free_one->before = calloc(1, sqe->len);
            memcpy(free_one->before, memory_of(sqe), sqe->len);
        }
    }
}

static inline void look_untouched(const struct operation *one)
{
    const uint8_t *at = memory_of(&one->sqe);
    if (one->sqe.opcode == IORING_OP_SEND)
        assert_memory_equal(at, one->before, one->sqe.len);
    if (one->sqe.opcode == IORING_OP_RECV && one->sqe.len > 0)
        assert_true(at[0] == POISON && memcmp(at, at + 1, one->sqe.len - 1) == 0);   /* all of them are as the first */
}

static inline size_t pipe_held(const struct pipe *pipe) { return pipe->end - pipe->start; }

static inline int can_receive(const struct simulation *sim, int which)
{
    const struct pipe *pipe = &sim->pipe[1 - which];
    return pipe_held(pipe) > 0 || pipe->shut || pipe->reset;
}

static inline int can_send(const struct simulation *sim, int which)
{
    const struct pipe *pipe = &sim->pipe[which];
    return pipe_held(pipe) < pipe->room || pipe->deaf;
}

/* Can the kernel complete it now? */
static inline int is_ready(const struct simulation *sim, const struct operation *one)
{
    const int which = whose(sim, &one->sqe);
    if (!one->flying)
        return 0;
    if (one->sqe.opcode == IORING_OP_RECV)
        return can_receive(sim, which);
    if (one->sqe.opcode == IORING_OP_SEND)
        return can_send(sim, which);
    if (one->sqe.opcode == IORING_OP_POLL_ADD)
        return one->sqe.poll32_events & POLLIN ? can_receive(sim, which) : can_send(sim, which);
    return 1;
}

static inline int do_receive(struct simulation *sim, int which, const struct io_uring_sqe *sqe, size_t most)
{
    struct pipe *pipe = &sim->pipe[1 - which];
    size_t count = pipe_held(pipe) < sqe->len ? pipe_held(pipe) : sqe->len;
    if (pipe->reset)
        return -ECONNRESET;
    count = count < most ? count : most;
    memcpy(memory_of(sqe), pipe->bytes + pipe->start, count);
    pipe->start += count;
    return (int)count;
}

static inline int do_send(struct simulation *sim, int which, const struct io_uring_sqe *sqe, size_t most)
{
    struct pipe *pipe = &sim->pipe[which];
    size_t count = pipe->room - pipe_held(pipe) < sqe->len ? pipe->room - pipe_held(pipe) : sqe->len;
    if (pipe->deaf)
        return -EPIPE;
    count = count < most ? count : most;
    assert_true(pipe->end + count <= PIPE);
    assert_false(pipe->shut);
    memcpy(pipe->bytes + pipe->end, memory_of(sqe), count);
    pipe->end += count;
    return (int)count;
}

/* As TCP does: what was not read, or linger, makes it a reset. */
static inline int do_close(struct simulation *sim, int which)
{
    struct linger linger = { 0, 0 };
    socklen_t length = sizeof linger;
    assert_int_equal(getsockopt(sim->ends.end[which].descriptor, SOL_SOCKET, SO_LINGER, &linger, &length), 0);
    sim->linger[which] = linger.l_onoff;
    sim->pipe[which].reset = linger.l_onoff || pipe_held(&sim->pipe[1 - which]) > 0;
    sim->pipe[which].shut = sim->pipe[1 - which].deaf = 1;
    return close(sim->ends.end[which].descriptor);
}

static inline void simulation_complete(struct simulation *sim, struct operation *one, size_t most);

static inline int do_cancel(struct simulation *sim, const struct io_uring_sqe *sqe);

static inline int perform(struct simulation *sim, int which, const struct io_uring_sqe *sqe, size_t most)
{
    if (sqe->opcode == IORING_OP_RECV)
        return do_receive(sim, which, sqe, most);
    if (sqe->opcode == IORING_OP_SEND)
        return do_send(sim, which, sqe, most);
    if (sqe->opcode == IORING_OP_SHUTDOWN)
        return sim->pipe[which].shut = 1, 0;
    if (sqe->opcode == IORING_OP_CLOSE)
        return do_close(sim, which);
    if (sqe->opcode == IORING_OP_ASYNC_CANCEL)
        return do_cancel(sim, sqe);
    return POLLIN | POLLOUT;
}

/* The completion reaches the adapter, and the application has its turn. */
static inline void hand_over(struct simulation *sim, struct operation *one, int result)
{
    struct io_uring_cqe cqe = { one->sqe.user_data, result, 0 };
    struct tlsm_uring *connection = tlsm_uring_of(&cqe);
    struct end *end = connection->owner;
    look_untouched(one);
    free(one->before);
    one->before = NULL;
    one->flying = 0;
    (void)tlsm_uring_complete(connection, &cqe);
    while (end_turn(end, &sim->ring) == TLSM_URING_FULL)
        simulation_submit(sim);
    simulation_submit(sim);
}

/* The fault sweep: completion number fault_at says something else, and nothing was done. */
static inline int is_faulty(struct simulation *sim) { return sim->completions++ == sim->fault_at; }

/* close(2) takes the descriptor away before it finds what to complain about, unless it never ran. */
static inline int closes_in_spite_of(int error)
{
    return error != ECANCELED && error != EAGAIN && error != EINVAL && error != ENOMEM;
}

/* Completes `one` with at most so many bytes. */
static inline void simulation_complete(struct simulation *sim, struct operation *one, size_t most)
{
    const int which = whose(sim, &one->sqe);
    const struct operation copy = *one;
    int result;
    if (is_faulty(sim)) {
        sim->hit = 1;
        if (sim->fault != 0) {
            if (one->sqe.opcode == IORING_OP_CLOSE && closes_in_spite_of(sim->fault))
                (void)do_close(sim, which);
            hand_over(sim, one, -sim->fault);
            return;
        }
        most = 1;
    }
    look_untouched(one);
    result = perform(sim, which, &copy.sqe, most);
    if (copy.sqe.opcode == IORING_OP_RECV && result > 0) {   /* hand_over() looks for the poison behind what was received */
        one->sqe.addr += (unsigned)result;
        one->sqe.len -= (unsigned)result;
    }
    hand_over(sim, one, result);
}

static inline int do_cancel(struct simulation *sim, const struct io_uring_sqe *sqe)
{
    for (struct operation *one = sim->operation; one < sim->operation + OPERATIONS; one++) {
        if (!one->flying || one->sqe.user_data != sqe->addr)
            continue;
        if (sim->racing && is_ready(sim, one)) {
            simulation_complete(sim, one, SIZE_MAX);
            return -EALREADY;
        }
        hand_over(sim, one, -ECANCELED);
        return 0;
    }
    return -ENOENT;
}

#endif
