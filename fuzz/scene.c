/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "null_provider.h"
#include "operation.h"
#include "sealed.h"

/* ------------------------------------------------------------------------------------------------ the settings */

static const uint8_t certificate[] = "a certificate, almost";
static const struct tlsm_bytes chain[] = { { certificate, sizeof certificate } };
static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_credential credential = { chain, 1, schemes, 1, NULL, 0, { NULL, 0 } };
static const struct tlsm_credential stapled = { chain, 1, schemes, 1, NULL, 0, { (const uint8_t *)"good", 4 } };
static const struct tlsm_ticket_key ticket_key = { { 'k', 'e', 'y' }, { 1, 2, 3 } };
static const uint16_t only_p256[] = { TLSM_SECP256R1 };
static const uint16_t two_groups[] = { TLSM_X25519, TLSM_SECP256R1 };

#define CLIENT .role = TLSM_CLIENT, .groups = two_groups, .group_count = 2
#define SERVER .role = TLSM_SERVER, .credentials = &credential, .credential_count = 1
#define STAPLING .role = TLSM_SERVER, .credentials = &stapled, .credential_count = 1
#define SHOWING .credentials = &credential, .credential_count = 1
#define RETRYING .groups = only_p256, .group_count = 1
#define RECORD_LIMIT 5
#define SEALING .ticket_keys = &ticket_key, .ticket_key_count = 1, .tickets = 1
#define OLDER .version_min = TLSM_1_2, .version_max = TLSM_1_2
#define EITHER .version_min = TLSM_1_2, .version_max = TLSM_1_3
#define AN_HOUR UINT64_C(3600001)   /* more than half a ticket's life */
#define NOW UINT64_C(1800000000000)
#define EARLY_MAX 2

