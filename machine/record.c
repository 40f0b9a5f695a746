/* SPDX-License-Identifier: MIT */
/* Records: header bytes folded into the state one by one, bodies opened where the caller says, records made. The body
 * stays with the caller until it is whole. RFC 9846 §5. */
#include "event.h"

enum { VERSION_MAJOR = 3, VERSION_MINOR = 3, BODY_MAX = TLSM_RECORD_MAX - TLSM_HEADER };

void tlsm_clear_header(struct tlsm_control *control)
{
    control->header_seen = 0;
    control->record_type = 0;
    control->body = 0;
}

/* ------------------------------------------------------------------------------------------------ header */

static int keys_on(const struct tlsm_control *control) { return control->read_epoch != TLSM_EPOCH_NONE; }

/* RFC 9846 §5: a ChangeCipherSpec may come after the first ClientHello and before the peer's Finished. */
static int compatibility_allowed(const struct tlsm_control *control)
{
    return control->rx == TLSM_RX_HANDSHAKE && control->tx != TLSM_TX_MUTE;
}

/* F2: until the first protected record is opened, a plaintext alert may come. */
static int plain_alert_allowed(const struct tlsm_control *control)
{
    return control->rx == TLSM_RX_HANDSHAKE && !(control->facts & TLSM_FACT_OPENED);
}

/* §4.3.10: records of rejected early data, protected or (between HelloRetryRequest and the second ClientHello, which ends
 * it) before any key. */
static int early_data_skipped(const struct tlsm_control *control)
{
    const int before_second_hello = control->phase == TLSM_PHASE_S_MAKE_RETRY_CCS ||
                                    control->phase == TLSM_PHASE_S_WAIT_RETRIED;
    return (control->facts & TLSM_FACT_EARLY_REJECTED) != 0 && control->role == TLSM_SERVER && control->rx == TLSM_RX_HANDSHAKE &&
           !(control->facts & TLSM_FACT_OPENED) && (before_second_hello || !(control->facts & TLSM_FACT_RETRIED));
}

/* TLS 1.2: under a key everything is protected; ChangeCipherSpec comes before, where handshake.def has it. */
static uint8_t judge_type_12(const struct tlsm_control *control, uint8_t type)
{
    const int allowed = keys_on(control) ? type != TLSM_TYPE_CCS : type != TLSM_TYPE_DATA;
    return type >= TLSM_TYPE_CCS && type <= TLSM_TYPE_DATA && allowed ? 0 : TLSM_ALERT_UNEXPECTED_MESSAGE;
}

static uint8_t judge_type(const struct tlsm_control *control, uint8_t type)
{
    int allowed = 0;
    if (control->version == TLSM_1_2)
        return judge_type_12(control, type);
    if (type == TLSM_TYPE_CCS)
        allowed = compatibility_allowed(control);
    else if (type == TLSM_TYPE_ALERT)
        allowed = plain_alert_allowed(control);
    else if (type == TLSM_TYPE_HANDSHAKE)
        allowed = !keys_on(control);
    else if (type == TLSM_TYPE_DATA)
        allowed = keys_on(control) || early_data_skipped(control);
    return allowed ? 0 : TLSM_ALERT_UNEXPECTED_MESSAGE;
}

/* The record whose header is being read is sealed. */
static int is_protected(const struct tlsm_control *control)
{
    if (control->version == TLSM_1_2)
        return keys_on(control) && control->record_type != TLSM_TYPE_CCS;
    return control->record_type == TLSM_TYPE_DATA;
}

/* E1, F3: what a length alone can get wrong. */
uint8_t tlsm_judge_length(const struct tlsm_control *control)
{
    const size_t body = control->body;
    if (is_protected(control) && body < TLSM_TAG)   /* rejected early data need not even look like a record */
        return body > 0 && early_data_skipped(control) ? 0 : TLSM_ALERT_BAD_RECORD_MAC;
    if (is_protected(control))
        return body > BODY_MAX ? TLSM_ALERT_RECORD_OVERFLOW : 0;
    if (body > TLSM_PLAIN_MAX)
        return TLSM_ALERT_RECORD_OVERFLOW;
    if (body == 0)
        return TLSM_ALERT_UNEXPECTED_MESSAGE;
    if (control->record_type == TLSM_TYPE_ALERT)
        return body != 2 ? TLSM_ALERT_DECODE_ERROR : 0;
    if (control->record_type == TLSM_TYPE_CCS)
        return body != 1 ? TLSM_ALERT_UNEXPECTED_MESSAGE : 0;
    return 0;
}

