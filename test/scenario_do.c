/* SPDX-License-Identifier: MIT */
/* What is done: by an end, by the channel. */
#include "scenario.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS = 100000, BYTES_MAX = 17000 };

struct deed {
    const char *word;
    int least, most;                          /* arguments */
    void (*run)(struct scenario_play *play, int end);
};

static const char *argument(const struct scenario_play *play, int index)
{
    return play->at->words > 2 + index ? play->at->word[2 + index] : NULL;
}

static int argument_is(const struct scenario_play *play, int index, const char *word)
{
    return argument(play, index) != NULL && strcmp(argument(play, index), word) == 0;
}

/* ------------------------------------------------------------------------------------------------ commands */

static void lower(const char *from, char *to, size_t room)
{
    size_t i = 0;
    for (; from[i] != '\0' && i + 1 < room; i++)
        to[i] = (char)tolower((unsigned char)from[i]);
    to[i] = '\0';
}

/* What a command returned: as written behind "->", else accepted. */
static void judge(struct scenario_play *play, int end, int done)
{
    const struct tlsm_link *link = scenario_link(play, end);
    char name[64];
    lower(tlsm_code_name(link->code), name, sizeof name);
    if (play->at->result != NULL && strcmp(play->at->result, name) != 0)
        scenario_fail(play, "the result is %s", name);
    if (play->at->result == NULL && done != TLSM_IO_DONE)
        scenario_fail(play, "refused: %s", name);
}

static void command(struct scenario_play *play, int end, const struct tlsm_in *in)
{
    judge(play, end, tlsm_link_command(scenario_link(play, end), in));
}

static void do_start(struct scenario_play *play, int end) { scenario_start(play, end); }

static void do_close(struct scenario_play *play, int end)
{
    const struct tlsm_in in = { .kind = TLSM_IN_CLOSE, .one_way = (uint8_t)argument_is(play, 0, "one_way") };
    command(play, end, &in);
}

static void do_wait(struct scenario_play *play, int end) { command(play, end, &(struct tlsm_in){ .kind = TLSM_IN_WAIT }); }
static void do_abandon(struct scenario_play *play, int end) { command(play, end, &(struct tlsm_in){ .kind = TLSM_IN_ABANDON }); }
static void do_ticket(struct scenario_play *play, int end) { command(play, end, &(struct tlsm_in){ .kind = TLSM_IN_TICKET }); }
static void do_export(struct scenario_play *play, int end) { command(play, end, &(struct tlsm_in){ .kind = TLSM_IN_EXPORT }); }

static void do_ask(struct scenario_play *play, int end) { command(play, end, &(struct tlsm_in){ .kind = TLSM_IN_ASK_CERTIFICATE }); }

static void do_abort(struct scenario_play *play, int end)
{
    const struct tlsm_in in = { .kind = TLSM_IN_ABORT, .alert = scenario_alert(play, argument(play, 0)) };
    command(play, end, &in);
}

static void do_deadline(struct scenario_play *play, int end)
{
    const struct tlsm_in in = { .kind = argument_is(play, 0, "set") ? TLSM_IN_DEADLINE_SET : TLSM_IN_DEADLINE };
    command(play, end, &in);
}

static void do_update(struct scenario_play *play, int end)
{
    const struct tlsm_in in = { .kind = TLSM_IN_KEY_UPDATE, .ask = (uint8_t)argument_is(play, 0, "asking") };
    command(play, end, &in);
}

/* peer updates N: so many key updates in a row, each produced. */
static void do_updates(struct scenario_play *play, int end)
{
    for (size_t count = scenario_number(play, argument(play, 0)); count > 0; count--) {
        command(play, end, &(struct tlsm_in){ .kind = TLSM_IN_KEY_UPDATE });
        (void)tlsm_link_run(scenario_link(play, end));
    }
}

/* "600*78": so many bytes; else the text itself. */
static size_t text_of(const struct scenario_play *play, uint8_t *to)
{
    const char *text = argument(play, 0);
    if (strchr(text, '*') != NULL)
        return scenario_bytes(play, 2, to, BYTES_MAX);
    memcpy(to, text, strlen(text));
    return strlen(text);
}

