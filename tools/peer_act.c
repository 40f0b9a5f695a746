/* SPDX-License-Identifier: MIT */
/* The acts of an ending. The machine makes none of these records: they are sealed here, under a copy of its key. */
#define _DEFAULT_SOURCE

#include "peer.h"

#include <string.h>

enum {
    TYPE_CCS = 20, TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, TYPE_DATA = 23, HEADER = 5, NONCE_12 = 8, AAD_12 = 13,
    MANY = 8, EMPTY_RECORDS = 40, LONGEST = 16384, PADDING = 64
};

/* ------------------------------------------------------------------------------------------------ sealing */

static void put16(uint8_t *to, size_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)(value & 255);
}

static void put64(uint8_t *to, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        to[i] = (uint8_t)(value & 255);
}

static void put_header(uint8_t *to, uint8_t type, size_t body)
{
    to[0] = type;
    put16(to + 1, 0x0303);
    put16(to + 3, body);
}

static struct tlsm_bytes slice(const uint8_t *data, size_t length)
{
    const struct tlsm_bytes bytes = { data, length };
    return bytes;
}

/* RFC 9846 §5.2: content, type, zeros. */
static size_t seal_13(struct peer *peer, uint8_t type, struct tlsm_bytes content, size_t zeros, uint8_t *record)
{
    uint8_t inner[LONGEST + 1 + PADDING];
    const size_t length = content.length + 1 + zeros;
    memset(inner, 0, sizeof inner);
    if (content.length > 0)
        memcpy(inner, content.data, content.length);
    inner[content.length] = type;
    put_header(record, TYPE_DATA, length + TLSM_TAG);
    if (tlsm_libcrypto_table.seal(peer->endpoint->instance, &peer->key, slice(record, HEADER), slice(inner, length), slice(NULL, 0),
                                  record + HEADER) < 0)
        return 0;
    peer->key.sequence++;
    return HEADER + length + TLSM_TAG;
}

/* RFC 5246 §6.2.3.3; RFC 5288 §3: for AES-GCM part of the nonce is on the wire. */
static size_t seal_12(struct peer *peer, uint8_t type, struct tlsm_bytes content, uint8_t *record)
{
    const size_t nonce = peer->key.suite == TLSM_CHACHA20_POLY1305_SHA256 ? 0 : NONCE_12;
    uint8_t aad[AAD_12];
    put64(aad, peer->key.sequence);
    aad[8] = type;
    put16(aad + 9, 0x0303);
    put16(aad + 11, content.length);
    put_header(record, type, nonce + content.length + TLSM_TAG);
    if (nonce > 0)
        put64(record + HEADER, peer->key.sequence);
    if (tlsm_libcrypto_table.seal(peer->endpoint->instance, &peer->key, slice(aad, sizeof aad), content, slice(NULL, 0),
                                  record + HEADER + nonce) < 0)
        return 0;
    peer->key.sequence++;
    return HEADER + nonce + content.length + TLSM_TAG;
}

static size_t in_clear(uint8_t type, struct tlsm_bytes content, uint8_t *record)
{
    put_header(record, type, content.length);
    if (content.length > 0)
        memcpy(record + HEADER, content.data, content.length);
    return HEADER + content.length;
}

/* Its length, in peer->out. Without a key: in the clear. */
static size_t seal(struct peer *peer, uint8_t type, struct tlsm_bytes content, size_t zeros)
{
    if (peer->key.suite == 0)
        return in_clear(type, content, peer->out);
    return peer->version == TLSM_1_2 ? seal_12(peer, type, content, peer->out) : seal_13(peer, type, content, zeros, peer->out);
}

static void send_sealed(struct peer *peer, uint8_t type, const void *content, size_t length)
{
    peer_send(peer, peer->out, seal(peer, type, slice(content, length), 0));
}

/* ------------------------------------------------------------------------------------------------ acts */

static void alert(struct peer *peer, int clear, const uint8_t *content, size_t length)
{
    if (clear)
        peer_send(peer, peer->out, in_clear(TYPE_ALERT, slice(content, length), peer->out));
    else
        send_sealed(peer, TYPE_ALERT, content, length);
}

static void several(struct peer *peer, const uint8_t content[2])
{
    for (int i = 0; i < MANY; i++)
        alert(peer, 0, content, 2);
}

/* All but its last bytes. */
static void part(struct peer *peer, uint8_t type, const void *content, size_t length, size_t most)
{
    const size_t whole = seal(peer, type, slice(content, length), 0);
    peer_send(peer, peer->out, most < whole ? most : whole - 1);
}

static const uint8_t more[] = "This stands behind the end of the data.\n";

static void flood(struct peer *peer)
{
    static const uint8_t page[4096] = { 0 };
    while (!peer->send_failed && peer_now() < peer->until)
        send_sealed(peer, TYPE_DATA, page, sizeof page);
}

static void damaged(struct peer *peer)
{
    static const uint8_t close[2] = { 1, 0 };
    const size_t length = seal(peer, TYPE_ALERT, slice(close, sizeof close), 0);
    peer->out[length - 1] ^= 1;
    peer_send(peer, peer->out, length);
}

static void twice(struct peer *peer)
{
    const size_t length = seal(peer, TYPE_DATA, slice(more, sizeof more - 1), 0);
    peer_send(peer, peer->out, length);
    peer_send(peer, peer->out, length);
}

