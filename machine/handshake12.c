/* SPDX-License-Identifier: MIT */
/* What both roles of TLS 1.2 do alike: the two transcripts, Certificate, what is signed, ChangeCipherSpec, Finished, and what is left of
 * the session (RFC 5246 §7.1, §7.4). Order is handshake.def's. */
#include "handshake.h"

enum { RANDOM = 32, LIFETIME = 4, UNTOLD_LIFETIME_S = 7200 };

/* ------------------------------------------------------------------------------------------------ two transcripts */

/* Which hash a CertificateVerify covers is known only once it is made or comes: both run on until then. */
void tlsm_start_12(struct tlsm_state *state, uint16_t suite)
{
    struct tlsm_handshake *hs = tlsm_hs(state);
    const struct tlsm_hash as_256 = hs->transcript;
    state->suite = suite;
    state->control.version = TLSM_1_2;
    hs->hash = tlsm_suite_hash(suite);
    if (hs->hash != TLSM_SHA384)
        return;
    hs->transcript = hs->other;
    hs->other = as_256;
}

static uint16_t other_hash(const struct tlsm_handshake *hs) { return hs->hash == TLSM_SHA384 ? TLSM_SHA256 : TLSM_SHA384; }

void tlsm_end_other_hash(struct tlsm_handshake *hs) { memset(&hs->other, 0, sizeof hs->other); }

int tlsm_absorb_other(const struct tlsm_work *work, struct tlsm_hash *other, struct tlsm_bytes message)
{
    return other->length > 0 ? tlsm_absorb(work->config, other_hash(tlsm_hs_const(work->state)), other, message) : 0;
}

int tlsm_absorb_12(const struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    const int failed = tlsm_absorb(work->config, hs->hash, &hs->transcript, message);
    return failed == 0 ? tlsm_absorb_other(work, &hs->other, message) : failed;
}

enum tlsm_code tlsm_send_message_12(struct tlsm_work *work, struct tlsm_writer *writer)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_hash transcript, other = hs->other;
    enum tlsm_code code = tlsm_prepare_message(work, writer, &transcript, NULL);
    if (code == TLSM_OK && tlsm_absorb_other(work, &other, tlsm_made(writer)) != 0)
        code = TLSM_LIBRARY_FAILED;
    if (code == TLSM_OK)
        code = tlsm_send_prepared(work, writer, &transcript);
    if (code == TLSM_OK)
        hs->other = other;
    return code;
}

int tlsm_begin_transcript_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    const struct tlsm_config *config = work->config;
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    hs->hash = tlsm_suite_hash(work->state->suite);
    int failed = config->crypto->hash_start(config->self, hs->hash, &hs->transcript);
    if (failed == 0)
        failed = config->crypto->hash_start(config->self, other_hash(hs), &hs->other);
    if (failed == 0)
        failed = tlsm_absorb(config, hs->hash, &hs->transcript, message);
    return failed != 0 ? failed : tlsm_absorb(config, other_hash(hs), &hs->other, message);
}

void tlsm_fix_transcript_12(struct tlsm_work *work)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    const struct tlsm_hash before = hs->transcript;
    if (hs->hash != tlsm_suite_hash(work->state->suite)) {
        hs->hash = tlsm_suite_hash(work->state->suite);
        hs->transcript = hs->other;
        hs->other = before;
    }
    if (work->config->settings->client_auth == TLSM_CLIENT_AUTH_NONE || tlsm_resumed(work->state))
        tlsm_end_other_hash(hs);
}

/* ------------------------------------------------------------------------------------------------ Certificate */

uint8_t tlsm_read_chain_12(struct tlsm_bytes body, size_t least, struct tlsm_bytes *chain)
{
    struct tlsm_bytes list;
    size_t count = 0;
    if (!tlsm_read_vector(body, 3, 0, &list))
        return TLSM_ALERT_DECODE_ERROR;
    struct tlsm_reader reader = tlsm_reader(list);
    for (; reader.left > 0; count++)
        if (tlsm_take_vector(&reader, 3).length == 0)
            return TLSM_ALERT_DECODE_ERROR;
    *chain = body;
    return reader.bad || count < least ? TLSM_ALERT_DECODE_ERROR : 0;
}

void tlsm_put_chain_12(struct tlsm_writer *writer, const struct tlsm_credential *credential)
{
    size_t list = tlsm_open_vector(writer, 3);
    for (size_t i = 0; credential != NULL && i < credential->chain_count; i++) {
        tlsm_put_number(writer, (uint32_t)credential->chain[i].length, 3);
        tlsm_put(writer, credential->chain[i]);
    }
    tlsm_close_vector(writer, list, 3);
}

/* ------------------------------------------------------------------------------------------------ signatures */

