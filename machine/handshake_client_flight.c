/* SPDX-License-Identifier: MIT */
/* The client's side from EncryptedExtensions to its own Finished. Order is handshake.def's. */
#include "handshake.h"

/* ------------------------------------------------------------------------------------------------ server parameters */

static uint8_t absorb(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    return tlsm_absorb(work->config, hs->hash, &hs->transcript, message) == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
}

/* RFC 7301 §3.1: exactly one name, one of ours. */
uint8_t tlsm_take_alpn(struct tlsm_work *work, struct tlsm_bytes data)
{
    const struct tlsm_settings *settings = work->config->settings;
    struct tlsm_bytes names;
    if (!tlsm_read_names(data, &names))
        return TLSM_ALERT_DECODE_ERROR;
    struct tlsm_reader reader = tlsm_reader(names);
    const struct tlsm_bytes name = tlsm_take_vector(&reader, 1);
    if (reader.left != 0)
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    for (size_t i = 0; i < settings->alpn_count; i++) {
        if (settings->alpn[i].length == name.length && memcmp(settings->alpn[i].data, name.data, name.length) == 0) {
            work->state->alpn = (uint16_t)(i + 1);
            return 0;
        }
    }
    return TLSM_ALERT_ILLEGAL_PARAMETER;
}

uint8_t tlsm_take_encrypted_extensions(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_extensions extensions;
    struct tlsm_bytes block, groups;
    if (!tlsm_read_vector(tlsm_body(message), 2, 0, &block))
        return TLSM_ALERT_DECODE_ERROR;
    uint8_t alert = tlsm_read_extensions(block, TLSM_IN_EE, tlsm_offered(work), &extensions);
    if (alert != 0)
        return alert;
    if (extensions.at[TLSM_EXT_SERVER_NAME].length > 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_has(&extensions, TLSM_EXT_SUPPORTED_GROUPS) &&
        !tlsm_read_numbers(extensions.at[TLSM_EXT_SUPPORTED_GROUPS], 2, &groups))
        return TLSM_ALERT_DECODE_ERROR;
    const uint16_t expected = work->state->alpn;   /* what early data speaks */
    work->state->alpn = 0;
    if (tlsm_has(&extensions, TLSM_EXT_ALPN))
        alert = tlsm_take_alpn(work, extensions.at[TLSM_EXT_ALPN]);
    if (alert == 0 && tlsm_has(&extensions, TLSM_EXT_RECORD_SIZE_LIMIT))
        alert = tlsm_take_record_limit(work, extensions.at[TLSM_EXT_RECORD_SIZE_LIMIT]);
    if (alert == 0)
        alert = tlsm_take_early(work, &extensions, expected);
    return alert != 0 ? alert : absorb(work, message);
}

/* ------------------------------------------------------------------------------------------------ authentication */

/* RFC 9846 §4.5.1.1: the OCSP response for a certificate; *staple stays as it is without one. */
static uint8_t read_staple(const struct tlsm_extensions *extensions, struct tlsm_bytes *staple)
{
    if (!tlsm_has(extensions, TLSM_EXT_STATUS_REQUEST))
        return 0;
    return tlsm_read_status(extensions->at[TLSM_EXT_STATUS_REQUEST], staple) ? 0 : TLSM_ALERT_DECODE_ERROR;
}

/* Certificates stay opaque here; their extensions may only answer what we asked for. *staple: the leaf's. */
static uint8_t check_chain(struct tlsm_bytes list, uint32_t offered, struct tlsm_bytes *staple)
{
    struct tlsm_bytes unused;
    struct tlsm_reader reader = tlsm_reader(list);
    while (reader.left > 0) {
        const struct tlsm_bytes certificate = tlsm_take_vector(&reader, 3), block = tlsm_take_vector(&reader, 2);
        const int is_leaf = certificate.data == list.data + 3;
        struct tlsm_extensions extensions;
        if (reader.bad || certificate.length == 0)
            return TLSM_ALERT_DECODE_ERROR;
        uint8_t alert = block.length == 0 ? 0 : tlsm_read_extensions(block, TLSM_IN_CT, offered, &extensions);
        if (alert == 0 && block.length > 0)
            alert = read_staple(&extensions, is_leaf ? staple : &unused);
        if (alert != 0)
            return alert;
    }
    return 0;
}

