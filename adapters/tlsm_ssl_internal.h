/* SPDX-License-Identifier: MIT */
/* What the files of tlsm_ssl share and nobody else sees. Which room is which:
 *
 *   tlsm_ssl.c             a connection's life: new, free, clear, BIOs, descriptors
 *   tlsm_ssl_start.c       settings, session and entropy of one connection, put together when its handshake begins
 *   tlsm_ssl_io.c          handshake, read, write, shutdown, and what SSL_get_error says of them
 *   tlsm_ssl_error.c       results as entries of the error queue
 *   tlsm_ssl_context.c     contexts; tlsm_ssl_profile.c: what they hand down
 *   tlsm_ssl_list.c        groups, schemes: text to numbers; tlsm_ssl_cipher.c: suites, both ways;
 *                          tlsm_ssl_rules.c: the cipher lists of TLS 1.2
 *   tlsm_ssl_identity.c    certificates and keys of our own; tlsm_ssl_file.c: from files
 *   tlsm_ssl_client_auth.c certificates that a server asks for, and a client shows
 *   tlsm_ssl_verify.c      judging the peer; tlsm_ssl_trust.c: what by
 *   tlsm_ssl_answer.c      the machine's requests, answered by callbacks and the files above
 *   tlsm_ssl_resume.c      what a connection offers, finds, keeps and forgets of sessions; tlsm_ssl_session_internal.h has
 *                          the files about sessions, caches and ticket keys
 *   tlsm_ssl_watch.c       key log, info and message callbacks
 *   tlsm_ssl_state.c       names of states, alerts, suites
 *
 * Nothing here decides anything about TLS. */
#ifndef TLSM_SSL_INTERNAL_H
#define TLSM_SSL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "tlsm_ssl.h"

#include "tlsm_bio.h"
#include "tlsm_libcrypto_internal.h"

/* A list of IANA numbers in memory of its own; at == NULL: the machine's default. */
struct ssl_numbers {
    uint16_t *at;
    size_t count;
};

/* ------------------------------------------------------------------------------------------------ identity */

enum { SSL_IDENTITY_SLOTS = 4 };   /* EC, Ed25519, RSA, RSA-PSS: one certificate and key of each kind, as in OpenSSL */

/* What the application gave. Kept by a context, or by a connection that was given its own. */
struct ssl_certificates {
    struct ssl_certificate_slot {
        X509 *leaf;
        EVP_PKEY *key;
        STACK_OF(X509) *chain;      /* without the leaf; NULL: extra, or built from the store */
    } slot[SSL_IDENTITY_SLOTS];
    STACK_OF(X509) *extra;          /* SSL_CTX_add_extra_chain_cert */
    int current;                    /* slot of the last call, -1 none */
};

/* The same as the machine wants it: immutable, counted, shared by connections. */
struct ssl_identity {
    atomic_int references;
    size_t count;
    struct tlsm_credential credential[SSL_IDENTITY_SLOTS];
    EVP_PKEY *key[SSL_IDENTITY_SLOTS];
    /* and the memory that the credentials point into */
    void *memory[SSL_IDENTITY_SLOTS];
};
/* tlsm_ssl_identity_make: from what was given; slots without a certificate or a key are passed over. `store` completes a chain
 * that was not given, unless NULL. NULL: no memory. */
