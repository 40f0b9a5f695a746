/* SPDX-License-Identifier: MIT */
/* Links that move with all that lies around their state: over every kind of transport what arrives is what would have arrived. */
#define _DEFAULT_SOURCE 1
#include "adapter_fixture.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tlsm_link_export.h"
#include "tlsm_memory.h"
#include "tlsm_socket_export.h"

enum { ROOM = 200000, TEXT = 40000 };

static uint8_t text[TEXT], block[ROOM];

/* ------------------------------------------------------------------------------------------------ two links in memory */

struct world {
    struct two two;
    struct tlsm_memory_options options;
    struct tlsm_memory memory;
    unsigned turn, moved, refused;
    int moving;                            /* 1: after every turn, both */
    uint8_t plain[2][TEXT + 64];
    size_t have[2];
};

static void world_free(struct world *world)
{
    tlsm_memory_free(&world->memory);
    free(world);
}

/* Out of the link, and into it again: what was there before is gone. */
static void move(struct world *world, int end)
{
    struct tlsm_link *link = &world->memory.end[end];
    const size_t length = tlsm_link_export(link, NULL, 0);
    if (length == 0) {
        assert_string_equal(tlsm_code_name(link->code), "ANSWER_FIRST");
        world->refused++;
        return;
    }
    assert_true(length <= sizeof block);
    assert_int_equal(tlsm_link_export(link, block, length - 1), length);
    assert_int_equal(tlsm_link_export(link, block, sizeof block), length);
    assert_true(tlsm_is_final(link->state));
    assert_int_equal(link->in.capacity + link->out.capacity + link->plain_length, 0);
    assert_int_equal(tlsm_link_wants(link), 0);
    tlsm_link_free(link);
    memset(link, 0x5a, sizeof *link);
    assert_int_equal(tlsm_link_import(link, &world->two.config[end], &world->options.link[end],
                                      (struct tlsm_bytes){ block, length }), TLSM_IO_DONE);
    memset(block, 0x5a, length);
    world->moved++;
}

static void moment(struct world *world)
{
    world->turn++;
    for (int end = 0; world->moving && end < 2; end++)
        move(world, end);
}

static void run(struct world *world)
{
    int busy = 1;
    while (busy) {
        busy = tlsm_memory_turn(&world->memory, CLIENT) | tlsm_memory_turn(&world->memory, SERVER);
        moment(world);
    }
}

/* What a turn of the transport brings; small reads leave plaintext unread. */
static void read_all(struct world *world, int end, size_t step)
{
    for (;;) {
        const ptrdiff_t got = tlsm_memory_read(&world->memory, end, world->plain[end] + world->have[end], step);
        moment(world);
        if (got <= 0)
            break;
        world->have[end] += (size_t)got;
        assert_true(world->have[end] <= TEXT + 32);
    }
}

/* A whole connection: data both ways, a key update, half a close, the rest, and the close. */
static struct world *course(const struct tlsm_pipe_options *pipe, int moving)
{
    struct world *world = calloc(1, sizeof *world);
    size_t sent = 0;
    assert_non_null(world);
    world->moving = moving;
    two_init(&world->two);
    world->two.settings[CLIENT].groups = (const uint16_t[]){ TLSM_X25519, TLSM_SECP256R1 };
    world->two.settings[CLIENT].group_count = 2;
    world->options.link[CLIENT] = world->options.link[SERVER] = two_options(&world->two);
    world->options.pipe[CLIENT] = world->options.pipe[SERVER] = *pipe;
    assert_int_equal(tlsm_memory_init(&world->memory, world->two.config, &world->options), TLSM_IO_DONE);
    tlsm_memory_record(&world->memory, CLIENT);
    tlsm_memory_record(&world->memory, SERVER);
    moment(world);
    assert_int_equal(tlsm_memory_start(&world->memory, world->two.entropy, "test.example"), TLSM_IO_DONE);
    run(world);
    assert_int_equal(tlsm_connected(world->memory.end[CLIENT].state), 1);
    assert_int_equal(tlsm_link_key_update(&world->memory.end[SERVER], 1), TLSM_IO_DONE);
    while (sent < TEXT) {
        const ptrdiff_t put = tlsm_memory_write(&world->memory, SERVER, text + sent, TEXT - sent);
        moment(world);
        sent += put > 0 ? (size_t)put : 0;
        read_all(world, CLIENT, 5000);
    }
    assert_int_equal(tlsm_memory_write(&world->memory, CLIENT, "thanks", 6), 6);
    assert_int_equal(tlsm_link_end(&world->memory.end[CLIENT], 0), TLSM_IO_DONE);
    for (int rounds = 0; rounds < 40; rounds++) {
        run(world);
        read_all(world, SERVER, 4);
        read_all(world, CLIENT, 100);
    }
    assert_int_equal(tlsm_link_end(&world->memory.end[SERVER], 0), TLSM_IO_DONE);
    run(world);
    read_all(world, CLIENT, 100);
    return world;
}

