/* SPDX-License-Identifier: MIT */
/* Sessions as bytes and as text. The bytes are a DER OCTET STRING around a value of our own:
 *
 *   format 1 · resumable 1 · version 2 · suite 2 · time 8 · timeout 8 · verify_result 4 · context <1> · name <1> ·
 *   ticket_is_id 1 · the machine's session <3> · certificates, each <3>, the peer's first, to the end
 *
 * where <n> is a length of n bytes and so many bytes behind it; all numbers big-endian. Whoever has them can resume the
 * session: keep them as you keep a private key. */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>

#include "tlsm_ssl_session_internal.h"

enum { FORMAT = 1, OCTET_STRING = 4, VALUE_MAX = 1 << 20, CERTIFICATES_MAX = 100 };
static const char pem_name[] = "SSL SESSION PARAMETERS";

/* ------------------------------------------------------------------------------------------------ writing */

/* Without `at` it measures. */
struct writer {
    uint8_t *at;
    size_t length;
};

static void put(struct writer *to, const void *bytes, size_t length)
{
    if (to->at != NULL && length > 0)
        memcpy(to->at + to->length, bytes, length);
    to->length += length;
}

static void put_number(struct writer *to, uint64_t number, unsigned bytes)
{
    while (bytes-- > 0) {
        const uint8_t byte = (uint8_t)(number >> (8 * bytes) & 255);
        put(to, &byte, 1);
    }
}

static void put_vector(struct writer *to, const void *bytes, size_t length, unsigned length_bytes)
{
    put_number(to, length, length_bytes);
    put(to, bytes, length);
}

static int put_certificate(struct writer *to, X509 *certificate)
{
    unsigned char *der = NULL;
    const int length = i2d_X509(certificate, &der);
    if (length <= 0)
        return 0;
    put_vector(to, der, (size_t)length, 3);
    OPENSSL_free(der);
    return 1;
}

/* The chain begins with the peer's own where there is one. */
static int put_certificates(struct writer *to, const SSL_SESSION *session)
{
    int skip = 0;
    if (session->peer != NULL && !put_certificate(to, session->peer))
        return 0;
    if (sk_X509_num(session->chain) > 0 && session->peer != NULL)
        skip = X509_cmp(sk_X509_value(session->chain, 0), session->peer) == 0;
    for (int i = skip; i < sk_X509_num(session->chain); i++)
        if (!put_certificate(to, sk_X509_value(session->chain, i)))
            return 0;
    return 1;
}

static int ticket_is_id(const SSL_SESSION *session)
{
    const unsigned char *ticket;
    size_t length;
    SSL_SESSION_get0_ticket(session, &ticket, &length);
    return length == session->id_length && length > 0 && memcmp(ticket, session->id, length) == 0;
}

static int put_value(struct writer *to, const SSL_SESSION *session)
{
    put_number(to, FORMAT, 1);
    put_number(to, SSL_SESSION_is_resumable(session) ? 1 : 0, 1);
    put_number(to, session->version, 2);
    put_number(to, session->suite, 2);
    put_number(to, (uint64_t)atomic_load(&session->time_s), 8);
    put_number(to, (uint64_t)atomic_load(&session->timeout_s), 8);
    put_number(to, (uint64_t)session->verify_result, 4);
    put_vector(to, session->sid_context, session->sid_context_length, 1);
    put_vector(to, session->name, session->name != NULL ? strlen(session->name) : 0, 1);
    put_number(to, ticket_is_id(session) ? 1 : 0, 1);
    put_vector(to, session->value, session->value_length, 3);
    return put_certificates(to, session);
}

/* DER: the shortest form. */
static void put_head(struct writer *to, size_t length)
{
    unsigned bytes = 1;
    put_number(to, OCTET_STRING, 1);
    while (bytes < 4 && length >> (8 * bytes) != 0)
        bytes++;
    if (length >= 128)
        put_number(to, 128 | bytes, 1);
    put_number(to, length, bytes);
}

/* The length, 0: no session of a connection, or not to be expressed. */
static size_t encode(const SSL_SESSION *session, uint8_t *at)
{
    struct writer value = { NULL, 0 }, whole = { at, 0 };
    if (session == NULL || session->suite == 0 || !put_value(&value, session) || value.length > VALUE_MAX)
        return 0;
    put_head(&whole, value.length);
    if (at != NULL && !put_value(&whole, session))
        return 0;
    return at != NULL ? whole.length : whole.length + value.length;
}

int i2d_SSL_SESSION(SSL_SESSION *session, unsigned char **to)
{
    const size_t length = encode(session, NULL);
    unsigned char *room;
    if (to == NULL || length == 0)
        return (int)length;
    room = *to != NULL ? *to : OPENSSL_malloc(length);
    if (room == NULL || encode(session, room) != length) {
        if (room != *to)
            OPENSSL_free(room);
        return 0;
    }
    *to = *to != NULL ? *to + length : room;
    return (int)length;
}

