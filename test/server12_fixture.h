/* SPDX-License-Identifier: MIT */
/* Our server of TLS 1.2, real cryptography, and the installed libssl's client, with a wire between them. */
#ifndef TLSM_TEST_SERVER12_FIXTURE_H
#define TLSM_TEST_SERVER12_FIXTURE_H

#include "fixture.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "internal.h"
#include "tlsm_libcrypto.h"

enum { P256_KEY, P384_KEY, EDWARDS_KEY, RSA_KEY, KEYS, CHAIN_ROOM = 4096 };
#define NOW UINT64_C(1800000000000)

static EVP_PKEY *key_of[KEYS];
static X509 *certificate_of[KEYS];
static struct tlsm_bytes chain_of[KEYS];
static struct tlsm_libcrypto *instance;
static const uint16_t schemes_of[KEYS][8] = {
    { TLSM_ECDSA_SECP256R1_SHA256 }, { TLSM_ECDSA_SECP384R1_SHA384 }, { TLSM_ED25519 },
    { TLSM_RSA_PSS_RSAE_SHA256, TLSM_RSA_PSS_RSAE_SHA384, TLSM_RSA_PSS_RSAE_SHA512, TLSM_RSA_PKCS1_SHA256, TLSM_RSA_PKCS1_SHA384,
      TLSM_RSA_PKCS1_SHA512 },
};
static const size_t schemes_count[KEYS] = { 1, 1, 1, 6 };
static struct tlsm_credential credentials[KEYS];

static inline X509 *make_certificate(EVP_PKEY *key, const char *name)
{
    X509 *certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_set_version(certificate, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    assert_true(X509_sign(certificate, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()) > 0);
    return certificate;
}

static inline int make_keys(void **state)
{
    static const char *const names[KEYS] = { "p256", "p384", "ed25519", "rsa" };
    TLSM_UNUSED(state);
    instance = tlsm_libcrypto_new(NULL);
    key_of[P256_KEY] = EVP_EC_gen("P-256");
    key_of[P384_KEY] = EVP_EC_gen("P-384");
    key_of[EDWARDS_KEY] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    key_of[RSA_KEY] = EVP_RSA_gen(2048);
    for (size_t i = 0; i < KEYS; i++) {
        unsigned char *der = NULL;
        certificate_of[i] = make_certificate(key_of[i], names[i]);
        chain_of[i].length = (size_t)i2d_X509(certificate_of[i], &der);
        chain_of[i].data = der;
        credentials[i] = (struct tlsm_credential){ .chain = &chain_of[i], .chain_count = 1, .schemes = schemes_of[i],
                                                   .scheme_count = schemes_count[i] };
    }
    return 0;
}

static inline int free_keys(void **state)
{
    TLSM_UNUSED(state);
    for (size_t i = 0; i < KEYS; i++) {
        OPENSSL_free((void *)(uintptr_t)chain_of[i].data);
        X509_free(certificate_of[i]);
        EVP_PKEY_free(key_of[i]);
    }
    tlsm_libcrypto_free(instance);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ two ends */

struct world {
    struct side server;
    SSL_CTX *context;
    SSL *client;
    BIO *to_client, *from_client;
    size_t at_once;                       /* bytes our server is given at once; 0: all there are */
    struct tlsm_answer session;           /* to a SESSION request */
    uint8_t shown[CHAIN_ROOM];            /* the client's leaf, as the judge was shown it */
    size_t shown_length;
    unsigned asked[TLSM_ASK_REPLAY + 1];  /* requests, by kind */
    size_t chosen;                        /* to a CREDENTIAL request; KEYS: by the built-in rule */
    uint8_t judged;                       /* alert with which the judge refuses whom it would not */
    uint8_t session_asked[32];
    size_t session_asked_length;
    struct tlsm_session issued;           /* at the last NEWS_TICKET */
    uint8_t issued_room[TLSM_TICKET_MAX];
    int issued_some;
};

static inline void keep_issued(struct world *world)
{
    if (!(world->server.out.news & TLSM_NEWS_TICKET))
        return;
    world->issued_some = tlsm_ticket_issued(&world->server.config, &world->server.block.state, world->issued_room, &world->issued);
}

static struct world *watched;
static inline void watch(struct side *side)
{
    if (watched != NULL && side == &watched->server)
        keep_issued(watched);
}

static inline struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);
    struct pair *pair = pair_fresh();
    assert_non_null(world);
    world->server = pair->server;
    free(pair);
    world->server.config.settings = &world->server.settings;
    world->server.config.crypto = &tlsm_libcrypto_table;
    world->server.config.self = instance;
    world->server.no_answers = 1;
    world->server.stepped = watch;
    world->server.settings.version_min = TLSM_1_2;
    world->server.settings.version_max = TLSM_1_2;
    world->server.settings.credentials = credentials;
    world->server.settings.credential_count = KEYS;
    world->chosen = KEYS;
    watched = world;
    world->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(world->context, TLS1_2_VERSION);
    SSL_CTX_set_security_level(world->context, 0);
    return world;
}

