/* SPDX-License-Identifier: MIT */
/* The table of SSL_shutdown(3tlsm): each row of docs/man/shutdown.def has a function here that sets its situation up over the
 * real adapter. Then SSL_shutdown() is called once, for each role, each contract and each version of the row, and what it returns,
 * what SSL_get_error() says, what lies in the error queue and what went out are compared with the row. */
#include "ssl_page_fixture.h"

/* ------------------------------------------------------------------------------------------------ both closed */

static void peer_closed_and_we_read_it(struct page *page)
{
    connected(page);
    peer_closes(page);
    we_read_end(page);
    page->sends = (int)alert_record(page);
    page->flags = BOTH;
    page->how = "clean_both";
}

static void peer_closed_unread(struct page *page)
{
    connected(page);
    peer_closes(page);
    page->sends = (int)alert_record(page);
    page->flags = BOTH;
    page->how = "clean_both";
}

static void peer_closed_unread_first_call(struct page *page)
{
    connected(page);
    peer_closes(page);
    page->sends = (int)alert_record(page);
    page->flags = SENT;
    page->how = "open";
}

static void peer_closed_unread_second_call(struct page *page)
{
    connected(page);
    peer_closes(page);
    we_wait(page);
    page->sends = 0;
    page->flags = BOTH;
    page->how = "clean_both";
}

static void called_again_when_complete(struct page *page)
{
    peer_closed_and_we_read_it(page);
    assert_int_equal(SSL_shutdown(page->us), 1);
    page->sends = 0;
}

static void blocking_peer_answers(struct page *page)
{
    connected_over_sockets(page);
    peer_will_answer(page);
    page->flags = BOTH;
    page->how = "clean_both";
}

static void blocking_first_call(struct page *page)
{
    connected_over_sockets(page);
    set_blocking(page, 1);
    page->flags = SENT;
}

static void blocking_second_call(struct page *page)
{
    connected_over_sockets(page);
    set_blocking(page, 1);
    we_wait(page);
    peer_will_answer(page);
    page->flags = BOTH;
    page->how = "clean_both";
}

/* ------------------------------------------------------------------------------------------------ not yet */

static void waiting_for_peer(struct page *page)
{
    connected(page);
    page->sends = (int)alert_record(page);
    page->flags = SENT;
    page->how = "open";
}

static void waiting_for_peer_first_call(struct page *page) { waiting_for_peer(page); }

static void waiting_for_peer_second_call(struct page *page)
{
    waiting_for_peer(page);
    we_wait(page);
    page->sends = 0;
}

/* Repeating the call, with the peer reading, brings our alert across; before it, `expected` bytes of data. */
static void drain_until_end(struct page *page, size_t expected)
{
    size_t got = 0;
    for (;;) {
        char bytes[256];
        const int read = SSL_read(page->peer, bytes, sizeof bytes);
        if (read > 0)
            got += (size_t)read;
        else if (SSL_get_error(page->peer, read) == SSL_ERROR_ZERO_RETURN)
            break;
        else
            assert_int_equal(SSL_get_error(page->peer, read), SSL_ERROR_WANT_READ);
        (void)SSL_shutdown(page->us);
    }
    assert_int_equal(got, expected);
}

static void nothing_precedes(struct page *page) { drain_until_end(page, 0); }
static void data_precedes(struct page *page) { drain_until_end(page, 1000); }

static void output_blocked(struct page *page)
{
    connected_with(page, 10, 0);
    page->sends = 10;
    page->how = "open";
    page->after = nothing_precedes;
}

static void write_unfinished(struct page *page)
{
    static const char bytes[1000];
    connected_with(page, 512, 0);
    assert_int_equal(SSL_write(page->us, bytes, sizeof bytes), -1);
    assert_int_equal(SSL_get_error(page->us, -1), SSL_ERROR_WANT_WRITE);
    page->sends = 0;
    page->after = data_precedes;
}

