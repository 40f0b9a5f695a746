/* SPDX-License-Identifier: MIT */
/* The null provider. NOT CRYPTOGRAPHY: see null_provider.h. Never part of a released library. */
#include "null_provider.h"

#include <string.h>

enum { PARTS_MAX = 8 };

/* FNV's prime and basis, and the usual finalizer, for their spread alone. */
#define PRIME UINT64_C(0x100000001b3)
#define BASIS UINT64_C(0xcbf29ce484222325)

static uint64_t spread(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t get_word(const uint8_t *from)
{
    return (uint64_t)from[0] << 56 | (uint64_t)from[1] << 48 | (uint64_t)from[2] << 40 | (uint64_t)from[3] << 32 |
           (uint64_t)from[4] << 24 | (uint64_t)from[5] << 16 | (uint64_t)from[6] << 8 | (uint64_t)from[7];
}

/* Spelt out: compilers then see one store. */
static void put_word(uint8_t *to, uint64_t word)
{
    to[0] = (uint8_t)(word >> 56);
    to[1] = (uint8_t)(word >> 48);
    to[2] = (uint8_t)(word >> 40);
    to[3] = (uint8_t)(word >> 32);
    to[4] = (uint8_t)(word >> 24);
    to[5] = (uint8_t)(word >> 16);
    to[6] = (uint8_t)(word >> 8);
    to[7] = (uint8_t)word;
}

/* Byte by byte, so that any chunking gives the same. */
static uint64_t absorb(uint64_t x, struct tlsm_bytes bytes)
{
    for (size_t i = 0; i < bytes.length; i++)
        x = (x ^ bytes.data[i]) * PRIME;
    return x;
}

/* Eight bytes at a time: for whole values, length first. */
static uint64_t absorb_value(uint64_t x, struct tlsm_bytes bytes)
{
    size_t words = bytes.length / 8;
    struct tlsm_bytes rest = { NULL, bytes.length % 8 };

    x = spread(x ^ bytes.length);
    for (size_t i = 0; i < words; i++) {
        x = (x ^ get_word(bytes.data + 8 * i)) * PRIME;
        x ^= x >> 32;
    }
    if (rest.length > 0)
        rest.data = bytes.data + 8 * words;
    return spread(absorb(x, rest));
}

static void squeeze(uint64_t x, uint8_t *out, size_t words)
{
    for (size_t i = 0; i < words; i++)
        put_word(out + 8 * i, spread(x + (i + 1) * UINT64_C(0x9e3779b97f4a7c15)));
}

/* ------------------------------------------------------------------------------------------------ hashes */

static size_t digest_words(uint16_t hash)
{
    return hash == TLSM_SHA256 ? 4 : hash == TLSM_SHA384 ? 6 : 0;
}

static int null_hash_start(void *self, uint16_t hash, struct tlsm_hash *to)
{
    (void)self;
    if (digest_words(hash) == 0)
        return -1;
    memset(to, 0, sizeof *to);
    put_word(to->chain, BASIS + hash);
    return 0;
}

static int null_hash_update(void *self, uint16_t hash, struct tlsm_hash *in_out, struct tlsm_bytes data)
{
    (void)self;
    if (digest_words(hash) == 0)
        return -1;
    put_word(in_out->chain, absorb(get_word(in_out->chain), data));
    in_out->length += data.length;
    return 0;
}

static int null_hash_finish(void *self, uint16_t hash, const struct tlsm_hash *from, uint8_t digest[TLSM_HASH_MAX])
{
    (void)self;
    if (digest_words(hash) == 0)
        return -1;
    squeeze(spread(get_word(from->chain)) ^ from->length, digest, digest_words(hash));
    return 0;
}

static int null_hmac(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                     uint8_t digest[TLSM_HASH_MAX])
{
    uint64_t x, length = 0;

    (void)self;
    if (digest_words(hash) == 0 || parts > PARTS_MAX)
        return -1;
    /* HMAC pads its key with zeros, so "" and 32 zeros are one key there, and here. */
    while (key.length > 0 && key.data[key.length - 1] == 0)
        key.length--;
    x = absorb_value(spread(BASIS ^ hash), key);
    for (size_t i = 0; i < parts; i++) {
        x = absorb(x, part[i]);
        length += part[i].length;
    }
    squeeze(spread(x) ^ length, digest, digest_words(hash));
    return 0;
}

/* ------------------------------------------------------------------------------------------------ records */

static size_t key_length(uint16_t suite)
{
    switch (suite) {
    case TLSM_AES_128_GCM_SHA256: return 16;
    case TLSM_AES_256_GCM_SHA384:
    case TLSM_CHACHA20_POLY1305_SHA256: return 32;
    }
    return 0;
}

static void make_tag(const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes content, uint8_t tag[TLSM_TAG])
{
    struct tlsm_bytes secret = { key->key, key_length(key->suite) }, iv = { key->iv, TLSM_IV };
    uint64_t x = spread(BASIS ^ key->suite);

    x = absorb_value(x, secret);
    x = absorb_value(x, iv);
    x = spread(x ^ key->sequence);
    x = absorb_value(x, aad);
    x = absorb_value(x, content);
    squeeze(x, tag, TLSM_TAG / 8);
}

static int null_seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain,
                     struct tlsm_bytes tail, uint8_t *out)
{
    struct tlsm_bytes content = { out, plain.length + tail.length };

