/* SPDX-License-Identifier: MIT */
/* The beginning: what the settings say, whether they make sense, and the handshake's first state. */
#include "handshake.h"

static const uint16_t default_suites[] = { TLSM_AES_128_GCM_SHA256, TLSM_AES_256_GCM_SHA384,
                                           TLSM_CHACHA20_POLY1305_SHA256 };
static const uint16_t default_suites12[] = {
    TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256, TLSM_ECDHE_RSA_AES_128_GCM_SHA256, TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384,
    TLSM_ECDHE_RSA_AES_256_GCM_SHA384, TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256, TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256
};
static const uint16_t default_groups[] = { TLSM_X25519, TLSM_SECP256R1, TLSM_SECP384R1 };
static const uint16_t default_schemes[] = {
    TLSM_ECDSA_SECP256R1_SHA256, TLSM_ECDSA_SECP384R1_SHA384, TLSM_ED25519,
    TLSM_RSA_PSS_RSAE_SHA256, TLSM_RSA_PSS_RSAE_SHA384, TLSM_RSA_PSS_RSAE_SHA512,
    TLSM_RSA_PSS_PSS_SHA256, TLSM_RSA_PSS_PSS_SHA384, TLSM_RSA_PSS_PSS_SHA512,
    TLSM_RSA_PKCS1_SHA256, TLSM_RSA_PKCS1_SHA384, TLSM_RSA_PKCS1_SHA512
};
enum { SCHEMES_OF_12 = 3 };   /* at the end of that list: of no use to who speaks TLS 1.3 alone */

static struct tlsm_numbers numbers_or(const uint16_t *given, size_t count, const uint16_t *built_in, size_t built_in_count)
{
    struct tlsm_numbers numbers = { given, count };
    if (given == NULL) {
        numbers.at = built_in;
        numbers.count = built_in_count;
    }
    return numbers;
}

struct tlsm_numbers tlsm_suites(const struct tlsm_settings *settings)
{
    return numbers_or(settings->suites, settings->suite_count, default_suites,
                      sizeof default_suites / sizeof *default_suites);
}

struct tlsm_numbers tlsm_suites12(const struct tlsm_settings *settings)
{
    return numbers_or(settings->suites12, settings->suite12_count, default_suites12,
                      sizeof default_suites12 / sizeof *default_suites12);
}

int tlsm_speaks(const struct tlsm_settings *settings, uint16_t version)
{
    const uint16_t least = settings->version_min != 0 ? settings->version_min : TLSM_1_3;
    const uint16_t most = settings->version_max != 0 ? settings->version_max : TLSM_1_3;
    return version >= least && version <= most;
}

struct tlsm_numbers tlsm_groups(const struct tlsm_settings *settings)
{
    return numbers_or(settings->groups, settings->group_count, default_groups,
                      sizeof default_groups / sizeof *default_groups);
}

struct tlsm_numbers tlsm_schemes(const struct tlsm_settings *settings)
{
    const size_t count = sizeof default_schemes / sizeof *default_schemes;
    return numbers_or(settings->schemes, settings->scheme_count, default_schemes,
                      tlsm_speaks(settings, TLSM_1_2) ? count : count - SCHEMES_OF_12);
}

int tlsm_numbers_have(struct tlsm_numbers numbers, uint16_t number)
{
    for (size_t i = 0; i < numbers.count; i++)
        if (numbers.at[i] == number)
            return 1;
    return 0;
}

size_t tlsm_offered_shares(const struct tlsm_settings *settings)
{
    return settings->shares_offered >= 2 && tlsm_groups(settings).count >= 2 ? 2 : 1;
}

int tlsm_make_share(const struct tlsm_config *config, struct tlsm_handshake *hs, size_t index, uint16_t group)
{
    struct tlsm_span room = { hs->own_share[index], sizeof hs->own_share[index] };
    int failed = config->crypto->share(config->self, group, hs->share_secret[index], &room);
    if (failed == 0) {
        hs->share_group[index] = group;
        hs->own_share_length[index] = (uint16_t)room.capacity;
    }
    return failed;
}

/* ------------------------------------------------------------------------------------------------ settings */

