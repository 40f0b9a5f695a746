/* SPDX-License-Identifier: MIT */
/* A socket with kernel TLS, simulated: it keeps the keys that setsockopt gave it, seals and opens records with libcrypto directly
 * (nothing of ours takes part), and can refuse, block, cut short and fail like a kernel. Over one end of a local socket pair. */
#ifndef TLSM_TEST_KTLS_FIXTURE_H
#define TLSM_TEST_KTLS_FIXTURE_H

#define _DEFAULT_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tlsm_ktls.h"
#include "tlsm_socket_internal.h"

#ifndef EKEYEXPIRED
#define EKEYEXPIRED 127
#endif

enum { SIM_TX = 0, SIM_RX = 1, SIM_RECORD = 5 + 16384 + 256, SIM_TAG = 16 };

struct sim_key {
    const EVP_CIPHER *cipher;      /* NULL: none yet */
    uint16_t number;
    uint8_t key[32], iv[12];
    uint64_t sequence;
};

struct sim {
    int descriptor;
    struct sim_key side[2];
    int ulp;
    int no_ulp, no_tx, no_rx;      /* errno with which it refuses */
    int keys_stay;                 /* as before Linux 6.14 */
    int error;                     /* a record failed to open, and the next send will meet that, unless it is forgotten */
    int update_pending;            /* a KeyUpdate came out, and no key since */
    int blocked;                   /* takes nothing */
    size_t cut;                    /* takes no more than so many bytes at once; 0: any number */
    int holds_back;                /* the next record stays in `out`, until it is polled for writing */
    uint8_t in[2 * SIM_RECORD], plain[SIM_RECORD], out[2 * SIM_RECORD];
    size_t in_have, plain_at, plain_have, out_have;
    uint8_t plain_type;
    void (*idle)(void *context);   /* what happens while somebody waits */
    void *idle_context;
    unsigned records_out, data_out, rekeys[2];
    /* injection */
    unsigned calls, fail_at;       /* 1 is the first */
    int fail_errno;                /* 0 with fail_at: a send is cut to one byte */
    int failed;
    uint64_t signals_until_ms;     /* every call is interrupted until then, by tlsm_socket_now() */
};

/* ------------------------------------------------------------------------------------------------ sealing and opening */

static inline void sim_nonce(const struct sim_key *key, uint8_t nonce[12])
{
    memcpy(nonce, key->iv, 12);
    for (int i = 0; i < 8; i++)
        nonce[11 - i] ^= (uint8_t)(key->sequence >> (8 * i));
}

static inline size_t sim_seal(struct sim_key *key, uint8_t type, const uint8_t *bytes, size_t length, uint8_t *record)
{
    const size_t body = length + 1 + SIM_TAG;
    const uint8_t header[5] = { 23, 3, 3, (uint8_t)(body >> 8), (uint8_t)body };
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t nonce[12];
    int part = 0, at = 0;
    sim_nonce(key, nonce);
    memcpy(record, header, sizeof header);
    assert_int_equal(EVP_EncryptInit_ex(context, key->cipher, NULL, key->key, nonce), 1);
    assert_int_equal(EVP_EncryptUpdate(context, NULL, &part, header, sizeof header), 1);
    if (length > 0)
        assert_int_equal(EVP_EncryptUpdate(context, record + 5, &at, bytes, (int)length), 1);
    assert_int_equal(EVP_EncryptUpdate(context, record + 5 + at, &part, &type, 1), 1);
    assert_int_equal(EVP_EncryptFinal_ex(context, record + 5 + at + part, &part), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SIM_TAG, record + 5 + length + 1), 1);
    EVP_CIPHER_CTX_free(context);
    key->sequence++;
    return 5 + body;
}

