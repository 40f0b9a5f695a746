/* SPDX-License-Identifier: MIT */
/* ClientHello as a server reads it: which version will be spoken, syntax, and every rule that depends on no other setting
 * (RFC 9846 §4.2.2, §9.2; RFC 5246 §7.4.1.2, RFC 8422 §5.1). */
#include "handshake.h"

enum { LEGACY_VERSION = 0x0303, HOST_NAME = 0, NO_COMPRESSION = 0, UNCOMPRESSED_POINT = 0 };
enum { FALLBACK_SCSV = 0x5600, RENEGOTIATION_SCSV = 0x00ff };   /* RFC 7507, RFC 5746 */

static uint8_t read_fixed(struct tlsm_reader *reader, struct tlsm_client_hello *hello, uint32_t *version,
                          struct tlsm_bytes *compression)
{
    const struct tlsm_reader start = *reader;
    *version = tlsm_take_number(reader, 2);
    hello->random = tlsm_take(reader, 32);
    hello->session_id = tlsm_take_vector(reader, 1);
    hello->suites = tlsm_take_vector(reader, 2);
    *compression = tlsm_take_vector(reader, 1);
    if (reader->bad || hello->session_id.length > 32 || hello->suites.length < 2 || hello->suites.length % 2 != 0 ||
        compression->length == 0)
        return TLSM_ALERT_DECODE_ERROR;
    hello->fixed = tlsm_slice(start.data, start.left - reader->left);
    return 0;
}

/* "Servers MUST only select a version of TLS present in that extension and MUST ignore any unknown versions" (RFC 9846 §4.3.1); a
 * client without it speaks TLS 1.2 at most, and says so in legacy_version. */
static uint8_t choose_version(const struct tlsm_settings *settings, struct tlsm_bytes block, uint32_t legacy_version, uint16_t *version)
{
    struct tlsm_bytes data, versions;
    *version = TLSM_1_2;
    if (!tlsm_find_extension(block, TLSM_EXTENSION_SUPPORTED_VERSIONS, &data))
        return tlsm_speaks(settings, TLSM_1_2) && legacy_version >= LEGACY_VERSION ? 0 : TLSM_ALERT_PROTOCOL_VERSION;
    if (!tlsm_read_numbers(data, 1, &versions))
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_list_has(versions, TLSM_1_3) && tlsm_speaks(settings, TLSM_1_3)) {
        *version = TLSM_1_3;
        return legacy_version == LEGACY_VERSION ? 0 : TLSM_ALERT_PROTOCOL_VERSION;
    }
    return tlsm_list_has(versions, TLSM_1_2) && tlsm_speaks(settings, TLSM_1_2) ? 0 : TLSM_ALERT_PROTOCOL_VERSION;
}

/* RFC 7507 §3: a client that fell back where it need not have is told so. */
static int fell_back(const struct tlsm_settings *settings, const struct tlsm_client_hello *hello)
{
    return hello->version == TLSM_1_2 && tlsm_speaks(settings, TLSM_1_3) && tlsm_list_has(hello->suites, FALLBACK_SCSV);
}

static int bytes_have(struct tlsm_bytes bytes, uint8_t byte)
{
    for (size_t i = 0; i < bytes.length; i++)
        if (bytes.data[i] == byte)
            return 1;
    return 0;
}

/* TLS 1.3: none but the null method; TLS 1.2: "This vector MUST contain […] CompressionMethod.null" (RFC 5246 §7.4.1.2). */
static uint8_t check_compression(const struct tlsm_client_hello *hello, struct tlsm_bytes compression)
{
    const int alone = hello->version == TLSM_1_2 || compression.length == 1;
    return alone && bytes_have(compression, NO_COMPRESSION) ? 0 : TLSM_ALERT_ILLEGAL_PARAMETER;
}

static uint8_t check_name(struct tlsm_bytes name)
{
    if (name.length == 0)
        return TLSM_ALERT_DECODE_ERROR;
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] == 0)
            return TLSM_ALERT_ILLEGAL_PARAMETER;
    return name.length > TLSM_NAME_MAX ? TLSM_ALERT_ILLEGAL_PARAMETER : 0;
}

/* RFC 6066 §3: "MUST NOT contain more than one name of the same name_type"; every type begins with a 16-bit length. */
static uint8_t read_server_name(struct tlsm_bytes data, struct tlsm_bytes *name)
{
    struct tlsm_bytes list;
    if (!tlsm_read_vector(data, 2, 1, &list))
        return TLSM_ALERT_DECODE_ERROR;
    struct tlsm_reader reader = tlsm_reader(list);
    while (reader.left > 0) {
        uint32_t type = tlsm_take_number(&reader, 1);
        struct tlsm_bytes value = tlsm_take_vector(&reader, 2);
        if (reader.bad)
            return TLSM_ALERT_DECODE_ERROR;
        if (type != HOST_NAME)
            continue;
        if (name->length > 0)
            return TLSM_ALERT_ILLEGAL_PARAMETER;
        uint8_t alert = check_name(value);
        if (alert != 0)
            return alert;
        *name = value;
    }
    if (name->length > 0 && name->data[name->length - 1] == '.')
        name->length--;
    return 0;
}

