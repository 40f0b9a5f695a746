/* SPDX-License-Identifier: MIT */
/* Answering whatever a connection asks, so that an adapter needs two lines. */
#include <string.h>

#include "tlsm_judge.h"
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

static void judge(struct tlsm_libcrypto_answerer *answerer, const struct tlsm_request *request,
                  struct tlsm_answer *answer)
{
    if (answerer->judge == NULL) {
        tlsm_why(answerer->why, sizeof answerer->why, "nobody was named to judge the server's certificate");
        answer->alert = TLSM_ALERT_INTERNAL_ERROR;
        return;
    }
    (void)tlsm_judge_answer(answerer->instance, answerer->judge, request, answerer->now_seconds, answer, answerer->why,
                            sizeof answerer->why);
}

/* ------------------------------------------------------------------------------------------------ credentials */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static int same_text(const uint8_t *a, const uint8_t *b, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (lower(a[i]) != lower(b[i]))
            return 0;
    return 1;
}

/* "*.example.org" is for exactly one more label (RFC 9525 §6.3). */
static int name_matches(struct tlsm_bytes pattern, struct tlsm_bytes name)
{
    const uint8_t *dot;

    if (pattern.length > 2 && pattern.data[0] == '*' && pattern.data[1] == '.' && name.length > 0) {
        dot = memchr(name.data, '.', name.length);
        if (dot == NULL || dot == name.data)
            return 0;
        name.length -= (size_t)(dot - name.data);
        name.data = dot;
        pattern.data++;
        pattern.length--;
    }
    return pattern.length == name.length && same_text(pattern.data, name.data, name.length);
}

static int is_for(const struct tlsm_credential *credential, struct tlsm_bytes name)
{
    for (size_t i = 0; i < credential->name_count; i++)
        if (name_matches(credential->names[i], name))
            return 1;
    return credential->name_count == 0;
}

static int can_use(const struct tlsm_credential *credential, struct tlsm_bytes schemes)
{
    for (size_t i = 0; i + 1 < schemes.length; i += 2)
        for (size_t j = 0; j < credential->scheme_count; j++)
            if (credential->schemes[j] == (schemes.data[i] << 8 | schemes.data[i + 1]))
                return 1;
    return 0;
}

/* The first that fits name and scheme; for a name nobody has, the first that fits the scheme. */
static void choose(struct tlsm_libcrypto_answerer *answerer, const struct tlsm_request *request,
                   struct tlsm_answer *answer)
{
    for (int any_name = 0; any_name <= 1; any_name++)
        for (size_t i = 0; i < answerer->credential_count; i++) {
            const struct tlsm_credential *credential = &answerer->credentials[i]->credential;
            if (can_use(credential, request->schemes) && (any_name || is_for(credential, request->server_name))) {
                answer->credential = (uint16_t)i;
                return;
            }
        }
    tlsm_why(answerer->why, sizeof answerer->why, "no credential can sign with a scheme the client accepts");
    answer->alert = TLSM_ALERT_HANDSHAKE_FAILURE;
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
        judge(answerer, &request, answer);
    else if (kind == TLSM_ASK_CREDENTIAL)
        choose(answerer, &request, answer);
    return kind;   /* a session is none of ours: not found */
}
