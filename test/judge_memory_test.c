/* SPDX-License-Identifier: MIT */
/* Chains that were found good are remembered: a remembered answer is never another one than a judge gives who never heard the
 * question, whatever of the question, the judge or the time is changed. */
#define _GNU_SOURCE
#include "judge_memory_fixture.h"

enum { STEPS = 1200 };

/* ------------------------------------------------------------------------------------------------ the tests */

static void a_chain_found_good_is_not_verified_again(void **state)
{
    int remembered;

    (void)state;
    assert_int_equal(ask((struct question){ .at = now() }, &remembered), 0);
    assert_false(remembered);
    assert_int_equal(ask((struct question){ .at = now() }, &remembered), 0);
    assert_true(remembered);
    assert_int_equal(ask((struct question){ .at = 0 }, &remembered), 0);   /* the clock's time is a time too */
    assert_true(remembered);
    tlsm_libcrypto_drop(the.instance);
    assert_int_equal(kept(the.instance), 0);
    assert_int_equal(ask((struct question){ .at = now() }, &remembered), 0);
    assert_false(remembered);
}

static void what_was_refused_is_verified_again(void **state)
{
    int remembered;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask((struct question){ .judge = STRANGE }, &remembered), TLSM_ALERT_UNKNOWN_CA);
        assert_false(remembered);
        assert_int_equal(ask((struct question){ .chain = NO_SIGNATURES }, &remembered), TLSM_ALERT_UNSUPPORTED_CERTIFICATE);
        assert_false(remembered);
    }
    assert_int_equal(kept(the.instance), 0);
}

/* notBefore is the first second, notAfter none any more: as libcrypto has it. */
static void it_lasts_to_the_second(void **state)
{
    const struct { int64_t at; int good; } times[] = {
        { the.from - 1, 0 }, { the.from, 1 }, { the.from + 1, 1 }, { the.until - 1, 1 }, { the.until, 0 }, { the.until + 1, 0 },
        { -1, 0 }, { INT64_C(1) << 33, 0 } };
    int remembered;

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        assert_int_equal(ask((struct question){ .at = now() }, &remembered), 0);
        assert_int_equal(ask((struct question){ .at = times[i].at }, &remembered) == 0, times[i].good);
        assert_int_equal(remembered, times[i].good);
    }
}

static void other_roles_names_chains_and_stores_are_other_questions(void **state)
{
    static const struct question others[] = {
        { .of_client = 1 }, { .name = 2 }, { .name = 5 }, { .chain = WITH_ROOT }, { .chain = WITH_STRANGER }, { .chain = WITH_EXTENSION },
        { .judge = TRUSTING_TOO } };
    int remembered;

    (void)state;
    assert_int_equal(ask((struct question){ .at = 0 }, &remembered), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(ask(others[i], &remembered), 0);
        assert_false(remembered);
    }
}

/* One choice changes at a time, so that most questions resemble one that was answered yes. */
static void change(struct question *question)
{
    const int64_t times[] = { 0, now(), now(), now(), the.from - 1, the.from, the.from + 1, the.until - 1, the.until, the.until + 1 };
    unsigned pick;

    the.random = the.random * 1103515245u + 12345u;
    pick = the.random >> 19;
    switch (the.random >> 16 & 7) {
    case 0: question->chain = (int)(pick % CHAINS); break;
    case 1: question->name = (int)(pick % NAMES); break;
    case 2: question->judge = (int)(pick % JUDGES); break;
    case 3: question->staple = (int)(pick % STAPLES); break;
    case 4: question->of_client = (int)(pick & 1); break;
    case 5: question->forged = pick % 8 == 0; break;
    case 6: question->at = times[pick % (sizeof times / sizeof times[0])]; break;
    case 7: *question = (struct question){ .at = now() }; break;
    }
}

static void every_answer_is_what_a_judge_gives_who_never_heard_the_question(void **state)
{
    struct question question = { .at = now() };
    int remembered, times = 0, refused = 0;

    (void)state;
    for (int i = 0; i < STEPS; i++) {
        const int good = ask(question, &remembered) == 0;
        times += good && remembered && question.judge != ANYONE;
        refused += !good && remembered && question.judge != ANYONE;
        change(&question);
    }
    assert_true(times > STEPS / 8);     /* so that something was remembered */
    assert_true(refused > STEPS / 50);  /* and judged in what is not */
}

