/* SPDX-License-Identifier: MIT */
/* What a server of TLS 1.2 refuses, and with which alert: ClientHello word by word, then the client's flight. */
#include "server12_fixture.h"

#include "handshake.h"

enum { FREE = TLSM_ALERT_NONE, EXTENSIONS = 12, MESSAGE_ROOM = 2048 };
#define BYTES(text) { (const uint8_t *)text, sizeof text - 1 }
#define NOTHING { NULL, 0 }

struct extension { uint16_t type; struct tlsm_bytes data; };

/* A ClientHello, as far as tests differ. */
struct hello {
    uint16_t version;
    struct tlsm_bytes session_id, suites, compression;
    struct extension extension[EXTENSIONS];
    size_t extensions;
    int bare;                       /* 1: no extension block */
    struct tlsm_bytes behind;       /* after the message's last field */
};

static struct hello good_hello(void)
{
    static const struct hello hello = {
        0x0303, NOTHING, BYTES("\xc0\x2b\xc0\x2f"), BYTES("\x00"),
        { { 10, BYTES("\x00\x04\x00\x1d\x00\x17") }, { 11, BYTES("\x01\x00") }, { 13, BYTES("\x00\x04\x04\x03\x08\x04") }, { 23, NOTHING }, { 35, NOTHING },
          { 65281, BYTES("\x00") } }, 6, 0, NOTHING
    };
    return hello;
}

static void put_vector(struct tlsm_writer *writer, unsigned length_bytes, struct tlsm_bytes bytes)
{
    tlsm_put_number(writer, (uint32_t)bytes.length, length_bytes);
    tlsm_put(writer, bytes);
}

static size_t write_hello(const struct hello *hello, uint8_t to[MESSAGE_ROOM])
{
    static const uint8_t random[32] = { 1, 2, 3 };
    struct tlsm_writer writer = { to, MESSAGE_ROOM, 0 };
    tlsm_put_number(&writer, TLSM_MSG_CLIENT_HELLO, 1);
    const size_t message = tlsm_open_vector(&writer, 3);
    tlsm_put_number(&writer, hello->version, 2);
    tlsm_put(&writer, tlsm_slice(random, sizeof random));
    put_vector(&writer, 1, hello->session_id);
    put_vector(&writer, 2, hello->suites);
    put_vector(&writer, 1, hello->compression);
    if (!hello->bare) {
        const size_t block = tlsm_open_vector(&writer, 2);
        for (size_t i = 0; i < hello->extensions; i++) {
            tlsm_put_number(&writer, hello->extension[i].type, 2);
            put_vector(&writer, 2, hello->extension[i].data);
        }
        tlsm_close_vector(&writer, block, 2);
    }
    tlsm_put(&writer, hello->behind);
    tlsm_close_vector(&writer, message, 3);
    return writer.length;
}

static void send_record(struct side *server, uint8_t type, const uint8_t *bytes, size_t length)
{
    const uint8_t header[] = { type, 3, 3, (uint8_t)(length >> 8), (uint8_t)length };
    side_inject(server, header, sizeof header);
    side_inject(server, bytes, length);
    (void)side_feed(server);
}

static void send_message(struct side *server, uint8_t type, struct tlsm_bytes body)
{
    uint8_t message[MESSAGE_ROOM] = { type, 0, (uint8_t)(body.length >> 8), (uint8_t)body.length };
    if (body.length > 0)
        memcpy(message + 4, body.data, body.length);
    send_record(server, TLSM_TYPE_HANDSHAKE, message, 4 + body.length);
}

/* A server that has read the hello. */
static void greet(struct world *world, const struct hello *hello)
{
    uint8_t message[MESSAGE_ROOM];
    start_server(world, NOW);
    send_record(&world->server, TLSM_TYPE_HANDSHAKE, message, write_hello(hello, message));
}

/* Alerts that were owed are made. */
static uint8_t alert_of(struct world *world)
{
    produce(world);
    return side_verdict(&world->server).alert_sent;
}

/* ------------------------------------------------------------------------------------------------ ClientHello */

/* One extension is other than in the good one. */
struct row {
    uint16_t type;
    int gone;
    struct tlsm_bytes data;
    uint8_t alert;
};

