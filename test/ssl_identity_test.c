/* SPDX-License-Identifier: MIT */
/* Certificates and keys of our own: from memory and from files, and what a peer then sees of them. */
#define _POSIX_C_SOURCE 200809L
#include "ssl_fixture.h"

static char folder[64];
static SSL_CTX *ctx;

static int start(void **state)
{
    (void)state;
    ERR_clear_error();
    ctx = SSL_CTX_new(TLS_server_method());
    return ctx != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    SSL_CTX_free(ctx);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ files */

static const char *path_of(const char *name)
{
    static char path[4][PATH_ROOM];
    static unsigned turn;
    char *to = path[turn++ % 4];

    (void)snprintf(to, PATH_ROOM, "%s/%s", folder, name);
    return to;
}

static BIO *create(const char *name)
{
    BIO *file = BIO_new_file(path_of(name), "w");

    assert_non_null(file);
    return file;
}

static void write_chain(const char *name, X509 *first, X509 *second, const char *tail)
{
    BIO *file = create(name);

    if (first != NULL)
        assert_int_equal(PEM_write_bio_X509(file, first), 1);
    if (second != NULL)
        assert_int_equal(PEM_write_bio_X509(file, second), 1);
    assert_true(BIO_puts(file, tail) >= 0);
    BIO_free(file);
}

static void write_key(const char *name, EVP_PKEY *key, const char *password)
{
    BIO *file = create(name);

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(file, key, password != NULL ? EVP_aes_128_cbc() : NULL, password,
                                                   password != NULL ? (int)strlen(password) : 0, NULL, NULL), 1);
    BIO_free(file);
}

static void write_der(void)
{
    BIO *file = create("leaf.der");

    assert_int_equal(i2d_X509_bio(file, pki.leaf), 1);
    BIO_free(file);
    file = create("key.der");
    assert_int_equal(i2d_PrivateKey_bio(file, pki.ec), 1);
    BIO_free(file);
}

static int make_all(void **state)
{
    (void)snprintf(folder, sizeof folder, "/tmp/tlsm-identity-XXXXXX");
    if (pki_make(state) != 0 || mkdtemp(folder) == NULL)
        return -1;
    write_chain("chain.pem", pki.leaf, pki.middle, "");
    write_chain("alone.pem", pki.leaf, NULL, "");
    write_chain("damaged.pem", pki.leaf, NULL, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    write_chain("empty.pem", NULL, NULL, "nothing\n");
    write_key("key.pem", pki.ec, NULL);
    write_key("other.pem", pki.other, NULL);
    write_key("rsa.pem", pki.rsa, NULL);
    write_key("locked.pem", pki.ec, "open sesame");
    write_der();
    return 0;
}

static int remove_all(void **state)
{
    static const char *const names[] = { "chain.pem", "alone.pem", "damaged.pem", "empty.pem", "key.pem", "other.pem",
                                         "rsa.pem", "locked.pem", "leaf.der", "key.der" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlink(path_of(names[i]));
    (void)rmdir(folder);
    return pki_free(state);
}

static void a_chain_file_and_its_key(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, path_of("chain.pem")), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, path_of("key.pem"), SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_check_private_key(ctx), 1);
    assert_int_equal(X509_cmp(SSL_CTX_get0_certificate(ctx), pki.leaf), 0);
    assert_int_equal(EVP_PKEY_eq(SSL_CTX_get0_privatekey(ctx), pki.ec), 1);
    assert_quiet();
}

static void der_files_too(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_use_certificate_file(ctx, path_of("leaf.der"), SSL_FILETYPE_ASN1), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, path_of("key.der"), SSL_FILETYPE_ASN1), 1);
    assert_int_equal(SSL_CTX_check_private_key(ctx), 1);
    assert_quiet();
}

