/* SPDX-License-Identifier: MIT */
/* What every adapter shares: one connection's state block, the bytes around it, and the loop "ask needs, move bytes, step".
 *
 * A link makes no system call and knows no transport. It owns
 *   the state      a block that grows by copying while the handshake asks for room, and shrinks to TLSM_ESTABLISHED_MAX
 *   in             bytes received and not consumed; records are opened in place, so unread plaintext lies here too
 *   out            bytes produced and not taken by the transport
 * and allocates `in` and `out` only while something is in them: an idle connection holds its state and nothing else.
 * A link holds no unsealed data of the application: what a write accepted is sealed (A8).
 *
 * The second half of this file drives a link over a transport: a pair of functions that move bytes. tlsm_memory, tlsm_bio
 * and tlsm_socket are such transports. Nothing here decides anything about TLS: the machine's needs, codes and advice do. */
#ifndef TLSM_LINK_H
#define TLSM_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "tlsm.h"

TLSM_DECLARATIONS_BEGIN

/* What the calls of all adapters return. Reads and writes return a count of bytes when positive. */
enum tlsm_io {
    TLSM_IO_DONE = 1,          /* handshake, flush, close: it is done. Read the verdict after close */
    TLSM_IO_END = 0,           /* read: the end of the data, vouched for by the peer's authenticated close_notify; never for a truncation */
    TLSM_IO_WANT_READ = -1,    /* wait until the transport can be read, then repeat the call */
    TLSM_IO_WANT_WRITE = -2,   /* wait until the transport can be written, then repeat the call */
    TLSM_IO_WANT_ANSWER = -3,  /* tlsm_link_request() says what is asked; tlsm_link_answer(), then repeat the call */
    TLSM_IO_ENDED = -4,        /* this half, or the connection, is over, and not by the clean end of the data: read the verdict */
    TLSM_IO_REFUSED = -5,      /* link.code says why; nothing changed */
    TLSM_IO_UNREAD = -6,       /* close: the peer's data has come and is unread: read it (or discard it), then repeat (B2, K1) */
    TLSM_IO_NO_MEMORY = -7     /* allocation failed, or the state would pass its limit; repeat, or abandon */
};

/* Hooks, all optional, all called on the caller's thread from inside the adapter's calls, never from inside the machine. */
struct tlsm_hooks {
    /* answer: answers the open request (sign, judge, choose a credential; see tlsm_request()). Fills *answer, whose id is set
     * already and whose signature lies in memory of the context, and returns its kind; or returns 0: not yet, and the call
     * returns TLSM_IO_WANT_ANSWER, to be repeated. NULL: always "not yet". tlsm_libcrypto_answer() is one. */
    int (*answer)(void *context, const struct tlsm_config *config, const struct tlsm_state *state,
                  struct tlsm_answer *answer);
    /* ticket: a session the caller may keep; `session` is good for the call alone. */
    void (*ticket)(void *context, const struct tlsm_state *state, const struct tlsm_session *session);
    /* issued: server: the session of a ticket that was just made; `session` is good for the call alone. With
     * TLSM_ASK_SESSION_BIT this is the moment to keep it, under session->ticket. */
    void (*issued)(void *context, const struct tlsm_state *state, const struct tlsm_session *session);
    /* keys: new secrets exist (a key log reads them with tlsm_secret()). */
    void (*keys)(void *context, const struct tlsm_state *state);
    /* stepped: a step was taken: for a trace. `state` is as it is after the step; out->cell names the rows that were taken. */
    void (*stepped)(void *context, const struct tlsm_state *state, const struct tlsm_in *in, enum tlsm_code code,
                    const struct tlsm_out *out);
    void *context;
};

/* Options; all zero is good. Copied. */
struct tlsm_link_options {
    struct tlsm_hooks hooks;
    void *block;               /* caller's memory for the state, aligned as malloc's; NULL: allocated */
    size_t block_capacity;     /* at least TLSM_ESTABLISHED_MAX */
    size_t state_limit;        /* largest state block; 0: 262144; block_capacity: the caller's block is never left */
    size_t out_limit;          /* no more is sealed while so many produced bytes are not taken; 0: 32768 */
    uint8_t exact;             /* 1: never receive past the end of a record, so that the transport's own readiness tells the
                                * caller whether more has come (as settings.keep_transport does, without its advice) */
    uint8_t warm;              /* 1: the receive buffer, once there, stays between records: 17 kB a connection, for some speed */
};

struct tlsm_buffer {
    uint8_t *data;             /* NULL while nothing is in it */
    size_t capacity, start, end;
};