static int wants_curve_key(uint16_t suite)
{
    return suite == TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256 || suite == TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384 ||
           suite == TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256;
}

int tlsm_scheme_fits_12(uint16_t suite, uint16_t scheme)
{
    const int curve = scheme == TLSM_ECDSA_SECP256R1_SHA256 || scheme == TLSM_ECDSA_SECP384R1_SHA384 || scheme == TLSM_ED25519;
    return tlsm_scheme_signs(scheme, TLSM_1_2) && curve == wants_curve_key(suite);
}

uint16_t tlsm_scheme_hash_12(uint16_t scheme)
{
    switch (scheme) {
    case TLSM_ECDSA_SECP256R1_SHA256: case TLSM_RSA_PSS_RSAE_SHA256: case TLSM_RSA_PSS_PSS_SHA256: case TLSM_RSA_PKCS1_SHA256:
        return TLSM_SHA256;
    case TLSM_ECDSA_SECP384R1_SHA384: case TLSM_RSA_PSS_RSAE_SHA384: case TLSM_RSA_PSS_PSS_SHA384: case TLSM_RSA_PKCS1_SHA384:
        return TLSM_SHA384;
    }
    return 0;
}

void tlsm_put_exchange_content(const struct tlsm_state *state, struct tlsm_bytes params, struct tlsm_request *request)
{
    struct tlsm_writer writer = { request->content, sizeof request->content, 0 };
    tlsm_put(&writer, tlsm_slice(state->client_random, RANDOM));
    tlsm_put(&writer, tlsm_slice(tlsm_hs_const(state)->server_random, RANDOM));
    tlsm_put(&writer, params);
    request->content_length = writer.length;
}

/* What a client signs is the transcript, which was not kept: its digest. */
static void fill_digest(const struct tlsm_state *state, struct tlsm_request *request)
{
    request->digested = 1;
    request->content_length = tlsm_hash_length(tlsm_scheme_hash_12(state->scheme));
    memcpy(request->content, tlsm_hs_const(state)->signed_hash, request->content_length);
}

/* A server signs its parameters, a client the transcript. */
void tlsm_fill_request_12(const struct tlsm_state *state, struct tlsm_request *request)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const int client = state->control.role == TLSM_CLIENT;
    uint8_t params[4 + sizeof ((struct tlsm_handshake *)NULL)->own_share[0]];
    struct tlsm_writer own = { params, sizeof params, 0 };
    if (client == (request->kind == TLSM_ASK_SIGN)) {
        fill_digest(state, request);
    } else if (client) {
        tlsm_put_exchange_content(state, tlsm_slice(tlsm_room_const(state) + hs->peer_at, hs->peer_length), request);
    } else {
        tlsm_put_params_12(&own, state);
        tlsm_put_exchange_content(state, tlsm_made(&own), request);
    }
}

static enum tlsm_role peer(const struct tlsm_state *state)
{
    return state->control.role == TLSM_CLIENT ? TLSM_SERVER : TLSM_CLIENT;
}

/* Which of the two keys is whose: the client's is the first. */
static int of(enum tlsm_role role) { return role == TLSM_CLIENT ? 0 : 1; }

/* ------------------------------------------------------------------------------------------------ ChangeCipherSpec */

enum tlsm_code tlsm_make_ccs_12(struct tlsm_work *work)
{
    struct tlsm_key key[2];
    if (tlsm_keys_12(work, tlsm_hs_const(work->state)->secret, key) != 0)
        return TLSM_LIBRARY_FAILED;
    const enum tlsm_code code = tlsm_make_ccs(work);
    if (code == TLSM_OK)
        tlsm_set_write(work, &key[of((enum tlsm_role)work->state->control.role)], TLSM_EPOCH_DATA);
    tlsm_wipe(key, sizeof key);
    return code;
}

uint8_t tlsm_take_ccs_12(struct tlsm_work *work, struct tlsm_bytes nothing)
{
    struct tlsm_key key[2];
    TLSM_UNUSED(nothing);
    if (tlsm_keys_12(work, tlsm_hs_const(work->state)->secret, key) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    tlsm_set_read(work, &key[of(peer(work->state))], TLSM_EPOCH_DATA);
    tlsm_wipe(key, sizeof key);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ Finished */

/* What outlives the handshake: told with the first Finished. */
static void keep_secrets(struct tlsm_work *work)
{
    static const uint8_t none[TLSM_HASH_MAX] = { 0 };
    struct tlsm_state *state = work->state;
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    work->out->news |= tlsm_equal(state->exporter, none, sizeof none) ? TLSM_NEWS_KEYS : 0u;
    memcpy(state->exporter, hs->secret, sizeof state->exporter);
    memset(state->resumption, 0, sizeof state->resumption);
    memcpy(state->resumption, hs->server_random, sizeof hs->server_random);
}

enum tlsm_code tlsm_make_finished_12(struct tlsm_work *work)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    uint8_t verify_data[TLSM_FINISHED_12];
    if (tlsm_verify_data_12(work, &hs->transcript, (enum tlsm_role)work->state->control.role, verify_data) != 0)
        return TLSM_LIBRARY_FAILED;
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_FINISHED);
    tlsm_put(&writer, tlsm_slice(verify_data, sizeof verify_data));
    const enum tlsm_code code = tlsm_send_message(work, &writer, NULL);
    if (code == TLSM_OK)
        keep_secrets(work);
    return code;
}

