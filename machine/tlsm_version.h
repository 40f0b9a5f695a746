/* SPDX-License-Identifier: MIT */
/* Generated from VERSION by `make docs`; do not edit. */
#ifndef TLSM_VERSION_H
#define TLSM_VERSION_H
#define TLSM_VERSION_MAJOR 0
#define TLSM_VERSION_MINOR 1
#define TLSM_VERSION_PATCH 0
#define TLSM_VERSION_STRING "0.1.0"
#endif