static inline void world_free(struct world *world)
{
    tlsm_forget(&world->server.config, &world->server.block.state);
    SSL_free(world->client);
    SSL_CTX_free(world->context);
    watched = NULL;
    free(world);
}

/* A client of the context, not yet started. */
static inline void new_client(struct world *world, const char *name)
{
    SSL_free(world->client);
    world->client = SSL_new(world->context);
    world->to_client = BIO_new(BIO_s_mem());
    world->from_client = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(world->to_client, -1);
    SSL_set_bio(world->client, world->to_client, world->from_client);
    SSL_set_connect_state(world->client);
    if (name != NULL)
        SSL_set_tlsext_host_name(world->client, name);
}

static inline void start_server(struct world *world, uint64_t now_ms)
{
    static uint8_t turn;
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .now_ms = now_ms };
    struct side *side = &world->server;
    tlsm_forget(&side->config, &side->block.state);
    side->wire_have = side->held_have = side->plain_have = 0;
    world->shown_length = world->session_asked_length = 0;
    world->issued_some = 0;
    memset(world->asked, 0, sizeof world->asked);
    turn++;
    for (size_t i = 0; i < sizeof entropy; i++)
        ((uint8_t *)&entropy)[i] = (uint8_t)(i * 7 + turn);
    assert_code(side_step(side, &in), TLSM_OK);
}

static inline EVP_PKEY *key_behind(const struct tlsm_credential *credential)
{
    return key_of[credential->chain - chain_of];
}

static inline void judge(struct world *world, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    struct tlsm_bytes leaf;
    size_t offset = 0;
    assert_int_equal(request->of_client, 1);
    assert_int_equal(tlsm_chain_next(request->chain, &offset, &leaf), 1);
    memcpy(world->shown, leaf.data, leaf.length);
    world->shown_length = leaf.length;
    const unsigned char *der = leaf.data;
    X509 *certificate = d2i_X509(NULL, &der, (long)leaf.length);
    assert_non_null(certificate);
    answer->alert = tlsm_libcrypto_verify(X509_get0_pubkey(certificate), request);
    X509_free(certificate);
    assert_int_equal(tlsm_chain_next(request->chain, &offset, &leaf), 0);
    if (answer->alert == 0)
        answer->alert = world->judged;
}

