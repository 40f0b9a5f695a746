/* SPDX-License-Identifier: MIT */
/* tlsm server and tlsm client, whole and in this process, with every call that they make refused, interrupted or cut short in
 * turn: they end, say 0 only when all of it came, and leave nothing open. The other side is our machine over libcrypto; the
 * address both meet at is a local socket's, so that nothing depends on the kernel's timing. */
#define _GNU_SOURCE

#include "ssl_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/pem.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#define pair fault_pair
#include "fault_peer.h"
#undef pair
#include "options.h"
#include "tlsm_judge.h"
#include "tlsm_socket.h"
#include "tool.h"

enum { ANSWER = 30000, SAID = 20000, ROOM = 65536, SIGNALS_MAX = 3, MAGIC = 13 };

static struct {
    char folder[64];
    struct sockaddr_un address;
    struct addrinfo info;
    struct tlsm_libcrypto *instance;
    struct tlsm_judge *judge;
    struct tlsm_libcrypto_credential *credential;
} the;

static const struct tlsm_ticket_key ticket_key = { { 'k' }, { 1, 2, 3 } };

static const char *path_of(const char *name)
{
    static char path[4][PATH_ROOM];
    static unsigned turn;
    char *to = path[turn++ % 4];
    (void)snprintf(to, PATH_ROOM, "%s/%s", the.folder, name);
    return to;
}

static int set_up(void **state)
{
    FILE *file;
    uint8_t said[SAID];
    char why[TLSM_WHY_ROOM];
    sigset_t term;
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, NULL);   /* a test that fails leaves one behind */
    (void)pki_make(state);
    (void)snprintf(the.folder, sizeof the.folder, "/tmp/tlsm-fault-XXXXXX");
    assert_non_null(mkdtemp(the.folder));
    file = fopen(path_of("both.pem"), "w");
    assert_true(file != NULL && PEM_write_X509(file, pki.leaf) == 1 && PEM_write_X509(file, pki.middle) == 1 &&
                PEM_write_PrivateKey(file, pki.ec, NULL, NULL, 0, NULL, NULL) == 1);
    assert_int_equal(fclose(file), 0);
    peer_fill(said, sizeof said, 0);
    file = fopen(path_of("said"), "w");
    assert_true(file != NULL && fwrite(said, 1, sizeof said, file) == sizeof said);
    assert_int_equal(fclose(file), 0);
    the.instance = tlsm_libcrypto_new(NULL);
    the.judge = tlsm_judge_insecurely_trust_anyone();
    the.credential = tlsm_libcrypto_credential_load(path_of("both.pem"), path_of("both.pem"), why, sizeof why);
    assert_non_null(the.credential);
    the.address.sun_family = AF_UNIX;
    (void)snprintf(the.address.sun_path, sizeof the.address.sun_path, "%s/socket", the.folder);
    the.info.ai_family = AF_UNIX;
    the.info.ai_socktype = SOCK_STREAM;
    the.info.ai_addr = (struct sockaddr *)&the.address;
    the.info.ai_addrlen = sizeof the.address;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = { "both.pem", "said", "socket", "heard" };
    fault_disarm();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlink(path_of(names[i]));
    tlsm_libcrypto_credential_free(the.credential);
    tlsm_judge_free(the.judge);
    tlsm_libcrypto_free(the.instance);
    (void)pki_free(state);
    return rmdir(the.folder);
}

/* ------------------------------------------------------------------------------------------------ the other side */

struct other {
    struct peer peer;
    struct tlsm_settings settings;
    struct tlsm_libcrypto_answerer answerer;
    struct tlsm_config config;
    int listening;             /* -1: it connects */
    enum { MEETING, SHAKING, ASKING, HEARING, ANSWERING, CLOSING, OVER } at;
    uint8_t heard[ROOM];
    size_t have;
    int echo;                  /* a client's: says PEER_BYTES and its end instead of asking */
    int ended;                 /* the end of the data came */
    int signals;               /* sent to who does not stop by itself */
};

