/* SPDX-License-Identifier: MIT */
/* Our client of TLS 1.2 and the installed libssl's server, with memory between them that tests hold in their hands. */
#ifndef TLSM_TEST_CLIENT12_FIXTURE_H
#define TLSM_TEST_CLIENT12_FIXTURE_H

#include "fixture.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "handshake.h"
#include "tlsm_judge.h"
#include "tlsm_libcrypto.h"

#define NOW UINT64_C(1800000000000)
#define HOST "host.example"

enum kind { P256, P384, ED25519, RSA_ANY, RSA_PSS, KINDS };

static struct {
    EVP_PKEY *key[KINDS];
    X509 *certificate[KINDS];
    struct tlsm_libcrypto *instance;
    struct tlsm_judge *judge;
} made;

/* ------------------------------------------------------------------------------------------------ made once */

static inline EVP_PKEY *new_pss_key(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA_PSS, NULL);
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
    assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

static inline X509 *self_signed(EVP_PKEY *key, long serial)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)HOST, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()) > 0);
    return certificate;
}

static inline int make_all(void **state)
{
    TLSM_UNUSED(state);
    made.instance = tlsm_libcrypto_new(NULL);
    made.judge = tlsm_judge_insecurely_trust_anyone();
    made.key[P256] = EVP_EC_gen("P-256");
    made.key[P384] = EVP_EC_gen("P-384");
    made.key[ED25519] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    made.key[RSA_ANY] = EVP_RSA_gen(2048);
    made.key[RSA_PSS] = new_pss_key();
    for (int i = 0; i < KINDS; i++)
        made.certificate[i] = self_signed(made.key[i], i + 1);
    return 0;
}

static inline int free_all(void **state)
{
    TLSM_UNUSED(state);
    for (int i = 0; i < KINDS; i++) {
        EVP_PKEY_free(made.key[i]);
        X509_free(made.certificate[i]);
    }
    tlsm_judge_free(made.judge);
    tlsm_libcrypto_free(made.instance);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the two */

struct duo {
    struct pair pair;             /* its client is ours */
    SSL_CTX *context;
    SSL *server;
    BIO *in, *out;
    size_t step;                  /* bytes the client gets at once; 0: all */
    int master_told;              /* NEWS_KEYS, and the master secret was there */
    unsigned renewed;             /* sessions that came with a step of ours that made bytes */
    uint16_t answer_credential;   /* to a CREDENTIAL request */
    int client_key;               /* enum kind of what our credential 0 signs with */
    EVP_PKEY *judged_key;         /* signatures are checked by this key, whatever the certificate says; NULL: by the certificate's */
    struct tlsm_request seen;     /* the last request of a kind, without what it points to */
    unsigned asked[TLSM_ASK_REPLAY + 1];
    char why[200];
};

static struct duo the_duo;

static inline struct side *client_of(struct duo *duo) { return &duo->pair.client; }
static inline struct tlsm_state *state_of(struct duo *duo) { return &duo->pair.client.block.state; }

/* Keys and sessions are told in the aftermath of a step, whichever it was. */
static inline void note_news(struct side *side)
{
    struct tlsm_session session;
    size_t offset = 0;
    if (side->out.news & TLSM_NEWS_TICKET && side->out.wire_length > 0) {
        the_duo.renewed++;
        assert_int_equal(tlsm_ticket_next(&side->config, &side->block.state, tlsm_slice(NULL, 0), &offset, &session), 1);
        side->session_have = tlsm_session_write(&session, (struct tlsm_span){ side->session, sizeof side->session });
        assert_int_equal(tlsm_ticket_next(&side->config, &side->block.state, tlsm_slice(NULL, 0), &offset, &session), 0);
    }
    uint8_t secret[TLSM_HASH_MAX];
    if (side->out.news & TLSM_NEWS_KEYS && tlsm_secret(&side->block.state, TLSM_SECRET_MASTER, secret) == TLSM_HASH_MAX)
        the_duo.master_told++;
}

static inline SSL_CTX *server_context(int kind)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    assert_non_null(context);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_use_certificate(context, made.certificate[kind]), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, made.key[kind]), 1);
    assert_int_equal(SSL_CTX_add1_chain_cert(context, made.certificate[P384]), 1);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"test", 4);
    return context;
}

/* A client of TLS 1.2 alone and a server that has this kind of certificate; nothing is started. */
static inline struct duo *duo_new(int kind)
{
    struct duo *duo = &the_duo;
    memset(duo, 0, sizeof *duo);
    pair_init(&duo->pair);
    duo->context = server_context(kind);
    struct side *client = client_of(duo);
    client->no_answers = 1;
    client->stepped = note_news;
    client->config.crypto = &tlsm_libcrypto_table;
    client->config.self = made.instance;
    client->settings.version_min = client->settings.version_max = TLSM_1_2;
    return duo;
}

static inline void duo_begin(struct duo *duo, const struct tlsm_session *session, uint64_t now_ms)
{
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .session = session, .now_ms = now_ms,
                                .server_name = { (const uint8_t *)HOST, sizeof HOST - 1 } };
    for (size_t i = 0; i < sizeof entropy; i++)
        ((uint8_t *)&entropy)[i] = (uint8_t)(i * 7 + (session != NULL ? 100 : 1));
    assert_code(side_step(client_of(duo), &in), TLSM_OK);
    duo->server = SSL_new(duo->context);
    duo->in = BIO_new(BIO_s_mem());
    duo->out = BIO_new(BIO_s_mem());
    SSL_set_bio(duo->server, duo->in, duo->out);
    SSL_set_accept_state(duo->server);
}

