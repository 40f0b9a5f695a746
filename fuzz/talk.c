/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter_slot.h"
#include "null_provider.h"
#include "statecov.h"

enum { PIECE = 17000, QUIET_TURNS = 60, OTHERS = 32 };

void talk_must(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* ------------------------------------------------------------------------------------------------ a provider that fails */

static struct talk *failing;   /* whose provider it is: the table has no room for it, and there is one run at a time */

static const struct tlsm_crypto *good(void) { return &tlsm_null_provider_never_released; }
static int fails(void) { return failing->provider_fails_in > 0 && --failing->provider_fails_in == 0; }
static int bad_start(void *self, uint16_t hash, struct tlsm_hash *to) { return fails() ? -1 : good()->hash_start(self, hash, to); }
static int bad_update(void *self, uint16_t hash, struct tlsm_hash *to, struct tlsm_bytes data)
{
    return fails() ? -1 : good()->hash_update(self, hash, to, data);
}
static int bad_finish(void *self, uint16_t hash, const struct tlsm_hash *from, uint8_t digest[TLSM_HASH_MAX])
{
    return fails() ? -1 : good()->hash_finish(self, hash, from, digest);
}
static int bad_hmac(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts, uint8_t digest[TLSM_HASH_MAX])
{
    return fails() ? -1 : good()->hmac(self, hash, key, part, parts, digest);
}
static int bad_seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain, struct tlsm_bytes tail, uint8_t *out)
{
    return fails() ? -1 : good()->seal(self, key, aad, plain, tail, out);
}
static int bad_share(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_span *to)
{
    return fails() ? -1 : good()->share(self, group, secret, to);
}
static int good_open(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes cipher, uint8_t *out)
{
    return good()->open(self, key, aad, cipher, out);
}
static int good_agree(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes own, struct tlsm_bytes peer,
                      uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    return good()->agree(self, group, secret, own, peer, shared, length);
}
static int good_respond(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes peer, struct tlsm_span *pub,
                        uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    return good()->respond(self, group, secret, peer, pub, shared, length);
}
static void forget(void *self, uint64_t id) { good()->forget(self, id); }
static const struct tlsm_crypto provider = { bad_start, bad_update, bad_finish, bad_hmac, bad_seal, good_open, bad_share, good_agree,
                                             good_respond, forget };

/* ------------------------------------------------------------------------------------------------ settings */

static const uint8_t certificate[] = { 0x30, 3, 1, 2, 3 };
static const struct tlsm_bytes chain[] = { { certificate, sizeof certificate } };
static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_credential credential = { chain, 1, schemes, 1, NULL, 0, { NULL, 0 } };
static const struct tlsm_ticket_key ticket_key = { { 'k', 'e', 'y' }, { 1, 2, 3 } };

/* Late, refused or wrong as the input says; then as it should be. */
static int answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *given)
{
    struct talk *talk = context;
    int kind;
    if (talk->not_yet > 0) {
        talk->not_yet--;
        return 0;
    }
    kind = tlsm_null_answer_open(config, state, given, talk->signature);
    if (talk->refuses != 0)
        given->alert = talk->refuses;
    if (talk->wrong != 0 && given->signature.length > 0)
        talk->signature[talk->wrong % given->signature.length] ^= talk->wrong;
    talk->refuses = talk->wrong = 0;
    return kind;
}

static void stepped(void *context, const struct tlsm_state *state, const struct tlsm_in *in, enum tlsm_code code, const struct tlsm_out *out)
{
    (void)context;
    (void)in;
    talk_must(tlsm_invariant(state) == 0, "an invariant");
    for (unsigned i = 0; i < out->cells; i++)
        statecov_hit(statecov_of_cell(out->cell[i], code));
}

