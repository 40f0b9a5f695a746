/* SPDX-License-Identifier: MIT */
/* wolfSSL's part of peer.h. */
#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>

struct peer {
    const struct plan *plan;
    struct report *report;
    WOLFSSL_CTX *context;
    WOLFSSL *ssl;
    WOLFSSL_SESSION *session;
    int close_came;
};

static const struct { const char *name, *theirs; } suites[] = {
    { "TLS_AES_128_GCM_SHA256", "TLS13-AES128-GCM-SHA256" }, { "TLS_AES_256_GCM_SHA384", "TLS13-AES256-GCM-SHA384" },
    { "TLS_CHACHA20_POLY1305_SHA256", "TLS13-CHACHA20-POLY1305-SHA256" },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256" },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384" },
    { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305" },
    { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256" },
    { "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384" },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305" } };
static const struct { const char *name; int number; } groups[] = {
    { "x25519", WOLFSSL_ECC_X25519 }, { "secp256r1", WOLFSSL_ECC_SECP256R1 }, { "secp384r1", WOLFSSL_ECC_SECP384R1 } };

static int set_groups(struct peer *peer)
{
    const char *list = peer->plan->groups;
    char word[48];
    int numbers[4], count = 0;
    while (count < 4 && next_word(&list, word, sizeof word))
        for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
            if (strcmp(groups[i].name, word) == 0)
                numbers[count++] = groups[i].number;
    if (peer->plan->tls13)
        return count == 0 || wolfSSL_CTX_set_groups(peer->context, numbers, count) == WOLFSSL_SUCCESS;
    for (int i = 0; i < count; i++)
        if (wolfSSL_CTX_UseSupportedCurve(peer->context, (unsigned short)numbers[i]) != WOLFSSL_SUCCESS)
            return 0;
    return 1;
}

static int set_suites(struct peer *peer)
{
    const char *list = peer->plan->suite;
    char word[64], theirs[512] = "";
    while (next_word(&list, word, sizeof word))
        for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
            if (strcmp(suites[i].name, word) == 0) {
                const size_t at = strlen(theirs);
                (void)snprintf(theirs + at, sizeof theirs - at, "%s%s", at > 0 ? ":" : "", suites[i].theirs);
            }
    return theirs[0] == '\0' || wolfSSL_CTX_set_cipher_list(peer->context, theirs) == WOLFSSL_SUCCESS;
}

/* In its words: key and hash, of whatever padding that is. */
static int set_schemes(struct peer *peer)
{
    return peer->plan->scheme == NULL ||
           wolfSSL_CTX_set1_sigalgs_list(peer->context, "RSA+SHA256:ECDSA+SHA256") == WOLFSSL_SUCCESS;
}

static const char *set_up(struct peer *peer)
{
    const struct plan *plan = peer->plan;
    if (!set_suites(peer))
        return "the suite";
    if (!set_groups(peer))
        return "the groups";
    if (!set_schemes(peer))
        return "the schemes";
    if (plan->ca != NULL && wolfSSL_CTX_load_verify_locations(peer->context, plan->ca, NULL) != WOLFSSL_SUCCESS)
        return "the authority";
    if (!plan->client)
        wolfSSL_CTX_set_verify(peer->context, plan->require ? WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT :
                               plan->ask ? WOLFSSL_VERIFY_PEER :
                               plan->late ? WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_POST_HANDSHAKE : WOLFSSL_VERIFY_NONE, NULL);
    if (plan->client && plan->late && wolfSSL_CTX_allow_post_handshake_auth(peer->context) != 0)
        return "a certificate after the handshake";
    if (plan->tickets && plan->client && wolfSSL_CTX_UseSessionTicket(peer->context) != WOLFSSL_SUCCESS)
        return "tickets";
    if (plan->cert == NULL)
        return NULL;
    if (wolfSSL_CTX_use_certificate_chain_file(peer->context, plan->cert) != WOLFSSL_SUCCESS)
        return "the certificate";
    return wolfSSL_CTX_use_PrivateKey_file(peer->context, plan->key, WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS ? NULL : "the key";
}

static WOLFSSL_METHOD *method(const struct plan *plan)
{
    if (plan->tls12 && plan->tls13)
        return plan->client ? wolfSSLv23_client_method() : wolfSSLv23_server_method();
    if (plan->tls12)
        return plan->client ? wolfTLSv1_2_client_method() : wolfTLSv1_2_server_method();
    return plan->client ? wolfTLSv1_3_client_method() : wolfTLSv1_3_server_method();
}

const char *peer_version(void)
{
    return wolfSSL_lib_version();
}

struct peer *peer_prepare(const struct plan *plan, struct report *report)
{
    struct peer *peer = calloc(1, sizeof *peer);
    const char *what;
    (void)wolfSSL_Init();
    peer->plan = plan;
    peer->report = report;
    peer->context = wolfSSL_CTX_new(method(plan));
    what = set_up(peer);
    if (what == NULL)
        return peer;
    report_end(report, "unable", "%s", what);
    peer_dispose(peer);
    return NULL;
}

int peer_open(struct peer *peer, int fd)
{
    const char *list = peer->plan->groups;
    char word[48];
    peer->close_came = 0;
    peer->ssl = wolfSSL_new(peer->context);
    if (peer->ssl == NULL || wolfSSL_set_fd(peer->ssl, fd) != WOLFSSL_SUCCESS)
        return 0;
    if (!peer->plan->client)
        return 1;
    (void)wolfSSL_UseSNI(peer->ssl, WOLFSSL_SNI_HOST_NAME, peer->plan->name, (unsigned short)strlen(peer->plan->name));
    (void)wolfSSL_check_domain_name(peer->ssl, peer->plan->name);
    if (peer->plan->tls13 && next_word(&list, word, sizeof word))
        for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
            if (strcmp(groups[i].name, word) == 0)
                (void)wolfSSL_UseKeyShare(peer->ssl, (unsigned short)groups[i].number);
    if (peer->session != NULL)
        (void)wolfSSL_set_session(peer->ssl, peer->session);
    return 1;
}

static int stopped(struct peer *peer, const char *call, int result)
{
    const int error = errno, why = wolfSSL_get_error(peer->ssl, result);
    char said[PEER_WORDS], text[WOLFSSL_MAX_ERROR_SZ];
    WOLFSSL_ALERT_HISTORY history;
    (void)wolfSSL_ERR_error_string((unsigned long)why, text);
    (void)snprintf(said, sizeof said, "%s: %d, %s", call, why, text);
    if (why == WOLFSSL_ERROR_ZERO_RETURN)
        report_end(peer->report, "close_notify", "%s: WOLFSSL_ERROR_ZERO_RETURN", call);
    else if (why == SOCKET_PEER_CLOSED_E)
        report_end(peer->report, error == ECONNRESET ? "reset" : "eof", "%s", said);
    else if (why == FATAL_ERROR && wolfSSL_get_alert_history(peer->ssl, &history) == WOLFSSL_SUCCESS)
        report_alert(peer->report, history.last_rx.code, said);
    else if (why == SOCKET_ERROR_E)
        report_errno(peer->report, error, said);
    else if (why == WOLFSSL_ERROR_WANT_READ || why == WOLFSSL_ERROR_WANT_WRITE)
        report_end(peer->report, "timeout", "%s", said);
    else
        report_end(peer->report, "error", "%s", said);
    return 0;
}

int peer_hello(struct peer *peer)
{
    wolfSSL_set_using_nonblock(peer->ssl, 1);
    const int done = peer->plan->client ? wolfSSL_connect(peer->ssl) : wolfSSL_accept(peer->ssl);
    return wolfSSL_get_error(peer->ssl, done) == WOLFSSL_ERROR_WANT_READ;
}

int peer_handshake(struct peer *peer)
{
    errno = 0;
    const int done = peer->plan->client ? wolfSSL_connect(peer->ssl) : wolfSSL_accept(peer->ssl);
    return done == WOLFSSL_SUCCESS ? 1 : stopped(peer, "handshake", done);
}

long peer_read(struct peer *peer, void *to, size_t room)
{
    errno = 0;
    const int got = wolfSSL_read(peer->ssl, to, (int)room);
    return got > 0 ? got : stopped(peer, "wolfSSL_read", got);
}

int peer_write(struct peer *peer, const void *from, size_t length)
{
    errno = 0;
    const int put = wolfSSL_write(peer->ssl, from, (int)length);
    return put > 0 ? 1 : stopped(peer, "wolfSSL_write", put);
}

int peer_early_write(struct peer *peer, const void *from, size_t length)
{
    (void)from, (void)length;
    report_end(peer->report, "error", "Debian's wolfSSL has no early data");
    return 0;
}

long peer_early_read(struct peer *peer, void *to, size_t room)
{
    (void)peer, (void)to, (void)room;
    return 0;
}

int peer_end(struct peer *peer)
{
    errno = 0;
    const int done = wolfSSL_shutdown(peer->ssl);
    return done == WOLFSSL_SUCCESS || done == WOLFSSL_SHUTDOWN_NOT_DONE ? 1 : stopped(peer, "wolfSSL_shutdown", done);
}

int peer_cancel(struct peer *peer)
{
    report_end(peer->report, "error", "wolfSSL has no call that sends user_canceled");
    return 0;
}

int peer_abort(struct peer *peer)
{
    report_end(peer->report, "error", "wolfSSL has no call that sends an alert");
    return 0;
}

int peer_update(struct peer *peer)
{
    const int done = wolfSSL_update_keys(peer->ssl);
    return done == WOLFSSL_SUCCESS ? 1 : stopped(peer, "wolfSSL_update_keys", done);
}

int peer_demand(struct peer *peer)
{
    const int done = wolfSSL_request_certificate(peer->ssl);
    return done == WOLFSSL_SUCCESS ? 1 : stopped(peer, "wolfSSL_request_certificate", done);
}

void peer_close(struct peer *peer)
{
    int done;
    errno = 0;
    done = wolfSSL_shutdown(peer->ssl);
    if (done == WOLFSSL_SHUTDOWN_NOT_DONE)
        done = wolfSSL_shutdown(peer->ssl);
    if (done == WOLFSSL_SUCCESS)
        report_end(peer->report, "close_notify", "wolfSSL_shutdown: WOLFSSL_SUCCESS");
    else
        (void)stopped(peer, "wolfSSL_shutdown", done);
}

void peer_leave(struct peer *peer)
{
    (void)peer;
}

/* It does not give out certificates with an Ed25519 key. A client has seen one in any case. */
static void tell_peer(struct peer *peer)
{
    struct report *report = peer->report;
    WOLFSSL_X509 *shown = wolfSSL_get_peer_certificate(peer->ssl);
    char *name = shown != NULL ? wolfSSL_X509_get_subjectCN(shown) : NULL;
    (void)snprintf(report->peer, sizeof report->peer, "%s", name != NULL ? name : peer->plan->client ? "" : "none");
    wolfSSL_X509_free(shown);
}

void peer_facts(struct peer *peer)
{
    struct report *report = peer->report;
    const char *group = wolfSSL_get_curve_name(peer->ssl), *suite = wolfSSL_get_cipher_name(peer->ssl), *name = "other";
    if (group != NULL && (strcmp(group, "X25519") == 0 || strcmp(group, "x25519") == 0))
        name = "x25519";
    else if (group != NULL && strcmp(group, "SECP256R1") == 0)
        name = "secp256r1";
    else if (group != NULL && strcmp(group, "SECP384R1") == 0)
        name = "secp384r1";
    tell_peer(peer);
    (void)snprintf(report->version, sizeof report->version, "%s", wolfSSL_version(peer->ssl) == TLS1_3_VERSION ? "1.3" : "1.2");
    report_suite(report, suite);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        if (suite != NULL && strcmp(suites[i].theirs, suite) == 0)
            report_suite(report, suites[i].name);
    (void)snprintf(report->group, sizeof report->group, "%s", name);
    report->resumed = wolfSSL_session_reused(peer->ssl);
    if (report->resumed && strcmp(report->version, "1.2") == 0)
        report->group[0] = '\0';   /* none was needed */
}

void peer_forget(struct peer *peer)
{
    if (peer->ssl != NULL && peer->plan->client && peer->plan->prime && peer->session == NULL)
        peer->session = wolfSSL_get1_session(peer->ssl);
    wolfSSL_free(peer->ssl);
    peer->ssl = NULL;
}

void peer_dispose(struct peer *peer)
{
    wolfSSL_SESSION_free(peer->session);
    wolfSSL_CTX_free(peer->context);
    free(peer);
}
