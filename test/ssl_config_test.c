/* SPDX-License-Identifier: MIT */
/* Contexts, what they hand down, and the lists of suites, groups and schemes. */
#include "ssl_fixture.h"

#include "tlsm_ssl_internal.h"

static SSL_CTX *ctx;
static SSL *ssl;

static int start(void **state)
{
    (void)state;
    ERR_clear_error();
    ctx = SSL_CTX_new(TLS_method());
    ssl = SSL_new(ctx);
    return ctx != NULL && ssl != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ defaults */

static void a_client_verifies_unless_told_otherwise(void **state)
{
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());

    (void)state;
    assert_int_equal(SSL_CTX_get_verify_mode(ctx), SSL_VERIFY_PEER);
    assert_int_equal(SSL_get_verify_mode(ssl), SSL_VERIFY_PEER);
    SSL_set_accept_state(ssl);
    assert_int_equal(SSL_get_verify_mode(ssl), SSL_VERIFY_NONE);
    assert_int_equal(SSL_CTX_get_verify_mode(server), SSL_VERIFY_NONE);
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER, NULL);
    assert_int_equal(SSL_CTX_get_verify_mode(server), SSL_VERIFY_PEER);
    assert_int_equal(SSL_CTX_get_security_level(ctx), 2);
    assert_int_equal(SSL_CTX_get_mode(ctx), SSL_MODE_AUTO_RETRY);
    assert_int_equal(SSL_CTX_get_options(ctx), SSL_OP_NO_COMPRESSION | SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
    assert_int_equal(SSL_CTX_get_num_tickets(ctx), 2);
    SSL_CTX_free(server);
}

static void a_drop_in_has_openssl_s_defaults(void **state)
{
    SSL_CTX *drop_in = tlsm_SSL_CTX_new_drop_in(TLS_client_method());

    (void)state;
    assert_int_equal(SSL_CTX_get_verify_mode(drop_in), SSL_VERIFY_NONE);
    assert_int_equal(SSL_CTX_get_mode(drop_in), SSL_MODE_AUTO_RETRY | SSL_MODE_TWO_STEP_SHUTDOWN);
    assert_int_equal(SSL_CTX_get_security_level(drop_in), 1);
    assert_int_equal(SSL_CTX_get_verify_depth(drop_in), -1);
    assert_int_equal(X509_VERIFY_PARAM_get_hostflags(SSL_CTX_get0_param(drop_in)), 0);
    SSL_CTX_free(drop_in);
}

static void a_context_without_a_method_is_refused(void **state)
{
    (void)state;
    assert_null(SSL_CTX_new(NULL));
    assert_refused(SSL_R_NULL_SSL_METHOD_PASSED);
}

static void another_library_context_is_refused(void **state)
{
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
    SSL_CTX *plain;

    (void)state;
    assert_null(SSL_CTX_new_ex(library, NULL, TLS_method()));
    assert_refused(ERR_R_PASSED_INVALID_ARGUMENT);
    assert_null(SSL_CTX_new_ex(NULL, "fips=yes", TLS_method()));
    assert_refused(ERR_R_PASSED_INVALID_ARGUMENT);
    plain = SSL_CTX_new_ex(NULL, NULL, TLS_method());
    assert_non_null(plain);
    SSL_CTX_free(plain);
    OSSL_LIB_CTX_free(library);
}

static void methods_name_the_role(void **state)
{
    (void)state;
    assert_ptr_equal(SSL_CTX_get_ssl_method(ctx), TLS_method());
    assert_int_equal(SSL_CTX_set_ssl_version(ctx, TLS_client_method()), 1);
    assert_ptr_equal(SSL_CTX_get_ssl_method(ctx), TLS_client_method());
    assert_int_equal(SSL_set_ssl_method(ssl, TLS_server_method()), 1);
    assert_int_equal(SSL_is_server(ssl), 1);
    assert_int_equal(SSL_CTX_set_ssl_version(ctx, NULL), 0);
    assert_int_equal(SSL_set_ssl_method(ssl, NULL), 0);
    assert_int_equal(OPENSSL_init_ssl(0, NULL), 1);
}

/* ------------------------------------------------------------------------------------------------ handed down */

