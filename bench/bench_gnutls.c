/* SPDX-License-Identifier: MIT */
/* GnuTLS with its own way of calling out for bytes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "bench_pipe.h"

enum { ROUNDS_MAX = 8 };

struct pair {
    gnutls_session_t end[2];
};

static gnutls_certificate_credentials_t credentials[2];
static gnutls_priority_t priority;
static gnutls_datum_t ticket_key, kept;    /* kept: the session that prime() left */
static enum bench_version version;
static char name[32];
static struct bench_pipe to[2];            /* bytes under way to each end */
static uint8_t received[BENCH_WIRE];

static const char *release(void)
{
    static char text[32];
    (void)snprintf(text, sizeof text, "GnuTLS %s", gnutls_check_version(NULL));
    return text;
}

static int complain(const char *call, int result)
{
    (void)fprintf(stderr, "bench: %s: %s\n", call, gnutls_strerror(result));
    return -1;
}

/* ------------------------------------------------------------------------------------------------ the library */

static int gnutls_open(const struct bench_identity *identity, enum bench_version which)
{
    static const char *const words[BENCH_VERSIONS] = {
        "NONE:+VERS-TLS1.3:+AES-128-GCM:+AEAD:+SIGN-ECDSA-SECP256R1-SHA256:+GROUP-X25519",
        "NONE:+VERS-TLS1.2:+AES-128-GCM:+AEAD:+ECDHE-ECDSA:+SIGN-ECDSA-SHA256:+GROUP-X25519:+GROUP-SECP256R1" };
    int done = gnutls_priority_init(&priority, words[which], NULL);
    version = which;
    (void)snprintf(name, sizeof name, "%s", identity->name);
    for (int end = 0; end < 2 && done == 0; end++)
        done = gnutls_certificate_allocate_credentials(&credentials[end]);
    if (done == 0)
        done = gnutls_session_ticket_key_generate(&ticket_key);
    if (done == 0)
        done = gnutls_certificate_set_x509_trust_file(credentials[BENCH_CLIENT], identity->anchor, GNUTLS_X509_FMT_PEM);
    if (done > 0)
        done = gnutls_certificate_set_x509_key_file(credentials[BENCH_SERVER], identity->chain, identity->key, GNUTLS_X509_FMT_PEM);
    return done >= 0 ? 0 : complain("setting up", done);
}

static void forget_session(void)
{
    gnutls_free(kept.data);
    kept.data = NULL;
}

static void gnutls_shut(void)
{
    forget_session();
    gnutls_free(ticket_key.data);
    ticket_key.data = NULL;
    for (int end = 0; end < 2; end++)
        gnutls_certificate_free_credentials(credentials[end]);
    gnutls_priority_deinit(priority);
}

/* ------------------------------------------------------------------------------------------------ transport */

/* What an end takes from is its pointer; the other one is what it puts into. */
static struct bench_pipe *other(gnutls_transport_ptr_t own) { return own == &to[0] ? &to[1] : &to[0]; }

static ssize_t put(gnutls_transport_ptr_t own, const void *from, size_t length)
{
    return (ssize_t)bench_pipe_put(other(own), from, length);
}

static ssize_t take(gnutls_transport_ptr_t own, void *into, size_t room)
{
    const size_t length = bench_pipe_take(own, into, room);
    if (length > 0)
        return (ssize_t)length;
    errno = EAGAIN;
    return -1;
}

static int is_there(gnutls_transport_ptr_t own, unsigned milliseconds)
{
    const struct bench_pipe *pipe = own;
    (void)milliseconds;
    return pipe->end > pipe->begin;
}

static gnutls_session_t make_end(enum bench_end end, unsigned flags)
{
    gnutls_session_t session;
    if (gnutls_init(&session, flags | GNUTLS_NONBLOCK | (end == BENCH_CLIENT ? GNUTLS_CLIENT : GNUTLS_SERVER)) != 0)
        return NULL;
    (void)gnutls_priority_set(session, priority);
    (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials[end]);
    gnutls_transport_set_push_function(session, put);
    gnutls_transport_set_pull_function(session, take);
    gnutls_transport_set_pull_timeout_function(session, is_there);
    gnutls_transport_set_ptr(session, &to[end]);
    return session;
}

/* ------------------------------------------------------------------------------------------------ the handshake */

static int prepare(gnutls_session_t client)
{
    static gnutls_typed_vdata_st judged[2] = { { GNUTLS_DT_DNS_HOSTNAME, (unsigned char *)name, 0 },
                                               { GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER, 0 } };
    gnutls_session_set_verify_cert2(client, judged, 2, 0);
    return gnutls_server_name_set(client, GNUTLS_NAME_DNS, name, strlen(name));
}

static int shake_hands(struct pair *pair)
{
    int done[2] = { GNUTLS_E_AGAIN, GNUTLS_E_AGAIN };
    for (int rounds = 0; rounds < ROUNDS_MAX && (done[0] != 0 || done[1] != 0); rounds++)
        for (int end = 0; end < 2; end++) {
            bench_turn = (enum bench_end)end;
            if (done[end] != 0)
                done[end] = gnutls_handshake(pair->end[end]);
            if (done[end] != 0 && gnutls_error_is_fatal(done[end]))
                return complain("gnutls_handshake", done[end]);
        }
    return done[0] == 0 && done[1] == 0 ? 0 : complain("gnutls_handshake", GNUTLS_E_AGAIN);
}

