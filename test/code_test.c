/* SPDX-License-Identifier: MIT */
/* Words for every number: a program shows them to people, so each is a sentence, and no two results read alike. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tlsm.h"

static const struct { enum tlsm_code code; const char *name; } codes[] = {
#define CODE(name, value, fault, text, advice) { TLSM_##name, #name },
#define END(name, value, verdict, exit, fault, text, advice) { TLSM_END_##name, "END_" #name },
#include "code.def"
#undef CODE
#undef END
};
static const struct { uint8_t how; enum tlsm_code code; int exit; const char *name; } ends[] = {
#define END(name, value, verdict, exit, fault, text, advice) { TLSM_##verdict##_VERDICT, TLSM_END_##name, exit, #verdict },
#include "code.def"
#undef END
};
enum { CODES = sizeof codes / sizeof *codes, ENDS = sizeof ends / sizeof *ends };

/* Begins with a capital, ends with a full stop, says something in between, one space at a time. */
static void assert_sentence(const char *text)
{
    const size_t length = strlen(text);
    if (length < 5 || !isupper((unsigned char)text[0]) || text[length - 1] != '.' || strstr(text, "  ") != NULL)
        fail_msg("\"%s\" is no sentence", text);
    for (size_t i = 0; i < length; i++)
        assert_true((unsigned char)text[i] >= ' ');
}

static void every_code_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODES; i++) {
        assert_sentence(tlsm_code_text(codes[i].code));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(tlsm_code_text(codes[i].code), tlsm_code_text(codes[j].code));
    }
}

static void every_code_says_what_to_do_and_not_what_it_said_already(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODES; i++) {
        assert_sentence(tlsm_code_advice(codes[i].code));
        assert_string_not_equal(tlsm_code_advice(codes[i].code), tlsm_code_text(codes[i].code));
    }
}

static void every_code_has_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODES; i++) {
        assert_string_equal(tlsm_code_name(codes[i].code), codes[i].name);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(codes[i].code, codes[j].code);
    }
}

/* The ranges that tlsm.h promises: news below 32, what is short below 48, refusals from there on, ends below 0. */
static void the_number_says_which_kind_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODES; i++) {
        const int is_short = strncmp(codes[i].name, "MORE_", 5) == 0, is_end = strncmp(codes[i].name, "END_", 4) == 0;
        assert_int_equal(is_end, codes[i].code < 0);
        assert_int_equal(is_short, codes[i].code >= TLSM_MORE_INPUT && codes[i].code < TLSM_NOT_STARTED);
        assert_true((int)codes[i].code < (int)TLSM_CODE_LAST);
    }
}

static void an_unknown_code_still_has_words(void **state)
{
    (void)state;
    assert_sentence(tlsm_code_text(TLSM_CODE_LAST));
    assert_sentence(tlsm_code_advice(TLSM_CODE_LAST));
    assert_string_equal(tlsm_code_name(TLSM_CODE_LAST), "UNKNOWN");
}

static void every_verdict_has_its_name_its_code_and_its_status(void **state)
{
    char lower[64];
    (void)state;
    assert_int_equal(ENDS, TLSM_HOW_COUNT - 1);
    for (size_t i = 0; i < ENDS; i++) {
        (void)snprintf(lower, sizeof lower, "%s", ends[i].name);
        for (char *at = lower; *at != '\0'; at++)
            *at = (char)tolower((unsigned char)*at);
        assert_string_equal(tlsm_how_name(ends[i].how), lower);
        assert_int_equal(tlsm_how_code(ends[i].how), ends[i].code);
        assert_int_equal(tlsm_how_exit(ends[i].how), ends[i].exit);
    }
    assert_string_equal(tlsm_how_name(TLSM_OPEN), "open");
    assert_int_equal(tlsm_how_code(TLSM_OPEN), TLSM_OK);
    assert_int_not_equal(tlsm_how_exit(TLSM_OPEN), 0);
    assert_int_not_equal(tlsm_how_exit(TLSM_HOW_COUNT), 0);
}

/* 0 says that the data is complete, and nothing else says it; a status that is not 0 names one verdict. */
static void only_a_complete_end_has_status_0(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENDS; i++) {
        const uint8_t how = ends[i].how;
        const int complete = how == TLSM_CLEAN_BOTH_VERDICT || how == TLSM_CLEAN_RECEIVED_VERDICT || how == TLSM_FRAMED_END_VERDICT;
        assert_int_equal(complete, ends[i].exit == 0);
        for (size_t j = 0; j < i && !complete; j++)
            assert_int_not_equal(ends[i].exit, ends[j].exit);
    }
}

/* ------------------------------------------------------------------------------------------------ the other names */

static const char *rx_name(unsigned value) { return tlsm_rx_name((uint8_t)value); }
static const char *tx_name(unsigned value) { return tlsm_tx_name((uint8_t)value); }
static const char *phase_name(unsigned value) { return tlsm_phase_name((uint8_t)value); }
static const char *cause_name(unsigned value) { return tlsm_cause_name((uint8_t)value); }
static const char *place_name(unsigned value) { return tlsm_place_name((uint8_t)value); }
static const char *mover_name(unsigned value) { return tlsm_mover_name((uint8_t)value); }

static void assert_distinct(const char *(*name)(unsigned), unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_true(name(i)[0] != '\0');
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(name(i), name(j));
    }
    assert_true(name(count)[0] != '\0');
}

static void states_events_and_causes_have_names(void **state)
{
    (void)state;
    assert_distinct(tlsm_event_name, TLSM_EV_COUNT);
    assert_distinct(rx_name, TLSM_RX_COUNT);
    assert_distinct(tx_name, TLSM_TX_COUNT);
    assert_distinct(phase_name, TLSM_PHASE_COUNT);
    assert_distinct(cause_name, TLSM_CAUSE_PEER_CLOSED + 1);
    assert_distinct(place_name, TLSM_PLACE_MESSAGE + 1);
    assert_distinct(mover_name, TLSM_TRANSPORT_MOVED + 1);
    for (unsigned alert = 0; alert < 256; alert++)
        assert_true(tlsm_alert_name((uint8_t)alert)[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_sentence_of_its_own),
        cmocka_unit_test(every_code_says_what_to_do_and_not_what_it_said_already),
        cmocka_unit_test(every_code_has_its_name),
        cmocka_unit_test(the_number_says_which_kind_it_is),
        cmocka_unit_test(an_unknown_code_still_has_words),
        cmocka_unit_test(every_verdict_has_its_name_its_code_and_its_status),
        cmocka_unit_test(only_a_complete_end_has_status_0),
        cmocka_unit_test(states_events_and_causes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
