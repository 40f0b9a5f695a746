/* SPDX-License-Identifier: MIT */
/* GnuTLS's part of peer.h. */
#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

enum { PRIORITY = 512 };

struct peer {
    const struct plan *plan;
    struct report *report;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    gnutls_datum_t ticket_key, session_data, stored_key, stored;
    gnutls_session_t session;
    gnutls_anti_replay_t seen;
    int fd, early_began;
};

/* GnuTLS's own name of a suite leaves out some words. */
static const struct { const char *name, *priority, *theirs; } names[] = {
    { "TLS_AES_128_GCM_SHA256", "+AES-128-GCM", NULL },
    { "TLS_AES_256_GCM_SHA384", "+AES-256-GCM", NULL },
    { "TLS_CHACHA20_POLY1305_SHA256", "+CHACHA20-POLY1305", NULL },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "+AES-128-GCM:+ECDHE-ECDSA", "TLS_ECDHE_ECDSA_AES_128_GCM_SHA256" },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "+AES-256-GCM:+ECDHE-ECDSA", "TLS_ECDHE_ECDSA_AES_256_GCM_SHA384" },
    { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "+CHACHA20-POLY1305:+ECDHE-ECDSA", "TLS_ECDHE_ECDSA_CHACHA20_POLY1305" },
    { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "+AES-128-GCM:+ECDHE-RSA", "TLS_ECDHE_RSA_AES_128_GCM_SHA256" },
    { "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "+AES-256-GCM:+ECDHE-RSA", "TLS_ECDHE_RSA_AES_256_GCM_SHA384" },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "+CHACHA20-POLY1305:+ECDHE-RSA", "TLS_ECDHE_RSA_CHACHA20_POLY1305" },
    { "x25519", "+GROUP-X25519", NULL },
    { "secp256r1", "+GROUP-SECP256R1", NULL },
    { "secp384r1", "+GROUP-SECP384R1", NULL },
    { "rsa_pkcs1_sha256", "+SIGN-RSA-SHA256", NULL },
    { "ecdsa_secp256r1_sha256", "+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256", NULL } };

static void append(char priority[PRIORITY], const char *text)
{
    (void)strncat(priority, text, PRIORITY - strlen(priority) - 1);
}

static void add(char priority[PRIORITY], const char *list, const char *none)
{
    char word[64];
    if (list != NULL)
        append(priority, none);
    while (next_word(&list, word, sizeof word))
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (strcmp(names[i].name, word) == 0) {
                append(priority, ":");
                append(priority, names[i].priority);
            }
}

static void all_priorities(const struct plan *plan, char priority[PRIORITY])
{
    (void)snprintf(priority, PRIORITY, "NORMAL:-VERS-ALL%s%s%s", plan->tls13 ? ":+VERS-TLS1.3" : "",
                   plan->tls12 ? ":+VERS-TLS1.2:-KX-ALL" : "", plan->tickets ? "" : ":%NO_TICKETS");
    if (plan->tls12 && plan->suite == NULL)
        append(priority, ":+ECDHE-ECDSA:+ECDHE-RSA");
    add(priority, plan->suite, ":-CIPHER-ALL");
    add(priority, plan->groups, ":-GROUP-ALL");
    add(priority, plan->scheme, ":-SIGN-ALL");
}

static int set_up(struct peer *peer)
{
    const struct plan *plan = peer->plan;
    char priority[PRIORITY];
    int done;
    all_priorities(plan, priority);
    done = gnutls_certificate_allocate_credentials(&peer->credentials);
    if (done == 0)
        done = gnutls_priority_init(&peer->priority, priority, NULL);
    if (done == 0 && plan->ca != NULL)
        done = gnutls_certificate_set_x509_trust_file(peer->credentials, plan->ca, GNUTLS_X509_FMT_PEM);
    if (done >= 0 && plan->cert != NULL)
        done = gnutls_certificate_set_x509_key_file(peer->credentials, plan->cert, plan->key, GNUTLS_X509_FMT_PEM);
    if (done >= 0 && !plan->client)
        done = gnutls_session_ticket_key_generate(&peer->ticket_key);
    return done;
}

