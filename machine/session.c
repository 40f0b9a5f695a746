/* SPDX-License-Identifier: MIT */
/* A session as a value: serialised, and judged fit or unfit to be resumed. */
#include "handshake.h"

enum { FORMAT = 2, EXTENDED_MASTER = 1, BY_ID = 2, CLIENT_SHOWN = 4, ALL_FLAGS = 7, SESSION_ID_MAX = 32, WEEK_S = TLSM_TICKET_LIFETIME_MAX };

/* ------------------------------------------------------------------------------------------------ serialised */

/* Of TLS 1.3 it is a PSK as long as the hash, of TLS 1.2 the master secret. */
static int version_good(const struct tlsm_session *session)
{
    const size_t length = tlsm_hash_length(tlsm_suite_hash(session->suite));
    if (length == 0 || tlsm_suite_is_12(session->suite) != (session->version == TLSM_1_2))
        return 0;
    if (session->version == TLSM_1_2)
        return session->secret_length == TLSM_HASH_MAX && (!session->by_id || session->ticket.length <= SESSION_ID_MAX);
    return session->version == TLSM_1_3 && session->secret_length == length && !session->extended_master && !session->by_id;
}

static int good(const struct tlsm_session *session)
{
    return version_good(session) && session->context.length <= TLSM_CONTEXT_MAX && session->ticket.length <= 65535;
}

static uint32_t flags_of(const struct tlsm_session *session)
{
    return (session->extended_master ? EXTENDED_MASTER : 0u) | (session->by_id ? BY_ID : 0u) |
           (session->client_shown ? CLIENT_SHOWN : 0u);
}

static void put_long(struct tlsm_writer *writer, uint64_t number)
{
    tlsm_put_number(writer, (uint32_t)(number >> 32), 4);
    tlsm_put_number(writer, (uint32_t)(number & UINT32_MAX), 4);
}

static void put_bytes(struct tlsm_writer *writer, struct tlsm_bytes bytes, unsigned length_bytes)
{
    tlsm_put_number(writer, (uint32_t)bytes.length, length_bytes);
    tlsm_put(writer, bytes);
}

static void put_session(struct tlsm_writer *writer, const struct tlsm_session *session)
{
    tlsm_put_number(writer, FORMAT, 1);
    tlsm_put_number(writer, session->version, 2);
    tlsm_put_number(writer, session->suite, 2);
    tlsm_put_number(writer, flags_of(session), 1);
    put_bytes(writer, tlsm_slice(session->secret, session->secret_length), 1);
    tlsm_put_number(writer, session->lifetime_s, 4);
    tlsm_put_number(writer, session->age_add, 4);
    tlsm_put_number(writer, session->early_max, 4);
    put_long(writer, session->issued_ms);
    put_long(writer, session->origin_ms);
    tlsm_put(writer, tlsm_slice(session->name_digest, sizeof session->name_digest));
    tlsm_put(writer, tlsm_slice(session->alpn_digest, sizeof session->alpn_digest));
    put_bytes(writer, session->context, 1);
    put_bytes(writer, session->ticket, 2);
}

size_t tlsm_session_write(const struct tlsm_session *session, struct tlsm_span to)
{
    struct tlsm_writer measure = { NULL, 0, 0 }, writer = { to.data, to.capacity, 0 };
    if (!good(session))
        return 0;
    put_session(&measure, session);
    if (measure.length <= to.capacity)
        put_session(&writer, session);
    return measure.length;
}

static uint64_t take_long(struct tlsm_reader *reader)
{
    const uint64_t high = tlsm_take_number(reader, 4);
    return high << 32 | tlsm_take_number(reader, 4);
}

static void take_array(struct tlsm_reader *reader, uint8_t *to, size_t length)
{
    const struct tlsm_bytes taken = tlsm_take(reader, length);
    if (taken.length > 0)
        memcpy(to, taken.data, taken.length);
}

static int take_secret(struct tlsm_reader *reader, struct tlsm_session *session)
{
    const struct tlsm_bytes secret = tlsm_take_vector(reader, 1);
    if (reader->bad || secret.length == 0 || secret.length > sizeof session->secret)
        return 0;
    memcpy(session->secret, secret.data, secret.length);
    session->secret_length = (uint32_t)secret.length;
    return 1;
}

static int take_session(struct tlsm_reader *reader, struct tlsm_session *session)
{
    if (tlsm_take_number(reader, 1) != FORMAT)
        return 0;
    session->version = (uint16_t)tlsm_take_number(reader, 2);
    session->suite = (uint16_t)tlsm_take_number(reader, 2);
    const uint32_t flags = tlsm_take_number(reader, 1);
    session->extended_master = (flags & EXTENDED_MASTER) != 0;
    session->by_id = (flags & BY_ID) != 0;
    session->client_shown = (flags & CLIENT_SHOWN) != 0;
    if (flags > ALL_FLAGS || !take_secret(reader, session))
        return 0;
    session->lifetime_s = tlsm_take_number(reader, 4);
    session->age_add = tlsm_take_number(reader, 4);
    session->early_max = tlsm_take_number(reader, 4);
    session->issued_ms = take_long(reader);
    session->origin_ms = take_long(reader);
    take_array(reader, session->name_digest, sizeof session->name_digest);
    take_array(reader, session->alpn_digest, sizeof session->alpn_digest);
    session->context = tlsm_take_vector(reader, 1);
    session->ticket = tlsm_take_vector(reader, 2);
    return !reader->bad && reader->left == 0 && good(session);
}

