/* SPDX-License-Identifier: MIT */
/* property_test CERT KEY [RUNS [SEED [BUG]]]: a property of a protocol of one's own, tested over real TLS in memory.
 *
 * The protocol: a document is what the peer sends until the end of its data. The property: a document cut anywhere, by anything,
 * is never taken for a whole one; one that was not cut arrives. A case is a few numbers drawn from a seed; one that fails is made
 * smaller as long as it fails. With BUG the reader takes every end for the end of the data: the property must find it. */
/* build: cc property_test.c $(pkg-config --cflags --libs tlsm-adapters) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tlsm_judge.h>
#include <tlsm_memory.h>

enum { READER, WRITER, MOST = 40000, TURNS = 100000 };

/* ---- the code under test: an embedder's reader of documents */

enum document { COMING, WHOLE, PART };
struct reader { uint8_t text[MOST]; size_t length; enum document document; int has_bug; };

static void reader_turn(struct reader *reader, struct tlsm_memory *memory)
{
    ptrdiff_t got = 0;
    while (reader->document == COMING && reader->length < MOST &&
           (got = tlsm_memory_read(memory, READER, reader->text + reader->length, MOST - reader->length)) > 0)
        reader->length += (size_t)got;
    if (got == TLSM_IO_END)                              /* the only end that the peer vouched for */
        reader->document = WHOLE;
    else if (got == TLSM_IO_ENDED || got == TLSM_IO_REFUSED || got == TLSM_IO_NO_MEMORY)
        reader->document = reader->has_bug ? WHOLE : PART;
}

/* ---- a case */

enum fault { NO_FAULT, CUT, RESET, SENDS_FAIL, FAULTS };
struct example { size_t length, chunk, splits, where; unsigned fault; };   /* bytes */
struct world { struct tlsm_config config[2]; struct tlsm_hooks hooks; int has_bug; };

static uint64_t random_state;
static size_t draw(size_t below)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (size_t)((z ^ (z >> 31)) % below);
}

/* Small and large alike: a uniform length would hardly ever be short. */
static struct example generate(void)
{
    struct example drawn = { draw((size_t)1 << draw(16)) % MOST, 1 + draw(5000), 1 + draw(3000), 0, (unsigned)draw(FAULTS) };
    drawn.where = draw(drawn.length + 2000);
    return drawn;
}

/* Runs it. 1: the property holds. Entropy from a seed makes runs repeatable, and is for tests alone. */
static int holds(const struct example *example, const struct world *world)
{
    static struct reader reader;
    static struct tlsm_memory memory;
    static uint8_t text[MOST];
    const struct tlsm_schedule schedule = { .seed = 1, .most = example->splits };
    const struct tlsm_memory_options options = { .link = { { .hooks = world->hooks }, { .hooks = world->hooks } },
                                                 .pipe = { { .receive = schedule }, { .receive = schedule } } };
    struct tlsm_entropy entropy[2];
    size_t written = 0;
    int good;
    memset(entropy, 7, sizeof entropy);
    memset(&entropy[1], 8, sizeof entropy[1]);
    for (size_t i = 0; i < example->length; i++)
        text[i] = (uint8_t)(i * 7 + i / 255);
    reader = (struct reader) { .has_bug = world->has_bug };
    if (tlsm_memory_init(&memory, world->config, &options) != TLSM_IO_DONE ||
        tlsm_memory_start(&memory, entropy, "localhost") != TLSM_IO_DONE || tlsm_memory_connect(&memory) != TLSM_IO_DONE)
        return fprintf(stderr, "The handshake failed.\n"), 0;
    *(example->fault == CUT ? &memory.pipe[WRITER].cut_at : example->fault == RESET ? &memory.pipe[WRITER].reset_at
                                                                                    : &memory.pipe[WRITER].fail_at) =
        example->fault == NO_FAULT ? TLSM_PIPE_NEVER : memory.pipe[WRITER].taken + example->where;
    for (int turn = 0; turn < TURNS && reader.document == COMING; turn++) {
        const size_t left = example->length - written;
        const size_t some = left < example->chunk ? left : example->chunk;
        const ptrdiff_t put = left == 0 ? 0 : tlsm_memory_write(&memory, WRITER, text + written, some);
        written += put > 0 ? (size_t)put : 0;
        if (written == example->length)
            (void)tlsm_memory_close(&memory, WRITER, 0);
        if (memory.end[WRITER].state->control.tx == TLSM_TX_DEAD)
            tlsm_memory_vanish(&memory, WRITER);     /* its program gives up */
        reader_turn(&reader, &memory);
    }
    good = reader.document != COMING && memcmp(reader.text, text, reader.length) == 0 &&
           (reader.document == PART || reader.length == example->length) &&
           (reader.document == WHOLE || example->fault != NO_FAULT);
    tlsm_memory_free(&memory);
    return good;
}

/* Whatever is smaller and still fails, until nothing is. */
static void shrink(struct example *failing, const struct world *world)
{
    for (int smaller = 1; smaller;) {
        struct example tries[] = { *failing, *failing, *failing, *failing, *failing };
        tries[0].length /= 2;
        tries[1].where /= 2;
        tries[2].length -= failing->length > 0;
        tries[3].where -= failing->where > 0;
        tries[4].chunk = tries[4].splits = MOST;
        smaller = 0;
        for (size_t i = 0; i < sizeof tries / sizeof *tries && !smaller; i++)
            if (memcmp(&tries[i], failing, sizeof *failing) != 0 && !holds(&tries[i], world))
                *failing = tries[i], smaller = 1;
    }
}

int main(int count, char **argument)
{
    const struct tlsm_settings client = { .role = TLSM_CLIENT };
    struct tlsm_settings server = { .role = TLSM_SERVER, .credential_count = 1 };
    struct tlsm_libcrypto_answerer answerer = { .instance = tlsm_libcrypto_new(NULL), .credential_count = 1,
                                                .judge = tlsm_judge_insecurely_trust_anyone() };
    const struct world world = { { { &client, &tlsm_libcrypto_table, answerer.instance },
                                   { &server, &tlsm_libcrypto_table, answerer.instance } },
                                 { .answer = tlsm_libcrypto_answer, .context = &answerer }, count > 5 };
    const long runs = count > 3 ? atol(argument[3]) : 1000;
    struct tlsm_libcrypto_credential *own;
    struct example example;
    long run;
    if (count < 3)
        return fprintf(stderr, "property_test CERT KEY [RUNS [SEED [BUG]]]\n"), 2;
    random_state = count > 4 ? strtoull(argument[4], NULL, 10) : 1;
    own = tlsm_libcrypto_credential_load(argument[1], argument[2], answerer.why, sizeof answerer.why);
    if (own == NULL || answerer.instance == NULL || answerer.judge == NULL)
        return fprintf(stderr, "Nothing to test with: %s.\n", answerer.why), 2;
    server.credentials = &own->credential;
    answerer.credentials = &own;
    for (run = 0; run < runs && (example = generate(), holds(&example, &world)); run++)
        continue;
    if (run < runs) {
        shrink(&example, &world);
        printf("falsified in run %ld: a document of %zu bytes, written by %zu, read by %zu, fault %u after %zu bytes\n", run,
               example.length, example.chunk, example.splits, example.fault, example.where);
    } else {
        printf("%ld documents: none of the cut ones was taken for a whole one\n", runs);
    }
    tlsm_libcrypto_credential_free(own);
    tlsm_libcrypto_free(answerer.instance);
    tlsm_judge_free(answerer.judge);
    return run < runs ? 1 : 0;
}
