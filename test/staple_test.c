/* SPDX-License-Identifier: MIT */
/* OCSP responses that come with a certificate: asked for, told, carried and judged. */
#define _POSIX_C_SOURCE 200809L
#include "libssl_fixture.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "handshake.h"

enum { HOUR = 3600, DAY = 24 * HOUR, PATH_ROOM = 256 };

static struct {
    char folder[64];
    EVP_PKEY *root_key, *key, *signer_key, *other_key;
    X509 *root, *leaf, *other, *signer, *nobody, *late;
    struct tlsm_judge *judge, *strict;
    struct tlsm_libcrypto *instance;
} the;
static time_t now;

/* ------------------------------------------------------------------------------------------------ making things */

static void extend(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* By the root; `purpose` NULL: the root itself. */
static X509 *make(const char *name, EVP_PKEY *key, const char *purpose, long from, long to)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(purpose != NULL ? the.root : certificate));
    X509_time_adj_ex(X509_getm_notBefore(certificate), 0, from, &now);
    X509_time_adj_ex(X509_getm_notAfter(certificate), 0, to, &now);
    X509_set_pubkey(certificate, key);
    if (purpose == NULL)
        extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
    else
        extend(certificate, NID_ext_key_usage, purpose);
    extend(certificate, NID_subject_alt_name, "DNS:server.example.org");
    assert_true(X509_sign(certificate, the.root_key, EVP_sha256()) > 0);
    return certificate;
}

static const char *path_of(const char *name)
{
    static char path[4][PATH_ROOM];
    static unsigned turn;
    char *to = path[turn++ % 4];
    (void)snprintf(to, PATH_ROOM, "%s/%s", the.folder, name);
    return to;
}

static void write_file(const char *name, const void *bytes, size_t length)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    FILE *file;
    (void)state;
    now = time(NULL);
    (void)snprintf(the.folder, sizeof the.folder, "/tmp/tlsm-staple-XXXXXX");
    assert_non_null(mkdtemp(the.folder));
    the.root_key = EVP_EC_gen("P-256");
    the.key = EVP_EC_gen("P-256");
    the.signer_key = EVP_EC_gen("P-256");
    the.other_key = EVP_EC_gen("P-256");
    the.root = make("Test Root", the.root_key, NULL, -DAY, 100 * DAY);
    the.leaf = make("server.example.org", the.key, "serverAuth", -DAY, 100 * DAY);
    the.other = make("other.example.org", the.other_key, "serverAuth", -DAY, 100 * DAY);
    the.signer = make("Responder", the.signer_key, "OCSPSigning", -DAY, 100 * DAY);
    the.nobody = make("No responder", the.signer_key, "clientAuth", -DAY, 100 * DAY);
    the.late = make("Late responder", the.signer_key, "OCSPSigning", -DAY, -HOUR);
    file = fopen(path_of("root.pem"), "w");
    assert_true(file != NULL && PEM_write_X509(file, the.root) == 1 && fclose(file) == 0);
    file = fopen(path_of("chain.pem"), "w");
    assert_true(file != NULL && PEM_write_X509(file, the.leaf) == 1 && PEM_write_X509(file, the.root) == 1);
    assert_true(PEM_write_PrivateKey(file, the.key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(file) == 0);
    the.judge = tlsm_judge_new_path(path_of("root.pem"), NULL, 0);
    the.strict = tlsm_judge_new_path(path_of("root.pem"), NULL, 0);
    assert_true(the.judge != NULL && the.strict != NULL);
    tlsm_judge_require_staple(the.strict);
    the.instance = tlsm_libcrypto_new(NULL);
    return the.instance == NULL;
}

static int tear_down(void **state)
{
    static const char *const names[] = { "root.pem", "chain.pem", "staple.der" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)remove(path_of(names[i]));
    EVP_PKEY_free(the.root_key), EVP_PKEY_free(the.key), EVP_PKEY_free(the.signer_key), EVP_PKEY_free(the.other_key);
    X509_free(the.root), X509_free(the.leaf), X509_free(the.other), X509_free(the.signer), X509_free(the.nobody), X509_free(the.late);
    tlsm_judge_free(the.judge);
    tlsm_judge_free(the.strict);
    tlsm_libcrypto_free(the.instance);
    return rmdir(the.folder);
}

