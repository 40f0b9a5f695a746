/* SPDX-License-Identifier: MIT */
/* docs/differences.md, entry by entry: what ours does and what the installed libssl does, in both roles; that the harness
 * knows the entry by its name; and what it found in ours, mended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "duel_compare.h"

enum { STEPS = 10, NONE = 0, FAILED = 1, WANT_READ = 2, WANT_WRITE = 3, SYSCALL = 5, ZERO_RETURN = 6 };
enum { OLDER = 7 << 5, ONLY_12 = 1 << 8, ONLY_13 = 1 << 9 };   /* TLS 1.2; of an entry: what it is about */
enum { ROOM_1 = 1 << 3, ROOM_7 = 2 << 3, ROOM_512 = 3 << 3, PARTIAL = 1 << 2 };
enum { OPEN = 0, SENT = 1, RECEIVED = 2, BOTH = 3 };

/* A step of a script; a last one of 0 bytes ends it. */
#define STEP(call, argument) { 1, (uint8_t)(DUEL_##call | (argument) << 5) }

struct last { int result, error, flags; };

struct entry {
    const char *name;
    enum duel_difference difference;   /* NO_DIFFERENCE: what was found, and is mended */
    uint16_t scene;
    struct { uint8_t there, byte; } step[STEPS];
    struct last ours, theirs;          /* of the last step */
};

static struct duel_log ours, theirs;

static size_t script_of(const struct entry *entry, int server, int older, uint8_t *script)
{
    size_t length = 1;
    script[0] = (uint8_t)(entry->scene | server | (older ? OLDER : 0));
    for (size_t i = 0; i < STEPS && entry->step[i].there; i++)
        script[length++] = entry->step[i].byte;
    return length;
}

static struct duel_verdict run(const uint8_t *script, size_t length, unsigned long used[DIFFERENCES])
{
    duel_run(&party_tlsm, script, length, &ours);
    duel_run(&party_libssl, script, length, &theirs);
    return duel_compare(&ours, &theirs, used);
}

static void assert_last(const struct duel_log *log, const struct last *expected)
{
    const struct duel_outcome *const at = &log->outcome[log->steps - 1];
    assert_int_equal(at->result, expected->result);
    assert_int_equal(at->error, expected->error);
    assert_int_equal(at->flags, expected->flags);
}

/* 1: the entry is about that version. TLS 1.2 has no key update. */
static int is_of(const struct entry *entry, int older)
{
    if (entry->scene & (older ? ONLY_13 : ONLY_12))
        return 0;
    if (!older)
        return 1;
    for (size_t i = 0; i < STEPS && entry->step[i].there; i++) {
        const unsigned call = entry->step[i].byte & 31;
        if (call == DUEL_ASK_KEY_UPDATE || call == DUEL_FAR_KEY_UPDATE)
            return 0;
    }
    return 1;
}

static void holds_as(const struct entry *entry, int server, int older)
{
    unsigned long used[DIFFERENCES] = { 0 };
    uint8_t script[1 + STEPS];
    const size_t length = script_of(entry, server, older, script);
    const struct duel_verdict verdict = run(script, length, used);
    if (verdict.difference == UNLISTED)
        print_error("%s, TLS 1.%d: %s\n", server ? "server" : "client", older ? 2 : 3, verdict.what);
    assert_int_not_equal(verdict.difference, UNLISTED);
    assert_int_equal(ours.steps, length - 1);
    assert_last(&ours, &entry->ours);
    assert_last(&theirs, &entry->theirs);
    if (entry->difference != NO_DIFFERENCE)
        assert_true(used[entry->difference] > 0);
}

static void entry_holds(void **state)
{
    const struct entry *const entry = *state;
    for (int each = 0; each < 4; each++)
        if (is_of(entry, each / 2))
            holds_as(entry, each % 2, each / 2);
}

