/* SPDX-License-Identifier: MIT */
#include "closing_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "closing_check.h"
#include "closing_root.h"
#include "null_provider.h"
#include "operation.h"
#include "statecov.h"

/* ------------------------------------------------------------------------------------------------ what is reached */

/* What libFuzzer sees: for each row of closing.def the class of its result: statecov.h's own slots would be scanned and cleared at
 * every run, and take longer than it. A value is a feature of its own there, so a class goes into the value. Of the pairs of halves
 * only these can meet; others share a place. */
enum { HALVES = 32 };
#if defined(__AFL_COMPILER)
static void tell(unsigned slot) { statecov_hit(slot); }
#else
static void tell(unsigned slot) { statecov_note(slot); }
#endif
__attribute__((section("__libfuzzer_extra_counters"), used)) static uint8_t counters[HALVES * TLSM_EV_COUNT];

static void cover(const struct tlsm_out *out, enum tlsm_code code)
{
    static const uint8_t halves[TLSM_RX_COUNT][TLSM_TX_COUNT] = {
        [TLSM_RX_UNBORN] = { 1 },
        [TLSM_RX_HANDSHAKE] = { 0, 2, 3, 4, 0, 5, 6, 7, 0, 0, 8, 0 },
        [TLSM_RX_OPEN] = { 0, 0, 9, 10, 0, 11, 12, 13, 0, 0, 14, 0 },
        [TLSM_RX_CLOSED] = { 0, 0, 15, 16, 17, 18, 19, 0, 20, 21, 0, 0 },
        [TLSM_RX_CUT] = { 0, 0, 0, 22, 0, 23, 24, 0, 25, 26, 0, 0 },
        [TLSM_RX_DEAD] = { 0, 0, 0, 0, 27, 28, 29, 0, 30, 31, 0, 0 }
    };
    for (unsigned i = 0; i < out->cells; i++) {
        const unsigned cell = out->cell[i], slot = statecov_of_cell((uint16_t)cell, code), pair = cell / TLSM_EV_COUNT;
        counters[halves[pair / TLSM_TX_COUNT][pair % TLSM_TX_COUNT] * TLSM_EV_COUNT + cell % TLSM_EV_COUNT] =
            (uint8_t)(1 + slot % STATECOV_CLASSES);
        tell(slot);
    }
}

/* ------------------------------------------------------------------------------------------------ one step */

static uint8_t wire[CLOSING_WIRE], plain[CLOSING_WIRE];

static const char *step_with(struct closing_course *course, const struct tlsm_in *in, size_t room, int close_notify)
{
    struct tlsm_state *state = &course->node.at.state;
    static struct tlsm_out out;   /* not on the stack, where a sanitizer would fence them in at every step */
    static struct closing_before before;
    struct closing_step step = { in, &out, TLSM_OK, close_notify };
    out.wire = (struct tlsm_span){ wire, room };
    out.plain = (struct tlsm_span){ plain, sizeof plain };
    out.state_capacity = SCENE_ROOM;
    closing_before(state, &before);
    step.code = course->code = course->step(&scene_at(course->node.mark.scene)->config, state, in, state, &out);
    course->steps++;
    cover(&out, step.code);
    if (in->kind == TLSM_IN_WIRE || in->kind == TLSM_IN_RECORD)
        closing_pin(&course->node, out.news);
    return closing_check(&before, &step, &course->node);
}

static const char *command(struct closing_course *course, const struct tlsm_in *in) { return step_with(course, in, sizeof wire, 0); }

/* ------------------------------------------------------------------------------------------------ the peer's records */

/* What is left of it fits what the header that was folded announced. */
static int fits(const struct tlsm_control *control, const uint8_t *record, size_t length)
{
    return control->header_seen == 0 ||
           (control->record_type == record[0] && (control->header_seen < 4 || control->body == length - TLSM_HEADER));
}

/* The header, unless it was folded before, then the body, if the header did not end the reading. */
static const char *give(struct closing_course *course, const uint8_t *record, size_t length, int close_notify)
{
    const struct tlsm_control *control = &course->node.at.state.control;
    const size_t at = control->header_seen;
    struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { record + at, length - at } };
    const int whole = fits(control, record, length);
    if (at < TLSM_HEADER) {
        const char *broken = command(course, &in);
        if (broken != NULL || course->code != TLSM_OK || control->header_seen != TLSM_HEADER || length <= TLSM_HEADER)
            return broken;
    }
    in.bytes = (struct tlsm_bytes){ record + TLSM_HEADER, length - TLSM_HEADER };
    return step_with(course, &in, sizeof wire, whole && close_notify);
}

