/* SPDX-License-Identifier: MIT */
/* Early data between ours and the installed libssl, either way round: accepted, rejected, and shut in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tlsm_libcrypto.h"
#include "tlsm_link.h"
#include "tlsm_replay.h"

enum { EARLY_MAX = 16384, ROUNDS = 16 };

static struct {
    EVP_PKEY *key;
    X509 *certificate;
    uint8_t *der;
    int der_length;
    struct tlsm_libcrypto *instance;
} pki;

static int make_pki(void **state)
{
    (void)state;
    pki.key = EVP_EC_gen("P-256");
    pki.certificate = X509_new();
    X509_set_version(pki.certificate, X509_VERSION_3);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(pki.certificate), "CN", MBSTRING_UTF8, (const uint8_t *)"host.example", -1, -1, 0);
    X509_set_issuer_name(pki.certificate, X509_get_subject_name(pki.certificate));
    X509_gmtime_adj(X509_getm_notBefore(pki.certificate), -86400);
    X509_gmtime_adj(X509_getm_notAfter(pki.certificate), 86400);
    X509_set_pubkey(pki.certificate, pki.key);
    pki.instance = tlsm_libcrypto_new(NULL);
    if (X509_sign(pki.certificate, pki.key, EVP_sha256()) <= 0)
        return -1;
    pki.der_length = i2d_X509(pki.certificate, &pki.der);
    return pki.der_length > 0 && pki.instance != NULL ? 0 : -1;
}

static int free_pki(void **state)
{
    (void)state;
    EVP_PKEY_free(pki.key);
    X509_free(pki.certificate);
    OPENSSL_free(pki.der);
    tlsm_libcrypto_free(pki.instance);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ ours */

static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_ticket_key ticket_key = { { 'k' }, { 1, 2, 3 } };
static const struct tlsm_bytes h2 = { (const uint8_t *)"h2", 2 };

struct ours {
    struct tlsm_settings settings;
    struct tlsm_credential credential;
    struct tlsm_bytes chain;
    struct tlsm_link link;
    struct tlsm_replay *replay;
    uint8_t signature[TLSM_SIGNATURE_MAX], session[1024];
    size_t session_length;
    uint8_t early_secret[TLSM_HASH_MAX];
};

static int answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *to)
{
    struct ours *ours = context;
    struct tlsm_libcrypto_answerer answerer = { .replay = ours->replay };
    struct tlsm_request request;
    size_t length = 0;
    switch ((enum tlsm_request_kind)tlsm_request(config, state, &request)) {
    case TLSM_ASK_SIGN:
        assert_int_equal(tlsm_libcrypto_sign(pki.key, &request, ours->signature, &length), 0);
        to->signature = (struct tlsm_bytes){ ours->signature, length };
        return TLSM_ASK_SIGN;
    case TLSM_ASK_JUDGE:
        to->alert = tlsm_libcrypto_verify(pki.key, &request);
        return TLSM_ASK_JUDGE;
    case TLSM_ASK_REPLAY:
        return tlsm_libcrypto_answer(&answerer, config, state, to);
    case TLSM_ASK_NOTHING: case TLSM_ASK_CREDENTIAL: case TLSM_ASK_SESSION:
        break;
    }
    return 0;
}

static void keep(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    struct ours *ours = context;
    struct tlsm_session kept = *session;
    (void)state;
    kept.issued_ms = tlsm_replay_time();
    ours->session_length = tlsm_session_write(&kept, (struct tlsm_span){ ours->session, sizeof ours->session });
}

