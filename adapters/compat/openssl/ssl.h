/* SPDX-License-Identifier: MIT */
/* In the place of OpenSSL's header of this name: put this folder before the system's, and a program written for OpenSSL
 * compiles against tlsm. OpenSSL's defaults hold: the two-step contract of SSL_shutdown(), and no verification unless the
 * program asks for it. */
#ifndef TLSM_SSL_DROP_IN
#define TLSM_SSL_DROP_IN
#endif
#include "../../tlsm_ssl.h"
