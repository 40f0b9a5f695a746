/* SPDX-License-Identifier: MIT */
/* A man in the middle who holds the keys: a genuine handshake is taped in the clear, then played to a fresh machine with
 * one message changed as violation.def says and sealed again. Each row runs over both providers. */
#include "fixture.h"

#include <stdio.h>

#include "handshake.h"
#include "null_provider.h"
#include "tlsm_libcrypto.h"

enum { RETRY = 1, ALPN = 2, SNI = 4, ONE_SCHEME = 8, RESUME = 16, TWO_SHARES = 32, NO_ID = 64 };
enum { ACCEPTED = TLSM_ALERT_NONE };
enum target { CLIENT_HELLO, SECOND_HELLO, CLIENT_FINISHED, HELLO_RETRY, SERVER_HELLO, EXTENSIONS, CERTIFICATE, VERIFY,
              FINISHED, TARGETS };
enum kind { K_NONE, K_CUT, K_CUT_TO, K_GROW, K_SET, K_FLIP, K_BODY, K_TYPE, K_ADD, K_REMOVE, K_DATA, K_TWICE, K_FOLLOW,
            K_AGAIN, K_DROP, K_CLEAR, K_BEFORE, K_RANDOM, K_END, K_REBIND, K_INSERT, K_ERASE, K_LONGER };

struct edit {
    enum kind kind;
    size_t at;
    const char *data;
    size_t length;
};

struct violation {
    const char *name;
    int scene;
    enum target target;
    struct edit edit[2];
    uint8_t alert;
};

#define ZEROS32 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define TEXT(kind, at, text) { kind, at, text, sizeof(text) - 1 }
#define NONE TEXT(K_NONE, 0, "")
#define CUT(n) TEXT(K_CUT, n, "")                   /* the last n bytes go */
#define CUT_TO(n) TEXT(K_CUT_TO, n, "")             /* n bytes of the body stay */
#define GROW(text) TEXT(K_GROW, 0, text)            /* bytes behind the body, inside the message */
#define SET(at, text) TEXT(K_SET, at, text)         /* bytes of the body */
#define FLIP(at) TEXT(K_FLIP, at, "")               /* one bit of a byte */
#define BODY(text) TEXT(K_BODY, 0, text)            /* the whole body */
#define TYPE(n) TEXT(K_TYPE, n, "")                 /* the message's type */
#define ADD(number, text) TEXT(K_ADD, number, text) /* an extension at the end */
#define REMOVE(number) TEXT(K_REMOVE, number, "")
#define DATA(number, text) TEXT(K_DATA, number, text)
#define TWICE(number) TEXT(K_TWICE, number, "")
#define FOLLOW(text) TEXT(K_FOLLOW, 0, text)        /* bytes behind the message, in its record */
#define AGAIN TEXT(K_AGAIN, 0, "")                  /* the message comes twice */
#define DROP TEXT(K_DROP, 0, "")
#define CLEAR TEXT(K_CLEAR, 0, "")                  /* unprotected */
#define BEFORE(text) TEXT(K_BEFORE, 0, text)        /* another message comes first */
#define END(text) TEXT(K_END, 0, text)              /* the last bytes of the body */
#define REBIND TEXT(K_REBIND, 0, "")                /* the binder of a ClientHello fits again */
#define INSERT(at, text) TEXT(K_INSERT, at, text)   /* bytes into the body */
#define ERASE(at) TEXT(K_ERASE, at, "")             /* a byte of the body goes */
#define LONGER_BINDER TEXT(K_LONGER, 0, "")         /* by a byte, every length with it; what is before that byte fits */
#define RETRY_RANDOM TEXT(K_RANDOM, 0, "")          /* a ServerHello becomes a HelloRetryRequest */

