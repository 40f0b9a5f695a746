/* SPDX-License-Identifier: MIT */
/* Every call of tlsm_ssl.h with NULL where a pointer belongs: without its object, and with an object but nothing else. The
 * functions that make the calls are generated from the header by ssl_calls.awk. A call that crashes is the one named last. */
#include "ssl_ends.h"

#include <stdio.h>
#include <stdlib.h>

/* What a call may be given. */
struct things {
    SSL *ssl;
    SSL_CTX *ctx;
    SSL_SESSION *session;
    const SSL_CIPHER *cipher;
    const SSL_METHOD *method;
    const char *text;
    unsigned char buffer[512];
    unsigned char *cursor;    /* into the buffer */
    const unsigned char *source;
    int numbers[8];
    unsigned number;
    size_t size;
    struct tlsm_verdict verdict;
};

/* SSL_up_ref and its like gave a reference: it goes again. */
#define RELEASE(object, free, result) ((result) == 1 && (object) != NULL ? (free(object), 1u) : 0u)

#include "ssl_calls.h"

enum { CALLS = sizeof call / sizeof call[0] };
/* Lengths, kinds, flags: whatever a number means there. */
static const long number[] = { 0, 1, 80 };
enum { NUMBERS = sizeof number / sizeof number[0] };

static void fill(struct things *things, SSL *ssl, SSL_SESSION *session)
{
    memset(things, 0, sizeof *things);
    things->ssl = ssl;
    things->ctx = SSL_get_SSL_CTX(ssl);
    things->session = session;
    things->cipher = SSL_get_current_cipher(ssl);
    things->method = TLS_method();
    things->text = "x";
    things->source = things->cursor = things->buffer;
}

static void without_an_object(void **state)
{
    struct things things;
    (void)state;
    memset(&things, 0, sizeof things);
    for (size_t i = 0; i < CALLS; i++) {
        for (size_t n = 0; n < NUMBERS; n++) {
            printf("%s with NULL, number %ld\n", call[i].name, number[n]);
            const uintptr_t result = call[i].run(&things, 0, 0, number[n]);
            assert_true(call[i].run(&things, 0, 0, number[n]) == result);
        }
    }
    ERR_clear_error();
}

/* Arguments without the object they are for. */
static void with_arguments_alone(void **state)
{
    struct things things;
    (void)state;
    memset(&things, 0, sizeof things);
    things.text = "x";
    for (size_t i = 0; i < CALLS; i++) {
        things.source = things.cursor = things.buffer;
        printf("%s without its object\n", call[i].name);
        if (call[i].of_object)
            (void)call[i].run(&things, 0, 1, 1);
    }
    ERR_clear_error();
}

/* An object that is new, as a client or a server. */
static void try_new(size_t i, int with_others, long given, const SSL_METHOD *method)
{
    SSL_CTX *const ctx = SSL_CTX_new(method);
    SSL *const ssl = SSL_new(ctx);
    SSL_SESSION *const session = SSL_SESSION_new();
    struct things things;
    assert_non_null(ssl);
    assert_non_null(session);
    fill(&things, ssl, session);
    printf("%s of a new object, %s, number %ld\n", call[i].name, with_others ? "arguments" : "NULL", given);
    (void)call[i].run(&things, 1, with_others, given);
    SSL_free(ssl);
    SSL_SESSION_free(session);
    SSL_CTX_free(ctx);
}

static void of_new_objects(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        for (size_t n = 0; call[i].of_object && n < NUMBERS; n++) {
            for (int with_others = 0; with_others < 2; with_others++) {
                try_new(i, with_others, number[n], TLS_client_method());
                try_new(i, with_others, number[n], TLS_server_method());
            }
        }
    }
    ERR_clear_error();
}

/* A connection that is up: it survives, or at least its object does. */
static void try_established(struct ends *ends, int side, size_t i, int with_others, long given)
{
    struct party *const party = ends->party[side];
    SSL *const ssl = party_tlsm.handle(party);
    SSL_SESSION *const session = SSL_get1_session(ssl);
    struct things things;
    char byte;
    fill(&things, ssl, session);
    printf("%s of a connection, %s, number %ld\n", call[i].name, with_others ? "arguments" : "NULL", given);
    (void)call[i].run(&things, 1, with_others, given);
    SSL_SESSION_free(session);
    (void)party_tlsm.read(party, &byte, 1);
    (void)party_tlsm.shutdown(party);
}

static void of_connections(void **state)
{
    const struct party_options options = { .tickets = 1 };
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        for (int which = 0; call[i].of_object && which < 8; which++) {
            struct ends ends = { 0 };
            ends_open(&ends, &ends_cast[0], &options);
            ends_handshake(&ends);
            try_established(&ends, which & 1, i, which >> 1 & 1, which & 4 ? 80 : 1);
            ends_close(&ends);
        }
    }
    ERR_clear_error();
}

/* The commands behind macros of old programs, known and unknown. */
static void every_command_without_a_pointer(void **state)
{
    SSL_CTX *const ctx = SSL_CTX_new(TLS_method());
    SSL *const ssl = SSL_new(ctx);
    (void)state;
    assert_non_null(ssl);
    for (int command = -1; command < 150; command++) {
        for (long given = -1; given < 3; given++) {
            (void)SSL_CTX_ctrl(ctx, command, given, NULL);
            (void)SSL_ctrl(ssl, command, given, NULL);
            (void)SSL_CTX_ctrl(NULL, command, given, NULL);
            (void)SSL_ctrl(NULL, command, given, NULL);
        }
        (void)SSL_CTX_callback_ctrl(ctx, command, NULL);
        (void)SSL_callback_ctrl(ssl, command, NULL);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    ERR_clear_error();
}

/* A name of the server's that is longer than all of the client's: for a build with AddressSanitizer. */
static void a_choice_of_protocols_stays_within_the_lists(void **state)
{
    unsigned char *const client = malloc(2), *out, length;
    (void)state;
    assert_non_null(client);
    memcpy(client, "\001a", 2);
    assert_int_equal(SSL_select_next_proto(&out, &length, (const unsigned char *)"\010http/1.1", 9, client, 2),
                     OPENSSL_NPN_NO_OVERLAP);
    assert_ptr_equal(out, client + 1);
    assert_int_equal(length, 1);
    free(client);
}

/* The header's own number of calls, so that an empty list is no success. */
static void every_call_is_tried(void **state)
{
    (void)state;
    assert_true(CALLS > 290);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_is_tried),
        cmocka_unit_test(without_an_object),
        cmocka_unit_test(with_arguments_alone),
        cmocka_unit_test(of_new_objects),
        cmocka_unit_test(of_connections),
        cmocka_unit_test(a_choice_of_protocols_stays_within_the_lists),
        cmocka_unit_test(every_command_without_a_pointer),
    };
    setvbuf(stdout, NULL, _IOLBF, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
