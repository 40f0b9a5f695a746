/* SPDX-License-Identifier: MIT */
/* simulated_network CERT KEY [RUNS [SEED]]: a client, a server, and a network that is an array: virtual time, delays, splits,
 * half-closes, cuts, resets and silence, all from one seed. Nobody may ever take a part of what was sent for all of it. */
/* build: cc simulated_network.c $(pkg-config --cflags --libs tlsm-adapters) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tlsm_judge.h>
#include <tlsm_memory.h>

enum { CLIENT, SERVER, MOST = 3000, FAR = 4000, DEADLINE = 400, HANDSHAKES = 16 };   /* bytes, bytes, turns, one run in … */

struct party {
    size_t to_write, written, read;    /* application bytes */
    int closes_first, wrong;           /* wrong: what came is not what the other wrote there */
};
struct run { struct tlsm_memory memory; struct party party[2]; };
struct block { uint64_t room[TLSM_HANDSHAKE_ROOM / 8]; };
static uint64_t random_state;

static size_t draw(size_t below)   /* splitmix64. As entropy it is for simulations only: on a wire it would give the keys away */
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (size_t)((z ^ (z >> 31)) % below);
}
static uint8_t content(int writer, size_t at) { return (uint8_t)(at * 31 + at / 256 + (size_t)writer); }

/* What a program does in its turn: reads what has come, writes a part of what it has, closes, follows the advice. */
static void act(struct run *run, int which)
{
    struct tlsm_link *link = &run->memory.end[which];
    struct party *party = &run->party[which];
    struct tlsm_advice advice;
    uint8_t text[MOST];
    const size_t chunk = party->to_write > party->written ? 1 + draw(party->to_write - party->written) : 0;
    size_t got;
    ptrdiff_t put;
    (void)tlsm_memory_turn(&run->memory, which);
    while ((got = tlsm_link_take(link, text, sizeof text)) > 0) {
        for (size_t i = 0; i < got; i++)
            party->wrong |= text[i] != content(1 - which, party->read++);
        (void)tlsm_link_run(link);
    }
    for (size_t i = 0; i < chunk; i++)
        text[i] = content(which, party->written + i);
    if (chunk > 0 && tlsm_can_write(link->state) && (put = tlsm_memory_write(&run->memory, which, text, chunk)) > 0)
        party->written += (size_t)put;
    else if (link->state->control.rx >= TLSM_RX_CLOSED || (party->closes_first && party->written == party->to_write))
        (void)tlsm_link_end(link, 0);
    tlsm_advice(link->state, &advice);
    if (advice.flags & TLSM_ADVICE_RESET)
        tlsm_memory_reset(&run->memory, which);
    else if (advice.flags & TLSM_ADVICE_SHUT_WR)
        tlsm_memory_shut(&run->memory, which);
}

/* A connection, by a handshake or, `from` given, as a copy of one: a state is a value. (On a wire only one copy may go on.)
 * Two of three runs have something happen to a pipe, somewhere. */
static int begin(struct run *run, const struct tlsm_config *config, struct tlsm_memory_options *options,
                 const struct block *from)
{
    const size_t misfortune = draw(6), where = draw(FAR), whose = draw(2);
    struct tlsm_pipe *pipe = &run->memory.pipe[whose];
    struct tlsm_entropy entropy[2];
    for (size_t i = 0; i < sizeof entropy; i++)
        ((uint8_t *)entropy)[i] = (uint8_t)draw(256);
    for (int i = 0; i < 2; i++) {
        options->pipe[i].delay = (uint32_t)draw(5);
        options->pipe[i].receive.seed = options->pipe[i].send.seed = 1 + draw(1u << 30);
        options->pipe[i].receive.most = options->pipe[i].send.most = 1 + draw(2000);
        run->party[i] = (struct party) { .to_write = draw(MOST), .closes_first = i == (int)whose || draw(4) == 0 };
    }
    tlsm_memory_free(&run->memory);   /* of the run before */
    if (tlsm_memory_init(&run->memory, config, options) != TLSM_IO_DONE)
        return 0;
    if (misfortune < 3)   /* EOF in the middle; a reset; sends fail while what was sent arrives */
        *(uint64_t *[]) { &pipe->cut_at, &pipe->reset_at, &pipe->fail_at }[misfortune] = where;
    pipe->stopped = misfortune == 3;   /* silence */
    for (int i = 0; from != NULL && i < 2; i++)
        memcpy(options->link[i].block, &from[i], sizeof *from);
    return from != NULL || tlsm_memory_start(&run->memory, entropy, "localhost") == TLSM_IO_DONE;
}

