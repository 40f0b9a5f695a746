/* SPDX-License-Identifier: MIT */
/* The engine of handshake.def: looks rows up, calls their functions, enters phases; and what the makers of both roles
 * share. */
#include "handshake.h"

/* ------------------------------------------------------------------------------------------------ the rows */

enum row {
#define RECEIVE(phase, message, boundary, handler, event, next) ROW_##phase##_##message,
#define MAKE(phase, condition, message, maker, event, next, otherwise) ROW_##phase,
#define ANSWER(phase, condition, kind, handler, next, otherwise) ROW_##phase,
#define FORK(phase, condition, next, otherwise)
#define REST(phase)
#include "handshake.def"
#undef RECEIVE
#undef MAKE
#undef ANSWER
#undef FORK
#undef REST
    ROWS
};

/* Every phase has rows of one kind, and none is without: the bits of those that receive, united, and those of the others,
 * added up, make all bits; in two halves. (A doubled row does not compile either: its case label is doubled.) */
_Static_assert(TLSM_PHASE_COUNT > 64 && TLSM_PHASE_COUNT < 128, "the bits fit");
#define BIT(phase) (TLSM_PHASE_##phase < 64 ? UINT64_C(1) << (TLSM_PHASE_##phase & 63) : 0)
_Static_assert((UINT64_C(0)
#define RECEIVE(phase, message, boundary, handler, event, next) | BIT(phase)
#define MAKE(phase, condition, message, maker, event, next, otherwise)
#define ANSWER(phase, condition, kind, handler, next, otherwise)
#define FORK(phase, condition, next, otherwise)
#define REST(phase)
#include "handshake.def"
               ) + (UINT64_C(0)
#undef RECEIVE
#undef MAKE
#undef ANSWER
#undef FORK
#undef REST
#define RECEIVE(phase, message, boundary, handler, event, next)
#define MAKE(phase, condition, message, maker, event, next, otherwise) + BIT(phase)
#define ANSWER(phase, condition, kind, handler, next, otherwise) + BIT(phase)
#define FORK(phase, condition, next, otherwise) + BIT(phase)
#define REST(phase) + BIT(phase)
#include "handshake.def"
               ) == UINT64_MAX, "every phase has rows, of one kind");
#undef RECEIVE
#undef MAKE
#undef ANSWER
#undef FORK
#undef REST
#undef BIT
#define BIT(phase) (TLSM_PHASE_##phase < 64 ? 0 : UINT64_C(1) << (TLSM_PHASE_##phase & 63))
_Static_assert((UINT64_C(0)
#define RECEIVE(phase, message, boundary, handler, event, next) | BIT(phase)
#define MAKE(phase, condition, message, maker, event, next, otherwise)
#define ANSWER(phase, condition, kind, handler, next, otherwise)
#define FORK(phase, condition, next, otherwise)
#define REST(phase)
#include "handshake.def"
               ) + (UINT64_C(0)
#undef RECEIVE
#undef MAKE
#undef ANSWER
#undef FORK
#undef REST
#define RECEIVE(phase, message, boundary, handler, event, next)
#define MAKE(phase, condition, message, maker, event, next, otherwise) + BIT(phase)
#define ANSWER(phase, condition, kind, handler, next, otherwise) + BIT(phase)
#define FORK(phase, condition, next, otherwise) + BIT(phase)
#define REST(phase) + BIT(phase)
#include "handshake.def"
               ) == (UINT64_C(1) << (TLSM_PHASE_COUNT - 64)) - 1, "every phase has rows, of one kind");
#undef RECEIVE
#undef MAKE
#undef ANSWER
#undef FORK
#undef REST
_Static_assert(ROWS < 255, "out.row has room");

enum boundary { MORE, ENDS };
enum { QUIET = TLSM_EV_COUNT, FINISH_BOTH, SPEAK = TLSM_EV_SPEAK, FINISH_IN = TLSM_EV_FINISH_IN, FINISH_OUT = TLSM_EV_FINISH_OUT };

/* ------------------------------------------------------------------------------------------------ phases */

