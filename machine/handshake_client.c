/* SPDX-License-Identifier: MIT */
/* The client's hellos: ClientHello, ServerHello, HelloRetryRequest. Order is handshake.def's. */
#include "handshake.h"

enum { LEGACY_VERSION = 0x0303, RETRY_SECRET = 2 };

/* ------------------------------------------------------------------------------------------------ ClientHello */

/* RFC 6066 §3: "Literal IPv4 and IPv6 addresses are not permitted in "HostName"". A name whose last label is all digits is
 * no host name. */
static int is_address(struct tlsm_bytes name)
{
    int digits = 1;
    for (size_t i = 0; i < name.length; i++) {
        const uint8_t letter = name.data[i];
        if (letter == ':')
            return 1;
        digits = letter == '.' ? 1 : digits && letter >= '0' && letter <= '9';
    }
    return digits;
}

static struct tlsm_bytes sent_name(const struct tlsm_handshake *hs)
{
    const struct tlsm_bytes name = tlsm_slice(hs->name, hs->name_length);
    return is_address(name) ? tlsm_slice(NULL, 0) : name;
}

static void put_server_name(struct tlsm_writer *writer, struct tlsm_bytes name)
{
    if (name.length == 0)
        return;
    size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_SERVER_NAME);
    size_t list = tlsm_open_vector(writer, 2);
    tlsm_put_number(writer, 0, 1);
    tlsm_put_number(writer, (uint32_t)name.length, 2);
    tlsm_put(writer, name);
    tlsm_close_vector(writer, list, 2);
    tlsm_close_extension(writer, extension);
}

static void put_numbers(struct tlsm_writer *writer, enum tlsm_extension_number number, struct tlsm_numbers numbers)
{
    size_t extension = tlsm_open_extension(writer, number);
    tlsm_put_numbers(writer, numbers);
    tlsm_close_extension(writer, extension);
}

static void put_alpn(struct tlsm_writer *writer, const struct tlsm_settings *settings)
{
    if (settings->alpn_count == 0)
        return;
    size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_ALPN);
    size_t list = tlsm_open_vector(writer, 2);
    for (size_t i = 0; i < settings->alpn_count; i++) {
        tlsm_put_number(writer, (uint32_t)settings->alpn[i].length, 1);
        tlsm_put(writer, settings->alpn[i]);
    }
    tlsm_close_vector(writer, list, 2);
    tlsm_close_extension(writer, extension);
}

static void put_versions(struct tlsm_writer *writer, const struct tlsm_settings *settings)
{
    size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_SUPPORTED_VERSIONS);
    size_t list = tlsm_open_vector(writer, 1);
    tlsm_put_number(writer, TLSM_1_3, 2);
    if (tlsm_speaks(settings, TLSM_1_2))
        tlsm_put_number(writer, TLSM_1_2, 2);
    tlsm_close_vector(writer, list, 1);
    tlsm_close_extension(writer, extension);
}

static void put_bytes(struct tlsm_writer *writer, enum tlsm_extension_number number, struct tlsm_bytes bytes)
{
    size_t extension = tlsm_open_extension(writer, number);
    tlsm_put(writer, bytes);
    tlsm_close_extension(writer, extension);
}

/* What TLS 1.2 needs: points are uncompressed (RFC 8422 §5.1.2), the master secret is bound (RFC 7627), the ticket or the wish for one
 * (RFC 5077 §3.2), and this is no renegotiation (RFC 5746 §3.4). */
static void put_extensions_12(struct tlsm_writer *writer, const struct tlsm_state *state)
{
    static const uint8_t uncompressed[] = { 1, 0 }, first[] = { 0 };
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    const size_t ticket = hs->flags & TLSM_HS_SESSION_12 ? hs->ticket_length : 0;
    put_bytes(writer, TLSM_EXTENSION_EC_POINT_FORMATS, tlsm_slice(uncompressed, sizeof uncompressed));
    put_bytes(writer, TLSM_EXTENSION_EXTENDED_MASTER_SECRET, tlsm_slice(NULL, 0));
    put_bytes(writer, TLSM_EXTENSION_SESSION_TICKET, tlsm_slice(tlsm_room_const(state), ticket));
    put_bytes(writer, TLSM_EXTENSION_RENEGOTIATION_INFO, tlsm_slice(first, sizeof first));
}

