/* SPDX-License-Identifier: MIT */
/* Judging the peer through tlsm_ssl: handshakes over a BIO pair, with an authority made for the occasion. */
#define _POSIX_C_SOURCE 200809L
#include "ssl_fixture.h"

#include "tlsm_ssl_internal.h"

enum { CHAIN_ROOM = 8192 };
static char folder[64];
static SSL_CTX *client, *server;
static struct pair pair;

static const char *path_of(const char *name)
{
    static char path[2][PATH_ROOM];
    static unsigned turn;
    char *to = path[turn++ % 2];

    (void)snprintf(to, PATH_ROOM, "%s/%s", folder, name);
    return to;
}

static void write_certificate(const char *name, X509 *certificate)
{
    BIO *file = BIO_new_file(path_of(name), "w");

    assert_non_null(file);
    assert_int_equal(PEM_write_bio_X509(file, certificate), 1);
    assert_int_equal(PEM_write_bio_X509(file, certificate), 1);
    BIO_free(file);
}

static int make_all(void **state)
{
    (void)snprintf(folder, sizeof folder, "/tmp/tlsm-verify-XXXXXX");
    if (pki_make(state) != 0 || mkdtemp(folder) == NULL)
        return -1;
    write_certificate("root.pem", pki.root);
    write_certificate("middle.pem", pki.middle);
    return 0;
}

static int remove_all(void **state)
{
    (void)unlink(path_of("root.pem"));
    (void)unlink(path_of("middle.pem"));
    (void)rmdir(folder);
    return pki_free(state);
}

/* ------------------------------------------------------------------------------------------------ the scene */

static void serve(X509 *leaf, EVP_PKEY *key)
{
    SSL_CTX_free(server);
    server = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(server, 0);
    assert_int_equal(SSL_CTX_use_certificate(server, leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server, key), 1);
    assert_int_equal(SSL_CTX_add1_chain_cert(server, pki.middle), 1);
}

static void trust_root(void)
{
    assert_int_equal(SSL_CTX_load_verify_locations(client, path_of("root.pem"), NULL), 1);
}

/* A client in this header's own mode that trusts the root; a server with a good certificate. */
static int start(void **state)
{
    (void)state;
    ERR_clear_error();
    client = SSL_CTX_new(TLS_client_method());
    trust_root();
    serve(pki.leaf, pki.ec);
    memset(&pair, 0, sizeof pair);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pair_free(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    client = server = NULL;
    return 0;
}

static void drop_in(void)
{
    SSL_CTX_free(client);
    client = tlsm_SSL_CTX_new_drop_in(TLS_client_method());
    assert_non_null(client);
}

/* Ready to shake hands; `name` NULL: none. */
static void meet(const char *name)
{
    pair_free(&pair);
    pair_over(&pair, client, server);
    if (name != NULL)
        assert_int_equal(SSL_set_tlsext_host_name(pair.client, name), 1);
}

static void assert_accepted(void)
{
    if (!pair_shake(&pair))
        fail_msg("refused: %s", SSL_tlsm_reason(pair.client));
    assert_quiet();
}

/* The client refuses with this result, says so as OpenSSL does, and the server hears this alert. */
static void assert_refused_with(long result, int alert)
{
    assert_false(pair_shake(&pair));
    assert_int_equal(SSL_get_verify_result(pair.client), result);
    assert_int_equal(SSL_get_error(pair.client, pair.client_done), SSL_ERROR_SSL);
    assert_true(SSL_tlsm_reason(pair.client)[0] != '\0');
    ERR_clear_error();
    pair.server_done = SSL_accept(pair.server);
    assert_int_equal(SSL_get_error(pair.server, pair.server_done), SSL_ERROR_SSL);
    assert_refused(SSL_AD_REASON_OFFSET + alert);
}

/* ------------------------------------------------------------------------------------------------ good ones */

static void a_good_chain_for_the_name_is_accepted(void **state)
{
    (void)state;
    meet(host);
    assert_int_equal(SSL_get_verify_result(pair.client), X509_V_OK);
    assert_null(SSL_get0_peer_certificate(pair.client));
    assert_accepted();
    assert_int_equal(SSL_get_verify_result(pair.client), X509_V_OK);
    assert_string_equal(SSL_get0_peername(pair.client), host);
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(pair.client)), 2);
    assert_int_equal(sk_X509_num(SSL_get0_verified_chain(pair.client)), 3);
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(pair.client), pki.leaf), 0);
    /* The server saw no certificate. */
    assert_null(SSL_get0_peer_certificate(pair.server));
    assert_int_equal(SSL_get_verify_result(pair.server), X509_V_OK);
}

