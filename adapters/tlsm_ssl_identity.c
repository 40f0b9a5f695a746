/* SPDX-License-Identifier: MIT */
/* Certificates and keys of our own: as the application gives them, and as the machine wants them. */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "tlsm_ssl_internal.h"

/* Also the machine's order of preference: what is cheap to sign with comes first. */
enum slot { SLOT_EC, SLOT_ED25519, SLOT_RSA, SLOT_RSA_PSS };
enum { NO_SLOT = -1, LEVELS = 6 };

static int slot_of(const EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "EC"))
        return SLOT_EC;
    if (EVP_PKEY_is_a(key, "ED25519"))
        return SLOT_ED25519;
    if (EVP_PKEY_is_a(key, "RSA"))
        return SLOT_RSA;
    return EVP_PKEY_is_a(key, "RSA-PSS") ? SLOT_RSA_PSS : NO_SLOT;
}

/* ------------------------------------------------------------------------------------------------ memory */

void tlsm_ssl_certificates_clear(struct ssl_certificates *certificates)
{
    for (size_t i = 0; i < SSL_IDENTITY_SLOTS; i++) {
        X509_free(certificates->slot[i].leaf);
        EVP_PKEY_free(certificates->slot[i].key);
        sk_X509_pop_free(certificates->slot[i].chain, X509_free);
    }
    sk_X509_pop_free(certificates->extra, X509_free);
    memset(certificates, 0, sizeof *certificates);
    certificates->current = NO_SLOT;
}

static int copy_stack(STACK_OF(X509) **to, STACK_OF(X509) *from)
{
    if (from == NULL)
        return 1;
    *to = X509_chain_up_ref(from);
    return *to != NULL;
}

static int copy_slot(struct ssl_certificate_slot *to, const struct ssl_certificate_slot *from)
{
    if (from->leaf != NULL && X509_up_ref(from->leaf) == 1)
        to->leaf = from->leaf;
    if (from->key != NULL && EVP_PKEY_up_ref(from->key) == 1)
        to->key = from->key;
    return copy_stack(&to->chain, from->chain);
}

int tlsm_ssl_certificates_copy(struct ssl_certificates *to, const struct ssl_certificates *from)
{
    int good;

    memset(to, 0, sizeof *to);
    good = copy_stack(&to->extra, from->extra);
    for (size_t i = 0; i < SSL_IDENTITY_SLOTS && good; i++)
        good = copy_slot(&to->slot[i], &from->slot[i]);
    to->current = from->current;
    if (!good)
        tlsm_ssl_certificates_clear(to);
    return good;
}

const struct ssl_certificates *tlsm_ssl_certificates_of(const SSL *ssl)
{
    return ssl->certificates != NULL ? ssl->certificates : &ssl->ctx->certificates;
}

/* ------------------------------------------------------------------------------------------------ as the machine wants it */

/* What the store knows above the leaf; a path that leads nowhere helps as far as it goes. */
static STACK_OF(X509) *complete(X509 *leaf, X509_STORE *store)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = NULL;

    if (context != NULL && X509_STORE_CTX_init(context, store, leaf, NULL) == 1) {
        (void)X509_verify_cert(context);
        chain = X509_STORE_CTX_get1_chain(context);
    }
    X509_STORE_CTX_free(context);
    if (sk_X509_num(chain) > 0)
        X509_free(sk_X509_shift(chain));
    return chain;
}

/* The peer trusts a root or does not; sending it changes neither. */
static int is_root(X509 *certificate)
{
    return (X509_get_extension_flags(certificate) & EXFLAG_SS) != 0;
}

static int add_chain(struct tlsm_credential_parts *parts, STACK_OF(X509) *chain, int completed)
{
    for (int i = 0; i < sk_X509_num(chain); i++)
        if (!(completed && is_root(sk_X509_value(chain, i))) && !tlsm_credential_add(parts, sk_X509_value(chain, i)))
            return 0;
    return 1;
}

