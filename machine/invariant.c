/* SPDX-License-Identifier: MIT */
/* The state invariants of docs/closing.md, section 1, as one pure predicate. Numbers are theirs; 100 and up: the value is
 * not canonical or not consistent with itself. */
#include "event.h"

/* I1: clean only if an authenticated close_notify ended the data, before any EOF. */
static int invariant_1(const struct tlsm_state *state)
{
    const uint8_t how = tlsm_how_now(state);
    if (how == TLSM_CLEAN_BOTH_VERDICT || how == TLSM_CLEAN_RECEIVED_VERDICT)
        return state->control.rx == TLSM_RX_CLOSED && state->control.alert_in == TLSM_ALERT_CLOSE_NOTIFY &&
               tlsm_fact(state, TLSM_FACT_ALERT_AUTHENTIC) && tlsm_fact(state, TLSM_FACT_COMPLETE) &&
               state->control.place == TLSM_PLACE_NONE;
    return 1;
}

/* I3: one close_notify at most, nothing after it, nothing after a fatal alert. */
static int invariant_3(const struct tlsm_state *state)
{
    const uint8_t tx = state->control.tx;
    const int close_made = tlsm_fact(state, TLSM_FACT_CLOSE_MADE), fatal_made = tlsm_fact(state, TLSM_FACT_FATAL_MADE);
    if (close_made && fatal_made)
        return 0;
    if ((tx == TLSM_TX_CLOSE_OUT || tx == TLSM_TX_CLOSED) && !close_made)
        return 0;
    if (tx == TLSM_TX_FAIL_OUT && !fatal_made)
        return 0;
    if ((close_made || fatal_made) && state->control.write_epoch != TLSM_EPOCH_NONE)
        return 0;   /* the key is gone: nothing can follow */
    if (close_made && tx != TLSM_TX_CLOSE_OUT && tx != TLSM_TX_CLOSED && tx != TLSM_TX_DEAD && tx != TLSM_TX_EXPORTED)
        return 0;
    if (fatal_made && tx != TLSM_TX_FAIL_OUT && tx != TLSM_TX_DEAD && tx != TLSM_TX_EXPORTED)
        return 0;
    return 1;
}

static int canonical_key(const struct tlsm_key *key, uint8_t epoch)
{
    return key->zero == 0 && (epoch != TLSM_EPOCH_NONE ? key->suite != 0 : tlsm_all_zero(key, sizeof *key));
}

static int only_counts(const struct tlsm_key *key)
{
    return key->id == 0 && tlsm_all_zero(key->key, sizeof key->key) && tlsm_all_zero(key->iv, sizeof key->iv);
}

static int canonical_header(const struct tlsm_control *control)
{
    if (control->header_seen > TLSM_HEADER || (!tlsm_rx_alive(control->rx) && control->header_seen != 0))
        return 0;
    if (control->header_seen == 0)
        return control->record_type == 0 && control->body == 0;
    return control->header_seen >= 4 || control->body == 0;
}

static int in_range(const struct tlsm_control *control)
{
    return control->rx < TLSM_RX_COUNT && control->tx < TLSM_TX_COUNT && control->phase < TLSM_PHASE_COUNT &&
           control->read_epoch <= TLSM_EPOCH_DATA && control->write_epoch <= TLSM_EPOCH_DATA && control->role <= 2 &&
           tlsm_all_zero(control->zero2, sizeof control->zero2) && control->split <= 1 && control->behind <= TLSM_BEHIND_TICKET;
}

/* J2: a key that is used elsewhere is not here, and what is read elsewhere has no header. */
static int canonical_elsewhere(const struct tlsm_state *state)
{
    const int read = tlsm_fact(state, TLSM_FACT_READ_ELSEWHERE), write = tlsm_fact(state, TLSM_FACT_WRITE_ELSEWHERE);
    if ((read || write) ? !tlsm_fact(state, TLSM_FACT_COMPLETE) : tlsm_fact(state, TLSM_FACT_KEYS_FIXED))
        return 0;
    if (read && (state->control.header_seen != 0 || !only_counts(&state->read_key)))
        return 0;
    return !write || only_counts(&state->write_key);
}

/* C6, C2: a client whose peer says no more, and which still owes messages. */
static int finishes(const struct tlsm_control *control)
{
    return control->role == TLSM_CLIENT && (control->tx == TLSM_TX_HANDSHAKE || control->tx == TLSM_TX_OPEN);
}

static int canonical(const struct tlsm_state *state)
{
    const struct tlsm_ledger *ledger = &state->ledger;
    if (!in_range(&state->control))
        return 100;
    if (!canonical_header(&state->control))
        return 101;
    if (!canonical_key(&state->read_key, state->control.read_epoch) ||
        !canonical_key(&state->write_key, state->control.write_epoch))
        return 102;
    if (ledger->taken > ledger->produced || ledger->record_start > ledger->produced ||
        ledger->batch_start > ledger->produced)
        return 103;
    if (state->spare_have > sizeof state->spare ||
        !tlsm_all_zero(state->spare + state->spare_have, sizeof state->spare - state->spare_have))
        return 104;
    if (state->length < sizeof *state || (state->length == sizeof *state) != (state->control.behind == TLSM_BEHIND_NOTHING))
        return 105;
    if (state->control.request != 0 && (!tlsm_in_handshake(state) || !(tlsm_rx_alive(state->control.rx) || finishes(&state->control))))
        return 106;
    if (state->control.tickets != 0 && (state->control.role != TLSM_SERVER || !tlsm_fact(state, TLSM_FACT_COMPLETE) || tlsm_is_12(state) ||
                                        (state->control.tx != TLSM_TX_OPEN && state->control.tx != TLSM_TX_CLOSING)))
        return 108;   /* A7 */
    if (state->control.rx != TLSM_RX_OPEN && state->control.rx != TLSM_RX_HANDSHAKE &&
        (state->control.read_epoch != TLSM_EPOCH_NONE || !tlsm_all_zero(state->read_secret, sizeof state->read_secret)))
        return 107;   /* G4 */
    if (!canonical_elsewhere(state))
        return 109;   /* J2 */
    return tlsm_fact(state, TLSM_FACT_OBSERVED) ? 0 : tlsm_consistent(state);   /* no keys, no handshake: those are the library's */
}

static int finished_outstanding(const struct tlsm_state *state)
{
    const uint8_t tx = state->control.tx;
    return (tx == TLSM_TX_CLOSED || (tx == TLSM_TX_DEAD && tlsm_fact(state, TLSM_FACT_FATAL_TAKEN))) &&
           tlsm_outstanding(state) != 0;
}

int tlsm_invariant(const struct tlsm_state *state)
{
    const int broken = canonical(state), final = tlsm_is_final(state);
    if (broken != 0)
        return broken;
    if (!invariant_1(state))
        return 1;
    if (!invariant_3(state) || finished_outstanding(state))
        return 3;
    if (final && (state->control.write_epoch != TLSM_EPOCH_NONE || state->control.request != 0 ||
                  !tlsm_all_zero(state->write_secret, sizeof state->write_secret) || state->control.behind != TLSM_BEHIND_NOTHING))
        return 4;
    if ((tlsm_needs(state) == 0) != final || (final && tlsm_how_now(state) == TLSM_OPEN))
        return 5;
    if (!final && (tlsm_rx_cell(state->control.rx, TLSM_EV_ABANDON).result >= TLSM_NOT_STARTED ||
                   tlsm_tx_cell(state->control.tx, TLSM_EV_ABANDON).result >= TLSM_NOT_STARTED))
        return 9;
    return 0;
}
