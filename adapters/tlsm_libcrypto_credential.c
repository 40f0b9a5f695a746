/* SPDX-License-Identifier: MIT */
/* Credentials from PEM files, with a sentence for everything that can be wrong with them. */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "tlsm_libcrypto_internal.h"

/* The public part first, so that one pointer serves both. */
struct loaded {
    struct tlsm_libcrypto_credential front;
    struct tlsm_credential_parts parts;
    X509 *leaf;
};

struct complaint {
    char *why;
    size_t room;
};

static BIO *open_file(const char *path, struct complaint complaint)
{
    BIO *file;

    errno = 0;
    file = BIO_new_file(path, "r");
    if (file == NULL)
        tlsm_why(complaint.why, complaint.room, "cannot read %s: %s", path,
                 errno != 0 ? strerror(errno) : "libcrypto could not open it");
    return file;
}

int tlsm_read_failed(BIO *file)
{
    FILE *stream = NULL;
    return BIO_get_fp(file, &stream) == 1 && stream != NULL && ferror(stream);
}

/* 1: it failed, and then said why. */
static int read_failed(BIO *file, const char *path, struct complaint complaint)
{
    int error = errno;

    if (!tlsm_read_failed(file))
        return 0;
    tlsm_why(complaint.why, complaint.room, "cannot read %s: %s", path, strerror(error != 0 ? error : EIO));
    return 1;
}

/* ------------------------------------------------------------------------------------------------ the chain */

static int add_certificate(struct loaded *loaded, X509 *certificate)
{
    if (!tlsm_credential_add(&loaded->parts, certificate))
        return 0;
    if (loaded->leaf == NULL && X509_up_ref(certificate) == 1)
        loaded->leaf = certificate;
    return loaded->leaf != NULL;
}

/* What ended the reading: nothing more to find, or something that is broken. */
static int read_to_the_end(void)
{
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static int read_chain(struct loaded *loaded, BIO *file, const char *path, struct complaint complaint)
{
    X509 *certificate;

    while ((certificate = PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL) {
        int good = add_certificate(loaded, certificate);
        X509_free(certificate);
        if (!good) {
            tlsm_why(complaint.why, complaint.room,
                     "%s holds more than %d certificates, or memory ran out", path, TLSM_CREDENTIAL_CHAIN_MAX);
            return -1;
        }
    }
    if (read_failed(file, path, complaint))
        return -1;
    if (!read_to_the_end())
        tlsm_why(complaint.why, complaint.room,
                 "certificate number %zu in %s is damaged", loaded->parts.chain_count + 1, path);
    else if (loaded->parts.chain_count == 0)
        tlsm_why(complaint.why, complaint.room,
                 "no certificate in %s: give the chain in PEM form, the server's own certificate first",
                 path);
    else
        return 0;
    return -1;
}

/* ------------------------------------------------------------------------------------------------ the key */

static int refuse_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(int *)asked = 1;
    return -1;
}

/* Whether a file that gave no key has something that calls itself one. */
static int shows_key(BIO *file)
{
    static const char ending[] = "PRIVATE KEY";
    char *name, *header;
    unsigned char *data;
    long length;
    int found = 0;

    (void)BIO_seek(file, 0);
    while (!found && PEM_read_bio(file, &name, &header, &data, &length) == 1) {
        size_t end = strlen(name);
        found = end >= strlen(ending) && strcmp(name + end - strlen(ending), ending) == 0;
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)length);
    }
    return found;
}

static int read_key(struct loaded *loaded, BIO *file, const char *path, struct complaint complaint)
{
    int asked = 0;

    loaded->front.key = PEM_read_bio_PrivateKey(file, NULL, refuse_passphrase, &asked);
    if (loaded->front.key != NULL)
        return 0;
    if (read_failed(file, path, complaint))
        return -1;
    if (asked)
        tlsm_why(complaint.why, complaint.room,
                 "the private key in %s is protected by a passphrase, which is not supported; write it out without: "
                 "openssl pkey -in %s -out key.pem",
                 path, path);
    else if (!shows_key(file))
        tlsm_why(complaint.why, complaint.room, "no private key in %s: give it in PEM form", path);
    else
        tlsm_why(complaint.why, complaint.room, "the private key in %s is damaged or of an unknown kind", path);
    return -1;
}

