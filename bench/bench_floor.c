/* SPDX-License-Identifier: MIT */
/* The floor: what no TLS on this libcrypto can avoid, called bare, with everything prepared that may be prepared before.
 *
 *      full handshake    two X25519 key pairs made, two secrets derived, one ECDSA P-256 signature made and one verified
 *      resumed, TLS 1.3  two X25519 key pairs made, two secrets derived
 *      resumed, TLS 1.2  the pseudorandom function: two key expansions and four Finished, by HMAC-SHA256
 *      a record          one AES-128-GCM seal and one open, with the bytes that are authenticated alone
 *      two-way close     two of each, of an alert
 *
 * A connection has four contexts of its own, one for each direction of each end, keyed before: so that a close finds in the caches what a
 * connection's would, and no more.
 *
 * Hashes of transcripts, key schedules, certificates, framing and copies are not in it, but for the TLS 1.2 resumption, which is
 * nothing else. */
#define OPENSSL_SUPPRESS_DEPRECATED   /* SHA256_Init and so on: nothing on this libcrypto is quicker */
#include "bench.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

enum { PAIRS = 64, IV = 12, TAG = 16, EXPLICIT_NONCE = 8, DIGEST = 32, SIGNATURE_MAX = 80, SIGNED = 130 };

static enum bench_version version;
static struct pair {
    EVP_CIPHER_CTX *seals[2], *opens[2];   /* by the end that seals */
    uint64_t sequence[2];
} pairs[PAIRS];                            /* one after the other, and then from the first */
static size_t next_pair;
static EVP_PKEY_CTX *maker;
static EVP_PKEY *identity_key;
static uint8_t sealed[BENCH_WIRE], opened_room[BENCH_WIRE];

static const char *floor_release(void) { return OpenSSL_version(OPENSSL_VERSION); }

static EVP_CIPHER_CTX *keyed(const EVP_CIPHER *cipher, int seals)
{
    static const uint8_t key[16] = { 1, 2, 3 };
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    return context != NULL && EVP_CipherInit_ex2(context, cipher, key, NULL, seals, NULL) == 1 ? context : NULL;
}

static int open_ciphers(void)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    int good = cipher != NULL;
    memset(pairs, 0, sizeof pairs);
    for (int i = 0; i < 2 * PAIRS && good; i++) {
        struct pair *pair = &pairs[i / 2];
        pair->seals[i % 2] = keyed(cipher, 1);
        pair->opens[i % 2] = keyed(cipher, 0);
        good = pair->seals[i % 2] != NULL && pair->opens[i % 2] != NULL;
    }
    EVP_CIPHER_free(cipher);
    return good;
}

static int floor_open(const struct bench_identity *identity, enum bench_version which)
{
    (void)identity;
    version = which;
    maker = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
    identity_key = EVP_EC_gen("P-256");
    if (open_ciphers() && identity_key != NULL && maker != NULL && EVP_PKEY_keygen_init(maker) == 1)
        return 0;
    ERR_print_errors_fp(stderr);
    return -1;
}

static void floor_shut(void)
{
    for (int i = 0; i < 2 * PAIRS; i++) {
        EVP_CIPHER_CTX_free(pairs[i / 2].seals[i % 2]);
        EVP_CIPHER_CTX_free(pairs[i / 2].opens[i % 2]);
    }
    EVP_PKEY_CTX_free(maker);
    EVP_PKEY_free(identity_key);
}

/* ------------------------------------------------------------------------------------------------ handshakes */

static int derive(EVP_PKEY *own, EVP_PKEY *peer, uint8_t secret[DIGEST])
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    size_t length = DIGEST;
    const int good = context != NULL && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer_ex(context, peer, 0) == 1 &&
                     EVP_PKEY_derive(context, secret, &length) == 1;
    EVP_PKEY_CTX_free(context);
    return good;
}

static int exchange_keys(void)
{
    EVP_PKEY *client = NULL, *server = NULL;
    uint8_t one[DIGEST], other[DIGEST];
    const int good = EVP_PKEY_keygen(maker, &client) == 1 && EVP_PKEY_keygen(maker, &server) == 1 && derive(client, server, one) &&
                     derive(server, client, other) && CRYPTO_memcmp(one, other, DIGEST) == 0;
    EVP_PKEY_free(client);
    EVP_PKEY_free(server);
    return good;
}

static int sign_and_verify(void)
{
    static const uint8_t text[SIGNED];
    uint8_t signature[SIGNATURE_MAX];
    size_t length = sizeof signature;
    EVP_MD_CTX *signing = EVP_MD_CTX_new(), *verifying = EVP_MD_CTX_new();
    const int good = signing != NULL && verifying != NULL &&
                     EVP_DigestSignInit_ex(signing, NULL, "SHA256", NULL, NULL, identity_key, NULL) == 1 &&
                     EVP_DigestSign(signing, signature, &length, text, sizeof text) == 1 &&
                     EVP_DigestVerifyInit_ex(verifying, NULL, "SHA256", NULL, NULL, identity_key, NULL) == 1 &&
                     EVP_DigestVerify(verifying, signature, length, text, sizeof text) == 1;
    EVP_MD_CTX_free(signing);
    EVP_MD_CTX_free(verifying);
    return good;
}

