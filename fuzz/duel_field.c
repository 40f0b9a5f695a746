/* SPDX-License-Identifier: MIT */
#include <openssl/kdf.h>
#include <openssl/ssl.h>

#include "duel_field.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIPE = 65536, LARGEST_WRITE = 40000, DUEL_KEY = 16, DUEL_SALT = 4 };

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "duel: %s\n", what);
    abort();
}

/* ------------------------------------------------------------------------------------------------ secrets */

static uint8_t secrets[2][DUEL_SECRET];   /* the client's, the server's, of the handshake at hand */

static unsigned nibble(char digit)
{
    return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit - 'a' + 10);
}

/* NSS key log format: a label, the client's random, the secret. */
static void learn(const SSL *ssl, const char *line)
{
    const char *const hex = strrchr(line, ' ');
    const int server = strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24) == 0;
    (void)ssl;
    if (!server && strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) != 0)
        return;
    must(hex != NULL && strlen(hex + 1) == 2 * DUEL_SECRET, "the secret's length");
    for (size_t i = 0; i < DUEL_SECRET; i++)
        secrets[server][i] = (uint8_t)(nibble(hex[1 + 2 * i]) << 4 | nibble(hex[2 + 2 * i]));
}

/* ------------------------------------------------------------------------------------------------ parties */

/* Contexts are made once; connections come and go. Each client has a server of its own and offers it the last session, as a
 * resumed handshake takes half the time: row 0 and 1 are under test, 2 and 3 are their peers. */
static struct party *pool[4][2][2][2];

static struct party *of_pool(unsigned row, const struct party_kind *kind, const struct party_options *options)
{
    struct party **const slot = &pool[row][options->server][options->partial_write][options->older];
    if (*slot != NULL) {
        must(kind->again(*slot, !options->server), "another connection");
        return *slot;
    }
    *slot = kind->create(options);
    must(*slot != NULL, "a party");
    return *slot;
}

static struct party *far_party(const struct party_kind *near, const struct duel_scene *scene)
{
    const struct party_options options = {
        .server = !scene->server, .tickets = 1, .partial_write = scene->partial_write, .older = scene->older
    };
    struct party *const far = of_pool(2 + (near == &party_libssl), &party_libssl, &options);
    SSL *const ssl = party_libssl.handle(far);
    SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), learn);
    must(SSL_set_ciphersuites(ssl, "TLS_AES_128_GCM_SHA256") && SSL_set_cipher_list(ssl, "ECDHE-ECDSA-AES128-GCM-SHA256"),
         "the suite");
    return far;
}

static struct party *near_party(const struct party_kind *kind, const struct duel_scene *scene)
{
    const struct party_options options = {
        .server = scene->server, .tickets = 1, .partial_write = scene->partial_write, .older = scene->older
    };
    return of_pool(kind == &party_libssl, kind, &options);
}

/* ------------------------------------------------------------------------------------------------ the transport's failures */

static long fail(BIO *bio, int error)
{
    BIO_clear_retry_flags(bio);
    errno = error;
    return -1;
}

/* In order: what was delivered before a reset is read first. */
static long watch(BIO *bio, int operation, const char *bytes, size_t length, int number, long count, int result, size_t *done)
{
    const struct field *const field = (const void *)BIO_get_callback_arg(bio);
    (void)bytes;
    (void)length;
    (void)number;
    (void)count;
    (void)done;
    if (operation == BIO_CB_READ && field->end == FIELD_RESET && BIO_pending(bio) == 0)
        return fail(bio, ECONNRESET);
    if (operation == BIO_CB_WRITE && field->write_fails)
        return fail(bio, EPIPE);
    return result;
}

/* ------------------------------------------------------------------------------------------------ both directions */

static void raw_to_far(struct field *field)
{
    char *bytes;
    int length;
    while ((length = BIO_nread(field->wire, &bytes, PIPE)) > 0)
        must(BIO_write(field->to_far, bytes, length) == length, "memory");
}

static void raw_to_near(struct field *field)
{
    char *bytes;
    const long length = BIO_get_mem_data(field->from_far, &bytes);
    if (length > 0)
        must(BIO_write(field->wire, bytes, (int)length) == length, "the pair is full");
    (void)BIO_reset(field->from_far);
}