/* The content's length and type, or -1. */
static inline int sim_open(struct sim_key *key, const uint8_t *record, size_t body, uint8_t *plain, uint8_t *type)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t nonce[12], tag[SIM_TAG];
    size_t length = body - SIM_TAG;
    int part = 0, good;
    sim_nonce(key, nonce);
    memcpy(tag, record + 5 + length, SIM_TAG);
    good = EVP_DecryptInit_ex(context, key->cipher, NULL, key->key, nonce) == 1 &&
           EVP_DecryptUpdate(context, NULL, &part, record, 5) == 1 &&
           EVP_DecryptUpdate(context, plain, &part, record + 5, (int)length) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, SIM_TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(context, plain + part, &part) == 1;
    EVP_CIPHER_CTX_free(context);
    while (good && length > 0 && plain[length - 1] == 0)
        length--;
    if (!good || length == 0)
        return -1;
    key->sequence++;
    *type = plain[length - 1];
    return (int)length - 1;
}

/* ------------------------------------------------------------------------------------------------ setsockopt */

static inline int sim_error(int error)
{
    errno = error;
    return -1;
}

/* 1: this call fails. */
static inline int sim_fails(struct sim *sim)
{
    if (sim->signals_until_ms > tlsm_socket_now()) {
        errno = EINTR;
        return 1;
    }
    if (++sim->calls != sim->fail_at || sim->fail_errno == 0)
        return 0;
    sim->failed = 1;
    errno = sim->fail_errno;
    return 1;
}

static inline int sim_take_key(struct sim *sim, int side, const uint8_t *info, unsigned length)
{
    struct sim_key *key = &sim->side[side];
    uint16_t version, number;
    size_t at = 4, salt = 4, size = 32;
    if (length < 4)
        return sim_error(EINVAL);
    memcpy(&version, info, 2);
    memcpy(&number, info + 2, 2);
    if (version != 0x0304 || number < 51 || number > 54 || number == 53)
        return sim_error(EINVAL);
    size = number == 51 ? 16 : 32;
    salt = number == 54 ? 0 : 4;
    if (length != 4 + 12 + size + 8 || (key->cipher != NULL && key->number != number))
        return sim_error(EINVAL);
    if (key->cipher != NULL && sim->keys_stay)
        return sim_error(EBUSY);
    sim->rekeys[side] += key->cipher != NULL;
    key->number = number;
    key->cipher = number == 51 ? EVP_aes_128_gcm() : number == 52 ? EVP_aes_256_gcm() : EVP_chacha20_poly1305();
    memcpy(key->iv + salt, info + at, 12 - salt);
    at += 12 - salt;
    memcpy(key->key, info + at, size);
    at += size;
    memcpy(key->iv, info + at, salt);
    at += salt;
    key->sequence = 0;
    for (int i = 0; i < 8; i++)
        key->sequence = key->sequence << 8 | info[at + (size_t)i];
    if (side == SIM_RX)
        sim->update_pending = 0;
    return 0;
}

static inline int sim_setsockopt(void *context, int descriptor, int level, int name, const void *value, unsigned length)
{
    struct sim *sim = context;
    if (sim_fails(sim))
        return -1;
    if (level == SOL_SOCKET)
        return setsockopt(descriptor, level, name, value, length);
    if (level == 6 && name == 31) {
        if (sim->no_ulp != 0 || sim->ulp)
            return sim_error(sim->no_ulp != 0 ? sim->no_ulp : EEXIST);
        sim->ulp = strcmp(value, "tls") == 0 && length == 4;
        return sim->ulp ? 0 : sim_error(ENOENT);
    }
    if (level != 282 || !sim->ulp || (name != 1 && name != 2))
        return sim_error(ENOPROTOOPT);
    if (name == 1 ? sim->no_tx : sim->no_rx)
        return sim_error(name == 1 ? sim->no_tx : sim->no_rx);
    return sim_take_key(sim, name == 1 ? SIM_TX : SIM_RX, value, length);
}

/* ------------------------------------------------------------------------------------------------ out */

/* 0, or -1: nobody is there any more. */
static inline int sim_push(struct sim *sim)
{
    while (sim->out_have > 0 && !sim->holds_back) {
        const ssize_t put = send(sim->descriptor, sim->out, sim->out_have, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0)
            return errno == EAGAIN ? 0 : -1;
        memmove(sim->out, sim->out + put, sim->out_have - (size_t)put);
        sim->out_have -= (size_t)put;
    }
    return 0;
}