static inline int answer_server(struct world *world)
{
    uint8_t signature[TLSM_SIGNATURE_MAX];
    struct side *side = &world->server;
    struct tlsm_request request;
    struct tlsm_answer answer = { 0 };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    size_t length = 0;
    if (!(tlsm_needs(&side->block.state) & TLSM_NEED_ANSWER))
        return 0;
    switch (tlsm_request(&side->config, &side->block.state, &request)) {
    case TLSM_ASK_SIGN:
        assert_int_equal(tlsm_libcrypto_sign(key_behind(&side->settings.credentials[request.credential]), &request, signature, &length), 0);
        answer.signature = tlsm_slice(signature, length);
        break;
    case TLSM_ASK_JUDGE:
        judge(world, &request, &answer);
        break;
    case TLSM_ASK_CREDENTIAL:
        answer.credential = (uint16_t)(world->chosen < KEYS ? world->chosen
                                                            : tlsm_choose_credential(&side->settings, request.version, request.server_name,
                                                                                     request.schemes));
        break;
    case TLSM_ASK_SESSION:
        answer = world->session;
        world->session_asked_length = request.session_id.length;
        memcpy(world->session_asked, request.session_id.data, request.session_id.length);
        break;
    }
    world->asked[request.kind]++;
    answer.id = request.id;
    assert_true(side_step(side, &in) < TLSM_MORE_INPUT);
    return 1;
}

static inline void produce(struct world *world)
{
    struct side *side = &world->server;
    while (answer_server(world) || (tlsm_needs(&side->block.state) & TLSM_NEED_PRODUCE)) {
        if (tlsm_needs(&side->block.state) & TLSM_NEED_PRODUCE)
            assert_true(side_do(side, TLSM_IN_PRODUCE) < TLSM_MORE_INPUT);
    }
}

/* What lies in `held` goes into the server, `at_once` bytes at a time. */
static inline void feed(struct world *world, const uint8_t *bytes, size_t length)
{
    struct side *side = &world->server;
    const size_t most = world->at_once != 0 ? world->at_once : length;
    for (size_t at = 0, part; at < length; at += part) {
        part = length - at < most ? length - at : most;
        side_inject(side, bytes + at, part);
        while (side_feed(side) == TLSM_ANSWER_FIRST)
            produce(world);
    }
    produce(world);
}

static inline int move(struct world *world)
{
    struct side *side = &world->server;
    uint8_t *bytes;
    const long length = BIO_get_mem_data(world->from_client, &bytes);
    int moved = length > 0;
    if (length > 0)
        feed(world, bytes, (size_t)length);
    (void)BIO_reset(world->from_client);
    produce(world);
    if (side->wire_have > 0) {
        assert_int_equal(BIO_write(world->to_client, side->wire, (int)side->wire_have), side->wire_have);
        assert_true(side_sent(side, side->wire_have, NULL) < TLSM_MORE_INPUT);
        moved = 1;
    }
    return moved;
}

/* Until nothing moves. */
static inline void talk(struct world *world)
{
    int busy = 1;
    while (busy) {
        if (!SSL_is_init_finished(world->client))
            (void)SSL_do_handshake(world->client);
        busy = move(world);
    }
    ERR_clear_error();
}

static inline void connect_now(struct world *world, const char *name, uint64_t now_ms)
{
    new_client(world, name);
    start_server(world, now_ms);
    talk(world);
}

static inline const struct tlsm_state *server_state(const struct world *world) { return &world->server.block.state; }

static inline void check_connected(const struct world *world)
{
    assert_int_equal(tlsm_connected(server_state(world)), 1);
    assert_true(SSL_is_init_finished(world->client));
    assert_int_equal(tlsm_is_12(server_state(world)), SSL_version(world->client) == TLS1_2_VERSION);
    assert_int_equal(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(world->client)), server_state(world)->suite);
    assert_int_equal(SSL_session_reused(world->client), tlsm_resumed(server_state(world)));
}

/* Data both ways, then both close. */
static inline void exchange_and_close(struct world *world)
{
    char room[16];
    struct side *side = &world->server;
    assert_int_equal(SSL_write(world->client, "ping", 4), 4);
    (void)move(world);
    assert_plain(side, "ping");
    assert_code(side_write(side, "pong"), TLSM_PRODUCED);
    (void)move(world);
    assert_int_equal(SSL_read(world->client, room, sizeof room), 4);
    assert_memory_equal(room, "pong", 4);
    (void)SSL_shutdown(world->client);
    assert_code(side_close(side, 0), TLSM_OK);
    (void)move(world);
    (void)move(world);
    assert_int_equal(SSL_shutdown(world->client), 1);
    assert_how(side, "clean_both");
}

#endif
