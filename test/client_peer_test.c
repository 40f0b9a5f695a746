/* SPDX-License-Identifier: MIT */
/* Client authentication in TLS 1.3 with the installed libssl at the other end, in both roles, in and after the handshake. */
#define _POSIX_C_SOURCE 200809L
#include "fixture.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tlsm_judge.h"
#include "tlsm_libcrypto.h"

enum kind { P256, P384, ED25519, RSA_ANY, KINDS };
enum who { CLIENT_LEAF, SERVER_LEAF, STRANGER, LEAVES };   /* for clients, for servers alone, by an authority nobody knows */

static struct {
    EVP_PKEY *authority_key, *key[KINDS];
    X509 *authority, *stranger_authority, *leaf[LEAVES][KINDS];
    struct tlsm_libcrypto *instance;
    struct tlsm_judge *judge;
} made;

/* ------------------------------------------------------------------------------------------------ made once */

static void extend(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *certificate_of(const char *name, EVP_PKEY *key, X509 *issuer, const char *purpose)
{
    static long serial;
    X509 *certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer != NULL ? issuer : certificate));
    X509_set_pubkey(certificate, key);
    if (issuer == NULL)
        extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
    else {
        extend(certificate, NID_ext_key_usage, purpose);
        extend(certificate, NID_subject_alt_name, "DNS:host.example");
    }
    assert_true(X509_sign(certificate, made.authority_key, EVP_sha256()) > 0);
    return certificate;
}

static struct tlsm_judge *judge_of(X509 *authority)
{
    char path[] = "/tmp/tlsm-client-peer-XXXXXX", why[TLSM_WHY_ROOM];
    const int descriptor = mkstemp(path);
    FILE *file = fdopen(descriptor, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, authority), 1);
    assert_int_equal(fclose(file), 0);
    struct tlsm_judge *judge = tlsm_judge_new_path(path, why, sizeof why);
    assert_non_null(judge);
    assert_int_equal(unlink(path), 0);
    return judge;
}

static int make_all(void **state)
{
    (void)state;
    made.instance = tlsm_libcrypto_new(NULL);
    made.authority_key = EVP_EC_gen("P-256");
    made.key[P256] = EVP_EC_gen("P-256");
    made.key[P384] = EVP_EC_gen("P-384");
    made.key[ED25519] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    made.key[RSA_ANY] = EVP_RSA_gen(2048);
    made.authority = certificate_of("An Authority", made.authority_key, NULL, NULL);
    made.stranger_authority = certificate_of("A Stranger", made.authority_key, NULL, NULL);
    for (int i = 0; i < KINDS; i++) {
        made.leaf[CLIENT_LEAF][i] = certificate_of("Some Client", made.key[i], made.authority, "clientAuth");
        made.leaf[SERVER_LEAF][i] = certificate_of("Some Server", made.key[i], made.authority, "serverAuth");
        made.leaf[STRANGER][i] = certificate_of("Nobody", made.key[i], made.stranger_authority, "clientAuth");
    }
    made.judge = judge_of(made.authority);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        EVP_PKEY_free(made.key[i]);
        for (int who = 0; who < LEAVES; who++)
            X509_free(made.leaf[who][i]);
    }
    EVP_PKEY_free(made.authority_key);
    X509_free(made.authority);
    X509_free(made.stranger_authority);
    tlsm_judge_free(made.judge);
    tlsm_libcrypto_free(made.instance);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the two */

/* A certificate and its key as the answerer has them. */
struct own {
    struct tlsm_libcrypto_credential loaded;
    struct tlsm_bytes chain[1];
    uint16_t schemes[8];
    unsigned char *der;
};

struct duo {
    struct pair pair;              /* one of its sides is ours */
    struct side *own;
    struct own shown[2];
    struct tlsm_credential credentials[2];
    struct tlsm_libcrypto_credential *loaded[2];
    struct tlsm_libcrypto_answerer answerer;
    SSL_CTX *context;
    SSL *peer;
    BIO *in, *out;
    size_t step;                   /* bytes that travel at once; 0: all */
    uint32_t news;
    char judged[80];               /* who was found good last */
};

