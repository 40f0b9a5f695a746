/* SPDX-License-Identifier: MIT */
/* The quick way of AES-GCM gives what the documented way gives, and is gone where libcrypto does anything else; what hashes, records
 * and key shares share between calls keeps nothing from one to the next. */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "tlsm_libcrypto_internal.h"

enum { LONGEST = 2100, ROOM = LONGEST + 1 + TLSM_TAG, AADS = 3 };

static const struct tlsm_crypto *const crypto = &tlsm_libcrypto_table;
static const uint16_t suites[] = { TLSM_AES_128_GCM_SHA256, TLSM_AES_256_GCM_SHA384 };
static const size_t aads[AADS] = { 5, 13, 0 };

static struct tlsm_bytes bytes_of(const void *data, size_t length) { return (struct tlsm_bytes){ data, length }; }

static void fill(uint8_t *to, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length; i++)
        to[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
}

static struct tlsm_key key_of(uint16_t suite)
{
    struct tlsm_key key = { .id = suite, .suite = suite };

    fill(key.key, suite == TLSM_AES_128_GCM_SHA256 ? 16 : 32, suite);
    fill(key.iv, sizeof key.iv, suite * 3u);
    return key;
}

/* ------------------------------------------------------------------------------------------------ other libcryptos */

int __real_EVP_Cipher(EVP_CIPHER_CTX *context, unsigned char *out, const unsigned char *in, unsigned length);
int __wrap_EVP_Cipher(EVP_CIPHER_CTX *context, unsigned char *out, const unsigned char *in, unsigned length);

/* What EVP_Cipher() might do instead. */
static enum {
    AS_EVER, REFUSES, DOES_NOTHING, FORGETS_AAD, BELIEVES_ANY_TAG, SAYS_NOTHING_DONE, FAILS_WHEN_LONG, FAILS_IN_PARTS, COMPLAINS, OTHERS
} libcrypto;

static int is_at_end(const unsigned char *in) { return in == NULL; }

int __wrap_EVP_Cipher(EVP_CIPHER_CTX *context, unsigned char *out, const unsigned char *in, unsigned length)
{
    static unsigned before;   /* bytes of content, not at the end yet */
    const unsigned so_far = before;
    int answer;

    if (libcrypto == REFUSES)
        return -1;
    if (libcrypto == DOES_NOTHING || (libcrypto == FORGETS_AAD && out == NULL && !is_at_end(in)))
        return (int)length;
    before = is_at_end(in) ? 0 : out != NULL ? before + length : before;
    if ((libcrypto == FAILS_IN_PARTS && out != NULL && so_far > 0) || (libcrypto == FAILS_WHEN_LONG && length > 1024))
        return -1;
    answer = __real_EVP_Cipher(context, out, in, length);
    if (libcrypto == COMPLAINS && answer < 0)
        ERR_raise(ERR_LIB_PROV, ERR_R_PASSED_INVALID_ARGUMENT);
    if (libcrypto == SAYS_NOTHING_DONE && answer > 0)
        return 0;
    return libcrypto == BELIEVES_ANY_TAG && is_at_end(in) ? 0 : answer;
}

/* ------------------------------------------------------------------------------------------------ two instances */

static struct {
    struct tlsm_libcrypto *quick, *documented;
} the;

static int begin(void **state)
{
    (void)state;
    libcrypto = AS_EVER;
    ERR_clear_error();
    the.quick = tlsm_libcrypto_new(NULL);
    the.documented = tlsm_libcrypto_new(NULL);
    the.documented->aead.quick = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    tlsm_libcrypto_free(the.quick);
    tlsm_libcrypto_free(the.documented);
    return 0;
}

static void this_libcrypto_has_it(void **state)
{
    (void)state;
    assert_true(the.quick->aead.quick);
}

