/* SPDX-License-Identifier: MIT */
/* Connections over sockets: local, IPv4, IPv6; blocking with a peer in a thread, and two event loops in one. */
#define _DEFAULT_SOURCE

#include "adapter_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tlsm_socket.h"

enum { BULK = 1000000 };

static uint8_t text[BULK];

static int fill_text(void **state)
{
    size_t at;
    (void)state;
    for (at = 0; at < sizeof text; at++)
        text[at] = (uint8_t)(at * 13 + at / 257);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ transports */

/* A connected pair of TCP sockets on the loopback of `family`. 0 when there is none. */
static int tcp_pair(int family, int descriptor[2])
{
    struct sockaddr_storage address;
    socklen_t length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    const int listening = socket(family, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.ss_family = (sa_family_t)family;
    if (family == AF_INET)
        ((struct sockaddr_in *)(void *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)(void *)&address)->sin6_addr = in6addr_loopback;
    if (listening < 0 || bind(listening, (struct sockaddr *)&address, length) < 0) {
        if (listening >= 0)
            close(listening);
        return 0;
    }
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &length), 0);
    descriptor[CLIENT] = socket(family, SOCK_STREAM, 0);
    assert_int_equal(connect(descriptor[CLIENT], (struct sockaddr *)&address, length), 0);
    descriptor[SERVER] = accept(listening, NULL, NULL);
    assert_true(descriptor[SERVER] >= 0);
    close(listening);
    return 1;
}

static void local_pair(int descriptor[2]) { assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptor), 0); }

static int make_pair(int family, int descriptor[2])
{
    if (family != AF_UNIX)
        return tcp_pair(family, descriptor);
    local_pair(descriptor);
    return 1;
}

struct sockets {
    struct two two;
    struct tlsm_socket *end[2];
    int descriptor[2];
};

static void sockets_keeping(struct sockets *sockets, int non_blocking, uint8_t keep)
{
    int end;
    two_init(&sockets->two);
    for (end = 0; end < 2; end++) {
        struct tlsm_socket_options options;
        sockets->two.settings[end].keep_transport = keep;
        memset(&options, 0, sizeof options);
        options.link = two_options(&sockets->two);
        options.non_blocking = non_blocking;
        sockets->end[end] = tlsm_socket_new(&sockets->two.config[end], sockets->descriptor[end], &options);
        assert_non_null(sockets->end[end]);
        assert_int_equal(tlsm_socket_start(sockets->end[end], &sockets->two.entropy[end], NULL), TLSM_IO_DONE);
    }
}

static void sockets_over(struct sockets *sockets, int non_blocking) { sockets_keeping(sockets, non_blocking, 0); }

static void sockets_free(struct sockets *sockets)
{
    tlsm_socket_free(sockets->end[CLIENT]);
    tlsm_socket_free(sockets->end[SERVER]);
}

/* Both event loops in one: one round of poll(2) over both, then what it showed. */
static void watch(struct sockets *sockets)
{
    struct pollfd watched[2];
    int end;
    for (end = 0; end < 2; end++) {
        watched[end].fd = sockets->end[end]->descriptor;
        watched[end].events = tlsm_socket_events(sockets->end[end]);
        watched[end].revents = 0;
    }
    assert_true(poll(watched, 2, 1000) > 0);
    for (end = 0; end < 2; end++) {
        const short seen = watched[end].revents;
        if (seen != 0)
            (void)tlsm_socket_ready(sockets->end[end], seen & (POLLIN | POLLHUP | POLLERR), seen & (POLLOUT | POLLERR));
    }
}

static void sockets_connect(struct sockets *sockets)
{
    int done[2] = { 0, 0 };
    for (;;) {
        int end;
        for (end = 0; end < 2; end++)
            if (done[end] != TLSM_IO_DONE)
                done[end] = tlsm_socket_handshake(sockets->end[end]);
        if (done[CLIENT] == TLSM_IO_DONE && done[SERVER] == TLSM_IO_DONE)
            return;
        watch(sockets);
    }
}

/* Two event loops, connected. */
static void loops_connected(struct sockets *sockets, int family)
{
    if (!make_pair(family, sockets->descriptor))
        skip();
    sockets_over(sockets, 1);
    sockets_connect(sockets);
}

