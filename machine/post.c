/* SPDX-License-Identifier: MIT */
/* Post-handshake messages: session tickets and key updates, in any fragmentation (F5). RFC 9846 §4.7. */
#include "event.h"
#include "handshake.h"

enum { MESSAGE_HEADER = 4 };

/* ------------------------------------------------------------------------------------------------ key updates */

static enum tlsm_code key_update(struct tlsm_work *work, struct tlsm_bytes body, int ends_record)
{
    struct tlsm_state *state = work->state;
    enum tlsm_event event;
    if (body.length != 1)
        return tlsm_fail(work, TLSM_ALERT_DECODE_ERROR);
    if (body.data[0] > 1)   /* F3 */
        return tlsm_fail(work, TLSM_ALERT_ILLEGAL_PARAMETER);
    if (!ends_record)       /* §5.1: "Handshake messages MUST NOT span key changes." */
        return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
    if (state->control.key_updates >= TLSM_KEY_UPDATES_MAX)   /* B5, E6 */
        return tlsm_fail_excess(work);
    /* §4.7.3: "it MUST NOT send its own KeyUpdate if that would cause it to exceed these limits" */
    event = body.data[0] == 1 && tlsm_may_update(state) ? TLSM_EV_KEY_UPDATE_ASKED : TLSM_EV_KEY_UPDATE;
    if (!tlsm_can_follow(state, body.data[0] == 1))
        return tlsm_fail(work, TLSM_ALERT_INTERNAL_ERROR);
    if (tlsm_next_secret(work->config, state->suite, state->read_secret) < 0 ||
        tlsm_install_read(work, state->read_secret, TLSM_EPOCH_DATA) < 0)
        return tlsm_fail(work, TLSM_ALERT_INTERNAL_ERROR);
    state->control.key_updates++;
    state->control.owes &= (uint8_t)~(TLSM_OWES_UPDATE_ASK | TLSM_AWAITS_UPDATE);   /* what we ask for has come */
    work->out->news |= TLSM_NEWS_KEYS_CHANGED;
    return tlsm_event(work, event);
}

static void put_update(uint8_t *at, int ask)
{
    const uint8_t message[5] = { TLSM_MSG_KEY_UPDATE, 0, 0, 1, ask ? 1 : 0 };
    memcpy(at, message, sizeof message);
}

enum tlsm_code tlsm_make_update(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const size_t room = tlsm_records_size(state, MESSAGE_HEADER + 1);
    const int ask = (state->control.owes & (TLSM_OWES_UPDATE_ASK | TLSM_AWAITS_UPDATE)) == TLSM_OWES_UPDATE_ASK;
    uint8_t secret[TLSM_HASH_MAX];
    struct tlsm_key key;
    int failed;
    if (work->out->wire.capacity < room) {
        work->out->wire_needed = room;
        return TLSM_MORE_WIRE_ROOM;
    }
    memcpy(secret, state->write_secret, sizeof secret);
    put_update(work->out->wire.data + tlsm_record_lead(state), ask);
    failed = tlsm_next_secret(work->config, state->suite, secret) < 0 ||
             tlsm_traffic_key(work->config, state->suite, secret, &key) < 0 ||
             tlsm_seal_message(work, TLSM_TYPE_HANDSHAKE, MESSAGE_HEADER + 1) < 0;
    if (!failed) {
        memcpy(state->write_secret, secret, sizeof secret);
        tlsm_set_write(work, &key, TLSM_EPOCH_DATA);
        state->ledger.write_updates++;
        work->out->news |= TLSM_NEWS_WRITE_KEY;
        state->control.owes = ask ? TLSM_AWAITS_UPDATE : state->control.owes & TLSM_AWAITS_UPDATE;
    }
    tlsm_wipe(secret, sizeof secret);
    tlsm_wipe(&key, sizeof key);
    return failed ? TLSM_LIBRARY_FAILED : TLSM_OK;
}

/* ------------------------------------------------------------------------------------------------ tickets */

