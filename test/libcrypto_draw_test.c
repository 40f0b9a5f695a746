/* SPDX-License-Identifier: MIT */
/* Entropy that is drawn ahead: handed out once, to one process, and nothing of it left where it lay. */
#define _GNU_SOURCE
#define OPENSSL_SUPPRESS_DEPRECATED   /* RAND_METHOD: a generator that forks */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "tlsm_libcrypto_internal.h"

enum { STOCK = 16384, NEEDLE = 16, DRAWS = 3 * STOCK / (int)sizeof(struct tlsm_entropy) };

int __real_madvise(void *at, size_t length, int advice);
int __wrap_madvise(void *at, size_t length, int advice);

static enum { ANSWERS, REFUSES, AGREES } kernel;

/* Some emulators say yes to whatever they are told, and do nothing. */
int __wrap_madvise(void *at, size_t length, int advice)
{
    if (kernel == ANSWERS)
        return __real_madvise(at, length, advice);
    errno = EINVAL;
    return kernel == REFUSES ? -1 : 0;
}

static int begin(void **state)
{
    kernel = ANSWERS;
    *state = tlsm_libcrypto_new(NULL);
    return *state == NULL;
}

static int end(void **state)
{
    tlsm_libcrypto_free(*state);
    return 0;
}

static struct tlsm_entropy draw(struct tlsm_libcrypto *instance)
{
    struct tlsm_entropy entropy;

    memset(&entropy, 0, sizeof entropy);
    assert_int_equal(tlsm_libcrypto_draw(instance, &entropy), 0);
    return entropy;
}

/* Whether any 16 bytes of one are in the other, at any place. */
static int share_bytes(const struct tlsm_entropy *one, const void *other, size_t length)
{
    for (size_t i = 0; i + NEEDLE <= sizeof *one; i++)
        if (memmem(other, length, (const uint8_t *)one + i, NEEDLE) != NULL)
            return 1;
    return 0;
}

static void draws_have_nothing_in_common(void **state)
{
    static struct tlsm_entropy drawn[DRAWS];
    static const uint8_t zeros[NEEDLE];

    for (size_t i = 0; i < DRAWS; i++) {
        drawn[i] = draw(*state);
        assert_null(memmem(&drawn[i], sizeof drawn[i], zeros, sizeof zeros));
        assert_false(share_bytes(&drawn[i], drawn, i * sizeof drawn[0]));
    }
    OPENSSL_cleanse(drawn, sizeof drawn);
}

static void what_was_handed_out_is_not_there_any_more(void **state)
{
    struct tlsm_libcrypto *const instance = *state;

    if (instance->stock == NULL)
        skip();
    for (int i = 0; i < DRAWS; i++) {
        const struct tlsm_entropy drawn = draw(instance);
        assert_false(share_bytes(&drawn, instance->stock, STOCK));
    }
}

static void nothing_is_there_after_a_drop(void **state)
{
    static const uint8_t zeros[STOCK];
    struct tlsm_libcrypto *const instance = *state;
    struct tlsm_entropy drawn;

    if (instance->stock == NULL)
        skip();
    drawn = draw(instance);
    assert_memory_not_equal(instance->stock, zeros, STOCK);
    tlsm_libcrypto_drop(instance);
    assert_memory_equal(instance->stock, zeros, STOCK);
    assert_memory_not_equal(&(struct tlsm_entropy){ 0 }, &drawn, sizeof drawn);
    drawn = draw(instance);
    assert_memory_not_equal(&(struct tlsm_entropy){ 0 }, &drawn, sizeof drawn);
}

static void its_pages_are_given_back(void **state)
{
    struct tlsm_libcrypto *const instance = tlsm_libcrypto_new(NULL);
    void *const stock = instance->stock;
    unsigned char there;

    (void)state;
    (void)draw(instance);
    tlsm_libcrypto_free(instance);
    if (stock == NULL)
        skip();
    assert_int_equal(mincore(stock, 1, &there), -1);
    assert_int_equal(errno, ENOMEM);
}

/* ------------------------------------------------------------------------------------------------ processes */

static void send_all(int to, const void *bytes, size_t length)
{
    if (write(to, bytes, length) != (ssize_t)length)
        _exit(1);
}

static void receive(int from, void *bytes, size_t length)
{
    size_t have = 0;

    while (have < length) {
        const ssize_t got = read(from, (uint8_t *)bytes + have, length - have);
        assert_true(got > 0);
        have += (size_t)got;
    }
}

static void expect_end(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* What the child draws, `draws` times. */
static void draw_in_child(struct tlsm_libcrypto *instance, struct tlsm_entropy drawn[], size_t draws)
{
    int ends[2];
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (size_t i = 0; i < draws; i++)
            if (tlsm_libcrypto_draw(instance, &drawn[i]) != 0)
                _exit(2);
        send_all(ends[1], drawn, draws * sizeof drawn[0]);
        _exit(0);
    }
    (void)close(ends[1]);
    receive(ends[0], drawn, draws * sizeof drawn[0]);
    (void)close(ends[0]);
    expect_end(child);
}

enum { FEW = 4 };

