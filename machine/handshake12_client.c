/* SPDX-License-Identifier: MIT */
/* The client's messages of TLS 1.2, from ServerHello on (RFC 5246 §7.4, RFC 8422, RFC 5077). Order is handshake.def's. */
#include "handshake.h"

enum { NAMED_CURVE = 3, RETRY_SECRET = 2 };

/* ------------------------------------------------------------------------------------------------ ServerHello */

/* §4.2.3 of RFC 9846 for who speaks both; whoever took part in a HelloRetryRequest, or sent early data, has left TLS 1.2 behind
 * (RFC 9846 §4.2.4, §D.3). */
static uint8_t check_version(const struct tlsm_work *work, const struct tlsm_server_hello *hello)
{
    const struct tlsm_settings *settings = work->config->settings;
    const uint8_t downgraded = tlsm_speaks(settings, TLSM_1_3) ? tlsm_judge_downgrade(hello->random) : 0;
    if (work->state->control.version != TLSM_VERSION_UNKNOWN)
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    if (downgraded != 0)
        return downgraded;
    return hello->version == TLSM_1_2 && tlsm_speaks(settings, TLSM_1_2) && !tlsm_mark(work->state, TLSM_MARK_EARLY_OFFERED)
               ? 0 : TLSM_ALERT_PROTOCOL_VERSION;
}

/* An echo of our id: the server resumes the session we offered. Of an id that names no session it has nothing to echo. */
static uint8_t judge_echo(const struct tlsm_work *work, const struct tlsm_server_hello *hello, int *resumes)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    *resumes = hs->session_id_length > 0 && hello->session_id.length == hs->session_id_length &&
               tlsm_equal(hello->session_id.data, hs->session_id, hs->session_id_length);
    return *resumes && !(hs->flags & TLSM_HS_SESSION_12) ? TLSM_ALERT_ILLEGAL_PARAMETER : 0;
}

/* RFC 7627 §5.2, §5.3: bound, unless the settings do without; and a session stays what it was. */
static uint8_t judge_binding(const struct tlsm_work *work, int bound, int resumes)
{
    if (resumes && bound != tlsm_mark(work->state, TLSM_MARK_EXTENDED_MASTER))
        return TLSM_ALERT_HANDSHAKE_FAILURE;
    return bound || work->config->settings->insecure_master_secret ? 0 : TLSM_ALERT_HANDSHAKE_FAILURE;
}

/* RFC 5746 §3.4: the field "is not zero" ends the handshake; so does its absence, unless the settings do without. */
static uint8_t judge_renegotiation(const struct tlsm_work *work, const struct tlsm_extensions *extensions)
{
    const struct tlsm_bytes data = extensions->at[TLSM_EXT_RENEGOTIATION_INFO];
    if (!tlsm_has(extensions, TLSM_EXT_RENEGOTIATION_INFO))
        return work->config->settings->insecure_legacy_server ? 0 : TLSM_ALERT_HANDSHAKE_FAILURE;
    return data.length == 1 && data.data[0] == 0 ? 0 : TLSM_ALERT_HANDSHAKE_FAILURE;
}

/* RFC 8422 §5.1.2: "it MUST contain the value 0". */
static uint8_t judge_formats(const struct tlsm_extensions *extensions)
{
    struct tlsm_bytes formats;
    if (!tlsm_has(extensions, TLSM_EXT_EC_POINT_FORMATS))
        return 0;
    if (!tlsm_read_vector(extensions->at[TLSM_EXT_EC_POINT_FORMATS], 1, 1, &formats))
        return TLSM_ALERT_DECODE_ERROR;
    for (size_t i = 0; i < formats.length; i++)
        if (formats.data[i] == 0)
            return 0;
    return TLSM_ALERT_ILLEGAL_PARAMETER;
}

/* Those that only say yes. */
static uint8_t judge_empty(const struct tlsm_extensions *extensions)
{
    return extensions->at[TLSM_EXT_SERVER_NAME].length + extensions->at[TLSM_EXT_EXTENDED_MASTER_SECRET].length +
                       extensions->at[TLSM_EXT_SESSION_TICKET].length + extensions->at[TLSM_EXT_STATUS_REQUEST].length > 0
               ? TLSM_ALERT_DECODE_ERROR : 0;
}