static struct scene scenes[] = {
    { .name = "client", .flags = SCENE_FRAMED | SCENE_DEEP | SCENE_DEADLINE,
      .settings = { CLIENT }, .peer = { SERVER } },
    { .name = "server", .flags = SCENE_FRAMED | SCENE_DEEP | SCENE_DEADLINE,
      .settings = { SERVER }, .peer = { CLIENT } },
    { .name = "client, retried", .flags = SCENE_HANDSHAKE, .settings = { CLIENT }, .peer = { SERVER, RETRYING } },
    { .name = "server, retrying, asks", .flags = SCENE_HANDSHAKE,
      .settings = { SERVER, RETRYING, .ask = TLSM_ASK_CREDENTIAL_BIT },
      .peer = { CLIENT } },
    { .name = "client, framed, discards, budget of bytes, drops tickets", .flags = SCENE_CASUAL,
      .settings = { CLIENT, .eof = TLSM_EOF_FRAMED, .data_while_closing = TLSM_CLOSING_DISCARD,
                    .tickets_after_close = TLSM_TICKETS_DROP, .budget_bytes = 2 },
      .peer = { SERVER } },
    { .name = "server, framed, fails on data, keeps the transport, no compatibility",
      .settings = { SERVER, .eof = TLSM_EOF_FRAMED, .data_while_closing = TLSM_CLOSING_FAIL, .keep_transport = 1 },
      .peer = { CLIENT, .no_compatibility = 1 } },
    { .name = "client, few records to a key", .flags = SCENE_CASUAL,
      .settings = { CLIENT, .record_limit = RECORD_LIMIT }, .peer = { SERVER } },
    { .name = "client, no key update left", .flags = SCENE_CASUAL | SCENE_EXHAUSTED,
      .settings = { CLIENT, .record_limit = RECORD_LIMIT }, .peer = { SERVER } },
    { .name = "server, rejects early data", .flags = SCENE_EARLY | SCENE_HANDSHAKE,
      .settings = { SERVER, .early_skip_max = 40 },
      .peer = { CLIENT } },
    { .name = "server, delivers, budget of records", .flags = SCENE_CASUAL | SCENE_DEADLINE,
      .settings = { SERVER, .budget_records = 2 }, .peer = { CLIENT } },
    { .name = "server, issues tickets, drops them at a close", .flags = SCENE_CASUAL, .now_ms = NOW,
      .settings = { SERVER, SEALING }, .peer = { CLIENT } },
    { .name = "server, issues tickets, before a close too, few records to a key, fails on data", .flags = SCENE_CASUAL, .now_ms = NOW,
      .settings = { SERVER, SEALING, .unsent_tickets = TLSM_UNSENT_SEND_FIRST, .record_limit = RECORD_LIMIT,
                    .data_while_closing = TLSM_CLOSING_FAIL },
      .peer = { CLIENT } },
    { .name = "client, resumes", .flags = SCENE_HANDSHAKE | SCENE_RESUMED, .now_ms = NOW,
      .settings = { CLIENT }, .peer = { SERVER, SEALING } },
    { .name = "server, resumes, opens the ticket", .flags = SCENE_HANDSHAKE | SCENE_RESUMED, .now_ms = NOW,
      .settings = { SERVER, SEALING }, .peer = { CLIENT } },
    { .name = "server, resumes, asks for the session", .flags = SCENE_HANDSHAKE | SCENE_RESUMED, .now_ms = NOW,
      .settings = { SERVER, .ask = TLSM_ASK_SESSION_BIT, .tickets = 1 }, .peer = { CLIENT } },
    { .name = "client, records elsewhere, few to a key", .flags = SCENE_CASUAL | SCENE_ELSEWHERE, .offload = OP_OFFLOAD,
      .settings = { CLIENT, .record_limit = RECORD_LIMIT }, .peer = { SERVER } },
    { .name = "server, records elsewhere, keys stay, framed, issues tickets", .flags = SCENE_CASUAL | SCENE_ELSEWHERE,
      .offload = OP_OFFLOAD_FIXED, .now_ms = NOW,
      .settings = { SERVER, SEALING, .eof = TLSM_EOF_FRAMED, .unsent_tickets = TLSM_UNSENT_SEND_FIRST,
                    .record_limit = RECORD_LIMIT },
      .peer = { CLIENT } },
    { .name = "client, TLS 1.2", .flags = 0, .settings = { CLIENT, OLDER }, .peer = { SERVER, OLDER } },
    { .name = "server, TLS 1.2", .flags = SCENE_DEEP, .now_ms = NOW,
      .settings = { SERVER, SEALING, OLDER }, .peer = { CLIENT, OLDER } },
    { .name = "client, TLS 1.2, half-closes, ignores renegotiation, discards", .flags = SCENE_CASUAL | SCENE_FRAMED,
      .settings = { CLIENT, OLDER, .close12 = TLSM_CLOSE12_HALF, .renegotiation = TLSM_RENEGOTIATION_IGNORE,
                    .data_while_closing = TLSM_CLOSING_DISCARD },
      .peer = { SERVER, OLDER } },
    { .name = "server, TLS 1.2, half-closes, ignores renegotiation, few records to a key", .flags = SCENE_CASUAL,
      .settings = { SERVER, OLDER, .close12 = TLSM_CLOSE12_HALF, .renegotiation = TLSM_RENEGOTIATION_IGNORE,
                    .record_limit = RECORD_LIMIT },
      .peer = { CLIENT, OLDER } },
    { .name = "client, TLS 1.2, resumes, gets a new ticket", .flags = SCENE_HANDSHAKE | SCENE_WHOLE | SCENE_RESUMED, .now_ms = NOW, .later_ms = AN_HOUR,
      .settings = { CLIENT, OLDER }, .peer = { SERVER, SEALING, OLDER } },
    { .name = "server, TLS 1.2, resumes, opens the ticket, renews it", .flags = SCENE_HANDSHAKE | SCENE_WHOLE | SCENE_RESUMED, .now_ms = NOW,
      .later_ms = AN_HOUR,
      .settings = { SERVER, SEALING, OLDER }, .peer = { CLIENT, OLDER } },
    { .name = "server, TLS 1.2, resumes, asks for the session", .flags = SCENE_HANDSHAKE | SCENE_WHOLE | SCENE_RESUMED, .now_ms = NOW,
      .settings = { SERVER, .ask = TLSM_ASK_SESSION_BIT, .tickets = 1, OLDER }, .peer = { CLIENT, OLDER } },
    { .name = "client, shows a certificate, chooses it", .flags = SCENE_HANDSHAKE | SCENE_WHOLE,
      .settings = { CLIENT, SHOWING, .ask = TLSM_ASK_CREDENTIAL_BIT }, .peer = { SERVER, .client_auth = TLSM_CLIENT_AUTH_REQUEST } },
    { .name = "server, requires a certificate", .flags = SCENE_HANDSHAKE | SCENE_WHOLE,
      .settings = { SERVER, .client_auth = TLSM_CLIENT_AUTH_REQUIRE }, .peer = { CLIENT, SHOWING } },
    { .name = "client, TLS 1.2, shows a certificate, chooses it, wants the status", .flags = SCENE_HANDSHAKE | SCENE_WHOLE, .now_ms = NOW,
      .settings = { CLIENT, OLDER, SHOWING, .ask = TLSM_ASK_CREDENTIAL_BIT, .ask_staple = 1 },
      .peer = { STAPLING, SEALING, OLDER, .client_auth = TLSM_CLIENT_AUTH_REQUEST } },
    { .name = "server, TLS 1.2, requests a certificate, tells the status", .flags = SCENE_HANDSHAKE | SCENE_WHOLE,
      .settings = { STAPLING, OLDER, .client_auth = TLSM_CLIENT_AUTH_REQUEST }, .peer = { CLIENT, OLDER, SHOWING, .ask_staple = 1 } },
    { .name = "client, may be asked later", .flags = SCENE_CASUAL | SCENE_WHOLE,
      .settings = { CLIENT, SHOWING, .ask = TLSM_ASK_CREDENTIAL_BIT, .late_auth = 1 }, .peer = { SERVER } },
    { .name = "server, asks later", .flags = SCENE_CASUAL | SCENE_WHOLE | SCENE_LATE,
      .settings = { SERVER, .late_auth = 1 }, .peer = { CLIENT, SHOWING, .late_auth = 1 } },
    { .name = "server, retrying, resumes, asks for the session", .flags = SCENE_HANDSHAKE | SCENE_WHOLE | SCENE_RESUMED, .now_ms = NOW,
      .settings = { SERVER, RETRYING, .ask = TLSM_ASK_SESSION_BIT, .tickets = 1 }, .peer = { CLIENT } },
    { .name = "client, both versions, TLS 1.2 is spoken", .flags = SCENE_HANDSHAKE | SCENE_WHOLE,
      .settings = { CLIENT, EITHER }, .peer = { SERVER, OLDER } },
    { .name = "server, both versions, TLS 1.3 is spoken", .flags = SCENE_HANDSHAKE | SCENE_WHOLE,
      .settings = { SERVER, EITHER }, .peer = { CLIENT } },
    { .name = "client, early data", .flags = SCENE_HANDSHAKE | SCENE_WHOLE | SCENE_RESUMED, .now_ms = NOW,
      .settings = { CLIENT, .early_data = 1 }, .peer = { SERVER, SEALING, .early_max = EARLY_MAX } },
    { .name = "server, early data, discards", .flags = SCENE_HANDSHAKE | SCENE_WHOLE | SCENE_RESUMED, .now_ms = NOW,
      .settings = { SERVER, SEALING, .early_max = EARLY_MAX, .early_skip_max = 40, .data_while_closing = TLSM_CLOSING_DISCARD },
      .peer = { CLIENT, .early_data = 1 } },
    { .name = "server, early data, delivers", .flags = SCENE_HANDSHAKE | SCENE_WHOLE | SCENE_RESUMED, .now_ms = NOW,
      .settings = { SERVER, SEALING, .early_max = 1, .early_skip_max = 1 }, .peer = { CLIENT, .early_data = 1 } },
};