static void change(struct hello *hello, const struct row *row)
{
    size_t at = 0;
    while (at < hello->extensions && hello->extension[at].type != row->type)
        at++;
    if (row->gone) {
        for (hello->extensions--; at < hello->extensions; at++)
            hello->extension[at] = hello->extension[at + 1];
        return;
    }
    hello->extension[at].type = row->type;
    hello->extension[at].data = row->data;
    if (at == hello->extensions)
        hello->extensions++;
}

static void every_extension_is_looked_at(void **state)
{
    static const struct row rows[] = {
        { 10, 0, BYTES("\x00\x04\x00\x1d\x00\x17"), FREE },
        { 10, 0, BYTES("\x00\x02\x00\x1e"), TLSM_ALERT_HANDSHAKE_FAILURE },            /* X448 alone */
        { 10, 0, BYTES("\x00\x03\x00\x1d\x00"), TLSM_ALERT_DECODE_ERROR },
        { 10, 0, BYTES("\x00\x00"), TLSM_ALERT_DECODE_ERROR },
        { 10, 1, NOTHING, FREE },
        { 11, 0, BYTES("\x01\x01"), TLSM_ALERT_ILLEGAL_PARAMETER },                     /* RFC 8422 §5.1.2 */
        { 11, 0, BYTES("\x02\x01\x00"), FREE },
        { 11, 0, BYTES("\x00"), TLSM_ALERT_DECODE_ERROR },
        { 11, 0, NOTHING, TLSM_ALERT_DECODE_ERROR },
        { 11, 1, NOTHING, FREE },
        { 13, 0, BYTES("\x00\x02\x02\x01"), TLSM_ALERT_HANDSHAKE_FAILURE },               /* SHA-1 alone */
        { 13, 0, BYTES("\x00\x02\x08\x07"), FREE },                                       /* Ed25519, in a suite of ECDSA */
        { 13, 0, BYTES("\x00\x01\x08"), TLSM_ALERT_DECODE_ERROR },
        { 13, 1, NOTHING, TLSM_ALERT_HANDSHAKE_FAILURE },                         /* RFC 5246 §7.4.1.4.1: means SHA-1 */
        { 23, 0, BYTES("\x00"), TLSM_ALERT_DECODE_ERROR },
        { 23, 1, NOTHING, TLSM_ALERT_HANDSHAKE_FAILURE },                         /* RFC 7627 */
        { 35, 0, BYTES("\x01\x02\x03"), FREE },                                          /* a ticket that nobody knows */
        { 35, 1, NOTHING, FREE },
        { 65281, 0, BYTES("\x01\xaa"), TLSM_ALERT_HANDSHAKE_FAILURE },               /* RFC 5746 §3.6 */
        { 65281, 0, BYTES("\x02\xaa"), TLSM_ALERT_DECODE_ERROR },
        { 65281, 0, NOTHING, TLSM_ALERT_DECODE_ERROR },
        { 65281, 1, NOTHING, FREE },
        { 43, 0, BYTES("\x02\x03\x03"), FREE },
        { 43, 0, BYTES("\x04\x03\x04\x03\x03"), FREE },
        { 43, 0, BYTES("\x02\x03\x04"), TLSM_ALERT_PROTOCOL_VERSION },
        { 43, 0, BYTES("\x02\x03\x02"), TLSM_ALERT_PROTOCOL_VERSION },
        { 43, 0, BYTES("\x03\x03\x03\x03"), TLSM_ALERT_DECODE_ERROR },
        { 48, 0, NOTHING, TLSM_ALERT_ILLEGAL_PARAMETER },                         /* oid_filters stands in no ClientHello */
        { 51, 0, BYTES("\x09\x09"), FREE },                                             /* key_share means nothing here */
        { 41, 0, BYTES("\x09"), FREE },
        { 0x1234, 0, BYTES("\x09"), FREE },
        { 0, 0, BYTES("\x00\x00"), TLSM_ALERT_DECODE_ERROR },                           /* an empty list of names */
        { 16, 0, BYTES("\x00\x01\x00"), TLSM_ALERT_DECODE_ERROR },
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = world_new();
        struct hello hello = good_hello();
        change(&hello, &rows[i]);
        greet(world, &hello);
        assert_int_equal(alert_of(world), rows[i].alert);
        assert_int_equal(server_state(world)->control.phase == TLSM_PHASE_S12_WAIT_EXCHANGE, rows[i].alert == FREE);
        world_free(world);
    }
}