struct ssl_identity *tlsm_ssl_identity_make(const struct ssl_certificates *given, X509_STORE *store);
struct ssl_identity *tlsm_ssl_identity_hold(struct ssl_identity *identity);   /* one more reference; NULL passes through */
void tlsm_ssl_identity_drop(struct ssl_identity *identity);
void tlsm_ssl_certificates_clear(struct ssl_certificates *certificates);
int tlsm_ssl_certificates_copy(struct ssl_certificates *to, const struct ssl_certificates *from);   /* 1, 0 no memory */
/* Whose certificates are being set; certificates == NULL: nobody's, which every call refuses. */
struct ssl_holder {
    struct ssl_certificates *certificates;
    SSL_CTX *ctx;                   /* whose password callback asks; with ssl == NULL whose certificates they are */
    SSL *ssl;                       /* NULL: the context's */
    int level;                      /* security level that certificates must meet */
};
struct ssl_holder tlsm_ssl_holder_ctx(SSL_CTX *ctx);
struct ssl_holder tlsm_ssl_holder_ssl(SSL *ssl);   /* gives the connection certificates of its own */
/* Each 1, or 0 with entries in the queue and nothing changed. References are taken, not taken over. */
int tlsm_ssl_use_leaf(struct ssl_holder holder, X509 *leaf);
int tlsm_ssl_use_chain(struct ssl_holder holder, X509 *leaf, STACK_OF(X509) *chain);   /* both, in place of what was there */
int tlsm_ssl_use_key(struct ssl_holder holder, EVP_PKEY *key);
/* tlsm_ssl_certificates_of: the connection's own if it has some, else its context's. */
const struct ssl_certificates *tlsm_ssl_certificates_of(const SSL *ssl);

/* ------------------------------------------------------------------------------------------------ profile */

typedef void (*ssl_info_callback)(const SSL *ssl, int where, int result);
typedef void (*ssl_message_callback)(int written, int version, int type, const void *bytes, size_t length, SSL *ssl,
                                     void *argument);

/* Beside SSL_VERIFY_PEER: nobody asked for it; it is this header's own mode, and holds for clients only. */
enum { SSL_VERIFY_BY_DEFAULT = 0x100 };

/* What a connection takes over from its context and may then change on its own. */
struct ssl_profile {
    uint64_t options;                   /* SSL_OP_… */
    long mode;                          /* SSL_MODE_… */
    int min_version, max_version;       /* 0: no bound */
    struct ssl_numbers suites, suites12, groups, schemes;   /* suites: of TLS 1.3 */
    int verify_mode;                    /* SSL_VERIFY_…, SSL_VERIFY_BY_DEFAULT; ask SSL_get_verify_mode() */
    SSL_verify_cb verify_callback;
    X509_VERIFY_PARAM *param;           /* depth, flags, host names, purpose … */
    uint8_t *alpn;                      /* client: names, each behind its length byte; NULL none */
    size_t alpn_length;
    size_t max_fragment;                /* bytes; 0: 16384 */
    size_t tickets;                     /* server: issued after a handshake */
    int read_ahead, quiet, security_level;
    int late_auth;                      /* client: may be asked for a certificate after the handshake */
    uint32_t early_max;                 /* server: bytes of early data, 0 none */
    int (*early_allowed)(SSL *, void *);
    void *early_argument;
    uint8_t sid_context[SSL_MAX_SID_CTX_LENGTH];
    unsigned sid_context_length;
    ssl_info_callback info;
    ssl_message_callback message;
    void *message_argument;
};
int tlsm_ssl_profile_init(struct ssl_profile *profile, int drop_in);                  /* 1, 0: no memory */
int tlsm_ssl_profile_copy(struct ssl_profile *to, const struct ssl_profile *from);    /* 1, 0: no memory, and `to` is cleared */
void tlsm_ssl_profile_clear(struct ssl_profile *profile);
int tlsm_ssl_numbers_copy(struct ssl_numbers *to, struct ssl_numbers from);           /* frees what `to` held; 1, 0: no memory */
/* tlsm_ssl_profile_speaks: bounds, options and suites leave the version (TLS1_2_VERSION, TLS1_3_VERSION) in. */
int tlsm_ssl_profile_speaks(const struct ssl_profile *profile, int version);
/* The calls of DROP_IN programs: SSL_CTX_new() and SSL_CTX_new_ex() with OpenSSL's defaults. */
SSL_CTX *tlsm_SSL_CTX_new_drop_in(const SSL_METHOD *method);
SSL_CTX *tlsm_SSL_CTX_new_ex_drop_in(OSSL_LIB_CTX *library, const char *properties, const SSL_METHOD *method);