size_t scenes_count(void) { return sizeof scenes / sizeof *scenes; }
const struct scene *scene_at(size_t index) { return &scenes[index]; }

/* ------------------------------------------------------------------------------------------------ nodes */

void node_copy(struct node *to, const struct node *from)
{
    to->mark = from->mark;
    memcpy(to->at.block, from->at.block, from->at.state.length);
}

int node_equal(const struct node *a, const struct node *b)
{
    return memcmp(&a->mark, &b->mark, sizeof a->mark) == 0 && a->at.state.length == b->at.state.length &&
           memcmp(a->at.block, b->at.block, a->at.state.length) == 0;
}

/* What matters of the wire's totals: whether bytes are outstanding, in one record or more, and whether `taken` stands where
 * a record begins. So each case becomes its smallest numbers: records of two bytes. */
static void normalize_wire(struct tlsm_ledger *ledger)
{
    const int some = ledger->produced != ledger->taken, more = ledger->record_start > ledger->taken;
    const int whole = ledger->taken == ledger->record_start || ledger->taken == ledger->batch_start;
    ledger->taken = whole ? 0 : 1;
    ledger->batch_start = 0;
    ledger->record_start = more ? 2 : 0;
    ledger->produced = more ? 4 : 2;
    if (!some)
        ledger->taken = ledger->record_start = ledger->produced = 0;
}