static void files_that_are_wrong_say_why(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, path_of("nowhere.pem")), 0);
    assert_refused(ERR_R_SYS_LIB);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, path_of("empty.pem")), 0);
    assert_true(queue_has(ERR_LIB_PEM, PEM_R_NO_START_LINE));
    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, path_of("key.pem")), 0);
    assert_refused(ERR_R_PEM_LIB);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, path_of("alone.pem"), SSL_FILETYPE_PEM), 0);
    assert_refused(ERR_R_PEM_LIB);
    assert_int_equal(SSL_CTX_use_certificate_file(ctx, path_of("alone.pem"), 77), 0);
    assert_refused(SSL_R_BAD_SSL_FILETYPE);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, path_of("key.pem"), 77), 0);
    assert_refused(SSL_R_BAD_SSL_FILETYPE);
    assert_int_equal(SSL_CTX_use_certificate_file(ctx, path_of("alone.pem"), SSL_FILETYPE_ASN1), 0);
    assert_refused(ERR_R_ASN1_LIB);
    assert_null(SSL_CTX_get0_certificate(ctx));
}

static void a_damaged_file_changes_nothing(void **state)
{
    X509 *other = make_leaf(pki.other);

    (void)state;
    assert_int_equal(SSL_CTX_use_certificate(ctx, other), 1);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, path_of("damaged.pem")), 0);
    assert_refused(ERR_R_PEM_LIB);
    assert_ptr_equal(SSL_CTX_get0_certificate(ctx), other);
    X509_free(other);
}

static void entries_from_before_stay(void **state)
{
    (void)state;
    ERR_raise(ERR_LIB_USER, 7);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, path_of("chain.pem")), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, path_of("key.pem"), SSL_FILETYPE_PEM), 1);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), 7);
    assert_quiet();
}

/* ------------------------------------------------------------------------------------------------ passwords */

static int tell(char *to, int size, int writing, void *password)
{
    int length = (int)strlen(password);

    if (writing || length > size)
        return -1;
    memcpy(to, password, (size_t)length);
    return length;
}

static void a_locked_key_asks_the_callback(void **state)
{
    char right[] = "open sesame", wrong[] = "open barley";

    (void)state;
    SSL_CTX_set_default_passwd_cb(ctx, tell);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, wrong);
    assert_ptr_equal(SSL_CTX_get_default_passwd_cb(ctx), tell);
    assert_ptr_equal(SSL_CTX_get_default_passwd_cb_userdata(ctx), wrong);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, path_of("locked.pem"), SSL_FILETYPE_PEM), 0);
    assert_refused(ERR_R_PEM_LIB);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, right);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, path_of("locked.pem"), SSL_FILETYPE_PEM), 1);
    assert_quiet();
}

/* ------------------------------------------------------------------------------------------------ pairs */

static void a_key_that_is_not_the_certificate_s_is_refused(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_use_certificate(ctx, pki.leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pki.other), 0);
    assert_true(queue_has(ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH));
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, path_of("other.pem"), SSL_FILETYPE_PEM), 0);
    assert_true(queue_has(ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH));
    assert_int_equal(SSL_CTX_check_private_key(ctx), 0);
    assert_refused(SSL_R_NO_PRIVATE_KEY_ASSIGNED);
}

static void a_certificate_that_is_not_the_key_s_drops_the_key(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pki.other), 1);
    assert_int_equal(SSL_CTX_use_certificate(ctx, pki.leaf), 1);
    assert_quiet();
    assert_int_equal(SSL_CTX_check_private_key(ctx), 0);
    assert_refused(SSL_R_NO_PRIVATE_KEY_ASSIGNED);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pki.ec), 1);
    assert_int_equal(SSL_CTX_check_private_key(ctx), 1);
}

static void the_key_may_come_first(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, path_of("key.pem"), SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_check_private_key(ctx), 0);
    assert_refused(SSL_R_NO_CERTIFICATE_ASSIGNED);
    assert_int_equal(SSL_CTX_use_certificate_file(ctx, path_of("alone.pem"), SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_check_private_key(ctx), 1);
}

