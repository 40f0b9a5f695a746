/* SPDX-License-Identifier: MIT */
/* libssl behind the driver, and tlsm's own machine as its peer: how it ended, on both sides, side by side. */
#include "openssl_fixture.h"
#include "tlsm_libcrypto.h"

/* D: the driver's libssl. T: tlsm. */
struct facing {
    struct tlsm_link t;
    SSL *ssl;
    struct tlsm_openssl *d;
    int server;                      /* tlsm is */
    uint64_t to_d, d_most;           /* bytes that went to D; no more than so many */
    int spoil_d, spoil_t;            /* 1: the next byte that goes there is another */
};

static struct tlsm_settings settings[2];
static struct tlsm_libcrypto *library;
static uint8_t der[2048], signature[TLSM_SIGNATURE_MAX];
static struct tlsm_bytes chain;
static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static struct tlsm_credential credential;

/* Signs; believes everybody. */
static int answer_all(void *context, const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *answer)
{
    struct tlsm_request request;
    size_t length = sizeof signature;
    const int kind = tlsm_request(config, state, &request);
    (void)context;
    if (kind != TLSM_ASK_SIGN)
        return kind;
    assert_int_equal(tlsm_libcrypto_sign(server_key, &request, signature, &length), 0);
    answer->signature.data = signature;
    answer->signature.length = length;
    return kind;
}

static int facing_setup(void **state)
{
    uint8_t *end = der;
    (void)contexts_open(state);
    library = tlsm_libcrypto_new(NULL);
    assert_non_null(library);
    chain.length = (size_t)i2d_X509(server_certificate, &end);
    chain.data = der;
    credential.chain = &chain;
    credential.chain_count = 1;
    credential.schemes = schemes;
    credential.scheme_count = 1;
    settings[0].role = TLSM_CLIENT;
    settings[1].role = TLSM_SERVER;
    settings[1].credentials = &credential;
    settings[1].credential_count = 1;
    return 0;
}

static int facing_teardown(void **state)
{
    tlsm_libcrypto_free(library);
    return contexts_close(state);
}

static void facing_open(struct facing *facing, int server)
{
    const struct tlsm_config config = { &settings[server], &tlsm_libcrypto_table, library };
    struct tlsm_link_options options;
    struct tlsm_entropy entropy;
    memset(facing, 0, sizeof *facing);
    memset(&options, 0, sizeof options);
    options.hooks.answer = answer_all;
    facing->server = server;
    facing->d_most = UINT64_MAX;
    assert_int_equal(tlsm_link_init(&facing->t, &config, &options), TLSM_IO_DONE);
    assert_int_equal(tlsm_libcrypto_entropy(&entropy), 0);
    assert_int_equal(tlsm_link_start(&facing->t, &entropy, NULL), TLSM_IO_DONE);
    facing->ssl = SSL_new(server ? client_ctx : server_ctx);
    if (server)
        SSL_set_connect_state(facing->ssl);
    else
        SSL_set_accept_state(facing->ssl);
    facing->d = tlsm_openssl_new(facing->ssl, NULL, NULL);
    assert_non_null(facing->d);
}

static void facing_free(struct facing *facing)
{
    assert_int_equal(tlsm_invariant(tlsm_openssl_state(facing->d)), 0);
    tlsm_openssl_free(facing->d);
    SSL_free(facing->ssl);
    tlsm_link_free(&facing->t);
}

static int to_t(struct facing *facing)
{
    struct tlsm_bytes pending = tlsm_openssl_pending(facing->d);
    uint8_t byte;
    size_t fed;
    if (pending.length == 0)
        return 0;
    byte = (uint8_t)(pending.data[0] ^ facing->spoil_t);
    fed = facing->spoil_t ? tlsm_link_feed(&facing->t, &byte, 1) : tlsm_link_feed(&facing->t, pending.data, pending.length);
    facing->spoil_t &= fed == 0;
    if (fed > 0)
        assert_int_equal(tlsm_openssl_sent(facing->d, fed), TLSM_IO_DONE);
    return fed > 0;
}

static int to_d(struct facing *facing)
{
    struct tlsm_bytes pending = tlsm_link_pending(&facing->t);
    uint8_t byte;
    size_t most = pending.length, fed;
    if (facing->d_most - facing->to_d < most)
        most = (size_t)(facing->d_most - facing->to_d);
    if (most == 0)
        return 0;
    byte = (uint8_t)(pending.data[0] ^ facing->spoil_d);
    fed = facing->spoil_d ? tlsm_openssl_feed(facing->d, &byte, 1) : tlsm_openssl_feed(facing->d, pending.data, most);
    facing->spoil_d &= fed == 0;
    facing->to_d += fed;
    if (fed > 0)
        assert_int_equal(tlsm_link_sent(&facing->t, fed), TLSM_IO_DONE);
    return fed > 0;
}

