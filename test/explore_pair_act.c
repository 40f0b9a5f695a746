/* SPDX-License-Identifier: MIT */
/* What can happen to a pair: steps of either machine, and what the channel makes of their bytes. */
#include "explore_pair.h"

#include <string.h>

#include "null_provider.h"
#include "sealed.h"

enum { PLAIN_ROOM = 4096, ALERT = 21 };

static const char letter[PAIR_ENDS] = { 'c', 's' };

const char *pair_act_text(unsigned act)
{
    static const char *const texts[] = {
#define ACT(name, text) text,
#include "explore_pair.def"
#undef ACT
    };
    return texts[act];
}

void pair_copy(struct pair *to, const struct pair *from)
{
    to->seen = from->seen;
    for (unsigned end = 0; end < PAIR_ENDS; end++) {
        memcpy(&to->way[end], &from->way[end], offsetof(struct way, wire) + from->way[end].length);
        node_copy(&to->end[end], &from->end[end]);
    }
}

static struct tlsm_config config_of(const struct pairing *pairing, unsigned end)
{
    return (struct tlsm_config){ &pairing->settings[end], &tlsm_null_provider_never_released, NULL };
}

static unsigned needs(const struct pair *pair, unsigned end) { return tlsm_needs(&pair->end[end].at.state); }

static int reads(const struct pair *pair, unsigned end)
{
    const uint8_t rx = pair->end[end].at.state.control.rx;
    return rx == TLSM_RX_HANDSHAKE || rx == TLSM_RX_OPEN;
}

/* ------------------------------------------------------------------------------------------------ one step */

/* Is a close_notify among the records that were made? Read with the key they were made with. */
static int makes_close(const struct tlsm_state *before, const uint8_t *wire, size_t length)
{
    struct tlsm_key key = before->write_key;
    int close = 0;
    for (size_t at = 0; at + TLSM_HEADER <= length;) {
        const struct sealed is = sealed_open(before->control.version, &key, wire + at, wire + at + TLSM_HEADER);
        close |= is.authentic >= is.protected && is.type == ALERT && is.length == 2 && is.content[1] == 0;
        key.sequence += (uint64_t)is.protected;
        at += TLSM_HEADER + ((size_t)wire[at + 3] << 8 | wire[at + 4]);
    }
    return close;
}

static const char *note_made(struct pair *pair, unsigned end, const struct tlsm_state *before, const struct tlsm_out *out)
{
    struct way *way = &pair->way[end];
    if (out->wire_length == 0)
        return NULL;
    if (pair->seen.closed[end])
        return "I3: a record after close_notify";
    if (makes_close(before, out->wire.data, out->wire_length)) {
        pair->seen.closed[end] = 1;
        pair->seen.wrote_then[end] = pair->seen.wrote[end];
    }
    if (way->over)   /* nobody will be given them */
        return NULL;
    if (way->length + out->wire_length > PAIR_WIRE)
        return "more than the channel holds";
    memcpy(way->wire + way->length, out->wire.data, out->wire_length);
    way->length = (uint16_t)(way->length + out->wire_length);
    return NULL;
}

static const char *note_given(struct pair *pair, unsigned end, const struct tlsm_out *out)
{
    const unsigned other = 1 - end;
    for (size_t i = 0; out->news & TLSM_NEWS_DATA && i < out->plain_length; i++, pair->seen.got[end]++)
        if (out->plain.data[i] != letter[other] || pair->seen.got[end] >= pair->seen.wrote[other])
            return "I2: data that the other end did not write";
    if (!(out->news & TLSM_NEWS_PEER_CLOSED))
        return NULL;
    pair->seen.ended[end] = 1;
    if (!pair->seen.closed[other])
        return "I1: the end of the data, and the other end never said so";
    if (pair->seen.got[end] != pair->seen.wrote_then[other])
        return "I1: the end of the data, and some of it is missing";
    return NULL;
}

