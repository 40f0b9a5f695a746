/* SPDX-License-Identifier: MIT */
/* A transcript, line by line. */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

void scenario_fail(const struct scenario_play *play, const char *format, ...)
{
    const struct scenario_line *line = play->at;
    char said[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(said, sizeof said, format, arguments);
    va_end(arguments);
    print_error("%s:%d: %s (%s, TLS 1.%d, we are the %s)\n    ", play->transcript->file, line != NULL ? line->number : 0, said,
                play->schedule->name, play->version == TLSM_1_2 ? 2 : 3, play->we == 0 ? "client" : "server");
    for (int i = 0; line != NULL && i < line->words; i++)
        print_error("%s ", line->word[i]);
    print_error("\n");
    _fail(play->transcript->file, line != NULL ? line->number : 0);
    abort();   /* _fail() does not return, but cannot say so */
}

/* "both": the client, then the server. */
static void each(struct scenario_play *play, int (*run)(struct scenario_play *play, int end))
{
    const char *who = play->at->word[0];
    const int end = scenario_end(play, who), both = strcmp(who, "both") == 0;
    int done = 0;
    for (int which = 0; which < 2; which++) {
        if (both || which == end)
            done += run(play, which);
    }
    if (done == 0)
        scenario_fail(play, "nobody can do that");
}

static int expect(struct scenario_play *play, int end)
{
    scenario_expect(play, end);
    return 1;
}

static void play_line(struct scenario_play *play)
{
    const struct scenario_line *line = play->at;
    if (strcmp(line->word[0], "channel") == 0) {
        if (!scenario_channel(play))
            scenario_fail(play, "the channel cannot do that");
    } else {
        each(play, strcmp(line->word[1], "expect") == 0 ? expect : scenario_do);
    }
}

/* Settings stand first; where nobody starts, both are connected. */
static size_t begin(struct scenario_play *play)
{
    const struct scenario_transcript *transcript = play->transcript;
    size_t next = 0;
    scenario_open(play);
    while (next < transcript->lines && strcmp(transcript->line[next].word[1], "set") == 0) {
        play->at = &transcript->line[next++];
        each(play, scenario_set);
    }
    play->at = next < transcript->lines ? &transcript->line[next] : NULL;
    if (play->at == NULL)
        scenario_fail(play, "%s says nothing", transcript->name);
    if (strcmp(play->at->word[0], "nobody") == 0)
        return next + 1;
    scenario_connect(play);
    return next;
}

static void leave_trace(struct scenario_play *play, struct scenario_trace *trace)
{
    memset(trace, 0, sizeof *trace);
    for (int end = 0; end < 2; end++) {
        tlsm_verdict(scenario_link(play, end)->state, &trace->verdict[end]);
        memcpy(trace->read[end], play->side[end].read, play->side[end].read_length);
        memcpy(trace->made[end], play->side[end].made, play->side[end].made_length);
    }
}

void scenario_play(struct scenario_play *play, struct scenario_trace *trace)
{
    const struct scenario_transcript *transcript = play->transcript;
    for (size_t i = begin(play); i < transcript->lines; i++) {
        play->at = &transcript->line[i];
        scenario_move(play);
        play_line(play);
    }
    scenario_settle(play);
    leave_trace(play, trace);
    scenario_shut(play);
}
