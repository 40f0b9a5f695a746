/* SPDX-License-Identifier: MIT */
/* Two ends, what is between them, and how it moves. */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

#include "sealed.h"
#include "tlsm_link_export.h"

enum { SEEDS = 8, MOVING = 2, EXPORT_MAX = 1 << 16, REPORTS = 64, BLOCKED_TURNS = 5, LATE_TURNS = 8, ROUNDS = 400000 };

struct tlsm_link *scenario_link(struct scenario_play *play, int end) { return &play->memory.end[end]; }

/* ------------------------------------------------------------------------------------------------ schedules */

static struct scenario_schedule schedules[3 + SEEDS + MOVING + REPORTS];

static struct tlsm_schedule script_of(const struct scenario_schedule *schedule, size_t length)
{
    const struct tlsm_schedule script = { schedule->script, length, 0, 0 };
    return script;
}

/* Everything is taken at once, and k bytes of it are reported; the rest when the other end has had time to answer. */
static void make_report(struct scenario_schedule *schedule, size_t k)
{
    (void)snprintf(schedule->name, sizeof schedule->name, "sent %zu, then the rest", k);
    schedule->script[0] = (uint8_t)k;
    schedule->pipe.report = script_of(schedule, 1 + LATE_TURNS);
}

static void make_seed(struct scenario_schedule *schedule, size_t seed)
{
    const struct tlsm_schedule drawn = { NULL, 0, seed * 7919, 1 + seed * 5 };
    (void)snprintf(schedule->name, sizeof schedule->name, "seed %zu", seed);
    schedule->pipe.send = schedule->pipe.receive = schedule->pipe.report = drawn;
}

static void make_schedules(void)
{
    const struct tlsm_schedule one = { NULL, 0, 0, 1 };
    struct scenario_schedule *next = schedules;
    (void)snprintf(next->name, sizeof next->name, "whole");
    next++;
    (void)snprintf(next->name, sizeof next->name, "one byte at a time");
    next->pipe.send = next->pipe.receive = next->pipe.report = one;
    next++;
    (void)snprintf(next->name, sizeof next->name, "blocked, then freed");
    next->pipe.send = script_of(next, BLOCKED_TURNS);
    next++;
    for (size_t seed = 1; seed <= SEEDS; seed++)
        make_seed(next++, seed);
    for (size_t i = 0; i < MOVING; i++, next++) {
        (void)snprintf(next->name, sizeof next->name, "handed off%s", i > 0 ? ", one byte at a time" : "");
        next->pipe = schedules[i].pipe;
        next->moving = 1;
    }
    for (size_t k = 0; k < REPORTS; k++)
        make_report(next++, k);
}

size_t scenario_schedules(void) { return sizeof schedules / sizeof schedules[0]; }

const struct scenario_schedule *scenario_schedule(size_t index)
{
    if (schedules[0].name[0] == '\0')
        make_schedules();
    return &schedules[index];
}

static void begin_moves(struct tlsm_pipe_moves *moves, const struct tlsm_schedule *schedule)
{
    if (moves->schedule.seed != schedule->seed || schedule->seed == 0)
        moves->random = schedule->seed;
    moves->schedule = *schedule;
    moves->at = 0;
}

void scenario_rewind(struct scenario_play *play)
{
    for (int end = 0; end < 2; end++) {
        struct tlsm_pipe *pipe = &play->memory.pipe[end];
        begin_moves(&pipe->send, &play->schedule->pipe.send);
        begin_moves(&pipe->receive, &play->schedule->pipe.receive);
        begin_moves(&pipe->report, &play->schedule->pipe.report);
    }
}

/* ------------------------------------------------------------------------------------------------ what is made */

static const char *message_name(uint8_t type)
{
    switch (type) {
    case 0: return "hello_request";
    case 1: return "client_hello";
    case 2: return "server_hello";
    case 4: return "ticket";
    case 20: return "finished";
    case 24: return "key_update";
    }
    return "handshake";
}

static void say_alert(const uint8_t *content, int clear, char *word, size_t room)
{
    const int fatal = content[1] != TLSM_ALERT_CLOSE_NOTIFY && content[1] != TLSM_ALERT_USER_CANCELED;
    const char *level = content[0] == (fatal ? 2 : 1) ? "" : content[0] == 1 ? "warning:" : "fatal:";
    (void)snprintf(word, room, "%s%s%s", clear ? "clear:" : "", level, tlsm_alert_name(content[1]));
}

