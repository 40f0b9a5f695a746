/* SPDX-License-Identifier: MIT */
/* A benchmark's targets: a miss fails unless the file of known misses names it, and what is met again is named. And what it writes. */
#define _XOPEN_SOURCE 700   /* mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench_report.h"

enum { ROUNDS = 3, OUTPUT_ROOM = 65536 };

static int nothing(void) { return 0; }
static int refuse(const uint8_t *bytes, size_t length) { return bytes != NULL && length > 0 ? 0 : -1; }
static const char *release(void) { return "a library"; }

#define LIBRARY(key_) .name = key_, .key = key_, .versions = BENCH_BOTH, .release = release, .prime = nothing
#define ENDS .make = nothing, .refuse = refuse
static const struct bench_library libraries[] = { { LIBRARY("floor") }, { LIBRARY("tlsm"), ENDS }, { LIBRARY("libssl"), ENDS },
                                                  { LIBRARY("gnutls"), ENDS } };
enum { LIBRARIES = sizeof libraries / sizeof libraries[0] };

static struct bench_results results;
static char output[OUTPUT_ROOM];
static char folder[] = "/tmp/tlsm-judge-XXXXXX", missed[64], printed[64];

/* tlsm takes as long as the floor in every row, the others twice that; the target to GnuTLS is 0.4. */
static int set_up(void **state)
{
    static const double times[LIBRARIES] = { 100, 100, 200, 300 };
    (void)state;
    memset(&results, 0, sizeof results);
    results.libraries = LIBRARIES;
    results.rounds = ROUNDS;
    results.with_memory = 1;
    for (size_t i = 0; i < LIBRARIES; i++) {
        results.library[i] = &libraries[i];
        for (size_t row = 0; row < BENCH_ROWS; row++)
            for (size_t round = 0; round < ROUNDS; round++)
                results.sample[row][i][round] = times[i];
    }
    return 0;
}

static size_t row_of(const char *key)
{
    size_t row = 0;
    while (row < BENCH_ROWS && strcmp(bench_rows[row].key, key) != 0)
        row++;
    assert_true(row < BENCH_ROWS);
    return row;
}

static void takes(const char *key, size_t library, double ns)
{
    for (size_t round = 0; round < ROUNDS; round++)
        results.sample[row_of(key)][library][round] = ns;
}

static void read_output(void)
{
    FILE *file = fopen(printed, "r");
    assert_non_null(file);
    const size_t length = fread(output, 1, sizeof output - 1, file);
    output[length] = '\0';
    assert_true(feof(file));
    (void)fclose(file);
}

/* What it prints goes to `output`. */
static int judge_file(const char *path)
{
    (void)fflush(stdout);
    const int screen = dup(STDOUT_FILENO);
    assert_non_null(freopen(printed, "w", stdout));
    const int status = bench_judge(&results, path);
    (void)fflush(stdout);
    assert_true(dup2(screen, STDOUT_FILENO) >= 0);
    (void)close(screen);
    read_output();
    return status;
}

