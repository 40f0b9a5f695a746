/* SPDX-License-Identifier: MIT */
/* Suites: their names, their objects, lists of them; and the cipher lists of TLS 1.2, which only have to mean something. */
#include <stdio.h>
#include <string.h>

#include "tlsm_ssl_internal.h"

enum { SUITES = 3, NAME_ROOM = 64, STACKS = 1 << 2 * SUITES, SECURITY_LEVEL_MAX = 5, DESCRIPTION_ROOM = 128 };

struct ssl_cipher_st {
    uint16_t suite;
    uint16_t bits;
    char name[32];
    char encryption[24];
};

/* In the machine's own order of preference. */
static const struct ssl_cipher_st ciphers[SUITES] = {
    { TLSM_AES_128_GCM_SHA256, 128, "TLS_AES_128_GCM_SHA256", "AESGCM(128)" },
    { TLSM_AES_256_GCM_SHA384, 256, "TLS_AES_256_GCM_SHA384", "AESGCM(256)" },
    { TLSM_CHACHA20_POLY1305_SHA256, 256, "TLS_CHACHA20_POLY1305_SHA256", "CHACHA20/POLY1305(256)" },
};

const SSL_CIPHER *tlsm_ssl_cipher_of(uint16_t suite)
{
    for (size_t i = 0; i < SUITES; i++)
        if (ciphers[i].suite == suite)
            return &ciphers[i];
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ objects */

const char *SSL_CIPHER_get_name(const SSL_CIPHER *cipher) { return cipher != NULL ? cipher->name : "(NONE)"; }
const char *SSL_CIPHER_standard_name(const SSL_CIPHER *cipher) { return SSL_CIPHER_get_name(cipher); }
const char *SSL_CIPHER_get_version(const SSL_CIPHER *cipher) { return cipher != NULL ? "TLSv1.3" : "(NONE)"; }
uint16_t SSL_CIPHER_get_protocol_id(const SSL_CIPHER *cipher) { return cipher != NULL ? cipher->suite : 0; }
int SSL_CIPHER_is_aead(const SSL_CIPHER *cipher) { return cipher != NULL; }

/* The high bytes say which protocol's numbers these are. */
uint32_t SSL_CIPHER_get_id(const SSL_CIPHER *cipher) { return cipher != NULL ? 0x03000000U | cipher->suite : 0; }

int SSL_CIPHER_get_bits(const SSL_CIPHER *cipher, int *algorithm_bits)
{
    int bits = cipher != NULL ? cipher->bits : 0;

    if (algorithm_bits != NULL && cipher != NULL)
        *algorithm_bits = bits;
    return bits;
}

/* `to` NULL: memory for OPENSSL_free(). Columns as programs that show them expect. */
char *SSL_CIPHER_description(const SSL_CIPHER *cipher, char *to, int room)
{
    if (cipher == NULL)
        return NULL;
    if (to == NULL) {
        room = DESCRIPTION_ROOM;
        to = OPENSSL_malloc((size_t)room);
    } else if (room < DESCRIPTION_ROOM) {
        return NULL;
    }
    if (to != NULL)
        (void)snprintf(to, (size_t)room, "%-30s TLSv1.3 Kx=any      Au=any   Enc=%-22s Mac=AEAD\n", cipher->name,
                       cipher->encryption);
    return to;
}

const char *SSL_COMP_get_name(const void *method)
{
    (void)method;
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ lists of objects */

static size_t suite_count(const struct ssl_profile *profile)
{
    return profile->suites.at != NULL ? profile->suites.count : SUITES;
}

static const SSL_CIPHER *suite_at(const struct ssl_profile *profile, size_t index)
{
    return profile->suites.at != NULL ? tlsm_ssl_cipher_of(profile->suites.at[index]) : &ciphers[index];
}

const char *SSL_get_cipher_list(const SSL *ssl, int index)
{
    if (ssl == NULL || index < 0 || (size_t)index >= suite_count(&ssl->profile))
        return NULL;
    return suite_at(&ssl->profile, (size_t)index)->name;
}

/* Callers do not own what SSL_get_ciphers() gives. There are few orders of three suites: one stack for each, made when first
 * wanted, never changed, kept as long as the program. */
static struct {
    pthread_mutex_t lock;
    STACK_OF(SSL_CIPHER) *at[STACKS];
} stacks = { .lock = PTHREAD_MUTEX_INITIALIZER };

static STACK_OF(SSL_CIPHER) *make_stack(const struct ssl_profile *profile)
{
    STACK_OF(SSL_CIPHER) *stack = sk_SSL_CIPHER_new_null();

    for (size_t i = 0; stack != NULL && i < suite_count(profile); i++)
        if (sk_SSL_CIPHER_push(stack, (SSL_CIPHER *)(uintptr_t)suite_at(profile, i)) <= 0) {
            sk_SSL_CIPHER_free(stack);
            stack = NULL;
        }
    return stack;
}

static STACK_OF(SSL_CIPHER) *stack_of(const struct ssl_profile *profile)
{
    STACK_OF(SSL_CIPHER) *stack;
    size_t order = 0;

    for (size_t i = 0; i < suite_count(profile); i++)
        order = order << 2 | (size_t)(suite_at(profile, i) - ciphers + 1);
    (void)pthread_mutex_lock(&stacks.lock);
    if (stacks.at[order] == NULL)
        stacks.at[order] = make_stack(profile);
    stack = stacks.at[order];
    (void)pthread_mutex_unlock(&stacks.lock);
    return stack;
}

STACK_OF(SSL_CIPHER) *SSL_get_ciphers(const SSL *ssl) { return ssl != NULL ? stack_of(&ssl->profile) : NULL; }
STACK_OF(SSL_CIPHER) *SSL_CTX_get_ciphers(const SSL_CTX *ctx) { return ctx != NULL ? stack_of(&ctx->profile) : NULL; }

/* ------------------------------------------------------------------------------------------------ suites */

static const char *skip_spaces(const char *text, size_t *length)
{
    while (*length > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        (*length)--;
    }
    while (*length > 0 && (text[*length - 1] == ' ' || text[*length - 1] == '\t'))
        (*length)--;
    return text;
}

static void add_suite(struct ssl_numbers *to, const char *name, size_t length)
{
    const struct ssl_cipher_st *found = NULL;

    for (size_t i = 0; i < SUITES; i++)
        if (strlen(ciphers[i].name) == length && memcmp(ciphers[i].name, name, length) == 0)
            found = &ciphers[i];
    for (size_t i = 0; found != NULL && i < to->count; i++)
        if (to->at[i] == found->suite)
            found = NULL;
    if (found != NULL)
        to->at[to->count++] = found->suite;
}

/* Unknown names are passed over, but one must be left; the empty list is no suites at all. */
int tlsm_ssl_parse_suites(const char *list, struct ssl_numbers *to)
{
    uint16_t at[SUITES];
    struct ssl_numbers found = { at, 0 };
    const char *item = list;

    if (list == NULL)
        return 0;
    while (*item != '\0') {
        size_t length = strcspn(item, ":"), inner = length;
        const char *name = skip_spaces(item, &inner);
        add_suite(&found, name, inner);
        item += length + (item[length] == ':');
    }
    if (list[0] != '\0' && found.count == 0)
        return 0;
    return tlsm_ssl_numbers_copy(to, found);
}

static int set_suites(struct ssl_profile *profile, SSL *ssl, const char *list)
{
    if (tlsm_ssl_parse_suites(list, &profile->suites))
        return 1;
    return tlsm_ssl_refuse(ssl, SSL_R_NO_CIPHER_MATCH, "the list names no suite of TLS 1.3 that is known here");
}

int SSL_CTX_set_ciphersuites(SSL_CTX *ctx, const char *list)
{
    return ctx != NULL && set_suites(&ctx->profile, NULL, list);
}

int SSL_set_ciphersuites(SSL *ssl, const char *list)
{
    return ssl != NULL && set_suites(&ssl->profile, ssl, list);
}

/* ------------------------------------------------------------------------------------------------ TLS 1.2's lists */

/* Words of the cipher list language that stand for suites libcrypto's companion knows. Sorted by kind, compared exactly. */
static const char cipher_words[][20] = {
    "ALL", "DEFAULT", "COMPLEMENTOFDEFAULT", "COMPLEMENTOFALL", "HIGH", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.2",
    "FIPS", "SUITEB128", "SUITEB128ONLY", "SUITEB128C2", "SUITEB192",
    "kRSA", "aRSA", "RSA", "kDHE", "kEDH", "DHE", "EDH", "ADH", "kECDHE", "kEECDH", "ECDHE", "EECDH", "AECDH", "ECDH", "DH",
    "aDSS", "DSS", "aECDSA", "ECDSA", "aNULL", "eNULL", "NULL", "PSK", "kPSK", "kECDHEPSK", "kDHEPSK", "kRSAPSK", "aPSK",
    "SRP", "kSRP", "aSRP", "AES", "AES128", "AES256", "AESGCM", "AESCCM", "AESCCM8", "CAMELLIA", "CAMELLIA128",
    "CAMELLIA256", "CHACHA20", "ARIA", "ARIA128", "ARIA256", "ARIAGCM", "SHA", "SHA1", "SHA256", "SHA384", "MD5", "CBC",
};

/* Parts that the names of suites are made of: ECDHE-RSA-AES128-GCM-SHA256. */
static const char cipher_parts[][12] = {
    "ECDHE", "DHE", "RSA", "ECDSA", "DSS", "PSK", "SRP", "ADH", "AECDH", "AES128", "AES256", "AES", "128", "256", "GCM",
    "CCM", "CCM8", "CHACHA20", "POLY1305", "CAMELLIA128", "CAMELLIA256", "ARIA128", "ARIA256", "ARIA", "CBC", "NULL", "SHA",
    "SHA256", "SHA384", "MD5",
};

static int is_word(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof cipher_words / sizeof cipher_words[0]; i++)
        if (strlen(cipher_words[i]) == length && memcmp(cipher_words[i], text, length) == 0)
            return 1;
    return 0;
}

static int is_part(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof cipher_parts / sizeof cipher_parts[0]; i++)
        if (strlen(cipher_parts[i]) == length && memcmp(cipher_parts[i], text, length) == 0)
            return 1;
    return 0;
}

