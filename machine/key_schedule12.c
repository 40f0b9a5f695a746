/* SPDX-License-Identifier: MIT */
/* The key schedule of TLS 1.2: the PRF of RFC 5246 §5, master secret, key block, Finished. */
#include "handshake.h"

enum { RANDOM = 32, KEY_NAME = 8 };

/* P_hash, RFC 5246 §5. */
int tlsm_prf_over(const struct tlsm_config *config, uint16_t hash, struct tlsm_bytes secret, const struct tlsm_bytes seed[], size_t seeds,
                  struct tlsm_span to)
{
    const size_t length = tlsm_hash_length(hash);
    uint8_t chain[TLSM_HASH_MAX], block[TLSM_HASH_MAX];
    struct tlsm_bytes part[1 + TLSM_PRF_SEEDS] = { { chain, length } };
    memcpy(part + 1, seed, seeds * sizeof *seed);
    int failed = config->crypto->hmac(config->self, hash, secret, part + 1, seeds, chain);
    for (size_t at = 0; failed == 0 && at < to.capacity; at += length) {
        failed = config->crypto->hmac(config->self, hash, secret, part, 1 + seeds, block);
        if (failed == 0)
            memcpy(to.data + at, block, to.capacity - at < length ? to.capacity - at : length);
        if (failed == 0 && at + length < to.capacity) {
            failed = config->crypto->hmac(config->self, hash, secret, part, 1, block);
            memcpy(chain, block, length);
        }
    }
    tlsm_wipe(chain, sizeof chain);
    tlsm_wipe(block, sizeof block);
    return failed;
}

int tlsm_prf(const struct tlsm_config *config, uint16_t hash, struct tlsm_bytes secret, const char *label,
             struct tlsm_bytes first, struct tlsm_bytes second, struct tlsm_span to)
{
    struct tlsm_bytes seed[] = { { (const uint8_t *)label, 0 }, first, second };
    while (label[seed[0].length] != '\0')
        seed[0].length++;
    return tlsm_prf_over(config, hash, secret, seed, 3, to);
}

int tlsm_master_secret(const struct tlsm_work *work, struct tlsm_bytes shared, const uint8_t digest[TLSM_HASH_MAX],
                       uint8_t master[TLSM_HASH_MAX])
{
    const struct tlsm_state *state = work->state;
    const uint16_t hash = tlsm_hs_const(state)->hash;
    const struct tlsm_span to = { master, TLSM_HASH_MAX };
    if (tlsm_mark(state, TLSM_MARK_EXTENDED_MASTER))
        return tlsm_prf(work->config, hash, shared, "extended master secret", tlsm_slice(digest, tlsm_hash_length(hash)),
                        tlsm_slice(NULL, 0), to);
    return tlsm_prf(work->config, hash, shared, "master secret", tlsm_slice(state->client_random, RANDOM),
                    tlsm_slice(tlsm_hs_const(state)->server_random, RANDOM), to);
}

/* Of AES-GCM the 4 bytes that do not travel (RFC 5288 §3). */
static size_t fixed_iv(uint16_t aead) { return aead == TLSM_CHACHA20_POLY1305_SHA256 ? TLSM_IV : 4; }

/* The parts of a key block: two keys, two IVs, and behind what RFC 5246 §6.3 uses, 8 bytes for each that are nobody's secret and name
 * the key. */
static int read_block(struct tlsm_reader *block, uint16_t suite, struct tlsm_key key[2])
{
    const uint16_t aead = tlsm_suite_aead(suite);
    const size_t iv = fixed_iv(aead), length = tlsm_suite_key_length(suite);
    memset(key, 0, 2 * sizeof *key);
    for (int i = 0; i < 2; i++)
        memcpy(key[i].key, tlsm_take(block, length).data, length);
    for (int i = 0; i < 2; i++)
        memcpy(key[i].iv, tlsm_take(block, iv).data, iv);
    for (int i = 0; i < 2; i++) {
        key[i].id = (uint64_t)tlsm_take_number(block, 4) << 32;
        key[i].id |= tlsm_take_number(block, 4);
        key[i].suite = aead;
    }
    return block->bad;
}

int tlsm_keys_12(const struct tlsm_work *work, const uint8_t master[TLSM_HASH_MAX], struct tlsm_key key[2])
{
    enum { BLOCK = 2 * (TLSM_KEY_MAX + TLSM_IV + KEY_NAME) };
    const struct tlsm_state *state = work->state;
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    uint8_t bytes[BLOCK];
    const struct tlsm_span to = { bytes, 2 * (tlsm_suite_key_length(state->suite) + fixed_iv(tlsm_suite_aead(state->suite)) + KEY_NAME) };
    int failed = tlsm_prf(work->config, hs->hash, tlsm_slice(master, TLSM_HASH_MAX), "key expansion",
                          tlsm_slice(hs->server_random, RANDOM), tlsm_slice(state->client_random, RANDOM), to);
    struct tlsm_reader block = tlsm_reader(tlsm_slice(bytes, to.capacity));
    if (failed == 0)
        failed = read_block(&block, state->suite, key);
    tlsm_wipe(bytes, sizeof bytes);
    return failed;
}

int tlsm_verify_data_12(const struct tlsm_work *work, const struct tlsm_hash *transcript, enum tlsm_role sender,
                        uint8_t verify_data[TLSM_FINISHED_12])
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    const struct tlsm_span to = { verify_data, TLSM_FINISHED_12 };
    uint8_t digest[TLSM_HASH_MAX];
    const int failed = tlsm_digest(work->config, hs->hash, transcript, digest);
    if (failed != 0)
        return failed;
    return tlsm_prf(work->config, hs->hash, tlsm_slice(hs->secret, TLSM_HASH_MAX),
                    sender == TLSM_CLIENT ? "client finished" : "server finished",
                    tlsm_slice(digest, tlsm_hash_length(hs->hash)), tlsm_slice(NULL, 0), to);
}
