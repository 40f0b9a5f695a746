/* SPDX-License-Identifier: MIT */
/* The libcrypto provider: against published vectors, against libcrypto's own high-level calls,
        and what it leaves behind. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "tlsm_libcrypto.h"

static const struct tlsm_crypto *const crypto = &tlsm_libcrypto_table;

static struct tlsm_libcrypto *instance_of(size_t keys)
{
    struct tlsm_libcrypto_options options = { .keys_cached = keys };
    struct tlsm_libcrypto *instance = tlsm_libcrypto_new(&options);
    assert_non_null(instance);
    return instance;
}

static int set_up(void **state)
{
    *state = instance_of(0);
    return 0;
}

static int tear_down(void **state)
{
    tlsm_libcrypto_free(*state);
    return 0;
}

/* Hexadecimal, spaces ignored. */
static size_t unhex(const char *text, uint8_t *out)
{
    size_t length = 0;
    unsigned byte;

    for (; *text != '\0'; text++)
        if (*text != ' ') {
            assert_int_equal(sscanf(text, "%2x", &byte), 1);
            out[length++] = (uint8_t)byte;
            text++;
        }
    return length;
}

static struct tlsm_bytes bytes_of(const void *data, size_t length)
{
    struct tlsm_bytes bytes = { data, length };
    return bytes;
}

static void fill(uint8_t *to, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length; i++)
        to[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
}

static void assert_hex(const uint8_t *bytes, size_t length, const char *expected)
{
    uint8_t wanted[256];
    assert_int_equal(unhex(expected, wanted), length);
    assert_memory_equal(bytes, wanted, length);
}

/* ------------------------------------------------------------------------------------------------ hashes */

static const EVP_MD *md_of(uint16_t hash)
{
    return hash == TLSM_SHA256 ? EVP_sha256() : EVP_sha384();
}

static void hash_equals_evp_and_is_canonical_in_any_chunking(void **state)
{
    static uint8_t data[1100];
    uint8_t digest[TLSM_HASH_MAX], wanted[64];
    unsigned seed = 1, length;

    fill(data, sizeof data, 7);
    for (uint16_t hash = TLSM_SHA256; hash <= TLSM_SHA384; hash++)
        for (size_t total = 0; total < sizeof data; total += total < 300 ? 1 : 37) {
            struct tlsm_hash whole, parts;
            assert_int_equal(crypto->hash_start(*state, hash, &whole), 0);
            parts = whole;
            assert_int_equal(crypto->hash_update(*state, hash, &whole, bytes_of(data, total)), 0);
            for (size_t at = 0, step; at < total; at += step) {
                seed = seed * 1103515245u + 12345u;
                step = (seed >> 16) % 150;
                step = step < total - at ? step : total - at;
                assert_int_equal(crypto->hash_update(*state, hash, &parts, bytes_of(data + at, step)), 0);
            }
            assert_memory_equal(&whole, &parts, sizeof whole);
            assert_int_equal(whole.length, total);
            for (size_t i = total % (hash == TLSM_SHA256 ? 64 : 128); i < sizeof whole.block; i++)
                assert_int_equal(whole.block[i], 0);
            assert_int_equal(crypto->hash_finish(*state, hash, &parts, digest), 0);
            assert_memory_equal(&whole, &parts, sizeof whole);
            assert_int_equal(EVP_Digest(data, total, wanted, &length, md_of(hash), NULL), 1);
            assert_memory_equal(digest, wanted, length);
        }
}

static void sha256_chain_is_big_endian_words(void **state)
{
    struct tlsm_hash hash;
    uint8_t zeros[160] = { 0 };

    assert_int_equal(crypto->hash_start(*state, TLSM_SHA256, &hash), 0);
    assert_hex(hash.chain, 32, "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19");
    assert_memory_equal(hash.chain + 32, zeros, 32);
    assert_int_equal(crypto->hash_start(*state, TLSM_SHA384, &hash), 0);
    assert_hex(hash.chain, 16, "cbbb9d5dc1059ed8629a292a367cd507");
}