static void flush_blocked(struct page *page)
{
    BIO *buffer = BIO_new(BIO_f_buffer());
    pair(page, 10, 0);
    assert_non_null(buffer);
    assert_int_equal(BIO_up_ref(page->near), 1);
    SSL_set0_wbio(page->us, BIO_push(buffer, page->near));
    settle(page);
    page->sends = 10;
    page->how = "open";
    page->after = nothing_precedes;
}

static void peer_in_part(struct page *page)
{
    connected_with(page, 0, alert_record(page) / 2);
    we_wait(page);
    peer_closes(page);
    page->sends = 0;
    page->how = "open";
}

/* ------------------------------------------------------------------------------------------------ unread data */

static void data_pending(struct page *page)
{
    connected(page);
    peer_says(page);
    page->sends = (int)alert_record(page);
    page->flags = SENT;
    page->how = "open";
}

static void data_is_still_there(struct page *page) { we_read_data(page); }

static void data_pending_first_call(struct page *page) { data_pending(page); }

static void data_pending_second_call(struct page *page)
{
    data_pending(page);
    we_wait(page);
    page->sends = 0;
    page->after = data_is_still_there;
}

static void data_pending_again(struct page *page)
{
    data_pending(page);
    if (page->contract == TWO_STEP)
        we_wait(page);
    assert_int_equal(SSL_shutdown(page->us), -1);
    page->sends = 0;
    page->after = data_is_still_there;
}

static void data_was_read(struct page *page)
{
    data_pending_again(page);
    peer_closes(page);
    we_read_data(page);
    page->flags = BOTH;
    page->how = "clean_both";
    page->after = NULL;
}

/* ------------------------------------------------------------------------------------------------ the transport ended */

static void end_while_waiting(struct page *page)
{
    connected(page);
    we_wait(page);
    peer_hangs_up(page);
    page->sends = 0;
    page->flags = SENT;
    page->how = "closed_incomplete";
}

static void end_while_waiting_two_step(struct page *page) { end_while_waiting(page); }

static void end_inside_a_record(struct page *page)
{
    peer_in_part(page);
    peer_hangs_up(page);
    page->flags = SENT;
    page->how = "truncated";
}

static void end_inside_a_record_two_step(struct page *page) { end_inside_a_record(page); }

static void end_was_read(struct page *page)
{
    connected(page);
    peer_hangs_up(page);
    we_read_error(page);
    page->sends = (int)alert_record(page);
    page->flags = SENT;
    page->how = "truncated";
}

static void end_was_read_two_step(struct page *page) { end_was_read(page); }

/* A local socket that is closed with our alert unread is reset. */
static void reset_while_waiting(struct page *page)
{
    connected_over_sockets(page);
    we_wait(page);
    close_socket(page, 1);
    page->error = ECONNRESET;
    page->flags = SENT;
    page->how = "transport_failed";
}

static void send_fails(struct page *page)
{
    connected_over_sockets(page);
    close_socket(page, 1);
    page->error = EPIPE;
    page->flags = SENT;
    page->how = "transport_failed";
}

static void send_fails_after_peer_closed(struct page *page)
{
    connected_over_sockets(page);
    peer_closes(page);
    we_read_end(page);
    close_socket(page, 1);
    page->error = EPIPE;
    page->flags = BOTH;
    page->how = "clean_received";
}

/* ------------------------------------------------------------------------------------------------ the protocol failed */

/* The peer meets a record that is not ours, and says so. */
static void peer_fails(struct page *page)
{
    char byte;
    assert_int_equal(SSL_read(page->peer, &byte, 1), -1);
    assert_int_equal(SSL_get_error(page->peer, -1), SSL_ERROR_SSL);
}

static void peer_alert_was_read(struct page *page)
{
    connected(page);
    forge(page->near);
    peer_fails(page);
    we_read_error(page);
    page->sends = 0;
    page->flags = SENT;
    page->how = "peer_alert";
}

