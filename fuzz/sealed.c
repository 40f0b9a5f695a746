/* SPDX-License-Identifier: MIT */
#include "sealed.h"

#include <string.h>

#include "null_provider.h"

enum { TYPE_CCS = 20, TYPE_DATA = 23, BODY_MAX = 1 << 16, NONCE = 8, AAD = 13 };

static const struct tlsm_crypto *const null = &tlsm_null_provider_never_released;

static void put_header(uint8_t *header, uint8_t type, size_t body)
{
    const uint8_t bytes[TLSM_HEADER] = { type, 3, 3, (uint8_t)(body >> 8), (uint8_t)(body & 255) };
    memcpy(header, bytes, sizeof bytes);
}

static void put_number(uint8_t *to, uint64_t number, unsigned bytes)
{
    for (unsigned i = bytes; i > 0; i--, number >>= 8)
        to[i - 1] = (uint8_t)(number & 255);
}

static uint64_t get_number(const uint8_t *from)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < NONCE; i++)
        number = number << 8 | from[i];
    return number;
}

/* RFC 5288 §3 has an explicit nonce, RFC 7905 §2 none. */
static size_t explicit_nonce(const struct tlsm_key *key) { return key->suite == TLSM_CHACHA20_POLY1305_SHA256 ? 0 : NONCE; }

size_t sealed_overhead(uint16_t version, const struct tlsm_key *key)
{
    return version == TLSM_1_2 ? explicit_nonce(key) + TLSM_TAG : TLSM_TAG;
}

/* RFC 5246 §6.2.3.3. */
static void put_aad(uint8_t aad[AAD], uint64_t sequence, uint8_t type, size_t length)
{
    put_number(aad, sequence, 8);
    put_header(aad + 8, type, length);
}

static size_t make_12(const struct tlsm_key *key, const struct sealed *what, uint8_t *to)
{
    const size_t nonce = explicit_nonce(key), body = nonce + what->length + TLSM_TAG;
    uint8_t aad[AAD];
    put_header(to, what->type, body);
    put_number(to + TLSM_HEADER, key->sequence, (unsigned)nonce);
    put_aad(aad, key->sequence, what->type, what->length);
    (void)null->seal(NULL, key, (struct tlsm_bytes){ aad, sizeof aad }, (struct tlsm_bytes){ what->content, what->length },
                     (struct tlsm_bytes){ NULL, 0 }, to + TLSM_HEADER + nonce);
    return TLSM_HEADER + body;
}

size_t sealed_make(uint16_t version, const struct tlsm_key *key, const struct sealed *what, uint8_t *to)
{
    static uint8_t inner[BODY_MAX];
    if (version == TLSM_1_2)
        return make_12(key, what, to);
    memset(inner, 0, what->whole);
    if (what->length > 0)
        memcpy(inner, what->content, what->length);
    if (what->type != 0)
        inner[what->length] = what->type;
    put_header(to, TYPE_DATA, what->whole + TLSM_TAG);
    (void)null->seal(NULL, key, (struct tlsm_bytes){ to, TLSM_HEADER }, (struct tlsm_bytes){ inner, what->whole },
                     (struct tlsm_bytes){ NULL, 0 }, to + TLSM_HEADER);
    return TLSM_HEADER + what->whole + TLSM_TAG;
}

static void open_12(const struct tlsm_key *key, const uint8_t *body, struct sealed *is, uint8_t *plain)
{
    const size_t nonce = explicit_nonce(key), overhead = nonce + TLSM_TAG, length = is->length;
    struct tlsm_key numbered = *key;
    uint8_t aad[AAD];
    is->length = length > overhead ? length - overhead : 0;
    is->whole = is->length + 1;
    put_aad(aad, key->sequence, is->type, is->length);
    if (nonce > 0 && length >= overhead)
        numbered.sequence = get_number(body);
    is->authentic = length >= overhead && null->open(NULL, &numbered, (struct tlsm_bytes){ aad, sizeof aad },
                                                     (struct tlsm_bytes){ body + nonce, length - nonce }, plain) == 0;
}

static void open_13(const struct tlsm_key *key, const uint8_t *header, const uint8_t *body, struct sealed *is, uint8_t *plain)
{
    const size_t length = is->length;
    is->type = 0;
    is->length = is->whole = length > TLSM_TAG ? length - TLSM_TAG : 0;
    is->authentic = length >= TLSM_TAG &&
                    null->open(NULL, key, (struct tlsm_bytes){ header, TLSM_HEADER }, (struct tlsm_bytes){ body, length }, plain) == 0;
    while (is->length > 0 && is->type == 0)
        is->type = plain[--is->length];
}

struct sealed sealed_open(uint16_t version, const struct tlsm_key *key, const uint8_t *header, const uint8_t *body)
{
    static uint8_t plain[BODY_MAX];
    struct sealed is = { 0, 0, header[0], (size_t)header[3] << 8 | header[4], 0, body };
    if (key->suite == 0 || (version == TLSM_1_2 ? is.type == TYPE_CCS : is.type != TYPE_DATA))
        return is;
    is.protected = 1;
    is.content = plain;
    if (version == TLSM_1_2)
        open_12(key, body, &is, plain);
    else
        open_13(key, header, body, &is, plain);
    return is;
}
