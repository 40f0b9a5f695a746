/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE

#include "names.h"

#include <string.h>
#include <strings.h>

#include "tlsm.h"

/* The first name of a number is the one we write. */
struct name {
    const char *name;
    uint16_t number;
};

static const struct name suites[] = {
    { "TLS_AES_128_GCM_SHA256", TLSM_AES_128_GCM_SHA256 },
    { "TLS_AES_256_GCM_SHA384", TLSM_AES_256_GCM_SHA384 },
    { "TLS_CHACHA20_POLY1305_SHA256", TLSM_CHACHA20_POLY1305_SHA256 },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256 },
    { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", TLSM_ECDHE_RSA_AES_128_GCM_SHA256 },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384 },
    { "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", TLSM_ECDHE_RSA_AES_256_GCM_SHA384 },
    { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256 },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256 },
    { "ECDHE-ECDSA-AES128-GCM-SHA256", TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256 },
    { "ECDHE-RSA-AES128-GCM-SHA256", TLSM_ECDHE_RSA_AES_128_GCM_SHA256 },
    { "ECDHE-ECDSA-AES256-GCM-SHA384", TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384 },
    { "ECDHE-RSA-AES256-GCM-SHA384", TLSM_ECDHE_RSA_AES_256_GCM_SHA384 },
    { "ECDHE-ECDSA-CHACHA20-POLY1305", TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256 },
    { "ECDHE-RSA-CHACHA20-POLY1305", TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256 },
    { "aes-128-gcm", TLSM_AES_128_GCM_SHA256 },
    { "aes-128-gcm", TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256 },
    { "aes-128-gcm", TLSM_ECDHE_RSA_AES_128_GCM_SHA256 },
    { "aes-256-gcm", TLSM_AES_256_GCM_SHA384 },
    { "aes-256-gcm", TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384 },
    { "aes-256-gcm", TLSM_ECDHE_RSA_AES_256_GCM_SHA384 },
    { "chacha20-poly1305", TLSM_CHACHA20_POLY1305_SHA256 },
    { "chacha20-poly1305", TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256 },
    { "chacha20-poly1305", TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256 },
};
static const struct name groups[] = {
    { "x25519", TLSM_X25519 },
    { "secp256r1", TLSM_SECP256R1 },
    { "p-256", TLSM_SECP256R1 },
    { "secp384r1", TLSM_SECP384R1 },
    { "p-384", TLSM_SECP384R1 },
};

static int is_named(const struct name *one, const char *name, size_t length)
{
    return strlen(one->name) == length && strncasecmp(one->name, name, length) == 0;
}

static const char *name_of(const struct name *names, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].number == number)
            return names[i].name;
    return NULL;
}

size_t suite_numbers(const char *name, size_t length, uint16_t to[NAMES_SUITES])
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof suites / sizeof suites[0] && count < NAMES_SUITES; i++)
        if (is_named(&suites[i], name, length))
            to[count++] = suites[i].number;
    return count;
}

int suite_is_13(uint16_t number) { return number >> 8 == 0x13; }

uint16_t group_number(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (is_named(&groups[i], name, length))
            return groups[i].number;
    return 0;
}

const char *suite_name(uint16_t number)
{
    return name_of(suites, sizeof suites / sizeof suites[0], number);
}

const char *group_name(uint16_t number)
{
    return name_of(groups, sizeof groups / sizeof groups[0], number);
}
