/* SPDX-License-Identifier: MIT */
#include "explore_few.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore_report.h"

enum { SCENES_MOST = 256, LINE = 512 };

/* "<scene>: <numbers>". */
static int scene_of_line(const char *line)
{
    const char *colon = strrchr(line, ':');
    for (size_t i = 0; colon != NULL && i < scenes_count(); i++)
        if (strlen(scene_at(i)->name) == (size_t)(colon - line) && memcmp(scene_at(i)->name, line, (size_t)(colon - line)) == 0)
            return (int)i;
    return -1;
}

static int listed(const char *path, uint8_t *wanted)
{
    FILE *file = fopen(path, "r");
    char line[LINE];
    int any = 0;
    if (file == NULL) {
        perror(path);
        return -1;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        const int scene = scene_of_line(line);
        if (scene >= 0 && scene < SCENES_MOST)
            wanted[scene] = 1;
        any |= scene >= 0;
    }
    (void)fclose(file);
    if (!any)
        printf("%s names no scene\n", path);
    return any ? 0 : -1;
}

static int walk_one(struct walk *walk, size_t scene, struct text *text)
{
    const uint64_t states = walk->states, transitions = walk->transitions;
    if (walk_scene(walk, scene) != 0) {
        fprintf(stderr, "explore: out of memory\n");
        return 1;
    }
    text_add(text, "%s: %" PRIu64 " states, %" PRIu64 " transitions, digest so far %016" PRIx64 "%016" PRIx64 "\n", scene_at(scene)->name,
             walk->states - states, walk->transitions - transitions, walk->digest.a, walk->digest.b);
    return 0;
}

int explore_few(struct text *text, const char *recorded, struct hash *digest)
{
    uint8_t wanted[SCENES_MOST] = { 0 };
    struct walk walk;
    int failed;
    memset(&walk, 0, sizeof walk);
    walk.quick = 1;
    walk.digest = *digest;
    walk.slot = calloc(STATECOV_SIZE, 1);
    failed = walk.slot == NULL || listed(recorded, wanted) != 0;
    for (size_t scene = 0; !failed && scene < scenes_count() && scene < SCENES_MOST; scene++)
        failed = wanted[scene] && walk_one(&walk, scene, text);
    walk_free(&walk);
    if (!failed) {
        fold_rows(&walk.digest);
        text_add(text, "cells %" PRIu64 "\n", report_numbers(&walk).cells);
    }
    free(walk.slot);
    *digest = walk.digest;
    return failed || walk.broken != 0;
}
