/* SPDX-License-Identifier: MIT */
#include "pair_end.h"

#include <string.h>

#include "null_provider.h"
#include "statecov.h"

enum { OBLIGATIONS = 200, PROVOCATIONS = 24, EXPORTED = 32 };

static struct tlsm_state *state_of(struct pair_ends *pair, int who) { return &pair->end[who].node.at.state; }
static const struct scene *scene_of(const struct pair_end *end) { return scene_at(end->node.mark.scene); }
static int has(const struct tlsm_state *state, uint32_t facts) { return (state->control.facts & facts) != 0; }

void pair_begin(struct pair_ends *pair, size_t client_scene, size_t server_scene)
{
    for (int who = 0; who < 2; who++) {
        struct pair_end *end = &pair->end[who];
        end->out_length = end->taken = end->way_length = end->in_length = 0;
        end->way_shut = end->way_reset = end->in_ended = end->vouches = 0;
        memset(end->said, 0, sizeof end->said);
        memset(end->heard, 0, sizeof end->heard);
        memset(&end->node.mark, 0, sizeof end->node.mark);
        end->node.mark.scene = (uint8_t)(who == 0 ? client_scene : server_scene);
        tlsm_init(&end->node.at.state);
    }
    pair->excused = pair->attacked = pair->connected = 0;
    pair->provoked = 0;
}

/* ------------------------------------------------------------------------------------------------ what was said */

static uint8_t pattern(int who, int early, uint64_t at)
{
    return (uint8_t)(at * 31 + at / 251 * 7 + (unsigned)who * 101 + (unsigned)early * 53);
}

/* I2: a prefix of what the other said, in order, without a hole. */
static const char *hear(struct pair_ends *pair, int who, const struct node *before, const struct step_report *report)
{
    struct pair_end *end = &pair->end[who];
    const int early = before->at.state.control.read_epoch == TLSM_EPOCH_EARLY;
    const size_t length = report->out.news & TLSM_NEWS_DATA ? report->out.plain_length : 0;
    if (length > 0 && early != ((report->out.news & TLSM_NEWS_EARLY) != 0))
        return "early data is not called so, or other data is";
    for (size_t i = 0; i < length; i++)
        if (report->plain[i] != pattern(1 - who, early, end->heard[early] + i))
            return "I2: what is heard is not what the other end said";
    end->heard[early] += length + (end->node.at.state.ledger.discarded - before->at.state.ledger.discarded);
    return end->heard[early] > pair->end[1 - who].said[early] ? "I2: more is heard than the other end said" : NULL;
}

/* ------------------------------------------------------------------------------------------------ between the two */

/* I1: the end of the data is its end. */
static const char *check_closed(struct pair_ends *pair, int who)
{
    const struct pair_end *end = &pair->end[who], *other = &pair->end[1 - who];
    if (end->node.at.state.control.rx != TLSM_RX_CLOSED)
        return NULL;
    if (!has(&other->node.at.state, TLSM_FACT_CLOSE_MADE))
        return "I1: an end of data that the other end never said";
    if (end->heard[0] != other->said[0])
        return "I1: an end of data before all of it was heard";
    if (who == 1 && tlsm_early_data(&end->node.at.state) == TLSM_EARLY_ACCEPTED && end->heard[1] != other->said[1])
        return "I1: an end of data before all early data was heard";
    return NULL;
}

static const char *check_blame(struct pair_ends *pair, int who)
{
    const struct tlsm_state *state = state_of(pair, who), *other = state_of(pair, 1 - who);
    if (has(state, TLSM_FACT_PEER_ALERT) && (has(state, TLSM_FACT_ALERT_AUTHENTIC) || !pair->attacked) &&
        (!has(other, TLSM_FACT_FATAL_MADE) || other->control.alert_out != state->control.alert_in))
        return "G3: an error alert that the other end never sent";
    if (has(state, TLSM_FACT_ERROR) && pair->connected && !pair->excused && pair->provoked < PROVOCATIONS)
        return "an honest peer is found to be wrong";
    return NULL;
}

/* RFC 9846 §7.5, and what was agreed. */
static const char *check_agreed(struct pair_ends *pair)
{
    const struct tlsm_state *client = state_of(pair, 0), *server = state_of(pair, 1);
    const struct tlsm_bytes label = { (const uint8_t *)"EXPORTER-pair", 13 }, none = { NULL, 0 };
    uint8_t key[2][EXPORTED];
    if (!tlsm_connected(client) || !tlsm_connected(server) || pair->connected)
        return NULL;
    pair->connected = 1;
    if (client->control.version != server->control.version || client->suite != server->suite ||
        tlsm_resumed(client) != tlsm_resumed(server))
        return "two ends are connected and do not agree";
    for (int who = 0; who < 2; who++)
        if (tlsm_exporter(&scene_of(&pair->end[who])->config, state_of(pair, who), label, none, (struct tlsm_span){ key[who], EXPORTED }) != 0)
            return NULL;
    return memcmp(key[0], key[1], EXPORTED) == 0 ? NULL : "two ends are connected and share no secret";
}

