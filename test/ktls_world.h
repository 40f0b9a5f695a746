/* SPDX-License-Identifier: MIT */
/* A connection whose one end is tlsm_ktls over the simulated kernel; its peer is an ordinary tlsm_socket, or the test's own
 * hands on the other end of the pair. */
#ifndef TLSM_TEST_KTLS_WORLD_H
#define TLSM_TEST_KTLS_WORLD_H

#include "ktls_fixture.h"

#include <openssl/ec.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "tlsm_libcrypto.h"

enum { OURS = 0, PEER = 1 };

static EVP_PKEY *world_key;
static X509 *world_certificate;
static uint8_t *world_der;
static struct tlsm_bytes world_chain[1];
static const uint16_t world_schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_credential world_credential = { world_chain, 1, world_schemes, 1, NULL, 0, { NULL, 0 } };
static const struct tlsm_ticket_key world_ticket_key = { { 'k' }, { 1, 2, 3 } };
static const uint16_t world_suites[] = { TLSM_AES_128_GCM_SHA256, TLSM_AES_256_GCM_SHA384, TLSM_CHACHA20_POLY1305_SHA256 };

struct world {
    struct tlsm_settings settings[2];
    struct tlsm_config config[2];
    struct tlsm_socket *socket[2];       /* socket[OURS] is gone once `kernel` is there */
    int descriptor[2];
    struct sim sim;
    struct tlsm_ktls_calls calls;
    struct tlsm_ktls *kernel;
    uint8_t signature[TLSM_SIGNATURE_MAX];
    unsigned tickets[2], issued[2];
    struct tlsm_socket_options options;
};

static inline int world_prepare(void **state)
{
    int length;
    (void)state;
    world_key = EVP_EC_gen("P-256");
    world_certificate = X509_new();
    X509_set_version(world_certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(world_certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(world_certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(world_certificate), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(world_certificate), "CN", MBSTRING_ASC, (const uint8_t *)"kernel", -1, -1, 0);
    X509_set_issuer_name(world_certificate, X509_get_subject_name(world_certificate));
    X509_set_pubkey(world_certificate, world_key);
    if (X509_sign(world_certificate, world_key, EVP_sha256()) == 0)
        return -1;
    length = i2d_X509(world_certificate, &world_der);
    world_chain[0] = (struct tlsm_bytes){ world_der, (size_t)length };
    return length > 0 ? 0 : -1;
}

static inline int world_clean(void **state)
{
    (void)state;
    OPENSSL_free(world_der);
    X509_free(world_certificate);
    EVP_PKEY_free(world_key);
    return 0;
}

static int world_answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state,
                        struct tlsm_answer *answer)
{
    struct world *world = context;
    struct tlsm_request request;
    size_t length = 0;
    (void)tlsm_request(config, state, &request);
    if (request.kind == TLSM_ASK_SIGN) {
        assert_int_equal(tlsm_libcrypto_sign(world_key, &request, world->signature, &length), 0);
        answer->signature = (struct tlsm_bytes){ world->signature, length };
    } else
        answer->alert = tlsm_libcrypto_verify(world_key, &request);
    return (int)request.kind;
}

/* The hooks of both ends share a context; the role says whose it is. */
static void world_ticket(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    struct world *world = context;
    assert_true(session->ticket.length > 0 && session->secret_length > 0);
    world->tickets[state->control.role == world->settings[OURS].role ? OURS : PEER]++;
}

static void world_issued(void *context, const struct tlsm_state *state, const struct tlsm_session *session)
{
    struct world *world = context;
    assert_true(session->ticket.length > 0);
    world->issued[state->control.role == world->settings[OURS].role ? OURS : PEER]++;
}

static inline struct world *world_new(int role, uint16_t suite)
{
    struct world *world = calloc(1, sizeof *world);
    static uint16_t suites[1];
    assert_non_null(world);
    suites[0] = suite;
    for (int end = 0; end < 2; end++) {
        struct tlsm_settings *settings = &world->settings[end];
        settings->role = (uint8_t)(end == OURS ? role : role == TLSM_CLIENT ? TLSM_SERVER : TLSM_CLIENT);
        settings->suites = suites;
        settings->suite_count = 1;
        if (settings->role == TLSM_SERVER) {
            settings->credentials = &world_credential;
            settings->credential_count = 1;
        }
        world->config[end] = (struct tlsm_config){ settings, &tlsm_libcrypto_table, tlsm_libcrypto_new(NULL) };
    }
    world->options.link.hooks.answer = world_answer;
    world->options.link.hooks.ticket = world_ticket;
    world->options.link.hooks.issued = world_issued;
    world->options.link.hooks.context = world;
    world->options.non_blocking = 1;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, world->descriptor), 0);
    world->sim.descriptor = world->descriptor[OURS];
    world->calls = sim_calls(&world->sim);
    return world;
}

