/* SPDX-License-Identifier: MIT */
/* Does a state agree with itself? Every state that steps lead to does: the explorer and the fuzz targets ask after each. So a
 * state that comes from elsewhere (export.c) and does may be stepped on like one of our own: nothing here is trusted later
 * that was not looked at. Each function returns 1, or 0. */
#include "event.h"
#include "handshake.h"

#include <stddef.h>

/* ------------------------------------------------------------------------------------------------ ranges */

static int is_suite(uint16_t suite) { return suite == 0 || tlsm_suite_hash(suite) != 0; }
static int is_aead(uint16_t suite) { return tlsm_suite_aead(suite) == suite; }

static int counters_good(const struct tlsm_control *control)
{
    return control->empties <= TLSM_EMPTIES_MAX && control->cancels <= TLSM_CANCELS_MAX &&
           control->warnings <= TLSM_COMPATIBILITY_MAX && control->key_updates <= TLSM_KEY_UPDATES_MAX &&
           control->alert_in_level <= 2;
}

/* RFC 8449. A layer elsewhere makes its records as long as it likes. */
static int record_max_good(const struct tlsm_state *state)
{
    if (state->record_max == 0 || state->record_max == TLSM_PLAIN_MAX)
        return 1;
    return state->record_max >= 63 && state->record_max < TLSM_PLAIN_MAX && !tlsm_fact(state, TLSM_FACT_WRITE_ELSEWHERE);
}

static int names_good(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    return control->first_mover <= TLSM_TRANSPORT_MOVED && control->cause <= TLSM_CAUSE_EOF_VOUCHED &&
           control->place <= TLSM_PLACE_UNKNOWN && control->request <= TLSM_ASK_REPLAY &&
           control->owes <= (TLSM_OWES_UPDATE | TLSM_OWES_UPDATE_ASK | TLSM_AWAITS_UPDATE) &&
           (control->version == TLSM_VERSION_UNKNOWN || control->version == TLSM_1_3 || control->version == TLSM_1_2) &&
           is_suite(state->suite) && (state->suite == 0 || tlsm_suite_is_12(state->suite) == tlsm_is_12(state)) &&
           is_aead(state->read_key.suite) && is_aead(state->write_key.suite) && state->zero == 0 &&
           record_max_good(state) &&
           control->marks < 2 * TLSM_MARK_RENEGOTIATION_INFO;
}

/* No total comes near: bounded, so that none of them wraps. */
static int totals_good(const struct tlsm_state *state)
{
    const struct tlsm_ledger *ledger = &state->ledger;
    const uint64_t all = ledger->produced | ledger->plain_in | ledger->plain_out | ledger->discarded |
                         ledger->closing_bytes | state->read_key.sequence | state->write_key.sequence;
    return all >> 62 == 0 && ledger->write_updates <= TLSM_UPDATES_MAX &&
           (unsigned)state->tickets_made + state->control.tickets <= UINT16_MAX;
}

/* A header whose length was refused is none that waits for its body. */
static int header_good(const struct tlsm_control *control)
{
    if (control->header_seen == 0)
        return 1;
    if (control->record_type < TLSM_TYPE_CCS || control->record_type > TLSM_TYPE_DATA)
        return 0;
    if (control->header_seen < TLSM_HEADER)
        return (control->body & 255) == 0;
    return tlsm_judge_length(control) == 0;
}

/* ------------------------------------------------------------------------------------------------ the handshake's place */

enum { NOBODY = 0, CLIENT = TLSM_CLIENT, SERVER = TLSM_SERVER, EITHER = 3 };
enum { NONE = 1 << TLSM_EPOCH_NONE, EARLY = 1 << TLSM_EPOCH_EARLY, HANDSHAKE = 1 << TLSM_EPOCH_HANDSHAKE, DATA = 1 << TLSM_EPOCH_DATA };

/* What phase.def says of a phase. */
static const struct place {
    uint8_t role, rx, tx, read, write;
} places[TLSM_PHASE_COUNT] = {
#define PHASE(name, role, rx, tx, read, write, text) { role, TLSM_RX_##rx, TLSM_TX_##tx, read, write },
#include "phase.def"
#undef PHASE
};

