/* SPDX-License-Identifier: MIT */
/* What an adapter's target can reach: `adapter_… [--slots FILE] [--corpus FOLDER]`. From every head of its inputs, breadth-first over the
 * places where a course of moves can stand, every move, under every answer of the transport to the first things it asks; a place is
 * gone on from once. Writes the slots (adapter_slot.h) that were reached, and into the folder an input for each that no input there
 * reaches yet. No move is one too many: the same program gives the same slots. */
#define _DEFAULT_SOURCE 1
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter_slot.h"
#include "statecov.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 1024, FAULTS_MOST = 255, ANSWERED = 2, FAULTS = 8, PLACES = 1 << 17 };

struct course {
    struct course *next;
    unsigned head, asked, faults, depth;
    uint8_t fault[FAULTS_MOST];
    size_t length;
    uint8_t commands[ROOM];
};
struct search {
    const struct enumeration *of;
    const char *folder;              /* NULL: none */
    struct course *first, **last;
    uint64_t known[PLACES];          /* 0 is free */
    unsigned depth;                  /* moves in a row */
    unsigned long places, runs, files;
    uint8_t reached[ADAPTER_SLOTS], met[ADAPTER_SLOTS];
    int failed;
};

/* ------------------------------------------------------------------------------------------------ one input */

static size_t input_of(const struct search *search, const struct course *course, uint8_t *bytes)
{
    const struct feed *head = &search->of->head[course->head];
    size_t length = head->left;
    memcpy(bytes, head->bytes, length);
    if (search->of->faults) {
        bytes[length++] = (uint8_t)course->faults;
        memcpy(bytes + length, course->fault, course->faults);
        length += course->faults;
    }
    memcpy(bytes + length, course->commands, course->length);
    return length + course->length;
}

static const struct adapter_run *run(const uint8_t *bytes, size_t length)
{
    uint8_t *exact = malloc(length > 0 ? length : 1);   /* its exact size, so that checkers see what reads beyond */
    if (exact == NULL)
        abort();
    memcpy(exact, bytes, length);
    adapter_run_begin();
    (void)LLVMFuzzerTestOneInput(exact, length);
    free(exact);
    return adapter_run_end();
}

static void keep_input(struct search *search, unsigned slot, const uint8_t *bytes, size_t length)
{
    char path[1024];
    FILE *file;
    (void)snprintf(path, sizeof path, "%s/cell-%05u", search->folder, slot);
    file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, length, file) != length) {
        perror(path);
        search->failed = 1;
    }
    if (file != NULL)
        search->failed |= fclose(file) != 0;
    search->files++;
}

static void note(struct search *search, const struct adapter_run *done, const uint8_t *bytes, size_t length)
{
    int kept = search->folder == NULL;
    for (unsigned i = 0; i < done->slots; i++) {
        const unsigned slot = done->slot[i];
        search->reached[slot] = 1;
        if (!search->met[slot] && !kept) {
            keep_input(search, slot, bytes, length);
            kept = 1;
        }
        search->met[slot] = 1;
    }
}

/* ------------------------------------------------------------------------------------------------ the search */

static int is_new(struct search *search, uint64_t place)
{
    size_t at = place % PLACES;
    for (; search->known[at] != 0; at = (at + 1) % PLACES)
        if (search->known[at] == place)
            return 0;
    if (search->places >= PLACES / 2)
        return 0;
    search->known[at] = place;
    search->places++;
    return 1;
}

/* Runs it, and goes on from there another time if nobody was there before. Returns how often the transport was asked. */
static unsigned visit(struct search *search, const struct course *course)
{
    uint8_t bytes[2 * ROOM];
    const size_t length = input_of(search, course, bytes);
    const struct adapter_run *done = run(bytes, length);
    const unsigned asked = done->asked;
    struct course *copy;
    search->runs++;
    note(search, done, bytes, length);
    if (!is_new(search, (done->place ^ course->head * UINT64_C(0x9e3779b97f4a7c15)) | 1))
        return asked;
    copy = malloc(sizeof *copy);
    if (copy == NULL)
        abort();
    *copy = *course;
    copy->asked = asked;
    copy->next = NULL;
    *search->last = copy;
    search->last = &copy->next;
    return asked;
}

