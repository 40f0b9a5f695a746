/* SPDX-License-Identifier: MIT */
#include "explore_framing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "null_provider.h"
#include "operation.h"
#include "sealed.h"

enum { BLOCK = 1 << 16, SORTS = 1024, ROWS = 64, BYTES = 256, LENGTHS = 1 << 16, LONGEST = TLSM_RECORD_MAX - TLSM_HEADER,
       CCS = 20, ALERT = 21, HANDSHAKE = 22, DATA = 23 };

union block {
    struct tlsm_state state;
    uint8_t bytes[BLOCK];
};

/* A state at a record's boundary. */
struct sort {
    const struct scene *scene;
    struct node node;
};

/* What may come: a type; whether every length was tried; the least and the greatest, and how many. */
struct accepted {
    uint8_t type;
    int all;
    uint32_t least, most, count;
};

/* Sorts that accept the same. */
struct row {
    uint16_t version;
    uint8_t rx, epoch;
    unsigned sorts, types;
    struct accepted accepted[4];
};

struct framing {
    struct sort *sort;
    size_t sorts, rows;
    struct row row[ROWS];
    struct tlsm_control length[ROWS];   /* of sorts whose lengths were all walked */
    size_t lengths;
    uint8_t held[TLSM_RX_COUNT][2][2];   /* TLS 1.2, sealed: which of them has every part of a body */
    int all;
    uint64_t states, transitions, broken;
    struct hash digest;
    const struct sort *at;
    struct tlsm_config config;
};

static const uint8_t nothing[LENGTHS];

/* ------------------------------------------------------------------------------------------------ one transition */

static void complain(struct framing *framing, const struct tlsm_control *control, const char *broken)
{
    if (framing->broken++ >= 20)
        return;
    printf("BROKEN: framing: %s\n  scene \"%s\", %s/%s, %s: %u header bytes, type %u, length %u\n", broken, framing->at->scene->name,
           tlsm_rx_name(control->rx), tlsm_tx_name(control->tx), tlsm_phase_name(control->phase), control->header_seen,
           control->record_type, control->body);
}

/* The halves, and the header as far as it is known: what framing changes. */
static void fold_control(struct hash *digest, const struct tlsm_control *control)
{
    fold(digest, (uint64_t)control->rx << 56 | (uint64_t)control->tx << 48 | (uint64_t)control->header_seen << 40 |
                     (uint64_t)control->record_type << 32 | (uint64_t)control->body << 16 | (uint64_t)control->alert_out << 8 |
                     control->cause);
}

static int same(const struct tlsm_out *a, const struct tlsm_out *b)
{
    return a->consumed == b->consumed && a->input_needed == b->input_needed && a->wire_length == b->wire_length &&
           a->plain_length == b->plain_length && a->plain_needed == b->plain_needed && a->state_needed == b->state_needed &&
           a->news == b->news && a->violation == b->violation && a->cells == b->cells;
}

/* Bytes from the peer, twice: apart, to `to`, and in place on a copy. */
static enum tlsm_code receive(struct framing *framing, const union block *from, struct tlsm_bytes bytes, union block *to,
                              struct tlsm_out *out)
{
    static union block twin;
    static uint8_t plain[2][LENGTHS];
    const struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = bytes };
    struct tlsm_out second = { .plain = { plain[1], sizeof plain[1] }, .state_capacity = BLOCK };
    enum tlsm_code code;
    *out = (struct tlsm_out){ .plain = { plain[0], sizeof plain[0] }, .state_capacity = BLOCK };
    code = tlsm_step(&framing->config, &from->state, &in, &to->state, out);
    memcpy(twin.bytes, from->bytes, from->state.length);
    if (tlsm_step(&framing->config, &twin.state, &in, &twin.state, &second) != code || !same(out, &second) ||
        twin.state.length != to->state.length || memcmp(twin.bytes, to->bytes, to->state.length) != 0)
        complain(framing, &from->state.control, "two runs differ");
    framing->transitions++;
    fold(&framing->digest, (uint64_t)(uint32_t)code << 32 | (uint32_t)out->violation << 24 | (uint32_t)out->consumed);
    fold(&framing->digest, (uint64_t)out->input_needed << 32 | (uint32_t)(out->plain_length + out->news));
    fold_control(&framing->digest, &to->state.control);
    return code;
}

static int goes_on(const struct tlsm_out *out) { return out->violation == 0; }

/* ------------------------------------------------------------------------------------------------ bodies */

static size_t least_overhead(const struct tlsm_state *state) { return sealed_overhead(state->control.version, &state->read_key); }

