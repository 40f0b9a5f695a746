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

static void print_slot(unsigned slot)
{
    const unsigned cell = slot / STATECOV_CLASSES, event = cell % TLSM_EV_COUNT, halves = cell / TLSM_EV_COUNT;
    if (slot < STATECOV_CELLS)
        printf("missing: %u %s/%s %s, class %u\n", slot, tlsm_rx_name((uint8_t)(halves / TLSM_TX_COUNT)),
               tlsm_tx_name((uint8_t)(halves % TLSM_TX_COUNT)), tlsm_event_name(event), slot % STATECOV_CLASSES);
    else if (slot >= STATECOV_SORTS)
        printf("missing: %u, a sort of state: %s/%s, outstanding %u, before %u\n", slot,
               tlsm_rx_name((uint8_t)((slot - STATECOV_SORTS) / 48 / TLSM_TX_COUNT)),
               tlsm_tx_name((uint8_t)((slot - STATECOV_SORTS) / 48 % TLSM_TX_COUNT)), (slot - STATECOV_SORTS) / 16 % 3,
               (slot - STATECOV_SORTS) % 16);
    else
        printf("missing: %u %s, code %d\n", slot, operation_text((slot - STATECOV_CELLS) / STATECOV_CODE_COUNT),
               (int)((slot - STATECOV_CELLS) % STATECOV_CODE_COUNT) - 32);
}

int statecov_report(const char *required)
{
    unsigned slot, wanted = 0, covered = 0;
    FILE *file = required != NULL ? fopen(required, "r") : NULL;
    for (slot = 0; slot < STATECOV_SIZE; slot++)
        covered += seen[slot];
    printf("state coverage: %u slots", covered);
    if (required == NULL) {
        printf("\n");
        return 0;
    }
    if (file == NULL) {
        perror(required);
        return -1;
    }
    covered = 0;
    printf("\n");
    while (fscanf(file, "%u%*[^\n]", &slot) == 1) {
        wanted++;
        covered += slot < STATECOV_SIZE && seen[slot];
        if (slot < STATECOV_SIZE && !seen[slot])
            print_slot(slot);
    }
    (void)fclose(file);
    printf("state coverage: %u of %u reachable slots, %.1f %%\n", covered, wanted,
           wanted != 0 ? 100.0 * covered / wanted : 0.0);
    return wanted != 0 ? (int)(wanted - covered) : -1;
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