static int is_client(uint8_t phase) { return places[phase].role == CLIENT; }
static int is_server(uint8_t phase) { return places[phase].role == SERVER; }
static int is_12(uint8_t phase) { return phase >= TLSM_PHASE_C12_RESUMING && phase <= TLSM_PHASE_S12R_WAIT_FINISHED; }
/* The phases of either version: which one is spoken is not known, or was just heard. */
static int is_either(uint8_t phase)
{
    return phase <= TLSM_PHASE_C_WAIT_HELLO || (phase >= TLSM_PHASE_S_WAIT_HELLO && phase <= TLSM_PHASE_S_VERSION);
}

static int is_started(const struct tlsm_state *state) { return state->control.phase != TLSM_PHASE_NEW; }

static int is_early(uint8_t phase)
{
    return phase == TLSM_PHASE_C_MAKE_HELLO || phase == TLSM_PHASE_C_MAKE_EARLY_CCS || phase == TLSM_PHASE_C_WAIT_HELLO ||
           phase == TLSM_PHASE_S_WAIT_HELLO;
}

enum { BEFORE_START = TLSM_FACT_DEADLINE | TLSM_FACT_CLOSE_ASKED | TLSM_FACT_CANCELLED | TLSM_FACT_ABORTED };

static int role_good(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    if (!is_started(state))
        return control->role == 0 && (control->facts & ~(uint32_t)BEFORE_START) == 0 && state->request_id == 0 &&
               tlsm_all_zero(&state->ledger, sizeof *state - offsetof(struct tlsm_state, ledger));
    if (control->phase == TLSM_PHASE_DATA)
        return control->role != 0 && tlsm_fact(state, TLSM_FACT_COMPLETE) && state->suite != 0 && control->version != TLSM_VERSION_UNKNOWN;
    if (tlsm_is_late(control->phase))
        return tlsm_fact(state, TLSM_FACT_COMPLETE) && tlsm_mark(state, TLSM_MARK_LATE_AUTH) && control->version == TLSM_1_3 &&
               control->role == places[control->phase].role;
    if (tlsm_is_12(state) ? !is_12(control->phase) && !is_either(control->phase) : is_12(control->phase))
        return 0;
    return !tlsm_fact(state, TLSM_FACT_COMPLETE) && (control->role == TLSM_CLIENT ? is_client(control->phase)
                                                                           : control->role == TLSM_SERVER && is_server(control->phase));
}

/* What the handshake needs lies behind the state for just as long as it can go on. */
static int presence_good(const struct tlsm_state *state)
{
    const int going = is_started(state) && (!tlsm_fact(state, TLSM_FACT_COMPLETE) || tlsm_is_late(state->control.phase)) &&
                      !tlsm_handshake_over(&state->control) && state->control.tx != TLSM_TX_EXPORTED;
    return tlsm_in_handshake(state) == going;
}

static enum tlsm_rx rx_of(uint8_t phase) { return (enum tlsm_rx)places[phase].rx; }
static enum tlsm_tx tx_of(uint8_t phase) { return (enum tlsm_tx)places[phase].tx; }

/* A half that lives is where the phase has it; one that ended is nowhere before it began. */
static int halves_good(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    const int speaking = control->tx <= TLSM_TX_OPEN;
    if (tlsm_rx_alive(control->rx) && control->rx != rx_of(control->phase))
        return 0;
    if (speaking && control->tx != tx_of(control->phase))
        return 0;
    if (control->rx == TLSM_RX_CLOSED && rx_of(control->phase) != TLSM_RX_OPEN)
        return 0;
    if (control->tx != TLSM_TX_EXPORTED && (control->rx == TLSM_RX_UNBORN) != (control->tx == TLSM_TX_UNBORN))
        return 0;
    return !tlsm_in_handshake(state) || tlsm_rx_alive(control->rx) || control->rx == TLSM_RX_CLOSED || tlsm_in_flight(control) ||
           control->phase == TLSM_PHASE_PC_CHOOSE;
}

/* ------------------------------------------------------------------------------------------------ keys */

static int may_be(unsigned epochs, uint8_t epoch) { return (epochs >> epoch & 1) != 0; }

