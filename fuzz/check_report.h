/* SPDX-License-Identifier: MIT */
/* What is computed of a state (verdict, advice), held against what a watcher knows. */
#ifndef TLSM_CHECK_REPORT_H
#define TLSM_CHECK_REPORT_H

#include "scene.h"

/* check_report: NULL, or what is broken. */
const char *check_report(const struct node *node);

#endif
