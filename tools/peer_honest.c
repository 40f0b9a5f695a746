/* SPDX-License-Identifier: MIT */
/* The honest part: the machine, one record at a time, so that it can be stopped behind any of them. */
#define _DEFAULT_SOURCE

#include "peer.h"

#include <stdlib.h>
#include <string.h>

enum { SERVER_HELLO = 2, HANDSHAKE_TYPE = 22, STATE_LIMIT = 262144, FIRST_READ_MS = 1000 };

/* ------------------------------------------------------------------------------------------------ steps */

/* By copying. */
static int grow(struct peer *peer, size_t needed)
{
    struct tlsm_state *const state = needed <= STATE_LIMIT ? malloc(needed) : NULL;
    if (state == NULL)
        return -1;
    memcpy(state, peer->state, tlsm_length(peer->state));
    explicit_bzero(peer->state, peer->capacity);
    free(peer->state);
    peer->state = state;
    peer->capacity = needed;
    return 0;
}

/* With all the room it asks for. */
static enum tlsm_code step(struct peer *peer, const struct tlsm_in *in, struct tlsm_out *out)
{
    enum tlsm_code code;
    do {
        memset(out, 0, sizeof *out);
        out->wire.data = peer->out;
        out->wire.capacity = PEER_ROOM;
        out->plain.data = peer->in + peer->in_at;
        out->plain.capacity = PEER_ROOM - peer->in_at;
        out->state_capacity = peer->capacity;
        code = tlsm_step(&peer->endpoint->config, peer->state, in, peer->state, out);
    } while (code == TLSM_MORE_STATE_ROOM && grow(peer, out->state_needed) == 0);
    return code;
}

static struct tlsm_in input(enum tlsm_in_kind kind)
{
    struct tlsm_in in;
    memset(&in, 0, sizeof in);
    in.kind = kind;
    return in;
}

static void answer(struct peer *peer)
{
    struct tlsm_in in = input(TLSM_IN_ANSWER);
    struct tlsm_answer given;
    struct tlsm_request request;
    struct tlsm_out out;
    memset(&given, 0, sizeof given);
    if (tlsm_request(&peer->endpoint->config, peer->state, &request) == 0)
        return;
    given.id = request.id;
    if (tlsm_libcrypto_answer(&peer->endpoint->answerer, &peer->endpoint->config, peer->state, &given) == 0)
        given.alert = TLSM_ALERT_INTERNAL_ERROR;
    in.answer = &given;
    (void)step(peer, &in, &out);
}

/* ------------------------------------------------------------------------------------------------ reading */

static void note_alert(struct peer *peer)
{
    const struct tlsm_control *control = &peer->state->control;
    peer->seen.canceled |= (control->facts & TLSM_FACT_PEER_CANCELED) != 0;
    if (control->alert_in == TLSM_ALERT_NONE || peer->seen.alert != TLSM_ALERT_NONE || control->alert_in == TLSM_ALERT_USER_CANCELED)
        return;
    peer->seen.alert = control->alert_in;
    peer->seen.alert_level = control->alert_in_level;
    peer->seen.alert_before = !peer->acting;
}

/* Input that the machine does not want any more is counted, not read. */
static int wants(enum tlsm_code code)
{
    return code >= 0 && code < TLSM_NOT_STARTED && code != TLSM_MORE_INPUT && code != TLSM_MORE_PLAIN_ROOM && code != TLSM_MORE_STATE_ROOM;
}

static void forget_input(struct peer *peer)
{
    peer->unreadable = 1;
    peer->in_at = peer->in_have = 0;
}

void peer_feed(struct peer *peer)
{
    enum tlsm_code code = TLSM_OK;
    while (peer->in_have > 0 && !peer->unreadable && wants(code)) {
        struct tlsm_in in = input(TLSM_IN_WIRE);
        struct tlsm_out out;
        if (peer->state->control.request != 0)
            answer(peer);
        in.bytes.data = peer->in + peer->in_at;
        in.bytes.length = peer->in_have;
        code = step(peer, &in, &out);
        peer->in_at += out.consumed;
        peer->in_have -= out.consumed;
        if (out.news & TLSM_NEWS_DATA) {
            peer->seen.plain += out.plain_length;
            peer->seen.late_plain += peer->acting ? out.plain_length : 0;
        }
        note_alert(peer);
        if (!wants(code) && code != TLSM_MORE_INPUT)
            forget_input(peer);
    }
    if (peer->state->control.request != 0)
        answer(peer);
    if (peer->in_at > 0 && !peer->unreadable)
        memmove(peer->in, peer->in + peer->in_at, peer->in_have);
    peer->in_at = 0;
}

/* ------------------------------------------------------------------------------------------------ making */

static void send_record(struct peer *peer, size_t length)
{
    struct tlsm_in in = input(TLSM_IN_SENT);
    struct tlsm_out out;
    in.count = length;
    peer_send(peer, peer->out, length);
    if (!peer->send_failed)
        (void)step(peer, &in, &out);
}

int peer_make(struct peer *peer, const struct tlsm_in *in)
{
    const struct tlsm_in produce = input(TLSM_IN_PRODUCE);
    struct tlsm_out out;
    enum tlsm_code code = step(peer, in, &out);
    if (out.wire_length > 0)
        send_record(peer, out.wire_length);
    else if (code >= 0 && code < TLSM_MORE_INPUT && (tlsm_needs(peer->state) & TLSM_NEED_PRODUCE)) {
        code = step(peer, &produce, &out);
        send_record(peer, out.wire_length);
    }
    return out.wire_length > 0 ? 0 : peer_fail(peer, "It cannot be made here: %s", tlsm_code_text(code));
}

