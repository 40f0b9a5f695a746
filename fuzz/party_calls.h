/* SPDX-License-Identifier: MIT */
/* The calls behind a party, in OpenSSL's words; the includer has included the header whose calls they are, and says what the
 * party is called and how its contexts are told the contract. */
#include <openssl/err.h>
#include <stdlib.h>

#include "party.h"

struct party {
    SSL_CTX *ctx;
    SSL *ssl;
    SSL_SESSION *session;
    struct party_options options;
};

static int prepare_server(SSL_CTX *ctx, const struct party_options *options)
{
    static const unsigned char context[] = "party";
    if (options->stateful)
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    if (options->late && X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), party_certificate()) != 1)
        return 0;
    if (options->early_max > 0 && SSL_CTX_set_max_early_data(ctx, options->early_max) != 1)
        return 0;
    return SSL_CTX_use_certificate(ctx, party_certificate()) == 1 && SSL_CTX_use_PrivateKey(ctx, party_key()) == 1 &&
           SSL_CTX_set_session_id_context(ctx, context, sizeof context - 1) == 1 &&
           SSL_CTX_set_num_tickets(ctx, options->tickets) == 1;
}

static int prepare_client(SSL_CTX *ctx, const struct party_options *options)
{
    SSL_CTX_set_verify(ctx, options->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
    if (options->late) {
        SSL_CTX_set_post_handshake_auth(ctx, 1);
        if (SSL_CTX_use_certificate(ctx, party_certificate()) != 1 || SSL_CTX_use_PrivateKey(ctx, party_key()) != 1)
            return 0;
    }
    return !options->verify || X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), party_certificate()) == 1;
}

static void log_key(const SSL *ssl, const char *line)
{
    const struct party *const party = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0);
    party->options.keylog(party->options.keylog_context, line);
}

static int prepare(struct party *party)
{
    SSL_CTX *const ctx = party->ctx;
    if (party->options.keylog != NULL && SSL_CTX_set_ex_data(ctx, 0, party))
        SSL_CTX_set_keylog_callback(ctx, log_key);
    SSL_CTX_set_min_proto_version(ctx, party->options.older ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(ctx, party->options.older ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (party->options.partial_write)
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_read_ahead(ctx, party->options.read_ahead);
    SSL_CTX_set_quiet_shutdown(ctx, party->options.quiet);
    set_contract(ctx, &party->options);
    return party->options.server ? prepare_server(ctx, &party->options) : prepare_client(ctx, &party->options);
}

static int connection(struct party *party)
{
    party->ssl = SSL_new(party->ctx);
    if (party->ssl == NULL)
        return 0;
    if (party->options.server) {
        SSL_set_accept_state(party->ssl);
    } else {
        SSL_set_connect_state(party->ssl);
        SSL_set_tlsext_host_name(party->ssl, "localhost");
        if (party->options.verify)
            SSL_set1_host(party->ssl, "localhost");
    }
    return 1;
}

static void destroy(struct party *party)
{
    if (party == NULL)
        return;
    SSL_free(party->ssl);
    SSL_SESSION_free(party->session);
    SSL_CTX_free(party->ctx);
    free(party);
}

static struct party *create(const struct party_options *options)
{
    struct party *party = calloc(1, sizeof *party);
    if (party == NULL)
        return NULL;
    party->options = *options;
    party->ctx = SSL_CTX_new(TLS_method());
    if (party->ctx != NULL && prepare(party) && connection(party))
        return party;
    destroy(party);
    return NULL;
}

/* libssl asks the queue in SSL_get_error(), so nothing older may lie there. */
static SSL *fresh(struct party *party)
{
    ERR_clear_error();
    return party->ssl;
}

static void set_bio(struct party *party, BIO *rbio, BIO *wbio) { SSL_set_bio(party->ssl, rbio, wbio); }
static int set_fd(struct party *party, int fd) { return SSL_set_fd(party->ssl, fd); }
static int handshake(struct party *party) { return SSL_do_handshake(fresh(party)); }
static int read_some(struct party *party, void *to, int room) { return SSL_read(fresh(party), to, room); }
static int peek_some(struct party *party, void *to, int room) { return SSL_peek(fresh(party), to, room); }
static int write_some(struct party *party, const void *from, int length) { return SSL_write(fresh(party), from, length); }
static int pending(struct party *party) { return SSL_pending(party->ssl); }
static int shut_down(struct party *party) { return SSL_shutdown(fresh(party)); }
static int get_flags(struct party *party) { return SSL_get_shutdown(party->ssl); }
static void set_flags(struct party *party, int flags) { SSL_set_shutdown(party->ssl, flags); }
static void set_quiet(struct party *party, int yes) { SSL_set_quiet_shutdown(party->ssl, yes); }
static int get_error(struct party *party, int result) { return SSL_get_error(party->ssl, result); }
static int connected(struct party *party) { return SSL_is_init_finished(party->ssl); }
static int reused(struct party *party) { return SSL_session_reused(party->ssl); }
static long cached(struct party *party) { return SSL_CTX_sess_number(party->ctx); }
static void *handle(struct party *party) { return party->ssl; }

static int key_update(struct party *party, int ask)
{
    return SSL_key_update(fresh(party), ask ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
}

static int clear(struct party *party) { return SSL_clear(fresh(party)); }

static int resumable(struct party *party)
{
    SSL_SESSION *const session = SSL_get1_session(party->ssl);
    const int is = session != NULL ? SSL_SESSION_is_resumable(session) : -1;
    SSL_SESSION_free(session);
    return is;
}

static int again(struct party *party, int offer)
{
    SSL_SESSION_free(party->session);
    party->session = SSL_get1_session(party->ssl);
    SSL_free(party->ssl);
    if (!connection(party))
        return 0;
    return !offer || party->session == NULL || SSL_set_session(party->ssl, party->session) == 1;
}

static int ask_certificate(struct party *party, int require)
{
    SSL_set_verify(party->ssl, require ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER, NULL);
    return SSL_verify_client_post_handshake(fresh(party));
}

static int knows_peer(struct party *party) { return SSL_get0_peer_certificate(party->ssl) != NULL; }
static int renegotiate(struct party *party) { return SSL_renegotiate(fresh(party)); }

static int write_early(struct party *party, const void *from, size_t length, size_t *count)
{
    return SSL_write_early_data(fresh(party), from, length, count);
}

static int read_early(struct party *party, void *to, size_t room, size_t *count)
{
    return SSL_read_early_data(fresh(party), to, room, count);
}

static int early_status(struct party *party) { return SSL_get_early_data_status(party->ssl); }

#define PARTY_CALLS \
    create, destroy, set_bio, set_fd, handshake, read_some, peek_some, write_some, pending, shut_down, get_flags, set_flags, \
    set_quiet, get_error, key_update, clear, connected, resumable, reused, again, cached, handle, \
    ask_certificate, knows_peer, renegotiate, write_early, read_early, early_status
