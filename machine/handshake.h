/* SPDX-License-Identifier: MIT */
/* What the files of the handshake share and the rest of machine/ does not see. */
#ifndef TLSM_HANDSHAKE_H
#define TLSM_HANDSHAKE_H

#include "internal.h"

/* ------------------------------------------------------------------------------------------------ start.c */

/* A list of IANA numbers: from the settings, or built in. */
struct tlsm_numbers {
    const uint16_t *at;
    size_t count;
};
struct tlsm_numbers tlsm_suites(const struct tlsm_settings *settings);     /* of TLS 1.3 */
struct tlsm_numbers tlsm_suites12(const struct tlsm_settings *settings);
struct tlsm_numbers tlsm_groups(const struct tlsm_settings *settings);
struct tlsm_numbers tlsm_schemes(const struct tlsm_settings *settings);
/* tlsm_speaks: 1 when the settings allow the version (enum tlsm_protocol). */
int tlsm_speaks(const struct tlsm_settings *settings, uint16_t version);
int tlsm_numbers_have(struct tlsm_numbers numbers, uint16_t number);
/* tlsm_offered_shares: key shares in the first ClientHello. */
size_t tlsm_offered_shares(const struct tlsm_settings *settings);
/* tlsm_make_share: own share `index` for `group`, from share_secret[index]. 0 or negative. */
int tlsm_make_share(const struct tlsm_config *config, struct tlsm_handshake *hs, size_t index, uint16_t group);

/* ------------------------------------------------------------------------------------------------ extension.c */

enum tlsm_extension {
#define EXTENSION(name, number, messages) TLSM_EXT_##name,
#include "extension.def"
#undef EXTENSION
    TLSM_EXT_COUNT
};
enum tlsm_extension_number {
#define EXTENSION(name, number, messages) TLSM_EXTENSION_##name = number,
#include "extension.def"
#undef EXTENSION
    TLSM_EXTENSION_LAST = 65535
};
/* Where an extension may stand (RFC 9846 §4.3). */
enum { TLSM_IN_CH = 1, TLSM_IN_SH = 2, TLSM_IN_HRR = 4, TLSM_IN_EE = 8, TLSM_IN_CT = 16, TLSM_IN_CR = 32,
       TLSM_IN_NST = 64, TLSM_IN_SH12 = 128 };

static inline uint32_t tlsm_extension_bit(enum tlsm_extension extension)
{
    return (uint32_t)1 << extension;
}

/* The extensions of one message that we know; slices of it. */
struct tlsm_extensions {
    uint32_t present;                            /* bits: enum tlsm_extension */
    uint32_t last;                               /* type of the last one, known or not; 65536: none */
    struct tlsm_bytes at[TLSM_EXT_COUNT];
};
static inline int tlsm_has(const struct tlsm_extensions *extensions, enum tlsm_extension extension)
{
    return (extensions->present & tlsm_extension_bit(extension)) != 0;
}
/* tlsm_read_extensions: `block` is the content of an extension list, `message` one bit of TLSM_IN_…, `offered` what may be
 * answered. Returns 0 or an alert. */
uint8_t tlsm_read_extensions(struct tlsm_bytes block, unsigned message, uint32_t offered, struct tlsm_extensions *to);
/* tlsm_find_extension: one extension, before anything else of its block is believed. 1 or 0. */
int tlsm_find_extension(struct tlsm_bytes block, uint16_t number, struct tlsm_bytes *data);

/* Codecs of extension data. `read` ones give the list inside; 1 when the syntax is right. */
int tlsm_read_vector(struct tlsm_bytes data, unsigned length_bytes, size_t least, struct tlsm_bytes *content);
int tlsm_read_numbers(struct tlsm_bytes data, unsigned length_bytes, struct tlsm_bytes *numbers);
int tlsm_read_names(struct tlsm_bytes data, struct tlsm_bytes *names);
int tlsm_list_has(struct tlsm_bytes numbers, uint16_t number);
size_t tlsm_open_extension(struct tlsm_writer *writer, enum tlsm_extension_number number);
void tlsm_close_extension(struct tlsm_writer *writer, size_t mark);
void tlsm_put_numbers(struct tlsm_writer *writer, struct tlsm_numbers numbers);
/* tlsm_put_each: they alone. */
void tlsm_put_each(struct tlsm_writer *writer, struct tlsm_numbers numbers);

