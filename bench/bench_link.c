/* SPDX-License-Identifier: MIT */
/* tlsm through its adapters: a link drives the machine over a transport, as tlsm_socket and tlsm_bio have it. The transport is memory. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_pipe.h"
#include "bench_tlsm.h"
#include "tlsm_libcrypto.h"
#include "tlsm_link.h"

enum { ROUNDS_MAX = 8 };

struct pair {
    struct tlsm_link end[2];
};

static struct bench_pipe to[2];            /* bytes under way to each end */
static uint8_t received[BENCH_WIRE];
static uint8_t kept[TLSM_SESSION_FIXED_MAX + TLSM_TICKET_MAX];   /* the session that prime() left */
static size_t kept_length;

static int link_open(const struct bench_identity *identity, enum bench_version version) { return bench_tlsm.open(identity, version); }

/* ------------------------------------------------------------------------------------------------ transport */

/* What an end receives from is its `self`; the other one is what it sends into. */
static enum tlsm_moved receive(void *own, struct tlsm_span room, size_t *count)
{
    *count = bench_pipe_take(own, room.data, room.capacity);
    return *count > 0 ? TLSM_MOVED : TLSM_BLOCKED;
}

static enum tlsm_moved send_to_other(void *own, struct tlsm_bytes bytes, size_t *count)
{
    *count = bench_pipe_put(own == &to[0] ? &to[1] : &to[0], bytes.data, bytes.length);
    return *count > 0 ? TLSM_MOVED : TLSM_BLOCKED;
}

static const struct tlsm_transport transports[2] = { { receive, send_to_other, NULL, &to[0] }, { receive, send_to_other, NULL, &to[1] } };

/* ------------------------------------------------------------------------------------------------ the handshake */

static void keep_session(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    (void)context;
    (void)state;
    kept_length = tlsm_session_write(session, (struct tlsm_span){ kept, sizeof kept });
}

static int init_end(struct tlsm_link *link, enum bench_end end, const struct tlsm_config *config)
{
    const struct tlsm_link_options options = { .hooks = { .answer = tlsm_libcrypto_answer, .ticket = keep_session,
                                                          .context = bench_tlsm_parts().answerers[end] } };
    return tlsm_link_init(link, config, &options) == TLSM_IO_DONE ? 0 : -1;
}

static int begin(struct tlsm_link *link, enum bench_end end, enum bench_kind kind)
{
    const struct bench_tlsm_parts parts = bench_tlsm_parts();
    const struct tlsm_libcrypto_answerer *answerer = parts.answerers[end];
    struct tlsm_entropy entropy;
    struct tlsm_session session;
    struct tlsm_start start = { .entropy = &entropy, .now_ms = parts.now_ms };
    bench_pipe_clear(&to[end]);
    if (tlsm_libcrypto_draw(answerer->instance, &entropy) < 0)
        return -1;
    if (end == BENCH_CLIENT)
        start.server_name = parts.server_name;
    if (end == BENCH_CLIENT && kind == BENCH_RESUMED) {
        if (!tlsm_session_read((struct tlsm_bytes){ kept, kept_length }, &session))
            return -1;
        start.session = &session;
    }
    const int done = tlsm_link_begin(link, &start);
    OPENSSL_cleanse(&entropy, sizeof entropy);
    return done == TLSM_IO_DONE ? 0 : -1;
}

static int shake_hands(struct pair *pair)
{
    int done[2] = { TLSM_IO_WANT_READ, TLSM_IO_WANT_READ };
    for (int rounds = 0; rounds < ROUNDS_MAX && (done[0] != TLSM_IO_DONE || done[1] != TLSM_IO_DONE); rounds++)
        for (int end = 0; end < 2; end++) {
            bench_turn = (enum bench_end)end;
            done[end] = tlsm_link_handshake(&pair->end[end], &transports[end]);
        }
    return done[0] == TLSM_IO_DONE && done[1] == TLSM_IO_DONE ? 0 : -1;
}

static void link_end(void *given, enum bench_end end)
{
    struct pair *pair = given;
    tlsm_link_free(&pair->end[end]);
    if (end == BENCH_SERVER)
        free(pair);
}

