/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdlib.h>

#include "null_provider.h"

static const uint8_t certificate[] = { 0x30, 3, 1, 2, 3 };
static const struct tlsm_bytes chain[] = { { certificate, sizeof certificate } };
static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_credential credential = { chain, 1, schemes, 1, NULL, 0, { NULL, 0 } };

static void side_init(struct side *side, uint8_t role)
{
    memset(side, 0, sizeof *side);
    side->settings.role = role;
    if (role == TLSM_SERVER) {
        side->settings.credentials = &credential;
        side->settings.credential_count = 1;
    }
    side->config.settings = &side->settings;
    side->config.crypto = &tlsm_null_provider_never_released;
    tlsm_init(&side->block.state);
}

void pair_init(struct pair *pair)
{
    side_init(&pair->client, TLSM_CLIENT);
    side_init(&pair->server, TLSM_SERVER);
}

static void side_start(struct side *side)
{
    struct tlsm_entropy entropy;
    struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .now_ms = side->now_ms, .session = side->offered };
    memset(&entropy, side->settings.role * 17, sizeof entropy);
    if (side->settings.role == TLSM_CLIENT) {
        in.server_name.data = (const uint8_t *)"test.example";
        in.server_name.length = 12;
    }
    assert_code(side_step(side, &in), TLSM_OK);
}

void pair_start(struct pair *pair)
{
    side_start(&pair->client);
    side_start(&pair->server);
}

static void take_produced(struct side *side)
{
    assert_true(side->wire_have + side->out.wire_length <= sizeof side->wire);
    side->wire_have += side->out.wire_length;
}

static void prepare_out(struct side *side)
{
    memset(&side->out, 0, sizeof side->out);
    side->out.wire.data = side->wire + side->wire_have;
    side->out.wire.capacity = sizeof side->wire - side->wire_have;
    side->out.plain.data = side->opened;
    side->out.plain.capacity = sizeof side->opened;
    side->out.state_capacity = sizeof side->block;
}

/* Copies hold keys: what is left behind is wiped, or the search of test/wipe_test.c would find it. */
static void wipe_bytes(void *at, size_t length)
{
    volatile uint8_t *bytes = at;
    for (size_t i = 0; i < length; i++)
        bytes[i] = 0;
}

static void free_wiped(uint8_t *at, size_t length)
{
    wipe_bytes(at, length);
    free(at);
}

enum tlsm_code side_step(struct side *side, const struct tlsm_in *in)
{
    const size_t length = tlsm_length(&side->block.state);
    uint8_t *before = malloc(length);
    int broken;
    assert_non_null(before);
    memcpy(before, &side->block.state, length);
    prepare_out(side);
    side->code = tlsm_step(&side->config, &side->block.state, in, &side->block.state, &side->out);
    if (side->code >= TLSM_MORE_WIRE_ROOM) {
        assert_int_equal(tlsm_length(&side->block.state), length);
        assert_memory_equal(before, &side->block.state, length);
        assert_int_equal(side->out.wire_length, 0);
        assert_int_equal(side->out.consumed, 0);
    }
    free_wiped(before, length);
    broken = tlsm_invariant(&side->block.state);
    assert_int_equal(broken, 0);
    take_produced(side);
    if (side->stepped != NULL)
        side->stepped(side);
    return side->code;
}

enum tlsm_code side_do(struct side *side, enum tlsm_in_kind kind)
{
    const struct tlsm_in in = { .kind = kind };
    return side_step(side, &in);
}

enum tlsm_code side_close(struct side *side, int one_way)
{
    const struct tlsm_in in = { .kind = TLSM_IN_CLOSE, .one_way = (uint8_t)one_way };
    return side_step(side, &in);
}

enum tlsm_code side_abort(struct side *side, uint8_t alert)
{
    const struct tlsm_in in = { .kind = TLSM_IN_ABORT, .alert = alert };
    return side_step(side, &in);
}