/* record_size_limit (RFC 8449), any version. tlsm_put_record_limit: a client's offer, where the settings have one; a server's answer,
 * where the client offered. tlsm_take_record_limit: the peer's; the version is known. 0 or an alert. */
void tlsm_put_record_limit(struct tlsm_writer *writer, const struct tlsm_work *work);
uint8_t tlsm_take_record_limit(struct tlsm_work *work, struct tlsm_bytes data);

/* status_request (RFC 6066 §8). tlsm_put_status_request: the client's, where the settings ask. tlsm_read_status_request: 1 when its
 * syntax is right; *wanted: it asks for OCSP. CertificateStatus, in TLS 1.3 an extension of CertificateEntry (RFC 9846 §4.5.1.1), in
 * TLS 1.2 a message: tlsm_put_status, and tlsm_read_status: 1 when the syntax is right. */
void tlsm_put_status_request(struct tlsm_writer *writer, const struct tlsm_settings *settings);
int tlsm_read_status_request(struct tlsm_bytes data, uint8_t *wanted);
void tlsm_put_status(struct tlsm_writer *writer, struct tlsm_bytes staple);
int tlsm_read_status(struct tlsm_bytes data, struct tlsm_bytes *staple);

/* ------------------------------------------------------------------------------------------------ handshake_client.c */

/* tlsm_offered: the extensions of our ClientHello, bits of enum tlsm_extension. */
uint32_t tlsm_offered(const struct tlsm_work *work);

/* A ServerHello of any version: slices of the message. */
struct tlsm_server_hello {
    uint32_t version, suite, compression;
    struct tlsm_bytes random, session_id, block;
    struct tlsm_extensions extensions;           /* filled in once the block is believed */
};
/* tlsm_parse_server_hello: all but the extensions. 0 or an alert. */
uint8_t tlsm_parse_server_hello(struct tlsm_bytes message, struct tlsm_server_hello *hello);
/* tlsm_judge_downgrade: an alert when the random says that a newer version was to be had (RFC 9846 §4.2.3), else 0. */
uint8_t tlsm_judge_downgrade(struct tlsm_bytes random);
/* tlsm_wipe_shares: ours, and what they were made from. tlsm_replace_shares: share_secret[index] makes one for `group`, the first;
 * the others are gone. 0 or negative. */
void tlsm_wipe_shares(struct tlsm_handshake *hs);
int tlsm_replace_shares(const struct tlsm_work *work, size_t index, uint16_t group);

/* ------------------------------------------------------------------------------------------------ late_auth.c */

/* tlsm_late_possible: at the end of the handshake: 1 when the client may be asked later. tlsm_late_prepare: then the transcript stays,
 * alone. tlsm_late_finish: an exchange is over; the next, if it waits, begins. */
int tlsm_late_possible(const struct tlsm_work *work);
void tlsm_late_prepare(struct tlsm_work *work);
void tlsm_late_finish(struct tlsm_work *work);
/* tlsm_late_waiting_good: 1: what waits behind the request that is being answered can be taken, each in its turn. */
int tlsm_late_waiting_good(const struct tlsm_state *state);

/* ------------------------------------------------------------------------------------------------ handshake_client_flight.c */

/* tlsm_take_alpn: the server's choice, state->alpn. 0 or an alert. */
uint8_t tlsm_take_alpn(struct tlsm_work *work, struct tlsm_bytes data);

/* ------------------------------------------------------------------------------------------------ handshake12.c */

enum { TLSM_RSA_SIGN = 1, TLSM_ECDSA_SIGN = 64 };   /* ClientCertificateType: RFC 5246 §7.4.4, RFC 8422 §5.5 */
enum { TLSM_PARAMS_MAX = 4 + 133 };   /* ServerECDHParams of the longest point: so much of it has room in a request's content */