/* A step in place. A refusal is a thing that makes no sense here: 0. */
static int step(const struct pairing *pairing, struct pair *pair, unsigned end, const struct tlsm_in *in, const char **broken)
{
    static uint8_t wire[PAIR_WIRE], plain[PLAIN_ROOM];
    static struct tlsm_state before;
    const struct tlsm_config config = config_of(pairing, end);
    struct tlsm_state *state = &pair->end[end].at.state;
    struct tlsm_out out = { .wire = { wire, sizeof wire }, .plain = { plain, sizeof plain }, .state_capacity = SCENE_ROOM };
    enum tlsm_code code;
    before = *state;
    code = tlsm_step(&config, state, in, state, &out);
    if (code >= TLSM_MORE_INPUT)
        return 0;
    if (in->kind == TLSM_IN_WRITE && out.wire_length > 0)
        pair->seen.wrote[end]++;
    *broken = note_made(pair, end, &before, &out);
    if (*broken == NULL)
        *broken = note_given(pair, end, &out);
    return 1;
}

/* What nobody reads any more is as good as not there. */
static void forget_unread(struct pair *pair)
{
    for (unsigned end = 0; end < PAIR_ENDS; end++) {
        struct way *way = &pair->way[end];
        if (!reads(pair, 1 - end))
            way->over = 1;
        if (way->over)
            way->length = way->taken = way->given = 0;
    }
}

/* ------------------------------------------------------------------------------------------------ the channel */

/* Bytes of the first record on its way to `end`, as far as the transport took them, and the whole record's length or 0. */
static size_t record_there(const struct way *way, size_t *whole)
{
    *whole = 0;
    if (way->taken < TLSM_HEADER)
        return way->taken;
    *whole = TLSM_HEADER + ((size_t)way->wire[3] << 8 | way->wire[4]);
    return way->taken < *whole ? way->taken : *whole;
}

static int header(const struct pairing *pairing, struct pair *pair, unsigned end, size_t upto, const char **broken)
{
    const struct way *way = &pair->way[1 - end];
    struct tlsm_in in = { .kind = TLSM_IN_WIRE };
    size_t at = way->given;
    for (; at < upto && at < TLSM_HEADER && *broken == NULL; at++) {
        in.bytes = (struct tlsm_bytes){ way->wire + at, 1 };
        if (!step(pairing, pair, end, &in, broken))
            return 0;
    }
    return 1;
}

/* The receiver holds so many bytes of the first record, but not all of it. */
static int give_part(const struct pairing *pairing, struct pair *pair, unsigned end, size_t upto, const char **broken)
{
    struct way *way = &pair->way[1 - end];
    size_t whole;
    if (upto <= way->given || upto > record_there(way, &whole) || upto == whole || !(needs(pair, end) & TLSM_NEED_RECEIVE))
        return 0;
    if (!header(pairing, pair, end, upto, broken))
        return 0;
    way->given = (uint16_t)upto;
    return 1;
}

static int give_record(const struct pairing *pairing, struct pair *pair, unsigned end, const char **broken)
{
    static uint8_t body[PAIR_WIRE];
    struct way *way = &pair->way[1 - end];
    struct tlsm_in in = { .kind = TLSM_IN_WIRE };
    size_t whole;
    if (record_there(way, &whole) != whole || whole == 0 || !(needs(pair, end) & TLSM_NEED_RECEIVE) ||
        !header(pairing, pair, end, TLSM_HEADER, broken))
        return 0;
    memcpy(body, way->wire + TLSM_HEADER, whole - TLSM_HEADER);
    in.bytes = (struct tlsm_bytes){ body, whole - TLSM_HEADER };
    if (*broken == NULL && !step(pairing, pair, end, &in, broken))
        return 0;
    memmove(way->wire, way->wire + whole, way->length - whole);
    way->length = (uint16_t)(way->length - whole);
    way->taken = (uint16_t)(way->taken - whole);
    way->given = 0;
    return 1;
}

unsigned pair_cuts(const struct pair *pair, unsigned end)
{
    const struct way *way = &pair->way[1 - end];
    size_t whole;
    const size_t there = record_there(way, &whole);
    if (way->over || !(needs(pair, end) & TLSM_NEED_RECEIVE))
        return 0;
    return (unsigned)(there - way->given) + (there != whole || whole == 0);
}

/* T1: exact to the byte. */
static const char *check_place(const struct way *way, const struct tlsm_state *state)
{
    const struct tlsm_ledger *ledger = &state->ledger;
    const uint8_t place = state->control.place;
    const size_t body = way->given >= TLSM_HEADER ? (size_t)way->wire[3] << 8 | way->wire[4] : 0;
    if (way->given == 0)
        return place == TLSM_PLACE_BOUNDARY || place == TLSM_PLACE_MESSAGE ? NULL : "T1: not at a boundary";
    if (way->given < TLSM_HEADER && (place != TLSM_PLACE_HEADER || ledger->eof_have != way->given || ledger->eof_need != TLSM_HEADER))
        return "T1: another place in a header";
    if (way->given >= TLSM_HEADER &&
        (place != TLSM_PLACE_BODY || ledger->eof_have + TLSM_HEADER != way->given || ledger->eof_need != body))
        return "T1: another place in a body";
    return NULL;
}