static const struct violation violations[] = {
#define ALERT_DECODE_ERROR TLSM_ALERT_DECODE_ERROR
#define ALERT_PROTOCOL_VERSION TLSM_ALERT_PROTOCOL_VERSION
#define ALERT_ILLEGAL_PARAMETER TLSM_ALERT_ILLEGAL_PARAMETER
#define ALERT_MISSING_EXTENSION TLSM_ALERT_MISSING_EXTENSION
#define ALERT_UNSUPPORTED_EXTENSION TLSM_ALERT_UNSUPPORTED_EXTENSION
#define ALERT_UNEXPECTED_MESSAGE TLSM_ALERT_UNEXPECTED_MESSAGE
#define ALERT_HANDSHAKE_FAILURE TLSM_ALERT_HANDSHAKE_FAILURE
#define ALERT_DECRYPT_ERROR TLSM_ALERT_DECRYPT_ERROR
#define ALERT_BAD_RECORD_MAC TLSM_ALERT_BAD_RECORD_MAC
#define ALERT_ACCEPTED ACCEPTED
#define VIOLATION(name, scene, target, first, second, alert) { #name, scene, target, { first, second }, ALERT_##alert },
#include "violation.def"
#undef VIOLATION
};
enum { VIOLATIONS = sizeof violations / sizeof *violations };

/* ------------------------------------------------------------------------------------------------ messages */

struct message {
    uint8_t data[2048];
    size_t length;
};

static void set_length(struct message *message)
{
    const size_t body = message->length - 4;
    message->data[1] = 0;
    message->data[2] = (uint8_t)(body >> 8);
    message->data[3] = (uint8_t)body;
}

static void insert(struct message *message, size_t at, const void *bytes, size_t length)
{
    memmove(message->data + at + length, message->data + at, message->length - at);
    if (length > 0)
        memcpy(message->data + at, bytes, length);
    message->length += length;
}

static void remove_bytes(struct message *message, size_t at, size_t length)
{
    memmove(message->data + at, message->data + at + length, message->length - at - length);
    message->length -= length;
}

static size_t number16(const uint8_t *at) { return (size_t)at[0] << 8 | at[1]; }

/* Where the length of the extension block stands. */
static size_t block_at(const struct message *message)
{
    size_t at = 4;
    if (message->data[0] == TLSM_MSG_ENCRYPTED_EXTENSIONS)
        return at;
    at += 34;
    at += 1u + message->data[at];
    if (message->data[0] == TLSM_MSG_SERVER_HELLO)
        return at + 3;
    at += 2 + number16(message->data + at);
    return at + 1 + message->data[at];
}

static size_t find(const struct message *message, size_t number)
{
    size_t at = block_at(message) + 2;
    while (at < message->length && number16(message->data + at) != number)
        at += 4 + number16(message->data + at + 2);
    assert_true(at < message->length);
    return at;
}

static void close_block(struct message *message)
{
    const size_t at = block_at(message), length = message->length - at - 2;
    message->data[at] = (uint8_t)(length >> 8);
    message->data[at + 1] = (uint8_t)length;
}

static void add_extension(struct message *message, size_t at, size_t number, const void *data, size_t length)
{
    const uint8_t head[4] = { (uint8_t)(number >> 8), (uint8_t)number, (uint8_t)(length >> 8), (uint8_t)length };
    insert(message, at, data, length);
    insert(message, at, head, 4);
    close_block(message);
}

static void remove_extension(struct message *message, size_t number)
{
    const size_t at = find(message, number);
    remove_bytes(message, at, 4 + number16(message->data + at + 2));
    close_block(message);
}

static void twice(struct message *message, size_t number)
{
    const size_t at = find(message, number), length = number16(message->data + at + 2);
    uint8_t copy[1024];
    memcpy(copy, message->data + at + 4, length);
    add_extension(message, message->length, number, copy, length);
}

/* ------------------------------------------------------------------------------------------------ the session */

static struct tlsm_libcrypto *instance;
static int real;
/* Of an earlier connection, for each provider. */
static uint8_t session_bytes[2][1024];
static struct tlsm_session session[2];
static const struct tlsm_ticket_key ticket_key = { { 'k' }, { 7 } };

static struct tlsm_config provider_config(void)
{
    static const struct tlsm_settings none;
    struct tlsm_config config = { &none, &tlsm_null_provider_never_released, NULL };
    if (real) {
        config.crypto = &tlsm_libcrypto_table;
        config.self = instance;
    }
    return config;
}

