/* SPDX-License-Identifier: MIT */
/* What both roles of TLS 1.2 do alike: ChangeCipherSpec and Finished (RFC 5246 §7.1, §7.4.9). Order is handshake.def's. */
#include "handshake.h"

static enum tlsm_role peer(const struct tlsm_state *state)
{
    return state->control.role == TLSM_CLIENT ? TLSM_SERVER : TLSM_CLIENT;
}

/* Which of the two keys is whose: the client's is the first. */
static int of(enum tlsm_role role) { return role == TLSM_CLIENT ? 0 : 1; }

/* ------------------------------------------------------------------------------------------------ ChangeCipherSpec */

enum tlsm_code tlsm_make_ccs_12(struct tlsm_work *work)
{
    struct tlsm_key key[2];
    if (tlsm_keys_12(work, tlsm_hs_const(work->state)->secret, key) != 0)
        return TLSM_LIBRARY_FAILED;
    const enum tlsm_code code = tlsm_make_ccs(work);
    if (code == TLSM_OK)
        tlsm_set_write(work, &key[of((enum tlsm_role)work->state->control.role)], TLSM_EPOCH_DATA);
    tlsm_wipe(key, sizeof key);
    return code;
}

uint8_t tlsm_take_ccs_12(struct tlsm_work *work, struct tlsm_bytes nothing)
{
    struct tlsm_key key[2];
    TLSM_UNUSED(nothing);
    if (tlsm_keys_12(work, tlsm_hs_const(work->state)->secret, key) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    tlsm_set_read(work, &key[of(peer(work->state))], TLSM_EPOCH_DATA);
    tlsm_wipe(key, sizeof key);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ Finished */

/* What outlives the handshake. */
static void keep_secrets(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    memcpy(state->exporter, hs->secret, sizeof state->exporter);
    memset(state->resumption, 0, sizeof state->resumption);
    memcpy(state->resumption, hs->server_random, sizeof hs->server_random);
    work->out->news |= TLSM_NEWS_KEYS;
}

enum tlsm_code tlsm_make_finished_12(struct tlsm_work *work)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    uint8_t verify_data[TLSM_FINISHED_12];
    if (tlsm_verify_data_12(work, &hs->transcript, (enum tlsm_role)work->state->control.role, verify_data) != 0)
        return TLSM_LIBRARY_FAILED;
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_FINISHED);
    tlsm_put(&writer, tlsm_slice(verify_data, sizeof verify_data));
    const enum tlsm_code code = tlsm_send_message(work, &writer, NULL);
    if (code == TLSM_OK)
        keep_secrets(work);
    return code;
}

uint8_t tlsm_take_finished_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    const struct tlsm_bytes body = tlsm_body(message);
    uint8_t expected[TLSM_FINISHED_12];
    if (body.length != sizeof expected)
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_verify_data_12(work, &hs->transcript, peer(work->state), expected) != 0 ||
        tlsm_absorb(work->config, hs->hash, &hs->transcript, message) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    if (!tlsm_equal(body.data, expected, sizeof expected))
        return TLSM_ALERT_DECRYPT_ERROR;
    keep_secrets(work);
    return 0;
}