static void ours_init(struct ours *ours, enum tlsm_role role)
{
    memset(ours, 0, sizeof *ours);
    ours->settings.role = (uint8_t)role;
    ours->settings.early_data = role == TLSM_CLIENT;
    if (role == TLSM_CLIENT)
        return;
    ours->chain = (struct tlsm_bytes){ pki.der, (size_t)pki.der_length };
    ours->credential = (struct tlsm_credential){ .chain = &ours->chain, .chain_count = 1, .schemes = schemes, .scheme_count = 1 };
    ours->settings.credentials = &ours->credential;
    ours->settings.credential_count = ours->settings.ticket_key_count = ours->settings.tickets = 1;
    ours->settings.ticket_keys = &ticket_key;
    ours->settings.early_max = EARLY_MAX;
    ours->replay = tlsm_replay_new(100, tlsm_replay_time(), 1);
}

static void ours_begin(struct ours *ours, int offering)
{
    const struct tlsm_config config = { &ours->settings, &tlsm_libcrypto_table, pki.instance };
    const struct tlsm_link_options options = { .hooks = { .answer = answer, .ticket = keep, .context = ours } };
    const int client = ours->settings.role == TLSM_CLIENT;
    struct tlsm_session session;
    struct tlsm_entropy entropy;
    const struct tlsm_start start = { &entropy, client ? "host.example" : NULL, offering ? &session : NULL, tlsm_replay_time() };
    assert_int_equal(tlsm_libcrypto_entropy(&entropy), 0);
    if (offering)
        assert_int_equal(tlsm_session_read((struct tlsm_bytes){ ours->session, ours->session_length }, &session), 1);
    assert_int_equal(tlsm_link_init(&ours->link, &config, &options), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_begin(&ours->link, &start), TLSM_IO_DONE);
}

/* ------------------------------------------------------------------------------------------------ theirs */

static unsigned char *theirs_alpn(int *length)
{
    static unsigned char list[] = { 2, 'h', '2' };
    *length = sizeof list;
    return list;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *in, unsigned int in_length, void *unused)
{
    (void)ssl;
    (void)in_length;
    (void)unused;
    *out = in + 1;
    *length = in[0];
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *theirs_new(int server)
{
    SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    assert_non_null(ctx);
    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    if (server) {
        assert_int_equal(SSL_CTX_use_certificate(ctx, pki.certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pki.key), 1);
        assert_int_equal(SSL_CTX_set_max_early_data(ctx, EARLY_MAX), 1);
        assert_int_equal(SSL_CTX_set_recv_max_early_data(ctx, EARLY_MAX), 1);
        SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
    }
    return ctx;
}

static SSL *theirs_begin(SSL_CTX *ctx, int server, SSL_SESSION *session)
{
    SSL *ssl = SSL_new(ctx);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    BIO_set_mem_eof_return(out, -1);
    SSL_set_bio(ssl, in, out);
    if (server) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
        SSL_set_tlsext_host_name(ssl, "host.example");
    }
    if (session != NULL)
        assert_int_equal(SSL_set_session(ssl, session), 1);
    return ssl;
}

/* ------------------------------------------------------------------------------------------------ between them */

/* What lies ready goes over, once each way. 1: something did. */
static int carry_once(struct ours *ours, SSL *ssl)
{
    char bytes[4096];
    int got, moved = 0;
    for (;;) {
        (void)tlsm_link_run(&ours->link);
        const struct tlsm_bytes pending = tlsm_link_pending(&ours->link);
        if (pending.length == 0)
            break;
        assert_int_equal(BIO_write(SSL_get_rbio(ssl), pending.data, (int)pending.length), (int)pending.length);
        assert_int_equal(tlsm_link_sent(&ours->link, pending.length), TLSM_IO_DONE);
        moved = 1;
    }
    while (tlsm_link_room(&ours->link).capacity >= sizeof bytes && (got = BIO_read(SSL_get_wbio(ssl), bytes, sizeof bytes)) > 0) {
        assert_int_equal(tlsm_link_feed(&ours->link, bytes, (size_t)got), (size_t)got);
        (void)tlsm_link_run(&ours->link);
        moved = 1;
    }
    return moved;
}

static void carry(struct ours *ours, SSL *ssl)
{
    while (carry_once(ours, ssl))
        continue;
}

