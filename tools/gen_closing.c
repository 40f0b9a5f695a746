/* SPDX-License-Identifier: MIT */
/* docs/closing.svg: the two halves of closing.def as state diagrams. Only the places of the boxes and which neighbours get
 * an arrow are said here; every event comes from the rows. Transitions that several states share, or whose states are no
 * neighbours, are collected in cards beside the state they lead to, and each source wears the card's letter. */
#include <stdint.h>
#include <string.h>

#include "gen.h"
#include "tlsm.h"

enum {
    STATES = TLSM_TX_COUNT, CARDS = 26, PAGE_WIDTH = 1260, LINE = 15, CARD_CHARS = 72,
    BOX_WIDTH = 132, BOX_HEIGHT = 50, CARD_WIDTH = 500, CARD_HEAD = 25, CARD_GAP = 10, ROW = 40
};

struct shape {
    const char *name, *meaning;
    enum gen_tone tone;
    struct gen_box box;   /* y < 0: beside the middle of its cards */
};

enum bend { ACROSS, DOWN, RIGHT_DOWN, DOWN_RIGHT, RIGHT_UP };
struct route {
    int from, to;
    enum bend bend;
    int main;   /* on the way to a clean end */
};

/* The cards of a target: a column beside it on its left, or (under) narrow ones below it. */
struct column {
    int target, x, under, width;
};

struct card {
    int target;
    unsigned sources;
    uint64_t events;
    struct gen_box box;
};

struct half {
    enum gen_half which;
    const char *title;
    int states, height, cards_top, cards;
    struct shape shape[STATES];
    const struct route *routes;
    size_t route_count;
    const struct column *columns;
    size_t column_count;
    struct card card[CARDS];
};

