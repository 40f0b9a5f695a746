/* SPDX-License-Identifier: MIT */
/* A connection that another library runs, judged by this machine: one closing table, one verdict, no cryptography.
 *
 *      code = tlsm_observe(settings, observed, &seen, &out)      what the library was seen to do
 *      code = tlsm_observe_in(settings, observed, &in, &out)     what the application and the transport do
 *
 * The library seals, opens, and handshakes; whoever stands between it and its transport says what came through. The rows of
 * the closing table, verdict, needs and advice are those of tlsm_step(): read them from &observed->state. What the machine
 * would make is the library's to make: TLSM_NEED_PRODUCE means that it has to be asked for its close_notify, or fatal alert,
 * and TLSM_SEEN_ALERT tells that it came. tlsm_step() itself is not for the state of an observed connection.
 *
 * What a library cannot be asked for has to be left out: a close before the handshake is complete is silent (A2, A3: no
 * user_canceled), and there is no abort with an alert. Pure, like everything here. */
#ifndef TLSM_OBSERVE_H
#define TLSM_OBSERVE_H

#include "tlsm.h"

TLSM_DECLARATIONS_BEGIN

enum tlsm_seen_kind {
    TLSM_SEEN_START,       /* observation begins, before the first byte or later; `count` not 0: some went by. lost_in,
                            * lost_out: part of a record was received, or made, before, and nobody knows how much of it */
    TLSM_SEEN_INPUT,       /* `bytes` of the peer went to the library: counted for the place of a truncation (T1) */
    TLSM_SEEN_RECORD,      /* the library begins to open a record: `type`, and the `count` bytes of its body: finds the place
                            * again after lost_in; else it changes nothing */
    TLSM_SEEN_OUTPUT,      /* the library made `bytes`, in order; they lie with the caller until TLSM_IN_SENT. Refused behind a
                            * close_notify, a fatal alert, or where nothing is sent any more: drop them (I3) */
    TLSM_SEEN_CONNECTED,   /* the handshake is complete on both sides. `version` as on the wire; resumed; tickets: it can be
                            * resumed. Repeated after a renegotiation it changes nothing */
    TLSM_SEEN_DATA,        /* `count` bytes of application data were opened, at most a record's. TLSM_DATA: deliver them;
                            * TLSM_IGNORED: drop them, policy says so; OVER_BUDGET: drop them */
    TLSM_SEEN_WROTE,       /* `count` bytes of application data went in; 0: asks whether any may */
    TLSM_SEEN_FRAGMENT,    /* a handshake record was opened, its message perhaps not whole */
    TLSM_SEEN_MESSAGE,     /* a whole handshake message was read. tickets: a session that can be resumed */
    TLSM_SEEN_ALERT_IN,    /* an alert was opened: `bytes` are its two; authentic: it was protected */
    TLSM_SEEN_ALERT_OUT,   /* an alert was made: `bytes` are its two, and those of the record were told as OUTPUT before */
    TLSM_SEEN_FAILED,      /* the library gave the connection up, and made all that it will make */
    TLSM_SEEN_COUNT
};

/* Zero what is not named for its kind. Read during the call, never kept. */
struct tlsm_seen {
    enum tlsm_seen_kind kind;
    struct tlsm_bytes bytes;
    size_t count;
    uint16_t version;                    /* enum tlsm_protocol, or an older one */
    uint8_t type;                        /* the record's outer type */
    uint8_t authentic, resumed, tickets, lost_in, lost_out;   /* 1 or 0 */
};

/* A value, as a state is. Read-only to callers. */
struct tlsm_observed {
    struct tlsm_state state;
    uint32_t body_have;                  /* bytes of the body that is being received */
    uint32_t made_left;                  /* body bytes of the record that is being made and did not come yet */
    uint8_t made_seen;                   /* its header bytes that came, 0..5 */
    uint8_t lost_out;                    /* 1: where records of ours begin is not known, until CONNECTED */
    uint8_t zero[6];
};

/* tlsm_observe_init: nothing was seen yet. */
void tlsm_observe_init(struct tlsm_observed *observed);

/* tlsm_observe: the library did something. In place. `settings` are the role, the policies and budgets of closing; the rest
 * is the library's. Codes are those of tlsm_step(); a refusal changed nothing. out.violation and out.news as there. */
enum tlsm_code tlsm_observe(const struct tlsm_settings *settings, struct tlsm_observed *observed,
                            const struct tlsm_seen *seen, struct tlsm_out *out) TLSM_MUST_USE;

/* tlsm_observe_in: one of TLSM_IN_SENT, CLOSE, WAIT, ABANDON, EOF, RECEIVE_FAILED, SEND_FAILED, DEADLINE_SET, DEADLINE; all
 * others are refused as TLSM_BAD_ARGUMENT. The body bytes held at an EOF are counted here: leave in.count 0. */
enum tlsm_code tlsm_observe_in(const struct tlsm_settings *settings, struct tlsm_observed *observed,
                               const struct tlsm_in *in, struct tlsm_out *out) TLSM_MUST_USE;

/* tlsm_observe_hint: bytes until the record that is being received ends, or until its length is known; never 0. */
size_t tlsm_observe_hint(const struct tlsm_observed *observed);

TLSM_DECLARATIONS_END
#endif
