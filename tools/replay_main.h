/* SPDX-License-Identifier: MIT */
#ifndef TLSM_REPLAY_MAIN_H
#define TLSM_REPLAY_MAIN_H

/* tlsm_replay_main: plays choice sequences and tells what happens. Returns the exit status. */
int tlsm_replay_main(int argc, char **argv);

#endif