/* `more`: bytes behind the binder. */
static void rebind(struct message *message, size_t more)
{
    const struct tlsm_config config = provider_config();
    uint8_t early[TLSM_HASH_MAX], digest[TLSM_HASH_MAX], binder[TLSM_HASH_MAX];
    struct tlsm_hash running;
    assert_int_equal(config.crypto->hash_start(config.self, TLSM_SHA256, &running), 0);
    assert_int_equal(tlsm_absorb(&config, TLSM_SHA256, &running, tlsm_slice(message->data, message->length - 35 - more)), 0);
    assert_int_equal(tlsm_digest(&config, TLSM_SHA256, &running, digest), 0);
    assert_int_equal(tlsm_early_secret(&config, TLSM_SHA256, tlsm_slice(session[real].secret, 32), early), 0);
    assert_int_equal(tlsm_binder(&config, TLSM_SHA256, early, digest, binder), 0);
    memcpy(message->data + message->length - 32 - more, binder, 32);
}

/* The binder is the last thing in a ClientHello. */
static void longer_binder(struct message *message)
{
    const size_t extension = find(message, 41) + 2, list = message->length - 35;
    message->data[message->length++] = 0;
    message->data[list + 2]++;
    message->data[list + 1]++;
    message->data[extension + 1]++;
    close_block(message);
    set_length(message);
    rebind(message, 1);
}

/* What becomes of one message. */
struct plan {
    struct message message;
    const struct edit *before, *follow;
    int again, drop, clear;
};

static void apply_outside(struct plan *plan, const struct edit *edit)
{
    if (edit->kind == K_BEFORE)
        plan->before = edit;
    if (edit->kind == K_FOLLOW)
        plan->follow = edit;
    plan->again |= edit->kind == K_AGAIN;
    plan->drop |= edit->kind == K_DROP;
    plan->clear |= edit->kind == K_CLEAR;
}

static void apply(struct plan *plan, const struct edit *edit)
{
    struct message *message = &plan->message;
    size_t at;
    switch (edit->kind) {
    case K_CUT: message->length = message->length > 4 + edit->at ? message->length - edit->at : 4; break;
    case K_CUT_TO: message->length = 4 + edit->at; break;
    case K_GROW: insert(message, message->length, edit->data, edit->length); break;
    case K_SET: memcpy(message->data + 4 + edit->at, edit->data, edit->length); break;
    case K_FLIP: message->data[4 + edit->at] ^= 1; break;
    case K_BODY: message->length = 4; insert(message, 4, edit->data, edit->length); break;
    case K_TYPE: message->data[0] = (uint8_t)edit->at; break;
    case K_ADD: add_extension(message, message->length, edit->at, edit->data, edit->length); break;
    case K_REMOVE: remove_extension(message, edit->at); break;
    case K_TWICE: twice(message, edit->at); break;
    case K_END: memcpy(message->data + message->length - edit->length, edit->data, edit->length); break;
    case K_REBIND: set_length(message); rebind(message, 0); break;
    case K_INSERT: insert(message, 4 + edit->at, edit->data, edit->length); break;
    case K_ERASE: remove_bytes(message, 4 + edit->at, 1); break;
    case K_LONGER: longer_binder(message); break;
    case K_RANDOM: memcpy(message->data + 6, tlsm_retry_random, 32); break;
    case K_DATA:
        at = find(message, edit->at);
        remove_extension(message, edit->at);
        add_extension(message, at, edit->at, edit->data, edit->length);
        break;
    case K_NONE: case K_FOLLOW: case K_AGAIN: case K_DROP: case K_CLEAR: case K_BEFORE: apply_outside(plan, edit); break;
    }
    set_length(message);
}

static struct plan plan_for(const struct violation *violation, enum target target, const struct message *taped)
{
    struct plan plan = { .message = *taped };
    for (size_t i = 0; target == violation->target && i < 2; i++)
        apply(&plan, &violation->edit[i]);
    return plan;
}

/* ------------------------------------------------------------------------------------------------ the machines */

static const uint8_t leaf[] = { 0x30, 3, 1, 2, 3 };
static const struct tlsm_bytes chain[] = { { leaf, sizeof leaf } };
static const uint16_t p256[] = { TLSM_ECDSA_SECP256R1_SHA256, TLSM_RSA_PKCS1_SHA256 };
static const struct tlsm_credential credential = { chain, 1, p256, 1, NULL, 0, { NULL, 0 } };
static const uint16_t two_groups[] = { TLSM_X25519, TLSM_SECP256R1 };
static const uint16_t three_groups[] = { TLSM_X25519, TLSM_SECP256R1, TLSM_SECP384R1 };
static const struct tlsm_bytes h2[] = { { (const uint8_t *)"h2", 2 } };

