/* SPDX-License-Identifier: MIT */
#include "explore_main.h"

int main(int argc, char **argv) { return tlsm_explore_main(argc, argv); }
