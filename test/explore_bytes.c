/* SPDX-License-Identifier: MIT */
/* A state's bytes in one order on every machine: numbers as a little-endian machine has them. */
#include "explore_walk.h"

#include <string.h>

#include "internal.h"

#define HASH(PART, one) PART(one.length) PART(one.chain) PART(one.block)
#define KEY(PART, one) PART(one.id) PART(one.sequence) PART(one.key) PART(one.iv) PART(one.suite) PART(one.zero)
#define CONTROL(PART, part) \
    PART(part.rx) PART(part.tx) PART(part.phase) PART(part.role) PART(part.read_epoch) PART(part.write_epoch) \
    PART(part.header_seen) PART(part.record_type) PART(part.first_mover) PART(part.cause) PART(part.place) \
    PART(part.alert_out) PART(part.alert_in) PART(part.alert_in_level) PART(part.empties) PART(part.cancels) \
    PART(part.warnings) PART(part.key_updates) PART(part.request) PART(part.owes) PART(part.split) PART(part.tickets) \
    PART(part.body) PART(part.facts) PART(part.version) PART(part.marks) PART(part.behind) PART(part.late_requests) PART(part.zero2)
#define LEDGER(PART, part) \
    PART(part.produced) PART(part.taken) PART(part.batch_start) PART(part.record_start) PART(part.plain_in) \
    PART(part.plain_out) PART(part.discarded) PART(part.closing_bytes) PART(part.write_updates) \
    PART(part.closing_records) PART(part.eof_have) PART(part.eof_need) PART(part.skipped) \
    PART(part.early_in) PART(part.early_out)
#define STATE(PART) \
    PART(length) PART(request_id) CONTROL(PART, control) LEDGER(PART, ledger) KEY(PART, read_key) KEY(PART, write_key) \
    PART(read_secret) PART(write_secret) PART(exporter) PART(resumption) PART(client_random) PART(now_ms) PART(origin_ms) \
    PART(name_digest) PART(suite) PART(group) PART(scheme) PART(alpn) PART(credential) PART(spare_have) PART(spare_skip) \
    PART(spare_tail) PART(tickets_made) PART(record_max) PART(zero) PART(spare)
#define HANDSHAKE(PART) \
    PART(kept) PART(used) PART(chain_at) PART(chain_length) PART(signature_at) PART(signature_length) PART(cookie_at) \
    PART(cookie_length) PART(ticket_length) PART(ticket_age) PART(hash) PART(retry_group) PART(share_group) \
    PART(own_share_length) PART(shared_length) PART(session_hash) PART(identity) PART(session_id_length) PART(name_length) \
    PART(flags) PART(session_suite) PART(staple_at) PART(staple_length) PART(request_at) PART(request_length) PART(peer_at) \
    PART(peer_length) PART(ticket_at) PART(ticket_lifetime) PART(session_origin_ms) PART(early_max) PART(zero) HASH(PART, transcript) HASH(PART, other) PART(signed_hash) \
    PART(server_random) PART(session_id) PART(secret) PART(early) PART(client_handshake) PART(server_handshake) PART(client_traffic) \
    PART(server_traffic) PART(shared) PART(share_secret) PART(own_share) PART(name)

#define TRANSCRIPT(PART) PART(length) PART(chain) PART(block)

#define IN_STATE(part) (((const struct tlsm_state *)0)->part)
#define IN_HANDSHAKE(part) (((const struct tlsm_handshake *)0)->part)
#define IN_TRANSCRIPT(part) (((const struct tlsm_hash *)0)->part)
/* A field that is missing above, or of a sort that is missing here, does not compile. */
#define STATE_SIZE(part) + sizeof IN_STATE(part)
#define HANDSHAKE_SIZE(part) + sizeof IN_HANDSHAKE(part)
#define TRANSCRIPT_SIZE(part) + sizeof IN_TRANSCRIPT(part)
_Static_assert(0 STATE(STATE_SIZE) == sizeof(struct tlsm_state), "every field of the state");
_Static_assert(0 HANDSHAKE(HANDSHAKE_SIZE) == sizeof(struct tlsm_handshake), "every field of the handshake");
_Static_assert(0 TRANSCRIPT(TRANSCRIPT_SIZE) == sizeof(struct tlsm_hash), "every field of the transcript");
#define WIDTH(field) \
    _Generic((field), uint8_t: 1, uint16_t: 2, uint32_t: 4, uint64_t: 8, const uint8_t *: 1, const uint16_t *: 2, \
             const uint8_t (*)[TLSM_SHARE_SECRET_MAX]: 1, const uint8_t (*)[128]: 1)

struct numbers_at { size_t at; unsigned width, count; };
#define STATE_ROW(part) \
    { offsetof(struct tlsm_state, part), WIDTH(IN_STATE(part)), sizeof IN_STATE(part) / WIDTH(IN_STATE(part)) },
#define HANDSHAKE_ROW(part) \
    { sizeof(struct tlsm_state) + offsetof(struct tlsm_handshake, part), WIDTH(IN_HANDSHAKE(part)), \
      sizeof IN_HANDSHAKE(part) / WIDTH(IN_HANDSHAKE(part)) },
#define TRANSCRIPT_ROW(part) \
    { sizeof(struct tlsm_state) + offsetof(struct tlsm_hash, part), WIDTH(IN_TRANSCRIPT(part)), \
      sizeof IN_TRANSCRIPT(part) / WIDTH(IN_TRANSCRIPT(part)) },
static const struct numbers_at state_rows[] = { STATE(STATE_ROW) };
static const struct numbers_at handshake_rows[] = { HANDSHAKE(HANDSHAKE_ROW) };
static const struct numbers_at transcript_rows[] = { TRANSCRIPT(TRANSCRIPT_ROW) };

static void turn(uint8_t *at, unsigned width)
{
    for (unsigned i = 0; i < width / 2; i++) {
        const uint8_t byte = at[i];
        at[i] = at[width - 1 - i];
        at[width - 1 - i] = byte;
    }
}

static void turn_all(uint8_t *block, const struct numbers_at *row, size_t rows)
{
    for (size_t i = 0; i < rows; i++)
        for (unsigned number = 0; row[i].width > 1 && number < row[i].count; number++)
            turn(block + row[i].at + (size_t)number * row[i].width, row[i].width);
}

void bytes_turn(uint8_t *block)
{
    const uint8_t behind = block[offsetof(struct tlsm_state, control.behind)];
    turn_all(block, state_rows, sizeof state_rows / sizeof *state_rows);
    if (behind == TLSM_BEHIND_HANDSHAKE)
        turn_all(block, handshake_rows, sizeof handshake_rows / sizeof *handshake_rows);
    if (behind == TLSM_BEHIND_TRANSCRIPT)
        turn_all(block, transcript_rows, sizeof transcript_rows / sizeof *transcript_rows);
}

const uint8_t *bytes_ordered(const struct node *node)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    static uint8_t block[SCENE_BLOCK];
    memcpy(block, node->at.block, node->at.state.length);
    bytes_turn(block);
    return block;
#else
    return node->at.block;
#endif
}
