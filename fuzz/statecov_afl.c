/* SPDX-License-Identifier: MIT */
/* For AFL++ builds, compiled by a compiler that does not instrument: these guards join the module's own, so that AFL++
 * numbers them, and each slot has a place of its own in its map. The map's pointer cannot be declared in an instrumented
 * unit. */
#include "statecov.h"

extern uint8_t *__afl_area_ptr;
__attribute__((section("__sancov_guards"), used)) static uint32_t guards[STATECOV_SIZE];

void statecov_afl_hit(unsigned slot);
void statecov_afl_hit(unsigned slot) { __afl_area_ptr[guards[slot]] = 1; }
