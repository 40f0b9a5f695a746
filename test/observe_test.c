/* SPDX-License-Identifier: MIT */
/* A connection that another library runs, observed: the table judges it as its own. Named cases, and sequences drawn at random
 * that must keep every invariant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tlsm_observe.h"

static struct tlsm_settings settings;
static struct tlsm_observed seen_by;
static struct tlsm_out out;

static const uint8_t close_notify[] = { 1, 0 }, user_canceled[] = { 1, 90 }, fatal[] = { 2, 20 }, warning[] = { 1, 100 };

static enum tlsm_code see(struct tlsm_seen seen)
{
    const enum tlsm_code code = tlsm_observe(&settings, &seen_by, &seen, &out);
    assert_int_equal(tlsm_invariant(&seen_by.state), 0);
    return code;
}

static enum tlsm_code tell(struct tlsm_in in)
{
    const enum tlsm_code code = tlsm_observe_in(&settings, &seen_by, &in, &out);
    assert_int_equal(tlsm_invariant(&seen_by.state), 0);
    return code;
}

#define SEE(...) see((struct tlsm_seen){ __VA_ARGS__ })
#define TELL(...) tell((struct tlsm_in){ __VA_ARGS__ })
#define BYTES(array) { array, sizeof array }

static struct tlsm_verdict verdict(void)
{
    struct tlsm_verdict now;
    tlsm_verdict(&seen_by.state, &now);
    return now;
}
#define assert_how(name) assert_string_equal(tlsm_how_name(verdict().how), name)

/* A record of ours with a body of `length` zeros. */
static void make_record(size_t length)
{
    uint8_t record[64] = { 23, 3, 3, 0, (uint8_t)length };
    (void)SEE(.kind = TLSM_SEEN_OUTPUT, .bytes = { record, 5 + length });
}

static void take_all(void)
{
    (void)TELL(.kind = TLSM_IN_SENT, .count = (size_t)tlsm_outstanding(&seen_by.state));
}

static void fresh(uint8_t role)
{
    memset(&settings, 0, sizeof settings);
    settings.role = role;
    tlsm_observe_init(&seen_by);
}

static void connect_as(uint8_t role, uint16_t version)
{
    fresh(role);
    assert_int_equal(SEE(.kind = TLSM_SEEN_START), TLSM_OK);
    make_record(40);
    take_all();
    assert_int_equal(SEE(.kind = TLSM_SEEN_CONNECTED, .version = version), TLSM_CONNECTED);
}

static void closes_clean(void **unused)
{
    (void)unused;
    connect_as(TLSM_CLIENT, TLSM_1_3);
    assert_int_equal(TELL(.kind = TLSM_IN_CLOSE), TLSM_OK);
    assert_true(tlsm_needs(&seen_by.state) & TLSM_NEED_PRODUCE);
    make_record(19);
    assert_int_equal(SEE(.kind = TLSM_SEEN_ALERT_OUT, .bytes = BYTES(close_notify)), TLSM_PRODUCED);
    assert_int_equal(tlsm_needs(&seen_by.state), TLSM_NEED_SEND | TLSM_NEED_RECEIVE);
    take_all();
    assert_int_equal(SEE(.kind = TLSM_SEEN_ALERT_IN, .bytes = BYTES(close_notify), .version = TLSM_1_3, .authentic = 1),
                     TLSM_END_CLEAN_BOTH);
    assert_how("clean_both");
    assert_int_equal(out.news & TLSM_NEWS_ENDED, TLSM_NEWS_ENDED);
    assert_int_equal(tlsm_needs(&seen_by.state), 0);
}

static void an_alert_that_left_before_it_was_told_is_taken(void **unused)
{
    (void)unused;
    connect_as(TLSM_SERVER, TLSM_1_3);
    (void)TELL(.kind = TLSM_IN_CLOSE);
    make_record(19);
    take_all();
    (void)SEE(.kind = TLSM_SEEN_ALERT_OUT, .bytes = BYTES(close_notify));
    assert_int_equal(seen_by.state.control.tx, TLSM_TX_CLOSED);
}

