/* SPDX-License-Identifier: MIT */
/* Suites: their names, their objects, lists of them. The cipher lists of TLS 1.2 are read in tlsm_ssl_rules.c. */
#include <stdio.h>
#include <string.h>

#include "tlsm_ssl_internal.h"

enum { NEWER = 3, SUITES = NEWER + SSL_SUITES_12, DESCRIPTION_ROOM = 128 };

struct ssl_cipher_st {
    uint16_t suite;
    uint16_t bits;
    char name[32];          /* OpenSSL's */
    char standard[48];      /* IANA's */
    char authentication[8];
    char encryption[24];
};

/* In the machine's own order of preference: those of TLS 1.3, then those of TLS 1.2. */
static const struct ssl_cipher_st ciphers[SUITES] = {
    { TLSM_AES_128_GCM_SHA256, 128, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", "any", "AESGCM(128)" },
    { TLSM_AES_256_GCM_SHA384, 256, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", "any", "AESGCM(256)" },
    { TLSM_CHACHA20_POLY1305_SHA256, 256, "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "any",
      "CHACHA20/POLY1305(256)" },
    { TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256, 128, "ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDSA",
      "AESGCM(128)" },
    { TLSM_ECDHE_RSA_AES_128_GCM_SHA256, 128, "ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "RSA",
      "AESGCM(128)" },
    { TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384, 256, "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDSA",
      "AESGCM(256)" },
    { TLSM_ECDHE_RSA_AES_256_GCM_SHA384, 256, "ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "RSA",
      "AESGCM(256)" },
    { TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256, 256, "ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
      "ECDSA", "CHACHA20/POLY1305(256)" },
    { TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256, 256, "ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
      "RSA", "CHACHA20/POLY1305(256)" },
};

static int is_newer(const SSL_CIPHER *cipher) { return cipher - ciphers < NEWER; }

const SSL_CIPHER *tlsm_ssl_cipher_of(uint16_t suite)
{
    for (size_t i = 0; i < SUITES; i++)
        if (ciphers[i].suite == suite)
            return &ciphers[i];
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ objects */

const char *SSL_CIPHER_get_name(const SSL_CIPHER *cipher) { return cipher != NULL ? cipher->name : "(NONE)"; }
const char *SSL_CIPHER_standard_name(const SSL_CIPHER *cipher) { return cipher != NULL ? cipher->standard : "(NONE)"; }
const char *SSL_CIPHER_get_version(const SSL_CIPHER *cipher)
{
    return cipher == NULL ? "(NONE)" : is_newer(cipher) ? "TLSv1.3" : "TLSv1.2";
}
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
        (void)snprintf(to, (size_t)room, "%-30s %s Kx=%-8s Au=%-5s Enc=%-22s Mac=AEAD\n", cipher->name,
                       SSL_CIPHER_get_version(cipher), is_newer(cipher) ? "any" : "ECDH", cipher->authentication, cipher->encryption);
    return to;
}

const char *SSL_COMP_get_name(const void *method)
{
    (void)method;
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ lists of objects */

/* Those of TLS 1.3 come first, as in OpenSSL. */
static size_t newer_count(const struct ssl_profile *profile) { return profile->suites.at != NULL ? profile->suites.count : NEWER; }
static size_t suite_count(const struct ssl_profile *profile)
{
    return newer_count(profile) + (profile->suites12.at != NULL ? profile->suites12.count : SSL_SUITES_12);
}

static const SSL_CIPHER *suite_at(const struct ssl_profile *profile, size_t index)
{
    const size_t newer = newer_count(profile);

    if (index < newer)
        return profile->suites.at != NULL ? tlsm_ssl_cipher_of(profile->suites.at[index]) : &ciphers[index];
    index -= newer;
    return profile->suites12.at != NULL ? tlsm_ssl_cipher_of(profile->suites12.at[index]) : &ciphers[NEWER + index];
}

const char *SSL_get_cipher_list(const SSL *ssl, int index)
{
    if (ssl == NULL || index < 0 || (size_t)index >= suite_count(&ssl->profile))
        return NULL;
    return suite_at(&ssl->profile, (size_t)index)->name;
}

/* Callers do not own what SSL_get_ciphers() gives. One stack for each list that the program has ever set, made when first wanted,
 * never changed, kept as long as the program. */
struct known_stack {
    struct known_stack *next;
    STACK_OF(SSL_CIPHER) *stack;
};
static struct {
    pthread_mutex_t lock;
    struct known_stack *first;
} stacks = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int is_stack_of(const STACK_OF(SSL_CIPHER) *stack, const struct ssl_profile *profile)
{
    if ((size_t)sk_SSL_CIPHER_num(stack) != suite_count(profile))
        return 0;
    for (int i = 0; i < sk_SSL_CIPHER_num(stack); i++)
        if (sk_SSL_CIPHER_value(stack, i) != suite_at(profile, (size_t)i))
            return 0;
    return 1;
}

static struct known_stack *make_stack(const struct ssl_profile *profile)
{
    struct known_stack *known = OPENSSL_zalloc(sizeof *known);
    int good = known != NULL && (known->stack = sk_SSL_CIPHER_new_null()) != NULL;

    for (size_t i = 0; good && i < suite_count(profile); i++)
        good = sk_SSL_CIPHER_push(known->stack, (SSL_CIPHER *)(uintptr_t)suite_at(profile, i)) > 0;
    if (good)
        return known;
    if (known != NULL)
        sk_SSL_CIPHER_free(known->stack);
    OPENSSL_free(known);
    return NULL;
}

static STACK_OF(SSL_CIPHER) *stack_of(const struct ssl_profile *profile)
{
    struct known_stack *known;

    (void)pthread_mutex_lock(&stacks.lock);
    for (known = stacks.first; known != NULL && !is_stack_of(known->stack, profile);)
        known = known->next;
    if (known == NULL && (known = make_stack(profile)) != NULL) {
        known->next = stacks.first;
        stacks.first = known;
    }
    (void)pthread_mutex_unlock(&stacks.lock);
    return known != NULL ? known->stack : NULL;
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

    for (size_t i = 0; i < NEWER; i++)
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
    uint16_t at[NEWER];
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
