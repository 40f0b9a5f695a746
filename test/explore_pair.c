/* SPDX-License-Identifier: MIT */
/* Which runs of two machines end clean, and that none does falsely: breadth-first over both states and all that is on its way. */
#include "explore_pair.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore_store.h"

/* ------------------------------------------------------------------------------------------------ the pairings */

static const uint8_t certificate[] = "a certificate, almost";
static const struct tlsm_bytes chain[] = { { certificate, sizeof certificate } };
static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_credential credential = { chain, 1, schemes, 1, NULL, 0, { NULL, 0 } };

#define CLIENT .role = TLSM_CLIENT
#define SERVER .role = TLSM_SERVER, .credentials = &credential, .credential_count = 1
#define OLDER .version_min = TLSM_1_2, .version_max = TLSM_1_2
#define HALF .close12 = TLSM_CLOSE12_HALF

static const struct pairing pairings[] = {
    { "TLS 1.3", { { CLIENT }, { SERVER } }, 0 },
    { "TLS 1.2, both reply", { { CLIENT, OLDER }, { SERVER, OLDER } }, 0 },
    { "TLS 1.2, both half-close", { { CLIENT, OLDER, HALF }, { SERVER, OLDER, HALF } }, 0 },
    { "TLS 1.2, the server half-closes", { { CLIENT, OLDER }, { SERVER, OLDER, HALF } }, 0 },
    { "TLS 1.2, the client half-closes", { { CLIENT, OLDER, HALF }, { SERVER, OLDER } }, 0 },
    { "TLS 1.3, in the handshake", { { CLIENT }, { SERVER } }, 1 },
    { "TLS 1.2, in the handshake", { { CLIENT, OLDER }, { SERVER, OLDER } }, 1 },
};

/* ------------------------------------------------------------------------------------------------ the rules */

static uint8_t how_of(const struct pair *pair, unsigned end)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(&pair->end[end].at.state, &verdict);
    return verdict.how;
}

static int is_over(const struct pair *pair)
{
    return tlsm_is_final(&pair->end[0].at.state) && tlsm_is_final(&pair->end[1].at.state);
}

static const char *check_end(const struct pair *pair, unsigned end)
{
    const struct seen *seen = &pair->seen;
    const struct tlsm_state *state = &pair->end[end].at.state;
    const unsigned other = 1 - end;
    const uint8_t how = how_of(pair, end);
    const int clean = how == TLSM_CLEAN_BOTH_VERDICT || how == TLSM_CLEAN_RECEIVED_VERDICT;
    if (tlsm_invariant(state) != 0)
        return "a state that is none";
    if (clean && (!seen->ended[end] || !seen->closed[other]))
        return "clean, and the other end did not close";
    if (clean && (seen->wrote[other] != seen->wrote_then[other] || seen->got[end] != seen->wrote[other]))
        return "clean, and what came is not all that was written";
    if (how == TLSM_CLEAN_BOTH_VERDICT && (!seen->closed[end] || tlsm_outstanding(state) != 0 || !tlsm_is_final(state)))
        return "clean on both sides, and ours did not leave";
    if (how == TLSM_CLOSED_INCOMPLETE_VERDICT && !seen->closed[end])
        return "closed, and no close_notify was made";
    if (state->control.rx == TLSM_RX_CLOSED && !seen->ended[end])
        return "the receiving half is closed, and nobody was told";
    return NULL;
}

static int is_complete(const struct pair *pair, unsigned end)
{
    return (pair->end[end].at.state.control.facts & TLSM_FACT_COMPLETE) != 0;
}

const char *pair_check(const struct pair *pair)
{
    const char *broken = check_end(pair, 0);
    if (broken == NULL)
        broken = check_end(pair, 1);
    if (broken == NULL && is_over(pair) && !pair->seen.hostile && is_complete(pair, 0) && is_complete(pair, 1) &&
        (how_of(pair, 0) != TLSM_CLEAN_BOTH_VERDICT || how_of(pair, 1) != TLSM_CLEAN_BOTH_VERDICT))
        return "an orderly course that does not end clean on both sides";
    return broken;
}

/* ------------------------------------------------------------------------------------------------ values */

enum { VALUE = sizeof(struct seen) + PAIR_ENDS * (sizeof(struct way) + SCENE_BLOCK) };

