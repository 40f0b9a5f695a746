/* SPDX-License-Identifier: MIT */
/* Sessions as objects: counted, and all but their times and whether they can be resumed fixed once they are seen. */
#define _POSIX_C_SOURCE 200809L

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "tlsm_ssl_session_internal.h"

enum { UNTOLD_TIMEOUT_S = 304 };   /* of a session that no context gave one */

/* ------------------------------------------------------------------------------------------------ life */

SSL_SESSION *SSL_SESSION_new(void)
{
    SSL_SESSION *const session = calloc(1, sizeof *session);
    if (session == NULL) {
        (void)tlsm_ssl_refuse(NULL, ERR_R_MALLOC_FAILURE, "");
        return NULL;
    }
    atomic_init(&session->references, 1);
    atomic_init(&session->resumable, 0);
    atomic_init(&session->time_s, ssl_now_s());
    atomic_init(&session->timeout_s, UNTOLD_TIMEOUT_S);
    session->verify_result = X509_V_ERR_UNSPECIFIED;   /* nobody was judged yet */
    if (CRYPTO_new_ex_data(CRYPTO_EX_INDEX_SSL_SESSION, session, &session->ex_data) == 1)
        return session;
    free(session);
    (void)tlsm_ssl_refuse(NULL, ERR_R_MALLOC_FAILURE, "");
    return NULL;
}

int SSL_SESSION_up_ref(SSL_SESSION *session)
{
    if (session == NULL)
        return 0;
    (void)atomic_fetch_add(&session->references, 1);
    return 1;
}

void SSL_SESSION_free(SSL_SESSION *session)
{
    if (session == NULL || atomic_fetch_sub(&session->references, 1) > 1)
        return;
    CRYPTO_free_ex_data(CRYPTO_EX_INDEX_SSL_SESSION, session, &session->ex_data);
    if (session->value != NULL)
        OPENSSL_cleanse(session->value, session->value_length);
    free(session->value);
    X509_free(session->peer);
    sk_X509_pop_free(session->chain, X509_free);
    free(session->name);
    OPENSSL_cleanse(session, sizeof *session);
    free(session);
}

static int copy_memory(SSL_SESSION *to, const SSL_SESSION *from)
{
    if (from->value != NULL) {
        to->value = malloc(from->value_length);
        if (to->value == NULL)
            return 0;
        memcpy(to->value, from->value, from->value_length);
        to->value_length = from->value_length;
    }
    if (from->name != NULL && (to->name = strdup(from->name)) == NULL)
        return 0;
    if (from->chain != NULL && (to->chain = X509_chain_up_ref(from->chain)) == NULL)
        return 0;
    if (from->peer != NULL)
        (void)X509_up_ref(to->peer = from->peer);
    return CRYPTO_dup_ex_data(CRYPTO_EX_INDEX_SSL_SESSION, &to->ex_data, &from->ex_data) == 1;
}

