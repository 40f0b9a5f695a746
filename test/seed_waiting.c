/* SPDX-License-Identifier: MIT */
/* The sentences about waiting: 3, 4, 5, 6. */
#include "seed_fixture.h"

#include <string.h>
#include <sys/select.h>

enum { REPEATS = 3 };

/* ------------------------------------------------------------------------------------------------ 3 */

/* All but the last byte of the peer's close_notify is no close_notify. */
static void finishes(struct seed *seed)
{
    struct seed_outcome outcome;
    seed_peer_closes(seed);
    assert_true(seed_carry_in(seed, seed_inbound(seed) - 1) > 0);
    seed_sees_it_blocked(seed);
    assert_int_equal(seed_carry_in(seed, 1), 1);
    outcome = seed_returned(seed);
    seed_assert(outcome, 1, SEED_NONE);
    assert_int_equal(outcome.flags, SEED_BOTH);
}

/* "If the underlying BIO is blocking, SSL_shutdown() will only return once the handshake has been finished or an error
 * occurred." */
void seed_sentence_3(void **state)
{
    struct seed *const seed = *state;
    seed_scene(seed, "finished");
    seed_connect(seed, 0);
    seed_until_peer_sees(seed);
    seed_sees_it_blocked(seed);
    finishes(seed);

    seed_scene(seed, "an error");
    seed_connect(seed, 0);
    seed_until_peer_sees(seed);
    seed_sees_it_blocked(seed);
    seed_hang_up(seed);
    seed_assert(seed_returned(seed), 0, SEED_SSL);

    seed_scene(seed, "nothing can be sent, then finished");
    seed_connect(seed, 0);
    seed_fill(seed);
    seed_start(seed);
    seed_sees_it_blocked(seed);
    seed_assert(seed_finish(seed), 1, SEED_NONE);
    seed_assert_closed_once(seed);
}

/* ------------------------------------------------------------------------------------------------ 4 */

static void assert_truthful(struct seed *seed, struct seed_outcome outcome)
{
    assert_int_equal(outcome.result, -1);
    if (outcome.error == SEED_WANT_WRITE) {
        assert_false(seed_writable(seed));
    } else {
        assert_int_equal(outcome.error, SEED_WANT_READ);
        assert_false(seed_readable(seed));
    }
}

/* Nothing was done about it, so nothing changes. */
static struct seed_outcome asks(struct seed *seed, int repeats)
{
    const struct seed_outcome first = seed_shutdown(seed);
    const size_t out = seed_far_holds(seed), in = seed_near_holds(seed);
    if (!seed_wants(first))
        return first;
    assert_truthful(seed, first);
    for (int i = 0; i < repeats; i++) {
        const struct seed_outcome outcome = seed_shutdown(seed);
        seed_assert(outcome, first.result, first.error);
        assert_int_equal(seed_far_holds(seed), out);
        assert_int_equal(seed_near_holds(seed), in);
    }
    return first;
}

/* "… SSL_shutdown() will also return when the underlying BIO could not satisfy the needs of SSL_shutdown() to continue the
 * handshake. In this case a call to SSL_get_error() … will yield SSL_ERROR_WANT_READ or SSL_ERROR_WANT_WRITE. The calling
 * process then must repeat the call after taking appropriate action". */
void seed_sentence_4(void **state)
{
    struct seed *const seed = *state;
    seed_scene(seed, "the peer is silent");
    seed_connect(seed, 0);
    seed->withhold = 1;
    while (asks(seed, REPEATS).error == SEED_WANT_WRITE)
        assert_true(seed_serve(seed) > 0);
    (void)seed_serve(seed);
    assert_int_equal(seed->peer_end, 1);
    seed_assert(asks(seed, REPEATS), -1, SEED_WANT_READ);
    seed_assert_closed_once(seed);
    seed->withhold = 0;
    assert_true(seed_serve(seed) > 0);
    seed_assert(seed_finish(seed), 1, SEED_NONE);

    if (seed->cell->bio == SEED_MEMORY)
        return;   /* takes everything */
    seed_scene(seed, "nothing can be sent");
    seed_connect(seed, 0);
    seed_fill(seed);
    seed_assert(asks(seed, REPEATS), -1, SEED_WANT_WRITE);
    seed_assert(seed_finish(seed), 1, SEED_NONE);
    (void)seed_serve(seed);
    seed_assert_closed_once(seed);
}

/* ------------------------------------------------------------------------------------------------ 5 */

/* What SSL_get_error named, and nothing else, is asked for. */
static int selected(struct seed *seed, int error, int seconds)
{
    struct timeval patience = { seconds, 0 };
    fd_set set;
    FD_ZERO(&set);
    FD_SET(seed->near_fd, &set);
    assert_true(error == SEED_WANT_READ || error == SEED_WANT_WRITE);
    return select(seed->near_fd + 1, error == SEED_WANT_READ ? &set : NULL, error == SEED_WANT_WRITE ? &set : NULL, NULL,
                  &patience);
}

