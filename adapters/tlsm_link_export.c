/* SPDX-License-Identifier: MIT */
/* A link as bytes: "tlsl", version (2 bytes), two zeros, its whole length (4); what the link remembers; then four lengths and
 * what they count: unread plaintext, received bytes, produced bytes, the state's block. Numbers are big-endian. */
#include <stdlib.h>
#include <string.h>

#include "tlsm_link_export.h"
#include "tlsm_link_internal.h"

enum { VERSION = 1, HEAD = 12, REMEMBERED = 4 + 4 + 8 + 8 + 4, PARTS = 4, FIXED = HEAD + REMEMBERED + 4 * PARTS };
enum { PLAIN, RECEIVED, PRODUCED, STATE };
static const uint8_t mark[4] = { 't', 'l', 's', 'l' };

/* What a link remembers, and the parts that lie around its state. */
struct picture {
    uint64_t received, plain_discarded, input_needed, news;
    uint8_t transport_end, vouch, exact, violation;
    struct tlsm_bytes part[PARTS];
    struct tlsm_bytes behind;              /* the last of what was produced lies here while it is exported */
};

static void put(uint8_t **at, uint64_t number, size_t bytes)
{
    tlsm_number_put(*at, number, bytes);
    *at += bytes;
}

static void put_bytes(uint8_t **at, struct tlsm_bytes bytes)
{
    if (bytes.length > 0)
        memcpy(*at, bytes.data, bytes.length);
    *at += bytes.length;
}

static uint64_t take(const uint8_t **at, size_t bytes)
{
    *at += bytes;
    return tlsm_number_take(*at - bytes, bytes);
}

/* ------------------------------------------------------------------------------------------------ out */

static struct tlsm_bytes live(const struct tlsm_buffer *buffer)
{
    const struct tlsm_bytes bytes = { buffer->data != NULL ? buffer->data + buffer->start : NULL, tlsm_buffer_live(buffer) };
    return bytes;
}

static struct picture take_picture(const struct tlsm_link *link)
{
    struct picture picture = { .received = link->received, .plain_discarded = link->plain_discarded,
                               .input_needed = link->input_needed, .news = link->news, .transport_end = link->transport_end,
                               .vouch = link->vouch, .exact = link->exact, .violation = link->violation };
    picture.part[PLAIN] = tlsm_link_peek(link);
    picture.part[RECEIVED] = live(&link->in);
    picture.part[PRODUCED] = live(&link->out);
    picture.behind = live(&link->behind);
    picture.part[PRODUCED].length += picture.behind.length;
    picture.part[STATE].length = tlsm_export(link->state, NULL, 0);
    return picture;
}

static size_t length_of(const struct picture *picture)
{
    size_t length = FIXED;
    for (int i = 0; i < PARTS; i++)
        length += picture->part[i].length;
    return length;
}

static void write_picture(const struct tlsm_link *link, const struct picture *picture, uint8_t *at)
{
    memcpy(at, mark, sizeof mark);
    at += sizeof mark;
    put(&at, VERSION, 2);
    put(&at, 0, 2);
    put(&at, length_of(picture), 4);
    put(&at, picture->transport_end, 1);
    put(&at, picture->vouch, 1);
    put(&at, picture->exact, 1);
    put(&at, picture->violation, 1);
    put(&at, picture->input_needed, 4);
    put(&at, picture->received, 8);
    put(&at, picture->plain_discarded, 8);
    put(&at, picture->news, 4);
    for (int i = 0; i < PARTS; i++)
        put(&at, picture->part[i].length, 4);
    for (int i = PLAIN; i <= PRODUCED; i++) {
        struct tlsm_bytes part = picture->part[i];
        part.length -= i == PRODUCED ? picture->behind.length : 0;
        put_bytes(&at, part);
    }
    put_bytes(&at, picture->behind);
    (void)tlsm_export(link->state, at, picture->part[STATE].length);
}

/* The machine wipes the state; what lay around it is wiped here. */
static void give_up(struct tlsm_link *link)
{
    const struct tlsm_in in = { .kind = TLSM_IN_EXPORT, .carry = 1 };
    (void)tlsm_link_command(link, &in);
    tlsm_buffer_release(&link->in, link->in.capacity);
    tlsm_buffer_release(&link->out, link->out.capacity);
    tlsm_buffer_release(&link->behind, link->behind.capacity);
    link->plain_at = link->plain_length = link->dirty = link->input_needed = 0;
    link->transport_end = TLSM_TRANSPORT_RUNS;
}

/* What a transport still has to send and has taken elsewhere, half a control record of a kernel's say, cannot go along. */
static int all_here(const struct tlsm_link *link, const struct picture *picture)
{
    return (tlsm_needs(link->state) & TLSM_NEED_SEND) == 0 || picture->part[PRODUCED].length == tlsm_outstanding(link->state);
}

size_t tlsm_link_export(struct tlsm_link *link, void *to, size_t capacity)
{
    const struct picture picture = take_picture(link);
    const size_t length = length_of(&picture);
    if (picture.part[STATE].length == 0) {
        link->code = tlsm_is_final(link->state) ? TLSM_END_HANDED_OFF : TLSM_ANSWER_FIRST;
        return 0;
    }
    if (link->held != 0) {   /* the transport would go on with it, beside the successor (J3) */
        link->code = link->held & TLSM_WANT_WRITE ? TLSM_SEND_FIRST : TLSM_FEED_FIRST;
        return 0;
    }
    if (!all_here(link, &picture)) {
        link->code = TLSM_SEND_FIRST;
        return 0;
    }
    if (capacity < length)
        return length;
    write_picture(link, &picture, to);
    give_up(link);
    return length;
}

/* ------------------------------------------------------------------------------------------------ in */

