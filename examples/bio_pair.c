/* SPDX-License-Identifier: MIT */
/* bio_pair CERT KEY CA NAME: two connections back to back over a BIO pair too small for a record, closed three times: well, with
 * data still under way, and cut. Prints what every call said. Nothing waits: -1 can mean "later", 0 means "never". */
/* build: cc bio_pair.c $(pkg-config --cflags --libs tlsm-adapters) */
#include <stdio.h>
#include <string.h>
#include <tlsm_ssl.h>

enum { ROOM = 16, PATIENCE = 10000 };   /* bytes: a close_notify has 24; turns */
enum progress { LATER, OVER, BROKEN };

/* What a call returned. SSL_get_error() speaks of the connection alone, so it can be asked at any time. What a side said last is
 * not said again. */
static enum progress say(SSL *ssl, const char *call, int result)
{
    static const char *const classes[] = { "done", "SSL_ERROR_SSL", "WANT_READ", "WANT_WRITE", "WANT_X509_LOOKUP",
                                           "SSL_ERROR_SYSCALL", "ZERO_RETURN" };
    static char last[2][512];
    char line[512];
    const int error = SSL_get_error(ssl, result), server = SSL_is_server(ssl);
    (void)snprintf(line, sizeof line, "  %s %-12s %2d  %s%s%s", server ? "server" : "client", call, result,
                   error <= SSL_ERROR_ZERO_RETURN ? classes[error] : "?",
                   SSL_tlsm_reason(ssl)[0] != '\0' ? ": " : "", SSL_tlsm_reason(ssl));
    if (strcmp(line, last[server]) != 0)
        puts(line);
    memcpy(last[server], line, sizeof line);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? LATER : result == 1 ? OVER : BROKEN;
}

/* ---- one call each; repeated when it is over, it says the same and sends nothing */

static enum progress step_connect(SSL *ssl) { return say(ssl, "SSL_connect", SSL_connect(ssl)); }
static enum progress step_accept(SSL *ssl) { return say(ssl, "SSL_accept", SSL_accept(ssl)); }

/* Closes. "application data pending" is no failure: the peer said something first. Read it, then call again. */
static enum progress step_close(SSL *ssl)
{
    const enum progress progress = say(ssl, "SSL_shutdown", SSL_shutdown(ssl));
    char data[64];
    int got = 0;
    if (progress == BROKEN && ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY)
        got = SSL_read(ssl, data, sizeof data);
    ERR_clear_error();
    if (got > 0)
        printf("  client SSL_read     %2d  \"%.*s\": closing destroys nothing\n", got, got, data);
    return got > 0 ? LATER : progress;
}

/* Reads to the end of the data, then closes too. Only ZERO_RETURN is that end. */
static enum progress step_answer(SSL *ssl)
{
    char data[64];
    const int got = SSL_read(ssl, data, sizeof data);
    if (got <= 0 && SSL_get_error(ssl, got) == SSL_ERROR_ZERO_RETURN)
        return step_close(ssl);
    return got > 0 ? LATER : say(ssl, "SSL_read", got);
}

/* Gone without a word, as a process that was killed: its end of the pair takes what comes, and gives nothing. */
static enum progress step_vanish(SSL *ssl)
{
    char dropped[ROOM];
    (void)BIO_shutdown_wr(SSL_get_wbio(ssl));
    while (BIO_read(SSL_get_rbio(ssl), dropped, ROOM) > 0)
        continue;
    return OVER;
}

/* Both in turn, as an event loop would. Returns the client's result. */
static enum progress drive(SSL *client, enum progress (*client_step)(SSL *), SSL *server, enum progress (*server_step)(SSL *))
{
    enum progress here, there;
    int turn = 0;
    do {
        here = client_step(client);
        there = server_step(server);
    } while ((here == LATER || there == LATER) && ++turn < PATIENCE);
    return here;
}

/* ---- the three closes */

static int run(SSL_CTX *client_side, SSL_CTX *server_side, const char *name, const char *title,
               enum progress (*server_step)(SSL *), const char *last_words)
{
    SSL *client = SSL_new(client_side), *server = SSL_new(server_side);
    BIO *near = NULL, *far = NULL;
    struct tlsm_verdict verdict = { .how = TLSM_OPEN };
    int good = client != NULL && server != NULL && BIO_new_bio_pair(&near, ROOM, &far, ROOM) == 1 &&
               SSL_set_tlsext_host_name(client, name) == 1 && SSL_set1_host(client, name) == 1;
    printf("%s\n", title);
    if (good) {
        SSL_set_bio(client, near, near);
        SSL_set_bio(server, far, far);
        good = drive(client, step_connect, server, step_accept) == OVER;
    }
    if (good && last_words != NULL)   /* the first call seals it; what the pair has no room for leaves with later ones */
        good = SSL_write(server, last_words, (int)strlen(last_words)) != 0;
    if (good)
        (void)drive(client, step_close, server, server_step);
    if (client != NULL)
        SSL_tlsm_verdict(client, &verdict);
    printf("  %s: %s\n", tlsm_how_name(verdict.how), tlsm_code_text(tlsm_how_code(verdict.how)));
    SSL_free(client);
    SSL_free(server);
    return verdict.how;
}

static SSL_CTX *context(const SSL_METHOD *method, const char *certificate, const char *key, const char *authorities)
{
    SSL_CTX *made = SSL_CTX_new(method);
    if (made == NULL)
        return NULL;
    if ((authorities == NULL || SSL_CTX_load_verify_locations(made, authorities, NULL) == 1) &&
        (certificate == NULL || (SSL_CTX_use_certificate_chain_file(made, certificate) == 1 &&
                                 SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) == 1)))
        return made;
    ERR_print_errors_fp(stderr);
    SSL_CTX_free(made);
    return NULL;
}

int main(int count, char **argument)
{
    SSL_CTX *client = NULL, *server = NULL;
    int good;
    if (count != 5)
        return fprintf(stderr, "bio_pair CERT KEY CA NAME\n"), 2;
    client = context(TLS_client_method(), NULL, NULL, argument[3]);
    server = context(TLS_server_method(), argument[1], argument[2], NULL);
    good = client != NULL && server != NULL &&
           SSL_CTX_set_num_tickets(server, 0) == 1 &&   /* they would fill the pair until the client reads */
           run(client, server, argument[4], "well", step_answer, NULL) == TLSM_CLEAN_BOTH_VERDICT &&
           run(client, server, argument[4], "with data under way", step_answer, "one more thing") == TLSM_CLEAN_BOTH_VERDICT &&
           run(client, server, argument[4], "cut", step_vanish, NULL) == TLSM_CLOSED_INCOMPLETE_VERDICT;
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    if (!good)
        fprintf(stderr, "Not the endings that were expected.\n");
    return good ? 0 : 1;
}
