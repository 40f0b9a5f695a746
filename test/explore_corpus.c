/* SPDX-License-Identifier: MIT */
/* First inputs for the targets that take streams: the recorded handshakes as they are on the wire, and records in a row. */
#define _DEFAULT_SOURCE 1
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "explore_report.h"
#include "sequence.h"

enum { STREAM = 4096, COURSE = 32 };

static int write_input(const char *folder, const char *target, size_t scene, const char *what, const uint8_t *bytes,
                       size_t length)
{
    char path[1024];
    FILE *file;
    int failed;
    (void)snprintf(path, sizeof path, "%s/%s", folder, target);
    (void)mkdir(path, 0777);
    (void)snprintf(path, sizeof path, "%s/%s/%02zu-%s", folder, target, scene, what);
    file = fopen(path, "wb");
    if (file == NULL)
        return -1;
    failed = fwrite(bytes, 1, length, file) != length;
    return fclose(file) != 0 || failed ? -1 : 0;
}

static size_t give(struct node *node, unsigned operation, uint8_t *stream, size_t at)
{
    static struct node after;
    struct operation_result result;
    const struct tlsm_bytes bytes = operation_bytes(node, operation);
    if (bytes.length == 0 || at + bytes.length > STREAM)
        return at;
    memcpy(stream + at, bytes.data, bytes.length);
    at += bytes.length;
    (void)operation_apply(node, operation, &after, &result);
    node_copy(node, &after);
    return at;
}

/* The whole handshake from the peer, some data, and its close_notify. */
static int write_wire(const char *folder, size_t scene)
{
    static const uint8_t then[] = { OP_DATA, OP_TICKET, OP_KEY_UPDATE_ASKED, OP_DATA_MORE, OP_PEER_CLOSE };
    static struct node node, after;
    struct operation_result result;
    uint8_t stream[STREAM] = { (uint8_t)scene, 1, 0 };
    size_t length = 3;
    node_copy(&node, &scene_at(scene)->root[1]);
    for (int operation = operation_usual(&node); operation >= 0; operation = operation_usual(&node)) {
        if (operation == OP_SCRIPT) {
            length = give(&node, OP_SCRIPT, stream, length);
            continue;
        }
        (void)operation_apply(&node, (unsigned)operation, &after, &result);
        node_copy(&node, &after);
    }
    for (size_t i = 0; i < sizeof then; i++)
        length = give(&node, then[i], stream, length);
    return write_input(folder, "wire", scene, "handshake", stream, length);
}

static int write_chunking(const char *folder, size_t scene)
{
    const uint8_t last = (uint8_t)(scene_at(scene)->roots - 1);
    const uint8_t data[] = { (uint8_t)scene, last, 5, OP_DATA, OP_EMPTY, OP_TICKET, OP_KEY_UPDATE, OP_TICKET_ONE, OP_REST,
                             OP_PEER_CANCELED, OP_TICKETS_AND_UPDATE, OP_DATA_MORE, OP_PEER_CLOSE, OP_DATA };
    const uint8_t pieces[] = { (uint8_t)scene, last, 9, OP_TICKET_FIVE, OP_REST_ONE, OP_REST_AND_MORE, OP_TICKET_LONG,
                               OP_REST_ONE, OP_REST, OP_KEY_UPDATE_ONE, OP_REST, OP_BAD_TAG };
    const uint8_t handshake[] = { (uint8_t)scene, 2, 3, OP_CCS, OP_SCRIPT, OP_SCRIPT, OP_SCRIPT, OP_SCRIPT, OP_SCRIPT, OP_SCRIPT };
    return write_input(folder, "chunking", scene, "data", data, sizeof data) |
           write_input(folder, "chunking", scene, "pieces", pieces, sizeof pieces) |
           write_input(folder, "chunking", scene, "handshake", handshake, sizeof handshake);
}

/* The state as a block, and a few steps to be done to it. */
static int write_import(const char *folder, size_t scene)
{
    static const uint8_t head[] = { 0, 1, 5, TLSM_IN_WIRE, 5, TLSM_IN_WRITE, 9, TLSM_IN_CLOSE, 0, TLSM_IN_PRODUCE, 0, TLSM_IN_WIRE, 0 };
    static uint8_t bytes[sizeof head + SCENE_BLOCK + TLSM_EXPORT_HEADER];
    const size_t root = scene * 5 % scene_at(scene)->roots;
    const size_t length = tlsm_export(&scene_at(scene)->root[root].at.state, bytes + sizeof head, SCENE_BLOCK);
    memcpy(bytes, head, sizeof head);
    bytes[0] = (uint8_t)scene;
    return length == 0 ? 0 : write_input(folder, "import", scene, "state", bytes, sizeof head + length);
}

