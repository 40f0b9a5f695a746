/* SPDX-License-Identifier: MIT */
/* What a connection is told before it begins: each field at its limit, which is taken, and one step beyond it, which is refused by
 * name (TLSM_BAD_ARGUMENT) and changes nothing. */
#include "fixture.h"

#include <stdlib.h>

#include "handshake.h"

enum { TAKEN = TLSM_OK, REFUSED = TLSM_BAD_ARGUMENT, MANY = 65536, LONG = 256 };

static const uint8_t bytes[LONG] = { 0x30, 3, 1, 2, 3 };
static const uint16_t p256_scheme[] = { TLSM_ECDSA_SECP256R1_SHA256 }, pkcs1_scheme[] = { TLSM_RSA_PKCS1_SHA256 };
static const uint16_t suite_unknown[] = { TLSM_AES_128_GCM_SHA256, 0x1304 }, suite_older[] = { TLSM_ECDHE_RSA_AES_128_GCM_SHA256 };
static const uint16_t suite_newer[] = { TLSM_AES_128_GCM_SHA256 };
static const uint16_t group_twice[] = { TLSM_X25519, TLSM_SECP256R1, TLSM_X25519 }, group_unknown[] = { TLSM_X25519, 0x001e };
static const uint16_t one_group[] = { TLSM_SECP384R1 };
static uint16_t suite_list[LONG], suite12_list[LONG], scheme_list[LONG];

/* Lengths are looked at, what is behind them is not: so long as no message was made. */
static const struct tlsm_bytes one_certificate[] = { { bytes, 5 } }, empty_certificate[] = { { bytes, 5 }, { bytes, 0 } };
static const struct tlsm_bytes longest[] = { { bytes, 0xffffff - 8 - 4 - 5 } }, longer[] = { { bytes, 0xffffff - 8 - 4 - 4 } };
static const struct tlsm_bytes overlong[] = { { bytes, 0x1000000 } };
#define CREDENTIAL(chain, chain_count, scheme_count, staple) \
    { chain, chain_count, p256_scheme, scheme_count, NULL, 0, { bytes, staple } }
static const struct tlsm_credential plain = CREDENTIAL(one_certificate, 1, 1, 0);
static const struct tlsm_credential no_chain = CREDENTIAL(one_certificate, 0, 1, 0), no_scheme = CREDENTIAL(one_certificate, 1, 0, 0);
static const struct tlsm_credential empty_one = CREDENTIAL(empty_certificate, 2, 1, 0), overlong_one = CREDENTIAL(overlong, 1, 1, 0);
static const struct tlsm_credential longest_chain = CREDENTIAL(longest, 1, 1, 0), longer_chain = CREDENTIAL(longer, 1, 1, 0);
static const struct tlsm_credential longest_staple = CREDENTIAL(one_certificate, 1, 1, 0xffff - 8);
static const struct tlsm_credential longer_staple = CREDENTIAL(one_certificate, 1, 1, 0xffff - 7);
static struct tlsm_credential many[MANY];

static const struct tlsm_bytes protocol_of_255[] = { { bytes, 255 } }, protocol_of_256[] = { { bytes, 256 } };
static const struct tlsm_bytes protocol_empty[] = { { bytes, 2 }, { bytes, 0 } };
static struct tlsm_bytes protocols_most[64], protocols_more[64];
static const struct tlsm_bytes authority_most[] = { { bytes, 59997 } }, authority_more[] = { { bytes, 59998 } };
static const struct tlsm_bytes authority_empty[] = { { bytes, 0 } }, authority_overlong[] = { { bytes, 0x10000 } };

