/* SPDX-License-Identifier: MIT */
/* Words for codes, verdicts and states. Included by tlsm.h. */
#ifndef TLSM_WORDS_H
#define TLSM_WORDS_H

#include "tlsm.h"

TLSM_DECLARATIONS_BEGIN

/* Never NULL. */
const char *tlsm_code_text(enum tlsm_code code);
const char *tlsm_code_advice(enum tlsm_code code);
const char *tlsm_code_name(enum tlsm_code code);
const char *tlsm_how_name(uint8_t how);          /* "clean_both" … */
enum tlsm_code tlsm_how_code(uint8_t how);       /* TLSM_END_…, TLSM_OK while open */
int tlsm_how_exit(uint8_t how);                  /* exit status of the tlsm command */
const char *tlsm_alert_name(uint8_t alert);
const char *tlsm_event_name(unsigned event);
const char *tlsm_rx_name(uint8_t rx);
const char *tlsm_tx_name(uint8_t tx);
const char *tlsm_phase_name(uint8_t phase);
const char *tlsm_cause_name(uint8_t cause);
const char *tlsm_place_name(uint8_t place);
const char *tlsm_mover_name(uint8_t mover);

TLSM_DECLARATIONS_END
#endif
