/* SPDX-License-Identifier: MIT */
/* The keys that seal a context's tickets: the application's, or random ones that are renewed in time. */
#define _POSIX_C_SOURCE 200809L

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tlsm_ssl_session_internal.h"

enum { NAME_BYTES = 16 };

int tlsm_ssl_ring_init(struct ssl_ring *ring) { return pthread_mutex_init(&ring->lock, NULL) == 0; }

static struct ssl_keys *hold(struct ssl_keys *keys)
{
    if (keys != NULL)
        (void)atomic_fetch_add(&keys->references, 1);
    return keys;
}

void tlsm_ssl_keys_drop(struct ssl_keys *keys)
{
    if (keys == NULL || atomic_fetch_sub(&keys->references, 1) > 1)
        return;
    OPENSSL_cleanse(keys, sizeof *keys);
    free(keys);
}

void tlsm_ssl_ring_clear(struct ssl_ring *ring)
{
    tlsm_ssl_keys_drop(ring->keys);
    OPENSSL_cleanse(ring->sealing, sizeof ring->sealing);
    ring->keys = NULL;
    (void)pthread_mutex_destroy(&ring->lock);
}

/* A snapshot whose first key comes from `sealing`, and whose second is `before`, unless NULL. */
static struct ssl_keys *make(const uint8_t sealing[SSL_TICKET_KEY_BYTES], const struct tlsm_ticket_key *before)
{
    uint8_t digest[SHA384_DIGEST_LENGTH];
    struct ssl_keys *const keys = calloc(1, sizeof *keys);
    if (keys == NULL)
        return NULL;
    _Static_assert(sizeof digest == sizeof keys->key[0].secret, "the digest of 64 bytes is a secret");
    atomic_init(&keys->references, 1);
    memcpy(keys->key[0].name, sealing, NAME_BYTES);
    (void)SHA384(sealing + NAME_BYTES, SSL_TICKET_KEY_BYTES - NAME_BYTES, digest);
    memcpy(keys->key[0].secret, digest, sizeof digest);
    OPENSSL_cleanse(digest, sizeof digest);
    keys->count = 1;
    if (before != NULL)
        keys->key[keys->count++] = *before;
    return keys;
}

/* The lock is held. 1, or 0 with nothing changed. */
static int replace(struct ssl_ring *ring, const uint8_t sealing[SSL_TICKET_KEY_BYTES], const struct tlsm_ticket_key *before)
{
    struct ssl_keys *const keys = make(sealing, before);
    if (keys == NULL)
        return 0;
    tlsm_ssl_keys_drop(ring->keys);
    ring->keys = keys;
    memcpy(ring->sealing, sealing, SSL_TICKET_KEY_BYTES);
    return 1;
}

static int renew(struct ssl_ring *ring, uint64_t now_s)
{
    uint8_t sealing[SSL_TICKET_KEY_BYTES];
    int done = RAND_priv_bytes(sealing, sizeof sealing) == 1 &&
               replace(ring, sealing, ring->keys != NULL ? &ring->keys->key[0] : NULL);
    OPENSSL_cleanse(sealing, sizeof sealing);
    if (done)
        ring->made_s = now_s;
    return done;
}

struct ssl_keys *tlsm_ssl_ring_keys(struct ssl_ring *ring, uint64_t now_s, uint64_t timeout_s)
{
    struct ssl_keys *keys;
    (void)pthread_mutex_lock(&ring->lock);
    if (ring->keys == NULL || (!ring->given && now_s - ring->made_s >= timeout_s))
        (void)renew(ring, now_s);   /* without entropy the old one goes on sealing */
    keys = hold(ring->keys);
    (void)pthread_mutex_unlock(&ring->lock);
    return keys;
}

/* ------------------------------------------------------------------------------------------------ the application's */

uint64_t tlsm_ssl_monotonic_s(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? (uint64_t)now.tv_sec : 0;
}

static int right_length(const SSL_CTX *ctx, long length)
{
    if (ctx != NULL && length == SSL_TICKET_KEY_BYTES)
        return 1;
    return tlsm_ssl_refuse(NULL, SSL_R_INVALID_TICKET_KEYS_LENGTH, "ticket keys are 80 bytes: a name of 16, a secret of 64");
}

/* Without `keys`: how many bytes they are. What other keys sealed is not accepted any more: they may have been replaced
 * because they are known to somebody. */
long SSL_CTX_set_tlsext_ticket_keys(SSL_CTX *ctx, void *keys, long length)
{
    struct ssl_ring *ring;
    int done;
    if (keys == NULL)
        return SSL_TICKET_KEY_BYTES;
    if (!right_length(ctx, length))
        return 0;
    ring = &ctx->cache->ring;
    (void)pthread_mutex_lock(&ring->lock);
    done = replace(ring, keys, NULL);
    if (done)
        ring->given = 1;
    (void)pthread_mutex_unlock(&ring->lock);
    if (done)
        tlsm_ssl_early_doubt(ctx);
    return done || tlsm_ssl_refuse(NULL, ERR_R_MALLOC_FAILURE, "");
}

/* The one that seals now, for a process that is to open the same tickets. */
long SSL_CTX_get_tlsext_ticket_keys(SSL_CTX *ctx, void *keys, long length)
{
    struct ssl_ring *ring;
    struct ssl_keys *current;
    if (keys == NULL)
        return SSL_TICKET_KEY_BYTES;
    if (!right_length(ctx, length))
        return 0;
    ring = &ctx->cache->ring;
    current = tlsm_ssl_ring_keys(ring, tlsm_ssl_monotonic_s(), (uint64_t)SSL_CTX_get_timeout(ctx));
    if (current == NULL)
        return tlsm_ssl_refuse(NULL, ERR_R_RAND_LIB, "");
    (void)pthread_mutex_lock(&ring->lock);
    memcpy(keys, ring->sealing, SSL_TICKET_KEY_BYTES);
    (void)pthread_mutex_unlock(&ring->lock);
    tlsm_ssl_keys_drop(current);
    return 1;
}
