/* SPDX-License-Identifier: MIT */
/* docs/tables/scenarios.md. */
#include "scenario.h"

#include <string.h>

static void head(FILE *to)
{
    (void)fputs("<!-- Generated from test/scenarios/ and the results of test/scenario_test.c by `make docs`; do not edit. -->\n\n"
                "# The rules of closing, and what shows them\n\n"
                "Every rule of [closing.md](../closing.md) by its number. A transcript (who does what, in which order; "
                "[test/scenarios/](../../test/scenarios)\nhas them all) is played for both versions of TLS, with us as the client and as the "
                "server, under each of these schedules:\n\n", to);
}

static void schedules(FILE *to)
{
    size_t count = scenario_schedules(), reports = 0, seeds = 0;
    for (size_t i = 0; i < count; i++) {
        seeds += strncmp(scenario_schedule(i)->name, "seed", 4) == 0;
        reports += strncmp(scenario_schedule(i)->name, "sent", 4) == 0;
    }
    (void)fprintf(to, "- everything at once; one byte at a time, both ways and in what is reported as sent; output blocked five times, then freed;\n"
                      "- %zu seeded splits of what is sent, received and reported;\n"
                      "- handed off: after every turn both connections are exported and imported, everything at once and one byte at a time (J1);\n"
                      "- every schedule of `sent`: the transport takes all at once, reports 0 to %zu bytes of it, and the rest when the other "
                      "end has\n  answered.\n\n"
                      "That makes %zu. All of them leave the same plaintext, the same records and the same verdicts (I6), no step breaks an "
                      "invariant, and what is\nfinal stays as it is (I4, I5). Where no transcript can say it, tests with courses of their own do.\n",
                  seeds, reports - 1, count);
}

static size_t runs_of(const size_t runs[2][2]) { return runs[0][0] + runs[0][1] + runs[1][0] + runs[1][1]; }

static void rules(const struct scenario_book *book, FILE *to)
{
    (void)fputs("\n## Rule by rule\n\n| rule | what it says | transcripts | tests | runs | result |\n|---|---|--:|--:|--:|---|\n", to);
    for (size_t i = 0; i < book->rules; i++) {
        const struct scenario_rule *rule = &book->rule[i];
        size_t runs = 0;
        for (size_t t = 0; t < book->transcripts; t++)
            runs += book->transcript[t].rule == i ? runs_of(book->transcript[t].runs) + runs_of(book->transcript[t].call_runs) : 0;
        (void)fprintf(to, "| %s | %s | %zu | %zu | ", rule->number, rule->sentence, rule->transcripts, rule->witnesses);
        if (rule->none != NULL)
            (void)fprintf(to, "none: %s | by its tests |\n", rule->none);
        else
            (void)fprintf(to, "%zu | pass |\n", runs);
    }
    (void)fprintf(to, "\n%zu rules.\n", book->rules);
}

static void cell(const struct scenario_transcript *transcript, int older, int server, FILE *to)
{
    const int other_version = transcript->version != 0 && (transcript->version == TLSM_1_2) != older;
    const int other_role = transcript->role != 0 && (transcript->role == TLSM_SERVER) != server;
    if (other_version)
        (void)fprintf(to, " 1.%d only |", older ? 3 : 2);
    else if (other_role)
        (void)fprintf(to, " %s only |", server ? "client" : "server");
    else
        (void)fprintf(to, " %zu pass |", transcript->runs[older][server]);
}

static void transcripts(const struct scenario_book *book, FILE *to)
{
    size_t runs = 0, calls = 0;
    (void)fputs("\n## Transcripts\n\n`we` are the client, or the server; each cell is the number of schedules. Those whose words are calls are also played over `tlsm_ssl.h`\nin memory, "
                "with real cryptography, under the first seven of them.\n\n"
                "| rule | transcript | 1.3, client | 1.3, server | 1.2, client | 1.2, server | over the calls |\n|---|---|--:|--:|--:|--:|--:|\n", to);
    for (size_t i = 0; i < book->transcripts; i++) {
        const struct scenario_transcript *transcript = &book->transcript[i];
        (void)fprintf(to, "| %s | %s |", book->rule[transcript->rule].number, transcript->name);
        for (int at = 0; at < 4; at++)
            cell(transcript, at / 2, at % 2, to);
        if (transcript->calls)
            (void)fprintf(to, " %zu pass |\n", runs_of(transcript->call_runs));
        else
            (void)fputs(" no calls |\n", to);
        runs += runs_of(transcript->runs);
        calls += runs_of(transcript->call_runs);
    }
    (void)fprintf(to, "\n%zu transcripts, %zu runs; %zu over the calls.\n", book->transcripts, runs, calls);
}

static void witnesses(const struct scenario_book *book, FILE *to)
{
    (void)fputs("\n## Tests\n\nCourses of their own: exact bytes and rooms, adapters, real cryptography.\n\n| rule | test | in |\n|---|---|---|\n", to);
    for (size_t i = 0; i < book->witnesses; i++) {
        const struct scenario_witness *witness = &book->witness[i];
        (void)fprintf(to, "| %s | `%s` | [%s.c](../../test/%s.c) |\n", book->rule[witness->rule].number, witness->name, witness->file,
                      witness->file);
    }
    (void)fprintf(to, "\n%zu tests.\n", book->witnesses);
}

void scenario_table(const struct scenario_book *book, FILE *to)
{
    head(to);
    schedules(to);
    rules(book, to);
    transcripts(book, to);
    witnesses(book, to);
}
