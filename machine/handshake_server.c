/* SPDX-License-Identifier: MIT */
/* What a server makes of ClientHello. Order is handshake.def's. */
#include "handshake.h"

/* ------------------------------------------------------------------------------------------------ negotiation */

/* Our preference among what the client offers; 0 none. */
static uint16_t common(struct tlsm_numbers ours, struct tlsm_bytes theirs)
{
    for (size_t i = 0; i < ours.count; i++)
        if (tlsm_list_has(theirs, ours.at[i]))
            return ours.at[i];
    return 0;
}

/* A group the client has sent a share for saves a round trip; else any common one, and a HelloRetryRequest. */
static uint16_t choose_group(const struct tlsm_settings *settings, const struct tlsm_client_hello *hello)
{
    const struct tlsm_numbers ours = tlsm_groups(settings);
    struct tlsm_bytes share;
    for (size_t i = 0; i < ours.count; i++)
        if (tlsm_find_share(hello, ours.at[i], &share))
            return ours.at[i];
    return common(ours, hello->groups);
}

static int names_have(struct tlsm_bytes names, struct tlsm_bytes name)
{
    struct tlsm_reader reader = tlsm_reader(names);
    while (reader.left > 0) {
        const struct tlsm_bytes one = tlsm_take_vector(&reader, 1);
        if (one.length == name.length && memcmp(one.data, name.data, name.length) == 0)
            return 1;
    }
    return 0;
}

/* RFC 7301 §3.2: the server's preference decides; "if the server supports no protocols that the client advertises, then the
 * server SHALL respond with a fatal no_application_protocol alert". A server that has no list does not speak ALPN. */
static uint8_t choose_alpn(struct tlsm_work *work, struct tlsm_bytes names)
{
    const struct tlsm_settings *settings = work->config->settings;
    for (size_t i = 0; i < settings->alpn_count; i++) {
        if (names_have(names, settings->alpn[i])) {
            work->state->alpn = (uint16_t)(i + 1);
            return 0;
        }
    }
    return settings->require_alpn || (settings->alpn_count > 0 && names.length > 0) ? TLSM_ALERT_NO_APPLICATION_PROTOCOL : 0;
}

/* RFC 6066 §8: a response is shown to whoever asks for one by OCSP, whichever responders it trusts. */
void tlsm_tell_status(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    if (hello->wants_status && work->config->settings->credentials[work->state->credential].staple.length > 0)
        tlsm_set_mark(work->state, TLSM_MARK_STATUS_TOLD);
}

static void remember(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    state->control.version = hello->version;
    memcpy(state->client_random, hello->random.data, sizeof state->client_random);
    if (hello->name.length > 0)
        memcpy(hs->name, hello->name.data, hello->name.length);
    hs->name_length = (uint8_t)hello->name.length;
    if (hello->version == TLSM_1_2) {
        tlsm_remember_12(work, hello);
        return;
    }
    memset(hs->session_id, 0, sizeof hs->session_id);
    if (hello->session_id.length > 0)
        memcpy(hs->session_id, hello->session_id.data, hello->session_id.length);
    hs->session_id_length = (uint8_t)hello->session_id.length;
    /* §E.4: "if the client sends a non-empty session ID, the server MUST send the change_cipher_spec" */
    if (hello->session_id.length > 0 && !work->config->settings->no_compatibility)
        state->control.facts |= TLSM_FACT_CCS;
    if (tlsm_has(&hello->extensions, TLSM_EXT_EARLY_DATA))
        hs->flags |= TLSM_HS_EARLY_OFFERED;
    if (work->config->settings->late_auth && tlsm_has(&hello->extensions, TLSM_EXT_POST_HANDSHAKE_AUTH))
        tlsm_set_mark(state, TLSM_MARK_LATE_AUTH);
    for (size_t i = 0; i < hello->psk_modes.length; i++)
        if (hello->psk_modes.data[i] == TLSM_PSK_DHE_KE)
            state->control.facts |= TLSM_FACT_TICKETS_WANTED;
}

static uint8_t start_transcript(struct tlsm_work *work, struct tlsm_bytes message)
{
    const struct tlsm_config *config = work->config;
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    if (tlsm_is_12(work->state))
        return tlsm_begin_transcript_12(work, message) == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
    hs->hash = tlsm_suite_hash(work->state->suite);
    int failed = config->crypto->hash_start(config->self, hs->hash, &hs->transcript);
    hs->other = hs->transcript;
    if (failed == 0)
        failed = tlsm_absorb(config, hs->hash, &hs->transcript, message);
    return failed == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
}

/* Own share and agreed secret at once, so that ServerHello can be made from the state alone. */
static uint8_t respond(struct tlsm_work *work, const struct tlsm_client_hello *hello, uint16_t group)
{
    const struct tlsm_config *config = work->config;
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_span room = { hs->own_share[0], sizeof hs->own_share[0] };
    struct tlsm_bytes share;
    size_t length = 0;
    if (!tlsm_find_share(hello, group, &share))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    if (config->crypto->respond(config->self, group, hs->share_secret[0], share, &room, hs->shared, &length) != 0)
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    tlsm_wipe(hs->share_secret, sizeof hs->share_secret);
    hs->share_group[0] = group;
    hs->own_share_length[0] = (uint16_t)room.capacity;
    hs->shared_length = (uint16_t)length;
    return 0;
}

