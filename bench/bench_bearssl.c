/* SPDX-License-Identifier: MIT */
/* BearSSL: TLS 1.2 alone, sessions by their ID alone. A context and its buffer are one block here, which is all that it ever has. */
#include <stdio.h>
#include <stdlib.h>

#include <bearssl/bearssl.h>

#include "bench_pipe.h"

enum { FILE_ROOM = 8192, CACHE_ROOM = 4096, SECRET = 48 };

struct blob {
    unsigned char bytes[FILE_ROOM];
    size_t length;
};
struct client {
    br_ssl_client_context context;
    br_x509_minimal_context judge;
    unsigned char buffer[BR_SSL_BUFSIZE_BIDI];
};
struct server {
    br_ssl_server_context context;
    unsigned char buffer[BR_SSL_BUFSIZE_BIDI];
};
struct pair {
    struct client *client;
    struct server *server;
};

static const uint16_t suites[] = { BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 };
static struct blob leaf, authority_name;
static br_x509_decoder_context authority_decoder;
static br_x509_trust_anchor authority;
static br_skey_decoder_context key;
static br_x509_certificate chain;
static br_ssl_session_cache_lru cache;
static unsigned char cache_room[CACHE_ROOM];
static br_ssl_session_parameters kept;             /* the session that prime() left */
static char name[32];
static uint8_t received[BENCH_WIRE];

static const char *release(void) { return "BearSSL 0.6"; }   /* no header says it */

/* ------------------------------------------------------------------------------------------------ files */

static void append(void *context, const void *from, size_t length)
{
    struct blob *blob = context;
    if (length <= sizeof blob->bytes - blob->length)
        memcpy(blob->bytes + blob->length, from, length);
    blob->length += length;
}

/* The first object of a PEM file; 1 when it is whole. */
static int read_pem(const char *path, struct blob *blob)
{
    char text[FILE_ROOM];
    br_pem_decoder_context decoder;
    FILE *const file = fopen(path, "r");
    size_t length, at = 0;
    blob->length = 0;
    if (file == NULL)
        return 0;
    length = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    br_pem_decoder_init(&decoder);
    while (at < length) {
        at += br_pem_decoder_push(&decoder, text + at, length - at);
        const int event = br_pem_decoder_event(&decoder);
        if (event == BR_PEM_BEGIN_OBJ)
            br_pem_decoder_setdest(&decoder, append, blob);
        else if (event != 0)
            return event == BR_PEM_END_OBJ && blob->length <= sizeof blob->bytes;
    }
    return 0;
}

static int load_authority(const struct bench_identity *identity)
{
    static struct blob blob;
    if (!read_pem(identity->anchor, &blob))
        return 0;
    authority_name.length = 0;
    br_x509_decoder_init(&authority_decoder, append, &authority_name);
    br_x509_decoder_push(&authority_decoder, blob.bytes, blob.length);
    const br_x509_pkey *public_key = br_x509_decoder_get_pkey(&authority_decoder);
    if (public_key == NULL)
        return 0;
    authority.dn.data = authority_name.bytes;
    authority.dn.len = authority_name.length;
    authority.flags = BR_X509_TA_CA;
    authority.pkey = *public_key;
    return 1;
}

static int load_leaf(const struct bench_identity *identity)
{
    static struct blob blob;
    if (!read_pem(identity->chain, &leaf) || !read_pem(identity->key, &blob))
        return 0;
    chain.data = leaf.bytes;
    chain.data_len = leaf.length;
    br_skey_decoder_init(&key);
    br_skey_decoder_push(&key, blob.bytes, blob.length);
    return br_skey_decoder_get_ec(&key) != NULL;
}

static int bearssl_open(const struct bench_identity *identity, enum bench_version version)
{
    (void)version;
    (void)snprintf(name, sizeof name, "%s", identity->name);
    br_ssl_session_cache_lru_init(&cache, cache_room, sizeof cache_room);
    if (load_authority(identity) && load_leaf(identity))
        return 0;
    (void)fprintf(stderr, "bench: BearSSL cannot use the certificates\n");
    return -1;
}

static void bearssl_shut(void) { }

/* ------------------------------------------------------------------------------------------------ the engine */

