/* SPDX-License-Identifier: MIT */
/* The key schedule of RFC 9846 §7: HKDF over the provider's HMAC, secrets, traffic keys. */
#include "handshake.h"

size_t tlsm_hash_length(uint16_t hash)
{
    return hash == TLSM_SHA256 ? 32 : hash == TLSM_SHA384 ? 48 : 0;
}

uint16_t tlsm_suite_aead(uint16_t suite)
{
    switch (suite) {
    case TLSM_AES_128_GCM_SHA256: case TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256: case TLSM_ECDHE_RSA_AES_128_GCM_SHA256:
        return TLSM_AES_128_GCM_SHA256;
    case TLSM_AES_256_GCM_SHA384: case TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384: case TLSM_ECDHE_RSA_AES_256_GCM_SHA384:
        return TLSM_AES_256_GCM_SHA384;
    case TLSM_CHACHA20_POLY1305_SHA256: case TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256:
    case TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256:
        return TLSM_CHACHA20_POLY1305_SHA256;
    }
    return 0;
}

int tlsm_suite_is_12(uint16_t suite) { return suite > 0x13ff; }

uint16_t tlsm_suite_hash(uint16_t suite)
{
    const uint16_t aead = tlsm_suite_aead(suite);
    if (aead == TLSM_AES_128_GCM_SHA256 || aead == TLSM_CHACHA20_POLY1305_SHA256)
        return TLSM_SHA256;
    return aead == TLSM_AES_256_GCM_SHA384 ? TLSM_SHA384 : 0;
}

size_t tlsm_suite_key_length(uint16_t suite)
{
    suite = tlsm_suite_aead(suite);
    if (suite == TLSM_AES_256_GCM_SHA384 || suite == TLSM_CHACHA20_POLY1305_SHA256)
        return 32;
    return suite == TLSM_AES_128_GCM_SHA256 ? 16 : 0;
}

/* A digest of `hash`, zero past its end whatever the provider leaves there. */
static int hmac(const struct tlsm_config *config, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[],
                size_t parts, uint8_t out[TLSM_HASH_MAX])
{
    uint8_t digest[TLSM_HASH_MAX] = { 0 };
    int failed = config->crypto->hmac(config->self, hash, key, part, parts, digest);
    memset(out, 0, TLSM_HASH_MAX);
    if (failed == 0)
        memcpy(out, digest, tlsm_hash_length(hash));
    tlsm_wipe(digest, sizeof digest);
    return failed;
}

int tlsm_hkdf_extract(const struct tlsm_config *config, uint16_t hash, struct tlsm_bytes salt, struct tlsm_bytes secret,
                      uint8_t out[TLSM_HASH_MAX])
{
    return hmac(config, hash, salt, &secret, 1, out);
}

/* T(1) of HKDF-Expand with the HkdfLabel of RFC 9846 §7.1: no output here is longer than the hash. */
static int expand_block(const struct tlsm_config *config, uint16_t hash, const uint8_t secret[TLSM_HASH_MAX],
                        const char *label, struct tlsm_bytes context, size_t length, uint8_t block[TLSM_HASH_MAX])
{
    enum { HEAD = 2 + 1 + 6, SHORT_LABEL_MAX = 32 };
    static const uint8_t counter[1] = { 1 };
    uint8_t info[HEAD + SHORT_LABEL_MAX + 1] = { 0, (uint8_t)length, 0, 't', 'l', 's', '1', '3', ' ' };
    size_t at = HEAD;
    while (label[at - HEAD] != '\0' && at < HEAD + SHORT_LABEL_MAX) {
        info[at] = (uint8_t)label[at - HEAD];
        at++;
    }
    if (label[at - HEAD] != '\0' || context.length > 255 || length > tlsm_hash_length(hash))
        return -1;
    info[2] = (uint8_t)(at - 3);
    info[at++] = (uint8_t)context.length;
    struct tlsm_bytes part[3] = { { info, at }, context, { counter, sizeof counter } };
    return hmac(config, hash, tlsm_slice(secret, tlsm_hash_length(hash)), part, 3, block);
}

int tlsm_expand_label(const struct tlsm_config *config, uint16_t hash, const uint8_t secret[TLSM_HASH_MAX],
                      const char *label, struct tlsm_bytes context, uint8_t *out, size_t length)
{
    uint8_t block[TLSM_HASH_MAX];
    int failed = expand_block(config, hash, secret, label, context, length, block);
    if (failed == 0)
        memcpy(out, block, length);
    tlsm_wipe(block, sizeof block);
    return failed;
}

/* Derive-Secret with the transcript hash at hand; zero past the hash's end. */
static int derive(const struct tlsm_config *config, uint16_t hash, const uint8_t secret[TLSM_HASH_MAX], const char *label,
                  const uint8_t digest[TLSM_HASH_MAX], uint8_t out[TLSM_HASH_MAX])
{
    size_t length = tlsm_hash_length(hash);
    return expand_block(config, hash, secret, label, tlsm_slice(digest, length), length, out);
}

static uint64_t load(const uint8_t bytes[8])
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return number;
}