/* RFC 2104, with the padded key's two states as they are: who keeps them does without. */
static void hmac(const uint8_t pads[2][SHA256_CBLOCK], const uint8_t *data, size_t length, uint8_t digest[DIGEST])
{
    SHA256_CTX running;
    (void)SHA256_Init(&running);
    (void)SHA256_Update(&running, pads[0], SHA256_CBLOCK);
    (void)SHA256_Update(&running, data, length);
    (void)SHA256_Final(digest, &running);
    (void)SHA256_Init(&running);
    (void)SHA256_Update(&running, pads[1], SHA256_CBLOCK);
    (void)SHA256_Update(&running, digest, DIGEST);
    (void)SHA256_Final(digest, &running);
}

/* RFC 5246 §5: 40 bytes of keys are two rounds, a Finished is one; a round is two HMACs. Each side makes its keys, and both Finished. */
static void resume_12(void)
{
    enum { ROUNDS = 2 + 1 + 1, SEED = 13 + 64 };
    static const uint8_t pads[2][SHA256_CBLOCK] = { { 0x36 }, { 0x5c } };
    static const uint8_t seed[DIGEST + SEED] = { 1 };
    uint8_t digest[DIGEST];
    for (int hmacs = 0; hmacs < 2 * ROUNDS; hmacs++) {
        hmac(pads, seed, DIGEST, digest);
        hmac(pads, seed, DIGEST + SEED, digest);
    }
}

/* ------------------------------------------------------------------------------------------------ records */

static int set_nonce(EVP_CIPHER_CTX *context, uint64_t sequence)
{
    uint8_t nonce[IV] = { 7 };
    for (int i = 0; i < 8; i++)
        nonce[IV - 1 - i] ^= (uint8_t)(sequence >> 8 * i);
    return EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, -1) == 1;
}

static int seal(EVP_CIPHER_CTX *context, const uint8_t *aad, int aad_length, const uint8_t *data, size_t length)
{
    int done;
    return EVP_EncryptUpdate(context, NULL, &done, aad, aad_length) == 1 &&
           EVP_EncryptUpdate(context, sealed, &done, data, (int)length) == 1 &&
           EVP_EncryptFinal_ex(context, sealed + length, &done) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG, sealed + length) == 1;
}

static int unseal(EVP_CIPHER_CTX *context, const uint8_t *aad, int aad_length, size_t length)
{
    int done;
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG, sealed + length) == 1 &&
           EVP_DecryptUpdate(context, NULL, &done, aad, aad_length) == 1 &&
           EVP_DecryptUpdate(context, opened_room, &done, sealed, (int)length) == 1 &&
           EVP_DecryptFinal_ex(context, opened_room + length, &done) == 1;
}

/* TLS 1.3 seals the type with the data (RFC 9846 §5.2), TLS 1.2 authenticates it (RFC 5246 §6.2.3.3). */
static int one_record(struct pair *pair, enum bench_end from, const uint8_t *data, size_t length)
{
    static const uint8_t aad[13] = { 23, 3, 3 };
    const size_t inner = length + (version == BENCH_TLS13);
    const int aad_length = version == BENCH_TLS13 ? 5 : 13;
    const uint64_t sequence = pair->sequence[from]++;
    return set_nonce(pair->seals[from], sequence) && seal(pair->seals[from], aad, aad_length, data, inner) &&
           set_nonce(pair->opens[from], sequence) && unseal(pair->opens[from], aad, aad_length, inner) ? 0 : -1;
}

static int floor_transfer(void *pair, enum bench_end from, const uint8_t *data, size_t length, const uint8_t **opened)
{
    *opened = opened_room;
    return one_record(pair, from, data, length);
}

static int floor_close(void *pair)
{
    static const uint8_t alert[3] = { 1, 0, 21 };
    return one_record(pair, BENCH_CLIENT, alert, 2) < 0 ? -1 : one_record(pair, BENCH_SERVER, alert, 2);
}

/* ------------------------------------------------------------------------------------------------ a pair that is none */

static void *floor_connect(enum bench_kind kind)
{
    if (version == BENCH_TLS12 && kind == BENCH_RESUMED)
        resume_12();
    else if (!exchange_keys() || (kind == BENCH_FULL && !sign_and_verify()))
        return NULL;
    return &pairs[next_pair++ % PAIRS];
}

static int floor_prime(void) { return 0; }

static void floor_end(void *pair, enum bench_end end)
{
    (void)pair;
    (void)end;
}

const struct bench_library bench_floor = {
    .name = "floor", .key = "floor", .versions = BENCH_BOTH, .release = floor_release, .open = floor_open, .shut = floor_shut,
    .connect = floor_connect, .prime = floor_prime, .transfer = floor_transfer, .close = floor_close, .end = floor_end,
};