enum tlsm_code side_eof(struct side *side, int vouch)
{
    const struct tlsm_in in = { .kind = TLSM_IN_EOF, .count = side->held_have, .vouch = (uint8_t)vouch };
    return side_step(side, &in);
}

enum tlsm_code side_write(struct side *side, const char *text)
{
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { (const uint8_t *)text, strlen(text) } };
    return side_step(side, &in);
}

enum tlsm_code side_update(struct side *side, int ask)
{
    const struct tlsm_in in = { .kind = TLSM_IN_KEY_UPDATE, .ask = (uint8_t)ask };
    return side_step(side, &in);
}

static int answer_request(struct side *side)
{
    uint8_t signature[TLSM_NULL_SIGNATURE];
    struct tlsm_request request;
    struct tlsm_answer answer;
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    if (side->no_answers || !(tlsm_needs(&side->block.state) & TLSM_NEED_ANSWER))
        return 0;
    memset(&answer, 0, sizeof answer);
    assert_true(tlsm_request(&side->config, &side->block.state, &request) != 0);
    tlsm_null_answer(&request, &answer, signature);
    answer.id = request.id;
    assert_true(side_step(side, &in) < TLSM_MORE_INPUT);
    return 1;
}

void side_produce(struct side *side)
{
    for (;;) {
        if (answer_request(side))
            continue;
        if (!(tlsm_needs(&side->block.state) & TLSM_NEED_PRODUCE))
            return;
        assert_true(side_do(side, TLSM_IN_PRODUCE) < TLSM_MORE_INPUT);
    }
}

void side_inject(struct side *to, const void *bytes, size_t length)
{
    assert_true(to->held_have + length <= sizeof to->held);
    memcpy(to->held + to->held_have, bytes, length);
    to->held_have += length;
}

enum tlsm_code side_sent(struct side *side, size_t n, struct side *to)
{
    const struct tlsm_in in = { .kind = TLSM_IN_SENT, .count = n };
    const size_t have = side->wire_have;
    assert_true(n <= have);
    if (to != NULL)
        side_inject(to, side->wire, n);
    memmove(side->wire, side->wire + n, have - n);
    side->wire_have = have - n;
    return side_step(side, &in);
}

static void keep_sessions(struct side *side)
{
    const struct tlsm_bytes plain = { side->opened, side->out.plain_length };
    struct tlsm_session session;
    size_t offset = 0;
    while (tlsm_ticket_next(&side->config, &side->block.state, plain, &offset, &session)) {
        struct tlsm_span room = { side->session, sizeof side->session };
        side->session_have = tlsm_session_write(&session, room);
        assert_true(side->session_have <= sizeof side->session);
    }
    wipe_bytes(&session, sizeof session);
}

static void keep_plain(struct side *side)
{
    if (side->out.news & TLSM_NEWS_DATA) {
        memcpy(side->plain + side->plain_have, side->opened, side->out.plain_length);
        side->plain_have += side->out.plain_length;
    }
    if (side->out.news & TLSM_NEWS_TICKET) {
        side->tickets++;
        keep_sessions(side);
    }
    if (side->out.news & TLSM_NEWS_PEER_CLOSED)
        side->close_notifies++;
}

enum tlsm_code side_feed(struct side *side)
{
    enum tlsm_code gravest = TLSM_OK, code;
    while (side->held_have > 0) {
        struct tlsm_in in = { .kind = TLSM_IN_WIRE };
        in.bytes.data = side->held;
        in.bytes.length = side->held_have;
        code = side_step(side, &in);
        memmove(side->held, side->held + side->out.consumed, side->held_have - side->out.consumed);
        side->held_have -= side->out.consumed;
        keep_plain(side);
        if (code == TLSM_ANSWER_FIRST && answer_request(side))
            continue;
        if (code == TLSM_MORE_INPUT)
            break;
        if (code < 0 || code >= TLSM_NOT_STARTED)
            return code;
        gravest = code > gravest ? code : gravest;
    }
    answer_request(side);
    return gravest;
}

