/* SPDX-License-Identifier: MIT */
/* The record walker: what we put on the wire, opened with libcrypto and the peer's key log, without a line of ours. */
#include "seed_fixture.h"

#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <string.h>

enum { HEADER = 5, TAG = 16, NONCE_12 = 8, MAC_MAX = 64, TYPE_ALERT = 21, TYPE_DATA = 23 };

struct keys {
    const EVP_CIPHER *cipher;
    uint8_t key[32], iv[12];
    uint64_t sequence;
    int older;                /* the nonce's last bytes stand in the record, its type in the header */
};

static unsigned nibble(char digit) { return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit - 'a' + 10); }

static size_t bytes_of(const char *hex, uint8_t *to, size_t room)
{
    size_t length = 0;
    for (const char *at = hex; at[0] > ' ' && at[1] > ' ' && length < room; at += 2)
        to[length++] = (uint8_t)(nibble(at[0]) << 4 | nibble(at[1]));
    return length;
}

static void put_64(uint8_t *to, uint64_t number)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(number >> 8 * (7 - i));
}

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
static struct keys read_keys_13(const char *line)
{
    struct keys keys = { 0 };
    uint8_t secret[MAC_MAX];
    const char *const hex = strrchr(line, ' ');
    size_t length;
    assert_non_null(hex);
    length = bytes_of(hex + 1, secret, sizeof secret);
    assert_true(length == 32 || length == 48);
    keys.cipher = length == 48 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
    expand(length == 48 ? EVP_sha384() : EVP_sha256(), secret, (int)length, "key", keys.key, length == 48 ? 32 : 16);
    expand(length == 48 ? EVP_sha384() : EVP_sha256(), secret, (int)length, "iv", keys.iv, sizeof keys.iv);
    return keys;
}

/* RFC 5246 §5, §6.3: key_block = PRF(master_secret, "key expansion", server_random + client_random). */
static void key_block(const EVP_MD *hash, const uint8_t master[48], const uint8_t randoms[64], uint8_t *to, size_t length)
{
    EVP_PKEY_CTX *const context = EVP_PKEY_CTX_new_id(EVP_PKEY_TLS1_PRF, NULL);
    assert_non_null(context);
    assert_int_equal(EVP_PKEY_derive_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_tls1_prf_md(context, hash), 1);
    assert_int_equal(EVP_PKEY_CTX_set1_tls1_prf_secret(context, master, 48), 1);
    assert_int_equal(EVP_PKEY_CTX_add1_tls1_prf_seed(context, (const unsigned char *)"key expansion", 13), 1);
    assert_int_equal(EVP_PKEY_CTX_add1_tls1_prf_seed(context, randoms, 64), 1);
    assert_int_equal(EVP_PKEY_derive(context, to, &length), 1);
    EVP_PKEY_CTX_free(context);
}

/* The randoms and the suite, the line having the master secret: ServerHello is the first that a server says. */
static struct keys read_keys_12(const struct seed *seed)
{
    const uint8_t *const hello = (seed->cell->server ? seed->wire : seed->greeting) + HEADER + 4 + 2;
    const char *const client = strchr(seed->secret, ' '), *const master = strrchr(seed->secret, ' ');
    struct keys keys = { .older = 1 };
    uint8_t randoms[64], secret[48], block[2 * (32 + 4)];
    const unsigned suite = (unsigned)hello[33 + hello[32]] << 8 | hello[34 + hello[32]];
    const size_t key = suite & 1 ? 16 : 32;   /* 0xc02b, 0xc02f; 0xc02c, 0xc030 */
    assert_true(suite == 0xc02b || suite == 0xc02c || suite == 0xc02f || suite == 0xc030);
    memcpy(randoms, hello, 32);
    assert_int_equal(bytes_of(client + 1, randoms + 32, 32), 32);
    assert_int_equal(bytes_of(master + 1, secret, sizeof secret), 48);
    key_block(key == 32 ? EVP_sha384() : EVP_sha256(), secret, randoms, block, 2 * (key + 4));
    keys.cipher = key == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
    memcpy(keys.key, block + (seed->cell->server ? key : 0), key);
    memcpy(keys.iv, block + 2 * key + (seed->cell->server ? 4 : 0), 4);
    return keys;
}