static struct duo the_duo;

static void note_news(struct side *side) { the_duo.news |= side->out.news; }

static void note_judged(void *context, const struct tlsm_state *state, const struct tlsm_request *request)
{
    struct duo *duo = context;
    struct tlsm_bytes leaf;
    size_t offset = 0;
    assert_ptr_equal(state, &duo->own->block.state);
    assert_int_equal(tlsm_chain_next(request->chain, &offset, &leaf), 1);
    assert_int_equal(tlsm_judge_name(leaf, duo->judged, sizeof duo->judged), 0);
}

/* Ours is of `role`; nothing is shown yet, nothing started. libssl's may not do without TLS 1.3. */
static struct duo *duo_new(enum tlsm_role role)
{
    struct duo *duo = &the_duo;
    memset(duo, 0, sizeof *duo);
    pair_init(&duo->pair);
    duo->own = role == TLSM_CLIENT ? &duo->pair.client : &duo->pair.server;
    duo->own->no_answers = 1;
    duo->own->stepped = note_news;
    duo->own->config.crypto = &tlsm_libcrypto_table;
    duo->own->config.self = made.instance;
    duo->own->settings.credentials = duo->credentials;
    duo->own->settings.credential_count = 0;
    duo->answerer.instance = made.instance;
    duo->answerer.judge = made.judge;
    duo->answerer.credentials = duo->loaded;
    duo->answerer.judged = note_judged;
    duo->answerer.judged_context = duo;
    duo->context = SSL_CTX_new(role == TLSM_CLIENT ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_min_proto_version(duo->context, TLS1_3_VERSION);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(duo->context), made.authority), 1);
    SSL_CTX_set_session_id_context(duo->context, (const unsigned char *)"test", 4);
    return duo;
}

static void show_ours(struct duo *duo, enum who who, enum kind kind)
{
    const size_t index = duo->own->settings.credential_count++;
    struct own *own = &duo->shown[index];
    const int length = i2d_X509(made.leaf[who][kind], &own->der);
    own->chain[0].data = own->der;
    own->chain[0].length = (size_t)length;
    own->loaded.key = made.key[kind];
    own->loaded.credential = (struct tlsm_credential){ .chain = own->chain, .chain_count = 1, .schemes = own->schemes };
    own->loaded.credential.scheme_count = tlsm_libcrypto_schemes(made.key[kind], own->schemes, 8);
    duo->credentials[index] = own->loaded.credential;
    duo->loaded[index] = &own->loaded;
    duo->answerer.credential_count = index + 1;
}

static void show_theirs(struct duo *duo, enum who who, enum kind kind)
{
    assert_int_equal(SSL_CTX_use_certificate(duo->context, made.leaf[who][kind]), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(duo->context, made.key[kind]), 1);
}

static void duo_begin(struct duo *duo)
{
    struct tlsm_entropy entropy;
    const int client = duo->own->settings.role == TLSM_CLIENT;
    struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy };
    assert_int_equal(tlsm_libcrypto_entropy(&entropy), 0);
    if (client)
        in.server_name = (struct tlsm_bytes){ (const uint8_t *)"host.example", 12 };
    assert_code(side_step(duo->own, &in), TLSM_OK);
    duo->peer = SSL_new(duo->context);
    duo->in = BIO_new(BIO_s_mem());
    duo->out = BIO_new(BIO_s_mem());
    SSL_set_bio(duo->peer, duo->in, duo->out);
    if (client)
        SSL_set_accept_state(duo->peer);
    else
        SSL_set_connect_state(duo->peer);
}

static void duo_free(struct duo *duo)
{
    SSL_free(duo->peer);
    SSL_CTX_free(duo->context);
    tlsm_forget(&duo->own->config, &duo->own->block.state);
    for (size_t i = 0; i < 2; i++)
        OPENSSL_free(duo->shown[i].der);
    ERR_clear_error();
}

