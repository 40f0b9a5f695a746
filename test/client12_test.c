/* SPDX-License-Identifier: MIT */
/* Our client of TLS 1.2 with the installed libssl's server: every suite, group and kind of certificate; sessions; certificates of the
 * client; any chunking. What a server gets wrong is client12_hostile_test's. */
#include "client12_fixture.h"

/* ------------------------------------------------------------------------------------------------ whole handshakes */

static const struct { uint16_t number; int curve_key; const char *name; } suites[] = {
    { TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256, 1, "ECDHE-ECDSA-AES128-GCM-SHA256" },
    { TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384, 1, "ECDHE-ECDSA-AES256-GCM-SHA384" },
    { TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256, 1, "ECDHE-ECDSA-CHACHA20-POLY1305" },
    { TLSM_ECDHE_RSA_AES_128_GCM_SHA256, 0, "ECDHE-RSA-AES128-GCM-SHA256" },
    { TLSM_ECDHE_RSA_AES_256_GCM_SHA384, 0, "ECDHE-RSA-AES256-GCM-SHA384" },
    { TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256, 0, "ECDHE-RSA-CHACHA20-POLY1305" },
};
static const struct { uint16_t number; const char *name; } groups[] = {
    { TLSM_X25519, "X25519" }, { TLSM_SECP256R1, "P-256" }, { TLSM_SECP384R1, "P-384" }
};
static const struct { int kind, curve_key; const char *sigalgs; uint16_t scheme; } proofs[] = {
    { P256, 1, "ECDSA+SHA256", TLSM_ECDSA_SECP256R1_SHA256 },
    { P384, 1, "ECDSA+SHA256", TLSM_ECDSA_SECP256R1_SHA256 },   /* the scheme does not name the curve */
    { P384, 1, "ECDSA+SHA384", TLSM_ECDSA_SECP384R1_SHA384 },
    { ED25519, 1, "ed25519", TLSM_ED25519 },
    { RSA_ANY, 0, "RSA+SHA256", TLSM_RSA_PKCS1_SHA256 },
    { RSA_ANY, 0, "RSA+SHA512", TLSM_RSA_PKCS1_SHA512 },
    { RSA_ANY, 0, "rsa_pss_rsae_sha384", TLSM_RSA_PSS_RSAE_SHA384 },
    { RSA_PSS, 0, "rsa_pss_pss_sha256", TLSM_RSA_PSS_PSS_SHA256 },
};
enum { SUITES = sizeof suites / sizeof *suites, GROUPS = sizeof groups / sizeof *groups, PROOFS = sizeof proofs / sizeof *proofs };

static void connect_with(size_t suite, size_t group, size_t proof)
{
    struct duo *duo = duo_new(proofs[proof].kind);
    assert_int_equal(SSL_CTX_set_cipher_list(duo->context, suites[suite].name), 1);
    assert_int_equal(SSL_CTX_set1_groups_list(duo->context, groups[group].name), 1);
    assert_int_equal(SSL_CTX_set1_sigalgs_list(duo->context, proofs[proof].sigalgs), 1);
    duo_connect(duo);
    check_connected(duo);
    assert_int_equal(state_of(duo)->suite, suites[suite].number);
    assert_int_equal(state_of(duo)->group, groups[group].number);
    assert_int_equal(state_of(duo)->scheme, proofs[proof].scheme);
    assert_int_equal(duo->asked[TLSM_ASK_JUDGE], 1);
    exchange_and_close(duo);
    duo_free(duo);
}

static void every_suite_group_and_kind_of_proof(void **state)
{
    TLSM_UNUSED(state);
    for (size_t suite = 0; suite < SUITES; suite++)
        for (size_t group = 0; group < GROUPS; group++)
            for (size_t proof = 0; proof < PROOFS; proof++)
                if (proofs[proof].curve_key == suites[suite].curve_key)
                    connect_with(suite, group, proof);
}

