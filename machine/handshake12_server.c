/* SPDX-License-Identifier: MIT */
/* The server's messages of TLS 1.2 (RFC 5246 §7.4, RFC 8422, RFC 5077). Order is handshake.def's; what was agreed is choose12.c's. */
#include "handshake.h"

enum { LEGACY_VERSION = 0x0303, NAMED_CURVE = 3, OCSP = 1, LIST_LENGTH = 3 };
/* ------------------------------------------------------------------------------------------------ ServerHello */

static void put_empty(struct tlsm_writer *writer, int condition, enum tlsm_extension_number number)
{
    if (condition)
        tlsm_close_extension(writer, tlsm_open_extension(writer, number));
}

static void put_byte_list(struct tlsm_writer *writer, int condition, enum tlsm_extension_number number, struct tlsm_bytes list)
{
    if (!condition)
        return;
    size_t extension = tlsm_open_extension(writer, number);
    tlsm_put_number(writer, (uint32_t)list.length, 1);
    tlsm_put(writer, list);
    tlsm_close_extension(writer, extension);
}

/* "An extension type MUST NOT appear in the ServerHello unless the same extension type appeared in the corresponding ClientHello"
 * (RFC 5246 §7.4.1.4); renegotiation_info may answer a suite too (RFC 5746 §3.6). */
static void put_extensions(const struct tlsm_work *work, struct tlsm_writer *writer)
{
    static const uint8_t uncompressed[] = { 0 };
    const struct tlsm_state *state = work->state;
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    put_empty(writer, hs->flags & TLSM_HS_SNI_ACCEPTED, TLSM_EXTENSION_SERVER_NAME);
    put_empty(writer, tlsm_mark(state, TLSM_MARK_EXTENDED_MASTER), TLSM_EXTENSION_EXTENDED_MASTER_SECRET);
    put_byte_list(writer, tlsm_mark(state, TLSM_MARK_RENEGOTIATION_INFO), TLSM_EXTENSION_RENEGOTIATION_INFO, tlsm_slice(NULL, 0));
    put_byte_list(writer, hs->flags & TLSM_HS_POINT_FORMATS, TLSM_EXTENSION_EC_POINT_FORMATS,
                  tlsm_slice(uncompressed, sizeof uncompressed));
    put_empty(writer, tlsm_mark(state, TLSM_MARK_TICKET_TOLD), TLSM_EXTENSION_SESSION_TICKET);
    put_empty(writer, tlsm_mark(state, TLSM_MARK_STATUS_TOLD), TLSM_EXTENSION_STATUS_REQUEST);
    tlsm_put_alpn(work, writer);
    tlsm_put_record_limit(writer, work);
}

enum tlsm_code tlsm_make_server_hello_12(struct tlsm_work *work)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_SERVER_HELLO);
    tlsm_put_number(&writer, LEGACY_VERSION, 2);
    tlsm_put(&writer, tlsm_slice(hs->server_random, sizeof hs->server_random));
    tlsm_put_number(&writer, hs->session_id_length, 1);
    tlsm_put(&writer, tlsm_slice(hs->session_id, hs->session_id_length));
    tlsm_put_number(&writer, work->state->suite, 2);
    tlsm_put_number(&writer, 0, 1);
    const struct tlsm_writer bare = writer;
    const size_t block = tlsm_open_vector(&writer, 2), empty = writer.length;
    put_extensions(work, &writer);
    if (writer.length == empty)
        writer = bare;
    else
        tlsm_close_vector(&writer, block, 2);
    return tlsm_send_message_12(work, &writer);
}

/* ------------------------------------------------------------------------------------------------ the flight */

enum tlsm_code tlsm_make_certificate_12(struct tlsm_work *work)
{
    const struct tlsm_credential *credential = &work->config->settings->credentials[work->state->credential];
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_CERTIFICATE);
    tlsm_put_chain_12(&writer, credential);
    return tlsm_send_message_12(work, &writer);
}

/* RFC 6066 §8. */
enum tlsm_code tlsm_make_certificate_status(struct tlsm_work *work)
{
    const struct tlsm_bytes staple = work->config->settings->credentials[work->state->credential].staple;
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_CERTIFICATE_STATUS);
    tlsm_put_status(&writer, staple);
    return tlsm_send_message_12(work, &writer);
}

/* RFC 8422 §5.4: what is signed, after both randoms. */
void tlsm_put_params_12(struct tlsm_writer *writer, const struct tlsm_state *state)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    tlsm_put_number(writer, NAMED_CURVE, 1);
    tlsm_put_number(writer, hs->share_group[0], 2);
    tlsm_put_number(writer, hs->own_share_length[0], 1);
    tlsm_put(writer, tlsm_slice(hs->own_share[0], hs->own_share_length[0]));
}

enum tlsm_code tlsm_make_server_key_exchange(struct tlsm_work *work)
{
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_SERVER_KEY_EXCHANGE);
    tlsm_put_params_12(&writer, work->state);
    tlsm_put_signature(&writer, work->state);
    const enum tlsm_code code = tlsm_send_message_12(work, &writer);
    if (code == TLSM_OK)
        tlsm_release(work->state);
    return code;
}

/* Of a client's signature: those whose digest we keep. */
static int accepts(const struct tlsm_settings *settings, uint16_t scheme)
{
    return tlsm_scheme_hash_12(scheme) != 0 && tlsm_numbers_have(tlsm_schemes(settings), scheme);
}

