/* SPDX-License-Identifier: MIT */
/* mbedTLS's part of peer.h, version 2.28: TLS 1.2 alone. */
#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/oid.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cache.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>

enum { CHOICES = 8, TICKET_SECONDS = 3600 };

struct peer {
    const struct plan *plan;
    struct report *report;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_session session;
    mbedtls_ssl_ticket_context tickets;
    mbedtls_ssl_cache_context cache;
    mbedtls_x509_crt certificate, authority;
    mbedtls_pk_context key;
    int suites[CHOICES];
    mbedtls_ecp_group_id groups[CHOICES];
    unsigned char secret[PEER_SECRET];   /* of the session that the last connection had */
    int fd, error;
};

static const struct { const char *name; mbedtls_ecp_group_id group; } names[] = {
    { "x25519", MBEDTLS_ECP_DP_CURVE25519 }, { "secp256r1", MBEDTLS_ECP_DP_SECP256R1 },
    { "secp384r1", MBEDTLS_ECP_DP_SECP384R1 } };

/* ------------------------------------------------------------------------------------------------ transport */

static int failed(struct peer *peer)
{
    peer->error = errno;
    if (errno == ECONNRESET || errno == EPIPE)
        return MBEDTLS_ERR_NET_CONN_RESET;
    return MBEDTLS_ERR_NET_RECV_FAILED;
}

static int take(void *context, unsigned char *to, size_t room)
{
    struct peer *peer = context;
    const ssize_t got = recv(peer->fd, to, room, 0);
    if (got < 0 && errno == EAGAIN)
        return MBEDTLS_ERR_SSL_WANT_READ;
    return got < 0 ? failed(peer) : (int)got;
}

static int put(void *context, const unsigned char *from, size_t length)
{
    struct peer *peer = context;
    const ssize_t done = send(peer->fd, from, length, 0);
    if (done < 0 && errno == EAGAIN)
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    return done < 0 ? failed(peer) : (int)done;
}

/* ------------------------------------------------------------------------------------------------ setting up */

/* Suites have their names with hyphens here, but for TLS. */
static void set_suites(struct peer *peer)
{
    const char *list = peer->plan->suite;
    char word[64];
    int count = 0;
    while (count < CHOICES - 1 && next_word(&list, word, sizeof word)) {
        for (char *at = word; *at != '\0'; at++)
            if (*at == '_')
                *at = '-';
        if (mbedtls_ssl_get_ciphersuite_id(word) != 0)
            peer->suites[count++] = mbedtls_ssl_get_ciphersuite_id(word);
    }
    if (count > 0)
        mbedtls_ssl_conf_ciphersuites(&peer->config, peer->suites);
}

static void set_groups(struct peer *peer)
{
    const char *list = peer->plan->groups;
    char word[64];
    int count = 0;
    while (count < CHOICES - 1 && next_word(&list, word, sizeof word))
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (strcmp(names[i].name, word) == 0)
                peer->groups[count++] = names[i].group;
    if (count > 0)
        mbedtls_ssl_conf_curves(&peer->config, peer->groups);
}

static int set_sessions(struct peer *peer)
{
    const struct plan *plan = peer->plan;
    int done = 0;
    if (plan->client) {
        mbedtls_ssl_conf_session_tickets(&peer->config, plan->tickets);
    } else if (plan->tickets) {
        done = mbedtls_ssl_ticket_setup(&peer->tickets, mbedtls_ctr_drbg_random, &peer->random, MBEDTLS_CIPHER_AES_256_GCM,
                                        TICKET_SECONDS);
        mbedtls_ssl_conf_session_tickets_cb(&peer->config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse, &peer->tickets);
    } else {
        mbedtls_ssl_conf_session_cache(&peer->config, &peer->cache, mbedtls_ssl_cache_get, mbedtls_ssl_cache_set);
    }
    return done;
}

static int set_certificates(struct peer *peer)
{
    const struct plan *plan = peer->plan;
    int done = 0;
    if (plan->ca != NULL) {
        done = mbedtls_x509_crt_parse_file(&peer->authority, plan->ca);
        mbedtls_ssl_conf_ca_chain(&peer->config, &peer->authority, NULL);
    }
    if (done == 0 && plan->cert != NULL)
        done = mbedtls_x509_crt_parse_file(&peer->certificate, plan->cert);
    if (done == 0 && plan->cert != NULL)
        done = mbedtls_pk_parse_keyfile(&peer->key, plan->key, NULL);
    if (done == 0 && plan->cert != NULL)
        done = mbedtls_ssl_conf_own_cert(&peer->config, &peer->certificate, &peer->key);
    return done;
}