/* One record by both ways, sealed and opened in place and apart, at `shift` bytes from where memory is aligned. */
static void compare(const struct tlsm_key *key, size_t length, size_t aad_length, size_t tail_length, size_t shift)
{
    static uint8_t content[ROOM], wanted[ROOM], room[2][ROOM + 64];
    static const uint8_t aad[13] = { 1, 2, 3, 4, 5, 6, 7, 8, 23, 3, 3, 1, 42 };
    const size_t whole = length + tail_length + TLSM_TAG;
    const struct tlsm_bytes with = bytes_of(aad, aad_length), tail = bytes_of("\27", tail_length);
    uint8_t *const from = room[0] + shift, *const to = room[1] + (shift * 7) % 32;

    fill(content, length, (unsigned)(length + 1));
    content[length] = 23;
    memcpy(from, content, length);
    assert_int_equal(crypto->seal(the.documented, key, with, bytes_of(from, length), tail, wanted), 0);
    assert_int_equal(crypto->seal(the.quick, key, with, bytes_of(from, length), tail, to), 0);
    assert_memory_equal(to, wanted, whole);
    assert_memory_equal(from, content, length);
    assert_int_equal(crypto->seal(the.quick, key, with, bytes_of(from, length), tail, from), 0);
    assert_memory_equal(from, wanted, whole);
    assert_int_equal(crypto->open(the.quick, key, with, bytes_of(from, whole), to), 0);
    assert_memory_equal(to, content, length + tail_length);
    assert_int_equal(crypto->open(the.quick, key, with, bytes_of(from, whole), from), 0);
    assert_memory_equal(from, content, length + tail_length);
    assert_int_equal(crypto->open(the.documented, key, with, bytes_of(wanted, whole), wanted), 0);
    assert_memory_equal(wanted, content, length + tail_length);
}

static void both_ways_agree_at_every_length(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2; s++) {
        struct tlsm_key key = key_of(suites[s]);
        for (size_t length = 0; length <= LONGEST; length++)
            for (size_t a = 0; a < AADS; a++)
                for (size_t tail = 0; tail <= 1; tail++) {
                    key.sequence += 0x0101;
                    compare(&key, length, aads[a], tail, (length + a) % 3 * 5);
                }
    }
    assert_int_equal(ERR_peek_error(), 0);
}

static void assert_refused(const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes record)
{
    struct tlsm_libcrypto *const ways[] = { the.quick, the.documented };
    static const uint8_t zeros[ROOM];
    uint8_t opened[ROOM];

    for (size_t i = 0; i < 2; i++) {
        memset(opened, 0xff, sizeof opened);
        assert_true(crypto->open(ways[i], key, aad, record, opened) < 0);
        assert_memory_equal(opened, zeros, record.length > TLSM_TAG ? record.length - TLSM_TAG : 0);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void no_way_opens_what_was_changed(void **state)
{
    static const size_t lengths[] = { 0, 1, 15, 16, 17, 100 };
    const uint8_t aad[5] = { 23, 3, 3, 0, 25 };
    uint8_t content[100] = { 1 }, record[101 + TLSM_TAG], opened[101];

    (void)state;
    for (size_t s = 0; s < 2; s++)
        for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
            const struct tlsm_key key = key_of(suites[s]);
            struct tlsm_key other = key;
            const size_t whole = lengths[l] + TLSM_TAG;
            assert_int_equal(crypto->seal(the.quick, &key, bytes_of(aad, 5), bytes_of(content, lengths[l]), bytes_of(NULL, 0), record), 0);
            for (size_t i = 0; i < whole; i++) {
                record[i] ^= 0x80;
                assert_refused(&key, bytes_of(aad, 5), bytes_of(record, whole));
                record[i] ^= 0x80;
            }
            other.sequence ^= UINT64_C(1) << 63;
            assert_refused(&other, bytes_of(aad, 5), bytes_of(record, whole));
            assert_refused(&key, bytes_of(aad, 4), bytes_of(record, whole));
            assert_refused(&key, bytes_of(aad, 0), bytes_of(record, whole));
            assert_refused(&key, bytes_of(aad, 5), bytes_of(record, whole - 1));
            assert_int_equal(crypto->open(the.quick, &key, bytes_of(aad, 5), bytes_of(record, whole), opened), 0);
            assert_memory_equal(opened, content, lengths[l]);
        }
}

static void lengths_that_libcrypto_cannot_count_are_refused(void **state)
{
    const struct tlsm_key key = key_of(suites[0]);
    const struct tlsm_bytes few = bytes_of("", 0), many = bytes_of("", (size_t)INT_MAX + 1), most = bytes_of("", INT_MAX);
    struct tlsm_libcrypto *const ways[] = { the.quick, the.documented };
    uint8_t out[64];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_true(crypto->seal(ways[i], &key, many, few, few, out) < 0);
        assert_true(crypto->seal(ways[i], &key, few, many, few, out) < 0);
        assert_true(crypto->seal(ways[i], &key, few, few, many, out) < 0);
        assert_true(crypto->seal(ways[i], &key, few, most, bytes_of("\27", 1), out) < 0);
        assert_true(crypto->open(ways[i], &key, many, bytes_of(out, 32), out) < 0);
        assert_true(crypto->open(ways[i], &key, few, many, out) < 0);
    }
}

