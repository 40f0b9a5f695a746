/* SPDX-License-Identifier: MIT */
/* tlsm_ktls over a kernel TLS that is simulated (test/ktls_fixture.h), its peer a tlsm_socket: six bytes for the two (talk.h), one for what
 * the kernel has (bit 0: ours is the server; 1 no module, 2 nothing to send with, 3 nothing to receive with, 4 keys stay), two for which call
 * fails how, then commands. The descriptors are the system's: a pair of local sockets. */
#include "ktls_fixture.h"

#include "null_provider.h"
#include "talk.h"
#include "tlsm_libcrypto.h"

#include <time.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OURS, PEER, HANDSHAKE_TURNS = 30 };

struct place {
    struct tlsm_socket *socket;      /* NULL: it is the kernel's now */
    struct tlsm_ktls *kernel;
};

static struct tlsm_libcrypto *instance;

static struct tlsm_link *link_of(void *self)
{
    const struct place *at = self;
    return at->socket != NULL ? &at->socket->link : &at->kernel->link;
}
/* Before it is the kernel's, and at the other end, it is another adapter. */
static void only_ours(const struct place *at)
{
    if (at->socket != NULL)
        adapter_not_ours();
}
static ptrdiff_t read_some(void *self, void *to, size_t capacity)
{
    const struct place *at = self;
    only_ours(at);
    return at->socket != NULL ? tlsm_socket_read(at->socket, to, capacity) : tlsm_ktls_read(at->kernel, to, capacity);
}
static ptrdiff_t write_some(void *self, const void *from, size_t length)
{
    const struct place *at = self;
    only_ours(at);
    return at->socket != NULL ? tlsm_socket_write(at->socket, from, length) : tlsm_ktls_write(at->kernel, from, length);
}
static int flush(void *self)
{
    const struct place *at = self;
    only_ours(at);
    return at->socket != NULL ? tlsm_socket_flush(at->socket) : tlsm_ktls_flush(at->kernel);
}
static int close_it(void *self, int one_way)
{
    const struct place *at = self;
    only_ours(at);
    if (one_way)
        return at->socket != NULL ? tlsm_socket_end(at->socket) : tlsm_ktls_end(at->kernel);
    return at->socket != NULL ? tlsm_socket_close(at->socket, NULL) : tlsm_ktls_close(at->kernel, NULL);
}
static int deadline(void *self, int milliseconds)
{
    const struct place *at = self;
    only_ours(at);
    return at->socket != NULL ? tlsm_socket_deadline(at->socket, milliseconds > 9 ? -1 : 0) : tlsm_ktls_deadline(at->kernel, milliseconds > 9 ? -1 : 0);
}
static int ready(void *self)
{
    const struct place *at = self;
    only_ours(at);
    return at->socket != NULL ? tlsm_socket_ready(at->socket, 1, 1) : tlsm_ktls_ready(at->kernel);
}

/* During a run, a clock of its own that moves with every look at it, or what is done would depend on how fast this machine is. */
enum { LOOK_NS = 250000, SECOND_NS = 1000000000 };
static uint64_t now_ns;   /* 0: no run */
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (now_ns == 0)
        return __real_clock_gettime(clock, now);
    now_ns += LOOK_NS;
    now->tv_sec = (time_t)(now_ns / SECOND_NS);
    now->tv_nsec = (long)(now_ns % SECOND_NS);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ slots */

static ptrdiff_t answered(ptrdiff_t result, enum adapter_answer good, enum adapter_answer bad)
{
    adapter_answered(result < 0 ? bad : good);
    return result;
}
static int our_setsockopt(void *sim, int descriptor, int level, int name, const void *value, unsigned length)
{
    return (int)answered(sim_setsockopt(sim, descriptor, level, name, value, length), ADAPTER_SET, ADAPTER_SET_FAILED);
}
static ptrdiff_t our_sendmsg(void *sim, int descriptor, const struct msghdr *message, int flags)
{
    const ptrdiff_t put = sim_sendmsg(sim, descriptor, message, flags);
    const enum adapter_answer good = put >= 0 && (size_t)put < message->msg_iov[0].iov_len ? ADAPTER_SENT_PART : ADAPTER_SENT;
    return answered(put, good, errno == EAGAIN ? ADAPTER_SEND_BLOCKED : errno == EINTR ? ADAPTER_SEND_INTERRUPTED : ADAPTER_SEND_FAILED);
}
static ptrdiff_t our_recvmsg(void *sim, int descriptor, struct msghdr *message, int flags)
{
    const ptrdiff_t got = sim_recvmsg(sim, descriptor, message, flags);
    return answered(got, got > 0 ? ADAPTER_RECEIVED : ADAPTER_RECEIVE_END,
                    errno == EAGAIN ? ADAPTER_RECEIVE_BLOCKED : errno == EINTR ? ADAPTER_RECEIVE_INTERRUPTED : ADAPTER_RECEIVE_FAILED);
}
static int our_poll(void *sim, struct pollfd *watched, int timeout_ms)
{
    const int count = sim_poll(sim, watched, timeout_ms);
    return (int)answered(count, count > 0 ? ADAPTER_READY : ADAPTER_LATE, ADAPTER_WAIT_FAILED);
}
static int our_unread(void *sim, int descriptor, int *count)
{
    return (int)answered(sim_unread(sim, descriptor, count), ADAPTER_TOLD, ADAPTER_TELL_FAILED);
}
static int our_pending(void *sim, int descriptor, int *error)
{
    return (int)answered(sim_pending(sim, descriptor, error), ADAPTER_TOLD, ADAPTER_TELL_FAILED);
}
static int our_shutdown(void *sim, int descriptor, int how)
{
    return (int)answered(sim_shutdown(sim, descriptor, how), ADAPTER_SHUT, ADAPTER_SHUT_FAILED);
}
static int our_close(void *sim, int descriptor) { return (int)answered(sim_close(sim, descriptor), ADAPTER_CLOSED, ADAPTER_CLOSE_FAILED); }