/* Moves on in the groups to `group`: shares come in the order of the groups, none twice. */
static int advance_to(struct tlsm_reader *groups, uint32_t group)
{
    while (groups->left >= 2)
        if (tlsm_take_number(groups, 2) == group)
            return 1;
    return 0;
}

/* §4.3.8: "Each KeyShareEntry value MUST correspond to a group offered in the "supported_groups" extension and MUST appear
 * in the same order." */
static uint8_t read_shares(struct tlsm_client_hello *hello)
{
    if (!tlsm_read_vector(hello->extensions.at[TLSM_EXT_KEY_SHARE], 2, 0, &hello->shares))
        return TLSM_ALERT_DECODE_ERROR;
    struct tlsm_reader reader = tlsm_reader(hello->shares), groups = tlsm_reader(hello->groups);
    uint8_t alert = 0;
    while (reader.left > 0) {
        uint32_t group = tlsm_take_number(&reader, 2);
        struct tlsm_bytes share = tlsm_take_vector(&reader, 2);
        if (reader.bad || share.length == 0)
            return TLSM_ALERT_DECODE_ERROR;
        if (!advance_to(&groups, group))
            alert = TLSM_ALERT_ILLEGAL_PARAMETER;
    }
    return alert;
}

static uint8_t read_lists(struct tlsm_client_hello *hello)
{
    const struct tlsm_extensions *extensions = &hello->extensions;
    struct tlsm_bytes unused;
    if (tlsm_has(extensions, TLSM_EXT_SUPPORTED_GROUPS) &&
        !tlsm_read_numbers(extensions->at[TLSM_EXT_SUPPORTED_GROUPS], 2, &hello->groups))
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_has(extensions, TLSM_EXT_SIGNATURE_ALGORITHMS) &&
        !tlsm_read_numbers(extensions->at[TLSM_EXT_SIGNATURE_ALGORITHMS], 2, &hello->schemes))
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_has(extensions, TLSM_EXT_SIGNATURE_ALGORITHMS_CERT) &&
        !tlsm_read_numbers(extensions->at[TLSM_EXT_SIGNATURE_ALGORITHMS_CERT], 2, &unused))
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_has(extensions, TLSM_EXT_CERTIFICATE_AUTHORITIES) &&
        !tlsm_read_authorities(extensions->at[TLSM_EXT_CERTIFICATE_AUTHORITIES], &hello->authorities))
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_has(extensions, TLSM_EXT_ALPN) && !tlsm_read_names(extensions->at[TLSM_EXT_ALPN], &hello->alpn))
        return TLSM_ALERT_DECODE_ERROR;
    return 0;
}

static uint8_t read_small(struct tlsm_client_hello *hello)
{
    const struct tlsm_extensions *extensions = &hello->extensions;
    struct tlsm_bytes unused;
    if (tlsm_has(extensions, TLSM_EXT_PSK_KEY_EXCHANGE_MODES) &&
        !tlsm_read_vector(extensions->at[TLSM_EXT_PSK_KEY_EXCHANGE_MODES], 1, 1, &hello->psk_modes))
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_has(extensions, TLSM_EXT_COOKIE) && !tlsm_read_vector(extensions->at[TLSM_EXT_COOKIE], 2, 1, &unused))
        return TLSM_ALERT_DECODE_ERROR;
    if (extensions->at[TLSM_EXT_EARLY_DATA].length > 0 || extensions->at[TLSM_EXT_POST_HANDSHAKE_AUTH].length > 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (tlsm_has(extensions, TLSM_EXT_STATUS_REQUEST) &&
        !tlsm_read_status_request(extensions->at[TLSM_EXT_STATUS_REQUEST], &hello->wants_status))
        return TLSM_ALERT_DECODE_ERROR;
    if (!tlsm_has(extensions, TLSM_EXT_SERVER_NAME))
        return 0;
    return read_server_name(extensions->at[TLSM_EXT_SERVER_NAME], &hello->name);
}

