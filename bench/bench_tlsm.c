/* SPDX-License-Identifier: MIT */
/* tlsm driven as a program would that embeds it: tlsm_step() alone, blocks shrunk once connected. The bytes go through
 * memory of the caller's: what one end wrote there the other opens into the program's room, as with the floor. */
#define _DEFAULT_SOURCE   /* explicit_bzero */
#include "bench_tlsm.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tlsm_judge.h"
#include "tlsm_libcrypto.h"

struct end {
    const struct tlsm_config *config;
    struct tlsm_libcrypto_answerer *answerer;
    struct tlsm_state *state;
    size_t capacity;
};
struct pair {
    struct end end[2];
};

static const uint16_t suites[] = { TLSM_AES_128_GCM_SHA256 }, suites12[] = { TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256 },
                      groups[] = { TLSM_X25519, TLSM_SECP256R1 }, schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_ticket_key ticket_key = { { 'b', 'e', 'n', 'c', 'h' }, { 1, 2, 3 } };
static struct tlsm_libcrypto *instances[2];
static struct tlsm_judge *judge;
static struct tlsm_libcrypto_credential *credential;
static struct tlsm_settings settings[2], issuing;   /* issuing: a server that gives a ticket */
static struct tlsm_config configs[2], issuer;
static uint8_t kept[TLSM_SESSION_FIXED_MAX + TLSM_TICKET_MAX];   /* the session that prime() left */
static size_t kept_length;
static int keeping;
static int users;                      /* with a link and without share all this */
static uint64_t now_ms;                /* when this run began */
static struct tlsm_libcrypto_answerer answerers[2];
static struct tlsm_bytes server_name;
static size_t first_room = TLSM_HANDSHAKE_ROOM, largest_room[2], largest_record[2];

/* Connections of one thread share their buffers: none has bytes under way between two calls. */
static uint8_t wire[BENCH_WIRE], opened_room[BENCH_WIRE];
static char name_room[32], why[TLSM_WHY_ROOM];

/* ------------------------------------------------------------------------------------------------ the library */

static void settle(enum bench_end end, enum bench_version version)
{
    memset(&settings[end], 0, sizeof settings[end]);
    settings[end].suites = suites;
    settings[end].suites12 = suites12;
    settings[end].groups = groups;
    settings[end].schemes = schemes;
    settings[end].suite_count = settings[end].suite12_count = settings[end].scheme_count = 1;
    settings[end].group_count = version == BENCH_TLS13 ? 1 : 2;   /* in TLS 1.2 the certificate's curve is one of them */
    settings[end].version_min = settings[end].version_max = version == BENCH_TLS13 ? TLSM_1_3 : TLSM_1_2;
    configs[end].settings = &settings[end];
    configs[end].crypto = &tlsm_libcrypto_table;
    configs[end].self = answerers[end].instance = instances[end];
}

struct bench_tlsm_parts bench_tlsm_parts(void)
{
    return (struct bench_tlsm_parts){ configs, &issuer, { &answerers[0], &answerers[1] }, name_room, now_ms };
}

static int tlsm_open(const struct bench_identity *identity, enum bench_version version)
{
    if (users++ > 0)
        return 0;
    now_ms = (uint64_t)time(NULL) * 1000;
    judge = tlsm_judge_new_path(identity->anchor, why, sizeof why);
    credential = judge != NULL ? tlsm_libcrypto_credential_load(identity->chain, identity->key, why, sizeof why) : NULL;
    for (int end = 0; end < 2; end++) {
        instances[end] = tlsm_libcrypto_new(NULL);
        settle((enum bench_end)end, version);
    }
    if (credential == NULL || instances[0] == NULL || instances[1] == NULL) {
        (void)fprintf(stderr, "bench: %s\n", why);
        return -1;
    }
    settings[BENCH_CLIENT].role = TLSM_CLIENT;
    settings[BENCH_SERVER].role = TLSM_SERVER;
    settings[BENCH_SERVER].credentials = &credential->credential;
    settings[BENCH_SERVER].credential_count = 1;
    settings[BENCH_SERVER].ticket_keys = &ticket_key;
    settings[BENCH_SERVER].ticket_key_count = 1;
    issuing = settings[BENCH_SERVER];
    issuing.tickets = 1;
    issuer = configs[BENCH_SERVER];
    issuer.settings = &issuing;
    answerers[BENCH_CLIENT].judge = judge;
    answerers[BENCH_SERVER].credentials = &credential;
    answerers[BENCH_SERVER].credential_count = 1;
    (void)snprintf(name_room, sizeof name_room, "%s", identity->name);
    server_name.data = (const uint8_t *)name_room;
    server_name.length = strlen(name_room);
    return 0;
}