/* tlsm_start_12: the version, the suite and the hash are fixed; the other hash runs on. tlsm_end_other_hash: nobody needs it.
 * tlsm_absorb_12: into the transcript, and into the other hash while it runs; tlsm_absorb_other: into a copy of that; 0
 * or negative. tlsm_send_message_12: as tlsm_send_message(), for both. */
void tlsm_start_12(struct tlsm_state *state, uint16_t suite);
void tlsm_end_other_hash(struct tlsm_handshake *hs);
int tlsm_absorb_other(const struct tlsm_work *work, struct tlsm_hash *other, struct tlsm_bytes message);
int tlsm_absorb_12(const struct tlsm_work *work, struct tlsm_bytes message);
enum tlsm_code tlsm_send_message_12(struct tlsm_work *work, struct tlsm_writer *writer);
/* tlsm_begin_transcript_12: server: with ClientHello, by both hashes. 0 or negative. tlsm_fix_transcript_12: the suite is final; the
 * other hash runs on where a client is asked for a certificate. */
int tlsm_begin_transcript_12(struct tlsm_work *work, struct tlsm_bytes message);
void tlsm_fix_transcript_12(struct tlsm_work *work);
/* tlsm_read_chain_12: the body of a Certificate message: its certificate_list, with the length before it, by which
 * tlsm_chain_next() knows it; `least` certificates. 0 or an alert. */
uint8_t tlsm_read_chain_12(struct tlsm_bytes body, size_t least, struct tlsm_bytes *chain);
/* tlsm_put_chain_12: the body of a Certificate message; NULL: an empty list. */
void tlsm_put_chain_12(struct tlsm_writer *writer, const struct tlsm_credential *credential);
/* tlsm_scheme_fits_12: 1 when a signature by this scheme can be made with the kind of key that the suite wants. */
int tlsm_scheme_fits_12(uint16_t suite, uint16_t scheme);
/* tlsm_scheme_hash_12: enum tlsm_hash_name of a scheme whose signatures can be made over a digest of the transcript; 0: not here. */
uint16_t tlsm_scheme_hash_12(uint16_t scheme);
/* tlsm_put_exchange_content: what a ServerKeyExchange's signature covers (RFC 5246 §7.4.3, RFC 8422 §5.4). */
void tlsm_put_exchange_content(const struct tlsm_state *state, struct tlsm_bytes params, struct tlsm_request *request);
/* tlsm_fill_request_12: content, and what the version adds. */
void tlsm_fill_request_12(const struct tlsm_state *state, struct tlsm_request *request);
/* tlsm_leave_ticket: at the end of the handshake: what the client may keep of the session moves to where it lies behind the state.
 * Returns its length, 0: nothing. */
size_t tlsm_leave_ticket(struct tlsm_work *work);
/* tlsm_ticket_left: client: the session of that ticket. 1, or 0: there is none. */
int tlsm_ticket_left(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_session *session);

/* ------------------------------------------------------------------------------------------------ handshake12_server.c */

/* tlsm_put_params_12: ServerECDHParams. */
void tlsm_put_params_12(struct tlsm_writer *writer, const struct tlsm_state *state);

/* ------------------------------------------------------------------------------------------------ choose12.c */

struct tlsm_client_hello;
/* All of a server of TLS 1.2; alerts, or 0. tlsm_negotiate_12: a group and, for now, a suite. tlsm_remember_12: what its answers
 * depend on later. tlsm_choose_credential_12: the built-in rule. tlsm_blank_schemes_12: in the room, so that whoever chooses
 * instead sees only schemes that a common suite goes with. tlsm_find_session_12: looks at what the client shows; the caller's cache is
 * only noted. tlsm_accept_session_12: resumes `session`, unless it cannot be used here. tlsm_proceed_12: with session or
 * credential known: what is left to agree. */