static void do_write(struct scenario_play *play, int end)
{
    uint8_t bytes[BYTES_MAX];
    const size_t length = text_of(play, bytes);
    const ptrdiff_t done = tlsm_link_seal(scenario_link(play, end), bytes, length);
    judge(play, end, done == (ptrdiff_t)length ? TLSM_IO_DONE : TLSM_IO_REFUSED);
}

static void do_vouch(struct scenario_play *play, int end) { tlsm_link_vouch(scenario_link(play, end)); }

/* Makes what is owed; the transport has seen nothing of it. */
static void do_produce(struct scenario_play *play, int end) { (void)tlsm_link_run(scenario_link(play, end)); }
static void do_hold(struct scenario_play *play, int end) { play->side[end].hold = 1; }
static void do_go(struct scenario_play *play, int end) { play->side[end].hold = 0; }
static void do_ignore(struct scenario_play *play, int end) { play->side[end].deaf = 1; }
static void do_listen(struct scenario_play *play, int end) { play->side[end].deaf = 0; }
static void do_silent(struct scenario_play *play, int end) { play->side[end].silent = 1; }
static void do_answer(struct scenario_play *play, int end) { play->side[end].silent = 0; }
static void do_discard(struct scenario_play *play, int end) { (void)tlsm_link_discard(scenario_link(play, end)); }

/* Takes in what is under way, and makes nothing of what is then owed: an adapter would at once. Whole records alone. */
static void do_absorb(struct scenario_play *play, int end)
{
    struct scenario_side *side = &play->side[end];
    struct tlsm_link *link = scenario_link(play, end);
    struct tlsm_pipe *pipe = &play->memory.pipe[1 - end];
    static uint8_t opened[TLSM_RECORD_MAX];
    if (link->in.start != link->in.end)
        scenario_fail(play, "the adapter holds bytes of its own");
    while (pipe->given < pipe->taken) {
        struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { pipe->buffer.data + pipe->buffer.start, (size_t)(pipe->taken - pipe->given) } };
        struct tlsm_out out = { .plain = { opened, sizeof opened }, .state_capacity = link->state_capacity };
        link->code = tlsm_step(&link->config, link->state, &in, link->state, &out);
        if (link->code >= TLSM_MORE_INPUT || out.consumed == 0)
            scenario_fail(play, "%s", tlsm_code_name(link->code));
        pipe->buffer.start += out.consumed;
        pipe->given += out.consumed;
        if (out.news & TLSM_NEWS_DATA)
            memcpy(side->read + side->read_length, opened, out.plain_length);
        side->read_length += out.news & TLSM_NEWS_DATA ? out.plain_length : 0;
    }
}

/* An input that no adapter would give: what it is refused with. */
static void do_step(struct scenario_play *play, int end)
{
    struct tlsm_in in = { .kind = TLSM_IN_EOF };
    uint8_t bytes[64];
    if (argument_is(play, 0, "sent")) {
        in.kind = TLSM_IN_SENT;
        in.count = scenario_number(play, argument(play, 1));
    } else if (argument_is(play, 0, "wire")) {
        in.kind = TLSM_IN_WIRE;
        in.bytes.data = bytes;
        in.bytes.length = scenario_bytes(play, 4, bytes, sizeof bytes);
    }
    command(play, end, &in);
}

/* ------------------------------------------------------------------------------------------------ forgery */

static uint8_t record_type(const struct scenario_play *play, const char *word)
{
    static const char *const names[] = { "ccs", "alert", "handshake", "data" };
    for (uint8_t i = 0; i < 4; i++) {
        if (strcmp(word, names[i]) == 0)
            return (uint8_t)(20 + i);
    }
    return (uint8_t)scenario_number(play, word);
}

static size_t times(const struct scenario_play *play, int *at)
{
    if (!argument_is(play, 0, "times"))
        return 1;
    *at += 2;
    return scenario_number(play, argument(play, 1));
}

/* peer seal [times N] TYPE BYTES…: sealed by this end, though its machine would not say it. */
static void do_seal(struct scenario_play *play, int end)
{
    uint8_t bytes[BYTES_MAX];
    int at = 2;
    const size_t count = times(play, &at), length = scenario_bytes(play, at + 1, bytes, sizeof bytes);
    if (!play->side[end].hold)
        scenario_settle(play);
    for (size_t i = 0; i < count; i++)
        scenario_seal(play, end, record_type(play, play->at->word[at]), bytes, length, 0);
}