static void other_begin(struct other *other, enum tlsm_role role)
{
    struct tlsm_link_options options;
    struct tlsm_entropy entropy;
    struct tlsm_start start = { &entropy, role == TLSM_CLIENT ? host : NULL, NULL, tlsm_socket_time() };
    memset(other, 0, sizeof *other);
    memset(&options, 0, sizeof options);
    other->peer.fd = other->listening = -1;
    other->peer.transport.receive = peer_receive;
    other->peer.transport.send = peer_send;
    other->peer.transport.self = &other->peer;
    other->settings.role = (uint8_t)role;
    other->settings.credentials = &the.credential->credential;
    other->settings.credential_count = role == TLSM_SERVER;
    other->settings.ticket_keys = &ticket_key;
    other->settings.ticket_key_count = other->settings.tickets = role == TLSM_SERVER;
    other->answerer.instance = the.instance;
    other->answerer.judge = the.judge;
    other->answerer.credentials = &the.credential;
    other->answerer.credential_count = 1;
    other->config = (struct tlsm_config){ &other->settings, &tlsm_libcrypto_table, the.instance };
    options.hooks.answer = tlsm_libcrypto_answer;
    options.hooks.context = &other->answerer;
    assert_int_equal(tlsm_link_init(&other->peer.link, &other->config, &options), TLSM_IO_DONE);
    assert_int_equal(tlsm_libcrypto_entropy(&entropy), 0);
    assert_int_equal(tlsm_link_begin(&other->peer.link, &start), TLSM_IO_DONE);
}

static void other_end(struct other *other)
{
    peer_let_go(&other->peer);
    if (other->listening >= 0)
        (void)close(other->listening);
    tlsm_link_free(&other->peer.link);
    (void)unlink(the.address.sun_path);
}

static int meet(struct other *other)
{
    if (other->listening >= 0) {
        other->peer.fd = accept(other->listening, NULL, NULL);
        return other->peer.fd >= 0;
    }
    other->peer.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(other->peer.fd, (struct sockaddr *)&the.address, sizeof the.address) == 0)
        return 1;
    (void)close(other->peer.fd);
    other->peer.fd = -1;
    return 0;
}

static int hear(struct other *other)
{
    ptrdiff_t got;
    do {
        got = tlsm_link_read(&other->peer.link, &other->peer.transport, other->heard + other->have, ROOM - other->have);
        other->have += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    other->ended = got == TLSM_IO_END;
    return other->ended ? 1 : peer_wants((int)got);
}

static int ask_for_page(struct other *other)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    const ptrdiff_t put = tlsm_link_write(&other->peer.link, &other->peer.transport, request, sizeof request - 1);
    return put > 0 ? 1 : peer_wants((int)put);
}

static int ask(struct other *other)
{
    if (other->echo && peer_write(&other->peer) != 1)
        return peer_wants(TLSM_IO_WANT_WRITE);
    if (other->echo)
        return tlsm_link_end(&other->peer.link, 0) == TLSM_IO_DONE ? 1 : -1;
    return ask_for_page(other);
}

/* 1: it got further; 0: it waits; -1: it is over. */
static int other_act(struct other *other)
{
    const int server = other->settings.role == TLSM_SERVER;
    int done;
    switch (other->at) {
    case MEETING:
        return meet(other);
    case SHAKING:
        done = tlsm_link_handshake(&other->peer.link, &other->peer.transport);
        return done == TLSM_IO_DONE ? 1 : peer_wants(done);
    case ASKING:
        return server ? 1 : ask(other);
    case HEARING:
        return hear(other);
    case ANSWERING:
        return server ? peer_write(&other->peer) : 1;
    case CLOSING:
        return peer_close(&other->peer);
    case OVER:
        break;
    }
    return 0;
}

