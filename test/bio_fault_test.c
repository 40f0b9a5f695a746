/* SPDX-License-Identifier: MIT */
/* BIOs that fail, have to be asked again or move less than they were asked to at their nth read, write or flush, and the calls
 * of the system that the adapter makes itself: for a BIO alone, below a buffering one, and for a plain socket's. */
#define _DEFAULT_SOURCE

#include "fault_peer.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include "tlsm_bio.h"

enum { PATIENCE = 40 };

ssize_t __real_recv(int fd, void *to, size_t room, int flags);
ssize_t __real_send(int fd, const void *from, size_t length, int flags);

/* ------------------------------------------------------------------------------------------------ a BIO that fails */

static const int moving[] = { EINTR, EAGAIN, ECONNRESET, EPIPE, EIO, 0 };
enum { MILD = 2 };

static BIO_METHOD *method;

/* What a source does whose call gave `error`. It speaks in the queue too. */
static int bio_failed(int error)
{
    if (error != EINTR && error != EAGAIN)
        ERR_raise_data(ERR_LIB_SYS, error, "the call failed");
    errno = error;
    return -1;
}

static unsigned reads;

static int faulty_read(BIO *bio, char *to, int room)
{
    const int fd = (int)(intptr_t)BIO_get_data(bio);
    size_t most = (size_t)room;
    int error = 0;
    ssize_t got;
    reads++;
    BIO_clear_retry_flags(bio);
    if (fault_next("BIO_read", moving, MILD, 1, &error)) {
        if (error == EINTR || error == EAGAIN)
            BIO_set_retry_read(bio);
        if (error != 0)
            return bio_failed(error);
        most = fault_part(most);
    }
    got = __real_recv(fd, to, most, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        BIO_set_retry_read(bio);
    return (int)got;
}

static int faulty_write(BIO *bio, const char *from, int length)
{
    const int fd = (int)(intptr_t)BIO_get_data(bio);
    size_t most = (size_t)length;
    int error = 0;
    ssize_t put;
    BIO_clear_retry_flags(bio);
    if (fault_next("BIO_write", moving, MILD, 1, &error)) {
        if (error == EINTR || error == EAGAIN)
            BIO_set_retry_write(bio);
        if (error != 0)
            return bio_failed(error);
        most = fault_part(most);
    }
    put = __real_send(fd, from, most, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    return (int)put;
}

/* BIO_f_buffer of libcrypto 3.0 does not pass on that a flush below it has to be asked for again. */
static int buffered;

static long faulty_control(BIO *bio, int command, long number, void *pointer)
{
    static const int flushing[] = { EAGAIN, EIO, 0 };
    int error = 0;
    (void)number;
    if (command == BIO_C_GET_FD && pointer != NULL)
        return *(int *)pointer = (int)(intptr_t)BIO_get_data(bio);
    if (command != BIO_CTRL_FLUSH)
        return 0;
    BIO_clear_retry_flags(bio);
    if (!fault_next("BIO_flush", flushing, buffered ? 0 : 1, 0, &error))
        return 1;
    if (error == EAGAIN)
        BIO_set_retry_write(bio);
    (void)bio_failed(error);
    return 0;
}

static int faulty_new(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static int make_method(void **state)
{
    (void)state;
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "faulty");
    return method != NULL && BIO_meth_set_read(method, faulty_read) && BIO_meth_set_write(method, faulty_write) &&
           BIO_meth_set_ctrl(method, faulty_control) && BIO_meth_set_create(method, faulty_new) ? 0 : -1;
}

static int free_method(void **state)
{
    (void)state;
    BIO_meth_free(method);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ a life */

/* By letters, as fault_peer.h has them; o: SSL_shutdown in one call, t: in two steps. */
struct life {
    const char *acts, *peer_acts;
    enum { ALONE, BELOW_A_BUFFER, A_SOCKET } kind;
    int role;
    uint8_t how;
    struct two two;
    struct peer peer;
    struct tlsm_bio *bio;
    struct tlsm_verdict verdict;
    size_t said, tried, heard;
    int wrong, ended, in_vain;
};

static struct tlsm_verdict undisturbed;

static BIO *make_bio(const struct life *life, int fd)
{
    BIO *bio = life->kind == A_SOCKET ? BIO_new_socket(fd, BIO_NOCLOSE) : BIO_new(method);
    assert_non_null(bio);
    if (life->kind != A_SOCKET)
        BIO_set_data(bio, (void *)(intptr_t)fd);
    if (life->kind == BELOW_A_BUFFER)
        bio = BIO_push(BIO_new(BIO_f_buffer()), bio);
    return bio;
}

/* 1: the call is to be repeated. Each time the world moves; what has been in vain too often is given up. */
static int repeats(struct life *life, ptrdiff_t result)
{
    int moved = 0;
    assert_int_equal(ERR_peek_error(), 0);
    if (result != TLSM_IO_WANT_READ && result != TLSM_IO_WANT_WRITE && result != TLSM_IO_NO_MEMORY)
        return 0;
    fault_disarm();
    while (peer_turn(&life->peer))
        moved = 1;
    fault_arm();
    life->in_vain = moved ? 0 : life->in_vain + 1;
    if (life->in_vain > 2 && fault.effect <= FAULT_MILD && fault.error != EINTR && fault.error != EAGAIN)
        fail_msg("it waits for what will not come");
    return life->in_vain < PATIENCE;
}

static int handshake(struct life *life)
{
    return life->role == CLIENT ? tlsm_bio_connect(life->bio, NULL) : tlsm_bio_accept(life->bio);
}

static int flush(struct life *life) { return tlsm_bio_flush(life->bio); }
static int update(struct life *life) { return tlsm_link_key_update(&life->bio->link, 1); }
static int end(struct life *life) { return tlsm_link_end(&life->bio->link, 0); }

static void repeat(struct life *life, int (*call)(struct life *life))
{
    int done;
    do
        done = call(life);
    while (done != TLSM_IO_DONE && repeats(life, done));
    life->ended |= done != TLSM_IO_DONE;
}

static void say(struct life *life)
{
    uint8_t bytes[PEER_BYTES];
    size_t done = 0;
    peer_fill(bytes, sizeof bytes, life->said);
    while (done < sizeof bytes && !life->ended) {
        const ptrdiff_t put = tlsm_bio_write(life->bio, bytes + done, sizeof bytes - done);
        if (put > 0)
            done += (size_t)put;
        else
            life->ended = !repeats(life, put);
    }
    life->said += done;
    life->tried += sizeof bytes;
    repeat(life, flush);
}

static void hear(struct life *life, size_t most)
{
    uint8_t bytes[3000];
    size_t done = 0;
    while (done < most && !life->ended) {
        const ptrdiff_t got = tlsm_bio_read(life->bio, bytes, sizeof bytes);
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

static void close_down(struct life *life)
{
    int done;
    do {
        done = tlsm_bio_close(life->bio, 0);
        if (done == TLSM_IO_UNREAD) {
            life->ended = 0;
            hear(life, tlsm_bio_pending(life->bio));
        }
    } while (done == TLSM_IO_UNREAD || repeats(life, done));
}

/* What SSL_shutdown() says and what became of the connection agree. */
static void shut_down(struct life *life, enum tlsm_shutdown_contract contract)
{
    int result, again;
    tlsm_bio_contract(life->bio, contract, 0);
    do {
        enum tlsm_bio_error error;
        result = tlsm_bio_shutdown(life->bio);
        error = tlsm_bio_get_error(life->bio);
        again = error == TLSM_BIO_ERROR_WANT_READ || error == TLSM_BIO_ERROR_WANT_WRITE ||
                life->bio->shutdown_error == TLSM_SHUTDOWN_FAILURE;
        if (tlsm_bio_pending(life->bio) > 0) {
            life->ended = 0;
            hear(life, tlsm_bio_pending(life->bio));
            again = 1;
        }
    } while (result != 1 && again && repeats(life, TLSM_IO_WANT_READ));
    if (result == 1)
        assert_string_equal(link_how(&life->bio->link), "clean_both");
}

static void act(struct life *life, char what)
{
    switch (what) {
    case 'h': repeat(life, handshake); break;
    case 'w': say(life); break;
    case 'r': hear(life, PEER_BYTES); break;
    case 'R': hear(life, SIZE_MAX); break;
    case 'u': repeat(life, update); break;
    case 'e': repeat(life, end); repeat(life, flush); break;
    case 'c': close_down(life); break;
    case 'o': shut_down(life, TLSM_SHUTDOWN_ONE_CALL); break;
    case 't': shut_down(life, TLSM_SHUTDOWN_TWO_STEP); break;
    }
}

/* ------------------------------------------------------------------------------------------------ what must hold */

static void judge(const struct life *life, int error)
{
    const uint8_t cause = life->verdict.cause;
    const int memory = fault.effect == FAULT_ONCE && fault.error == ENOMEM && strstr(fault.name, "alloc") != NULL;
    const int bio = fault.hit && strncmp(fault.name, "BIO_", 4) == 0 && fault.effect >= FAULT_ONCE;
    assert_int_equal(life->wrong, 0);
    peer_judges(&life->peer, &life->verdict, life->said, life->tried, life->heard);
    if (bio && (cause == TLSM_CAUSE_RECEIVE_FAILED || cause == TLSM_CAUSE_SEND_FAILED))
        assert_true(error == fault.error || error == EPIPE || error == ECONNRESET);
    if (fault.effect == FAULT_NONE) {
        undisturbed = life->verdict;
        assert_string_equal(tlsm_how_name(life->verdict.how), tlsm_how_name(life->how));
    }
    if (fault.effect <= FAULT_MILD || memory)
        assert_memory_equal(&life->verdict, &undisturbed, sizeof undisturbed);
}

static void live(void *context)
{
    struct life life = *(const struct life *)context;
    struct tlsm_link_options options;
    int descriptor[2], small = 4608, error = 0;
    BIO *bio;
    two_init(&life.two);
    options = two_options(&life.two);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, descriptor), 0);
    for (int side = 0; side < 2; side++)
        assert_int_equal(setsockopt(descriptor[side], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    peer_begin(&life.peer, &life.two, 1 - life.role, descriptor[1], life.peer_acts);
    bio = make_bio(&life, descriptor[0]);
    buffered = life.kind == BELOW_A_BUFFER;
    fault_arm();
    for (int i = 0; i < 2 && life.bio == NULL; i++)
        life.bio = tlsm_bio_new_with(&life.two.config[life.role], bio, bio, &options);
    if (life.bio == NULL) {
        assert_int_equal(fault.effect, FAULT_EVER);
        BIO_free_all(bio);
    } else {
        for (const char *what = life.acts; *what != 0; what++)
            if (!life.ended || what[1] == 0)
                act(&life, *what);
        tlsm_verdict(life.bio->link.state, &life.verdict);
        error = tlsm_bio_errno(life.bio);
        tlsm_bio_free(life.bio);
    }
    fault_disarm();
    assert_int_equal(ERR_peek_error(), 0);
    (void)close(descriptor[0]);
    while (peer_turn(&life.peer))
        continue;
    judge(&life, error);
    peer_end(&life.peer);
}

static void sweep(const char *title, struct life life) { assert_true(fault_sweep(title, live, &life) > 50); }

static void a_bio_alone(void **state)
{
    (void)state;
    sweep("a client, closing", (struct life){ .acts = "hwuwrec", .peer_acts = "hrurwRc", .role = CLIENT,
                                              .how = TLSM_CLEAN_BOTH_VERDICT });
    sweep("a server, closing last", (struct life){ .acts = "hrRwc", .peer_acts = "hweRc", .role = SERVER,
                                                   .how = TLSM_CLEAN_BOTH_VERDICT });
    sweep("a peer that goes", (struct life){ .acts = "hrRc", .peer_acts = "hwx", .role = CLIENT,
                                             .how = TLSM_TRUNCATED_VERDICT });
}

static void the_call(void **state)
{
    (void)state;
    sweep("shutdown in one call", (struct life){ .acts = "hrwo", .peer_acts = "hwrwc", .role = CLIENT,
                                                 .how = TLSM_CLEAN_BOTH_VERDICT });
    sweep("shutdown in two steps", (struct life){ .acts = "hrwt", .peer_acts = "hwrwc", .role = CLIENT,
                                                  .how = TLSM_CLEAN_BOTH_VERDICT });
}

static void a_bio_below_a_buffer(void **state)
{
    (void)state;
    sweep("a buffered client", (struct life){ .acts = "hwuwrec", .peer_acts = "hrurwRc", .role = CLIENT,
                                              .kind = BELOW_A_BUFFER, .how = TLSM_CLEAN_BOTH_VERDICT });
    sweep("a buffered shutdown", (struct life){ .acts = "hrwt", .peer_acts = "hwrwc", .role = CLIENT,
                                                .kind = BELOW_A_BUFFER, .how = TLSM_CLEAN_BOTH_VERDICT });
}

static void a_socket(void **state)
{
    (void)state;
    sweep("a socket's client", (struct life){ .acts = "hwuwrec", .peer_acts = "hrurwRc", .role = CLIENT,
                                              .kind = A_SOCKET, .how = TLSM_CLEAN_BOTH_VERDICT });
    sweep("a socket's server", (struct life){ .acts = "hrRwo", .peer_acts = "hweRc", .role = SERVER, .kind = A_SOCKET,
                                              .how = TLSM_CLEAN_BOTH_VERDICT });
}

/* ------------------------------------------------------------------------------------------------ what sweeps found */

/* G3: once sending failed, a BIO that blocks is read only where something has come. Whether it has must not be guessed. */
static void read_after_a_failed_send(void *context)
{
    struct life life = { .role = CLIENT };
    struct tlsm_link_options options;
    int descriptor[2];
    uint8_t byte;
    BIO *bio;
    (void)context;
    two_init(&life.two);
    options = two_options(&life.two);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, descriptor), 0);
    peer_begin(&life.peer, &life.two, SERVER, descriptor[1], "hs");
    bio = make_bio(&life, descriptor[0]);
    life.bio = tlsm_bio_new_with(&life.two.config[CLIENT], bio, bio, &options);
    assert_non_null(life.bio);
    while (tlsm_bio_connect(life.bio, NULL) != TLSM_IO_DONE)
        (void)peer_turn(&life.peer);
    life.bio->send_failed = 1;
    reads = 0;
    fault_arm();
    assert_int_equal(tlsm_bio_read(life.bio, &byte, 1), TLSM_IO_WANT_READ);
    fault_disarm();
    assert_int_equal(reads, 0);
    tlsm_bio_free(life.bio);
    (void)close(descriptor[0]);
    peer_end(&life.peer);
}

static void no_wait_for_a_silent_peer_after_a_failed_send(void **state)
{
    (void)state;
    fault_only("nothing", 0, read_after_a_failed_send, NULL);
    fault_only("poll", EINTR, read_after_a_failed_send, NULL);
    fault_only("poll", ENOMEM, read_after_a_failed_send, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bio_alone),
        cmocka_unit_test(the_call),
        cmocka_unit_test(a_bio_below_a_buffer),
        cmocka_unit_test(a_socket),
        cmocka_unit_test(no_wait_for_a_silent_peer_after_a_failed_send),
    };
    return cmocka_run_group_tests(tests, make_method, free_method);
}
