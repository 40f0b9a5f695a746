/* SPDX-License-Identifier: MIT */
/* What the files of machine/ share and nobody else sees. */
#ifndef TLSM_INTERNAL_H
#define TLSM_INTERNAL_H

#include <string.h>

#include "tlsm.h"

#define TLSM_UNUSED(x) ((void)(x))

/* ------------------------------------------------------------------------------------------------ records */

/* Handshake message types, RFC 9846 §4, RFC 5246 §7.4. HELLO_RETRY is our own number for a ServerHello with the special random,
 * SERVER_HELLO_12 for one of TLS 1.2, and CCS for that record, so that order is decided by handshake.def alone. */
enum {
    TLSM_MSG_HELLO_REQUEST = 0, TLSM_MSG_CLIENT_HELLO = 1, TLSM_MSG_SERVER_HELLO = 2, TLSM_MSG_NEW_SESSION_TICKET = 4, TLSM_MSG_END_OF_EARLY_DATA = 5,
    TLSM_MSG_ENCRYPTED_EXTENSIONS = 8, TLSM_MSG_CERTIFICATE = 11, TLSM_MSG_SERVER_KEY_EXCHANGE = 12,
    TLSM_MSG_CERTIFICATE_REQUEST = 13, TLSM_MSG_SERVER_HELLO_DONE = 14, TLSM_MSG_CERTIFICATE_VERIFY = 15,
    TLSM_MSG_CLIENT_KEY_EXCHANGE = 16, TLSM_MSG_FINISHED = 20, TLSM_MSG_CERTIFICATE_STATUS = 22, TLSM_MSG_KEY_UPDATE = 24,
    TLSM_MSG_MESSAGE_HASH = 254, TLSM_MSG_HELLO_RETRY = 256, TLSM_MSG_CCS = 257, TLSM_MSG_SERVER_HELLO_12 = 258
};

enum { TLSM_ROOM_MIN = 1024 };   /* room behind struct tlsm_handshake that a start needs at least */

/* ------------------------------------------------------------------------------------------------ the handshake */

/* Behind struct tlsm_state while the handshake lasts (control.behind says so): this, then `room`. The room holds, from its start,
 *   [0, kept)         what is still spoken of. Client: the ticket offered, until ServerHello; HelloRetryRequest with a cookie,
 *                     until it was echoed; Certificate and CertificateVerify, until judged; CertificateRequest, until it is
 *                     answered; the ticket of TLS 1.2, until the end. Server: ClientHello, while a session is found or a
 *                     credential chosen; our signature, until it is sent; the client's Certificate and CertificateVerify
 *   [kept, used)      handshake bytes received and not yet a whole message
 * state->length is always sizeof(state) + sizeof(handshake) + used. */
