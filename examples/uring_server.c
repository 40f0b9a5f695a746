/* SPDX-License-Identifier: MIT */
/* A web server over TLS, one thread and one io_uring: uring_server CERTIFICATE KEY PORT [--connections N]
 * PORT 0 is any; "ACCEPT address:port" says which. Ends after N connections, or at SIGTERM: then everybody gets a close_notify
 * and a second to take it. How each connection ended goes to stderr. */
/* build: cc uring_server.c $(pkg-config --cflags --libs tlsm-uring) */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tlsm_libcrypto.h>
#include <tlsm_uring.h>
#include <unistd.h>

enum { REQUEST = 2048, BODY = 1000, BACKLOG = 262144, MOST = 4096, QUEUE = 1024, AT_ONCE = 64, PATIENCE = 30000, GOODBYE = 1000 };

struct connection {
    struct tlsm_uring *peer;
    size_t have;
    int descriptor, closing, hurried;
    char request[REQUEST + 1];
};
static struct connection *everybody[MOST];   /* by descriptor */
static const char answer[] = "HTTP/1.1 200 OK\r\nConnection: %s\r\nContent-Length: %d\r\n\r\n%0*d";
static char page[2][BODY + 256];   /* that keeps the connection, and that ends it */
static long left, open_count, accepting, page_length[2];
static struct io_uring ring;
static const struct tlsm_libcrypto_options keys = { .keys_cached = 2 * MOST };
static volatile sig_atomic_t stopped;
static void stop(int number) { stopped = number; }

/* Reads requests and answers them, each with the page, as far as it goes now. */
static void converse(struct connection *one)
{
    ptrdiff_t got = TLSM_IO_WANT_READ;
    while (!one->closing && (got = tlsm_uring_read(one->peer, one->request + one->have, REQUEST - one->have)) > 0) {
        one->request[one->have += (size_t)got] = 0;
        if (one->have < 4 || strcmp(one->request + one->have - 4, "\r\n\r\n") != 0)
            continue;
        one->closing = strcasestr(one->request, "\nConnection: close") != NULL;
        for (const char *at = one->request; (at = strstr(at, "\r\n\r\n")) != NULL; at += 4)
            if (tlsm_uring_write(one->peer, page[one->closing], (size_t)page_length[one->closing]) <= 0)
                one->closing = 1;   /* who asks on and on, and never reads */
        one->have = 0;
    }
    one->closing |= got <= 0 && got != TLSM_IO_WANT_READ && got != TLSM_IO_WANT_WRITE;   /* an end: the verdict says which */
}

static void turn(struct connection *one)
{
    struct tlsm_verdict verdict;
    int done = TLSM_IO_WANT_READ;
    if (stopped && !one->hurried)
        one->closing = one->hurried = 1, (void)tlsm_uring_deadline(one->peer, GOODBYE);
    converse(one);
    while (one->closing && (done = tlsm_uring_close(one->peer, &verdict)) == TLSM_IO_UNREAD)
        (void)tlsm_link_discard(&one->peer->link);
    if (done != TLSM_IO_DONE) {
        while (tlsm_uring_arm(one->peer, &ring) == TLSM_URING_FULL)
            (void)io_uring_submit(&ring);
        return;
    }
    fprintf(stderr, "%s\n", tlsm_how_name(verdict.how));
    everybody[one->descriptor] = NULL, open_count--;
    (void)tlsm_uring_free(one->peer);
    free(one);
}

static void begin(const struct tlsm_config *config, const struct tlsm_uring_options *options, int descriptor)
{
    struct connection *one = descriptor < MOST && left != 0 ? calloc(1, sizeof *one) : NULL;
    if (one == NULL || (one->peer = tlsm_uring_new(config, descriptor, options)) == NULL) {
        (void)close(descriptor);
        free(one);
        return;
    }
    one->peer->owner = everybody[one->descriptor = descriptor] = one;
    open_count++;
    left -= left > 0;
    (void)tlsm_uring_start(one->peer, NULL, NULL);
    (void)tlsm_uring_deadline(one->peer, PATIENCE);
    turn(one);
}