static void settle(struct tlsm_settings *settings, int who, uint8_t how, uint8_t limits)
{
    memset(settings, 0, sizeof *settings);
    settings->role = who == 0 ? TLSM_CLIENT : TLSM_SERVER;
    settings->version_min = settings->version_max = how & 1 ? TLSM_1_2 : TLSM_1_3;
    settings->eof = how & 2 ? TLSM_EOF_FRAMED : TLSM_EOF_STRICT;
    settings->close12 = how & 4 ? TLSM_CLOSE12_HALF : TLSM_CLOSE12_REPLY;
    settings->data_while_closing = how & 8 ? TLSM_CLOSING_DISCARD : TLSM_CLOSING_DELIVER;
    settings->keep_transport = how >> 4 & 1;
    settings->late_auth = how >> 5 & 1;
    settings->record_limit = limits & 1 ? 5 : 0;
    settings->plain_max = limits & 2 ? 100 : 0;
    settings->budget_records = limits & 4 ? 4 : 0;
    settings->credentials = &credential;
    settings->credential_count = 1;
    if (who == 1 && limits & 8) {
        settings->ticket_keys = &ticket_key;
        settings->ticket_key_count = settings->tickets = 1;
    }
}

void talk_init(struct talk *talk, const struct talk_kind *kind, struct feed *feed)
{
    const uint8_t how = feed_take(feed), limits = feed_take(feed);
    memset(talk, 0, sizeof *talk);
    talk->kind = kind;
    failing = talk;
    for (int who = 0; who < TALK_ENDS; who++) {
        settle(&talk->settings[who], who, how, limits);
        talk->config[who] = (struct tlsm_config){ &talk->settings[who], &provider, NULL };
        memset(&talk->entropy[who], 17 * (who + 1), sizeof talk->entropy[who]);
    }
    talk->provider_fails_in = feed_take(feed);
    talk->not_yet = feed_take(feed) % 8;
    talk->refuses = feed_take(feed);
    talk->wrong = feed_take(feed);
    talk->options.hooks.answer = answer;
    talk->options.hooks.stepped = stepped;
    talk->options.hooks.context = talk;
    talk->options.exact = limits >> 4 & 1;
    talk->options.warm = limits >> 5 & 1;
    talk->options.out_limit = limits & 64 ? 200 : 0;
}

static struct tlsm_link *link_of(struct talk *talk, int who)
{
    return talk->self[who] != NULL ? talk->kind->link(talk->self[who]) : NULL;
}

void talk_start(struct talk *talk, int who)
{
    const struct tlsm_start start = { &talk->entropy[who], talk->settings[who].role == TLSM_CLIENT ? "test.example" : NULL, NULL, UINT64_C(1800000000000) };
    struct tlsm_link *link = link_of(talk, who);
    if (link != NULL && tlsm_link_begin(link, &start) == TLSM_IO_REFUSED)   /* the provider failed; it does so once */
        talk_must(link->code == TLSM_LIBRARY_FAILED && tlsm_link_begin(link, &start) == TLSM_IO_DONE, "a machine does not start");
}

/* ------------------------------------------------------------------------------------------------ what must hold */

static uint8_t pattern(int who, uint64_t at) { return (uint8_t)(at * 31 + at / 251 * 7 + (unsigned)who * 101); }

static uint64_t said(struct talk *talk, int who)
{
    return link_of(talk, who) != NULL ? link_of(talk, who)->state->ledger.plain_out : UINT64_MAX;
}

/* The end of the other's data, and nothing of it is missing. */
static void hear_end(struct talk *talk, int who)
{
    const struct tlsm_link *link = link_of(talk, who), *other = link_of(talk, 1 - who);
    const struct tlsm_ledger *ledger = &link->state->ledger;
    talk_must(link->state->control.rx == TLSM_RX_CLOSED, "an end of data that the machine knows nothing of");
    if (other == NULL)
        return;
    talk_must((other->state->control.facts & TLSM_FACT_CLOSE_MADE) != 0, "I1: an end that nobody said");
    talk_must(ledger->plain_in + ledger->discarded == other->state->ledger.plain_out, "I1: an end before all was heard");
    talk_must(tlsm_link_unread(link) > 0 || talk->heard[who] + link->plain_discarded == ledger->plain_in, "I2: a hole in what is heard");
}

