/* SPDX-License-Identifier: MIT */
/* OpenSSL's calls (tlsm_ssl) on both ends, over BIOs that fail as the input says. Byte 0 says how they are: bit 0 the client's contract is the
 * one of a single call, 1 the server's, 2 TLS 1.2, 3 partial writes, 4 tickets, 5 a certificate may be asked for later, 6 read ahead, 7 a
 * quiet client. Then the faults (faulty_pipe.h), then commands: bit 7 whose, the rest which. Signatures of libcrypto are random, so what
 * depends on their length may not come again. */
#include <errno.h>
#include <string.h>

#include "faulty_bio.h"
#include "party.h"
#include "talk.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Numbers of SSL_get_error(3) and SSL_get_shutdown(3). */
enum { ERROR_NONE, ERROR_SSL, ERROR_WANT_READ, ERROR_WANT_WRITE, ERROR_SYSCALL = 5, ERROR_ZERO_RETURN, ERRORS = 12 };
enum { SENT = 1, RECEIVED = 2, BOTH = 3, PIECE = 17000, QUIET = 40 };

struct side {
    struct party *party;
    uint64_t said, heard;        /* what SSL_write said it took; what SSL_read gave */
    size_t pending;              /* a write that was blocked: it is to be repeated, and some of it may have left */
    int honest;                  /* its flags were not set by hand, and it is not quiet */
};
static struct side sides[2];
static const struct party_kind *const ssl = &party_tlsm;

static uint8_t pattern(int who, uint64_t at) { return (uint8_t)(at * 31 + at / 251 * 7 + (unsigned)who * 101); }

static int error_of(int who, int result)
{
    const int error = ssl->get_error(sides[who].party, result);
    talk_must(error >= 0 && error < ERRORS, "an error that is none");
    talk_must(result > 0 ? error == ERROR_NONE : error != ERROR_NONE || result == 0, "an error that is not that of the result");
    return error;
}

/* SSL_get_error says why, and changes nothing. A shutdown that returns 0 is its own reason. */
static void returned(enum adapter_call call, int who, int result)
{
    const int error = result > 0 || (call == ADAPTER_CALLS_SHUTDOWN && result == 0) ? 0 : ssl->get_error(sides[who].party, result);
    (void)adapter_returned(call, error != 0 ? -error : result);
}

/* I1. */
static void heard_all(int who)
{
    const struct side *side = &sides[who], *other = &sides[1 - who];
    talk_must(!other->honest || ssl->get_shutdown(other->party) & SENT, "I1: an end that nobody said");
    talk_must(side->heard >= other->said && side->heard <= other->said + other->pending, "I1: an end before all was heard");
}

static int read_some(int who, size_t most, int peek)
{
    static uint8_t bytes[PIECE];
    struct side *side = &sides[who], *other = &sides[1 - who];
    const int room = (int)(most < sizeof bytes ? most : sizeof bytes);
    int got;
    adapter_begins();
    got = peek ? ssl->peek(side->party, bytes, room) : ssl->read(side->party, bytes, room);
    returned(peek ? ADAPTER_CALLS_PEEK : ADAPTER_CALLS_READ, who, got);
    talk_must(got <= room, "more is read than was asked for");
    for (int i = 0; i < got; i++)
        talk_must(bytes[i] == pattern(1 - who, side->heard + (uint64_t)i), "I2: what is read is not what the other wrote");
    if (got > 0 && !peek)
        side->heard += (uint64_t)got;
    talk_must(side->heard <= other->said + other->pending, "I2: more is read than the other wrote");
    if (got <= 0 && error_of(who, got) == ERROR_ZERO_RETURN && side->honest)
        heard_all(who);
    return got;
}

static void write_some(int who, size_t length)
{
    static uint8_t bytes[PIECE];
    struct side *side = &sides[who];
    int put;
    length = side->pending > 0 ? side->pending : length < sizeof bytes ? length : sizeof bytes;
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern(who, side->said + i);
    side->pending = length;      /* whatever becomes of it, so much may leave */
    adapter_begins();
    put = ssl->write(side->party, bytes, (int)length);
    returned(ADAPTER_CALLS_WRITE, who, put);
    talk_must(put <= (int)length, "more is written than was given");
    if (put <= 0) {
        (void)error_of(who, put);
        return;
    }
    side->said += (uint64_t)put;
    side->pending = 0;
}

/* K3, K4. */
static int shut_down(int who)
{
    struct side *side = &sides[who];
    int done, flags;
    adapter_begins();
    done = ssl->shutdown(side->party);
    returned(ADAPTER_CALLS_SHUTDOWN, who, done);
    flags = ssl->get_shutdown(side->party);
    talk_must(done >= -1 && done <= 1, "K3: a shutdown returns what it never does");
    (void)error_of(who, done);
    talk_must(done != 1 || !side->honest || flags == BOTH, "K3: 1, and not both flags");
    if (done == 1 && side->honest)
        heard_all(who);
    return done;
}

