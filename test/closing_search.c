/* SPDX-License-Identifier: MIT */
/* The corpus of the target `closing`, by search in its own language: breadth first from every root, from each state once, so that the first
 * input that reaches a slot is a shortest one; then as few of these as reach all. `closing_search FOLDER SLOTS` writes them, and the
 * slots that they reach, one a line. */
#define _DEFAULT_SOURCE 1
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "closing_run.h"
#include "statecov.h"

enum { INPUT = 1 + CLOSING_EVENTS_MAX, QUEUE = 1 << 20, TABLE = 1 << 22, KEPT = 4096, DEEP = 4 };

struct input {
    uint8_t length, bytes[INPUT];
};

static struct input queue[QUEUE], kept[KEPT];
static size_t queued, keeps;
static uint64_t table[TABLE];
static unsigned reached;

static void must(int condition, const char *what)
{
    if (condition)
        return;
    (void)fprintf(stderr, "closing_search: %s\n", what);
    exit(2);
}

static uint64_t mix(uint64_t x, const void *at, size_t length)
{
    const uint8_t *bytes = at;
    for (size_t i = 0; i < length; i++)
        x = (x ^ bytes[i]) * UINT64_C(0x100000001b3);
    return x ^ x >> 29;
}

/* A node as far as its ending goes: numbers that only grow are left out. */
static uint64_t name_of(const struct closing_course *course)
{
    static struct node node;
    const struct tlsm_ledger *ledger = &node.at.state.ledger;
    uint64_t x;
    node_copy(&node, &course->node);
    node_normalize(&node);
    x = mix(UINT64_C(0xcbf29ce484222325), &node.mark, sizeof node.mark);
    x = mix(x, &node.at.state.control, sizeof node.at.state.control);
    x = mix(x, &ledger->produced, sizeof ledger->produced);
    x = mix(x, &ledger->taken, sizeof ledger->taken);
    x = mix(x, &ledger->closing_bytes, sizeof ledger->closing_bytes);
    x = mix(x, &ledger->closing_records, sizeof ledger->closing_records);
    return mix(x, &node.at.state.write_key.sequence, sizeof node.at.state.write_key.sequence) | 1;
}

static int is_new(uint64_t name)
{
    size_t at = (size_t)(name >> 7) % TABLE;
    while (table[at] != 0 && table[at] != name)
        at = (at + 1) % TABLE;
    if (table[at] == name)
        return 0;
    table[at] = name;
    return 1;
}

/* 1: something that nothing before it reached. */
static int count_new(void)
{
    const unsigned before = reached;
    reached = statecov_count();
    return reached != before;
}

static void replay(const struct input *input, struct closing_course *course)
{
    closing_begin(course, input->bytes[0]);
    for (size_t i = 1; i < input->length; i++)
        must(closing_event(course, input->bytes[i]) == NULL, "a course breaks");
}

static void follow(const struct input *from, const struct closing_course *at, uint8_t event)
{
    static struct closing_course course;
    struct input next = *from;
    next.bytes[next.length++] = event;
    closing_copy(&course, at);
    must(closing_event(&course, event) == NULL, "an event breaks");
    const int news = count_new(), other = is_new(name_of(&course));
    if (other && (next.length <= DEEP || news) && next.length < INPUT) {
        must(queued < QUEUE, "the queue is full");
        queue[queued++] = next;
    }
    if (news) {
        must(keeps < KEPT, "too many inputs");
        kept[keeps++] = next;
    }
}

static void search(void)
{
    static struct closing_course course;
    for (unsigned root = 0; root < closing_roots(); root++)
        queue[queued++] = (struct input){ 1, { (uint8_t)root } };
    for (size_t i = 0; i < queued; i++) {
        replay(&queue[i], &course);
        for (unsigned event = 0; event < CLOSING_EVENTS; event++)
            follow(&queue[i], &course, (uint8_t)event);
    }
}

/* I9, I13: from every state that was found. */
static void end_all(void)
{
    static struct closing_course course;
    for (size_t i = 0; i < queued; i++) {
        replay(&queue[i], &course);
        must(closing_end(&course) == NULL, "an obedient caller does not come to an end");
    }
}

/* ------------------------------------------------------------------------------------------------ as few as reach all */

static void run(const struct input *input)
{
    const char *broken;
    (void)closing_run(input->bytes, input->length, &broken);
    must(broken == NULL, broken);
}

/* From the longest down: what stands for itself alone is left; every other one is led to its end. */
static size_t thin(void)
{
    size_t left = 0;
    statecov_forget();
    reached = 0;
    for (size_t i = keeps; i > 0; i--) {
        if (left % 2 != 0)
            kept[i - 1].bytes[0] = (uint8_t)(kept[i - 1].bytes[0] | CLOSING_OBEYS);
        run(&kept[i - 1]);
        if (count_new())
            kept[keeps - 1 - left++] = kept[i - 1];
    }
    return left;
}

static void write_input(const char *folder, const struct input *input)
{
    char path[1024];
    size_t at = (size_t)snprintf(path, sizeof path, "%s/", folder);
    FILE *file;
    for (size_t i = 0; i < input->length; i++)
        at += (size_t)snprintf(path + at, sizeof path - at, "%02x", input->bytes[i]);
    file = fopen(path, "wb");
    must(file != NULL && fwrite(input->bytes, 1, input->length, file) == input->length && fclose(file) == 0, "cannot write");
}

static void write_slots(const char *path)
{
    FILE *file = fopen(path, "w");
    must(file != NULL, "cannot write the slots");
    for (unsigned slot = 0; slot < STATECOV_SIZE; slot++)
        if (statecov_seen(slot))
            (void)fprintf(file, "%u\n", slot);
    must(fclose(file) == 0, "cannot write the slots");
}

int main(int count, char **arguments)
{
    size_t left;
    must(count == 3, "usage: closing_search FOLDER SLOTS");
    closing_prepare();
    search();
    left = thin();
    (void)mkdir(arguments[1], 0777);
    for (size_t i = keeps - left; i < keeps; i++)
        write_input(arguments[1], &kept[i]);
    write_slots(arguments[2]);
    end_all();
    (void)printf("%u roots, %u events, %zu states, %u slots, %zu inputs\n", closing_roots(), (unsigned)CLOSING_EVENTS, queued,
                 reached, left);
    return 0;
}