void talk_hear(struct talk *talk, int who, const uint8_t *bytes, ptrdiff_t count)
{
    const uint64_t dropped = link_of(talk, who)->plain_discarded;
    talk_must(count <= TLSM_IO_DONE || count <= PIECE, "more is read than was asked for");
    if (count == 0)
        hear_end(talk, who);
    for (ptrdiff_t i = 0; i < count; i++)
        talk_must(bytes[i] == pattern(1 - who, talk->heard[who] + dropped + (uint64_t)i), "I2: what is read is not what the other wrote");
    talk->heard[who] += count > 0 ? (uint64_t)count : 0;
    talk_must(talk->heard[who] + dropped <= said(talk, 1 - who), "I2: more is read than the other wrote");
}

static void look(struct talk *talk, int who)
{
    const struct tlsm_link *link = link_of(talk, who);
    struct tlsm_verdict verdict;
    if (link == NULL)
        return;
    tlsm_verdict(link->state, &verdict);
    talk_must(tlsm_invariant(link->state) == 0, "an invariant");
    talk_must(link->in.start <= link->in.end && link->in.end <= link->in.capacity, "a buffer of what is received");
    talk_must(link->out.start <= link->out.end && link->out.end <= link->out.capacity, "a buffer of what is produced");
    talk_must(tlsm_link_pending(link).length <= tlsm_outstanding(link->state), "more is pending than is outstanding");
    if (verdict.how == TLSM_CLEAN_BOTH_VERDICT || verdict.how == TLSM_CLEAN_RECEIVED_VERDICT || link->state->control.rx == TLSM_RX_CLOSED)
        hear_end(talk, who);
    if (verdict.how == TLSM_CLEAN_BOTH_VERDICT)
        talk_must(verdict.untaken == 0 && verdict.alert_delivered, "V1: clean, and ours was not taken");
}

void talk_look(struct talk *talk)
{
    for (int who = 0; who < TALK_ENDS; who++)
        look(talk, who);
}

/* ------------------------------------------------------------------------------------------------ commands */

static int is_result(ptrdiff_t result) { return result >= TLSM_IO_NO_MEMORY && result <= TLSM_IO_DONE; }

static ptrdiff_t do_read(struct talk *talk, int who, size_t most)
{
    static uint8_t bytes[PIECE];
    const size_t room = most < sizeof bytes ? most : sizeof bytes;
    ptrdiff_t got;
    if (room == 0)
        return TLSM_IO_WANT_READ;
    adapter_begins();
    got = adapter_returned(ADAPTER_CALLS_READ, talk->kind->read(talk->self[who], bytes, room));
    talk_must(got <= (ptrdiff_t)room && (got > 0 || is_result(got)), "a read returns what it never does");
    talk_hear(talk, who, bytes, got);
    return got;
}

static ptrdiff_t do_write(struct talk *talk, int who, size_t length)
{
    static uint8_t bytes[PIECE];
    const uint64_t before = said(talk, who);
    ptrdiff_t put;
    length = length < sizeof bytes ? length : sizeof bytes;
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern(who, before + i);
    adapter_begins();
    put = adapter_returned(ADAPTER_CALLS_WRITE, talk->kind->write(talk->self[who], bytes, length));
    talk_must(put <= (ptrdiff_t)length && (put > 0 || is_result(put)), "a write returns what it never does");
    talk_must(put <= 0 || said(talk, who) - before == (uint64_t)put, "I2: a write says another length than was sealed");
    talk_must(put != TLSM_IO_REFUSED || said(talk, who) == before || link_of(talk, who)->code == TLSM_LIBRARY_FAILED, "A14: a refused write was sealed");
    return put;
}

static void command_link(struct talk *talk, int who, unsigned command, struct feed *feed)
{
    struct tlsm_link *link = link_of(talk, who);
    switch (command) {
    case 8: (void)tlsm_link_key_update(link, 0); break;
    case 9: (void)tlsm_link_key_update(link, 1); break;
    case 10: (void)tlsm_link_abort(link, feed_take(feed)); break;
    case 11: (void)tlsm_link_abandon(link); break;
    case 12: (void)tlsm_link_ticket(link, 0); break;
    case 13: (void)tlsm_link_ask_certificate(link); break;
    case 14: (void)tlsm_link_discard(link); break;
    case 15: tlsm_link_vouch(link); break;
    case 16: (void)tlsm_link_wait(link); break;
    case 17: (void)tlsm_link_end(link, 0); break;
    case 18: talk->not_yet = feed_take(feed) % 8; break;
    case 19: talk->provider_fails_in = feed_take(feed); break;
    default: break;
    }
}