/* The parameters are the certificate's key's to sign: another key of the kind is no proof, one of another kind does not fit the suite. */
static void a_proof_by_another_key_is_refused(void **state)
{
    static const struct { int shows, judged_by; uint8_t alert; } cases[] = {
        { P256, P384, TLSM_ALERT_DECRYPT_ERROR }, { P256, RSA_ANY, TLSM_ALERT_ILLEGAL_PARAMETER },
        { P256, ED25519, TLSM_ALERT_ILLEGAL_PARAMETER }, { RSA_ANY, P256, TLSM_ALERT_ILLEGAL_PARAMETER },
        { RSA_ANY, RSA_PSS, TLSM_ALERT_ILLEGAL_PARAMETER }, { ED25519, P256, TLSM_ALERT_ILLEGAL_PARAMETER },
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct duo *duo = duo_new(cases[i].shows);
        duo->judged_key = made.key[cases[i].judged_by];
        duo_connect(duo);
        assert_how(client_of(duo), "handshake_failed");
        assert_int_equal(side_verdict(client_of(duo)).alert_sent, cases[i].alert);
        assert_int_equal(SSL_is_init_finished(duo->server), 0);
        duo_free(duo);
    }
}

/* ------------------------------------------------------------------------------------------------ what is agreed on the way */

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *in, unsigned in_length, void *wanted)
{
    TLSM_UNUSED(ssl);
    return SSL_select_next_proto((unsigned char **)(void *)out, length, wanted, 3, in, in_length) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int name_seen(SSL *ssl, int *alert, void *seen)
{
    TLSM_UNUSED(alert);
    *(int *)seen = strcmp(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name), HOST) == 0;
    return SSL_TLSEXT_ERR_OK;
}

static void name_and_protocol_are_told(void **state)
{
    static const struct tlsm_bytes protocols[] = { { (const uint8_t *)"h2", 2 }, { (const uint8_t *)"h3", 2 } };
    static unsigned char wanted[] = "\2h3";
    struct duo *duo = duo_new(P256);
    int seen = 0;
    TLSM_UNUSED(state);
    client_of(duo)->settings.alpn = protocols;
    client_of(duo)->settings.alpn_count = 2;
    SSL_CTX_set_alpn_select_cb(duo->context, choose_protocol, wanted);
    SSL_CTX_set_tlsext_servername_callback(duo->context, name_seen);
    SSL_CTX_set_tlsext_servername_arg(duo->context, &seen);
    duo_connect(duo);
    check_connected(duo);
    assert_int_equal(seen, 1);
    assert_int_equal(state_of(duo)->alpn, 2);
    assert_int_equal(tlsm_mark(state_of(duo), TLSM_MARK_EXTENDED_MASTER), 1);
    assert_int_equal(tlsm_mark(state_of(duo), TLSM_MARK_RENEGOTIATION_INFO), 1);
    exchange_and_close(duo);
    duo_free(duo);
}

static int staple(SSL *ssl, void *unused)
{
    unsigned char *response = OPENSSL_malloc(5);
    TLSM_UNUSED(unused);
    memcpy(response, "\x30\x03\x0a\x01\x00", 5);
    SSL_set_tlsext_status_ocsp_resp(ssl, response, 5);
    return SSL_TLSEXT_ERR_OK;
}

/* The judge is given it; an answer that was announced and does not come is none (RFC 6066 §8). */
static void an_ocsp_response_reaches_the_judge(void **state)
{
    TLSM_UNUSED(state);
    for (int asks = 0; asks < 2; asks++) {
        struct duo *duo = duo_new(P256);
        client_of(duo)->settings.ask_staple = (uint8_t)asks;
        SSL_CTX_set_tlsext_status_cb(duo->context, staple);
        duo->judged_key = made.key[P256];
        duo_connect(duo);
        check_connected(duo);
        assert_int_equal(duo->seen.staple.length, asks ? 5 : 0);
        exchange_and_close(duo);
        duo_free(duo);
    }
}