static void command(struct faulty *faulty, uint8_t choice, struct feed *feed)
{
    const int who = choice >> 7;
    struct side *side = &sides[who];
    switch ((choice & 127) % 16) {
    case 0:
        adapter_begins();
        returned(ADAPTER_CALLS_HANDSHAKE, who, ssl->handshake(side->party));
        break;
    case 1: (void)read_some(who, feed_amount(feed), 0); break;
    case 2: (void)read_some(who, feed_amount(feed), 1); break;
    case 3: write_some(who, feed_amount(feed)); break;
    case 4: (void)shut_down(who); break;
    case 5:
        ssl->set_shutdown(side->party, feed_take(feed) & BOTH);
        side->honest = 0;
        break;
    case 6:
        ssl->set_quiet(side->party, feed_take(feed) & 1);
        side->honest = 0;
        break;
    case 7: (void)ssl->key_update(side->party, feed_take(feed) & 1); break;
    case 8: (void)ssl->ask_certificate(side->party, feed_take(feed) & 1); break;
    case 9: (void)ssl->renegotiate(side->party); break;
    case 10: talk_must(ssl->pending(side->party) >= 0, "less than nothing is pending"); break;
    case 11: faulty_command(faulty, who, 1, feed); break;
    case 12: faulty_command(faulty, who, 2, feed); break;
    case 13: faulty_command(faulty, who, 3, feed); break;
    case 14: faulty_command(faulty, who, 4, feed); break;
    default: faulty->faults = feed_split(feed, feed_take(feed)); break;
    }
}

static void begin(struct faulty_end end[2], uint8_t how)
{
    for (int who = 0; who < 2; who++) {
        const struct party_options options = { .server = who, .one_call = how >> who & 1, .older = how >> 2 & 1, .partial_write = how >> 3 & 1,
                                               .tickets = how >> 4 & 1, .late = how >> 5 & 1, .read_ahead = how >> 6 & 1,
                                               .quiet = who == 0 && how >> 7 };
        BIO *const bio = faulty_bio(&end[who]);
        sides[who] = (struct side){ .party = ssl->create(&options), .honest = !options.quiet };
        talk_must(sides[who].party != NULL, "a party is not made");
        ssl->set_bio(sides[who].party, bio, bio);
    }
}

/* Both go on, and close, on a transport that works by now. */
static void finish(void)
{
    for (int turn = 0; turn < QUIET; turn++) {
        int done = 0;
        for (int who = 0; who < 2; who++) {
            while (read_some(who, PIECE, 0) > 0)
                continue;
            if (sides[who].pending > 0)
                write_some(who, 0);
            else
                done += shut_down(who) == 1;
        }
        if (done == 2)
            return;
    }
}

static void place(const struct faulty *faulty)
{
    adapter_place(faulty_sort(faulty));
    for (int who = 0; who < 2; who++) {
        const struct side *side = &sides[who];
        adapter_place((uint64_t)ssl->get_shutdown(side->party) << 8 | (uint64_t)(ssl->connected(side->party) != 0) << 7 | (uint64_t)(side->pending > 0) << 6 |
                      (uint64_t)(ssl->pending(side->party) > 0) << 5 | (uint64_t)(side->heard < sides[1 - who].said) << 4 | (uint64_t)side->honest);
    }
}

#define THREE "\x03\x00\x03\x00\x03\x00"
#define CONNECTED "\x00\x80\x00\x80\x00\x80"
const struct enumeration *adapter_enumeration(void)
{
    static const struct enumeration parties = {
        .head = { ADAPTER_BYTES("\x00"), ADAPTER_BYTES("\x07"), ADAPTER_BYTES("\xc9") },
        .start = { ADAPTER_BYTES("\x00"), ADAPTER_BYTES("\x00\x80"), ADAPTER_BYTES(CONNECTED), ADAPTER_BYTES(CONNECTED "\x03\x0a\x83\x0a"),
                   ADAPTER_BYTES(CONNECTED "\x83\x00\x01\x01"), ADAPTER_BYTES(CONNECTED "\x03\x0a\x04\x81\x01"),
                   ADAPTER_BYTES(CONNECTED THREE THREE THREE "\x03\x00\x03\x00") },
        .faults = 1,
        .both = 1,
        .deep = 1,
        .depth = 2,
        .move = { ADAPTER_BYTES("\x00"), ADAPTER_BYTES("\x01\x00"), ADAPTER_BYTES("\x02\x00"), ADAPTER_BYTES("\x03\x0a"), ADAPTER_BYTES("\x04"),
                  ADAPTER_BYTES("\x05\x02"), ADAPTER_BYTES("\x06\x01"), ADAPTER_BYTES("\x0b"), ADAPTER_BYTES("\x0c"), ADAPTER_BYTES("\x0d\x05\x17\x03\x03\x00\x00"),
                  ADAPTER_BYTES("\x0e\x03") }
    };
    return &parties;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    (void)party_certificate();
    adapter_at_exit();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct faulty faulty;
    struct faulty_end end[2] = { { &faulty, 0 }, { &faulty, 1 } };
    struct feed feed = { data, size };
    const uint8_t how = feed_take(&feed);
    faulty_init(&faulty, &feed);
    begin(end, how);
    for (int steps = 0; steps < TALK_STEPS && feed.left > 0; steps++)
        command(&faulty, feed_take(&feed), &feed);
    place(&faulty);
    faulty.faults.left = 0;
    finish();
    for (int who = 0; who < 2; who++)
        ssl->destroy(sides[who].party);
    return 0;
}
