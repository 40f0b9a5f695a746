/* SPDX-License-Identifier: MIT */
/* Where the induction begins: whatever lay there, tlsm_init() makes a state that the steps may be taken from. */
#include "proof.h"

int main(void)
{
    subject = nondet_state();
    const uint8_t was = subject.control.rx;
    tlsm_init(&subject);
    PROVE(closing_good(&subject), "what every step is given holds at the start");
    PROVE(subject.control.behind == TLSM_BEHIND_NOTHING && subject.length == sizeof subject, "nothing lies behind it");
    PROVE(!tlsm_is_final(&subject) && tlsm_needs(&subject) == TLSM_NEED_COMMAND, "it waits for its start");
    CANARY("of other bytes", was == TLSM_RX_UNBORN);
}
