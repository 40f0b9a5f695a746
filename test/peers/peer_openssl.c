/* SPDX-License-Identifier: MIT */
/* libssl's part of peer.h. */
#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

struct peer {
    const struct plan *plan;
    struct report *report;
    SSL_CTX *context;
    SSL *ssl;
    SSL_SESSION *session;
};

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct peer *peer = SSL_get_app_data(ssl);
    SSL_SESSION_free(peer->session);
    peer->session = session;
    return 1;
}

/* libssl has its own names for the suites of TLS 1.2, and a list of its own for those of TLS 1.3. */
static int set_suites(struct peer *peer)
{
    const char *list = peer->plan->suite;
    char word[64], old[512] = "", new[512] = "";
    while (next_word(&list, word, sizeof word)) {
        const int is_old = strstr(word, "_WITH_") != NULL;
        char *const to = is_old ? old : new;
        const size_t at = strlen(to);
        (void)snprintf(to + at, sizeof old - at, "%s%s", at > 0 ? ":" : "", is_old ? OPENSSL_cipher_name(word) : word);
    }
    return (old[0] == '\0' || SSL_CTX_set_cipher_list(peer->context, old)) &&
           (new[0] == '\0' || SSL_CTX_set_ciphersuites(peer->context, new));
}

static int set_parameters(struct peer *peer)
{
    const struct plan *plan = peer->plan;
    SSL_CTX *context = peer->context;
    if (!plan->tickets)
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_post_handshake_auth(context, plan->late && plan->client);
    if (plan->early > 0 && !SSL_CTX_set_max_early_data(context, (uint32_t)plan->early))
        return 0;
    return SSL_CTX_set_min_proto_version(context, plan->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) &&
           SSL_CTX_set_max_proto_version(context, plan->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION) && set_suites(peer) &&
           (plan->groups == NULL || SSL_CTX_set1_groups_list(context, plan->groups)) &&
           (plan->scheme == NULL || SSL_CTX_set1_sigalgs_list(context, plan->scheme));
}

static int set_trust(struct peer *peer)
{
    const struct plan *plan = peer->plan;
    SSL_CTX *context = peer->context;
    if (plan->ca == NULL)
        return 1;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (plan->require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0) |
                                (plan->late && !plan->client ? SSL_VERIFY_POST_HANDSHAKE : 0), NULL);
    if (!plan->client)
        SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(plan->ca));
    return SSL_CTX_load_verify_file(context, plan->ca);
}

static int set_up(struct peer *peer)
{
    static const unsigned char same[] = "peer";
    const struct plan *plan = peer->plan;
    SSL_CTX *context = peer->context;
    if (!set_parameters(peer) || !set_trust(peer) || !SSL_CTX_set_session_id_context(context, same, sizeof same))
        return 0;
    if (plan->client) {
        SSL_CTX_sess_set_new_cb(context, keep_session);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    }
    return plan->cert == NULL || (SSL_CTX_use_certificate_chain_file(context, plan->cert) &&
                                  SSL_CTX_use_PrivateKey_file(context, plan->key, SSL_FILETYPE_PEM));
}

static const char *error_text(void)
{
    const unsigned long error = ERR_peek_last_error();
    return error == 0 ? "" : ERR_reason_error_string(error);
}

const char *peer_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

struct peer *peer_prepare(const struct plan *plan, struct report *report)
{
    struct peer *peer = calloc(1, sizeof *peer);
    peer->plan = plan;
    peer->report = report;
    ERR_clear_error();
    peer->context = SSL_CTX_new(plan->client ? TLS_client_method() : TLS_server_method());
    if (set_up(peer))
        return peer;
    report_end(report, "unable", "%s", error_text());
    SSL_CTX_free(peer->context);
    free(peer);
    return NULL;
}

int peer_open(struct peer *peer, int fd)
{
    peer->ssl = SSL_new(peer->context);
    (void)SSL_set_app_data(peer->ssl, peer);
    if (peer->plan->client) {
        SSL_set_connect_state(peer->ssl);
        (void)SSL_set_tlsext_host_name(peer->ssl, peer->plan->name);
        (void)SSL_set1_host(peer->ssl, peer->plan->name);
        if (peer->session != NULL)
            (void)SSL_set_session(peer->ssl, peer->session);
    } else {
        SSL_set_accept_state(peer->ssl);
    }
    return SSL_set_fd(peer->ssl, fd);
}

