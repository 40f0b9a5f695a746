/* SPDX-License-Identifier: MIT */
/* The closing table as data: closing.def compiled. Only event.c looks things up here. */
#ifndef TLSM_CLOSING_H
#define TLSM_CLOSING_H

#include "tlsm.h"

enum tlsm_rx_action { TLSM_RX_DO_NONE, TLSM_RX_DO_DELIVER, TLSM_RX_DO_DISCARD, TLSM_RX_DO_WIPE };
enum tlsm_tx_action {
    TLSM_TX_DO_NONE, TLSM_TX_DO_SEAL, TLSM_TX_DO_ALERT, TLSM_TX_DO_OWE_REPLY, TLSM_TX_DO_OWE_UPDATE,
    TLSM_TX_DO_OWE_TICKET, TLSM_TX_DO_MAKE_OWED, TLSM_TX_DO_MAKE_TICKET, TLSM_TX_DO_MAKE_CANCEL, TLSM_TX_DO_MAKE_CLOSE, TLSM_TX_DO_MAKE_ALERT, TLSM_TX_DO_WIPE
};

/* One row: where the half goes, what is done, what is said. */
struct tlsm_cell {
    uint8_t next, action;
    int8_t result;
};

struct tlsm_cell tlsm_rx_cell(uint8_t rx, enum tlsm_event event);
struct tlsm_cell tlsm_tx_cell(uint8_t tx, enum tlsm_event event);
/* What event.def says of an event. */
uint8_t tlsm_event_mover(enum tlsm_event event);
uint8_t tlsm_event_cause(enum tlsm_event event);

#endif
