/* SPDX-License-Identifier: MIT */
/* J2: records that are opened and sealed elsewhere: going there, talking from there to a peer that knows nothing of it, and
 * how it ends there. */
#include "fixture.h"

#include <stdlib.h>

#include "null_provider.h"

enum { BOTH = TLSM_SIDE_READ | TLSM_SIDE_WRITE };

static enum tlsm_code offload_to(struct side *side, uint8_t sides, int fixed)
{
    const struct tlsm_in in = { .kind = TLSM_IN_OFFLOAD, .sides = sides, .fixed = (uint8_t)fixed };
    return side_step(side, &in);
}

static enum tlsm_code offload(struct side *side, uint8_t sides) { return offload_to(side, sides, 0); }

static enum tlsm_code give(struct side *side, uint8_t type, const void *content, size_t length)
{
    const struct tlsm_in in = { .kind = TLSM_IN_RECORD, .record_type = type, .bytes = { content, length } };
    return side_step(side, &in);
}

static enum tlsm_code give_failed(struct side *side, uint8_t alert)
{
    const struct tlsm_in in = { .kind = TLSM_IN_RECORD_FAILED, .alert = alert };
    return side_step(side, &in);
}

static enum tlsm_code give_end(struct side *side, size_t count, int unsure, int vouch)
{
    const struct tlsm_in in = { .kind = TLSM_IN_EOF, .count = count, .unsure = (uint8_t)unsure, .vouch = (uint8_t)vouch };
    return side_step(side, &in);
}

static struct pair *elsewhere(uint8_t sides)
{
    struct pair *pair = pair_connected();
    assert_code(offload(&pair->client, sides), TLSM_OK);
    return pair;
}

/* ------------------------------------------------------------------------------------------------ going there */

static void j2_only_an_established_connection_goes(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    assert_code(offload(&pair->client, BOTH), TLSM_NOT_STARTED);
    pair_start(pair);
    assert_code(offload(&pair->client, BOTH), TLSM_NOT_CONNECTED);
    (void)side_say(&pair->client, &pair->server);
    assert_code(offload(&pair->server, BOTH), TLSM_NOT_CONNECTED);
    pair_talk(pair);
    assert_code(offload(&pair->server, 0), TLSM_BAD_ARGUMENT);
    assert_code(offload(&pair->server, 4), TLSM_BAD_ARGUMENT);
    assert_code(offload(&pair->server, BOTH), TLSM_OK);
    assert_code(offload(&pair->server, BOTH), TLSM_ELSEWHERE);
    assert_code(offload(&pair->server, TLSM_SIDE_READ), TLSM_ELSEWHERE);
    assert_code(offload(&pair->server, TLSM_SIDE_WRITE), TLSM_ELSEWHERE);
    free(pair);
}

static void j2_a_header_that_is_begun_comes_first(void **unused)
{
    static const uint8_t type[1] = { 23 };
    struct pair *pair = pair_connected();
    (void)unused;
    side_inject(&pair->client, type, 1);
    (void)side_feed(&pair->client);
    assert_code(offload(&pair->client, BOTH), TLSM_FEED_FIRST);
    assert_code(offload(&pair->client, TLSM_SIDE_WRITE), TLSM_OK);
    free(pair);
}

static void j2_what_is_outstanding_is_sent_first(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    assert_code(side_write(&pair->client, "before"), TLSM_PRODUCED);
    assert_code(offload(&pair->client, TLSM_SIDE_WRITE), TLSM_SEND_FIRST);
    assert_code(offload(&pair->client, TLSM_SIDE_READ), TLSM_OK);
    (void)side_say(&pair->client, &pair->server);
    assert_code(offload(&pair->client, TLSM_SIDE_WRITE), TLSM_OK);
    assert_plain(&pair->server, "before");
    free(pair);
}

static void j2_a_half_that_is_over_stays(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->server, 0);
    (void)side_say(&pair->server, &pair->client);
    assert_code(offload(&pair->client, TLSM_SIDE_READ), TLSM_READ_ENDED);
    assert_code(offload(&pair->client, TLSM_SIDE_WRITE), TLSM_OK);
    assert_code(offload(&pair->server, TLSM_SIDE_WRITE), TLSM_WRITE_CLOSED);
    free(pair);
    pair = pair_connected();
    (void)side_do(&pair->client, TLSM_IN_SEND_FAILED);
    assert_code(offload(&pair->client, TLSM_SIDE_WRITE), TLSM_WRITE_FAILED);
    assert_code(side_eof(&pair->server, 0), TLSM_CUT);
    assert_code(offload(&pair->server, TLSM_SIDE_READ), TLSM_AFTER_EOF);
    free(pair);
}

