/* SPDX-License-Identifier: MIT */
/* BearSSL's part of peer.h: TLS 1.2 alone, sessions by their ID alone, no extended master secret, and no list of groups that
 * would not be one of the curves of certificates too: those of the other side decide. */
#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <bearssl/bearssl.h>

enum { CHOICES = 8, FILE_ROOM = 8192, NAME_ROOM = 512, CACHE_ROOM = 4096 };

struct blob {
    unsigned char bytes[FILE_ROOM];
    size_t length;
};

struct peer {
    const struct plan *plan;
    struct report *report;
    union { br_ssl_client_context client; br_ssl_server_context server; } side;
    br_ssl_engine_context *engine;
    br_sslio_context io;
    br_x509_minimal_context judge;
    br_x509_decoder_context authority_decoder;
    br_x509_trust_anchor authority;
    br_skey_decoder_context key;
    br_x509_certificate chain;
    br_ssl_session_cache_lru cache;
    br_name_element common_name;
    struct blob certificate, authority_name;
    uint16_t suites[CHOICES];
    unsigned char secret[PEER_SECRET];   /* of the session that the last connection had */
    unsigned char buffer[BR_SSL_BUFSIZE_BIDI], cache_room[CACHE_ROOM];
    char name[64];
    int fd, error;                       /* what the transport said last; 0: it ended */
    int deaf;                            /* the error of a write: nobody takes our bytes any more */
};

