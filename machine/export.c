/* SPDX-License-Identifier: MIT */
/* A state as bytes that any machine reads, and back. A block is: "tlsm", version (2 bytes), two zeros, its whole length (4); the
 * fields of struct tlsm_state, as export.def has them; in the handshake the fields of struct tlsm_handshake, and the room. */
#include "event.h"
#include "handshake.h"

#include <stddef.h>

enum field_kind { WORD, RAW };

struct field {
    uint16_t at, size, kind;
};

#define SIZE(type, member) sizeof(((struct type *)NULL)->member)
static const struct field state_fields[] = {
#define STATE(kind, member) { offsetof(struct tlsm_state, member), SIZE(tlsm_state, member), kind },
#include "export.def"
#undef STATE
};
static const struct field handshake_fields[] = {
#define HANDSHAKE(kind, member) { offsetof(struct tlsm_handshake, member), SIZE(tlsm_handshake, member), kind },
#include "export.def"
#undef HANDSHAKE
};
static const struct field transcript_fields[] = {
    { offsetof(struct tlsm_hash, length), SIZE(tlsm_hash, length), WORD },
    { offsetof(struct tlsm_hash, chain), SIZE(tlsm_hash, chain), RAW },
    { offsetof(struct tlsm_hash, block), SIZE(tlsm_hash, block), RAW },
};

_Static_assert(sizeof(struct tlsm_state) == 0
#define STATE(kind, member) +SIZE(tlsm_state, member)
#include "export.def"
#undef STATE
               , "export.def: a field of the state is missing");
_Static_assert(sizeof(struct tlsm_handshake) == 0
#define HANDSHAKE(kind, member) +SIZE(tlsm_handshake, member)
#include "export.def"
#undef HANDSHAKE
               , "export.def: a field of the handshake is missing");

enum { STATE_FIELDS = sizeof state_fields / sizeof *state_fields,
       HANDSHAKE_FIELDS = sizeof handshake_fields / sizeof *handshake_fields,
       TRANSCRIPT_FIELDS = sizeof transcript_fields / sizeof *transcript_fields };
static const uint8_t magic[4] = { 't', 'l', 's', 'm' };

/* ------------------------------------------------------------------------------------------------ words */

static uint64_t load_word(const void *from, size_t size)
{
    uint8_t one;
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (size) {
    case 1: memcpy(&one, from, 1); return one;
    case 2: memcpy(&two, from, 2); return two;
    case 4: memcpy(&four, from, 4); return four;
    }
    memcpy(&eight, from, 8);
    return eight;
}

static void store_word(void *to, size_t size, uint64_t word)
{
    const uint8_t one = (uint8_t)word;
    const uint16_t two = (uint16_t)word;
    const uint32_t four = (uint32_t)word;
    switch (size) {
    case 1: memcpy(to, &one, 1); return;
    case 2: memcpy(to, &two, 2); return;
    case 4: memcpy(to, &four, 4); return;
    }
    memcpy(to, &word, 8);
}

static void put_word(struct tlsm_writer *writer, uint64_t word, size_t size)
{
    if (size == 8)
        tlsm_put_number(writer, (uint32_t)(word >> 32), 4);
    tlsm_put_number(writer, (uint32_t)word, size == 8 ? 4 : (unsigned)size);
}

static uint64_t take_word(struct tlsm_reader *reader, size_t size)
{
    const uint64_t high = size == 8 ? tlsm_take_number(reader, 4) : 0;
    return high << 32 | tlsm_take_number(reader, size == 8 ? 4 : (unsigned)size);
}

/* ------------------------------------------------------------------------------------------------ fields */

static void put_fields(struct tlsm_writer *writer, const void *from, const struct field *field, size_t fields)
{
    for (; fields > 0; fields--, field++) {
        const uint8_t *at = (const uint8_t *)from + field->at;
        if (field->kind == WORD)
            put_word(writer, load_word(at, field->size), field->size);
        else
            tlsm_put(writer, tlsm_slice(at, field->size));
    }
}

static void take_fields(struct tlsm_reader *reader, void *to, const struct field *field, size_t fields)
{
    for (; fields > 0; fields--, field++) {
        uint8_t *at = (uint8_t *)to + field->at;
        if (field->kind == WORD) {
            store_word(at, field->size, take_word(reader, field->size));
        } else {
            const struct tlsm_bytes raw = tlsm_take(reader, field->size);
            if (raw.length > 0)
                memcpy(at, raw.data, raw.length);
        }
    }
}

/* ------------------------------------------------------------------------------------------------ out */