/* Who speaks both takes what the server has. */
static void both_versions_are_offered_and_the_newest_is_taken(void **state)
{
    TLSM_UNUSED(state);
    for (int newest = 0; newest < 2; newest++) {
        struct duo *duo = duo_new(P256);
        client_of(duo)->settings.version_max = TLSM_1_3;
        SSL_CTX_set_max_proto_version(duo->context, newest ? TLS1_3_VERSION : TLS1_2_VERSION);
        duo_connect(duo);
        assert_int_equal(tlsm_connected(state_of(duo)), 1);
        assert_int_equal(state_of(duo)->control.version, newest ? TLSM_1_3 : TLSM_1_2);
        assert_int_equal(SSL_version(duo->server), newest ? TLS1_3_VERSION : TLS1_2_VERSION);
        exchange_and_close(duo);
        duo_free(duo);
    }
}

/* Without RFC 7627 only those who say so themselves go on. */
static void an_unbound_master_secret_is_for_those_who_ask_for_it(void **state)
{
    TLSM_UNUSED(state);
    for (int insecure = 0; insecure < 2; insecure++) {
        struct duo *duo = duo_new(P256);
        client_of(duo)->settings.insecure_master_secret = (uint8_t)insecure;
        SSL_CTX_set_options(duo->context, SSL_OP_NO_EXTENDED_MASTER_SECRET);
        duo_connect(duo);
        if (insecure) {
            check_connected(duo);
            assert_int_equal(tlsm_mark(state_of(duo), TLSM_MARK_EXTENDED_MASTER), 0);
            exchange_and_close(duo);
        } else {
            assert_how(client_of(duo), "handshake_failed");
            assert_int_equal(side_verdict(client_of(duo)).alert_sent, TLSM_ALERT_HANDSHAKE_FAILURE);
        }
        duo_free(duo);
    }
}

/* ------------------------------------------------------------------------------------------------ the client's certificate */

static int anyone(int good, X509_STORE_CTX *context)
{
    TLSM_UNUSED(good);
    TLSM_UNUSED(context);
    return 1;
}

static struct tlsm_credential credential_of(int kind, const uint16_t *schemes, size_t count)
{
    static uint8_t der[KINDS][2048];
    static struct tlsm_bytes chain[KINDS];
    uint8_t *at = der[kind];
    chain[kind] = tlsm_slice(der[kind], (size_t)i2d_X509(made.certificate[kind], &at));
    return (struct tlsm_credential){ &chain[kind], 1, schemes, count, NULL, 0, { NULL, 0 } };
}

static const struct { int kind; const char *sigalgs; uint16_t scheme[2], used; } shown[] = {
    { P256, "ECDSA+SHA256", { TLSM_ECDSA_SECP256R1_SHA256, 0 }, TLSM_ECDSA_SECP256R1_SHA256 },
    { P384, "ECDSA+SHA256:ECDSA+SHA384", { TLSM_ECDSA_SECP384R1_SHA384, 0 }, TLSM_ECDSA_SECP384R1_SHA384 },
    { RSA_ANY, "ECDSA+SHA256:RSA+SHA256", { TLSM_RSA_PSS_RSAE_SHA256, TLSM_RSA_PKCS1_SHA256 }, TLSM_RSA_PKCS1_SHA256 },
    { RSA_ANY, "ECDSA+SHA256:RSA+SHA384", { TLSM_RSA_PSS_RSAE_SHA256, TLSM_RSA_PKCS1_SHA384 }, TLSM_RSA_PKCS1_SHA384 },
    { RSA_ANY, "ECDSA+SHA256:rsa_pss_rsae_sha384", { TLSM_RSA_PSS_RSAE_SHA384, 0 }, TLSM_RSA_PSS_RSAE_SHA384 },
    { RSA_PSS, "ECDSA+SHA256:rsa_pss_pss_sha256", { TLSM_RSA_PSS_PSS_SHA256, 0 }, TLSM_RSA_PSS_PSS_SHA256 },
    /* Its signature would need the transcript itself, which was not kept. */
    { ED25519, "ECDSA+SHA256:ed25519", { TLSM_ED25519, 0 }, 0 },
    { RSA_ANY, "ECDSA+SHA256:RSA+SHA512", { TLSM_RSA_PKCS1_SHA512, 0 }, 0 },
};

