/* SPDX-License-Identifier: MIT */
/* The procedure behind a call like SSL_shutdown(3), itself a pure function (K1–K6): it is told what the transport just did
 * and says what to do next. Adapters execute its actions and nothing else. */
#ifndef TLSM_SHUTDOWN_H
#define TLSM_SHUTDOWN_H

#include "tlsm.h"

TLSM_DECLARATIONS_BEGIN

enum tlsm_shutdown_contract {
    TLSM_SHUTDOWN_ONE_CALL,   /* seed: one call carries the closing to its end (K3) */
    TLSM_SHUTDOWN_TWO_STEP    /* OpenSSL 1.1.1–3.x: 0 once ours is taken, the next call reads (K4) */
};
enum tlsm_shutdown_seen {
    TLSM_SAW_CALL,            /* the application called */
    TLSM_SAW_PROGRESS,        /* the action was done */
    TLSM_SAW_BLOCKED_WRITE,   /* the transport takes nothing now */
    TLSM_SAW_BLOCKED_READ,    /* the transport has nothing now */
    TLSM_SAW_DATA,            /* the step brought application data; it is in the adapter's buffer */
    TLSM_SAW_FAILURE,         /* the action met a lack of memory, or a provider that failed; it can be repeated */
    TLSM_SAW_COUNT
};
enum tlsm_shutdown_act {
    TLSM_DO_CLOSE,            /* step TLSM_IN_CLOSE */
    TLSM_DO_FLUSH,            /* produce what is owed and send it; report PROGRESS when all is taken or TX ended */
    /* Receive and step, one record or the end of the transport. Where only a command is needed, the close was one-way: TLSM_IN_WAIT
     * first, because the call waits (A12). Nothing can be received while an answer is missing: BLOCKED_READ. */
    TLSM_DO_READ,
    TLSM_DO_RETURN            /* return `returns`; `error` is what SSL_get_error would say */
};
enum tlsm_shutdown_error {
    TLSM_SHUTDOWN_NONE, TLSM_SHUTDOWN_WANT_READ, TLSM_SHUTDOWN_WANT_WRITE, TLSM_SHUTDOWN_SYSCALL,
    TLSM_SHUTDOWN_PROTOCOL,        /* SSL_ERROR_SSL: an alert either way, untrusted input */
    TLSM_SHUTDOWN_UNEXPECTED_EOF,  /* SSL_ERROR_SSL: "unexpected eof while reading" */
    TLSM_SHUTDOWN_DATA_PENDING,    /* SSL_ERROR_SSL: "application data pending" (K1) */
    TLSM_SHUTDOWN_IN_INIT,         /* SSL_ERROR_SSL: "shutdown while in init" (K6) */
    TLSM_SHUTDOWN_FAILURE          /* SSL_ERROR_SSL: TLSM_SAW_FAILURE; waiting for the transport would not help */
};
enum { TLSM_SENT_SHUTDOWN = 1, TLSM_RECEIVED_SHUTDOWN = 2 };

/* The procedure's own state, a value. Zero it, set contract and quiet; `flags` are SSL_get_shutdown's. */
struct tlsm_shutdown {
    uint8_t contract;         /* enum tlsm_shutdown_contract */
    uint8_t quiet;            /* SSL_set_quiet_shutdown */
    uint8_t flags;            /* what the call reports */
    uint8_t preset;           /* flags set by SSL_set_shutdown, not by the wire (K2) */
    uint8_t called;           /* our close was asked for */
    uint8_t held;             /* 1: unread application data lies in the adapter's buffer */
    uint8_t in_init;          /* the first call came before the handshake was complete (K6) */
    uint8_t told;             /* two-step: the 0 was given */
};
struct tlsm_shutdown_next {
    struct tlsm_shutdown state;
    uint8_t act;              /* enum tlsm_shutdown_act */
    int8_t returns;           /* with RETURN: 1, 0, -1 */
    uint8_t error;            /* with RETURN: enum tlsm_shutdown_error */
    uint8_t zero;
};

/* tlsm_shutdown_preset: SSL_set_shutdown. Adds flags; never touches the verdict. A flag that stands already stays what it is:
 * attempted, or set beforehand. */
void tlsm_shutdown_preset(struct tlsm_shutdown *shutdown, unsigned flags);

/* tlsm_shutdown_step: the next action, from the procedure, what was just seen, and the connection. Pure. */
struct tlsm_shutdown_next tlsm_shutdown_step(struct tlsm_shutdown shutdown, enum tlsm_shutdown_seen seen,
                                             const struct tlsm_state *state) TLSM_MUST_USE;

TLSM_DECLARATIONS_END
#endif