/* ------------------------------------------------------------------------------------------------ context */

struct ssl_method_st {
    int role;                           /* enum tlsm_role; 0: either */
};

enum { SSL_POOL = 16 };                 /* idle providers a context keeps, with their certificate caches */

struct ssl_cache;                       /* tlsm_ssl_cache.c */
struct ssl_cache *tlsm_ssl_cache_new(void);  /* NULL: no memory */
void tlsm_ssl_cache_free(struct ssl_cache *cache, SSL_CTX *ctx);   /* tells the remove callback of what was left */

struct ssl_ctx_st {
    atomic_int references;
    pthread_mutex_t lock;               /* guards identity and pool; held for moments, never around callbacks */
    const SSL_METHOD *method;
    int drop_in;
    struct ssl_profile profile;
    struct ssl_certificates certificates;
    struct ssl_identity *identity;      /* made from them when first wanted; NULL: not yet, or they changed */
    X509_STORE *store;
    atomic_int store_chosen;            /* the application named whom it trusts, or the system's were loaded */
    int (*cert_verify)(X509_STORE_CTX *, void *);
    void *cert_verify_argument;
    pem_password_cb *password;
    void *password_argument;
    STACK_OF(X509_NAME) *client_authorities;
    int (*servername)(SSL *, int *, void *);
    void *servername_argument;
    SSL_CTX_alpn_select_cb_func alpn_select;
    void *alpn_select_argument;
    int (*cert_callback)(SSL *, void *);
    void *cert_callback_argument;
    int (*client_cert_callback)(SSL *, X509 **, EVP_PKEY **);
    SSL_CTX_keylog_cb_func keylog;
    struct tlsm_libcrypto *pool[SSL_POOL];
    size_t pooled;
    struct ssl_cache *cache;
    CRYPTO_EX_DATA ex_data;
};

/* ssl_chain_store: what may complete a chain of our own that was not given; NULL: nothing. Nothing either while the store is
 * empty, since the system's authorities may be on their way into it. */
static inline X509_STORE *ssl_chain_store(SSL_CTX *ctx, long mode)
{
    return mode & SSL_MODE_NO_AUTO_CHAIN || !atomic_load(&ctx->store_chosen) ? NULL : ctx->store;
}
/* tlsm_ssl_ctx_identity: the context's, one reference for the caller. NULL: no memory. */
struct ssl_identity *tlsm_ssl_ctx_identity(SSL_CTX *ctx);
/* tlsm_ssl_ctx_borrow: a provider for one connection, from the pool or new; NULL: no memory. tlsm_ssl_ctx_return: back, keys wiped. */
struct tlsm_libcrypto *tlsm_ssl_ctx_borrow(SSL_CTX *ctx);
void tlsm_ssl_ctx_return(SSL_CTX *ctx, struct tlsm_libcrypto *instance);

/* ------------------------------------------------------------------------------------------------ connection */

/* What SSL_get_error() speaks of. */
struct ssl_last {
    int error;                          /* SSL_ERROR_…; NONE after success */
    int reason;                         /* SSL_R_… of the entry in the queue, 0 none */
    char text[160];                     /* the sentence; "" none */
};

enum { SSL_SESSIONS_MADE = 8 };

/* What one connection has to do with sessions. */
struct ssl_resumption {
    int settled;                        /* the handshake is complete, and what follows from it was done */
    SSL_SESSION *offered;               /* client: to the server; server: found for the client. NULL none */
    SSL_SESSION *own;                   /* the connection's, whatever SSL_set_session() names since */
    struct tlsm_session found;          /* server: the one offered, as the machine reads it; slices lead into `offered` */
    struct ssl_keys *keys;              /* server: settings.ticket_keys; NULL none */
    uint8_t context[32];                /* settings.session_context */
    enum ssl_answered { SSL_NOT_ASKED, SSL_ANSWERED, SSL_NOT_ANSWERED } answered;   /* what tlsm_ssl_session_answers() said */
    SSL_SESSION *made[SSL_SESSIONS_MADE];   /* sessions whose fate is this connection's: the last ones */
    size_t made_count;                  /* of all */
    struct tlsm_session waiting;        /* server, TLS 1.2: issued before the handshake was complete; version 0: none */
    uint8_t waiting_ticket[TLSM_TICKET_MAX];
};

