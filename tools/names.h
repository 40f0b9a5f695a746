/* SPDX-License-Identifier: MIT */
/* Names of cipher suites and groups, as people write them. */
#ifndef TLSM_NAMES_H
#define TLSM_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* suite_number, group_number: by IANA's name or our short one, any case; 0: unknown. */
uint16_t suite_number(const char *name, size_t length);
uint16_t group_number(const char *name, size_t length);

/* suite_name, group_name: IANA's; NULL for 0 and unknown numbers. */
const char *suite_name(uint16_t number);
const char *group_name(uint16_t number);

#endif
