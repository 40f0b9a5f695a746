/* SPDX-License-Identifier: MIT */
/* tlsm_bio over a BIO that fails as the input says: six bytes for the two (talk.h), one for the contracts and filters, the faults
 * (faulty_pipe.h), then commands. */
#include <openssl/err.h>

#include "faulty_bio.h"
#include "talk.h"
#include "tlsm_bio.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tlsm_link *link_of(void *self) { return &((struct tlsm_bio *)self)->link; }
static ptrdiff_t read_some(void *self, void *to, size_t capacity) { return tlsm_bio_read(self, to, capacity); }
static ptrdiff_t write_some(void *self, const void *from, size_t length) { return tlsm_bio_write(self, from, length); }
static int flush(void *self) { return tlsm_bio_flush(self); }
static int close_it(void *self, int one_way) { return tlsm_bio_close(self, one_way); }
static int handshake(void *self)
{
    struct tlsm_bio *bio = self;
    return bio->link.config.settings->role == TLSM_CLIENT ? tlsm_bio_connect(bio, NULL) : tlsm_bio_accept(bio);
}

/* K3, K4: what the call returns, and that it says why. */
static void shut_down(struct tlsm_bio *bio)
{
    int done, flags;
    enum tlsm_bio_error error;
    adapter_begins();
    done = tlsm_bio_shutdown(bio);
    flags = tlsm_bio_get_shutdown(bio);
    error = tlsm_bio_get_error(bio);
    (void)adapter_returned(ADAPTER_CALLS_SHUTDOWN, done >= 0 ? done : -(ptrdiff_t)error);
    talk_must(done >= -1 && done <= 1, "K3: a shutdown returns what it never does");
    talk_must(done != 1 || flags == (TLSM_SENT_SHUTDOWN | TLSM_RECEIVED_SHUTDOWN), "K3: 1, and not both flags");
    talk_must(done == 1 ? error == TLSM_BIO_ERROR_NONE : done == 0 || error != TLSM_BIO_ERROR_NONE, "K3: the error is not that of the result");
    talk_must(bio->procedure.contract != TLSM_SHUTDOWN_ONE_CALL || done != 0 || error == TLSM_BIO_ERROR_SSL,
              "K3: 0 is an end of the transport");
}

static void other(void *self, uint8_t which)
{
    struct tlsm_bio *bio = self;
    if (which < 8)
        shut_down(bio);
    else if (which < 12)
        tlsm_bio_set_shutdown(bio, which & 3);
    talk_must(tlsm_bio_reason(bio) != NULL, "a reason is NULL");
    (void)tlsm_bio_errno(bio);
}

static const struct talk_kind bios = { link_of, handshake, read_some, write_some, flush, close_it, NULL, NULL, other };

static void make_end(struct talk *talk, int who, struct faulty_end *end, uint8_t how)
{
    BIO *chain = faulty_bio(end);
    if (how & 4)
        chain = BIO_push(BIO_new(BIO_f_buffer()), chain);
    talk->self[who] = tlsm_bio_new_with(&talk->config[who], chain, chain, &talk->options);
    talk_must(talk->self[who] != NULL, "a connection is not made");
    tlsm_bio_contract(talk->self[who], how & 1 ? TLSM_SHUTDOWN_TWO_STEP : TLSM_SHUTDOWN_ONE_CALL, how >> 1 & 1);
    talk_start(talk, who);
}

const struct enumeration *adapter_enumeration(void)
{
    static const struct enumeration connections = {
        .head = { ADAPTER_BYTES("\0\0\0\0\0\0\x00"), ADAPTER_BYTES("\1\0\0\0\0\0\x11"), ADAPTER_BYTES("\16\0\0\0\0\0\x45"),
                  ADAPTER_BYTES("\20\100\0\0\0\0\x11"), ADAPTER_BYTES("\0\20\0\2\0\0\x02"), ADAPTER_BYTES("\0\20\0\0\52\0\x01") },
        .start = { TALK_STARTS, TALK_FULL },
        .faults = 1,
        .both = 1,
        .deep = 2,
        .depth = 2,
        .move = { TALK_CALL_MOVES, TALK_LINK_MOVES, FAULTY_MOVES, ADAPTER_BYTES("\x1c"), ADAPTER_BYTES("\x24"), ADAPTER_BYTES("\x25") }
    };
    return &connections;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    adapter_at_exit();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct talk talk;
    static struct faulty faulty;
    struct faulty_end end[TALK_ENDS] = { { &faulty, 0 }, { &faulty, 1 } };
    struct feed feed = { data, size };
    uint8_t how;
    talk_init(&talk, &bios, &feed);
    how = feed_take(&feed);
    faulty_init(&faulty, &feed);
    for (int who = 0; who < TALK_ENDS; who++)
        make_end(&talk, who, &end[who], (uint8_t)(how >> 4 * who));
    for (int steps = 0; steps < TALK_STEPS && feed.left > 0; steps++) {
        const uint8_t choice = feed_take(&feed);
        const int who = choice >> 7, which = talk_step(&talk, choice, &feed);
        if (which > 8)
            other(talk.self[who], (uint8_t)(which - 8));
        else if (which > 0)
            faulty_command(&faulty, who, which, &feed);
        talk_must(ERR_peek_error() == 0, "the thread's queue of errors is not as it was");
        talk_look(&talk);
    }
    talk_place(&talk, faulty_sort(&faulty));
    for (int who = 0; who < TALK_ENDS; who++)
        adapter_place((uint64_t)((struct tlsm_bio *)talk.self[who])->procedure.flags << 8 | ((struct tlsm_bio *)talk.self[who])->procedure.told);
    faulty.faults.left = 0;
    talk_until_quiet(&talk);
    for (int who = 0; who < TALK_ENDS; who++)
        tlsm_bio_free(talk.self[who]);
    return 0;
}