static int fill_parts(struct tlsm_credential_parts *parts, const struct ssl_certificate_slot *slot, STACK_OF(X509) *extra,
                      X509_STORE *store, struct tlsm_credential *credential)
{
    STACK_OF(X509) *chain = slot->chain != NULL ? slot->chain : extra, *completed = NULL;
    int good;

    if (chain == NULL && store != NULL)
        completed = complete(slot->leaf, store);
    good = tlsm_credential_add(parts, slot->leaf) && add_chain(parts, chain, 0) && add_chain(parts, completed, 1) &&
           tlsm_credential_finish(parts, slot->leaf, slot->key, credential);
    sk_X509_pop_free(completed, X509_free);
    return good;
}

static int add_credential(struct ssl_identity *identity, const struct ssl_certificate_slot *slot, STACK_OF(X509) *extra,
                          X509_STORE *store)
{
    struct tlsm_credential_parts *parts = OPENSSL_zalloc(sizeof *parts);
    size_t at = identity->count;

    if (parts == NULL)
        return 0;
    identity->memory[at] = parts;
    identity->count++;
    if (EVP_PKEY_up_ref(slot->key) != 1)
        return 0;
    identity->key[at] = slot->key;
    return fill_parts(parts, slot, extra, store, &identity->credential[at]);
}

struct ssl_identity *tlsm_ssl_identity_make(const struct ssl_certificates *given, X509_STORE *store)
{
    struct ssl_identity *identity = OPENSSL_zalloc(sizeof *identity);
    int good = identity != NULL;

    ERR_set_mark();
    if (good)
        atomic_init(&identity->references, 1);
    for (size_t i = 0; i < SSL_IDENTITY_SLOTS && good; i++) {
        const struct ssl_certificate_slot *slot = &given->slot[i];
        if (slot->leaf != NULL && slot->key != NULL && tlsm_libcrypto_schemes(slot->key, NULL, 0) > 0)
            good = add_credential(identity, slot, given->extra, store);
    }
    ERR_pop_to_mark();
    if (good)
        return identity;
    tlsm_ssl_identity_drop(identity);
    return NULL;
}

struct ssl_identity *tlsm_ssl_identity_hold(struct ssl_identity *identity)
{
    if (identity != NULL)
        atomic_fetch_add(&identity->references, 1);
    return identity;
}

void tlsm_ssl_identity_drop(struct ssl_identity *identity)
{
    if (identity == NULL || atomic_fetch_sub(&identity->references, 1) != 1)
        return;
    for (size_t i = 0; i < identity->count; i++) {
        tlsm_credential_clear(identity->memory[i]);
        OPENSSL_free(identity->memory[i]);
        EVP_PKEY_free(identity->key[i]);
    }
    OPENSSL_free(identity);
}

/* ------------------------------------------------------------------------------------------------ holders */

struct ssl_holder tlsm_ssl_holder_ctx(SSL_CTX *ctx)
{
    struct ssl_holder holder = { NULL, ctx, NULL, 0 };

    if (ctx != NULL) {
        holder.certificates = &ctx->certificates;
        holder.level = ctx->profile.security_level;
    }
    return holder;
}

struct ssl_holder tlsm_ssl_holder_ssl(SSL *ssl)
{
    struct ssl_holder holder = { NULL, NULL, ssl, 0 };

    if (ssl == NULL)
        return holder;
    if (ssl->certificates == NULL) {
        ssl->certificates = calloc(1, sizeof *ssl->certificates);
        if (ssl->certificates != NULL && !tlsm_ssl_certificates_copy(ssl->certificates, &ssl->ctx->certificates)) {
            free(ssl->certificates);
            ssl->certificates = NULL;
        }
    }
    holder.certificates = ssl->certificates;
    holder.ctx = ssl->ctx;
    holder.level = ssl->profile.security_level;
    return holder;
}

