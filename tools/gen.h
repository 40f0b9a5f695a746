/* SPDX-License-Identifier: MIT */
/* What the generator of the documents' tables and diagrams shares between its files. */
#ifndef TLSM_GEN_H
#define TLSM_GEN_H

#include <stdio.h>

enum gen_half { GEN_RX, GEN_TX };

/* One row of closing.def. */
struct gen_row {
    enum gen_half half;
    int state, event, next, result;   /* of the enums in tlsm.h */
    const char *state_name, *event_name, *next_name, *action, *result_name, *why;
};

extern const struct gen_row gen_rows[];
extern const size_t gen_row_count;

/* gen_impossible: classification never reaches this cell, so diagrams leave it out. */
int gen_impossible(const struct gen_row *row);

/* gen_refuses: a result of 48 and up changes nothing, whatever `next` says. */
int gen_refuses(const struct gen_row *row);

/* Each writes one document to `out`. */
void gen_closing_svg(FILE *out);
void gen_handshake_svg(FILE *out);
void gen_handshake12_svg(FILE *out);
void gen_late_auth_svg(FILE *out);
void gen_handshake_table(FILE *out);
void gen_shutdown(FILE *out);
void gen_man_shutdown(FILE *out);
void gen_man_verdicts(FILE *out);
void gen_man_codes(FILE *out);

/* gen_lower: an identifier of a .def file in small letters. */
void gen_lower(FILE *out, const char *name);

/* Drawing, in gen_svg.c. Coordinates are pixels; text is XML-escaped here. */
struct gen_box {
    int x, y, width, height;
};
enum gen_tone { GEN_PLAIN, GEN_LIVE, GEN_GOOD, GEN_WARN, GEN_BAD, GEN_GREY };

void gen_svg_open(FILE *out, int width, int height, const char *title);
void gen_svg_close(FILE *out);
void gen_svg_text(FILE *out, int x, int y, const char *class, const char *text);
void gen_svg_box(FILE *out, struct gen_box box, enum gen_tone tone, const char *name, const char *meaning);
void gen_svg_path(FILE *out, const char *class, const char *path);
void gen_svg_escape(FILE *out, const char *text);

#endif
