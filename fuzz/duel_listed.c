/* SPDX-License-Identifier: MIT */
/* The listed differences, each recognised by what it is and by nothing more. */
#include "duel_compare.h"

enum { WANT_READ = 2, WANT_WRITE = 3, SYSCALL = 5, ZERO_RETURN = 6, FAILED = 1 };   /* SSL_get_error */
enum { SENT = 1, RECEIVED = 2 };
enum { HANDSHAKE_FAILURE = 40 };

static int says(const struct duel_outcome *outcome, int result, int error)
{
    return outcome->result == result && outcome->error == error;
}

/* Nothing differs but these. */
static int only(const struct duel_pair *pair, unsigned these) { return (pair->differs & ~these) == 0; }

static int reads(const struct duel_pair *pair) { return pair->ours->call == DUEL_READ || pair->ours->call == DUEL_PEEK; }
static int writes(const struct duel_pair *pair)
{
    return pair->ours->call == DUEL_WRITE || pair->ours->call == DUEL_WRITE_THROUGH;
}
static int shuts(const struct duel_pair *pair)
{
    return pair->ours->call == DUEL_SHUTDOWN || pair->ours->call == DUEL_SHUTDOWN_THROUGH;
}
static int sends(const struct duel_pair *pair)
{
    return writes(pair) || shuts(pair) || pair->ours->call == DUEL_CALL_HANDSHAKE;
}

/* Ours may have sent more, of what was waiting or of a key update that was asked for. */
static int ahead(const struct duel_pair *pair)
{
    const struct duel_past *const past = &pair->past;
    return pair->ours->taken > pair->theirs->taken && (past->blocked_write || past->closing || past->asked || past->updating);
}

/* As only(), with ours ahead or not. */
static int only_but_ahead(const struct duel_pair *pair, unsigned these)
{
    return only(pair, ahead(pair) ? these | DIFFERS_TAKEN : these);
}

/* ------------------------------------------------------------------------------------------------ answers and their reasons */

static int zero_wants_read(const struct duel_pair *pair)
{
    return shuts(pair) && only(pair, DIFFERS_ERROR) && says(pair->ours, 0, WANT_READ) && says(pair->theirs, 0, SYSCALL);
}

/* libssl has no reason for its 0, so that SSL_get_error() speaks of what came before. */
static int empty_write(const struct duel_pair *pair)
{
    return writes(pair) && pair->ours->argument == DUEL_EMPTY && !pair->past.blocked_write && only(pair, DIFFERS_ERROR) &&
           says(pair->ours, 0, 0) && pair->theirs->result == 0;
}

static int empty_read(const struct duel_pair *pair)
{
    return pair->ours->call == DUEL_PEEK && pair->ours->argument == DUEL_EMPTY && says(pair->ours, 0, 0);
}

/* The same: libssl's reason is an older one. */
static int end_stays_end(const struct duel_pair *pair)
{
    return reads(pair) && pair->ours->flags & RECEIVED && only_but_ahead(pair, DIFFERS_ERROR) && says(pair->ours, 0, ZERO_RETURN) &&
           pair->theirs->result == 0;
}

static int failure_is_syscall(const struct duel_pair *pair)
{
    return sends(pair) && pair->past.writes_fail && only(pair, DIFFERS_ERROR) && says(pair->ours, -1, SYSCALL) &&
           pair->theirs->result == -1;
}

static int failure_is_ssl(const struct duel_pair *pair)
{
    return pair->past.failed && only(pair, DIFFERS_ERROR) && says(pair->ours, -1, FAILED) && pair->theirs->result == -1;
}

static int handshake_stays_done(const struct duel_pair *pair)
{
    return pair->ours->call == DUEL_CALL_HANDSHAKE && (pair->past.failed || pair->past.asked) &&
           only(pair, DIFFERS_RESULT | DIFFERS_ERROR) &&
           says(pair->ours, 1, 0) && pair->theirs->result == -1;
}

/* ------------------------------------------------------------------------------------------------ ends */

/* libssl calls the end of the transport 0, and answers it with an alert that nobody reads. */
static int cut_is_no_end(const struct duel_pair *pair)
{
    const int broken = pair->past.writes_fail && says(pair->ours, -1, SYSCALL);   /* that came first */
    if (!pair->past.eof || !(says(pair->ours, -1, FAILED) || broken))
        return 0;
    if (reads(pair))
        return only(pair, DIFFERS_RESULT | DIFFERS_TAKEN | (broken ? DIFFERS_ERROR : 0)) && says(pair->theirs, 0, FAILED);
    return shuts(pair) && only(pair, DIFFERS_TAKEN) && says(pair->theirs, -1, FAILED);
}

