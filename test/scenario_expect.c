/* SPDX-License-Identifier: MIT */
/* What is expected, when everything has come to rest. */
#include "scenario.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The words of a line from `from` on, a space behind each; "nothing" is none. */
static void words_from(const struct scenario_play *play, int from, char *to, size_t room)
{
    size_t length = 0;
    to[0] = '\0';
    for (int i = from; i < play->at->words; i++)
        length += (size_t)snprintf(to + length, room - length, "%s ", play->at->word[i]);
    if (strcmp(to, "nothing ") == 0)
        to[0] = '\0';
}

static void same(const struct scenario_play *play, const char *what, const char *seen, const char *wanted)
{
    if (strcmp(seen, wanted) != 0)
        scenario_fail(play, "%s: %s", what, seen[0] != '\0' ? seen : "nothing");
}

static const char *wanted_word(const struct scenario_play *play, int index)
{
    if (play->at->words <= index)
        scenario_fail(play, "expect what?");
    return play->at->word[index];
}

static void lower(const char *from, char *to, size_t room)
{
    size_t i = 0;
    for (; from[i] != '\0' && i + 1 < room; i++)
        to[i] = (char)tolower((unsigned char)from[i]);
    to[i] = '\0';
}

static void same_name(const struct scenario_play *play, const char *what, const char *seen, int word)
{
    char name[64];
    lower(seen, name, sizeof name);
    same(play, what, name, wanted_word(play, word));
}

static void same_number(const struct scenario_play *play, const char *what, uint64_t seen, int word)
{
    char number[32];
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)seen);
    same(play, what, number, wanted_word(play, word));
}

/* ------------------------------------------------------------------------------------------------ the verdict */

static void expect_how(struct scenario_play *play, int end, int final)
{
    const struct tlsm_state *state = scenario_link(play, end)->state;
    struct tlsm_verdict verdict;
    tlsm_verdict(state, &verdict);
    same(play, "the verdict", tlsm_how_name(verdict.how), wanted_word(play, 3));
    if (tlsm_is_final(state) != final)
        scenario_fail(play, final ? "it has not ended" : "it has ended");
    if (play->at->words == 5)
        same_name(play, "the cause", tlsm_cause_name(verdict.cause), 4);
}

static void expect_end(struct scenario_play *play, int end) { expect_how(play, end, 1); }
static void expect_verdict(struct scenario_play *play, int end) { expect_how(play, end, 0); }

struct number {
    const char *name;
    uint64_t value;
};

static int note_number(const struct scenario_play *play, const struct tlsm_verdict *verdict, const char *field)
{
    const struct number numbers[] = {
        { "alert_delivered", verdict->alert_delivered }, { "alert_authenticated", verdict->alert_authenticated },
        { "alert_received_level", verdict->alert_received_level }, { "peer_canceled", verdict->peer_canceled },
        { "resumable", verdict->resumable }, { "eof_have", verdict->eof_have }, { "eof_need", verdict->eof_need },
        { "plain_in", verdict->plain_in }, { "plain_out", verdict->plain_out }, { "discarded", verdict->discarded },
        { "untaken", verdict->untaken }, { "peer_may_not_read", verdict->peer_may_not_read },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(numbers[i].name, field) == 0) {
            same_number(play, field, numbers[i].value, 4);
            return 1;
        }
    }
    return 0;
}

static int note_name(const struct scenario_play *play, const struct tlsm_verdict *verdict, const char *field)
{
    if (strcmp(field, "cause") == 0)
        same_name(play, field, tlsm_cause_name(verdict->cause), 4);
    else if (strcmp(field, "place") == 0)
        same_name(play, field, tlsm_place_name(verdict->place), 4);
    else if (strcmp(field, "first_mover") == 0)
        same_name(play, field, tlsm_mover_name(verdict->first_mover), 4);
    else if (strcmp(field, "alert_sent") == 0)
        same_name(play, field, tlsm_alert_name(verdict->alert_sent), 4);
    else if (strcmp(field, "alert_received") == 0)
        same_name(play, field, tlsm_alert_name(verdict->alert_received), 4);
    else
        return 0;
    return 1;
}

static void expect_note(struct scenario_play *play, int end)
{
    const char *field = wanted_word(play, 3);
    struct tlsm_verdict verdict;
    tlsm_verdict(scenario_link(play, end)->state, &verdict);
    if (!note_number(play, &verdict, field) && !note_name(play, &verdict, field))
        scenario_fail(play, "a verdict has no %s", field);
}

/* ------------------------------------------------------------------------------------------------ the state */