static void tlsm_shut(void)
{
    if (--users > 0)
        return;
    for (int end = 0; end < 2; end++)
        tlsm_libcrypto_free(instances[end]);
    tlsm_libcrypto_credential_free(credential);
    tlsm_judge_free(judge);
}

/* The server's instance caches no certificate. With them goes the stock of entropy, which a new chain does not use up. */
static void tlsm_forget_certificates(void)
{
    struct tlsm_entropy entropy;

    tlsm_libcrypto_drop(instances[BENCH_CLIENT]);
    if (tlsm_libcrypto_draw(instances[BENCH_CLIENT], &entropy) < 0)
        (void)fprintf(stderr, "bench: no entropy\n");
    OPENSSL_cleanse(&entropy, sizeof entropy);
}

/* ------------------------------------------------------------------------------------------------ one step */

static int resize(struct end *end, size_t capacity)
{
    struct tlsm_state *state = OPENSSL_realloc(end->state, capacity);

    if (state == NULL)
        return -1;
    end->state = state;
    end->capacity = capacity;
    return 0;
}

/* What a client is given is kept, as its program would: serialised. */
static void keep_session(const struct end *end, const struct tlsm_out *out)
{
    struct tlsm_session session;
    const struct tlsm_span to = { kept, sizeof kept };
    const struct tlsm_bytes plain = { out->plain.data, out->plain_length };
    size_t offset = 0;

    if (!keeping || end->config != &configs[BENCH_CLIENT] || !(out->news & (TLSM_NEWS_TICKET | TLSM_NEWS_CONNECTED)))
        return;
    if (tlsm_ticket_next(end->config, end->state, plain, &offset, &session))
        kept_length = tlsm_session_write(&session, to);
}

/* Returns 0 unless the step refused, was short of something but room for the state, or ended badly. */
static int step(struct end *end, const struct tlsm_in *in, struct tlsm_out *out)
{
    enum tlsm_code code;

    out->state_capacity = end->capacity;
    code = tlsm_step(end->config, end->state, in, end->state, out);
    keep_session(end, out);
    if ((code >= 0 && code < TLSM_MORE_INPUT) || code == TLSM_END_CLEAN_BOTH)
        return 0;
    if (code == TLSM_MORE_STATE_ROOM && resize(end, out->state_needed) == 0)
        return step(end, in, out);
    (void)fprintf(stderr, "bench: %s; %s\n", tlsm_code_text(code), end->answerer->why);
    return -1;
}

static int answer(struct end *end)
{
    struct tlsm_answer given;
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &given };
    struct tlsm_out out;

    return tlsm_libcrypto_answer(end->answerer, end->config, end->state, &given) != 0 ? step(end, &in, &out) : -1;
}

/* One record, behind what is already made. */
static int produce(struct end *end, size_t *have)
{
    const struct tlsm_in in = { .kind = TLSM_IN_PRODUCE };
    struct tlsm_out out;
    int failed;

    out.wire.data = wire + *have;
    out.wire.capacity = sizeof wire - *have;
    failed = step(end, &in, &out);
    *have += out.wire_length;
    if (largest_record[end->answerer == &answerers[BENCH_SERVER]] < out.wire_length)
        largest_record[end->answerer == &answerers[BENCH_SERVER]] = out.wire_length;
    return failed;
}

/* The transport takes everything at `wire`: it is the memory that the peer reads. */
static int carry(struct end *from, size_t length)
{
    const struct tlsm_in in = { .kind = TLSM_IN_SENT, .count = length };
    struct tlsm_out out;

    return step(from, &in, &out);
}

/* The peer gets all of it. The plaintext of the last data record is at *opened. */
static int receive(struct end *to, size_t length, struct tlsm_bytes *opened)
{
    struct tlsm_in in = { .kind = TLSM_IN_WIRE };
    struct tlsm_out out;
    size_t at = 0;

    while (at < length) {
        in.bytes.data = wire + at;
        in.bytes.length = length - at;
        out.plain.data = opened_room;
        out.plain.capacity = sizeof opened_room;
        if (step(to, &in, &out) < 0)
            return -1;
        if (out.plain_length != 0) {
            opened->data = out.plain.data;
            opened->length = out.plain_length;
        }
        at += out.consumed;
    }
    return 0;
}