static int judge(const char *text)
{
    FILE *file = fopen(missed, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
    return judge_file(missed);
}

static void every_target_met_is_a_success(void **state)
{
    (void)state;
    assert_int_equal(judge("# nothing\n"), 0);
    assert_null(strstr(output, "MISSED"));
}

static void a_miss_fails(void **state)
{
    (void)state;
    takes("record_64", 1, 119);
    assert_int_equal(judge(""), 1);
    assert_non_null(strstr(output, "record_64 is missed"));
}

static void a_known_miss_does_not_fail(void **state)
{
    (void)state;
    takes("record_64", 1, 119);
    assert_int_equal(judge("record_64: the machine\n"), 0);
    assert_non_null(strstr(output, "MISSED"));
}

static void a_longer_key_does_not_excuse_a_shorter_one(void **state)
{
    (void)state;
    takes("full", 1, 130);
    assert_int_equal(judge("full_cold: why\n"), 1);
}

static void what_is_met_again_is_named(void **state)
{
    (void)state;
    assert_int_equal(judge("record_64: the machine\n"), 0);
    assert_non_null(strstr(output, "record_64 is in"));
    assert_non_null(strstr(output, "its line can go"));
}

static void a_miss_without_a_reason_is_refused(void **state)
{
    (void)state;
    takes("record_64", 1, 119);
    assert_int_equal(judge("record_64:\n"), 2);
    assert_int_equal(judge("record_64: \n"), 2);
    assert_int_equal(judge("record_64\n"), 2);
}

static void the_median_of_the_rounds_is_judged(void **state)
{
    (void)state;
    results.sample[row_of("record_64")][1][0] = 1000;
    assert_int_equal(judge(""), 0);
    results.sample[row_of("record_64")][1][2] = 1000;
    assert_int_equal(judge(""), 1);
}

static void against_gnutls_the_floor_does_not_count(void **state)
{
    (void)state;
    takes("refuse", 1, 121);
    assert_int_equal(judge(""), 1);
    assert_non_null(strstr(output, "refuse is missed"));
}

static void in_tls_12_libssl_must_be_behind(void **state)
{
    (void)state;
    takes("close_12", 2, 100);
    assert_int_equal(judge(""), 1);
    assert_non_null(strstr(output, "close_12.libssl is missed"));
}

/* GnuTLS's own primitives may be quicker than the floor: then 1.18 times the floor is allowed. */
static void in_tls_12_who_is_below_the_floor_need_not_be_beaten(void **state)
{
    (void)state;
    takes("record_64_12", 3, 90);
    takes("record_64_12", 1, 117);
    assert_int_equal(judge(""), 0);
    takes("record_64_12", 1, 119);
    assert_int_equal(judge(""), 1);
    takes("record_64_12", 3, 110);
    takes("record_64_12", 1, 117);
    assert_int_equal(judge(""), 1);
    assert_non_null(strstr(output, "record_64_12.gnutls is missed"));
}

static void memory_is_judged(void **state)
{
    (void)state;
    results.memory[1][BENCH_TLS13].idle[BENCH_SERVER] = 1025;
    assert_int_equal(judge(""), 1);
    assert_non_null(strstr(output, "idle.server is missed"));
    results.memory[1][BENCH_TLS13].idle[BENCH_SERVER] = 1024;
    results.memory[1][BENCH_TLS12].per_record = 1;
    assert_int_equal(judge(""), 1);
    assert_non_null(strstr(output, "record_allocations_12 is missed"));
    results.memory[1][BENCH_TLS12].per_record = 0;
    results.room.state[BENCH_CLIENT] = 12289;
    assert_int_equal(judge(""), 1);
    assert_non_null(strstr(output, "peak.client is missed"));
}

static void rows_that_were_left_out_are_not_judged(void **state)
{
    (void)state;
    takes("record_64", 1, 1000);
    results.left_out[row_of("record_64")] = 1;
    assert_int_equal(judge(""), 0);
}

static void without_gnutls_its_rows_are_not_judged(void **state)
{
    (void)state;
    takes("refuse", 1, 1000);
    results.libraries = LIBRARIES - 1;
    assert_int_equal(judge(""), 0);
    assert_non_null(strstr(output, "GnuTLS is not here"));
}

static void the_checked_in_file_can_be_read(void **state)
{
    (void)state;
    assert_int_equal(judge_file("bench/missed"), 0);
}

static size_t count_of(const char *word)
{
    size_t count = 0;
    for (const char *at = output; (at = strstr(at, word)) != NULL; at += strlen(word))
        count++;
    return count;
}

/* Two columns, a group for each row that has a floor, and a bar that is cut where a library takes more than four times as long. */
static void the_chart_has_a_bar_for_each_library(void **state)
{
    size_t with_floor = 0;
    (void)state;
    for (size_t row = 0; row < BENCH_ROWS; row++)
        with_floor += bench_measured(&results, row, 0) != 0;
    takes("full", 2, 401);
    assert_int_equal(bench_write_svg(&results, printed), 0);
    read_output();
    assert_int_equal(count_of("class=\"floor\""), with_floor);
    assert_int_equal(count_of("<rect"), 1 + 3 * with_floor);
    assert_int_equal(count_of("class=\"cut\""), 1);
    assert_int_equal(count_of(">4.01<"), 1);
    assert_string_equal(output + strlen(output) - 7, "</svg>\n");
}

static void json_has_every_row_and_closes_what_it_opens(void **state)
{
    (void)state;
    assert_int_equal(bench_write_json(&results, printed), 0);
    read_output();
    assert_int_equal(count_of("{"), count_of("}"));
    assert_int_equal(count_of("["), count_of("]"));
    assert_int_equal(count_of("\"key\": "), BENCH_ROWS);
    assert_null(strstr(output, ",}"));
    assert_null(strstr(output, ", }"));
    assert_int_equal(bench_write_json(&results, "/nowhere/at/all"), -1);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(missed, sizeof missed, "%s/missed", folder);
    (void)snprintf(printed, sizeof printed, "%s/printed", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(missed);
    (void)unlink(printed);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_target_met_is_a_success, set_up),
        cmocka_unit_test_setup(a_miss_fails, set_up),
        cmocka_unit_test_setup(a_known_miss_does_not_fail, set_up),
        cmocka_unit_test_setup(a_longer_key_does_not_excuse_a_shorter_one, set_up),
        cmocka_unit_test_setup(what_is_met_again_is_named, set_up),
        cmocka_unit_test_setup(a_miss_without_a_reason_is_refused, set_up),
        cmocka_unit_test_setup(the_median_of_the_rounds_is_judged, set_up),
        cmocka_unit_test_setup(against_gnutls_the_floor_does_not_count, set_up),
        cmocka_unit_test_setup(in_tls_12_libssl_must_be_behind, set_up),
        cmocka_unit_test_setup(in_tls_12_who_is_below_the_floor_need_not_be_beaten, set_up),
        cmocka_unit_test_setup(memory_is_judged, set_up),
        cmocka_unit_test_setup(rows_that_were_left_out_are_not_judged, set_up),
        cmocka_unit_test_setup(without_gnutls_its_rows_are_not_judged, set_up),
        cmocka_unit_test_setup(the_checked_in_file_can_be_read, set_up),
        cmocka_unit_test_setup(the_chart_has_a_bar_for_each_library, set_up),
        cmocka_unit_test_setup(json_has_every_row_and_closes_what_it_opens, set_up),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