static void peer_alert_while_waiting(struct page *page)
{
    connected(page);
    forge(page->near);
    we_wait(page);
    peer_fails(page);
    page->sends = 0;
    page->flags = SENT;
    page->how = "peer_alert";
}

static void alert_of_ours_is_blocked(struct page *page)
{
    char byte;
    connected_with(page, alert_record(page) - 1, 0);
    forge(page->far);
    assert_int_equal(SSL_read(page->us, &byte, 1), -1);
    assert_int_equal(SSL_get_error(page->us, -1), SSL_ERROR_WANT_WRITE);
    page->sends = 0;
    page->flags = SENT;
}

static void alert_of_ours_is_sent(struct page *page)
{
    char bytes[64];
    alert_of_ours_is_blocked(page);
    assert_int_equal(BIO_read(page->far, bytes, sizeof bytes), (int)alert_record(page) - 1);
    page->sends = 1;
    page->how = "local_alert";
}

static void bad_record_while_waiting(struct page *page)
{
    connected(page);
    we_wait(page);
    forge(page->far);
    page->sends = 0;
    page->flags = SENT;
    page->how = "protocol_error";
}

/* ------------------------------------------------------------------------------------------------ the handshake */

static void before_the_handshake(struct page *page)
{
    pair(page, 0, 0);
    page->sends = 0;
    page->flags = SENT;
}

static void peer_fails_in_its_handshake(struct page *page)
{
    assert_int_equal(SSL_do_handshake(page->peer), -1);
    assert_int_equal(SSL_get_error(page->peer, -1), SSL_ERROR_SSL);
}

/* A server of TLS 1.3 has sent its Finished with its first flight; one of TLS 1.2 waits for the client's first. */
static void in_the_handshake(struct page *page)
{
    const int finished = page->server && !page->older;
    pair(page, 0, 0);
    if (page->server)
        assert_int_equal(SSL_do_handshake(page->peer), -1);
    assert_int_equal(SSL_do_handshake(page->us), -1);
    assert_int_equal(SSL_get_error(page->us, -1), SSL_ERROR_WANT_READ);
    page->sends = finished ? (int)alert_record(page) : 2 * (5 + 2);
    page->flags = SENT;
    page->after = finished ? NULL : peer_fails_in_its_handshake;
}

static void in_the_handshake_blocked(struct page *page)
{
    pair(page, 8, 0);
    if (page->server)
        assert_int_equal(SSL_do_handshake(page->peer), -1);
    assert_int_equal(SSL_do_handshake(page->us), -1);
    assert_int_equal(SSL_get_error(page->us, -1), SSL_ERROR_WANT_WRITE);
    page->sends = 0;
    page->flags = SENT;
}

/* ------------------------------------------------------------------------------------------------ flags */

static void quiet(struct page *page)
{
    connected(page);
    peer_says(page);
    SSL_set_quiet_shutdown(page->us, 1);
    page->sends = 0;
    page->flags = BOTH;
    page->how = "open";
    page->after = data_is_still_there;
}

static void flags_set(struct page *page, int flags, int sends, int then)
{
    connected(page);
    SSL_set_shutdown(page->us, flags);
    assert_int_equal(SSL_get_shutdown(page->us), flags);
    page->sends = sends;
    page->flags = then;
    page->how = "open";
}

static void both_set(struct page *page) { flags_set(page, BOTH, 0, BOTH); }
static void received_set(struct page *page) { flags_set(page, RECEIVED, (int)alert_record(page), BOTH); }
static void sent_set(struct page *page) { flags_set(page, SENT, 0, SENT); }

static void sent_set_and_peer_closed(struct page *page)
{
    flags_set(page, SENT, 0, BOTH);
    peer_closes(page);
    page->how = "clean_received";
}

/* ------------------------------------------------------------------------------------------------ the rows */