static void the_fixed_part_is_looked_at(void **state)
{
    static const struct {
        uint16_t version;
        struct tlsm_bytes suites, compression, behind;
        uint8_t both, bare, alert;
    } rows[] = {
        { 0x0303, BYTES("\xc0\x2b"), BYTES("\x00"), NOTHING, 0, 0, FREE },
        { 0x0304, BYTES("\xc0\x2b"), BYTES("\x00"), NOTHING, 0, 0, FREE },             /* RFC 5246 §E.1: we answer with ours */
        { 0x0302, BYTES("\xc0\x2b"), BYTES("\x00"), NOTHING, 0, 0, TLSM_ALERT_PROTOCOL_VERSION },
        { 0x0300, BYTES("\xc0\x2b"), BYTES("\x00"), NOTHING, 0, 0, TLSM_ALERT_PROTOCOL_VERSION },
        { 0x0302, BYTES("\xc0\x2b\x56\x00"), BYTES("\x00"), NOTHING, 1, 0, TLSM_ALERT_PROTOCOL_VERSION },
        { 0x0303, BYTES("\xc0\x2b\x56\x00"), BYTES("\x00"), NOTHING, 1, 0, TLSM_ALERT_INAPPROPRIATE_FALLBACK },
        { 0x0303, BYTES("\xc0\x2b\x56\x00"), BYTES("\x00"), NOTHING, 0, 0, FREE },
        { 0x0303, BYTES("\xc0\x2b"), BYTES("\x01"), NOTHING, 0, 0, TLSM_ALERT_ILLEGAL_PARAMETER },
        { 0x0303, BYTES("\xc0\x2b"), BYTES("\x01\x00"), NOTHING, 0, 0, FREE },
        { 0x0303, BYTES("\xc0\x2b"), NOTHING, NOTHING, 0, 0, TLSM_ALERT_DECODE_ERROR },
        { 0x0303, BYTES("\xc0\x2b\x00"), BYTES("\x00"), NOTHING, 0, 0, TLSM_ALERT_DECODE_ERROR },
        { 0x0303, NOTHING, BYTES("\x00"), NOTHING, 0, 0, TLSM_ALERT_DECODE_ERROR },
        { 0x0303, BYTES("\x13\x01"), BYTES("\x00"), NOTHING, 0, 0, TLSM_ALERT_HANDSHAKE_FAILURE },
        { 0x0303, BYTES("\x00\x9c\xc0\x23"), BYTES("\x00"), NOTHING, 0, 0, TLSM_ALERT_HANDSHAKE_FAILURE },   /* RSA; CBC */
        { 0x0303, BYTES("\xc0\x2b"), BYTES("\x00"), BYTES("\x00"), 0, 0, TLSM_ALERT_DECODE_ERROR },
        { 0x0303, BYTES("\xc0\x2b"), BYTES("\x00"), NOTHING, 0, 1, TLSM_ALERT_HANDSHAKE_FAILURE },
        { 0x0302, BYTES("\xc0\x2b"), BYTES("\x00"), NOTHING, 0, 1, TLSM_ALERT_PROTOCOL_VERSION },
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = world_new();
        struct hello hello = good_hello();
        world->server.settings.version_max = rows[i].both ? TLSM_1_3 : TLSM_1_2;
        hello.version = rows[i].version;
        hello.suites = rows[i].suites;
        hello.compression = rows[i].compression;
        hello.behind = rows[i].behind;
        hello.bare = rows[i].bare;
        greet(world, &hello);
        assert_int_equal(alert_of(world), rows[i].alert);
        world_free(world);
    }
}

static void an_extension_comes_once(void **state)
{
    struct world *world = world_new();
    struct hello hello = good_hello();
    TLSM_UNUSED(state);
    hello.extension[hello.extensions++] = hello.extension[3];
    greet(world, &hello);
    assert_int_equal(alert_of(world), TLSM_ALERT_ILLEGAL_PARAMETER);
    world_free(world);
}

