/* SPDX-License-Identifier: MIT */
/* Chains that were found good are remembered: a remembered answer is never another one than a judge gives who never heard the
 * question, whatever of the question, the judge or the time is changed, and when memory runs out in the middle. */
#define _GNU_SOURCE
#include "ssl_fixture.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "tlsm_judge_internal.h"
#include "tlsm_libcrypto_internal.h"

enum { CHAIN_ROOM = 8192, STAPLE_ROOM = 2048, HOUR = 3600, STEPS = 1200, STRIDE = 61 };

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

static int is_refused(void)
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

static void crypto_free(void *at, const char *file, int line)
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

static void add(struct chain *chain, const X509 *certificate, size_t extensions)
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

static void make_chains(void)
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

static X509 *make_end(const char *purpose, const char *usage)
{
    return make_certificate((struct recipe){ .name = host, .key = pki.ec, .issuer = the.middle, .issuer_key = pki.middle_key, .usage = usage,
                                             .alternative = "DNS:server.example.org,IP:127.0.0.1", .purpose = purpose,
                                             .from = -2 * HOUR, .to = 2 * HOUR });
}

static void make_staple(struct staple *staple, int status)
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
static X509_CRL *make_list(void)
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

static int count_verified(int good, X509_STORE_CTX *context)
{
    (void)context;
    the.verified++;
    return good;
}

static struct tlsm_judge *make_judge(X509 *anchor)
{
    struct tlsm_judge *const judge = OPENSSL_zalloc(sizeof *judge);

    judge->store = X509_STORE_new();
    judge->anchors = 1;
    X509_STORE_set_lookup_crls(judge->store, tlsm_judge_look_up_lists);
    X509_STORE_set_verify_cb(judge->store, count_verified);
    assert_int_equal(X509_STORE_add_cert(judge->store, anchor), 1);
    return judge;
}

static void make_judges(void)
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

static int64_t seconds_of(const ASN1_TIME *time)
{
    ASN1_TIME *const epoch = ASN1_TIME_set(NULL, 0);
    int days, seconds;

    assert_int_equal(ASN1_TIME_diff(&days, &seconds, epoch, time), 1);
    ASN1_TIME_free(epoch);
    return (int64_t)days * DAY + seconds;
}

static struct tlsm_request request_of(int chain, const char *name)
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

static int set_up(void **state)
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

static int tear_down(void **state)
{
    X509 *const certificates[] = { the.middle, the.leaf, the.clients, the.servers, the.unsigning, the.stranger };

    for (size_t i = 0; i < sizeof certificates / sizeof certificates[0]; i++)
        X509_free(certificates[i]);
    for (int i = 0; i < JUDGES; i++)
        tlsm_judge_free(the.judge[i]);
    tlsm_libcrypto_free(the.fresh);
    return pki_free(state);
}

static int begin(void **state)
{
    (void)state;
    the.instance = tlsm_libcrypto_new(NULL);
    the.random = 7;
    return the.instance == NULL;
}

static int end(void **state)
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

static uint8_t answer_of(struct tlsm_libcrypto *instance, struct question question, char why[TLSM_WHY_ROOM])
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
static uint8_t ask(struct question question, int *remembered)
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

static int kept(const struct tlsm_libcrypto *instance)
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

static int64_t now(void) { return (int64_t)time(NULL); }

/* ------------------------------------------------------------------------------------------------ the tests */

static void a_chain_found_good_is_not_verified_again(void **state)
{
    int remembered;

    (void)state;
    assert_int_equal(ask((struct question){ .at = now() }, &remembered), 0);
    assert_false(remembered);
    assert_int_equal(ask((struct question){ .at = now() }, &remembered), 0);
    assert_true(remembered);
    assert_int_equal(ask((struct question){ .at = 0 }, &remembered), 0);   /* the clock's time is a time too */
    assert_true(remembered);
    tlsm_libcrypto_drop(the.instance);
    assert_int_equal(kept(the.instance), 0);
    assert_int_equal(ask((struct question){ .at = now() }, &remembered), 0);
    assert_false(remembered);
}

static void what_was_refused_is_verified_again(void **state)
{
    int remembered;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask((struct question){ .judge = STRANGE }, &remembered), TLSM_ALERT_UNKNOWN_CA);
        assert_false(remembered);
        assert_int_equal(ask((struct question){ .chain = NO_SIGNATURES }, &remembered), TLSM_ALERT_UNSUPPORTED_CERTIFICATE);
        assert_false(remembered);
    }
    assert_int_equal(kept(the.instance), 0);
}

/* notBefore is the first second, notAfter none any more: as libcrypto has it. */
static void it_lasts_to_the_second(void **state)
{
    const struct { int64_t at; int good; } times[] = {
        { the.from - 1, 0 }, { the.from, 1 }, { the.from + 1, 1 }, { the.until - 1, 1 }, { the.until, 0 }, { the.until + 1, 0 },
        { -1, 0 }, { INT64_C(1) << 33, 0 } };
    int remembered;

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        assert_int_equal(ask((struct question){ .at = now() }, &remembered), 0);
        assert_int_equal(ask((struct question){ .at = times[i].at }, &remembered) == 0, times[i].good);
        assert_int_equal(remembered, times[i].good);
    }
}