uint8_t tlsm_negotiate_12(struct tlsm_work *work, const struct tlsm_client_hello *hello);
void tlsm_remember_12(struct tlsm_work *work, const struct tlsm_client_hello *hello);
size_t tlsm_choose_credential_12(const struct tlsm_settings *settings, const struct tlsm_client_hello *hello);
void tlsm_blank_schemes_12(struct tlsm_work *work, const struct tlsm_client_hello *hello);
uint8_t tlsm_find_session_12(struct tlsm_work *work, const struct tlsm_client_hello *hello);
uint8_t tlsm_accept_session_12(struct tlsm_work *work, const struct tlsm_client_hello *hello, const struct tlsm_session *session);
uint8_t tlsm_proceed_12(struct tlsm_work *work, const struct tlsm_client_hello *hello);

/* ------------------------------------------------------------------------------------------------ handshake_server.c */

/* tlsm_put_alpn: the protocol chosen, if there is one. */
void tlsm_put_alpn(const struct tlsm_work *work, struct tlsm_writer *writer);

/* ------------------------------------------------------------------------------------------------ client_hello.c */

/* A ClientHello as the server sees it: slices of the message, all checked for syntax and the rules of the version that is to be
 * spoken; what belongs to the other version alone is empty. */
struct tlsm_client_hello {
    uint16_t version;                            /* enum tlsm_protocol: the highest that both speak */
    uint8_t renegotiation_info;                  /* TLS 1.2: 1: the client knows RFC 5746 */
    struct tlsm_bytes ticket;                    /* TLS 1.2: of session_ticket, empty when it has none to show */
    struct tlsm_bytes fixed;                     /* legacy_version … legacy_compression_methods, as on the wire */
    struct tlsm_bytes random, session_id, suites, groups, schemes, alpn, shares, name, psk_modes, authorities;
    struct tlsm_bytes identities, binders;       /* of pre_shared_key, as many of each; the message ends with the binders */
    uint8_t wants_status;                        /* asks for an OCSP response */
    struct tlsm_extensions extensions;
};
/* tlsm_read_client_hello: 0 or an alert. */
uint8_t tlsm_read_client_hello(const struct tlsm_settings *settings, struct tlsm_bytes message, struct tlsm_client_hello *hello);
/* tlsm_find_share: the client's share for `group`. 1 or 0. */
int tlsm_find_share(const struct tlsm_client_hello *hello, uint16_t group, struct tlsm_bytes *share);
/* tlsm_constant_digest: of what a second ClientHello may not change (RFC 9846 §4.2.2). 0 or negative. */
int tlsm_constant_digest(const struct tlsm_config *config, uint16_t hash, const struct tlsm_client_hello *hello,
                         uint8_t digest[TLSM_HASH_MAX]);

/* ------------------------------------------------------------------------------------------------ handshake_server.c */

/* tlsm_tell_status: marks that the credential chosen comes with its OCSP response: the client asked, and there is one. */
void tlsm_tell_status(struct tlsm_work *work, const struct tlsm_client_hello *hello);

/* ------------------------------------------------------------------------------------------------ session.c */

/* tlsm_digest_name: state->name_digest from the lower-cased name. 0 or negative. */
int tlsm_digest_name(const struct tlsm_work *work, struct tlsm_bytes name);
/* tlsm_digest_alpn: of the protocol with state->alpn's number, zeros for 0. 0 or negative. */
enum { TLSM_ALPN_DIGEST = sizeof(((struct tlsm_session *)NULL)->alpn_digest) };
int tlsm_digest_alpn(const struct tlsm_config *config, uint16_t alpn, uint8_t to[TLSM_ALPN_DIGEST]);
/* tlsm_session_usable: 1 when this connection may resume the session: hash, age, origin, context, name. */
int tlsm_session_usable(const struct tlsm_work *work, const struct tlsm_session *session, uint16_t hash);
/* tlsm_session_left_s: seconds until what descends from this connection's full handshake has to end; 0: time is up, or not
 * known. */
uint32_t tlsm_session_left_s(const struct tlsm_config *config, const struct tlsm_state *state);