static int duo_answer(struct duo *duo)
{
    struct tlsm_answer answer;
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    if (!(side_needs(duo->own) & TLSM_NEED_ANSWER))
        return 0;
    assert_true(tlsm_libcrypto_answer(&duo->answerer, &duo->own->config, &duo->own->block.state, &answer) > 0);
    assert_true(side_step(duo->own, &in) < TLSM_MORE_INPUT);
    return 1;
}

static void peer_moves(struct duo *duo)
{
    uint8_t nothing[1];
    if (!SSL_is_init_finished(duo->peer))
        (void)SSL_do_handshake(duo->peer);
    (void)SSL_peek(duo->peer, nothing, sizeof nothing);
}

static int duo_send(struct duo *duo)
{
    struct side *own = duo->own;
    int moved = 0;
    while (side_needs(own) & TLSM_NEED_PRODUCE)
        assert_true(side_do(own, TLSM_IN_PRODUCE) < TLSM_MORE_INPUT);
    while (own->wire_have > 0) {
        const size_t part = duo->step != 0 && duo->step < own->wire_have ? duo->step : own->wire_have;
        assert_int_equal(BIO_write(duo->in, own->wire, (int)part), (int)part);
        (void)side_sent(own, part, NULL);
        peer_moves(duo);
        moved = 1;
    }
    return moved;
}

static int duo_receive(struct duo *duo)
{
    uint8_t bytes[4096];
    const size_t most = duo->step != 0 ? duo->step : sizeof bytes;
    int moved = 0, got;
    while ((side_needs(duo->own) & TLSM_NEED_RECEIVE) && (got = BIO_read(duo->out, bytes, (int)most)) > 0) {
        side_inject(duo->own, bytes, (size_t)got);
        (void)side_feed(duo->own);
        moved = 1;
        while (duo_answer(duo))
            (void)side_feed(duo->own);
    }
    return moved;
}

static void duo_talk(struct duo *duo)
{
    int busy = 1;
    while (busy) {
        peer_moves(duo);
        busy = duo_send(duo) | duo_receive(duo) | duo_answer(duo);
        busy |= (side_needs(duo->own) & TLSM_NEED_PRODUCE) != 0;
        if (duo->own->held_have > 0 && (side_needs(duo->own) & TLSM_NEED_RECEIVE))
            (void)side_feed(duo->own);
    }
}

static void duo_connect(struct duo *duo)
{
    duo_begin(duo);
    duo_talk(duo);
}

static void check_connected(struct duo *duo)
{
    assert_int_equal(tlsm_connected(&duo->own->block.state), 1);
    assert_int_equal(SSL_is_init_finished(duo->peer), 1);
}

static void exchange(struct duo *duo)
{
    char text[16];
    duo->own->plain_have = 0;
    assert_code(side_write(duo->own, "ping"), TLSM_PRODUCED);
    duo_talk(duo);
    assert_int_equal(SSL_read(duo->peer, text, sizeof text), 4);
    assert_memory_equal(text, "ping", 4);
    assert_int_equal(SSL_write(duo->peer, "pong", 4), 4);
    duo_talk(duo);
    assert_plain(duo->own, "pong");
}

static void close_both(struct duo *duo)
{
    assert_code(side_close(duo->own, 0), TLSM_OK);
    (void)SSL_shutdown(duo->peer);
    duo_talk(duo);
    assert_how(duo->own, "clean_both");
    duo_free(duo);
}

/* ------------------------------------------------------------------------------------------------ our client */

static struct duo *our_client(int verify)
{
    struct duo *duo = duo_new(TLSM_CLIENT);
    show_theirs(duo, SERVER_LEAF, P256);
    SSL_CTX_set_verify(duo->context, verify, NULL);
    return duo;
}

