/* SPDX-License-Identifier: MIT */
/* Runs a target on scripts drawn from a seed: `differential [--scripts N] [--seed N] [--from N] [--processes N]`. Script n of
 * a seed is the same in every run, so that a run can be resumed where it stopped, with --from. What is found is left in the
 * folder at hand as found-SEED-N, for the replayer. */
#define _DEFAULT_SOURCE 1
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SCRIPT_MAX = 48, EVERY = 5000, FINDINGS_MAX = 50 };

struct course {
    unsigned long scripts, seed, from, processes;
};

/* SplitMix64. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t script(const struct course *course, unsigned long n, uint8_t to[SCRIPT_MAX])
{
    uint64_t state = (uint64_t)course->seed << 40 ^ n;
    const size_t length = 2 + draw(&state) % (SCRIPT_MAX - 2);
    for (size_t i = 0; i < length; i++)
        to[i] = (uint8_t)draw(&state);
    return length;
}

static void progress(const struct course *course, unsigned long n, time_t began)
{
    fprintf(stderr, "seed %lu: %lu of %lu scripts, %ld s; goes on with --seed %lu --from %lu\n", course->seed, n,
            course->scripts, (long)(time(NULL) - began), course->seed, n);
}

static uint8_t bytes[SCRIPT_MAX];
static size_t length;
static char found[64];
static sigjmp_buf on;

/* The target has found something and aborts: the script is kept, for the replayer, and the run goes on. */
static void keep(int signal_number)
{
    const int file = open(found, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    (void)signal_number;
    if (file >= 0 && write(file, bytes, length) == (ssize_t)length)
        (void)close(file);
    siglongjmp(on, 1);
}

/* Every `processes`th script from `share` on; how many findings there were. */
static int run(const struct course *course, unsigned long share)
{
    static volatile int findings;
    static unsigned long n;
    const time_t began = time(NULL);
    (void)signal(SIGABRT, keep);
    for (n = course->from + share; n < course->scripts && findings < FINDINGS_MAX; n += course->processes) {
        length = script(course, n, bytes);
        (void)snprintf(found, sizeof found, "found-%lu-%lu", course->seed, n);
        if (sigsetjmp(on, 1) != 0)
            findings++;
        else
            (void)LLVMFuzzerTestOneInput(bytes, length);
        if (n / EVERY != (n + course->processes) / EVERY && share == 0)
            progress(course, n + 1, began);
    }
    return findings;
}

static int number(const char *text, unsigned long *to)
{
    char *end;
    *to = strtoul(text, &end, 10);
    return *text != '\0' && *end == '\0';
}

static int parse(int argc, char **argv, struct course *course)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        unsigned long *const to = strcmp(argv[i], "--scripts") == 0     ? &course->scripts
                                  : strcmp(argv[i], "--seed") == 0      ? &course->seed
                                  : strcmp(argv[i], "--from") == 0      ? &course->from
                                  : strcmp(argv[i], "--processes") == 0 ? &course->processes
                                                                        : NULL;
        if (to == NULL || !number(argv[i + 1], to))
            return 0;
    }
    return argc % 2 == 1 && course->processes > 0;
}

int main(int argc, char **argv)
{
    struct course course = { 500000, 1, 0, 1 };
    int failed = 0, status;
    if (!parse(argc, argv, &course)) {
        fprintf(stderr, "usage: %s [--scripts N] [--seed N] [--from N] [--processes N]\n", argv[0]);
        return 2;
    }
    for (unsigned long share = 0; share < course.processes; share++) {
        const pid_t child = fork();
        if (child < 0)
            return 1;
        if (child == 0) {
            (void)LLVMFuzzerInitialize(&argc, &argv);
            exit(run(&course, share) != 0);
        }
    }
    while (wait(&status) > 0)
        failed |= status != 0;
    printf("%lu scripts of seed %lu: %s\n", course.scripts - course.from, course.seed, failed ? "FAILED" : "nothing found");
    return failed;
}