/* The layer that writes already says only now, with the other side, that its keys stay. */
static void j2_an_owed_update_goes_before_keys_stay_of_a_layer_that_writes_already(void **unused)
{
    struct pair *pair = elsewhere(TLSM_SIDE_WRITE);
    (void)unused;
    assert_code(side_update(&pair->client, 0), TLSM_OK);
    assert_code(offload_to(&pair->client, TLSM_SIDE_READ, 1), TLSM_PRODUCE_FIRST);
    assert_int_equal(tlsm_invariant(&pair->client.block.state), 0);
    side_produce(&pair->client);
    assert_code(offload_to(&pair->client, TLSM_SIDE_READ, 1), TLSM_OK);
    free(pair);
    pair = pair_connected();   /* or it reads already, and said so then */
    assert_code(offload_to(&pair->client, TLSM_SIDE_READ, 1), TLSM_OK);
    assert_code(side_update(&pair->client, 0), TLSM_OK);
    assert_code(offload_to(&pair->client, TLSM_SIDE_WRITE, 0), TLSM_PRODUCE_FIRST);
    (void)side_say(&pair->client, &pair->server);
    assert_code(offload_to(&pair->client, TLSM_SIDE_WRITE, 0), TLSM_OK);
    free(pair);
}

static void j2_an_owed_update_goes_before_keys_that_stay(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    assert_code(side_update(&pair->client, 0), TLSM_OK);
    assert_code(offload_to(&pair->client, BOTH, 1), TLSM_PRODUCE_FIRST);
    assert_code(offload_to(&pair->client, TLSM_SIDE_READ, 1), TLSM_OK);
    (void)side_say(&pair->client, &pair->server);
    assert_code(offload_to(&pair->client, TLSM_SIDE_WRITE, 1), TLSM_OK);
    free(pair);
}

static void j2_wire_and_records_exclude_each_other(void **unused)
{
    struct pair *pair = pair_connected();
    static const uint8_t header[5] = { 23, 3, 3, 0, 20 };
    const struct tlsm_in wire = { .kind = TLSM_IN_WIRE, .bytes = { header, sizeof header } };
    (void)unused;
    assert_code(give(&pair->client, TLSM_TYPE_DATA, "a", 1), TLSM_NOT_ELSEWHERE);
    assert_code(give_failed(&pair->client, TLSM_ALERT_BAD_RECORD_MAC), TLSM_NOT_ELSEWHERE);
    assert_code(offload(&pair->client, TLSM_SIDE_WRITE), TLSM_OK);
    assert_code(give(&pair->client, TLSM_TYPE_DATA, "a", 1), TLSM_NOT_ELSEWHERE);
    assert_code(offload(&pair->client, TLSM_SIDE_READ), TLSM_OK);
    assert_code(side_step(&pair->client, &wire), TLSM_ELSEWHERE);
    assert_code(give(&pair->client, TLSM_TYPE_DATA, "a", 1), TLSM_DATA);
    assert_int_equal(tlsm_receive_hint(&pair->client.block.state), TLSM_PLAIN_MAX);
    free(pair);
}

static int holds(const struct side *side, const uint8_t *bytes, size_t length)
{
    const uint8_t *at = side->block.bytes;
    for (size_t i = 0; i + length <= tlsm_length(&side->block.state); i++)
        if (memcmp(at + i, bytes, length) == 0)
            return 1;
    return 0;
}

static void j2_the_state_forgets_the_keys(void **unused)
{
    struct pair *pair = pair_connected();
    const struct tlsm_key read = pair->client.block.state.read_key, write = pair->client.block.state.write_key;
    (void)unused;
    assert_true(holds(&pair->client, read.key, 16) && holds(&pair->client, write.iv, TLSM_IV));
    assert_code(offload(&pair->client, BOTH), TLSM_OK);
    assert_false(holds(&pair->client, read.key, 16) || holds(&pair->client, write.key, 16));
    assert_false(holds(&pair->client, read.iv, TLSM_IV) || holds(&pair->client, write.iv, TLSM_IV));
    assert_code(give(&pair->client, TLSM_TYPE_HANDSHAKE, "\30\0\0\1\1", 5), TLSM_KEYS_CHANGED);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_true(pair->client.block.state.read_key.id == 0 && pair->client.block.state.write_key.id == 0);
    free(pair);
}

