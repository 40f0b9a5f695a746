/* SPDX-License-Identifier: MIT */
/* J2: a record layer elsewhere (a kernel, a NIC) opens or seals; what the records mean is decided here all the same. */
#include "event.h"

/* ------------------------------------------------------------------------------------------------ going there */

static enum tlsm_code may_read_elsewhere(const struct tlsm_state *state)
{
    const enum tlsm_code code = tlsm_may_receive(&state->control);
    if (code != TLSM_OK)
        return code;
    if (tlsm_fact(state, TLSM_FACT_READ_ELSEWHERE))
        return TLSM_ELSEWHERE;
    return state->control.header_seen > 0 ? TLSM_FEED_FIRST : TLSM_OK;
}

static enum tlsm_code may_write_elsewhere(const struct tlsm_state *state)
{
    if (state->control.write_epoch == TLSM_EPOCH_NONE)   /* the row of a write refuses, in its own words */
        return (enum tlsm_code)tlsm_tx_cell(state->control.tx, TLSM_EV_WRITE).result;
    if (tlsm_fact(state, TLSM_FACT_WRITE_ELSEWHERE))
        return TLSM_ELSEWHERE;
    if (state->record_max != 0 && state->record_max < TLSM_PLAIN_MAX)   /* RFC 8449: that layer makes records as long as it likes */
        return TLSM_RECORDS_LIMITED;
    return tlsm_outstanding(state) != 0 ? TLSM_SEND_FIRST : TLSM_OK;
}

/* A key update that is owed would be the first thing that such a layer cannot do, whichever side came first to it, or said so. */
static int owes_what_cannot_be(const struct tlsm_work *work)
{
    const struct tlsm_control *control = &work->state->control;
    const int writes = work->in->sides & TLSM_SIDE_WRITE || tlsm_fact(work->state, TLSM_FACT_WRITE_ELSEWHERE);
    const int fixed = work->in->fixed || tlsm_fact(work->state, TLSM_FACT_KEYS_FIXED);
    return fixed && writes && control->tx == TLSM_TX_OPEN && (control->owes & TLSM_OWES_UPDATE) != 0;
}

static enum tlsm_code may_offload(const struct tlsm_state *state, uint8_t sides)
{
    enum tlsm_code code = TLSM_OK;
    if (sides == 0 || (sides & ~(TLSM_SIDE_READ | TLSM_SIDE_WRITE)) != 0)
        return TLSM_BAD_ARGUMENT;
    if (state->control.rx == TLSM_RX_UNBORN)
        return TLSM_NOT_STARTED;
    if (!tlsm_fact(state, TLSM_FACT_COMPLETE))
        return TLSM_NOT_CONNECTED;
    if (tlsm_is_12(state))   /* its records cannot be given as type and content alone: its nonces travel with them */
        return TLSM_NOT_IN_VERSION;
    if (sides & TLSM_SIDE_READ)
        code = may_read_elsewhere(state);
    if (code == TLSM_OK && sides & TLSM_SIDE_WRITE)
        code = may_write_elsewhere(state);
    return code;
}

enum tlsm_code tlsm_offload(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const uint8_t sides = work->in->sides;
    const enum tlsm_code code = may_offload(state, sides);
    if (code != TLSM_OK)
        return code;
    if (owes_what_cannot_be(work))
        return TLSM_PRODUCE_FIRST;
    if (sides & TLSM_SIDE_READ) {
        state->control.facts |= TLSM_FACT_READ_ELSEWHERE;
        tlsm_keep_count(work, &state->read_key);
    }
    if (sides & TLSM_SIDE_WRITE) {
        state->control.facts |= TLSM_FACT_WRITE_ELSEWHERE;
        tlsm_keep_count(work, &state->write_key);
    }
    if (work->in->fixed)
        state->control.facts |= TLSM_FACT_KEYS_FIXED;
    return TLSM_OK;
}

