/* SPDX-License-Identifier: MIT */
/* What the tests of remembered chains share: chains, judges and stapled answers of many kinds, and a question that is put to who
 * remembers and to who does not. */
#ifndef TLSM_TEST_JUDGE_MEMORY_FIXTURE_H
#define TLSM_TEST_JUDGE_MEMORY_FIXTURE_H

#include "ssl_fixture.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "tlsm_judge_internal.h"
#include "tlsm_libcrypto_internal.h"

enum { CHAIN_ROOM = 8192, STAPLE_ROOM = 2048, HOUR = 3600 };

enum { WHOLE, TURNED, WITH_ROOT, WITH_STRANGER, LEAF_ALONE, WITH_EXTENSION, FOR_CLIENTS, FOR_SERVERS, NO_SIGNATURES, CHAINS };
enum { TRUSTING, TRUSTING_TOO, STRANGE, STRICT, LISTING, ANYONE, JUDGES };
enum { UNSTAPLED, STAPLED_GOOD, STAPLED_REVOKED, STAPLED_GARBAGE, STAPLES };

static const char *const names[] = { host, "other.example.org", "127.0.0.1", "127.0.0.2", "", "SERVER.example.org" };
enum { NAMES = sizeof names / sizeof names[0] };

struct chain {
    uint8_t bytes[CHAIN_ROOM];
    size_t length;
};
struct staple {
    uint8_t bytes[STAPLE_ROOM];
    size_t length;
};

static struct {
    X509 *middle, *leaf, *clients, *servers, *unsigning, *stranger;
    struct chain chain[CHAINS];
    struct staple staple[STAPLES];
    struct tlsm_judge *judge[JUDGES];
    int64_t from, until;         /* of the path of most chains: the middle's first second, the leaf's last and one more */
    struct tlsm_libcrypto *instance, *fresh;
    uint8_t signature[TLSM_SIGNATURE_MAX];
    size_t signature_length;
    unsigned verified;           /* certificates that libcrypto looked at */
    uint32_t random;
} the;

/* ------------------------------------------------------------------------------------------------ memory that fails */

static long allocations, failing = -1;   /* counted; which of them fails */
static int for_ever;                     /* and every one after it */

static inline int is_refused(void)
{
    const long number = failing >= 0 ? allocations++ : -1;
    return failing >= 0 && (for_ever ? number >= failing : number == failing);
}

static void *crypto_malloc(size_t length, const char *file, int line)
{
    (void)file;
    (void)line;
    return is_refused() ? NULL : malloc(length);
}

static void *crypto_realloc(void *at, size_t length, const char *file, int line)
{
    (void)file;
    (void)line;
    return is_refused() ? NULL : realloc(at, length);
}

static inline void crypto_free(void *at, const char *file, int line)
{
    (void)file;
    (void)line;
    free(at);
}

static int without_epoch;   /* 1: no memory for a time */

ASN1_TIME *__real_ASN1_TIME_set(ASN1_TIME *to, time_t time);
ASN1_TIME *__wrap_ASN1_TIME_set(ASN1_TIME *to, time_t time);
ASN1_TIME *__wrap_ASN1_TIME_set(ASN1_TIME *to, time_t time) { return without_epoch ? NULL : __real_ASN1_TIME_set(to, time); }

/* ------------------------------------------------------------------------------------------------ making things */

static inline void add(struct chain *chain, const X509 *certificate, size_t extensions)
{
    uint8_t *to = chain->bytes + chain->length;
    unsigned char *der = NULL;
    const int length = i2d_X509(certificate, &der);

    assert_true(length > 0 && chain->length + (size_t)length + 5 + extensions < CHAIN_ROOM);
    to[0] = 0;
    to[1] = (uint8_t)(length >> 8);
    to[2] = (uint8_t)length;
    memcpy(to + 3, der, (size_t)length);
    memset(to + 3 + length, 0, 2 + extensions);
    to[4 + length] = (uint8_t)extensions;
    chain->length += (size_t)length + 5 + extensions;
    OPENSSL_free(der);
}

static inline void make_chains(void)
{
    X509 *const order[CHAINS][3] = {
        [WHOLE] = { the.leaf, the.middle }, [TURNED] = { the.middle, the.leaf }, [WITH_ROOT] = { the.leaf, the.middle, pki.root },
        [WITH_STRANGER] = { the.leaf, the.stranger, the.middle }, [LEAF_ALONE] = { the.leaf },
        [WITH_EXTENSION] = { the.leaf, the.middle }, [FOR_CLIENTS] = { the.clients, the.middle },
        [FOR_SERVERS] = { the.servers, the.middle }, [NO_SIGNATURES] = { the.unsigning, the.middle } };

    for (int i = 0; i < CHAINS; i++)
        for (int j = 0; j < 3 && order[i][j] != NULL; j++)
            add(&the.chain[i], order[i][j], i == WITH_EXTENSION ? 4 : 0);
}