/* §4.7.1: lifetime, age_add, nonce, ticket, extensions. Returns 0 or an alert. */
static uint8_t parse_ticket(struct tlsm_bytes body, struct tlsm_session *session, struct tlsm_bytes *nonce)
{
    struct tlsm_reader reader = tlsm_reader(body), size;
    struct tlsm_extensions extensions;
    struct tlsm_bytes block;
    uint8_t alert;
    session->early_max = 0;
    session->lifetime_s = tlsm_take_number(&reader, 4);
    session->age_add = tlsm_take_number(&reader, 4);
    *nonce = tlsm_take_vector(&reader, 1);
    session->ticket = tlsm_take_vector(&reader, 2);
    block = tlsm_take_vector(&reader, 2);
    if (reader.bad || reader.left != 0 || session->ticket.length == 0)
        return TLSM_ALERT_DECODE_ERROR;
    alert = tlsm_read_extensions(block, TLSM_IN_NST, 0, &extensions);
    if (alert != 0 || !tlsm_has(&extensions, TLSM_EXT_EARLY_DATA))
        return alert;
    size = tlsm_reader(extensions.at[TLSM_EXT_EARLY_DATA]);
    session->early_max = tlsm_take_number(&size, 4);
    return size.bad || size.left != 0 ? TLSM_ALERT_DECODE_ERROR : 0;
}

static enum tlsm_code ticket(struct tlsm_work *work, struct tlsm_bytes body)
{
    struct tlsm_state *state = work->state;
    struct tlsm_session session;
    struct tlsm_bytes nonce;
    uint8_t alert;
    memset(&session, 0, sizeof session);
    if (state->control.role != TLSM_CLIENT)
        return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
    alert = parse_ticket(body, &session, &nonce);
    if (alert != 0)
        return tlsm_fail(work, alert);
    /* Before our own Finished the resumption secret does not exist; a lifetime of zero is none; after our close, policy
     * decides (B5). */
    if (!(state->control.facts & TLSM_FACT_COMPLETE) || session.lifetime_s == 0 ||
        (tlsm_close_asked(&state->control) && work->config->settings->tickets_after_close == TLSM_TICKETS_DROP))
        return tlsm_event(work, TLSM_EV_MESSAGE);
    state->control.facts |= TLSM_FACT_TICKETS;
    work->out->news |= TLSM_NEWS_TICKET;
    return tlsm_event(work, TLSM_EV_TICKET);
}

static int session_secret(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_bytes nonce,
                          struct tlsm_session *session)
{
    const uint16_t hash = tlsm_suite_hash(state->suite);
    if (state->control.rx != TLSM_RX_OPEN || !(state->control.facts & TLSM_FACT_COMPLETE))
        return -1;   /* the resumption secret is not there yet, or gone: what follows from zeros is no secret */
    session->secret_length = (uint32_t)tlsm_hash_length(hash);
    session->suite = state->suite;
    session->version = state->control.version;
    session->issued_ms = state->now_ms;
    session->origin_ms = state->origin_ms;
    session->context = config->settings->session_context;
    memcpy(session->name_digest, state->name_digest, sizeof session->name_digest);
    const int failed = tlsm_digest_alpn(config, state->alpn, session->alpn_digest);
    return failed != 0 ? failed : tlsm_expand_label(config, hash, state->resumption, "resumption", nonce, session->secret,
                                                    session->secret_length);
}

/* Next whole message at *offset; 0 when none is left. */
static int next_message(struct tlsm_bytes bytes, size_t *offset, uint8_t *type, struct tlsm_bytes *body)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(bytes.data + *offset, bytes.length - *offset));
    *type = (uint8_t)tlsm_take_number(&reader, 1);
    *body = tlsm_take_vector(&reader, 3);
    if (reader.bad)
        return 0;
    *offset += MESSAGE_HEADER + body->length;
    return 1;
}