/* ------------------------------------------------------------------------------------------------ psk.c */

enum { TLSM_PSK_DHE_KE = 1 };   /* RFC 9846 §4.3.9 */

/* Client. tlsm_offer_session: at the start: takes the input's session over if it can be used. 0 or negative.
 * tlsm_put_session: pre_shared_key, the binder blank; tlsm_fill_binder: once the message is whole and has its length. `before`
 * is the transcript before it. tlsm_drop_session: no longer offered. */
int tlsm_offer_session(struct tlsm_work *work);
void tlsm_put_session(struct tlsm_writer *writer, const struct tlsm_state *state);
int tlsm_fill_binder(const struct tlsm_work *work, const struct tlsm_hash *before, struct tlsm_writer *writer);
void tlsm_drop_session(struct tlsm_state *state);

/* Server. tlsm_session_offered: 1 when the client offers one that we could resume, with a key exchange.
 * tlsm_accept_session: resumes `session`, the client's identity number `identity`, unless it cannot be used here. 0, also
 * then, or an alert: the binder is wrong.
 * tlsm_find_sealed: looks for one among the sealed tickets, and accepts it. */
int tlsm_session_offered(const struct tlsm_client_hello *hello);
uint8_t tlsm_accept_session(struct tlsm_work *work, struct tlsm_bytes message, const struct tlsm_client_hello *hello,
                            const struct tlsm_session *session, uint16_t identity);
uint8_t tlsm_find_sealed(struct tlsm_work *work, struct tlsm_bytes message, const struct tlsm_client_hello *hello);

/* ------------------------------------------------------------------------------------------------ early_data.c */

/* Client. tlsm_offer_early: with the session that is offered: early data too, if it may be. 0 or negative.
 * tlsm_put_early: the extension, while it is offered. tlsm_early_key: from the transcript that ends with the ClientHello,
 * also the server's. tlsm_leave_early: at ServerHello: the handshake key, unless early data may go on. tlsm_reject_early: it is
 * over, and not accepted. tlsm_take_early: what EncryptedExtensions says of it, `expected` being the protocol it speaks: 0 or
 * an alert. */
int tlsm_offer_early(struct tlsm_work *work, const struct tlsm_session *session);
int tlsm_early_offered(const struct tlsm_state *state);
void tlsm_put_early(struct tlsm_writer *writer, const struct tlsm_state *state);
int tlsm_early_key(const struct tlsm_work *work, const struct tlsm_hash *transcript, uint16_t suite,
                   uint8_t secret[TLSM_HASH_MAX], struct tlsm_key *key);
int tlsm_leave_early(struct tlsm_work *work, const uint8_t handshake[TLSM_HASH_MAX]);
void tlsm_reject_early(struct tlsm_work *work);
uint8_t tlsm_take_early(struct tlsm_work *work, const struct tlsm_extensions *extensions, uint16_t expected);

/* Server. tlsm_judge_early: the session is resumed as identity number `identity`: may its early data be read, if it is none that
 * came before? 0 or negative. tlsm_settle_early: whatever was offered and may not be read is skipped. */
int tlsm_judge_early(struct tlsm_work *work, const struct tlsm_client_hello *hello, const struct tlsm_session *session,
                     uint16_t identity, struct tlsm_bytes binder);
void tlsm_settle_early(struct tlsm_state *state);

/* ------------------------------------------------------------------------------------------------ ticket.c */

/* tlsm_open_ticket: the session inside a ticket we sealed; its slices lead into `room`. 1 or 0. */
int tlsm_open_ticket(const struct tlsm_config *config, struct tlsm_bytes ticket, uint8_t room[TLSM_TICKET_MAX],
                     struct tlsm_session *session);
/* tlsm_may_issue_12: 1 when this handshake of TLS 1.2 can make a session that may be resumed. tlsm_lifetime: of one made now, in
 * seconds. */
int tlsm_may_issue_12(const struct tlsm_work *work);
uint32_t tlsm_lifetime(const struct tlsm_config *config, const struct tlsm_state *state);