static int suites_good(struct tlsm_numbers suites, int of_12)
{
    for (size_t i = 0; i < suites.count; i++)
        if (tlsm_suite_hash(suites.at[i]) == 0 || tlsm_suite_is_12(suites.at[i]) != of_12)
            return 0;
    return suites.count > 0 && suites.count < 256;
}

/* RFC 9846 §4.3.7: "MUST NOT contain any duplicate entries". */
static int groups_good(struct tlsm_numbers groups)
{
    for (size_t i = 0; i < groups.count; i++) {
        struct tlsm_numbers earlier = { groups.at, i };
        const uint16_t group = groups.at[i];
        if ((group != TLSM_X25519 && group != TLSM_SECP256R1 && group != TLSM_SECP384R1) ||
            tlsm_numbers_have(earlier, group))
            return 0;
    }
    return groups.count > 0;
}

static int alpn_good(const struct tlsm_settings *settings)
{
    size_t length = 0;
    for (size_t i = 0; i < settings->alpn_count; i++) {
        if (settings->alpn[i].length == 0 || settings->alpn[i].length > 255)
            return 0;
        length += 1 + settings->alpn[i].length;
    }
    return length < 16384;   /* so that all of ClientHello's extensions fit their 2-byte length */
}

enum { STAPLE_HEAD = 2 + 2 + 1 + 3 };   /* an extension's number and length, type and length of CertificateStatus */

static int credential_good(const struct tlsm_credential *credential)
{
    size_t length = 4 + credential->staple.length;
    for (size_t i = 0; i < credential->chain_count; i++) {
        if (credential->chain[i].length == 0 || credential->chain[i].length > 0xffffff)
            return 0;
        length += 3 + credential->chain[i].length + 2;
    }
    return credential->chain_count > 0 && credential->scheme_count > 0 && length <= 0xffffff - STAPLE_HEAD &&
           credential->staple.length <= 0xffff - STAPLE_HEAD;
}

static int credentials_good(const struct tlsm_settings *settings)
{
    for (size_t i = 0; i < settings->credential_count; i++)
        if (!credential_good(&settings->credentials[i]))
            return 0;
    return 1;
}

/* One of them at least can stand in CertificateVerify. */
static int schemes_good(const struct tlsm_settings *settings)
{
    const struct tlsm_numbers schemes = tlsm_schemes(settings);
    const uint16_t version = tlsm_speaks(settings, TLSM_1_2) ? TLSM_1_2 : TLSM_1_3;
    int one_signs = 0;
    for (size_t i = 0; i < schemes.count; i++)
        one_signs |= tlsm_scheme_signs(schemes.at[i], version);
    return one_signs && schemes.count < 256 && settings->chain_scheme_count < 256;
}

static int client_good(const struct tlsm_settings *settings)
{
    return schemes_good(settings) && credentials_good(settings) && settings->credential_count < TLSM_NO_CREDENTIAL;
}

/* So that all of CertificateRequest's extensions fit their 2-byte length. */
static int authorities_good(const struct tlsm_settings *settings)
{
    size_t length = 0;
    for (size_t i = 0; i < settings->authority_count; i++) {
        if (settings->authorities[i].length == 0 || settings->authorities[i].length > 0xffff)
            return 0;
        length += 2 + settings->authorities[i].length;
    }
    return length < 60000;
}

static int server_good(const struct tlsm_settings *settings)
{
    return credentials_good(settings) && authorities_good(settings) && settings->client_auth <= TLSM_CLIENT_AUTH_REQUIRE &&
           ((settings->client_auth == TLSM_CLIENT_AUTH_NONE && !settings->late_auth) || schemes_good(settings)) &&
           (settings->credential_count > 0 || settings->ask & TLSM_ASK_CREDENTIAL_BIT) && settings->credential_count < 65536;
}

static int versions_good(const struct tlsm_settings *settings)
{
    const int known = settings->version_min == 0 || settings->version_min == TLSM_1_2 || settings->version_min == TLSM_1_3;
    const int last = settings->version_max == 0 || settings->version_max == TLSM_1_2 || settings->version_max == TLSM_1_3;
    return known && last && (tlsm_speaks(settings, TLSM_1_2) || tlsm_speaks(settings, TLSM_1_3)) &&
           (settings->record_size_limit == 0 || (settings->record_size_limit >= 64 && settings->record_size_limit <= TLSM_PLAIN_MAX));
}