static void keys_of_another_kind_do_not_collide(void **state)
{
    X509 *rsa = make_leaf(pki.rsa);

    (void)state;
    assert_int_equal(SSL_CTX_use_certificate(ctx, pki.leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pki.ec), 1);
    assert_int_equal(SSL_CTX_use_certificate(ctx, rsa), 1);
    assert_int_equal(SSL_CTX_use_RSAPrivateKey_file(ctx, path_of("rsa.pem"), SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_check_private_key(ctx), 1);
    assert_int_equal(SSL_CTX_use_RSAPrivateKey_file(ctx, path_of("key.pem"), SSL_FILETYPE_PEM), 0);
    assert_refused(SSL_R_UNKNOWN_PKEY_TYPE);
    X509_free(rsa);
}

static void kinds_that_tls_13_cannot_use_are_refused(void **state)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");

    (void)state;
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 0);
    assert_refused(SSL_R_UNKNOWN_CERTIFICATE_TYPE);
    EVP_PKEY_free(key);
}

static void weak_keys_are_below_the_level(void **state)
{
    X509 *weak = make_leaf(pki.weak);
    X509 *authority = make_certificate((struct recipe){ .name = "weak", .key = pki.weak, .authority = 1,
                                                        .issuer = pki.root, .issuer_key = pki.root_key });

    (void)state;
    assert_int_equal(SSL_CTX_use_certificate(ctx, weak), 0);
    assert_refused(SSL_R_EE_KEY_TOO_SMALL);
    assert_int_equal(SSL_CTX_use_certificate(ctx, pki.leaf), 1);
    assert_int_equal(SSL_CTX_add1_chain_cert(ctx, authority), 0);
    assert_refused(SSL_R_CA_KEY_TOO_SMALL);
    SSL_CTX_set_security_level(ctx, 1);
    assert_int_equal(SSL_CTX_use_certificate(ctx, weak), 1);
    X509_free(weak);
    X509_free(authority);
}

static void bytes_that_are_a_certificate(void **state)
{
    unsigned char *der = NULL;
    int length = i2d_X509(pki.leaf, &der);

    (void)state;
    assert_int_equal(SSL_CTX_use_certificate_ASN1(ctx, length, der), 1);
    assert_int_equal(SSL_CTX_use_certificate_ASN1(ctx, length - 1, der), 0);
    assert_refused(ERR_R_ASN1_LIB);
    assert_int_equal(SSL_CTX_use_certificate_ASN1(ctx, 0, NULL), 0);
    OPENSSL_free(der);
}

/* ------------------------------------------------------------------------------------------------ what a peer sees */

static SSL_CTX *make_client(void)
{
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());

    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(client), pki.root), 1);
    return client;
}

/* A handshake with `client`: the certificates that came, -1 without a connection. *leaf is a reference. */
static int shown(SSL_CTX *client, X509 **leaf)
{
    struct pair pair;
    int count = -1;

    pair_over(&pair, client, ctx);
    (void)SSL_set_tlsext_host_name(pair.client, host);
    if (pair_shake(&pair))
        count = sk_X509_num(SSL_get_peer_cert_chain(pair.client));
    if (leaf != NULL)
        *leaf = SSL_get1_peer_certificate(pair.client);
    pair_free(&pair);
    return count;
}

static void give(X509 *leaf, EVP_PKEY *key)
{
    assert_int_equal(SSL_CTX_use_certificate(ctx, leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
}

static void every_kind_of_key_shakes_hands(void **state)
{
    EVP_PKEY *const keys[] = { pki.ec, pki.p384, pki.ed25519, pki.rsa, pki.pss };

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        SSL_CTX *client = make_client();
        X509 *leaf = make_leaf(keys[i]);
        X509 *seen;
        SSL_CTX_free(ctx);
        ctx = SSL_CTX_new(TLS_server_method());
        give(leaf, keys[i]);
        assert_int_equal(SSL_CTX_add1_chain_cert(ctx, pki.middle), 1);
        assert_int_equal(shown(client, &seen), 2);
        assert_int_equal(X509_cmp(seen, leaf), 0);
        X509_free(seen);
        X509_free(leaf);
        SSL_CTX_free(client);
    }
}

static void a_chain_is_completed_from_the_store_without_its_root(void **state)
{
    SSL_CTX *client = make_client();

    (void)state;
    give(pki.leaf, pki.ec);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), pki.middle), 1);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), pki.root), 1);
    assert_int_equal(shown(client, NULL), 2);
    SSL_CTX_free(client);
}