/* RFC 8448 §3: the transcript hash of ClientHello and ServerHello. */
static void rfc8448_transcript_hash(void **state)
{
    static const char client_hello[] =
        "010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece70000061301130313020100009100"
        "00000b0009000006736572766572ff01000100000a00140012001d00170018001901000101010201030104002300000033002600"
        "24001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e0403"
        "05030603020308040805080604010501060102010402050206020202002d00020101001c00024001";
    static const char server_hello[] =
        "020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e00330024001d0020"
        "c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304";
    uint8_t message[256], digest[TLSM_HASH_MAX];
    struct tlsm_hash hash;

    assert_int_equal(crypto->hash_start(*state, TLSM_SHA256, &hash), 0);
    assert_int_equal(crypto->hash_update(*state, TLSM_SHA256, &hash, bytes_of(message, unhex(client_hello, message))), 0);
    assert_int_equal(crypto->hash_update(*state, TLSM_SHA256, &hash, bytes_of(message, unhex(server_hello, message))), 0);
    assert_int_equal(crypto->hash_finish(*state, TLSM_SHA256, &hash, digest), 0);
    assert_hex(digest, 32, "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8");
}

static void hmac_equals_evp_for_all_key_lengths(void **state)
{
    uint8_t key[300], data[200], digest[TLSM_HASH_MAX], wanted[64];
    unsigned length;

    fill(key, sizeof key, 3);
    fill(data, sizeof data, 4);
    for (uint16_t hash = TLSM_SHA256; hash <= TLSM_SHA384; hash++)
        for (size_t key_length = 0; key_length < sizeof key; key_length++) {
            struct tlsm_bytes part[3] = { bytes_of(data, 13), bytes_of(NULL, 0), bytes_of(data + 13, key_length % 187) };
            assert_int_equal(crypto->hmac(*state, hash, bytes_of(key, key_length), part, 3, digest), 0);
            assert_non_null(HMAC(md_of(hash), key, (int)key_length, data, 13 + key_length % 187, wanted, &length));
            assert_memory_equal(digest, wanted, length);
        }
}

