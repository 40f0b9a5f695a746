/* SPDX-License-Identifier: MIT */
#include "import_run.h"

#include <stdio.h>
#include <string.h>

#include "check_export.h"
#include "null_provider.h"
#include "sealed.h"

enum { HEAD = 3, BLOCK_MAX = SCENE_ROOM, CONTENT_MAX = 512 };

static uint8_t wire[SCENE_WIRE], plain[SCENE_WIRE];

/* ------------------------------------------------------------------------------------------------ the block */

static void put(uint8_t *to, size_t number, unsigned bytes)
{
    for (unsigned i = bytes; i > 0; i--, number >>= 8)
        to[i - 1] = (uint8_t)number;
}

/* Mark, version, lengths: of the block, of the state, of a handshake's room. */
static void set_right(uint8_t *block, size_t length)
{
    const size_t state = length - TLSM_EXPORT_HEADER;
    if (length < TLSM_EXPORT_HEADER + sizeof(struct tlsm_state) + 8)
        return;
    memcpy(block, "tlsm\0\1\0\0", 8);
    block[5] = TLSM_EXPORT_VERSION;
    put(block + 8, length, 4);
    put(block + TLSM_EXPORT_HEADER, state, 4);
}

/* ------------------------------------------------------------------------------------------------ steps */

/* A record as the peer would seal it; any type, any content. */
static struct tlsm_bytes forged(const struct tlsm_state *state, uint8_t what)
{
    static uint8_t record[TLSM_HEADER + 8 + CONTENT_MAX + 1 + TLSM_TAG];
    static const uint8_t content[6][CONTENT_MAX] = { { 1, 0 }, { 2, 40 }, { 1, 90 }, { 24, 0, 0, 1, 1 }, { 4, 0, 1, 0 }, { 'd', 'a', 't', 'a' } };
    static const uint8_t size[6] = { 2, 2, 2, 5, 4, 4 }, type[6] = { 21, 21, 21, 22, 22, 23 };
    const unsigned kind = what % 6;
    const size_t length = what & 64 ? CONTENT_MAX : size[kind];
    const struct sealed sealed = { 1, 1, type[kind], length, length + 1, content[kind] };
    if (state->read_key.suite != 0)
        return (struct tlsm_bytes){ record, sealed_make(state->control.version, &state->read_key, &sealed, record) };
    memcpy(record, (const uint8_t[]){ type[kind], 3, 3, (uint8_t)(length >> 8), (uint8_t)length }, TLSM_HEADER);
    memcpy(record + TLSM_HEADER, content[kind], length);
    return (struct tlsm_bytes){ record, TLSM_HEADER + length };
}

static const char *breaks(int invariant)
{
    static char text[64];
    snprintf(text, sizeof text, "after a step an imported state breaks invariant %d", invariant);
    return text;
}

static const char *one_step(struct node *node, struct tlsm_in *in, size_t *consumed)
{
    struct tlsm_state *state = &node->at.state;
    struct tlsm_out out = { .wire = { wire, sizeof wire }, .plain = { plain, sizeof plain }, .state_capacity = SCENE_ROOM };
    const enum tlsm_code code = tlsm_step(&scene_at(node->mark.scene)->config, state, in, state, &out);
    struct tlsm_session session;
    struct tlsm_verdict verdict;
    uint8_t room[TLSM_TICKET_MAX];
    size_t offset = 0;
    *consumed = out.consumed;
    if (tlsm_invariant(state) != 0)
        return breaks(tlsm_invariant(state));
    if (out.wire_length > sizeof wire || out.plain_length > sizeof plain || out.consumed > in->bytes.length)
        return "an imported state runs over";
    tlsm_verdict(state, &verdict);
    if ((code < 0) != tlsm_is_final(state) || (verdict.how != TLSM_OPEN) < tlsm_is_final(state))
        return "an imported state ends without a verdict";
    while (code == TLSM_TICKET && tlsm_ticket_next(&scene_at(node->mark.scene)->config, state,
                                                   (struct tlsm_bytes){ plain, out.plain_length }, &offset, &session))
        continue;
    (void)tlsm_ticket_issued(&scene_at(node->mark.scene)->config, state, room, &session);
    return NULL;
}

/* Header and body. */
static const char *receive(struct node *node, struct tlsm_bytes bytes)
{
    const char *broken = NULL;
    for (int runs = 0; broken == NULL && runs < 2 && bytes.length > 0; runs++) {
        struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = bytes };
        size_t consumed = 0;
        broken = one_step(node, &in, &consumed);
        bytes = (struct tlsm_bytes){ bytes.data + consumed, bytes.length - consumed };
    }
    return broken;
}