static uint8_t judge_hello(const struct tlsm_work *work, struct tlsm_server_hello *hello, int *resumes)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    uint8_t alert = judge_echo(work, hello, resumes);
    if (alert != 0)
        return alert;
    if (!tlsm_numbers_have(tlsm_suites12(work->config->settings), (uint16_t)hello->suite) || hello->compression != 0 ||
        (*resumes && hello->suite != hs->session_hash))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    alert = tlsm_read_extensions(hello->block, TLSM_IN_SH12, tlsm_offered(work), &hello->extensions);
    if (alert == 0)
        alert = judge_empty(&hello->extensions);
    if (alert == 0)
        alert = judge_formats(&hello->extensions);
    if (alert == 0)
        alert = judge_renegotiation(work, &hello->extensions);
    return alert != 0 ? alert : judge_binding(work, tlsm_has(&hello->extensions, TLSM_EXT_EXTENDED_MASTER_SECRET), *resumes);
}

static void note_extensions(struct tlsm_state *state, const struct tlsm_extensions *extensions)
{
    const int full = !tlsm_fact(state, TLSM_FACT_RESUMED);
    if (tlsm_has(extensions, TLSM_EXT_EXTENDED_MASTER_SECRET))
        tlsm_set_mark(state, TLSM_MARK_EXTENDED_MASTER);
    if (tlsm_has(extensions, TLSM_EXT_RENEGOTIATION_INFO))
        tlsm_set_mark(state, TLSM_MARK_RENEGOTIATION_INFO);
    if (tlsm_has(extensions, TLSM_EXT_SESSION_TICKET))
        tlsm_set_mark(state, TLSM_MARK_TICKET_TOLD);
    if (tlsm_has(extensions, TLSM_EXT_STATUS_REQUEST) && full)
        tlsm_set_mark(state, TLSM_MARK_STATUS_TOLD);
}

/* The session goes on: its secret is there already. Else a new one begins, which may have an id. */
static void take_session(struct tlsm_state *state, const struct tlsm_server_hello *hello, int resumes)
{
    struct tlsm_handshake *hs = tlsm_hs(state);
    if (resumes) {
        state->origin_ms = hs->session_origin_ms;
        state->control.facts |= TLSM_FACT_RESUMED;
        tlsm_wipe_shares(hs);
        return;
    }
    tlsm_drop_session(state);
    memset(hs->session_id, 0, sizeof hs->session_id);
    if (hello->session_id.length > 0)
        memcpy(hs->session_id, hello->session_id.data, hello->session_id.length);
    hs->session_id_length = (uint8_t)hello->session_id.length;
}

uint8_t tlsm_take_server_hello_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    struct tlsm_server_hello hello;
    int resumes = 0;
    uint8_t alert = tlsm_parse_server_hello(message, &hello);
    if (alert == 0)
        alert = check_version(work, &hello);
    if (alert == 0)
        alert = judge_hello(work, &hello, &resumes);
    if (alert == 0 && tlsm_has(&hello.extensions, TLSM_EXT_ALPN))
        alert = tlsm_take_alpn(work, hello.extensions.at[TLSM_EXT_ALPN]);
    if (alert != 0)
        return alert;
    take_session(state, &hello, resumes);
    note_extensions(state, &hello.extensions);
    tlsm_start_12(state, (uint16_t)hello.suite);
    if (tlsm_has(&hello.extensions, TLSM_EXT_RECORD_SIZE_LIMIT))
        alert = tlsm_take_record_limit(work, hello.extensions.at[TLSM_EXT_RECORD_SIZE_LIMIT]);
    if (alert != 0)
        return alert;
    memcpy(hs->server_random, hello.random.data, sizeof hs->server_random);
    if (resumes)
        tlsm_end_other_hash(hs);   /* nobody signs */
    const int failed = tlsm_absorb_12(work, message);
    hs->ticket_length = 0;
    tlsm_release(state);           /* the ticket offered */
    return failed == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
}

/* ------------------------------------------------------------------------------------------------ the server's flight */

static uint8_t keep(struct tlsm_work *work, struct tlsm_bytes message)
{
    tlsm_keep(work->state, message);
    return tlsm_absorb_12(work, message) == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
}