static void a_connection_takes_over_and_then_goes_its_own_way(void **state)
{
    static const unsigned char protocols[] = "\x02h2\x08http/1.1";
    SSL *child;

    (void)state;
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_quiet_shutdown(ctx, 1);
    SSL_CTX_set_security_level(ctx, 3);
    SSL_CTX_set_verify_depth(ctx, 5);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION), 1);
    assert_int_equal(SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384"), 1);
    assert_int_equal(SSL_CTX_set_alpn_protos(ctx, protocols, sizeof protocols - 1), 0);
    child = SSL_new(ctx);
    assert_true(SSL_get_options(child) & SSL_OP_NO_TICKET);
    assert_true(SSL_get_mode(child) & SSL_MODE_ENABLE_PARTIAL_WRITE);
    assert_int_equal(SSL_get_read_ahead(child), 1);
    assert_int_equal(SSL_get_quiet_shutdown(child), 1);
    assert_int_equal(SSL_get_security_level(child), 3);
    assert_int_equal(SSL_get_verify_depth(child), 5);
    assert_int_equal(SSL_get_max_proto_version(child), TLS1_3_VERSION);
    assert_string_equal(SSL_get_cipher_list(child, 0), "TLS_AES_256_GCM_SHA384");
    assert_string_equal(SSL_get_cipher_list(child, 1), "ECDHE-ECDSA-AES128-GCM-SHA256");
    assert_null(SSL_get_cipher_list(child, 7));
    SSL_clear_options(child, SSL_OP_NO_TICKET);
    SSL_set_verify_depth(child, 6);
    SSL_set_quiet_shutdown(child, 0);
    assert_true(SSL_CTX_get_options(ctx) & SSL_OP_NO_TICKET);
    assert_int_equal(SSL_CTX_get_verify_depth(ctx), 5);
    assert_int_equal(SSL_CTX_get_quiet_shutdown(ctx), 1);
    /* … and a connection that was there before keeps what it had. */
    assert_int_equal(SSL_get_verify_depth(ssl), -1);
    SSL_free(child);
}

static void host_flags_are_handed_down_without_a_host(void **state)
{
    SSL *child;

    (void)state;
    X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(ctx), X509_CHECK_FLAG_NO_WILDCARDS);
    child = SSL_new(ctx);
    assert_int_equal(X509_VERIFY_PARAM_get_hostflags(SSL_get0_param(child)), X509_CHECK_FLAG_NO_WILDCARDS);
    SSL_free(child);
}

static void options_and_modes_say_what_is_set_now(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_set_options(ctx, SSL_OP_NO_TLSv1_2) & SSL_OP_NO_TLSv1_2, SSL_OP_NO_TLSv1_2);
    assert_int_equal(SSL_CTX_clear_options(ctx, SSL_OP_NO_TLSv1_2) & SSL_OP_NO_TLSv1_2, 0);
    assert_int_equal(SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_AUTO_RETRY);
    assert_int_equal(SSL_clear_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE), SSL_MODE_AUTO_RETRY);
    assert_int_equal(SSL_get_mode(ssl), SSL_MODE_AUTO_RETRY);
}

static void versions_are_kept(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION), 1);
    assert_int_equal(SSL_CTX_get_min_proto_version(ctx), TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, 0), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, 77), 0);
    assert_int_equal(SSL_set_min_proto_version(ssl, TLS1_3_VERSION), 1);
    assert_int_equal(SSL_get_min_proto_version(ssl), TLS1_3_VERSION);
    assert_int_equal(SSL_set_min_proto_version(ssl, -1), 0);
    assert_int_equal(SSL_get_min_proto_version(ssl), TLS1_3_VERSION);
}

/* Which of the two are spoken: 13, 12, both or none. */
static int spoken(void)
{
    return 13 * tlsm_ssl_profile_speaks(&ssl->profile, TLS1_3_VERSION) + 12 * tlsm_ssl_profile_speaks(&ssl->profile, TLS1_2_VERSION);
}