/* The nonce and the additional data; the latter's length. */
static int prepare(const struct keys *keys, const uint8_t *record, size_t body, uint8_t nonce[12], uint8_t additional[13])
{
    uint8_t number[8];
    put_64(number, keys->sequence);
    memcpy(nonce, keys->iv, 12);
    if (keys->older) {   /* RFC 5246 §6.2.3.3, RFC 5288 §3 */
        memcpy(nonce + 4, record + HEADER, NONCE_12);
        memcpy(additional, number, 8);
        memcpy(additional + 8, record, 3);
        additional[11] = (uint8_t)((body - NONCE_12 - TAG) >> 8);
        additional[12] = (uint8_t)(body - NONCE_12 - TAG);
        return 13;
    }
    for (unsigned i = 0; i < 8; i++)
        nonce[4 + i] ^= number[i];
    memcpy(additional, record, HEADER);
    return HEADER;
}

/* The plaintext's length, or -1. */
static int open_record(const struct keys *keys, const uint8_t *record, size_t body, uint8_t *plain)
{
    const size_t lead = keys->older ? NONCE_12 : 0;
    EVP_CIPHER_CTX *context;
    uint8_t nonce[12], additional[13], tag[TAG];
    int length = 0, rest = 0, good, about;
    if (body < lead + TAG)
        return -1;
    context = EVP_CIPHER_CTX_new();
    about = prepare(keys, record, body, nonce, additional);
    memcpy(tag, record + HEADER + body - TAG, TAG);
    good = EVP_DecryptInit_ex(context, keys->cipher, NULL, keys->key, nonce) == 1 &&
           EVP_DecryptUpdate(context, NULL, &rest, additional, about) == 1 &&
           EVP_DecryptUpdate(context, plain, &length, record + HEADER + lead, (int)(body - lead - TAG)) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(context, plain + length, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    return good ? length : -1;
}

static void count(struct seed_walked *walked, unsigned type, const uint8_t *plain, size_t length)
{
    walked->after += walked->close_notifies > 0;
    if (type == TYPE_DATA)
        walked->data += length;
    if (type != TYPE_ALERT)
        return;
    if (length == 2 && plain[0] == 1 && plain[1] == 0)
        walked->close_notifies++;
    else
        walked->other_alerts++;
}

/* TLS 1.3: the type is the last byte that is not 0. */
static void count_opened(struct seed_walked *walked, const struct keys *keys, unsigned outer, const uint8_t *plain, int length)
{
    size_t end = (size_t)length;
    if (keys->older) {
        count(walked, outer, plain, end);
        return;
    }
    while (end > 1 && plain[end - 1] == 0)
        end--;
    count(walked, plain[end - 1], plain, end - 1);
}

/* Records before the first that opens are the handshake's, under other keys. */
struct seed_walked seed_walk(const struct seed *seed)
{
    static uint8_t plain[1 << 15];
    struct seed_walked walked = { 0 };
    struct keys keys = seed->cell->older ? read_keys_12(seed) : read_keys_13(seed->secret);
    size_t at = 0;
    while (seed->wire_length - at >= HEADER) {
        const uint8_t *const record = seed->wire + at;
        const size_t body = (size_t)record[3] << 8 | record[4];
        int length = -1;
        if (seed->wire_length - at < HEADER + body)
            break;
        if (record[0] == TYPE_DATA || keys.older)
            length = open_record(&keys, record, body, plain);
        if (length > 0)
            count_opened(&walked, &keys, record[0], plain, length);
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
