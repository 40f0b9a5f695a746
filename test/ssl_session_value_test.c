/* SPDX-License-Identifier: MIT */
/* Sessions as objects and as bytes: what comes back is what went in, and nothing malformed comes in. */
#include <limits.h>

#include "ssl_session_fixture.h"

enum { ROOM = 8192 };

/* ------------------------------------------------------------------------------------------------ bytes */

static size_t encode(SSL_SESSION *session, unsigned char room[ROOM])
{
    unsigned char *at = room;
    const int length = i2d_SSL_SESSION(session, &at);
    assert_in_range(length, 1, ROOM);
    assert_ptr_equal(at, room + length);
    return (size_t)length;
}

static SSL_SESSION *decode(const unsigned char *from, size_t length)
{
    const unsigned char *at = from;
    SSL_SESSION *session = d2i_SSL_SESSION(NULL, &at, (long)length);
    if (session != NULL)
        assert_true(at > from && at <= from + length);
    else
        assert_ptr_equal(at, from);
    return session;
}

static void assert_same(SSL_SESSION *one, SSL_SESSION *two)
{
    unsigned char first[ROOM], second[ROOM];
    const size_t length = encode(one, first);
    assert_int_equal(encode(two, second), length);
    assert_memory_equal(first, second, length);
    assert_int_equal(SSL_SESSION_get_time(one), SSL_SESSION_get_time(two));
    assert_int_equal(SSL_SESSION_get_timeout(one), SSL_SESSION_get_timeout(two));
    assert_string_equal(SSL_SESSION_get0_hostname(one), SSL_SESSION_get0_hostname(two));
    assert_int_equal(X509_cmp(SSL_SESSION_get0_peer(one), SSL_SESSION_get0_peer(two)), 0);
    assert_ptr_equal(SSL_SESSION_get0_cipher(one), SSL_SESSION_get0_cipher(two));
    assert_int_equal(SSL_SESSION_is_resumable(one), SSL_SESSION_is_resumable(two));
}

static void a_session_that_was_written_and_read_resumes(void **state)
{
    unsigned char room[ROOM], *made = NULL;
    const unsigned char *at;
    SSL_SESSION *const session = gain();
    SSL_SESSION *read = SSL_SESSION_new();
    const size_t length = encode(session, room);
    (void)state;
    assert_int_equal(i2d_SSL_SESSION(session, NULL), length);
    assert_int_equal(i2d_SSL_SESSION(session, &made), length);
    assert_memory_equal(made, room, length);
    OPENSSL_free(made);
    at = room;
    SSL_SESSION *const decoded = d2i_SSL_SESSION(&read, &at, sizeof room);   /* what lies behind it is not its */
    assert_non_null(decoded);
    assert_ptr_equal(decoded, read);
    assert_ptr_equal(at, room + length);
    assert_same(session, read);
    SSL_SESSION_free(session);
    meet(host, read);
    shake();
    assert_int_equal(SSL_session_reused(pair.client), 1);
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(pair.client), pki.leaf), 0);
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(pair.client)), 2);
    assert_int_equal(SSL_get_verify_result(pair.client), X509_V_OK);
    SSL_SESSION_free(read);
}

static void pem_carries_it_too(void **state)
{
    SSL_SESSION *const session = gain();
    SSL_SESSION *read;
    BIO *memory = BIO_new(BIO_s_mem());
    FILE *file = tmpfile();
    (void)state;
    assert_int_equal(PEM_write_bio_SSL_SESSION(memory, session), 1);
    read = PEM_read_bio_SSL_SESSION(memory, NULL, NULL, NULL);
    assert_non_null(read);
    assert_same(session, read);
    SSL_SESSION_free(read);
    assert_null(PEM_read_bio_SSL_SESSION(memory, NULL, NULL, NULL));
    BIO_free(memory);
    assert_int_equal(PEM_write_SSL_SESSION(file, session), 1);
    rewind(file);
    read = PEM_read_SSL_SESSION(file, NULL, NULL, NULL);
    fclose(file);
    assert_same(session, read);
    assert_int_equal(resumes(read), 1);
    SSL_SESSION_free(read);
    SSL_SESSION_free(session);
}