static void restrict_engine(br_ssl_engine_context *engine, unsigned char *buffer)
{
    br_ssl_engine_set_suites(engine, suites, 1);
    br_ssl_engine_set_versions(engine, BR_TLS12, BR_TLS12);
    br_ssl_engine_set_buffer(engine, buffer, BR_SSL_BUFSIZE_BIDI, 1);
}

static struct client *make_client(void)
{
    struct client *client = malloc(sizeof *client);
    if (client == NULL)
        return NULL;
    br_ssl_client_init_full(&client->context, &client->judge, &authority, 1);
    restrict_engine(&client->context.eng, client->buffer);
    return client;
}

static struct server *make_server(void)
{
    struct server *server = malloc(sizeof *server);
    if (server == NULL)
        return NULL;
    br_ssl_server_init_full_ec(&server->context, &chain, 1, BR_KEYTYPE_EC, br_skey_decoder_get_ec(&key));
    restrict_engine(&server->context.eng, server->buffer);
    return server;
}

static br_ssl_engine_context *engine_of(const struct pair *pair, enum bench_end end)
{
    return end == BENCH_CLIENT ? &pair->client->context.eng : &pair->server->context.eng;
}

/* From one engine's buffer to the other's, as much as both have and take: 1 when something went. Through the transport's memory and out
 * of it again, as everybody's bytes go here. */
static int move(br_ssl_engine_context *from, br_ssl_engine_context *into)
{
    static struct bench_pipe pipe;
    size_t there = 0, room = 0;
    const unsigned char *bytes = br_ssl_engine_sendrec_buf(from, &there);
    unsigned char *place = br_ssl_engine_recvrec_buf(into, &room);
    const size_t length = there < room ? there : room;
    if (bytes == NULL || place == NULL || length == 0 || bench_pipe_put(&pipe, bytes, length) != length)
        return 0;
    br_ssl_engine_sendrec_ack(from, length);
    br_ssl_engine_recvrec_ack(into, bench_pipe_take(&pipe, place, length));
    return 1;
}

static int is_open(const br_ssl_engine_context *engine)
{
    return (br_ssl_engine_current_state(engine) & BR_SSL_SENDAPP) != 0;
}

static int shake_hands(const struct pair *pair)
{
    br_ssl_engine_context *client = engine_of(pair, BENCH_CLIENT), *server = engine_of(pair, BENCH_SERVER);
    for (int moved = 1; moved != 0;) {
        bench_turn = BENCH_SERVER;
        moved = 0;
        while (move(client, server))
            moved = 1;
        bench_turn = BENCH_CLIENT;
        while (move(server, client))
            moved = 1;
    }
    if (is_open(client) && is_open(server))
        return 1;
    (void)fprintf(stderr, "bench: BearSSL: errors %d and %d\n", br_ssl_engine_last_error(client), br_ssl_engine_last_error(server));
    return 0;
}

/* ------------------------------------------------------------------------------------------------ pairs */

static struct pair *make_pair(void)
{
    struct pair *pair = calloc(1, sizeof *pair);
    if (pair == NULL)
        return NULL;
    bench_turn = BENCH_CLIENT;
    pair->client = make_client();
    bench_turn = BENCH_SERVER;
    pair->server = make_server();
    return pair->client != NULL && pair->server != NULL ? pair : NULL;
}

/* A session that is resumed has the secret of the one before, and agrees on no group. */
static int is_agreed(const struct pair *pair, enum bench_kind kind)
{
    br_ssl_session_parameters session;
    br_ssl_engine_get_session_parameters(engine_of(pair, BENCH_CLIENT), &session);
    const int resumed = memcmp(session.master_secret, kept.master_secret, SECRET) == 0;
    return session.version == BR_TLS12 && session.cipher_suite == suites[0] && resumed == (kind == BENCH_RESUMED) &&
           (resumed || br_ssl_engine_get_ecdhe_curve(engine_of(pair, BENCH_CLIENT)) == BR_EC_curve25519);
}

