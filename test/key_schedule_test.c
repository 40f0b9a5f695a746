/* SPDX-License-Identifier: MIT */
/* The key schedule and record protection against RFC 8448, bit for bit, with the real provider. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "handshake.h"
#include "rfc8448.h"
#include "tlsm_libcrypto.h"

#define BYTES(array) tlsm_slice(array, sizeof(array))
#define assert_same(array, expected) assert_memory_equal(array, expected, sizeof(expected))

static const struct tlsm_settings settings;
static struct tlsm_config config = { &settings, &tlsm_libcrypto_table, NULL };

static int open_provider(void **state)
{
    TLSM_UNUSED(state);
    config.self = tlsm_libcrypto_new(NULL);
    return config.self == NULL;
}

static int close_provider(void **state)
{
    TLSM_UNUSED(state);
    tlsm_libcrypto_free(config.self);
    return 0;
}

static void transcript(struct tlsm_hash *hash, const struct tlsm_bytes *message, size_t count,
                       uint8_t digest[TLSM_HASH_MAX])
{
    assert_int_equal(config.crypto->hash_start(config.self, TLSM_SHA256, hash), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(tlsm_absorb(&config, TLSM_SHA256, hash, message[i]), 0);
    assert_int_equal(tlsm_digest(&config, TLSM_SHA256, hash, digest), 0);
}

static void simple_handshake_secrets(void **state)
{
    const struct tlsm_bytes hellos[] = { BYTES(simple_client_hello), BYTES(simple_server_hello) };
    struct tlsm_hash hash;
    struct tlsm_secrets secrets;
    uint8_t digest[TLSM_HASH_MAX];
    TLSM_UNUSED(state);
    transcript(&hash, hellos, 2, digest);
    assert_same(digest, simple_hash_hellos);
    assert_int_equal(tlsm_derive_handshake(&config, TLSM_SHA256, NULL, BYTES(simple_shared), digest, &secrets), 0);
    assert_same(secrets.running, simple_handshake_secret);
    assert_same(secrets.client, simple_client_handshake);
    assert_same(secrets.server, simple_server_handshake);
}

static void simple_application_secrets(void **state)
{
    const struct tlsm_bytes flight[] = { BYTES(simple_client_hello), BYTES(simple_server_hello), BYTES(simple_flight) };
    struct tlsm_hash hash;
    struct tlsm_secrets secrets;
    uint8_t digest[TLSM_HASH_MAX], handshake[TLSM_HASH_MAX] = { 0 }, exporter[TLSM_HASH_MAX];
    TLSM_UNUSED(state);
    transcript(&hash, flight, 3, digest);
    assert_same(digest, simple_hash_server_finished);
    memcpy(handshake, simple_handshake_secret, sizeof simple_handshake_secret);
    assert_int_equal(tlsm_derive_application(&config, TLSM_SHA256, handshake, digest, &secrets, exporter), 0);
    assert_same(secrets.running, simple_main_secret);
    assert_same(secrets.client, simple_client_traffic);
    assert_same(secrets.server, simple_server_traffic);
    assert_same(exporter, simple_exporter);
}

static void finished(const uint8_t base[32], const struct tlsm_bytes *message, size_t count, const uint8_t expected[32])
{
    struct tlsm_hash hash;
    uint8_t digest[TLSM_HASH_MAX], secret[TLSM_HASH_MAX] = { 0 }, verify[TLSM_HASH_MAX];
    transcript(&hash, message, count, digest);
    memcpy(secret, base, 32);
    assert_int_equal(tlsm_finished(&config, TLSM_SHA256, secret, digest, verify), 0);
    assert_memory_equal(verify, expected, 32);
}

/* Without its last message, the server's Finished of 36 bytes. */
static struct tlsm_bytes unfinished(struct tlsm_bytes flight)
{
    return tlsm_slice(flight.data, flight.length - 36);
}