static void a_connection_that_may_speak_no_version_is_refused(void **state)
{
    (void)state;
    assert_int_equal(spoken(), 25);
    assert_string_equal(SSL_get_version(ssl), "TLSv1.3");
    SSL_set_options(ssl, SSL_OP_NO_TLSv1_3);
    assert_int_equal(spoken(), 12);
    assert_int_equal(SSL_version(ssl), TLS1_2_VERSION);
    SSL_set_options(ssl, SSL_OP_NO_TLSv1_2);
    assert_int_equal(spoken(), 0);
    SSL_clear_options(ssl, SSL_OP_NO_TLSv1_3);
    assert_int_equal(spoken(), 13);
    SSL_clear_options(ssl, SSL_OP_NO_TLSv1_2);
    assert_int_equal(SSL_set_max_proto_version(ssl, TLS1_2_VERSION), 1);
    assert_int_equal(spoken(), 12);
    assert_int_equal(SSL_set_max_proto_version(ssl, TLS1_2_VERSION - 1), 1);
    assert_int_equal(spoken(), 0);
    assert_int_equal(SSL_set_max_proto_version(ssl, TLS1_3_VERSION), 1);
    assert_int_equal(SSL_set_min_proto_version(ssl, TLS1_3_VERSION + 1), 1);
    assert_int_equal(spoken(), 0);
    assert_int_equal(SSL_set_min_proto_version(ssl, TLS1_3_VERSION), 1);
    assert_int_equal(spoken(), 13);
    assert_int_equal(SSL_set_min_proto_version(ssl, 0), 1);
    assert_int_equal(SSL_set_cipher_list(ssl, "AES128-SHA"), 1);   /* OpenSSL's, none of ours: TLS 1.2 is left out */
    assert_int_equal(spoken(), 13);
    assert_int_equal(SSL_set_ciphersuites(ssl, ""), 1);
    assert_int_equal(spoken(), 0);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    assert_int_equal(SSL_connect(ssl), -1);
    assert_int_equal(SSL_get_error(ssl, -1), SSL_ERROR_SSL);
    assert_refused(SSL_R_NO_PROTOCOLS_AVAILABLE);
}

static void fragments_have_bounds(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_set_max_send_fragment(ctx, 511), 0);
    assert_int_equal(SSL_CTX_set_max_send_fragment(ctx, 512), 1);
    assert_int_equal(SSL_set_max_send_fragment(ssl, 16384), 1);
    assert_int_equal(SSL_set_max_send_fragment(ssl, 16385), 0);
}

static void session_contexts_have_bounds(void **state)
{
    static const unsigned char context[33] = { 0 };

    (void)state;
    assert_int_equal(SSL_CTX_set_session_id_context(ctx, context, 32), 1);
    assert_int_equal(SSL_CTX_set_session_id_context(ctx, context, 33), 0);
    assert_refused(SSL_R_SSL_SESSION_ID_CONTEXT_TOO_LONG);
    assert_int_equal(SSL_set_session_id_context(ssl, (const unsigned char *)"redis", 5), 1);
    assert_int_equal(SSL_set_session_id_context(ssl, NULL, 5), 0);
}

/* ------------------------------------------------------------------------------------------------ by number */

static int never_called(SSL *who, int *alert, void *argument)
{
    (void)who;
    (void)alert;
    (void)argument;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void commands_do_what_their_calls_do(void **state)
{
    char name[] = "server.example.org";

    (void)state;
    assert_true(SSL_CTX_ctrl(ctx, SSL_CTRL_MODE, SSL_MODE_ENABLE_PARTIAL_WRITE, NULL) & SSL_MODE_ENABLE_PARTIAL_WRITE);
    assert_int_equal(SSL_CTX_ctrl(ctx, SSL_CTRL_CLEAR_MODE, SSL_MODE_ENABLE_PARTIAL_WRITE, NULL), SSL_MODE_AUTO_RETRY);
    assert_int_equal(SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_3_VERSION, NULL), 1);
    assert_int_equal(SSL_CTX_get_min_proto_version(ctx), TLS1_3_VERSION);
    assert_int_equal(SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MAX_SEND_FRAGMENT, 100, NULL), 0);
    assert_int_equal(SSL_CTX_ctrl(ctx, SSL_CTRL_SET_TLSEXT_SERVERNAME_ARG, 0, name), 1);
    assert_int_equal(SSL_CTX_callback_ctrl(ctx, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, (void (*)(void))never_called), 1);
    assert_int_equal(SSL_CTX_callback_ctrl(ctx, 9999, (void (*)(void))never_called), 0);
    assert_int_equal(SSL_CTX_ctrl(ctx, 9999, 0, NULL), 0);
    assert_int_equal(SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name), 1);
    assert_string_equal(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name), name);
    assert_int_equal(SSL_ctrl(ssl, SSL_CTRL_MODE, SSL_MODE_ENABLE_PARTIAL_WRITE, NULL) & 1, 1);
    assert_int_equal(SSL_ctrl(ssl, 9999, 0, NULL), 0);
    assert_int_equal(SSL_callback_ctrl(ssl, 9999, NULL), 0);
}

