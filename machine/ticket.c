/* SPDX-License-Identifier: MIT */
/* Session tickets as a server makes them: sealed, or keys of the caller's cache. All of a ticket that has to be unpredictable
 * comes from the connection's resumption secret and the ticket's number, so that no entropy is needed after the start, and
 * the same step makes the same ticket. RFC 9846 §4.7.1. */
#include "event.h"
#include "handshake.h"

/* A sealed ticket: key name ‖ salt ‖ AES-256-GCM(serialised session), under a key of its own, which the salt selects. */
enum { KEY_NAME = 16, SALT = 32, AAD = KEY_NAME + SALT, NONCE = 2, TICKETS_MAX = 65535, LIFETIME_S = 7200 };

static int in_cache(const struct tlsm_settings *settings) { return (settings->ask & TLSM_ASK_SESSION_BIT) != 0; }

/* ------------------------------------------------------------------------------------------------ sealing */

/* The key of one ticket, used once: HMAC-SHA256 of its salt is all of it, and no nonce is needed. A part of the salt names it. */
static int sealing_key(const struct tlsm_config *config, const struct tlsm_ticket_key *key, struct tlsm_bytes salt,
                       struct tlsm_key *to)
{
    uint8_t secret[TLSM_HASH_MAX];
    int failed = config->crypto->hmac(config->self, TLSM_SHA256, tlsm_slice(key->secret, sizeof key->secret), &salt, 1,
                                      secret);
    memset(to, 0, sizeof *to);
    if (failed == 0) {
        to->suite = TLSM_AES_256_GCM_SHA384;
        memcpy(to->key, secret, TLSM_KEY_MAX);
        memcpy(&to->id, salt.data, sizeof to->id);
    }
    tlsm_wipe(secret, sizeof secret);
    return failed;
}

static void drop_key(const struct tlsm_config *config, struct tlsm_key *key)
{
    config->crypto->forget(config->self, key->id);
    tlsm_wipe(key, sizeof *key);
}

/* `room` begins with the salt's place filled; it gets the whole ticket. Its length, 0 when the provider fails. */
static size_t seal_ticket(const struct tlsm_config *config, const struct tlsm_session *session,
                          uint8_t room[TLSM_TICKET_MAX])
{
    const struct tlsm_ticket_key *key = &config->settings->ticket_keys[0];
    struct tlsm_session inner = *session;
    struct tlsm_key sealing;
    memcpy(room, key->name, KEY_NAME);
    if (sealing_key(config, key, tlsm_slice(room + KEY_NAME, SALT), &sealing) != 0) {
        tlsm_wipe(&inner, sizeof inner);
        return 0;
    }
    inner.ticket = tlsm_slice(NULL, 0);
    struct tlsm_span plain = { room + AAD, TLSM_TICKET_MAX - AAD - TLSM_TAG };
    const size_t length = tlsm_session_write(&inner, plain);
    const int failed = length == 0 || config->crypto->seal(config->self, &sealing, tlsm_slice(room, AAD),
                                                           tlsm_slice(plain.data, length), tlsm_slice(NULL, 0), plain.data);
    drop_key(config, &sealing);
    tlsm_wipe(&inner, sizeof inner);
    return failed ? 0 : AAD + length + TLSM_TAG;
}

static int open_with(const struct tlsm_config *config, const struct tlsm_ticket_key *key, struct tlsm_bytes ticket,
                     uint8_t room[TLSM_TICKET_MAX])
{
    struct tlsm_key opening;
    if (sealing_key(config, key, tlsm_slice(ticket.data + KEY_NAME, SALT), &opening) != 0)
        return 0;
    const int failed = config->crypto->open(config->self, &opening, tlsm_slice(ticket.data, AAD),
                                            tlsm_slice(ticket.data + AAD, ticket.length - AAD), room);
    drop_key(config, &opening);
    return failed == 0;
}

