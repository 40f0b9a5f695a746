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

enum { REQUEST = 2048, BODY = 1000, EVENTS = 256, MOST = 4096, PATIENCE_MS = 30000, GOODBYE_MS = 1000 };

struct connection {
    struct tlsm_socket *peer;
    size_t have, owed;   /* bytes of requests that lie here; bytes of answers still to be written */
    int descriptor, closing;
    char request[REQUEST + 1];
};
static struct connection *everybody[MOST];   /* by descriptor */
static char page[BODY + 256];
static size_t page_length;
static int open_count, epoll;
static volatile sig_atomic_t stopped;

static void stop(int number) { (void)number, stopped = 1; }

/* Requests are answered once the last of them is whole. */
static void take_requests(struct connection *one)
{
    if (one->have < 4 || memcmp(one->request + one->have - 4, "\r\n\r\n", 4) != 0)
        return;
    one->request[one->have] = 0;
    for (const char *at = one->request; (at = strstr(at, "\r\n\r\n")) != NULL; at += 4)
        one->owed += page_length;
    one->closing |= strcasestr(one->request, "\nConnection: close") != NULL;
    one->have = 0;
}

/* Reads and answers, as far as it goes now. */
static void converse(struct connection *one)
{
    ptrdiff_t moved = 1;
    while (moved > 0 && (one->owed > 0 || !one->closing)) {
        if (one->owed > 0) {
            const size_t rest = (one->owed - 1) % page_length + 1;
            moved = tlsm_socket_write(one->peer, page + page_length - rest, rest);
            one->owed -= moved > 0 ? (size_t)moved : 0;
        } else {
            moved = tlsm_socket_read(one->peer, one->request + one->have, REQUEST - one->have);
            one->have += moved > 0 ? (size_t)moved : 0;
            take_requests(one);
        }
    }
    if (moved <= 0 && moved != TLSM_IO_WANT_READ && moved != TLSM_IO_WANT_WRITE)
        one->closing = 1, one->owed = 0;   /* the end of the data, or of the connection: the verdict will say */
}

static void turn(struct connection *one)
{
    struct tlsm_verdict verdict;
    int done = TLSM_IO_WANT_READ;
    converse(one);
    if (one->closing && one->owed == 0)
        while ((done = tlsm_socket_close(one->peer, &verdict)) == TLSM_IO_UNREAD)
            (void)tlsm_link_discard(&one->peer->link);
    if (done != TLSM_IO_DONE)
        return;
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
    if (one == NULL || (one->peer = tlsm_socket_new(config, descriptor, options)) == NULL)
        exit(3);
    one->descriptor = descriptor;
    everybody[descriptor] = one;
    open_count++;
    (void)tlsm_socket_start(one->peer, NULL, NULL);
    (void)tlsm_socket_deadline(one->peer, PATIENCE_MS);
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

/* Who is out of time gets a turn; at the end everybody does. */
static void sweep(void)
{
    for (struct connection **one = everybody; one < everybody + MOST; one++) {
        if (*one != NULL && stopped && !(*one)->closing)
            (*one)->closing = 1, (void)tlsm_socket_deadline((*one)->peer, GOODBYE_MS), turn(*one);
        else if (*one != NULL && tlsm_socket_timeout((*one)->peer) == 0)
            turn(*one);
    }
}

static int listen_on(const char *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof at;
    const int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    (void)setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);   /* inherited by what is accepted */
    if (bind(listener, (struct sockaddr *)&at, length) < 0 || listen(listener, 1024) < 0 || getsockname(listener, (struct sockaddr *)&at, &length) < 0)
        return perror("cannot listen"), -1;
    printf("ACCEPT 127.0.0.1:%d\n", ntohs(at.sin_port));
    return fflush(stdout) == 0 ? listener : -1;
}

int main(int count, char **argument)
{
    const struct tlsm_libcrypto_options keys = { .keys_cached = 4096 };
    struct tlsm_libcrypto_answerer answerer = { .instance = tlsm_libcrypto_new(&keys), .credential_count = 1 };
    char why[TLSM_WHY_ROOM] = "epoll_server CERTIFICATE KEY PORT [--connections N]";
    struct tlsm_libcrypto_credential *own = count > 3 ? tlsm_libcrypto_credential_load(argument[1], argument[2], why, sizeof why) : NULL;
    const struct tlsm_settings settings = { .role = TLSM_SERVER, .credentials = own != NULL ? &own->credential : NULL, .credential_count = 1 };
    const struct tlsm_config config = { &settings, &tlsm_libcrypto_table, answerer.instance };
    const struct tlsm_socket_options options = { .link.hooks = { .answer = tlsm_libcrypto_answer, .context = &answerer }, .non_blocking = 1 };
    const int listener = own != NULL ? listen_on(argument[3]) : -1;
    long left = count > 5 ? atol(argument[5]) : -1;
    struct epoll_event event[EVENTS] = { { .events = EPOLLIN } };
    if (listener < 0)
        return fprintf(stderr, "%s\n", why), 2;
    answerer.credentials = &own;
    page_length = (size_t)snprintf(page, sizeof page, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%0*d", BODY, BODY, 0);
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
        if (stopped || time(NULL) != swept)
            sweep();
    }
    tlsm_libcrypto_free(answerer.instance);
    tlsm_libcrypto_credential_free(own);
    return 0;
}
