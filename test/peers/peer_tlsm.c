/* SPDX-License-Identifier: MIT */
/* Our part of peer.h, on tlsm_socket. */
#define _DEFAULT_SOURCE

#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "tlsm_judge.h"
#include "tlsm_replay.h"
#include "tlsm_socket.h"

enum { CHOICES = 4, SESSION_ROOM = 4096, NAME_ROOM = 64, REPLAYS = 8 };

struct peer {
    const struct plan *plan;
    struct report *report;
    struct tlsm_settings settings;
    struct tlsm_config config;
    struct tlsm_libcrypto_answerer answerer;
    struct tlsm_libcrypto_credential *loaded;
    struct tlsm_ticket_key ticket_key;
    uint16_t suites[CHOICES], suites12[CHOICES], groups[CHOICES];
    struct tlsm_socket *socket;
    struct tlsm_session found;   /* the server's, of the ID that the client shows */
    char shown[NAME_ROOM];       /* the common name of the last certificate that was judged good */
    uint8_t session[SESSION_ROOM];
    size_t session_length;
};

struct name {
    const char *name;
    uint16_t number;
};

static const struct name suites13[] = {
    { "TLS_AES_128_GCM_SHA256", TLSM_AES_128_GCM_SHA256 }, { "TLS_AES_256_GCM_SHA384", TLSM_AES_256_GCM_SHA384 },
    { "TLS_CHACHA20_POLY1305_SHA256", TLSM_CHACHA20_POLY1305_SHA256 }, { NULL, 0 } };
static const struct name suites12[] = {
    { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256 },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384 },
    { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256 },
    { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", TLSM_ECDHE_RSA_AES_128_GCM_SHA256 },
    { "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", TLSM_ECDHE_RSA_AES_256_GCM_SHA384 },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256 }, { NULL, 0 } };
static const struct name groups[] = {
    { "x25519", TLSM_X25519 }, { "secp256r1", TLSM_SECP256R1 }, { "secp384r1", TLSM_SECP384R1 }, { NULL, 0 } };

/* Those of a list that are among `names`; NULL and 0 where there are none: the machine's own. */
static const uint16_t *numbers(const char *list, const struct name *names, uint16_t to[CHOICES], size_t *count)
{
    char word[64];
    *count = 0;
    while (*count < CHOICES && next_word(&list, word, sizeof word))
        for (const struct name *entry = names; entry->name != NULL; entry++)
            if (strcmp(entry->name, word) == 0)
                to[(*count)++] = entry->number;
    return *count > 0 ? to : NULL;
}

static const char *name_of(const struct name *names, uint16_t number)
{
    for (; names->name != NULL; names++)
        if (names->number == number)
            return names->name;
    return "";
}

/* ------------------------------------------------------------------------------------------------ what it is asked */

static void note_shown(struct peer *peer, const struct tlsm_request *request)
{
    struct tlsm_bytes leaf;
    size_t offset = 0;
    const unsigned char *at;
    X509 *certificate;
    if (!tlsm_chain_next(request->chain, &offset, &leaf))
        return;
    at = leaf.data;
    certificate = d2i_X509(NULL, &at, (long)leaf.length);
    if (certificate != NULL)
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, peer->shown, NAME_ROOM);
    X509_free(certificate);
}

static void find_session(struct peer *peer, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    const struct tlsm_bytes from = { peer->session, peer->session_length };
    if (peer->session_length > 0 && tlsm_session_read(from, &peer->found) &&
        peer->found.ticket.length == request->session_id.length &&
        memcmp(peer->found.ticket.data, request->session_id.data, request->session_id.length) == 0)
        answer->session = &peer->found;
}

static int hook_answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state,
                       struct tlsm_answer *answer)
{
    struct peer *peer = context;
    struct tlsm_request request;
    const int kind = tlsm_libcrypto_answer(&peer->answerer, config, state, answer);
    if (kind == TLSM_ASK_JUDGE && answer->alert == 0 && tlsm_request(config, state, &request) == kind)
        note_shown(peer, &request);
    if (kind == TLSM_ASK_SESSION && tlsm_request(config, state, &request) == kind)
        find_session(peer, &request, answer);
    return kind;
}