/* ------------------------------------------------------------------------------------------------ choosing */

/* As the documented way has it, whatever EVP_Cipher() does. */
static void the_documented_way_is_taken_where_the_quick_one_does_otherwise(void **state)
{
    (void)state;
    for (libcrypto = REFUSES; libcrypto < OTHERS; libcrypto++) {
        struct tlsm_libcrypto *const usual = the.quick;
        the.quick = tlsm_libcrypto_new(NULL);
        if (the.quick->aead.quick)
            fail_msg("the quick way with number %d", (int)libcrypto);
        for (size_t length = 0; length <= LONGEST; length += 175) {
            struct tlsm_key key = key_of(suites[length % 2]);
            compare(&key, length, 5, 1, 0);
        }
        assert_int_equal(ERR_peek_error(), 0);
        tlsm_libcrypto_free(the.quick);
        the.quick = usual;
    }
}

/* How many there are, and that they are those that raise_errors() raised. */
static int count_errors(int first)
{
    unsigned long error;
    int count = 0;

    while ((error = ERR_get_error()) != 0)
        assert_int_equal(ERR_GET_REASON(error), first + count++);
    return count;
}

static void raise_errors(int count)
{
    ERR_clear_error();
    for (int i = 0; i < count; i++)
        ERR_raise(ERR_LIB_USER, 40 + i);
}

/* libcrypto's queue has room for 15 and forgets the oldest; where libcrypto complains nothing can be done about it. */
static void choosing_leaves_every_error_of_the_caller(void **state)
{
    (void)state;
    for (libcrypto = AS_EVER; libcrypto < OTHERS; libcrypto++)
        for (int count = 0; count <= (libcrypto == AS_EVER ? 15 : 12); count++) {
            raise_errors(count);
            tlsm_aead_choose(the.quick);
            assert_int_equal(the.quick->aead.quick != 0, libcrypto == AS_EVER);
            assert_int_equal(count_errors(40), count);
        }
    raise_errors(2);
    assert_int_equal(ERR_set_mark(), 1);
    ERR_raise(ERR_LIB_USER, 42);
    tlsm_libcrypto_free(tlsm_libcrypto_new(NULL));
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), 42);
    assert_int_equal(ERR_pop_to_mark(), 1);
    assert_int_equal(count_errors(40), 2);
}

/* ------------------------------------------------------------------------------------------------ what stays */

static void assert_nothing_of_a_record(const struct tlsm_aead_cache *cache)
{
    static const uint8_t zeros[TLSM_TAG];

    assert_memory_equal(cache->nonce, zeros, sizeof cache->nonce);
    assert_memory_equal(cache->tag, zeros, sizeof cache->tag);
}

static void no_nonce_stays_after_forget_or_drop(void **state)
{
    const struct tlsm_key key = key_of(suites[1]);
    uint8_t record[1 + TLSM_TAG];

    (void)state;
    assert_nothing_of_a_record(&the.quick->aead);   /* choosing is a record too */
    for (int way = 0; way < 2; way++) {
        assert_int_equal(crypto->seal(the.quick, &key, bytes_of("", 0), bytes_of("a", 1), bytes_of("", 0), record), 0);
        assert_int_equal(crypto->open(the.quick, &key, bytes_of("", 0), bytes_of(record, sizeof record), record), 0);
        if (way == 0)
            crypto->forget(the.quick, key.id);
        else
            tlsm_libcrypto_drop(the.quick);
        assert_nothing_of_a_record(&the.quick->aead);
    }
}

enum { STACK = 1 << 18, SECRET = 48 };

struct hashing {
    uint16_t hash;
    size_t key_length;
    uint8_t key[200];
};

static void *make_hmac(void *context)
{
    const struct hashing *const hashing = context;
    const struct tlsm_bytes part = bytes_of("some bytes", 10);
    static uint8_t digest[TLSM_HASH_MAX];

    return crypto->hmac(NULL, hashing->hash, bytes_of(hashing->key, hashing->key_length), &part, 1, digest) == 0 ? digest : NULL;
}