static uint64_t sort_of(const struct sim *sim, const struct place *ours)
{
    const struct tlsm_ktls *kernel = ours->kernel;
    uint64_t sort = (uint64_t)(sim->fail_at > sim->calls ? sim->fail_at - sim->calls : 0) << 16 | (uint64_t)(sim->fail_at > sim->calls ? sim->fail_errno : 0) << 8;
    sort |= (uint64_t)sim->blocked << 7 | (uint64_t)(sim->cut > 0) << 6 | (uint64_t)sim->holds_back << 5 | (uint64_t)(sim->error != 0) << 4;
    sort |= (uint64_t)(sim->in_have > 0) << 3 | (uint64_t)(sim->out_have > 0) << 2 | (uint64_t)sim->update_pending << 1;
    if (ours->socket == NULL)
        sort = sort << 20 | (uint64_t)kernel->sides << 12 | (uint64_t)kernel->rekey << 8 | (uint64_t)kernel->fixed << 4 | (uint64_t)kernel->shut << 3 |
               (uint64_t)kernel->finished << 2 | (uint64_t)(kernel->control_length > 0) << 1 | 1u;
    return sort;
}

/* Calls of ours, what the kernel does, and what the peer does. The n-th call from now on fails. */
#define FAILING(n) \
    ADAPTER_BYTES("\x14" n "\x00"), ADAPTER_BYTES("\x14" n "\x01"), ADAPTER_BYTES("\x14" n "\x02"), ADAPTER_BYTES("\x14" n "\x03"), \
        ADAPTER_BYTES("\x14" n "\x05"), ADAPTER_BYTES("\x14" n "\x07")
const struct enumeration *adapter_enumeration(void)
{
    static const struct enumeration kernels_to_be = {
        .head = { ADAPTER_BYTES("\0\0\0\0\0\0\x00\0\0"), ADAPTER_BYTES("\0\0\0\0\0\0\x01\0\0"), ADAPTER_BYTES("\16\0\0\0\0\0\x10\0\0"),
                  ADAPTER_BYTES("\20\0\0\0\0\0\x02\0\0"), ADAPTER_BYTES("\0\0\0\0\0\0\x04\0\0"), ADAPTER_BYTES("\0\0\0\0\0\0\x08\0\0"),
                  ADAPTER_BYTES("\0\0\0\0\0\0\0\1\0"), ADAPTER_BYTES("\0\0\0\0\0\0\0\2\0"), ADAPTER_BYTES("\0\0\0\0\0\0\0\3\0"),
                  ADAPTER_BYTES("\0\0\0\0\0\0\0\1\1"), ADAPTER_BYTES("\0\0\0\0\0\0\0\2\1"), ADAPTER_BYTES("\0\0\0\0\0\0\0\3\1") },
        .start = { ADAPTER_BYTES("\x82\x0a"), ADAPTER_BYTES("\x82\0\x01\x01"), ADAPTER_BYTES("\x82\x0a\x83"), ADAPTER_BYTES("\x02\x0a\x81\x01\x83") },
        .deep = 2,
        .depth = 2,
        .move = { TALK_CALL_MOVES, TALK_LINK_MOVES, FAILING("\0"), FAILING("\1"), FAILING("\2"), ADAPTER_BYTES("\x15"), ADAPTER_BYTES("\x16\5"),
                  ADAPTER_BYTES("\x17"), ADAPTER_BYTES("\x18\5\x17\3\3\0\0"), ADAPTER_BYTES("\x19"), ADAPTER_BYTES("\x81\0"), ADAPTER_BYTES("\x82\x0a"),
                  ADAPTER_BYTES("\x82\0"), ADAPTER_BYTES("\x83"), ADAPTER_BYTES("\x84"), ADAPTER_BYTES("\x88"), ADAPTER_BYTES("\x89"), ADAPTER_BYTES("\x8a\x2a"),
                  ADAPTER_BYTES("\x8b") }
    };
    return &kernels_to_be;
}

/* ------------------------------------------------------------------------------------------------ a run */

static const struct talk_kind kernels = { link_of, NULL, read_some, write_some, flush, close_it, deadline, ready, NULL };