static void expect_rx(struct scenario_play *play, int end)
{
    same_name(play, "rx", tlsm_rx_name(scenario_link(play, end)->state->control.rx), 3);
}

static void expect_tx(struct scenario_play *play, int end)
{
    same_name(play, "tx", tlsm_tx_name(scenario_link(play, end)->state->control.tx), 3);
}

static void bits(unsigned set, const char *const *names, size_t count, char *to, size_t room)
{
    size_t length = 0;
    to[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (set >> i & 1)
            length += (size_t)snprintf(to + length, room - length, "%s ", names[i]);
    }
}

static void expect_bits(const struct scenario_play *play, const char *what, unsigned set, const char *const *names, size_t count)
{
    char seen[128], wanted[256];
    bits(set, names, count, seen, sizeof seen);
    words_from(play, 3, wanted, sizeof wanted);
    same(play, what, seen, wanted);
}

static void expect_needs(struct scenario_play *play, int end)
{
    static const char *const names[] = { "receive", "produce", "send", "answer", "command", "deadline" };
    expect_bits(play, "needs", tlsm_needs(scenario_link(play, end)->state), names, 6);
}

static void expect_advice(struct scenario_play *play, int end)
{
    static const char *const names[] = { "flush", "shut_wr", "drain", "close", "reset", "keep" };
    struct tlsm_advice advice;
    tlsm_advice(scenario_link(play, end)->state, &advice);
    expect_bits(play, "the advice", advice.flags, names, 6);
}

static void expect_flags(struct scenario_play *play, int end)
{
    static const char *const names[] = { "sent", "received" };
    expect_bits(play, "flags", play->side[end].call.flags, names, 2);
}

/* ------------------------------------------------------------------------------------------------ bytes */

/* All plaintext since the last look. */
static void expect_data(struct scenario_play *play, int end)
{
    struct scenario_side *side = &play->side[end];
    const char *wanted = strcmp(wanted_word(play, 3), "nothing") == 0 ? "" : wanted_word(play, 3);
    const char *seen = side->read + side->read_seen;
    side->read_seen = side->read_length;
    same(play, "the data", seen, wanted);
}

/* All records made since the last look. */
static void expect_made(struct scenario_play *play, int end)
{
    struct scenario_side *side = &play->side[end];
    const char *seen = side->made + side->made_seen;
    char wanted[512];
    words_from(play, 3, wanted, sizeof wanted);
    side->made_seen = side->made_length;
    same(play, "made", seen, wanted);
}

static void expect_tickets(struct scenario_play *play, int end) { same_number(play, "tickets", play->side[end].tickets, 3); }
static void expect_unread(struct scenario_play *play, int end) { same_number(play, "unread", tlsm_link_unread(scenario_link(play, end)), 3); }

static void expect_discarded(struct scenario_play *play, int end)
{
    same_number(play, "discarded", scenario_link(play, end)->plain_discarded, 3);
}

/* What the machine left untouched: with the adapter, and still under way. */
static void expect_rest(struct scenario_play *play, int end)
{
    const struct tlsm_bytes held = tlsm_link_rest(scenario_link(play, end));
    const struct tlsm_buffer *way = &play->memory.pipe[1 - end].buffer;
    uint8_t wanted[256];
    const size_t length = scenario_bytes(play, 3, wanted, sizeof wanted), there = way->end - way->start;
    if (held.length + there != length)
        scenario_fail(play, "%zu bytes are left", held.length + there);
    if (held.length > 0)
        assert_memory_equal(held.data, wanted, held.length);
    if (there > 0)
        assert_memory_equal(way->data + way->start, wanted + held.length, there);
}

static const struct {
    const char *word;
    void (*run)(struct scenario_play *play, int end);
} expectations[] = {
    { "end", expect_end }, { "verdict", expect_verdict }, { "note", expect_note }, { "rx", expect_rx }, { "tx", expect_tx },
    { "needs", expect_needs }, { "advice", expect_advice }, { "flags", expect_flags }, { "data", expect_data },
    { "made", expect_made }, { "tickets", expect_tickets }, { "unread", expect_unread }, { "discarded", expect_discarded },
    { "rest", expect_rest },
};

void scenario_expect(struct scenario_play *play, int end)
{
    const char *what = wanted_word(play, 2);
    scenario_settle(play);
    for (size_t i = 0; i < sizeof expectations / sizeof expectations[0]; i++) {
        if (strcmp(expectations[i].word, what) == 0) {
            expectations[i].run(play, end);
            return;
        }
    }
    scenario_fail(play, "expect %s?", what);
}
