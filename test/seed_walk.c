/* SPDX-License-Identifier: MIT */
/* The record walker: what we put on the wire, opened with libcrypto and the peer's key log, without a line of ours. */
#include "seed_fixture.h"

#include <openssl/hmac.h>
#include <string.h>

enum { HEADER = 5, TAG = 16, MAC_MAX = 64, TYPE_ALERT = 21, TYPE_DATA = 23 };

struct keys {
    const EVP_CIPHER *cipher;
    uint8_t key[32], iv[12];
    uint64_t sequence;
};

static unsigned nibble(char digit) { return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit - 'a' + 10); }

/* RFC 9846 §7.1: HKDF-Expand-Label with an empty context; one block of output is enough. */
static void expand(const EVP_MD *hash, const uint8_t *secret, int secret_length, const char *label, uint8_t *to, size_t length)
{
    uint8_t info[64] = { 0, (uint8_t)length, (uint8_t)(6 + strlen(label)) }, block[MAC_MAX];
    const size_t text = 6 + strlen(label);
    unsigned made = 0;
    memcpy(info + 3, "tls13 ", 6);
    memcpy(info + 9, label, strlen(label));
    info[3 + text + 1] = 1;
    assert_non_null(HMAC(hash, secret, secret_length, info, 3 + text + 2, block, &made));
    assert_true(length <= made);
    memcpy(to, block, length);
}

/* The secret's length tells the hash, and among AES suites the cipher too. */
static struct keys read_keys(const char *line)
{
    struct keys keys = { 0 };
    uint8_t secret[MAC_MAX];
    const char *const hex = strrchr(line, ' ');
    size_t length = 0;
    assert_non_null(hex);
    for (const char *at = hex + 1; at[0] != '\0' && at[1] != '\0' && length < sizeof secret; at += 2)
        secret[length++] = (uint8_t)(nibble(at[0]) << 4 | nibble(at[1]));
    assert_true(length == 32 || length == 48);
    keys.cipher = length == 48 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
    expand(length == 48 ? EVP_sha384() : EVP_sha256(), secret, (int)length, "key", keys.key, length == 48 ? 32 : 16);
    expand(length == 48 ? EVP_sha384() : EVP_sha256(), secret, (int)length, "iv", keys.iv, sizeof keys.iv);
    return keys;
}

/* The plaintext's length, or -1. */
static int open_record(const struct keys *keys, const uint8_t *record, size_t body, uint8_t *plain)
{
    EVP_CIPHER_CTX *const context = EVP_CIPHER_CTX_new();
    uint8_t nonce[12], tag[TAG];
    int length = 0, rest = 0, good;
    memcpy(nonce, keys->iv, sizeof nonce);
    for (unsigned i = 0; i < 8; i++)
        nonce[11 - i] ^= (uint8_t)(keys->sequence >> 8 * i);
    memcpy(tag, record + HEADER + body - TAG, TAG);
    good = EVP_DecryptInit_ex(context, keys->cipher, NULL, keys->key, nonce) == 1 &&
           EVP_DecryptUpdate(context, NULL, &rest, record, HEADER) == 1 &&
           EVP_DecryptUpdate(context, plain, &length, record + HEADER, (int)(body - TAG)) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(context, plain + length, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    return good ? length : -1;
}

static void count(struct seed_walked *walked, const uint8_t *plain, int length)
{
    int end = length - 1;
    while (end > 0 && plain[end] == 0)
        end--;
    walked->after += walked->close_notifies > 0;
    if (plain[end] == TYPE_DATA)
        walked->data += (size_t)end;
    if (plain[end] != TYPE_ALERT)
        return;
    if (end == 2 && plain[0] == 1 && plain[1] == 0)
        walked->close_notifies++;
    else
        walked->other_alerts++;
}

/* Records before the first that opens are the handshake's, under other keys. */
struct seed_walked seed_walk(const struct seed *seed)
{
    static uint8_t plain[1 << 15];
    struct seed_walked walked = { 0 };
    struct keys keys = read_keys(seed->secret);
    size_t at = 0;
    while (seed->wire_length - at >= HEADER) {
        const uint8_t *const record = seed->wire + at;
        const size_t body = (size_t)record[3] << 8 | record[4];
        int length = -1;
        if (seed->wire_length - at < HEADER + body)
            break;
        if (record[0] == TYPE_DATA && body > TAG)
            length = open_record(&keys, record, body, plain);
        if (length > 0)
            count(&walked, plain, length);
        walked.broken += length <= 0 && keys.sequence > 0;
        keys.sequence += length > 0;
        at += HEADER + body;
    }
    walked.rest = seed->wire_length - at;
    return walked;
}

void seed_assert_closed_once(const struct seed *seed)
{
    const struct seed_walked walked = seed_walk(seed);
    assert_int_equal(walked.close_notifies, 1);
    assert_int_equal(walked.after, 0);
    assert_int_equal(walked.other_alerts, 0);
    assert_int_equal(walked.broken, 0);
    assert_int_equal(walked.rest, 0);
}
