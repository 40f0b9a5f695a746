/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <string.h>

#include "check_export.h"
#include "check_input.h"
#include "check_report.h"
#include "null_provider.h"
#include "sealed.h"

enum { TYPE_CCS = 20, TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, TYPE_DATA = 23 };

static int quick;
void check_quick(int yes) { quick = yes; }

/* ------------------------------------------------------------------------------------------------ running */

struct run {
    struct node node;
    struct tlsm_out out;
    enum tlsm_code code;
    const uint8_t *wire, *plain;
};

static int is_12(const struct node *node) { return node->at.state.control.version == TLSM_1_2; }
static int has(const struct tlsm_state *state, uint32_t facts) { return (state->control.facts & facts) != 0; }
static const struct tlsm_config *config_of(const struct node *node) { return &scene_at(node->mark.scene)->config; }

static struct tlsm_out empty_out(const struct rooms *rooms, uint8_t *wire, uint8_t *plain)
{
    struct tlsm_out out;
    memset(&out, 0xa5, sizeof out);   /* a step sets all that it gives */
    out.wire = (struct tlsm_span){ wire, rooms->wire };
    out.plain = (struct tlsm_span){ plain, rooms->plain };
    out.state_capacity = rooms->state;
    return out;
}

/* In place in every way: the state over itself, a body opened over its ciphertext, data sealed where it lies; and header
 * bytes one at a time. */
static void run_in_place(const struct node *before, const struct tlsm_in *in, const struct rooms *rooms, struct run *run)
{
    static uint8_t wire[SCENE_WIRE + 8], input[2 * SCENE_WIRE];
    struct tlsm_in copy = *in;
    const int header = in->kind == TLSM_IN_WIRE && before->at.state.control.header_seen < TLSM_HEADER;
    size_t given = in->bytes.length, consumed = 0;
    const size_t lead = before->at.state.control.facts & TLSM_FACT_WRITE_ELSEWHERE ? 0 : TLSM_HEADER;
    uint8_t *at = in->kind == TLSM_IN_WRITE && rooms->wire >= lead + given ? wire + lead : input;
    if (given > 0)
        memcpy(at, in->bytes.data, given);
    node_copy(&run->node, before);
    do {
        run->out = empty_out(rooms, wire, input);
        copy.bytes = (struct tlsm_bytes){ at + consumed, header && given > 0 ? 1 : given };
        run->code = tlsm_step(config_of(before), &run->node.at.state, &copy, &run->node.at.state, &run->out);
        consumed += run->out.consumed;
    } while (header && run->code == TLSM_OK && run->node.at.state.control.header_seen < TLSM_HEADER && consumed < given);
    run->out.consumed = consumed;
    run->wire = wire;
    run->plain = input;
}

static int same_out(const struct tlsm_out *a, const struct tlsm_out *b)
{
    return a->consumed == b->consumed && a->wire_length == b->wire_length && a->plain_length == b->plain_length &&
           a->input_needed == b->input_needed && a->wire_needed == b->wire_needed && a->plain_needed == b->plain_needed &&
           a->state_needed == b->state_needed && a->news == b->news && a->cells == b->cells && a->row == b->row &&
           a->violation == b->violation && a->record_type == b->record_type &&
           memcmp(a->cell, b->cell, sizeof a->cell) == 0;
}

