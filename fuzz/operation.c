/* SPDX-License-Identifier: MIT */
#include "operation.h"

#include <string.h>

#include "sealed.h"

enum { TYPE_CCS = 20, TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, TYPE_DATA = 23, INNER_MAX = 1000, OVERSIZE = 16385 };

/* lifetime 4, age_add 4, nonce 1, ticket 3, no extensions: 17 bytes behind the header */
#define TICKET "\4\0\0\21" "\0\0\16\20" "\0\0\0\7" "\1\0" "\0\3tik" "\0\0"
/* context 1, signature_algorithms: ECDSA with P-256 */
#define REQUEST "\15\0\0\14" "\1\1" "\0\10" "\0\15\0\4\0\2\4\3"
/* random 32, no session id, ECDHE_ECDSA_AES_128_GCM_SHA256, no extensions */
#define HELLO_12 "\2\0\0\46" "\3\3" "a random of thirty-two bytes ..." "\0" "\300\53" "\0"
#define KEY_UPDATE "\30\0\0\1\0"

enum kind { IS_COMMAND, IS_HEADER, IS_RECORD, IS_PLAIN };
struct description {
    uint8_t kind, which;          /* which header byte, or the (inner) type */
    struct tlsm_bytes content;
    const char *text;
};

#define LITERAL(string) { (const uint8_t *)(string), sizeof(string) - 1 }
static const struct description descriptions[OPERATIONS] = {
#define COMMAND(name, text) [OP_##name] = { IS_COMMAND, 0, { NULL, 0 }, text },
#define HEADER(name, which) [OP_##name] = { IS_HEADER, which, { NULL, 0 }, "a header byte" },
#define RECORD(name, type, content, text) [OP_##name] = { IS_RECORD, type, LITERAL(content), text },
#define PLAIN(name, type, content, text) [OP_##name] = { IS_PLAIN, type, LITERAL(content), text },
#include "operation.def"
#undef COMMAND
#undef HEADER
#undef RECORD
#undef PLAIN
};

const char *operation_text(unsigned operation) { return descriptions[operation].text; }
int operation_is_record(unsigned operation) { return descriptions[operation].kind >= IS_RECORD; }

static const struct scene *scene_of(const struct node *node) { return scene_at(node->mark.scene); }
static int keys_on(const struct tlsm_state *state) { return state->control.read_epoch != TLSM_EPOCH_NONE; }

/* ------------------------------------------------------------------------------------------------ header bytes */

/* Every judgement of a header has its bytes: types, versions, high and low bytes of lengths at each limit. */
static int header_byte(const struct tlsm_control *control, unsigned which, uint8_t *byte)
{
    static const uint8_t lows_12[] = { 0, 1, 2, 15, 16, 23, 24, 25, 26, 28, 29, 34, 38, 64, 254, 255 };
    static const uint8_t types[] = { 23, 22, 21, 20, 0, 24, 255 }, majors[] = { 3, 2 }, minors[] = { 3, 1, 4 };
    static const uint8_t highs[] = { 0, 1, 0x40, 0x41, 0x42, 0xff };
    static const uint8_t lows[] = { 0, 1, 2, 3, 15, 16, 17, 18, 19, 20, 22, 25, 34, 38, 64, 255 };
    static const struct { const uint8_t *bytes; unsigned count; } places[] = {
        { types, sizeof types }, { majors, sizeof majors }, { minors, sizeof minors }, { highs, sizeof highs },
        { lows, sizeof lows }
    };
    if (control->header_seen >= TLSM_HEADER || which >= places[control->header_seen].count)
        return 0;
    *byte = control->version == TLSM_1_2 && control->header_seen == 4 ? lows_12[which] : places[control->header_seen].bytes[which];
    return 1;
}

/* ------------------------------------------------------------------------------------------------ records */

struct record {
    uint8_t bytes[TLSM_HEADER + SCENE_WIRE];
    size_t length;           /* header included; one more byte follows it, which is nobody's */
};

