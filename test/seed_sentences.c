/* SPDX-License-Identifier: MIT */
/* The sentences about what is sent, kept, and returned: 1, 2, 7, 8, 9. */
#include "seed_fixture.h"

#include <errno.h>
#include <openssl/sslerr.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ 1 */

/* "It sends the "close notify" shutdown alert to the peer." */
void seed_sentence_1(void **state)
{
    struct seed *const seed = *state;
    seed_connect(seed, 0);
    seed_until_peer_sees(seed);
    assert_true(seed->peer_kind->get_shutdown(seed->peer) & SEED_RECEIVED);
    seed_assert_closed_once(seed);
    seed_assert(seed_finish(seed), 1, SEED_NONE);
    (void)seed_serve(seed);
    seed_assert_closed_once(seed);
}

/* ------------------------------------------------------------------------------------------------ 2 */

static void assert_kept(struct seed *seed)
{
    assert_int_equal(seed->kind->resumable(seed->us), 1);
    assert_true(seed->kind->cached(seed->us) >= 1);
    seed_connect(seed, 1);
    assert_int_equal(seed->kind->reused(seed->us), 1);
    assert_int_equal(seed->peer_kind->reused(seed->peer), 1);
    seed_saw(seed, "then resumed");
}

/* "Whether the operation succeeds or not, the SSL_SENT_SHUTDOWN flag is set and a currently open session is considered
 * closed and good and will be kept in the session cache for further reuse." */
void seed_sentence_2(void **state)
{
    struct seed *const seed = *state;
    struct seed_outcome outcome;
    seed_scene(seed, "it succeeded");
    seed_connect(seed, 0);
    seed_assert(seed_finish(seed), 1, SEED_NONE);
    assert_kept(seed);

    seed_scene(seed, "the transport had ended");
    seed_peer_closes(seed);   /* its own session is kept for its own reasons; we hear nothing of it */
    seed_hang_up(seed);
    seed_assert(seed_finish(seed), 0, SEED_SSL);
    assert_kept(seed);

    seed_scene(seed, "it had died");
    seed_peer_closes(seed);
    seed_break(seed);
    outcome = seed_shutdown(seed);
    assert_int_equal(outcome.result, -1);
    assert_int_equal(outcome.flags, SEED_SENT);
    assert_kept(seed);

    seed_scene(seed, "SSL_free without it");
    seed_renew(seed);
    seed_connect(seed, 0);
    assert_int_equal(seed->kind->cached(seed->us), 1);
    seed_part(seed, 1);
    assert_int_equal(seed->kind->cached(seed->us), 0);
    seed_connect(seed, 1);
    assert_int_equal(seed->kind->reused(seed->us), 0);
    assert_int_equal(seed->peer_kind->reused(seed->peer), 0);
    seed_saw(seed, "not resumed");
}

/* ------------------------------------------------------------------------------------------------ 7 */

static void assert_complete(struct seed *seed)
{
    struct seed_outcome outcome = seed_finish(seed);
    seed_assert(outcome, 1, SEED_NONE);
    assert_int_equal(outcome.flags, SEED_BOTH);
    (void)seed_serve(seed);
    seed_assert_closed_once(seed);
    assert_int_equal(seed->peer_end, 1);
    assert_int_equal(seed->peer_kind->shutdown(seed->peer), 1);
    outcome = seed_shutdown(seed);
    seed_assert(outcome, 1, SEED_NONE);
    assert_int_equal(seed_carry_out(seed, SEED_WIRE), 0);
}

/* "1: The shutdown was successfully completed." Whoever closes first. */
void seed_sentence_7(void **state)
{
    struct seed *const seed = *state;
    uint8_t byte;
    seed_scene(seed, "we close first");
    seed_connect(seed, 0);
    assert_complete(seed);

    seed_scene(seed, "the peer closes first");
    seed_connect(seed, 0);
    seed_peer_closes(seed);
    (void)seed_serve(seed);
    assert_complete(seed);

    seed_scene(seed, "the peer's was read before");
    seed_connect(seed, 0);
    seed_peer_closes(seed);
    (void)seed_serve(seed);
    for (;;) {
        const int got = seed->kind->read(seed->us, &byte, 1), error = seed->kind->get_error(seed->us, got);
        if (error == SEED_ZERO_RETURN)
            break;
        assert_int_equal(error, SEED_WANT_READ);
        assert_true(seed_serve(seed) > 0);
    }
    assert_complete(seed);
}

/* ------------------------------------------------------------------------------------------------ 8 */

/* Some of what the peer said reaches us, and is read by a call that is then not satisfied. */
static void feed(struct seed *seed, size_t bytes)
{
    while (bytes > 0) {
        const size_t fed = seed_carry_in(seed, bytes);
        assert_true(fed > 0);
        bytes -= fed;
        if (!seed_blocks(seed))
            seed_assert(seed_shutdown(seed), -1, SEED_WANT_READ);
    }
}

static void begin(struct seed *seed)
{
    seed->withhold = 1;
    while (!seed_blocks(seed) && seed_shutdown(seed).error == SEED_WANT_WRITE)
        assert_true(seed_serve(seed) > 0);
}

