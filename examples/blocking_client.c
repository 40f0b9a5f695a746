/* SPDX-License-Identifier: MIT */
/* blocking_client HOST PORT [CA-FILE [NAME]]: asks a web server for / and says how the connection ended.
 *
 * CA-FILE: whom to trust, else the system's authorities. NAME: what the certificate must be for, else HOST.
 * The page goes to stdout, sentences to stderr. The exit status is 0 only when the page is known to be whole. */
/* build: cc blocking_client.c $(pkg-config --cflags --libs tlsm-adapters) */
#define _POSIX_C_SOURCE 200809L

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <tlsm_judge.h>
#include <tlsm_socket.h>

enum { CONNECT_MS = 10000, DEADLINE_MS = 30000, FAILED = 1, USAGE = 2 };

struct client {
    struct tlsm_settings settings;              /* all zero is a good client */
    struct tlsm_libcrypto_answerer answerer;    /* judges the server's certificate */
    struct tlsm_config config;
    struct tlsm_socket *socket;
};

/* Whom to trust, and the provider of cryptography. These can serve any number of connections. */
static int prepare(struct client *client, const char *authorities)
{
    char why[TLSM_WHY_ROOM] = "memory is short.";
    struct tlsm_judge *judge = authorities != NULL ? tlsm_judge_new_path(authorities, why, sizeof why) : tlsm_judge_new_system();
    if (judge == NULL)
        return fprintf(stderr, "Nobody to trust: %s\n", why), -1;
    client->answerer.judge = judge;
    if (!tlsm_judge_has_anchors(judge))
        return fprintf(stderr, "The system names no certificate authority: give a file of them.\n"), -1;
    client->answerer.instance = tlsm_libcrypto_new(NULL);
    if (client->answerer.instance == NULL)
        return fprintf(stderr, "This libcrypto lacks what TLS 1.3 needs, or memory is short.\n"), -1;
    client->settings.role = TLSM_CLIENT;
    client->config = (struct tlsm_config) { &client->settings, &tlsm_libcrypto_table, client->answerer.instance };
    return 0;
}

static int dial(struct client *client, const char *host, const char *port)
{
    const struct tlsm_socket_options options = { .link.hooks = { .answer = tlsm_libcrypto_answer,
                                                                 .context = &client->answerer } };
    int error = 0;
    client->socket = tlsm_socket_connect(&client->config, host, port, CONNECT_MS, &options, &error);
    if (client->socket != NULL)
        return 0;
    fprintf(stderr, "No connection to %s port %s: %s.\n", host, port, error < 0 ? gai_strerror(error) : strerror(error));
    return -1;
}

/* Why a call gave up, where the verdict does not say it. */
static int explain(const struct client *client, const char *what, ptrdiff_t result)
{
    if (client->answerer.why[0] != '\0')
        fprintf(stderr, "The certificate was refused: %s\n", client->answerer.why);
    else if (result == TLSM_IO_REFUSED)
        fprintf(stderr, "%s: %s %s\n", what, tlsm_code_text(client->socket->link.code),
                tlsm_code_advice(client->socket->link.code));
    else if (result == TLSM_IO_NO_MEMORY)
        fprintf(stderr, "%s: memory is short.\n", what);
    return -1;   /* TLSM_IO_ENDED: the verdict says it */
}

/* Until the peer says that this was all. Any other end is no end of the data. */
static int copy_page(struct client *client)
{
    char page[16384];
    ptrdiff_t got;
    while ((got = tlsm_socket_read(client->socket, page, sizeof page)) > 0)
        if (fwrite(page, 1, (size_t)got, stdout) != (size_t)got)
            return fprintf(stderr, "The page cannot be written.\n"), -1;
    if (fflush(stdout) != 0)
        return fprintf(stderr, "The page cannot be written.\n"), -1;
    return got == TLSM_IO_END ? 0 : explain(client, "Reading", got);
}

static int converse(struct client *client, const char *name)
{
    char request[512];
    const int length = snprintf(request, sizeof request, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", name);
    ptrdiff_t done;
    if (length < 0 || (size_t)length >= sizeof request)
        return fprintf(stderr, "That name is too long.\n"), -1;
    if ((done = tlsm_socket_start(client->socket, NULL, name)) != TLSM_IO_DONE ||
        (done = tlsm_socket_deadline(client->socket, DEADLINE_MS)) != TLSM_IO_DONE)
        return explain(client, "Starting", done);
    if ((done = tlsm_socket_handshake(client->socket)) != TLSM_IO_DONE)
        return explain(client, "The handshake", done);
    /* A blocking write takes all of it, or fails. */
    if ((done = tlsm_socket_write(client->socket, request, (size_t)length)) != length)
        return explain(client, "Writing", done);
    return copy_page(client);
}

/* Closes, and says how it ended. Data that was left unread is dropped, or it would hide the peer's close_notify. */
static int end(struct client *client)
{
    struct tlsm_verdict verdict;
    int done;
    while ((done = tlsm_socket_close(client->socket, &verdict)) == TLSM_IO_UNREAD)
        (void)tlsm_link_discard(&client->socket->link);
    if (done != TLSM_IO_DONE)
        return explain(client, "Closing", done), FAILED;
    fprintf(stderr, "%s: %s %s\n", tlsm_how_name(verdict.how), tlsm_code_text(tlsm_how_code(verdict.how)),
            tlsm_code_advice(tlsm_how_code(verdict.how)));
    return tlsm_how_exit(verdict.how);
}

int main(int count, char **argument)
{
    struct client client = { .socket = NULL };
    const char *name = count > 4 ? argument[4] : argument[1];
    int status = FAILED, whole = -1;
    if (count < 3 || count > 5) {
        fprintf(stderr, "blocking_client HOST PORT [CA-FILE [NAME]]\n");
        return USAGE;
    }
    if (prepare(&client, count > 3 ? argument[3] : NULL) == 0 && dial(&client, argument[1], argument[2]) == 0) {
        whole = converse(&client, name);
        status = end(&client);
    }
    tlsm_socket_free(client.socket);
    tlsm_libcrypto_free(client.answerer.instance);
    tlsm_judge_free(client.answerer.judge);
    return status == 0 && whole != 0 ? FAILED : status;
}
