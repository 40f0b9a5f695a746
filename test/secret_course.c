/* SPDX-License-Identifier: MIT */
#include "secret_course.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "null_provider.h"
#include "secret_mark.h"

enum { BLOCK = 24576, WIRE = 65536 };
#define NOW UINT64_C(1800000000000)

struct side {
    struct tlsm_settings settings;
    struct tlsm_config config;
    struct secret_provider provider;
    union {
        struct tlsm_state state;
        uint8_t bytes[BLOCK];
    } block;
    uint8_t wire[WIRE];          /* produced, not taken */
    size_t have;
    uint8_t held[WIRE];          /* received, not consumed */
    size_t held_have;
    uint8_t session_ticket[TLSM_TICKET_MAX];
    struct tlsm_session session; /* of the last ticket that came */
    size_t data;                 /* bytes of it that came */
};

static struct side client, server;
static struct tlsm_ticket_key ticket_key;
static const char *course = "";
static unsigned courses;

static void must(int condition, const char *what)
{
    if (condition)
        return;
    (void)fprintf(stderr, "%s: %s\n", course, what);
    exit(2);
}

/* ------------------------------------------------------------------------------------------------ revealed */

static enum secret_planted planted;
void secret_plant(enum secret_planted what) { planted = what; }

int __real_tlsm_equal(const uint8_t *a, const uint8_t *b, size_t length);
int __wrap_tlsm_equal(const uint8_t *a, const uint8_t *b, size_t length);

/* Every comparison with a secret in the core goes through this one. Whether a Finished or a binder was right decides between an
 * alert and a connection, which the peer sees; whether a secret was wiped already, the program sees: it did it. */
int __wrap_tlsm_equal(const uint8_t *a, const uint8_t *b, size_t length)
{
    static const uint8_t ones[256] = { [0] = 0, [1] = 1 };
    int equal = planted != SECRET_BRANCH || length == 0 || a[0] == b[0] ? __real_tlsm_equal(a, b, length) : 0;
    if (planted == SECRET_INDEX && length > 0)
        equal |= *(const volatile uint8_t *)&ones[a[0] ^ b[0]] & 2;
    secret_reveal(&equal, sizeof equal);
    return equal;
}

/* What a signature covers is a hash of messages that both sides have, secrets no more than they. */
static void reveal_content(struct tlsm_request *request) { secret_reveal(request->content, sizeof request->content); }

/* The wire is public. What was sealed is revealed where it is sealed; this is for what goes in the clear: key shares, randoms, and
 * binders and ages of sessions, which are made of secrets to be shown. */
static void reveal_wire(const uint8_t *wire, size_t length) { secret_reveal(wire, length); }

/* Control and ledger, and all that a step says of itself: what an observer may know of. Never revealed, always looked at. */
static void must_be_public(const struct side *side, const struct tlsm_out *out, const enum tlsm_code *code)
{
    const struct tlsm_state *state = &side->block.state;
    must(!secret_any(&state->control, sizeof state->control), "a secret decided something of control");
    must(!secret_any(&state->ledger, sizeof state->ledger), "a secret decided something of the ledger");
    must(!secret_any(&out->consumed, sizeof *out - offsetof(struct tlsm_out, consumed)), "a secret decided what a step says");
    must(!secret_any(code, sizeof *code), "a secret decided a code");
}

/* ------------------------------------------------------------------------------------------------ steps */

static enum tlsm_code step(struct side *side, const struct tlsm_in *in, struct tlsm_out *out)
{
    enum tlsm_code code;
    out->wire = (struct tlsm_span){ side->wire + side->have, sizeof side->wire - side->have };
    out->state_capacity = sizeof side->block;
    memset(out->cell, 0, sizeof out->cell);
    code = tlsm_step(&side->config, &side->block.state, in, &side->block.state, out);
    must_be_public(side, out, &code);
    reveal_wire(out->wire.data, out->wire_length);
    side->have += out->wire_length;
    return code;
}

static enum tlsm_code simple(struct side *side, enum tlsm_in_kind kind)
{
    const struct tlsm_in in = { .kind = kind };
    struct tlsm_out out = { .state_capacity = 0 };
    return step(side, &in, &out);
}