/* Carries until nothing moves; D handshakes or reads nothing more than it must. */
static void facing_talk(struct facing *facing)
{
    int moved = 1;
    while (moved) {
        if (tlsm_connected(tlsm_openssl_state(facing->d)))
            (void)tlsm_openssl_flush(facing->d);
        else
            (void)tlsm_openssl_handshake(facing->d);
        (void)tlsm_link_run(&facing->t);
        moved = to_t(facing) | to_d(facing);
    }
}

static void facing_connect(struct facing *facing, int server)
{
    facing_open(facing, server);
    facing_talk(facing);
    assert_true(tlsm_connected(facing->t.state));
    assert_true(tlsm_connected(tlsm_openssl_state(facing->d)));
}

static int d_closes(struct facing *facing)
{
    int done = TLSM_IO_WANT_READ, turns;
    for (turns = 0; turns < 20 && (done == TLSM_IO_WANT_READ || done == TLSM_IO_WANT_WRITE); turns++) {
        done = tlsm_openssl_close(facing->d, 0, NULL);
        facing_talk(facing);
    }
    return done;
}

static ptrdiff_t d_reads(struct facing *facing, char *text, size_t room)
{
    ptrdiff_t got;
    do {
        facing_talk(facing);
        got = tlsm_openssl_read(facing->d, text, room);
    } while (got == TLSM_IO_WANT_WRITE || (got == TLSM_IO_WANT_READ && to_d(facing)));
    facing_talk(facing);
    return got;
}

static struct tlsm_verdict of_d(struct facing *facing)
{
    struct tlsm_verdict verdict;
    tlsm_openssl_verdict(facing->d, &verdict);
    return verdict;
}

static struct tlsm_verdict of_t(struct facing *facing)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(facing->t.state, &verdict);
    return verdict;
}

#define assert_hows(facing, d, t)                                    \
    do {                                                             \
        assert_string_equal(tlsm_how_name(of_d(facing).how), d);     \
        assert_string_equal(tlsm_how_name(of_t(facing).how), t);     \
    } while (0)

#define EITHER(server) for (int server = 0; server < 2; server++)

static void whoever_closes_first_both_are_clean(void **unused)
{
    (void)unused;
    EITHER(server) {
        int first;
        for (first = 0; first < 3; first++) {   /* D, T, both at once */
            struct facing facing;
            facing_connect(&facing, server);
            if (first != 0)
                assert_int_equal(tlsm_link_end(&facing.t, 0), TLSM_IO_DONE);
            if (first == 1)
                facing_talk(&facing);
            (void)tlsm_openssl_close(facing.d, 0, NULL);
            facing_talk(&facing);
            if (first == 0)
                assert_int_equal(tlsm_link_end(&facing.t, 0), TLSM_IO_DONE);
            assert_int_equal(d_closes(&facing), TLSM_IO_DONE);
            assert_hows(&facing, "clean_both", "clean_both");
            facing_free(&facing);
        }
    }
}

static void after_its_own_close_each_still_hears_the_other(void **unused)
{
    (void)unused;
    EITHER(server) {
        struct facing facing;
        char text[16];
        facing_connect(&facing, server);
        assert_int_equal(tlsm_link_end(&facing.t, 0), TLSM_IO_DONE);
        assert_int_equal(d_reads(&facing, text, sizeof text), TLSM_IO_END);
        assert_int_equal(tlsm_openssl_write(facing.d, "still here", 10), 10);
        facing_talk(&facing);
        assert_int_equal(tlsm_link_take(&facing.t, text, sizeof text), 10);
        assert_memory_equal(text, "still here", 10);
        assert_int_equal(d_closes(&facing), TLSM_IO_DONE);
        assert_hows(&facing, "clean_both", "clean_both");
        facing_free(&facing);

        facing_connect(&facing, server);
        assert_int_equal(d_closes(&facing), TLSM_IO_WANT_READ);
        assert_int_equal(tlsm_link_seal(&facing.t, "and you", 7), 7);
        assert_int_equal(d_reads(&facing, text, sizeof text), 7);
        assert_int_equal(tlsm_link_end(&facing.t, 0), TLSM_IO_DONE);
        assert_int_equal(d_closes(&facing), TLSM_IO_DONE);
        assert_hows(&facing, "clean_both", "clean_both");
        facing_free(&facing);
    }
}

static void an_abort_has_a_sender_and_a_receiver(void **unused)
{
    (void)unused;
    EITHER(server) {
        struct facing facing;
        char text[16];
        facing_connect(&facing, server);
        assert_int_equal(tlsm_link_abort(&facing.t, TLSM_ALERT_INTERNAL_ERROR), TLSM_IO_DONE);
        assert_int_equal(d_reads(&facing, text, sizeof text), TLSM_IO_ENDED);
        assert_int_equal(d_closes(&facing), TLSM_IO_DONE);
        assert_hows(&facing, "peer_alert", "local_alert");
        assert_int_equal(of_d(&facing).alert_received, TLSM_ALERT_INTERNAL_ERROR);
        facing_free(&facing);
    }
}

