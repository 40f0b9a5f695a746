/* SPDX-License-Identifier: MIT */
/* What stands around the declarations of every public header. */
#ifndef TLSM_DECLARATIONS_H
#define TLSM_DECLARATIONS_H

#if defined(__GNUC__)
#define TLSM_MUST_USE __attribute__((warn_unused_result))
#else
#define TLSM_MUST_USE
#endif

/* C's names, and those that a shared library shows. To C++ a function that is
 * named as a struct hides its constructor, which here nobody calls. */
#ifdef __cplusplus
#define TLSM_LINKAGE_BEGIN extern "C" {
#define TLSM_LINKAGE_END }
#define TLSM_QUIET _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wshadow\"")
#define TLSM_LOUD _Pragma("GCC diagnostic pop")
#else
#define TLSM_LINKAGE_BEGIN
#define TLSM_LINKAGE_END
#define TLSM_QUIET
#define TLSM_LOUD
#endif
#if defined(__GNUC__)
#define TLSM_DECLARATIONS_BEGIN TLSM_LINKAGE_BEGIN TLSM_QUIET _Pragma("GCC visibility push(default)")
#define TLSM_DECLARATIONS_END _Pragma("GCC visibility pop") TLSM_LOUD TLSM_LINKAGE_END
#else
#define TLSM_DECLARATIONS_BEGIN TLSM_LINKAGE_BEGIN
#define TLSM_DECLARATIONS_END TLSM_LINKAGE_END
#endif

#endif
