/* SPDX-License-Identifier: MIT */
/* What a program may watch: the key log, the info callback, and the message callback with an ear at the provider. */
#include "tlsm_ssl_internal.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ key log */

static size_t put_hex(char *to, const uint8_t *bytes, size_t length)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        to[2 * i] = digit[bytes[i] >> 4];
        to[2 * i + 1] = digit[bytes[i] & 15];
    }
    to[2 * length] = '\0';
    return 2 * length;
}

/* A line of the NSS key log: label, client random, secret. */
static void log_secret(SSL *ssl, const struct tlsm_state *state, enum tlsm_secret_label label, const char *name)
{
    uint8_t secret[TLSM_HASH_MAX];
    char line[40 + 2 * 32 + 2 + 2 * TLSM_HASH_MAX + 1];
    const size_t length = tlsm_secret(state, label, secret);
    if (length == 0)
        return;
    int at = snprintf(line, sizeof line, "%s ", name);
    at += (int)put_hex(line + at, state->client_random, sizeof state->client_random);
    line[at++] = ' ';
    (void)put_hex(line + at, secret, length);
    ssl->ctx->keylog(ssl, line);
    OPENSSL_cleanse(line, sizeof line);
    OPENSSL_cleanse(secret, sizeof secret);
}

static void log_keys(void *context, const struct tlsm_state *state)
{
    SSL *const ssl = context;
    uint8_t probe[TLSM_HASH_MAX];
    const int traffic = tlsm_secret(state, TLSM_SECRET_CLIENT_TRAFFIC, probe) > 0;
    OPENSSL_cleanse(probe, sizeof probe);
    if (ssl->ctx->keylog == NULL)
        return;
    if (tlsm_secret(state, TLSM_SECRET_MASTER, probe) > 0) {
        OPENSSL_cleanse(probe, sizeof probe);
        log_secret(ssl, state, TLSM_SECRET_MASTER, "CLIENT_RANDOM");
    } else if (traffic) {
        log_secret(ssl, state, TLSM_SECRET_CLIENT_TRAFFIC, "CLIENT_TRAFFIC_SECRET_0");
        log_secret(ssl, state, TLSM_SECRET_SERVER_TRAFFIC, "SERVER_TRAFFIC_SECRET_0");
        log_secret(ssl, state, TLSM_SECRET_EXPORTER, "EXPORTER_SECRET");
    } else {
        log_secret(ssl, state, TLSM_SECRET_CLIENT_HANDSHAKE, "CLIENT_HANDSHAKE_TRAFFIC_SECRET");
        log_secret(ssl, state, TLSM_SECRET_SERVER_HANDSHAKE, "SERVER_HANDSHAKE_TRAFFIC_SECRET");
    }
}

/* ------------------------------------------------------------------------------------------------ info */

void tlsm_ssl_info(const SSL *ssl, int where, int result)
{
    if (ssl->profile.info != NULL)
        ssl->profile.info(ssl, where, result);
}

static void tell_phase(SSL *ssl, const struct tlsm_control *control)
{
    const int loop = ssl->role == TLSM_SERVER ? SSL_CB_ACCEPT_LOOP : SSL_CB_CONNECT_LOOP;
    if (control->phase != ssl->watched.phase)
        tlsm_ssl_info(ssl, loop, 1);
    if (control->facts & ~ssl->watched.facts & TLSM_FACT_COMPLETE)
        tlsm_ssl_info(ssl, SSL_CB_HANDSHAKE_DONE, 1);
}

static int fatal(uint8_t description) { return SSL3_AL_FATAL << 8 | description; }
static int warning(uint8_t description) { return SSL3_AL_WARNING << 8 | description; }