static int listen_on(const char *port)
{
    struct sockaddr_in at = { AF_INET, htons((uint16_t)atoi(port)), { htonl(INADDR_LOOPBACK) }, { 0 } };
    socklen_t length = sizeof at;
    const int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    (void)setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);   /* inherited by what is accepted */
    if (bind(listener, (struct sockaddr *)&at, length) < 0 || listen(listener, 1024) < 0 ||
        getsockname(listener, (struct sockaddr *)&at, &length) < 0)
        return perror("cannot listen"), -1;
    printf("ACCEPT 127.0.0.1:%d\n", ntohs(at.sin_port));
    return fflush(stdout) == 0 ? listener : -1;
}

int main(int count, char **argument)
{
    struct tlsm_libcrypto_credential *own = NULL;
    struct tlsm_libcrypto_answerer answerer = { tlsm_libcrypto_new(&keys), .credentials = &own, .credential_count = 1 };
    struct tlsm_settings settings = { .role = TLSM_SERVER, .version_min = TLSM_1_2, .version_max = TLSM_1_3, .credential_count = 1 };
    const struct tlsm_config config = { &settings, &tlsm_libcrypto_table, answerer.instance };
    const struct tlsm_uring_options options = { .link = { { tlsm_libcrypto_answer, .context = &answerer }, .out_limit = BACKLOG } };
    char why[TLSM_WHY_ROOM] = "uring_server CERTIFICATE KEY PORT [--connections N]";
    struct __kernel_timespec second = { .tv_sec = 1 };
    struct io_uring_cqe *cqe;
    struct io_uring_sqe *sqe;
    int listener;
    if (count < 4 || (own = tlsm_libcrypto_credential_load(argument[1], argument[2], why, sizeof why)) == NULL)
        return fprintf(stderr, "%s\n", why), 2;
    settings.credentials = &own->credential;
    for (int i = 0; i < 2; i++)
        page_length[i] = snprintf(page[i], sizeof page[i], answer, i ? "close" : "keep-alive", BODY, BODY, 0);
    left = count > 5 ? atol(argument[5]) : -1;
    (void)signal(SIGTERM, stop);
    if ((listener = listen_on(argument[3])) < 0 ||
        (io_uring_queue_init(QUEUE, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) < 0 &&
         io_uring_queue_init(QUEUE, &ring, 0) < 0))
        return 3;
    for (time_t swept = 0; (left != 0 && !stopped) || open_count > 0; swept = time(NULL)) {
        unsigned head, seen = 0;
        if (!accepting && left != 0 && !stopped && (accepting = (sqe = io_uring_get_sqe(&ring)) != NULL))
            io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, 0);   /* its user_data stays 0 */
        (void)io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &second, NULL);
        io_uring_for_each_cqe(&ring, head, cqe) {
            struct tlsm_uring *peer = tlsm_uring_of(cqe);
            seen++;
            if (peer != NULL && tlsm_uring_complete(peer, cqe) != TLSM_IO_WANT_READ)   /* else an answer has left: so what */
                turn(peer->owner);
            if (peer == NULL && cqe->res >= 0)
                begin(&config, &options, cqe->res);
            accepting &= peer != NULL || (cqe->flags & IORING_CQE_F_MORE) != 0;
            if (io_uring_sq_ready(&ring) >= AT_ONCE)   /* or all peers would wait for the last of the batch */
                (void)io_uring_submit(&ring);
        }
        io_uring_cq_advance(&ring, seen);
        for (int i = 0; i < MOST && (stopped || time(NULL) != swept); i++)   /* who is out of time; at the end everybody */
            if (everybody[i] != NULL && (stopped || tlsm_uring_timeout(everybody[i]->peer) == 0))
                (void)tlsm_uring_arm(everybody[i]->peer, &ring), turn(everybody[i]);
    }
    io_uring_queue_exit(&ring);
    tlsm_libcrypto_free(answerer.instance);
    tlsm_libcrypto_credential_free(own);
    return 0;
}