static void loops_close(struct sockets *sockets, struct tlsm_verdict verdict[2])
{
    int done[2] = { 0, 0 };
    for (;;) {
        int end;
        for (end = 0; end < 2; end++)
            if (done[end] != TLSM_IO_DONE)
                done[end] = tlsm_socket_close(sockets->end[end], &verdict[end]);
        if (done[CLIENT] == TLSM_IO_DONE && done[SERVER] == TLSM_IO_DONE)
            return;
        watch(sockets);
    }
}

/* ------------------------------------------------------------------------------------------------ a peer in a thread */

/* What the peer does is a list of letters: h handshake, r read one piece, R read to the end of the data, w write BULK bytes,
 * s write "short", e end our half, c close, f free at once, a abort, i interrupt the test's thread three times first. */
struct peer {
    struct tlsm_socket *socket;
    const char *acts;
    size_t heard;
    ptrdiff_t last;
    struct tlsm_verdict verdict;
    pthread_t thread, interrupted;
    int wrong;
};

static sem_t caught;

static void on_signal(int number)
{
    (void)number;
    (void)sem_post(&caught);
}

static void read_to_end(struct peer *peer)
{
    static uint8_t piece[8192];
    while ((peer->last = tlsm_socket_read(peer->socket, piece, sizeof piece)) > 0) {
        peer->wrong |= memcmp(piece, text + peer->heard % BULK, (size_t)peer->last) != 0;
        peer->heard += (size_t)peer->last;
    }
}

static void act(struct peer *peer, char what)
{
    uint8_t piece[64];
    int i;
    if (what == 'h')
        peer->wrong |= tlsm_socket_handshake(peer->socket) != TLSM_IO_DONE;
    else if (what == 'r')
        peer->last = tlsm_socket_read(peer->socket, piece, sizeof piece);
    else if (what == 'R')
        read_to_end(peer);
    else if (what == 'w')
        peer->wrong |= tlsm_socket_write(peer->socket, text, BULK) != BULK;
    else if (what == 's')
        peer->wrong |= tlsm_socket_write(peer->socket, "short", 5) != 5;
    else if (what == 'e')
        peer->wrong |= tlsm_socket_end(peer->socket) != TLSM_IO_DONE;
    else if (what == 'c')
        peer->wrong |= tlsm_socket_close(peer->socket, &peer->verdict) != TLSM_IO_DONE;
    else if (what == 'a')
        peer->wrong |= tlsm_link_abort(&peer->socket->link, TLSM_ALERT_INTERNAL_ERROR) != TLSM_IO_DONE;
    for (i = 0; what == 'i' && i < 3; i++) {
        peer->wrong |= pthread_kill(peer->interrupted, SIGUSR1) != 0;
        peer->wrong |= sem_wait(&caught) != 0;
    }
}

static void *live(void *argument)
{
    struct peer *peer = argument;
    const char *what;
    for (what = peer->acts; *what != 0 && *what != 'f'; what++)
        act(peer, *what);
    if (*what == 'f') {
        tlsm_socket_free(peer->socket);
        peer->socket = NULL;
    }
    return NULL;
}

/* The server lives in a thread by `acts`; the client is the test's, connected. */
static void with_peer(struct sockets *sockets, struct peer *peer, int family, const char *acts)
{
    memset(peer, 0, sizeof *peer);
    if (!make_pair(family, sockets->descriptor))
        skip();
    sockets_over(sockets, 0);
    peer->socket = sockets->end[SERVER];
    peer->acts = acts;
    peer->interrupted = pthread_self();
    assert_int_equal(pthread_create(&peer->thread, NULL, live, peer), 0);
    assert_int_equal(tlsm_socket_handshake(sockets->end[CLIENT]), TLSM_IO_DONE);
}

static void join(struct sockets *sockets, struct peer *peer)
{
    assert_int_equal(pthread_join(peer->thread, NULL), 0);
    assert_int_equal(peer->wrong, 0);
    sockets->end[SERVER] = peer->socket;
}

static const char *how(const struct tlsm_socket *socket) { return link_how(&socket->link); }

/* ------------------------------------------------------------------------------------------------ whole lives */

