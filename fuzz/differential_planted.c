/* SPDX-License-Identifier: MIT */
/* The negative target beside differential.c: ours, with a difference planted in its calls. Once SSL_peek() has shown data,
 * the SSL_shutdown() that should return 0 returns 1. Both engines must find it in seconds, or the comparison proves nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "duel_compare.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct party_kind planted;
static int shown;

static int peek(struct party *party, void *to, int room)
{
    const int got = party_tlsm.peek(party, to, room);
    shown |= got > 0;
    return got;
}

static int shut_down(struct party *party)
{
    const int done = party_tlsm.shutdown(party);
    return done == 0 && shown ? 1 : done;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    planted = party_tlsm;
    planted.name = "tlsm, with a planted difference";
    planted.peek = peek;
    planted.shutdown = shut_down;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned long used[DIFFERENCES];
    static struct duel_log ours, theirs;
    shown = 0;
    duel_run(&party_libssl, data, size, &theirs);
    duel_run(&planted, data, size, &ours);
    if (duel_compare(&ours, &theirs, used).difference == UNLISTED)
        abort();
    return 0;
}