static void normalize_totals(const struct tlsm_settings *settings, struct tlsm_ledger *ledger)
{
    ledger->plain_in = ledger->plain_out = ledger->discarded = 0;
    if (settings->budget_bytes == 0)
        ledger->closing_bytes = 0;
    if (settings->budget_records == 0)
        ledger->closing_records = 0;
    if (ledger->write_updates < (UINT64_C(1) << 48) - 2)
        ledger->write_updates = 0;
}

/* As it is with records elsewhere. */
static void forget_key(struct tlsm_key *key)
{
    *key = (struct tlsm_key){ .suite = key->suite, .sequence = key->sequence };
}

static void normalize_keys(const struct scene *scene, struct tlsm_state *state)
{
    const uint64_t written = state->write_key.sequence;
    state->read_key.sequence = 0;
    state->write_key.sequence = 0;
    if (state->control.read_epoch == TLSM_EPOCH_DATA && scene->read_key.suite != 0) {
        state->read_key = scene->read_key;
        memcpy(state->read_secret, scene->read_secret, sizeof state->read_secret);
    }
    if (state->control.write_epoch == TLSM_EPOCH_DATA && scene->write_key.suite != 0) {
        state->write_key = scene->write_key;
        memcpy(state->write_secret, scene->write_secret, sizeof state->write_secret);
        if (scene->settings.record_limit != 0)
            state->write_key.sequence = written;
    }
    if (state->control.facts & TLSM_FACT_READ_ELSEWHERE)
        forget_key(&state->read_key);
    if (state->control.facts & TLSM_FACT_WRITE_ELSEWHERE)
        forget_key(&state->write_key);
}

int node_awaits(const struct node *node)
{
    const struct tlsm_control *control = &node->at.state.control;
    return control->rx == TLSM_RX_OPEN && control->phase >= TLSM_PHASE_PS_MAKE_REQUEST && control->phase <= TLSM_PHASE_PS_JUDGE;
}

