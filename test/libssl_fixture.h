/* SPDX-License-Identifier: MIT */
/* Our link with the installed libssl at the other end, over memory: whatever one side says reaches the other at once. */
#ifndef TLSM_TEST_LIBSSL_FIXTURE_H
#define TLSM_TEST_LIBSSL_FIXTURE_H

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "party.h"
#include "tlsm_judge.h"
#include "tlsm_libcrypto.h"
#include "tlsm_link.h"

/* Ours and theirs; fill in settings, answerer and context between beside_prepare() and beside_begin(). */
struct beside {
    struct tlsm_link link;
    struct tlsm_settings settings;
    struct tlsm_config config;
    struct tlsm_libcrypto_answerer answerer;
    struct tlsm_libcrypto_credential shown, *list[1];   /* ours, when we are the server */
    struct tlsm_bytes chain[1];
    uint16_t schemes[8];
    SSL_CTX *context;
    SSL *ssl;
    BIO *to, *from;            /* into theirs, out of theirs */
    int wire_most;             /* 0; or the longest record body that ours made */
};

/* `version`: enum tlsm_protocol, whose numbers libssl has too. We show, and they show, what party_certificate() is; nobody's chain is asked for. */
static inline struct beside *beside_prepare(struct beside *two, enum tlsm_role role, uint16_t version)
{
    unsigned char *der = NULL;
    memset(two, 0, sizeof *two);
    two->settings.role = (uint8_t)role;
    two->settings.version_min = two->settings.version_max = version;
    two->chain[0].length = (size_t)i2d_X509(party_certificate(), &der);
    two->chain[0].data = der;
    two->shown.key = party_key();
    two->shown.credential.chain = two->chain;
    two->shown.credential.chain_count = 1;
    two->shown.credential.schemes = two->schemes;
    two->shown.credential.scheme_count = tlsm_libcrypto_schemes(party_key(), two->schemes, 8);
    two->list[0] = &two->shown;
    two->answerer.instance = tlsm_libcrypto_new(NULL);
    two->answerer.judge = tlsm_judge_insecurely_trust_anyone();
    two->answerer.credentials = two->list;
    two->answerer.credential_count = 1;
    if (role == TLSM_SERVER) {
        two->settings.credentials = &two->shown.credential;
        two->settings.credential_count = 1;
    }
    two->config = (struct tlsm_config){ &two->settings, &tlsm_libcrypto_table, two->answerer.instance };
    two->context = SSL_CTX_new(role == TLSM_CLIENT ? TLS_server_method() : TLS_client_method());
    assert_non_null(two->context);
    assert_int_equal(SSL_CTX_set_min_proto_version(two->context, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(two->context, version), 1);
    if (role == TLSM_CLIENT) {
        assert_int_equal(SSL_CTX_use_certificate(two->context, party_certificate()), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(two->context, party_key()), 1);
    }
    return two;
}

/* All that either has to say reaches the other, until both are silent. */
static inline void beside_carry(struct beside *two)
{
    for (int busy = 1; busy;) {
        busy = 0;
        assert_true(tlsm_link_run(&two->link) != TLSM_IO_NO_MEMORY);
        const struct tlsm_bytes ours = tlsm_link_pending(&two->link);
        for (size_t at = 0; at + TLSM_HEADER <= ours.length;) {
            const int body = ours.data[at + 3] << 8 | ours.data[at + 4];
            two->wire_most = body > two->wire_most ? body : two->wire_most;
            at += TLSM_HEADER + (size_t)body;
        }
        if (ours.length > 0) {
            assert_int_equal(BIO_write(two->to, ours.data, (int)ours.length), ours.length);
            assert_int_equal(tlsm_link_sent(&two->link, ours.length), TLSM_IO_DONE);
            busy = 1;
        }
        if (!SSL_is_init_finished(two->ssl))
            (void)SSL_do_handshake(two->ssl);
        for (;;) {
            const struct tlsm_span room = tlsm_link_room(&two->link);
            const int count = room.capacity > 0 ? BIO_read(two->from, room.data, (int)room.capacity) : 0;
            if (count <= 0)
                break;
            tlsm_link_received(&two->link, (size_t)count);
            (void)tlsm_link_run(&two->link);
            busy = 1;
        }
    }
}

static inline void beside_begin(struct beside *two, const char *name)
{
    struct tlsm_link_options options = { .hooks = { .answer = tlsm_libcrypto_answer, .context = &two->answerer } };
    struct tlsm_entropy entropy;
    assert_int_equal(tlsm_libcrypto_entropy(&entropy), 0);
    assert_int_equal(tlsm_link_init(&two->link, &two->config, &options), TLSM_IO_DONE);
    two->ssl = SSL_new(two->context);
    two->to = BIO_new(BIO_s_mem());
    two->from = BIO_new(BIO_s_mem());
    assert_true(two->ssl != NULL && two->to != NULL && two->from != NULL);
    SSL_set_bio(two->ssl, two->to, two->from);
    if (two->settings.role == TLSM_CLIENT)
        SSL_set_accept_state(two->ssl);
    else
        SSL_set_connect_state(two->ssl);
    assert_int_equal(tlsm_link_start(&two->link, &entropy, two->settings.role == TLSM_CLIENT ? name : NULL), TLSM_IO_DONE);
}

static inline void beside_connect(struct beside *two, const char *name)
{
    beside_begin(two, name);
    beside_carry(two);
    assert_int_equal(SSL_is_init_finished(two->ssl), 1);
    assert_int_equal(tlsm_connected(two->link.state), 1);
}

static inline void beside_free(struct beside *two)
{
    tlsm_link_free(&two->link);
    SSL_free(two->ssl);
    SSL_CTX_free(two->context);
    tlsm_judge_free(two->answerer.judge);
    tlsm_libcrypto_free(two->answerer.instance);
    OPENSSL_free((void *)(uintptr_t)two->chain[0].data);
}

#endif
