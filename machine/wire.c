/* SPDX-License-Identifier: MIT */
/* The one reader and the one writer of wire formats. Neither can overrun. */
#include "internal.h"

struct tlsm_bytes tlsm_take(struct tlsm_reader *reader, size_t length)
{
    struct tlsm_bytes taken = { NULL, 0 };
    if (reader->bad || length > reader->left) {
        reader->bad = 1;
        reader->left = 0;
        return taken;
    }
    taken = tlsm_slice(reader->data, length);
    if (length > 0)
        reader->data += length;
    reader->left -= length;
    return taken;
}

uint32_t tlsm_take_number(struct tlsm_reader *reader, unsigned bytes)
{
    uint32_t number = 0;
    if (reader->bad || bytes > reader->left) {
        reader->bad = 1;
        reader->left = 0;
        return 0;
    }
    reader->left -= bytes;
    while (bytes-- > 0)
        number = number << 8 | *reader->data++;
    return number;
}

struct tlsm_bytes tlsm_take_vector(struct tlsm_reader *reader, unsigned length_bytes)
{
    return tlsm_take(reader, tlsm_take_number(reader, length_bytes));
}

/* Room for `length` more bytes; counts them either way. */
static uint8_t *grow(struct tlsm_writer *writer, size_t length)
{
    size_t at = writer->length;
    writer->length += length;
    return writer->length <= writer->capacity ? writer->data + at : NULL;
}

void tlsm_put(struct tlsm_writer *writer, struct tlsm_bytes bytes)
{
    if (bytes.length == 0)
        return;
    uint8_t *at = grow(writer, bytes.length);
    if (at != NULL)
        memcpy(at, bytes.data, bytes.length);
}

static void store(uint8_t *at, size_t number, unsigned bytes)
{
    for (unsigned i = bytes; i > 0; i--) {
        at[i - 1] = (uint8_t)(number & 0xff);
        number >>= 8;
    }
}

void tlsm_put_number(struct tlsm_writer *writer, uint32_t number, unsigned bytes)
{
    uint8_t *at = grow(writer, bytes);
    if (at != NULL)
        store(at, number, bytes);
}

size_t tlsm_open_vector(struct tlsm_writer *writer, unsigned length_bytes)
{
    (void)grow(writer, length_bytes);
    return writer->length;
}

void tlsm_close_vector(struct tlsm_writer *writer, size_t mark, unsigned length_bytes)
{
    if (!tlsm_overrun(writer))
        store(writer->data + mark - length_bytes, writer->length - mark, length_bytes);
}

int tlsm_equal(const uint8_t *a, const uint8_t *b, size_t length)
{
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < length; i++)
        difference = (uint8_t)(difference | (a[i] ^ b[i]));
    return difference == 0;
}