/* A client that shows none is let in where none is required. */
static int verify(gnutls_session_t session)
{
    unsigned status = 0, count = 0;
    if (gnutls_certificate_get_peers(session, &count) == NULL || count == 0)
        return 0;
    return gnutls_certificate_verify_peers2(session, &status) == 0 && status == 0 ? 0 : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

/* ------------------------------------------------------------------------------------------------ sessions by their ID */

/* One session is all that a case needs. */
static int store_session(void *context, gnutls_datum_t key, gnutls_datum_t data)
{
    struct peer *peer = context;
    gnutls_free(peer->stored_key.data);
    gnutls_free(peer->stored.data);
    peer->stored_key.data = gnutls_malloc(key.size);
    peer->stored.data = gnutls_malloc(data.size);
    memcpy(peer->stored_key.data, key.data, key.size);
    memcpy(peer->stored.data, data.data, data.size);
    peer->stored_key.size = key.size;
    peer->stored.size = data.size;
    return 0;
}

static gnutls_datum_t find_session(void *context, gnutls_datum_t key)
{
    struct peer *peer = context;
    gnutls_datum_t found = { NULL, 0 };
    if (key.size != peer->stored_key.size || memcmp(key.data, peer->stored_key.data, key.size) != 0)
        return found;
    found.data = gnutls_malloc(peer->stored.size);
    memcpy(found.data, peer->stored.data, peer->stored.size);
    found.size = peer->stored.size;
    return found;
}

static int forget_session(void *context, gnutls_datum_t key)
{
    (void)context, (void)key;
    return 0;
}

/* A case shows each ClientHello once. */
static int never_seen(void *context, time_t until, const gnutls_datum_t *key, const gnutls_datum_t *data)
{
    (void)context, (void)until, (void)key, (void)data;
    return 0;
}

static int allow_early(struct peer *peer)
{
    if (peer->seen == NULL && gnutls_anti_replay_init(&peer->seen) != 0)   /* it refuses tickets that are older than itself */
        return 0;
    gnutls_anti_replay_set_add_function(peer->seen, never_seen);
    gnutls_anti_replay_enable(peer->session, peer->seen);
    return gnutls_record_set_max_early_data_size(peer->session, (size_t)peer->plan->early) == 0;
}

static int open_server(struct peer *peer)
{
    const struct plan *plan = peer->plan;
    if (plan->early > 0 && !allow_early(peer))
        return 0;
    if (plan->ask)
        gnutls_certificate_server_set_request(peer->session, plan->require ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
    if (plan->ask)
        gnutls_session_set_verify_function(peer->session, verify);
    if (plan->tickets)
        return gnutls_session_ticket_enable_server(peer->session, &peer->ticket_key) == 0;
    gnutls_db_set_store_function(peer->session, store_session);
    gnutls_db_set_retrieve_function(peer->session, find_session);
    gnutls_db_set_remove_function(peer->session, forget_session);
    gnutls_db_set_ptr(peer->session, peer);
    return 1;
}

const char *peer_version(void)
{
    return gnutls_check_version(NULL);
}

struct peer *peer_prepare(const struct plan *plan, struct report *report)
{
    struct peer *peer = calloc(1, sizeof *peer);
    int done;
    peer->plan = plan;
    peer->report = report;
    done = set_up(peer);
    if (done >= 0)
        return peer;
    report_end(report, "unable", "%s", gnutls_strerror(done));
    peer_dispose(peer);
    return NULL;
}

int peer_open(struct peer *peer, int fd)
{
    const struct plan *plan = peer->plan;
    const unsigned flags = (plan->client ? GNUTLS_CLIENT : GNUTLS_SERVER) | GNUTLS_KEY_SHARE_TOP |
                           (plan->early > 0 ? GNUTLS_ENABLE_EARLY_DATA : 0) |
                           (plan->late ? GNUTLS_POST_HANDSHAKE_AUTH | GNUTLS_AUTO_REAUTH : 0);
    peer->fd = fd;
    if (gnutls_init(&peer->session, flags) != 0 || gnutls_priority_set(peer->session, peer->priority) != 0 ||
        gnutls_credentials_set(peer->session, GNUTLS_CRD_CERTIFICATE, peer->credentials) != 0)
        return 0;
    gnutls_transport_set_int(peer->session, fd);
    gnutls_handshake_set_timeout(peer->session, PEER_LIMIT_SECONDS * 1000);
    gnutls_record_set_timeout(peer->session, PEER_LIMIT_SECONDS * 1000);
    if (!plan->client)
        return open_server(peer);
    gnutls_session_set_verify_cert(peer->session, plan->name, 0);
    if (peer->session_data.size > 0)
        (void)gnutls_session_set_data(peer->session, peer->session_data.data, peer->session_data.size);
    return gnutls_server_name_set(peer->session, GNUTLS_NAME_DNS, plan->name, strlen(plan->name)) == 0;
}

/* 1: nothing happened, call again. GNUTLS_E_AGAIN also follows a message after the handshake, and leaves errno as it was: so it is
 * cleared before every call, or an old EAGAIN would pass for the end of the time. */
static int again(struct peer *peer, const char *call, int result)
{
    const int error = errno;
    char said[PEER_WORDS];
    (void)snprintf(said, sizeof said, "%s: %s, %s", call, gnutls_strerror_name(result), gnutls_strerror(result));
    if (result == GNUTLS_E_WARNING_ALERT_RECEIVED)
        (void)snprintf(peer->report->more, sizeof peer->report->more, ",\"warning\":%d",
                       (int)gnutls_alert_get(peer->session));
    if (result == GNUTLS_E_AGAIN && (error == EAGAIN || error == EWOULDBLOCK))
        return report_errno(peer->report, error, said), 0;
    if (!gnutls_error_is_fatal(result))
        return 1;
    if (result == GNUTLS_E_SESSION_EOF)
        report_end(peer->report, "close_notify", "%s", said);
    else if (result == GNUTLS_E_PREMATURE_TERMINATION)
        report_end(peer->report, "eof", "%s", said);
    else if (result == GNUTLS_E_FATAL_ALERT_RECEIVED)
        report_alert(peer->report, (int)gnutls_alert_get(peer->session), said);
    else if (result == GNUTLS_E_PULL_ERROR || result == GNUTLS_E_PUSH_ERROR)
        report_errno(peer->report, error, said);
    else if (result == GNUTLS_E_TIMEDOUT)
        report_end(peer->report, "timeout", "%s", said);
    else
        report_end(peer->report, "error", "%s", said);
    return 0;
}

int peer_hello(struct peer *peer)
{
    gnutls_handshake_set_timeout(peer->session, 0);   /* with one it waits, also where it should not block */
    return gnutls_handshake(peer->session) == GNUTLS_E_AGAIN;
}

int peer_handshake(struct peer *peer)
{
    int done;
    do {
        errno = 0;
        done = gnutls_handshake(peer->session);
    } while (done < 0 && again(peer, "gnutls_handshake", done));
    if (strcmp(peer->report->end, "error") == 0)
        (void)gnutls_alert_send_appropriate(peer->session, done);
    return done == 0;
}

long peer_read(struct peer *peer, void *to, size_t room)
{
    ssize_t got;
    do {
        errno = 0;
        got = gnutls_record_recv(peer->session, to, room);
    } while (got < 0 && again(peer, "gnutls_record_recv", (int)got));
    if (got == 0)
        report_end(peer->report, "close_notify", "gnutls_record_recv: 0");
    return got > 0 ? (long)got : 0;
}

int peer_write(struct peer *peer, const void *from, size_t length)
{
    ssize_t put;
    do {
        errno = 0;
        put = gnutls_record_send(peer->session, from, length);
    } while (put < 0 && again(peer, "gnutls_record_send", (int)put));
    return put == (ssize_t)length;
}

static int bye(struct peer *peer, gnutls_close_request_t how)
{
    int done;
    do {
        errno = 0;
        done = gnutls_bye(peer->session, how);
    } while (done < 0 && again(peer, "gnutls_bye", done));
    return done == 0;
}

int peer_early_write(struct peer *peer, const void *from, size_t length)
{
    ssize_t put;
    errno = 0;
    put = gnutls_record_send_early_data(peer->session, from, length);
    return put == (ssize_t)length ? 1 : again(peer, "gnutls_record_send_early_data", (int)put);
}

/* What came before is handed out after the handshake. */
long peer_early_read(struct peer *peer, void *to, size_t room)
{
    ssize_t got;
    if (!peer->early_began && !peer_handshake(peer))
        return 0;
    peer->early_began = 1;
    got = gnutls_record_recv_early_data(peer->session, to, room);
    return got > 0 ? (long)got : 0;
}

int peer_end(struct peer *peer)
{
    return bye(peer, GNUTLS_SHUT_WR);
}

int peer_cancel(struct peer *peer)
{
    return gnutls_alert_send(peer->session, GNUTLS_AL_WARNING, GNUTLS_A_USER_CANCELED) == 0;
}

int peer_abort(struct peer *peer)
{
    return gnutls_alert_send(peer->session, GNUTLS_AL_FATAL, GNUTLS_A_INTERNAL_ERROR) == 0;
}

int peer_update(struct peer *peer)
{
    int done;
    do {
        errno = 0;
        done = gnutls_session_key_update(peer->session, GNUTLS_KU_PEER);
    } while (done < 0 && again(peer, "gnutls_session_key_update", done));
    return done == 0;
}

/* It reads on until the answer has come. */
int peer_demand(struct peer *peer)
{
    int done;
    gnutls_certificate_server_set_request(peer->session, GNUTLS_CERT_REQUEST);
    gnutls_session_set_verify_function(peer->session, verify);
    do {
        errno = 0;
        done = gnutls_reauth(peer->session, 0);
    } while (done < 0 && again(peer, "gnutls_reauth", done));
    return done == 0;
}

void peer_close(struct peer *peer)
{
    if (bye(peer, GNUTLS_SHUT_RDWR))
        report_end(peer->report, "close_notify", "gnutls_bye(GNUTLS_SHUT_RDWR): 0");
}

void peer_leave(struct peer *peer)
{
    (void)peer;
}

static void tell_peer(struct peer *peer)
{
    struct report *report = peer->report;
    unsigned count = 0;
    size_t room = sizeof report->peer;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(peer->session, &count);
    gnutls_x509_crt_t certificate;
    (void)snprintf(report->peer, sizeof report->peer, "none");
    if (shown == NULL || count == 0 || gnutls_x509_crt_init(&certificate) != 0)
        return;
    if (gnutls_x509_crt_import(certificate, shown, GNUTLS_X509_FMT_DER) == 0)
        (void)gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, report->peer, &room);
    gnutls_x509_crt_deinit(certificate);
}

void peer_facts(struct peer *peer)
{
    struct report *report = peer->report;
    const gnutls_group_t group = gnutls_group_get(peer->session);
    const char *suite = gnutls_ciphersuite_get(peer->session), *name = "other";
    if (group == GNUTLS_GROUP_X25519)
        name = "x25519";
    else if (group == GNUTLS_GROUP_SECP256R1)
        name = "secp256r1";
    else if (group == GNUTLS_GROUP_SECP384R1)
        name = "secp384r1";
    report_suite(report, suite);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (suite != NULL && names[i].theirs != NULL && strcmp(names[i].theirs, suite) == 0)
            report_suite(report, names[i].name);
    tell_peer(peer);
    (void)snprintf(report->version, sizeof report->version, "%s",
                   gnutls_protocol_get_version(peer->session) == GNUTLS_TLS1_3 ? "1.3" : "1.2");
    (void)snprintf(report->group, sizeof report->group, "%s", name);
    report->early_taken = (gnutls_session_get_flags(peer->session) & GNUTLS_SFLAGS_EARLY_DATA) != 0;
    report->resumed = gnutls_session_is_resumed(peer->session) != 0;
}

/* The ticket has come by now: data was read. */
void peer_forget(struct peer *peer)
{
    if (peer->session == NULL)
        return;
    if (peer->plan->client && peer->plan->prime && peer->session_data.size == 0)
        (void)gnutls_session_get_data2(peer->session, &peer->session_data);
    gnutls_deinit(peer->session);
    peer->early_began = 0;
    peer->session = NULL;
}

void peer_dispose(struct peer *peer)
{
    gnutls_free(peer->session_data.data);
    gnutls_free(peer->ticket_key.data);
    gnutls_free(peer->stored_key.data);
    gnutls_free(peer->stored.data);
    if (peer->seen != NULL)
        gnutls_anti_replay_deinit(peer->seen);
    if (peer->priority != NULL)
        gnutls_priority_deinit(peer->priority);
    if (peer->credentials != NULL)
        gnutls_certificate_free_credentials(peer->credentials);
    free(peer);
}
