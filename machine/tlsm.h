/* SPDX-License-Identifier: MIT */
/* tlsm: TLS as a pure state machine, whose ending is as well defined as its beginning.
 *
 *      code = tlsm_step(config, state, in, next, out)
 *
 * One function takes a state and one input and gives a new state, bytes, and a result code. It does no I/O, allocates
 * nothing, reads no clock, draws no randomness, keeps nothing between calls. The answer depends on config, *state and *in
 * alone.
 *
 * THE LOOP every program runs, whatever its I/O:
 *
 *      needs = tlsm_needs(state)
 *        TLSM_NEED_PRODUCE   step TLSM_IN_PRODUCE with wire room: one owed record appears there
 *        TLSM_NEED_SEND      give produced bytes to the transport, in order; step TLSM_IN_SENT with the number it took
 *        TLSM_NEED_RECEIVE   read from the transport; step TLSM_IN_WIRE until all is consumed or it says MORE_INPUT
 *        TLSM_NEED_ANSWER    tlsm_request() says what is asked; step TLSM_IN_ANSWER
 *        TLSM_NEED_COMMAND   only the application can go on (start, write, close, abandon)
 *        TLSM_NEED_DEADLINE  a deadline is set: step TLSM_IN_DEADLINE when it passes
 *        0                   final: tlsm_verdict() says how it ended, tlsm_advice() what to do to the transport
 *
 * CONVENTIONS, said once:
 *  - Lengths are bytes. Pointers in `in` are read during the step and never kept, but for settings, which outlive the
 *    connection. Names and numbers are IANA's. Rules A1..K6, I1..I13 and V1 are those of docs/closing.md.
 *  - A state is one block of bytes, no pointers: memcpy of tlsm_length() bytes is a snapshot, memcmp is equality. At most
 *    one successor of a state may reach a wire: two would use a nonce twice (J3).
 *  - A code > 0 and < 32 is news, 32..47 says what is short (nothing changed; repeat), 48.. refuses (nothing changed),
 *    < 0 is the verdict of a connection that is over. tlsm_code_text() and tlsm_code_advice() put each into words.
 *  - A step is atomic: short of room it changes nothing; short of input it has at most folded header bytes (`consumed`).
 *  - Produced bytes lie with the caller until the transport takes them; the state only counts them.
 */
#ifndef TLSM_H
#define TLSM_H

#include <stddef.h>
#include <stdint.h>

#include "crypto.h"
#include "tlsm_declarations.h"
#include "tlsm_settings.h"
#include "tlsm_version.h"

TLSM_DECLARATIONS_BEGIN

enum {
    TLSM_HEADER = 5,                           /* bytes of a record's header */
    TLSM_PLAIN_MAX = 16384,                    /* application bytes in one record */
    TLSM_RECORD_MAX = 5 + 16384 + 256,         /* largest record accepted, header included (RFC 9846 §5.2) */
    TLSM_OVERHEAD = 5 + 1 + TLSM_TAG,          /* what a record of ours adds to its plaintext */
    TLSM_OVERHEAD_MAX = 5 + 8 + TLSM_TAG,      /* … and in TLS 1.2 at most */
    TLSM_ESTABLISHED_MAX = 1024,               /* an established connection never needs a larger block; but the ticket that a
                                                * client of TLS 1.2 got lies behind it until the next step */
    TLSM_HANDSHAKE_ROOM = 12288,               /* a block that suits most handshakes; MORE_STATE_ROOM asks for more */
    TLSM_MESSAGE_MAX = 65536,                  /* default limit of one handshake message */
    TLSM_NAME_MAX = 255,                       /* longest host name */
    TLSM_SPARE = 256,                          /* room for a fragmented post-handshake message */
    TLSM_CELLS = 8,                            /* rows of closing.def one step can take */
    TLSM_SESSION_FIXED_MAX = 160,              /* a serialised session without its ticket */
    TLSM_TICKET_ID = 32,                       /* a ticket that is the key of the caller's cache */
    TLSM_TICKET_MAX = 16 + 32 + 160 + 16,      /* longest ticket we make: key name, salt, sealed session, tag */
    TLSM_IDENTITIES = 4,                       /* sessions of one ClientHello that are looked at */
    TLSM_SHARES = 3                            /* key shares: two offered, one for a HelloRetryRequest */
};

enum tlsm_code {
#define CODE(name, value, fault, text, advice) TLSM_##name = value,
#define END(name, value, verdict, exit, fault, text, advice) TLSM_END_##name = value,
#include "code.def"
#undef CODE
#undef END
    TLSM_CODE_LAST = 127
};

/* How it ended: docs/closing.md, V1. TLSM_OPEN while it has not. */
enum tlsm_how {
    TLSM_OPEN,
#define END(name, value, verdict, exit, fault, text, advice) TLSM_##verdict##_VERDICT,
#include "code.def"
#undef END
    TLSM_HOW_COUNT
};

