/* SPDX-License-Identifier: MIT */
/* The rules of docs/closing.md as properties of courses: of all short ones, of many generated ones, of every input in the
 * corpus, which must reach every slot that the explorer can reach. The functions are those of the fuzz targets. They need no
 * library, so that they run on any machine; scenes_prepare() comes first. Each returns NULL, or what is broken. */
#ifndef TLSM_TEST_PROPERTIES_H
#define TLSM_TEST_PROPERTIES_H

#include <stdint.h>

/* First of all, so that the corpus alone is what reached the slots. */
const char *prop_corpus_reaches_every_slot(void);
const char *prop_what_was_found_stays_mended(void);
const char *prop_generated_courses(void);   /* twenty thousand */
const char *prop_pairs_from_every_root(void);
const char *prop_triples_from_a_connection(void);

/* properties_digest: of all that the steps so far said and made. */
uint64_t properties_digest(void);

#endif