static void assert_unsuccessful(struct seed *seed)
{
    for (int again = 0; again < 2; again++) {
        const struct seed_outcome outcome = seed_finish(seed);
        seed_assert(outcome, 0, SEED_SSL);
        assert_int_equal(outcome.reason, SSL_R_UNEXPECTED_EOF_WHILE_READING);
        assert_int_equal(outcome.flags, SEED_SENT);
    }
    (void)seed_serve(seed);
    assert_int_equal(seed->peer_end, 1);
    seed_assert_closed_once(seed);
}

/* "0: The shutdown was not successful. Call SSL_get_error() with the return value ret to find out the reason." */
void seed_sentence_8(void **state)
{
    struct seed *const seed = *state;
    seed_scene(seed, "the transport had ended");
    seed_connect(seed, 0);
    seed->withhold = 1;
    seed_hang_up(seed);
    assert_unsuccessful(seed);

    seed_scene(seed, "it ends while we wait");
    seed_connect(seed, 0);
    seed_until_peer_sees(seed);
    seed->withhold = 1;
    if (!seed_blocks(seed))
        assert_true(seed_wants(seed_shutdown(seed)));
    seed_hang_up(seed);
    assert_unsuccessful(seed);

    seed_scene(seed, "inside a record");
    seed_connect(seed, 0);
    begin(seed);
    seed_peer_writes(seed, "data", 4);
    assert_true(seed_inbound(seed) > 10);
    feed(seed, 10);
    seed->inbound_end = seed->inbound_start;
    seed_hang_up(seed);
    assert_unsuccessful(seed);
}

/* ------------------------------------------------------------------------------------------------ 9 */

static void protocol_error(struct seed *seed)
{
    seed_scene(seed, "a forged record");
    seed_connect(seed, 0);
    seed_peer_writes(seed, "data", 4);
    assert_true(seed_inbound(seed) > 10);
    seed->inbound[seed->inbound_end - 1] ^= 1;
    seed->withhold = 1;
    for (int again = 0; again < 2; again++) {
        const struct seed_outcome outcome = seed_finish(seed);
        seed_assert(outcome, -1, SEED_SSL);
        assert_int_not_equal(outcome.reason, 0);
        assert_int_equal(outcome.flags, SEED_SENT);
    }
    (void)seed_serve(seed);
    seed_assert_closed_once(seed);   /* ours went first, and nothing answers bad input after it */
}

static void cannot_write(struct seed *seed)
{
    seed_scene(seed, "nothing can be written");
    seed_connect(seed, 0);
    seed_break(seed);
    for (int again = 0; again < 2; again++) {
        const struct seed_outcome outcome = seed_shutdown(seed);
        seed_assert(outcome, -1, SEED_SYSCALL);
        assert_int_equal(outcome.flags, SEED_SENT);
        if (seed_is_socket(seed))
            assert_int_equal(outcome.system, EPIPE);
    }
}

/* A socket whose other end goes without reading is reset. */
static void cannot_read(struct seed *seed)
{
    struct seed_outcome outcome;
    seed_scene(seed, "the connection is reset");
    seed_connect(seed, 0);
    if (seed_blocks(seed)) {
        seed_start(seed);
        seed_await_far(seed);
        seed_break(seed);
        outcome = seed_returned(seed);
    } else {
        seed_assert(seed_shutdown(seed), -1, SEED_WANT_READ);
        seed_break(seed);
        outcome = seed_shutdown(seed);
    }
    seed_assert(outcome, -1, SEED_SYSCALL);
    assert_int_equal(outcome.system, ECONNRESET);
    assert_int_equal(outcome.flags, SEED_SENT);
    seed_assert(seed_shutdown(seed), -1, SEED_SYSCALL);
}

/* K1: the data that came can be read, and the closing goes on. */
static void data_pending(struct seed *seed)
{
    char text[8];
    struct seed_outcome outcome;
    seed_scene(seed, "the peer's data is unread");
    seed_connect(seed, 0);
    seed_peer_writes(seed, "data", 4);
    outcome = seed_finish(seed);
    seed_assert(outcome, -1, SEED_SSL);
    assert_int_equal(outcome.reason, SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY);
    assert_int_equal(seed->kind->read(seed->us, text, sizeof text), 4);
    assert_memory_equal(text, "data", 4);
    seed_assert(seed_finish(seed), 1, SEED_NONE);
}

/* "-1: … a fatal error occurred either at the protocol level or a connection failure occurred. It can also occur of action
 * is need to continue the operation for non-blocking BIOs." */
void seed_sentence_9(void **state)
{
    struct seed *const seed = *state;
    protocol_error(seed);
    cannot_write(seed);
    if (seed_is_socket(seed))
        cannot_read(seed);
    data_pending(seed);
    if (seed_blocks(seed))
        return;
    seed_scene(seed, "action is needed");
    seed_connect(seed, 0);
    begin(seed);
    seed_assert(seed_shutdown(seed), -1, SEED_WANT_READ);
}