static void whole_life(int family)
{
    struct sockets sockets;
    struct tlsm_verdict verdict;
    struct peer peer;
    uint8_t byte;
    with_peer(&sockets, &peer, family, "hRwc");
    assert_int_equal(tlsm_socket_write(sockets.end[CLIENT], text, BULK), BULK);
    assert_int_equal(tlsm_socket_end(sockets.end[CLIENT]), TLSM_IO_DONE);
    {
        struct peer self = { sockets.end[CLIENT], "", 0, 0, { 0 }, 0, 0, 0 };
        read_to_end(&self);
        assert_int_equal(self.heard, BULK);
        assert_int_equal(self.last, TLSM_IO_END);
        assert_int_equal(self.wrong, 0);
    }
    assert_int_equal(tlsm_socket_close(sockets.end[CLIENT], &verdict), TLSM_IO_DONE);
    join(&sockets, &peer);
    assert_int_equal(peer.heard, BULK);
    assert_int_equal(peer.last, TLSM_IO_END);
    assert_int_equal(verdict.how, TLSM_CLEAN_BOTH_VERDICT);
    assert_int_equal(peer.verdict.how, TLSM_CLEAN_BOTH_VERDICT);
    assert_int_equal(sockets.end[CLIENT]->descriptor, -1);
    assert_int_equal(tlsm_socket_read(sockets.end[CLIENT], &byte, 1), TLSM_IO_END);
    assert_int_equal(tlsm_socket_close(sockets.end[CLIENT], &verdict), TLSM_IO_DONE);
    sockets_free(&sockets);
}

/* Bulk one way, half-close, bulk the other way across it: local, IPv4, IPv6. */
static void half_close_with_data_over_a_local_socket(void **state) { (void)state; whole_life(AF_UNIX); }
static void half_close_with_data_over_ipv4(void **state) { (void)state; whole_life(AF_INET); }
static void half_close_with_data_over_ipv6(void **state) { (void)state; whole_life(AF_INET6); }

static void loops_whole_life(int family, int send_room)
{
    struct sockets sockets;
    struct tlsm_verdict verdict[2];
    static uint8_t heard[BULK];
    size_t said = 0, got = 0;
    if (!make_pair(family, sockets.descriptor))
        skip();
    assert_int_equal(setsockopt(sockets.descriptor[CLIENT], SOL_SOCKET, SO_SNDBUF, &send_room, sizeof send_room), 0);
    sockets_over(&sockets, 1);
    sockets_connect(&sockets);
    while (got < BULK) {
        ptrdiff_t put = TLSM_IO_WANT_WRITE, read;
        if (said < BULK)
            put = tlsm_socket_write(sockets.end[CLIENT], text + said, BULK - said);
        said += put > 0 ? (size_t)put : 0;
        assert_true(put > 0 || put == TLSM_IO_WANT_WRITE);
        while ((read = tlsm_socket_read(sockets.end[SERVER], heard + got, BULK - got + (got == BULK))) > 0)
            got += (size_t)read;
        if (got < BULK) {
            assert_int_equal(read, TLSM_IO_WANT_READ);
            watch(&sockets);
        }
    }
    assert_memory_equal(heard, text, BULK);
    loops_close(&sockets, verdict);
    assert_int_equal(verdict[CLIENT].how, TLSM_CLEAN_BOTH_VERDICT);
    assert_int_equal(verdict[SERVER].how, TLSM_CLEAN_BOTH_VERDICT);
    sockets_free(&sockets);
}

static void event_loops_and_short_writes(void **state)
{
    (void)state;
    loops_whole_life(AF_UNIX, 1);
    loops_whole_life(AF_INET, 1);
    loops_whole_life(AF_INET, 1 << 20);
}

/* ------------------------------------------------------------------------------------------------ closing */

static size_t drop_all(int descriptor, int *last, int *error)
{
    uint8_t piece[4096];
    size_t dropped = 0;
    ssize_t got;
    while ((got = recv(descriptor, piece, sizeof piece, 0)) > 0)
        dropped += (size_t)got;
    *last = (int)got;
    *error = errno;
    return dropped;
}

/* H3: FIN right after the last byte of close_notify, while we still listen. */
static void the_sending_half_is_shut_after_close_notify(void **state)
{
    struct sockets sockets;
    int last, error;
    (void)state;
    loops_connected(&sockets, AF_INET);
    assert_int_equal(tlsm_socket_close(sockets.end[CLIENT], NULL), TLSM_IO_WANT_READ);
    assert_int_equal(drop_all(sockets.descriptor[SERVER], &last, &error), TLSM_HEADER + 2 + 1 + TLSM_TAG);
    assert_int_equal(last, 0);
    assert_int_equal(tlsm_socket_events(sockets.end[CLIENT]), POLLIN);
    sockets_free(&sockets);
}