static void shake(struct ours *ours, SSL *ssl)
{
    char byte;
    for (int i = 0; i < ROUNDS; i++) {
        (void)SSL_do_handshake(ssl);
        carry(ours, ssl);
    }
    assert_int_equal(SSL_is_init_finished(ssl), 1);
    assert_int_equal(tlsm_connected(ours->link.state), 1);
    assert_int_equal(SSL_read(ssl, &byte, 1), -1);   /* tickets */
    carry(ours, ssl);
}

static void exchange(struct ours *ours, SSL *ssl)
{
    char bytes[8] = "";
    assert_int_equal(tlsm_link_seal(&ours->link, "ping", 4), 4);
    carry(ours, ssl);
    assert_int_equal(SSL_read(ssl, bytes, sizeof bytes), 4);
    assert_int_equal(SSL_write(ssl, "pong", 4), 4);
    carry(ours, ssl);
    assert_int_equal(tlsm_link_take(&ours->link, bytes, sizeof bytes), 4);
    assert_memory_equal(bytes, "pong", 4);
}

static void shut(struct ours *ours, SSL *ssl)
{
    struct tlsm_verdict verdict;
    (void)SSL_shutdown(ssl);
    (void)tlsm_link_end(&ours->link, 0);
    carry(ours, ssl);
    assert_int_equal(SSL_shutdown(ssl), 1);
    tlsm_verdict(ours->link.state, &verdict);
    assert_string_equal(tlsm_how_name(verdict.how), "clean_both");
    tlsm_link_free(&ours->link);
    SSL_free(ssl);
}

/* ------------------------------------------------------------------------------------------------ our client */

struct first_client {
    struct ours ours;
    SSL_CTX *ctx;
};

static void client_meets(struct first_client *one, int alpn)
{
    SSL *ssl;
    ours_init(&one->ours, TLSM_CLIENT);
    if (alpn) {
        one->ours.settings.alpn = &h2;
        one->ours.settings.alpn_count = 1;
    }
    one->ctx = theirs_new(1);
    ours_begin(&one->ours, 0);
    ssl = theirs_begin(one->ctx, 1, NULL);
    shake(&one->ours, ssl);
    assert_true(one->ours.session_length > 0);
    shut(&one->ours, ssl);
}

static void our_client_is_heard_early(void **unused)
{
    (void)unused;
    for (int alpn = 0; alpn < 2; alpn++) {
        struct first_client one;
        char bytes[64];
        size_t got = 0;
        client_meets(&one, alpn);
        SSL *ssl = theirs_begin(one.ctx, 1, NULL);
        ours_begin(&one.ours, 1);
        assert_int_equal(tlsm_link_seal_early(&one.ours.link, "early", 5), 5);
        assert_int_equal(tlsm_link_early_room(&one.ours.link), EARLY_MAX - 5);
        carry(&one.ours, ssl);
        assert_int_equal(SSL_read_early_data(ssl, bytes, sizeof bytes, &got), SSL_READ_EARLY_DATA_SUCCESS);
        assert_int_equal(got, 5);
        assert_memory_equal(bytes, "early", 5);
        assert_int_equal(SSL_get_early_data_status(ssl), SSL_EARLY_DATA_ACCEPTED);
        (void)SSL_read_early_data(ssl, bytes, sizeof bytes, &got);
        carry(&one.ours, ssl);
        assert_int_equal(SSL_read_early_data(ssl, bytes, sizeof bytes, &got), SSL_READ_EARLY_DATA_FINISH);
        assert_int_equal(got, 0);
        shake(&one.ours, ssl);
        assert_int_equal(tlsm_link_early(&one.ours.link), TLSM_EARLY_ACCEPTED);
        assert_int_equal(SSL_session_reused(ssl), 1);
        exchange(&one.ours, ssl);
        shut(&one.ours, ssl);
        SSL_CTX_free(one.ctx);
    }
}