static void diffie_hellman_is_accepted_and_changes_nothing(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    (void)state;
    assert_int_equal(SSL_CTX_set_dh_auto(ctx, 1), 1);
    assert_int_equal(SSL_CTX_set_ecdh_auto(ctx, 1), 1);
    assert_int_equal(SSL_CTX_set0_tmp_dh_pkey(ctx, key), 1);   /* and the key is no longer ours to free */
    assert_int_equal(SSL_CTX_set0_tmp_dh_pkey(ctx, NULL), 0);
}

static void data_hang_on_a_context(void **state)
{
    int index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL), value;

    (void)state;
    assert_true(index >= 0);
    assert_null(SSL_CTX_get_ex_data(ctx, index));
    assert_int_equal(SSL_CTX_set_ex_data(ctx, index, &value), 1);
    assert_ptr_equal(SSL_CTX_get_ex_data(ctx, index), &value);
    assert_int_equal(SSL_CTX_set_app_data(ctx, &value), 1);
    assert_ptr_equal(SSL_CTX_get_app_data(ctx), &value);
}

static void keep_line(const SSL *who, const char *line) { (void)who; (void)line; }
static void inform(const SSL *who, int where, int result) { (void)who; (void)where; (void)result; }

static void callbacks_are_kept_and_handed_down(void **state)
{
    SSL *child;

    (void)state;
    SSL_CTX_set_keylog_callback(ctx, keep_line);
    assert_ptr_equal(SSL_CTX_get_keylog_callback(ctx), keep_line);
    SSL_CTX_set_info_callback(ctx, inform);
    assert_ptr_equal(SSL_CTX_get_info_callback(ctx), inform);
    child = SSL_new(ctx);
    assert_ptr_equal(SSL_get_info_callback(child), inform);
    SSL_set_info_callback(child, NULL);
    assert_null(SSL_get_info_callback(child));
    SSL_free(child);
}

/* ------------------------------------------------------------------------------------------------ suites */

struct said { const char *list; int result; };

static void suites_are_parsed_as_openssl_does(void **state)
{
    static const struct said said[] = {
        { "TLS_AES_128_GCM_SHA256", 1 }, { "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384", 1 },
        { "TLS_AES_128_GCM_SHA256:NOPE", 1 }, { " TLS_AES_128_GCM_SHA256 : TLS_AES_256_GCM_SHA384", 1 },
        { "TLS_AES_128_GCM_SHA256::", 1 }, { "", 1 }, { "NOPE", 0 }, { "tls_aes_128_gcm_sha256", 0 },
        { "TLS_AES_128_CCM_SHA256", 0 }, { "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384", 0 }, { ":", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        int result = SSL_CTX_set_ciphersuites(ctx, said[i].list);
        if (result != said[i].result)
            fail_msg("suites \"%s\": %d", said[i].list, result);
        assert_int_equal(queue_has(ERR_LIB_SSL, SSL_R_NO_CIPHER_MATCH), !result);
    }
    assert_int_equal(SSL_set_ciphersuites(ssl, NULL), 0);
}

static void a_list_that_is_refused_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(SSL_set_ciphersuites(ssl, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"), 1);
    assert_int_equal(SSL_set_ciphersuites(ssl, "NOPE"), 0);
    assert_string_equal(SSL_get_cipher_list(ssl, 0), "TLS_CHACHA20_POLY1305_SHA256");
    assert_string_equal(SSL_get_cipher_list(ssl, 1), "TLS_AES_128_GCM_SHA256");
    assert_int_equal(SSL_set_cipher_list(ssl, "ECDHE-RSA-AES256-GCM-SHA384"), 1);
    assert_int_equal(SSL_set_cipher_list(ssl, "NOPE"), 0);
    assert_string_equal(SSL_get_cipher_list(ssl, 2), "ECDHE-RSA-AES256-GCM-SHA384");
    assert_null(SSL_get_cipher_list(ssl, 3));
    assert_null(SSL_get_cipher_list(ssl, -1));
}

static void stacks_of_ciphers_follow_the_list(void **state)
{
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx), *two;

    (void)state;
    assert_int_equal(sk_SSL_CIPHER_num(all), 9);
    assert_int_equal(SSL_CTX_set_ciphersuites(ctx, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"), 1);
    two = SSL_CTX_get_ciphers(ctx);
    assert_int_equal(sk_SSL_CIPHER_num(two), 2 + 6);
    assert_int_equal(SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(two, 0)), 0x1303);
    assert_int_equal(SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(two, 1)), 0x1301);
    assert_int_equal(sk_SSL_CIPHER_num(SSL_get_ciphers(ssl)), 9);
    assert_ptr_equal(SSL_get_ciphers(ssl), all);   /* made once, changed never */
    assert_int_equal(SSL_CTX_set_ciphersuites(ctx, ""), 1);
    assert_int_equal(sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(ctx)), 6);
    assert_int_equal(SSL_CTX_set_cipher_list(ctx, "AES128-SHA"), 1);
    assert_int_equal(sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(ctx)), 0);
}

