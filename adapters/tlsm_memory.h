/* SPDX-License-Identifier: MIT */
/* Two links back to back, over a transport in memory that can split, join, delay, block, cut at any byte, half-close and
 * reset. No system call, no clock, no randomness: the same script and the same calls give the same run, bit for bit.
 *
 *      end[0] --- pipe[0] ---> end[1]
 *      end[0] <--- pipe[1] --- end[1]
 *
 * What a pipe does with each send, receive and report is one number a move, from a script or from a seed. */
#ifndef TLSM_MEMORY_H
#define TLSM_MEMORY_H

#include "tlsm_link.h"

TLSM_DECLARATIONS_BEGIN

#define TLSM_PIPE_NEVER UINT64_MAX

/* How a pipe moves bytes; all zero: everything at once. A move takes at most so many bytes:
 *   script given   the next number of the script, 0 meaning "blocked this once"; past its end: no limit
 *   else a seed    1 .. most, pseudo-random
 *   else           most (0: no limit) */
struct tlsm_schedule {
    const uint8_t *script;
    size_t script_length;
    uint64_t seed;             /* 0: none */
    size_t most;
};

struct tlsm_pipe_options {
    struct tlsm_schedule send;       /* bytes the pipe takes at once */
    struct tlsm_schedule receive;    /* bytes the far end gets at once: splits and joins */
    struct tlsm_schedule report;     /* bytes reported as sent at once, of those the pipe took: every schedule of `sent` */
    size_t capacity;                 /* bytes under way before sending blocks; 0: no limit */
    uint32_t delay;                  /* turns a byte is under way before it can be received */
};
struct tlsm_memory_options {
    struct tlsm_link_options link[2];
    struct tlsm_pipe_options pipe[2];
};

struct tlsm_pipe_moves {
    struct tlsm_schedule schedule;
    size_t at;                 /* in the script */
    uint64_t random;
};
/* Faults are plain numbers, to be set at any time. Positions count bytes the pipe took since the start. */
struct tlsm_pipe {
    uint64_t cut_at;           /* from this byte on nothing arrives; after it the far end sees EOF. NEVER */
    uint64_t reset_at;         /* likewise, but the far end sees a reset and the near end's sends fail. NEVER */
    uint64_t fail_at;          /* the near end's sends fail once so many bytes were taken; those arrive. NEVER */
    uint8_t blocked;           /* 1: takes nothing */
    uint8_t stopped;           /* 1: gives nothing */
    uint8_t shut;              /* the near end shut its sending half: EOF after the last byte */
    uint8_t zero;
    struct tlsm_pipe_options options;
    struct tlsm_pipe_moves send, receive, report;
    struct tlsm_buffer buffer;
    uint64_t taken, given;     /* bytes in and out; given counts up to cut_at */
    uint64_t unreported;       /* taken, but not yet reported as sent */
    uint64_t ripe;             /* bytes that may be received now (delay) */
    uint32_t age;              /* turns since `ripe` was set */
    uint32_t zero2;
    uint8_t *record;           /* every byte that was ever taken, when recording */
    size_t record_length, record_capacity;
    uint8_t recording;
    uint8_t zero3[7];
};

struct tlsm_memory {
    struct tlsm_link end[2];
    struct tlsm_pipe pipe[2];        /* pipe[i] carries from end[i] to end[1 - i] */
    struct tlsm_transport transport[2];
    struct tlsm_memory_port { struct tlsm_memory *memory; int end; } port[2];
};

/* tlsm_memory_init: two links, config[i] for end[i]: one a client, the other a server. `options` may be NULL; its scripts
 * outlive the pipes. The struct must not move afterwards. TLSM_IO_DONE, _NO_MEMORY, _REFUSED. */
int tlsm_memory_init(struct tlsm_memory *memory, const struct tlsm_config config[2],
                     const struct tlsm_memory_options *options);
void tlsm_memory_free(struct tlsm_memory *memory);

/* tlsm_memory_start: starts both ends; server_name for the client, may be NULL. */
int tlsm_memory_start(struct tlsm_memory *memory, const struct tlsm_entropy entropy[2], const char *server_name);

/* tlsm_memory_turn: one turn: end[which] sends and receives what its pipes allow, and steps. Returns 1 when anything moved. */
int tlsm_memory_turn(struct tlsm_memory *memory, int which);

/* tlsm_memory_run: turns for both until nothing moves (unread plaintext, missing answers, blocked pipes, or the end).
 * Returns the number of turns in which something moved. */
size_t tlsm_memory_run(struct tlsm_memory *memory);

/* tlsm_memory_connect: runs until both ends are connected. TLSM_IO_DONE, or TLSM_IO_ENDED when it came to rest before. */
int tlsm_memory_connect(struct tlsm_memory *memory);

/* The calls of an end, over its pipes. Results are those of tlsm_link.h; none waits: WANT_… until the other end moved. */
int tlsm_memory_handshake(struct tlsm_memory *memory, int which);
ptrdiff_t tlsm_memory_read(struct tlsm_memory *memory, int which, void *to, size_t capacity);
ptrdiff_t tlsm_memory_write(struct tlsm_memory *memory, int which, const void *from, size_t length);
int tlsm_memory_close(struct tlsm_memory *memory, int which, int one_way);

/* Faults of the transport. */
void tlsm_memory_shut(struct tlsm_memory *memory, int which);      /* end[which] half-closes: FIN after what it sent */
void tlsm_memory_reset(struct tlsm_memory *memory, int which);     /* end[which] resets both directions; bytes under way are lost */
void tlsm_memory_vanish(struct tlsm_memory *memory, int which);    /* end[which] is gone: EOF for the other, whose sends fail */
/* tlsm_memory_inject: puts bytes under way as if end[which] had sent them; its machine knows nothing of them. */
int tlsm_memory_inject(struct tlsm_memory *memory, int which, const void *bytes, size_t length);
/* tlsm_memory_record: from now on keeps all that end[which] sends in pipe[which].record. */
void tlsm_memory_record(struct tlsm_memory *memory, int which);

TLSM_DECLARATIONS_END
#endif
