/* SPDX-License-Identifier: MIT */
/* Early data: offered, accepted, rejected (RFC 9846 §4.3.10, §8). Order is handshake.def's. */
#include "event.h"
#include "handshake.h"

/* What is kept while the application is asked: bytes of the binder, which name the ClientHello (no binder is shorter), and when it
 * was to come, 8 bytes. */
enum { NAME_LENGTH = 32, ARRIVAL_LENGTH = 8 };

/* ------------------------------------------------------------------------------------------------ client: offered */

/* The protocol that the session speaks: its number among ours, 0 when it speaks none. 0 or negative; 1: it is not among ours. */
static int find_protocol(const struct tlsm_config *config, const struct tlsm_session *session, uint16_t *alpn)
{
    uint8_t digest[TLSM_ALPN_DIGEST];
    for (size_t i = 0; i <= config->settings->alpn_count; i++) {
        *alpn = (uint16_t)i;
        if (tlsm_digest_alpn(config, *alpn, digest) != 0)
            return -1;
        if (memcmp(digest, session->alpn_digest, sizeof digest) == 0)
            return 0;
    }
    return 1;
}

/* "The parameters for the 0-RTT data (version, symmetric cipher suite, […] ALPN protocol, etc.) are those associated with the PSK
 * in use": so all of them have to be among what we offer. */
int tlsm_offer_early(struct tlsm_work *work, const struct tlsm_session *session)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_settings *settings = work->config->settings;
    uint16_t alpn;
    if (!settings->early_data || session->early_max == 0 || session->version != TLSM_1_3 ||
        !tlsm_numbers_have(tlsm_suites(settings), session->suite))
        return 0;
    const int missing = find_protocol(work->config, session, &alpn);
    if (missing != 0)
        return missing < 0 ? -1 : 0;
    tlsm_hs(state)->session_suite = session->suite;
    tlsm_hs(state)->early_max = session->early_max;
    state->alpn = alpn;
    tlsm_set_mark(state, TLSM_MARK_EARLY_OFFERED);
    return 0;
}

int tlsm_early_offered(const struct tlsm_state *state)
{
    return tlsm_mark(state, TLSM_MARK_EARLY_OFFERED) && !tlsm_fact(state, TLSM_FACT_EARLY_REJECTED);
}

void tlsm_put_early(struct tlsm_writer *writer, const struct tlsm_state *state)
{
    if (tlsm_early_offered(state))
        tlsm_close_extension(writer, tlsm_open_extension(writer, TLSM_EXTENSION_EARLY_DATA));
}

int tlsm_early_key(const struct tlsm_work *work, const struct tlsm_hash *transcript, uint16_t suite,
                   uint8_t secret[TLSM_HASH_MAX], struct tlsm_key *key)
{
    const uint16_t hash = tlsm_suite_hash(suite);
    uint8_t digest[TLSM_HASH_MAX];
    memset(secret, 0, TLSM_HASH_MAX);
    memset(key, 0, sizeof *key);
    int failed = tlsm_digest(work->config, hash, transcript, digest);
    if (failed == 0)
        failed = tlsm_client_early(work->config, hash, tlsm_hs_const(work->state)->secret, digest, secret);
    return failed != 0 ? failed : tlsm_traffic_key(work->config, suite, secret, key);
}

/* ------------------------------------------------------------------------------------------------ client: answered */

/* What was protected under the early key was never read. */
void tlsm_reject_early(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    if (!tlsm_early_offered(state))
        return;
    state->control.facts |= TLSM_FACT_EARLY_REJECTED;
    state->alpn = 0;
    tlsm_wipe_write(work);
    tlsm_wipe(tlsm_hs(state)->early, sizeof tlsm_hs(state)->early);
    work->out->news |= TLSM_NEWS_EARLY;
}

int tlsm_leave_early(struct tlsm_work *work, const uint8_t handshake[TLSM_HASH_MAX])
{
    if (tlsm_early_offered(work->state) && tlsm_resumed(work->state))
        return 0;   /* until EncryptedExtensions says more */
    tlsm_reject_early(work);
    return tlsm_install_write(work, handshake, TLSM_EPOCH_HANDSHAKE);
}