static void entries_from_before_stay(void **state)
{
    (void)state;
    meet(host);
    ERR_raise(ERR_LIB_USER, 7);
    assert_true(pair_shake(&pair));
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), 7);
    assert_quiet();
}

/* ------------------------------------------------------------------------------------------------ names */

static void another_name_is_refused(void **state)
{
    (void)state;
    meet("other.example.org");
    assert_false(pair_shake(&pair));
    assert_refused(SSL_R_CERTIFICATE_VERIFY_FAILED);
    meet("other.example.org");
    assert_refused_with(X509_V_ERR_HOSTNAME_MISMATCH, SSL_AD_BAD_CERTIFICATE);
}

static void a_verifying_client_without_any_name_is_refused(void **state)
{
    (void)state;
    meet(NULL);
    assert_refused_with(X509_V_ERR_HOSTNAME_MISMATCH, SSL_AD_CERTIFICATE_UNKNOWN);
    assert_non_null(strstr(SSL_tlsm_reason(pair.client), "SSL_set_tlsext_host_name"));
}

static void set1_host_is_asked_before_the_server_s_name(void **state)
{
    (void)state;
    meet("other.example.org");
    assert_int_equal(SSL_set1_host(pair.client, host), 1);
    assert_accepted();
    meet(host);
    assert_int_equal(SSL_set1_host(pair.client, "other.example.org"), 1);
    assert_refused_with(X509_V_ERR_HOSTNAME_MISMATCH, SSL_AD_BAD_CERTIFICATE);
}

static void one_of_several_names_is_enough(void **state)
{
    (void)state;
    meet(NULL);
    assert_int_equal(SSL_set1_host(pair.client, "other.example.org"), 1);
    assert_int_equal(SSL_add1_host(pair.client, host), 1);
    assert_accepted();
    assert_string_equal(SSL_get0_peername(pair.client), host);
}

static void addresses_in_text_are_matched_as_addresses(void **state)
{
    (void)state;
    meet(NULL);
    assert_int_equal(SSL_set1_host(pair.client, "127.0.0.1"), 1);
    assert_accepted();
    meet(NULL);
    assert_int_equal(SSL_set1_host(pair.client, "127.0.0.2"), 1);
    assert_int_equal(SSL_add1_host(pair.client, "127.0.0.1"), 0);   /* there can be one */
    assert_refused_with(X509_V_ERR_IP_ADDRESS_MISMATCH, SSL_AD_BAD_CERTIFICATE);
    meet(NULL);
    assert_int_equal(SSL_set1_host(pair.client, "127.0.0.2"), 1);
    assert_int_equal(SSL_set1_host(pair.client, host), 1);          /* in place of the address */
    assert_accepted();
}

static void part_of_a_label_is_no_wildcard_here(void **state)
{
    X509 *leaf = make_certificate((struct recipe){ .name = host, .key = pki.ec, .alternative = "DNS:ser*.example.org",
                                                   .issuer = pki.middle, .issuer_key = pki.middle_key });

    (void)state;
    serve(leaf, pki.ec);
    meet(host);
    assert_refused_with(X509_V_ERR_HOSTNAME_MISMATCH, SSL_AD_BAD_CERTIFICATE);
    X509_free(leaf);
}

/* ------------------------------------------------------------------------------------------------ OpenSSL's defaults */