static void tell_alerts(SSL *ssl, const struct tlsm_control *control)
{
    const uint32_t fresh = control->facts & ~ssl->watched.facts;
    if (fresh & TLSM_FACT_CANCEL_MADE)
        tlsm_ssl_info(ssl, SSL_CB_WRITE_ALERT, warning(SSL_AD_USER_CANCELLED));
    if (fresh & TLSM_FACT_CLOSE_MADE)
        tlsm_ssl_info(ssl, SSL_CB_WRITE_ALERT, warning(SSL_AD_CLOSE_NOTIFY));
    if (fresh & TLSM_FACT_FATAL_MADE)
        tlsm_ssl_info(ssl, SSL_CB_WRITE_ALERT, fatal(control->alert_out));
    if (fresh & TLSM_FACT_PEER_CANCELED)
        tlsm_ssl_info(ssl, SSL_CB_READ_ALERT, warning(SSL_AD_USER_CANCELLED));
    if (fresh & TLSM_FACT_PEER_ALERT)
        tlsm_ssl_info(ssl, SSL_CB_READ_ALERT, fatal(control->alert_in));
    if ((control->rx == TLSM_RX_CLOSED && ssl->watched.rx != TLSM_RX_CLOSED) || fresh & TLSM_FACT_PEER_CLOSED_EARLY)
        tlsm_ssl_info(ssl, SSL_CB_READ_ALERT, warning(SSL_AD_CLOSE_NOTIFY));
}

/* ------------------------------------------------------------------------------------------------ messages */

static void tell_message(SSL *ssl, int written, int type, const uint8_t *bytes, size_t length)
{
    if (ssl->profile.message != NULL)   /* the ear stays when the callback is taken away */
        ssl->profile.message(written, SSL_version(ssl), type, bytes, length, ssl, ssl->profile.message_argument);
}

/* Handshake messages are told one by one where a record holds whole ones. */
static void tell_content(SSL *ssl, int written, int type, const uint8_t *bytes, size_t length)
{
    size_t at = 0;
    while (type == SSL3_RT_HANDSHAKE && length - at >= 4) {
        const size_t whole = 4 + ((size_t)bytes[at + 1] << 16 | (size_t)bytes[at + 2] << 8 | bytes[at + 3]);
        if (whole > length - at)
            break;
        tell_message(ssl, written, type, bytes + at, whole);
        at += whole;
    }
    if (at < length || length == 0)
        tell_message(ssl, written, type, bytes + at, length - at);
}

/* The inner type is the last byte that is not padding (RFC 9846 §5.4). */
static void tell_inner(SSL *ssl, int written, const uint8_t *bytes, size_t length)
{
    while (length > 0 && bytes[length - 1] == 0)
        length--;
    if (length == 0)
        return;
    tell_message(ssl, written, SSL3_RT_INNER_CONTENT_TYPE, bytes + length - 1, 1);
    if (bytes[length - 1] != SSL3_RT_APPLICATION_DATA)
        tell_content(ssl, written, bytes[length - 1], bytes, length - 1);
}

/* Records in the clear; what a protected one holds is told by the provider's ear. */
static void tell_plain_record(SSL *ssl, int written, int type, const uint8_t *bytes, size_t length)
{
    if (type != SSL3_RT_APPLICATION_DATA)
        tell_content(ssl, written, type, bytes, length);
}

static void tell_made(SSL *ssl, const struct tlsm_out *out)
{
    size_t at = 0;
    while (at + TLSM_HEADER <= out->wire_length) {
        const uint8_t *const record = out->wire.data + at;
        const size_t body = (size_t)record[3] << 8 | record[4];
        if (at + TLSM_HEADER + body > out->wire_length)
            break;
        tell_message(ssl, 1, SSL3_RT_HEADER, record, TLSM_HEADER);
        tell_plain_record(ssl, 1, record[0], record + TLSM_HEADER, body);
        at += TLSM_HEADER + body;
    }
}

/* A header is folded byte by byte; it is told as it is put together again when the body has come. */
static void tell_taken(SSL *ssl, const struct tlsm_in *in, const struct tlsm_out *out)
{
    const size_t body = out->consumed;
    const uint8_t header[TLSM_HEADER] = { ssl->watched.record_type, 3, 3, (uint8_t)(body >> 8), (uint8_t)(body & 0xff) };
    tell_message(ssl, 0, SSL3_RT_HEADER, header, sizeof header);
    tell_plain_record(ssl, 0, ssl->watched.record_type, in->bytes.data, body);
}