uint8_t tlsm_take_early(struct tlsm_work *work, const struct tlsm_extensions *extensions, uint16_t expected)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const int accepted = tlsm_has(extensions, TLSM_EXT_EARLY_DATA);
    if (accepted && extensions->at[TLSM_EXT_EARLY_DATA].length > 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (!tlsm_early_offered(state))
        return 0;
    if (!accepted) {
        const uint16_t selected = state->alpn;
        tlsm_reject_early(work);
        state->alpn = selected;
        return tlsm_install_write(work, hs->client_handshake, TLSM_EPOCH_HANDSHAKE) == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
    }
    /* What the server MUST have verified (§4.3.10), so no other answer is one to this offer. */
    if (state->suite != hs->session_suite || state->alpn != expected)
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    tlsm_set_mark(state, TLSM_MARK_EARLY_ACCEPTED);
    work->out->news |= TLSM_NEWS_EARLY;
    return 0;
}

enum tlsm_code tlsm_make_end_of_early_data(struct tlsm_work *work)
{
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_END_OF_EARLY_DATA);
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_key key;
    enum tlsm_code code = TLSM_LIBRARY_FAILED;
    if (tlsm_traffic_key(work->config, work->state->suite, hs->client_handshake, &key) == 0)
        code = tlsm_send_message(work, &writer, NULL);
    if (code == TLSM_OK) {
        tlsm_set_write(work, &key, TLSM_EPOCH_HANDSHAKE);
        tlsm_set_mark(work->state, TLSM_MARK_EARLY_ENDED);
        tlsm_wipe(hs->early, sizeof hs->early);
    }
    tlsm_wipe(&key, sizeof key);
    return code;
}

/* ------------------------------------------------------------------------------------------------ server */

/* §8.3: expected_arrival_time, by the client's view of the ticket's age. */
static uint64_t arrival(const struct tlsm_client_hello *hello, const struct tlsm_session *session)
{
    struct tlsm_reader reader = tlsm_reader(hello->identities);
    (void)tlsm_take_vector(&reader, 2);
    const uint32_t age_ms = tlsm_take_number(&reader, 4) - session->age_add;
    return session->issued_ms + age_ms;
}

static int is_recent(uint64_t arrival_ms, uint64_t now_ms)
{
    return (arrival_ms > now_ms ? arrival_ms - now_ms : now_ms - arrival_ms) <= TLSM_EARLY_AGE_MS;
}

static void keep_name(struct tlsm_handshake *hs, struct tlsm_bytes binder, uint64_t arrival_ms)
{
    struct tlsm_writer writer = { hs->signed_hash, sizeof hs->signed_hash, 0 };
    tlsm_put(&writer, tlsm_slice(binder.data, NAME_LENGTH));
    tlsm_put_number(&writer, (uint32_t)(arrival_ms >> 32), 4);
    tlsm_put_number(&writer, (uint32_t)(arrival_ms & UINT32_MAX), 4);
}

static uint64_t kept_arrival(const struct tlsm_handshake *hs)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(hs->signed_hash + NAME_LENGTH, ARRIVAL_LENGTH));
    const uint64_t high = tlsm_take_number(&reader, 4);
    return high << 32 | tlsm_take_number(&reader, 4);
}

static int same_protocol(const struct tlsm_work *work, const struct tlsm_session *session, int *same)
{
    uint8_t digest[TLSM_ALPN_DIGEST];
    const int failed = tlsm_digest_alpn(work->config, work->state->alpn, digest);
    *same = failed == 0 && memcmp(digest, session->alpn_digest, sizeof digest) == 0;
    return failed;
}

/* §4.3.10: the first identity, and version, suite and protocol as the session has them; §8.3: sent just now. Nothing is believed
 * of what came after a HelloRetryRequest: there is none then. */