/* A suite with either hash: the scheme's need not be the suite's. */
static void show(size_t i, const char *suite, int asked_first)
{
    struct duo *duo = duo_new(P256);
    const struct tlsm_credential credential = credential_of(shown[i].kind, shown[i].scheme, shown[i].scheme[1] != 0 ? 2 : 1);
    client_of(duo)->settings.credentials = &credential;
    client_of(duo)->settings.credential_count = 1;
    client_of(duo)->settings.ask = asked_first ? TLSM_ASK_CREDENTIAL_BIT : 0;
    duo->client_key = shown[i].kind;
    SSL_CTX_set_verify(duo->context, SSL_VERIFY_PEER, anyone);
    assert_int_equal(SSL_CTX_set_cipher_list(duo->context, suite), 1);
    assert_int_equal(SSL_CTX_set1_sigalgs_list(duo->context, "ECDSA+SHA256"), 1);
    assert_int_equal(SSL_CTX_set1_client_sigalgs_list(duo->context, shown[i].sigalgs), 1);
    duo->answer_credential = shown[i].used == 0 ? TLSM_NO_CREDENTIAL : 0;
    duo_connect(duo);
    check_connected(duo);
    assert_int_equal(duo->asked[TLSM_ASK_CREDENTIAL], asked_first);
    assert_int_equal(duo->asked[TLSM_ASK_SIGN], shown[i].used != 0);
    X509 *seen = SSL_get1_peer_certificate(duo->server);
    if (shown[i].used != 0) {
        assert_int_equal(state_of(duo)->scheme, shown[i].used);
        assert_int_equal(X509_cmp(seen, made.certificate[shown[i].kind]), 0);
    } else {
        assert_null(seen);
    }
    X509_free(seen);
    exchange_and_close(duo);
    duo_free(duo);
}

static void a_client_shows_what_the_server_can_verify(void **state)
{
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        for (int asked_first = 0; asked_first < 2; asked_first++) {
            show(i, "ECDHE-ECDSA-AES128-GCM-SHA256", asked_first);
            show(i, "ECDHE-ECDSA-AES256-GCM-SHA384", asked_first);
        }
}

static void a_client_without_a_certificate_says_so(void **state)
{
    TLSM_UNUSED(state);
    for (int required = 0; required < 2; required++) {
        struct duo *duo = duo_new(P256);
        SSL_CTX_set_verify(duo->context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), anyone);
        duo_connect(duo);
        if (required) {
            assert_int_equal(tlsm_connected(state_of(duo)), 0);
            assert_int_equal(side_verdict(client_of(duo)).alert_received, TLSM_ALERT_HANDSHAKE_FAILURE);
        } else {
            check_connected(duo);
            exchange_and_close(duo);
        }
        duo_free(duo);
    }
}

/* ------------------------------------------------------------------------------------------------ sessions */

static struct tlsm_session kept(const struct duo *duo)
{
    static uint8_t bytes[sizeof duo->pair.client.session];
    const struct side *client = &duo->pair.client;
    struct tlsm_session session;
    assert_true(client->session_have > 0);
    memcpy(bytes, client->session, client->session_have);
    assert_int_equal(tlsm_session_read(tlsm_slice(bytes, client->session_have), &session), 1);
    return session;
}

static void offer(struct duo *duo, const struct tlsm_session *session, uint64_t now_ms)
{
    duo_again(duo);
    duo_begin(duo, session, now_ms);
    duo_talk(duo);
}