static void stepped(void *context, const struct tlsm_state *state, const struct tlsm_in *in, enum tlsm_code code,
                    const struct tlsm_out *out)
{
    SSL *const ssl = context;
    const struct tlsm_control *const control = &state->control;
    (void)code;
    if (ssl->profile.message != NULL && out->wire_length > 0)
        tell_made(ssl, out);
    if (ssl->profile.message != NULL && in->kind == TLSM_IN_WIRE && out->consumed > 0 && ssl->watched.header == TLSM_HEADER)
        tell_taken(ssl, in, out);
    if (ssl->profile.info != NULL) {
        tell_phase(ssl, control);
        tell_alerts(ssl, control);
    }
    ssl->watched.facts = control->facts;
    ssl->watched.phase = control->phase;
    ssl->watched.rx = control->rx;
    ssl->watched.header = control->header_seen;
    ssl->watched.record_type = control->record_type;
}

void tlsm_ssl_watch(SSL *ssl, struct tlsm_hooks *hooks)
{
    if (ssl->ctx->keylog != NULL)
        hooks->keys = log_keys;
    if (ssl->profile.message != NULL)
        tlsm_ssl_tap(ssl);
    if (ssl->profile.message != NULL || ssl->profile.info != NULL)
        hooks->stepped = stepped;
}

/* ------------------------------------------------------------------------------------------------ the ear */

#define REAL(ssl) ((ssl)->instance)

static int tap_hash_start(void *self, uint16_t hash, struct tlsm_hash *to)
{
    return tlsm_libcrypto_table.hash_start(REAL((SSL *)self), hash, to);
}

static int tap_hash_update(void *self, uint16_t hash, struct tlsm_hash *in_out, struct tlsm_bytes data)
{
    return tlsm_libcrypto_table.hash_update(REAL((SSL *)self), hash, in_out, data);
}

static int tap_hash_finish(void *self, uint16_t hash, const struct tlsm_hash *from, uint8_t digest[TLSM_HASH_MAX])
{
    return tlsm_libcrypto_table.hash_finish(REAL((SSL *)self), hash, from, digest);
}

static int tap_hmac(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                    uint8_t digest[TLSM_HASH_MAX])
{
    return tlsm_libcrypto_table.hmac(REAL((SSL *)self), hash, key, part, parts, digest);
}

/* Told before it is sealed, which is done in place. The type and padding follow in `tail`. A ticket under its server's own key
 * has no header: it is no record. */
static int tap_seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain,
                    struct tlsm_bytes tail, uint8_t *out)
{
    SSL *const ssl = self;
    if (aad.length == TLSM_HEADER && tail.length > 0) {
        tell_message(ssl, 1, SSL3_RT_INNER_CONTENT_TYPE, tail.data, 1);
        if (tail.data[0] != SSL3_RT_APPLICATION_DATA)
            tell_content(ssl, 1, tail.data[0], plain.data, plain.length);
    }
    return tlsm_libcrypto_table.seal(REAL(ssl), key, aad, plain, tail, out);
}

static int tap_open(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes cipher, uint8_t *out)
{
    SSL *const ssl = self;
    const int failed = tlsm_libcrypto_table.open(REAL(ssl), key, aad, cipher, out);
    if (failed == 0 && aad.length == TLSM_HEADER)
        tell_inner(ssl, 0, out, cipher.length - TLSM_TAG);
    return failed;
}

static int tap_share(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_span *pub)
{
    return tlsm_libcrypto_table.share(REAL((SSL *)self), group, secret, pub);
}

static int tap_agree(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes own,
                     struct tlsm_bytes peer, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    return tlsm_libcrypto_table.agree(REAL((SSL *)self), group, secret, own, peer, shared, length);
}

static int tap_respond(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes peer,
                       struct tlsm_span *pub, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    return tlsm_libcrypto_table.respond(REAL((SSL *)self), group, secret, peer, pub, shared, length);
}

static void tap_forget(void *self, uint64_t id) { tlsm_libcrypto_table.forget(REAL((SSL *)self), id); }

void tlsm_ssl_tap(SSL *ssl)
{
    const struct tlsm_crypto tap = { tap_hash_start, tap_hash_update, tap_hash_finish, tap_hmac, tap_seal, tap_open,
                                     tap_share, tap_agree, tap_respond, tap_forget };
    ssl->tap = tap;
}