/* ------------------------------------------------------------------------------------------------ a layer elsewhere */

/* Seals and opens with what tlsm_record_keys() gave, and takes new keys when it is told. */
struct layer {
    struct tlsm_key read, write;
};

static void take_keys(struct layer *layer, const struct side *side, unsigned sides)
{
    if (sides & TLSM_SIDE_READ)
        assert_int_equal(tlsm_record_keys(&side->config, &side->block.state, TLSM_SIDE_READ, &layer->read), 0);
    if (sides & TLSM_SIDE_WRITE)
        assert_int_equal(tlsm_record_keys(&side->config, &side->block.state, TLSM_SIDE_WRITE, &layer->write), 0);
}

static void put_record(struct layer *layer, uint8_t type, const uint8_t *content, size_t length, struct side *to)
{
    const size_t body = length + 1 + TLSM_TAG;
    uint8_t record[1024] = { 23, 3, 3, (uint8_t)(body >> 8), (uint8_t)body };
    assert_true(TLSM_HEADER + body <= sizeof record);
    assert_int_equal(tlsm_null_provider_never_released.seal(NULL, &layer->write, (struct tlsm_bytes){ record, 5 },
                                                            (struct tlsm_bytes){ content, length },
                                                            (struct tlsm_bytes){ &type, 1 }, record + 5), 0);
    layer->write.sequence++;
    side_inject(to, record, 5 + body);
}

/* The last step's record goes through the layer, whole, and new keys behind it. */
static void layer_sends(struct layer *layer, struct side *side, struct side *to)
{
    const size_t length = side->out.wire_length;
    const uint32_t news = side->out.news;
    const uint8_t type = side->out.record_type;
    assert_true(type != 0 && length == side->wire_have);
    put_record(layer, type, side->wire, length, to);
    (void)side_sent(side, length, NULL);
    if (news & TLSM_NEWS_WRITE_KEY)
        take_keys(layer, side, TLSM_SIDE_WRITE);
}

static void layer_says(struct layer *layer, struct side *side, struct side *to)
{
    while (side_needs(side) & TLSM_NEED_PRODUCE) {
        assert_true(side_do(side, TLSM_IN_PRODUCE) < TLSM_MORE_INPUT);
        layer_sends(layer, side, to);
    }
    (void)side_feed(to);
}

static enum tlsm_code layer_opens(struct layer *layer, struct side *side, const uint8_t *record, size_t body)
{
    uint8_t plain[1024];
    size_t length = body - TLSM_TAG - 1;
    enum tlsm_code code;
    assert_int_equal(tlsm_null_provider_never_released.open(NULL, &layer->read, (struct tlsm_bytes){ record, 5 },
                                                            (struct tlsm_bytes){ record + 5, body }, plain), 0);
    layer->read.sequence++;
    code = give(side, plain[length], plain, length);
    if (side->out.news & TLSM_NEWS_DATA) {
        memcpy(side->plain + side->plain_have, plain, side->out.plain_length);
        side->plain_have += side->out.plain_length;
    }
    side->tickets += (side->out.news & TLSM_NEWS_TICKET) != 0;
    if (side->out.news & TLSM_NEWS_KEYS_CHANGED)
        take_keys(layer, side, TLSM_SIDE_READ);
    return code;
}

static void layer_hears(struct layer *layer, struct side *from, struct side *side)
{
    size_t at = 0, length;
    side_produce(from);
    length = from->wire_have;
    while (at < length) {
        const uint8_t *record = from->wire + at;
        const size_t body = (size_t)record[3] << 8 | record[4];
        (void)layer_opens(layer, side, record, body);
        at += TLSM_HEADER + body;
    }
    (void)side_sent(from, length, NULL);
}

