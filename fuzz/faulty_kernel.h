/* SPDX-License-Identifier: MIT */
/* The calls of the system that a socket makes, for two descriptors that the kernel does not know: over a faulty pipe, with a clock of its own
 * that moves with every call. Programs that want it link with KERNEL_WRAPS of the Makefile; any other descriptor is the kernel's. */
#ifndef TLSM_FAULTY_KERNEL_H
#define TLSM_FAULTY_KERNEL_H

#include "faulty_pipe.h"

enum { KERNEL_DESCRIPTOR = 1000000 };   /* and the next: the two ends */

/* kernel_open: both are open, and the clock stands at its beginning. kernel_closed: 1: each was closed once; from here on the clock is the
 * system's again. */
void kernel_open(struct faulty *faulty);
int kernel_closed(void);

#endif
