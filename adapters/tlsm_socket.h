/* SPDX-License-Identifier: MIT */
/* A connection over a stream socket: IPv4, IPv6 or a local one, blocking or for event loops.
 *
 * Blocking (the default): the calls wait in poll(2), until the deadline if one is set.
 * Event loops: options.non_blocking; then no call ever waits: watch tlsm_socket_events() and tlsm_socket_timeout(), call
 * tlsm_socket_ready() when something happened, then read, write or close as the application wishes. Read until
 * TLSM_IO_WANT_READ: edge-triggered watching is fine.
 *
 *  - Never SIGPIPE, never a sleep. EINTR is no event: the call goes on waiting for what is left of the deadline.
 *  - When sending fails, what the peer still said is read before anything is reported (G3).
 *  - tlsm_socket_close() follows the machine's advice (H3): flush, end the sending half, drain, close; or reset. */
#ifndef TLSM_SOCKET_H
#define TLSM_SOCKET_H

#include "tlsm_link.h"

TLSM_DECLARATIONS_BEGIN

struct tlsm_socket_options {
    struct tlsm_link_options link;
    int non_blocking;          /* 1: no call waits */
    int keep_descriptor;       /* 1: the descriptor stays the caller's: never closed here (tlsm_socket_close() still shuts and drains) */
    uint32_t linger_ms;        /* how long to drain after the connection is final, if no deadline ends it earlier; 0: 2000 */
};

/* Read-only to callers. */
struct tlsm_socket {
    struct tlsm_link link;
    struct tlsm_transport transport;
    int descriptor;                  /* -1 once closed */
    int error;                       /* errno of the transport's last failure, or of connecting; 0 none */
    uint64_t deadline_ms;            /* on CLOCK_MONOTONIC; UINT64_MAX none */
    uint64_t linger_until_ms;        /* UINT64_MAX: not draining */
    uint64_t drained;                /* bytes read and dropped after the end */
    uint32_t linger_ms;
    uint8_t non_blocking, keep_descriptor;
    uint8_t shut;                    /* our sending half is shut */
    uint8_t finished;                /* nothing more is to be done to the transport */
};

/* tlsm_socket_new: a connection over a connected socket, client or server by config's role. `options` may be NULL. The
 * descriptor is closed by the connection unless keep_descriptor, or unless NULL (memory) is returned. */
struct tlsm_socket *tlsm_socket_new(const struct tlsm_config *config, int descriptor,
                                    const struct tlsm_socket_options *options);

/* tlsm_socket_connect: resolves `host`, tries its addresses (IPv6 and IPv4, in the resolver's order) until one connects or
 * `timeout_ms` (-1: none) has passed, and makes a connection over it. Resolving is getaddrinfo(3)'s and cannot be timed out.
 * The rest of the timeout does not carry over: set a deadline. TLS is not begun: tlsm_socket_start() with the name the
 * certificate is to be judged by. NULL: *error is an errno value, or negative: an EAI_… code of getaddrinfo(3). */
struct tlsm_socket *tlsm_socket_connect(const struct tlsm_config *config, const char *host, const char *port,
                                        int timeout_ms, const struct tlsm_socket_options *options, int *error);

/* tlsm_socket_dial: only the descriptor of tlsm_socket_connect(), or -1. */
int tlsm_socket_dial(const char *host, const char *port, int timeout_ms, int *error);

/* tlsm_socket_free: frees all. A connection that is not final is abandoned, and the transport closed as the advice then says
 * (a reset where a FIN would look like an end). NULL is fine. */
void tlsm_socket_free(struct tlsm_socket *socket);

/* tlsm_socket_entropy: entropy from getrandom(2). 0, or -1 with errno. */
int tlsm_socket_entropy(struct tlsm_entropy *entropy);

/* tlsm_socket_start: begins with the caller's entropy (NULL: getrandom). server_name: client's, may be NULL. */
int tlsm_socket_start(struct tlsm_socket *socket, const struct tlsm_entropy *entropy, const char *server_name);
/* tlsm_socket_begin: the same with all that can be given; entropy NULL: getrandom; now_ms 0: the system's clock. */
int tlsm_socket_begin(struct tlsm_socket *socket, const struct tlsm_start *start);
/* tlsm_socket_begin_link: the same for a link over a transport of one's own. REFUSED with TLSM_LIBRARY_FAILED: *error is
 * getrandom's errno. */
int tlsm_socket_begin_link(struct tlsm_link *link, const struct tlsm_start *start, int *error);
/* tlsm_socket_time: unix milliseconds by the system's clock. */
uint64_t tlsm_socket_time(void);
/* tlsm_socket_handshake: starts unless started (server, or a client that asks for no name), then the handshake.
 * TLSM_IO_DONE, WANT_…, ENDED, REFUSED, NO_MEMORY; UNREAD: early data has come: read it, then repeat. */
int tlsm_socket_handshake(struct tlsm_socket *socket);

/* tlsm_socket_deadline: from now, `milliseconds` until the connection is ended as timed_out; -1: no deadline any more. */
int tlsm_socket_deadline(struct tlsm_socket *socket, int milliseconds);

/* tlsm_socket_read, tlsm_socket_write, tlsm_socket_flush: as tlsm_link_read(), …. A blocking write returns when all is sealed
 * and the kernel took it. */
ptrdiff_t tlsm_socket_read(struct tlsm_socket *socket, void *to, size_t capacity);
ptrdiff_t tlsm_socket_write(struct tlsm_socket *socket, const void *from, size_t length);
int tlsm_socket_flush(struct tlsm_socket *socket);
/* tlsm_socket_write_early: client, between tlsm_socket_begin() and the handshake: as tlsm_link_write_early(). What became of it:
 * tlsm_link_early(&socket->link) once the handshake is done. */
ptrdiff_t tlsm_socket_write_early(struct tlsm_socket *socket, const void *from, size_t length);

/* tlsm_socket_end: closes our half and sends that; the peer may go on, and be read. DONE, WANT_WRITE, ENDED. */
int tlsm_socket_end(struct tlsm_socket *socket);

/* tlsm_socket_close: closes both ways and follows the advice to the end. DONE: `verdict` (may be NULL) is filled, the
 * transport is closed (or kept: tlsm_socket_release()). UNREAD: read the peer's data, or tlsm_link_discard(), then repeat.
 * WANT_…: repeat when ready. */
int tlsm_socket_close(struct tlsm_socket *socket, struct tlsm_verdict *verdict);

/* tlsm_socket_release: gives the descriptor back, for a protocol that follows; the bytes already read for it are
 * tlsm_link_rest(). -1 when it is closed already. */
int tlsm_socket_release(struct tlsm_socket *socket);

/* ---- event loops */

/* tlsm_socket_events: POLLIN and POLLOUT bits to watch the descriptor for; 0: nothing can come from the transport. */
short tlsm_socket_events(const struct tlsm_socket *socket);
/* tlsm_socket_timeout: milliseconds until tlsm_socket_ready() must be called even if nothing happened; -1: no limit. */
int tlsm_socket_timeout(const struct tlsm_socket *socket);
/* tlsm_socket_ready: the descriptor is readable, writable, or neither (the timeout passed). Sends and receives what it can,
 * tells the machine of a deadline that passed. DONE: something moved: read, write or close may get on; WANT_…: nothing did;
 * WANT_ANSWER; ENDED: final: call tlsm_socket_close(). */
int tlsm_socket_ready(struct tlsm_socket *socket, int readable, int writable);

TLSM_DECLARATIONS_END
#endif