/* Derived anew each time: the state keeps the secret that the next one is made from, and no key beside it. */
int tlsm_record_keys(const struct tlsm_config *config, const struct tlsm_state *state, enum tlsm_side side,
                     struct tlsm_key *key)
{
    const int reading = side == TLSM_SIDE_READ;
    const uint8_t epoch = reading ? state->control.read_epoch : state->control.write_epoch;
    memset(key, 0, sizeof *key);
    if (tlsm_is_12(state))   /* there is no secret that they could be derived from */
        return -1;
    if ((!reading && side != TLSM_SIDE_WRITE) || !tlsm_fact(state, TLSM_FACT_COMPLETE) || epoch != TLSM_EPOCH_DATA)
        return -1;
    if (tlsm_traffic_key(config, state->suite, reading ? state->read_secret : state->write_secret, key) != 0)
        return -1;
    if (!tlsm_fact(state, reading ? TLSM_FACT_READ_ELSEWHERE : TLSM_FACT_WRITE_ELSEWHERE))
        key->sequence = reading ? state->read_key.sequence : state->write_key.sequence;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ being there */

static enum tlsm_code may_come(const struct tlsm_state *state)
{
    const enum tlsm_code code = tlsm_may_receive(&state->control);
    if (code != TLSM_OK)
        return code;
    return tlsm_fact(state, TLSM_FACT_READ_ELSEWHERE) ? TLSM_OK : TLSM_NOT_ELSEWHERE;
}

enum tlsm_code tlsm_read_elsewhere(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_bytes content = work->in->bytes;
    enum tlsm_code code = may_come(state);
    if (code == TLSM_OK && work->in->record_type == TLSM_TYPE_HANDSHAKE && content.length <= TLSM_PLAIN_MAX)
        code = tlsm_check_state_room(work, content.length);
    if (code != TLSM_OK)
        return code;
    tlsm_forget_last_ticket(state);
    state->read_key.sequence++;
    work->out->consumed = content.length;
    if (content.length > tlsm_content_max(work))
        return tlsm_fail(work, TLSM_ALERT_RECORD_OVERFLOW);
    return tlsm_content(work, work->in->record_type, content, 1);
}

/* What record.c finds in a record after the handshake; nothing else can be the layer's to say. */
static int may_be_said(uint8_t alert)
{
    return alert == TLSM_ALERT_BAD_RECORD_MAC || alert == TLSM_ALERT_RECORD_OVERFLOW ||
           alert == TLSM_ALERT_UNEXPECTED_MESSAGE || alert == TLSM_ALERT_PROTOCOL_VERSION;
}

enum tlsm_code tlsm_failed_elsewhere(struct tlsm_work *work)
{
    const enum tlsm_code code = may_come(work->state);
    if (code != TLSM_OK)
        return code;
    if (!may_be_said(work->in->alert))
        return TLSM_BAD_ARGUMENT;
    return tlsm_fail(work, work->in->alert);
}

void tlsm_count_cut(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    if (!tlsm_fact(state, TLSM_FACT_WRITE_ELSEWHERE) || !tlsm_half_record(&state->ledger))
        return;
    if (state->write_key.sequence == 0)   /* nothing was made under this key yet: it was an older one's, or none is there */
        return;
    state->write_key.sequence++;
    tlsm_keep_reserve(work);
}

/* ------------------------------------------------------------------------------------------------ new keys */

int tlsm_may_update(const struct tlsm_state *state)
{
    const int stuck = tlsm_fact(state, TLSM_FACT_WRITE_ELSEWHERE) && tlsm_fact(state, TLSM_FACT_KEYS_FIXED);
    return !tlsm_is_12(state) && !stuck && state->ledger.write_updates < TLSM_UPDATES_MAX;   /* RFC 9846 §4.7.3 */
}

/* Not where the layer that reads cannot take the peer's new key. Nor where the one that writes cannot give the answer, unless
 * nothing is answered any more (B5): going on without it would break a MUST of RFC 9846 §4.7.3. */
int tlsm_can_follow(const struct tlsm_state *state, int asked)
{
    if (!tlsm_fact(state, TLSM_FACT_KEYS_FIXED))
        return 1;
    if (tlsm_fact(state, TLSM_FACT_READ_ELSEWHERE))
        return 0;
    return !(asked && state->control.tx == TLSM_TX_OPEN);
}