/* ------------------------------------------------------------------------------------------------ reading */

struct reader {
    struct tlsm_bytes left;
    int bad;
};

static struct tlsm_bytes take(struct reader *from, size_t length)
{
    struct tlsm_bytes taken = { NULL, 0 };
    if (from->bad || length > from->left.length) {
        from->bad = 1;
        return taken;
    }
    taken.data = from->left.data;
    taken.length = length;
    from->left.data += length;
    from->left.length -= length;
    return taken;
}

static uint64_t take_number(struct reader *from, unsigned bytes)
{
    const struct tlsm_bytes taken = take(from, bytes);
    uint64_t number = 0;
    for (size_t i = 0; i < taken.length; i++)
        number = number << 8 | taken.data[i];
    return number;
}

static struct tlsm_bytes take_vector(struct reader *from, unsigned length_bytes)
{
    return take(from, (size_t)take_number(from, length_bytes));
}

static long take_seconds(struct reader *from)
{
    const uint64_t seconds = take_number(from, 8);
    if (seconds > INT32_MAX * UINT64_C(256))   /* some 17,000 years */
        from->bad = 1;
    return (long)seconds;
}

static int take_flag(struct reader *from)
{
    const uint64_t flag = take_number(from, 1);
    from->bad |= flag > 1;
    return (int)flag;
}

static void take_context(struct reader *from, SSL_SESSION *session)
{
    const struct tlsm_bytes context = take_vector(from, 1);
    if (context.length > sizeof session->sid_context) {
        from->bad = 1;
        return;
    }
    if (context.length > 0)
        memcpy(session->sid_context, context.data, context.length);
    session->sid_context_length = (unsigned)context.length;
}

static void take_name(struct reader *from, SSL_SESSION *session)
{
    const struct tlsm_bytes name = take_vector(from, 1);
    if (name.length == 0)
        return;
    if (memchr(name.data, 0, name.length) == NULL)
        session->name = strndup((const char *)name.data, name.length);
    from->bad |= session->name == NULL;
}

/* What it says of itself must be what stands around it. */
static void take_machine(struct reader *from, SSL_SESSION *session, int resumable)
{
    struct tlsm_session value;
    const int is_id = take_flag(from);
    const uint16_t suite = session->suite, version = session->version;
    const struct tlsm_bytes bytes = take_vector(from, 3);
    memset(&value, 0, sizeof value);
    if (bytes.length == 0)
        from->bad |= resumable | is_id;
    else if (from->bad || !tlsm_session_read(bytes, &value) || !tlsm_ssl_session_set_value(session, &value, is_id))
        from->bad = 1;
    else if (session->suite != suite || session->version != version || ticket_is_id(session) != is_id)
        from->bad = 1;
    OPENSSL_cleanse(&value, sizeof value);
    atomic_store(&session->resumable, resumable);
}