int tlsm_open_ticket(const struct tlsm_config *config, struct tlsm_bytes ticket, uint8_t room[TLSM_TICKET_MAX],
                     struct tlsm_session *session)
{
    const struct tlsm_settings *settings = config->settings;
    memset(session, 0, sizeof *session);
    if (ticket.length <= AAD + TLSM_TAG || ticket.length > TLSM_TICKET_MAX)
        return 0;
    for (size_t i = 0; i < settings->ticket_key_count; i++)
        if (memcmp(ticket.data, settings->ticket_keys[i].name, KEY_NAME) == 0 &&
            open_with(config, &settings->ticket_keys[i], ticket, room))
            return tlsm_session_read(tlsm_slice(room, ticket.length - AAD - TLSM_TAG), session);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ issuing */

int tlsm_may_issue(const struct tlsm_config *config, const struct tlsm_state *state)
{
    const struct tlsm_settings *settings = config->settings;
    const unsigned numbered = (unsigned)state->tickets_made + state->control.tickets;
    return !tlsm_is_12(state) && tlsm_fact(state, TLSM_FACT_TICKETS_WANTED) && (settings->ticket_key_count > 0 || in_cache(settings)) &&
           tlsm_session_left_s(config, state) > 0 && numbered < TICKETS_MAX && tlsm_ticket_fits(config, state);
}

/* A7: a connection that is closing already owes none. TLS 1.2 has them in the handshake alone. */
void tlsm_owe_tickets(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    if (state->control.role == TLSM_SERVER && !tlsm_is_12(state) && state->control.tx == TLSM_TX_OPEN && tlsm_may_issue(work->config, state))
        state->control.tickets = work->config->settings->tickets;
}

static int expand(const struct tlsm_config *config, const struct tlsm_state *state, const char *label,
                  struct tlsm_bytes nonce, uint8_t *to, size_t length)
{
    return tlsm_expand_label(config, tlsm_suite_hash(state->suite), state->resumption, label, nonce, to, length);
}

uint32_t tlsm_lifetime(const struct tlsm_config *config, const struct tlsm_state *state)
{
    const uint32_t given = config->settings->ticket_lifetime_s, left = tlsm_session_left_s(config, state);
    const uint32_t most = given != 0 ? given : LIFETIME_S;
    return most < left ? most : left;
}

static void fill_common(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_session *session)
{
    memset(session, 0, sizeof *session);
    session->client_shown = (uint8_t)tlsm_mark(state, TLSM_MARK_PEER_SHOWN);
    session->suite = state->suite;
    session->version = state->control.version;
    session->lifetime_s = tlsm_lifetime(config, state);
    session->issued_ms = state->now_ms;
    session->origin_ms = state->origin_ms;
    session->context = config->settings->session_context;
    memcpy(session->name_digest, state->name_digest, sizeof session->name_digest);
}

static int fill_session(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_bytes nonce,
                         struct tlsm_session *session)
{
    uint8_t add[4];
    fill_common(config, state, session);
    session->early_max = config->settings->early_max;
    session->secret_length = (uint32_t)tlsm_hash_length(tlsm_suite_hash(state->suite));
    int failed = tlsm_digest_alpn(config, state->alpn, session->alpn_digest);
    if (failed == 0)
        failed = expand(config, state, "resumption", nonce, session->secret, session->secret_length);
    if (failed == 0)
        failed = expand(config, state, "tlsm ticket age", nonce, add, sizeof add);
    if (failed == 0)
        session->age_add = (uint32_t)add[0] << 24 | (uint32_t)add[1] << 16 | (uint32_t)add[2] << 8 | add[3];
    return failed;
}

/* Ticket number `index` of this connection. 1, or 0: then nothing is left of it. */
static int make_session(const struct tlsm_config *config, const struct tlsm_state *state, uint16_t index,
                        uint8_t nonce[NONCE], uint8_t room[TLSM_TICKET_MAX], struct tlsm_session *session)
{
    const struct tlsm_bytes number = { nonce, NONCE };
    nonce[0] = (uint8_t)(index >> 8);
    nonce[1] = (uint8_t)(index & 255);
    memset(room, 0, TLSM_TICKET_MAX);
    int failed = fill_session(config, state, number, session);
    if (failed == 0 && in_cache(config->settings)) {
        failed = expand(config, state, "tlsm ticket id", number, room, TLSM_TICKET_ID);
        session->ticket = tlsm_slice(room, TLSM_TICKET_ID);
    } else if (failed == 0) {
        failed = expand(config, state, "tlsm ticket salt", number, room + KEY_NAME, SALT);
        session->ticket = tlsm_slice(room, failed == 0 ? seal_ticket(config, session, room) : 0);
    }
    if (failed == 0 && session->ticket.length > 0)
        return 1;
    tlsm_wipe(room, TLSM_TICKET_MAX);
    tlsm_wipe(session, sizeof *session);
    return 0;
}

static void put_ticket(struct tlsm_writer *writer, const struct tlsm_session *session, struct tlsm_bytes nonce)
{
    tlsm_put_number(writer, session->lifetime_s, 4);
    tlsm_put_number(writer, session->age_add, 4);
    tlsm_put_number(writer, NONCE, 1);
    tlsm_put(writer, nonce);
    tlsm_put_number(writer, (uint32_t)session->ticket.length, 2);
    tlsm_put(writer, session->ticket);
    size_t all = tlsm_open_vector(writer, 2);
    if (session->early_max > 0) {
        size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_EARLY_DATA);
        tlsm_put_number(writer, session->early_max, 4);
        tlsm_close_extension(writer, extension);
    }
    tlsm_close_vector(writer, all, 2);
}

