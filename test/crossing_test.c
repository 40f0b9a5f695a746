/* SPDX-License-Identifier: MIT */
/* Where two things meet that a peer may ask for: what one of them leaves behind must not trip the other. */
#include "early_fixture.h"

static void no_invariant_fails(const struct pair *pair)
{
    assert_int_equal(tlsm_invariant(&pair->client.block.state), 0);
    assert_int_equal(tlsm_invariant(&pair->server.block.state), 0);
}

/* Early data was read, then the client is asked for a certificate: the state is as sound, and as fit to be moved, as any other. */
static void who_spoke_early_may_be_asked_later(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(0);
    pair->client.settings.late_auth = pair->server.settings.late_auth = 1;
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, NOW);
    talk(pair);
    again_early(pair, LATER);
    assert_code(write_early(&pair->client, "early"), TLSM_PRODUCED);
    converse(pair);
    assert_int_equal(side_verdict(&pair->server).early, TLSM_EARLY_ACCEPTED);
    assert_code(side_do(&pair->server, TLSM_IN_ASK_CERTIFICATE), TLSM_OK);
    no_invariant_fails(pair);
    side_produce(&pair->server);
    no_invariant_fails(pair);
    (void)side_say(&pair->server, &pair->client);
    assert_int_equal(pair->client.block.state.control.phase, TLSM_PHASE_PC_MAKE_CERTIFICATE);
    no_invariant_fails(pair);
    converse(pair);
    assert_true(pair->server.block.state.control.late_requests == 1 && tlsm_connected(server_of(pair)));
    no_invariant_fails(pair);
}

/* Client authentication in TLS 1.2, and no scheme that a client could use there: refused, instead of asked in an empty list. */
static void who_can_name_no_scheme_asks_nobody(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = fresh(0);
    pair->client.settings.version_min = pair->client.settings.version_max = TLSM_1_2;
    pair->server.settings.version_min = pair->server.settings.version_max = TLSM_1_2;
    pair->server.settings.client_auth = TLSM_CLIENT_AUTH_REQUEST;
    pair->server.settings.schemes = ed25519_schemes;
    pair->server.settings.scheme_count = 1;
    start_both(pair, "");
    talk(pair);
    assert_int_equal(side_verdict(&pair->server).alert_sent, TLSM_ALERT_HANDSHAKE_FAILURE);
    assert_int_equal(side_verdict(&pair->client).alert_received, TLSM_ALERT_HANDSHAKE_FAILURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_spoke_early_may_be_asked_later),
        cmocka_unit_test(who_can_name_no_scheme_asks_nobody),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