/* Suite and scheme must go together. */
static void a_suite_without_a_scheme_is_none(void **state)
{
    static const struct { struct tlsm_bytes suites, schemes; uint8_t alert; } rows[] = {
        { BYTES("\xc0\x2b"), BYTES("\x00\x02\x08\x04"), TLSM_ALERT_HANDSHAKE_FAILURE },
        { BYTES("\xc0\x2f"), BYTES("\x00\x04\x04\x03\x08\x07"), TLSM_ALERT_HANDSHAKE_FAILURE },
        { BYTES("\xc0\x2b"), BYTES("\x00\x04\x08\x04\x08\x07"), FREE },
        { BYTES("\xc0\x2f"), BYTES("\x00\x04\x08\x07\x04\x01"), FREE },
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int asked = 0; asked <= 1; asked++) {
            struct world *world = world_new();
            struct hello hello = good_hello();
            if (asked && rows[i].alert != FREE)
                world->chosen = RSA_KEY;
            world->server.settings.ask = asked ? TLSM_ASK_CREDENTIAL_BIT : 0;
            hello.suites = rows[i].suites;
            hello.extension[2].data = rows[i].schemes;
            if (asked && rows[i].alert != FREE && i == 1)
                world->chosen = P256_KEY;
            greet(world, &hello);
            assert_int_equal(alert_of(world), rows[i].alert);
            world_free(world);
        }
}

/* A client that names no groups has P-256. */
static void without_groups_it_is_p256(void **state)
{
    static const uint16_t ours[] = { TLSM_X25519, TLSM_SECP256R1 };
    static const struct row gone = { 10, 1, NOTHING, 0 };
    TLSM_UNUSED(state);
    for (size_t count = 1; count <= 2; count++) {
        struct world *world = world_new();
        struct hello hello = good_hello();
        world->server.settings.groups = ours;
        world->server.settings.group_count = count;
        change(&hello, &gone);
        greet(world, &hello);
        assert_int_equal(alert_of(world), count == 1 ? TLSM_ALERT_HANDSHAKE_FAILURE : FREE);
        if (count == 2)
            assert_int_equal(server_state(world)->group, TLSM_SECP256R1);
        world_free(world);
    }
}