static const char *check_between(struct pair_ends *pair)
{
    const char *broken = check_agreed(pair);
    for (int who = 0; who < 2 && broken == NULL; who++) {
        broken = check_closed(pair, who);
        if (broken == NULL)
            broken = check_blame(pair, who);
    }
    return broken;
}

/* ------------------------------------------------------------------------------------------------ steps */

static void show_coverage(const struct step_report *report, enum tlsm_code code, const struct node *after)
{
    for (unsigned i = 0; i < report->cells; i++)
        statecov_hit(statecov_of_cell(report->cell[i], code));
    statecov_hit(statecov_of_state(&after->at.state));
}

const char *pair_step(struct pair_ends *pair, int who, const struct tlsm_in *in, size_t room, enum tlsm_code *code, size_t *consumed)
{
    static struct node before;
    static struct step_report report;
    struct pair_end *end = &pair->end[who];
    const struct rooms rooms = { room, SCENE_WIRE, SCENE_ROOM };
    const char *broken;
    node_copy(&before, &end->node);
    broken = check_step(&before, in, &rooms, &end->node, &report, code);
    if (broken != NULL)
        return broken;
    show_coverage(&report, *code, &end->node);
    memcpy(end->out + end->out_length, report.wire, report.out.wire_length);
    end->out_length += report.out.wire_length;
    if (consumed != NULL)
        *consumed = report.out.consumed;
    broken = hear(pair, who, &before, &report);
    return broken != NULL ? broken : check_between(pair);
}

const char *pair_command(struct pair_ends *pair, int who, enum tlsm_in_kind kind)
{
    const struct tlsm_in in = { .kind = kind };
    enum tlsm_code code;
    return pair_step(pair, who, &in, 0, &code, NULL);
}

const char *pair_start(struct pair_ends *pair, int who)
{
    const struct scene *scene = scene_of(&pair->end[who]);
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .now_ms = scene->now_ms,
                                .session = who == 0 ? scene->session : NULL };
    enum tlsm_code code;
    memset(&entropy, 0x17 + 0x3a * who, sizeof entropy);
    return pair_step(pair, who, &in, 0, &code, NULL);
}

static int has_room(const struct pair_end *end) { return sizeof end->out - end->out_length >= SCENE_WIRE; }

const char *pair_write(struct pair_ends *pair, int who, size_t length, int early)
{
    static uint8_t bytes[TLSM_PLAIN_MAX + 1];
    struct pair_end *end = &pair->end[who];
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { bytes, length }, .early = (uint8_t)early };
    enum tlsm_code code;
    const char *broken;
    size_t consumed = 0;
    if (!has_room(end) || length > sizeof bytes)
        return NULL;
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern(who, early, end->said[early] + i);
    pair->provoked += length == 0;
    broken = pair_step(pair, who, &in, SCENE_WIRE, &code, &consumed);
    end->said[early] += consumed;
    return broken;
}

const char *pair_answer(struct pair_ends *pair, int who, uint8_t refusal)
{
    const struct scene *scene = scene_of(&pair->end[who]);
    uint8_t signature[TLSM_NULL_SIGNATURE];
    struct tlsm_request request;
    struct tlsm_answer answer;
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    enum tlsm_code code;
    if (tlsm_request(&scene->config, state_of(pair, who), &request) == 0)
        return NULL;
    (void)tlsm_null_answer_open(&scene->config, state_of(pair, who), &answer, signature);
    answer.session = scene->session;
    answer.fresh = request.kind == TLSM_ASK_REPLAY;
    answer.now_ms = scene->now_ms;
    if (refusal != 0) {
        answer.alert = refusal;
        pair->excused = 1;
    }
    return pair_step(pair, who, &in, 0, &code, NULL);
}

/* ------------------------------------------------------------------------------------------------ the channel */

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

void pair_take(struct pair_ends *pair, int who, size_t most)
{
    struct pair_end *end = &pair->end[who];
    const size_t count = least(most, least(end->out_length - end->taken, sizeof end->way - end->way_length));
    if (end->way_shut || end->way_reset)
        return;
    memcpy(end->way + end->way_length, end->out + end->taken, count);
    end->way_length += count;
    end->taken += count;
}

const char *pair_report(struct pair_ends *pair, int who, size_t most)
{
    struct pair_end *end = &pair->end[who];
    const struct tlsm_in in = { .kind = TLSM_IN_SENT, .count = least(most, end->taken) };
    enum tlsm_code code;
    const char *broken = pair_step(pair, who, &in, 0, &code, NULL);
    if (broken != NULL || code >= TLSM_MORE_INPUT || (code < 0 && in.count == 0))
        return broken;
    end->taken -= in.count;
    end->out_length -= in.count;
    memmove(end->out, end->out + in.count, end->out_length);
    return NULL;
}