static void check_session(const struct tlsm_session *session, const struct tlsm_state *state, int by_id)
{
    assert_int_equal(session->version, TLSM_1_2);
    assert_int_equal(session->suite, state->suite);
    assert_int_equal(session->extended_master, 1);
    assert_int_equal(session->by_id, by_id);
    assert_int_equal(session->secret_length, TLSM_HASH_MAX);
    assert_memory_equal(session->secret, state->exporter, TLSM_HASH_MAX);
    assert_int_equal(session->issued_ms, NOW);
}

/* By the next step that is accepted, and by no other. */
static void check_ticket_is_dropped(struct duo *duo)
{
    struct tlsm_session session;
    size_t offset = 0;
    assert_int_equal(state_of(duo)->control.behind, TLSM_BEHIND_TICKET);
    assert_code(side_do(client_of(duo), TLSM_IN_DEADLINE), TLSM_NO_DEADLINE);
    assert_int_equal(tlsm_ticket_next(&client_of(duo)->config, state_of(duo), tlsm_slice(NULL, 0), &offset, &session), 1);
    assert_code(side_do(client_of(duo), TLSM_IN_DEADLINE_SET), TLSM_OK);
    assert_int_equal(tlsm_length(state_of(duo)), sizeof(struct tlsm_state));
    assert_int_equal(state_of(duo)->control.behind, TLSM_BEHIND_NOTHING);
    offset = 0;
    assert_int_equal(tlsm_ticket_next(&client_of(duo)->config, state_of(duo), tlsm_slice(NULL, 0), &offset, &session), 0);
}

static void resume(int by_id, uint16_t version_max)
{
    struct duo *duo = duo_new(P256);
    client_of(duo)->settings.version_max = version_max;
    SSL_CTX_set_options(duo->context, by_id ? SSL_OP_NO_TICKET : 0);
    duo_connect(duo);
    check_connected(duo);
    assert_int_equal(client_of(duo)->tickets, 1);
    const struct tlsm_session session = kept(duo);
    check_session(&session, state_of(duo), by_id);
    check_ticket_is_dropped(duo);
    exchange_and_close(duo);
    assert_int_equal(side_verdict(client_of(duo)).resumable, 1);
    for (int times = 0; times < 2; times++) {
        offer(duo, &session, NOW + 1000);
        check_connected(duo);
        assert_int_equal(tlsm_resumed(state_of(duo)), 1);
        assert_int_equal(duo->asked[TLSM_ASK_JUDGE], 0);
        assert_int_equal(state_of(duo)->origin_ms, NOW);
        exchange_and_close(duo);
        assert_int_equal(side_verdict(client_of(duo)).resumed, 1);
        assert_int_equal(side_verdict(client_of(duo)).resumable, 1);
    }
    duo_free(duo);
}

static void a_session_is_resumed_by_ticket(void **state)
{
    TLSM_UNUSED(state);
    resume(0, TLSM_1_2);
    resume(0, TLSM_1_3);
}

static void a_session_is_resumed_by_id(void **state)
{
    TLSM_UNUSED(state);
    resume(1, TLSM_1_2);
    resume(1, TLSM_1_3);
}

static int renew(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
    static unsigned char key[32] = { 7 };
    OSSL_PARAM params[3] = { OSSL_PARAM_octet_string("key", key, sizeof key), OSSL_PARAM_utf8_string("digest", (char *)(uintptr_t)"SHA256", 0),
                             OSSL_PARAM_END };
    TLSM_UNUSED(ssl);
    if (sealing) {
        memset(name, 1, 16);
        memset(iv, 2, 16);
    }
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key, iv, sealing) != 1 || EVP_MAC_CTX_set_params(mac, params) != 1)
        return -1;
    return sealing ? 1 : 2;   /* opened, and a new one is wanted */
}