/* fault.idle. A server that has nobody left to serve is told to stop. */
static int other_turn(void *context)
{
    struct other *const other = context;
    const uint64_t received = other->peer.link.received, taken = other->peer.link.state->ledger.taken;
    const size_t said = other->peer.said;
    const int at = (int)other->at;
    int done = other->at == OVER ? 0 : other_act(other);
    while (done > 0) {
        other->at++;
        done = other->at == OVER ? 0 : other_act(other);
    }
    if (done < 0) {
        peer_let_go(&other->peer);
        other->at = OVER;
    }
    if ((int)other->at != at || other->peer.link.received != received || other->peer.said != said ||
        other->peer.link.state->ledger.taken != taken)
        return 1;
    if (other->settings.role == TLSM_CLIENT && fault.now_ms > 1000000 + 25000 && other->signals++ < SIGNALS_MAX)
        return kill(getpid(), SIGTERM) == 0;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ running a subcommand */

static struct {
    int away, saved[3];
    sigset_t mask;
} standard;

static void put_at(int fd, int at)
{
    assert_true(fd >= 0 && dup2(fd, at) == at);
    (void)close(fd);
}

static void standard_begin(const char *in, const char *out)
{
    (void)fflush(NULL);
    for (int fd = 0; fd < 3; fd++)
        standard.saved[fd] = fcntl(fd, F_DUPFD, 10);
    put_at(open(in, O_RDONLY), 0);
    put_at(open(out, O_RDWR | O_CREAT | O_TRUNC, 0600), 1);
    put_at(open("/dev/null", O_WRONLY), 2);
    (void)sigprocmask(SIG_SETMASK, NULL, &standard.mask);
    standard.away = 1;
}

static void standard_end(void)
{
    const struct timespec now = { 0, 0 };
    sigset_t term;
    (void)fflush(NULL);
    if (!standard.away)
        return;
    standard.away = 0;
    for (int fd = 0; fd < 3; fd++)
        put_at(standard.saved[fd], fd);
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    while (sigtimedwait(&term, NULL, &now) > 0)
        continue;
    (void)sigprocmask(SIG_SETMASK, &standard.mask, NULL);
}

/* Where a test that failed in the middle left them. */
static int bring_back(void **state)
{
    (void)state;
    fault_disarm();
    standard_end();
    return 0;
}

/* ------------------------------------------------------------------------------------------------ a server */

static uint8_t answer[ROOM];
static size_t answer_length;

static void serve_one(void *context)
{
    const struct options *const options = context;
    struct other *const other = calloc(1, sizeof *other);
    struct tlsm_verdict verdict;
    int status;
    assert_non_null(other);
    (void)unlink(the.address.sun_path);
    other_begin(other, TLSM_CLIENT);
    other->echo = options->echo;
    fault.idle = other_turn;
    fault.idle_context = other;
    fault.addresses = &the.info;
    fault.tick_ms = 20;
    standard_begin("/dev/null", "/dev/null");
    fault_arm();
    status = tool_server(options);
    fault_disarm();
    standard_end();
    verdict = link_verdict(&other->peer.link);
    if (fault.effect == FAULT_NONE) {
        assert_int_equal(status, 0);
        memcpy(answer, other->heard, other->have);
        answer_length = other->have;
    }
    assert_true(other->have <= answer_length);
    assert_memory_equal(other->heard, answer, other->have);
    if (other->ended || is_clean(verdict.how))
        assert_int_equal(other->have, answer_length);
    if (fault.effect <= FAULT_MILD) {
        assert_int_equal(status, 0);
        assert_int_equal(other->have, answer_length);
        assert_true(is_clean(verdict.how));
    }
    other_end(other);
    free(other);
}

static void sweep_server(const char *title, const char *what, const char *value, unsigned long stride)
{
    static char listen_at[] = "127.0.0.1:1", count[] = "1", deadline[] = "20000";
    struct options options;
    char *both = strdup(path_of("both.pem")), *words[] = {
        "--cert", both, "--key", both, "--listen", listen_at, "--count", count, "--deadline", deadline, "--tickets", "0",
        "--verdict", strdup(what), strdup(value), "--http" };
    const int echo = strcmp(what, "--echo") == 0, words_count = (int)(sizeof words / sizeof words[0]);
    assert_int_equal(options_parse(&options, FOR_SERVER, words_count - (echo ? 2 : 0), words), 0);
    serve_one(&options);
    assert_true(fault_sweep_some(title, serve_one, &options, stride) > 100);
    free(both);
    free(words[words_count - 3]);
    free(words[words_count - 2]);
}

static void a_server_of_pages(void **state)
{
    (void)state;
    sweep_server("tlsm server --http --size", "--size", "30000", 3);
    sweep_server("tlsm server --http --file", "--file", path_of("said"), 1);
}

static void a_server_that_echoes(void **state)
{
    (void)state;
    sweep_server("tlsm server --echo", "--echo", "", 3);
}

/* ------------------------------------------------------------------------------------------------ a client */

static int listen_there(void)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&the.address, sizeof the.address) == 0 && listen(fd, 4) == 0);
    return fd;
}

