/* SPDX-License-Identifier: MIT */
/* Judging chains and signatures, loading credentials, answering: with a certificate authority made for the occasion. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "tlsm_judge.h"

enum { DAY = 86400, YEAR = 365 * DAY, CHAIN_ROOM = 16384, PATH_ROOM = 256 };
static const int64_t now = 1767225600;   /* 2026-01-01 00:00:00 UTC */
static const char host[] = "server.example.org";

static struct {
    char folder[64];
    EVP_PKEY *root_key, *middle_key, *key, *other_key, *p384, *ed25519, *rsa, *pss, *weak;
    X509 *root, *middle;
    struct tlsm_judge *judge;
    struct tlsm_libcrypto *instance;
} the;

/* ------------------------------------------------------------------------------------------------ making things */

struct recipe {
    const char *name;         /* common name */
    EVP_PKEY *key;
    const char *alternative;  /* subjectAltName, as in openssl.cnf */
    const char *usage, *purpose;
    int64_t from, to;         /* seconds after `now`; both 0: a day before to a year after */
    int authority;
    X509 *issuer;             /* NULL: itself */
    EVP_PKEY *issuer_key;
};

static void extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    if (value == NULL)
        return;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static const EVP_MD *digest_for(EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
}

static X509 *make(struct recipe recipe)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509 *issuer = recipe.issuer != NULL ? recipe.issuer : certificate;
    EVP_PKEY *issuer_key = recipe.issuer != NULL ? recipe.issuer_key : recipe.key;

    if (recipe.from == 0 && recipe.to == 0) {
        recipe.from = -DAY;
        recipe.to = YEAR;
    }
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)recipe.name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(now + recipe.from));
    ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(now + recipe.to));
    X509_set_pubkey(certificate, recipe.key);
    extend(certificate, issuer, NID_basic_constraints, recipe.authority ? "critical,CA:TRUE" : NULL);
    extend(certificate, issuer, NID_subject_alt_name, recipe.alternative);
    extend(certificate, issuer, NID_key_usage, recipe.usage);
    extend(certificate, issuer, NID_ext_key_usage, recipe.purpose);
    assert_true(X509_sign(certificate, issuer_key, digest_for(issuer_key)) > 0);
    return certificate;
}

/* A server certificate by the intermediate authority. */
static X509 *make_leaf(EVP_PKEY *key, const char *alternative)
{
    return make((struct recipe){ .name = host, .key = key, .alternative = alternative, .issuer = the.middle,
                                 .issuer_key = the.middle_key });
}

static const char *path_of(const char *name)
{
    static char path[4][PATH_ROOM];
    static unsigned turn;
    char *to = path[turn++ % 4];
    (void)snprintf(to, PATH_ROOM, "%s/%s", the.folder, name);
    return to;
}

static FILE *create(const char *name)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    return file;
}

static void write_text(const char *name, const char *text)
{
    FILE *file = create(name);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void write_certificates(const char *name, X509 *first, X509 *second)
{
    FILE *file = create(name);
    assert_int_equal(PEM_write_X509(file, first), 1);
    if (second != NULL)
        assert_int_equal(PEM_write_X509(file, second), 1);
    assert_int_equal(fclose(file), 0);
}

static void write_key(const char *name, EVP_PKEY *key, const char *passphrase)
{
    FILE *file = create(name);
    assert_int_equal(PEM_write_PKCS8PrivateKey(file, key, passphrase != NULL ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
                                               (void *)(uintptr_t)passphrase), 1);
    assert_int_equal(fclose(file), 0);
}

static EVP_PKEY *make_pss_key(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    EVP_PKEY *key = NULL;

    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
    assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

static int set_up(void **state)
{
    char why[TLSM_WHY_ROOM];

    (void)state;
    (void)snprintf(the.folder, sizeof the.folder, "/tmp/tlsm-judge-XXXXXX");
    assert_non_null(mkdtemp(the.folder));
    the.root_key = EVP_EC_gen("P-256");
    the.middle_key = EVP_EC_gen("P-256");
    the.key = EVP_EC_gen("P-256");
    the.other_key = EVP_EC_gen("P-256");
    the.p384 = EVP_EC_gen("P-384");
    the.ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    the.rsa = EVP_RSA_gen(2048);
    the.weak = EVP_RSA_gen(1024);
    the.pss = make_pss_key();
    the.root = make((struct recipe){ .name = "Test Root", .key = the.root_key, .authority = 1 });
    the.middle = make((struct recipe){ .name = "Test Intermediate", .key = the.middle_key, .authority = 1,
                                       .issuer = the.root, .issuer_key = the.root_key });
    write_certificates("root.pem", the.root, NULL);
    the.judge = tlsm_judge_new_path(path_of("root.pem"), why, sizeof why);
    assert_non_null(the.judge);
    the.instance = tlsm_libcrypto_new(NULL);
    assert_non_null(the.instance);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = { "root.pem", "chain.pem", "key.pem", "empty.pem", "damaged.pem", "list.pem",
                                         "certificates/a.crt", "certificates/notes.txt", "certificates", "nothing" };
    EVP_PKEY *keys[] = { the.root_key, the.middle_key, the.key, the.other_key, the.p384, the.ed25519, the.rsa, the.pss,
                         the.weak };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)remove(path_of(names[i]));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        EVP_PKEY_free(keys[i]);
    X509_free(the.root);
    X509_free(the.middle);
    tlsm_judge_free(the.judge);
    tlsm_libcrypto_free(the.instance);
    return rmdir(the.folder);
}

/* ------------------------------------------------------------------------------------------------ asking */

/* One request, whole: what a client would hold after the server's flight. */
struct question {
    struct tlsm_request request;
    uint8_t chain[CHAIN_ROOM], signature[TLSM_SIGNATURE_MAX];
    const struct tlsm_judge *judge;
    int64_t at;
    char why[TLSM_WHY_ROOM];
};

static void append_der(struct question *question, const uint8_t *der, size_t length)
{
    uint8_t *to = question->chain + question->request.chain.length;

    assert_true(question->request.chain.length + length + 5 <= CHAIN_ROOM);
    to[0] = (uint8_t)(length >> 16);
    to[1] = (uint8_t)(length >> 8);
    to[2] = (uint8_t)length;
    memcpy(to + 3, der, length);
    to[3 + length] = to[4 + length] = 0;
    question->request.chain.length += length + 5;
}

static void append(struct question *question, X509 *certificate)
{
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);

    assert_true(length > 0);
    append_der(question, der, (size_t)length);
    OPENSSL_free(der);
}

