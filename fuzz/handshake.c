/* SPDX-License-Identifier: MIT */
/* A whole connection with real cryptography, whose one end lies in its handshake, and authenticates what it says (mutator.h).
 * Byte 0 says how they are: bit 0 the client lies (else the server), 1 TLS 1.2, 2 a HelloRetryRequest (1.3), 3 the server asks for a
 * certificate, 4 a session is resumed, 5 ALPN and record_size_limit, 6 a stapled answer is asked for, 7 the client may be asked later.
 * Byte 1: pieces of so many bytes reach the honest end. Then mutations of five bytes each: message, how (and bit 7: from the end),
 * two bytes where, with what. Entropy is constant and signatures are the null provider's: nothing here is random. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutator.h"
#include "null_provider.h"
#include "statecov.h"
#include "tlsm_libcrypto.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CLIENT, SERVER, ENDS, OUT = 20000, PLAIN = 17000, TURNS = 12, SESSION = 512, MUTATION_BYTES = 5 };
enum { CLIENT_LIES = 1, OLDER = 2, RETRIES = 4, ASKS = 8, RESUMES = 16, EXTENDS = 32, STAPLES = 64, LATER = 128 };
#define NOW UINT64_C(1800000000000)

struct end {
    struct tlsm_settings settings;
    struct tlsm_config config;
    union {
        struct tlsm_state state;
        uint8_t block[TLSM_HANDSHAKE_ROOM];
    } at;
    uint8_t out[OUT];            /* produced, not read by the other */
    size_t out_length;
    uint64_t heard;
    int heard_end;
};

static struct end ends[ENDS];
static struct mutator mutator;
static struct tlsm_libcrypto *instance;
static uint8_t kept[2][SESSION];         /* sessions of either version */
static size_t kept_length[2];

static void must(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* ------------------------------------------------------------------------------------------------ settings */

static const uint8_t certificate[] = { 0x30, 3, 1, 2, 3 };
static const struct tlsm_bytes chain[] = { { certificate, sizeof certificate } };
static const uint16_t schemes[] = { TLSM_ECDSA_SECP256R1_SHA256 };
static const struct tlsm_credential credential = { chain, 1, schemes, 1, NULL, 0, { (const uint8_t *)"good", 4 } };
static const struct tlsm_ticket_key ticket_key = { { 'k', 'e', 'y' }, { 1, 2, 3 } };
static const struct tlsm_bytes protocols[] = { { (const uint8_t *)"h2", 2 }, { (const uint8_t *)"http/1.1", 8 } };
static const uint16_t only_p256[] = { TLSM_SECP256R1 };

static void settle(struct end *end, int which, unsigned how)
{
    struct tlsm_settings *settings = &end->settings;
    memset(settings, 0, sizeof *settings);
    settings->role = which == CLIENT ? TLSM_CLIENT : TLSM_SERVER;
    settings->version_min = settings->version_max = how & OLDER ? TLSM_1_2 : TLSM_1_3;
    if (which == SERVER || how & (ASKS | LATER)) {
        settings->credentials = &credential;
        settings->credential_count = 1;
    }
    if (which == SERVER) {
        settings->ticket_keys = &ticket_key;
        settings->ticket_key_count = settings->tickets = 1;
        settings->client_auth = how & ASKS ? TLSM_CLIENT_AUTH_REQUEST : TLSM_CLIENT_AUTH_NONE;
        settings->groups = how & RETRIES ? only_p256 : NULL;
        settings->group_count = how & RETRIES ? 1 : 0;
    }
    if (how & EXTENDS) {
        settings->alpn = protocols;
        settings->alpn_count = 2;
        settings->record_size_limit = 512;
    }
    settings->ask_staple = how & STAPLES && which == CLIENT;
    settings->late_auth = (how & LATER) != 0;
}

static void begin_end(int which, unsigned how, int lies)
{
    struct end *end = &ends[which];
    settle(end, which, how);
    end->config = (struct tlsm_config){ &end->settings, &tlsm_libcrypto_table, instance };
    if (lies) {
        mutator.crypto = &tlsm_libcrypto_table;
        mutator.self = instance;
        mutator.messages = 0;
        mutator.hello_length = 0;
        end->config.crypto = &mutator_table;
        end->config.self = &mutator;
    }
    tlsm_init(&end->at.state);
    end->out_length = 0;
    end->heard = 0;
    end->heard_end = 0;
}

/* ------------------------------------------------------------------------------------------------ steps */

static enum tlsm_code take_step(int which, const struct tlsm_in *in, struct tlsm_out *out)
{
    struct end *end = &ends[which];
    enum tlsm_code code;
    out->wire = (struct tlsm_span){ end->out + end->out_length, sizeof end->out - end->out_length };
    out->state_capacity = sizeof end->at;
    if (end->config.self == &mutator)
        mutator_step(&mutator, out->wire);
    code = tlsm_step(&end->config, &end->at.state, in, &end->at.state, out);
    must(tlsm_invariant(&end->at.state) == 0, "an invariant");
    for (unsigned i = 0; i < out->cells; i++)
        statecov_hit(statecov_of_cell(out->cell[i], code));
    if (out->wire_length > 0 && end->config.self == &mutator && which == CLIENT && end->out[end->out_length] == 22 &&
        end->out[end->out_length + TLSM_HEADER] == 1)
        mutator_hello(&mutator, end->out + end->out_length, out->wire_length);
    end->out_length += out->wire_length;
    return code;
}

static void start(int which, const struct tlsm_session *session)
{
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .now_ms = NOW, .session = session,
                                .server_name = { (const uint8_t *)"test.example", which == CLIENT ? 12 : 0 } };
    struct tlsm_out out = { .state_capacity = 0 };
    memset(&entropy, 0x17 + which, sizeof entropy);
    must(take_step(which, &in, &out) == TLSM_OK, "a machine does not start");
}