struct content {
    uint8_t type;
    struct tlsm_bytes bytes;
};

static void put_header(struct record *record, uint8_t type, size_t body)
{
    const uint8_t header[TLSM_HEADER] = { type, 3, 3, (uint8_t)(body >> 8), (uint8_t)(body & 255) };
    memcpy(record->bytes, header, sizeof header);
    record->length = TLSM_HEADER + body;
    record->bytes[record->length] = 0xee;
}

static void put_plain(struct record *record, struct content content)
{
    put_header(record, content.type, content.bytes.length);
    if (content.bytes.length > 0)
        memcpy(record->bytes + TLSM_HEADER, content.bytes.data, content.bytes.length);
}

/* Sealed as the peer would; `inner` is the length of content, type and padding. */
static void put_sealed(struct record *record, const struct tlsm_state *state, const struct tlsm_key *key, struct content content, size_t inner)
{
    const struct sealed what = { 1, 1, content.type, content.bytes.length, inner, content.bytes.data };
    record->length = sealed_make(state->control.version, key, &what, record->bytes);
    record->bytes[record->length] = 0xee;
}

/* Does `whole` begin with what is in spare? Then what is missing of it. */
static int continues(const struct tlsm_state *state, const char *whole, size_t length, struct tlsm_bytes *rest)
{
    if (state->spare_have >= length || memcmp(state->spare, whole, state->spare_have) != 0)
        return 0;
    *rest = (struct tlsm_bytes){ (const uint8_t *)whole + state->spare_have, length - state->spare_have };
    return 1;
}

static size_t missing(const struct tlsm_state *state)
{
    const size_t have = state->spare_have;
    const size_t whole = have < 4 ? 4 : 4 + ((size_t)state->spare[1] << 16 | (size_t)state->spare[2] << 8 | state->spare[3]);
    return whole > have && whole - have < INNER_MAX ? whole - have : 1;
}

static struct tlsm_bytes rest_of_message(const struct tlsm_state *state)
{
    static const uint8_t zeros[INNER_MAX];
    const struct tlsm_bytes request = { (const uint8_t *)REQUEST + 6, sizeof REQUEST - 1 - 6 };
    if (state->spare_skip == 0 && state->spare_have == 0)   /* the machine has it in its room */
        return request;
    struct tlsm_bytes rest = { zeros, state->spare_skip < INNER_MAX ? state->spare_skip : INNER_MAX - 1 };
    if (state->spare_skip > 0)
        return rest;
    if (!continues(state, TICKET, sizeof TICKET - 1, &rest) && !continues(state, KEY_UPDATE, sizeof KEY_UPDATE - 1, &rest))
        rest.length = missing(state);
    return rest;
}

static int rest_content(const struct tlsm_state *state, unsigned operation, struct tlsm_bytes *content)
{
    static uint8_t both[INNER_MAX + sizeof KEY_UPDATE];
    if (state->control.rx != TLSM_RX_OPEN || !state->control.split)
        return 0;
    *content = rest_of_message(state);
    if (operation == OP_REST_ONE)
        content->length = 1;
    if (operation == OP_REST_AND_MORE) {
        memcpy(both, content->data, content->length);
        memcpy(both + content->length, KEY_UPDATE, sizeof KEY_UPDATE - 1);
        *content = (struct tlsm_bytes){ both, content->length + sizeof KEY_UPDATE - 1 };
    }
    return 1;
}

static int content_of(const struct tlsm_state *state, unsigned operation, struct content *content)
{
    static const uint8_t zeros[OVERSIZE];
    content->type = descriptions[operation].which;
    content->bytes = descriptions[operation].content;
    if (operation == OP_OVERSIZE)
        content->bytes = (struct tlsm_bytes){ zeros, OVERSIZE };
    if (operation == OP_REST || operation == OP_REST_ONE || operation == OP_REST_AND_MORE)
        return rest_content(state, operation, &content->bytes);
    return 1;
}