static void answer(struct side *side)
{
    uint8_t signature[TLSM_NULL_SIGNATURE];
    struct tlsm_request request;
    struct tlsm_answer answer;
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    struct tlsm_out out = { .state_capacity = 0 };
    (void)tlsm_request(&side->config, &side->block.state, &request);
    reveal_content(&request);
    (void)tlsm_null_answer(&request, &answer, signature);
    answer.fresh = 1;
    answer.now_ms = NOW;
    must(step(side, &in, &out) < TLSM_MORE_INPUT, "an answer is refused");
}

static void produce(struct side *side)
{
    unsigned needs;
    while ((needs = tlsm_needs(&side->block.state)) & (TLSM_NEED_ANSWER | TLSM_NEED_PRODUCE)) {
        if (needs & TLSM_NEED_ANSWER)
            answer(side);
        else
            must(simple(side, TLSM_IN_PRODUCE) < TLSM_MORE_INPUT, "produce is refused");
    }
}

static void keep_session(struct side *side, const struct tlsm_out *out)
{
    const struct tlsm_bytes plain = { out->plain.data, out->plain_length };
    struct tlsm_session session;
    size_t offset = 0;
    while (tlsm_ticket_next(&side->config, &side->block.state, plain, &offset, &session)) {
        must(session.ticket.length <= sizeof side->session_ticket, "a ticket is too long");
        memcpy(side->session_ticket, session.ticket.data, session.ticket.length);
        side->session = session;
        side->session.ticket.data = side->session_ticket;
        must(secret_any(session.secret, session.secret_length), "the secret of a session is none");
    }
}

/* What is held, up to the first end. */
static void hear(struct side *side)
{
    static uint8_t plain[TLSM_RECORD_MAX];
    size_t at = 0;
    while (at < side->held_have && tlsm_needs(&side->block.state) & (TLSM_NEED_RECEIVE | TLSM_NEED_ANSWER)) {
        const struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { side->held + at, side->held_have - at } };
        struct tlsm_out out = { .plain = { plain, sizeof plain } };
        if (tlsm_needs(&side->block.state) & TLSM_NEED_ANSWER) {
            answer(side);
            continue;
        }
        must(step(side, &in, &out) < TLSM_MORE_INPUT, "what comes is refused");
        if (out.news & TLSM_NEWS_DATA) {
            must(secret_any(plain, out.plain_length), "data that is no secret");
            side->data += out.plain_length;
        }
        if (out.news & (TLSM_NEWS_TICKET | TLSM_NEWS_CONNECTED))
            keep_session(side, &out);
        at += out.consumed;
    }
    side->held_have = 0;
}

static void say(struct side *from, struct side *to)
{
    struct tlsm_in in = { .kind = TLSM_IN_SENT };
    struct tlsm_out out = { .state_capacity = 0 };
    produce(from);
    in.count = from->have;
    memcpy(to->held, from->wire, from->have);
    to->held_have = from->have;
    from->have = 0;
    if (in.count > 0)
        must(step(from, &in, &out) < TLSM_MORE_INPUT, "sent is refused");
    hear(to);
}

static void talk(void)
{
    for (int turn = 0; turn < 8; turn++) {
        say(&client, &server);
        say(&server, &client);
    }
}

/* ------------------------------------------------------------------------------------------------ a course */

static const uint8_t certificate[] = "a certificate, almost";
static const struct tlsm_bytes chain[] = { { certificate, sizeof certificate } };
static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_credential credential = { chain, 1, schemes, 1, NULL, 0, { NULL, 0 } };

static void prepare(struct side *side, uint8_t role, const struct secret_provider *provider)
{
    side->settings = (struct tlsm_settings){ .role = role, .credentials = &credential, .credential_count = 1 };
    side->provider = *provider;
    side->config = (struct tlsm_config){ &side->settings, &secret_provider_table, &side->provider };
    side->have = side->held_have = side->data = 0;
    side->session = (struct tlsm_session){ .suite = 0 };
    tlsm_init(&side->block.state);
}

/* What a handshake's randomness is good for: the parts that are shown are no secret. */
static void begin(struct side *side, const struct tlsm_session *session)
{
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .session = session, .now_ms = NOW,
                                .server_name = { (const uint8_t *)"host.example", side->settings.role == TLSM_CLIENT ? 12 : 0 } };
    struct tlsm_out out = { .state_capacity = 0 };
    for (size_t i = 0; i < sizeof entropy; i++)
        ((uint8_t *)&entropy)[i] = (uint8_t)(i * 7 + side->settings.role + (session != NULL ? 100 : 0));
    secret_mark(entropy.share_secret, sizeof entropy.share_secret);
    side->data = 0;
    must(step(side, &in, &out) == TLSM_OK, "it does not start");
}

