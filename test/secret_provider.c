/* SPDX-License-Identifier: MIT */
#include "secret_provider.h"

#include <string.h>

#include "secret_mark.h"

enum { TYPE_HANDSHAKE = 22, TYPE_DATA = 23, FINISHED = 20, AAD_13 = 5, AAD_12 = 13 };

static const struct secret_provider *of(void *self) { return self; }

static size_t digest_length(uint16_t hash) { return hash == TLSM_SHA384 ? 48 : 32; }

static int hash_start(void *self, uint16_t hash, struct tlsm_hash *to)
{
    return of(self)->under->hash_start(of(self)->self, hash, to);
}

static int hash_update(void *self, uint16_t hash, struct tlsm_hash *in_out, struct tlsm_bytes data)
{
    return of(self)->under->hash_update(of(self)->self, hash, in_out, data);
}

static int hash_finish(void *self, uint16_t hash, const struct tlsm_hash *from, uint8_t digest[TLSM_HASH_MAX])
{
    return of(self)->under->hash_finish(of(self)->self, hash, from, digest);
}

static int hmac(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                uint8_t digest[TLSM_HASH_MAX])
{
    uint8_t copy[256];
    int secret = secret_any(key.data, key.length);
    for (size_t i = 0; i < parts; i++)
        secret |= secret_any(part[i].data, part[i].length);
    if (of(self)->careless && key.length <= sizeof copy) {
        if (key.length > 0)
            memcpy(copy, key.data, key.length);
        secret_reveal(copy, key.length);
        key.data = copy;
    }
    const int failed = of(self)->under->hmac(of(self)->self, hash, key, part, parts, digest);
    if (secret)
        secret_mark(digest, digest_length(hash));
    return failed;
}

/* ------------------------------------------------------------------------------------------------ records */

/* The id of a key is public by construction: bytes of the block behind the IV, which nothing else is made of. */
static struct tlsm_key named(const struct tlsm_key *key, int careless)
{
    struct tlsm_key copy = *key;
    secret_reveal(&copy.id, sizeof copy.id);
    if (careless)
        secret_reveal(&copy, sizeof copy);
    return copy;
}

/* A sealed record is what the wire gets to see. */
static int seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain, struct tlsm_bytes tail,
                uint8_t *out)
{
    const struct tlsm_key copy = named(key, 0);
    const int failed = of(self)->under->seal(of(self)->self, &copy, aad, plain, tail, out);
    secret_reveal(out, plain.length + tail.length + TLSM_TAG);
    return failed;
}

/* The session in a ticket of ours: its secret; the rest of it, its dates and its names, is compared and judged. */
static void mark_session(uint8_t *plain, size_t length)
{
    struct tlsm_session session;
    if (!tlsm_session_read((struct tlsm_bytes){ plain, length }, &session))
        return;
    for (size_t at = 0; at + session.secret_length <= length; at++)
        if (memcmp(plain + at, session.secret, session.secret_length) == 0) {
            secret_mark(plain + at, session.secret_length);
            return;
        }
}

/* Application data is a secret, and nobody's business but the application's. Handshake messages and alerts are there to be parsed.
 * Type and padding of an authentic record are public: the machine acts by them. */
static void mark_content(struct secret_provider *provider, struct tlsm_bytes aad, uint8_t *plain, size_t length)
{
    uint8_t type = aad.length == AAD_12 ? aad.data[8] : 0;
    if (aad.length == AAD_13)
        while (length > 0 && type == 0)
            type = plain[--length];
    if (aad.length != AAD_12 && aad.length != AAD_13)
        mark_session(plain, length);
    if (type == TYPE_DATA)
        secret_mark(plain, length);
    if (type == TYPE_HANDSHAKE && length > 0 && plain[0] == FINISHED && provider->spoil_finished) {
        plain[length - 1] ^= 1;
        provider->spoil_finished = 0;
    }
}

/* Whether a record is authentic, its peer learns: by an alert, or by none. */
static int open_record(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes cipher, uint8_t *out)
{
    const struct tlsm_key copy = named(key, of(self)->careless);
    int failed = of(self)->under->open(of(self)->self, &copy, aad, cipher, out);
    secret_reveal(&failed, sizeof failed);
    if (cipher.length < TLSM_TAG)
        return failed;
    secret_reveal(out, cipher.length - TLSM_TAG);
    if (failed == 0)
        mark_content(self, aad, out, cipher.length - TLSM_TAG);
    return failed;
}

static void forget(void *self, uint64_t id)
{
    secret_reveal(&id, sizeof id);
    of(self)->under->forget(of(self)->self, id);
}

/* ------------------------------------------------------------------------------------------------ key shares */

/* A key share goes over the wire. */
static int share(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_span *pub)
{
    const int failed = of(self)->under->share(of(self)->self, group, secret, pub);
    secret_reveal(pub->data, pub->capacity);
    return failed;
}

static int agree(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes own,
                 struct tlsm_bytes peer, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    int failed = of(self)->under->agree(of(self)->self, group, secret, own, peer, shared, length);
    /* The peer knows whether its share was good. */
    secret_reveal(&failed, sizeof failed);
    if (failed == 0)
        secret_mark(shared, *length);
    return failed;
}

static int respond(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes peer,
                   struct tlsm_span *pub, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    int failed = of(self)->under->respond(of(self)->self, group, secret, peer, pub, shared, length);
    secret_reveal(&failed, sizeof failed);
    if (failed == 0) {
        secret_reveal(pub->data, pub->capacity);
        secret_mark(shared, *length);
    }
    return failed;
}

const struct tlsm_crypto secret_provider_table = {
    .hash_start = hash_start,
    .hash_update = hash_update,
    .hash_finish = hash_finish,
    .hmac = hmac,
    .seal = seal,
    .open = open_record,
    .share = share,
    .agree = agree,
    .respond = respond,
    .forget = forget,
};