static void check_same(const struct world *stays, const struct world *moves)
{
    for (int end = 0; end < 2; end++) {
        const struct tlsm_pipe *a = &stays->memory.pipe[end], *b = &moves->memory.pipe[end];
        assert_link(&stays->memory.end[end], "clean_both");
        assert_link(&moves->memory.end[end], "clean_both");
        assert_int_equal(a->record_length, b->record_length);
        assert_memory_equal(a->record, b->record, a->record_length);
        assert_int_equal(stays->have[end], moves->have[end]);
        assert_memory_equal(stays->plain[end], moves->plain[end], stays->have[end]);
        assert_int_equal(stays->memory.end[end].received, moves->memory.end[end].received);
        assert_int_equal(tlsm_length(stays->memory.end[end].state), tlsm_length(moves->memory.end[end].state));
        assert_memory_equal(stays->memory.end[end].state, moves->memory.end[end].state, tlsm_length(stays->memory.end[end].state));
    }
    assert_int_equal(stays->turn, moves->turn);
    assert_int_equal(stays->have[CLIENT], TEXT);
    assert_memory_equal(stays->plain[CLIENT], text, TEXT);
}

static void over(const struct tlsm_pipe_options *pipe)
{
    struct world *stays = course(pipe, 0), *moves = course(pipe, 1);
    check_same(stays, moves);
    assert_true(moves->moved > 40);
    world_free(stays);
    world_free(moves);
}

static void j1_a_link_goes_on_exactly_whatever_the_transport_does(void **state)
{
    const struct tlsm_pipe_options smooth = { .capacity = 0 };
    const struct tlsm_pipe_options narrow = { .capacity = 3000, .send = { .most = 900 }, .receive = { .most = 700 } };
    const struct tlsm_pipe_options random = { .send = { .seed = 7, .most = 2000 }, .receive = { .seed = 9, .most = 3000 },
                                              .report = { .seed = 11, .most = 50 }, .capacity = 20000, .delay = 1 };
    (void)state;
    over(&smooth);
    over(&narrow);
    over(&random);
}

/* ------------------------------------------------------------------------------------------------ one link */

static struct world *connected(void)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    two_init(&world->two);
    world->options.link[CLIENT] = world->options.link[SERVER] = two_options(&world->two);
    assert_int_equal(tlsm_memory_init(&world->memory, world->two.config, &world->options), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_start(&world->memory, world->two.entropy, NULL), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    return world;
}

static void j1_a_truncation_is_one_there_too(void **state)
{
    struct world *world = connected();
    struct tlsm_link *client = &world->memory.end[CLIENT];
    uint8_t bytes[64];
    (void)state;
    assert_int_equal(tlsm_memory_write(&world->memory, SERVER, text, 40), 40);
    tlsm_memory_vanish(&world->memory, SERVER);
    assert_int_equal(tlsm_memory_read(&world->memory, CLIENT, bytes, 10), 10);
    tlsm_link_eof(client);   /* the link knows of the end, the machine not yet (T3) */
    assert_int_equal(client->state->control.rx, TLSM_RX_OPEN);
    move(world, CLIENT);
    assert_int_equal(client->transport_end, TLSM_TRANSPORT_EOF);
    assert_int_equal(tlsm_link_unread(client), 30);
    assert_int_equal(tlsm_memory_read(&world->memory, CLIENT, bytes, sizeof bytes), 30);
    assert_memory_equal(bytes, text + 10, 30);
    assert_int_equal(tlsm_memory_read(&world->memory, CLIENT, bytes, sizeof bytes), TLSM_IO_ENDED);
    (void)tlsm_link_abandon(client);
    assert_link(client, "truncated");
    move(world, CLIENT);
    assert_link(client, "truncated");
    world_free(world);
}