static void our_client_is_rejected(void **unused)
{
    (void)unused;
    for (int retry = 0; retry < 2; retry++) {
        struct first_client one;
        client_meets(&one, 0);
        if (retry)
            assert_int_equal(SSL_CTX_set1_groups_list(one.ctx, "P-384"), 1);
        SSL *ssl = theirs_begin(one.ctx, 1, NULL);
        SSL_set_max_early_data(ssl, retry ? EARLY_MAX : 0);
        ours_begin(&one.ours, 1);
        assert_int_equal(tlsm_link_seal_early(&one.ours.link, "early", 5), 5);
        shake(&one.ours, ssl);
        assert_int_equal(tlsm_link_early(&one.ours.link), TLSM_EARLY_REJECTED);
        exchange(&one.ours, ssl);
        shut(&one.ours, ssl);
        SSL_CTX_free(one.ctx);
    }
}

/* libssl is single-use about early data: the same flight again is none. */
static void our_clients_flight_comes_twice(void **unused)
{
    struct first_client one;
    char bytes[64];
    size_t got = 0;
    (void)unused;
    client_meets(&one, 0);
    for (int time = 0; time < 2; time++) {
        SSL *ssl = theirs_begin(one.ctx, 1, NULL);
        ours_begin(&one.ours, 1);
        assert_int_equal(tlsm_link_seal_early(&one.ours.link, "early", 5), 5);
        carry(&one.ours, ssl);
        const int read = SSL_read_early_data(ssl, bytes, sizeof bytes, &got);
        assert_int_equal(read, time == 0 ? SSL_READ_EARLY_DATA_SUCCESS : SSL_READ_EARLY_DATA_FINISH);
        (void)SSL_read_early_data(ssl, bytes, sizeof bytes, &got);
        carry(&one.ours, ssl);
        (void)SSL_read_early_data(ssl, bytes, sizeof bytes, &got);
        shake(&one.ours, ssl);
        assert_int_equal(tlsm_link_early(&one.ours.link), time == 0 ? TLSM_EARLY_ACCEPTED : TLSM_EARLY_REJECTED);
        exchange(&one.ours, ssl);
        /* The session of the first connection is offered again. */
        struct tlsm_verdict verdict;
        tlsm_verdict(one.ours.link.state, &verdict);
        assert_int_equal(verdict.plain_out, 9);
        tlsm_link_free(&one.ours.link);
        SSL_free(ssl);
    }
    SSL_CTX_free(one.ctx);
}

/* A3: the pair under the early key: libssl reads it, and takes it for no end of the data. */
static void our_client_closes_early(void **unused)
{
    struct first_client one;
    char bytes[64];
    size_t got = 0;
    (void)unused;
    client_meets(&one, 0);
    SSL *ssl = theirs_begin(one.ctx, 1, NULL);
    ours_begin(&one.ours, 1);
    assert_int_equal(tlsm_link_seal_early(&one.ours.link, "early", 5), 5);
    assert_int_equal(tlsm_link_end(&one.ours.link, 0), TLSM_IO_DONE);
    carry(&one.ours, ssl);
    assert_int_equal(SSL_read_early_data(ssl, bytes, sizeof bytes, &got), SSL_READ_EARLY_DATA_SUCCESS);
    assert_int_equal(got, 5);
    assert_int_equal(SSL_read_early_data(ssl, bytes, sizeof bytes, &got), SSL_READ_EARLY_DATA_ERROR);
    struct tlsm_verdict verdict;
    tlsm_verdict(one.ours.link.state, &verdict);
    assert_string_equal(tlsm_how_name(verdict.how), "cancelled_in_handshake");
    assert_int_equal(verdict.peer_may_not_read, 1);
    tlsm_link_free(&one.ours.link);
    SSL_free(ssl);
    SSL_CTX_free(one.ctx);
}

/* ------------------------------------------------------------------------------------------------ our server */