struct tlsm_handshake {
    uint32_t kept, used;
    uint32_t chain_at, chain_length;          /* the peer's certificate_list in the kept room */
    uint32_t signature_at, signature_length;  /* the peer's, or ours once answered, in the kept room */
    uint32_t cookie_at, cookie_length;        /* client: of the retry, in the kept room */
    uint32_t ticket_length, ticket_age;       /* client: of the session offered, which the kept room begins with; obfuscated */
    uint16_t hash;                            /* enum tlsm_hash_name once fixed, 0 before */
    uint16_t retry_group;                     /* group asked for by a HelloRetryRequest, 0 none */
    uint16_t share_group[2];                  /* groups of own_share; 0 none */
    uint16_t own_share_length[2];
    uint16_t shared_length;
    uint16_t session_hash;                    /* client: hash of the session offered; of one of TLS 1.2 its suite */
    uint16_t identity;                        /* server: index of the session resumed */
    uint16_t flags;                           /* TLSM_HS_… */
    uint16_t session_suite;                   /* client: of the session whose early data is offered */
    uint8_t session_id_length, name_length;
    uint32_t staple_at, staple_length;        /* client: the OCSP response that came, in the kept room */
    uint32_t request_at, request_length;      /* client: CertificateRequest's body, in the kept room */
    uint32_t peer_at, peer_length;            /* TLS 1.2, client: the server's ServerECDHParams, in the kept room */
    uint32_t ticket_at, ticket_lifetime;      /* TLS 1.2, client: the ticket that came, in the kept room; ticket_length is its length */
    uint64_t session_origin_ms;               /* client: of the session offered */
    uint32_t early_max;                       /* early data that may be sent, or read: as the ticket said */
    uint32_t zero;
    struct tlsm_hash transcript;              /* before the hash is fixed: as if it were SHA-256 … */
    struct tlsm_hash other;                   /* … and SHA-384. Server: the transcript before the ClientHello whose sessions
                                               * are looked for. TLS 1.2 with client authentication: both hashes run on, as at the
                                               * start, until CertificateVerify. After the handshake: what the next request for a
                                               * certificate begins with. Zero otherwise */
    uint8_t signed_hash[TLSM_HASH_MAX];       /* transcript hash that CertificateVerify covers; server, between the two
                                               * ClientHellos: digest of what the second must repeat; server, while it is asked
                                               * whether early data came before: what names it, and when it was to come */
    uint8_t server_random[32], session_id[32];
    uint8_t secret[TLSM_HASH_MAX];            /* the key schedule's running secret: Early Secret (with a session), Handshake
                                               * Secret, then Main Secret; TLS 1.2: the master secret (client: of the session
                                               * offered, until ServerHello) */
    uint8_t early[TLSM_HASH_MAX];             /* client_early_traffic_secret */
    uint8_t client_handshake[TLSM_HASH_MAX], server_handshake[TLSM_HASH_MAX];
    uint8_t client_traffic[TLSM_HASH_MAX], server_traffic[TLSM_HASH_MAX];
    uint8_t shared[TLSM_SHARED_MAX];          /* server: agreed secret until ServerHello is produced; TLS 1.2, client: until
                                               * ClientKeyExchange is */
    uint8_t share_secret[TLSM_SHARES][TLSM_SHARE_SECRET_MAX];
    uint8_t own_share[2][128];                /* classic shares only */
    uint8_t name[256];                        /* client: server_name as given; server: as received */
};
enum {
    TLSM_HS_CERTIFICATE_REQUESTED = 1,        /* client: a CertificateRequest came */
    TLSM_HS_SNI_ACCEPTED = 2,                 /* server: the name guided the choice of the credential */
    TLSM_HS_EARLY_OFFERED = 4,                /* server: the client sends early data, which is skipped */
    TLSM_HS_SESSION_OFFERED = 8,              /* client: ClientHello has pre_shared_key */
    TLSM_HS_FINDING = 16,                     /* server: the caller's cache is to be asked */
    TLSM_HS_UNSIGNED = 32,                    /* server: no signature_algorithms: only a session can authenticate us */
    TLSM_HS_EARLY_POSSIBLE = 64,              /* server: early data may be read, once it is known that it is no replay */
    TLSM_HS_SESSION_12 = 128,                 /* client: the session offered is one of TLS 1.2 */
    TLSM_HS_POINT_FORMATS = 256,              /* TLS 1.2, server: the client sent ec_point_formats */
    TLSM_HS_LAST = 256
};
_Static_assert(sizeof(struct tlsm_handshake) % 8 == 0, "the room behind is aligned");
_Static_assert(sizeof(struct tlsm_handshake) == 40 + 24 + 32 + 8 + 8 + 400 + 48 + 64 + 6 * 48 + 64 + 288 + 256 + 256,
               "handshake has no padding");

/* One step's working set. `state` is `next`: everything works in place on it, and nothing is changed before every room was
 * checked. */
struct tlsm_work {
    const struct tlsm_config *config;
    const struct tlsm_in *in;
    struct tlsm_state *state;
    struct tlsm_out *out;
};