static void one_that_went_bad_is_bad_when_it_is_read(void **state)
{
    unsigned char room[ROOM];
    SSL_SESSION *session, *read;
    (void)state;
    meet(host, NULL);
    shake();
    session = SSL_get1_session(pair.client);
    part();
    read = decode(room, encode(session, room));
    assert_non_null(read);
    assert_int_equal(SSL_SESSION_is_resumable(read), 0);
    assert_int_equal(resumes(read), 0);
    SSL_SESSION_free(read);
    SSL_SESSION_free(session);
}

static void no_truncation_is_a_session(void **state)
{
    unsigned char room[ROOM];
    SSL_SESSION *const session = gain();
    const size_t length = encode(session, room);
    (void)state;
    for (size_t cut = 0; cut < length; cut++) {
        unsigned char *copy = malloc(cut + 1);   /* of its own, so that a sanitizer sees what is read behind it */
        memcpy(copy, room, cut);
        assert_null(decode(copy, cut));
        free(copy);
    }
    SSL_SESSION_free(session);
}

/* Whatever is changed: refused, or a session that can be used without harm. */
static void no_changed_byte_does_harm(void **state)
{
    static const unsigned char changes[] = { 1, 2, 4, 128, 255 };
    unsigned char room[ROOM], again[ROOM];
    SSL_SESSION *const session = gain();
    const size_t length = encode(session, room);
    size_t refused = 0, accepted = 0;
    BIO *nothing = BIO_new(BIO_s_null());
    (void)state;
    for (size_t i = 0; i < length; i++)
        for (size_t change = 0; change < sizeof changes; change++) {
            room[i] ^= changes[change];
            SSL_SESSION *const read = decode(room, length);
            room[i] ^= changes[change];
            if (read == NULL) {
                refused++;
                continue;
            }
            accepted++;
            assert_in_range(i2d_SSL_SESSION(read, NULL), 1, ROOM);
            (void)encode(read, again);
            assert_int_equal(SSL_SESSION_print(nothing, read), 1);
            SSL_SESSION_free(read);
        }
    assert_true(refused > 200);    /* framing, versions, what must agree */
    assert_true(accepted > 200);   /* secrets, times, texts: nothing in them shows */
    ERR_clear_error();
    BIO_free(nothing);
    SSL_SESSION_free(session);
}

/* What the value says of itself, and what it says of the machine's session inside. */
static void what_disagrees_with_itself_is_refused(void **state)
{
    enum { DER = 4, RESUMABLE = DER + 1, VERSION = DER + 2, SUITE = DER + 4 };
    unsigned char room[ROOM];
    SSL_SESSION *const session = gain();
    const size_t length = encode(session, room);
    (void)state;
    for (size_t at = RESUMABLE; at <= SUITE + 1; at++) {
        SSL_SESSION *read;
        room[at] ^= 2;
        read = decode(room, length);
        room[at] ^= 2;
        assert_null(read);
    }
    ERR_clear_error();
    SSL_SESSION_free(session);
}

/* A changed secret, ticket or context is no way in: the handshake fails or is a full one. */
static void a_changed_session_is_not_resumed(void **state)
{
    unsigned char room[ROOM];
    SSL_SESSION *const session = gain();
    const size_t length = encode(session, room);
    const unsigned char *ticket, *found = NULL;
    size_t ticket_length;
    (void)state;
    SSL_SESSION_get0_ticket(session, &ticket, &ticket_length);
    for (size_t i = 0; i + ticket_length <= length && found == NULL; i++)
        if (memcmp(room + i, ticket, ticket_length) == 0)
            found = room + i;
    assert_non_null(found);
    for (size_t i = 0; i < ticket_length; i += 7) {
        room[(size_t)(found - room) + i] ^= 1;
        SSL_SESSION *const read = decode(room, length);
        room[(size_t)(found - room) + i] ^= 1;
        assert_non_null(read);
        assert_int_equal(resumes(read), 0);
        SSL_SESSION_free(read);
    }
    SSL_SESSION_free(session);
}

static void only_der_is_read(void **state)
{
    unsigned char room[ROOM], longer[ROOM];
    SSL_SESSION *const session = gain();
    const size_t length = encode(session, room);
    (void)state;
    assert_int_equal(room[0], V_ASN1_OCTET_STRING);
    assert_int_equal(room[1], 0x82);
    memcpy(longer + 5, room + 4, length - 4);
    longer[0] = room[0];
    longer[1] = 0x83;
    longer[2] = 0;
    memcpy(longer + 3, room + 2, 2);
    assert_null(decode(longer, length + 1));
    assert_refused(SSL_R_LENGTH_MISMATCH);
    longer[1] = 0x80;
    assert_null(decode(longer, length + 1));
    longer[1] = 0xff;
    assert_null(decode(longer, length + 1));
    ERR_clear_error();
    SSL_SESSION_free(session);
}