struct row {
    const char *name;
    enum tlsm_code code;
    struct tlsm_settings settings;
};
#define CLIENT(code, ...) { "client: " #__VA_ARGS__, (enum tlsm_code)(code), { .role = TLSM_CLIENT, __VA_ARGS__ } },
#define SERVER(code, ...) \
    { "server: " #__VA_ARGS__, (enum tlsm_code)(code), { .role = TLSM_SERVER, .credentials = many, .credential_count = 1, __VA_ARGS__ } },
#define SHOWING(code, ...) { "server: " #__VA_ARGS__, (enum tlsm_code)(code), { .role = TLSM_SERVER, __VA_ARGS__ } },

static const struct row rows[] = {
    /* versions */
    CLIENT(TAKEN, .version_min = TLSM_1_2)
    CLIENT(TAKEN, .version_min = TLSM_1_3)
    CLIENT(TAKEN, .version_min = TLSM_1_2, .version_max = TLSM_1_2)
    CLIENT(TAKEN, .version_min = TLSM_1_2, .version_max = TLSM_1_3)
    CLIENT(REFUSED, .version_min = 0x0302)
    CLIENT(REFUSED, .version_min = TLSM_1_2, .version_max = 0x0305)
    CLIENT(REFUSED, .version_max = 0x0302)
    CLIENT(REFUSED, .version_max = TLSM_1_2)
    CLIENT(REFUSED, .version_min = TLSM_1_3, .version_max = TLSM_1_2)
    SERVER(REFUSED, .version_min = 0x0305)
    /* record_size_limit: RFC 8449 §4 */
    CLIENT(REFUSED, .record_size_limit = 63)
    CLIENT(TAKEN, .record_size_limit = 64)
    CLIENT(TAKEN, .record_size_limit = TLSM_PLAIN_MAX)
    CLIENT(REFUSED, .record_size_limit = TLSM_PLAIN_MAX + 1)
    /* sessions */
    CLIENT(TAKEN, .session_context = { bytes, TLSM_CONTEXT_MAX })
    CLIENT(REFUSED, .session_context = { bytes, TLSM_CONTEXT_MAX + 1 })
    SERVER(TAKEN, .ticket_lifetime_s = TLSM_TICKET_LIFETIME_MAX)
    SERVER(REFUSED, .ticket_lifetime_s = TLSM_TICKET_LIFETIME_MAX + 1)
    /* suites */
    CLIENT(REFUSED, .suites = suite_unknown, .suite_count = 2)
    CLIENT(TAKEN, .suites = suite_unknown, .suite_count = 1)
    CLIENT(REFUSED, .suites = suite_unknown, .suite_count = 0)
    CLIENT(REFUSED, .suites = suite_older, .suite_count = 1)
    CLIENT(TAKEN, .suites = suite_list, .suite_count = 255)
    CLIENT(REFUSED, .suites = suite_list, .suite_count = 256)
    CLIENT(REFUSED, .suites12 = suite_newer, .suite12_count = 1)
    CLIENT(TAKEN, .suites12 = suite_older, .suite12_count = 1)
    CLIENT(TAKEN, .suites12 = suite12_list, .suite12_count = 255)
    CLIENT(REFUSED, .suites12 = suite12_list, .suite12_count = 256)
    /* groups */
    CLIENT(REFUSED, .groups = group_twice, .group_count = 3)
    CLIENT(TAKEN, .groups = group_twice, .group_count = 2)
    CLIENT(REFUSED, .groups = group_unknown, .group_count = 2)
    CLIENT(REFUSED, .groups = group_unknown, .group_count = 0)
    /* protocols */
    CLIENT(TAKEN, .alpn = protocol_of_255, .alpn_count = 1)
    CLIENT(REFUSED, .alpn = protocol_of_256, .alpn_count = 1)
    CLIENT(REFUSED, .alpn = protocol_empty, .alpn_count = 2)
    CLIENT(TAKEN, .alpn = protocols_most, .alpn_count = 64)
    CLIENT(REFUSED, .alpn = protocols_more, .alpn_count = 64)
    /* schemes: one at least that can sign a handshake of the version */
    CLIENT(REFUSED, .schemes = pkcs1_scheme, .scheme_count = 1)
    CLIENT(TAKEN, .version_min = TLSM_1_2, .schemes = pkcs1_scheme, .scheme_count = 1)
    CLIENT(REFUSED, .schemes = p256_scheme, .scheme_count = 0)
    CLIENT(TAKEN, .schemes = scheme_list, .scheme_count = 255)
    CLIENT(REFUSED, .schemes = scheme_list, .scheme_count = 256)
    CLIENT(TAKEN, .chain_schemes = scheme_list, .chain_scheme_count = 255)
    CLIENT(REFUSED, .chain_schemes = scheme_list, .chain_scheme_count = 256)
    SERVER(TAKEN, .schemes = pkcs1_scheme, .scheme_count = 1)
    SERVER(REFUSED, .schemes = pkcs1_scheme, .scheme_count = 1, .late_auth = 1)
    SERVER(REFUSED, .schemes = pkcs1_scheme, .scheme_count = 1, .client_auth = TLSM_CLIENT_AUTH_REQUEST)
    SERVER(TAKEN, .schemes = p256_scheme, .scheme_count = 1, .client_auth = TLSM_CLIENT_AUTH_REQUIRE, .late_auth = 1)
    SERVER(REFUSED, .client_auth = TLSM_CLIENT_AUTH_REQUIRE + 1)
    /* authorities */
    SERVER(TAKEN, .authorities = authority_most, .authority_count = 1)
    SERVER(REFUSED, .authorities = authority_more, .authority_count = 1)
    SERVER(REFUSED, .authorities = authority_empty, .authority_count = 1)
    SERVER(REFUSED, .authorities = authority_overlong, .authority_count = 1)
    /* credentials */
    SHOWING(REFUSED, .credential_count = 0)
    SHOWING(TAKEN, .credential_count = 0, .ask = TLSM_ASK_CREDENTIAL_BIT)
    SHOWING(TAKEN, .credentials = &plain, .credential_count = 1)
    SHOWING(REFUSED, .credentials = &no_chain, .credential_count = 1)
    SHOWING(REFUSED, .credentials = &no_scheme, .credential_count = 1)
    SHOWING(REFUSED, .credentials = &empty_one, .credential_count = 1)
    SHOWING(REFUSED, .credentials = &overlong_one, .credential_count = 1)
    SHOWING(TAKEN, .credentials = &longest_chain, .credential_count = 1)
    SHOWING(REFUSED, .credentials = &longer_chain, .credential_count = 1)
    SHOWING(TAKEN, .credentials = &longest_staple, .credential_count = 1)
    SHOWING(REFUSED, .credentials = &longer_staple, .credential_count = 1)
    SHOWING(TAKEN, .credentials = many, .credential_count = 65535)
    SHOWING(REFUSED, .credentials = many, .credential_count = 65536)
    CLIENT(REFUSED, .credentials = &no_chain, .credential_count = 1)
    CLIENT(TAKEN, .credentials = many, .credential_count = TLSM_NO_CREDENTIAL - 1)
    CLIENT(REFUSED, .credentials = many, .credential_count = TLSM_NO_CREDENTIAL)
};
enum { ROWS = sizeof rows / sizeof *rows };

static int fill_lists(void **state)
{
    TLSM_UNUSED(state);
    for (size_t i = 0; i < LONG; i++) {
        suite_list[i] = TLSM_AES_256_GCM_SHA384;
        suite12_list[i] = TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256;
        scheme_list[i] = TLSM_ED25519;
    }
    for (size_t i = 0; i < MANY; i++)
        many[i] = plain;
    for (size_t i = 0; i < 64; i++)
        protocols_most[i] = protocols_more[i] = tlsm_slice(bytes, 255);
    protocols_most[63].length = 254;   /* with the lengths of the names 16383 bytes, and 16384 */
    return 0;
}

static const struct tlsm_entropy entropy = { .random = { 1 } };

static enum tlsm_code start_with(struct side *side, const struct tlsm_settings *settings, const struct tlsm_entropy *random, struct tlsm_bytes name)
{
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = random, .server_name = name };
    side->settings = *settings;
    return side_step(side, &in);
}

