/* SPDX-License-Identifier: MIT */
/* The rules of docs/closing.md as transcripts: who does what, in which order. test/scenarios/ has them as data, README.md there the language;
 * here is what reads them, plays them between two machines under every schedule, and writes what came of it. */
#ifndef TLSM_TEST_SCENARIO_H
#define TLSM_TEST_SCENARIO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "null_provider.h"
#include "tlsm_memory.h"

/* ------------------------------------------------------------------------------------------------ what was written */

enum { SCENARIO_WORDS = 24, SCENARIO_RULES = 160, SCENARIO_TRANSCRIPTS = 400, SCENARIO_WITNESSES = 600, SCENARIO_LINES = 6000 };

/* One line of a transcript; `result` is what stands behind "->", NULL nothing. */
struct scenario_line {
    int number, words;
    char *word[SCENARIO_WORDS];
    char *result;
};

struct scenario_rule {
    char *number, *sentence;
    char *none;                  /* why there is no transcript; NULL: there is one */
    size_t transcripts, witnesses;
};

/* A test in test/<file>.c that shows the rule in a course of its own. */
struct scenario_witness {
    size_t rule;
    char *file, *name;
};

struct scenario_transcript {
    size_t rule;
    const char *file;
    char *name;
    uint16_t version;            /* the only one it is for; 0: both */
    uint8_t role;                /* ours, the only one it is for; 0: both */
    const struct scenario_line *line;
    size_t lines;
    int calls;                   /* 1: played over the calls of tlsm_ssl.h, too */
    size_t runs[2][2];           /* passed: in TLS 1.3, 1.2; we are the client, the server */
    size_t call_runs[2][2];      /* over the calls */
};

struct scenario_book {
    struct scenario_rule rule[SCENARIO_RULES];
    struct scenario_transcript transcript[SCENARIO_TRANSCRIPTS];
    struct scenario_witness witness[SCENARIO_WITNESSES];
    struct scenario_line line[SCENARIO_LINES];
    size_t rules, transcripts, witnesses, lines;
};

/* scenario_read: adds what a file says to the book. 0, and a sentence on stderr, when it says something wrong. */
int scenario_read(struct scenario_book *book, const char *file);
/* scenario_complete: every rule of docs/closing.md has its place in the book, and a transcript or a test; every test that the book names is
 * there. 0, and sentences on stderr, when not. */
int scenario_complete(const struct scenario_book *book);

/* ------------------------------------------------------------------------------------------------ what is played */

enum { SCENARIO_LOG = 16384 };

struct scenario_side {
    struct tlsm_settings settings;
    struct tlsm_shutdown call;               /* SSL_shutdown(3) on this side */
    uint8_t signature[TLSM_NULL_SIGNATURE];
    int leaving;                             /* 1: it is being exported */
    int hold;                                /* 1: it does not get to run */
    int deaf;                                /* 1: plaintext stays unread */
    int silent;                              /* 1: requests stay open */
    int blocked;                             /* 1: its transport takes nothing, because the transcript says so */
    unsigned tickets;
    char read[SCENARIO_LOG], made[SCENARIO_LOG];   /* plaintext; a word for each record produced */
    size_t read_length, read_seen, made_length, made_seen;
    uint8_t record[256];                     /* the last one made, or its beginning */
    size_t record_length;
    uint8_t epoch;                           /* of what it writes, before the next step */
    struct tlsm_verdict last;                /* as it was when it became final */
    int final;
};

/* How bytes move: what the pipes of tlsm_memory do with each send, receive and report. */
struct scenario_schedule {
    char name[48];
    struct tlsm_pipe_options pipe;
    uint8_t script[16];
    int moving;                  /* 1: after every turn both connections are exported and go on elsewhere (J1) */
};

struct scenario_play {
    const struct scenario_transcript *transcript;
    const struct scenario_schedule *schedule;
    const struct scenario_line *at;
    uint16_t version;
    int we;                                  /* which end: 0 the client, 1 the server */
    struct scenario_side side[2];
    struct tlsm_config config[2];
    struct tlsm_memory_options options;
    struct tlsm_memory memory;
    size_t moves;                            /* connections that went on elsewhere */
};

/* What a run leaves behind; equal for every schedule (I6). */
struct scenario_trace {
    struct tlsm_verdict verdict[2];
    char read[2][SCENARIO_LOG], made[2][SCENARIO_LOG];
};

/* The schedules. */
size_t scenario_schedules(void);
const struct scenario_schedule *scenario_schedule(size_t index);

/* scenario_play: plays it once, and leaves the trace. What does not come as written fails the test, naming the line. */
void scenario_play(struct scenario_play *play, struct scenario_trace *trace);
/* scenario_over_calls: the same over the calls of tlsm_ssl.h. */
void scenario_over_calls(struct scenario_play *play);
/* scenario_fail: fails the test with file, line and schedule. */
void scenario_fail(const struct scenario_play *play, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

/* scenario_open, scenario_shut: two ends and what is between them; and what that took. */
void scenario_open(struct scenario_play *play);
void scenario_connect(struct scenario_play *play);
void scenario_start(struct scenario_play *play, int end);
void scenario_shut(struct scenario_play *play);
/* scenario_settle: bytes move, as the schedule has it, and those who may run do, until nothing moves any more. */
void scenario_settle(struct scenario_play *play);
/* scenario_move: where the schedule wants it, both connections go on elsewhere. */
void scenario_move(struct scenario_play *play);
/* scenario_rewind: the schedule begins anew. */
void scenario_rewind(struct scenario_play *play);
/* scenario_seal: a record as this end would seal it, its sequence number used up, is under way to the other. */
void scenario_seal(struct scenario_play *play, int end, uint8_t type, const uint8_t *content, size_t length, size_t padding);
struct tlsm_link *scenario_link(struct scenario_play *play, int end);

/* scenario_do, scenario_channel, scenario_expect: carry out a line. 0: no such word. */
int scenario_do(struct scenario_play *play, int end);
int scenario_channel(struct scenario_play *play);
void scenario_expect(struct scenario_play *play, int end);
int scenario_set(struct scenario_play *play, int end);
/* scenario_end: "we", "peer", "client", "server"; -1: none of these. */
int scenario_end(const struct scenario_play *play, const char *word);
/* Arguments: a number; bytes in hexadecimal, from the word at `from` on, as many words as are. Words that are none fail the test. */
size_t scenario_number(const struct scenario_play *play, const char *word);
size_t scenario_bytes(const struct scenario_play *play, int from, uint8_t *to, size_t room);
uint8_t scenario_alert(const struct scenario_play *play, const char *word);

/* ------------------------------------------------------------------------------------------------ what came of it */

/* scenario_table: writes docs/tables/scenarios.md. */
void scenario_table(const struct scenario_book *book, FILE *to);

#endif
