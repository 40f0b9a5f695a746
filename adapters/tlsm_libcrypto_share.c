/* SPDX-License-Identifier: MIT */
/* Key shares and agreement: X25519, P-256, P-384. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

#include "tlsm_libcrypto_internal.h"

enum { X25519 = 32, UNCOMPRESSED = 4, POINT_MAX = 1 + 2 * 48 };

/* ------------------------------------------------------------------------------------------------ X25519 */

int tlsm_x25519_init(struct tlsm_x25519 *kit)
{
    uint8_t base[X25519] = { 9 };
    OSSL_PARAM params[] = { OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, base, X25519), OSSL_PARAM_END };

    kit->importer = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
    return kit->importer != NULL && EVP_PKEY_fromdata_init(kit->importer) == 1 &&
                   EVP_PKEY_fromdata(kit->importer, &kit->peer, EVP_PKEY_PUBLIC_KEY, params) == 1
               ? 0
               : -1;
}

void tlsm_x25519_clear(struct tlsm_x25519 *kit)
{
    EVP_PKEY_CTX_free(kit->importer);
    EVP_PKEY_free(kit->peer);
}

/* pub NULL: it is computed, which costs as much as an agreement. */
static EVP_PKEY *own_key(const struct tlsm_x25519 *kit, const uint8_t *secret, const uint8_t *pub)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, (void *)(uintptr_t)secret, X25519),
        pub != NULL ? (OSSL_PARAM)OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)pub, X25519)
                    : (OSSL_PARAM)OSSL_PARAM_END,
        OSSL_PARAM_END,
    };
    EVP_PKEY *key = NULL;

    return EVP_PKEY_fromdata(kit->importer, &key, EVP_PKEY_KEYPAIR, params) == 1 ? key : NULL;
}

static int write_share(EVP_PKEY *key, struct tlsm_span *pub)
{
    size_t length = X25519;

    if (pub->capacity < X25519 || key == NULL || EVP_PKEY_get_raw_public_key(key, pub->data, &length) != 1 || length != X25519)
        return -1;
    pub->capacity = X25519;
    return 0;
}

static int x25519_share(const struct tlsm_x25519 *kit, const uint8_t *secret, struct tlsm_span *pub)
{
    EVP_PKEY *key = pub->capacity < X25519 ? NULL : own_key(kit, secret, NULL);
    int answer = write_share(key, pub);

    EVP_PKEY_free(key);
    return answer;
}

/* RFC 7748 §6.1, RFC 9846 §7.4.2: "implementations MUST check whether the computed Diffie-Hellman shared secret is the
 * all-zero value and abort if so". */
static int is_zero(const uint8_t *bytes, size_t length)
{
    unsigned any = 0;
    for (size_t i = 0; i < length; i++)
        any |= bytes[i];
    return any == 0;
}

/* One key object takes the public half of every peer in turn: making one costs a tenth of the agreement. */
static int derive(const struct tlsm_x25519 *kit, EVP_PKEY *key, struct tlsm_bytes peer, uint8_t *shared, size_t *length)
{
    EVP_PKEY_CTX *context = NULL;
    size_t made = X25519;
    int good;

    if (peer.length == X25519 && EVP_PKEY_set1_encoded_public_key(kit->peer, peer.data, peer.length) == 1)
        context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    good = context != NULL && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer_ex(context, kit->peer, 0) == 1 &&
           EVP_PKEY_derive(context, shared, &made) == 1 && made == X25519 && !is_zero(shared, X25519);
    EVP_PKEY_CTX_free(context);
    *length = X25519;
    return good ? 0 : -1;
}

static int x25519_agree(const struct tlsm_x25519 *kit, const uint8_t *secret, struct tlsm_bytes own, struct tlsm_bytes peer,
                        uint8_t *shared, size_t *length)
{
    EVP_PKEY *key = own.length == X25519 ? own_key(kit, secret, own.data) : NULL;
    int answer = key != NULL ? derive(kit, key, peer, shared, length) : -1;

    EVP_PKEY_free(key);
    return answer;
}

/* One import for both. */
static int x25519_respond(const struct tlsm_x25519 *kit, const uint8_t *secret, struct tlsm_bytes peer, struct tlsm_span *pub,
                          uint8_t *shared, size_t *length)
{
    EVP_PKEY *key = pub->capacity < X25519 ? NULL : own_key(kit, secret, NULL);
    int answer = write_share(key, pub);

    if (answer == 0)
        answer = derive(kit, key, peer, shared, length);
    EVP_PKEY_free(key);
    return answer;
}

/* ------------------------------------------------------------------------------------------------ P-256, P-384 */

int tlsm_curve_init(struct tlsm_curve *curve, int nid, size_t field, size_t secret)
{
    curve->field = field;
    curve->secret = secret;
    curve->group = EC_GROUP_new_by_curve_name(nid);
    curve->order_less_one = curve->group != NULL ? BN_dup(EC_GROUP_get0_order(curve->group)) : NULL;
    return curve->order_less_one != NULL && BN_sub_word(curve->order_less_one, 1) == 1 ? 0 : -1;
}

void tlsm_curve_clear(struct tlsm_curve *curve)
{
    EC_GROUP_free(curve->group);
    BN_free(curve->order_less_one);
}

/* What one multiplication works with. libcrypto clears the context's numbers when it frees them. */
struct multiplication {
    BN_CTX *context;
    BIGNUM *scalar;
    EC_POINT *point;
};

