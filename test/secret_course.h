/* SPDX-License-Identifier: MIT */
/* Courses of two connected machines in which everything secret is marked (secret_mark.h). */
#ifndef TLSM_TEST_SECRET_COURSE_H
#define TLSM_TEST_SECRET_COURSE_H

#include "secret_provider.h"

/* secret_courses: runs every course over `under`, and says how many on stdout. Ends the process with a sentence where a connection
 * does not go as it should. `careless`: see struct secret_provider. */
void secret_courses(const struct tlsm_crypto *under, void *self, int careless);

/* secret_plant: from now on every comparison begins with what must be found: it stops at a first byte that differs, or looks one up. */
enum secret_planted { SECRET_NOTHING, SECRET_BRANCH, SECRET_INDEX };
void secret_plant(enum secret_planted what);

#endif
