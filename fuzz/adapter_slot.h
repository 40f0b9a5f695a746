/* SPDX-License-Identifier: MIT */
/* What an adapter's loops did, as slots of state coverage: one for each (call, answer of the transport, result). Every answer that the
 * transport gave during a call makes one with the call's result; a call that asked the transport nothing makes one with "nothing". The
 * transports of the fuzz targets tell of their answers (faulty_pipe.c, faulty_bio.c, faulty_kernel.c, the targets themselves), the
 * targets of their calls; the adapters know nothing of it. What can be reached is found by enumeration: enumerate_main.c. */
#ifndef TLSM_ADAPTER_SLOT_H
#define TLSM_ADAPTER_SLOT_H

#include <stddef.h>
#include <stdint.h>

#include "feed.h"

#define ADAPTER_CALL_LIST(X) \
    X(HANDSHAKE, "handshake") X(READ, "read") X(PEEK, "peek") X(WRITE, "write") X(FLUSH, "flush") X(CLOSE, "close") X(END, "end our half") \
    X(SHUTDOWN, "shutdown") X(DEADLINE, "deadline") X(READY, "event loop's turn") X(OTHER, "another call") X(HAND_OVER, "hand over") \
    X(ARM, "arm") X(COMPLETE, "completion")
#define ADAPTER_ANSWER_LIST(X) \
    X(NOTHING, "nothing was asked") X(SENT, "all was sent") X(SENT_PART, "a part was sent") X(SEND_BLOCKED, "sending blocks") \
    X(SEND_INTERRUPTED, "sending is interrupted") X(SEND_FAILED, "sending fails") X(RECEIVED, "received") X(RECEIVE_BLOCKED, "receiving blocks") \
    X(RECEIVE_INTERRUPTED, "receiving is interrupted") X(RECEIVE_END, "the transport's end") X(RECEIVE_FAILED, "receiving fails") \
    X(READY, "ready") X(LATE, "not ready in time") X(WAIT_FAILED, "waiting fails") X(FLUSHED, "flushed") X(FLUSH_BLOCKED, "flushing blocks") \
    X(FLUSH_FAILED, "flushing fails") X(SHUT, "shut") X(SHUT_FAILED, "shutting fails") X(CLOSED, "closed") X(CLOSE_FAILED, "closing fails") \
    X(SET, "an option is set") X(SET_FAILED, "an option is refused") X(TOLD, "a question is answered") X(TELL_FAILED, "a question is refused") \
    X(RECALLED, "called back") X(RECALL_FAILED, "too late to be called back") \
    X(ASK_RECEIVE, "a receive is armed") X(ASK_SEND, "a send is armed") X(ASK_SHUT, "a shut is armed") X(ASK_CLOSE, "a close is armed") \
    X(ASK_RECALL, "something is called back")

enum adapter_call {
#define X(name, text) ADAPTER_CALLS_##name,
    ADAPTER_CALL_LIST(X)
#undef X
    ADAPTER_CALLS
};
enum adapter_answer {
#define X(name, text) ADAPTER_##name,
    ADAPTER_ANSWER_LIST(X)
#undef X
    ADAPTER_ANSWERS
};
/* Results: something, or 0, or -1 and so on, or what is below -14. */
enum { ADAPTER_RESULTS = 17, ADAPTER_SLOTS = ADAPTER_CALLS * ADAPTER_ANSWERS * ADAPTER_RESULTS };

/* adapter_answered: what the transport says, during a call. adapter_asked: a byte of the input's faults is taken for it. */
void adapter_answered(enum adapter_answer answer);
void adapter_asked(void);
/* adapter_begins: a call begins, so that what was answered before it is not its. adapter_returned: it returns; gives the result back. */
void adapter_begins(void);
ptrdiff_t adapter_returned(enum adapter_call call, ptrdiff_t result);
/* adapter_not_ours: the call at hand is none of the adapter that is looked at. */
void adapter_not_ours(void);
/* adapter_at_exit: statecov_at_exit(), for those whose fixtures do not go with operation.h. */
void adapter_at_exit(void);
/* adapter_text: "read, receiving blocks: -1". Good until the next call. */
const char *adapter_text(unsigned slot);

/* ------------------------------------------------------------------------------------------------ for enumeration */

/* adapter_place: where a run came to before its end, as the target sees it: what follows from two equal ones is taken to be equal. */
void adapter_place(uint64_t word);

/* What a run did. */
struct adapter_run {
    uint64_t place;
    unsigned asked, slots;
    uint16_t slot[ADAPTER_SLOTS];
};
/* adapter_run_begin: forgets the last one. adapter_run_end: what was since; good until the next one begins. */
void adapter_run_begin(void);
const struct adapter_run *adapter_run_end(void);

/* The inputs of a target: one of its heads, with `faults` a number of them and so many, then moves. A move with `both` is one of the
 * first end, and with bit 7 of its first byte one of the second. */
enum { ENUMERATION_HEADS = 24, ENUMERATION_STARTS = 16, ENUMERATION_MOVES = 400 };
struct enumeration {
    struct feed head[ENUMERATION_HEADS];
    struct feed start[ENUMERATION_STARTS];   /* courses to begin with, beside none */
    int faults, both;
    unsigned depth;                 /* moves in a row, one fewer behind heads that are not among the first `deep` */
    unsigned deep;
    struct feed move[ENUMERATION_MOVES];
};
/* The target's. */
const struct enumeration *adapter_enumeration(void);
#define ADAPTER_BYTES(text) { (const uint8_t *)(text), sizeof(text) - 1 }

#endif
