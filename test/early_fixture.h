/* SPDX-License-Identifier: MIT */
/* Pairs that resume with early data: the client writes it, the server's application says whether it came before. */
#ifndef TLSM_TEST_EARLY_FIXTURE_H
#define TLSM_TEST_EARLY_FIXTURE_H

#include "event.h"
#include "resumption_fixture.h"

enum { EARLY_MAX = 100 };
#define LATER (NOW + 1000)

static int fresh_answer = 1;   /* what the server's application says of early data */

static inline struct tlsm_state *client_of(struct pair *pair) { return &pair->client.block.state; }
static inline struct tlsm_state *server_of(struct pair *pair) { return &pair->server.block.state; }

static inline struct pair *early_pair(int real)
{
    struct pair *pair = sealing(real);
    pair->server.settings.early_max = EARLY_MAX;
    pair->client.settings.early_data = 1;
    return pair;
}

/* The second connection begins: the client's ClientHello, and ChangeCipherSpec, are made. */
static inline void again_early(struct pair *pair, uint64_t now_ms)
{
    const struct tlsm_session session = kept(&pair->client);
    again(&pair->client);
    again(&pair->server);
    begin(&pair->client, HOST, &session, now_ms);
    begin(&pair->server, "", NULL, now_ms);
    side_produce(&pair->client);
}

static inline struct pair *speaking_early(int real, uint64_t now_ms)
{
    struct pair *pair = early_pair(real);
    first(pair);
    again_early(pair, now_ms);
    return pair;
}

static inline enum tlsm_code write_early(struct side *side, const char *text)
{
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .early = 1, .bytes = { (const uint8_t *)text, strlen(text) } };
    return side_step(side, &in);
}

/* Answers what is asked, REPLAY as fresh_answer has it. */
static inline int reply(struct pair *pair, struct side *side)
{
    const struct tlsm_answer replay = { .id = side->block.state.request_id, .fresh = (uint8_t)fresh_answer, .now_ms = side->block.state.now_ms };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &replay };
    if (side->block.state.control.request != TLSM_ASK_REPLAY)
        return answer(pair, side);
    assert_true(side_step(side, &in) < TLSM_MORE_INPUT);
    return 1;
}

/* talk(), with reply(). */
static inline void converse(struct pair *pair)
{
    int busy = 1;
    while (busy) {
        (void)side_say(&pair->client, &pair->server);
        (void)side_say(&pair->server, &pair->client);
        busy = reply(pair, &pair->client) | reply(pair, &pair->server);
        (void)side_feed(&pair->server);
        side_produce(&pair->client);
        side_produce(&pair->server);
        busy |= pair->client.wire_have > 0 || pair->server.wire_have > 0;
    }
}

static inline size_t record_length(const uint8_t *record) { return 5 + ((size_t)record[3] << 8 | record[4]); }

/* The length of an extension of the ClientHello in this record; -1: it is not there. */
static inline int extension_of(const uint8_t *record, unsigned number)
{
    const uint8_t *at = record + 5 + 4 + 2 + 32, *end = record + record_length(record);
    at += 1 + at[0];
    at += 2 + ((size_t)at[0] << 8 | at[1]);
    at += 1 + at[0] + 2;
    for (; at + 4 <= end; at += 4 + ((size_t)at[2] << 8 | at[3]))
        if (((unsigned)at[0] << 8 | at[1]) == number)
            return at[2] << 8 | at[3];
    return -1;
}

#endif
