/* SPDX-License-Identifier: MIT */
/* The listed differences, each recognised by what it is and by nothing more. */
#include "duel_compare.h"

enum { WANT_READ = 2, WANT_WRITE = 3, SYSCALL = 5, ZERO_RETURN = 6, FAILED = 1 };   /* SSL_get_error */
enum { SENT = 1, RECEIVED = 2 };

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

static int zero_wants_read(const struct duel_pair *pair)
{
    return shuts(pair) && only(pair, DIFFERS_ERROR) && says(pair->ours, 0, WANT_READ) && says(pair->theirs, 0, SYSCALL);
}

static int empty_write(const struct duel_pair *pair)
{
    return writes(pair) && pair->ours->argument == DUEL_EMPTY && !pair->past.blocked_write && only(pair, DIFFERS_ERROR) &&
           says(pair->ours, 0, 0) && says(pair->theirs, 0, SYSCALL);
}

static int empty_read(const struct duel_pair *pair)
{
    return pair->ours->call == DUEL_PEEK && pair->ours->argument == DUEL_EMPTY && says(pair->ours, 0, 0);
}

/* libssl calls the end of the transport 0, and answers it with an alert that nobody reads. */
static int cut_is_no_end(const struct duel_pair *pair)
{
    if (!pair->past.eof || pair->past.ahead)
        return 0;
    if (reads(pair))
        return only(pair, DIFFERS_RESULT | DIFFERS_TAKEN) && says(pair->ours, -1, FAILED) && says(pair->theirs, 0, FAILED);
    return shuts(pair) && only(pair, DIFFERS_TAKEN) && says(pair->ours, -1, FAILED) && says(pair->theirs, -1, FAILED);
}

static int alert_is_no_end(const struct duel_pair *pair)
{
    const int received = pair->theirs->flags == (pair->ours->flags | RECEIVED);
    if (!pair->past.alerted || !received)
        return 0;
    if (reads(pair))
        return only(pair, DIFFERS_RESULT | DIFFERS_FLAGS) && says(pair->ours, -1, FAILED) && says(pair->theirs, 0, FAILED);
    return shuts(pair) && only(pair, DIFFERS_FLAGS) && says(pair->ours, -1, FAILED);
}

static int flags_are_added(const struct duel_pair *pair)
{
    return pair->ours->call == DUEL_SET_SHUTDOWN && only(pair, DIFFERS_FLAGS) &&
           (pair->ours->flags & pair->theirs->flags) == pair->theirs->flags && pair->theirs->flags == (pair->ours->argument & 3);
}

static int close_during_update(const struct duel_pair *pair)
{
    return shuts(pair) && pair->past.updating && says(pair->theirs, -1, FAILED) && !(pair->theirs->flags & SENT) &&
           (pair->ours->flags & SENT);
}

static int close_behind_write(const struct duel_pair *pair)
{
    return shuts(pair) && pair->past.blocked_write && pair->ours->flags == pair->theirs->flags &&
           pair->ours->taken >= pair->theirs->taken && pair->theirs->result == -1;
}

static int update_behind_write(const struct duel_pair *pair)
{
    return pair->ours->call == DUEL_ASK_KEY_UPDATE && pair->past.blocked_write && says(pair->ours, 1, 0) &&
           says(pair->theirs, 0, FAILED) && only(pair, DIFFERS_RESULT | DIFFERS_ERROR);
}

static int update_again(const struct duel_pair *pair)
{
    return pair->ours->call == DUEL_ASK_KEY_UPDATE && pair->past.updating && says(pair->ours, 1, 0) &&
           says(pair->theirs, 0, FAILED) && only(pair, DIFFERS_RESULT | DIFFERS_ERROR);
}

static int reading_sends(const struct duel_pair *pair)
{
    return reads(pair) && only(pair, DIFFERS_TAKEN) && pair->ours->taken > pair->theirs->taken &&
           (pair->past.blocked_write || pair->past.closing);
}

static int partial_at_once(const struct duel_pair *pair)
{
    return writes(pair) && pair->past.blocked_write && pair->ours->result > 0 && pair->ours->result < pair->theirs->result;
}

static int last_words(const struct duel_pair *pair)
{
    return pair->past.writes_fail && (shuts(pair) || writes(pair)) &&
           only(pair, DIFFERS_PENDING | DIFFERS_FLAGS) && says(pair->ours, -1, SYSCALL) && says(pair->theirs, -1, SYSCALL);
}

static int preset_end(const struct duel_pair *pair)
{
    return reads(pair) && (pair->ours->flags & RECEIVED) && only(pair, DIFFERS_ERROR) && says(pair->ours, 0, ZERO_RETURN) &&
           says(pair->theirs, 0, SYSCALL);
}

enum duel_difference duel_listed(const struct duel_pair *pair)
{
    static int (*const recognise[DIFFERENCES])(const struct duel_pair *) = {
        [DIFFERENCE_ZERO_WANTS_READ] = zero_wants_read, [DIFFERENCE_EMPTY_WRITE] = empty_write,
        [DIFFERENCE_EMPTY_READ] = empty_read, [DIFFERENCE_CUT_IS_NO_END] = cut_is_no_end,
        [DIFFERENCE_ALERT_IS_NO_END] = alert_is_no_end, [DIFFERENCE_FLAGS_ARE_ADDED] = flags_are_added,
        [DIFFERENCE_CLOSE_DURING_UPDATE] = close_during_update, [DIFFERENCE_CLOSE_BEHIND_WRITE] = close_behind_write,
        [DIFFERENCE_UPDATE_BEHIND_WRITE] = update_behind_write, [DIFFERENCE_UPDATE_AGAIN] = update_again,
        [DIFFERENCE_READING_SENDS] = reading_sends, [DIFFERENCE_PARTIAL_AT_ONCE] = partial_at_once,
        [DIFFERENCE_LAST_WORDS] = last_words, [DIFFERENCE_PRESET_END] = preset_end,
    };
    for (unsigned i = 0; i < DIFFERENCES; i++)
        if (recognise[i](pair))
            return (enum duel_difference)i;
    return UNLISTED;
}
