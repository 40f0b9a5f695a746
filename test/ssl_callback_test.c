/* SPDX-License-Identifier: MIT */
/* What a program may watch and decide while a connection opens, runs and ends: callbacks of tlsm_ssl. */
#include "ssl_fixture.h"

enum { INFO_MAX = 128, MESSAGES_MAX = 128, LINES_MAX = 16 };

static struct heard {
    int where[INFO_MAX], result[INFO_MAX], infos;
    int written[MESSAGES_MAX], type[MESSAGES_MAX], first[MESSAGES_MAX], messages;
    size_t length[MESSAGES_MAX];
    char line[LINES_MAX][256];
    int lines, names, protocols, certificates;
    char name[64];
} heard;

static struct pair pair;
static SSL_CTX *client, *server;

static int open_contexts(void **state)
{
    (void)state;
    memset(&heard, 0, sizeof heard);
    client = SSL_CTX_new(TLS_client_method());
    server = SSL_CTX_new(TLS_server_method());
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(client), pki.root), 1);
    X509_STORE *store = SSL_CTX_get_cert_store(client);
    (void)X509_STORE_up_ref(store);
    SSL_CTX_set_cert_store(client, store);   /* these authorities, not the system's */
    assert_int_equal(SSL_CTX_use_certificate(server, pki.leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server, pki.ec), 1);
    (void)X509_up_ref(pki.middle);
    assert_int_equal(SSL_CTX_add_extra_chain_cert(server, pki.middle), 1);
    SSL_CTX_set_num_tickets(server, 0);
    return 0;
}

static int close_contexts(void **state)
{
    (void)state;
    pair_free(&pair);
    memset(&pair, 0, sizeof pair);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    return 0;
}

static void meet(void)
{
    pair_over(&pair, client, server);
    assert_int_equal(SSL_set_tlsext_host_name(pair.client, host), 1);
}

/* ------------------------------------------------------------------------------------------------ info */

static void hear_info(const SSL *ssl, int where, int result)
{
    (void)ssl;
    assert_true(heard.infos < INFO_MAX);
    heard.where[heard.infos] = where;
    heard.result[heard.infos++] = result;
}

static int count_info(int where, int result)
{
    int count = 0;
    for (int i = 0; i < heard.infos; i++)
        count += heard.where[i] == where && (result < 0 || heard.result[i] == result);
    return count;
}

static void info_tells_start_steps_end_and_alerts(void **state)
{
    char byte;
    (void)state;
    SSL_CTX_set_info_callback(client, hear_info);
    meet();
    assert_int_equal(pair_shake(&pair), 1);
    assert_int_equal(heard.where[0], SSL_CB_HANDSHAKE_START);
    assert_true(count_info(SSL_CB_CONNECT_LOOP, 1) >= 5);
    assert_int_equal(count_info(SSL_CB_HANDSHAKE_DONE, 1), 1);
    assert_true(count_info(SSL_CB_CONNECT_EXIT, 1) >= 1);
    assert_int_equal(count_info(SSL_CB_WRITE_ALERT, -1), 0);
    SSL_CTX_set_mode(client, SSL_MODE_TWO_STEP_SHUTDOWN);
    SSL_set_mode(pair.client, SSL_MODE_TWO_STEP_SHUTDOWN);
    assert_int_equal(SSL_shutdown(pair.client), 0);
    assert_int_equal(SSL_read(pair.server, &byte, 1), 0);
    assert_int_equal(SSL_shutdown(pair.server), 1);
    assert_int_equal(SSL_shutdown(pair.client), 1);
    assert_int_equal(count_info(SSL_CB_WRITE_ALERT, SSL3_AL_WARNING << 8 | SSL_AD_CLOSE_NOTIFY), 1);
    assert_int_equal(count_info(SSL_CB_READ_ALERT, SSL3_AL_WARNING << 8 | SSL_AD_CLOSE_NOTIFY), 1);
}

static void info_tells_the_fatal_alert(void **state)
{
    (void)state;
    SSL_CTX_set_info_callback(server, hear_info);
    meet();
    assert_int_equal(SSL_set1_host(pair.client, "elsewhere.example.org"), 1);
    assert_int_equal(pair_shake(&pair), 0);
    (void)SSL_accept(pair.server);
    assert_int_equal(count_info(SSL_CB_READ_ALERT, -1), 1);
    for (int i = 0; i < heard.infos; i++)
        if (heard.where[i] == SSL_CB_READ_ALERT)
            assert_string_equal(SSL_alert_type_string_long(heard.result[i]), "fatal");
    assert_true(count_info(SSL_CB_ACCEPT_EXIT, -1) >= 1);
}

/* ------------------------------------------------------------------------------------------------ messages */