uint8_t tlsm_take_finished_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    const struct tlsm_bytes body = tlsm_body(message);
    uint8_t expected[TLSM_FINISHED_12];
    if (body.length != sizeof expected)
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_verify_data_12(work, &hs->transcript, peer(work->state), expected) != 0 ||
        tlsm_absorb(work->config, hs->hash, &hs->transcript, message) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    const int equal = tlsm_equal(body.data, expected, sizeof expected);
    tlsm_wipe(expected, sizeof expected);
    if (!equal)
        return TLSM_ALERT_DECRYPT_ERROR;
    keep_secrets(work);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the session */

/* Behind the state: the lifetime told, then the ticket or the id. */
static size_t put_behind(struct tlsm_state *state, const uint8_t *ticket, size_t length, uint32_t lifetime_s)
{
    uint8_t *behind = (uint8_t *)(state + 1);
    struct tlsm_writer writer = { behind, LIFETIME, 0 };
    memmove(behind + LIFETIME, ticket, length);   /* down: what is there, it overwrites */
    tlsm_put_number(&writer, lifetime_s, LIFETIME);
    return LIFETIME + length;
}

/* Server: of a session for the caller's cache, which is new. */
static size_t leave_id(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    uint8_t id[sizeof hs->session_id];
    if (tlsm_resumed(state) || !tlsm_mark(state, TLSM_MARK_BY_ID))
        return 0;
    memcpy(id, hs->session_id, sizeof id);
    state->tickets_made++;
    state->control.facts |= TLSM_FACT_TICKETS;
    return put_behind(state, id, sizeof id, tlsm_lifetime(work->config, state));
}

size_t tlsm_leave_ticket(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const int full = !tlsm_fact(state, TLSM_FACT_RESUMED), told = hs->ticket_at != 0 && hs->ticket_length > 0;
    const int by_id = full && !told && hs->session_id_length > 0;
    uint8_t id[sizeof hs->session_id];
    if (!tlsm_is_12(state))
        return 0;
    if (state->control.role == TLSM_SERVER)
        return leave_id(work);
    if (told || by_id || !full)
        state->control.facts |= TLSM_FACT_TICKETS;   /* one that was resumed may be once more */
    if (told)
        return put_behind(state, tlsm_room_const(state) + hs->ticket_at, hs->ticket_length, hs->ticket_lifetime);
    if (!by_id)
        return 0;
    const size_t length = hs->session_id_length;
    memcpy(id, hs->session_id, length);
    tlsm_set_mark(state, TLSM_MARK_BY_ID);
    return put_behind(state, id, length, 0);
}

/* RFC 5077 §3.3: a lifetime of zero is none that was told; RFC 5246 tells none for an id. */
static uint32_t lifetime_of(uint32_t told_s) { return told_s != 0 ? told_s : UNTOLD_LIFETIME_S; }

int tlsm_ticket_left(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_session *session)
{
    if (state->control.behind != TLSM_BEHIND_TICKET || state->control.rx != TLSM_RX_OPEN)
        return 0;
    struct tlsm_reader reader = tlsm_reader(tlsm_slice((const uint8_t *)(state + 1), state->length - sizeof *state));
    session->lifetime_s = lifetime_of(tlsm_take_number(&reader, LIFETIME));
    session->ticket = tlsm_slice(reader.data, reader.left);
    session->secret_length = TLSM_HASH_MAX;
    memcpy(session->secret, state->exporter, TLSM_HASH_MAX);
    session->suite = state->suite;
    session->version = TLSM_1_2;
    session->extended_master = (uint8_t)tlsm_mark(state, TLSM_MARK_EXTENDED_MASTER);
    session->by_id = (uint8_t)tlsm_mark(state, TLSM_MARK_BY_ID);
    session->issued_ms = state->now_ms;
    session->origin_ms = state->origin_ms;
    session->context = config->settings->session_context;
    memcpy(session->name_digest, state->name_digest, sizeof session->name_digest);
    return 1;
}
