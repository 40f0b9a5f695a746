/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE 1
#include "properties.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequence.h"
#include "statecov.h"

static uint64_t digest;

static void fold_number(uint64_t number) { digest = (digest ^ number) * UINT64_C(0x100000001b3) ^ digest >> 47; }

static void fold_part(const uint8_t *bytes, size_t length)
{
    fold_number(length);
    for (size_t i = 0; i < length; i++)
        fold_number(bytes[i]);
}

/* What a step says and makes; not the state, whose bytes are the machine's own. */
static void fold_step(void *unused, const struct sequence_step *step)
{
    (void)unused;
    fold_number(step->choice);
    if (step->result == NULL)
        return;
    fold_number((uint64_t)step->result->code);
    fold_number(step->result->step.out.news);
    fold_part(step->result->step.wire, step->result->step.out.wire_length);
    fold_part(step->result->step.plain, step->result->step.out.plain_length);
}

uint64_t properties_digest(void) { return digest; }

static const char *every_step_keeps_the_rules(const uint8_t *bytes, size_t length)
{
    const char *broken = sequence_run(bytes, length, fold_step, NULL);
    if (broken == NULL)
        return NULL;
    printf("course:");
    for (size_t i = 0; i < length; i++)
        printf(" %u", bytes[i]);
    printf("\n");
    return broken;
}

/* Where an operation changes nothing, what follows it is what comes without it; only the first of them is followed all the same. */
static int leads_on(const struct node *before, unsigned operation, struct node *after)
{
    struct operation_result result;
    if (operation_apply(before, operation, after, &result) != NULL)
        return 1;   /* broken: to be reported */
    if (!result.applied)
        node_copy(after, before);
    return operation == 0 || !node_equal(before, after);
}

static const char *pairs_from(size_t scene, size_t root)
{
    static struct node after;
    const char *broken = NULL;
    for (unsigned first = 0; first < OPERATIONS && broken == NULL; first++) {
        const unsigned most = leads_on(&scene_at(scene)->root[root], first, &after) ? OPERATIONS : 0;
        for (unsigned second = 0; second < most && broken == NULL; second++) {
            const uint8_t bytes[] = { (uint8_t)scene, (uint8_t)root, (uint8_t)first, (uint8_t)second };
            broken = every_step_keeps_the_rules(bytes, sizeof bytes);
        }
    }
    return broken;
}

const char *prop_pairs_from_every_root(void)
{
    const char *broken = NULL;
    check_quick(1);
    for (size_t scene = 0; scene < scenes_count(); scene++)
        for (size_t root = 0; root < scene_at(scene)->roots && broken == NULL; root++)
            broken = pairs_from(scene, root);
    check_quick(0);
    return broken;
}

const char *prop_triples_from_a_connection(void)
{
    const uint8_t root = (uint8_t)(scene_at(0)->roots - 1);
    const char *broken = NULL;
    static struct node one, two;
    check_quick(1);
    for (unsigned pair = 0; pair < OPERATIONS * OPERATIONS && broken == NULL; pair++) {
        const unsigned first = pair / OPERATIONS, second = pair % OPERATIONS;
        if (!leads_on(&scene_at(0)->root[root], first, &one) || !leads_on(&one, second, &two))
            continue;
        for (unsigned third = 0; third < OPERATIONS && broken == NULL; third++) {
            const uint8_t bytes[] = { 0, root, (uint8_t)first, (uint8_t)second, (uint8_t)third };
            broken = every_step_keeps_the_rules(bytes, sizeof bytes);
        }
    }
    check_quick(0);
    return broken;
}

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

const char *prop_generated_courses(void)
{
    uint64_t seed = 20260710;
    const char *broken = NULL;
    for (int run = 0; run < 20000 && broken == NULL; run++) {
        uint8_t bytes[48];
        const size_t length = 3 + next_random(&seed) % (sizeof bytes - 3);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)next_random(&seed);
        bytes[0] = (uint8_t)(bytes[0] % scenes_count());
        if (next_random(&seed) % 2 != 0)   /* half of them from established connections */
            bytes[1] = (uint8_t)(scene_at(bytes[0])->roots - 1);
        broken = every_step_keeps_the_rules(bytes, length);
    }
    return broken;
}

static const char *replay_file(const char *folder, const char *name)
{
    uint8_t bytes[4096];
    char path[4096];
    FILE *file;
    size_t length;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (file == NULL)
        return "a file of the corpus cannot be read";
    length = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    return every_step_keeps_the_rules(bytes, length);
}

static const char *replay_folder(const char *folder)
{
    struct dirent **entry;
    const int count = scandir(folder, &entry, NULL, alphasort);
    const char *broken = NULL;
    unsigned files = 0;
    for (int i = 0; i < count; i++) {
        if (entry[i]->d_name[0] != '.' && broken == NULL) {
            broken = replay_file(folder, entry[i]->d_name);
            files++;
        }
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
    return broken != NULL || files > 0 ? broken : "a folder of the corpus is empty";
}

const char *prop_corpus_reaches_every_slot(void)
{
    const char *broken = replay_folder("corpus/choice");
    return broken != NULL || statecov_report("test/explore.slots") == 0 ? broken : "a slot is missing";
}

const char *prop_what_was_found_stays_mended(void) { return replay_folder("corpus/regress"); }