/* Alert descriptions, RFC 9846 §6. */
enum tlsm_alert {
    TLSM_ALERT_CLOSE_NOTIFY = 0, TLSM_ALERT_UNEXPECTED_MESSAGE = 10, TLSM_ALERT_BAD_RECORD_MAC = 20,
    TLSM_ALERT_RECORD_OVERFLOW = 22, TLSM_ALERT_DECOMPRESSION_FAILURE = 30 /* before 1.3 */,
    TLSM_ALERT_HANDSHAKE_FAILURE = 40, TLSM_ALERT_BAD_CERTIFICATE = 42,
    TLSM_ALERT_UNSUPPORTED_CERTIFICATE = 43, TLSM_ALERT_CERTIFICATE_REVOKED = 44, TLSM_ALERT_CERTIFICATE_EXPIRED = 45,
    TLSM_ALERT_CERTIFICATE_UNKNOWN = 46, TLSM_ALERT_ILLEGAL_PARAMETER = 47, TLSM_ALERT_UNKNOWN_CA = 48,
    TLSM_ALERT_ACCESS_DENIED = 49, TLSM_ALERT_DECODE_ERROR = 50, TLSM_ALERT_DECRYPT_ERROR = 51,
    TLSM_ALERT_PROTOCOL_VERSION = 70, TLSM_ALERT_INSUFFICIENT_SECURITY = 71, TLSM_ALERT_INTERNAL_ERROR = 80,
    TLSM_ALERT_INAPPROPRIATE_FALLBACK = 86, TLSM_ALERT_USER_CANCELED = 90, TLSM_ALERT_NO_RENEGOTIATION = 100,
    TLSM_ALERT_MISSING_EXTENSION = 109,
    TLSM_ALERT_UNSUPPORTED_EXTENSION = 110, TLSM_ALERT_UNRECOGNIZED_NAME = 112,
    TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE = 113, TLSM_ALERT_UNKNOWN_PSK_IDENTITY = 115,
    TLSM_ALERT_CERTIFICATE_REQUIRED = 116, TLSM_ALERT_GENERAL_ERROR = 117, TLSM_ALERT_NO_APPLICATION_PROTOCOL = 120,
    TLSM_ALERT_NONE = 255   /* in the state and the verdict: no alert */
};

/* The two halves (docs/closing.md, section 0), refined for the handshake. RX and TX rows of closing.def use these. */
enum tlsm_rx {
    TLSM_RX_UNBORN,     /* not started */
    TLSM_RX_HANDSHAKE,  /* the peer's Finished is not verified yet */
    TLSM_RX_OPEN,       /* the peer may send data */
    TLSM_RX_CLOSED,     /* its authenticated close_notify came: the data is complete */
    TLSM_RX_CUT,        /* the transport ended first */
    TLSM_RX_DEAD,       /* nothing more will be read */
    TLSM_RX_COUNT
};
enum tlsm_tx {
    TLSM_TX_UNBORN,     /* not started */
    TLSM_TX_MUTE,       /* client: ClientHello not produced; server: no complete ClientHello. Closing is silent */
    TLSM_TX_HANDSHAKE,  /* own Finished not produced */
    TLSM_TX_OPEN,       /* own Finished produced */
    TLSM_TX_CANCELLING, /* user_canceled is owed, then close_notify (A2, A3) */
    TLSM_TX_CLOSING,    /* close_notify is owed */
    TLSM_TX_CLOSE_OUT,  /* close_notify is produced, its last byte not taken */
    TLSM_TX_CLOSED,     /* the transport took the last byte of close_notify */
    TLSM_TX_FAILING,    /* a fatal alert is owed */
    TLSM_TX_FAIL_OUT,   /* a fatal alert is produced, its last byte not taken */
    TLSM_TX_DEAD,       /* nothing will be sent any more */
    TLSM_TX_EXPORTED,   /* the connection lives elsewhere */
    TLSM_TX_COUNT
};

/* What moves the machine; classified in event.c from inputs and records, looked up in closing.def, once per half. */
enum tlsm_event {
#define EVENT(name, mover, cause, text) TLSM_EV_##name,
#include "event.def"
#undef EVENT
    TLSM_EV_COUNT
};

enum tlsm_epoch { TLSM_EPOCH_NONE, TLSM_EPOCH_EARLY, TLSM_EPOCH_HANDSHAKE, TLSM_EPOCH_DATA };

/* Steps of the handshake; which message may come or is made in each is handshake.def's. */
enum tlsm_phase {
#define PHASE(name, role, rx, tx, read, write, text) TLSM_PHASE_##name,
#include "phase.def"
#undef PHASE
    TLSM_PHASE_COUNT
};

enum tlsm_mover { TLSM_NOBODY_MOVED, TLSM_WE_MOVED, TLSM_PEER_MOVED, TLSM_TRANSPORT_MOVED };

/* Where an EOF fell (T1). */
enum tlsm_place {
    TLSM_PLACE_NONE, TLSM_PLACE_BOUNDARY,
    TLSM_PLACE_HEADER,      /* eof_have of 5 header bytes */
    TLSM_PLACE_BODY,        /* eof_have of eof_need body bytes */
    TLSM_PLACE_MESSAGE,     /* at a record boundary, between fragments of a handshake message */
    TLSM_PLACE_UNKNOWN      /* records are opened elsewhere, by a layer that cannot tell */
};

/* Line 7 of V1: the earliest stays. PEER_CLOSED is the extra cause of line 3. */
enum tlsm_cause {
    TLSM_CAUSE_NONE, TLSM_CAUSE_BUDGET, TLSM_CAUSE_DEADLINE, TLSM_CAUSE_ABANDON, TLSM_CAUSE_RECEIVE_FAILED,
    TLSM_CAUSE_SEND_FAILED, TLSM_CAUSE_EOF, TLSM_CAUSE_EOF_VOUCHED, TLSM_CAUSE_PEER_ALERT, TLSM_CAUSE_LOCAL_ALERT,
    TLSM_CAUSE_PROTOCOL_ERROR, TLSM_CAUSE_ABORT, TLSM_CAUSE_PEER_CLOSED
};