static void set_scene(struct pair *pair, int scene)
{
    struct tlsm_settings *client = &pair->client.settings, *server = &pair->server.settings;
    pair_init(pair);
    pair->client.no_answers = pair->server.no_answers = 1;
    server->credentials = &credential;
    client->groups = server->groups = two_groups;
    client->group_count = server->group_count = 2;
    if (scene & RETRY) {
        server->groups = two_groups + 1;
        server->group_count = 1;
    }
    client->no_compatibility = (scene & NO_ID) != 0;
    if (scene & TWO_SHARES) {   /* and the server wants a third */
        client->groups = three_groups;
        client->group_count = 3;
        client->shares_offered = 2;
        server->groups = three_groups + 2;
    }
    if (scene & ALPN) {
        client->alpn = server->alpn = h2;
        client->alpn_count = server->alpn_count = 1;
    }
    if (scene & RESUME) {
        server->ticket_keys = &ticket_key;
        server->ticket_key_count = server->tickets = 1;
    }
    if (scene & ONE_SCHEME) {
        client->schemes = p256;
        client->scheme_count = 2;
    }
    if (real) {
        pair->client.config.crypto = pair->server.config.crypto = &tlsm_libcrypto_table;
        pair->client.config.self = pair->server.config.self = instance;
    }
}

static void start(struct side *side, int scene)
{
    struct tlsm_entropy entropy;
    struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy };
    for (size_t i = 0; i < sizeof entropy; i++)
        ((uint8_t *)&entropy)[i] = (uint8_t)(i * 5 + side->settings.role);
    if (side->settings.role == TLSM_CLIENT && scene & SNI)
        in.server_name = tlsm_slice((const uint8_t *)"mitm.test", 9);
    if (scene & RESUME) {
        in.now_ms = UINT64_C(1800000000000);
        in.session = session[real].suite != 0 ? &session[real] : NULL;
    }
    assert_code(side_step(side, &in), TLSM_OK);
}

/* Signatures are opaque to the machine, and the judge always says yes. */
static void answer(struct side *side)
{
    static const uint8_t signature[64] = { 7 };
    const struct tlsm_answer yes = { .id = side->block.state.request_id, .signature = { signature, sizeof signature } };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &yes };
    if (tlsm_needs(&side->block.state) & TLSM_NEED_ANSWER)
        assert_true(side_step(side, &in) < TLSM_MORE_INPUT);
}

static void produce(struct side *side)
{
    do {
        answer(side);
        side_produce(side);
    } while (tlsm_needs(&side->block.state) & TLSM_NEED_ANSWER);
}

/* ------------------------------------------------------------------------------------------------ the tape */

struct tape {
    struct message message[TARGETS];
    uint8_t client_secret[TLSM_HASH_MAX], server_secret[TLSM_HASH_MAX];
    uint16_t suite;
};

static struct tlsm_key lane(const struct side *side, uint16_t suite, const uint8_t secret[TLSM_HASH_MAX])
{
    struct tlsm_key key;
    assert_int_equal(tlsm_traffic_key(&side->config, suite, secret, &key), 0);
    return key;
}

/* The handshake bytes of `from`'s wire, opened with `key`. */
static size_t open_wire(const struct side *from, struct tlsm_key *key, uint8_t *to)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(from->wire, from->wire_have));
    size_t have = 0;
    while (reader.left > 0) {
        const struct tlsm_bytes header = tlsm_take(&reader, 3);
        const struct tlsm_bytes aad = tlsm_slice(header.data, 5), body = tlsm_take_vector(&reader, 2);
        if (header.data[0] == TLSM_TYPE_HANDSHAKE) {
            memcpy(to + have, body.data, body.length);
            have += body.length;
        } else if (header.data[0] == TLSM_TYPE_DATA) {
            assert_int_equal(from->config.crypto->open(from->config.self, key, aad, body, to + have), 0);
            key->sequence++;
            assert_int_equal(to[have + body.length - TLSM_TAG - 1], TLSM_TYPE_HANDSHAKE);
            have += body.length - TLSM_TAG - 1;
        }
    }
    return have;
}