#define LISTED(name, ...) { #name, DIFFERENCE_##name, __VA_ARGS__ }
static struct entry listed[] = {
    LISTED(ZERO_WANTS_READ, 0, { STEP(SHUTDOWN, 0) }, { 0, WANT_READ, SENT }, { 0, SYSCALL, SENT }),
    LISTED(EMPTY_WRITE, 0, { STEP(WRITE, 7) }, { 0, NONE, OPEN }, { 0, SYSCALL, OPEN }),
    LISTED(EMPTY_READ, 0, { STEP(PEEK, 7) }, { 0, NONE, OPEN }, { -1, WANT_READ, OPEN }),
    LISTED(CUT_IS_NO_END, 0, { STEP(EOF, 0), STEP(READ, 0) }, { -1, FAILED, OPEN }, { 0, FAILED, OPEN }),
    LISTED(CUT_IS_HALF, ROOM_1,
           { STEP(FAR_KEY_UPDATE, 1), STEP(FAR_KEY_UPDATE, 1), STEP(WRITE, 1), STEP(EOF, 0), STEP(READ, 1),
             STEP(WRITE_THROUGH, 1) }, { 1, NONE, OPEN }, { -1, SYSCALL, OPEN }),
    LISTED(ALERT_IS_NO_END, 0, { STEP(FORGE_ALERT, 0), STEP(DELIVER_ALL, 0), STEP(READ, 0) },
           { -1, FAILED, OPEN }, { 0, FAILED, RECEIVED }),
    LISTED(ALERT_IS_NO_END, 0, { STEP(SHUTDOWN, 0), STEP(FORGE_ALERT, 0), STEP(DELIVER_ALL, 0), STEP(SHUTDOWN, 0) },
           { -1, FAILED, SENT }, { 1, NONE, BOTH }),
    LISTED(LEVEL_IS_CHECKED, ONLY_13, { STEP(FORGE_ALERT, 7), STEP(DELIVER_ALL, 0), STEP(READ, 0) },
           { -1, FAILED, OPEN }, { 0, ZERO_RETURN, RECEIVED }),
    LISTED(FATAL_CLOSE, ONLY_12, { STEP(FORGE_ALERT, 2), STEP(DELIVER_ALL, 0), STEP(READ, 0) },
           { 0, ZERO_RETURN, RECEIVED }, { 0, FAILED, RECEIVED }),
    LISTED(NO_RENEGOTIATION, ONLY_12, { STEP(FORGE_ALERT, 5), STEP(DELIVER_ALL, 0), STEP(READ, 0) },
           { -1, WANT_READ, OPEN }, { -1, FAILED, OPEN }),
    LISTED(PASSED_OVER, ONLY_12,
           { STEP(SHUTDOWN, 0), STEP(FORGE_RECORD, 5), STEP(FAR_CLOSE, 0), STEP(READ, 0) },
           { -1, FAILED, SENT }, { 0, ZERO_RETURN, BOTH }),
    LISTED(ALERT_NUMBER, ONLY_12, { STEP(FORGE_RECORD, 4), STEP(DELIVER_ALL, 0), STEP(READ, 0) },
           { -1, FAILED, OPEN }, { -1, FAILED, OPEN }),
    LISTED(ALERT_NUMBER, 0, { STEP(FORGE_RECORD, 6), STEP(DELIVER_ALL, 0), STEP(READ, 0) },
           { -1, FAILED, OPEN }, { -1, FAILED, OPEN }),
    LISTED(ALERT_NUMBER, 0, { STEP(FORGE_RECORD, 2), STEP(DELIVER_ALL, 0), STEP(READ, 0) },
           { -1, FAILED, OPEN }, { -1, FAILED, OPEN }),
    LISTED(ALERT_IN_ANY_CASE, 0, { STEP(SET_SHUTDOWN, 1), STEP(FORGE_RECORD, 0), STEP(DELIVER_ALL, 0), STEP(SHUTDOWN, 0) },
           { -1, FAILED, SENT }, { -1, FAILED, SENT }),
    LISTED(DATA_IS_KEPT, 0, { STEP(FAR_SEND, 0), STEP(SHUTDOWN, 0), STEP(SHUTDOWN, 0) },
           { -1, FAILED, SENT }, { -1, FAILED, SENT }),
    LISTED(ALERT_COMES_FIRST, ROOM_1, { STEP(FORGE_RECORD, 0), STEP(DELIVER_ALL, 0), STEP(READ, 0) },
           { -1, WANT_WRITE, OPEN }, { -1, FAILED, OPEN }),
    LISTED(FLAGS_ARE_ADDED, 0, { STEP(SET_SHUTDOWN, 3), STEP(SET_SHUTDOWN, 6) }, { 0, NONE, BOTH }, { 0, NONE, RECEIVED }),
    LISTED(SENT_MEANS_TRIED, 0, { STEP(FORGE_RECORD, 0), STEP(DELIVER_ALL, 0), STEP(READ, 0), STEP(SHUTDOWN, 0) },
           { -1, FAILED, SENT }, { -1, FAILED, OPEN }),
    LISTED(CLOSE_DURING_UPDATE, 0, { STEP(ASK_KEY_UPDATE, 0), STEP(SHUTDOWN, 0) }, { 0, WANT_READ, SENT }, { -1, FAILED, OPEN }),
    LISTED(READ_DURING_UPDATE, ROOM_1, { STEP(FAR_SEND, 0), STEP(ASK_KEY_UPDATE, 0), STEP(READ, 0) },
           { 100, NONE, OPEN }, { -1, WANT_WRITE, OPEN }),
    LISTED(CLOSE_BEHIND_WRITE, ROOM_512, { STEP(WRITE, 3), STEP(SHUTDOWN_THROUGH, 0) },
           { 0, WANT_READ, SENT }, { -1, FAILED, SENT }),
    LISTED(UPDATE_BEHIND_WRITE, ROOM_1, { STEP(WRITE, 0), STEP(ASK_KEY_UPDATE, 0) }, { 1, NONE, OPEN }, { 0, FAILED, OPEN }),
    LISTED(UPDATE_AGAIN, 0, { STEP(ASK_KEY_UPDATE, 0), STEP(ASK_KEY_UPDATE, 0) }, { 1, NONE, OPEN }, { 0, FAILED, OPEN }),
    LISTED(UPDATE_AFTER_CLOSE, 0, { STEP(SHUTDOWN, 0), STEP(ASK_KEY_UPDATE, 0) }, { 0, FAILED, SENT }, { 1, NONE, SENT }),
    LISTED(READING_SENDS, ROOM_512, { STEP(WRITE, 3), STEP(TAKE_ALL, 0), STEP(READ, 0) },
           { -1, WANT_READ, OPEN }, { -1, WANT_READ, OPEN }),
    LISTED(DONE_EARLIER, ONLY_13 | ROOM_7,
           { STEP(SHUTDOWN, 0), STEP(TAKE_ALL, 0), STEP(READ, 0), STEP(TAKE_ALL, 0), STEP(SHUTDOWN, 0), STEP(TAKE_ALL, 0),
             STEP(SHUTDOWN, 0) }, { 0, WANT_READ, SENT }, { -1, WANT_WRITE, SENT }),
    LISTED(DONE_EARLIER, ONLY_12 | ROOM_7,   /* an alert is longer there */
           { STEP(SHUTDOWN, 0), STEP(TAKE_ALL, 0), STEP(READ, 0), STEP(TAKE_ALL, 0), STEP(READ, 0), STEP(TAKE_ALL, 0),
             STEP(SHUTDOWN, 0), STEP(TAKE_ALL, 0), STEP(SHUTDOWN, 0) }, { 0, WANT_READ, SENT }, { -1, WANT_WRITE, SENT }),
    LISTED(PARTIAL_AT_ONCE, PARTIAL | ROOM_512, { STEP(WRITE_THROUGH, 6) }, { 16384, NONE, OPEN }, { 16385, NONE, OPEN }),
    LISTED(LAST_WORDS, 0, { STEP(FAR_SEND, 0), STEP(RESET_WRITE, 0), STEP(WRITE, 0) },
           { -1, SYSCALL, OPEN }, { -1, SYSCALL, OPEN }),
    LISTED(NOTHING_WILL_COME, 0, { STEP(RESET_READ, 0), STEP(READ, 0), STEP(SHUTDOWN, 0) },
           { -1, SYSCALL, SENT }, { 0, SYSCALL, SENT }),
    LISTED(END_STAYS_END, 0, { STEP(READ, 0), STEP(SET_SHUTDOWN, 2), STEP(PEEK, 0) },
           { 0, ZERO_RETURN, RECEIVED }, { 0, WANT_READ, RECEIVED }),
    LISTED(FAILURE_IS_SYSCALL, 0, { STEP(RESET_WRITE, 0), STEP(WRITE, 0), STEP(WRITE, 1) },
           { -1, SYSCALL, OPEN }, { -1, FAILED, OPEN }),
    LISTED(FAILURE_IS_SSL, 0, { STEP(FORGE_RECORD, 0), STEP(DELIVER_ALL, 0), STEP(READ, 0), STEP(READ, 0) },
           { -1, FAILED, OPEN }, { -1, SYSCALL, OPEN }),
    LISTED(HANDSHAKE_STAYS_DONE, 0, { STEP(FORGE_RECORD, 0), STEP(DELIVER_ALL, 0), STEP(READ, 0), STEP(CALL_HANDSHAKE, 1) },
           { 1, NONE, OPEN }, { -1, SYSCALL, OPEN }),
    LISTED(QUIET_IS_UNDONE, 0, { STEP(SET_QUIET, 1), STEP(SHUTDOWN, 0), STEP(SET_QUIET, 0), STEP(SHUTDOWN, 0) },
           { 0, WANT_READ, BOTH }, { 1, NONE, BOTH }),
    LISTED(QUIET_IS_NO_END, 0, { STEP(SET_QUIET, 1), STEP(SHUTDOWN, 0), STEP(FAR_SEND, 0), STEP(READ, 0) },
           { 100, NONE, BOTH }, { 0, ZERO_RETURN, BOTH }),
    LISTED(UNREAD_COMES_FIRST, 0, { STEP(FAR_SEND, 0), STEP(READ, 1), STEP(SET_SHUTDOWN, 2), STEP(READ, 2) },
           { 7, NONE, RECEIVED }, { 0, ZERO_RETURN, RECEIVED }),
    LISTED(PRESET_AFTER_FAILURE, 0, { STEP(SHUTDOWN, 0), STEP(EOF, 0), STEP(SHUTDOWN, 0), STEP(SET_QUIET, 1), STEP(SHUTDOWN, 0) },
           { 1, NONE, BOTH }, { -1, FAILED, SENT }),
    LISTED(UPDATE_WITH_READ, 0, { STEP(FAR_SEND, 0), STEP(READ, 1), STEP(ASK_KEY_UPDATE, 0), STEP(READ, 1) },
           { 1, NONE, OPEN }, { 1, NONE, OPEN }),
    LISTED(EMPTY_IS_NO_DATA, 0, { STEP(FORGE_RECORD, 1), STEP(SHUTDOWN, 0), STEP(FAR_CLOSE, 0), STEP(SHUTDOWN, 0) },
           { 1, NONE, BOTH }, { -1, FAILED, SENT }),
    LISTED(ASKED_ONCE, 0, { STEP(ASK_KEY_UPDATE, 1), STEP(WRITE, 1), STEP(ASK_KEY_UPDATE, 1), STEP(WRITE, 1) },
           { 1, NONE, OPEN }, { 1, NONE, OPEN }),
    LISTED(NOTHING_AFTER_CLOSE, 0,
           { STEP(SHUTDOWN, 0), STEP(FAR_KEY_UPDATE, 1), STEP(FAR_KEY_UPDATE, 1), STEP(DELIVER_ALL, 0), STEP(SHUTDOWN, 0) },
           { -1, WANT_READ, SENT }, { -1, WANT_READ, SENT }),
    LISTED(HANDSHAKE_FLUSHES, ROOM_512, { STEP(ASK_KEY_UPDATE, 0), STEP(WRITE, 3), STEP(CALL_HANDSHAKE, 1) },
           { -1, WANT_WRITE, OPEN }, { 1, NONE, OPEN }),
    LISTED(REFUSED_AT_ONCE, ONLY_12, { STEP(FORGE_RECORD, 7), STEP(DELIVER, 0), STEP(READ, 0) },
           { -1, FAILED, OPEN }, { -1, WANT_READ, OPEN }),
    LISTED(REFUSED_AT_ONCE, 0, { STEP(FORGE_RECORD, 2), STEP(DELIVER, 0), STEP(READ, 0) },
           { -1, FAILED, OPEN }, { -1, WANT_READ, OPEN }),
};

