/* SPDX-License-Identifier: MIT */
/* What a server of TLS 1.2 agrees to: group, suite, credential and scheme, which have to fit together; or a session of before
 * (RFC 5246 §7.4.1.3, §F.1.4; RFC 8422 §2; RFC 5077 §3.4; RFC 7627 §5.3). */
#include "handshake.h"

/* ------------------------------------------------------------------------------------------------ suites and schemes */

/* RFC 8422 §5.3: "the certificate's public key […] MUST use a curve […] supported by the client". */
static int curve_allowed(const struct tlsm_client_hello *hello, uint16_t scheme)
{
    switch (scheme) {
    case TLSM_ECDSA_SECP256R1_SHA256: return tlsm_list_has(hello->groups, TLSM_SECP256R1);
    case TLSM_ECDSA_SECP384R1_SHA384: return tlsm_list_has(hello->groups, TLSM_SECP384R1);
    }
    return 1;
}

static int scheme_allowed(const struct tlsm_client_hello *hello, uint16_t suite, uint16_t scheme)
{
    return tlsm_scheme_fits_12(suite, scheme) && tlsm_list_has(hello->schemes, scheme) && curve_allowed(hello, scheme);
}

/* The credential's best scheme with this suite and client, 0 none. */
static uint16_t scheme_of(const struct tlsm_credential *credential, const struct tlsm_client_hello *hello, uint16_t suite)
{
    for (size_t i = 0; i < credential->scheme_count; i++)
        if (scheme_allowed(hello, suite, credential->schemes[i]))
            return credential->schemes[i];
    return 0;
}

static uint16_t common(struct tlsm_numbers ours, struct tlsm_bytes theirs)
{
    for (size_t i = 0; i < ours.count; i++)
        if (tlsm_list_has(theirs, ours.at[i]))
            return ours.at[i];
    return 0;
}

/* RFC 5246 §7.4.4: a CertificateRequest names one scheme at least, and here one whose digest is kept. */
static int can_ask(const struct tlsm_settings *settings)
{
    const struct tlsm_numbers schemes = tlsm_schemes(settings);
    int can = settings->client_auth == TLSM_CLIENT_AUTH_NONE;
    for (size_t i = 0; i < schemes.count; i++)
        can |= tlsm_scheme_hash_12(schemes.at[i]) != 0;
    return can;
}

uint8_t tlsm_negotiate_12(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    const struct tlsm_settings *settings = work->config->settings;
    const uint16_t suite = common(tlsm_suites12(settings), hello->suites), group = common(tlsm_groups(settings), hello->groups);
    if (suite == 0 || group == 0 || !can_ask(settings))
        return TLSM_ALERT_HANDSHAKE_FAILURE;
    work->state->suite = suite;
    work->state->group = group;
    return 0;
}

/* Our best suite that both sides and this credential can speak, 0 none. */
static uint16_t suite_for(const struct tlsm_settings *settings, const struct tlsm_client_hello *hello,
                          const struct tlsm_credential *credential)
{
    const struct tlsm_numbers ours = tlsm_suites12(settings);
    for (size_t i = 0; i < ours.count; i++)
        if (tlsm_list_has(hello->suites, ours.at[i]) && scheme_of(credential, hello, ours.at[i]) != 0)
            return ours.at[i];
    return 0;
}

/* The first of the credentials with `suite`; their number when there is none. */
static size_t credential_with(const struct tlsm_settings *settings, const struct tlsm_client_hello *hello, int any_name, uint16_t suite)
{
    size_t i;
    for (i = 0; i < settings->credential_count; i++)
        if ((any_name || tlsm_name_fits(&settings->credentials[i], hello->name)) &&
            scheme_of(&settings->credentials[i], hello, suite) != 0)
            break;
    return i;
}

/* The first credential for the first of our suites that has one. */
static size_t credential_for(const struct tlsm_settings *settings, const struct tlsm_client_hello *hello, int any_name)
{
    const struct tlsm_numbers ours = tlsm_suites12(settings);
    size_t found = settings->credential_count;
    for (size_t i = 0; i < ours.count && found == settings->credential_count; i++)
        if (tlsm_list_has(hello->suites, ours.at[i]))
            found = credential_with(settings, hello, any_name, ours.at[i]);
    return found;
}

size_t tlsm_choose_credential_12(const struct tlsm_settings *settings, const struct tlsm_client_hello *hello)
{
    const size_t named = credential_for(settings, hello, 0);
    return named < settings->credential_count ? named : credential_for(settings, hello, 1);
}

static int scheme_usable(const struct tlsm_settings *settings, const struct tlsm_client_hello *hello, uint16_t scheme)
{
    const struct tlsm_numbers ours = tlsm_suites12(settings);
    for (size_t i = 0; i < ours.count; i++)
        if (tlsm_list_has(hello->suites, ours.at[i]) && scheme_allowed(hello, ours.at[i], scheme))
            return 1;
    return 0;
}

void tlsm_blank_schemes_12(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    uint8_t *at = tlsm_room(work->state) + tlsm_room_offset(work->state, hello->schemes);
    for (size_t i = 0; i + 1 < hello->schemes.length; i += 2)
        if (!scheme_usable(work->config->settings, hello, (uint16_t)(at[i] << 8 | at[i + 1])))
            at[i] = at[i + 1] = 0;
}

/* ------------------------------------------------------------------------------------------------ sessions */

static int in_cache(const struct tlsm_settings *settings) { return (settings->ask & TLSM_ASK_SESSION_BIT) != 0; }

/* RFC 7627 §5.3: a session whose master secret is not extended is not resumed, one whose is by a client that does not extend it
 * any more ends the handshake. Everything else that does not fit makes a full one. */