static uint8_t retry(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    hs->retry_group = work->state->group;
    return tlsm_constant_digest(work->config, hs->hash, hello, hs->signed_hash) == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
}

/* With the credential known: its scheme, then the key exchange or the retry. */
static uint8_t settle(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    const struct tlsm_settings *settings = work->config->settings;
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    struct tlsm_bytes share;
    if (state->credential >= settings->credential_count)
        return TLSM_ALERT_HANDSHAKE_FAILURE;
    const struct tlsm_credential *credential = &settings->credentials[state->credential];
    state->scheme = tlsm_common_scheme(credential, hello->schemes, state->control.version);
    if (state->scheme == 0)
        return TLSM_ALERT_HANDSHAKE_FAILURE;
    if (hs->name_length > 0 && credential->name_count > 0 && tlsm_name_fits(credential, hello->name))
        hs->flags |= TLSM_HS_SNI_ACCEPTED;
    tlsm_tell_status(work, hello);
    if (tlsm_find_share(hello, state->group, &share))
        return respond(work, hello, state->group);
    return retry(work, hello);
}

/* The transcript before this ClientHello is needed no more. What now: the session's keys, or a certificate. A client that can
 * be authenticated to by a session alone gets a second chance after a HelloRetryRequest. */
static uint8_t proceed(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    struct tlsm_bytes share;
    if (tlsm_is_12(state))
        return tlsm_proceed_12(work, hello);
    memset(&hs->other, 0, sizeof hs->other);
    tlsm_settle_early(state);
    if (tlsm_fact(state, TLSM_FACT_RESUMED))
        return respond(work, hello, state->group);
    if (hello->schemes.length == 0) {
        if (tlsm_find_share(hello, state->group, &share))
            return TLSM_ALERT_MISSING_EXTENSION;
        hs->flags |= TLSM_HS_UNSIGNED;
        return retry(work, hello);
    }
    return settle(work, hello);
}

/* Sealed tickets are opened at once; for the caller's cache this only notes that it is to be asked. */
static uint8_t find_session(struct tlsm_work *work, struct tlsm_bytes message, const struct tlsm_client_hello *hello)
{
    struct tlsm_bytes share;
    if (tlsm_is_12(work->state))
        return tlsm_find_session_12(work, hello);
    if (!tlsm_session_offered(hello) || work->state->now_ms == 0 || !tlsm_find_share(hello, work->state->group, &share))
        return 0;   /* without a share a second ClientHello offers its sessions again */
    if (!(work->config->settings->ask & TLSM_ASK_SESSION_BIT))
        return tlsm_find_sealed(work, message, hello);
    tlsm_hs(work->state)->flags |= TLSM_HS_FINDING;
    return 0;
}

static int is_finding(const struct tlsm_state *state) { return (tlsm_hs_const(state)->flags & TLSM_HS_FINDING) != 0; }

/* With the credential chosen, and with it whatever the application settles by the client's name: the protocol, the session,
 * and unless the caller's cache is to be asked, how to go on. */
static uint8_t decide(struct tlsm_work *work, struct tlsm_bytes message, const struct tlsm_client_hello *hello, size_t index)
{
    uint8_t alert = choose_alpn(work, hello->alpn);
    work->state->credential = (uint16_t)index;
    if (alert == 0)
        alert = find_session(work, message, hello);
    if (alert == 0 && !is_finding(work->state))
        alert = proceed(work, hello);
    return alert;
}

static uint8_t negotiate(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    const struct tlsm_settings *settings = work->config->settings;
    if (hello->version == TLSM_1_2)
        return tlsm_negotiate_12(work, hello);
    const uint16_t suite = common(tlsm_suites(settings), hello->suites), group = choose_group(settings, hello);
    if (suite == 0 || group == 0)
        return TLSM_ALERT_HANDSHAKE_FAILURE;
    work->state->suite = suite;
    work->state->group = group;
    return 0;
}

static size_t choose_credential(const struct tlsm_settings *settings, const struct tlsm_client_hello *hello)
{
    return hello->version == TLSM_1_2 ? tlsm_choose_credential_12(settings, hello)
                                      : tlsm_choose_credential(settings, hello->version, hello->name, hello->schemes);
}

uint8_t tlsm_take_client_hello(struct tlsm_work *work, struct tlsm_bytes message)
{
    const struct tlsm_settings *settings = work->config->settings;
    const int choosing = (settings->ask & TLSM_ASK_CREDENTIAL_BIT) != 0;
    struct tlsm_state *state = work->state;
    struct tlsm_client_hello hello;
    uint8_t alert = tlsm_read_client_hello(settings, message, &hello);
    if (alert == 0)
        alert = negotiate(work, &hello);
    if (alert != 0)
        return alert;
    remember(work, &hello);
    if (tlsm_has(&hello.extensions, TLSM_EXT_RECORD_SIZE_LIMIT))
        alert = tlsm_take_record_limit(work, hello.extensions.at[TLSM_EXT_RECORD_SIZE_LIMIT]);
    if (alert == 0)
        alert = start_transcript(work, message);
    if (alert == 0 && tlsm_digest_name(work, hello.name) != 0)
        alert = TLSM_ALERT_INTERNAL_ERROR;
    if (alert == 0 && !choosing)
        alert = decide(work, message, &hello, choose_credential(settings, &hello));
    if (alert == 0 && choosing && tlsm_is_12(state))
        tlsm_blank_schemes_12(work, &hello);
    if (alert == 0 && (choosing || is_finding(state)))
        tlsm_keep(state, message);
    return alert;
}