/* "the client MUST copy the contents of the extension received in the HelloRetryRequest" (§4.3.2). */
static void put_cookie(struct tlsm_writer *writer, const struct tlsm_state *state)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    if (hs->cookie_length == 0)
        return;
    size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_COOKIE);
    size_t cookie = tlsm_open_vector(writer, 2);
    tlsm_put(writer, tlsm_slice(tlsm_room_const(state) + hs->cookie_at, hs->cookie_length));
    tlsm_close_vector(writer, cookie, 2);
    tlsm_close_extension(writer, extension);
}

/* Only with this will a server issue tickets. */
static void put_psk_modes(struct tlsm_writer *writer)
{
    size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_PSK_KEY_EXCHANGE_MODES);
    tlsm_put_number(writer, 1, 1);
    tlsm_put_number(writer, TLSM_PSK_DHE_KE, 1);
    tlsm_close_extension(writer, extension);
}

static void put_shares(struct tlsm_writer *writer, const struct tlsm_handshake *hs)
{
    size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_KEY_SHARE);
    size_t list = tlsm_open_vector(writer, 2);
    for (size_t i = 0; i < 2 && hs->share_group[i] != 0; i++) {
        tlsm_put_number(writer, hs->share_group[i], 2);
        tlsm_put_number(writer, hs->own_share_length[i], 2);
        tlsm_put(writer, tlsm_slice(hs->own_share[i], hs->own_share_length[i]));
    }
    tlsm_close_vector(writer, list, 2);
    tlsm_close_extension(writer, extension);
}

static void put_extensions(struct tlsm_writer *writer, const struct tlsm_work *work)
{
    const struct tlsm_settings *settings = work->config->settings;
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    const struct tlsm_numbers chain = { settings->chain_schemes, settings->chain_scheme_count };
    size_t all = tlsm_open_vector(writer, 2);
    put_server_name(writer, sent_name(hs));
    put_numbers(writer, TLSM_EXTENSION_SUPPORTED_GROUPS, tlsm_groups(settings));
    put_numbers(writer, TLSM_EXTENSION_SIGNATURE_ALGORITHMS, tlsm_schemes(settings));
    if (chain.count > 0)
        put_numbers(writer, TLSM_EXTENSION_SIGNATURE_ALGORITHMS_CERT, chain);
    put_alpn(writer, settings);
    tlsm_put_status_request(writer, settings);
    tlsm_put_record_limit(writer, work);
    if (tlsm_speaks(settings, TLSM_1_2))
        put_extensions_12(writer, work->state);
    if (tlsm_speaks(settings, TLSM_1_3)) {
        put_versions(writer, settings);
        put_cookie(writer, work->state);
        put_psk_modes(writer);
        if (settings->late_auth)
            put_bytes(writer, TLSM_EXTENSION_POST_HANDSHAKE_AUTH, tlsm_slice(NULL, 0));
        put_shares(writer, hs);
        tlsm_put_early(writer, work->state);
    }
    tlsm_put_session(writer, work->state);   /* "MUST be the last extension in the ClientHello" (§4.3.11) */
    tlsm_close_vector(writer, all, 2);
}

/* Each version is asked about once, outside of the loop: where the question was a condition of the loop, gcc 12.2 at -O2, with the
 * core in one piece, went through it once for a version that is not spoken. */
static void put_suites(struct tlsm_writer *writer, const struct tlsm_settings *settings)
{
    size_t list = tlsm_open_vector(writer, 2);
    if (tlsm_speaks(settings, TLSM_1_3))
        tlsm_put_each(writer, tlsm_suites(settings));
    if (tlsm_speaks(settings, TLSM_1_2))
        tlsm_put_each(writer, tlsm_suites12(settings));
    tlsm_close_vector(writer, list, 2);
}

static struct tlsm_writer put_client_hello(const struct tlsm_work *work)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_CLIENT_HELLO);
    tlsm_put_number(&writer, LEGACY_VERSION, 2);
    tlsm_put(&writer, tlsm_slice(work->state->client_random, 32));
    tlsm_put_number(&writer, hs->session_id_length, 1);
    tlsm_put(&writer, tlsm_slice(hs->session_id, hs->session_id_length));
    put_suites(&writer, work->config->settings);
    tlsm_put_number(&writer, 0x0100, 2);   /* one compression method: null */
    put_extensions(&writer, work);
    return writer;
}