void field_queue(struct field *field, const uint8_t *bytes, size_t length)
{
    if (field->end != FIELD_RUNS || field->queued + length > sizeof field->queue)
        return;
    memcpy(field->queue + field->queued, bytes, length);
    field->queued += length;
}

void field_forge(struct field *field, uint8_t type, const uint8_t *content, size_t length, int broken)
{
    static uint8_t record[DUEL_RECORD_MAX];
    const size_t made = duel_seal(&field->sealing, type, content, length, 0, record);
    record[made - 1] ^= (uint8_t)(broken != 0);
    field_queue(field, record, made);
}

static void pass_on(void *context, const struct duel_record *record, const uint8_t *content)
{
    must(!record->broken && !record->plain, "the far side's record does not open");
    field_forge(context, record->type, content, record->length, 0);
}

void field_collect(struct field *field)
{
    char *bytes;
    const long length = BIO_get_mem_data(field->from_far, &bytes);
    if (length > 0)
        duel_stream_put(&field->towards, (const uint8_t *)bytes, (size_t)length, pass_on, field);
    (void)BIO_reset(field->from_far);
}

void field_deliver(struct field *field, size_t most)
{
    const size_t left = field->queued - field->delivered, some = left < most ? left : most;
    if (field->end != FIELD_RUNS || some == 0)
        return;
    must(BIO_write(field->wire, field->queue + field->delivered, (int)some) == (int)some, "the pair is full");
    field->delivered += some;
}

static void note(void *context, const struct duel_record *record, const uint8_t *content)
{
    struct duel_log *const log = ((struct field *)context)->log;
    (void)content;
    if (log->record_count < DUEL_RECORDS)
        log->record[log->record_count++] = *record;
}

void field_take(struct field *field, size_t most)
{
    char *bytes;
    int length;
    while (most > 0 && (length = BIO_nread(field->wire, &bytes, most < PIPE ? (int)most : PIPE)) > 0) {
        must(BIO_write(field->to_far, bytes, length) == length, "memory");
        duel_stream_put(&field->from_near, (const uint8_t *)bytes, (size_t)length, note, field);
        field->moved += (size_t)length;
        most -= (size_t)length;
    }
}

uint64_t field_taken(const struct field *field) { return field->moved + BIO_ctrl_pending(field->wire); }

void field_end(struct field *field, enum field_end end)
{
    if (field->end != FIELD_RUNS)
        return;
    field->end = end;
    if (end == FIELD_EOF)
        (void)BIO_shutdown_wr(field->wire);
}

int field_far_read(struct field *field)
{
    static uint8_t buffer[16384];
    int got;
    while ((got = party_libssl.read(field->far, buffer, sizeof buffer)) > 0) {
        field->far_digest = duel_digest(field->far_digest, buffer, (size_t)got);
        field->far_read += (size_t)got;
    }
    return got;
}

/* ------------------------------------------------------------------------------------------------ beginning and end */

static BIO *memory(void)
{
    BIO *const bio = BIO_new(BIO_s_mem());
    must(bio != NULL, "a memory BIO");
    BIO_set_mem_eof_return(bio, -1);
    return bio;
}

static void connect_near(struct field *field, size_t room)
{
    if (field->wire != NULL)
        BIO_free(field->wire);
    must(BIO_new_bio_pair(&field->bio, room, &field->wire, FIELD_INCOMING + PIPE) == 1, "a BIO pair");
    field->kind->set_bio(field->near, field->bio, field->bio);
}

/* Nothing of the handshake is left anywhere when it returns; tickets are still where they were made. */
static void shake_hands(struct field *field)
{
    int near = 0, far = 0;
    for (int i = 0; i < 8 && !(near == 1 && far == 1); i++) {
        near = near == 1 ? 1 : field->kind->handshake(field->near);
        if (far != 1) {
            raw_to_far(field);
            far = party_libssl.handshake(field->far);
        }
        if (near != 1)
            raw_to_near(field);
    }
    must(near == 1 && far == 1, "the handshake failed");
}