/* T4: its connection is over when the transport has ended for reading; ours still writes. */
static int cut_is_half(const struct duel_pair *pair)
{
    return writes(pair) && pair->past.eof && pair->past.failed && pair->theirs->result == -1 && pair->theirs->error == SYSCALL &&
           (pair->ours->result > 0 || says(pair->ours, -1, WANT_WRITE));
}

static int alert_is_no_end(const struct duel_pair *pair)
{
    const unsigned differing = DIFFERS_RESULT | DIFFERS_ERROR | DIFFERS_FLAGS | (pair->past.asked ? DIFFERS_TAKEN : 0u);
    const int received = pair->theirs->flags == (pair->ours->flags | RECEIVED);
    if (!pair->past.alerted || !received || !says(pair->ours, -1, FAILED) || !only_but_ahead(pair, differing))
        return 0;
    if (reads(pair))
        return says(pair->theirs, 0, FAILED);
    return shuts(pair) && (says(pair->theirs, -1, FAILED) || says(pair->theirs, 1, 0));
}

static int level_is_checked(const struct duel_pair *pair)
{
    const int refused = says(pair->ours, -1, FAILED) || says(pair->ours, -1, WANT_WRITE);
    if (!pair->past.bad_level || !refused || pair->theirs->flags != (pair->ours->flags | RECEIVED))
        return 0;
    return reads(pair) ? pair->theirs->result == 0 : shuts(pair) && says(pair->theirs, 1, 0);
}

/* C5; libssl takes the level for what is said. */
static int fatal_close(const struct duel_pair *pair)
{
    const int closed = says(pair->ours, 0, ZERO_RETURN) || (shuts(pair) && (says(pair->ours, 1, 0) || says(pair->ours, -1, WANT_WRITE)));
    return pair->past.older && pair->past.fatal_close && (reads(pair) || shuts(pair)) && closed &&
           pair->theirs->flags & RECEIVED && pair->theirs->error == FAILED;
}

/* E8. libssl says handshake_failure, and is done. */
static int no_renegotiation(const struct duel_pair *pair)
{
    return pair->past.older && pair->past.refusal && (reads(pair) || shuts(pair)) && says(pair->theirs, -1, FAILED);
}

/* B4, B6. libssl passes it over, or says nothing useful. */
static int passed_over(const struct duel_pair *pair)
{
    return pair->past.older && pair->past.stray && (pair->past.closing || pair->past.told & SENT) &&
           (reads(pair) || shuts(pair)) && (says(pair->ours, -1, FAILED) || says(pair->ours, -1, WANT_WRITE)) &&
           !says(pair->theirs, -1, FAILED);
}

static int alert_in_any_case(const struct duel_pair *pair)
{
    return (reads(pair) || shuts(pair)) && pair->past.told & SENT && pair->past.forged &&
           only(pair, DIFFERS_TAKEN | DIFFERS_ERROR | DIFFERS_REPEATS) && pair->ours->taken > pair->theirs->taken &&
           (says(pair->ours, -1, FAILED) || says(pair->ours, -1, WANT_WRITE)) && says(pair->theirs, -1, FAILED);
}

static int data_is_kept(const struct duel_pair *pair)
{
    const unsigned differing = DIFFERS_PENDING | (pair->past.asked ? DIFFERS_TAKEN | DIFFERS_REPEATS : 0u);
    return shuts(pair) && (pair->past.closing || pair->past.told & SENT) && only_but_ahead(pair, differing) &&
           says(pair->ours, -1, FAILED) && says(pair->theirs, -1, FAILED) && pair->ours->pending > 0 &&
           pair->theirs->pending == 0;
}

static int empty_is_no_data(const struct duel_pair *pair)
{
    return shuts(pair) && pair->past.empty && (pair->past.closing || pair->past.told & SENT) && says(pair->theirs, -1, FAILED);
}

static int refused_at_once(const struct duel_pair *pair)
{
    const int waits = says(pair->theirs, -1, WANT_READ) || (pair->past.eof && says(pair->theirs, 0, FAILED)) ||
                      (pair->past.reset && says(pair->theirs, -1, SYSCALL));
    return (reads(pair) || shuts(pair)) && pair->past.garbage && waits &&
           only(pair, DIFFERS_RESULT | DIFFERS_ERROR | DIFFERS_TAKEN) &&
           (says(pair->ours, -1, FAILED) || says(pair->ours, -1, WANT_WRITE));
}

