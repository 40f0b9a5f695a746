/* SPDX-License-Identifier: MIT */
#include "mutator.h"

#include <string.h>

enum { PREFIX_LEAST = 40 };   /* of a ClientHello: what binders are made over */

static void change_byte(uint8_t *message, size_t length, const struct mutation *mutation)
{
    const size_t at = mutation->behind ? length - 1 - mutation->at % length : mutation->at % length;
    switch ((enum mutation_how)(mutation->how % MUTATION_HOWS)) {
    case MUTATE_SET: message[at] = mutation->with; break;
    case MUTATE_FLIP: message[at] ^= mutation->with; break;
    case MUTATE_ADD: message[at] = (uint8_t)(message[at] + mutation->with); break;
    case MUTATE_COPY: message[at] = message[(at + mutation->with) % length]; break;
    case MUTATION_HOWS: break;
    }
}

static void change_message(struct mutator *mutator, uint8_t *message, size_t length)
{
    for (size_t i = 0; i < mutator->count; i++)
        if (mutator->mutation[i].message == mutator->messages && length > 0)
            change_byte(message, length, &mutator->mutation[i]);
    mutator->messages++;
}

void mutator_step(struct mutator *mutator, struct tlsm_span wire)
{
    mutator->wire = wire;
    mutator->last = NULL;
}

void mutator_hello(struct mutator *mutator, uint8_t *record, size_t length)
{
    if (length <= TLSM_HEADER || length - TLSM_HEADER > MUTATOR_HELLO)
        return;
    mutator->hello_length = length - TLSM_HEADER;
    memcpy(mutator->hello, record + TLSM_HEADER, mutator->hello_length);
    change_message(mutator, record + TLSM_HEADER, mutator->hello_length);
    memcpy(mutator->changed, record + TLSM_HEADER, mutator->hello_length);
}

/* ------------------------------------------------------------------------------------------------ the table */

/* Bytes of the room in which the peer makes its messages: the room is not constant, though the view of it is. */
static uint8_t *made_here(const struct mutator *mutator, struct tlsm_bytes data)
{
    const uint8_t *wire = mutator->wire.data;
    if (wire == NULL || data.data < wire || data.data >= wire + mutator->wire.capacity || data.length < 4)
        return NULL;
    return mutator->wire.data + (data.data - wire);
}

static struct tlsm_bytes as_sent(struct mutator *mutator, struct tlsm_bytes data)
{
    uint8_t *made = made_here(mutator, data);
    if (made != NULL && (made != mutator->last || data.length != mutator->last_length)) {
        change_message(mutator, made, data.length);
        mutator->last = made;
        mutator->last_length = data.length;
    }
    if (made == NULL && data.length >= PREFIX_LEAST && data.length <= mutator->hello_length &&
        memcmp(data.data, mutator->hello, data.length) == 0)
        data.data = mutator->changed;
    return data;
}

static int start(void *self, uint16_t hash, struct tlsm_hash *to)
{
    struct mutator *mutator = self;
    return mutator->crypto->hash_start(mutator->self, hash, to);
}

static int update(void *self, uint16_t hash, struct tlsm_hash *to, struct tlsm_bytes data)
{
    struct mutator *mutator = self;
    return mutator->crypto->hash_update(mutator->self, hash, to, as_sent(mutator, data));
}

static int finish(void *self, uint16_t hash, const struct tlsm_hash *from, uint8_t digest[TLSM_HASH_MAX])
{
    struct mutator *mutator = self;
    return mutator->crypto->hash_finish(mutator->self, hash, from, digest);
}

static int hmac(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                uint8_t digest[TLSM_HASH_MAX])
{
    struct mutator *mutator = self;
    return mutator->crypto->hmac(mutator->self, hash, key, part, parts, digest);
}

static int seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain, struct tlsm_bytes tail, uint8_t *out)
{
    struct mutator *mutator = self;
    return mutator->crypto->seal(mutator->self, key, aad, plain, tail, out);
}

static int unseal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes cipher, uint8_t *out)
{
    struct mutator *mutator = self;
    return mutator->crypto->open(mutator->self, key, aad, cipher, out);
}

static int share(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_span *pub)
{
    struct mutator *mutator = self;
    return mutator->crypto->share(mutator->self, group, secret, pub);
}

static int agree(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes own, struct tlsm_bytes peer,
                 uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    struct mutator *mutator = self;
    return mutator->crypto->agree(mutator->self, group, secret, own, peer, shared, length);
}

static int respond(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes peer,
                   struct tlsm_span *pub, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    struct mutator *mutator = self;
    return mutator->crypto->respond(mutator->self, group, secret, peer, pub, shared, length);
}

static void forget(void *self, uint64_t id)
{
    struct mutator *mutator = self;
    mutator->crypto->forget(mutator->self, id);
}

const struct tlsm_crypto mutator_table = { start, update, finish, hmac, seal, unseal, share, agree, respond, forget };