/* What follows is early data: its key is there before the ClientHello is, so that nothing can fail in between. */
static enum tlsm_code send_early_hello(struct tlsm_work *work, const struct tlsm_writer *writer, const struct tlsm_hash *transcript)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    uint8_t secret[TLSM_HASH_MAX];
    struct tlsm_key key;
    enum tlsm_code code = TLSM_OK;
    if (tlsm_early_key(work, transcript, hs->session_suite, secret, &key) != 0 ||
        tlsm_seal_message(work, TLSM_TYPE_HANDSHAKE, writer->length) < 0)
        code = TLSM_LIBRARY_FAILED;
    if (code == TLSM_OK) {
        memcpy(hs->early, secret, sizeof hs->early);
        tlsm_set_write(work, &key, TLSM_EPOCH_EARLY);
        work->out->news |= TLSM_NEWS_KEYS;
    }
    tlsm_wipe(secret, sizeof secret);
    tlsm_wipe(&key, sizeof key);
    return code;
}

enum tlsm_code tlsm_make_client_hello(struct tlsm_work *work)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_hash as_256 = hs->transcript, as_384 = hs->other;
    struct tlsm_writer writer = put_client_hello(work);
    enum tlsm_code code = tlsm_end_message(work, &writer);
    if (code != TLSM_OK)
        return code;
    const int is_384 = hs->session_hash == TLSM_SHA384;
    if (tlsm_fill_binder(work, is_384 ? &hs->other : &hs->transcript, &writer) != 0 ||
        tlsm_absorb(work->config, TLSM_SHA256, &as_256, tlsm_made(&writer)) != 0 ||
        tlsm_absorb(work->config, TLSM_SHA384, &as_384, tlsm_made(&writer)) != 0)
        return TLSM_LIBRARY_FAILED;
    if (tlsm_early_offered(work->state))
        code = send_early_hello(work, &writer, is_384 ? &as_384 : &as_256);
    else if (tlsm_seal_message(work, TLSM_TYPE_HANDSHAKE, writer.length) < 0)
        code = TLSM_LIBRARY_FAILED;
    if (code == TLSM_OK) {
        hs->transcript = as_256;
        hs->other = as_384;
    }
    return code;
}

enum tlsm_code tlsm_make_client_hello_again(struct tlsm_work *work)
{
    struct tlsm_writer writer = put_client_hello(work);
    struct tlsm_hash transcript = tlsm_hs(work->state)->transcript;
    const enum tlsm_code code = tlsm_end_message(work, &writer);
    if (code != TLSM_OK)
        return code;
    if (tlsm_fill_binder(work, &transcript, &writer) != 0 ||
        tlsm_absorb(work->config, tlsm_hs(work->state)->hash, &transcript, tlsm_made(&writer)) != 0 ||
        tlsm_send_prepared(work, &writer, &transcript) != TLSM_OK)
        return TLSM_LIBRARY_FAILED;
    tlsm_release(work->state);   /* cookie and ticket */
    return TLSM_OK;
}

/* ------------------------------------------------------------------------------------------------ ServerHello */

static uint32_t offered_by_version(const struct tlsm_settings *settings)
{
    uint32_t bits = 0;
    if (tlsm_speaks(settings, TLSM_1_3))
        bits |= tlsm_extension_bit(TLSM_EXT_SUPPORTED_VERSIONS) | tlsm_extension_bit(TLSM_EXT_KEY_SHARE) |
                tlsm_extension_bit(TLSM_EXT_PSK_KEY_EXCHANGE_MODES);
    if (tlsm_speaks(settings, TLSM_1_2))
        bits |= tlsm_extension_bit(TLSM_EXT_EC_POINT_FORMATS) | tlsm_extension_bit(TLSM_EXT_EXTENDED_MASTER_SECRET) |
                tlsm_extension_bit(TLSM_EXT_SESSION_TICKET) | tlsm_extension_bit(TLSM_EXT_RENEGOTIATION_INFO);
    return bits;
}

