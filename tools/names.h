/* SPDX-License-Identifier: MIT */
/* Names of cipher suites and groups, as people write them. */
#ifndef TLSM_NAMES_H
#define TLSM_NAMES_H

#include <stddef.h>
#include <stdint.h>

enum { NAMES_SUITES = 3 };   /* that one name can mean */

/* suite_numbers: by IANA's name, OpenSSL's, or our short one, which is one of TLS 1.3 and two of TLS 1.2; any case. How many; 0: unknown.
 * group_number: by IANA's name or our short one, any case; 0: unknown. suite_is_13: 1 or 0. */
size_t suite_numbers(const char *name, size_t length, uint16_t to[NAMES_SUITES]);
int suite_is_13(uint16_t number);
uint16_t group_number(const char *name, size_t length);

/* suite_name, group_name: IANA's; NULL for 0 and unknown numbers. */
const char *suite_name(uint16_t number);
const char *group_name(uint16_t number);

#endif