int tlsm_traffic_key(const struct tlsm_config *config, uint16_t suite, const uint8_t secret[TLSM_HASH_MAX],
                     struct tlsm_key *key)
{
    uint16_t hash = tlsm_suite_hash(suite);
    uint8_t block[TLSM_HASH_MAX];
    memset(key, 0, sizeof *key);
    key->suite = tlsm_suite_aead(suite);
    int failed = tlsm_expand_label(config, hash, secret, "key", tlsm_slice(NULL, 0), key->key,
                                   tlsm_suite_key_length(suite));
    /* The IV is the first 12 bytes of its block; the 8 behind them are nobody's secret and name the key. */
    if (failed == 0)
        failed = expand_block(config, hash, secret, "iv", tlsm_slice(NULL, 0), TLSM_IV, block);
    if (failed == 0) {
        memcpy(key->iv, block, TLSM_IV);
        key->id = load(block + TLSM_IV);
        tlsm_wipe(block, sizeof block);
    } else {
        tlsm_wipe(key, sizeof *key);
    }
    return failed;
}

int tlsm_next_secret(const struct tlsm_config *config, uint16_t suite, uint8_t secret[TLSM_HASH_MAX])
{
    uint16_t hash = tlsm_suite_hash(suite);
    return tlsm_expand_label(config, hash, secret, "traffic upd", tlsm_slice(NULL, 0), secret, tlsm_hash_length(hash));
}

int tlsm_digest(const struct tlsm_config *config, uint16_t hash, const struct tlsm_hash *from,
                uint8_t digest[TLSM_HASH_MAX])
{
    memset(digest, 0, TLSM_HASH_MAX);
    return config->crypto->hash_finish(config->self, hash, from, digest);
}

static int empty_digest(const struct tlsm_config *config, uint16_t hash, uint8_t digest[TLSM_HASH_MAX])
{
    struct tlsm_hash empty;
    int failed = config->crypto->hash_start(config->self, hash, &empty);
    return failed != 0 ? failed : tlsm_digest(config, hash, &empty, digest);
}

/* Derive-Secret(., "derived", ""), the salt of the next extraction, then that extraction. */
static int next_stage(const struct tlsm_config *config, uint16_t hash, const uint8_t secret[TLSM_HASH_MAX],
                      struct tlsm_bytes input, uint8_t out[TLSM_HASH_MAX])
{
    uint8_t digest[TLSM_HASH_MAX], salt[TLSM_HASH_MAX];
    int failed = empty_digest(config, hash, digest);
    if (failed == 0)
        failed = derive(config, hash, secret, "derived", digest, salt);
    if (failed == 0)
        failed = tlsm_hkdf_extract(config, hash, tlsm_slice(salt, tlsm_hash_length(hash)), input, out);
    tlsm_wipe(salt, sizeof salt);
    return failed;
}

static int derive_pair(const struct tlsm_config *config, uint16_t hash, const char *client, const char *server,
                       const uint8_t digest[TLSM_HASH_MAX], struct tlsm_secrets *to)
{
    int failed = derive(config, hash, to->running, client, digest, to->client);
    return failed != 0 ? failed : derive(config, hash, to->running, server, digest, to->server);
}

int tlsm_early_secret(const struct tlsm_config *config, uint16_t hash, struct tlsm_bytes psk, uint8_t early[TLSM_HASH_MAX])
{
    static const uint8_t zeros[TLSM_HASH_MAX] = { 0 };
    return tlsm_hkdf_extract(config, hash, tlsm_slice(zeros, tlsm_hash_length(hash)), psk, early);
}

int tlsm_client_early(const struct tlsm_config *config, uint16_t hash, const uint8_t early[TLSM_HASH_MAX],
                      const uint8_t digest[TLSM_HASH_MAX], uint8_t secret[TLSM_HASH_MAX])
{
    return derive(config, hash, early, "c e traffic", digest, secret);
}

int tlsm_binder(const struct tlsm_config *config, uint16_t hash, const uint8_t early[TLSM_HASH_MAX],
                const uint8_t digest[TLSM_HASH_MAX], uint8_t binder[TLSM_HASH_MAX])
{
    uint8_t empty[TLSM_HASH_MAX], key[TLSM_HASH_MAX];
    int failed = empty_digest(config, hash, empty);
    if (failed == 0)
        failed = derive(config, hash, early, "res binder", empty, key);
    if (failed == 0)
        failed = tlsm_finished(config, hash, key, digest, binder);
    tlsm_wipe(key, sizeof key);
    return failed;
}

int tlsm_derive_handshake(const struct tlsm_config *config, uint16_t hash, const uint8_t *early, struct tlsm_bytes shared,
                          const uint8_t digest[TLSM_HASH_MAX], struct tlsm_secrets *to)
{
    static const uint8_t zeros[TLSM_HASH_MAX] = { 0 };
    uint8_t none[TLSM_HASH_MAX];
    int failed = early != NULL ? 0 : tlsm_early_secret(config, hash, tlsm_slice(zeros, tlsm_hash_length(hash)), none);
    if (failed == 0)
        failed = next_stage(config, hash, early != NULL ? early : none, shared, to->running);
    if (failed == 0)
        failed = derive_pair(config, hash, "c hs traffic", "s hs traffic", digest, to);
    return failed;
}

