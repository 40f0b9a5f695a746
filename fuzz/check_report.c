/* SPDX-License-Identifier: MIT */
#include "check_report.h"

static const char *check_advice(const struct node *node, const struct tlsm_advice *advice)
{
    const struct tlsm_state *state = &node->at.state;
    const uint32_t ends = TLSM_ADVICE_CLOSE | TLSM_ADVICE_RESET;
    const int keep = scene_at(node->mark.scene)->settings.keep_transport || state->control.tx == TLSM_TX_EXPORTED;
    const int all_taken = tlsm_outstanding(state) == 0;
    if (((advice->flags & TLSM_ADVICE_FLUSH) != 0) != ((tlsm_needs(state) & TLSM_NEED_SEND) != 0))
        return "H3: the advice to flush and the need to send disagree";
    if (!keep && ((advice->flags & ends) != 0) != tlsm_is_final(state))
        return "H3: the advice to close before the end, or not at the end";
    if (advice->flags & TLSM_ADVICE_SHUT_WR && (!(node->mark.watch & (WATCH_CLOSE_OUT | WATCH_FATAL_OUT)) || !all_taken))
        return "H3, A9: a FIN before the last word was taken";
    if (advice->flags & TLSM_ADVICE_SHUT_WR && advice->flags & (TLSM_ADVICE_RESET | TLSM_ADVICE_KEEP))
        return "A9: a FIN that looks like an end, or on a transport that is kept";
    if (((advice->flags & TLSM_ADVICE_DRAIN) != 0) != (advice->drain_bytes != 0))
        return "H3: the advice to drain nothing";
    if (advice->drop != 0 && (state->control.tx != TLSM_TX_DEAD || advice->drop != tlsm_outstanding(state)))
        return "the advice to drop bytes that may still go out";
    return NULL;
}

static const char *check_alerts(const struct node *node, const struct tlsm_verdict *verdict)
{
    const uint8_t watch = node->mark.watch;
    const int all_taken = tlsm_outstanding(&node->at.state) == 0;
    if (watch & WATCH_FATAL_OUT) {
        if (verdict->alert_sent == TLSM_ALERT_CLOSE_NOTIFY || verdict->alert_sent == TLSM_ALERT_NONE)
            return "V1: a fatal alert left and is not reported";
    } else if (verdict->alert_sent != (watch & WATCH_CLOSE_OUT ? TLSM_ALERT_CLOSE_NOTIFY : TLSM_ALERT_NONE))
        return "V1: the alert reported is not the one that left";
    if (verdict->alert_delivered && !all_taken)
        return "G2: an alert is delivered that was not taken";
    if (verdict->untaken != tlsm_outstanding(&node->at.state))
        return "V1: the bytes not taken are miscounted";
    return NULL;
}

const char *check_report(const struct node *node)
{
    struct tlsm_verdict verdict;
    struct tlsm_advice advice;
    const char *broken;
    tlsm_verdict(&node->at.state, &verdict);
    tlsm_advice(&node->at.state, &advice);
    broken = check_advice(node, &advice);
    return broken != NULL ? broken : check_alerts(node, &verdict);
}
