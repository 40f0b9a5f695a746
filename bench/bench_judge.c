/* SPDX-License-Identifier: MIT */
/* Targets: what tlsm may take at most, next to the floor and next to others in the same run, and which misses are known. */
#include <stdio.h>
#include <string.h>

#include "bench_report.h"

enum { LINE_ROOM = 1000, KEY_ROOM = 48, TARGETS_MAX = 96, KNOWN_MAX = 32, TLSM = 1 /* where it is among the libraries */ };
enum { IDLE_MOST = 1024, PEAK_MOST = 12288 };
_Static_assert(TARGETS_MAX >= 4 * BENCH_ROWS + 8, "each row beside four libraries, and the sizes");
static const char *const ends[] = { "client", "server" };

struct judgement {
    char key[TARGETS_MAX][KEY_ROOM];
    int missed[TARGETS_MAX], count;
};

/* A line is "key: reason". Lines that begin with # are for people. */
struct known {
    char key[KNOWN_MAX][KEY_ROOM];
    int count;
};

/* ------------------------------------------------------------------------------------------------ one target */

static void note(struct judgement *judgement, const char *key, int missed)
{
    (void)snprintf(judgement->key[judgement->count], KEY_ROOM, "%s", key);
    judgement->missed[judgement->count++] = missed;
}

/* A ratio of exactly 1 is not ahead. */
static void judge_ratio(struct judgement *judgement, const struct bench_results *results, size_t row, size_t to, const char *key,
                        double most)
{
    const struct bench_spread ratio = bench_ratio_of(results, row, TLSM, to);
    const int ahead = most == 1.0, missed = ahead ? ratio.middle >= most : ratio.middle > most;
    (void)printf("  %-28s %.3f (%.3f..%.3f) of %s, %s %.2f  %s\n", key, ratio.middle, ratio.low, ratio.high, results->library[to]->name,
                 ahead ? "below" : "at most", most, missed ? "MISSED" : "met");
    note(judgement, key, missed);
}

static void judge_size(struct judgement *judgement, const char *what, const char *end, size_t size, size_t most)
{
    char key[KEY_ROOM];
    (void)snprintf(key, sizeof key, "%s%s%s", what, end[0] != '\0' ? "." : "", end);
    (void)printf("  %-28s %zu, at most %zu  %s\n", key, size, most, size > most ? "MISSED" : "met");
    note(judgement, key, size > most);
}

/* ------------------------------------------------------------------------------------------------ all of them */

/* What the floor already takes more than, only the floor can be held against. */
static void judge_beside(struct judgement *judgement, const struct bench_results *results, size_t row)
{
    static const struct { const char *key; int same_libcrypto; } others[] = {
        { "libssl", 1 }, { "libssl_pair", 1 }, { "gnutls", 0 }, { "bearssl", 0 } };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const size_t at = bench_index(results, others[i].key);
        char key[KEY_ROOM];
        if (!bench_measured(results, row, at))
            continue;
        (void)snprintf(key, sizeof key, "%s.%s", bench_rows[row].key, others[i].key);
        if (others[i].same_libcrypto || bench_ratio_of(results, row, 0, at).middle < 1)
            judge_ratio(judgement, results, row, at, key, 1);
        else
            judge_ratio(judgement, results, row, 0, key, bench_rows[row].target);
    }
}

static void judge_row(struct judgement *judgement, const struct bench_results *results, size_t row)
{
    const struct bench_row *what = &bench_rows[row];
    const size_t gnutls = bench_index(results, "gnutls");
    if (results->left_out[row])
        return;
    switch (what->against) {
    case BENCH_AGAINST_FLOOR: judge_ratio(judgement, results, row, 0, what->key, what->target); break;
    case BENCH_AGAINST_LIBRARIES: judge_beside(judgement, results, row); break;
    case BENCH_AGAINST_GNUTLS:
        if (bench_measured(results, row, gnutls))
            judge_ratio(judgement, results, row, gnutls, what->key, what->target);
        else
            (void)printf("  %-28s not judged: GnuTLS is not here\n", what->key);
        break;
    }
}

static void judge_memory(struct judgement *judgement, const struct bench_results *results)
{
    const struct bench_memory *memory = results->memory[TLSM];
    const size_t link = bench_index(results, "tlsm_link");
    for (int end = 0; end < 2; end++)
        judge_size(judgement, "idle", ends[end], memory[BENCH_TLS13].idle[end], IDLE_MOST);
    for (int end = 0; end < 2; end++)
        judge_size(judgement, "peak", ends[end], results->room.state[end], PEAK_MOST);
    judge_size(judgement, "record_allocations", "", memory[BENCH_TLS13].per_record, 0);
    judge_size(judgement, "record_allocations_12", "", memory[BENCH_TLS12].per_record, 0);
    if (link < results->libraries)
        judge_size(judgement, "record_allocations", "link", results->memory[link][BENCH_TLS13].per_record, 0);
}

/* ------------------------------------------------------------------------------------------------ what is known */

/* 0, or -1: it cannot be read, or a line gives no reason. */
static int read_known(const char *path, struct known *known)
{
    char line[LINE_ROOM];
    FILE *const file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    while (fgets(line, sizeof line, file) != NULL && known->count < KNOWN_MAX) {
        const size_t length = strcspn(line, ":");
        if (line[0] == '#' || line[strspn(line, " \n")] == '\0')
            continue;
        if (length >= KEY_ROOM || line[length] == '\0' || line[length + 1 + strspn(line + length + 1, " \n")] == '\0') {
            (void)fprintf(stderr, "bench: %s: no \"key: reason\": %s", path, line);
            (void)fclose(file);
            return -1;
        }
        (void)snprintf(known->key[known->count++], KEY_ROOM, "%.*s", (int)length, line);
    }
    (void)fclose(file);
    return 0;
}

static int find(const char (*keys)[KEY_ROOM], int count, const char *key)
{
    int at = 0;
    while (at < count && strcmp(keys[at], key) != 0)
        at++;
    return at;
}

/* How many are missed that the file does not name. */
static int compare_with(const struct known *known, const struct judgement *judgement, const char *path, int with_all)
{
    int unknown = 0;
    for (int i = 0; i < judgement->count; i++)
        if (judgement->missed[i] && find(known->key, known->count, judgement->key[i]) == known->count) {
            (void)printf("  %s is missed, and has no line in %s\n", judgement->key[i], path);
            unknown++;
        }
    for (int i = 0; i < known->count; i++) {
        const int at = find(judgement->key, judgement->count, known->key[i]);
        if (at == judgement->count && with_all && strstr(known->key[i], ".instructions") == NULL)   /* which bench/counts.sh judges */
            (void)printf("  %s is in %s, and was not judged here\n", known->key[i], path);
        else if (at < judgement->count && !judgement->missed[at])
            (void)printf("  %s is in %s, and is met now: its line can go\n", known->key[i], path);
    }
    return unknown;
}

int bench_judge(const struct bench_results *results, const char *missed)
{
    struct judgement judgement = { .count = 0 };
    struct known known = { .count = 0 };
    if (missed != NULL && read_known(missed, &known) < 0)
        return 2;
    (void)printf("\nTargets: tlsm's median, its quartiles, and what of\n");
    for (size_t row = 0; row < BENCH_ROWS; row++)
        judge_row(&judgement, results, row);
    if (results->with_memory)
        judge_memory(&judgement, results);
    return compare_with(&known, &judgement, missed != NULL ? missed : "a file of --missed", results->with_memory) > 0;
}
