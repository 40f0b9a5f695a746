/* SPDX-License-Identifier: MIT */
/* Memory that is refused, and a cryptographic library that fails, at every call of a life over links: where memory was
 * refused the call is repeated, and then nothing is different. */
#include "fault_peer.h"

#include "tlsm_memory.h"

enum { PIECE = 5000, LONG_NAME = 200, PATIENCE = 3, TURNS_MAX = 12 };

struct life {
    enum { BY_CLOSE, BY_ONE_CALL, BY_TWO_STEPS, BY_ABORT } end;
    int small_blocks;
    /* What came of it. */
    struct two two;
    struct tlsm_memory memory;
    size_t said[2], heard[2];
    int wrong, tickets, issued, given_up;
    struct tlsm_verdict verdict[2];
};

static const struct tlsm_ticket_key ticket_key = { { 'k' }, { 1, 2, 3 } };
static struct tlsm_verdict undisturbed[2];
static int undisturbed_tickets;

/* ------------------------------------------------------------------------------------------------ a library that fails */

static const struct tlsm_crypto *good(void) { return &tlsm_null_provider_never_released; }

static int bad(const char *name)
{
    static const int errors[] = { EIO, 0 };
    int error;
    return fault_next(name, errors, 0, 0, &error);
}

static int bad_start(void *self, uint16_t hash, struct tlsm_hash *to)
{
    return bad("hash_start") ? -1 : good()->hash_start(self, hash, to);
}

static int bad_update(void *self, uint16_t hash, struct tlsm_hash *to, struct tlsm_bytes data)
{
    return bad("hash_update") ? -1 : good()->hash_update(self, hash, to, data);
}

static int bad_finish(void *self, uint16_t hash, const struct tlsm_hash *from, uint8_t digest[TLSM_HASH_MAX])
{
    return bad("hash_finish") ? -1 : good()->hash_finish(self, hash, from, digest);
}

static int bad_hmac(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                    uint8_t digest[TLSM_HASH_MAX])
{
    return bad("hmac") ? -1 : good()->hmac(self, hash, key, part, parts, digest);
}

static int bad_seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain,
                    struct tlsm_bytes tail, uint8_t *out)
{
    return bad("seal") ? -1 : good()->seal(self, key, aad, plain, tail, out);
}

static int bad_share(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_span *to)
{
    return bad("share") ? -1 : good()->share(self, group, secret, to);
}

static int bad_agree(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes own,
                     struct tlsm_bytes peer, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    return bad("agree") ? -1 : good()->agree(self, group, secret, own, peer, shared, length);
}

static int bad_respond(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes peer,
                       struct tlsm_span *to, uint8_t shared[TLSM_SHARED_MAX], size_t *length)
{
    return bad("respond") ? -1 : good()->respond(self, group, secret, peer, to, shared, length);
}

/* ------------------------------------------------------------------------------------------------ a life */

static void hook_ticket(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    struct life *life = context;
    (void)state;
    (void)session;
    life->tickets++;
}

static int hook_answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *answer)
{
    struct life *life = context;
    return two_answer(&life->two, config, state, answer);
}

static void hook_keys(void *context, const struct tlsm_state *state)
{
    uint8_t secret[TLSM_HASH_MAX];
    (void)context;
    for (int label = 0; label < TLSM_SECRET_EXPORTER; label++)
        fault_secret(secret, tlsm_secret(state, (enum tlsm_secret_label)label, secret));
}

/* 1: repeat it. What was refused because something outside failed is tried again, a few times. */
static int again(struct life *life, int which, ptrdiff_t result)
{
    const struct tlsm_link *link = &life->memory.end[which];
    if (result == TLSM_IO_NO_MEMORY || (result == TLSM_IO_REFUSED && link->code == TLSM_LIBRARY_FAILED)) {
        assert_true(fault.effect >= FAULT_ONCE);
        return ++life->given_up <= PATIENCE;
    }
    return 0;
}

static int call_handshake(struct life *life, int which) { return tlsm_memory_handshake(&life->memory, which); }
static int call_update(struct life *life, int which) { return tlsm_link_key_update(&life->memory.end[which], 1); }
static int call_ticket(struct life *life, int which) { return tlsm_link_ticket(&life->memory.end[which], 1000000); }
static int call_abort(struct life *life, int which) { return tlsm_link_abort(&life->memory.end[which], TLSM_ALERT_INTERNAL_ERROR); }
static int call_flush(struct life *life, int which)
{
    return tlsm_link_flush(&life->memory.end[which], &life->memory.transport[which]);
}
static int call_close(struct life *life, int which) { return tlsm_memory_close(&life->memory, which, 0); }
static int call_start(struct life *life, int which)
{
    const struct tlsm_start start = { &life->two.entropy[which], which == CLIENT ? "a.example" : NULL, NULL, 1000000 };
    return tlsm_link_begin(&life->memory.end[which], &start);
}