static int match(struct loaded *loaded, const char *chain_file, const char *key_file, struct complaint complaint)
{
    if (X509_check_private_key(loaded->leaf, loaded->front.key) != 1) {
        tlsm_why(complaint.why, complaint.room,
                 "the key in %s does not belong to the first certificate in %s; the server's own certificate must "
                 "come first",
                 key_file, chain_file);
        return -1;
    }
    if (tlsm_libcrypto_schemes(loaded->front.key, NULL, 0) == 0) {
        tlsm_why(complaint.why, complaint.room,
                 "the key in %s is of a kind TLS 1.3 cannot sign with; use ECDSA with P-256 or P-384, Ed25519, or "
                 "RSA from 2048 bits",
                 key_file);
        return -1;
    }
    if (!tlsm_credential_finish(&loaded->parts, loaded->leaf, loaded->front.key, &loaded->front.credential)) {
        tlsm_why(complaint.why, complaint.room, "the names of the certificate in %s are damaged, or memory ran out", chain_file);
        return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the parts */

int tlsm_credential_add(struct tlsm_credential_parts *parts, X509 *certificate)
{
    unsigned char *der = NULL;
    int length = parts->chain_count < TLSM_CREDENTIAL_CHAIN_MAX ? i2d_X509(certificate, &der) : 0;

    if (length <= 0)
        return 0;
    parts->chain[parts->chain_count].data = der;
    parts->chain[parts->chain_count++].length = (size_t)length;
    return 1;
}

static int add_name(struct tlsm_credential_parts *parts, const ASN1_STRING *name)
{
    const unsigned char *text = ASN1_STRING_get0_data(name);
    size_t length = (size_t)ASN1_STRING_length(name);
    uint8_t *copy;

    if (length == 0 || length > TLSM_NAME_MAX || memchr(text, 0, length) != NULL)
        return 1;
    copy = OPENSSL_memdup(text, length);
    if (copy == NULL)
        return 0;
    parts->names[parts->name_count].data = copy;
    parts->names[parts->name_count++].length = length;
    return 1;
}

static int read_names(struct tlsm_credential_parts *parts, const X509 *leaf)
{
    int there = -1;
    GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, &there, NULL);
    int count = sk_GENERAL_NAME_num(all), good = all != NULL || there < 0;

    if (count > 0) {
        parts->names = OPENSSL_zalloc((size_t)count * sizeof *parts->names);
        good = parts->names != NULL;
    }
    for (int i = 0; i < count && good; i++)
        if (sk_GENERAL_NAME_value(all, i)->type == GEN_DNS)
            good = add_name(parts, sk_GENERAL_NAME_value(all, i)->d.dNSName);
    GENERAL_NAMES_free(all);
    return good;
}

int tlsm_credential_finish(struct tlsm_credential_parts *parts, const X509 *leaf, EVP_PKEY *key,
                           struct tlsm_credential *credential)
{
    if (!read_names(parts, leaf))
        return 0;
    credential->chain = parts->chain;
    credential->chain_count = parts->chain_count;
    credential->schemes = parts->schemes;
    credential->scheme_count = tlsm_libcrypto_schemes(key, parts->schemes, TLSM_CREDENTIAL_SCHEMES_MAX);
    credential->names = parts->names;
    credential->name_count = parts->name_count;
    return 1;
}

void tlsm_credential_clear(struct tlsm_credential_parts *parts)
{
    for (size_t i = 0; i < parts->chain_count; i++)
        OPENSSL_free((void *)(uintptr_t)parts->chain[i].data);
    for (size_t i = 0; i < parts->name_count; i++)
        OPENSSL_free((void *)(uintptr_t)parts->names[i].data);
    OPENSSL_free(parts->names);
    OPENSSL_free(parts->staple);
    memset(parts, 0, sizeof *parts);
}

/* ------------------------------------------------------------------------------------------------ the OCSP response */

enum { STAPLE_MAX = 65535 - 8 };   /* what an extension of CertificateEntry has room for */

/* The whole file; 0: it is longer, empty, or cannot be read, and then said why. */
static size_t read_staple(BIO *file, const char *path, uint8_t to[STAPLE_MAX + 1], struct complaint complaint)
{
    size_t length = 0, count;

    errno = 0;
    while (length <= STAPLE_MAX && BIO_read_ex(file, to + length, STAPLE_MAX + 1 - length, &count) == 1)
        length += count;
    if (read_failed(file, path, complaint))
        return 0;
    if (length > 0 && length <= STAPLE_MAX)
        return length;
    tlsm_why(complaint.why, complaint.room, length == 0 ? "%s is empty" : "%s is too long for an OCSP response", path);
    return 0;
}

static int is_about_leaf(const struct loaded *loaded, OCSP_BASICRESP *basic)
{
    const struct tlsm_bytes *chain = loaded->parts.chain;
    const unsigned char *der = loaded->parts.chain_count > 1 ? chain[1].data : chain[0].data;
    X509 *issuer = d2i_X509(NULL, &der, (long)chain[loaded->parts.chain_count > 1 ? 1 : 0].length);
    int found = issuer != NULL && tlsm_staple_find(basic, loaded->leaf, issuer) != NULL;

    X509_free(issuer);
    return found;
}

static int take_staple(struct loaded *loaded, struct tlsm_bytes der, const char *path, struct complaint complaint)
{
    OCSP_BASICRESP *basic = tlsm_staple_parse(der);
    uint8_t *copy = NULL;

    if (basic == NULL)
        tlsm_why(complaint.why, complaint.room, "%s holds no successful OCSP response in DER form", path);
    else if (!is_about_leaf(loaded, basic))
        tlsm_why(complaint.why, complaint.room,
                 "the OCSP response in %s is not about this certificate by the issuer that follows it in the chain", path);
    else if ((copy = OPENSSL_memdup(der.data, der.length)) == NULL)
        tlsm_why(complaint.why, complaint.room, "out of memory");
    OCSP_BASICRESP_free(basic);
    if (copy == NULL)
        return -1;
    OPENSSL_free(loaded->parts.staple);
    loaded->parts.staple = copy;
    loaded->front.credential.staple.data = copy;
    loaded->front.credential.staple.length = der.length;
    return 0;
}

int tlsm_libcrypto_credential_staple(struct tlsm_libcrypto_credential *credential, const char *path, char *why, size_t why_room)
{
    struct loaded *loaded = (struct loaded *)(void *)credential;
    struct complaint complaint = { why, why_room };
    struct tlsm_bytes der = { NULL, 0 };
    uint8_t *room = OPENSSL_malloc(STAPLE_MAX + 1);
    BIO *file;
    int answer = -1;

    tlsm_why(why, why_room, "%s", room != NULL ? "" : "out of memory");
    ERR_set_mark();
    file = room != NULL ? open_file(path, complaint) : NULL;
    der.data = room;
    der.length = file != NULL ? read_staple(file, path, room, complaint) : 0;
    if (der.length > 0)
        answer = take_staple(loaded, der, path, complaint);
    BIO_free(file);
    OPENSSL_free(room);
    ERR_pop_to_mark();
    return answer;
}

/* ------------------------------------------------------------------------------------------------ all of it */

static int load(struct loaded *loaded, const char *chain_file, const char *key_file, struct complaint complaint)
{
    BIO *file = open_file(chain_file, complaint);
    int answer;

    if (file == NULL)
        return -1;
    answer = read_chain(loaded, file, chain_file, complaint);
    BIO_free(file);
    if (answer != 0)
        return -1;

    file = open_file(key_file, complaint);
    if (file == NULL)
        return -1;
    answer = read_key(loaded, file, key_file, complaint);
    BIO_free(file);
    return answer == 0 ? match(loaded, chain_file, key_file, complaint) : -1;
}

struct tlsm_libcrypto_credential *tlsm_libcrypto_credential_load(const char *chain_file, const char *key_file, char *why,
                                                                 size_t why_room)
{
    struct complaint complaint = { why, why_room };
    struct loaded *loaded;

    tlsm_why(why, why_room, "%s", "");
    ERR_set_mark();
    loaded = OPENSSL_zalloc(sizeof *loaded);
    if (loaded == NULL) {
        tlsm_why(why, why_room, "out of memory");
    } else if (load(loaded, chain_file, key_file, complaint) != 0) {
        tlsm_libcrypto_credential_free(&loaded->front);
        loaded = NULL;
    }
    ERR_pop_to_mark();
    return loaded != NULL ? &loaded->front : NULL;
}

void tlsm_libcrypto_credential_free(struct tlsm_libcrypto_credential *credential)
{
    struct loaded *loaded = (struct loaded *)(void *)credential;

    if (loaded == NULL)
        return;
    tlsm_credential_clear(&loaded->parts);
    X509_free(loaded->leaf);
    EVP_PKEY_free(loaded->front.key);
    OPENSSL_free(loaded);
}