enum condition {
    ALWAYS, COMPATIBLE, COMPATIBLE_FIRST, COMPATIBLE_ONCE, EARLY_COMPATIBLE, FULL, FINDING, REQUESTED, CHOOSING, SHOWING, ASKED, RETRYING,
    NEWER, EARLY_POSSIBLE, EARLY_ACCEPTED, ASKING, SHOWN, STATUS_TOLD, TICKET_TOLD
};

/* One ChangeCipherSpec is enough (RFC 9846 §E.4): after a retry, and beside early data, it has been sent. */
static int compatible_first(const struct tlsm_state *state)
{
    return tlsm_fact(state, TLSM_FACT_CCS) && !tlsm_fact(state, TLSM_FACT_RETRIED) && !tlsm_mark(state, TLSM_MARK_EARLY_OFFERED);
}

static int holds(const struct tlsm_work *work, enum condition condition)
{
    const struct tlsm_state *state = work->state;
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    switch (condition) {
    case ALWAYS: return 1;
    case COMPATIBLE: return tlsm_fact(state, TLSM_FACT_CCS);
    /* One ChangeCipherSpec is enough (RFC 9846 §E.4): before early data, or after a retry, it has been sent. */
    case COMPATIBLE_FIRST:
        return compatible_first(state);
    case COMPATIBLE_ONCE: return tlsm_fact(state, TLSM_FACT_CCS) && !tlsm_mark(state, TLSM_MARK_EARLY_OFFERED);
    case EARLY_COMPATIBLE: return tlsm_fact(state, TLSM_FACT_CCS) && tlsm_mark(state, TLSM_MARK_EARLY_OFFERED);
    case FULL: return !tlsm_fact(state, TLSM_FACT_RESUMED);
    case FINDING: return (hs->flags & TLSM_HS_FINDING) != 0;
    case REQUESTED: return (hs->flags & TLSM_HS_CERTIFICATE_REQUESTED) != 0;
    case CHOOSING:
        return (hs->flags & TLSM_HS_CERTIFICATE_REQUESTED) != 0 && (work->config->settings->ask & TLSM_ASK_CREDENTIAL_BIT) != 0;
    case SHOWING: return (hs->flags & TLSM_HS_CERTIFICATE_REQUESTED) != 0 && state->credential != TLSM_NO_CREDENTIAL;
    case NEWER: return !tlsm_is_12(state);
    case EARLY_POSSIBLE: return (hs->flags & TLSM_HS_EARLY_POSSIBLE) != 0;
    case EARLY_ACCEPTED: return tlsm_mark(state, TLSM_MARK_EARLY_ACCEPTED);
    case ASKING: return work->config->settings->client_auth != TLSM_CLIENT_AUTH_NONE && !tlsm_fact(state, TLSM_FACT_RESUMED);
    case SHOWN: return hs->chain_length > 0;
    case STATUS_TOLD: return tlsm_mark(state, TLSM_MARK_STATUS_TOLD);
    case TICKET_TOLD: return tlsm_mark(state, TLSM_MARK_TICKET_TOLD);
    case ASKED: return (work->config->settings->ask & TLSM_ASK_CREDENTIAL_BIT) != 0;
    case RETRYING: return hs->retry_group != 0;
    }
    return 0;
}

/* Where the phase is passed over to; the phase itself when its condition holds. */
static uint8_t pass_over(const struct tlsm_work *work, uint8_t phase)
{
    switch (phase) {
#define RECEIVE(phase, message, boundary, handler, event, next)
#define MAKE(phase, condition, message, maker, event, next, otherwise) \
    case TLSM_PHASE_##phase: \
        return holds(work, condition) ? TLSM_PHASE_##phase : TLSM_PHASE_##otherwise;
#define ANSWER(phase, condition, kind, handler, next, otherwise) MAKE(phase, condition, 0, 0, 0, next, otherwise)
#define FORK(phase, condition, next, otherwise) \
    case TLSM_PHASE_##phase: \
        return holds(work, condition) ? TLSM_PHASE_##next : TLSM_PHASE_##otherwise;
#define REST(phase)
#include "handshake.def"
#undef RECEIVE
#undef MAKE
#undef ANSWER
#undef FORK
#undef REST
    }
    return phase;
}