#define FOUND(name, ...) { #name, NO_DIFFERENCE, __VA_ARGS__ }
static struct entry found[] = {
    FOUND(a_read_behind_a_blocked_write_is_told_of_the_end, ROOM_7, { STEP(WRITE, 0), STEP(EOF, 0), STEP(READ, 0) },
          { -1, FAILED, OPEN }, { 0, FAILED, OPEN }),
    FOUND(a_read_behind_a_blocked_write_is_told_of_the_failure, ROOM_7, { STEP(WRITE, 0), STEP(RESET_READ, 0), STEP(READ, 0) },
          { -1, SYSCALL, OPEN }, { -1, SYSCALL, OPEN }),
    FOUND(a_close_notify_of_no_level_is_refused_in_tls12_by_both, ONLY_12,
          { STEP(FORGE_ALERT, 7), STEP(DELIVER_ALL, 0), STEP(READ, 0) },
          { -1, FAILED, OPEN }, { -1, FAILED, OPEN }),
    FOUND(a_write_after_a_quiet_shutdown_is_refused, 0, { STEP(SET_QUIET, 1), STEP(SHUTDOWN, 0), STEP(WRITE, 0) },
          { -1, FAILED, BOTH }, { -1, FAILED, BOTH }),
    FOUND(an_empty_write_behind_our_close_is_refused, ROOM_1, { STEP(SHUTDOWN, 0), STEP(WRITE, 7) },
          { -1, FAILED, SENT }, { -1, FAILED, SENT }),
    FOUND(a_handshake_that_is_done_does_not_wait_for_data, ROOM_1, { STEP(WRITE, 0), STEP(CALL_HANDSHAKE, 1) },
          { 1, NONE, OPEN }, { 1, NONE, OPEN }),
    FOUND(a_key_update_that_cannot_leave_fails_the_handshake, 0,
          { STEP(RESET_WRITE, 0), STEP(ASK_KEY_UPDATE, 0), STEP(CALL_HANDSHAKE, 1) },
          { -1, SYSCALL, OPEN }, { -1, SYSCALL, OPEN }),
    FOUND(a_pair_is_read_to_its_end_after_a_failed_send, 0,
          { STEP(RESET_WRITE, 0), STEP(EOF, 0), STEP(SHUTDOWN, 0), STEP(READ, 0) },
          { -1, SYSCALL, SENT }, { 0, FAILED, SENT }),
    FOUND(a_key_update_of_a_connection_that_is_over_is_refused, 0,
          { STEP(EOF, 0), STEP(SHUTDOWN, 0), STEP(SHUTDOWN, 0), STEP(ASK_KEY_UPDATE, 1) },
          { 0, FAILED, SENT }, { 0, FAILED, SENT }),
    FOUND(flags_set_again_do_not_stand_for_an_alert_that_never_left, 0,
          { STEP(RESET_WRITE, 0), STEP(SHUTDOWN, 0), STEP(SET_SHUTDOWN, 0), STEP(SHUTDOWN, 0) },
          { -1, SYSCALL, SENT }, { -1, SYSCALL, SENT }),
    FOUND(flags_set_again_do_not_keep_an_alert_from_leaving_whole, ROOM_7,
          { STEP(SHUTDOWN, 0), STEP(SET_SHUTDOWN, 3), STEP(SHUTDOWN_THROUGH, 0) },
          { 1, NONE, BOTH }, { 1, NONE, BOTH }),
};