/* TLS 1.2 has no padding, and a type that is to be seen: either it fits, or not. */
static size_t inner_length_12(const struct tlsm_state *state, const struct content *content)
{
    const struct tlsm_control *control = &state->control;
    const size_t length = content->bytes.length, overhead = sealed_overhead(TLSM_1_2, &state->read_key);
    if (content->type == 0)
        return 0;
    if (control->header_seen == 0)
        return length + 1;
    return control->header_seen == TLSM_HEADER && control->record_type == content->type && control->body == length + overhead ? length + 1 : 0;
}

/* How long the inner plaintext is: as long as need be, or as the folded header says. 0: it does not fit. */
static size_t inner_length(const struct tlsm_state *state, unsigned operation, const struct content *content)
{
    const struct tlsm_control *control = &state->control;
    size_t inner = content->bytes.length + (content->type != 0 ? 1 : 4);
    if (control->version == TLSM_1_2)
        return inner_length_12(state, content);
    if (control->header_seen == 0)
        return inner;
    if (control->header_seen < TLSM_HEADER || control->record_type != TYPE_DATA || control->body < TLSM_TAG + inner)
        return 0;
    inner = (size_t)control->body - TLSM_TAG;
    return operation == OP_OVERSIZE || inner <= INNER_MAX ? inner : 0;
}

static int make_sealed(const struct node *node, unsigned operation, struct record *record)
{
    const struct tlsm_state *state = &node->at.state;
    struct tlsm_key key = state->read_key;
    struct content content;
    size_t inner;
    if (!keys_on(state) || !content_of(state, operation, &content))
        return 0;
    inner = inner_length(state, operation, &content);
    if (inner == 0)
        return 0;
    key.sequence += operation == OP_REPLAY;
    put_sealed(record, state, &key, content, inner);
    record->bytes[record->length - 1] ^= operation == OP_BAD_TAG;
    return 1;
}

static int make_plain(const struct node *node, unsigned operation, struct record *record)
{
    const struct tlsm_control *control = &node->at.state.control;
    const struct content content = { descriptions[operation].which, descriptions[operation].content };
    if (control->header_seen != 0 && (control->header_seen < TLSM_HEADER || control->record_type != content.type ||
                                      control->body != content.bytes.length))
        return 0;
    put_plain(record, content);
    return 1;
}

/* ------------------------------------------------------------------------------------------------ the script */

static int make_script(const struct node *node, unsigned operation, struct record *record)
{
    const struct scene *scene = scene_of(node);
    const struct tlsm_state *state = &node->at.state;
    const struct scene_record *next = &scene->record[node->mark.record];
    struct content content = { 0, { NULL, 0 } };
    if (node->mark.record >= (node_awaits(node) ? scene->all : state->control.rx == TLSM_RX_HANDSHAKE ? scene->records : 0))
        return 0;
    content.type = next->type;
    content.bytes.data = scene->script + next->at + node->mark.offset;
    content.bytes.length = operation == OP_SCRIPT_ONE ? 1 : (size_t)next->length - node->mark.offset;
    if (operation == OP_SCRIPT_ONE && node->mark.offset + 1 >= next->length)
        return 0;
    if (keys_on(state) && content.type != TYPE_CCS)
        put_sealed(record, state, &state->read_key, content, content.bytes.length + 1);
    else
        put_plain(record, content);
    if (state->control.header_seen == 0)
        return 1;
    return operation == OP_SCRIPT && state->control.header_seen == TLSM_HEADER &&
           state->control.record_type == record->bytes[0] && state->control.body == record->length - TLSM_HEADER;
}

static void advance_script(struct node *node, unsigned operation)
{
    if (operation == OP_SCRIPT) {
        node->mark.record++;
        node->mark.offset = 0;
    } else if (operation == OP_SCRIPT_ONE)
        node->mark.offset++;
}

/* ------------------------------------------------------------------------------------------------ carrying out */