void pair_deliver(struct pair_ends *pair, int who, size_t most)
{
    struct pair_end *end = &pair->end[who], *from = &pair->end[1 - who];
    const size_t count = least(most, least(from->way_length, sizeof end->in - end->in_length));
    memcpy(end->in + end->in_length, from->way, count);
    end->in_length += count;
    from->way_length -= count;
    memmove(from->way, from->way + count, from->way_length);
}

static int may_feed(struct pair_ends *pair, int who)
{
    return (tlsm_needs(state_of(pair, who)) & TLSM_NEED_RECEIVE) != 0;
}

static const char *feed_end(struct pair_ends *pair, int who)
{
    struct pair_end *end = &pair->end[who];
    const struct pair_end *from = &pair->end[1 - who];
    const struct tlsm_in in = { .kind = from->way_reset ? TLSM_IN_RECEIVE_FAILED : TLSM_IN_EOF, .count = from->way_reset ? 0 : end->in_length,
                                .vouch = (uint8_t)end->vouches };
    enum tlsm_code code;
    if (end->in_ended || from->way_length > 0 || !(from->way_shut || from->way_reset) || !may_feed(pair, who))
        return NULL;
    end->in_ended = 1;
    return pair_step(pair, who, &in, 0, &code, NULL);
}

/* One unit: what is consumed of the bytes shown. */
static const char *feed_once(struct pair_ends *pair, int who, size_t most, size_t *consumed)
{
    struct pair_end *end = &pair->end[who];
    const struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { end->in, least(most, least(end->in_length, SCENE_WIRE)) } };
    enum tlsm_code code;
    const char *broken = pair_step(pair, who, &in, 0, &code, consumed);
    end->in_length -= *consumed;
    memmove(end->in, end->in + *consumed, end->in_length);
    return broken;
}

const char *pair_feed(struct pair_ends *pair, int who, size_t most)
{
    const char *broken = NULL;
    size_t consumed = 1;
    while (broken == NULL && consumed > 0 && most > 0 && pair->end[who].in_length > 0 && may_feed(pair, who)) {
        broken = feed_once(pair, who, most, &consumed);
        most -= consumed;
    }
    if (broken == NULL && most > 0 && (consumed == 0 || pair->end[who].in_length == 0))
        broken = feed_end(pair, who);
    return broken;
}

/* ------------------------------------------------------------------------------------------------ obliging */

static const char *oblige_once(struct pair_ends *pair, int who, unsigned needs)
{
    const struct tlsm_in produce = { .kind = TLSM_IN_PRODUCE };
    enum tlsm_code code;
    if (needs & TLSM_NEED_PRODUCE && has_room(&pair->end[who]))
        return pair_step(pair, who, &produce, SCENE_WIRE, &code, NULL);
    if (needs & TLSM_NEED_SEND) {
        pair_take(pair, who, SIZE_MAX);
        return pair_report(pair, who, SIZE_MAX);
    }
    return pair_answer(pair, who, 0);
}

const char *pair_oblige(struct pair_ends *pair, int who, int *moved)
{
    const struct pair_end *end = &pair->end[who];
    const char *broken = NULL;
    for (int i = 0; i < OBLIGATIONS && broken == NULL; i++) {
        const struct tlsm_ledger *ledger = &state_of(pair, who)->ledger;
        const unsigned needs = tlsm_needs(state_of(pair, who));
        const size_t arrived = end->in_length + pair->end[1 - who].way_length;
        const int ended = end->in_ended;
        const uint64_t produced = ledger->produced, taken = ledger->taken;
        const uint32_t asked = state_of(pair, who)->control.request;
        if (needs & (TLSM_NEED_PRODUCE | TLSM_NEED_SEND | TLSM_NEED_ANSWER))
            broken = oblige_once(pair, who, needs);
        else {
            pair_deliver(pair, who, SIZE_MAX);
            broken = pair_feed(pair, who, SIZE_MAX);
        }
        if (produced == ledger->produced && taken == ledger->taken && asked == state_of(pair, who)->control.request &&
            arrived == end->in_length + pair->end[1 - who].way_length && ended == end->in_ended)
            return broken;
        *moved = 1;
    }
    return broken;
}

const char *pair_settle(struct pair_ends *pair)
{
    const char *broken = NULL;
    int moved = 1;
    for (int turn = 0; turn < OBLIGATIONS && moved && broken == NULL; turn++) {
        moved = 0;
        broken = pair_oblige(pair, 0, &moved);
        if (broken == NULL)
            broken = pair_oblige(pair, 1, &moved);
    }
    return broken != NULL ? broken : moved ? "I13: two ends that oblige each other come to no rest" : NULL;
}
