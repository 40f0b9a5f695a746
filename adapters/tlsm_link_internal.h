/* SPDX-License-Identifier: MIT */
/* What the files of tlsm_link share and nobody else sees. */
#ifndef TLSM_LINK_INTERNAL_H
#define TLSM_LINK_INTERNAL_H

#include "tlsm_link.h"

static inline size_t tlsm_buffer_live(const struct tlsm_buffer *buffer) { return buffer->end - buffer->start; }

static inline void tlsm_buffer_rewind(struct tlsm_buffer *buffer)
{
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

/* Numbers of exported links: big-endian. */
static inline void tlsm_number_put(uint8_t *at, uint64_t number, size_t bytes)
{
    for (size_t i = bytes; i > 0; i--, number >>= 8)
        at[i - 1] = (uint8_t)number;
}

static inline uint64_t tlsm_number_take(const uint8_t *at, size_t bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++)
        number = number << 8 | at[i];
    return number;
}

/* tlsm_buffer_reserve: makes `room` bytes free behind the live ones. `dirty`: bytes at the front of an old block that are
 * wiped before it is freed. 1, or 0 when memory is short. */
int tlsm_buffer_reserve(struct tlsm_buffer *buffer, size_t room, size_t dirty);
void tlsm_buffer_release(struct tlsm_buffer *buffer, size_t dirty);
/* tlsm_buffer_clean: wipes them without letting the block go. */
void tlsm_buffer_clean(struct tlsm_buffer *buffer, size_t dirty);

/* tlsm_link_grow: the state moves to a block of `needed` bytes or more. 1, or 0: beyond the limit, or memory is short.
 * tlsm_link_shrink: to a small one, if it can be there. */
int tlsm_link_grow(struct tlsm_link *link, size_t needed);
void tlsm_link_shrink(struct tlsm_link *link);

/* tlsm_link_step: a step that grows the state's block when asked, tells the hooks, and shrinks the block afterwards. */
enum tlsm_code tlsm_link_step(struct tlsm_link *link, const struct tlsm_in *in, struct tlsm_out *out);
/* tlsm_link_result: what a step said, as the result of a call: fine, short of memory, or refused. */
int tlsm_link_result(enum tlsm_code code);
/* tlsm_link_produce: makes one owed record. 1, or a negative result. */
int tlsm_link_produce(struct tlsm_link *link);
/* tlsm_link_ask_hook: the hook answers the open request. 1; 0: not yet, or nobody asks; or a negative result. */
int tlsm_link_ask_hook(struct tlsm_link *link);
/* tlsm_link_tail: the buffer that the next record goes into. */
struct tlsm_buffer *tlsm_link_tail(struct tlsm_link *link);
/* tlsm_link_produced: bytes that lie here and are not taken. */
size_t tlsm_link_produced(const struct tlsm_link *link);
/* tlsm_link_drop: forgets them when the machine says so: our half is dead. */
void tlsm_link_drop(struct tlsm_link *link);
/* tlsm_link_rewind: begins `in` anew when it is empty and nobody holds it. */
void tlsm_link_rewind(struct tlsm_link *link);

#endif