enum tlsm_fact {                           /* bits of control.facts; never cleared, but ONE_WAY by wait */
    TLSM_FACT_TOUCHED = 1 << 0,            /* a byte was produced or consumed */
    TLSM_FACT_COMPLETE = 1 << 1,           /* the handshake is complete */
    TLSM_FACT_OPENED = 1 << 2,             /* a protected record was opened (F2) */
    TLSM_FACT_CANCELLED = 1 << 3,          /* A2, A3 or abandon before the handshake was complete */
    TLSM_FACT_ERROR = 1 << 4,              /* we found an error */
    TLSM_FACT_ABORTED = 1 << 5,            /* the application aborted */
    TLSM_FACT_FATAL_MADE = 1 << 6,         /* our fatal alert was produced */
    TLSM_FACT_FATAL_TAKEN = 1 << 7,        /* … and wholly taken */
    TLSM_FACT_CLOSE_MADE = 1 << 8,         /* our close_notify was produced */
    TLSM_FACT_CANCEL_MADE = 1 << 9,        /* our user_canceled was produced */
    TLSM_FACT_PEER_ALERT = 1 << 10,        /* the peer's error alert came */
    TLSM_FACT_ALERT_AUTHENTIC = 1 << 11,   /* the alert in alert_in was authenticated */
    TLSM_FACT_PEER_CLOSED_EARLY = 1 << 12, /* C6, F2 */
    TLSM_FACT_PEER_CANCELED = 1 << 13,     /* the peer said user_canceled */
    TLSM_FACT_ONE_WAY = 1 << 14,           /* our close does not wait for the peer's (A12) */
    TLSM_FACT_EOF_AFTER_CLOSE = 1 << 15,   /* our close_notify was produced before the EOF */
    TLSM_FACT_DEADLINE = 1 << 16,          /* a deadline is set */
    TLSM_FACT_KEEP = 1 << 17,              /* another protocol follows on the transport */
    TLSM_FACT_HALF_RECORD = 1 << 18,       /* TX died with part of a record on the wire (A9) */
    TLSM_FACT_RETRIED = 1 << 19,           /* a HelloRetryRequest was sent or received */
    TLSM_FACT_CCS = 1 << 20,               /* middlebox compatibility: ChangeCipherSpec records are sent */
    TLSM_FACT_EARLY_REJECTED = 1 << 21,    /* early data is being skipped, or was; client: the server does not read it */
    TLSM_FACT_EARLY_KEYS_CLOSE = 1 << 22,  /* closed under keys the peer may be unable to read (A3, A4) */
    TLSM_FACT_TICKETS = 1 << 23,           /* session tickets came, or were issued, on this connection */
    TLSM_FACT_CLOSE_ASKED = 1 << 24,       /* our close was asked for, whatever became of it (B1, I12) */
    TLSM_FACT_RESUMED = 1 << 25,           /* a session was resumed: no certificate was shown */
    TLSM_FACT_TICKETS_WANTED = 1 << 26,    /* server: the client can use tickets */
    TLSM_FACT_READ_ELSEWHERE = 1 << 27,    /* the peer's records are opened elsewhere (J2) */
    TLSM_FACT_WRITE_ELSEWHERE = 1 << 28,   /* our records are sealed elsewhere (J2) */
    TLSM_FACT_KEYS_FIXED = 1 << 29,        /* … by a layer that cannot take new keys */
    TLSM_FACT_OBSERVED = 1 << 30           /* another library runs the connection: tlsm_observe.h */
};

enum tlsm_mark {                           /* bits of control.marks: what was agreed, and what is known of the peer */
    TLSM_MARK_EXTENDED_MASTER = 1 << 0,    /* TLS 1.2: the master secret is bound to the handshake (RFC 7627); client, before
                                            * ServerHello: that of the session offered is */
    TLSM_MARK_TICKET_TOLD = 1 << 1,        /* TLS 1.2: NewSessionTicket comes in this handshake */
    TLSM_MARK_STATUS_TOLD = 1 << 2,        /* TLS 1.2: CertificateStatus comes; TLS 1.3, server: the client wants a stapled answer */
    TLSM_MARK_PEER_SHOWN = 1 << 3,         /* server: the client showed a certificate, now or when the session was made */
    TLSM_MARK_EARLY_OFFERED = 1 << 4,      /* client: early data was offered */
    TLSM_MARK_EARLY_ACCEPTED = 1 << 5,     /* early data is read by the server (client: it said so) */
    TLSM_MARK_EARLY_ENDED = 1 << 6,        /* EndOfEarlyData was made, or came */
    TLSM_MARK_LATE_AUTH = 1 << 7,          /* the client may be asked for a certificate after the handshake (RFC 9846 §4.7.2) */
    TLSM_MARK_UNRESUMABLE = 1 << 8,        /* TLS 1.2: the session is not to be resumed (C5, G6) */
    TLSM_MARK_BY_ID = 1 << 9,              /* TLS 1.2: the session has an id, no ticket */
    TLSM_MARK_RENEGOTIATION_INFO = 1 << 10 /* TLS 1.2: both know RFC 5746 */
};

