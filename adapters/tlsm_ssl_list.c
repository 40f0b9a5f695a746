/* SPDX-License-Identifier: MIT */
/* Groups and signature schemes: from the texts of OpenSSL's interface to IANA's numbers. What OpenSSL knows and no provider
 * here has is passed over; what nobody knows is an error. */
#include <openssl/obj_mac.h>
#include <string.h>

#include "tlsm_ssl_internal.h"

enum { LIST_MAX = 64, NAME_ROOM = 64, ELSEWHERE = 0, UNKNOWN = -1 };

/* ------------------------------------------------------------------------------------------------ groups */

static const struct group {
    uint16_t number;
    int nid;
} groups[] = {
    { TLSM_X25519, NID_X25519 },
    { TLSM_SECP256R1, NID_X9_62_prime256v1 },
    { TLSM_SECP384R1, NID_secp384r1 },
};
static const struct group_name {
    uint16_t number;
    char name[18];
} group_names[] = {
    { TLSM_X25519, "X25519" }, { TLSM_X25519, "x25519" },
    { TLSM_SECP256R1, "P-256" }, { TLSM_SECP256R1, "prime256v1" }, { TLSM_SECP256R1, "secp256r1" },
    { TLSM_SECP384R1, "P-384" }, { TLSM_SECP384R1, "secp384r1" },
    { ELSEWHERE, "P-521" }, { ELSEWHERE, "secp521r1" }, { ELSEWHERE, "X448" }, { ELSEWHERE, "x448" },
    { ELSEWHERE, "P-224" }, { ELSEWHERE, "secp224r1" }, { ELSEWHERE, "P-192" }, { ELSEWHERE, "prime192v1" },
    { ELSEWHERE, "secp192r1" }, { ELSEWHERE, "secp256k1" }, { ELSEWHERE, "brainpoolP256r1" },
    { ELSEWHERE, "brainpoolP384r1" }, { ELSEWHERE, "brainpoolP512r1" }, { ELSEWHERE, "ffdhe2048" },
    { ELSEWHERE, "ffdhe3072" }, { ELSEWHERE, "ffdhe4096" }, { ELSEWHERE, "ffdhe6144" }, { ELSEWHERE, "ffdhe8192" },
};
static const int nids_elsewhere[] = {
    NID_secp521r1, NID_X448, NID_secp224r1, NID_X9_62_prime192v1, NID_secp256k1, NID_brainpoolP256r1,
    NID_brainpoolP384r1, NID_brainpoolP512r1, NID_ffdhe2048, NID_ffdhe3072, NID_ffdhe4096, NID_ffdhe6144, NID_ffdhe8192,
};

uint16_t tlsm_ssl_group_of_nid(int nid)
{
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (groups[i].nid == nid)
            return groups[i].number;
    return 0;
}

int tlsm_ssl_nid_of_group(uint16_t group)
{
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (groups[i].number == group)
            return groups[i].nid;
    return NID_undef;
}

static int group_of_name(const char *name)
{
    for (size_t i = 0; i < sizeof group_names / sizeof group_names[0]; i++)
        if (strcmp(group_names[i].name, name) == 0)
            return group_names[i].number;
    return UNKNOWN;
}

static int group_or_elsewhere(int nid)
{
    uint16_t group = tlsm_ssl_group_of_nid(nid);

    for (size_t i = 0; group == 0 && i < sizeof nids_elsewhere / sizeof nids_elsewhere[0]; i++)
        if (nids_elsewhere[i] == nid)
            return ELSEWHERE;
    return group != 0 ? group : UNKNOWN;
}

/* ------------------------------------------------------------------------------------------------ schemes */

static const struct scheme_name {
    uint16_t number;
    char name[26];
} scheme_names[] = {
    { TLSM_ECDSA_SECP256R1_SHA256, "ecdsa_secp256r1_sha256" }, { TLSM_ECDSA_SECP256R1_SHA256, "ECDSA+SHA256" },
    { TLSM_ECDSA_SECP384R1_SHA384, "ecdsa_secp384r1_sha384" }, { TLSM_ECDSA_SECP384R1_SHA384, "ECDSA+SHA384" },
    { TLSM_ED25519, "ed25519" },
    { TLSM_RSA_PSS_RSAE_SHA256, "rsa_pss_rsae_sha256" }, { TLSM_RSA_PSS_RSAE_SHA256, "RSA-PSS+SHA256" },
    { TLSM_RSA_PSS_RSAE_SHA256, "PSS+SHA256" },
    { TLSM_RSA_PSS_RSAE_SHA384, "rsa_pss_rsae_sha384" }, { TLSM_RSA_PSS_RSAE_SHA384, "RSA-PSS+SHA384" },
    { TLSM_RSA_PSS_RSAE_SHA384, "PSS+SHA384" },
    { TLSM_RSA_PSS_RSAE_SHA512, "rsa_pss_rsae_sha512" }, { TLSM_RSA_PSS_RSAE_SHA512, "RSA-PSS+SHA512" },
    { TLSM_RSA_PSS_RSAE_SHA512, "PSS+SHA512" },
    { TLSM_RSA_PSS_PSS_SHA256, "rsa_pss_pss_sha256" }, { TLSM_RSA_PSS_PSS_SHA384, "rsa_pss_pss_sha384" },
    { TLSM_RSA_PSS_PSS_SHA512, "rsa_pss_pss_sha512" },
    { TLSM_RSA_PKCS1_SHA256, "rsa_pkcs1_sha256" }, { TLSM_RSA_PKCS1_SHA256, "RSA+SHA256" },
    { TLSM_RSA_PKCS1_SHA384, "rsa_pkcs1_sha384" }, { TLSM_RSA_PKCS1_SHA384, "RSA+SHA384" },
    { TLSM_RSA_PKCS1_SHA512, "rsa_pkcs1_sha512" }, { TLSM_RSA_PKCS1_SHA512, "RSA+SHA512" },
    /* Not here. */
    { ELSEWHERE, "ecdsa_secp521r1_sha512" }, { ELSEWHERE, "ECDSA+SHA512" }, { ELSEWHERE, "ed448" },
    { ELSEWHERE, "ECDSA+SHA1" }, { ELSEWHERE, "ECDSA+SHA224" }, { ELSEWHERE, "ecdsa_sha1" }, { ELSEWHERE, "ecdsa_sha224" },
    { ELSEWHERE, "RSA+SHA1" }, { ELSEWHERE, "RSA+SHA224" }, { ELSEWHERE, "rsa_pkcs1_sha1" }, { ELSEWHERE, "rsa_pkcs1_sha224" },
    { ELSEWHERE, "DSA+SHA1" }, { ELSEWHERE, "DSA+SHA224" }, { ELSEWHERE, "DSA+SHA256" }, { ELSEWHERE, "DSA+SHA384" },
    { ELSEWHERE, "DSA+SHA512" },
};

