/* SPDX-License-Identifier: MIT */
/* A BIO that fails, moves one byte, has to be asked again, is stuck, or ends, at its nth read or write, for every n of a whole
 * connection: handshake, data in both directions, shutdown. What passes changes nothing; what kills is named, and never
 * looks like an end. */
#include "ssl_ends.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TOTAL = 20301 };
static const size_t piece[] = { 1, 300, 20000 };

enum phase { SHAKE, TALK, CLOSE, DONE, FAILED };

struct life {
    enum phase phase;
    size_t written, read;
    unsigned wanted;          /* WANT_… that the last step met, as bits */
    int error, reason, saved_errno;   /* of the call that failed */
    int returned;
};

static uint8_t pattern(int side, size_t at) { return (uint8_t)(at * 7 + at / 256 + (size_t)side); }

/* ------------------------------------------------------------------------------------------------ a life, in steps */

/* 1: the call has to be repeated later. 0: it failed. */
static int blocked(struct ends *ends, struct life *life, int side, int result)
{
    const int saved = errno, error = kind(ends, side)->get_error(ends->party[side], result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        assert_int_equal(result, -1);
        life->wanted |= 1u << error;
        return 1;
    }
    life->phase = FAILED;
    life->error = error;
    life->reason = ends_reason();
    life->saved_errno = saved;
    life->returned = result;
    return 0;
}

static int shake(struct ends *ends, struct life *life, int side)
{
    const int result = kind(ends, side)->handshake(ends->party[side]);
    if (result != 1)
        return !blocked(ends, life, side, result);
    life->phase = TALK;
    return 1;
}

static size_t left_of_piece(size_t written)
{
    size_t end = 0;
    for (size_t i = 0; i < sizeof piece / sizeof piece[0]; i++) {
        end += piece[i];
        if (written < end)
            return end - written;
    }
    return 0;
}

static int say(struct ends *ends, struct life *life, int side)
{
    static uint8_t bytes[TOTAL];
    const size_t length = left_of_piece(life->written);
    int result;
    if (length == 0)
        return 0;
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern(side, life->written + i);
    result = kind(ends, side)->write(ends->party[side], bytes, (int)length);
    if (result <= 0)
        return !blocked(ends, life, side, result);
    assert_int_equal(result, length);
    life->written += length;
    return 1;
}

static int hear(struct ends *ends, struct life *life, int side)
{
    uint8_t bytes[4096];
    int result;
    if (life->phase == FAILED || life->read == TOTAL)
        return 0;
    result = kind(ends, side)->read(ends->party[side], bytes, sizeof bytes);
    if (result <= 0)
        return !blocked(ends, life, side, result);
    for (int i = 0; i < result; i++)
        assert_int_equal(bytes[i], pattern(!side, life->read + (size_t)i));
    life->read += (size_t)result;
    return 1;
}

static int talk(struct ends *ends, struct life *life, int side)
{
    const int said = say(ends, life, side), heard = hear(ends, life, side);
    if (life->phase == TALK && life->written == TOTAL && life->read == TOTAL)
        life->phase = CLOSE;
    return said || heard;
}

static int finish(struct ends *ends, struct life *life, int side)
{
    const int result = kind(ends, side)->shutdown(ends->party[side]);
    if (result == 0 && !one_call(ends, side))
        return 1;
    if (result != 1)
        return !blocked(ends, life, side, result);
    life->phase = DONE;
    return 1;
}

static int step(struct ends *ends, struct life *life, int side)
{
    life->wanted = 0;
    switch (life->phase) {
    case SHAKE: return shake(ends, life, side);
    case TALK: return talk(ends, life, side);
    case CLOSE: return finish(ends, life, side);
    case DONE: case FAILED: break;
    }
    return 0;
}

static int over(const struct life *life) { return life->phase == DONE || life->phase == FAILED; }

/* ------------------------------------------------------------------------------------------------ afterwards */