/* peer pad N TYPE BYTES…: the same with N zeros behind it. */
static void do_pad(struct scenario_play *play, int end)
{
    uint8_t bytes[64];
    const size_t length = scenario_bytes(play, 4, bytes, sizeof bytes);
    scenario_settle(play);
    scenario_seal(play, end, record_type(play, argument(play, 1)), bytes, length, scenario_number(play, argument(play, 0)));
}

/* peer inject BYTES…: as if this end had sent them. */
static void do_inject(struct scenario_play *play, int end)
{
    uint8_t bytes[BYTES_MAX];
    const size_t length = scenario_bytes(play, 2, bytes, sizeof bytes);
    if (!play->side[end].hold)
        scenario_settle(play);
    assert_int_equal(tlsm_memory_inject(&play->memory, end, bytes, length), TLSM_IO_DONE);
}

/* peer replay: the last record that this end made, once more. */
static void do_replay(struct scenario_play *play, int end)
{
    const struct scenario_side *side = &play->side[end];
    scenario_settle(play);
    assert_int_equal(tlsm_memory_inject(&play->memory, end, side->record, side->record_length), TLSM_IO_DONE);
}

/* ------------------------------------------------------------------------------------------------ SSL_shutdown(3) */

static const char *const errors[] = { "none", "want_read", "want_write", "syscall", "protocol", "unexpected_eof", "data_pending",
                                      "in_init", "failure" };

static int bytes_for(const struct scenario_play *play, int end)
{
    const struct tlsm_pipe *pipe = &play->memory.pipe[1 - end];
    return !pipe->stopped && pipe->given < pipe->taken && pipe->given < pipe->cut_at && pipe->given < pipe->reset_at;
}

/* Called again where select() would say that it goes on: what a schedule delays is not the transcript's business (K5). */
static void do_shutdown(struct scenario_play *play, int end)
{
    struct scenario_side *side = &play->side[end];
    enum tlsm_shutdown_error error = TLSM_SHUTDOWN_NONE;
    char got[32];
    int result = -1, again = 1;
    scenario_rewind(play);
    for (int calls = 0; again; calls++) {
        if (calls == CALLS)
            scenario_fail(play, "the call spins");
        result = tlsm_link_shutdown(scenario_link(play, end), &play->memory.transport[end], &side->call, &error);
        again = result < 0 && ((error == TLSM_SHUTDOWN_WANT_WRITE && !side->blocked) ||
                               (error == TLSM_SHUTDOWN_WANT_READ && bytes_for(play, end)));
    }
    (void)snprintf(got, sizeof got, result < 0 ? "%s" : "%.0s%d", errors[error], result);
    if (play->at->result == NULL || strcmp(play->at->result, got) != 0)
        scenario_fail(play, "the call says %s", got);
}

static void do_quiet(struct scenario_play *play, int end) { play->side[end].call.quiet = 1; }

static void do_preset(struct scenario_play *play, int end)
{
    const unsigned sent = argument_is(play, 0, "received") ? 0 : TLSM_SENT_SHUTDOWN;
    const unsigned received = argument_is(play, 0, "sent") ? 0 : TLSM_RECEIVED_SHUTDOWN;
    tlsm_shutdown_preset(&play->side[end].call, sent | received);
}

static const struct deed deeds[] = {
    { "start", 0, 0, do_start }, { "close", 0, 1, do_close }, { "wait", 0, 0, do_wait }, { "abort", 1, 1, do_abort }, { "ask", 0, 0, do_ask },
    { "abandon", 0, 0, do_abandon }, { "deadline", 1, 1, do_deadline }, { "update", 0, 1, do_update }, { "ticket", 0, 0, do_ticket },
    { "updates", 1, 1, do_updates }, { "replay", 0, 0, do_replay }, { "write", 1, 1, do_write }, { "vouch", 0, 0, do_vouch }, { "export", 0, 0, do_export }, { "produce", 0, 0, do_produce },
    { "hold", 0, 0, do_hold }, { "go", 0, 0, do_go }, { "ignore", 0, 0, do_ignore }, { "listen", 0, 0, do_listen },
    { "silent", 0, 0, do_silent }, { "answer", 0, 0, do_answer }, { "discard", 0, 0, do_discard }, { "absorb", 0, 0, do_absorb }, { "step", 1, 20, do_step },
    { "seal", 1, 22, do_seal }, { "pad", 2, 20, do_pad }, { "inject", 1, 22, do_inject }, { "shutdown", 0, 0, do_shutdown },
    { "quiet", 0, 0, do_quiet }, { "preset", 1, 1, do_preset },
};