static void a_drop_in_verifies_nothing_unless_asked_but_keeps_the_result(void **state)
{
    (void)state;
    drop_in();
    meet(host);
    assert_accepted();
    assert_int_equal(SSL_get_verify_result(pair.client), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    assert_non_null(SSL_get0_peer_certificate(pair.client));
}

static void a_drop_in_checks_no_name_unless_asked(void **state)
{
    (void)state;
    drop_in();
    trust_root();
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    meet("other.example.org");
    assert_accepted();
    meet(NULL);
    assert_accepted();
    meet(NULL);
    assert_int_equal(SSL_set1_host(pair.client, "other.example.org"), 1);
    assert_refused_with(X509_V_ERR_HOSTNAME_MISMATCH, SSL_AD_BAD_CERTIFICATE);
}

static void a_drop_in_trusts_nobody_unless_told(void **state)
{
    (void)state;
    assert_int_equal(setenv("SSL_CERT_FILE", path_of("root.pem"), 1), 0);
    drop_in();
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    meet(host);
    assert_refused_with(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, SSL_AD_UNKNOWN_CA);
    assert_int_equal(SSL_CTX_set_default_verify_paths(client), 1);
    meet(host);
    assert_accepted();
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
}

/* ------------------------------------------------------------------------------------------------ trust */

static void the_system_s_authorities_are_trusted_unless_others_are_named(void **state)
{
    (void)state;
    assert_int_equal(setenv("SSL_CERT_FILE", path_of("root.pem"), 1), 0);
    SSL_CTX_free(client);
    client = SSL_CTX_new(TLS_client_method());
    meet(host);
    assert_accepted();
    SSL_CTX_free(client);
    client = SSL_CTX_new(TLS_client_method());
    assert_int_equal(SSL_CTX_load_verify_file(client, path_of("nowhere.pem")), 0);
    ERR_clear_error();
    meet(host);
    assert_refused_with(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, SSL_AD_UNKNOWN_CA);
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
}

static void default_file_and_folder(void **state)
{
    (void)state;
    assert_int_equal(setenv("SSL_CERT_FILE", path_of("root.pem"), 1), 0);
    SSL_CTX_free(client);
    client = SSL_CTX_new(TLS_client_method());
    assert_int_equal(SSL_CTX_set_default_verify_dir(client), 1);
    meet(host);
    assert_refused_with(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, SSL_AD_UNKNOWN_CA);
    assert_int_equal(SSL_CTX_set_default_verify_file(client), 1);
    meet(host);
    assert_accepted();
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
    assert_int_equal(SSL_CTX_load_verify_dir(client, folder), 1);
    assert_int_equal(SSL_CTX_load_verify_dir(client, NULL), 0);
    assert_int_equal(SSL_CTX_load_verify_locations(client, NULL, NULL), 0);
}

static void a_store_of_the_application_s_own(void **state)
{
    X509_STORE *store = X509_STORE_new();

    (void)state;
    SSL_CTX_set1_cert_store(client, store);
    assert_ptr_equal(SSL_CTX_get_cert_store(client), store);
    meet(host);
    assert_refused_with(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, SSL_AD_UNKNOWN_CA);
    assert_int_equal(X509_STORE_add_cert(store, pki.root), 1);
    meet(host);
    assert_accepted();
    SSL_CTX_set_cert_store(client, store);   /* takes our reference */
    meet(host);
    assert_accepted();
}

/* ------------------------------------------------------------------------------------------------ chains */

static void a_certificate_that_is_out_of_date_is_refused(void **state)
{
    X509 *leaf = make_certificate((struct recipe){ .name = host, .key = pki.ec, .alternative = "DNS:server.example.org",
                                                   .from = -2 * DAY, .to = -DAY, .issuer = pki.middle,
                                                   .issuer_key = pki.middle_key });

    (void)state;
    serve(leaf, pki.ec);
    meet(host);
    assert_refused_with(X509_V_ERR_CERT_HAS_EXPIRED, SSL_AD_CERTIFICATE_EXPIRED);
    meet(host);
    X509_VERIFY_PARAM_set_time(SSL_get0_param(pair.client), time(NULL) - DAY - DAY / 2);
    X509_VERIFY_PARAM_set_flags(SSL_get0_param(pair.client), X509_V_FLAG_PARTIAL_CHAIN);
    assert_refused_with(X509_V_ERR_CERT_NOT_YET_VALID, SSL_AD_CERTIFICATE_EXPIRED);   /* the middle is younger */
    X509_free(leaf);
}

static void a_certificate_for_something_else_is_refused(void **state)
{
    X509 *leaf = make_certificate((struct recipe){ .name = host, .key = pki.ec, .alternative = "DNS:server.example.org",
                                                   .purpose = "clientAuth", .issuer = pki.middle,
                                                   .issuer_key = pki.middle_key });

    (void)state;
    serve(leaf, pki.ec);
    meet(host);
    assert_refused_with(X509_V_ERR_INVALID_PURPOSE, SSL_AD_UNSUPPORTED_CERTIFICATE);
    assert_int_equal(SSL_CTX_set_purpose(client, X509_PURPOSE_SSL_CLIENT), 1);
    meet(host);
    assert_accepted();
    X509_free(leaf);
}

static void a_key_that_may_not_sign_is_refused(void **state)
{
    X509 *leaf = make_certificate((struct recipe){ .name = host, .key = pki.rsa, .alternative = "DNS:server.example.org",
                                                   .usage = "keyEncipherment", .issuer = pki.middle,
                                                   .issuer_key = pki.middle_key });

    (void)state;
    serve(leaf, pki.rsa);
    meet(host);
    assert_refused_with(X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE, SSL_AD_UNSUPPORTED_CERTIFICATE);
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    meet(host);
    assert_accepted();
    X509_free(leaf);
}

static void weak_keys_are_below_the_level(void **state)
{
    X509 *leaf = make_leaf(pki.weak);

    (void)state;
    serve(leaf, pki.weak);
    meet(host);
    assert_refused_with(X509_V_ERR_EE_KEY_TOO_SMALL, SSL_AD_BAD_CERTIFICATE);
    meet(host);
    SSL_set_security_level(pair.client, 1);
    assert_accepted();
    X509_free(leaf);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    (void)state;
    SSL_CTX_set_verify_depth(client, 0);
    meet(host);
    assert_refused_with(X509_V_ERR_CERT_CHAIN_TOO_LONG, SSL_AD_UNKNOWN_CA);
    meet(host);
    SSL_set_verify_depth(pair.client, 1);
    assert_accepted();
}

static void parameters_of_the_application_s_own(void **state)
{
    X509_VERIFY_PARAM *param = X509_VERIFY_PARAM_new();

    (void)state;
    X509_VERIFY_PARAM_set_depth(param, 0);
    assert_int_equal(SSL_CTX_set1_param(client, param), 1);
    meet(host);
    assert_refused_with(X509_V_ERR_CERT_CHAIN_TOO_LONG, SSL_AD_UNKNOWN_CA);
    X509_VERIFY_PARAM_set_depth(param, 2);
    meet(host);
    assert_int_equal(SSL_set1_param(pair.client, param), 1);
    assert_accepted();
    X509_VERIFY_PARAM_free(param);
}

/* ------------------------------------------------------------------------------------------------ callbacks */

static struct {
    int calls, errors, answer;
    const SSL *seen;
    const void *argument;
} heard;

static int hear(int good, X509_STORE_CTX *context)
{
    heard.calls++;
    heard.errors += !good;
    heard.seen = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
    return heard.answer >= 0 ? heard.answer : good;
}

static void the_verify_callback_is_told_and_decides(void **state)
{
    (void)state;
    memset(&heard, 0, sizeof heard);
    heard.answer = -1;
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, hear);
    assert_ptr_equal(SSL_CTX_get_verify_callback(client), hear);
    meet(host);
    assert_ptr_equal(SSL_get_verify_callback(pair.client), hear);
    assert_accepted();
    assert_int_equal(heard.calls, 3);
    assert_int_equal(heard.errors, 0);
    assert_ptr_equal(heard.seen, pair.client);
    heard.answer = 1;
    meet("other.example.org");
    assert_accepted();   /* it was told of one error, and passed over it */
    assert_int_equal(heard.errors, 1);
    assert_int_equal(SSL_get_verify_result(pair.client), X509_V_ERR_HOSTNAME_MISMATCH);
    heard.answer = 0;
    meet(host);
    assert_false(pair_shake(&pair));
    assert_refused(SSL_R_CERTIFICATE_VERIFY_FAILED);
    assert_int_not_equal(SSL_get_verify_result(pair.client), X509_V_OK);
}

