/* SPDX-License-Identifier: MIT */
#include "pair_run.h"

#include <string.h>

#include "pair_end.h"

enum { CONNECT_FIRST = 128, THE_SERVER = 128, AMOUNTS = 16 };

struct course {
    struct pair_ends pair;
    const uint8_t *bytes;
    size_t left;
};

static uint8_t take(struct course *course)
{
    if (course->left == 0)
        return 0;
    course->left--;
    return *course->bytes++;
}

/* Where records and their parts begin and end, and what is large. */
static size_t amount(struct course *course)
{
    static const size_t amounts[AMOUNTS] = { 1, 0, 2, 4, 5, 6, 21, 22, 23, 24, 100, 1000, 16384, 16385, 17000, SIZE_MAX };
    const uint8_t which = take(course);
    return which < AMOUNTS ? amounts[which] : which;
}

static struct tlsm_state *state_of(struct course *course, int who) { return &course->pair.end[who].node.at.state; }

/* ------------------------------------------------------------------------------------------------ commands */

/* Before both are connected a close is the end of the handshake (A1 to A4). */
static const char *close_half(struct course *course, int who, int one_way)
{
    const struct tlsm_in in = { .kind = TLSM_IN_CLOSE, .one_way = (uint8_t)one_way };
    enum tlsm_code code;
    course->pair.excused |= one_way || !course->pair.connected;
    return pair_step(&course->pair, who, &in, 0, &code, NULL);
}

static const char *update(struct course *course, int who, int ask)
{
    const struct tlsm_in in = { .kind = TLSM_IN_KEY_UPDATE, .ask = (uint8_t)ask };
    enum tlsm_code code;
    course->pair.provoked++;
    return pair_step(&course->pair, who, &in, 0, &code, NULL);
}

static const char *abort_with(struct course *course, int who)
{
    const struct tlsm_in in = { .kind = TLSM_IN_ABORT, .alert = take(course) };
    enum tlsm_code code;
    course->pair.excused = 1;
    return pair_step(&course->pair, who, &in, 0, &code, NULL);
}

static const char *produce(struct course *course, int who, size_t room)
{
    const struct tlsm_in in = { .kind = TLSM_IN_PRODUCE };
    enum tlsm_code code;
    if (sizeof course->pair.end[who].out - course->pair.end[who].out_length < room)
        return NULL;
    return pair_step(&course->pair, who, &in, room, &code, NULL);
}

/* With an alert that may be sent: another is the caller's mistake. */
static const char *refuse(struct course *course, int who)
{
    static const uint8_t alerts[] = { TLSM_ALERT_BAD_CERTIFICATE, TLSM_ALERT_HANDSHAKE_FAILURE, TLSM_ALERT_INTERNAL_ERROR, TLSM_ALERT_DECRYPT_ERROR };
    return pair_answer(&course->pair, who, alerts[take(course) % sizeof alerts]);
}

/* An end gives up, or loses half of what it says: nobody can then expect that all goes well. */
static const char *fatal(struct course *course, int who, enum tlsm_in_kind kind)
{
    course->pair.excused = 1;
    return pair_command(&course->pair, who, kind);
}

