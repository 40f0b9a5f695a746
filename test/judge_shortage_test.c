/* SPDX-License-Identifier: MIT */
/* Chains that were found good are remembered, and certificates kept: what runs out of memory in the middle leaves nothing by half. */
#define _GNU_SOURCE
#include "judge_memory_fixture.h"

#include <openssl/pem.h>

enum { STRIDE = 61 };

/* 1: the nth request for memory was made, and refused. */
static int ask_short_of_memory(long nth)
{
    static const struct question good = { .at = 0 }, bad = { .judge = STRANGE };
    char why[TLSM_WHY_ROOM];
    int hit, remembered;

    tlsm_libcrypto_drop(the.instance);
    allocations = 0;
    failing = nth;
    (void)answer_of(the.instance, good, why);
    assert_int_not_equal(answer_of(the.instance, bad, why), 0);
    hit = allocations > nth;
    failing = -1;
    assert_true(kept(the.instance) <= 1);
    assert_int_equal(ask((struct question){ .at = the.until }, &remembered), TLSM_ALERT_CERTIFICATE_EXPIRED);
    assert_int_equal(ask(good, &remembered), 0);
    assert_int_equal(ask(bad, &remembered), TLSM_ALERT_UNKNOWN_CA);
    assert_int_equal(kept(the.instance), 1);
    return hit;
}

/* Whichever is refused, and every later one with it or not: no yes that is not one, nothing half remembered, and with memory again the
 * right answer. One in STRIDE; all of them with TLSM_FAULT_SWEEP=1 in the environment. */
static void nothing_is_half_remembered_when_memory_runs_out(void **state)
{
    const long stride = getenv("TLSM_FAULT_SWEEP") != NULL ? 1 : STRIDE;

    (void)state;
    for (for_ever = 0; for_ever < 2; for_ever++)
        for (long nth = 0; ask_short_of_memory(nth); nth += stride)
            ;
}

static void write_anchor(char path[PATH_ROOM])
{
    FILE *file;

    (void)snprintf(path, PATH_ROOM, "/tmp/tlsm-memory-XXXXXX");
    file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, pki.root), 1);
    assert_int_equal(fclose(file), 0);
}

/* libcrypto reads extensions once, and would do it when the certificate is first asked about. */
static void a_trusted_certificate_outlives_a_shortage(void **state)
{
    const long stride = getenv("TLSM_FAULT_SWEEP") != NULL ? 1 : 5;
    struct tlsm_judge *const trusting = the.judge[TRUSTING];
    char path[PATH_ROOM], why[TLSM_WHY_ROOM];
    int hit = 1, remembered;

    (void)state;
    write_anchor(path);
    for_ever = 0;
    for (long nth = 0; hit; nth += stride) {
        the.judge[TRUSTING] = tlsm_judge_new_path(path, NULL, 0);
        assert_non_null(the.judge[TRUSTING]);
        tlsm_libcrypto_drop(the.instance);
        allocations = 0;
        failing = nth;
        (void)answer_of(the.instance, (struct question){ .at = 0 }, why);
        hit = allocations > nth;
        failing = -1;
        assert_int_equal(ask((struct question){ .at = 0 }, &remembered), 0);
        tlsm_judge_free(the.judge[TRUSTING]);
    }
    the.judge[TRUSTING] = trusting;
    assert_int_equal(unlink(path), 0);
}

static void an_answer_that_nobody_knows_the_end_of_is_not_remembered(void **state)
{
    int remembered;

    (void)state;
    without_epoch = 1;
    assert_int_equal(ask((struct question){ .at = 0 }, &remembered), 0);
    without_epoch = 0;
    assert_int_equal(ask((struct question){ .at = the.until }, &remembered), TLSM_ALERT_CERTIFICATE_EXPIRED);
    assert_int_equal(ask((struct question){ .at = 0 }, &remembered), 0);
    assert_false(remembered);
}

static void an_instance_is_whole_or_none(void **state)
{
    int hit = 1;

    (void)state;
    for (long nth = 0; hit; nth++) {
        struct tlsm_libcrypto *instance;
        allocations = 0;
        failing = nth;
        instance = tlsm_libcrypto_new(NULL);
        hit = allocations > nth;
        failing = -1;
        assert_int_equal(ERR_peek_error(), 0);
        if (instance != NULL) {
            char why[TLSM_WHY_ROOM];
            assert_int_equal(answer_of(instance, (struct question){ .at = 0 }, why), 0);
            assert_int_equal(kept(instance), 1);
        }
        assert_true(hit || instance != NULL);
        tlsm_libcrypto_free(instance);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(nothing_is_half_remembered_when_memory_runs_out),
        EACH(a_trusted_certificate_outlives_a_shortage),
        EACH(an_answer_that_nobody_knows_the_end_of_is_not_remembered),
        EACH(an_instance_is_whole_or_none),
    };

    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        return 1;
    return cmocka_run_group_tests_name("judge shortage", tests, set_up, tear_down);
}
