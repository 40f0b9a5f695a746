/* SPDX-License-Identifier: MIT */
/* Raw bytes from the wire into clients and servers: byte 0 picks a scene, byte 1 a root, byte 2 the size of what arrives at
 * a time; what the machine owes or asks meanwhile is done at once. Every step is checked. */
#include <stdio.h>
#include <stdlib.h>

#include "sequence.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(const char *broken)
{
    if (broken == NULL)
        return;
    fprintf(stderr, "broken: %s\n", broken);
    abort();
}

/* Answers, produces, sends, until only the wire can go on. */
static void oblige(struct node *node)
{
    static struct node after;
    struct operation_result result;
    for (int operation = operation_usual(node); operation >= 0 && operation != OP_SCRIPT; operation = operation_usual(node)) {
        must(operation_apply(node, (unsigned)operation, &after, &result));
        node_copy(node, &after);
    }
}

/* One run of the wire: returns what was consumed. */
static size_t feed(struct node *node, struct tlsm_bytes bytes)
{
    static struct node after;
    struct operation_result result;
    oblige(node);
    if (!(tlsm_needs(&node->at.state) & TLSM_NEED_RECEIVE))
        return 0;
    must(operation_wire(node, bytes, &after, &result));
    node_copy(node, &after);
    return result.step.out.consumed;
}

static void run(struct node *node, struct tlsm_bytes bytes, size_t chunk)
{
    size_t at = 0, there = 0;
    while (there < bytes.length) {
        size_t consumed;
        there = bytes.length - there < chunk ? bytes.length : there + chunk;
        do {
            consumed = feed(node, (struct tlsm_bytes){ bytes.data + at, there - at });
            at += consumed;
        } while (consumed > 0 && at < there);
    }
    must(check_ends(node));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    scenes_prepare();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct node node;
    if (size < 3 || size > SCENE_WIRE)
        return 0;
    node_copy(&node, sequence_start(data, size));
    run(&node, (struct tlsm_bytes){ data + 3, size - 3 }, data[2] != 0 ? data[2] : size);
    return 0;
}
