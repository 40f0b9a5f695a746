/* SPDX-License-Identifier: MIT */
/* SSL_write_early_data() and SSL_read_early_data(), ours and the installed libssl's, either way round. */
#include "ssl_ends.h"

enum { MAX = 1000 };

static struct party *party(const struct ends *ends, int side) { return ends->party[side]; }

static void for_each_cast(void (*what)(const struct ends_cast *cast))
{
    for (size_t i = 0; i < ends_casts; i++)
        if (ends_cast[i].one_call || ends_cast[i].kind[C] == ends_cast[i].kind[V])
            what(&ends_cast[i]);
}

/* A connection that leaves a session behind; then the parties as they are before the next, which offers it. */
static void prepare(struct ends *ends, const struct ends_cast *cast, unsigned max)
{
    const struct party_options options = { .tickets = 1, .early_max = max };
    memset(ends, 0, sizeof *ends);
    ends_open(ends, cast, &options);
    ends_handshake(ends);
    assert_read_fails(ends, C, SSL_ERROR_WANT_READ);
    assert_closes(ends, C);
    assert_closes_and_meets(ends, V);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    for (int side = 0; side < ENDS; side++)
        assert_int_equal(kind(ends, side)->again(party(ends, side), side == C), 1);
    ends_wire(ends);
}

static void write_early(struct ends *ends, const char *text)
{
    size_t count = 0;
    assert_int_equal(kind(ends, C)->write_early(party(ends, C), text, strlen(text), &count), 1);
    assert_int_equal(count, strlen(text));
}