static int do_close(struct talk *talk, int who, int one_way)
{
    adapter_begins();
    return (int)adapter_returned(one_way ? ADAPTER_CALLS_END : ADAPTER_CALLS_CLOSE, talk->kind->close(talk->self[who], one_way));
}

/* Calls of the adapter's without bytes. */
static void call(struct talk *talk, int who, unsigned command, struct feed *feed)
{
    const struct talk_kind *kind = talk->kind;
    void *self = talk->self[who];
    adapter_begins();
    if (command == 0)
        talk_must(is_result(adapter_returned(ADAPTER_CALLS_HANDSHAKE, kind->handshake(self))), "a handshake returns what it never does");
    else if (command == 5)
        talk_must(is_result(adapter_returned(ADAPTER_CALLS_FLUSH, kind->flush(self))), "a flush returns what it never does");
    else if (command == 6)
        (void)adapter_returned(ADAPTER_CALLS_DEADLINE, kind->deadline(self, feed_take(feed)));
    else
        (void)adapter_returned(ADAPTER_CALLS_READY, kind->ready(self));
}

int talk_step(struct talk *talk, uint8_t choice, struct feed *feed)
{
    const int who = choice >> 7;
    const unsigned command = (choice & 127u) % (TALK_COMMANDS + OTHERS);
    const struct talk_kind *kind = talk->kind;
    if (command >= TALK_COMMANDS || talk->self[who] == NULL)
        return command >= TALK_COMMANDS ? (int)(command - TALK_COMMANDS) + 1 : 0;
    if (command == 1)
        (void)do_read(talk, who, feed_amount(feed));
    else if (command == 2)
        (void)do_write(talk, who, feed_amount(feed));
    else if (command == 3 || command == 4)
        talk_must(is_result(do_close(talk, who, command == 4)), "a close returns what it never does");
    else if ((command == 0 && kind->handshake != NULL) || command == 5 || (command == 6 && kind->deadline != NULL) ||
             (command == 7 && kind->ready != NULL))
        call(talk, who, command, feed);
    else
        command_link(talk, who, command, feed);
    talk_look(talk);
    return 0;
}

/* What its loops look at. */
uint64_t talk_sort(const struct tlsm_link *link)
{
    const struct tlsm_control *control = &link->state->control;
    uint64_t sort = (uint64_t)control->rx << 8 | control->tx;
    sort = sort << 8 | (uint64_t)tlsm_needs(link->state);
    sort = sort << 8 | (uint64_t)(link->transport_end << 4 | (tlsm_connected(link->state) != 0) << 3 | (tlsm_link_unread(link) > 0) << 2 |
                                  (tlsm_link_pending(link).length > 0) << 1 | (tlsm_outstanding(link->state) > 0));
    return sort << 2 | (uint64_t)(link->in.end > link->in.start) << 1 | (control->facts & TLSM_FACT_DEADLINE ? 1u : 0u);
}

void talk_place(struct talk *talk, uint64_t transport)
{
    adapter_place(transport);
    for (int who = 0; who < TALK_ENDS; who++)
        adapter_place(link_of(talk, who) != NULL ? talk_sort(link_of(talk, who)) : 0);
    adapter_place((uint64_t)talk->not_yet << 32 | (uint64_t)talk->provider_fails_in);
}

void talk_until_quiet(struct talk *talk)
{
    talk->not_yet = 0;
    for (int turn = 0; turn < QUIET_TURNS; turn++) {
        int done = 0;
        for (int who = 0; who < TALK_ENDS; who++) {
            ptrdiff_t got = 1;
            for (int reads = 0; talk->self[who] != NULL && got > 0 && reads < QUIET_TURNS; reads++)
                got = do_read(talk, who, PIECE);
            done += talk->self[who] == NULL || do_close(talk, who, 0) == TLSM_IO_DONE;
            talk_look(talk);
        }
        if (done == TALK_ENDS)
            return;
    }
}