/* A9, H3: a record half on the wire, and we give up: the peer sees a reset, never a FIN that looks like an end. */
static void giving_up_in_the_middle_of_a_record_resets(void **state)
{
    struct sockets sockets;
    const int little = 1;
    ptrdiff_t put;
    int last, error;
    (void)state;
    assert_true(tcp_pair(AF_INET, sockets.descriptor));
    assert_int_equal(setsockopt(sockets.descriptor[CLIENT], SOL_SOCKET, SO_SNDBUF, &little, sizeof little), 0);
    assert_int_equal(setsockopt(sockets.descriptor[SERVER], SOL_SOCKET, SO_RCVBUF, &little, sizeof little), 0);
    sockets_over(&sockets, 1);
    sockets_connect(&sockets);
    do
        put = tlsm_socket_write(sockets.end[CLIENT], text, BULK);
    while (put > 0);
    assert_int_equal(put, TLSM_IO_WANT_WRITE);
    tlsm_socket_free(sockets.end[CLIENT]);
    sockets.end[CLIENT] = NULL;
    (void)drop_all(sockets.descriptor[SERVER], &last, &error);
    assert_int_equal(last, -1);
    assert_int_equal(error, ECONNRESET);
    sockets_free(&sockets);
}

/* H3: unread input must not become a reset that destroys our last bytes. */
static void closing_on_a_talking_peer_delivers_our_last_bytes(void **state)
{
    struct sockets sockets;
    struct tlsm_verdict verdict;
    struct peer peer;
    int done;
    (void)state;
    with_peer(&sockets, &peer, AF_INET, "hwwRc");
    assert_int_equal(tlsm_socket_write(sockets.end[CLIENT], text, 5000), 5000);
    while ((done = tlsm_socket_close(sockets.end[CLIENT], &verdict)) == TLSM_IO_UNREAD)
        assert_true(tlsm_link_discard(&sockets.end[CLIENT]->link) > 0);
    assert_int_equal(done, TLSM_IO_DONE);
    join(&sockets, &peer);
    assert_int_equal(verdict.how, TLSM_CLEAN_BOTH_VERDICT);
    assert_int_equal(peer.verdict.how, TLSM_CLEAN_BOTH_VERDICT);
    assert_int_equal(peer.heard, 5000);
    assert_int_equal(peer.last, TLSM_IO_END);
    assert_int_equal(sockets.end[CLIENT]->link.plain_discarded, 2 * BULK);
    sockets_free(&sockets);
}

static void the_timeout_of_a_drain_minds_the_deadline(void **state)
{
    struct sockets sockets;
    (void)state;
    loops_connected(&sockets, AF_INET);
    assert_int_equal(tlsm_socket_deadline(sockets.end[CLIENT], 500), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_abort(&sockets.end[CLIENT]->link, TLSM_ALERT_INTERNAL_ERROR), TLSM_IO_DONE);
    assert_int_equal(tlsm_socket_close(sockets.end[CLIENT], NULL), TLSM_IO_WANT_READ);
    assert_in_range(tlsm_socket_timeout(sockets.end[CLIENT]), 0, 501);
    sockets_free(&sockets);
}

static void a_fatal_alert_arrives_although_input_was_unread(void **state)
{
    struct sockets sockets;
    struct tlsm_verdict verdict;
    uint8_t byte;
    (void)state;
    loops_connected(&sockets, AF_INET);
    assert_int_equal(tlsm_socket_write(sockets.end[SERVER], text, 20000), 20000);
    assert_int_equal(tlsm_link_abort(&sockets.end[CLIENT]->link, TLSM_ALERT_INTERNAL_ERROR), TLSM_IO_DONE);
    assert_int_equal(tlsm_socket_close(sockets.end[CLIENT], NULL), TLSM_IO_WANT_READ);   /* drains */
    assert_true(tlsm_socket_timeout(sockets.end[CLIENT]) > 0);
    watch(&sockets);
    assert_int_equal(tlsm_socket_read(sockets.end[SERVER], &byte, 1), TLSM_IO_ENDED);
    assert_string_equal(how(sockets.end[SERVER]), "peer_alert");
    assert_int_equal(tlsm_socket_close(sockets.end[SERVER], &verdict), TLSM_IO_DONE);
    assert_int_equal(tlsm_socket_close(sockets.end[CLIENT], &verdict), TLSM_IO_DONE);
    assert_int_equal(verdict.how, TLSM_LOCAL_ALERT_VERDICT);
    assert_int_equal(verdict.alert_delivered, 1);
    sockets_free(&sockets);
}