struct ssl_st {
    atomic_int references;
    SSL_CTX *ctx;                       /* its own reference; SSL_set_SSL_CTX() changes it */
    SSL_CTX *session_ctx;               /* the one it was made with: sessions, pool; its own reference */
    struct ssl_profile profile;
    struct ssl_certificates *certificates;   /* of its own; NULL: the context's */
    int role;                           /* enum tlsm_role; 0: not said yet */
    BIO *rbio, *wbio;                   /* one reference each, one for both when they are the same */
    STACK_OF(X509_NAME) *client_authorities;   /* server: of its own; NULL: the context's */
    char *name;                         /* client: SSL_set_tlsext_host_name; server: as received. NULL none */

    /* one connection: made by tlsm_ssl_start(), gone with SSL_clear() */
    struct tlsm_bio *bio;               /* NULL: not begun */
    struct tlsm_settings settings;      /* complete while the machine runs; points into what follows */
    struct ssl_identity *identity;
    struct ssl_numbers suites, suites12, groups, schemes;   /* the profile's as they were: it may change while the machine runs */
    struct tlsm_bytes *alpn;            /* names for settings.alpn, with the bytes behind them in the same memory */
    struct tlsm_bytes *authorities;     /* server: the same for settings.authorities */
    struct tlsm_libcrypto *instance;    /* borrowed from session_ctx */
    struct tlsm_crypto tap;             /* with a message callback: the provider's table with an ear in it */
    uint8_t signature[TLSM_SIGNATURE_MAX];
    size_t accepted;                    /* bytes of the write that is being repeated which are sealed already */
    uint8_t accepted_tail[32];          /* the last of them: another message is no repetition */
    struct ssl_last last;
    int preset;                         /* shutdown flags set before the connection began */
    int settled;                        /* SSL_do_handshake() said that all it is for is done and sent */
    int attempted;                      /* SSL_shutdown was called before it began: SSL_SENT_SHUTDOWN means attempted */
    struct ssl_watched {                /* what the callbacks were told of last */
        uint32_t facts;
        uint8_t phase, rx, header, record_type;
    } watched;
    enum ssl_early { SSL_EARLY_UNUSED, SSL_EARLY_WRITES, SSL_EARLY_READS } early;   /* the calls it began with */
    int early_call;                     /* inside SSL_read_early_data() */
    int names_told;                     /* server: the name and ALPN callbacks were called */
    int named_alert;                    /* … and refused with this alert; 0 no */

    char refusal[160];                  /* why tlsm_ssl_judge() refused the peer; "" it did not */
    long verify_result;                 /* X509_V_… */
    X509 *peer;
    STACK_OF(X509) *peer_chain, *verified_chain;
    STACK_OF(X509_NAME) *named_authorities;   /* client: those of a server that asked; NULL it did not */
    SSL_SESSION *session;               /* to offer, then the connection's; NULL none */
    struct ssl_resumption resumption;
    int reused;
    CRYPTO_EX_DATA ex_data;
};

/* tlsm_ssl_use_bios: a connection that has begun goes on over ssl->rbio and ssl->wbio. */
void tlsm_ssl_use_bios(SSL *ssl);
/* tlsm_ssl_has_bios: 1, or 0 with `last` set: nothing can be read or written now. */
int tlsm_ssl_has_bios(SSL *ssl);
/* tlsm_ssl_start: begins the connection unless it has begun: settings, provider, machine, start. 1, or 0 with `last` set. */
int tlsm_ssl_start(SSL *ssl);
/* tlsm_ssl_settle_identity: certificates and keys as they are now become the connection's. tlsm_ssl_choose_alpn: the names of a wire
 * list become its settings'; they are copied. 1, or 0: no memory. */
