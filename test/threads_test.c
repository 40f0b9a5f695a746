/* SPDX-License-Identifier: MIT */
/* Two threads go on from copies of one connection, sharing settings and provider table: nothing is shared that is written.
 * Under ThreadSanitizer (make test builds it so where the compiler can) a data race is an error; everywhere the two
 * transcripts must be equal, bit for bit. */
#include <pthread.h>
#include <stdlib.h>

#include "fixture.h"

struct life {
    struct pair *pair;
    uint8_t wire[4096];
    size_t length;
    uint8_t how[2];
};

static void keep(struct life *life, const struct side *side)
{
    if (life->length + side->wire_have <= sizeof life->wire) {
        memcpy(life->wire + life->length, side->wire, side->wire_have);
        life->length += side->wire_have;
    }
}

/* The rest of a connection, in mid-handshake as it was copied. No assertion here: cmocka's jump out of the main thread. */
static void *live(void *argument)
{
    struct life *life = argument;
    struct pair *pair = life->pair;
    struct side *sides[2] = { &pair->client, &pair->server };
    for (int i = 0; i < 10; i++) {
        side_produce(sides[i & 1]);
        keep(life, sides[i & 1]);
        (void)side_say(sides[i & 1], sides[!(i & 1)]);
    }
    for (int i = 0; i < 2; i++) {
        (void)side_write(sides[i], "from a thread of its own");
        (void)side_close(sides[i], 0);
        side_produce(sides[i]);
        keep(life, sides[i]);
    }
    (void)side_say(sides[0], sides[1]);
    (void)side_say(sides[1], sides[0]);
    life->how[0] = side_how(sides[0]);
    life->how[1] = side_how(sides[1]);
    return NULL;
}

static struct pair *copy_of(const struct pair *pair)
{
    struct pair *copy = malloc(sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, pair, sizeof *copy);   /* settings stay shared: config.settings leads to the first pair's */
    return copy;
}

static void copies_live_the_same_life_in_two_threads(void **unused)
{
    struct pair *pair = calloc(1, sizeof *pair);
    struct life *lives = calloc(2, sizeof *lives);
    pthread_t threads[2];
    (void)unused;
    assert_non_null(pair);
    assert_non_null(lives);
    pair_init(pair);
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    for (int i = 0; i < 2; i++) {
        lives[i].pair = copy_of(pair);
        assert_int_equal(pthread_create(&threads[i], NULL, live, &lives[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(lives[0].length, lives[1].length);
    assert_memory_equal(lives[0].wire, lives[1].wire, lives[0].length);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(tlsm_how_name(lives[i].how[0]), "clean_both");
        assert_string_equal(tlsm_how_name(lives[i].how[1]), "clean_both");
        free(lives[i].pair);
    }
    free(lives);
    free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(copies_live_the_same_life_in_two_threads) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
