/* SPDX-License-Identifier: MIT */
/* Calls in any order, and SSL_clear() in every state: every result is defined, and the object serves for a good connection
 * afterwards. */
#include "ssl_ends.h"

#include <errno.h>

static struct party *us(const struct ends *ends) { return ends->party[ends->us]; }
static const struct party_kind *calls(const struct ends *ends) { return kind(ends, ends->us); }

/* ------------------------------------------------------------------------------------------------ a good connection */

/* A connection on which everything goes well, in both directions. */
static void live_well(struct ends *ends)
{
    ends_handshake(ends);
    for (int i = 0; i < 3; i++) {
        assert_writes(ends, C, "question");
        assert_reads(ends, V, "question");
        assert_writes(ends, V, "answer");
        assert_reads(ends, C, "answer");
    }
    assert_closes(ends, ends->us);
    assert_reads_end(ends, ends->peer);
    assert_shutdown(ends, ends->peer, 1, SSL_ERROR_NONE);
    assert_shutdown(ends, ends->us, 1, SSL_ERROR_NONE);
    assert_flags(ends, ends->us, BOTH);
    assert_how(ends, ends->us, "clean_both");
    assert_how(ends, ends->peer, "clean_both");
}

/* The object is as new. Its peer is another, and so is the transport. */
static void start_anew(struct ends *ends)
{
    SSL *const ssl = calls(ends)->handle(us(ends));
    assert_int_equal(calls(ends)->clear(us(ends)), 1);
    assert_flags(ends, ends->us, 0);
    assert_int_equal(calls(ends)->pending(us(ends)), 0);
    assert_true(SSL_in_before(ssl));
    assert_int_equal(SSL_want(ssl), SSL_NOTHING);
    assert_string_equal(SSL_tlsm_reason(ssl), "");
    calls(ends)->set_quiet(us(ends), 0);   /* a setting, which stays */
    assert_int_equal(kind(ends, ends->peer)->again(ends->party[ends->peer], 0), 1);
    ends_wire(ends);
    live_well(ends);
}

static void clear_and_live_twice(struct ends *ends)
{
    start_anew(ends);
    start_anew(ends);
}

/* ------------------------------------------------------------------------------------------------ SSL_clear in every state */

static void clear_before_anything(struct ends *ends) { clear_and_live_twice(ends); }

/* After each call of a handshake in turn. */
static void clear_in_the_handshake(struct ends *ends)
{
    for (int steps = 1; steps <= 8; steps++) {
        for (int i = 0; i < steps; i++)
            (void)kind(ends, i & 1)->handshake(ends->party[i & 1]);
        start_anew(ends);
        assert_int_equal(calls(ends)->clear(us(ends)), 1);
        assert_int_equal(kind(ends, ends->peer)->again(ends->party[ends->peer], 0), 1);
        ends_wire(ends);
    }
}

static void clear_when_cancelled(struct ends *ends)
{
    (void)calls(ends)->handshake(us(ends));
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_SSL);
    clear_and_live_twice(ends);
}

static void clear_when_established(struct ends *ends) { clear_and_live_twice(ends); }

static void clear_with_unread_data(struct ends *ends)
{
    char byte;
    assert_writes(ends, ends->peer, "never read");
    assert_int_equal(calls(ends)->peek(us(ends), &byte, 1), 1);
    assert_int_equal(calls(ends)->pending(us(ends)), 10);
    clear_and_live_twice(ends);
}

static void clear_with_half_a_record(struct ends *ends)
{
    assert_writes(ends, ends->peer, "never read");
    lane(ends, ends->peer)->visible = 7;
    assert_read_fails(ends, ends->us, SSL_ERROR_WANT_READ);
    clear_and_live_twice(ends);
}

static void clear_with_half_a_write(struct ends *ends)
{
    lane(ends, ends->us)->room = 10;
    assert_int_equal(calls(ends)->write(us(ends), "never sent", 10), -1);
    clear_and_live_twice(ends);
}

static void clear_with_a_key_update_owed(struct ends *ends)
{
    assert_int_equal(calls(ends)->key_update(us(ends), 1), 1);
    clear_and_live_twice(ends);
}

static void clear_with_a_blocked_close(struct ends *ends)
{
    lane(ends, ends->us)->room = 5;
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_WANT_WRITE);
    clear_and_live_twice(ends);
}

static void clear_when_closed_one_way(struct ends *ends)
{
    assert_closes(ends, ends->us);
    clear_and_live_twice(ends);
}

static void clear_when_the_peer_closed(struct ends *ends)
{
    assert_closes(ends, ends->peer);
    assert_reads_end(ends, ends->us);
    clear_and_live_twice(ends);
}

static void clear_when_closed_both_ways(struct ends *ends)
{
    assert_closes(ends, ends->peer);
    assert_reads_end(ends, ends->us);
    assert_shutdown(ends, ends->us, 1, SSL_ERROR_NONE);
    clear_and_live_twice(ends);
}