/* The phases before the row that makes it, once there are keys. */
int tlsm_handshake_lacks_ccs(const struct tlsm_state *state)
{
    const uint8_t phase = state->control.phase;
    if (!compatible_first(state))
        return 0;
    return state->control.role == TLSM_CLIENT ? phase <= TLSM_PHASE_C_MAKE_CCS : phase == TLSM_PHASE_S_MAKE_CCS;
}

static enum tlsm_request_kind asks(uint8_t phase)
{
    switch (phase) {
#define RECEIVE(phase, message, boundary, handler, event, next)
#define MAKE(phase, condition, message, maker, event, next, otherwise)
#define ANSWER(phase, condition, kind, handler, next, otherwise) case TLSM_PHASE_##phase: return TLSM_ASK_##kind;
#define FORK(phase, condition, next, otherwise)
#define REST(phase)
#include "handshake.def"
#undef RECEIVE
#undef MAKE
#undef ANSWER
#undef FORK
#undef REST
    }
    return TLSM_ASK_NOTHING;
}

int tlsm_phase_asks(uint8_t phase) { return asks(phase) != TLSM_ASK_NOTHING; }

static void enter(struct tlsm_work *work, uint8_t phase)
{
    uint8_t passed;
    while ((passed = pass_over(work, phase)) != phase)
        phase = passed;
    work->state->control.phase = phase;
    if (phase == TLSM_PHASE_DATA)
        tlsm_handshake_finish(work);
    else if (asks(phase) != TLSM_ASK_NOTHING)
        tlsm_ask(work, asks(phase));
}

/* The row is done: its event, then what follows, unless the event ended everything. */
static void advance(struct tlsm_work *work, unsigned event, uint8_t next)
{
    if (event == FINISH_BOTH) {
        (void)tlsm_event(work, TLSM_EV_FINISH_IN);
        (void)tlsm_event(work, TLSM_EV_FINISH_OUT);
    } else if (event != QUIET)
        (void)tlsm_event(work, (enum tlsm_event)event);
    if (tlsm_in_handshake(work->state))
        enter(work, next);
}

void tlsm_ask(struct tlsm_work *work, enum tlsm_request_kind kind)
{
    work->state->control.request = (uint8_t)kind;
    work->state->request_id++;
    work->out->news |= TLSM_NEWS_REQUEST;
}

void tlsm_handshake_finish(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const size_t length = state->length - sizeof *state, left = tlsm_leave_ticket(work);
    state->control.phase = TLSM_PHASE_DATA;
    if (tlsm_fact(state, TLSM_FACT_COMPLETE)) {
        tlsm_late_finish(work);
        return;
    }
    state->control.facts |= TLSM_FACT_COMPLETE;
    if (tlsm_late_possible(work)) {
        tlsm_late_prepare(work);
    } else {
        state->control.behind = left > 0 ? TLSM_BEHIND_TICKET : TLSM_BEHIND_NOTHING;
        state->length = (uint32_t)(sizeof *state + left);
        tlsm_wipe((uint8_t *)(state + 1) + left, length - left);
    }
    work->out->news |= TLSM_NEWS_CONNECTED | (left > 0 ? TLSM_NEWS_TICKET : 0u);
    tlsm_owe_tickets(work);
}

/* ------------------------------------------------------------------------------------------------ receiving */

const uint8_t tlsm_retry_random[32] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c
};

static int is_retry(struct tlsm_bytes message)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_body(message));
    (void)tlsm_take(&reader, 2);
    struct tlsm_bytes random = tlsm_take(&reader, sizeof tlsm_retry_random);
    return !reader.bad && memcmp(random.data, tlsm_retry_random, sizeof tlsm_retry_random) == 0;
}