static void hear_message(int written, int version, int type, const void *bytes, size_t length, SSL *ssl, void *argument)
{
    (void)version;
    (void)ssl;
    assert_ptr_equal(argument, &heard);
    assert_true(heard.messages < MESSAGES_MAX);
    heard.written[heard.messages] = written;
    heard.type[heard.messages] = type;
    heard.first[heard.messages] = length > 0 ? *(const uint8_t *)bytes : -1;
    heard.length[heard.messages++] = length;
}

static int count_message(int written, int type, int first)
{
    int count = 0;
    for (int i = 0; i < heard.messages; i++)
        count += heard.written[i] == written && heard.type[i] == type && (first < 0 || heard.first[i] == first);
    return count;
}

static void messages_are_told_in_the_clear(void **state)
{
    static const int from_server[] = { 2, 8, 11, 15, 20 };   /* ServerHello … Finished */
    (void)state;
    SSL_CTX_set_msg_callback(client, hear_message);
    SSL_CTX_set_msg_callback_arg(client, &heard);
    meet();
    assert_int_equal(pair_shake(&pair), 1);
    assert_int_equal(count_message(1, SSL3_RT_HANDSHAKE, 1), 1);
    assert_int_equal(count_message(1, SSL3_RT_HANDSHAKE, 20), 1);
    for (size_t i = 0; i < sizeof from_server / sizeof *from_server; i++)
        assert_int_equal(count_message(0, SSL3_RT_HANDSHAKE, from_server[i]), 1);
    assert_true(count_message(1, SSL3_RT_HEADER, 22) == 1 && count_message(0, SSL3_RT_HEADER, 23) >= 1);
    assert_int_equal(SSL_write(pair.client, "secret", 6), 6);
    assert_int_equal(count_message(1, SSL3_RT_APPLICATION_DATA, -1), 0);
    (void)SSL_shutdown(pair.client);
    assert_int_equal(count_message(1, SSL3_RT_ALERT, SSL3_AL_WARNING), 1);
}

/* ------------------------------------------------------------------------------------------------ key log */

static void hear_line(const SSL *ssl, const char *line)
{
    (void)ssl;
    assert_true(heard.lines < LINES_MAX && strlen(line) < sizeof heard.line[0]);
    strcpy(heard.line[heard.lines++], line);
}

static void both_sides_log_the_same_keys(void **state)
{
    static const char *const labels[] = { "CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_HANDSHAKE_TRAFFIC_SECRET ",
                                          "CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 ", "EXPORTER_SECRET " };
    (void)state;
    SSL_CTX_set_keylog_callback(client, hear_line);
    SSL_CTX_set_keylog_callback(server, hear_line);
    assert_true(SSL_CTX_get_keylog_callback(client) == hear_line);
    meet();
    assert_int_equal(pair_shake(&pair), 1);
    assert_int_equal(heard.lines, 10);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        const char *seen[2] = { NULL, NULL };
        int count = 0;
        for (int j = 0; j < heard.lines; j++)
            if (strncmp(heard.line[j], labels[i], strlen(labels[i])) == 0 && count < 2)
                seen[count++] = heard.line[j];
        assert_int_equal(count, 2);
        assert_string_equal(seen[0], seen[1]);
    }
}

/* ------------------------------------------------------------------------------------------------ names */

static SSL_CTX *other;