static void simple_finished(void **state)
{
    struct tlsm_bytes flight[] = { BYTES(simple_client_hello), BYTES(simple_server_hello), BYTES(simple_flight) };
    TLSM_UNUSED(state);
    finished(simple_client_handshake, flight, 3, simple_client_verify);
    flight[2] = unfinished(flight[2]);
    finished(simple_server_handshake, flight, 3, simple_server_verify);
}

static void simple_resumption_and_ticket(void **state)
{
    uint8_t client_finished[36] = { 20, 0, 0, 32 };
    const struct tlsm_bytes all[] = { BYTES(simple_client_hello), BYTES(simple_server_hello), BYTES(simple_flight),
                                      BYTES(client_finished) };
    struct tlsm_hash hash;
    uint8_t digest[TLSM_HASH_MAX], secret[TLSM_HASH_MAX] = { 0 }, out[TLSM_HASH_MAX] = { 0 };
    TLSM_UNUSED(state);
    memcpy(client_finished + 4, simple_client_verify, 32);
    transcript(&hash, all, 4, digest);
    memcpy(secret, simple_main_secret, sizeof simple_main_secret);
    assert_int_equal(tlsm_expand_label(&config, TLSM_SHA256, secret, "res master", tlsm_slice(digest, 32), out, 32), 0);
    assert_same(out, simple_resumption);
    assert_int_equal(tlsm_expand_label(&config, TLSM_SHA256, out, "resumption", BYTES(simple_ticket_nonce), secret, 32), 0);
    assert_same(secret, simple_ticket_psk);
}

static void check_key(const uint8_t secret[32], const uint8_t *key, const uint8_t *iv)
{
    struct tlsm_key made;
    uint8_t padded[TLSM_HASH_MAX] = { 0 };
    memcpy(padded, secret, 32);
    assert_int_equal(tlsm_traffic_key(&config, TLSM_AES_128_GCM_SHA256, padded, &made), 0);
    if (key != NULL)
        assert_memory_equal(made.key, key, 16);
    if (iv != NULL)
        assert_memory_equal(made.iv, iv, 12);
    assert_int_equal(made.sequence, 0);
    assert_int_equal(made.suite, TLSM_AES_128_GCM_SHA256);
    for (size_t i = 16; i < TLSM_KEY_MAX; i++)
        assert_int_equal(made.key[i], 0);
}

static void traffic_keys(void **state)
{
    TLSM_UNUSED(state);
    check_key(simple_server_handshake, simple_server_handshake_key, simple_server_handshake_iv);
    check_key(simple_client_handshake, simple_client_handshake_key, simple_client_handshake_iv);
    check_key(simple_server_traffic, simple_server_traffic_key, simple_server_traffic_iv);
    check_key(simple_client_traffic, simple_client_traffic_key, simple_client_traffic_iv);
    check_key(retry_server_handshake, NULL, retry_server_handshake_iv);
    check_key(retry_client_handshake, retry_client_handshake_key, retry_client_handshake_iv);
    check_key(retry_server_traffic, retry_server_traffic_key, NULL);
    check_key(retry_client_traffic, retry_client_traffic_key, retry_client_traffic_iv);
}

/* The id is the 8 bytes behind the IV in the same output block of HKDF-Expand, and differs for different keys. */
static void the_id_lies_behind_the_iv(void **state)
{
    static const uint8_t info[] = { 0, 12, 8, 't', 'l', 's', '1', '3', ' ', 'i', 'v', 0, 1 };
    const struct tlsm_bytes part = BYTES(info);
    struct tlsm_key key;
    uint8_t secret[TLSM_HASH_MAX] = { 0 }, block[TLSM_HASH_MAX];
    uint64_t id = 0;
    TLSM_UNUSED(state);
    memcpy(secret, simple_server_traffic, 32);
    assert_int_equal(config.crypto->hmac(config.self, TLSM_SHA256, tlsm_slice(secret, 32), &part, 1, block), 0);
    assert_int_equal(tlsm_traffic_key(&config, TLSM_CHACHA20_POLY1305_SHA256, secret, &key), 0);
    for (size_t i = 12; i < 20; i++)
        id = id << 8 | block[i];
    assert_memory_equal(key.iv, block, 12);
    assert_true(key.id == id);
}