static void say_record(uint8_t type, const uint8_t *content, size_t length, int clear, char *word, size_t room)
{
    if (type == 21 && length == 2)
        say_alert(content, clear, word, room);
    else if (type == 22)
        (void)snprintf(word, room, "%s", length > 0 && (clear || content[0] == 4 || content[0] == 24) ? message_name(content[0]) : "handshake");
    else
        (void)snprintf(word, room, "%s", type == 20 ? "change_cipher_spec" : type == 23 ? "data" : "something");
}

/* The null provider hides nothing: tag and nonce go, what is left is the content. */
static void log_record(struct scenario_side *side, const struct tlsm_state *state, const uint8_t *record, size_t body)
{
    const uint16_t version = state->control.version;
    const uint8_t *content = record + TLSM_HEADER;
    const int clear = side->epoch == 0 || record[0] == 20 || (version != TLSM_1_2 && record[0] != 23);
    uint8_t type = record[0];
    char word[64];
    if (!clear) {
        const size_t overhead = sealed_overhead(version, &state->write_key);
        content += overhead - TLSM_TAG;
        body -= overhead;
        while (version != TLSM_1_2 && body > 0 && (type = content[--body]) == 0)
            continue;
    }
    say_record(type, content, body, clear, word, sizeof word);
    side->made_length += (size_t)snprintf(side->made + side->made_length, SCENARIO_LOG - side->made_length, "%s ", word);
}

static void log_wire(struct scenario_side *side, const struct tlsm_state *state, const struct tlsm_out *out)
{
    size_t at = 0;
    while (at + TLSM_HEADER <= out->wire_length) {
        const uint8_t *record = out->wire.data + at;
        const size_t body = (size_t)record[3] << 8 | record[4];
        assert_true(side->made_length + 64 < SCENARIO_LOG);
        log_record(side, state, record, body);
        side->record_length = TLSM_HEADER + body < sizeof side->record ? TLSM_HEADER + body : sizeof side->record;
        memcpy(side->record, record, side->record_length);
        at += TLSM_HEADER + body;
    }
    assert_int_equal(at, out->wire_length);
}

/* After every step: the state's invariants; what is final stays as it is and makes nothing (I4, I5). */
static void stepped(void *context, const struct tlsm_state *state, const struct tlsm_in *in, enum tlsm_code code, const struct tlsm_out *out)
{
    struct scenario_side *side = context;
    struct tlsm_verdict verdict;
    (void)in;
    (void)code;
    if (side->leaving)
        return;
    assert_int_equal(tlsm_invariant(state), 0);
    assert_int_equal(tlsm_is_final(state), tlsm_needs(state) == 0);
    tlsm_verdict(state, &verdict);
    if (side->final)
        assert_memory_equal(&side->last, &verdict, sizeof verdict);
    if (side->final)
        assert_int_equal(out->wire_length, 0);
    side->last = verdict;
    side->final = tlsm_is_final(state);
    log_wire(side, state, out);
    side->epoch = state->control.write_epoch;
}

/* ------------------------------------------------------------------------------------------------ hooks */

static int answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *to)
{
    struct scenario_side *side = context;
    struct tlsm_request request;
    if (side->silent || tlsm_request(config, state, &request) == 0)
        return 0;
    return tlsm_null_answer(&request, to, side->signature);
}

static void ticket(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    struct scenario_side *side = context;
    (void)state;
    (void)session;
    side->tickets++;
}

/* ------------------------------------------------------------------------------------------------ two ends */

static const uint8_t certificate[] = { 0x30, 3, 1, 2, 3 };
static const struct tlsm_bytes chain[] = { { certificate, sizeof certificate } };
static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_credential credential = { chain, 1, schemes, 1, NULL, 0, { NULL, 0 } };
static const struct tlsm_ticket_key ticket_key = { { 'k', 'e', 'y' }, { 1, 2, 3 } };

void scenario_open(struct scenario_play *play)
{
    for (int end = 0; end < 2; end++) {
        struct scenario_side *side = &play->side[end];
        side->settings.role = end == 0 ? TLSM_CLIENT : TLSM_SERVER;
        side->settings.version_min = side->settings.version_max = play->version;
        side->call.contract = TLSM_SHUTDOWN_TWO_STEP;
        play->config[end].settings = &side->settings;
        play->config[end].crypto = &tlsm_null_provider_never_released;
        play->options.link[end].hooks = (struct tlsm_hooks){ answer, ticket, NULL, NULL, stepped, side };
    }
    play->side[1].settings.credentials = &credential;
    play->side[1].settings.credential_count = 1;
    play->side[1].settings.ticket_keys = &ticket_key;
    play->side[1].settings.ticket_key_count = 1;
    assert_int_equal(tlsm_memory_init(&play->memory, play->config, &play->options), TLSM_IO_DONE);
}

