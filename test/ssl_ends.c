/* SPDX-License-Identifier: MIT */
/* Casts and scripts. */
#include "ssl_ends.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const struct ends_cast ends_cast[] = {
    { "ours and ours, two steps", { &party_tlsm, &party_tlsm }, 0 },
    { "ours and ours, one call", { &party_tlsm, &party_tlsm }, 1 },
    { "ours and libssl, two steps", { &party_tlsm, &party_libssl }, 0 },
    { "ours and libssl, one call", { &party_tlsm, &party_libssl }, 1 },
    { "libssl and ours, two steps", { &party_libssl, &party_tlsm }, 0 },
    { "libssl and ours, one call", { &party_libssl, &party_tlsm }, 1 },
    { "libssl and libssl", { &party_libssl, &party_libssl }, 0 },
};
const size_t ends_casts = sizeof ends_cast / sizeof ends_cast[0];

/* ------------------------------------------------------------------------------------------------ a connection */

/* None of ours judges its peer: reading the system's authorities for every context would be most of the time. */
static void trust_nobody(struct ends *ends, int side)
{
    if (is_ours(ends, side) && side == C)
        SSL_CTX_set_cert_store(SSL_get_SSL_CTX(kind(ends, side)->handle(ends->party[side])), X509_STORE_new());
}

void ends_open(struct ends *ends, const struct ends_cast *cast, const struct party_options *options)
{
    ends->cast = cast;
    ends->older = options->older;
    for (int side = 0; side < ENDS; side++) {
        struct party_options own = *options;
        own.server = side == V;
        own.one_call = cast->one_call;
        ends->party[side] = cast->kind[side]->create(&own);
        assert_non_null(ends->party[side]);
        trust_nobody(ends, side);
    }
    ends->wire = NULL;
    ends_wire(ends);
}

/* The old wire goes when no BIO leads to it any more. */
void ends_wire(struct ends *ends)
{
    struct wire *const before = ends->wire;
    ends->wire = wire_new();
    assert_non_null(ends->wire);
    for (int side = 0; side < ENDS; side++) {
        BIO *const bio = wire_bio(ends->wire, side);
        assert_non_null(bio);
        kind(ends, side)->set_bio(ends->party[side], bio, bio);
    }
    wire_free(before);
}

void ends_handshake(struct ends *ends)
{
    int done[ENDS] = { 0, 0 };
    for (int i = 0; i < 20 && (done[C] != 1 || done[V] != 1); i++) {
        const int side = i & 1;
        if (done[side] == 1)
            continue;
        done[side] = kind(ends, side)->handshake(ends->party[side]);
        assert_true(done[side] == 1 || kind(ends, side)->get_error(ends->party[side], done[side]) == SSL_ERROR_WANT_READ);
    }
    assert_int_equal(done[C], 1);
    assert_int_equal(done[V], 1);
}

void ends_close(struct ends *ends)
{
    for (int side = 0; side < ENDS; side++)
        kind(ends, side)->destroy(ends->party[side]);
    wire_free(ends->wire);
}

const char *ends_how(const struct ends *ends, int side)
{
    struct tlsm_verdict verdict;
    if (!is_ours(ends, side))
        return NULL;
    SSL_tlsm_verdict(kind(ends, side)->handle(ends->party[side]), &verdict);
    return tlsm_how_name(verdict.how);
}

void ends_spoil(struct ends *ends, int side)
{
    assert_true(lane(ends, side)->length > 0);
    lane(ends, side)->bytes[lane(ends, side)->length - 1] ^= 1;
}

void ends_cut(struct ends *ends, int side)
{
    lane(ends, side)->ended = 1;
    lane(ends, !side)->refuses = EPIPE;
}

int ends_reason(void) { return ERR_GET_REASON(ERR_peek_error()); }

/* ------------------------------------------------------------------------------------------------ what must hold */

static void complain(const struct ends *ends, int side, const char *call, int result, int error)
{
    char text[256] = "";
    if (ERR_peek_error() != 0)
        ERR_error_string_n(ERR_peek_error(), text, sizeof text);
    print_error("%s, %c: %s gave %d, error %d %s\n", ends->cast->name, side == C ? 'C' : 'V', call, result, error, text);
}

static void check(const struct ends *ends, int side, const char *call, int good, int result, int error, const char *file, int line)
{
    if (!good)
        complain(ends, side, call, result, error);
    _assert_true((LargestIntegralType)good, call, file, line);
}