static int alert_comes_first(const struct duel_pair *pair)
{
    return (reads(pair) || shuts(pair)) && pair->past.forged && only_but_ahead(pair, DIFFERS_ERROR) &&
           says(pair->ours, -1, WANT_WRITE) && says(pair->theirs, -1, FAILED);
}

static int last_words(const struct duel_pair *pair)
{
    const unsigned heard = DIFFERS_PENDING | DIFFERS_FLAGS | DIFFERS_ERROR;
    const int refused = pair->past.forged && says(pair->ours, -1, FAILED);
    return pair->past.writes_fail && sends(pair) && only(pair, heard) && pair->theirs->result == -1 &&
           (refused || (says(pair->ours, -1, SYSCALL) && pair->differs & (DIFFERS_PENDING | DIFFERS_FLAGS)));
}

static int nothing_will_come(const struct duel_pair *pair)
{
    return shuts(pair) && pair->past.reset && only(pair, DIFFERS_RESULT) && says(pair->ours, -1, SYSCALL) &&
           says(pair->theirs, 0, SYSCALL);
}

/* ------------------------------------------------------------------------------------------------ flags */

static int flags_are_added(const struct duel_pair *pair)
{
    const int taken_back = pair->ours->flags & ~pair->theirs->flags, set = pair->ours->argument & 3;
    return pair->ours->call == DUEL_SET_SHUTDOWN && only(pair, DIFFERS_FLAGS) && taken_back != 0 && (taken_back & set) == 0 &&
           (pair->theirs->flags & ~set) == 0 && (pair->theirs->flags & ~pair->ours->flags) == 0;
}

static int sent_means_tried(const struct duel_pair *pair)
{
    return shuts(pair) && pair->past.failed && only(pair, DIFFERS_FLAGS | DIFFERS_ERROR) && says(pair->theirs, -1, FAILED) &&
           (says(pair->ours, -1, FAILED) || says(pair->ours, -1, SYSCALL)) && pair->ours->flags == (pair->theirs->flags | SENT);
}

static int quiet_is_undone(const struct duel_pair *pair)
{
    return shuts(pair) && pair->past.quiet && pair->past.closing && pair->ours->flags == (SENT | RECEIVED) &&
           says(pair->theirs, 1, 0);
}

static int quiet_is_no_end(const struct duel_pair *pair)
{
    const int said = pair->past.told & RECEIVED;
    return reads(pair) && pair->past.quiet && pair->past.closing && !said && pair->theirs->result == 0 &&
           pair->ours->flags == (SENT | RECEIVED) && pair->ours->result != 0;
}

static int unread_comes_first(const struct duel_pair *pair)
{
    return reads(pair) && pair->past.told & RECEIVED && pair->ours->result > 0 && pair->theirs->result == 0;
}

static int preset_after_failure(const struct duel_pair *pair)
{
    const int failed = pair->past.failed || pair->past.writes_fail;
    return shuts(pair) && failed && (pair->past.told || pair->past.quiet) &&
           !(pair->differs & (DIFFERS_DIGEST | DIFFERS_TAKEN)) &&
           (says(pair->ours, 1, 0) || says(pair->ours, 0, WANT_READ)) && pair->theirs->result == -1;
}

/* ------------------------------------------------------------------------------------------------ what waits to be sent */

static int close_during_update(const struct duel_pair *pair)
{
    return shuts(pair) && (pair->past.updating || (pair->past.asked && !(pair->theirs->flags & SENT))) &&
           says(pair->theirs, -1, FAILED);
}

/* libssl sends it before it reads, and the answer to one that was asked for before it reads the next. */
static int read_during_update(const struct duel_pair *pair)
{
    const int error = pair->theirs->error;
    const int updates = pair->past.updating || pair->past.asked;
    if (writes(pair))   /* after such a read: ours has met what was forged */
        return updates && pair->past.forged && says(pair->ours, -1, FAILED) &&
               (says(pair->theirs, -1, WANT_WRITE) || pair->theirs->result > 0);
    if (!reads(pair) || !updates || pair->theirs->result != -1)
        return 0;
    return error == WANT_WRITE || (error == SYSCALL && pair->past.writes_fail) ||
           (error == FAILED && pair->past.asked &&
            (pair->past.closing || pair->past.blocked_write || pair->past.writes_fail));
}

