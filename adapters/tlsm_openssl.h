/* SPDX-License-Identifier: MIT */
/* Closing driver for a connection that stays on OpenSSL's libssl: the needs, policies, deadlines, advice and verdicts of
 * tlsm.h around an SSL of its. libssl seals, opens and handshakes; between it and its transport stands this driver, and what
 * it sees there goes through tlsm's closing table (tlsm_observe.h). For TLS 1.3, and for the older versions that libssl has.
 *
 *      struct tlsm_openssl *driver = tlsm_openssl_new(ssl, NULL, NULL);       ssl: with its BIOs, before or after SSL_connect()
 *      tlsm_openssl_deadline(driver, 5000);
 *      while ((got = tlsm_openssl_read(driver, buffer, sizeof buffer)) > 0)
 *          use(buffer, got);
 *      while ((done = tlsm_openssl_close(driver, 0, &verdict)) == TLSM_IO_UNREAD)
 *          (void)tlsm_openssl_read(driver, buffer, sizeof buffer);            what still came: use it, or drop it
 *      puts(tlsm_how_name(verdict.how));                                      clean_both, truncated, peer_alert …
 *      tlsm_openssl_free(driver);
 *      SSL_free(ssl);
 *
 * WHAT IS MENDED, though nothing in libssl changes:
 *  - A write that the transport does not take never blocks inside libssl: its records lie here, close_notify lies behind them,
 *    and both leave in order. libssl alone drops the close_notify, or lets it overtake.
 *  - Data that comes while closing is delivered, or counted and dropped, or a failure, as you choose; the close goes on.
 *    SSL_shutdown() alone destroys it. So SSL_shutdown() is called once, to make our close_notify, and never to read.
 *  - The end of the transport is not libssl's to judge: it hears of none, makes no alert of it, and can still write. The verdict
 *    says where it fell, to the byte. SSL_OP_IGNORE_UNEXPECTED_EOF does nothing here.
 *  - Only a close_notify that came protected, after the handshake, ends the data. SSL_RECEIVED_SHUTDOWN, which libssl also
 *    sets for fatal alerts and applications for themselves, counts for nothing, and neither does quiet shutdown.
 *  - Nothing follows our close_notify, not even the answer to a key update. A fatal alert that the transport does not take at
 *    once is sent when it does. After a fatal error no call is made that libssl forbids.
 *  - The thread's error queue is empty before each of libssl's calls, and after it: what it said is tlsm_openssl_reason(). errno
 *    is as it was before each call here; the transport's is tlsm_openssl_errno(). No SIGPIPE.
 *
 * WHAT CANNOT BE MENDED from outside:
 *  - Closing before the handshake is complete is silent: libssl cannot be asked for user_canceled and close_notify.
 *  - An alert of the application's choice cannot be sent.
 *  - A blocking BIO that is no socket blocks: a deadline is looked at between its calls.
 *  - Where the driver comes in the middle of a record, the place of a truncation within that record is not known: body, 0 of 0.
 *  - Data in memory or in the kernel that libssl had taken or given before the driver came is beyond it. Make it first.
 *  - In a renegotiation (TLS 1.2) close_notify waits until that is over, or the deadline.
 *
 * WHILE IT LIVES the driver's BIO and message callback stand in the SSL: call none of SSL_read, SSL_write, SSL_shutdown,
 * SSL_do_handshake and their kin, no SSL_set_bio, SSL_set_fd, SSL_clear, SSL_set_msg_callback. All else is as ever. One thread
 * at a time. DTLS and kernel TLS are refused. */
#ifndef TLSM_OPENSSL_H
#define TLSM_OPENSSL_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "tlsm_link.h"
#include "tlsm_observe.h"

TLSM_DECLARATIONS_BEGIN

struct tlsm_openssl;

