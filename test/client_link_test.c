/* SPDX-License-Identifier: MIT */
/* Client authentication as an adapter's caller sees it: links over a transport that splits, joins, delays and blocks; and sessions,
 * which remember whether the client was shown. */
#include "adapter_fixture.h"

#include <stdlib.h>

#include "client_auth_fixture.h"
#include "resumption_fixture.h"
#include "tlsm_memory.h"

enum { LENGTH = 60000 };

static uint8_t text[LENGTH];

static int fill_text(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof text; at++)
        text[at] = (uint8_t)(at * 7 + at / 251);
    return make_keys(state);
}

struct run {
    struct two two;
    struct tlsm_memory_options options;
    struct tlsm_memory memory;
    uint8_t heard[2][LENGTH];
    size_t said[2], heard_length[2];
};

static struct run *run_new(uint64_t seed)
{
    struct run *run = calloc(1, sizeof *run);
    assert_non_null(run);
    two_init(&run->two);
    run->options.link[CLIENT] = run->options.link[SERVER] = two_options(&run->two);
    run->two.settings[CLIENT].credentials = &two_credential;
    run->two.settings[CLIENT].credential_count = 1;
    run->two.settings[CLIENT].late_auth = run->two.settings[SERVER].late_auth = 1;
    for (size_t i = 0; i < 2 && seed != 0; i++) {
        run->options.pipe[i].send = (struct tlsm_schedule){ .seed = seed + i, .most = 997 };
        run->options.pipe[i].receive = (struct tlsm_schedule){ .seed = 3 * seed + i, .most = 701 };
        run->options.pipe[i].report = (struct tlsm_schedule){ .seed = 7 * seed + i, .most = 331 };
        run->options.pipe[i].capacity = 4096;
    }
    assert_int_equal(tlsm_memory_init(&run->memory, run->two.config, &run->options), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_start(&run->memory, run->two.entropy, "test.example"), TLSM_IO_DONE);
    return run;
}

static void run_free(struct run *run)
{
    tlsm_memory_free(&run->memory);
    free(run);
}

static const struct tlsm_state *state_of(const struct run *run, int end) { return run->memory.end[end].state; }

/* One write and one read of each end. 1: something moved. */
static int move_all(struct run *run)
{
    int moved = tlsm_memory_run(&run->memory) > 0;
    for (int end = 0; end < 2; end++) {
        const size_t left = LENGTH - run->said[end], part = left < 3000 ? left : 3000;
        const ptrdiff_t put = part > 0 ? tlsm_memory_write(&run->memory, end, text + run->said[end], part) : 0;
        const ptrdiff_t got = tlsm_memory_read(&run->memory, end, run->heard[end] + run->heard_length[end], LENGTH - run->heard_length[end]);
        run->said[end] += put > 0 ? (size_t)put : 0;
        run->heard_length[end] += got > 0 ? (size_t)got : 0;
        moved |= put > 0 || got > 0;
    }
    return moved;
}

/* Data runs both ways while the client is asked, five times. */
static void asked_in_the_middle_of_everything(uint64_t seed)
{
    struct run *run = run_new(seed);
    unsigned asked = 0, shown = 0;
    assert_int_equal(tlsm_memory_connect(&run->memory), TLSM_IO_DONE);
    assert_int_equal(tlsm_peer_shown(state_of(run, SERVER)), 0);
    for (int busy = 1; busy;) {
        busy = move_all(run);
        shown += (tlsm_link_news(&run->memory.end[SERVER]) & TLSM_NEWS_PEER_SHOWN) != 0;
        if (asked == shown && asked < 5 && run->heard_length[SERVER] > asked * 9000) {
            assert_int_equal(tlsm_link_ask_certificate(&run->memory.end[SERVER]), TLSM_IO_DONE);
            asked++;
            busy = 1;
        }
    }
    assert_int_equal(asked, 5);
    assert_int_equal(shown, 5);
    assert_int_equal(run->heard_length[CLIENT], LENGTH);
    assert_int_equal(run->heard_length[SERVER], LENGTH);
    assert_memory_equal(run->heard[CLIENT], text, LENGTH);
    assert_memory_equal(run->heard[SERVER], text, LENGTH);
    assert_int_equal(tlsm_peer_shown(state_of(run, SERVER)), 1);
    assert_true(run->memory.end[SERVER].state_capacity <= TLSM_ESTABLISHED_MAX);
    run_free(run);
}

static void a_client_is_asked_in_the_middle_of_everything(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++)
        asked_in_the_middle_of_everything(seed);
}

/* The judge takes its time: the server reads nothing meanwhile, and the client's data is neither lost nor early. */
static void an_answer_that_comes_late(void **state)
{
    (void)state;
    struct run *run = run_new(0);
    assert_int_equal(tlsm_memory_connect(&run->memory), TLSM_IO_DONE);
    run->two.silent = 1;
    assert_int_equal(tlsm_link_ask_certificate(&run->memory.end[SERVER]), TLSM_IO_DONE);
    (void)tlsm_memory_run(&run->memory);
    assert_int_equal(tlsm_memory_write(&run->memory, CLIENT, text, 4), TLSM_IO_WANT_ANSWER);   /* its signature is being made */
    run->two.silent = 0;
    (void)tlsm_memory_run(&run->memory);
    run->two.silent = 1;
    assert_int_equal(tlsm_memory_write(&run->memory, CLIENT, text, 4), 4);
    (void)tlsm_memory_run(&run->memory);
    run->two.silent = 0;
    assert_int_equal(tlsm_memory_read(&run->memory, SERVER, run->heard[SERVER], LENGTH), 4);
    assert_int_equal(tlsm_peer_shown(state_of(run, SERVER)), 1);
    run_free(run);
}

