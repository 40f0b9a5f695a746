/* SPDX-License-Identifier: MIT */
/* The null provider: every dependency of the real thing is there, and its values are the same everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "null_provider.h"

static const struct tlsm_crypto *const crypto = &tlsm_null_provider_never_released;
static const uint16_t hashes[] = { TLSM_SHA256, TLSM_SHA384 };
static const uint16_t suites[] = { TLSM_AES_128_GCM_SHA256, TLSM_AES_256_GCM_SHA384, TLSM_CHACHA20_POLY1305_SHA256 };
static const struct { uint16_t group; size_t share, shared; } groups[] = {
    { TLSM_X25519, 32, 32 }, { TLSM_SECP256R1, 65, 32 }, { TLSM_SECP384R1, 97, 48 } };

static struct tlsm_bytes bytes_of(const void *data, size_t length)
{
    struct tlsm_bytes bytes = { data, length };
    return bytes;
}

/* A value every platform must give; as text, so that a difference is easy to read. */
static void assert_value(const uint8_t *bytes, const char *expected)
{
    char text[17];
    for (size_t i = 0; i < 8; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(text, expected);
}

/* ------------------------------------------------------------------------------------------------ hashes */

static void any_chunking_is_the_same_200_bytes(void **state)
{
    uint8_t data[40], digest[2][TLSM_HASH_MAX];
    struct tlsm_hash whole, parts;

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t h = 0; h < 2; h++)
        for (size_t cut = 0; cut <= sizeof data; cut++) {
            assert_int_equal(crypto->hash_start(NULL, hashes[h], &whole), 0);
            parts = whole;
            assert_int_equal(crypto->hash_update(NULL, hashes[h], &whole, bytes_of(data, sizeof data)), 0);
            assert_int_equal(crypto->hash_update(NULL, hashes[h], &parts, bytes_of(data, cut)), 0);
            assert_int_equal(crypto->hash_update(NULL, hashes[h], &parts, bytes_of(data + cut, sizeof data - cut)), 0);
            assert_memory_equal(&whole, &parts, sizeof whole);
            assert_int_equal(crypto->hash_finish(NULL, hashes[h], &whole, digest[0]), 0);
            assert_int_equal(crypto->hash_finish(NULL, hashes[h], &parts, digest[1]), 0);
            assert_memory_equal(digest[0], digest[1], h == 0 ? 32 : 48);
        }
}

static void hash_of(uint16_t hash, const void *data, size_t length, uint8_t digest[TLSM_HASH_MAX])
{
    struct tlsm_hash running;
    assert_int_equal(crypto->hash_start(NULL, hash, &running), 0);
    assert_int_equal(crypto->hash_update(NULL, hash, &running, bytes_of(data, length)), 0);
    assert_int_equal(crypto->hash_finish(NULL, hash, &running, digest), 0);
}

static void hashes_differ_by_every_byte_length_and_name(void **state)
{
    uint8_t data[8] = { 0 }, one[TLSM_HASH_MAX], other[TLSM_HASH_MAX];

    (void)state;
    hash_of(TLSM_SHA256, data, sizeof data, one);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = 1;
        hash_of(TLSM_SHA256, data, sizeof data, other);
        assert_memory_not_equal(one, other, 32);
        data[i] = 0;
        hash_of(TLSM_SHA256, data, i, other);
        assert_memory_not_equal(one, other, 32);
    }
    hash_of(TLSM_SHA384, data, sizeof data, other);
    assert_memory_not_equal(one, other, 32);
}