static X509 *take_certificate(struct reader *from)
{
    const struct tlsm_bytes bytes = take_vector(from, 3);
    const unsigned char *at = bytes.data;
    X509 *certificate;
    if (from->bad || bytes.length == 0)
        return NULL;
    certificate = d2i_X509(NULL, &at, (long)bytes.length);
    if (certificate == NULL || at == bytes.data + bytes.length)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static void take_certificates(struct reader *from, SSL_SESSION *session)
{
    while (!from->bad && from->left.length > 0) {
        X509 *const certificate = take_certificate(from);
        if (session->chain == NULL)
            session->chain = sk_X509_new_null();
        if (certificate == NULL || sk_X509_num(session->chain) >= CERTIFICATES_MAX ||
            sk_X509_push(session->chain, certificate) <= 0) {
            X509_free(certificate);
            from->bad = 1;
        } else if (session->peer == NULL) {
            (void)X509_up_ref(session->peer = certificate);
        }
    }
}

static int take_value(struct reader *from, SSL_SESSION *session)
{
    int resumable;
    if (take_number(from, 1) != FORMAT)
        return 0;
    resumable = take_flag(from);
    session->version = (uint16_t)take_number(from, 2);
    session->suite = (uint16_t)take_number(from, 2);
    atomic_store(&session->time_s, take_seconds(from));
    atomic_store(&session->timeout_s, take_seconds(from));
    session->verify_result = (long)take_number(from, 4);
    take_context(from, session);
    take_name(from, session);
    take_machine(from, session, resumable);
    take_certificates(from, session);
    return !from->bad && session->suite != 0;
}

/* The content of the OCTET STRING that `from` begins with, in DER. */
static struct tlsm_bytes take_octets(struct reader *from)
{
    size_t length;
    unsigned bytes;
    from->bad |= take_number(from, 1) != OCTET_STRING;
    length = (size_t)take_number(from, 1);
    if (length >= 128) {
        bytes = (unsigned)length & 127;
        from->bad |= bytes == 0 || bytes > 3;
        length = (size_t)take_number(from, from->bad ? 0 : bytes);
        from->bad |= length < 128 || length >> (8 * (bytes - 1)) == 0;
    }
    from->bad |= length > VALUE_MAX;
    return take(from, length);
}

/* On success *from is behind the session, and one in *session is freed for the new one. Strict: nothing is passed over. */
SSL_SESSION *d2i_SSL_SESSION(SSL_SESSION **session, const unsigned char **from, long length)
{
    struct reader outer, inner;
    SSL_SESSION *made;
    if (from == NULL || *from == NULL || length <= 0 || (made = SSL_SESSION_new()) == NULL)
        return NULL;
    outer = (struct reader){ { *from, (size_t)length }, 0 };
    inner = (struct reader){ take_octets(&outer), 0 };
    ERR_set_mark();
    if (outer.bad || !take_value(&inner, made)) {
        (void)ERR_pop_to_mark();
        SSL_SESSION_free(made);
        (void)tlsm_ssl_refuse(NULL, SSL_R_LENGTH_MISMATCH, "this is no serialised session, or one of another version");
        return NULL;
    }
    (void)ERR_clear_last_mark();
    *from = outer.left.data;
    if (session != NULL) {
        SSL_SESSION_free(*session);
        *session = made;
    }
    return made;
}

/* ------------------------------------------------------------------------------------------------ PEM */

int PEM_write_bio_SSL_SESSION(BIO *to, SSL_SESSION *session)
{
    unsigned char *der = NULL;
    const int length = i2d_SSL_SESSION(session, &der);
    int done;
    if (length <= 0)
        return 0;
    done = PEM_write_bio(to, pem_name, "", der, length) > 0;
    OPENSSL_clear_free(der, (size_t)length);
    return done;
}

SSL_SESSION *PEM_read_bio_SSL_SESSION(BIO *from, SSL_SESSION **session, pem_password_cb *callback, void *argument)
{
    unsigned char *der = NULL;
    const unsigned char *at;
    long length = 0;
    SSL_SESSION *made;
    if (PEM_bytes_read_bio(&der, &length, NULL, pem_name, from, callback, argument) != 1)
        return NULL;
    at = der;
    made = d2i_SSL_SESSION(session, &at, length);
    OPENSSL_clear_free(der, (size_t)length);
    return made;
}

int PEM_write_SSL_SESSION(FILE *to, SSL_SESSION *session)
{
    BIO *const bio = to != NULL ? BIO_new_fp(to, BIO_NOCLOSE) : NULL;
    const int done = bio != NULL && PEM_write_bio_SSL_SESSION(bio, session);
    BIO_free(bio);
    return done;
}

SSL_SESSION *PEM_read_SSL_SESSION(FILE *from, SSL_SESSION **session, pem_password_cb *callback, void *argument)
{
    BIO *const bio = from != NULL ? BIO_new_fp(from, BIO_NOCLOSE) : NULL;
    SSL_SESSION *const made = bio != NULL ? PEM_read_bio_SSL_SESSION(bio, session, callback, argument) : NULL;
    BIO_free(bio);
    return made;
}

/* ------------------------------------------------------------------------------------------------ text */

static int print_hex(BIO *to, const char *what, const uint8_t *bytes, unsigned length)
{
    int done = BIO_printf(to, "    %s: ", what) > 0;
    for (unsigned i = 0; i < length; i++)
        done &= BIO_printf(to, "%02X", bytes[i]) > 0;
    return done && BIO_puts(to, "\n") > 0;
}

/* For people and logs, so without the secret. */
int SSL_SESSION_print(BIO *to, const SSL_SESSION *session)
{
    const SSL_CIPHER *const cipher = SSL_SESSION_get0_cipher(session);
    if (to == NULL || session == NULL)
        return 0;
    return BIO_printf(to, "SSL-Session:\n    Protocol  : %s\n    Cipher    : %s\n",
                      session->version == TLSM_1_3 ? "TLSv1.3" : session->version == TLSM_1_2 ? "TLSv1.2" : "none", cipher != NULL ? SSL_CIPHER_get_name(cipher) : "none") > 0 &&
           print_hex(to, "Session-ID", session->id, session->id_length) &&
           print_hex(to, "Session-ID-ctx", session->sid_context, session->sid_context_length) &&
           BIO_printf(to, "    Start Time: %ld\n    Timeout   : %ld (sec)\n    Verify return code: %ld (%s)\n    Resumable : %s\n",
                      SSL_SESSION_get_time(session), SSL_SESSION_get_timeout(session), session->verify_result,
                      X509_verify_cert_error_string(session->verify_result),
                      SSL_SESSION_is_resumable(session) ? "yes" : "no") > 0;
}