static void j2_talks_to_a_peer_that_knows_nothing_of_it(void **unused)
{
    struct pair *pair = pair_connected();
    struct side *client = &pair->client, *server = &pair->server;
    struct layer layer;
    (void)unused;
    assert_code(side_write(client, "here, "), TLSM_PRODUCED);   /* sequence numbers that are not 0 */
    (void)side_say(client, server);
    assert_code(side_write(server, "here, "), TLSM_PRODUCED);
    (void)side_say(server, client);
    take_keys(&layer, client, BOTH);
    assert_code(offload(client, BOTH), TLSM_OK);
    for (int turn = 0; turn < 3; turn++) {
        assert_code(side_write(client, "there."), TLSM_PRODUCED);
        layer_sends(&layer, client, server);
        assert_true(side_feed(server) >= 0);
        assert_code(side_write(server, "there."), TLSM_PRODUCED);
        layer_hears(&layer, server, client);
        assert_code(side_update(turn == 1 ? client : server, 1), TLSM_OK);   /* each side asks, and answers */
        layer_hears(&layer, server, client);
        layer_says(&layer, client, server);
        layer_hears(&layer, server, client);
    }
    assert_plain(client, "here, there.there.there.");
    assert_plain(server, "here, there.there.there.");
    assert_code(side_close(client, 0), TLSM_OK);
    layer_says(&layer, client, server);
    assert_code(side_close(server, 0), TLSM_OK);
    layer_hears(&layer, server, client);
    assert_how(client, "clean_both");
    assert_how(server, "clean_both");
    free(pair);
}

static void j2_a_ticket_is_read_where_it_lies(void **unused)
{
    static const struct tlsm_ticket_key key = { { 'k' }, { 1 } };
    struct pair *pair = pair_fresh();
    struct tlsm_session session;
    struct layer layer;
    size_t offset = 0;
    (void)unused;
    pair->server.settings.ticket_keys = &key;
    pair->server.settings.ticket_key_count = 1;
    pair->server.settings.tickets = 0;
    pair_connect(pair);
    take_keys(&layer, &pair->client, TLSM_SIDE_READ);
    assert_code(offload(&pair->client, TLSM_SIDE_READ), TLSM_OK);
    assert_code(give(&pair->client, TLSM_TYPE_HANDSHAKE, "\4\0\0\21\0\0\16\20\0\0\0\7\1\0\0\3tik\0\0", 21), TLSM_TICKET);
    assert_int_equal(pair->client.out.plain_length, 21);
    assert_int_equal(tlsm_ticket_next(&pair->client.config, &pair->client.block.state,
                                      (struct tlsm_bytes){ (const uint8_t *)"\4\0\0\21\0\0\16\20\0\0\0\7\1\0\0\3tik\0\0", 21 },
                                      &offset, &session), 1);
    assert_int_equal(session.ticket.length, 3);
    free(pair);
}

/* ------------------------------------------------------------------------------------------------ what is made */

static void j2_a_write_moves_nothing_where_its_bytes_lie(void **unused)
{
    struct pair *pair = elsewhere(BOTH);
    struct side *client = &pair->client;
    static const uint8_t file[40000] = { 'f' };   /* read-only, as a mapped file is */
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .bytes = { file, sizeof file } };
    struct tlsm_out out = { .state_capacity = sizeof client->block };
    (void)unused;
    out.wire.data = (uint8_t *)(uintptr_t)file;
    out.wire.capacity = sizeof file;
    assert_code(tlsm_step(&client->config, &client->block.state, &in, &client->block.state, &out), TLSM_PRODUCED);
    assert_int_equal(out.consumed, TLSM_PLAIN_MAX);
    assert_int_equal(out.wire_length, TLSM_PLAIN_MAX);
    assert_int_equal(out.record_type, TLSM_TYPE_DATA);
    assert_int_equal(tlsm_outstanding(&client->block.state), TLSM_PLAIN_MAX);
    free(pair);
}

static void j2_an_empty_record_has_nothing_to_send(void **unused)
{
    struct pair *pair = elsewhere(BOTH);
    (void)unused;
    assert_code(side_write(&pair->client, ""), TLSM_PRODUCED);
    assert_int_equal(pair->client.out.record_type, TLSM_TYPE_DATA);
    assert_int_equal(pair->client.out.wire_length, 0);
    assert_int_equal(tlsm_outstanding(&pair->client.block.state), 0);
    free(pair);
}