/* Read-only to callers, but for the functions below. */
struct tlsm_link {
    struct tlsm_config config;
    struct tlsm_hooks hooks;
    struct tlsm_state *state;
    size_t state_capacity, state_limit, out_limit;
    void *caller_block;
    size_t caller_capacity;
    struct tlsm_buffer in, out;
    struct tlsm_buffer behind;       /* produced while the transport holds `out`; follows it */
    size_t plain_at, plain_length;   /* unread plaintext inside `in` */
    size_t dirty;                    /* `in` may hold plaintext below this offset */
    size_t input_needed;             /* further bytes before the machine can go on */
    uint64_t received;               /* bytes from the transport */
    uint64_t plain_discarded;        /* plaintext that tlsm_link_discard() dropped; not in the machine's count */
    uint32_t news;                   /* enum tlsm_news bits since tlsm_link_news() */
    enum tlsm_code code;             /* of the last step */
    uint8_t transport_end;           /* enum tlsm_transport_end, not yet told to the machine */
    uint8_t vouch, exact, warm;
    uint8_t held;                    /* enum tlsm_want bits: what the transport holds */
    uint8_t violation;               /* what the peer did wrong, as the step that ended it said: out.violation; 0 nothing */
};
enum tlsm_transport_end { TLSM_TRANSPORT_RUNS, TLSM_TRANSPORT_EOF, TLSM_TRANSPORT_FAILED };

/* tlsm_link_init: makes a link that was not started. `config` is copied; its settings and provider outlive the link.
 * `options` may be NULL. TLSM_IO_DONE, TLSM_IO_NO_MEMORY, or TLSM_IO_REFUSED (a block too small). */
int tlsm_link_init(struct tlsm_link *link, const struct tlsm_config *config, const struct tlsm_link_options *options);

/* tlsm_link_free: wipes state, keys and plaintext, frees what the link allocated. Legal at any time, also twice, but not while
 * the transport holds something. */
void tlsm_link_free(struct tlsm_link *link);

/* tlsm_link_start: begins. `entropy` from a cryptographic source; server_name: client's, may be NULL (then no name is
 * asked for or checked). TLSM_IO_DONE, _REFUSED, _NO_MEMORY. */
int tlsm_link_start(struct tlsm_link *link, const struct tlsm_entropy *entropy, const char *server_name);

/* How a connection begins. All but entropy may be zero. */
struct tlsm_start {
    const struct tlsm_entropy *entropy;     /* from a cryptographic source */
    const char *server_name;                /* client's; NULL: no name is asked for or checked */
    const struct tlsm_session *session;     /* client's; offered if it can be used, else silently not */
    uint64_t now_ms;                        /* unix milliseconds; 0: not known, and there is no resumption */
};
/* tlsm_link_begin: as tlsm_link_start(), with all that can be given. */
int tlsm_link_begin(struct tlsm_link *link, const struct tlsm_start *start);

/* tlsm_link_run: steps until nothing more can happen without the transport, the application or an answer: opens received
 * records up to the first that brings plaintext, makes what is owed, asks the hooks. Unread plaintext stops it: the rest
 * comes after it is read. TLSM_IO_DONE, _WANT_ANSWER, _NO_MEMORY, _REFUSED (TLSM_LIBRARY_FAILED). */
int tlsm_link_run(struct tlsm_link *link);

/* ---- towards the transport */

/* tlsm_link_room: where received bytes go; capacity 0: nothing may be received now (plaintext is unread, an answer is
 * missing, the peer's half has ended), or memory is short although tlsm_link_wants() says read. Never past the end of a
 * record when settings.keep_transport is set (C4). Good until the next call on the link. */
struct tlsm_span tlsm_link_room(struct tlsm_link *link);
/* tlsm_link_received: `count` bytes were put into the room. */
void tlsm_link_received(struct tlsm_link *link, size_t count);
/* tlsm_link_feed: copies bytes in, as much as tlsm_link_room() allows. Returns how many. */
size_t tlsm_link_feed(struct tlsm_link *link, const void *bytes, size_t count);
/* tlsm_link_pending: produced bytes the transport has not taken. Good until the next call on the link. */
struct tlsm_bytes tlsm_link_pending(const struct tlsm_link *link);
/* tlsm_link_sent: the transport took `count` of them. TLSM_IO_DONE or TLSM_IO_REFUSED. */
int tlsm_link_sent(struct tlsm_link *link, size_t count);
/* tlsm_link_eof, tlsm_link_receive_failed: the transport ended. The machine hears of it when all that was received before is
 * consumed and read (T3), and a request that is open is answered (T2). Repeat is harmless. */
