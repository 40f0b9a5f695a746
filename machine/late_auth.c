/* SPDX-License-Identifier: MIT */
/* The client's certificate, asked for after the handshake (RFC 9846 §4.7.2). Order is handshake.def's.
 *
 * What an exchange begins with, the transcript up to the client's Finished, lies behind the state; while one is going on, struct
 * tlsm_handshake does, whose `other` keeps that transcript for the next. A client takes one request at a time: of what came in the
 * same record, further requests wait in its room, and nothing else is read before its answer was made. */
#include "event.h"
#include "handshake.h"

enum { MESSAGE_HEADER = 4, CONTEXTS_MAX = 255 };

/* ------------------------------------------------------------------------------------------------ whose messages they are */

static int is_awaiting(const struct tlsm_state *state)
{
    const uint8_t phase = state->control.phase;
    return phase == TLSM_PHASE_PS_WAIT_CERTIFICATE || phase == TLSM_PHASE_PS_WAIT_VERIFY || phase == TLSM_PHASE_PS_WAIT_FINISHED;
}

static int may_be_asked(const struct tlsm_state *state)
{
    return state->control.role == TLSM_CLIENT && tlsm_mark(state, TLSM_MARK_LATE_AUTH) && state->control.tx == TLSM_TX_OPEN &&
           (state->control.behind == TLSM_BEHIND_TRANSCRIPT || (tlsm_in_handshake(state) && tlsm_is_late(state->control.phase)));
}

/* "All of the client's messages for a given response MUST appear consecutively on the wire": once they have begun, whatever comes is
 * held against handshake.def. */
int tlsm_late_takes(const struct tlsm_state *state, uint8_t type)
{
    if (is_awaiting(state))
        return state->control.phase != TLSM_PHASE_PS_WAIT_CERTIFICATE || type == TLSM_MSG_CERTIFICATE;
    return type == TLSM_MSG_CERTIFICATE_REQUEST && may_be_asked(state);
}

int tlsm_late_began(const struct tlsm_state *state)
{
    return state->control.phase == TLSM_PHASE_PS_WAIT_VERIFY || state->control.phase == TLSM_PHASE_PS_WAIT_FINISHED;
}

size_t tlsm_late_room(const struct tlsm_state *state)
{
    if (!is_awaiting(state) && !may_be_asked(state))
        return 0;
    return tlsm_in_handshake(state) ? state->length : sizeof *state + sizeof(struct tlsm_handshake);
}

/* ------------------------------------------------------------------------------------------------ begin and end */

/* The block has room for it. */
static void begin(struct tlsm_state *state, uint8_t phase)
{
    struct tlsm_handshake *hs = tlsm_hs(state);
    struct tlsm_hash before;
    memcpy(&before, state + 1, sizeof before);
    memset(hs, 0, sizeof *hs);
    hs->transcript = hs->other = before;
    hs->hash = tlsm_suite_hash(state->suite);
    state->control.phase = phase;
    state->control.behind = TLSM_BEHIND_HANDSHAKE;
    state->length = (uint32_t)(sizeof *state + sizeof *hs);
}

static void keep_transcript(struct tlsm_state *state, const struct tlsm_hash *transcript)
{
    const struct tlsm_hash kept = *transcript;
    const size_t length = state->length - sizeof *state;
    tlsm_wipe(state + 1, length);
    memcpy(state + 1, &kept, sizeof kept);
    state->control.behind = TLSM_BEHIND_TRANSCRIPT;
    state->length = (uint32_t)(sizeof *state + sizeof kept);
}

int tlsm_late_possible(const struct tlsm_work *work)
{
    const struct tlsm_state *state = work->state;
    return !tlsm_is_12(state) && work->config->settings->late_auth &&
           (state->control.role == TLSM_CLIENT || tlsm_mark(state, TLSM_MARK_LATE_AUTH));
}

void tlsm_late_prepare(struct tlsm_work *work)
{
    tlsm_set_mark(work->state, TLSM_MARK_LATE_AUTH);
    keep_transcript(work->state, &tlsm_hs(work->state)->transcript);
}

/* Length of the message that begins there, 0 when less than its header has come. */
static size_t length_at(const struct tlsm_state *state, uint32_t at)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(tlsm_room_const(state) + at, tlsm_hs_const(state)->used - at));
    (void)tlsm_take_number(&reader, 1);
    const size_t length = MESSAGE_HEADER + (size_t)tlsm_take_number(&reader, 3);
    return reader.bad ? 0 : length;
}