static const struct rooms wide = { SCENE_WIRE / 2, SCENE_WIRE / 2, SCENE_ROOM };

static const char *one_step(const struct node *before, const struct tlsm_in *in, const struct rooms *rooms,
                            struct node *after, struct operation_result *result)
{
    struct step_report report;
    unsigned room = 2 * TLSM_CELLS - result->step.cells;
    const char *broken = check_step(before, in, rooms, after, &report, &result->code);
    result->applied = 1;
    if (report.cells < room)
        room = report.cells;
    memcpy(report.cell + result->step.cells, report.out.cell, room * sizeof *report.cell);
    memcpy(report.cell, result->step.cell, result->step.cells * sizeof *report.cell);
    report.cells = result->step.cells + room;
    result->step = report;
    return broken;
}

static struct tlsm_in received(const uint8_t *data, size_t length)
{
    struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { data, length } };
    return in;
}

/* The header, unless it was folded before, then the body, if the header did not end the reading. */
static const char *give_record(const struct node *before, const struct record *record, struct node *after,
                               struct operation_result *result)
{
    static struct node between;
    struct tlsm_in in = received(record->bytes, record->length + 1);
    const char *broken;
    if (before->at.state.control.header_seen == TLSM_HEADER) {
        in = received(record->bytes + TLSM_HEADER, record->length + 1 - TLSM_HEADER);
        return one_step(before, &in, &wide, after, result);
    }
    broken = one_step(before, &in, &wide, after, result);
    if (broken != NULL || result->code != TLSM_OK || after->at.state.control.header_seen != TLSM_HEADER)
        return broken;
    node_copy(&between, after);
    in = received(record->bytes + TLSM_HEADER, record->length + 1 - TLSM_HEADER);
    return one_step(&between, &in, &wide, after, result);
}

static const char *give_bytes(const struct node *before, const uint8_t *data, size_t length, struct node *after,
                              struct operation_result *result)
{
    struct tlsm_in in = received(data, length);
    return one_step(before, &in, &wide, after, result);
}

