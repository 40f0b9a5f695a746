/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE

#include "carry.h"

#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* The numbers of a connection, in this order, 8 bytes each; then the peer's name, what is held, and the socket. */
enum number { ID, LOGGED, SENT, GONE, REQUEST_BYTES, ANSWERED, NEWLINES, ASKED, READ_ENDED, CLOSING, SAID_END, HELD, NUMBERS };
enum { PEER = sizeof ((struct connection *)NULL)->peer, FIXED = 8 * NUMBERS + PEER };

static void read_numbers(const struct connection *connection, uint64_t number[NUMBERS])
{
    number[ID] = connection->session.id;
    number[LOGGED] = connection->session.logged;
    number[SENT] = connection->session.sent;
    number[GONE] = connection->session.gone != 0;
    number[REQUEST_BYTES] = connection->request_bytes;
    number[ANSWERED] = connection->answered;
    number[NEWLINES] = connection->newlines;
    number[ASKED] = connection->asked;
    number[READ_ENDED] = connection->read_ended;
    number[CLOSING] = connection->closing;
    number[SAID_END] = connection->said_end;
    number[HELD] = connection->held != NULL ? connection->held_length - connection->held_at : 0;
}

static void set_numbers(struct connection *connection, const uint64_t number[NUMBERS])
{
    connection->session.logged = (unsigned)number[LOGGED];
    connection->session.sent = number[SENT];
    connection->session.gone = number[GONE] != 0;
    connection->request_bytes = number[REQUEST_BYTES];
    connection->answered = number[ANSWERED];
    connection->newlines = (uint8_t)number[NEWLINES];
    connection->asked = (uint32_t)number[ASKED];
    connection->read_ended = number[READ_ENDED] != 0;
    connection->closing = number[CLOSING] != 0;
    connection->said_end = number[SAID_END] != 0;
}

static void put_numbers(uint8_t *at, const uint64_t number[NUMBERS])
{
    for (size_t i = 0; i < NUMBERS; i++)
        for (size_t byte = 0; byte < 8; byte++)
            *at++ = (uint8_t)(number[i] >> (56 - 8 * byte));
}

static void take_numbers(const uint8_t *at, uint64_t number[NUMBERS])
{
    for (size_t i = 0; i < NUMBERS; i++) {
        number[i] = 0;
        for (size_t byte = 0; byte < 8; byte++)
            number[i] = number[i] << 8 | *at++;
    }
}

int carry_out(struct connection *connection, struct cargo *cargo)
{
    uint64_t number[NUMBERS];
    size_t needed, held;
    (void)tlsm_link_run(&connection->socket->link);   /* whatever is asked is answered at once */
    needed = tlsm_socket_export(connection->socket, NULL, 0, &cargo->descriptor);
    read_numbers(connection, number);
    held = (size_t)number[HELD];
    cargo->length = FIXED + held + needed;
    cargo->bytes = needed > 0 ? malloc(cargo->length) : NULL;
    if (cargo->bytes == NULL)
        return -1;
    put_numbers(cargo->bytes, number);
    memcpy(cargo->bytes + 8 * NUMBERS, connection->peer, PEER);
    if (held > 0)
        memcpy(cargo->bytes + FIXED, connection->held + connection->held_at, held);
    (void)tlsm_socket_export(connection->socket, cargo->bytes + FIXED + held, needed, &cargo->descriptor);
    return 0;
}

/* What a turn will rely on. */
static int makes_sense(const struct connection *connection, const uint64_t number[NUMBERS])
{
    const struct page *page = &connection->service->page;
    return number[ANSWERED] <= page->head_length + page->length && number[NEWLINES] <= 2;
}

static int hold(struct connection *connection, const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return 0;
    connection->held = malloc(length);
    if (connection->held == NULL)
        return -1;
    memcpy(connection->held, bytes, length);
    connection->held_length = length;
    return 0;
}

int carry_in(struct connection *connection, const struct cargo *cargo, const char **why)
{
    const struct service *service = connection->service;
    struct tlsm_bytes rest = { cargo->bytes, cargo->length };
    uint64_t number[NUMBERS];
    enum tlsm_code code;
    *why = "It is no connection of this version.";
    if (cargo->length < FIXED)
        return -1;
    take_numbers(cargo->bytes, number);
    if (number[HELD] > cargo->length - FIXED || !makes_sense(connection, number))
        return -1;
    rest.data += FIXED + number[HELD];
    rest.length -= FIXED + (size_t)number[HELD];
    *why = "Out of memory.";
    if (hold(connection, cargo->bytes + FIXED, (size_t)number[HELD]) < 0)
        return -1;
    connection->socket = session_import(&connection->session, &connection->service->endpoint, service->options,
                                        cargo->descriptor, number[ID], rest, &code);
    if (connection->socket == NULL) {
        *why = tlsm_code_text(code);
        free(connection->held);
        connection->held = NULL;
        return -1;
    }
    set_numbers(connection, number);
    memcpy(connection->peer, cargo->bytes + 8 * NUMBERS, PEER);
    connection->peer[PEER - 1] = '\0';
    connection->again = 1;   /* bytes may lie here that no event will tell of */
    return 0;
}

void carry_drop(struct cargo *cargo)
{
    explicit_bzero(cargo->bytes, cargo->length);
    free(cargo->bytes);
    cargo->bytes = NULL;
}