/* Where the last message begins: behind requests that wait. */
static uint32_t last_at(const struct tlsm_state *state)
{
    const uint32_t used = tlsm_hs_const(state)->used;
    uint32_t at = tlsm_hs_const(state)->kept;
    for (size_t length = length_at(state, at); length != 0 && length < used - at; length = length_at(state, at))
        at += (uint32_t)length;
    return at;
}

int tlsm_late_waiting_good(const struct tlsm_state *state)
{
    const uint32_t used = tlsm_hs_const(state)->used;
    struct tlsm_asked asked;
    uint32_t at = tlsm_hs_const(state)->kept;
    for (size_t length = length_at(state, at); length != 0 && length <= used - at; length = length_at(state, at)) {
        const struct tlsm_bytes message = tlsm_slice(tlsm_room_const(state) + at, length);
        if (message.data[0] != TLSM_MSG_CERTIFICATE_REQUEST || tlsm_read_asked(tlsm_body(message), &asked) != 0)
            return 0;
        at += (uint32_t)length;
    }
    return at == used || (state->control.split != 0 && state->spare_have == 0 && state->spare_skip == 0);
}

/* A request that waited was looked at when it came: taking it cannot fail. */
static void take_waiting(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    tlsm_release(state);
    hs->transcript = hs->other;
    hs->flags = 0;
    memset(hs->signed_hash, 0, sizeof hs->signed_hash);
    state->control.phase = TLSM_PHASE_PC_WAIT_REQUEST;
    const size_t length = length_at(state, 0);
    if (length != 0 && length <= hs->used)
        (void)tlsm_take_one(work, length);
}

void tlsm_late_finish(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_handshake *hs = tlsm_hs(state);
    if (state->control.role == TLSM_CLIENT && hs->used > hs->kept)
        take_waiting(work);
    else
        keep_transcript(state, &hs->other);
}

/* What was being received of a request that will not be answered (B5): the rest is skipped, as a long ticket is. */
static void skip_rest(struct tlsm_state *state)
{
    const uint32_t at = last_at(state), have = tlsm_hs(state)->used - at;
    if (have < MESSAGE_HEADER) {
        memcpy(state->spare, tlsm_room(state) + at, have);
        state->spare_have = (uint16_t)have;
    } else
        state->spare_skip = (uint32_t)(length_at(state, at) - have);
}

static void give_up(struct tlsm_state *state)
{
    if (state->control.rx == TLSM_RX_OPEN && state->control.split && state->spare_have == 0 && state->spare_skip == 0)
        skip_rest(state);
    state->control.phase = TLSM_PHASE_DATA;
    tlsm_drop_behind(state);
}

static void drop_waiting(struct tlsm_state *state)
{
    struct tlsm_handshake *hs = tlsm_hs(state);
    const uint32_t length = hs->used - hs->kept;
    tlsm_wipe(tlsm_room(state) + hs->kept, length);
    hs->used = hs->kept;
    state->length -= length;
}

/* A5: what is owed is dropped when our half closes. An answer that was asked for is still read then (A6), as long as the peer speaks; a
 * client whose peer does not any more finishes the answer it owes. */
void tlsm_late_settle(struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    const int writing = control->tx == TLSM_TX_OPEN, reading = tlsm_rx_alive(control->rx);
    if (!tlsm_in_handshake(state) || !tlsm_is_late(control->phase))
        return;
    if (control->role == TLSM_SERVER) {
        if (!reading || (control->phase == TLSM_PHASE_PS_MAKE_REQUEST && !writing))
            give_up(state);
    } else if (!writing || (!reading && control->phase == TLSM_PHASE_PC_WAIT_REQUEST))
        give_up(state);
    else if (!reading)
        drop_waiting(state);
}

/* ------------------------------------------------------------------------------------------------ receiving */

/* The last message is whole. What cannot be taken yet is looked at all the same. */
static uint8_t take_last(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    struct tlsm_asked asked;
    if (state->control.role == TLSM_SERVER || state->control.phase == TLSM_PHASE_PC_WAIT_REQUEST)
        return tlsm_take_one(work, hs->used - hs->kept);
    const uint32_t at = last_at(state);
    return tlsm_read_asked(tlsm_body(tlsm_slice(tlsm_room_const(state) + at, hs->used - at)), &asked);
}

static void append(struct tlsm_state *state, struct tlsm_bytes *content, size_t length)
{
    struct tlsm_handshake *hs = tlsm_hs(state);
    memcpy(tlsm_room(state) + hs->used, content->data, length);
    hs->used += (uint32_t)length;
    state->length += (uint32_t)length;
    *content = tlsm_slice(content->data + length, content->length - length);
}

