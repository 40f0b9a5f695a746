/* SPDX-License-Identifier: MIT */
/* The rules of docs/closing.md as properties of courses: of all short ones, of many generated ones, of every input in the
 * corpus, which must reach every slot that the explorer can reach. The functions are those of the fuzz targets. */
#define _DEFAULT_SOURCE 1
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequence.h"
#include "statecov.h"

static void prop_every_step_keeps_the_rules(const uint8_t *bytes, size_t length)
{
    const char *broken = sequence_run(bytes, length, NULL, NULL);
    if (broken == NULL)
        return;
    print_message("course:");
    for (size_t i = 0; i < length; i++)
        print_message(" %u", bytes[i]);
    fail_msg("%s", broken);
}

static int prepare(void **unused)
{
    (void)unused;
    scenes_prepare();
    return 0;
}

static void all_pairs_of_operations_from_every_root(void **unused)
{
    (void)unused;
    check_quick(1);
    for (size_t scene = 0; scene < scenes_count(); scene++)
        for (size_t root = 0; root < scene_at(scene)->roots; root++)
            for (unsigned pair = 0; pair < OPERATIONS * OPERATIONS; pair++) {
                const uint8_t bytes[] = { (uint8_t)scene, (uint8_t)root, (uint8_t)(pair / OPERATIONS),
                                          (uint8_t)(pair % OPERATIONS) };
                prop_every_step_keeps_the_rules(bytes, sizeof bytes);
            }
    check_quick(0);
}

static void all_triples_from_a_connection(void **unused)
{
    const uint8_t root = (uint8_t)(scene_at(0)->roots - 1);
    (void)unused;
    check_quick(1);
    for (unsigned pair = 0; pair < OPERATIONS * OPERATIONS; pair++)
        for (unsigned third = 0; third < OPERATIONS; third++) {
            const uint8_t bytes[] = { 0, root, (uint8_t)(pair / OPERATIONS), (uint8_t)(pair % OPERATIONS), (uint8_t)third };
            prop_every_step_keeps_the_rules(bytes, sizeof bytes);
        }
    check_quick(0);
}

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static void twenty_thousand_generated_courses(void **unused)
{
    uint64_t seed = 20260710;
    (void)unused;
    for (int run = 0; run < 20000; run++) {
        uint8_t bytes[48];
        const size_t length = 3 + next_random(&seed) % (sizeof bytes - 3);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)next_random(&seed);
        bytes[0] = (uint8_t)(bytes[0] % scenes_count());
        if (next_random(&seed) % 2 != 0)   /* half of them from established connections */
            bytes[1] = (uint8_t)(scene_at(bytes[0])->roots - 1);
        prop_every_step_keeps_the_rules(bytes, length);
    }
}

static unsigned replay_folder(const char *folder)
{
    struct dirent **entry;
    const int count = scandir(folder, &entry, NULL, alphasort);
    unsigned files = 0;
    for (int i = 0; i < count; i++) {
        uint8_t bytes[4096];
        char path[4096];
        FILE *file;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name);
        file = entry[i]->d_name[0] != '.' ? fopen(path, "rb") : NULL;
        free(entry[i]);
        if (file == NULL)
            continue;
        prop_every_step_keeps_the_rules(bytes, fread(bytes, 1, sizeof bytes, file));
        (void)fclose(file);
        files++;
    }
    if (count >= 0)
        free(entry);
    return files;
}

/* First of all tests, so that the corpus alone is what reached them. */
static void the_corpus_reaches_every_slot(void **unused)
{
    (void)unused;
    assert_true(replay_folder("corpus/choice") > 0);
    assert_int_equal(statecov_report("test/explore.slots"), 0);
}

static void what_was_found_before_stays_mended(void **unused)
{
    (void)unused;
    assert_true(replay_folder("corpus/regress") > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_corpus_reaches_every_slot),
        cmocka_unit_test(what_was_found_before_stays_mended),
        cmocka_unit_test(twenty_thousand_generated_courses),
        cmocka_unit_test(all_pairs_of_operations_from_every_root),
        cmocka_unit_test(all_triples_from_a_connection),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
