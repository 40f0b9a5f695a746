/* SPDX-License-Identifier: MIT */
/* A chart for the README: how many times the floor each library takes, a group of bars for each row, a column for each version. */
#include <stdio.h>
#include <string.h>

#include "bench_report.h"

enum { WIDTH = 900, COLUMN = 424, MARGIN = 24, TOP = 96, FOOT = 56, NAME = 64, GROUP = 28, BAR = 13 };
enum { ONE = 70 /* how long the floor's own bar is */, MOST = 4 /* times that, and a bar is cut */ };

static const char style[] =
    "  <style>\n"
    "    text { font-family: 'DejaVu Sans', Verdana, Helvetica, Arial, sans-serif; fill: #1f2933; font-size: 11px; }\n"
    "    .title { font-size: 18px; font-weight: bold; }\n"
    "    .version { font-size: 14px; font-weight: bold; }\n"
    "    .row { font-size: 11.5px; font-weight: bold; }\n"
    "    .unit { font-weight: normal; fill: #52606d; }\n"
    "    .note { fill: #52606d; font-size: 11px; }\n"
    "    .own { font-weight: bold; }\n"
    "    .name { text-anchor: end; }\n"
    "    .floor { stroke: #b83232; stroke-width: 1.4; stroke-dasharray: 3 2; }\n"
    "    .cut { stroke: #ffffff; stroke-width: 3; }\n"
    "  </style>\n";

/* ------------------------------------------------------------------------------------------------ words */