/* ------------------------------------------------------------------------------------------------ objects */

static void a_new_session_is_of_nobody(void **state)
{
    SSL_SESSION *const session = SSL_SESSION_new();
    const unsigned char *ticket;
    unsigned length;
    size_t ticket_length;
    (void)state;
    assert_int_equal(SSL_SESSION_is_resumable(session), 0);
    assert_int_equal(SSL_SESSION_get_protocol_version(session), 0);
    assert_null(SSL_SESSION_get0_cipher(session));
    assert_null(SSL_SESSION_get0_peer(session));
    assert_null(SSL_SESSION_get0_hostname(session));
    (void)SSL_SESSION_get_id(session, &length);
    assert_int_equal(length, 0);
    SSL_SESSION_get0_ticket(session, &ticket, &ticket_length);
    assert_int_equal(ticket_length, 0);
    assert_int_equal(i2d_SSL_SESSION(session, NULL), 0);
    assert_int_equal(SSL_SESSION_set_timeout(session, -1), 0);
    assert_int_equal(resumes(session), 0);
    assert_int_equal(SSL_CTX_add_session(server, session), 0);
    SSL_SESSION_free(session);
}

static int duplicated, freed;

static int on_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **data, int index, long argument, void *pointer)
{
    (void)to, (void)from, (void)data, (void)index, (void)argument, (void)pointer;
    duplicated++;
    return 1;
}

static void on_free(void *parent, void *data, CRYPTO_EX_DATA *from, int index, long argument, void *pointer)
{
    (void)parent, (void)from, (void)index, (void)argument, (void)pointer;
    freed += data != NULL;
}

static void a_copy_is_its_own(void **state)
{
    static int mark;
    SSL_SESSION *const session = gain();
    SSL_SESSION *copy;
    const int index = SSL_SESSION_get_ex_new_index(0, NULL, NULL, on_dup, on_free);
    (void)state;
    duplicated = freed = 0;
    assert_int_equal(SSL_SESSION_set_ex_data(session, index, &mark), 1);
    copy = SSL_SESSION_dup(session);
    assert_same(session, copy);
    assert_int_equal(duplicated, 1);
    assert_ptr_equal(SSL_SESSION_get_ex_data(copy, index), &mark);
    SSL_SESSION_set_time(copy, 1);
    assert_int_not_equal(SSL_SESSION_get_time(session), 1);
    assert_int_equal(SSL_CTX_remove_session(client, copy), 0);
    assert_int_equal(SSL_SESSION_is_resumable(copy), 0);
    assert_int_equal(SSL_SESSION_is_resumable(session), 1);
    assert_int_equal(SSL_SESSION_up_ref(session), 1);
    SSL_SESSION_free(session);
    SSL_SESSION_free(session);
    assert_int_equal(freed, 1);
    SSL_SESSION_free(copy);
    assert_int_equal(freed, 2);
    assert_int_equal(CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL_SESSION, index), 1);
}

static void what_is_printed_holds_no_secret(void **state)
{
    SSL_SESSION *const session = gain();
    BIO *const memory = BIO_new(BIO_s_mem());
    char text[2048] = "";
    (void)state;
    assert_int_equal(SSL_SESSION_print(memory, session), 1);
    assert_in_range(BIO_read(memory, text, sizeof text - 1), 100, 1000);
    assert_non_null(strstr(text, "TLSv1.3"));
    assert_non_null(strstr(text, "TLS_AES_128_GCM_SHA256"));
    assert_non_null(strstr(text, "Verify return code: 0 (ok)"));
    assert_null(strstr(text, "PSK"));
    assert_null(strstr(text, "Master"));
    BIO_free(memory);
    SSL_SESSION_free(session);
}

