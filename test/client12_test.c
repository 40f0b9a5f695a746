/* SPDX-License-Identifier: MIT */
/* Our client of TLS 1.2 with the installed libssl's server: every suite, group and kind of certificate; sessions; certificates of the
 * client; any chunking. What a server gets wrong is client12_hostile_test's. */
#include "client12_fixture.h"

/* ------------------------------------------------------------------------------------------------ whole handshakes */

static const struct { uint16_t number; int curve_key; const char *name; } suites[] = {
    { TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256, 1, "ECDHE-ECDSA-AES128-GCM-SHA256" },
    { TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384, 1, "ECDHE-ECDSA-AES256-GCM-SHA384" },
    { TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256, 1, "ECDHE-ECDSA-CHACHA20-POLY1305" },
    { TLSM_ECDHE_RSA_AES_128_GCM_SHA256, 0, "ECDHE-RSA-AES128-GCM-SHA256" },
    { TLSM_ECDHE_RSA_AES_256_GCM_SHA384, 0, "ECDHE-RSA-AES256-GCM-SHA384" },
    { TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256, 0, "ECDHE-RSA-CHACHA20-POLY1305" },
};
static const struct { uint16_t number; const char *name; } groups[] = {
    { TLSM_X25519, "X25519" }, { TLSM_SECP256R1, "P-256" }, { TLSM_SECP384R1, "P-384" }
};
static const struct { int kind, curve_key; const char *sigalgs; uint16_t scheme; } proofs[] = {
    { P256, 1, "ECDSA+SHA256", TLSM_ECDSA_SECP256R1_SHA256 },
    { P384, 1, "ECDSA+SHA256", TLSM_ECDSA_SECP256R1_SHA256 },   /* the scheme does not name the curve */
    { P384, 1, "ECDSA+SHA384", TLSM_ECDSA_SECP384R1_SHA384 },
    { ED25519, 1, "ed25519", TLSM_ED25519 },
    { RSA_ANY, 0, "RSA+SHA256", TLSM_RSA_PKCS1_SHA256 },
    { RSA_ANY, 0, "RSA+SHA512", TLSM_RSA_PKCS1_SHA512 },
    { RSA_ANY, 0, "rsa_pss_rsae_sha384", TLSM_RSA_PSS_RSAE_SHA384 },
    { RSA_PSS, 0, "rsa_pss_pss_sha256", TLSM_RSA_PSS_PSS_SHA256 },
};
enum { SUITES = sizeof suites / sizeof *suites, GROUPS = sizeof groups / sizeof *groups, PROOFS = sizeof proofs / sizeof *proofs };

static void connect_with(size_t suite, size_t group, size_t proof)
{
    struct duo *duo = duo_new(proofs[proof].kind);
    assert_int_equal(SSL_CTX_set_cipher_list(duo->context, suites[suite].name), 1);
    assert_int_equal(SSL_CTX_set1_groups_list(duo->context, groups[group].name), 1);
    assert_int_equal(SSL_CTX_set1_sigalgs_list(duo->context, proofs[proof].sigalgs), 1);
    duo_connect(duo);
    check_connected(duo);
    assert_int_equal(state_of(duo)->suite, suites[suite].number);
    assert_int_equal(state_of(duo)->group, groups[group].number);
    assert_int_equal(state_of(duo)->scheme, proofs[proof].scheme);
    assert_int_equal(duo->asked[TLSM_ASK_JUDGE], 1);
    exchange_and_close(duo);
    duo_free(duo);
}

static void every_suite_group_and_kind_of_proof(void **state)
{
    TLSM_UNUSED(state);
    for (size_t suite = 0; suite < SUITES; suite++)
        for (size_t group = 0; group < GROUPS; group++)
            for (size_t proof = 0; proof < PROOFS; proof++)
                if (proofs[proof].curve_key == suites[suite].curve_key)
                    connect_with(suite, group, proof);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_group_and_kind_of_proof),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
