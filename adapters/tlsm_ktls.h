/* SPDX-License-Identifier: MIT */
/* Kernel TLS: an established connection whose records the kernel seals and opens (Linux; rule J2 of docs/closing.md).
 *
 *      socket = tlsm_socket_connect(…), tlsm_socket_handshake(socket)
 *      if (tlsm_ktls_new(socket, NULL, &kernel) == TLSM_IO_DONE)
 *          read, write, close with tlsm_ktls_…; `socket` is gone
 *      else
 *          go on with `socket`: nothing was lost
 *
 * Data goes by plain sendmsg and recvmsg, alerts, tickets and key updates with the record type in a control message, both ways;
 * new keys by setsockopt. What the records mean, and how the connection ends, is the machine's as ever: same calls, same verdicts.
 *
 *  - The kernel opens records only from a boundary on. A socket that received past one keeps reading here (kernel->sides lacks
 *    TLSM_SIDE_READ): with options.link.exact it never does. Unread plaintext is no obstacle: it is read first.
 *  - A kernel that has TLS 1.3 and cannot change keys (before 6.14) is found out at the hand-over: tlsm_link_key_update() is then
 *    refused with TLSM_WRITE_EXHAUSTED, so is writing after 2^24.5 records of AES-GCM, and a key update of the peer's ends the
 *    connection with internal_error.
 *  - Where the stream ended the kernel does not say: without close_notify it is `truncated`, place `unknown` (or inside a record,
 *    where bytes of one are left), and cannot be vouched for.
 *  - Empty data records do not come out of the kernel, and data of several comes out as one: budgets of records count reads.
 *  - A record of a wrong outer type fails to authenticate in the kernel: bad_record_mac where tlsm_socket says unexpected_message.
 *  - Who writes to the descriptor himself (sendfile(2), splice(2)) asks tlsm_ktls_writable() before and tells tlsm_ktls_written()
 *    after. Who reads from it himself loses what is not data.
 *
 * As with tlsm_socket: never SIGPIPE, never a sleep; EINTR is no event. */
#ifndef TLSM_KTLS_H
#define TLSM_KTLS_H

#include "tlsm_socket.h"

TLSM_DECLARATIONS_BEGIN

struct msghdr;
struct pollfd;

/* What is asked of the system, replaceable for tests. Each does as the call of its name: -1 and errno on failure. poll watches
 * one descriptor; unread is ioctl(FIONREAD), pending getsockopt(SO_ERROR), which forgets the error as it tells it. */
struct tlsm_ktls_calls {
    int (*setsockopt)(void *context, int descriptor, int level, int name, const void *value, unsigned length);
    ptrdiff_t (*sendmsg)(void *context, int descriptor, const struct msghdr *message, int flags);
    ptrdiff_t (*recvmsg)(void *context, int descriptor, struct msghdr *message, int flags);
    int (*poll)(void *context, struct pollfd *watched, int timeout_ms);
    int (*unread)(void *context, int descriptor, int *count);
    int (*pending)(void *context, int descriptor, int *error);
    int (*shutdown)(void *context, int descriptor, int how);
    int (*close)(void *context, int descriptor);
    void *context;
};

struct tlsm_ktls_options {
    const struct tlsm_ktls_calls *calls;   /* NULL: the system's. Copied */
    unsigned sides;                        /* enum tlsm_side bits: 0 both, as far as can be; TLSM_SIDE_WRITE: the peer's records
                                            * are opened here */
};

enum { TLSM_KTLS_CONTROL = 512 };          /* longest record of ours that is not data */

/* Read-only to callers. The commands of tlsm_link.h (tlsm_link_key_update(), _ticket(), _abort(), _abandon(), _vouch(),
 * _discard(), …) act on `link`; then tlsm_ktls_flush(). Its calls that move bytes are not for this link. */
struct tlsm_ktls {
    struct tlsm_link link;
    struct tlsm_ktls_calls calls;
    int descriptor;                        /* -1 once closed */
    int error;                             /* errno of the transport's last failure; 0 none */
    uint64_t deadline_ms;                  /* on CLOCK_MONOTONIC; UINT64_MAX none */
    uint64_t linger_until_ms;              /* UINT64_MAX: not draining */
    uint64_t drained;
    uint32_t linger_ms;
    uint32_t control_length, control_sent; /* our record that is not data, on its way */
    uint8_t control_type, control_updates; /* its type; it is a key update */
    uint8_t sides;                         /* enum tlsm_side bits: which the kernel has */
    uint8_t fixed;                         /* the kernel cannot change keys */
    uint8_t rekey;                         /* enum tlsm_side bits: the kernel must get a new key first */
    uint8_t non_blocking, keep_descriptor, shut, finished;
    uint8_t control[TLSM_KTLS_CONTROL];
};

/* tlsm_ktls_new: hands a connected socket's records over to the kernel. What is owed or produced is sent first.
 * DONE: *made goes on with the connection, the descriptor, the deadline and the options of `socket`, which is freed.
 * REFUSED: `socket` goes on, nothing changed; socket->error is the kernel's reason (ENOENT: it has no tls module; ENOSYS: not
 * this system; ENOPROTOOPT, EINVAL: not this suite or version), or 0: socket->link.code is the machine's: NOT_IN_VERSION in TLS 1.2,
 * RECORDS_LIMITED for a peer of small records, and where a certificate may be asked for after the handshake.
 * WANT_…, ENDED, NO_MEMORY: as tlsm_socket_flush(); `socket` goes on. */
int tlsm_ktls_new(struct tlsm_socket *socket, const struct tlsm_ktls_options *options, struct tlsm_ktls **made);

/* tlsm_ktls_free: as tlsm_socket_free(). NULL is fine. */
void tlsm_ktls_free(struct tlsm_ktls *kernel);

/* tlsm_ktls_deadline, _read, _write, _flush, _end, _close, _release: as those of tlsm_socket. A write gives the kernel as much
 * as it takes: nothing of the application's data is ever held here. */
int tlsm_ktls_deadline(struct tlsm_ktls *kernel, int milliseconds);
ptrdiff_t tlsm_ktls_read(struct tlsm_ktls *kernel, void *to, size_t capacity);
ptrdiff_t tlsm_ktls_write(struct tlsm_ktls *kernel, const void *from, size_t length);
int tlsm_ktls_flush(struct tlsm_ktls *kernel);
int tlsm_ktls_end(struct tlsm_ktls *kernel);
int tlsm_ktls_close(struct tlsm_ktls *kernel, struct tlsm_verdict *verdict);
int tlsm_ktls_release(struct tlsm_ktls *kernel);

/* tlsm_ktls_writable: how much of `length` (> 0) bytes the caller may now give to the descriptor himself, with one call, once:
 * positive; what is owed went first. WANT_WRITE, REFUSED, ENDED, NO_MEMORY as tlsm_ktls_write(). Never waits.
 * tlsm_ktls_written: the kernel took so many of them. DONE, or REFUSED: more than there was leave for. */
ptrdiff_t tlsm_ktls_writable(struct tlsm_ktls *kernel, size_t length);
int tlsm_ktls_written(struct tlsm_ktls *kernel, size_t count);

/* ---- event loops: as those of tlsm_socket. tlsm_ktls_ready() sends what is owed and minds the deadline; reading is
 * tlsm_ktls_read()'s. DONE, WANT_…, ENDED. */
short tlsm_ktls_events(const struct tlsm_ktls *kernel);
int tlsm_ktls_timeout(const struct tlsm_ktls *kernel);
int tlsm_ktls_ready(struct tlsm_ktls *kernel);

TLSM_DECLARATIONS_END
#endif
