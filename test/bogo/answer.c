/* SPDX-License-Identifier: MIT */
/* What a connection asks, answered as the flags say; expectations that can only be seen here are judged here. */
#include <stdio.h>
#include <string.h>

#include "shim.h"

static int same(struct tlsm_bytes bytes, const char *text)
{
    return strlen(text) == bytes.length && (bytes.length == 0 || memcmp(text, bytes.data, bytes.length) == 0);
}

/* Server: what came in the ClientHello. */
static void look_at_hello(struct bogo_connection *connection, const struct tlsm_request *request)
{
    const struct bogo_flags *flags = connection->flags;
    if (flags->expect_server_name != NULL && !same(request->server_name, flags->expect_server_name))
        snprintf(connection->wrong, BOGO_TEXT, "the client asked for another name than %.100s", flags->expect_server_name);
    if (flags->expect_no_server_name && request->server_name.length > 0)
        snprintf(connection->wrong, BOGO_TEXT, "the client named a server");
    if (flags->expect_advertised_alpn != NULL && !same(request->alpn, flags->expect_advertised_alpn))
        snprintf(connection->wrong, BOGO_TEXT, "the client offers other protocols than %.100s", flags->expect_advertised_alpn);
}

static void choose(struct bogo_connection *connection, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    const size_t index = tlsm_choose_credential(&connection->settings, request->server_name, request->schemes);
    look_at_hello(connection, request);
    answer->credential = (uint16_t)index;
    if (index >= connection->settings.credential_count)
        answer->alert = TLSM_ALERT_HANDSHAKE_FAILURE;
}

static void sign(struct bogo_connection *connection, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    const struct tlsm_libcrypto_credential *credential =
        request->credential < BOGO_CREDENTIALS ? connection->loaded[request->credential] : NULL;
    answer->signature.data = connection->signature;
    if (credential == NULL || tlsm_libcrypto_sign(credential->key, request, connection->signature, &answer->signature.length) < 0)
        answer->alert = TLSM_ALERT_INTERNAL_ERROR;
}

/* The names in the runner's certificates are nobody's; the chain and the signature are judged. */
static void judge(struct bogo_connection *connection, struct tlsm_request *request, struct tlsm_answer *answer)
{
    request->server_name.length = 0;
    (void)tlsm_judge_answer(connection->shim->instance, connection->judge, request, 0, answer, connection->why,
                            sizeof connection->why);
    if (answer->alert == 0 && connection->flags->verify_fail && connection->flags->verify_peer)
        answer->alert = connection->flags->custom_verify ? TLSM_ALERT_CERTIFICATE_UNKNOWN : TLSM_ALERT_HANDSHAKE_FAILURE;
}

int bogo_answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *answer)
{
    struct bogo_connection *connection = context;
    struct tlsm_request request;
    const int kind = tlsm_request(config, state, &request);
    if (connection->flags->async && connection->put_off != request.id) {
        connection->put_off = request.id;
        return 0;
    }
    if (kind == TLSM_ASK_CREDENTIAL)
        choose(connection, &request, answer);
    else if (kind == TLSM_ASK_SIGN)
        sign(connection, &request, answer);
    else if (kind == TLSM_ASK_JUDGE)
        judge(connection, &request, answer);
    return kind;
}

void bogo_ticket(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    struct bogo_connection *connection = context;
    struct bogo_shim *shim = connection->shim;
    struct tlsm_session kept = *session;
    const struct tlsm_span room = { shim->session, sizeof shim->session };
    (void)state;
    kept.issued_ms = bogo_now(shim);
    shim->session_length = tlsm_session_write(&kept, room);
    connection->got_session = 1;
}