static void keep_session(struct peer *peer, const struct tlsm_session *session)
{
    const struct tlsm_span room = { peer->session, sizeof peer->session };
    peer->session_length = tlsm_session_write(session, room);
    if (peer->session_length > sizeof peer->session)
        peer->session_length = 0;
}

static void hook_ticket(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    struct tlsm_session dated = *session;
    (void)state;
    dated.issued_ms = tlsm_socket_time() + 1;   /* rounded up: an age is never overstated */
    keep_session(context, &dated);
}

/* A server's cache: of one session, which is all that a case needs. */
static void hook_issued(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    (void)state;
    keep_session(context, session);
}

/* ------------------------------------------------------------------------------------------------ setting up */

static int open_identity(struct peer *peer, char why[TLSM_WHY_ROOM])
{
    peer->loaded = tlsm_libcrypto_credential_load(peer->plan->cert, peer->plan->key, why, TLSM_WHY_ROOM);
    if (peer->loaded == NULL)
        return 0;
    peer->settings.credentials = &peer->loaded->credential;
    peer->settings.credential_count = 1;
    peer->answerer.credentials = &peer->loaded;
    peer->answerer.credential_count = 1;
    return 1;
}

static int open_server(struct peer *peer)
{
    const struct plan *plan = peer->plan;
    struct tlsm_settings *settings = &peer->settings;
    struct tlsm_entropy entropy;
    if (tlsm_libcrypto_entropy(&entropy) != 0)
        return 0;
    memcpy(peer->ticket_key.secret, entropy.random, 32);
    settings->tickets = 2;
    settings->client_auth = plan->require ? TLSM_CLIENT_AUTH_REQUIRE : plan->ask ? TLSM_CLIENT_AUTH_REQUEST : TLSM_CLIENT_AUTH_NONE;
    if (!plan->tickets) {
        settings->ask = TLSM_ASK_SESSION_BIT;
        return 1;
    }
    settings->early_max = (uint32_t)plan->early;
    peer->answerer.replay = tlsm_replay_new(REPLAYS, tlsm_socket_time(), 1);
    settings->ticket_keys = &peer->ticket_key;
    settings->ticket_key_count = 1;
    return 1;
}

static int set_up(struct peer *peer, char why[TLSM_WHY_ROOM])
{
    const struct plan *plan = peer->plan;
    struct tlsm_settings *settings = &peer->settings;
    settings->role = plan->client ? TLSM_CLIENT : TLSM_SERVER;
    settings->version_min = plan->tls12 ? TLSM_1_2 : TLSM_1_3;
    settings->version_max = plan->tls13 ? TLSM_1_3 : TLSM_1_2;
    settings->suites = numbers(plan->suite, suites13, peer->suites, &settings->suite_count);
    settings->suites12 = numbers(plan->suite, suites12, peer->suites12, &settings->suite12_count);
    settings->groups = numbers(plan->groups, groups, peer->groups, &settings->group_count);
    settings->late_auth = (uint8_t)plan->late;
    settings->early_data = plan->client && plan->early > 0;
    settings->insecure_master_secret = !plan->ems;
    settings->close12 = plan->half ? TLSM_CLOSE12_HALF : TLSM_CLOSE12_REPLY;
    if (plan->ca != NULL && (peer->answerer.judge = tlsm_judge_new_path(plan->ca, why, TLSM_WHY_ROOM)) == NULL)
        return 0;
    if (plan->cert != NULL && !open_identity(peer, why))
        return 0;
    return plan->client || open_server(peer);
}

const char *peer_version(void)
{
    return TLSM_VERSION_STRING;
}