static inline void world_connect(struct world *world)
{
    int done[2] = { 0, 0 };
    for (int end = 0; end < 2; end++) {
        world->socket[end] = tlsm_socket_new(&world->config[end], world->descriptor[end], &world->options);
        assert_non_null(world->socket[end]);
    }
    for (int turns = 0; turns < 20 && (done[0] != TLSM_IO_DONE || done[1] != TLSM_IO_DONE); turns++)
        for (int end = 0; end < 2; end++)
            done[end] = tlsm_socket_handshake(world->socket[end]);
    assert_true(done[0] == TLSM_IO_DONE && done[1] == TLSM_IO_DONE);
}

static inline int world_hand_over(struct world *world, unsigned sides)
{
    const struct tlsm_ktls_options options = { &world->calls, sides };
    const int done = tlsm_ktls_new(world->socket[OURS], &options, &world->kernel);
    if (done == TLSM_IO_DONE)
        world->socket[OURS] = NULL;
    return done;
}

/* Connected, and in the kernel. */
static inline struct world *world_there(int role, uint16_t suite)
{
    struct world *world = world_new(role, suite);
    world_connect(world);
    assert_int_equal(world_hand_over(world, 0), TLSM_IO_DONE);
    assert_int_equal(world->kernel->sides, TLSM_SIDE_READ | TLSM_SIDE_WRITE);
    return world;
}

static inline void world_free(struct world *world)
{
    tlsm_ktls_free(world->kernel);
    for (int end = 0; end < 2; end++) {
        tlsm_socket_free(world->socket[end]);
        tlsm_libcrypto_free(world->config[end].self);
    }
    free(world);
}

/* ------------------------------------------------------------------------------------------------ talking */

static inline void ours_says(struct world *world, const char *text)
{
    assert_int_equal(tlsm_ktls_write(world->kernel, text, strlen(text)), strlen(text));
}

static inline void peer_says(struct world *world, const char *text)
{
    assert_int_equal(tlsm_socket_write(world->socket[PEER], text, strlen(text)), strlen(text));
}

static inline void ours_hears(struct world *world, const char *text)
{
    char heard[20000];
    size_t have = 0;
    while (have < strlen(text)) {
        const ptrdiff_t got = tlsm_ktls_read(world->kernel, heard + have, sizeof heard - have);
        assert_true(got > 0);
        have += (size_t)got;
    }
    assert_int_equal(have, strlen(text));
    assert_memory_equal(heard, text, have);
}

static inline void peer_hears(struct world *world, const char *text)
{
    char heard[4096];
    size_t have = 0;
    while (have < strlen(text)) {
        const ptrdiff_t got = tlsm_socket_read(world->socket[PEER], heard + have, sizeof heard - have);
        assert_true(got > 0);
        have += (size_t)got;
    }
    assert_int_equal(have, strlen(text));
    assert_memory_equal(heard, text, have);
}

static inline void both_talk(struct world *world)
{
    ours_says(world, "from the kernel");
    peer_hears(world, "from the kernel");
    peer_says(world, "to the kernel");
    ours_hears(world, "to the kernel");
}

/* Takes in what is there and is no data, and answers it. */
static inline void peer_idles(struct world *world)
{
    char nothing[16];
    assert_int_equal(tlsm_socket_read(world->socket[PEER], nothing, sizeof nothing), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_socket_flush(world->socket[PEER]), TLSM_IO_DONE);
}

static inline void ours_idles(struct world *world)
{
    char nothing[16];
    assert_int_equal(tlsm_ktls_read(world->kernel, nothing, sizeof nothing), TLSM_IO_WANT_READ);
    assert_int_equal(tlsm_ktls_flush(world->kernel), TLSM_IO_DONE);
}

static inline const char *how_of(const struct tlsm_link *link)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(link->state, &verdict);
    return tlsm_how_name(verdict.how);
}

static inline void both_close(struct world *world)
{
    int ours = 0, peer = 0;
    for (int turns = 0; turns < 20 && (ours != TLSM_IO_DONE || peer != TLSM_IO_DONE); turns++) {
        ours = tlsm_ktls_close(world->kernel, NULL);
        peer = tlsm_socket_close(world->socket[PEER], NULL);
    }
    assert_true(ours == TLSM_IO_DONE && peer == TLSM_IO_DONE);
    assert_string_equal(how_of(&world->kernel->link), "clean_both");
    assert_string_equal(how_of(&world->socket[PEER]->link), "clean_both");
}

/* ------------------------------------------------------------------------------------------------ by hand */

/* A record of the peer's, sealed as its next one is. Returns its length. */
static inline size_t world_record(struct world *world, uint8_t type, const void *bytes, size_t length, uint8_t *record)
{
    struct sim_key key = world->sim.side[SIM_RX];
    struct tlsm_state *peer = world->socket[PEER]->link.state;
    size_t made;
    key.sequence = peer->write_key.sequence++;
    made = sim_seal(&key, type, bytes, length, record);
    return made;
}

static inline void world_sends(struct world *world, const void *bytes, size_t length)
{
    assert_int_equal(send(world->descriptor[PEER], bytes, length, MSG_NOSIGNAL), length);
}

#endif
