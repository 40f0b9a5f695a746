/* SPDX-License-Identifier: MIT */
/* The OCSP response that a server shows with its certificate (RFC 6960): whose it is, what it is about, when it was said, and what
 * it says. Nothing of it is believed before its signature was verified. */
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "tlsm_judge_internal.h"
#include "tlsm_libcrypto_internal.h"

enum {
    SKEW_SECONDS = 300,           /* clocks differ */
    LIFE_SECONDS = 7 * 86400,     /* of a response that does not say until when it holds */
    SECURITY_BITS = 112           /* as SECURITY_LEVEL of the chain */
};

static uint8_t refuse(const struct tlsm_case *verdict, const char *what)
{
    tlsm_why(verdict->why, verdict->why_room, "the OCSP response that the server sent with its certificate %s", what);
    return TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE;
}

OCSP_BASICRESP *tlsm_staple_parse(struct tlsm_bytes der)
{
    const unsigned char *at = der.data;
    OCSP_RESPONSE *response = der.length <= INT32_MAX ? d2i_OCSP_RESPONSE(NULL, &at, (long)der.length) : NULL;
    OCSP_BASICRESP *basic = NULL;

    if (response != NULL && at == der.data + der.length && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
        basic = OCSP_response_get1_basic(response);
    OCSP_RESPONSE_free(response);
    return basic;
}

/* ------------------------------------------------------------------------------------------------ whose it is */

static time_t now_of(const struct tlsm_case *verdict)
{
    return verdict->now_seconds != 0 ? (time_t)verdict->now_seconds : time(NULL);
}

/* RFC 6960 §4.2.2.2: the issuer's own key, or one that the issuer itself certified for this, "id-kp-OCSPSigning". */
static int may_speak(const struct tlsm_case *verdict, X509 *signer)
{
    time_t now = now_of(verdict);

    if (X509_cmp(signer, verdict->issuer) == 0)
        return 1;
    return X509_check_issued(verdict->issuer, signer) == X509_V_OK && X509_verify(signer, X509_get0_pubkey(verdict->issuer)) == 1 &&
           (X509_get_extension_flags(signer) & EXFLAG_XKUSAGE) != 0 &&
           (X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) != 0 && X509_cmp_time(X509_get0_notBefore(signer), &now) < 0 &&
           X509_cmp_time(X509_get0_notAfter(signer), &now) > 0;
}

/* No SHA-1, no key below what is asked of the chain. */
static int is_strong(const OCSP_BASICRESP *basic, const X509 *signer)
{
    const ASN1_OBJECT *algorithm;
    const EVP_PKEY *key = X509_get0_pubkey(signer);
    int digest = NID_undef, unused;

    X509_ALGOR_get0(&algorithm, NULL, NULL, OCSP_resp_get0_tbs_sigalg(basic));
    (void)OBJ_find_sigid_algs(OBJ_obj2nid(algorithm), &digest, &unused);
    return digest != NID_sha1 && digest != NID_md5 && key != NULL && EVP_PKEY_get_security_bits(key) >= SECURITY_BITS;
}

static int is_authentic(const struct tlsm_case *verdict, OCSP_BASICRESP *basic)
{
    STACK_OF(X509) *known = sk_X509_new_null();
    X509 *signer = NULL;
    int good = known != NULL && sk_X509_push(known, verdict->issuer) > 0 && OCSP_resp_get0_signer(basic, &signer, known) == 1 &&
               may_speak(verdict, signer) && is_strong(basic, signer);

    if (good && signer != verdict->issuer)
        good = sk_X509_push(known, signer) > 0;
    if (good)   /* the signature alone: who may sign was decided, at the time that was given */
        good = OCSP_basic_verify(basic, known, NULL, OCSP_NOVERIFY) == 1;
    sk_X509_free(known);
    return good;
}

/* ------------------------------------------------------------------------------------------------ what it says */

static int is_about(OCSP_SINGLERESP *single, const X509 *leaf, const X509 *issuer)
{
    OCSP_CERTID *theirs = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single), *ours;
    ASN1_OBJECT *digest = NULL;
    int same;

    if (OCSP_id_get0_info(NULL, &digest, NULL, NULL, theirs) != 1 || EVP_get_digestbyobj(digest) == NULL)
        return 0;
    ours = OCSP_cert_to_id(EVP_get_digestbyobj(digest), leaf, issuer);
    same = ours != NULL && OCSP_id_cmp(ours, theirs) == 0;
    OCSP_CERTID_free(ours);
    return same;
}

OCSP_SINGLERESP *tlsm_staple_find(OCSP_BASICRESP *basic, const X509 *leaf, const X509 *issuer)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++)
        if (is_about(OCSP_resp_get0(basic, i), leaf, issuer))
            return OCSP_resp_get0(basic, i);
    return NULL;
}

/* X509_cmp_time(): 0 is an unreadable time, "the same second" is -1. */
static int is_current(const struct tlsm_case *verdict, const ASN1_GENERALIZEDTIME *from, const ASN1_GENERALIZEDTIME *until)
{
    time_t later = now_of(verdict) + SKEW_SECONDS, earlier = now_of(verdict) - SKEW_SECONDS, oldest = now_of(verdict) - LIFE_SECONDS;

    if (from == NULL || X509_cmp_time(from, &later) >= 0)
        return 0;
    return until != NULL ? X509_cmp_time(until, &earlier) > 0 : X509_cmp_time(from, &oldest) > 0;
}

static uint8_t judge_single(const struct tlsm_case *verdict, OCSP_SINGLERESP *single)
{
    ASN1_GENERALIZEDTIME *revoked = NULL, *from = NULL, *until = NULL;
    int reason = OCSP_REVOKED_STATUS_NOSTATUS;
    int status = OCSP_single_get0_status(single, &reason, &revoked, &from, &until);

    if (!is_current(verdict, from, until))
        return refuse(verdict, "is out of date, or not valid yet; the server must fetch a new one, or this computer's clock is wrong");
    if (status == V_OCSP_CERTSTATUS_GOOD)
        return 0;
    if (status != V_OCSP_CERTSTATUS_REVOKED)
        return refuse(verdict, "says that its authority does not know this certificate");
    tlsm_why(verdict->why, verdict->why_room, "the certificate of the server was revoked by its authority (reason: %s); do not trust it",
             OCSP_crl_reason_str(reason));
    return TLSM_ALERT_CERTIFICATE_REVOKED;
}

static uint8_t judge_basic(const struct tlsm_case *verdict, OCSP_BASICRESP *basic)
{
    OCSP_SINGLERESP *single = NULL;

    if (!is_authentic(verdict, basic))
        return refuse(verdict, "is not signed by the certificate's issuer, nor by who the issuer named for it");
    single = tlsm_staple_find(basic, verdict->leaf, verdict->issuer);
    return single != NULL ? judge_single(verdict, single) : refuse(verdict, "is about another certificate");
}

uint8_t tlsm_judge_staple(const struct tlsm_case *verdict)
{
    const struct tlsm_bytes der = verdict->request->staple;
    OCSP_BASICRESP *basic;
    uint8_t alert;

    if (der.length == 0 && !verdict->judge->staple_required)
        return 0;
    if (der.length == 0) {
        tlsm_why(verdict->why, verdict->why_room,
                 "the server showed no OCSP response for its certificate, which is required here; it must staple one");
        return TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE;
    }
    basic = tlsm_staple_parse(der);
    alert = basic != NULL ? judge_basic(verdict, basic) : refuse(verdict, "does not parse, or is only an error of the responder");
    OCSP_BASICRESP_free(basic);
    return alert;
}