static inline struct tlsm_handshake *tlsm_hs(struct tlsm_state *state)
{
    return (struct tlsm_handshake *)(void *)(state + 1);
}
static inline const struct tlsm_handshake *tlsm_hs_const(const struct tlsm_state *state)
{
    return (const struct tlsm_handshake *)(const void *)(state + 1);
}
static inline uint8_t *tlsm_room(struct tlsm_state *state)
{
    return (uint8_t *)(tlsm_hs(state) + 1);
}
static inline const uint8_t *tlsm_room_const(const struct tlsm_state *state)
{
    return (const uint8_t *)(tlsm_hs_const(state) + 1);
}
/* The handshake struct is behind the state: from start until the handshake is complete or the connection is final. */
static inline int tlsm_in_handshake(const struct tlsm_state *state)
{
    return state->control.behind == TLSM_BEHIND_HANDSHAKE;
}
/* Client authentication after the handshake is going on; and: the client's answer is being made, so that nothing else may be. */
static inline int tlsm_is_late(uint8_t phase) { return phase >= TLSM_PHASE_PC_WAIT_REQUEST; }
static inline int tlsm_in_flight(const struct tlsm_control *control)
{
    return control->phase >= TLSM_PHASE_PC_MAKE_CERTIFICATE && control->phase <= TLSM_PHASE_PC_MAKE_FINISHED &&
           control->tx == TLSM_TX_OPEN;
}
static inline int tlsm_is_12(const struct tlsm_state *state) { return state->control.version == TLSM_1_2; }
/* One of these marks is there. */
static inline int tlsm_mark(const struct tlsm_state *state, unsigned marks) { return (state->control.marks & marks) != 0; }
static inline void tlsm_set_mark(struct tlsm_state *state, unsigned marks)
{
    state->control.marks = (uint16_t)(state->control.marks | marks);
}
/* One of these facts holds. */
static inline int tlsm_fact(const struct tlsm_state *state, uint32_t facts)
{
    return (state->control.facts & facts) != 0;
}
static inline int tlsm_all_zero(const void *at, size_t length)
{
    const uint8_t *bytes = at;
    uint64_t any = 0, word;
    for (; length >= sizeof word; length -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        any |= word;
    }
    while (length-- > 0)
        any |= *bytes++;
    return any == 0;
}
static inline struct tlsm_bytes tlsm_slice(const uint8_t *data, size_t length)
{
    struct tlsm_bytes bytes = { data, length };
    return bytes;
}

/* Wipes, and no compiler may think otherwise. */
static inline void tlsm_wipe(void *at, size_t length)
{
    memset(at, 0, length);
#if defined(__GNUC__)
    __asm__ volatile("" : : "r"(at) : "memory");
#endif
}

/* ------------------------------------------------------------------------------------------------ event.c */

/* tlsm_event: looks `event` up in both halves of closing.def, moves them, keeps the facts, wipes what the rows say, notes
 * the cell in out. Returns the graver result of the two rows. */
enum tlsm_code tlsm_event(struct tlsm_work *work, enum tlsm_event event);
/* tlsm_fail: the peer's input is wrong: BAD, or BUDGET's silent kin where no alert may follow; `alert` is what we owe. */
enum tlsm_code tlsm_fail(struct tlsm_work *work, uint8_t alert);
/* tlsm_abort: the application ends it with `alert`. tlsm_fail_answer: it refuses what it was asked: the peer's input is wrong, unless
 * nothing is read any more: what was read stands, and the answer only aborts (C6). */
enum tlsm_code tlsm_abort(struct tlsm_work *work, uint8_t alert);
enum tlsm_code tlsm_fail_answer(struct tlsm_work *work, uint8_t alert);

/* ------------------------------------------------------------------------------------------------ record.c */

