/* SPDX-License-Identifier: MIT */
/* A connection over OpenSSL BIOs: BIO pair, memory, socket, and whatever filters lie on top (BIO_f_buffer).
 *
 *  - A blocking BIO blocks in its own system call. A non-blocking one makes the call return TLSM_IO_WANT_READ or
 *    TLSM_IO_WANT_WRITE at once (K5).
 *  - Bytes count as sent only when BIO_flush reached the end of the chain (H5).
 *  - No SIGPIPE: around writes to BIOs that may end in a descriptor the signal is blocked for this thread, and one that our
 *    own write raised is consumed before the mask is restored.
 *  - The thread's OpenSSL error queue is as it was before the call. Results are in the connection. */
#ifndef TLSM_BIO_H
#define TLSM_BIO_H

#include <openssl/bio.h>

#include "tlsm_link.h"

TLSM_DECLARATIONS_BEGIN

/* Read-only to callers. */
struct tlsm_bio {
    struct tlsm_link link;
    struct tlsm_transport transport;
    BIO *rbio, *wbio;
    size_t written;                  /* of the pending bytes: in the BIO, but not flushed to the end of the chain */
    struct tlsm_shutdown procedure;
    enum tlsm_shutdown_error shutdown_error;
    ptrdiff_t result;                /* of the last call */
    int saved_errno;                 /* of the last transport failure; 0 none */
    uint8_t send_failed, receive_failed;
    uint8_t receive_waits, send_waits;   /* enum tlsm_bio_error: what blocked BIOs said last that they wait for */
    uint8_t last_call;               /* enum tlsm_bio_call: what tlsm_bio_get_error() speaks of */
    uint8_t zero;
};
enum tlsm_bio_call { TLSM_BIO_CALL_NONE, TLSM_BIO_CALL_HANDSHAKE, TLSM_BIO_CALL_READ, TLSM_BIO_CALL_WRITE,
                     TLSM_BIO_CALL_CLOSE, TLSM_BIO_CALL_SHUTDOWN };

/* tlsm_bio_new: a connection over rbio and wbio, which may be the same. Takes over one reference of each (one if they are
 * the same), as SSL_set_bio(3) does. NULL when memory is short. */
struct tlsm_bio *tlsm_bio_new(const struct tlsm_config *config, BIO *rbio, BIO *wbio);
/* tlsm_bio_new_with: the same with options for the link; NULL for none. */
struct tlsm_bio *tlsm_bio_new_with(const struct tlsm_config *config, BIO *rbio, BIO *wbio,
                                   const struct tlsm_link_options *options);
/* tlsm_bio_set: other BIOs for a connection that goes on, with references as tlsm_bio_new() takes them; the old ones are
 * freed. NULL for both: none, until the next call of this; nothing else but tlsm_bio_free() comes between. What a filter of the old chain held and had not passed on is sent again through the new one. */
void tlsm_bio_set(struct tlsm_bio *bio, BIO *rbio, BIO *wbio);
/* tlsm_bio_drop: gives back one reference of each (one if they are the same; NULL is fine). A filter may write what it still
 * holds when it dies, so even this raises no SIGPIPE (H5). */
void tlsm_bio_drop(BIO *rbio, BIO *wbio);
/* tlsm_bio_free: wipes, frees the BIOs (BIO_free_all) and the connection. Sends nothing. NULL is fine. */
void tlsm_bio_free(struct tlsm_bio *bio);

/* tlsm_bio_start: begins with the caller's entropy (NULL: RAND_priv_bytes(3)). Only needed for entropy of one's own. */
int tlsm_bio_start(struct tlsm_bio *bio, const struct tlsm_entropy *entropy, const char *server_name);
/* tlsm_bio_begin: the same with all that can be given; entropy NULL: RAND_priv_bytes(3); now_ms 0: the system's clock. */
int tlsm_bio_begin(struct tlsm_bio *bio, const struct tlsm_start *start);
/* tlsm_bio_connect, tlsm_bio_accept: start unless started, then the handshake. server_name may be NULL. TLSM_IO_DONE,
 * WANT_… (repeat), ENDED, REFUSED, NO_MEMORY. */