static void ciphers_describe_themselves(void **state)
{
    const SSL_CIPHER *cipher;
    char text[128];
    char *made;
    int bits = 0;

    (void)state;
    cipher = sk_SSL_CIPHER_value(SSL_get_ciphers(ssl), 1);
    assert_string_equal(SSL_CIPHER_get_name(cipher), "TLS_AES_256_GCM_SHA384");
    assert_string_equal(SSL_CIPHER_standard_name(cipher), "TLS_AES_256_GCM_SHA384");
    assert_string_equal(SSL_CIPHER_get_version(cipher), "TLSv1.3");
    assert_int_equal(SSL_CIPHER_get_bits(cipher, &bits), 256);
    assert_int_equal(bits, 256);
    assert_int_equal(SSL_CIPHER_get_id(cipher), 0x03001302);
    assert_int_equal(SSL_CIPHER_is_aead(cipher), 1);
    assert_string_equal(SSL_CIPHER_description(cipher, text, sizeof text),
                        "TLS_AES_256_GCM_SHA384         TLSv1.3 Kx=any      Au=any   Enc=AESGCM(256)            "
                        "Mac=AEAD\n");
    cipher = sk_SSL_CIPHER_value(SSL_get_ciphers(ssl), 8);
    assert_string_equal(SSL_CIPHER_get_name(cipher), "ECDHE-RSA-CHACHA20-POLY1305");
    assert_string_equal(SSL_CIPHER_standard_name(cipher), "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
    assert_string_equal(SSL_CIPHER_get_version(cipher), "TLSv1.2");
    assert_int_equal(SSL_CIPHER_get_id(cipher), 0x0300cca8);
    assert_string_equal(SSL_CIPHER_description(cipher, text, sizeof text),
                        "ECDHE-RSA-CHACHA20-POLY1305    TLSv1.2 Kx=ECDH     Au=RSA   Enc=CHACHA20/POLY1305(256) Mac=AEAD\n");
    assert_null(SSL_CIPHER_description(cipher, text, 127));
    made = SSL_CIPHER_description(cipher, NULL, 0);
    assert_string_equal(made, text);
    OPENSSL_free(made);
    assert_string_equal(SSL_CIPHER_get_name(NULL), "(NONE)");
    assert_int_equal(SSL_CIPHER_get_bits(NULL, NULL), 0);
    assert_null(SSL_COMP_get_name(NULL));
}

/* ------------------------------------------------------------------------------------------------ older lists */

static void cipher_lists_of_older_versions_must_mean_something(void **state)
{
    static const struct said said[] = {
        { "DEFAULT", 1 }, { "ALL", 1 }, { "HIGH:!aNULL", 1 }, { "HIGH:!aNULL:@STRENGTH", 1 }, { "NOPE:HIGH", 1 },
        { "ECDHE-RSA-AES128-GCM-SHA256", 1 }, { "ECDHE-ECDSA-CHACHA20-POLY1305", 1 }, { "DHE-RSA-AES256-SHA256", 1 },
        { "ECDHE+AESGCM", 1 }, { "ECDHE+AESGCM:CHACHA20", 1 }, { "kRSA", 1 }, { "TLSv1.2", 1 }, { "HIGH MEDIUM", 1 },
        { "HIGH,ALL", 1 }, { "@SECLEVEL=0:ALL", 1 }, { "DEFAULT@SECLEVEL=1", 1 }, { "DEFAULT:@SECLEVEL=1", 1 },
        { "ECDHE-RSA-AES128-GCM-SHA256:NOPE", 1 }, { "COMPLEMENTOFDEFAULT", 1 }, { "AES128-SHA", 1 }, { "AESGCM", 1 },
        { "ALL:+HIGH", 1 }, { "ALL:-RC4", 1 },
        { "", 0 }, { "NOPE", 0 }, { "@STRENGTH", 0 }, { "!ALL", 0 }, { "-ALL", 0 }, { "ALL:!ALL", 0 }, { "!aNULL", 0 },
        { "TLS_AES_128_GCM_SHA256", 0 }, { "PROFILE=SYSTEM", 0 }, { "@SECLEVEL=9", 0 }, { "ALL:@NOPE", 0 },
        { "ecdhe", 0 }, { "HIGH:!", 0 }, { "HIGH+", 0 }, { "!ALL:HIGH", 0 }, { "-ALL:HIGH", 1 }, { "NULL-MD5", 1 },
        { "foo+HIGH", 0 }, { "HIGH+foo", 0 }, { "HIGH:*", 0 }, { "* *", 0 }, { "default", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        int result = SSL_CTX_set_cipher_list(ctx, said[i].list);
        if (result != said[i].result)
            fail_msg("cipher list \"%s\": %d", said[i].list, result);
        assert_int_equal(queue_has(ERR_LIB_SSL, SSL_R_NO_CIPHER_MATCH), !result);
    }
    assert_int_equal(SSL_set_cipher_list(ssl, NULL), 0);
    assert_int_equal(SSL_set_cipher_list(ssl, "HIGH"), 1);
    assert_int_equal(sk_SSL_CIPHER_num(SSL_get_ciphers(ssl)), 9);
}

/* What openssl-ciphers(1) says, of the suites that are ours: E and R for ECDSA and RSA; 1, 2 and C for the ciphers. */
static void cipher_lists_choose_and_order_the_suites_of_tls_1_2(void **state)
{
    static const struct { const char *list, *chosen; } rows[] = {
        { "ALL", "E2 R2 EC RC E1 R1" }, { "HIGH:!aNULL:!MD5", "E2 R2 EC RC E1 R1" },
        { "ECDHE+AESGCM:ECDHE+CHACHA20", "E2 R2 E1 R1 EC RC" },
        { "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", "R1 E1" }, { "ALL:!AES256", "EC RC E1 R1" },
        { "ALL:-AES256:AES256", "EC RC E1 R1 E2 R2" }, { "ALL:+CHACHA20", "E2 R2 E1 R1 EC RC" },
        { "AESGCM:@STRENGTH", "E2 R2 E1 R1" }, { "AES128:ALL:@STRENGTH", "E2 R2 EC RC E1 R1" }, { "aECDSA", "E2 EC E1" },
        { "CHACHA20:!aRSA", "EC" }, { "ECDHE-RSA-AES256-GCM-SHA384:ALL", "R2 E2 EC RC E1 R1" }, { "ALL:!ECDHE", "" },
        { "kECDHE:-aRSA:+AES256", "EC E1 E2" }, { "AES128-SHA:AES256-SHA", "" }, { "FIPS", "E2 R2 E1 R1" }, { "SUITEB192", "E2" },
        { "!AES256:ALL", "EC RC E1 R1" }, { "ALL:@SECLEVEL=2:-CHACHA20", "E2 R2 E1 R1" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char chosen[64] = "";
        size_t length = 0;
        assert_int_equal(SSL_set_cipher_list(ssl, rows[i].list), 1);
        for (int at = 3; SSL_get_cipher_list(ssl, at) != NULL; at++) {
            const char *name = SSL_get_cipher_list(ssl, at);
            chosen[length++] = strstr(name, "ECDSA") != NULL ? 'E' : 'R';
            chosen[length++] = strstr(name, "CHACHA20") != NULL ? 'C' : strstr(name, "AES256") != NULL ? '2' : '1';
            chosen[length++] = ' ';
        }
        chosen[length > 0 ? length - 1 : 0] = '\0';
        assert_string_equal(chosen, rows[i].chosen);
    }
}

static void a_cipher_list_may_name_the_security_level(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_set_cipher_list(ctx, "DEFAULT:@SECLEVEL=3"), 1);
    assert_int_equal(SSL_CTX_get_security_level(ctx), 3);
    assert_int_equal(SSL_CTX_set_cipher_list(ctx, "NOPE:@SECLEVEL=0"), 0);
    assert_int_equal(SSL_CTX_get_security_level(ctx), 3);
    assert_int_equal(SSL_set_cipher_list(ssl, "DEFAULT@SECLEVEL=1"), 1);
    assert_int_equal(SSL_get_security_level(ssl), 1);
}

/* ------------------------------------------------------------------------------------------------ groups, schemes */

static void groups_are_parsed_as_openssl_does(void **state)
{
    static const struct said said[] = {
        { "X25519", 1 }, { "x25519", 1 }, { "P-256:X25519", 1 }, { "prime256v1", 1 }, { "secp256r1:secp384r1", 1 },
        { "P-521:P-384", 1 }, { "ffdhe2048:X448:X25519", 1 }, { " X25519", 1 },
        { "", 0 }, { "P-256:NOPE", 0 }, { "X25519:X25519", 0 }, { "p-256", 0 }, { "X25519:", 0 }, { "NOPE", 0 },
        { "P-521", 0 }, { "X448:ffdhe2048", 0 },   /* known, but nobody here can do them */
    };

    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        int result = SSL_CTX_set1_groups_list(ctx, said[i].list);
        if (result != said[i].result)
            fail_msg("groups \"%s\": %d", said[i].list, result);
        assert_int_equal(ERR_peek_error() != 0, !result);
        ERR_clear_error();
    }
    assert_int_equal(SSL_set1_groups_list(ssl, NULL), 0);
}

static void groups_by_number(void **state)
{
    static const int good[] = { NID_X25519, NID_X9_62_prime256v1, NID_secp521r1 }, twice[] = { NID_X25519, NID_X25519 },
                     unknown[] = { NID_sha256 }, none[] = { NID_secp521r1 };

    (void)state;
    assert_int_equal(SSL_CTX_set1_groups(ctx, good, 3), 1);
    assert_int_equal(SSL_set1_groups(ssl, twice, 2), 0);
    assert_int_equal(SSL_set1_groups(ssl, unknown, 1), 0);
    assert_int_equal(SSL_set1_groups(ssl, none, 1), 0);
    assert_int_equal(SSL_set1_groups(ssl, good, 0), 0);
    assert_int_equal(SSL_set1_groups(ssl, NULL, 1), 0);
}

static void schemes_are_parsed_as_openssl_does(void **state)
{
    static const struct said said[] = {
        { "ECDSA+SHA256", 1 }, { "ed25519", 1 }, { "rsa_pss_rsae_sha256", 1 }, { "RSA-PSS+SHA256:PSS+SHA384", 1 },
        { "ECDSA+SHA256:RSA-PSS+SHA256:ed25519:rsa_pss_pss_sha512", 1 }, { "RSA+SHA512:ecdsa_secp384r1_sha384", 1 },
        { "", 0 }, { "ECDSA+SHA256:NOPE", 0 }, { "ECDSA+SHA256:ECDSA+SHA256", 0 }, { "ecdsa+sha256", 0 },
        { "ED25519", 0 }, { "RSA", 0 }, { "RSA+SHA1", 0 }, { "RSA+SHA256", 1 },   /* of TLS 1.2 alone */
    };

    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        int result = SSL_CTX_set1_sigalgs_list(ctx, said[i].list);
        if (result != said[i].result)
            fail_msg("schemes \"%s\": %d", said[i].list, result);
        ERR_clear_error();
    }
    assert_int_equal(SSL_set1_sigalgs_list(ssl, NULL), 0);
}