static const char *give_elsewhere(struct closing_course *course, const struct closing_record *record, int close_notify)
{
    struct tlsm_in in = { .kind = TLSM_IN_RECORD, .bytes = { record->content, record->content_length } };
    in.record_type = record->type;
    if (record->type == 0) {   /* none that a layer would open */
        in = (struct tlsm_in){ .kind = TLSM_IN_RECORD_FAILED };
        in.alert = TLSM_ALERT_BAD_RECORD_MAC;
    }
    return step_with(course, &in, sizeof wire, close_notify);
}

static const char *receive(struct closing_course *course, unsigned event)
{
    const struct tlsm_control *control = &course->node.at.state.control;
    const struct closing_record *record = closing_record(&course->node, event);
    const int closes = (event == CLOSING_PEER_CLOSE || event == CLOSING_PEER_CLOSE_FATAL) && control->read_epoch == TLSM_EPOCH_DATA;
    if (record->length == 0)
        return NULL;
    if (control->facts & TLSM_FACT_READ_ELSEWHERE)
        return give_elsewhere(course, record, closes);
    return give(course, record->bytes, record->length, closes);
}

static const char *make(struct closing_course *course, unsigned operation)
{
    const struct tlsm_bytes record = operation_bytes(&course->node, operation);
    const int scripted = operation == OP_SCRIPT && (course->node.at.state.control.rx == TLSM_RX_HANDSHAKE || node_awaits(&course->node));
    const char *broken;
    if (record.length == 0)
        return NULL;
    broken = give(course, record.data, record.length, 0);
    if (scripted && course->code < TLSM_MORE_INPUT)
        course->node.mark.record++;
    return broken;
}

static const char *give_header(struct closing_course *course, size_t length)
{
    const struct tlsm_control *control = &course->node.at.state.control;
    const struct closing_record *record =
        closing_record(&course->node, control->read_epoch == TLSM_EPOCH_NONE ? CLOSING_PLAIN_CLOSE : CLOSING_PEER_CLOSE);
    const size_t at = control->header_seen;
    const struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { record->bytes + at, length - at } };
    return record->length == 0 || at >= length ? NULL : command(course, &in);
}

/* ------------------------------------------------------------------------------------------------ commands */

enum how { ALL, ONE, MOST, TOO_MUCH };

static const char *send(struct closing_course *course, enum how how)
{
    const uint64_t outstanding = tlsm_outstanding(&course->node.at.state);
    struct tlsm_in in = { .kind = TLSM_IN_SENT, .count = (size_t)outstanding };
    if (how == ONE)
        in.count = outstanding > 0;
    else if (how == MOST)
        in.count -= outstanding > 0;
    else if (how == TOO_MUCH)
        in.count++;
    return command(course, &in);
}

static const char *answer(struct closing_course *course, unsigned operation)
{
    uint8_t signature[TLSM_NULL_SIGNATURE];
    struct tlsm_answer given;
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &given };
    operation_answer(&course->node, operation, &given, signature);
    return command(course, &in);
}

static const char *write_byte(struct closing_course *course, uint8_t early)
{
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { (const uint8_t *)"w", 1 }, .early = early };
    return command(course, &in);
}

/* Of a body all but a byte, where its header is folded. */
static const char *end_inside(struct closing_course *course, const struct tlsm_in *in)
{
    const struct tlsm_control *control = &course->node.at.state.control;
    struct tlsm_in held = *in;
    if (control->header_seen == TLSM_HEADER)
        held.count = (size_t)control->body - 1;
    return command(course, &held);
}

static const char *do_command(struct closing_course *course, unsigned event, const struct tlsm_in *in)
{
    if (event == CLOSING_EOF_HELD)
        return end_inside(course, in);
    if (event == CLOSING_DEADLINE && !(course->node.at.state.control.facts & TLSM_FACT_DEADLINE))
        return NULL;
    return step_with(course, in, event == CLOSING_PRODUCE_SHORT ? 0 : sizeof wire, 0);
}

/* ------------------------------------------------------------------------------------------------ courses */

static const char *const texts[CLOSING_EVENTS] = {
#define COMMAND(name, kind, field, value, text) text,
#define WRITING(name, early, text) text,
#define SENT(name, how, text) text,
#define ANSWER(name, operation, text) text,
#define RECORD(name, operation, text) text,
#define MADE(name, operation, text) text,
#define HEADER(name, length, text) text,
#include "closing_event.def"
};
const char *closing_event_text(unsigned event) { return texts[event]; }

