/* SPDX-License-Identifier: MIT */
/* `replay FILE`: one choice sequence, step by step: what was done, which rows of the closing table it took, what came of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay_main.h"
#include "sequence.h"

static void print_needs(unsigned needs)
{
    static const char *const names[] = { "receive", "produce", "send", "answer", "command", "deadline" };
    const char *between = "";
    printf("  needs ");
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (needs >> i & 1) {
            printf("%s%s", between, names[i]);
            between = ", ";
        }
    printf("%s\n", needs == 0 ? "nothing: it is final" : "");
}

static void print_place(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    printf("%s/%s", tlsm_rx_name(control->rx), tlsm_tx_name(control->tx));
    if (control->phase != TLSM_PHASE_DATA)
        printf(" (%s)", tlsm_phase_name(control->phase));
    if (control->header_seen > 0)
        printf(" with %u header bytes, body %u", control->header_seen, control->body);
}

static void print_rows(const struct step_report *report)
{
    for (unsigned i = 0; i < report->cells; i++) {
        const unsigned cell = report->cell[i], halves = cell / TLSM_EV_COUNT;
        printf("  row   %s/%s × %s\n", tlsm_rx_name((uint8_t)(halves / TLSM_TX_COUNT)),
               tlsm_tx_name((uint8_t)(halves % TLSM_TX_COUNT)), tlsm_event_name(cell % TLSM_EV_COUNT));
    }
}

static void print_bytes(const struct step_report *report)
{
    const struct tlsm_out *out = &report->out;
    if (out->consumed > 0)
        printf("  took  %zu bytes\n", out->consumed);
    if (out->wire_length > 0) {
        printf("  made  %zu bytes:", out->wire_length);
        for (size_t i = 0; i < out->wire_length && i < 32; i++)
            printf(" %02x", report->wire[i]);
        printf("%s\n", out->wire_length > 32 ? " …" : "");
    }
    if (out->plain_length > 0)
        printf("  plain %zu bytes\n", out->plain_length);
}

static void print_verdict(const struct tlsm_state *state)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(state, &verdict);
    printf("  how   %s", tlsm_how_name(verdict.how));
    if (verdict.cause != TLSM_CAUSE_NONE)
        printf(", cause %s", tlsm_cause_name(verdict.cause));
    if (verdict.place != TLSM_PLACE_NONE)
        printf(", cut at %s %u of %u", tlsm_place_name(verdict.place), (unsigned)verdict.eof_have, (unsigned)verdict.eof_need);
    printf("\n");
}

static const char *choice_text(unsigned choice)
{
    if (choice < OPERATIONS)
        return operation_text(choice);
    if (choice == SEQUENCE_RAW)
        return "bytes as they are";
    if (choice == SEQUENCE_SET)
        return "shutdown: settings";
    return choice == SEQUENCE_CALL ? "shutdown: a call" : "shutdown: the data is read";
}

static void tell(void *context, const struct sequence_step *step)
{
    const struct tlsm_state *after = &step->after->at.state;
    unsigned *number = context;
    printf("%3u  %s\n  from  ", ++*number, choice_text(step->choice));
    print_place(&step->before->at.state);
    printf("\n  to    ");
    print_place(after);
    printf("\n");
    if (step->result != NULL) {
        print_rows(&step->result->step);
        printf("  code  %s: %s\n", tlsm_code_name(step->result->code), tlsm_code_text(step->result->code));
        print_bytes(&step->result->step);
    }
    if (step->shutdown != NULL)
        printf("  call  returns %d, error %u, flags %u\n", step->shutdown->returns, step->shutdown->error,
               step->shutdown->state.flags);
    print_needs(tlsm_needs(after));
    print_verdict(after);
}

static int play(const char *path)
{
    static uint8_t bytes[1 << 16];
    const char *broken;
    unsigned number = 0;
    size_t length;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    length = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    printf("%s: scene \"%s\", beginning at ", path, scene_at(sequence_start(bytes, length)->mark.scene)->name);
    print_place(&sequence_start(bytes, length)->at.state);
    printf("\n");
    broken = sequence_run(bytes, length, tell, &number);
    if (broken != NULL)
        printf("BROKEN: %s\n", broken);
    return broken != NULL;
}

int tlsm_replay_main(int argc, char **argv)
{
    int failed = 0;
    if (argc < 2 || argv[1][0] == '-') {
        fputs("usage: replay FILE...\n", stderr);
        return 2;
    }
    scenes_prepare();
    for (int i = 1; i < argc; i++)
        failed |= play(argv[i]);
    return failed;
}