/* RFC 5246 §6.3: the client's key and the server's, then their salts. */
static void derive_12(SSL *far, uint8_t block[2 * (DUEL_KEY + DUEL_SALT)])
{
    EVP_PKEY_CTX *const context = EVP_PKEY_CTX_new_id(EVP_PKEY_TLS1_PRF, NULL);
    uint8_t master[48], random[32];
    size_t length = 2 * (DUEL_KEY + DUEL_SALT);
    must(SSL_SESSION_get_master_key(SSL_get_session(far), master, sizeof master) == sizeof master, "the master secret");
    must(context != NULL && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_CTX_set_tls1_prf_md(context, EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set1_tls1_prf_secret(context, master, sizeof master) == 1 &&
         EVP_PKEY_CTX_add1_tls1_prf_seed(context, (const unsigned char *)"key expansion", 13) == 1, "the PRF");
    must(SSL_get_server_random(far, random, sizeof random) == sizeof random &&
         EVP_PKEY_CTX_add1_tls1_prf_seed(context, random, sizeof random) == 1, "the server's random");
    must(SSL_get_client_random(far, random, sizeof random) == sizeof random &&
         EVP_PKEY_CTX_add1_tls1_prf_seed(context, random, sizeof random) == 1, "the client's random");
    must(EVP_PKEY_derive(context, block, &length) == 1, "the keys");
    EVP_PKEY_CTX_free(context);
}

static void read_secrets_12(struct field *field)
{
    const int server = field->log->scene.server;
    uint8_t block[2 * (DUEL_KEY + DUEL_SALT)];
    const uint8_t *const salts = block + 2 * DUEL_KEY;
    derive_12(party_libssl.handle(field->far), block);
    duel_keys_set_12(&field->from_near.keys, block + DUEL_KEY * server, salts + DUEL_SALT * server);
    duel_keys_set_12(&field->towards.keys, block + DUEL_KEY * !server, salts + DUEL_SALT * !server);
    duel_keys_set_12(&field->sealing, block + DUEL_KEY * !server, salts + DUEL_SALT * !server);
    field->from_near.length = field->towards.length = 0;
}

static void read_secrets(struct field *field)
{
    const int server = field->log->scene.server;
    duel_keys_set(&field->from_near.keys, secrets[server]);
    duel_keys_set(&field->towards.keys, secrets[!server]);
    duel_keys_set(&field->sealing, secrets[!server]);
    field->from_near.length = field->towards.length = 0;
}

/* Nothing but the ticket is there to read. */
static void read_tickets(struct field *field)
{
    uint8_t byte;
    field_deliver(field, FIELD_ALL);
    must(field->kind->read(field->near, &byte, 1) < 0 && party_libssl.read(field->far, &byte, 1) < 0, "a ticket is no data");
}

static void make_pattern(struct field *field)
{
    if (field->pattern != NULL)
        return;
    field->pattern = malloc(DUEL_PERIOD + LARGEST_WRITE);
    must(field->pattern != NULL, "memory");
    for (size_t i = 0; i < DUEL_PERIOD + LARGEST_WRITE; i++)
        field->pattern[i] = (uint8_t)(i % DUEL_PERIOD);
}

static void forget(struct field *field)
{
    field->over = field->write_fails = field->blocked_write = 0;
    field->end = FIELD_RUNS;
    field->written = field->queued = field->delivered = 0;
    field->moved = field->far_read = 0;
    field->far_digest = 0;
    field->wire = NULL;
}

struct field *field_begin(const struct party_kind *kind, struct duel_log *log)
{
    static struct field field;
    forget(&field);
    make_pattern(&field);
    field.kind = kind;
    field.log = log;
    field.near = near_party(kind, &log->scene);
    field.far = far_party(kind, &log->scene);
    field.to_far = memory();
    field.from_far = memory();
    party_libssl.set_bio(field.far, field.to_far, field.from_far);
    connect_near(&field, PIPE);
    shake_hands(&field);
    if (log->scene.older)
        read_secrets_12(&field);
    else
        read_secrets(&field);
    field_take(&field, FIELD_ALL);
    field_collect(&field);
    if (!log->scene.tickets)
        read_tickets(&field);
    field.moved = 0;
    connect_near(&field, log->scene.room);
    BIO_set_callback_ex(field.bio, watch);
    BIO_set_callback_arg(field.bio, (char *)&field);
    return &field;
}

/* The parties' connections stay for a moment: they end when the next ones begin. A session that was not closed could not be
 * resumed. */
void field_finish(struct field *field)
{
    field->kind->set_shutdown(field->near, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    party_libssl.set_shutdown(field->far, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    BIO_set_callback_ex(field->bio, NULL);
    BIO_free(field->wire);
    field->wire = NULL;
}