static void clear_after_flags(struct ends *ends)
{
    calls(ends)->set_quiet(us(ends), 1);
    assert_shutdown(ends, ends->us, 1, SSL_ERROR_NONE);
    start_anew(ends);
    calls(ends)->set_shutdown(us(ends), BOTH);
    clear_and_live_twice(ends);
}

static void spoil_one_for(struct ends *ends, int side)
{
    assert_writes(ends, !side, "spoiled");
    ends_spoil(ends, !side);
    (void)kind(ends, side)->read(ends->party[side], (char[1]){ 0 }, 1);
}

static void clear_after_a_fatal_alert_of_ours(struct ends *ends)
{
    spoil_one_for(ends, ends->us);
    assert_how(ends, ends->us, "local_alert");
    clear_and_live_twice(ends);
}

static void clear_with_a_fatal_alert_owed(struct ends *ends)
{
    lane(ends, ends->us)->room = 0;
    spoil_one_for(ends, ends->us);
    clear_and_live_twice(ends);
}

static void clear_after_a_fatal_alert_of_theirs(struct ends *ends)
{
    spoil_one_for(ends, ends->peer);
    assert_read_fails(ends, ends->us, SSL_ERROR_SSL);
    assert_how(ends, ends->us, "peer_alert");
    clear_and_live_twice(ends);
}

static void clear_after_an_eof(struct ends *ends)
{
    lane(ends, ends->peer)->ended = 1;
    assert_read_fails(ends, ends->us, SSL_ERROR_SSL);
    clear_and_live_twice(ends);
}

static void clear_after_a_failed_write(struct ends *ends)
{
    lane(ends, ends->us)->refuses = EPIPE;
    ends_write_fails(ends, ends->us, SSL_ERROR_SYSCALL, __FILE__, __LINE__);
    clear_and_live_twice(ends);
}

static void clear_without_a_transport(struct ends *ends)
{
    calls(ends)->set_bio(us(ends), NULL, NULL);
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_SSL);
    clear_and_live_twice(ends);
}

/* ------------------------------------------------------------------------------------------------ any order */

enum { SEEDS = 35, ORDER = 120, PIECE = 100 };

struct order {
    uint64_t random;
    size_t written[ENDS], read[ENDS];
    int flags;                /* of us, as last seen: they stay */
    int preset;               /* flags were set by hand: an end may be said that is none */
};

static unsigned draw(struct order *order, unsigned below)
{
    order->random ^= order->random << 13;
    order->random ^= order->random >> 7;
    order->random ^= order->random << 17;
    return (unsigned)(order->random >> 33) % below;
}

static uint8_t pattern(size_t at) { return (uint8_t)(at * 11 + at / 256); }

/* What may be said after a call of ours. */
static void judge(struct ends *ends, int result)
{
    SSL *const ssl = calls(ends)->handle(us(ends));
    const int error = calls(ends)->get_error(us(ends), result);
    assert_true((result > 0) == (error == SSL_ERROR_NONE) || result == 0);
    switch (error) {
    case SSL_ERROR_NONE:
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
    case SSL_ERROR_ZERO_RETURN:
        assert_int_equal(ERR_peek_error(), 0);
        break;
    case SSL_ERROR_SYSCALL:
        assert_int_equal(ERR_peek_error(), 0);
        assert_string_not_equal(SSL_tlsm_reason(ssl), "");
        break;
    case SSL_ERROR_SSL:
        assert_int_equal(ERR_GET_LIB(ERR_peek_error()), ERR_LIB_SSL);
        assert_string_not_equal(SSL_tlsm_reason(ssl), "");
        break;
    default:
        fail_msg("SSL_get_error() gave %d", error);
    }
    assert_int_equal(calls(ends)->get_error(us(ends), result), error);   /* asking changes nothing */
}

static int ordered_read(struct ends *ends, struct order *order, int side, int keep)
{
    uint8_t bytes[64];
    const int room = 1 + (int)draw(order, sizeof bytes);
    const int result = (keep ? kind(ends, side)->peek : kind(ends, side)->read)(ends->party[side], bytes, room);
    assert_true(result >= -1 && result <= room);
    for (int i = 0; i < result; i++)
        assert_int_equal(bytes[i], pattern(order->read[side] + (size_t)i));
    order->read[side] += result > 0 && !keep ? (size_t)result : 0;
    return result;
}

static int ordered_write(struct ends *ends, struct order *order, int side)
{
    uint8_t bytes[PIECE];
    int result;
    for (size_t i = 0; i < PIECE; i++)
        bytes[i] = pattern(order->written[side] + i);
    result = kind(ends, side)->write(ends->party[side], bytes, PIECE);
    assert_true(result == PIECE || result == -1 || (!is_ours(ends, side) && result == 0));
    order->written[side] += result > 0 ? PIECE : 0;
    return result;
}