uint8_t tlsm_take_certificate_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_bytes chain;
    const uint8_t alert = tlsm_read_chain_12(tlsm_body(message), 1, &chain);
    if (alert != 0)
        return alert;
    hs->chain_at = tlsm_room_offset(work->state, chain);
    hs->chain_length = (uint32_t)chain.length;
    return keep(work, message);
}

/* RFC 6066 §8. */
uint8_t tlsm_take_certificate_status(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_bytes response;
    if (!tlsm_read_status(tlsm_body(message), &response))
        return TLSM_ALERT_DECODE_ERROR;
    hs->staple_at = tlsm_room_offset(work->state, response);
    hs->staple_length = (uint32_t)response.length;
    return keep(work, message);
}

/* The share for the group comes from the entropy that was meant for it in a ClientHello of TLS 1.3; of a group that would have been
 * asked for, from that of the retry. */
static int have_share(const struct tlsm_work *work, uint16_t group)
{
    const struct tlsm_settings *settings = work->config->settings;
    const struct tlsm_numbers groups = tlsm_groups(settings);
    size_t index = 0;
    while (index < tlsm_offered_shares(settings) && groups.at[index] != group)
        index++;
    return tlsm_replace_shares(work, index < tlsm_offered_shares(settings) ? index : RETRY_SECRET, group);
}

/* Whoever signed the share is judged when all has come; whether it is one is known at once. */
static uint8_t agree_on(struct tlsm_work *work, uint16_t group, struct tlsm_bytes point)
{
    const struct tlsm_config *config = work->config;
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    size_t length = 0;
    if (have_share(work, group) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    const struct tlsm_bytes own = tlsm_slice(hs->own_share[0], hs->own_share_length[0]);
    if (config->crypto->agree(config->self, group, hs->share_secret[0], own, point, hs->shared, &length) != 0) {
        tlsm_wipe(hs->shared, sizeof hs->shared);
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    }
    hs->shared_length = (uint16_t)length;
    work->state->group = group;
    tlsm_wipe(hs->share_secret, sizeof hs->share_secret);
    return 0;
}

static uint8_t take_params(struct tlsm_work *work, struct tlsm_reader *reader)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    const struct tlsm_bytes from = tlsm_slice(reader->data, reader->left);
    const uint32_t type = tlsm_take_number(reader, 1), group = tlsm_take_number(reader, 2);
    const struct tlsm_bytes point = tlsm_take_vector(reader, 1);
    if (reader->bad || point.length == 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (type != NAMED_CURVE || !tlsm_numbers_have(tlsm_groups(work->config->settings), (uint16_t)group) ||
        from.length - reader->left > TLSM_PARAMS_MAX)
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    hs->peer_at = tlsm_room_offset(work->state, from);
    hs->peer_length = (uint32_t)(from.length - reader->left);
    return agree_on(work, (uint16_t)group, point);
}

uint8_t tlsm_take_server_key_exchange(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    struct tlsm_reader reader = tlsm_reader(tlsm_body(message));
    const uint8_t alert = take_params(work, &reader);
    if (alert != 0)
        return alert;
    const uint16_t scheme = (uint16_t)tlsm_take_number(&reader, 2);
    const struct tlsm_bytes signature = tlsm_take_vector(&reader, 2);
    if (reader.bad || reader.left != 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (!tlsm_scheme_fits_12(state->suite, scheme) || !tlsm_numbers_have(tlsm_schemes(work->config->settings), scheme))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    state->scheme = scheme;
    hs->signature_at = tlsm_room_offset(state, signature);
    hs->signature_length = (uint32_t)signature.length;
    return keep(work, message);
}

uint8_t tlsm_take_certificate_request_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_asked asked;
    const uint8_t alert = tlsm_read_asked_12(tlsm_body(message), &asked);
    if (alert != 0)
        return alert;
    tlsm_keep_asked(work->state, message);
    return tlsm_absorb_12(work, message) == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
}

uint8_t tlsm_take_server_hello_done(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    if (message.length != 4)
        return TLSM_ALERT_DECODE_ERROR;
    if (!(hs->flags & TLSM_HS_CERTIFICATE_REQUESTED))
        tlsm_end_other_hash(hs);
    return tlsm_absorb_12(work, message) == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
}

/* ------------------------------------------------------------------------------------------------ our certificate */

/* Chain, signature and share are what they said. */
enum tlsm_code tlsm_answer_judge_12(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    return tlsm_answer_judge(work, answer);
}

enum tlsm_code tlsm_make_client_certificate_12(struct tlsm_work *work)
{
    const struct tlsm_settings *settings = work->config->settings;
    const uint16_t index = work->state->credential;
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_CERTIFICATE);
    tlsm_put_chain_12(&writer, index != TLSM_NO_CREDENTIAL ? &settings->credentials[index] : NULL);
    return tlsm_send_message_12(work, &writer);
}

