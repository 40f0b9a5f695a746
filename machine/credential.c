/* SPDX-License-Identifier: MIT */
/* Which credential is shown: a server's by name and by signature scheme, a client's by scheme and by who issued it. */
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

/* ------------------------------------------------------------------------------------------------ who issued it */

enum { SEQUENCE = 0x30, EXPLICIT_VERSION = 0xa0 };

/* The next value of DER, whole; `content` is what is in it. A length takes up to three bytes, as certificates of TLS do. */
static struct tlsm_bytes take_value(struct tlsm_reader *reader, uint32_t *tag, struct tlsm_bytes *content)
{
    const uint8_t *start = reader->data;
    *tag = tlsm_take_number(reader, 1);
    uint32_t length = tlsm_take_number(reader, 1);
    if (length >= 0x80) {
        if (length < 0x81 || length > 0x83)
            reader->bad = 1;
        else
            length = tlsm_take_number(reader, length - 0x80);
    }
    *content = tlsm_take(reader, length);
    return reader->bad ? tlsm_slice(NULL, 0) : tlsm_slice(start, (size_t)(reader->data - start));
}

/* RFC 5280 §4.1: Certificate { TBSCertificate { [0] version, serialNumber, signature, issuer … } … }. The issuer's Name, whole;
 * empty for what is no certificate. */
static struct tlsm_bytes issuer_of(struct tlsm_bytes certificate)
{
    struct tlsm_reader reader = tlsm_reader(certificate);
    struct tlsm_bytes content, value;
    uint32_t tag;
    for (int depth = 0; depth < 2; depth++) {
        (void)take_value(&reader, &tag, &content);
        if (reader.bad || tag != SEQUENCE)
            return tlsm_slice(NULL, 0);
        reader = tlsm_reader(content);
    }
    if (reader.left > 0 && reader.data[0] == EXPLICIT_VERSION)
        (void)take_value(&reader, &tag, &content);
    (void)take_value(&reader, &tag, &content);
    (void)take_value(&reader, &tag, &content);
    value = take_value(&reader, &tag, &content);
    return tag == SEQUENCE ? value : tlsm_slice(NULL, 0);
}

static int names_have(struct tlsm_bytes names, struct tlsm_bytes name)
{
    struct tlsm_reader reader = tlsm_reader(names);
    while (reader.left > 0 && name.length > 0) {
        const struct tlsm_bytes one = tlsm_take_vector(&reader, 2);
        if (one.length == name.length && memcmp(one.data, name.data, name.length) == 0)
            return 1;
    }
    return 0;
}

/* §4.5.1.2: "at least one of the certificates in the certificate chain SHOULD be issued by one of the listed CAs." */
static int is_issued_by(const struct tlsm_credential *credential, struct tlsm_bytes authorities)
{
    for (size_t i = 0; i < credential->chain_count; i++)
        if (names_have(authorities, issuer_of(credential->chain[i])))
            return 1;
    return authorities.length == 0;
}

/* TLS 1.2: a kind of key the server takes. A list that is not known restricts nothing. */
static int type_asked(struct tlsm_bytes types, uint16_t scheme)
{
    const int curve = scheme == TLSM_ECDSA_SECP256R1_SHA256 || scheme == TLSM_ECDSA_SECP384R1_SHA384;
    for (size_t i = 0; i < types.length; i++)
        if (types.data[i] == (curve ? TLSM_ECDSA_SIGN : TLSM_RSA_SIGN))
            return 1;
    return types.length == 0;
}

uint16_t tlsm_client_scheme(const struct tlsm_credential *credential, const struct tlsm_asked *asked, uint16_t version)
{
    for (size_t i = 0; i < credential->scheme_count; i++) {
        const uint16_t scheme = credential->schemes[i];
        const int signs = version == TLSM_1_2 ? tlsm_scheme_hash_12(scheme) != 0 : tlsm_scheme_signs(scheme, version);
        if (signs && tlsm_list_has(asked->schemes, scheme) && type_asked(asked->types, scheme))
            return scheme;
    }
    return 0;
}

size_t tlsm_choose_shown(const struct tlsm_settings *settings, uint16_t version, const struct tlsm_asked *asked)
{
    for (size_t i = 0; i < settings->credential_count; i++)
        if (tlsm_client_scheme(&settings->credentials[i], asked, version) != 0 && is_issued_by(&settings->credentials[i], asked->authorities))
            return i;
    return TLSM_NO_CREDENTIAL;
}

size_t tlsm_choose_client_credential(const struct tlsm_settings *settings, uint16_t version, struct tlsm_bytes schemes,
                                     struct tlsm_bytes authorities)
{
    const struct tlsm_asked asked = { .schemes = schemes, .authorities = authorities };
    return tlsm_choose_shown(settings, version, &asked);
}