static int next_ticket(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_bytes bytes,
                       size_t *offset, struct tlsm_session *session)
{
    struct tlsm_bytes body, nonce;
    uint8_t type;
    while (*offset < bytes.length && next_message(bytes, offset, &type, &body)) {
        if (type != TLSM_MSG_NEW_SESSION_TICKET || parse_ticket(body, session, &nonce) != 0 ||
            session->lifetime_s == 0)
            continue;
        return session_secret(config, state, nonce, session) == 0;
    }
    return 0;
}

int tlsm_ticket_next(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_bytes plain,
                     size_t *offset, struct tlsm_session *session)
{
    const struct tlsm_bytes fragmented = { state->spare, state->spare_have };
    size_t at = 0;
    memset(session, 0, sizeof *session);
    if (tlsm_is_12(state)) {
        const int first = *offset == 0;
        *offset = 1;
        return first && tlsm_ticket_left(config, state, session);
    }
    if (*offset == 0) {   /* first the message that began in an earlier record and ended in this one */
        *offset = state->spare_tail;
        if (state->spare_tail != 0 && !state->control.split && next_ticket(config, state, fragmented, &at, session))
            return 1;
    }
    return next_ticket(config, state, plain, offset, session);
}

/* ------------------------------------------------------------------------------------------------ fragments */

/* B5: a client that offered to answer, and closed, ignores a request. */
static int is_ignored(const struct tlsm_state *state, uint8_t type)
{
    return type == TLSM_MSG_CERTIFICATE_REQUEST && state->control.role == TLSM_CLIENT && tlsm_mark(state, TLSM_MARK_LATE_AUTH) &&
           state->control.tx != TLSM_TX_OPEN;
}

static enum tlsm_code whole_message_12(struct tlsm_work *work, uint8_t type, struct tlsm_bytes body)
{
    return tlsm_asks_again(work->state, type) ? tlsm_ignore_again(work, body) : tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
}

static enum tlsm_code whole_message(struct tlsm_work *work, uint8_t type, struct tlsm_bytes body, int ends_record)
{
    if (tlsm_is_12(work->state))
        return whole_message_12(work, type, body);
    if (is_ignored(work->state, type))
        return tlsm_event(work, TLSM_EV_MESSAGE);
    if (type == TLSM_MSG_KEY_UPDATE)
        return key_update(work, body, ends_record);
    if (type == TLSM_MSG_NEW_SESSION_TICKET)
        return ticket(work, body);
    return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

size_t tlsm_spare_missing(const struct tlsm_state *state)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(state->spare, state->spare_have));
    size_t whole = MESSAGE_HEADER;
    (void)tlsm_take_number(&reader, 1);
    if (state->spare_have >= MESSAGE_HEADER)
        whole += tlsm_take_number(&reader, 3);
    return whole - state->spare_have;
}

static int may_be_long(const struct tlsm_state *state)
{
    const uint8_t type = state->spare[0];
    if (tlsm_is_12(state))
        return type == TLSM_MSG_CLIENT_HELLO && tlsm_asks_again(state, type);
    if (is_ignored(state, type))
        return 1;
    return type == TLSM_MSG_NEW_SESSION_TICKET && state->control.role == TLSM_CLIENT;
}

/* A message that will not fit into spare: a ticket, or what is ignored (B5, B6), is skipped by counting; anything else is too
 * long to be right. */
static uint8_t judge_long(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const size_t left = tlsm_spare_missing(state), limit = work->config->settings->message_max;
    if (state->spare_have < MESSAGE_HEADER || state->spare_have + left <= sizeof state->spare)
        return 0;
    if (!may_be_long(state))
        return TLSM_ALERT_UNEXPECTED_MESSAGE;
    if (MESSAGE_HEADER + left > (limit != 0 ? limit : TLSM_MESSAGE_MAX))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    state->spare_skip = (uint32_t)left;
    memset(state->spare, 0, sizeof state->spare);
    state->spare_have = 0;
    return 0;
}

