/* SPDX-License-Identifier: MIT */
/* tlsm_socket over a kernel that fails as the input says (faulty_kernel.h): six bytes for the two (talk.h), one for how the two wait, the
 * faults (faulty_pipe.h), then commands. */
#include "faulty_kernel.h"
#include "talk.h"
#include "tlsm_socket.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tlsm_link *link_of(void *self) { return &((struct tlsm_socket *)self)->link; }
static int handshake(void *self) { return tlsm_socket_handshake(self); }
static ptrdiff_t read_some(void *self, void *to, size_t capacity) { return tlsm_socket_read(self, to, capacity); }
static ptrdiff_t write_some(void *self, const void *from, size_t length) { return tlsm_socket_write(self, from, length); }
static int flush(void *self) { return tlsm_socket_flush(self); }
static int deadline(void *self, int milliseconds) { return tlsm_socket_deadline(self, milliseconds - 1); }

static int close_it(void *self, int one_way)
{
    struct tlsm_socket *socket = self;
    struct tlsm_verdict verdict;
    int done;
    if (one_way)
        return tlsm_socket_end(socket);
    done = tlsm_socket_close(socket, &verdict);
    talk_must(done != TLSM_IO_DONE || tlsm_is_final(socket->link.state), "a close is done, and the connection is not final");
    return done;
}

static int ready(void *self)
{
    struct tlsm_socket *socket = self;
    talk_must(tlsm_socket_timeout(socket) >= -1, "a timeout that is none");
    talk_must(tlsm_socket_events(socket) >= 0, "events that are none");
    return tlsm_socket_ready(socket, 1, 1);
}

static const struct talk_kind sockets = { link_of, handshake, read_some, write_some, flush, close_it, deadline, ready, NULL };

const struct enumeration *adapter_enumeration(void)
{
    static const struct enumeration sockets_of_a_kernel = {
        .head = { ADAPTER_BYTES("\0\0\0\0\0\0\0"), ADAPTER_BYTES("\1\0\0\0\0\0\0"), ADAPTER_BYTES("\0\0\0\0\0\0\3"),
                  ADAPTER_BYTES("\16\0\0\0\0\0\1"), ADAPTER_BYTES("\20\100\0\0\0\0\2"), ADAPTER_BYTES("\0\20\0\2\0\0\0"),
                  ADAPTER_BYTES("\0\20\0\0\52\0\0") },
        .start = { TALK_STARTS, TALK_FULL },
        .faults = 1,
        .both = 1,
        .deep = 3,
        .depth = 2,
        .move = { TALK_CALL_MOVES, TALK_LINK_MOVES, FAULTY_MOVES }
    };
    return &sockets_of_a_kernel;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    adapter_at_exit();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct talk talk;
    static struct faulty faulty;
    struct tlsm_socket_options options = { .linger_ms = 50 };
    struct feed feed = { data, size };
    uint8_t how;
    talk_init(&talk, &sockets, &feed);
    how = feed_take(&feed);
    faulty_init(&faulty, &feed);
    kernel_open(&faulty);
    options.link = talk.options;
    for (int who = 0; who < TALK_ENDS; who++) {
        options.non_blocking = !(how >> who & 1);
        talk.self[who] = tlsm_socket_new(&talk.config[who], KERNEL_DESCRIPTOR + who, &options);
        talk_must(talk.self[who] != NULL, "a connection is not made");
        talk_start(&talk, who);
    }
    for (int steps = 0; steps < TALK_STEPS && feed.left > 0; steps++) {
        const uint8_t choice = feed_take(&feed);
        const int which = talk_step(&talk, choice, &feed);
        faulty_command(&faulty, choice >> 7, which, &feed);
        talk_look(&talk);
    }
    talk_place(&talk, faulty_sort(&faulty));
    faulty.faults.left = 0;
    talk_until_quiet(&talk);
    for (int who = 0; who < TALK_ENDS; who++)
        tlsm_socket_free(talk.self[who]);
    talk_must(kernel_closed(), "a descriptor is left open, or closed twice");
    return 0;
}