static int command_input(const struct node *before, unsigned operation, struct tlsm_in *in, struct rooms *rooms)
{
    const struct tlsm_control *control = &before->at.state.control;
    const struct tlsm_ledger *ledger = &before->at.state.ledger;
    const size_t outstanding = (size_t)tlsm_outstanding(&before->at.state);
    const size_t body = control->header_seen == TLSM_HEADER ? control->body : 0;
    switch ((enum operation)operation) {
    case OP_START_SMALL: rooms->state = sizeof(struct tlsm_state) + 64;   /* fall through */
    case OP_START:
        in->kind = TLSM_IN_START;
        in->entropy = &scene_of(before)->entropy;
        in->now_ms = scene_of(before)->now_ms;
        in->session = scene_of(before)->session;
        return before->at.state.length <= rooms->state;
    case OP_PRODUCE_SHORT: rooms->wire = 0;   /* fall through */
    case OP_PRODUCE: in->kind = TLSM_IN_PRODUCE; return 1;
    case OP_WRITE_SHORT: rooms->wire = 0;   /* fall through */
    case OP_WRITE: in->kind = TLSM_IN_WRITE; in->bytes = (struct tlsm_bytes){ (const uint8_t *)"w", 1 }; return 1;
    case OP_WRITE_EARLY: in->early = 1; in->kind = TLSM_IN_WRITE; in->bytes = (struct tlsm_bytes){ (const uint8_t *)"w", 1 }; return 1;
    case OP_ASK_CERTIFICATE: in->kind = TLSM_IN_ASK_CERTIFICATE; return 1;
    case OP_WRITE_EMPTY: in->kind = TLSM_IN_WRITE; return 1;
    case OP_SENT_NOTHING: in->kind = TLSM_IN_SENT; return 1;
    case OP_SENT_ONE: in->kind = TLSM_IN_SENT; in->count = 1; return outstanding > 1;
    case OP_SENT_MOST: in->kind = TLSM_IN_SENT; in->count = outstanding - 1; return outstanding > 2;
    case OP_SENT_RECORDS:
        in->kind = TLSM_IN_SENT;
        in->count = ledger->record_start > ledger->taken ? (size_t)(ledger->record_start - ledger->taken) : 0;
        return in->count > 0;
    case OP_SENT_ALL: in->kind = TLSM_IN_SENT; in->count = outstanding; return outstanding > 0;
    case OP_SENT_TOO_MUCH: in->kind = TLSM_IN_SENT; in->count = outstanding + 1; return 1;
    case OP_CLOSE_ONE_WAY: in->one_way = 1;   /* fall through */
    case OP_CLOSE: in->kind = TLSM_IN_CLOSE; return 1;
    case OP_WAIT: in->kind = TLSM_IN_WAIT; return 1;
    case OP_ABORT: in->kind = TLSM_IN_ABORT; in->alert = TLSM_ALERT_INTERNAL_ERROR; return 1;
    case OP_ABORT_BAD: in->kind = TLSM_IN_ABORT; in->alert = TLSM_ALERT_CLOSE_NOTIFY; return 1;
    case OP_ABANDON: in->kind = TLSM_IN_ABANDON; return 1;
    case OP_EOF: in->kind = TLSM_IN_EOF; return 1;
    case OP_EOF_ONE: in->kind = TLSM_IN_EOF; in->count = 1; return 1;
    case OP_EOF_MOST: in->kind = TLSM_IN_EOF; in->count = body - 1; return body > 2;
    case OP_EOF_WHOLE: in->kind = TLSM_IN_EOF; in->count = body; return body > 1;
    case OP_EOF_VOUCHED: in->kind = TLSM_IN_EOF; in->vouch = 1; return 1;
    case OP_RECEIVE_FAILED: in->kind = TLSM_IN_RECEIVE_FAILED; return 1;
    case OP_SEND_FAILED: in->kind = TLSM_IN_SEND_FAILED; return 1;
    case OP_DEADLINE_SET: in->kind = TLSM_IN_DEADLINE_SET; return 1;
    case OP_DEADLINE: in->kind = TLSM_IN_DEADLINE; return 1;
    case OP_UPDATE_ASK: in->ask = 1;   /* fall through */
    case OP_UPDATE: in->kind = TLSM_IN_KEY_UPDATE; return 1;
    case OP_EXPORT_CARRY: in->carry = 1;   /* fall through */
    case OP_EXPORT: in->kind = TLSM_IN_EXPORT; return 1;
    case OP_WIRE_NOTHING: in->kind = TLSM_IN_WIRE; return 1;
    case OP_ISSUE: in->kind = TLSM_IN_TICKET; return 1;
    case OP_OFFLOAD_FIXED: in->fixed = 1;   /* fall through */
    case OP_OFFLOAD: in->kind = TLSM_IN_OFFLOAD; in->sides = TLSM_SIDE_READ | TLSM_SIDE_WRITE; return 1;
    case OP_OFFLOAD_READ: in->kind = TLSM_IN_OFFLOAD; in->sides = TLSM_SIDE_READ; return 1;
    case OP_OFFLOAD_WRITE: in->kind = TLSM_IN_OFFLOAD; in->sides = TLSM_SIDE_WRITE; return 1;
    case OP_EOF_UNSURE: in->kind = TLSM_IN_EOF; in->unsure = 1; return 1;
    case OP_RECORD_ELSEWHERE:
        in->kind = TLSM_IN_RECORD;
        in->record_type = TYPE_DATA;
        in->bytes = (struct tlsm_bytes){ (const uint8_t *)"e", 1 };
        return 1;
    case OP_RECORD_UNSAID: in->kind = TLSM_IN_RECORD_FAILED; in->alert = TLSM_ALERT_ACCESS_DENIED; return 1;
    case OP_ANSWER: case OP_ANSWER_REFUSE: case OP_ANSWER_LATE: case OP_ANSWER_NONE: case OP_ANSWER_STALE:
    case OP_BODY_MOST: case OP_SCRIPT: case OP_SCRIPT_HEADER: case OP_SCRIPT_ONE:
    case OPERATIONS:
#define COMMAND(name, text)
#define HEADER(name, which) case OP_##name:
#define RECORD(name, type, content, text) case OP_##name:
#define PLAIN(name, type, content, text) case OP_##name:
#include "operation.def"
#undef COMMAND
#undef HEADER
#undef RECORD
#undef PLAIN
        break;
    }
    return 0;
}