/* An OCSP response. All zero: "good", by the root, said an hour ago, for a day. */
struct said {
    int status, error;         /* V_OCSP_CERTSTATUS_…; the responder's error instead */
    X509 *about, *by;          /* NULL: the leaf; the root */
    EVP_PKEY *key;             /* NULL: the root's */
    long from, to;             /* seconds from now */
    int endless, sha256, weak; /* no nextUpdate; names the certificate by SHA-256; signed with SHA-1 */
};

static struct tlsm_bytes say(struct said said)
{
    static uint8_t der[4][4096];
    static unsigned turn;
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(said.sha256 ? EVP_sha256() : EVP_sha1(), said.about != NULL ? said.about : the.leaf, the.root);
    ASN1_TIME *from = X509_time_adj_ex(NULL, 0, said.from != 0 ? said.from : -HOUR, &now);
    ASN1_TIME *to = X509_time_adj_ex(NULL, 0, said.to != 0 ? said.to : DAY, &now);
    uint8_t *at = der[turn++ % 4];
    const struct tlsm_bytes bytes = { at, 0 };
    struct tlsm_bytes made = bytes;
    assert_non_null(OCSP_basic_add1_status(basic, id, said.status, OCSP_REVOKED_STATUS_KEYCOMPROMISE,
                                           said.status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from, said.endless ? NULL : to));
    assert_int_equal(OCSP_basic_sign(basic, said.by != NULL ? said.by : the.root, said.key != NULL ? said.key : the.root_key,
                                     said.weak ? EVP_sha1() : EVP_sha256(), NULL, said.by != NULL ? 0 : OCSP_NOCERTS), 1);
    OCSP_RESPONSE *response = OCSP_response_create(said.error, said.error ? NULL : basic);
    assert_non_null(response);
    made.length = (size_t)i2d_OCSP_RESPONSE(response, &at);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return made;
}

/* ------------------------------------------------------------------------------------------------ judged */

static char why[TLSM_WHY_ROOM];

static uint8_t judged_by(const struct tlsm_judge *judge, struct tlsm_bytes staple, long after)
{
    static uint8_t chain[4096], signature[TLSM_SIGNATURE_MAX];
    struct tlsm_request request = { .kind = TLSM_ASK_JUDGE, .version = TLSM_1_3, .scheme = TLSM_ECDSA_SECP256R1_SHA256, .staple = staple,
                                    .server_name = { (const uint8_t *)"server.example.org", 18 }, .content_length = 100 };
    struct tlsm_answer answer;
    unsigned char *der = NULL;
    const int length = i2d_X509(the.leaf, &der);
    chain[0] = 0, chain[1] = (uint8_t)(length >> 8), chain[2] = (uint8_t)length;
    memcpy(chain + 3, der, (size_t)length);
    chain[3 + length] = chain[4 + length] = 0;
    OPENSSL_free(der);
    request.chain.data = chain;
    request.chain.length = (size_t)length + 5;
    assert_int_equal(tlsm_libcrypto_sign(the.key, &request, signature, &request.signature.length), 0);
    request.signature.data = signature;
    (void)tlsm_judge_answer(the.instance, judge, &request, (int64_t)now + after, &answer, why, sizeof why);
    assert_true((answer.alert == 0) == (why[0] == '\0'));
    assert_int_equal(ERR_peek_error(), 0);
    return answer.alert;
}

static uint8_t judged(struct said said) { return judged_by(the.judge, say(said), 0); }

static void a_good_response_passes(void **state)
{
    (void)state;
    assert_int_equal(judged((struct said){ 0 }), 0);
    assert_int_equal(judged((struct said){ .sha256 = 1 }), 0);
    assert_int_equal(judged((struct said){ .endless = 1 }), 0);
    assert_int_equal(judged((struct said){ .by = the.signer, .key = the.signer_key }), 0);
    assert_int_equal(judged_by(the.strict, say((struct said){ 0 }), 0), 0);
}