static void each_field_is_taken_at_its_limit_and_refused_beyond_it(void **state)
{
    TLSM_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) {
        struct pair *pair = pair_fresh();
        const enum tlsm_code code = start_with(&pair->client, &rows[i].settings, &entropy, tlsm_slice(NULL, 0));
        if (code != rows[i].code)
            print_error("%s\n", rows[i].name);
        assert_code(code, rows[i].code);
        assert_int_equal(side_rx(&pair->client), rows[i].code == TLSM_OK ? TLSM_RX_HANDSHAKE : TLSM_RX_UNBORN);
        free(pair);
    }
}

/* ------------------------------------------------------------------------------------------------ the start itself */

static void starts_without_entropy_or_a_role_are_refused(void **state)
{
    static const struct tlsm_settings nobody = { .role = 0 }, both = { .role = TLSM_CLIENT | TLSM_SERVER };
    static const struct tlsm_settings client = { .role = TLSM_CLIENT };
    const struct tlsm_bytes none = { NULL, 0 };
    struct pair *pair = pair_fresh();
    TLSM_UNUSED(state);
    assert_code(start_with(&pair->client, &client, NULL, none), TLSM_BAD_ARGUMENT);
    assert_code(start_with(&pair->client, &nobody, &entropy, none), TLSM_BAD_ARGUMENT);
    assert_code(start_with(&pair->client, &both, &entropy, none), TLSM_BAD_ARGUMENT);
    assert_code(start_with(&pair->client, &client, &entropy, none), TLSM_OK);
    assert_code(start_with(&pair->client, &client, &entropy, none), TLSM_ALREADY_STARTED);
    free(pair);
}

