/* SPDX-License-Identifier: MIT */
/* The same transcripts over the calls of tlsm_ssl.h, real cryptography below them: those whose words are calls. Nobody runs by himself there:
 * whoever is not held reads when an expectation wants to know. */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

#include "ssl_ends.h"

enum { ATTEMPTS = 20000, KEY_UPDATE = 5, ALERT = 2 };

static struct ends ends;
static uint64_t seen[ENDS];      /* bytes written at the last look */
static uint64_t drawn;
static size_t attempts;          /* since the schedule began anew */

/* ------------------------------------------------------------------------------------------------ moving */

static size_t amount(const struct tlsm_schedule *schedule)
{
    if (schedule->script != NULL)
        return attempts < schedule->script_length ? 0 : WIRE_ANY;
    if (schedule->most == 0)
        return WIRE_ANY;
    drawn = drawn * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return schedule->seed == 0 ? schedule->most : 1 + (size_t)(drawn >> 33) % schedule->most;
}

static void allow(const struct scenario_play *play)
{
    for (int side = 0; side < ENDS; side++) {
        lane(&ends, side)->room = play->side[side].blocked ? 0 : amount(&play->schedule->pipe.send);
        lane(&ends, side)->visible = amount(&play->schedule->pipe.receive);
    }
    attempts++;
}

/* What select() would say of it. */
static int goes_on(const struct scenario_play *play, int end, int error)
{
    return (error == SSL_ERROR_WANT_WRITE && !play->side[end].blocked) || (error == SSL_ERROR_WANT_READ && lane(&ends, !end)->length > 0);
}

enum call { CALL_READ, CALL_WRITE, CALL_SHUTDOWN };

static int call_once(int end, enum call what, void *bytes, int length)
{
    struct party *party = ends.party[end];
    ERR_clear_error();
    switch (what) {
    case CALL_READ: return kind(&ends, end)->read(party, bytes, length);
    case CALL_WRITE: return kind(&ends, end)->write(party, bytes, length);
    case CALL_SHUTDOWN: break;
    }
    return kind(&ends, end)->shutdown(party);
}

static int call(struct scenario_play *play, int end, enum call what, void *bytes, int length, int *error)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        int result;
        allow(play);
        result = call_once(end, what, bytes, length);
        *error = kind(&ends, end)->get_error(ends.party[end], result);
        if (result >= 0 || !goes_on(play, end, *error))
            return result;
    }
    scenario_fail(play, "the call spins");
}

/* 1 when anything came. */
static int reads(struct scenario_play *play, int end)
{
    struct scenario_side *side = &play->side[end];
    int error, result, any = 0;
    if (side->hold || side->deaf)
        return 0;
    do {
        result = call(play, end, CALL_READ, side->read + side->read_length, (int)(SCENARIO_LOG - 1 - side->read_length), &error);
        side->read_length += result > 0 ? (size_t)result : 0;
        any |= result > 0;
    } while (result > 0);
    return any;
}

static void settle(struct scenario_play *play)
{
    attempts = 0;
    while (reads(play, 0) + reads(play, 1) > 0)
        continue;
}

/* ------------------------------------------------------------------------------------------------ deeds */

static const char *word(const struct scenario_play *play, int index)
{
    return play->at->words > index ? play->at->word[index] : "";
}

static const char *shutdown_word(int result, int error)
{
    if (result >= 0)
        return result == 0 ? "0" : "1";
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return error == SSL_ERROR_WANT_READ ? "want_read" : "want_write";
    if (error == SSL_ERROR_SYSCALL)
        return "syscall";
    switch (ends_reason()) {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return "unexpected_eof";
    case SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY: return "data_pending";
    case SSL_R_SHUTDOWN_WHILE_IN_INIT: return "in_init";
    }
    return "protocol";
}

static void closes(struct scenario_play *play, int end)
{
    int error;
    const int result = call(play, end, CALL_SHUTDOWN, NULL, 0, &error);
    if (play->at->result != NULL && strcmp(play->at->result, shutdown_word(result, error)) != 0)
        scenario_fail(play, "SSL_shutdown says %s", shutdown_word(result, error));
}

static void writes(struct scenario_play *play, int end)
{
    int error;
    const size_t length = strlen(word(play, 2));
    const int result = call(play, end, CALL_WRITE, play->at->word[2], (int)length, &error);
    if ((result == (int)length) != (play->at->result == NULL))
        scenario_fail(play, "SSL_write gives %d", result);
}

static void presets(int end, const char *which)
{
    const int flags = strcmp(which, "both") == 0 ? BOTH : strcmp(which, "sent") == 0 ? SENT : RECEIVED;
    kind(&ends, end)->set_shutdown(ends.party[end], flags);
}

/* 0: these are no calls. */
static int plain_deed(struct scenario_play *play, int end, const char *what)
{
    struct scenario_side *side = &play->side[end];
    if (strcmp(what, "hold") == 0 || strcmp(what, "go") == 0)
        side->hold = what[0] == 'h';
    else if (strcmp(what, "ignore") == 0 || strcmp(what, "listen") == 0)
        side->deaf = what[0] == 'i';
    else if (strcmp(what, "quiet") == 0)
        kind(&ends, end)->set_quiet(ends.party[end], 1);
    else if (strcmp(what, "preset") == 0)
        presets(end, word(play, 2));
    else if (strcmp(what, "update") == 0)
        assert_int_equal(kind(&ends, end)->key_update(ends.party[end], word(play, 2)[0] == 'a'), 1);
    else
        return 0;
    return 1;
}

