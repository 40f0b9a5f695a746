/* SPDX-License-Identifier: MIT */
/* What a connection asks, answered as the flags say; expectations that can only be seen here are judged here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "shim.h"

enum { RSA_SIGN = 1, ECDSA_SIGN = 64 };   /* RFC 5246 §7.4.4, RFC 8422 §5.5 */

static int same(struct tlsm_bytes bytes, const char *text)
{
    return strlen(text) == bytes.length && (bytes.length == 0 || memcmp(text, bytes.data, bytes.length) == 0);
}

/* Server: what came in the ClientHello. */
static void look_at_hello(struct bogo_connection *connection, const struct tlsm_request *request)
{
    const struct bogo_flags *flags = connection->flags;
    if (flags->expect_server_name != NULL && !same(request->server_name, flags->expect_server_name))
        snprintf(connection->wrong, BOGO_TEXT, "the client asked for another name than %.100s", flags->expect_server_name);
    if (flags->expect_no_server_name && request->server_name.length > 0)
        snprintf(connection->wrong, BOGO_TEXT, "the client named a server");
    if (flags->expect_advertised_alpn != NULL && !same(request->alpn, flags->expect_advertised_alpn))
        snprintf(connection->wrong, BOGO_TEXT, "the client offers other protocols than %.100s", flags->expect_advertised_alpn);
}

/* TLS 1.2: a server names the kinds of key that it takes. */
static int kind_fits(const struct tlsm_libcrypto_credential *credential, struct tlsm_bytes types)
{
    const uint8_t kind = EVP_PKEY_get_base_id(credential->key) == EVP_PKEY_RSA ? RSA_SIGN : ECDSA_SIGN;
    return types.length == 0 || memchr(types.data, kind, types.length) != NULL;
}

/* -must-match-issuer: one of the chain was issued by one of the authorities. */
static int issuer_fits(const struct tlsm_credential *credential, struct tlsm_bytes authorities)
{
    for (size_t i = 0; i < credential->chain_count; i++) {
        const uint8_t *der = credential->chain[i].data;
        X509 *certificate = d2i_X509(NULL, &der, (long)credential->chain[i].length);
        const uint8_t *issuer = NULL;
        size_t length = 0;
        int fits = 0;
        if (certificate != NULL && X509_NAME_get0_der(X509_get_issuer_name(certificate), &issuer, &length))
            for (size_t at = 0; !fits && at + 2 <= authorities.length;) {
                const size_t named = (size_t)authorities.data[at] << 8 | authorities.data[at + 1];
                fits = named == length && memcmp(authorities.data + at + 2, issuer, length) == 0;
                at += 2 + named;
            }
        X509_free(certificate);
        if (fits)
            return 1;
    }
    return 0;
}

/* Whom the peer trusts is of no matter without -must-match-issuer. */
static size_t choose_shown(const struct bogo_connection *connection, const struct tlsm_request *request)
{
    struct tlsm_settings one = connection->settings;
    one.credential_count = 1;
    for (size_t i = 0; i < connection->settings.credential_count; i++) {
        one.credentials = &connection->credential[i];
        if (connection->flags->credential[i].must_match_issuer && !issuer_fits(&connection->credential[i], request->authorities))
            continue;
        if (connection->loaded[i] != NULL && kind_fits(connection->loaded[i], request->types) &&
            tlsm_choose_credential(&one, request->version, request->server_name, request->schemes) == 0)
            return i;
    }
    return TLSM_NO_CREDENTIAL;
}

static int wants_issuer(const struct bogo_flags *flags)
{
    int any = 0;
    for (size_t i = 0; i < flags->credentials; i++)
        any |= flags->credential[i].must_match_issuer;
    return any;
}

static void look_at_authorities(struct bogo_connection *connection, const struct tlsm_request *request)
{
    uint8_t room[BOGO_TEXT * 16];
    struct tlsm_bytes names[BOGO_LIST], got = request->authorities;
    const char *wanted = connection->flags->expect_authorities;
    const size_t count = wanted != NULL ? bogo_read_names(wanted, room, sizeof room, names) : 0;
    for (size_t i = 0; i < count; i++) {
        const size_t length = names[i].length;
        if (got.length < 2 + length || got.data[0] != length >> 8 || got.data[1] != (length & 255) ||
            memcmp(got.data + 2, names[i].data, length) != 0) {
            snprintf(connection->wrong, BOGO_TEXT, "the server names other authorities");
            return;
        }
        got.data += 2 + length;
        got.length -= 2 + length;
    }
    if (wanted != NULL && got.length > 0)
        snprintf(connection->wrong, BOGO_TEXT, "the server names more authorities");
}