static void hmac_sees_key_and_content_not_parts_nor_padding(void **state)
{
    const uint8_t zeros[32] = { 0 };
    uint8_t one[TLSM_HASH_MAX], other[TLSM_HASH_MAX];
    struct tlsm_bytes whole = bytes_of("abcdef", 6), parts[3] = { bytes_of("ab", 2), bytes_of(NULL, 0),
            bytes_of("cdef", 4) };

    (void)state;
    assert_int_equal(crypto->hmac(NULL, TLSM_SHA256, bytes_of("key", 3), &whole, 1, one), 0);
    assert_int_equal(crypto->hmac(NULL, TLSM_SHA256, bytes_of("key", 3), parts, 3, other), 0);
    assert_memory_equal(one, other, 32);
    assert_int_equal(crypto->hmac(NULL, TLSM_SHA256, bytes_of("kez", 3), parts, 3, other), 0);
    assert_memory_not_equal(one, other, 32);
    assert_int_equal(crypto->hmac(NULL, TLSM_SHA256, bytes_of("key", 3), parts, 2, other), 0);
    assert_memory_not_equal(one, other, 32);
    assert_int_equal(crypto->hmac(NULL, TLSM_SHA384, bytes_of("key", 3), parts, 3, other), 0);
    assert_memory_not_equal(one, other, 32);
    assert_int_equal(crypto->hmac(NULL, TLSM_SHA256, bytes_of(NULL, 0), &whole, 1, one), 0);
    assert_int_equal(crypto->hmac(NULL, TLSM_SHA256, bytes_of(zeros, 32), &whole, 1, other), 0);
    assert_memory_equal(one, other, 32);
}

/* ------------------------------------------------------------------------------------------------ records */

static struct tlsm_key key_of(uint16_t suite)
{
    struct tlsm_key key = { .id = 1, .sequence = 5, .suite = suite };
    size_t length = suite == TLSM_AES_128_GCM_SHA256 ? 16 : 32;
    for (size_t i = 0; i < length; i++)
        key.key[i] = (uint8_t)(i + suite);
    for (size_t i = 0; i < TLSM_IV; i++)
        key.iv[i] = (uint8_t)(i * 3);
    return key;
}

static void seal_is_transparent_and_opens_in_place_and_apart(void **state)
{
    uint8_t content[300], sealed[316], opened[300];

    (void)state;
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)i;
    for (size_t s = 0; s < 3; s++)
        for (size_t n = 0; n < sizeof content; n++) {
            struct tlsm_key key = key_of(suites[s]);
            memcpy(sealed, content, n);
            assert_int_equal(crypto->seal(NULL, &key, bytes_of("12345", 5), bytes_of(sealed, n),
                    bytes_of(content + n, 1), sealed), 0);
            assert_memory_equal(sealed, content, n + 1);
            assert_int_equal(crypto->open(NULL, &key, bytes_of("12345", 5), bytes_of(sealed, n + 17), opened), 0);
            assert_memory_equal(opened, content, n + 1);
            assert_int_equal(crypto->open(NULL, &key, bytes_of("12345", 5), bytes_of(sealed, n + 17), sealed), 0);
            assert_memory_equal(sealed, content, n + 1);
        }
}

static void assert_refused(const struct tlsm_key *key, struct tlsm_bytes aad, const uint8_t *sealed, size_t length)
{
    uint8_t opened[64];
    const uint8_t zeros[64] = { 0 };

    memset(opened, 0xff, sizeof opened);
    assert_true(crypto->open(NULL, key, aad, bytes_of(sealed, length), opened) < 0);
    if (length >= TLSM_TAG)
        assert_memory_equal(opened, zeros, length - TLSM_TAG);
}

static void tag_depends_on_everything(void **state)
{
    uint8_t sealed[26], bad[26];

    (void)state;
    for (size_t s = 0; s < 3; s++) {
        struct tlsm_key key = key_of(suites[s]), other;
        size_t key_length = suites[s] == TLSM_AES_128_GCM_SHA256 ? 16 : 32;
        struct tlsm_bytes aad = bytes_of("head", 4);
        assert_int_equal(crypto->seal(NULL, &key, aad, bytes_of("123456789", 9), bytes_of("\27", 1), sealed), 0);
        for (size_t i = 0; i < 8 * sizeof sealed; i++) {
            memcpy(bad, sealed, sizeof bad);
            bad[i / 8] ^= (uint8_t)(1 << i % 8);
            assert_refused(&key, aad, bad, sizeof bad);
        }
        for (size_t length = 0; length < sizeof sealed; length++)
            assert_refused(&key, aad, sealed, length);
        for (size_t i = 0; i < key_length; i++) {
            other = key;
            other.key[i] ^= 1;
            assert_refused(&other, aad, sealed, sizeof sealed);
        }
        for (size_t i = 0; i < TLSM_IV; i++) {
            other = key;
            other.iv[i] ^= 1;
            assert_refused(&other, aad, sealed, sizeof sealed);
        }
        for (size_t i = 0; i < 64; i++) {
            other = key;
            other.sequence ^= UINT64_C(1) << i;
            assert_refused(&other, aad, sealed, sizeof sealed);
        }
        other = key;
        other.suite = suites[(s + 1) % 3];
        assert_refused(&other, aad, sealed, sizeof sealed);
        assert_refused(&key, bytes_of("heaD", 4), sealed, sizeof sealed);
        assert_refused(&key, bytes_of("hea", 3), sealed, sizeof sealed);
        other = key;
        other.suite = 0;
        assert_refused(&other, aad, sealed, sizeof sealed);
        other = key;
        other.id ^= 1;   /* public, and nothing depends on it */
        assert_int_equal(crypto->open(NULL, &other, aad, bytes_of(sealed, sizeof sealed), bad), 0);
    }
}

