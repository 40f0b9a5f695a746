/* SPDX-License-Identifier: MIT */
/* Keying material for other protocols: both ends have the same, and it is what the installed libssl has of the same connection. */
#include "libssl_fixture.h"

#include "tlsm.h"

enum { MOST = 255 * 48 };

static uint8_t ours[MOST], theirs[MOST];

static struct tlsm_bytes text(const char *bytes)
{
    const struct tlsm_bytes slice = { (const uint8_t *)bytes, bytes != NULL ? strlen(bytes) : 0 };
    return slice;
}

static int export(const struct beside *two, const char *label, struct tlsm_bytes context, size_t length)
{
    const struct tlsm_span to = { ours, length };
    memset(ours, 0x55, sizeof ours);
    return tlsm_exporter(&two->config, two->link.state, text(label), context, to);
}

static void same(const struct beside *two, const char *label, struct tlsm_bytes context, size_t length)
{
    assert_int_equal(export(two, label, context, length), 0);
    assert_int_equal(SSL_export_keying_material(two->ssl, theirs, length, label, strlen(label), context.data, context.length,
                                                context.data != NULL), 1);
    assert_memory_equal(ours, theirs, length);
    for (size_t i = length; i < sizeof ours; i++)
        assert_int_equal(ours[i], 0x55);
}

static const struct { const char *name13, *name12; size_t hash; } kinds[] = {
    { "TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", 32 },
    { "TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", 48 },
    { "TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", 32 },
};

/* Every suite, both roles: with and without a context, lengths around a block, and the longest there is. */
static void exports_what_libssl_exports(uint16_t version)
{
    static const size_t lengths[] = { 1, 31, 32, 33, 47, 48, 49, 64, 96, 97, 500 };
    static const uint8_t binary[700] = { 0, 1, 2 };
    const struct tlsm_bytes long_context = { binary, sizeof binary };
    struct beside two;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds * 2; i++) {
        beside_prepare(&two, i % 2 == 0 ? TLSM_CLIENT : TLSM_SERVER, version);
        if (version == TLSM_1_3)
            assert_int_equal(SSL_CTX_set_ciphersuites(two.context, kinds[i / 2].name13), 1);
        else
            assert_int_equal(SSL_CTX_set_cipher_list(two.context, kinds[i / 2].name12), 1);
        beside_connect(&two, "localhost");
        for (size_t at = 0; at < sizeof lengths / sizeof *lengths; at++) {
            same(&two, "EXPERIMENTAL tlsm test", text(NULL), lengths[at]);
            same(&two, "EXPERIMENTAL tlsm test", text("the context"), lengths[at]);
            same(&two, "EXPERIMENTAL tlsm test", text(""), lengths[at]);
        }
        same(&two, "x", long_context, 80);
        same(&two, "EXPORTER-Channel-Binding", text(""), 32);   /* tls-exporter, RFC 9266 */
        same(&two, "EXPERIMENTAL tlsm test", text(NULL), 255 * kinds[i / 2].hash);
        beside_free(&two);
    }
}

static void exports_what_libssl_exports_13(void **state)
{
    (void)state;
    exports_what_libssl_exports(TLSM_1_3);
}

static void exports_what_libssl_exports_12(void **state)
{
    (void)state;
    exports_what_libssl_exports(TLSM_1_2);
}

/* RFC 5705 §4: nothing and an empty context are two things there. RFC 7627 §5.4: without extended_master_secret another connection
 * could have the same; and the labels that the protocol itself uses are its own. */
