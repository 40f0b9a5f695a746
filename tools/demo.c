/* SPDX-License-Identifier: MIT */
/* tlsm demo: every pairing × every ending, as a table that says where we differ from what is expected. */
#define _GNU_SOURCE

#include "demo.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

enum { LEAST_PAIRINGS = 5, BIG = 2000000 };

static const char *const pairings[DEMO_PAIRINGS] = {
    "ours - ours, in memory", "ours - ours, BIO pair", "ours - ours, TCP", "our client - openssl s_server",
    "openssl s_client - our server", "curl - our server"
};
static const char *const endings[DEMO_ENDINGS] = {
    "two-way close", "half-close, data flows back", "close, data in flight", "peer gone between records",
    "peer gone inside a record", "fatal alert", "deadline"
};
static const char *const expected[DEMO_ENDINGS] = {
    "clean_both", "clean_both", "clean_both", "truncated (boundary)", "truncated (body)", "peer_alert", "timed_out"
};

/* ------------------------------------------------------------------------------------------------ the folder */

static const char config[] =
    "[req]\ndistinguished_name = name\nprompt = no\nx509_extensions = authority\n"
    "[name]\nCN = tlsm demo\n"
    "[authority]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\nsubjectKeyIdentifier = hash\n"
    "[leaf]\nsubjectAltName = DNS:localhost, IP:127.0.0.1\nextendedKeyUsage = serverAuth\n";

static int write_file(const struct demo *demo, const char *name, const char *text, size_t times)
{
    char path[300];
    FILE *file;
    int failed = 0;
    tool_text(path, sizeof path, "%s/%s", demo->folder, name);
    file = fopen(path, "w");
    if (file == NULL)
        return -1;
    for (size_t i = 0; i < times; i++)
        failed |= fputs(text, file) < 0;
    return fclose(file) != 0 || failed ? -1 : 0;
}

static int make_certificates(const struct demo *demo)
{
    static const char *const authority[] = {
        "openssl", "req", "-x509", "-config", "config", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", NULL };
    static const char *const request[] = {
        "openssl", "req", "-config", "config", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
        "leaf.key", "-out", "leaf.csr", NULL };
    static const char *const issue[] = {
        "openssl", "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2", "-days", "2",
        "-extfile", "config", "-extensions", "leaf", "-out", "leaf.pem", NULL };
    return demo_run(demo, authority) == 0 && demo_run(demo, request) == 0 && demo_run(demo, issue) == 0 ? 0 : -1;
}

static int make_folder(struct demo *demo)
{
    const char *parent = getenv("TMPDIR");
    tool_text(demo->folder, sizeof demo->folder, "%s/tlsm-demo-XXXXXX", parent != NULL && parent[0] == '/' ? parent : "/tmp");
    if (mkdtemp(demo->folder) == NULL) {
        tool_say("Cannot make a folder like %s: %s.", demo->folder, strerror(errno));
        demo->folder[0] = '\0';
        return -1;
    }
    if (write_file(demo, "config", config, 1) != 0 || write_file(demo, "big", "0123456789abcdefghijklmnopqrstuvwxyz!?\n\n", BIG / 40) != 0)
        return tool_say("Cannot write into %s: %s.", demo->folder, strerror(errno)), -1;
    if (make_certificates(demo) != 0)
        return tool_say("Cannot make certificates. Is the command openssl installed?"), -1;
    return 0;
}

static void remove_folder(const struct demo *demo)
{
    DIR *folder = demo->folder[0] != '\0' ? opendir(demo->folder) : NULL;
    struct dirent *entry;
    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    (void)closedir(folder);
    (void)rmdir(demo->folder);
}

/* ------------------------------------------------------------------------------------------------ the table */

static void fill(const struct demo *demo, enum demo_pairing pairing, enum demo_ending ending, struct demo_cell *cell)
{
    memset(cell, 0, sizeof *cell);
    if (pairing == DEMO_CURL && ending == DEMO_HALF_CLOSE)
        cell->unreachable = "curl never closes only its half";
    else if (pairing == DEMO_MEMORY || pairing == DEMO_BIO)
        demo_near(demo, pairing, ending, cell);
    else
        demo_far(demo, pairing, ending, cell);
}

/* 1: as expected. */
static int print_cell(enum demo_pairing pairing, enum demo_ending ending, const struct demo_cell *cell)
{
    const int same = cell->trouble[0] == '\0' && strcmp(cell->got, expected[ending]) == 0;
    (void)printf("%-30s  %-28s  %-21s  ", pairings[pairing], endings[ending],
                 cell->unreachable != NULL ? "-" : expected[ending]);
    if (cell->unreachable != NULL)
        (void)printf("not reached: %s\n", cell->unreachable);
    else
        (void)printf("%-21s  %s%s%s\n", cell->got[0] != '\0' ? cell->got : "-", same ? "ok" : "DIFFERS",
                     cell->trouble[0] != '\0' ? ": " : "", cell->trouble);
    (void)fflush(stdout);
    return same;
}

static int run(const struct demo *demo)
{
    int reached[DEMO_ENDINGS] = { 0 }, total = 0, good = 0, thin = 0;
    (void)printf("%-30s  %-28s  %-21s  %s\n", "pairing", "ending", "expected", "our verdict");
    for (int ending = 0; ending < DEMO_ENDINGS; ending++) {
        for (int pairing = 0; pairing < DEMO_PAIRINGS; pairing++) {
            struct demo_cell cell;
            fill(demo, (enum demo_pairing)pairing, (enum demo_ending)ending, &cell);
            good += print_cell((enum demo_pairing)pairing, (enum demo_ending)ending, &cell);
            reached[ending] += cell.unreachable == NULL;
            total += cell.unreachable == NULL;
        }
        thin |= reached[ending] < LEAST_PAIRINGS;
    }
    (void)printf("\n%d of %d endings as expected; every ending reached by at least %d pairings%s.\n", good, total,
                 LEAST_PAIRINGS, thin ? ": NO" : "");
    return good == total && !thin ? TOOL_FINE : TOOL_FAILED;
}

int tool_demo(const char *program)
{
    struct demo demo;
    char path[4096];
    const ssize_t length = readlink(program, path, sizeof path - 1);
    int status = TOOL_SETUP;
    if (length <= 0)
        return tool_say("Cannot find the name of this program: %s.", strerror(errno)), TOOL_SETUP;
    path[length] = '\0';
    demo.program = path;
    if (make_folder(&demo) == 0)
        status = run(&demo);
    remove_folder(&demo);
    return status;
}
