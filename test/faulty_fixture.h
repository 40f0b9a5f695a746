/* SPDX-License-Identifier: MIT */
/* A provider that fails once, and hands that try again. */
#ifndef TLSM_TEST_FAULTY_FIXTURE_H
#define TLSM_TEST_FAULTY_FIXTURE_H

#include "fixture.h"
#include "null_provider.h"

/* One call of the provider fails, number `at`. What is sealed is remembered: a nonce may come again for the same bytes only. */
enum { SEALED_MAX = 256 };
static struct {
    unsigned at, calls;
    struct {
        uint64_t id, sequence;
        uint8_t tag[TLSM_TAG];
    } sealed[SEALED_MAX];
    unsigned count;
} faulty;

static inline const struct tlsm_crypto *good(void) { return &tlsm_null_provider_never_released; }
static inline int fails(void) { return ++faulty.calls == faulty.at; }
static inline int bad_start(void *self, uint16_t hash, struct tlsm_hash *to)
{
    return fails() ? -1 : good()->hash_start(self, hash, to);
}
static inline int bad_update(void *self, uint16_t hash, struct tlsm_hash *to, struct tlsm_bytes data)
{
    return fails() ? -1 : good()->hash_update(self, hash, to, data);
}
static inline int bad_finish(void *self, uint16_t hash, const struct tlsm_hash *from, uint8_t digest[TLSM_HASH_MAX])
{
    return fails() ? -1 : good()->hash_finish(self, hash, from, digest);
}
static inline int bad_hmac(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                    uint8_t digest[TLSM_HASH_MAX])
{
    return fails() ? -1 : good()->hmac(self, hash, key, part, parts, digest);
}
static inline void remember_seal(const struct tlsm_key *key, const uint8_t *tag)
{
    for (unsigned i = 0; i < faulty.count; i++)
        if (faulty.sealed[i].id == key->id && faulty.sealed[i].sequence == key->sequence)
            assert_memory_equal(faulty.sealed[i].tag, tag, TLSM_TAG);
    assert_true(faulty.count < SEALED_MAX);
    faulty.sealed[faulty.count].id = key->id;
    faulty.sealed[faulty.count].sequence = key->sequence;
    memcpy(faulty.sealed[faulty.count++].tag, tag, TLSM_TAG);
}
static inline int bad_seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain,
                    struct tlsm_bytes tail, uint8_t *out)
{
    if (fails() || good()->seal(self, key, aad, plain, tail, out) != 0)
        return -1;
    remember_seal(key, out + plain.length + tail.length);
    return 0;
}
static inline int bad_open(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes cipher, uint8_t *out)
{
    return fails() ? -1 : good()->open(self, key, aad, cipher, out);
}
static inline int bad_share(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_span *to)
{
    return fails() ? -1 : good()->share(self, group, secret, to);
}
static inline int bad_agree(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes own,
                     struct tlsm_bytes peer, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    return fails() ? -1 : good()->agree(self, group, secret, own, peer, shared, length);
}
static inline int bad_respond(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes peer,
                       struct tlsm_span *to, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    return fails() ? -1 : good()->respond(self, group, secret, peer, to, shared, length);
}
static inline void bad_forget(void *self, uint64_t id) { good()->forget(self, id); }
static const struct tlsm_crypto bad_provider = { bad_start, bad_update, bad_finish, bad_hmac, bad_seal, bad_open,
                                                 bad_share, bad_agree, bad_respond, bad_forget };

static inline void start_again(struct side *side)
{
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy };
    memset(&entropy, side->settings.role, sizeof entropy);
    if (side_step(side, &in) == TLSM_LIBRARY_FAILED)
        assert_code(side_step(side, &in), TLSM_OK);
}

/* What the provider could not do is tried once more: a refused step changed nothing, so it must succeed. */
static inline void produce_again(struct side *side)
{
    struct tlsm_request request;
    struct tlsm_answer answer;
    uint8_t signature[TLSM_NULL_SIGNATURE];
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    unsigned needs;
    while ((needs = tlsm_needs(&side->block.state)) & (TLSM_NEED_PRODUCE | TLSM_NEED_ANSWER)) {
        if (needs & TLSM_NEED_ANSWER) {
            (void)tlsm_request(&side->config, &side->block.state, &request);
            (void)tlsm_null_answer(&request, &answer, signature);
            (void)side_step(side, &in);
        } else if (side_do(side, TLSM_IN_PRODUCE) == TLSM_LIBRARY_FAILED) {
            assert_true(side_do(side, TLSM_IN_PRODUCE) < TLSM_MORE_INPUT);
        }
    }
}

static inline void say_again(struct side *from, struct side *to)
{
    produce_again(from);
    if (from->wire_have > 0)
        (void)side_sent(from, from->wire_have, to);
    (void)side_feed(to);
}

static inline void talk_again(struct pair *pair)
{
    for (int i = 0; i < 6; i++) {
        say_again(&pair->client, &pair->server);
        say_again(&pair->server, &pair->client);
    }
}

#endif