static uint8_t fold_byte(struct tlsm_control *control, uint8_t byte)
{
    switch (control->header_seen++) {
    case 0:
        control->record_type = byte;
        return judge_type(control, byte);
    case 1:   /* §5.1: "MUST be ignored for all purposes" in plaintext records; §5.2: 0x0303 in protected ones */
    case 2:
        return !is_protected(control) || byte == VERSION_MINOR ? 0 : TLSM_ALERT_PROTOCOL_VERSION;
    case 3:
        control->body = (uint16_t)(byte << 8);
        return 0;
    }
    control->body = (uint16_t)(control->body | byte);
    return tlsm_judge_length(control);
}

enum tlsm_code tlsm_fold_header(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    const struct tlsm_bytes bytes = work->in->bytes;
    uint8_t alert = 0;
    size_t at = 0;
    while (alert == 0 && control->header_seen < TLSM_HEADER && at < bytes.length)
        alert = fold_byte(control, bytes.data[at++]);
    control->facts |= TLSM_FACT_TOUCHED;
    work->out->consumed = at;
    work->out->input_needed = control->header_seen < TLSM_HEADER ? TLSM_HEADER - (size_t)control->header_seen : control->body;
    return alert != 0 ? tlsm_fail(work, alert) : TLSM_OK;
}

/* ------------------------------------------------------------------------------------------------ TLS 1.2 */

enum { AAD_12 = 8 + 1 + 2 + 2, NONCE_12 = 8 };

/* Bytes of the nonce that travel with a record: all but ChaCha20-Poly1305 (RFC 7905 §2) send the sequence number. */
static size_t explicit_nonce(const struct tlsm_key *key)
{
    return key->suite != 0 && key->suite != TLSM_CHACHA20_POLY1305_SHA256 ? NONCE_12 : 0;
}

static void store_number(uint8_t *at, uint64_t number)
{
    for (size_t i = 8; i > 0; i--, number >>= 8)
        at[i - 1] = (uint8_t)(number & 255);
}

static uint64_t load_number(const uint8_t *at)
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | at[i];
    return number;
}

static void put_aad_12(uint8_t aad[AAD_12], uint64_t sequence, uint8_t type, size_t length)
{
    store_number(aad, sequence);
    aad[8] = type;
    aad[9] = VERSION_MAJOR;
    aad[10] = VERSION_MINOR;
    aad[11] = (uint8_t)(length >> 8);
    aad[12] = (uint8_t)(length & 255);
}

/* ------------------------------------------------------------------------------------------------ body */

/* Everything a record can need of the state's block, asked for before it is opened. */
enum tlsm_code tlsm_check_state_room(struct tlsm_work *work, size_t content)
{
    const struct tlsm_state *state = work->state;
    const size_t length = state->control.rx != TLSM_RX_HANDSHAKE ? tlsm_late_room(state) : tlsm_in_handshake(state) ? state->length : 0;
    const int early = state->control.read_epoch == TLSM_EPOCH_EARLY && content > TLSM_EARLY_MESSAGE_MAX;
    const size_t needed = length + (early ? TLSM_EARLY_MESSAGE_MAX : content);
    if (length == 0 || needed <= work->out->state_capacity)
        return TLSM_OK;
    work->out->state_needed = needed;
    return TLSM_MORE_STATE_ROOM;
}

/* Whoever announces that much must be able to skip it. */
static uint64_t skip_limit(const struct tlsm_settings *settings)
{
    return settings->early_skip_max != 0 ? settings->early_skip_max : UINT64_C(32768) + settings->early_max;
}

static enum tlsm_code skip_record(struct tlsm_work *work, int early_data)
{
    struct tlsm_state *state = work->state;
    struct tlsm_control *control = &state->control;
    const uint64_t limit = skip_limit(work->config->settings);
    if (early_data) {
        state->ledger.skipped += control->body;
        if (state->ledger.skipped > limit)
            return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
    } else if (control->warnings >= TLSM_COMPATIBILITY_MAX)
        return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
    else
        control->warnings++;
    tlsm_clear_header(control);
    return tlsm_event(work, TLSM_EV_SKIPPED);
}

/* RFC 5246 §7.1: one byte of 1, where handshake.def expects it. */
static enum tlsm_code read_ccs(struct tlsm_work *work, uint8_t value)
{
    const uint8_t alert = value == 1 && tlsm_in_handshake(work->state) ? tlsm_handshake_ccs(work) : TLSM_ALERT_UNEXPECTED_MESSAGE;
    tlsm_clear_header(&work->state->control);
    return alert != 0 ? tlsm_fail(work, alert) : tlsm_event(work, TLSM_EV_MESSAGE);
}

