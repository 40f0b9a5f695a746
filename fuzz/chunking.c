/* SPDX-License-Identifier: MIT */
/* I6: however the wire splits it, the same stream leads to the same state and the same plaintext. Byte 0 picks a scene,
 * byte 1 a root, byte 2 the pattern of pieces, every further byte a record: given whole to one machine, in pieces that know
 * nothing of records to another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequence.h"

enum { STREAM = 8192, RECORDS = 40 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    uint8_t bytes[STREAM];
    size_t length;
    uint8_t plain[STREAM];
    size_t plain_length;
} stream;

static void must(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* One record, whole: what it is on the wire is kept, and what it brings. */
static int whole(struct node *node, unsigned operation)
{
    static struct node after;
    struct operation_result result;
    const struct tlsm_bytes bytes = operation_bytes(node, operation);
    const char *broken;
    if (bytes.length == 0 || stream.length + bytes.length > STREAM || !(tlsm_needs(&node->at.state) & TLSM_NEED_RECEIVE))
        return 0;
    memcpy(stream.bytes + stream.length, bytes.data, bytes.length);
    stream.length += bytes.length;
    broken = operation_apply(node, operation, &after, &result);
    must(broken == NULL, broken);
    if (result.step.out.news & TLSM_NEWS_DATA) {
        memcpy(stream.plain + stream.plain_length, result.step.plain, result.step.out.plain_length);
        stream.plain_length += result.step.out.plain_length;
    }
    node_copy(node, &after);
    return 1;
}

/* A small linear generator, so that one byte is a whole pattern. */
static size_t next_piece(uint32_t *pattern)
{
    *pattern = *pattern * 1664525u + 1013904223u;
    return 1 + (*pattern >> 24) % 40;
}

static void pieces(struct node *node, uint32_t pattern)
{
    static uint8_t plain[STREAM];
    const struct scene *scene = scene_at(node->mark.scene);
    size_t at = 0, there = 0, plain_length = 0;
    enum tlsm_code code = TLSM_OK;
    while (at < stream.length && code >= 0 && (code < TLSM_NOT_STARTED || there < stream.length)) {
        struct tlsm_in in = { .kind = TLSM_IN_WIRE };
        struct tlsm_out out = { .plain = { plain + plain_length, STREAM - plain_length }, .state_capacity = SCENE_ROOM };
        if (code == TLSM_MORE_INPUT || there == at) {
            there += next_piece(&pattern);
            there = there < stream.length ? there : stream.length;
        }
        in.bytes = (struct tlsm_bytes){ stream.bytes + at, there - at };
        code = tlsm_step(&scene->config, &node->at.state, &in, &node->at.state, &out);
        at += out.consumed;
        plain_length += out.news & TLSM_NEWS_DATA ? out.plain_length : 0;
        if (code >= TLSM_NOT_STARTED || (code == TLSM_MORE_INPUT && there == stream.length))
            break;
    }
    must(plain_length == stream.plain_length && memcmp(plain, stream.plain, plain_length) == 0,
         "I6: pieces bring other plaintext");
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
    static struct node one, two;
    int records = 0;
    if (size < 4)
        return 0;
    stream.length = stream.plain_length = 0;
    node_copy(&one, sequence_start(data, size));
    node_copy(&two, &one);
    if (one.at.state.control.header_seen != 0)
        return 0;
    for (size_t i = 3; i < size && records < RECORDS; i++)
        records += whole(&one, data[i] % OPERATIONS);
    pieces(&two, data[2]);
    must(one.at.state.length == two.at.state.length &&
             memcmp(one.at.block, two.at.block, one.at.state.length) == 0, "I6: pieces lead elsewhere");
    return 0;
}