/* What only a kernel does. */
static void disturb(struct sim *sim, struct talk *talk, int which, struct feed *feed)
{
    static const int errors[] = { 0, EINTR, EAGAIN, ENOMEM, EPIPE, ECONNRESET, ETIMEDOUT, EBADMSG, EINVAL, EIO };
    struct place *peer = talk->self[PEER];
    const struct feed junk = which == 5 ? feed_split(feed, feed_take(feed)) : (struct feed){ NULL, 0 };
    switch (which) {
    case 1:
        sim->fail_at = sim->calls + 1 + feed_take(feed) % 8;
        sim->fail_errno = errors[feed_take(feed) % (sizeof errors / sizeof *errors)];
        break;
    case 2: sim->blocked ^= 1; break;
    case 3: sim->cut = feed_take(feed); break;
    case 4: sim->holds_back = 1; break;
    case 5:
        if (peer->socket->descriptor >= 0 && junk.left > 0)
            (void)send(peer->socket->descriptor, junk.bytes, junk.left, MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
    case 6:
        if (peer->socket->descriptor >= 0)
            (void)shutdown(peer->socket->descriptor, SHUT_WR);
        break;
    default: break;
    }
    talk_look(talk);
}

static int connect_both(struct place place[TALK_ENDS])
{
    for (int turn = 0; turn < HANDSHAKE_TURNS; turn++) {
        const int ours = tlsm_socket_handshake(place[OURS].socket), peers = tlsm_socket_handshake(place[PEER].socket);
        if (ours == TLSM_IO_DONE && peers == TLSM_IO_DONE)
            return 1;
    }
    return 0;
}

static void hand_over(struct place *place, struct sim *sim, uint8_t kernel_has)
{
    const struct tlsm_ktls_calls calls = { our_setsockopt, our_sendmsg, our_recvmsg, our_poll, our_unread, our_pending, our_shutdown, our_close, sim };
    const struct tlsm_ktls_options options = { &calls, 0 };
    sim->no_ulp = kernel_has & 2 ? ENOENT : 0;
    sim->no_tx = kernel_has & 4 ? EINVAL : 0;
    sim->no_rx = kernel_has & 8 ? EINVAL : 0;
    sim->keys_stay = kernel_has >> 4 & 1;
    adapter_begins();
    if (adapter_returned(ADAPTER_CALLS_HAND_OVER, tlsm_ktls_new(place->socket, &options, &place->kernel)) == TLSM_IO_DONE)
        place->socket = NULL;
}

static void run(struct talk *talk, struct place place[TALK_ENDS], struct sim *sim, uint8_t kernel_has, struct feed *feed)
{
    if (!connect_both(place))
        return;
    sim->fail_at = feed_take(feed);
    sim->fail_errno = feed_take(feed) & 1 ? ENOMEM : EINTR;
    hand_over(&place[OURS], sim, kernel_has);
    for (int steps = 0; steps < TALK_STEPS && feed->left > 0; steps++) {
        const int which = talk_step(talk, feed_take(feed), feed);
        if (which > 0)
            disturb(sim, talk, which, feed);
    }
    talk_place(talk, sort_of(sim, &place[OURS]));
    sim->fail_at = 0;
    sim->blocked = sim->holds_back = 0;
    sim->cut = 0;
    talk_until_quiet(talk);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    instance = tlsm_libcrypto_new(NULL);
    talk_must(instance != NULL, "no libcrypto");
    adapter_at_exit();
    return 0;
}

/* talk.h's client is end 0: ours, unless the kernel's is to be the server. */
static void swap_roles(struct talk *talk)
{
    const struct tlsm_settings client = talk->settings[0];
    talk->settings[0] = talk->settings[1];
    talk->settings[1] = client;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct talk talk;
    static struct sim sim;
    struct place place[TALK_ENDS] = { { NULL, NULL }, { NULL, NULL } };
    struct tlsm_socket_options options = { .non_blocking = 1, .linger_ms = 1 };
    struct feed feed = { data, size };
    int descriptor[TALK_ENDS];
    uint8_t kernel_has;
    now_ns = SECOND_NS;
    talk_init(&talk, &kernels, &feed);
    kernel_has = feed_take(&feed);
    if (kernel_has & 1)
        swap_roles(&talk);
    memset(&sim, 0, sizeof sim);
    talk_must(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptor) == 0, "no sockets");
    sim.descriptor = descriptor[OURS];
    options.link = talk.options;
    for (int who = 0; who < TALK_ENDS; who++) {
        talk.settings[who].version_min = talk.settings[who].version_max = TLSM_1_3;
        talk.config[who].crypto = &tlsm_libcrypto_table;
        talk.config[who].self = instance;
        place[who].socket = tlsm_socket_new(&talk.config[who], descriptor[who], &options);
        talk_must(place[who].socket != NULL, "a connection is not made");
        talk.self[who] = &place[who];
        talk_start(&talk, who);
    }
    run(&talk, place, &sim, kernel_has, &feed);
    tlsm_ktls_free(place[OURS].kernel);
    tlsm_socket_free(place[OURS].socket);
    tlsm_socket_free(place[PEER].socket);
    tlsm_libcrypto_drop(instance);
    now_ns = 0;
    return 0;
}