enum tlsm_code side_say(struct side *from, struct side *to)
{
    side_produce(from);
    if (from->wire_have > 0)
        (void)side_sent(from, from->wire_have, to);
    return side_feed(to);
}

/* TLS 1.2: the sequence number is the explicit nonce, too (RFC 5288 §3). */
static void forge_12(struct side *from, struct side *to, uint8_t type, const void *content, size_t length)
{
    enum { LEAD = 5 + 8 };
    struct tlsm_key *key = &from->block.state.write_key;
    const size_t body = 8 + length + TLSM_TAG;
    uint8_t record[TLSM_RECORD_MAX] = { type, 3, 3, (uint8_t)(body >> 8), (uint8_t)body }, aad[13];
    const struct tlsm_bytes plain = { content, length }, none = { NULL, 0 }, head = { aad, sizeof aad };
    for (unsigned i = 0; i < 8; i++)
        aad[i] = record[5 + i] = (uint8_t)(key->sequence >> (56 - 8 * i));
    memcpy(aad + 8, record, 3);
    aad[11] = (uint8_t)(length >> 8);
    aad[12] = (uint8_t)length;
    assert_int_equal(from->config.crypto->seal(from->config.self, key, head, plain, none, record + LEAD), 0);
    key->sequence++;
    side_inject(to, record, 5 + body);
}

void side_forge(struct side *from, struct side *to, uint8_t type, const void *content, size_t length)
{
    struct tlsm_key *key = &from->block.state.write_key;
    if (from->block.state.control.version == TLSM_1_2) {
        forge_12(from, to, type, content, length);
        return;
    }
    const size_t body = length + 1 + TLSM_TAG;
    uint8_t record[TLSM_RECORD_MAX] = { 23, 3, 3, (uint8_t)(body >> 8), (uint8_t)body };
    struct tlsm_bytes aad = { record, 5 }, plain = { content, length }, tail = { &type, 1 };
    assert_int_equal(from->config.crypto->seal(from->config.self, key, aad, plain, tail, record + 5), 0);
    key->sequence++;
    side_inject(to, record, 5 + body);
}

uint8_t side_how(const struct side *side) { return side_verdict(side).how; }

struct tlsm_verdict side_verdict(const struct side *side)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(&side->block.state, &verdict);
    return verdict;
}

void pair_talk(struct pair *pair)
{
    for (int rounds = 0; rounds < 20; rounds++) {
        (void)side_say(&pair->client, &pair->server);
        (void)side_say(&pair->server, &pair->client);
        side_produce(&pair->client);
        side_produce(&pair->server);
        if (pair->client.wire_have == 0 && pair->server.wire_have == 0)
            return;
    }
}

void pair_speak(struct pair *pair, uint16_t version)
{
    pair->client.settings.version_min = pair->client.settings.version_max = version;
    pair->server.settings.version_min = pair->server.settings.version_max = version;
}

void pair_resumable(struct pair *pair)
{
    static const struct tlsm_ticket_key key = { { 'k', 'e', 'y' }, { 1, 2, 3 } };
    pair->client.now_ms = pair->server.now_ms = UINT64_C(1800000000000);
    pair->server.settings.ticket_keys = &key;
    pair->server.settings.ticket_key_count = 1;
    pair->server.settings.tickets = 1;
}

void pair_connect(struct pair *pair)
{
    pair_start(pair);
    pair_talk(pair);
    assert_true(tlsm_connected(&pair->client.block.state));
    assert_true(tlsm_connected(&pair->server.block.state));
}

struct pair *pair_fresh(void)
{
    struct pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    pair_init(pair);
    return pair;
}

struct pair *pair_connected(void)
{
    struct pair *pair = pair_fresh();
    pair_connect(pair);
    return pair;
}
