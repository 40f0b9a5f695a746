/* SPDX-License-Identifier: MIT */
/* A connection of the server as bytes: how far it has come, then its socket. For --handoff. */
#ifndef TLSM_CARRY_H
#define TLSM_CARRY_H

#include "serve.h"

/* A connection on its way. The bytes are malloc'ed and secret: carry_drop(). */
struct cargo {
    uint8_t *bytes;
    size_t length;
    int descriptor;
};

/* carry_out: takes the connection out of its socket, which ends (tlsm_socket_export()); what is held goes along. 0, or -1: it
 * cannot move now, and goes on as it was. */
int carry_out(struct connection *connection, struct cargo *cargo);

/* carry_in: makes `connection`, whose service is set and all else zero, what the cargo's was. The descriptor becomes the
 * connection's. 0, or -1: *why says why, the descriptor stays the caller's. */
int carry_in(struct connection *connection, const struct cargo *cargo, const char **why);

/* carry_drop: wipes and frees the bytes. */
void carry_drop(struct cargo *cargo);

#endif
