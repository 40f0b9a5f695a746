/* SPDX-License-Identifier: MIT */
/* Extension blocks and the codecs of extension data, for every message of the handshake. */
#include "handshake.h"

enum { RESPONSES = TLSM_IN_SH | TLSM_IN_HRR | TLSM_IN_EE | TLSM_IN_CT | TLSM_IN_SH12 };

static enum tlsm_extension known(uint32_t number)
{
    switch (number) {
#define EXTENSION(name, value, messages) case value: return TLSM_EXT_##name;
#include "extension.def"
#undef EXTENSION
    }
    return TLSM_EXT_COUNT;
}

static unsigned messages_of(enum tlsm_extension extension)
{
    static const uint8_t allowed[TLSM_EXT_COUNT] = {
#define EXTENSION(name, value, messages) messages,
#include "extension.def"
#undef EXTENSION
    };
    return allowed[extension];
}

struct entry {
    uint32_t number;
    struct tlsm_bytes data;
};

/* The next extension; 0 at the end or when the block is malformed (then reader->bad). */
static int next_entry(struct tlsm_reader *reader, struct entry *entry)
{
    if (reader->left == 0)
        return 0;
    entry->number = tlsm_take_number(reader, 2);
    entry->data = tlsm_take_vector(reader, 2);
    return !reader->bad;
}

/* A bitmap of all types would take 8 KiB of stack, comparing all pairs quadratic time; so one pass for each window of types. */
static int repeated_of_many(struct tlsm_bytes block)
{
    enum { WINDOW = 4096 };
    for (uint32_t first = 0; first < 65536; first += WINDOW) {
        uint8_t seen[WINDOW / 8] = { 0 };
        struct tlsm_reader reader = tlsm_reader(block);
        struct entry entry;
        while (next_entry(&reader, &entry)) {
            uint32_t at = entry.number - first;
            if (entry.number < first || at >= WINDOW)
                continue;
            if (seen[at / 8] >> at % 8 & 1)
                return 1;
            seen[at / 8] = (uint8_t)(seen[at / 8] | 1u << at % 8);
        }
    }
    return 0;
}

/* Unknown extensions must not come twice either. So few as peers send are compared with each other. */
static int repeated(struct tlsm_bytes block)
{
    enum { FEW = 24 };
    uint16_t met[FEW];
    size_t count = 0;
    struct tlsm_reader reader = tlsm_reader(block);
    struct entry entry;
    while (next_entry(&reader, &entry)) {
        if (count == FEW)
            return repeated_of_many(block);
        for (size_t i = 0; i < count; i++)
            if (met[i] == entry.number)
                return 1;
        met[count++] = (uint16_t)entry.number;
    }
    return 0;
}

static uint8_t judge_unknown(unsigned message)
{
    /* "Servers MUST ignore unrecognized extensions", clients those of a CertificateRequest. */
    return message & RESPONSES ? TLSM_ALERT_UNSUPPORTED_EXTENSION : 0;
}

static uint8_t judge_known(enum tlsm_extension extension, unsigned message, uint32_t offered)
{
    if (!(messages_of(extension) & message))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    if ((message & RESPONSES) && !(offered & tlsm_extension_bit(extension)))
        return TLSM_ALERT_UNSUPPORTED_EXTENSION;
    return 0;
}

uint8_t tlsm_read_extensions(struct tlsm_bytes block, unsigned message, uint32_t offered, struct tlsm_extensions *to)
{
    struct tlsm_reader reader = tlsm_reader(block);
    struct entry entry;
    uint8_t alert = 0;
    memset(to, 0, sizeof *to);
    to->last = 65536;
    while (next_entry(&reader, &entry)) {
        enum tlsm_extension extension = known(entry.number);
        uint8_t judged = extension == TLSM_EXT_COUNT ? judge_unknown(message) : judge_known(extension, message, offered);
        if (alert == 0)
            alert = judged;
        to->last = entry.number;
        if (extension == TLSM_EXT_COUNT)
            continue;
        to->present |= tlsm_extension_bit(extension);
        to->at[extension] = entry.data;
    }
    if (reader.bad)
        return TLSM_ALERT_DECODE_ERROR;
    if (alert != 0)
        return alert;
    /* "There MUST NOT be more than one extension of the same type in a given extension block." */
    return repeated(block) ? TLSM_ALERT_ILLEGAL_PARAMETER : 0;
}

int tlsm_find_extension(struct tlsm_bytes block, uint16_t number, struct tlsm_bytes *data)
{
    struct tlsm_reader reader = tlsm_reader(block);
    struct entry entry;
    while (next_entry(&reader, &entry)) {
        if (entry.number != number)
            continue;
        *data = entry.data;
        return 1;
    }
    return 0;
}

int tlsm_read_vector(struct tlsm_bytes data, unsigned length_bytes, size_t least, struct tlsm_bytes *content)
{
    struct tlsm_reader reader = tlsm_reader(data);
    *content = tlsm_take_vector(&reader, length_bytes);
    return !reader.bad && reader.left == 0 && content->length >= least;
}