static void oblige(int which)
{
    struct end *end = &ends[which];
    unsigned needs;
    while ((needs = tlsm_needs(&end->at.state)) & (TLSM_NEED_ANSWER | TLSM_NEED_PRODUCE | TLSM_NEED_SEND)) {
        uint8_t signature[TLSM_NULL_SIGNATURE];
        struct tlsm_answer answer;
        struct tlsm_in in = { .kind = TLSM_IN_PRODUCE, .answer = &answer };
        struct tlsm_out out = { .state_capacity = 0 };
        if (needs & TLSM_NEED_ANSWER) {
            (void)tlsm_null_answer_open(&end->config, &end->at.state, &answer, signature);
            in.kind = TLSM_IN_ANSWER;
        } else if (!(needs & TLSM_NEED_PRODUCE)) {
            in.kind = TLSM_IN_SENT;
            in.count = (size_t)tlsm_outstanding(&end->at.state);
        } else if (sizeof end->out - end->out_length < TLSM_RECORD_MAX / 4)
            return;
        must(take_step(which, &in, &out) < TLSM_MORE_INPUT, "I13: what is needed is refused");
    }
}

static void keep_session(int which, const struct tlsm_out *out)
{
    const struct tlsm_bytes plain = { out->plain.data, out->plain_length };
    const int older = ends[which].at.state.control.version == TLSM_1_2;
    struct tlsm_session session;
    size_t offset = 0;
    while (out->news & TLSM_NEWS_TICKET && tlsm_ticket_next(&ends[which].config, &ends[which].at.state, plain, &offset, &session))
        if (kept_length[older] == 0) {
            kept_length[older] = tlsm_session_write(&session, (struct tlsm_span){ kept[older], SESSION });
            must(kept_length[older] <= SESSION, "a session is too long");
        }
}

/* Whatever the handshake was: data is what the other wrote, and its end is its end. */
static void hear(int which, const struct tlsm_out *out)
{
    static const uint8_t zeros[PLAIN];
    struct end *end = &ends[which];
    if (out->news & TLSM_NEWS_DATA) {
        must(memcmp(out->plain.data, zeros, out->plain_length) == 0, "I2: not what was said is heard");
        end->heard += out->plain_length;
    }
    if (out->news & TLSM_NEWS_PEER_CLOSED) {
        must((ends[1 - which].at.state.control.facts & TLSM_FACT_CLOSE_MADE) != 0, "I1: an end that nobody said");
        must(end->heard == ends[1 - which].at.state.ledger.plain_out, "I1: an end before all was heard");
        end->heard_end = 1;
    }
}

/* What the other produced, in pieces. */
static void carry(int which, size_t piece)
{
    static uint8_t plain[PLAIN];
    struct end *from = &ends[1 - which];
    size_t at = 0, there = 0;
    while (at < from->out_length) {
        struct tlsm_in in = { .kind = TLSM_IN_WIRE };
        struct tlsm_out out = { .plain = { plain, sizeof plain } };
        enum tlsm_code code;
        if (tlsm_needs(&ends[which].at.state) & TLSM_NEED_ANSWER)
            oblige(which);
        in.bytes = (struct tlsm_bytes){ from->out + at, there - at };
        code = take_step(which, &in, &out);
        at += out.consumed;
        hear(which, &out);
        keep_session(which, &out);
        if (code < 0 || code >= TLSM_NOT_STARTED)
            break;
        if (code == TLSM_MORE_INPUT && there == from->out_length)
            break;
        if (code == TLSM_MORE_INPUT || at == there)
            there = from->out_length - there < piece ? from->out_length : there + piece;
    }
    from->out_length = 0;
}

