/* SPDX-License-Identifier: MIT */
/* Pairs in which the client shows a certificate too. */
#ifndef TLSM_TEST_CLIENT_AUTH_FIXTURE_H
#define TLSM_TEST_CLIENT_AUTH_FIXTURE_H

#include "handshake_fixture.h"

/* Judges either side's chain against the other side's settings, signs with either side's key. */
static inline void answer_mutual(struct pair *pair, struct side *side, const struct tlsm_request *request, struct tlsm_answer *given,
                                 uint8_t *signature)
{
    struct side *shower = request->of_client ? &pair->client : &pair->server;
    size_t length = 0;
    if (request->kind == TLSM_ASK_JUDGE) {
        assert_int_equal(request->of_client, side == &pair->server);
        check_chain(request, &shower->settings.credentials[shower->block.state.credential]);
    }
    if (!is_real(side)) {
        tlsm_null_answer(request, given, signature);
    } else if (request->kind == TLSM_ASK_SIGN) {
        assert_int_equal(tlsm_libcrypto_sign(key_of[request->credential], request, signature, &length), 0);
        given->signature = tlsm_slice(signature, length);
    } else if (request->kind == TLSM_ASK_JUDGE) {
        given->alert = tlsm_libcrypto_verify(key_of[shower->block.state.credential], request);
    }
}

static inline int answer_one(struct pair *pair, struct side *side)
{
    uint8_t signature[TLSM_SIGNATURE_MAX];
    struct tlsm_request request;
    struct tlsm_answer given = { 0 };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &given };
    if (!(tlsm_needs(&side->block.state) & TLSM_NEED_ANSWER))
        return 0;
    assert_true(tlsm_request(&side->config, &side->block.state, &request) != 0);
    answer_mutual(pair, side, &request, &given, signature);
    given.id = request.id;
    assert_true(side_step(side, &in) < TLSM_MORE_INPUT);
    return 1;
}

/* Until a request of `kind` opens on `side`, or nobody has anything to say. 1: it is open. */
static inline int talk_until(struct pair *pair, const struct side *side, enum tlsm_request_kind kind)
{
    int busy = 1;
    while (busy) {
        (void)side_say(&pair->client, &pair->server);
        (void)side_say(&pair->server, &pair->client);
        if (kind != TLSM_ASK_NOTHING && side->block.state.control.request == kind)
            return 1;
        busy = answer_one(pair, &pair->client) | answer_one(pair, &pair->server);
        side_produce(&pair->client);
        side_produce(&pair->server);
        busy |= pair->client.wire_have > 0 || pair->server.wire_have > 0;
    }
    return 0;
}

static inline void talk_mutual(struct pair *pair) { (void)talk_until(pair, &pair->client, TLSM_ASK_NOTHING); }

static inline struct pair *mutual(int real, uint8_t policy, size_t client_credentials)
{
    struct pair *pair = fresh(real);
    pair->server.settings.client_auth = policy;
    pair->client.settings.credentials = credentials;
    pair->client.settings.credential_count = client_credentials;
    return pair;
}

/* The server has said all of its flight; the client's is not made. */
static inline struct pair *client_speaks(uint8_t policy, size_t client_credentials)
{
    struct pair *pair = mutual(0, policy, client_credentials);
    start_both(pair, "");
    assert_int_equal(talk_until(pair, &pair->client, TLSM_ASK_JUDGE), 1);
    return pair;
}

#endif
