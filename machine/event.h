/* SPDX-License-Identifier: MIT */
/* Shared by the files that classify and carry out: event.c, step.c, record.c, content.c, post.c, produce.c, verdict.c. */
#ifndef TLSM_EVENT_H
#define TLSM_EVENT_H

#include "closing.h"
#include "internal.h"

static inline int tlsm_rx_alive(uint8_t rx)
{
    return rx == TLSM_RX_UNBORN || rx == TLSM_RX_HANDSHAKE || rx == TLSM_RX_OPEN;
}
/* How many of a kind may come in a row: E4, alerts that are ignored (E3, E5), compatibility ChangeCipherSpec, E8, B5. */
enum { TLSM_EMPTIES_MAX = 32, TLSM_CANCELS_MAX = 4, TLSM_COMPATIBILITY_MAX = 32, TLSM_REQUESTS_MAX = 32, TLSM_KEY_UPDATES_MAX = 32 };
/* Handshake bytes in one record under the early key: EndOfEarlyData has 4. */
enum { TLSM_EARLY_MESSAGE_MAX = 64 };
/* RFC 9846 §4.7.3: of ours. */
#define TLSM_UPDATES_MAX ((UINT64_C(1) << 48) - 1)

/* Our close was asked for: "while we wait" has begun (A14, B3), and a failed send does not end it (I12). */
static inline int tlsm_close_asked(const struct tlsm_control *control)
{
    return (control->facts & TLSM_FACT_CLOSE_ASKED) != 0;
}
/* Nothing of the handshake can matter any more: no message of ours will be made, none of the peer's read. */
static inline int tlsm_handshake_over(const struct tlsm_control *control)
{
    const int speaking = control->tx == TLSM_TX_MUTE || control->tx == TLSM_TX_HANDSHAKE || control->tx == TLSM_TX_OPEN;
    return !tlsm_rx_alive(control->rx) && !speaking;
}
static inline int tlsm_refuses(enum tlsm_code code) { return code >= TLSM_NOT_STARTED; }
static inline enum tlsm_code tlsm_graver(enum tlsm_code a, enum tlsm_code b) { return a > b ? a : b; }

/* record.c: one unit of wire input: a run of header bytes, or one body. */
enum tlsm_code tlsm_fold_header(struct tlsm_work *work);
enum tlsm_code tlsm_read_body(struct tlsm_work *work);
void tlsm_clear_header(struct tlsm_control *control);
/* record.c: what a whole header's length gets wrong: an alert, or 0 (E1, F3). */
uint8_t tlsm_judge_length(const struct tlsm_control *control);
/* record.c: one protected or plain record of at most TLSM_PLAIN_MAX bytes from `plain` at out->wire; room was checked. */
int tlsm_seal_record(struct tlsm_work *work, uint8_t type, struct tlsm_bytes plain);

/* step.c: C4, T5, T2, H1: what may not be read now; the ticket that a record before this one ended is over. */
enum tlsm_code tlsm_may_receive(const struct tlsm_control *control);
void tlsm_forget_last_ticket(struct tlsm_state *state);

/* elsewhere.c: J2. tlsm_count_cut: after SENT: a record that was sealed elsewhere and not taken whole became two. */
enum tlsm_code tlsm_offload(struct tlsm_work *work);
enum tlsm_code tlsm_read_elsewhere(struct tlsm_work *work);
enum tlsm_code tlsm_failed_elsewhere(struct tlsm_work *work);
void tlsm_count_cut(struct tlsm_work *work);
/* 1 when our key can be changed once more (F4), and when the record layer can follow a key update of the peer's. */
int tlsm_may_update(const struct tlsm_state *state);
int tlsm_can_follow(const struct tlsm_state *state, int asked);

/* content.c: what a record brought, by its (inner) type. */
enum tlsm_code tlsm_content(struct tlsm_work *work, uint8_t type, struct tlsm_bytes content, int authentic);
/* content.c: counts a record that came while closing; 1: that is too many (B3). */
int tlsm_over_record_budget(struct tlsm_work *work, uint8_t type);
/* content.c: too many of something in a row (E4, E5, B5). */
enum tlsm_code tlsm_fail_excess(struct tlsm_work *work);

/* renegotiation.c: E8, B6. tlsm_asks_again: 1: of this type is a message that asks for a second handshake. tlsm_judge_again: a message of
 * this type begins: OK, or what became of it. tlsm_ignore_again: one that was judged OK is whole. */
int tlsm_asks_again(const struct tlsm_state *state, uint8_t type);
enum tlsm_code tlsm_judge_again(struct tlsm_work *work, uint8_t type);
enum tlsm_code tlsm_ignore_again(struct tlsm_work *work, struct tlsm_bytes body);

/* post.c: post-handshake messages. */
enum tlsm_code tlsm_post_content(struct tlsm_work *work, struct tlsm_bytes content);
enum tlsm_code tlsm_make_update(struct tlsm_work *work);
/* post.c: bytes still missing of the message in spare: of its header first, then of its body; 0: it is whole. */
size_t tlsm_spare_missing(const struct tlsm_state *state);

/* late_auth.c: client authentication after the handshake. tlsm_late_takes: messages of this type are its; tlsm_late_began: the client's
 * answer has begun to come, and nothing else may. tlsm_late_content: takes one message of the content, or the part of it that is there.
 * tlsm_late_room: length of the block to which the next record's content may be added; 0: none is. tlsm_late_settle: after a step, drops
 * what has become pointless. tlsm_ask_certificate: the command. */
int tlsm_late_takes(const struct tlsm_state *state, uint8_t type);
int tlsm_late_began(const struct tlsm_state *state);
enum tlsm_code tlsm_late_content(struct tlsm_work *work, struct tlsm_bytes *content);
size_t tlsm_late_room(const struct tlsm_state *state);
void tlsm_late_settle(struct tlsm_state *state);
enum tlsm_code tlsm_ask_certificate(struct tlsm_work *work);

/* content.c: the first message that is not kept, whole; an alert, or 0. */
uint8_t tlsm_take_one(struct tlsm_work *work, size_t length);
size_t tlsm_message_limit(const struct tlsm_work *work);
/* record.c: so much content may come into the block. */
enum tlsm_code tlsm_check_state_room(struct tlsm_work *work, size_t content);
/* step.c: what lies behind the state goes, wiped, and with it an open request. */
void tlsm_drop_behind(struct tlsm_state *state);

/* consistent.c: what tlsm_invariant() asks before it looks at anything else: 0, or the number of what contradicts. */
int tlsm_consistent(const struct tlsm_state *state);

/* produce.c */
enum tlsm_code tlsm_produce(struct tlsm_work *work);
enum tlsm_code tlsm_write(struct tlsm_work *work);

/* event.c: A9: of what is outstanding the transport took part of a record, as far as can be known. */
int tlsm_half_record(const struct tlsm_ledger *ledger);

/* record.c: content that one record of the peer may have, now. */
size_t tlsm_content_max(const struct tlsm_work *work);

/* produce.c: after a record was sealed: what keeps the two records of A16 back. */
void tlsm_keep_reserve(struct tlsm_work *work);

/* event.c: the number of records a write key may still make, the two of A16 kept back. */
uint64_t tlsm_writes_left(const struct tlsm_config *config, const struct tlsm_state *state);

/* event.c: 1: one more session ticket would leave those two alone, in records as small as the peer takes them. */
int tlsm_ticket_fits(const struct tlsm_config *config, const struct tlsm_state *state);

/* verdict.c: the verdict alone, enum tlsm_how. */
uint8_t tlsm_how_now(const struct tlsm_state *state);

#endif
