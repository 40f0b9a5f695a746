/* SPDX-License-Identifier: MIT */
/* libuv_client ADDRESS PORT CA-FILE NAME: gets / over libuv. Every callback tells a link what happened, then calls turn(). */
/* build: cc libuv_client.c $(pkg-config --cflags --libs tlsm-adapters libuv) */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tlsm_judge.h>
#include <tlsm_link.h>
#include <uv.h>
struct client {
    struct tlsm_link link;
    union { uv_handle_t handle; uv_stream_t stream; uv_tcp_t tcp; } to;
    uv_timer_t timer;
    uv_write_t writing;
    uv_shutdown_t shutting;
    size_t in_flight;
    int asked, shut, transport_over, broken;
    char plain[4096], sending[16384];   /* what libuv writes must not move, as a link's pending bytes may: so it is a copy */
};
static void turn(struct client *client);

/* The application: asks once, writes what comes to stdout, ends its half when the peer's is over, well or badly. */
static void application(struct client *client)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    size_t got;
    client->broken |= tlsm_link_run(&client->link) != TLSM_IO_DONE;
    if (tlsm_connected(client->link.state) && !client->asked)
        client->asked = tlsm_link_seal(&client->link, request, sizeof request - 1) > 0;
    while ((got = tlsm_link_take(&client->link, client->plain, sizeof client->plain)) > 0)
        client->broken |= fwrite(client->plain, 1, got, stdout) != got || tlsm_link_run(&client->link) != TLSM_IO_DONE;
    if (client->link.state->control.rx >= TLSM_RX_CLOSED)
        (void)tlsm_link_end(&client->link, 0);
    if (client->broken)
        (void)tlsm_link_abandon(&client->link);
    (void)tlsm_link_run(&client->link);
}

static void on_written(uv_write_t *request, int status)
{
    struct client *client = request->data;
    (void)(status == 0 ? tlsm_link_sent(&client->link, client->in_flight) : tlsm_link_send_failed(&client->link));
    client->in_flight = 0;
    turn(client);
}

static void send_pending(struct client *client)
{
    const struct tlsm_bytes pending = tlsm_link_pending(&client->link);
    const uv_buf_t buffer = { client->sending, pending.length < sizeof client->sending ? pending.length : sizeof client->sending };
    if (client->in_flight > 0 || pending.length == 0)
        return;
    memcpy(client->sending, pending.data, buffer.len);
    if (uv_write(&client->writing, &client->to.stream, &buffer, 1, on_written) == 0)
        client->in_flight = buffer.len;   /* they count as sent in on_written(), not before */
    else
        (void)tlsm_link_send_failed(&client->link);
}

/* Into the link's own room, which is good until the link is called again: in on_read(). Once it reads no more, `plain` takes
 * what still comes, to be dropped. */
static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct client *client = handle->data;
    const struct tlsm_span room = tlsm_link_room(&client->link);
    const int reads = (tlsm_link_wants(&client->link) & TLSM_WANT_READ) != 0;
    *buffer = uv_buf_init(reads ? (char *)room.data : client->plain, (unsigned)(reads ? room.capacity : sizeof client->plain));
    (void)suggested;
}

static void on_read(uv_stream_t *from, ssize_t count, const uv_buf_t *buffer)
{
    struct client *client = from->data;
    client->transport_over |= count < 0;
    if (count > 0 && buffer->base != client->plain)
        tlsm_link_received(&client->link, (size_t)count);
    else if (count == UV_EOF)
        tlsm_link_eof(&client->link);
    else if (count < 0)
        tlsm_link_receive_failed(&client->link);
    turn(client);
}

static void on_time(uv_timer_t *timer)
{
    struct client *client = timer->data;
    client->transport_over = 1;   /* also for the drain: nobody waits any longer */
    (void)tlsm_link_deadline(&client->link);
    turn(client);
}

/* At its end: half close, drain, close or reset. The machine knows which, and when. */
static void turn(struct client *client)
{
    struct tlsm_advice advice;
    if (uv_is_closing(&client->to.handle))
        return;
    application(client);
    send_pending(client);
    tlsm_advice(client->link.state, &advice);
    if ((advice.flags & TLSM_ADVICE_SHUT_WR) && !client->shut)
        client->shut = uv_shutdown(&client->shutting, &client->to.stream, NULL) == 0;
    if (!(advice.flags & (TLSM_ADVICE_CLOSE | TLSM_ADVICE_RESET)) ||
        ((advice.flags & TLSM_ADVICE_DRAIN) && !client->transport_over))
        return;   /* draining: unread input would become a reset that destroys our last bytes */
    if (!(advice.flags & TLSM_ADVICE_RESET) || uv_tcp_close_reset(&client->to.tcp, NULL) != 0)
        uv_close(&client->to.handle, NULL);
    uv_close((uv_handle_t *)&client->timer, NULL);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct client *client = request->data;
    if (status != 0 || (status = uv_read_start(&client->to.stream, on_room, on_read)) != 0)
        client->broken = fprintf(stderr, "No connection: %s.\n", uv_strerror(status)) != 0;
    turn(client);
}

int main(int count, char **argument)
{
    static struct client client = { .to.handle.data = &client, .timer.data = &client, .writing.data = &client };
    struct tlsm_libcrypto_answerer answerer = { .instance = NULL };
    struct tlsm_config config = { &(struct tlsm_settings) { .role = TLSM_CLIENT }, &tlsm_libcrypto_table, NULL };
    const struct tlsm_link_options options = { .hooks = { .answer = tlsm_libcrypto_answer, .context = &answerer } };
    uv_connect_t connecting = { .data = &client };
    uv_loop_t *loop = uv_default_loop();
    struct sockaddr_in address;
    struct tlsm_entropy entropy;
    struct tlsm_verdict verdict = { .how = TLSM_OPEN };
    if (count != 5 || uv_ip4_addr(argument[1], atoi(argument[2]), &address) != 0)
        return fprintf(stderr, "libuv_client ADDRESS PORT CA-FILE NAME\n"), 2;
    if ((config.self = answerer.instance = tlsm_libcrypto_new(NULL)) == NULL || tlsm_libcrypto_entropy(&entropy) != 0 ||
        (answerer.judge = tlsm_judge_new_path(argument[3], answerer.why, sizeof answerer.why)) == NULL ||
        tlsm_link_init(&client.link, &config, &options) != TLSM_IO_DONE ||
        tlsm_link_start(&client.link, &entropy, argument[4]) != TLSM_IO_DONE || tlsm_link_deadline_set(&client.link) != TLSM_IO_DONE ||
        uv_tcp_init(loop, &client.to.tcp) != 0 || uv_timer_init(loop, &client.timer) != 0 ||
        uv_timer_start(&client.timer, on_time, 30000 /* ms */, 0) != 0 ||
        uv_tcp_connect(&connecting, &client.to.tcp, (const struct sockaddr *)&address, on_connected) != 0)
        fprintf(stderr, "Nothing begins: %s.\n", answerer.why[0] != '\0' ? answerer.why : "memory is short");
    else if (uv_run(loop, UV_RUN_DEFAULT) == 0) {
        tlsm_verdict(client.link.state, &verdict);
        fprintf(stderr, "%s: %s %s\n", tlsm_how_name(verdict.how), tlsm_code_text(tlsm_how_code(verdict.how)), answerer.why);
    }
    tlsm_link_free(&client.link);
    tlsm_libcrypto_free(answerer.instance);
    tlsm_judge_free(answerer.judge);
    return client.broken || fflush(stdout) != 0 ? 1 : tlsm_how_exit(verdict.how);
}
