/* SPDX-License-Identifier: MIT */
#include "closing_check.h"

#include <string.h>

enum { TYPE_CCS = 20, TYPE_ALERT = 21, NONCE = 8 };

static int alive(uint8_t rx) { return rx == TLSM_RX_UNBORN || rx == TLSM_RX_HANDSHAKE || rx == TLSM_RX_OPEN; }
static const struct tlsm_settings *settings_of(const struct node *node) { return &scene_at(node->mark.scene)->settings; }

static void copy_word(uint8_t *to, const uint8_t *from, size_t at)
{
    uint64_t word;
    memcpy(&word, from + at, sizeof word);
    memcpy(to + at, &word, sizeof word);
}

/* No loop, so that no compiler makes a call of it (as in same(), below). */
static void copy_control(struct tlsm_control *to, const struct tlsm_control *from)
{
    uint8_t *a = (uint8_t *)to;
    const uint8_t *b = (const uint8_t *)from;
    copy_word(a, b, 0);
    copy_word(a, b, 8);
    copy_word(a, b, 16);
    copy_word(a, b, 24);
    copy_word(a, b, 32);
}
_Static_assert(sizeof(struct tlsm_control) == 40, "five words");

void closing_before(const struct tlsm_state *state, struct closing_before *before)
{
    copy_control(&before->control, &state->control);
    before->produced = state->ledger.produced;
    before->taken = state->ledger.taken;
    before->write_suite = state->write_key.suite;
}

/* ------------------------------------------------------------------------------------------------ what we say */

/* E7, I3, A2. */
static const char *watch_content(uint8_t type, const uint8_t *content, size_t length, uint8_t *watch)
{
    if (*watch & (WATCH_CLOSE_OUT | WATCH_FATAL_OUT))
        return "I3: a record after the last one";
    if (*watch & WATCH_CANCEL_OUT && type != TYPE_ALERT)
        return "A2: user_canceled, then something that is not an alert";
    if (type != TYPE_ALERT)
        return NULL;
    if (length != 2)
        return "E1: an alert that is not two bytes";
    if (content[1] != 0 && content[1] != 90) {
        *watch |= WATCH_FATAL_OUT;
        return content[0] == 2 ? NULL : "an error alert that is not fatal";
    }
    *watch |= content[1] == 0 ? WATCH_CLOSE_OUT : WATCH_CANCEL_OUT;
    return content[0] == 1 ? NULL : "E7: close_notify or user_canceled that is not a warning";
}

/* The null provider hides nothing: TLS 1.3 has the type behind the content and the tag behind that, TLS 1.2 the nonce before it. */
static const char *watch_record(const struct closing_before *before, const uint8_t *record, size_t body, uint8_t *watch)
{
    const uint8_t *content = record + TLSM_HEADER;
    if (before->write_suite == 0 || record[0] == TYPE_CCS)
        return watch_content(record[0], content, body, watch);
    if (before->control.version == TLSM_1_2) {
        const size_t nonce = before->write_suite == TLSM_CHACHA20_POLY1305_SHA256 ? 0 : NONCE;
        return body < nonce + TLSM_TAG ? "a record that is too short"
                                       : watch_content(record[0], content + nonce, body - nonce - TLSM_TAG, watch);
    }
    if (body <= TLSM_TAG)
        return "a record that is too short";
    return watch_content(content[body - TLSM_TAG - 1], content, body - TLSM_TAG - 1, watch);
}

static const char *watch_wire(const struct closing_before *before, const struct tlsm_out *out, uint8_t *watch)
{
    const uint8_t *wire = out->wire.data;
    const char *broken = NULL;
    size_t at = 0;
    if (before->control.facts & TLSM_FACT_WRITE_ELSEWHERE)
        return out->record_type != 0 ? watch_content(out->record_type, wire, out->wire_length, watch) : NULL;
    while (broken == NULL && at < out->wire_length) {
        const size_t left = out->wire_length - at, body = left < TLSM_HEADER ? 0 : (size_t)wire[at + 3] << 8 | wire[at + 4];
        if (body == 0 || left < TLSM_HEADER + body)
            return "a record that does not parse";
        broken = watch_record(before, wire + at, body, watch);
        at += TLSM_HEADER + body;
    }
    return broken;
}

