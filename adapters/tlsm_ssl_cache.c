/* SPDX-License-Identifier: MIT */
/* A context's cache of sessions: found by id, bounded, the least recently used goes first. Callbacks are called when the lock
 * is not held: they may use the cache. */
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "tlsm_replay.h"
#include "tlsm_ssl_session_internal.h"

enum { BUCKETS_AT_FIRST = 64, DEFAULT_TIMEOUT_S = 7200, CLEAR_EVERY = 256 };

/* ------------------------------------------------------------------------------------------------ life */

struct ssl_cache *tlsm_ssl_cache_new(void)
{
    struct ssl_cache *const cache = calloc(1, sizeof *cache);
    if (cache == NULL)
        return NULL;
    if (pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache);
        return NULL;
    }
    if (!tlsm_ssl_ring_init(&cache->ring)) {
        (void)pthread_mutex_destroy(&cache->lock);
        free(cache);
        return NULL;
    }
    atomic_init(&cache->mode, SSL_SESS_CACHE_SERVER);
    atomic_init(&cache->size, SSL_SESSION_CACHE_MAX_SIZE_DEFAULT);
    atomic_init(&cache->timeout_s, DEFAULT_TIMEOUT_S);
    for (size_t i = 0; i < SSL_COUNTS; i++)
        atomic_init(&cache->counts[i], 0);
    return cache;
}

void tlsm_ssl_cache_free(struct ssl_cache *cache, SSL_CTX *ctx)
{
    SSL_CTX_flush_sessions(ctx, 0);
    tlsm_ssl_ring_clear(&cache->ring);
    tlsm_replay_free(cache->replay);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache->bucket);
    free(cache);
}

/* ------------------------------------------------------------------------------------------------ by id; the lock is held */

/* Multilinear, so that ids which a peer chose collide no more often than others. */
static size_t bucket_of(const struct ssl_cache *cache, const uint8_t *id, size_t length)
{
    uint64_t sum = length;
    for (size_t i = 0; i < length; i++)
        sum += cache->factor[i / 4] * ((uint64_t)id[i] << (8 * (i % 4)));
    return (size_t)(sum >> 32) & (cache->bucket_count - 1);
}

/* Where the entry of this id hangs, or would; never NULL once there are buckets. */
static struct ssl_entry **place_of(const struct ssl_cache *cache, const uint8_t *id, size_t length)
{
    struct ssl_entry **place = &cache->bucket[bucket_of(cache, id, length)];
    while (*place != NULL && ((*place)->session->id_length != length || memcmp((*place)->session->id, id, length) != 0))
        place = &(*place)->next;
    return place;
}

static void rehash(struct ssl_cache *cache, struct ssl_entry **old, size_t old_count)
{
    for (size_t i = 0; i < old_count; i++)
        while (old[i] != NULL) {
            struct ssl_entry *const entry = old[i];
            struct ssl_entry **place;
            old[i] = entry->next;
            place = &cache->bucket[bucket_of(cache, entry->session->id, entry->session->id_length)];
            entry->next = *place;
            *place = entry;
        }
}

/* 1: there are buckets; an old, too small table is still one. */
static int grow(struct ssl_cache *cache)
{
    struct ssl_entry **const old = cache->bucket;
    const size_t old_count = cache->bucket_count, count = old != NULL ? 2 * old_count : BUCKETS_AT_FIRST;
    struct ssl_entry **bucket;
    if (old != NULL && cache->count < old_count)
        return 1;
    if (old == NULL && RAND_priv_bytes((unsigned char *)cache->factor, sizeof cache->factor) != 1)
        return 0;
    bucket = calloc(count, sizeof *bucket);
    if (bucket == NULL)
        return old != NULL;
    cache->bucket = bucket;
    cache->bucket_count = count;
    rehash(cache, old, old_count);
    free(old);
    return 1;
}

static void unlist(struct ssl_cache *cache, struct ssl_entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
    entry->newer = entry->older = NULL;
}