/* Until both are final, or time is up. 0: somebody was deceived. */
static int live(struct run *run, uint64_t count[2][TLSM_HOW_COUNT])
{
    struct tlsm_link *end = run->memory.end;
    int good = tlsm_link_deadline_set(&end[0]) == TLSM_IO_DONE && tlsm_link_deadline_set(&end[1]) == TLSM_IO_DONE;
    for (int turn = 0; turn < DEADLINE && !(tlsm_is_final(end[0].state) && tlsm_is_final(end[1].state)); turn++)
        act(run, turn % 2);
    for (int i = 0; i < 2; i++) {
        struct tlsm_verdict verdict;
        (void)tlsm_link_deadline(&end[i]);   /* where it is final already, that changes nothing */
        tlsm_verdict(end[i].state, &verdict);
        count[i][verdict.how]++;
        good &= verdict.how != TLSM_OPEN && !run->party[i].wrong;
        if (tlsm_how_exit(verdict.how) == 0)   /* it says: this was all */
            good &= run->party[i].read == run->party[1 - i].to_write;
    }
    return good;
}

int main(int count, char **argument)
{
    static struct block block[2], saved[2];   /* where the states lie; and as they were when connected */
    static struct run run;
    static uint64_t often[2][TLSM_HOW_COUNT];
    struct tlsm_libcrypto_answerer answerer = { .instance = tlsm_libcrypto_new(NULL), .credential_count = 1,
                                                .judge = tlsm_judge_insecurely_trust_anyone() };
    struct tlsm_settings settings[2] = { { .role = TLSM_CLIENT }, { .role = TLSM_SERVER, .credential_count = 1 } };
    const struct tlsm_config config[2] = { { &settings[0], &tlsm_libcrypto_table, answerer.instance },
                                           { &settings[1], &tlsm_libcrypto_table, answerer.instance } };
    const struct tlsm_hooks hooks = { .answer = tlsm_libcrypto_answer, .context = &answerer };
    struct tlsm_memory_options options = {
        .link = { { .hooks = hooks, .block = &block[0], .block_capacity = sizeof *block },
                  { .hooks = hooks, .block = &block[1], .block_capacity = sizeof *block } } };
    struct tlsm_libcrypto_credential *own;
    const long runs = count > 3 ? atol(argument[3]) : 20000;
    long good = 0, i;
    if (count < 3)
        return fprintf(stderr, "simulated_network CERT KEY [RUNS [SEED]]\n"), 2;
    own = tlsm_libcrypto_credential_load(argument[1], argument[2], answerer.why, sizeof answerer.why);
    if (own == NULL || answerer.instance == NULL || answerer.judge == NULL)
        return fprintf(stderr, "Nothing to simulate with: %s.\n", answerer.why), 1;
    random_state = count > 4 ? strtoull(argument[4], NULL, 10) : 1;
    settings[1].credentials = &own->credential;
    answerer.credentials = &own;
    for (i = 0; !begin(&run, config, &options, NULL) || tlsm_memory_connect(&run.memory) != TLSM_IO_DONE; i++)
        if (i == 100)   /* misfortune may strike here too, but not always */
            return fprintf(stderr, "No handshake succeeds: %s.\n", answerer.why), 1;
    memcpy(saved, block, sizeof saved);
    for (i = 0; i < runs; i++)
        good += begin(&run, config, &options, i % HANDSHAKES == 0 ? NULL : saved) && live(&run, often);
    for (i = 0; i < TLSM_HOW_COUNT; i++)
        if (often[CLIENT][i] + often[SERVER][i] > 0)
            printf("%-24s client %6" PRIu64 "  server %6" PRIu64 "\n", tlsm_how_name((uint8_t)i), often[CLIENT][i], often[SERVER][i]);
    printf("%ld runs, %ld as they should be\n", runs, good);
    fprintf(stderr, "%.0f runs a second\n", (double)runs * CLOCKS_PER_SEC / (double)(clock() + 1));
    tlsm_memory_free(&run.memory);
    tlsm_libcrypto_credential_free(own);
    tlsm_libcrypto_free(answerer.instance);
    tlsm_judge_free(answerer.judge);
    return good == runs ? 0 : 1;
}
