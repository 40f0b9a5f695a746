/* SPDX-License-Identifier: MIT */
/* The cipher lists of TLS 1.2 (openssl-ciphers(1)): which of our suites they stand for, in which order, and whether they mean
 * anything at all: what OpenSSL has and we do not is passed over. */
#include <string.h>

#include "tlsm_ssl_internal.h"

enum { SECURITY_LEVEL_MAX = 5 };

/* In OpenSSL's order, which "ALL" gives. Bits of a mask, from the lowest. */
static const struct rule_suite {
    uint16_t suite;
    char name[32];
} suites[SSL_SUITES_12] = {
    { TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384" },
    { TLSM_ECDHE_RSA_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384" },
    { TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305" },
    { TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305" },
    { TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256" },
    { TLSM_ECDHE_RSA_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256" },
};
enum { AES_256 = 3, CHACHA = 12, AES_128 = 48, AES = AES_256 | AES_128, WITH_ECDSA = 21, WITH_RSA = 42, EVERY = 63, NONE = 0 };

/* Words of the cipher list language that stand for suites OpenSSL knows, and which of ours they stand for. */
static const struct rule_word {
    char word[20];
    uint8_t ours;
} words[] = {
    { "ALL", EVERY }, { "DEFAULT", EVERY }, { "COMPLEMENTOFDEFAULT", NONE }, { "COMPLEMENTOFALL", NONE }, { "HIGH", EVERY },
    { "SSLv3", NONE }, { "TLSv1", NONE }, { "TLSv1.0", NONE }, { "TLSv1.2", EVERY }, { "FIPS", AES },
    { "SUITEB128", AES & WITH_ECDSA }, { "SUITEB128ONLY", AES_128 & WITH_ECDSA }, { "SUITEB128C2", AES & WITH_ECDSA },
    { "SUITEB192", AES_256 & WITH_ECDSA }, { "kRSA", NONE }, { "aRSA", WITH_RSA }, { "RSA", NONE }, { "kDHE", NONE }, { "kEDH", NONE },
    { "DHE", NONE }, { "EDH", NONE }, { "ADH", NONE }, { "kECDHE", EVERY }, { "kEECDH", EVERY }, { "ECDHE", EVERY },
    { "EECDH", EVERY }, { "AECDH", NONE }, { "ECDH", EVERY }, { "DH", NONE }, { "aDSS", NONE }, { "DSS", NONE },
    { "aECDSA", WITH_ECDSA }, { "ECDSA", WITH_ECDSA }, { "aNULL", NONE }, { "eNULL", NONE }, { "NULL", NONE }, { "PSK", NONE },
    { "kPSK", NONE }, { "kECDHEPSK", NONE }, { "kDHEPSK", NONE }, { "kRSAPSK", NONE }, { "aPSK", NONE }, { "SRP", NONE },
    { "kSRP", NONE }, { "aSRP", NONE }, { "AES", AES }, { "AES128", AES_128 }, { "AES256", AES_256 }, { "AESGCM", AES },
    { "AESCCM", NONE }, { "AESCCM8", NONE }, { "CAMELLIA", NONE }, { "CAMELLIA128", NONE }, { "CAMELLIA256", NONE },
    { "CHACHA20", CHACHA }, { "ARIA", NONE }, { "ARIA128", NONE }, { "ARIA256", NONE }, { "ARIAGCM", NONE }, { "SHA", NONE },
    { "SHA1", NONE }, { "SHA256", NONE }, { "SHA384", NONE }, { "MD5", NONE }, { "CBC", NONE },
};

/* Parts that the names of suites are made of: ECDHE-RSA-AES128-GCM-SHA256. */
static const char cipher_parts[][12] = {
    "ECDHE", "DHE", "RSA", "ECDSA", "DSS", "PSK", "SRP", "ADH", "AECDH", "AES128", "AES256", "AES", "128", "256", "GCM",
    "CCM", "CCM8", "CHACHA20", "POLY1305", "CAMELLIA128", "CAMELLIA256", "ARIA128", "ARIA256", "ARIA", "CBC", "NULL", "SHA",
    "SHA256", "SHA384", "MD5",
};

/* What one list came to. */
struct rules {
    uint8_t order[SSL_SUITES_12];   /* indices of `suites` */
    size_t count;
    unsigned killed;                /* never to be added again */
    int some;                       /* any suite is chosen, ours or not; negative: none ever will be */
    int level;
};

static const struct rule_word *word_of(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].word) == length && memcmp(words[i].word, text, length) == 0)
            return &words[i];
    return NULL;
}

static unsigned suite_of(const char *text, size_t length)
{
    for (unsigned i = 0; i < SSL_SUITES_12; i++)
        if (strlen(suites[i].name) == length && memcmp(suites[i].name, text, length) == 0)
            return 1U << i;
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

/* "ECDHE+AESGCM": suites that are all of these; *ours: which of ours. One unknown word, and it is none: 0. */
static int stands_for_suites(const char *text, size_t length, unsigned *ours)
{
    size_t at = 0;

    *ours = EVERY;
    while (at < length) {
        size_t end = at;
        const struct rule_word *word;
        while (end < length && text[end] != '+')
            end++;
        word = word_of(text + at, end - at);
        *ours &= word != NULL ? word->ours : suite_of(text + at, end - at);
        if (word == NULL && !is_suite_name(text + at, end - at)) {
            *ours = NONE;
            return 0;
        }
        at = end + 1;
    }
    if (length > 0 && text[length - 1] != '+')
        return 1;
    *ours = NONE;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ orders */

static void take_away(struct rules *rules, unsigned ours)
{
    size_t left = 0;

    for (size_t i = 0; i < rules->count; i++)
        if ((ours >> rules->order[i] & 1) == 0)
            rules->order[left++] = rules->order[i];
    rules->count = left;
}

static int is_there(const struct rules *rules, unsigned suite)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rules->order[i] == suite)
            return 1;
    return 0;
}

static void append(struct rules *rules, unsigned ours)
{
    for (unsigned i = 0; i < SSL_SUITES_12; i++)
        if ((ours & ~rules->killed) >> i & 1 && !is_there(rules, i))
            rules->order[rules->count++] = (uint8_t)i;
}

/* Those that are there go to the end, in the order they have. */
static void move_back(struct rules *rules, unsigned ours)
{
    const struct rules before = *rules;

    take_away(rules, ours);
    for (size_t i = 0; i < before.count; i++)
        if (ours >> before.order[i] & 1)
            rules->order[rules->count++] = before.order[i];
}

static void sort_by_strength(struct rules *rules) { move_back(rules, AES_128); }

/* "@STRENGTH", "@SECLEVEL=1": 0 when it is neither. */
static int obey(struct rules *rules, const char *text, size_t length)
{
    static const char strength[] = "STRENGTH", security[] = "SECLEVEL=";

    if (length == sizeof strength - 1 && memcmp(text, strength, length) == 0) {
        sort_by_strength(rules);
        return 1;
    }
    if (length != sizeof security || memcmp(text, security, sizeof security - 1) != 0 || text[length - 1] < '0' ||
        text[length - 1] > '0' + SECURITY_LEVEL_MAX)
        return 0;
    rules->level = text[length - 1] - '0';
    return 1;
}

/* Not a character that begins a name, an operator or a command. */
static int is_strange(char c)
{
    return !((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
}

static void apply_operator(struct rules *rules, char operator, const char *rule, size_t length)
{
    const int everything = length == 3 && memcmp(rule, "ALL", 3) == 0;
    unsigned ours;

    (void)stands_for_suites(rule, length, &ours);
    if (operator == '!')
        rules->killed |= ours;
    if (operator == '+')
        move_back(rules, ours);
    else
        take_away(rules, ours);
    if (everything && operator != '+')
        rules->some = operator == '!' ? -1 : 0;
}

static void apply_rule(struct rules *rules, const char *rule, size_t length)
{
    const char operator = length > 0 && strchr("!-+@", rule[0]) != NULL ? rule[0] : '\0';
    unsigned ours;

    if (operator == '@') {
        if (!obey(rules, rule + 1, length - 1))
            rules->some = -1;
    } else if (operator != '\0' && (length == 1 || is_strange(rule[1]))) {
        rules->some = -1;
    } else if (operator != '\0') {
        apply_operator(rules, operator, rule + 1, length - 1);
    } else if (is_strange(rule[0])) {
        rules->some = -1;
    } else {
        rules->some |= stands_for_suites(rule, length, &ours);
        append(rules, ours);
    }
}

static int copy(struct ssl_numbers *to, const struct rules *rules)
{
    uint16_t at[SSL_SUITES_12];
    const struct ssl_numbers found = { at, rules->count };

    for (size_t i = 0; i < rules->count; i++)
        at[i] = suites[rules->order[i]].suite;
    return tlsm_ssl_numbers_copy(to, found);
}

int tlsm_ssl_parse_ciphers(const char *list, struct ssl_numbers *to, int *level)
{
    static const char separators[] = ":,; ";
    struct rules rules = { { 0 }, 0, 0, 0, *level };

    if (list == NULL)
        return 0;
    while (*list != '\0' && rules.some >= 0) {
        size_t length;
        list += strspn(list, separators);
        length = strcspn(list, separators);
        /* "DEFAULT@SECLEVEL=1" is two rules. */
        if (length > 0 && list[0] != '@' && memchr(list, '@', length) != NULL)
            length = strcspn(list, "@");
        if (length > 0)
            apply_rule(&rules, list, length);
        list += length;
    }
    if (rules.some <= 0 || !copy(to, &rules))
        return 0;
    *level = rules.level;
    return 1;
}

static int set_list(struct ssl_profile *profile, SSL *ssl, const char *list)
{
    if (tlsm_ssl_parse_ciphers(list, &profile->suites12, &profile->security_level))
        return 1;
    return tlsm_ssl_refuse(ssl, SSL_R_NO_CIPHER_MATCH, "the list stands for no cipher suite");
}

int SSL_CTX_set_cipher_list(SSL_CTX *ctx, const char *list) { return ctx != NULL && set_list(&ctx->profile, NULL, list); }
int SSL_set_cipher_list(SSL *ssl, const char *list) { return ssl != NULL && set_list(&ssl->profile, ssl, list); }