/* ------------------------------------------------------------------------------------------------ what went in */

/* I9, T1, C1. */
static const char *check_input(const struct closing_before *before, const struct closing_step *step, struct node *after)
{
    const struct tlsm_control *was = &before->control, *is = &after->at.state.control;
    const int final = step->code < 0;
    if (step->in->kind == TLSM_IN_EOF && alive(was->rx)) {
        after->mark.watch |= WATCH_EOF;
        return is->rx == TLSM_RX_CUT ? NULL : "T1: the transport ended and RX did not";
    }
    if (step->close_notify && was->rx == TLSM_RX_OPEN && !was->split) {
        after->mark.watch |= WATCH_PEER_CLOSE;
        return is->rx == TLSM_RX_CLOSED ? NULL : "C1: a close_notify does not close";
    }
    if (is->rx == TLSM_RX_CLOSED && was->rx != TLSM_RX_CLOSED)
        return "I1: an end out of nothing";
    if (step->in->kind == TLSM_IN_ABANDON && !final)
        return "I9: abandon does not end";
    if (step->in->kind == TLSM_IN_DEADLINE && !final)
        return "I9: the deadline does not end";
    return NULL;
}

/* I4: what ended stays, and no fact is forgotten, but that a one-way close may become another. */
static int absorbs(const struct tlsm_control *was, const struct tlsm_control *is)
{
    const int tx_ended = was->tx == TLSM_TX_CLOSED || was->tx == TLSM_TX_DEAD;
    return (alive(was->rx) || was->rx == is->rx) && (!tx_ended || was->tx == is->tx || is->tx == TLSM_TX_EXPORTED) &&
           (was->facts & ~is->facts & ~(uint32_t)TLSM_FACT_ONE_WAY) == 0;
}

static const char *check_totals(const struct closing_before *before, const struct closing_step *step,
                                const struct tlsm_ledger *is)
{
    const uint64_t sent = step->in->kind == TLSM_IN_SENT ? step->in->count : 0;
    if (is->produced - before->produced != step->out->wire_length)
        return "A8: produced is not what was made";
    if (is->taken - before->taken != sent || is->taken > is->produced)
        return "A8: taken is not what was sent";
    if (step->out->wire_length != 0 && step->in->kind != TLSM_IN_PRODUCE && step->in->kind != TLSM_IN_WRITE)
        return "section 0: only produce and write make bytes";
    if (step->out->consumed > step->in->bytes.length)
        return "I8: more was consumed than given";
    return NULL;
}

static const char *check_done(const struct closing_before *before, const struct closing_step *step, struct node *after)
{
    const char *broken = absorbs(&before->control, &after->at.state.control)
                             ? NULL : "I4: a half that ended moved, or a fact was forgotten";
    if (broken == NULL)
        broken = check_totals(before, step, &after->at.state.ledger);
    if (broken == NULL && step->out->wire_length != 0)
        broken = watch_wire(before, step->out, &after->mark.watch);
    return broken != NULL ? broken : check_input(before, step, after);
}

/* Word by word: memcmp() is a call, and watched, where there are sanitizers. */
static int same(const struct tlsm_control *one, const struct tlsm_control *other)
{
    const uint8_t *a = (const uint8_t *)one, *b = (const uint8_t *)other;
    uint64_t differs = 0;
    for (size_t at = 0; at < sizeof *one; at += sizeof(uint64_t)) {
        uint64_t x, y;
        memcpy(&x, a + at, sizeof x);
        memcpy(&y, b + at, sizeof y);
        differs |= x ^ y;
    }
    return differs == 0;
}

