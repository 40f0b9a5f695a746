/* SPDX-License-Identifier: MIT */
/* Early data (RFC 9846 §2.3, §8): written before the server has answered, read before the client has proved anything. What may come
 * twice is the application's to know; here each ClientHello's early data is read once. */
#include <string.h>

#include "tlsm_replay.h"
#include "tlsm_ssl_session_internal.h"

enum { NAMES = 4096 };   /* of ClientHellos in 20 seconds; beyond it early data is rejected */

/* ------------------------------------------------------------------------------------------------ settings */

int SSL_CTX_set_max_early_data(SSL_CTX *ctx, uint32_t bytes)
{
    if (ctx == NULL)
        return 0;
    ctx->profile.early_max = bytes;
    return 1;
}

int SSL_set_max_early_data(SSL *ssl, uint32_t bytes)
{
    if (ssl == NULL)
        return 0;
    ssl->profile.early_max = bytes;
    return 1;
}

uint32_t SSL_CTX_get_max_early_data(const SSL_CTX *ctx) { return ctx != NULL ? ctx->profile.early_max : 0; }
uint32_t SSL_get_max_early_data(const SSL *ssl) { return ssl != NULL ? ssl->profile.early_max : 0; }

void SSL_CTX_set_allow_early_data_cb(SSL_CTX *ctx, int (*callback)(SSL *, void *), void *argument)
{
    if (ctx == NULL)
        return;
    ctx->profile.early_allowed = callback;
    ctx->profile.early_argument = argument;
}

void SSL_set_allow_early_data_cb(SSL *ssl, int (*callback)(SSL *, void *), void *argument)
{
    if (ssl == NULL)
        return;
    ssl->profile.early_allowed = callback;
    ssl->profile.early_argument = argument;
}

void tlsm_ssl_settle_early(SSL *ssl)
{
    if (ssl->role == TLSM_SERVER)
        ssl->settings.early_max = ssl->profile.early_max;
    else
        ssl->settings.early_data = ssl->early == SSL_EARLY_WRITES;
}

/* ------------------------------------------------------------------------------------------------ once */

/* Where others may have opened the same tickets until a moment ago, what came to them is not known here. */
void tlsm_ssl_early_doubt(SSL_CTX *ctx)
{
    atomic_store(&ctx->cache->early_from_ms, tlsm_ssl_now_ms() + 2 * (uint64_t)TLSM_EARLY_AGE_MS);
}

static struct tlsm_replay *memory_of(struct ssl_cache *cache, uint64_t now_ms)
{
    struct tlsm_replay *replay;
    (void)pthread_mutex_lock(&cache->lock);
    if (cache->replay == NULL)
        cache->replay = tlsm_replay_new(NAMES, now_ms, 1);   /* nobody has read any under keys of this context's own making */
    replay = cache->replay;
    (void)pthread_mutex_unlock(&cache->lock);
    return replay;
}

static int is_fresh(SSL *ssl, struct tlsm_bytes once, uint64_t now_ms)
{
    struct ssl_cache *const cache = ssl->session_ctx->cache;
    struct tlsm_replay *const replay = memory_of(cache, now_ms);
    return replay != NULL && now_ms >= atomic_load(&cache->early_from_ms) && tlsm_replay_fresh(replay, once, now_ms);
}

/* A server that does not call SSL_read_early_data() wants none; SSL_OP_NO_ANTI_REPLAY: the application remembers itself. */
void tlsm_ssl_early_answer(SSL *ssl, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    const struct ssl_profile *const profile = &ssl->profile;
    answer->now_ms = tlsm_ssl_now_ms();
    answer->fresh = 0;
    if (ssl->early != SSL_EARLY_READS || (profile->early_allowed != NULL && !profile->early_allowed(ssl, profile->early_argument)))
        return;
    answer->fresh = (profile->options & SSL_OP_NO_ANTI_REPLAY) != 0 || is_fresh(ssl, request->once, answer->now_ms);
}

/* ------------------------------------------------------------------------------------------------ writing */

/* 1: SSL_connect() and SSL_write_early_data() are what this connection is used by. */
static int may_write(SSL *ssl, const void *from, size_t length)
{
    if (ssl->role == 0)
        SSL_set_connect_state(ssl);
    if (ssl->role != TLSM_CLIENT || (ssl->bio != NULL && ssl->early != SSL_EARLY_WRITES))
        return tlsm_ssl_refuse(ssl, ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED, "early data is a client's, and comes before SSL_connect()");
    if (from == NULL && length > 0)
        return tlsm_ssl_refuse(ssl, ERR_R_PASSED_NULL_PARAMETER, "there is no buffer");
    ssl->early = SSL_EARLY_WRITES;
    return tlsm_ssl_start(ssl) && tlsm_ssl_has_bios(ssl);
}