/* Early data is a session's: a client's offer, a server's from the answer on that it is no replay to EndOfEarlyData. */
static int early_good(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    const int client = control->role == TLSM_CLIENT, accepted = tlsm_mark(state, TLSM_MARK_EARLY_ACCEPTED);
    const uint32_t spoken = client ? state->ledger.early_out : state->ledger.early_in;
    if ((client ? state->ledger.early_in : state->ledger.early_out) != 0 || tlsm_mark(state, TLSM_MARK_EARLY_OFFERED) > client)
        return 0;
    if (accepted ? !tlsm_resumed(state) || tlsm_fact(state, TLSM_FACT_EARLY_REJECTED) || tlsm_mark(state, TLSM_MARK_EARLY_OFFERED) != client
                 : tlsm_mark(state, TLSM_MARK_EARLY_ENDED))
        return 0;
    if (!tlsm_in_handshake(state) || tlsm_is_late(control->phase))   /* over, and an alert may be owed */
        return control->read_epoch != TLSM_EPOCH_EARLY && (control->write_epoch != TLSM_EPOCH_EARLY || tlsm_early_offered(state));
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const int ended = tlsm_mark(state, TLSM_MARK_EARLY_ENDED), reading = !client && accepted && !ended && control->rx == TLSM_RX_HANDSHAKE;
    const int writing = tlsm_early_offered(state) && !ended && control->tx <= TLSM_TX_CLOSING && control->phase != TLSM_PHASE_C_MAKE_HELLO;
    if (tlsm_early_offered(state) && (!(hs->flags & TLSM_HS_SESSION_OFFERED) || tlsm_suite_hash(hs->session_suite) != hs->session_hash))
        return 0;
    if (client && (tlsm_early_offered(state) ? accepted != (control->phase > TLSM_PHASE_C_WAIT_EXTENSIONS) : control->phase == TLSM_PHASE_C_MAKE_END))
        return 0;   /* EncryptedExtensions says which */
    return (control->read_epoch == TLSM_EPOCH_EARLY) == reading && spoken <= hs->early_max &&
           (control->tx == TLSM_TX_FAILING || (control->write_epoch == TLSM_EPOCH_EARLY) == writing);
}

/* A half that ended, or has said its last, has no key. An alert that is owed goes under the key there is: a step that failed
 * half way may have brought the next one already. */
static int epochs_good(const struct tlsm_control *control)
{
    const int reading = tlsm_rx_alive(control->rx) && control->tx != TLSM_TX_EXPORTED;
    const int saying = control->tx <= TLSM_TX_CLOSING;
    if (!may_be(reading ? places[control->phase].read : (unsigned)NONE, control->read_epoch))
        return 0;
    if (control->tx == TLSM_TX_FAILING)
        return control->write_epoch == TLSM_EPOCH_NONE || 1u << control->write_epoch >= (places[control->phase].write & -places[control->phase].write);
    return may_be(saying ? places[control->phase].write : (unsigned)NONE, control->write_epoch);
}

static int keys_good(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    return epochs_good(control) && (control->read_epoch == TLSM_EPOCH_NONE || state->read_key.suite == tlsm_suite_aead(state->suite)) &&
           (control->write_epoch == TLSM_EPOCH_NONE || control->write_epoch == TLSM_EPOCH_EARLY ||
            state->write_key.suite == tlsm_suite_aead(state->suite)) &&
           (control->read_epoch == TLSM_EPOCH_DATA || tlsm_all_zero(state->read_secret, sizeof state->read_secret)) &&
           (control->write_epoch == TLSM_EPOCH_DATA || tlsm_all_zero(state->write_secret, sizeof state->write_secret)) &&
           (!tlsm_is_final(state) || (tlsm_all_zero(state->exporter, sizeof state->exporter) &&
                                      tlsm_all_zero(state->resumption, sizeof state->resumption) &&
                                      tlsm_all_zero(state->client_random, sizeof state->client_random)));
}

/* ------------------------------------------------------------------------------------------------ ends */