const char *closing_event(struct closing_course *course, uint8_t event)
{
    const unsigned which = event % CLOSING_EVENTS;
    switch ((enum closing_event)which) {
#define COMMAND(name, is, field, value, text) case CLOSING_##name: { \
        static const struct tlsm_in in = { .kind = TLSM_IN_##is, .field = value }; return do_command(course, which, &in); }
#define WRITING(name, first, text) case CLOSING_##name: return write_byte(course, first);
#define SENT(name, how, text) case CLOSING_##name: return send(course, how);
#define ANSWER(name, operation, text) case CLOSING_##name: return answer(course, OP_##operation);
#define RECORD(name, operation, text) case CLOSING_##name: return receive(course, which);
#define MADE(name, operation, text) case CLOSING_##name: return make(course, OP_##operation);
#define HEADER(name, length, text) case CLOSING_##name: return give_header(course, length);
#include "closing_event.def"
    case CLOSING_EVENTS: break;
    }
    return NULL;
}

void closing_begin(struct closing_course *course, uint8_t root)
{
    node_copy(&course->node, closing_root(root % CLOSING_OBEYS));
    course->code = TLSM_OK;
    course->steps = 0;
    course->step = tlsm_step;
}

void closing_copy(struct closing_course *to, const struct closing_course *from)
{
    node_copy(&to->node, &from->node);
    to->code = from->code;
    to->steps = from->steps;
    to->step = from->step;
}

int closing_over(const struct closing_course *course) { return course->code < 0; }

/* What a caller does who obeys, and wants to close. */
static const char *obey(struct closing_course *course, unsigned needs, int speaking)
{
    static const struct tlsm_in produce = { .kind = TLSM_IN_PRODUCE }, close = { .kind = TLSM_IN_CLOSE },
                                end = { .kind = TLSM_IN_EOF }, abandon = { .kind = TLSM_IN_ABANDON };
    if (speaking)
        return command(course, &close);
    if (needs & TLSM_NEED_PRODUCE)
        return command(course, &produce);
    if (needs & TLSM_NEED_SEND)
        return send(course, ALL);
    if (needs & TLSM_NEED_ANSWER)
        return answer(course, OP_ANSWER);
    return command(course, needs & TLSM_NEED_RECEIVE ? &end : &abandon);
}

const char *closing_end(struct closing_course *course)
{
    const struct tlsm_state *state = &course->node.at.state;
    const int most = 12 + state->control.tickets;   /* each ticket that is owed is a record of its own */
    for (int steps = 0; steps < most; steps++) {
        const unsigned needs = tlsm_needs(state);
        const char *broken;
        if (needs == 0)
            return NULL;
        broken = obey(course, needs, state->control.tx <= TLSM_TX_OPEN);
        if (broken != NULL)
            return broken;
        if (course->code >= TLSM_MORE_INPUT)
            return "I13: what is needed is refused";
    }
    return "I13: an obedient caller does not come to an end";
}

static const char *give_up(struct closing_course *course)
{
    static const struct tlsm_in abandon = { .kind = TLSM_IN_ABANDON };
    return closing_over(course) ? NULL : command(course, &abandon);
}

static const char *run(struct closing_course *course, const uint8_t *bytes, size_t length, int obeys)
{
    const size_t events = length < CLOSING_EVENTS_MAX ? length : CLOSING_EVENTS_MAX;
    for (size_t i = 0; i < events; i++) {
        const int over = closing_over(course);
        const char *broken = closing_event(course, bytes[i]);
        if (broken != NULL)
            return broken;
        if (over)   /* I4: once more after the end, and it absorbs */
            break;
    }
    if (tlsm_invariant(&course->node.at.state) != 0)
        return "a state that does not agree with itself";
    return obeys ? closing_end(course) : give_up(course);
}

unsigned closing_run_with(const uint8_t *bytes, size_t length, const char **broken,
                          enum tlsm_code (*step)(const struct tlsm_config *config, const struct tlsm_state *state,
                                                 const struct tlsm_in *in, struct tlsm_state *next, struct tlsm_out *out))
{
    static struct closing_course course;
    closing_begin(&course, length > 0 ? bytes[0] : 0);
    course.step = step;
    *broken = length > 0 ? run(&course, bytes + 1, length - 1, bytes[0] & CLOSING_OBEYS) : NULL;
    return course.steps;
}

unsigned closing_run(const uint8_t *bytes, size_t length, const char **broken)
{
    return closing_run_with(bytes, length, broken, tlsm_step);
}

unsigned closing_must(const uint8_t *bytes, size_t length)
{
    const char *broken;
    const unsigned steps = closing_run(bytes, length, &broken);
    if (broken == NULL)
        return steps;
    fprintf(stderr, "broken: %s\n", broken);
    abort();
}
