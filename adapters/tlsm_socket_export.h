/* SPDX-License-Identifier: MIT */
/* A socket's connection that moves to another process of this machine, which gets the descriptor too (SCM_RIGHTS of unix(7)). */
#ifndef TLSM_SOCKET_EXPORT_H
#define TLSM_SOCKET_EXPORT_H

#include "tlsm_link_export.h"
#include "tlsm_socket.h"

TLSM_DECLARATIONS_BEGIN

/* tlsm_socket_export: as tlsm_link_export(), with the deadline and how far the transport's end has come. On success the descriptor
 * is released, neither shut nor closed: it stands in *descriptor, and is the caller's. Read what the link still holds with no other
 * call than tlsm_socket_free(). */
size_t tlsm_socket_export(struct tlsm_socket *socket, void *to, size_t capacity, int *descriptor);

/* tlsm_socket_import: the connection in `bytes` over its `descriptor`, which becomes the connection's unless NULL is returned.
 * `config` and `options` as for tlsm_socket_new(). NULL: *code says why: one of the TLSM_EXPORT_… codes, or TLSM_MORE_STATE_ROOM
 * for want of memory. Data may be there already: read before waiting. */
struct tlsm_socket *tlsm_socket_import(const struct tlsm_config *config, int descriptor, const struct tlsm_socket_options *options,
                                       struct tlsm_bytes bytes, enum tlsm_code *code);

TLSM_DECLARATIONS_END
#endif