/* ------------------------------------------------------------------------------------------------ more than the last call */

static const uint8_t kept[] = { 0, DUEL_FAR_SEND, DUEL_SHUTDOWN, DUEL_SHUTDOWN, DUEL_READ, DUEL_FAR_CLOSE, DUEL_SHUTDOWN };

/* K1: the data is there, and then the closing goes on to its end; libssl has destroyed it. */
static void data_kept_is_read_and_the_closing_goes_on(void **state)
{
    (void)state;
    duel_run(&party_tlsm, kept, sizeof kept, &ours);
    duel_run(&party_libssl, kept, sizeof kept, &theirs);
    assert_int_equal(ours.outcome[3].result, 100);
    assert_int_equal(ours.outcome[5].result, 1);
    assert_int_equal(theirs.outcome[3].result, -1);
}

static const uint8_t dropped[] = { ROOM_7, DUEL_WRITE, DUEL_SHUTDOWN_THROUGH };

/* libssl's alert is lost behind the write for ever. */
static void close_notify_behind_a_blocked_write_reaches_the_peer(void **state)
{
    (void)state;
    duel_run(&party_tlsm, dropped, sizeof dropped, &ours);
    duel_run(&party_libssl, dropped, sizeof dropped, &theirs);
    assert_int_equal(ours.far_error, ZERO_RETURN);
    assert_int_equal(ours.record[ours.record_count - 1].type, DUEL_ALERT);
    assert_int_equal(theirs.far_error, WANT_READ);
    assert_int_equal(theirs.record_count, 0);
}