uint8_t tlsm_accept_session_12(struct tlsm_work *work, const struct tlsm_client_hello *hello, const struct tlsm_session *session)
{
    const struct tlsm_settings *settings = work->config->settings;
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    if (session->version != TLSM_1_2 || !tlsm_session_usable(work, session, tlsm_suite_hash(session->suite)))
        return 0;
    if (!tlsm_list_has(hello->suites, session->suite) || !tlsm_numbers_have(tlsm_suites12(settings), session->suite))
        return 0;
    if (!session->extended_master || (settings->client_auth == TLSM_CLIENT_AUTH_REQUIRE && !session->client_shown))
        return 0;
    if (!tlsm_mark(state, TLSM_MARK_EXTENDED_MASTER))
        return TLSM_ALERT_HANDSHAKE_FAILURE;
    memcpy(hs->secret, session->secret, sizeof hs->secret);
    state->suite = session->suite;
    state->origin_ms = session->origin_ms;
    state->credential = state->scheme = state->group = 0;
    state->control.facts |= TLSM_FACT_RESUMED;
    tlsm_set_mark(state, (session->client_shown ? TLSM_MARK_PEER_SHOWN : 0u) | (in_cache(settings) ? TLSM_MARK_BY_ID : 0u));
    /* RFC 5077 §3.3: a new ticket when the one shown has lived half its time. */
    if (!in_cache(settings) && state->now_ms > session->issued_ms + UINT64_C(500) * session->lifetime_s && tlsm_may_issue_12(work))
        tlsm_set_mark(state, TLSM_MARK_TICKET_TOLD);
    return 0;
}

uint8_t tlsm_find_session_12(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    struct tlsm_session session;
    uint8_t room[TLSM_TICKET_MAX], alert = 0;
    if (work->state->now_ms == 0)
        return 0;
    if (in_cache(work->config->settings)) {
        tlsm_hs(work->state)->flags |= hello->session_id.length > 0 ? TLSM_HS_FINDING : 0;
        return 0;
    }
    if (tlsm_open_ticket(work->config, hello->ticket, room, &session))
        alert = tlsm_accept_session_12(work, hello, &session);
    tlsm_wipe(room, sizeof room);
    tlsm_wipe(&session, sizeof session);
    return alert;
}

/* ------------------------------------------------------------------------------------------------ what was agreed */

/* RFC 9846 §4.2.3: a server that could have spoken TLS 1.3 says so in its random. */
static void put_sentinel(struct tlsm_work *work)
{
    static const uint8_t sentinel[8] = { 'D', 'O', 'W', 'N', 'G', 'R', 'D', 1 };
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    if (tlsm_speaks(work->config->settings, TLSM_1_3))
        memcpy(hs->server_random + sizeof hs->server_random - sizeof sentinel, sentinel, sizeof sentinel);
}

void tlsm_remember_12(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    put_sentinel(work);
    if (tlsm_has(&hello->extensions, TLSM_EXT_EXTENDED_MASTER_SECRET))
        tlsm_set_mark(work->state, TLSM_MARK_EXTENDED_MASTER);
    if (hello->renegotiation_info)
        tlsm_set_mark(work->state, TLSM_MARK_RENEGOTIATION_INFO);
    if (tlsm_has(&hello->extensions, TLSM_EXT_EC_POINT_FORMATS))
        hs->flags |= TLSM_HS_POINT_FORMATS;
    if (tlsm_has(&hello->extensions, TLSM_EXT_SESSION_TICKET))
        work->state->control.facts |= TLSM_FACT_TICKETS_WANTED;
}

/* The session that this handshake makes has a ticket, an id of the caller's cache, or neither. */
static void promise_session(struct tlsm_work *work)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    const int may = tlsm_may_issue_12(work);
    hs->session_id_length = may && in_cache(work->config->settings) ? sizeof hs->session_id : 0;
    if (!may || !in_cache(work->config->settings))
        memset(hs->session_id, 0, sizeof hs->session_id);
    if (may)
        tlsm_set_mark(work->state, in_cache(work->config->settings) ? TLSM_MARK_BY_ID : TLSM_MARK_TICKET_TOLD);
}

static uint8_t settle(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    const struct tlsm_settings *settings = work->config->settings;
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    if (state->credential >= settings->credential_count)
        return TLSM_ALERT_HANDSHAKE_FAILURE;
    const struct tlsm_credential *credential = &settings->credentials[state->credential];
    const uint16_t suite = suite_for(settings, hello, credential);
    if (suite == 0)
        return TLSM_ALERT_HANDSHAKE_FAILURE;
    state->suite = suite;
    state->scheme = scheme_of(credential, hello, suite);
    if (hs->name_length > 0 && credential->name_count > 0 && tlsm_name_fits(credential, hello->name))
        hs->flags |= TLSM_HS_SNI_ACCEPTED;
    tlsm_tell_status(work, hello);
    promise_session(work);
    return tlsm_make_share(work->config, hs, 0, state->group) == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
}

/* RFC 5077 §3.4: "the server MUST respond with the same session ID", whatever it is, when it accepts a ticket. */
static void resume(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    tlsm_wipe(hs->share_secret, sizeof hs->share_secret);
    memset(hs->session_id, 0, sizeof hs->session_id);
    if (hello->session_id.length > 0)
        memcpy(hs->session_id, hello->session_id.data, hello->session_id.length);
    hs->session_id_length = (uint8_t)hello->session_id.length;
}

uint8_t tlsm_proceed_12(struct tlsm_work *work, const struct tlsm_client_hello *hello)
{
    uint8_t alert = 0;
    if (tlsm_resumed(work->state))
        resume(work, hello);
    else
        alert = settle(work, hello);
    if (alert == 0)
        tlsm_fix_transcript_12(work);
    return alert;
}