static enum tlsm_code read_plain(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    const uint8_t type = control->record_type;
    struct tlsm_bytes content = tlsm_slice(work->in->bytes.data, control->body);
    enum tlsm_code code = type == TLSM_TYPE_HANDSHAKE ? tlsm_check_state_room(work, content.length) : TLSM_OK;
    if (code != TLSM_OK)
        return code;
    work->out->consumed = content.length;
    if (judge_type(control, type) != 0)   /* a server's keys may have come between the header and the body */
        return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
    if (type == TLSM_TYPE_CCS && control->version == TLSM_1_2)
        return read_ccs(work, content.data[0]);
    if (type == TLSM_TYPE_CCS)
        return content.data[0] == 1 ? skip_record(work, 0) : tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
    if (type == TLSM_TYPE_DATA)   /* before any key: early data after a HelloRetryRequest */
        return skip_record(work, 1);
    tlsm_clear_header(control);
    return tlsm_content(work, type, content, 0);
}

/* TLSInnerPlaintext: content, type, zeros. The padding is public once authenticated. Returns the type, 0 for none. */
static uint8_t strip_padding(struct tlsm_bytes *content)
{
    while (content->length > 0 && content->data[content->length - 1] == 0)
        content->length--;
    return content->length > 0 ? content->data[--content->length] : 0;
}

static int open_body(struct tlsm_work *work, size_t body)
{
    struct tlsm_state *state = work->state;
    const uint8_t aad[TLSM_HEADER] = { TLSM_TYPE_DATA, VERSION_MAJOR, VERSION_MINOR, (uint8_t)(body >> 8),
                                       (uint8_t)(body & 255) };
    if (work->config->crypto->open(work->config->self, &state->read_key, tlsm_slice(aad, sizeof aad),
                                   tlsm_slice(work->in->bytes.data, body), work->out->plain.data) < 0)
        return -1;
    state->read_key.sequence++;
    state->control.facts |= TLSM_FACT_OPENED;
    return 0;
}

/* TLS 1.2, RFC 5246 §6.2.3.3: the sequence number is in the additional data, and for AES-GCM the nonce is on the wire (RFC 5288 §3):
 * `in place` the plaintext then moves to where the body began. */
static int open_body_12(struct tlsm_work *work, size_t inner)
{
    struct tlsm_state *state = work->state;
    struct tlsm_key key = state->read_key;
    const size_t nonce = explicit_nonce(&key);
    const uint8_t *body = work->in->bytes.data;
    uint8_t *to = work->out->plain.data == body ? work->out->plain.data + nonce : work->out->plain.data;
    uint8_t aad[AAD_12];
    put_aad_12(aad, key.sequence, state->control.record_type, inner);
    if (nonce > 0)
        key.sequence = load_number(body);
    const int failed = work->config->crypto->open(work->config->self, &key, tlsm_slice(aad, sizeof aad),
                                                  tlsm_slice(body + nonce, inner + TLSM_TAG), to);
    tlsm_wipe(&key, sizeof key);
    if (failed < 0)
        return -1;
    if (to != work->out->plain.data && inner > 0)
        memmove(work->out->plain.data, to, inner);
    state->read_key.sequence++;
    state->control.facts |= TLSM_FACT_OPENED;
    return 0;
}

/* RFC 8449 §4: our limit holds once both have said theirs, for what is protected; in TLS 1.3 it counts the type byte. Early data went
 * out before the client could know it. */
size_t tlsm_content_max(const struct tlsm_work *work)
{
    const struct tlsm_state *state = work->state;
    const size_t ours = work->config->settings->record_size_limit;
    if (ours == 0 || state->record_max == 0 || state->control.read_epoch == TLSM_EPOCH_EARLY)
        return TLSM_PLAIN_MAX;
    return ours - (tlsm_is_12(state) ? 0 : 1);
}

static enum tlsm_code read_protected_12(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    const size_t body = control->body, overhead = explicit_nonce(&work->state->read_key) + TLSM_TAG;
    const size_t inner = body > overhead ? body - overhead : 0;
    const uint8_t type = control->record_type;
    const enum tlsm_code code = tlsm_check_state_room(work, inner);
    if (work->out->plain.capacity < inner) {
        work->out->plain_needed = inner;
        return TLSM_MORE_PLAIN_ROOM;
    }
    if (code != TLSM_OK)
        return code;
    work->out->consumed = body;
    if (body < overhead || open_body_12(work, inner) < 0)
        return tlsm_fail(work, TLSM_ALERT_BAD_RECORD_MAC);
    tlsm_clear_header(control);
    if (inner > tlsm_content_max(work))
        return tlsm_fail(work, TLSM_ALERT_RECORD_OVERFLOW);
    return tlsm_content(work, type, tlsm_slice(work->out->plain.data, inner), 1);
}

