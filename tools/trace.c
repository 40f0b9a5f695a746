/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include <inttypes.h>

#include "tool.h"

static const char *input_name(enum tlsm_in_kind kind)
{
    switch (kind) {
    case TLSM_IN_START: return "start";
    case TLSM_IN_WIRE: return "wire";
    case TLSM_IN_PRODUCE: return "produce";
    case TLSM_IN_WRITE: return "write";
    case TLSM_IN_SENT: return "sent";
    case TLSM_IN_CLOSE: return "close";
    case TLSM_IN_WAIT: return "wait";
    case TLSM_IN_ABORT: return "abort";
    case TLSM_IN_ABANDON: return "abandon";
    case TLSM_IN_EOF: return "eof";
    case TLSM_IN_RECEIVE_FAILED: return "receive failed";
    case TLSM_IN_SEND_FAILED: return "send failed";
    case TLSM_IN_DEADLINE_SET: return "deadline set";
    case TLSM_IN_DEADLINE: return "deadline passed";
    case TLSM_IN_ANSWER: return "answer";
    case TLSM_IN_KEY_UPDATE: return "key update";
    case TLSM_IN_EXPORT: return "export";
    case TLSM_IN_TICKET: return "ticket";
    case TLSM_IN_ASK_CERTIFICATE: return "ask for a certificate";
    case TLSM_IN_OFFLOAD: return "offload";
    case TLSM_IN_RECORD: return "record";
    case TLSM_IN_RECORD_FAILED: return "record failed";
    case TLSM_IN_COUNT: break;
    }
    return "unknown";
}

static void print_input(FILE *out, const struct tlsm_in *in, const struct tlsm_out *result)
{
    char words[96];
    switch (in->kind) {
    case TLSM_IN_WIRE: case TLSM_IN_WRITE: case TLSM_IN_RECORD:
        tool_text(words, sizeof words, "%s %zu of %zu bytes", input_name(in->kind), result->consumed, in->bytes.length);
        break;
    case TLSM_IN_SENT: case TLSM_IN_EOF:
        tool_text(words, sizeof words, "%s %zu bytes", input_name(in->kind), in->count);
        break;
    case TLSM_IN_ABORT: case TLSM_IN_RECORD_FAILED:
        tool_text(words, sizeof words, "%s %s", input_name(in->kind), tlsm_alert_name(in->alert));
        break;
    case TLSM_IN_CLOSE:
        tool_text(words, sizeof words, in->one_way ? "close one-way" : "close");
        break;
    case TLSM_IN_ANSWER:
        tool_text(words, sizeof words, "answer %s", in->answer->alert == 0 ? "yes" : tlsm_alert_name(in->answer->alert));
        break;
    case TLSM_IN_START: case TLSM_IN_PRODUCE: case TLSM_IN_WAIT: case TLSM_IN_ABANDON: case TLSM_IN_RECEIVE_FAILED:
    case TLSM_IN_SEND_FAILED: case TLSM_IN_DEADLINE_SET: case TLSM_IN_DEADLINE: case TLSM_IN_KEY_UPDATE:
    case TLSM_IN_EXPORT: case TLSM_IN_TICKET: case TLSM_IN_ASK_CERTIFICATE: case TLSM_IN_OFFLOAD: case TLSM_IN_COUNT:
        tool_text(words, sizeof words, "%s", input_name(in->kind));
        break;
    }
    (void)fprintf(out, "%-28s -> ", words);
}

/* "rx OPEN, tx CLOSED: CLOSE_NOTIFY" for each row taken. */
static void print_cells(FILE *out, const struct tlsm_out *result)
{
    for (unsigned i = 0; i < result->cells && i < TLSM_CELLS; i++) {
        const unsigned cell = result->cell[i], halves = cell / TLSM_EV_COUNT;
        (void)fprintf(out, "  [rx %s, tx %s: %s]", tlsm_rx_name((uint8_t)(halves / TLSM_TX_COUNT)),
                      tlsm_tx_name((uint8_t)(halves % TLSM_TX_COUNT)), tlsm_event_name(cell % TLSM_EV_COUNT));
    }
}

void trace_step(FILE *out, uint64_t connection, const struct tlsm_state *state, const struct tlsm_in *in,
                enum tlsm_code code, const struct tlsm_out *result)
{
    const struct tlsm_control *control = &state->control;
    (void)fprintf(out, "trace: ");
    if (connection != 0)
        (void)fprintf(out, "#%" PRIu64 " ", connection);
    print_input(out, in, result);
    (void)fprintf(out, "%s", tlsm_code_name(code));
    if (result->wire_length > 0)
        (void)fprintf(out, ", %zu bytes made", result->wire_length);
    if (result->plain_length > 0)
        (void)fprintf(out, ", %zu bytes opened", result->plain_length);
    print_cells(out, result);
    (void)fprintf(out, "  now rx %s, tx %s, %s\n", tlsm_rx_name(control->rx), tlsm_tx_name(control->tx),
                  tlsm_phase_name(control->phase));
}