/* C4: part of a record came, and not a byte more than the rest of it is wanted there. */
static void j1_half_a_record_wants_its_rest(void **state)
{
    struct world *world = connected();
    struct tlsm_link *client = &world->memory.end[CLIENT];
    struct tlsm_span room;
    uint8_t bytes[64];
    (void)state;
    client->exact = 1;
    assert_int_equal(tlsm_memory_write(&world->memory, SERVER, text, 40), 40);
    assert_int_equal(tlsm_link_feed(client, world->memory.pipe[SERVER].buffer.data + world->memory.pipe[SERVER].buffer.start, 5), 5);
    assert_int_equal(tlsm_link_run(client), TLSM_IO_DONE);
    memset(bytes, 0x5a, sizeof bytes);
    assert_int_equal(tlsm_link_feed(client, bytes, 20), 20);
    assert_int_equal(tlsm_link_run(client), TLSM_IO_DONE);
    move(world, CLIENT);
    assert_int_equal(client->exact, 1);
    room = tlsm_link_room(client);
    assert_int_equal(room.capacity, 40 + 1 + TLSM_TAG - 20);
    world_free(world);
}

static void j1_a_link_with_an_open_request_stays(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct tlsm_link *server;
    (void)state;
    assert_non_null(world);
    two_init(&world->two);
    world->two.silent = 1;
    world->options.link[CLIENT] = world->options.link[SERVER] = two_options(&world->two);
    assert_int_equal(tlsm_memory_init(&world->memory, world->two.config, &world->options), TLSM_IO_DONE);
    assert_int_equal(tlsm_memory_start(&world->memory, world->two.entropy, NULL), TLSM_IO_DONE);
    (void)tlsm_memory_run(&world->memory);
    server = &world->memory.end[SERVER];
    assert_int_equal(tlsm_link_export(server, block, sizeof block), 0);
    assert_string_equal(tlsm_code_name(server->code), "ANSWER_FIRST");
    world->two.silent = 0;
    assert_int_equal(tlsm_memory_connect(&world->memory), TLSM_IO_DONE);
    assert_int_not_equal(tlsm_link_export(server, block, sizeof block), 0);
    assert_int_equal(tlsm_link_export(server, block, sizeof block), 0);
    assert_string_equal(tlsm_code_name(server->code), "END_HANDED_OFF");
    world_free(world);
}

/* J3: the bytes that nobody took are the one successor. */
static void j3_who_still_has_the_bytes_may_take_them_back(void **state)
{
    struct world *world = connected();
    struct tlsm_link *server = &world->memory.end[SERVER];
    uint8_t bytes[16];
    (void)state;
    move(world, SERVER);
    assert_int_equal(tlsm_memory_write(&world->memory, SERVER, "mine again", 10), 10);
    assert_int_equal(tlsm_memory_read(&world->memory, CLIENT, bytes, sizeof bytes), 10);
    assert_int_not_equal(tlsm_link_export(server, block, sizeof block), 0);
    assert_int_equal(tlsm_memory_write(&world->memory, SERVER, "x", 1), TLSM_IO_ENDED);
    assert_link(server, "handed_off");
    world_free(world);
}

/* What the transport holds it would read and write on, behind the back of whoever has the bytes. */
static void j3_a_link_whose_memory_is_held_stays(void **state)
{
    struct world *world = connected();
    struct tlsm_link *server = &world->memory.end[SERVER];
    (void)state;
    tlsm_link_hold(server, TLSM_WANT_READ);
    assert_int_equal(tlsm_link_export(server, block, sizeof block), 0);
    assert_string_equal(tlsm_code_name(server->code), "FEED_FIRST");
    tlsm_link_let_go(server, TLSM_WANT_READ);
    assert_int_equal(tlsm_link_seal(server, text, 50), 50);
    tlsm_link_hold(server, TLSM_WANT_WRITE);
    assert_int_equal(tlsm_link_export(server, block, sizeof block), 0);
    assert_string_equal(tlsm_code_name(server->code), "SEND_FIRST");
    tlsm_link_let_go(server, TLSM_WANT_WRITE);
    move(world, SERVER);
    world_free(world);
}