static const char *compare(const struct run *twin, const struct node *after, const struct step_report *report,
                           enum tlsm_code code)
{
    if (twin->code != code)
        return "I7: two runs give two codes";
    if (!same_out(&twin->out, &report->out))
        return "I7: two runs report differently";
    if (twin->node.at.state.length != after->at.state.length ||
        memcmp(twin->node.at.block, after->at.block, after->at.state.length) != 0)
        return "I7: two runs leave two states";
    if (memcmp(twin->wire, report->wire, report->out.wire_length) != 0)
        return "I7: two runs make different bytes";
    if (memcmp(twin->plain, report->plain, report->out.plain_length) != 0)
        return "I7: two runs open different bytes";
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ the record walker */

static const char *watch_alert(const struct sealed *inner, uint8_t *watch)
{
    if (inner->length != 2)
        return "E1: an alert that is not two bytes";
    if (inner->content[1] == 0 || inner->content[1] == 90) {
        *watch |= inner->content[1] == 0 ? WATCH_CLOSE_OUT : WATCH_CANCEL_OUT;
        return inner->content[0] == 1 ? NULL : "E7: close_notify or user_canceled that is not a warning";
    }
    *watch |= WATCH_FATAL_OUT;
    return inner->content[0] == 2 ? NULL : "an error alert that is not fatal";
}

static const char *watch_record(const struct sealed *inner, uint8_t *watch)
{
    if (*watch & (WATCH_CLOSE_OUT | WATCH_FATAL_OUT))
        return "I3: a record after the last one";
    if (*watch & WATCH_CANCEL_OUT && inner->type != TYPE_ALERT)
        return "A2: user_canceled, then something that is not an alert";
    return inner->type == TYPE_ALERT ? watch_alert(inner, watch) : NULL;
}

/* J2: one record, its content alone. */
static const char *watch_elsewhere(const struct node *before, const struct step_report *report, uint8_t *watch)
{
    const struct sealed inner = { 1, 1, report->out.record_type, report->out.wire_length, 0, report->wire };
    const struct tlsm_key *was = &before->at.state.write_key;
    if (inner.type == 0)
        return inner.length == 0 ? NULL : "J2: a record without a type";
    if (inner.type != TYPE_DATA && inner.type != TYPE_HANDSHAKE && inner.type != TYPE_ALERT)
        return "J2: a record of a type that is none";
    if (inner.length > TLSM_PLAIN_MAX || (inner.length == 0 && inner.type != TYPE_DATA))
        return "J2: a record too long, or empty";
    if (was->suite == 0)
        return "J2: a record without a key";
    return watch_record(&inner, watch);
}

/* What we say, in the order in which we say it (I3, A2, G1). */
static const char *watch_wire(const struct node *before, const struct step_report *report, uint8_t *watch)
{
    const struct tlsm_key *key = &before->at.state.write_key;
    const uint8_t *wire = report->wire;
    size_t at = 0, length = report->out.wire_length;
    uint64_t sequence = key->sequence;
    if (before->at.state.control.facts & TLSM_FACT_WRITE_ELSEWHERE)
        return watch_elsewhere(before, report, watch);
    if (report->out.record_type != 0)
        return "J2: a record that nobody seals elsewhere";
    while (at < length) {
        const size_t body = length - at < TLSM_HEADER ? 0 : (size_t)wire[at + 3] << 8 | wire[at + 4];
        struct sealed inner;
        const char *broken;
        if (length - at < TLSM_HEADER + body || body == 0 || wire[at + 1] != 3 ||
            (wire[at + 2] != 3 && (wire[at] != TYPE_HANDSHAKE || wire[at + 2] != 1)))
            return "a record that does not parse";
        inner = check_read(&before->at.state, key, sequence, wire + at, wire + at + TLSM_HEADER);
        if (inner.protected ? !inner.authentic || inner.type == 0 : key->suite != 0 && (inner.type != TYPE_CCS || is_12(before)))
            return "a record that its own key does not open";
        broken = watch_record(&inner, watch);
        if (broken != NULL)
            return broken;
        sequence += (uint64_t)inner.protected;
        at += TLSM_HEADER + body;
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ the rules */

static int unchanged(const struct node *before, const struct node *after)
{
    return before->at.state.length == after->at.state.length &&
           memcmp(before->at.block, after->at.block, after->at.state.length) == 0;
}

static const char *check_nothing_done(const struct node *before, const struct node *after, const struct tlsm_out *out)
{
    if (!unchanged(before, after))
        return "I4, I10: a step that did nothing changed the state";
    if (out->wire_length != 0 || out->plain_length != 0 || out->consumed != 0)
        return "I4, I10: a step that did nothing gave bytes";
    return NULL;
}

static const char *check_needed(enum tlsm_code code, const struct tlsm_out *out, const struct rooms *rooms)
{
    if (code == TLSM_MORE_WIRE_ROOM && out->wire_needed <= rooms->wire)
        return "MORE_WIRE_ROOM where there is enough";
    if (code == TLSM_MORE_PLAIN_ROOM && out->plain_needed <= rooms->plain)
        return "MORE_PLAIN_ROOM where there is enough";
    if (code == TLSM_MORE_STATE_ROOM && out->state_needed <= rooms->state)
        return "MORE_STATE_ROOM where there is enough";
    if (code == TLSM_MORE_INPUT && out->input_needed == 0)
        return "MORE_INPUT of nothing";
    return NULL;
}

/* What the needs promised (I13), and what is legal everywhere (I9). */
static const char *check_promises(const struct node *before, const struct tlsm_in *in, const struct rooms *rooms,
                                  enum tlsm_code code, const struct tlsm_out *out)
{
    const struct tlsm_state *state = &before->at.state;
    const unsigned needs = tlsm_needs(state);
    const int roomy = rooms->wire >= 4096, refused = code >= TLSM_NOT_STARTED;
    if (in->kind == TLSM_IN_PRODUCE && roomy && ((needs & TLSM_NEED_PRODUCE) != 0) != (out->wire_length > 0))
        return "I13: needs and produce disagree";
    if (in->kind == TLSM_IN_SENT && needs & TLSM_NEED_SEND && in->count <= tlsm_outstanding(state) && refused)
        return "I13: sent is needed and refused";
    if ((in->kind == TLSM_IN_WIRE || in->kind == TLSM_IN_RECORD) && needs & TLSM_NEED_RECEIVE &&
        refused != (has(state, TLSM_FACT_READ_ELSEWHERE) != (in->kind == TLSM_IN_RECORD)))
        return "I13: receive is needed and refused";
    if (in->kind == TLSM_IN_ANSWER && needs & TLSM_NEED_ANSWER && refused)
        return "I13: an answer is needed and refused";
    if (in->kind == TLSM_IN_WRITE && in->early && roomy && (tlsm_early_room(config_of(before), state) > 0) != (out->wire_length > 0))
        return "early_room and write disagree";
    if (in->kind == TLSM_IN_WRITE && !in->early && roomy && tlsm_can_write(state) != (out->wire_length > 0 || out->record_type != 0) &&
        code != TLSM_WRITE_EXHAUSTED)
        return "can_write and write disagree";
    if (in->kind == TLSM_IN_ABANDON && code >= 0)
        return "I9: abandon does not end";
    if (in->kind == TLSM_IN_DEADLINE && has(state, TLSM_FACT_DEADLINE) && code >= 0)
        return "I9: the deadline does not end";
    if (in->kind == TLSM_IN_ABORT && in->alert == TLSM_ALERT_INTERNAL_ERROR && refused)
        return "I9: abort is refused";
    return NULL;
}

static int absorbs(const struct tlsm_control *was, const struct tlsm_control *is)
{
    const int rx_ended = was->rx == TLSM_RX_CLOSED || was->rx == TLSM_RX_CUT || was->rx == TLSM_RX_DEAD;
    const int tx_ended = was->tx == TLSM_TX_CLOSED || was->tx == TLSM_TX_DEAD;
    return (!rx_ended || was->rx == is->rx) && (!tx_ended || was->tx == is->tx || is->tx == TLSM_TX_EXPORTED) &&
           (was->facts & ~is->facts & ~(uint32_t)TLSM_FACT_ONE_WAY) == 0;
}

static const char *check_totals(const struct tlsm_state *was, const struct tlsm_state *is, const struct tlsm_in *in,
                                const struct tlsm_out *out)
{
    const uint64_t delivered = out->news & TLSM_NEWS_DATA ? out->plain_length : 0;
    const uint64_t written = in->kind == TLSM_IN_WRITE ? out->consumed : 0;
    if (is->ledger.produced - was->ledger.produced != out->wire_length)
        return "A8: produced is not what was made";
    if (is->ledger.plain_in - was->ledger.plain_in != delivered || is->ledger.plain_out - was->ledger.plain_out != written)
        return "I2: the totals of plaintext are wrong";
    if ((is->control.tx == TLSM_TX_DEAD || is->control.tx == TLSM_TX_CLOSED) && is->write_key.suite != 0)
        return "G4: a key for a half that is dead";
    if (is->ledger.write_updates >= UINT64_C(1) << 48)
        return "F4: more key updates than there may be";
    if (out->consumed > in->bytes.length)
        return "I8: more was consumed than given";
    if (out->wire_length != 0 && in->kind != TLSM_IN_PRODUCE && in->kind != TLSM_IN_WRITE)
        return "section 0: only produce and write make bytes";
    return NULL;
}

static const char *check_verdict(const struct node *before, const struct node *after, enum tlsm_code code)
{
    const struct tlsm_state *state = &after->at.state;
    const uint8_t watch = after->mark.watch;
    struct tlsm_verdict verdict;
    tlsm_verdict(state, &verdict);
    if (verdict.how == TLSM_CLEAN_BOTH_VERDICT || verdict.how == TLSM_CLEAN_RECEIVED_VERDICT) {
        if (!(watch & WATCH_PEER_CLOSE) || watch & WATCH_EOF)
            return "I1: clean, and no close_notify came before the end";
        if (verdict.how == TLSM_CLEAN_BOTH_VERDICT && (!(watch & WATCH_CLOSE_OUT) || verdict.untaken != 0))
            return "V1: clean_both, and ours was not taken";
    }
    if (verdict.how == TLSM_FRAMED_END_VERDICT && config_of(after)->settings->eof != TLSM_EOF_FRAMED)
        return "T1: vouched for against the policy";
    if (verdict.how == TLSM_CLOSED_INCOMPLETE_VERDICT && (!(watch & WATCH_CLOSE_OUT) || verdict.untaken != 0))
        return "V1: closed_incomplete, and ours was not taken";
    if (tlsm_is_final(state) ? code != tlsm_how_code(verdict.how) : code < 0)
        return "a code that is not the verdict";
    if (before->at.state.control.rx == TLSM_RX_CUT && state->control.rx == TLSM_RX_CLOSED)
        return "I1: clean after a cut";
    return NULL;
}

static const char *check_kept(const struct node *before, const struct tlsm_in *in, const struct node *after,
                              const struct step_report *report)
{
    const char *broken = NULL;
    if (in->kind == TLSM_IN_WIRE && report->out.consumed == 0)
        broken = "I13: progress without progress";
    if (broken == NULL && !absorbs(&before->at.state.control, &after->at.state.control))
        broken = "I4: a half that ended moved, or a fact was forgotten";
    if (broken == NULL)
        broken = check_totals(&before->at.state, &after->at.state, in, &report->out);
    return broken;
}

static const char *invariant_text(int number)
{
    static char text[] = "invariant 000";
    for (size_t at = sizeof text - 1, rest = (size_t)number, i = 1; i <= 3; i++, rest /= 10)
        text[at - i] = (char)('0' + rest % 10);
    return number == 0 ? NULL : text;
}

static const char *check_rules(const struct node *before, const struct tlsm_in *in, const struct rooms *rooms,
                               struct node *after, const struct step_report *report, enum tlsm_code code)
{
    const char *broken = check_needed(code, &report->out, rooms);
    if (broken == NULL)
        broken = check_promises(before, in, rooms, code, &report->out);
    if (broken == NULL && (code >= TLSM_MORE_INPUT || tlsm_is_final(&before->at.state)))
        broken = check_nothing_done(before, after, &report->out);
    else if (broken == NULL) {
        broken = check_kept(before, in, after, report);
        if (broken == NULL)
            broken = watch_wire(before, report, &after->mark.watch);
        if (broken == NULL)
            broken = check_input(before, in, after, report, &after->mark.watch);
    }
    if (broken == NULL)
        broken = invariant_text(tlsm_invariant(&after->at.state));
    if (broken == NULL)
        broken = check_verdict(before, after, code);
    return broken != NULL ? broken : check_report(after);
}

/* ------------------------------------------------------------------------------------------------ relations between runs */

enum { BEYOND = 32, UNTOUCHED = 0xc3 };   /* bytes behind a room that nobody writes to */

static int is_untouched(const uint8_t *bytes)
{
    int touched = 0;
    for (size_t i = 0; i < BEYOND; i++)
        touched |= bytes[i] ^ UNTOUCHED;
    return !touched;
}

/* 0: something was written beyond the rooms. */
static int try_rooms(const struct node *before, const struct tlsm_in *in, const struct rooms *rooms, struct run *run)
{
    static uint8_t wire[SCENE_WIRE + BEYOND], plain[SCENE_WIRE + BEYOND];
    memset(wire + rooms->wire, UNTOUCHED, BEYOND);
    memset(plain + rooms->plain, UNTOUCHED, BEYOND);
    run->out = empty_out(rooms, wire, plain);
    run->code = tlsm_step(config_of(before), &before->at.state, in, &run->node.at.state, &run->out);
    return is_untouched(wire + rooms->wire) && is_untouched(plain + rooms->plain);
}

static const char *expect_short(const struct node *before, const struct tlsm_in *in, struct rooms rooms,
                                enum tlsm_code expected)
{
    static struct run run;
    if (!try_rooms(before, in, &rooms, &run))
        return "I10: bytes beyond the room";
    if (run.code != expected)
        return "I10: room for less than was needed is enough";
    if ((expected == TLSM_MORE_WIRE_ROOM && run.out.wire_needed != rooms.wire + 1) ||
        (expected == TLSM_MORE_PLAIN_ROOM && run.out.plain_needed != rooms.plain + 1))
        return "I10: what is needed is not what was used";
    return check_nothing_done(before, &run.node, &run.out);
}

static const char *expect_enough(const struct node *before, const struct tlsm_in *in, struct rooms rooms, enum tlsm_code expected,
                                 const struct tlsm_out *out)
{
    static struct run run;
    if (!try_rooms(before, in, &rooms, &run))
        return "I10: bytes beyond the room";
    if (run.code != expected || run.out.wire_length != out->wire_length || run.out.plain_length != out->plain_length)
        return "I10: room for what was used is not enough";
    return NULL;
}

/* Bytes of room that the record takes, whose header is folded. */
static size_t opens_into(const struct node *before)
{
    const struct tlsm_control *control = &before->at.state.control;
    const size_t overhead = sealed_overhead(control->version, &before->at.state.read_key);
    const uint8_t type = control->record_type;
    if (control->read_epoch == TLSM_EPOCH_NONE || control->body <= overhead)
        return 0;
    return type == TYPE_DATA || (is_12(before) && type != TYPE_CCS) ? control->body - overhead : 0;
}

/* I10: what was used is enough; one byte less is short, says how much is needed, and does nothing at all. */
static const char *check_rooms(const struct node *before, const struct tlsm_in *in, const struct rooms *rooms,
                               const struct node *after, const struct step_report *report, enum tlsm_code code)
{
    const struct tlsm_control *control = &before->at.state.control;
    struct rooms less = *rooms;
    const char *broken = NULL;
    if (report->out.wire_length > 0) {
        less.wire = report->out.wire_length;
        broken = expect_enough(before, in, less, code, &report->out);
        less.wire--;
        if (broken == NULL)
            broken = expect_short(before, in, less, TLSM_MORE_WIRE_ROOM);
    }
    if (broken == NULL && in->kind == TLSM_IN_WIRE && control->header_seen == TLSM_HEADER && opens_into(before) > 0) {
        less.plain = opens_into(before);
        broken = expect_enough(before, in, less, code, &report->out);
        less.plain--;
        if (broken == NULL)
            broken = expect_short(before, in, less, TLSM_MORE_PLAIN_ROOM);
        less = *rooms;
    }
    if (broken == NULL && in->kind == TLSM_IN_WIRE && after->at.state.length > before->at.state.length) {
        less.state = after->at.state.length - 1;
        broken = expect_short(before, in, less, TLSM_MORE_STATE_ROOM);
    }
    return broken;
}

/* B5: the rest of a request that nobody can answer any more is skipped unread, so that what is wrong in it is not found. */
static int is_skipped_request(const struct node *before, const struct node *after)
{
    const struct tlsm_control *control = &before->at.state.control;
    return control->role == TLSM_CLIENT && control->behind == TLSM_BEHIND_HANDSHAKE && control->split &&
           control->phase >= TLSM_PHASE_PC_WAIT_REQUEST && after->at.state.control.rx == TLSM_RX_DEAD;
}

/* I12: with our half failed just before, the same is delivered. */
static const char *check_send_failure(const struct node *before, const struct tlsm_in *in, const struct node *after,
                                      const struct step_report *report)
{
    static struct run failed, then;
    static uint8_t wire[64], plain[SCENE_WIRE];
    const struct tlsm_in fail = { .kind = TLSM_IN_SEND_FAILED };
    const struct rooms rooms = { sizeof wire, sizeof plain, SCENE_ROOM };
    const uint32_t told = TLSM_NEWS_DATA | TLSM_NEWS_DISCARDED | TLSM_NEWS_PEER_CLOSED;
    const uint8_t tx = before->at.state.control.tx;
    if (tx == TLSM_TX_DEAD || tx == TLSM_TX_CLOSED)
        return NULL;
    failed.out = empty_out(&rooms, wire, plain);
    failed.code = tlsm_step(config_of(before), &before->at.state, &fail, &failed.node.at.state, &failed.out);
    if (failed.code < 0 || failed.code >= TLSM_MORE_INPUT)
        return "I12: a failed send is refused, or ends the reading";
    then.out = empty_out(&rooms, wire, plain);
    then.code = tlsm_step(config_of(before), &failed.node.at.state, in, &then.node.at.state, &then.out);
    if ((then.out.news & told) != (report->out.news & told) || then.out.plain_length != report->out.plain_length ||
        memcmp(in->kind == TLSM_IN_RECORD ? in->bytes.data : plain, report->plain, then.out.plain_length) != 0 ||
        (then.node.at.state.control.rx != after->at.state.control.rx && !is_skipped_request(before, after)))
        return "I12: a failed send changes what is delivered";
    return NULL;
}

static const char *check_relations(const struct node *before, const struct tlsm_in *in, const struct rooms *rooms,
                                   const struct node *after, const struct step_report *report, enum tlsm_code code)
{
    const char *broken;
    if (quick || code >= TLSM_MORE_INPUT || tlsm_is_final(&before->at.state))
        return NULL;
    broken = check_rooms(before, in, rooms, after, report, code);
    if (broken == NULL && before->at.state.control.rx == TLSM_RX_OPEN &&
        (in->kind == TLSM_IN_RECORD ||
         (in->kind == TLSM_IN_WIRE && before->at.state.control.header_seen == TLSM_HEADER)))
        broken = check_send_failure(before, in, after, report);
    return broken;
}

const char *check_step(const struct node *before, const struct tlsm_in *in, const struct rooms *rooms,
                       struct node *after, struct step_report *report, enum tlsm_code *code)
{
    static struct run twin;
    static uint8_t wire[SCENE_WIRE], plain[SCENE_WIRE];
    const char *broken;
    after->mark = before->mark;
    report->out = empty_out(rooms, wire, plain);
    *code = tlsm_step(config_of(before), &before->at.state, in, &after->at.state, &report->out);
    report->wire = wire;
    report->plain = in->kind == TLSM_IN_RECORD && in->bytes.data != NULL ? in->bytes.data : plain;
    report->cells = report->out.cells;
    memcpy(report->cell, report->out.cell, sizeof report->out.cell);
    run_in_place(before, in, rooms, &twin);
    broken = compare(&twin, after, report, *code);
    if (broken == NULL)
        broken = check_rules(before, in, rooms, after, report, *code);
    if (broken == NULL)
        broken = check_relations(before, in, rooms, after, report, *code);
    return broken;
}

/* ------------------------------------------------------------------------------------------------ ends */

static int next_kind(const struct tlsm_state *state, int tries, struct tlsm_in *in)
{
    const unsigned needs = tlsm_needs(state);
    in->kind = TLSM_IN_ABANDON;
    if (needs & TLSM_NEED_PRODUCE)
        in->kind = TLSM_IN_PRODUCE;
    else if (needs & TLSM_NEED_SEND) {
        in->kind = TLSM_IN_SENT;
        in->count = (size_t)tlsm_outstanding(state);
    } else if (needs & TLSM_NEED_ANSWER)
        in->kind = TLSM_IN_ANSWER;
    else if (needs & TLSM_NEED_RECEIVE) {
        in->kind = TLSM_IN_EOF;
        in->count = 0;
    } else if (tries == 0)
        in->kind = TLSM_IN_CLOSE;
    return needs != 0;
}

const char *check_ends(const struct node *node)
{
    static struct node at;
    static uint8_t wire[SCENE_WIRE / 2];
    uint8_t signature[TLSM_NULL_SIGNATURE];
    struct tlsm_answer answer;
    struct tlsm_in in = { .kind = TLSM_IN_ABANDON, .answer = &answer };
    const struct rooms rooms = { sizeof wire, 0, SCENE_ROOM };
    const char *broken = check_export(node);
    const int most = 40 + node->at.state.control.tickets;   /* each ticket that is owed is a record of its own */
    int closes = 0;
    if (broken != NULL)
        return broken;
    node_copy(&at, node);
    for (int steps = 0; steps < most; steps++) {
        struct tlsm_out out = empty_out(&rooms, wire, NULL);
        if (!next_kind(&at.at.state, closes, &in))
            return NULL;
        closes += in.kind == TLSM_IN_CLOSE;
        (void)tlsm_null_answer_open(config_of(&at), &at.at.state, &answer, signature);
        if (tlsm_step(config_of(&at), &at.at.state, &in, &at.at.state, &out) >= TLSM_MORE_INPUT)
            return "I13: what is needed is refused";
    }
    return "I13: an obedient caller does not come to an end";
}