/* RFC 5869 appendix A.1. */
static void rfc5869_hkdf_from_hmac(void **state)
{
    uint8_t ikm[22], salt[13], info[10], prk[TLSM_HASH_MAX], first[TLSM_HASH_MAX], second[TLSM_HASH_MAX];
    struct tlsm_bytes part[3];
    const uint8_t one = 1, two = 2;

    memset(ikm, 0x0b, sizeof ikm);
    unhex("000102030405060708090a0b0c", salt);
    unhex("f0f1f2f3f4f5f6f7f8f9", info);
    part[0] = bytes_of(ikm, sizeof ikm);
    assert_int_equal(crypto->hmac(*state, TLSM_SHA256, bytes_of(salt, sizeof salt), part, 1, prk), 0);
    assert_hex(prk, 32, "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    part[0] = bytes_of(info, sizeof info);
    part[1] = bytes_of(&one, 1);
    assert_int_equal(crypto->hmac(*state, TLSM_SHA256, bytes_of(prk, 32), part, 2, first), 0);
    assert_hex(first, 32, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    part[0] = bytes_of(first, 32);
    part[1] = bytes_of(info, sizeof info);
    part[2] = bytes_of(&two, 1);
    assert_int_equal(crypto->hmac(*state, TLSM_SHA256, bytes_of(prk, 32), part, 3, second), 0);
    assert_hex(second, 10, "34007208d5b887185865");
}

static void unknown_hashes_are_refused(void **state)
{
    struct tlsm_hash hash;
    uint8_t digest[TLSM_HASH_MAX];
    struct tlsm_bytes part[9] = { { NULL, 0 } };

    memset(&hash, 0, sizeof hash);
    assert_true(crypto->hash_start(*state, 6, &hash) < 0);
    assert_true(crypto->hash_update(*state, 0, &hash, bytes_of("x", 1)) < 0);
    assert_true(crypto->hash_finish(*state, 0, &hash, digest) < 0);
    assert_true(crypto->hmac(*state, 0, bytes_of(NULL, 0), part, 1, digest) < 0);
    assert_true(crypto->hmac(*state, TLSM_SHA256, bytes_of(NULL, 0), part, 9, digest) < 0);
}

/* ------------------------------------------------------------------------------------------------ records */

static const uint16_t suites[] = { TLSM_AES_128_GCM_SHA256, TLSM_AES_256_GCM_SHA384, TLSM_CHACHA20_POLY1305_SHA256 };

static struct tlsm_key key_of(uint16_t suite, uint64_t id)
{
    struct tlsm_key key = { .id = id, .suite = suite };
    size_t length = suite == TLSM_AES_128_GCM_SHA256 ? 16 : 32;

    fill(key.key, length, (unsigned)id * 3 + suite);
    fill(key.iv, sizeof key.iv, (unsigned)id * 5 + suite);
    return key;
}

/* The same by EVP, with a fresh context and a nonce made by hand. */
static void reference_seal(const struct tlsm_key *key, struct tlsm_bytes aad, const uint8_t *content, size_t length,
                           uint8_t *out)
{
    const EVP_CIPHER *cipher = key->suite == TLSM_AES_128_GCM_SHA256 ? EVP_aes_128_gcm()
                             : key->suite == TLSM_AES_256_GCM_SHA384 ? EVP_aes_256_gcm() : EVP_chacha20_poly1305();
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t nonce[TLSM_IV];
    int made;

    memcpy(nonce, key->iv, sizeof nonce);
    for (unsigned i = 0; i < 8; i++)
        nonce[4 + i] ^= (uint8_t)(key->sequence >> (56 - 8 * i));
    assert_int_equal(EVP_EncryptInit_ex(context, cipher, NULL, key->key, nonce), 1);
    assert_int_equal(EVP_EncryptUpdate(context, NULL, &made, aad.data, (int)aad.length), 1);
    assert_int_equal(EVP_EncryptUpdate(context, out, &made, content, (int)length), 1);
    assert_int_equal(EVP_EncryptFinal_ex(context, out + length, &made), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TLSM_TAG, out + length), 1);
    EVP_CIPHER_CTX_free(context);
}

static void seal_equals_evp_and_opens_in_place_and_apart(void **state)
{
    static const size_t lengths[] = { 0, 1, 15, 16, 17, 255, 1024, 16384 };
    static uint8_t content[16385], sealed[16401], wanted[16401], opened[16385];
    const uint8_t aad[5] = { 23, 3, 3, 0, 42 };

    fill(content, sizeof content, 9);
    for (size_t s = 0; s < 3; s++)
        for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
            struct tlsm_key key = key_of(suites[s], 77);
            size_t n = lengths[l];
            key.sequence = UINT64_C(0x0102030405060708) + l;
            reference_seal(&key, bytes_of(aad, 5), content, n + 1, wanted);
            assert_int_equal(crypto->seal(*state, &key, bytes_of(aad, 5), bytes_of(content, n),
                    bytes_of(content + n, 1), sealed), 0);
            assert_memory_equal(sealed, wanted, n + 1 + TLSM_TAG);
            memcpy(sealed, content, n);
            assert_int_equal(crypto->seal(*state, &key, bytes_of(aad, 5), bytes_of(sealed, n),
                    bytes_of(content + n, 1), sealed), 0);
            assert_memory_equal(sealed, wanted, n + 1 + TLSM_TAG);
            assert_int_equal(crypto->open(*state, &key, bytes_of(aad, 5), bytes_of(sealed, n + 17), opened), 0);
            assert_memory_equal(opened, content, n + 1);
            assert_int_equal(crypto->open(*state, &key, bytes_of(aad, 5), bytes_of(sealed, n + 17), sealed), 0);
            assert_memory_equal(sealed, content, n + 1);
        }
}

