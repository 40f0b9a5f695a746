/* SPDX-License-Identifier: MIT */
/* A web server over TLS, one thread and one epoll: epoll_server CERTIFICATE KEY PORT [--connections N]
 * PORT 0 is any; "ACCEPT address:port" says which. Ends after N connections, or at SIGTERM: then everybody gets a close_notify
 * and a second to take it. How each connection ended goes to stderr. */
/* build: cc epoll_server.c $(pkg-config --cflags --libs tlsm-adapters) */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <tlsm_libcrypto.h>
#include <tlsm_socket.h>
#include <unistd.h>

enum { REQUEST = 2048, BODY = 1000, BACKLOG = 262144, EVENTS = 256, MOST = 4096, PATIENCE_MS = 30000, GOODBYE_MS = 1000 };

struct connection {
    struct tlsm_socket *peer;
    size_t have;
    int descriptor, closing, hurried;
    char request[REQUEST + 1];
};
static struct connection *everybody[MOST];   /* by descriptor */
static const char answer[] = "HTTP/1.1 200 OK\r\nConnection: %s\r\nContent-Length: %d\r\n\r\n%0*d";
static char page[2][BODY + 256];   /* that keeps the connection, and that ends it */
static size_t page_length[2];
static int open_count, epoll;
static const struct tlsm_libcrypto_options keys = { .keys_cached = 2 * MOST };
static volatile sig_atomic_t stopped;

static void stop(int number) { stopped = number; }

/* Reads requests and answers them, each with the page, as far as it goes now. */
static void converse(struct connection *one)
{
    ptrdiff_t got = TLSM_IO_WANT_READ;
    while (!one->closing && (got = tlsm_socket_read(one->peer, one->request + one->have, REQUEST - one->have)) > 0) {
        one->request[one->have += (size_t)got] = 0;
        if (one->have < 4 || strcmp(one->request + one->have - 4, "\r\n\r\n") != 0)
            continue;
        one->closing = strcasestr(one->request, "\nConnection: close") != NULL;
        for (const char *at = one->request; (at = strstr(at, "\r\n\r\n")) != NULL; at += 4)
            if (tlsm_socket_write(one->peer, page[one->closing], page_length[one->closing]) <= 0)
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
        one->closing = one->hurried = 1, (void)tlsm_socket_deadline(one->peer, GOODBYE_MS);
    converse(one);
    if (one->closing)
        while ((done = tlsm_socket_close(one->peer, &verdict)) == TLSM_IO_UNREAD)
            (void)tlsm_link_discard(&one->peer->link);
    if (done != TLSM_IO_DONE)
        return;   /* edge-triggered: epoll need not hear what is wanted */
    fprintf(stderr, "%s\n", tlsm_how_name(verdict.how));
    everybody[one->descriptor] = NULL;
    open_count--;
    tlsm_socket_free(one->peer);
    free(one);
}

static void begin(const struct tlsm_config *config, const struct tlsm_socket_options *options, int descriptor)
{
    struct connection *one = descriptor < MOST ? calloc(1, sizeof *one) : NULL;
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = one };
    if (one == NULL || (one->peer = tlsm_socket_new(config, descriptor, options)) == NULL) {
        (void)close(descriptor);
        free(one);
        return;
    }
    everybody[one->descriptor = descriptor] = one;
    open_count++;
    (void)tlsm_socket_start(one->peer, NULL, NULL);
    (void)tlsm_socket_deadline(one->peer, PATIENCE_MS);
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

static int listen_on(const char *port)
{
    struct sockaddr_in at = { AF_INET, htons((uint16_t)atoi(port)), { htonl(INADDR_LOOPBACK) }, { 0 } };
    socklen_t length = sizeof at;
    const int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
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
    char why[TLSM_WHY_ROOM] = "epoll_server CERTIFICATE KEY PORT [--connections N]";
    const struct tlsm_config config = { &settings, &tlsm_libcrypto_table, answerer.instance };
    const struct tlsm_socket_options options = { .non_blocking = 1, .link.out_limit = BACKLOG,
                                                 .link.hooks = { tlsm_libcrypto_answer, .context = &answerer } };
    long left = count > 5 ? atol(argument[5]) : -1;
    int listener;
    struct epoll_event event[EVENTS] = { { .events = EPOLLIN } };
    if (count < 4 || (own = tlsm_libcrypto_credential_load(argument[1], argument[2], why, sizeof why)) == NULL)
        return fprintf(stderr, "%s\n", why), 2;
    settings.credentials = &own->credential;
    if ((listener = listen_on(argument[3])) < 0)
        return 2;
    for (int i = 0; i < 2; i++)
        page_length[i] = (size_t)snprintf(page[i], sizeof page[i], answer, i ? "close" : "keep-alive", BODY, BODY, 0);
    (void)signal(SIGTERM, stop);
    epoll = epoll_create1(0);
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, listener, event);
    for (time_t swept = 0; (left != 0 && !stopped) || open_count > 0; swept = time(NULL)) {
        const int ready = epoll_wait(epoll, event, EVENTS, 1000);
        for (int i = 0, descriptor; i < ready; i++)
            if (event[i].data.ptr != NULL)
                turn(event[i].data.ptr);
            else if (left != 0 && (descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
                left -= left > 0, begin(&config, &options, descriptor);
        if (left == 0 || stopped)
            (void)epoll_ctl(epoll, EPOLL_CTL_DEL, listener, NULL);
        for (int i = 0; i < MOST && (stopped || time(NULL) != swept); i++)   /* who is out of time; at the end everybody */
            if (everybody[i] != NULL && (stopped || tlsm_socket_timeout(everybody[i]->peer) == 0))
                turn(everybody[i]);
    }
    tlsm_libcrypto_free(answerer.instance);
    tlsm_libcrypto_credential_free(own);
    return 0;
}