    (void)self;
    if (key_length(key->suite) == 0)
        return -1;
    if (plain.length > 0)
        memmove(out, plain.data, plain.length);
    if (tail.length > 0)
        memcpy(out + plain.length, tail.data, tail.length);
    make_tag(key, aad, content, out + content.length);
    return 0;
}

static int null_open(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes cipher,
                     uint8_t *out)
{
    uint8_t tag[TLSM_TAG];

    (void)self;
    if (cipher.length < TLSM_TAG)
        return -1;
    cipher.length -= TLSM_TAG;
    make_tag(key, aad, cipher, tag);
    if (key_length(key->suite) == 0 || memcmp(tag, cipher.data + cipher.length, TLSM_TAG) != 0) {
        memset(out, 0, cipher.length);
        return -1;
    }
    memmove(out, cipher.data, cipher.length);
    return 0;
}

static void null_forget(void *self, uint64_t id)
{
    (void)self;
    (void)id;
}

/* ------------------------------------------------------------------------------------------------ key shares */

/* The toy: words modulo 2^64. A secret is one odd word s, a share the words s·G, the agreement s times the peer's words:
 * commutative, and zero only for a zero share. A curve's share is 4, x, y, where y is a function of x. */
struct toy {
    size_t words;          /* of a coordinate, and of the agreed secret */
    size_t secret;         /* bytes of entropy used */
    size_t share;          /* bytes on the wire */
    size_t prefix;         /* 1 for curves: the 4 that says "uncompressed" */
};

static struct toy toy_of(uint16_t group)
{
    static const struct toy x25519 = { 4, 32, 32, 0 }, p256 = { 4, 48, 65, 1 }, p384 = { 6, 72, 97, 1 },
                            unknown = { 0, 0, 0, 0 };
    switch (group) {
    case TLSM_X25519: return x25519;
    case TLSM_SECP256R1: return p256;
    case TLSM_SECP384R1: return p384;
    }
    return unknown;
}

static uint64_t toy_secret(struct toy toy, const uint8_t *secret)
{
    struct tlsm_bytes used = { secret, toy.secret };
    return absorb_value(BASIS, used) | 1;
}

static uint64_t toy_base(uint16_t group, size_t i)
{
    return spread((uint64_t)group << 8 | i);
}

static uint64_t toy_y(uint64_t x)
{
    return spread(x + 1);
}

static int null_share(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_span *pub)
{
    struct toy toy = toy_of(group);
    uint64_t s, x;

    (void)self;
    if (toy.words == 0 || pub->capacity < toy.share)
        return -1;
    s = toy_secret(toy, secret);
    for (size_t i = 0; i < toy.words; i++) {
        x = s * toy_base(group, i);
        put_word(pub->data + toy.prefix + 8 * i, x);
        if (toy.prefix > 0)
            put_word(pub->data + toy.prefix + 8 * (toy.words + i), toy_y(x));
    }
    if (toy.prefix > 0)
        pub->data[0] = 4;
    pub->capacity = toy.share;
    return 0;
}

