/* SPDX-License-Identifier: MIT */
/* Pairs that resume: a server with a ticket key, a client that keeps what it is given. */
#ifndef TLSM_TEST_RESUMPTION_FIXTURE_H
#define TLSM_TEST_RESUMPTION_FIXTURE_H

#include "handshake_fixture.h"

#define NOW UINT64_C(1800000000000)
#define HOST "host.example"

static const struct tlsm_ticket_key ticket_keys[2] = { { { 'o', 'n', 'e' }, { 1, 2, 3 } },
                                                       { { 't', 'w', 'o' }, { 4, 5, 6 } } };

/* A pair whose server seals tickets; nothing is started. */
static inline struct pair *sealing(int real)
{
    struct pair *pair = fresh(real);
    pair->server.settings.ticket_keys = ticket_keys;
    pair->server.settings.ticket_key_count = 1;
    pair->server.settings.tickets = 2;
    return pair;
}

static inline void begin(struct side *side, const char *name, const struct tlsm_session *session, uint64_t now_ms)
{
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .session = session, .now_ms = now_ms,
                                .server_name = { (const uint8_t *)name, strlen(name) } };
    for (size_t i = 0; i < sizeof entropy; i++)
        ((uint8_t *)&entropy)[i] = (uint8_t)(i * 7 + side->settings.role + (session != NULL ? 100 : 0));
    assert_code(side_step(side, &in), TLSM_OK);
}

/* Forgets the connection, keeps settings and the session. */
static inline void again(struct side *side)
{
    tlsm_forget(&side->config, &side->block.state);
    side->wire_have = side->held_have = side->plain_have = 0;
    side->tickets = side->close_notifies = 0;
}

/* The last session that came. What it points to stays for a few more calls. */
static inline struct tlsm_session kept(const struct side *side)
{
    static uint8_t bytes[8][sizeof side->session];
    static unsigned turn;
    struct tlsm_session session;
    uint8_t *to = bytes[turn++ % 8];
    memcpy(to, side->session, side->session_have);
    assert_int_equal(tlsm_session_read(tlsm_slice(to, side->session_have), &session), 1);
    return session;
}

/* The pair's first connection, at NOW; its tickets have come. */
static inline void first(struct pair *pair)
{
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, NOW);
    talk(pair);
    check_connected(pair);
    assert_int_equal(tlsm_resumed(&pair->client.block.state), 0);
    assert_true(pair->client.session_have > 0);
}

/* Another connection of the pair's, at NOW, for which the client offers what it was given last. */
static inline struct tlsm_session offer_again(struct pair *pair)
{
    const struct tlsm_session session = kept(&pair->client);
    again(&pair->client);
    again(&pair->server);
    begin(&pair->client, HOST, &session, NOW);
    begin(&pair->server, "", NULL, NOW);
    return session;
}

static inline void offer(struct pair *pair, const char *name, const struct tlsm_session *session, uint64_t now_ms)
{
    again(&pair->client);
    again(&pair->server);
    begin(&pair->client, name, session, now_ms);
    begin(&pair->server, "", NULL, now_ms);
    talk(pair);
}

static inline void check_resumed(const struct pair *pair, int resumed)
{
    check_connected(pair);
    assert_int_equal(tlsm_resumed(&pair->client.block.state), resumed);
    assert_int_equal(tlsm_resumed(&pair->server.block.state), resumed);
    assert_int_equal(side_verdict(&pair->client).resumed, resumed);
}

#endif