static void j2_a_write_that_is_cut_counts_twice(void **unused)
{
    struct pair *pair = pair_connected();
    struct side *client = &pair->client;
    (void)unused;
    client->settings.record_limit = 6;   /* two of them are kept back */
    assert_code(offload(client, BOTH), TLSM_OK);
    assert_int_equal(client->block.state.write_key.sequence, 0);
    assert_code(side_write(client, "cut twice"), TLSM_PRODUCED);
    (void)side_sent(client, 3, NULL);
    (void)side_sent(client, 3, NULL);
    (void)side_sent(client, 3, NULL);
    assert_int_equal(client->block.state.write_key.sequence, 3);
    assert_false(side_needs(client) & TLSM_NEED_PRODUCE);
    assert_code(side_write(client, "the last"), TLSM_PRODUCED);
    assert_true(side_needs(client) & TLSM_NEED_PRODUCE);
    assert_code(side_write(client, "no more"), TLSM_PRODUCE_FIRST);
    (void)side_sent(client, 8, NULL);
    assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_true(client->out.news & TLSM_NEWS_WRITE_KEY);
    assert_int_equal(client->block.state.write_key.sequence, 0);
    free(pair);
}

/* An update that leaves in pieces: they are the old key's, and the new one begins with number 0, whatever is made meanwhile. */
static void j2_an_update_that_is_cut_begins_a_key_all_the_same(void **unused)
{
    struct pair *pair = elsewhere(BOTH);
    struct side *client = &pair->client;
    struct tlsm_key key;
    (void)unused;
    assert_code(side_update(client, 0), TLSM_OK);
    assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    (void)side_sent(client, 2, NULL);
    assert_int_equal(client->block.state.write_key.sequence, 0);
    assert_code(side_write(client, "behind it"), TLSM_PRODUCED);
    (void)side_sent(client, 3, NULL);
    assert_int_equal(tlsm_record_keys(&client->config, &client->block.state, TLSM_SIDE_WRITE, &key), 0);
    assert_int_equal(key.sequence, 0);
    free(pair);
}

/* ------------------------------------------------------------------------------------------------ keys that stay */

static void j2_our_update_is_refused_where_keys_stay(void **unused)
{
    struct pair *pair = pair_connected();
    struct side *client = &pair->client;
    (void)unused;
    client->settings.record_limit = 4;
    assert_code(offload_to(client, BOTH, 1), TLSM_OK);
    assert_code(side_update(client, 0), TLSM_WRITE_EXHAUSTED);
    assert_code(side_write(client, "one"), TLSM_PRODUCED);
    assert_code(side_write(client, "two"), TLSM_PRODUCED);
    assert_false(side_needs(client) & TLSM_NEED_PRODUCE);
    assert_code(side_write(client, "three"), TLSM_WRITE_EXHAUSTED);
    assert_code(side_close(client, 0), TLSM_OK);
    assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_int_equal(client->out.record_type, TLSM_TYPE_ALERT);
    free(pair);
    pair = pair_connected();
    assert_code(offload_to(&pair->client, TLSM_SIDE_READ, 1), TLSM_OK);
    assert_code(side_update(&pair->client, 1), TLSM_WRITE_EXHAUSTED);   /* the answer could not be followed */
    assert_code(side_update(&pair->client, 0), TLSM_OK);
    free(pair);
}

static void j2_the_peers_update_ends_it_where_keys_stay(void **unused)
{
    struct pair *pair = pair_connected();
    struct side *client = &pair->client;
    struct tlsm_key before, after;
    (void)unused;
    assert_code(offload_to(client, BOTH, 1), TLSM_OK);
    assert_int_equal(tlsm_record_keys(&client->config, &client->block.state, TLSM_SIDE_WRITE, &before), 0);
    assert_code(give(client, TLSM_TYPE_HANDSHAKE, "\30\0\0\1\0", 5), TLSM_FAILED);
    assert_int_equal(tlsm_record_keys(&client->config, &client->block.state, TLSM_SIDE_WRITE, &after), 0);
    assert_memory_equal(&before, &after, sizeof before);
    assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_memory_equal(client->wire, "\2\120", 2);
    assert_code(side_sent(client, 2, NULL), TLSM_END_LOCAL_ALERT);
    free(pair);
    pair = pair_connected();
    assert_code(offload_to(&pair->client, TLSM_SIDE_WRITE, 1), TLSM_OK);   /* only the answer is what cannot be */
    side_forge(&pair->server, &pair->client, TLSM_TYPE_HANDSHAKE, "\30\0\0\1\0", 5);
    assert_code(side_feed(&pair->client), TLSM_KEYS_CHANGED);
    assert_code(side_update(&pair->server, 1), TLSM_OK);
    free(pair);
}