static size_t cut_messages(const uint8_t *bytes, size_t length, struct message *to, size_t most)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(bytes, length));
    size_t count = 0;
    while (reader.left > 0 && count < most) {
        const uint8_t *at = reader.data;
        (void)tlsm_take_number(&reader, 1);
        to[count].length = 4 + tlsm_take_vector(&reader, 3).length;
        memcpy(to[count].data, at, to[count].length);
        count++;
    }
    assert_int_equal(reader.left, 0);
    return count;
}

static void tape_flight(struct tape *tape, const struct pair *pair)
{
    uint8_t bytes[8192];
    struct tlsm_key key;
    tlsm_secret(&pair->server.block.state, TLSM_SECRET_CLIENT_HANDSHAKE, tape->client_secret);
    tlsm_secret(&pair->server.block.state, TLSM_SECRET_SERVER_HANDSHAKE, tape->server_secret);
    tape->suite = pair->server.block.state.suite;
    key = lane(&pair->server, tape->suite, tape->server_secret);
    const size_t length = open_wire(&pair->server, &key, bytes);
    if (!tlsm_resumed(&pair->server.block.state)) {
        assert_int_equal(cut_messages(bytes, length, &tape->message[SERVER_HELLO], 5), 5);
        return;
    }
    assert_int_equal(cut_messages(bytes, length, &tape->message[SERVER_HELLO], 3), 3);
    tape->message[FINISHED] = tape->message[CERTIFICATE];
    tape->message[CERTIFICATE].length = 0;
}

static void tape_one(struct tape *tape, const struct side *from, enum target target)
{
    uint8_t bytes[8192];
    struct tlsm_key none = { 0 };
    assert_int_equal(cut_messages(bytes, open_wire(from, &none, bytes), &tape->message[target], 1), 1);
}

static void say(struct side *from, struct side *to)
{
    assert_true(side_sent(from, from->wire_have, to) < TLSM_MORE_INPUT);
    assert_true(side_feed(to) < TLSM_MORE_WIRE_ROOM);
}

static void record_tape(struct tape *tape, int scene)
{
    static struct pair pair;
    uint8_t bytes[1024];
    struct tlsm_key key;
    memset(tape, 0, sizeof *tape);
    set_scene(&pair, scene);
    start(&pair.client, scene);
    start(&pair.server, scene);
    produce(&pair.client);
    tape_one(tape, &pair.client, CLIENT_HELLO);
    say(&pair.client, &pair.server);
    produce(&pair.server);
    if (scene & RETRY) {
        tape_one(tape, &pair.server, HELLO_RETRY);
        say(&pair.server, &pair.client);
        produce(&pair.client);
        tape_one(tape, &pair.client, SECOND_HELLO);
        say(&pair.client, &pair.server);
        produce(&pair.server);
    }
    tape_flight(tape, &pair);
    say(&pair.server, &pair.client);
    produce(&pair.client);
    key = lane(&pair.client, tape->suite, tape->client_secret);
    assert_int_equal(cut_messages(bytes, open_wire(&pair.client, &key, bytes), &tape->message[CLIENT_FINISHED], 1), 1);
    say(&pair.client, &pair.server);
    assert_int_equal(tlsm_connected(&pair.server.block.state), 1);
    if (scene & RESUME && session[real].suite == 0) {   /* the earlier connection: its session, then the tape anew */
        side_produce(&pair.server);
        say(&pair.server, &pair.client);
        memcpy(session_bytes[real], pair.client.session, pair.client.session_have);
        assert_int_equal(tlsm_session_read(tlsm_slice(session_bytes[real], pair.client.session_have), &session[real]), 1);
        record_tape(tape, scene);
    }
}

/* ------------------------------------------------------------------------------------------------ playing it */

struct player {
    struct side *victim;
    struct tlsm_key key;          /* suite 0: in the clear */
    struct tlsm_hash transcript;  /* of all the victim said and heard */
};