void node_normalize(struct node *node)
{
    const struct scene *scene = &scenes[node->mark.scene];
    struct tlsm_state *state = &node->at.state;
    if (state->control.rx != TLSM_RX_HANDSHAKE && state->control.rx != TLSM_RX_UNBORN && !node_awaits(node)) {
        node->mark.record = (uint8_t)scene->records;
        state->control.late_requests = 0;   /* the next request is the recorded one again */
    }
    if (state->control.rx != TLSM_RX_HANDSHAKE && !node_awaits(node))
        node->mark.offset = 0;
    if (tlsm_connected(state))   /* a client can be asked again and again */
        state->request_id = 1;
    normalize_wire(&state->ledger);
    normalize_totals(&scene->settings, &state->ledger);
    normalize_keys(scene, state);
    state->tickets_made = 0;
}

/* ------------------------------------------------------------------------------------------------ the recording */

struct party {
    const struct tlsm_config *config;
    union {
        struct tlsm_state state;
        uint8_t block[SCENE_BLOCK];
    } at;
    uint8_t out[4096];      /* produced, not read by the other */
    size_t out_length;
};

static const char *preparing;

static void must(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "scene \"%s\": %s\n", preparing, what);
    abort();
}

static enum tlsm_code take_step(struct party *party, const struct tlsm_in *in, struct tlsm_out *out)
{
    out->state_capacity = SCENE_ROOM;
    return tlsm_step(party->config, &party->at.state, in, &party->at.state, out);
}

static void begin(struct party *party, const struct tlsm_entropy *entropy, const struct scene *scene)
{
    struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = entropy, .session = scene->session, .now_ms = scene->now_ms };
    struct tlsm_out out = { .state_capacity = 0 };
    memset(party->at.block, 0, sizeof party->at.block);
    tlsm_init(&party->at.state);
    party->out_length = 0;
    must(take_step(party, &in, &out) == TLSM_OK, "a machine does not start");
}

/* One byte, once. */
static void speak_early(struct party *party)
{
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .early = 1, .bytes = { (const uint8_t *)"e", 1 } };
    struct tlsm_out out = { .wire = { party->out + party->out_length, sizeof party->out - party->out_length } };
    must(take_step(party, &in, &out) == TLSM_PRODUCED, "early data is refused");
    party->out_length += out.wire_length;
}

/* Answers, makes a record, or sends. */
static void speak_once(struct party *party, const struct scene *scene)
{
    struct tlsm_request request;
    struct tlsm_answer answer;
    uint8_t signature[TLSM_NULL_SIGNATURE];
    const unsigned needs = tlsm_needs(&party->at.state);
    struct tlsm_in in = { .kind = TLSM_IN_PRODUCE };
    struct tlsm_out out = { .wire = { party->out + party->out_length, sizeof party->out - party->out_length } };
    if (needs & TLSM_NEED_ANSWER) {
        (void)tlsm_request(party->config, &party->at.state, &request);
        (void)tlsm_null_answer(&request, &answer, signature);
        answer.session = scene->session;
        answer.fresh = 1;
        answer.now_ms = scene->now_ms;
        in.kind = TLSM_IN_ANSWER;
        in.answer = &answer;
    } else if (!(needs & TLSM_NEED_PRODUCE)) {
        in.kind = TLSM_IN_SENT;
        in.count = (size_t)tlsm_outstanding(&party->at.state);
    }
    must(take_step(party, &in, &out) < TLSM_MORE_INPUT, "a machine refuses what it needs");
    party->out_length += out.wire_length;
}

static void speak(struct party *party, const struct scene *scene)
{
    while (tlsm_needs(&party->at.state) & (TLSM_NEED_ANSWER | TLSM_NEED_PRODUCE | TLSM_NEED_SEND))
        speak_once(party, scene);
    if (tlsm_early_room(party->config, &party->at.state) > 0 && party->at.state.ledger.early_out == 0)
        speak_early(party);
}