/* The extensions of our ServerHello, a bit each of those that we answer. */
static unsigned answered(struct world *world)
{
    static const uint16_t known[] = { 0, 5, 11, 16, 23, 35, 65281 };
    struct tlsm_reader reader;
    struct tlsm_bytes data, block;
    unsigned found = 0;
    assert_code(side_do(&world->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    reader = tlsm_reader(tlsm_slice(world->server.wire + 9, world->server.wire_have - 9));
    (void)tlsm_take(&reader, 34);
    (void)tlsm_take_vector(&reader, 1);
    (void)tlsm_take(&reader, 3);
    if (reader.left == 0)
        return 0x80;
    block = tlsm_take_vector(&reader, 2);
    assert_int_equal(reader.bad, 0);
    assert_int_equal(reader.left, 0);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        found |= tlsm_find_extension(block, known[i], &data) ? 1u << i : 0;
    return found;
}

static void only_what_was_asked_is_answered(void **state)
{
    static const struct tlsm_ticket_key key = { { 1 }, { 2 } };
    static const uint16_t types[] = { 11, 23, 35, 65281 };
    static const unsigned bits[] = { 4, 16, 32, 64 };
    TLSM_UNUSED(state);
    for (unsigned without = 0; without < 16; without++) {
        struct world *world = world_new();
        struct hello hello = good_hello();
        unsigned expected = 4 | 16 | 32 | 64;
        world->server.settings.insecure_master_secret = 1;
        world->server.settings.ticket_keys = &key;
        world->server.settings.ticket_key_count = 1;
        world->server.settings.tickets = 1;
        for (size_t i = 0; i < 4; i++)
            if (without >> i & 1) {
                const struct row gone = { types[i], 1, NOTHING, 0 };
                change(&hello, &gone);
                expected &= ~bits[i];
            }
        greet(world, &hello);
        assert_int_equal(answered(world), expected != 0 ? expected : 0x80);
        world_free(world);
    }
}

/* RFC 5746 §3.6: the suite says the same as the extension. */
static void a_suite_may_stand_for_renegotiation_info(void **state)
{
    static const struct tlsm_bytes suites = BYTES("\xc0\x2b\x00\xff");
    static const struct row gone = { 65281, 1, NOTHING, 0 };
    struct world *world = world_new();
    struct hello hello = good_hello();
    TLSM_UNUSED(state);
    change(&hello, &gone);
    hello.suites = suites;
    greet(world, &hello);
    assert_int_equal(answered(world) & 64, 64);
    world_free(world);
}

/* RFC 6066 §3: where the name guided the choice. */
static void a_name_is_acknowledged_where_it_counted(void **state)
{
    static const struct tlsm_bytes name[] = { BYTES("a.example") };
    static const struct extension named = { 0, BYTES("\x00\x0c\x00\x00\x09\x61.example") };
    TLSM_UNUSED(state);
    for (int fits = 0; fits <= 1; fits++) {
        struct world *world = world_new();
        struct hello hello = good_hello();
        struct tlsm_credential credential = credentials[P256_KEY];
        credential.names = name;
        credential.name_count = (size_t)fits;
        world->server.settings.credentials = &credential;
        world->server.settings.credential_count = 1;
        hello.extension[hello.extensions++] = named;
        greet(world, &hello);
        assert_int_equal(answered(world) & 1, fits);
        world_free(world);
    }
}

/* A session goes with its suite, which the client has to offer (RFC 5246 §7.4.1.2). */
static void a_session_needs_its_suite_in_the_offer(void **state)
{
    static const struct tlsm_ticket_key key = { { 1 }, { 2 } };
    TLSM_UNUSED(state);
    for (int offered = 0; offered <= 1; offered++) {
        static const struct tlsm_bytes with = BYTES("\xc0\x2f\xc0\x2b"), without = BYTES("\xc0\x2f");
        struct world *world = world_new();
        struct hello hello = good_hello();
        uint8_t ticket[TLSM_TICKET_MAX];
        world->server.settings.ticket_keys = &key;
        world->server.settings.ticket_key_count = world->server.settings.tickets = 1;
        assert_int_equal(SSL_CTX_set_cipher_list(world->context, "ECDHE-ECDSA-AES128-GCM-SHA256"), 1);
        connect_now(world, NULL, NOW);
        check_connected(world);
        memcpy(ticket, world->issued.ticket.data, world->issued.ticket.length);
        hello.extension[4].data = tlsm_slice(ticket, world->issued.ticket.length);
        hello.suites = offered ? with : without;
        greet(world, &hello);
        assert_int_equal(alert_of(world), FREE);
        assert_int_equal(tlsm_resumed(server_state(world)), offered);
        world_free(world);
    }
}

/* ------------------------------------------------------------------------------------------------ the client's flight */

static const uint8_t ccs[] = { 1 };

/* A server that waits for ClientKeyExchange, its group P-256 or X25519. */
static struct world *greeted(const uint16_t *group, uint8_t client_auth)
{
    struct world *world = world_new();
    struct hello hello = good_hello();
    world->server.settings.groups = group;
    world->server.settings.group_count = 1;
    world->server.settings.client_auth = client_auth;
    greet(world, &hello);
    assert_int_equal(alert_of(world), FREE);
    return world;
}

static const uint16_t x25519[] = { TLSM_X25519 }, p256[] = { TLSM_SECP256R1 };
static const uint8_t zeros[66] = { 32 };

static void a_wrong_share_is_refused(void **state)
{
    static const uint8_t off_curve[66] = { 65, 4, 1 }, infinity[] = { 1, 0 }, compressed[34] = { 33, 2, 1 };
    static const struct { const uint16_t *group; struct tlsm_bytes body; uint8_t alert; } rows[] = {
        { x25519, { zeros, 33 }, TLSM_ALERT_ILLEGAL_PARAMETER },
        { x25519, { zeros, 32 }, TLSM_ALERT_DECODE_ERROR },
        { x25519, { zeros, 34 }, TLSM_ALERT_DECODE_ERROR },
        { x25519, NOTHING, TLSM_ALERT_DECODE_ERROR },
        { x25519, BYTES("\x00"), TLSM_ALERT_DECODE_ERROR },
        { x25519, BYTES("\x02\x07\x07"), TLSM_ALERT_ILLEGAL_PARAMETER },
        { p256, { off_curve, 66 }, TLSM_ALERT_ILLEGAL_PARAMETER },
        { p256, { infinity, 2 }, TLSM_ALERT_ILLEGAL_PARAMETER },
        { p256, { compressed, 34 }, TLSM_ALERT_ILLEGAL_PARAMETER },
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = greeted(rows[i].group, TLSM_CLIENT_AUTH_NONE);
        send_message(&world->server, TLSM_MSG_CLIENT_KEY_EXCHANGE, rows[i].body);
        assert_int_equal(alert_of(world), rows[i].alert);
        world_free(world);
    }
}

/* Order is one table; these are the shortcuts somebody might try. */
static void nothing_comes_out_of_turn(void **state)
{
    static const uint8_t good_share[] = { 32, 9 };   /* X25519's base point: a point like any other */
    static const uint8_t certificate[] = { 0, 0, 0 };
    uint8_t share[33] = { 0 };
    TLSM_UNUSED(state);
    memcpy(share, good_share, sizeof good_share);
    for (int way = 0; way < 9; way++) {
        struct world *world = greeted(x25519, way >= 7 ? TLSM_CLIENT_AUTH_REQUEST : TLSM_CLIENT_AUTH_NONE);
        struct side *server = &world->server;
        switch (way) {
        case 0: send_record(server, TLSM_TYPE_CCS, ccs, 1); break;                     /* keys from nothing */
        case 1: send_message(server, TLSM_MSG_FINISHED, tlsm_slice(zeros, 12)); break;
        case 2: send_message(server, TLSM_MSG_CERTIFICATE, tlsm_slice(certificate, 3)); break;   /* nobody asked */
        case 3: send_message(server, TLSM_MSG_CLIENT_HELLO, tlsm_slice(zeros, 40)); break;
        case 4: send_record(server, TLSM_TYPE_DATA, zeros, 32); break;
        case 5:   /* no proof was asked for */
            send_message(server, TLSM_MSG_CLIENT_KEY_EXCHANGE, tlsm_slice(share, 33));
            send_message(server, TLSM_MSG_CERTIFICATE_VERIFY, tlsm_slice(zeros, 10));
            break;
        case 6:   /* Finished in the clear */
            send_message(server, TLSM_MSG_CLIENT_KEY_EXCHANGE, tlsm_slice(share, 33));
            send_message(server, TLSM_MSG_FINISHED, tlsm_slice(zeros, 12));
            break;
        case 7: send_message(server, TLSM_MSG_CLIENT_KEY_EXCHANGE, tlsm_slice(share, 33)); break;   /* Certificate is missing */
        case 8:   /* none was shown */
            send_message(server, TLSM_MSG_CERTIFICATE, tlsm_slice(certificate, 3));
            send_message(server, TLSM_MSG_CLIENT_KEY_EXCHANGE, tlsm_slice(share, 33));
            send_message(server, TLSM_MSG_CERTIFICATE_VERIFY, tlsm_slice(zeros, 10));
            break;
        }
        assert_int_equal(alert_of(world), TLSM_ALERT_UNEXPECTED_MESSAGE);
        world_free(world);
    }
}

/* RFC 5246 §7.1. */
static void change_cipher_spec_is_one_byte_between_messages(void **state)
{
    static const uint8_t two[] = { 1, 1 }, other[] = { 2 };
    static const uint8_t piece[] = { TLSM_MSG_CLIENT_KEY_EXCHANGE, 0, 0 };
    uint8_t share[33] = { 32, 9 };
    TLSM_UNUSED(state);
    for (int way = 0; way < 4; way++) {
        struct world *world = greeted(x25519, TLSM_CLIENT_AUTH_NONE);
        struct side *server = &world->server;
        send_message(server, TLSM_MSG_CLIENT_KEY_EXCHANGE, tlsm_slice(share, 33));
        assert_int_equal(server_state(world)->control.phase, TLSM_PHASE_S12_WAIT_CCS);
        switch (way) {
        case 0: send_record(server, TLSM_TYPE_CCS, two, 2); break;
        case 1: send_record(server, TLSM_TYPE_CCS, other, 1); break;
        case 2:
            send_record(server, TLSM_TYPE_HANDSHAKE, piece, sizeof piece);
            send_record(server, TLSM_TYPE_CCS, ccs, 1);
            break;
        case 3:
            send_record(server, TLSM_TYPE_CCS, ccs, 1);
            assert_int_equal(server_state(world)->control.read_epoch, TLSM_EPOCH_DATA);
            send_record(server, TLSM_TYPE_CCS, ccs, 1);
            break;
        }
        assert_int_equal(alert_of(world), TLSM_ALERT_UNEXPECTED_MESSAGE);
        world_free(world);
    }
}

/* Only schemes that were asked for, and under which a digest can be verified. */
static void a_scheme_nobody_asked_for_is_refused(void **state)
{
    static const uint16_t ours[] = { TLSM_ECDSA_SECP256R1_SHA256, TLSM_ED25519, TLSM_RSA_PSS_RSAE_SHA512 };
    static const struct { struct tlsm_bytes body; uint8_t alert; } rows[] = {
        { BYTES("\x04\x03\x00\x01\x01"), FREE },
        { BYTES("\x08\x07\x00\x01\x01"), TLSM_ALERT_ILLEGAL_PARAMETER },
        { BYTES("\x08\x06\x00\x01\x01"), TLSM_ALERT_ILLEGAL_PARAMETER },
        { BYTES("\x04\x01\x00\x01\x01"), TLSM_ALERT_ILLEGAL_PARAMETER },
        { BYTES("\x02\x01\x00\x01\x01"), TLSM_ALERT_ILLEGAL_PARAMETER },
        { BYTES("\x04\x03\x00\x02\x01"), TLSM_ALERT_DECODE_ERROR },
        { BYTES("\x04\x03\x00\x01\x01\x00"), TLSM_ALERT_DECODE_ERROR },
    };
    static const struct tlsm_bytes certificate = BYTES("\x00\x00\x05\x00\x00\x02\x30\x00");
    uint8_t share[33] = { 32, 9 };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = world_new();
        struct hello hello = good_hello();
        world->server.settings.groups = x25519;
        world->server.settings.group_count = 1;
        world->server.settings.schemes = ours;
        world->server.settings.scheme_count = 3;
        world->server.settings.client_auth = TLSM_CLIENT_AUTH_REQUEST;
        greet(world, &hello);
        assert_int_equal(alert_of(world), FREE);
        send_message(&world->server, TLSM_MSG_CERTIFICATE, certificate);
        send_message(&world->server, TLSM_MSG_CLIENT_KEY_EXCHANGE, tlsm_slice(share, 33));
        send_message(&world->server, TLSM_MSG_CERTIFICATE_VERIFY, rows[i].body);
        assert_int_equal(alert_of(world), rows[i].alert);
        world_free(world);
    }
}

static void a_malformed_list_of_certificates_is_refused(void **state)
{
    static const struct tlsm_bytes rows[] = {
        NOTHING, BYTES("\x00\x00"), BYTES("\x00\x00\x01"), BYTES("\x00\x00\x03\x00\x00\x00"), BYTES("\x00\x00\x04\x00\x00\x02\x30"),
        BYTES("\x00\x00\x05\x00\x00\x02\x30\x00\x00"), BYTES("\x00\x00\x06\x00\x00\x02\x30\x00\x00"),
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = greeted(x25519, TLSM_CLIENT_AUTH_REQUEST);
        send_message(&world->server, TLSM_MSG_CERTIFICATE, rows[i]);
        assert_int_equal(alert_of(world), TLSM_ALERT_DECODE_ERROR);
        world_free(world);
    }
}

static void a_finished_that_cannot_be_opened_is_refused(void **state)
{
    struct world *world = greeted(x25519, TLSM_CLIENT_AUTH_NONE);
    uint8_t share[33] = { 32, 9 };
    TLSM_UNUSED(state);
    send_message(&world->server, TLSM_MSG_CLIENT_KEY_EXCHANGE, tlsm_slice(share, 33));
    send_record(&world->server, TLSM_TYPE_CCS, ccs, 1);
    send_record(&world->server, TLSM_TYPE_HANDSHAKE, zeros, 40);
    assert_int_equal(alert_of(world), TLSM_ALERT_BAD_RECORD_MAC);
    assert_int_equal(tlsm_connected(server_state(world)), 0);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_extension_is_looked_at),
        cmocka_unit_test(the_fixed_part_is_looked_at),
        cmocka_unit_test(an_extension_comes_once),
        cmocka_unit_test(a_suite_without_a_scheme_is_none),
        cmocka_unit_test(without_groups_it_is_p256),
        cmocka_unit_test(only_what_was_asked_is_answered),
        cmocka_unit_test(a_suite_may_stand_for_renegotiation_info),
        cmocka_unit_test(a_name_is_acknowledged_where_it_counted),
        cmocka_unit_test(a_session_needs_its_suite_in_the_offer),
        cmocka_unit_test(a_scheme_nobody_asked_for_is_refused),
        cmocka_unit_test(a_malformed_list_of_certificates_is_refused),
        cmocka_unit_test(a_wrong_share_is_refused),
        cmocka_unit_test(nothing_comes_out_of_turn),
        cmocka_unit_test(change_cipher_spec_is_one_byte_between_messages),
        cmocka_unit_test(a_finished_that_cannot_be_opened_is_refused),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