/* I4, I10: a refused command, and a step short of room, change nothing; short of input, the header at most. */
static const char *check_nothing_done(const struct closing_before *before, const struct closing_step *step, const struct node *after)
{
    const struct tlsm_state *state = &after->at.state;
    if (step->out->wire_length != 0 || step->out->plain_length != 0 || step->out->consumed != 0)
        return "I10: nothing was to be done, and something was made";
    if (!same(&before->control, &state->control) || before->produced != state->ledger.produced ||
        before->taken != state->ledger.taken)
        return "I10: nothing was to be done, and the state changed";
    return step->in->kind == TLSM_IN_ABORT && step->code >= TLSM_NOT_STARTED ? "I9: abort is refused" : NULL;
}

/* ------------------------------------------------------------------------------------------------ how it ended */

static int is_clean(uint8_t how) { return how == TLSM_CLEAN_BOTH_VERDICT || how == TLSM_CLEAN_RECEIVED_VERDICT; }

/* V1, line 7: what is said of a connection whose peer did not close. */
static int is_line_7(uint8_t how)
{
    return how == TLSM_CLOSED_INCOMPLETE_VERDICT || how == TLSM_FRAMED_END_VERDICT || how == TLSM_TRUNCATED_VERDICT ||
           how == TLSM_TRANSPORT_FAILED_VERDICT || how == TLSM_TIMED_OUT_VERDICT || how == TLSM_LIMIT_EXCEEDED_VERDICT;
}

static const char *check_how(uint8_t how, const struct node *after)
{
    const struct tlsm_state *state = &after->at.state;
    const uint8_t watch = after->mark.watch;
    const int closed = watch & WATCH_PEER_CLOSE && !(watch & WATCH_EOF);
    const int ours = watch & WATCH_CLOSE_OUT && state->ledger.taken == state->ledger.produced;
    if (is_clean(how) && !closed)
        return "I1: clean, and no close_notify came before the end";
    if (is_line_7(how) && watch & WATCH_PEER_CLOSE)
        return "I1: the peer's close_notify came, and is forgotten";
    if ((how == TLSM_CLEAN_BOTH_VERDICT || how == TLSM_CLOSED_INCOMPLETE_VERDICT) && !ours)
        return "V1: our close_notify is said to be taken, and was not";
    if (how == TLSM_FRAMED_END_VERDICT && settings_of(after)->eof != TLSM_EOF_FRAMED)
        return "T1: vouched for against the policy";
    return NULL;
}

/* The two halves say whether it is over, and all others must agree. */
static const char *check_verdict(const struct closing_before *before, const struct closing_step *step, const struct node *after)
{
    const struct tlsm_state *state = &after->at.state;
    const uint8_t tx = state->control.tx;
    const int final = tx == TLSM_TX_EXPORTED || (!alive(state->control.rx) && (tx == TLSM_TX_CLOSED || tx == TLSM_TX_DEAD));
    struct tlsm_verdict verdict;
    if ((step->code < 0) != final)
        return "section 0: the code ends what is not over, or does not end what is";
    if ((tlsm_needs(state) == 0) != final)
        return "I5: needs";
    if (!final && (alive(state->control.rx) || (before->control.rx == state->control.rx && before->control.tx == tx)))
        return NULL;
    tlsm_verdict(state, &verdict);
    if (final && (verdict.how == TLSM_OPEN || step->code != tlsm_how_code(verdict.how)))
        return "a code that is not the verdict";
    return check_how(verdict.how, after);
}

const char *closing_check(const struct closing_before *before, const struct closing_step *step, struct node *after)
{
    const uint8_t tx = before->control.tx;
    const int over = tx == TLSM_TX_EXPORTED || (!alive(before->control.rx) && (tx == TLSM_TX_CLOSED || tx == TLSM_TX_DEAD));
    const int header = step->code == TLSM_MORE_INPUT && before->control.header_seen < TLSM_HEADER;
    const int nothing = step->code >= TLSM_MORE_INPUT && !header;
    const char *broken = nothing || over ? check_nothing_done(before, step, after) : check_done(before, step, after);
    return broken != NULL || (nothing && !over) ? broken : check_verdict(before, step, after);
}
