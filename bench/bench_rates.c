/* SPDX-License-Identifier: MIT */
/* How fast the machine goes without cryptography, which is what fuzzers and simulations live by: choice sequences with every check,
 * and whole connections between two machines over the null provider. `bench_rates CHOICE CLOSING`: prints a row for each, of the corpora in
 * these folders. Times are the thread's own. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "closing_run.h"
#include "null_provider.h"
#include "sequence.h"

enum { INPUTS = 8192, LONGEST = 4096, ROOM = 16384, RUNS = 5 };

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void must(int condition, const char *what)
{
    if (condition)
        return;
    (void)fprintf(stderr, "bench_rates: %s\n", what);
    exit(2);
}

/* Whatever else the machine does takes away, and never gives: the best of a few runs of half a second. */
static double rate_of(void (*once)(void), unsigned in_one)
{
    double best = 0;
    once();
    for (int run = 0; run < RUNS; run++) {
        const double before = now();
        double spent = 0, done = 0;
        while (spent < 0.5) {
            once();
            done += in_one;
            spent = now() - before;
        }
        best = done / spent > best ? done / spent : best;
    }
    return best;
}

/* ------------------------------------------------------------------------------------------------ choice sequences */

static struct {
    uint8_t *bytes;
    size_t length;
} input[INPUTS];
static unsigned inputs;

static void load(const char *folder, const char *name)
{
    static char path[4096];
    static uint8_t bytes[LONGEST];
    FILE *file;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    must(file != NULL && inputs < INPUTS, "the corpus cannot be read");
    input[inputs].length = fread(bytes, 1, sizeof bytes, file);
    input[inputs].bytes = malloc(input[inputs].length + 1);
    must(input[inputs].bytes != NULL, "no memory");
    memcpy(input[inputs].bytes, bytes, input[inputs].length);
    inputs++;
    (void)fclose(file);
}

static void free_all(void)
{
    while (inputs > 0)
        free(input[--inputs].bytes);
}

