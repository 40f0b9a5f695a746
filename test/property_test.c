/* SPDX-License-Identifier: MIT */
/* The properties, each a test. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "properties.h"
#include "sequence.h"

static int prepare(void **unused)
{
    (void)unused;
    scenes_prepare();
    return 0;
}

static void holds(const char *broken)
{
    if (broken != NULL)
        fail_msg("%s", broken);
}

static void the_corpus_reaches_every_slot(void **unused)
{
    (void)unused;
    holds(prop_corpus_reaches_every_slot());
}

static void what_was_found_before_stays_mended(void **unused)
{
    (void)unused;
    holds(prop_what_was_found_stays_mended());
}

static void twenty_thousand_generated_courses(void **unused)
{
    (void)unused;
    holds(prop_generated_courses());
}

static void all_pairs_of_operations_from_every_root(void **unused)
{
    (void)unused;
    holds(prop_pairs_from_every_root());
}

static void all_triples_from_a_connection(void **unused)
{
    (void)unused;
    holds(prop_triples_from_a_connection());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_corpus_reaches_every_slot),
        cmocka_unit_test(what_was_found_before_stays_mended),
        cmocka_unit_test(twenty_thousand_generated_courses),
        cmocka_unit_test(all_pairs_of_operations_from_every_root),
        cmocka_unit_test(all_triples_from_a_connection),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
