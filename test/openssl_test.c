/* SPDX-License-Identifier: MIT */
/* The closing driver around libssl: every ending it can see, over every transport, in both versions, in both roles. */
#include "openssl_fixture.h"

#define EVERY(over, server, version)                                      \
    for (int over = 0; over < OVER_COUNT; over++)                         \
        for (int server = 0; server < 2; server++)                        \
            for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
#define BOTH(server, version)                                             \
    for (int server = 0; server < 2; server++)                            \
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)

enum { LARGE = 100000, ROOM = 20000 };

/* ------------------------------------------------------------------------------------------------ clean ends */

static void closing_ends_clean_on_both_sides(void **unused)
{
    (void)unused;
    EVERY(over, server, version) {
        struct ends ends;
        struct tlsm_verdict verdict;
        int theirs;
        ends_open(&ends, (enum over)over, server, version);
        assert_int_equal(both_close(&ends, &theirs), TLSM_IO_DONE);
        assert_int_equal(theirs, 1);
        verdict = ends_verdict(&ends);
        assert_string_equal(tlsm_how_name(verdict.how), "clean_both");
        assert_int_equal(verdict.alert_sent, TLSM_ALERT_CLOSE_NOTIFY);
        assert_int_equal(verdict.alert_delivered, 1);
        assert_int_equal(verdict.alert_received, TLSM_ALERT_CLOSE_NOTIFY);
        assert_int_equal(verdict.alert_authenticated, 1);
        assert_int_equal(tlsm_openssl_needs(ends.driver), 0);
        ends_free(&ends);
    }
}

/* The peer closes first: what it wrote is read, then the end, again and again; we may still write. */
static void the_peer_closes_first_and_we_go_on_writing(void **unused)
{
    (void)unused;
    EVERY(over, server, version) {
        struct ends ends;
        char text[8];
        int turns, got = 0;
        if (over == OVER_PAIR_1)   /* libssl's writes and shutdown want room */
            continue;
        ends_open(&ends, (enum over)over, server, version);
        peer_writes(&ends, "last", 4);
        assert_int_equal(SSL_shutdown(ends.peer), 0);
        assert_int_equal(ends_read(&ends, text, sizeof text), 4);
        assert_memory_equal(text, "last", 4);
        for (turns = 0; turns < 3; turns++)
            assert_int_equal(ends_read(&ends, text, sizeof text), TLSM_IO_END);
        assert_int_equal(tlsm_openssl_write(ends.driver, "still", 5), 5);
        (void)ends_flush(&ends);
        got = SSL_read(ends.peer, text, sizeof text);
        assert_int_equal(got, 5);
        if (over == OVER_SOCKET)
            peer_gone(&ends);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_how(&ends, "clean_both");
        assert_int_equal(ends_verdict(&ends).first_mover, TLSM_PEER_MOVED);
        assert_int_equal(ends_verdict(&ends).plain_in, 4);
        assert_int_equal(ends_verdict(&ends).plain_out, 5);
        ends_free(&ends);
    }
}

static void half_closed_the_peer_goes_on(void **unused)
{
    (void)unused;
    EVERY(over, server, version) {
        struct ends ends;
        char text[8];
        if (over == OVER_PAIR_1)
            continue;
        ends_open(&ends, (enum over)over, server, version);
        assert_int_equal(ends_close(&ends, 1), TLSM_IO_DONE);
        assert_how(&ends, "open");
        assert_int_equal(SSL_read(ends.peer, text, sizeof text), 0);
        assert_int_equal(SSL_get_error(ends.peer, 0), SSL_ERROR_ZERO_RETURN);
        assert_int_equal(tlsm_openssl_write(ends.driver, "no", 2), TLSM_IO_REFUSED);
        assert_int_equal(tlsm_openssl_code(ends.driver), TLSM_WRITE_CLOSED);
        peer_writes(&ends, "after", 5);
        assert_int_equal(ends_read(&ends, text, sizeof text), TLSM_IO_REFUSED);
        if (over == OVER_NOTHING)
            assert_int_equal(ends_close(&ends, 0), TLSM_IO_WANT_READ);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_UNREAD);
        assert_int_equal(ends_read(&ends, text, sizeof text), 5);
        assert_int_equal(SSL_shutdown(ends.peer), 1);
        ends_carry(&ends);
        peer_gone(&ends);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_how(&ends, "clean_both");
        ends_free(&ends);
    }
}