static void start(const char *name, const struct tlsm_session *session)
{
    course = name;
    courses++;
    tlsm_init(&client.block.state);
    tlsm_init(&server.block.state);
    begin(&client, session);
    begin(&server, NULL);
}

/* Or nothing here proves anything. */
static void must_be_secret(const struct side *side)
{
    const struct tlsm_state *state = &side->block.state;
    must(tlsm_connected(state), "it does not connect");
    must(secret_any(state->read_key.key, TLSM_KEY_MAX) && secret_any(state->write_key.key, TLSM_KEY_MAX), "a key that is no secret");
    must(secret_any(state->exporter, sizeof state->exporter), "an exporter secret that is none");
}

static void connect_both(void)
{
    talk();
    must_be_secret(&client);
    must_be_secret(&server);
}

static void write_data(struct side *from, struct side *to, size_t length, int early)
{
    static uint8_t text[20000];
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { text, length }, .early = (uint8_t)early };
    struct tlsm_out out = { .state_capacity = 0 };
    const size_t had = to->data;
    secret_mark(text, sizeof text);
    must(step(from, &in, &out) == TLSM_PRODUCED, "data is refused");
    if (early)
        return;
    say(from, to);
    must(to->data == had + length, "data does not come");
}

static void export_keys(const struct side *side)
{
    uint8_t material[32];
    must(tlsm_exporter(&side->config, &side->block.state, (struct tlsm_bytes){ (const uint8_t *)"EXPORTER-test", 13 },
                       (struct tlsm_bytes){ NULL, 0 }, (struct tlsm_span){ material, sizeof material }) == 0, "no keying material");
    must(secret_any(material, sizeof material), "keying material that is no secret");
}

static void close_both(void)
{
    struct tlsm_verdict verdict;
    must(simple(&client, TLSM_IN_CLOSE) == TLSM_OK && simple(&server, TLSM_IN_CLOSE) == TLSM_OK, "a close is refused");
    talk();
    tlsm_verdict(&client.block.state, &verdict);
    must(verdict.how == TLSM_CLEAN_BOTH_VERDICT, "it does not end clean");
    tlsm_verdict(&server.block.state, &verdict);
    must(verdict.how == TLSM_CLEAN_BOTH_VERDICT, "it does not end clean");
}

static void use(void)
{
    write_data(&client, &server, 5, 0);
    write_data(&server, &client, 16384, 0);
    write_data(&client, &server, 16384, 0);
    export_keys(&client);
    export_keys(&server);
}

static void update_keys(struct side *from)
{
    const struct tlsm_in in = { .kind = TLSM_IN_KEY_UPDATE, .ask = 1 };
    struct tlsm_out out = { .state_capacity = 0 };
    must(step(from, &in, &out) < TLSM_MORE_INPUT, "a key update is refused");
    talk();
    must_be_secret(from);
}

/* A verdict that the peer's bytes were wrong, under secrets that were right. */
static void must_fail(struct side *side, uint8_t alert)
{
    struct tlsm_verdict verdict;
    produce(side);
    tlsm_verdict(&side->block.state, &verdict);
    must(verdict.how == TLSM_LOCAL_ALERT_VERDICT || verdict.how == TLSM_HANDSHAKE_FAILED_VERDICT, "it does not fail");
    must(verdict.alert_sent == alert, "it fails by another alert");
}

/* ------------------------------------------------------------------------------------------------ the courses */

static const uint16_t suites[] = { TLSM_AES_128_GCM_SHA256, TLSM_AES_256_GCM_SHA384, TLSM_CHACHA20_POLY1305_SHA256 };
static const uint16_t suites_12[] = { TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256, TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384,
                                      TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256 };
static const uint16_t groups[] = { TLSM_X25519, TLSM_SECP256R1, TLSM_SECP384R1 };

static void prepare_both(const struct secret_provider *provider, uint16_t version, size_t suite)
{
    prepare(&client, TLSM_CLIENT, provider);
    prepare(&server, TLSM_SERVER, provider);
    client.settings.version_min = client.settings.version_max = version;
    server.settings.version_min = server.settings.version_max = version;
    client.settings.suites = &suites[suite];
    client.settings.suites12 = &suites_12[suite];
    client.settings.suite_count = client.settings.suite12_count = 1;
    server.settings.ticket_keys = &ticket_key;
    server.settings.ticket_key_count = server.settings.tickets = 1;
    server.settings.early_max = 100;
    client.settings.early_data = 1;
}