/* The peer's close_notify comes byte by byte, and each byte is one call's progress. */
static void select_to_read(struct seed *seed)
{
    struct seed_outcome outcome;
    size_t bytes, calls = 0;
    seed_scene(seed, "to read");
    seed_connect(seed, 0);
    outcome = seed_shutdown(seed);
    seed_assert(outcome, -1, SEED_WANT_READ);
    (void)seed_carry_out(seed, SEED_WIRE);
    seed_peer_reads(seed);
    for (bytes = seed_inbound(seed); seed_wants(outcome); calls++) {
        assert_int_equal(selected(seed, outcome.error, 0), 0);
        assert_int_equal(seed_carry_in(seed, 1), 1);
        assert_int_equal(selected(seed, outcome.error, SEED_PATIENCE_MS / 1000), 1);
        outcome = seed_shutdown(seed);
        assert_int_equal(seed_near_holds(seed), 0);
    }
    seed_assert(outcome, 1, SEED_NONE);
    assert_int_equal(calls, bytes);
}

/* The far end is emptied piece by piece, until the descriptor is ready; each time, more of ours leaves. */
static void select_to_write(struct seed *seed)
{
    struct seed_outcome outcome;
    unsigned calls = 0;
    seed_scene(seed, "to write");
    seed_connect(seed, 0);
    seed_fill(seed);
    for (outcome = seed_shutdown(seed); outcome.error == SEED_WANT_WRITE; calls++) {
        size_t before;
        assert_int_equal(selected(seed, SEED_WANT_WRITE, 0), 0);
        do {
            assert_true(seed_carry_out(seed, 256) > 0);
            before = seed_far_holds(seed);
        } while (before > 0 && selected(seed, SEED_WANT_WRITE, 0) == 0);
        assert_int_equal(selected(seed, SEED_WANT_WRITE, SEED_PATIENCE_MS / 1000), 1);
        outcome = seed_shutdown(seed);
        assert_true(seed_far_holds(seed) > before);
    }
    seed_assert(outcome, -1, SEED_WANT_READ);
    assert_true(calls >= 1);
    assert_true(seed_serve(seed) > 0);
    assert_int_equal(selected(seed, outcome.error, SEED_PATIENCE_MS / 1000), 1);
    seed_assert(seed_shutdown(seed), 1, SEED_NONE);
    seed_assert_closed_once(seed);
}

/* "When using a non-blocking socket, nothing is to be done, but select() can be used to check for the required condition." */
void seed_sentence_5(void **state)
{
    struct seed *const seed = *state;
    select_to_read(seed);
    select_to_write(seed);
}

/* ------------------------------------------------------------------------------------------------ 6 */

/* What came out of the chain when the call said 1 holds all of our close_notify: none of it is left above. */
static void assert_all_left(struct seed *seed)
{
    const size_t left = seed->wire_length + seed_far_holds(seed);
    while (seed_carry_out(seed, SEED_WIRE) > 0)
        ;
    assert_int_equal(seed->wire_length, left);
    seed_assert_closed_once(seed);
    seed_peer_reads(seed);
    assert_int_equal(seed->peer_end, 1);
}

/* How much a hand takes at once: little, so that the call is often in between. */
static size_t handful(const struct seed *seed) { return seed_is_socket(seed) ? 512 : seed_room(seed) / 4 + 1; }

/* Out of the transport until it takes more, or into it. */
static void move_by_hand(struct seed *seed, int error)
{
    if (error == SEED_WANT_WRITE) {
        do
            assert_true(seed_carry_out(seed, handful(seed)) > 0);
        while (!seed_writable(seed));
    } else {
        assert_int_equal(seed_carry_in(seed, 1), 1);
    }
}

static void by_hand(struct seed *seed)
{
    struct seed_outcome outcome;
    for (outcome = asks(seed, 1); seed_wants(outcome); outcome = asks(seed, 1))
        move_by_hand(seed, outcome.error);
    seed_assert(outcome, 1, SEED_NONE);
    assert_all_left(seed);
}

/* A blocking socket below a buffer: the hands are another thread's. */
static void by_other_hands(struct seed *seed)
{
    (void)seed_carry_in(seed, SEED_INBOUND);
    seed_start(seed);
    seed_sees_it_blocked(seed);
    while (seed_walk(seed).close_notifies == 0) {
        seed_await_far(seed);
        assert_true(seed_carry_out(seed, handful(seed)) > 0);
    }
    seed_assert(seed_returned(seed), 1, SEED_NONE);
    assert_all_left(seed);
}

/* "When using a buffering BIO, like a BIO pair, data must be written into or retrieved out of the BIO before being able to
 * continue." The peer has closed already, so 1 can come as soon as ours has left. */
void seed_sentence_6(void **state)
{
    struct seed *const seed = *state;
    seed_connect(seed, 0);
    if (seed->cell->bio != SEED_MEMORY)
        seed_fill(seed);
    seed_peer_closes(seed);
    if (seed_blocks(seed))
        by_other_hands(seed);
    else
        by_hand(seed);
}