/* Session tickets that were not read do not make a close fail, and are kept. */
static void tickets_that_come_while_closing_are_no_data(void **unused)
{
    struct ends ends;
    int theirs;
    (void)unused;
    ends_plain(&ends, OVER_NOTHING, 0, TLS1_3_VERSION);
    ends_drive(&ends, NULL);
    while (SSL_do_handshake(ends.peer) != 1) {
        assert_true(tlsm_openssl_handshake(ends.driver) != TLSM_IO_ENDED);
        ends_carry(&ends);
    }
    assert_int_equal(both_close(&ends, &theirs), TLSM_IO_DONE);
    assert_how(&ends, "clean_both");
    assert_int_equal(ends_verdict(&ends).resumable, 1);
    ends_free(&ends);
}

/* ------------------------------------------------------------------------------------------------ truncation */

/* Where an EOF behind `count` bytes of `stream` falls, by a walk of its own. */
static void walk(const uint8_t *stream, size_t count, struct tlsm_verdict *expected)
{
    size_t at = 0;
    while (at < count) {
        const size_t left = count - at;
        size_t body;
        if (left < 5) {
            expected->place = TLSM_PLACE_HEADER;
            expected->eof_have = (uint32_t)left;
            expected->eof_need = 5;
            return;
        }
        body = (size_t)stream[at + 3] << 8 | stream[at + 4];
        if (left - 5 < body) {
            expected->place = TLSM_PLACE_BODY;
            expected->eof_have = (uint32_t)(left - 5);
            expected->eof_need = (uint32_t)body;
            return;
        }
        at += 5 + body;
    }
    expected->place = TLSM_PLACE_BOUNDARY;
    expected->eof_have = expected->eof_need = 0;
}

static void assert_place(const struct tlsm_verdict *verdict, const struct tlsm_verdict *expected)
{
    assert_int_equal(verdict->place, expected->place);
    assert_int_equal(verdict->eof_have, expected->eof_have);
    assert_int_equal(verdict->eof_need, expected->eof_need);
}

/* Cuts behind `count` bytes of "first" "second" close_notify. Returns the length of that stream. */
static size_t cut_at(int server, int version, size_t count, int close_first, size_t at_once)
{
    struct tlsm_verdict verdict, expected;
    struct ends ends;
    char text[16];
    uint8_t stream[256];
    char *data;
    size_t length, got = 0;
    ptrdiff_t read;
    memset(&expected, 0, sizeof expected);
    ends_open(&ends, OVER_NOTHING, server, version);
    ends.at_once = at_once;
    peer_writes(&ends, "first", 5);
    peer_writes(&ends, "second", 6);
    assert_int_equal(SSL_shutdown(ends.peer), 0);
    length = (size_t)BIO_get_mem_data(ends.to_us, &data);
    assert_true(length < sizeof stream);
    memcpy(stream, data, length);
    ends.feed_most = ends.fed + (count < length ? count : length);
    if (close_first)
        assert_int_equal(tlsm_openssl_close(ends.driver, 0, NULL), TLSM_IO_WANT_WRITE);
    for (;;) {
        read = ends_read(&ends, text, sizeof text);
        if (read == TLSM_IO_WANT_READ && ends.fed == ends.feed_most)
            tlsm_openssl_eof(ends.driver);
        else if (read <= 0 && read != TLSM_IO_WANT_READ)
            break;
        else if (read > 0) {
            assert_memory_equal(text, got == 0 ? "first" : "second", (size_t)read);
            got += (size_t)read;
        }
    }
    walk(stream, count, &expected);
    assert_int_equal(read, count < length ? TLSM_IO_ENDED : TLSM_IO_END);
    assert_int_equal(tlsm_openssl_write(ends.driver, "x", 1), close_first ? TLSM_IO_ENDED : 1);   /* T4 */
    assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
    verdict = ends_verdict(&ends);
    if (count < length) {
        assert_place(&verdict, &expected);
        assert_string_equal(tlsm_how_name(verdict.how), close_first && expected.place == TLSM_PLACE_BOUNDARY ? "closed_incomplete"
                                                                                                             : "truncated");
    } else
        assert_string_equal(tlsm_how_name(verdict.how), "clean_both");
    assert_int_equal(verdict.plain_in, got);
    ends_free(&ends);
    return length;
}

static void a_stream_cut_at_every_byte_is_truncated_just_there(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        size_t count = 0;
        while (count <= cut_at(server, version, count, 0, count % 3 == 0 ? 1 : 0))
            count++;
    }
}