static int same(struct tlsm_bytes a, struct tlsm_bytes b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

uint8_t tlsm_read_certificate(struct tlsm_work *work, struct tlsm_bytes message, struct tlsm_bytes context, uint32_t offered,
                              uint8_t none)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_reader reader = tlsm_reader(tlsm_body(message));
    const struct tlsm_bytes echoed = tlsm_take_vector(&reader, 1), list = tlsm_take_vector(&reader, 3);
    if (reader.bad || reader.left != 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (!same(echoed, context))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    struct tlsm_bytes staple = { NULL, 0 };
    uint8_t alert = list.length == 0 ? none : check_chain(list, offered, &staple);
    if (alert == 0)
        alert = absorb(work, message);
    if (alert == 0 && tlsm_digest(work->config, hs->hash, &hs->transcript, hs->signed_hash) != 0)
        alert = TLSM_ALERT_INTERNAL_ERROR;
    if (alert != 0 || list.length == 0)
        return alert;
    hs->chain_at = tlsm_room_offset(work->state, list);
    hs->chain_length = (uint32_t)list.length;
    hs->staple_at = tlsm_room_offset(work->state, staple);
    hs->staple_length = (uint32_t)staple.length;
    tlsm_keep(work->state, message);
    return 0;
}

/* §4.5.1: "in the case of server authentication, this field SHALL be zero length"; §4.5.1.3: "If the server supplies an empty
 * Certificate message, the client MUST abort the handshake with a "decode_error" alert." */
uint8_t tlsm_take_certificate(struct tlsm_work *work, struct tlsm_bytes message)
{
    return tlsm_read_certificate(work, message, tlsm_slice(NULL, 0), tlsm_offered(work), TLSM_ALERT_DECODE_ERROR);
}

uint8_t tlsm_take_certificate_verify(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_reader reader = tlsm_reader(tlsm_body(message));
    const uint16_t scheme = (uint16_t)tlsm_take_number(&reader, 2);
    const struct tlsm_bytes signature = tlsm_take_vector(&reader, 2);
    if (reader.bad || reader.left != 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (!tlsm_scheme_signs(scheme, TLSM_1_3) || !tlsm_numbers_have(tlsm_schemes(work->config->settings), scheme))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    work->state->scheme = scheme;
    hs->signature_at = tlsm_room_offset(work->state, signature);
    hs->signature_length = (uint32_t)signature.length;
    tlsm_keep(work->state, message);
    return absorb(work, message);
}

/* ------------------------------------------------------------------------------------------------ Finished */

uint8_t tlsm_take_server_finished(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    struct tlsm_secrets secrets;
    uint8_t digest[TLSM_HASH_MAX];
    uint8_t alert = tlsm_check_finished(work, message, hs->server_handshake, digest);
    if (alert != 0)
        return alert;
    int failed = tlsm_derive_application(work->config, hs->hash, hs->secret, digest, &secrets, state->exporter);
    if (failed == 0)
        failed = tlsm_install_read(work, secrets.server, TLSM_EPOCH_DATA);
    if (failed == 0) {
        memcpy(hs->secret, secrets.running, TLSM_HASH_MAX);
        memcpy(hs->client_traffic, secrets.client, TLSM_HASH_MAX);
        memcpy(hs->server_traffic, secrets.server, TLSM_HASH_MAX);
        memcpy(state->read_secret, secrets.server, TLSM_HASH_MAX);
        work->out->news |= TLSM_NEWS_KEYS;
    }
    tlsm_wipe(&secrets, sizeof secrets);
    return failed == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
}

/* The peer is who it says. A client that was asked for a certificate chooses now which: only this server may know. */
enum tlsm_code tlsm_answer_judge(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    struct tlsm_state *state = work->state;
    const int asked = (tlsm_hs(state)->flags & TLSM_HS_CERTIFICATE_REQUESTED) != 0;
    TLSM_UNUSED(answer);
    if (state->control.role == TLSM_SERVER)
        tlsm_set_mark(state, TLSM_MARK_PEER_SHOWN);
    if (!asked)
        tlsm_release(state);
    else if (!(work->config->settings->ask & TLSM_ASK_CREDENTIAL_BIT))
        tlsm_settle_asked(work);
    return TLSM_OK;
}

enum tlsm_code tlsm_make_client_finished(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const size_t length = tlsm_hash_length(hs->hash);
    uint8_t digest[TLSM_HASH_MAX], resumption[TLSM_HASH_MAX] = { 0 };
    struct tlsm_writer writer;
    struct tlsm_hash transcript;
    struct tlsm_key key;
    enum tlsm_code code = tlsm_put_finished(work, hs->client_handshake, &writer);
    if (code == TLSM_OK)
        code = tlsm_prepare_message(work, &writer, &transcript, digest);
    if (code != TLSM_OK)
        return code;
    if (tlsm_expand_label(work->config, hs->hash, hs->secret, "res master", tlsm_slice(digest, length), resumption,
                          length) != 0 ||
        tlsm_traffic_key(work->config, state->suite, hs->client_traffic, &key) != 0)
        code = TLSM_LIBRARY_FAILED;
    else
        code = tlsm_send_prepared(work, &writer, &transcript);
    if (code == TLSM_OK) {
        memcpy(state->resumption, resumption, TLSM_HASH_MAX);
        memcpy(state->write_secret, hs->client_traffic, TLSM_HASH_MAX);
        tlsm_set_write(work, &key, TLSM_EPOCH_DATA);
    }
    tlsm_wipe(&key, sizeof key);
    tlsm_wipe(resumption, sizeof resumption);
    return code;
}