static void put_record(struct player *player, const uint8_t *bytes, size_t length, int clear)
{
    struct side *victim = player->victim;
    const int protect = player->key.suite != 0 && !clear;
    const size_t body = length + (protect ? 1 + TLSM_TAG : 0);
    const uint8_t type = TLSM_TYPE_HANDSHAKE;
    uint8_t record[4096] = { protect ? TLSM_TYPE_DATA : type, 3, 3, (uint8_t)(body >> 8), (uint8_t)body };
    if (protect) {
        assert_int_equal(victim->config.crypto->seal(victim->config.self, &player->key, tlsm_slice(record, 5),
                                                     tlsm_slice(bytes, length), tlsm_slice(&type, 1), record + 5), 0);
        player->key.sequence++;
    } else {
        memcpy(record + 5, bytes, length);
    }
    side_inject(victim, record, 5 + body);
    (void)side_feed(victim);
    tlsm_absorb(&victim->config, TLSM_SHA256, &player->transcript, tlsm_slice(bytes, length));
}

static void play(struct player *player, struct plan *plan)
{
    if (plan->drop || plan->message.length == 0)
        return;
    if (plan->before != NULL)
        put_record(player, (const uint8_t *)plan->before->data, plan->before->length, 0);
    if (plan->follow != NULL)
        insert(&plan->message, plan->message.length, plan->follow->data, plan->follow->length);
    put_record(player, plan->message.data, plan->message.length, plan->clear);
    if (plan->again)
        put_record(player, plan->message.data, plan->message.length, plan->clear);
}

static void play_target(struct player *player, const struct tape *tape, const struct violation *violation,
                        enum target target)
{
    struct plan plan = plan_for(violation, target, &tape->message[target]);
    play(player, &plan);
}

/* A Finished that fits what was played. */
static void play_finished(struct player *player, const struct tape *tape)
{
    const struct tlsm_config *config = &player->victim->config;
    struct plan plan = { .message = tape->message[FINISHED] };
    uint8_t digest[TLSM_HASH_MAX], verify[TLSM_HASH_MAX];
    assert_int_equal(tlsm_digest(config, TLSM_SHA256, &player->transcript, digest), 0);
    assert_int_equal(tlsm_finished(config, TLSM_SHA256, tape->server_secret, digest, verify), 0);
    memcpy(plan.message.data + 4, verify, 32);
    play(player, &plan);
}

static void open_player(struct player *player, struct side *victim)
{
    memset(player, 0, sizeof *player);
    player->victim = victim;
    assert_int_equal(victim->config.crypto->hash_start(victim->config.self, TLSM_SHA256, &player->transcript), 0);
}

static uint8_t outcome(struct side *victim)
{
    produce(victim);
    const struct tlsm_verdict verdict = side_verdict(victim);
    if (verdict.alert_sent != TLSM_ALERT_NONE)
        assert_true(victim->block.state.control.rx == TLSM_RX_DEAD);
    return verdict.alert_sent;
}

/* The client's flight, checked without its machine: an empty Certificate if one was asked for, and a good Finished. */
static void check_client_flight(struct player *player, const struct tape *tape, int asked)
{
    static const uint8_t empty_certificate[8] = { 11, 0, 0, 4, 0, 0, 0, 0 };
    struct side *client = player->victim;
    struct tlsm_key key = lane(client, tape->suite, tape->client_secret);
    uint8_t bytes[1024], digest[TLSM_HASH_MAX], verify[TLSM_HASH_MAX];
    const size_t length = open_wire(client, &key, bytes), certificate = asked ? sizeof empty_certificate : 0;
    assert_int_equal(length, certificate + 36);
    assert_memory_equal(bytes, empty_certificate, certificate);
    tlsm_absorb(&client->config, TLSM_SHA256, &player->transcript, tlsm_slice(bytes, certificate));
    assert_int_equal(tlsm_digest(&client->config, TLSM_SHA256, &player->transcript, digest), 0);
    assert_int_equal(tlsm_finished(&client->config, TLSM_SHA256, tape->client_secret, digest, verify), 0);
    assert_memory_equal(bytes + certificate + 4, verify, 32);
    assert_int_equal(tlsm_connected(&client->block.state), 1);
}

