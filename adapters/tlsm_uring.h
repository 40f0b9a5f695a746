/* SPDX-License-Identifier: MIT */
/* A connection over a stream socket, for io_uring: operations are submitted and complete later.
 *
 * The ring and the loop are the caller's:
 *
 *      tlsm_uring_arm(connection, &ring)            what the connection wants from the kernel, as submissions
 *      io_uring_submit_and_wait(&ring, 1)           the caller's; tlsm_uring_timeout() says how long at most
 *      for each cqe: connection = tlsm_uring_of(cqe)     NULL: one of the caller's own
 *          tlsm_uring_complete(connection, cqe)     what the kernel did
 *          tlsm_uring_read(), _write(), _close()    as the application wishes; they never wait
 *          tlsm_uring_arm(connection, &ring)        after them: once a turn is enough
 *
 *  - Sending and receiving are in flight together, at most one of each. Buffers given to the kernel are neither touched nor moved
 *    nor freed before the completion; what is written meanwhile lies elsewhere and follows.
 *  - The user_data of our submissions is the connection's address plus 1..6. The caller's own have 0 or 7 in their lowest three bits.
 *  - An end of the peer's bytes, a failure of receiving and one of sending are three things; after a failed send what the peer
 *    still said is read (G3). Never SIGPIPE.
 *  - A deadline or tlsm_uring_abandon() first calls back what is being sent: the verdict then counts exactly what left. What
 *    completes in spite of having been called back is used.
 *  - tlsm_uring_close() follows the machine's advice (H3): flush, end the sending half, drain, close; or reset.
 *  - One thread uses a connection and its ring. */
#ifndef TLSM_URING_H
#define TLSM_URING_H

#include <liburing.h>

#include "tlsm_link.h"

TLSM_DECLARATIONS_BEGIN

/* Beside enum tlsm_io: the submission queue is full; io_uring_submit(), then repeat tlsm_uring_arm(). */
enum { TLSM_URING_FULL = -64 };

/* The lowest bits of user_data, and bits 1 << n of in_flight. */
enum tlsm_uring_operation {
    TLSM_URING_RECEIVE = 1, TLSM_URING_SEND, TLSM_URING_SHUT, TLSM_URING_CLOSE,
    TLSM_URING_RECALL_RECEIVE, TLSM_URING_RECALL_SEND
};

/* Options; all zero is good. Copied. */
struct tlsm_uring_options {
    struct tlsm_link_options link;
    void *owner;               /* the caller's; comes back as connection->owner */
    uint32_t linger_ms;        /* how long to drain after the connection is final, if no deadline ends it earlier; 0: 2000 */
    uint8_t keep_descriptor;   /* 1: the descriptor stays the caller's: never closed here */
    uint8_t thrifty;           /* 1: who waits between records holds no receive buffer, for one more operation each time */
};

/* Read-only to callers, but for owner. */
struct tlsm_uring {
    struct tlsm_link link;
    void *owner;
    int descriptor;                  /* -1 once closed or released */
    int error;                       /* errno of the transport's first failure; 0 none */
    uint64_t deadline_ms;            /* on CLOCK_MONOTONIC; UINT64_MAX none */
    uint64_t linger_until_ms;        /* UINT64_MAX: not draining */
    uint64_t drained;                /* bytes received and dropped after the end */
    uint32_t linger_ms;
    uint8_t *scratch;                /* what is drained goes here */
    uint8_t in_flight;               /* 1 << enum tlsm_uring_operation: submitted, not completed */
    uint8_t polling;                 /* likewise: the operation only waits until it can be done */
    uint8_t poll_next;               /* likewise: is to begin so */
    uint8_t recalled;                /* likewise: called back */
    uint8_t into_scratch;            /* the receive in flight is one of draining */
    uint8_t expects_nothing;         /* the last receive emptied the socket: do not try, wait */
    uint8_t plain;                   /* this kernel knows no such hints */
    uint8_t keep_descriptor, thrifty;
    uint8_t shut;                    /* our sending half is shut */
    uint8_t ended;                   /* draining: nothing more will come */
    uint8_t strayed;                 /* bytes left after our half had died: only a reset is safe (A9) */
    uint8_t late;                    /* the deadline passed */
    uint8_t abandoning, closing, releasing;
    uint8_t finished;                /* nothing more is to be done to the transport */
};