SSL_SESSION *SSL_SESSION_dup(const SSL_SESSION *session)
{
    SSL_SESSION *const copy = session != NULL ? SSL_SESSION_new() : NULL;
    if (copy == NULL)
        return NULL;
    atomic_store(&copy->resumable, atomic_load(&session->resumable));
    atomic_store(&copy->time_s, atomic_load(&session->time_s));
    atomic_store(&copy->timeout_s, atomic_load(&session->timeout_s));
    copy->suite = session->suite;
    copy->version = session->version;
    copy->verify_result = session->verify_result;
    copy->id_length = session->id_length;
    copy->sid_context_length = session->sid_context_length;
    memcpy(copy->id, session->id, sizeof copy->id);
    memcpy(copy->sid_context, session->sid_context, sizeof copy->sid_context);
    if (copy_memory(copy, session))
        return copy;
    SSL_SESSION_free(copy);
    (void)tlsm_ssl_refuse(NULL, ERR_R_MALLOC_FAILURE, "");
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ the machine's value */

/* What a server of TLS 1.2 named, what is the key of a cache of ours, or else a digest of the ticket. */
static void set_id(SSL_SESSION *session, const struct tlsm_session *value, int ticket_is_id)
{
    const struct tlsm_bytes ticket = value->ticket;
    session->id_length = value->by_id ? (unsigned)ticket.length : SSL_SESSION_DIGEST;
    if (value->by_id || (ticket_is_id && ticket.length == SSL_SESSION_DIGEST))
        memcpy(session->id, ticket.data, ticket.length);
    else
        (void)SHA256(ticket.data, ticket.length, session->id);
}

int tlsm_ssl_session_set_value(SSL_SESSION *session, const struct tlsm_session *value, int ticket_is_id)
{
    struct tlsm_span room = { NULL, TLSM_SESSION_FIXED_MAX + value->ticket.length };
    size_t length;
    room.data = malloc(room.capacity);
    if (room.data == NULL)
        return 0;
    length = tlsm_session_write(value, room);
    if (length == 0) {
        free(room.data);
        return 0;
    }
    if (session->value != NULL)
        OPENSSL_cleanse(session->value, session->value_length);
    free(session->value);
    session->value = room.data;
    session->value_length = length;
    session->suite = value->suite;
    session->version = value->version;
    set_id(session, value, ticket_is_id);
    atomic_store(&session->resumable, 1);
    return 1;
}

int tlsm_ssl_session_read(const SSL_SESSION *session, struct tlsm_session *value)
{
    const struct tlsm_bytes bytes = { session->value, session->value_length };
    memset(value, 0, sizeof *value);
    return session->value != NULL && tlsm_session_read(bytes, value);
}

int tlsm_ssl_session_expired(const SSL_SESSION *session, long now_s)
{
    const long begun = atomic_load(&session->time_s), timeout = atomic_load(&session->timeout_s);
    return now_s > begun && (unsigned long)now_s - (unsigned long)begun > (unsigned long)timeout;
}

/* ------------------------------------------------------------------------------------------------ what is known of it */

int SSL_SESSION_is_resumable(const SSL_SESSION *session)
{
    return session != NULL && session->value != NULL && atomic_load(&session->resumable);
}

static struct tlsm_session read_value(const SSL_SESSION *session)
{
    struct tlsm_session value;
    memset(&value, 0, sizeof value);
    if (session != NULL)
        (void)tlsm_ssl_session_read(session, &value);
    OPENSSL_cleanse(value.secret, sizeof value.secret);
    return value;
}

int SSL_SESSION_has_ticket(const SSL_SESSION *session)
{
    const struct tlsm_session value = read_value(session);
    return value.ticket.length > 0 && !value.by_id;
}

unsigned long SSL_SESSION_get_ticket_lifetime_hint(const SSL_SESSION *session) { return read_value(session).lifetime_s; }
uint32_t SSL_SESSION_get_max_early_data(const SSL_SESSION *session) { return read_value(session).early_max; }

void SSL_SESSION_get0_ticket(const SSL_SESSION *session, const unsigned char **ticket, size_t *length)
{
    const struct tlsm_session value = read_value(session);
    const struct tlsm_bytes none = { NULL, 0 }, bytes = value.by_id ? none : value.ticket;
    if (ticket != NULL)
        *ticket = bytes.data;
    if (length != NULL)
        *length = bytes.length;
}

const unsigned char *SSL_SESSION_get_id(const SSL_SESSION *session, unsigned int *length)
{
    if (length != NULL)
        *length = session != NULL ? session->id_length : 0;
    return session != NULL ? session->id : NULL;
}

const unsigned char *SSL_SESSION_get0_id_context(const SSL_SESSION *session, unsigned int *length)
{
    if (length != NULL)
        *length = session != NULL ? session->sid_context_length : 0;
    return session != NULL ? session->sid_context : NULL;
}

int SSL_SESSION_get_protocol_version(const SSL_SESSION *session) { return session != NULL ? session->version : 0; }
X509 *SSL_SESSION_get0_peer(SSL_SESSION *session) { return session != NULL ? session->peer : NULL; }
const char *SSL_SESSION_get0_hostname(const SSL_SESSION *session) { return session != NULL ? session->name : NULL; }

const SSL_CIPHER *SSL_SESSION_get0_cipher(const SSL_SESSION *session)
{
    return session != NULL ? tlsm_ssl_cipher_of(session->suite) : NULL;
}

long SSL_SESSION_get_time(const SSL_SESSION *session) { return session != NULL ? atomic_load(&session->time_s) : 0; }
long SSL_SESSION_get_timeout(const SSL_SESSION *session) { return session != NULL ? atomic_load(&session->timeout_s) : 0; }

/* The time given. */
long SSL_SESSION_set_time(SSL_SESSION *session, long seconds)
{
    if (session == NULL)
        return 0;
    atomic_store(&session->time_s, seconds);
    return seconds;
}

long SSL_SESSION_set_timeout(SSL_SESSION *session, long seconds)
{
    if (session == NULL || seconds < 0)
        return 0;
    atomic_store(&session->timeout_s, seconds);
    return 1;
}

int SSL_SESSION_set_ex_data(SSL_SESSION *session, int index, void *data)
{
    return session != NULL && CRYPTO_set_ex_data(&session->ex_data, index, data);
}

void *SSL_SESSION_get_ex_data(const SSL_SESSION *session, int index)
{
    return session != NULL ? CRYPTO_get_ex_data(&session->ex_data, index) : NULL;
}