/* Reads the kept ClientHello again, and takes over what the cache holds. */
static uint8_t take_answer(struct tlsm_work *work, const struct tlsm_answer *answer, struct tlsm_client_hello *hello)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    const struct tlsm_bytes message = tlsm_slice(tlsm_room(state), hs->kept);
    const uint8_t alert = tlsm_read_client_hello(work->config->settings, message, hello);
    hs->flags &= (uint16_t)~TLSM_HS_FINDING;
    if (answer->now_ms != 0)
        state->now_ms = answer->now_ms;
    if (alert != 0 || answer->session == NULL)
        return alert;
    return tlsm_is_12(state) ? tlsm_accept_session_12(work, hello, answer->session)
                             : tlsm_accept_session(work, message, hello, answer->session, answer->identity);
}

static enum tlsm_code answered(struct tlsm_work *work, uint8_t alert)
{
    if (alert == 0)
        return TLSM_OK;
    work->state->control.request = 0;
    return tlsm_fail(work, alert);
}

static int answer_fits(const struct tlsm_work *work, const struct tlsm_answer *answer)
{
    struct tlsm_request request;
    struct tlsm_bytes ticket;
    size_t offset = 0, count = 0;
    (void)tlsm_request(work->config, work->state, &request);
    if (request.session_id.length > 0)
        return answer->session == NULL || answer->identity == 0;
    while (tlsm_identity_next(request.identities, &offset, &ticket))
        count++;
    return answer->session == NULL || answer->identity < count;
}

enum tlsm_code tlsm_answer_session(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    struct tlsm_client_hello hello;
    if (!answer_fits(work, answer))
        return TLSM_BAD_ARGUMENT;
    uint8_t alert = take_answer(work, answer, &hello);
    if (alert == 0)
        alert = proceed(work, &hello);
    if (alert == 0)
        tlsm_release(work->state);
    return answered(work, alert);
}

enum tlsm_code tlsm_answer_credential(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    struct tlsm_state *state = work->state;
    struct tlsm_client_hello hello;
    if (answer->credential >= work->config->settings->credential_count)
        return TLSM_BAD_ARGUMENT;
    const struct tlsm_bytes message = tlsm_slice(tlsm_room(state), tlsm_hs(state)->kept);
    uint8_t alert = tlsm_read_client_hello(work->config->settings, message, &hello);
    if (alert == 0)
        alert = decide(work, message, &hello, answer->credential);
    if (alert == 0 && !is_finding(state))
        tlsm_release(state);
    return answered(work, alert);
}

/* What the second ClientHello brings: the share, and a session or the credential chosen before. */
static uint8_t proceed_again(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    memset(&hs->other, 0, sizeof hs->other);
    if ((hs->flags & TLSM_HS_UNSIGNED) && !tlsm_resumed(work->state))
        return TLSM_ALERT_MISSING_EXTENSION;
    return respond(work, hello, hs->retry_group);
}

enum tlsm_code tlsm_answer_session_again(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    struct tlsm_client_hello hello;
    if (!answer_fits(work, answer))
        return TLSM_BAD_ARGUMENT;
    uint8_t alert = take_answer(work, answer, &hello);
    if (alert == 0)
        alert = proceed_again(work, &hello);
    if (alert == 0)
        tlsm_release(work->state);
    return answered(work, alert);
}

/* §4.2.2: the same ClientHello, with one share of the group we asked for, and without early data. */
uint8_t tlsm_take_client_hello_again(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_client_hello hello;
    struct tlsm_bytes share;
    uint8_t digest[TLSM_HASH_MAX];
    uint8_t alert = tlsm_read_client_hello(work->config->settings, message, &hello);
    if (alert != 0)
        return alert;
    if (tlsm_constant_digest(work->config, hs->hash, &hello, digest) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    if (memcmp(digest, hs->signed_hash, sizeof digest) != 0 || tlsm_has(&hello.extensions, TLSM_EXT_EARLY_DATA))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    if (!tlsm_find_share(&hello, hs->retry_group, &share) || hello.shares.length != 4 + share.length)
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    memset(hs->signed_hash, 0, sizeof hs->signed_hash);
    hs->other = hs->transcript;
    if (tlsm_absorb(work->config, hs->hash, &hs->transcript, message) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    alert = find_session(work, message, &hello);
    if (alert == 0 && !is_finding(work->state))
        return proceed_again(work, &hello);
    if (alert == 0)
        tlsm_keep(work->state, message);
    return alert;
}