/* tlsm_uring_new: a connection over a connected socket, client or server by config's role. `options` may be NULL. The descriptor
 * is closed by the connection unless keep_descriptor, or unless NULL (memory) is returned. */
struct tlsm_uring *tlsm_uring_new(const struct tlsm_config *config, int descriptor, const struct tlsm_uring_options *options);

/* tlsm_uring_free: frees all. TLSM_IO_DONE; or WANT_READ: operations are in flight and nothing was freed, for the kernel may
 * still write there: tlsm_uring_abandon(), tlsm_uring_arm(), complete what comes, repeat. A connection that is not final is
 * abandoned, and the transport closed as the advice then says. NULL is fine. */
int tlsm_uring_free(struct tlsm_uring *connection);

/* tlsm_uring_start: begins with the caller's entropy (NULL: getrandom). server_name: client's, may be NULL. */
int tlsm_uring_start(struct tlsm_uring *connection, const struct tlsm_entropy *entropy, const char *server_name);
/* tlsm_uring_begin: the same with all that can be given; entropy NULL: getrandom; now_ms 0: the system's clock. */
int tlsm_uring_begin(struct tlsm_uring *connection, const struct tlsm_start *start);

/* tlsm_uring_deadline: from now, `milliseconds` until the connection is ended as timed_out; -1: no deadline any more. */
int tlsm_uring_deadline(struct tlsm_uring *connection, int milliseconds);
/* tlsm_uring_timeout: milliseconds until tlsm_uring_arm() must be called even if nothing completed; -1: no limit. */
int tlsm_uring_timeout(const struct tlsm_uring *connection);

/* tlsm_uring_arm: puts into the ring what the connection wants from the kernel now, and tells the machine of a deadline that
 * passed. DONE; ENDED: final: call tlsm_uring_close(), then this again; FULL: some of it: submit and repeat; NO_MEMORY: some of
 * it: repeat later, or abandon; REFUSED with link.code TLSM_LIBRARY_FAILED: abandon. */
int tlsm_uring_arm(struct tlsm_uring *connection, struct io_uring *ring);

/* tlsm_uring_of: whose completion it is; NULL: none of ours. */
struct tlsm_uring *tlsm_uring_of(const struct io_uring_cqe *cqe);

/* tlsm_uring_complete: takes a completion in; the caller then marks it as seen. DONE: read, write or close may get on, then arm;
 * WANT_READ: all that was written has left, a receive is in flight: who has nothing more to write need do nothing; WANT_ANSWER; ENDED: final: call tlsm_uring_close(); NO_MEMORY; REFUSED: no such operation was in flight, or TLSM_LIBRARY_FAILED. */
int tlsm_uring_complete(struct tlsm_uring *connection, const struct io_uring_cqe *cqe);

/* tlsm_uring_read, tlsm_uring_write: as tlsm_link_read(), tlsm_link_write(); the handshake runs by itself. What a write sealed leaves
 * with tlsm_uring_arm(). WANT_…: repeat after a completion. */
ptrdiff_t tlsm_uring_read(struct tlsm_uring *connection, void *to, size_t capacity);
ptrdiff_t tlsm_uring_write(struct tlsm_uring *connection, const void *from, size_t length);

/* tlsm_uring_end: ends our half; the peer may go on, and be read. DONE, REFUSED. */
int tlsm_uring_end(struct tlsm_uring *connection);

/* tlsm_uring_close: closes both ways and follows the advice to the end. DONE: `verdict` (may be NULL) is filled, no operation is
 * in flight, the transport is closed (or kept: tlsm_uring_release()). UNREAD: read the peer's data, or tlsm_link_discard(),
 * then repeat. WANT_…: arm, and repeat after a completion or the timeout. */
int tlsm_uring_close(struct tlsm_uring *connection, struct tlsm_verdict *verdict);

/* tlsm_uring_abandon: ends both halves silently, as soon as what is being sent is called back. Then tlsm_uring_close(). */
void tlsm_uring_abandon(struct tlsm_uring *connection);

/* tlsm_uring_release: gives the descriptor back, for a protocol that follows or a process that takes over; the bytes already
 * read are tlsm_link_rest(). DONE: *descriptor is set (-1: it is closed already) and the connection touches it no more;
 * WANT_READ: operations are being called back: arm, and repeat after a completion. */
int tlsm_uring_release(struct tlsm_uring *connection, int *descriptor);

TLSM_DECLARATIONS_END
#endif