/* A16: the last record but two of a key is followed by a key update, and where none is left, by no further ticket. */
static void count_ticket(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    state->tickets_made++;
    state->control.tickets--;
    state->control.facts |= TLSM_FACT_TICKETS;
    work->out->news |= TLSM_NEWS_TICKET;
    tlsm_keep_reserve(work);
}

/* ------------------------------------------------------------------------------------------------ TLS 1.2 */

/* RFC 5077 §3.3, or the caller's cache: one session, which the handshake makes. */
int tlsm_may_issue_12(const struct tlsm_work *work)
{
    const struct tlsm_settings *settings = work->config->settings;
    const int sealed = settings->ticket_key_count > 0 && tlsm_fact(work->state, TLSM_FACT_TICKETS_WANTED);
    return settings->tickets > 0 && (in_cache(settings) || sealed) && tlsm_session_left_s(work->config, work->state) > 0;
}

/* The master secret and the server's random: in the handshake, and behind it. */
static const uint8_t *master_of(const struct tlsm_state *state)
{
    return tlsm_in_handshake(state) ? tlsm_hs_const(state)->secret : state->exporter;
}
static const uint8_t *server_random_of(const struct tlsm_state *state)
{
    return tlsm_in_handshake(state) ? tlsm_hs_const(state)->server_random : state->resumption;
}

static void fill_session_12(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_session *session)
{
    fill_common(config, state, session);
    memcpy(session->secret, master_of(state), TLSM_HASH_MAX);
    session->secret_length = TLSM_HASH_MAX;
    session->extended_master = (uint8_t)tlsm_mark(state, TLSM_MARK_EXTENDED_MASTER);
}

/* 1, or 0: then nothing is left of it. */
static int seal_session_12(const struct tlsm_config *config, const struct tlsm_state *state, uint8_t room[TLSM_TICKET_MAX],
                           struct tlsm_session *session)
{
    const struct tlsm_bytes master = { master_of(state), TLSM_HASH_MAX }, random = { server_random_of(state), 32 };
    const struct tlsm_span salt = { room + KEY_NAME, SALT };
    memset(room, 0, TLSM_TICKET_MAX);
    fill_session_12(config, state, session);
    if (config->settings->ticket_key_count > 0 &&
        tlsm_prf(config, tlsm_suite_hash(state->suite), master, "tlsm ticket salt", random, tlsm_slice(NULL, 0), salt) == 0)
        session->ticket = tlsm_slice(room, seal_ticket(config, session, room));
    if (session->ticket.length > 0)
        return 1;
    tlsm_wipe(room, TLSM_TICKET_MAX);
    tlsm_wipe(session, sizeof *session);
    return 0;
}

