/* SPDX-License-Identifier: MIT */
/* Messages with descriptors over a stream socket of this machine. Every call waits, at most PASSING_MS. */
#ifndef TLSM_PASSING_H
#define TLSM_PASSING_H

#include <stddef.h>
#include <stdint.h>

enum { PASSING_MS = 10000, PASSING_DESCRIPTORS = 2, PASSING_MAX = 1 << 20 };

/* What one call received. The bytes are malloc'ed, the descriptors open; passing_drop() ends both. */
struct passing {
    uint8_t *bytes;
    size_t length;
    int descriptor[PASSING_DESCRIPTORS];   /* -1: none */
};

/* passing_send: one message, with up to PASSING_DESCRIPTORS descriptors, which stay the caller's too. 0, or -1 with errno. */
int passing_send(int fd, const void *bytes, size_t length, const int *descriptor, size_t descriptors);

/* passing_receive: the next message. 0; -1 with errno: ECONNRESET when the other end is gone, ETIMEDOUT. */
int passing_receive(int fd, struct passing *message);

/* passing_drop: wipes and frees what is left in it. A descriptor that somebody took is set to -1 before. */
void passing_drop(struct passing *message);

/* passing_limit: all calls from now on wait no longer than `ms` together; 0: each its PASSING_MS again. What needs no waiting is
 * done all the same. */
void passing_limit(int ms);

/* passing_say: a message of one byte. passing_hear: that byte, or -1 with errno. */
int passing_say(int fd, char word);
int passing_hear(int fd);

#endif