int tlsm_bio_connect(struct tlsm_bio *bio, const char *server_name);
int tlsm_bio_accept(struct tlsm_bio *bio);

/* tlsm_bio_fill: as tlsm_link_fill(). */
int tlsm_bio_fill(struct tlsm_bio *bio);
/* tlsm_bio_read, tlsm_bio_write: as tlsm_link_read(), tlsm_link_write(). */
ptrdiff_t tlsm_bio_read(struct tlsm_bio *bio, void *to, size_t capacity);
ptrdiff_t tlsm_bio_write(struct tlsm_bio *bio, const void *from, size_t length);
/* tlsm_bio_pending: unread plaintext that lies here. */
size_t tlsm_bio_pending(const struct tlsm_bio *bio);
/* tlsm_bio_flush: what is produced leaves. DONE, WANT_WRITE, ENDED. */
int tlsm_bio_flush(struct tlsm_bio *bio);
/* tlsm_bio_close: as tlsm_link_close(). */
int tlsm_bio_close(struct tlsm_bio *bio, int one_way);

/* tlsm_bio_contract: which contract tlsm_bio_shutdown() keeps; TLSM_SHUTDOWN_ONE_CALL unless set. quiet: send nothing. */
void tlsm_bio_contract(struct tlsm_bio *bio, enum tlsm_shutdown_contract contract, int quiet);
/* tlsm_bio_shutdown: the call SSL_shutdown(3): 1, 0 or -1; tlsm_bio_get_error() says why (K1 to K6). */
int tlsm_bio_shutdown(struct tlsm_bio *bio);
/* tlsm_bio_get_shutdown, tlsm_bio_set_shutdown: TLSM_SENT_SHUTDOWN, TLSM_RECEIVED_SHUTDOWN. Setting adds flags and never
 * touches the verdict (K2). */
int tlsm_bio_get_shutdown(const struct tlsm_bio *bio);
void tlsm_bio_set_shutdown(struct tlsm_bio *bio, int flags);

/* Classes of the last call's result; the numbers are those of SSL_get_error(3). */
enum tlsm_bio_error {
    TLSM_BIO_ERROR_NONE = 0,
    TLSM_BIO_ERROR_SSL = 1,           /* the protocol: an alert either way, untrusted input, an unexpected EOF; tlsm_bio_reason() */
    TLSM_BIO_ERROR_WANT_READ = 2,
    TLSM_BIO_ERROR_WANT_WRITE = 3,
    TLSM_BIO_ERROR_WANT_ANSWER = 4,   /* a request is open (SSL_ERROR_WANT_X509_LOOKUP's number) */
    TLSM_BIO_ERROR_SYSCALL = 5,       /* the transport failed; tlsm_bio_errno() */
    TLSM_BIO_ERROR_ZERO_RETURN = 6,   /* the authenticated end of the peer's data */
    TLSM_BIO_ERROR_WANT_CONNECT = 7,  /* a BIO is not connected yet */
    TLSM_BIO_ERROR_WANT_ACCEPT = 8
};
/* tlsm_bio_waits: what to wait for when a call says WANT_READ or WANT_WRITE: usually that, but a BIO that is a tunnel may have
 * to write in order to read. tlsm_bio_get_error() says the same. */
enum tlsm_bio_error tlsm_bio_waits(const struct tlsm_bio *bio, enum tlsm_bio_error want);
enum tlsm_bio_error tlsm_bio_get_error(const struct tlsm_bio *bio);
/* tlsm_bio_reason: the last call's error in words, "" when there is none. Never NULL. */
const char *tlsm_bio_reason(const struct tlsm_bio *bio);
/* tlsm_bio_errno: errno of the transport's failure, 0 if it set none. */
int tlsm_bio_errno(const struct tlsm_bio *bio);

TLSM_DECLARATIONS_END
#endif