static void sealed(const uint8_t secret[32], uint64_t sequence, uint8_t type, struct tlsm_bytes plain,
                   struct tlsm_bytes record)
{
    struct tlsm_key key;
    uint8_t padded[TLSM_HASH_MAX] = { 0 }, out[1024];
    memcpy(padded, secret, 32);
    assert_int_equal(tlsm_traffic_key(&config, TLSM_AES_128_GCM_SHA256, padded, &key), 0);
    key.sequence = sequence;
    assert_int_equal(config.crypto->seal(config.self, &key, tlsm_slice(record.data, 5), plain, tlsm_slice(&type, 1), out), 0);
    assert_memory_equal(out, record.data + 5, record.length - 5);
    assert_int_equal(config.crypto->open(config.self, &key, tlsm_slice(record.data, 5),
                                         tlsm_slice(record.data + 5, record.length - 5), out), 0);
    assert_memory_equal(out, plain.data, plain.length);
    assert_int_equal(out[plain.length], type);
}

static void record_protection(void **state)
{
    static const uint8_t alert[] = { 1, 0 };
    uint8_t client_finished[36] = { 20, 0, 0, 32 };
    TLSM_UNUSED(state);
    memcpy(client_finished + 4, simple_client_verify, 32);
    sealed(simple_server_handshake, 0, 22, BYTES(simple_flight), BYTES(simple_flight_record));
    sealed(simple_client_handshake, 0, 22, BYTES(client_finished), BYTES(simple_client_finished_record));
    sealed(simple_server_traffic, 0, 22, BYTES(simple_ticket), BYTES(simple_ticket_record));
    sealed(simple_client_traffic, 0, 23, BYTES(simple_data), BYTES(simple_client_data_record));
    sealed(simple_server_traffic, 1, 23, BYTES(simple_data), BYTES(simple_server_data_record));
    sealed(simple_server_traffic, 2, 21, BYTES(alert), BYTES(simple_server_alert_record));
    sealed(retry_server_handshake, 0, 22, BYTES(retry_flight), BYTES(retry_flight_record));
    memcpy(client_finished + 4, retry_client_verify, 32);
    sealed(retry_client_handshake, 0, 22, BYTES(client_finished), BYTES(retry_client_finished_record));
}

static void retry_transcript(struct tlsm_hash *hash)
{
    const struct tlsm_bytes first = BYTES(retry_hello1);
    uint8_t digest[TLSM_HASH_MAX];
    transcript(hash, &first, 1, digest);
    assert_int_equal(tlsm_message_hash(&config, TLSM_SHA256, hash), 0);
    assert_int_equal(tlsm_absorb(&config, TLSM_SHA256, hash, BYTES(retry_request)), 0);
    assert_int_equal(tlsm_absorb(&config, TLSM_SHA256, hash, BYTES(retry_hello2)), 0);
    assert_int_equal(tlsm_absorb(&config, TLSM_SHA256, hash, BYTES(retry_server_hello)), 0);
}