static size_t pack(const struct pair *pair, uint8_t *to)
{
    size_t at = sizeof pair->seen;
    memcpy(to, &pair->seen, at);
    for (unsigned end = 0; end < PAIR_ENDS; end++) {
        const size_t way = offsetof(struct way, wire) + pair->way[end].length, state = pair->end[end].at.state.length;
        memcpy(to + at, &pair->way[end], way);
        memcpy(to + at + way, pair->end[end].at.block, state);
        at += way + state;
    }
    return at;
}

static void unpack(struct pair *pair, const uint8_t *from)
{
    uint32_t length;
    memcpy(&pair->seen, from, sizeof pair->seen);
    from += sizeof pair->seen;
    for (unsigned end = 0; end < PAIR_ENDS; end++) {
        memcpy(&pair->way[end], from, offsetof(struct way, wire));
        memcpy(pair->way[end].wire, from + offsetof(struct way, wire), pair->way[end].length);
        from += offsetof(struct way, wire) + pair->way[end].length;
        memcpy(&length, from, sizeof length);   /* a state begins with it */
        memcpy(pair->end[end].at.block, from, length);
        from += length;
    }
}

/* Of an end that is over only its verdict matters, for it absorbs (I4); of any other not what only its report will say. */
static void fold_end(struct hash *hash, const struct pair *pair, unsigned end)
{
    static struct node node;
    if (tlsm_is_final(&pair->end[end].at.state)) {
        fold(hash, how_of(pair, end));
        return;
    }
    node_copy(&node, &pair->end[end]);
    node.at.state.control.first_mover = 0;
    node.at.state.ledger.eof_have = node.at.state.ledger.eof_need = 0;
    fold_bytes(hash, bytes_ordered(&node), node.at.state.length);
}

static struct hash hash_pair(const struct pair *pair)
{
    struct hash hash = { 0x70616972, 0x6368616e6e656c };
    fold_bytes(&hash, (const uint8_t *)&pair->seen, sizeof pair->seen);
    for (unsigned end = 0; end < PAIR_ENDS; end++) {
        const struct way *way = &pair->way[end];
        fold(&hash, (uint64_t)way->length << 48 | (uint64_t)way->taken << 32 | (uint64_t)way->given << 16 | way->over);
        fold_bytes(&hash, way->wire, way->length);
        fold_end(&hash, pair, end);
    }
    return hash;
}

/* ------------------------------------------------------------------------------------------------ the walk */

struct search {
    const struct pairing *pairing;
    struct store *store;
    uint64_t acts;
    unsigned faults, broken;
    uint64_t ends[TLSM_HOW_COUNT][TLSM_HOW_COUNT];   /* client's verdict, server's: transitions to where both are over */
    struct hash digest;
};

static void complain(struct search *search, uint32_t index, struct pair_do what, const char *broken)
{
    uint32_t by[256];
    const size_t length = store_path(search->store, index, by, 256);
    if (search->broken++ >= 20)
        return;
    printf("BROKEN: %s\n  \"%s\":", broken, search->pairing->name);
    for (size_t i = 0; i < length && i < 256; i++)
        printf(" [%s %s %u]", by[i] >> 8 & 1 ? "the server" : "the client", pair_act_text(by[i] & 255), by[i] >> 16);
    printf(" [%s %s %u]\n", what.end ? "the server" : "the client", pair_act_text(what.act), what.bytes);
}

/* A handshake's walk ends where the other begins. */
static int walk_further(const struct search *search, const struct pair *pair)
{
    return !is_over(pair) && !(search->pairing->handshake && tlsm_connected(&pair->end[0].at.state) &&
                               tlsm_connected(&pair->end[1].at.state));
}

static int has_updated(const struct pair *pair, unsigned end)
{
    const struct tlsm_state *state = &pair->end[end].at.state;
    return state->ledger.write_updates != 0 || state->control.owes != 0;
}

/* What does not look at each other comes in one order: while an end holds a piece of a record, nothing happens at the other. One key
 * update, where nothing is written; inside a handshake neither data nor updates. */
static int is_bound(const struct search *search, const struct pair *pair, struct pair_do what)
{
    const int updated = has_updated(pair, 0) || has_updated(pair, 1), wrote = pair->seen.wrote[0] + pair->seen.wrote[1] != 0;
    if (pair->way[what.end].given != 0)
        return 0;
    if (what.act >= PAIR_ABORT && pair->seen.hostile >= search->faults)
        return 0;
    if (what.act == PAIR_WRITE)
        return !search->pairing->handshake && !updated;
    if (what.act == PAIR_UPDATE)
        return !search->pairing->handshake && !updated && !wrote;
    return 1;
}

