/* SPDX-License-Identifier: MIT */
/* Shared by the files of tlsm_openssl. */
#ifndef TLSM_OPENSSL_INTERNAL_H
#define TLSM_OPENSSL_INTERNAL_H

#include "tlsm_openssl.h"

enum tlsm_openssl_call { TLSM_CALL_HANDSHAKE, TLSM_CALL_READ, TLSM_CALL_WRITE, TLSM_CALL_SHUTDOWN };
/* What a call of libssl's came to. */
enum tlsm_openssl_did {
    TLSM_DID,              /* done; a count of bytes for read and write */
    TLSM_DID_STARVE,       /* it needs more of the peer's bytes */
    TLSM_DID_ASK,          /* it waits for the application */
    TLSM_DID_CHOKE,        /* no memory for what it makes */
    TLSM_DID_END,          /* it will read no more */
    TLSM_DID_FAIL          /* it gave the connection up: it is not called again */
};

struct tlsm_openssl {
    SSL *ssl;
    BIO *rbio, *wbio;                 /* the transport; one reference each; NULL: the caller is the transport */
    BIO_METHOD *method;               /* of the BIO that stands in the SSL */
    struct tlsm_settings settings;    /* role and policies alone */
    struct tlsm_observed observed;
    struct tlsm_transport transport;
    struct tlsm_openssl_options options;
    struct tlsm_buffer in, out, plain;   /* received, not given to libssl; made, not taken; opened, not read */
    enum tlsm_code code;
    int error;                        /* the transport's errno */
    unsigned long reason;
    int receive_at, send_at;          /* descriptors of plain sockets; -1: BIOs, or none */
    size_t written;                   /* bytes of `out` that a buffering BIO has, and has not flushed (H5) */
    uint64_t deadline_ms, linger_until_ms;   /* on CLOCK_MONOTONIC; UINT64_MAX none */
    uint64_t drained;
    uint64_t given;                   /* bytes libssl took from `in`: tells progress */
    uint8_t transport_end;            /* enum tlsm_transport_end, not yet told to the machine */
    uint8_t vouch, send_failed;
    uint8_t failed;                   /* libssl gave up */
    uint8_t shut, finished;           /* our sending half is shut; the advice was followed to the end */
    uint8_t inner, peer_ccs;          /* the record being opened is protected; (12) the peer's later ones are */
    uint8_t greedy;                   /* libssl reads ahead */
};

/* The most that is received at once where that is not exact. */
enum { TLSM_OPENSSL_AT_ONCE = TLSM_HEADER + TLSM_RECORD_MAX };

static inline const struct tlsm_control *tlsm_openssl_control(const struct tlsm_openssl *driver)
{
    return &driver->observed.state.control;
}
static inline size_t tlsm_buffer_live(const struct tlsm_buffer *buffer) { return buffer->end - buffer->start; }
/* tlsm_openssl_room: makes `count` bytes of room at the end. 1, or 0: no memory. */
int tlsm_openssl_room(struct tlsm_buffer *buffer, size_t count);
/* tlsm_openssl_used: `count` bytes at the start are done with. */
void tlsm_openssl_used(struct tlsm_buffer *buffer, size_t count);

/* What is not taken; a half that is dead sends none of it. */
static inline size_t tlsm_openssl_unsent(const struct tlsm_openssl *driver)
{
    return tlsm_openssl_control(driver)->tx == TLSM_TX_DEAD ? 0 : tlsm_buffer_live(&driver->out);
}
static inline int tlsm_openssl_may_receive(const struct tlsm_openssl *driver)
{
    const int in_handshake = tlsm_openssl_control(driver)->rx == TLSM_RX_HANDSHAKE;
    return !driver->failed && (in_handshake || (tlsm_needs(&driver->observed.state) & TLSM_NEED_RECEIVE) != 0);
}
static inline int tlsm_openssl_refuse(struct tlsm_openssl *driver, enum tlsm_code code)
{
    driver->code = code;
    return TLSM_IO_REFUSED;
}

/* ---- tlsm_openssl.c */

/* tlsm_openssl_wants: enum tlsm_want bits. */
unsigned tlsm_openssl_wants(const struct tlsm_openssl *driver);
/* tlsm_openssl_run: all that can happen without the transport. DONE, WANT_ANSWER, NO_MEMORY. */
int tlsm_openssl_run(struct tlsm_openssl *driver);
/* tlsm_openssl_took, tlsm_openssl_sending_failed: the transport took `count` bytes, or takes no more. */
void tlsm_openssl_took(struct tlsm_openssl *driver, size_t count);
void tlsm_openssl_sending_failed(struct tlsm_openssl *driver);

/* ---- tlsm_openssl_surface.c: what libssl says and hears */

/* tlsm_openssl_install: puts the driver between the SSL and its BIOs. 1, or 0: no memory. */
int tlsm_openssl_install(struct tlsm_openssl *driver);
void tlsm_openssl_remove(struct tlsm_openssl *driver);
/* tlsm_openssl_call: one call of libssl's, with an error queue of its own, and what came of it told to the machine. */
enum tlsm_openssl_did tlsm_openssl_call(struct tlsm_openssl *driver, enum tlsm_openssl_call call, const void *from, void *to,
                                        size_t length, size_t *count);
/* tlsm_openssl_adopt: tells of a handshake that is complete already. */
void tlsm_openssl_adopt(struct tlsm_openssl *driver);
enum tlsm_code tlsm_openssl_seen(struct tlsm_openssl *driver, const struct tlsm_seen *seen);
enum tlsm_code tlsm_openssl_tell(struct tlsm_openssl *driver, enum tlsm_in_kind kind, size_t count);

/* ---- tlsm_openssl_transport.c: sockets, BIOs, and the advice */

void tlsm_openssl_attach(struct tlsm_openssl *driver);
/* tlsm_openssl_follow: what the advice says while the connection still lives (shut_wr). */
void tlsm_openssl_follow(struct tlsm_openssl *driver);
/* tlsm_openssl_finish: the rest of it. DONE, or WANT_READ when it may not wait. */
int tlsm_openssl_finish(struct tlsm_openssl *driver);

#endif
