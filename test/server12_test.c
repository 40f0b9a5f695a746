/* SPDX-License-Identifier: MIT */
/* TLS 1.2 as a server speaks it, against the installed libssl. */
#include "server12_fixture.h"

static const uint16_t suites[] = {
    TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256, TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384, TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
    TLSM_ECDHE_RSA_AES_128_GCM_SHA256, TLSM_ECDHE_RSA_AES_256_GCM_SHA384, TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256
};
static const char *const suite_names[] = { "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                           "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256",
                                           "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305" };
static const uint16_t groups[] = { TLSM_X25519, TLSM_SECP256R1, TLSM_SECP384R1 };
static const char *const group_names[] = { "X25519:P-256:P-384", "P-256:P-384", "P-384:P-256" };
enum { SUITES = 6, GROUPS = 3, ECDSA_SUITES = 3 };

static void every_suite_group_and_key(void **state)
{
    TLSM_UNUSED(state);
    for (size_t suite = 0; suite < SUITES; suite++)
        for (size_t group = 0; group < GROUPS; group++)
            for (size_t key = 0; key < KEYS; key++) {
                struct world *world = world_new();
                const int fits = (suite < ECDSA_SUITES) == (key != RSA_KEY);
                world->server.settings.credentials = &credentials[key];
                world->server.settings.credential_count = 1;
                world->server.settings.groups = &groups[group];
                world->server.settings.group_count = 1;
                assert_int_equal(SSL_CTX_set_cipher_list(world->context, suite_names[suite]), 1);
                assert_int_equal(SSL_CTX_set1_groups_list(world->context, group_names[group]), 1);
                connect_now(world, NULL, NOW);
                if (fits) {
                    check_connected(world);
                    assert_int_equal(server_state(world)->suite, suites[suite]);
                    exchange_and_close(world);
                } else {
                    assert_int_equal(side_verdict(&world->server).alert_sent, TLSM_ALERT_HANDSHAKE_FAILURE);
                }
                world_free(world);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_group_and_key),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
