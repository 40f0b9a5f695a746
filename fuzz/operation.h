/* SPDX-License-Identifier: MIT */
/* Operations: what can be done to a node, by number. Each is carried out as one or two steps, and every step is checked. */
#ifndef TLSM_OPERATION_H
#define TLSM_OPERATION_H

#include "check.h"
#include "null_provider.h"
#include "scene.h"

enum operation {
#define COMMAND(name, text) OP_##name,
#define HEADER(name, which) OP_##name,
#define RECORD(name, type, content, text) OP_##name,
#define PLAIN(name, type, content, text) OP_##name,
#include "operation.def"
#undef COMMAND
#undef HEADER
#undef RECORD
#undef PLAIN
    OPERATIONS
};

struct operation_result {
    int applied;             /* 0: makes no sense here, nothing was done */
    enum tlsm_code code;     /* of the last step */
    struct step_report step; /* of the last step, cells of all */
};

/* operation_apply: `after` becomes what `before` turns into. Returns NULL, or what is broken. */
const char *operation_apply(const struct node *before, unsigned operation, struct node *after,
                            struct operation_result *result);
/* operation_raw: bytes from the wire, in the runs the machine asks for; `length` up to SCENE_WIRE. */
const char *operation_raw(const struct node *before, struct tlsm_bytes bytes, struct node *after,
                          struct operation_result *result);
/* operation_wire: one step with bytes from the wire. */
const char *operation_wire(const struct node *before, struct tlsm_bytes bytes, struct node *after,
                           struct operation_result *result);
/* operation_bytes: the record of an operation as it is on the wire, for a node that stands at a record boundary. Points into
 * static room, good until the next call; empty if the operation is no record, or makes no sense here. */
struct tlsm_bytes operation_bytes(const struct node *node, unsigned operation);
/* operation_answer: what an operation that answers gives; `signature` lasts as long as `given`. 0: it makes no sense here. */
int operation_answer(const struct node *before, unsigned operation, struct tlsm_answer *given,
                     uint8_t signature[TLSM_NULL_SIGNATURE]);
/* operation_usual: what a caller that obeys the needs does next in the scene's handshake; -1 when it is through. */
int operation_usual(const struct node *node);
/* operation_is_record: a whole record from the peer. */
int operation_is_record(unsigned operation);
const char *operation_text(unsigned operation);

#endif