uint32_t tlsm_offered(const struct tlsm_work *work)
{
    const struct tlsm_settings *settings = work->config->settings;
    uint32_t bits = tlsm_extension_bit(TLSM_EXT_SUPPORTED_GROUPS) | tlsm_extension_bit(TLSM_EXT_SIGNATURE_ALGORITHMS) |
                    offered_by_version(settings);
    if (sent_name(tlsm_hs_const(work->state)).length > 0)
        bits |= tlsm_extension_bit(TLSM_EXT_SERVER_NAME);
    if (settings->alpn_count > 0)
        bits |= tlsm_extension_bit(TLSM_EXT_ALPN);
    if (settings->ask_staple)
        bits |= tlsm_extension_bit(TLSM_EXT_STATUS_REQUEST);
    if (settings->record_size_limit != 0)
        bits |= tlsm_extension_bit(TLSM_EXT_RECORD_SIZE_LIMIT);
    if (settings->chain_scheme_count > 0)
        bits |= tlsm_extension_bit(TLSM_EXT_SIGNATURE_ALGORITHMS_CERT);
    if (tlsm_hs_const(work->state)->flags & TLSM_HS_SESSION_OFFERED)
        bits |= tlsm_extension_bit(TLSM_EXT_PRE_SHARED_KEY);
    if (tlsm_early_offered(work->state))
        bits |= tlsm_extension_bit(TLSM_EXT_EARLY_DATA);
    return bits;
}

/* §4.2.3: "TLS 1.3 clients receiving a ServerHello indicating TLS 1.2 or below MUST check that the last 8 bytes are not
 * equal to either of these values." */
uint8_t tlsm_judge_downgrade(struct tlsm_bytes random)
{
    static const uint8_t sentinel[7] = { 0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44 };
    const uint8_t *tail = random.data + 24;
    return memcmp(tail, sentinel, sizeof sentinel) == 0 && tail[7] <= 1 ? TLSM_ALERT_ILLEGAL_PARAMETER : 0;
}

/* "clients MUST check for this extension prior to processing the rest of the ServerHello" (§4.3.1). */
static uint8_t check_version(const struct tlsm_settings *settings, const struct tlsm_server_hello *hello, unsigned message)
{
    struct tlsm_bytes data;
    if (!tlsm_find_extension(hello->block, TLSM_EXTENSION_SUPPORTED_VERSIONS, &data))
        return message == TLSM_IN_HRR ? TLSM_ALERT_MISSING_EXTENSION : TLSM_ALERT_PROTOCOL_VERSION;
    if (!tlsm_speaks(settings, TLSM_1_3))   /* we sent no such extension */
        return TLSM_ALERT_UNSUPPORTED_EXTENSION;
    struct tlsm_reader reader = tlsm_reader(data);
    uint32_t version = tlsm_take_number(&reader, 2);
    if (reader.bad || reader.left != 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (version != TLSM_1_3)
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    return hello->version == LEGACY_VERSION ? 0 : TLSM_ALERT_PROTOCOL_VERSION;
}

static uint8_t check_echoes(const struct tlsm_work *work, const struct tlsm_server_hello *hello)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    const uint16_t suite = (uint16_t)hello->suite, fixed = work->state->suite;
    if (hello->session_id.length != hs->session_id_length ||
        !tlsm_equal(hello->session_id.data, hs->session_id, hs->session_id_length))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    if (!tlsm_numbers_have(tlsm_suites(work->config->settings), suite) || (fixed != 0 && suite != fixed))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    return hello->compression == 0 ? 0 : TLSM_ALERT_ILLEGAL_PARAMETER;
}

uint8_t tlsm_parse_server_hello(struct tlsm_bytes message, struct tlsm_server_hello *hello)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_body(message));
    memset(hello, 0, sizeof *hello);
    hello->version = tlsm_take_number(&reader, 2);
    hello->random = tlsm_take(&reader, 32);
    hello->session_id = tlsm_take_vector(&reader, 1);
    hello->suite = tlsm_take_number(&reader, 2);
    hello->compression = tlsm_take_number(&reader, 1);
    if (reader.left > 0)   /* an older server may have no extensions */
        hello->block = tlsm_take_vector(&reader, 2);
    return reader.bad || reader.left != 0 || hello->session_id.length > 32 ? TLSM_ALERT_DECODE_ERROR : 0;
}

static uint8_t read_server_hello(const struct tlsm_work *work, struct tlsm_bytes message, unsigned kind,
                                 struct tlsm_server_hello *hello)
{
    uint8_t alert = tlsm_parse_server_hello(message, hello);
    if (alert == 0)
        alert = check_version(work->config->settings, hello, kind);
    if (alert == 0)
        alert = check_echoes(work, hello);
    if (alert != 0)
        return alert;
    /* "with the exception of the "cookie" extension in the HelloRetryRequest" (§4.3) */
    return tlsm_read_extensions(hello->block, kind, tlsm_offered(work) | tlsm_extension_bit(TLSM_EXT_COOKIE),
                                &hello->extensions);
}