static void another_protocol_gets_the_descriptor_back(void **state)
{
    struct sockets sockets;
    struct tlsm_verdict verdict;
    char bytes[8];
    int kept;
    (void)state;
    local_pair(sockets.descriptor);
    sockets_keeping(&sockets, 1, 1);
    sockets_connect(&sockets);
    assert_int_equal(tlsm_socket_close(sockets.end[SERVER], NULL), TLSM_IO_WANT_READ);
    assert_int_equal(send(sockets.descriptor[SERVER], "plain", 5, 0), 5);
    assert_int_equal(tlsm_socket_close(sockets.end[CLIENT], &verdict), TLSM_IO_DONE);
    assert_int_equal(verdict.how, TLSM_CLEAN_BOTH_VERDICT);
    kept = tlsm_socket_release(sockets.end[CLIENT]);
    assert_int_equal(kept, sockets.descriptor[CLIENT]);
    assert_int_equal(recv(kept, bytes, sizeof bytes, MSG_DONTWAIT), 5);
    assert_int_equal(tlsm_socket_close(sockets.end[SERVER], &verdict), TLSM_IO_DONE);
    assert_int_equal(verdict.how, TLSM_CLEAN_BOTH_VERDICT);
    close(kept);
    sockets_free(&sockets);
}

/* ------------------------------------------------------------------------------------------------ peers that go */

static void a_peer_that_vanishes_is_a_truncation(void **state)
{
    struct sockets sockets;
    struct tlsm_verdict verdict;
    uint8_t bytes[8];
    (void)state;
    loops_connected(&sockets, AF_UNIX);
    assert_int_equal(tlsm_socket_write(sockets.end[SERVER], "last", 4), 4);
    close(sockets.descriptor[SERVER]);
    sockets.end[SERVER]->descriptor = -1;
    assert_int_equal(tlsm_socket_read(sockets.end[CLIENT], bytes, sizeof bytes), 4);
    assert_int_equal(tlsm_socket_read(sockets.end[CLIENT], bytes, sizeof bytes), TLSM_IO_ENDED);
    assert_int_equal(tlsm_socket_close(sockets.end[CLIENT], &verdict), TLSM_IO_DONE);
    assert_int_equal(verdict.how, TLSM_TRUNCATED_VERDICT);
    assert_int_equal(verdict.place, TLSM_PLACE_BOUNDARY);
    sockets_free(&sockets);
}