static void talk(size_t piece)
{
    for (int turn = 0; turn < TURNS && (turn == 0 || ends[CLIENT].out_length + ends[SERVER].out_length > 0); turn++) {
        oblige(CLIENT);
        carry(SERVER, piece);
        oblige(SERVER);
        carry(CLIENT, piece);
        oblige(CLIENT);
    }
}

/* ------------------------------------------------------------------------------------------------ a connection */

static void check_agreed(void)
{
    const struct tlsm_bytes label = { (const uint8_t *)"EXPORTER-fuzz", 13 }, none = { NULL, 0 };
    uint8_t key[ENDS][32];
    if (!tlsm_connected(&ends[CLIENT].at.state) || !tlsm_connected(&ends[SERVER].at.state))
        return;
    for (int which = 0; which < ENDS; which++)
        if (tlsm_exporter(&ends[which].config, &ends[which].at.state, label, none, (struct tlsm_span){ key[which], 32 }) != 0)
            return;
    must(memcmp(key[CLIENT], key[SERVER], 32) == 0, "two ends are connected and share no secret");
    must(ends[CLIENT].at.state.suite == ends[SERVER].at.state.suite, "two ends are connected and do not agree");
}

static void write_and_close(int which)
{
    static const uint8_t zeros[700];
    struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { zeros, sizeof zeros } };
    struct tlsm_out out = { .state_capacity = 0 };
    (void)take_step(which, &in, &out);
    in = (struct tlsm_in){ .kind = which == SERVER && ends[which].settings.late_auth ? TLSM_IN_ASK_CERTIFICATE : TLSM_IN_KEY_UPDATE };
    (void)take_step(which, &in, &out);
}

static void close_half(int which)
{
    const struct tlsm_in in = { .kind = TLSM_IN_CLOSE };
    struct tlsm_out out = { .state_capacity = 0 };
    (void)take_step(which, &in, &out);
}

static void connect_ends(unsigned how, int lies, size_t piece)
{
    struct tlsm_session session;
    const int older = (how & OLDER) != 0;
    const int resumes = how & RESUMES && kept_length[older] > 0 &&
                        tlsm_session_read((struct tlsm_bytes){ kept[older], kept_length[older] }, &session);
    begin_end(CLIENT, how, lies && how & CLIENT_LIES);
    begin_end(SERVER, how, lies && !(how & CLIENT_LIES));
    start(CLIENT, resumes ? &session : NULL);
    start(SERVER, NULL);
    talk(piece);
    check_agreed();
    for (int which = 0; which < ENDS; which++)
        write_and_close(which);
    talk(piece);
    for (int which = 0; which < ENDS; which++)
        close_half(which);
    talk(piece);
}

static void check_end(int which)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(&ends[which].at.state, &verdict);
    if (verdict.how == TLSM_CLEAN_BOTH_VERDICT || verdict.how == TLSM_CLEAN_RECEIVED_VERDICT)
        must(ends[which].heard_end, "I1: clean, and no end was heard");
    tlsm_forget(&ends[which].config, &ends[which].at.state);
}

static void read_mutations(const uint8_t *data, size_t size)
{
    mutator.count = 0;
    for (; size >= MUTATION_BYTES && mutator.count < MUTATIONS; data += MUTATION_BYTES, size -= MUTATION_BYTES)
        mutator.mutation[mutator.count++] = (struct mutation){ .message = data[0] % 16, .how = data[1] & 127, .behind = data[1] >> 7,
                                                               .at = (uint16_t)(data[2] << 8 | data[3]), .with = data[4] };
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    instance = tlsm_libcrypto_new(NULL);
    must(instance != NULL, "no libcrypto");
    for (unsigned how = 0; how <= OLDER; how += OLDER) {   /* the sessions, and that all goes well where nobody lies */
        connect_ends(how, 0, OUT);
        must(ends[CLIENT].heard_end && ends[SERVER].heard_end, "an honest handshake fails");
        must(kept_length[how / OLDER] > 0, "no session came");
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    read_mutations(data + 2, size - 2);
    connect_ends(data[0], 1, data[1] != 0 ? data[1] : OUT);
    must(mutator.count > 0 || (ends[CLIENT].heard_end && ends[SERVER].heard_end), "an honest handshake fails");
    check_end(CLIENT);
    check_end(SERVER);
    tlsm_libcrypto_drop(instance);
    return 0;
}