static void choose(struct bogo_connection *connection, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    const struct bogo_flags *flags = connection->flags;
    size_t index;
    answer->alert = flags->fail_hello ? TLSM_ALERT_HANDSHAKE_FAILURE : flags->fail_ddos || flags->fail_cert ? TLSM_ALERT_INTERNAL_ERROR : 0;
    if (flags->server && flags->fail_ocsp)
        answer->alert = TLSM_ALERT_INTERNAL_ERROR;
    if (answer->alert != 0)
        return;
    if (!flags->server) {
        look_at_authorities(connection, request);
        answer->credential = (uint16_t)choose_shown(connection, request);
        return;
    }
    look_at_hello(connection, request);
    index = wants_issuer(flags) ? choose_shown(connection, request)
                                : tlsm_choose_credential(&connection->settings, request->version, request->server_name, request->schemes);
    answer->credential = (uint16_t)index;
    if (index >= connection->settings.credential_count)
        answer->alert = TLSM_ALERT_HANDSHAKE_FAILURE;
}
static void sign(struct bogo_connection *connection, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    const struct tlsm_libcrypto_credential *credential =
        request->credential < BOGO_CREDENTIALS ? connection->loaded[request->credential] : NULL;
    answer->signature.data = connection->signature;
    if (credential == NULL || tlsm_libcrypto_sign(credential->key, request, connection->signature, &answer->signature.length) < 0)
        answer->alert = TLSM_ALERT_INTERNAL_ERROR;
}

static int verifies(const struct bogo_flags *flags)
{
    return flags->verify_peer || flags->require_any_client_certificate;
}

static void keep_chain(struct bogo_connection *connection, struct tlsm_bytes chain)
{
    free(connection->chain);
    connection->chain = malloc(chain.length);
    connection->chain_length = connection->chain != NULL ? chain.length : 0;
    if (connection->chain != NULL)
        memcpy(connection->chain, chain.data, chain.length);
}

/* The names in the runner's certificates are nobody's; the chain and the signature are judged. */
static void judge(struct bogo_connection *connection, struct tlsm_request *request, struct tlsm_answer *answer)
{
    const struct tlsm_bytes wanted = connection->flags->expect_ocsp_response;
    if (wanted.length > 0 && (request->staple.length != wanted.length || memcmp(request->staple.data, wanted.data, wanted.length) != 0))
        snprintf(connection->wrong, BOGO_TEXT, "another OCSP response came");
    keep_chain(connection, request->chain);
    request->server_name.length = 0;
    (void)tlsm_judge_answer(connection->shim->instance, connection->judge, request, 0, answer, connection->why,
                            sizeof connection->why);
    if (connection->flags->fail_ocsp)
        answer->alert = TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE;
    if (answer->alert == 0 && connection->flags->verify_fail && verifies(connection->flags))
        answer->alert = connection->flags->custom_verify ? TLSM_ALERT_CERTIFICATE_UNKNOWN : TLSM_ALERT_HANDSHAKE_FAILURE;
}

static int find(struct bogo_connection *connection, struct tlsm_bytes id)
{
    struct bogo_shim *shim = connection->shim;
    for (size_t i = 0; i < BOGO_CACHE && i < shim->kept_count; i++) {
        const struct bogo_kept *kept = &shim->kept[i];
        const struct tlsm_bytes session = { kept->session, kept->length };
        if (kept->id_length == id.length && memcmp(kept->id, id.data, id.length) == 0)
            return tlsm_session_read(session, &connection->found);
    }
    return 0;
}

static void look_up(struct bogo_connection *connection, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    struct tlsm_bytes id = request->session_id;
    size_t offset = 0;
    if (id.length > 0 && find(connection, id))
        answer->session = &connection->found;
    for (uint16_t i = 0; answer->session == NULL && tlsm_identity_next(request->identities, &offset, &id); i++)
        if (find(connection, id)) {
            answer->session = &connection->found;
            answer->identity = i;
        }
}

int bogo_answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *answer)
{
    struct bogo_connection *connection = context;
    struct tlsm_request request;
    const int kind = tlsm_request(config, state, &request);
    if (connection->flags->async && connection->put_off != request.id) {
        connection->put_off = request.id;
        return 0;
    }
    if (kind == TLSM_ASK_CREDENTIAL)
        choose(connection, &request, answer);
    else if (kind == TLSM_ASK_SIGN)
        sign(connection, &request, answer);
    else if (kind == TLSM_ASK_JUDGE)
        judge(connection, &request, answer);
    else if (kind == TLSM_ASK_SESSION)
        look_up(connection, &request, answer);
    else if (kind == TLSM_ASK_REPLAY)
        answer->fresh = 1;
    return kind;
}

void bogo_ticket(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    struct bogo_connection *connection = context;
    struct bogo_shim *shim = connection->shim;
    struct tlsm_session kept = *session;
    const struct tlsm_span room = { shim->session, sizeof shim->session };
    (void)state;
    kept.issued_ms = shim->now_ms;
    shim->session_length = tlsm_session_write(&kept, room);
    connection->got_session = 1;
    connection->early_session = session->early_max > 0;
}

void bogo_issued(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    struct bogo_connection *connection = context;
    struct bogo_shim *shim = connection->shim;
    struct bogo_kept *kept = &shim->kept[shim->kept_count % BOGO_CACHE];
    const struct tlsm_span room = { kept->session, sizeof kept->session };
    (void)state;
    if (!(connection->settings.ask & TLSM_ASK_SESSION_BIT) || session->ticket.length > sizeof kept->id)
        return;
    memcpy(kept->id, session->ticket.data, session->ticket.length);
    kept->id_length = session->ticket.length;
    kept->length = tlsm_session_write(session, room);
    shim->kept_count++;
}