static enum tlsm_code read_head(struct tlsm_bytes bytes)
{
    const uint8_t *at = bytes.data + sizeof mark;
    if (bytes.length < sizeof mark || memcmp(bytes.data, mark, sizeof mark) != 0)
        return TLSM_EXPORT_FOREIGN;
    if (bytes.length < FIXED)
        return TLSM_EXPORT_LENGTH;
    if (take(&at, 2) != VERSION || take(&at, 2) != 0)
        return TLSM_EXPORT_OTHER_VERSION;
    return take(&at, 4) == bytes.length ? TLSM_OK : TLSM_EXPORT_LENGTH;
}

static enum tlsm_code read_picture(struct tlsm_bytes bytes, struct picture *picture)
{
    const uint8_t *at = bytes.data + HEAD;
    size_t left = bytes.length - FIXED;
    picture->transport_end = (uint8_t)take(&at, 1);
    picture->vouch = (uint8_t)take(&at, 1);
    picture->exact = (uint8_t)take(&at, 1);
    picture->violation = (uint8_t)take(&at, 1);
    picture->input_needed = take(&at, 4);
    picture->received = take(&at, 8);
    picture->plain_discarded = take(&at, 8);
    picture->news = take(&at, 4);
    for (int i = 0; i < PARTS; i++)
        picture->part[i].length = (size_t)take(&at, 4);
    for (int i = 0; i < PARTS; i++) {
        if (picture->part[i].length > left)
            return TLSM_EXPORT_INCONSISTENT;
        picture->part[i].data = at;
        at += picture->part[i].length;
        left -= picture->part[i].length;
    }
    return left == 0 ? TLSM_OK : TLSM_EXPORT_INCONSISTENT;
}

/* More is waited for only where it is missing: no link waits behind a whole record for ever. */
static int waits_rightly(const struct tlsm_state *state, const struct picture *picture)
{
    const struct tlsm_control *control = &state->control;
    if (picture->input_needed == 0 || !(tlsm_needs(state) & TLSM_NEED_RECEIVE))
        return 1;
    return control->header_seen == TLSM_HEADER && picture->input_needed + picture->part[RECEIVED].length == control->body;
}

/* Could a link that holds this state be like this? */
static int agrees(const struct tlsm_state *state, const struct picture *picture)
{
    const uint64_t outstanding = tlsm_outstanding(state);
    const int sends = (tlsm_needs(state) & TLSM_NEED_SEND) != 0;
    return picture->transport_end <= TLSM_TRANSPORT_FAILED && picture->vouch <= 1 && picture->exact <= 1 &&
           picture->input_needed <= TLSM_RECORD_MAX && waits_rightly(state, picture) &&
           picture->part[PLAIN].length <= TLSM_PLAIN_MAX &&
           picture->part[RECEIVED].length <= TLSM_RECORD_MAX &&
           (sends ? picture->part[PRODUCED].length == outstanding : picture->part[PRODUCED].length <= outstanding);
}

static enum tlsm_code import_state(struct tlsm_link *link, struct tlsm_bytes block)
{
    enum tlsm_code code = tlsm_import(&link->config, block, link->state, link->state_capacity);
    if (code == TLSM_MORE_STATE_ROOM && tlsm_link_grow(link, block.length))
        code = tlsm_import(&link->config, block, link->state, link->state_capacity);
    if (code == TLSM_OK)
        tlsm_link_shrink(link);
    return code;
}

static int fill_buffers(struct tlsm_link *link, const struct picture *picture)
{
    const struct tlsm_bytes plain = picture->part[PLAIN], received = picture->part[RECEIVED], produced = picture->part[PRODUCED];
    if ((plain.length + received.length > 0 && !tlsm_buffer_reserve(&link->in, plain.length + received.length, 0)) ||
        (produced.length > 0 && !tlsm_buffer_reserve(&link->out, produced.length, 0)))
        return 0;
    if (plain.length > 0)
        memcpy(link->in.data, plain.data, plain.length);
    if (received.length > 0)
        memcpy(link->in.data + plain.length, received.data, received.length);
    if (produced.length > 0)
        memcpy(link->out.data, produced.data, produced.length);
    link->plain_length = link->dirty = link->in.start = plain.length;
    link->in.end = plain.length + received.length;
    link->out.end = produced.length;
    return 1;
}

static void remember(struct tlsm_link *link, const struct picture *picture)
{
    link->received = picture->received;
    link->plain_discarded = picture->plain_discarded;
    link->input_needed = (size_t)picture->input_needed;
    link->news = (uint32_t)picture->news;
    link->transport_end = picture->transport_end;
    link->vouch = picture->vouch;
    link->exact = picture->exact;
    link->violation = picture->violation;
}

static int refuse(struct tlsm_link *link, enum tlsm_code code)
{
    tlsm_link_free(link);
    link->code = code;
    return tlsm_link_result(code);
}

int tlsm_link_import(struct tlsm_link *link, const struct tlsm_config *config, const struct tlsm_link_options *options,
                     struct tlsm_bytes bytes)
{
    struct picture picture;
    const int made = tlsm_link_init(link, config, options);
    enum tlsm_code code;
    if (made != TLSM_IO_DONE)
        return made;
    code = read_head(bytes);
    if (code == TLSM_OK)
        code = read_picture(bytes, &picture);
    if (code == TLSM_OK)
        code = import_state(link, picture.part[STATE]);
    if (code == TLSM_OK && !agrees(link->state, &picture))
        code = TLSM_EXPORT_INCONSISTENT;
    if (code != TLSM_OK)
        return refuse(link, code);
    if (!fill_buffers(link, &picture))
        return refuse(link, TLSM_MORE_STATE_ROOM);
    remember(link, &picture);
    link->code = TLSM_OK;
    return TLSM_IO_DONE;
}