static void a_reset_is_a_failed_transport(void **state)
{
    const struct linger now = { 1, 0 };
    struct sockets sockets;
    uint8_t byte;
    (void)state;
    loops_connected(&sockets, AF_INET);
    assert_int_equal(setsockopt(sockets.descriptor[SERVER], SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(sockets.descriptor[SERVER]);
    sockets.end[SERVER]->descriptor = -1;
    watch(&sockets);
    assert_int_equal(tlsm_socket_read(sockets.end[CLIENT], &byte, 1), TLSM_IO_ENDED);
    assert_int_equal(sockets.end[CLIENT]->error, ECONNRESET);
    assert_string_equal(how(sockets.end[CLIENT]), "transport_failed");
    sockets_free(&sockets);
}

/* H5, G3: no signal (it has its default action), and the alert is what is reported. */
static void a_failed_write_reports_the_alert_that_came_with_it(void **state)
{
    struct sockets sockets;
    (void)state;
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    loops_connected(&sockets, AF_UNIX);
    assert_int_equal(tlsm_link_abort(&sockets.end[SERVER]->link, TLSM_ALERT_ACCESS_DENIED), TLSM_IO_DONE);
    assert_int_equal(tlsm_socket_flush(sockets.end[SERVER]), TLSM_IO_ENDED);
    close(sockets.descriptor[SERVER]);
    sockets.end[SERVER]->descriptor = -1;
    assert_int_equal(tlsm_socket_write(sockets.end[CLIENT], "x", 1), TLSM_IO_ENDED);
    assert_int_equal(sockets.end[CLIENT]->error, EPIPE);
    assert_string_equal(how(sockets.end[CLIENT]), "peer_alert");
    assert_int_equal(link_verdict(&sockets.end[CLIENT]->link).alert_received, TLSM_ALERT_ACCESS_DENIED);
    sockets_free(&sockets);
}

/* B10. */
static void a_peer_that_closed_and_went_leaves_clean_received(void **state)
{
    struct sockets sockets;
    struct tlsm_verdict verdict;
    uint8_t byte;
    (void)state;
    loops_connected(&sockets, AF_UNIX);
    assert_int_equal(tlsm_socket_close(sockets.end[SERVER], NULL), TLSM_IO_WANT_READ);
    close(sockets.descriptor[SERVER]);
    sockets.end[SERVER]->descriptor = -1;
    assert_int_equal(tlsm_socket_read(sockets.end[CLIENT], &byte, 1), TLSM_IO_END);
    assert_int_equal(tlsm_socket_close(sockets.end[CLIENT], &verdict), TLSM_IO_DONE);
    assert_int_equal(verdict.how, TLSM_CLEAN_RECEIVED_VERDICT);
    sockets_free(&sockets);
}

/* ------------------------------------------------------------------------------------------------ time and signals */

static void a_silent_peer_meets_the_deadline(void **state)
{
    struct sockets sockets;
    struct tlsm_verdict verdict;
    uint8_t byte;
    (void)state;
    local_pair(sockets.descriptor);
    sockets_over(&sockets, 0);
    assert_int_equal(tlsm_socket_deadline(sockets.end[CLIENT], 30), TLSM_IO_DONE);
    assert_int_equal(tlsm_socket_handshake(sockets.end[CLIENT]), TLSM_IO_ENDED);
    assert_string_equal(how(sockets.end[CLIENT]), "handshake_failed");
    assert_int_equal(link_verdict(&sockets.end[CLIENT]->link).cause, TLSM_CAUSE_DEADLINE);
    sockets_free(&sockets);

    loops_connected(&sockets, AF_UNIX);
    sockets.end[CLIENT]->non_blocking = 0;
    assert_int_equal(tlsm_socket_deadline(sockets.end[CLIENT], 30), TLSM_IO_DONE);
    assert_int_equal(tlsm_socket_close(sockets.end[CLIENT], &verdict), TLSM_IO_DONE);
    assert_int_equal(verdict.how, TLSM_TIMED_OUT_VERDICT);
    assert_int_equal(verdict.alert_delivered, 1);
    assert_int_equal(tlsm_socket_read(sockets.end[CLIENT], &byte, 1), TLSM_IO_ENDED);
    sockets_free(&sockets);
}

/* B3: a peer that never stops sending does not hide it. */
static void a_talking_peer_meets_the_deadline_too(void **state)
{
    struct sockets sockets;
    uint8_t bytes[64];
    (void)state;
    loops_connected(&sockets, AF_UNIX);
    sockets.end[CLIENT]->non_blocking = 0;
    assert_int_equal(tlsm_socket_write(sockets.end[SERVER], text, 60000) > 0, 1);
    assert_int_equal(tlsm_socket_deadline(sockets.end[CLIENT], 0), TLSM_IO_DONE);
    assert_int_equal(tlsm_socket_read(sockets.end[CLIENT], bytes, sizeof bytes), TLSM_IO_ENDED);
    assert_string_equal(how(sockets.end[CLIENT]), "timed_out");
    sockets_free(&sockets);
}

static void an_event_loop_is_told_when_to_come_back(void **state)
{
    struct sockets sockets;
    (void)state;
    loops_connected(&sockets, AF_UNIX);
    assert_int_equal(tlsm_socket_timeout(sockets.end[CLIENT]), -1);
    assert_int_equal(tlsm_socket_deadline(sockets.end[CLIENT], 100000), TLSM_IO_DONE);
    assert_true(tlsm_socket_timeout(sockets.end[CLIENT]) > 90000);
    assert_int_equal(tlsm_socket_ready(sockets.end[CLIENT], 0, 0), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_socket_deadline(sockets.end[CLIENT], -1), TLSM_IO_DONE);
    assert_int_equal(tlsm_socket_timeout(sockets.end[CLIENT]), -1);
    assert_int_equal(tlsm_socket_deadline(sockets.end[CLIENT], 0), TLSM_IO_DONE);
    assert_int_equal(tlsm_socket_timeout(sockets.end[CLIENT]), 0);
    assert_int_equal(tlsm_socket_ready(sockets.end[CLIENT], 0, 0), TLSM_IO_ENDED);
    assert_string_equal(how(sockets.end[CLIENT]), "timed_out");
    sockets_free(&sockets);
}

static void signals_do_not_disturb_a_blocking_read(void **state)
{
    struct sigaction action;
    struct sockets sockets;
    struct peer peer;
    uint8_t bytes[8];
    (void)state;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;   /* without SA_RESTART */
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(sem_init(&caught, 0, 0), 0);
    with_peer(&sockets, &peer, AF_UNIX, "hisrc");
    assert_int_equal(tlsm_socket_read(sockets.end[CLIENT], bytes, sizeof bytes), 5);
    assert_int_equal(tlsm_socket_close(sockets.end[CLIENT], NULL), TLSM_IO_DONE);
    join(&sockets, &peer);
    assert_int_equal(peer.last, TLSM_IO_END);
    assert_string_equal(how(sockets.end[CLIENT]), "clean_both");
    sockets_free(&sockets);
}

/* ------------------------------------------------------------------------------------------------ dialling */

/* A name with an address of each family where the machine has it; a bare system may not know any name. */
static const char *local_name(void)
{
    struct addrinfo *found = NULL;
    const int known = getaddrinfo("localhost", NULL, NULL, &found) == 0;
    if (known)
        freeaddrinfo(found);
    return known ? "localhost" : "127.0.0.1";
}

static void dialling_finds_the_address_that_answers(void **state)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    const int listening = socket(AF_INET, SOCK_STREAM, 0);
    struct two two;
    struct tlsm_socket *made;
    char port[16];
    int error = 0;
    (void)state;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &length), 0);
    (void)snprintf(port, sizeof port, "%u", ntohs(address.sin_port));
    two_init(&two);
    made = tlsm_socket_connect(&two.config[CLIENT], local_name(), port, 5000, NULL, &error);
    assert_non_null(made);
    assert_int_equal(error, 0);
    tlsm_socket_free(made);
    close(listening);
    assert_null(tlsm_socket_connect(&two.config[CLIENT], "127.0.0.1", port, 5000, NULL, &error));
    assert_int_equal(error, ECONNREFUSED);
    assert_int_equal(tlsm_socket_dial("not a host name", port, 5000, &error), -1);
    assert_true(error < 0);
}