static void check_seen(struct duo *duo, X509 *expected)
{
    X509 *seen = SSL_get1_peer_certificate(duo->peer);
    assert_int_equal(seen == NULL, expected == NULL);
    assert_true(seen == NULL || X509_cmp(seen, expected) == 0);
    assert_int_equal(SSL_get_verify_result(duo->peer), X509_V_OK);
    X509_free(seen);
}

static void our_client_shows_every_kind_of_certificate(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t step = 0; step < 2; step++) {
            struct duo *duo = our_client(SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
            show_ours(duo, CLIENT_LEAF, (enum kind)kind);
            duo->step = step;
            duo_connect(duo);
            check_connected(duo);
            check_seen(duo, made.leaf[CLIENT_LEAF][kind]);
            assert_string_equal(duo->judged, "Some Server");
            exchange(duo);
            close_both(duo);
        }
    }
}

static void our_client_without_a_certificate_is_let_in_or_refused(void **state)
{
    (void)state;
    struct duo *duo = our_client(SSL_VERIFY_PEER);
    duo_connect(duo);
    check_connected(duo);
    check_seen(duo, NULL);
    close_both(duo);
    duo = our_client(SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
    duo_connect(duo);
    assert_how(duo->own, "peer_alert");
    assert_int_equal(side_verdict(duo->own).alert_received, TLSM_ALERT_CERTIFICATE_REQUIRED);
    duo_free(duo);
}

/* Two certificates, of which the second is by the authority that the server names. */
static void our_client_chooses_by_authority(void **state)
{
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        struct duo *duo = our_client(SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
        assert_int_equal(SSL_CTX_add_client_CA(duo->context, made.authority), 1);
        duo->own->settings.ask = asked ? TLSM_ASK_CREDENTIAL_BIT : 0;
        show_ours(duo, STRANGER, P256);
        show_ours(duo, CLIENT_LEAF, ED25519);
        duo_connect(duo);
        check_connected(duo);
        check_seen(duo, made.leaf[CLIENT_LEAF][ED25519]);
        close_both(duo);
        duo = our_client(SSL_VERIFY_PEER);
        assert_int_equal(SSL_CTX_add_client_CA(duo->context, made.authority), 1);
        duo->own->settings.ask = asked ? TLSM_ASK_CREDENTIAL_BIT : 0;
        show_ours(duo, STRANGER, P256);
        duo_connect(duo);
        check_connected(duo);
        check_seen(duo, NULL);
        close_both(duo);
    }
}

static void our_client_is_told_when_its_certificate_is_not_trusted(void **state)
{
    (void)state;
    struct duo *duo = our_client(SSL_VERIFY_PEER);
    show_ours(duo, STRANGER, P384);
    duo_connect(duo);
    assert_how(duo->own, "peer_alert");
    assert_int_equal(side_verdict(duo->own).alert_received, TLSM_ALERT_UNKNOWN_CA);
    duo_free(duo);
}

/* ------------------------------------------------------------------------------------------------ our server */

static struct duo *our_server(uint8_t policy)
{
    struct duo *duo = duo_new(TLSM_SERVER);
    show_ours(duo, SERVER_LEAF, P256);
    duo->own->settings.client_auth = policy;
    SSL_CTX_set_verify(duo->context, SSL_VERIFY_PEER, NULL);
    return duo;
}

static int shown(const struct duo *duo) { return tlsm_peer_shown(&duo->own->block.state); }

static void our_server_judges_every_kind_of_certificate(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t step = 0; step < 2; step++) {
            struct duo *duo = our_server(TLSM_CLIENT_AUTH_REQUIRE);
            show_theirs(duo, CLIENT_LEAF, (enum kind)kind);
            duo->step = step;
            duo_connect(duo);
            check_connected(duo);
            assert_int_equal(shown(duo), 1);
            assert_string_equal(duo->judged, "Some Client");
            exchange(duo);
            close_both(duo);
        }
    }
}