static int scheme_of_name(const char *name)
{
    for (size_t i = 0; i < sizeof scheme_names / sizeof scheme_names[0]; i++)
        if (strcmp(scheme_names[i].name, name) == 0)
            return scheme_names[i].number;
    return UNKNOWN;
}

/* ------------------------------------------------------------------------------------------------ lists */

/* A number, or ELSEWHERE, which adds none; 0: UNKNOWN, named twice, or too many. */
static int add(struct ssl_numbers *to, int number)
{
    if (number == UNKNOWN || to->count == LIST_MAX)
        return 0;
    for (size_t i = 0; i < to->count; i++)
        if (to->at[i] == number)
            return 0;
    if (number != ELSEWHERE)
        to->at[to->count++] = (uint16_t)number;
    return 1;
}

static int add_text(struct ssl_numbers *to, const char *text, size_t length, int (*number_of)(const char *))
{
    char name[NAME_ROOM];

    while (length > 0 && *text == ' ') {
        text++;
        length--;
    }
    while (length > 0 && text[length - 1] == ' ')
        length--;
    if (length == 0 || length >= sizeof name)
        return 0;
    memcpy(name, text, length);
    name[length] = '\0';
    return add(to, number_of(name));
}

static int parse(const char *list, int (*number_of)(const char *), struct ssl_numbers *to)
{
    uint16_t at[LIST_MAX];
    struct ssl_numbers found = { at, 0 };

    if (list == NULL)
        return 0;
    for (;;) {
        size_t length = strcspn(list, ":");
        if (!add_text(&found, list, length, number_of))
            return 0;
        if (list[length] == '\0')
            return found.count > 0 && tlsm_ssl_numbers_copy(to, found);
        list += length + 1;
    }
}

int tlsm_ssl_parse_groups(const char *list, struct ssl_numbers *to) { return parse(list, group_of_name, to); }
int tlsm_ssl_parse_schemes(const char *list, struct ssl_numbers *to) { return parse(list, scheme_of_name, to); }

/* ------------------------------------------------------------------------------------------------ setters */

static int set_groups_list(struct ssl_profile *profile, SSL *ssl, const char *list)
{
    if (tlsm_ssl_parse_groups(list, &profile->groups))
        return 1;
    return tlsm_ssl_refuse(ssl, ERR_R_PASSED_INVALID_ARGUMENT,
                           "the list of groups has an unknown name, one twice, or none of X25519, P-256, P-384");
}

static int set_groups(struct ssl_profile *profile, SSL *ssl, const int *nids, int count)
{
    uint16_t at[LIST_MAX];
    struct ssl_numbers found = { at, 0 };

    if (nids == NULL || count <= 0)
        return tlsm_ssl_refuse(ssl, SSL_R_BAD_LENGTH, "a list of groups has at least one");
    for (int i = 0; i < count; i++)
        if (!add(&found, group_or_elsewhere(nids[i])))
            return tlsm_ssl_refuse(ssl, ERR_R_PASSED_INVALID_ARGUMENT, "the list has an unknown group, or one twice");
    if (found.count > 0)
        return tlsm_ssl_numbers_copy(&profile->groups, found);
    return tlsm_ssl_refuse(ssl, ERR_R_PASSED_INVALID_ARGUMENT, "the list has none of X25519, P-256, P-384");
}

static int set_schemes(struct ssl_profile *profile, SSL *ssl, const char *list)
{
    if (tlsm_ssl_parse_schemes(list, &profile->schemes))
        return 1;
    return tlsm_ssl_refuse(ssl, SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
                           "the list of signature schemes has an unknown name, one twice, or none that is known here");
}

int SSL_CTX_set1_groups(SSL_CTX *ctx, const int *nids, int count)
{
    return ctx != NULL && set_groups(&ctx->profile, NULL, nids, count);
}

int SSL_set1_groups(SSL *ssl, const int *nids, int count)
{
    return ssl != NULL && set_groups(&ssl->profile, ssl, nids, count);
}

int SSL_CTX_set1_groups_list(SSL_CTX *ctx, const char *list)
{
    return ctx != NULL && set_groups_list(&ctx->profile, NULL, list);
}

int SSL_set1_groups_list(SSL *ssl, const char *list)
{
    return ssl != NULL && set_groups_list(&ssl->profile, ssl, list);
}

int SSL_CTX_set1_sigalgs_list(SSL_CTX *ctx, const char *list)
{
    return ctx != NULL && set_schemes(&ctx->profile, NULL, list);
}

int SSL_set1_sigalgs_list(SSL *ssl, const char *list)
{
    return ssl != NULL && set_schemes(&ssl->profile, ssl, list);
}
