/* SPDX-License-Identifier: MIT */
/* Sessions and caches as the files about them share them:
 *
 *   tlsm_ssl_session.c         sessions as objects
 *   tlsm_ssl_session_value.c   … as bytes: DER, PEM; and as text
 *   tlsm_ssl_cache.c           a context's cache
 *   tlsm_ssl_ticket.c          the keys that seal tickets
 *   tlsm_ssl_resume.c          what one connection offers, finds, keeps, and forgets */
#ifndef TLSM_SSL_SESSION_INTERNAL_H
#define TLSM_SSL_SESSION_INTERNAL_H

#include "tlsm_ssl_internal.h"

enum { SSL_SESSION_DIGEST = 32, SSL_WEEK_S = TLSM_TICKET_LIFETIME_MAX };

/* ------------------------------------------------------------------------------------------------ one session */

/* What is plain here was set before anyone else could see the session, and stays. */
struct ssl_session_st {
    atomic_int references;
    atomic_int resumable;               /* 0: no ticket, or its connection was never closed */
    atomic_long time_s, timeout_s;      /* seconds since 1970; seconds */
    uint8_t *value;                     /* what tlsm_session_write() made; NULL: no ticket came yet */
    size_t value_length;
    uint16_t suite, version;            /* 0: of no connection */
    uint8_t id[SSL_MAX_SSL_SESSION_ID_LENGTH], sid_context[SSL_MAX_SID_CTX_LENGTH];
    unsigned id_length, sid_context_length;
    long verify_result;                 /* X509_V_… */
    X509 *peer;
    STACK_OF(X509) *chain;
    char *name;                         /* the host's; NULL none */
    CRYPTO_EX_DATA ex_data;
};

/* tlsm_ssl_session_set_value: the machine's session, under the id that its ticket has: itself if it is a key of a cache, else its
 * digest. 1, 0: no memory, or it is none. */
int tlsm_ssl_session_set_value(SSL_SESSION *session, const struct tlsm_session *value, int ticket_is_id);
/* tlsm_ssl_session_read: the machine's view; slices lead into the object. 1, or 0: there is none. */
int tlsm_ssl_session_read(const SSL_SESSION *session, struct tlsm_session *value);
int tlsm_ssl_session_expired(const SSL_SESSION *session, long now_s);

/* ------------------------------------------------------------------------------------------------ ticket keys */

enum { SSL_TICKET_KEY_BYTES = 80, SSL_TICKET_KEYS = 2 };

/* A snapshot, counted and immutable: settings of connections lead into it. */
struct ssl_keys {
    atomic_int references;
    size_t count;
    struct tlsm_ticket_key key[SSL_TICKET_KEYS];   /* the first seals */
};

/* Guarded by its lock. */
struct ssl_ring {
    pthread_mutex_t lock;
    struct ssl_keys *keys;              /* NULL: none was needed yet */
    uint8_t sealing[SSL_TICKET_KEY_BYTES];   /* what the first was made from */
    uint64_t made_s;                    /* when; seconds of the monotonic clock */
    int given;                          /* by the application, which rotates them itself */
};
/* tlsm_ssl_ring_keys: the keys of connections that begin now; one reference for the caller. A sealing key lives for `timeout_s`,
 * and is kept for as long again, until its last ticket has expired. NULL: no entropy, no memory. */
uint64_t tlsm_ssl_monotonic_s(void);
struct ssl_keys *tlsm_ssl_ring_keys(struct ssl_ring *ring, uint64_t now_s, uint64_t timeout_s);
void tlsm_ssl_keys_drop(struct ssl_keys *keys);
int tlsm_ssl_ring_init(struct ssl_ring *ring);   /* 1, 0 */
void tlsm_ssl_ring_clear(struct ssl_ring *ring);

/* ------------------------------------------------------------------------------------------------ cache */

enum ssl_count {
    SSL_COUNT_CONNECT, SSL_COUNT_CONNECT_GOOD, SSL_COUNT_ACCEPT, SSL_COUNT_ACCEPT_GOOD, SSL_COUNT_HITS, SSL_COUNT_CALLBACK_HITS,
    SSL_COUNT_MISSES, SSL_COUNT_TIMEOUTS, SSL_COUNT_FULL, SSL_COUNTS
};

struct ssl_entry {
    SSL_SESSION *session;               /* one reference */
    struct ssl_entry *next;             /* of the same bucket; or of those that were taken out together */
    struct ssl_entry *newer, *older;    /* by last use */
};

struct ssl_cache {
    pthread_mutex_t lock;               /* guards buckets and list; never held around a callback */
    struct ssl_entry **bucket;
    size_t bucket_count, count;
    struct ssl_entry *newest, *oldest;
    uint64_t factor[SSL_MAX_SSL_SESSION_ID_LENGTH / 4];   /* random: nobody can choose ids that share a bucket */
    atomic_long mode, size, timeout_s, counts[SSL_COUNTS];
    int (*made)(SSL *, SSL_SESSION *);
    void (*removed)(SSL_CTX *, SSL_SESSION *);
    SSL_SESSION *(*wanted)(SSL *, const unsigned char *, int, int *);
    struct ssl_ring ring;
    struct tlsm_replay *replay;         /* NULL until early data comes */
    atomic_ullong early_from_ms;        /* none is accepted before; unix */
};

static inline void ssl_count(SSL_CTX *ctx, enum ssl_count what) { (void)atomic_fetch_add(&ctx->cache->counts[what], 1); }
static inline long ssl_now_s(void) { return (long)(tlsm_ssl_now_ms() / 1000); }
/* tlsm_ssl_early_doubt: early data may have come elsewhere, under tickets that this context opens from now on. */
void tlsm_ssl_early_doubt(SSL_CTX *ctx);
/* tlsm_ssl_cache_publish: a session was made: kept, and told of, as far as the modes (SSL_SESS_CACHE_CLIENT or _SERVER) say. */
void tlsm_ssl_cache_publish(SSL *ssl, SSL_SESSION *session, long side);
/* tlsm_ssl_cache_find: by the cache, else by the callback; one reference for the caller, NULL none that could be resumed now. */
SSL_SESSION *tlsm_ssl_cache_find(SSL *ssl, struct tlsm_bytes id, long now_s);
/* tlsm_ssl_cache_keeps: a ticket that is a key of the cache leads to a session that somebody keeps. */
int tlsm_ssl_cache_keeps(const SSL *ssl);

#endif