static const uint8_t answered[] = { 0, DUEL_EOF, DUEL_READ, DUEL_WRITE };

/* T4: no alert answers the transport's end, and our own data still goes out. */
static void the_end_of_the_transport_is_not_answered(void **state)
{
    (void)state;
    duel_run(&party_tlsm, answered, sizeof answered, &ours);
    duel_run(&party_libssl, answered, sizeof answered, &theirs);
    assert_int_equal(ours.far_read, 100);
    assert_int_equal(ours.record[0].type, DUEL_DATA);
    assert_int_equal(theirs.far_read, 0);
    assert_int_equal(theirs.record[0].type, DUEL_ALERT);
}

/* ------------------------------------------------------------------------------------------------ all */

static size_t read_file(const char *name, char *to, size_t room)
{
    FILE *const file = fopen(name, "rb");
    const size_t length = file != NULL ? fread(to, 1, room - 1, file) : 0;
    if (file != NULL)
        (void)fclose(file);
    to[length] = '\0';
    return length;
}

static void every_entry_is_in_the_manual_and_has_a_test(void **state)
{
    static char manual[65536];
    (void)state;
    assert_true(read_file("docs/differences.md", manual, sizeof manual) > 0);
    for (unsigned i = 0; i < DIFFERENCES; i++) {
        char heading[64];
        size_t tests = 0;
        const char *const name = duel_difference_name((enum duel_difference)i);
        (void)snprintf(heading, sizeof heading, "`%.*s`", (int)strcspn(name, ":"), name);
        assert_non_null(strstr(manual, heading));
        for (size_t test = 0; test < sizeof listed / sizeof *listed; test++)
            tests += listed[test].difference == i;
        assert_true(tests > 0);
    }
}