static int close_behind_write(const struct duel_pair *pair)
{
    return shuts(pair) && pair->past.blocked_write && (pair->ours->flags & pair->theirs->flags) == pair->theirs->flags &&
           pair->ours->taken >= pair->theirs->taken && pair->theirs->result == -1;
}

static int update_is_taken(const struct duel_pair *pair)
{
    return pair->ours->call == DUEL_ASK_KEY_UPDATE && says(pair->ours, 1, 0) && says(pair->theirs, 0, FAILED) &&
           only(pair, DIFFERS_RESULT | DIFFERS_ERROR);
}

static int update_behind_write(const struct duel_pair *pair) { return pair->past.blocked_write && update_is_taken(pair); }
static int update_again(const struct duel_pair *pair) { return pair->past.updating && update_is_taken(pair); }

static int update_after_close(const struct duel_pair *pair)
{
    const int closed = pair->ours->flags & SENT || (pair->past.asked && pair->past.writes_fail);   /* an answer of ours failed */
    return pair->ours->call == DUEL_ASK_KEY_UPDATE && closed && says(pair->ours, 0, FAILED) &&
           says(pair->theirs, 1, 0) && only(pair, DIFFERS_RESULT | DIFFERS_ERROR);
}

static int reading_sends(const struct duel_pair *pair)
{
    const int waits = shuts(pair) && pair->past.told & SENT;   /* it only reads */
    if (writes(pair))   /* behind an answer that libssl has not sent */
        return pair->past.asked && ahead(pair) && only(pair, DIFFERS_TAKEN | DIFFERS_REPEATS);
    return (reads(pair) || waits) && ahead(pair) && only(pair, DIFFERS_TAKEN);
}

static int done_earlier(const struct duel_pair *pair)
{
    const int done = pair->ours->result >= 0 || says(pair->ours, -1, WANT_READ) ||
                     (pair->past.reset && says(pair->ours, -1, SYSCALL));
    const int not_yet = says(pair->theirs, -1, WANT_WRITE) || (pair->past.writes_fail && pair->theirs->result == -1);
    return sends(pair) && pair->past.ahead && done && not_yet;
}

static int update_with_read(const struct duel_pair *pair)
{
    return reads(pair) && pair->past.updating && only(pair, DIFFERS_TAKEN) && pair->theirs->taken > pair->ours->taken;
}

/* libssl sends the answer behind the alert, or fails because it cannot. */
static int nothing_after_close(const struct duel_pair *pair)
{
    const struct duel_past *const past = &pair->past;
    const int closed = past->asked && (past->closing || past->told & SENT);
    if (!closed || !(reads(pair) || shuts(pair)))
        return 0;
    if (pair->theirs->taken > pair->ours->taken)
        return 1;
    return says(pair->theirs, -1, WANT_WRITE) || (past->writes_fail && says(pair->theirs, -1, SYSCALL)) ||
           (says(pair->theirs, -1, FAILED) && !(pair->differs & (DIFFERS_PENDING | DIFFERS_DIGEST)));
}

static int handshake_flushes(const struct duel_pair *pair)
{
    const struct duel_past *const past = &pair->past;
    const int sent = says(pair->ours, 1, 0) && pair->ours->taken > pair->theirs->taken;
    return pair->ours->call == DUEL_CALL_HANDSHAKE && (past->blocked_write || past->writes_fail) && past->updated &&
           (sent || says(pair->ours, -1, WANT_WRITE) || (past->writes_fail && pair->ours->result == -1)) &&
           says(pair->theirs, 1, 0);
}

static int partial_at_once(const struct duel_pair *pair)
{
    const int next = pair->past.blocked_write && says(pair->theirs, -1, WANT_WRITE) && pair->theirs->taken > pair->ours->taken;
    return writes(pair) && pair->past.partial_write && pair->ours->result == 16384 && (pair->theirs->result > 16384 || next);
}

/* RFC 9846 §5.1: records of an unknown type are unexpected_message; §6: a broken alert is decode_error. libssl says
 * protocol_version of garbage, and unexpected_message; and in TLS 1.2, of a ChangeCipherSpec that no key made, bad_record_mac (3.0.22) or
 * internal_error (3.0.19). E8: of a no_renegotiation that ours passes over, handshake_failure, where ours says what is wrong behind it. */
