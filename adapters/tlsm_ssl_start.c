/* SPDX-License-Identifier: MIT */
/* One connection's settings, provider, session and entropy, put together when its handshake begins. */
#define _POSIX_C_SOURCE 200809L
#include "tlsm_ssl_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct tlsm_config tlsm_ssl_config(SSL *ssl)
{
    struct tlsm_config config = { &ssl->settings, &tlsm_libcrypto_table, ssl->instance };
    if (ssl->profile.message != NULL) {
        config.crypto = &ssl->tap;
        config.self = ssl;
    }
    return config;
}

/* The names of the wire's list, with a copy of it behind them. */
static int split_alpn(SSL *ssl, const uint8_t *wire, size_t length)
{
    const size_t most = length / 2 + 1;
    size_t count = 0;
    struct tlsm_bytes *const names = calloc(1, most * sizeof *names + length);
    uint8_t *list;
    if (names == NULL)
        return 0;
    list = (uint8_t *)(names + most);
    memcpy(list, wire, length);
    for (size_t at = 0; at + 1 < length && at + 1 + list[at] <= length; at += 1 + (size_t)list[at]) {
        names[count].data = list + at + 1;
        names[count++].length = list[at];
    }
    free(ssl->alpn);
    ssl->alpn = names;
    ssl->settings.alpn = names;
    ssl->settings.alpn_count = count;
    return 1;
}

int tlsm_ssl_choose_alpn(SSL *ssl, const uint8_t *list, size_t length)
{
    ssl->settings.alpn = NULL;
    ssl->settings.alpn_count = 0;
    return length == 0 || split_alpn(ssl, list, length);
}

/* The certificates to show: its own, else the context's. They may change until a credential is chosen. */
int tlsm_ssl_settle_identity(SSL *ssl)
{
    X509_STORE *const store = ssl_chain_store(ssl->ctx, ssl->profile.mode);
    struct ssl_identity *const identity = ssl->certificates != NULL ? tlsm_ssl_identity_make(ssl->certificates, store)
                                                                     : tlsm_ssl_ctx_identity(ssl->ctx);
    if (identity == NULL)
        return tlsm_ssl_refuse(ssl, ERR_R_MALLOC_FAILURE, "");
    tlsm_ssl_identity_drop(ssl->identity);
    ssl->identity = identity;
    ssl->settings.credentials = identity->credential;
    ssl->settings.credential_count = identity->count;
    return 1;
}

/* Copies: the program may set others for the next connection while this one runs. */
static int set_lists(SSL *ssl)
{
    const struct ssl_profile *const profile = &ssl->profile;
    struct tlsm_settings *const settings = &ssl->settings;
    if (!tlsm_ssl_numbers_copy(&ssl->suites, profile->suites) || !tlsm_ssl_numbers_copy(&ssl->suites12, profile->suites12) || !tlsm_ssl_numbers_copy(&ssl->groups, profile->groups) ||
        !tlsm_ssl_numbers_copy(&ssl->schemes, profile->schemes))
        return tlsm_ssl_refuse(ssl, ERR_R_MALLOC_FAILURE, "");
    settings->version_min = tlsm_ssl_profile_speaks(profile, TLS1_2_VERSION) ? TLSM_1_2 : TLSM_1_3;
    settings->version_max = tlsm_ssl_profile_speaks(profile, TLS1_3_VERSION) ? TLSM_1_3 : TLSM_1_2;
    settings->suites = settings->version_max == TLSM_1_3 ? ssl->suites.at : NULL;   /* an empty list is what left a version out */
    settings->suite_count = ssl->suites.count;
    settings->suites12 = settings->version_min == TLSM_1_2 ? ssl->suites12.at : NULL;
    settings->suite12_count = ssl->suites12.count;
    settings->groups = ssl->groups.at;
    settings->group_count = ssl->groups.count;
    settings->schemes = ssl->schemes.at;
    settings->scheme_count = ssl->schemes.count;
    return 1;
}

/* Callbacks of the context that bring certificates when they are asked. */
static int brings_certificates(const SSL_CTX *ctx)
{
    return ctx->servername != NULL || ctx->cert_callback != NULL;
}

/* The credential is asked for even when only one can be chosen: that is when the client's name is told. */
static int set_server(SSL *ssl)
{
    ssl->settings.ask |= TLSM_ASK_CREDENTIAL_BIT;
    if (!tlsm_ssl_settle_identity(ssl))
        return 0;
    if (ssl->settings.credential_count == 0 && !brings_certificates(ssl->ctx))
        return tlsm_ssl_refuse(ssl, SSL_R_NO_CERTIFICATE_ASSIGNED, "a server needs a certificate and its key");
    return tlsm_ssl_settle_client_auth(ssl) || tlsm_ssl_refuse(ssl, ERR_R_MALLOC_FAILURE, "");
}

/* Which certificate is shown is asked once a server wants one. */
static int set_client(SSL *ssl)
{
    ssl->settings.ask |= TLSM_ASK_CREDENTIAL_BIT;
    return tlsm_ssl_settle_identity(ssl) && (tlsm_ssl_choose_alpn(ssl, ssl->profile.alpn, ssl->profile.alpn_length) ||
                                             tlsm_ssl_refuse(ssl, ERR_R_MALLOC_FAILURE, ""));
}