static unsigned long replay(const char *folder)
{
    DIR *const entries = opendir(folder);
    const struct dirent *entry;
    unsigned long replayed = 0, used[DIFFERENCES] = { 0 };
    assert_non_null(entries);
    while ((entry = readdir(entries)) != NULL) {
        char name[512], bytes[DUEL_STEPS + 2];
        size_t length;
        (void)snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        length = entry->d_name[0] != '.' ? read_file(name, bytes, sizeof bytes) : 0;
        if (length > 0 && run((const uint8_t *)bytes, length, used).difference == UNLISTED)
            fail_msg("%s: an unlisted difference", name);
        replayed += length > 0;
    }
    (void)closedir(entries);
    return replayed;
}

static void the_corpus_shows_no_other_difference(void **state)
{
    (void)state;
    assert_true(replay("corpus/differential") > 300);
    assert_true(replay("corpus/regress") > 0);
}

int main(void)
{
    enum { LISTED_COUNT = sizeof listed / sizeof *listed, FOUND_COUNT = sizeof found / sizeof *found, MORE = 5 };
    static struct CMUnitTest tests[LISTED_COUNT + FOUND_COUNT + MORE] = {
        cmocka_unit_test(data_kept_is_read_and_the_closing_goes_on),
        cmocka_unit_test(close_notify_behind_a_blocked_write_reaches_the_peer),
        cmocka_unit_test(the_end_of_the_transport_is_not_answered),
        cmocka_unit_test(every_entry_is_in_the_manual_and_has_a_test),
        cmocka_unit_test(the_corpus_shows_no_other_difference),
    };
    for (size_t i = 0; i < LISTED_COUNT + FOUND_COUNT; i++) {
        struct entry *const entry = i < LISTED_COUNT ? &listed[i] : &found[i - LISTED_COUNT];
        tests[MORE + i].name = entry->name;
        tests[MORE + i].test_func = entry_holds;
        tests[MORE + i].initial_state = entry;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