static void assert_strangers(const struct tlsm_entropy drawn[], size_t count)
{
    static const uint8_t zeros[NEEDLE];

    for (size_t i = 0; i < count; i++) {
        assert_null(memmem(&drawn[i], sizeof drawn[i], zeros, sizeof zeros));
        for (size_t j = 0; j < i; j++)
            assert_false(share_bytes(&drawn[i], &drawn[j], sizeof drawn[j]));
    }
}

/* Two children, and what the parent drew before and draws after. */
static void no_child_draws_what_another_process_draws(void **state)
{
    struct tlsm_entropy drawn[4 * FEW];

    for (int i = 0; i < FEW; i++)
        drawn[i] = draw(*state);
    draw_in_child(*state, drawn + FEW, FEW);
    draw_in_child(*state, drawn + 2 * FEW, FEW);
    for (int i = 3 * FEW; i < 4 * FEW; i++)
        drawn[i] = draw(*state);
    assert_strangers(drawn, 4 * FEW);
}

static void where_pages_cannot_be_wiped_nothing_is_drawn_ahead(void **state)
{
    struct tlsm_entropy drawn[4 * FEW];

    (void)state;
    for (kernel = REFUSES; kernel <= AGREES; kernel++) {
        struct tlsm_libcrypto *const instance = tlsm_libcrypto_new(NULL);
        assert_null(instance->stock);
        for (int i = 0; i < FEW; i++)
            drawn[i] = draw(instance);
        draw_in_child(instance, drawn + FEW, FEW);
        draw_in_child(instance, drawn + 2 * FEW, FEW);
        for (int i = 3 * FEW; i < 4 * FEW; i++)
            drawn[i] = draw(instance);
        assert_strangers(drawn, 4 * FEW);
        tlsm_libcrypto_drop(instance);
        tlsm_libcrypto_free(instance);
    }
}

/* ------------------------------------------------------------------------------------------------ generators */

static pid_t forked;
static int failing;

static int generate(unsigned char *to, int length)
{
    for (int i = 0; i < length; i++)
        to[i] = (unsigned char)(rand() >> 7 | 1);
    return 1;
}

/* As a signal handler may, in the middle of it. */
static int generate_and_fork(unsigned char *to, int length)
{
    (void)generate(to, length / 2);
    if (forked == 0)
        forked = fork();
    if (forked == 0)
        forked = -1;
    return generate(to + length / 2, length - length / 2);
}

static int generate_or_fail(unsigned char *to, int length)
{
    (void)generate(to, length);
    return !failing;
}

static int seeded(void) { return 1; }

/* Zeros would be a secret that everyone knows. */
static void a_fork_in_the_middle_of_a_draw_hands_out_no_wiped_page(void **state)
{
    static const RAND_METHOD method = { NULL, generate_and_fork, NULL, NULL, generate_and_fork, seeded };
    static const uint8_t zeros[NEEDLE];
    int good = 1;

    forked = 0;
    assert_int_equal(RAND_set_rand_method(&method), 1);
    for (int i = 0; i < DRAWS; i++) {
        const struct tlsm_entropy drawn = draw(*state);
        good = good && memmem(&drawn, sizeof drawn, zeros, sizeof zeros) == NULL;
    }
    if (forked == -1)
        _exit(!good);
    assert_int_equal(RAND_set_rand_method(NULL), 1);
    assert_true(good);
    expect_end(forked);
}

static void a_generator_that_fails_leaves_nothing_and_is_asked_again(void **state)
{
    static const RAND_METHOD method = { NULL, generate_or_fail, NULL, NULL, generate_or_fail, seeded };
    static const struct tlsm_entropy none;
    struct tlsm_entropy entropy;

    assert_int_equal(RAND_set_rand_method(&method), 1);
    for (failing = 1; failing >= 0; failing--) {
        memset(&entropy, 0xff, sizeof entropy);
        assert_int_equal(tlsm_libcrypto_draw(*state, &entropy) == 0, !failing);
        assert_int_equal(memcmp(&entropy, &none, sizeof entropy) == 0, failing);
        memset(&entropy, 0xff, sizeof entropy);
        assert_int_equal(tlsm_libcrypto_entropy(&entropy) == 0, !failing);
        assert_int_equal(memcmp(&entropy, &none, sizeof entropy) == 0, failing);
        assert_int_equal(ERR_peek_error(), 0);
    }
    failing = 1;   /* what is there lasts */
    assert_int_equal(tlsm_libcrypto_draw(*state, &entropy), 0);
    failing = 0;
    assert_int_equal(RAND_set_rand_method(NULL), 1);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(draws_have_nothing_in_common),
        EACH(what_was_handed_out_is_not_there_any_more),
        EACH(nothing_is_there_after_a_drop),
        cmocka_unit_test(its_pages_are_given_back),
        EACH(no_child_draws_what_another_process_draws),
        cmocka_unit_test(where_pages_cannot_be_wiped_nothing_is_drawn_ahead),
        EACH(a_fork_in_the_middle_of_a_draw_hands_out_no_wiped_page),
        EACH(a_generator_that_fails_leaves_nothing_and_is_asked_again),
    };

    return cmocka_run_group_tests_name("draw", tests, NULL, NULL);
}