/* No session; no credential of a client. */
static int may_answer_none(const struct node *before, const struct tlsm_request *request, struct tlsm_answer *given)
{
    if (request->kind == TLSM_ASK_CREDENTIAL && before->at.state.control.role == TLSM_CLIENT) {
        given->credential = TLSM_NO_CREDENTIAL;
        return 1;
    }
    return request->kind == TLSM_ASK_SESSION;
}

int operation_answer(const struct node *before, unsigned operation, struct tlsm_answer *given, uint8_t signature[TLSM_NULL_SIGNATURE])
{
    struct tlsm_request request;
    (void)tlsm_request(&scene_of(before)->config, &before->at.state, &request);
    (void)tlsm_null_answer_open(&scene_of(before)->config, &before->at.state, given, signature);
    if (request.kind == TLSM_ASK_SESSION && operation != OP_ANSWER_NONE)
        given->session = scene_of(before)->session;
    if (operation == OP_ANSWER_NONE && !may_answer_none(before, &request, given))
        return 0;
    if (operation == OP_ANSWER_STALE && request.kind != TLSM_ASK_REPLAY)
        return 0;
    given->fresh = request.kind == TLSM_ASK_REPLAY && operation != OP_ANSWER_STALE;
    given->now_ms = given->fresh ? scene_of(before)->now_ms : 0;
    if (operation == OP_ANSWER_LATE)
        given->id += 7;
    if (operation == OP_ANSWER_REFUSE)
        given->alert = TLSM_ALERT_ACCESS_DENIED;
    return 1;
}

static const char *answer(const struct node *before, unsigned operation, struct node *after,
                          struct operation_result *result)
{
    uint8_t signature[TLSM_NULL_SIGNATURE];
    struct tlsm_answer given;
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &given };
    return operation_answer(before, operation, &given, signature) ? one_step(before, &in, &wide, after, result) : NULL;
}

static const char *command(const struct node *before, unsigned operation, struct node *after,
                           struct operation_result *result)
{
    static const uint8_t zeros[1 << 16];
    const struct tlsm_control *control = &before->at.state.control;
    struct tlsm_in in = { .kind = TLSM_IN_COUNT };
    struct rooms rooms = wide;
    if (operation == OP_ANSWER || operation == OP_ANSWER_REFUSE || operation == OP_ANSWER_LATE ||
        operation == OP_ANSWER_NONE || operation == OP_ANSWER_STALE)
        return answer(before, operation, after, result);
    if (operation == OP_BODY_MOST)
        return control->header_seen == TLSM_HEADER && control->body > 1
                   ? give_bytes(before, zeros, (size_t)control->body - 1, after, result) : NULL;
    if (!command_input(before, operation, &in, &rooms))
        return NULL;
    return one_step(before, &in, &rooms, after, result);
}

/* J2: the record that make_sealed() makes, as a layer elsewhere gives it. */
static const char *give_elsewhere(const struct node *before, unsigned operation, struct node *after,
                                  struct operation_result *result)
{
    struct tlsm_in in = { .kind = TLSM_IN_RECORD };
    struct content content;
    if (!keys_on(&before->at.state) || !content_of(&before->at.state, operation, &content))
        return NULL;
    in.record_type = content.type;
    in.bytes = content.bytes;
    if (operation == OP_BAD_TAG || operation == OP_REPLAY) {
        in = (struct tlsm_in){ .kind = TLSM_IN_RECORD_FAILED };
        in.alert = TLSM_ALERT_BAD_RECORD_MAC;
    }
    return one_step(before, &in, &wide, after, result);
}