/* The context's identity is made anew when next wanted. */
static void changed(struct ssl_holder holder)
{
    if (holder.ssl != NULL)
        return;
    (void)pthread_mutex_lock(&holder.ctx->lock);
    tlsm_ssl_identity_drop(holder.ctx->identity);
    holder.ctx->identity = NULL;
    (void)pthread_mutex_unlock(&holder.ctx->lock);
}

static struct ssl_certificate_slot *current(const struct ssl_certificates *certificates)
{
    if (certificates == NULL || certificates->current == NO_SLOT)
        return NULL;
    return (struct ssl_certificate_slot *)(uintptr_t)&certificates->slot[certificates->current];
}

/* ------------------------------------------------------------------------------------------------ strength */

/* The bits of strength that a level asks for, as SSL_CTX_set_security_level(3) has them. */
static int is_weak(int bits, int level)
{
    static const int least[LEVELS] = { 0, 80, 112, 128, 192, 256 };

    return level > 0 && bits < least[level < LEVELS ? level : LEVELS - 1];
}

/* 0, or the reason why a certificate is below the level. A self-signed signature is no signature. */
static int weakness(X509 *certificate, int level, int too_small)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    int bits;

    if (key == NULL || is_weak(EVP_PKEY_get_security_bits(key), level))
        return too_small;
    if (is_root(certificate) || X509_get_signature_info(certificate, NULL, NULL, &bits, NULL) != 1)
        return 0;
    return is_weak(bits, level) ? SSL_R_CA_MD_TOO_WEAK : 0;
}

static int strong_enough(struct ssl_holder holder, X509 *certificate, int too_small)
{
    int reason = weakness(certificate, holder.level, too_small);

    if (reason == 0)
        return 1;
    return tlsm_ssl_refuse(holder.ssl, reason, reason == SSL_R_CA_MD_TOO_WEAK
                                              ? "the certificate's signature is too weak for the security level"
                                              : "the certificate's key is too weak for the security level");
}

/* ------------------------------------------------------------------------------------------------ giving */

/* Puts a certificate into its slot; a key there that is not its own is dropped, so that a pair can be replaced in any
 * order. */
static void put_leaf(struct ssl_holder holder, int index, X509 *leaf)
{
    struct ssl_certificate_slot *slot = &holder.certificates->slot[index];

    ERR_set_mark();
    if (slot->key != NULL && X509_check_private_key(leaf, slot->key) != 1) {
        EVP_PKEY_free(slot->key);
        slot->key = NULL;
    }
    ERR_pop_to_mark();
    (void)X509_up_ref(leaf);
    X509_free(slot->leaf);
    slot->leaf = leaf;
    holder.certificates->current = index;
    changed(holder);
}

/* The slot a certificate may go to, or NO_SLOT with an entry in the queue. */
static int admit(struct ssl_holder holder, X509 *leaf)
{
    EVP_PKEY *key;
    int index;

    if (holder.certificates == NULL || leaf == NULL)
        return tlsm_ssl_refuse(holder.ssl, ERR_R_PASSED_NULL_PARAMETER, "no certificate, or nobody to give it to") - 1;
    key = X509_get0_pubkey(leaf);
    if (key == NULL)
        return tlsm_ssl_refuse(holder.ssl, SSL_R_X509_LIB, "the certificate's key is of a kind this libcrypto does not know") - 1;
    index = slot_of(key);
    if (index == NO_SLOT)
        return tlsm_ssl_refuse(holder.ssl, SSL_R_UNKNOWN_CERTIFICATE_TYPE, "TLS 1.3 cannot use the certificate's kind of key") - 1;
    return strong_enough(holder, leaf, SSL_R_EE_KEY_TOO_SMALL) ? index : NO_SLOT;
}

int tlsm_ssl_use_leaf(struct ssl_holder holder, X509 *leaf)
{
    int index = admit(holder, leaf);

    if (index == NO_SLOT)
        return 0;
    put_leaf(holder, index, leaf);
    return 1;
}