/* Forgets the connection; keeps context, settings, and the session that came. */
static inline void duo_again(struct duo *duo)
{
    struct side *client = client_of(duo);
    tlsm_forget(&client->config, &client->block.state);
    client->wire_have = client->held_have = client->plain_have = 0;
    client->tickets = client->close_notifies = 0;
    SSL_free(duo->server);
    duo->server = NULL;
    duo->master_told = 0;
    duo->renewed = 0;
    memset(duo->asked, 0, sizeof duo->asked);
}

static inline void duo_free(struct duo *duo)
{
    SSL_free(duo->server);
    SSL_CTX_free(duo->context);
    tlsm_forget(&client_of(duo)->config, state_of(duo));
    ERR_clear_error();
}

static inline void judge_request(struct duo *duo, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    if (duo->judged_key != NULL)
        answer->alert = tlsm_libcrypto_verify(duo->judged_key, request);
    else
        (void)tlsm_judge_answer(made.instance, made.judge, request, 0, answer, duo->why, sizeof duo->why);
}

static inline int duo_answer(struct duo *duo)
{
    struct side *client = client_of(duo);
    uint8_t signature[TLSM_SIGNATURE_MAX];
    struct tlsm_request request;
    struct tlsm_answer answer = { 0 };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    size_t length = 0;
    if (!(side_needs(client) & TLSM_NEED_ANSWER))
        return 0;
    const int kind = tlsm_request(&client->config, &client->block.state, &request);
    assert_true(kind > 0 && kind <= TLSM_ASK_REPLAY);
    duo->seen = request;
    duo->asked[kind]++;
    if (kind == TLSM_ASK_JUDGE)
        judge_request(duo, &request, &answer);
    if (kind == TLSM_ASK_SIGN) {
        assert_int_equal(tlsm_libcrypto_sign(made.key[duo->client_key], &request, signature, &length), 0);
        answer.signature = tlsm_slice(signature, length);
    }
    answer.credential = duo->answer_credential;
    answer.id = request.id;
    assert_true(side_step(client, &in) < TLSM_MORE_INPUT);
    return 1;
}

/* What our client made goes to the server. */
static inline int duo_send(struct duo *duo)
{
    struct side *client = client_of(duo);
    while (side_needs(client) & TLSM_NEED_PRODUCE)
        assert_true(side_do(client, TLSM_IN_PRODUCE) < TLSM_MORE_INPUT);
    const size_t have = client->wire_have;
    if (have == 0)
        return 0;
    assert_int_equal(BIO_write(duo->in, client->wire, (int)have), (int)have);
    (void)side_sent(client, have, NULL);
    return 1;
}

/* What the server made is fed to our client, `step` bytes at a time. */
static inline int duo_receive(struct duo *duo)
{
    struct side *client = client_of(duo);
    uint8_t bytes[4096];
    const size_t most = duo->step != 0 && duo->step < sizeof bytes ? duo->step : sizeof bytes;
    int moved = 0, got;
    while ((got = BIO_read(duo->out, bytes, (int)most)) > 0) {
        side_inject(client, bytes, (size_t)got);
        (void)side_feed(client);
        moved = 1;
        while (duo_answer(duo))
            (void)side_feed(client);
    }
    return moved;
}

static inline void duo_talk(struct duo *duo)
{
    uint8_t nothing[1];
    int busy = 1;
    while (busy) {
        busy = duo_send(duo);
        if (!SSL_is_init_finished(duo->server))
            (void)SSL_do_handshake(duo->server);
        else
            (void)SSL_peek(duo->server, nothing, sizeof nothing);
        busy |= duo_receive(duo) | duo_answer(duo);
        busy |= (side_needs(client_of(duo)) & TLSM_NEED_PRODUCE) != 0;
    }
}

static inline void duo_connect(struct duo *duo)
{
    duo_begin(duo, NULL, NOW);
    duo_talk(duo);
}

static inline void check_connected(struct duo *duo)
{
    const struct tlsm_state *state = state_of(duo);
    uint8_t master[TLSM_HASH_MAX];
    assert_int_equal(tlsm_connected(state), 1);
    assert_int_equal(SSL_is_init_finished(duo->server), 1);
    assert_int_equal(state->control.version, TLSM_1_2);
    assert_int_equal(SSL_version(duo->server), TLS1_2_VERSION);
    assert_int_equal(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(duo->server)), state->suite);
    assert_int_equal(SSL_SESSION_get_master_key(SSL_get_session(duo->server), master, sizeof master), TLSM_HASH_MAX);
    assert_memory_equal(master, state->exporter, TLSM_HASH_MAX);
    assert_int_equal(duo->master_told, 1);
    assert_int_equal(tlsm_resumed(state), SSL_session_reused(duo->server));
}

static inline void exchange_and_close(struct duo *duo)
{
    char text[16];
    assert_code(side_write(client_of(duo), "ping"), TLSM_PRODUCED);
    duo_talk(duo);
    assert_int_equal(SSL_read(duo->server, text, sizeof text), 4);
    assert_memory_equal(text, "ping", 4);
    assert_int_equal(SSL_write(duo->server, "pong", 4), 4);
    duo_talk(duo);
    assert_plain(client_of(duo), "pong");
    assert_code(side_close(client_of(duo), 0), TLSM_OK);
    (void)SSL_shutdown(duo->server);
    duo_talk(duo);
    assert_how(client_of(duo), "clean_both");
}

#endif
