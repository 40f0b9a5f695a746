/* SPDX-License-Identifier: MIT */
/* Both sides' settings, as a server and its clients would have them, and one provider instance for each side. */
#include "idle.h"

#include <stdio.h>
#include <string.h>

#include "tlsm_judge.h"
#include "tlsm_libcrypto.h"

static const uint16_t suites[] = { TLSM_AES_128_GCM_SHA256 }, suites12[] = { TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256 },
                      groups[] = { TLSM_X25519, TLSM_SECP256R1 }, schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static struct tlsm_libcrypto *instances[2];
static struct tlsm_judge *judge;
static struct tlsm_libcrypto_credential *credential;
static struct tlsm_settings settings[2];
static struct tlsm_config configs[2];
static struct tlsm_libcrypto_answerer answerers[2];
static size_t fixed;
static int held[2];

static void settle_side(enum bench_end end, const struct idle_options *options)
{
    const uint16_t version = options->tls12 ? TLSM_1_2 : TLSM_1_3;

    settings[end].role = end == BENCH_CLIENT ? TLSM_CLIENT : TLSM_SERVER;
    settings[end].version_min = settings[end].version_max = version;
    settings[end].suites = suites;
    settings[end].suites12 = suites12;
    settings[end].groups = groups;
    settings[end].schemes = schemes;
    settings[end].suite_count = settings[end].suite12_count = settings[end].scheme_count = 1;
    settings[end].group_count = 2;   /* the second is the certificate's, which TLS 1.2 asks for */
    configs[end].settings = &settings[end];
    configs[end].crypto = &tlsm_libcrypto_table;
    configs[end].self = answerers[end].instance = instances[end];
}

/* The instance's own bytes are a share of every connection that it serves. */
static int open_side(enum bench_end end, const struct idle_options *options)
{
    const struct tlsm_libcrypto_options caches = { .keys_cached = options->keys };
    const size_t before = idle_counted();

    instances[end] = tlsm_libcrypto_new(&caches);
    held[end] = options->held[end];
    if (held[end])
        fixed += idle_counted() - before;
    settle_side(end, options);
    return instances[end] != NULL ? 0 : -1;
}

int idle_open_endpoints(const struct idle_options *options, const struct bench_identity *identity, struct idle_endpoints *endpoints)
{
    char why[TLSM_WHY_ROOM] = "the cryptographic library lacks something, or memory is short";

    judge = tlsm_judge_new_path(identity->anchor, why, sizeof why);
    credential = judge != NULL ? tlsm_libcrypto_credential_load(identity->chain, identity->key, why, sizeof why) : NULL;
    if (credential == NULL || open_side(BENCH_CLIENT, options) < 0 || open_side(BENCH_SERVER, options) < 0) {
        (void)fprintf(stderr, "idle: %s\n", why);
        return -1;
    }
    settings[BENCH_SERVER].credentials = &credential->credential;
    settings[BENCH_SERVER].credential_count = 1;
    answerers[BENCH_CLIENT].judge = judge;
    answerers[BENCH_SERVER].credentials = &credential;
    answerers[BENCH_SERVER].credential_count = 1;
    for (int end = 0; end < 2; end++) {
        endpoints->config[end] = &configs[end];
        endpoints->answerer[end] = &answerers[end];
    }
    endpoints->name = identity->name;
    return 0;
}

void idle_settle_endpoints(int all)
{
    for (int end = 0; end < 2; end++)
        if (all || !held[end])
            tlsm_libcrypto_drop(instances[end]);
}

void idle_shut_endpoints(void)
{
    for (int end = 0; end < 2; end++)
        tlsm_libcrypto_free(instances[end]);
    tlsm_libcrypto_credential_free(credential);
    tlsm_judge_free(judge);
}

size_t idle_fixed_endpoints(void) { return fixed; }