struct row {
    const char *name;
    void (*situation)(struct page *page);
    int contracts, returns, error;
    const char *reason;
};
static struct row rows[] = {
#define GROUP(title)
#define ROW(name, contract, situation, returns, error, reason, rules) \
    { #name, name, contract, returns, SSL_ERROR_##error, reason },
#include "../docs/man/shutdown.def"
#undef GROUP
#undef ROW
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* The entry's reason, or where OpenSSL has none for this, the words that the entry's text begins with. */
static void check_queue(const struct row *row)
{
    const char *data = "", *words;
    int flags = 0;
    const unsigned long entry = ERR_peek_last_error_data(&data, &flags);
    if (row->reason[0] == '\0') {
        assert_int_equal(entry, 0);
        return;
    }
    assert_int_equal(ERR_GET_LIB(entry), ERR_LIB_SSL);
    words = ERR_reason_error_string(entry);
    assert_non_null(words);
    if (strcmp(words, row->reason) != 0 && strncmp(data, row->reason, strlen(row->reason)) != 0)
        fail_msg("the queue says \"%s\", \"%s\"", words, data);
    assert_int_equal(ERR_get_error() != 0 && ERR_peek_error() == 0, 1);   /* one entry, not a heap */
}

static void check_page(const struct row *row, struct page *page, size_t sent_before)
{
    if (page->sends >= 0)
        assert_int_equal(BIO_ctrl_pending(page->far) - sent_before, page->sends);
    if (page->flags != 0)
        assert_int_equal(SSL_get_shutdown(page->us), page->flags);
    assert_int_equal(SSL_get_shutdown(page->us) & SENT, SENT);
    assert_int_equal(SSL_tlsm_reason(page->us)[0] != '\0', row->error == SSL_ERROR_SSL || row->error == SSL_ERROR_SYSCALL);
    if (page->how != NULL) {
        struct tlsm_verdict verdict;
        SSL_tlsm_verdict(page->us, &verdict);
        assert_string_equal(tlsm_how_name(verdict.how), page->how);
    }
    if (page->after != NULL)
        page->after(page);
}

static void run(const struct row *row, int contract, int server, int older)
{
    struct page page = { .contract = contract, .server = server, .older = older, .socket = { -1, -1 }, .sends = -1 };
    size_t before;
    int result, error;
    row->situation(&page);
    before = page.far != NULL ? BIO_ctrl_pending(page.far) : 0;
    ERR_clear_error();
    errno = 0;
    result = SSL_shutdown(page.us);
    error = errno;
    atomic_store(&page.returned, 1);
    if (result != row->returns || SSL_get_error(page.us, result) != row->error)
        print_message("%s, %s, TLS 1.%d: returned %d, SSL_get_error %d, \"%s\"\n", contract == TWO_STEP ? "two-step" : "one call",
                      server ? "server" : "client", older ? 2 : 3, result, SSL_get_error(page.us, result), SSL_tlsm_reason(page.us));
    assert_int_equal(result, row->returns);
    assert_int_equal(SSL_get_error(page.us, result), row->error);
    if (page.error != 0)
        assert_int_equal(error, page.error);
    check_queue(row);
    check_page(row, &page, before);
    page_free(&page);
}

static void row_holds(void **state)
{
    const struct row *row = *state;
    for (int contract = ONE_CALL; contract <= TWO_STEP; contract <<= 1)
        for (int each = 0; each < 4; each++)
            if (row->contracts & contract)
                run(row, contract, each % 2, each / 2);
}

int main(void)
{
    struct CMUnitTest tests[ROWS];
    (void)alarm(120);   /* a call that never returns is a failure too */
    for (size_t i = 0; i < ROWS; i++) {
        const struct CMUnitTest test = { rows[i].name, row_holds, NULL, NULL, &rows[i] };
        tests[i] = test;
    }
    return cmocka_run_group_tests_name("SSL_shutdown(3tlsm)", tests, make_contexts, free_contexts);
}
