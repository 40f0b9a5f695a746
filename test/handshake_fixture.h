/* SPDX-License-Identifier: MIT */
/* Pairs with settings of their own, over either provider; requests are answered here. */
#ifndef TLSM_TEST_HANDSHAKE_FIXTURE_H
#define TLSM_TEST_HANDSHAKE_FIXTURE_H

#include "fixture.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "handshake.h"
#include "null_provider.h"
#include "tlsm_libcrypto.h"

enum { KEYS = 4 };

static EVP_PKEY *key_of[KEYS];
static struct tlsm_libcrypto *instance;

static const uint8_t leaf[600] = { 0x30, 0x82, 0x02, 0x54 }, issuer[300] = { 0x30, 0x82, 0x01, 0x28 };
static const struct tlsm_bytes chain[] = { { leaf, sizeof leaf }, { issuer, sizeof issuer } };
static const uint16_t p256_schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const uint16_t p384_schemes[] = { TLSM_ECDSA_SECP384R1_SHA384 };
static const uint16_t ed25519_schemes[] = { TLSM_ED25519 };
static const uint16_t rsa_schemes[] = { TLSM_RSA_PKCS1_SHA256, TLSM_RSA_PSS_RSAE_SHA256, TLSM_RSA_PSS_RSAE_SHA384,
                                        TLSM_RSA_PSS_RSAE_SHA512 };
static const struct tlsm_bytes star_names[] = { { (const uint8_t *)"*.Example.org", 13 } };
static const struct tlsm_bytes plain_names[] = { { (const uint8_t *)"other.test", 10 },
                                                 { (const uint8_t *)"example.org", 11 } };
static const struct tlsm_credential credentials[KEYS] = {
    { chain, 2, p256_schemes, 1, NULL, 0, { NULL, 0 } },
    { chain, 2, p384_schemes, 1, star_names, 1, { NULL, 0 } },
    { chain, 1, ed25519_schemes, 1, plain_names, 2, { NULL, 0 } },
    { chain, 2, rsa_schemes, 4, NULL, 0, { NULL, 0 } },
};

static inline int make_keys(void **state)
{
    TLSM_UNUSED(state);
    instance = tlsm_libcrypto_new(NULL);
    key_of[0] = EVP_EC_gen("P-256");
    key_of[1] = EVP_EC_gen("P-384");
    key_of[2] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    key_of[3] = EVP_RSA_gen(2048);
    return instance == NULL || !key_of[0] || !key_of[1] || !key_of[2] || !key_of[3];
}

static inline int free_keys(void **state)
{
    TLSM_UNUSED(state);
    for (size_t i = 0; i < KEYS; i++)
        EVP_PKEY_free(key_of[i]);
    tlsm_libcrypto_free(instance);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ a pair of our own */

static inline struct pair *fresh(int real)
{
    static struct pair pair;
    pair_init(&pair);
    pair.server.settings.credentials = credentials;
    pair.server.settings.credential_count = KEYS;
    pair.client.no_answers = pair.server.no_answers = 1;
    if (real) {
        pair.client.config.crypto = pair.server.config.crypto = &tlsm_libcrypto_table;
        pair.client.config.self = pair.server.config.self = instance;
    }
    return &pair;
}

static inline void start(struct side *side, const char *name)
{
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy,
                                .server_name = { (const uint8_t *)name, strlen(name) } };
    for (size_t i = 0; i < sizeof entropy; i++)
        ((uint8_t *)&entropy)[i] = (uint8_t)(i * 7 + side->settings.role);
    assert_code(side_step(side, &in), TLSM_OK);
}

static inline void start_both(struct pair *pair, const char *name)
{
    start(&pair->client, name);
    start(&pair->server, "");
}

static inline int is_real(const struct side *side) { return side->config.crypto == &tlsm_libcrypto_table; }

static inline void answer_for_real(struct pair *pair, const struct tlsm_request *request, struct tlsm_answer *answer,
                            uint8_t *signature)
{
    size_t length = 0;
    EVP_PKEY *key = key_of[pair->server.block.state.credential];
    if (request->kind == TLSM_ASK_SIGN) {
        assert_int_equal(tlsm_libcrypto_sign(key_of[request->credential], request, signature, &length), 0);
        answer->signature = tlsm_slice(signature, length);
    } else if (request->kind == TLSM_ASK_JUDGE) {
        answer->alert = tlsm_libcrypto_verify(key, request);
    }
}