static void a_revoked_certificate_is_certificate_revoked(void **state)
{
    (void)state;
    assert_int_equal(judged((struct said){ .status = V_OCSP_CERTSTATUS_REVOKED }), TLSM_ALERT_CERTIFICATE_REVOKED);
    assert_non_null(strstr(why, "revoked"));
    assert_int_equal(judged((struct said){ .status = V_OCSP_CERTSTATUS_REVOKED, .by = the.signer, .key = the.signer_key }),
                     TLSM_ALERT_CERTIFICATE_REVOKED);
}

#define assert_bad(...) assert_int_equal(judged((struct said){ __VA_ARGS__ }), TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE)

static void what_nobody_may_say_is_not_believed(void **state)
{
    (void)state;
    assert_bad(.by = the.other, .key = the.other_key);                /* the authority's, but no responder */
    assert_bad(.by = the.nobody, .key = the.signer_key);
    assert_bad(.by = the.leaf, .key = the.key);                       /* the server's own word */
    assert_bad(.by = the.late, .key = the.signer_key);                /* its certificate has expired */
    assert_bad(.about = the.other);
    assert_bad(.weak = 1);
    assert_bad(.status = V_OCSP_CERTSTATUS_UNKNOWN);
    assert_bad(.error = OCSP_RESPONSE_STATUS_TRYLATER);
}