static int refuse_more(SSL *ssl)
{
    ssl->accepted = 0;
    return tlsm_ssl_refuse(ssl, SSL_R_TOO_MUCH_EARLY_DATA, "the session allows no early data, or not so much: go on with SSL_connect()");
}

int SSL_write_early_data(SSL *ssl, const void *from, size_t length, size_t *count)
{
    const uint8_t *const bytes = from;
    int done;
    if (count != NULL)
        *count = 0;
    if (ssl == NULL)
        return tlsm_ssl_refuse(NULL, ERR_R_PASSED_NULL_PARAMETER, "there is no connection");
    if (!may_write(ssl, from, length))
        return 0;
    done = tlsm_link_run(&ssl->bio->link);   /* ClientHello comes before it */
    if (done != TLSM_IO_DONE)
        return tlsm_ssl_report(ssl, done), 0;
    if (ssl->accepted > length || length - ssl->accepted > tlsm_link_early_room(&ssl->bio->link))
        return refuse_more(ssl);
    do {
        const ptrdiff_t sealed = tlsm_link_seal_early(&ssl->bio->link, bytes + ssl->accepted, length - ssl->accepted);
        if (sealed == TLSM_IO_REFUSED)
            return refuse_more(ssl);
        if (sealed < 0 && sealed != TLSM_IO_WANT_WRITE)
            return tlsm_ssl_report(ssl, (int)sealed), 0;
        ssl->accepted += sealed > 0 ? (size_t)sealed : 0;
        done = tlsm_bio_flush(ssl->bio);
        if (done != TLSM_IO_DONE)
            return tlsm_ssl_report(ssl, done), 0;
    } while (ssl->accepted < length);
    ssl->accepted = 0;
    if (count != NULL)
        *count = length;
    tlsm_ssl_succeeded(ssl);
    return 1;
}

/* ------------------------------------------------------------------------------------------------ reading */

static int may_read(SSL *ssl, const void *to, size_t room)
{
    if (ssl->role == 0)
        SSL_set_accept_state(ssl);
    if (ssl->role != TLSM_SERVER || (ssl->bio != NULL && ssl->early != SSL_EARLY_READS))
        return tlsm_ssl_refuse(ssl, ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED, "early data is read by a server, and before SSL_accept()");
    if (to == NULL || room == 0)
        return tlsm_ssl_refuse(ssl, ERR_R_PASSED_NULL_PARAMETER, "there is no buffer");
    ssl->early = SSL_EARLY_READS;
    return tlsm_ssl_start(ssl) && tlsm_ssl_has_bios(ssl);
}

static int lies_there(const SSL *ssl)
{
    return tlsm_link_unread(&ssl->bio->link) > 0 && tlsm_link_is_early(&ssl->bio->link);
}

/* Data that lies there is no failure of the handshake. */
static int go_on(SSL *ssl)
{
    int done;
    ssl->early_call = 1;
    done = SSL_do_handshake(ssl);
    ssl->early_call = 0;
    return done;
}

/* FINISH is said once the handshake is complete: then whoever sent it has proved that it was no replay. */
int SSL_read_early_data(SSL *ssl, void *to, size_t room, size_t *count)
{
    size_t unused = 0;
    size_t *const got = count != NULL ? count : &unused;
    *got = 0;
    if (ssl == NULL)
        return tlsm_ssl_refuse(NULL, ERR_R_PASSED_NULL_PARAMETER, "there is no connection");
    if (!may_read(ssl, to, room))
        return SSL_READ_EARLY_DATA_ERROR;
    if (!lies_there(ssl) && go_on(ssl) == 1)
        return SSL_READ_EARLY_DATA_FINISH;
    if (!lies_there(ssl))
        return SSL_READ_EARLY_DATA_ERROR;
    *got = tlsm_link_take(&ssl->bio->link, to, room);
    tlsm_ssl_succeeded(ssl);
    return SSL_READ_EARLY_DATA_SUCCESS;
}

/* Until the server has said so, it is not accepted. */
int SSL_get_early_data_status(const SSL *ssl)
{
    if (ssl == NULL || ssl->bio == NULL)
        return SSL_EARLY_DATA_NOT_SENT;
    switch ((enum tlsm_early)tlsm_link_early(&ssl->bio->link)) {
    case TLSM_EARLY_NONE: break;
    case TLSM_EARLY_UNKNOWN: case TLSM_EARLY_REJECTED: return SSL_EARLY_DATA_REJECTED;
    case TLSM_EARLY_ACCEPTED: return SSL_EARLY_DATA_ACCEPTED;
    }
    return SSL_EARLY_DATA_NOT_SENT;
}
