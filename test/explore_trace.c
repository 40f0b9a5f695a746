/* SPDX-License-Identifier: MIT */
/* The walk as an oracle for changed machines: the digest as it stands after every few thousand transitions, recorded once and
 * compared while another machine walks, so that the first difference ends it.
 *
 *   explore_trace --record FILE PART...
 *   explore_trace --against FILE PART...   status 1 at the first difference, or a broken rule
 *
 * A PART is a scene's number, or `shutdown`, or `rows`; `explore_trace --scenes` prints the numbers and names. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore_report.h"

enum { EVERY = 4096, LINE = 64 };

struct trace {
    struct walk walk;
    FILE *file;
    int recording;
    const char *part;
};

static _Noreturn void differs(const struct trace *trace, const char *how)
{
    printf("%s: %s after %" PRIu64 " transitions\n", trace->part, how, trace->walk.transitions);
    exit(1);
}

static void checkpoint(struct trace *trace)
{
    char now[LINE], known[LINE];
    if (trace->walk.broken != 0)
        differs(trace, "a rule is broken");
    (void)snprintf(now, sizeof now, "%016" PRIx64 "%016" PRIx64 "\n", trace->walk.digest.a, trace->walk.digest.b);
    if (trace->recording)
        (void)fputs(now, trace->file);
    else if (fgets(known, sizeof known, trace->file) == NULL || strcmp(known, now) != 0)
        differs(trace, "another digest");
}

static void visited(void *context, const struct visit *visit)
{
    struct trace *trace = context;
    (void)visit;
    if (trace->walk.transitions % EVERY == 0)
        checkpoint(trace);
}

static void walk_part(struct trace *trace)
{
    uint64_t states;
    if (strcmp(trace->part, "rows") == 0)
        fold_rows(&trace->walk.digest);
    else if (strcmp(trace->part, "shutdown") == 0)
        trace->walk.broken += walk_shutdown(&trace->walk.digest, &states, NULL);
    else if (walk_scene(&trace->walk, strtoul(trace->part, NULL, 10)) != 0)
        differs(trace, "out of memory");
    checkpoint(trace);
}

static int list_scenes(void)
{
    for (size_t i = 0; i < scenes_count(); i++)
        printf("%zu %s\n", i, scene_at(i)->name);
    return 0;
}

int main(int argc, char **argv)
{
    static struct trace trace;
    scenes_prepare();
    if (argc == 2 && strcmp(argv[1], "--scenes") == 0)
        return list_scenes();
    trace.recording = argc > 2 && strcmp(argv[1], "--record") == 0;
    if (argc < 4 || (!trace.recording && strcmp(argv[1], "--against") != 0)) {
        fputs("usage: explore_trace --scenes | --record FILE PART... | --against FILE PART...\n", stderr);
        return 2;
    }
    trace.file = fopen(argv[2], trace.recording ? "w" : "r");
    trace.walk.slot = calloc(STATECOV_SIZE, 1);
    trace.walk.visited = visited;
    trace.walk.context = &trace;
    if (trace.file == NULL || trace.walk.slot == NULL) {
        perror(argv[2]);
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        trace.part = argv[i];
        walk_part(&trace);
    }
    walk_free(&trace.walk);
    free(trace.walk.slot);
    return fclose(trace.file) != 0;
}