/* scalar = secret mod (order - 1) + 1, so in 1..order-1 and never zero. */
static int begin(struct multiplication *with, const struct tlsm_curve *curve, const uint8_t *secret)
{
    with->context = BN_CTX_secure_new();
    with->scalar = BN_secure_new();
    with->point = EC_POINT_new(curve->group);
    if (with->context == NULL || with->scalar == NULL || with->point == NULL)
        return 0;
    BN_set_flags(with->scalar, BN_FLG_CONSTTIME);
    return BN_bin2bn(secret, (int)curve->secret, with->scalar) != NULL &&
           BN_nnmod(with->scalar, with->scalar, curve->order_less_one, with->context) == 1 &&
           BN_add_word(with->scalar, 1) == 1;
}

static void end(struct multiplication *with)
{
    BN_clear_free(with->scalar);
    EC_POINT_clear_free(with->point);
    BN_CTX_free(with->context);
}

static int curve_share(const struct tlsm_curve *curve, const uint8_t *secret, struct tlsm_span *pub)
{
    struct multiplication with;
    size_t length = 1 + 2 * curve->field;
    int good;

    if (pub->capacity < length)
        return -1;
    good = begin(&with, curve, secret) &&
           EC_POINT_mul(curve->group, with.point, with.scalar, NULL, NULL, with.context) == 1 &&
           EC_POINT_point2oct(curve->group, with.point, POINT_CONVERSION_UNCOMPRESSED, pub->data, length,
                              with.context) == length;
    end(&with);
    if (!good)
        return -1;
    pub->capacity = length;
    return 0;
}

/* The shared secret is the x coordinate, as long as the field (RFC 9846 §7.4.2). */
static int write_x(const struct tlsm_curve *curve, struct multiplication *with, uint8_t *shared)
{
    BIGNUM *x = BN_secure_new();
    int good = x != NULL && EC_POINT_is_at_infinity(curve->group, with->point) == 0 &&
               EC_POINT_get_affine_coordinates(curve->group, with->point, x, NULL, with->context) == 1 &&
               BN_bn2binpad(x, shared, (int)curve->field) == (int)curve->field;
    BN_clear_free(x);
    return good;
}

/* EC_POINT_oct2point refuses coordinates that are too large and points off the curve; the cofactor is 1 and infinity has no
 * uncompressed form, so that is the whole check of RFC 9846 §4.3.8.2. */
static int curve_agree(const struct tlsm_curve *curve, const uint8_t *secret, struct tlsm_bytes peer, uint8_t *shared,
                       size_t *length)
{
    struct multiplication with;
    int good;

    if (peer.length != 1 + 2 * curve->field || peer.data[0] != UNCOMPRESSED)
        return -1;
    good = begin(&with, curve, secret) &&
           EC_POINT_oct2point(curve->group, with.point, peer.data, peer.length, with.context) == 1 &&
           EC_POINT_mul(curve->group, with.point, NULL, with.point, with.scalar, with.context) == 1 &&
           write_x(curve, &with, shared);
    end(&with);
    *length = curve->field;
    return good ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------------ by group */

static const struct tlsm_curve *curve_of(const struct tlsm_libcrypto *instance, uint16_t group)
{
    return group == TLSM_SECP256R1 ? &instance->p256 : group == TLSM_SECP384R1 ? &instance->p384 : NULL;
}

int tlsm_libcrypto_share(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_span *pub)
{
    const struct tlsm_libcrypto *instance = self;
    const struct tlsm_curve *curve = curve_of(instance, group);
    int answer = -1;

    ERR_set_mark();
    if (group == TLSM_X25519)
        answer = x25519_share(&instance->x25519, secret, pub);
    else if (curve != NULL)
        answer = curve_share(curve, secret, pub);
    ERR_pop_to_mark();
    return answer;
}

/* What a failed agreement may have left. */
static int agreed(int answer, uint8_t *shared, size_t *length)
{
    ERR_pop_to_mark();
    if (answer == 0)
        return 0;
    OPENSSL_cleanse(shared, TLSM_SHARED_MAX);
    *length = 0;
    return -1;
}

int tlsm_libcrypto_agree(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes own,
                         struct tlsm_bytes peer, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    const struct tlsm_libcrypto *instance = self;
    const struct tlsm_curve *curve = curve_of(instance, group);
    int answer = -1;

    ERR_set_mark();
    if (group == TLSM_X25519)
        answer = x25519_agree(&instance->x25519, secret, own, peer, shared, length);
    else if (curve != NULL)
        answer = curve_agree(curve, secret, peer, shared, length);
    return agreed(answer, shared, length);
}

int tlsm_libcrypto_respond(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX],
                           struct tlsm_bytes peer, struct tlsm_span *pub, uint8_t shared[TLSM_SHARED_MAX],
                           size_t *length)
{
    const struct tlsm_libcrypto *instance = self;
    const struct tlsm_curve *curve = curve_of(instance, group);
    int answer = -1;

    ERR_set_mark();
    if (group == TLSM_X25519)
        answer = x25519_respond(&instance->x25519, secret, peer, pub, shared, length);
    else if (curve != NULL && curve_share(curve, secret, pub) == 0)
        answer = curve_agree(curve, secret, peer, shared, length);
    return agreed(answer, shared, length);
}