static void load_all(const char *folder)
{
    struct dirent **entry;
    free_all();
    const int count = scandir(folder, &entry, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (entry[i]->d_name[0] != '.')
            load(folder, entry[i]->d_name);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
    must(inputs > 0, "there is no corpus");
}

static void replay(void)
{
    for (unsigned i = 0; i < inputs; i++)
        sequence_must(input[i].bytes, input[i].length, NULL, NULL);
}

static unsigned long steps;

static void replay_closing(void)
{
    for (unsigned i = 0; i < inputs; i++)
        steps += closing_must(input[i].bytes, input[i].length);
}

/* The same corpus once more, for what an input is. */
static double steps_of_one(void)
{
    steps = 0;
    replay_closing();
    return (double)steps / inputs;
}

/* ------------------------------------------------------------------------------------------------ connections */

static const uint8_t certificate[] = "a certificate, almost";
static const struct tlsm_bytes chain[] = { { certificate, sizeof certificate } };
static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_credential credential = { chain, 1, schemes, 1, NULL, 0, { NULL, 0 } };
static const struct tlsm_settings settings[2] = { { .role = TLSM_CLIENT },
                                                  { .role = TLSM_SERVER, .credentials = &credential, .credential_count = 1 } };

struct end {
    struct tlsm_config config;
    union {
        struct tlsm_state state;
        uint8_t bytes[ROOM];
    } block;
    uint8_t wire[ROOM];
    size_t have;
    size_t data;
};
static struct end ends[2];

static enum tlsm_code step(struct end *end, const struct tlsm_in *in, struct tlsm_span plain, struct tlsm_out *out)
{
    enum tlsm_code code;
    out->wire = (struct tlsm_span){ end->wire + end->have, sizeof end->wire - end->have };
    out->plain = plain;
    out->state_capacity = sizeof end->block;
    code = tlsm_step(&end->config, &end->block.state, in, &end->block.state, out);
    must(code < TLSM_MORE_INPUT, "a step is refused");
    end->have += out->wire_length;
    return code;
}

static void simple(struct end *end, enum tlsm_in_kind kind)
{
    const struct tlsm_in in = { .kind = kind };
    struct tlsm_out out;
    (void)step(end, &in, (struct tlsm_span){ NULL, 0 }, &out);
}

static void answer(struct end *end)
{
    uint8_t signature[TLSM_NULL_SIGNATURE];
    struct tlsm_request request;
    struct tlsm_answer answer;
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    struct tlsm_out out;
    (void)tlsm_request(&end->config, &end->block.state, &request);
    (void)tlsm_null_answer(&request, &answer, signature);
    (void)step(end, &in, (struct tlsm_span){ NULL, 0 }, &out);
}

/* Opened where they lie. */
static void hear(struct end *end, uint8_t *wire, size_t length)
{
    struct tlsm_in in = { .kind = TLSM_IN_WIRE };
    struct tlsm_out out;
    for (size_t at = 0; at < length; at += out.consumed) {
        in.bytes = (struct tlsm_bytes){ wire + at, length - at };
        (void)step(end, &in, (struct tlsm_span){ wire + at, length - at }, &out);
        end->data += out.news & TLSM_NEWS_DATA ? out.plain_length : 0;
    }
}

/* 1: something was said. */
static int say(struct end *from, struct end *to)
{
    struct tlsm_in in = { .kind = TLSM_IN_SENT };
    struct tlsm_out out;
    unsigned needs;
    while ((needs = tlsm_needs(&from->block.state)) & (TLSM_NEED_ANSWER | TLSM_NEED_PRODUCE)) {
        if (needs & TLSM_NEED_ANSWER)
            answer(from);
        else
            simple(from, TLSM_IN_PRODUCE);
    }
    in.count = from->have;
    if (in.count == 0)
        return 0;
    from->have = 0;
    (void)step(from, &in, (struct tlsm_span){ NULL, 0 }, &out);
    hear(to, from->wire, in.count);
    return 1;
}

static void talk(void)
{
    while (say(&ends[0], &ends[1]) | say(&ends[1], &ends[0]))
        continue;
}

static void begin(struct end *end, size_t which)
{
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy };
    struct tlsm_out out;
    memset(&entropy, (int)(17 + which), sizeof entropy);
    end->config = (struct tlsm_config){ &settings[which], &tlsm_null_provider_never_released, NULL };
    end->have = end->data = 0;
    tlsm_init(&end->block.state);
    (void)step(end, &in, (struct tlsm_span){ NULL, 0 }, &out);
}

static void write_data(struct end *end)
{
    static const uint8_t text[64];
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { text, sizeof text } };
    struct tlsm_out out;
    (void)step(end, &in, (struct tlsm_span){ NULL, 0 }, &out);
}

static void connection(void)
{
    for (size_t which = 0; which < 2; which++)
        begin(&ends[which], which);
    talk();
    for (size_t which = 0; which < 2; which++)
        write_data(&ends[which]);
    talk();
    simple(&ends[0], TLSM_IN_CLOSE);
    simple(&ends[1], TLSM_IN_CLOSE);
    talk();
    for (size_t which = 0; which < 2; which++) {
        struct tlsm_verdict verdict;
        tlsm_verdict(&ends[which].block.state, &verdict);
        must(verdict.how == TLSM_CLEAN_BOTH_VERDICT && ends[which].data == 64, "a connection does not end clean");
    }
}

/* ------------------------------------------------------------------------------------------------ the program */

static void row(const char *what, double rate) { (void)printf("%-64s %10.0f\n", what, rate); }

int main(int count, char **arguments)
{
    char text[80];
    must(count == 3, "usage: bench_rates CHOICE CLOSING: two folders");
    load_all(arguments[1]);
    (void)printf("\nthe machine without cryptography, one thread, per second of CPU\n");
    row("choice sequences of the corpus, every check, plain loop", rate_of(replay, inputs));
    load_all(arguments[2]);
    closing_prepare();
    (void)snprintf(text, sizeof text, "closing sequences of the corpus (%.1f steps each), plain loop", steps_of_one());
    row(text, rate_of(replay_closing, inputs));
    row("handshake, 64 bytes each way, two-way close, two machines", rate_of(connection, 1));
    free_all();
    return 0;
}
