/* SPDX-License-Identifier: MIT */
/* Scenes: one machine under given settings with the null provider, and what its peer would say to it in the handshake,
 * recorded once from a real pair. A node is that machine at one moment. The explorer walks nodes, the fuzz targets run
 * from them. */
#ifndef TLSM_SCENE_H
#define TLSM_SCENE_H

#include "tlsm.h"

enum {
    SCENE_BLOCK = 8192,      /* bytes of a node's block; what the step is told is SCENE_ROOM */
    SCENE_ROOM = 8000,
    SCENE_RECORDS = 16,      /* of the peer's part of the handshake */
    SCENE_SCRIPT = 2048,     /* bytes of their content */
    SCENE_ROOTS = 48,        /* snapshots: not started, then after every step of the plain course */
    SCENE_SESSION = 512,     /* bytes of a serialised session */
    SCENE_WIRE = 40000       /* the largest wire or plain room used */
};

/* What a watcher saw on the way to a node, decoded by its own record walker. */
enum watch {
    WATCH_CANCEL_OUT = 1,    /* user_canceled left */
    WATCH_CLOSE_OUT = 2,     /* close_notify left */
    WATCH_FATAL_OUT = 4,     /* a fatal alert left */
    WATCH_PEER_CLOSE = 8,    /* an authentic close_notify came before any end of the transport */
    WATCH_EOF = 16,          /* the transport ended while reading went on */
    WATCH_EARLY = 32         /* the handshake was touched by hand: early data is rejected */
};

struct mark {
    uint8_t scene, watch;
    uint8_t record, zero;    /* next record of the script: of the handshake, or while a client's late answer is read … */
    uint16_t offset, zero2;  /* … and how much of it was given */
};

struct node {
    struct mark mark;
    union {
        struct tlsm_state state;
        uint8_t block[SCENE_BLOCK];
    } at;
};

struct scene_record {
    uint8_t type;
    uint16_t at, length;     /* of scene.script */
};

enum scene_flag {
    SCENE_FRAMED = 1,        /* the explorer folds header bytes one by one here */
    SCENE_EARLY = 2,         /* the server rejects early data (a fact set by hand) */
    SCENE_EXHAUSTED = 4,     /* no key update is left (a total set by hand) */
    SCENE_DEEP = 8,          /* the explorer counts the counters up to their limits here */
    SCENE_DEADLINE = 16,     /* the explorer sets deadlines here */
    SCENE_CASUAL = 32,       /* the explorer starts from the established connection only */
    SCENE_RESUMED = 128,     /* a session of an earlier connection is resumed */
    SCENE_ELSEWHERE = 256,   /* one more root: records are opened and sealed elsewhere; the explorer walks on from there */
    SCENE_HANDSHAKE = 64,    /* the explorer stops at the established connection */
    SCENE_WHOLE = 512,       /* the explorer takes and gives whole records here, one at a time, and messages in one piece */
    SCENE_LATE = 1024        /* server: what a client answers that is asked for its certificate after the handshake is recorded too */
};

struct scene {
    const char *name;
    unsigned flags;
    unsigned offload;        /* SCENE_ELSEWHERE: the operation */
    struct tlsm_settings settings, peer;   /* of the machine, and of the one that was recorded */
    struct tlsm_config config;
    struct tlsm_entropy entropy;
    uint64_t now_ms;                       /* what the machine is told; 0: nothing */
    uint64_t later_ms;                     /* SCENE_RESUMED: so long after the session was made */
    const struct tlsm_session *session;    /* resumed, by the client or out of the server's cache; NULL: none */
    struct scene_record record[SCENE_RECORDS];
    size_t records, all;                   /* of the handshake; and with the client's answer behind it */
    size_t script_length;
    uint8_t script[SCENE_SCRIPT];
    struct tlsm_key read_key, write_key;   /* of the data phase: every node is pinned to them */
    uint8_t read_secret[TLSM_HASH_MAX], write_secret[TLSM_HASH_MAX];
    size_t roots;
    struct node root[SCENE_ROOTS];
};

/* scenes_prepare: records every handshake. Deterministic; the second call does nothing. */
void scenes_prepare(void);
size_t scenes_count(void);
const struct scene *scene_at(size_t index);

/* node_copy: the live bytes. node_equal: 1 when mark and state are. */
void node_copy(struct node *to, const struct node *from);
int node_equal(const struct node *a, const struct node *b);
/* node_awaits: 1 while a client's late answer is read. */
int node_awaits(const struct node *node);
/* node_normalize: pins what has no end and no influence: totals, sequence numbers, keys after key updates. */
void node_normalize(struct node *node);

#endif
