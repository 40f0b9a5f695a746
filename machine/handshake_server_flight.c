/* SPDX-License-Identifier: MIT */
/* The server's side from ServerHello to the client's Finished. Order is handshake.def's. */
#include "handshake.h"

enum { LEGACY_VERSION = 0x0303 };

/* ------------------------------------------------------------------------------------------------ hellos */

static void put_version(struct tlsm_writer *writer)
{
    size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_SUPPORTED_VERSIONS);
    tlsm_put_number(writer, TLSM_1_3, 2);
    tlsm_close_extension(writer, extension);
}

/* ServerHello and HelloRetryRequest up to their extensions, which stay open at *mark. */
static struct tlsm_writer begin_hello(const struct tlsm_work *work, const uint8_t random[32], size_t *mark)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_SERVER_HELLO);
    tlsm_put_number(&writer, LEGACY_VERSION, 2);
    tlsm_put(&writer, tlsm_slice(random, 32));
    tlsm_put_number(&writer, hs->session_id_length, 1);
    tlsm_put(&writer, tlsm_slice(hs->session_id, hs->session_id_length));
    tlsm_put_number(&writer, work->state->suite, 2);
    tlsm_put_number(&writer, 0, 1);
    *mark = tlsm_open_vector(&writer, 2);
    return writer;
}

enum tlsm_code tlsm_make_hello_retry(struct tlsm_work *work)
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    const struct tlsm_hash before = hs->transcript;
    struct tlsm_hash synthetic = before;
    size_t mark;
    if (tlsm_message_hash(work->config, hs->hash, &synthetic) != 0)
        return TLSM_LIBRARY_FAILED;
    struct tlsm_writer writer = begin_hello(work, tlsm_retry_random, &mark);
    size_t extension = tlsm_open_extension(&writer, TLSM_EXTENSION_KEY_SHARE);
    tlsm_put_number(&writer, hs->retry_group, 2);
    tlsm_close_extension(&writer, extension);
    put_version(&writer);
    tlsm_close_vector(&writer, mark, 2);
    hs->transcript = synthetic;
    enum tlsm_code code = tlsm_send_message(work, &writer, NULL);
    if (code != TLSM_OK)
        hs->transcript = before;
    else
        work->state->control.facts |= TLSM_FACT_RETRIED;
    return code;
}

static struct tlsm_writer put_server_hello(const struct tlsm_work *work)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    size_t mark;
    struct tlsm_writer writer = begin_hello(work, hs->server_random, &mark);
    size_t extension = tlsm_open_extension(&writer, TLSM_EXTENSION_KEY_SHARE);
    tlsm_put_number(&writer, hs->share_group[0], 2);
    tlsm_put_number(&writer, hs->own_share_length[0], 2);
    tlsm_put(&writer, tlsm_slice(hs->own_share[0], hs->own_share_length[0]));
    tlsm_close_extension(&writer, extension);
    put_version(&writer);
    if (tlsm_resumed(work->state)) {
        extension = tlsm_open_extension(&writer, TLSM_EXTENSION_PRE_SHARED_KEY);
        tlsm_put_number(&writer, hs->identity, 2);
        tlsm_close_extension(&writer, extension);
    }
    tlsm_close_vector(&writer, mark, 2);
    return writer;
}

/* The handshake keys, both ways, from the transcript that ends with ServerHello. */
static int derive_handshake_keys(const struct tlsm_work *work, const uint8_t digest[TLSM_HASH_MAX],
                                 struct tlsm_secrets *secrets, struct tlsm_key key[2])
{
    const struct tlsm_config *config = work->config;
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    const struct tlsm_bytes shared = tlsm_slice(hs->shared, hs->shared_length);
    const uint8_t *early = tlsm_resumed(work->state) ? hs->secret : NULL;
    int failed = tlsm_derive_handshake(config, hs->hash, early, shared, digest, secrets);
    if (failed == 0)
        failed = tlsm_traffic_key(config, work->state->suite, secrets->client, &key[0]);
    return failed != 0 ? failed : tlsm_traffic_key(config, work->state->suite, secrets->server, &key[1]);
}

static void install_handshake_keys(struct tlsm_work *work, const struct tlsm_secrets *secrets,
                                   const struct tlsm_key key[2])
{
    struct tlsm_handshake *hs = tlsm_hs(work->state);
    if (!tlsm_mark(work->state, TLSM_MARK_EARLY_ACCEPTED))   /* else EndOfEarlyData comes first */
        tlsm_set_read(work, &key[0], TLSM_EPOCH_HANDSHAKE);
    tlsm_set_write(work, &key[1], TLSM_EPOCH_HANDSHAKE);
    memcpy(hs->secret, secrets->running, TLSM_HASH_MAX);
    memcpy(hs->client_handshake, secrets->client, TLSM_HASH_MAX);
    memcpy(hs->server_handshake, secrets->server, TLSM_HASH_MAX);
    work->out->news |= TLSM_NEWS_KEYS;
}