void tlsm_link_eof(struct tlsm_link *link);
void tlsm_link_receive_failed(struct tlsm_link *link);
/* tlsm_link_send_failed: the transport takes no more; goes to the machine at once. Go on reading (G3, I12). */
int tlsm_link_send_failed(struct tlsm_link *link);
/* tlsm_link_wants: what the transport should be watched for now, enum tlsm_want bits. */
unsigned tlsm_link_wants(const struct tlsm_link *link);
enum tlsm_want { TLSM_WANT_READ = 1, TLSM_WANT_WRITE = 2, TLSM_WANT_ANSWER = 4 };
/* tlsm_link_rest: received bytes that the machine left untouched: what follows the peer's close_notify (C4). */
struct tlsm_bytes tlsm_link_rest(const struct tlsm_link *link);
/* tlsm_link_rest_taken: the caller took `count` of the rest. */
void tlsm_link_rest_taken(struct tlsm_link *link, size_t count);
/* tlsm_link_idle: frees buffers that are empty. Adapters call it before they wait. */
void tlsm_link_idle(struct tlsm_link *link);

/* For a transport that keeps the memory it is given until it reports (io_uring, libuv, IOCP):
 * tlsm_link_hold: TLSM_WANT_READ: what tlsm_link_room() gave; TLSM_WANT_WRITE: what tlsm_link_pending() showed. From now on it is
 * neither moved, written, freed nor reused, whatever else is called, but for tlsm_link_free(), which waits for the report.
 * What is produced meanwhile lies elsewhere and is shown when all that is held was sent. */
void tlsm_link_hold(struct tlsm_link *link, unsigned what);
/* tlsm_link_let_go: the transport reported: call this first, then tlsm_link_received(), tlsm_link_sent() or what else it said. */
void tlsm_link_let_go(struct tlsm_link *link, unsigned what);

/* ---- towards the application. The commands return TLSM_IO_DONE, or _REFUSED with link.code */

/* tlsm_link_unread: bytes of plaintext that lie here. */
size_t tlsm_link_unread(const struct tlsm_link *link);
/* tlsm_link_peek: the unread plaintext itself; good until the next call on the link. */
struct tlsm_bytes tlsm_link_peek(const struct tlsm_link *link);
/* tlsm_link_copy: copies up to `capacity` bytes of it and leaves it unread. Returns how many. */
size_t tlsm_link_copy(const struct tlsm_link *link, void *to, size_t capacity);
/* tlsm_link_take: copies up to `capacity` bytes of it out. The buffer is wiped when it empties. Returns how many. */
size_t tlsm_link_take(struct tlsm_link *link, void *to, size_t capacity);
/* tlsm_link_discard: drops all unread plaintext and counts it in link.plain_discarded. Returns how much. */
size_t tlsm_link_discard(struct tlsm_link *link);
/* tlsm_link_seal: makes records of up to `length` bytes, until out_limit. Returns how many bytes are sealed; 0 for a length
 * of 0; TLSM_IO_WANT_WRITE when `out` is full, _WANT_ANSWER (a client that answers a request for its certificate), _REFUSED, _ENDED (our half is over), _NO_MEMORY. */
ptrdiff_t tlsm_link_seal(struct tlsm_link *link, const void *bytes, size_t length);
/* Early data (RFC 9846 §8), with settings.early_data, or early_max on a server. Whoever saw it can send it to other servers, or
 * again: only for what does no harm twice.
 * tlsm_link_seal_early: client: as tlsm_link_seal(), from the start until the server's Finished; never more than
 * tlsm_link_early_room(). REFUSED with TLSM_NO_EARLY_DATA: none (more) can be written: go on with the handshake.
 * tlsm_link_early: enum tlsm_early: what became of it. Client, once connected: REJECTED: none of it was read: write it again, or
 * not. tlsm_link_is_early: server: 1: the plaintext that is unread came as early data. */
ptrdiff_t tlsm_link_seal_early(struct tlsm_link *link, const void *bytes, size_t length);
size_t tlsm_link_early_room(const struct tlsm_link *link);
int tlsm_link_early(const struct tlsm_link *link);
int tlsm_link_is_early(const struct tlsm_link *link);
/* tlsm_link_command: any other input of tlsm.h, growing the block as asked. */
int tlsm_link_command(struct tlsm_link *link, const struct tlsm_in *in);
int tlsm_link_end(struct tlsm_link *link, int one_way);        /* TLSM_IN_CLOSE: end our half */
int tlsm_link_wait(struct tlsm_link *link);                    /* TLSM_IN_WAIT */
int tlsm_link_abort(struct tlsm_link *link, uint8_t alert);    /* TLSM_IN_ABORT */
int tlsm_link_abandon(struct tlsm_link *link);                 /* TLSM_IN_ABANDON */
int tlsm_link_deadline_set(struct tlsm_link *link);            /* TLSM_IN_DEADLINE_SET */
int tlsm_link_deadline(struct tlsm_link *link);                /* TLSM_IN_DEADLINE: it passed */
int tlsm_link_key_update(struct tlsm_link *link, int ask);     /* TLSM_IN_KEY_UPDATE */
int tlsm_link_ticket(struct tlsm_link *link, uint64_t now_ms); /* TLSM_IN_TICKET: server: one more ticket is owed */
int tlsm_link_ask_certificate(struct tlsm_link *link);         /* TLSM_IN_ASK_CERTIFICATE: server: the client is asked for a certificate */
/* tlsm_link_vouch: the application knows by its own framing that the data read so far is complete; an EOF at a record
 * boundary after this is framed_end, if settings.eof permits it (T1). Has no effect on an EOF the machine was told already. */
