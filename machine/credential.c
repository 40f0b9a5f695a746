/* SPDX-License-Identifier: MIT */
/* Which credential a server shows: by name and by signature scheme. */
#include "handshake.h"

/* RFC 9846 §4.3.3: RSASSA-PKCS1-v1_5 "is not defined for use in signed TLS handshake messages" of TLS 1.3; in TLS 1.2 it is
 * (RFC 5246 §7.4.1.4.1). SHA-1 is accepted in neither (RFC 9155). */
int tlsm_scheme_signs(uint16_t scheme, uint16_t version)
{
    switch (scheme) {
    case TLSM_ECDSA_SECP256R1_SHA256: case TLSM_ECDSA_SECP384R1_SHA384: case TLSM_ED25519:
    case TLSM_RSA_PSS_RSAE_SHA256: case TLSM_RSA_PSS_RSAE_SHA384: case TLSM_RSA_PSS_RSAE_SHA512:
    case TLSM_RSA_PSS_PSS_SHA256: case TLSM_RSA_PSS_PSS_SHA384: case TLSM_RSA_PSS_PSS_SHA512:
        return 1;
    case TLSM_RSA_PKCS1_SHA256: case TLSM_RSA_PKCS1_SHA384: case TLSM_RSA_PKCS1_SHA512:
        return version == TLSM_1_2;
    }
    return 0;
}

int tlsm_scheme_is_rsa(uint16_t scheme)
{
    switch (scheme) {
    case TLSM_RSA_PKCS1_SHA256: case TLSM_RSA_PKCS1_SHA384: case TLSM_RSA_PKCS1_SHA512:
    case TLSM_RSA_PSS_RSAE_SHA256: case TLSM_RSA_PSS_RSAE_SHA384: case TLSM_RSA_PSS_RSAE_SHA512:
    case TLSM_RSA_PSS_PSS_SHA256: case TLSM_RSA_PSS_PSS_SHA384: case TLSM_RSA_PSS_PSS_SHA512:
        return 1;
    }
    return 0;
}

uint16_t tlsm_common_scheme(const struct tlsm_credential *credential, struct tlsm_bytes schemes, uint16_t version)
{
    for (size_t i = 0; i < credential->scheme_count; i++)
        if (tlsm_scheme_signs(credential->schemes[i], version) && tlsm_list_has(schemes, credential->schemes[i]))
            return credential->schemes[i];
    return 0;
}

static uint8_t lower(uint8_t letter)
{
    return letter >= 'A' && letter <= 'Z' ? (uint8_t)(letter + ('a' - 'A')) : letter;
}

static int same_name(struct tlsm_bytes a, struct tlsm_bytes b)
{
    if (a.length != b.length)
        return 0;
    for (size_t i = 0; i < a.length; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return 0;
    return 1;
}

/* The name from its first dot on, or empty. */
static struct tlsm_bytes parent(struct tlsm_bytes name)
{
    size_t at = 0;
    while (at < name.length && name.data[at] != '.')
        at++;
    return at == 0 ? tlsm_slice(NULL, 0) : tlsm_slice(name.data + at, name.length - at);
}

/* "*.example.org" covers exactly one label. */
static int matches(struct tlsm_bytes pattern, struct tlsm_bytes name)
{
    if (pattern.length < 3 || pattern.data[0] != '*' || pattern.data[1] != '.')
        return same_name(pattern, name);
    return same_name(tlsm_slice(pattern.data + 1, pattern.length - 1), parent(name));
}

int tlsm_name_fits(const struct tlsm_credential *credential, struct tlsm_bytes name)
{
    for (size_t i = 0; name.length > 0 && i < credential->name_count; i++)
        if (matches(credential->names[i], name))
            return 1;
    return credential->name_count == 0;
}

size_t tlsm_choose_credential(const struct tlsm_settings *settings, uint16_t version, struct tlsm_bytes name, struct tlsm_bytes schemes)
{
    size_t fallback = settings->credential_count;
    if (schemes.length == 0)
        return 0;   /* this client can only resume */
    for (size_t i = 0; i < settings->credential_count; i++) {
        const struct tlsm_credential *credential = &settings->credentials[i];
        if (tlsm_common_scheme(credential, schemes, version) == 0)
            continue;
        if (tlsm_name_fits(credential, name))
            return i;
        if (fallback == settings->credential_count)
            fallback = i;
    }
    return fallback;
}