/* A ServerHello without supported_versions is one of TLS 1.2, or older. */
static int is_older(struct tlsm_bytes message)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_body(message));
    struct tlsm_bytes data;
    (void)tlsm_take(&reader, 2 + 32);
    (void)tlsm_take_vector(&reader, 1);
    (void)tlsm_take(&reader, 2 + 1);
    return !tlsm_find_extension(tlsm_take_vector(&reader, 2), TLSM_EXTENSION_SUPPORTED_VERSIONS, &data);
}

static unsigned kind_of(struct tlsm_bytes message)
{
    const unsigned type = message.data[0];
    if (type != TLSM_MSG_SERVER_HELLO)
        return type;
    if (is_retry(message))
        return TLSM_MSG_HELLO_RETRY;
    return is_older(message) ? TLSM_MSG_SERVER_HELLO_12 : TLSM_MSG_SERVER_HELLO;
}

static enum row find_row(uint8_t phase, unsigned message)
{
    switch ((unsigned)phase << 16 | message) {
#define RECEIVE(phase, message, boundary, handler, event, next) \
    case (unsigned)TLSM_PHASE_##phase << 16 | TLSM_MSG_##message: \
        return ROW_##phase##_##message;
#define MAKE(phase, condition, message, maker, event, next, otherwise)
#define ANSWER(phase, condition, kind, handler, next, otherwise)
#define FORK(phase, condition, next, otherwise)
#define REST(phase)
#include "handshake.def"
#undef RECEIVE
#undef MAKE
#undef ANSWER
#undef FORK
#undef REST
    }
    return ROWS;
}

/* The message lies at room[kept]; are there bytes behind it that came under the same key? */
static int is_followed(const struct tlsm_state *state, struct tlsm_bytes message)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    return hs->used - hs->kept > message.length;
}