enum tlsm_behind {                         /* what lies behind struct tlsm_state */
    TLSM_BEHIND_NOTHING,
    TLSM_BEHIND_HANDSHAKE,                 /* struct tlsm_handshake and its room */
    TLSM_BEHIND_TRANSCRIPT,                /* struct tlsm_hash: the client may be asked for a certificate later */
    TLSM_BEHIND_TICKET                     /* TLS 1.2: the session's ticket or id, until the next step */
};

enum tlsm_owes {
    TLSM_OWES_UPDATE = 1, TLSM_OWES_UPDATE_ASK = 2,
    TLSM_AWAITS_UPDATE = 4                 /* nothing owed: we asked, and the peer has not updated yet */
};

/* The control block: all that the closing table and the explorer see; 40 bytes near the start of every state. Payload,
 * keys, sequence numbers and byte totals stay out of it. Read it, never write it. */
struct tlsm_control {
    uint8_t rx, tx;                  /* enum tlsm_rx, tlsm_tx */
    uint8_t phase;                   /* enum tlsm_phase */
    uint8_t role;                    /* enum tlsm_role; 0 before start */
    uint8_t read_epoch, write_epoch; /* two axes, never one */
    uint8_t header_seen;             /* header bytes folded, 0..5 */
    uint8_t record_type;             /* outer type once header_seen > 0, else 0 */
    uint8_t first_mover;             /* enum tlsm_mover */
    uint8_t cause;                   /* enum tlsm_cause, line 7 of V1 */
    uint8_t place;                   /* enum tlsm_place */
    uint8_t alert_out, alert_in;     /* enum tlsm_alert */
    uint8_t alert_in_level;          /* as received; 0 none */
    uint8_t empties, cancels, warnings, key_updates;   /* saturating counters: E4; alerts ignored (E3, E5); compatibility
                                      * ChangeCipherSpecs, and HelloRequests ignored (E8); B5 */
    uint8_t request;                 /* enum tlsm_request_kind, 0 none */
    uint8_t owes;                    /* enum tlsm_owes bits, beyond what phase and tx say */
    uint8_t split;                   /* 1: part of a handshake message has come */
    uint8_t tickets;                 /* server: session tickets owed; saturating */
    uint16_t body;                   /* record body length: its high byte at header_seen 4, whole at 5, else 0 */
    uint32_t facts;                  /* enum tlsm_fact bits */
    uint16_t version;                /* enum tlsm_protocol */
    uint16_t marks;                  /* enum tlsm_mark bits */
    uint8_t behind;                  /* enum tlsm_behind */
    uint8_t late_requests;           /* server: certificate requests made after the handshake; saturating */
    uint8_t zero2[6];
};

/* Totals; not walked. Read it, never write it. */
struct tlsm_ledger {
    uint64_t produced, taken;        /* wire bytes; produced - taken of them lie with the caller */
    uint64_t batch_start;            /* `produced` when nothing was outstanding: a record boundary */
    uint64_t record_start;           /* where the record produced last begins: a record boundary */
    uint64_t plain_in, plain_out;    /* application bytes delivered, written */
    uint64_t discarded;              /* opened but not delivered, by policy */
    uint64_t closing_bytes;          /* application bytes received since our close */
    uint64_t write_updates;          /* key updates made by us (F4) */
    uint32_t closing_records;        /* records received since our close */
    uint32_t eof_have, eof_need;     /* with control.place */
    uint32_t skipped;                /* early data bytes skipped */
    uint32_t early_in, early_out;    /* early data bytes delivered, written; plain_in and plain_out count them too */
};

/* An established connection; a handshake adds struct tlsm_handshake and its room behind it. Read-only to callers. */
struct tlsm_state {
    uint32_t length;                 /* live bytes; the rest of the block is not part of the value */
    uint32_t request_id;             /* of the request that is open, or was last */
    struct tlsm_control control;
    struct tlsm_ledger ledger;
    struct tlsm_key read_key, write_key;
    uint8_t read_secret[TLSM_HASH_MAX], write_secret[TLSM_HASH_MAX];   /* application traffic secrets in use */
    uint8_t exporter[TLSM_HASH_MAX];   /* exporter secret; TLS 1.2: master secret */
    uint8_t resumption[TLSM_HASH_MAX]; /* resumption secret; TLS 1.2: server_random, for exporters */
    uint8_t client_random[32];
    uint64_t now_ms;                 /* unix milliseconds, as last told; 0 not known */
    uint64_t origin_ms;              /* when the full handshake took place that this connection descends from */
    uint8_t name_digest[32];         /* SHA-256 of the lower-cased server name, zeros without one */
    uint16_t suite, group, scheme;   /* as negotiated: IANA numbers, 0 not yet */
    uint16_t alpn;                   /* 1 + index into settings->alpn, 0 none */
    uint16_t credential;             /* index into settings->credentials; client: TLSM_NO_CREDENTIAL: none is shown */
    uint16_t spare_have;             /* bytes in spare */
    uint32_t spare_skip;             /* bytes of a post-handshake message still to skip */
    uint16_t spare_tail;             /* bytes of the last record's plaintext that ended a message begun earlier */
    uint16_t tickets_made;           /* server: session tickets issued */
    uint16_t record_max;             /* plaintext bytes the peer takes in one record (RFC 8449; the type byte of TLS 1.3 not counted); 0: TLSM_PLAIN_MAX */
    uint16_t zero;
    uint8_t spare[TLSM_SPARE];       /* a fragmented post-handshake message (F5) */
};

