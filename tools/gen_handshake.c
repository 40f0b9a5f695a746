/* SPDX-License-Identifier: MIT */
/* The handshake's order, from handshake.def and phase.def: docs/handshake.svg (one column of phases for each role) and
 * docs/tables/handshake.md. */
#include <ctype.h>
#include <string.h>

#include "gen.h"
#include "tlsm.h"

enum kind { RECEIVES, MAKES, ASKS, FORKS };
struct arrow {
    int from, next, otherwise;   /* enum tlsm_phase */
    enum kind kind;
    const char *what, *condition, *event, *boundary;
};

#define REST(phase)
#define FORK(phase, condition, next, otherwise) \
    { TLSM_PHASE_##phase, TLSM_PHASE_##next, TLSM_PHASE_##otherwise, FORKS, "", #condition, "QUIET", "" },
#define RECEIVE(phase, message, boundary, handler, event, next) \
    { TLSM_PHASE_##phase, TLSM_PHASE_##next, TLSM_PHASE_##next, RECEIVES, #message, "ALWAYS", #event, #boundary },
#define MAKE(phase, condition, message, maker, event, next, otherwise) \
    { TLSM_PHASE_##phase, TLSM_PHASE_##next, TLSM_PHASE_##otherwise, MAKES, #message, #condition, #event, "" },
#define ANSWER(phase, condition, kind, handler, next, otherwise) \
    { TLSM_PHASE_##phase, TLSM_PHASE_##next, TLSM_PHASE_##otherwise, ASKS, #kind, #condition, "QUIET", "" },
static const struct arrow arrows[] = {
#include "handshake.def"
};
enum { ARROWS = sizeof arrows / sizeof arrows[0] };

static const struct {
    const char *name, *text;
} phases[] = {
#define PHASE(name, role, rx, tx, read, write, text) { #name, text },
#include "phase.def"
#undef PHASE
};

enum { PITCH = 64, WIDTH = 190, HEIGHT = 34, TOP = 120, CLIENT_X = 180, SERVER_X = 750, LANE = 22, PAGE = 1170 };

/* The wire's spelling of a message: ENCRYPTED_EXTENSIONS is EncryptedExtensions. */
static void spell(const char *name, char *out, size_t capacity)
{
    size_t length = 0;
    int first = 1;
    if (strcmp(name, "CCS") == 0) { name = "CHANGE_CIPHER_SPEC"; }
    if (strcmp(name, "HELLO_RETRY") == 0) { name = "HELLO_RETRY_REQUEST"; }
    for (; *name != 0 && length + 1 < capacity; name++) {
        if (*name != '_') { out[length++] = (char)(first ? *name : tolower((unsigned char)*name)); }
        first = *name == '_';
    }
    out[length] = 0;
}

static void words(const char *name, char *out, size_t capacity)
{
    size_t length = 0;
    for (; *name != 0 && length + 1 < capacity; name++) {
        out[length++] = (char)(*name == '_' ? ' ' : tolower((unsigned char)*name));
    }
    out[length] = 0;
}

static void label(const struct arrow *arrow, char *out, size_t capacity)
{
    char name[64], condition[64];
    spell(arrow->what, name, sizeof name);
    words(arrow->condition, condition, sizeof condition);
    const char *verb = arrow->kind == RECEIVES ? "receives" : arrow->kind == MAKES ? "makes" : "answered:";
    int always = strcmp(arrow->condition, "ALWAYS") == 0;
    if (arrow->kind == FORKS) {
        snprintf(out, capacity, "if %s", condition);
        return;
    }
    if (arrow->kind == ASKS) { words(arrow->what, name, sizeof name); }
    snprintf(out, capacity, "%s %s%s%s%s", verb, name, always ? "" : " (if ", always ? "" : condition, always ? "" : ")");
}

/* ---------------------------------------------------------------------------------------- the picture */

static int is_server(int phase) { return phases[phase].name[0] == 'S'; }
static int in_column(int phase, int server)
{
    return phase == TLSM_PHASE_NEW || phase == TLSM_PHASE_DATA || is_server(phase) == server;
}

/* Which place from the top a phase has in a role's column. */
static int place_of(int phase, int server)
{
    int place = 0;
    for (int i = 0; i < phase; i++) { place += in_column(i, server); }
    return place;
}

static struct gen_box box_of(int phase, int server)
{
    struct gen_box box = { server ? SERVER_X : CLIENT_X, TOP + place_of(phase, server) * PITCH, WIDTH, HEIGHT };
    return box;
}

/* To the next box straight down, further by a lane of its own on the left. */
static void draw_arrow(FILE *out, int from, int to, const char *text, int server, int *lane)
{
    struct gen_box a = box_of(from, server), b = box_of(to, server);
    char path[128];
    if (b.y == a.y + PITCH) {
        snprintf(path, sizeof path, "M%d,%d V%d", a.x + WIDTH / 2, a.y + HEIGHT, b.y);
        gen_svg_path(out, "main", path);
        gen_svg_text(out, a.x + WIDTH / 2 + 10, a.y + HEIGHT + 19, "event", text);
        return;
    }
    int x = a.x - 40 - *lane * LANE;
    snprintf(path, sizeof path, "M%d,%d H%d V%d H%d", a.x, a.y + HEIGHT / 2, x, b.y + HEIGHT / 2, b.x);
    gen_svg_path(out, "edge", path);
    gen_svg_text(out, a.x - 6, a.y + HEIGHT / 2 - 6, "event-end", text);
    *lane = (*lane + 1) % 2;
}

static void draw_arrows(FILE *out, int server)
{
    int lane = 0;
    for (int i = 0; i < ARROWS; i++) {
        char text[160];
        if (is_server(arrows[i].from) != server) { continue; }
        label(&arrows[i], text, sizeof text);
        draw_arrow(out, arrows[i].from, arrows[i].next, text, server, &lane);
        if (arrows[i].otherwise != arrows[i].next) { draw_arrow(out, arrows[i].from, arrows[i].otherwise, "else", server, &lane); }
    }
}

static enum gen_tone tone_of(int phase)
{
    if (phase == TLSM_PHASE_DATA) { return GEN_GOOD; }
    for (int i = 0; i < ARROWS; i++) {
        if (arrows[i].from == phase) {
            static const enum gen_tone tones[] = { GEN_LIVE, GEN_PLAIN, GEN_WARN, GEN_GREY };
            return tones[arrows[i].kind];
        }
    }
    return GEN_GREY;
}

static void draw_start(FILE *out, int server)
{
    int first = 0, lane = 0;
    for (int i = 0; i < TLSM_PHASE_COUNT && first == 0; i++) {
        if (i != TLSM_PHASE_NEW && i != TLSM_PHASE_DATA && is_server(i) == server) { first = i; }
    }
    draw_arrow(out, TLSM_PHASE_NEW, first, "start", server, &lane);
}

static void draw_column(FILE *out, int server)
{
    gen_svg_text(out, server ? SERVER_X : CLIENT_X, TOP - 20, "half", server ? "Server" : "Client");
    draw_start(out, server);
    draw_arrows(out, server);
    for (int i = 0; i < TLSM_PHASE_COUNT; i++) {
        const char *name = phases[i].name;
        if (in_column(i, server)) {
            gen_svg_box(out, box_of(i, server), tone_of(i), name[1] == '_' ? name + 2 : name, "");
        }
    }
}

void gen_handshake_svg(FILE *out)
{
    int client = place_of(TLSM_PHASE_DATA, 0), server = place_of(TLSM_PHASE_DATA, 1);
    gen_svg_open(out, PAGE, TOP + (client > server ? client : server) * PITCH + HEIGHT + 30, "The order of the TLS 1.3 handshake");
    gen_svg_text(out, 30, 36, "title", "The order of the handshake");
    gen_svg_text(out, 30, 60, "note", "Blue waits for a message, grey owes one, yellow waits for an answer from outside. "
                                      "A message without an arrow is unexpected_message.");
    draw_column(out, 0);
    draw_column(out, 1);
    gen_svg_close(out);
}

/* ---------------------------------------------------------------------------------------- the table */

static void table_row(FILE *out, const struct arrow *arrow)
{
    static const char *const kinds[] = { "receive", "make", "ask", "fork" };
    char name[64], condition[64];
    spell(arrow->what, name, sizeof name);
    words(arrow->condition, condition, sizeof condition);
    fprintf(out, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", phases[arrow->from].name, kinds[arrow->kind],
            arrow->kind == ASKS ? arrow->what : name, strcmp(arrow->condition, "ALWAYS") == 0 ? "" : condition,
            strcmp(arrow->boundary, "ENDS") == 0 ? "yes" : "", strcmp(arrow->event, "QUIET") == 0 ? "" : arrow->event,
            phases[arrow->next].name, arrow->otherwise == arrow->next ? "" : phases[arrow->otherwise].name);
}

void gen_handshake_table(FILE *out)
{
    fputs("<!-- Generated from machine/handshake.def and machine/phase.def by `make docs`; do not edit. -->\n\n"
          "# The order of the handshake\n\n"
          "Which message may come in which phase, which is made, what is asked, and what follows. A message without a row is\n"
          "`unexpected_message`. The picture is [handshake.svg](../handshake.svg).\n\n## Rows\n\n"
          "| phase | | message or question | if | must end its record | event | next | otherwise |\n"
          "|---|---|---|---|---|---|---|---|\n", out);
    for (int i = 0; i < ARROWS; i++) { table_row(out, &arrows[i]); }
    fputs("\n## Phases\n\n| phase | |\n|---|---|\n", out);
    for (int i = 0; i < TLSM_PHASE_COUNT; i++) { fprintf(out, "| %s | %s |\n", phases[i].name, phases[i].text); }
}