struct peer *peer_prepare(const struct plan *plan, struct report *report)
{
    struct peer *peer = calloc(1, sizeof *peer);
    char why[TLSM_WHY_ROOM] = "";
    peer->plan = plan;
    peer->report = report;
    peer->answerer.instance = tlsm_libcrypto_new(NULL);
    peer->config.settings = &peer->settings;
    peer->config.crypto = &tlsm_libcrypto_table;
    peer->config.self = peer->answerer.instance;
    if (set_up(peer, why) && peer->answerer.instance != NULL)
        return peer;
    report_end(report, "unable", "%s", why);
    peer_dispose(peer);
    return NULL;
}

int peer_open(struct peer *peer, int fd)
{
    struct tlsm_socket_options options;
    struct tlsm_session session;
    struct tlsm_start start;
    memset(&options, 0, sizeof options);
    memset(&start, 0, sizeof start);
    options.keep_descriptor = 1;
    options.link.hooks.answer = hook_answer;
    options.link.hooks.ticket = hook_ticket;
    options.link.hooks.issued = peer->plan->tickets ? NULL : hook_issued;
    options.link.hooks.context = peer;
    peer->socket = tlsm_socket_new(&peer->config, fd, &options);
    start.server_name = peer->plan->client ? peer->plan->name : NULL;
    if (peer->plan->client && peer->session_length > 0) {
        const struct tlsm_bytes from = { peer->session, peer->session_length };
        start.session = tlsm_session_read(from, &session) ? &session : NULL;
    }
    return peer->socket != NULL && tlsm_socket_begin(peer->socket, &start) == TLSM_IO_DONE &&
           tlsm_socket_deadline(peer->socket, PEER_LIMIT_SECONDS * 1000) == TLSM_IO_DONE;
}

/* ------------------------------------------------------------------------------------------------ how it ended */

/* What was seen of the peer, in the words of the others. The verdict itself goes along. */
static int look(struct peer *peer)
{
    struct tlsm_verdict verdict;
    struct report *report = peer->report;
    const struct tlsm_control *control = &peer->socket->link.state->control;
    tlsm_verdict(peer->socket->link.state, &verdict);
    if (control->rx == TLSM_RX_CLOSED)
        report_end(report, "close_notify", "%s", tlsm_how_name(verdict.how));
    else if (control->facts & TLSM_FACT_PEER_ALERT)
        report_alert(report, verdict.alert_received, tlsm_how_name(verdict.how));
    else if (verdict.cause == TLSM_CAUSE_PEER_CLOSED)
        report_end(report, "close_notify", "%s", tlsm_how_name(verdict.how));
    else if (control->cause == TLSM_CAUSE_EOF)
        report_end(report, "eof", "%s", tlsm_how_name(verdict.how));
    else if (control->cause == TLSM_CAUSE_RECEIVE_FAILED || control->cause == TLSM_CAUSE_SEND_FAILED)
        report_end(report, "reset", "%s", tlsm_how_name(verdict.how));
    else if (control->cause == TLSM_CAUSE_DEADLINE)
        report_end(report, "timeout", "%s", tlsm_how_name(verdict.how));
    else if (verdict.how != TLSM_OPEN && (control->facts & TLSM_FACT_ERROR))
        report_end(report, "error", "%s: %s %s", tlsm_how_name(verdict.how), tlsm_alert_name(verdict.alert_sent),
                   peer->answerer.why);
    (void)snprintf(report->more, sizeof report->more,
                   ",\"verdict\":\"%s\",\"cause\":\"%s\",\"place\":\"%s\",\"canceled\":%s,\"retried\":%s,\"delivered\":%s,"
                   "\"updates\":%u",
                   tlsm_how_name(verdict.how), tlsm_cause_name(verdict.cause), tlsm_place_name(verdict.place),
                   verdict.peer_canceled ? "true" : "false", control->facts & TLSM_FACT_RETRIED ? "true" : "false",
                   verdict.alert_delivered ? "true" : "false",
                   (unsigned)peer->socket->link.state->ledger.write_updates);
    return 0;
}

int peer_hello(struct peer *peer)
{
    return tlsm_socket_flush(peer->socket) == TLSM_IO_DONE ? 1 : look(peer);
}