static int set_up(SSL *ssl)
{
    struct tlsm_settings *const settings = &ssl->settings;
    settings->role = (uint8_t)ssl->role;
    settings->no_compatibility = (ssl->profile.options & SSL_OP_ENABLE_MIDDLEBOX_COMPAT) == 0;
    settings->plain_max = ssl->profile.max_fragment;
    settings->close12 = TLSM_CLOSE12_HALF;   /* our half is ended by SSL_shutdown(), in every version */
    tlsm_ssl_settle_late_auth(ssl);
    tlsm_ssl_settle_early(ssl);
    if (!set_lists(ssl))
        return 0;
    return ssl->role == TLSM_SERVER ? set_server(ssl) : set_client(ssl);
}

static int make_machine(SSL *ssl)
{
    struct tlsm_link_options options = { .hooks = { .answer = tlsm_ssl_answer, .ticket = tlsm_ssl_session_ticket, .context = ssl },
                                         .exact = ssl->profile.read_ahead == 0 };
    struct tlsm_config config;
    ssl->instance = tlsm_ssl_ctx_borrow(ssl->session_ctx);
    if (ssl->instance == NULL)
        return 0;
    if (tlsm_ssl_session_watched(ssl))
        options.hooks.issued = tlsm_ssl_session_issued;
    tlsm_ssl_watch(ssl, &options.hooks);
    config = tlsm_ssl_config(ssl);
    (void)BIO_up_ref(ssl->rbio);
    if (ssl->wbio != ssl->rbio)
        (void)BIO_up_ref(ssl->wbio);
    ssl->bio = tlsm_bio_new_with(&config, ssl->rbio, ssl->wbio, &options);
    if (ssl->bio != NULL)
        return 1;
    BIO_free_all(ssl->rbio);
    if (ssl->wbio != ssl->rbio)
        BIO_free_all(ssl->wbio);
    return 0;
}

uint64_t tlsm_ssl_now_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int begin(SSL *ssl)
{
    struct tlsm_session session;
    struct tlsm_entropy entropy;
    struct tlsm_start start = { &entropy, ssl->role == TLSM_CLIENT ? ssl->name : NULL, NULL, tlsm_ssl_now_ms() };
    int done;
    tlsm_ssl_info(ssl, SSL_CB_HANDSHAKE_START, 1);
    if (tlsm_libcrypto_draw(ssl->instance, &entropy) != 0)
        return tlsm_ssl_refuse(ssl, ERR_R_RAND_LIB, "libcrypto's random generator is not seeded");
    if (tlsm_ssl_session_begin(ssl, &session))
        start.session = &session;
    done = tlsm_link_begin(&ssl->bio->link, &start);
    OPENSSL_cleanse(&entropy, sizeof entropy);
    OPENSSL_cleanse(&session, sizeof session);
    if (done == TLSM_IO_NO_MEMORY)
        return tlsm_ssl_refuse(ssl, ERR_R_MALLOC_FAILURE, "");
    return done == TLSM_IO_DONE || tlsm_ssl_refuse(ssl, ERR_R_INTERNAL_ERROR, tlsm_code_text(ssl->bio->link.code));
}

static int may_start(SSL *ssl)
{
    if (ssl->role == 0)
        return tlsm_ssl_refuse(ssl, SSL_R_CONNECTION_TYPE_NOT_SET, "say first who is the client: SSL_connect() or SSL_accept()");
    if (!tlsm_ssl_has_bios(ssl))
        return 0;
    if (!tlsm_ssl_profile_speaks(&ssl->profile, TLS1_2_VERSION) && !tlsm_ssl_profile_speaks(&ssl->profile, TLS1_3_VERSION))
        return tlsm_ssl_refuse(ssl, SSL_R_NO_PROTOCOLS_AVAILABLE, "the settings leave out TLS 1.3 and TLS 1.2, and there is no other");
    return 1;
}

int tlsm_ssl_start(SSL *ssl)
{
    const int preset = ssl->preset;
    int started;
    if (ssl->bio != NULL)
        return 1;
    if (!may_start(ssl))
        return 0;
    (void)ERR_set_mark();
    started = set_up(ssl) && (make_machine(ssl) || tlsm_ssl_refuse(ssl, ERR_R_MALLOC_FAILURE, "")) && begin(ssl);
    (void)ERR_pop_to_mark();
    if (!started) {
        const struct ssl_last last = ssl->last;
        tlsm_ssl_end(ssl);
        ssl->preset = preset;
        return tlsm_ssl_refuse(ssl, last.reason, last.text);   /* one entry tells one error, whatever libcrypto said of it */
    }
    ssl->attempted = 0;
    tlsm_bio_contract(ssl->bio, ssl->profile.mode & SSL_MODE_TWO_STEP_SHUTDOWN ? TLSM_SHUTDOWN_TWO_STEP
                                                                                : TLSM_SHUTDOWN_ONE_CALL,
                      ssl->profile.quiet);
    tlsm_bio_set_shutdown(ssl->bio, preset);
    return 1;
}