static void retry_replaces_the_first_hello(void **state)
{
    struct tlsm_hash hash;
    struct tlsm_secrets secrets;
    uint8_t digest[TLSM_HASH_MAX], verify[TLSM_HASH_MAX], handshake[TLSM_HASH_MAX], exporter[TLSM_HASH_MAX];
    TLSM_UNUSED(state);
    retry_transcript(&hash);
    assert_int_equal(tlsm_digest(&config, TLSM_SHA256, &hash, digest), 0);
    assert_int_equal(tlsm_derive_handshake(&config, TLSM_SHA256, NULL, BYTES(retry_shared), digest, &secrets), 0);
    assert_same(secrets.running, retry_handshake_secret);
    assert_same(secrets.client, retry_client_handshake);
    assert_same(secrets.server, retry_server_handshake);
    memcpy(handshake, secrets.running, sizeof handshake);
    assert_int_equal(tlsm_absorb(&config, TLSM_SHA256, &hash, unfinished(BYTES(retry_flight))), 0);
    assert_int_equal(tlsm_digest(&config, TLSM_SHA256, &hash, digest), 0);
    assert_int_equal(tlsm_finished(&config, TLSM_SHA256, secrets.server, digest, verify), 0);
    assert_same(verify, retry_server_verify);
    assert_int_equal(tlsm_absorb(&config, TLSM_SHA256, &hash, tlsm_slice(retry_flight + sizeof retry_flight - 36, 36)), 0);
    assert_int_equal(tlsm_digest(&config, TLSM_SHA256, &hash, digest), 0);
    assert_int_equal(tlsm_derive_application(&config, TLSM_SHA256, handshake, digest, &secrets, exporter), 0);
    assert_same(secrets.running, retry_main_secret);
    assert_same(secrets.client, retry_client_traffic);
    assert_same(secrets.server, retry_server_traffic);
    assert_same(exporter, retry_exporter);
}

/* P-256 secrets are 48 bytes of entropy reduced to a scalar; agreement is symmetric, and equal to the trace's. */
static void agreements_of_the_traces(void **state)
{
    uint8_t secret[TLSM_SHARE_SECRET_MAX] = { 0 }, shared[TLSM_SHARED_MAX], room[128];
    struct tlsm_span own = { room, sizeof room };
    size_t length = 0;
    TLSM_UNUSED(state);
    memcpy(secret, simple_server_private, 32);
    assert_int_equal(config.crypto->share(config.self, TLSM_X25519, secret, &own), 0);
    assert_int_equal(own.capacity, 32);
    assert_same(room, simple_server_public);
    memcpy(secret, simple_client_private, 32);
    own.capacity = sizeof room;
    assert_int_equal(config.crypto->respond(config.self, TLSM_X25519, secret, BYTES(simple_server_public), &own, shared,
                                            &length), 0);
    assert_int_equal(length, 32);
    assert_same(shared, simple_shared);
}

/* No state keeps more than the hash's length, and SHA-384 works as SHA-256 does. */
static void secrets_are_zero_past_the_hash(void **state)
{
    static const uint16_t hashes[] = { TLSM_SHA256, TLSM_SHA384 };
    uint8_t digest[TLSM_HASH_MAX] = { 1, 2, 3 }, exporter[TLSM_HASH_MAX];
    TLSM_UNUSED(state);
    for (size_t i = 0; i < 2; i++) {
        struct tlsm_secrets secrets;
        memset(&secrets, 0xff, sizeof secrets);
        assert_int_equal(tlsm_derive_handshake(&config, hashes[i], NULL, BYTES(simple_shared), digest, &secrets), 0);
        assert_int_equal(tlsm_derive_application(&config, hashes[i], secrets.running, digest, &secrets, exporter), 0);
        for (size_t at = tlsm_hash_length(hashes[i]); at < TLSM_HASH_MAX; at++)
            assert_int_equal(secrets.running[at] | secrets.client[at] | secrets.server[at] | exporter[at], 0);
        assert_int_not_equal(secrets.running[31], secrets.client[31]);
    }
}

static void oversize_requests_are_refused(void **state)
{
    uint8_t secret[TLSM_HASH_MAX] = { 0 }, out[256];
    TLSM_UNUSED(state);
    assert_true(tlsm_expand_label(&config, TLSM_SHA256, secret, "key", tlsm_slice(NULL, 0), out, 33) < 0);
    assert_true(tlsm_expand_label(&config, TLSM_SHA256, secret, "key", tlsm_slice(out, 256), out, 32) < 0);
    assert_true(tlsm_expand_label(&config, TLSM_SHA256, secret, "a label of more than thirty-two letters",
                                  tlsm_slice(NULL, 0), out, 32) < 0);
}

