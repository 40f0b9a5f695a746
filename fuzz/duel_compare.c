/* SPDX-License-Identifier: MIT */
#include "duel_compare.h"

#include <string.h>

int duel_ends(enum duel_difference difference)
{
    static const uint8_t ends[DIFFERENCES] = {
#define DIFFERENCE(name, stops, text) stops,
#include "duel_difference.def"
#undef DIFFERENCE
    };
    return difference < DIFFERENCES ? ends[difference] : 1;
}

const char *duel_difference_name(enum duel_difference difference)
{
    static const char *const names[DIFFERENCES] = {
#define DIFFERENCE(name, ends, text) #name ": " text,
#include "duel_difference.def"
#undef DIFFERENCE
    };
    return difference < DIFFERENCES ? names[difference] : difference == UNLISTED ? "unlisted" : "none";
}

/* ------------------------------------------------------------------------------------------------ one step */

static unsigned outcomes_differ(const struct duel_outcome *ours, const struct duel_outcome *theirs)
{
    return (ours->result != theirs->result ? DIFFERS_RESULT : 0u) | (ours->error != theirs->error ? DIFFERS_ERROR : 0u) |
           (ours->flags != theirs->flags ? DIFFERS_FLAGS : 0u) | (ours->pending != theirs->pending ? DIFFERS_PENDING : 0u) |
           (ours->digest != theirs->digest ? DIFFERS_DIGEST : 0u) |
           (ours->repeats != theirs->repeats ? DIFFERS_REPEATS : 0u) | (ours->taken != theirs->taken ? DIFFERS_TAKEN : 0u);
}

