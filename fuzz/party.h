/* SPDX-License-Identifier: MIT */
/* One side of a connection behind OpenSSL's calls: ours or the installed libssl, so that the same script runs on both and
 * either can be the other's peer. party_calls.h is compiled twice, against each header; this is what both give. */
#ifndef TLSM_PARTY_H
#define TLSM_PARTY_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>

/* Options of a party; all zero: two-step contract, non-verifying. */
struct party_options {
    int server;
    int one_call;             /* ours: the seed's contract; libssl has none and keeps two steps */
    int partial_write;
    int quiet;
    int verify;               /* client: the party's certificate is the one to trust, for "localhost" */
    int read_ahead;
    size_t tickets;           /* server: issued after a handshake */
    int older;                /* TLS 1.2 and nothing else; else TLS 1.3 and nothing else */
    int stateful;             /* server: SSL_OP_NO_TICKET: they are keys of its cache */
    int late;                 /* client: shows the party's certificate to whoever asks after the handshake; server: trusts it */
    unsigned early_max;       /* server: bytes of early data */
    void (*keylog)(void *context, const char *line);   /* NULL: none */
    void *keylog_context;
};

struct party;   /* a context and one connection of it */

/* Numbers are OpenSSL's in both. `count` may be NULL. */
struct party_kind {
    const char *name;   /* "tlsm", "libssl" */
    struct party *(*create)(const struct party_options *options);
    void (*destroy)(struct party *);                     /* SSL_free, and the context */
    void (*set_bio)(struct party *, BIO *rbio, BIO *wbio);
    int (*set_fd)(struct party *, int fd);
    int (*handshake)(struct party *);                    /* SSL_do_handshake */
    int (*read)(struct party *, void *to, int room);
    int (*peek)(struct party *, void *to, int room);
    int (*write)(struct party *, const void *from, int length);
    int (*pending)(struct party *);
    int (*shutdown)(struct party *);
    int (*get_shutdown)(struct party *);
    void (*set_shutdown)(struct party *, int flags);
    void (*set_quiet)(struct party *, int yes);
    int (*get_error)(struct party *, int result);
    int (*key_update)(struct party *, int ask);
    int (*clear)(struct party *);
    int (*connected)(struct party *);
    /* sessions: the connection's, kept by the party across `again` */
    int (*resumable)(struct party *);                    /* SSL_SESSION_is_resumable of the connection's session; -1 none */
    int (*reused)(struct party *);
    int (*again)(struct party *, int offer);             /* SSL_free, SSL_new; offers the last session if asked */
    long (*cached)(struct party *);                      /* sessions in the context's cache */
    void *(*handle)(struct party *);                     /* the SSL itself */
    int (*ask_certificate)(struct party *, int require); /* SSL_verify_client_post_handshake */
    int (*knows_peer)(struct party *);
    int (*renegotiate)(struct party *);
    int (*write_early)(struct party *, const void *from, size_t length, size_t *count);
    int (*read_early)(struct party *, void *to, size_t room, size_t *count);
    int (*early_status)(struct party *);
};

extern const struct party_kind party_tlsm, party_libssl;

/* The certificate and key that every server shows: for "localhost", signed by itself; made once, never freed. */
X509 *party_certificate(void);
EVP_PKEY *party_key(void);

#endif