static void a_close_behind_our_back_is_a_close(void **unused)
{
    (void)unused;
    connect_as(TLSM_SERVER, TLSM_1_2);
    make_record(19);
    (void)SEE(.kind = TLSM_SEEN_ALERT_OUT, .bytes = BYTES(close_notify));
    assert_int_equal(seen_by.state.control.tx, TLSM_TX_CLOSE_OUT);
    assert_int_equal(SEE(.kind = TLSM_SEEN_WROTE, .count = 3), TLSM_WRITE_CLOSED);
    assert_int_equal(verdict().plain_out, 0);
}

static void closing_in_the_handshake_owes_nothing_that_cannot_be_made(void **unused)
{
    (void)unused;
    fresh(TLSM_CLIENT);
    (void)SEE(.kind = TLSM_SEEN_START);
    make_record(40);
    assert_int_equal(TELL(.kind = TLSM_IN_CLOSE), TLSM_END_CANCELLED);
    assert_how("cancelled_in_handshake");
    fresh(TLSM_CLIENT);
    (void)SEE(.kind = TLSM_SEEN_START);
    assert_int_equal(TELL(.kind = TLSM_IN_CLOSE), TLSM_END_NEVER_OPENED);
}

static void an_early_close_notify_ends_no_data(void **unused)
{
    (void)unused;
    fresh(TLSM_CLIENT);
    (void)SEE(.kind = TLSM_SEEN_START);
    make_record(40);
    assert_int_equal(SEE(.kind = TLSM_SEEN_ALERT_IN, .bytes = BYTES(close_notify), .authentic = 1), TLSM_END_HANDSHAKE_FAILED);
    assert_int_equal(verdict().cause, TLSM_CAUSE_PEER_CLOSED);
}

static void an_alert_that_anybody_could_have_sent_ends_no_data(void **unused)
{
    (void)unused;
    connect_as(TLSM_CLIENT, TLSM_1_3);
    assert_int_equal(SEE(.kind = TLSM_SEEN_ALERT_IN, .bytes = BYTES(close_notify), .version = TLSM_1_3), TLSM_FAILED);
    assert_how("local_alert");
    (void)SEE(.kind = TLSM_SEEN_FAILED);
    assert_how("protocol_error");
}

static void the_place_of_an_end_is_exact_however_the_bytes_come(void **unused)
{
    static const uint8_t stream[] = { 23, 3, 3, 0, 7, 1, 2, 3, 4, 5, 6, 7, 21, 3, 3, 1, 2, 9, 9 };
    size_t count, step;
    (void)unused;
    for (step = 1; step <= sizeof stream; step++)
        for (count = 0; count <= sizeof stream; count++) {
            size_t at;
            connect_as(TLSM_CLIENT, TLSM_1_3);
            for (at = 0; at < count; at += step)
                (void)SEE(.kind = TLSM_SEEN_INPUT, .bytes = { stream + at, count - at < step ? count - at : step });
            assert_int_equal(TELL(.kind = TLSM_IN_EOF), TLSM_CUT);
            if (count == 0 || count == 12)
                assert_int_equal(verdict().place, TLSM_PLACE_BOUNDARY);
            else if (count < 5 || (count > 12 && count < 17)) {
                assert_int_equal(verdict().place, TLSM_PLACE_HEADER);
                assert_int_equal(verdict().eof_have, count < 5 ? count : count - 12);
                assert_int_equal(verdict().eof_need, 5);
            } else {
                assert_int_equal(verdict().place, TLSM_PLACE_BODY);
                assert_int_equal(verdict().eof_have, count < 12 ? count - 5 : count - 17);
                assert_int_equal(verdict().eof_need, count < 12 ? 7 : 258);
            }
        }
}

