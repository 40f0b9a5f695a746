/* SPDX-License-Identifier: MIT */
/* Every call that a connection over a socket makes of the system, refused, interrupted or cut short in turn. */
#define _DEFAULT_SOURCE

#include "fault_peer.h"

#include <poll.h>
#include <stdlib.h>

#include "tlsm_socket.h"

enum { DEADLINE_MS = 15000, PATIENCE = 4 };

/* A life of our side, by the letters of fault_peer.h; d: a deadline, v: vouch for what was read; without c it is freed as it
 * stands. */
struct life {
    const char *acts, *peer_acts;
    uint8_t how;               /* undisturbed */
    int role;
    int non_blocking, keep;
    int mute;                  /* the peer falls silent */
    int loose;                 /* how much left before the end depends on when the end came */
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

/* What follows is not ours: it lies in the descriptor, untouched. */
static void hear_plain(struct life *life)
{
    char bytes[8];
    const int fd = tlsm_socket_release(life->socket);
    fault_disarm();
    while (peer_turn(&life->peer))
        continue;
    if (is_clean(life->verdict.how) && fd >= 0) {
        assert_int_equal(tlsm_link_rest(&life->socket->link).length, 0);
        assert_int_equal(recv(fd, bytes, sizeof bytes, MSG_DONTWAIT), 5);
    }
    if (fd >= 0)
        (void)close(fd);
    fault_arm();
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
    case 'd': (void)tlsm_socket_deadline(life->socket, 3000); break;
    case 'c': close_down(life); break;
    case 'p': hear_plain(life); break;
    case 'v': tlsm_link_vouch(&life->socket->link); break;
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

/* errno of what failed is there for the caller, unless a peer that went for it made the next call fail too. */
static void errno_is_kept(const struct life *life, int error)
{
    const char *const name = fault.name;
    const uint8_t cause = life->verdict.cause;
    if (fault.effect < FAULT_ONCE || (cause != TLSM_CAUSE_RECEIVE_FAILED && cause != TLSM_CAUSE_SEND_FAILED))
        return;
    if (strcmp(name, "recv") == 0 || strcmp(name, "send") == 0 || strcmp(name, "poll") == 0)
        assert_true(error == fault.error || (life->peer.fd < 0 && (error == EPIPE || error == ECONNRESET)));
}

static void same_verdict(const struct life *life)
{
    struct tlsm_verdict verdict = life->verdict;
    if (life->mute || life->loose) {
        verdict.untaken = undisturbed.untaken;
        verdict.plain_out = undisturbed.plain_out;
    }
    assert_memory_equal(&verdict, &undisturbed, sizeof undisturbed);
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
        same_verdict(life);
}

static void live(void *context)
{
    const struct life *const plan = context;
    struct life life = *plan;
    int descriptor[2], small = 4608, error = 0;
    two_init(&life.two);
    life.two.settings[life.role].eof = TLSM_EOF_FRAMED;
    life.two.settings[CLIENT].keep_transport = life.two.settings[SERVER].keep_transport = (uint8_t)life.keep;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptor), 0);
    for (int end = 0; end < 2; end++)
        assert_int_equal(setsockopt(descriptor[end], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    peer_begin(&life.peer, &life.two, 1 - life.role, descriptor[1], life.peer_acts);
    fault.tick_ms = 20;
    fault_arm();
    if (make(&life, descriptor)) {
        for (const char *what = life.acts; *what != 0; what++)
            if (!life.ended || *what == 'c' || *what == 'p')
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

static void a_client_that_half_closes(void **state)
{
    (void)state;
    sweep("a client, half-closing", (struct life){ .acts = "hwuwreRc", .peer_acts = "hrurwRwec", .role = CLIENT,
                                                   .how = TLSM_CLEAN_BOTH_VERDICT });
}

static void a_server_that_hears_the_end_first(void **state)
{
    (void)state;
    sweep("a server, closing last", (struct life){ .acts = "hrRwc", .peer_acts = "hweRc", .role = SERVER,
                                                   .how = TLSM_CLEAN_BOTH_VERDICT });
}

static void an_event_loop(void **state)
{
    (void)state;
    sweep("an event loop, closing first", (struct life){ .acts = "hwrwc", .peer_acts = "hrwuRwc", .role = CLIENT,
                                                         .non_blocking = 1, .how = TLSM_CLEAN_BOTH_VERDICT });
    sweep("an event loop, closing last", (struct life){ .acts = "hrwRc", .peer_acts = "hwrec", .role = SERVER,
                                                        .non_blocking = 1, .how = TLSM_CLEAN_BOTH_VERDICT });
}

static void a_close_under_a_deadline(void **state)
{
    (void)state;
    sweep("a silent peer", (struct life){ .acts = "hwdc", .peer_acts = "hrs", .role = CLIENT, .mute = 1,
                                          .how = TLSM_TIMED_OUT_VERDICT });
    sweep("a silent peer, in an event loop", (struct life){ .acts = "hwdc", .peer_acts = "hrs", .role = CLIENT,
                                                            .mute = 1, .non_blocking = 1, .how = TLSM_TIMED_OUT_VERDICT });
    sweep("a peer that is silent from the beginning", (struct life){ .acts = "hc", .peer_acts = "s", .role = CLIENT,
                                                                     .mute = 1, .how = TLSM_HANDSHAKE_FAILED_VERDICT });
}

static void a_fatal_alert_and_a_drain(void **state)
{
    (void)state;
    sweep("we fail, and drain", (struct life){ .acts = "hrac", .peer_acts = "hwwc", .role = CLIENT,
                                               .how = TLSM_LOCAL_ALERT_VERDICT });
    sweep("the peer fails", (struct life){ .acts = "hwRc", .peer_acts = "hrac", .role = CLIENT,
                                           .how = TLSM_PEER_ALERT_VERDICT });
    sweep("free as it stands", (struct life){ .acts = "hwr", .peer_acts = "hrwc", .role = CLIENT,
                                              .how = TLSM_ABANDONED_VERDICT });
}

static void a_peer_that_goes(void **state)
{
    (void)state;
    sweep("cut without a word", (struct life){ .acts = "hrRc", .peer_acts = "hwx", .role = CLIENT,
                                               .how = TLSM_TRUNCATED_VERDICT });
    sweep("cut where the message is complete", (struct life){ .acts = "hrvRc", .peer_acts = "hwfx", .role = CLIENT,
                                                              .how = TLSM_FRAMED_END_VERDICT });
    sweep("gone after its end", (struct life){ .acts = "hrRwc", .peer_acts = "hwex", .role = CLIENT, .loose = 1,
                                               .how = TLSM_CLEAN_RECEIVED_VERDICT });
}

/* A deadline in the middle of a record: the peer must see a failure. */
static void giving_up_inside_a_record(void **state)
{
    (void)state;
    sweep("a full pipe", (struct life){ .acts = "hdwwwc", .peer_acts = "hs", .role = CLIENT, .mute = 1,
                                        .how = TLSM_TIMED_OUT_VERDICT });
}

static void another_protocol_follows(void **state)
{
    (void)state;
    sweep("another protocol", (struct life){ .acts = "hrwcp", .peer_acts = "hwrRep", .role = CLIENT, .keep = 1,
                                             .how = TLSM_CLEAN_BOTH_VERDICT });
}

/* ------------------------------------------------------------------------------------------------ what sweeps found */

static void draw(void *context)
{
    struct tlsm_entropy entropy;
    (void)context;
    fault_arm();
    assert_int_equal(tlsm_socket_entropy(&entropy), -1);
    assert_int_equal(errno, EINTR);
}

static void entropy_does_not_wait_for_the_end_of_signals(void **state)
{
    (void)state;
    fault_only("getrandom", EINTR, draw, NULL);
}

static void connect_in_vain(void *context)
{
    struct life life = *(const struct life *)context;
    int descriptor[2];
    two_init(&life.two);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptor), 0);
    peer_begin(&life.peer, &life.two, SERVER, descriptor[1], "h");
    fault_arm();
    assert_true(make(&life, descriptor));
    assert_int_equal(tlsm_socket_handshake(life.socket), TLSM_IO_ENDED);
    assert_int_equal(life.socket->error, fault.error == EINTR ? 0 : fault.error);
    assert_int_equal(link_verdict(&life.socket->link).cause,
                     fault.error == EINTR ? TLSM_CAUSE_DEADLINE : TLSM_CAUSE_SEND_FAILED);
    tlsm_socket_free(life.socket);
    peer_end(&life.peer);
}

static void the_deadline_holds_against_signals_without_end(void **state)
{
    struct life life = { .role = CLIENT };
    (void)state;
    fault_only("recv", EINTR, connect_in_vain, &life);
    fault_only("send", EINTR, connect_in_vain, &life);
    fault_only("poll", EINTR, connect_in_vain, &life);
}

static void a_wait_that_fails_leaves_its_errno(void **state)
{
    struct life life = { .role = CLIENT };
    (void)state;
    fault_only("poll", ENOMEM, connect_in_vain, &life);
}

static void drain_in_vain(void *context)
{
    struct life life = *(const struct life *)context;
    int descriptor[2];
    two_init(&life.two);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptor), 0);
    peer_begin(&life.peer, &life.two, SERVER, descriptor[1], "hs");
    assert_true(make(&life, descriptor));
    life.socket->deadline_ms = UINT64_MAX;
    while (life.socket->descriptor >= 0 && tlsm_socket_handshake(life.socket) != TLSM_IO_DONE)
        (void)peer_turn(&life.peer);
    assert_int_equal(tlsm_link_abort(&life.socket->link, TLSM_ALERT_INTERNAL_ERROR), TLSM_IO_DONE);
    fault_arm();
    assert_int_equal(tlsm_socket_close(life.socket, NULL), TLSM_IO_WANT_READ);
    assert_true(fault.calls < 1000);
    tlsm_socket_free(life.socket);
    fault_disarm();
    peer_end(&life.peer);
}

static void a_drain_ends_although_signals_do_not(void **state)
{
    struct life life = { .role = CLIENT, .non_blocking = 1 };
    (void)state;
    fault_only("recv", EINTR, drain_in_vain, &life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_that_half_closes),
        cmocka_unit_test(a_server_that_hears_the_end_first),
        cmocka_unit_test(an_event_loop),
        cmocka_unit_test(a_close_under_a_deadline),
        cmocka_unit_test(a_fatal_alert_and_a_drain),
        cmocka_unit_test(a_peer_that_goes),
        cmocka_unit_test(giving_up_inside_a_record),
        cmocka_unit_test(another_protocol_follows),
        cmocka_unit_test(entropy_does_not_wait_for_the_end_of_signals),
        cmocka_unit_test(the_deadline_holds_against_signals_without_end),
        cmocka_unit_test(a_wait_that_fails_leaves_its_errno),
        cmocka_unit_test(a_drain_ends_although_signals_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