/* All zero is good. Copied. */
struct tlsm_openssl_options {
    uint8_t eof;                    /* enum tlsm_eof_policy; framed permits tlsm_openssl_vouch() */
    uint8_t data_while_closing;     /* enum tlsm_data_policy */
    uint8_t keep_transport;         /* 1: another protocol follows: never a byte read beyond the peer's close_notify, no shut_wr */
    uint8_t non_blocking;           /* 1: no call waits, whatever the descriptor is */
    uint64_t budget_bytes;          /* application bytes accepted while closing; 0: no limit */
    uint32_t budget_records;        /* records accepted while closing; 0: no limit */
    uint32_t linger_ms;             /* how long to drain a socket after the end, if no deadline ends it earlier; 0: 2000 */
    size_t out_limit;               /* no more is sealed while so many bytes are not taken; 0: 32768 */
    struct tlsm_bytes pending_write;   /* the arguments of an SSL_write() that said SSL_ERROR_WANT_WRITE before; it is finished */
    /* libssl has one message callback and no way to ask for it: the application's, called before the driver's own work, and
     * set again by tlsm_openssl_free(). */
    void (*msg_callback)(int write_p, int version, int content_type, const void *bytes, size_t length, SSL *ssl, void *arg);
    void *msg_callback_arg;
};

/* tlsm_openssl_new: a driver around `ssl`, which outlives it, and which says already whether it is client or server
 * (SSL_set_connect_state(), SSL_set_accept_state(), or a method that does). Over the BIOs it has: sockets, BIO pairs, memory,
 * any other; or none: then the caller moves the bytes (tlsm_openssl_feed() and below). `options` may be NULL, `why` too. NULL:
 * *why says what was wrong:
 *   TLSM_OK            no memory
 *   TLSM_BAD_ARGUMENT  DTLS, kernel TLS, or only one of the two BIOs
 *   TLSM_WRITE_CLOSED, TLSM_READ_ENDED   SSL_get_shutdown() says that a close has begun: come earlier
 *   TLSM_WRITE_FAILED  the connection failed already
 *   TLSM_SEND_FIRST    an SSL_write() is unfinished: finish it, or give its arguments as pending_write */
struct tlsm_openssl *tlsm_openssl_new(SSL *ssl, const struct tlsm_openssl_options *options, enum tlsm_code *why);

/* tlsm_openssl_free: gives the SSL its own BIOs back; does not free it. A connection that is not final can go on without the
 * driver if nothing waits to be sent here (tlsm_openssl_flush()) or to be read (tlsm_openssl_unread()); where something does
 * it is abandoned, and a socket made to reset when it is closed (A9). NULL is fine. */
void tlsm_openssl_free(struct tlsm_openssl *driver);

/* ---- the calls. Results are enum tlsm_io; ANSWER means that libssl waits for the application, SSL_want() says for what */

/* tlsm_openssl_handshake: DONE when it is complete and our part has left; WANT_…; ENDED. */
int tlsm_openssl_handshake(struct tlsm_openssl *driver);
/* tlsm_openssl_read: up to `capacity` (> 0) bytes. Positive; TLSM_IO_END: the peer's close_notify came; WANT_…; ENDED: the
 * verdict says how. Runs the handshake if needed. */
ptrdiff_t tlsm_openssl_read(struct tlsm_openssl *driver, void *to, size_t capacity);
/* tlsm_openssl_write: positive: so many bytes are sealed and will leave in order, whatever the next call is; there is nothing
 * to repeat with the same arguments. WANT_WRITE: none yet. UNREAD: libssl has to read first, and the peer's data lies here.
 * REFUSED: our half is closed; ENDED: it is dead. Runs the handshake if needed. */
ptrdiff_t tlsm_openssl_write(struct tlsm_openssl *driver, const void *from, size_t length);
/* tlsm_openssl_flush: DONE when all that was sealed is taken; WANT_WRITE; ENDED: our half is dead. */
int tlsm_openssl_flush(struct tlsm_openssl *driver);
/* tlsm_openssl_close: ends our half behind all that was written and, unless one_way, waits for the peer's, then follows the
 * advice: a socket's or BIO pair's sending half is shut, a socket is drained, so that unread input never becomes a reset. The
 * descriptor itself is closed by its owner: SSL_free(), or you. DONE: `verdict` (may be NULL) is filled; after a one-way close
 * it may say open, and reading goes on after a two-way one. UNREAD: read the peer's data, then repeat. WANT_…: repeat when
 * ready. */