static int call(struct life *life, int which, int (*what)(struct life *life, int which))
{
    int done;
    do
        done = what(life, which);
    while (again(life, which, done));
    return done;
}

static void write_some(struct life *life, int which)
{
    uint8_t bytes[PIECE];
    ptrdiff_t put;
    peer_fill(bytes, sizeof bytes, life->said[which]);
    do
        put = tlsm_memory_write(&life->memory, which, bytes, sizeof bytes);
    while (again(life, which, put));
    life->said[which] += put > 0 ? (size_t)put : 0;
}

/* Reads until there is nothing now. */
static ptrdiff_t read_some(struct life *life, int which)
{
    uint8_t bytes[1000];
    ptrdiff_t got;
    do {
        got = tlsm_memory_read(&life->memory, which, bytes, sizeof bytes);
        if (got <= 0)
            continue;
        life->wrong |= !peer_matches(bytes, (size_t)got, life->heard[which]);
        life->heard[which] += (size_t)got;
    } while (got > 0 || again(life, which, got));
    return got;
}

static void shake_hands(struct life *life)
{
    for (int end = 0; end < 2; end++)
        (void)call(life, end, call_start);
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        const int client = call(life, CLIENT, call_handshake), server = call(life, SERVER, call_handshake);
        if ((client == TLSM_IO_DONE && server == TLSM_IO_DONE) || client == TLSM_IO_ENDED || client == TLSM_IO_REFUSED)
            return;
    }
}

/* 1: over for this end. */
static int shut_one(struct life *life, int which, struct tlsm_shutdown *procedure)
{
    enum tlsm_shutdown_error error;
    int result;
    (void)read_some(life, which);
    if (life->end == BY_CLOSE)
        return call(life, which, call_close) == TLSM_IO_DONE;
    do
        result = tlsm_link_shutdown(&life->memory.end[which], &life->memory.transport[which], procedure, &error);
    while (result < 0 && error == TLSM_SHUTDOWN_FAILURE && again(life, which, TLSM_IO_NO_MEMORY));
    if (result == 1)
        assert_int_equal(link_verdict(&life->memory.end[which]).how, TLSM_CLEAN_BOTH_VERDICT);
    return result == 1 || (result < 0 && error != TLSM_SHUTDOWN_WANT_READ && error != TLSM_SHUTDOWN_WANT_WRITE &&
                           error != TLSM_SHUTDOWN_DATA_PENDING);
}

static void close_both(struct life *life)
{
    struct tlsm_shutdown procedure[2];
    int over[2] = { 0, 0 };
    memset(procedure, 0, sizeof procedure);
    procedure[CLIENT].contract = procedure[SERVER].contract =
        life->end == BY_TWO_STEPS ? TLSM_SHUTDOWN_TWO_STEP : TLSM_SHUTDOWN_ONE_CALL;
    if (life->end == BY_ABORT) {
        (void)call(life, CLIENT, call_abort);
        (void)call(life, CLIENT, call_flush);
        (void)read_some(life, SERVER);
        return;
    }
    for (int turn = 0; turn < TURNS_MAX && !(over[CLIENT] && over[SERVER]); turn++)
        for (int end = 0; end < 2; end++)
            over[end] = over[end] || shut_one(life, end, &procedure[end]);
}

static void converse(struct life *life)
{
    shake_hands(life);
    (void)call(life, SERVER, call_ticket);
    for (int round = 0; round < 3; round++) {
        write_some(life, CLIENT);
        write_some(life, SERVER);
        (void)read_some(life, CLIENT);
        (void)read_some(life, SERVER);
        if (round == 1)
            (void)call(life, CLIENT, call_update);
    }
    close_both(life);
}

/* ------------------------------------------------------------------------------------------------ what must hold */

/* A library that fails while it works on what the peer sent ends the connection with internal_error, and a pipe that has no
 * memory is a broken one. */
static int harmless_once(void)
{
    return fault.effect == FAULT_ONCE && (strcmp(fault.name, "malloc") == 0 || strcmp(fault.name, "calloc") == 0);
}

