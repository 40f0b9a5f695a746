/* SPDX-License-Identifier: MIT */
/* Resuming a session: pre_shared_key as the client offers it and as the server chooses (RFC 9846 §4.3.11), always with a key
 * exchange; and the client's offer of a session of TLS 1.2 (RFC 5077 §3.2, RFC 5246 §7.3). */
#include "handshake.h"

/* A ticket leaves the other extensions of a ClientHello room. */
enum { TICKET_OFFERED_MAX = 32768, LIST_LENGTH = 2, BINDER_LENGTH = 1 };

/* The transcript hash that a binder covers: what came before, and the ClientHello without its binders, whose list takes
 * `binders` bytes with its length. */
static int binder_of(const struct tlsm_config *config, uint16_t hash, const uint8_t early[TLSM_HASH_MAX],
                     const struct tlsm_hash *before, struct tlsm_bytes message, size_t binders,
                     uint8_t binder[TLSM_HASH_MAX])
{
    struct tlsm_hash running = *before;
    uint8_t digest[TLSM_HASH_MAX];
    int failed = tlsm_absorb(config, hash, &running, tlsm_slice(message.data, message.length - binders));
    if (failed == 0)
        failed = tlsm_digest(config, hash, &running, digest);
    return failed != 0 ? failed : tlsm_binder(config, hash, early, digest, binder);
}

/* ------------------------------------------------------------------------------------------------ client */

static int hash_offered(const struct tlsm_settings *settings, uint16_t hash)
{
    const struct tlsm_numbers suites = tlsm_suites(settings);
    for (size_t i = 0; i < suites.count; i++)
        if (tlsm_suite_hash(suites.at[i]) == hash)
            return 1;
    return 0;
}

/* RFC 7627 §5.3: a session whose master secret is not bound is offered by those alone who do without. */
static int usable_12(const struct tlsm_work *work, const struct tlsm_session *session)
{
    const struct tlsm_settings *settings = work->config->settings;
    return tlsm_speaks(settings, TLSM_1_2) && tlsm_numbers_have(tlsm_suites12(settings), session->suite) &&
           (session->extended_master || settings->insecure_master_secret) &&
           tlsm_session_usable(work, session, tlsm_suite_hash(session->suite));
}

/* By its id, or by a ticket, and then an id of ours tells by its echo that the server took it (RFC 5077 §3.4). */
static void offer_12(struct tlsm_work *work, const struct tlsm_session *session)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    memcpy(hs->secret, session->secret, sizeof hs->secret);
    hs->session_hash = session->suite;
    hs->session_origin_ms = session->origin_ms;
    hs->flags |= TLSM_HS_SESSION_12;
    tlsm_set_mark(work->state, session->extended_master ? TLSM_MARK_EXTENDED_MASTER : 0u);
    if (session->by_id) {
        memcpy(hs->session_id, session->ticket.data, session->ticket.length);
        hs->session_id_length = (uint8_t)session->ticket.length;
        return;
    }
    memcpy(hs->session_id, work->in->entropy->session_id, sizeof hs->session_id);
    hs->session_id_length = sizeof hs->session_id;
    hs->ticket_length = hs->kept = hs->used = (uint32_t)session->ticket.length;
    memcpy(tlsm_room(work->state), session->ticket.data, session->ticket.length);
}

int tlsm_offer_session(struct tlsm_work *work)
{
    const struct tlsm_session *session = work->in->session;
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    if (session == NULL || session->ticket.length == 0 || session->ticket.length > TICKET_OFFERED_MAX)
        return 0;
    const uint16_t hash = tlsm_suite_hash(session->suite);
    if (session->version == TLSM_1_2) {
        if (usable_12(work, session))
            offer_12(work, session);
        return 0;
    }
    if (!tlsm_speaks(work->config->settings, TLSM_1_3))
        return 0;
    if (!hash_offered(work->config->settings, hash) || !tlsm_session_usable(work, session, hash))
        return 0;
    if (tlsm_early_secret(work->config, hash, tlsm_slice(session->secret, session->secret_length), hs->secret) != 0)
        return -1;
    const uint64_t age = state->now_ms > session->issued_ms ? state->now_ms - session->issued_ms : 0;
    hs->ticket_age = (uint32_t)((age + session->age_add) & UINT32_MAX);
    hs->session_hash = hash;
    hs->session_origin_ms = session->origin_ms;
    hs->flags |= TLSM_HS_SESSION_OFFERED;
    hs->ticket_length = hs->kept = hs->used = (uint32_t)session->ticket.length;
    memcpy(tlsm_room(state), session->ticket.data, session->ticket.length);
    return tlsm_offer_early(work, session);
}

void tlsm_put_session(struct tlsm_writer *writer, const struct tlsm_state *state)
{
    static const uint8_t blank[TLSM_HASH_MAX] = { 0 };
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    if (!(hs->flags & TLSM_HS_SESSION_OFFERED))
        return;
    size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_PRE_SHARED_KEY);
    size_t list = tlsm_open_vector(writer, 2);
    tlsm_put_number(writer, hs->ticket_length, 2);
    tlsm_put(writer, tlsm_slice(tlsm_room_const(state), hs->ticket_length));
    tlsm_put_number(writer, hs->ticket_age, 4);
    tlsm_close_vector(writer, list, 2);
    list = tlsm_open_vector(writer, LIST_LENGTH);
    size_t binder = tlsm_open_vector(writer, BINDER_LENGTH);
    tlsm_put(writer, tlsm_slice(blank, tlsm_hash_length(hs->session_hash)));
    tlsm_close_vector(writer, binder, BINDER_LENGTH);
    tlsm_close_vector(writer, list, LIST_LENGTH);
    tlsm_close_extension(writer, extension);
}