static void ask_for(struct question *question, const char *name)
{
    question->request.server_name.data = (const uint8_t *)name;
    question->request.server_name.length = strlen(name);
}

/* Signed by `key` under `scheme`; the chain is the leaf and the intermediate. */
static struct question *ask(X509 *leaf, EVP_PKEY *key, uint16_t scheme)
{
    static struct question question;
    size_t length;

    memset(&question, 0, sizeof question);
    question.request.kind = TLSM_ASK_JUDGE;
    question.request.id = 9;
    question.request.scheme = scheme;
    question.request.chain.data = question.chain;
    question.request.content_length = 64 + 34 + 32;
    memset(question.request.content, 0x20, sizeof question.request.content);
    question.judge = the.judge;
    question.at = now;
    ask_for(&question, host);
    if (leaf != NULL) {
        append(&question, leaf);
        append(&question, the.middle);
    }
    assert_int_equal(tlsm_libcrypto_sign(key, &question.request, question.signature, &length), 0);
    question.request.signature.data = question.signature;
    question.request.signature.length = length;
    return &question;
}

static uint8_t judged(struct question *question)
{
    struct tlsm_answer answer;
    int good = tlsm_judge_answer(the.instance, question->judge, &question->request, question->at, &answer, question->why,
                                 sizeof question->why);

    assert_int_equal(answer.id, 9);
    assert_int_equal(good == 0, answer.alert == 0);
    assert_int_equal(question->why[0] == '\0', answer.alert == 0);
    assert_int_equal(ERR_peek_error(), 0);
    return answer.alert;
}

static void assert_says(const struct question *question, const char *words)
{
    if (strstr(question->why, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", question->why, words);
}

/* A leaf for `alternative`, asked for under `name`. */
static uint8_t judged_name(const char *alternative, const char *name)
{
    X509 *leaf = make_leaf(the.key, alternative);
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);

    ask_for(question, name);
    X509_free(leaf);
    return judged(question);
}

static uint8_t judged_leaf(struct recipe recipe, const char *words)
{
    struct question *question;
    X509 *leaf;
    uint8_t alert;

    recipe.name = host;
    if (recipe.key == NULL)
        recipe.key = the.key;
    recipe.alternative = "DNS:server.example.org";
    if (recipe.issuer == NULL) {
        recipe.issuer = the.middle;
        recipe.issuer_key = the.middle_key;
    }
    leaf = make(recipe);
    question = ask(leaf, recipe.key, recipe.key == the.weak ? TLSM_RSA_PSS_RSAE_SHA256 : TLSM_ECDSA_SECP256R1_SHA256);
    alert = judged(question);
    assert_says(question, words);
    X509_free(leaf);
    return alert;
}

/* ------------------------------------------------------------------------------------------------ chains */

static void good_chain_is_accepted_with_every_kind_of_key(void **state)
{
    struct { EVP_PKEY *key; uint16_t scheme; } kinds[] = {
        { the.key, TLSM_ECDSA_SECP256R1_SHA256 }, { the.p384, TLSM_ECDSA_SECP384R1_SHA384 }, { the.ed25519, TLSM_ED25519 },
        { the.rsa, TLSM_RSA_PSS_RSAE_SHA256 }, { the.rsa, TLSM_RSA_PSS_RSAE_SHA384 }, { the.rsa,
                TLSM_RSA_PSS_RSAE_SHA512 },
        { the.pss, TLSM_RSA_PSS_PSS_SHA256 }, { the.pss, TLSM_RSA_PSS_PSS_SHA384 }, { the.pss, TLSM_RSA_PSS_PSS_SHA512 } };

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        X509 *leaf = make_leaf(kinds[i].key, "DNS:server.example.org");
        struct question *question = ask(leaf, kinds[i].key, kinds[i].scheme);
        assert_int_equal(judged(question), 0);
        assert_int_equal(judged(question), 0);   /* the second time from the cache */
        question->signature[question->request.signature.length - 1] ^= 1;
        assert_int_equal(judged(question), TLSM_ALERT_DECRYPT_ERROR);
        X509_free(leaf);
    }
}

static void names_follow_rfc9525(void **state)
{
    static const struct { const char *alternative, *name; int good; } cases[] = {
        { "DNS:server.example.org", "server.example.org", 1 },
        { "DNS:server.example.org", "SERVER.Example.ORG", 1 },
        { "DNS:a.example.org,DNS:server.example.org", "server.example.org", 1 },
        { "DNS:server.example.org", "other.example.org", 0 },
        { "DNS:server.example.org", "server.example.org.evil.net", 0 },
        { "DNS:server.example.org", "example.org", 0 },
        { "DNS:*.example.org", "server.example.org", 1 },
        { "DNS:*.example.org", "a.b.example.org", 0 },
        { "DNS:*.example.org", "example.org", 0 },
        { "DNS:se*.example.org", "server.example.org", 0 },   /* part of a label */
        { "DNS:*", "localhost", 0 },
        { "email:a@example.org", "server.example.org", 0 },   /* the common name is no name */
        { NULL, "server.example.org", 0 },
        { "IP:192.0.2.7", "192.0.2.7", 1 },
        { "IP:192.0.2.7", "192.0.2.8", 0 },
        { "IP:2001:db8::7", "2001:db8:0:0::7", 1 },
        { "IP:2001:db8::7", "2001:db8::8", 0 },
        { "DNS:192.0.2.7", "192.0.2.7", 0 },                  /* an address is no DNS name */
        { "DNS:server.example.org,IP:192.0.2.7", "192.0.2.7", 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t alert = judged_name(cases[i].alternative, cases[i].name);
        if (alert != (cases[i].good ? 0 : TLSM_ALERT_BAD_CERTIFICATE))
            fail_msg("case %zu: %s for %s: alert %d", i, cases[i].alternative, cases[i].name, alert);
    }
}

static void wrong_name_says_which_names_are_right(void **state)
{
    X509 *leaf = make_leaf(the.key, "DNS:a.example.org,IP:192.0.2.1,IP:2001:db8::1,DNS:b.example.org,DNS:c.example.org");
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);

    (void)state;
    assert_int_equal(judged(question), TLSM_ALERT_BAD_CERTIFICATE);
    assert_says(question, "not for server.example.org but for a.example.org, 192.0.2.1, "
                          "2001:0db8:0000:0000:0000:0000:0000:0001, and others");
    X509_free(leaf);
}