static uint8_t violate_client(const struct violation *violation, const struct tape *tape)
{
    static struct pair pair;
    struct side *client = &pair.client;
    struct player player;
    const int again = violation->alert == ACCEPTED && violation->target != FINISHED;
    set_scene(&pair, violation->scene);
    start(client, violation->scene);
    open_player(&player, client);
    produce(client);
    tlsm_absorb(&client->config, TLSM_SHA256, &player.transcript, tlsm_slice(client->wire + 5, client->wire_have - 5));
    (void)side_sent(client, client->wire_have, NULL);
    if (violation->scene & RETRY) {
        play_target(&player, tape, violation, HELLO_RETRY);
        if (violation->target == HELLO_RETRY)
            return outcome(client);
        produce(client);
        (void)side_sent(client, client->wire_have, NULL);
    }
    play_target(&player, tape, violation, SERVER_HELLO);
    player.key = lane(client, tape->suite, tape->server_secret);
    for (enum target target = EXTENSIONS; target < FINISHED; target++)
        play_target(&player, tape, violation, target);
    if (again)
        play_finished(&player, tape);
    else
        play_target(&player, tape, violation, FINISHED);
    const uint8_t alert = outcome(client);
    if (violation->alert == ACCEPTED && alert == ACCEPTED)
        check_client_flight(&player, tape, violation->edit[0].kind == K_BEFORE);
    return alert;
}

static uint8_t violate_server(const struct violation *violation, const struct tape *tape)
{
    static struct pair pair;
    struct side *server = &pair.server;
    struct player player;
    set_scene(&pair, violation->scene);
    start(server, violation->scene);
    open_player(&player, server);
    play_target(&player, tape, violation, CLIENT_HELLO);
    if (violation->target == CLIENT_HELLO) {
        if (violation->scene & RESUME && violation->alert == ACCEPTED)
            assert_int_equal(tlsm_resumed(&server->block.state), violation->edit[1].kind == K_REBIND);
        return outcome(server);
    }
    produce(server);
    if (violation->scene & RETRY)
        play_target(&player, tape, violation, SECOND_HELLO);
    if (violation->target == SECOND_HELLO)
        return outcome(server);
    produce(server);
    player.key = lane(server, tape->suite, tape->client_secret);
    play_target(&player, tape, violation, CLIENT_FINISHED);
    if (violation->alert == ACCEPTED)
        assert_int_equal(tlsm_connected(&server->block.state), 1);
    return outcome(server);
}

static void violate(void **state)
{
    const struct violation *violation = *state;
    static struct tape tape;
    for (real = 0; real < 2; real++) {
        record_tape(&tape, violation->scene);
        const uint8_t alert = violation->target <= CLIENT_FINISHED ? violate_server(violation, &tape)
                                                                   : violate_client(violation, &tape);
        if (alert != violation->alert)
            print_message("%s, provider %d: %s\n", violation->name, real, tlsm_alert_name(alert));
        assert_string_equal(tlsm_alert_name(alert), tlsm_alert_name(violation->alert));
    }
}

/* Any bit of any message, and any message cut anywhere: an alert or nothing, and a state that satisfies its invariants
 * (side_step looks). What the Finished covers cannot be changed unnoticed. */
static void sweep(int scene, enum target target, enum kind kind)
{
    static struct tape tape;
    record_tape(&tape, scene);
    const size_t length = tape.message[target].length - 4;
    for (size_t at = 0; at < length; at++) {
        const struct violation violation = { "sweep", scene, target, { { kind, at, "", 0 }, NONE }, ACCEPTED - 1 };
        const uint8_t alert = target <= CLIENT_FINISHED ? violate_server(&violation, &tape)
                                                        : violate_client(&violation, &tape);
        if (kind == K_CUT_TO && target != CLIENT_HELLO)
            assert_int_not_equal(alert, ACCEPTED);
        if (target >= SERVER_HELLO || target == CLIENT_FINISHED)
            assert_int_not_equal(alert, ACCEPTED);
    }
}