int tlsm_ssl_settle_identity(SSL *ssl);
int tlsm_ssl_choose_alpn(SSL *ssl, const uint8_t *list, size_t length);
/* tlsm_ssl_settle_client_auth: server: whether clients are asked for a certificate, and whose are named, as it is now. 1, or 0: no
 * memory. tlsm_ssl_choose_client: answers a client's CREDENTIAL request. 1; 0: the application wants to be asked again. */
int tlsm_ssl_settle_client_auth(SSL *ssl);
/* tlsm_ssl_settle_asked: the same for a client that is asked after the handshake. tlsm_ssl_settle_late_auth, tlsm_ssl_settle_early:
 * what the settings say of that, and of early data. tlsm_ssl_early_answer: a REPLAY request. */
int tlsm_ssl_settle_asked(SSL *ssl);
void tlsm_ssl_settle_late_auth(SSL *ssl);
void tlsm_ssl_settle_early(SSL *ssl);
void tlsm_ssl_early_answer(SSL *ssl, const struct tlsm_request *request, struct tlsm_answer *answer);
int tlsm_ssl_choose_client(SSL *ssl, const struct tlsm_request *request, struct tlsm_answer *answer);
/* tlsm_ssl_end: forgets the connection, not the settings. */
void tlsm_ssl_end(SSL *ssl);
/* tlsm_ssl_answer: hooks.answer of tlsm_link.h; the context is the SSL. */
int tlsm_ssl_answer(void *ssl, const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *answer);
/* tlsm_ssl_judge: a JUDGE request, by ssl's profile and context's store. Fills answer->alert, ssl->peer …, verify_result, refusal. */
void tlsm_ssl_judge(SSL *ssl, const struct tlsm_request *request, struct tlsm_answer *answer);
/* tlsm_ssl_verifies: what is found wrong with the peer ends the connection. A client verifies in every mode but SSL_VERIFY_NONE. */
int tlsm_ssl_verifies(const SSL *ssl);
/* tlsm_ssl_checks_server_name: the name that is asked for is the one to check, since no other was given. */
int tlsm_ssl_checks_server_name(const SSL *ssl);
/* tlsm_ssl_config: the machine's view of a connection. */
struct tlsm_config tlsm_ssl_config(SSL *ssl);
static inline const struct tlsm_state *ssl_machine(const SSL *ssl)
{
    return ssl->bio != NULL ? ssl->bio->link.state : NULL;
}

/* ------------------------------------------------------------------------------------------------ sessions */

/* tlsm_ssl_now_ms: unix milliseconds; 0: there is no clock. */
uint64_t tlsm_ssl_now_ms(void);
/* tlsm_ssl_session_begin: what the connection that starts offers, and by which keys and cache it issues: fills settings and, for
 * a client, *session (its ticket leads into a session that the SSL holds). 1 when *session is to be offered. */
int tlsm_ssl_session_begin(SSL *ssl, struct tlsm_session *session);
/* tlsm_ssl_session_judge: client: what the peer is judged by now is what its sessions will have been judged by. 1, 0: no memory. */
int tlsm_ssl_session_judge(SSL *ssl);
/* tlsm_ssl_session_answers: once the handshake is complete: a session that was resumed answers what is asked of the peer now. 0: it
 * does not, then and ever after, and the connection is aborted. */
