/* SPDX-License-Identifier: MIT */
/* V1 of docs/closing.md, line by line, beside verdict.c: any state with both halves in range, consistent or not. */
#include "proof.h"

static int fact(uint32_t facts) { return (subject.control.facts & facts) != 0; }

/* Line 7, for a cause that ends a connection by itself. */
static uint8_t by_cause(void)
{
    const struct tlsm_control *control = &subject.control;
    const int ours = control->tx == TLSM_TX_CLOSED, boundary = control->place == TLSM_PLACE_BOUNDARY;
    if (control->cause == TLSM_CAUSE_BUDGET)
        return TLSM_LIMIT_EXCEEDED_VERDICT;
    if (control->cause == TLSM_CAUSE_DEADLINE)
        return TLSM_TIMED_OUT_VERDICT;
    if (control->cause == TLSM_CAUSE_ABANDON)
        return ours ? TLSM_CLOSED_INCOMPLETE_VERDICT : TLSM_ABANDONED_VERDICT;
    if (control->cause == TLSM_CAUSE_RECEIVE_FAILED || control->cause == TLSM_CAUSE_SEND_FAILED)
        return TLSM_TRANSPORT_FAILED_VERDICT;
    if (control->cause == TLSM_CAUSE_EOF_VOUCHED)
        return TLSM_FRAMED_END_VERDICT;
    if (control->cause == TLSM_CAUSE_EOF)
        return boundary && ours && fact(TLSM_FACT_EOF_AFTER_CLOSE) ? TLSM_CLOSED_INCOMPLETE_VERDICT : TLSM_TRUNCATED_VERDICT;
    return TLSM_OPEN;
}

/* The first line that holds. */
static uint8_t by_the_contract(void)
{
    const struct tlsm_control *control = &subject.control;
    const int fatal = fact(TLSM_FACT_FATAL_MADE) || control->tx == TLSM_TX_FAILING;
    const uint8_t line[8] = {
        control->rx <= TLSM_RX_OPEN && control->tx != TLSM_TX_EXPORTED ? TLSM_OPEN : 255,
        control->tx == TLSM_TX_EXPORTED ? TLSM_HANDED_OFF_VERDICT : 255,
        !fact(TLSM_FACT_TOUCHED) ? TLSM_NEVER_OPENED_VERDICT : 255,
        fact(TLSM_FACT_COMPLETE) ? 255 : fact(TLSM_FACT_CANCELLED) ? TLSM_CANCELLED_IN_HANDSHAKE_VERDICT : TLSM_HANDSHAKE_FAILED_VERDICT,
        fact(TLSM_FACT_PEER_ALERT) ? TLSM_PEER_ALERT_VERDICT : 255,
        !fact(TLSM_FACT_ERROR | TLSM_FACT_ABORTED) ? 255 : fatal ? TLSM_LOCAL_ALERT_VERDICT
            : fact(TLSM_FACT_ERROR) ? TLSM_PROTOCOL_ERROR_VERDICT : TLSM_ABANDONED_VERDICT,
        control->rx != TLSM_RX_CLOSED ? 255 : control->tx == TLSM_TX_CLOSED ? TLSM_CLEAN_BOTH_VERDICT : TLSM_CLEAN_RECEIVED_VERDICT,
        by_cause()
    };
    for (int i = 0; i < 8; i++)   /* the eight lines */
        if (line[i] != 255)
            return line[i];
    return 255;
}

static void claim_words(uint8_t how)
{
    const int good = how == TLSM_CLEAN_BOTH_VERDICT || how == TLSM_CLEAN_RECEIVED_VERDICT || how == TLSM_FRAMED_END_VERDICT;
    PROVE(how < TLSM_HOW_COUNT, "the list of verdicts is closed");
    PROVE(how == TLSM_OPEN || tlsm_how_code(how) < TLSM_OK, "every ending has a negative code");
    PROVE(how == TLSM_OPEN || good || tlsm_how_exit(how) != 0, "only what is complete exits with 0");
}

int main(void)
{
    struct tlsm_verdict verdict, again;
    subject = nondet_state();
    GIVEN(subject.control.rx < TLSM_RX_COUNT && subject.control.tx < TLSM_TX_COUNT);
    before = subject;
    tlsm_verdict(&subject, &verdict);
    PROVE(verdict.how == by_the_contract(), "V1: the first line that holds");
    PROVE((verdict.how != TLSM_CLEAN_BOTH_VERDICT && verdict.how != TLSM_CLEAN_RECEIVED_VERDICT) || subject.control.rx == TLSM_RX_CLOSED,
          "I1: truncation is never clean");
    PROVE((verdict.how != TLSM_CLEAN_BOTH_VERDICT && verdict.how != TLSM_CLEAN_RECEIVED_VERDICT) ||
              !fact(TLSM_FACT_ERROR | TLSM_FACT_ABORTED | TLSM_FACT_PEER_ALERT), "an error is never clean");
    PROVE(verdict.untaken == subject.ledger.produced - subject.ledger.taken, "what was never taken is told");
    PROVE(same_state(&before, &subject), "asking changes nothing");
    claim_words(verdict.how);
    again = verdict;
    tlsm_verdict(&subject, &again);
    PROVE(again.how == verdict.how && again.cause == verdict.cause, "asked again: the same answer");
    CANARY("of a truncated end", verdict.how != TLSM_TRUNCATED_VERDICT);
}
