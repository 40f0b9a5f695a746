/* SPDX-License-Identifier: MIT */
/* Two connections of an adapter that talk as the input says, over a transport that fails as it says. Whatever that is: what is
 * read is what the other wrote, an end that is read is the other's (I1, I2), a clean verdict needs one, every call returns
 * what its header says, and whoever is let go leaves nothing behind. */
#ifndef TLSM_TALK_H
#define TLSM_TALK_H

#include "adapter_slot.h"
#include "feed.h"
#include "tlsm_link.h"

enum { TALK_ENDS = 2, TALK_STEPS = 200 };

/* The calls of an adapter; those that it lacks are NULL. `self` is its connection. */
struct talk_kind {
    struct tlsm_link *(*link)(void *self);
    int (*handshake)(void *self);
    ptrdiff_t (*read)(void *self, void *to, size_t capacity);
    ptrdiff_t (*write)(void *self, const void *from, size_t length);
    int (*flush)(void *self);
    int (*close)(void *self, int one_way);
    int (*deadline)(void *self, int milliseconds);
    int (*ready)(void *self);                          /* an event loop's turn */
    /* other: one more call, of the adapter's own */
    void (*other)(void *self, uint8_t which);
};

struct talk {
    const struct talk_kind *kind;
    struct tlsm_settings settings[TALK_ENDS];          /* client, server */
    struct tlsm_config config[TALK_ENDS];
    struct tlsm_entropy entropy[TALK_ENDS];
    struct tlsm_link_options options;
    void *self[TALK_ENDS];                             /* NULL: gone */
    uint64_t heard[TALK_ENDS];
    unsigned provider_fails_in;                        /* calls of the provider; 0: never */
    uint8_t not_yet, refuses, wrong;                   /* how many answers are late; and then refused, or wrong */
    uint8_t signature[64];
};

/* talk_init: two bytes say the settings, four more when the provider and the answers fail. */
void talk_init(struct talk *talk, const struct talk_kind *kind, struct feed *feed);
/* talk_begin: `who` is started; its options' hooks are those of `talk`. */
void talk_start(struct talk *talk, int who);
/* talk_step: one command of the input: bit 7 says whose. 0: it is for the caller, who has this number of them beyond ours. */
int talk_step(struct talk *talk, uint8_t command, struct feed *feed);
enum { TALK_COMMANDS = 20 };
/* For an adapter's enumeration: how far a handshake has come, and connections with data under way; calls; commands of the link. */
#define TALK_CONNECTED "\x00\x80\x00\x80\x00\x80"
#define TALK_STARTS \
    ADAPTER_BYTES("\x00"), ADAPTER_BYTES("\x00\x80"), ADAPTER_BYTES(TALK_CONNECTED), ADAPTER_BYTES(TALK_CONNECTED "\x02\x0a\x82\x0a"), \
        ADAPTER_BYTES(TALK_CONNECTED "\x82\x00\x01\x01"), ADAPTER_BYTES(TALK_CONNECTED "\x02\x0a\x03\x81\x01"), \
        ADAPTER_BYTES("\x00\x80\x12\x03\x00")
/* Where the transport takes little more. */
#define TALK_FULL ADAPTER_BYTES(TALK_CONNECTED TALK_THREE TALK_THREE TALK_THREE "\x02\x00\x02\x00")
#define TALK_THREE "\x02\x00\x02\x00\x02\x00"
#define TALK_CALL_MOVES \
    ADAPTER_BYTES("\x00"), ADAPTER_BYTES("\x01\x00"), ADAPTER_BYTES("\x01\x01"), ADAPTER_BYTES("\x02\x0a"), ADAPTER_BYTES("\x02\x00"), \
        ADAPTER_BYTES("\x03"), ADAPTER_BYTES("\x04"), ADAPTER_BYTES("\x05"), ADAPTER_BYTES("\x06\x00"), ADAPTER_BYTES("\x06\x28"), \
        ADAPTER_BYTES("\x07")
#define TALK_LINK_MOVES \
    ADAPTER_BYTES("\x09"), ADAPTER_BYTES("\x0a\x2a"), ADAPTER_BYTES("\x0b"), ADAPTER_BYTES("\x0e"), ADAPTER_BYTES("\x0f"), \
        ADAPTER_BYTES("\x11"), ADAPTER_BYTES("\x12\x03"), ADAPTER_BYTES("\x13\x01"), ADAPTER_BYTES("\x13\x04"), ADAPTER_BYTES("\x13\x09")
/* talk_hear: checks what was read by other calls. talk_look: what must hold at any time. */
void talk_hear(struct talk *talk, int who, const uint8_t *bytes, ptrdiff_t count);
void talk_look(struct talk *talk);
/* talk_sort: a word for how a link stands. talk_place: where the two stand, with a word for the transport (adapter_slot.h). */
uint64_t talk_sort(const struct tlsm_link *link);
void talk_place(struct talk *talk, uint64_t transport);
/* talk_until_quiet: both go on until nothing moves; the transport works by now. */
void talk_until_quiet(struct talk *talk);
void talk_must(int condition, const char *what);

#endif