int tlsm_derive_application(const struct tlsm_config *config, uint16_t hash, const uint8_t handshake[TLSM_HASH_MAX],
                            const uint8_t digest[TLSM_HASH_MAX], struct tlsm_secrets *to,
                            uint8_t exporter[TLSM_HASH_MAX])
{
    static const uint8_t zeros[TLSM_HASH_MAX] = { 0 };
    int failed = next_stage(config, hash, handshake, tlsm_slice(zeros, tlsm_hash_length(hash)), to->running);
    if (failed == 0)
        failed = derive_pair(config, hash, "c ap traffic", "s ap traffic", digest, to);
    if (failed == 0)
        failed = derive(config, hash, to->running, "exp master", digest, exporter);
    return failed;
}

int tlsm_finished(const struct tlsm_config *config, uint16_t hash, const uint8_t base[TLSM_HASH_MAX],
                  const uint8_t digest[TLSM_HASH_MAX], uint8_t verify_data[TLSM_HASH_MAX])
{
    uint8_t key[TLSM_HASH_MAX];
    size_t length = tlsm_hash_length(hash);
    struct tlsm_bytes covered = tlsm_slice(digest, length);
    int failed = expand_block(config, hash, base, "finished", tlsm_slice(NULL, 0), length, key);
    if (failed == 0)
        failed = hmac(config, hash, tlsm_slice(key, length), &covered, 1, verify_data);
    tlsm_wipe(key, sizeof key);
    return failed;
}

int tlsm_message_hash(const struct tlsm_config *config, uint16_t hash, struct tlsm_hash *transcript)
{
    uint8_t message[4 + TLSM_HASH_MAX] = { TLSM_MSG_MESSAGE_HASH, 0, 0, 0 };
    size_t length = tlsm_hash_length(hash);
    message[3] = (uint8_t)length;
    int failed = tlsm_digest(config, hash, transcript, message + 4);
    if (failed == 0)
        failed = config->crypto->hash_start(config->self, hash, transcript);
    return failed != 0 ? failed : tlsm_absorb(config, hash, transcript, tlsm_slice(message, 4 + length));
}

static void forget(struct tlsm_work *work, struct tlsm_key *key)
{
    if (key->suite != 0)
        work->config->crypto->forget(work->config->self, key->id);
    tlsm_wipe(key, sizeof *key);
}

/* J2: where another record layer uses the key, which record is next stays to be known, and nothing else of it. */
void tlsm_keep_count(struct tlsm_work *work, struct tlsm_key *key)
{
    const uint64_t sequence = key->sequence;
    const uint16_t suite = key->suite;
    forget(work, key);
    key->sequence = sequence;
    key->suite = suite;
}

void tlsm_set_read(struct tlsm_work *work, const struct tlsm_key *key, enum tlsm_epoch epoch)
{
    forget(work, &work->state->read_key);
    work->state->read_key = *key;
    work->state->control.read_epoch = (uint8_t)epoch;
    if (work->state->control.facts & TLSM_FACT_READ_ELSEWHERE)
        tlsm_keep_count(work, &work->state->read_key);
}

void tlsm_set_write(struct tlsm_work *work, const struct tlsm_key *key, enum tlsm_epoch epoch)
{
    forget(work, &work->state->write_key);
    if (work->state->control.tx == TLSM_TX_DEAD)
        return;   /* G4: reading goes on, and nothing will be sealed */
    work->state->write_key = *key;
    work->state->control.write_epoch = (uint8_t)epoch;
    if (work->state->control.facts & TLSM_FACT_WRITE_ELSEWHERE)
        tlsm_keep_count(work, &work->state->write_key);
}

int tlsm_install_read(struct tlsm_work *work, const uint8_t secret[TLSM_HASH_MAX], enum tlsm_epoch epoch)
{
    struct tlsm_key key;
    int failed = tlsm_traffic_key(work->config, work->state->suite, secret, &key);
    if (failed == 0)
        tlsm_set_read(work, &key, epoch);
    tlsm_wipe(&key, sizeof key);
    return failed;
}

int tlsm_install_write(struct tlsm_work *work, const uint8_t secret[TLSM_HASH_MAX], enum tlsm_epoch epoch)
{
    struct tlsm_key key;
    int failed = tlsm_traffic_key(work->config, work->state->suite, secret, &key);
    if (failed == 0)
        tlsm_set_write(work, &key, epoch);
    tlsm_wipe(&key, sizeof key);
    return failed;
}

void tlsm_wipe_read(struct tlsm_work *work)
{
    forget(work, &work->state->read_key);
    tlsm_wipe(work->state->read_secret, TLSM_HASH_MAX);
    work->state->control.read_epoch = TLSM_EPOCH_NONE;
}

void tlsm_wipe_write(struct tlsm_work *work)
{
    forget(work, &work->state->write_key);
    tlsm_wipe(work->state->write_secret, TLSM_HASH_MAX);
    work->state->control.write_epoch = TLSM_EPOCH_NONE;
}
