/* SPDX-License-Identifier: MIT */
/* What a connection is told before it begins. Included by tlsm.h. */
#ifndef TLSM_SETTINGS_H
#define TLSM_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "crypto.h"
#include "tlsm_declarations.h"

TLSM_DECLARATIONS_BEGIN

enum tlsm_role { TLSM_CLIENT = 1, TLSM_SERVER = 2 };
enum tlsm_protocol { TLSM_VERSION_UNKNOWN = 0, TLSM_1_2 = 0x0303, TLSM_1_3 = 0x0304 };
enum {
    TLSM_CONTEXT_MAX = 32,                     /* longest session_context */
    TLSM_TICKET_LIFETIME_MAX = 604800,         /* seconds; RFC 9846 §4.7.1 */
    TLSM_EARLY_AGE_MS = 10000                  /* early data whose ticket has another age by more is rejected; RFC 9846 §8.3 */
};

enum tlsm_eof_policy { TLSM_EOF_STRICT, TLSM_EOF_FRAMED };                       /* framed permits vouching */
enum tlsm_data_policy { TLSM_CLOSING_DELIVER, TLSM_CLOSING_DISCARD, TLSM_CLOSING_FAIL };
enum tlsm_close12_policy { TLSM_CLOSE12_REPLY, TLSM_CLOSE12_HALF };
enum tlsm_ticket_policy { TLSM_TICKETS_KEEP, TLSM_TICKETS_DROP };               /* tickets that come after our close */
enum tlsm_unsent_policy { TLSM_UNSENT_DROP, TLSM_UNSENT_SEND_FIRST };
enum tlsm_renegotiation_policy { TLSM_RENEGOTIATION_REFUSE, TLSM_RENEGOTIATION_IGNORE };

enum tlsm_ask {                       /* raise a request instead of following a built-in rule */
    TLSM_ASK_CREDENTIAL_BIT = 1,      /* which credential. Client: when the server asks for one. Server: asked first: until the answer, the settings' credentials,
                                       * alpn, ticket keys and session_context may still be settled, by the client's name */
    TLSM_ASK_SESSION_BIT = 2          /* server: sessions lie in the caller's cache; tickets are its keys, ticket_keys unused */
};

enum tlsm_client_auth { TLSM_CLIENT_AUTH_NONE, TLSM_CLIENT_AUTH_REQUEST, TLSM_CLIENT_AUTH_REQUIRE };
enum { TLSM_NO_CREDENTIAL = 65535 };   /* a client shows none */

/* A certificate chain we can show. Its private key is nowhere here: a sign request names the credential. */
struct tlsm_credential {
    const struct tlsm_bytes *chain;      /* DER certificates, the leaf first */
    size_t chain_count;
    const uint16_t *schemes;             /* enum tlsm_scheme this key can sign with, best first */
    size_t scheme_count;
    const struct tlsm_bytes *names;      /* host names it is for, "*.example.org" allowed; none: any name */
    size_t name_count;
    struct tlsm_bytes staple;            /* an OCSP response (DER) for the leaf, shown to whoever asks (RFC 6066 §8); or empty */
};

/* A key that seals session tickets. Both fields from a cryptographic source; servers that share it resume each other's
 * sessions. Whoever holds it can read the sessions it sealed: make a new one every few hours, keep the old one for as long as
 * its tickets live. */
struct tlsm_ticket_key {
    uint8_t name[16];                    /* public: the ticket begins with it */
    uint8_t secret[TLSM_HASH_MAX];
};

/* Settings are shared, immutable, and outlive their connections; a connection sees the same content all its life (but see
 * TLSM_ASK_CREDENTIAL_BIT). All zero is a good client with every list at its built-in default. */