static void oversized(struct peer *peer)
{
    put_header(peer->out, TYPE_DATA, LONGEST + 2049);
    memset(peer->out + HEADER, 0, LONGEST + 2049);
    peer_send(peer, peer->out, HEADER + LONGEST + 2049);
}

/* The key that the machine's own records had last; it makes none any more. */
static void take_key(struct peer *peer)
{
    peer->key = peer->state->write_key;
    peer->version = peer->state->control.version;
}

static int made(struct peer *peer, enum tlsm_in_kind kind, uint8_t ask)
{
    struct tlsm_in in;
    memset(&in, 0, sizeof in);
    in.kind = kind;
    in.ask = ask;
    in.now_ms = kind == TLSM_IN_TICKET ? tlsm_socket_time() : 0;
    if (peer_make(peer, &in) < 0)
        return -1;
    take_key(peer);
    return 0;
}

static int their_end(struct peer *peer)
{
    while (peer->seen.alert == TLSM_ALERT_NONE && peer_take(peer))
        ;
    return peer->seen.alert != TLSM_ALERT_NONE || peer->seen.end != PEER_WAITS ? 0 : peer_fail(peer, "The other side did not end.");
}

static int special(struct peer *peer, enum peer_act act)
{
    static const uint8_t close[2] = { 1, 0 }, warning[2] = { 1, 112 }, cancel[2] = { 1, 90 }, one[1] = { 1 };
    static const uint8_t update[3] = { 24, 0, 0 }, request[4] = { 0, 0, 0, 0 };
    switch (act) {
    case PEER_ACT_FIN: return peer_fin(peer), 0;
    case PEER_ACT_RESET: return peer_reset(peer), 0;
    case PEER_ACT_THEIR_END: return their_end(peer);
    case PEER_ACT_DRIP: return peer->drip = 1, 0;
    case PEER_ACT_BLIND: return peer->blind = 1, 0;
    case PEER_ACT_CLOSE_PADDED: return peer_send(peer, peer->out, seal(peer, TYPE_ALERT, slice(close, 2), PADDING)), 0;
    case PEER_ACT_SPLIT: return send_sealed(peer, TYPE_ALERT, close, 1), send_sealed(peer, TYPE_ALERT, close + 1, 1), 0;
    case PEER_ACT_EMPTY_ALERT: return send_sealed(peer, TYPE_ALERT, NULL, 0), 0;
    case PEER_ACT_WARNINGS: return several(peer, warning), 0;
    case PEER_ACT_CANCELS: return several(peer, cancel), 0;
    case PEER_ACT_HALF_HEADER: return part(peer, TYPE_DATA, more, sizeof more - 1, 3), 0;
    case PEER_ACT_HALF_RECORD: return part(peer, TYPE_DATA, more, sizeof more - 1, 30), 0;
    case PEER_ACT_HALF_CLOSE: return part(peer, TYPE_ALERT, close, 2, 1000), 0;
    case PEER_ACT_HALF_MESSAGE: return send_sealed(peer, TYPE_HANDSHAKE, update, sizeof update), 0;
    case PEER_ACT_DATA: return send_sealed(peer, TYPE_DATA, more, sizeof more - 1), 0;
    case PEER_ACT_GARBAGE: return peer_send(peer, more, sizeof more - 1), 0;
    case PEER_ACT_FLOOD: return flood(peer), 0;
    case PEER_ACT_UPDATE: return made(peer, TLSM_IN_KEY_UPDATE, 0);
    case PEER_ACT_UPDATE_ASK: return made(peer, TLSM_IN_KEY_UPDATE, 1);
    case PEER_ACT_TICKET: return made(peer, TLSM_IN_TICKET, 0);
    case PEER_ACT_HELLO_REQUEST: return send_sealed(peer, TYPE_HANDSHAKE, request, sizeof request), 0;
    case PEER_ACT_EMPTIES:
        for (int i = 0; i < EMPTY_RECORDS; i++)
            send_sealed(peer, TYPE_DATA, NULL, 0);
        return 0;
    case PEER_ACT_BAD_TAG: return damaged(peer), 0;
    case PEER_ACT_REPLAY: return twice(peer), 0;
    case PEER_ACT_OVERSIZED: return oversized(peer), 0;
    case PEER_ACT_NO_TYPE: return send_sealed(peer, 0, NULL, 0), 0;
    case PEER_ACT_LATE_CCS: return peer_send(peer, peer->out, in_clear(TYPE_CCS, slice(one, 1), peer->out)), 0;
#define ALERT(name, clear, ...) case PEER_ACT_##name:
#include "peer_act.def"
    case PEER_ACT_NONE: return 0;
    }
    return 0;
}

static int act_alert(struct peer *peer, enum peer_act act)
{
#define ALERT(name, in_clear, ...) \
    if (act == PEER_ACT_##name) { \
        static const uint8_t content[] = { __VA_ARGS__ }; \
        return alert(peer, in_clear, content, sizeof content), 1; \
    }
#include "peer_act.def"
    return 0;
}

int peer_act(struct peer *peer, enum peer_act act)
{
    if (!peer->acting) {
        take_key(peer);
        peer->acting = 1;
    }
    return act_alert(peer, act) ? 0 : special(peer, act);
}