static void wrong_tags_are_refused_and_zeroed(void **state)
{
    const uint8_t aad[5] = { 23, 3, 3, 0, 25 }, other_aad[5] = { 23, 3, 3, 0, 24 };
    uint8_t sealed[25], bad[25], opened[25];
    const uint8_t zeros[9] = { 0 };

    for (size_t s = 0; s < 3; s++) {
        struct tlsm_key key = key_of(suites[s], 5), next = key;
        next.sequence++;
        assert_int_equal(crypto->seal(*state, &key, bytes_of(aad, 5), bytes_of("12345678", 8), bytes_of("\27", 1),
                sealed), 0);
        for (size_t i = 0; i < sizeof sealed; i++) {
            memcpy(bad, sealed, sizeof bad);
            bad[i] ^= 1;
            memset(opened, 0xff, sizeof opened);
            assert_true(crypto->open(*state, &key, bytes_of(aad, 5), bytes_of(bad, sizeof bad), opened) < 0);
            assert_memory_equal(opened, zeros, 9);
        }
        assert_true(crypto->open(*state, &next, bytes_of(aad, 5), bytes_of(sealed, 25), opened) < 0);
        assert_true(crypto->open(*state, &key, bytes_of(other_aad, 5), bytes_of(sealed, 25), opened) < 0);
        assert_true(crypto->open(*state, &key, bytes_of(aad, 5), bytes_of(sealed, 15), opened) < 0);
        assert_int_equal(crypto->open(*state, &key, bytes_of(aad, 5), bytes_of(sealed, 25), opened), 0);
        assert_memory_equal(opened, "12345678\27", 9);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

/* RFC 8448 §3: the client's Finished, its first data record, and its alert: sequence numbers 0, 0 and 1. */
static void rfc8448_records(void **state)
{
    static const struct { const char *key, *iv, *plain, *record; uint64_t sequence; uint8_t type; } vectors[] = {
        { "dbfaa693d1762c5b666af5d950258d01", "5bd3c71b836e0b76bb73265f",
          "14000020a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61",
          "170303003575ec4dc238cce60b298044a71e219c56cc77b0517fe9b93c7a4bfc44d87f38f80338ac98fc46deb384bd1caeacab6867d7"
          "26c40546", 0, 22 },
        { "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9",
          "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031",
          "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a62"
          "92a2977014bd1e3deae63aeebb21694915e4", 0, 23 },
        { "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9", "0100",
          "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3", 1, 21 },
    };
    uint8_t plain[128], record[128], out[128];

    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct tlsm_key key = { .id = i, .suite = TLSM_AES_128_GCM_SHA256, .sequence = vectors[i].sequence };
        size_t n = unhex(vectors[i].plain, plain), whole = unhex(vectors[i].record, record);
        unhex(vectors[i].key, key.key);
        unhex(vectors[i].iv, key.iv);
        assert_int_equal(crypto->seal(*state, &key, bytes_of(record, 5), bytes_of(plain, n),
                                      bytes_of(&vectors[i].type, 1), out), 0);
        assert_int_equal(whole, 5 + n + 1 + TLSM_TAG);
        assert_memory_equal(out, record + 5, whole - 5);
        assert_int_equal(crypto->open(*state, &key, bytes_of(record, 5), bytes_of(record + 5, whole - 5), out), 0);
        assert_memory_equal(out, plain, n);
        assert_int_equal(out[n], vectors[i].type);
    }
}

static void no_suite_is_refused(void **state)
{
    struct tlsm_key key = { .id = 1 };
    uint8_t out[64] = { 0 };

    assert_true(crypto->seal(*state, &key, bytes_of(NULL, 0), bytes_of("x", 1), bytes_of(NULL, 0), out) < 0);
    assert_true(crypto->open(*state, &key, bytes_of(NULL, 0), bytes_of("0123456789abcdefg", 17), out) < 0);
}

/* ------------------------------------------------------------------------------------------------ the cache */

/* One record sealed and opened through `instance`, compared with EVP. */
static void check_key(void *instance, const struct tlsm_key *key)
{
    const uint8_t content[20] = "nineteen and a type";
    uint8_t sealed[36], wanted[36];

    reference_seal(key, bytes_of("head", 4), content, 20, wanted);
    assert_int_equal(crypto->seal(instance, key, bytes_of("head", 4), bytes_of(content, 19),
            bytes_of(content + 19, 1), sealed), 0);
    assert_memory_equal(sealed, wanted, 36);
    assert_int_equal(crypto->open(instance, key, bytes_of("head", 4), bytes_of(sealed, 36), sealed), 0);
    assert_memory_equal(sealed, content, 20);
}

static void eviction_dropping_and_forgetting_change_nothing(void **state)
{
    unsigned seed = 99;
    (void)state;
    for (size_t bound = 1; bound <= 9; bound += 2) {
        struct tlsm_libcrypto *instance = instance_of(bound);
        for (int i = 0; i < 3000; i++) {
            seed = seed * 1103515245u + 12345u;
            struct tlsm_key key = key_of(suites[(seed >> 16) % 3], (seed >> 18) % 16);
            check_key(instance, &key);
            if ((seed >> 22) % 8 == 0)
                crypto->forget(instance, (seed >> 25) % 16);
            if ((seed >> 20) % 512 == 0)
                tlsm_libcrypto_drop(instance);
        }
        tlsm_libcrypto_free(instance);
    }
}

/* Ids are public and may collide or repeat: the key decides. */
static void equal_ids_with_other_keys_are_other_keys(void **state)
{
    struct tlsm_key a = key_of(TLSM_AES_128_GCM_SHA256, 1), b = key_of(TLSM_AES_128_GCM_SHA256, 2),
                    c = key_of(TLSM_AES_256_GCM_SHA384, 3);
    b.id = c.id = a.id;
    memcpy(c.key, a.key, 16);
    for (int i = 0; i < 3; i++) {
        check_key(*state, &a);
        check_key(*state, &b);
        check_key(*state, &c);
    }
}

/* ------------------------------------------------------------------------------------------------ what stays behind */

enum { MASK = 0x5a, NEEDLE = 16, WINDOW = 1 << 16 };
static uint8_t window[WINDOW + NEEDLE];

/* Occurrences of the bytes whose masked form is given, in one mapping; `window` is this search's own copy. */
static int search_mapping(int memory, uintptr_t from, uintptr_t to, const uint8_t *masked)
{
    int found = 0;
    for (uintptr_t at = from; at < to; at += WINDOW) {
        size_t wanted = to - at < sizeof window ? to - at : sizeof window;
        ssize_t got = pread(memory, window, wanted, (off_t)at);
        for (ssize_t i = 0; i + NEEDLE <= got && i < WINDOW; i++) {
            uintptr_t here = at + (uintptr_t)i;
            size_t j = 0;
            while (j < NEEDLE && (window[i + (ssize_t)j] ^ MASK) == masked[j])
                j++;
            found += j == NEEDLE && (here + NEEDLE <= (uintptr_t)window || here >= (uintptr_t)window + sizeof window);
        }
    }
    OPENSSL_cleanse(window, sizeof window);
    return found;
}

/* In every writable mapping of this process. Sanitizers map terabytes for themselves: those are skipped. */
static int search(const uint8_t *masked)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY), found = 0;
    char line[512], rights[8];
    uintptr_t from, to;

    assert_non_null(maps);
    assert_true(memory >= 0);
    while (fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &from, &to, rights) == 3 && rights[0] == 'r' &&
            rights[1] == 'w' && to - from < (uintptr_t)1 << 28)
            found += search_mapping(memory, from, to, masked);
    (void)fclose(maps);
    (void)close(memory);
    return found;
}

