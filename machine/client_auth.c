/* SPDX-License-Identifier: MIT */
/* The client's certificate in TLS 1.3: asked for, chosen, shown, read (RFC 9846 §4.4.2, §4.5). Order is handshake.def's. */
#include "handshake.h"

/* ------------------------------------------------------------------------------------------------ asking (server) */

static void put_numbers(struct tlsm_writer *writer, enum tlsm_extension_number number, struct tlsm_numbers numbers)
{
    const size_t extension = tlsm_open_extension(writer, number);
    tlsm_put_numbers(writer, numbers);
    tlsm_close_extension(writer, extension);
}

/* RFC 9846 §4.3.4 */
static void put_authorities(struct tlsm_writer *writer, const struct tlsm_settings *settings)
{
    const size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_CERTIFICATE_AUTHORITIES);
    const size_t list = tlsm_open_vector(writer, 2);
    for (size_t i = 0; i < settings->authority_count; i++) {
        tlsm_put_number(writer, (uint32_t)settings->authorities[i].length, 2);
        tlsm_put(writer, settings->authorities[i]);
    }
    tlsm_close_vector(writer, list, 2);
    tlsm_close_extension(writer, extension);
}

void tlsm_put_request(struct tlsm_writer *writer, const struct tlsm_settings *settings, struct tlsm_bytes context)
{
    const struct tlsm_numbers chain = { settings->chain_schemes, settings->chain_scheme_count };
    tlsm_put_number(writer, (uint32_t)context.length, 1);
    tlsm_put(writer, context);
    const size_t all = tlsm_open_vector(writer, 2);
    put_numbers(writer, TLSM_EXTENSION_SIGNATURE_ALGORITHMS, tlsm_schemes(settings));
    if (chain.count > 0)
        put_numbers(writer, TLSM_EXTENSION_SIGNATURE_ALGORITHMS_CERT, chain);
    if (settings->authority_count > 0)
        put_authorities(writer, settings);
    tlsm_close_vector(writer, all, 2);
}

enum tlsm_code tlsm_make_certificate_request(struct tlsm_work *work)
{
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_CERTIFICATE_REQUEST);
    tlsm_put_request(&writer, work->config->settings, tlsm_slice(NULL, 0));   /* §4.4.2: no context in the handshake */
    return tlsm_send_message(work, &writer, NULL);
}

/* ------------------------------------------------------------------------------------------------ being asked (client) */

static int names_good(struct tlsm_bytes names)
{
    struct tlsm_reader reader = tlsm_reader(names);
    while (reader.left > 0)
        if (tlsm_take_vector(&reader, 2).length == 0)
            return 0;
    return !reader.bad;
}

int tlsm_read_authorities(struct tlsm_bytes data, struct tlsm_bytes *names)
{
    return tlsm_read_vector(data, 2, 3, names) && names_good(*names);
}

uint8_t tlsm_read_asked(struct tlsm_bytes body, struct tlsm_asked *asked)
{
    struct tlsm_reader reader = tlsm_reader(body);
    struct tlsm_extensions extensions;
    memset(asked, 0, sizeof *asked);
    asked->context = tlsm_take_vector(&reader, 1);
    const struct tlsm_bytes block = tlsm_take_vector(&reader, 2);
    if (reader.bad || reader.left != 0)
        return TLSM_ALERT_DECODE_ERROR;
    const uint8_t alert = tlsm_read_extensions(block, TLSM_IN_CR, 0, &extensions);
    if (alert != 0)
        return alert;
    if (!tlsm_has(&extensions, TLSM_EXT_SIGNATURE_ALGORITHMS))
        return TLSM_ALERT_MISSING_EXTENSION;
    if (!tlsm_read_numbers(extensions.at[TLSM_EXT_SIGNATURE_ALGORITHMS], 2, &asked->schemes))
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_has(&extensions, TLSM_EXT_CERTIFICATE_AUTHORITIES) &&
        !tlsm_read_authorities(extensions.at[TLSM_EXT_CERTIFICATE_AUTHORITIES], &asked->authorities))
        return TLSM_ALERT_DECODE_ERROR;
    return 0;
}

void tlsm_keep_asked(struct tlsm_state *state, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(state);
    hs->flags |= TLSM_HS_CERTIFICATE_REQUESTED;
    hs->request_at = tlsm_room_offset(state, tlsm_body(message));
    hs->request_length = (uint32_t)(message.length - 4);
    tlsm_keep(state, message);
}

/* RFC 5246 §7.4.4: types, schemes, authorities. */
uint8_t tlsm_read_asked_12(struct tlsm_bytes body, struct tlsm_asked *asked)
{
    struct tlsm_reader reader = tlsm_reader(body);
    memset(asked, 0, sizeof *asked);
    asked->types = tlsm_take_vector(&reader, 1);
    asked->schemes = tlsm_take_vector(&reader, 2);
    asked->authorities = tlsm_take_vector(&reader, 2);
    return reader.bad || reader.left != 0 || asked->types.length == 0 || asked->schemes.length == 0 ||
                   asked->schemes.length % 2 != 0 || !names_good(asked->authorities)
               ? TLSM_ALERT_DECODE_ERROR : 0;
}

