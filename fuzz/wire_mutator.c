/* SPDX-License-Identifier: MIT */
/* How libFuzzer changes the inputs of `wire`, which are three bytes and then a stream of records: whole records are dropped, doubled,
 * swapped, truncated, fragmented, joined, and streams are spliced, where bytes changed at random would break the framing of all that
 * follows. A third of the changes is libFuzzer's own. Other engines do not ask. */
#include <stdint.h>
#include <string.h>

enum { LEAD = 3, HEADER = 5, RECORDS = 64, STREAM = 40000 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out, size_t most,
                                 unsigned seed);

struct record {
    size_t at, length;      /* header included */
};
struct stream {
    const uint8_t *bytes;
    struct record record[RECORDS];
    size_t count;           /* the last one holds all that is no whole record */
};
struct writer {
    uint8_t *to;
    size_t length, most;
};

static uint32_t draw(unsigned *seed, uint32_t of)
{
    *seed = *seed * 1664525u + 1013904223u;
    return of > 0 ? (uint32_t)((uint64_t)(*seed >> 8) * of >> 24) : 0;
}

static void parse(struct stream *stream, const uint8_t *bytes, size_t size)
{
    size_t at = LEAD;
    stream->bytes = bytes;
    stream->count = 0;
    while (at < size && stream->count < RECORDS) {
        const size_t body = size - at < HEADER ? SIZE_MAX : (size_t)bytes[at + 3] << 8 | bytes[at + 4];
        const int whole = body != SIZE_MAX && size - at - HEADER >= body && stream->count < RECORDS - 1;
        const size_t length = whole ? HEADER + body : size - at;
        stream->record[stream->count++] = (struct record){ at, length };
        at += length;
    }
}

static void put(struct writer *writer, const uint8_t *bytes, size_t length)
{
    length = length < writer->most - writer->length ? length : writer->most - writer->length;
    memcpy(writer->to + writer->length, bytes, length);
    writer->length += length;
}

static void put_record(struct writer *writer, const struct stream *stream, size_t index)
{
    put(writer, stream->bytes + stream->record[index].at, stream->record[index].length);
}

/* A header of its own for a part of a record. */
static void put_part(struct writer *writer, const uint8_t *record, size_t from, size_t length)
{
    const uint8_t header[HEADER] = { record[0], record[1], record[2], (uint8_t)(length >> 8), (uint8_t)length };
    put(writer, header, sizeof header);
    put(writer, record + HEADER + from, length);
}

enum change { DROP, DOUBLE, SWAP, TRUNCATE, FRAGMENT, JOIN, CUT, BYTES, CHANGES };

static size_t body_of(const struct stream *stream, size_t index)
{
    return stream->record[index].length > HEADER ? stream->record[index].length - HEADER : 0;
}

/* One body of two records, under the first header. */
static size_t put_joined(struct writer *writer, const struct stream *stream, size_t index)
{
    const uint8_t *record = stream->bytes + stream->record[index].at, *next = stream->bytes + stream->record[index + 1].at;
    const size_t length = body_of(stream, index) + body_of(stream, index + 1);
    const uint8_t header[HEADER] = { record[0], record[1], record[2], (uint8_t)(length >> 8), (uint8_t)length };
    put(writer, header, sizeof header);
    put(writer, record + HEADER, body_of(stream, index));
    put(writer, next + HEADER, body_of(stream, index + 1));
    return 1;
}

/* The chosen record, changed. Returns how many of the following are used up. */
static size_t put_changed(struct writer *writer, const struct stream *stream, size_t index, enum change change, unsigned *seed)
{
    const uint8_t *record = stream->bytes + stream->record[index].at;
    const size_t body = body_of(stream, index), cut = draw(seed, (uint32_t)body);
    const int last = index + 1 == stream->count;
    if ((change == TRUNCATE || change == FRAGMENT) && body > 0) {
        put_part(writer, record, 0, cut);
        if (change == FRAGMENT)
            put_part(writer, record, cut, body - cut);
        return 0;
    }
    if (change == JOIN && !last && body > 0)
        return put_joined(writer, stream, index);
    if (change == CUT) {
        put(writer, record, draw(seed, (uint32_t)stream->record[index].length));
        return stream->count - index - 1;
    }
    if (change == SWAP && !last)
        put_record(writer, stream, index + 1);
    if (change != DROP)
        put_record(writer, stream, index);
    if (change == DOUBLE)
        put_record(writer, stream, index);
    return change == SWAP && !last;
}

/* Bytes of one record, as libFuzzer likes to change them, of the same length. */
static void change_bytes(uint8_t *record, size_t length)
{
    if (length > HEADER)
        (void)LLVMFuzzerMutate(record + HEADER, length - HEADER, length - HEADER);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    static uint8_t copy[STREAM];
    static struct stream stream;
    struct writer writer = { data, LEAD, most };
    const enum change change = (enum change)draw(&seed, CHANGES);
    size_t chosen;
    if (size <= LEAD || size > sizeof copy || draw(&seed, 3) == 0)
        return LLVMFuzzerMutate(data, size, most);
    memcpy(copy, data, size);
    parse(&stream, copy, size);
    chosen = draw(&seed, (uint32_t)stream.count);
    if (change == BYTES) {
        change_bytes(data + stream.record[chosen].at, stream.record[chosen].length);
        return size;
    }
    for (size_t i = 0; i < stream.count; i++) {
        if (i == chosen)
            i += put_changed(&writer, &stream, i, change, &seed);
        else
            put_record(&writer, &stream, i);
    }
    return writer.length;
}

/* The beginning of one stream, the end of another. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out, size_t most,
                                 unsigned seed)
{
    static struct stream first, second;
    struct writer writer = { out, 0, most };
    size_t until, from;
    if (one_size <= LEAD || other_size <= LEAD || most <= LEAD)
        return 0;
    parse(&first, one, one_size);
    parse(&second, other, other_size);
    until = draw(&seed, (uint32_t)first.count + 1);
    from = draw(&seed, (uint32_t)second.count + 1);
    put(&writer, one, LEAD);
    for (size_t i = 0; i < until; i++)
        put_record(&writer, &first, i);
    for (size_t i = from; i < second.count; i++)
        put_record(&writer, &second, i);
    return writer.length;
}