static enum tlsm_code read_protected(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    const size_t body = control->body, inner = body > TLSM_TAG ? body - TLSM_TAG : 0;
    struct tlsm_bytes content;
    uint8_t type;
    enum tlsm_code code = tlsm_check_state_room(work, inner);
    if (work->out->plain.capacity < inner) {
        work->out->plain_needed = inner;
        return TLSM_MORE_PLAIN_ROOM;
    }
    if (code != TLSM_OK)
        return code;
    work->out->consumed = body;
    if (body < TLSM_TAG || open_body(work, body) < 0)
        return early_data_skipped(control) ? skip_record(work, 1) : tlsm_fail(work, TLSM_ALERT_BAD_RECORD_MAC);
    tlsm_clear_header(control);
    content = tlsm_slice(work->out->plain.data, inner);
    if (inner > tlsm_content_max(work) + 1)
        return tlsm_fail(work, TLSM_ALERT_RECORD_OVERFLOW);
    type = strip_padding(&content);
    return tlsm_content(work, type, content, 1);
}

enum tlsm_code tlsm_read_body(struct tlsm_work *work)
{
    const struct tlsm_control *control = &work->state->control;
    if (work->in->bytes.length < control->body) {
        work->out->input_needed = control->body - work->in->bytes.length;
        return TLSM_MORE_INPUT;
    }
    if (is_protected(control) && keys_on(control))
        return control->version == TLSM_1_2 ? read_protected_12(work) : read_protected(work);
    return read_plain(work);
}

/* ------------------------------------------------------------------------------------------------ making records */

static int protecting(const struct tlsm_state *state, uint8_t type)
{
    return state->control.write_epoch != TLSM_EPOCH_NONE && type != TLSM_TYPE_CCS;
}

static int sealed_elsewhere(const struct tlsm_state *state)
{
    return (state->control.facts & TLSM_FACT_WRITE_ELSEWHERE) != 0;
}

size_t tlsm_record_lead(const struct tlsm_state *state)
{
    if (sealed_elsewhere(state))
        return 0;
    return TLSM_HEADER + (tlsm_is_12(state) ? explicit_nonce(&state->write_key) : 0);
}

static size_t overhead(const struct tlsm_state *state)
{
    if (sealed_elsewhere(state))
        return 0;
    if (tlsm_is_12(state) && state->control.write_epoch != TLSM_EPOCH_NONE)
        return tlsm_record_lead(state) + TLSM_TAG;
    return state->control.write_epoch != TLSM_EPOCH_NONE ? TLSM_OVERHEAD : TLSM_HEADER;
}

/* Content of one record that we make: what the peer said it takes, of what is protected. */
static size_t most_of(const struct tlsm_state *state)
{
    return state->record_max != 0 && state->control.write_epoch != TLSM_EPOCH_NONE ? state->record_max : (size_t)TLSM_PLAIN_MAX;
}

size_t tlsm_records_size(const struct tlsm_state *state, size_t length)
{
    const size_t most = most_of(state), records = length == 0 ? 1 : (length + most - 1) / most;
    return length + records * overhead(state);
}

static void count_record(struct tlsm_state *state, size_t length)
{
    struct tlsm_ledger *ledger = &state->ledger;
    if (ledger->taken == ledger->produced)
        ledger->batch_start = ledger->produced;
    ledger->record_start = ledger->produced;
    ledger->produced += length;
    state->control.facts |= TLSM_FACT_TOUCHED;
}

/* §5.1: "To maximize backward compatibility, a record containing an initial ClientHello SHOULD have version 0x0301
 * […] and a record containing a second ClientHello or a ServerHello MUST have version 0x0303". */
static uint8_t minor_version(const struct tlsm_control *control)
{
    return control->tx == TLSM_TX_MUTE && control->role == TLSM_CLIENT ? 1 : VERSION_MINOR;
}

static void put_header(const struct tlsm_control *control, uint8_t header[TLSM_HEADER], uint8_t type, size_t body)
{
    header[0] = type;
    header[1] = VERSION_MAJOR;
    header[2] = minor_version(control);
    header[3] = (uint8_t)(body >> 8);
    header[4] = (uint8_t)(body & 255);
}