static void between_fragments_is_a_place_of_its_own(void **unused)
{
    (void)unused;
    connect_as(TLSM_CLIENT, TLSM_1_3);
    (void)SEE(.kind = TLSM_SEEN_FRAGMENT);
    (void)TELL(.kind = TLSM_IN_EOF);
    assert_int_equal(verdict().place, TLSM_PLACE_MESSAGE);
    connect_as(TLSM_CLIENT, TLSM_1_3);
    (void)SEE(.kind = TLSM_SEEN_FRAGMENT);
    assert_int_equal(SEE(.kind = TLSM_SEEN_MESSAGE, .tickets = 1), TLSM_TICKET);
    (void)TELL(.kind = TLSM_IN_EOF);
    assert_int_equal(verdict().place, TLSM_PLACE_BOUNDARY);
    assert_int_equal(verdict().resumable, 1);
}

static void a_place_that_was_lost_is_found_with_the_next_record(void **unused)
{
    static const uint8_t some[3] = { 0 };
    (void)unused;
    fresh(TLSM_CLIENT);
    (void)SEE(.kind = TLSM_SEEN_START, .lost_in = 1);
    (void)SEE(.kind = TLSM_SEEN_CONNECTED, .version = TLSM_1_3);
    (void)SEE(.kind = TLSM_SEEN_INPUT, .bytes = BYTES(some));
    assert_int_equal(tlsm_observe_hint(&seen_by), 1);
    assert_int_equal(SEE(.kind = TLSM_SEEN_RECORD, .type = 23, .count = 0x10000), TLSM_IGNORED);   /* no record is as long */
    assert_int_equal(tlsm_observe_hint(&seen_by), 1);
    assert_int_equal(SEE(.kind = TLSM_SEEN_RECORD, .type = 23, .count = 9), TLSM_OK);
    (void)SEE(.kind = TLSM_SEEN_INPUT, .bytes = BYTES(some));
    assert_int_equal(tlsm_observe_hint(&seen_by), 6);
    assert_int_equal(SEE(.kind = TLSM_SEEN_RECORD, .type = 23, .count = 77), TLSM_IGNORED);
    (void)TELL(.kind = TLSM_IN_EOF);
    assert_int_equal(verdict().place, TLSM_PLACE_BODY);
    assert_int_equal(verdict().eof_have, 3);
    assert_int_equal(verdict().eof_need, 9);
}

/* A9: between records a FIN is honest, within one it is not. */
static void giving_up_within_a_record_advises_a_reset(void **unused)
{
    static const struct { size_t taken; uint32_t flags; } cases[] = {
        { 0, TLSM_ADVICE_CLOSE }, { 3, TLSM_ADVICE_RESET }, { 15, TLSM_ADVICE_CLOSE }, { 16, TLSM_ADVICE_RESET },
        { 30, TLSM_ADVICE_CLOSE },
    };
    struct tlsm_advice advice;
    size_t i;
    (void)unused;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        connect_as(TLSM_CLIENT, TLSM_1_3);
        make_record(10);
        make_record(10);
        (void)TELL(.kind = TLSM_IN_SENT, .count = cases[i].taken);
        assert_int_equal(TELL(.kind = TLSM_IN_ABANDON), TLSM_END_ABANDONED);
        tlsm_advice(&seen_by.state, &advice);
        assert_int_equal(advice.flags, cases[i].flags);
        assert_int_equal(advice.drop, 30 - cases[i].taken);
    }
}

static void half_a_record_of_before_is_half_a_record(void **unused)
{
    static const uint8_t tail[7] = { 0 };
    struct tlsm_advice advice;
    (void)unused;
    fresh(TLSM_CLIENT);
    (void)SEE(.kind = TLSM_SEEN_START, .lost_out = 1);
    (void)SEE(.kind = TLSM_SEEN_OUTPUT, .bytes = BYTES(tail));
    (void)SEE(.kind = TLSM_SEEN_CONNECTED, .version = TLSM_1_3);
    assert_int_equal(tlsm_outstanding(&seen_by.state), 7);
    (void)TELL(.kind = TLSM_IN_ABANDON);
    tlsm_advice(&seen_by.state, &advice);
    assert_int_equal(advice.flags, TLSM_ADVICE_RESET);
}