static void no_auto_chain_sends_what_was_given(void **state)
{
    SSL_CTX *client = make_client();

    (void)state;
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    give(pki.leaf, pki.ec);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), pki.middle), 1);
    assert_int_equal(shown(client, NULL), 1);
    SSL_CTX_free(client);
}

static void extra_certificates_go_along_and_can_be_taken_back(void **state)
{
    SSL_CTX *client = make_client();

    (void)state;
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    give(pki.leaf, pki.ec);
    assert_int_equal(X509_up_ref(pki.middle), 1);
    assert_int_equal(SSL_CTX_add_extra_chain_cert(ctx, pki.middle), 1);
    assert_int_equal(shown(client, NULL), 2);
    assert_int_equal(SSL_CTX_clear_extra_chain_certs(ctx), 1);
    assert_int_equal(shown(client, NULL), 1);
    assert_int_equal(X509_up_ref(pki.middle), 1);
    assert_int_equal(SSL_CTX_add0_chain_cert(ctx, pki.middle), 1);
    assert_int_equal(shown(client, NULL), 2);
    SSL_CTX_free(client);
}

static void the_client_s_schemes_choose_among_certificates(void **state)
{
    SSL_CTX *client = make_client();
    X509 *rsa = make_leaf(pki.rsa), *seen;

    (void)state;
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    give(rsa, pki.rsa);
    give(pki.leaf, pki.ec);
    assert_int_equal(shown(client, &seen), 1);
    assert_int_equal(X509_cmp(seen, pki.leaf), 0);
    X509_free(seen);
    assert_int_equal(SSL_CTX_set1_sigalgs_list(client, "RSA-PSS+SHA256"), 1);
    assert_int_equal(shown(client, &seen), 1);
    assert_int_equal(X509_cmp(seen, rsa), 0);
    X509_free(seen);
    X509_free(rsa);
    SSL_CTX_free(client);
}

static void a_connection_may_have_its_own(void **state)
{
    SSL_CTX *client = make_client();
    X509 *other = make_leaf(pki.other);
    struct pair pair;

    (void)state;
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    give(pki.leaf, pki.ec);
    pair_over(&pair, client, ctx);
    assert_ptr_equal(SSL_get_certificate(pair.server), pki.leaf);
    assert_ptr_equal(SSL_get_privatekey(pair.server), pki.ec);
    assert_int_equal(SSL_use_certificate(pair.server, other), 1);
    assert_int_equal(SSL_use_PrivateKey(pair.server, pki.ec), 0);
    ERR_clear_error();
    assert_int_equal(SSL_use_PrivateKey(pair.server, pki.other), 1);
    assert_int_equal(SSL_check_private_key(pair.server), 1);
    assert_ptr_equal(SSL_CTX_get0_certificate(ctx), pki.leaf);
    assert_true(pair_shake(&pair));
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(pair.client), other), 0);
    pair_free(&pair);
    X509_free(other);
    SSL_CTX_free(client);
}

static void another_context_s_certificates_replace_a_connection_s_own(void **state)
{
    SSL_CTX *client = make_client(), *another = SSL_CTX_new(TLS_server_method());
    X509 *other = make_leaf(pki.other);
    struct pair pair;

    (void)state;
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    assert_int_equal(SSL_CTX_use_certificate(another, other), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(another, pki.other), 1);
    pair_over(&pair, client, ctx);
    assert_int_equal(SSL_use_certificate(pair.server, pki.leaf), 1);
    assert_int_equal(SSL_use_PrivateKey(pair.server, pki.ec), 1);
    assert_ptr_equal(SSL_set_SSL_CTX(pair.server, another), another);
    assert_true(pair_shake(&pair));
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(pair.client), other), 0);
    pair_free(&pair);
    X509_free(other);
    SSL_CTX_free(another);
    SSL_CTX_free(client);
}