static int cut(const struct pairing *pairing, struct pair *pair, unsigned end, size_t bytes, const char **broken)
{
    struct way *way = &pair->way[1 - end];
    struct tlsm_in in = { .kind = TLSM_IN_EOF };
    if (bytes >= pair_cuts(pair, end))
        return 0;
    if (bytes > 0 && !give_part(pairing, pair, end, way->given + bytes, broken))
        return 0;
    in.count = way->given > TLSM_HEADER ? (size_t)way->given - TLSM_HEADER : 0;
    if (*broken == NULL && !step(pairing, pair, end, &in, broken))
        return 0;
    if (*broken == NULL)
        *broken = check_place(way, &pair->end[end].at.state);
    way->over = 1;
    return 1;
}

/* ------------------------------------------------------------------------------------------------ the ends */

static int answer(const struct pairing *pairing, struct pair *pair, unsigned end, const char **broken)
{
    const struct tlsm_config config = config_of(pairing, end);
    struct tlsm_request request;
    struct tlsm_answer given;
    uint8_t signature[TLSM_NULL_SIGNATURE];
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &given };
    if (tlsm_request(&config, &pair->end[end].at.state, &request) == 0)
        return 0;
    (void)tlsm_null_answer(&request, &given, signature);
    return step(pairing, pair, end, &in, broken);
}

static int take(const struct pairing *pairing, struct pair *pair, unsigned end, size_t bytes, const char **broken)
{
    const struct tlsm_in in = { .kind = TLSM_IN_SENT, .count = bytes };
    if (bytes == 0 || !step(pairing, pair, end, &in, broken))
        return 0;
    if (!pair->way[end].over)
        pair->way[end].taken = (uint16_t)(pair->way[end].taken + bytes);
    return 1;
}

static int write_one(const struct pairing *pairing, struct pair *pair, unsigned end, const char **broken)
{
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { (const uint8_t *)&letter[end], 1 } };
    return pair->seen.wrote[end] == 0 && step(pairing, pair, end, &in, broken);
}

static int update(const struct pairing *pairing, struct pair *pair, unsigned end, const char **broken)
{
    const struct tlsm_in in = { .kind = TLSM_IN_KEY_UPDATE, .ask = 1 };
    return step(pairing, pair, end, &in, broken);
}

static int deadline(const struct pairing *pairing, struct pair *pair, unsigned end, const char **broken)
{
    const struct tlsm_in set = { .kind = TLSM_IN_DEADLINE_SET }, passes = { .kind = TLSM_IN_DEADLINE };
    return needs(pair, end) != 0 && step(pairing, pair, end, &set, broken) && step(pairing, pair, end, &passes, broken);
}

/* What was not taken goes; what was and is part of a record stays part of one. */
static int fail(const struct pairing *pairing, struct pair *pair, unsigned end, size_t bytes, const char **broken)
{
    const struct tlsm_in in = { .kind = TLSM_IN_SEND_FAILED };
    if (!(needs(pair, end) & TLSM_NEED_SEND) && pair->end[end].at.state.control.tx >= TLSM_TX_CLOSED)
        return 0;
    if (bytes > 0 && (!(needs(pair, end) & TLSM_NEED_SEND) || tlsm_outstanding(&pair->end[end].at.state) <= bytes || !take(pairing, pair, end, bytes, broken)))
        return 0;
    if (!step(pairing, pair, end, &in, broken))
        return 0;
    pair->way[end].length = pair->way[end].taken;
    return 1;
}

static int simple(const struct pairing *pairing, struct pair *pair, unsigned end, enum tlsm_in_kind kind, const char **broken)
{
    const struct tlsm_in in = { .kind = kind, .alert = TLSM_ALERT_INTERNAL_ERROR };
    return step(pairing, pair, end, &in, broken);
}

static int close_one_way(const struct pairing *pairing, struct pair *pair, unsigned end, const char **broken)
{
    const struct tlsm_in in = { .kind = TLSM_IN_CLOSE, .one_way = 1 };
    return step(pairing, pair, end, &in, broken);
}