static void a_library_that_gives_up_without_a_word_is_a_protocol_error(void **unused)
{
    (void)unused;
    connect_as(TLSM_SERVER, TLSM_1_3);
    assert_int_equal(SEE(.kind = TLSM_SEEN_FAILED), TLSM_END_PROTOCOL_ERROR);
    connect_as(TLSM_SERVER, TLSM_1_3);
    make_record(19);
    (void)SEE(.kind = TLSM_SEEN_ALERT_OUT, .bytes = BYTES(fatal));
    (void)SEE(.kind = TLSM_SEEN_FAILED);
    assert_how("local_alert");
    assert_int_equal(verdict().alert_delivered, 0);
    take_all();
    assert_how("local_alert");
    assert_int_equal(verdict().alert_delivered, 1);
    assert_int_equal(verdict().alert_sent, 20);
    /* What the peer completed stays complete. */
    connect_as(TLSM_SERVER, TLSM_1_3);
    (void)SEE(.kind = TLSM_SEEN_ALERT_IN, .bytes = BYTES(close_notify), .version = TLSM_1_3, .authentic = 1);
    assert_int_equal(SEE(.kind = TLSM_SEEN_FAILED), TLSM_END_CLEAN_RECEIVED);
}

/* G6, E3. */
static void a_session_of_tls_1_2_dies_with_a_fatal_alert_and_not_with_a_warning(void **unused)
{
    uint16_t version;
    (void)unused;
    for (version = TLSM_1_2; version <= TLSM_1_3; version++) {
        fresh(TLSM_CLIENT);
        (void)SEE(.kind = TLSM_SEEN_START);
        (void)SEE(.kind = TLSM_SEEN_CONNECTED, .version = version, .tickets = 1);
        if (version == TLSM_1_2)
            assert_int_equal(SEE(.kind = TLSM_SEEN_ALERT_IN, .bytes = BYTES(warning), .version = version, .authentic = 1),
                             TLSM_IGNORED);
        assert_int_equal(SEE(.kind = TLSM_SEEN_ALERT_IN, .bytes = BYTES(user_canceled), .version = version, .authentic = 1),
                         TLSM_PEER_CANCELED);
        assert_int_equal(verdict().resumable, 1);
        assert_int_equal(SEE(.kind = TLSM_SEEN_ALERT_IN, .bytes = BYTES(fatal), .version = version, .authentic = 1),
                         TLSM_END_PEER_ALERT);
        assert_int_equal(verdict().resumable, version == TLSM_1_3);
    }
}

static void our_fatal_alert_ends_a_session_of_tls_1_2(void **unused)
{
    uint16_t version;
    (void)unused;
    for (version = TLSM_1_2; version <= TLSM_1_3; version++) {
        fresh(TLSM_CLIENT);
        (void)SEE(.kind = TLSM_SEEN_START);
        (void)SEE(.kind = TLSM_SEEN_CONNECTED, .version = version, .tickets = 1);
        make_record(19);
        (void)SEE(.kind = TLSM_SEEN_ALERT_OUT, .bytes = BYTES(fatal));
        assert_int_equal(verdict().resumable, version == TLSM_1_3);
    }
}

/* 0x80: the framing of SSL 2, which a hello may still have. Nobody can say where it ends; the next record is found again. */
static void a_hello_in_old_framing_loses_the_place_until_the_next_record(void **unused)
{
    static const uint8_t hello[] = { 0x80, 46, 1, 3, 1 }, header[] = { 22, 3, 1, 0, 9 };
    (void)unused;
    fresh(TLSM_SERVER);
    (void)SEE(.kind = TLSM_SEEN_START);
    (void)SEE(.kind = TLSM_SEEN_INPUT, .bytes = BYTES(hello));
    (void)SEE(.kind = TLSM_SEEN_INPUT, .bytes = BYTES(header));
    (void)SEE(.kind = TLSM_SEEN_RECORD, .type = 22, .count = 9);
    (void)SEE(.kind = TLSM_SEEN_INPUT, .bytes = BYTES(header));
    (void)TELL(.kind = TLSM_IN_EOF);
    assert_how("handshake_failed");
    assert_int_equal(verdict().place, TLSM_PLACE_BODY);
    assert_int_equal(verdict().eof_have, 5);
    assert_int_equal(verdict().eof_need, 9);
}