size_t tlsm_export(const struct tlsm_state *state, void *to, size_t capacity)
{
    const size_t length = TLSM_EXPORT_HEADER + (size_t)state->length;
    struct tlsm_writer writer = { to, capacity, 0 };
    if (state->control.request != 0 || state->control.tx == TLSM_TX_EXPORTED)
        return 0;
    if (capacity < length)
        return length;
    tlsm_put(&writer, tlsm_slice(magic, sizeof magic));
    tlsm_put_number(&writer, TLSM_EXPORT_VERSION, 2);
    tlsm_put_number(&writer, 0, 2);
    tlsm_put_number(&writer, (uint32_t)length, 4);
    put_fields(&writer, state, state_fields, STATE_FIELDS);
    if (tlsm_in_handshake(state)) {
        put_fields(&writer, tlsm_hs_const(state), handshake_fields, HANDSHAKE_FIELDS);
        tlsm_put(&writer, tlsm_slice(tlsm_room_const(state), tlsm_hs_const(state)->used));
    } else if (state->control.behind == TLSM_BEHIND_TICKET) {
        tlsm_put(&writer, tlsm_slice((const uint8_t *)(state + 1), state->length - sizeof *state));
    } else if (state->length > sizeof *state) {
        put_fields(&writer, state + 1, transcript_fields, TRANSCRIPT_FIELDS);
    }
    return length;
}

/* ------------------------------------------------------------------------------------------------ in */

static enum tlsm_code check_header(struct tlsm_reader *reader, size_t length)
{
    const struct tlsm_bytes mark = tlsm_take(reader, sizeof magic);
    if (reader->bad || memcmp(mark.data, magic, sizeof magic) != 0)
        return TLSM_EXPORT_FOREIGN;
    const uint32_t version = tlsm_take_number(reader, 2), zero = tlsm_take_number(reader, 2);
    const uint32_t told = tlsm_take_number(reader, 4);
    if (reader->bad)
        return TLSM_EXPORT_LENGTH;
    if (version != TLSM_EXPORT_VERSION || zero != 0)
        return TLSM_EXPORT_OTHER_VERSION;
    return told == length && length >= TLSM_EXPORT_HEADER + sizeof(struct tlsm_state) ? TLSM_OK : TLSM_EXPORT_LENGTH;
}

/* `state` has room for all that is left. */
static enum tlsm_code take_state(struct tlsm_reader *reader, struct tlsm_state *state)
{
    const size_t length = reader->left;
    take_fields(reader, state, state_fields, STATE_FIELDS);
    if (state->length != length)
        return TLSM_EXPORT_INCONSISTENT;
    if (state->control.behind == TLSM_BEHIND_TRANSCRIPT && reader->left == sizeof(struct tlsm_hash))
        take_fields(reader, state + 1, transcript_fields, TRANSCRIPT_FIELDS);
    if (state->control.behind == TLSM_BEHIND_TICKET && reader->left > 0)
        memcpy(state + 1, tlsm_take(reader, reader->left).data, length - sizeof *state);
    if (!tlsm_in_handshake(state))
        return reader->left == 0 ? TLSM_OK : TLSM_EXPORT_INCONSISTENT;
    if (reader->left < sizeof(struct tlsm_handshake))
        return TLSM_EXPORT_INCONSISTENT;
    take_fields(reader, tlsm_hs(state), handshake_fields, HANDSHAKE_FIELDS);
    if (reader->left != tlsm_hs(state)->used)
        return TLSM_EXPORT_INCONSISTENT;
    if (reader->left > 0)
        memcpy(tlsm_room(state), reader->data, reader->left);
    return TLSM_OK;
}

/* The phases in which a credential of the settings will still be shown. */
static int shows_credential(const struct tlsm_state *state)
{
    const uint8_t phase = state->control.phase;
    const int by_session = tlsm_fact(state, TLSM_FACT_RESUMED) || (tlsm_hs_const(state)->flags & TLSM_HS_UNSIGNED) != 0;
    if (phase == TLSM_PHASE_S_MAKE_RETRY || phase == TLSM_PHASE_S_MAKE_RETRY_CCS || phase == TLSM_PHASE_S_WAIT_RETRIED)
        return !by_session;
    return ((phase >= TLSM_PHASE_S_MAKE_HELLO && phase <= TLSM_PHASE_S_MAKE_CERTIFICATE) ||
            (phase >= TLSM_PHASE_S12_MAKE_HELLO && phase <= TLSM_PHASE_S12_MAKE_STATUS)) && !tlsm_fact(state, TLSM_FACT_RESUMED);
}

/* No credential is meant: none was chosen, or the handshake failed, perhaps because there was none to choose. */
static int names_none(const struct tlsm_state *state)
{
    if (!tlsm_in_handshake(state))
        return state->credential == 0 || !tlsm_connected(state);
    return state->credential == 0 && !shows_credential(state);
}