static void older_exports_tell_no_context_from_an_empty_one(void **state)
{
    static const char *const reserved[] = { "client finished", "server finished", "master secret", "extended master secret",
                                            "key expansion", "key expansion of mine" };
    uint8_t first[32];
    struct beside two;
    (void)state;
    beside_prepare(&two, TLSM_CLIENT, TLSM_1_2);
    beside_connect(&two, "localhost");
    assert_int_equal(export(&two, "EXPERIMENTAL one", text(""), 32), 0);
    memcpy(first, ours, sizeof first);
    assert_int_equal(export(&two, "EXPERIMENTAL one", text(NULL), 32), 0);
    assert_memory_not_equal(first, ours, sizeof first);
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        assert_true(export(&two, reserved[i], text(NULL), 32) < 0);
    beside_free(&two);

    beside_prepare(&two, TLSM_CLIENT, TLSM_1_2);
    two.settings.insecure_master_secret = 1;
    (void)SSL_CTX_set_options(two.context, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    beside_connect(&two, "localhost");
    assert_true(export(&two, "EXPERIMENTAL one", text(NULL), 32) < 0);
    beside_free(&two);
}

/* Label and context both matter, and a context that is empty is in TLS 1.3 the same as none (RFC 9846 §7.5). */
static void labels_and_contexts_are_told_apart(void **state)
{
    uint8_t first[32];
    struct beside two;
    (void)state;
    beside_prepare(&two, TLSM_CLIENT, TLSM_1_3);
    beside_connect(&two, "localhost");
    assert_int_equal(export(&two, "EXPERIMENTAL one", text("a"), 32), 0);
    memcpy(first, ours, sizeof first);
    assert_int_equal(export(&two, "EXPERIMENTAL one", text("b"), 32), 0);
    assert_memory_not_equal(first, ours, sizeof first);
    assert_int_equal(export(&two, "EXPERIMENTAL two", text("a"), 32), 0);
    assert_memory_not_equal(first, ours, sizeof first);
    assert_int_equal(export(&two, "EXPERIMENTAL one", text(""), 32), 0);
    memcpy(first, ours, sizeof first);
    assert_int_equal(export(&two, "EXPERIMENTAL one", text(NULL), 32), 0);
    assert_memory_equal(first, ours, sizeof first);
    beside_free(&two);
}

static void what_cannot_be_asked_for_is_refused(void **state)
{
    static const uint8_t much[65536];
    static const struct tlsm_bytes too_long = { much, sizeof much };
    static char label[251];
    struct beside two;
    (void)state;
    memset(label, 'l', sizeof label - 1);
    beside_prepare(&two, TLSM_CLIENT, TLSM_1_3);
    assert_int_equal(SSL_CTX_set_ciphersuites(two.context, "TLS_AES_128_GCM_SHA256"), 1);
    beside_begin(&two, "localhost");
    assert_true(export(&two, "EXPERIMENTAL", text(NULL), 32) < 0);   /* not connected */
    beside_carry(&two);
    assert_int_equal(export(&two, "EXPERIMENTAL", text(NULL), 255 * 32), 0);
    assert_true(export(&two, "EXPERIMENTAL", text(NULL), 255 * 32 + 1) < 0);
    assert_int_equal(export(&two, "EXPERIMENTAL", text(NULL), 0), 0);
    assert_true(export(&two, "", text(NULL), 32) < 0);
    assert_true(export(&two, label, text(NULL), 32) < 0);
    assert_int_equal(export(&two, label + 1, text(NULL), 32), 0);
    assert_true(export(&two, "EXPERIMENTAL", too_long, 32) < 0);
    assert_int_equal(tlsm_link_abandon(&two.link), TLSM_IO_DONE);
    assert_true(export(&two, "EXPERIMENTAL", text(NULL), 32) < 0);   /* ended: the secret is gone */
    beside_free(&two);
}

/* RFC 5705 §4: what TLS 1.2 derives itself is nobody's to ask for, nor what begins so; what merely resembles it is. */
static void older_labels_of_its_own_are_refused(void **state)
{
    static const char *const own[] = { "master secret", "client finished", "server finished", "extended master secret", "key expansion",
                                       "key expansion of mine" };
    static const char *const free_ones[] = { "", "m", "master", "master secre", "key expansio", "client", "Master secret" };
    struct beside two;
    (void)state;
    beside_prepare(&two, TLSM_CLIENT, TLSM_1_2);
    beside_begin(&two, "localhost");
    beside_carry(&two);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        assert_true(export(&two, own[i], text(NULL), 32) < 0);
        assert_int_equal(ours[0], 0);                               /* wiped */
        assert_true(export(&two, own[i], text(NULL), 0) < 0);       /* nothing to wipe */
        assert_int_equal(ours[0], 0x55);
    }
    for (size_t i = 0; i < sizeof free_ones / sizeof *free_ones; i++)
        assert_int_equal(export(&two, free_ones[i], text(NULL), 32), 0);
    beside_free(&two);
}

static int out_of_order(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                        uint8_t digest[TLSM_HASH_MAX])
{
    static int calls;
    const struct tlsm_crypto *crypto = &tlsm_libcrypto_table;
    return ++calls == 3 ? -1 : crypto->hmac(self, hash, key, part, parts, digest);
}

/* Nothing of a key that could not be made whole is left. */
static void a_provider_that_fails_leaves_nothing(void **state)
{
    struct tlsm_crypto broken = tlsm_libcrypto_table;
    struct beside two;
    (void)state;
    beside_prepare(&two, TLSM_SERVER, TLSM_1_3);
    beside_connect(&two, NULL);
    broken.hmac = out_of_order;
    two.config.crypto = &broken;
    assert_true(export(&two, "EXPERIMENTAL", text(NULL), 100) < 0);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(ours[i], 0);
    beside_free(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exports_what_libssl_exports_13),
        cmocka_unit_test(exports_what_libssl_exports_12),
        cmocka_unit_test(older_exports_tell_no_context_from_an_empty_one),
        cmocka_unit_test(labels_and_contexts_are_told_apart),
        cmocka_unit_test(what_cannot_be_asked_for_is_refused),
        cmocka_unit_test(older_labels_of_its_own_are_refused),
        cmocka_unit_test(a_provider_that_fails_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