static void read_early(struct ends *ends, const char *text)
{
    char bytes[256];
    size_t count = 0;
    assert_int_equal(kind(ends, V)->read_early(party(ends, V), bytes, sizeof bytes, &count), SSL_READ_EARLY_DATA_SUCCESS);
    assert_int_equal(count, strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
}

/* The rest of the handshake, by the server's calls for early data. */
static void finish_early(struct ends *ends)
{
    int done = 0, finished = 0;
    char byte;
    size_t count;
    for (int i = 0; i < 10 && !(done == 1 && finished == SSL_READ_EARLY_DATA_FINISH); i++) {
        if (done != 1)
            done = kind(ends, C)->handshake(party(ends, C));
        if (finished != SSL_READ_EARLY_DATA_FINISH)
            finished = kind(ends, V)->read_early(party(ends, V), &byte, 1, &count);
        assert_int_not_equal(finished, SSL_READ_EARLY_DATA_SUCCESS);
    }
    assert_int_equal(done, 1);
    assert_int_equal(finished, SSL_READ_EARLY_DATA_FINISH);
    ends_handshake(ends);
}

static void assert_status(struct ends *ends, int status)
{
    assert_int_equal(kind(ends, C)->early_status(party(ends, C)), status);
    assert_int_equal(kind(ends, V)->early_status(party(ends, V)), status);
}

static void talk_and_close(struct ends *ends)
{
    assert_writes(ends, C, "late");
    assert_reads(ends, V, "late");
    assert_writes(ends, V, "answer");
    assert_reads(ends, C, "answer");
    assert_closes(ends, C);
    assert_closes_and_meets(ends, V);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    assert_how(ends, C, "clean_both");
    assert_how(ends, V, "clean_both");
}

static void is_accepted(const struct ends_cast *cast)
{
    struct ends ends;
    prepare(&ends, cast, MAX);
    write_early(&ends, "first");
    read_early(&ends, "first");
    write_early(&ends, "second");
    read_early(&ends, "second");
    finish_early(&ends);
    assert_int_equal(kind(&ends, V)->reused(party(&ends, V)), 1);
    assert_status(&ends, SSL_EARLY_DATA_ACCEPTED);
    talk_and_close(&ends);
    ends_close(&ends);
}

static void early_data_is_read_before_the_handshake_is_complete(void **state)
{
    (void)state;
    for_each_cast(is_accepted);
}

/* A server that calls SSL_accept() wants none, and skips it; nor is it ever what SSL_read() returns. */
static void is_rejected(const struct ends_cast *cast)
{
    struct ends ends;
    prepare(&ends, cast, MAX);
    write_early(&ends, "nobody reads this");
    ends_handshake(&ends);
    assert_status(&ends, SSL_EARLY_DATA_REJECTED);
    talk_and_close(&ends);
    ends_close(&ends);
}

static void a_server_that_accepts_as_ever_rejects_it(void **state)
{
    (void)state;
    for_each_cast(is_rejected);
}

static void is_not_sent(const struct ends_cast *cast)
{
    struct ends ends;
    prepare(&ends, cast, MAX);
    finish_early(&ends);
    assert_status(&ends, SSL_EARLY_DATA_NOT_SENT);
    talk_and_close(&ends);
    ends_close(&ends);
}

static void a_client_need_not_send_any(void **state)
{
    (void)state;
    for_each_cast(is_not_sent);
}

/* Ours refuses what the session does not allow, sends nothing of it, and goes on. */
static void is_too_much(const struct ends_cast *cast)
{
    static const char much[MAX + 1];
    struct ends ends;
    size_t count = 1;
    if (cast->kind[C] != &party_tlsm)
        return;
    for (unsigned max = 0; max <= MAX; max += MAX) {
        prepare(&ends, cast, max);
        assert_int_equal(kind(&ends, C)->write_early(party(&ends, C), much, sizeof much, &count), 0);
        assert_int_equal(count, 0);
        assert_int_equal(kind(&ends, C)->get_error(party(&ends, C), 0), SSL_ERROR_SSL);
        assert_int_equal(ends_reason(), SSL_R_TOO_MUCH_EARLY_DATA);
        ends_handshake(&ends);
        talk_and_close(&ends);
        ends_close(&ends);
    }
}

static void more_than_the_session_allows_is_refused(void **state)
{
    (void)state;
    for_each_cast(is_too_much);
}

/* What the client said is given to a second connection of the same context, byte for byte: it is not read again. */
static void is_read_once(const struct ends_cast *cast)
{
    struct ends ends;
    struct wire_lane said;
    char bytes[64];
    size_t count;
    if (cast->kind[V] != &party_tlsm)
        return;
    prepare(&ends, cast, MAX);
    write_early(&ends, "pay");
    said = *lane(&ends, C);
    read_early(&ends, "pay");
    assert_int_equal(kind(&ends, V)->again(party(&ends, V), 0), 1);
    ends_wire(&ends);
    memcpy(lane(&ends, C)->bytes, said.bytes, said.length);
    lane(&ends, C)->length = said.length;
    assert_int_equal(kind(&ends, V)->read_early(party(&ends, V), bytes, sizeof bytes, &count), SSL_READ_EARLY_DATA_ERROR);
    assert_int_equal(kind(&ends, V)->get_error(party(&ends, V), 0), SSL_ERROR_WANT_READ);
    assert_int_equal(kind(&ends, V)->early_status(party(&ends, V)), SSL_EARLY_DATA_REJECTED);
    ends_close(&ends);
}

static void the_same_early_data_is_read_once(void **state)
{
    (void)state;
    for_each_cast(is_read_once);
}

/* Keys that others may have: what came to them is not known, so that none is accepted for a while. */
static void is_doubted(const struct ends_cast *cast)
{
    unsigned char keys[80] = { 7 };
    struct ends ends;
    if (cast->kind[V] != &party_tlsm)
        return;
    prepare(&ends, cast, MAX);
    assert_int_equal(SSL_CTX_get_tlsext_ticket_keys(SSL_get_SSL_CTX(kind(&ends, V)->handle(party(&ends, V))), keys, sizeof keys), 1);
    assert_int_equal(SSL_CTX_set_tlsext_ticket_keys(SSL_get_SSL_CTX(kind(&ends, V)->handle(party(&ends, V))), keys, sizeof keys), 1);
    write_early(&ends, "pay");
    finish_early(&ends);
    assert_int_equal(kind(&ends, V)->reused(party(&ends, V)), 1);
    assert_status(&ends, SSL_EARLY_DATA_REJECTED);
    talk_and_close(&ends);
    ends_close(&ends);
}

static void keys_that_others_have_are_doubted(void **state)
{
    (void)state;
    for_each_cast(is_doubted);
}

static int allowed;
static int allow(SSL *ssl, void *argument)
{
    (void)ssl;
    assert_ptr_equal(argument, &allowed);
    return allowed;
}

static void the_application_may_say_no(void **state)
{
    (void)state;
    for (allowed = 0; allowed < 2; allowed++) {
        struct ends ends;
        prepare(&ends, &ends_cast[1], MAX);
        SSL_set_allow_early_data_cb(kind(&ends, V)->handle(party(&ends, V)), allow, &allowed);
        write_early(&ends, "pay");
        if (allowed)
            read_early(&ends, "pay");
        finish_early(&ends);
        assert_status(&ends, allowed ? SSL_EARLY_DATA_ACCEPTED : SSL_EARLY_DATA_REJECTED);
        ends_close(&ends);
    }
}

/* SSL_accept() with early data unread says so, and can be followed by the call that was due. */
static void unread_early_data_is_in_the_way_of_accept(void **state)
{
    char byte;
    struct ends ends;
    (void)state;
    prepare(&ends, &ends_cast[1], MAX);
    write_early(&ends, "one");
    write_early(&ends, "two");
    read_early(&ends, "one");
    assert_int_equal(kind(&ends, V)->handshake(party(&ends, V)), -1);
    assert_int_equal(kind(&ends, V)->get_error(party(&ends, V), -1), SSL_ERROR_SSL);
    assert_int_equal(kind(&ends, V)->read(party(&ends, V), &byte, 1), -1);
    read_early(&ends, "two");
    finish_early(&ends);
    talk_and_close(&ends);
    ends_close(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(early_data_is_read_before_the_handshake_is_complete),
        cmocka_unit_test(a_server_that_accepts_as_ever_rejects_it),
        cmocka_unit_test(a_client_need_not_send_any),
        cmocka_unit_test(more_than_the_session_allows_is_refused),
        cmocka_unit_test(the_same_early_data_is_read_once),
        cmocka_unit_test(keys_that_others_have_are_doubted),
        cmocka_unit_test(the_application_may_say_no),
        cmocka_unit_test(unread_early_data_is_in_the_way_of_accept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