/* Makes a key that exists unmasked only inside this function, and uses it both ways. */
static __attribute__((noinline)) void use_secret_key(void *instance, uint16_t suite, uint64_t id, const uint8_t *masked)
{
    struct tlsm_key key = { .id = id, .suite = suite };
    uint8_t record[32] = { 0 };

    for (size_t i = 0; i < NEEDLE; i++)
        key.key[i] = masked[i] ^ MASK;
    assert_int_equal(crypto->seal(instance, &key, bytes_of(NULL, 0), bytes_of("abc", 3), bytes_of("d", 1), record), 0);
    assert_int_equal(crypto->open(instance, &key, bytes_of(NULL, 0), bytes_of(record, 20), record), 0);
    OPENSSL_cleanse(&key, sizeof key);
}

/* Overwrites the stack below: what dead frames of libcrypto hold is not in the cache's hands. */
static __attribute__((noinline)) void scrub_stack(void)
{
    uint8_t stack[32768];
    OPENSSL_cleanse(stack, sizeof stack);
}

static void no_key_stays_after_forget_drop_evict_or_free(void **state)
{
    enum { FORGET, DROP, FREE, EVICT, WAYS };
    uint8_t masked[NEEDLE];

    (void)state;
    for (size_t s = 0; s < 3; s++)
        for (int way = FORGET; way < WAYS; way++) {
            struct tlsm_libcrypto *instance = instance_of(2);
            assert_int_equal(RAND_bytes(masked, sizeof masked), 1);
            use_secret_key(instance, suites[s], 1, masked);
            assert_true(search(masked) >= 2);   /* the search finds what is there: two slots hold it */
            if (way == FORGET)
                crypto->forget(instance, 1);
            if (way == DROP)
                tlsm_libcrypto_drop(instance);
            for (uint64_t id = 10; way == EVICT && id < 14; id++) {
                struct tlsm_key other = key_of(suites[s], id);
                check_key(instance, &other);
            }
            if (way == FREE)
                tlsm_libcrypto_free(instance);
            scrub_stack();
            assert_int_equal(search(masked), 0);
            if (way != FREE)
                tlsm_libcrypto_free(instance);
        }
}

static __attribute__((noinline)) void use_secret_scalar(void *instance, uint16_t group, const uint8_t *masked,
                                                        const uint8_t *peer, size_t peer_length, uint8_t *shared_masked)
{
    uint8_t secret[TLSM_SHARE_SECRET_MAX] = { 0 }, shared[TLSM_SHARED_MAX], own[128];
    struct tlsm_span span = { own, sizeof own };
    size_t length;

    for (size_t i = 0; i < NEEDLE; i++)
        secret[8 + i] = masked[i] ^ MASK;
    assert_int_equal(crypto->respond(instance, group, secret, bytes_of(peer, peer_length), &span, shared, &length), 0);
    for (size_t i = 0; i < NEEDLE; i++)
        shared_masked[i] = shared[8 + i] ^ MASK;
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(shared, sizeof shared);
}