static void the_verify_callback_hears_also_what_is_not_heeded(void **state)
{
    (void)state;
    memset(&heard, 0, sizeof heard);
    drop_in();
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, hear);
    meet(host);
    assert_accepted();
    assert_int_equal(heard.errors, 1);
}

static int decide(X509_STORE_CTX *context, void *argument)
{
    heard.calls++;
    heard.seen = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
    heard.argument = argument;
    return heard.answer;
}

static void the_application_may_judge_instead(void **state)
{
    (void)state;
    memset(&heard, 0, sizeof heard);
    heard.answer = 1;
    SSL_CTX_set_cert_verify_callback(client, decide, &heard);
    SSL_CTX_set_cert_store(client, X509_STORE_new());
    meet(NULL);
    assert_accepted();
    assert_int_equal(heard.calls, 1);
    assert_ptr_equal(heard.argument, &heard);
    assert_ptr_equal(heard.seen, pair.client);
    heard.answer = 0;
    meet(NULL);
    assert_false(pair_shake(&pair));
    assert_refused(SSL_R_CERTIFICATE_VERIFY_FAILED);
}

static void the_application_may_set_the_result(void **state)
{
    (void)state;
    meet(host);
    SSL_set_verify_result(pair.client, X509_V_ERR_APPLICATION_VERIFICATION);
    assert_int_equal(SSL_get_verify_result(pair.client), X509_V_ERR_APPLICATION_VERIFICATION);
}