static const char *by_an_end(struct course *course, int who, enum pair_command command)
{
    struct pair_ends *pair = &course->pair;
    int moved;
    switch (command) {
    case PAIR_OBLIGE: return pair_oblige(pair, who, &moved);
    case PAIR_PRODUCE: return produce(course, who, SCENE_WIRE);
    case PAIR_PRODUCE_SHORT: return produce(course, who, 6);
    case PAIR_WRITE: return pair_write(pair, who, amount(course), 0);
    case PAIR_WRITE_EARLY: return pair_write(pair, who, amount(course), 1);
    case PAIR_CLOSE: return close_half(course, who, 0);
    case PAIR_CLOSE_ONE_WAY: return close_half(course, who, 1);
    case PAIR_WAIT: return pair_command(pair, who, TLSM_IN_WAIT);
    case PAIR_ABORT: return abort_with(course, who);
    case PAIR_ABANDON: return fatal(course, who, TLSM_IN_ABANDON);
    case PAIR_UPDATE: return update(course, who, 0);
    case PAIR_UPDATE_ASK: return update(course, who, 1);
    case PAIR_DEADLINE_SET: return pair_command(pair, who, TLSM_IN_DEADLINE_SET);
    case PAIR_DEADLINE: return fatal(course, who, TLSM_IN_DEADLINE);
    case PAIR_ANSWER: return pair_answer(pair, who, 0);
    case PAIR_REFUSE: return refuse(course, who);
    case PAIR_TICKET: return pair_command(pair, who, TLSM_IN_TICKET);
    case PAIR_ASK_CERTIFICATE: return pair_command(pair, who, TLSM_IN_ASK_CERTIFICATE);
    case PAIR_EXPORT: return fatal(course, who, TLSM_IN_EXPORT);
    case PAIR_TAKE: case PAIR_REPORT: case PAIR_DELIVER: case PAIR_STEP: case PAIR_STEP_SOME: case PAIR_HALF_CLOSE: case PAIR_CUT:
    case PAIR_RESET: case PAIR_SEND_FAILED: case PAIR_VOUCH: case PAIR_FLIP: case PAIR_INJECT: case PAIR_COMMANDS:
        break;
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ the channel, and an attacker */

static void cut(struct course *course, int who)
{
    struct pair_end *end = &course->pair.end[who];
    const size_t kept = amount(course);
    end->way_length = kept < end->way_length ? kept : end->way_length;
    end->way_shut = course->pair.excused = 1;
}

static void reset(struct course *course)
{
    for (int who = 0; who < 2; who++) {
        course->pair.end[who].way_length = 0;
        course->pair.end[who].way_reset = 1;
    }
    course->pair.excused = 1;
}

static void flip(struct course *course, int who)
{
    struct pair_end *end = &course->pair.end[who];
    const uint8_t where = take(course), how = take(course);
    if (end->way_length == 0 || how == 0)
        return;
    end->way[where % end->way_length] ^= how;
    course->pair.attacked = course->pair.excused = 1;
}

static void inject(struct course *course, int who)
{
    struct pair_end *end = &course->pair.end[who];
    const uint8_t wanted = take(course);
    const size_t length = wanted < course->left ? wanted : course->left;
    if (end->way_length + length > sizeof end->way || end->way_shut || end->way_reset)
        return;
    memcpy(end->way + end->way_length, course->bytes, length);
    end->way_length += length;
    course->bytes += length;
    course->left -= length;
    course->pair.attacked = course->pair.excused = 1;
}

static const char *by_the_channel(struct course *course, int who, enum pair_command command)
{
    struct pair_ends *pair = &course->pair;
    switch (command) {
    case PAIR_TAKE: pair_take(pair, who, amount(course)); break;
    case PAIR_REPORT: return pair_report(pair, who, amount(course));
    case PAIR_DELIVER: pair_deliver(pair, who, amount(course)); break;
    case PAIR_STEP: return pair_feed(pair, who, SIZE_MAX);
    case PAIR_STEP_SOME: return pair_feed(pair, who, amount(course));
    case PAIR_HALF_CLOSE: pair->end[who].way_shut = pair->excused = 1; break;
    case PAIR_CUT: cut(course, who); break;
    case PAIR_RESET: reset(course); break;
    case PAIR_SEND_FAILED: return fatal(course, who, TLSM_IN_SEND_FAILED);
    case PAIR_VOUCH: pair->end[who].vouches = 1; break;
    case PAIR_FLIP: flip(course, who); break;
    case PAIR_INJECT: inject(course, who); break;
    case PAIR_OBLIGE: case PAIR_PRODUCE: case PAIR_PRODUCE_SHORT: case PAIR_WRITE: case PAIR_WRITE_EARLY: case PAIR_CLOSE:
    case PAIR_CLOSE_ONE_WAY: case PAIR_WAIT: case PAIR_ABORT: case PAIR_ABANDON: case PAIR_UPDATE: case PAIR_UPDATE_ASK:
    case PAIR_DEADLINE_SET: case PAIR_DEADLINE: case PAIR_ANSWER: case PAIR_REFUSE: case PAIR_TICKET: case PAIR_ASK_CERTIFICATE:
    case PAIR_EXPORT: case PAIR_COMMANDS:
        break;
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ the end */

static int forgiving(const struct pair_end *end)
{
    const struct tlsm_settings *settings = &scene_at(end->node.mark.scene)->settings;
    return settings->budget_bytes == 0 && settings->budget_records == 0 && settings->data_while_closing != TLSM_CLOSING_FAIL;
}

static uint8_t how(struct course *course, int who)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(state_of(course, who), &verdict);
    return verdict.how;
}

/* Where nothing went wrong on the way, both close and both ends are clean; and in any case both come to an end. */
static const char *finish(struct course *course)
{
    struct pair_ends *pair = &course->pair;
    const char *broken = pair_settle(pair);
    const int well = pair->connected && !pair->excused && pair->provoked < 24 && forgiving(&pair->end[0]) && forgiving(&pair->end[1]);
    for (int who = 0; who < 2 && broken == NULL && well; who++)
        broken = pair_command(pair, who, TLSM_IN_CLOSE);
    if (broken == NULL && well)
        broken = pair_settle(pair);
    if (broken == NULL && well && (how(course, 0) != TLSM_CLEAN_BOTH_VERDICT || how(course, 1) != TLSM_CLEAN_BOTH_VERDICT))
        broken = "V1: two honest ends on an honest channel do not end clean";
    for (int who = 0; who < 2 && broken == NULL; who++)
        broken = check_ends(&pair->end[who].node);
    return broken;
}

/* ------------------------------------------------------------------------------------------------ running */

static size_t of_role(size_t index, uint8_t role)
{
    while (scene_at(index % scenes_count())->settings.role != role)
        index++;
    return index % scenes_count();
}

const char *pair_run(const uint8_t *bytes, size_t length)
{
    static struct course course;
    const char *broken;
    if (length < 2)
        return NULL;
    scenes_prepare();
    pair_begin(&course.pair, of_role(bytes[0], TLSM_CLIENT), of_role(bytes[1] % CONNECT_FIRST, TLSM_SERVER));
    course.bytes = bytes + 2;
    course.left = length - 2;
    broken = pair_start(&course.pair, 0);
    if (broken == NULL)
        broken = pair_start(&course.pair, 1);
    if (broken == NULL && bytes[1] & CONNECT_FIRST)
        broken = pair_settle(&course.pair);
    for (int steps = 0; steps < PAIR_STEPS && course.left > 0 && broken == NULL; steps++) {
        const uint8_t choice = take(&course);
        const int who = (choice & THE_SERVER) != 0;
        const enum pair_command command = (enum pair_command)(choice % THE_SERVER % PAIR_COMMANDS);
        broken = by_an_end(&course, who, command);
        if (broken == NULL)
            broken = by_the_channel(&course, who, command);
    }
    return broken != NULL ? broken : finish(&course);
}