static int say(struct end *from, struct end *to)
{
    struct tlsm_bytes opened;
    size_t have = 0;
    unsigned needs;

    while ((needs = tlsm_needs(from->state)) & (TLSM_NEED_ANSWER | TLSM_NEED_PRODUCE))
        if ((needs & TLSM_NEED_ANSWER ? answer(from) : produce(from, &have)) < 0)
            return -1;
    return have == 0 ? 0 : carry(from, have) < 0 || receive(to, have, &opened) < 0 ? -1 : 1;
}

/* ------------------------------------------------------------------------------------------------ the handshake */

static int start(struct end *end, int is_client, enum bench_kind kind)
{
    struct tlsm_entropy entropy;
    struct tlsm_session session;
    struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .now_ms = now_ms };
    struct tlsm_out out;
    int failed;

    end->capacity = first_room;
    end->state = OPENSSL_malloc(end->capacity);
    if (end->state == NULL || tlsm_libcrypto_draw(end->answerer->instance, &entropy) < 0)
        return -1;
    if (is_client)
        in.server_name = server_name;
    if (is_client && kind == BENCH_RESUMED) {
        if (!tlsm_session_read((struct tlsm_bytes){ kept, kept_length }, &session))
            return -1;
        in.session = &session;
    }
    tlsm_init(end->state);
    failed = step(end, &in, &out);
    explicit_bzero(&entropy, sizeof entropy);
    return failed;
}

/* A connection that is established needs a smaller block. What was behind it is wiped already. */
static int shrink(struct end *end)
{
    size_t *largest = &largest_room[end->answerer == &answerers[BENCH_SERVER]];

    if (*largest < end->capacity)
        *largest = end->capacity;
    return resize(end, tlsm_length(end->state));
}

static int shake_hands(struct pair *pair)
{
    struct end *client = &pair->end[BENCH_CLIENT], *server = &pair->end[BENCH_SERVER];
    int said;

    do {
        bench_turn = BENCH_CLIENT;
        said = say(client, server);
        bench_turn = BENCH_SERVER;
        if (said >= 0)
            said |= say(server, client);
    } while (said > 0);
    return said < 0 || !tlsm_connected(client->state) || !tlsm_connected(server->state) ? -1 : 0;
}

static struct pair *make_pair(enum bench_kind kind, const struct tlsm_config *server)
{
    struct pair *pair = OPENSSL_zalloc(sizeof *pair);

    for (int end = 0; end < 2 && pair != NULL; end++) {
        bench_turn = (enum bench_end)end;
        pair->end[end].config = end == BENCH_CLIENT ? &configs[end] : server;
        pair->end[end].answerer = &answerers[end];
        if (start(&pair->end[end], end == BENCH_CLIENT, kind) < 0)
            return NULL;
    }
    return pair;
}

int bench_tlsm_agreed(const struct tlsm_config *config, const struct tlsm_state *state, enum bench_kind kind)
{
    const int is_13 = state->control.version == TLSM_1_3;

    if (state->control.version == config->settings->version_max && tlsm_resumed(state) == (kind == BENCH_RESUMED) &&
        state->suite == (is_13 ? suites[0] : suites12[0]) && ((!is_13 && kind == BENCH_RESUMED) || state->group == TLSM_X25519))
        return 1;
    (void)fprintf(stderr, "bench: tlsm agreed on something else\n");
    return 0;
}

static void *tlsm_connect(enum bench_kind kind)
{
    struct pair *pair = make_pair(kind, &configs[BENCH_SERVER]);

    if (pair == NULL || shake_hands(pair) < 0)
        return NULL;
    for (int end = 0; end < 2; end++)
        if (!bench_tlsm_agreed(pair->end[end].config, pair->end[end].state, kind) || shrink(&pair->end[end]) < 0)
            return NULL;
    return pair;
}

static void tlsm_end(void *given, enum bench_end end)
{
    struct pair *pair = given;

    tlsm_forget(pair->end[end].config, pair->end[end].state);
    OPENSSL_free(pair->end[end].state);
    pair->end[end].state = NULL;
    if (pair->end[!end].state == NULL)
        OPENSSL_free(pair);
}

/* One handshake whose ends begin with the smallest block. */
static int measure_room(size_t room[2], size_t *buffers)
{
    void *pair;

    first_room = sizeof(struct tlsm_state);
    memset(largest_room, 0, sizeof largest_room);
    memset(largest_record, 0, sizeof largest_record);
    pair = tlsm_connect(BENCH_FULL);
    first_room = TLSM_HANDSHAKE_ROOM;
    if (pair == NULL)
        return -1;
    tlsm_end(pair, BENCH_CLIENT);
    tlsm_end(pair, BENCH_SERVER);
    memcpy(room, largest_room, sizeof largest_room);
    *buffers = largest_record[0] + largest_record[1];
    return 0;
}

