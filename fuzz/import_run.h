/* SPDX-License-Identifier: MIT */
/* Any bytes as an exported connection, and what is done to it if it is accepted:
 *   byte 0   picks a scene, whose settings it is imported under
 *   byte 1   odd: the lengths and the mark are set right first, so that what follows is looked at
 *   byte 2   how many pairs of bytes follow, each a step: what, and with what
 *   then the block. */
#ifndef TLSM_IMPORT_RUN_H
#define TLSM_IMPORT_RUN_H

#include "scene.h"

/* import_run: NULL, or what is broken: an accepted state that is not canonical, breaks an invariant now or after a step, or cannot
 * be exported again. *accepted (may be NULL): 1 if it was imported. */
const char *import_run(const uint8_t *bytes, size_t length, int *accepted);

#endif