#ifndef __cplusplus
_Static_assert(sizeof(struct tlsm_control) == 40, "control has no padding");
_Static_assert(sizeof(struct tlsm_ledger) == 96, "ledger has no padding");
_Static_assert(sizeof(struct tlsm_key) == 64, "key has no padding");
_Static_assert(sizeof(struct tlsm_hash) == 200, "hash has no padding");
_Static_assert(sizeof(struct tlsm_state) == 8 + 40 + 96 + 128 + 192 + 32 + 48 + 24 + TLSM_SPARE, "state has no padding");
_Static_assert(sizeof(struct tlsm_state) + sizeof(struct tlsm_hash) <= TLSM_ESTABLISHED_MAX, "an established connection fits");
#endif

/* ------------------------------------------------------------------------------------------------ inputs */

enum tlsm_in_kind {
    TLSM_IN_START,          /* begin: entropy, now_ms; client: server_name, session */
    TLSM_IN_WIRE,           /* bytes from the peer. One unit a step: a run of header bytes, or one whole body. Makes no bytes */
    TLSM_IN_PRODUCE,        /* make the next owed record (a whole handshake message, a key update, an alert) */
    TLSM_IN_WRITE,          /* bytes → one application-data record; `consumed` says how many went in */
    TLSM_IN_SENT,           /* the transport took `count` of the produced bytes */
    TLSM_IN_CLOSE,          /* end our half; one_way: do not wait for the peer's */
    TLSM_IN_WAIT,           /* a one-way close becomes two-way (A12) */
    TLSM_IN_ABORT,          /* end with the error `alert`; it is owed, then sent */
    TLSM_IN_ABANDON,        /* end both halves now, silently */
    TLSM_IN_EOF,            /* the transport ended; `count`: body bytes held and not consumed (read side elsewhere: bytes of an
                             * incomplete record); vouch: see eof policy */
    TLSM_IN_RECEIVE_FAILED, /* the transport failed while receiving (reset) */
    TLSM_IN_SEND_FAILED,    /* the transport failed while sending; what is still received stays good (I12) */
    TLSM_IN_DEADLINE_SET,   /* from now on TLSM_IN_DEADLINE is legal, and a need */
    TLSM_IN_DEADLINE,       /* it passed: both halves end */
    TLSM_IN_ANSWER,         /* `answer` to the open request; one with another id changes nothing */
    TLSM_IN_KEY_UPDATE,     /* change our sending key; ask: and ask the peer to change its own */
    TLSM_IN_EXPORT,         /* mark as handed off (J1), tlsm_export() done; carry: produced bytes not taken go along */
    TLSM_IN_TICKET,         /* server: one more session ticket is owed; now_ms */
    TLSM_IN_ASK_CERTIFICATE,/* server, TLS 1.3: the client is asked for a certificate; once at a time, at most 255 times. BAD_ARGUMENT:
                             * it did not offer post_handshake_auth, or settings->late_auth is 0. NEWS_PEER_SHOWN or _DECLINED follows */
    TLSM_IN_OFFLOAD,        /* from now on the records of `sides` are opened or sealed elsewhere: tlsm_elsewhere.h */
    TLSM_IN_RECORD,         /* the peer's record was opened elsewhere: record_type, and its whole content in `bytes` */
    TLSM_IN_RECORD_FAILED,  /* it could not be opened: `alert` says why */
    TLSM_IN_COUNT
};

/* Entropy for one connection, from a cryptographic source, used verbatim and in this shape (so traces can be replayed). */
struct tlsm_entropy {
    uint8_t random[32];
    uint8_t session_id[32];                                    /* client; server: id of a TLS 1.2 session in the caller's cache */
    uint8_t share_secret[TLSM_SHARES][TLSM_SHARE_SECRET_MAX];  /* client: two offered, [2] for a retry; server: [0] */
};

enum tlsm_request_kind {
    TLSM_ASK_NOTHING = 0,
    TLSM_ASK_CREDENTIAL,    /* which credential? answer.credential (only with TLSM_ASK_CREDENTIAL_BIT) */
    TLSM_ASK_SIGN,          /* sign `content` with the key of `credential` under `scheme`: answer.signature */
    TLSM_ASK_JUDGE,         /* is `chain` good (client: for `server_name`; server: as a client's), and is `signature` its leaf's over
                             * `content`? */
    TLSM_ASK_SESSION,       /* server: which of `identities` is in the cache? answer.session, .identity, .now_ms (only with
                             * TLSM_ASK_SESSION_BIT) */
    TLSM_ASK_REPLAY         /* server: did the early data that `once` names come before? alert 0, `fresh` 1 and `now_ms`: no,
                             * it may be read, if its ticket's age fits; else it is rejected and the handshake goes on (RFC 9846 §8).
                             * Whoever answers 1 remembers `once` for 2 * TLSM_EARLY_AGE_MS, on all servers that open the ticket:
                             * after that its age tells. tlsm_replay.h does, for one process */
};

