/* SPDX-License-Identifier: MIT */
/* The handshake's order, from handshake.def and phase.def: docs/handshake.svg, docs/handshake12.svg and docs/late_auth.svg (one column
 * of phases for each role) and docs/tables/handshake.md. */
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

enum { NOBODY = 0, CLIENT = 1, SERVER = 2, EITHER = 3 };
static const struct {
    const char *name, *text;
    int role;
} phases[] = {
#define PHASE(name, role, rx, tx, read, write, text) { #name, text, role },
#include "phase.def"
#undef PHASE
};

/* One picture: the phases whose names begin alike, what they come from, and where they lead. */
enum part { NEWER, OLDER, LATE };
static const struct page {
    enum part part;
    const char *title;
    int above[3];   /* by role: the phase that leads here */
    const char *start[3];
} pages[] = {
    { NEWER, "The order of the TLS 1.3 handshake", { 0, TLSM_PHASE_NEW, TLSM_PHASE_NEW }, { "", "start", "start" } },
    { OLDER, "The order of the TLS 1.2 handshake", { 0, TLSM_PHASE_C_WAIT_HELLO, TLSM_PHASE_S_VERSION },
      { "", "receives ServerHello of TLS 1.2", "if not newer" } },
    { LATE, "Client authentication after the handshake", { 0, TLSM_PHASE_DATA, TLSM_PHASE_DATA },
      { "", "receives CertificateRequest", "command" } },
};

enum { PITCH = 64, WIDTH = 190, HEIGHT = 34, TOP = 120, CLIENT_X = 230, SERVER_X = 870, LANE = 22, PAGE = 1330 };

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

static enum part part_of(int phase)
{
    const char *name = phases[phase].name;
    if (name[0] == 'P') { return LATE; }
    return strncmp(name + 1, "12", 2) == 0 ? OLDER : NEWER;
}

static int is_end(int phase) { return phase == TLSM_PHASE_NEW || phase == TLSM_PHASE_DATA; }

static int in_column(const struct page *page, int phase, int role)
{
    return phase == page->above[role] || phase == TLSM_PHASE_DATA ||
           (!is_end(phase) && part_of(phase) == page->part && phases[phase].role == role);
}

/* Which place from the top a phase has in a role's column: what leads here first, the end last. */
static int place_of(const struct page *page, int phase, int role)
{
    int place = 0;
    if (phase == page->above[role]) { return 0; }
    for (int i = 0; i < TLSM_PHASE_COUNT; i++) {
        place += (i < phase || phase == TLSM_PHASE_DATA) && i != TLSM_PHASE_DATA && i != page->above[role] && in_column(page, i, role);
    }
    return place + 1;
}

static struct gen_box box_of(const struct page *page, int phase, int role)
{
    struct gen_box box = { role == SERVER ? SERVER_X : CLIENT_X, TOP + place_of(page, phase, role) * PITCH, WIDTH, HEIGHT };
    return box;
}

/* What leads to another picture is only named. */
static void draw_away(FILE *out, struct gen_box from, int to, const char *text)
{
    char whole[200];
    snprintf(whole, sizeof whole, "%s: %s", text, phases[to].name);
    gen_svg_text(out, from.x - 6, from.y + HEIGHT / 2 - 6, "event-end", whole);
}

/* To the next box straight down, further by a lane of its own on the left. */
static void draw_arrow(FILE *out, const struct page *page, int from, int to, const char *text, int role, int *lane)
{
    struct gen_box a = box_of(page, from, role), b = box_of(page, to, role);
    char path[128];
    if (!in_column(page, to, role)) {
        draw_away(out, a, to, text);
        return;
    }
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
    *lane = (*lane + 1) % 4;
}

static void draw_arrows(FILE *out, const struct page *page, int role)
{
    int lane = 0;
    for (int i = 0; i < ARROWS; i++) {
        const int from = arrows[i].from;
        char text[160];
        if (is_end(from) || part_of(from) != page->part || phases[from].role != role) { continue; }
        label(&arrows[i], text, sizeof text);
        draw_arrow(out, page, from, arrows[i].next, text, role, &lane);
        if (arrows[i].otherwise != arrows[i].next) { draw_arrow(out, page, from, arrows[i].otherwise, "else", role, &lane); }
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

static void draw_start(FILE *out, const struct page *page, int role)
{
    int first = 0, lane = 0;
    for (int i = 0; i < TLSM_PHASE_COUNT && first == 0; i++) {
        if (!is_end(i) && i != page->above[role] && in_column(page, i, role)) { first = i; }
    }
    draw_arrow(out, page, page->above[role], first, page->start[role], role, &lane);
}

/* Without what the picture's title says already. */
static const char *short_name(int phase)
{
    const char *name = phases[phase].name, *after = strchr(name, '_');
    return is_end(phase) || after == NULL ? name : strncmp(name + 1, "12R", 3) == 0 ? name + 3 : after + 1;
}

static void draw_column(FILE *out, const struct page *page, int role)
{
    gen_svg_text(out, role == SERVER ? SERVER_X : CLIENT_X, TOP - 20, "half", role == SERVER ? "Server" : "Client");
    draw_start(out, page, role);
    draw_arrows(out, page, role);
    for (int i = 0; i < TLSM_PHASE_COUNT; i++) {
        const int foreign = i == page->above[role] || i == TLSM_PHASE_DATA;
        if (in_column(page, i, role)) {
            gen_svg_box(out, box_of(page, i, role), tone_of(i), foreign ? phases[i].name : short_name(i), "");
        }
    }
}

static int length_of(const struct page *page, int role)
{
    int length = 0;
    for (int i = 0; i < TLSM_PHASE_COUNT; i++) { length += !is_end(i) && i != page->above[role] && in_column(page, i, role); }
    return length + 1;
}

static void draw_page(FILE *out, const struct page *page)
{
    const int client = length_of(page, CLIENT), server = length_of(page, SERVER);
    gen_svg_open(out, PAGE, TOP + (client > server ? client : server) * PITCH + HEIGHT + 30, page->title);
    gen_svg_text(out, 30, 36, "title", page->title);
    gen_svg_text(out, 30, 60, "note", "Blue waits for a message, grey owes one, yellow waits for an answer from outside. "
                                      "A message without an arrow is unexpected_message.");
    draw_column(out, page, CLIENT);
    draw_column(out, page, SERVER);
    gen_svg_close(out);
}

void gen_handshake_svg(FILE *out) { draw_page(out, &pages[NEWER]); }
void gen_handshake12_svg(FILE *out) { draw_page(out, &pages[OLDER]); }
void gen_late_auth_svg(FILE *out) { draw_page(out, &pages[LATE]); }

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
          "`unexpected_message`. The pictures are [handshake.svg](../handshake.svg) for TLS 1.3,\n"
          "[handshake12.svg](../handshake12.svg) for TLS 1.2, and [late_auth.svg](../late_auth.svg).\n\n## Rows\n\n"
          "| phase | | message or question | if | must end its record | event | next | otherwise |\n"
          "|---|---|---|---|---|---|---|---|\n", out);
    for (int i = 0; i < ARROWS; i++) { table_row(out, &arrows[i]); }
    fputs("\n## Phases\n\n| phase | |\n|---|---|\n", out);
    for (int i = 0; i < TLSM_PHASE_COUNT; i++) { fprintf(out, "| %s | %s |\n", phases[i].name, phases[i].text); }
}
