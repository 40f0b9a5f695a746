/* SPDX-License-Identifier: MIT */
/* Held by links (tlsm_link.h), as tlsm_socket, tlsm_bio and tlsm_uring hold theirs. */
#include "idle.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "tlsm_libcrypto.h"
#include "tlsm_link.h"

static const struct idle_options *options;
static struct idle_endpoints endpoints;
static struct tlsm_link *places[2];
static struct tlsm_link spare[2];          /* of a pair that keeps only one end */

static struct tlsm_link *link_of(size_t number, int end)
{
    return idle_keeps(options, number, (enum bench_end)end) ? &places[end][idle_place(options, number, (enum bench_end)end)] : &spare[end];
}

/* What one end has made goes to the other. 1: something did. */
static int carry(struct tlsm_link *from, struct tlsm_link *to)
{
    int moved = 0;

    while (tlsm_link_run(from) == TLSM_IO_DONE) {
        const struct tlsm_bytes pending = tlsm_link_pending(from);
        const size_t fed = pending.length > 0 ? tlsm_link_feed(to, pending.data, pending.length) : 0;

        if (fed == 0)
            break;
        if (tlsm_link_sent(from, fed) != TLSM_IO_DONE || tlsm_link_run(to) != TLSM_IO_DONE)
            return -1;
        moved = 1;
    }
    return moved;
}

/* Until nothing moves any more. Idle buffers go: so does a server before it waits. */
static int exchange(struct tlsm_link *client, struct tlsm_link *server)
{
    int moved;

    do {
        moved = carry(client, server);
        if (moved >= 0)
            moved |= carry(server, client);
    } while (moved > 0);
    tlsm_link_idle(client);
    tlsm_link_idle(server);
    return moved;
}

static int start(struct tlsm_link *link, int end)
{
    const struct tlsm_link_options how = { .hooks = { .answer = tlsm_libcrypto_answer, .context = endpoints.answerer[end] } };
    struct tlsm_entropy entropy;
    int done;

    if (tlsm_link_init(link, endpoints.config[end], &how) != TLSM_IO_DONE || tlsm_libcrypto_entropy(&entropy) < 0)
        return -1;
    done = tlsm_link_start(link, &entropy, end == BENCH_CLIENT ? endpoints.name : NULL);
    OPENSSL_cleanse(&entropy, sizeof entropy);
    return done == TLSM_IO_DONE ? 0 : -1;
}

static int transfer(struct tlsm_link *from, struct tlsm_link *to)
{
    static const char text[] = "alive";
    char got[sizeof text + 1];

    return tlsm_link_seal(from, text, sizeof text) == (ptrdiff_t)sizeof text && carry(from, to) == 1 &&
                   tlsm_link_take(to, got, sizeof got) == sizeof text && memcmp(got, text, sizeof text) == 0 ? 0 : -1;
}

static int connect_pair(size_t number)
{
    struct tlsm_link *client = link_of(number, BENCH_CLIENT), *server = link_of(number, BENCH_SERVER);

    if (start(client, BENCH_CLIENT) < 0 || start(server, BENCH_SERVER) < 0 || exchange(client, server) < 0 ||
        !tlsm_connected(client->state) || !tlsm_connected(server->state) || transfer(client, server) < 0 || transfer(server, client) < 0)
        return -1;
    tlsm_link_idle(client);
    tlsm_link_idle(server);
    tlsm_link_free(&spare[BENCH_CLIENT]);
    tlsm_link_free(&spare[BENCH_SERVER]);
    return 0;
}

static int is_clean(const struct tlsm_link *link)
{
    struct tlsm_verdict verdict;

    tlsm_verdict(link->state, &verdict);
    return verdict.how == TLSM_CLEAN_BOTH_VERDICT;
}

static int prove(size_t number)
{
    struct tlsm_link *client = link_of(number, BENCH_CLIENT), *server = link_of(number, BENCH_SERVER);

    if (transfer(client, server) < 0 || transfer(server, client) < 0 || tlsm_link_end(client, 0) != TLSM_IO_DONE ||
        exchange(client, server) < 0)
        return -1;
    if (!tlsm_is_final(server->state) && (tlsm_link_end(server, 0) != TLSM_IO_DONE || exchange(client, server) < 0))
        return -1;
    return is_clean(client) && is_clean(server) ? 0 : -1;
}

static int open_library(const struct idle_options *given, const struct bench_identity *identity)
{
    options = given;
    for (int end = 0; end < 2; end++) {
        places[end] = calloc(idle_places(options, (enum bench_end)end), sizeof *places[end]);
        if (places[end] == NULL)
            return -1;
    }
    return idle_open_endpoints(options, identity, &endpoints);
}

static void drop(size_t number)
{
    for (int end = 0; end < 2; end++)
        if (idle_keeps(options, number, (enum bench_end)end))
            tlsm_link_free(link_of(number, end));
}

static void shut(void)
{
    idle_shut_endpoints();
    free(places[BENCH_CLIENT]);
    free(places[BENCH_SERVER]);
}

static void bytes(size_t to[2])
{
    to[0] = TLSM_ESTABLISHED_MAX;
    to[1] = sizeof(struct tlsm_link);
}

const struct idle_library idle_link = { "link", "tlsm_link.h: a block for the state, and a link, each", 0, open_library, connect_pair,
                                        idle_settle_endpoints, prove, drop, shut, bytes, idle_fixed_endpoints };
