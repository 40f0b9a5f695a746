/* SPDX-License-Identifier: MIT */
/* The explorer as a command: walks every scene, prints counts and the digest, compares them with what is recorded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore_few.h"
#include "explore_framing.h"
#include "explore_main.h"
#include "explore_pair.h"
#include "explore_report.h"

enum which { WHOLE, FEW, FRAMING, PAIR };

struct options {
    enum which which;
    const char *corpus, *slots, *expected, *scene;
    int record, dot, digest, counts;
    unsigned faults;
};

enum { FAULTS = 2 };   /* recorded */

static const char usage[] =
    "usage: explore [--few | --framing | --pair [--faults N]] [--expected FILE] [--record] [--digest]\n"
    "       explore [--counts] [--corpus FOLDER] [--slots FILE] [--dot] [--scene TEXT]\n"
    "Without one of the first three, the walk over every state of one machine.\n"
    "  --few             walks the scenes that the recorded file names, neither framed nor counted deep: a quarter of the time\n"
    "  --framing         walks every byte of a record's header, every length, and every part of a body, in every sort of state\n"
    "  --pair            walks two machines and a channel that delays, cuts at any byte, half-closes and resets\n"
    "  --faults N        at most so many faults in a course, 0 to 9; default 2, other numbers are compared with nothing\n"
    "  --expected FILE   the recorded numbers; default test/explore.expected, test/explore_few.expected and so on\n"
    "  --record          writes them instead of comparing\n"
    "  --digest          prints the digest alone\n"
    "  --counts          prints the counts of every scene\n"
    "  --corpus FOLDER   writes witnesses for every slot to FOLDER/choice, streams to FOLDER/wire and FOLDER/chunking\n"
    "  --slots FILE      writes the reachable slots, for the replayer's --require\n"
    "  --scene TEXT      walks only the scenes whose names have it, and compares nothing\n"
    "  --dot             prints the moves of the two halves as a graph for dot\n";

static int is_number(const char *text) { return text[0] >= '0' && text[0] <= '9' && text[1] == 0; }

/* Options of the other walks. 1: it was one. */
static int parse_other(const char *option, const char *value, struct options *options)
{
    if (strcmp(option, "--few") == 0)
        options->which = FEW;
    else if (strcmp(option, "--framing") == 0)
        options->which = FRAMING;
    else if (strcmp(option, "--pair") == 0)
        options->which = PAIR;
    else if (strcmp(option, "--faults") == 0 && value != NULL && is_number(value))
        options->faults = (unsigned)(value[0] - '0');
    else
        return 0;
    return 1;
}

static int parse(int argc, char **argv, struct options *options)
{
    static const char *const recorded[] = { "test/explore.expected", "test/explore_few.expected", "test/explore_framing.expected",
                                            "test/explore_pair.expected" };
    memset(options, 0, sizeof *options);
    options->faults = FAULTS;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (parse_other(argv[i], value, options))
            i += strcmp(argv[i], "--faults") == 0;
        else if (strcmp(argv[i], "--record") == 0)
            options->record = 1;
        else if (strcmp(argv[i], "--dot") == 0)
            options->dot = 1;
        else if (strcmp(argv[i], "--digest") == 0)
            options->digest = 1;
        else if (strcmp(argv[i], "--counts") == 0)
            options->counts = 1;
        else if (value != NULL && strcmp(argv[i], "--corpus") == 0)
            options->corpus = argv[++i];
        else if (value != NULL && (strcmp(argv[i], "--slots") == 0))
            options->slots = argv[++i];
        else if (value != NULL && strcmp(argv[i], "--scene") == 0)
            options->scene = argv[++i];
        else if (value != NULL && strcmp(argv[i], "--expected") == 0)
            options->expected = argv[++i];
        else
            return -1;
    }
    if (options->expected == NULL)
        options->expected = recorded[options->which];
    return 0;
}