static void judge(struct life *life)
{
    assert_int_equal(life->wrong, 0);
    for (int end = 0; end < 2; end++) {
        life->verdict[end] = link_verdict(&life->memory.end[end]);
        assert_true(life->heard[end] <= life->said[1 - end]);
        if (is_clean(life->verdict[end].how)) {
            assert_true(life->memory.end[1 - end].state->control.facts & TLSM_FACT_CLOSE_MADE);
            assert_int_equal(life->heard[end], life->said[1 - end]);
        }
    }
    if (fault.effect == FAULT_NONE) {
        memcpy(undisturbed, life->verdict, sizeof undisturbed);
        undisturbed_tickets = life->tickets;
        assert_int_equal(life->verdict[CLIENT].how, life->end == BY_ABORT ? TLSM_LOCAL_ALERT_VERDICT : TLSM_CLEAN_BOTH_VERDICT);
        assert_int_equal(life->heard[CLIENT], 3 * PIECE);
        assert_true(life->tickets > 0);
    }
    if (fault.effect <= FAULT_MILD || harmless_once()) {
        assert_memory_equal(life->verdict, undisturbed, sizeof undisturbed);
        assert_int_equal(life->tickets, undisturbed_tickets);
    }
}

static void live(void *context)
{
    static uint64_t block[2][TLSM_ESTABLISHED_MAX / sizeof(uint64_t)];
    const struct tlsm_crypto crypto = { bad_start, bad_update, bad_finish, bad_hmac, bad_seal, good()->open,
                                        bad_share, bad_agree, bad_respond, good()->forget };
    struct life life = *(const struct life *)context;
    struct tlsm_memory_options options;
    int made;
    two_init(&life.two);
    life.two.settings[SERVER].ticket_keys = &ticket_key;
    life.two.settings[SERVER].ticket_key_count = life.two.settings[SERVER].tickets = 1;
    memset(&options, 0, sizeof options);
    for (int end = 0; end < 2; end++) {
        options.link[end].hooks = (struct tlsm_hooks){ .answer = hook_answer, .ticket = hook_ticket, .keys = hook_keys, .context = &life };
        options.link[end].block = life.small_blocks ? block[end] : NULL;
        options.link[end].block_capacity = life.small_blocks ? sizeof block[end] : 0;
        life.two.config[end].crypto = &crypto;
    }
    fault_arm();
    do
        made = tlsm_memory_init(&life.memory, life.two.config, &options);
    while (made == TLSM_IO_NO_MEMORY && ++life.given_up <= PATIENCE);
    if (made == TLSM_IO_DONE) {
        converse(&life);
        fault_disarm();
        judge(&life);
        tlsm_memory_free(&life.memory);
    } else {
        assert_int_equal(fault.effect, FAULT_EVER);
    }
    fault_disarm();
}

static void sweep(const char *title, struct life life) { assert_true(fault_sweep(title, live, &life) > 100); }

static void closing(void **state)
{
    (void)state;
    sweep("links, closing", (struct life){ .end = BY_CLOSE });
}

static void blocks_that_grow(void **state)
{
    (void)state;
    sweep("links in small blocks", (struct life){ .end = BY_CLOSE, .small_blocks = 1 });
}

static void the_procedure_of_one_call(void **state)
{
    (void)state;
    sweep("shutdown in one call", (struct life){ .end = BY_ONE_CALL });
}

static void the_procedure_of_two_steps(void **state)
{
    (void)state;
    sweep("shutdown in two steps", (struct life){ .end = BY_TWO_STEPS });
}

static void failing(void **state)
{
    (void)state;
    sweep("links, failing", (struct life){ .end = BY_ABORT });
}

/* ------------------------------------------------------------------------------------------------ what sweeps found */

static void record_a_pipe(void *context)
{
    struct tlsm_memory *memory = context;
    struct two two;
    two_init(&two);
    assert_int_equal(tlsm_memory_init(memory, two.config, NULL), TLSM_IO_DONE);
    tlsm_memory_record(memory, CLIENT);
    fault_arm();
    if (tlsm_memory_inject(memory, CLIENT, "one", 3) != TLSM_IO_DONE)
        assert_int_equal(memory->pipe[CLIENT].taken, 0);
    fault_disarm();
    assert_int_equal(memory->pipe[CLIENT].record_length, memory->pipe[CLIENT].taken);
    assert_int_equal(memory->pipe[CLIENT].buffer.end, memory->pipe[CLIENT].taken);
    tlsm_memory_free(memory);
}

static void a_pipe_records_what_it_took_and_nothing_else(void **state)
{
    struct tlsm_memory memory;
    (void)state;
    assert_int_equal(fault_sweep("a recorded pipe", record_a_pipe, &memory), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closing),
        cmocka_unit_test(blocks_that_grow),
        cmocka_unit_test(the_procedure_of_one_call),
        cmocka_unit_test(the_procedure_of_two_steps),
        cmocka_unit_test(failing),
        cmocka_unit_test(a_pipe_records_what_it_took_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