static void no_name_to_check_is_a_refusal(void **state)
{
    (void)state;
    assert_int_equal(judged_name("DNS:server.example.org", ""), TLSM_ALERT_CERTIFICATE_UNKNOWN);
    assert_int_equal(judged_name("DNS:server.example.org", ".example.org"), TLSM_ALERT_CERTIFICATE_UNKNOWN);
}

/* What strangers write into certificates must not reach a terminal as control characters. */
static void sentences_hold_printable_characters_only(void **state)
{
    X509 *leaf = make((struct recipe){ .name = "evil\33[2J\nname", .key = the.key });
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);

    (void)state;
    assert_int_equal(judged(question), TLSM_ALERT_UNKNOWN_CA);
    assert_says(question, "evil?[2J?name");
    X509_free(leaf);
}

static void time_is_judged_afresh_each_time(void **state)
{
    X509 *leaf = make_leaf(the.key, "DNS:server.example.org");
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);

    (void)state;
    assert_int_equal(judged(question), 0);
    question->at = now + YEAR + 1;
    assert_int_equal(judged(question), TLSM_ALERT_CERTIFICATE_EXPIRED);
    assert_says(question, "expired at 2027-01-01 00:00:00 UTC");
    question->at = now - DAY - 1;
    assert_int_equal(judged(question), TLSM_ALERT_CERTIFICATE_EXPIRED);
    assert_says(question, "not valid before 2025-12-31 00:00:00 UTC");
    question->at = now;
    assert_int_equal(judged(question), 0);
    ask_for(question, "other.example.org");
    assert_int_equal(judged(question), TLSM_ALERT_BAD_CERTIFICATE);
    X509_free(leaf);
}

static void expired_leaf_is_certificate_expired(void **state)
{
    (void)state;
    assert_int_equal(judged_leaf((struct recipe){ .from = -YEAR, .to = -DAY }, "expired"), TLSM_ALERT_CERTIFICATE_EXPIRED);
}

static void system_time_is_used_when_none_is_given(void **state)
{
    X509 *old = make((struct recipe){ .name = host, .key = the.key, .alternative = "DNS:server.example.org",
                                      .from = -3 * YEAR, .to = -2 * YEAR, .issuer = the.middle,
                                              .issuer_key = the.middle_key });
    struct question *question = ask(old, the.key, TLSM_ECDSA_SECP256R1_SHA256);

    (void)state;
    question->at = now - 3 * YEAR + DAY;      /* before the authorities' own time */
    assert_int_equal(judged(question), TLSM_ALERT_CERTIFICATE_EXPIRED);
    question->at = 0;
    assert_int_equal(judged(question), TLSM_ALERT_CERTIFICATE_EXPIRED);
    X509_free(old);
}

static void self_signed_is_unknown_ca(void **state)
{
    X509 *leaf = make((struct recipe){ .name = host, .key = the.key, .alternative = "DNS:server.example.org" });
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);

    (void)state;
    assert_int_equal(judged(question), TLSM_ALERT_UNKNOWN_CA);
    assert_says(question, "self-signed and not trusted; if it is the right one, give it with --ca");
    X509_free(leaf);
}

static void self_signed_is_accepted_when_it_is_the_trusted_one(void **state)
{
    X509 *leaf = make((struct recipe){ .name = host, .key = the.key, .alternative = "DNS:server.example.org" });
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);
    struct tlsm_judge *judge;

    (void)state;
    write_certificates("chain.pem", leaf, NULL);
    judge = tlsm_judge_new_path(path_of("chain.pem"), NULL, 0);
    assert_non_null(judge);
    question->judge = judge;
    assert_int_equal(judged(question), 0);
    tlsm_judge_free(judge);
    X509_free(leaf);
}

static void unknown_authority_and_missing_intermediate_are_unknown_ca(void **state)
{
    X509 *stranger = make((struct recipe){ .name = "Stranger", .key = the.other_key, .authority = 1 });
    X509 *leaf = make_leaf(the.key, "DNS:server.example.org");
    struct question *question = ask(NULL, the.key, TLSM_ECDSA_SECP256R1_SHA256);

    (void)state;
    append(question, leaf);
    assert_int_equal(judged(question), TLSM_ALERT_UNKNOWN_CA);
    assert_says(question, "the issuer Test Intermediate is not trusted");
    assert_int_equal(judged_leaf((struct recipe){ .issuer = stranger, .issuer_key = the.other_key }, "Stranger"),
                     TLSM_ALERT_UNKNOWN_CA);
    X509_free(stranger);
    X509_free(leaf);
}

static void untrusted_root_in_the_chain_is_unknown_ca(void **state)
{
    X509 *stranger = make((struct recipe){ .name = "Stranger", .key = the.other_key, .authority = 1 });
    X509 *leaf = make((struct recipe){ .name = host, .key = the.key, .alternative = "DNS:server.example.org",
                                       .issuer = stranger, .issuer_key = the.other_key });
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);

    (void)state;
    append(question, stranger);
    assert_int_equal(judged(question), TLSM_ALERT_UNKNOWN_CA);
    X509_free(stranger);
    X509_free(leaf);
}