/* As when a kernel's layer has taken a record half: it is not here to go along. */
static void j1_a_link_whose_produced_bytes_are_elsewhere_stays(void **state)
{
    struct world *world = connected();
    struct tlsm_link *server = &world->memory.end[SERVER];
    (void)state;
    assert_int_equal(tlsm_link_seal(server, text, 50), 50);
    server->out.end--;
    assert_int_equal(tlsm_link_export(server, block, sizeof block), 0);
    assert_string_equal(tlsm_code_name(server->code), "SEND_FIRST");
    server->out.end++;
    move(world, SERVER);
    world_free(world);
}

/* Produced while the transport held what was produced before. */
static void j1_what_lies_behind_goes_along(void **state)
{
    struct world *world = connected();
    struct tlsm_link *server = &world->memory.end[SERVER];
    uint8_t bytes[128];
    size_t have = 0;
    ptrdiff_t got;
    (void)state;
    assert_int_equal(tlsm_link_seal(server, text, 50), 50);
    tlsm_link_hold(server, TLSM_WANT_WRITE);
    assert_int_equal(tlsm_link_seal(server, text + 50, 30), 30);
    tlsm_link_let_go(server, TLSM_WANT_WRITE);
    move(world, SERVER);
    (void)tlsm_memory_run(&world->memory);
    while ((got = tlsm_memory_read(&world->memory, CLIENT, bytes + have, sizeof bytes - have)) > 0)
        have += (size_t)got;
    assert_int_equal(have, 80);
    assert_memory_equal(bytes, text, 80);
    world_free(world);
}

/* ------------------------------------------------------------------------------------------------ damage */

static size_t busy_link(struct world *world)
{
    struct tlsm_link *client = &world->memory.end[CLIENT];
    uint8_t bytes[16];
    assert_int_equal(tlsm_memory_write(&world->memory, SERVER, text, 300), 300);
    assert_int_equal(tlsm_memory_write(&world->memory, SERVER, text, 200), 200);
    assert_int_equal(tlsm_memory_read(&world->memory, CLIENT, bytes, 10), 10);
    world->memory.pipe[CLIENT].blocked = 1;
    assert_int_equal(tlsm_memory_write(&world->memory, CLIENT, text, 100), 100);
    assert_true(tlsm_link_unread(client) > 0 && tlsm_link_pending(client).length > 0 && tlsm_link_rest(client).length > 0);
    return tlsm_link_export(client, block, sizeof block);
}

static int imports(const struct world *world, const uint8_t *bytes, size_t length, const char *code)
{
    struct tlsm_link link;
    const int done = tlsm_link_import(&link, &world->two.config[CLIENT], &world->options.link[CLIENT],
                                      (struct tlsm_bytes){ bytes, length });
    if (done == TLSM_IO_DONE) {
        assert_int_equal(tlsm_invariant(link.state), 0);
        (void)tlsm_link_run(&link);
        (void)tlsm_link_discard(&link);
        (void)tlsm_link_run(&link);
        tlsm_link_eof(&link);      /* whatever they said, an end is an end */
        while (tlsm_link_run(&link) == TLSM_IO_DONE && tlsm_link_discard(&link) > 0)
            continue;
        assert_int_equal(tlsm_needs(link.state) & TLSM_NEED_RECEIVE, 0);
        tlsm_link_free(&link);
        return 1;
    }
    assert_int_equal(done, TLSM_IO_REFUSED);
    assert_null(link.state);
    if (code != NULL)
        assert_string_equal(tlsm_code_name(link.code), code);
    return 0;
}

