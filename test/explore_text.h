/* SPDX-License-Identifier: MIT */
/* What a walk says, and the file it is recorded in. */
#ifndef TLSM_EXPLORE_TEXT_H
#define TLSM_EXPLORE_TEXT_H

#include <stddef.h>

struct text {
    size_t length;
    char at[32768];
};

/* text_add: as printf; what does not fit is left out. */
void text_add(struct text *text, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
/* text_record, text_compare: the file. Return 0, or 1 when it cannot be written or read, or has another text. */
int text_record(const char *path, const struct text *text);
int text_compare(const char *path, const struct text *text);

#endif