static void wipe_exchange(struct tlsm_handshake *hs)
{
    tlsm_wipe(hs->shared, sizeof hs->shared);
    hs->shared_length = 0;
    memset(hs->own_share[0], 0, sizeof hs->own_share[0]);
    hs->own_share_length[0] = hs->share_group[0] = 0;
}

enum tlsm_code tlsm_make_server_hello(struct tlsm_work *work)
{
    struct tlsm_writer writer = put_server_hello(work);
    struct tlsm_hash transcript;
    struct tlsm_secrets secrets;
    struct tlsm_key key[2];
    uint8_t digest[TLSM_HASH_MAX];
    enum tlsm_code code = tlsm_prepare_message(work, &writer, &transcript, digest);
    if (code != TLSM_OK)
        return code;
    if (derive_handshake_keys(work, digest, &secrets, key) != 0)
        code = TLSM_LIBRARY_FAILED;
    else
        code = tlsm_send_prepared(work, &writer, &transcript);
    if (code == TLSM_OK) {
        install_handshake_keys(work, &secrets, key);
        wipe_exchange(tlsm_hs(work->state));
    }
    tlsm_wipe(&secrets, sizeof secrets);
    tlsm_wipe(key, sizeof key);
    return code;
}

/* ------------------------------------------------------------------------------------------------ the flight */

void tlsm_put_alpn(const struct tlsm_work *work, struct tlsm_writer *writer)
{
    const uint16_t index = work->state->alpn;
    if (index == 0)
        return;
    const struct tlsm_bytes name = work->config->settings->alpn[index - 1];
    size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_ALPN);
    size_t list = tlsm_open_vector(writer, 2);
    tlsm_put_number(writer, (uint32_t)name.length, 1);
    tlsm_put(writer, name);
    tlsm_close_vector(writer, list, 2);
    tlsm_close_extension(writer, extension);
}

enum tlsm_code tlsm_make_encrypted_extensions(struct tlsm_work *work)
{
    const struct tlsm_state *state = work->state;
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_ENCRYPTED_EXTENSIONS);
    size_t all = tlsm_open_vector(&writer, 2);
    if (tlsm_hs_const(state)->flags & TLSM_HS_SNI_ACCEPTED)
        tlsm_close_extension(&writer, tlsm_open_extension(&writer, TLSM_EXTENSION_SERVER_NAME));
    tlsm_put_alpn(work, &writer);
    tlsm_put_record_limit(&writer, work);
    if (tlsm_mark(state, TLSM_MARK_EARLY_ACCEPTED))
        tlsm_close_extension(&writer, tlsm_open_extension(&writer, TLSM_EXTENSION_EARLY_DATA));
    tlsm_close_vector(&writer, all, 2);
    return tlsm_send_message(work, &writer, NULL);
}

/* The extensions of a CertificateEntry: what the client asked to see with the leaf. */
static void put_entry_extensions(struct tlsm_writer *writer, const struct tlsm_work *work, int is_leaf)
{
    const size_t all = tlsm_open_vector(writer, 2);
    if (is_leaf && tlsm_mark(work->state, TLSM_MARK_STATUS_TOLD)) {
        const size_t extension = tlsm_open_extension(writer, TLSM_EXTENSION_STATUS_REQUEST);
        tlsm_put_status(writer, work->config->settings->credentials[work->state->credential].staple);
        tlsm_close_extension(writer, extension);
    }
    tlsm_close_vector(writer, all, 2);
}

enum tlsm_code tlsm_make_certificate(struct tlsm_work *work)
{
    const struct tlsm_credential *credential = &work->config->settings->credentials[work->state->credential];
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_CERTIFICATE);
    uint8_t digest[TLSM_HASH_MAX];
    tlsm_put_number(&writer, 0, 1);   /* certificate_request_context: empty */
    size_t list = tlsm_open_vector(&writer, 3);
    for (size_t i = 0; i < credential->chain_count; i++) {
        tlsm_put_number(&writer, (uint32_t)credential->chain[i].length, 3);
        tlsm_put(&writer, credential->chain[i]);
        put_entry_extensions(&writer, work, i == 0);
    }
    tlsm_close_vector(&writer, list, 3);
    enum tlsm_code code = tlsm_send_message(work, &writer, digest);
    if (code == TLSM_OK)
        memcpy(tlsm_hs(work->state)->signed_hash, digest, sizeof digest);
    return code;
}

