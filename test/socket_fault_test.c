/* SPDX-License-Identifier: MIT */
/* Every call that a connection over a socket makes of the system, refused, interrupted or cut short in turn. */
#define _DEFAULT_SOURCE

#include "fault_peer.h"

#include <poll.h>
#include <stdlib.h>

#include "tlsm_socket.h"

enum { DEADLINE_MS = 20000, PATIENCE = 4, ROUNDS_MAX = 100000 };

/* A life of our side, by the letters of fault_peer.h; f: free, as it stands. */
struct life {
    const char *acts, *peer_acts;
    uint8_t how;               /* undisturbed */
    int role;
    int non_blocking, keep, mute;
    int deadline_ms;
    /* What came of it. */
    struct two two;
    struct peer peer;
    struct tlsm_socket *socket;
    struct tlsm_verdict verdict;
    size_t said, tried, heard;
    int wrong, refusals, ended;
};

/* The undisturbed run's. */
static struct tlsm_verdict undisturbed;

static void keep_secrets(void *context, const struct tlsm_state *state)
{
    uint8_t secret[TLSM_HASH_MAX];
    (void)context;
    for (int label = 0; label < TLSM_SECRET_EXPORTER; label++)
        fault_secret(secret, tlsm_secret(state, (enum tlsm_secret_label)label, secret));
}

/* An event loop of one: what the socket wants to be watched for, as long as it may take. */
static void watch(struct life *life)
{
    struct pollfd watched = { life->socket->descriptor, 0, 0 };
    int timeout;
    fault_disarm();
    watched.events = tlsm_socket_events(life->socket);
    timeout = tlsm_socket_timeout(life->socket);
    while (poll(&watched, 1, 0) == 0 && fault.idle(fault.idle_context))
        continue;
    if (watched.revents == 0 && timeout < 0)
        fail_msg("an event loop waits for what will not come");
    if (watched.revents == 0)
        fault.now_ms += (uint64_t)timeout;
    fault_arm();
    (void)tlsm_socket_ready(life->socket, watched.revents & (POLLIN | POLLHUP | POLLERR),
                            watched.revents & (POLLOUT | POLLERR));
}

/* 1: the call is to be repeated. Memory that is short is asked for again, a few times. */
static int repeats(struct life *life, ptrdiff_t result)
{
    if (result == TLSM_IO_WANT_READ || result == TLSM_IO_WANT_WRITE) {
        if (!life->non_blocking)
            fail_msg("a blocking call says that it would block");
        watch(life);
        return 1;
    }
    if (result == TLSM_IO_NO_MEMORY || result == TLSM_IO_REFUSED) {
        assert_true(fault.effect >= FAULT_ONCE);
        return ++life->refusals < PATIENCE;
    }
    return 0;
}

static void say(struct life *life)
{
    uint8_t bytes[PEER_BYTES];
    size_t done = 0;
    peer_fill(bytes, sizeof bytes, life->said);
    while (done < sizeof bytes && !life->ended) {
        const ptrdiff_t put = tlsm_socket_write(life->socket, bytes + done, sizeof bytes - done);
        if (put > 0)
            done += (size_t)put;
        else
            life->ended = !repeats(life, put);
    }
    life->said += done;
    life->tried += sizeof bytes;
}

static void hear(struct life *life, size_t most)
{
    uint8_t bytes[3000];
    size_t done = 0;
    while (done < most && !life->ended) {
        const ptrdiff_t got = tlsm_socket_read(life->socket, bytes, sizeof bytes);
        if (got == TLSM_IO_END) {
            assert_true(peer_closed(&life->peer));
            return;
        }
        if (got < 0) {
            life->ended = !repeats(life, got);
            continue;
        }
        life->wrong |= !peer_matches(bytes, (size_t)got, life->heard);
        life->heard += (size_t)got;
        done += (size_t)got;
    }
}

static int handshake(struct tlsm_socket *socket) { return tlsm_socket_handshake(socket); }
static int update(struct tlsm_socket *socket) { return tlsm_link_key_update(&socket->link, 1); }
static int give_up(struct tlsm_socket *socket) { return tlsm_link_abort(&socket->link, TLSM_ALERT_INTERNAL_ERROR); }

static void repeat(struct life *life, int (*call)(struct tlsm_socket *socket))
{
    int done;
    do
        done = call(life->socket);
    while (done != TLSM_IO_DONE && repeats(life, done));
    life->ended |= done != TLSM_IO_DONE;
}

static void close_down(struct life *life)
{
    int done;
    life->refusals = 0;
    for (;;) {
        done = tlsm_socket_close(life->socket, &life->verdict);
        if (done == TLSM_IO_UNREAD) {
            life->ended = 0;
            hear(life, tlsm_link_unread(&life->socket->link));
        } else if (done == TLSM_IO_DONE || !repeats(life, done)) {
            break;
        }
    }
    assert_true(done == TLSM_IO_DONE || (done == TLSM_IO_NO_MEMORY && fault.effect == FAULT_EVER));
}

