/* SPDX-License-Identifier: MIT */
/* A choice sequence: bytes → a course of operations. Byte 0 picks a scene, byte 1 one of its roots, every further byte an
 * operation; the last values are
 *   SEQUENCE_RAW       and a length, and that many bytes from the wire, as they are
 *   SEQUENCE_SET       and a byte: bit 0 the two-step contract, bit 1 quiet, bits 2 and 3 flags set beforehand
 *   SEQUENCE_CALL      and a byte: bits 0 and 1 how the transport flushes, bits 2 and 3 how many of the operations that
 *                      follow are read by it: one call of the shutdown procedure
 *   SEQUENCE_TAKEN     the application reads what the procedure left
 * Any bytes are a course; nothing survives it. */
#ifndef TLSM_SEQUENCE_H
#define TLSM_SEQUENCE_H

#include "check_shutdown.h"

enum { SEQUENCE_RAW = 252, SEQUENCE_SET = 253, SEQUENCE_CALL = 254, SEQUENCE_TAKEN = 255, SEQUENCE_STEPS = 400 };

struct sequence_step {
    unsigned choice;                           /* an operation, or SEQUENCE_… */
    const struct node *before, *after;
    const struct operation_result *result;     /* NULL with SET, CALL and TAKEN */
    const struct tlsm_shutdown_next *shutdown; /* with CALL */
};

/* sequence_run: runs the course, with every check; tells `told` (may be NULL) of every step that did something. Returns
 * NULL, or what is broken. State coverage is kept. */
const char *sequence_run(const uint8_t *bytes, size_t length,
                         void (*told)(void *context, const struct sequence_step *step), void *context);
/* sequence_start: where the course begins. */
const struct node *sequence_start(const uint8_t *bytes, size_t length);
/* sequence_must: for fuzz targets: runs it, and aborts with a word if anything is broken. */
void sequence_must(const uint8_t *bytes, size_t length, void (*told)(void *context, const struct sequence_step *step),
                   void *context);

#endif