static void no_share_secret_stays_after_an_agreement(void **state)
{
    static const uint16_t groups[] = { TLSM_X25519, TLSM_SECP256R1, TLSM_SECP384R1 };
    uint8_t masked[NEEDLE], shared_masked[NEEDLE], peer[128], peer_secret[TLSM_SHARE_SECRET_MAX];

    for (size_t g = 0; g < 3; g++) {
        struct tlsm_span span = { peer, sizeof peer };
        fill(peer_secret, sizeof peer_secret, 17);
        assert_int_equal(crypto->share(*state, groups[g], peer_secret, &span), 0);
        assert_int_equal(RAND_bytes(masked, sizeof masked), 1);
        use_secret_scalar(*state, groups[g], masked, peer, span.capacity, shared_masked);
        scrub_stack();
        assert_int_equal(search(masked), 0);
        assert_int_equal(search(shared_masked), 0);
    }
}

/* ------------------------------------------------------------------------------------------------ key shares */

/* RFC 8448 §3: both shares and the agreed secret. */
static void rfc8448_x25519(void **state)
{
    uint8_t client[TLSM_SHARE_SECRET_MAX] = { 0 }, server[TLSM_SHARE_SECRET_MAX] = { 0 };
    uint8_t client_share[32], server_share[32], shared[TLSM_SHARED_MAX];
    struct tlsm_span span = { client_share, sizeof client_share };
    size_t length;

    unhex("49af42ba7f7994852d713ef2784bcbcaa7911de26adc5642cb634540e7ea5005", client);
    unhex("b1580eeadf6dd589b8ef4f2d5652578cc810e9980191ec8d058308cea216a21e", server);
    assert_int_equal(crypto->share(*state, TLSM_X25519, client, &span), 0);
    assert_int_equal(span.capacity, 32);
    assert_hex(client_share, 32, "99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c");
    span.data = server_share;
    assert_int_equal(crypto->respond(*state, TLSM_X25519, server, bytes_of(client_share, 32), &span, shared, &length), 0);
    assert_hex(server_share, 32, "c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f");
    assert_hex(shared, length, "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
    memset(shared, 0, sizeof shared);
    assert_int_equal(crypto->agree(*state, TLSM_X25519, client, bytes_of(client_share, 32), bytes_of(server_share, 32),
                                   shared, &length), 0);
    assert_hex(shared, length, "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
}

/* An EVP_PKEY with libcrypto's own derivation at the other end. */
static void evp_agree(const char *curve, const uint8_t *peer, size_t peer_length, uint8_t *own, size_t *own_length,
                      uint8_t *shared, size_t *length)
{
    EVP_PKEY *key = EVP_EC_gen(curve), *other = EVP_PKEY_new();
    EVP_PKEY_CTX *context;

    assert_non_null(key);
    assert_int_equal(EVP_PKEY_copy_parameters(other, key), 1);
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(other, peer, peer_length), 1);
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, own, 128, own_length), 1);
    context = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_derive_init(context), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(context, other), 1);
    *length = TLSM_SHARED_MAX;
    assert_int_equal(EVP_PKEY_derive(context, shared, length), 1);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
}

static void curves_agree_with_evp_for_all_scalars(void **state)
{
    static const struct { uint16_t group; const char *name; size_t share; } curves[] = {
        { TLSM_SECP256R1, "P-256", 65 }, { TLSM_SECP384R1, "P-384", 97 } };
    uint8_t secret[TLSM_SHARE_SECRET_MAX], own[128], peer[128], shared[TLSM_SHARED_MAX], wanted[TLSM_SHARED_MAX];
    size_t peer_length, length, wanted_length;

    for (size_t c = 0; c < 2; c++)
        for (int i = 0; i < 12; i++) {
            struct tlsm_span span = { own, sizeof own };
            fill(secret, sizeof secret, (unsigned)i);
            if (i == 0)
                memset(secret, 0, sizeof secret);
            if (i == 1)
                memset(secret, 0xff, sizeof secret);
            assert_int_equal(crypto->share(*state, curves[c].group, secret, &span), 0);
            assert_int_equal(span.capacity, curves[c].share);
            evp_agree(curves[c].name, own, span.capacity, peer, &peer_length, wanted, &wanted_length);
            assert_int_equal(crypto->agree(*state, curves[c].group, secret, bytes_of(own, span.capacity),
                                           bytes_of(peer, peer_length), shared, &length), 0);
            assert_int_equal(length, wanted_length);
            assert_memory_equal(shared, wanted, length);
        }
}

