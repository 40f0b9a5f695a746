/* SPDX-License-Identifier: MIT */
/* What one connection has to do with sessions: what it offers, finds, makes, keeps, and forgets.
 *
 * A session is as good as its connection's end: SSL_shutdown(), whatever became of it, leaves it "closed and good"; a
 * connection that is freed or cleared without it takes its sessions along (A15), and so does a fatal alert. RFC 9846 §6.2:
 * secrets of failed connections are forgotten, and the PSKs of their tickets "SHOULD be discarded if possible". */
#define _POSIX_C_SOURCE 200809L

#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlsm_ssl_session_internal.h"

/* ------------------------------------------------------------------------------------------------ beginning: client */

static int add(EVP_MD_CTX *digest, const void *bytes, size_t length)
{
    const uint8_t size[4] = { (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length };
    return EVP_DigestUpdate(digest, size, sizeof size) == 1 && (length == 0 || EVP_DigestUpdate(digest, bytes, length) == 1);
}

static int add_text(EVP_MD_CTX *digest, const char *text) { return add(digest, text, text != NULL ? strlen(text) : 0); }

/* Whom the peer was judged to be. Its name for SNI is not here: the machine compares that one itself. */
static int add_identity(EVP_MD_CTX *digest, X509_VERIFY_PARAM *param)
{
    char *address;
    int done;
    const char *host;
    ERR_set_mark();
    address = X509_VERIFY_PARAM_get1_ip_asc(param);   /* that there is none it calls an error */
    (void)ERR_pop_to_mark();
    done = add_text(digest, address) && add_text(digest, X509_VERIFY_PARAM_get0_email(param));
    for (int i = 0; done && (host = X509_VERIFY_PARAM_get0_host(param, i)) != NULL; i++)
        done = add_text(digest, host);
    OPENSSL_free(address);
    return done;
}

/* Who judged it: another callback may have let pass what this one would not. */
static int add_judge(EVP_MD_CTX *digest, const SSL *ssl)
{
    const SSL_CTX *const ctx = ssl->ctx;
    return add(digest, &ssl->profile.verify_callback, sizeof ssl->profile.verify_callback) &&
           add(digest, &ctx->cert_verify, sizeof ctx->cert_verify) &&
           add(digest, &ctx->cert_verify_argument, sizeof ctx->cert_verify_argument) &&
           add_text(digest, tlsm_ssl_checks_server_name(ssl) ? "the name asked for" : "names given");
}

/* A client never offers a session that was made when less was verified, or another name, or by another judge: its context is
 * the digest of what it verifies, and of the context that the application gave. */
static int make_context(SSL *ssl)
{
    const struct ssl_profile *const profile = &ssl->profile;
    EVP_MD_CTX *const digest = EVP_MD_CTX_new();
    const int done = digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                     add_text(digest, tlsm_ssl_verifies(ssl) ? "verified" : "taken as it is") &&
                     add(digest, profile->sid_context, profile->sid_context_length) &&
                     (!tlsm_ssl_verifies(ssl) || (add_identity(digest, profile->param) && add_judge(digest, ssl))) &&
                     EVP_DigestFinal_ex(digest, ssl->resumption.context, NULL) == 1;
    EVP_MD_CTX_free(digest);
    ssl->settings.session_context.data = ssl->resumption.context;
    ssl->settings.session_context.length = sizeof ssl->resumption.context;
    return done;
}

/* Without a callback that may have let it pass, what was found wrong with the peer then is wrong now. */
static int judged_well(const SSL *ssl)
{
    return !tlsm_ssl_verifies(ssl) || ssl->session->verify_result == X509_V_OK || ssl->profile.verify_callback != NULL ||
           ssl->ctx->cert_verify != NULL;
}

static int offer(SSL *ssl, struct tlsm_session *session)
{
    if (!make_context(ssl) || !SSL_SESSION_is_resumable(ssl->session) || !judged_well(ssl) ||
        tlsm_ssl_session_expired(ssl->session, ssl_now_s()) || !tlsm_ssl_session_read(ssl->session, session))
        return 0;
    (void)SSL_SESSION_up_ref(ssl->session);
    ssl->resumption.offered = ssl->session;
    return 1;
}

/* ------------------------------------------------------------------------------------------------ beginning: server */

/* Tickets are keys of a cache: when they may not be sealed, when all sessions are the application's to keep, or when it will want to
 * see the certificate that the client showed, which a sealed ticket does not hold. */
static int in_cache(const SSL *ssl)
{
    const struct ssl_cache *const cache = ssl->session_ctx->cache;
    return (ssl->profile.options & SSL_OP_NO_TICKET) != 0 || (ssl->role == TLSM_SERVER && tlsm_ssl_verifies(ssl)) ||
           (cache->wanted != NULL && cache->made != NULL && (atomic_load(&cache->mode) & SSL_SESS_CACHE_NO_INTERNAL) != 0);
}

/* A server that would judge its clients has to say for what: without a context their sessions could be anybody's. */
static int may_resume(const SSL *ssl)
{
    return SSL_CTX_get_timeout(ssl->session_ctx) > 0 && (!tlsm_ssl_verifies(ssl) || ssl->profile.sid_context_length > 0) &&
           (!in_cache(ssl) || tlsm_ssl_cache_keeps(ssl));
}

static void seal_or_keep(SSL *ssl)
{
    struct tlsm_settings *const settings = &ssl->settings;
    const long timeout = SSL_CTX_get_timeout(ssl->session_ctx);
    memcpy(ssl->resumption.context, ssl->profile.sid_context, sizeof ssl->profile.sid_context);
    settings->session_context.data = ssl->resumption.context;
    settings->session_context.length = ssl->profile.sid_context_length;
    if (!may_resume(ssl))
        return;
    settings->ticket_lifetime_s = (uint32_t)(timeout < SSL_WEEK_S ? timeout : SSL_WEEK_S);
    settings->tickets = (uint8_t)(ssl->profile.tickets < UINT8_MAX ? ssl->profile.tickets : UINT8_MAX);
    if (in_cache(ssl)) {
        settings->ask |= TLSM_ASK_SESSION_BIT;
        return;
    }
    ssl->resumption.keys = tlsm_ssl_ring_keys(&ssl->session_ctx->cache->ring, tlsm_ssl_monotonic_s(), settings->ticket_lifetime_s);
    if (ssl->resumption.keys == NULL)
        return;
    settings->ticket_keys = ssl->resumption.keys->key;
    settings->ticket_key_count = ssl->resumption.keys->count;
}

int tlsm_ssl_session_begin(SSL *ssl, struct tlsm_session *session)
{
    memset(session, 0, sizeof *session);
    ssl_count(ssl->session_ctx, ssl->role == TLSM_SERVER ? SSL_COUNT_ACCEPT : SSL_COUNT_CONNECT);
    if (ssl->role == TLSM_CLIENT)
        return offer(ssl, session);
    seal_or_keep(ssl);
    return 0;
}

/* 1: it lies in the cache, and becomes the one that is resumed. */
static int find(SSL *ssl, struct tlsm_bytes id, struct tlsm_answer *answer)
{
    struct ssl_resumption *const resumption = &ssl->resumption;
    SSL_SESSION *const session = id.length == TLSM_TICKET_ID ? tlsm_ssl_cache_find(ssl, id, ssl_now_s()) : NULL;
    if (session == NULL || !tlsm_ssl_session_read(session, &resumption->found)) {
        SSL_SESSION_free(session);
        return 0;
    }
    resumption->offered = session;
    answer->session = &resumption->found;
    return 1;
}

void tlsm_ssl_session_find(SSL *ssl, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    struct ssl_resumption *const resumption = &ssl->resumption;
    struct tlsm_bytes id;
    size_t offset = 0;
    SSL_SESSION_free(resumption->offered);   /* a second ClientHello asks again */
    resumption->offered = NULL;
    answer->now_ms = tlsm_ssl_now_ms();
    if (request->session_id.length > 0)
        (void)find(ssl, request->session_id, answer);
    for (uint16_t i = 0; i < TLSM_IDENTITIES && tlsm_identity_next(request->identities, &offset, &id); i++) {
        answer->identity = i;
        if (find(ssl, id, answer))
            return;
    }
}

/* ------------------------------------------------------------------------------------------------ complete */

static void remember(SSL *ssl, SSL_SESSION *session)
{
    struct ssl_resumption *const resumption = &ssl->resumption;
    SSL_SESSION **const place = &resumption->made[resumption->made_count++ % SSL_SESSIONS_MADE];
    (void)SSL_SESSION_up_ref(session);
    SSL_SESSION_free(*place);
    *place = session;
}

/* Takes over the reference. */
static void name(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION_free(ssl->session);
    ssl->session = session;
}

/* The same, and it is of this connection. */
static void become(SSL *ssl, SSL_SESSION *session)
{
    (void)SSL_SESSION_up_ref(session);
    SSL_SESSION_free(ssl->resumption.own);
    ssl->resumption.own = session;
    name(ssl, session);
}

static int copy_peer(SSL *ssl, SSL_SESSION *session)
{
    if (ssl->name != NULL && (session->name = strdup(ssl->name)) == NULL)
        return 0;
    if (ssl->peer_chain != NULL && (session->chain = X509_chain_up_ref(ssl->peer_chain)) == NULL)
        return 0;
    if (ssl->peer != NULL)
        (void)X509_up_ref(session->peer = ssl->peer);
    return 1;
}

/* The session of a connection that resumed none, or none that lies here; it can be resumed when a ticket comes. */
static SSL_SESSION *describe(SSL *ssl)
{
    const struct tlsm_state *const machine = ssl_machine(ssl);
    SSL_SESSION *const session = SSL_SESSION_new();
    if (session == NULL)
        return NULL;
    atomic_store(&session->timeout_s, SSL_CTX_get_timeout(ssl->session_ctx));
    session->suite = machine->suite;
    session->version = machine->control.version;
    session->verify_result = ssl->verify_result;
    session->sid_context_length = ssl->profile.sid_context_length;
    memcpy(session->sid_context, ssl->profile.sid_context, sizeof session->sid_context);
    if (copy_peer(ssl, session))
        return session;
    SSL_SESSION_free(session);
    return NULL;
}

/* What was shown and judged when the session was made holds on. */
static void take_over(SSL *ssl, SSL_SESSION *session)
{
    ssl->verify_result = session->verify_result;
    if (session->peer != NULL)
        (void)X509_up_ref(ssl->peer = session->peer);
    if (session->chain != NULL)
        ssl->peer_chain = X509_chain_up_ref(session->chain);
    (void)SSL_SESSION_up_ref(session);
    become(ssl, session);
    remember(ssl, session);
}

static void take_own(SSL *ssl)
{
    (void)ERR_set_mark();   /* without memory there is no session, which is no failure of the call */
    if (ssl->reused && ssl->resumption.offered != NULL)
        take_over(ssl, ssl->resumption.offered);
    else
        become(ssl, describe(ssl));
    (void)ERR_pop_to_mark();
}

static void keep_waiting(SSL *ssl);

void tlsm_ssl_session_settle(SSL *ssl)
{
    struct ssl_resumption *const resumption = &ssl->resumption;
    const struct tlsm_state *const machine = ssl_machine(ssl);
    if (resumption->settled || resumption->answered == SSL_NOT_ANSWERED || !tlsm_connected(machine))
        return;
    resumption->settled = 1;
    ssl->reused = tlsm_resumed(machine);
    ssl_count(ssl->session_ctx, ssl->role == TLSM_SERVER ? SSL_COUNT_ACCEPT_GOOD : SSL_COUNT_CONNECT_GOOD);
    if (ssl->reused)
        ssl_count(ssl->session_ctx, SSL_COUNT_HITS);
    take_own(ssl);
    keep_waiting(ssl);
    OPENSSL_cleanse(&resumption->found, sizeof resumption->found);
}

/* Sessions that were issued before do not say whose they are. */
void tlsm_ssl_session_shown(SSL *ssl)
{
    SSL_SESSION *session;
    if (ssl->role != TLSM_SERVER || !ssl->resumption.settled)
        return;
    (void)ERR_set_mark();
    session = describe(ssl);
    (void)ERR_pop_to_mark();
    if (session != NULL)
        become(ssl, session);
}

int tlsm_ssl_session_judge(SSL *ssl) { return make_context(ssl); }

/* The application may have asked for more while the handshake went on. Nobody judged the peer since. */
int tlsm_ssl_session_answers(SSL *ssl)
{
    struct ssl_resumption *const resumption = &ssl->resumption;
    uint8_t offered[sizeof resumption->context];
    if (resumption->answered != SSL_NOT_ASKED || ssl->role != TLSM_CLIENT || !tlsm_connected(ssl_machine(ssl)))
        return resumption->answered != SSL_NOT_ANSWERED;
    resumption->answered = SSL_ANSWERED;
    if (!tlsm_resumed(ssl_machine(ssl)) || !tlsm_ssl_verifies(ssl))
        return 1;
    memcpy(offered, resumption->context, sizeof offered);
    if (make_context(ssl) && memcmp(offered, resumption->context, sizeof offered) == 0)
        return 1;
    resumption->answered = SSL_NOT_ANSWERED;
    remember(ssl, resumption->offered);
    ssl->verify_result = X509_V_ERR_APPLICATION_VERIFICATION;
    (void)snprintf(ssl->refusal, sizeof ssl->refusal, "more is asked of the peer than when its session was offered");
    (void)tlsm_link_abort(&ssl->bio->link, TLSM_ALERT_CERTIFICATE_UNKNOWN);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ tickets */

/* NULL: no memory. */
static SSL_SESSION *with_ticket(const SSL_SESSION *own, const struct tlsm_session *value, int ticket_is_id)
{
    SSL_SESSION *session;
    (void)ERR_set_mark();
    session = SSL_SESSION_dup(own);
    if (session != NULL && !tlsm_ssl_session_set_value(session, value, ticket_is_id)) {
        SSL_SESSION_free(session);
        session = NULL;
    }
    (void)ERR_pop_to_mark();
    return session;
}

/* Each ticket is a session of its own. Without memory it is as if none had come. */
static void keep(SSL *ssl, const struct tlsm_session *value, int ticket_is_id, long side)
{
    SSL_SESSION *session;
    const long timeout = SSL_CTX_get_timeout(ssl->session_ctx);
    tlsm_ssl_session_settle(ssl);
    session = with_ticket(ssl->resumption.own, value, ticket_is_id);
    if (session == NULL)
        return;
    atomic_store(&session->time_s, ssl_now_s());
    atomic_store(&session->timeout_s, timeout < (long)value->lifetime_s ? timeout : (long)value->lifetime_s);
    become(ssl, session);
    remember(ssl, session);
    tlsm_ssl_cache_publish(ssl, session, side);
}

void tlsm_ssl_session_ticket(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    struct tlsm_session value = *session;
    (void)state;
    value.issued_ms = tlsm_ssl_now_ms() + 1;   /* when it came, rounded up */
    keep(context, &value, 0, SSL_SESS_CACHE_CLIENT);
    OPENSSL_cleanse(&value, sizeof value);
}

/* In TLS 1.2 a ticket is made before the handshake is complete, and counts for nothing until then. */
static void wait_for_end(SSL *ssl, const struct tlsm_session *session)
{
    struct ssl_resumption *const resumption = &ssl->resumption;
    if (session->ticket.length > sizeof resumption->waiting_ticket)
        return;
    resumption->waiting = *session;
    memcpy(resumption->waiting_ticket, session->ticket.data, session->ticket.length);
    resumption->waiting.ticket.data = resumption->waiting_ticket;
}

static void keep_waiting(SSL *ssl)
{
    struct tlsm_session *const waiting = &ssl->resumption.waiting;
    if (waiting->version == 0)
        return;
    keep(ssl, waiting, (ssl->settings.ask & TLSM_ASK_SESSION_BIT) != 0, SSL_SESS_CACHE_SERVER);
    OPENSSL_cleanse(waiting, sizeof *waiting);
}

void tlsm_ssl_session_issued(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    SSL *const ssl = context;
    if (!tlsm_connected(state)) {
        wait_for_end(ssl, session);
        return;
    }
    keep(ssl, session, (ssl->settings.ask & TLSM_ASK_SESSION_BIT) != 0, SSL_SESS_CACHE_SERVER);
}

int tlsm_ssl_session_watched(const SSL *ssl)
{
    const struct ssl_cache *const cache = ssl->session_ctx->cache;
    return ssl->role == TLSM_SERVER && (in_cache(ssl) || cache->made != NULL || cache->removed != NULL);
}

int SSL_new_session_ticket(SSL *ssl)
{
    if (ssl == NULL || ssl->role != TLSM_SERVER || ssl->bio == NULL || !tlsm_connected(ssl_machine(ssl)))
        return tlsm_ssl_refuse(ssl, ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED, "a server issues tickets once the handshake is complete");
    if (tlsm_link_ticket(&ssl->bio->link, tlsm_ssl_now_ms()) != TLSM_IO_DONE)
        return tlsm_ssl_refuse(ssl, ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED, tlsm_code_text(ssl->bio->link.code));
    tlsm_ssl_succeeded(ssl);
    return 1;
}

/* ------------------------------------------------------------------------------------------------ ends */

/* The connection's sessions cannot be resumed any more, by nobody who holds them. */
static void condemn(SSL *ssl)
{
    struct ssl_resumption *const resumption = &ssl->resumption;
    for (size_t i = 0; i < SSL_SESSIONS_MADE && resumption->made[i] != NULL; i++) {
        (void)SSL_CTX_remove_session(ssl->session_ctx, resumption->made[i]);
        SSL_SESSION_free(resumption->made[i]);
        resumption->made[i] = NULL;
    }
    resumption->made_count = 0;
}

/* A client whose handshake failed does not offer that session again: it may be why. A server keeps the one that it found:
 * anybody can show a ticket without having its secret. */
void tlsm_ssl_session_failed(SSL *ssl)
{
    const struct tlsm_state *const machine = ssl_machine(ssl);
    if (machine == NULL || !(machine->control.facts & (TLSM_FACT_PEER_ALERT | TLSM_FACT_ERROR | TLSM_FACT_ABORTED)))
        return;
    if (ssl->role == TLSM_CLIENT && ssl->resumption.offered != NULL && !tlsm_connected(machine)) {
        (void)SSL_CTX_remove_session(ssl->session_ctx, ssl->resumption.offered);
        SSL_SESSION_free(ssl->resumption.offered);
        ssl->resumption.offered = NULL;
    }
    condemn(ssl);
}

/* 1: the connection went without a word, and its sessions with it. */
static int drop_unclosed(SSL *ssl)
{
    const struct tlsm_state *const machine = ssl_machine(ssl);
    if (machine == NULL || !tlsm_connected(machine) || SSL_get_shutdown(ssl) != 0)
        return 0;
    tlsm_ssl_session_settle(ssl);
    condemn(ssl);
    return 1;
}

void tlsm_ssl_session_end(SSL *ssl)
{
    struct ssl_resumption *const resumption = &ssl->resumption;
    tlsm_ssl_session_failed(ssl);
    if (drop_unclosed(ssl) || (resumption->settled && !SSL_SESSION_is_resumable(ssl->session)))
        name(ssl, NULL);
    for (size_t i = 0; i < SSL_SESSIONS_MADE; i++)
        SSL_SESSION_free(resumption->made[i]);
    SSL_SESSION_free(resumption->offered);
    SSL_SESSION_free(resumption->own);
    tlsm_ssl_keys_drop(resumption->keys);
    OPENSSL_cleanse(resumption, sizeof *resumption);
}

/* ------------------------------------------------------------------------------------------------ the application's view */

SSL_SESSION *SSL_get_session(const SSL *ssl) { return ssl != NULL ? ssl->session : NULL; }

SSL_SESSION *SSL_get1_session(SSL *ssl)
{
    SSL_SESSION *const session = SSL_get_session(ssl);
    return SSL_SESSION_up_ref(session) ? session : NULL;
}

/* For the next handshake. A session that the connection leaves behind unclosed is dropped as by SSL_free(). */
int SSL_set_session(SSL *ssl, SSL_SESSION *session)
{
    if (ssl == NULL)
        return 0;
    (void)drop_unclosed(ssl);
    (void)SSL_SESSION_up_ref(session);
    name(ssl, session);
    return 1;
}

int SSL_session_reused(const SSL *ssl) { return ssl != NULL && ssl_machine(ssl) != NULL && tlsm_resumed(ssl_machine(ssl)); }