static void j2_an_answer_that_cannot_be_is_not_owed_after_our_close(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    assert_code(offload_to(&pair->client, TLSM_SIDE_WRITE, 1), TLSM_OK);
    assert_code(side_close(&pair->client, 0), TLSM_OK);
    side_forge(&pair->server, &pair->client, TLSM_TYPE_HANDSHAKE, "\30\0\0\1\1", 5);
    assert_code(side_feed(&pair->client), TLSM_KEYS_CHANGED);
    free(pair);
    pair = pair_connected();
    assert_code(offload_to(&pair->client, TLSM_SIDE_WRITE, 1), TLSM_OK);
    side_forge(&pair->server, &pair->client, TLSM_TYPE_HANDSHAKE, "\30\0\0\1\1", 5);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    free(pair);
}

/* ------------------------------------------------------------------------------------------------ how it ends */

static void j2_a_record_that_fails_is_fatal(void **unused)
{
    static const uint8_t good[] = { TLSM_ALERT_BAD_RECORD_MAC, TLSM_ALERT_RECORD_OVERFLOW, TLSM_ALERT_UNEXPECTED_MESSAGE,
                                    TLSM_ALERT_PROTOCOL_VERSION };
    (void)unused;
    for (size_t i = 0; i < sizeof good; i++) {
        struct pair *pair = elsewhere(BOTH);
        assert_code(give_failed(&pair->client, TLSM_ALERT_ACCESS_DENIED), TLSM_BAD_ARGUMENT);
        assert_code(give_failed(&pair->client, TLSM_ALERT_CLOSE_NOTIFY), TLSM_BAD_ARGUMENT);
        assert_code(give_failed(&pair->client, good[i]), TLSM_FAILED);
        assert_int_equal(pair->client.out.violation, good[i]);
        assert_code(give(&pair->client, TLSM_TYPE_ALERT, "\1\0", 2), TLSM_READ_ENDED);
        assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
        assert_int_equal(pair->client.wire[1], good[i]);
        assert_code(side_sent(&pair->client, 2, NULL), TLSM_END_LOCAL_ALERT);
        free(pair);
    }
}

static void j2_a_record_that_fails_after_our_close_is_silent(void **unused)
{
    struct pair *pair = elsewhere(BOTH);
    (void)unused;
    (void)side_close(&pair->client, 0);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_code(give_failed(&pair->client, TLSM_ALERT_BAD_RECORD_MAC), TLSM_FAILED);
    assert_code(side_sent(&pair->client, 2, NULL), TLSM_END_PROTOCOL_ERROR);
    free(pair);
}

static void j2_content_too_long_is_record_overflow(void **unused)
{
    static const uint8_t content[TLSM_PLAIN_MAX + 1];
    struct pair *pair = elsewhere(TLSM_SIDE_READ);
    (void)unused;
    assert_code(give(&pair->client, TLSM_TYPE_DATA, content, TLSM_PLAIN_MAX), TLSM_DATA);
    assert_code(give(&pair->client, TLSM_TYPE_DATA, content, TLSM_PLAIN_MAX + 1), TLSM_FAILED);
    assert_int_equal(pair->client.out.violation, TLSM_ALERT_RECORD_OVERFLOW);
    free(pair);
    pair = elsewhere(TLSM_SIDE_READ);   /* before anything is asked of the block's room */
    assert_code(give(&pair->client, TLSM_TYPE_HANDSHAKE, content, TLSM_PLAIN_MAX + 1), TLSM_FAILED);
    assert_int_equal(pair->client.out.violation, TLSM_ALERT_RECORD_OVERFLOW);
    free(pair);
}

static int has_keys(const struct side *side, int of)
{
    static const struct tlsm_key none;
    struct tlsm_key key;
    const int failed = tlsm_record_keys(&side->config, &side->block.state, (enum tlsm_side)of, &key);
    assert_int_equal(failed != 0, memcmp(&key, &none, sizeof key) == 0);
    return failed == 0;
}