static void other_roles_names_chains_and_stores_are_other_questions(void **state)
{
    static const struct question others[] = {
        { .of_client = 1 }, { .name = 2 }, { .name = 5 }, { .chain = WITH_ROOT }, { .chain = WITH_STRANGER }, { .chain = WITH_EXTENSION },
        { .judge = TRUSTING_TOO } };
    int remembered;

    (void)state;
    assert_int_equal(ask((struct question){ .at = 0 }, &remembered), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(ask(others[i], &remembered), 0);
        assert_false(remembered);
    }
}

/* One choice changes at a time, so that most questions resemble one that was answered yes. */
static void change(struct question *question)
{
    const int64_t times[] = { 0, now(), now(), now(), the.from - 1, the.from, the.from + 1, the.until - 1, the.until, the.until + 1 };
    unsigned pick;

    the.random = the.random * 1103515245u + 12345u;
    pick = the.random >> 19;
    switch (the.random >> 16 & 7) {
    case 0: question->chain = (int)(pick % CHAINS); break;
    case 1: question->name = (int)(pick % NAMES); break;
    case 2: question->judge = (int)(pick % JUDGES); break;
    case 3: question->staple = (int)(pick % STAPLES); break;
    case 4: question->of_client = (int)(pick & 1); break;
    case 5: question->forged = pick % 8 == 0; break;
    case 6: question->at = times[pick % (sizeof times / sizeof times[0])]; break;
    case 7: *question = (struct question){ .at = now() }; break;
    }
}

static void every_answer_is_what_a_judge_gives_who_never_heard_the_question(void **state)
{
    struct question question = { .at = now() };
    int remembered, times = 0, refused = 0;

    (void)state;
    for (int i = 0; i < STEPS; i++) {
        const int good = ask(question, &remembered) == 0;
        times += good && remembered && question.judge != ANYONE;
        refused += !good && remembered && question.judge != ANYONE;
        change(&question);
    }
    assert_true(times > STEPS / 8);     /* so that something was remembered */
    assert_true(refused > STEPS / 50);  /* and judged in what is not */
}

static void staple_and_signature_are_judged_each_time(void **state)
{
    int remembered;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask((struct question){ .judge = STRICT, .staple = STAPLED_GOOD }, &remembered), 0);
        assert_int_equal(ask((struct question){ .judge = STRICT }, &remembered), TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
        assert_true(remembered);
        assert_int_equal(ask((struct question){ .judge = STRICT, .staple = STAPLED_REVOKED }, &remembered),
                         TLSM_ALERT_CERTIFICATE_REVOKED);
        assert_true(remembered);
        assert_int_equal(ask((struct question){ .judge = STRICT, .staple = STAPLED_GOOD, .forged = 1 }, &remembered),
                         TLSM_ALERT_DECRYPT_ERROR);
        assert_true(remembered);
    }
}

static void nothing_is_remembered_where_there_are_lists(void **state)
{
    int remembered;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask((struct question){ .judge = LISTING }, &remembered), 0);
        assert_int_equal(ask((struct question){ .judge = ANYONE }, &remembered), 0);
    }
    assert_int_equal(kept(the.instance), 0);
}

/* The store that was asked lives as long as its answers, so that no other is taken for it. */
static void a_judge_made_where_another_was_freed_knows_nothing(void **state)
{
    struct tlsm_judge *const trusting = the.judge[TRUSTING];
    int remembered;

    (void)state;
    for (int i = 0; i < 20; i++) {
        the.judge[TRUSTING] = make_judge(pki.root);
        assert_int_equal(ask((struct question){ .at = 0 }, &remembered), 0);
        tlsm_libcrypto_drop(the.fresh);
        tlsm_judge_free(the.judge[TRUSTING]);
        the.judge[TRUSTING] = make_judge(the.stranger);
        assert_int_equal(ask((struct question){ .at = 0 }, &remembered), TLSM_ALERT_UNKNOWN_CA);
        assert_false(remembered);
        tlsm_judge_free(the.judge[TRUSTING]);
    }
    the.judge[TRUSTING] = trusting;
}

static void a_memory_of_one_answers_right(void **state)
{
    const struct tlsm_libcrypto_options options = { .certificates_cached = 1 };
    int remembered;

    (void)state;
    tlsm_libcrypto_free(the.instance);
    the.instance = tlsm_libcrypto_new(&options);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(ask((struct question){ .chain = i % 2 == 0 ? WHOLE : WITH_ROOT }, &remembered), 0);
        assert_false(remembered);
        assert_int_equal(kept(the.instance), 1);
        assert_int_equal(ask((struct question){ .chain = i % 2 == 0 ? WHOLE : WITH_ROOT, .name = 1 }, &remembered),
                         TLSM_ALERT_BAD_CERTIFICATE);
    }
}

