/* SPDX-License-Identifier: MIT */
/* Resumption between two machines: what is issued, offered and accepted, and what quietly is not. */
#include "resumption_fixture.h"

/* Each of these runs over both providers. */
#define BOTH(real) for (int real = 0; real <= 1; real++)

static void a_ticket_resumes(void **state)
{
    TLSM_UNUSED(state);
    BOTH(real) {
        for (size_t i = 0; i < 3; i++) {
            struct pair *pair = sealing(real);
            pair->client.settings.suites = pair->server.settings.suites = &suites[i];
            pair->client.settings.suite_count = pair->server.settings.suite_count = 1;
            first(pair);
            assert_int_equal(pair->client.tickets, 2);
            const struct tlsm_session session = kept(&pair->client);
            offer(pair, HOST, &session, NOW + 5000);
            check_resumed(pair, 1);
            assert_int_equal(pair->client.block.state.scheme, 0);
            assert_int_equal(pair->client.tickets, 2);
            exchange_and_close(pair);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_resumes),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
