/* SPDX-License-Identifier: MIT */
#include "check_input.h"

#include <string.h>

enum { TYPE_ALERT = 21, TYPE_DATA = 23 };

static int is_12(const struct node *node) { return node->at.state.control.version == TLSM_1_2; }
static const struct tlsm_config *config_of(const struct node *node) { return &scene_at(node->mark.scene)->config; }

struct sealed check_read(const struct tlsm_state *state, const struct tlsm_key *key, uint64_t sequence, const uint8_t *header,
                         const uint8_t *body)
{
    struct tlsm_key numbered = *key;
    numbered.sequence = sequence;
    return sealed_open(state->control.version, &numbered, header, body);
}

static int is_alert(const struct sealed *inner)
{
    return inner->type == TYPE_ALERT && inner->length == 2 && (inner->content[0] == 1 || inner->content[0] == 2);
}

static int is_close(const struct sealed *inner) { return is_alert(inner) && inner->content[1] == 0; }

static int over_budget(const struct tlsm_control *control)
{
    return control->rx == TLSM_RX_DEAD &&
           (control->cause == TLSM_CAUSE_BUDGET || control->cause == TLSM_CAUSE_SEND_FAILED);   /* the earliest stays */
}

static int has(const struct tlsm_state *state, uint32_t facts) { return (state->control.facts & facts) != 0; }

static const char *judge_data(const struct node *before, const struct sealed *inner, const struct node *after,
                              const struct step_report *report)
{
    const struct tlsm_settings *settings = config_of(before)->settings;
    const struct tlsm_ledger *was = &before->at.state.ledger, *is = &after->at.state.ledger;
    if (report->out.news & TLSM_NEWS_DATA)
        return report->out.plain_length == inner->length && memcmp(report->plain, inner->content, inner->length) == 0
                   ? NULL : "I2: not what the peer sent is delivered";
    if (!(report->out.news & TLSM_NEWS_DISCARDED) || is->discarded - was->discarded != inner->length)
        return "I2: data is neither delivered nor counted";
    if (before->at.state.control.tx == TLSM_TX_OPEN || before->at.state.control.tx == TLSM_TX_HANDSHAKE)
        return "B1: data is dropped before our close";
    if (settings->data_while_closing != TLSM_CLOSING_DISCARD && !over_budget(&after->at.state.control))
        return "B1: data is dropped against the policy";
    return NULL;
}

/* C2, C3: the other half, which the peer's close_notify closes in TLS 1.2 alone. */
static const char *judge_reply(const struct node *before, const struct node *after)
{
    const uint8_t was = before->at.state.control.tx, is = after->at.state.control.tx;
    if (was != TLSM_TX_OPEN && was != TLSM_TX_HANDSHAKE)
        return was == is ? NULL : "C2: a close_notify moves our half";
    if (is_12(before) && config_of(before)->settings->close12 == TLSM_CLOSE12_REPLY)
        return is == TLSM_TX_CLOSING ? NULL : "C3: a close_notify is not answered";
    return was == is ? NULL : "C2: a close_notify is answered that need not be";
}

/* E3: four in a row. */
static const char *judge_warning(const struct node *before, const struct tlsm_control *is)
{
    const int most = before->at.state.control.cancels == 4;
    return most == (is->rx == TLSM_RX_OPEN) ? "E3: a warning ends it, or the fifth does not" : NULL;
}

/* RFC 9846 §4.7.2: its messages "MUST appear consecutively". */
static int is_late_answer(const struct node *before)
{
    const uint8_t phase = before->at.state.control.phase;
    return phase == TLSM_PHASE_PS_WAIT_VERIFY || phase == TLSM_PHASE_PS_WAIT_FINISHED;
}

/* Under the application key, between messages. */
static const char *judge_open(const struct node *before, const struct sealed *inner, const struct node *after,
                              const struct step_report *report)
{
    const struct tlsm_control *control = &after->at.state.control;
    if (over_budget(control))
        return report->out.news & TLSM_NEWS_DATA ? "B3: data beyond the budget is delivered" : NULL;
    if (inner->type == TYPE_DATA && is_late_answer(before))
        return control->rx == TLSM_RX_DEAD ? NULL : "data between the messages of a late answer";
    if (inner->type == TYPE_DATA && inner->length > 0)
        return judge_data(before, inner, after, report);
    if (report->out.news & TLSM_NEWS_DATA)
        return "I2: data that is none is delivered";
    if (is_close(inner))
        return control->rx == TLSM_RX_CLOSED ? judge_reply(before, after) : "C1: a close_notify does not close";
    if (is_alert(inner) && is_12(before) && inner->content[0] == 1)
        return judge_warning(before, control);
    if (is_alert(inner) && (inner->content[1] != 90 || is_12(before)) &&
        (control->rx != TLSM_RX_DEAD || control->alert_in != inner->content[1] || !has(&after->at.state, TLSM_FACT_PEER_ALERT)))
        return "E2: an error alert is not the peer's end";
    return NULL;
}