/* What I1 will ask when the time comes. */
static int reading_good(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    struct tlsm_verdict verdict;
    if (control->cause == TLSM_CAUSE_EOF_VOUCHED && control->place != TLSM_PLACE_BOUNDARY)
        return 0;
    if (tlsm_rx_alive(control->rx) || control->rx == TLSM_RX_CLOSED) {
        if (control->place != TLSM_PLACE_NONE || state->ledger.eof_have != 0 || state->ledger.eof_need != 0 ||
            tlsm_fact(state, TLSM_FACT_ERROR | TLSM_FACT_PEER_ALERT | TLSM_FACT_PEER_CLOSED_EARLY))
            return control->tx == TLSM_TX_EXPORTED;
    }
    if (control->rx == TLSM_RX_CLOSED)
        return control->alert_in == TLSM_ALERT_CLOSE_NOTIFY && tlsm_fact(state, TLSM_FACT_ALERT_AUTHENTIC);
    tlsm_verdict(state, &verdict);
    return tlsm_rx_alive(control->rx) || verdict.how != TLSM_OPEN;
}

static int sending_good(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    const uint8_t tx = control->tx;
    if (control->alert_out == TLSM_ALERT_CLOSE_NOTIFY || control->alert_out == TLSM_ALERT_USER_CANCELED ||
        (control->alert_out == TLSM_ALERT_NONE && (tx == TLSM_TX_FAILING || tlsm_fact(state, TLSM_FACT_FATAL_MADE))))
        return 0;
    if (tlsm_fact(state, TLSM_FACT_FATAL_TAKEN) && (!tlsm_fact(state, TLSM_FACT_FATAL_MADE) || tx == TLSM_TX_FAIL_OUT))
        return 0;
    if (control->owes & TLSM_OWES_UPDATE && !tlsm_may_update(state))
        return 0;
    return control->owes == 0 || tx == TLSM_TX_HANDSHAKE || tx == TLSM_TX_OPEN;
}

/* ------------------------------------------------------------------------------------------------ fragments */

/* Of what is not being read there are no pieces, and nothing is counted. */
static int pieces_good(const struct tlsm_control *control)
{
    if (control->rx == TLSM_RX_HANDSHAKE || control->rx == TLSM_RX_OPEN)
        return 1;
    return (control->header_seen | control->split | control->empties | control->cancels | control->warnings |
            control->key_updates) == 0;
}

static int spare_good(const struct tlsm_state *state)
{
    const size_t missing = tlsm_spare_missing(state);
    if (state->control.rx != TLSM_RX_OPEN || !state->control.split)
        return state->spare_skip == 0 && (state->control.rx == TLSM_RX_OPEN || state->spare_have == 0);
    if (state->spare_skip != 0)
        return state->spare_have == 0;
    if (state->spare_have == 0)   /* the piece is in the room */
        return tlsm_is_late(state->control.phase) && tlsm_in_handshake(state) && tlsm_hs_const(state)->used > tlsm_hs_const(state)->kept;
    return missing > 0 && missing <= sizeof state->spare - (size_t)state->spare_have;
}

static int inside(uint32_t at, uint32_t length, uint32_t room) { return at <= room && length <= room - at; }

/* What a client was asked beyond what it answers. Other pieces are a fragment. */
static int pieces_wait(const struct tlsm_state *state)
{
    return state->control.phase >= TLSM_PHASE_PC_CHOOSE && state->control.phase <= TLSM_PHASE_PC_MAKE_FINISHED;
}

static int room_good(const struct tlsm_state *state)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const int late = tlsm_is_late(state->control.phase);
    const int waits = late ? state->control.rx == TLSM_RX_OPEN && state->spare_have == 0 && state->spare_skip == 0
                           : state->control.rx == TLSM_RX_HANDSHAKE;
    if (hs->kept > hs->used || (!pieces_wait(state) && (hs->used > hs->kept) != (waits && state->control.split)))
        return 0;
    if (pieces_wait(state) && !tlsm_late_waiting_good(state))
        return 0;
    return hs->peer_length <= TLSM_PARAMS_MAX && inside(hs->chain_at, hs->chain_length, hs->kept) && inside(hs->signature_at, hs->signature_length, hs->kept) &&
           inside(hs->cookie_at, hs->cookie_length, hs->kept) && inside(hs->staple_at, hs->staple_length, hs->kept) &&
           inside(hs->request_at, hs->request_length, hs->kept) && inside(hs->peer_at, hs->peer_length, hs->kept) &&
           (hs->ticket_at == 0 || inside(hs->ticket_at, hs->ticket_length, hs->kept)) &&
           (hs->ticket_length <= hs->kept || state->control.phase > TLSM_PHASE_C_MAKE_RETRY);   /* not read once it was sent */
}

