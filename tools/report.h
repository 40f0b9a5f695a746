/* SPDX-License-Identifier: MIT */
/* How a connection ended, for people and for programs. */
#ifndef TLSM_REPORT_H
#define TLSM_REPORT_H

#include <stdio.h>

#include "endpoint.h"

/* report_status: the exit status of this ending. */
int report_status(const struct session *session, const struct options *options);

/* report_json: the verdict as one line. `peer` may be NULL. */
void report_json(FILE *out, const struct session *session, const struct options *options, const char *peer);

/* report_sentence: why it is not a clean end, and what to do, on stderr. Nothing for a clean one. */
void report_sentence(const struct session *session, const struct options *options);

#endif
