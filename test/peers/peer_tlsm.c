/* SPDX-License-Identifier: MIT */
/* Our part of peer.h, on tlsm_socket. */
#define _DEFAULT_SOURCE

#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlsm_judge.h"
#include "tlsm_socket.h"

enum { CHOICES = 4, SESSION_ROOM = 4096 };

struct peer {
    const struct plan *plan;
    struct report *report;
    struct tlsm_settings settings;
    struct tlsm_config config;
    struct tlsm_libcrypto_answerer answerer;
    struct tlsm_libcrypto_credential *loaded;
    struct tlsm_ticket_key ticket_key;
    uint16_t suites[CHOICES], groups[CHOICES];
    struct tlsm_socket *socket;
    uint8_t session[SESSION_ROOM];
    size_t session_length;
};

static const struct { const char *name; uint16_t number; } names[] = {
    { "TLS_AES_128_GCM_SHA256", TLSM_AES_128_GCM_SHA256 }, { "TLS_AES_256_GCM_SHA384", TLSM_AES_256_GCM_SHA384 },
    { "TLS_CHACHA20_POLY1305_SHA256", TLSM_CHACHA20_POLY1305_SHA256 }, { "x25519", TLSM_X25519 },
    { "secp256r1", TLSM_SECP256R1 }, { "secp384r1", TLSM_SECP384R1 } };

static size_t numbers(const char *list, uint16_t to[CHOICES])
{
    char word[48];
    size_t count = 0;
    while (count < CHOICES && next_word(&list, word, sizeof word))
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (strcmp(names[i].name, word) == 0)
                to[count++] = names[i].number;
    return count;
}

static const char *name_of(uint16_t number)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].number == number)
            return names[i].name;
    return "";
}

static int hook_answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state,
                       struct tlsm_answer *answer)
{
    struct peer *peer = context;
    return tlsm_libcrypto_answer(&peer->answerer, config, state, answer);
}

static void hook_ticket(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    struct peer *peer = context;
    const struct tlsm_span room = { peer->session, sizeof peer->session };
    struct tlsm_session dated = *session;
    (void)state;
    dated.issued_ms = tlsm_socket_time();
    peer->session_length = tlsm_session_write(&dated, room);
    if (peer->session_length > sizeof peer->session)
        peer->session_length = 0;
}

static int open_server(struct peer *peer, char why[TLSM_WHY_ROOM])
{
    struct tlsm_settings *settings = &peer->settings;
    struct tlsm_entropy entropy;
    peer->loaded = tlsm_libcrypto_credential_load(peer->plan->cert, peer->plan->key, why, TLSM_WHY_ROOM);
    if (peer->loaded == NULL || tlsm_libcrypto_entropy(&entropy) != 0)
        return 0;
    memcpy(peer->ticket_key.secret, entropy.random, 32);
    settings->credentials = &peer->loaded->credential;
    settings->credential_count = 1;
    settings->ticket_keys = &peer->ticket_key;
    settings->ticket_key_count = 1;
    settings->tickets = 2;
    peer->answerer.credentials = &peer->loaded;
    peer->answerer.credential_count = 1;
    return 1;
}

const char *peer_version(void)
{
    return TLSM_VERSION_STRING;
}

struct peer *peer_prepare(const struct plan *plan, struct report *report)
{
    struct peer *peer = calloc(1, sizeof *peer);
    char why[TLSM_WHY_ROOM] = "";
    int done;
    peer->plan = plan;
    peer->report = report;
    peer->settings.role = plan->client ? TLSM_CLIENT : TLSM_SERVER;
    peer->settings.suite_count = numbers(plan->suite, peer->suites);
    peer->settings.suites = peer->settings.suite_count > 0 ? peer->suites : NULL;
    peer->settings.group_count = numbers(plan->groups, peer->groups);
    peer->settings.groups = peer->settings.group_count > 0 ? peer->groups : NULL;
    peer->answerer.instance = tlsm_libcrypto_new(NULL);
    peer->config.settings = &peer->settings;
    peer->config.crypto = &tlsm_libcrypto_table;
    peer->config.self = peer->answerer.instance;
    if (plan->client)
        done = (peer->answerer.judge = tlsm_judge_new_path(plan->ca, why, sizeof why)) != NULL;
    else
        done = open_server(peer, why);
    if (done && peer->answerer.instance != NULL)
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
    options.link.hooks.context = peer;
    peer->socket = tlsm_socket_new(&peer->config, fd, &options);
    start.server_name = peer->plan->client ? peer->plan->name : NULL;
    if (peer->session_length > 0) {
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
    (void)snprintf(report->version, sizeof report->version, "1.3");
    report_suite(report, name_of(state->suite));
    (void)snprintf(report->peer, sizeof report->peer, "%s", peer->plan->client ? "tlsm test" : "none");
    (void)snprintf(report->group, sizeof report->group, "%s", name_of(state->group));
    report->resumed = tlsm_resumed(state);
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
    tlsm_libcrypto_free(peer->answerer.instance);
    free(peer);
}