struct tlsm_settings {
    uint8_t role;                        /* enum tlsm_role */
    uint8_t ask;                         /* enum tlsm_ask bits */
    uint8_t eof;                         /* enum tlsm_eof_policy */
    uint8_t data_while_closing;          /* enum tlsm_data_policy */
    uint8_t close12;                     /* enum tlsm_close12_policy */
    uint8_t tickets_after_close;         /* enum tlsm_ticket_policy */
    uint8_t unsent_tickets;              /* enum tlsm_unsent_policy */
    uint8_t renegotiation;               /* enum tlsm_renegotiation_policy */
    uint8_t keep_transport;              /* 1: another protocol follows; the advice never says shut_wr */
    uint8_t no_compatibility;            /* 1: no middlebox compatibility (empty session id, no ChangeCipherSpec) */
    uint8_t shares_offered;              /* client: key shares in the first ClientHello, 1 or 2; 0 means 1 */
    uint8_t require_alpn;                /* server: 1: a client without ALPN is refused too: no_application_protocol */
    uint8_t client_auth;                 /* server: enum tlsm_client_auth: whether clients are asked for a certificate. A session belongs
                                          * to the settings it was made under: other rules need another session_context */
    uint8_t late_auth;                   /* client: 1: may be asked for a certificate after the handshake; server: 1: may ask (TLS 1.3) */
    uint8_t ask_staple;                  /* client: 1: the server is asked for an OCSP response; the judge gets it */
    uint8_t early_data;                  /* client: 1: tlsm_in.early may be used, where the session allows it */
    uint8_t insecure_master_secret;      /* 1: TLS 1.2 also without extended_master_secret (RFC 7627): open to triple handshakes */
    uint8_t insecure_legacy_server;      /* client: 1: TLS 1.2 also with servers that do not know RFC 5746: open to prefix injection */
    uint16_t version_min, version_max;   /* enum tlsm_protocol; 0: TLSM_1_3 */
    uint16_t record_size_limit;          /* plaintext bytes we take in one record, in TLS 1.3 with its type byte and padding, 64 to 16384
                                          * (RFC 8449); 0: any. The peer's limit is kept in any case */
    uint32_t early_max;                  /* server: bytes of early data read, on connections that resume; 0: none. TLSM_ASK_REPLAY is asked */
    const struct tlsm_bytes *authorities;/* server: DER names of the authorities that clients are told of; none: any */
    size_t authority_count;
    const uint16_t *suites;              /* enum tlsm_suite of TLS 1.3, best first; NULL: AES-128-GCM, AES-256-GCM, ChaCha20 */
    size_t suite_count;
    const uint16_t *suites12;            /* enum tlsm_suite of TLS 1.2, best first; NULL: the same, ECDSA before RSA */
    size_t suite12_count;
    const uint16_t *groups;              /* enum tlsm_group, best first; NULL: X25519, P-256, P-384 */
    size_t group_count;
    const uint16_t *schemes;             /* enum tlsm_scheme accepted of a peer's signature; NULL: ECDSA, Ed25519, RSA-PSS, and for TLS 1.2
                                          * RSA PKCS #1 */
    size_t scheme_count;
    const uint16_t *chain_schemes;       /* client: accepted inside chains (signature_algorithms_cert); NULL: not sent */
    size_t chain_scheme_count;
    const struct tlsm_bytes *alpn;       /* protocol names, 1..255 bytes each; client: best first; server: its preference */
    size_t alpn_count;
    const struct tlsm_credential *credentials;   /* server: at least one; client: shown when the server asks, or none */
    size_t credential_count;
    size_t message_max;                  /* larger handshake messages are refused; 0: TLSM_MESSAGE_MAX */
    size_t plain_max;                    /* application bytes per record we write; 0: TLSM_PLAIN_MAX */
    uint64_t record_limit;               /* records under one write key, for tests; 0: what the AEAD allows (RFC 9846 §5.5) */
    uint64_t budget_bytes;               /* application bytes accepted while closing; 0: no limit */
    uint32_t budget_records;             /* records accepted while closing; 0: no limit */
    uint32_t early_skip_max;             /* server: bytes of rejected early data skipped; 0: 32768, and early_max */
    uint32_t ticket_lifetime_s;          /* server: of the tickets issued, seconds; 0: 7200; at most 604800 */
    uint32_t session_total_s;            /* a session ends so long after the full handshake it descends from; 0: 604800 */
    struct tlsm_bytes session_context;   /* at most TLSM_CONTEXT_MAX bytes; sessions made under another one are neither offered
                                          * nor accepted. Settings that trust differently need contexts that differ */
    const struct tlsm_ticket_key *ticket_keys;   /* server: the first seals, all open; rotated by new settings for new connections */
    size_t ticket_key_count;             /* 0, and no TLSM_ASK_SESSION_BIT: no tickets, no resumption */
    uint8_t tickets;                     /* server: how many are issued after the handshake; 0 none. TLS 1.2: unless 0 one, in it */
};

/* A view; one per thread. `self` (the provider's caches) is used by one thread at a time. */
struct tlsm_config {
    const struct tlsm_settings *settings;
    const struct tlsm_crypto *crypto;
    void *self;
};

TLSM_DECLARATIONS_END

#endif