/* The hash is fixed: one of the two running transcripts goes on. */
static void fix_hash(struct tlsm_state *state, uint16_t suite)
{
    struct tlsm_handshake *hs = tlsm_hs(state);
    state->suite = suite;
    state->control.version = TLSM_1_3;
    if (hs->hash != 0)
        return;
    hs->hash = tlsm_suite_hash(suite);
    if (hs->hash == TLSM_SHA384)
        hs->transcript = hs->other;
    memset(&hs->other, 0, sizeof hs->other);
}

static uint8_t agree(struct tlsm_work *work, struct tlsm_bytes data, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    const struct tlsm_config *config = work->config;
    struct tlsm_reader reader = tlsm_reader(data);
    const uint32_t group = tlsm_take_number(&reader, 2);
    const struct tlsm_bytes peer = tlsm_take_vector(&reader, 2);
    const size_t i = group == hs->share_group[0] ? 0 : 1;
    if (reader.bad || reader.left != 0 || peer.length == 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (group == 0 || group != hs->share_group[i])
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    work->state->group = (uint16_t)group;
    const struct tlsm_bytes own = tlsm_slice(hs->own_share[i], hs->own_share_length[i]);
    return config->crypto->agree(config->self, (uint16_t)group, hs->share_secret[i], own, peer, shared, length) == 0
               ? 0 : TLSM_ALERT_ILLEGAL_PARAMETER;
}

void tlsm_wipe_shares(struct tlsm_handshake *hs)
{
    tlsm_wipe(hs->share_secret, sizeof hs->share_secret);
    memset(hs->own_share, 0, sizeof hs->own_share);
    memset(hs->own_share_length, 0, sizeof hs->own_share_length);
    memset(hs->share_group, 0, sizeof hs->share_group);
}

static int install_handshake_keys(struct tlsm_work *work, struct tlsm_bytes shared)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_secrets secrets;
    uint8_t digest[TLSM_HASH_MAX];
    const uint8_t *early = tlsm_fact(work->state, TLSM_FACT_RESUMED) ? hs->secret : NULL;
    int failed = tlsm_digest(work->config, hs->hash, &hs->transcript, digest);
    if (failed == 0)
        failed = tlsm_derive_handshake(work->config, hs->hash, early, shared, digest, &secrets);
    if (failed == 0)
        failed = tlsm_install_read(work, secrets.server, TLSM_EPOCH_HANDSHAKE);
    if (failed == 0)
        failed = tlsm_leave_early(work, secrets.client);
    if (failed == 0) {
        memcpy(hs->secret, secrets.running, TLSM_HASH_MAX);
        memcpy(hs->client_handshake, secrets.client, TLSM_HASH_MAX);
        memcpy(hs->server_handshake, secrets.server, TLSM_HASH_MAX);
        work->out->news |= TLSM_NEWS_KEYS;
    }
    tlsm_wipe(&secrets, sizeof secrets);
    return failed;
}

/* §4.3.11: illegal_parameter unless the identity is the one we offered, "the server selected a cipher suite indicating a
 * Hash associated with the PSK", and the key exchange is there. */
static uint8_t take_selection(struct tlsm_work *work, const struct tlsm_server_hello *hello)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    if (!tlsm_has(&hello->extensions, TLSM_EXT_PRE_SHARED_KEY))
        return 0;
    struct tlsm_reader reader = tlsm_reader(hello->extensions.at[TLSM_EXT_PRE_SHARED_KEY]);
    const uint32_t identity = tlsm_take_number(&reader, 2);
    if (reader.bad || reader.left != 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (identity != 0 || tlsm_suite_hash((uint16_t)hello->suite) != hs->session_hash ||
        !tlsm_has(&hello->extensions, TLSM_EXT_KEY_SHARE))
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    state->origin_ms = hs->session_origin_ms;
    state->control.facts |= TLSM_FACT_RESUMED;
    return 0;
}