static int set_up(struct peer *peer)
{
    const struct plan *plan = peer->plan;
    int done = mbedtls_ctr_drbg_seed(&peer->random, mbedtls_entropy_func, &peer->entropy, NULL, 0);
    if (done == 0)
        done = mbedtls_ssl_config_defaults(&peer->config, plan->client ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
                                           MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(&peer->config, mbedtls_ctr_drbg_random, &peer->random);
    mbedtls_ssl_conf_min_version(&peer->config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_authmode(&peer->config, plan->client || plan->require ? MBEDTLS_SSL_VERIFY_REQUIRED :
                                             plan->ask ? MBEDTLS_SSL_VERIFY_OPTIONAL : MBEDTLS_SSL_VERIFY_NONE);
    set_suites(peer);
    set_groups(peer);
    if (done == 0)
        done = set_sessions(peer);
    return done == 0 ? set_certificates(peer) : done;
}

const char *peer_version(void)
{
    return MBEDTLS_VERSION_STRING_FULL;
}

struct peer *peer_prepare(const struct plan *plan, struct report *report)
{
    struct peer *peer = calloc(1, sizeof *peer);
    int done;
    peer->plan = plan;
    peer->report = report;
    mbedtls_entropy_init(&peer->entropy);
    mbedtls_ctr_drbg_init(&peer->random);
    mbedtls_ssl_config_init(&peer->config);
    mbedtls_ssl_init(&peer->ssl);
    mbedtls_ssl_session_init(&peer->session);
    mbedtls_ssl_ticket_init(&peer->tickets);
    mbedtls_ssl_cache_init(&peer->cache);
    mbedtls_x509_crt_init(&peer->certificate);
    mbedtls_x509_crt_init(&peer->authority);
    mbedtls_pk_init(&peer->key);
    done = plan->tls12 ? set_up(peer) : MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION;
    if (done == 0)
        return peer;
    mbedtls_strerror(done, report->said, sizeof report->said);
    report_end(report, "unable", "%d", done);
    peer_dispose(peer);
    return NULL;
}

int peer_open(struct peer *peer, int fd)
{
    peer->fd = fd;
    if (mbedtls_ssl_setup(&peer->ssl, &peer->config) != 0)
        return 0;
    mbedtls_ssl_set_bio(&peer->ssl, peer, put, take, NULL);
    if (!peer->plan->client)
        return 1;
    if (peer->session.ciphersuite != 0 && mbedtls_ssl_set_session(&peer->ssl, &peer->session) != 0)
        return 0;
    return mbedtls_ssl_set_hostname(&peer->ssl, peer->plan->name) == 0;
}

/* ------------------------------------------------------------------------------------------------ the connection */

/* What stopped a call. The number of an alert is in the record that it came in. */
static int stopped(struct peer *peer, const char *call, int result)
{
    char text[256], said[PEER_WORDS];
    mbedtls_strerror(result, text, sizeof text);
    (void)snprintf(said, sizeof said, "%s: -0x%04x, %s", call, (unsigned)-result, text);
    if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        report_end(peer->report, "close_notify", "%s: MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY", call);
    else if (result == 0 || result == MBEDTLS_ERR_SSL_CONN_EOF)
        report_end(peer->report, "eof", "%s: %s", call, result == 0 ? "0" : "MBEDTLS_ERR_SSL_CONN_EOF");
    else if (result == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
        report_alert(peer->report, peer->ssl.in_msg[1], said);
    else if (result == MBEDTLS_ERR_NET_CONN_RESET)
        report_end(peer->report, "reset", "%s: MBEDTLS_ERR_NET_CONN_RESET", call);
    else if (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE)
        report_end(peer->report, "timeout", "%s", said);
    else
        report_end(peer->report, "error", "%s", said);
    return 0;
}

int peer_hello(struct peer *peer)
{
    return mbedtls_ssl_handshake(&peer->ssl) == MBEDTLS_ERR_SSL_WANT_READ;
}

int peer_handshake(struct peer *peer)
{
    const int done = mbedtls_ssl_handshake(&peer->ssl);
    return done == 0 ? 1 : stopped(peer, "mbedtls_ssl_handshake", done);
}

long peer_read(struct peer *peer, void *to, size_t room)
{
    const int got = mbedtls_ssl_read(&peer->ssl, to, room);
    return got > 0 ? got : stopped(peer, "mbedtls_ssl_read", got);
}

int peer_write(struct peer *peer, const void *from, size_t length)
{
    const unsigned char *at = from;
    while (length > 0) {
        const int done = mbedtls_ssl_write(&peer->ssl, at, length);
        if (done <= 0)
            return stopped(peer, "mbedtls_ssl_write", done);
        at += done;
        length -= (size_t)done;
    }
    return 1;
}

int peer_early_write(struct peer *peer, const void *from, size_t length)
{
    (void)from, (void)length;
    report_end(peer->report, "error", "TLS 1.2 has no early data");
    return 0;
}

long peer_early_read(struct peer *peer, void *to, size_t room)
{
    (void)peer, (void)to, (void)room;
    return 0;
}

int peer_end(struct peer *peer)
{
    const int done = mbedtls_ssl_close_notify(&peer->ssl);
    return done == 0 ? 1 : stopped(peer, "mbedtls_ssl_close_notify", done);
}

int peer_cancel(struct peer *peer)
{
    return mbedtls_ssl_send_alert_message(&peer->ssl, MBEDTLS_SSL_ALERT_LEVEL_WARNING, MBEDTLS_SSL_ALERT_MSG_USER_CANCELED) == 0;
}

int peer_abort(struct peer *peer)
{
    return mbedtls_ssl_send_alert_message(&peer->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR) == 0;
}

int peer_update(struct peer *peer)
{
    report_end(peer->report, "error", "TLS 1.2 changes no keys");
    return 0;
}

int peer_demand(struct peer *peer)
{
    report_end(peer->report, "error", "TLS 1.2 asks in the handshake alone");
    return 0;
}

/* As its own programs do: one call, and whoever closes the transport then has not waited. */
void peer_close(struct peer *peer)
{
    const int done = mbedtls_ssl_close_notify(&peer->ssl);
    if (done != 0)
        (void)stopped(peer, "mbedtls_ssl_close_notify", done);
}

void peer_leave(struct peer *peer)
{
    (void)peer;
}

/* The name of a group is gone with the handshake. A session that is resumed has the secret of the one before. */
void peer_facts(struct peer *peer)
{
    struct report *report = peer->report;
    const mbedtls_x509_crt *shown = mbedtls_ssl_get_peer_cert(&peer->ssl);
    const mbedtls_ssl_session *session = peer->ssl.session;
    (void)snprintf(report->version, sizeof report->version, "%s", mbedtls_ssl_get_version(&peer->ssl) + strlen("TLSv"));
    report_suite(report, mbedtls_ssl_get_ciphersuite(&peer->ssl));
    for (char *at = report->suite; *at != '\0'; at++)
        if (*at == '-')
            *at = '_';
    (void)snprintf(report->peer, sizeof report->peer, "none");
    for (const mbedtls_x509_name *name = shown != NULL ? &shown->subject : NULL; name != NULL; name = name->next)
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) == 0)
            (void)snprintf(report->peer, sizeof report->peer, "%.*s", (int)name->val.len, (const char *)name->val.p);
    report->resumed = memcmp(peer->secret, session->master, PEER_SECRET) == 0;
    memcpy(peer->secret, session->master, PEER_SECRET);
}

void peer_forget(struct peer *peer)
{
    if (peer->plan->client && peer->plan->prime && peer->session.ciphersuite == 0)
        (void)mbedtls_ssl_get_session(&peer->ssl, &peer->session);
    mbedtls_ssl_free(&peer->ssl);
    mbedtls_ssl_init(&peer->ssl);
}

void peer_dispose(struct peer *peer)
{
    mbedtls_ssl_free(&peer->ssl);
    mbedtls_ssl_session_free(&peer->session);
    mbedtls_ssl_config_free(&peer->config);
    mbedtls_ssl_ticket_free(&peer->tickets);
    mbedtls_ssl_cache_free(&peer->cache);
    mbedtls_x509_crt_free(&peer->certificate);
    mbedtls_x509_crt_free(&peer->authority);
    mbedtls_pk_free(&peer->key);
    mbedtls_ctr_drbg_free(&peer->random);
    mbedtls_entropy_free(&peer->entropy);
    free(peer);
}