static void what_was_said_for_another_time_is_not_believed(void **state)
{
    (void)state;
    assert_bad(.from = -2 * DAY, .to = -HOUR);
    assert_bad(.from = HOUR, .to = DAY);
    assert_bad(.from = -8 * DAY, .endless = 1);
    assert_int_equal(judged((struct said){ .from = -6 * DAY, .endless = 1 }), 0);
    assert_int_equal(judged((struct said){ .from = 200, .to = DAY }), 0);        /* clocks differ */
    assert_int_equal(judged((struct said){ .from = -DAY, .to = -200 }), 0);
    assert_int_equal(judged_by(the.judge, say((struct said){ 0 }), 2 * DAY), TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
}

static void a_damaged_response_is_refused(void **state)
{
    static uint8_t copy[4096];
    const struct tlsm_bytes good = say((struct said){ 0 });
    struct tlsm_bytes damaged = { copy, good.length };
    (void)state;
    for (size_t i = 0; i < good.length; i++) {
        memcpy(copy, good.data, good.length);
        copy[i] ^= 0x10;
        assert_int_equal(judged_by(the.judge, damaged, 0), TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
    }
    memcpy(copy, good.data, good.length);
    damaged.length--;
    assert_int_equal(judged_by(the.judge, damaged, 0), TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
    damaged.length += 2;
    assert_int_equal(judged_by(the.judge, damaged, 0), TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
}

static void a_missing_response_passes_unless_it_is_required(void **state)
{
    const struct tlsm_bytes nothing = { NULL, 0 };
    (void)state;
    assert_int_equal(judged_by(the.judge, nothing, 0), 0);
    assert_int_equal(judged_by(the.strict, nothing, 0), TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
    assert_non_null(strstr(why, "required"));
}

/* ------------------------------------------------------------------------------------------------ beside libssl */

static struct tlsm_bytes shown;

static int show(SSL *ssl, void *unused)
{
    unsigned char *copy = shown.length > 0 ? OPENSSL_memdup(shown.data, shown.length) : NULL;
    (void)unused;
    return copy != NULL && SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)shown.length) == 1 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* What our client makes of a libssl server that shows `staple`. */
static void meet(uint16_t version, struct tlsm_bytes staple, int asks, struct tlsm_judge *judge, int alert)
{
    struct beside two;
    beside_prepare(&two, TLSM_CLIENT, version);
    tlsm_judge_free(two.answerer.judge);
    two.answerer.judge = judge;
    two.settings.ask_staple = (uint8_t)asks;
    shown = staple;
    assert_int_equal(SSL_CTX_use_certificate(two.context, the.leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(two.context, the.key), 1);
    assert_int_equal(SSL_CTX_set_tlsext_status_cb(two.context, show), 1);
    beside_begin(&two, "server.example.org");
    beside_carry(&two);
    assert_int_equal(tlsm_connected(two.link.state), alert == TLSM_ALERT_NONE);
    assert_int_equal(two.link.state->control.alert_out, alert);
    two.answerer.judge = NULL;
    beside_free(&two);
}

static void a_server_of_libssl_is_judged_by_what_it_shows(uint16_t version)
{
    const struct tlsm_bytes nothing = { NULL, 0 };
    meet(version, say((struct said){ 0 }), 1, the.judge, TLSM_ALERT_NONE);
    meet(version, say((struct said){ 0 }), 1, the.strict, TLSM_ALERT_NONE);
    meet(version, say((struct said){ .status = V_OCSP_CERTSTATUS_REVOKED }), 1, the.judge, TLSM_ALERT_CERTIFICATE_REVOKED);
    meet(version, say((struct said){ .about = the.other }), 1, the.judge, TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
    meet(version, nothing, 1, the.judge, TLSM_ALERT_NONE);
    meet(version, nothing, 1, the.strict, TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
    meet(version, say((struct said){ .status = V_OCSP_CERTSTATUS_REVOKED }), 0, the.judge, TLSM_ALERT_NONE);   /* not asked, not shown */
}

static void a_server_of_libssl_is_judged_by_what_it_shows_13(void **state)
{
    (void)state;
    a_server_of_libssl_is_judged_by_what_it_shows(TLSM_1_3);
}

static void a_server_of_libssl_is_judged_by_what_it_shows_12(void **state)
{
    (void)state;
    a_server_of_libssl_is_judged_by_what_it_shows(TLSM_1_2);
}

static void show_to_libssl(uint16_t version, int asks, int has)
{
    struct tlsm_libcrypto_credential *loaded = tlsm_libcrypto_credential_load(path_of("chain.pem"), path_of("chain.pem"), why, sizeof why);
    const struct tlsm_bytes staple = say((struct said){ 0 });
    struct beside two;
    const unsigned char *got = NULL;
    assert_non_null(loaded);
    write_file("staple.der", staple.data, staple.length);
    if (has)
        assert_int_equal(tlsm_libcrypto_credential_staple(loaded, path_of("staple.der"), why, sizeof why), 0);
    beside_prepare(&two, TLSM_SERVER, version);
    two.settings.credentials = &loaded->credential;
    two.list[0] = loaded;
    beside_begin(&two, NULL);
    if (asks)
        assert_int_equal(SSL_set_tlsext_status_type(two.ssl, TLSEXT_STATUSTYPE_ocsp), 1);
    beside_carry(&two);
    assert_int_equal(SSL_is_init_finished(two.ssl), 1);
    assert_int_equal(SSL_get_tlsext_status_ocsp_resp(two.ssl, &got), asks && has ? (long)staple.length : -1);
    if (asks && has)
        assert_memory_equal(got, staple.data, staple.length);
    beside_free(&two);
    tlsm_libcrypto_credential_free(loaded);
}

static void who_asks_is_shown_it_13(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        show_to_libssl(TLSM_1_3, i & 1, i >> 1);
}

static void who_asks_is_shown_it_12(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        show_to_libssl(TLSM_1_2, i & 1, i >> 1);
}

static void only_a_response_about_the_leaf_is_loaded(void **state)
{
    static const char junk[70000] = "junk";
    struct tlsm_libcrypto_credential *loaded = tlsm_libcrypto_credential_load(path_of("chain.pem"), path_of("chain.pem"), why, sizeof why);
    const struct tlsm_bytes good = say((struct said){ 0 }), other = say((struct said){ .about = the.other }),
                            error = say((struct said){ .error = OCSP_RESPONSE_STATUS_TRYLATER });
    const struct { const void *data; size_t length; const char *says; } files[] = {
        { junk, sizeof junk, "too long" }, { junk, 0, "empty" }, { junk, 4, "no successful" }, { other.data, other.length, "not about" },
        { error.data, error.length, "no successful" }, { good.data, good.length - 1, "no successful" } };
    (void)state;
    assert_non_null(loaded);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_file("staple.der", files[i].data, files[i].length);
        assert_int_equal(tlsm_libcrypto_credential_staple(loaded, path_of("staple.der"), why, sizeof why), -1);
        assert_non_null(strstr(why, files[i].says));
        assert_int_equal(loaded->credential.staple.length, 0);
    }
    assert_int_equal(tlsm_libcrypto_credential_staple(loaded, path_of("missing"), why, sizeof why), -1);
    assert_non_null(strstr(why, "cannot read"));
    write_file("staple.der", good.data, good.length);
    assert_int_equal(tlsm_libcrypto_credential_staple(loaded, path_of("staple.der"), why, sizeof why), 0);
    assert_int_equal(tlsm_libcrypto_credential_staple(loaded, path_of("staple.der"), why, sizeof why), 0);
    assert_int_equal(loaded->credential.staple.length, good.length);
    assert_int_equal(ERR_peek_error(), 0);
    tlsm_libcrypto_credential_free(loaded);
}

/* ------------------------------------------------------------------------------------------------ on the wire */

/* The client is about to read Certificate. */
static struct pair *before_certificate(int asks)
{
    struct pair *pair = pair_fresh();
    pair->client.settings.ask_staple = (uint8_t)asks;
    pair->server.no_answers = 1;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    while (pair->server.block.state.control.phase != TLSM_PHASE_S_MAKE_CERTIFICATE)
        assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    (void)side_feed(&pair->client);
    return pair;
}

/* Certificate with one entry, whose extensions are `block`. */
static uint8_t refused_entry(int asks, const uint8_t *block, size_t length)
{
    struct pair *pair = before_certificate(asks);
    uint8_t message[200] = { TLSM_MSG_CERTIFICATE, 0, 0, (uint8_t)(9 + length), 0, 0, 0, (uint8_t)(5 + length - 0), 0, 0, 1 };
    message[3] = (uint8_t)(4 + 3 + 1 + 2 + length);
    message[7] = (uint8_t)(3 + 1 + 2 + length);
    message[11] = 0x30;
    message[13] = (uint8_t)length;
    memcpy(message + 14, block, length);
    side_forge(&pair->server, &pair->client, TLSM_TYPE_HANDSHAKE, message, 14 + length);
    (void)side_feed(&pair->client);
    const uint8_t alert = pair->client.out.violation;
    free(pair);
    return alert;
}

static void a_misshapen_response_is_decode_error(void **state)
{
    static const uint8_t good[] = { 0, 5, 0, 5, 1, 0, 0, 1, 'x' };
    static const uint8_t type[] = { 0, 5, 0, 5, 2, 0, 0, 1, 'x' }, empty[] = { 0, 5, 0, 4, 1, 0, 0, 0 };
    static const uint8_t cut[] = { 0, 5, 0, 5, 1, 0, 0, 2, 'x' }, more[] = { 0, 5, 0, 6, 1, 0, 0, 1, 'x', 'y' }, none[] = { 0, 5, 0, 0 };
    static const uint8_t twice[] = { 0, 5, 0, 5, 1, 0, 0, 1, 'x', 0, 5, 0, 5, 1, 0, 0, 1, 'x' };
    (void)state;
    assert_int_equal(refused_entry(1, good, sizeof good), 0);
    assert_int_equal(refused_entry(1, good, 0), 0);
    assert_int_equal(refused_entry(1, type, sizeof type), TLSM_ALERT_DECODE_ERROR);
    assert_int_equal(refused_entry(1, empty, sizeof empty), TLSM_ALERT_DECODE_ERROR);
    assert_int_equal(refused_entry(1, cut, sizeof cut), TLSM_ALERT_DECODE_ERROR);
    assert_int_equal(refused_entry(1, more, sizeof more), TLSM_ALERT_DECODE_ERROR);
    assert_int_equal(refused_entry(1, none, sizeof none), TLSM_ALERT_DECODE_ERROR);
    assert_int_equal(refused_entry(1, twice, sizeof twice), TLSM_ALERT_ILLEGAL_PARAMETER);
    assert_int_equal(refused_entry(0, good, sizeof good), TLSM_ALERT_UNSUPPORTED_EXTENSION);   /* nobody asked */
}

static void requests_are_read(void **state)
{
    static const uint8_t good[] = { 1, 0, 0, 0, 0 }, lists[] = { 1, 0, 2, 9, 9, 0, 1, 7 }, other[] = { 2, 9 };
    static const uint8_t more[] = { 1, 0, 0, 0, 0, 0 }, cut[] = { 1, 0, 0, 0 };
    uint8_t wanted = 9;
    (void)state;
    assert_true(tlsm_read_status_request(tlsm_slice(good, sizeof good), &wanted) && wanted == 1);
    assert_true(tlsm_read_status_request(tlsm_slice(lists, sizeof lists), &wanted) && wanted == 1);
    assert_true(tlsm_read_status_request(tlsm_slice(other, sizeof other), &wanted) && wanted == 0);
    assert_false(tlsm_read_status_request(tlsm_slice(more, sizeof more), &wanted));
    assert_false(tlsm_read_status_request(tlsm_slice(cut, sizeof cut), &wanted));
    assert_false(tlsm_read_status_request(tlsm_slice(NULL, 0), &wanted));
}

/* Whatever is shown is what the judge is asked with, and the room is given back. */
static void the_judge_gets_what_was_shown(void **state)
{
    static const uint8_t leaf[] = { 0x30, 3, 1, 2, 3 };
    static const struct tlsm_bytes chain[] = { { leaf, sizeof leaf }, { leaf, sizeof leaf } };
    static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 }, curve[] = { TLSM_SECP384R1 };
    struct tlsm_credential credential = { chain, 2, schemes, 1, NULL, 0, { (const uint8_t *)"response", 8 } };
    (void)state;
    for (int retried = 0; retried < 2; retried++) {
        struct pair *pair = pair_fresh();
        struct tlsm_request request;
        pair->client.settings.ask_staple = 1;
        pair->client.no_answers = 1;
        pair->server.settings.credentials = &credential;
        pair->server.settings.groups = retried ? curve : NULL;
        pair->server.settings.group_count = 1;
        pair_start(pair);
        pair_talk(pair);
        assert_int_equal(tlsm_request(&pair->client.config, &pair->client.block.state, &request), TLSM_ASK_JUDGE);
        assert_int_equal(request.staple.length, 8);
        assert_memory_equal(request.staple.data, "response", 8);
        pair->client.no_answers = 0;
        pair_talk(pair);
        assert_true(tlsm_connected(&pair->client.block.state));
        free(pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_response_passes),
        cmocka_unit_test(a_revoked_certificate_is_certificate_revoked),
        cmocka_unit_test(what_nobody_may_say_is_not_believed),
        cmocka_unit_test(what_was_said_for_another_time_is_not_believed),
        cmocka_unit_test(a_damaged_response_is_refused),
        cmocka_unit_test(a_missing_response_passes_unless_it_is_required),
        cmocka_unit_test(a_server_of_libssl_is_judged_by_what_it_shows_13),
        cmocka_unit_test(a_server_of_libssl_is_judged_by_what_it_shows_12),
        cmocka_unit_test(who_asks_is_shown_it_13),
        cmocka_unit_test(who_asks_is_shown_it_12),
        cmocka_unit_test(only_a_response_about_the_leaf_is_loaded),
        cmocka_unit_test(a_misshapen_response_is_decode_error),
        cmocka_unit_test(requests_are_read),
        cmocka_unit_test(the_judge_gets_what_was_shown),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
