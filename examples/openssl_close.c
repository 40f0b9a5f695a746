/* SPDX-License-Identifier: MIT */
/* openssl_close HOST PORT [CA-FILE [NAME]]: a client that stays on libssl, and leaves the end of its connection to tlsm: it asks
 * a web server for / and says how the connection ended.
 *
 * CA-FILE: whom to trust, else the system's authorities. NAME: what the certificate must be for, else HOST.
 * The page goes to stdout, sentences to stderr. The exit status is 0 only when the page is known to be whole. */
/* build: cc openssl_close.c $(pkg-config --cflags --libs tlsm-openssl) */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <tlsm_openssl.h>
#include <unistd.h>

enum { DEADLINE_MS = 30000, FAILED = 1, USAGE = 2 };

/* All of this is libssl's, as in any program. */
static SSL_CTX *trust(const char *authorities)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (authorities != NULL ? SSL_CTX_load_verify_file(ctx, authorities) : SSL_CTX_set_default_verify_paths(ctx))
        return ctx;
    fprintf(stderr, "%s: no authorities.\n", authorities != NULL ? authorities : "The system");
    SSL_CTX_free(ctx);
    return NULL;
}

static int dial(const char *host, const char *port)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL, *at;
    const int failed = getaddrinfo(host, port, &hints, &found);
    int descriptor = -1;
    if (failed != 0)
        fprintf(stderr, "%s: %s\n", host, gai_strerror(failed));
    for (at = found; at != NULL && descriptor < 0; at = at->ai_next) {
        descriptor = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
        if (descriptor >= 0 && connect(descriptor, at->ai_addr, at->ai_addrlen) != 0) {
            fprintf(stderr, "%s %s: %s\n", host, port, strerror(errno));
            (void)close(descriptor);
            descriptor = -1;
        }
    }
    freeaddrinfo(found);
    return descriptor;
}

static SSL *connection(SSL_CTX *ctx, int descriptor, const char *name)
{
    SSL *ssl = SSL_new(ctx);
    if (ssl != NULL && SSL_set_fd(ssl, descriptor) && SSL_set_tlsext_host_name(ssl, name) && SSL_set1_host(ssl, name)) {
        SSL_set_connect_state(ssl);
        return ssl;
    }
    SSL_free(ssl);
    return NULL;
}

/* From here on the driver reads, writes and closes. 0: the peer said that this is all. */
static int fetch(struct tlsm_openssl *driver, const char *name)
{
    char buffer[16384];
    ptrdiff_t got = snprintf(buffer, sizeof buffer, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", name);
    got = tlsm_openssl_write(driver, buffer, (size_t)got);
    while (got > 0 && (got = tlsm_openssl_read(driver, buffer, sizeof buffer)) > 0)
        if (fwrite(buffer, 1, (size_t)got, stdout) != (size_t)got)
            return -1;
    return got == TLSM_IO_END ? 0 : -1;
}

/* Why the handshake failed: libssl's words. */
static void explain(const SSL *ssl, const struct tlsm_openssl *driver, const char *name)
{
    const long result = SSL_get_verify_result(ssl);
    const char *reason = ERR_reason_error_string(tlsm_openssl_reason(driver));
    if (result == X509_V_ERR_HOSTNAME_MISMATCH)
        fprintf(stderr, "The certificate is not for %s.\n", name);
    else if (result != X509_V_OK)
        fprintf(stderr, "The certificate: %s.\n", X509_verify_cert_error_string(result));
    else if (reason != NULL)
        fprintf(stderr, "libssl: %s.\n", reason);
}

/* One call, one answer. What still comes while closing is not wanted any more. */
static int finish(struct tlsm_openssl *driver, struct tlsm_verdict *verdict)
{
    char unwanted[4096];
    int done;
    while ((done = tlsm_openssl_close(driver, 0, verdict)) == TLSM_IO_UNREAD)
        (void)tlsm_openssl_read(driver, unwanted, sizeof unwanted);
    return done == TLSM_IO_DONE ? 0 : -1;
}

static int run(SSL *ssl, const char *name)
{
    struct tlsm_openssl *driver = tlsm_openssl_new(ssl, NULL, NULL);
    struct tlsm_verdict verdict;
    int status = FAILED, whole;
    if (driver == NULL)
        return FAILED;
    (void)tlsm_openssl_deadline(driver, DEADLINE_MS);
    whole = fetch(driver, name);
    if (finish(driver, &verdict) == 0) {
        explain(ssl, driver, name);
        fprintf(stderr, "%s: %s\n", tlsm_how_name(verdict.how), tlsm_code_text(tlsm_how_code(verdict.how)));
        status = tlsm_how_exit(verdict.how);
    }
    tlsm_openssl_free(driver);
    if (status == 0 && (whole != 0 || fflush(stdout) != 0))   /* a clean end of a page that was not wholly kept */
        return fprintf(stderr, "The page is not whole here.\n"), FAILED;
    return status;
}

int main(int count, char **argument)
{
    const char *authorities = count > 3 ? argument[3] : NULL, *name = count > 4 ? argument[4] : NULL;
    int descriptor = -1, status = FAILED;
    SSL_CTX *ctx;
    SSL *ssl = NULL;
    if (count < 3 || count > 5)
        return fprintf(stderr, "openssl_close HOST PORT [CA-FILE [NAME]]\n"), USAGE;
    name = name != NULL ? name : argument[1];
    ctx = trust(authorities);
    if (ctx != NULL)
        descriptor = dial(argument[1], argument[2]);
    if (descriptor >= 0)
        ssl = connection(ctx, descriptor, name);
    if (ssl != NULL)
        status = run(ssl, name);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    if (descriptor >= 0)
        (void)close(descriptor);
    return status;
}