int tlsm_ssl_session_answers(SSL *ssl);
/* tlsm_ssl_session_find: answers a SESSION request from the context's cache. answer->session points to memory of the SSL. */
void tlsm_ssl_session_find(SSL *ssl, const struct tlsm_request *request, struct tlsm_answer *answer);
/* tlsm_ssl_session_settle: once the handshake is complete: whose session this is, and what a resumed one says of the peer. */
void tlsm_ssl_session_settle(SSL *ssl);
/* tlsm_ssl_session_shown: server: a client that was asked after the handshake showed a certificate: it is the session's from now on. */
void tlsm_ssl_session_shown(SSL *ssl);
/* tlsm_ssl_session_failed: after an error: a fatal alert, either way, takes the connection's sessions with it. */
void tlsm_ssl_session_failed(SSL *ssl);
/* tlsm_ssl_session_end: the connection goes: sessions that were never closed leave the cache (A15). */
void tlsm_ssl_session_end(SSL *ssl);
/* tlsm_ssl_session_ticket, tlsm_ssl_session_issued: hooks of tlsm_link.h; the context is the SSL. The second is only worth its price
 * when tlsm_ssl_session_watched(). */
void tlsm_ssl_session_ticket(void *ssl, const struct tlsm_state *state, const struct tlsm_session *session);
void tlsm_ssl_session_issued(void *ssl, const struct tlsm_state *state, const struct tlsm_session *session);
int tlsm_ssl_session_watched(const SSL *ssl);

/* ------------------------------------------------------------------------------------------------ errors */

/* tlsm_ssl_load_strings: our texts of ERR_LIB_SSL's reasons, once. */
void tlsm_ssl_load_strings(void);
/* tlsm_ssl_refuse: a call that makes no sense: an entry in the queue (SSL_R_… or ERR_R_…) with `text`; always 0. ssl may be NULL,
 * else its `last` says SSL_ERROR_SSL. */
int tlsm_ssl_refuse(SSL *ssl, int reason, const char *text);
/* tlsm_ssl_succeeded: nothing to report. */
void tlsm_ssl_succeeded(SSL *ssl);
/* tlsm_ssl_report: sets `last` from the machine's result of a read, write or handshake (enum tlsm_io, not positive), with an
 * entry in the queue where the class is SSL_ERROR_SSL. Returns what OpenSSL's call would: 0 at the end of the data, else -1. */
int tlsm_ssl_report(SSL *ssl, int result);
/* tlsm_ssl_report_shutdown: the same of tlsm_bio_shutdown(). */
void tlsm_ssl_report_shutdown(SSL *ssl, int result);

/* ------------------------------------------------------------------------------------------------ lists */

/* Text to numbers: 1, or 0 with *to unchanged. Unknown names fail, as OpenSSL's do; suites of TLS 1.2 that OpenSSL has and we do not
 * are passed over by tlsm_ssl_parse_ciphers(), so that *to may be empty; *level becomes what "@SECLEVEL=" names. */
enum { SSL_SUITES_12 = 6 };
int tlsm_ssl_parse_suites(const char *list, struct ssl_numbers *to);
int tlsm_ssl_parse_groups(const char *list, struct ssl_numbers *to);
int tlsm_ssl_parse_schemes(const char *list, struct ssl_numbers *to);
int tlsm_ssl_parse_ciphers(const char *list, struct ssl_numbers *to, int *level);
uint16_t tlsm_ssl_group_of_nid(int nid);   /* 0 unknown */
int tlsm_ssl_nid_of_group(uint16_t group);
const SSL_CIPHER *tlsm_ssl_cipher_of(uint16_t suite);   /* NULL unknown */

/* ------------------------------------------------------------------------------------------------ watching */

/* tlsm_ssl_watch: what hooks.stepped and hooks.keys are for, as far as this connection has callbacks. */
void tlsm_ssl_watch(SSL *ssl, struct tlsm_hooks *hooks);
/* tlsm_ssl_tap: makes ssl->tap, a provider that tells the message callback what is sealed and opened. */
void tlsm_ssl_tap(SSL *ssl);
/* tlsm_ssl_info: tells the info callback. */
void tlsm_ssl_info(const SSL *ssl, int where, int result);

#endif
