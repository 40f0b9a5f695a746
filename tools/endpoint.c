/* SPDX-License-Identifier: MIT */
/* From the command line to settings; answering what connections ask. */
#define _DEFAULT_SOURCE

#include "endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "tool.h"
#include "trace.h"

/* A server's keys: both directions of so many connections as are likely to be busy at once; each takes little more than 1 KiB. */
enum { SERVER_BUDGET = 16 * 1024 * 1024, SERVER_KEYS = 256, EARLY_BYTES = 16384, REPLAY_NAMES = 65536 };

/* ------------------------------------------------------------------------------------------------ trust and keys */

static int open_judge(struct endpoint *endpoint, const struct options *options)
{
    char why[TLSM_WHY_ROOM];
    if (options->insecure)
        endpoint->judge = tlsm_judge_insecurely_trust_anyone();
    else if (options->ca != NULL)
        endpoint->judge = tlsm_judge_new_path(options->ca, why, sizeof why);
    else
        endpoint->judge = tlsm_judge_new_system();
    if (endpoint->judge == NULL && options->ca != NULL)
        return tool_say("--ca %s: %s", options->ca, why), TOOL_SETUP;
    if (endpoint->judge == NULL)
        return tool_say("Memory is short, or the system's trusted certificates and revocation lists cannot be wholly read."),
               TOOL_INTERNAL;
    if (!options->insecure && !tlsm_judge_has_anchors(endpoint->judge))
        return tool_say("There are no trusted certificates on this system, so every server would be refused. Install the "
                        "package ca-certificates, or name the certificates to trust with --ca FILE."), TOOL_SETUP;
    return 0;
}

/* Whom a server asks for certificates, and by whom they have to be issued. */
static int open_client_judge(struct endpoint *endpoint, const struct options *options)
{
    char why[TLSM_WHY_ROOM];
    if (options->client_ca == NULL)
        return 0;
    endpoint->judge = tlsm_judge_new_path(options->client_ca, why, sizeof why);
    if (endpoint->judge == NULL)
        return tool_say("--client-ca %s: %s", options->client_ca, why), TOOL_SETUP;
    endpoint->settings.client_auth = options->require_client_cert ? TLSM_CLIENT_AUTH_REQUIRE : TLSM_CLIENT_AUTH_REQUEST;
    return 0;
}

static int load_client_credential(struct endpoint *endpoint, const struct options *options)
{
    char why[TLSM_WHY_ROOM];
    if (options->client_cert == NULL)
        return 0;
    endpoint->loaded[0] = tlsm_libcrypto_credential_load(options->client_cert, options->client_key, why, sizeof why);
    if (endpoint->loaded[0] == NULL)
        return tool_say("%s", why), TOOL_SETUP;
    endpoint->settings.credentials = &endpoint->loaded[0]->credential;
    endpoint->settings.credential_count = 1;
    return 0;
}

static int load_credentials(struct endpoint *endpoint, const struct options *options)
{
    char why[TLSM_WHY_ROOM];
    for (size_t i = 0; i < options->cert.count; i++) {
        endpoint->loaded[i] = tlsm_libcrypto_credential_load(options->cert.at[i], options->key.at[i], why, sizeof why);
        if (endpoint->loaded[i] == NULL)
            return tool_say("%s", why), TOOL_SETUP;
        endpoint->credentials[i] = endpoint->loaded[i]->credential;
    }
    endpoint->settings.credentials = endpoint->credentials;
    endpoint->settings.credential_count = options->cert.count;
    return 0;
}

/* Whoever has the log can read the connections: nobody but the owner may. */
static int open_keylog(struct endpoint *endpoint, const char *path)
{
    int fd;
    if (path == NULL)
        return 0;
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
    endpoint->keylog = fd >= 0 ? fdopen(fd, "a") : NULL;
    if (endpoint->keylog == NULL)
        return tool_say("Cannot write the key log %s: %s.", path, strerror(errno)), TOOL_SETUP;
    return 0;
}

static int add_text(EVP_MD_CTX *digest, const char *text)
{
    return EVP_DigestUpdate(digest, text, strlen(text) + 1) == 1;
}