static void our_server_lets_in_or_refuses_who_shows_none(void **state)
{
    (void)state;
    struct duo *duo = our_server(TLSM_CLIENT_AUTH_REQUEST);
    duo_connect(duo);
    check_connected(duo);
    assert_int_equal(shown(duo), 0);
    close_both(duo);
    duo = our_server(TLSM_CLIENT_AUTH_REQUIRE);
    duo_connect(duo);
    assert_how(duo->own, "handshake_failed");
    assert_int_equal(side_verdict(duo->own).alert_sent, TLSM_ALERT_CERTIFICATE_REQUIRED);
    duo_free(duo);
}

static void our_server_refuses_with_the_right_alert(void **state)
{
    static const struct { enum who who; uint8_t alert; const char *why; } cases[] = {
        { STRANGER, TLSM_ALERT_UNKNOWN_CA, "let the client send the missing" },
        { SERVER_LEAF, TLSM_ALERT_UNSUPPORTED_CERTIFICATE, "the certificate of Some Server is refused" },
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct duo *duo = our_server(TLSM_CLIENT_AUTH_REQUEST);
        show_theirs(duo, cases[i].who, P256);
        duo_connect(duo);
        assert_how(duo->own, "handshake_failed");
        assert_string_equal(tlsm_alert_name(side_verdict(duo->own).alert_sent), tlsm_alert_name(cases[i].alert));
        assert_non_null(strstr(duo->answerer.why, cases[i].why));
        assert_string_equal(duo->judged, "");
        duo_free(duo);
    }
}

/* libssl's client reads the list of authorities that we send. */
static void our_server_names_its_authorities(void **state)
{
    unsigned char *der = NULL;
    (void)state;
    struct duo *duo = our_server(TLSM_CLIENT_AUTH_REQUEST);
    const int length = i2d_X509_NAME(X509_get_subject_name(made.authority), &der);
    const struct tlsm_bytes authority = { der, (size_t)length };
    duo->own->settings.authorities = &authority;
    duo->own->settings.authority_count = 1;
    duo_connect(duo);
    check_connected(duo);
    const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(duo->peer);
    assert_int_equal(sk_X509_NAME_num(names), 1);
    assert_int_equal(X509_NAME_cmp(sk_X509_NAME_value(names, 0), X509_get_subject_name(made.authority)), 0);
    close_both(duo);
    OPENSSL_free(der);
}

/* ------------------------------------------------------------------------------------------------ after the handshake */

static void update_both(struct duo *duo)
{
    assert_code(side_update(duo->own, 1), TLSM_OK);
    assert_int_equal(SSL_key_update(duo->peer, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    duo_talk(duo);
    exchange(duo);
}

static void our_client_answers_after_the_handshake(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t step = 0; step < 2; step++) {
            struct duo *duo = our_client(SSL_VERIFY_NONE);
            duo->own->settings.late_auth = 1;
            show_ours(duo, CLIENT_LEAF, (enum kind)kind);
            duo->step = step;
            duo_connect(duo);
            check_connected(duo);
            check_seen(duo, NULL);
            SSL_set_verify(duo->peer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT | SSL_VERIFY_POST_HANDSHAKE, NULL);
            for (int i = 0; i < 2; i++) {
                assert_int_equal(SSL_verify_client_post_handshake(duo->peer), 1);
                peer_moves(duo);
                duo_talk(duo);
                check_connected(duo);
                check_seen(duo, made.leaf[CLIENT_LEAF][kind]);
                update_both(duo);
            }
            close_both(duo);
        }
    }
}

static void our_client_declines_after_the_handshake(void **state)
{
    (void)state;
    struct duo *duo = our_client(SSL_VERIFY_NONE);
    duo->own->settings.late_auth = 1;
    duo_connect(duo);
    SSL_set_verify(duo->peer, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL);
    assert_int_equal(SSL_verify_client_post_handshake(duo->peer), 1);
    peer_moves(duo);
    duo_talk(duo);
    check_seen(duo, NULL);
    exchange(duo);
    close_both(duo);
}

