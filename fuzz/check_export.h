/* SPDX-License-Identifier: MIT */
/* A state exported and imported is the state (I11), wherever it may be exported (J1). */
#ifndef TLSM_CHECK_EXPORT_H
#define TLSM_CHECK_EXPORT_H

#include "scene.h"

/* check_export: NULL, or what is broken. */
const char *check_export(const struct node *node);

#endif
