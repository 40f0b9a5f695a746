/* SPDX-License-Identifier: MIT */
/* What a context hands down to its connections: the profile, and the calls that set it on either. A call on NULL changes
 * nothing and answers 0. */
#include <openssl/x509v3.h>
#include <string.h>

#include "tlsm_ssl_internal.h"

enum { FRAGMENT_MIN = 512, OLDEST_VERSION = 0x0300, NEWEST_VERSION = 0x03ff };

/* ------------------------------------------------------------------------------------------------ its life */

int tlsm_ssl_profile_init(struct ssl_profile *profile, int drop_in)
{
    memset(profile, 0, sizeof *profile);
    profile->options = SSL_OP_NO_COMPRESSION | SSL_OP_ENABLE_MIDDLEBOX_COMPAT;
    profile->mode = SSL_MODE_AUTO_RETRY | (drop_in ? (long)SSL_MODE_TWO_STEP_SHUTDOWN : 0);
    profile->verify_mode = drop_in ? SSL_VERIFY_NONE : SSL_VERIFY_PEER | SSL_VERIFY_BY_DEFAULT;
    profile->security_level = drop_in ? 1 : 2;
    profile->tickets = 2;
    profile->param = X509_VERIFY_PARAM_new();
    if (profile->param == NULL)
        return 0;
    /* RFC 9525 §6.3: a whole label as wildcard, never the subject's common name. */
    if (!drop_in)
        X509_VERIFY_PARAM_set_hostflags(profile->param,
                                        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return 1;
}

int tlsm_ssl_numbers_copy(struct ssl_numbers *to, struct ssl_numbers from)
{
    uint16_t *at = NULL;

    if (from.at != NULL) {
        at = OPENSSL_zalloc((from.count + 1) * sizeof *at);   /* an empty list is not the default one */
        if (at == NULL)
            return 0;
        memcpy(at, from.at, from.count * sizeof *at);
    }
    OPENSSL_free(to->at);
    to->at = at;
    to->count = from.count;
    return 1;
}

static int copy_param(struct ssl_profile *to, const struct ssl_profile *from)
{
    to->param = X509_VERIFY_PARAM_new();
    return to->param != NULL && X509_VERIFY_PARAM_set1(to->param, from->param);
}

static int copy_alpn(struct ssl_profile *to, const struct ssl_profile *from)
{
    if (from->alpn == NULL)
        return 1;
    to->alpn = OPENSSL_memdup(from->alpn, from->alpn_length);
    return to->alpn != NULL;
}

int tlsm_ssl_profile_copy(struct ssl_profile *to, const struct ssl_profile *from)
{
    static const struct ssl_numbers none = { NULL, 0 };

    *to = *from;
    to->suites = to->suites12 = to->groups = to->schemes = none;
    to->param = NULL;
    to->alpn = NULL;
    if (tlsm_ssl_numbers_copy(&to->suites, from->suites) && tlsm_ssl_numbers_copy(&to->suites12, from->suites12) && tlsm_ssl_numbers_copy(&to->groups, from->groups) &&
        tlsm_ssl_numbers_copy(&to->schemes, from->schemes) && copy_param(to, from) && copy_alpn(to, from))
        return 1;
    tlsm_ssl_profile_clear(to);
    return 0;
}

void tlsm_ssl_profile_clear(struct ssl_profile *profile)
{
    OPENSSL_free(profile->suites.at);
    OPENSSL_free(profile->suites12.at);
    OPENSSL_free(profile->groups.at);
    OPENSSL_free(profile->schemes.at);
    OPENSSL_free(profile->alpn);
    X509_VERIFY_PARAM_free(profile->param);
    memset(profile, 0, sizeof *profile);
}

int tlsm_ssl_profile_speaks(const struct ssl_profile *profile, int version)
{
    const struct ssl_numbers *suites = version == TLS1_3_VERSION ? &profile->suites : &profile->suites12;
    const uint64_t never = version == TLS1_3_VERSION ? SSL_OP_NO_TLSv1_3 : SSL_OP_NO_TLSv1_2;

    return profile->min_version <= version && (profile->max_version == 0 || profile->max_version >= version) &&
           (profile->options & never) == 0 && (suites->at == NULL || suites->count > 0);
}

static struct ssl_profile *of_ctx(SSL_CTX *ctx)
{
    return ctx != NULL ? &ctx->profile : NULL;
}

static struct ssl_profile *of_ssl(SSL *ssl)
{
    return ssl != NULL ? &ssl->profile : NULL;
}

/* ------------------------------------------------------------------------------------------------ options and mode */

static uint64_t change_options(struct ssl_profile *profile, uint64_t set, uint64_t clear)
{
    if (profile == NULL)
        return 0;
    profile->options = (profile->options | set) & ~clear;
    return profile->options;
}

uint64_t SSL_CTX_set_options(SSL_CTX *ctx, uint64_t options) { return change_options(of_ctx(ctx), options, 0); }
uint64_t SSL_CTX_clear_options(SSL_CTX *ctx, uint64_t options) { return change_options(of_ctx(ctx), 0, options); }
uint64_t SSL_CTX_get_options(const SSL_CTX *ctx) { return ctx != NULL ? ctx->profile.options : 0; }
uint64_t SSL_set_options(SSL *ssl, uint64_t options) { return change_options(of_ssl(ssl), options, 0); }
uint64_t SSL_clear_options(SSL *ssl, uint64_t options) { return change_options(of_ssl(ssl), 0, options); }
uint64_t SSL_get_options(const SSL *ssl) { return ssl != NULL ? ssl->profile.options : 0; }

static long change_mode(struct ssl_profile *profile, long set, long clear)
{
    if (profile == NULL)
        return 0;
    profile->mode = (profile->mode | set) & ~clear;
    return profile->mode;
}

long SSL_CTX_set_mode(SSL_CTX *ctx, long mode) { return change_mode(of_ctx(ctx), mode, 0); }
long SSL_CTX_clear_mode(SSL_CTX *ctx, long mode) { return change_mode(of_ctx(ctx), 0, mode); }
long SSL_CTX_get_mode(SSL_CTX *ctx) { return change_mode(of_ctx(ctx), 0, 0); }
long SSL_set_mode(SSL *ssl, long mode) { return change_mode(of_ssl(ssl), mode, 0); }
long SSL_clear_mode(SSL *ssl, long mode) { return change_mode(of_ssl(ssl), 0, mode); }
long SSL_get_mode(SSL *ssl) { return change_mode(of_ssl(ssl), 0, 0); }

/* ------------------------------------------------------------------------------------------------ versions */

/* Any TLS version is a bound that can be kept; whether it leaves one in that is spoken here, the handshake says. */
static int set_bound(int *bound, int version)
{
    if (version != 0 && (version < OLDEST_VERSION || version > NEWEST_VERSION))
        return 0;
    *bound = version;
    return 1;
}

int SSL_CTX_set_min_proto_version(SSL_CTX *ctx, int version)
{
    return ctx != NULL && set_bound(&ctx->profile.min_version, version);
}

int SSL_CTX_set_max_proto_version(SSL_CTX *ctx, int version)
{
    return ctx != NULL && set_bound(&ctx->profile.max_version, version);
}

int SSL_set_min_proto_version(SSL *ssl, int version)
{
    return ssl != NULL && set_bound(&ssl->profile.min_version, version);
}

int SSL_set_max_proto_version(SSL *ssl, int version)
{
    return ssl != NULL && set_bound(&ssl->profile.max_version, version);
}

int SSL_CTX_get_min_proto_version(SSL_CTX *ctx) { return ctx != NULL ? ctx->profile.min_version : 0; }
int SSL_CTX_get_max_proto_version(SSL_CTX *ctx) { return ctx != NULL ? ctx->profile.max_version : 0; }
int SSL_get_min_proto_version(SSL *ssl) { return ssl != NULL ? ssl->profile.min_version : 0; }
int SSL_get_max_proto_version(SSL *ssl) { return ssl != NULL ? ssl->profile.max_version : 0; }

/* ------------------------------------------------------------------------------------------------ numbers */

static int set_fragment(struct ssl_profile *profile, size_t bytes)
{
    if (profile == NULL || bytes < FRAGMENT_MIN || bytes > SSL3_RT_MAX_PLAIN_LENGTH)
        return 0;
    profile->max_fragment = bytes;
    return 1;
}

int SSL_CTX_set_max_send_fragment(SSL_CTX *ctx, size_t bytes) { return set_fragment(of_ctx(ctx), bytes); }
int SSL_set_max_send_fragment(SSL *ssl, size_t bytes) { return set_fragment(of_ssl(ssl), bytes); }

void SSL_CTX_set_read_ahead(SSL_CTX *ctx, int yes)
{
    if (ctx != NULL)
        ctx->profile.read_ahead = yes;
}

void SSL_set_read_ahead(SSL *ssl, int yes)
{
    if (ssl != NULL)
        ssl->profile.read_ahead = yes;
}

int SSL_CTX_get_read_ahead(SSL_CTX *ctx) { return ctx != NULL ? ctx->profile.read_ahead : 0; }
int SSL_get_read_ahead(const SSL *ssl) { return ssl != NULL ? ssl->profile.read_ahead : 0; }

void SSL_CTX_set_security_level(SSL_CTX *ctx, int level)
{
    if (ctx != NULL)
        ctx->profile.security_level = level;
}

void SSL_set_security_level(SSL *ssl, int level)
{
    if (ssl != NULL)
        ssl->profile.security_level = level;
}

int SSL_CTX_get_security_level(const SSL_CTX *ctx) { return ctx != NULL ? ctx->profile.security_level : 0; }
int SSL_get_security_level(const SSL *ssl) { return ssl != NULL ? ssl->profile.security_level : 0; }

void SSL_CTX_set_quiet_shutdown(SSL_CTX *ctx, int yes)
{
    if (ctx != NULL)
        ctx->profile.quiet = yes;
}

void SSL_set_quiet_shutdown(SSL *ssl, int yes)
{
    if (ssl != NULL)
        ssl->profile.quiet = yes;
}

int SSL_CTX_get_quiet_shutdown(const SSL_CTX *ctx) { return ctx != NULL ? ctx->profile.quiet : 0; }
int SSL_get_quiet_shutdown(const SSL *ssl) { return ssl != NULL ? ssl->profile.quiet : 0; }

static int set_tickets(struct ssl_profile *profile, size_t count)
{
    if (profile == NULL)
        return 0;
    profile->tickets = count;
    return 1;
}

int SSL_CTX_set_num_tickets(SSL_CTX *ctx, size_t count) { return set_tickets(of_ctx(ctx), count); }
int SSL_set_num_tickets(SSL *ssl, size_t count) { return set_tickets(of_ssl(ssl), count); }
size_t SSL_CTX_get_num_tickets(const SSL_CTX *ctx) { return ctx != NULL ? ctx->profile.tickets : 0; }
size_t SSL_get_num_tickets(const SSL *ssl) { return ssl != NULL ? ssl->profile.tickets : 0; }

/* ------------------------------------------------------------------------------------------------ names */

static int set_session_context(struct ssl_profile *profile, SSL *ssl, const unsigned char *context, unsigned length)
{
    if (profile == NULL || (context == NULL && length > 0))
        return 0;
    if (length > SSL_MAX_SID_CTX_LENGTH)
        return tlsm_ssl_refuse(ssl, SSL_R_SSL_SESSION_ID_CONTEXT_TOO_LONG, "a session context has at most 32 bytes");
    if (length > 0)
        memcpy(profile->sid_context, context, length);
    profile->sid_context_length = length;
    return 1;
}

int SSL_CTX_set_session_id_context(SSL_CTX *ctx, const unsigned char *context, unsigned int length)
{
    return set_session_context(of_ctx(ctx), NULL, context, length);
}

int SSL_set_session_id_context(SSL *ssl, const unsigned char *context, unsigned int length)
{
    return set_session_context(of_ssl(ssl), ssl, context, length);
}

/* Names of 1 to 255 bytes, each behind its length. */
static int are_protocols(const unsigned char *protocols, unsigned length)
{
    unsigned at = 0;

    while (at < length) {
        if (protocols[at] == 0 || protocols[at] >= length - at)
            return 0;
        at += 1U + protocols[at];
    }
    return 1;
}

/* 0 is success, for once. */
static int set_alpn(struct ssl_profile *profile, const unsigned char *protocols, unsigned length)
{
    uint8_t *copy = NULL;

    if (profile == NULL)
        return 1;
    if (protocols != NULL && length > 0) {
        copy = are_protocols(protocols, length) ? OPENSSL_memdup(protocols, length) : NULL;
        if (copy == NULL)
            return 1;
    }
    OPENSSL_free(profile->alpn);
    profile->alpn = copy;
    profile->alpn_length = copy != NULL ? length : 0;
    return 0;
}

int SSL_CTX_set_alpn_protos(SSL_CTX *ctx, const unsigned char *protocols, unsigned int length)
{
    return set_alpn(of_ctx(ctx), protocols, length);
}

int SSL_set_alpn_protos(SSL *ssl, const unsigned char *protocols, unsigned int length)
{
    return set_alpn(of_ssl(ssl), protocols, length);
}

/* The first of the server's that the client has too; without one, the client's first, for whoever wants to try it. */
int SSL_select_next_proto(unsigned char **out, unsigned char *out_length, const unsigned char *server,
                          unsigned int server_length, const unsigned char *client, unsigned int client_length)
{
    const unsigned char *chosen = NULL;
    int result = OPENSSL_NPN_NO_OVERLAP;

    if (client != NULL && client_length > 0 && are_protocols(client, client_length))
        chosen = client;
    if (chosen != NULL && server != NULL && are_protocols(server, server_length))
        for (unsigned i = 0; i < server_length && result == OPENSSL_NPN_NO_OVERLAP; i += 1U + server[i])
            for (unsigned j = 0; j < client_length; j += 1U + client[j])
                if (server[i] == client[j] && memcmp(server + i, client + j, 1U + server[i]) == 0) {
                    chosen = server + i;
                    result = OPENSSL_NPN_NEGOTIATED;
                    break;
                }
    if (out != NULL)
        *out = chosen != NULL ? (unsigned char *)(uintptr_t)(chosen + 1) : NULL;
    if (out_length != NULL)
        *out_length = chosen != NULL ? chosen[0] : 0;
    return result;
}

/* ------------------------------------------------------------------------------------------------ watching */

void SSL_CTX_set_info_callback(SSL_CTX *ctx, void (*callback)(const SSL *, int, int))
{
    if (ctx != NULL)
        ctx->profile.info = callback;
}

void SSL_set_info_callback(SSL *ssl, void (*callback)(const SSL *, int, int))
{
    if (ssl != NULL)
        ssl->profile.info = callback;
}

void (*SSL_CTX_get_info_callback(SSL_CTX *ctx))(const SSL *, int, int)
{
    return ctx != NULL ? ctx->profile.info : NULL;
}

void (*SSL_get_info_callback(const SSL *ssl))(const SSL *, int, int)
{
    return ssl != NULL ? ssl->profile.info : NULL;
}

void SSL_CTX_set_msg_callback(SSL_CTX *ctx, void (*callback)(int, int, int, const void *, size_t, SSL *, void *))
{
    if (ctx != NULL)
        ctx->profile.message = callback;
}

void SSL_set_msg_callback(SSL *ssl, void (*callback)(int, int, int, const void *, size_t, SSL *, void *))
{
    if (ssl != NULL)
        ssl->profile.message = callback;
}

void SSL_CTX_set_msg_callback_arg(SSL_CTX *ctx, void *argument)
{
    if (ctx != NULL)
        ctx->profile.message_argument = argument;
}

void SSL_set_msg_callback_arg(SSL *ssl, void *argument)
{
    if (ssl != NULL)
        ssl->profile.message_argument = argument;
}