/* What comes with an abbreviated handshake is a session too, with the step that makes our Finished. */
static void a_ticket_is_renewed(void **state)
{
    struct duo *duo = duo_new(P256);
    TLSM_UNUSED(state);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(duo->context, renew);
    duo_connect(duo);
    check_connected(duo);
    struct tlsm_session session = kept(duo);
    offer(duo, &session, NOW + 1000);
    check_connected(duo);
    assert_int_equal(tlsm_resumed(state_of(duo)), 1);
    assert_int_equal(duo->renewed, 1);
    session = kept(duo);
    assert_int_equal(session.origin_ms, NOW);
    offer(duo, &session, NOW + 2000);
    check_connected(duo);
    assert_int_equal(tlsm_resumed(state_of(duo)), 1);
    exchange_and_close(duo);
    duo_free(duo);
}

/* The server has learnt TLS 1.3 meanwhile, and may want another share first: the ticket is of no use, and in nobody's way. */
static void a_session_offered_to_a_newer_server_is_a_full_handshake(void **state)
{
    TLSM_UNUSED(state);
    for (int retried = 0; retried < 2; retried++)
        for (int by_id = 0; by_id < 2; by_id++) {
            struct duo *duo = duo_new(P256);
            client_of(duo)->settings.version_max = TLSM_1_3;
            SSL_CTX_set_options(duo->context, by_id ? SSL_OP_NO_TICKET : 0);
            duo_connect(duo);
            check_connected(duo);
            const struct tlsm_session session = kept(duo);
            SSL_CTX_set_max_proto_version(duo->context, TLS1_3_VERSION);
            assert_int_equal(SSL_CTX_set1_groups_list(duo->context, retried ? "P-384" : "X25519"), 1);
            offer(duo, &session, NOW + 1000);
            assert_int_equal(tlsm_connected(state_of(duo)), 1);
            assert_int_equal(state_of(duo)->control.version, TLSM_1_3);
            assert_int_equal(tlsm_resumed(state_of(duo)), 0);
            assert_int_equal(tlsm_fact(state_of(duo), TLSM_FACT_RETRIED), retried);
            assert_int_equal(tlsm_mark(state_of(duo), TLSM_MARK_EXTENDED_MASTER), 0);
            exchange_and_close(duo);
            duo_free(duo);
        }
}

/* A server that does not know it makes a new one. */
static void a_session_nobody_knows_is_a_full_handshake(void **state)
{
    TLSM_UNUSED(state);
    for (int by_id = 0; by_id < 2; by_id++) {
        struct duo *duo = duo_new(P256);
        SSL_CTX_set_options(duo->context, by_id ? SSL_OP_NO_TICKET : 0);
        duo_connect(duo);
        const struct tlsm_session session = kept(duo);
        SSL_CTX *old = duo->context;
        duo_again(duo);
        duo->context = server_context(P256);
        SSL_CTX_set_options(duo->context, by_id ? SSL_OP_NO_TICKET : 0);
        SSL_CTX_free(old);
        duo_begin(duo, &session, NOW + 1000);
        duo_talk(duo);
        check_connected(duo);
        assert_int_equal(tlsm_resumed(state_of(duo)), 0);
        assert_int_equal(duo->asked[TLSM_ASK_JUDGE], 1);
        assert_int_equal(client_of(duo)->tickets, 1);
        exchange_and_close(duo);
        duo_free(duo);
    }
}

/* What cannot be used here is silently not offered. */
static void sessions_that_do_not_fit_are_not_offered(void **state)
{
    static const uint16_t other_suite[] = { TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256 };
    TLSM_UNUSED(state);
    for (int why = 0; why < 5; why++) {
        struct duo *duo = duo_new(P256);
        duo_connect(duo);
        check_connected(duo);
        struct tlsm_session session = kept(duo);
        duo_again(duo);
        struct tlsm_settings *settings = &client_of(duo)->settings;
        session.extended_master = why == 0 ? 0 : 1;
        session.lifetime_s = why == 1 ? 1 : session.lifetime_s;
        settings->suites12 = why == 2 ? other_suite : NULL;
        settings->suite12_count = why == 2 ? 1 : 0;
        settings->session_context = tlsm_slice((const uint8_t *)"x", why == 3 ? 1 : 0);
        session.name_digest[0] ^= why == 4 ? 1 : 0;
        duo_begin(duo, &session, NOW + 2000);
        assert_int_equal(tlsm_hs(state_of(duo))->flags & TLSM_HS_SESSION_12, 0);
        duo_talk(duo);
        check_connected(duo);
        assert_int_equal(tlsm_resumed(state_of(duo)), 0);
        duo_free(duo);
    }
}

