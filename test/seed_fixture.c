/* SPDX-License-Identifier: MIT */
/* Connections over every kind of BIO, and their bytes carried by hand. */
#define _GNU_SOURCE

#include "seed_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const size_t rooms[SEED_BIOS] = {
    [SEED_PAIR_1] = 1, [SEED_PAIR_7] = 7, [SEED_PAIR_512] = 512, [SEED_PAIR_17000] = 17000
};

int seed_is_socket(const struct seed *seed) { return seed->cell->bio == SEED_BLOCKING || seed->cell->bio == SEED_NON_BLOCKING; }
int seed_blocks(const struct seed *seed) { return seed->cell->bio == SEED_BLOCKING; }
size_t seed_room(const struct seed *seed) { return rooms[seed->cell->bio]; }

/* ------------------------------------------------------------------------------------------------ the wires */

/* As small as the kernel lets it be, so that a few records fill it. A call that would block for ever fails instead. */
static void make_sockets(struct seed *seed)
{
    const struct timeval patience = { SEED_PATIENCE_MS / 1000, 0 };
    const int small = 1;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    seed->near_fd = ends[0];
    seed->far_fd = ends[1];
    assert_int_equal(fcntl(seed->near_fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fcntl(seed->far_fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(setsockopt(seed->near_fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    assert_int_equal(setsockopt(seed->near_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(setsockopt(seed->near_fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    seed->near_in = BIO_new_socket(seed->near_fd, BIO_NOCLOSE);
    seed->near_out = seed->near_in;
}

static void make_bottom(struct seed *seed)
{
    if (seed_is_socket(seed)) {
        make_sockets(seed);
    } else if (seed_room(seed) > 0) {
        assert_int_equal(BIO_new_bio_pair(&seed->near_in, seed_room(seed), &seed->far, seed_room(seed)), 1);
        seed->near_out = seed->near_in;
    } else {
        seed->near_in = BIO_new(BIO_s_mem());
        seed->near_out = BIO_new(BIO_s_mem());
    }
    assert_non_null(seed->near_in);
    assert_non_null(seed->near_out);
}

static BIO *buffered(const struct seed *seed, BIO *bottom)
{
    return seed->cell->buffered ? BIO_push(BIO_new(BIO_f_buffer()), bottom) : bottom;
}

/* A reference for the connection, one for us. */
static void make_wires(struct seed *seed)
{
    BIO *top_out;
    make_bottom(seed);
    (void)BIO_up_ref(seed->near_in);
    if (seed->near_out != seed->near_in)
        (void)BIO_up_ref(seed->near_out);
    seed->top_in = buffered(seed, seed->near_in);
    top_out = seed->near_out == seed->near_in ? seed->top_in : buffered(seed, seed->near_out);
    seed->kind->set_bio(seed->us, seed->top_in, top_out);
    seed->peer_in = BIO_new(BIO_s_mem());
    seed->peer_out = BIO_new(BIO_s_mem());
    (void)BIO_up_ref(seed->peer_in);
    (void)BIO_up_ref(seed->peer_out);
    seed->peer_kind->set_bio(seed->peer, seed->peer_in, seed->peer_out);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* A memory BIO that can only be read does not own its bytes: this one does. */
static void drop_wires(struct seed *seed)
{
    if (seed->near_out != NULL && seed->cell->bio == SEED_MEMORY)
        BIO_clear_flags(seed->near_out, BIO_FLAGS_MEM_RDONLY);
    BIO_free(seed->near_in);
    if (seed->near_out != seed->near_in)
        BIO_free(seed->near_out);
    BIO_free(seed->far);
    BIO_free(seed->peer_in);
    BIO_free(seed->peer_out);
    seed->near_in = seed->near_out = seed->far = seed->peer_in = seed->peer_out = NULL;
    close_fd(&seed->near_fd);
    close_fd(&seed->far_fd);
}

/* ------------------------------------------------------------------------------------------------ carrying */

static size_t positive(ptrdiff_t count) { return count > 0 ? (size_t)count : 0; }
static int as_int(size_t count) { return count < 1 << 20 ? (int)count : 1 << 20; }

static size_t far_take(struct seed *seed, void *to, size_t most)
{
    if (seed_is_socket(seed))
        return positive(recv(seed->far_fd, to, most, MSG_DONTWAIT));
    return positive(BIO_read(seed->far != NULL ? seed->far : seed->near_out, to, as_int(most)));
}

static size_t far_put(struct seed *seed, const void *from, size_t most)
{
    if (seed_is_socket(seed))
        return positive(send(seed->far_fd, from, most, MSG_DONTWAIT | MSG_NOSIGNAL));
    return positive(BIO_write(seed->far != NULL ? seed->far : seed->near_in, from, as_int(most)));
}

size_t seed_carry_out(struct seed *seed, size_t most)
{
    uint8_t *const to = seed->wire + seed->wire_length;
    const size_t left = sizeof seed->wire - seed->wire_length;
    const size_t count = far_take(seed, to, most < left ? most : left);
    assert_true(seed->wire_length + count < sizeof seed->wire);
    if (count > 0)
        assert_int_equal(BIO_write(seed->peer_in, to, as_int(count)), count);
    seed->wire_length += count;
    return count;
}

size_t seed_inbound(struct seed *seed)
{
    const size_t room = sizeof seed->inbound - seed->inbound_end;
    if (seed->inbound_start == seed->inbound_end)
        seed->inbound_start = seed->inbound_end = 0;
    seed->inbound_end += positive(BIO_read(seed->peer_out, seed->inbound + seed->inbound_end, as_int(room)));
    if (seed->greeting_length == 0 && seed->inbound_end >= sizeof seed->greeting) {
        seed->greeting_length = sizeof seed->greeting;
        memcpy(seed->greeting, seed->inbound, sizeof seed->greeting);
    }
    return seed->inbound_end - seed->inbound_start;
}

size_t seed_carry_in(struct seed *seed, size_t most)
{
    const size_t have = seed_inbound(seed);
    const size_t count = have > 0 && most > 0
                             ? far_put(seed, seed->inbound + seed->inbound_start, most < have ? most : have)
                             : 0;
    seed->inbound_start += count;
    return count;
}

static size_t unread_of(int fd)
{
    int count = 0;
    return fd >= 0 && ioctl(fd, FIONREAD, &count) == 0 && count > 0 ? (size_t)count : 0;
}

size_t seed_far_holds(struct seed *seed)
{
    return seed_is_socket(seed) ? unread_of(seed->far_fd) : BIO_ctrl_pending(seed->far != NULL ? seed->far : seed->near_out);
}

size_t seed_near_holds(struct seed *seed)
{
    return seed_is_socket(seed) ? unread_of(seed->near_fd) : BIO_ctrl_pending(seed->near_in);
}

static int ready(int fd, short events)
{
    struct pollfd watched = { fd, events, 0 };
    return poll(&watched, 1, 0) == 1;
}

/* A buffering BIO's own store counts too. */
int seed_readable(struct seed *seed)
{
    if (BIO_ctrl_pending(seed->top_in) > 0)
        return 1;
    return seed_is_socket(seed) && ready(seed->near_fd, POLLIN);
}

int seed_writable(struct seed *seed)
{
    if (seed_is_socket(seed))
        return ready(seed->near_fd, POLLOUT);
    return seed->far == NULL || BIO_ctrl_get_write_guarantee(seed->near_out) > 0;
}

/* ------------------------------------------------------------------------------------------------ the peer */

void seed_peer_closes(struct seed *seed)
{
    const int result = seed->peer_kind->shutdown(seed->peer);
    assert_true(result >= 0);
}

void seed_peer_writes(struct seed *seed, const void *bytes, int length)
{
    assert_int_equal(seed->peer_kind->write(seed->peer, bytes, length), length);
}

void seed_peer_reads(struct seed *seed)
{
    uint8_t bytes[4096];
    int got;
    if (seed->peer_end || seed->peer_failed)
        return;
    while ((got = seed->peer_kind->read(seed->peer, bytes, sizeof bytes)) > 0)
        seed->peer_data += (size_t)got;
    switch (seed->peer_kind->get_error(seed->peer, got)) {
    case SEED_WANT_READ:
        return;
    case SEED_ZERO_RETURN:
        assert_int_equal(got, 0);
        seed->peer_end = 1;
        if (!seed->withhold)
            seed_peer_closes(seed);
        return;
    }
    seed->peer_failed = 1;
}

size_t seed_serve(struct seed *seed)
{
    size_t moved = 0, now;
    do {
        now = seed_carry_out(seed, SEED_WIRE);
        seed_peer_reads(seed);
        if (seed->peer_end && !seed->withhold && !(seed->peer_kind->get_shutdown(seed->peer) & SEED_SENT))
            seed_peer_closes(seed);
        now += seed_carry_in(seed, SEED_INBOUND);
        moved += now;
    } while (now > 0);
    return moved;
}

static void keep_secret(void *context, const char *line)
{
    struct seed *const seed = context;
    static const char *const labels[2] = { "CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 " };
    const char *const label = seed->cell->older ? "CLIENT_RANDOM " : labels[seed->cell->server];
    if (strncmp(line, label, strlen(label)) == 0 && strlen(line) < sizeof seed->secret)
        memcpy(seed->secret, line, strlen(line) + 1);
}

/* ------------------------------------------------------------------------------------------------ connections */

static int shakes(const struct party_kind *kind, struct party *party)
{
    const int done = kind->handshake(party), error = kind->get_error(party, done);
    assert_true(done == 1 || error == SEED_WANT_READ || error == SEED_WANT_WRITE);
    return done == 1;
}

static void handshake(struct seed *seed)
{
    int ours = 0, theirs = 0;
    do {
        ours = ours || shakes(seed->kind, seed->us);
        theirs = theirs || shakes(seed->peer_kind, seed->peer);
        assert_true(seed_carry_out(seed, SEED_WIRE) + seed_carry_in(seed, SEED_INBOUND) > 0 || (ours && theirs));
    } while (!ours || !theirs);
}

/* A byte each way, behind whatever tickets there are. */
static void greet(struct seed *seed)
{
    uint8_t byte;
    int got;
    while (seed->kind->write(seed->us, "u", 1) != 1)
        assert_true(seed_serve(seed) > 0);
    seed_peer_writes(seed, "p", 1);
    while ((got = seed->kind->read(seed->us, &byte, 1)) != 1) {
        assert_int_equal(seed->kind->get_error(seed->us, got), SEED_WANT_READ);
        assert_true(seed_serve(seed) > 0);
    }
    (void)seed_serve(seed);
    assert_int_equal(seed->peer_data, 1);
    assert_int_equal(seed_inbound(seed), 0);
    assert_false(seed_readable(seed));
}

void seed_connect(struct seed *seed, int offer)
{
    if (seed->near_in != NULL)
        seed_part(seed, offer);
    make_wires(seed);
    handshake(seed);
    greet(seed);
    if (seed_blocks(seed))
        assert_int_equal(fcntl(seed->near_fd, F_SETFL, 0), 0);
    seed->peer_data = 0;
}

void seed_part(struct seed *seed, int offer)
{
    assert_int_equal(seed->kind->again(seed->us, offer && !seed->cell->server), 1);
    assert_int_equal(seed->peer_kind->again(seed->peer, offer && seed->cell->server), 1);
    drop_wires(seed);
    seed->inbound_start = seed->inbound_end = seed->wire_length = seed->greeting_length = seed->peer_data = 0;
    seed->peer_end = seed->peer_failed = seed->withhold = 0;
}

static void make_parties(struct seed *seed)
{
    const int server = seed->cell->server;
    const struct party_options ours = {
        .server = server, .older = seed->cell->older, .one_call = 1, .verify = !server, .tickets = 1, .stateful = server
    };
    const struct party_options theirs = {
        .server = !server, .older = seed->cell->older, .verify = server, .tickets = 1, .keylog = keep_secret, .keylog_context = seed
    };
    seed->us = seed->kind->create(&ours);
    seed->peer = seed->peer_kind->create(&theirs);
    assert_non_null(seed->us);
    assert_non_null(seed->peer);
}

static void drop_parties(struct seed *seed)
{
    seed->kind->destroy(seed->us);
    seed->peer_kind->destroy(seed->peer);
    drop_wires(seed);
    seed->us = seed->peer = NULL;
}

void seed_renew(struct seed *seed)
{
    seed_part(seed, 0);
    drop_parties(seed);
    make_parties(seed);
}

int seed_setup(void **state)
{
    struct seed_cell *const cell = *state;
    struct seed *const seed = calloc(1, sizeof *seed);
    if (seed == NULL)
        return -1;
    seed->cell = cell;
    seed->kind = &party_tlsm;
    seed->peer_kind = cell->peer;
    seed->near_fd = seed->far_fd = -1;
    seed->call.event = eventfd(0, EFD_CLOEXEC);
    make_parties(seed);
    *state = seed;
    return 0;
}

/* A test that failed may have left a thread in its call: its socket ends. */
int seed_teardown(void **state)
{
    struct seed *const seed = *state;
    if (seed->call.running) {
        (void)shutdown(seed->near_fd, SHUT_RDWR);
        (void)pthread_join(seed->call.thread, NULL);
    }
    drop_parties(seed);
    (void)close(seed->call.event);
    free(seed);
    ERR_clear_error();
    return 0;
}

/* ------------------------------------------------------------------------------------------------ what may befall it */

void seed_fill(struct seed *seed)
{
    static const uint8_t bytes[1000];
    int put;
    if (seed_blocks(seed))
        assert_int_equal(fcntl(seed->near_fd, F_SETFL, O_NONBLOCK), 0);
    do
        put = seed->kind->write(seed->us, bytes, sizeof bytes);
    while (put == (int)sizeof bytes);
    assert_int_equal(seed->kind->get_error(seed->us, put), SEED_WANT_WRITE);
    assert_false(seed_writable(seed));
    if (seed_blocks(seed))
        assert_int_equal(fcntl(seed->near_fd, F_SETFL, 0), 0);
}

void seed_hang_up(struct seed *seed)
{
    if (seed_is_socket(seed))
        assert_int_equal(shutdown(seed->far_fd, SHUT_WR), 0);
    else if (seed->far != NULL)
        assert_int_equal(BIO_shutdown_wr(seed->far), 1);
    else
        (void)BIO_set_mem_eof_return(seed->near_in, 0);
}

/* Nobody is left at the other end; the pair's writing end is shut; the memory can only be read. */
void seed_break(struct seed *seed)
{
    if (seed_is_socket(seed))
        close_fd(&seed->far_fd);
    else if (seed->far != NULL)
        assert_int_equal(BIO_shutdown_wr(seed->near_out), 1);
    else
        BIO_set_flags(seed->near_out, BIO_FLAGS_MEM_RDONLY);
    BIO_clear_retry_flags(seed->near_out);   /* of our own reading, in memory */
}
