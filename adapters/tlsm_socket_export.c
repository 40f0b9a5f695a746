/* SPDX-License-Identifier: MIT */
/* What a socket remembers, then its link (tlsm_link_export.c). Times are told as what is left of them. */
#define _DEFAULT_SOURCE


#include "tlsm_link_internal.h"
#include "tlsm_socket_export.h"
#include "tlsm_socket_internal.h"

enum { FIXED = 4 + 4 + 8 + 1 };   /* UINT32_MAX milliseconds: none */

static uint64_t left(uint64_t until_ms)
{
    const int milliseconds = tlsm_socket_left(until_ms);
    return milliseconds < 0 ? (uint64_t)UINT32_MAX : (uint64_t)milliseconds;
}

static uint64_t until(uint64_t left_ms) { return left_ms == UINT32_MAX ? UINT64_MAX : tlsm_socket_now() + left_ms; }

size_t tlsm_socket_export(struct tlsm_socket *socket, void *to, size_t capacity, int *descriptor)
{
    const size_t room = capacity > FIXED ? capacity - FIXED : 0, needed = tlsm_link_export(&socket->link, NULL, 0);
    uint8_t *at = to;
    if (needed == 0 || needed > room)
        return needed == 0 ? 0 : FIXED + needed;
    tlsm_number_put(at, left(socket->deadline_ms), 4);
    tlsm_number_put(at + 4, left(socket->linger_until_ms), 4);
    tlsm_number_put(at + 8, socket->drained, 8);
    tlsm_number_put(at + 16, socket->shut, 1);
    (void)tlsm_link_export(&socket->link, at + FIXED, room);
    *descriptor = tlsm_socket_release(socket);
    return FIXED + needed;
}

struct tlsm_socket *tlsm_socket_import(const struct tlsm_config *config, int descriptor, const struct tlsm_socket_options *options,
                                       struct tlsm_bytes bytes, enum tlsm_code *code)
{
    static const struct tlsm_socket_options none;
    struct tlsm_bytes rest = bytes;
    struct tlsm_socket *made;
    int done;
    *code = TLSM_EXPORT_LENGTH;
    if (bytes.length < FIXED)
        return NULL;
    rest.data += FIXED;
    rest.length -= FIXED;
    made = tlsm_socket_new(config, descriptor, options);
    *code = TLSM_MORE_STATE_ROOM;
    if (made == NULL)
        return NULL;
    tlsm_link_free(&made->link);
    done = tlsm_link_import(&made->link, config, options != NULL ? &options->link : &none.link, rest);
    *code = made->link.code;
    if (done != TLSM_IO_DONE) {
        (void)tlsm_socket_release(made);
        tlsm_socket_free(made);
        return NULL;
    }
    made->deadline_ms = until(tlsm_number_take(bytes.data, 4));
    made->linger_until_ms = until(tlsm_number_take(bytes.data + 4, 4));
    made->drained = tlsm_number_take(bytes.data + 8, 8);
    made->shut = tlsm_number_take(bytes.data + 16, 1) != 0;
    return made;
}