static void a_connection_may_have_its_own_from_files(void **state)
{
    SSL *ssl = SSL_new(ctx);

    (void)state;
    assert_int_equal(SSL_use_certificate_chain_file(ssl, path_of("chain.pem")), 1);
    assert_int_equal(SSL_use_PrivateKey_file(ssl, path_of("key.pem"), SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_check_private_key(ssl), 1);
    assert_int_equal(SSL_use_certificate_file(ssl, path_of("nowhere.pem"), SSL_FILETYPE_PEM), 0);
    assert_null(SSL_CTX_get0_certificate(ctx));
    SSL_free(ssl);
}

static void a_certificate_that_is_replaced_is_replaced_for_new_connections(void **state)
{
    SSL_CTX *client = make_client();
    X509 *other = make_leaf(pki.other), *renewed = make_leaf(pki.other), *seen;

    (void)state;
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    give(pki.leaf, pki.ec);
    assert_int_equal(shown(client, NULL), 1);
    give(other, pki.other);
    assert_int_equal(shown(client, &seen), 1);
    assert_int_equal(X509_cmp(seen, other), 0);
    X509_free(seen);
    assert_int_equal(SSL_CTX_use_certificate(ctx, renewed), 1);   /* the key stays */
    assert_int_equal(shown(client, &seen), 1);
    assert_int_equal(X509_cmp(seen, renewed), 0);
    X509_free(seen);
    X509_free(other);
    X509_free(renewed);
    SSL_CTX_free(client);
}

static void nothing_has_defined_answers(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_use_certificate(NULL, pki.leaf), 0);
    assert_int_equal(SSL_CTX_use_certificate(ctx, NULL), 0);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, NULL), 0);
    assert_int_equal(SSL_CTX_use_PrivateKey(NULL, pki.ec), 0);
    assert_int_equal(SSL_use_certificate(NULL, pki.leaf), 0);
    assert_int_equal(SSL_use_PrivateKey(NULL, pki.ec), 0);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(NULL, path_of("chain.pem")), 0);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, NULL), 0);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, NULL, SSL_FILETYPE_PEM), 0);
    assert_int_equal(SSL_use_PrivateKey_file(NULL, path_of("key.pem"), SSL_FILETYPE_PEM), 0);
    assert_int_equal(SSL_CTX_add_extra_chain_cert(ctx, NULL), 0);
    assert_int_equal(SSL_CTX_add0_chain_cert(ctx, pki.middle), 0);
    assert_int_equal(SSL_CTX_clear_extra_chain_certs(NULL), 0);
    assert_int_equal(SSL_CTX_check_private_key(NULL), 0);
    assert_int_equal(SSL_check_private_key(NULL), 0);
    assert_null(SSL_CTX_get0_certificate(NULL));
    assert_null(SSL_get_privatekey(NULL));
    SSL_CTX_set_default_passwd_cb(NULL, tell);
    assert_null(SSL_CTX_get_default_passwd_cb(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_chain_file_and_its_key), TEST(der_files_too), TEST(files_that_are_wrong_say_why),
        TEST(a_damaged_file_changes_nothing), TEST(entries_from_before_stay), TEST(a_locked_key_asks_the_callback),
        TEST(a_key_that_is_not_the_certificate_s_is_refused), TEST(a_certificate_that_is_not_the_key_s_drops_the_key),
        TEST(the_key_may_come_first), TEST(keys_of_another_kind_do_not_collide),
        TEST(kinds_that_tls_13_cannot_use_are_refused), TEST(weak_keys_are_below_the_level),
        TEST(bytes_that_are_a_certificate), TEST(every_kind_of_key_shakes_hands),
        TEST(a_chain_is_completed_from_the_store_without_its_root), TEST(no_auto_chain_sends_what_was_given),
        TEST(extra_certificates_go_along_and_can_be_taken_back), TEST(the_client_s_schemes_choose_among_certificates),
        TEST(a_connection_may_have_its_own),
        TEST(another_context_s_certificates_replace_a_connection_s_own), TEST(a_connection_may_have_its_own_from_files),
        TEST(a_certificate_that_is_replaced_is_replaced_for_new_connections), TEST(nothing_has_defined_answers),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