static int settings_good(const struct tlsm_settings *settings)
{
    if (settings->session_context.length > TLSM_CONTEXT_MAX || settings->ticket_lifetime_s > TLSM_TICKET_LIFETIME_MAX)
        return 0;
    if (!versions_good(settings) || !suites_good(tlsm_suites(settings), 0) || !suites_good(tlsm_suites12(settings), 1) || !groups_good(tlsm_groups(settings)) || !alpn_good(settings))
        return 0;
    return settings->role == TLSM_CLIENT ? client_good(settings) : server_good(settings);
}

static int name_good(struct tlsm_bytes name)
{
    if (name.length > TLSM_NAME_MAX)
        return 0;
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] == 0)
            return 0;
    return name.length == 0 || name.data[name.length - 1] != '.';
}

/* ------------------------------------------------------------------------------------------------ start */

/* Both hashes run until the suite fixes one: cheaper than keeping the ClientHello. */
static int start_client(const struct tlsm_work *work, struct tlsm_handshake *hs)
{
    const struct tlsm_config *config = work->config;
    const struct tlsm_numbers groups = tlsm_groups(config->settings);
    const size_t shares = tlsm_speaks(config->settings, TLSM_1_3) ? tlsm_offered_shares(config->settings) : 0;
    int failed = config->crypto->hash_start(config->self, TLSM_SHA256, &hs->transcript);
    if (failed == 0)
        failed = config->crypto->hash_start(config->self, TLSM_SHA384, &hs->other);
    for (size_t i = 0; failed == 0 && i < shares; i++)
        failed = tlsm_make_share(config, hs, i, groups.at[i]);
    return failed;
}

static void start_names(const struct tlsm_work *work, struct tlsm_handshake *hs)
{
    const struct tlsm_in *in = work->in;
    const int compatible = !work->config->settings->no_compatibility && tlsm_speaks(work->config->settings, TLSM_1_3);
    if (compatible && hs->session_id_length == 0) {   /* a session of TLS 1.2 brought one */
        memcpy(hs->session_id, in->entropy->session_id, sizeof hs->session_id);
        hs->session_id_length = sizeof hs->session_id;
    }
    work->state->control.facts |= compatible ? TLSM_FACT_CCS : 0;
    if (in->server_name.length > 0)
        memcpy(hs->name, in->server_name.data, in->server_name.length);
    hs->name_length = (uint8_t)in->server_name.length;
}

enum tlsm_code tlsm_handshake_start(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    const struct tlsm_settings *settings = work->config->settings;
    const struct tlsm_entropy *entropy = work->in->entropy;
    const int client = settings->role == TLSM_CLIENT;
    if (!settings_good(settings) || (client && !name_good(work->in->server_name)))
        return TLSM_BAD_ARGUMENT;
    memset(hs, 0, sizeof *hs);
    memcpy(hs->share_secret, entropy->share_secret, sizeof hs->share_secret);
    state->now_ms = state->origin_ms = work->in->now_ms;
    if (client && (start_client(work, hs) != 0 || tlsm_digest_name(work, work->in->server_name) != 0 ||
                   tlsm_offer_session(work) != 0)) {
        tlsm_wipe(hs, sizeof *hs);
        state->now_ms = state->origin_ms = 0;
        memset(state->name_digest, 0, sizeof state->name_digest);
        state->control.marks = 0;
        return TLSM_LIBRARY_FAILED;
    }
    if (client) {
        start_names(work, hs);
        memcpy(state->client_random, entropy->random, sizeof state->client_random);
    } else {
        memcpy(hs->server_random, entropy->random, sizeof hs->server_random);
        if (tlsm_speaks(settings, TLSM_1_2) && settings->ask & TLSM_ASK_SESSION_BIT)
            memcpy(hs->session_id, entropy->session_id, sizeof hs->session_id);   /* of the session that is to be made */
    }
    state->control.role = settings->role;
    state->control.phase = client ? TLSM_PHASE_C_MAKE_HELLO : TLSM_PHASE_S_WAIT_HELLO;
    state->control.behind = TLSM_BEHIND_HANDSHAKE;
    state->length = (uint32_t)(sizeof *state + sizeof *hs) + hs->used;
    return TLSM_OK;
}
