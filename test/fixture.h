/* SPDX-License-Identifier: MIT */
/* Two machines over the null provider and a wire between them that tests hold in their hands. */
#ifndef TLSM_TEST_FIXTURE_H
#define TLSM_TEST_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "tlsm.h"

enum { SIDE_ROOM = 24576, SIDE_WIRE = 70000 };

struct side {
    struct tlsm_settings settings;
    struct tlsm_config config;
    union {
        struct tlsm_state state;
        uint64_t align;
        uint8_t bytes[SIDE_ROOM];
    } block;
    struct tlsm_out out;                 /* of the last step */
    uint8_t wire[SIDE_WIRE];             /* produced, not taken */
    size_t wire_have;
    uint8_t held[SIDE_WIRE];             /* received, not consumed */
    size_t held_have;
    uint8_t plain[SIDE_WIRE];            /* application data delivered */
    size_t plain_have;
    uint8_t opened[TLSM_RECORD_MAX];     /* where bodies are opened */
    unsigned tickets, close_notifies;
    uint8_t session[2048];               /* serialised: of the last ticket that came */
    size_t session_have;
    int no_answers;                      /* 1: requests stay open */
    uint64_t now_ms;                     /* told at the start */
    const struct tlsm_session *offered;  /* at the start; NULL: none */
    enum tlsm_code code;                 /* of the last step */
    void (*stepped)(struct side *side);  /* called after each step; may be NULL */
};
struct pair {
    struct side client, server;
};

/* Steps with `in`; checks the invariants, that a refusal changes nothing, and that wire bytes are kept. */
enum tlsm_code side_step(struct side *side, const struct tlsm_in *in);
enum tlsm_code side_do(struct side *side, enum tlsm_in_kind kind);
enum tlsm_code side_close(struct side *side, int one_way);
enum tlsm_code side_abort(struct side *side, uint8_t alert);
enum tlsm_code side_eof(struct side *side, int vouch);
enum tlsm_code side_write(struct side *side, const char *text);
enum tlsm_code side_update(struct side *side, int ask);
/* Produces all that is owed into side->wire. */
void side_produce(struct side *side);
/* The transport takes n of the produced bytes; they are gone unless `to` receives them. */
enum tlsm_code side_sent(struct side *side, size_t n, struct side *to);
/* Feeds what is held, up to the end or the first end. Returns the gravest code. */
enum tlsm_code side_feed(struct side *side);
/* produce all, take all, feed it. */
enum tlsm_code side_say(struct side *from, struct side *to);
/* A record with this type and content, sealed as `from` would (sequence used up), straight into what `to` holds. */
void side_forge(struct side *from, struct side *to, uint8_t type, const void *content, size_t length);
/* Plaintext bytes straight into what `to` holds. */
void side_inject(struct side *to, const void *bytes, size_t length);
uint8_t side_how(const struct side *side);
struct tlsm_verdict side_verdict(const struct side *side);

void pair_init(struct pair *pair);
/* Both speak this version alone (enum tlsm_protocol); before the start. */
void pair_speak(struct pair *pair, uint16_t version);
/* Both know the time, and the server makes tickets; before the start. */
void pair_resumable(struct pair *pair);
void pair_start(struct pair *pair);
/* Says back and forth until nobody has anything to say. */
void pair_talk(struct pair *pair);
void pair_connect(struct pair *pair);   /* init, start, talk; both connected */

/* Allocated, and to be freed: initialised, and connected. */
struct pair *pair_fresh(void);
struct pair *pair_connected(void);

static inline uint8_t side_rx(const struct side *side) { return side->block.state.control.rx; }
static inline uint8_t side_tx(const struct side *side) { return side->block.state.control.tx; }
static inline unsigned side_needs(const struct side *side) { return tlsm_needs(&side->block.state); }

#define assert_how(side, name) assert_string_equal(tlsm_how_name(side_how(side)), name)
#define assert_code(code, expected) assert_string_equal(tlsm_code_name(code), tlsm_code_name(expected))
#define assert_plain(side, text)                                \
    do {                                                        \
        assert_int_equal((side)->plain_have, strlen(text));     \
        assert_memory_equal((side)->plain, text, strlen(text)); \
    } while (0)

#endif