static int is_hostile(enum pair_act act) { return act >= PAIR_ABORT; }

static int do_act(const struct pairing *pairing, struct pair *pair, struct pair_do what, const char **broken)
{
    const unsigned end = what.end;
    size_t whole;
    switch ((enum pair_act)what.act) {
    case PAIR_PRODUCE: return needs(pair, end) & TLSM_NEED_PRODUCE && simple(pairing, pair, end, TLSM_IN_PRODUCE, broken);
    case PAIR_TAKE: return needs(pair, end) & TLSM_NEED_SEND && take(pairing, pair, end, (size_t)tlsm_outstanding(&pair->end[end].at.state), broken);
    case PAIR_ANSWER: return needs(pair, end) & TLSM_NEED_ANSWER && answer(pairing, pair, end, broken);
    case PAIR_GIVE: return give_record(pairing, pair, end, broken);
    case PAIR_GIVE_ONE: return give_part(pairing, pair, end, 1, broken);
    case PAIR_GIVE_MOST:
        (void)record_there(&pair->way[1 - end], &whole);
        return whole != 0 && give_part(pairing, pair, end, whole - 1, broken);
    case PAIR_WRITE: return write_one(pairing, pair, end, broken);
    case PAIR_UPDATE: return update(pairing, pair, end, broken);
    case PAIR_CLOSE: return simple(pairing, pair, end, TLSM_IN_CLOSE, broken);
    case PAIR_ONE_WAY: return close_one_way(pairing, pair, end, broken);
    case PAIR_WAIT: return simple(pairing, pair, end, TLSM_IN_WAIT, broken);
    case PAIR_ABORT: return simple(pairing, pair, end, TLSM_IN_ABORT, broken);
    case PAIR_ABANDON: return simple(pairing, pair, end, TLSM_IN_ABANDON, broken);
    case PAIR_DEADLINE: return deadline(pairing, pair, end, broken);
    case PAIR_CUT: return cut(pairing, pair, end, what.bytes, broken);
    case PAIR_RESET: return reads(pair, end) && simple(pairing, pair, end, TLSM_IN_RECEIVE_FAILED, broken);
    case PAIR_FAIL: return fail(pairing, pair, end, 0, broken);
    case PAIR_FAIL_HALF: return fail(pairing, pair, end, 1, broken);
    case PAIR_ACTS: break;
    }
    return 0;
}

int pair_apply(const struct pairing *pairing, struct pair *pair, struct pair_do what, const char **broken)
{
    *broken = NULL;
    if (tlsm_is_final(&pair->end[what.end].at.state) || !do_act(pairing, pair, what, broken))
        return 0;
    pair->seen.hostile = (uint8_t)(pair->seen.hostile + is_hostile((enum pair_act)what.act));
    forget_unread(pair);
    return 1;
}

/* ------------------------------------------------------------------------------------------------ the beginning */

/* One thing that an orderly course has next. */
static int go_on(const struct pairing *pairing, struct pair *pair, const char **broken)
{
    static const uint8_t acts[] = { PAIR_ANSWER, PAIR_PRODUCE, PAIR_TAKE, PAIR_GIVE };
    for (unsigned end = 0; end < PAIR_ENDS; end++)
        for (size_t i = 0; i < sizeof acts; i++)
            if (pair_apply(pairing, pair, (struct pair_do){ acts[i], (uint8_t)end, 0 }, broken))
                return 1;
    return 0;
}

const char *pair_begin(const struct pairing *pairing, struct pair *pair)
{
    static struct tlsm_entropy entropy[PAIR_ENDS];
    const char *broken = NULL;
    memset(pair, 0, sizeof *pair);
    for (unsigned end = 0; end < PAIR_ENDS; end++) {
        const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy[end] };
        memset(&entropy[end], 0x21 + (int)end, sizeof entropy[end]);
        tlsm_init(&pair->end[end].at.state);
        if (!step(pairing, pair, end, &in, &broken))
            return "an end does not start";
    }
    if (pairing->handshake)
        return NULL;
    while (broken == NULL && go_on(pairing, pair, &broken))
        ;
    if (broken == NULL && !(tlsm_connected(&pair->end[0].at.state) && tlsm_connected(&pair->end[1].at.state)))
        broken = "the ends do not connect";
    return broken;
}