static inline ptrdiff_t sim_sendmsg(void *context, int descriptor, const struct msghdr *message, int flags)
{
    struct sim *sim = context;
    const struct cmsghdr *header = message->msg_controllen > 0 ? CMSG_FIRSTHDR(message) : NULL;
    const uint8_t type = header != NULL ? *CMSG_DATA(header) : 23;
    size_t length = message->msg_iov[0].iov_len;
    const int cutting = sim->calls + 1 == sim->fail_at && sim->fail_errno == 0;
    if (sim_fails(sim))
        return -1;
    assert_int_equal(flags, MSG_DONTWAIT | MSG_NOSIGNAL);
    assert_non_null(sim->side[SIM_TX].cipher);
    if (header != NULL)
        assert_true(header->cmsg_level == 282 && header->cmsg_type == 1 && header->cmsg_len == CMSG_LEN(1));
    assert_int_equal(descriptor, sim->descriptor);
    if (sim->error != 0) {
        const int met = sim->error;
        sim->error = 0;
        sim_seal(&sim->side[SIM_TX], type, message->msg_iov[0].iov_base, length, sim->out);   /* and the number is used */
        return sim_error(met);
    }
    if (sim_push(sim) != 0)
        return -1;
    if (sim->blocked || sim->out_have > 0)
        return sim_error(EAGAIN);
    if (sim->cut != 0 && length > sim->cut)
        length = sim->cut;
    if (cutting && length > 1) {
        sim->failed = 1;
        length = 1;
    }
    assert_true(length <= 16384);
    sim->out_have = sim_seal(&sim->side[SIM_TX], type, message->msg_iov[0].iov_base, length, sim->out);
    sim->records_out++;
    sim->data_out += type == 23;
    return sim_push(sim) == 0 ? (ptrdiff_t)length : -1;
}

/* ------------------------------------------------------------------------------------------------ in */

/* 1: more is there; 0: the end; -1 and errno. */
static inline int sim_fetch(struct sim *sim)
{
    const ssize_t got = recv(sim->descriptor, sim->in + sim->in_have, sizeof sim->in - sim->in_have, MSG_DONTWAIT);
    if (got <= 0)
        return (int)got;
    sim->in_have += (size_t)got;
    return 1;
}

static inline int sim_broken(struct sim *sim, int error)
{
    sim->error = error;
    return sim_error(error);
}

/* Opens the next whole record into `plain`: 1; 0: the end; -1 and errno. */
static inline int sim_next(struct sim *sim)
{
    size_t body;
    int length;
    while (sim->in_have < 5 || sim->in_have < 5 + ((size_t)sim->in[3] << 8 | sim->in[4])) {
        int more;
        if (sim->in_have >= 5 && ((size_t)sim->in[3] << 8 | sim->in[4]) > 16384 + 256)
            return sim_broken(sim, EMSGSIZE);
        more = sim_fetch(sim);
        if (more <= 0)
            return more;
    }
    if (sim->in[1] != 3 || sim->in[2] != 3)
        return sim_broken(sim, EINVAL);
    body = (size_t)sim->in[3] << 8 | sim->in[4];
    if (sim->update_pending && !sim->keys_stay)
        return sim_error(EKEYEXPIRED);
    if (body < SIM_TAG + 1)
        return sim_broken(sim, EBADMSG);
    length = sim_open(&sim->side[SIM_RX], sim->in, body, sim->plain, &sim->plain_type);
    if (length < 0)
        return sim_broken(sim, EBADMSG);
    if (length > 16384)
        return sim_broken(sim, EMSGSIZE);
    sim->plain_at = 0;
    sim->plain_have = (size_t)length;
    sim->in_have -= 5 + body;
    memmove(sim->in, sim->in + 5 + body, sim->in_have);
    if (sim->plain_type == 22 && length == 5 && sim->plain[0] == 24)
        sim->update_pending = 1;
    return 1;
}