/* ------------------------------------------------------------------------------------------------ the proof */

struct question {
    struct tlsm_request request;
    uint8_t chain[CHAIN_ROOM], signature[TLSM_SIGNATURE_MAX];
};

static void append(struct question *question, const uint8_t *der, size_t length)
{
    uint8_t *to = question->chain + question->request.chain.length;

    to[0] = (uint8_t)(length >> 16);
    to[1] = (uint8_t)(length >> 8);
    to[2] = (uint8_t)length;
    memcpy(to + 3, der, length);
    to[3 + length] = to[4 + length] = 0;
    question->request.chain.length += length + 5;
}

/* The server's leaf `times` times, and a signature of `key`. */
static void ask(struct question *question, int times, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int size = i2d_X509(pki.leaf, &der);
    size_t length;

    memset(question, 0, sizeof *question);
    question->request.kind = TLSM_ASK_JUDGE;
    question->request.id = 9;
    question->request.scheme = TLSM_ECDSA_SECP256R1_SHA256;
    question->request.chain.data = question->chain;
    question->request.content_length = 64 + 34 + 32;
    memset(question->request.content, 0x20, sizeof question->request.content);
    assert_true(size > 0 && times * (size + 5) <= CHAIN_ROOM * 4);
    for (int i = 0; i < times && question->request.chain.length + (size_t)size + 5 <= CHAIN_ROOM; i++)
        append(question, der, (size_t)size);
    OPENSSL_free(der);
    assert_int_equal(tlsm_libcrypto_sign(key, &question->request, question->signature, &length), 0);
    question->request.signature.data = question->signature;
    question->request.signature.length = length;
}

static uint8_t judged(struct question *question)
{
    SSL *ssl = SSL_new(client);
    struct tlsm_answer answer;

    ssl->instance = tlsm_ssl_ctx_borrow(client);
    tlsm_ssl_judge(ssl, &question->request, &answer);
    assert_int_equal(answer.id, 9);
    assert_int_equal(ssl->refusal[0] != '\0', answer.alert != 0);
    assert_quiet();
    SSL_free(ssl);
    return answer.alert;
}

