/* SPDX-License-Identifier: MIT */
/* The tables of the manual pages. Each is a fragment of mdoc with tbl in it, or Markdown; tools/docs.sh puts the fragments
 * where a page asks for them. */
#include <string.h>

#include "gen.h"

struct row {
    const char *group;   /* a heading; the other members are NULL */
    const char *contract, *situation;
    int returns;
    const char *error, *reason, *rules;
};
static const struct row rows[] = {
#define GROUP(title) { title, NULL, NULL, 0, NULL, NULL, NULL },
#define ROW(name, contract, situation, returns, error, reason, rules) \
    { NULL, #contract, situation, returns, #error, reason, rules },
#include "../docs/man/shutdown.def"
#undef GROUP
#undef ROW
};

static const char *contract(const struct row *row)
{
    return strcmp(row->contract, "ONE_CALL") == 0 ? "one call" : strcmp(row->contract, "TWO_STEP") == 0 ? "two-step" : "either";
}

static void generated(FILE *out, const char *source)
{
    fprintf(out, ".\\\" Made from %s by `make docs'; do not edit.\n", source);
}

/* roff's own characters lose their meaning. A sentence ends a line, as mdoc has it. */
static void roff(FILE *out, const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '\\') { fputs("\\e", out); }
        else if (*text == '-' && text[1] >= '0' && text[1] <= '9') { fputs("\\-", out); }
        else if ((*text == '.' || *text == ':') && text[1] == ' ') { fprintf(out, "%c\n", *text++); }
        else { putc(*text, out); }
    }
}

/* A cell that may be broken into lines. */
static void cell(FILE *out, const char *text)
{
    fputs("T{\n", out);
    roff(out, text);
    fputs("\nT}", out);
}

static void table_open(FILE *out, const char *columns, const char *heads)
{
    fprintf(out, ".TS\n%s\n%s\n_\n", columns, heads);
}

static void shutdown_row(FILE *out, const struct row *row)
{
    cell(out, row->situation);
    fprintf(out, "\t%s\t%s%d\t%s\t", contract(row), row->returns < 0 ? "\\" : "", row->returns, row->error);
    if (row->reason[0] != 0) { cell(out, row->reason); }
    fputs("\n", out);
}

void gen_man_shutdown(FILE *out)
{
    int open = 0;
    generated(out, "docs/man/shutdown.def");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].group == NULL) {
            shutdown_row(out, &rows[i]);
            continue;
        }
        fprintf(out, "%s.Ss %s\n", open ? ".TE\n" : "", rows[i].group);
        table_open(out, "lx l r l lw(14n).", "situation\tcontract\treturns\terror\treason");
        open = 1;
    }
    fputs(".TE\n", out);
}

void gen_shutdown(FILE *out)
{
    fputs("<!-- Generated from docs/man/shutdown.def by `make docs`; do not edit. -->\n\n# What SSL_shutdown() returns\n\n"
          "The table of [SSL_shutdown(3tlsm)](../man/SSL_shutdown.3tlsm), with the rules of [closing.md](../closing.md).\n"
          "Each row is a test in `test/ssl_shutdown_page_test.c` and holds in TLS 1.2 and TLS 1.3; where they differ, the row says so.\n", out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].group != NULL) {
            fprintf(out, "\n## %s\n\n| situation | contract | returns | SSL_get_error | reason | rules |\n|---|---|--:|---|---|---|\n",
                    rows[i].group);
        } else {
            fprintf(out, "| %s | %s | %d | `SSL_ERROR_%s` | %s | %s |\n", rows[i].situation, contract(&rows[i]),
                    rows[i].returns, rows[i].error, rows[i].reason, rows[i].rules);
        }
    }
}

/* ------------------------------------------------------------------------------------------------ code.def */

struct word {
    const char *name;
    int value, status;
    const char *text, *advice;
};
static const struct word codes[] = {
#define CODE(name, value, fault, text, advice) { #name, value, 0, text, advice },
#include "code.def"
#undef CODE
};
static const struct word endings[] = {
#define END(name, value, verdict, status, fault, text, advice) { #verdict, value, status, text, advice },
#include "code.def"
#undef END
};

void gen_man_verdicts(FILE *out)
{
    generated(out, "machine/code.def");
    table_open(out, "l r lx.", "verdict\tstatus\tmeaning");
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        gen_lower(out, endings[i].name);
        fprintf(out, "\t%d\t", endings[i].status);
        cell(out, endings[i].text);
        fputs("\n", out);
    }
    fputs(".TE\n", out);
}

static void code_range(FILE *out, const char *heading, int first, int last)
{
    fprintf(out, ".Ss %s\n", heading);
    table_open(out, "l r lx.", "code\tvalue\tmeaning, and what to do next");
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].value < first || codes[i].value > last) { continue; }
        fprintf(out, "TLSM_%s\t%d\t", codes[i].name, codes[i].value);
        fputs("T{\n", out);
        roff(out, codes[i].text);
        fputs("\n", out);
        roff(out, codes[i].advice);
        fputs("\nT}\n", out);
    }
    fputs(".TE\n", out);
}

void gen_man_codes(FILE *out)
{
    generated(out, "machine/code.def");
    code_range(out, "Fine, and news", 0, 31);
    code_range(out, "Short of something: bring it and repeat the same step", 32, 47);
    code_range(out, "Refused: nothing changed", 48, 127);
}