static void j2_there_are_keys_to_show_while_a_half_lives(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    assert_false(has_keys(&pair->server, TLSM_SIDE_READ) || has_keys(&pair->server, TLSM_SIDE_WRITE));   /* application keys, not complete */
    free(pair);
    pair = pair_connected();
    assert_true(has_keys(&pair->client, TLSM_SIDE_READ) && has_keys(&pair->client, TLSM_SIDE_WRITE));
    assert_false(has_keys(&pair->client, BOTH) || has_keys(&pair->client, 0));
    assert_code(side_close(&pair->client, 0), TLSM_OK);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_true(has_keys(&pair->client, TLSM_SIDE_READ));
    assert_false(has_keys(&pair->client, TLSM_SIDE_WRITE));
    free(pair);
}

static void j2_the_place_of_an_end(void **unused)
{
    static const struct { size_t count; int unsure; uint8_t place; uint32_t have, need; } ends[] = {
        { 0, 0, TLSM_PLACE_BOUNDARY, 0, 0 }, { 3, 0, TLSM_PLACE_HEADER, 3, 5 }, { 40, 0, TLSM_PLACE_BODY, 35, 0 },
        { 0, 1, TLSM_PLACE_UNKNOWN, 0, 0 }, { 40, 1, TLSM_PLACE_BODY, 35, 0 } };
    (void)unused;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct pair *pair = elsewhere(BOTH);
        struct tlsm_verdict verdict;
        pair->client.settings.eof = TLSM_EOF_FRAMED;
        assert_code(give_end(&pair->client, TLSM_RECORD_MAX, 0, 0), TLSM_BAD_ARGUMENT);
        assert_code(give_end(&pair->client, ends[i].count, ends[i].unsure, 1), TLSM_CUT);
        verdict = side_verdict(&pair->client);
        assert_int_equal(verdict.place, ends[i].place);
        assert_int_equal(verdict.eof_have, ends[i].have);
        assert_int_equal(verdict.eof_need, ends[i].need);
        assert_how(&pair->client, ends[i].place == TLSM_PLACE_BOUNDARY ? "framed_end" : "truncated");
        free(pair);
    }
}

/* T1: nobody can vouch where nobody can tell, and our own taken close does not make it an end either. */
static void j2_an_end_nobody_can_place_is_a_truncation(void **unused)
{
    struct pair *pair = elsewhere(BOTH);
    (void)unused;
    (void)side_close(&pair->client, 0);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    (void)side_sent(&pair->client, 2, NULL);
    assert_code(give_end(&pair->client, 0, 1, 0), TLSM_END_TRUNCATED);
    free(pair);
}

static void j2_clean_both_from_elsewhere(void **unused)
{
    struct pair *pair = elsewhere(BOTH);
    (void)unused;
    assert_code(give(&pair->client, TLSM_TYPE_ALERT, "\1\0", 2), TLSM_PEER_CLOSED);
    assert_code(give(&pair->client, TLSM_TYPE_DATA, "x", 1), TLSM_READ_ENDED);
    (void)side_close(&pair->client, 0);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_int_equal(pair->client.out.record_type, TLSM_TYPE_ALERT);
    assert_memory_equal(pair->client.wire, "\1\0", 2);
    assert_code(side_sent(&pair->client, 2, NULL), TLSM_END_CLEAN_BOTH);
    free(pair);
}

/* ------------------------------------------------------------------------------------------------ what cannot go there */

static void j2_tls12_stays_here_and_shows_no_keys(void **unused)
{
    static const struct tlsm_key none;
    struct pair *pair = pair_fresh();
    struct tlsm_key key;
    (void)unused;
    pair_speak(pair, TLSM_1_2);
    pair_start(pair);
    pair_talk(pair);
    assert_int_equal(tlsm_connected(&pair->client.block.state), 1);
    assert_code(offload(&pair->client, BOTH), TLSM_NOT_IN_VERSION);
    assert_code(offload(&pair->server, TLSM_SIDE_READ), TLSM_NOT_IN_VERSION);
    for (int side = TLSM_SIDE_READ; side <= TLSM_SIDE_WRITE; side++) {
        assert_true(tlsm_record_keys(&pair->client.config, &pair->client.block.state, (enum tlsm_side)side, &key) < 0);
        assert_memory_equal(&key, &none, sizeof key);
    }
    free(pair);
}