static inline X509 *make_end(const char *purpose, const char *usage)
{
    return make_certificate((struct recipe){ .name = host, .key = pki.ec, .issuer = the.middle, .issuer_key = pki.middle_key, .usage = usage,
                                             .alternative = "DNS:server.example.org,IP:127.0.0.1", .purpose = purpose,
                                             .from = -2 * HOUR, .to = 2 * HOUR });
}

static inline void make_staple(struct staple *staple, int status)
{
    OCSP_BASICRESP *const basic = OCSP_BASICRESP_new();
    OCSP_CERTID *const id = OCSP_cert_to_id(EVP_sha256(), the.leaf, the.middle);
    ASN1_TIME *const from = X509_gmtime_adj(NULL, -60), *const to = X509_gmtime_adj(NULL, HOUR);
    OCSP_RESPONSE *response;
    uint8_t *at = staple->bytes;

    assert_non_null(OCSP_basic_add1_status(basic, id, status, 0, status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from, to));
    assert_int_equal(OCSP_basic_sign(basic, the.middle, pki.middle_key, EVP_sha256(), NULL, OCSP_NOCERTS), 1);
    response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    assert_non_null(response);
    assert_in_range(i2d_OCSP_RESPONSE(response, NULL), 1, STAPLE_ROOM);
    staple->length = (size_t)i2d_OCSP_RESPONSE(response, &at);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
}

/* An empty list of the middle's. */
static inline X509_CRL *make_list(void)
{
    X509_CRL *const list = X509_CRL_new();
    ASN1_TIME *const when = X509_gmtime_adj(NULL, -DAY);

    X509_CRL_set_version(list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list, X509_get_subject_name(the.middle));
    X509_CRL_set1_lastUpdate(list, when);
    (void)X509_gmtime_adj(when, DAY);
    X509_CRL_set1_nextUpdate(list, when);
    assert_true(X509_CRL_sign(list, pki.middle_key, EVP_sha256()) > 0);
    ASN1_TIME_free(when);
    return list;
}

static inline int count_verified(int good, X509_STORE_CTX *context)
{
    (void)context;
    the.verified++;
    return good;
}

static inline struct tlsm_judge *make_judge(X509 *anchor)
{
    struct tlsm_judge *const judge = OPENSSL_zalloc(sizeof *judge);

    judge->store = X509_STORE_new();
    judge->anchors = 1;
    X509_STORE_set_lookup_crls(judge->store, tlsm_judge_look_up_lists);
    X509_STORE_set_verify_cb(judge->store, count_verified);
    assert_int_equal(X509_STORE_add_cert(judge->store, anchor), 1);
    return judge;
}

static inline void make_judges(void)
{
    X509_CRL *const list = make_list();

    the.judge[TRUSTING] = make_judge(pki.root);
    the.judge[TRUSTING_TOO] = make_judge(pki.root);
    the.judge[STRANGE] = make_judge(the.stranger);
    the.judge[STRICT] = make_judge(pki.root);
    tlsm_judge_require_staple(the.judge[STRICT]);
    the.judge[LISTING] = make_judge(pki.root);
    the.judge[LISTING]->lists = 1;
    assert_int_equal(X509_STORE_add_crl(the.judge[LISTING]->store, list), 1);
    the.judge[ANYONE] = tlsm_judge_insecurely_trust_anyone();
    X509_CRL_free(list);
}

static inline int64_t seconds_of(const ASN1_TIME *time)
{
    ASN1_TIME *const epoch = ASN1_TIME_set(NULL, 0);
    int days, seconds;

    assert_int_equal(ASN1_TIME_diff(&days, &seconds, epoch, time), 1);
    ASN1_TIME_free(epoch);
    return (int64_t)days * DAY + seconds;
}

static inline struct tlsm_request request_of(int chain, const char *name)
{
    struct tlsm_request request;

    memset(&request, 0, sizeof request);
    request.kind = TLSM_ASK_JUDGE;
    request.id = 9;
    request.scheme = TLSM_ECDSA_SECP256R1_SHA256;
    request.content_length = 64 + 34 + 32;
    request.chain = (struct tlsm_bytes){ the.chain[chain].bytes, the.chain[chain].length };
    request.server_name = (struct tlsm_bytes){ (const uint8_t *)name, strlen(name) };
    request.signature = (struct tlsm_bytes){ the.signature, the.signature_length };
    return request;
}