/* tlsm_records_size: wire bytes of `length` handshake or data bytes as records under the current write key (or none). */
size_t tlsm_records_size(const struct tlsm_state *state, size_t length);
/* tlsm_record_lead: bytes that a record takes before its content: none where it is sealed elsewhere (J2). */
size_t tlsm_record_lead(const struct tlsm_state *state);
/* tlsm_seal_message: makes records of type `type` from `length` plaintext bytes that lie at out->wire.data + tlsm_record_lead();
 * protected when a write key is installed. The room was checked with tlsm_records_size(). Appends: out->wire_length is where
 * they begin (0, unless the step already made a record, which no step does) and grows; the ledger counts. 0 or negative. */
int tlsm_seal_message(struct tlsm_work *work, uint8_t type, size_t length);

/* ------------------------------------------------------------------------------------------------ key_schedule.c */

/* All return 0 or negative (the provider failed). `hash` is enum tlsm_hash_name. */
size_t tlsm_hash_length(uint16_t hash);
uint16_t tlsm_suite_hash(uint16_t suite);
/* tlsm_suite_aead: the suite of TLS 1.3 with the same AEAD, which keys are named by; 0 unknown. tlsm_suite_is_12: 1 or 0. */
uint16_t tlsm_suite_aead(uint16_t suite);
int tlsm_suite_is_12(uint16_t suite);
size_t tlsm_suite_key_length(uint16_t suite);
int tlsm_hkdf_extract(const struct tlsm_config *config, uint16_t hash, struct tlsm_bytes salt, struct tlsm_bytes secret,
                      uint8_t out[TLSM_HASH_MAX]);
int tlsm_expand_label(const struct tlsm_config *config, uint16_t hash, const uint8_t secret[TLSM_HASH_MAX],
                      const char *label, struct tlsm_bytes context, uint8_t *out, size_t length);
/* tlsm_traffic_key: fills key (id, key, iv, sequence 0) from a traffic secret. Does not forget the key it replaces. */
int tlsm_traffic_key(const struct tlsm_config *config, uint16_t suite, const uint8_t secret[TLSM_HASH_MAX],
                     struct tlsm_key *key);
/* tlsm_next_secret: the "traffic upd" of RFC 9846 §7.2, in place. */
int tlsm_next_secret(const struct tlsm_config *config, uint16_t suite, uint8_t secret[TLSM_HASH_MAX]);
/* tlsm_install_read / _write: the provider forgets the old key, the new one is derived from `secret`, the epoch is set.
 * read also clears TLSM_FACT_OPENED-style counters nowhere: facts stay. */
int tlsm_install_read(struct tlsm_work *work, const uint8_t secret[TLSM_HASH_MAX], enum tlsm_epoch epoch);
int tlsm_install_write(struct tlsm_work *work, const uint8_t secret[TLSM_HASH_MAX], enum tlsm_epoch epoch);
/* tlsm_keep_count: the provider forgets the key; what stays of it is its suite and sequence number (J2). */
void tlsm_keep_count(struct tlsm_work *work, struct tlsm_key *key);
/* tlsm_wipe_read / _write: forget and clear the key and its secret; the epoch becomes NONE. */
void tlsm_wipe_read(struct tlsm_work *work);
void tlsm_wipe_write(struct tlsm_work *work);

/* ------------------------------------------------------------------------------------------------ handshake.c */

/* tlsm_handshake_start: fills the handshake from settings, entropy and server_name (already checked: role, room for
 * sizeof(struct tlsm_handshake) + TLSM_ROOM_MIN), sets the first phase and state->length. Returns TLSM_OK,
 * TLSM_BAD_ARGUMENT (name too long, no credential, …) or TLSM_LIBRARY_FAILED; then nothing was changed. */
enum tlsm_code tlsm_handshake_start(struct tlsm_work *work);
/* tlsm_handshake_message: one whole message, header included, somewhere in the room at [kept, kept + message.length). Finds
 * its row in handshake.def (role and phase decide), calls the handler. Returns 0, or the alert description to fail with
 * (unexpected_message where no row allows it). May raise events (SPEAK, FINISH_IN), a request, keys. The caller removes the
 * message from the room afterwards unless the handler moved hs->kept past it. */
