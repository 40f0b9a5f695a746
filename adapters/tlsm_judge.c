/* SPDX-License-Identifier: MIT */
/* Judging one request: parse the chain, verify it, then verify the signature with the leaf's key. */
#include <limits.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "tlsm_judge_internal.h"
#include "tlsm_libcrypto_internal.h"

enum {
    CHAIN_MAX = 32,        /* certificates a peer may send: decoding each costs about 100 µs */
    DEPTH_MAX = 10,        /* intermediate certificates in a path */
    SECURITY_LEVEL = 2     /* RSA from 2048 bits, no SHA-1: libcrypto's own default from 3.2 on */
};

/* ------------------------------------------------------------------------------------------------ the chain */

static uint8_t parse_chain(struct tlsm_libcrypto *instance, struct tlsm_case *verdict)
{
    struct tlsm_bytes der;
    size_t offset = 0;
    X509 *certificate;

    while (tlsm_chain_next(verdict->request->chain, &offset, &der)) {
        int number = sk_X509_num(verdict->others) + (verdict->leaf != NULL);
        if (number == CHAIN_MAX) {
            tlsm_why(verdict->why, verdict->why_room, "%s sent more than %d certificates", tlsm_judge_whom(verdict), CHAIN_MAX);
            return TLSM_ALERT_BAD_CERTIFICATE;
        }
        certificate = tlsm_x509_parse(&instance->certificates, der);
        if (certificate == NULL) {
            tlsm_why(verdict->why, verdict->why_room, "certificate number %d of %s does not parse", number + 1, tlsm_judge_whom(verdict));
            return TLSM_ALERT_BAD_CERTIFICATE;
        }
        if (verdict->leaf == NULL) {
            verdict->leaf = certificate;
        } else if (sk_X509_push(verdict->others, certificate) <= 0) {
            X509_free(certificate);
            return TLSM_ALERT_INTERNAL_ERROR;
        }
    }
    if (verdict->leaf != NULL)
        return 0;
    tlsm_why(verdict->why, verdict->why_room, "%s sent no certificate", tlsm_judge_whom(verdict));
    return TLSM_ALERT_BAD_CERTIFICATE;
}

/* The same name rules for all: a whole label as wildcard, never the subject's common name (RFC 9525 §6.3). */
static int expect_name(X509_VERIFY_PARAM *param, struct tlsm_bytes name)
{
    char text[TLSM_NAME_MAX + 1];
    ASN1_OCTET_STRING *address;
    int good;

    /* A leading dot would mean every host below. */
    if (name.length == 0 || name.data[0] == '.' || name.length > TLSM_NAME_MAX || memchr(name.data, 0, name.length) != NULL)
        return 0;
    memcpy(text, name.data, name.length);
    text[name.length] = '\0';
    address = a2i_IPADDRESS(text);
    if (address != NULL) {
        good = X509_VERIFY_PARAM_set1_ip(param, ASN1_STRING_get0_data(address), (size_t)ASN1_STRING_length(address));
        ASN1_OCTET_STRING_free(address);
        return good == 1;
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return X509_VERIFY_PARAM_set1_host(param, text, name.length) == 1;
}

/* Whether the store itself holds a list of this issuer. Needs no memory. */
static int holds_list(X509_STORE *store, const X509_NAME *issuer)
{
    STACK_OF(X509_OBJECT) *objects;
    int found = X509_STORE_lock(store) != 1;

    if (found)
        return 1;
    objects = X509_STORE_get0_objects(store);
    for (int i = 0; i < sk_X509_OBJECT_num(objects) && !found; i++) {
        const X509_CRL *list = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
        found = list != NULL && X509_NAME_cmp(X509_CRL_get_issuer(list), issuer) == 0;
    }
    (void)X509_STORE_unlock(store);
    return found;
}

STACK_OF(X509_CRL) *tlsm_judge_look_up_lists(const X509_STORE_CTX *context, const X509_NAME *issuer)
{
    STACK_OF(X509_CRL) *lists = X509_STORE_CTX_get1_crls(context, issuer);
    struct tlsm_case *verdict = X509_STORE_CTX_get_ex_data(context, 0);

    verdict->lost |= lists == NULL && holds_list(X509_STORE_CTX_get0_store(context), issuer);
    return lists;
}

/* Revocation lists are honoured where there are some; nobody is refused for the lack of one. But where memory is short
 * libcrypto says "no list" too, and that is no reason to pass. */
static int pass_without_list(int good, X509_STORE_CTX *context)
{
    const struct tlsm_case *verdict = X509_STORE_CTX_get_ex_data(context, 0);

    if (good || X509_STORE_CTX_get_error(context) != X509_V_ERR_UNABLE_TO_GET_CRL)
        return good;
    if (verdict->lost)
        X509_STORE_CTX_set_error(context, X509_V_ERR_OUT_OF_MEM);
    return !verdict->lost;
}

static int prepare(struct tlsm_case *verdict, X509_STORE_CTX *context)
{
    X509_VERIFY_PARAM *param;

    if (X509_STORE_CTX_init(context, verdict->judge->store, verdict->leaf, verdict->others) != 1 ||
        X509_STORE_CTX_set_default(context, verdict->request->of_client ? "ssl_client" : "ssl_server") != 1 || X509_STORE_CTX_set_ex_data(context, 0, verdict) != 1)
        return 0;
    param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
    if (verdict->now_seconds != 0)
        X509_VERIFY_PARAM_set_time(param, (time_t)verdict->now_seconds);
    if (verdict->judge->lists) {
        (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
        X509_STORE_CTX_set_verify_cb(context, pass_without_list);
    }
    return 1;
}

/* Seconds since 1970, or negative: the certificate says nothing that can be counted so. */
static int64_t seconds_of(const ASN1_TIME *epoch, const ASN1_TIME *time)
{
    enum { DAY = 86400 };
    int days, seconds;

    return epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 ? (int64_t)days * DAY + seconds : -1;
}

/* libcrypto takes a certificate for valid from notBefore on, and at notAfter no more. */
static void keep_times(struct tlsm_case *verdict, const STACK_OF(X509) *path)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);

    verdict->from = 0;
    verdict->until = INT64_MAX;
    for (int i = 0; i < sk_X509_num(path); i++) {
        const int64_t from = seconds_of(epoch, X509_get0_notBefore(sk_X509_value(path, i)));
        const int64_t until = seconds_of(epoch, X509_get0_notAfter(sk_X509_value(path, i)));
        if (verdict->from < from)
            verdict->from = from;
        if (verdict->until > until)
            verdict->until = until;   /* negative: never */
    }
    ASN1_TIME_free(epoch);
}