static void names_of_servers_are_taken_as_a_client_can_send_them(void **state)
{
    static const struct tlsm_settings client = { .role = TLSM_CLIENT };
    static uint8_t long_name[TLSM_NAME_MAX + 1];
    memset(long_name, 'n', sizeof long_name);
    const struct {
        struct tlsm_bytes name;
        int code;
    } names[] = { { { long_name, TLSM_NAME_MAX }, TAKEN }, { { long_name, TLSM_NAME_MAX + 1 }, REFUSED },
                  { { (const uint8_t *)"host.", 5 }, REFUSED }, { { (const uint8_t *)"ho\0st", 5 }, REFUSED } };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct pair *pair = pair_fresh();
        assert_code(start_with(&pair->client, &client, &entropy, names[i].name), (enum tlsm_code)names[i].code);
        free(pair);
    }
}

/* Two shares need two groups to be of. */
static void second_share_is_of_a_second_group(void **state)
{
    const struct tlsm_settings settings[] = { { .role = TLSM_CLIENT, .shares_offered = 2 },
                                              { .role = TLSM_CLIENT, .shares_offered = 2, .groups = one_group, .group_count = 1 },
                                              { .role = TLSM_CLIENT, .shares_offered = 1 } };
    static const uint16_t second[] = { TLSM_SECP256R1, 0, 0 };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < 3; i++) {
        struct pair *pair = pair_fresh();
        assert_code(start_with(&pair->client, &settings[i], &entropy, tlsm_slice(NULL, 0)), TLSM_OK);
        assert_int_equal(tlsm_hs_const(&pair->client.block.state)->share_group[1], second[i]);
        free(pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_is_taken_at_its_limit_and_refused_beyond_it),
        cmocka_unit_test(starts_without_entropy_or_a_role_are_refused),
        cmocka_unit_test(names_of_servers_are_taken_as_a_client_can_send_them),
        cmocka_unit_test(second_share_is_of_a_second_group),
    };
    return cmocka_run_group_tests(tests, fill_lists, NULL);
}