static void list_newest(struct ssl_cache *cache, struct ssl_entry *entry)
{
    entry->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

/* The entry at `place` joins those that were taken out. */
static void take_out(struct ssl_cache *cache, struct ssl_entry **place, struct ssl_entry **out)
{
    struct ssl_entry *const entry = *place;
    *place = entry->next;
    unlist(cache, entry);
    cache->count--;
    entry->next = *out;
    *out = entry;
}

static void take_out_entry(struct ssl_cache *cache, struct ssl_entry *entry, struct ssl_entry **out)
{
    take_out(cache, place_of(cache, entry->session->id, entry->session->id_length), out);
}

/* ------------------------------------------------------------------------------------------------ in and out */

/* The lock is not held. */
static void tell_removed(SSL_CTX *ctx, struct ssl_entry *out)
{
    while (out != NULL) {
        struct ssl_entry *const next = out->next;
        if (ctx->cache->removed != NULL)
            ctx->cache->removed(ctx, out->session);
        SSL_SESSION_free(out->session);
        free(out);
        out = next;
    }
}

static void shrink(struct ssl_cache *cache, struct ssl_entry **out)
{
    const long size = atomic_load(&cache->size);
    while (size > 0 && cache->count > (size_t)size) {
        take_out_entry(cache, cache->oldest, out);
        (void)atomic_fetch_add(&cache->counts[SSL_COUNT_FULL], 1);
    }
}

/* The lock is held; `entry` is new, its session held. 1: it is in; 0: that very session was in already. */
static int put_in(struct ssl_cache *cache, struct ssl_entry *entry, struct ssl_entry **out)
{
    struct ssl_entry **place = place_of(cache, entry->session->id, entry->session->id_length);
    if (*place != NULL && (*place)->session == entry->session)
        return 0;
    if (*place != NULL)
        take_out(cache, place, out);
    place = &cache->bucket[bucket_of(cache, entry->session->id, entry->session->id_length)];
    entry->next = *place;
    *place = entry;
    list_newest(cache, entry);
    cache->count++;
    shrink(cache, out);
    return 1;
}

/* 1: it is in the cache now and was not before. */
int SSL_CTX_add_session(SSL_CTX *ctx, SSL_SESSION *session)
{
    struct ssl_entry *out = NULL, *entry;
    int added = 0;
    if (ctx == NULL || session == NULL || session->id_length == 0)
        return 0;
    entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return 0;
    (void)SSL_SESSION_up_ref(session);
    entry->session = session;
    (void)pthread_mutex_lock(&ctx->cache->lock);
    if (grow(ctx->cache))
        added = put_in(ctx->cache, entry, &out);
    (void)pthread_mutex_unlock(&ctx->cache->lock);
    if (!added) {
        SSL_SESSION_free(session);
        free(entry);
    }
    tell_removed(ctx, out);
    return added;
}

/* Takes out what is found under the id of `session`. The callback hears of it whether it was there or not: there may be
 * another cache behind it. */
int SSL_CTX_remove_session(SSL_CTX *ctx, SSL_SESSION *session)
{
    struct ssl_entry *out = NULL, **place;
    if (ctx == NULL || session == NULL || session->id_length == 0)
        return 0;
    atomic_store(&session->resumable, 0);
    (void)pthread_mutex_lock(&ctx->cache->lock);
    place = ctx->cache->bucket != NULL ? place_of(ctx->cache, session->id, session->id_length) : NULL;
    if (place != NULL && *place != NULL)
        take_out(ctx->cache, place, &out);
    (void)pthread_mutex_unlock(&ctx->cache->lock);
    if (ctx->cache->removed != NULL)
        ctx->cache->removed(ctx, session);
    if (out == NULL)
        return 0;
    atomic_store(&out->session->resumable, 0);   /* it may be a copy */
    SSL_SESSION_free(out->session);
    free(out);
    return 1;
}

/* Those that have expired at `now`; 0: all. */
void SSL_CTX_flush_sessions(SSL_CTX *ctx, long now)
{
    struct ssl_entry *out = NULL, *entry, *newer;
    if (ctx == NULL)
        return;
    (void)pthread_mutex_lock(&ctx->cache->lock);
    for (entry = ctx->cache->oldest; entry != NULL; entry = newer) {
        newer = entry->newer;
        if (now == 0 || tlsm_ssl_session_expired(entry->session, now))
            take_out_entry(ctx->cache, entry, &out);
    }
    (void)pthread_mutex_unlock(&ctx->cache->lock);
    tell_removed(ctx, out);
}

/* ------------------------------------------------------------------------------------------------ of connections */

int tlsm_ssl_cache_keeps(const SSL *ssl)
{
    const struct ssl_cache *const cache = ssl->session_ctx->cache;
    const long mode = atomic_load(&cache->mode);
    if (!(mode & SSL_SESS_CACHE_SERVER))
        return 0;
    return !(mode & SSL_SESS_CACHE_NO_INTERNAL) || (cache->made != NULL && cache->wanted != NULL);
}

/* A server's sessions lie in its tickets: in its cache they are of use only where the tickets are its keys, or where
 * somebody wants to hear of their end. */
static int worth_keeping(const SSL *ssl)
{
    return ssl->role != TLSM_SERVER || (ssl->settings.ask & TLSM_ASK_SESSION_BIT) || ssl->session_ctx->cache->removed != NULL;
}

void tlsm_ssl_cache_publish(SSL *ssl, SSL_SESSION *session, long side)
{
    SSL_CTX *const ctx = ssl->session_ctx;
    struct ssl_cache *const cache = ctx->cache;
    const long mode = atomic_load(&cache->mode);
    const enum ssl_count good = side == SSL_SESS_CACHE_CLIENT ? SSL_COUNT_CONNECT_GOOD : SSL_COUNT_ACCEPT_GOOD;
    if (!(mode & side))
        return;
    if (!(mode & SSL_SESS_CACHE_NO_INTERNAL_STORE) && worth_keeping(ssl))
        (void)SSL_CTX_add_session(ctx, session);
    if (cache->made != NULL) {
        (void)SSL_SESSION_up_ref(session);
        if (!cache->made(ssl, session))
            SSL_SESSION_free(session);
    }
    if (!(mode & SSL_SESS_CACHE_NO_AUTO_CLEAR) && atomic_load(&cache->counts[good]) % CLEAR_EVERY == CLEAR_EVERY - 1)
        SSL_CTX_flush_sessions(ctx, ssl_now_s());
}

static SSL_SESSION *find_inside(struct ssl_cache *cache, struct tlsm_bytes id)
{
    struct ssl_entry *entry = NULL;
    SSL_SESSION *session = NULL;
    (void)pthread_mutex_lock(&cache->lock);
    if (cache->bucket != NULL)
        entry = *place_of(cache, id.data, id.length);
    if (entry != NULL) {
        unlist(cache, entry);
        list_newest(cache, entry);
        session = entry->session;
        (void)SSL_SESSION_up_ref(session);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return session;
}

static SSL_SESSION *ask_outside(SSL *ssl, struct tlsm_bytes id)
{
    struct ssl_cache *const cache = ssl->session_ctx->cache;
    SSL_SESSION *session;
    int copy = 1;
    if (cache->wanted == NULL)
        return NULL;
    session = cache->wanted(ssl, id.data, (int)id.length, &copy);
    if (session == NULL)
        return NULL;
    ssl_count(ssl->session_ctx, SSL_COUNT_CALLBACK_HITS);
    if (copy)
        (void)SSL_SESSION_up_ref(session);
    if (!(atomic_load(&cache->mode) & SSL_SESS_CACHE_NO_INTERNAL_STORE))
        (void)SSL_CTX_add_session(ssl->session_ctx, session);
    return session;
}

SSL_SESSION *tlsm_ssl_cache_find(SSL *ssl, struct tlsm_bytes id, long now_s)
{
    SSL_CTX *const ctx = ssl->session_ctx;
    SSL_SESSION *session = NULL;
    if (!(atomic_load(&ctx->cache->mode) & SSL_SESS_CACHE_NO_INTERNAL_LOOKUP)) {
        session = find_inside(ctx->cache, id);
        if (session == NULL)
            ssl_count(ctx, SSL_COUNT_MISSES);
    }
    if (session == NULL)
        session = ask_outside(ssl, id);
    if (session != NULL && tlsm_ssl_session_expired(session, now_s)) {
        ssl_count(ctx, SSL_COUNT_TIMEOUTS);
        (void)SSL_CTX_remove_session(ctx, session);
    }
    if (SSL_SESSION_is_resumable(session))
        return session;
    SSL_SESSION_free(session);
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ settings */

static long exchange(SSL_CTX *ctx, atomic_long *field, long by)
{
    return ctx != NULL ? atomic_exchange(field, by) : 0;
}

/* The setting before. */
long SSL_CTX_set_session_cache_mode(SSL_CTX *ctx, long mode) { return exchange(ctx, ctx ? &ctx->cache->mode : NULL, mode); }

long SSL_CTX_sess_set_cache_size(SSL_CTX *ctx, long size)
{
    return exchange(ctx, ctx != NULL ? &ctx->cache->size : NULL, size > 0 ? size : 0);
}

long SSL_CTX_set_timeout(SSL_CTX *ctx, long seconds)
{
    return exchange(ctx, ctx != NULL ? &ctx->cache->timeout_s : NULL, seconds > 0 ? seconds : 0);
}

long SSL_CTX_get_session_cache_mode(SSL_CTX *ctx) { return ctx != NULL ? atomic_load(&ctx->cache->mode) : 0; }
long SSL_CTX_sess_get_cache_size(SSL_CTX *ctx) { return ctx != NULL ? atomic_load(&ctx->cache->size) : 0; }
long SSL_CTX_get_timeout(const SSL_CTX *ctx) { return ctx != NULL ? atomic_load(&ctx->cache->timeout_s) : 0; }

void SSL_CTX_sess_set_new_cb(SSL_CTX *ctx, int (*callback)(SSL *, SSL_SESSION *))
{
    if (ctx != NULL)
        ctx->cache->made = callback;
}

void SSL_CTX_sess_set_remove_cb(SSL_CTX *ctx, void (*callback)(SSL_CTX *, SSL_SESSION *))
{
    if (ctx != NULL)
        ctx->cache->removed = callback;
}

void SSL_CTX_sess_set_get_cb(SSL_CTX *ctx, SSL_SESSION *(*callback)(SSL *, const unsigned char *, int, int *))
{
    if (ctx == NULL)
        return;
    ctx->cache->wanted = callback;
    if (callback != NULL)
        tlsm_ssl_early_doubt(ctx);
}

/* ------------------------------------------------------------------------------------------------ counts */

static long counted(const SSL_CTX *ctx, enum ssl_count what)
{
    return ctx != NULL ? atomic_load(&ctx->cache->counts[what]) : 0;
}

long SSL_CTX_sess_number(SSL_CTX *ctx)
{
    size_t count;
    if (ctx == NULL)
        return 0;
    (void)pthread_mutex_lock(&ctx->cache->lock);
    count = ctx->cache->count;
    (void)pthread_mutex_unlock(&ctx->cache->lock);
    return (long)count;
}

long SSL_CTX_sess_connect(SSL_CTX *ctx) { return counted(ctx, SSL_COUNT_CONNECT); }
long SSL_CTX_sess_connect_good(SSL_CTX *ctx) { return counted(ctx, SSL_COUNT_CONNECT_GOOD); }
long SSL_CTX_sess_accept(SSL_CTX *ctx) { return counted(ctx, SSL_COUNT_ACCEPT); }
long SSL_CTX_sess_accept_good(SSL_CTX *ctx) { return counted(ctx, SSL_COUNT_ACCEPT_GOOD); }
long SSL_CTX_sess_hits(SSL_CTX *ctx) { return counted(ctx, SSL_COUNT_HITS); }
long SSL_CTX_sess_cb_hits(SSL_CTX *ctx) { return counted(ctx, SSL_COUNT_CALLBACK_HITS); }
long SSL_CTX_sess_misses(SSL_CTX *ctx) { return counted(ctx, SSL_COUNT_MISSES); }
long SSL_CTX_sess_timeouts(SSL_CTX *ctx) { return counted(ctx, SSL_COUNT_TIMEOUTS); }
long SSL_CTX_sess_cache_full(SSL_CTX *ctx) { return counted(ctx, SSL_COUNT_FULL); }

/* TLS 1.3 has no renegotiation. */
long SSL_CTX_sess_connect_renegotiate(SSL_CTX *ctx) { (void)ctx; return 0; }
long SSL_CTX_sess_accept_renegotiate(SSL_CTX *ctx) { (void)ctx; return 0; }