static void after_our_close_only_a_boundary_is_closed_incomplete(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        size_t count = 0;
        while (count <= cut_at(server, version, count, 1, 0))
            count++;
    }
}


/* Every byte of the handshake too: nothing is clean, nothing is data. */
static size_t cut_handshake(int server, int version, size_t count)
{
    struct tlsm_verdict verdict, expected;
    static uint8_t stream[8192];
    struct ends ends;
    size_t length = 0;
    int done = TLSM_IO_WANT_READ;
    memset(&expected, 0, sizeof expected);
    ends_plain(&ends, OVER_NOTHING, server, version);
    ends_drive(&ends, NULL);
    ends.feed_most = count;
    while (length < count && done != TLSM_IO_DONE) {
        char *data;
        size_t have, left;
        done = tlsm_openssl_handshake(ends.driver);
        have = ends.fed;
        ends_carry(&ends);
        ERR_clear_error();
        (void)SSL_do_handshake(ends.peer);
        left = (size_t)BIO_get_mem_data(ends.to_us, &data);
        if (left == 0 && have == ends.fed)
            continue;
        assert_true(ends.fed + left < sizeof stream);
        memcpy(stream + ends.fed, data, left);
        length = ends.fed + left;
        ends_carry(&ends);
    }
    while (ends.fed < count && done != TLSM_IO_DONE) {
        done = tlsm_openssl_handshake(ends.driver);
        ends_carry(&ends);
    }
    if (done != TLSM_IO_DONE)
        done = tlsm_openssl_handshake(ends.driver);
    if (tlsm_connected(tlsm_openssl_state(ends.driver))) {
        ends_free(&ends);
        return 0;
    }
    tlsm_openssl_eof(ends.driver);
    ends_carry(&ends);
    assert_int_equal(tlsm_openssl_handshake(ends.driver), TLSM_IO_ENDED);
    verdict = ends_verdict(&ends);
    walk(stream, count, &expected);
    assert_place(&verdict, &expected);
    assert_string_equal(tlsm_how_name(verdict.how), "handshake_failed");
    assert_int_equal(verdict.cause, TLSM_CAUSE_EOF);
    ends_free(&ends);
    return 1;
}

static void a_handshake_cut_anywhere_has_failed_just_there(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        size_t count = 1;
        while (cut_handshake(server, version, count))
            count += count < 12 ? 1 : 17;
    }
}

/* ------------------------------------------------------------------------------------------------ drawn at random */

static uint64_t dice;
static unsigned draw(unsigned below)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice >> 33) % below;
}

/* Two talkers; byte number i of either stream is i * 3. */
struct talk {
    struct ends ends;
    uint64_t ours, theirs;             /* bytes written */
    uint64_t heard, they_heard;        /* bytes read */
    int they_closed, they_saw_end, we_closed, cut;
};

static void say(uint8_t *piece, uint64_t from, size_t length)
{
    size_t i;
    for (i = 0; i < length; i++)
        piece[i] = (uint8_t)((from + i) * 3);
}

static void hear(const uint8_t *piece, uint64_t *from, size_t length)
{
    size_t i;
    for (i = 0; i < length; i++)
        assert_int_equal(piece[i], (uint8_t)((*from + i) * 3));
    *from += length;
}

/* Up to `most` bytes in each direction. */
static void carry_some(struct talk *talk, size_t most)
{
    struct tlsm_bytes pending = tlsm_openssl_pending(talk->ends.driver);
    const size_t count = pending.length < most ? pending.length : most;
    if (count > 0) {
        assert_int_equal(BIO_write(talk->ends.to_peer, pending.data, (int)count), (int)count);
        assert_int_equal(tlsm_openssl_sent(talk->ends.driver, count), TLSM_IO_DONE);
    }
    if (!talk->cut) {
        char *data;
        const long have = BIO_get_mem_data(talk->ends.to_us, &data);
        const size_t fed = have > 0 ? tlsm_openssl_feed(talk->ends.driver, data, (size_t)have < most ? (size_t)have : most) : 0;
        uint8_t gone[4096];
        assert_int_equal(fed > 0 ? BIO_read(talk->ends.to_us, gone, (int)fed) : 0, fed);
    }
}