static void put_types(struct tlsm_writer *writer, const struct tlsm_settings *settings)
{
    const struct tlsm_numbers schemes = tlsm_schemes(settings);
    int rsa = 0, curve = 0;
    for (size_t i = 0; i < schemes.count; i++) {
        if (!accepts(settings, schemes.at[i]))
            continue;
        if (tlsm_scheme_is_rsa(schemes.at[i]))
            rsa = 1;
        else
            curve = 1;
    }
    const size_t types = tlsm_open_vector(writer, 1);
    if (curve)
        tlsm_put_number(writer, TLSM_ECDSA_SIGN, 1);
    if (rsa)
        tlsm_put_number(writer, TLSM_RSA_SIGN, 1);
    tlsm_close_vector(writer, types, 1);
}

enum tlsm_code tlsm_make_certificate_request_12(struct tlsm_work *work)
{
    const struct tlsm_settings *settings = work->config->settings;
    const struct tlsm_numbers schemes = tlsm_schemes(settings);
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_CERTIFICATE_REQUEST);
    put_types(&writer, settings);
    size_t list = tlsm_open_vector(&writer, 2);
    for (size_t i = 0; i < schemes.count; i++)
        if (accepts(settings, schemes.at[i]))
            tlsm_put_number(&writer, schemes.at[i], 2);
    tlsm_close_vector(&writer, list, 2);
    list = tlsm_open_vector(&writer, 2);
    for (size_t i = 0; i < settings->authority_count; i++) {
        tlsm_put_number(&writer, (uint32_t)settings->authorities[i].length, 2);
        tlsm_put(&writer, settings->authorities[i]);
    }
    tlsm_close_vector(&writer, list, 2);
    return tlsm_send_message_12(work, &writer);
}

enum tlsm_code tlsm_make_server_hello_done(struct tlsm_work *work)
{
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_SERVER_HELLO_DONE);
    return tlsm_send_message_12(work, &writer);
}

/* ------------------------------------------------------------------------------------------------ the client's flight */

/* RFC 5246 §7.4.6: "If the client does not send any certificates, the server MAY at its discretion either continue the handshake
 * without client authentication, or respond with a fatal handshake_failure alert". */
uint8_t tlsm_take_client_certificate_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_bytes chain;
    uint8_t alert = tlsm_read_chain_12(tlsm_body(message), 0, &chain);
    if (alert == 0 && tlsm_absorb_12(work, message) != 0)
        alert = TLSM_ALERT_INTERNAL_ERROR;
    if (alert != 0)
        return alert;
    if (chain.length == LIST_LENGTH)
        return work->config->settings->client_auth == TLSM_CLIENT_AUTH_REQUIRE ? TLSM_ALERT_HANDSHAKE_FAILURE : 0;
    hs->chain_at = tlsm_room_offset(work->state, chain);
    hs->chain_length = (uint32_t)chain.length;
    tlsm_keep(work->state, message);
    return 0;
}

/* The agreed secret, then the master secret, from the transcript that ends with this message (RFC 7627 §4). */
static uint8_t derive_master(struct tlsm_work *work, struct tlsm_bytes point, const uint8_t digest[TLSM_HASH_MAX])
{
    const struct tlsm_config *config = work->config;
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    const struct tlsm_bytes own = { hs->own_share[0], hs->own_share_length[0] };
    uint8_t shared[TLSM_SHARED_MAX] = { 0 }, alert = 0;
    size_t length = 0;
    if (config->crypto->agree(config->self, hs->share_group[0], hs->share_secret[0], own, point, shared, &length) != 0)
        alert = TLSM_ALERT_ILLEGAL_PARAMETER;
    else if (tlsm_master_secret(work, tlsm_slice(shared, length), digest, hs->secret) != 0)
        alert = TLSM_ALERT_INTERNAL_ERROR;
    tlsm_wipe(shared, sizeof shared);
    return alert;
}

static void wipe_share(struct tlsm_handshake *hs)
{
    tlsm_wipe(hs->share_secret, sizeof hs->share_secret);
    memset(hs->own_share[0], 0, sizeof hs->own_share[0]);
    hs->own_share_length[0] = hs->share_group[0] = 0;
}

/* RFC 8422 §5.7. */
uint8_t tlsm_take_client_key_exchange(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_bytes point;
    uint8_t digest[TLSM_HASH_MAX];
    if (!tlsm_read_vector(tlsm_body(message), 1, 1, &point))
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_absorb_12(work, message) != 0 || tlsm_digest(work->config, hs->hash, &hs->transcript, digest) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    const uint8_t alert = derive_master(work, point, digest);
    wipe_share(hs);
    if (hs->chain_length == 0)   /* nothing will be signed */
        tlsm_end_other_hash(hs);
    return alert;
}

/* RFC 5246 §7.4.8: the digest of everything before this message; both hashes ran until here. */
static int keep_signed_digest(struct tlsm_work *work, uint16_t scheme)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    const uint16_t hash = tlsm_scheme_hash_12(scheme);
    const struct tlsm_hash *transcript = hash == hs->hash ? &hs->transcript : &hs->other;
    return tlsm_digest(work->config, hash, transcript, hs->signed_hash);
}

uint8_t tlsm_take_client_verify_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    struct tlsm_reader reader = tlsm_reader(tlsm_body(message));
    const uint16_t scheme = (uint16_t)tlsm_take_number(&reader, 2);
    const struct tlsm_bytes signature = tlsm_take_vector(&reader, 2);
    if (reader.bad || reader.left != 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (!accepts(work->config->settings, scheme))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    if (keep_signed_digest(work, scheme) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    tlsm_end_other_hash(hs);
    state->scheme = scheme;
    hs->signature_at = tlsm_room_offset(state, signature);
    hs->signature_length = (uint32_t)signature.length;
    tlsm_keep(state, message);
    return tlsm_absorb_12(work, message) == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
}