/* secret = 0 gives the scalar 1, whose share is the base point; order - 2 gives order - 1,
        its negative; order - 1 wraps. */
static void scalars_are_reduced_modulo_order_less_one_plus_one(void **state)
{
    static const char base_x[] = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    static const char tail[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63254f";   /* order - 2 */
    uint8_t secret[TLSM_SHARE_SECRET_MAX] = { 0 }, one[65], share[65];
    struct tlsm_span span = { one, sizeof one };

    assert_int_equal(crypto->share(*state, TLSM_SECP256R1, secret, &span), 0);
    assert_hex(one + 1, 32, base_x);
    unhex(tail, secret + 16);
    span.data = share;
    assert_int_equal(crypto->share(*state, TLSM_SECP256R1, secret, &span), 0);
    assert_hex(share + 1, 32, base_x);
    assert_memory_not_equal(share + 33, one + 33, 32);
    secret[47]++;
    assert_int_equal(crypto->share(*state, TLSM_SECP256R1, secret, &span), 0);
    assert_memory_equal(share, one, 65);
}

static void refuse(void *instance, uint16_t group, struct tlsm_bytes peer)
{
    uint8_t secret[TLSM_SHARE_SECRET_MAX] = { 7 }, own[128], shared[TLSM_SHARED_MAX];
    struct tlsm_span span = { own, sizeof own };
    struct tlsm_bytes mine;
    size_t length;

    assert_int_equal(crypto->share(instance, group, secret, &span), 0);
    mine = bytes_of(own, span.capacity);
    assert_true(crypto->agree(instance, group, secret, mine, peer, shared, &length) < 0);
    assert_true(crypto->respond(instance, group, secret, peer, &span, shared, &length) < 0);
    assert_int_equal(ERR_peek_error(), 0);
}

static void bad_peer_shares_are_refused(void **state)
{
    uint8_t zeros[128] = { 0 }, secret[TLSM_SHARE_SECRET_MAX] = { 1, 2, 3 }, point[128], bad[128];
    static const uint16_t groups[] = { TLSM_SECP256R1, TLSM_SECP384R1 };

    refuse(*state, TLSM_X25519, bytes_of(zeros, 32));
    refuse(*state, TLSM_X25519, bytes_of(secret, 31));
    refuse(*state, TLSM_X25519, bytes_of(secret, 33));
    refuse(*state, TLSM_X25519, bytes_of(NULL, 0));
    memset(bad, 0, sizeof bad);
    bad[0] = 1;                                        /* a point of small order: the result is zero */
    refuse(*state, TLSM_X25519, bytes_of(bad, 32));
    for (size_t g = 0; g < 2; g++) {
        struct tlsm_span span = { point, sizeof point };
        size_t n;
        assert_int_equal(crypto->share(*state, groups[g], secret, &span), 0);
        n = span.capacity;
        memcpy(bad, point, n);
        bad[n - 1] ^= 1;                               /* off the curve */
        refuse(*state, groups[g], bytes_of(bad, n));
        memcpy(bad, point, n);
        bad[0] = 6 + (point[n - 1] & 1);               /* hybrid form, which TLS 1.3 does not have */
        refuse(*state, groups[g], bytes_of(bad, n));
        bad[0] = 2 + (point[n - 1] & 1);               /* compressed */
        refuse(*state, groups[g], bytes_of(bad, 1 + n / 2));
        memset(bad + 1, 0xff, n - 1);                  /* coordinates beyond the field */
        bad[0] = 4;
        refuse(*state, groups[g], bytes_of(bad, n));
        refuse(*state, groups[g], bytes_of(zeros, n));
        refuse(*state, groups[g], bytes_of(zeros, 1)); /* infinity */
        refuse(*state, groups[g], bytes_of(point, n - 1));
        refuse(*state, groups[g], bytes_of(NULL, 0));
    }
}

static void unknown_groups_and_short_rooms_are_refused(void **state)
{
    uint8_t secret[TLSM_SHARE_SECRET_MAX] = { 0 }, room[TLSM_SHARE_MAX], shared[TLSM_SHARED_MAX];
    static const struct { uint16_t group; size_t share; } groups[] = {
        { TLSM_X25519, 32 }, { TLSM_SECP256R1, 65 }, { TLSM_SECP384R1, 97 } };
    struct tlsm_span span = { room, sizeof room };
    size_t length;

    assert_true(crypto->share(*state, TLSM_X25519MLKEM768, secret, &span) < 0);
    assert_true(crypto->share(*state, 0, secret, &span) < 0);
    assert_true(crypto->agree(*state, 25, secret, bytes_of(room, 32), bytes_of(room, 32), shared, &length) < 0);
    for (size_t g = 0; g < 3; g++) {
        span.capacity = groups[g].share - 1;
        assert_true(crypto->share(*state, groups[g].group, secret, &span) < 0);
        span.capacity = groups[g].share;
        assert_int_equal(crypto->share(*state, groups[g].group, secret, &span), 0);
    }
}

/* ------------------------------------------------------------------------------------------------ the rest */

static void errors_of_the_caller_stay_and_ours_do_not(void **state)
{
    uint8_t off[65] = { 4 }, secret[TLSM_SHARE_SECRET_MAX] = { 1 }, shared[TLSM_SHARED_MAX], out[32];
    struct tlsm_key key = key_of(TLSM_AES_128_GCM_SHA256, 1);
    unsigned long before;
    size_t length;

    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 42);
    before = ERR_peek_error();
    ERR_raise(ERR_LIB_USER, 43);
    ERR_set_mark();
    assert_true(crypto->agree(*state, TLSM_SECP256R1, secret, bytes_of(off, 65), bytes_of(off, 65), shared, &length) < 0);
    assert_true(crypto->open(*state, &key, bytes_of(NULL, 0), bytes_of(off, 32), out) < 0);
    check_key(*state, &key);
    assert_int_equal(ERR_peek_error(), before);
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), 43);
    assert_int_equal(ERR_pop_to_mark(), 1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), 43);
    ERR_clear_error();
}