static int is_sealed(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    return control->read_epoch != TLSM_EPOCH_NONE && (control->version == TLSM_1_2 ? control->record_type != CCS : control->record_type == DATA);
}

/* n of m held: exactly m - n are missing, and nothing happens. */
static void hold(struct framing *framing, union block *twice, size_t body, size_t held)
{
    const struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { nothing, held } };
    for (unsigned run = 0; run < 2; run++) {
        struct tlsm_out out;
        out.plain = (struct tlsm_span){ NULL, 0 };
        out.wire = out.plain;
        out.state_capacity = BLOCK;
        if (tlsm_step(&framing->config, &twice[run].state, &in, &twice[run].state, &out) != TLSM_MORE_INPUT ||
            out.input_needed != body - held || out.consumed != 0)
            complain(framing, &twice[run].state.control, "part of a body is not asked for exactly");
    }
    framing->transitions++;
    framing->states++;
}

static void hold_all(struct framing *framing, const union block *at, int all)
{
    static union block twice[2];
    const size_t body = at->state.control.body;
    memcpy(twice[0].bytes, at->bytes, at->state.length);
    memcpy(twice[1].bytes, at->bytes, at->state.length);
    for (size_t held = 1; held < body; held++) {
        if (!all && held == 3 && body > 6)
            held = body - 2;
        hold(framing, twice, body, held);
    }
    if (memcmp(twice[0].bytes, at->bytes, at->state.length) != 0 || memcmp(twice[1].bytes, at->bytes, at->state.length) != 0)
        complain(framing, &at->state.control, "I10: part of a body changes something");
    framing->states++;
}

/* T1: the end of the transport, with so many bytes of the body held. */
static void end_at(struct framing *framing, const union block *at, size_t held)
{
    static union block after;
    const struct tlsm_in in = { .kind = TLSM_IN_EOF, .count = held };
    struct tlsm_out out = { .state_capacity = BLOCK };
    const enum tlsm_code code = tlsm_step(&framing->config, &at->state, &in, &after.state, &out);
    const struct tlsm_ledger *ledger = &after.state.ledger;
    framing->transitions++;
    fold(&framing->digest, (uint64_t)(uint32_t)code << 32 | held);
    if (held >= at->state.control.body) {
        if (code != TLSM_FEED_FIRST)
            complain(framing, &at->state.control, "T5: an end with a whole body held");
    } else if (after.state.control.place != TLSM_PLACE_BODY || ledger->eof_have != held || ledger->eof_need != at->state.control.body)
        complain(framing, &at->state.control, "T1: not the place in the body");
}

/* The whole body: what no key made; and sealed, as data, or as nothing but padding. */
static void whole(struct framing *framing, const union block *at)
{
    static union block after;
    static uint8_t record[TLSM_HEADER + LENGTHS];
    const struct tlsm_state *state = &at->state;
    const size_t body = state->control.body, overhead = least_overhead(state), older = state->control.version == TLSM_1_2;
    struct tlsm_out out;
    (void)receive(framing, at, (struct tlsm_bytes){ nothing, body }, &after, &out);
    if (!is_sealed(state) || body < overhead + !older)
        return;
    for (unsigned type = older ? state->control.record_type : DATA;; type = 0) {
        const size_t content = older ? body - overhead : type == 0 ? 0 : body - overhead - 1;
        const struct sealed what = { 1, 1, (uint8_t)type, content, older ? content + 1 : body - overhead, nothing };
        (void)sealed_make(state->control.version, &state->read_key, &what, record);
        (void)receive(framing, at, (struct tlsm_bytes){ record + TLSM_HEADER, body }, &after, &out);
        if (state->control.rx == TLSM_RX_OPEN && type == DATA && state->control.phase == TLSM_PHASE_DATA && out.violation == 0 &&
            content > TLSM_PLAIN_MAX)
            complain(framing, &state->control, "more data than a record may have");
        if (older || type == 0)
            break;
    }
}

static void walk_body(struct framing *framing, const union block *at, int all)
{
    const size_t body = at->state.control.body;
    hold_all(framing, at, all);
    end_at(framing, at, 0);
    end_at(framing, at, body - 1);
    end_at(framing, at, body);
    whole(framing, at);
}

/* ------------------------------------------------------------------------------------------------ headers */

/* Lengths are judged alike where these are; one of each has them all. */
static int is_first(struct framing *framing, const struct tlsm_control *control)
{
    for (size_t i = 0; i < framing->lengths; i++)
        if (framing->length[i].version == control->version && framing->length[i].rx == control->rx &&
            framing->length[i].read_epoch == control->read_epoch && framing->length[i].record_type == control->record_type)
            return 0;
    if (framing->lengths < ROWS)
        framing->length[framing->lengths++] = *control;
    return 1;
}