static const char *answer(struct node *node)
{
    struct tlsm_answer given;
    struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &given };
    uint8_t signature[TLSM_NULL_SIGNATURE];
    size_t consumed;
    (void)tlsm_null_answer_open(&scene_at(node->mark.scene)->config, &node->at.state, &given, signature);
    return one_step(node, &in, &consumed);
}

static const char *command(struct node *node, enum tlsm_in_kind kind, uint8_t with)
{
    const struct scene *scene = scene_at(node->mark.scene);
    const uint8_t alerts[] = { TLSM_ALERT_INTERNAL_ERROR, TLSM_ALERT_CLOSE_NOTIFY };
    struct tlsm_in in = { .kind = kind, .entropy = &scene->entropy, .session = scene->session, .now_ms = scene->now_ms,
                          .alert = alerts[with & 1], .one_way = with & 1, .vouch = with & 1, .ask = with & 1, .carry = with & 1, .sides = with % 4,
                          .fixed = with >> 2 & 1, .unsure = with >> 2 & 1, .record_type = (uint8_t)(20 + with % 4) };
    size_t consumed;
    if (kind == TLSM_IN_SENT)
        in.count = with & 1 ? (size_t)tlsm_outstanding(&node->at.state) : with;
    if (kind == TLSM_IN_WRITE || kind == TLSM_IN_RECORD)
        in.bytes = (struct tlsm_bytes){ plain, with };
    return one_step(node, &in, &consumed);
}

static const char *step(struct node *node, uint8_t what, uint8_t with)
{
    const struct scene *scene = scene_at(node->mark.scene);
    const unsigned kind = what % (TLSM_IN_COUNT + 2);
    if (kind == TLSM_IN_WIRE)
        return receive(node, forged(&node->at.state, with));
    if (kind == TLSM_IN_ANSWER)
        return answer(node);
    if (kind == TLSM_IN_COUNT)
        return receive(node, (struct tlsm_bytes){ &with, 1 });
    if (kind > TLSM_IN_COUNT && scene->records > 0) {   /* what the recorded peer said, in the clear */
        const struct scene_record *record = &scene->record[with % scene->records];
        return receive(node, (struct tlsm_bytes){ scene->script + record->at, record->length });
    }
    return command(node, kind > TLSM_IN_COUNT ? TLSM_IN_ABANDON : (enum tlsm_in_kind)kind, with);
}

/* ------------------------------------------------------------------------------------------------ a run */

/* What was accepted is written again just as it was read: there is one way to write a state. */
static const char *check_canonical(const struct node *node, struct tlsm_bytes block)
{
    static uint8_t again[BLOCK_MAX + TLSM_EXPORT_HEADER];
    const size_t length = tlsm_export(&node->at.state, again, sizeof again);
    if (length != block.length || memcmp(again, block.data, length) != 0)
        return "an imported block is not what is exported";
    return tlsm_invariant(&node->at.state) == 0 ? NULL : "an imported state breaks an invariant";
}

const char *import_run(const uint8_t *bytes, size_t length, int *accepted)
{
    static struct node node;
    static uint8_t block[BLOCK_MAX];
    const size_t steps = length > HEAD ? bytes[2] : 0, at = HEAD + 2 * steps;
    const char *broken;
    if (accepted != NULL)
        *accepted = 0;
    if (length < at || length < HEAD || length - at > sizeof block)
        return NULL;
    memset(&node.mark, 0, sizeof node.mark);
    node.mark.scene = (uint8_t)(bytes[0] % scenes_count());
    if (length > at)
        memcpy(block, bytes + at, length - at);
    if (bytes[1] & 1)
        set_right(block, length - at);
    if (tlsm_import(&scene_at(node.mark.scene)->config, (struct tlsm_bytes){ block, length - at }, &node.at.state, SCENE_ROOM) != TLSM_OK)
        return tlsm_invariant(&node.at.state) == 0 && node.at.state.length == sizeof node.at.state ? NULL : "a refused block leaves a state behind";
    if (accepted != NULL)
        *accepted = 1;
    broken = check_canonical(&node, (struct tlsm_bytes){ block, length - at });
    for (size_t i = 0; broken == NULL && i < steps; i++) {
        broken = step(&node, bytes[HEAD + 2 * i], bytes[HEAD + 2 * i + 1]);
        if (broken == NULL)
            broken = check_export(&node);
    }
    return broken;
}