int tlsm_ssl_use_chain(struct ssl_holder holder, X509 *leaf, STACK_OF(X509) *chain)
{
    STACK_OF(X509) *copy = NULL;
    struct ssl_certificate_slot *slot;
    int index = admit(holder, leaf);

    if (index == NO_SLOT)
        return 0;
    if (sk_X509_num(chain) >= TLSM_CREDENTIAL_CHAIN_MAX)
        return tlsm_ssl_refuse(holder.ssl, SSL_R_BAD_LENGTH, "a chain has at most 32 certificates");
    for (int i = 0; i < sk_X509_num(chain); i++)
        if (!strong_enough(holder, sk_X509_value(chain, i), SSL_R_CA_KEY_TOO_SMALL))
            return 0;
    if (sk_X509_num(chain) > 0 && (copy = X509_chain_up_ref(chain)) == NULL)
        return tlsm_ssl_refuse(holder.ssl, ERR_R_MALLOC_FAILURE, "no memory for a certificate chain");
    slot = &holder.certificates->slot[index];
    sk_X509_pop_free(slot->chain, X509_free);
    slot->chain = copy;
    put_leaf(holder, index, leaf);
    return 1;
}

int tlsm_ssl_use_key(struct ssl_holder holder, EVP_PKEY *key)
{
    struct ssl_certificate_slot *slot;
    int index;

    if (holder.certificates == NULL || key == NULL)
        return tlsm_ssl_refuse(holder.ssl, ERR_R_PASSED_NULL_PARAMETER, "no key, or nobody to give it to");
    index = slot_of(key);
    if (index == NO_SLOT)
        return tlsm_ssl_refuse(holder.ssl, SSL_R_UNKNOWN_CERTIFICATE_TYPE, "TLS 1.3 cannot use this kind of key");
    slot = &holder.certificates->slot[index];
    /* libcrypto puts the entry: X509_R_KEY_VALUES_MISMATCH. */
    if (slot->leaf != NULL && X509_check_private_key(slot->leaf, key) != 1)
        return 0;
    (void)EVP_PKEY_up_ref(key);
    EVP_PKEY_free(slot->key);
    slot->key = key;
    holder.certificates->current = index;
    changed(holder);
    return 1;
}

int SSL_CTX_use_certificate(SSL_CTX *ctx, X509 *certificate) { return tlsm_ssl_use_leaf(tlsm_ssl_holder_ctx(ctx), certificate); }
int SSL_use_certificate(SSL *ssl, X509 *certificate) { return tlsm_ssl_use_leaf(tlsm_ssl_holder_ssl(ssl), certificate); }
int SSL_CTX_use_PrivateKey(SSL_CTX *ctx, EVP_PKEY *key) { return tlsm_ssl_use_key(tlsm_ssl_holder_ctx(ctx), key); }
int SSL_use_PrivateKey(SSL *ssl, EVP_PKEY *key) { return tlsm_ssl_use_key(tlsm_ssl_holder_ssl(ssl), key); }

int SSL_CTX_use_certificate_ASN1(SSL_CTX *ctx, int length, const unsigned char *der)
{
    X509 *certificate = der != NULL && length > 0 ? d2i_X509(NULL, &der, length) : NULL;
    int good;

    if (certificate == NULL)
        return tlsm_ssl_refuse(NULL, ERR_R_ASN1_LIB, "the bytes are no certificate");
    good = SSL_CTX_use_certificate(ctx, certificate);
    X509_free(certificate);
    return good;
}

/* ------------------------------------------------------------------------------------------------ chains */

/* Takes over the reference on success only. */
static int push(STACK_OF(X509) **stack, X509 *certificate)
{
    if (*stack == NULL)
        *stack = sk_X509_new_null();
    if (*stack != NULL && sk_X509_push(*stack, certificate) > 0)
        return 1;
    return tlsm_ssl_refuse(NULL, ERR_R_MALLOC_FAILURE, "no memory for a certificate chain");
}

