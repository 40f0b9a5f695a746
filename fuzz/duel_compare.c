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

static const char *outcomes_differ(const struct duel_outcome *ours, const struct duel_outcome *theirs)
{
    if (ours->result != theirs->result)
        return "the result";
    if (ours->error != theirs->error)
        return "SSL_get_error";
    if (ours->flags != theirs->flags)
        return "SSL_get_shutdown";
    if (ours->pending != theirs->pending)
        return "SSL_pending";
    if (ours->digest != theirs->digest)
        return "the bytes read";
    if (ours->repeats != theirs->repeats)
        return "how often it was called";
    return ours->taken != theirs->taken ? "how much was sent" : NULL;
}

/* A ticket is its server's own, and so is its length. */
static int records_differ(const struct duel_record *ours, const struct duel_record *theirs)
{
    if (ours->type == DUEL_HANDSHAKE && ours->first == DUEL_TICKET)
        return theirs->type != DUEL_HANDSHAKE || theirs->first != DUEL_TICKET;
    return memcmp(ours, theirs, sizeof *ours) != 0;
}

static const char *streams_differ(const struct duel_log *ours, const struct duel_log *theirs, size_t records)
{
    for (size_t i = 0; i < records; i++)
        if (records_differ(&ours->record[i], &theirs->record[i]))
            return "a record";
    return NULL;
}

static const char *ends_differ(const struct duel_log *ours, const struct duel_log *theirs)
{
    if (ours->record_count != theirs->record_count)
        return "the number of records";
    if (streams_differ(ours, theirs, ours->record_count) != NULL)
        return "a record";
    if (ours->far_result != theirs->far_result || ours->far_error != theirs->far_error)
        return "the far side's last SSL_read";
    if (ours->far_flags != theirs->far_flags)
        return "the far side's SSL_get_shutdown";
    return ours->far_read != theirs->far_read || ours->far_digest != theirs->far_digest ? "what the far side read" : NULL;
}

struct duel_verdict duel_compare(const struct duel_log *ours, const struct duel_log *theirs, unsigned long used[DIFFERENCES])
{
    struct duel_pair pair = { ours, theirs, 0 };
    struct duel_verdict verdict = { NO_DIFFERENCE, 0, NULL };
    size_t records = 0;
    for (; pair.step < ours->steps && pair.step < theirs->steps; pair.step++) {
        verdict.step = pair.step;
        verdict.what = outcomes_differ(&ours->outcome[pair.step], &theirs->outcome[pair.step]);
        if (verdict.what == NULL)
            continue;
        verdict.difference = duel_listed(&pair);
        if (verdict.difference < DIFFERENCES)
            used[verdict.difference]++;
        if (duel_ends(verdict.difference))
            break;
        verdict.difference = NO_DIFFERENCE;
    }
    if (verdict.difference == UNLISTED)
        return verdict;
    (void)records;
    verdict.what = verdict.difference == NO_DIFFERENCE ? ends_differ(ours, theirs) : NULL;
    if (verdict.what != NULL) {
        verdict.difference = UNLISTED;
        verdict.step = ours->steps;
    }
    return verdict;
}
