/* SPDX-License-Identifier: MIT */
/* Sessions as values: what a client keeps and a server seals or caches. Included by tlsm.h. */
#ifndef TLSM_SESSION_H
#define TLSM_SESSION_H

#include "tlsm.h"

TLSM_DECLARATIONS_BEGIN

/* A session: a value the caller owns, and all that resuming it needs. It is a secret: whoever has it can impersonate either
 * side of the connections that resume it. Slices point where the function that filled it says. */
struct tlsm_session {
    uint8_t secret[TLSM_HASH_MAX];   /* the PSK; TLS 1.2: the master secret; secret_length bytes */
    uint32_t secret_length;
    uint16_t suite, version;         /* of the connection it comes from */
    uint8_t extended_master;         /* TLS 1.2: 1: the master secret is bound to its handshake (RFC 7627) */
    uint8_t by_id;                   /* TLS 1.2: 1: `ticket` is a session id, 1 to 32 bytes */
    uint8_t client_shown;            /* 1: the client showed a certificate when the session was made */
    uint32_t lifetime_s, age_add, early_max;
    uint64_t issued_ms;              /* unix milliseconds; client: when the ticket came; server: when it was made */
    uint64_t origin_ms;              /* time of the full handshake it descends from */
    uint8_t name_digest[32];         /* SHA-256 of the lower-cased server name, zeros without one */
    uint8_t alpn_digest[8];          /* the beginning of the protocol's SHA-256, zeros without ALPN: early data speaks it */
    struct tlsm_bytes context;       /* settings->session_context it was made under */
    struct tlsm_bytes ticket;        /* what the client shows; empty inside a sealed ticket */
};

/* tlsm_session_write: serialises, endian-fixed and versioned. Returns the length, at most TLSM_SESSION_FIXED_MAX +
 * session->ticket.length; nothing is written when `to` is smaller. 0: this is no session. */
size_t tlsm_session_write(const struct tlsm_session *session, struct tlsm_span to);
/* tlsm_session_read: the reverse; slices lead into `from`. Returns 1, or 0 for anything malformed, another version, or
 * trailing bytes. */
int tlsm_session_read(struct tlsm_bytes from, struct tlsm_session *session);

/* tlsm_ticket_next: client: the next ticket that the last step brought (NEWS_TICKET). `plain` is what that step put at
 * out.plain.data, *offset starts at 0. Returns 1 and the session, or 0 at the end. Call before the next step. session.ticket
 * leads into `plain` or the state, session.context into the settings. session.issued_ms is the time told at the start; a
 * caller that has a clock writes the time of receipt there, rounded up: servers refuse an age that cannot be. TLS 1.2: a session comes once, with the step that completes the
 * handshake (NEWS_CONNECTED), which for a renewed ticket is the PRODUCE of our Finished; a server that gave neither ticket nor id has none. */
int tlsm_ticket_next(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_bytes plain,
                     size_t *offset, struct tlsm_session *session);

/* tlsm_ticket_issued: server: the session whose ticket the last step made (NEWS_TICKET, with PRODUCE; in TLS 1.2 a session that is
 * resumed by its id comes with the step that completes the handshake). session.ticket leads
 * into `room`, session.context into the settings. With TLSM_ASK_SESSION_BIT the ticket is the key under which the caller
 * keeps the session. Returns 1, or 0 when there is none. Call before the next step. */
int tlsm_ticket_issued(const struct tlsm_config *config, const struct tlsm_state *state, uint8_t room[TLSM_TICKET_MAX],
                       struct tlsm_session *session);

TLSM_DECLARATIONS_END

#endif