static size_t read_file(const char *path, uint8_t *to, size_t room)
{
    FILE *const file = fopen(path, "r");
    size_t got;
    assert_non_null(file);
    got = fread(to, 1, room, file);
    (void)fclose(file);
    return got;
}

/* A session that is kept is whole, and nothing lies beside it. */
static void look_at_session(const char *path, int status)
{
    static uint8_t bytes[ROOM];
    struct tlsm_session session;
    size_t length = 0;
    DIR *const folder = opendir(the.folder);
    int files = 0;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        files += strncmp(entry->d_name, "session.", 8) == 0;
    (void)closedir(folder);
    if (!(fault.hit && strcmp(fault.name, "unlink") == 0))
        assert_int_equal(files, 0);
    if (access(path, F_OK) == 0)
        length = read_file(path, bytes, sizeof bytes);
    if (status == 0)
        assert_true(length > MAGIC);
    if (length > 0)
        assert_true(length > MAGIC && tlsm_session_read((struct tlsm_bytes){ bytes + MAGIC, length - MAGIC }, &session));
}

static void remove_sessions(void)
{
    DIR *const folder = opendir(the.folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (strncmp(entry->d_name, "session", 7) == 0)
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    (void)closedir(folder);
}

static void call_one(void *context)
{
    static uint8_t put[ROOM];
    const struct options *const options = context;
    struct other *const other = calloc(1, sizeof *other);
    size_t length;
    int status;
    assert_non_null(other);
    (void)unlink(the.address.sun_path);
    other_begin(other, TLSM_SERVER);
    other->listening = listen_there();
    remove_sessions();
    fault.endless = "poll, write";   /* for stdout, as long as it takes */
    fault.idle = other_turn;
    fault.idle_context = other;
    fault.addresses = &the.info;
    fault.tick_ms = 20;
    standard_begin(path_of("said"), path_of("heard"));
    fault_arm();
    status = tool_client(options);
    fault_disarm();
    standard_end();
    while (other_turn(other))
        continue;
    if (options->resume != NULL)
        look_at_session(options->resume, status);
    length = read_file(path_of("heard"), put, sizeof put);
    assert_true(length <= PEER_BYTES && peer_matches(put, length, 0));
    assert_true(other->have <= SAID && peer_matches(other->heard, other->have, 0));
    if (status == 0)
        assert_int_equal(length, PEER_BYTES);
    if (other->ended && !(fault.hit && strcmp(fault.name, "read") == 0 && fault.error == EBADF))   /* stdin that is closed is an empty one */
        assert_int_equal(other->have, SAID);
    if (fault.effect <= FAULT_MILD && fault.error != EIO &&   /* of a file neither is mild */
        !(fault.error == EAGAIN && strcmp(fault.name, "write") == 0))
        assert_int_equal(status, 0);
    other_end(other);
    free(other);
}

static void a_client(void **state)
{
    static char place[] = "127.0.0.1:1", deadline[] = "20000";
    char *words[] = { place, "--insecure", "--deadline", deadline, "--verdict", "--resume", strdup(path_of("session")) };
    const int count = (int)(sizeof words / sizeof words[0]);
    struct options options;
    (void)state;
    assert_int_equal(options_parse(&options, FOR_CLIENT, count, words), 0);
    call_one(&options);
    assert_true(fault_sweep("tlsm client --resume", call_one, &options) > 100);
    remove_sessions();
    free(words[count - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_server_of_pages, bring_back),
        cmocka_unit_test_teardown(a_server_that_echoes, bring_back),
        cmocka_unit_test_teardown(a_client, bring_back),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