/* ------------------------------------------------------------------------------------------------ credential.c */

/* tlsm_scheme_signs: 1 when the version (enum tlsm_protocol) allows the scheme in CertificateVerify and ServerKeyExchange. */
int tlsm_scheme_signs(uint16_t scheme, uint16_t version);
/* tlsm_common_scheme: the credential's best scheme in the peer's list, 0 none. */
uint16_t tlsm_common_scheme(const struct tlsm_credential *credential, struct tlsm_bytes schemes, uint16_t version);
/* tlsm_scheme_is_rsa: 1 when an RSA key signs under it. */
int tlsm_scheme_is_rsa(uint16_t scheme);
/* tlsm_name_fits: one of the credential's names matches; a credential without names fits every name. */
int tlsm_name_fits(const struct tlsm_credential *credential, struct tlsm_bytes name);

/* ------------------------------------------------------------------------------------------------ client_auth.c */

/* A CertificateRequest as the client sees it: slices of its body. */
struct tlsm_asked {
    struct tlsm_bytes context;                   /* TLS 1.3 */
    struct tlsm_bytes types;                     /* TLS 1.2: certificate_types */
    struct tlsm_bytes schemes;                   /* 2 bytes each */
    struct tlsm_bytes authorities;               /* DER names, each with a 2-byte length; may be empty */
};
/* tlsm_client_scheme: a client's best scheme for what is asked, 0 none; in TLS 1.2 one that signs a digest (RFC 5246 §7.4.8).
 * tlsm_choose_shown: its credential, or TLSM_NO_CREDENTIAL. */
uint16_t tlsm_client_scheme(const struct tlsm_credential *credential, const struct tlsm_asked *asked, uint16_t version);
size_t tlsm_choose_shown(const struct tlsm_settings *settings, uint16_t version, const struct tlsm_asked *asked);
/* tlsm_read_authorities: the names in a certificate_authorities extension, each DER with a 2-byte length (RFC 9846 §4.3.4); 1 when
 * the syntax is right. */
int tlsm_read_authorities(struct tlsm_bytes data, struct tlsm_bytes *names);
/* tlsm_read_asked, tlsm_read_asked_12: of TLS 1.3, of TLS 1.2; 0 or an alert. tlsm_keep_asked: from now on the request is kept,
 * checked, in the room, and
 * tlsm_asked() tells what it says (TLS 1.2 and 1.3). */
uint8_t tlsm_read_asked(struct tlsm_bytes body, struct tlsm_asked *asked);
uint8_t tlsm_read_asked_12(struct tlsm_bytes body, struct tlsm_asked *asked);
void tlsm_keep_asked(struct tlsm_state *state, struct tlsm_bytes message);
struct tlsm_asked tlsm_asked(const struct tlsm_state *state);
/* tlsm_settle_credential: credential and scheme are fixed; in the handshake, whatever was kept goes. tlsm_settle_asked: the same by the
 * built-in rule. */
void tlsm_settle_credential(struct tlsm_work *work, size_t index);
void tlsm_settle_asked(struct tlsm_work *work);
/* tlsm_put_request: a CertificateRequest's body. */
void tlsm_put_request(struct tlsm_writer *writer, const struct tlsm_settings *settings, struct tlsm_bytes context);

/* ------------------------------------------------------------------------------------------------ handshake_client_flight.c */

/* tlsm_read_certificate: either role's Certificate: checks, absorbs, keeps the chain. `offered`: extensions that may stand in it;
 * `none`: what an empty list gets. 0 or an alert. */
uint8_t tlsm_read_certificate(struct tlsm_work *work, struct tlsm_bytes message, struct tlsm_bytes context, uint32_t offered,
                              uint8_t none);

/* ------------------------------------------------------------------------------------------------ key_schedule.c */