/* On a stack of its own, which nobody uses afterwards. */
static void run_on(void *stack, struct hashing *hashing)
{
    pthread_attr_t attributes;
    pthread_t thread;
    void *made;

    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, make_hmac, hashing), 0);
    assert_int_equal(pthread_join(thread, &made), 0);
    assert_non_null(made);
    (void)pthread_attr_destroy(&attributes);
}

static void no_key_stays_on_the_stack_after_an_hmac(void **state)
{
    static const uint8_t pads[] = { 0, 0x36, 0x5c };
    void *const stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(stack != MAP_FAILED);
    for (uint16_t hash = TLSM_SHA256; hash <= TLSM_SHA384; hash++)
        for (size_t length = 32; length <= 48; length += 16) {
            struct hashing hashing = { .hash = hash, .key_length = length };
            run_on(stack, &hashing);   /* the linker, which may look for functions then, saves registers on the stack */
            fill(hashing.key, length, hash + (unsigned)length);
            memset(stack, 0, STACK);
            run_on(stack, &hashing);
            for (size_t i = 0; i < sizeof pads; i++) {
                uint8_t padded[16];
                for (size_t j = 0; j < sizeof padded; j++)
                    padded[j] = hashing.key[j] ^ pads[i];
                assert_null(memmem(stack, STACK, padded, sizeof padded));
            }
        }
    assert_int_equal(munmap(stack, STACK), 0);
}

/* ------------------------------------------------------------------------------------------------ key shares */

static void answering_a_share_is_making_one_and_agreeing(void **state)
{
    static const uint16_t groups[] = { TLSM_X25519, TLSM_SECP256R1, TLSM_SECP384R1 };
    uint8_t secret[2][TLSM_SHARE_SECRET_MAX], own[3][128], shared[3][TLSM_SHARED_MAX];

    (void)state;
    for (unsigned turn = 0; turn < 8; turn++)
        for (size_t g = 0; g < 3; g++) {
            struct tlsm_span pub[3];
            size_t length[3];
            uint8_t bad[128] = { 0 };
            for (size_t i = 0; i < 3; i++)
                pub[i] = (struct tlsm_span){ own[i], sizeof own[i] };
            fill(secret[0], sizeof secret[0], turn + 1);
            fill(secret[1], sizeof secret[1], turn + 100);
            assert_int_equal(crypto->share(the.quick, groups[g], secret[0], &pub[0]), 0);
            assert_int_equal(crypto->respond(the.quick, groups[g], secret[1], bytes_of(own[0], pub[0].capacity), &pub[1], shared[1], &length[1]), 0);
            assert_int_equal(crypto->share(the.quick, groups[g], secret[1], &pub[2]), 0);
            assert_memory_equal(own[1], own[2], pub[2].capacity);
            assert_int_equal(crypto->agree(the.quick, groups[g], secret[0], bytes_of(own[0], pub[0].capacity), bytes_of(own[1], pub[1].capacity), shared[0], &length[0]), 0);
            assert_int_equal(length[0], length[1]);
            assert_memory_equal(shared[0], shared[1], length[0]);
            pub[2].capacity = sizeof own[2];   /* refused, and the next is right again */
            assert_true(crypto->respond(the.quick, groups[g], secret[1], bytes_of(bad, pub[0].capacity), &pub[2], shared[2], &length[2]) < 0);
            assert_int_equal(length[2], 0);
            pub[2].capacity = 16;
            assert_true(crypto->respond(the.quick, groups[g], secret[1], bytes_of(own[0], pub[0].capacity), &pub[2], shared[2], &length[2]) < 0);
            assert_int_equal(ERR_peek_error(), 0);
        }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(this_libcrypto_has_it),
        EACH(both_ways_agree_at_every_length),
        EACH(no_way_opens_what_was_changed),
        EACH(lengths_that_libcrypto_cannot_count_are_refused),
        EACH(the_documented_way_is_taken_where_the_quick_one_does_otherwise),
        EACH(choosing_leaves_every_error_of_the_caller),
        EACH(no_nonce_stays_after_forget_or_drop),
        EACH(no_key_stays_on_the_stack_after_an_hmac),
        EACH(answering_a_share_is_making_one_and_agreeing),
    };

    return cmocka_run_group_tests_name("quick", tests, NULL, NULL);
}