static void *connect_with(enum bench_kind kind, int remembered)
{
    struct pair *pair = make_pair();
    if (pair == NULL)
        return NULL;
    if (remembered)
        br_ssl_server_set_cache(&pair->server->context, &cache.vtable);
    if (kind == BENCH_RESUMED)
        br_ssl_engine_set_session_parameters(engine_of(pair, BENCH_CLIENT), &kept);
    if (br_ssl_client_reset(&pair->client->context, name, kind == BENCH_RESUMED) != 1 ||
        br_ssl_server_reset(&pair->server->context) != 1 || !shake_hands(pair))
        return NULL;
    if (is_agreed(pair, kind))
        return pair;
    (void)fprintf(stderr, "bench: BearSSL agreed on something else\n");
    return NULL;
}

static void *bearssl_connect(enum bench_kind kind) { return connect_with(kind, kind == BENCH_RESUMED); }

static void bearssl_end(void *given, enum bench_end end)
{
    struct pair *pair = given;
    if (end == BENCH_CLIENT) {
        free(pair->client);
        return;
    }
    free(pair->server);
    free(pair);
}

static int bearssl_prime(void)
{
    struct pair *pair = connect_with(BENCH_FULL, 1);
    if (pair == NULL)
        return -1;
    br_ssl_engine_get_session_parameters(engine_of(pair, BENCH_CLIENT), &kept);
    bearssl_end(pair, BENCH_CLIENT);
    bearssl_end(pair, BENCH_SERVER);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ afterwards */

static int bearssl_transfer(void *given, enum bench_end from, const uint8_t *data, size_t length, const uint8_t **opened)
{
    const struct pair *pair = given;
    br_ssl_engine_context *sender = engine_of(pair, from), *receiver = engine_of(pair, !from);
    size_t room = 0, there = 0;
    unsigned char *place = br_ssl_engine_sendapp_buf(sender, &room);
    if (place == NULL || room < length)
        return -1;
    memcpy(place, data, length);
    br_ssl_engine_sendapp_ack(sender, length);
    br_ssl_engine_flush(sender, 0);
    while (move(sender, receiver))
        continue;
    const unsigned char *got = br_ssl_engine_recvapp_buf(receiver, &there);
    if (got == NULL || there != length)
        return -1;
    memcpy(received, got, length);
    br_ssl_engine_recvapp_ack(receiver, length);
    *opened = received;
    return 0;
}

/* The server's engine answers by itself. */
static int bearssl_close(void *given)
{
    const struct pair *pair = given;
    br_ssl_engine_context *client = engine_of(pair, BENCH_CLIENT), *server = engine_of(pair, BENCH_SERVER);
    br_ssl_engine_close(client);
    while (move(client, server) || move(server, client))
        continue;
    for (int end = 0; end < 2; end++)
        if (br_ssl_engine_current_state(engine_of(pair, (enum bench_end)end)) != BR_SSL_CLOSED ||
            br_ssl_engine_last_error(engine_of(pair, (enum bench_end)end)) != BR_ERR_OK)
            return -1;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ one end */

static int bearssl_make(void)
{
    struct client *client = make_client();
    free(client);
    return client != NULL ? 0 : -1;
}

static int bearssl_refuse(const uint8_t *bytes, size_t length)
{
    struct server *server = make_server();
    int refused = 0;
    if (server != NULL && br_ssl_server_reset(&server->context) == 1) {
        br_ssl_engine_context *engine = &server->context.eng;
        size_t room = 0;
        unsigned char *place;
        while (length > 0 && (place = br_ssl_engine_recvrec_buf(engine, &room)) != NULL) {
            room = room < length ? room : length;
            memcpy(place, bytes, room);
            br_ssl_engine_recvrec_ack(engine, room);
            bytes += room;
            length -= room;
        }
        refused = br_ssl_engine_last_error(engine) != BR_ERR_OK;
    }
    free(server);
    return refused ? 0 : -1;
}

const struct bench_library bench_bearssl = {
    .name = "BearSSL", .key = "bearssl", .versions = BENCH_12, .release = release, .open = bearssl_open, .shut = bearssl_shut,
    .connect = bearssl_connect, .prime = bearssl_prime, .transfer = bearssl_transfer, .close = bearssl_close, .end = bearssl_end,
    .make = bearssl_make, .refuse = bearssl_refuse,
};
