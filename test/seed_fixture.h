/* SPDX-License-Identifier: MIT */
/* What the tests of the seed's sentences share: a connection of ours, by the seed's contract, over each kind of BIO, and a
 * peer whose bytes are carried by hand, so that a test says when what has come, gone, or been lost.
 *
 *   ours ─ [BIO_f_buffer] ─ socket, pair or memory ═ far end ─ carried ─ memory BIOs ─ peer
 *
 * No wait is a sleep, and each has a deadline. */
#ifndef TLSM_TEST_SEED_FIXTURE_H
#define TLSM_TEST_SEED_FIXTURE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "party.h"

enum { SEED_SENTENCES = 9, SEED_PATIENCE_MS = 10000, SEED_NAME = 160, SEED_BIO_NAME = 40, SEED_RESULT = 400 };

enum seed_bio {
    SEED_BLOCKING, SEED_NON_BLOCKING, SEED_PAIR_1, SEED_PAIR_7, SEED_PAIR_512, SEED_PAIR_17000, SEED_MEMORY, SEED_BIOS
};

/* One cell of the table. */
struct seed_cell {
    int sentence;                      /* 1 to 9 */
    enum seed_bio bio;
    int buffered, server;              /* BIO_f_buffer above it; our role */
    int older;                         /* TLS 1.2, else 1.3 */
    const struct party_kind *peer;
    char name[SEED_NAME];
    char result[SEED_RESULT];          /* what was seen; "" before the test has passed */
};

/* What a call to SSL_shutdown gave. The numbers are OpenSSL's. */
struct seed_outcome {
    int result, error, reason, system, flags;   /* reason: with SEED_SSL; system: errno */
};
enum { SEED_NONE = 0, SEED_SSL = 1, SEED_WANT_READ = 2, SEED_WANT_WRITE = 3, SEED_SYSCALL = 5, SEED_ZERO_RETURN = 6 };
enum { SEED_SENT = 1, SEED_RECEIVED = 2, SEED_BOTH = 3 };

enum { SEED_WIRE = 1 << 17, SEED_INBOUND = 1 << 16 };

struct seed {
    struct seed_cell *cell;
    const struct party_kind *kind, *peer_kind;
    struct party *us, *peer;

    int near_fd, far_fd;               /* sockets, else -1 */
    BIO *near_in, *near_out, *far;     /* ours next to the transport; the pair's other end */
    BIO *top_in;                       /* what ours reads from */
    BIO *peer_in, *peer_out;
    uint8_t inbound[SEED_INBOUND];     /* what the peer said and nobody has carried yet */
    size_t inbound_start, inbound_end;
    uint8_t wire[SEED_WIRE];           /* all that came out of the far end */
    size_t wire_length;
    uint8_t greeting[80];              /* the first bytes that the peer said */
    size_t greeting_length;

    size_t peer_data;                  /* bytes of application data the peer has read */
    int peer_end, peer_failed;         /* its SSL_read said ZERO_RETURN; said anything else but WANT_READ */
    int withhold;                      /* 1: it does not answer our close_notify */
    char secret[512];                  /* its key log's line about the keys we write with */

    struct seed_call {                 /* SSL_shutdown in a thread of its own */
        pthread_t thread;
        int running, event;
        atomic_int task, returned;
        struct seed_outcome outcome;
    } call;
    char seen[SEED_RESULT];            /* returns of SSL_shutdown, the same in a row once */
};

/* Setup and teardown of cmocka; the initial state is the cell. */
int seed_setup(void **state);
int seed_teardown(void **state);
int seed_is_socket(const struct seed *seed);
int seed_blocks(const struct seed *seed);
size_t seed_room(const struct seed *seed);     /* of a pair; 0 others */

/* seed_connect: a new connection, established and quiet: all tickets have come, a byte went each way. `offer`: the last
 * connection's session. seed_part: what was there goes, by SSL_free; the next seed_connect() offers if told so. */
void seed_connect(struct seed *seed, int offer);
void seed_part(struct seed *seed, int offer);
/* seed_renew: new contexts on both sides. */
void seed_renew(struct seed *seed);

/* Bytes by hand: up to `most` out of the far end to the peer, or of what the peer said into the far end. How many. */
size_t seed_carry_out(struct seed *seed, size_t most);
size_t seed_carry_in(struct seed *seed, size_t most);
size_t seed_inbound(struct seed *seed);        /* of what the peer said, still here */
size_t seed_far_holds(struct seed *seed);      /* lies in the transport, on its way from us */
size_t seed_near_holds(struct seed *seed);     /* … on its way to us */
int seed_readable(struct seed *seed);          /* ours could read, could write, now */
int seed_writable(struct seed *seed);
/* The peer reads all it can, and answers a close_notify unless it withholds. */
void seed_peer_reads(struct seed *seed);
void seed_peer_closes(struct seed *seed);
void seed_peer_writes(struct seed *seed, const void *bytes, int length);
/* All of that until nothing moves. How many bytes moved. */
size_t seed_serve(struct seed *seed);
void seed_fill(struct seed *seed);             /* we write until WANT_WRITE */
void seed_hang_up(struct seed *seed);          /* the transport's end, no close_notify */
void seed_break(struct seed *seed);            /* it fails for the next bytes we write */

/* SSL_shutdown, once, here. */
struct seed_outcome seed_shutdown(struct seed *seed);
/* … in a thread; seed_returned() waits for it. */
void seed_start(struct seed *seed);
struct seed_outcome seed_returned(struct seed *seed);
/* Serves while it blocks, or repeats it while action is needed, until it says anything else. */
struct seed_outcome seed_finish(struct seed *seed);
/* The same until the peer has seen our close_notify; it withholds its own. With a blocking BIO the call runs on. */
void seed_until_peer_sees(struct seed *seed);
/* The thread sleeps in the kernel, all that came was read, and the call has not returned: seen, not assumed. */
void seed_sees_it_blocked(struct seed *seed);
/* For a blocking BIO, whose far end can be waited for. */
void seed_await_far(struct seed *seed);

int seed_wants(struct seed_outcome outcome);   /* -1, action needed */
/* For the table: what follows was seen in this scene; and what else was seen in it. */
void seed_scene(struct seed *seed, const char *name);
void seed_saw(struct seed *seed, const char *what);

/* What we wrote, opened with the peer's key log and libcrypto alone. */
struct seed_walked {
    unsigned close_notifies, other_alerts, after, broken;   /* records behind the close_notify; that did not open */
    size_t rest;                                            /* bytes of an unfinished record at the end */
    size_t data;
};
struct seed_walked seed_walk(const struct seed *seed);
/* Exactly one close_notify, whole, the last record, and no other alert. */
void seed_assert_closed_once(const struct seed *seed);

/* The sentences. */
void seed_sentence_1(void **state);
void seed_sentence_2(void **state);
void seed_sentence_3(void **state);
void seed_sentence_4(void **state);
void seed_sentence_5(void **state);
void seed_sentence_6(void **state);
void seed_sentence_7(void **state);
void seed_sentence_8(void **state);
void seed_sentence_9(void **state);

#define seed_assert(call, expected_result, expected_error)    \
    do {                                                      \
        const struct seed_outcome given = (call);             \
        assert_int_equal(given.result, expected_result);      \
        assert_int_equal(given.error, expected_error);        \
    } while (0)

#endif