void tlsm_link_vouch(struct tlsm_link *link);
/* tlsm_link_request: what is asked; returns its kind, 0 nothing. */
int tlsm_link_request(const struct tlsm_link *link, struct tlsm_request *request);
/* tlsm_link_answer: gives the answer. One with another id changes nothing. */
int tlsm_link_answer(struct tlsm_link *link, const struct tlsm_answer *answer);
/* tlsm_link_news: enum tlsm_news bits since the last call. */
uint32_t tlsm_link_news(struct tlsm_link *link);

/* ------------------------------------------------------------------------------------------------ over a transport */

enum tlsm_moved {
    TLSM_MOVED,          /* *count bytes, at least one */
    TLSM_BLOCKED,        /* nothing now */
    TLSM_MOVED_END,      /* receive: the transport ended */
    TLSM_MOVED_FAILED,   /* it failed */
    TLSM_MOVED_LATE      /* wait: the deadline passed */
};

/* A transport. `wait` is NULL where the caller waits itself (non-blocking) or where receive and send block (a blocking
 * BIO). `want` is enum tlsm_want bits; wait returns TLSM_MOVED when one of them is possible. */
struct tlsm_transport {
    enum tlsm_moved (*receive)(void *self, struct tlsm_span room, size_t *count);
    enum tlsm_moved (*send)(void *self, struct tlsm_bytes bytes, size_t *count);
    enum tlsm_moved (*wait)(void *self, unsigned want);
    void *self;
};

/* tlsm_link_flush: produces what is owed and sends until all is taken. DONE, WANT_WRITE, WANT_ANSWER, ENDED (our half died). */
int tlsm_link_flush(struct tlsm_link *link, const struct tlsm_transport *transport);
/* tlsm_link_handshake: carries the handshake on. DONE when it is complete and our part has left; WANT_…; ENDED; UNREAD: early data
 * has come: read it (or discard it), then repeat. */
int tlsm_link_handshake(struct tlsm_link *link, const struct tlsm_transport *transport);
/* tlsm_link_fill: plaintext to read. DONE: tlsm_link_peek() shows it; else what tlsm_link_read() returns. While the peer's
 * bytes are what is missing it says WANT_READ, also when sending is blocked too. Runs the handshake if needed. */
int tlsm_link_fill(struct tlsm_link *link, const struct tlsm_transport *transport);
/* tlsm_link_read: up to `capacity` (> 0) bytes. Positive, or TLSM_IO_END, or WANT_…, ENDED. Runs the handshake if needed. */
ptrdiff_t tlsm_link_read(struct tlsm_link *link, const struct tlsm_transport *transport, void *to, size_t capacity);
/* tlsm_link_write: seals and sends. Positive: so many bytes are sealed and will leave in order (tlsm_link_flush() carries
 * them on); WANT_WRITE, WANT_ANSWER: none yet; REFUSED; ENDED: our half is over, and bytes of this write may have left or not: the
 * verdict's `untaken` counts. Runs the handshake if needed. */
ptrdiff_t tlsm_link_write(struct tlsm_link *link, const struct tlsm_transport *transport, const void *from, size_t length);
/* tlsm_link_write_early: as tlsm_link_write(), with tlsm_link_seal_early(), and without waiting for the server. */
ptrdiff_t tlsm_link_write_early(struct tlsm_link *link, const struct tlsm_transport *transport, const void *from, size_t length);
/* tlsm_link_close: ends our half and, unless one_way, waits for the peer's. DONE: see the verdict. UNREAD: read, then
 * repeat. WANT_…. */
int tlsm_link_close(struct tlsm_link *link, const struct tlsm_transport *transport, int one_way);
/* tlsm_link_pump: sends and receives once what is possible, never waits: for event loops. DONE when anything moved, else
 * WANT_…; ENDED when the connection is final. */
int tlsm_link_pump(struct tlsm_link *link, const struct tlsm_transport *transport, unsigned able);
/* tlsm_link_shutdown: executes the procedure of SSL_shutdown(3) (K1 to K6). Returns 1, 0 or -1; *error says why. */
int tlsm_link_shutdown(struct tlsm_link *link, const struct tlsm_transport *transport, struct tlsm_shutdown *procedure,
                       enum tlsm_shutdown_error *error);

TLSM_DECLARATIONS_END
#endif