/* A message that is longer than a record is handed over whole, and each record that the layer makes of it counts. */
static void j2_a_long_message_is_handed_over_whole(void **unused)
{
    static uint8_t name[TLSM_PLAIN_MAX];
    const struct tlsm_bytes names[] = { { name, sizeof name }, { name, sizeof name } };
    struct pair *pair = pair_fresh();
    struct side *server = &pair->server;
    (void)unused;
    memset(name, 'n', sizeof name);
    pair->client.settings.late_auth = server->settings.late_auth = 1;
    server->settings.authorities = names;
    server->settings.authority_count = 2;
    pair_start(pair);
    pair_talk(pair);
    assert_code(offload(server, BOTH), TLSM_OK);
    assert_code(side_do(server, TLSM_IN_ASK_CERTIFICATE), TLSM_OK);
    const uint64_t sequence = server->block.state.write_key.sequence, before = server->wire_have;
    assert_code(side_do(server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_int_equal(server->out.record_type, TLSM_TYPE_HANDSHAKE);
    assert_true(server->out.wire_length > 2 * sizeof name);
    assert_int_equal(server->out.wire_length, 4 + ((size_t)server->wire[before + 1] << 16 | (size_t)server->wire[before + 2] << 8 | server->wire[before + 3]));
    assert_int_equal(server->wire[before], 13);
    assert_int_equal(server->block.state.write_key.sequence, sequence + 3);
    free(pair);
}

/* Read there, sealed here: an answer goes before what follows it. */
static void j2_who_reads_elsewhere_answers_first(void **unused)
{
    static const uint8_t request[] = { 13, 0, 0, 12, 1, 1, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3 };
    struct pair *pair = pair_fresh();
    (void)unused;
    pair->client.settings.late_auth = pair->server.settings.late_auth = 1;
    pair_start(pair);
    pair_talk(pair);
    assert_code(offload(&pair->client, TLSM_SIDE_READ), TLSM_OK);
    assert_code(give(&pair->client, TLSM_TYPE_HANDSHAKE, request, sizeof request), TLSM_OK);
    assert_code(give(&pair->client, TLSM_TYPE_DATA, "x", 1), TLSM_PRODUCE_FIRST);
    side_produce(&pair->client);
    assert_int_equal(pair->client.block.state.control.phase, TLSM_PHASE_DATA);
    assert_code(give(&pair->client, TLSM_TYPE_DATA, "x", 1), TLSM_DATA);
    free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(j2_only_an_established_connection_goes),
        cmocka_unit_test(j2_a_header_that_is_begun_comes_first),
        cmocka_unit_test(j2_what_is_outstanding_is_sent_first),
        cmocka_unit_test(j2_a_half_that_is_over_stays),
        cmocka_unit_test(j2_an_owed_update_goes_before_keys_that_stay),
        cmocka_unit_test(j2_wire_and_records_exclude_each_other),
        cmocka_unit_test(j2_the_state_forgets_the_keys),
        cmocka_unit_test(j2_an_owed_update_goes_before_keys_stay_of_a_layer_that_writes_already),
        cmocka_unit_test(j2_talks_to_a_peer_that_knows_nothing_of_it),
        cmocka_unit_test(j2_a_ticket_is_read_where_it_lies),
        cmocka_unit_test(j2_a_write_moves_nothing_where_its_bytes_lie),
        cmocka_unit_test(j2_an_empty_record_has_nothing_to_send),
        cmocka_unit_test(j2_a_write_that_is_cut_counts_twice),
        cmocka_unit_test(j2_an_update_that_is_cut_begins_a_key_all_the_same),
        cmocka_unit_test(j2_our_update_is_refused_where_keys_stay),
        cmocka_unit_test(j2_the_peers_update_ends_it_where_keys_stay),
        cmocka_unit_test(j2_an_answer_that_cannot_be_is_not_owed_after_our_close),
        cmocka_unit_test(j2_a_record_that_fails_is_fatal),
        cmocka_unit_test(j2_a_record_that_fails_after_our_close_is_silent),
        cmocka_unit_test(j2_content_too_long_is_record_overflow),
        cmocka_unit_test(j2_there_are_keys_to_show_while_a_half_lives),
        cmocka_unit_test(j2_the_place_of_an_end),
        cmocka_unit_test(j2_an_end_nobody_can_place_is_a_truncation),
        cmocka_unit_test(j2_clean_both_from_elsewhere),
        cmocka_unit_test(j2_tls12_stays_here_and_shows_no_keys),
        cmocka_unit_test(j2_a_long_message_is_handed_over_whole),
        cmocka_unit_test(j2_who_reads_elsewhere_answers_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