static void issuer_without_authority_is_refused(void **state)
{
    X509 *fake = make_leaf(the.other_key, "DNS:fake.example.org");
    X509 *leaf = make((struct recipe){ .name = host, .key = the.key, .alternative = "DNS:server.example.org",
                                       .issuer = fake, .issuer_key = the.other_key });
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);

    (void)state;
    append(question, fake);
    assert_int_not_equal(judged(question), 0);
    X509_free(fake);
    X509_free(leaf);
}

static void forged_certificate_signature_is_refused(void **state)
{
    X509 *leaf = make((struct recipe){ .name = host, .key = the.key, .alternative = "DNS:server.example.org",
                                       .issuer = the.middle, .issuer_key = the.other_key });
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);

    (void)state;
    assert_int_equal(judged(question), TLSM_ALERT_BAD_CERTIFICATE);
    X509_free(leaf);
}

static void purpose_usage_and_strength_are_checked(void **state)
{
    (void)state;
    assert_int_equal(judged_leaf((struct recipe){ .purpose = "clientAuth" }, "purpose"),
            TLSM_ALERT_UNSUPPORTED_CERTIFICATE);
    assert_int_equal(judged_leaf((struct recipe){ .usage = "keyAgreement" }, "may not be used for signatures"),
                     TLSM_ALERT_UNSUPPORTED_CERTIFICATE);
    assert_int_equal(judged_leaf((struct recipe){ .usage = "digitalSignature", .purpose = "serverAuth" }, ""), 0);
    assert_int_equal(judged_leaf((struct recipe){ .key = the.weak }, "weak"), TLSM_ALERT_BAD_CERTIFICATE);
}

static void garbage_is_bad_certificate(void **state)
{
    X509 *leaf = make_leaf(the.key, "DNS:server.example.org");
    unsigned char *der = NULL;
    int length = i2d_X509(leaf, &der);
    uint8_t longer[2048];
    struct question *question;

    (void)state;
    assert_true(length > 0 && length < 2047);
    question = ask(NULL, the.key, TLSM_ECDSA_SECP256R1_SHA256);
    assert_int_equal(judged(question), TLSM_ALERT_BAD_CERTIFICATE);
    assert_says(question, "sent no certificate");
    append_der(question, (const uint8_t *)"not a certificate", 17);
    assert_int_equal(judged(question), TLSM_ALERT_BAD_CERTIFICATE);
    assert_says(question, "certificate number 1 of the server does not parse");
    question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);
    append_der(question, (const uint8_t *)"\60\3\2\1\5", 5);
    assert_int_equal(judged(question), TLSM_ALERT_BAD_CERTIFICATE);
    assert_says(question, "certificate number 3");
    memcpy(longer, der, (size_t)length);
    longer[length] = 0;
    question = ask(NULL, the.key, TLSM_ECDSA_SECP256R1_SHA256);
    append_der(question, longer, (size_t)length + 1);   /* a byte after the certificate */
    assert_int_equal(judged(question), TLSM_ALERT_BAD_CERTIFICATE);
    question = ask(NULL, the.key, TLSM_ECDSA_SECP256R1_SHA256);
    append_der(question, der, (size_t)length - 1);
    assert_int_equal(judged(question), TLSM_ALERT_BAD_CERTIFICATE);
    OPENSSL_free(der);
    X509_free(leaf);
}

static void endless_chain_is_refused(void **state)
{
    X509 *leaf = make_leaf(the.key, "DNS:server.example.org");
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);

    (void)state;
    for (int i = 0; i < 30; i++)
        append(question, the.middle);
    assert_int_equal(judged(question), 0);
    append(question, the.middle);
    assert_int_equal(judged(question), TLSM_ALERT_BAD_CERTIFICATE);
    assert_says(question, "more than 32 certificates");
    X509_free(leaf);
}

/* ------------------------------------------------------------------------------------------------ signatures */

static void bad_signatures_are_decrypt_error(void **state)
{
    X509 *leaf = make_leaf(the.key, "DNS:server.example.org");
    struct question *question = ask(leaf, the.other_key, TLSM_ECDSA_SECP256R1_SHA256);

    (void)state;
    assert_int_equal(judged(question), TLSM_ALERT_DECRYPT_ERROR);
    assert_says(question, "does not hold the key");
    question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);
    question->request.content[0] ^= 1;
    assert_int_equal(judged(question), TLSM_ALERT_DECRYPT_ERROR);
    question->request.content[0] ^= 1;
    question->request.signature.length--;
    assert_int_equal(judged(question), TLSM_ALERT_DECRYPT_ERROR);
    question->request.signature.length = 0;
    assert_int_equal(judged(question), TLSM_ALERT_DECRYPT_ERROR);
    X509_free(leaf);
}

static void keys_that_do_not_fit_the_scheme_are_illegal_parameter(void **state)
{
    static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256, TLSM_ECDSA_SECP384R1_SHA384, TLSM_ED25519,
                                        TLSM_RSA_PSS_RSAE_SHA256, TLSM_RSA_PSS_PSS_SHA256, TLSM_RSA_PKCS1_SHA256, 0 };
    struct { EVP_PKEY *key; uint16_t scheme; } kinds[] = {
        { the.key, TLSM_ECDSA_SECP256R1_SHA256 }, { the.p384, TLSM_ECDSA_SECP384R1_SHA384 }, { the.ed25519, TLSM_ED25519 },
        { the.rsa, TLSM_RSA_PSS_RSAE_SHA256 }, { the.pss, TLSM_RSA_PSS_PSS_SHA256 } };
    uint8_t unused[TLSM_SIGNATURE_MAX];
    size_t length;

    (void)state;
    for (size_t k = 0; k < 5; k++) {
        X509 *leaf = make_leaf(kinds[k].key, "DNS:server.example.org");
        struct question *question = ask(leaf, kinds[k].key, kinds[k].scheme);
        for (size_t s = 0; s < sizeof schemes / sizeof schemes[0]; s++) {
            question->request.scheme = schemes[s];
            assert_int_equal(judged(question), schemes[s] == kinds[k].scheme ? 0 : TLSM_ALERT_ILLEGAL_PARAMETER);
            if (schemes[s] != kinds[k].scheme)
                assert_true(tlsm_libcrypto_sign(kinds[k].key, &question->request, unused, &length) < 0);
        }
        X509_free(leaf);
    }
}