/* RFC 9846 §4.3.10: under the early key; no end is among it (C6). */
static const char *judge_early(const struct node *before, const struct sealed *inner, const struct node *after,
                               const struct step_report *report)
{
    const struct tlsm_control *now = &after->at.state.control;
    const size_t left = config_of(before)->settings->early_max - before->at.state.ledger.early_in;
    if (inner->type == TYPE_DATA && inner->length > 0 && inner->length <= left && !over_budget(now))
        return judge_data(before, inner, after, report);
    if (report->out.news & TLSM_NEWS_DATA)
        return "I2: early data that is none is delivered";
    if (inner->type == TYPE_DATA && inner->length > left && now->rx != TLSM_RX_DEAD)
        return "more early data than was promised";
    return now->rx == TLSM_RX_CLOSED ? "C6: an end of early data" : NULL;
}

static const char *judge_inner(const struct node *before, struct sealed inner, const struct node *after,
                               const struct step_report *report, uint8_t *watch)
{
    const struct tlsm_state *state = &before->at.state;
    const struct tlsm_control *control = &state->control, *now = &after->at.state.control;
    if (control->rx == TLSM_RX_OPEN && inner.authentic && inner.whole <= TLSM_PLAIN_MAX + 1 && !control->split) {
        if (is_close(&inner) && now->rx == TLSM_RX_CLOSED)
            *watch |= WATCH_PEER_CLOSE;
        return judge_open(before, &inner, after, report);
    }
    if (control->read_epoch == TLSM_EPOCH_EARLY && inner.authentic && inner.whole <= TLSM_PLAIN_MAX + 1 && !control->split)
        return judge_early(before, &inner, after, report);
    if (now->rx == TLSM_RX_CLOSED || report->out.news & TLSM_NEWS_DATA)
        return "C1, I2: an end or data out of nothing";
    if (inner.protected && !inner.authentic && now->rx != TLSM_RX_DEAD && !has(state, TLSM_FACT_EARLY_REJECTED))
        return "F3: what does not authenticate is not fatal";
    if (inner.protected && inner.whole > TLSM_PLAIN_MAX + 1 && inner.authentic && now->rx != TLSM_RX_DEAD)
        return "F3: what is too long is not fatal";
    return NULL;
}

static const char *judge_body(const struct node *before, const struct tlsm_in *in, const struct node *after,
                              const struct step_report *report, uint8_t *watch)
{
    const struct tlsm_state *state = &before->at.state;
    const struct tlsm_control *control = &state->control;
    const uint8_t header[TLSM_HEADER] = { control->record_type, 3, 3, (uint8_t)(control->body >> 8),
                                          (uint8_t)(control->body & 255) };
    if (report->out.consumed != control->body)
        return "I8: not one body is consumed";
    return judge_inner(before, check_read(state, &state->read_key, state->read_key.sequence, header, in->bytes.data), after, report,
                       watch);
}

/* J2. */
static const char *judge_elsewhere(const struct node *before, const struct tlsm_in *in, const struct node *after,
                                   const struct step_report *report, uint8_t *watch)
{
    struct sealed inner = { 1, in->kind == TLSM_IN_RECORD, in->record_type, in->bytes.length, in->bytes.length + 1,
                           in->bytes.data };
    if (!has(&before->at.state, TLSM_FACT_READ_ELSEWHERE))
        return "J2: a record from elsewhere, and nobody is there";
    if (report->out.consumed != in->bytes.length)
        return "I8: not one content is consumed";
    return judge_inner(before, inner, after, report, watch);
}

const char *check_input(const struct node *before, const struct tlsm_in *in, const struct node *after,
                        const struct step_report *report, uint8_t *watch)
{
    const struct tlsm_control *control = &before->at.state.control;
    const int alive = control->rx == TLSM_RX_HANDSHAKE || control->rx == TLSM_RX_OPEN;
    if (in->kind == TLSM_IN_EOF && alive) {
        *watch |= WATCH_EOF;
        return after->at.state.control.rx == TLSM_RX_CUT ? NULL : "T1: the transport ended and RX did not";
    }
    if (in->kind == TLSM_IN_WIRE && control->header_seen == TLSM_HEADER)
        return judge_body(before, in, after, report, watch);
    if (in->kind == TLSM_IN_RECORD || in->kind == TLSM_IN_RECORD_FAILED)
        return judge_elsewhere(before, in, after, report, watch);
    if (report->out.plain_length != 0)
        return "I2: plaintext out of nothing";
    if (after->at.state.control.rx == TLSM_RX_CLOSED && control->rx != TLSM_RX_CLOSED)
        return "I1: an end out of nothing";
    return NULL;
}
