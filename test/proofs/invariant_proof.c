/* SPDX-License-Identifier: MIT */
/* What the steps are given is no more than tlsm_invariant() asks of every state: any state, consistent or not, that it finds nothing wrong
 * with. An observed one has keys that are not ours, and no step is taken on it. */
#include "proof.h"

int main(void)
{
    subject = nondet_state();
    subject.control.behind = TLSM_BEHIND_NOTHING;
    GIVEN(!tlsm_fact(&subject, TLSM_FACT_OBSERVED));
    GIVEN(tlsm_invariant(&subject) == 0);
    PROVE(closing_good(&subject), "no more is given than every state has");
    CANARY("of a half that is closed", subject.control.rx != TLSM_RX_CLOSED);
}