/* TLS 1.2: RSA PKCS #1 too, an ECDSA scheme with any curve, and what a client signs is a digest by the scheme's hash. */
static void older_schemes_are_those_of_tls_1_2(void **state)
{
    const struct { EVP_PKEY *key; uint16_t scheme; const char *digest; } kinds[] = {
        { the.rsa, TLSM_RSA_PKCS1_SHA256, "SHA256" }, { the.rsa, TLSM_RSA_PKCS1_SHA384, "SHA384" },
        { the.rsa, TLSM_RSA_PSS_RSAE_SHA256, "SHA256" }, { the.pss, TLSM_RSA_PSS_PSS_SHA384, "SHA384" },
        { the.key, TLSM_ECDSA_SECP384R1_SHA384, "SHA384" }, { the.p384, TLSM_ECDSA_SECP256R1_SHA256, "SHA256" } };

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct tlsm_request whole = { .scheme = kinds[k].scheme, .version = TLSM_1_2, .content_length = 150 };
        uint8_t signature[TLSM_SIGNATURE_MAX];
        memset(whole.content, 'x', whole.content_length);
        struct tlsm_request digested = { .scheme = kinds[k].scheme, .version = TLSM_1_2, .digested = 1 };
        assert_int_equal(EVP_Q_digest(NULL, kinds[k].digest, NULL, whole.content, whole.content_length, digested.content,
                                      &digested.content_length), 1);
        assert_int_equal(tlsm_libcrypto_sign(kinds[k].key, &whole, signature, &whole.signature.length), 0);
        whole.signature.data = signature;
        assert_int_equal(tlsm_libcrypto_verify(kinds[k].key, &whole), 0);
        digested.signature = whole.signature;
        assert_int_equal(tlsm_libcrypto_verify(kinds[k].key, &digested), 0);
        digested.content[0] ^= 1;
        assert_int_equal(tlsm_libcrypto_verify(kinds[k].key, &digested), TLSM_ALERT_DECRYPT_ERROR);
        assert_int_equal(tlsm_libcrypto_sign(kinds[k].key, &digested, signature, &digested.signature.length), 0);
        assert_int_equal(tlsm_libcrypto_verify(kinds[k].key, &digested), 0);
        digested.content_length--;
        assert_int_equal(tlsm_libcrypto_verify(kinds[k].key, &digested), TLSM_ALERT_ILLEGAL_PARAMETER);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

/* The same key and digest, but another salt length: RFC 9846 §4.3.3 allows one. */
static void pss_salt_must_be_as_long_as_the_digest(void **state)
{
    X509 *leaf = make_leaf(the.rsa, "DNS:server.example.org");
    struct question *question = ask(leaf, the.rsa, TLSM_RSA_PSS_RSAE_SHA256);
    static const int salts[] = { 32, 0, 20, 31, 33 };

    (void)state;
    for (size_t i = 0; i < sizeof salts / sizeof salts[0]; i++) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_PKEY_CTX *parameters;
        size_t length = sizeof question->signature;
        assert_int_equal(EVP_DigestSignInit_ex(context, &parameters, "SHA256", NULL, NULL, the.rsa, NULL), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salts[i]), 1);
        assert_int_equal(EVP_DigestSign(context, question->signature, &length, question->request.content,
                                        question->request.content_length), 1);
        question->request.signature.length = length;
        assert_int_equal(judged(question), salts[i] == 32 ? 0 : TLSM_ALERT_DECRYPT_ERROR);
        EVP_MD_CTX_free(context);
    }
    X509_free(leaf);
}

static void schemes_follow_from_the_key(void **state)
{
    uint16_t schemes[8];

    (void)state;
    assert_int_equal(tlsm_libcrypto_schemes(the.key, schemes, 8), 1);
    assert_int_equal(schemes[0], TLSM_ECDSA_SECP256R1_SHA256);
    assert_int_equal(tlsm_libcrypto_schemes(the.ed25519, schemes, 8), 1);
    assert_int_equal(schemes[0], TLSM_ED25519);
    assert_int_equal(tlsm_libcrypto_schemes(the.rsa, schemes, 8), 6);
    assert_int_equal(schemes[0], TLSM_RSA_PSS_RSAE_SHA256);
    assert_int_equal(schemes[3], TLSM_RSA_PKCS1_SHA256);   /* after all that TLS 1.3 has */
    assert_int_equal(tlsm_libcrypto_schemes(the.pss, schemes, 1), 3);
    assert_int_equal(schemes[0], TLSM_RSA_PSS_PSS_SHA256);
    assert_int_equal(tlsm_libcrypto_schemes(the.weak, schemes, 8), 4);   /* no room for SHA-512 and its salt */
    assert_int_equal(ERR_peek_error(), 0);
}

/* ------------------------------------------------------------------------------------------------ trust */

static void insecure_mode_still_wants_the_signature(void **state)
{
    X509 *leaf = make((struct recipe){ .name = "nobody", .key = the.key, .from = -YEAR, .to = -DAY });
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);
    struct tlsm_judge *anyone = tlsm_judge_insecurely_trust_anyone();

    (void)state;
    question->judge = anyone;
    assert_int_equal(judged(question), 0);
    ask_for(question, "");
    assert_int_equal(judged(question), 0);
    question->request.content[3] ^= 1;
    assert_int_equal(judged(question), TLSM_ALERT_DECRYPT_ERROR);
    assert_true(tlsm_judge_has_anchors(anyone));
    tlsm_judge_free(anyone);
    X509_free(leaf);
}