void ends_shutdown(struct ends *ends, int side, int returns, int error, const char *file, int line)
{
    const int result = kind(ends, side)->shutdown(ends->party[side]);
    const int said = kind(ends, side)->get_error(ends->party[side], result);
    const int good = result == returns && (said == error || (result == 0 && !is_ours(ends, side)));
    check(ends, side, "shutdown", good, result, said, file, line);
}

void ends_writes(struct ends *ends, int side, const char *text, const char *file, int line)
{
    const int length = (int)strlen(text), result = kind(ends, side)->write(ends->party[side], text, length);
    check(ends, side, "write", result == length, result, kind(ends, side)->get_error(ends->party[side], result), file, line);
}

void ends_reads(struct ends *ends, int side, const char *text, const char *file, int line)
{
    char bytes[256];
    const int length = (int)strlen(text), result = kind(ends, side)->read(ends->party[side], bytes, sizeof bytes);
    const int good = result == length && memcmp(bytes, text, strlen(text)) == 0;
    check(ends, side, "read", good, result, kind(ends, side)->get_error(ends->party[side], result), file, line);
}

void ends_read_fails(struct ends *ends, int side, int error, const char *file, int line)
{
    char byte;
    const int result = kind(ends, side)->read(ends->party[side], &byte, 1);
    const int said = kind(ends, side)->get_error(ends->party[side], result);
    check(ends, side, "read", result <= 0 && said == error, result, said, file, line);
}

void ends_write_fails(struct ends *ends, int side, int error, const char *file, int line)
{
    const int result = kind(ends, side)->write(ends->party[side], "x", 1);
    const int said = kind(ends, side)->get_error(ends->party[side], result);
    check(ends, side, "write", result <= 0 && said == error, result, said, file, line);
}

/* ------------------------------------------------------------------------------------------------ scripts */

struct play {
    const struct ends_script *script;
    const struct ends_cast *cast;
    int us, older;
    char name[160];
};

static void play_test(void **state)
{
    const struct play *const play = *state;
    const struct party_options options = { .tickets = 1, .older = play->older };
    struct ends ends = { .us = play->us, .peer = !play->us };
    ends_open(&ends, play->cast, &options);
    if (!play->script->begun) {
        ends_handshake(&ends);
        assert_read_fails(&ends, C, SSL_ERROR_WANT_READ);
    }
    play->script->play(&ends);
    ends_close(&ends);
}

static int plays(const struct ends_script *script, const struct ends_cast *cast, int us, int older)
{
    const int ours = cast->kind[us] == &party_tlsm;
    if (!(script->versions & (older ? OLDER : NEWER)))
        return 0;
    switch (script->parts) {
    case PLAY_ROLES: return us == C;
    case PLAY_US: return ours;
    case PLAY_US_AS_C: return ours && us == C;
    case PLAY_US_AS_V: return ours && us == V;
    }
    return 0;
}

static void prepare(struct play *play, struct CMUnitTest *test, const struct ends_script *script,
                    const struct ends_cast *cast, int us, int older)
{
    const char *const about = script->parts == PLAY_ROLES ? "" : us == C ? ", about C" : ", about V";
    play->script = script;
    play->cast = cast;
    play->us = us;
    play->older = older;
    (void)snprintf(play->name, sizeof play->name, "%s: %s%s, TLS 1.%d", script->name, cast->name, about, older ? 2 : 3);
    *test = (struct CMUnitTest){ play->name, play_test, NULL, NULL, play };
}

int ends_play(const struct ends_script *scripts, size_t count)
{
    const size_t each = ends_casts * ENDS * 2, most = count * each;
    struct play *const all = calloc(most, sizeof *all);
    struct CMUnitTest *const tests = calloc(most, sizeof *tests);
    size_t played = 0;
    int failed;
    if (all == NULL || tests == NULL)
        return 1;
    for (size_t i = 0; i < most; i++) {
        const struct ends_script *const script = &scripts[i / each];
        const struct ends_cast *const cast = &ends_cast[i / ENDS % ends_casts];
        const int us = (int)(i % ENDS), older = i / (ends_casts * ENDS) % 2 != 0;
        if (plays(script, cast, us, older))
            prepare(&all[played], &tests[played], script, cast, us, older), played++;
    }
    failed = _cmocka_run_group_tests("scripts", tests, played, NULL, NULL);
    free(tests);
    free(all);
    return failed;
}