#define RECEIVE(phase, message, boundary, handler, event, next) \
    case ROW_##phase##_##message: \
        if (boundary == ENDS && is_followed(work->state, bytes)) \
            return TLSM_ALERT_UNEXPECTED_MESSAGE; \
        alert = tlsm_take_##handler(work, bytes); \
        if (alert == 0) \
            advance(work, event, TLSM_PHASE_##next); \
        break;
#define MAKE(phase, condition, message, maker, event, next, otherwise) case ROW_##phase:
#define ANSWER(phase, condition, kind, handler, next, otherwise) case ROW_##phase:
#define FORK(phase, condition, next, otherwise)
#define REST(phase)
static uint8_t take_row(struct tlsm_work *work, enum row row, struct tlsm_bytes bytes)
{
    uint8_t alert = TLSM_ALERT_UNEXPECTED_MESSAGE;
    if (row != ROWS)
        work->out->row = (uint8_t)(1 + row);
    switch (row) {
#include "handshake.def"
    case ROWS:
        break;
    }
    return alert;
}

uint8_t tlsm_handshake_message(struct tlsm_work *work, struct tlsm_bytes bytes)
{
    return take_row(work, find_row(work->state->control.phase, kind_of(bytes)), bytes);
}

uint8_t tlsm_handshake_ccs(struct tlsm_work *work)
{
    return take_row(work, find_row(work->state->control.phase, TLSM_MSG_CCS), tlsm_slice(NULL, 0));
}
#undef RECEIVE
#undef MAKE
#undef ANSWER
#undef FORK
#undef REST

/* ------------------------------------------------------------------------------------------------ producing */

#define RECEIVE(phase, message, boundary, handler, event, next)
#define ANSWER(phase, condition, kind, handler, next, otherwise)
#define FORK(phase, condition, next, otherwise)
#define REST(phase)

#define MAKE(phase, condition, message, maker, event, next, otherwise) case TLSM_PHASE_##phase: return 1;
int tlsm_handshake_owes(const struct tlsm_state *state)
{
    switch (state->control.phase) {
#include "handshake.def"
    }
    return 0;
}
#undef MAKE

#define MAKE(phase, condition, message, maker, event, next, otherwise) \
    case TLSM_PHASE_##phase: \
        code = tlsm_make_##maker(work); \
        if (code == TLSM_OK) { \
            work->out->row = 1 + ROW_##phase; \
            advance(work, event, TLSM_PHASE_##next); \
        } \
        break;
enum tlsm_code tlsm_handshake_produce(struct tlsm_work *work)
{
    enum tlsm_code code = TLSM_NOTHING_OWED;
    switch (work->state->control.phase) {
#include "handshake.def"
    }
    return code == TLSM_OK ? TLSM_PRODUCED : code;
}
#undef MAKE
#undef RECEIVE
#undef ANSWER
#undef FORK
#undef REST

/* ------------------------------------------------------------------------------------------------ answers */

static enum tlsm_code refused(struct tlsm_work *work, uint8_t alert)
{
    work->state->control.request = 0;
    return tlsm_fail_answer(work, alert);
}

#define RECEIVE(phase, message, boundary, handler, event, next)
#define MAKE(phase, condition, message, maker, event, next, otherwise)
#define ANSWER(phase, condition, kind, handler, next, otherwise) \
    case TLSM_PHASE_##phase: \
        code = tlsm_answer_##handler(work, answer); \
        if (code == TLSM_OK) { \
            work->out->row = 1 + ROW_##phase; \
            work->state->control.request = 0; \
            advance(work, QUIET, TLSM_PHASE_##next); \
        } \
        break;
#define FORK(phase, condition, next, otherwise)
#define REST(phase)
enum tlsm_code tlsm_handshake_answer(struct tlsm_work *work)
{
    const struct tlsm_answer *answer = work->in->answer;
    enum tlsm_code code = TLSM_BAD_ARGUMENT;
    if (answer->alert != 0)
        return refused(work, answer->alert);
    switch (work->state->control.phase) {
#include "handshake.def"
    }
    return code == TLSM_OK && work->state->control.request != 0 ? TLSM_REQUEST : code;   /* the next question */
}
#undef RECEIVE
#undef MAKE
#undef ANSWER
#undef FORK
#undef REST

/* ------------------------------------------------------------------------------------------------ the room */

uint32_t tlsm_room_offset(const struct tlsm_state *state, struct tlsm_bytes part)
{
    return part.length == 0 ? 0 : (uint32_t)(part.data - tlsm_room_const(state));
}

void tlsm_keep(struct tlsm_state *state, struct tlsm_bytes message)
{
    tlsm_hs(state)->kept += (uint32_t)message.length;
}

void tlsm_release(struct tlsm_state *state)
{
    struct tlsm_handshake *hs = tlsm_hs(state);
    uint8_t *room = tlsm_room(state);
    const uint32_t kept = hs->kept;
    memmove(room, room + kept, hs->used - kept);
    hs->used -= kept;
    tlsm_wipe(room + hs->used, kept);
    hs->kept = 0;
    hs->chain_at = hs->chain_length = hs->signature_at = hs->signature_length = hs->cookie_at = hs->cookie_length = 0;
    hs->staple_at = hs->staple_length = hs->request_at = hs->request_length = hs->peer_at = hs->peer_length = 0;
    state->length -= kept;
}

/* ------------------------------------------------------------------------------------------------ making */

struct tlsm_writer tlsm_begin_message(const struct tlsm_work *work, unsigned type)
{
    const struct tlsm_span wire = work->out->wire;
    const size_t lead = tlsm_record_lead(work->state);
    struct tlsm_writer writer = { NULL, 0, 0 };
    if (wire.capacity > lead) {
        writer.data = wire.data + lead;
        writer.capacity = wire.capacity - lead;
    }
    tlsm_put_number(&writer, type, 1);
    (void)tlsm_open_vector(&writer, 3);
    return writer;
}

enum tlsm_code tlsm_end_message(struct tlsm_work *work, struct tlsm_writer *writer)
{
    const size_t needed = tlsm_records_size(work->state, writer->length);
    tlsm_close_vector(writer, 4, 3);
    if (needed <= work->out->wire.capacity)
        return TLSM_OK;
    work->out->wire_needed = needed;
    return TLSM_MORE_WIRE_ROOM;
}

enum tlsm_code tlsm_prepare_message(struct tlsm_work *work, struct tlsm_writer *writer, struct tlsm_hash *transcript,
                                    uint8_t digest[TLSM_HASH_MAX])
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    enum tlsm_code code = tlsm_end_message(work, writer);
    if (code != TLSM_OK)
        return code;
    *transcript = hs->transcript;
    if (tlsm_absorb(work->config, hs->hash, transcript, tlsm_made(writer)) != 0 ||
        (digest != NULL && tlsm_digest(work->config, hs->hash, transcript, digest) != 0))
        return TLSM_LIBRARY_FAILED;
    return TLSM_OK;
}

enum tlsm_code tlsm_send_prepared(struct tlsm_work *work, const struct tlsm_writer *writer,
                                  const struct tlsm_hash *transcript)
{
    if (tlsm_seal_message(work, TLSM_TYPE_HANDSHAKE, writer->length) < 0)
        return TLSM_LIBRARY_FAILED;
    tlsm_hs(work->state)->transcript = *transcript;
    return TLSM_OK;
}

enum tlsm_code tlsm_send_message(struct tlsm_work *work, struct tlsm_writer *writer, uint8_t digest[TLSM_HASH_MAX])
{
    struct tlsm_hash transcript;
    enum tlsm_code code = tlsm_prepare_message(work, writer, &transcript, digest);
    return code == TLSM_OK ? tlsm_send_prepared(work, writer, &transcript) : code;
}

/* Compatibility ChangeCipherSpec: always in the clear, one byte of 1 (RFC 9846 §5). */
enum tlsm_code tlsm_make_ccs(struct tlsm_work *work)
{
    const size_t needed = TLSM_HEADER + 1;
    if (work->out->wire.capacity < needed) {
        work->out->wire_needed = needed;
        return TLSM_MORE_WIRE_ROOM;
    }
    work->out->wire.data[TLSM_HEADER] = 1;
    return tlsm_seal_message(work, TLSM_TYPE_CCS, 1) < 0 ? TLSM_LIBRARY_FAILED : TLSM_OK;
}

void tlsm_put_signature(struct tlsm_writer *writer, const struct tlsm_state *state)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    tlsm_put_number(writer, state->scheme, 2);
    tlsm_put_number(writer, hs->signature_length, 2);
    tlsm_put(writer, tlsm_slice(tlsm_room_const(state) + hs->signature_at, hs->signature_length));
}

enum tlsm_code tlsm_put_finished(struct tlsm_work *work, const uint8_t base[TLSM_HASH_MAX], struct tlsm_writer *writer)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    uint8_t digest[TLSM_HASH_MAX], verify_data[TLSM_HASH_MAX];
    if (tlsm_digest(work->config, hs->hash, &hs->transcript, digest) != 0 ||
        tlsm_finished(work->config, hs->hash, base, digest, verify_data) != 0)
        return TLSM_LIBRARY_FAILED;
    *writer = tlsm_begin_message(work, TLSM_MSG_FINISHED);
    tlsm_put(writer, tlsm_slice(verify_data, tlsm_hash_length(hs->hash)));
    return TLSM_OK;
}

uint8_t tlsm_check_finished(struct tlsm_work *work, struct tlsm_bytes message, const uint8_t base[TLSM_HASH_MAX],
                            uint8_t digest[TLSM_HASH_MAX])
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    const struct tlsm_bytes body = tlsm_body(message);
    const size_t length = tlsm_hash_length(hs->hash);
    uint8_t before[TLSM_HASH_MAX], expected[TLSM_HASH_MAX];
    int failed = tlsm_digest(work->config, hs->hash, &hs->transcript, before);
    if (body.length != length)
        return TLSM_ALERT_DECODE_ERROR;
    if (failed == 0)
        failed = tlsm_finished(work->config, hs->hash, base, before, expected);
    const int equal = failed == 0 && tlsm_equal(body.data, expected, length);
    tlsm_wipe(expected, sizeof expected);
    if (failed == 0)
        failed = tlsm_absorb(work->config, hs->hash, &hs->transcript, message);
    if (failed == 0)
        failed = tlsm_digest(work->config, hs->hash, &hs->transcript, digest);
    if (failed != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    return equal ? 0 : TLSM_ALERT_DECRYPT_ERROR;
}