static void act(struct life *life, char what)
{
    switch (what) {
    case 'h': repeat(life, handshake); break;
    case 'w': say(life); break;
    case 'r': hear(life, PEER_BYTES); break;
    case 'R': hear(life, SIZE_MAX); break;
    case 'u': repeat(life, update); break;
    case 'e': repeat(life, tlsm_socket_end); break;
    case 'a': repeat(life, give_up); break;
    case 'd': (void)tlsm_socket_deadline(life->socket, 100); break;
    case 'c': close_down(life); break;
    }
}

static int make(struct life *life, const int descriptor[2])
{
    struct tlsm_socket_options options;
    memset(&options, 0, sizeof options);
    options.link = two_options(&life->two);
    options.link.hooks.keys = keep_secrets;
    options.non_blocking = life->non_blocking;
    for (int i = 0; i < 2 && life->socket == NULL; i++)
        life->socket = tlsm_socket_new(&life->two.config[life->role], descriptor[0], &options);
    if (life->socket == NULL) {
        assert_true(fault.effect == FAULT_EVER);
        return 0;
    }
    if (life->deadline_ms >= 0)
        (void)tlsm_socket_deadline(life->socket, life->deadline_ms != 0 ? life->deadline_ms : DEADLINE_MS);
    return 1;
}

static void let_go(struct life *life)
{
    struct tlsm_advice advice;
    const int open = life->socket->descriptor >= 0;
    if (!tlsm_is_final(life->socket->link.state))
        (void)tlsm_link_abandon(&life->socket->link);
    tlsm_verdict(life->socket->link.state, &life->verdict);
    tlsm_advice(life->socket->link.state, &advice);
    tlsm_socket_free(life->socket);
    if (open && (advice.flags & TLSM_ADVICE_RESET) && strcmp(fault.name ? fault.name : "", "setsockopt") != 0)
        assert_true(fault.reset_asked);
}

/* errno of what failed is there for the caller. */
static void errno_is_kept(const struct life *life, int error)
{
    const char *const name = fault.name;
    const uint8_t cause = life->verdict.cause;
    if (fault.effect < FAULT_ONCE || (cause != TLSM_CAUSE_RECEIVE_FAILED && cause != TLSM_CAUSE_SEND_FAILED))
        return;
    if (strcmp(name, "recv") == 0 || strcmp(name, "send") == 0 || strcmp(name, "poll") == 0)
        assert_int_equal(error, fault.error);
}

static void judge(struct life *life, int error)
{
    const int once = fault.effect == FAULT_ONCE && fault.error == ENOMEM && strstr(fault.name, "alloc") != NULL;
    assert_int_equal(life->wrong, 0);
    peer_judges(&life->peer, &life->verdict, life->said, life->tried, life->heard);
    errno_is_kept(life, error);
    if (fault.effect == FAULT_NONE) {
        undisturbed = life->verdict;
        assert_string_equal(tlsm_how_name(life->verdict.how), tlsm_how_name(life->how));
        assert_int_equal(*life->peer.acts, life->mute ? 's' : 0);
    }
    if (fault.effect <= FAULT_MILD || once)
        assert_memory_equal(&life->verdict, &undisturbed, sizeof undisturbed);
}

static void live(void *context)
{
    const struct life *const plan = context;
    struct life life = *plan;
    int descriptor[2], small = 4608, error = 0;
    two_init(&life.two);
    life.two.settings[CLIENT].keep_transport = life.two.settings[SERVER].keep_transport = (uint8_t)life.keep;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptor), 0);
    for (int end = 0; end < 2; end++)
        assert_int_equal(setsockopt(descriptor[end], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    peer_begin(&life.peer, &life.two, 1 - life.role, descriptor[1], life.peer_acts);
    fault.tick_ms = 5;
    fault_arm();
    if (make(&life, descriptor)) {
        for (const char *what = life.acts; *what != 0; what++)
            if (!life.ended || *what == 'c')
                act(&life, *what);
        error = life.socket->error;
        let_go(&life);
    } else {
        (void)close(descriptor[0]);
    }
    fault_disarm();
    while (peer_turn(&life.peer))
        continue;
    judge(&life, error);
    peer_end(&life.peer);
}

static void sweep(const char *title, struct life life)
{
    assert_true(fault_sweep(title, live, &life) > 50);
}

static void a_whole_life(void **state)
{
    (void)state;
    sweep("a client, half-closing", (struct life){ .acts = "hwuwreRc", .peer_acts = "hrurwRwec", .role = CLIENT, .how = TLSM_CLEAN_BOTH_VERDICT });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