static int take_name(SSL *ssl, int *alert, void *argument)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    heard.names++;
    (void)snprintf(heard.name, sizeof heard.name, "%s", name != NULL ? name : "");
    if (argument != NULL)
        (void)SSL_set_SSL_CTX(ssl, argument);
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return other != NULL || argument == NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void the_name_chooses_the_context(void **state)
{
    X509 *peer;
    EVP_PKEY *key = EVP_EC_gen("P-384");
    (void)state;
    other = SSL_CTX_new(TLS_server_method());
    X509 *leaf = make_leaf(key);
    assert_int_equal(SSL_CTX_use_certificate(other, leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(other, key), 1);
    (void)X509_up_ref(pki.middle);
    assert_int_equal(SSL_CTX_add_extra_chain_cert(other, pki.middle), 1);
    SSL_CTX_set_tlsext_servername_callback(server, take_name);
    SSL_CTX_set_tlsext_servername_arg(server, other);
    meet();
    assert_int_equal(pair_shake(&pair), 1);
    assert_int_equal(heard.names, 1);
    assert_string_equal(heard.name, host);
    assert_ptr_equal(SSL_get_SSL_CTX(pair.server), other);
    peer = SSL_get1_peer_certificate(pair.client);
    assert_int_equal(X509_cmp(peer, leaf), 0);
    X509_free(peer);
    X509_free(leaf);
    EVP_PKEY_free(key);
    SSL_CTX_free(other);
    other = NULL;
}

static void the_name_is_known_without_a_callback(void **state)
{
    (void)state;
    meet();
    assert_int_equal(pair_shake(&pair), 1);
    assert_string_equal(SSL_get_servername(pair.server, TLSEXT_NAMETYPE_host_name), host);
}

static void a_name_may_be_refused(void **state)
{
    (void)state;
    SSL_CTX_set_tlsext_servername_callback(server, take_name);
    SSL_CTX_set_tlsext_servername_arg(server, server);
    meet();
    assert_int_equal(pair_shake(&pair), 0);
    assert_int_equal(SSL_get_error(pair.client, pair.client_done), SSL_ERROR_SSL);
    assert_refused(SSL_AD_REASON_OFFSET + SSL_AD_UNRECOGNIZED_NAME);
}

static const unsigned char protocols[] = { 2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };

static int take_protocol(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *in,
                         unsigned int in_length, void *argument)
{
    static const unsigned char ours[] = { 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };
    unsigned char *chosen = NULL;
    (void)ssl;
    heard.protocols++;
    if (argument != NULL)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    assert_int_equal(SSL_select_next_proto(&chosen, length, ours, sizeof ours, in, in_length), OPENSSL_NPN_NEGOTIATED);
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void check_protocol(const SSL *ssl)
{
    const unsigned char *data;
    unsigned int length;
    SSL_get0_alpn_selected(ssl, &data, &length);
    assert_int_equal(length, 8);
    assert_memory_equal(data, "http/1.1", 8);
}

static void the_protocol_is_the_callbacks(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_set_alpn_protos(client, protocols, sizeof protocols), 0);
    SSL_CTX_set_alpn_select_cb(server, take_protocol, NULL);
    meet();
    assert_int_equal(pair_shake(&pair), 1);
    assert_int_equal(heard.protocols, 1);
    check_protocol(pair.client);
    check_protocol(pair.server);
}

static void a_protocol_may_be_refused(void **state)
{
    (void)state;
    assert_int_equal(SSL_CTX_set_alpn_protos(client, protocols, sizeof protocols), 0);
    SSL_CTX_set_alpn_select_cb(server, take_protocol, &heard);
    meet();
    assert_int_equal(pair_shake(&pair), 0);
    assert_refused(SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL);
}

/* Certificates that come when asked for, at the second time: SSL_ERROR_WANT_X509_LOOKUP in between. */
static int bring_certificate(SSL *ssl, void *argument)
{
    (void)argument;
    if (heard.certificates++ == 0)
        return -1;
    assert_int_equal(SSL_use_certificate(ssl, pki.leaf), 1);
    assert_int_equal(SSL_use_PrivateKey(ssl, pki.ec), 1);
    return 1;
}

static void certificates_may_come_late(void **state)
{
    (void)state;
    SSL_CTX *bare = SSL_CTX_new(TLS_server_method());
    int client_done = 0, server_done = 0, looked_up = 0;
    SSL_CTX_set_cert_cb(bare, bring_certificate, NULL);
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    pair_over(&pair, client, bare);
    for (int i = 0; i < ROUNDS && (client_done != 1 || server_done != 1); i++) {
        client_done = SSL_connect(pair.client);
        server_done = SSL_accept(pair.server);
        looked_up += SSL_get_error(pair.server, server_done) == SSL_ERROR_WANT_X509_LOOKUP;
    }
    assert_int_equal(client_done, 1);
    assert_int_equal(server_done, 1);
    assert_int_equal(looked_up, 1);
    assert_int_equal(heard.certificates, 2);
    SSL_CTX_free(bare);
}

/* ------------------------------------------------------------------------------------------------ states */

static void states_have_names(void **state)
{
    (void)state;
    meet();
    assert_string_equal(SSL_state_string_long(pair.client), "before SSL initialization");
    assert_int_equal(SSL_in_before(pair.client), 1);
    assert_int_equal(SSL_connect(pair.client), -1);
    assert_string_equal(SSL_state_string_long(pair.client), "SSLv3/TLS read server hello");
    assert_int_equal(SSL_in_init(pair.client), 1);
    assert_int_equal(pair_shake(&pair), 1);
    assert_string_equal(SSL_state_string_long(pair.client), "SSL negotiation finished successfully");
    assert_int_equal(SSL_get_state(pair.server), TLS_ST_OK);
    assert_string_equal(SSL_get_version(pair.client), "TLSv1.3");
    assert_string_equal(SSL_get_cipher(pair.client), SSL_get_cipher(pair.server));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_contexts, close_contexts)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(info_tells_start_steps_end_and_alerts), TEST(info_tells_the_fatal_alert), TEST(messages_are_told_in_the_clear),
        TEST(both_sides_log_the_same_keys), TEST(the_name_chooses_the_context), TEST(the_name_is_known_without_a_callback), TEST(a_name_may_be_refused),
        TEST(the_protocol_is_the_callbacks), TEST(a_protocol_may_be_refused), TEST(certificates_may_come_late),
        TEST(states_have_names),
    };
    return cmocka_run_group_tests(tests, pki_make, pki_free);
}
