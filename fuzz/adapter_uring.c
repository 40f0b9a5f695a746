/* SPDX-License-Identifier: MIT */
/* tlsm_uring on a ring without a kernel (test/uring_fixture.h): the input says in which order operations complete, how long they are,
 * and which fail. Byte 0: bit 0 thrifty, 1 one end hears nothing once it closes, 2 it abandons, 3 what is called back completes all the
 * same, 4 TLS 1.2, 5 little is sealed at once, 6 the server has a deadline. Bytes 1 and 2: how much either says. Then two bytes a completion. */
#define _DEFAULT_SOURCE 1
#include "uring_fixture.h"

#include "feed.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COMPLETIONS = 20000, WAITS = 4, AS_USUAL = 128 };

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
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct simulation sim;
    struct feed feed = { data, size };
    unsigned waits = 0;
    const uint8_t how = feed_take(&feed);
    prepare(&sim, how, &feed);
    arm(&sim);
    for (unsigned steps = 0; !sim.ends.end[CLIENT].closed || !sim.ends.end[SERVER].closed; steps++) {
        assert_true(steps < COMPLETIONS);
        if (complete_one(&sim, &feed))
            continue;
        assert_true(waits++ < WAITS);
        let_time_pass(&sim);
    }
    assert_honest(&sim.ends);
    simulation_free(&sim);
    return 0;
}