/* A connection that failed is still an object: every call has a defined result, and an end is only what is one. */
static void poke(struct ends *ends, struct life *life, int side)
{
    struct party *const party = ends->party[side];
    const struct party_kind *const calls = kind(ends, side);
    uint8_t byte;
    for (int i = 0; i < 3; i++) {
        int result = calls->read(party, &byte, 1);
        assert_true(result <= 1);
        if (calls->get_error(party, result) == SSL_ERROR_ZERO_RETURN)
            assert_int_equal(life->read, TOTAL);   /* B10: ours could not be sent, theirs is complete */
        life->read += result == 1;
        byte = pattern(side, life->written);
        result = calls->write(party, &byte, 1);
        assert_true(result == 1 || calls->get_error(party, result) != SSL_ERROR_NONE);
        life->written += result == 1;
        result = calls->shutdown(party);
        assert_true(result == 0 || result == -1);
        assert_int_not_equal(calls->get_error(party, result), SSL_ERROR_NONE);
        assert_true(calls->get_shutdown(party) & SENT);
        assert_true(calls->handshake(party) <= 1);
    }
}

/* The transport goes with the side that is over. */
static void leave(struct ends *ends, struct life *life, int side)
{
    if (lane(ends, side)->ended || !over(&life[side]))
        return;
    if (life[side].phase == FAILED && side == ends->us)
        poke(ends, &life[side], side);
    ends_cut(ends, side);
}

static void live(struct ends *ends, struct life *life)
{
    struct wire_fault *const fault = &ends->wire->end[ends->us].fault;
    int idle = 0;
    while (!over(&life[C]) || !over(&life[V])) {
        const int moved_c = step(ends, &life[C], C), moved_v = step(ends, &life[V], V);
        leave(ends, life, C);
        leave(ends, life, V);
        idle = moved_c || moved_v ? 0 : idle + 1;
        if (idle == 3 && fault->trouble == WIRE_STUCK && fault->hit) {
            assert_true(life[ends->us].wanted & 1u << (fault->writing ? SSL_ERROR_WANT_WRITE : SSL_ERROR_WANT_READ));
            wire_heal(ends->wire);
        }
        assert_true(idle < 6);   /* both wait for each other, for ever */
    }
}

/* ------------------------------------------------------------------------------------------------ what must hold */

static void assert_nothing_happened(struct ends *ends, const struct life *life)
{
    for (int side = 0; side < ENDS; side++) {
        assert_int_equal(life[side].phase, DONE);
        assert_int_equal(life[side].read, TOTAL);
        assert_how(ends, side, "clean_both");
    }
}

static void assert_named(const struct life *life, const struct wire_fault *fault)
{
    assert_int_equal(life->phase, FAILED);
    if (fault->trouble == WIRE_EOF && !fault->writing) {
        assert_int_equal(life->error, SSL_ERROR_SSL);
        assert_int_equal(life->reason, SSL_R_UNEXPECTED_EOF_WHILE_READING);
        return;
    }
    assert_int_equal(life->error, SSL_ERROR_SYSCALL);
    assert_int_equal(life->returned, -1);
    assert_int_equal(life->saved_errno, fault->trouble != WIRE_FAIL ? 0 : fault->writing ? EPIPE : ECONNRESET);
}

/* The truth about what arrived: clean only if all of it did that the other side said before it closed. */
static void assert_honest(struct ends *ends, const struct life *life, int side)
{
    if (is_ours(ends, side) && strncmp(ends_how(ends, side), "clean", 5) == 0)
        assert_int_equal(life[side].read, life[!side].written);
    if (life[side].phase == DONE)
        assert_int_equal(life[side].read, TOTAL);
}

static int passes(enum wire_trouble trouble) { return trouble == WIRE_SHORT || trouble == WIRE_RETRY || trouble == WIRE_STUCK; }

/* One connection. 1: the fault struck. */
static int try(struct ends *ends, enum wire_trouble trouble, int writing, unsigned nth)
{
    struct life life[ENDS];
    struct wire_fault fault = { trouble, writing, nth, 0, 0 };
    memset(life, 0, sizeof life);
    for (int side = 0; side < ENDS; side++)
        assert_int_equal(kind(ends, side)->again(ends->party[side], 0), 1);
    ends_wire(ends);
    ends->wire->end[ends->us].fault = fault;
    live(ends, life);
    fault.hit = ends->wire->end[ends->us].fault.hit;
    if (!fault.hit || passes(trouble))
        assert_nothing_happened(ends, life);
    else
        assert_named(&life[ends->us], &fault);
    assert_honest(ends, life, C);
    assert_honest(ends, life, V);
    return fault.hit;
}