static void entropy_comes_from_the_system_unless_given(void **state)
{
    struct tlsm_entropy a, b;
    (void)state;
    assert_int_equal(tlsm_socket_entropy(&a), 0);
    assert_int_equal(tlsm_socket_entropy(&b), 0);
    assert_memory_not_equal(&a, &b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_close_with_data_over_a_local_socket),
        cmocka_unit_test(half_close_with_data_over_ipv4),
        cmocka_unit_test(half_close_with_data_over_ipv6),
        cmocka_unit_test(event_loops_and_short_writes),
        cmocka_unit_test(the_sending_half_is_shut_after_close_notify),
        cmocka_unit_test(giving_up_in_the_middle_of_a_record_resets),
        cmocka_unit_test(closing_on_a_talking_peer_delivers_our_last_bytes),
        cmocka_unit_test(the_timeout_of_a_drain_minds_the_deadline),
        cmocka_unit_test(a_fatal_alert_arrives_although_input_was_unread),
        cmocka_unit_test(another_protocol_gets_the_descriptor_back),
        cmocka_unit_test(a_peer_that_vanishes_is_a_truncation),
        cmocka_unit_test(a_reset_is_a_failed_transport),
        cmocka_unit_test(a_failed_write_reports_the_alert_that_came_with_it),
        cmocka_unit_test(a_peer_that_closed_and_went_leaves_clean_received),
        cmocka_unit_test(a_silent_peer_meets_the_deadline),
        cmocka_unit_test(a_talking_peer_meets_the_deadline_too),
        cmocka_unit_test(an_event_loop_is_told_when_to_come_back),
        cmocka_unit_test(signals_do_not_disturb_a_blocking_read),
        cmocka_unit_test(dialling_finds_the_address_that_answers),
        cmocka_unit_test(entropy_comes_from_the_system_unless_given),
    };
    return cmocka_run_group_tests(tests, fill_text, NULL);
}