static void staple_and_signature_are_judged_each_time(void **state)
{
    int remembered;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask((struct question){ .judge = STRICT, .staple = STAPLED_GOOD }, &remembered), 0);
        assert_int_equal(ask((struct question){ .judge = STRICT }, &remembered), TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
        assert_true(remembered);
        assert_int_equal(ask((struct question){ .judge = STRICT, .staple = STAPLED_REVOKED }, &remembered),
                         TLSM_ALERT_CERTIFICATE_REVOKED);
        assert_true(remembered);
        assert_int_equal(ask((struct question){ .judge = STRICT, .staple = STAPLED_GOOD, .forged = 1 }, &remembered),
                         TLSM_ALERT_DECRYPT_ERROR);
        assert_true(remembered);
    }
}

static void nothing_is_remembered_where_there_are_lists(void **state)
{
    int remembered;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask((struct question){ .judge = LISTING }, &remembered), 0);
        assert_int_equal(ask((struct question){ .judge = ANYONE }, &remembered), 0);
    }
    assert_int_equal(kept(the.instance), 0);
}

/* The store that was asked lives as long as its answers, so that no other is taken for it. */
static void a_judge_made_where_another_was_freed_knows_nothing(void **state)
{
    struct tlsm_judge *const trusting = the.judge[TRUSTING];
    int remembered;

    (void)state;
    for (int i = 0; i < 20; i++) {
        the.judge[TRUSTING] = make_judge(pki.root);
        assert_int_equal(ask((struct question){ .at = 0 }, &remembered), 0);
        tlsm_libcrypto_drop(the.fresh);
        tlsm_judge_free(the.judge[TRUSTING]);
        the.judge[TRUSTING] = make_judge(the.stranger);
        assert_int_equal(ask((struct question){ .at = 0 }, &remembered), TLSM_ALERT_UNKNOWN_CA);
        assert_false(remembered);
        tlsm_judge_free(the.judge[TRUSTING]);
    }
    the.judge[TRUSTING] = trusting;
}

static void a_memory_of_one_answers_right(void **state)
{
    const struct tlsm_libcrypto_options options = { .certificates_cached = 1 };
    int remembered;

    (void)state;
    tlsm_libcrypto_free(the.instance);
    the.instance = tlsm_libcrypto_new(&options);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(ask((struct question){ .chain = i % 2 == 0 ? WHOLE : WITH_ROOT }, &remembered), 0);
        assert_false(remembered);
        assert_int_equal(kept(the.instance), 1);
        assert_int_equal(ask((struct question){ .chain = i % 2 == 0 ? WHOLE : WITH_ROOT, .name = 1 }, &remembered),
                         TLSM_ALERT_BAD_CERTIFICATE);
    }
}

/* A name is no part of the chain that follows it, however long either is. */
static void a_long_name_and_a_short_one_ask_different_questions(void **state)
{
    enum { ALL = 70000, SHORT = 10, LONG = SHORT + 65536 };
    uint8_t *const bytes = calloc(1, ALL), question[2][TLSM_FINGERPRINT];
    struct tlsm_request request = request_of(WHOLE, host);

    (void)state;
    request.server_name = (struct tlsm_bytes){ bytes, SHORT };
    request.chain = (struct tlsm_bytes){ bytes + SHORT, ALL - SHORT };
    assert_int_equal(tlsm_judged_question(&request, question[0]), 0);
    request.server_name = (struct tlsm_bytes){ bytes, LONG };
    request.chain = (struct tlsm_bytes){ bytes + LONG, ALL - LONG };
    if (tlsm_judged_question(&request, question[1]) == 0)
        assert_memory_not_equal(question[0], question[1], TLSM_FINGERPRINT);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_chain_found_good_is_not_verified_again),
        EACH(what_was_refused_is_verified_again),
        EACH(it_lasts_to_the_second),
        EACH(other_roles_names_chains_and_stores_are_other_questions),
        EACH(every_answer_is_what_a_judge_gives_who_never_heard_the_question),
        EACH(staple_and_signature_are_judged_each_time),
        EACH(nothing_is_remembered_where_there_are_lists),
        EACH(a_judge_made_where_another_was_freed_knows_nothing),
        EACH(a_memory_of_one_answers_right),
        EACH(a_long_name_and_a_short_one_ask_different_questions),
    };

    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        return 1;
    return cmocka_run_group_tests_name("judge memory", tests, set_up, tear_down);
}