/* J2: the content alone, a long message's back to back; each part is counted as the record that it becomes. */
static void hand_over(struct tlsm_work *work, uint8_t type, struct tlsm_bytes plain)
{
    struct tlsm_state *state = work->state;
    uint8_t *at = work->out->wire.data;
    if (work->out->wire_length > 0)   /* who writes content himself has no room here */
        at += work->out->wire_length;
    if (plain.length > 0 && plain.data != at)
        memmove(at, plain.data, plain.length);
    state->write_key.sequence++;
    count_record(state, plain.length);
    work->out->wire_length += plain.length;
    work->out->record_type = type;
}

static int seal_12(struct tlsm_work *work, uint8_t type, struct tlsm_bytes plain)
{
    struct tlsm_state *state = work->state;
    struct tlsm_key *key = &state->write_key;
    const size_t nonce = explicit_nonce(key);
    uint8_t *header = work->out->wire.data + work->out->wire_length, *at = header + TLSM_HEADER + nonce;
    uint8_t aad[AAD_12];
    if (plain.length > 0 && nonce > 0 && plain.data == header + TLSM_HEADER) {
        memmove(at, plain.data, plain.length);
        plain.data = at;
    }
    put_header(&state->control, header, type, nonce + plain.length + TLSM_TAG);
    put_aad_12(aad, key->sequence, type, plain.length);
    if (nonce > 0)
        store_number(header + TLSM_HEADER, key->sequence);
    if (work->config->crypto->seal(work->config->self, key, tlsm_slice(aad, sizeof aad), plain, tlsm_slice(NULL, 0), at) < 0)
        return -1;
    key->sequence++;
    count_record(state, TLSM_HEADER + nonce + plain.length + TLSM_TAG);
    work->out->wire_length += TLSM_HEADER + nonce + plain.length + TLSM_TAG;
    return 0;
}

int tlsm_seal_record(struct tlsm_work *work, uint8_t type, struct tlsm_bytes plain)
{
    struct tlsm_state *state = work->state;
    if (sealed_elsewhere(state)) {
        hand_over(work, type, plain);
        return 0;
    }
    if (tlsm_is_12(state) && protecting(state, type))
        return seal_12(work, type, plain);
    uint8_t *header = work->out->wire.data + work->out->wire_length;
    const int protect = protecting(state, type);
    const size_t body = plain.length + (protect ? 1 + TLSM_TAG : 0);
    put_header(&state->control, header, protect ? TLSM_TYPE_DATA : type, body);
    if (protect) {
        if (work->config->crypto->seal(work->config->self, &state->write_key, tlsm_slice(header, TLSM_HEADER), plain,
                                       tlsm_slice(&type, 1), header + TLSM_HEADER) < 0)
            return -1;
        state->write_key.sequence++;
    } else if (plain.data != header + TLSM_HEADER)
        memmove(header + TLSM_HEADER, plain.data, plain.length);
    count_record(state, TLSM_HEADER + body);
    work->out->wire_length += TLSM_HEADER + body;
    return 0;
}

/* A message longer than a record: its pieces lie back to back; the last moves first, each by the records before it. */
static void spread(const struct tlsm_work *work, uint8_t *data, size_t length)
{
    const size_t gap = overhead(work->state), most = most_of(work->state);
    size_t piece = (length + most - 1) / most;
    while (piece-- > 1) {
        const size_t at = piece * most;
        const size_t part = length - at < most ? length - at : most;
        memmove(data + at + piece * gap, data + at, part);
    }
}

/* What was sealed of a message that cannot be finished never was: its numbers are used again, so its bytes go. */
static void unseal(struct tlsm_work *work, const struct tlsm_ledger *ledger, uint32_t facts, uint64_t sequence)
{
    memset(work->out->wire.data, 0, work->out->wire_length);
    work->out->wire_length = 0;
    work->state->ledger = *ledger;
    work->state->control.facts = facts;
    work->state->write_key.sequence = sequence;
}

int tlsm_seal_message(struct tlsm_work *work, uint8_t type, size_t length)
{
    const struct tlsm_ledger ledger = work->state->ledger;
    const size_t most = most_of(work->state);
    const uint64_t sequence = work->state->write_key.sequence;
    const uint32_t facts = work->state->control.facts;
    spread(work, work->out->wire.data + tlsm_record_lead(work->state), length);
    do {
        const size_t part = length < most ? length : most;
        const uint8_t *at = work->out->wire.data + work->out->wire_length + tlsm_record_lead(work->state);
        if (tlsm_seal_record(work, type, tlsm_slice(at, part)) < 0) {
            unseal(work, &ledger, facts, sequence);
            return -1;
        }
        length -= part;
    } while (length > 0);
    return 0;
}