static void null_is_refused_and_does_no_harm(void **state)
{
    const unsigned char *at = NULL;
    size_t length = 1;
    unsigned count = 1;
    (void)state;
    SSL_SESSION_free(NULL);
    SSL_CTX_flush_sessions(NULL, 0);
    SSL_CTX_sess_set_new_cb(NULL, NULL);
    SSL_CTX_sess_set_remove_cb(NULL, NULL);
    SSL_CTX_sess_set_get_cb(NULL, NULL);
    SSL_SESSION_get0_ticket(NULL, &at, &length);
    assert_int_equal(length, 0);
    SSL_SESSION_get0_ticket(NULL, NULL, NULL);
    assert_null(SSL_SESSION_get_id(NULL, &count));
    assert_null(SSL_SESSION_get0_id_context(NULL, NULL));
    assert_null(SSL_SESSION_dup(NULL));
    assert_null(SSL_SESSION_get0_cipher(NULL));
    assert_null(SSL_SESSION_get0_peer(NULL));
    assert_null(SSL_SESSION_get0_hostname(NULL));
    assert_null(SSL_SESSION_get_ex_data(NULL, 0));
    assert_null(SSL_get_session(NULL));
    assert_null(SSL_get1_session(NULL));
    assert_null(d2i_SSL_SESSION(NULL, NULL, 5));
    assert_null(d2i_SSL_SESSION(NULL, &at, 5));
    assert_null(PEM_read_bio_SSL_SESSION(NULL, NULL, NULL, NULL));
    assert_null(PEM_read_SSL_SESSION(NULL, NULL, NULL, NULL));
    const long zeros[] = { (long)SSL_SESSION_up_ref(NULL), SSL_SESSION_is_resumable(NULL), SSL_SESSION_has_ticket(NULL),
                           (long)SSL_SESSION_get_ticket_lifetime_hint(NULL), SSL_SESSION_get_protocol_version(NULL),
                           SSL_SESSION_get_time(NULL), SSL_SESSION_set_time(NULL, 1), SSL_SESSION_get_timeout(NULL),
                           SSL_SESSION_set_timeout(NULL, 1), (long)SSL_SESSION_get_max_early_data(NULL),
                           SSL_SESSION_set_ex_data(NULL, 0, NULL), SSL_SESSION_print(NULL, NULL), i2d_SSL_SESSION(NULL, NULL),
                           PEM_write_bio_SSL_SESSION(NULL, NULL), PEM_write_SSL_SESSION(NULL, NULL), SSL_set_session(NULL, NULL), SSL_session_reused(NULL),
                           SSL_new_session_ticket(NULL), SSL_CTX_add_session(NULL, NULL), SSL_CTX_add_session(server, NULL),
                           SSL_CTX_remove_session(NULL, NULL), SSL_CTX_remove_session(server, NULL),
                           SSL_CTX_set_session_cache_mode(NULL, 0), SSL_CTX_get_session_cache_mode(NULL),
                           SSL_CTX_sess_set_cache_size(NULL, 1), SSL_CTX_sess_get_cache_size(NULL), SSL_CTX_set_timeout(NULL, 1),
                           SSL_CTX_get_timeout(NULL), SSL_CTX_sess_number(NULL), SSL_CTX_sess_hits(NULL) };
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        assert_int_equal(zeros[i], 0);
    ERR_clear_error();
}

static void no_time_is_too_far_away(void **state)
{
    SSL_SESSION *const session = gain();
    (void)state;
    assert_int_equal(SSL_SESSION_set_time(session, LONG_MIN), LONG_MIN);
    assert_int_equal(resumes(session), 0);
    SSL_SESSION_set_time(session, LONG_MAX);
    (void)resumes(session);
    SSL_SESSION_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_session_that_was_written_and_read_resumes, start, end),
        cmocka_unit_test_setup_teardown(pem_carries_it_too, start, end),
        cmocka_unit_test_setup_teardown(one_that_went_bad_is_bad_when_it_is_read, start, end),
        cmocka_unit_test_setup_teardown(no_truncation_is_a_session, start, end),
        cmocka_unit_test_setup_teardown(no_changed_byte_does_harm, start, end),
        cmocka_unit_test_setup_teardown(what_disagrees_with_itself_is_refused, start, end),
        cmocka_unit_test_setup_teardown(a_changed_session_is_not_resumed, start, end),
        cmocka_unit_test_setup_teardown(only_der_is_read, start, end),
        cmocka_unit_test_setup_teardown(a_new_session_is_of_nobody, start, end),
        cmocka_unit_test_setup_teardown(a_copy_is_its_own, start, end),
        cmocka_unit_test_setup_teardown(what_is_printed_holds_no_secret, start, end),
        cmocka_unit_test_setup_teardown(no_time_is_too_far_away, start, end),
        cmocka_unit_test_setup_teardown(null_is_refused_and_does_no_harm, start, end),
    };
    return cmocka_run_group_tests(tests, pki_make, pki_free);
}