static void empty_system_store_says_what_to_install(void **state)
{
    X509 *leaf = make_leaf(the.key, "DNS:server.example.org");
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);
    struct tlsm_judge *judge;

    (void)state;
    assert_int_equal(mkdir(path_of("nothing"), 0700), 0);
    assert_int_equal(setenv("SSL_CERT_FILE", path_of("missing.pem"), 1), 0);
    assert_int_equal(setenv("SSL_CERT_DIR", path_of("nothing"), 1), 0);
    judge = tlsm_judge_new_system();
    assert_non_null(judge);
    assert_false(tlsm_judge_has_anchors(judge));
    question->judge = judge;
    assert_int_equal(judged(question), TLSM_ALERT_UNKNOWN_CA);
    assert_string_equal(question->why, "no trusted certificates: install ca-certificates or give --ca");
    tlsm_judge_free(judge);
    assert_int_equal(setenv("SSL_CERT_FILE", path_of("root.pem"), 1), 0);
    judge = tlsm_judge_new_system();
    assert_true(tlsm_judge_has_anchors(judge));
    question->judge = judge;
    assert_int_equal(judged(question), 0);
    tlsm_judge_free(judge);
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
    X509_free(leaf);
}

static void assert_no_judge(const char *path, const char *words)
{
    char why[TLSM_WHY_ROOM];
    assert_null(tlsm_judge_new_path(path, why, sizeof why));
    if (strstr(why, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, words);
    assert_int_equal(ERR_peek_error(), 0);
}

static void trusted_paths_that_hold_nothing_say_so(void **state)
{
    (void)state;
    write_text("empty.pem", "nothing here\n");
    assert_no_judge(path_of("missing.pem"), "No such file or directory");
    assert_no_judge(path_of("empty.pem"), "no certificate in the file");
    assert_int_equal(mkdir(path_of("certificates"), 0700), 0);
    assert_no_judge(path_of("certificates"), "no certificate in the directory");
}

static void directory_of_plain_files_is_trusted(void **state)
{
    X509 *leaf = make_leaf(the.key, "DNS:server.example.org");
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);
    struct tlsm_judge *judge;

    (void)state;
    (void)mkdir(path_of("certificates"), 0700);
    write_certificates("certificates/a.crt", the.root, NULL);
    write_text("certificates/notes.txt", "notes\n");
    judge = tlsm_judge_new_path(path_of("certificates"), NULL, 0);
    assert_non_null(judge);
    question->judge = judge;
    assert_int_equal(judged(question), 0);
    tlsm_judge_free(judge);
    X509_free(leaf);
}

static void revocation_list_is_honoured(void **state)
{
    X509 *leaf = make_leaf(the.key, "DNS:server.example.org"), *good = make_leaf(the.key, "DNS:server.example.org");
    X509_CRL *list = X509_CRL_new();
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)(now - 10));
    struct tlsm_judge *judge;
    struct question *question;
    FILE *file;

    (void)state;
    X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(leaf));
    X509_REVOKED_set_revocationDate(revoked, time);
    X509_CRL_set_version(list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list, X509_get_subject_name(the.middle));
    X509_CRL_set1_lastUpdate(list, time);
    ASN1_TIME_set(time, (time_t)(now + DAY));
    X509_CRL_set1_nextUpdate(list, time);
    assert_int_equal(X509_CRL_add0_revoked(list, revoked), 1);
    assert_true(X509_CRL_sign(list, the.middle_key, EVP_sha256()) > 0);
    file = create("list.pem");
    PEM_write_X509(file, the.root);
    PEM_write_X509_CRL(file, list);
    assert_int_equal(fclose(file), 0);
    judge = tlsm_judge_new_path(path_of("list.pem"), NULL, 0);
    assert_non_null(judge);
    question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);
    assert_int_equal(judged(question), 0);
    question->judge = judge;
    assert_int_equal(judged(question), TLSM_ALERT_CERTIFICATE_REVOKED);
    assert_says(question, "revoked");
    question = ask(good, the.key, TLSM_ECDSA_SECP256R1_SHA256);
    question->judge = judge;
    assert_int_equal(judged(question), 0);
    tlsm_judge_free(judge);
    X509_CRL_free(list);
    ASN1_TIME_free(time);
    X509_free(leaf);
    X509_free(good);
}

static void cache_of_one_and_dropping_change_nothing(void **state)
{
    struct tlsm_libcrypto_options options = { .certificates_cached = 1 };
    struct tlsm_libcrypto *whole = the.instance;
    X509 *leaf = make_leaf(the.key, "DNS:server.example.org");
    struct question *question = ask(leaf, the.key, TLSM_ECDSA_SECP256R1_SHA256);

    (void)state;
    the.instance = tlsm_libcrypto_new(&options);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(judged(question), 0);
        if (i == 2)
            tlsm_libcrypto_drop(the.instance);
    }
    tlsm_libcrypto_free(the.instance);
    the.instance = whole;
    X509_free(leaf);
}

/* ------------------------------------------------------------------------------------------------ credentials */