static void they_read(struct talk *talk)
{
    uint8_t piece[2048];
    int have;
    ERR_clear_error();
    have = SSL_read(talk->ends.peer, piece, (int)(1 + draw(sizeof piece)));
    if (have > 0)
        hear(piece, &talk->they_heard, (size_t)have);
    else if (SSL_get_error(talk->ends.peer, have) == SSL_ERROR_ZERO_RETURN)
        talk->they_saw_end = 1;
}

static void we_read(struct talk *talk)
{
    uint8_t piece[2048];
    const ptrdiff_t have = ends_read(&talk->ends, piece, 1 + draw(sizeof piece));
    if (have > 0)
        hear(piece, &talk->heard, (size_t)have);
}

static void one_move(struct talk *talk)
{
    uint8_t piece[2000];
    const size_t length = 1 + draw(sizeof piece);
    ptrdiff_t put;
    switch (draw(10)) {
    case 0: case 1:
        say(piece, talk->ours, length);
        put = tlsm_openssl_write(talk->ends.driver, piece, length);
        talk->ours += put > 0 ? (uint64_t)put : 0;
        break;
    case 2: case 3:
        say(piece, talk->theirs, length);
        ERR_clear_error();
        if (!talk->they_closed && SSL_write(talk->ends.peer, piece, (int)length) > 0)
            talk->theirs += length;
        break;
    case 4:
        they_read(talk);
        break;
    case 5:
        we_read(talk);
        break;
    case 6:
        if (draw(8) == 0) {
            (void)tlsm_openssl_close(talk->ends.driver, draw(2) != 0, NULL);
            talk->we_closed = 1;
        }
        break;
    case 7:
        ERR_clear_error();
        if (draw(8) == 0 && !talk->they_closed)
            talk->they_closed = SSL_shutdown(talk->ends.peer) >= 0;
        break;
    default:
        carry_some(talk, 1 + draw(draw(2) ? 20 : 3000));
    }
}

static void end_talk(struct talk *talk)
{
    int turns, done = 0;
    ERR_clear_error();
    if (draw(3) == 0) {
        talk->cut = 1;
        tlsm_openssl_eof(talk->ends.driver);
    } else if (!talk->they_closed)
        talk->they_closed = SSL_shutdown(talk->ends.peer) >= 0;
    for (turns = 0; turns < 20000 && (done != TLSM_IO_DONE || !talk->they_saw_end); turns++) {
        carry_some(talk, 1 + draw(3000));
        if (done != TLSM_IO_DONE)
            done = tlsm_openssl_close(talk->ends.driver, 0, NULL);
        if (done == TLSM_IO_UNREAD)
            we_read(talk);
        they_read(talk);
    }
    assert_int_equal(done, TLSM_IO_DONE);
}

static void any_talk_ends_as_it_was(void **unused)
{
    unsigned round, clean = 0, cut = 0;
    (void)unused;
    for (round = 0; round < 250; round++) {
        struct talk talk;
        unsigned moves;
        memset(&talk, 0, sizeof talk);
        dice = round;
        ends_open(&talk.ends, OVER_NOTHING, round & 1, round & 2 ? TLS1_3_VERSION : TLS1_2_VERSION);
        for (moves = draw(120); moves > 0; moves--)
            one_move(&talk);
        end_talk(&talk);
        assert_int_equal(talk.they_heard, talk.ours);
        assert_int_equal(ends_verdict(&talk.ends).plain_in, talk.heard);
        assert_int_equal(ends_verdict(&talk.ends).plain_out, talk.ours);
        if (strcmp(ends_how(&talk.ends), "clean_both") == 0) {
            assert_true(talk.they_closed);
            assert_int_equal(talk.heard, talk.theirs);
            clean++;
        } else {
            assert_true(talk.cut);
            cut++;
        }
        ends_free(&talk.ends);
    }
    assert_true(clean > 60 && cut > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closing_ends_clean_on_both_sides),
        cmocka_unit_test(the_peer_closes_first_and_we_go_on_writing),
        cmocka_unit_test(half_closed_the_peer_goes_on),
        cmocka_unit_test(tickets_that_come_while_closing_are_no_data),
        cmocka_unit_test(a_stream_cut_at_every_byte_is_truncated_just_there),
        cmocka_unit_test(a_handshake_cut_anywhere_has_failed_just_there),
        cmocka_unit_test(any_talk_ends_as_it_was),
        cmocka_unit_test(after_our_close_only_a_boundary_is_closed_incomplete),
    };
    return cmocka_run_group_tests(tests, contexts_open, contexts_close);
}