static const char *script(const struct node *before, unsigned operation, struct node *after,
                          struct operation_result *result)
{
    static struct record record;
    const char *broken;
    if (!make_script(before, operation, &record))
        return NULL;
    if (operation == OP_SCRIPT_HEADER)
        return give_bytes(before, record.bytes, TLSM_HEADER, after, result);
    broken = give_record(before, &record, after, result);
    if (result->code < TLSM_MORE_INPUT)
        advance_script(after, operation);
    return broken;
}

static const char *apply(const struct node *before, unsigned operation, struct node *after,
                         struct operation_result *result)
{
    static struct record record;
    uint8_t byte;
    if (operation == OP_SCRIPT || operation == OP_SCRIPT_HEADER || operation == OP_SCRIPT_ONE)
        return script(before, operation, after, result);
    switch ((enum kind)descriptions[operation].kind) {
    case IS_COMMAND:
        return command(before, operation, after, result);
    case IS_HEADER:
        if (!header_byte(&before->at.state.control, descriptions[operation].which, &byte))
            return NULL;
        return give_bytes(before, &byte, 1, after, result);
    case IS_RECORD:
        if (before->at.state.control.facts & TLSM_FACT_READ_ELSEWHERE)
            return give_elsewhere(before, operation, after, result);
        return make_sealed(before, operation, &record) ? give_record(before, &record, after, result) : NULL;
    case IS_PLAIN:
        return make_plain(before, operation, &record) ? give_record(before, &record, after, result) : NULL;
    }
    return NULL;
}

const char *operation_apply(const struct node *before, unsigned operation, struct node *after,
                            struct operation_result *result)
{
    memset(result, 0, sizeof *result);
    return apply(before, operation, after, result);
}

const char *operation_raw(const struct node *before, struct tlsm_bytes bytes, struct node *after,
                          struct operation_result *result)
{
    static struct node between;
    const char *broken = NULL;
    size_t at = 0, consumed;
    memset(result, 0, sizeof *result);
    node_copy(&between, before);
    do {
        result->step.cells = 0;
        broken = give_bytes(&between, bytes.data + at, bytes.length - at, after, result);
        consumed = result->step.out.consumed;
        at += consumed;
        node_copy(&between, after);
    } while (broken == NULL && consumed > 0 && at < bytes.length && result->code >= 0);
    return broken;
}

const char *operation_wire(const struct node *before, struct tlsm_bytes bytes, struct node *after,
                           struct operation_result *result)
{
    memset(result, 0, sizeof *result);
    return give_bytes(before, bytes.data, bytes.length, after, result);
}

struct tlsm_bytes operation_bytes(const struct node *node, unsigned operation)
{
    static struct record record;
    const uint8_t kind = descriptions[operation].kind;
    int made = 0;
    if (node->at.state.control.header_seen == 0) {
        if (operation == OP_SCRIPT)
            made = make_script(node, operation, &record);
        else if (kind == IS_RECORD && !(node->at.state.control.facts & TLSM_FACT_READ_ELSEWHERE))
            made = make_sealed(node, operation, &record);
        else if (kind == IS_PLAIN)
            made = make_plain(node, operation, &record);
    }
    return (struct tlsm_bytes){ record.bytes, made ? record.length : 0 };
}

int operation_usual(const struct node *node)
{
    const unsigned needs = tlsm_needs(&node->at.state);
    if (needs & TLSM_NEED_ANSWER)
        return OP_ANSWER;
    if (needs & TLSM_NEED_PRODUCE)
        return OP_PRODUCE;
    if (needs & TLSM_NEED_SEND)
        return OP_SENT_ALL;
    return needs & TLSM_NEED_RECEIVE && node->mark.record < scene_of(node)->records ? OP_SCRIPT : -1;
}