/* A file counts by what it holds, so that no session outlives a certificate that was taken out of it; a folder by its name. */
static int add_anchors(EVP_MD_CTX *digest, const char *path)
{
    FILE *const file = fopen(path, "re");
    char bytes[4096];
    size_t got;
    int done = add_text(digest, "--ca");
    while (done && file != NULL && (got = fread(bytes, 1, sizeof bytes, file)) > 0)
        done = EVP_DigestUpdate(digest, bytes, got) == 1;
    if (done && (file == NULL || ferror(file)))
        done = add_text(digest, path);
    if (file != NULL)
        (void)fclose(file);
    return done;
}

/* Sessions hold for the trust they were made under: whom nobody has judged stays with --insecure, and --ca with its
 * certificates; and what one server asked of a client holds for no other, which may have taken over its ticket key. */
static int digest_trust(const struct options *options, uint8_t to[32])
{
    EVP_MD_CTX *const digest = EVP_MD_CTX_new();
    int done = digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;
    if (done && options->client_ca != NULL)
        done = add_text(digest, options->require_client_cert ? "required" : "asked for") && add_anchors(digest, options->client_ca);
    else if (done && options->insecure)
        done = add_text(digest, "--insecure");
    else if (done && options->ca != NULL)
        done = add_anchors(digest, options->ca);
    else if (done)
        done = add_text(digest, "the system's");
    done = done && EVP_DigestFinal_ex(digest, to, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return done;
}

/* Whole, although signals interrupt it; a few times at most. */
static int draw(uint8_t *to, size_t length)
{
    int tries = 64;
    while (length > 0 && tries-- > 0) {
        const ssize_t got = getrandom(to, length, 0);
        if (got < 0 && errno != EINTR)
            return -1;
        to += got > 0 ? got : 0;
        length -= got > 0 ? (size_t)got : 0;
    }
    return length == 0 ? 0 : -1;
}

static int open_sessions(struct endpoint *endpoint, const struct options *options, enum tlsm_role role)
{
    struct tlsm_settings *settings = &endpoint->settings;
    if (role == TLSM_CLIENT || options->client_ca != NULL) {
        if (!digest_trust(options, endpoint->context))
            return tool_say("The cryptographic library lacks SHA-256, or memory is short."), TOOL_INTERNAL;
        settings->session_context.data = endpoint->context;
        settings->session_context.length = sizeof endpoint->context;
    }
    if (role == TLSM_CLIENT)
        return 0;
    if (draw((uint8_t *)&endpoint->ticket_key, sizeof endpoint->ticket_key) < 0)
        return tool_say("The system gives no random bytes: %s.", strerror(errno)), TOOL_INTERNAL;
    settings->ticket_keys = &endpoint->ticket_key;
    settings->ticket_key_count = options->tickets > 0;
    settings->tickets = (uint8_t)options->tickets;
    return 0;
}

int endpoint_watch_replays(struct endpoint *endpoint, int keys_are_new)
{
    if (endpoint->settings.early_max == 0)
        return 0;
    tlsm_replay_free(endpoint->replay);
    endpoint->answerer.replay = endpoint->replay = tlsm_replay_new(REPLAY_NAMES, tlsm_replay_time(), keys_are_new);
    return endpoint->replay != NULL ? 0 : (tool_say("Out of memory."), TOOL_INTERNAL);
}

/* The context is the session that hook_answer() answers for. */
static void judged(void *context, const struct tlsm_state *state, const struct tlsm_request *request)
{
    struct session *session = context;
    struct tlsm_bytes leaf;
    size_t offset = 0;
    (void)state;
    if (tlsm_chain_next(request->chain, &offset, &leaf))
        (void)tlsm_judge_name(leaf, session->client, sizeof session->client);
}

int endpoint_open(struct endpoint *endpoint, const struct options *options, enum tlsm_role role)
{
    const struct tlsm_libcrypto_options caches = { .keys_cached = role == TLSM_SERVER ? SERVER_KEYS : 0 };
    int status;
    memset(endpoint, 0, sizeof *endpoint);
    endpoint->settings.role = (uint8_t)role;
    endpoint->settings.budget_bytes = role == TLSM_SERVER ? SERVER_BUDGET : 0;
    if (options->budget != OPTIONS_NEVER)
        endpoint->settings.budget_bytes = options->budget;
    endpoint->settings.require_alpn = options->require_alpn != 0;
    /* An answer that was asked for is given, also where the client closed behind its question (C3). */
    endpoint->settings.close12 = role == TLSM_SERVER ? TLSM_CLOSE12_HALF : TLSM_CLOSE12_REPLY;
    endpoint->settings.early_data = options->early_file != NULL;
    endpoint->settings.early_max = options->early ? EARLY_BYTES : 0;
    endpoint->trace = options->trace;
    endpoint->instance = tlsm_libcrypto_new(&caches);
    endpoint->config.settings = &endpoint->settings;
    endpoint->config.crypto = &tlsm_libcrypto_table;
    endpoint->config.self = endpoint->instance;
    if (endpoint->instance == NULL)
        return tool_say("The cryptographic library lacks something, or memory is short."), TOOL_INTERNAL;
    status = endpoint_lists(endpoint, options);
    if (status == 0)
        status = role == TLSM_CLIENT ? open_judge(endpoint, options) : load_credentials(endpoint, options);
    if (status == 0)
        status = role == TLSM_CLIENT ? load_client_credential(endpoint, options) : open_client_judge(endpoint, options);
    if (status == 0)
        status = open_sessions(endpoint, options, role);
    if (status == 0)
        status = endpoint_watch_replays(endpoint, 1);
    endpoint->answerer.instance = endpoint->instance;
    endpoint->answerer.judge = endpoint->judge;
    endpoint->answerer.credentials = endpoint->loaded;
    endpoint->answerer.credential_count = endpoint->settings.credential_count;
    endpoint->answerer.judged = role == TLSM_SERVER ? judged : NULL;
    return status != 0 ? status : open_keylog(endpoint, options->keylog);
}

void endpoint_close(struct endpoint *endpoint)
{
    for (size_t i = 0; i < OPTIONS_PAIRS; i++)
        tlsm_libcrypto_credential_free(endpoint->loaded[i]);
    tlsm_judge_free(endpoint->judge);
    tlsm_replay_free(endpoint->replay);
    tlsm_libcrypto_free(endpoint->instance);
    if (endpoint->keylog != NULL)
        (void)fclose(endpoint->keylog);
    explicit_bzero(&endpoint->ticket_key, sizeof endpoint->ticket_key);
}

/* ------------------------------------------------------------------------------------------------ hooks */

static int hook_answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state,
                       struct tlsm_answer *answer)
{
    struct session *session = context;
    struct tlsm_libcrypto_answerer *answerer = &session->endpoint->answerer;
    answerer->judged_context = session;
    const int kind = tlsm_libcrypto_answer(answerer, config, state, answer);
    if (answer->alert != 0)
        tool_text(session->why, sizeof session->why, "%s", answerer->why);
    session->refused |= kind == TLSM_ASK_JUDGE && answer->alert != 0;
    return kind;
}

