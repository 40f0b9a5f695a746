/* SPDX-License-Identifier: MIT */
/* What the tests of the adapters share: a client and a server over the null provider, answered by a hook. */
#ifndef TLSM_TEST_ADAPTER_FIXTURE_H
#define TLSM_TEST_ADAPTER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "null_provider.h"
#include "tlsm_link.h"

enum { CLIENT = 0, SERVER = 1, TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, TYPE_DATA = 23 };

struct two {
    struct tlsm_settings settings[2];
    struct tlsm_config config[2];
    struct tlsm_entropy entropy[2];
    uint8_t signature[TLSM_NULL_SIGNATURE];
    int silent;                /* 1: the hook says "not yet" */
};

static const uint8_t two_certificate[] = { 0x30, 3, 1, 2, 3 };
static const struct tlsm_bytes two_chain[] = { { two_certificate, sizeof two_certificate } };
static const uint16_t two_schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_credential two_credential = { two_chain, 1, two_schemes, 1, NULL, 0, { NULL, 0 } };

static int two_answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state,
                      struct tlsm_answer *answer)
{
    struct two *two = context;
    struct tlsm_request request;
    if (two->silent || tlsm_request(config, state, &request) == 0)
        return 0;
    return tlsm_null_answer(&request, answer, two->signature);
}

static inline void two_init(struct two *two)
{
    int end;
    memset(two, 0, sizeof *two);
    two->settings[CLIENT].role = TLSM_CLIENT;
    two->settings[SERVER].role = TLSM_SERVER;
    two->settings[SERVER].credentials = &two_credential;
    two->settings[SERVER].credential_count = 1;
    for (end = 0; end < 2; end++) {
        two->config[end].settings = &two->settings[end];
        two->config[end].crypto = &tlsm_null_provider_never_released;
        memset(&two->entropy[end], 17 * (end + 1), sizeof two->entropy[end]);
    }
}

static inline struct tlsm_link_options two_options(struct two *two)
{
    struct tlsm_link_options options;
    memset(&options, 0, sizeof options);
    options.hooks.answer = two_answer;
    options.hooks.context = two;
    return options;
}

/* A record as `link` would seal it, its sequence number used up. Returns its length; `record` has room for it. */
static inline size_t two_forge(struct tlsm_link *link, uint8_t type, const void *content, size_t length, uint8_t *record)
{
    const size_t body = length + 1 + TLSM_TAG;
    const uint8_t header[TLSM_HEADER] = { TYPE_DATA, 3, 3, (uint8_t)(body >> 8), (uint8_t)body };
    const struct tlsm_bytes aad = { header, sizeof header }, plain = { content, length }, tail = { &type, 1 };
    memcpy(record, header, sizeof header);
    assert_int_equal(link->config.crypto->seal(link->config.self, &link->state->write_key, aad, plain, tail,
                                               record + TLSM_HEADER), 0);
    link->state->write_key.sequence++;
    return TLSM_HEADER + body;
}

static inline struct tlsm_verdict link_verdict(const struct tlsm_link *link)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(link->state, &verdict);
    return verdict;
}

static inline const char *link_how(const struct tlsm_link *link) { return tlsm_how_name(link_verdict(link).how); }

#define assert_link(link, name) assert_string_equal(link_how(link), name)

#endif