/* As usual, then with each answer to the first things that are asked. */
static void try_move(struct search *search, const struct course *from, const struct feed *move, uint8_t whose)
{
    static struct course course;
    unsigned asked;
    course = *from;
    if (course.length + move->left > ROOM)
        return;
    memcpy(course.commands + course.length, move->bytes, move->left);
    course.commands[course.length] |= whose;
    course.length += move->left;
    course.depth++;
    asked = visit(search, &course);
    for (unsigned at = from->asked; search->of->faults && at < asked && at < from->asked + ANSWERED && at < FAULTS_MOST; at++) {
        if (at > course.faults)
            memset(course.fault + course.faults, 0, at - course.faults);
        course.faults = at + 1;
        for (uint8_t fault = 1; fault < FAULTS; fault++) {
            course.fault[at] = fault;
            (void)visit(search, &course);
        }
        course.fault[at] = 0;
    }
}

static void go_on(struct search *search, const struct course *from)
{
    if (from->depth + (from->head >= search->of->deep) >= search->depth)
        return;
    for (const struct feed *move = search->of->move; move < search->of->move + ENUMERATION_MOVES && move->bytes != NULL; move++) {
        try_move(search, from, move, 0);
        if (search->of->both)
            try_move(search, from, move, 128);
    }
}

static void enumerate(struct search *search)
{
    for (unsigned head = 0; head < ENUMERATION_HEADS && search->of->head[head].bytes != NULL; head++) {
        (void)visit(search, &(struct course){ .head = head });
        for (const struct feed *start = search->of->start; start < search->of->start + ENUMERATION_STARTS && start->bytes != NULL; start++) {
            struct course course = { .head = head, .length = start->left };
            memcpy(course.commands, start->bytes, start->left);
            (void)visit(search, &course);
        }
    }
    while (search->first != NULL) {
        struct course *course = search->first;
        go_on(search, course);
        search->first = course->next;
        if (search->first == NULL)
            search->last = &search->first;
        free(course);
    }
}

/* ------------------------------------------------------------------------------------------------ files */

static void meet_file(struct search *search, const char *path)
{
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    const size_t length = file != NULL ? fread(bytes, 1, sizeof bytes, file) : 0;
    const struct adapter_run *done;
    if (file == NULL || fclose(file) != 0) {
        perror(path);
        search->failed = 1;
        return;
    }
    done = run(bytes, length);
    for (unsigned i = 0; i < done->slots; i++)
        search->met[done->slot[i]] = 1;
}

static void meet_folder(struct search *search)
{
    struct dirent **entry;
    const int count = scandir(search->folder, &entry, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%s", search->folder, entry[i]->d_name);
        if (entry[i]->d_name[0] != '.')
            meet_file(search, path);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
    search->failed |= count < 0;
}

static int write_slots(const struct search *search, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    for (unsigned slot = 0; slot < ADAPTER_SLOTS; slot++)
        if (search->reached[slot])
            (void)fprintf(file, "%u %s\n", STATECOV_ADAPTERS + slot, adapter_text(slot));
    return fclose(file) != 0;
}

int main(int argc, char **argv)
{
    static struct search search;
    const char *slots = NULL;
    unsigned reached = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        slots = strcmp(argv[i], "--slots") == 0 ? argv[i + 1] : slots;
        search.folder = strcmp(argv[i], "--corpus") == 0 ? argv[i + 1] : search.folder;
        search.depth = strcmp(argv[i], "--depth") == 0 ? (unsigned)atoi(argv[i + 1]) : search.depth;
    }
    if (argc % 2 == 0 || (argc > 1 && slots == NULL && search.folder == NULL && search.depth == 0)) {
        fputs("usage: adapter_... [--slots FILE] [--corpus FOLDER] [--depth N]\n", stderr);
        return 2;
    }
    (void)LLVMFuzzerInitialize(&argc, &argv);
    search.of = adapter_enumeration();
    search.depth = search.depth != 0 ? search.depth : search.of->depth;
    search.last = &search.first;
    if (search.folder != NULL)
        meet_folder(&search);
    enumerate(&search);
    for (unsigned slot = 0; slot < ADAPTER_SLOTS; slot++)
        reached += search.reached[slot];
    printf("%u slots in %lu runs from %lu places, %lu files written\n", reached, search.runs, search.places, search.files);
    if (search.places >= PLACES / 2)
        printf("there are more places than are looked at\n");
    return search.failed || reached == 0 || (slots != NULL && write_slots(&search, slots) != 0);
}