static int deed(struct scenario_play *play, int end)
{
    const char *what = word(play, 1);
    attempts = 0;
    if (strcmp(what, "shutdown") == 0 || (strcmp(what, "close") == 0 && play->at->words == 2 && play->at->result == NULL))
        closes(play, end);
    else if (strcmp(what, "write") == 0)
        writes(play, end);
    else
        return plain_deed(play, end, what);
    return 1;
}

static void lose(struct scenario_play *play, int end)
{
    settle(play);
    ends_cut(&ends, end);
    play->side[end].hold = 1;
}

static int channel(struct scenario_play *play)
{
    const char *what = word(play, 1);
    const int end = scenario_end(play, word(play, 2));
    if (end < 0 && strcmp(what, "settle") != 0)
        return 0;
    if (strcmp(what, "block") == 0 || strcmp(what, "free") == 0)
        play->side[end].blocked = what[0] == 'b';
    else if (strcmp(what, "settle") == 0)
        settle(play);
    else if (strcmp(what, "end") == 0)
        lane(&ends, end)->ended = 1;
    else if (strcmp(what, "lose") == 0)
        lose(play, end);
    else
        return 0;
    return 1;
}

/* ------------------------------------------------------------------------------------------------ expectations */

static void expect_data(struct scenario_play *play, int end)
{
    struct scenario_side *side = &play->side[end];
    const char *wanted = strcmp(word(play, 3), "nothing") == 0 ? "" : word(play, 3);
    if (strcmp(side->read + side->read_seen, wanted) != 0)
        scenario_fail(play, "the data: %s", side->read + side->read_seen);
    side->read_seen = side->read_length;
}

/* Only lengths can be seen from outside. 0: data has none that is known. */
static int expect_made(struct scenario_play *play, int end)
{
    uint64_t wanted = 0;
    for (int i = 3; i < play->at->words; i++) {
        if (strcmp(word(play, i), "data") == 0)
            return 0;
        if (strcmp(word(play, i), "nothing") != 0)
            wanted += sealed(&ends, strcmp(word(play, i), "key_update") == 0 ? KEY_UPDATE : ALERT);
    }
    if (lane(&ends, end)->written - seen[end] != wanted)
        scenario_fail(play, "%u bytes were written", (unsigned)(lane(&ends, end)->written - seen[end]));
    seen[end] = lane(&ends, end)->written;
    return 1;
}

static void expect_flags(struct scenario_play *play, int end)
{
    int wanted = 0;
    for (int i = 3; i < play->at->words; i++)
        wanted |= strcmp(word(play, i), "sent") == 0 ? SENT : strcmp(word(play, i), "received") == 0 ? RECEIVED : 0;
    if (kind(&ends, end)->get_shutdown(ends.party[end]) != wanted)
        scenario_fail(play, "SSL_get_shutdown says %d", kind(&ends, end)->get_shutdown(ends.party[end]));
}

static int expect(struct scenario_play *play, int end)
{
    const char *what = word(play, 2);
    settle(play);
    if (strcmp(what, "end") == 0 || strcmp(what, "verdict") == 0) {
        if (strcmp(ends_how(&ends, end), word(play, 3)) != 0)
            scenario_fail(play, "the verdict: %s", ends_how(&ends, end));
    } else if (strcmp(what, "rx") == 0 && strcmp(word(play, 3), "closed") == 0) {
        if (!(kind(&ends, end)->get_shutdown(ends.party[end]) & RECEIVED))
            scenario_fail(play, "SSL_read has seen no end");
    } else if (strcmp(what, "data") == 0) {
        expect_data(play, end);
    } else if (strcmp(what, "flags") == 0) {
        expect_flags(play, end);
    } else {
        return strcmp(what, "made") == 0 && expect_made(play, end);
    }
    return 1;
}

/* ------------------------------------------------------------------------------------------------ a course */

static void each(struct scenario_play *play)
{
    const char *who = word(play, 0);
    const int only = scenario_end(play, who), expects = strcmp(word(play, 1), "expect") == 0;
    int done = 0;
    for (int end = 0; end < ENDS; end++) {
        if (strcmp(who, "both") == 0 || end == only)
            done += expects ? expect(play, end) : deed(play, end);
    }
    if (strcmp(who, "channel") == 0)
        done = channel(play);
    if (done == 0)
        scenario_fail(play, "these are no calls");
}

static int settings(struct scenario_play *play, struct party_options *options)
{
    if (strcmp(word(play, 1), "set") != 0)
        return 0;
    if (strcmp(word(play, 2), "contract") == 0)
        options->one_call = strcmp(word(play, 3), "one_call") == 0;
    else if (strcmp(word(play, 2), "tickets") == 0)
        options->tickets = (size_t)atoi(word(play, 3));
    else
        scenario_fail(play, "no party has this setting");
    return 1;
}

void scenario_over_calls(struct scenario_play *play)
{
    const struct scenario_transcript *transcript = play->transcript;
    struct party_options options = { .older = play->version == TLSM_1_2 };
    size_t next = 0;
    for (play->at = transcript->line; settings(play, &options); play->at = &transcript->line[next])
        next++;
    drawn = play->schedule->pipe.send.seed;
    ends_open(&ends, &ends_cast[options.one_call ? 1 : 0], &options);
    ends_handshake(&ends);
    attempts = SIZE_MAX / 2;
    for (int end = 0; end < ENDS; end++)
        seen[end] = lane(&ends, end)->written;
    for (; next < transcript->lines; next++) {
        play->at = &transcript->line[next];
        each(play);
    }
    ends_close(&ends);
}