static void write_text(FILE *file, int x, int y, const char *class, const char *text)
{
    (void)fprintf(file, "  <text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
    for (; *text != '\0'; text++)
        if (*text == '<' || *text == '&')
            (void)fputs(*text == '<' ? "&lt;" : "&amp;", file);
        else
            (void)fputc(*text, file);
    (void)fputs("</text>\n", file);
}

static void write_words(FILE *file, const struct bench_results *results, int height)
{
    char text[400];
    write_text(file, MARGIN, 34, "title", "Time next to the bare calls of libcrypto that the work cannot avoid");
    write_text(file, MARGIN, 54, "note",
               "1.00, the dashed line: those calls alone, in the same run. Client and server together, X25519, ECDSA P-256, AES-128-GCM.");
    (void)snprintf(text, sizeof text, "%s; libcrypto of %s; %s; medians of %d interleaved rounds.", results->machine, results->library[0]->release(),
                   results->day, results->rounds);
    write_text(file, MARGIN, height - 46, "note", text);
    text[0] = '\0';
    for (size_t i = 1; i < results->libraries; i++)
        if (strncmp(results->library[i]->key, "libssl", strlen("libssl")) != 0 && strcmp(results->library[i]->key, "tlsm_link") != 0) {
            const size_t at = strlen(text);
            (void)snprintf(text + at, sizeof text - at, "%s%s", at > 0 ? ", " : "", results->library[i]->release());
        }
    write_text(file, MARGIN, height - 30, "note", text);
    write_text(file, MARGIN, height - 14, "note",
               "libssl: over memory BIOs or over a BIO pair, whichever was quicker. The packages of the distribution, as they are.");
}

/* ------------------------------------------------------------------------------------------------ bars */

static void write_bar(FILE *file, int x, int y, const char *name, int is_own, double ratio)
{
    char value[32];
    const double shown = ratio < MOST ? ratio : MOST;
    const int length = (int)(shown * ONE + 0.5);
    (void)snprintf(value, sizeof value, "%.2f", ratio);
    write_text(file, x + NAME - 6, y + 10, is_own ? "name own" : "name", name);
    (void)fprintf(file, "  <rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", x + NAME, y + 1, length, BAR - 3,
                  is_own ? "#2f6fb5" : "#b4bec9");
    if (ratio > MOST)
        (void)fprintf(file, "  <path class=\"cut\" d=\"M%d,%d l-6,%d\"/>\n", x + NAME + length - 14, y - 1, BAR + 1);
    write_text(file, x + NAME + (length > ONE ? length : ONE) + 5, y + 10, is_own ? "own" : "value", value);
}

/* libssl_pair: which of the two is drawn for both. */
static int is_drawn(const struct bench_results *results, size_t row, size_t library)
{
    const size_t memory = bench_index(results, "libssl"), pair = bench_index(results, "libssl_pair");
    if (!bench_measured(results, row, library) || library == bench_index(results, "tlsm_link"))
        return 0;
    if ((library != memory && library != pair) || !bench_measured(results, row, pair) || !bench_measured(results, row, memory))
        return 1;
    const int pair_is_quicker = bench_ratio_of(results, row, pair, memory).middle < 1;
    return (library == pair) == pair_is_quicker;
}

static int write_group(FILE *file, const struct bench_results *results, size_t row, int x, int y)
{
    const double floor = bench_spread_of(results, row, 0).middle;
    const char *name = bench_rows[row].version == BENCH_TLS12 ? bench_rows[row].name + strlen("TLS 1.2: ") : bench_rows[row].name;
    (void)fprintf(file, "  <text class=\"row\" x=\"%d\" y=\"%d\">%s<tspan class=\"unit\">, 1.00 is ", x, y + 20, name);
    (void)fprintf(file, floor < 10000 ? "%.0f ns</tspan></text>\n" : "%.0f µs</tspan></text>\n", floor < 10000 ? floor : floor / 1000);
    y += GROUP;
    const int top = y;
    for (size_t i = 1; i < results->libraries; i++)
        if (is_drawn(results, row, i)) {
            const char *key = results->library[i]->key;
            write_bar(file, x, y, strncmp(key, "libssl", strlen("libssl")) == 0 ? "libssl" : results->library[i]->name, i == 1,
                      bench_ratio_of(results, row, i, 0).middle);
            y += BAR;
        }
    (void)fprintf(file, "  <path class=\"floor\" d=\"M%d,%d V%d\"/>\n", x + NAME + ONE, top - 3, y + 2);
    return y;
}

static int write_column(FILE *file, const struct bench_results *results, enum bench_version version, int x)
{
    int y = TOP - 4;
    write_text(file, x, y, "version", version == BENCH_TLS13 ? "TLS 1.3" : "TLS 1.2");
    for (size_t row = 0; row < BENCH_ROWS; row++)
        if (bench_rows[row].version == version && bench_measured(results, row, 0))
            y = write_group(file, results, row, x, y);
    return y;
}

/* ------------------------------------------------------------------------------------------------ the page */

static int height_of(const struct bench_results *results, enum bench_version version)
{
    int height = TOP + FOOT + MARGIN;
    for (size_t row = 0; row < BENCH_ROWS; row++)
        if (bench_rows[row].version == version && bench_measured(results, row, 0)) {
            height += GROUP;
            for (size_t i = 1; i < results->libraries; i++)
                height += is_drawn(results, row, i) ? BAR : 0;
        }
    return height;
}

int bench_write_svg(const struct bench_results *results, const char *path)
{
    const int one = height_of(results, BENCH_TLS13), other = height_of(results, BENCH_TLS12), height = one > other ? one : other;
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    (void)fprintf(file, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n", WIDTH,
                  height, WIDTH, height);
    (void)fputs("  <!-- SPDX-License-Identifier: MIT. Written by `make bench`; do not edit. -->\n"
                "  <title>Time of TLS libraries next to the bare calls of libcrypto</title>\n", file);
    (void)fputs(style, file);
    /* Its own ground, so that it reads the same on a dark page. */
    (void)fprintf(file, "  <rect x=\"0.5\" y=\"0.5\" width=\"%d\" height=\"%d\" rx=\"10\" fill=\"#ffffff\" stroke=\"#cbd2d9\"/>\n", WIDTH - 1,
                  height - 1);
    write_words(file, results, height);
    (void)write_column(file, results, BENCH_TLS13, MARGIN);
    (void)write_column(file, results, BENCH_TLS12, MARGIN + COLUMN + 8);
    (void)fputs("</svg>\n", file);
    if (fclose(file) != 0) {
        perror(path);
        return -1;
    }
    return 0;
}