/* What is held of a body is neither judged nor kept, so one sort for each half's state, version and kind of record has all. */
static int is_held(struct framing *framing, const struct tlsm_state *state)
{
    uint8_t *held = &framing->held[state->control.rx][state->control.version == TLSM_1_2][is_sealed(state)];
    if (*held == 0 && state->control.record_type >= HANDSHAKE)
        *held = (uint8_t)framing->lengths;
    return *held == framing->lengths;
}

/* Where something could change. */
static int is_edge(unsigned body)
{
    return body < 64 || (body & 255) == 0 || (body & 255) == 255 || (body > TLSM_PLAIN_MAX - 3 && body < TLSM_PLAIN_MAX + 3) ||
           (body > LONGEST - 3 && body < LONGEST + 3);
}

static void accept(struct row *row, uint8_t type, uint32_t body, int all)
{
    struct accepted *accepted = NULL;
    for (unsigned i = 0; i < row->types; i++)
        if (row->accepted[i].type == type)
            accepted = &row->accepted[i];
    if (accepted == NULL) {
        if (row->types == 4)
            return;
        accepted = &row->accepted[row->types++];
        *accepted = (struct accepted){ type, all, body, body, 0 };
    }
    accepted->most = body;
    accepted->count++;
}

/* The last two bytes. */
static void walk_length(struct framing *framing, const union block *three, struct row *row)
{
    static union block four, five;
    const int first = is_first(framing, &three->state.control);
    struct tlsm_out out;
    for (unsigned high = 0; high < BYTES; high++) {
        const uint8_t high_byte = (uint8_t)high;
        (void)receive(framing, three, (struct tlsm_bytes){ &high_byte, 1 }, &four, &out);
        framing->states++;
        for (unsigned low = 0; low < BYTES; low++) {
            const uint8_t low_byte = (uint8_t)low;
            const unsigned body = high << 8 | low;
            if (!first && !is_edge(body))
                continue;
            (void)receive(framing, &four, (struct tlsm_bytes){ &low_byte, 1 }, &five, &out);
            if (!goes_on(&out))
                continue;
            if (five.state.control.body != body || five.state.control.header_seen != TLSM_HEADER || body > LONGEST)
                complain(framing, &five.state.control, "a length that is not what was said, or too long");
            accept(row, five.state.control.record_type, body, first);
            walk_body(framing, &five, first && framing->all && is_held(framing, &five.state));
        }
    }
}

/* Both bytes of the version: in the clear neither matters, under a key it is 0x0303. */
static void walk_version(struct framing *framing, const union block *one, struct row *row)
{
    static union block two, three, kept;
    struct tlsm_out out;
    int any = 0;
    for (unsigned major = 0; major < BYTES; major++) {
        const uint8_t byte = (uint8_t)major;
        if (receive(framing, one, (struct tlsm_bytes){ &byte, 1 }, &two, &out), !goes_on(&out))
            continue;
        framing->states += !any;
        for (unsigned minor = 0; minor < BYTES; minor++) {
            const uint8_t second = (uint8_t)minor;
            if (receive(framing, &two, (struct tlsm_bytes){ &second, 1 }, &three, &out), !goes_on(&out))
                continue;
            if (any && (kept.state.length != three.state.length || memcmp(kept.bytes, three.bytes, three.state.length) != 0))
                complain(framing, &three.state.control, "the version is kept");
            memcpy(kept.bytes, three.bytes, three.state.length);
            any = 1;
        }
    }
    if (any) {
        framing->states++;
        walk_length(framing, &kept, row);
    }
}

static void walk_type(struct framing *framing, const union block *none, struct row *row)
{
    static union block one;
    struct tlsm_out out;
    const int may = (tlsm_needs(&none->state) & TLSM_NEED_RECEIVE) && !(none->state.control.facts & TLSM_FACT_READ_ELSEWHERE);
    for (unsigned type = 0; type < BYTES; type++) {
        const uint8_t byte = (uint8_t)type;
        const enum tlsm_code code = receive(framing, none, (struct tlsm_bytes){ &byte, 1 }, &one, &out);
        if (!may) {
            if (out.consumed != 0 || one.state.length != none->state.length || memcmp(one.bytes, none->bytes, one.state.length) != 0 ||
                (code >= 0 && code < TLSM_NOT_STARTED))
                complain(framing, &none->state.control, "what may not be read is touched");
        } else if (goes_on(&out)) {
            if (type < CCS || type > DATA)
                complain(framing, &none->state.control, "a type that is none");
            framing->states++;
            walk_version(framing, &one, row);
        }
    }
}