uint8_t tlsm_handshake_message(struct tlsm_work *work, struct tlsm_bytes message);
/* tlsm_handshake_ccs: the same for a ChangeCipherSpec record of TLS 1.2, whose content was checked. */
uint8_t tlsm_handshake_ccs(struct tlsm_work *work);
/* tlsm_phase_asks: 1 when a request is open in this phase, for as long as it lasts. */
int tlsm_phase_asks(uint8_t phase);
/* tlsm_handshake_owes: 1 when the phase is one in which a message of ours is owed. */
int tlsm_handshake_owes(const struct tlsm_state *state);
/* tlsm_handshake_lacks_ccs: 1 when a compatibility ChangeCipherSpec is to come before what is protected, and was not made yet. */
int tlsm_handshake_lacks_ccs(const struct tlsm_state *state);
/* tlsm_handshake_produce: makes the message the phase owes. MORE_WIRE_ROOM (wire_needed set) changes nothing. Raises SPEAK,
 * FINISH_OUT. LIBRARY_FAILED when the provider fails; nothing may have been produced then. */
enum tlsm_code tlsm_handshake_produce(struct tlsm_work *work);
/* tlsm_handshake_answer: the answer to the open request (its id was checked, it is open). A refusal fails the handshake with
 * the answer's alert (through tlsm_fail_answer). */
enum tlsm_code tlsm_handshake_answer(struct tlsm_work *work);
/* tlsm_handshake_finish: both Finished are through: shrinks the state to an established one and wipes the handshake. */
void tlsm_handshake_finish(struct tlsm_work *work);
/* tlsm_ask: opens a request. */
void tlsm_ask(struct tlsm_work *work, enum tlsm_request_kind kind);

/* ------------------------------------------------------------------------------------------------ ticket.c */

/* tlsm_may_issue: 1 when one more session ticket can be made on this connection. tlsm_owe_tickets: those of the settings,
 * at the end of the handshake. tlsm_make_ticket: the next one owed, as tlsm_handshake_produce(). */
int tlsm_may_issue(const struct tlsm_config *config, const struct tlsm_state *state);
void tlsm_owe_tickets(struct tlsm_work *work);
enum tlsm_code tlsm_make_ticket(struct tlsm_work *work);

/* ------------------------------------------------------------------------------------------------ wire.c */

/* The one reader. Reading past the end sets `bad` and gives zeros or empty slices; check once at the end. */
struct tlsm_reader {
    const uint8_t *data;
    size_t left;
    int bad;
};
static inline struct tlsm_reader tlsm_reader(struct tlsm_bytes bytes)
{
    struct tlsm_reader reader = { bytes.data, bytes.length, 0 };
    return reader;
}
struct tlsm_bytes tlsm_take(struct tlsm_reader *reader, size_t length);
uint32_t tlsm_take_number(struct tlsm_reader *reader, unsigned bytes);                /* 1..4 bytes, big-endian */
struct tlsm_bytes tlsm_take_vector(struct tlsm_reader *reader, unsigned length_bytes);   /* length, then that many */

/* The one writer. Writing past the capacity writes nothing but goes on counting, so `length` is always what is needed. */
struct tlsm_writer {
    uint8_t *data;
    size_t capacity, length;
};
void tlsm_put(struct tlsm_writer *writer, struct tlsm_bytes bytes);
void tlsm_put_number(struct tlsm_writer *writer, uint32_t number, unsigned bytes);
/* tlsm_open_vector: leaves room for a length; tlsm_close_vector fills it in. */
size_t tlsm_open_vector(struct tlsm_writer *writer, unsigned length_bytes);
void tlsm_close_vector(struct tlsm_writer *writer, size_t mark, unsigned length_bytes);
static inline int tlsm_overrun(const struct tlsm_writer *writer) { return writer->length > writer->capacity; }

/* tlsm_equal: 1 when equal, in time that depends on the length alone. */
int tlsm_equal(const uint8_t *a, const uint8_t *b, size_t length);

#endif
