/* SPDX-License-Identifier: MIT */
/* gen FOLDER VERSION: writes everything in the documents that is made from the .def files, and tlsm_version.h, below
 * FOLDER. Built and run by `make docs`; test/docs_test.sh compares what it writes with what is in the tree. */
#include <stdlib.h>
#include <string.h>

#include "gen.h"
#include "tlsm.h"

#define RX(state, event, next, action, result, why) \
    { GEN_RX, TLSM_RX_##state, TLSM_EV_##event, TLSM_RX_##next, TLSM_##result, #state, #event, #next, #action, #result, why },
#define TX(state, event, next, action, result, why) \
    { GEN_TX, TLSM_TX_##state, TLSM_EV_##event, TLSM_TX_##next, TLSM_##result, #state, #event, #next, #action, #result, why },
const struct gen_row gen_rows[] = {
#include "closing.def"
};
#undef RX
#undef TX
const size_t gen_row_count = sizeof gen_rows / sizeof gen_rows[0];

struct code {
    const char *name;
    int value;
    const char *fault, *text, *advice;
};
static const struct code codes[] = {
#define CODE(name, value, fault, text, advice) { #name, value, #fault, text, advice },
#include "code.def"
#undef CODE
};

struct ending {
    const char *name, *verdict;
    int value, status;
    const char *fault, *text, *advice;
};
static const struct ending endings[] = {
#define END(name, value, verdict, status, fault, text, advice) { #name, #verdict, value, status, #fault, text, advice },
#include "code.def"
#undef END
};

static const struct {
    int value;
    const char *text;
} statuses[] = {
#define STATUS(name, value, text) { value, text },
#include "status.def"
#undef STATUS
};

static const struct {
    const char *name, *mover, *cause, *text;
} events[] = {
#define EVENT(name, mover, cause, text) { #name, #mover, #cause, text },
#include "event.def"
#undef EVENT
};

int gen_impossible(const struct gen_row *row) { return strncmp(row->why, "cannot happen", 13) == 0; }
int gen_refuses(const struct gen_row *row) { return row->result >= 48; }

static void generated(FILE *out, const char *title, const char *source)
{
    fprintf(out, "<!-- Generated from machine/%s by `make docs`; do not edit. -->\n\n# %s\n\n", source, title);
}

static const char *fault(const char *name)
{
    return strcmp(name, "NOBODY") == 0 ? "nobody's" : strcmp(name, "CALLER") == 0 ? "the caller's" : "the peer's";
}

void gen_lower(FILE *out, const char *name)
{
    for (; *name != 0; name++) { putc(*name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : *name, out); }
}

static void code_range(FILE *out, const char *heading, int first, int last)
{
    fprintf(out, "\n## %s\n\n| code | value | whose fault | meaning | what to do next |\n|---|--:|---|---|---|\n", heading);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].value >= first && codes[i].value <= last) {
            fprintf(out, "| `TLSM_%s` | %d | %s | %s | %s |\n", codes[i].name, codes[i].value, fault(codes[i].fault),
                    codes[i].text, codes[i].advice);
        }
    }
}

static void write_codes(FILE *out)
{
    generated(out, "Result codes", "code.def");
    fputs("Every result a step can give, whose fault it is, and what to do next. The negative ones are the verdicts of\n"
          "connections that are over: [verdicts.md](verdicts.md).\n", out);
    code_range(out, "Fine", 0, 0);
    code_range(out, "News (the larger, the graver)", 1, 31);
    code_range(out, "Short of something: bring it and repeat the same step", 32, 47);
    code_range(out, "Refused: nothing changed", 48, 127);
}

static void verdict_rows(FILE *out)
{
    fputs("| verdict | code | exit status | whose doing | meaning | what to do next |\n|---|--:|--:|---|---|---|\n", out);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        fputs("| `", out);
        gen_lower(out, endings[i].verdict);
        fprintf(out, "` | %d | %d | %s | %s | %s |\n", endings[i].value, endings[i].status, fault(endings[i].fault),
                endings[i].text, endings[i].advice);
    }
}

static void write_verdicts(FILE *out)
{
    generated(out, "Verdicts: how a connection ended", "code.def");
    fputs("One of these, sticky once the connection is final; `open` until then. The exit status is that of the `tlsm`\n"
          "command. Precedence is rule V1 of [closing.md](../closing.md).\n\n", out);
    verdict_rows(out);
    fputs("\nBelow 8 the command speaks of itself, not of a connection:\n\n| exit status | meaning |\n|--:|---|\n", out);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        fprintf(out, "| %d | %s |\n", statuses[i].value, statuses[i].text);
    }
}

/* The short form for README.md. */
static void write_verdicts_short(FILE *out)
{
    fputs("| verdict | exit status | meaning |\n|---|--:|---|\n", out);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        fputs("| `", out);
        gen_lower(out, endings[i].verdict);
        fprintf(out, "` | %d | %s |\n", endings[i].status, endings[i].text);
    }
}