int peer_handshake(struct peer *peer)
{
    return tlsm_socket_handshake(peer->socket) == TLSM_IO_DONE ? 1 : look(peer);
}

long peer_read(struct peer *peer, void *to, size_t room)
{
    const ptrdiff_t got = tlsm_socket_read(peer->socket, to, room);
    return got > 0 ? (long)got : look(peer);
}

int peer_write(struct peer *peer, const void *from, size_t length)
{
    return tlsm_socket_write(peer->socket, from, length) > 0 ? 1 : look(peer);
}

int peer_early_write(struct peer *peer, const void *from, size_t length)
{
    struct tlsm_socket *socket = peer->socket;
    return tlsm_link_write_early(&socket->link, &socket->transport, from, length) == (ptrdiff_t)length ? 1 : look(peer);
}

long peer_early_read(struct peer *peer, void *to, size_t room)
{
    ptrdiff_t got;
    if (tlsm_socket_handshake(peer->socket) != TLSM_IO_UNREAD || !tlsm_link_is_early(&peer->socket->link))
        return 0;
    got = tlsm_socket_read(peer->socket, to, room);
    return got > 0 ? (long)got : look(peer);
}

int peer_end(struct peer *peer)
{
    return tlsm_socket_end(peer->socket) == TLSM_IO_DONE ? 1 : look(peer);
}

int peer_cancel(struct peer *peer)
{
    report_end(peer->report, "error", "tlsm says user_canceled in the handshake alone");
    return 0;
}

int peer_abort(struct peer *peer)
{
    return tlsm_link_abort(&peer->socket->link, TLSM_ALERT_INTERNAL_ERROR) == TLSM_IO_DONE ? 1 : look(peer);
}

int peer_update(struct peer *peer)
{
    return tlsm_link_key_update(&peer->socket->link, 1) == TLSM_IO_DONE ? 1 : look(peer);
}

int peer_demand(struct peer *peer)
{
    return tlsm_link_ask_certificate(&peer->socket->link) == TLSM_IO_DONE && tlsm_socket_flush(peer->socket) == TLSM_IO_DONE ? 1 :
           look(peer);
}

/* What has come and was not asked for is dropped, and counted: this closes a program that reads no more. */
void peer_close(struct peer *peer)
{
    while (tlsm_socket_close(peer->socket, NULL) == TLSM_IO_UNREAD)
        (void)tlsm_link_discard(&peer->socket->link);
    (void)look(peer);
}

void peer_leave(struct peer *peer)
{
    if (!tlsm_is_final(peer->socket->link.state))
        (void)tlsm_link_abandon(&peer->socket->link);
    (void)look(peer);
}

void peer_facts(struct peer *peer)
{
    struct report *report = peer->report;
    const struct tlsm_state *state = peer->socket->link.state;
    const int old = state->control.version == TLSM_1_2;
    (void)snprintf(report->version, sizeof report->version, "%s", old ? "1.2" : "1.3");
    report_suite(report, name_of(old ? suites12 : suites13, state->suite));
    (void)snprintf(report->group, sizeof report->group, "%s", name_of(groups, state->group));
    report->resumed = tlsm_resumed(state);
    report->early_taken = tlsm_early_data(state) == TLSM_EARLY_ACCEPTED;
    /* The name is the program's to remember; that somebody was shown, the session does. */
    if (peer->plan->client || tlsm_peer_shown(state))
        (void)snprintf(report->peer, sizeof report->peer, "%s", peer->shown);
    else
        (void)snprintf(report->peer, sizeof report->peer, "none");
}

void peer_forget(struct peer *peer)
{
    tlsm_socket_free(peer->socket);
    peer->socket = NULL;
}

void peer_dispose(struct peer *peer)
{
    tlsm_libcrypto_credential_free(peer->loaded);
    tlsm_judge_free(peer->answerer.judge);
    tlsm_replay_free(peer->answerer.replay);
    tlsm_libcrypto_free(peer->answerer.instance);
    free(peer);
}