int tlsm_fill_binder(const struct tlsm_work *work, const struct tlsm_hash *before, struct tlsm_writer *writer)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    const size_t length = tlsm_hash_length(hs->session_hash);
    uint8_t binder[TLSM_HASH_MAX];
    if (!(hs->flags & TLSM_HS_SESSION_OFFERED))
        return 0;
    int failed = binder_of(work->config, hs->session_hash, hs->secret, before, tlsm_made(writer),
                           LIST_LENGTH + BINDER_LENGTH + length, binder);
    if (failed == 0)
        memcpy(writer->data + writer->length - length, binder, length);
    return failed;
}

void tlsm_drop_session(struct tlsm_state *state)
{
    struct tlsm_handshake *hs = tlsm_hs(state);
    hs->flags &= (uint16_t) ~(TLSM_HS_SESSION_OFFERED | TLSM_HS_SESSION_12);
    hs->ticket_length = hs->ticket_age = 0;
    hs->session_hash = 0;
    hs->session_origin_ms = 0;
    state->control.marks &= (uint16_t)~TLSM_MARK_EXTENDED_MASTER;
    tlsm_wipe(hs->secret, sizeof hs->secret);
}

/* ------------------------------------------------------------------------------------------------ server */

int tlsm_session_offered(const struct tlsm_client_hello *hello)
{
    for (size_t i = 0; i < hello->psk_modes.length; i++)
        if (hello->psk_modes.data[i] == TLSM_PSK_DHE_KE)
            return tlsm_has(&hello->extensions, TLSM_EXT_PRE_SHARED_KEY);
    return 0;
}

static struct tlsm_bytes binder_at(const struct tlsm_client_hello *hello, uint16_t index)
{
    struct tlsm_reader reader = tlsm_reader(hello->binders);
    struct tlsm_bytes binder = tlsm_take_vector(&reader, BINDER_LENGTH);
    while (index-- > 0)
        binder = tlsm_take_vector(&reader, BINDER_LENGTH);
    return binder;
}

/* "Prior to accepting PSK key establishment, the server MUST validate the corresponding binder value". */
static uint8_t check_binder(struct tlsm_work *work, struct tlsm_bytes message, const struct tlsm_client_hello *hello,
                            const uint8_t early[TLSM_HASH_MAX], uint16_t identity)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    const size_t length = tlsm_hash_length(hs->hash);
    const struct tlsm_bytes given = binder_at(hello, identity);
    uint8_t expected[TLSM_HASH_MAX];
    if (binder_of(work->config, hs->hash, early, &hs->other, message, LIST_LENGTH + hello->binders.length, expected) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    const int equal = given.length == length && tlsm_equal(given.data, expected, length);
    tlsm_wipe(expected, sizeof expected);
    return equal ? 0 : TLSM_ALERT_DECRYPT_ERROR;
}

/* What was chosen meanwhile for a full handshake is not shown. RFC 6066 §3: when a session is resumed, "the server MUST NOT
 * include a server_name extension in the server hello". */
static void show_nothing(struct tlsm_state *state)
{
    state->credential = state->scheme = 0;
    tlsm_hs(state)->flags &= (uint16_t)~TLSM_HS_SNI_ACCEPTED;
}

uint8_t tlsm_accept_session(struct tlsm_work *work, struct tlsm_bytes message, const struct tlsm_client_hello *hello,
                            const struct tlsm_session *session, uint16_t identity)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    uint8_t early[TLSM_HASH_MAX];
    if (session->version != TLSM_1_3 || !tlsm_session_usable(work, session, hs->hash))
        return 0;
    if (tlsm_early_secret(work->config, hs->hash, tlsm_slice(session->secret, session->secret_length), early) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    const uint8_t alert = check_binder(work, message, hello, early, identity);
    if (alert == 0) {
        memcpy(hs->secret, early, sizeof hs->secret);
        hs->identity = identity;
        state->origin_ms = session->origin_ms;
        state->control.facts |= TLSM_FACT_RESUMED;
        tlsm_set_mark(state, session->client_shown ? TLSM_MARK_PEER_SHOWN : 0);
        show_nothing(state);
    }
    tlsm_wipe(early, sizeof early);
    if (alert == 0 && tlsm_judge_early(work, hello, session, identity, binder_at(hello, identity)) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    return alert;
}

uint8_t tlsm_find_sealed(struct tlsm_work *work, struct tlsm_bytes message, const struct tlsm_client_hello *hello)
{
    struct tlsm_bytes ticket;
    struct tlsm_session session;
    uint8_t room[TLSM_TICKET_MAX];
    size_t offset = 0;
    uint8_t alert = 0;
    for (uint16_t i = 0; i < TLSM_IDENTITIES && tlsm_identity_next(hello->identities, &offset, &ticket); i++) {
        if (!tlsm_open_ticket(work->config, ticket, room, &session))
            continue;
        alert = tlsm_accept_session(work, message, hello, &session, i);
        if (alert != 0 || tlsm_fact(work->state, TLSM_FACT_RESUMED))
            break;
    }
    tlsm_wipe(room, sizeof room);
    tlsm_wipe(&session, sizeof session);
    return alert;
}