/* An unbound session among those who do without: resumed, for it stays what it was (RFC 7627 §5.3). */
static void an_unbound_session_resumes_unbound(void **state)
{
    struct duo *duo = duo_new(P256);
    TLSM_UNUSED(state);
    client_of(duo)->settings.insecure_master_secret = 1;
    SSL_CTX_set_options(duo->context, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    duo_connect(duo);
    check_connected(duo);
    const struct tlsm_session session = kept(duo);
    assert_int_equal(session.extended_master, 0);
    offer(duo, &session, NOW + 1000);
    check_connected(duo);
    assert_int_equal(tlsm_resumed(state_of(duo)), 1);
    duo_free(duo);
}

/* A ticket that holds the client's certificate is larger than what is kept of a message after the handshake. */
static void a_large_ticket_is_kept(void **state)
{
    static const uint16_t scheme[] = { TLSM_ECDSA_SECP256R1_SHA256 };
    struct duo *duo = duo_new(P256);
    const struct tlsm_credential credential = credential_of(P256, scheme, 1);
    TLSM_UNUSED(state);
    client_of(duo)->settings.credentials = &credential;
    client_of(duo)->settings.credential_count = 1;
    duo->client_key = P256;
    SSL_CTX_set_verify(duo->context, SSL_VERIFY_PEER, anyone);
    duo->step = 1;
    duo_connect(duo);
    check_connected(duo);
    const struct tlsm_session session = kept(duo);
    assert_true(session.ticket.length > 400);
    offer(duo, &session, NOW + 1000);
    check_connected(duo);
    assert_int_equal(tlsm_resumed(state_of(duo)), 1);
    duo_free(duo);
}

/* ------------------------------------------------------------------------------------------------ chunking */

static void one_byte_at_a_time(void **state)
{
    TLSM_UNUSED(state);
    for (size_t step = 1; step < 4; step++) {
        struct duo *duo = duo_new(RSA_ANY);
        duo->step = step;
        duo_connect(duo);
        check_connected(duo);
        const struct tlsm_session session = kept(duo);
        exchange_and_close(duo);
        offer(duo, &session, NOW + 1000);
        check_connected(duo);
        assert_int_equal(tlsm_resumed(state_of(duo)), 1);
        exchange_and_close(duo);
        duo_free(duo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_group_and_kind_of_proof),
        cmocka_unit_test(a_proof_by_another_key_is_refused),
        cmocka_unit_test(name_and_protocol_are_told),
        cmocka_unit_test(an_ocsp_response_reaches_the_judge),
        cmocka_unit_test(both_versions_are_offered_and_the_newest_is_taken),
        cmocka_unit_test(an_unbound_master_secret_is_for_those_who_ask_for_it),
        cmocka_unit_test(a_client_shows_what_the_server_can_verify),
        cmocka_unit_test(a_client_without_a_certificate_says_so),
        cmocka_unit_test(a_session_is_resumed_by_ticket),
        cmocka_unit_test(a_session_is_resumed_by_id),
        cmocka_unit_test(a_ticket_is_renewed),
        cmocka_unit_test(a_session_offered_to_a_newer_server_is_a_full_handshake),
        cmocka_unit_test(a_session_nobody_knows_is_a_full_handshake),
        cmocka_unit_test(sessions_that_do_not_fit_are_not_offered),
        cmocka_unit_test(an_unbound_session_resumes_unbound),
        cmocka_unit_test(a_large_ticket_is_kept),
        cmocka_unit_test(one_byte_at_a_time),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