static void full_then_resumed(const struct secret_provider *provider, uint16_t version, size_t suite)
{
    prepare_both(provider, version, suite);
    start("a full handshake, data, a close", NULL);
    connect_both();
    use();
    must(client.session.suite != 0, "no ticket comes");
    close_both();
    start("a session resumed", &client.session);
    if (version == TLSM_1_3) {
        produce(&client);
        write_data(&client, &server, 10, 1);
    }
    connect_both();
    must(tlsm_resumed(&client.block.state) && tlsm_resumed(&server.block.state), "it does not resume");
    must(version != TLSM_1_3 || server.data == 10, "early data does not come");
    use();
    close_both();
}

static void with_client_certificates(const struct secret_provider *provider, uint16_t version, size_t group)
{
    const struct tlsm_in ask = { .kind = TLSM_IN_ASK_CERTIFICATE };
    struct tlsm_out out = { .state_capacity = 0 };
    prepare_both(provider, version, 0);
    server.settings.groups = &groups[group];   /* a retry, for all but the first */
    server.settings.group_count = 1;
    server.settings.client_auth = TLSM_CLIENT_AUTH_REQUIRE;
    client.settings.late_auth = server.settings.late_auth = 1;
    start("a client shows a certificate", NULL);
    connect_both();
    use();
    if (version == TLSM_1_3) {
        must(step(&server, &ask, &out) == TLSM_OK, "a client cannot be asked");
        talk();
        update_keys(&client);
        update_keys(&server);
        use();
    }
    close_both();
}

static void wrong_finished(const struct secret_provider *provider, uint16_t version, struct side *reads)
{
    prepare_both(provider, version, 0);
    start("a Finished that is wrong", NULL);
    reads->provider.spoil_finished = 1;
    talk();
    must(!tlsm_connected(&reads->block.state), "a wrong Finished connects");
    must_fail(reads, TLSM_ALERT_DECRYPT_ERROR);
}

static void wrong_binder(const struct secret_provider *provider)
{
    prepare_both(provider, TLSM_1_3, 0);
    client.settings.early_data = 0;   /* the ClientHello is all that it says */
    start("a connection whose session is kept", NULL);
    connect_both();
    start("a binder that is wrong", &client.session);
    produce(&client);
    client.wire[client.have - 1] ^= 1;
    say(&client, &server);
    must_fail(&server, TLSM_ALERT_DECRYPT_ERROR);
}

static void wrong_record(const struct secret_provider *provider, uint16_t version, size_t suite, size_t at)
{
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { (const uint8_t *)"text", 4 } };
    struct tlsm_out out = { .state_capacity = 0 };
    prepare_both(provider, version, suite);
    start("a record that is wrong", NULL);
    connect_both();
    must(step(&client, &in, &out) == TLSM_PRODUCED, "data is refused");
    client.wire[at < client.have ? at : client.have - 1] ^= 1;
    say(&client, &server);
    must_fail(&server, TLSM_ALERT_BAD_RECORD_MAC);
}

void secret_courses(const struct tlsm_crypto *under, void *self, int careless)
{
    const struct secret_provider provider = { under, self, careless, 0 };
    memset(ticket_key.secret, 0x33, sizeof ticket_key.secret);
    secret_mark(ticket_key.secret, sizeof ticket_key.secret);
    for (size_t suite = 0; suite < 3; suite++) {
        full_then_resumed(&provider, TLSM_1_3, suite);
        full_then_resumed(&provider, TLSM_1_2, suite);
        wrong_record(&provider, TLSM_1_3, suite, SIZE_MAX);
        wrong_record(&provider, TLSM_1_2, suite, SIZE_MAX);
    }
    wrong_record(&provider, TLSM_1_3, 0, TLSM_HEADER);
    for (size_t group = 0; group < 3; group++)
        with_client_certificates(&provider, TLSM_1_3, group);
    with_client_certificates(&provider, TLSM_1_2, 0);
    wrong_finished(&provider, TLSM_1_3, &client);
    wrong_finished(&provider, TLSM_1_3, &server);
    wrong_finished(&provider, TLSM_1_2, &client);
    wrong_finished(&provider, TLSM_1_2, &server);
    wrong_binder(&provider);
    (void)printf("secrets: %u connections, nothing decided by a secret\n", courses);
}