struct tlsm_secrets {
    uint8_t running[TLSM_HASH_MAX];              /* Handshake Secret, then Main Secret */
    uint8_t client[TLSM_HASH_MAX], server[TLSM_HASH_MAX];
};
/* tlsm_early_secret: of a session. tlsm_client_early: client_early_traffic_secret, of the ClientHello's digest. tlsm_binder: of the transcript up to its ClientHello's binders.
 * tlsm_derive_handshake: `early` is the Early Secret, NULL without a session. */
int tlsm_early_secret(const struct tlsm_config *config, uint16_t hash, struct tlsm_bytes psk,
                      uint8_t early[TLSM_HASH_MAX]);
int tlsm_client_early(const struct tlsm_config *config, uint16_t hash, const uint8_t early[TLSM_HASH_MAX],
                      const uint8_t digest[TLSM_HASH_MAX], uint8_t secret[TLSM_HASH_MAX]);
int tlsm_binder(const struct tlsm_config *config, uint16_t hash, const uint8_t early[TLSM_HASH_MAX],
                const uint8_t digest[TLSM_HASH_MAX], uint8_t binder[TLSM_HASH_MAX]);
int tlsm_derive_handshake(const struct tlsm_config *config, uint16_t hash, const uint8_t *early, struct tlsm_bytes shared,
                          const uint8_t digest[TLSM_HASH_MAX], struct tlsm_secrets *to);
int tlsm_derive_application(const struct tlsm_config *config, uint16_t hash, const uint8_t handshake[TLSM_HASH_MAX],
                            const uint8_t digest[TLSM_HASH_MAX], struct tlsm_secrets *to,
                            uint8_t exporter[TLSM_HASH_MAX]);
int tlsm_finished(const struct tlsm_config *config, uint16_t hash, const uint8_t base[TLSM_HASH_MAX],
                  const uint8_t digest[TLSM_HASH_MAX], uint8_t verify_data[TLSM_HASH_MAX]);
int tlsm_digest(const struct tlsm_config *config, uint16_t hash, const struct tlsm_hash *from,
                uint8_t digest[TLSM_HASH_MAX]);
/* tlsm_message_hash: `transcript` holds ClientHello1; it becomes the synthetic message_hash (RFC 9846 §4.1). */
int tlsm_message_hash(const struct tlsm_config *config, uint16_t hash, struct tlsm_hash *transcript);
/* tlsm_set_read / _write: the key was derived already; cannot fail. */
void tlsm_set_read(struct tlsm_work *work, const struct tlsm_key *key, enum tlsm_epoch epoch);
void tlsm_set_write(struct tlsm_work *work, const struct tlsm_key *key, enum tlsm_epoch epoch);

/* ------------------------------------------------------------------------------------------------ key_schedule12.c */

enum { TLSM_FINISHED_12 = 12, TLSM_PRF_SEEDS = 5 };
/* All of TLS 1.2; 0 or negative. tlsm_prf_over: over at most TLSM_PRF_SEEDS parts, the label first. tlsm_prf: over label, first, second. tlsm_master_secret: from the agreed secret; `digest` is the
 * transcript's through ClientKeyExchange, used with extended_master_secret (RFC 7627 §4). tlsm_keys_12: the client's, then the
 * server's writing key. tlsm_verify_data_12: of a Finished that follows `transcript`, under hs->secret. */
int tlsm_prf_over(const struct tlsm_config *config, uint16_t hash, struct tlsm_bytes secret, const struct tlsm_bytes seed[], size_t seeds,
                  struct tlsm_span to);
int tlsm_prf(const struct tlsm_config *config, uint16_t hash, struct tlsm_bytes secret, const char *label,
             struct tlsm_bytes first, struct tlsm_bytes second, struct tlsm_span to);
int tlsm_master_secret(const struct tlsm_work *work, struct tlsm_bytes shared, const uint8_t digest[TLSM_HASH_MAX],
                       uint8_t master[TLSM_HASH_MAX]);
int tlsm_keys_12(const struct tlsm_work *work, const uint8_t master[TLSM_HASH_MAX], struct tlsm_key key[2]);
int tlsm_verify_data_12(const struct tlsm_work *work, const struct tlsm_hash *transcript, enum tlsm_role sender,
                        uint8_t verify_data[TLSM_FINISHED_12]);