int tlsm_session_read(struct tlsm_bytes from, struct tlsm_session *session)
{
    struct tlsm_reader reader = tlsm_reader(from);
    memset(session, 0, sizeof *session);
    if (take_session(&reader, session))
        return 1;
    tlsm_wipe(session, sizeof *session);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ fit or unfit */

int tlsm_digest_alpn(const struct tlsm_config *config, uint16_t alpn, uint8_t to[TLSM_ALPN_DIGEST])
{
    uint8_t digest[TLSM_HASH_MAX];
    struct tlsm_hash running;
    memset(to, 0, TLSM_ALPN_DIGEST);
    if (alpn == 0)
        return 0;
    int failed = config->crypto->hash_start(config->self, TLSM_SHA256, &running);
    if (failed == 0)
        failed = tlsm_absorb(config, TLSM_SHA256, &running, config->settings->alpn[alpn - 1]);
    if (failed == 0)
        failed = tlsm_digest(config, TLSM_SHA256, &running, digest);
    if (failed == 0)
        memcpy(to, digest, TLSM_ALPN_DIGEST);
    return failed;
}

int tlsm_digest_name(const struct tlsm_work *work, struct tlsm_bytes name)
{
    const struct tlsm_config *config = work->config;
    uint8_t lower[TLSM_NAME_MAX], digest[TLSM_HASH_MAX];
    struct tlsm_hash running;
    memset(work->state->name_digest, 0, sizeof work->state->name_digest);
    if (name.length == 0)
        return 0;
    for (size_t i = 0; i < name.length && i < sizeof lower; i++) {
        const uint8_t letter = name.data[i];
        lower[i] = letter >= 'A' && letter <= 'Z' ? (uint8_t)(letter + ('a' - 'A')) : letter;
    }
    int failed = config->crypto->hash_start(config->self, TLSM_SHA256, &running);
    if (failed == 0)
        failed = tlsm_absorb(config, TLSM_SHA256, &running, tlsm_slice(lower, name.length));
    if (failed == 0)
        failed = tlsm_digest(config, TLSM_SHA256, &running, digest);
    if (failed == 0)
        memcpy(work->state->name_digest, digest, sizeof work->state->name_digest);
    return failed;
}

/* Clocks of two servers differ, and ours may be set back: what lies in the future is new. */
static uint64_t since(uint64_t now_ms, uint64_t then_ms)
{
    return now_ms > then_ms ? now_ms - then_ms : 0;
}

/* But what lies further ahead than it would live comes from no clock that can be compared with ours. */
static uint64_t apart(uint64_t a_ms, uint64_t b_ms) { return a_ms > b_ms ? a_ms - b_ms : b_ms - a_ms; }

static uint64_t total_ms(const struct tlsm_settings *settings)
{
    return UINT64_C(1000) * (settings->session_total_s != 0 ? settings->session_total_s : WEEK_S);
}

/* §4.7.1: "Clients MUST NOT use tickets for longer than 7 days after issuance, regardless of the ticket_lifetime"; and
 * "It is RECOMMENDED that implementations place limits on the total lifetime of such keying material". */
static int young(const struct tlsm_settings *settings, const struct tlsm_session *session, uint64_t now_ms)
{
    const uint32_t lifetime_s = session->lifetime_s < WEEK_S ? session->lifetime_s : WEEK_S;
    return now_ms != 0 && lifetime_s != 0 && apart(now_ms, session->issued_ms) <= UINT64_C(1000) * lifetime_s &&
           apart(now_ms, session->origin_ms) < total_ms(settings);
}

static int same_context(struct tlsm_bytes a, struct tlsm_bytes b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Who has to show a certificate has shown one when the session was made, or shows one now. */
static int shown_enough(const struct tlsm_settings *settings, const struct tlsm_session *session)
{
    return settings->role != TLSM_SERVER || settings->client_auth != TLSM_CLIENT_AUTH_REQUIRE || session->client_shown;
}

int tlsm_session_usable(const struct tlsm_work *work, const struct tlsm_session *session, uint16_t hash)
{
    const struct tlsm_settings *settings = work->config->settings;
    return good(session) && tlsm_suite_hash(session->suite) == hash && young(settings, session, work->state->now_ms) &&
           same_context(session->context, settings->session_context) && shown_enough(settings, session) &&
           memcmp(session->name_digest, work->state->name_digest, sizeof session->name_digest) == 0;
}

uint32_t tlsm_session_left_s(const struct tlsm_config *config, const struct tlsm_state *state)
{
    const uint64_t total = total_ms(config->settings), gone = since(state->now_ms, state->origin_ms);
    return state->now_ms != 0 && gone < total ? (uint32_t)((total - gone) / 1000) : 0;
}