/* What stopped a call. */
static int stopped(struct peer *peer, const char *call, int result)
{
    const int error = errno, why = SSL_get_error(peer->ssl, result), reason = ERR_GET_REASON(ERR_peek_last_error());
    if (why == SSL_ERROR_ZERO_RETURN)
        report_end(peer->report, "close_notify", "%s: SSL_ERROR_ZERO_RETURN", call);
    else if (why == SSL_ERROR_SSL && reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        report_end(peer->report, "eof", "%s: SSL_ERROR_SSL, %s", call, error_text());
    else if (why == SSL_ERROR_SSL && reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255)
        report_alert(peer->report, reason - SSL_AD_REASON_OFFSET, error_text());
    else if (why == SSL_ERROR_SSL)
        report_end(peer->report, "error", "%s: SSL_ERROR_SSL, %s", call, error_text());
    else if (why == SSL_ERROR_SYSCALL)
        report_errno(peer->report, error, "SSL_ERROR_SYSCALL");
    else
        report_end(peer->report, "timeout", "%s: error %d", call, why);
    return 0;
}

int peer_hello(struct peer *peer)
{
    ERR_clear_error();
    return SSL_get_error(peer->ssl, SSL_do_handshake(peer->ssl)) == SSL_ERROR_WANT_READ;
}

int peer_handshake(struct peer *peer)
{
    ERR_clear_error();
    errno = 0;
    const int done = SSL_do_handshake(peer->ssl);
    return done == 1 ? 1 : stopped(peer, "SSL_do_handshake", done);
}

long peer_read(struct peer *peer, void *to, size_t room)
{
    int got;
    ERR_clear_error();
    errno = 0;
    got = SSL_read(peer->ssl, to, (int)room);
    return got > 0 ? got : stopped(peer, "SSL_read", got);
}

int peer_write(struct peer *peer, const void *from, size_t length)
{
    int put;
    ERR_clear_error();
    errno = 0;
    put = SSL_write(peer->ssl, from, (int)length);
    return put > 0 ? 1 : stopped(peer, "SSL_write", put);
}

int peer_early_write(struct peer *peer, const void *from, size_t length)
{
    size_t put = 0;
    ERR_clear_error();
    errno = 0;
    return SSL_write_early_data(peer->ssl, from, length, &put) == 1 && put == length ? 1 : stopped(peer, "SSL_write_early_data", -1);
}

long peer_early_read(struct peer *peer, void *to, size_t room)
{
    size_t got = 0;
    ERR_clear_error();
    errno = 0;
    switch (SSL_read_early_data(peer->ssl, to, room, &got)) {
    case SSL_READ_EARLY_DATA_SUCCESS: return (long)got;
    case SSL_READ_EARLY_DATA_FINISH: return 0;
    default: return stopped(peer, "SSL_read_early_data", -1);
    }
}

int peer_end(struct peer *peer)
{
    int done;
    ERR_clear_error();
    errno = 0;
    done = SSL_shutdown(peer->ssl);
    return done >= 0 ? 1 : stopped(peer, "SSL_shutdown", done);
}

int peer_cancel(struct peer *peer)
{
    report_end(peer->report, "error", "libssl has no call that sends user_canceled");
    return 0;
}

int peer_abort(struct peer *peer)
{
    report_end(peer->report, "error", "libssl has no call that sends an alert");
    return 0;
}

int peer_update(struct peer *peer)
{
    int done;
    ERR_clear_error();
    done = SSL_key_update(peer->ssl, SSL_KEY_UPDATE_REQUESTED) == 1 ? SSL_do_handshake(peer->ssl) : -1;
    return done == 1 ? 1 : stopped(peer, "SSL_key_update", done);
}

int peer_demand(struct peer *peer)
{
    int done;
    ERR_clear_error();
    done = SSL_verify_client_post_handshake(peer->ssl) == 1 ? SSL_do_handshake(peer->ssl) : -1;
    return done == 1 ? 1 : stopped(peer, "SSL_verify_client_post_handshake", done);
}

/* As its manual page says: once, and while that says 0 once more. */
void peer_close(struct peer *peer)
{
    int done;
    ERR_clear_error();
    errno = 0;
    done = SSL_shutdown(peer->ssl);
    if (done == 0)
        done = SSL_shutdown(peer->ssl);
    if (done == 1)
        report_end(peer->report, "close_notify", "SSL_shutdown: 1");
    else
        (void)stopped(peer, "SSL_shutdown", done);
}

void peer_leave(struct peer *peer)
{
    (void)peer;
}

/* Who showed a certificate; libssl has verified it, or there would be no connection. */
static void tell_peer(struct peer *peer)
{
    struct report *report = peer->report;
    X509 *shown = SSL_get1_peer_certificate(peer->ssl);
    (void)snprintf(report->peer, sizeof report->peer, "none");
    if (shown != NULL)
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, report->peer, sizeof report->peer);
    X509_free(shown);
}

void peer_facts(struct peer *peer)
{
    struct report *report = peer->report;
    const int group = (int)SSL_get_negotiated_group(peer->ssl);
    const char *name = group == NID_X25519 ? "x25519" : group == NID_X9_62_prime256v1 ? "secp256r1" :
                       group == NID_secp384r1 ? "secp384r1" : "other";
    tell_peer(peer);
    (void)snprintf(report->version, sizeof report->version, "%s", SSL_version(peer->ssl) == TLS1_3_VERSION ? "1.3" : "1.2");
    report_suite(report, SSL_CIPHER_standard_name(SSL_get_current_cipher(peer->ssl)));
    (void)snprintf(report->group, sizeof report->group, "%s", name);
    report->resumed = SSL_session_reused(peer->ssl);
    report->early_taken = SSL_get_early_data_status(peer->ssl) == SSL_EARLY_DATA_ACCEPTED;
}

void peer_forget(struct peer *peer)
{
    SSL_free(peer->ssl);
    peer->ssl = NULL;
}

void peer_dispose(struct peer *peer)
{
    SSL_SESSION_free(peer->session);
    SSL_CTX_free(peer->context);
    free(peer);
}