int tlsm_read_numbers(struct tlsm_bytes data, unsigned length_bytes, struct tlsm_bytes *numbers)
{
    return tlsm_read_vector(data, length_bytes, 2, numbers) && numbers->length % 2 == 0;
}

int tlsm_read_names(struct tlsm_bytes data, struct tlsm_bytes *names)
{
    if (!tlsm_read_vector(data, 2, 2, names))
        return 0;
    struct tlsm_reader reader = tlsm_reader(*names);
    while (reader.left > 0)
        if (tlsm_take_vector(&reader, 1).length == 0)
            return 0;
    return !reader.bad;
}

int tlsm_list_has(struct tlsm_bytes numbers, uint16_t number)
{
    struct tlsm_reader reader = tlsm_reader(numbers);
    while (reader.left >= 2)
        if (tlsm_take_number(&reader, 2) == number)
            return 1;
    return 0;
}

size_t tlsm_open_extension(struct tlsm_writer *writer, enum tlsm_extension_number number)
{
    tlsm_put_number(writer, (uint32_t)number, 2);
    return tlsm_open_vector(writer, 2);
}

void tlsm_close_extension(struct tlsm_writer *writer, size_t mark)
{
    tlsm_close_vector(writer, mark, 2);
}

void tlsm_put_each(struct tlsm_writer *writer, struct tlsm_numbers numbers)
{
    for (size_t i = 0; i < numbers.count; i++)
        tlsm_put_number(writer, numbers.at[i], 2);
}

void tlsm_put_numbers(struct tlsm_writer *writer, struct tlsm_numbers numbers)
{
    size_t mark = tlsm_open_vector(writer, 2);
    tlsm_put_each(writer, numbers);
    tlsm_close_vector(writer, mark, 2);
}

/* ------------------------------------------------------------------------------------------------ record_size_limit */

enum { RECORD_LIMIT_MIN = 64 };

/* RFC 8449 §4: the protocol's own limit, in TLS 1.3 with the type byte. */
static uint32_t record_most(const struct tlsm_state *state) { return TLSM_PLAIN_MAX + (tlsm_is_12(state) ? 0 : 1); }

void tlsm_put_record_limit(struct tlsm_writer *writer, const struct tlsm_work *work)
{
    const uint16_t ours = work->config->settings->record_size_limit;
    const int answers = work->state->control.role == TLSM_SERVER;
    if (answers ? work->state->record_max == 0 : ours == 0)
        return;
    size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_RECORD_SIZE_LIMIT);
    tlsm_put_number(writer, ours != 0 ? ours : record_most(work->state), 2);
    tlsm_close_extension(writer, extension);
}

/* RFC 8449 §4: less than 64 is illegal_parameter; a client may hold the server to the protocol's limit, a server may not. */
uint8_t tlsm_take_record_limit(struct tlsm_work *work, struct tlsm_bytes data)
{
    struct tlsm_state *state = work->state;
    const uint32_t most = record_most(state);
    struct tlsm_reader reader = tlsm_reader(data);
    const uint32_t limit = tlsm_take_number(&reader, 2);
    if (reader.bad || reader.left != 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (limit < RECORD_LIMIT_MIN || (limit > most && state->control.role == TLSM_CLIENT))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    state->record_max = (uint16_t)((limit < most ? limit : most) - (most - TLSM_PLAIN_MAX));
    return 0;
}

/* ------------------------------------------------------------------------------------------------ status_request */

enum { STATUS_OCSP = 1 };

/* RFC 6066 §8: any responder, no extensions. */
void tlsm_put_status_request(struct tlsm_writer *writer, const struct tlsm_settings *settings)
{
    if (!settings->ask_staple)
        return;
    size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_STATUS_REQUEST);
    tlsm_put_number(writer, STATUS_OCSP, 1);
    tlsm_put_number(writer, 0, 2);
    tlsm_put_number(writer, 0, 2);
    tlsm_close_extension(writer, extension);
}

/* A type we do not know asks for something we do not have. */
int tlsm_read_status_request(struct tlsm_bytes data, uint8_t *wanted)
{
    struct tlsm_reader reader = tlsm_reader(data);
    const uint32_t type = tlsm_take_number(&reader, 1);
    *wanted = type == STATUS_OCSP;
    if (type != STATUS_OCSP)
        return !reader.bad;
    (void)tlsm_take_vector(&reader, 2);
    (void)tlsm_take_vector(&reader, 2);
    return !reader.bad && reader.left == 0;
}

void tlsm_put_status(struct tlsm_writer *writer, struct tlsm_bytes staple)
{
    tlsm_put_number(writer, STATUS_OCSP, 1);
    size_t response = tlsm_open_vector(writer, 3);
    tlsm_put(writer, staple);
    tlsm_close_vector(writer, response, 3);
}

int tlsm_read_status(struct tlsm_bytes data, struct tlsm_bytes *staple)
{
    struct tlsm_reader reader = tlsm_reader(data);
    const uint32_t type = tlsm_take_number(&reader, 1);
    *staple = tlsm_take_vector(&reader, 3);
    return type == STATUS_OCSP && !reader.bad && reader.left == 0 && staple->length > 0;
}
