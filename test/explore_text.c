/* SPDX-License-Identifier: MIT */
#include "explore_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_add(struct text *text, const char *format, ...)
{
    const size_t room = sizeof text->at - text->length;
    va_list arguments;
    int length;
    va_start(arguments, format);
    length = vsnprintf(text->at + text->length, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        text->length += (size_t)length < room ? (size_t)length : room - 1;
}

int text_record(const char *path, const struct text *text)
{
    FILE *file = fopen(path, "w");
    int failed = file == NULL || fwrite(text->at, 1, text->length, file) != text->length;
    if (file != NULL)
        failed |= fclose(file) != 0;
    if (failed)
        perror(path);
    return failed;
}

int text_compare(const char *path, const struct text *text)
{
    static struct text recorded;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    recorded.length = fread(recorded.at, 1, sizeof recorded.at, file);
    (void)fclose(file);
    if (recorded.length == text->length && memcmp(recorded.at, text->at, text->length) == 0)
        return 0;
    printf("%s has other numbers:\n%.*s", path, (int)recorded.length, recorded.at);
    return 1;
}