int SSL_CTX_add_extra_chain_cert(SSL_CTX *ctx, X509 *certificate)
{
    struct ssl_holder holder = tlsm_ssl_holder_ctx(ctx);

    if (ctx == NULL || certificate == NULL)
        return tlsm_ssl_refuse(NULL, ERR_R_PASSED_NULL_PARAMETER, "no certificate, or nobody to give it to");
    if (!push(&ctx->certificates.extra, certificate))
        return 0;
    changed(holder);
    return 1;
}

int SSL_CTX_clear_extra_chain_certs(SSL_CTX *ctx)
{
    if (ctx == NULL)
        return 0;
    sk_X509_pop_free(ctx->certificates.extra, X509_free);
    ctx->certificates.extra = NULL;
    changed(tlsm_ssl_holder_ctx(ctx));
    return 1;
}

int SSL_CTX_add0_chain_cert(SSL_CTX *ctx, X509 *certificate)
{
    struct ssl_holder holder = tlsm_ssl_holder_ctx(ctx);
    struct ssl_certificate_slot *slot = current(holder.certificates);

    if (slot == NULL || certificate == NULL)
        return tlsm_ssl_refuse(NULL, SSL_R_NO_CERTIFICATE_ASSIGNED, "a chain belongs to a certificate, which comes first");
    if (!strong_enough(holder, certificate, SSL_R_CA_KEY_TOO_SMALL) || !push(&slot->chain, certificate))
        return 0;
    changed(holder);
    return 1;
}

int SSL_CTX_add1_chain_cert(SSL_CTX *ctx, X509 *certificate)
{
    if (!SSL_CTX_add0_chain_cert(ctx, certificate))
        return 0;
    (void)X509_up_ref(certificate);
    return 1;
}

/* ------------------------------------------------------------------------------------------------ looking */

static int check_pair(SSL *ssl, const struct ssl_certificates *certificates)
{
    const struct ssl_certificate_slot *slot = current(certificates);

    if (slot == NULL || slot->leaf == NULL)
        return tlsm_ssl_refuse(ssl, SSL_R_NO_CERTIFICATE_ASSIGNED, "no certificate was given");
    if (slot->key == NULL)
        return tlsm_ssl_refuse(ssl, SSL_R_NO_PRIVATE_KEY_ASSIGNED, "no key was given that belongs to the certificate");
    return X509_check_private_key(slot->leaf, slot->key);
}

int SSL_CTX_check_private_key(const SSL_CTX *ctx)
{
    return check_pair(NULL, ctx != NULL ? &ctx->certificates : NULL);
}

/* A question: the connection's last error stays what it was. */
int SSL_check_private_key(const SSL *ssl)
{
    return check_pair(NULL, ssl != NULL ? tlsm_ssl_certificates_of(ssl) : NULL);
}

static X509 *leaf_of(const struct ssl_certificates *certificates)
{
    const struct ssl_certificate_slot *slot = current(certificates);
    return slot != NULL ? slot->leaf : NULL;
}

static EVP_PKEY *key_of(const struct ssl_certificates *certificates)
{
    const struct ssl_certificate_slot *slot = current(certificates);
    return slot != NULL ? slot->key : NULL;
}

X509 *SSL_CTX_get0_certificate(const SSL_CTX *ctx) { return leaf_of(ctx != NULL ? &ctx->certificates : NULL); }
EVP_PKEY *SSL_CTX_get0_privatekey(const SSL_CTX *ctx) { return key_of(ctx != NULL ? &ctx->certificates : NULL); }
X509 *SSL_get_certificate(const SSL *ssl) { return leaf_of(ssl != NULL ? tlsm_ssl_certificates_of(ssl) : NULL); }
EVP_PKEY *SSL_get_privatekey(const SSL *ssl) { return key_of(ssl != NULL ? tlsm_ssl_certificates_of(ssl) : NULL); }