enum tlsm_code tlsm_make_ticket_12(struct tlsm_work *work)
{
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_NEW_SESSION_TICKET);
    struct tlsm_state *state = work->state;
    struct tlsm_session session;
    uint8_t room[TLSM_TICKET_MAX];
    if (!seal_session_12(work->config, state, room, &session))
        return TLSM_LIBRARY_FAILED;
    tlsm_put_number(&writer, session.lifetime_s, 4);
    tlsm_put_number(&writer, (uint32_t)session.ticket.length, 2);
    tlsm_put(&writer, session.ticket);
    tlsm_wipe(&session, sizeof session);
    const enum tlsm_code code = tlsm_send_message_12(work, &writer);
    if (code == TLSM_OK) {
        state->tickets_made++;
        state->control.facts |= TLSM_FACT_TICKETS;
        work->out->news |= TLSM_NEWS_TICKET;
    }
    return code;
}

/* By id: that lies behind the state while it is to be told of, after its lifetime. */
static int session_by_id(const struct tlsm_config *config, const struct tlsm_state *state, uint8_t room[TLSM_TICKET_MAX],
                         struct tlsm_session *session)
{
    enum { TOLD = 4 };   /* bytes of the lifetime */
    if (state->control.behind != TLSM_BEHIND_TICKET || state->length != sizeof *state + TOLD + TLSM_TICKET_ID)
        return 0;
    fill_session_12(config, state, session);
    memcpy(room, (const uint8_t *)(state + 1) + TOLD, TLSM_TICKET_ID);
    session->ticket = tlsm_slice(room, TLSM_TICKET_ID);
    session->by_id = 1;
    return 1;
}

/* ------------------------------------------------------------------------------------------------ made and told of */

enum tlsm_code tlsm_make_ticket(struct tlsm_work *work)
{
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_NEW_SESSION_TICKET);
    struct tlsm_session session;
    uint8_t nonce[NONCE], room[TLSM_TICKET_MAX];
    enum tlsm_code code = TLSM_LIBRARY_FAILED;
    if (make_session(work->config, work->state, work->state->tickets_made, nonce, room, &session)) {
        put_ticket(&writer, &session, tlsm_slice(nonce, sizeof nonce));
        code = tlsm_end_message(work, &writer);
    }
    tlsm_wipe(&session, sizeof session);
    if (code == TLSM_OK && tlsm_seal_message(work, TLSM_TYPE_HANDSHAKE, writer.length) < 0)
        code = TLSM_LIBRARY_FAILED;
    if (code == TLSM_OK)
        count_ticket(work);
    return code;
}

int tlsm_ticket_issued(const struct tlsm_config *config, const struct tlsm_state *state, uint8_t room[TLSM_TICKET_MAX],
                       struct tlsm_session *session)
{
    static const uint8_t wiped[TLSM_HASH_MAX] = { 0 };
    uint8_t nonce[NONCE];
    memset(session, 0, sizeof *session);
    if (state->tickets_made > 0 && tlsm_is_12(state) && !tlsm_equal(master_of(state), wiped, sizeof wiped))
        return tlsm_mark(state, TLSM_MARK_BY_ID) ? session_by_id(config, state, room, session)
                                                 : seal_session_12(config, state, room, session);
    if (state->tickets_made == 0 || tlsm_equal(state->resumption, wiped, sizeof wiped))
        return 0;
    return make_session(config, state, (uint16_t)(state->tickets_made - 1), nonce, room, session);
}
