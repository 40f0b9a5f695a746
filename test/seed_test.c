/* SPDX-License-Identifier: MIT */
/* The page this project was started for, sentence by sentence, on every kind of BIO, in both roles, with a peer of each
 * library; and docs/tables/seed.md, which says what was seen. `--table FILE` writes it there instead of comparing it. */
#define _POSIX_C_SOURCE 200809L

#include "seed_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = SEED_BIOS * 2, CELLS = SEED_SENTENCES * KINDS * 2 * 2, TESTS = 2 * 392 };

static const char table_file[] = "docs/tables/seed.md";

static const char *const bio_names[SEED_BIOS] = {
    "blocking socket", "non-blocking socket", "pair of 1", "pair of 7", "pair of 512", "pair of 17000", "memory"
};

static const struct sentence {
    void (*test)(void **state);
    const char *brief;   /* for a test's name */
    const char *text;    /* of the page */
} sentences[SEED_SENTENCES] = {
    { seed_sentence_1, "sends close_notify", "It sends the “close notify” shutdown alert to the peer." },
    { seed_sentence_2, "SENT is set and the session is kept",
      "Whether the operation succeeds or not, the SSL_SENT_SHUTDOWN flag is set and a currently open session is considered "
      "closed and good and will be kept in the session cache for further reuse." },
    { seed_sentence_3, "blocks until finished or failed",
      "If the underlying BIO is blocking, SSL_shutdown() will only return once the handshake has been finished or an error "
      "occurred." },
    { seed_sentence_4, "says truly what it wants",
      "If the underlying BIO is non-blocking, SSL_shutdown() will also return when the underlying BIO could not satisfy the "
      "needs of SSL_shutdown() to continue the handshake. In this case a call to SSL_get_error() with the return value of "
      "SSL_shutdown() will yield SSL_ERROR_WANT_READ or SSL_ERROR_WANT_WRITE. The calling process then must repeat the call "
      "after taking appropriate action to satisfy the needs of SSL_shutdown()." },
    { seed_sentence_5, "select() tells when to go on",
      "When using a non-blocking socket, nothing is to be done, but select() can be used to check for the required "
      "condition." },
    { seed_sentence_6, "moving the data lets it go on",
      "When using a buffering BIO, like a BIO pair, data must be written into or retrieved out of the BIO before being able "
      "to continue." },
    { seed_sentence_7, "1 when completed", "1: The shutdown was successfully completed." },
    { seed_sentence_8, "0 when not successful",
      "0: The shutdown was not successful. Call SSL_get_error() with the return value ret to find out the reason." },
    { seed_sentence_9, "-1 when failed or action is needed",
      "-1: The shutdown was not successful because a fatal error occurred either at the protocol level or a connection "
      "failure occurred. It can also occur of action is need to continue the operation for non-blocking BIOs." }
};