static void resumed_binder_and_secrets(void **state)
{
    const size_t binders = 2 + 1 + 32;
    const struct tlsm_bytes truncated = tlsm_slice(resumed_client_hello, sizeof resumed_client_hello - binders);
    const struct tlsm_bytes hellos[] = { BYTES(resumed_client_hello), BYTES(resumed_server_hello) };
    struct tlsm_hash hash;
    struct tlsm_secrets secrets;
    uint8_t early[TLSM_HASH_MAX], digest[TLSM_HASH_MAX], binder[TLSM_HASH_MAX];
    TLSM_UNUSED(state);
    assert_int_equal(tlsm_early_secret(&config, TLSM_SHA256, BYTES(resumed_psk), early), 0);
    assert_same(early, resumed_early);
    transcript(&hash, &truncated, 1, digest);
    assert_same(digest, resumed_binder_hash);
    assert_int_equal(tlsm_binder(&config, TLSM_SHA256, early, digest, binder), 0);
    assert_same(binder, resumed_binder);
    assert_memory_equal(binder, resumed_client_hello + sizeof resumed_client_hello - 32, 32);
    transcript(&hash, hellos, 2, digest);
    assert_int_equal(tlsm_derive_handshake(&config, TLSM_SHA256, early, BYTES(resumed_shared), digest, &secrets), 0);
    assert_same(secrets.running, resumed_handshake_secret);
    assert_same(secrets.client, resumed_client_handshake);
    assert_same(secrets.server, resumed_server_handshake);
}

static int hmacs;

static int count_hmac(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                      uint8_t digest[TLSM_HASH_MAX])
{
    hmacs++;
    return tlsm_libcrypto_table.hmac(self, hash, key, part, parts, digest);
}

/* RFC 5246 §5: A(1), then a block, and A(i + 1) where another one follows: each of any length begins as the longest does. */
static void no_more_of_the_prf_is_made_than_is_asked_for(void **state)
{
    struct tlsm_crypto counting = tlsm_libcrypto_table;
    const struct tlsm_config counted = { &settings, &counting, config.self };
    uint8_t longest[200], bytes[sizeof longest + 1];
    TLSM_UNUSED(state);
    counting.hmac = count_hmac;
    for (uint16_t hash = TLSM_SHA256; hash <= TLSM_SHA384; hash++) {
        const size_t block = tlsm_hash_length(hash);
        for (size_t length = sizeof longest; length > 0; length--) {
            const struct tlsm_span to = { bytes, length };
            memset(bytes, 0xa5, sizeof bytes);
            hmacs = 0;
            assert_int_equal(tlsm_prf(&counted, hash, BYTES(simple_shared), "key expansion", BYTES(simple_shared), BYTES(simple_shared), to), 0);
            if (length == sizeof longest)
                memcpy(longest, bytes, sizeof longest);
            assert_memory_equal(bytes, longest, length);
            assert_int_equal(bytes[length], 0xa5);
            assert_int_equal(hmacs, 2 * ((length + block - 1) / block));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_handshake_secrets),
        cmocka_unit_test(simple_application_secrets),
        cmocka_unit_test(simple_finished),
        cmocka_unit_test(resumed_binder_and_secrets),
        cmocka_unit_test(simple_resumption_and_ticket),
        cmocka_unit_test(traffic_keys),
        cmocka_unit_test(the_id_lies_behind_the_iv),
        cmocka_unit_test(record_protection),
        cmocka_unit_test(retry_replaces_the_first_hello),
        cmocka_unit_test(agreements_of_the_traces),
        cmocka_unit_test(secrets_are_zero_past_the_hash),
        cmocka_unit_test(oversize_requests_are_refused),
        cmocka_unit_test(no_more_of_the_prf_is_made_than_is_asked_for),
    };
    return cmocka_run_group_tests(tests, open_provider, close_provider);
}