static void every_bit_and_every_cut(void **state)
{
    static const int scenes[] = { ALPN | SNI, RETRY | SNI, RESUME };
    (void)state;
    real = 0;
    for (size_t i = 0; i < 3; i++) {
        for (enum target target = CLIENT_HELLO; target < TARGETS; target++) {
            if (scenes[i] & RESUME && (target == CERTIFICATE || target == VERIFY))
                continue;
            if (!(scenes[i] & RETRY) && (target == SECOND_HELLO || target == HELLO_RETRY))
                continue;
            sweep(scenes[i], target, K_FLIP);
            sweep(scenes[i], target, K_CUT_TO);
        }
    }
}

/* The cookie of a HelloRetryRequest comes back, byte for byte, and nothing of it stays in the state. */
static void the_cookie_is_echoed(void **state)
{
    static struct pair pair;
    static struct tape tape;
    const struct edit edit = TEXT(K_ADD, 44, "\0\5crumb");
    struct tlsm_client_hello second;
    struct player player;
    struct plan plan;
    struct tlsm_bytes cookie;
    (void)state;
    for (int with_share = 0; with_share < 2; with_share++) {
        record_tape(&tape, RETRY);
        plan = (struct plan){ .message = tape.message[HELLO_RETRY] };
        apply(&plan, &edit);
        if (!with_share)
            remove_extension(&plan.message, 51);
        set_length(&plan.message);
        set_scene(&pair, RETRY);
        start(&pair.client, RETRY);
        open_player(&player, &pair.client);
        produce(&pair.client);
        (void)side_sent(&pair.client, pair.client.wire_have, NULL);
        play(&player, &plan);
        assert_int_equal(tlsm_hs(&pair.client.block.state)->kept, plan.message.length);
        produce(&pair.client);
        assert_int_equal(tlsm_hs(&pair.client.block.state)->used, 0);
        tape_one(&tape, &pair.client, SECOND_HELLO);
        assert_int_equal(tlsm_read_client_hello(&pair.server.settings, tlsm_slice(tape.message[SECOND_HELLO].data,
                                                           tape.message[SECOND_HELLO].length), &second), 0);
        assert_true(tlsm_read_vector(second.extensions.at[TLSM_EXT_COOKIE], 2, 1, &cookie));
        assert_int_equal(cookie.length, 5);
        assert_memory_equal(cookie.data, "crumb", 5);
        assert_int_equal(second.shares.length, with_share ? 4 + 65 : 4 + 32);
    }
}

/* RFC 6066 §3: a name is "without a trailing dot"; one that has it means the same host. */
static void trailing_dot_of_a_name_is_dropped(void **state)
{
    static struct pair pair;
    static struct tape tape;
    const struct edit edit = TEXT(K_DATA, 0, "\0\6\0\0\3ab.");
    struct tlsm_client_hello hello;
    struct plan plan;
    (void)state;
    real = 0;
    record_tape(&tape, SNI);
    plan = (struct plan){ .message = tape.message[CLIENT_HELLO] };
    apply(&plan, &edit);
    set_scene(&pair, SNI);
    assert_int_equal(tlsm_read_client_hello(&pair.server.settings, tlsm_slice(plan.message.data, plan.message.length), &hello), 0);
    assert_int_equal(hello.name.length, 2);
    assert_memory_equal(hello.name.data, "ab", 2);
}

static int open_provider(void **state)
{
    (void)state;
    instance = tlsm_libcrypto_new(NULL);
    return instance == NULL;
}

static int close_provider(void **state)
{
    (void)state;
    tlsm_libcrypto_free(instance);
    return 0;
}

int main(void)
{
    static struct CMUnitTest tests[VIOLATIONS + 3];
    for (size_t i = 0; i < VIOLATIONS; i++) {
        tests[i].name = violations[i].name;
        tests[i].test_func = violate;
        tests[i].initial_state = (void *)(uintptr_t)&violations[i];
    }
    tests[VIOLATIONS].name = "the_cookie_is_echoed";
    tests[VIOLATIONS].test_func = the_cookie_is_echoed;
    tests[VIOLATIONS + 1].name = "every_bit_and_every_cut";
    tests[VIOLATIONS + 1].test_func = every_bit_and_every_cut;
    tests[VIOLATIONS + 2].name = "trailing_dot_of_a_name_is_dropped";
    tests[VIOLATIONS + 2].test_func = trailing_dot_of_a_name_is_dropped;
    return _cmocka_run_group_tests("violation", tests, VIOLATIONS + 3, open_provider, close_provider);
}