struct first_server {
    struct ours ours;
    SSL_CTX *ctx;
    SSL_SESSION *session;
};

static void server_meets(struct first_server *one, int alpn)
{
    int length;
    ours_init(&one->ours, TLSM_SERVER);
    one->ctx = theirs_new(0);
    if (alpn) {
        one->ours.settings.alpn = &h2;
        one->ours.settings.alpn_count = 1;
        const unsigned char *list = theirs_alpn(&length);
        assert_int_equal(SSL_CTX_set_alpn_protos(one->ctx, list, (unsigned)length), 0);
    }
    ours_begin(&one->ours, 0);
    SSL *ssl = theirs_begin(one->ctx, 0, NULL);
    shake(&one->ours, ssl);
    one->session = SSL_get1_session(ssl);
    assert_int_equal(SSL_SESSION_get_max_early_data(one->session), EARLY_MAX);
    shut(&one->ours, ssl);
}

static void server_parts(struct first_server *one)
{
    SSL_SESSION_free(one->session);
    SSL_CTX_free(one->ctx);
    tlsm_replay_free(one->ours.replay);
}

static void our_server_hears_early(void **unused)
{
    (void)unused;
    for (int alpn = 0; alpn < 2; alpn++) {
        struct first_server one;
        uint8_t bytes[64];
        size_t written = 0;
        server_meets(&one, alpn);
        ours_begin(&one.ours, 0);
        SSL *ssl = theirs_begin(one.ctx, 0, one.session);
        assert_int_equal(SSL_write_early_data(ssl, "early", 5, &written), 1);
        assert_int_equal(written, 5);
        carry(&one.ours, ssl);
        assert_int_equal(tlsm_link_is_early(&one.ours.link), 1);
        assert_int_equal(tlsm_link_take(&one.ours.link, bytes, sizeof bytes), 5);
        assert_memory_equal(bytes, "early", 5);
        shake(&one.ours, ssl);
        assert_int_equal(SSL_get_early_data_status(ssl), SSL_EARLY_DATA_ACCEPTED);
        assert_int_equal(tlsm_link_early(&one.ours.link), TLSM_EARLY_ACCEPTED);
        assert_int_equal(one.ours.link.state->ledger.early_in, 5);
        exchange(&one.ours, ssl);
        shut(&one.ours, ssl);
        server_parts(&one);
    }
}

static void our_server_rejects(void **unused)
{
    (void)unused;
    for (int why = 0; why < 3; why++) {   /* nobody remembers; a retry; none at all */
        struct first_server one;
        static const uint16_t groups[] = { TLSM_SECP384R1 };
        size_t written = 0;
        server_meets(&one, 0);
        if (why == 0) {
            tlsm_replay_free(one.ours.replay);
            one.ours.replay = NULL;
        } else if (why == 1) {
            one.ours.settings.groups = groups;
            one.ours.settings.group_count = 1;
        } else
            one.ours.settings.early_max = 0;
        ours_begin(&one.ours, 0);
        SSL *ssl = theirs_begin(one.ctx, 0, one.session);
        assert_int_equal(SSL_write_early_data(ssl, "early", 5, &written), 1);
        shake(&one.ours, ssl);
        assert_int_equal(SSL_get_early_data_status(ssl), SSL_EARLY_DATA_REJECTED);
        assert_int_equal(tlsm_link_early(&one.ours.link), TLSM_EARLY_REJECTED);
        assert_int_equal(tlsm_link_unread(&one.ours.link), 0);
        exchange(&one.ours, ssl);
        shut(&one.ours, ssl);
        server_parts(&one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_client_is_heard_early),
        cmocka_unit_test(our_client_is_rejected),
        cmocka_unit_test(our_clients_flight_comes_twice),
        cmocka_unit_test(our_client_closes_early),
        cmocka_unit_test(our_server_hears_early),
        cmocka_unit_test(our_server_rejects),
    };
    return cmocka_run_group_tests(tests, make_pki, free_pki);
}
