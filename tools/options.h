/* SPDX-License-Identifier: MIT */
/* The command line of client, server, relay and peer: one table gives the parser and the help. */
#ifndef TLSM_OPTIONS_H
#define TLSM_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum options_for { FOR_CLIENT = 1, FOR_SERVER = 2, FOR_RELAY = 4, FOR_PEER = 8 };
enum options_close { CLOSE_TWO_WAY, CLOSE_ONE_WAY, CLOSE_ABORT, CLOSE_NONE, CLOSE_LATE };
enum options_act { ACT_PASS, ACT_CUT, ACT_FLIP };

enum { OPTIONS_PAIRS = 8, OPTIONS_ENDINGS = 128 };
#define OPTIONS_NEVER UINT64_MAX

struct options_list {
    const char *at[OPTIONS_PAIRS];
    size_t count;
};

struct options {
    const char *place;                      /* client, peer: HOST:PORT */
    const char *ca, *servername, *alpn, *tls, *suite, *group, *keylog, *resume, *early_file, *client_cert, *client_key, *client_ca;
    const char *listen, *file, *to, *toward, *handoff;
    const char *expect, *run;               /* peer */
    const char *endings[OPTIONS_ENDINGS];
    size_t ending_count;
    struct options_list cert, key;
    int insecure, trace, verdict, one_byte, echo, http, sink, late, eager, keep, require_alpn, require_client_cert, early, all, list, json;
    enum options_close close;
    enum options_act act;
    uint8_t alert;                          /* of --close abort */
    uint64_t deadline;                      /* milliseconds; NEVER */
    uint64_t size, cut, count, limit, tickets, budget, status, record, inside, wait;
};

/* options_parse: arguments after the subcommand. 0; TOOL_USAGE: said what is wrong. */
int options_parse(struct options *options, enum options_for command, int argc, char **argv);

/* options_help: the lines of one subcommand's options. */
void options_help(FILE *out, enum options_for command);

#endif