/* For docs/embedding.md: a clean end and the others, told apart in one word. */
static void write_verdicts_embedding(FILE *out)
{
    fputs("| verdict | is the peer's data complete? | what it says | what to do |\n|---|:-:|---|---|\n", out);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        fputs("| `", out);
        gen_lower(out, endings[i].verdict);
        fprintf(out, "` | %s | %s | %s |\n", endings[i].status == 0 ? "**yes**" : "no", endings[i].text, endings[i].advice);
    }
}

static const char *or_nothing(const char *name, const char *nothing)
{
    return strcmp(name, nothing) == 0 ? "" : name;
}

static void write_events(FILE *out)
{
    generated(out, "Events", "event.def");
    fputs("Only these move a connection towards its end. Each is looked up once in each half's table:\n"
          "[closing-rx.md](closing-rx.md), [closing-tx.md](closing-tx.md).\n\n| event | what happened | who moved | cause it leaves |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        fprintf(out, "| `%s` | %s | %s | %s |\n", events[i].name, events[i].text, or_nothing(events[i].mover, "NOBODY"),
                or_nothing(events[i].cause, "NONE"));
    }
}

static void closing_row(FILE *out, const struct gen_row *row)
{
    const char *next = gen_refuses(row) ? "refused" : row->next == row->state ? "stays" : row->next_name;
    int bold = !gen_refuses(row) && row->next != row->state;
    fprintf(out, "| %s | %s%s%s | %s | %s | %s |\n", row->event_name, bold ? "**" : "", next, bold ? "**" : "",
            strcmp(row->action, "NONE") == 0 ? "" : row->action, row->result_name, row->why);
}

static void write_closing(FILE *out, enum gen_half half, const char *title)
{
    const char *state = "";
    generated(out, title, "closing.def");
    fputs("Every state, every event, and the reason beside each cell: rules of [closing.md](../closing.md), or sections of an\n"
          "RFC. The picture is [closing.svg](../closing.svg); results are explained in [codes.md](codes.md).\n", out);
    for (size_t i = 0; i < gen_row_count; i++) {
        if (gen_rows[i].half != half) { continue; }
        if (strcmp(state, gen_rows[i].state_name) != 0) {
            state = gen_rows[i].state_name;
            fprintf(out, "\n## %s\n\n| event | next | action | result | why |\n|---|---|---|---|---|\n", state);
        }
        closing_row(out, &gen_rows[i]);
    }
}

static void write_closing_rx(FILE *out) { write_closing(out, GEN_RX, "The receiving half"); }
static void write_closing_tx(FILE *out) { write_closing(out, GEN_TX, "The sending half"); }

static void write_version(FILE *out, const char *version)
{
    int major = 0, minor = 0, patch = 0;
    if (sscanf(version, "%d.%d.%d", &major, &minor, &patch) != 3) {
        fprintf(stderr, "gen: VERSION is not three numbers: %s\n", version);
        exit(1);
    }
    fputs("/* SPDX-License-Identifier: MIT */\n/* Generated from VERSION by `make docs`; do not edit. */\n"
          "#ifndef TLSM_VERSION_H\n#define TLSM_VERSION_H\n", out);
    fprintf(out, "#define TLSM_VERSION_MAJOR %d\n#define TLSM_VERSION_MINOR %d\n#define TLSM_VERSION_PATCH %d\n", major,
            minor, patch);
    fprintf(out, "#define TLSM_VERSION_STRING \"%d.%d.%d\"\n#endif\n", major, minor, patch);
}

static FILE *open_below(const char *folder, const char *name)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) { exit(1); }
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        perror(path);
        exit(1);
    }
    return out;
}

static void shut(FILE *out)
{
    if (ferror(out) != 0 || fclose(out) != 0) {
        perror("gen");
        exit(1);
    }
}

static const struct { const char *name; void (*write)(FILE *out); } documents[] = {
    { "docs/tables/codes.md", write_codes },
    { "docs/tables/verdicts.md", write_verdicts },
    { "docs/tables/verdicts-short.md", write_verdicts_short },
    { "docs/tables/verdicts-embedding.md", write_verdicts_embedding },
    { "docs/tables/events.md", write_events },
    { "docs/tables/closing-rx.md", write_closing_rx },
    { "docs/tables/closing-tx.md", write_closing_tx },
    { "docs/tables/handshake.md", gen_handshake_table },
    { "docs/tables/shutdown.md", gen_shutdown },
    { "docs/tables/shutdown.mdoc", gen_man_shutdown },
    { "docs/tables/verdicts.mdoc", gen_man_verdicts },
    { "docs/tables/codes.mdoc", gen_man_codes },
    { "docs/closing.svg", gen_closing_svg },
    { "docs/handshake.svg", gen_handshake_svg },
    { "docs/handshake12.svg", gen_handshake12_svg },
    { "docs/late_auth.svg", gen_late_auth_svg },
};

int main(int count, char **argument)
{
    if (count != 3) {
        fputs("usage: gen FOLDER VERSION\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        FILE *out = open_below(argument[1], documents[i].name);
        documents[i].write(out);
        shut(out);
    }
    FILE *out = open_below(argument[1], "machine/tlsm_version.h");
    write_version(out, argument[2]);
    shut(out);
    return 0;
}