static void sweep(struct ends *ends, enum wire_trouble trouble)
{
    for (int writing = 0; writing < 2; writing++) {
        unsigned nth = 0;
        while (try(ends, trouble, writing, nth))
            nth++;
        assert_true(nth >= (writing ? 6u : 17u));   /* every record is read in two calls */
    }
}

static void a_call_fails(struct ends *ends) { sweep(ends, WIRE_FAIL); }
static void a_call_fails_without_errno(struct ends *ends) { sweep(ends, WIRE_SILENT); }
static void a_call_meets_the_end(struct ends *ends) { sweep(ends, WIRE_EOF); }
static void a_call_moves_one_byte(struct ends *ends) { sweep(ends, WIRE_SHORT); }
static void a_call_has_to_be_repeated(struct ends *ends) { sweep(ends, WIRE_RETRY); }
static void all_calls_have_to_be_repeated_for_ever(struct ends *ends) { sweep(ends, WIRE_STUCK); }

/* ------------------------------------------------------------------------------------------------ a send in the handshake */

static void assert_handshake_fails(struct ends *ends, int error, int number)
{
    const int result = kind(ends, ends->us)->handshake(ends->party[ends->us]), saved = errno;
    assert_int_equal(result, -1);
    assert_int_equal(kind(ends, ends->us)->get_error(ends->party[ends->us], result), error);
    assert_int_equal(error == SSL_ERROR_SYSCALL ? saved : ends_reason(), number);
}

/* Ours did not get out, so nobody will answer it: waiting would be for ever. But what the peer does say is heard (G3). */
static void a_failed_send_in_the_handshake_is_not_waited_for(struct ends *ends)
{
    static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, SSL_AD_HANDSHAKE_FAILURE };
    if (ends->us == V)
        assert_int_equal(kind(ends, C)->handshake(ends->party[C]), -1);
    lane(ends, ends->us)->refuses = EPIPE;
    for (int i = 0; i < 3; i++)
        assert_handshake_fails(ends, SSL_ERROR_SYSCALL, EPIPE);
    memcpy(lane(ends, ends->peer)->bytes, alert, sizeof alert);
    lane(ends, ends->peer)->length = sizeof alert;
    assert_handshake_fails(ends, SSL_ERROR_SSL, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
    assert_how(ends, ends->us, "handshake_failed");
}

/* Nor where reading would block: a blocking socket whose peer reads no more and says nothing. */
static void a_failed_send_in_the_handshake_does_not_block(struct ends *ends)
{
    int descriptor[ENDS];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptor), 0);
    assert_int_equal(kind(ends, ends->us)->set_fd(ends->party[ends->us], descriptor[ends->us]), 1);
    assert_int_equal(shutdown(descriptor[ends->peer], SHUT_RD), 0);
    assert_handshake_fails(ends, SSL_ERROR_SYSCALL, EPIPE);
    assert_handshake_fails(ends, SSL_ERROR_SYSCALL, EPIPE);
    assert_int_equal(close(descriptor[C]) + close(descriptor[V]), 0);
}

int main(void)
{
    static const struct ends_script scripts[] = {
        SCRIPT(a_call_fails, PLAY_US),
        SCRIPT_OF(a_call_fails_without_errno, PLAY_US, NEWER),
        SCRIPT(a_call_meets_the_end, PLAY_US),
        SCRIPT(a_call_moves_one_byte, PLAY_US),
        SCRIPT_OF(a_call_has_to_be_repeated, PLAY_US, NEWER),
        SCRIPT(all_calls_have_to_be_repeated_for_ever, PLAY_US),
        SCRIPT_OF_HANDSHAKE(a_failed_send_in_the_handshake_is_not_waited_for, PLAY_US),
        SCRIPT_OF_HANDSHAKE(a_failed_send_in_the_handshake_does_not_block, PLAY_US_AS_C),
    };
    return ends_play(scripts, sizeof scripts / sizeof scripts[0]);
}