static void entropy_is_fresh_each_time(void **state)
{
    struct tlsm_entropy a, b;

    (void)state;
    assert_int_equal(tlsm_libcrypto_entropy(&a), 0);
    assert_int_equal(tlsm_libcrypto_entropy(&b), 0);
    assert_memory_not_equal(a.random, b.random, sizeof a.random);
    assert_memory_not_equal(a.session_id, b.session_id, sizeof a.session_id);
    for (int i = 0; i < TLSM_SHARES; i++)
        assert_memory_not_equal(a.share_secret[i], b.share_secret[i], TLSM_SHARE_SECRET_MAX);
}

static void free_of_nothing_is_fine(void **state)
{
    (void)state;
    tlsm_libcrypto_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_equals_evp_and_is_canonical_in_any_chunking),
        cmocka_unit_test(sha256_chain_is_big_endian_words),
        cmocka_unit_test(rfc8448_transcript_hash),
        cmocka_unit_test(hmac_equals_evp_for_all_key_lengths),
        cmocka_unit_test(rfc5869_hkdf_from_hmac),
        cmocka_unit_test(unknown_hashes_are_refused),
        cmocka_unit_test(seal_equals_evp_and_opens_in_place_and_apart),
        cmocka_unit_test(wrong_tags_are_refused_and_zeroed),
        cmocka_unit_test(rfc8448_records),
        cmocka_unit_test(no_suite_is_refused),
        cmocka_unit_test(eviction_dropping_and_forgetting_change_nothing),
        cmocka_unit_test(equal_ids_with_other_keys_are_other_keys),
        cmocka_unit_test(no_key_stays_after_forget_drop_evict_or_free),
        cmocka_unit_test(no_share_secret_stays_after_an_agreement),
        cmocka_unit_test(rfc8448_x25519),
        cmocka_unit_test(curves_agree_with_evp_for_all_scalars),
        cmocka_unit_test(scalars_are_reduced_modulo_order_less_one_plus_one),
        cmocka_unit_test(bad_peer_shares_are_refused),
        cmocka_unit_test(unknown_groups_and_short_rooms_are_refused),
        cmocka_unit_test(errors_of_the_caller_stay_and_ours_do_not),
        cmocka_unit_test(entropy_is_fresh_each_time),
        cmocka_unit_test(free_of_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("libcrypto", tests, set_up, tear_down);
}