static int is_hash(uint16_t hash) { return hash == TLSM_SHA256 || hash == TLSM_SHA384; }

/* A server of TLS 1.2: the master secret comes from a session, or from an exchange: before it there is our share. */
static int exchange_good_12(const struct tlsm_state *state)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const uint8_t phase = state->control.phase;
    const int known = !tlsm_all_zero(hs->secret, sizeof hs->secret);
    if (phase < TLSM_PHASE_S12_MAKE_HELLO)
        return !tlsm_resumed(state) && !known;
    if (tlsm_resumed(state))
        return known && hs->share_group[0] == 0 && (phase == TLSM_PHASE_S12_MAKE_HELLO || phase >= TLSM_PHASE_S12R_MAKE_TICKET);
    if (phase >= TLSM_PHASE_S12R_MAKE_TICKET)
        return 0;
    return known == (phase > TLSM_PHASE_S12_WAIT_EXCHANGE) && known == (hs->share_group[0] == 0);
}

/* TLS 1.2: a full handshake has been shown a chain and signed parameters by the time it is judged; a session's secret is its proof. */
static int authentication_good_12(const struct tlsm_state *state)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const uint8_t phase = state->control.phase;
    const int resuming = phase >= TLSM_PHASE_C12R_TICKET && phase <= TLSM_PHASE_C12R_MAKE_FINISHED;
    if (state->control.role != TLSM_CLIENT)
        return exchange_good_12(state);
    if (resuming != tlsm_fact(state, TLSM_FACT_RESUMED))
        return 0;
    if (resuming)
        return (hs->flags & TLSM_HS_SESSION_12) != 0 && hs->session_hash == state->suite && hs->chain_length == 0;
    if (hs->flags & TLSM_HS_SESSION_12)
        return 0;
    if (phase >= TLSM_PHASE_C12_MAKE_CERTIFICATE && phase <= TLSM_PHASE_C12_MAKE_VERIFY && hs->flags & TLSM_HS_CERTIFICATE_REQUESTED)
        return state->credential == TLSM_NO_CREDENTIAL || tlsm_scheme_hash_12(state->scheme) != 0;   /* it signs a digest */
    if (phase == TLSM_PHASE_C12_WAIT_DONE || phase == TLSM_PHASE_C12_WAIT_DONE_ONLY || phase == TLSM_PHASE_C12_JUDGE)
        return hs->chain_length > 0 && state->scheme != 0 && hs->peer_length > 0 && hs->shared_length > 0;
    return 1;
}

/* After the handshake: who answers was asked, who judges was shown something. */
static int late_good(const struct tlsm_state *state)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const uint8_t phase = state->control.phase;
    if (phase >= TLSM_PHASE_PC_CHOOSE && phase <= TLSM_PHASE_PC_SIGN)
        return hs->request_length > 0 && hs->request_at >= 4;
    return (phase != TLSM_PHASE_PS_JUDGE && phase != TLSM_PHASE_PS_WAIT_VERIFY) || hs->chain_length > 0;
}

/* A client is shown a certificate, or its session was taken: nobody else ends the handshake with a Finished. A signature came
 * when its scheme did; an empty one is the judge's to refuse. */
static int authentication_good(const struct tlsm_state *state)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const uint8_t phase = state->control.phase;
    if (tlsm_is_12(state))
        return authentication_good_12(state);
    if (tlsm_is_late(phase))
        return late_good(state);
    if ((phase == TLSM_PHASE_S_JUDGE || phase == TLSM_PHASE_S_WAIT_VERIFY) && (hs->chain_length == 0 || state->scheme == 0))
        return 0;
    if (phase == TLSM_PHASE_C_CHOOSE && hs->request_length == 0)
        return 0;
    if (!tlsm_fact(state, TLSM_FACT_RESUMED))
        return phase != TLSM_PHASE_C_WAIT_FINISHED || (hs->chain_length > 0 && state->scheme != 0);
    if (is_early(phase))
        return 0;
    if (state->control.role != TLSM_CLIENT)
        return 1;
    return (hs->flags & TLSM_HS_SESSION_OFFERED) != 0 && hs->session_hash == hs->hash && hs->chain_length == 0 &&
           phase > TLSM_PHASE_C_WAIT_RETRIED && (phase < TLSM_PHASE_C_WAIT_CERTIFICATE || phase >= TLSM_PHASE_C_WAIT_FINISHED);
}