/* §4.3.11: as many binders as identities, each "opaque identity<1..2^16-1>" with its age, "opaque PskBinderEntry<32..255>". */
static uint8_t read_sessions(struct tlsm_client_hello *hello)
{
    struct tlsm_reader reader = tlsm_reader(hello->extensions.at[TLSM_EXT_PRE_SHARED_KEY]);
    size_t identities = 0, binders = 0;
    hello->identities = tlsm_take_vector(&reader, 2);
    hello->binders = tlsm_take_vector(&reader, 2);
    if (reader.bad || reader.left != 0 || hello->identities.length == 0 || hello->binders.length == 0)
        return TLSM_ALERT_DECODE_ERROR;
    for (reader = tlsm_reader(hello->identities); reader.left > 0; identities++)
        if (tlsm_take_vector(&reader, 2).length == 0 || tlsm_take(&reader, 4).length == 0)
            return TLSM_ALERT_DECODE_ERROR;
    for (reader = tlsm_reader(hello->binders); reader.left > 0; binders++)
        if (tlsm_take_vector(&reader, 1).length < 32)
            return TLSM_ALERT_DECODE_ERROR;
    return identities == binders ? 0 : TLSM_ALERT_ILLEGAL_PARAMETER;
}

/* §9.2: signature_algorithms may be missing only where a session can authenticate us; whether it does is seen later. */
static uint8_t check_presence(const struct tlsm_extensions *extensions)
{
    const int psk = tlsm_has(extensions, TLSM_EXT_PRE_SHARED_KEY);
    const int groups = tlsm_has(extensions, TLSM_EXT_SUPPORTED_GROUPS);
    if (psk && extensions->last != TLSM_EXTENSION_PRE_SHARED_KEY)
        return TLSM_ALERT_ILLEGAL_PARAMETER;
    if (psk && !tlsm_has(extensions, TLSM_EXT_PSK_KEY_EXCHANGE_MODES))
        return TLSM_ALERT_MISSING_EXTENSION;
    if (groups != tlsm_has(extensions, TLSM_EXT_KEY_SHARE) || (!groups && !psk))
        return TLSM_ALERT_MISSING_EXTENSION;
    return psk || tlsm_has(extensions, TLSM_EXT_SIGNATURE_ALGORITHMS) ? 0 : TLSM_ALERT_MISSING_EXTENSION;
}

/* What TLS 1.3 has of its own. */
static uint8_t read_newer(struct tlsm_client_hello *hello)
{
    uint8_t alert = 0;
    if (tlsm_has(&hello->extensions, TLSM_EXT_KEY_SHARE))
        alert = read_shares(hello);
    if (alert == 0 && tlsm_has(&hello->extensions, TLSM_EXT_PRE_SHARED_KEY))
        alert = read_sessions(hello);
    return alert;
}

/* RFC 5746 §3.6: in a first handshake "the server MUST then verify that the length of the "renegotiated_connection" field is zero,
 * and if it is not, MUST abort the handshake". */
static uint8_t check_renegotiation(const struct tlsm_client_hello *hello)
{
    struct tlsm_bytes verify_data;
    if (!tlsm_has(&hello->extensions, TLSM_EXT_RENEGOTIATION_INFO))
        return 0;
    if (!tlsm_read_vector(hello->extensions.at[TLSM_EXT_RENEGOTIATION_INFO], 1, 0, &verify_data))
        return TLSM_ALERT_DECODE_ERROR;
    return verify_data.length == 0 ? 0 : TLSM_ALERT_HANDSHAKE_FAILURE;
}

/* RFC 8422 §5.1.2: a list of point formats without the uncompressed one is an illegal_parameter. */
static uint8_t check_points(const struct tlsm_client_hello *hello)
{
    struct tlsm_bytes formats;
    if (!tlsm_has(&hello->extensions, TLSM_EXT_EC_POINT_FORMATS))
        return 0;
    if (!tlsm_read_vector(hello->extensions.at[TLSM_EXT_EC_POINT_FORMATS], 1, 1, &formats))
        return TLSM_ALERT_DECODE_ERROR;
    return bytes_have(formats, UNCOMPRESSED_POINT) ? 0 : TLSM_ALERT_ILLEGAL_PARAMETER;
}

/* RFC 7627 §5.2: "If the client and server choose to continue a full handshake without the extension, they MUST use the standard
 * master secret derivation": only where the settings say so. Without signature_algorithms a client means SHA-1 (RFC 5246
 * §7.4.1.4.1), and without supported_groups any (RFC 8422 §4), of which every client has P-256. */