static inline int set_up(void **state)
{
    struct tlsm_request request;

    (void)pki_make(state);
    the.middle = make_certificate((struct recipe){ .name = "middle", .key = pki.middle_key, .authority = 1, .issuer = pki.root,
                                                   .issuer_key = pki.root_key, .from = -HOUR, .to = 3 * HOUR });
    the.stranger = make_certificate((struct recipe){ .name = "stranger", .key = pki.other, .authority = 1 });
    the.leaf = make_end(NULL, NULL);
    the.clients = make_end("clientAuth", NULL);
    the.servers = make_end("serverAuth", NULL);
    the.unsigning = make_end(NULL, "keyEncipherment");
    the.from = seconds_of(X509_get0_notBefore(the.middle));
    the.until = seconds_of(X509_get0_notAfter(the.leaf));
    make_chains();
    make_staple(&the.staple[STAPLED_GOOD], V_OCSP_CERTSTATUS_GOOD);
    make_staple(&the.staple[STAPLED_REVOKED], V_OCSP_CERTSTATUS_REVOKED);
    the.staple[STAPLED_GARBAGE] = the.staple[STAPLED_GOOD];
    the.staple[STAPLED_GARBAGE].bytes[the.staple[STAPLED_GARBAGE].length - 1] ^= 1;
    make_judges();
    the.fresh = tlsm_libcrypto_new(NULL);
    request = request_of(WHOLE, host);
    assert_int_equal(tlsm_libcrypto_sign(pki.ec, &request, the.signature, &the.signature_length), 0);
    return 0;
}

static inline int tear_down(void **state)
{
    X509 *const certificates[] = { the.middle, the.leaf, the.clients, the.servers, the.unsigning, the.stranger };

    for (size_t i = 0; i < sizeof certificates / sizeof certificates[0]; i++)
        X509_free(certificates[i]);
    for (int i = 0; i < JUDGES; i++)
        tlsm_judge_free(the.judge[i]);
    tlsm_libcrypto_free(the.fresh);
    return pki_free(state);
}

static inline int begin(void **state)
{
    (void)state;
    the.instance = tlsm_libcrypto_new(NULL);
    the.random = 7;
    return the.instance == NULL;
}

static inline int end(void **state)
{
    (void)state;
    tlsm_libcrypto_free(the.instance);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ asking */

/* What may change from one question to the next. */
struct question {
    int chain, name, judge, staple, of_client, forged;
    int64_t at;
};

static inline uint8_t answer_of(struct tlsm_libcrypto *instance, struct question question, char why[TLSM_WHY_ROOM])
{
    struct tlsm_request request = request_of(question.chain, names[question.name]);
    struct tlsm_answer answer;
    int good;

    request.of_client = (uint8_t)question.of_client;
    request.content[0] = (uint8_t)question.forged;
    request.staple = (struct tlsm_bytes){ the.staple[question.staple].bytes, the.staple[question.staple].length };
    good = tlsm_judge_answer(instance, the.judge[question.judge], &request, question.at, &answer, why, TLSM_WHY_ROOM);
    assert_int_equal(good == 0, answer.alert == 0);
    assert_int_equal(ERR_peek_error(), 0);
    return answer.alert;
}

/* Asked of who remembers and of who does not; `remembered`: whether no certificate was looked at. */
static inline uint8_t ask(struct question question, int *remembered)
{
    char why[2][TLSM_WHY_ROOM];
    uint8_t alert;

    the.verified = 0;
    alert = answer_of(the.instance, question, why[0]);
    *remembered = the.verified == 0;
    tlsm_libcrypto_drop(the.fresh);
    if (answer_of(the.fresh, question, why[1]) != alert)
        fail_msg("chain %d, name %d, judge %d, staple %d, client %d, forged %d, at %lld: %d \"%s\", and who never heard it says \"%s\"",
                 question.chain, question.name, question.judge, question.staple, question.of_client, question.forged,
                 (long long)question.at, alert, why[0], why[1]);
    assert_string_equal(why[0], why[1]);
    return alert;
}

static inline int kept(const struct tlsm_libcrypto *instance)
{
    int count = 0;

    for (size_t i = 0; i < instance->judged.bound; i++) {
        const struct tlsm_judged *const slot = &instance->judged.slots[i];
        assert_int_equal(slot->store != NULL, slot->leaf != NULL);
        assert_int_equal(slot->store != NULL, slot->issuer != NULL);
        count += slot->store != NULL;
    }
    return count;
}

static inline int64_t now(void) { return (int64_t)time(NULL); }

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
