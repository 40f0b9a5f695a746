/* SPDX-License-Identifier: MIT */
/* The closing machine: closing.def made into two tables, checked for totality at compile time.
 *
 *      RX   UNBORN → HANDSHAKE → OPEN → CLOSED   (close_notify)
 *                                     → CUT      (the transport ended)
 *                                     → DEAD     (alert, error, we stopped)
 *      TX   UNBORN → MUTE → HANDSHAKE → OPEN → CLOSING → CLOSE_OUT → CLOSED
 *                               └→ CANCELLING ──┘
 *                     any → FAILING → FAIL_OUT → DEAD        any → DEAD        any → EXPORTED
 */
#include "closing.h"

/* A doubled or unknown row is an error in the enumeration, a missing one makes the count wrong. */
enum tlsm_rx_rows {
#define RX(state, event, next, action, result, why) TLSM_RX_ROW_##state##_##event,
#include "closing.def"
#undef RX
    TLSM_RX_ROWS
};
enum tlsm_tx_rows {
#define TX(state, event, next, action, result, why) TLSM_TX_ROW_##state##_##event,
#include "closing.def"
#undef TX
    TLSM_TX_ROWS
};
_Static_assert((int)TLSM_RX_ROWS == (int)TLSM_RX_COUNT * (int)TLSM_EV_COUNT, "closing.def: an RX row is missing");
_Static_assert((int)TLSM_TX_ROWS == (int)TLSM_TX_COUNT * (int)TLSM_EV_COUNT, "closing.def: a TX row is missing");

static const struct tlsm_cell rx_cells[TLSM_RX_COUNT][TLSM_EV_COUNT] = {
#define RX(state, event, next, action, result, why) \
    [TLSM_RX_##state][TLSM_EV_##event] = { TLSM_RX_##next, TLSM_RX_DO_##action, TLSM_##result },
#include "closing.def"
#undef RX
};
static const struct tlsm_cell tx_cells[TLSM_TX_COUNT][TLSM_EV_COUNT] = {
#define TX(state, event, next, action, result, why) \
    [TLSM_TX_##state][TLSM_EV_##event] = { TLSM_TX_##next, TLSM_TX_DO_##action, TLSM_##result },
#include "closing.def"
#undef TX
};

enum { NOBODY_MOVER = TLSM_NOBODY_MOVED, WE_MOVER = TLSM_WE_MOVED, PEER_MOVER = TLSM_PEER_MOVED,
       TRANSPORT_MOVER = TLSM_TRANSPORT_MOVED };
static const uint8_t movers[TLSM_EV_COUNT] = {
#define EVENT(name, mover, cause, text) mover##_MOVER,
#include "event.def"
#undef EVENT
};
static const uint8_t causes[TLSM_EV_COUNT] = {
#define EVENT(name, mover, cause, text) TLSM_CAUSE_##cause,
#include "event.def"
#undef EVENT
};

struct tlsm_cell tlsm_rx_cell(uint8_t rx, enum tlsm_event event) { return rx_cells[rx][event]; }
struct tlsm_cell tlsm_tx_cell(uint8_t tx, enum tlsm_event event) { return tx_cells[tx][event]; }
uint8_t tlsm_event_mover(enum tlsm_event event) { return movers[event]; }
uint8_t tlsm_event_cause(enum tlsm_event event) { return causes[event]; }
