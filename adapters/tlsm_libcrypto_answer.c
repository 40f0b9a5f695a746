/* SPDX-License-Identifier: MIT */
/* Answering whatever a connection asks, so that an adapter needs two lines. */
#include <string.h>

#include "tlsm_judge.h"
#include "tlsm_replay.h"
#include "tlsm_libcrypto_internal.h"

static void sign(struct tlsm_libcrypto_answerer *answerer, const struct tlsm_request *request,
                 struct tlsm_answer *answer)
{
    size_t length = 0;

    if (request->credential >= answerer->credential_count) {
        tlsm_why(answerer->why, sizeof answerer->why, "there is no credential number %u", request->credential);
        answer->alert = TLSM_ALERT_INTERNAL_ERROR;
    } else if (tlsm_libcrypto_sign(answerer->credentials[request->credential]->key, request, answerer->signature,
                                   &length) != 0) {
        tlsm_why(answerer->why, sizeof answerer->why, "the key of credential number %u cannot sign with scheme 0x%04x",
                 request->credential, request->scheme);
        answer->alert = TLSM_ALERT_INTERNAL_ERROR;
    } else {
        answer->signature.data = answerer->signature;
        answer->signature.length = length;
    }
}

static void judge(struct tlsm_libcrypto_answerer *answerer, const struct tlsm_state *state,
                  const struct tlsm_request *request, struct tlsm_answer *answer)
{
    if (answerer->judge == NULL) {
        tlsm_why(answerer->why, sizeof answerer->why, "nobody was named to judge the peer's certificate");
        answer->alert = TLSM_ALERT_INTERNAL_ERROR;
        return;
    }
    if (tlsm_judge_answer(answerer->instance, answerer->judge, request, answerer->now_seconds, answer, answerer->why,
                          sizeof answerer->why) == 0 && answerer->judged != NULL)
        answerer->judged(answerer->judged_context, state, request);
}

static void choose(struct tlsm_libcrypto_answerer *answerer, const struct tlsm_settings *settings,
                   const struct tlsm_request *request, struct tlsm_answer *answer)
{
    if (settings->role == TLSM_CLIENT) {
        answer->credential = (uint16_t)tlsm_choose_client_credential(settings, request->version, request->schemes, request->authorities);
        return;
    }
    const size_t index = tlsm_choose_credential(settings, request->version, request->server_name, request->schemes);

    if (index < settings->credential_count) {
        answer->credential = (uint16_t)index;
        return;
    }
    tlsm_why(answerer->why, sizeof answerer->why, "no credential can sign with a scheme the client accepts");
    answer->alert = TLSM_ALERT_HANDSHAKE_FAILURE;
}

static void recall(const struct tlsm_libcrypto_answerer *answerer, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    if (answerer->replay == NULL)
        return;
    answer->now_ms = answerer->now_seconds != 0 ? (uint64_t)answerer->now_seconds * 1000 : tlsm_replay_time();
    answer->fresh = tlsm_replay_fresh(answerer->replay, request->once, answer->now_ms) != 0;
}

int tlsm_libcrypto_answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state,
                          struct tlsm_answer *answer)
{
    struct tlsm_libcrypto_answerer *answerer = context;
    struct tlsm_request request;
    int kind = tlsm_request(config, state, &request);

    memset(answer, 0, sizeof *answer);
    answerer->why[0] = '\0';
    if (kind == TLSM_ASK_NOTHING)
        return kind;
    answer->id = request.id;
    if (kind == TLSM_ASK_SIGN)
        sign(answerer, &request, answer);
    else if (kind == TLSM_ASK_JUDGE)
        judge(answerer, state, &request, answer);
    else if (kind == TLSM_ASK_CREDENTIAL)
        choose(answerer, config->settings, &request, answer);
    else if (kind == TLSM_ASK_REPLAY)
        recall(answerer, &request, answer);
    return kind;   /* a session is none of ours: not found */
}