/* ------------------------------------------------------------------------------------------------ protocols */

static void protocols_are_checked(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x02h2", 3), 0);
    assert_int_not_equal(SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x03h2", 3), 0);
    assert_int_not_equal(SSL_set_alpn_protos(ssl, (const unsigned char *)"\x00", 1), 0);
    assert_int_equal(SSL_set_alpn_protos(ssl, NULL, 0), 0);
}

static void the_server_s_first_common_protocol_is_selected(void **state)
{
    static const unsigned char server[] = "\x02h3\x02h2\x08http/1.1", client[] = "\x08http/1.1\x02h2", other[] = "\x03xyz";
    unsigned char *chosen, length;

    (void)state;
    assert_int_equal(SSL_select_next_proto(&chosen, &length, server, sizeof server - 1, client, sizeof client - 1),
                     OPENSSL_NPN_NEGOTIATED);
    assert_int_equal(length, 2);
    assert_memory_equal(chosen, "h2", 2);
    assert_int_equal(SSL_select_next_proto(&chosen, &length, other, sizeof other - 1, client, sizeof client - 1),
                     OPENSSL_NPN_NO_OVERLAP);
    assert_memory_equal(chosen, "http/1.1", length);
    assert_int_equal(SSL_select_next_proto(&chosen, &length, server, sizeof server - 1, client, 5), OPENSSL_NPN_NO_OVERLAP);
    assert_null(chosen);
    assert_int_equal(length, 0);
}

/* ------------------------------------------------------------------------------------------------ nothing */

static void nothing_has_defined_answers(void **state)
{
    (void)state;
    SSL_CTX_free(NULL);
    assert_int_equal(SSL_CTX_up_ref(NULL), 0);
    assert_int_equal(SSL_CTX_set_options(NULL, 1), 0);
    assert_int_equal(SSL_get_options(NULL), 0);
    assert_int_equal(SSL_CTX_set_mode(NULL, 1), 0);
    assert_int_equal(SSL_CTX_set_min_proto_version(NULL, 0), 0);
    assert_int_equal(SSL_CTX_set_ciphersuites(NULL, "TLS_AES_128_GCM_SHA256"), 0);
    assert_int_equal(SSL_CTX_set_cipher_list(NULL, "ALL"), 0);
    assert_int_equal(SSL_CTX_set1_groups_list(NULL, "X25519"), 0);
    assert_int_not_equal(SSL_CTX_set_alpn_protos(NULL, NULL, 0), 0);
    assert_null(SSL_CTX_get_ciphers(NULL));
    assert_null(SSL_get_ciphers(NULL));
    assert_null(SSL_get_cipher_list(NULL, 0));
    assert_int_equal(SSL_CTX_set_ex_data(NULL, 0, NULL), 0);
    assert_null(SSL_CTX_get_ex_data(NULL, 0));
    assert_int_equal(SSL_CTX_ctrl(NULL, SSL_CTRL_MODE, 1, NULL), 0);
    assert_int_equal(SSL_ctrl(NULL, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, NULL), 0);
    SSL_CTX_set_read_ahead(NULL, 1);
    SSL_CTX_set_quiet_shutdown(NULL, 1);
    SSL_CTX_set_security_level(NULL, 1);
    SSL_CTX_set_info_callback(NULL, NULL);
    SSL_CTX_set_msg_callback(NULL, NULL);
    SSL_CTX_set_msg_callback_arg(NULL, NULL);
    SSL_CTX_set_keylog_callback(NULL, NULL);
    SSL_CTX_set_alpn_select_cb(NULL, NULL, NULL);
    SSL_CTX_set_cert_cb(NULL, NULL, NULL);
    SSL_CTX_set_client_cert_cb(NULL, NULL);
    assert_int_equal(SSL_CTX_set_tlsext_servername_callback(NULL, NULL), 0);
    assert_null(SSL_CTX_get_ssl_method(NULL));
    assert_null(SSL_get_ssl_method(NULL));
    assert_int_equal(SSL_CTX_set_dh_auto(NULL, 1), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_verifies_unless_told_otherwise), TEST(a_drop_in_has_openssl_s_defaults),
        TEST(a_context_without_a_method_is_refused), TEST(another_library_context_is_refused), TEST(methods_name_the_role),
        TEST(a_connection_takes_over_and_then_goes_its_own_way), TEST(host_flags_are_handed_down_without_a_host),
        TEST(options_and_modes_say_what_is_set_now), TEST(versions_are_kept), TEST(a_connection_that_may_speak_no_version_is_refused), TEST(fragments_have_bounds),
        TEST(session_contexts_have_bounds), TEST(commands_do_what_their_calls_do),
        TEST(diffie_hellman_is_accepted_and_changes_nothing), TEST(data_hang_on_a_context),
        TEST(callbacks_are_kept_and_handed_down), TEST(suites_are_parsed_as_openssl_does),
        TEST(a_list_that_is_refused_changes_nothing), TEST(stacks_of_ciphers_follow_the_list),
        TEST(ciphers_describe_themselves), TEST(cipher_lists_of_older_versions_must_mean_something),
        TEST(cipher_lists_choose_and_order_the_suites_of_tls_1_2),
        TEST(a_cipher_list_may_name_the_security_level),
        TEST(groups_are_parsed_as_openssl_does), TEST(groups_by_number), TEST(schemes_are_parsed_as_openssl_does),
        TEST(protocols_are_checked), TEST(the_server_s_first_common_protocol_is_selected), TEST(nothing_has_defined_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
