/* SPDX-License-Identifier: MIT */
/* closing.def looked up one state at a time: the same table (closing.c, whose functions have another name here) in words that a solver takes
 * in a few pieces, since a step knows its event and not its state. What the table itself says is proved without this (table_proof.c). */
#include "proof.h"

struct tlsm_cell rx_cell_as_written(uint8_t rx, enum tlsm_event event);
struct tlsm_cell tx_cell_as_written(uint8_t tx, enum tlsm_event event);

#define ROW(half, state) case TLSM_##state: return half##_cell_as_written(TLSM_##state, event)

struct tlsm_cell tlsm_rx_cell(uint8_t rx, enum tlsm_event event)
{
    switch ((enum tlsm_rx)rx) {
    ROW(rx, RX_UNBORN);
    ROW(rx, RX_HANDSHAKE);
    ROW(rx, RX_OPEN);
    ROW(rx, RX_CLOSED);
    ROW(rx, RX_CUT);
    ROW(rx, RX_DEAD);
    case TLSM_RX_COUNT: break;
    }
    PROVE(0, "model: a half is in a state that there is");
    return rx_cell_as_written(0, event);
}

struct tlsm_cell tlsm_tx_cell(uint8_t tx, enum tlsm_event event)
{
    switch ((enum tlsm_tx)tx) {
    ROW(tx, TX_UNBORN);
    ROW(tx, TX_MUTE);
    ROW(tx, TX_HANDSHAKE);
    ROW(tx, TX_OPEN);
    ROW(tx, TX_CANCELLING);
    ROW(tx, TX_CLOSING);
    ROW(tx, TX_CLOSE_OUT);
    ROW(tx, TX_CLOSED);
    ROW(tx, TX_FAILING);
    ROW(tx, TX_FAIL_OUT);
    ROW(tx, TX_DEAD);
    ROW(tx, TX_EXPORTED);
    case TLSM_TX_COUNT: break;
    }
    PROVE(0, "model: a half is in a state that there is");
    return tx_cell_as_written(0, event);
}