static inline ptrdiff_t sim_recvmsg(void *context, int descriptor, struct msghdr *message, int flags)
{
    struct sim *sim = context;
    struct cmsghdr *header = message->msg_controllen > 0 ? CMSG_FIRSTHDR(message) : NULL;
    const size_t room = message->msg_iov[0].iov_len;
    size_t taken;
    if (sim_fails(sim))
        return -1;
    assert_int_equal(flags, MSG_DONTWAIT);
    if (sim->side[SIM_RX].cipher == NULL)
        return recv(descriptor, message->msg_iov[0].iov_base, room, flags);
    while (sim->plain_at == sim->plain_have) {
        const int next = sim_next(sim);
        if (next == 0)
            message->msg_controllen = 0;
        if (next <= 0)
            return next;
        if (sim->plain_have == 0 && sim->plain_type != 23)
            break;
    }
    taken = sim->plain_have - sim->plain_at < room ? sim->plain_have - sim->plain_at : room;
    if (taken > 0)
        memcpy(message->msg_iov[0].iov_base, sim->plain + sim->plain_at, taken);
    sim->plain_at += taken;
    if (header != NULL) {
        header->cmsg_level = 282;
        header->cmsg_type = 2;
        header->cmsg_len = CMSG_LEN(1);
        *CMSG_DATA(header) = sim->plain_type;
    }
    return (ptrdiff_t)taken;
}

/* ------------------------------------------------------------------------------------------------ the rest */

static inline int sim_poll(void *context, struct pollfd *watched, int timeout_ms)
{
    struct sim *sim = context;
    if (sim_fails(sim))
        return -1;
    if (watched->events & POLLOUT && sim->holds_back) {   /* ready the next time */
        sim->holds_back = 0;
        (void)sim_push(sim);
        watched->revents = 0;
        return 0;
    }
    (void)sim_push(sim);
    if (watched->events & POLLOUT && sim->blocked)
        watched->events &= ~POLLOUT;
    if (watched->events & POLLIN && sim->in_have > 5 && sim->in_have >= 5 + ((size_t)sim->in[3] << 8 | sim->in[4])) {
        watched->revents = POLLIN;
        return 1;
    }
    for (int round = 0; sim->idle != NULL && timeout_ms != 0 && round < 8; round++) {
        sim->idle(sim->idle_context);
        if (poll(watched, 1, 0) > 0)
            return 1;
    }
    return poll(watched, 1, timeout_ms);
}

static inline int sim_unread(void *context, int descriptor, int *count)
{
    struct sim *sim = context;
    int more = 0;
    if (sim_fails(sim))
        return -1;
    if (ioctl(descriptor, FIONREAD, &more) != 0)
        return -1;
    *count = (int)sim->in_have + more;
    return 0;
}

static inline int sim_pending(void *context, int descriptor, int *error)
{
    struct sim *sim = context;
    (void)descriptor;
    if (sim_fails(sim))
        return -1;
    *error = sim->error;
    sim->error = 0;
    return 0;
}

static inline int sim_shutdown(void *context, int descriptor, int how)
{
    struct sim *sim = context;
    if (sim_fails(sim))
        return -1;
    sim->out_have = 0;   /* a FIN cuts off what the kernel could not queue */
    return shutdown(descriptor, how);
}

static inline int sim_close(void *context, int descriptor)
{
    struct sim *sim = context;
    const int failing = sim_fails(sim), error = errno;
    sim->out_have = 0;
    (void)close(descriptor);   /* as Linux does, whatever it says */
    return failing ? sim_error(error) : 0;
}

static inline struct tlsm_ktls_calls sim_calls(struct sim *sim)
{
    return (struct tlsm_ktls_calls){ sim_setsockopt, sim_sendmsg, sim_recvmsg, sim_poll, sim_unread, sim_pending, sim_shutdown,
                                     sim_close, sim };
}

#endif