/* The record as it is inside, so that it can be sealed anew under whatever sequence number is due. */
static void record_one(struct scene *scene, const struct party *to, const uint8_t *record, size_t body)
{
    struct scene_record *kept = &scene->record[scene->all];
    uint8_t *content = scene->script + scene->script_length;
    size_t length = body;
    const struct sealed is = sealed_open(to->at.state.control.version, &to->at.state.read_key, record, record + TLSM_HEADER);
    must(scene->all < SCENE_RECORDS && scene->script_length + body <= SCENE_SCRIPT, "the script is too long");
    memcpy(content, record + TLSM_HEADER, body);
    kept->type = record[0];
    if (is.protected) {
        must(is.authentic, "a record fails");
        length = is.length;
        memcpy(content, is.content, length);
        kept->type = is.type;
    }
    kept->at = (uint16_t)scene->script_length;
    kept->length = (uint16_t)length;
    scene->script_length += length;
    scene->all++;
}

/* The session of the last ticket that came, for those who resume it. */
static uint8_t kept_session[SCENE_SESSION];
static size_t kept_length;

static void keep_session(const struct party *party, const struct tlsm_out *out)
{
    const struct tlsm_bytes plain = { out->plain.data, out->plain_length };
    struct tlsm_session session;
    size_t offset = 0;
    while (out->news & TLSM_NEWS_TICKET && tlsm_ticket_next(party->config, &party->at.state, plain, &offset, &session)) {
        kept_length = tlsm_session_write(&session, (struct tlsm_span){ kept_session, sizeof kept_session });
        must(kept_length <= sizeof kept_session, "a session is too long");
    }
}

static void hear(struct party *party, struct party *from, const struct scene *scene, struct scene *recorder)
{
    static uint8_t plain[4096];
    size_t at = 0;
    while (at < from->out_length) {
        if (tlsm_needs(&party->at.state) & TLSM_NEED_ANSWER)   /* early data lies behind the ClientHello */
            speak_once(party, scene);
        const uint8_t *record = from->out + at;
        const size_t body = (size_t)record[3] << 8 | record[4];
        struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { record, TLSM_HEADER } };
        struct tlsm_out out = { .plain = { plain, sizeof plain } };
        if (recorder != NULL && (!tlsm_connected(&party->at.state) || recorder->records > 0))   /* tickets are not of the handshake */
            record_one(recorder, party, record, body);
        must(take_step(party, &in, &out) < TLSM_MORE_INPUT, "a header is refused");
        in.bytes = (struct tlsm_bytes){ record + TLSM_HEADER, body };
        must(take_step(party, &in, &out) < TLSM_MORE_INPUT, "a body is refused");
        keep_session(party, &out);
        must(!tlsm_is_final(&party->at.state), "a handshake fails");
        at += TLSM_HEADER + body;
        from->out_length = from->out_length == at ? 0 : from->out_length;
    }
}

static void keep_keys(struct scene *scene, const struct tlsm_state *state)
{
    scene->read_key = state->read_key;
    scene->write_key = state->write_key;
    scene->read_key.sequence = scene->write_key.sequence = 0;
    memcpy(scene->read_secret, state->read_secret, sizeof scene->read_secret);
    memcpy(scene->write_secret, state->write_secret, sizeof scene->write_secret);
}

static void record_late(struct scene *scene, struct party *own, struct party *peer)
{
    const struct tlsm_in in = { .kind = TLSM_IN_ASK_CERTIFICATE };
    struct tlsm_out out = { .state_capacity = 0 };
    must(take_step(own, &in, &out) == TLSM_OK, "a client cannot be asked");
    speak(own, scene);
    hear(peer, own, scene, NULL);
    speak(peer, scene);
    hear(own, peer, scene, scene);
}

static void record_handshake(struct scene *scene)
{
    static struct party own, peer;
    const struct tlsm_config peer_config = { &scene->peer, scene->config.crypto, NULL };
    struct tlsm_entropy peer_entropy;
    memset(&peer_entropy, 0x51, sizeof peer_entropy);
    own.config = &scene->config;
    peer.config = &peer_config;
    begin(&own, &scene->entropy, scene);
    begin(&peer, &peer_entropy, scene);
    for (int turn = 0; turn < 4; turn++) {
        speak(&own, scene);
        hear(&peer, &own, scene, NULL);
        speak(&peer, scene);
        hear(&own, &peer, scene, scene);
    }
    must(tlsm_connected(&own.at.state) && tlsm_connected(&peer.at.state), "a handshake does not end");
    keep_keys(scene, &own.at.state);
    scene->records = scene->all;
    if (scene->flags & SCENE_LATE)
        record_late(scene, &own, &peer);
}