/* The phases in which a client shows a certificate, or that it has none: it was asked. */
static int is_shown(uint8_t phase)
{
    return (phase >= TLSM_PHASE_C_MAKE_CERTIFICATE && phase <= TLSM_PHASE_C_MAKE_VERIFY) || phase == TLSM_PHASE_C12_MAKE_CERTIFICATE ||
           phase == TLSM_PHASE_C12_SIGN || phase == TLSM_PHASE_C12_MAKE_VERIFY ||
           (phase >= TLSM_PHASE_PC_CHOOSE && phase <= TLSM_PHASE_PC_MAKE_FINISHED);
}

static int handshake_good(const struct tlsm_state *state)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const uint8_t phase = state->control.phase;
    const int offered = (hs->flags & TLSM_HS_SESSION_OFFERED) != 0, older = (hs->flags & TLSM_HS_SESSION_12) != 0;
    if (!room_good(state) || !authentication_good(state) || hs->zero != 0)
        return 0;
    if (is_shown(phase) && !(hs->flags & TLSM_HS_CERTIFICATE_REQUESTED))
        return 0;
    if ((phase == TLSM_PHASE_S12_MAKE_TICKET || phase == TLSM_PHASE_S12R_MAKE_TICKET) && !tlsm_mark(state, TLSM_MARK_TICKET_TOLD))
        return 0;
    if (is_early(phase) ? hs->hash != 0 || state->suite != 0 : hs->hash == 0 || hs->hash != tlsm_suite_hash(state->suite))
        return 0;
    if (!is_early(phase) && state->control.version == TLSM_VERSION_UNKNOWN)
        return 0;
    if (offered ? !is_hash(hs->session_hash) || hs->ticket_length == 0 : hs->session_hash != 0 && is_early(phase) && !older)
        return 0;
    if (older && (offered || !tlsm_suite_is_12(hs->session_hash) || tlsm_suite_hash(hs->session_hash) == 0))
        return 0;
    return hs->own_share_length[0] <= sizeof hs->own_share[0] && hs->own_share_length[1] <= sizeof hs->own_share[1] &&
           hs->shared_length <= sizeof hs->shared && hs->session_id_length <= sizeof hs->session_id &&
           hs->flags < 2 * TLSM_HS_LAST && (hs->session_suite == 0 || tlsm_suite_hash(hs->session_suite) != 0);
}

static int length_good(const struct tlsm_state *state)
{
    const size_t fixed = sizeof *state + sizeof(struct tlsm_handshake);
    switch ((enum tlsm_behind)state->control.behind) {
    case TLSM_BEHIND_NOTHING: return state->length == sizeof *state;
    case TLSM_BEHIND_TRANSCRIPT: return state->length == sizeof *state + sizeof(struct tlsm_hash) && tlsm_mark(state, TLSM_MARK_LATE_AUTH) &&
                                              tlsm_fact(state, TLSM_FACT_COMPLETE) && !tlsm_is_12(state) && state->control.phase == TLSM_PHASE_DATA;
    case TLSM_BEHIND_TICKET: return state->length > sizeof *state && tlsm_is_12(state) && tlsm_fact(state, TLSM_FACT_COMPLETE);
    case TLSM_BEHIND_HANDSHAKE: break;
    }
    return state->length >= fixed && state->length - fixed == tlsm_hs_const(state)->used;
}

/* ------------------------------------------------------------------------------------------------ all of it */

int tlsm_consistent(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    if (!counters_good(control) || !names_good(state) || !totals_good(state))
        return 110;
    if (!header_good(control))
        return 111;
    if (!role_good(state) || !presence_good(state) || !length_good(state))
        return 112;
    if (!halves_good(state))
        return 113;
    if (!keys_good(state) || !early_good(state))
        return 114;
    if (!reading_good(state) || !sending_good(state))
        return 115;
    if (!pieces_good(control) || !spare_good(state))
        return 116;
    if (tlsm_in_handshake(state) && !handshake_good(state))
        return 117;
    return 0;
}