uint8_t tlsm_take_server_hello(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_server_hello hello;
    uint8_t shared[TLSM_SHARED_MAX];
    size_t length = 0;
    uint8_t alert = read_server_hello(work, message, TLSM_IN_SH, &hello);
    if (alert != 0)
        return alert;
    alert = take_selection(work, &hello);
    if (alert != 0)
        return alert;
    if (!tlsm_has(&hello.extensions, TLSM_EXT_KEY_SHARE))
        return TLSM_ALERT_MISSING_EXTENSION;
    memset(shared, 0, sizeof shared);
    alert = agree(work, hello.extensions.at[TLSM_EXT_KEY_SHARE], shared, &length);
    if (alert != 0) {
        tlsm_wipe(shared, sizeof shared);
        return alert;
    }
    if (hs->flags & TLSM_HS_SESSION_12)
        tlsm_drop_session(work->state);
    fix_hash(work->state, (uint16_t)hello.suite);
    memcpy(hs->server_random, hello.random.data, sizeof hs->server_random);
    tlsm_wipe_shares(hs);
    int failed = tlsm_absorb(work->config, hs->hash, &hs->transcript, message);
    if (failed == 0)
        failed = install_handshake_keys(work, tlsm_slice(shared, length));
    tlsm_wipe(shared, sizeof shared);
    tlsm_release(work->state);   /* the ticket offered */
    return failed == 0 ? 0 : TLSM_ALERT_INTERNAL_ERROR;
}

/* ------------------------------------------------------------------------------------------------ HelloRetryRequest */

/* §4.3.8: the group must be one we offered, and none we sent a share for. */
static uint8_t check_retry_group(const struct tlsm_work *work, struct tlsm_bytes data, uint16_t *group)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    struct tlsm_reader reader = tlsm_reader(data);
    *group = (uint16_t)tlsm_take_number(&reader, 2);
    if (reader.bad || reader.left != 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (!tlsm_numbers_have(tlsm_groups(work->config->settings), *group) || *group == hs->share_group[0] ||
        *group == hs->share_group[1])
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    return 0;
}

int tlsm_replace_shares(const struct tlsm_work *work, size_t index, uint16_t group)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    uint8_t secret[TLSM_SHARE_SECRET_MAX];
    memcpy(secret, hs->share_secret[index], sizeof secret);
    tlsm_wipe_shares(hs);
    memcpy(hs->share_secret[0], secret, sizeof secret);
    tlsm_wipe(secret, sizeof secret);
    return tlsm_make_share(work->config, hs, 0, group);
}

static uint8_t take_cookie(const struct tlsm_work *work, struct tlsm_bytes message, struct tlsm_bytes data)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_bytes cookie;
    if (!tlsm_read_vector(data, 2, 1, &cookie))
        return TLSM_ALERT_DECODE_ERROR;
    hs->cookie_at = tlsm_room_offset(work->state, cookie);
    hs->cookie_length = (uint32_t)cookie.length;
    /* What cannot be echoed in a ClientHello of 2^16 bytes of extensions is no cookie. */
    struct tlsm_out no_room = { .wire = { NULL, 0 } };
    struct tlsm_work measure = { work->config, work->in, work->state, &no_room };
    if (put_client_hello(&measure).length > 65535)
        tlsm_drop_session(work->state);
    if (put_client_hello(&measure).length > 65535)
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    tlsm_keep(work->state, message);
    return 0;
}

uint8_t tlsm_take_hello_retry(struct tlsm_work *work, struct tlsm_bytes message)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    struct tlsm_server_hello hello;
    uint16_t group = 0;
    uint8_t alert = read_server_hello(work, message, TLSM_IN_HRR, &hello);
    if (alert != 0)
        return alert;
    const int share = tlsm_has(&hello.extensions, TLSM_EXT_KEY_SHARE);
    const int cookie = tlsm_has(&hello.extensions, TLSM_EXT_COOKIE);
    /* §4.2.4: illegal_parameter "if the HelloRetryRequest would not result in any change in the ClientHello" */
    if (!share && !cookie)
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    if (share)
        alert = check_retry_group(work, hello.extensions.at[TLSM_EXT_KEY_SHARE], &group);
    if (alert != 0)
        return alert;
    fix_hash(work->state, (uint16_t)hello.suite);
    tlsm_reject_early(work);   /* §4.3.10: "A client MUST NOT include the "early_data" extension in its followup ClientHello." */
    if (hs->flags & TLSM_HS_SESSION_OFFERED && hs->session_hash != hs->hash)
        tlsm_drop_session(work->state);
    work->state->control.facts |= TLSM_FACT_RETRIED;
    int failed = tlsm_message_hash(work->config, hs->hash, &hs->transcript);
    if (failed == 0)
        failed = tlsm_absorb(work->config, hs->hash, &hs->transcript, message);
    hs->retry_group = group;
    if (failed == 0 && share)
        failed = tlsm_replace_shares(work, RETRY_SECRET, group);
    if (failed != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    return cookie ? take_cookie(work, message, hello.extensions.at[TLSM_EXT_COOKIE]) : 0;
}