/* What is asked. Filled by tlsm_request(); pointers lead into the state and are good until its next step. */
struct tlsm_request {
    uint32_t kind, id;                     /* enum tlsm_request_kind; id comes back in the answer */
    struct tlsm_bytes server_name;         /* CREDENTIAL, JUDGE, SESSION: as sent or received, no final dot, may be empty */
    struct tlsm_bytes alpn;                /* CREDENTIAL: the peer's list as on the wire, may be empty */
    struct tlsm_bytes schemes;             /* CREDENTIAL: the peer's list, 2 bytes each, big-endian; server, TLS 1.2: 0 in the place of one
                                            * that no common suite goes with */
    uint16_t scheme;                       /* SIGN, JUDGE: enum tlsm_scheme */
    uint16_t credential;                   /* SIGN */
    uint16_t version;                      /* enum tlsm_protocol, once known: in TLS 1.3 alone an ECDSA scheme names the curve too */
    struct tlsm_bytes chain;               /* JUDGE: certificate_list as received; walk it with tlsm_chain_next() */
    struct tlsm_bytes signature;           /* JUDGE */
    struct tlsm_bytes identities;          /* SESSION: walk them with tlsm_identity_next(), the client's best first */
    struct tlsm_bytes staple;              /* JUDGE: the OCSP response (DER) that came with the leaf, may be empty */
    struct tlsm_bytes types;               /* CREDENTIAL, client of TLS 1.2: kinds of key the server takes, 1 byte each (RFC 5246 §7.4.4) */
    struct tlsm_bytes authorities;         /* CREDENTIAL: names the peer trusts (DER, each with a 2-byte length), may be empty; a server's
                                            * built-in rule does not look at them */
    struct tlsm_bytes session_id;          /* SESSION, TLS 1.2: what the client shows, a ticket or an id; identities is empty */
    struct tlsm_bytes once;                /* REPLAY: names the ClientHello, 32 bytes */
    uint8_t digested;                      /* SIGN, JUDGE: 1: content is a digest already, by the scheme's hash (TLS 1.2, client) */
    uint8_t of_client;                     /* JUDGE: 1: the chain is a client's */
    size_t content_length;
    uint8_t content[64 + 4 + 133];         /* SIGN, JUDGE: the bytes the signature covers (RFC 9846 §4.5.2; RFC 5246 §7.4.3, RFC 8422 §5.4) */
};

struct tlsm_answer {
    uint32_t id;                     /* of the request */
    uint8_t alert;                   /* 0: yes; else refuse, with this description */
    uint8_t fresh;                   /* REPLAY: 1: this early data never came before */
    uint16_t credential;             /* CREDENTIAL: index into settings->credentials; client: or TLSM_NO_CREDENTIAL */
    struct tlsm_bytes signature;     /* SIGN: at most TLSM_SIGNATURE_MAX bytes, copied */
    uint16_t identity;               /* SESSION: index of the identity the session belongs to, 0 the first */
    const struct tlsm_session *session;   /* SESSION: copied; NULL: none is there, which makes a full handshake. Its lifetime,
                                      * context, name and hash are checked here, not by the caller */
    uint64_t now_ms;                 /* SESSION: unix milliseconds; 0: the time given at the start stands. REPLAY: the same, never 0 with
                                      * fresh */
};

/* One input. Zero what is not named for its kind; tlsm_in values are read, never kept. */
struct tlsm_in {
    enum tlsm_in_kind kind;
    struct tlsm_bytes bytes;                   /* WIRE, WRITE, RECORD */
    size_t count;                              /* SENT, EOF */
    const struct tlsm_entropy *entropy;        /* START */
    struct tlsm_bytes server_name;             /* START, client: a host name for SNI and the judge, no final dot; or empty */
    const struct tlsm_answer *answer;          /* ANSWER */
    const struct tlsm_session *session;        /* START, client: offered if it can be used, else silently not; may be NULL */
    uint64_t now_ms;                           /* START, TICKET: unix milliseconds; 0: not known, and no session is offered,
                                                * accepted or issued (TICKET: the time told before stands) */
    uint8_t alert;                             /* ABORT: an error description. RECORD_FAILED: why */
    uint8_t one_way;                           /* CLOSE */
    uint8_t vouch;                             /* EOF */
    uint8_t early;                             /* WRITE, client: 1: as early data, which may be replayed by others (RFC 9846 §8) */
    uint8_t ask;                               /* KEY_UPDATE */
    uint8_t carry;                             /* EXPORT */
    uint8_t sides;                             /* OFFLOAD: enum tlsm_side bits */
    uint8_t fixed;                             /* OFFLOAD: 1: the layer cannot take new keys later */
    uint8_t record_type;                       /* RECORD: the inner type, enum tlsm_record_type */
    uint8_t unsure;                            /* EOF, read side elsewhere: 1: more than `count` bytes may have come of a record */
};

enum tlsm_news {                      /* bits of out.news: one record may bring several things */
    TLSM_NEWS_DATA = 1 << 0, TLSM_NEWS_TICKET = 1 << 1, TLSM_NEWS_KEYS_CHANGED = 1 << 2, TLSM_NEWS_KEYS = 1 << 3,
    TLSM_NEWS_REQUEST = 1 << 4, TLSM_NEWS_CONNECTED = 1 << 5, TLSM_NEWS_PEER_CLOSED = 1 << 6, TLSM_NEWS_ENDED = 1 << 7,
    TLSM_NEWS_DISCARDED = 1 << 8,
    TLSM_NEWS_WRITE_KEY = 1 << 9,     /* our key update was made: what follows it goes under a new key (KEYS_CHANGED: the peer's) */
    TLSM_NEWS_EARLY = 1 << 10,        /* DATA came as early data; or (client) the server's word on ours: tlsm_early_data() */
    TLSM_NEWS_PEER_SHOWN = 1 << 11,   /* server: a certificate the client showed after the handshake was judged good */
    TLSM_NEWS_PEER_DECLINED = 1 << 12 /* server: the client was asked after the handshake and shows none */
};