static void a_wrong_signature_is_refused_even_when_nothing_is_verified(void **state)
{
    static struct question question;

    (void)state;
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    ask(&question, 1, pki.ec);
    assert_int_equal(judged(&question), 0);
    ask(&question, 1, pki.other);
    assert_int_equal(judged(&question), TLSM_ALERT_DECRYPT_ERROR);
    ask(&question, 1, pki.ec);
    question.request.scheme = TLSM_ED25519;
    assert_int_equal(judged(&question), TLSM_ALERT_ILLEGAL_PARAMETER);
}

static void chains_that_are_no_chains_are_refused(void **state)
{
    static struct question question;

    (void)state;
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    ask(&question, 0, pki.ec);
    assert_int_equal(judged(&question), TLSM_ALERT_BAD_CERTIFICATE);
    append(&question, (const uint8_t *)"\x30\x03\x02\x01\x00", 5);
    assert_int_equal(judged(&question), TLSM_ALERT_BAD_CERTIFICATE);
}

/* ------------------------------------------------------------------------------------------------ providers */

static size_t keys_in(const struct tlsm_libcrypto *instance)
{
    static const uint8_t none[sizeof(struct tlsm_aead_slot)];
    size_t count = 0;

    for (uint32_t i = 0; i < instance->aead.bound; i++)
        count += memcmp(instance->aead.slots[i].key, none, TLSM_KEY_MAX) != 0;
    return count;
}

static size_t certificates_in(const struct tlsm_libcrypto *instance)
{
    size_t count = 0;

    for (size_t i = 0; i < instance->certificates.bound; i++)
        count += instance->certificates.slots[i].certificate != NULL;
    return count;
}

static void a_provider_that_comes_back_has_no_keys(void **state)
{
    struct tlsm_libcrypto *instance = tlsm_ssl_ctx_borrow(client);
    const struct tlsm_bytes nothing = { NULL, 0 }, plain = { (const uint8_t *)"secret", 6 };
    const struct tlsm_key key = { .id = 7, .key = { 1, 2, 3 }, .suite = TLSM_AES_128_GCM_SHA256 };
    uint8_t out[6 + TLSM_TAG];

    (void)state;
    assert_int_equal(tlsm_libcrypto_table.seal(instance, &key, nothing, plain, nothing, out), 0);
    assert_int_equal(keys_in(instance), 1);
    tlsm_ssl_ctx_return(client, instance);
    assert_ptr_equal(client->pool[0], instance);
    assert_int_equal(keys_in(instance), 0);
}

static void a_provider_that_comes_back_is_used_again_with_its_certificates(void **state)
{
    struct tlsm_libcrypto *instance;

    (void)state;
    meet(host);
    assert_accepted();
    instance = pair.client->instance;
    pair_free(&pair);
    pair.client = pair.server = NULL;
    assert_int_equal(client->pooled, 1);
    assert_true(certificates_in(instance) > 0);   /* two, unless they fell into one slot */
    meet(host);
    assert_accepted();
    assert_ptr_equal(pair.client->instance, instance);
}

static void the_pool_is_bounded(void **state)
{
    struct tlsm_libcrypto *instances[SSL_POOL + 2];

    (void)state;
    for (size_t i = 0; i < SSL_POOL + 2; i++) {
        instances[i] = tlsm_ssl_ctx_borrow(client);
        assert_non_null(instances[i]);
    }
    for (size_t i = 0; i < SSL_POOL + 2; i++)
        tlsm_ssl_ctx_return(client, instances[i]);
    assert_int_equal(client->pooled, SSL_POOL);
    tlsm_ssl_ctx_return(client, NULL);
}

/* ------------------------------------------------------------------------------------------------ client authorities */