static void assert_no_credential(const char *chain, const char *key, const char *words)
{
    char why[TLSM_WHY_ROOM];
    assert_null(tlsm_libcrypto_credential_load(chain, key, why, sizeof why));
    if (strstr(why, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, words);
    assert_int_equal(ERR_peek_error(), 0);
}

static void credential_is_loaded_with_chain_schemes_and_names(void **state)
{
    X509 *leaf = make_leaf(the.key, "DNS:server.example.org,IP:192.0.2.1,DNS:*.example.net");
    struct tlsm_libcrypto_credential *credential;
    unsigned char *der = NULL;
    char why[TLSM_WHY_ROOM];
    int length;

    (void)state;
    write_certificates("chain.pem", leaf, the.middle);
    write_key("key.pem", the.key, NULL);
    credential = tlsm_libcrypto_credential_load(path_of("chain.pem"), path_of("key.pem"), why, sizeof why);
    assert_non_null(credential);
    assert_string_equal(why, "");
    assert_int_equal(credential->credential.chain_count, 2);
    length = i2d_X509(leaf, &der);
    assert_int_equal(credential->credential.chain[0].length, length);
    assert_memory_equal(credential->credential.chain[0].data, der, (size_t)length);
    assert_int_equal(credential->credential.scheme_count, 1);
    assert_int_equal(credential->credential.schemes[0], TLSM_ECDSA_SECP256R1_SHA256);
    assert_int_equal(credential->credential.name_count, 2);
    assert_int_equal(credential->credential.names[1].length, 13);
    assert_memory_equal(credential->credential.names[1].data, "*.example.net", 13);
    assert_int_equal(EVP_PKEY_eq(credential->key, the.key), 1);
    assert_int_equal(ERR_peek_error(), 0);
    tlsm_libcrypto_credential_free(credential);
    OPENSSL_free(der);
    X509_free(leaf);
}

static void one_file_may_hold_key_and_chain(void **state)
{
    X509 *leaf = make_leaf(the.rsa, NULL);
    struct tlsm_libcrypto_credential *credential;
    FILE *file = create("chain.pem");

    (void)state;
    PEM_write_PrivateKey(file, the.rsa, NULL, NULL, 0, NULL, NULL);
    PEM_write_X509(file, leaf);
    PEM_write_X509(file, the.middle);
    assert_int_equal(fclose(file), 0);
    credential = tlsm_libcrypto_credential_load(path_of("chain.pem"), path_of("chain.pem"), NULL, 0);
    assert_non_null(credential);
    assert_int_equal(credential->credential.chain_count, 2);
    assert_int_equal(credential->credential.scheme_count, 6);
    assert_int_equal(credential->credential.name_count, 0);
    tlsm_libcrypto_credential_free(credential);
    tlsm_libcrypto_credential_free(NULL);
    X509_free(leaf);
}

static void wrong_credentials_say_what_is_wrong(void **state)
{
    X509 *leaf = make_leaf(the.key, NULL);
    EVP_PKEY *x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), *p521 = EVP_EC_gen("P-521");
    X509 *unusable = make_leaf(p521, NULL);

    (void)state;
    write_certificates("chain.pem", leaf, NULL);
    write_key("key.pem", the.key, NULL);
    write_text("empty.pem", "nothing here\n");
    write_text("damaged.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    assert_no_credential(path_of("missing.pem"), path_of("key.pem"), "No such file or directory");
    assert_no_credential(path_of("chain.pem"), path_of("missing.pem"), "No such file or directory");
    assert_no_credential(path_of("empty.pem"), path_of("key.pem"), "no certificate in");
    assert_no_credential(path_of("key.pem"), path_of("key.pem"), "no certificate in");
    assert_no_credential(path_of("damaged.pem"), path_of("key.pem"), "certificate number 1 in");
    assert_no_credential(path_of("chain.pem"), path_of("chain.pem"), "no private key in");
    assert_no_credential(path_of("chain.pem"), path_of("empty.pem"), "no private key in");
    write_text("damaged.pem", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
    assert_no_credential(path_of("chain.pem"), path_of("damaged.pem"), "damaged or of an unknown kind");
    write_key("key.pem", the.key, "secret");
    assert_no_credential(path_of("chain.pem"), path_of("key.pem"), "protected by a passphrase");
    write_key("key.pem", the.other_key, NULL);
    assert_no_credential(path_of("chain.pem"), path_of("key.pem"), "does not belong to the first certificate");
    write_key("key.pem", x25519, NULL);
    assert_no_credential(path_of("chain.pem"), path_of("key.pem"), "does not belong to the first certificate");
    write_key("key.pem", p521, NULL);
    write_certificates("chain.pem", unusable, NULL);
    assert_no_credential(path_of("chain.pem"), path_of("key.pem"), "TLS 1.3 cannot sign with");
    EVP_PKEY_free(x25519);
    EVP_PKEY_free(p521);
    X509_free(unusable);
    X509_free(leaf);
}

/* ------------------------------------------------------------------------------------------------ answering */

/* One end of a handshake in memory. */
struct end {
    struct tlsm_settings settings;
    struct tlsm_config config;
    struct tlsm_libcrypto_answerer answerer;
    union { struct tlsm_state state; uint64_t align; uint8_t bytes[24576]; } block;
    uint8_t made[32768], have[32768];
    size_t have_length;
};
static struct end client, server;

static enum tlsm_code step(struct end *end, struct tlsm_in in, struct tlsm_out *out)
{
    static uint8_t plain[TLSM_RECORD_MAX];

    memset(out, 0, sizeof *out);
    out->wire.data = end->made;
    out->wire.capacity = sizeof end->made;
    out->plain.data = plain;
    out->plain.capacity = sizeof plain;
    out->state_capacity = sizeof end->block;
    return tlsm_step(&end->config, &end->block.state, &in, &end->block.state, out);
}

/* One thing this end needs and can do now; 0 when there is nothing. */
static int move(struct end *end, struct end *other)
{
    unsigned needs = tlsm_needs(&end->block.state);
    struct tlsm_answer answer;
    struct tlsm_out out;

    if ((needs & TLSM_NEED_ANSWER) != 0) {
        assert_true(tlsm_libcrypto_answer(&end->answerer, &end->config, &end->block.state, &answer) > 0);
        (void)step(end, (struct tlsm_in){ .kind = TLSM_IN_ANSWER, .answer = &answer }, &out);
        return 1;
    }
    if ((needs & TLSM_NEED_PRODUCE) != 0) {
        assert_int_equal(step(end, (struct tlsm_in){ .kind = TLSM_IN_PRODUCE }, &out) & ~15, 0);
        memcpy(other->have + other->have_length, end->made, out.wire_length);
        other->have_length += out.wire_length;
        (void)step(end, (struct tlsm_in){ .kind = TLSM_IN_SENT, .count = out.wire_length }, &out);
        return 1;
    }
    if ((needs & TLSM_NEED_RECEIVE) == 0 || end->have_length == 0)
        return 0;
    (void)step(end, (struct tlsm_in){ .kind = TLSM_IN_WIRE, .bytes = { end->have, end->have_length } }, &out);
    end->have_length -= out.consumed;
    memmove(end->have, end->have + out.consumed, end->have_length);
    return out.consumed > 0;
}

static void start(struct end *end, uint8_t role, const char *name)
{
    struct tlsm_entropy entropy;
    struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy };
    struct tlsm_out out;

    end->settings.role = role;
    end->config = (struct tlsm_config){ &end->settings, &tlsm_libcrypto_table, the.instance };
    end->answerer.instance = the.instance;
    end->answerer.now_seconds = now;
    assert_int_equal(tlsm_libcrypto_entropy(&entropy), 0);
    if (name != NULL)
        in.server_name = (struct tlsm_bytes){ (const uint8_t *)name, strlen(name) };
    tlsm_init(&end->block.state);
    assert_int_equal(step(end, in, &out), TLSM_OK);
}

/* A handshake with two credentials, the second of which has `key` and the right name. Returns how the client ended. */
static uint8_t shake(EVP_PKEY *key, const char *name, uint8_t ask_bits, uint16_t group)
{
    struct tlsm_libcrypto_credential first = { .key = the.other_key }, second = { .key = key };
    struct tlsm_libcrypto_credential *both[2] = { &first, &second };
    struct tlsm_bytes names[2] = { { (const uint8_t *)"else.example.org", 16 }, { (const uint8_t *)"*.example.org", 13 } };
    struct tlsm_bytes chain[2];
    struct tlsm_credential credentials[2];
    uint16_t schemes[2][8];
    X509 *leaf = make_leaf(key, "DNS:*.example.org");
    unsigned char *der[2] = { NULL, NULL };
    struct tlsm_verdict verdict;

    chain[0].length = (size_t)i2d_X509(leaf, &der[0]);
    chain[0].data = der[0];
    chain[1].length = (size_t)i2d_X509(the.middle, &der[1]);
    chain[1].data = der[1];
    for (size_t i = 0; i < 2; i++)
        both[i]->credential = credentials[i] = (struct tlsm_credential){
            chain, 2, schemes[i], tlsm_libcrypto_schemes(both[i]->key, schemes[i], 8), &names[i], 1, { NULL, 0 } };
    memset(&client, 0, sizeof client);
    memset(&server, 0, sizeof server);
    client.answerer.judge = the.judge;
    client.settings.groups = &group;
    client.settings.group_count = 1;
    server.answerer.credentials = both;
    server.answerer.credential_count = 2;
    server.settings.credentials = credentials;
    server.settings.credential_count = 2;
    server.settings.ask = ask_bits;
    start(&client, TLSM_CLIENT, name);
    start(&server, TLSM_SERVER, NULL);
    while (move(&client, &server) || move(&server, &client))
        continue;
    tlsm_verdict(&client.block.state, &verdict);
    OPENSSL_free(der[0]);
    OPENSSL_free(der[1]);
    X509_free(leaf);
    return tlsm_connected(&client.block.state) && tlsm_connected(&server.block.state) ? 0 : verdict.alert_sent;
}

static void answers_carry_a_handshake_to_its_end(void **state)
{
    static const uint16_t groups[] = { TLSM_X25519, TLSM_SECP256R1, TLSM_SECP384R1 };
    EVP_PKEY *keys[] = { the.key, the.p384, the.ed25519, the.rsa, the.pss };

    (void)state;
    for (size_t k = 0; k < 5; k++)
        for (uint8_t asks = 0; asks <= TLSM_ASK_CREDENTIAL_BIT; asks++)
            assert_int_equal(shake(keys[k], host, asks, groups[k % 3]), 0);
    assert_string_equal(client.answerer.why, "");
    assert_int_equal(ERR_peek_error(), 0);
}

static void refusals_become_the_alert_and_a_sentence(void **state)
{
    (void)state;
    assert_int_equal(shake(the.key, "server.example.net", 0, TLSM_X25519), TLSM_ALERT_BAD_CERTIFICATE);
    assert_non_null(strstr(client.answerer.why, "not for server.example.net but for *.example.org"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_chain_is_accepted_with_every_kind_of_key),
        cmocka_unit_test(names_follow_rfc9525),
        cmocka_unit_test(wrong_name_says_which_names_are_right),
        cmocka_unit_test(no_name_to_check_is_a_refusal),
        cmocka_unit_test(sentences_hold_printable_characters_only),
        cmocka_unit_test(time_is_judged_afresh_each_time),
        cmocka_unit_test(expired_leaf_is_certificate_expired),
        cmocka_unit_test(system_time_is_used_when_none_is_given),
        cmocka_unit_test(self_signed_is_unknown_ca),
        cmocka_unit_test(self_signed_is_accepted_when_it_is_the_trusted_one),
        cmocka_unit_test(unknown_authority_and_missing_intermediate_are_unknown_ca),
        cmocka_unit_test(untrusted_root_in_the_chain_is_unknown_ca),
        cmocka_unit_test(issuer_without_authority_is_refused),
        cmocka_unit_test(forged_certificate_signature_is_refused),
        cmocka_unit_test(purpose_usage_and_strength_are_checked),
        cmocka_unit_test(garbage_is_bad_certificate),
        cmocka_unit_test(endless_chain_is_refused),
        cmocka_unit_test(bad_signatures_are_decrypt_error),
        cmocka_unit_test(keys_that_do_not_fit_the_scheme_are_illegal_parameter),
        cmocka_unit_test(older_schemes_are_those_of_tls_1_2),
        cmocka_unit_test(pss_salt_must_be_as_long_as_the_digest),
        cmocka_unit_test(schemes_follow_from_the_key),
        cmocka_unit_test(insecure_mode_still_wants_the_signature),
        cmocka_unit_test(empty_system_store_says_what_to_install),
        cmocka_unit_test(trusted_paths_that_hold_nothing_say_so),
        cmocka_unit_test(directory_of_plain_files_is_trusted),
        cmocka_unit_test(revocation_list_is_honoured),
        cmocka_unit_test(cache_of_one_and_dropping_change_nothing),
        cmocka_unit_test(credential_is_loaded_with_chain_schemes_and_names),
        cmocka_unit_test(one_file_may_hold_key_and_chain),
        cmocka_unit_test(wrong_credentials_say_what_is_wrong),
        cmocka_unit_test(answers_carry_a_handshake_to_its_end),
        cmocka_unit_test(refusals_become_the_alert_and_a_sentence),
    };
    return cmocka_run_group_tests_name("judge", tests, set_up, tear_down);
}
