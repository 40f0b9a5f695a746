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
    { "aes-128-gcm", TLSM_AES_128_GCM_SHA256 },
    { "TLS_AES_256_GCM_SHA384", TLSM_AES_256_GCM_SHA384 },
    { "aes-256-gcm", TLSM_AES_256_GCM_SHA384 },
    { "TLS_CHACHA20_POLY1305_SHA256", TLSM_CHACHA20_POLY1305_SHA256 },
    { "chacha20-poly1305", TLSM_CHACHA20_POLY1305_SHA256 },
};
static const struct name groups[] = {
    { "x25519", TLSM_X25519 },
    { "secp256r1", TLSM_SECP256R1 },
    { "p-256", TLSM_SECP256R1 },
    { "secp384r1", TLSM_SECP384R1 },
    { "p-384", TLSM_SECP384R1 },
};

static uint16_t number_of(const struct name *names, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i].name) == length && strncasecmp(names[i].name, name, length) == 0)
            return names[i].number;
    return 0;
}

static const char *name_of(const struct name *names, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].number == number)
            return names[i].name;
    return NULL;
}

uint16_t suite_number(const char *name, size_t length)
{
    return number_of(suites, sizeof suites / sizeof suites[0], name, length);
}

uint16_t group_number(const char *name, size_t length)
{
    return number_of(groups, sizeof groups / sizeof groups[0], name, length);
}

const char *suite_name(uint16_t number)
{
    return name_of(suites, sizeof suites / sizeof suites[0], number);
}

const char *group_name(uint16_t number)
{
    return name_of(groups, sizeof groups / sizeof groups[0], number);
}