static const struct { const char *name; uint16_t number; } suites[] = {
    { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 },
    { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 },
    { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 },
    { "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 } };

/* ------------------------------------------------------------------------------------------------ files */

static void append(void *context, const void *from, size_t length)
{
    struct blob *blob = context;
    if (length <= sizeof blob->bytes - blob->length)
        memcpy(blob->bytes + blob->length, from, length);
    blob->length += length;
}

/* The first object of a PEM file, decoded; 1 when it is whole. */
static int decode_pem(const char *text, size_t length, struct blob *blob)
{
    br_pem_decoder_context decoder;
    br_pem_decoder_init(&decoder);
    while (length > 0) {
        const size_t taken = br_pem_decoder_push(&decoder, text, length);
        const int event = br_pem_decoder_event(&decoder);
        text += taken;
        length -= taken;
        if (event == BR_PEM_BEGIN_OBJ)
            br_pem_decoder_setdest(&decoder, append, blob);
        else if (event != 0)
            return event == BR_PEM_END_OBJ && blob->length <= sizeof blob->bytes;
    }
    return 0;
}

static int read_pem(const char *path, struct blob *blob)
{
    char text[FILE_ROOM];
    FILE *const file = fopen(path, "r");
    size_t length;
    if (file == NULL)
        return 0;
    length = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    blob->length = 0;
    return decode_pem(text, length, blob);
}

/* ------------------------------------------------------------------------------------------------ setting up */

static const char *load_authority(struct peer *peer)
{
    static struct blob blob;
    const br_x509_pkey *key;
    if (!read_pem(peer->plan->ca, &blob))
        return "the authority's file";
    peer->authority_name.length = 0;
    br_x509_decoder_init(&peer->authority_decoder, append, &peer->authority_name);
    br_x509_decoder_push(&peer->authority_decoder, blob.bytes, blob.length);
    key = br_x509_decoder_get_pkey(&peer->authority_decoder);
    if (key == NULL)
        return "the authority";
    peer->authority.dn.data = peer->authority_name.bytes;
    peer->authority.dn.len = peer->authority_name.length;
    peer->authority.flags = BR_X509_TA_CA;
    peer->authority.pkey = *key;
    return NULL;
}

static const char *load_identity(struct peer *peer)
{
    static struct blob blob;
    if (!read_pem(peer->plan->cert, &peer->certificate) || !read_pem(peer->plan->key, &blob))
        return "the files of the certificate";
    peer->chain.data = peer->certificate.bytes;
    peer->chain.data_len = peer->certificate.length;
    br_skey_decoder_init(&peer->key);
    br_skey_decoder_push(&peer->key, blob.bytes, blob.length);
    return br_skey_decoder_last_error(&peer->key) == 0 ? NULL : "a key of a kind that BearSSL does not have";
}

static const br_ec_private_key *ec_key(struct peer *peer)
{
    return br_skey_decoder_get_ec(&peer->key);
}

static void set_client(struct peer *peer)
{
    br_ssl_client_context *client = &peer->side.client;
    peer->engine = &client->eng;
    br_ssl_client_init_full(client, &peer->judge, &peer->authority, 1);
    if (peer->plan->cert == NULL)
        return;
    if (ec_key(peer) != NULL)
        br_ssl_client_set_single_ec(client, &peer->chain, 1, ec_key(peer), BR_KEYTYPE_SIGN, BR_KEYTYPE_EC, br_ec_get_default(),
                                    br_ecdsa_sign_asn1_get_default());
    else
        br_ssl_client_set_single_rsa(client, &peer->chain, 1, br_skey_decoder_get_rsa(&peer->key),
                                     br_rsa_pkcs1_sign_get_default());
}

static void set_server(struct peer *peer)
{
    br_ssl_server_context *server = &peer->side.server;
    peer->engine = &server->eng;
    if (ec_key(peer) != NULL)
        br_ssl_server_init_full_ec(server, &peer->chain, 1, BR_KEYTYPE_EC, ec_key(peer));
    else
        br_ssl_server_init_full_rsa(server, &peer->chain, 1, br_skey_decoder_get_rsa(&peer->key));
    br_ssl_session_cache_lru_init(&peer->cache, peer->cache_room, sizeof peer->cache_room);
    br_ssl_server_set_cache(server, &peer->cache.vtable);
    if (!peer->plan->ask)
        return;
    br_x509_minimal_init_full(&peer->judge, &peer->authority, 1);
    br_ssl_engine_set_x509(peer->engine, &peer->judge.vtable);
    br_ssl_engine_set_default_rsavrfy(peer->engine);
    br_ssl_engine_set_default_ecdsa(peer->engine);
    br_ssl_server_set_trust_anchor_names_alt(server, &peer->authority, 1);
    if (!peer->plan->require)
        br_ssl_engine_add_flags(peer->engine, BR_OPT_TOLERATE_NO_CLIENT_AUTH);
}

static void set_suites(struct peer *peer)
{
    const char *list = peer->plan->suite;
    char word[64];
    size_t count = 0;
    while (count < CHOICES && next_word(&list, word, sizeof word))
        for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
            if (strcmp(suites[i].name, word) == 0)
                peer->suites[count++] = suites[i].number;
    if (count > 0)
        br_ssl_engine_set_suites(peer->engine, peer->suites, count);
}

static const char *set_up(struct peer *peer)
{
    static const unsigned char common_name[] = { 3, 0x55, 0x04, 0x03 };
    const struct plan *plan = peer->plan;
    const char *what = plan->tls12 ? NULL : "TLS 1.3";
    if (what == NULL && plan->ca != NULL)
        what = load_authority(peer);
    if (what == NULL && plan->cert != NULL)
        what = load_identity(peer);
    if (what != NULL)
        return what;
    if (plan->client)
        set_client(peer);
    else
        set_server(peer);
    set_suites(peer);
    br_ssl_engine_set_versions(peer->engine, BR_TLS12, BR_TLS12);
    peer->common_name.oid = common_name;
    peer->common_name.buf = peer->name;
    peer->common_name.len = sizeof peer->name;
    br_x509_minimal_set_name_elements(&peer->judge, &peer->common_name, 1);
    return NULL;
}

const char *peer_version(void)
{
    return "0.6";   /* no header says it */
}

struct peer *peer_prepare(const struct plan *plan, struct report *report)
{
    struct peer *peer = calloc(1, sizeof *peer);
    const char *what;
    peer->plan = plan;
    peer->report = report;
    what = set_up(peer);
    if (what == NULL)
        return peer;
    report_end(report, "unable", "%s", what);
    free(peer);
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ transport */

static int take(void *context, unsigned char *to, size_t room)
{
    struct peer *peer = context;
    const ssize_t got = recv(peer->fd, to, room, 0);
    peer->error = got < 0 ? errno : 0;
    return got > 0 ? (int)got : -1;
}

/* br_sslio_close() spins for ever over a transport that refuses: this one swallows instead, and remembers. */
static int put(void *context, const unsigned char *from, size_t length)
{
    struct peer *peer = context;
    const ssize_t done = peer->deaf == 0 ? send(peer->fd, from, length, 0) : -1;
    if (done < 0 && peer->deaf == 0)
        peer->deaf = errno;
    return done > 0 ? (int)done : (int)length;
}

/* What is there to be sent, without reading. */
static int flush(struct peer *peer)
{
    while (br_ssl_engine_current_state(peer->engine) & BR_SSL_SENDREC) {
        size_t length = 0;
        const unsigned char *from = br_ssl_engine_sendrec_buf(peer->engine, &length);
        br_ssl_engine_sendrec_ack(peer->engine, (size_t)put(peer, from, length));
    }
    return peer->deaf == 0;
}

int peer_open(struct peer *peer, int fd)
{
    int done;
    peer->fd = fd;
    peer->deaf = 0;
    br_ssl_engine_set_buffer(peer->engine, peer->buffer, sizeof peer->buffer, 1);
    peer->name[0] = '\0';
    if (peer->plan->client)
        done = br_ssl_client_reset(&peer->side.client, peer->plan->name, 1);
    else
        done = br_ssl_server_reset(&peer->side.server);
    br_sslio_init(&peer->io, peer->engine, take, peer, put, peer);
    return done;
}

/* ------------------------------------------------------------------------------------------------ the connection */

static int stopped(struct peer *peer, const char *call)
{
    const int error = br_ssl_engine_last_error(peer->engine);
    char said[PEER_WORDS];
    (void)snprintf(said, sizeof said, "%s: error %d", call, error);
    if (error == BR_ERR_OK && br_ssl_engine_current_state(peer->engine) == BR_SSL_CLOSED)
        report_end(peer->report, "close_notify", "%s: closed, BR_ERR_OK", call);
    else if (error == BR_ERR_OK)
        report_errno(peer->report, peer->deaf, said);
    else if (error == BR_ERR_IO)
        report_errno(peer->report, peer->error, said);
    else if (error >= BR_ERR_RECV_FATAL_ALERT && error < BR_ERR_SEND_FATAL_ALERT)
        report_alert(peer->report, error - BR_ERR_RECV_FATAL_ALERT, said);
    else
        report_end(peer->report, "error", "%s", said);
    return 0;
}

int peer_hello(struct peer *peer)
{
    return flush(peer);
}

int peer_handshake(struct peer *peer)
{
    return br_sslio_flush(&peer->io) == 0 ? 1 : stopped(peer, "br_sslio_flush");
}

long peer_read(struct peer *peer, void *to, size_t room)
{
    const int got = br_sslio_read(&peer->io, to, room);
    return got > 0 ? got : stopped(peer, "br_sslio_read");
}

int peer_write(struct peer *peer, const void *from, size_t length)
{
    return br_sslio_write_all(&peer->io, from, length) == 0 && br_sslio_flush(&peer->io) == 0 &&
           peer->deaf == 0 ? 1 : stopped(peer, "br_sslio_write_all");
}

int peer_early_write(struct peer *peer, const void *from, size_t length)
{
    (void)from, (void)length;
    report_end(peer->report, "error", "TLS 1.2 has no early data");
    return 0;
}

long peer_early_read(struct peer *peer, void *to, size_t room)
{
    (void)peer, (void)to, (void)room;
    return 0;
}

int peer_end(struct peer *peer)
{
    br_ssl_engine_close(peer->engine);
    return flush(peer) ? 1 : stopped(peer, "br_ssl_engine_close");
}

int peer_cancel(struct peer *peer)
{
    report_end(peer->report, "error", "BearSSL has no call that sends user_canceled");
    return 0;
}

int peer_abort(struct peer *peer)
{
    report_end(peer->report, "error", "BearSSL has no call that sends an alert");
    return 0;
}

int peer_update(struct peer *peer)
{
    report_end(peer->report, "error", "TLS 1.2 changes no keys");
    return 0;
}

int peer_demand(struct peer *peer)
{
    report_end(peer->report, "error", "TLS 1.2 asks in the handshake alone");
    return 0;
}

/* It waits for the other's close_notify, and drops what comes before. */
void peer_close(struct peer *peer)
{
    if (br_sslio_close(&peer->io))
        report_end(peer->report, "close_notify", "br_sslio_close: 1");
    else
        (void)stopped(peer, "br_sslio_close");
}

void peer_leave(struct peer *peer)
{
    (void)peer;
}

/* A session that is resumed has the secret of the one before. */
void peer_facts(struct peer *peer)
{
    struct report *report = peer->report;
    const int curve = br_ssl_engine_get_ecdhe_curve(peer->engine);
    br_ssl_session_parameters session;
    br_ssl_engine_get_session_parameters(peer->engine, &session);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        if (suites[i].number == session.cipher_suite)
            report_suite(report, suites[i].name);
    report->resumed = memcmp(peer->secret, session.master_secret, PEER_SECRET) == 0;
    memcpy(peer->secret, session.master_secret, PEER_SECRET);
    (void)snprintf(report->group, sizeof report->group, "%s", report->resumed ? "" : curve == BR_EC_curve25519 ? "x25519" :
                   curve == BR_EC_secp256r1 ? "secp256r1" : curve == BR_EC_secp384r1 ? "secp384r1" : "other");
    (void)snprintf(report->version, sizeof report->version, "%s", session.version == BR_TLS12 ? "1.2" : "other");
    (void)snprintf(report->peer, sizeof report->peer, "%s", peer->name[0] != '\0' ? peer->name : "none");
}

void peer_forget(struct peer *peer)
{
    (void)peer;
}

void peer_dispose(struct peer *peer)
{
    free(peer);
}