/* ------------------------------------------------------------------------------------------------ sorts of states */

/* What framing could look at: all of the control block that is not a count or a report. */
static int alike(const struct tlsm_control *a, const struct tlsm_control *b)
{
    const uint32_t facts = TLSM_FACT_COMPLETE | TLSM_FACT_OPENED | TLSM_FACT_RETRIED | TLSM_FACT_EARLY_REJECTED | TLSM_FACT_READ_ELSEWHERE |
                           TLSM_FACT_ERROR | TLSM_FACT_CLOSE_ASKED;
    return a->rx == b->rx && a->tx == b->tx && a->phase == b->phase && a->role == b->role && a->read_epoch == b->read_epoch &&
           a->version == b->version && a->split == b->split && a->request == b->request && ((a->facts ^ b->facts) & facts) == 0;
}

static void add_sort(struct framing *framing, const struct node *node)
{
    struct sort *sort = &framing->sort[framing->sorts];
    if (node->at.state.control.header_seen != 0 || framing->sorts == SORTS)
        return;
    for (size_t i = 0; i < framing->sorts; i++)
        if (alike(&framing->sort[i].node.at.state.control, &node->at.state.control))
            return;
    node_copy(&sort->node, node);
    sort->scene = scene_at(node->mark.scene);
    framing->sorts++;
}

static const uint8_t courses[][4] = {
    { OPERATIONS }, { OP_CLOSE, OPERATIONS }, { OP_CLOSE, OP_PRODUCE, OPERATIONS }, { OP_CLOSE, OP_PRODUCE, OP_SENT_ALL, OPERATIONS },
    { OP_PEER_CLOSE, OPERATIONS }, { OP_PEER_CLOSE, OP_CLOSE, OP_PRODUCE, OPERATIONS }, { OP_EOF, OPERATIONS }, { OP_BAD_TAG, OPERATIONS },
    { OP_BAD_TAG, OP_PRODUCE, OPERATIONS }, { OP_SEND_FAILED, OPERATIONS }, { OP_WRITE, OPERATIONS }, { OP_ABANDON, OPERATIONS },
    { OP_TICKET_ONE, OPERATIONS }, { OP_UPDATE, OPERATIONS }, { OP_PLAIN_ALERT, OPERATIONS }, { OP_SCRIPT_ONE, OPERATIONS },
};

static void find_sorts(struct framing *framing, const struct scene *scene)
{
    static struct node node, next;
    struct operation_result result;
    for (size_t root = 0; root < scene->roots; root++)
        for (size_t i = 0; i < sizeof courses / sizeof *courses; i++) {
            node_copy(&node, &scene->root[root]);
            for (size_t step = 0; courses[i][step] != OPERATIONS; step++) {
                (void)operation_apply(&node, courses[i][step], &next, &result);
                if (result.applied)
                    node_copy(&node, &next);
            }
            add_sort(framing, &node);
        }
}

static int same_row(const struct row *a, const struct row *b)
{
    int equal = a->version == b->version && a->rx == b->rx && a->epoch == b->epoch && a->types == b->types;
    for (unsigned i = 0; equal && i < a->types; i++)
        equal = a->accepted[i].type == b->accepted[i].type && a->accepted[i].least == b->accepted[i].least &&
                a->accepted[i].most == b->accepted[i].most;
    return equal;
}

static void keep_row(struct framing *framing, const struct row *row)
{
    for (unsigned i = 0; i < row->types; i++)
        if (row->accepted[i].all && row->accepted[i].count != row->accepted[i].most - row->accepted[i].least + 1)
            complain(framing, &framing->at->node.at.state.control, "a length is missing among those that may come");
    for (size_t i = 0; i < framing->rows; i++)
        if (same_row(&framing->row[i], row)) {
            framing->row[i].sorts++;
            return;
        }
    if (framing->rows < ROWS)
        framing->row[framing->rows++] = *row;
}

static void walk_sort(struct framing *framing, const struct sort *sort)
{
    static union block none;
    const struct tlsm_control *control = &sort->node.at.state.control;
    struct row row = { control->version, control->rx, control->read_epoch, 1, 0, { { 0, 0, 0, 0, 0 } } };
    framing->at = sort;
    framing->config = sort->scene->config;
    memcpy(none.bytes, sort->node.at.block, sort->node.at.state.length);
    framing->states++;
    fold_control(&framing->digest, control);
    walk_type(framing, &none, &row);
    keep_row(framing, &row);
}

