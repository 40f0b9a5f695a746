/* SPDX-License-Identifier: MIT */
/* From libcrypto's verification error to the alert RFC 9846 §6.2 names, and to a sentence for people. What a certificate
 * says about itself was written by a stranger: only printable ASCII of it gets into a sentence. */
#include <openssl/asn1.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "tlsm_judge_internal.h"
#include "tlsm_libcrypto_internal.h"

enum { NAMES_SHOWN = 3, NAME_ROOM = 160, LIST_ROOM = 256, TIME_ROOM = 64 };

/* Appends; room includes the terminator. */
static void append_printable(char *to, size_t room, const uint8_t *bytes, size_t length)
{
    size_t at = strlen(to);

    for (size_t i = 0; i < length && at + 1 < room; i++)
        to[at++] = (char)(bytes[i] > ' ' && bytes[i] < 0x7f ? bytes[i] : bytes[i] == ' ' ? ' ' : '?');
    to[at] = '\0';
}

static void append(char *to, size_t room, const char *text)
{
    append_printable(to, room, (const uint8_t *)text, strlen(text));
}

static void append_address(char *to, size_t room, const ASN1_OCTET_STRING *address)
{
    const uint8_t *byte = ASN1_STRING_get0_data(address);
    int length = ASN1_STRING_length(address);
    char text[8];

    for (int i = 0; i < length && (length == 4 || length == 16); i++) {
        const char *between = i == 0 ? "" : length == 4 ? "." : i % 2 == 0 ? ":" : "";
        (void)snprintf(text, sizeof text, length == 4 ? "%s%d" : "%s%02x", between, byte[i]);
        append(to, room, text);
    }
}

/* The first few names a certificate is for. */
static void list_names(const X509 *leaf, char *to, size_t room)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    int shown = 0;

    to[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && shown <= NAMES_SHOWN; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS && name->type != GEN_IPADD)
            continue;
        append(to, room, shown == 0 ? "" : ", ");
        if (++shown > NAMES_SHOWN)
            append(to, room, "and others");
        else if (name->type == GEN_DNS)
            append_printable(to, room, ASN1_STRING_get0_data(name->d.dNSName),
                             (size_t)ASN1_STRING_length(name->d.dNSName));
        else
            append_address(to, room, name->d.iPAddress);
    }
    if (shown == 0)
        append(to, room, "no name at all");
    GENERAL_NAMES_free(names);
}

const char *tlsm_judge_whom(const struct tlsm_case *verdict) { return verdict->request->of_client ? "the client" : "the server"; }

void tlsm_judge_entity(const X509_NAME *name, char *to, size_t room)
{
    int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    const ASN1_STRING *value;

    if (index < 0)
        index = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
    to[0] = '\0';
    if (index < 0) {
        append(to, room, "(unnamed)");
        return;
    }
    value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));
    append_printable(to, room, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
}

static void time_text(const ASN1_TIME *time, char *to, size_t room)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) == 1)
        (void)snprintf(to, room, "%04d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                       tm.tm_hour, tm.tm_min, tm.tm_sec);
    else
        (void)snprintf(to, room, "an unreadable time");
}

static void explain_time(const struct tlsm_case *verdict, const X509 *certificate, int error)
{
    int expired = error == X509_V_ERR_CERT_HAS_EXPIRED;
    char name[NAME_ROOM], when[TIME_ROOM];

    tlsm_judge_entity(X509_get_subject_name(certificate), name, sizeof name);
    time_text(expired ? X509_get0_notAfter(certificate) : X509_get0_notBefore(certificate), when, sizeof when);
    tlsm_why(verdict->why, verdict->why_room,
             "the certificate of %s %s %s; %s must renew it, or this computer's clock is wrong",
             name, expired ? "expired at" : "is not valid before", when, tlsm_judge_whom(verdict));
}

static void explain_name(const struct tlsm_case *verdict)
{
    char names[LIST_ROOM], asked[NAME_ROOM] = "";

    append_printable(asked, sizeof asked, verdict->request->server_name.data, verdict->request->server_name.length);
    list_names(verdict->leaf, names, sizeof names);
    tlsm_why(verdict->why, verdict->why_room,
             "the certificate is not for %s but for %s; check the name you connect to", asked,
             names);
}

static void explain_anchor(const struct tlsm_case *verdict, const X509 *certificate, int error)
{
    char name[NAME_ROOM];

    if (!verdict->judge->anchors) {
        tlsm_why(verdict->why, verdict->why_room, "no trusted certificates: install ca-certificates or give --ca");
        return;
    }
    if (error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT) {
        tlsm_judge_entity(X509_get_subject_name(certificate), name, sizeof name);
        tlsm_why(verdict->why, verdict->why_room,
                 "the certificate of %s is self-signed and not trusted; if it is the right one, give it with --ca",
                 name);
        return;
    }
    tlsm_judge_entity(X509_get_issuer_name(certificate), name, sizeof name);
    tlsm_why(verdict->why, verdict->why_room,
             "the issuer %s is not trusted; give its certificate with --ca, or let %s send the missing "
             "intermediate certificates",
             name, tlsm_judge_whom(verdict));
}

static void explain_other(const struct tlsm_case *verdict, const X509 *certificate, int error)
{
    char name[NAME_ROOM];

    (void)snprintf(name, sizeof name, "%s", tlsm_judge_whom(verdict));
    if (certificate != NULL)
        tlsm_judge_entity(X509_get_subject_name(certificate), name, sizeof name);
    tlsm_why(verdict->why, verdict->why_room, "the certificate of %s is refused: %s", name,
             X509_verify_cert_error_string(error));
}

uint8_t tlsm_judge_alert(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:   /* "has expired or is not currently valid" */
        return TLSM_ALERT_CERTIFICATE_EXPIRED;
    case X509_V_ERR_CERT_REVOKED:
        return TLSM_ALERT_CERTIFICATE_REVOKED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_INVALID_CA:
        return TLSM_ALERT_UNKNOWN_CA;
    case X509_V_ERR_INVALID_PURPOSE:
        return TLSM_ALERT_UNSUPPORTED_CERTIFICATE;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:   /* "contained signatures that did not verify correctly" */
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
    case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return TLSM_ALERT_BAD_CERTIFICATE;
    case X509_V_ERR_OUT_OF_MEM:
    case X509_V_ERR_INVALID_CALL:
    case X509_V_ERR_STORE_LOOKUP:
        return TLSM_ALERT_INTERNAL_ERROR;
    }
    return TLSM_ALERT_CERTIFICATE_UNKNOWN;
}

uint8_t tlsm_judge_explain(const struct tlsm_case *verdict, X509_STORE_CTX *context)
{
    int error = X509_STORE_CTX_get_error(context);
    const X509 *certificate = X509_STORE_CTX_get_current_cert(context);
    uint8_t alert = tlsm_judge_alert(error);

    if (certificate == NULL)
        certificate = verdict->leaf;
    if (alert == TLSM_ALERT_CERTIFICATE_EXPIRED)
        explain_time(verdict, certificate, error);
    else if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)
        explain_name(verdict);
    else if (alert == TLSM_ALERT_UNKNOWN_CA && error != X509_V_ERR_INVALID_CA &&
             error != X509_V_ERR_PATH_LENGTH_EXCEEDED && error != X509_V_ERR_CERT_CHAIN_TOO_LONG)
        explain_anchor(verdict, certificate, error);
    else
        explain_other(verdict, certificate, error);
    return alert;
}