/* ------------------------------------------------------------------------------------------------ the channel */

static struct tlsm_pipe *pipe_of(struct scenario_play *play, int end) { return &play->memory.pipe[end]; }

static void set_blocked(struct scenario_play *play, int end, int blocked)
{
    pipe_of(play, end)->blocked = (uint8_t)blocked;
    play->side[end].blocked = blocked;
}

static void block(struct scenario_play *play, int end) { set_blocked(play, end, 1); }
static void release(struct scenario_play *play, int end) { set_blocked(play, end, 0); }
static void delay(struct scenario_play *play, int end) { pipe_of(play, end)->stopped = 1; }
static void deliver(struct scenario_play *play, int end) { pipe_of(play, end)->stopped = 0; }
static void refuse(struct scenario_play *play, int end) { pipe_of(play, end)->fail_at = pipe_of(play, end)->taken; }

/* channel take we N: so many bytes of what we produce go out, then nothing more; -N: all but so many. */
static void take_some(struct scenario_play *play, int end)
{
    struct tlsm_link *link = scenario_link(play, end);
    const char *number = argument(play, 1);
    const int but = *number == '-';
    size_t count = scenario_number(play, number + but);
    struct tlsm_bytes pending;
    (void)tlsm_link_run(link);
    pending = tlsm_link_pending(link);
    if (pending.length < count)
        scenario_fail(play, "only %zu bytes are there", pending.length);
    count = but ? pending.length - count : count;
    assert_int_equal(tlsm_memory_inject(&play->memory, end, pending.data, count), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_sent(link, count), TLSM_IO_DONE);
    block(play, end);
}

/* channel cut peer [N]: the transport ends behind N more bytes of what the peer sends. */
static void cut(struct scenario_play *play, int end)
{
    scenario_settle(play);
    pipe_of(play, end)->cut_at = pipe_of(play, end)->taken + (argument(play, 1) != NULL ? scenario_number(play, argument(play, 1)) : 0);
}

static void end_of(struct scenario_play *play, int end)
{
    scenario_settle(play);
    tlsm_memory_shut(&play->memory, end);
}

static void reset(struct scenario_play *play, int end)
{
    scenario_settle(play);
    tlsm_memory_reset(&play->memory, end);
}

static void vanish(struct scenario_play *play, int end)
{
    scenario_settle(play);
    tlsm_memory_vanish(&play->memory, end);
    play->side[end].hold = 1;
}

static const struct deed channel[] = {
    { "block", 1, 1, block }, { "free", 1, 1, release }, { "delay", 1, 1, delay }, { "deliver", 1, 1, deliver },
    { "refuse", 1, 1, refuse }, { "take", 2, 2, take_some }, { "cut", 1, 2, cut }, { "end", 1, 1, end_of },
    { "reset", 1, 1, reset }, { "lose", 1, 1, vanish },
};

/* ------------------------------------------------------------------------------------------------ finding them */

static int find(struct scenario_play *play, const struct deed *list, size_t count, int end)
{
    const int arguments = play->at->words - 2;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].word, play->at->word[1]) != 0)
            continue;
        if (arguments < list[i].least || arguments > list[i].most)
            scenario_fail(play, "%s takes %d to %d words", list[i].word, list[i].least, list[i].most);
        list[i].run(play, end);
        return 1;
    }
    return 0;
}

int scenario_do(struct scenario_play *play, int end) { return find(play, deeds, sizeof deeds / sizeof deeds[0], end); }

int scenario_channel(struct scenario_play *play)
{
    const int end = argument(play, 0) != NULL ? scenario_end(play, argument(play, 0)) : -1;
    if (strcmp(play->at->word[1], "settle") == 0) {
        scenario_settle(play);
        return 1;
    }
    return end >= 0 && find(play, channel, sizeof channel / sizeof channel[0], end);
}
