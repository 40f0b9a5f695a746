/* SPDX-License-Identifier: MIT */
/* What a connection asks, in full; and what it tells of itself: certificates, identities, secrets. */
#include "handshake.h"

enum { LIST_LENGTH = 3 };

/* RFC 9846 §4.5.2: 64 spaces, the context string, a zero byte, the transcript hash. */
static void fill_content(const struct tlsm_handshake *hs, int of_client, struct tlsm_request *request)
{
    static const uint8_t server[] = "TLS 1.3, server CertificateVerify";   /* its final zero is the separator */
    static const uint8_t client[] = "TLS 1.3, client CertificateVerify";
    const size_t length = tlsm_hash_length(hs->hash);
    struct tlsm_writer writer = { request->content, sizeof request->content, 64 };
    memset(request->content, ' ', 64);
    tlsm_put(&writer, tlsm_slice(of_client ? client : server, sizeof server));
    tlsm_put(&writer, tlsm_slice(hs->signed_hash, length));
    request->content_length = writer.length;
}

static struct tlsm_bytes first_identities(struct tlsm_bytes identities)
{
    struct tlsm_bytes identity;
    size_t offset = 0;
    for (int i = 0; i < TLSM_IDENTITIES && tlsm_identity_next(identities, &offset, &identity); i++)
        continue;
    return tlsm_slice(identities.data, offset);
}

static void fill_choice(const struct tlsm_settings *settings, const struct tlsm_state *state, struct tlsm_request *request)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    struct tlsm_client_hello hello;
    if (state->control.role == TLSM_CLIENT) {
        const struct tlsm_asked asked = tlsm_asked(state);
        request->types = asked.types;
        request->schemes = asked.schemes;
        request->authorities = asked.authorities;
        return;
    }
    if (tlsm_read_client_hello(settings, tlsm_slice(tlsm_room_const(state), hs->kept), &hello) != 0)
        return;
    request->alpn = hello.alpn;
    request->schemes = hello.schemes;
    request->authorities = hello.authorities;
    if (request->kind == TLSM_ASK_SESSION && tlsm_is_12(state))
        request->session_id = hello.session_id;
    else if (request->kind == TLSM_ASK_SESSION)
        request->identities = first_identities(hello.identities);
}

int tlsm_request(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_request *request)
{
    memset(request, 0, sizeof *request);
    if (state->control.request == TLSM_ASK_NOTHING || !tlsm_in_handshake(state))
        return TLSM_ASK_NOTHING;
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const uint8_t *room = tlsm_room_const(state);
    const int signs = state->control.request == TLSM_ASK_SIGN, client = state->control.role == TLSM_CLIENT;
    request->kind = state->control.request;
    request->id = state->request_id;
    request->version = state->control.version;
    request->server_name = tlsm_slice(hs->name, hs->name_length);
    if (request->kind == TLSM_ASK_CREDENTIAL || request->kind == TLSM_ASK_SESSION) {
        fill_choice(config->settings, state, request);
        return (int)request->kind;
    }
    if (request->kind == TLSM_ASK_REPLAY) {
        request->once = tlsm_slice(hs->signed_hash, 32);
        return (int)request->kind;
    }
    request->scheme = state->scheme;
    request->credential = state->credential;
    request->chain = tlsm_slice(room + hs->chain_at, hs->chain_length);
    request->signature = tlsm_slice(room + hs->signature_at, hs->signature_length);
    request->staple = tlsm_slice(room + hs->staple_at, hs->staple_length);
    request->of_client = !signs && !client;
    if (tlsm_is_12(state))
        tlsm_fill_request_12(state, request);
    else
        fill_content(hs, signs == client, request);
    return (int)request->kind;
}

/* TLS 1.2: the list begins with its own length, which nothing does that has extensions behind a certificate. */
static int is_list_of_12(struct tlsm_bytes chain)
{
    struct tlsm_reader reader = tlsm_reader(chain);
    return tlsm_take_vector(&reader, LIST_LENGTH).length == chain.length - LIST_LENGTH && !reader.bad;
}

int tlsm_chain_next(struct tlsm_bytes chain, size_t *offset, struct tlsm_bytes *certificate)
{
    const int of_12 = chain.length > LIST_LENGTH && is_list_of_12(chain);
    if (of_12 && *offset == 0)
        *offset = LIST_LENGTH;
    if (*offset >= chain.length)
        return 0;
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(chain.data + *offset, chain.length - *offset));
    *certificate = tlsm_take_vector(&reader, 3);
    if (!of_12)
        (void)tlsm_take_vector(&reader, 2);
    *offset = chain.length - reader.left;
    return !reader.bad;
}

int tlsm_identity_next(struct tlsm_bytes identities, size_t *offset, struct tlsm_bytes *identity)
{
    if (*offset >= identities.length)
        return 0;
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(identities.data + *offset, identities.length - *offset));
    *identity = tlsm_take_vector(&reader, 2);
    (void)tlsm_take_number(&reader, 4);   /* the age: only early data needs it */
    *offset = identities.length - reader.left;
    return !reader.bad;
}

size_t tlsm_secret(const struct tlsm_state *state, enum tlsm_secret_label label, uint8_t secret[TLSM_HASH_MAX])
{
    static const uint8_t zeros[TLSM_HASH_MAX] = { 0 };
    const uint8_t *from = zeros;
    const struct tlsm_handshake *hs = tlsm_in_handshake(state) ? tlsm_hs_const(state) : NULL;
    switch (label) {
    case TLSM_SECRET_CLIENT_HANDSHAKE: from = hs != NULL ? hs->client_handshake : zeros; break;
    case TLSM_SECRET_SERVER_HANDSHAKE: from = hs != NULL ? hs->server_handshake : zeros; break;
    case TLSM_SECRET_CLIENT_TRAFFIC: from = hs != NULL ? hs->client_traffic : zeros; break;
    case TLSM_SECRET_SERVER_TRAFFIC: from = hs != NULL ? hs->server_traffic : zeros; break;
    case TLSM_SECRET_EXPORTER: from = tlsm_is_12(state) ? zeros : state->exporter; break;
    case TLSM_SECRET_CLIENT_EARLY: from = hs != NULL ? hs->early : zeros; break;
    case TLSM_SECRET_MASTER: from = tlsm_is_12(state) ? state->exporter : zeros; break;
    case TLSM_SECRET_COUNT: break;
    }
    memcpy(secret, from, TLSM_HASH_MAX);
    if (tlsm_equal(from, zeros, TLSM_HASH_MAX))
        return 0;
    if (label == TLSM_SECRET_CLIENT_EARLY && hs != NULL && hs->session_suite != 0)   /* no suite is agreed yet */
        return tlsm_hash_length(tlsm_suite_hash(hs->session_suite));
    return label == TLSM_SECRET_MASTER ? TLSM_HASH_MAX : tlsm_hash_length(tlsm_suite_hash(state->suite));
}