void scenario_start(struct scenario_play *play, int end)
{
    struct tlsm_entropy entropy;
    const struct tlsm_start start = { &entropy, end == 0 ? "test.example" : NULL, NULL, UINT64_C(1800000000000) };
    memset(&entropy, 17 * (end + 1), sizeof entropy);
    if (tlsm_link_begin(scenario_link(play, end), &start) != TLSM_IO_DONE)
        scenario_fail(play, "it does not start: %s", tlsm_code_name(scenario_link(play, end)->code));
}

/* The handshake moves at once; the schedule is for what the transcript is about. */
void scenario_connect(struct scenario_play *play)
{
    const struct scenario_schedule *schedule = play->schedule;
    play->schedule = scenario_schedule(0);
    scenario_start(play, 0);
    scenario_start(play, 1);
    scenario_settle(play);
    play->schedule = schedule;
    for (int end = 0; end < 2; end++) {
        struct scenario_side *side = &play->side[end];
        assert_true(tlsm_connected(scenario_link(play, end)->state));
        memset(side->made, 0, side->made_length);
        side->made_seen = side->made_length = 0;
    }
}

void scenario_shut(struct scenario_play *play) { tlsm_memory_free(&play->memory); }

/* ------------------------------------------------------------------------------------------------ moving */

/* Exported and imported: the same connection with other memory. An open request keeps it here. */
static void hand_off(struct scenario_play *play, int end)
{
    static uint8_t bytes[EXPORT_MAX];
    struct tlsm_link *link = scenario_link(play, end);
    const enum tlsm_code code = link->code;
    size_t length;
    if (tlsm_needs(link->state) & TLSM_NEED_ANSWER || link->state->control.tx == TLSM_TX_EXPORTED)
        return;
    play->side[end].leaving = 1;
    length = tlsm_link_export(link, bytes, sizeof bytes);
    play->side[end].leaving = 0;
    if (length == 0 || length > sizeof bytes)
        scenario_fail(play, "it cannot leave: %s", tlsm_code_name(link->code));
    tlsm_link_free(link);
    if (tlsm_link_import(link, &play->config[end], &play->options.link[end], (struct tlsm_bytes){ bytes, length }) != TLSM_IO_DONE)
        scenario_fail(play, "it cannot arrive: %s", tlsm_code_name(link->code));
    link->code = code;
    play->moves++;
}

void scenario_move(struct scenario_play *play)
{
    for (int end = 0; play->schedule->moving && end < 2; end++)
        hand_off(play, end);
}

/* What it reads. 1 when anything came. */
static int take(struct scenario_play *play, int end)
{
    struct scenario_side *side = &play->side[end];
    const size_t got = side->deaf || side->hold ? 0 : tlsm_link_take(scenario_link(play, end), side->read + side->read_length,
                                                                   SCENARIO_LOG - 1 - side->read_length);
    side->read_length += got;
    return got > 0;
}

void scenario_settle(struct scenario_play *play)
{
    int moved = 1;
    scenario_rewind(play);
    for (long round = 0; moved; round++) {
        if (round == ROUNDS)
            scenario_fail(play, "it never comes to rest");
        moved = 0;
        for (int end = 0; end < 2; end++) {
            if (!play->side[end].hold)
                moved += tlsm_memory_turn(&play->memory, end);
            moved += take(play, end);
        }
        scenario_move(play);
    }
}

void scenario_seal(struct scenario_play *play, int end, uint8_t type, const uint8_t *content, size_t length, size_t padding)
{
    struct tlsm_state *state = scenario_link(play, end)->state;
    const struct sealed what = { 1, 1, type, length, length + 1 + padding, content };
    uint8_t record[TLSM_RECORD_MAX + 64];
    size_t whole;
    if (tlsm_link_pending(scenario_link(play, end)).length > 0)
        scenario_fail(play, "what was produced before has to leave first");
    whole = sealed_make(state->control.version, &state->write_key, &what, record);
    state->write_key.sequence++;
    assert_int_equal(tlsm_memory_inject(&play->memory, end, record, whole), TLSM_IO_DONE);
}