static uint8_t read_older(const struct tlsm_settings *settings, struct tlsm_client_hello *hello)
{
    static const uint8_t p256[] = { TLSM_SECP256R1 >> 8, TLSM_SECP256R1 & 255 };
    const struct tlsm_extensions *extensions = &hello->extensions;
    uint8_t alert = check_points(hello);
    if (alert == 0)
        alert = check_renegotiation(hello);
    if (alert != 0)
        return alert;
    if (extensions->at[TLSM_EXT_EXTENDED_MASTER_SECRET].length > 0)
        return TLSM_ALERT_DECODE_ERROR;
    if (!tlsm_has(extensions, TLSM_EXT_SIGNATURE_ALGORITHMS) ||
        (!tlsm_has(extensions, TLSM_EXT_EXTENDED_MASTER_SECRET) && !settings->insecure_master_secret))
        return TLSM_ALERT_HANDSHAKE_FAILURE;
    hello->ticket = extensions->at[TLSM_EXT_SESSION_TICKET];
    hello->renegotiation_info = tlsm_has(extensions, TLSM_EXT_RENEGOTIATION_INFO) || tlsm_list_has(hello->suites, RENEGOTIATION_SCSV);
    if (!tlsm_has(extensions, TLSM_EXT_SUPPORTED_GROUPS))
        hello->groups = tlsm_slice(p256, sizeof p256);
    return 0;
}

static uint8_t read_block(const struct tlsm_settings *settings, struct tlsm_bytes block, struct tlsm_client_hello *hello)
{
    uint8_t alert = tlsm_read_extensions(block, TLSM_IN_CH, 0, &hello->extensions);
    if (alert == 0 && hello->version == TLSM_1_3)
        alert = check_presence(&hello->extensions);
    if (alert == 0)
        alert = read_lists(hello);
    if (alert == 0)
        alert = read_small(hello);
    if (alert != 0)
        return alert;
    return hello->version == TLSM_1_3 ? read_newer(hello) : read_older(settings, hello);
}

uint8_t tlsm_read_client_hello(const struct tlsm_settings *settings, struct tlsm_bytes message, struct tlsm_client_hello *hello)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_body(message));
    struct tlsm_bytes compression, block = { NULL, 0 };
    uint32_t version;
    memset(hello, 0, sizeof *hello);
    uint8_t alert = read_fixed(&reader, hello, &version, &compression);
    if (alert != 0)
        return alert;
    if (reader.left > 0)   /* else there are no extensions, as of an older client */
        block = tlsm_take_vector(&reader, 2);
    if (reader.bad || reader.left != 0)
        return TLSM_ALERT_DECODE_ERROR;
    alert = choose_version(settings, block, version, &hello->version);
    if (alert == 0 && fell_back(settings, hello))
        alert = TLSM_ALERT_INAPPROPRIATE_FALLBACK;
    if (alert == 0)
        alert = check_compression(hello, compression);
    return alert != 0 ? alert : read_block(settings, block, hello);
}

int tlsm_find_share(const struct tlsm_client_hello *hello, uint16_t group, struct tlsm_bytes *share)
{
    struct tlsm_reader reader = tlsm_reader(hello->shares);
    while (reader.left > 0) {
        uint32_t found = tlsm_take_number(&reader, 2);
        *share = tlsm_take_vector(&reader, 2);
        if (found == group)
            return 1;
    }
    return 0;
}

/* Only what we act upon: an extension unknown to us may have rules of its own for the second ClientHello. */
int tlsm_constant_digest(const struct tlsm_config *config, uint16_t hash, const struct tlsm_client_hello *hello,
                         uint8_t digest[TLSM_HASH_MAX])
{
    static const uint8_t constant[] = { TLSM_EXT_SERVER_NAME, TLSM_EXT_SUPPORTED_GROUPS, TLSM_EXT_SIGNATURE_ALGORITHMS,
                                        TLSM_EXT_SIGNATURE_ALGORITHMS_CERT, TLSM_EXT_ALPN, TLSM_EXT_SUPPORTED_VERSIONS,
                                        TLSM_EXT_PSK_KEY_EXCHANGE_MODES, TLSM_EXT_RECORD_SIZE_LIMIT, TLSM_EXT_STATUS_REQUEST };
    struct tlsm_hash running;
    int failed = config->crypto->hash_start(config->self, hash, &running);
    if (failed == 0)
        failed = tlsm_absorb(config, hash, &running, hello->fixed);
    for (size_t i = 0; failed == 0 && i < sizeof constant; i++) {
        const enum tlsm_extension extension = (enum tlsm_extension)constant[i];
        const struct tlsm_bytes data = hello->extensions.at[extension];
        const uint8_t head[3] = { (uint8_t)tlsm_has(&hello->extensions, extension), (uint8_t)(data.length >> 8),
                                  (uint8_t)(data.length & 0xff) };
        failed = tlsm_absorb(config, hash, &running, tlsm_slice(head, sizeof head));
        if (failed == 0)
            failed = tlsm_absorb(config, hash, &running, data);
    }
    return failed != 0 ? failed : tlsm_digest(config, hash, &running, digest);
}