/* ------------------------------------------------------------------------------------------------ record_size_limit */

/* RFC 8449 §4: what is protected has at most `limit` bytes, in TLS 1.3 with its type and padding. `fill` bytes are content. */
static void limited_record(struct framing *framing, const union block *at, size_t limit, size_t whole, size_t fill)
{
    static union block folded, after;
    static uint8_t record[TLSM_HEADER + LENGTHS];
    const uint16_t version = at->state.control.version;
    const struct sealed what = { 1, 1, DATA, fill, version == TLSM_1_2 ? fill + 1 : whole, nothing };
    const size_t length = sealed_make(version, &at->state.read_key, &what, record);
    const int fits = whole <= limit;
    struct tlsm_out out;
    (void)receive(framing, at, (struct tlsm_bytes){ record, TLSM_HEADER }, &folded, &out);
    (void)receive(framing, &folded, (struct tlsm_bytes){ record + TLSM_HEADER, length - TLSM_HEADER }, &after, &out);
    framing->states += 2;
    if (fits ? out.violation != 0 || out.plain_length != fill : out.violation != TLSM_ALERT_RECORD_OVERFLOW)
        complain(framing, &folded.state.control, "RFC 8449: not our limit");
}

/* By hand: no scene's ends have told each other a limit. */
static void walk_limit(struct framing *framing, const struct scene *scene, uint16_t limit)
{
    static union block at;
    static struct sort sort;
    struct tlsm_settings settings = scene->settings;
    settings.record_size_limit = limit;
    sort.scene = scene;
    node_copy(&sort.node, &scene->root[scene->roots - 1]);
    framing->at = &sort;
    framing->config = scene->config;
    framing->config.settings = &settings;
    memcpy(at.bytes, sort.node.at.block, sort.node.at.state.length);
    at.state.record_max = limit;
    for (size_t whole = limit < 1024 ? 1 : limit - 2u; whole <= limit + 2u && whole <= TLSM_PLAIN_MAX; whole++) {
        const int older = at.state.control.version == TLSM_1_2;
        limited_record(framing, &at, limit, whole, older ? whole : whole - 1);
        if (!older && whole > 1)
            limited_record(framing, &at, limit, whole, 1);
    }
}

static void walk_limits(struct framing *framing)
{
    static const uint16_t limits[] = { 64, 65, 512, 16383, 16384 };
    for (size_t i = 0; i < scenes_count(); i++)
        for (size_t limit = 0; limit < sizeof limits / sizeof *limits && scene_at(i)->flags & (SCENE_DEEP | SCENE_FRAMED); limit++)
            walk_limit(framing, scene_at(i), limits[limit]);
}

/* ------------------------------------------------------------------------------------------------ the report */

static const char *version_name(uint16_t version)
{
    return version == TLSM_1_3 ? "TLS 1.3" : version == TLSM_1_2 ? "TLS 1.2" : "no version yet";
}

static void report(struct text *text, const struct framing *framing)
{
    static const char *const epochs[] = { "no key", "the early key", "the handshake key", "the application key" };
    for (size_t i = 0; i < framing->rows; i++) {
        const struct row *row = &framing->row[i];
        text_add(text, "%u sorts, %s, %s, %s:", row->sorts, version_name(row->version), tlsm_rx_name(row->rx), epochs[row->epoch]);
        for (unsigned type = 0; type < row->types; type++)
            text_add(text, " %u of %u..%u", row->accepted[type].type, row->accepted[type].least, row->accepted[type].most);
        text_add(text, row->types == 0 ? " nothing is read\n" : "\n");
    }
    text_add(text, "sorts %zu\nstates %" PRIu64 "\ntransitions %" PRIu64 "\n", framing->sorts, framing->states, framing->transitions);
}

int explore_framing(struct text *text, int all, struct hash *digest)
{
    static struct framing framing;
    memset(&framing, 0, sizeof framing);
    framing.all = all;
    framing.digest = *digest;
    framing.sort = calloc(SORTS, sizeof *framing.sort);
    if (framing.sort == NULL) {
        fprintf(stderr, "explore: out of memory\n");
        return 1;
    }
    for (size_t scene = 0; scene < scenes_count(); scene++)
        find_sorts(&framing, scene_at(scene));
    for (size_t sort = 0; sort < framing.sorts; sort++)
        walk_sort(&framing, &framing.sort[sort]);
    walk_limits(&framing);
    report(text, &framing);
    *digest = framing.digest;
    free(framing.sort);
    return framing.broken != 0;
}