static void call(struct ends *ends, struct order *order)
{
    const struct party_kind *const ours = calls(ends);
    switch (draw(order, 12)) {
    case 0: case 1: case 2: judge(ends, ours->handshake(us(ends))); break;
    case 3: case 4: judge(ends, ordered_read(ends, order, ends->us, 0)); break;
    case 5: judge(ends, ordered_read(ends, order, ends->us, 1)); break;
    case 6: case 7: judge(ends, ordered_write(ends, order, ends->us)); break;
    case 8: judge(ends, ours->shutdown(us(ends))); break;
    case 9: judge(ends, ours->key_update(us(ends), (int)draw(order, 2))); break;
    case 10: assert_true(ours->pending(us(ends)) >= 0 && ours->resumable(us(ends)) <= 1 && ours->reused(us(ends)) <= 1); break;
    default:
        if (draw(order, 8) == 0) {
            order->preset = 1;
            ours->set_shutdown(us(ends), (int)draw(order, 4));
        }
        break;
    }
    assert_int_equal(ours->get_shutdown(us(ends)) & order->flags, order->flags);
    /* What was tried before the connection began is forgotten when it begins. */
    order->flags = order->preset || SSL_in_before(ours->handle(us(ends))) ? 0 : ours->get_shutdown(us(ends));
}

static void call_of_peer(struct ends *ends, struct order *order)
{
    const struct party_kind *const theirs = kind(ends, ends->peer);
    struct party *const peer = ends->party[ends->peer];
    switch (draw(order, 8)) {
    case 0: case 1: case 2: (void)theirs->handshake(peer); break;
    case 3: case 4: (void)ordered_read(ends, order, ends->peer, 0); break;
    case 5: (void)ordered_write(ends, order, ends->peer); break;
    case 6: (void)theirs->key_update(peer, (int)draw(order, 2)); break;
    default:
        if (draw(order, 3) == 0)
            (void)theirs->shutdown(peer);
        break;
    }
}

/* Mostly a lane that is full or empty for a while; now and then one that is spoiled or gone. */
static void accident(struct ends *ends, struct order *order)
{
    struct wire_lane *const hit = lane(ends, (int)draw(order, 2));
    switch (draw(order, 48)) {
    case 0: hit->ended = 1; break;
    case 1: hit->refuses = EPIPE; break;
    case 2: hit->bytes[0] ^= hit->length > 0; break;
    default:
        hit->room = draw(order, 3) == 0 ? draw(order, 200) : WIRE_ANY;
        hit->visible = draw(order, 3) == 0 ? draw(order, 200) : WIRE_ANY;
        break;
    }
}

/* One number decides everything. 1: the handshake came through. */
static int one_order(struct ends *ends, unsigned seed)
{
    int connected = 0;
    struct order order = { .random = 0x9e3779b97f4a7c15u * (seed + 1) };
    for (int i = 0; i < ORDER; i++) {
        const unsigned which = draw(&order, 16);
        if (which < 7)
            call(ends, &order);
        else if (which < 13)
            call_of_peer(ends, &order);
        else
            accident(ends, &order);
        connected |= calls(ends)->connected(us(ends));
    }
    return connected;
}

static void calls_in_any_order(struct ends *ends)
{
    int connected = 0;
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        connected += one_order(ends, seed);
        start_anew(ends);
        assert_int_equal(calls(ends)->clear(us(ends)), 1);
        assert_int_equal(kind(ends, ends->peer)->again(ends->party[ends->peer], 0), 1);
        ends_wire(ends);
    }
    assert_true(connected > SEEDS / 3);   /* else the orders are mostly about nothing */
}

int main(void)
{
    static const struct ends_script scripts[] = {
        SCRIPT_OF_HANDSHAKE(clear_before_anything, PLAY_US),
        SCRIPT_OF_HANDSHAKE(clear_in_the_handshake, PLAY_US),
        SCRIPT_OF_HANDSHAKE(clear_when_cancelled, PLAY_US),
        SCRIPT_OF_HANDSHAKE(clear_without_a_transport, PLAY_US),
        SCRIPT(clear_when_established, PLAY_US),
        SCRIPT(clear_with_unread_data, PLAY_US),
        SCRIPT(clear_with_half_a_record, PLAY_US),
        SCRIPT(clear_with_half_a_write, PLAY_US),
        SCRIPT_OF(clear_with_a_key_update_owed, PLAY_US, NEWER),
        SCRIPT(clear_with_a_blocked_close, PLAY_US),
        SCRIPT(clear_when_closed_one_way, PLAY_US),
        SCRIPT(clear_when_the_peer_closed, PLAY_US),
        SCRIPT(clear_when_closed_both_ways, PLAY_US),
        SCRIPT(clear_after_flags, PLAY_US),
        SCRIPT(clear_after_a_fatal_alert_of_ours, PLAY_US),
        SCRIPT(clear_with_a_fatal_alert_owed, PLAY_US),
        SCRIPT(clear_after_a_fatal_alert_of_theirs, PLAY_US),
        SCRIPT(clear_after_an_eof, PLAY_US),
        SCRIPT(clear_after_a_failed_write, PLAY_US),
        SCRIPT_OF_HANDSHAKE(calls_in_any_order, PLAY_US),
    };
    return ends_play(scripts, sizeof scripts / sizeof scripts[0]);
}