/* ------------------------------------------------------------------------------------------------ handshake.c */

/* HelloRetryRequest is a ServerHello with this random (RFC 9846 §4.2.3): SHA-256 of "HelloRetryRequest". */
extern const uint8_t tlsm_retry_random[32];

static inline int tlsm_absorb(const struct tlsm_config *config, uint16_t hash, struct tlsm_hash *transcript,
                              struct tlsm_bytes bytes)
{
    return config->crypto->hash_update(config->self, hash, transcript, bytes);
}
static inline struct tlsm_bytes tlsm_body(struct tlsm_bytes message)
{
    return tlsm_slice(message.data + 4, message.length - 4);
}
/* tlsm_keep: the message stays in the room. tlsm_release: whatever was kept goes, wiped. */
void tlsm_keep(struct tlsm_state *state, struct tlsm_bytes message);
void tlsm_release(struct tlsm_state *state);
uint32_t tlsm_room_offset(const struct tlsm_state *state, struct tlsm_bytes part);

/* A message is made in the wire room, behind the place of its first record's header. */
struct tlsm_writer tlsm_begin_message(const struct tlsm_work *work, unsigned type);
/* tlsm_end_message: fills in the length; OK, or MORE_WIRE_ROOM. */
enum tlsm_code tlsm_end_message(struct tlsm_work *work, struct tlsm_writer *writer);
static inline struct tlsm_bytes tlsm_made(const struct tlsm_writer *writer)
{
    return tlsm_slice(writer->data, writer->length);
}
/* tlsm_prepare_message: ends it, absorbs it into a copy of the transcript; `digest` gets the hash through this message.
 * tlsm_send_prepared: seals it; the copy becomes the transcript. What can fail between the two leaves all as it was.
 * tlsm_send_message: both. On OK all of that has happened, else nothing. `digest` may be NULL. */
enum tlsm_code tlsm_prepare_message(struct tlsm_work *work, struct tlsm_writer *writer, struct tlsm_hash *transcript,
                                    uint8_t digest[TLSM_HASH_MAX]);
enum tlsm_code tlsm_send_prepared(struct tlsm_work *work, const struct tlsm_writer *writer,
                                  const struct tlsm_hash *transcript);
enum tlsm_code tlsm_send_message(struct tlsm_work *work, struct tlsm_writer *writer, uint8_t digest[TLSM_HASH_MAX]);
/* tlsm_put_signature: scheme and our signature, which the kept room holds (RFC 9846 §4.5.2, RFC 5246 §4.7). */
void tlsm_put_signature(struct tlsm_writer *writer, const struct tlsm_state *state);
/* tlsm_put_finished: a Finished of ours, not yet ended. */
enum tlsm_code tlsm_put_finished(struct tlsm_work *work, const uint8_t base[TLSM_HASH_MAX], struct tlsm_writer *writer);
/* tlsm_check_finished: compares, absorbs; `digest` gets the hash through this message. 0 or an alert. */
uint8_t tlsm_check_finished(struct tlsm_work *work, struct tlsm_bytes message, const uint8_t base[TLSM_HASH_MAX],
                            uint8_t digest[TLSM_HASH_MAX]);

#define RECEIVE(phase, message, boundary, handler, event, next) \
    uint8_t tlsm_take_##handler(struct tlsm_work *work, struct tlsm_bytes message_bytes);
#define MAKE(phase, condition, message, maker, event, next, otherwise) \
    enum tlsm_code tlsm_make_##maker(struct tlsm_work *work);
#define ANSWER(phase, condition, kind, handler, next, otherwise) \
    enum tlsm_code tlsm_answer_##handler(struct tlsm_work *work, const struct tlsm_answer *answer);
#define FORK(phase, condition, next, otherwise)
#define REST(phase)
#include "handshake.def"
#undef RECEIVE
#undef MAKE
#undef ANSWER
#undef FORK
#undef REST

#endif
