/* SPDX-License-Identifier: MIT */
/* GnuTLS's part of peer.h. */
#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>

enum { PRIORITY = 512 };

struct peer {
    const struct plan *plan;
    struct report *report;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    gnutls_datum_t ticket_key, session_data;
    gnutls_session_t session;
    int fd;
};

static const struct { const char *name, *priority; } names[] = {
    { "TLS_AES_128_GCM_SHA256", "+AES-128-GCM" }, { "TLS_AES_256_GCM_SHA384", "+AES-256-GCM" },
    { "TLS_CHACHA20_POLY1305_SHA256", "+CHACHA20-POLY1305" }, { "x25519", "+GROUP-X25519" },
    { "secp256r1", "+GROUP-SECP256R1" }, { "secp384r1", "+GROUP-SECP384R1" } };

static void add(char priority[PRIORITY], const char *list, const char *none)
{
    char word[48];
    if (list != NULL)
        (void)strncat(priority, none, PRIORITY - strlen(priority) - 1);
    while (next_word(&list, word, sizeof word))
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (strcmp(names[i].name, word) == 0) {
                (void)strncat(priority, ":", PRIORITY - strlen(priority) - 1);
                (void)strncat(priority, names[i].priority, PRIORITY - strlen(priority) - 1);
            }
}

static int set_up(struct peer *peer)
{
    const struct plan *plan = peer->plan;
    char priority[PRIORITY] = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
    int done;
    add(priority, plan->suite, ":-CIPHER-ALL");
    add(priority, plan->groups, ":-GROUP-ALL");
    done = gnutls_certificate_allocate_credentials(&peer->credentials);
    if (done == 0)
        done = gnutls_priority_init(&peer->priority, priority, NULL);
    if (done == 0 && plan->client)
        done = gnutls_certificate_set_x509_trust_file(peer->credentials, plan->ca, GNUTLS_X509_FMT_PEM);
    if (done >= 0 && !plan->client)
        done = gnutls_certificate_set_x509_key_file(peer->credentials, plan->cert, plan->key, GNUTLS_X509_FMT_PEM);
    if (done >= 0 && !plan->client)
        done = gnutls_session_ticket_key_generate(&peer->ticket_key);
    return done;
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
    const unsigned flags = (plan->client ? GNUTLS_CLIENT : GNUTLS_SERVER) | GNUTLS_KEY_SHARE_TOP;
    peer->fd = fd;
    if (gnutls_init(&peer->session, flags) != 0 || gnutls_priority_set(peer->session, peer->priority) != 0 ||
        gnutls_credentials_set(peer->session, GNUTLS_CRD_CERTIFICATE, peer->credentials) != 0)
        return 0;
    gnutls_transport_set_int(peer->session, fd);
    gnutls_handshake_set_timeout(peer->session, PEER_LIMIT_SECONDS * 1000);
    gnutls_record_set_timeout(peer->session, PEER_LIMIT_SECONDS * 1000);
    if (!plan->client)
        return gnutls_session_ticket_enable_server(peer->session, &peer->ticket_key) == 0;
    gnutls_session_set_verify_cert(peer->session, plan->name, 0);
    if (peer->session_data.size > 0)
        (void)gnutls_session_set_data(peer->session, peer->session_data.data, peer->session_data.size);
    return gnutls_server_name_set(peer->session, GNUTLS_NAME_DNS, plan->name, strlen(plan->name)) == 0;
}

/* 1: nothing happened, call again. */
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
    if (result == GNUTLS_E_PREMATURE_TERMINATION)
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
    do
        done = gnutls_handshake(peer->session);
    while (done < 0 && again(peer, "gnutls_handshake", done));
    return done == 0;
}

long peer_read(struct peer *peer, void *to, size_t room)
{
    ssize_t got;
    do
        got = gnutls_record_recv(peer->session, to, room);
    while (got < 0 && again(peer, "gnutls_record_recv", (int)got));
    if (got == 0)
        report_end(peer->report, "close_notify", "gnutls_record_recv: 0");
    return got > 0 ? (long)got : 0;
}

int peer_write(struct peer *peer, const void *from, size_t length)
{
    ssize_t put;
    do
        put = gnutls_record_send(peer->session, from, length);
    while (put < 0 && again(peer, "gnutls_record_send", (int)put));
    return put == (ssize_t)length;
}

static int bye(struct peer *peer, gnutls_close_request_t how)
{
    int done;
    do
        done = gnutls_bye(peer->session, how);
    while (done < 0 && again(peer, "gnutls_bye", done));
    return done == 0;
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
    do
        done = gnutls_session_key_update(peer->session, GNUTLS_KU_PEER);
    while (done < 0 && again(peer, "gnutls_session_key_update", done));
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
    (void)snprintf(report->suite, sizeof report->suite, "%s", suite != NULL ? suite : "");
    (void)snprintf(report->group, sizeof report->group, "%s", name);
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
    peer->session = NULL;
}

void peer_dispose(struct peer *peer)
{
    gnutls_free(peer->session_data.data);
    gnutls_free(peer->ticket_key.data);
    if (peer->priority != NULL)
        gnutls_priority_deinit(peer->priority);
    if (peer->credentials != NULL)
        gnutls_certificate_free_credentials(peer->credentials);
    free(peer);
}