static int walk_all(struct walk *walk, const char *some, int counts)
{
    for (size_t i = 0; i < scenes_count(); i++) {
        const uint64_t states = walk->states, transitions = walk->transitions;
        if (some != NULL && strstr(scene_at(i)->name, some) == NULL)
            continue;
        if (walk_scene(walk, i) != 0) {
            fprintf(stderr, "explore: out of memory\n");
            return -1;
        }
        if (counts)
            printf("%-70s %8llu states, %9llu transitions\n", scene_at(i)->name,
                   (unsigned long long)(walk->states - states), (unsigned long long)(walk->transitions - transitions));
    }
    return 0;
}

static int judge(struct walk *walk, const struct options *options)
{
    struct numbers numbers;
    uint64_t shutdown_states;
    const unsigned rows = report_rows(walk), shutdown = walk_shutdown(&walk->digest, &shutdown_states, walk->context);
    int failed = 0;
    numbers = report_numbers(walk);
    numbers.shutdown_states = shutdown_states;
    if (options->digest)
        printf("%016llx%016llx\n", (unsigned long long)numbers.digest.a, (unsigned long long)numbers.digest.b);
    else
        report_print(walk, &numbers);
    if (options->record)
        failed = report_record(options->expected, &numbers);
    else if (!options->digest)
        failed = report_compare(options->expected, &numbers);
    if (walk->broken != 0 || shutdown != 0 || rows != 0)
        printf("%llu rules broken, %u by the shutdown procedure; %u rows contradict their reasons\n",
               (unsigned long long)walk->broken, shutdown, rows);
    return failed || walk->broken != 0 || shutdown != 0 || rows != 0;
}

static int explore(const struct options *options)
{
    static struct witnesses witnesses;
    struct walk walk;
    int failed, files;
    memset(&walk, 0, sizeof walk);
    walk.slot = calloc(STATECOV_SIZE, 1);
    witnesses.walk = &walk;
    if (options->corpus != NULL || options->slots != NULL) {
        walk.visited = witness_visit;
        walk.context = &witnesses;
    } else if (options->dot)
        walk.visited = dot_visit;
    if (walk.slot == NULL || walk_all(&walk, options->scene, options->counts) != 0)
        return 1;
    if (options->dot) {
        dot_print();
        return 0;
    }
    if (options->scene != NULL)
        return walk.broken != 0;
    failed = judge(&walk, options);
    if (walk.context != NULL) {
        files = witness_write(&witnesses, options->corpus, options->slots);
        printf("%d witnesses\n", files);
        failed |= files < 0 || (options->corpus != NULL && corpus_write(options->corpus) != 0);
        witness_free(&witnesses);
    }
    walk_free(&walk);
    free(walk.slot);
    return failed;
}

/* A walk that says a text, which is what is recorded. */
static int other_walk(const struct options *options)
{
    static struct text text;
    struct hash digest = { 0, 0 };
    const int compared = options->which != PAIR || options->faults == FAULTS;
    int failed = options->which == FEW       ? explore_few(&text, options->expected, &digest)
                 : options->which == FRAMING ? explore_framing(&text, !options->digest, &digest)
                                             : explore_pairs(&text, options->faults, &digest);
    text_add(&text, "digest %016llx%016llx\n", (unsigned long long)digest.a, (unsigned long long)digest.b);
    if (options->digest)
        printf("%016llx%016llx\n", (unsigned long long)digest.a, (unsigned long long)digest.b);
    else
        printf("%s", text.at);
    if (failed || !compared)
        return failed;
    if (options->record)
        return text_record(options->expected, &text);
    return options->digest ? 0 : text_compare(options->expected, &text);
}

int tlsm_explore_main(int argc, char **argv)
{
    struct options options;
    if (parse(argc, argv, &options) != 0) {
        fputs(usage, stderr);
        return 2;
    }
    scenes_prepare();
    return options.which == WHOLE ? explore(&options) : other_walk(&options);
}