static struct pair *connect_to(const struct tlsm_config *server, enum bench_kind kind)
{
    struct pair *pair = calloc(1, sizeof *pair);
    for (int end = 0; end < 2 && pair != NULL; end++) {
        const struct tlsm_config *config = end == BENCH_SERVER ? server : &bench_tlsm_parts().configs[BENCH_CLIENT];
        bench_turn = (enum bench_end)end;
        if (init_end(&pair->end[end], (enum bench_end)end, config) < 0 || begin(&pair->end[end], (enum bench_end)end, kind) < 0)
            return NULL;
    }
    return pair != NULL && shake_hands(pair) == 0 ? pair : NULL;
}

static void *link_connect(enum bench_kind kind)
{
    struct pair *pair = connect_to(&bench_tlsm_parts().configs[BENCH_SERVER], kind);
    for (int end = 0; end < 2 && pair != NULL; end++)
        if (!bench_tlsm_agreed(&pair->end[end].config, pair->end[end].state, kind))
            return NULL;
    return pair;
}

/* In TLS 1.3 the ticket comes behind the handshake: the client has to read once. */
static int link_prime(void)
{
    struct pair *pair = connect_to(bench_tlsm_parts().issuer, BENCH_FULL);
    uint8_t byte;
    if (pair == NULL || tlsm_link_read(&pair->end[BENCH_CLIENT], &transports[BENCH_CLIENT], &byte, 1) != TLSM_IO_WANT_READ)
        return -1;
    link_end(pair, BENCH_CLIENT);
    link_end(pair, BENCH_SERVER);
    return kept_length > 0 ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------------ afterwards */

/* A receive buffer that stays: tlsm_link_options.warm. */
static void link_busy(void *given)
{
    struct pair *pair = given;
    pair->end[BENCH_CLIENT].warm = pair->end[BENCH_SERVER].warm = 1;
}

static int link_transfer(void *given, enum bench_end from, const uint8_t *data, size_t length, const uint8_t **opened)
{
    struct pair *pair = given;
    *opened = received;
    return tlsm_link_write(&pair->end[from], &transports[from], data, length) == (ptrdiff_t)length &&
           tlsm_link_read(&pair->end[!from], &transports[!from], received, sizeof received) == (ptrdiff_t)length ? 0 : -1;
}

/* In lock-step: the client's alert, the server reads it and sends its own, the client reads that. */
static int link_close(void *given)
{
    struct pair *pair = given;
    for (int end = 0; end < 2; end++)
        if (tlsm_link_end(&pair->end[end], 0) != TLSM_IO_DONE ||
            tlsm_link_flush(&pair->end[end], &transports[end]) != TLSM_IO_DONE ||
            tlsm_link_read(&pair->end[!end], &transports[!end], received, sizeof received) != TLSM_IO_END)
            return -1;
    return tlsm_is_final(pair->end[0].state) && tlsm_is_final(pair->end[1].state) ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------------ one end */

static int link_make(void)
{
    struct tlsm_link client;
    const int done = init_end(&client, BENCH_CLIENT, &bench_tlsm_parts().configs[BENCH_CLIENT]);
    tlsm_link_free(&client);
    return done;
}

static int link_refuse(const uint8_t *bytes, size_t length)
{
    struct tlsm_link server;
    int done = TLSM_IO_REFUSED;
    bench_pipe_clear(&to[BENCH_CLIENT]);
    if (init_end(&server, BENCH_SERVER, &bench_tlsm_parts().configs[BENCH_SERVER]) == 0 && begin(&server, BENCH_SERVER, BENCH_FULL) == 0 &&
        bench_pipe_put(&to[BENCH_SERVER], bytes, length) > 0)
        done = tlsm_link_handshake(&server, &transports[BENCH_SERVER]);
    tlsm_link_free(&server);
    return done == TLSM_IO_ENDED ? 0 : -1;
}

static const char *release(void) { return "tlsm " TLSM_VERSION_STRING; }
static void link_shut(void) { bench_tlsm.shut(); }
static void link_forget_certificates(void) { bench_tlsm.forget_certificates(); }

const struct bench_library bench_link = {
    .name = "tlsm, link", .key = "tlsm_link", .versions = BENCH_BOTH, .release = release, .open = link_open, .shut = link_shut,
    .connect = link_connect, .prime = link_prime, .transfer = link_transfer, .busy = link_busy,
    .close = link_close, .end = link_end, .make = link_make,
    .refuse = link_refuse, .forget_certificates = link_forget_certificates,
};
