/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE 1   /* _exit */
#include "statecov.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint8_t seen[STATECOV_SIZE];
static unsigned count;

void statecov_note(unsigned slot)
{
    count += !seen[slot];
    seen[slot] = 1;
}

unsigned statecov_count(void) { return count; }

void statecov_forget(void)
{
    memset(seen, 0, sizeof seen);
    count = 0;
}

int statecov_seen(unsigned slot) { return seen[slot]; }

static void print_step(const char *what, unsigned slot)
{
    static const char *const seen_text[TLSM_SAW_COUNT] = { "the call", "progress", "a blocked write", "a blocked read", "data", "a failure" };
    static const char *const acts[TLSM_DO_RETURN] = { "close", "flush", "read" };
    const unsigned step = slot - STATECOV_STEPS, outcome = step % STATECOV_OUTCOMES, situation = step / STATECOV_OUTCOMES;
    printf("%s: %u shutdown in %s, saw %s: ", what, slot, situation / TLSM_SAW_COUNT == TLSM_SHUTDOWN_ONE_CALL ? "one call" : "two steps",
           seen_text[situation % TLSM_SAW_COUNT]);
    if (outcome < TLSM_DO_RETURN)
        printf("%s\n", acts[outcome]);
    else
        printf("returns %d, error %u\n", (int)((outcome - TLSM_DO_RETURN) / STATECOV_ERRORS) - 1,
               (outcome - TLSM_DO_RETURN) % STATECOV_ERRORS);
}

static void print_slot(const char *what, unsigned slot)
{
    const unsigned cell = slot / STATECOV_CLASSES, event = cell % TLSM_EV_COUNT, halves = cell / TLSM_EV_COUNT;
    if (slot < STATECOV_CELLS)
        printf("%s: %u %s/%s %s, class %u\n", what, slot, tlsm_rx_name((uint8_t)(halves / TLSM_TX_COUNT)),
               tlsm_tx_name((uint8_t)(halves % TLSM_TX_COUNT)), tlsm_event_name(event), slot % STATECOV_CLASSES);
    else if (slot >= STATECOV_ADAPTERS)
        printf("%s: %u %s\n", what, slot, adapter_text(slot - STATECOV_ADAPTERS));
    else if (slot >= STATECOV_STEPS)
        print_step(what, slot);
    else if (slot >= STATECOV_SORTS)
        printf("%s: %u, a sort of state: %s/%s, outstanding %u, before %u\n", what, slot,
               tlsm_rx_name((uint8_t)((slot - STATECOV_SORTS) / 48 / TLSM_TX_COUNT)),
               tlsm_tx_name((uint8_t)((slot - STATECOV_SORTS) / 48 % TLSM_TX_COUNT)), (slot - STATECOV_SORTS) / 16 % 3,
               (slot - STATECOV_SORTS) % 16);
    else
        printf("%s: %u %s, code %d\n", what, slot, operation_text((slot - STATECOV_CELLS) / STATECOV_CODE_COUNT),
               (int)((slot - STATECOV_CELLS) % STATECOV_CODE_COUNT) - 32);
}

static const struct region {
    unsigned begin, end;
    const char *text;
} regions[] = {
    { 0, STATECOV_CELLS, "closing: state of both halves, event, sort of result" },
    { STATECOV_CELLS, STATECOV_SORTS, "operation and code" },
    { STATECOV_SORTS, STATECOV_STEPS, "sort of state" },
    { STATECOV_STEPS, STATECOV_ADAPTERS, "shutdown procedure: contract, what was seen, what came of it" },
    { STATECOV_ADAPTERS, STATECOV_SIZE, "adapter: call, answer of the transport, result" },
};

/* Prints what is missing of a region that is on the list, and how much is there. Returns how many are missing. */
static unsigned report_region(const struct region *region, const uint8_t *wanted, unsigned *all)
{
    unsigned listed = 0, met = 0, beyond = 0;
    for (unsigned slot = region->begin; slot < region->end; slot++) {
        listed += wanted[slot];
        met += wanted[slot] && seen[slot];
        beyond += !wanted[slot] && seen[slot];
    }
    *all += listed;
    if (listed == 0)
        return 0;
    for (unsigned slot = region->begin; slot < region->end; slot++)
        if (wanted[slot] != seen[slot])
            print_slot(seen[slot] ? "not on the list" : "missing", slot);
    printf("  %-62s %5u of %5u", region->text, met, listed);
    printf(beyond != 0 ? ", and %u that are not on the list\n" : "\n", beyond);
    return listed - met;
}

static int read_list(const char *path, uint8_t *wanted)
{
    unsigned slot;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    while (fscanf(file, "%u%*[^\n]", &slot) == 1)
        if (slot < STATECOV_SIZE)
            wanted[slot] = 1;
    (void)fclose(file);
    return 0;
}

int statecov_report(const char *required)
{
    static uint8_t wanted[STATECOV_SIZE];
    unsigned all = 0, missing = 0, covered = 0;
    for (unsigned slot = 0; slot < STATECOV_SIZE; slot++)
        covered += seen[slot];
    printf("state coverage: %u slots\n", covered);
    if (required == NULL)
        return 0;
    memset(wanted, 0, sizeof wanted);
    if (read_list(required, wanted) != 0)
        return -1;
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++)
        missing += report_region(&regions[i], wanted, &all);
    printf("state coverage: %u of %u reachable slots, %.1f %%\n", all - missing, all, all != 0 ? 100.0 * (all - missing) / all : 0.0);
    return all != 0 ? (int)missing : -1;
}

static void at_exit(void)
{
    const char *required = getenv("TLSM_SLOTS");
    if (required == NULL)
        return;
    if (statecov_report(required) != 0) {
        (void)fflush(stdout);
        _exit(1);
    }
}

void statecov_at_exit(void) { (void)atexit(at_exit); }