/* What a step gives. The caller sets the first part, the step all of the second. */
struct tlsm_out {
    struct tlsm_span wire;            /* where records are made; may hold the WRITE input's bytes at offset TLSM_HEADER */
    struct tlsm_span plain;           /* where a body is opened; plain.data may be in->bytes.data itself (in place) */
    size_t state_capacity;            /* bytes of the block behind `next` */

    size_t consumed;                  /* of in->bytes (WIRE, WRITE) */
    size_t wire_length;               /* bytes made at wire.data */
    size_t plain_length;              /* bytes at plain.data (application data, or messages that hold tickets) */
    size_t input_needed;              /* with MORE_INPUT: exact number of further bytes that make progress */
    size_t wire_needed, plain_needed, state_needed;   /* with MORE_…_ROOM: the whole room to bring */
    uint32_t news;                    /* enum tlsm_news bits */
    uint8_t cells;                    /* rows of closing.def taken, at most TLSM_CELLS */
    uint8_t row;                      /* 1 + row of handshake.def taken last, 0 none */
    uint8_t violation;                /* the peer's input was wrong: the alert that says how (enum tlsm_alert), also where none
                                       * may be sent any more (B4); 0: it was not */
    uint8_t record_type;              /* write side elsewhere: wire.data holds content of this type, one record or the full ones of a long message; else 0 */
    uint16_t cell[TLSM_CELLS];        /* (rx * TLSM_TX_COUNT + tx) * TLSM_EV_COUNT + event, states before the event */
};

/* tlsm_init: makes `state` a connection that was not started. Writes sizeof(struct tlsm_state) bytes. The block should
 * have room for the handshake (TLSM_HANDSHAKE_ROOM); how much there is goes into out.state_capacity of each step. */
void tlsm_init(struct tlsm_state *state);

/* tlsm_step: the one door; see the top of this file. `next` may be `state` (the fast way) or must not overlap it.
 * out.state_capacity bytes must be behind `next`. On MORE_… and refusals `next` equals `state`, but for folded header bytes
 * with MORE_INPUT. Legal in every state. */
enum tlsm_code tlsm_step(const struct tlsm_config *config, const struct tlsm_state *state, const struct tlsm_in *in,
                         struct tlsm_state *next, struct tlsm_out *out) TLSM_MUST_USE;

/* tlsm_length: the live bytes of a state: what to copy, compare, or wipe. */
size_t tlsm_length(const struct tlsm_state *state);

enum tlsm_need {
    TLSM_NEED_RECEIVE = 1, TLSM_NEED_PRODUCE = 2, TLSM_NEED_SEND = 4, TLSM_NEED_ANSWER = 8, TLSM_NEED_COMMAND = 16,
    TLSM_NEED_DEADLINE = 32
};

/* tlsm_needs: what can move this connection now, enum tlsm_need bits. 0 if and only if it is final (I5). */
unsigned tlsm_needs(const struct tlsm_state *state);

/* tlsm_outstanding: produced bytes the transport has not taken. They lie with the caller. */
uint64_t tlsm_outstanding(const struct tlsm_state *state);

/* tlsm_receive_hint: bytes to read so as not to pass the end of the record (C4); 0 when nothing may be read. */
size_t tlsm_receive_hint(const struct tlsm_state *state);

/* tlsm_is_final, tlsm_can_write, tlsm_connected, tlsm_resumed (a session was resumed): 1 or 0. */
int tlsm_is_final(const struct tlsm_state *state);
int tlsm_can_write(const struct tlsm_state *state);
int tlsm_connected(const struct tlsm_state *state);
int tlsm_resumed(const struct tlsm_state *state);

/* What became of early data. UNKNOWN: offered, and the server has not said; a client that is told REJECTED sends it again, or not. */
enum tlsm_early { TLSM_EARLY_NONE, TLSM_EARLY_UNKNOWN, TLSM_EARLY_ACCEPTED, TLSM_EARLY_REJECTED };

/* tlsm_early_data: enum tlsm_early. tlsm_early_room: client: bytes that may still be written as early data now, 0: none. */
int tlsm_early_data(const struct tlsm_state *state);
size_t tlsm_early_room(const struct tlsm_config *config, const struct tlsm_state *state);

/* tlsm_exporter: keying material for another protocol (RFC 9846 §7.5; TLS 1.2: RFC 5705, which tells an empty context from none: NULL
 * data is none). `label` is from IANA's list, `context` at most 65535 bytes. "EXPORTER-Channel-Binding" without a context, 32 bytes, is
 * the channel binding tls-exporter (RFC 9266). 0; negative: not connected, ended, or (TLS 1.2) the master secret is not extended. */
int tlsm_exporter(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_bytes label,
                  struct tlsm_bytes context, struct tlsm_span to);

