/* SPDX-License-Identifier: MIT */
#ifndef TLSM_EXPLORE_MAIN_H
#define TLSM_EXPLORE_MAIN_H

/* tlsm_explore_main: the explorer as a command. Returns the exit status. */
int tlsm_explore_main(int argc, char **argv);

#endif