/* A client's: 0 until one is chosen, and for as long as that may still be. */
static int shows_none(const struct tlsm_state *state)
{
    const uint8_t phase = state->control.phase;
    const int chosen = (phase >= TLSM_PHASE_C_MAKE_CCS && phase <= TLSM_PHASE_C_MAKE_FINISHED) ||
                       (phase >= TLSM_PHASE_C12_MAKE_CERTIFICATE && phase <= TLSM_PHASE_C12_MAKE_VERIFY) ||
                       (phase >= TLSM_PHASE_PC_MAKE_CERTIFICATE && phase <= TLSM_PHASE_PC_MAKE_FINISHED);
    const int showing = chosen && tlsm_in_handshake(state) && (tlsm_hs_const(state)->flags & TLSM_HS_CERTIFICATE_REQUESTED);
    return state->credential == TLSM_NO_CREDENTIAL || (state->credential == 0 && !showing);
}

/* A server of TLS 1.2 keeps its word: the session it told of can be made, the response shown. */
static int keeps_word_12(const struct tlsm_settings *settings, const struct tlsm_state *state)
{
    const uint8_t phase = state->control.phase;
    if (!tlsm_in_handshake(state) || !tlsm_is_12(state))
        return 1;
    if (tlsm_mark(state, TLSM_MARK_TICKET_TOLD) && (settings->ticket_key_count == 0 || (settings->ask & TLSM_ASK_SESSION_BIT)))
        return 0;
    if (tlsm_mark(state, TLSM_MARK_BY_ID) && !(settings->ask & TLSM_ASK_SESSION_BIT))
        return 0;
    return !tlsm_mark(state, TLSM_MARK_STATUS_TOLD) || phase > TLSM_PHASE_S12_MAKE_STATUS ||
           (state->credential < settings->credential_count && settings->credentials[state->credential].staple.length > 0);
}

/* Tickets are owed, and nothing can be: neither a record is left to make under this key, nor a key update owed (F4). */
static int owes_in_vain(const struct tlsm_config *config, const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    return control->tickets != 0 && control->tx == TLSM_TX_OPEN && !(control->owes & TLSM_OWES_UPDATE) && tlsm_writes_left(config, state) == 0;
}

/* What a step would look up in the settings is there. */
static int fits_settings(const struct tlsm_config *config, const struct tlsm_state *state)
{
    const struct tlsm_settings *settings = config->settings;
    const int issues = settings->ticket_key_count > 0 || (settings->ask & TLSM_ASK_SESSION_BIT) != 0;
    if (state->control.role == 0)
        return 1;
    if (state->control.role != settings->role || state->alpn > settings->alpn_count)
        return 0;
    if (state->control.cause == TLSM_CAUSE_EOF_VOUCHED && settings->eof != TLSM_EOF_FRAMED)
        return 0;
    if (state->control.role == TLSM_CLIENT)
        return (state->credential < settings->credential_count || shows_none(state)) && state->tickets_made == 0;
    if ((state->credential >= settings->credential_count && !names_none(state)) || owes_in_vain(config, state))
        return 0;
    return keeps_word_12(settings, state) && (issues || (state->control.tickets == 0 && state->tickets_made == 0));
}

/* A question that should be open here would never be asked. */
static int answered(const struct tlsm_state *state)
{
    return state->control.request == TLSM_ASK_NOTHING && (!tlsm_in_handshake(state) || !tlsm_phase_asks(state->control.phase));
}

static enum tlsm_code judge(const struct tlsm_config *config, const struct tlsm_state *state)
{
    if (tlsm_invariant(state) != 0 || (state->control.facts & TLSM_FACT_OBSERVED) ||
        state->control.tx == TLSM_TX_EXPORTED || !answered(state))
        return TLSM_EXPORT_INCONSISTENT;
    return fits_settings(config, state) ? TLSM_OK : TLSM_EXPORT_SETTINGS;
}

enum tlsm_code tlsm_import(const struct tlsm_config *config, struct tlsm_bytes block, struct tlsm_state *state, size_t capacity)
{
    struct tlsm_reader reader = tlsm_reader(block);
    enum tlsm_code code = check_header(&reader, block.length);
    if (capacity < sizeof *state)
        return TLSM_MORE_STATE_ROOM;
    if (code == TLSM_OK && capacity < reader.left)
        return TLSM_MORE_STATE_ROOM;
    const size_t length = code == TLSM_OK ? reader.left : sizeof *state;
    if (code == TLSM_OK)
        code = take_state(&reader, state);
    if (code == TLSM_OK)
        code = judge(config, state);
    if (code != TLSM_OK) {
        tlsm_wipe(state, length);
        tlsm_init(state);
    }
    return code;
}
