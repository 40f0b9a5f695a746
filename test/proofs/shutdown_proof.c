/* SPDX-License-Identifier: MIT */
/* SSL_shutdown() as a procedure, in both contracts: any procedure's state, anything seen, any connection with both halves in range. */
#include "proof.h"

struct tlsm_shutdown nondet_shutdown(void);

enum { BOTH = TLSM_SENT_SHUTDOWN | TLSM_RECEIVED_SHUTDOWN };

static struct tlsm_shutdown any_procedure(void)
{
    struct tlsm_shutdown given = nondet_shutdown();
    GIVEN(given.contract <= TLSM_SHUTDOWN_TWO_STEP && given.quiet <= 1 && given.flags <= BOTH && (given.preset & ~given.flags) == 0);
    GIVEN(given.called <= 1 && given.held <= 1 && given.in_init <= 1 && given.told <= 1);
    return given;
}

static void claim_return(struct tlsm_shutdown given, struct tlsm_shutdown_next next)
{
    const struct tlsm_control *control = &subject.control;
    const int ours = control->tx == TLSM_TX_CLOSED || (given.preset & TLSM_SENT_SHUTDOWN);
    const int theirs = control->rx == TLSM_RX_CLOSED || (given.preset & TLSM_RECEIVED_SHUTDOWN);
    const int cut = control->cause == TLSM_CAUSE_EOF || control->cause == TLSM_CAUSE_EOF_VOUCHED;
    PROVE(next.returns >= -1 && next.returns <= 1, "1, 0 or -1");
    PROVE(next.returns != 1 || given.quiet || (ours && theirs), "K3: 1 only when both came through, or were set beforehand");
    PROVE(next.returns != 1 || (next.error == TLSM_SHUTDOWN_NONE && next.state.flags == BOTH), "1 comes without an error, with both flags");
    PROVE(next.returns == 1 || next.error != TLSM_SHUTDOWN_NONE, "whatever else is returned names its reason");
    PROVE(next.returns != 0 || next.error == TLSM_SHUTDOWN_WANT_READ || (cut && next.error == TLSM_SHUTDOWN_UNEXPECTED_EOF),
          "K3, K4: 0 is the peer's silence or the transport's end");
    PROVE(next.error != TLSM_SHUTDOWN_WANT_READ || next.returns != 0 ||
              (given.contract == TLSM_SHUTDOWN_TWO_STEP && !given.told && next.state.told), "K4: the first of two steps, and once");
    PROVE(next.error != TLSM_SHUTDOWN_DATA_PENDING || next.state.held, "K1: data that is pending was seen");
}

static void claim_act(struct tlsm_shutdown given, enum tlsm_shutdown_seen seen, struct tlsm_shutdown_next next)
{
    PROVE(next.act != TLSM_DO_CLOSE || !given.called, "the close is asked for once");
    PROVE(next.act != TLSM_DO_CLOSE || !(given.preset & TLSM_SENT_SHUTDOWN), "L5: nothing is asked for that was set as sent");
    PROVE(next.act != TLSM_DO_READ || tlsm_rx_alive(subject.control.rx), "nothing is read after its end");
    PROVE(next.act != TLSM_DO_READ || !next.state.held, "K1: nothing is read past unread data");
    PROVE(next.act != TLSM_DO_READ || seen != TLSM_SAW_BLOCKED_READ, "K5: who is blocked returns");
    PROVE(next.act != TLSM_DO_FLUSH || seen != TLSM_SAW_BLOCKED_WRITE || !(tlsm_needs(&subject) & (TLSM_NEED_PRODUCE | TLSM_NEED_SEND)),
          "K5: who is blocked returns");
    PROVE(next.returns == 0 && next.error == TLSM_SHUTDOWN_NONE, "an action returns nothing");
}

int main(void)
{
    const struct tlsm_shutdown given = any_procedure();
    const enum tlsm_shutdown_seen seen = (enum tlsm_shutdown_seen)nondet_byte();
    subject = nondet_state();
    GIVEN(subject.control.rx < TLSM_RX_COUNT && subject.control.tx < TLSM_TX_COUNT && seen < TLSM_SAW_COUNT);
    before = subject;
    const struct tlsm_shutdown_next next = tlsm_shutdown_step(given, seen, &subject);
    PROVE(same_state(&before, &subject), "K2: the connection, and so its verdict, is not touched");
    PROVE(next.act <= TLSM_DO_RETURN, "one of the four actions");
    PROVE((given.flags & ~next.state.flags) == 0, "K2: flags are only added");
    PROVE(next.state.preset == given.preset && next.state.contract == given.contract, "what was set beforehand stays");
    if (next.act == TLSM_DO_RETURN)
        claim_return(given, next);
    else
        claim_act(given, seen, next);
    CANARY("of reading", next.act != TLSM_DO_READ);
}