/* ------------------------------------------------------------------------------------------------ key shares */

static void both_sides_agree(void **state)
{
    uint8_t client[TLSM_SHARE_SECRET_MAX] = { 1 }, server[TLSM_SHARE_SECRET_MAX] = { 2 },
            other[TLSM_SHARE_SECRET_MAX] = { 3 };
    uint8_t client_share[128], server_share[128], a[TLSM_SHARED_MAX], b[TLSM_SHARED_MAX];
    size_t a_length, b_length;

    (void)state;
    for (size_t g = 0; g < 3; g++) {
        uint16_t group = groups[g].group;
        struct tlsm_span mine = { client_share, sizeof client_share }, its = { server_share, sizeof server_share };
        assert_int_equal(crypto->share(NULL, group, client, &mine), 0);
        assert_int_equal(mine.capacity, groups[g].share);
        assert_int_equal(crypto->respond(NULL, group, server, bytes_of(client_share, mine.capacity), &its, a,
                &a_length), 0);
        assert_int_equal(its.capacity, groups[g].share);
        assert_int_equal(crypto->agree(NULL, group, client, bytes_of(client_share, mine.capacity),
                                       bytes_of(server_share, its.capacity), b, &b_length), 0);
        assert_int_equal(a_length, groups[g].shared);
        assert_int_equal(b_length, a_length);
        assert_memory_equal(a, b, a_length);
        assert_memory_not_equal(client_share, server_share, its.capacity);
        assert_int_equal(crypto->agree(NULL, group, other, bytes_of(client_share, mine.capacity),
                                       bytes_of(server_share, its.capacity), b, &b_length), 0);
        assert_memory_not_equal(a, b, a_length);
    }
}

static void bad_shares_are_refused(void **state)
{
    uint8_t secret[TLSM_SHARE_SECRET_MAX] = { 9 }, own[128], bad[128] = { 0 }, shared[TLSM_SHARED_MAX];
    size_t length;

    (void)state;
    for (size_t g = 0; g < 3; g++) {
        uint16_t group = groups[g].group;
        struct tlsm_span span = { own, groups[g].share - 1 };
        struct tlsm_bytes mine = { own, groups[g].share };
        assert_true(crypto->share(NULL, group, secret, &span) < 0);
        span.capacity = sizeof own;
        assert_int_equal(crypto->share(NULL, group, secret, &span), 0);
        memset(bad, 0, sizeof bad);
        bad[0] = group == TLSM_X25519 ? 0 : 4;
        assert_true(crypto->agree(NULL, group, secret, mine, bytes_of(bad, mine.length), shared, &length) < 0);
        assert_true(crypto->agree(NULL, group, secret, mine, bytes_of(own, mine.length - 1), shared, &length) < 0);
        assert_true(crypto->agree(NULL, group, secret, mine, bytes_of(NULL, 0), shared, &length) < 0);
        memcpy(bad, own, mine.length);
        bad[mine.length - 1] ^= 1;   /* off the curve; X25519 has no such thing */
        assert_int_equal(crypto->agree(NULL, group, secret, mine, bytes_of(bad, mine.length), shared, &length) < 0,
                         group != TLSM_X25519);
        memcpy(bad, own, mine.length);
        bad[0] ^= 2;
        assert_int_equal(crypto->agree(NULL, group, secret, mine, bytes_of(bad, mine.length), shared, &length) < 0,
                         group != TLSM_X25519);
    }
    assert_true(crypto->agree(NULL, TLSM_X25519MLKEM768, secret, bytes_of(own, 32), bytes_of(own, 32), shared,
            &length) < 0);
}

/* ------------------------------------------------------------------------------------------------ answers, values */