static void our_client_is_not_asked_when_it_did_not_offer(void **state)
{
    (void)state;
    struct duo *duo = our_client(SSL_VERIFY_NONE);
    duo_connect(duo);
    SSL_set_verify(duo->peer, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL);
    assert_int_equal(SSL_verify_client_post_handshake(duo->peer), 0);
    exchange(duo);
    close_both(duo);
}

static struct duo *asking_server(enum who who, enum kind kind)
{
    struct duo *duo = our_server(TLSM_CLIENT_AUTH_NONE);
    duo->own->settings.late_auth = 1;
    SSL_CTX_set_post_handshake_auth(duo->context, 1);
    show_theirs(duo, who, kind);
    return duo;
}

static void our_server_asks_after_the_handshake(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t step = 0; step < 2; step++) {
            struct duo *duo = asking_server(CLIENT_LEAF, (enum kind)kind);
            duo->step = step;
            duo_connect(duo);
            check_connected(duo);
            assert_int_equal(shown(duo), 0);
            for (int i = 0; i < 2; i++) {
                duo->news = 0;
                duo->judged[0] = '\0';
                assert_code(side_do(duo->own, TLSM_IN_ASK_CERTIFICATE), TLSM_OK);
                duo_talk(duo);
                assert_true(duo->news & TLSM_NEWS_PEER_SHOWN);
                assert_string_equal(duo->judged, "Some Client");
                assert_int_equal(shown(duo), 1);
                update_both(duo);
            }
            close_both(duo);
        }
    }
}

static void our_server_refuses_after_the_handshake(void **state)
{
    (void)state;
    struct duo *duo = asking_server(STRANGER, P256);
    duo_connect(duo);
    assert_code(side_do(duo->own, TLSM_IN_ASK_CERTIFICATE), TLSM_OK);
    duo_talk(duo);
    assert_how(duo->own, "local_alert");
    assert_int_equal(side_verdict(duo->own).alert_sent, TLSM_ALERT_UNKNOWN_CA);
    assert_int_equal(shown(duo), 0);
    duo_free(duo);
}

static void our_server_is_told_that_a_client_declines(void **state)
{
    (void)state;
    struct duo *duo = our_server(TLSM_CLIENT_AUTH_NONE);
    duo->own->settings.late_auth = 1;
    SSL_CTX_set_post_handshake_auth(duo->context, 1);
    duo_connect(duo);
    assert_code(side_do(duo->own, TLSM_IN_ASK_CERTIFICATE), TLSM_OK);
    duo_talk(duo);
    assert_true(duo->news & TLSM_NEWS_PEER_DECLINED);
    assert_int_equal(shown(duo), 0);
    exchange(duo);
    close_both(duo);
}

static void what_is_no_certificate_has_no_name(void **state)
{
    const struct tlsm_bytes garbage = { (const uint8_t *)"0123", 4 };
    char name[8] = "before";
    (void)state;
    assert_true(tlsm_judge_name(garbage, name, sizeof name) < 0);
    assert_string_equal(name, "");
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_client_shows_every_kind_of_certificate),
        cmocka_unit_test(our_client_without_a_certificate_is_let_in_or_refused),
        cmocka_unit_test(our_client_chooses_by_authority),
        cmocka_unit_test(our_client_is_told_when_its_certificate_is_not_trusted),
        cmocka_unit_test(our_server_judges_every_kind_of_certificate),
        cmocka_unit_test(our_server_lets_in_or_refuses_who_shows_none),
        cmocka_unit_test(our_server_refuses_with_the_right_alert),
        cmocka_unit_test(our_server_names_its_authorities),
        cmocka_unit_test(our_client_answers_after_the_handshake),
        cmocka_unit_test(our_client_declines_after_the_handshake),
        cmocka_unit_test(our_client_is_not_asked_when_it_did_not_offer),
        cmocka_unit_test(our_server_asks_after_the_handshake),
        cmocka_unit_test(our_server_refuses_after_the_handshake),
        cmocka_unit_test(our_server_is_told_that_a_client_declines),
        cmocka_unit_test(what_is_no_certificate_has_no_name),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