/* The signature waits in the kept room until CertificateVerify is made. */
enum tlsm_code tlsm_answer_sign(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    const struct tlsm_bytes signature = answer->signature;
    const size_t needed = (size_t)state->length + signature.length;
    if (signature.length == 0) {
        state->control.request = 0;
        return tlsm_fail(work, TLSM_ALERT_INTERNAL_ERROR);
    }
    if (signature.length > TLSM_SIGNATURE_MAX)
        return TLSM_BAD_ARGUMENT;
    if (needed > work->out->state_capacity) {
        work->out->state_needed = needed;
        return TLSM_MORE_STATE_ROOM;
    }
    uint8_t *at = tlsm_room(state) + hs->kept;
    memmove(at + signature.length, at, hs->used - hs->kept);
    memcpy(at, signature.data, signature.length);
    hs->signature_at = hs->kept;
    hs->signature_length = (uint32_t)signature.length;
    hs->used += hs->signature_length;
    state->length += hs->signature_length;
    tlsm_keep(state, signature);
    return TLSM_OK;
}

enum tlsm_code tlsm_make_certificate_verify(struct tlsm_work *work)
{
    struct tlsm_writer writer = tlsm_begin_message(work, TLSM_MSG_CERTIFICATE_VERIFY);
    tlsm_put_signature(&writer, work->state);
    enum tlsm_code code = tlsm_send_message(work, &writer, NULL);
    if (code == TLSM_OK)
        tlsm_release(work->state);
    return code;
}

/* ------------------------------------------------------------------------------------------------ Finished */

/* From the transcript that ends with our Finished; we write under the application key from now on. */
static void install_application_keys(struct tlsm_work *work, const struct tlsm_secrets *secrets,
                                     const uint8_t exporter[TLSM_HASH_MAX], const struct tlsm_key *key)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    tlsm_set_write(work, key, TLSM_EPOCH_DATA);
    memcpy(hs->secret, secrets->running, TLSM_HASH_MAX);
    memcpy(hs->client_traffic, secrets->client, TLSM_HASH_MAX);
    memcpy(hs->server_traffic, secrets->server, TLSM_HASH_MAX);
    memcpy(state->write_secret, secrets->server, TLSM_HASH_MAX);
    memcpy(state->exporter, exporter, TLSM_HASH_MAX);
    work->out->news |= TLSM_NEWS_KEYS;
}

enum tlsm_code tlsm_make_server_finished(struct tlsm_work *work)
{
    const struct tlsm_config *config = work->config;
    const struct tlsm_handshake *hs = tlsm_hs_const(work->state);
    struct tlsm_writer writer;
    struct tlsm_hash transcript;
    struct tlsm_secrets secrets;
    struct tlsm_key key;
    uint8_t digest[TLSM_HASH_MAX], exporter[TLSM_HASH_MAX];
    enum tlsm_code code = tlsm_put_finished(work, hs->server_handshake, &writer);
    if (code == TLSM_OK)
        code = tlsm_prepare_message(work, &writer, &transcript, digest);
    if (code != TLSM_OK)
        return code;
    if (tlsm_derive_application(config, hs->hash, hs->secret, digest, &secrets, exporter) != 0 ||
        tlsm_traffic_key(config, work->state->suite, secrets.server, &key) != 0)
        code = TLSM_LIBRARY_FAILED;
    else
        code = tlsm_send_prepared(work, &writer, &transcript);
    if (code == TLSM_OK)
        install_application_keys(work, &secrets, exporter, &key);
    tlsm_wipe(&secrets, sizeof secrets);
    tlsm_wipe(&key, sizeof key);
    tlsm_wipe(exporter, sizeof exporter);
    return code;
}

uint8_t tlsm_take_client_finished(struct tlsm_work *work, struct tlsm_bytes message)
{
    const struct tlsm_config *config = work->config;
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    const size_t length = tlsm_hash_length(hs->hash);
    uint8_t digest[TLSM_HASH_MAX];
    uint8_t alert = tlsm_check_finished(work, message, hs->client_handshake, digest);
    if (alert != 0)
        return alert;
    if (tlsm_install_read(work, hs->client_traffic, TLSM_EPOCH_DATA) != 0 ||
        tlsm_expand_label(config, hs->hash, hs->secret, "res master", tlsm_slice(digest, length), state->resumption,
                          length) != 0)
        return TLSM_ALERT_INTERNAL_ERROR;
    memcpy(state->read_secret, hs->client_traffic, TLSM_HASH_MAX);
    return 0;
}