/* A suite's name has at least a cipher and what authenticates its records. */
static int is_suite_name(const char *text, size_t length)
{
    int parts = 0;

    for (size_t at = 0; at < length; parts++) {
        size_t end = at;
        while (end < length && text[end] != '-')
            end++;
        if (!is_part(text + at, end - at))
            return 0;
        at = end + 1;
    }
    return parts >= 2 && length > 0 && text[length - 1] != '-';
}

/* "ECDHE+AESGCM": suites that are all of these. One unknown word, and it is none. */
static int stands_for_suites(const char *text, size_t length)
{
    size_t at = 0;

    while (at < length) {
        size_t end = at;
        while (end < length && text[end] != '+')
            end++;
        if (!is_word(text + at, end - at) && !is_suite_name(text + at, end - at))
            return 0;
        at = end + 1;
    }
    return length > 0 && text[length - 1] != '+';
}

/* "@STRENGTH", "@SECLEVEL=1": 0 when it is neither. */
static int obey(const char *text, size_t length, int *level)
{
    static const char strength[] = "STRENGTH", security[] = "SECLEVEL=";

    if (length == sizeof strength - 1 && memcmp(text, strength, length) == 0)
        return 1;
    if (length != sizeof security || memcmp(text, security, sizeof security - 1) != 0 || text[length - 1] < '0' ||
        text[length - 1] > '0' + SECURITY_LEVEL_MAX)
        return 0;
    *level = text[length - 1] - '0';
    return 1;
}