static void damaged_bytes_are_refused_or_harmless(void **state)
{
    struct world *world = connected();
    const size_t length = busy_link(world);
    static uint8_t larger[ROOM];
    (void)state;
    for (size_t i = 0; i < length; i++)
        assert_int_equal(imports(world, block, i, i < 4 ? "EXPORT_FOREIGN" : "EXPORT_LENGTH"), 0);
    memcpy(larger, block, length);
    assert_int_equal(imports(world, larger, length + 1, "EXPORT_LENGTH"), 0);
    for (size_t i = 0; i < length; i++)
        for (unsigned by = 1; by < 256; by *= 2) {
            larger[i] ^= (uint8_t)by;
            (void)imports(world, larger, length, NULL);
            larger[i] ^= (uint8_t)by;
        }
    assert_int_equal(imports(world, block, length, NULL), 1);
    larger[4] = 9;
    assert_int_equal(imports(world, larger, length, "EXPORT_OTHER_VERSION"), 0);
    world_free(world);
}

/* ------------------------------------------------------------------------------------------------ sockets */

/* Not closed, not shut, and the deadline goes along. */
static void a_socket_moves_with_its_descriptor(void **state)
{
    struct two two;
    struct tlsm_socket_options options = { .non_blocking = 1 };
    struct tlsm_socket *end[2], *moved;
    enum tlsm_code code;
    uint8_t bytes[32];
    int pair[2], descriptor = -1;
    size_t length;
    (void)state;
    two_init(&two);
    options.link = two_options(&two);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    for (int i = 0; i < 2; i++) {
        end[i] = tlsm_socket_new(&two.config[i], pair[i], &options);
        assert_non_null(end[i]);
        assert_int_equal(tlsm_socket_start(end[i], &two.entropy[i], NULL), TLSM_IO_DONE);
    }
    for (int rounds = 0; rounds < 8; rounds++)
        for (int i = 0; i < 2; i++)
            (void)tlsm_socket_handshake(end[i]);
    assert_int_equal(tlsm_connected(end[SERVER]->link.state), 1);
    assert_int_equal(tlsm_socket_deadline(end[SERVER], 3600000), TLSM_IO_DONE);
    assert_int_equal(tlsm_socket_write(end[CLIENT], "on its way", 10), 10);
    length = tlsm_socket_export(end[SERVER], block, sizeof block, &descriptor);
    assert_true(length > 0 && length == 17 + tlsm_length(end[SERVER]->link.state) + 12 + 56);
    assert_int_equal(descriptor, pair[SERVER]);
    tlsm_socket_free(end[SERVER]);
    assert_null(tlsm_socket_import(&two.config[SERVER], descriptor, &options, (struct tlsm_bytes){ block, length - 1 }, &code));
    assert_string_equal(tlsm_code_name(code), "EXPORT_LENGTH");
    assert_null(tlsm_socket_import(&two.config[CLIENT], descriptor, &options, (struct tlsm_bytes){ block, length }, &code));
    assert_string_equal(tlsm_code_name(code), "EXPORT_SETTINGS");
    moved = tlsm_socket_import(&two.config[SERVER], descriptor, &options, (struct tlsm_bytes){ block, length }, &code);
    assert_non_null(moved);
    assert_true(tlsm_socket_timeout(moved) > 3000000 && tlsm_socket_timeout(moved) <= 3600002);
    assert_int_equal(tlsm_socket_read(moved, bytes, sizeof bytes), 10);
    assert_memory_equal(bytes, "on its way", 10);
    assert_int_equal(tlsm_socket_write(moved, "and back", 8), 8);
    assert_int_equal(tlsm_socket_read(end[CLIENT], bytes, sizeof bytes), 8);
    tlsm_socket_free(moved);
    tlsm_socket_free(end[CLIENT]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(j1_a_link_goes_on_exactly_whatever_the_transport_does),
        cmocka_unit_test(j1_a_truncation_is_one_there_too),
        cmocka_unit_test(j1_half_a_record_wants_its_rest),
        cmocka_unit_test(j1_a_link_with_an_open_request_stays),
        cmocka_unit_test(j3_who_still_has_the_bytes_may_take_them_back),
        cmocka_unit_test(j3_a_link_whose_memory_is_held_stays),
        cmocka_unit_test(j1_a_link_whose_produced_bytes_are_elsewhere_stays),
        cmocka_unit_test(j1_what_lies_behind_goes_along),
        cmocka_unit_test(damaged_bytes_are_refused_or_harmless),
        cmocka_unit_test(a_socket_moves_with_its_descriptor),
    };
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 31 >> 3);
    return cmocka_run_group_tests_name("link_export", tests, NULL, NULL);
}