static void hook_ticket(void *context, const struct tlsm_state *state, const struct tlsm_session *given)
{
    const struct session *session = context;
    struct tlsm_session dated = *given;
    (void)state;
    dated.issued_ms = tlsm_socket_time() + 1;   /* rounded up: an age is never overstated */
    resume_keep(session->endpoint->resume, &dated);
    explicit_bzero(&dated, sizeof dated);
}

/* NSS key log format: label, client random, secret. */
static void hook_keys(void *context, const struct tlsm_state *state)
{
    static const char *const labels[TLSM_SECRET_COUNT] = {
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET", "CLIENT_EARLY_TRAFFIC_SECRET", "CLIENT_RANDOM" };
    struct session *session = context;
    uint8_t secret[TLSM_HASH_MAX];
    if (session->endpoint->keylog == NULL)
        return;
    for (unsigned label = 0; label < TLSM_SECRET_COUNT; label++) {
        const size_t length = tlsm_secret(state, (enum tlsm_secret_label)label, secret);
        if (length == 0 || (session->logged & 1u << label))
            continue;
        session->logged |= 1u << label;
        (void)fprintf(session->endpoint->keylog, "%s ", labels[label]);
        for (size_t i = 0; i < sizeof state->client_random; i++)
            (void)fprintf(session->endpoint->keylog, "%02x", state->client_random[i]);
        (void)fputc(' ', session->endpoint->keylog);
        for (size_t i = 0; i < length; i++)
            (void)fprintf(session->endpoint->keylog, "%02x", secret[i]);
        (void)fputc('\n', session->endpoint->keylog);
    }
    (void)fflush(session->endpoint->keylog);
    explicit_bzero(secret, sizeof secret);
}

static void hook_stepped(void *context, const struct tlsm_state *state, const struct tlsm_in *in, enum tlsm_code code,
                         const struct tlsm_out *out)
{
    const struct session *session = context;
    trace_step(stderr, session->id, state, in, code, out);
}

/* ------------------------------------------------------------------------------------------------ interposing */

/* Once gone, what the peer sends is dropped until it ends too, so that no reset overtakes what it has still to read. */
static enum tlsm_moved receive(void *self, struct tlsm_span room, size_t *count)
{
    struct session *session = self;
    enum tlsm_moved moved;
    if (session->one_byte && room.capacity > 1)
        room.capacity = 1;
    do
        moved = session->under.receive(session->under.self, room, count);
    while (session->gone && moved == TLSM_MOVED);
    return moved;
}

static enum tlsm_moved transmit(void *self, struct tlsm_bytes bytes, size_t *count)
{
    struct session *session = self;
    const uint64_t left = session->cut - session->sent;
    enum tlsm_moved moved;
    if (left == 0 && !session->gone) {
        session->gone = 1;
        (void)shutdown(session->socket->descriptor, SHUT_WR);
    }
    if (session->gone) {
        *count = bytes.length;
        return TLSM_MOVED;
    }
    if (bytes.length > left)
        bytes.length = (size_t)left;
    if (session->one_byte)
        bytes.length = 1;
    moved = session->under.send(session->under.self, bytes, count);
    session->sent += moved == TLSM_MOVED ? *count : 0;
    return moved;
}

static enum tlsm_moved await(void *self, unsigned want)
{
    struct session *session = self;
    return session->under.wait(session->under.self, want);
}

static struct tlsm_socket_options prepare(struct session *session, struct endpoint *endpoint, const struct options *options,
                                          uint64_t id)
{
    struct tlsm_socket_options how;
    memset(session, 0, sizeof *session);
    session->endpoint = endpoint;
    session->id = id;
    session->cut = options->cut;
    session->one_byte = options->one_byte;
    memset(&how, 0, sizeof how);
    how.non_blocking = 1;
    how.link.hooks.answer = hook_answer;
    how.link.hooks.keys = hook_keys;
    how.link.hooks.ticket = endpoint->resume != NULL ? hook_ticket : NULL;
    how.link.hooks.stepped = endpoint->trace ? hook_stepped : NULL;
    how.link.hooks.context = session;
    return how;
}

static struct tlsm_socket *interpose(struct session *session, struct tlsm_socket *socket)
{
    session->socket = socket;
    if (socket != NULL && (session->one_byte || session->cut != OPTIONS_NEVER)) {
        session->under = socket->transport;
        socket->transport.receive = receive;
        socket->transport.send = transmit;
        socket->transport.wait = await;
        socket->transport.self = session;
    }
    return socket;
}

struct tlsm_socket *session_open(struct session *session, struct endpoint *endpoint, const struct options *options, int fd,
                                 uint64_t id)
{
    const struct tlsm_socket_options how = prepare(session, endpoint, options, id);
    return interpose(session, tlsm_socket_new(&endpoint->config, fd, &how));
}

struct tlsm_socket *session_import(struct session *session, struct endpoint *endpoint, const struct options *options, int fd,
                                   uint64_t id, struct tlsm_bytes bytes, enum tlsm_code *code)
{
    const struct tlsm_socket_options how = prepare(session, endpoint, options, id);
    return interpose(session, tlsm_socket_import(&endpoint->config, fd, &how, bytes, code));
}