static void who_comes_late_knows_that_something_was_said(void **unused)
{
    (void)unused;
    fresh(TLSM_CLIENT);
    (void)SEE(.kind = TLSM_SEEN_START, .count = 1);
    assert_int_equal(TELL(.kind = TLSM_IN_ABANDON), TLSM_END_CANCELLED);
}

static void what_the_machine_cannot_do_is_refused(void **unused)
{
    static const enum tlsm_in_kind kinds[] = { TLSM_IN_START, TLSM_IN_WIRE, TLSM_IN_PRODUCE, TLSM_IN_WRITE, TLSM_IN_ABORT,
                                               TLSM_IN_ANSWER, TLSM_IN_KEY_UPDATE, TLSM_IN_EXPORT, TLSM_IN_TICKET, TLSM_IN_COUNT };
    size_t i;
    (void)unused;
    connect_as(TLSM_CLIENT, TLSM_1_3);
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct tlsm_observed before = seen_by;
        assert_int_equal(TELL(.kind = kinds[i], .alert = 40), TLSM_BAD_ARGUMENT);
        assert_memory_equal(&before, &seen_by, sizeof before);
    }
    assert_int_equal(SEE(.kind = TLSM_SEEN_START), TLSM_ALREADY_STARTED);
    assert_int_equal(SEE(.kind = TLSM_SEEN_COUNT), TLSM_BAD_ARGUMENT);
    fresh(TLSM_CLIENT);
    for (i = TLSM_SEEN_START + 1; i < TLSM_SEEN_COUNT; i++) {
        const struct tlsm_observed before = seen_by;
        assert_int_equal(SEE(.kind = (enum tlsm_seen_kind)i, .bytes = BYTES(close_notify)), TLSM_NOT_STARTED);
        assert_memory_equal(&before, &seen_by, sizeof before);
    }
    fresh(0);
    assert_int_equal(SEE(.kind = TLSM_SEEN_START), TLSM_BAD_ARGUMENT);
    assert_int_equal(SEE(.kind = TLSM_SEEN_CONNECTED), TLSM_NOT_STARTED);
}

/* ------------------------------------------------------------------------------------------------ drawn at random */

static uint64_t dice;
static unsigned draw(unsigned below)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice >> 33) % below;
}

static struct tlsm_seen draw_seen(const uint8_t *bytes)
{
    static const uint8_t *const alerts[] = { close_notify, user_canceled, fatal, warning };
    struct tlsm_seen seen = { .kind = (enum tlsm_seen_kind)draw(TLSM_SEEN_COUNT) };
    seen.count = draw(40);
    seen.version = draw(2) ? TLSM_1_3 : TLSM_1_2;
    seen.type = 23;
    seen.authentic = draw(4) != 0;
    seen.tickets = draw(2) != 0;
    seen.lost_in = draw(8) == 0;
    seen.lost_out = draw(8) == 0;
    seen.bytes.data = bytes;
    seen.bytes.length = draw(48);
    if (seen.kind == TLSM_SEEN_ALERT_IN || seen.kind == TLSM_SEEN_ALERT_OUT) {
        seen.bytes.data = alerts[draw(4)];
        seen.bytes.length = 2;
    }
    return seen;
}

static struct tlsm_in draw_in(void)
{
    struct tlsm_in in = { .kind = (enum tlsm_in_kind)draw(TLSM_IN_COUNT + 1) };
    in.one_way = draw(2) != 0;
    in.vouch = draw(3) == 0;
    in.count = in.kind == TLSM_IN_SENT ? draw((unsigned)tlsm_outstanding(&seen_by.state) + 2) : 0;
    return in;
}