/* A resumption in TLS 1.2 agrees on no group. */
static int is_agreed(const struct pair *pair, enum bench_kind kind)
{
    for (int end = 0; end < 2; end++) {
        gnutls_session_t session = pair->end[end];
        if (gnutls_protocol_get_version(session) != (version == BENCH_TLS13 ? GNUTLS_TLS1_3 : GNUTLS_TLS1_2) ||
            gnutls_cipher_get(session) != GNUTLS_CIPHER_AES_128_GCM || (kind == BENCH_RESUMED) != gnutls_session_is_resumed(session))
            return 0;
        if ((version == BENCH_TLS13 || kind == BENCH_FULL) && gnutls_group_get(session) != GNUTLS_GROUP_X25519)
            return 0;
    }
    return 1;
}

static void gnutls_end(void *given, enum bench_end end)
{
    struct pair *pair = given;
    gnutls_deinit(pair->end[end]);
    if (end == BENCH_SERVER)
        free(pair);
}

/* `flags` are the server's. */
static struct pair *make_pair(unsigned flags)
{
    struct pair *pair = calloc(1, sizeof *pair);
    for (int end = 0; end < 2 && pair != NULL; end++) {
        bench_turn = (enum bench_end)end;
        pair->end[end] = make_end((enum bench_end)end, end == BENCH_SERVER ? flags : 0);
        bench_pipe_clear(&to[end]);
    }
    return pair != NULL && pair->end[0] != NULL && pair->end[1] != NULL && prepare(pair->end[BENCH_CLIENT]) == 0 ? pair : NULL;
}

static void *gnutls_connect(enum bench_kind kind)
{
    struct pair *pair = make_pair(GNUTLS_NO_AUTO_SEND_TICKET);
    if (pair == NULL)
        return NULL;
    if (kind == BENCH_RESUMED && (gnutls_session_set_data(pair->end[BENCH_CLIENT], kept.data, kept.size) != 0 ||
                                  gnutls_session_ticket_enable_server(pair->end[BENCH_SERVER], &ticket_key) != 0))
        return NULL;
    if (shake_hands(pair) < 0)
        return NULL;
    if (is_agreed(pair, kind))
        return pair;
    (void)fprintf(stderr, "bench: GnuTLS agreed on %s\n", gnutls_session_get_desc(pair->end[BENCH_CLIENT]));
    return NULL;
}

/* In TLS 1.3 the ticket comes behind the handshake: the client has to read once. */
static int gnutls_prime(void)
{
    struct pair *pair = make_pair(0);
    uint8_t byte;
    forget_session();
    if (pair == NULL || gnutls_session_ticket_enable_server(pair->end[BENCH_SERVER], &ticket_key) != 0 || shake_hands(pair) < 0)
        return -1;
    if (version == BENCH_TLS13)
        (void)gnutls_record_recv(pair->end[BENCH_CLIENT], &byte, sizeof byte);
    const int done = gnutls_session_get_data2(pair->end[BENCH_CLIENT], &kept);
    gnutls_end(pair, BENCH_CLIENT);
    gnutls_end(pair, BENCH_SERVER);
    return done == 0 ? 0 : complain("gnutls_session_get_data2", done);
}

/* ------------------------------------------------------------------------------------------------ afterwards */

static int gnutls_transfer(void *given, enum bench_end from, const uint8_t *data, size_t length, const uint8_t **opened)
{
    struct pair *pair = given;
    *opened = received;
    return gnutls_record_send(pair->end[from], data, length) == (ssize_t)length &&
           gnutls_record_recv(pair->end[!from], received, sizeof received) == (ssize_t)length ? 0 : -1;
}

/* Reading says 0 for a close_notify alone. */
static int gnutls_close(void *given)
{
    struct pair *pair = given;
    for (int end = 0; end < 2; end++)
        if (gnutls_bye(pair->end[end], GNUTLS_SHUT_WR) != 0 || gnutls_record_recv(pair->end[!end], received, sizeof received) != 0)
            return -1;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ one end */

static int gnutls_make(void)
{
    gnutls_session_t client = make_end(BENCH_CLIENT, 0);
    if (client == NULL)
        return -1;
    gnutls_deinit(client);
    return 0;
}

static int gnutls_refuse(const uint8_t *bytes, size_t length)
{
    gnutls_session_t server = make_end(BENCH_SERVER, 0);
    int done = 0;
    bench_pipe_clear(&to[BENCH_CLIENT]);
    bench_pipe_clear(&to[BENCH_SERVER]);
    if (server == NULL || bench_pipe_put(&to[BENCH_SERVER], bytes, length) == 0)
        return -1;
    done = gnutls_handshake(server);
    const int told = gnutls_alert_send_appropriate(server, done);   /* the others do that themselves */
    gnutls_deinit(server);
    return done < 0 && gnutls_error_is_fatal(done) && told == 0 ? 0 : -1;
}

const struct bench_library bench_gnutls = {
    .name = "GnuTLS", .key = "gnutls", .versions = BENCH_BOTH, .release = release, .open = gnutls_open, .shut = gnutls_shut,
    .connect = gnutls_connect, .prime = gnutls_prime, .transfer = gnutls_transfer, .close = gnutls_close, .end = gnutls_end,
    .make = gnutls_make, .refuse = gnutls_refuse,
};