int bench_tlsm_room(const struct bench_identity *identity, struct bench_room *room)
{
    struct tlsm_libcrypto_credential *const usual = credential;
    size_t buffers;
    int failed = measure_room(room->state, &buffers);

    credential = tlsm_libcrypto_credential_load(identity->long_chain, identity->key, why, sizeof why);
    if (credential == NULL)
        (void)fprintf(stderr, "bench: %s\n", why);
    if (credential != NULL && failed == 0) {
        settings[BENCH_SERVER].credentials = &credential->credential;
        failed = measure_room(room->long_state, &room->long_buffers);
        settings[BENCH_SERVER].credentials = &usual->credential;
        tlsm_libcrypto_credential_free(credential);
    } else {
        failed = -1;
    }
    credential = usual;
    return failed;
}

static int tlsm_prime(void)
{
    struct pair *pair;

    kept_length = 0;
    keeping = 1;
    pair = make_pair(BENCH_FULL, &issuer);
    if (pair == NULL || shake_hands(pair) < 0)
        return -1;
    keeping = 0;
    tlsm_end(pair, BENCH_CLIENT);
    tlsm_end(pair, BENCH_SERVER);
    return kept_length > 0 ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------------ one end */

/* As far as SSL_new() and its like go: nothing is said, so no key pair is made for it. */
static int tlsm_make(void)
{
    struct tlsm_state *state = OPENSSL_malloc(first_room);

    if (state == NULL)
        return -1;
    tlsm_init(state);
    tlsm_forget(&configs[BENCH_CLIENT], state);
    OPENSSL_free(state);
    return 0;
}

static int tlsm_refuse(const uint8_t *bytes, size_t length)
{
    struct end server = { &configs[BENCH_SERVER], &answerers[BENCH_SERVER], NULL, 0 };
    const struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { bytes, length } };
    struct tlsm_out out = { .plain = { NULL, 0 } };
    enum tlsm_code code = TLSM_OK;

    if (start(&server, 0, BENCH_FULL) == 0) {
        out.state_capacity = server.capacity;
        code = tlsm_step(server.config, server.state, &in, server.state, &out);
    }
    if (tlsm_needs(server.state) & TLSM_NEED_PRODUCE) {   /* the alert */
        size_t have = 0;
        (void)produce(&server, &have);
    }
    tlsm_forget(server.config, server.state);
    OPENSSL_free(server.state);
    return code < 0 || out.violation != 0 ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------------ afterwards */

static int tlsm_transfer(void *given, enum bench_end from, const uint8_t *data, size_t length, const uint8_t **opened)
{
    struct pair *pair = given;
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { data, length } };
    struct tlsm_out out;
    struct tlsm_bytes got = { NULL, 0 };

    out.wire.data = wire;
    out.wire.capacity = sizeof wire;
    if (step(&pair->end[from], &in, &out) < 0 || carry(&pair->end[from], out.wire_length) < 0 ||
        receive(&pair->end[!from], out.wire_length, &got) < 0 || got.length != length)
        return -1;
    *opened = got.data;
    return 0;
}

static int close_one(struct end *from, struct end *to)
{
    const struct tlsm_in in = { .kind = TLSM_IN_CLOSE };
    struct tlsm_out out;

    return step(from, &in, &out) < 0 ? -1 : say(from, to);
}

static int tlsm_close(void *given)
{
    struct pair *pair = given;
    struct end *client = &pair->end[BENCH_CLIENT], *server = &pair->end[BENCH_SERVER];

    if (close_one(client, server) < 0 || close_one(server, client) < 0)
        return -1;
    return tlsm_needs(client->state) == 0 && tlsm_needs(server->state) == 0 ? 0 : -1;
}

static const char *tlsm_release(void) { return "tlsm " TLSM_VERSION_STRING; }

const struct bench_library bench_tlsm = {
    .name = "tlsm", .key = "tlsm", .versions = BENCH_BOTH, .release = tlsm_release, .open = tlsm_open, .shut = tlsm_shut,
    .connect = tlsm_connect, .prime = tlsm_prime, .transfer = tlsm_transfer, .close = tlsm_close, .end = tlsm_end, .make = tlsm_make,
    .refuse = tlsm_refuse, .forget_certificates = tlsm_forget_certificates,
};