/* RFC 9846 §4.2.4: a HelloRetryRequest is a ServerHello with this random. */
static int is_hello(const uint8_t *record, size_t length)
{
    static const uint8_t retry[4] = { 0xcf, 0x21, 0xad, 0x74 };
    return length > 15 && record[0] == HANDSHAKE_TYPE && record[5] <= SERVER_HELLO && memcmp(record + 11, retry, sizeof retry) != 0;
}

/* A full handshake's: nothing is resumed here. */
static int owes_finished(const struct peer *peer)
{
    const uint8_t phase = peer->state->control.phase;
    return phase == TLSM_PHASE_C_MAKE_FINISHED || phase == TLSM_PHASE_S_MAKE_FINISHED || phase == TLSM_PHASE_C12_MAKE_FINISHED ||
           phase == TLSM_PHASE_S12_MAKE_FINISHED;
}

/* One record is due. 1: the place is reached; 0: it was sent; -1: the machine makes none. */
static int make_one(struct peer *peer)
{
    const enum peer_place place = peer->ending->place;
    const struct tlsm_in in = input(TLSM_IN_PRODUCE);
    const int finished = owes_finished(peer);
    struct tlsm_out out;
    if (place == PEER_AT_SILENT || (place == PEER_AT_FLIGHT && finished))
        return 1;
    if (step(peer, &in, &out) != TLSM_PRODUCED)
        return -1;
    if (place == PEER_AT_HALF_HELLO)
        return peer_send(peer, peer->out, out.wire_length / 2), 1;
    const int hello = is_hello(peer->out, out.wire_length);
    send_record(peer, out.wire_length);
    return (place == PEER_AT_HELLO && hello) || (place == PEER_AT_FINISHED && finished);
}

static int lost(struct peer *peer)
{
    static const char *const ends[] = { "the other side fell silent", "the other side ended the transport", "the other side reset it", "" };
    struct tlsm_verdict verdict;
    tlsm_verdict(peer->state, &verdict);
    const char *alert = peer->seen.alert != TLSM_ALERT_NONE ? tlsm_alert_name(peer->seen.alert) : "none";
    if (verdict.alert_sent != TLSM_ALERT_NONE)
        return peer_fail(peer, "The handshake failed here: %s. %s", tlsm_alert_name(verdict.alert_sent), peer->endpoint->answerer.why);
    return peer_fail(peer, "The handshake did not get there: %s; its alert: %s.", ends[peer->seen.end], alert);
}

static int go(struct peer *peer)
{
    for (;;) {
        const unsigned needs = tlsm_needs(peer->state);
        if (tlsm_connected(peer->state) && !(needs & TLSM_NEED_PRODUCE))
            return peer->ending->place == PEER_AT_DATA ? 0 : peer_fail(peer, "The handshake has no such place.");
        if (needs & TLSM_NEED_ANSWER)
            answer(peer);
        else if (needs & TLSM_NEED_PRODUCE) {
            const int made = make_one(peer);
            if (made != 0)
                return made > 0 ? 0 : lost(peer);
        } else if (!(needs & TLSM_NEED_RECEIVE) || !peer_take(peer))
            return lost(peer);
    }
}

/* ------------------------------------------------------------------------------------------------ the whole */

static int begin(struct peer *peer, const char *server_name)
{
    struct tlsm_in in = input(TLSM_IN_START);
    struct tlsm_entropy entropy;
    struct tlsm_out out;
    if (tlsm_socket_entropy(&entropy) < 0)
        return peer_fail(peer, "The system gives no random bytes.");
    in.entropy = &entropy;
    in.now_ms = tlsm_socket_time();
    if (server_name != NULL) {
        in.server_name.data = (const uint8_t *)server_name;
        in.server_name.length = strlen(server_name);
    }
    const enum tlsm_code code = step(peer, &in, &out);
    explicit_bzero(&entropy, sizeof entropy);
    return code >= 0 && code < TLSM_MORE_INPUT ? 0 : peer_fail(peer, "Cannot start: %s", tlsm_code_text(code));
}

static int say(struct peer *peer, struct tlsm_bytes saying)
{
    while (saying.length > 0 && !peer->send_failed) {
        struct tlsm_in in = input(TLSM_IN_WRITE);
        struct tlsm_out out;
        in.bytes = saying;
        if (step(peer, &in, &out) != TLSM_PRODUCED || out.consumed == 0)
            return peer_fail(peer, "The connection was over before anything could be said.");
        send_record(peer, out.wire_length);
        saying.data += out.consumed;
        saying.length -= out.consumed;
    }
    return 0;
}

/* A server hears a question first, a client the beginning of an answer, where one comes. */
static void listen_first(struct peer *peer)
{
    const double until = peer->until;
    if (peer->options->eager)
        return;
    if (peer_now() + FIRST_READ_MS < until)
        peer->until = peer_now() + FIRST_READ_MS;
    while (peer->seen.plain == 0 && peer->seen.alert == TLSM_ALERT_NONE && peer_take(peer))
        ;
    peer->until = until;
}

int peer_honest(struct peer *peer, const char *server_name, struct tlsm_bytes saying)
{
    if (begin(peer, server_name) < 0 || go(peer) < 0)
        return -1;
    if (peer->ending->place != PEER_AT_DATA)
        return 0;
    if (peer->endpoint->settings.role == TLSM_SERVER)
        listen_first(peer);
    if (say(peer, saying) < 0)
        return -1;
    if (peer->endpoint->settings.role == TLSM_CLIENT)
        listen_first(peer);
    return 0;
}
