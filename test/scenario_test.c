/* SPDX-License-Identifier: MIT */
/* Every rule of docs/closing.md, by its number: the transcripts of test/scenarios/ in both versions, from both sides, under every schedule;
 * and docs/tables/scenarios.md says what came of it. */
#define _POSIX_C_SOURCE 200809L

#include "scenario.h"

#include <stdlib.h>
#include <string.h>

static const char *const files[] = {
    "test/scenarios/a_starting_a_close.txt",
    "test/scenarios/b_reading_after_our_close.txt",
    "test/scenarios/c_the_peer_closes_first.txt",
    "test/scenarios/t_truncation.txt",
    "test/scenarios/e_parsing_alerts.txt",
    "test/scenarios/f_alerts_and_keys.txt",
    "test/scenarios/g_failing_and_resumption.txt",
    "test/scenarios/h_requests_time_transport.txt",
    "test/scenarios/j_hand_off.txt",
    "test/scenarios/k_the_call.txt",
    "test/scenarios/o_other_libraries.txt",
    "test/scenarios/v_the_verdict.txt",
};
static const char table_file[] = "docs/tables/scenarios.md";

struct course {
    struct scenario_transcript *transcript;
    int older, server;
    char name[192], calls[200];
};
static struct scenario_book book;
static struct course courses[4 * SCENARIO_TRANSCRIPTS];
static struct CMUnitTest tests[8 * SCENARIO_TRANSCRIPTS];

static size_t first_difference(const struct tlsm_verdict *a, const struct tlsm_verdict *b)
{
    size_t at = 0;
    while (at < sizeof *a && ((const uint8_t *)a)[at] == ((const uint8_t *)b)[at])
        at++;
    return at;
}

/* I6: whatever the schedule, the course is the same. */
static void compare(const struct scenario_play *play, const struct scenario_trace *first, const struct scenario_trace *now)
{
    for (int end = 0; end < 2; end++) {
        if (strcmp(first->read[end], now->read[end]) != 0)
            scenario_fail(play, "end %d read %s", end, now->read[end]);
        if (strcmp(first->made[end], now->made[end]) != 0)
            scenario_fail(play, "end %d made %s, and not %s", end, now->made[end], first->made[end]);
        if (memcmp(&first->verdict[end], &now->verdict[end], sizeof now->verdict[end]) != 0)
            scenario_fail(play, "end %d has another verdict: %s, byte %zu", end, tlsm_how_name(now->verdict[end].how),
                          first_difference(&first->verdict[end], &now->verdict[end]));
    }
}

/* A checked build is slow, and a third of the reports have shown what it can see; its table is not the whole one. */
#ifdef TLSM_DEBUG
enum { CHECKED = 1 };
#else
enum { CHECKED = 0 };
#endif
static int left_out(size_t schedule) { return CHECKED && schedule >= scenario_schedules() / 4 && schedule % 3 != 0; }

static void run_course(void **state)
{
    struct course *course = *state;
    static struct scenario_play play;
    static struct scenario_trace first, now;
    for (size_t i = 0; i < scenario_schedules(); i++) {
        if (left_out(i))
            continue;
        memset(&play, 0, sizeof play);
        play.transcript = course->transcript;
        play.schedule = scenario_schedule(i);
        play.version = course->older ? TLSM_1_2 : TLSM_1_3;
        play.we = course->server;
        scenario_play(&play, i == 0 ? &first : &now);
        assert_true((play.moves > 0) == play.schedule->moving);
        if (i > 0)
            compare(&play, &first, &now);
        course->transcript->runs[course->older][course->server]++;
    }
}

/* Real cryptography: everything at once, a byte at a time, blocked and freed, and seeds. */
enum { CALL_SCHEDULES = 7 };

static void run_calls(void **state)
{
    struct course *course = *state;
    static struct scenario_play play;
    for (size_t i = 0; i < CALL_SCHEDULES; i++) {
        memset(&play, 0, sizeof play);
        play.transcript = course->transcript;
        play.schedule = scenario_schedule(i);
        play.version = course->older ? TLSM_1_2 : TLSM_1_3;
        play.we = course->server;
        scenario_over_calls(&play);
        course->transcript->call_runs[course->older][course->server]++;
    }
}

static int applies(const struct course *course)
{
    const struct scenario_transcript *transcript = course->transcript;
    return (transcript->version == 0 || (transcript->version == TLSM_1_2) == course->older) &&
           (transcript->role == 0 || (transcript->role == TLSM_SERVER) == course->server);
}

static size_t make_tests(const char *only)
{
    size_t count = 0;
    for (size_t i = 0; i < 4 * book.transcripts; i++) {
        struct course *course = &courses[i];
        course->transcript = &book.transcript[i / 4];
        course->older = i / 2 % 2 != 0;
        course->server = i % 2 != 0;
        (void)snprintf(course->name, sizeof course->name, "%s %s: TLS 1.%d, %s", book.rule[course->transcript->rule].number,
                       course->transcript->name, course->older ? 2 : 3, course->server ? "server" : "client");
        (void)snprintf(course->calls, sizeof course->calls, "%s, calls", course->name);
        if (!applies(course) || (only != NULL && strncmp(course->name, only, strlen(only)) != 0))
            continue;
        tests[count++] = (struct CMUnitTest){ course->name, run_course, NULL, NULL, course };
        if (course->transcript->calls)
            tests[count++] = (struct CMUnitTest){ course->calls, run_calls, NULL, NULL, course };
    }
    return count;
}

/* ------------------------------------------------------------------------------------------------ the table */

static int there_is(const char *table, size_t length)
{
    char *const there = malloc(length + 2);
    FILE *const file = fopen(table_file, "r");
    int same = 0;
    if (file != NULL && there != NULL)
        same = fread(there, 1, length + 2, file) == length && memcmp(there, table, length) == 0;
    if (file != NULL)
        (void)fclose(file);
    free(there);
    if (!same)
        (void)fprintf(stderr, "%s is stale: run make docs\n", table_file);
    return same;
}

static int write_to(const char *name, const char *table, size_t length)
{
    FILE *const file = fopen(name, "w");
    const int written = file != NULL && fwrite(table, 1, length, file) == length;
    return file != NULL && fclose(file) == 0 && written;
}

static int settle_table(const char *name)
{
    char *table = NULL;
    size_t length = 0;
    FILE *const memory = open_memstream(&table, &length);
    int good;
    if (memory == NULL)
        return 0;
    scenario_table(&book, memory);
    good = fclose(memory) == 0 && (name != NULL ? write_to(name, table, length) : there_is(table, length));
    free(table);
    return good;
}

/* scenario_test [--table FILE | --only BEGINNING-OF-A-NAME] */
int main(int argc, char **argv)
{
    const char *const table = argc == 3 && strcmp(argv[1], "--table") == 0 ? argv[2] : NULL;
    const char *const only = argc == 3 && strcmp(argv[1], "--only") == 0 ? argv[2] : NULL;
    int good = 1, failed;
    if (argc != 1 && table == NULL && only == NULL) {
        (void)fprintf(stderr, "usage: scenario_test [--table FILE | --only BEGINNING-OF-A-NAME]\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        good = scenario_read(&book, files[i]) && good;
    if (!good || (only == NULL && !scenario_complete(&book)))
        return 1;
    failed = _cmocka_run_group_tests("scenario", tests, make_tests(only), NULL, NULL);
    return failed != 0 || (only == NULL && !CHECKED && !settle_table(table));
}