static const char *what_differs(unsigned differs)
{
    static const char *const names[] = { "the result", "SSL_get_error", "SSL_get_shutdown", "SSL_pending", "the bytes read",
                                         "how often it was called", "how much was sent" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (differs >> i & 1)
            return names[i];
    return NULL;
}

/* What the next steps need to know of this one. libssl's outcome stands for both. */
static void remember(struct duel_past *past, const struct duel_outcome *outcome)
{
    past->failed |= outcome->result <= 0 && outcome->error == 1;
    switch ((enum duel_call)outcome->call) {
    case DUEL_WRITE: case DUEL_WRITE_THROUGH:
        past->blocked_write = outcome->error == 3 || (past->blocked_write && outcome->result <= 0);
        past->updating &= outcome->result <= 0;
        break;
    case DUEL_READ: case DUEL_PEEK:
        past->updating &= outcome->result == 0 || outcome->error == 3 || outcome->error == 5;
        break;
    case DUEL_SHUTDOWN: case DUEL_SHUTDOWN_THROUGH: past->closing = 1; break;
    case DUEL_SET_SHUTDOWN: past->told |= outcome->flags & ~past->flags; break;
    case DUEL_SET_QUIET: past->quiet |= outcome->argument & 1; break;
    case DUEL_ASK_KEY_UPDATE:
        past->updating |= outcome->result == 1;
        past->updated |= outcome->result == 1;
        break;
    case DUEL_CALL_HANDSHAKE: past->updating &= outcome->result <= 0; break;
    case DUEL_FAR_KEY_UPDATE: past->asked |= outcome->argument & 1; break;
    case DUEL_FORGE_ALERT:
        past->bad_level |= outcome->argument == 7;
        past->fatal_close |= outcome->argument == 2;
        past->refusal |= outcome->argument == 5;
        past->alerted = past->forged = 1;
        break;
    case DUEL_FORGE_RECORD:
        past->empty |= outcome->argument == 1;
        past->stray |= outcome->argument == 5 || outcome->argument == 7;
        past->garbage |= (outcome->argument >= 2 && outcome->argument <= 4) || (past->older && outcome->argument == 7);
        past->forged = 1;
        break;
    case DUEL_EOF: case DUEL_CUT: past->eof |= !past->reset; break;
    case DUEL_RESET_READ: past->reset |= !past->eof; break;
    case DUEL_RESET_WRITE: past->writes_fail = 1; break;
    case DUEL_CLEAR: case DUEL_FAR_WRITE: case DUEL_FAR_SHUTDOWN: case DUEL_FAR_READ: case DUEL_DELIVER:
    case DUEL_DELIVER_ALL: case DUEL_TAKE: case DUEL_TAKE_ALL: case DUEL_FAR_SEND: case DUEL_FAR_CLOSE: case DUEL_CALLS:
        break;
    }
}

/* Once ours was ahead, all that can be said of what was sent is that libssl is not: how much its BIO takes depends on when. */
static void look(struct duel_pair *pair)
{
    pair->differs = outcomes_differ(pair->ours, pair->theirs);
    if (!pair->past.ahead)
        return;
    pair->differs &= ~(unsigned)DIFFERS_REPEATS;
    if (pair->ours->taken > pair->theirs->taken)
        pair->differs &= ~(unsigned)DIFFERS_TAKEN;
    if (pair->ours->call == DUEL_FAR_READ)
        pair->differs &= ~(unsigned)(DIFFERS_DIGEST | DIFFERS_RESULT);
}

/* ------------------------------------------------------------------------------------------------ the wire */

/* A ticket is its server's own, and so is its length. */
static int records_differ(const struct duel_record *ours, const struct duel_record *theirs)
{
    if (ours->type == DUEL_HANDSHAKE && ours->first == DUEL_TICKET)
        return theirs->type != DUEL_HANDSHAKE || theirs->first != DUEL_TICKET;
    return memcmp(ours, theirs, sizeof *ours) != 0;
}

/* The answer to a key update: ours goes with the next call, libssl's with the next write (READING_SENDS); and it may be one
 * with an update of our own. */
static size_t pass_answers(const struct duel_log *log, size_t at, size_t end, const struct duel_past *past)
{
    while (past->asked && at < end && log->record[at].type == DUEL_HANDSHAKE && log->record[at].first == DUEL_KEY_UPDATE &&
           (past->updated || log->record[at].last == 0))
        at++;
    return at;
}

/* With `whole` neither may have more than the other. */
static const char *streams_differ(const struct duel_log *ours, size_t our_end, const struct duel_log *theirs, size_t their_end,
                                  const struct duel_past *past, int whole, unsigned long used[DIFFERENCES])
{
    size_t our_at = 0, their_at = 0;
    for (;;) {
        our_at = pass_answers(ours, our_at, our_end, past);
        their_at = pass_answers(theirs, their_at, their_end, past);
        if (our_at == our_end || their_at == their_end)
            return whole && (our_at != our_end || their_at != their_end) ? "the number of records" : NULL;
        if (records_differ(&ours->record[our_at], &theirs->record[their_at])) {
            const enum duel_difference listed = duel_record_listed(&ours->record[our_at], &theirs->record[their_at], past);
            if (listed == UNLISTED)
                return "a record";
            used[listed]++;
            return NULL;
        }
        our_at++;
        their_at++;
    }
}

static const char *far_sides_differ(const struct duel_log *ours, const struct duel_log *theirs)
{
    if (ours->far_result != theirs->far_result || ours->far_error != theirs->far_error)
        return "the far side's last SSL_read";
    if (ours->far_flags != theirs->far_flags)
        return "the far side's SSL_get_shutdown";
    return ours->far_read != theirs->far_read || ours->far_digest != theirs->far_digest ? "what the far side read" : NULL;
}

/* The records that both had sent before the steps part; all of them, and what came of them, if they never do. */
static const char *wires_differ(const struct duel_log *ours, const struct duel_log *theirs, const struct duel_verdict *verdict,
                                const struct duel_past *past, unsigned long used[DIFFERENCES])
{
    const int ahead = past->ahead && ours->taken != theirs->taken;
    const char *what;
    if (verdict->difference == NO_DIFFERENCE && !ahead) {
        what = streams_differ(ours, ours->record_count, theirs, theirs->record_count, past, 1, used);
        return what != NULL ? what : far_sides_differ(ours, theirs);
    }
    if (verdict->step == 0)
        return NULL;
    return streams_differ(ours, ours->outcome[verdict->step - 1].records, theirs, theirs->outcome[verdict->step - 1].records,
                          past, 0, used);
}

/* ------------------------------------------------------------------------------------------------ all */

struct duel_verdict duel_compare(const struct duel_log *ours, const struct duel_log *theirs, unsigned long used[DIFFERENCES])
{
    struct duel_pair pair = { 0 };
    struct duel_verdict verdict = { NO_DIFFERENCE, 0, NULL };
    size_t step = 0;
    pair.past.partial_write = ours->scene.partial_write;
    pair.past.older = ours->scene.older;
    for (; verdict.difference == NO_DIFFERENCE && step < ours->steps && step < theirs->steps; step++) {
        pair.ours = &ours->outcome[step];
        pair.theirs = &theirs->outcome[step];
        look(&pair);
        if (pair.differs != 0) {
            const enum duel_difference listed = duel_listed(&pair);
            if (listed < DIFFERENCES)
                used[listed]++;
            verdict.difference = duel_ends(listed) ? listed : NO_DIFFERENCE;
            pair.past.ahead |= !duel_ends(listed) && pair.ours->taken > pair.theirs->taken;
        }
        verdict.step = verdict.difference == NO_DIFFERENCE ? step + 1 : step;
        remember(&pair.past, pair.theirs);
        pair.past.flags = pair.theirs->flags;
    }
    verdict.what = verdict.difference == UNLISTED ? what_differs(pair.differs)
                                                  : wires_differ(ours, theirs, &verdict, &pair.past, used);
    if (verdict.what != NULL)
        verdict.difference = UNLISTED;
    return verdict;
}
