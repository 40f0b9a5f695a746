/* SPDX-License-Identifier: MIT */
/* The properties on any machine: prints which hold, and a digest that must be the same everywhere. */
#include <inttypes.h>
#include <stdio.h>

#include "properties.h"
#include "sequence.h"

static int holds(const char *name, const char *broken)
{
    printf("%s: %s\n", name, broken == NULL ? "holds" : broken);
    (void)fflush(stdout);
    return broken == NULL;
}

int main(void)
{
    int all;
    scenes_prepare();
    all = holds("the corpus reaches every slot", prop_corpus_reaches_every_slot());
    all &= holds("what was found before stays mended", prop_what_was_found_stays_mended());
    all &= holds("twenty thousand generated courses", prop_generated_courses());
    all &= holds("all pairs from every root", prop_pairs_from_every_root());
    all &= holds("all triples from a connection", prop_triples_from_a_connection());
    printf("digest %016" PRIx64 "\n", properties_digest());
    return all ? 0 : 1;
}