int tlsm_judge_early(struct tlsm_work *work, const struct tlsm_client_hello *hello, const struct tlsm_session *session,
                     uint16_t identity, struct tlsm_bytes binder)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    const uint32_t most = work->config->settings->early_max;
    int same;
    if (!tlsm_has(&hello->extensions, TLSM_EXT_EARLY_DATA) || identity != 0 || most == 0 || session->early_max == 0 ||
        session->early_max > most || session->suite != work->state->suite ||
        !is_recent(arrival(hello, session), work->state->now_ms))
        return 0;
    if (same_protocol(work, session, &same) != 0)
        return -1;
    if (!same)
        return 0;
    hs->flags |= TLSM_HS_EARLY_POSSIBLE;
    hs->early_max = session->early_max;
    keep_name(hs, binder, arrival(hello, session));
    return 0;
}

void tlsm_settle_early(struct tlsm_state *state)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    if ((hs->flags & TLSM_HS_EARLY_OFFERED) && !(hs->flags & TLSM_HS_EARLY_POSSIBLE))
        state->control.facts |= TLSM_FACT_EARLY_REJECTED;
}

/* Early data may lie right behind the ClientHello: its key is there from now on. The age is judged once more, by the time of the
 * answer: whoever remembers names for a while can only speak of what came within it, and a connection may have waited long for
 * its ClientHello. */
enum tlsm_code tlsm_answer_replay(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    uint8_t secret[TLSM_HASH_MAX];
    struct tlsm_key key;
    if (answer->fresh && answer->now_ms == 0)
        return TLSM_BAD_ARGUMENT;
    const int fresh = answer->fresh && is_recent(kept_arrival(hs), answer->now_ms);
    if (fresh && tlsm_early_key(work, &hs->transcript, state->suite, secret, &key) != 0) {
        tlsm_wipe(secret, sizeof secret);
        tlsm_wipe(&key, sizeof key);
        return TLSM_LIBRARY_FAILED;
    }
    hs->flags &= (uint16_t)~TLSM_HS_EARLY_POSSIBLE;
    memset(hs->signed_hash, 0, sizeof hs->signed_hash);
    if (answer->now_ms != 0)
        state->now_ms = answer->now_ms;
    if (!fresh) {
        hs->early_max = 0;
        tlsm_settle_early(state);
        return TLSM_OK;
    }
    memcpy(hs->early, secret, sizeof hs->early);
    tlsm_set_read(work, &key, TLSM_EPOCH_EARLY);
    tlsm_set_mark(state, TLSM_MARK_EARLY_ACCEPTED);
    work->out->news |= TLSM_NEWS_KEYS;
    tlsm_wipe(secret, sizeof secret);
    tlsm_wipe(&key, sizeof key);
    return TLSM_OK;
}

uint8_t tlsm_take_end_of_early_data(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    if (tlsm_body(message).length > 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_absorb(work->config, hs->hash, &hs->transcript, message) != 0 ||
        tlsm_install_read(work, hs->client_handshake, TLSM_EPOCH_HANDSHAKE) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    tlsm_set_mark(work->state, TLSM_MARK_EARLY_ENDED);
    tlsm_wipe(hs->early, sizeof hs->early);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ both */

int tlsm_early_data(const struct tlsm_state *state)
{
    if (tlsm_mark(state, TLSM_MARK_EARLY_ACCEPTED))
        return TLSM_EARLY_ACCEPTED;
    if (tlsm_fact(state, TLSM_FACT_EARLY_REJECTED))
        return TLSM_EARLY_REJECTED;
    return tlsm_mark(state, TLSM_MARK_EARLY_OFFERED) ? TLSM_EARLY_UNKNOWN : TLSM_EARLY_NONE;
}

/* Two records of the key are kept back (A16): for EndOfEarlyData and an alert, or for the two of a cancel. */
size_t tlsm_early_room(const struct tlsm_config *config, const struct tlsm_state *state)
{
    if (state->control.role != TLSM_CLIENT || state->control.tx != TLSM_TX_HANDSHAKE ||
        state->control.write_epoch != TLSM_EPOCH_EARLY || state->control.phase == TLSM_PHASE_C_MAKE_EARLY_CCS ||
        !tlsm_in_handshake(state) || tlsm_writes_left(config, state) == 0)
        return 0;
    return tlsm_hs_const(state)->early_max - state->ledger.early_out;
}