/* Courses that call the shutdown procedure: together they take every step of it that the explorer takes (make coverage counts
 * them). The witnesses of the explorer's slots, which lie beside them, call nothing. */
static const struct {
    size_t length;
    uint8_t bytes[COURSE];   /* as in sequence.h: scene, root, … */
} shutdowns[] = {
    { 13, { 15, 14, SEQUENCE_SET, 1, OP_PEER_CLOSE, SEQUENCE_CALL, 6, OP_EOF, SEQUENCE_CALL, 4, OP_EOF_VOUCHED, SEQUENCE_CALL, 2 } },
    { 10, { 20, 14, SEQUENCE_CALL, 6, OP_PEER_ALERT, SEQUENCE_CALL, 8, OP_CLOSE, OP_WRITE, SEQUENCE_TAKEN } },
    { 16, { 1, 11, SEQUENCE_CALL, 0, SEQUENCE_CALL, 4, OP_BAD_TAG, OP_PEER_CLOSE, SEQUENCE_CALL, 9, OP_RECEIVE_FAILED, OP_SENT_ALL, SEQUENCE_CALL, 6, OP_ABORT, SEQUENCE_TAKEN } },
    { 9, { 24, 18, SEQUENCE_CALL, 5, OP_UPDATE, OP_DATA, SEQUENCE_CALL, 5, OP_RECEIVE_FAILED } },
    { 16, { 1, 12, SEQUENCE_SET, 0, OP_DATA, SEQUENCE_CALL, 4, OP_PEER_ALERT, SEQUENCE_CALL, 10, OP_BAD_TAG, OP_CLOSE, OP_SEND_FAILED, SEQUENCE_CALL, 6, OP_BAD_TAG } },
    { 22, { 13, 11, SEQUENCE_SET, 2, OP_SEND_FAILED, SEQUENCE_CALL, 10, OP_ABORT, OP_PEER_CLOSE, OP_WRITE, SEQUENCE_CALL, 9, OP_DATA, OP_RECEIVE_FAILED, SEQUENCE_CALL, 0, SEQUENCE_TAKEN, OP_SENT_ALL, SEQUENCE_CALL, 9, OP_UPDATE, OP_PEER_ALERT } },
    { 12, { 0, 13, SEQUENCE_SET, 1, SEQUENCE_CALL, 9, OP_EOF_VOUCHED, OP_SENT_ALL, SEQUENCE_CALL, 2, SEQUENCE_CALL, 2 } },
    { 20, { 0, 13, SEQUENCE_SET, 1, SEQUENCE_CALL, 1, SEQUENCE_TAKEN, SEQUENCE_CALL, 6, OP_BAD_TAG, SEQUENCE_TAKEN, SEQUENCE_CALL, 5, OP_CLOSE, SEQUENCE_TAKEN, OP_PEER_ALERT, SEQUENCE_CALL, 5, OP_CLOSE, SEQUENCE_TAKEN } },
    { 18, { 0, 9, SEQUENCE_SET, 1, OP_SEND_FAILED, SEQUENCE_CALL, 8, OP_PRODUCE, OP_PRODUCE, SEQUENCE_CALL, 8, OP_PRODUCE, OP_PRODUCE, SEQUENCE_TAKEN, OP_PEER_CLOSE, SEQUENCE_CALL, 1, SEQUENCE_TAKEN } },
    { 16, { 1, 12, OP_DATA, SEQUENCE_CALL, 0, SEQUENCE_CALL, 5, OP_EOF, OP_SENT_ALL, SEQUENCE_CALL, 9, OP_PEER_ALERT, OP_PEER_ALERT, OP_PRODUCE, SEQUENCE_CALL, 1 } },
    { 8, { 23, 4, SEQUENCE_SET, 1, OP_DATA, SEQUENCE_CALL, 4, OP_EOF_VOUCHED } },
    { 13, { 0, 13, SEQUENCE_CALL, 4, OP_DATA, SEQUENCE_CALL, 6, OP_RECEIVE_FAILED, OP_WRITE, SEQUENCE_CALL, 9, OP_PEER_CLOSE, OP_SEND_FAILED } },
    { 10, { 14, 12, SEQUENCE_SET, 1, OP_EOF, SEQUENCE_CALL, 10, OP_WRITE, OP_PRODUCE, SEQUENCE_TAKEN } },
    { 15, { 14, 12, OP_CLOSE, SEQUENCE_CALL, 8, OP_CLOSE, OP_EOF_VOUCHED, SEQUENCE_CALL, 8, OP_PEER_CLOSE, OP_DATA, SEQUENCE_CALL, 2, SEQUENCE_CALL, 2 } },
    { 9, { 24, 18, SEQUENCE_SET, 15, OP_WRITE, SEQUENCE_CALL, 6, OP_ABANDON, SEQUENCE_TAKEN } },
    { 21, { 30, 15, SEQUENCE_SET, 1, SEQUENCE_CALL, 4, OP_PRODUCE, SEQUENCE_TAKEN, OP_ABORT, SEQUENCE_CALL, 4, OP_ABORT, SEQUENCE_CALL, 9, OP_BAD_TAG, OP_WRITE, OP_DATA, SEQUENCE_CALL, 10, OP_PEER_ALERT, OP_EOF_VOUCHED } },
    { 19, { 1, 12, SEQUENCE_SET, 1, SEQUENCE_CALL, 0, SEQUENCE_CALL, 9, OP_PEER_CLOSE, OP_PEER_ALERT, OP_PEER_ALERT, SEQUENCE_CALL, 5, OP_BAD_TAG, OP_RECEIVE_FAILED, SEQUENCE_CALL, 8, OP_PRODUCE, OP_RECEIVE_FAILED } },
    { 21, { 1, 12, SEQUENCE_SET, 1, SEQUENCE_CALL, 9, OP_PEER_ALERT, OP_PRODUCE, OP_BAD_TAG, SEQUENCE_CALL, 0, OP_CLOSE, SEQUENCE_CALL, 10, OP_PEER_CLOSE, OP_ABORT, SEQUENCE_TAKEN, SEQUENCE_CALL, 6, OP_WRITE, SEQUENCE_TAKEN } },
    { 9, { 1, 12, SEQUENCE_SET, 5, SEQUENCE_CALL, 8, OP_DATA, OP_ABANDON, SEQUENCE_TAKEN } },
    { 15, { 26, 21, SEQUENCE_SET, 1, SEQUENCE_CALL, 0, SEQUENCE_CALL, 4, OP_PRODUCE, SEQUENCE_TAKEN, OP_ABORT, SEQUENCE_CALL, 10, OP_PRODUCE, OP_SEND_FAILED } },
    { 16, { 0, 13, SEQUENCE_SET, 1, OP_EOF, SEQUENCE_CALL, 0, SEQUENCE_CALL, 5, OP_WRITE, SEQUENCE_TAKEN, SEQUENCE_CALL, 0, OP_DATA, SEQUENCE_CALL, 1 } },
    { 17, { 32, 12, SEQUENCE_SET, 5, SEQUENCE_CALL, 9, OP_UPDATE, OP_RECEIVE_FAILED, OP_SEND_FAILED, SEQUENCE_CALL, 8, OP_EOF, OP_UPDATE, SEQUENCE_CALL, 8, OP_UPDATE, OP_EOF } },
    { 14, { 0, 13, SEQUENCE_SET, 1, SEQUENCE_CALL, 9, OP_BAD_TAG, OP_BAD_TAG, OP_SENT_ALL, SEQUENCE_CALL, 0, SEQUENCE_TAKEN, SEQUENCE_CALL, 0 } },
    { 16, { 0, 13, SEQUENCE_SET, 5, SEQUENCE_CALL, 5, OP_DATA, SEQUENCE_CALL, 0, SEQUENCE_CALL, 9, OP_RECEIVE_FAILED, OP_UPDATE, SEQUENCE_CALL, 6, OP_ABANDON } },
};

static int write_shutdowns(const char *folder)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof shutdowns / sizeof *shutdowns; i++) {
        char what[32];
        (void)snprintf(what, sizeof what, "shutdown-%02zu", i);
        failed |= write_input(folder, "choice", shutdowns[i].bytes[0], what, shutdowns[i].bytes, shutdowns[i].length);
    }
    return failed;
}

int corpus_write(const char *folder)
{
    int failed = write_shutdowns(folder);
    for (size_t scene = 0; scene < scenes_count(); scene++)
        failed |= write_wire(folder, scene) | write_chunking(folder, scene) | write_import(folder, scene);
    return failed;
}