enum tlsm_code tlsm_late_content(struct tlsm_work *work, struct tlsm_bytes *content)
{
    struct tlsm_state *state = work->state;
    if (!tlsm_in_handshake(state))
        begin(state, TLSM_PHASE_PC_WAIT_REQUEST);
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const uint32_t at = state->control.split ? last_at(state) : hs->used;
    state->control.split = 1;
    while (content->length > 0) {
        const size_t have = hs->used - at, length = length_at(state, at), whole = length != 0 ? length : MESSAGE_HEADER;
        if (length > tlsm_message_limit(work))
            return tlsm_fail(work, TLSM_ALERT_ILLEGAL_PARAMETER);
        if (length == have && length != 0)
            break;
        append(state, content, whole - have < content->length ? whole - have : content->length);
    }
    const enum tlsm_code code = tlsm_event(work, TLSM_EV_MESSAGE);
    if (length_at(state, at) != hs->used - at || hs->used == at)
        return code;
    state->control.split = 0;
    const uint8_t alert = take_last(work);
    if (alert != 0)
        return tlsm_fail(work, alert);
    return work->out->news & TLSM_NEWS_REQUEST ? tlsm_graver(code, TLSM_REQUEST) : code;
}

/* ------------------------------------------------------------------------------------------------ client */

uint8_t tlsm_take_late_request(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_asked asked;
    const uint8_t alert = tlsm_read_asked(tlsm_body(message), &asked);
    if (alert != 0)
        return alert;
    tlsm_keep_asked(work->state, message);
    if (!(work->config->settings->ask & TLSM_ASK_CREDENTIAL_BIT))
        tlsm_settle_asked(work);
    return 0;
}

/* §4.5.4: under the traffic secret we write with. */
enum tlsm_code tlsm_make_late_finished(struct tlsm_work *work)
{
    struct tlsm_writer writer;
    enum tlsm_code code = tlsm_put_finished(work, work->state->write_secret, &writer);
    if (code == TLSM_OK)
        code = tlsm_send_message(work, &writer, NULL);
    if (code == TLSM_OK)
        tlsm_keep_reserve(work);
    return code;
}

/* ------------------------------------------------------------------------------------------------ server */

enum tlsm_code tlsm_ask_certificate(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const size_t needed = sizeof *state + sizeof(struct tlsm_handshake);
    if (state->control.rx == TLSM_RX_UNBORN)
        return TLSM_NOT_STARTED;
    if (state->control.role != TLSM_SERVER)
        return TLSM_BAD_ARGUMENT;
    if (state->control.tx != TLSM_TX_OPEN)
        return tlsm_event(work, TLSM_EV_ISSUE);   /* refused in the row's own words */
    if (!tlsm_connected(state))
        return TLSM_NOT_CONNECTED;
    if (tlsm_is_12(state))
        return TLSM_NOT_IN_VERSION;
    if (!tlsm_mark(state, TLSM_MARK_LATE_AUTH))
        return TLSM_BAD_ARGUMENT;
    if (!tlsm_rx_alive(state->control.rx))
        return TLSM_READ_ENDED;
    if (tlsm_in_handshake(state))
        return TLSM_IGNORED;
    if (state->control.late_requests == CONTEXTS_MAX)
        return TLSM_BAD_ARGUMENT;
    if (work->out->state_capacity < needed) {
        work->out->state_needed = needed;
        return TLSM_MORE_STATE_ROOM;
    }
    begin(state, TLSM_PHASE_PS_MAKE_REQUEST);
    return TLSM_OK;
}

/* §4.4.2: the context "MUST be unique within the scope of this connection": requests are counted. */
enum tlsm_code tlsm_make_late_request(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    const uint8_t count = (uint8_t)(control->late_requests + 1);
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_CERTIFICATE_REQUEST);
    tlsm_put_request(&writer, work->config->settings, tlsm_slice(&count, 1));
    const enum tlsm_code code = tlsm_send_message(work, &writer, NULL);
    if (code == TLSM_OK) {
        control->late_requests = count;
        tlsm_keep_reserve(work);
    }
    return code;
}

uint8_t tlsm_take_late_finished(struct tlsm_work *work, struct tlsm_bytes message)
{
    uint8_t digest[TLSM_HASH_MAX];
    const uint8_t alert = tlsm_check_finished(work, message, work->state->read_secret, digest);
    if (alert == 0 && tlsm_hs(work->state)->chain_length == 0)
        work->out->news |= TLSM_NEWS_PEER_DECLINED;
    return alert;
}

enum tlsm_code tlsm_answer_late_judge(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    work->out->news |= TLSM_NEWS_PEER_SHOWN;
    return tlsm_answer_judge(work, answer);
}