/* Not a character that begins a name, an operator or a command. */
static int is_strange(char c)
{
    return !((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
}

/* What one rule leaves of `some`: whether any suite is chosen; negative: none ever will be. */
static int apply_rule(const char *rule, size_t length, int some, int *level)
{
    char operator = length > 0 && strchr("!-+@", rule[0]) != NULL ? rule[0] : '\0';

    if (operator == '@')
        return obey(rule + 1, length - 1, level) ? some : -1;
    if (operator != '\0' && (length == 1 || is_strange(rule[1])))
        return -1;
    if (operator != '\0') {
        int everything = length == 4 && memcmp(rule + 1, "ALL", 3) == 0;
        return everything && operator == '!' ? -1 : everything && operator == '-' ? 0 : some;
    }
    if (is_strange(rule[0]))
        return -1;
    return some || stands_for_suites(rule, length);
}

int tlsm_ssl_parse_ciphers(const char *list, int *level)
{
    static const char separators[] = ":,; ";
    int some = 0, asked = *level;

    if (list == NULL)
        return 0;
    while (*list != '\0' && some >= 0) {
        size_t length;
        list += strspn(list, separators);
        length = strcspn(list, separators);
        /* "DEFAULT@SECLEVEL=1" is two rules. */
        if (length > 0 && list[0] != '@' && memchr(list, '@', length) != NULL)
            length = strcspn(list, "@");
        if (length > 0)
            some = apply_rule(list, length, some, &asked);
        list += length;
    }
    if (some > 0)
        *level = asked;
    return some > 0;
}

static int check_list(struct ssl_profile *profile, SSL *ssl, const char *list)
{
    if (tlsm_ssl_parse_ciphers(list, &profile->security_level))
        return 1;
    return tlsm_ssl_refuse(ssl, SSL_R_NO_CIPHER_MATCH, "the list stands for no cipher suite");
}

int SSL_CTX_set_cipher_list(SSL_CTX *ctx, const char *list)
{
    return ctx != NULL && check_list(&ctx->profile, NULL, list);
}

int SSL_set_cipher_list(SSL *ssl, const char *list) { return ssl != NULL && check_list(&ssl->profile, ssl, list); }
