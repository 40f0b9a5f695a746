/* SPDX-License-Identifier: MIT */
/* mbedTLS 2.28, which speaks TLS 1.2 alone. */
#include <stdio.h>
#include <stdlib.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>

#include "bench_pipe.h"

enum { ROUNDS_MAX = 12, TICKET_SECONDS = 3600, SECRET = 48 };

struct pair {
    mbedtls_ssl_context end[2];
};

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context generator;
static mbedtls_ssl_config plain[2], ticketing[2];   /* ticketing: where a session is wanted, or resumed */
static mbedtls_ssl_ticket_context tickets;
static mbedtls_x509_crt authority, chain;
static mbedtls_pk_context key;
static mbedtls_ssl_session kept;                    /* the session that prime() left */
static char name[32];
static struct bench_pipe to[2];                     /* bytes under way to each end */
static uint8_t received[BENCH_WIRE];

static const char *release(void) { return MBEDTLS_VERSION_STRING_FULL; }

static int complain(const char *call, int result)
{
    char text[128];
    mbedtls_strerror(result, text, sizeof text);
    (void)fprintf(stderr, "bench: %s: %s\n", call, text);
    return -1;
}

/* ------------------------------------------------------------------------------------------------ the library */

static int settle(mbedtls_ssl_config *config, enum bench_end end)
{
    static const int suites[] = { MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0 }, hashes[] = { MBEDTLS_MD_SHA256, 0 };
    static const mbedtls_ecp_group_id groups[] = { MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE };
    mbedtls_ssl_config_init(config);
    const int done = mbedtls_ssl_config_defaults(config, end == BENCH_CLIENT ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &generator);
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_ciphersuites(config, suites);
    mbedtls_ssl_conf_curves(config, groups);
    mbedtls_ssl_conf_sig_hashes(config, hashes);
    mbedtls_ssl_conf_authmode(config, end == BENCH_CLIENT ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_ca_chain(config, end == BENCH_CLIENT ? &authority : NULL, NULL);
    if (done != 0 || end == BENCH_CLIENT)
        return done;
    return mbedtls_ssl_conf_own_cert(config, &chain, &key);
}

static int load(const struct bench_identity *identity)
{
    int done = mbedtls_x509_crt_parse_file(&authority, identity->anchor);
    if (done == 0)
        done = mbedtls_x509_crt_parse_file(&chain, identity->chain);
    return done == 0 ? mbedtls_pk_parse_keyfile(&key, identity->key, NULL) : done;
}

static int set_up(const struct bench_identity *identity)
{
    int done = mbedtls_ctr_drbg_seed(&generator, mbedtls_entropy_func, &entropy, NULL, 0);
    if (done == 0)
        done = load(identity);
    for (int end = 0; end < 2 && done == 0; end++) {
        done = settle(&plain[end], (enum bench_end)end);
        if (done == 0)
            done = settle(&ticketing[end], (enum bench_end)end);
    }
    if (done == 0)
        done = mbedtls_ssl_ticket_setup(&tickets, mbedtls_ctr_drbg_random, &generator, MBEDTLS_CIPHER_AES_128_GCM, TICKET_SECONDS);
    mbedtls_ssl_conf_session_tickets(&plain[BENCH_CLIENT], MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    mbedtls_ssl_conf_session_tickets_cb(&ticketing[BENCH_SERVER], mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse, &tickets);
    return done;
}

/* A group's name is gone with the handshake, so one is looked at on its way: ECParameters of ServerKeyExchange, in the clear. */
static int goes_by_x25519(void);

static int mbedtls_open(const struct bench_identity *identity, enum bench_version version)
{
    (void)version;
    (void)snprintf(name, sizeof name, "%s", identity->name);
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&generator);
    mbedtls_ssl_ticket_init(&tickets);
    mbedtls_x509_crt_init(&authority);
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
    mbedtls_ssl_session_init(&kept);
    const int done = set_up(identity);
    if (done != 0)
        return complain("setting up", done);
    if (goes_by_x25519())
        return 0;
    (void)fprintf(stderr, "bench: mbedTLS did not agree on X25519\n");
    return -1;
}

static void mbedtls_shut(void)
{
    for (int end = 0; end < 2; end++) {
        mbedtls_ssl_config_free(&plain[end]);
        mbedtls_ssl_config_free(&ticketing[end]);
    }
    mbedtls_ssl_session_free(&kept);
    mbedtls_ssl_ticket_free(&tickets);
    mbedtls_x509_crt_free(&authority);
    mbedtls_x509_crt_free(&chain);
    mbedtls_pk_free(&key);
    mbedtls_ctr_drbg_free(&generator);
    mbedtls_entropy_free(&entropy);
}

/* ------------------------------------------------------------------------------------------------ transport */

/* What an end takes from is its pointer; the other one is what it puts into. */
static int put(void *own, const unsigned char *from, size_t length)
{
    return bench_pipe_put(own == &to[0] ? &to[1] : &to[0], from, length) > 0 ? (int)length : MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int take(void *own, unsigned char *into, size_t room)
{
    const size_t length = bench_pipe_take(own, into, room);
    return length > 0 ? (int)length : MBEDTLS_ERR_SSL_WANT_READ;
}

/* ------------------------------------------------------------------------------------------------ the handshake */

static int make_end(mbedtls_ssl_context *ssl, enum bench_end end, const mbedtls_ssl_config *config)
{
    mbedtls_ssl_init(ssl);
    const int done = mbedtls_ssl_setup(ssl, config);
    mbedtls_ssl_set_bio(ssl, &to[end], put, take, NULL);
    return done;
}

static struct pair *make_pair(const mbedtls_ssl_config configs[2])
{
    struct pair *pair = calloc(1, sizeof *pair);
    int done = 0;
    for (int end = 0; end < 2 && pair != NULL && done == 0; end++) {
        bench_turn = (enum bench_end)end;
        done = make_end(&pair->end[end], (enum bench_end)end, &configs[end]);
        bench_pipe_clear(&to[end]);
    }
    return pair != NULL && done == 0 && mbedtls_ssl_set_hostname(&pair->end[BENCH_CLIENT], name) == 0 ? pair : NULL;
}

static int shake_hands(struct pair *pair)
{
    int done[2] = { MBEDTLS_ERR_SSL_WANT_READ, MBEDTLS_ERR_SSL_WANT_READ };
    for (int rounds = 0; rounds < ROUNDS_MAX && (done[0] != 0 || done[1] != 0); rounds++)
        for (int end = 0; end < 2; end++) {
            bench_turn = (enum bench_end)end;
            if (done[end] != 0)
                done[end] = mbedtls_ssl_handshake(&pair->end[end]);
            if (done[end] != 0 && done[end] != MBEDTLS_ERR_SSL_WANT_READ)
                return complain("mbedtls_ssl_handshake", done[end]);
        }
    return done[0] == 0 && done[1] == 0 ? 0 : complain("mbedtls_ssl_handshake", MBEDTLS_ERR_SSL_WANT_READ);
}

/* A session that is resumed has the secret of the one before. */
static int is_agreed(const struct pair *pair, enum bench_kind kind)
{
    const mbedtls_ssl_context *client = &pair->end[BENCH_CLIENT];
    const int resumed = memcmp(client->session->master, kept.master, SECRET) == 0;
    return client->minor_ver == MBEDTLS_SSL_MINOR_VERSION_3 && resumed == (kind == BENCH_RESUMED) &&
           client->session->ciphersuite == MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 &&
           mbedtls_ssl_get_verify_result(client) == 0;
}

static void mbedtls_end(void *given, enum bench_end end)
{
    struct pair *pair = given;
    mbedtls_ssl_free(&pair->end[end]);
    if (end == BENCH_SERVER)
        free(pair);
}

static int goes_by_x25519(void)
{
    static const uint8_t named_curve[] = { 3, 0, 29, 32 };   /* RFC 8422 §5.4, and the length of the share */
    struct pair *pair = make_pair(plain);
    int found = 0;
    if (pair == NULL || mbedtls_ssl_handshake(&pair->end[BENCH_CLIENT]) != MBEDTLS_ERR_SSL_WANT_READ ||
        mbedtls_ssl_handshake(&pair->end[BENCH_SERVER]) != MBEDTLS_ERR_SSL_WANT_READ)
        return 0;
    for (size_t at = 0; at + sizeof named_curve <= to[BENCH_CLIENT].end; at++)
        found |= memcmp(to[BENCH_CLIENT].bytes + at, named_curve, sizeof named_curve) == 0;
    mbedtls_end(pair, BENCH_CLIENT);
    mbedtls_end(pair, BENCH_SERVER);
    return found;
}

static void *mbedtls_connect(enum bench_kind kind)
{
    struct pair *pair = make_pair(kind == BENCH_RESUMED ? ticketing : plain);
    if (pair == NULL || (kind == BENCH_RESUMED && mbedtls_ssl_set_session(&pair->end[BENCH_CLIENT], &kept) != 0) ||
        shake_hands(pair) < 0)
        return NULL;
    if (is_agreed(pair, kind))
        return pair;
    (void)fprintf(stderr, "bench: mbedTLS agreed on %s, %s\n", mbedtls_ssl_get_version(&pair->end[BENCH_CLIENT]),
                  mbedtls_ssl_get_ciphersuite(&pair->end[BENCH_CLIENT]));
    return NULL;
}

static int mbedtls_prime(void)
{
    struct pair *pair = make_pair(ticketing);
    mbedtls_ssl_session_free(&kept);
    if (pair == NULL || shake_hands(pair) < 0)
        return -1;
    const int done = mbedtls_ssl_get_session(&pair->end[BENCH_CLIENT], &kept);
    mbedtls_end(pair, BENCH_CLIENT);
    mbedtls_end(pair, BENCH_SERVER);
    return done == 0 && kept.ticket_len > 0 ? 0 : complain("mbedtls_ssl_get_session", done);
}

/* ------------------------------------------------------------------------------------------------ afterwards */

static int mbedtls_transfer(void *given, enum bench_end from, const uint8_t *data, size_t length, const uint8_t **opened)
{
    struct pair *pair = given;
    *opened = received;
    return mbedtls_ssl_write(&pair->end[from], data, length) == (int)length &&
           mbedtls_ssl_read(&pair->end[!from], received, sizeof received) == (int)length ? 0 : -1;
}

static int mbedtls_close(void *given)
{
    struct pair *pair = given;
    for (int end = 0; end < 2; end++)
        if (mbedtls_ssl_close_notify(&pair->end[end]) != 0 ||
            mbedtls_ssl_read(&pair->end[!end], received, sizeof received) != MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
            return -1;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ one end */

static int mbedtls_make(void)
{
    mbedtls_ssl_context client;
    const int done = make_end(&client, BENCH_CLIENT, &plain[BENCH_CLIENT]);
    mbedtls_ssl_free(&client);
    return done;
}

static int mbedtls_refuse(const uint8_t *bytes, size_t length)
{
    mbedtls_ssl_context server;
    bench_pipe_clear(&to[BENCH_CLIENT]);
    bench_pipe_clear(&to[BENCH_SERVER]);
    int done = make_end(&server, BENCH_SERVER, &plain[BENCH_SERVER]);
    if (done == 0 && bench_pipe_put(&to[BENCH_SERVER], bytes, length) > 0)
        done = mbedtls_ssl_handshake(&server);
    mbedtls_ssl_free(&server);
    return done < 0 && done != MBEDTLS_ERR_SSL_WANT_READ ? 0 : -1;
}

const struct bench_library bench_mbedtls = {
    .name = "mbedTLS", .key = "mbedtls", .versions = BENCH_12, .release = release, .open = mbedtls_open, .shut = mbedtls_shut,
    .connect = mbedtls_connect, .prime = mbedtls_prime, .transfer = mbedtls_transfer, .close = mbedtls_close, .end = mbedtls_end,
    .make = mbedtls_make, .refuse = mbedtls_refuse,
};