/* One bit of a body is another on its way. */
static void what_fails_to_authenticate_ends_with_the_same_alert_on_both_sides(void **unused)
{
    (void)unused;
    EITHER(server) {
        struct facing facing;
        char text[16];
        facing_connect(&facing, server);
        assert_int_equal(tlsm_link_seal(&facing.t, "spoilt", 6), 6);
        facing.d_most = facing.to_d + TLSM_HEADER;
        facing_talk(&facing);
        assert_int_equal(tlsm_openssl_read(facing.d, text, sizeof text), TLSM_IO_WANT_READ);
        facing.d_most = UINT64_MAX;
        facing.spoil_d = 1;
        assert_int_equal(d_reads(&facing, text, sizeof text), TLSM_IO_ENDED);
        assert_int_equal(d_closes(&facing), TLSM_IO_DONE);
        assert_hows(&facing, "local_alert", "peer_alert");
        assert_int_equal(of_d(&facing).alert_sent, of_t(&facing).alert_received);
        assert_int_equal(of_d(&facing).alert_sent, TLSM_ALERT_BAD_RECORD_MAC);
        facing_free(&facing);
    }
}

static void a_stream_that_is_cut_is_truncated_on_both_sides_at_the_same_kind_of_place(void **unused)
{
    (void)unused;
    EITHER(server) {
        uint64_t count;
        for (count = 0; count < 27; count++) {
            struct facing facing;
            char text[16];
            facing_connect(&facing, server);
            assert_int_equal(tlsm_link_seal(&facing.t, "data", 4), 4);   /* 26 bytes */
            facing.d_most = facing.to_d + count;
            facing_talk(&facing);
            if (count == 26)
                assert_int_equal(d_reads(&facing, text, sizeof text), 4);
            else
                assert_int_equal(d_reads(&facing, text, sizeof text), TLSM_IO_WANT_READ);
            tlsm_openssl_eof(facing.d);
            assert_int_equal(d_reads(&facing, text, sizeof text), TLSM_IO_ENDED);
            tlsm_openssl_abandon(facing.d);
            tlsm_link_eof(&facing.t);
            (void)tlsm_link_run(&facing.t);
            assert_int_equal(tlsm_link_abandon(&facing.t), TLSM_IO_DONE);
            assert_hows(&facing, "truncated", "truncated");
            assert_int_equal(of_t(&facing).place, TLSM_PLACE_BOUNDARY);
            assert_int_equal(of_d(&facing).place, count % 26 == 0 ? TLSM_PLACE_BOUNDARY : count < 5 ? TLSM_PLACE_HEADER : TLSM_PLACE_BODY);
            facing_free(&facing);
        }
    }
}

/* A2, A3 of the machine's, which libssl cannot say itself. */
static void a_peer_that_cancels_its_handshake_is_heard(void **unused)
{
    struct facing facing;
    char text[16];
    (void)unused;
    facing_open(&facing, 0);
    assert_int_equal(tlsm_link_run(&facing.t), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_end(&facing.t, 0), TLSM_IO_DONE);
    facing_talk(&facing);
    assert_int_equal(d_reads(&facing, text, sizeof text), TLSM_IO_ENDED);
    assert_int_equal(d_closes(&facing), TLSM_IO_DONE);
    assert_hows(&facing, "handshake_failed", "cancelled_in_handshake");
    facing_free(&facing);
}

static void key_updates_go_on_beneath_a_close(void **unused)
{
    (void)unused;
    EITHER(server) {
        struct facing facing;
        char text[16];
        int i;
        facing_connect(&facing, server);
        assert_int_equal(d_closes(&facing), TLSM_IO_WANT_READ);
        for (i = 0; i < 5; i++) {
            assert_int_equal(tlsm_link_key_update(&facing.t, 0), TLSM_IO_DONE);
            facing_talk(&facing);
            assert_int_equal(tlsm_link_seal(&facing.t, "next", 4), 4);
            assert_int_equal(d_reads(&facing, text, sizeof text), 4);
        }
        assert_int_equal(tlsm_link_end(&facing.t, 0), TLSM_IO_DONE);
        assert_int_equal(d_closes(&facing), TLSM_IO_DONE);
        assert_hows(&facing, "clean_both", "clean_both");
        facing_free(&facing);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_closes_first_both_are_clean),
        cmocka_unit_test(after_its_own_close_each_still_hears_the_other),
        cmocka_unit_test(an_abort_has_a_sender_and_a_receiver),
        cmocka_unit_test(what_fails_to_authenticate_ends_with_the_same_alert_on_both_sides),
        cmocka_unit_test(a_stream_that_is_cut_is_truncated_on_both_sides_at_the_same_kind_of_place),
        cmocka_unit_test(a_peer_that_cancels_its_handshake_is_heard),
        cmocka_unit_test(key_updates_go_on_beneath_a_close),
    };
    return cmocka_run_group_tests(tests, facing_setup, facing_teardown);
}