static inline void check_chain(const struct tlsm_request *request, const struct tlsm_credential *credential)
{
    struct tlsm_bytes certificate;
    size_t offset = 0;
    for (size_t i = 0; i < credential->chain_count; i++) {
        assert_int_equal(tlsm_chain_next(request->chain, &offset, &certificate), 1);
        assert_int_equal(certificate.length, credential->chain[i].length);
        assert_memory_equal(certificate.data, credential->chain[i].data, certificate.length);
    }
    assert_int_equal(tlsm_chain_next(request->chain, &offset, &certificate), 0);
}

static inline int answer(struct pair *pair, struct side *side)
{
    uint8_t signature[TLSM_SIGNATURE_MAX];
    struct tlsm_request request;
    struct tlsm_answer answer = { 0 };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    if (!(tlsm_needs(&side->block.state) & TLSM_NEED_ANSWER))
        return 0;
    assert_true(tlsm_request(&side->config, &side->block.state, &request) != 0);
    if (request.kind == TLSM_ASK_JUDGE)
        check_chain(&request, &pair->server.settings.credentials[pair->server.block.state.credential]);
    if (is_real(side))
        answer_for_real(pair, &request, &answer, signature);
    else
        tlsm_null_answer(&request, &answer, signature);
    answer.id = request.id;
    assert_true(side_step(side, &in) < TLSM_MORE_INPUT);
    return 1;
}

static inline void talk(struct pair *pair)
{
    int busy = 1;
    while (busy) {
        (void)side_say(&pair->client, &pair->server);
        (void)side_say(&pair->server, &pair->client);
        busy = answer(pair, &pair->client) | answer(pair, &pair->server);
        side_produce(&pair->client);
        side_produce(&pair->server);
        busy |= pair->client.wire_have > 0 || pair->server.wire_have > 0;
    }
}

static inline void check_connected(const struct pair *pair)
{
    const struct tlsm_state *client = &pair->client.block.state, *server = &pair->server.block.state;
    assert_int_equal(tlsm_connected(client), 1);
    assert_int_equal(tlsm_connected(server), 1);
    assert_int_equal(client->length, sizeof *client);
    assert_int_equal(server->length, sizeof *server);
    assert_int_equal(client->suite, server->suite);
    assert_int_equal(client->group, server->group);
    assert_int_equal(client->scheme, server->scheme);
    assert_int_equal(client->control.version, TLSM_1_3);
    assert_int_equal(server->control.version, TLSM_1_3);
    assert_memory_equal(client->exporter, server->exporter, TLSM_HASH_MAX);
    assert_memory_equal(client->resumption, server->resumption, TLSM_HASH_MAX);
    assert_memory_equal(client->client_random, server->client_random, 32);
    assert_memory_equal(client->read_secret, server->write_secret, TLSM_HASH_MAX);
    assert_memory_equal(client->write_secret, server->read_secret, TLSM_HASH_MAX);
    assert_memory_equal(client->read_key.key, server->write_key.key, TLSM_KEY_MAX);
    assert_memory_not_equal(client->read_secret, client->write_secret, 32);
}

static inline void exchange_and_close(struct pair *pair)
{
    assert_code(side_write(&pair->client, "ping"), TLSM_PRODUCED);
    talk(pair);
    assert_code(side_write(&pair->server, "pong"), TLSM_PRODUCED);
    talk(pair);
    assert_plain(&pair->server, "ping");
    assert_plain(&pair->client, "pong");
    assert_code(side_close(&pair->client, 0), TLSM_OK);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    talk(pair);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
}

static const uint16_t suites[] = { TLSM_AES_128_GCM_SHA256, TLSM_AES_256_GCM_SHA384, TLSM_CHACHA20_POLY1305_SHA256 };
static const uint16_t groups[] = { TLSM_X25519, TLSM_SECP256R1, TLSM_SECP384R1 };

static inline void answer_with(struct side *side, const struct tlsm_answer *given, enum tlsm_code expected)
{
    struct tlsm_answer answer = *given;
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    answer.id = side->block.state.request_id;
    assert_code(side_step(side, &in), expected);
}

/* The server is about to sign. */
static inline struct pair *signing(void)
{
    struct pair *pair = fresh(0);
    start_both(pair, "");
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    assert_int_equal(pair->server.block.state.control.request, TLSM_ASK_SIGN);
    return pair;
}

#endif
