/* SPDX-License-Identifier: MIT */
/* The closing driver around libssl: every ending it can see, over every transport, in both versions. */
#include "openssl_fixture.h"

#define EVERY(over, server, version)                                      \
    for (int over = 0; over < OVER_COUNT; over++)                         \
        for (int server = 0; server < 2; server++)                        \
            for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)

static void closing_ends_clean_on_both_sides(void **unused)
{
    (void)unused;
    EVERY(over, server, version) {
        struct ends ends;
        struct tlsm_verdict verdict;
        int theirs;
        ends_open(&ends, (enum over)over, server, version);
        assert_int_equal(both_close(&ends, &theirs), TLSM_IO_DONE);
        verdict = ends_verdict(&ends);
        assert_string_equal(tlsm_how_name(verdict.how), "clean_both");
        assert_int_equal(verdict.alert_sent, TLSM_ALERT_CLOSE_NOTIFY);
        assert_int_equal(verdict.alert_received, TLSM_ALERT_CLOSE_NOTIFY);
        assert_int_equal(verdict.alert_authenticated, 1);
        assert_int_equal(tlsm_openssl_needs(ends.driver), 0);
        ends_free(&ends);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closing_ends_clean_on_both_sides),
    };
    return cmocka_run_group_tests(tests, contexts_open, contexts_close);
}