/* An earlier connection, whose session is kept; then the one that resumes it. */
static void record_resumption(struct scene *scene, struct tlsm_session *session)
{
    static uint8_t bytes[sizeof scenes / sizeof *scenes][SCENE_SESSION];
    static size_t used;
    record_handshake(scene);
    must(used < sizeof bytes / sizeof *bytes, "too many sessions");
    memcpy(bytes[used], kept_session, kept_length);
    must(tlsm_session_read((struct tlsm_bytes){ bytes[used++], kept_length }, session), "a session does not parse");
    scene->session = session;
    scene->now_ms += scene->later_ms;
    scene->records = scene->all = scene->script_length = 0;
    record_handshake(scene);
}

/* ------------------------------------------------------------------------------------------------ the roots */

/* By hand, what no peer of ours does: early data offered, and 2^48 key updates. */
static void touch(const struct scene *scene, struct node *node)
{
    struct tlsm_state *state = &node->at.state;
    if (scene->flags & SCENE_EXHAUSTED && tlsm_connected(state))
        state->ledger.write_updates = (UINT64_C(1) << 48) - 1;
    if (scene->flags & SCENE_EARLY && state->control.tx == TLSM_TX_HANDSHAKE && !(node->mark.watch & WATCH_EARLY)) {
        state->control.facts |= TLSM_FACT_EARLY_REJECTED;
        node->mark.watch |= WATCH_EARLY;
    }
}

static void add_root(struct scene *scene, struct node *node)
{
    struct node *root = &scene->root[scene->roots];
    must(scene->roots < SCENE_ROOTS, "too many roots");
    touch(scene, node);
    node_normalize(node);
    memset(root, 0, sizeof *root);
    node_copy(root, node);
    scene->roots++;
}

static void make_roots(size_t index)
{
    static struct node node, next;
    struct scene *scene = &scenes[index];
    struct operation_result result;
    memset(&node, 0, sizeof node);
    tlsm_init(&node.at.state);
    node.mark.scene = (uint8_t)index;
    add_root(scene, &node);
    for (int operation = OP_START; operation >= 0; operation = operation_usual(&node)) {
        const char *broken = operation_apply(&node, (unsigned)operation, &next, &result);
        must(broken == NULL, broken);
        must(result.applied && result.code < TLSM_MORE_INPUT, "the plain course is refused");
        node_copy(&node, &next);
        add_root(scene, &node);
    }
    if (scene->flags & SCENE_ELSEWHERE) {
        must(operation_apply(&node, scene->offload, &next, &result) == NULL && result.code == TLSM_OK, "it does not offload");
        node_copy(&node, &next);
        add_root(scene, &node);
    }
    must(tlsm_connected(&node.at.state), "the plain course does not connect");
    must(tlsm_resumed(&node.at.state) == ((scene->flags & SCENE_RESUMED) != 0), "the plain course does not resume");
}

void scenes_prepare(void)
{
    static struct tlsm_session sessions[sizeof scenes / sizeof *scenes];
    static int prepared;
    if (prepared)
        return;
    prepared = 1;
    for (size_t i = 0; i < scenes_count(); i++) {
        struct scene *scene = &scenes[i];
        preparing = scene->name;
        scene->config.settings = &scene->settings;
        scene->config.crypto = &tlsm_null_provider_never_released;
        memset(&scene->entropy, 0x17, sizeof scene->entropy);
        if (scene->flags & SCENE_RESUMED)
            record_resumption(scene, &sessions[i]);
        else
            record_handshake(scene);
        make_roots(i);
    }
}
