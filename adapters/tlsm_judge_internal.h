/* SPDX-License-Identifier: MIT */
/* What the judge's files share and nobody else sees. */
#ifndef TLSM_JUDGE_INTERNAL_H
#define TLSM_JUDGE_INTERNAL_H

#include <openssl/x509_vfy.h>

#include "tlsm_judge.h"

struct tlsm_judge {
    X509_STORE *store;     /* NULL: insecure, anyone */
    int anchors;           /* 1: there is a trusted certificate */
    int lists;             /* 1: there is a revocation list */
    int staple_required;   /* 1: a server without an OCSP response is refused */
};

/* One case: what is being judged and where its sentence goes. */
struct tlsm_case {
    const struct tlsm_judge *judge;
    const struct tlsm_request *request;
    int64_t now_seconds;
    X509 *leaf;
    STACK_OF(X509) *others;
    char *why;
    size_t why_room;
    int lost;              /* 1: a revocation list that is there could not be looked up */
    X509 *issuer;          /* of the leaf, once the chain was verified; a reference */
    int64_t from, until;   /* when every certificate of the verified path is valid: tlsm_libcrypto_internal.h */
};

/* tlsm_judge_alert: what RFC 9846 §6.2 names for an X509_V_ERR_… */
uint8_t tlsm_judge_alert(int error);

/* tlsm_judge_look_up_lists: the store's way to find revocation lists: libcrypto's, but the case that is
 * the context's first datum hears of a list that is there and was not found. */
STACK_OF(X509_CRL) *tlsm_judge_look_up_lists(const X509_STORE_CTX *context, const X509_NAME *issuer);

/* tlsm_judge_entity: a subject or issuer in words: its common name, else its organisation. tlsm_judge_whom: "the server" or "the
 * client". */
void tlsm_judge_entity(const X509_NAME *name, char *to, size_t room);
const char *tlsm_judge_whom(const struct tlsm_case *verdict);
/* tlsm_judge_staple: the OCSP response that came with the leaf; leaf and issuer are verified. 0, or the alert (RFC 6066 §8). */
uint8_t tlsm_judge_staple(const struct tlsm_case *verdict);

/* tlsm_judge_explain: puts a failed verification into words; returns the alert. */
uint8_t tlsm_judge_explain(const struct tlsm_case *verdict, X509_STORE_CTX *context);

#endif
