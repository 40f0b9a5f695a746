/* SPDX-License-Identifier: MIT */
/* Keying material for other protocols (RFC 9846 §7.5, RFC 5705, RFC 9266). */
#include "handshake.h"

enum { RANDOM = 32, BLOCKS = 255, LABEL_MAX = 249 };

/* HKDF-Expand (RFC 5869 §2.3) over the HkdfLabel of RFC 9846 §7.1, for as many blocks as it takes. */
static int expand(const struct tlsm_config *config, uint16_t hash, const uint8_t secret[TLSM_HASH_MAX], struct tlsm_bytes label,
                  struct tlsm_bytes context, struct tlsm_span to)
{
    const size_t length = tlsm_hash_length(hash);
    const uint8_t head[] = { (uint8_t)(to.capacity >> 8), (uint8_t)(to.capacity & 255), (uint8_t)(label.length + 6), 't', 'l', 's', '1', '3', ' ' };
    const uint8_t context_length = (uint8_t)context.length;
    uint8_t block[TLSM_HASH_MAX], counter = 0;
    struct tlsm_bytes part[] = { { block, 0 }, { head, sizeof head }, label, { &context_length, 1 }, context, { &counter, 1 } };
    int failed = 0;
    for (size_t at = 0; failed == 0 && at < to.capacity; at += length) {
        counter++;
        failed = config->crypto->hmac(config->self, hash, tlsm_slice(secret, length), part, sizeof part / sizeof *part, block);
        part[0].length = length;
        if (failed == 0)
            memcpy(to.data + at, block, to.capacity - at < length ? to.capacity - at : length);
    }
    tlsm_wipe(block, sizeof block);
    return failed;
}

static int digest_of(const struct tlsm_config *config, uint16_t hash, struct tlsm_bytes bytes, uint8_t digest[TLSM_HASH_MAX])
{
    struct tlsm_hash running;
    int failed = config->crypto->hash_start(config->self, hash, &running);
    if (failed == 0)
        failed = tlsm_absorb(config, hash, &running, bytes);
    if (failed == 0)
        failed = tlsm_digest(config, hash, &running, digest);
    tlsm_wipe(&running, sizeof running);
    return failed;
}

/* RFC 9846 §7.5: HKDF-Expand-Label(Derive-Secret(exporter_secret, label, ""), "exporter", Hash(context), length). */
static int export_13(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_bytes label,
                     struct tlsm_bytes context, struct tlsm_span to)
{
    static const uint8_t exporter[] = { 'e', 'x', 'p', 'o', 'r', 't', 'e', 'r' };
    const uint16_t hash = tlsm_suite_hash(state->suite);
    const size_t length = tlsm_hash_length(hash);
    uint8_t digest[TLSM_HASH_MAX], derived[TLSM_HASH_MAX];
    const struct tlsm_span room = { derived, length };
    int failed = digest_of(config, hash, tlsm_slice(NULL, 0), digest);
    if (failed == 0)
        failed = expand(config, hash, state->exporter, label, tlsm_slice(digest, length), room);
    if (failed == 0)
        failed = digest_of(config, hash, context, digest);
    if (failed == 0)
        failed = expand(config, hash, derived, tlsm_slice(exporter, sizeof exporter), tlsm_slice(digest, length), to);
    tlsm_wipe(derived, sizeof derived);
    return failed;
}

static int begins_with(struct tlsm_bytes label, const char *text)
{
    size_t at = 0;
    while (text[at] != '\0' && at < label.length && label.data[at] == (uint8_t)text[at])
        at++;
    return text[at] == '\0';
}

/* RFC 5705 §4: labels that the PRF has uses of its own for; nothing marks where a label ends. */
static int is_reserved_12(struct tlsm_bytes label)
{
    return begins_with(label, "client finished") || begins_with(label, "server finished") || begins_with(label, "master secret") ||
           begins_with(label, "extended master secret") || begins_with(label, "key expansion");
}

/* RFC 5705 §4: PRF(master_secret, label, client_random + server_random [+ context_length + context]). */
static int export_12(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_bytes label,
                     struct tlsm_bytes context, struct tlsm_span to)
{
    const uint8_t length[2] = { (uint8_t)(context.length >> 8), (uint8_t)(context.length & 255) };
    const struct tlsm_bytes part[] = { label, { state->client_random, RANDOM }, { state->resumption, RANDOM }, { length, sizeof length }, context };
    if (!tlsm_mark(state, TLSM_MARK_EXTENDED_MASTER) || is_reserved_12(label))
        return -1;
    return tlsm_prf_over(config, tlsm_suite_hash(state->suite), tlsm_slice(state->exporter, TLSM_HASH_MAX), part,
                         context.data != NULL ? 5 : 3, to);
}

int tlsm_exporter(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_bytes label,
                  struct tlsm_bytes context, struct tlsm_span to)
{
    static const uint8_t wiped[TLSM_HASH_MAX] = { 0 };
    const size_t most = BLOCKS * tlsm_hash_length(tlsm_suite_hash(state->suite));
    if (!tlsm_connected(state) || tlsm_equal(state->exporter, wiped, sizeof wiped))
        return -1;
    if ((label.length == 0 && !tlsm_is_12(state)) || label.length > LABEL_MAX || context.length > 65535 || to.capacity > most)
        return -1;
    const int failed = tlsm_is_12(state) ? export_12(config, state, label, context, to) : export_13(config, state, label, context, to);
    if (failed != 0 && to.capacity > 0)
        tlsm_wipe(to.data, to.capacity);
    return failed != 0 ? -1 : 0;
}