/* Why a sentence cannot speak of a kind of BIO; NULL: it does. */
static const char *inapplicable(int sentence, enum seed_bio bio, int buffered)
{
    const int socket = bio == SEED_BLOCKING || bio == SEED_NON_BLOCKING;
    if (sentence == 3 && bio != SEED_BLOCKING)
        return "it does not block";
    if (sentence == 4 && bio == SEED_BLOCKING)
        return "it blocks instead";
    if (sentence == 5 && bio != SEED_NON_BLOCKING)
        return socket ? "it blocks instead" : "there is no descriptor to select";
    if (sentence == 6 && socket && !buffered)
        return "it does not buffer: the kernel moves the data";
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ cells */

static struct seed_cell cells[2 * CELLS];   /* in TLS 1.3, in TLS 1.2 */

static void bio_name(const struct seed_cell *cell, char name[SEED_BIO_NAME])
{
    (void)snprintf(name, SEED_BIO_NAME, "%s%s", cell->buffered ? "buffer over " : "", bio_names[cell->bio]);
}

static void make_cell(size_t index)
{
    struct seed_cell *const cell = &cells[index];
    char bio[SEED_BIO_NAME];
    cell->peer = index % 2 != 0 ? &party_libssl : &party_tlsm;
    cell->server = index / 2 % 2 != 0;
    cell->bio = (enum seed_bio)(index / 4 % SEED_BIOS);
    cell->buffered = index / (4 * SEED_BIOS) % 2 != 0;
    cell->sentence = 1 + (int)(index % CELLS / (4 * KINDS));
    cell->older = index >= CELLS;
    bio_name(cell, bio);
    (void)snprintf(cell->name, sizeof cell->name, "%d %s: %s, %s, peer %s, TLS 1.%d", cell->sentence,
                   sentences[cell->sentence - 1].brief, bio, cell->server ? "server" : "client", cell->peer->name,
                   cell->older ? 2 : 3);
}

static void run_cell(void **state)
{
    struct seed *const seed = *state;
    sentences[seed->cell->sentence - 1].test(state);
    memcpy(seed->cell->result, seed->seen, sizeof seed->cell->result);
}

/* ------------------------------------------------------------------------------------------------ the table */

static void write_head(FILE *to)
{
    (void)fputs("<!-- Generated from the results of test/seed_test.c by `make docs`; do not edit. -->\n\n"
                "# SSL_shutdown(3), sentence by sentence\n\n"
                "Each row is a test of `tlsm_ssl.h` by the contract of the page it was made for: one call carries the closing "
                "to its end.\nThe last column is what the calls returned, with the class that SSL_get_error() gave and its "
                "reason; a row of the same\nanswers is written once. Where a sentence cannot speak of a kind of BIO, it says "
                "why.\nEach ran in TLS 1.2 and in TLS 1.3; where the two were not the same, each has its row.\n", to);
}

static void write_row(FILE *to, const struct seed_cell *cell, const char *version)
{
    const char *const reason = inapplicable(cell->sentence, cell->bio, cell->buffered);
    char bio[SEED_BIO_NAME];
    bio_name(cell, bio);
    (void)fprintf(to, "| %d | %s | %s | %s | %s | ", cell->sentence, bio, cell->server ? "server" : "client", cell->peer->name,
                  version);
    if (reason != NULL)
        (void)fprintf(to, "does not apply: %s |\n", reason);
    else
        (void)fprintf(to, "%s |\n", cell->result[0] != '\0' ? cell->result : "FAILED");
}

/* How many rows. */
static size_t write_versions(FILE *to, const struct seed_cell *newer, const struct seed_cell *older)
{
    const int same = strcmp(newer->result, older->result) == 0;
    if (!same)
        write_row(to, older, "1.2");
    write_row(to, newer, same ? "both" : "1.3");
    return same ? 1 : 2;
}

static size_t write_table(FILE *to)
{
    size_t rows = 0;
    write_head(to);
    for (size_t i = 0; i < CELLS; i++) {
        const int sentence = cells[i].sentence;
        if (i == 0 || cells[i - 1].sentence != sentence)
            (void)fprintf(to, "\n## Sentence %d\n\n> %s\n\n| sentence | BIO | role | peer | TLS | seen |\n|--:|---|---|---|---|---|\n",
                          sentence, sentences[sentence - 1].text);
        rows += write_versions(to, &cells[i], &cells[CELLS + i]);
    }
    (void)fprintf(to, "\n%zu rows.\n", rows);
    return rows;
}

static int compare_table(const char *table, size_t length)
{
    char *const there = malloc(length + 2);
    FILE *const file = fopen(table_file, "r");
    size_t have = 0;
    int same = 0;
    if (file != NULL && there != NULL) {
        have = fread(there, 1, length + 2, file);
        same = have == length && memcmp(there, table, length) == 0;
    }
    if (file != NULL)
        (void)fclose(file);
    free(there);
    if (!same)
        (void)fprintf(stderr, "%s is stale: run make docs\n", table_file);
    return same;
}

static int settle_table(const char *write_to)
{
    char *table = NULL;
    size_t length = 0;
    FILE *const memory = open_memstream(&table, &length);
    FILE *file;
    int good = memory != NULL && write_table(memory) >= CELLS;
    good = memory != NULL && fclose(memory) == 0 && good;
    if (good && write_to == NULL)
        good = compare_table(table, length);
    if (good && write_to != NULL) {
        file = fopen(write_to, "w");
        good = file != NULL && fwrite(table, 1, length, file) == length;
        good = file != NULL && fclose(file) == 0 && good;
    }
    free(table);
    return good;
}

/* ------------------------------------------------------------------------------------------------ main */

static struct CMUnitTest tests[2 * CELLS];

static size_t make_tests(const char *only)
{
    size_t count = 0;
    for (size_t i = 0; i < 2 * CELLS; i++) {
        const struct CMUnitTest test = { cells[i].name, run_cell, seed_setup, seed_teardown, &cells[i] };
        if (inapplicable(cells[i].sentence, cells[i].bio, cells[i].buffered) != NULL)
            continue;
        if (only == NULL || strncmp(cells[i].name, only, strlen(only)) == 0)
            tests[count++] = test;
    }
    return count;
}

/* seed_test [--table FILE | --only BEGINNING-OF-A-NAME] */
int main(int argc, char **argv)
{
    const char *const file = argc == 3 && strcmp(argv[1], "--table") == 0 ? argv[2] : NULL;
    const char *const only = argc == 3 && strcmp(argv[1], "--only") == 0 ? argv[2] : NULL;
    size_t count;
    int failed;
    if (argc != 1 && file == NULL && only == NULL) {
        (void)fprintf(stderr, "usage: seed_test [--table FILE | --only BEGINNING-OF-A-NAME]\n");
        return 2;
    }
    for (size_t i = 0; i < 2 * CELLS; i++)
        make_cell(i);
    count = make_tests(only);
    if (only == NULL && count != TESTS) {
        (void)fprintf(stderr, "there are %zu tests, not %d\n", count, TESTS);
        return 1;
    }
    failed = _cmocka_run_group_tests("seed", tests, count, NULL, NULL);
    if (failed != 0 || only != NULL)
        return failed != 0;
    return !settle_table(file);
}
