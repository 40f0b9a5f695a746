/* SPDX-License-Identifier: MIT */
/* A transport between two ends that fails as an input says: one byte a call, 0 and all behind the input's end "as usual". */
#ifndef TLSM_FAULTY_PIPE_H
#define TLSM_FAULTY_PIPE_H

#include <sys/types.h>

#include "feed.h"

enum { FAULTY_ROOM = 200000 };

struct faulty_pipe {                 /* pipe[i] carries from end i to the other */
    uint8_t bytes[FAULTY_ROOM];
    size_t start, end;
    int shut;                        /* the end of the transport comes behind the bytes */
    int reset;                       /* receiving fails */
    int deaf;                        /* sending fails */
    int error;                       /* errno of either */
};
struct faulty {
    struct faulty_pipe pipe[2];
    struct feed faults;
};

/* faulty_init: the next byte of the input says how many after it are faults. */
void faulty_init(struct faulty *faulty, struct feed *feed);
/* faulty_receive, faulty_send: as recv(2) and send(2) of a socket that does not block. Slots are kept (adapter_slot.h). */
ssize_t faulty_receive(struct faulty *faulty, int who, void *to, size_t room);
ssize_t faulty_send(struct faulty *faulty, int who, const void *from, size_t length);
/* faulty_shut: `who` sends no more. faulty_reset: nobody does, and what was under way is lost. faulty_inject: as if `who` had sent it. */
void faulty_shut(struct faulty *faulty, int who);
void faulty_reset(struct faulty *faulty);
void faulty_inject(struct faulty *faulty, int who, struct feed bytes);
size_t faulty_held(const struct faulty *faulty, int who);
/* faulty_take: the next fault. faulty_sort: a word for how the two pipes stand. */
uint8_t faulty_take(struct faulty *faulty);
uint64_t faulty_sort(const struct faulty *faulty);
/* faulty_command: one of eight commands on the transport: 1 shut, 2 reset, 3 the next junk, 4 lose the last bytes and shut. */
void faulty_command(struct faulty *faulty, int who, int which, struct feed *feed);
/* For an adapter's enumeration, where the first of them is number 20. */
#define FAULTY_MOVES ADAPTER_BYTES("\x14"), ADAPTER_BYTES("\x15"), ADAPTER_BYTES("\x16\x01\x99"), ADAPTER_BYTES("\x17\x03")

#endif