enum duel_difference duel_record_listed(const struct duel_record *ours, const struct duel_record *theirs, const struct duel_past *past)
{
    static const uint8_t numbers[][2] = { { 10, 70 }, { 50, 10 }, { 10, 20 }, { 10, 80 } };
    const int alerts = ours->type == DUEL_ALERT && theirs->type == DUEL_ALERT && ours->first == 2 && theirs->first == 2;
    for (size_t i = 0; alerts && i < sizeof numbers / sizeof *numbers; i++)
        if (ours->second == numbers[i][0] && theirs->second == numbers[i][1])
            return DIFFERENCE_ALERT_NUMBER;
    if (alerts && past->older && past->refusal && theirs->second == HANDSHAKE_FAILURE)
        return DIFFERENCE_NO_RENEGOTIATION;
    if (ours->type == DUEL_HANDSHAKE && ours->first == DUEL_KEY_UPDATE && theirs->type == DUEL_HANDSHAKE &&
        theirs->first == DUEL_KEY_UPDATE && ours->last == 0 && theirs->last == 1)
        return DIFFERENCE_ASKED_ONCE;
    return UNLISTED;
}

enum duel_difference duel_listed(const struct duel_pair *pair)
{
    static int (*const recognise[DIFFERENCES])(const struct duel_pair *) = {
        [DIFFERENCE_ZERO_WANTS_READ] = zero_wants_read, [DIFFERENCE_EMPTY_WRITE] = empty_write,
        [DIFFERENCE_FATAL_CLOSE] = fatal_close, [DIFFERENCE_NO_RENEGOTIATION] = no_renegotiation,
        [DIFFERENCE_PASSED_OVER] = passed_over,
        [DIFFERENCE_EMPTY_READ] = empty_read, [DIFFERENCE_CUT_IS_NO_END] = cut_is_no_end,
        [DIFFERENCE_ALERT_IS_NO_END] = alert_is_no_end, [DIFFERENCE_DATA_IS_KEPT] = data_is_kept,
        [DIFFERENCE_ALERT_COMES_FIRST] = alert_comes_first, [DIFFERENCE_FLAGS_ARE_ADDED] = flags_are_added,
        [DIFFERENCE_SENT_MEANS_TRIED] = sent_means_tried, [DIFFERENCE_CLOSE_DURING_UPDATE] = close_during_update,
        [DIFFERENCE_READ_DURING_UPDATE] = read_during_update, [DIFFERENCE_CLOSE_BEHIND_WRITE] = close_behind_write,
        [DIFFERENCE_UPDATE_BEHIND_WRITE] = update_behind_write, [DIFFERENCE_UPDATE_AGAIN] = update_again,
        [DIFFERENCE_UPDATE_AFTER_CLOSE] = update_after_close, [DIFFERENCE_READING_SENDS] = reading_sends,
        [DIFFERENCE_PARTIAL_AT_ONCE] = partial_at_once, [DIFFERENCE_LAST_WORDS] = last_words,
        [DIFFERENCE_NOTHING_WILL_COME] = nothing_will_come, [DIFFERENCE_END_STAYS_END] = end_stays_end,
        [DIFFERENCE_FAILURE_IS_SYSCALL] = failure_is_syscall, [DIFFERENCE_FAILURE_IS_SSL] = failure_is_ssl,
        [DIFFERENCE_HANDSHAKE_STAYS_DONE] = handshake_stays_done, [DIFFERENCE_LEVEL_IS_CHECKED] = level_is_checked,
        [DIFFERENCE_ALERT_IN_ANY_CASE] = alert_in_any_case, [DIFFERENCE_QUIET_IS_UNDONE] = quiet_is_undone,
        [DIFFERENCE_QUIET_IS_NO_END] = quiet_is_no_end,
        [DIFFERENCE_UNREAD_COMES_FIRST] = unread_comes_first, [DIFFERENCE_PRESET_AFTER_FAILURE] = preset_after_failure,
        [DIFFERENCE_UPDATE_WITH_READ] = update_with_read, [DIFFERENCE_EMPTY_IS_NO_DATA] = empty_is_no_data,
        [DIFFERENCE_NOTHING_AFTER_CLOSE] = nothing_after_close, [DIFFERENCE_HANDSHAKE_FLUSHES] = handshake_flushes,
        [DIFFERENCE_REFUSED_AT_ONCE] = refused_at_once, [DIFFERENCE_DONE_EARLIER] = done_earlier,
        [DIFFERENCE_CUT_IS_HALF] = cut_is_half,
    };
    for (unsigned i = 0; i < DIFFERENCES; i++)
        if (recognise[i] != NULL && recognise[i](pair))
            return (enum duel_difference)i;
    return UNLISTED;
}