/* A name is no part of the chain that follows it, however long either is. */
static void a_long_name_and_a_short_one_ask_different_questions(void **state)
{
    enum { ALL = 70000, SHORT = 10, LONG = SHORT + 65536 };
    uint8_t *const bytes = calloc(1, ALL), question[2][TLSM_FINGERPRINT];
    struct tlsm_request request = request_of(WHOLE, host);

    (void)state;
    request.server_name = (struct tlsm_bytes){ bytes, SHORT };
    request.chain = (struct tlsm_bytes){ bytes + SHORT, ALL - SHORT };
    assert_int_equal(tlsm_judged_question(&request, question[0]), 0);
    request.server_name = (struct tlsm_bytes){ bytes, LONG };
    request.chain = (struct tlsm_bytes){ bytes + LONG, ALL - LONG };
    if (tlsm_judged_question(&request, question[1]) == 0)
        assert_memory_not_equal(question[0], question[1], TLSM_FINGERPRINT);
    free(bytes);
}

/* ------------------------------------------------------------------------------------------------ short of memory */

/* 1: the nth request for memory was made, and refused. */
static int ask_short_of_memory(long nth)
{
    static const struct question good = { .at = 0 }, bad = { .judge = STRANGE };
    char why[TLSM_WHY_ROOM];
    int hit, remembered;

    tlsm_libcrypto_drop(the.instance);
    allocations = 0;
    failing = nth;
    (void)answer_of(the.instance, good, why);
    assert_int_not_equal(answer_of(the.instance, bad, why), 0);
    hit = allocations > nth;
    failing = -1;
    assert_true(kept(the.instance) <= 1);
    assert_int_equal(ask((struct question){ .at = the.until }, &remembered), TLSM_ALERT_CERTIFICATE_EXPIRED);
    assert_int_equal(ask(good, &remembered), 0);
    assert_int_equal(ask(bad, &remembered), TLSM_ALERT_UNKNOWN_CA);
    assert_int_equal(kept(the.instance), 1);
    return hit;
}

/* Whichever is refused, and every later one with it or not: no yes that is not one, nothing half remembered, and with memory again the
 * right answer. One in STRIDE; all of them with TLSM_FAULT_SWEEP=1 in the environment. */
static void nothing_is_half_remembered_when_memory_runs_out(void **state)
{
    const long stride = getenv("TLSM_FAULT_SWEEP") != NULL ? 1 : STRIDE;

    (void)state;
    for (for_ever = 0; for_ever < 2; for_ever++)
        for (long nth = 0; ask_short_of_memory(nth); nth += stride)
            ;
}

static void an_answer_that_nobody_knows_the_end_of_is_not_remembered(void **state)
{
    int remembered;

    (void)state;
    without_epoch = 1;
    assert_int_equal(ask((struct question){ .at = 0 }, &remembered), 0);
    without_epoch = 0;
    assert_int_equal(ask((struct question){ .at = the.until }, &remembered), TLSM_ALERT_CERTIFICATE_EXPIRED);
    assert_int_equal(ask((struct question){ .at = 0 }, &remembered), 0);
    assert_false(remembered);
}

static void an_instance_is_whole_or_none(void **state)
{
    int hit = 1;

    (void)state;
    for (long nth = 0; hit; nth++) {
        struct tlsm_libcrypto *instance;
        allocations = 0;
        failing = nth;
        instance = tlsm_libcrypto_new(NULL);
        hit = allocations > nth;
        failing = -1;
        assert_int_equal(ERR_peek_error(), 0);
        if (instance != NULL) {
            char why[TLSM_WHY_ROOM];
            assert_int_equal(answer_of(instance, (struct question){ .at = 0 }, why), 0);
            assert_int_equal(kept(instance), 1);
        }
        assert_true(hit || instance != NULL);
        tlsm_libcrypto_free(instance);
    }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_chain_found_good_is_not_verified_again),
        EACH(what_was_refused_is_verified_again),
        EACH(it_lasts_to_the_second),
        EACH(other_roles_names_chains_and_stores_are_other_questions),
        EACH(every_answer_is_what_a_judge_gives_who_never_heard_the_question),
        EACH(staple_and_signature_are_judged_each_time),
        EACH(nothing_is_remembered_where_there_are_lists),
        EACH(a_judge_made_where_another_was_freed_knows_nothing),
        EACH(a_memory_of_one_answers_right),
        EACH(a_long_name_and_a_short_one_ask_different_questions),
        EACH(nothing_is_half_remembered_when_memory_runs_out),
        EACH(an_answer_that_nobody_knows_the_end_of_is_not_remembered),
        EACH(an_instance_is_whole_or_none),
    };

    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        return 1;
    return cmocka_run_group_tests_name("judge memory", tests, set_up, tear_down);
}
