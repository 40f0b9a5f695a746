/* SPDX-License-Identifier: MIT */
/* Links that speak TLS 1.2: the session is told once, by whichever step completes the handshake, and no large block stays behind. */
#include "adapter_fixture.h"

#include "tlsm_memory.h"

#define NOW UINT64_C(1800000000000)

static const struct tlsm_ticket_key ticket_key = { { 'o', 'n', 'e' }, { 1, 2, 3 } };

static struct run {
    struct two two;
    struct tlsm_memory memory;
    struct tlsm_memory_options options;
    uint8_t session[1024];
    size_t session_length;
    unsigned tickets, issued, keys;
} run;

static void note_ticket(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    (void)context;
    assert_int_equal(tlsm_connected(state), 1);
    assert_int_equal(session->version, TLSM_1_2);
    run.session_length = tlsm_session_write(session, (struct tlsm_span){ run.session, sizeof run.session });
    assert_true(run.session_length > 0 && run.session_length <= sizeof run.session);
    run.tickets++;
}

static void note_issued(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    (void)context;
    assert_int_equal(state->control.role, TLSM_SERVER);
    assert_int_equal(session->version, TLSM_1_2);
    run.issued++;
}

static void note_keys(void *context, const struct tlsm_state *state)
{
    uint8_t secret[TLSM_HASH_MAX];
    (void)context;
    assert_int_equal(tlsm_secret(state, TLSM_SECRET_MASTER, secret), TLSM_HASH_MAX);
    run.keys++;
}

static void settle(void)
{
    memset(&run, 0, sizeof run);
    two_init(&run.two);
    for (int end = 0; end < 2; end++) {
        run.two.settings[end].version_min = run.two.settings[end].version_max = TLSM_1_2;
        run.options.link[end] = two_options(&run.two);
        run.options.link[end].hooks.keys = note_keys;
    }
    run.two.settings[SERVER].ticket_keys = &ticket_key;
    run.two.settings[SERVER].ticket_key_count = 1;
    run.two.settings[SERVER].tickets = 1;
    run.options.link[CLIENT].hooks.ticket = note_ticket;
    run.options.link[SERVER].hooks.issued = note_issued;
}

static void connect_at(const struct tlsm_session *session, uint64_t now_ms)
{
    run.tickets = run.issued = run.keys = 0;
    assert_int_equal(tlsm_memory_init(&run.memory, run.two.config, &run.options), TLSM_IO_DONE);
    for (int end = 0; end < 2; end++) {
        const struct tlsm_start start = { &run.two.entropy[end], end == CLIENT ? "test.example" : NULL, end == CLIENT ? session : NULL, now_ms };
        assert_int_equal(tlsm_link_begin(&run.memory.end[end], &start), TLSM_IO_DONE);
    }
    assert_int_equal(tlsm_memory_connect(&run.memory), TLSM_IO_DONE);
}

static void exchange_and_free(void)
{
    char text[8];
    assert_int_equal(tlsm_memory_write(&run.memory, CLIENT, "ping", 4), 4);
    (void)tlsm_memory_run(&run.memory);
    assert_int_equal(tlsm_memory_read(&run.memory, SERVER, text, sizeof text), 4);
    (void)tlsm_memory_close(&run.memory, CLIENT, 0);
    (void)tlsm_memory_run(&run.memory);
    (void)tlsm_memory_close(&run.memory, SERVER, 0);
    (void)tlsm_memory_run(&run.memory);
    assert_link(&run.memory.end[CLIENT], "clean_both");
    assert_link(&run.memory.end[SERVER], "clean_both");
    assert_true(run.memory.end[CLIENT].state_capacity <= TLSM_ESTABLISHED_MAX);
    tlsm_memory_free(&run.memory);
}

static void a_session_is_told_once_and_resumes(void **state)
{
    struct tlsm_session session;
    (void)state;
    settle();
    connect_at(NULL, NOW);
    assert_int_equal(run.tickets, 1);
    assert_int_equal(run.keys, 2);   /* one of each side */
    exchange_and_free();
    assert_int_equal(tlsm_session_read((struct tlsm_bytes){ run.session, run.session_length }, &session), 1);
    connect_at(&session, NOW + 1000);
    assert_int_equal(tlsm_resumed(run.memory.end[CLIENT].state), 1);
    assert_int_equal(tlsm_resumed(run.memory.end[SERVER].state), 1);
    assert_int_equal(run.keys, 2);
    exchange_and_free();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_told_once_and_resumes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
