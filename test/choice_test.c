/* SPDX-License-Identifier: MIT */
/* The credential is asked for first: what the application settles by the client's name comes before protocol and session. */
#include "resumption_fixture.h"

static const struct tlsm_bytes protocol[] = { { (const uint8_t *)"h2", 2 } };

static int asked(const struct pair *pair, struct tlsm_request *request)
{
    return tlsm_request(&pair->server.config, &pair->server.block.state, request);
}

/* A first connection, in which every question is answered, then one that offers its session, up to the server's question. */
static struct pair *asking(void)
{
    struct pair *pair = sealing(0);
    struct tlsm_session session;
    pair->client.settings.alpn = protocol;
    pair->client.settings.alpn_count = 1;
    pair->server.settings.ask = TLSM_ASK_CREDENTIAL_BIT;
    first(pair);
    session = kept(&pair->client);
    again(&pair->client);
    again(&pair->server);
    begin(&pair->client, HOST, &session, NOW);
    begin(&pair->server, "", NULL, NOW);
    (void)side_say(&pair->client, &pair->server);
    return pair;
}

static void a_session_resumes_behind_the_question(void **state)
{
    (void)state;
    struct pair *pair = asking();
    struct tlsm_request request;
    assert_int_equal(asked(pair, &request), TLSM_ASK_CREDENTIAL);
    assert_int_equal(request.server_name.length, strlen(HOST));
    assert_int_equal(request.alpn.length, 3);
    talk(pair);
    check_resumed(pair, 1);
}

static void the_protocol_is_settled_at_the_question(void **state)
{
    (void)state;
    struct pair *pair = asking();
    pair->server.settings.alpn = protocol;
    pair->server.settings.alpn_count = 1;
    talk(pair);
    check_resumed(pair, 1);
    assert_int_equal(pair->server.block.state.alpn, 1);
    assert_int_equal(pair->client.block.state.alpn, 1);
}

static void the_session_context_is_settled_at_the_question(void **state)
{
    (void)state;
    struct pair *pair = asking();
    pair->server.settings.session_context = tlsm_slice((const uint8_t *)"other", 5);
    talk(pair);
    check_resumed(pair, 0);
}

static void the_cache_is_asked_second(void **state)
{
    (void)state;
    struct pair *pair = asking();
    struct tlsm_request request;
    struct tlsm_answer answer = { 0 };
    pair->server.settings.ask |= TLSM_ASK_SESSION_BIT;
    assert_int_equal(asked(pair, &request), TLSM_ASK_CREDENTIAL);
    answer_with(&pair->server, &answer, TLSM_REQUEST);
    assert_int_equal(asked(pair, &request), TLSM_ASK_SESSION);
    answer_with(&pair->server, &answer, TLSM_OK);   /* not found */
    talk(pair);
    check_resumed(pair, 0);
}

static void credentials_may_come_with_the_question(void **state)
{
    (void)state;
    struct pair *pair = sealing(0);
    const struct tlsm_credential *given = pair->server.settings.credentials;
    const size_t count = pair->server.settings.credential_count;
    struct tlsm_answer answer = { 0 };
    pair->server.settings.ask = TLSM_ASK_CREDENTIAL_BIT;
    pair->server.settings.credentials = NULL;
    pair->server.settings.credential_count = 0;
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, NOW);
    (void)side_say(&pair->client, &pair->server);
    answer_with(&pair->server, &answer, TLSM_BAD_ARGUMENT);   /* there is no credential number 0 */
    pair->server.settings.credentials = given;
    pair->server.settings.credential_count = count;
    talk(pair);
    check_resumed(pair, 0);
}

/* RFC 9525 §6.3: a wildcard is a whole label, the first; anything else that has a star in it is a name of its own. */
static void a_credential_is_for_the_names_it_has(void **state)
{
    static const struct { const char *pattern, *name; int fits; } rows[] = {
        { "host.test", "host.test", 1 }, { "host.test", "HOST.Test", 1 }, { "host.test", "other.test", 0 }, { "host.test", "host.tes", 0 },
        { "*.test", "host.test", 1 }, { "*.test", "a.host.test", 0 }, { "*.test", "test", 0 }, { "*.test", ".test", 0 }, { "*.a", "x.a", 1 },
        { "*.", "x.", 0 }, { "*.", "*.", 1 }, { "ab", "ab", 1 }, { "*", "x", 0 }, { "*", "*", 1 }, { "*xy", "axy", 0 }, { "*xy", "*xy", 1 },
        { "a.*", "a.b", 0 }, { "*.test", "", 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct tlsm_bytes pattern[] = { { (const uint8_t *)rows[i].pattern, strlen(rows[i].pattern) } };
        const struct tlsm_credential named = { .names = pattern, .name_count = 1 };
        if (tlsm_name_fits(&named, tlsm_slice((const uint8_t *)rows[i].name, strlen(rows[i].name))) != rows[i].fits)
            print_error("%s for %s\n", rows[i].pattern, rows[i].name);
        assert_int_equal(tlsm_name_fits(&named, tlsm_slice((const uint8_t *)rows[i].name, strlen(rows[i].name))), rows[i].fits);
    }
}

/* A client that asks for compatibility gets no ChangeCipherSpec from who has none to give, and connects all the same. */
static void a_server_without_compatibility_says_no_ccs(void **state)
{
    (void)state;
    for (uint8_t without = 0; without < 2; without++) {
        struct pair *pair = fresh(0);
        pair->server.settings.no_compatibility = without;
        start_both(pair, "");
        (void)side_say(&pair->client, &pair->server);
        side_produce(&pair->server);
        const uint8_t *second = pair->server.wire + TLSM_HEADER + ((size_t)pair->server.wire[3] << 8 | pair->server.wire[4]);
        assert_int_equal(*second, without ? TLSM_TYPE_DATA : TLSM_TYPE_CCS);
        talk(pair);
        check_connected(pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_resumes_behind_the_question),
        cmocka_unit_test(the_protocol_is_settled_at_the_question),
        cmocka_unit_test(the_session_context_is_settled_at_the_question),
        cmocka_unit_test(the_cache_is_asked_second),
        cmocka_unit_test(credentials_may_come_with_the_question),
        cmocka_unit_test(a_credential_is_for_the_names_it_has),
        cmocka_unit_test(a_server_without_compatibility_says_no_ccs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