struct tlsm_asked tlsm_asked(const struct tlsm_state *state)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const struct tlsm_bytes body = tlsm_slice(tlsm_room_const(state) + hs->request_at, hs->request_length);
    struct tlsm_asked asked;
    (void)(tlsm_is_12(state) ? tlsm_read_asked_12(body, &asked) : tlsm_read_asked(body, &asked));   /* it was checked when it came */
    return asked;
}

uint8_t tlsm_take_certificate_request(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_asked asked;
    const uint8_t alert = tlsm_read_asked(tlsm_body(message), &asked);
    if (alert != 0)
        return alert;
    /* §4.4.2: "This field SHALL be zero length unless used for the post-handshake authentication exchanges" */
    if (asked.context.length > 0)
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    tlsm_keep_asked(work->state, message);
    return tlsm_absorb(work->config, hs->hash, &hs->transcript, message) == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
}

/* ------------------------------------------------------------------------------------------------ choosing */

static int is_late(const struct tlsm_state *state) { return tlsm_is_late(state->control.phase); }

void tlsm_settle_credential(struct tlsm_work *work, size_t index)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_asked asked = tlsm_asked(state);
    state->credential = (uint16_t)index;
    if (index != TLSM_NO_CREDENTIAL)
        state->scheme = tlsm_client_scheme(&work->config->settings->credentials[index], &asked, state->control.version);
    if (!is_late(state))
        tlsm_release(state);
}

void tlsm_settle_asked(struct tlsm_work *work)
{
    const struct tlsm_settings *settings = work->config->settings;
    const struct tlsm_asked asked = tlsm_asked(work->state);
    tlsm_settle_credential(work, tlsm_choose_shown(settings, work->state->control.version, &asked));
}

/* A credential that cannot sign in a way the server takes is none to choose. */
enum tlsm_code tlsm_answer_client_credential(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    const struct tlsm_settings *settings = work->config->settings;
    const struct tlsm_asked asked = tlsm_asked(work->state);
    if (answer->credential != TLSM_NO_CREDENTIAL &&
        (answer->credential >= settings->credential_count ||
         tlsm_client_scheme(&settings->credentials[answer->credential], &asked, work->state->control.version) == 0))
        return TLSM_BAD_ARGUMENT;
    tlsm_settle_credential(work, answer->credential);
    return TLSM_OK;
}

/* ------------------------------------------------------------------------------------------------ showing (client) */

/* After the handshake each answer's transcript is that of the handshake, and the request (§4.5). */
static int absorb_request(const struct tlsm_work *work)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    if (!is_late(work->state))
        return 0;
    hs->transcript = hs->other;
    return tlsm_absorb(work->config, hs->hash, &hs->transcript,
                       tlsm_slice(tlsm_room_const(work->state) + hs->request_at - 4, (size_t)hs->request_length + 4));
}

/* What is signed ends with this message, whether anything is. */
enum tlsm_code tlsm_make_client_certificate(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_hash before = tlsm_hs(state)->transcript;
    const struct tlsm_bytes context = is_late(state) ? tlsm_asked(state).context : tlsm_slice(NULL, 0);
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_CERTIFICATE);
    uint8_t digest[TLSM_HASH_MAX];
    tlsm_put_number(&writer, (uint32_t)context.length, 1);
    tlsm_put(&writer, context);
    const size_t list = tlsm_open_vector(&writer, 3);
    if (state->credential != TLSM_NO_CREDENTIAL) {
        const struct tlsm_credential *credential = &work->config->settings->credentials[state->credential];
        for (size_t i = 0; i < credential->chain_count; i++) {
            tlsm_put_number(&writer, (uint32_t)credential->chain[i].length, 3);
            tlsm_put(&writer, credential->chain[i]);
            tlsm_put_number(&writer, 0, 2);
        }
    }
    tlsm_close_vector(&writer, list, 3);
    enum tlsm_code code = TLSM_LIBRARY_FAILED;
    if (absorb_request(work) == 0)
        code = tlsm_send_message(work, &writer, digest);
    if (code == TLSM_OK)
        memcpy(tlsm_hs(state)->signed_hash, digest, sizeof digest);
    else
        tlsm_hs(state)->transcript = before;
    return code;
}

/* ------------------------------------------------------------------------------------------------ being shown (server) */

/* §4.5.1.3: "the server MAY at its discretion either continue the handshake without client authentication, or abort the
 * handshake with a "certificate_required" alert." */
uint8_t tlsm_take_client_certificate(struct tlsm_work *work, struct tlsm_bytes message)
{
    const uint8_t policy = work->config->settings->client_auth;
    struct tlsm_state *state = work->state;
    const uint8_t count = state->control.late_requests;
    const struct tlsm_bytes context = tlsm_slice(&count, is_late(state) ? 1 : 0);
    return tlsm_read_certificate(work, message, context, 0, policy == TLSM_CLIENT_AUTH_REQUIRE ? TLSM_ALERT_CERTIFICATE_REQUIRED : 0);
}

uint8_t tlsm_take_client_verify(struct tlsm_work *work, struct tlsm_bytes message)
{
    return tlsm_take_certificate_verify(work, message);
}
