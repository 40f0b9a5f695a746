/* SPDX-License-Identifier: MIT */
/* constant_time [branch|index]: the core over the null provider, every secret marked. Says nothing unless it is watched, by valgrind or
 * by the memory sanitizer: then whatever a secret decides is reported, and is no success. With a word, what it names is planted,
 * and must be found. */
#include <stdio.h>
#include <string.h>

#include "null_provider.h"
#include "secret_course.h"
#include "secret_mark.h"

int main(int argc, char **argv)
{
    if (!secret_watched()) {
        (void)fputs("constant_time: nobody watches; start it under valgrind\n", stderr);
        return 2;
    }
    if (argc > 1)
        secret_plant(strcmp(argv[1], "index") == 0 ? SECRET_INDEX : SECRET_BRANCH);
    secret_courses(&tlsm_null_provider_never_released, NULL, 1);
    return 0;
}