static void answers_fit_each_other_and_nothing_else(void **state)
{
    struct tlsm_request sign = { .kind = TLSM_ASK_SIGN, .id = 7, .scheme = TLSM_ED25519, .content_length = 130 };
    struct tlsm_request judge = sign;
    uint8_t signature[TLSM_NULL_SIGNATURE], unused[TLSM_NULL_SIGNATURE];
    struct tlsm_answer answer;

    (void)state;
    assert_int_equal(tlsm_null_answer(&sign, &answer, signature), TLSM_ASK_SIGN);
    assert_int_equal(answer.id, 7);
    assert_int_equal(answer.alert, 0);
    assert_ptr_equal(answer.signature.data, signature);
    judge.kind = TLSM_ASK_JUDGE;
    judge.signature = bytes_of(signature, sizeof signature);
    assert_int_equal(tlsm_null_answer(&judge, &answer, unused), TLSM_ASK_JUDGE);
    assert_int_equal(answer.alert, TLSM_ALERT_BAD_CERTIFICATE);
    judge.chain = bytes_of("x", 1);
    tlsm_null_answer(&judge, &answer, unused);
    assert_int_equal(answer.alert, 0);
    judge.content[129] ^= 1;
    tlsm_null_answer(&judge, &answer, unused);
    assert_int_equal(answer.alert, TLSM_ALERT_DECRYPT_ERROR);
    judge.content[129] ^= 1;
    judge.scheme++;
    tlsm_null_answer(&judge, &answer, unused);
    assert_int_equal(answer.alert, TLSM_ALERT_DECRYPT_ERROR);
    judge.scheme--;
    judge.signature.length--;
    tlsm_null_answer(&judge, &answer, unused);
    assert_int_equal(answer.alert, TLSM_ALERT_DECRYPT_ERROR);
    judge.kind = TLSM_ASK_CREDENTIAL;
    assert_int_equal(tlsm_null_answer(&judge, &answer, unused), TLSM_ASK_CREDENTIAL);
    assert_int_equal(answer.credential, 0);
    assert_int_equal(answer.alert, 0);
}

static void values_are_the_same_everywhere(void **state)
{
    uint8_t digest[TLSM_HASH_MAX], sealed[29], share[128], shared[TLSM_SHARED_MAX], secret[TLSM_SHARE_SECRET_MAX] = { 1 };
    struct tlsm_bytes part = bytes_of("part", 4);
    struct tlsm_key key = key_of(TLSM_AES_128_GCM_SHA256);
    struct tlsm_span span = { share, sizeof share };
    size_t length;

    (void)state;
    hash_of(TLSM_SHA256, "abc", 3, digest);
    assert_value(digest, "420cba4cac587cbc");
    assert_int_equal(crypto->hmac(NULL, TLSM_SHA384, bytes_of("a key of 17 bytes", 17), &part, 1, digest), 0);
    assert_value(digest, "eb0ce49837cc871d");
    assert_int_equal(crypto->seal(NULL, &key, bytes_of("12345", 5), bytes_of("hello, world", 12), bytes_of("\27",
            1), sealed), 0);
    assert_value(sealed + 13, "e35306e4114c10c0");
    assert_int_equal(crypto->share(NULL, TLSM_SECP256R1, secret, &span), 0);
    assert_value(share + 1, "73b9f6eede98b49b");
    secret[0] = 2;
    assert_int_equal(crypto->agree(NULL, TLSM_SECP256R1, secret, bytes_of(share, 65), bytes_of(share, 65), shared,
            &length), 0);
    assert_value(shared, "c62e75f64db18f63");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_chunking_is_the_same_200_bytes),
        cmocka_unit_test(hashes_differ_by_every_byte_length_and_name),
        cmocka_unit_test(hmac_sees_key_and_content_not_parts_nor_padding),
        cmocka_unit_test(seal_is_transparent_and_opens_in_place_and_apart),
        cmocka_unit_test(tag_depends_on_everything),
        cmocka_unit_test(both_sides_agree),
        cmocka_unit_test(bad_shares_are_refused),
        cmocka_unit_test(answers_fit_each_other_and_nothing_else),
        cmocka_unit_test(values_are_the_same_everywhere),
    };
    return cmocka_run_group_tests_name("null provider", tests, NULL, NULL);
}