/* The next in the chain that was found; a leaf that is trusted itself may be its own. */
static uint8_t keep_issuer(struct tlsm_case *verdict, X509_STORE_CTX *context)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);
    X509 *issuer = sk_X509_value(chain, sk_X509_num(chain) > 1 ? 1 : 0);

    if (issuer == NULL || X509_up_ref(issuer) != 1)
        return TLSM_ALERT_INTERNAL_ERROR;
    verdict->issuer = issuer;
    keep_times(verdict, chain);
    return 0;
}

static uint8_t verify_chain(struct tlsm_case *verdict)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    uint8_t alert = 0;

    if (context == NULL || !prepare(verdict, context)) {
        tlsm_why(verdict->why, verdict->why_room, "out of memory");
        alert = TLSM_ALERT_INTERNAL_ERROR;
    } else if (!verdict->request->of_client && !expect_name(X509_STORE_CTX_get0_param(context), verdict->request->server_name)) {
        tlsm_why(verdict->why, verdict->why_room,
                 "there is no usable server name to check the certificate for; connect with a host name or an IP "
                 "address");
        alert = TLSM_ALERT_CERTIFICATE_UNKNOWN;
    } else if (X509_verify_cert(context) != 1) {
        alert = tlsm_judge_explain(verdict, context);
    } else {
        alert = keep_issuer(verdict, context);
    }
    X509_STORE_CTX_free(context);
    return alert;
}

/* RFC 9846 §4.5.1.2: "the digitalSignature bit MUST be set if the Key Usage extension is present". */
static uint8_t check_usage(const struct tlsm_case *verdict)
{
    if ((X509_get_key_usage(verdict->leaf) & KU_DIGITAL_SIGNATURE) != 0)
        return 0;
    tlsm_why(verdict->why, verdict->why_room,
             "the certificate's key may not be used for signatures, which TLS 1.3 needs");
    return TLSM_ALERT_UNSUPPORTED_CERTIFICATE;
}

/* ------------------------------------------------------------------------------------------------ the proof */

static uint8_t verify_proof(const struct tlsm_case *verdict)
{
    EVP_PKEY *key = X509_get0_pubkey(verdict->leaf);
    uint8_t alert;

    if (key == NULL) {
        tlsm_why(verdict->why, verdict->why_room, "the certificate's key is of a kind this libcrypto does not know");
        return TLSM_ALERT_UNSUPPORTED_CERTIFICATE;
    }
    alert = tlsm_libcrypto_verify(key, verdict->request);
    if (alert == TLSM_ALERT_DECRYPT_ERROR)
        tlsm_why(verdict->why, verdict->why_room,
                 "%s's signature is wrong: it does not hold the key of its certificate, or somebody changed "
                 "the handshake", tlsm_judge_whom(verdict));
    else if (alert != 0)
        tlsm_why(verdict->why, verdict->why_room,
                 "%s signed with scheme 0x%04x, which does not fit the key of its certificate", tlsm_judge_whom(verdict),
                 verdict->request->scheme);
    return alert;
}

