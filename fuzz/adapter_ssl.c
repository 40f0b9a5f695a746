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
    const int got = peek ? ssl->peek(side->party, bytes, room) : ssl->read(side->party, bytes, room);
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
    put = ssl->write(side->party, bytes, (int)length);
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
    const int done = ssl->shutdown(side->party), flags = ssl->get_shutdown(side->party);
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
    case 0: (void)ssl->handshake(side->party); break;
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

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    (void)party_certificate();
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
    faulty.faults.left = 0;
    finish();
    for (int who = 0; who < 2; who++)
        ssl->destroy(sides[who].party);
    return 0;
}