#define AT(x, y) { x, y, BOX_WIDTH, BOX_HEIGHT }
static const struct route rx_routes[] = {
    { TLSM_RX_UNBORN, TLSM_RX_HANDSHAKE, ACROSS, 1 },
    { TLSM_RX_HANDSHAKE, TLSM_RX_OPEN, ACROSS, 1 },
    { TLSM_RX_OPEN, TLSM_RX_CLOSED, ACROSS, 1 },
};
static const struct column rx_columns[] = { { TLSM_RX_CUT, 490, 0, CARD_WIDTH }, { TLSM_RX_DEAD, 490, 0, CARD_WIDTH } };
static const struct route tx_routes[] = {
    { TLSM_TX_UNBORN, TLSM_TX_MUTE, ACROSS, 1 },
    { TLSM_TX_MUTE, TLSM_TX_HANDSHAKE, ACROSS, 1 },
    { TLSM_TX_HANDSHAKE, TLSM_TX_OPEN, ACROSS, 1 },
    { TLSM_TX_OPEN, TLSM_TX_CLOSING, ACROSS, 1 },
    { TLSM_TX_CLOSING, TLSM_TX_CLOSE_OUT, ACROSS, 1 },
    { TLSM_TX_CLOSE_OUT, TLSM_TX_CLOSED, DOWN, 1 },
    { TLSM_TX_HANDSHAKE, TLSM_TX_CANCELLING, DOWN_RIGHT, 0 },
    { TLSM_TX_CANCELLING, TLSM_TX_CLOSING, RIGHT_UP, 0 },
    { TLSM_TX_FAILING, TLSM_TX_FAIL_OUT, ACROSS, 0 },
    { TLSM_TX_FAIL_OUT, TLSM_TX_DEAD, RIGHT_DOWN, 0 },
};
static const struct column tx_columns[] = {
    { TLSM_TX_CLOSING, 876, 1, 184 }, { TLSM_TX_FAILING, 30, 0, CARD_WIDTH }, { TLSM_TX_DEAD, 490, 0, CARD_WIDTH },
    { TLSM_TX_EXPORTED, 490, 0, CARD_WIDTH },
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
static struct half receiving = {
    .which = GEN_RX, .title = "RX: the receiving half", .states = TLSM_RX_COUNT, .cards_top = 112,
    .shape = {
        [TLSM_RX_UNBORN] = { "UNBORN", "not started", GEN_PLAIN, AT(30, ROW) },
        [TLSM_RX_HANDSHAKE] = { "HANDSHAKE", "no Finished yet", GEN_PLAIN, AT(232, ROW) },
        [TLSM_RX_OPEN] = { "OPEN", "data may come", GEN_LIVE, AT(460, ROW) },
        [TLSM_RX_CLOSED] = { "CLOSED", "the data is complete", GEN_GOOD, AT(1098, ROW) },
        [TLSM_RX_CUT] = { "CUT", "data may be missing", GEN_WARN, AT(1098, -1) },
        [TLSM_RX_DEAD] = { "DEAD", "nothing more is read", GEN_BAD, AT(1098, -1) },
    },
    .routes = rx_routes, .route_count = COUNT(rx_routes), .columns = rx_columns, .column_count = COUNT(rx_columns),
};
static struct half sending = {
    .which = GEN_TX, .title = "TX: the sending half", .states = TLSM_TX_COUNT, .cards_top = 280,
    .shape = {
        [TLSM_TX_UNBORN] = { "UNBORN", "not started", GEN_PLAIN, AT(30, ROW) },
        [TLSM_TX_MUTE] = { "MUTE", "closing is silent", GEN_PLAIN, AT(232, ROW) },
        [TLSM_TX_HANDSHAKE] = { "HANDSHAKE", "Finished not made", GEN_PLAIN, AT(434, ROW) },
        [TLSM_TX_OPEN] = { "OPEN", "we may write", GEN_LIVE, AT(668, ROW) },
        [TLSM_TX_CANCELLING] = { "CANCELLING", "user_canceled owed", GEN_WARN, AT(668, 134) },
        [TLSM_TX_CLOSING] = { "CLOSING", "close_notify owed", GEN_LIVE, AT(876, ROW) },
        [TLSM_TX_CLOSE_OUT] = { "CLOSE_OUT", "made, not all taken", GEN_LIVE, AT(1098, ROW) },
        [TLSM_TX_CLOSED] = { "CLOSED", "last byte taken", GEN_GOOD, AT(1098, 158) },
        [TLSM_TX_FAILING] = { "FAILING", "fatal alert owed", GEN_WARN, AT(668, -1) },
        [TLSM_TX_FAIL_OUT] = { "FAIL_OUT", "made, not all taken", GEN_WARN, AT(876, -1) },
        [TLSM_TX_DEAD] = { "DEAD", "nothing more is sent", GEN_BAD, AT(1098, -1) },
        [TLSM_TX_EXPORTED] = { "EXPORTED", "lives elsewhere", GEN_GREY, AT(1098, -1) },
    },
    .routes = tx_routes, .route_count = COUNT(tx_routes), .columns = tx_columns, .column_count = COUNT(tx_columns),
};

static const char *const event_names[] = {
#define EVENT(name, ...) #name,
#include "event.def"
#undef EVENT
};

/* ---------------------------------------------------------------------------------------- what the rows say */

static unsigned sources_of(const struct half *half, int target, int event)
{
    unsigned sources = 0;
    for (size_t i = 0; i < gen_row_count; i++) {
        const struct gen_row *row = &gen_rows[i];
        if (row->half == half->which && row->next == target && row->state != target && row->event == event &&
            !gen_impossible(row) && !gen_refuses(row)) {
            sources |= 1u << row->state;
        }
    }
    return sources;
}

static const struct route *route_of(const struct half *half, unsigned sources, int target)
{
    for (size_t i = 0; i < half->route_count; i++) {
        if (sources == 1u << half->routes[i].from && half->routes[i].to == target) { return &half->routes[i]; }
    }
    return NULL;
}

static void add_to_card(struct half *half, int target, unsigned sources, int event)
{
    int i = 0;
    while (i < half->cards && (half->card[i].target != target || half->card[i].sources != sources)) { i++; }
    if (i == CARDS) { return; }
    if (i == half->cards) {
        half->cards++;
        half->card[i].target = target;
        half->card[i].sources = sources;
    }
    half->card[i].events |= UINT64_C(1) << event;
}

static void collect_cards(struct half *half)
{
    for (int target = 0; target < half->states; target++) {
        for (int event = 0; event < TLSM_EV_COUNT; event++) {
            unsigned sources = sources_of(half, target, event);
            if (sources != 0 && route_of(half, sources, target) == NULL) { add_to_card(half, target, sources, event); }
        }
    }
}

/* ---------------------------------------------------------------------------------------- layout */

/* Writes the events into lines of at most `chars`; out may be NULL to count the lines only. */
static int event_lines(FILE *out, uint64_t events, int chars, int x, int y)
{
    char text[128] = "";
    int lines = 0;
    for (int event = 0; event <= TLSM_EV_COUNT; event++) {
        int last = event == TLSM_EV_COUNT;
        if (!last && (events >> event & 1) == 0) { continue; }
        size_t more = last ? 0 : strlen(event_names[event]) + 2;
        if (*text != 0 && (last || strlen(text) + more > (size_t)chars)) {
            if (out != NULL) { gen_svg_text(out, x, y + lines * LINE, "event", text); }
            lines++;
            *text = 0;
        }
        if (!last) {
            if (*text != 0) { strcat(text, ", "); }
            strcat(text, event_names[event]);
        }
    }
    return lines;
}

static int chars_in(const struct card *card) { return (card->box.width - 24) * CARD_CHARS / (CARD_WIDTH - 24); }

/* Stacks the cards of one target from y down; returns where the stack ends. */
static int stack(struct half *half, const struct column *column, int y)
{
    for (int i = 0; i < half->cards; i++) {
        struct card *card = &half->card[i];
        if (card->target != column->target) { continue; }
        card->box.x = column->x;
        card->box.y = y;
        card->box.width = column->width;
        card->box.height = CARD_HEAD + LINE * event_lines(NULL, card->events, chars_in(card), 0, 0) + 6;
        y += card->box.height + CARD_GAP;
    }
    return y - CARD_GAP;
}

/* The arrow's other end stands at the height of the box that the cards lead to. */
static void follow(struct half *half, int target)
{
    for (size_t i = 0; i < half->route_count; i++) {
        struct gen_box *to = &half->shape[half->routes[i].to].box;
        if (half->routes[i].from == target && half->routes[i].bend == ACROSS && to->y < 0) {
            to->y = half->shape[target].box.y;
        }
    }
}

/* A lone card stands level with its box. */
static void raise_cards(struct half *half, int target, const struct gen_box *box)
{
    struct card *only = NULL;
    for (int i = 0; i < half->cards; i++) {
        if (half->card[i].target != target) { continue; }
        if (only != NULL) { return; }
        only = &half->card[i];
    }
    if (only != NULL) { only->box.y = box->y + (box->height - only->box.height) / 2; }
}

static void lay_out(struct half *half)
{
    int y = half->cards_top;
    collect_cards(half);
    for (size_t i = 0; i < half->column_count; i++) {
        const struct column *column = &half->columns[i];
        struct gen_box *box = &half->shape[column->target].box;
        if (column->under) {
            stack(half, column, 204);
            continue;
        }
        int end = stack(half, column, y);
        if (end < y + BOX_HEIGHT) { end = y + BOX_HEIGHT; }
        box->y = (y + end - BOX_HEIGHT) / 2;
        raise_cards(half, column->target, box);
        follow(half, column->target);
        y = end + 24;
    }
    half->height = y;
}

/* ---------------------------------------------------------------------------------------- drawing */

static int middle_x(const struct gen_box *box) { return box->x + box->width / 2; }
static int middle_y(const struct gen_box *box) { return box->y + box->height / 2; }

static void draw_route(FILE *out, const struct half *half, const struct route *route)
{
    const struct gen_box *from = &half->shape[route->from].box, *to = &half->shape[route->to].box;
    int right = from->x + from->width, bottom = from->y + from->height, x = (right + to->x) / 2, y = middle_y(from) - 8;
    char path[128] = "", label[256] = "";
    switch (route->bend) {
    case ACROSS: snprintf(path, sizeof path, "M%d,%d H%d", right, middle_y(from), to->x); break;
    case DOWN:
        snprintf(path, sizeof path, "M%d,%d V%d", middle_x(from), bottom, to->y);
        x = middle_x(from) + 34;
        y = (bottom + to->y) / 2 + 4;
        break;
    case RIGHT_DOWN: snprintf(path, sizeof path, "M%d,%d H%d V%d", right, middle_y(from), middle_x(to), to->y); break;
    case DOWN_RIGHT:
        snprintf(path, sizeof path, "M%d,%d V%d H%d", middle_x(from), bottom, middle_y(to), to->x);
        x = (middle_x(from) + to->x) / 2;
        y = middle_y(to) - 8;
        break;
    case RIGHT_UP:
        snprintf(path, sizeof path, "M%d,%d H%d V%d", right, middle_y(from), to->x + 12, to->y + to->height);
        break;
    }
    gen_svg_path(out, route->main ? "main" : "edge", path);
    for (int event = 0; event < TLSM_EV_COUNT; event++) {
        if (route_of(half, sources_of(half, route->to, event), route->to) == route) {
            if (*label != 0) { strcat(label, ", "); }
            strcat(label, event_names[event]);
        }
    }
    gen_svg_text(out, x, y, "event-mid", label);
}

static void draw_badge(FILE *out, int x, int y, int letter)
{
    char text[2] = { (char)letter, 0 };
    fprintf(out, "  <circle cx=\"%d\" cy=\"%d\" r=\"8\" fill=\"#52606d\" stroke=\"#ffffff\"/>\n", x, y);
    gen_svg_text(out, x, y + 4, "badge", text);
}

static void draw_card_arrow(FILE *out, const struct half *half, const struct card *card)
{
    const struct gen_box *to = &half->shape[card->target].box;
    char path[128];
    if (to->y + to->height < card->box.y && to->x < card->box.x + card->box.width) {
        int x = to->x + 30;
        snprintf(path, sizeof path, "M%d,%d V%d", x, card->box.y, to->y + to->height);
    } else {
        int right = card->box.x + card->box.width;
        snprintf(path, sizeof path, "M%d,%d H%d V%d H%d", right, middle_y(&card->box), (right + to->x) / 2, middle_y(to), to->x);
    }
    gen_svg_path(out, "edge", path);
}

/* "from A, B", or the shorter "from all but A, B". */
static void name_sources(const struct half *half, const struct card *card, char from[256])
{
    unsigned count = 0;
    int named = 0;
    for (int state = 0; state < half->states; state++) { count += card->sources >> state & 1; }
    int but = (int)count > half->states / 2 + 1;
    strcpy(from, but ? "from all but" : "from");
    for (int state = 0; state < half->states; state++) {
        if ((int)(card->sources >> state & 1) == but) { continue; }
        strcat(from, named++ == 0 ? " " : ", ");
        strcat(from, half->shape[state].name);
    }
}

static void draw_card(FILE *out, const struct half *half, const struct card *card, int letter)
{
    char from[256];
    name_sources(half, card, from);
    fprintf(out, "  <rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\" fill=\"#f5f7fa\" stroke=\"#cbd2d9\"/>\n",
            card->box.x, card->box.y, card->box.width, card->box.height);
    if (card->box.width < CARD_WIDTH) { snprintf(from, sizeof from, "from each that wears %c", letter); }
    draw_badge(out, card->box.x + 14, card->box.y + 14, letter);
    gen_svg_text(out, card->box.x + 30, card->box.y + 18, "from", from);
    event_lines(out, card->events, chars_in(card), card->box.x + 12, card->box.y + CARD_HEAD + 11);
}

static void draw_badges(FILE *out, const struct half *half, int first_letter)
{
    for (int state = 0; state < half->states; state++) {
        const struct gen_box *box = &half->shape[state].box;
        int x = box->x + box->width - 10;
        for (int i = half->cards - 1; i >= 0; i--) {
            if ((half->card[i].sources >> state & 1) == 0) { continue; }
            draw_badge(out, x, box->y + box->height + 2, first_letter + i);
            x -= 17;
        }
    }
}

static void draw_half(FILE *out, struct half *half, int top, int first_letter)
{
    fprintf(out, "  <g transform=\"translate(0,%d)\">\n", top);
    gen_svg_text(out, 30, 22, "half", half->title);
    for (size_t i = 0; i < half->route_count; i++) { draw_route(out, half, &half->routes[i]); }
    for (int i = 0; i < half->cards; i++) { draw_card_arrow(out, half, &half->card[i]); }
    for (int i = 0; i < half->cards; i++) { draw_card(out, half, &half->card[i], first_letter + i); }
    for (int i = 0; i < half->states; i++) {
        gen_svg_box(out, half->shape[i].box, half->shape[i].tone, half->shape[i].name, half->shape[i].meaning);
    }
    draw_badges(out, half, first_letter);
    fputs("  </g>\n", out);
}

static void draw_notes(FILE *out, int x, int y)
{
    static const char *const note[] = {
        "Each half ends on its own, and an event is looked up once in each.",
        "Heavy arrows: the way to a clean end.",
        "A lettered card: what leads from each state that wears",
        "the letter to the state beside the card.",
        "An event that is not drawn leaves the state as it is, or is refused;",
        "docs/tables/ has every cell with its reason.",
    };
    for (size_t i = 0; i < COUNT(note); i++) { gen_svg_text(out, x, y + (int)i * 18, "note", note[i]); }
}

void gen_closing_svg(FILE *out)
{
    int top = 56;
    lay_out(&receiving);
    lay_out(&sending);
    gen_svg_open(out, PAGE_WIDTH, top + receiving.height + 20 + sending.height, "How a connection ends: the two halves of tlsm");
    gen_svg_text(out, 30, 36, "title", "How a connection ends");
    draw_half(out, &receiving, top, 'a');
    draw_notes(out, 30, top + receiving.cards_top + 20);
    draw_half(out, &sending, top + receiving.height + 20, 'a' + receiving.cards);
    gen_svg_close(out);
}