/* How it ended. Filled by tlsm_verdict(), readable at any moment, unchanging once final. */
struct tlsm_verdict {
    uint8_t how;                     /* enum tlsm_how */
    uint8_t cause;                   /* enum tlsm_cause: with handshake_failed, clean_received, transport_failed */
    uint8_t phase;                   /* enum tlsm_phase */
    uint8_t first_mover;             /* enum tlsm_mover */
    uint8_t place;                   /* enum tlsm_place, with eof_have and eof_need */
    uint8_t alert_sent;              /* enum tlsm_alert, 255 none: our fatal alert, or close_notify */
    uint8_t alert_delivered;         /* 1: the transport took all of it */
    uint8_t alert_received;          /* 255 none */
    uint8_t alert_received_level;
    uint8_t alert_authenticated;     /* 1: nobody else could have sent it */
    uint8_t peer_canceled;           /* 1: user_canceled came */
    uint8_t resumable;               /* 1: sessions of this connection may be resumed (G6) */
    uint32_t eof_have, eof_need;
    uint64_t plain_in, plain_out, discarded;   /* application bytes */
    uint64_t untaken;                /* produced bytes the transport never took */
    uint32_t skipped;                /* bytes of rejected early data */
    uint32_t peer_may_not_read;      /* 1: our close went out under keys the peer may not have (A3, A4) */
    uint8_t resumed;                 /* 1: this connection resumed a session */
    uint8_t early;                   /* enum tlsm_early */
    uint8_t zero[6];
};
void tlsm_verdict(const struct tlsm_state *state, struct tlsm_verdict *verdict);

enum tlsm_advice_flag {
    TLSM_ADVICE_FLUSH = 1,     /* send what is produced */
    TLSM_ADVICE_SHUT_WR = 2,   /* end the transport's sending half (FIN) */
    TLSM_ADVICE_DRAIN = 4,     /* then read and drop until EOF, the deadline, or drain_bytes, so that nothing resets our last bytes */
    TLSM_ADVICE_CLOSE = 8,     /* close the transport */
    TLSM_ADVICE_RESET = 16,    /* close it so that the peer sees a failure, never a FIN that looks like an end (A9) */
    TLSM_ADVICE_KEEP = 32      /* another protocol follows: leave the transport as it is */
};
struct tlsm_advice {
    uint32_t flags;            /* enum tlsm_advice_flag bits, to be done in the order of their values */
    uint32_t drain_bytes;
    uint64_t drop;             /* produced bytes to drop: TX is dead */
};

/* tlsm_advice: what to do to the transport now. An adapter follows it (H3). */
void tlsm_advice(const struct tlsm_state *state, struct tlsm_advice *advice);

/* tlsm_request: fills `request` with what is asked and returns its kind, 0 when nothing is. Pure. */
int tlsm_request(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_request *request);

/* tlsm_choose_credential: the built-in rule for a CREDENTIAL request's version, server_name and schemes: the first credential that fits
 * both, for a name nobody has the first that fits the schemes, 0 for a client that names none and can only resume. Its index, or
 * credential_count when none does. */
size_t tlsm_choose_credential(const struct tlsm_settings *settings, uint16_t version, struct tlsm_bytes name,
                              struct tlsm_bytes schemes);

/* tlsm_choose_client_credential: the same for a client, of a CREDENTIAL request's version, schemes and authorities: the first credential that
 * fits the schemes and, where authorities are named, has a certificate that one of them issued (names are compared byte by byte). Its
 * index, or TLSM_NO_CREDENTIAL. A request's `types` (TLS 1.2) are not asked here: an answer whose key is of none of them is BAD_ARGUMENT, and
 * the request stays open for another. */
size_t tlsm_choose_client_credential(const struct tlsm_settings *settings, uint16_t version, struct tlsm_bytes schemes,
                                     struct tlsm_bytes authorities);

/* tlsm_peer_shown: server: 1 when the client showed a certificate that was judged good: in this handshake, after it, or when the session
 * that was resumed was made; else 0. */
int tlsm_peer_shown(const struct tlsm_state *state);

/* tlsm_chain_next: the next certificate of a JUDGE request's chain. *offset starts at 0. Returns 1 and the DER bytes, or 0
 * at the end. The list was checked when it was received. */
int tlsm_chain_next(struct tlsm_bytes chain, size_t *offset, struct tlsm_bytes *certificate);

/* tlsm_identity_next: the next ticket of a SESSION request. *offset starts at 0. Returns 1 and the ticket, or 0 at the end. */
int tlsm_identity_next(struct tlsm_bytes identities, size_t *offset, struct tlsm_bytes *identity);

enum tlsm_secret_label {
    TLSM_SECRET_CLIENT_HANDSHAKE, TLSM_SECRET_SERVER_HANDSHAKE, TLSM_SECRET_CLIENT_TRAFFIC, TLSM_SECRET_SERVER_TRAFFIC,
    TLSM_SECRET_EXPORTER, TLSM_SECRET_CLIENT_EARLY, TLSM_SECRET_MASTER /* TLS 1.2 */, TLSM_SECRET_COUNT
};

/* tlsm_secret: copies a secret for a key log, in the step's aftermath that had NEWS_KEYS. Returns its length, 0 when the
 * state does not hold it now. */
size_t tlsm_secret(const struct tlsm_state *state, enum tlsm_secret_label label, uint8_t secret[TLSM_HASH_MAX]);

/* tlsm_forget: wipes the state and the provider's cached keys of it. For connections that are dropped before they are
 * final, and for copies. */
void tlsm_forget(const struct tlsm_config *config, struct tlsm_state *state);

/* tlsm_invariant: 0 when the state satisfies the state invariants of docs/closing.md, else the number of the first that
 * fails (1, 3, 4, 5, 9; 100 and up: the value is not canonical). Pure, for tests and fuzzing. */
int tlsm_invariant(const struct tlsm_state *state);

TLSM_DECLARATIONS_END

#include "tlsm_elsewhere.h"
#include "tlsm_export.h"
#include "tlsm_session.h"
#include "tlsm_shutdown.h"
#include "tlsm_words.h"

#endif