int tlsm_openssl_close(struct tlsm_openssl *driver, int one_way, struct tlsm_verdict *verdict);
/* tlsm_openssl_abandon: ends both halves now, without a word. A socket with half a record on it is made to reset. */
void tlsm_openssl_abandon(struct tlsm_openssl *driver);
/* tlsm_openssl_deadline: from now, `milliseconds` until the connection is ended as timed_out; -1: no deadline any more. */
int tlsm_openssl_deadline(struct tlsm_openssl *driver, int milliseconds);
/* tlsm_openssl_vouch: as tlsm_link_vouch(): what was read is complete by the application's own framing (eof policy framed). */
void tlsm_openssl_vouch(struct tlsm_openssl *driver);

/* ---- event loops */

/* tlsm_openssl_needs: enum tlsm_need bits. 0: final. */
unsigned tlsm_openssl_needs(const struct tlsm_openssl *driver);
/* tlsm_openssl_events: POLLIN and POLLOUT bits to watch the transport for. */
short tlsm_openssl_events(const struct tlsm_openssl *driver);
/* tlsm_openssl_timeout: milliseconds until a call must be made even if nothing happened; -1: no limit. */
int tlsm_openssl_timeout(const struct tlsm_openssl *driver);

/* ---- what is known, at any moment */

void tlsm_openssl_verdict(const struct tlsm_openssl *driver, struct tlsm_verdict *verdict);
void tlsm_openssl_advice(const struct tlsm_openssl *driver, struct tlsm_advice *advice);
/* tlsm_openssl_state: for tlsm_connected() and its kin. Read it, never write it. */
const struct tlsm_state *tlsm_openssl_state(const struct tlsm_openssl *driver);
/* tlsm_openssl_code: what refused, after TLSM_IO_REFUSED. */
enum tlsm_code tlsm_openssl_code(const struct tlsm_openssl *driver);
/* tlsm_openssl_unread: bytes that are opened and lie here, unread. */
size_t tlsm_openssl_unread(const struct tlsm_openssl *driver);
/* tlsm_openssl_errno: the transport's last failure; 0 none. tlsm_openssl_reason: libssl's last error, for
 * ERR_reason_error_string(); 0 none. */
int tlsm_openssl_errno(const struct tlsm_openssl *driver);
unsigned long tlsm_openssl_reason(const struct tlsm_openssl *driver);
/* tlsm_openssl_rest: received bytes that follow the peer's close_notify (C4): only with SSL_set_read_ahead() or
 * tlsm_openssl_feed(); else they are in the transport still. Good until the next call. */
struct tlsm_bytes tlsm_openssl_rest(const struct tlsm_openssl *driver);

/* ---- for an SSL without BIOs: the caller is the transport. The calls above then return WANT_… and are repeated */

/* tlsm_openssl_feed: copies received bytes in. Returns how many were taken: fewer when unread plaintext lies here, or the
 * peer's half has ended. */
size_t tlsm_openssl_feed(struct tlsm_openssl *driver, const void *bytes, size_t count);
/* tlsm_openssl_eof, tlsm_openssl_receive_failed: the transport ended; heard of behind all that was fed before. */
void tlsm_openssl_eof(struct tlsm_openssl *driver);
void tlsm_openssl_receive_failed(struct tlsm_openssl *driver);
/* tlsm_openssl_pending: bytes for the transport. Good until the next call. tlsm_openssl_sent: it took `count` of them. DONE or
 * REFUSED. tlsm_openssl_send_failed: it takes no more; go on reading. */
struct tlsm_bytes tlsm_openssl_pending(const struct tlsm_openssl *driver);
int tlsm_openssl_sent(struct tlsm_openssl *driver, size_t count);
void tlsm_openssl_send_failed(struct tlsm_openssl *driver);

TLSM_DECLARATIONS_END
#endif