/* H1: SSL_shutdown() while the judge takes its time. Ours goes out, nothing can be read before the answer, and the call says so. */
static void the_call_returns_while_an_answer_is_missing(void **state)
{
    struct tlsm_shutdown procedure = { .contract = TLSM_SHUTDOWN_ONE_CALL };
    enum tlsm_shutdown_error error;
    (void)state;
    struct run *run = run_new(0);
    struct tlsm_memory *memory = &run->memory;
    assert_int_equal(tlsm_memory_connect(memory), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_ask_certificate(&memory->end[SERVER]), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_flush(&memory->end[SERVER], &memory->transport[SERVER]), TLSM_IO_DONE);
    (void)tlsm_memory_turn(memory, CLIENT);
    run->two.silent = 1;
    (void)tlsm_memory_turn(memory, SERVER);
    assert_true(tlsm_needs(state_of(run, SERVER)) & TLSM_NEED_ANSWER);
    for (int call = 0; call < 2; call++) {
        assert_int_equal(tlsm_link_shutdown(&memory->end[SERVER], &memory->transport[SERVER], &procedure, &error), -1);
        assert_int_equal(error, TLSM_SHUTDOWN_WANT_READ);
    }
    run->two.silent = 0;
    (void)tlsm_memory_close(memory, CLIENT, 0);
    assert_int_equal(tlsm_link_shutdown(&memory->end[SERVER], &memory->transport[SERVER], &procedure, &error), 1);
    run_free(run);
}

/* ------------------------------------------------------------------------------------------------ sessions */

static struct pair *sealing_mutual(uint8_t policy, size_t client_credentials)
{
    struct pair *pair = sealing(0);
    pair->server.settings.client_auth = policy;
    pair->client.settings.credentials = credentials;
    pair->client.settings.credential_count = client_credentials;
    return pair;
}

static void connect_mutual(struct pair *pair, const struct tlsm_session *session)
{
    again(&pair->client);
    again(&pair->server);
    begin(&pair->client, HOST, session, NOW + 1000);
    begin(&pair->server, "", NULL, NOW + 1000);
    talk_mutual(pair);
}

/* A session stands for the certificate that was shown when it was made. */
static void a_session_of_a_client_that_was_shown_is_enough(void **state)
{
    (void)state;
    struct pair *pair = sealing_mutual(TLSM_CLIENT_AUTH_REQUIRE, KEYS);
    connect_mutual(pair, NULL);
    check_resumed(pair, 0);
    assert_int_equal(tlsm_peer_shown(&pair->server.block.state), 1);
    for (int i = 0; i < 2; i++) {   /* also one that descends from it */
        const struct tlsm_session session = kept(&pair->client);
        connect_mutual(pair, &session);
        check_resumed(pair, 1);
        assert_int_equal(tlsm_peer_shown(&pair->server.block.state), 1);
    }
}

static void a_session_without_a_certificate_is_not_where_one_is_required(void **state)
{
    (void)state;
    struct pair *pair = sealing_mutual(TLSM_CLIENT_AUTH_REQUEST, 0);
    connect_mutual(pair, NULL);
    const struct tlsm_session session = kept(&pair->client);
    connect_mutual(pair, &session);
    check_resumed(pair, 1);         /* where it is only asked for, it is */
    assert_int_equal(tlsm_peer_shown(&pair->server.block.state), 0);
    pair->server.settings.client_auth = TLSM_CLIENT_AUTH_REQUIRE;
    pair->client.settings.credentials = credentials;
    pair->client.settings.credential_count = KEYS;
    connect_mutual(pair, &session);
    check_resumed(pair, 0);
    assert_int_equal(tlsm_peer_shown(&pair->server.block.state), 1);
}

/* A ticket made after the client was asked says so; one made before does not. */
static void tickets_know_what_was_shown_until_then(void **state)
{
    (void)state;
    struct pair *pair = sealing_mutual(TLSM_CLIENT_AUTH_NONE, KEYS);
    const struct tlsm_in ticket = { .kind = TLSM_IN_TICKET };
    pair->client.settings.late_auth = pair->server.settings.late_auth = 1;
    connect_mutual(pair, NULL);
    const struct tlsm_session before = kept(&pair->client);
    assert_code(side_do(&pair->server, TLSM_IN_ASK_CERTIFICATE), TLSM_OK);
    talk_mutual(pair);
    assert_int_equal(tlsm_peer_shown(&pair->server.block.state), 1);
    assert_code(side_step(&pair->server, &ticket), TLSM_OK);
    talk_mutual(pair);
    const struct tlsm_session after = kept(&pair->client);
    connect_mutual(pair, &before);
    assert_int_equal(tlsm_resumed(&pair->server.block.state), 1);
    assert_int_equal(tlsm_peer_shown(&pair->server.block.state), 0);
    assert_code(side_do(&pair->server, TLSM_IN_ASK_CERTIFICATE), TLSM_OK);   /* a connection that resumed can be asked too */
    talk_mutual(pair);
    assert_int_equal(tlsm_peer_shown(&pair->server.block.state), 1);
    connect_mutual(pair, &after);
    assert_int_equal(tlsm_resumed(&pair->server.block.state), 1);
    assert_int_equal(tlsm_peer_shown(&pair->server.block.state), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_asked_in_the_middle_of_everything),
        cmocka_unit_test(an_answer_that_comes_late),
        cmocka_unit_test(the_call_returns_while_an_answer_is_missing),
        cmocka_unit_test(a_session_of_a_client_that_was_shown_is_enough),
        cmocka_unit_test(a_session_without_a_certificate_is_not_where_one_is_required),
        cmocka_unit_test(tickets_know_what_was_shown_until_then),
    };
    return cmocka_run_group_tests(tests, fill_text, free_keys);
}