static void authorities_are_listed_once(void **state)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path_of("root.pem"));

    (void)state;
    assert_int_equal(sk_X509_NAME_num(names), 1);
    SSL_CTX_set_client_CA_list(server, names);
    assert_int_equal(SSL_CTX_add_client_CA(server, pki.middle), 1);
    assert_int_equal(SSL_CTX_add_client_CA(server, pki.middle), 1);
    assert_int_equal(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(server)), 2);
    assert_quiet();
    assert_null(SSL_load_client_CA_file(path_of("nowhere.pem")));
    assert_refused(ERR_R_PEM_LIB);
    assert_null(SSL_load_client_CA_file(NULL));
    ERR_clear_error();
}

static void nothing_has_defined_answers(void **state)
{
    (void)state;
    SSL_CTX_set_verify(NULL, SSL_VERIFY_PEER, NULL);
    SSL_set_verify(NULL, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_verify_depth(NULL, 1);
    SSL_set_verify_depth(NULL, 1);
    SSL_CTX_set_cert_verify_callback(NULL, NULL, NULL);
    SSL_set_hostflags(NULL, 0);
    SSL_CTX_set_cert_store(NULL, NULL);
    SSL_CTX_set_client_CA_list(NULL, NULL);
    SSL_set_verify_result(NULL, 0);
    assert_int_equal(SSL_CTX_get_verify_mode(NULL), 0);
    assert_int_equal(SSL_get_verify_depth(NULL), -1);
    assert_int_not_equal(SSL_get_verify_result(NULL), X509_V_OK);
    assert_int_equal(SSL_CTX_load_verify_locations(NULL, "x", NULL), 0);
    assert_int_equal(SSL_CTX_set_default_verify_paths(NULL), 0);
    assert_int_equal(SSL_CTX_set_default_verify_file(NULL), 0);
    assert_null(SSL_CTX_get_cert_store(NULL));
    assert_null(SSL_CTX_get0_param(NULL));
    assert_int_equal(SSL_CTX_set1_param(client, NULL), 0);
    assert_int_equal(SSL_set1_host(NULL, host), 0);
    assert_int_equal(SSL_add1_host(NULL, host), 0);
    assert_null(SSL_get0_peername(NULL));
    assert_null(SSL_get1_peer_certificate(NULL));
    assert_null(SSL_get_peer_cert_chain(NULL));
    assert_null(SSL_get0_verified_chain(NULL));
    assert_int_equal(SSL_CTX_add_client_CA(NULL, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_chain_for_the_name_is_accepted), TEST(entries_from_before_stay), TEST(another_name_is_refused),
        TEST(a_verifying_client_without_any_name_is_refused), TEST(set1_host_is_asked_before_the_server_s_name),
        TEST(one_of_several_names_is_enough), TEST(addresses_in_text_are_matched_as_addresses),
        TEST(part_of_a_label_is_no_wildcard_here), TEST(a_drop_in_verifies_nothing_unless_asked_but_keeps_the_result),
        TEST(a_drop_in_checks_no_name_unless_asked), TEST(a_drop_in_trusts_nobody_unless_told),
        TEST(the_system_s_authorities_are_trusted_unless_others_are_named), TEST(default_file_and_folder),
        TEST(a_store_of_the_application_s_own), TEST(a_certificate_that_is_out_of_date_is_refused),
        TEST(a_certificate_for_something_else_is_refused), TEST(a_key_that_may_not_sign_is_refused),
        TEST(weak_keys_are_below_the_level), TEST(a_path_that_is_too_long_is_refused),
        TEST(parameters_of_the_application_s_own), TEST(the_verify_callback_is_told_and_decides),
        TEST(the_verify_callback_hears_also_what_is_not_heeded), TEST(the_application_may_judge_instead),
        TEST(the_application_may_set_the_result), TEST(a_wrong_signature_is_refused_even_when_nothing_is_verified),
        TEST(chains_that_are_no_chains_are_refused),
        TEST(a_provider_that_comes_back_has_no_keys),
        TEST(a_provider_that_comes_back_is_used_again_with_its_certificates), TEST(the_pool_is_bounded),
        TEST(authorities_are_listed_once), TEST(nothing_has_defined_answers),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
