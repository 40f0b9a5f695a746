/* SPDX-License-Identifier: MIT */
/* Kernel TLS, simulated, with libssl as the peer: who knows nothing of our machine judges what it sends. */
#include "ktls_world.h"

#include <openssl/ssl.h>

struct peer {
    SSL_CTX *context;
    SSL *ssl;
    char heard[4096];
    size_t have;
    int closed;              /* 1: an authenticated end came */
};

static void peer_new(struct world *world, struct peer *peer, const char *suite)
{
    const int server = world->settings[OURS].role == TLSM_CLIENT;
    memset(peer, 0, sizeof *peer);
    peer->context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    assert_non_null(peer->context);
    assert_int_equal(SSL_CTX_set_ciphersuites(peer->context, suite), 1);
    assert_int_equal(SSL_CTX_set_min_proto_version(peer->context, TLS1_3_VERSION), 1);
    assert_int_equal(SSL_CTX_use_certificate(peer->context, world_certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(peer->context, world_key), 1);
    peer->ssl = SSL_new(peer->context);
    assert_int_equal(fcntl(world->descriptor[PEER], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(SSL_set_fd(peer->ssl, world->descriptor[PEER]), 1);
    if (server)
        SSL_set_accept_state(peer->ssl);
    else
        SSL_set_connect_state(peer->ssl);
}

static void peer_free(struct world *world, struct peer *peer)
{
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->context);
    close(world->descriptor[PEER]);
}

static void connect_to(struct world *world, struct peer *peer)
{
    int ours = 0, theirs = 0;
    world->socket[OURS] = tlsm_socket_new(&world->config[OURS], world->descriptor[OURS], &world->options);
    for (int turns = 0; turns < 20 && (ours != TLSM_IO_DONE || theirs != 1); turns++) {
        ours = tlsm_socket_handshake(world->socket[OURS]);
        theirs = SSL_do_handshake(peer->ssl);
    }
    assert_true(ours == TLSM_IO_DONE && theirs == 1);
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
}

/* Reads what there is. */
static void hear(struct peer *peer)
{
    int got;
    while ((got = SSL_read(peer->ssl, peer->heard + peer->have, (int)(sizeof peer->heard - peer->have))) > 0)
        peer->have += (size_t)got;
    peer->closed = SSL_get_error(peer->ssl, got) == SSL_ERROR_ZERO_RETURN;
    assert_true(peer->closed || SSL_get_error(peer->ssl, got) == SSL_ERROR_WANT_READ);
}

static void talk_to(struct world *world, struct peer *peer)
{
    peer->have = 0;
    ours_says(world, "from the kernel");
    hear(peer);
    assert_int_equal(peer->have, 15);
    assert_memory_equal(peer->heard, "from the kernel", 15);
    assert_int_equal(SSL_write(peer->ssl, "to the kernel", 13), 13);
    ours_hears(world, "to the kernel");
}

static void updates_with(struct world *world, struct peer *peer)
{
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(tlsm_link_key_update(&world->kernel->link, 1), TLSM_IO_DONE);
        assert_int_equal(tlsm_ktls_flush(world->kernel), TLSM_IO_DONE);
        talk_to(world, peer);
        assert_int_equal(SSL_key_update(peer->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(peer->ssl), 1);
        ours_idles(world);
        talk_to(world, peer);
    }
    assert_int_equal(world->sim.rekeys[SIM_TX], 1 + 4);
    assert_int_equal(world->sim.rekeys[SIM_RX], 4);
}

static const char *const suite_names[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256" };

static void libssl_talks_and_closes(void **unused)
{
    (void)unused;
    for (int role = TLSM_CLIENT; role <= TLSM_SERVER; role++)
        for (size_t i = 0; i < 3; i++) {
            struct world *world = world_new(role, world_suites[i]);
            struct peer peer;
            peer_new(world, &peer, suite_names[i]);
            connect_to(world, &peer);
            talk_to(world, &peer);
            updates_with(world, &peer);
            assert_int_equal(tlsm_ktls_end(world->kernel), TLSM_IO_DONE);
            hear(&peer);
            assert_int_equal(peer.closed, 1);
            assert_true(SSL_shutdown(peer.ssl) >= 0);
            assert_int_equal(tlsm_ktls_close(world->kernel, NULL), TLSM_IO_WANT_READ);   /* drains */
            assert_string_equal(how_of(&world->kernel->link), "clean_both");
            assert_int_equal(world->tickets[OURS], role == TLSM_CLIENT ? 2 : 0);
            peer_free(world, &peer);
            world_free(world);
        }
}

static void libssl_closes_first(void **unused)
{
    struct world *world = world_new(TLSM_CLIENT, world_suites[0]);
    struct peer peer;
    char heard[8];
    (void)unused;
    peer_new(world, &peer, suite_names[0]);
    connect_to(world, &peer);
    talk_to(world, &peer);
    assert_int_equal(SSL_shutdown(peer.ssl), 0);
    assert_int_equal(tlsm_ktls_read(world->kernel, heard, sizeof heard), TLSM_IO_END);
    (void)tlsm_ktls_close(world->kernel, NULL);
    assert_int_equal(SSL_shutdown(peer.ssl), 1);
    assert_string_equal(how_of(&world->kernel->link), "clean_both");
    peer_free(world, &peer);
    world_free(world);
}

static void libssl_goes_without_a_word(void **unused)
{
    struct world *world = world_new(TLSM_SERVER, world_suites[1]);
    struct peer peer;
    char heard[8];
    (void)unused;
    peer_new(world, &peer, suite_names[1]);
    connect_to(world, &peer);
    talk_to(world, &peer);
    peer_free(world, &peer);
    assert_int_equal(tlsm_ktls_read(world->kernel, heard, sizeof heard), TLSM_IO_ENDED);
    assert_string_equal(how_of(&world->kernel->link), "truncated");
    world_free(world);
}

static void libssl_hears_our_alert(void **unused)
{
    struct world *world = world_new(TLSM_SERVER, world_suites[2]);
    struct peer peer;
    int got;
    (void)unused;
    peer_new(world, &peer, suite_names[2]);
    connect_to(world, &peer);
    assert_int_equal(tlsm_link_abort(&world->kernel->link, TLSM_ALERT_ACCESS_DENIED), TLSM_IO_DONE);
    assert_int_equal(tlsm_ktls_flush(world->kernel), TLSM_IO_ENDED);
    got = SSL_read(peer.ssl, peer.heard, 1);
    assert_true(got <= 0);
    assert_int_equal(SSL_get_error(peer.ssl, got), SSL_ERROR_SSL);
    peer_free(world, &peer);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libssl_talks_and_closes),
        cmocka_unit_test(libssl_closes_first),
        cmocka_unit_test(libssl_goes_without_a_word),
        cmocka_unit_test(libssl_hears_our_alert),
    };
    return cmocka_run_group_tests(tests, world_prepare, world_clean);
}