/* Is this the close_notify that may end data: protected, after the handshake, before any end? */
static int ends_data(const struct tlsm_seen *seen)
{
    return seen->kind == TLSM_SEEN_ALERT_IN && seen->authentic && seen->bytes.data == close_notify &&
           seen_by.state.control.rx == TLSM_RX_OPEN && tlsm_connected(&seen_by.state);
}

static void any_sequence_keeps_the_invariants(void **unused)
{
    uint8_t bytes[64];
    unsigned round, step, clean_ends = 0;
    (void)unused;
    for (round = 0; round < 20000; round++) {
        int complete = 0;
        dice = round + 1;
        fresh(draw(2) ? TLSM_CLIENT : TLSM_SERVER);
        settings.eof = (uint8_t)draw(2);
        settings.data_while_closing = (uint8_t)draw(3);
        settings.budget_records = draw(3);
        if (draw(8))
            (void)SEE(.kind = TLSM_SEEN_START);
        if (draw(4))
            (void)SEE(.kind = TLSM_SEEN_CONNECTED, .version = TLSM_1_3);
        for (step = 0; step < 24; step++) {
            const struct tlsm_observed before = seen_by;
            const int final = tlsm_is_final(&before.state), done = draw(3) != 0;
            const struct tlsm_seen seen = draw_seen(bytes);
            const struct tlsm_in in = draw_in();
            enum tlsm_code code;
            size_t i;
            for (i = 0; i < sizeof bytes; i++)
                bytes[i] = (uint8_t)draw(6);
            complete |= done && !final && ends_data(&seen);
            code = done ? see(seen) : tell(in);
            if (final || code >= TLSM_MORE_INPUT)
                assert_memory_equal(&before, &seen_by, sizeof before);
            if (verdict().how == TLSM_CLEAN_BOTH_VERDICT || verdict().how == TLSM_CLEAN_RECEIVED_VERDICT)
                assert_true(complete);
            clean_ends += verdict().how == TLSM_CLEAN_BOTH_VERDICT;
            if (!tlsm_is_final(&seen_by.state) && seen_by.state.control.rx != TLSM_RX_UNBORN && draw(16) == 0) {
                const struct tlsm_observed here = seen_by;   /* I9 */
                (void)TELL(.kind = TLSM_IN_DEADLINE_SET);
                (void)TELL(.kind = TLSM_IN_DEADLINE);
                assert_true(tlsm_is_final(&seen_by.state));
                seen_by = here;
            }
        }
    }
    assert_true(clean_ends > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_clean),
        cmocka_unit_test(an_alert_that_left_before_it_was_told_is_taken),
        cmocka_unit_test(a_close_behind_our_back_is_a_close),
        cmocka_unit_test(closing_in_the_handshake_owes_nothing_that_cannot_be_made),
        cmocka_unit_test(an_early_close_notify_ends_no_data),
        cmocka_unit_test(an_alert_that_anybody_could_have_sent_ends_no_data),
        cmocka_unit_test(the_place_of_an_end_is_exact_however_the_bytes_come),
        cmocka_unit_test(between_fragments_is_a_place_of_its_own),
        cmocka_unit_test(a_place_that_was_lost_is_found_with_the_next_record),
        cmocka_unit_test(giving_up_within_a_record_advises_a_reset),
        cmocka_unit_test(half_a_record_of_before_is_half_a_record),
        cmocka_unit_test(a_library_that_gives_up_without_a_word_is_a_protocol_error),
        cmocka_unit_test(a_session_of_tls_1_2_dies_with_a_fatal_alert_and_not_with_a_warning),
        cmocka_unit_test(our_fatal_alert_ends_a_session_of_tls_1_2),
        cmocka_unit_test(a_hello_in_old_framing_loses_the_place_until_the_next_record),
        cmocka_unit_test(who_comes_late_knows_that_something_was_said),
        cmocka_unit_test(what_the_machine_cannot_do_is_refused),
        cmocka_unit_test(any_sequence_keeps_the_invariants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