/* The same question was answered yes, with the same store, and the time is within what the answer said. Where there are revocation
 * lists the answer does not last. */
static int was_good(const struct tlsm_libcrypto *instance, struct tlsm_case *verdict, const uint8_t question[TLSM_FINGERPRINT])
{
    const int64_t now = verdict->now_seconds != 0 ? verdict->now_seconds : (int64_t)time(NULL);
    const struct tlsm_judged *judged = tlsm_judged_find(&instance->judged, question, verdict->judge->store, now);

    if (judged == NULL || X509_up_ref(judged->leaf) != 1)
        return 0;
    if (X509_up_ref(judged->issuer) != 1) {
        X509_free(judged->leaf);
        return 0;
    }
    verdict->leaf = judged->leaf;
    verdict->issuer = judged->issuer;
    return 1;
}

static uint8_t judge_chain(struct tlsm_libcrypto *instance, struct tlsm_case *verdict)
{
    uint8_t alert = parse_chain(instance, verdict);

    if (alert == 0 && verdict->judge->store != NULL)
        alert = verify_chain(verdict);
    if (alert == 0 && verdict->judge->store != NULL)
        alert = check_usage(verdict);
    return alert;
}

static uint8_t judge_or_remember(struct tlsm_libcrypto *instance, struct tlsm_case *verdict)
{
    struct tlsm_judged judged;
    uint8_t alert;

    if (verdict->judge->store == NULL || verdict->judge->lists || tlsm_judged_question(verdict->request, judged.question) != 0)
        return judge_chain(instance, verdict);
    if (was_good(instance, verdict, judged.question))
        return 0;
    alert = judge_chain(instance, verdict);
    if (alert != 0)
        return alert;
    judged.store = verdict->judge->store;
    judged.leaf = verdict->leaf;
    judged.issuer = verdict->issuer;
    judged.from = verdict->from;
    judged.until = verdict->until;
    tlsm_judged_keep(&instance->judged, &judged);
    return 0;
}

static uint8_t judge_case(struct tlsm_libcrypto *instance, struct tlsm_case *verdict)
{
    uint8_t alert = judge_or_remember(instance, verdict);

    if (alert == 0 && verdict->judge->store != NULL && !verdict->request->of_client)
        alert = tlsm_judge_staple(verdict);
    return alert != 0 ? alert : verify_proof(verdict);
}

/* libcrypto reads extensions and key of a certificate once, and what it was too short of memory for then it does not read again: for
 * who is refused nothing is kept that may be why. */
static void forget_chain(struct tlsm_libcrypto *instance, const struct tlsm_case *verdict)
{
    struct tlsm_bytes der;
    size_t offset = 0;

    for (int i = 0; i < CHAIN_MAX && tlsm_chain_next(verdict->request->chain, &offset, &der); i++)
        tlsm_x509_forget(&instance->certificates, der);
}

int tlsm_judge_answer(struct tlsm_libcrypto *instance, const struct tlsm_judge *judge,
                      const struct tlsm_request *request, int64_t now_seconds, struct tlsm_answer *answer, char *why,
                      size_t why_room)
{
    struct tlsm_case verdict = { judge, request, now_seconds, NULL, NULL, why, why_room, 0, NULL, 0, 0 };

    memset(answer, 0, sizeof *answer);
    tlsm_why(why, why_room, "%s", "");
    ERR_set_mark();
    verdict.others = sk_X509_new_null();
    answer->id = request->id;
    answer->alert = verdict.others != NULL ? judge_case(instance, &verdict) : TLSM_ALERT_INTERNAL_ERROR;
    if (answer->alert != 0)
        forget_chain(instance, &verdict);
    sk_X509_pop_free(verdict.others, X509_free);
    X509_free(verdict.leaf);
    X509_free(verdict.issuer);
    ERR_pop_to_mark();
    return answer->alert == 0 ? 0 : -1;
}

int tlsm_judge_name(struct tlsm_bytes certificate, char *to, size_t room)
{
    const unsigned char *at = certificate.data;
    X509 *parsed;

    to[0] = '\0';
    ERR_set_mark();
    parsed = certificate.length <= LONG_MAX ? d2i_X509(NULL, &at, (long)certificate.length) : NULL;
    ERR_pop_to_mark();
    if (parsed == NULL)
        return -1;
    tlsm_judge_entity(X509_get_subject_name(parsed), to, room);
    X509_free(parsed);
    return 0;
}