static int keep(struct search *search, uint32_t index, const struct pair *pair, struct pair_do what)
{
    static uint8_t value[VALUE];
    const struct hash hash = hash_pair(pair);
    const int further = walk_further(search, pair);
    const uint32_t by = (uint32_t)what.bytes << 16 | (uint32_t)what.end << 8 | what.act;
    int added;
    fold(&search->digest, hash.a);
    fold(&search->digest, by);
    added = store_add(search->store, hash, index, by, value, further ? pack(pair, value) : 0);
    if (is_over(pair)) {
        search->ends[how_of(pair, 0)][how_of(pair, 1)]++;
        fold(&search->digest, (uint64_t)how_of(pair, 0) << 8 | how_of(pair, 1));
    }
    return added;
}

static int try_act(struct search *search, uint32_t index, const struct pair *from, struct pair_do what)
{
    static struct pair pair;
    const char *broken;
    pair_copy(&pair, from);
    if (!is_bound(search, from, what) || !pair_apply(search->pairing, &pair, what, &broken))
        return 0;
    search->acts++;
    if (broken == NULL)
        broken = pair_check(&pair);
    if (broken != NULL)
        complain(search, index, what, broken);
    return keep(search, index, &pair, what);
}

static int expand(struct search *search, uint32_t index, const struct pair *pair)
{
    for (unsigned end = 0; end < PAIR_ENDS; end++)
        for (unsigned act = 0; act < PAIR_ACTS; act++) {
            const unsigned times = act == PAIR_CUT ? pair_cuts(pair, end) : 1;
            for (unsigned bytes = 0; bytes < times; bytes++)
                if (try_act(search, index, pair, (struct pair_do){ (uint8_t)act, (uint8_t)end, (uint16_t)bytes }) < 0)
                    return -1;
        }
    return 0;
}

static int walk(struct search *search)
{
    static struct pair pair;
    static uint8_t value[VALUE];
    const char *broken = pair_begin(search->pairing, &pair);
    const uint8_t *bytes;
    size_t length;
    uint32_t index;
    if (broken != NULL) {
        printf("BROKEN: %s: %s\n", search->pairing->name, broken);
        search->broken++;
        return 0;
    }
    if (store_add(search->store, hash_pair(&pair), 0, 0, value, pack(&pair, value)) < 0)
        return -1;
    while (store_next(search->store, &bytes, &length, &index)) {
        if (length == 0)
            continue;
        unpack(&pair, bytes);
        if (expand(search, index, &pair) < 0)
            return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the report */

static void report_row(struct text *text, const struct search *search, unsigned client)
{
    const char *before = "";
    for (unsigned server = 0; server < TLSM_HOW_COUNT; server++)
        if (search->ends[client][server] != 0) {
            if (*before == 0)
                text_add(text, "  %s:", tlsm_how_name((uint8_t)client));
            text_add(text, "%s %s %" PRIu64, before, tlsm_how_name((uint8_t)server), search->ends[client][server]);
            before = ",";
        }
    if (*before != 0)
        text_add(text, "\n");
}

static void report(struct text *text, const struct search *search)
{
    text_add(text, "%s: %zu pairs, %" PRIu64 " transitions\n", search->pairing->name, store_count(search->store), search->acts);
    for (unsigned client = 0; client < TLSM_HOW_COUNT; client++)
        report_row(text, search, client);
}

static int walk_pairing(const struct pairing *pairing, unsigned faults, struct text *text, struct hash *digest)
{
    static struct search search;
    int failed;
    memset(&search, 0, sizeof search);
    search.pairing = pairing;
    search.faults = faults;
    search.digest = *digest;
    search.store = store_new();
    failed = search.store == NULL || walk(&search) < 0;
    if (failed)
        fprintf(stderr, "explore: out of memory\n");
    else
        report(text, &search);
    *digest = search.digest;
    store_free(search.store);
    return failed || search.broken != 0;
}

int explore_pairs(struct text *text, unsigned faults, struct hash *digest)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof pairings / sizeof *pairings; i++)
        failed |= walk_pairing(&pairings[i], faults, text, digest);
    return failed;
}