static int toy_share_is_good(struct toy toy, struct tlsm_bytes share)
{
    uint64_t x, any = 0;

    if (toy.words == 0 || share.length != toy.share || (toy.prefix > 0 && share.data[0] != 4))
        return 0;
    for (size_t i = 0; i < toy.words; i++) {
        x = get_word(share.data + toy.prefix + 8 * i);
        any |= x;
        if (toy.prefix > 0 && get_word(share.data + toy.prefix + 8 * (toy.words + i)) != toy_y(x))
            return 0;
    }
    return any != 0;
}

static int null_agree(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes own,
                      struct tlsm_bytes peer, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    struct toy toy = toy_of(group);
    uint64_t s;

    (void)self;
    if (!toy_share_is_good(toy, peer) || own.length != toy.share)
        return -1;
    s = toy_secret(toy, secret);
    for (size_t i = 0; i < toy.words; i++)
        put_word(shared + 8 * i, s * get_word(peer.data + toy.prefix + 8 * i));
    *length = 8 * toy.words;
    return 0;
}

static int null_respond(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes peer,
                        struct tlsm_span *pub, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    struct tlsm_bytes own;

    if (null_share(self, group, secret, pub) != 0)
        return -1;
    own.data = pub->data;
    own.length = pub->capacity;
    return null_agree(self, group, secret, own, peer, shared, length);
}

const struct tlsm_crypto tlsm_null_provider_never_released = {
    .hash_start = null_hash_start,
    .hash_update = null_hash_update,
    .hash_finish = null_hash_finish,
    .hmac = null_hmac,
    .seal = null_seal,
    .open = null_open,
    .share = null_share,
    .agree = null_agree,
    .respond = null_respond,
    .forget = null_forget,
};

/* ------------------------------------------------------------------------------------------------ requests */

static void make_signature(const struct tlsm_request *request, uint8_t signature[TLSM_NULL_SIGNATURE])
{
    struct tlsm_bytes content = { request->content, request->content_length };
    squeeze(absorb_value(spread(BASIS ^ request->scheme), content), signature, TLSM_NULL_SIGNATURE / 8);
}

int tlsm_null_answer(const struct tlsm_request *request, struct tlsm_answer *answer,
                     uint8_t signature[TLSM_NULL_SIGNATURE])
{
    uint8_t expected[TLSM_NULL_SIGNATURE];

    memset(answer, 0, sizeof *answer);
    answer->id = request->id;
    if (request->kind == TLSM_ASK_SIGN) {
        make_signature(request, signature);
        answer->signature.data = signature;
        answer->signature.length = TLSM_NULL_SIGNATURE;
    } else if (request->kind == TLSM_ASK_JUDGE) {
        make_signature(request, expected);
        if (request->chain.length == 0)
            answer->alert = TLSM_ALERT_BAD_CERTIFICATE;
        else if (request->signature.length != TLSM_NULL_SIGNATURE ||
                 memcmp(request->signature.data, expected, TLSM_NULL_SIGNATURE) != 0)
            answer->alert = TLSM_ALERT_DECRYPT_ERROR;
    }
    return (int)request->kind;
}

/* RFC 5246 §7.4.4: what a server that names kinds of keys takes; TLS 1.3 names schemes alone. */
enum { TYPE_ECDSA_SIGN = 64 };

static int is_taken(const struct tlsm_settings *settings, const struct tlsm_request *request)
{
    const struct tlsm_bytes nobody = { NULL, 0 };
    int typed = request->types.length == 0;
    for (size_t i = 0; i < request->types.length; i++)
        typed |= request->types.data[i] == TYPE_ECDSA_SIGN;
    return typed && tlsm_choose_client_credential(settings, request->version, request->schemes, nobody) == 0;
}

int tlsm_null_answer_open(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *answer,
                          uint8_t signature[TLSM_NULL_SIGNATURE])
{
    struct tlsm_request request;
    (void)tlsm_request(config, state, &request);
    (void)tlsm_null_answer(&request, answer, signature);
    if (request.kind == TLSM_ASK_CREDENTIAL && config->settings->role == TLSM_CLIENT && !is_taken(config->settings, &request))
        answer->credential = TLSM_NO_CREDENTIAL;
    return (int)request.kind;
}