/* What ClientKeyExchange leads to; copies, until it is made. */
struct exchange {
    struct tlsm_hash transcript, other;
    uint8_t session_hash[TLSM_HASH_MAX], signed_hash[TLSM_HASH_MAX], master[TLSM_HASH_MAX];
};

/* The digest to sign: of all messages so far (RFC 5246 §7.4.8), by the scheme's hash. */
static int digest_to_sign(const struct tlsm_work *work, struct exchange *exchange)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    const uint16_t hash = tlsm_scheme_hash_12(work->state->scheme);
    if (!(hs->flags & TLSM_HS_CERTIFICATE_REQUESTED) || work->state->credential == TLSM_NO_CREDENTIAL)
        return 0;
    return tlsm_digest(work->config, hash, hash == hs->hash ? &exchange->transcript : &exchange->other, exchange->signed_hash);
}

/* RFC 7627 §4: the session hash covers all messages "up to and including the ClientKeyExchange". */
static enum tlsm_code prepare_exchange(struct tlsm_work *work, struct tlsm_writer *writer, struct exchange *exchange)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    const enum tlsm_code code = tlsm_prepare_message(work, writer, &exchange->transcript, exchange->session_hash);
    exchange->other = hs->other;
    if (code != TLSM_OK)
        return code;
    if (tlsm_absorb_other(work, &exchange->other, tlsm_made(writer)) != 0 || digest_to_sign(work, exchange) != 0 ||
        tlsm_master_secret(work, tlsm_slice(hs->shared, hs->shared_length), exchange->session_hash, exchange->master) != 0)
        return TLSM_LIBRARY_FAILED;
    return tlsm_send_prepared(work, writer, &exchange->transcript);
}

enum tlsm_code tlsm_make_client_key_exchange(struct tlsm_work *work)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_CLIENT_KEY_EXCHANGE);
    struct exchange exchange = { .signed_hash = { 0 } };
    tlsm_put_number(&writer, hs->own_share_length[0], 1);
    tlsm_put(&writer, tlsm_slice(hs->own_share[0], hs->own_share_length[0]));
    const enum tlsm_code code = prepare_exchange(work, &writer, &exchange);
    if (code == TLSM_OK) {
        memcpy(hs->secret, exchange.master, sizeof hs->secret);
        memcpy(hs->signed_hash, exchange.signed_hash, sizeof hs->signed_hash);
        tlsm_wipe(hs->shared, sizeof hs->shared);
        hs->shared_length = 0;
        tlsm_wipe_shares(hs);
        tlsm_end_other_hash(hs);
    }
    tlsm_wipe(&exchange, sizeof exchange);
    return code;
}

enum tlsm_code tlsm_make_certificate_verify_12(struct tlsm_work *work)
{
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_CERTIFICATE_VERIFY);
    tlsm_put_signature(&writer, work->state);
    const enum tlsm_code code = tlsm_send_message_12(work, &writer);
    if (code == TLSM_OK)
        tlsm_release(work->state);
    return code;
}

/* ------------------------------------------------------------------------------------------------ NewSessionTicket */

/* RFC 5077 §3.3. An empty one is none. */
uint8_t tlsm_take_ticket_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_reader reader = tlsm_reader(tlsm_body(message));
    const uint32_t lifetime_s = tlsm_take_number(&reader, 4);
    const struct tlsm_bytes ticket = tlsm_take_vector(&reader, 2);
    if (reader.bad || reader.left != 0)
        return TLSM_ALERT_DECODE_ERROR;
    hs->ticket_lifetime = lifetime_s;
    hs->ticket_at = tlsm_room_offset(work->state, ticket);
    hs->ticket_length = (uint32_t)ticket.length;
    return keep(work, message);
}