static uint8_t keep_fragment(struct tlsm_work *work, struct tlsm_bytes *content)
{
    struct tlsm_state *state = work->state;
    uint8_t alert = 0;
    while (alert == 0 && state->spare_skip == 0 && content->length > 0 && tlsm_spare_missing(state) > 0) {
        const size_t part = smaller(tlsm_spare_missing(state), content->length);
        memcpy(state->spare + state->spare_have, content->data, part);
        state->spare_have = (uint16_t)(state->spare_have + part);
        *content = tlsm_slice(content->data + part, content->length - part);
        alert = judge_long(work);
    }
    return alert;
}

static void skip_fragment(struct tlsm_state *state, struct tlsm_bytes *content)
{
    const size_t part = smaller(state->spare_skip, content->length);
    state->spare_skip -= (uint32_t)part;
    *content = tlsm_slice(content->data + part, content->length - part);
}

static enum tlsm_code end_fragment(struct tlsm_work *work, struct tlsm_bytes content, size_t whole_length)
{
    struct tlsm_state *state = work->state;
    struct tlsm_bytes body = tlsm_slice(state->spare + MESSAGE_HEADER, (size_t)state->spare_have - MESSAGE_HEADER);
    state->control.split = 0;
    state->spare_tail = (uint16_t)(whole_length - content.length);
    return whole_message(work, state->spare[0], body, content.length == 0);
}

/* The rest of a message that began in an earlier record. */
static enum tlsm_code continue_message(struct tlsm_work *work, struct tlsm_bytes *content)
{
    struct tlsm_state *state = work->state;
    const size_t given = content->length;
    uint8_t alert;
    if (!state->control.split)
        return TLSM_OK;
    if (state->spare_skip == 0 && state->spare_have == 0)
        return tlsm_late_content(work, content);
    if (state->spare_skip == 0) {
        alert = keep_fragment(work, content);
        if (alert != 0)
            return tlsm_fail(work, alert);
    }
    if (state->spare_skip > 0) {
        skip_fragment(state, content);
        state->spare_tail = (uint16_t)(given - content->length);
        state->control.split = state->spare_skip > 0;
        return tlsm_event(work, TLSM_EV_MESSAGE);
    }
    if (tlsm_spare_missing(state) > 0)
        return tlsm_event(work, TLSM_EV_MESSAGE);
    return end_fragment(work, *content, given);
}

static enum tlsm_code begin_fragment(struct tlsm_work *work, struct tlsm_bytes rest)
{
    struct tlsm_state *state = work->state;
    const enum tlsm_code judged = tlsm_judge_again(work, rest.data[0]);
    uint8_t alert;
    if (judged != TLSM_OK)
        return judged;
    memset(state->spare, 0, sizeof state->spare);
    state->spare_have = 0;
    if (tlsm_late_takes(state, rest.data[0]))
        return tlsm_late_content(work, &rest);
    state->control.split = 1;
    alert = keep_fragment(work, &rest);
    if (alert != 0)
        return tlsm_fail(work, alert);
    if (state->spare_skip > 0)
        skip_fragment(state, &rest);
    return tlsm_event(work, TLSM_EV_MESSAGE);
}

enum tlsm_code tlsm_post_content(struct tlsm_work *work, struct tlsm_bytes content)
{
    struct tlsm_state *state = work->state;
    struct tlsm_bytes rest = content, body;
    enum tlsm_code code = continue_message(work, &rest);
    size_t offset = 0;
    uint8_t type;
    work->out->plain_length = content.length;
    while (state->control.rx == TLSM_RX_OPEN && offset < rest.length && next_message(rest, &offset, &type, &body)) {
        struct tlsm_bytes message = tlsm_slice(rest.data + offset - body.length - MESSAGE_HEADER, MESSAGE_HEADER + body.length);
        enum tlsm_code judged = tlsm_judge_again(work, type);
        if (judged == TLSM_OK)
            judged = tlsm_late_takes(state, type) ? tlsm_late_content(work, &message)
                                                  : whole_message(work, type, body, offset == rest.length);
        code = tlsm_graver(code, judged);
    }
    if (state->control.rx == TLSM_RX_OPEN && !state->control.split && offset < rest.length)
        code = tlsm_graver(code, begin_fragment(work, tlsm_slice(rest.data + offset, rest.length - offset)));
    return code;
}
