/* SPDX-License-Identifier: MIT */
#include "duel_field.h"

#include <string.h>

static const int amounts[DUEL_ARGUMENTS] = { 1, 5, 6, 21, 22, 100, 1000, 20000 };
static const int sizes[DUEL_ARGUMENTS] = { 100, 1, 7, 1000, 16384, 40000, 16385, 0 };   /* of writes */
static const int rooms[DUEL_ARGUMENTS] = { 100, 1, 7, 1000, 16384, 40000, 50, 3000 };   /* of reads */
enum { LARGEST = 40000, REPEATS_MAX = 300 };

/* ------------------------------------------------------------------------------------------------ calls of the party */

static uint8_t *pattern(struct field *field)
{
    return field->pattern + field->written % DUEL_PERIOD;
}

static void conclude(struct field *field, struct duel_outcome *outcome, int result)
{
    outcome->result = result;
    outcome->error = result <= 0 ? field->kind->get_error(field->near, result) : 0;
}

static void call_read(struct field *field, struct duel_outcome *outcome, int peek)
{
    static uint8_t buffer[LARGEST];
    const int room = peek && outcome->argument == DUEL_EMPTY ? 0 : rooms[outcome->argument];
    const int got = peek ? field->kind->peek(field->near, buffer, room) : field->kind->read(field->near, buffer, room);
    conclude(field, outcome, got);
    if (got > 0)
        outcome->digest = duel_digest(0, buffer, (size_t)got);
}

/* A write that was blocked is what the next one repeats, as programs must. */
static int write_once(struct field *field, int length)
{
    const int put = field->kind->write(field->near, pattern(field), length);
    field->blocked_write = put <= 0 && field->kind->get_error(field->near, put) == PARTY_WANT_WRITE ? length : 0;
    if (put > 0)
        field->written += (size_t)put;
    return put;
}

static void call_write(struct field *field, struct duel_outcome *outcome, int through)
{
    const int length = field->blocked_write > 0 ? field->blocked_write : sizes[outcome->argument];
    int put;
    do {
        put = write_once(field, length);
        outcome->repeats++;
        if (through)
            field_take(field, FIELD_ALL);
    } while (through && put <= 0 && field->blocked_write > 0 && outcome->repeats < REPEATS_MAX);
    conclude(field, outcome, put);
}

static void call_shutdown(struct field *field, struct duel_outcome *outcome, int through)
{
    int done;
    do {
        done = field->kind->shutdown(field->near);
        outcome->repeats++;
        if (through)
            field_take(field, FIELD_ALL);
    } while (through && done < 0 && field->kind->get_error(field->near, done) == PARTY_WANT_WRITE &&
             outcome->repeats < REPEATS_MAX);
    conclude(field, outcome, done);
}

/* Seldom does a program take a flag back. */
static void call_set_shutdown(struct field *field, int argument)
{
    const int kept = argument < 6 ? field->kind->get_shutdown(field->near) : 0;
    field->kind->set_shutdown(field->near, (argument & 3) | kept);
}

/* Nor does it ask for new keys after it has closed. */
static void call_key_update(struct field *field, struct duel_outcome *outcome)
{
    if (outcome->argument > 1 && field->kind->get_shutdown(field->near) & PARTY_SENT_SHUTDOWN)
        return;
    conclude(field, outcome, field->kind->key_update(field->near, (int)(outcome->argument & 1)));
}

static void call_clear(struct field *field, struct duel_outcome *outcome)
{
    outcome->result = field->kind->clear(field->near);
    field->over = 1;   /* what follows would be another connection */
}

/* ------------------------------------------------------------------------------------------------ the far side */

static void far_write(struct field *field, int length)
{
    if (field->queued + (size_t)length <= FIELD_INCOMING)
        (void)party_libssl.write(field->far, field->pattern, length);
    field_collect(field);
}

static void far_shutdown(struct field *field)
{
    (void)party_libssl.shutdown(field->far);
    field_collect(field);
}

static void far_read(struct field *field, struct duel_outcome *outcome)
{
    outcome->result = field_far_read(field);
    outcome->digest = field->far_digest;
    field_collect(field);
}

static void far_key_update(struct field *field, int ask)
{
    if (party_libssl.key_update(field->far, ask) == 1)
        (void)party_libssl.handshake(field->far);
    field_collect(field);
}

/* Level and description: what no well-behaved peer would say among them. */
static void forge_alert(struct field *field, unsigned which)
{
    static const uint8_t alerts[DUEL_ARGUMENTS][2] = {
        { 2, 40 }, { 1, 0 }, { 2, 0 }, { 1, 90 }, { 2, 80 }, { 1, 100 }, { 2, 200 }, { 3, 0 }
    };
    field_forge(field, DUEL_ALERT, alerts[which], 2, 0);
}

static void forge_record(struct field *field, unsigned which)
{
    static const uint8_t garbage[] = { 0x47, 0x45, 0x54, 0x20, 0x2f, 0x0d, 0x0a };
    static const uint8_t plain_close[] = { DUEL_ALERT, 3, 3, 0, 2, 1, 0 };
    static const uint8_t change_cipher[] = { DUEL_CHANGE_CIPHER, 3, 3, 0, 1, 1 };
    static const uint8_t bad_update[] = { DUEL_KEY_UPDATE, 0, 0, 1, 2 };
    switch (which) {
    case 0: field_forge(field, DUEL_DATA, field->pattern, 50, 1); break;   /* its tag is broken */
    case 1: field_forge(field, DUEL_DATA, field->pattern, 0, 0); break;
    case 2: field_queue(field, garbage, sizeof garbage); break;
    case 3: field_queue(field, plain_close, sizeof plain_close); break;
    case 4: field_queue(field, change_cipher, sizeof change_cipher); break;
    case 5: field_forge(field, DUEL_HANDSHAKE, bad_update, sizeof bad_update, 0); break;
    case 6: field_forge(field, DUEL_ALERT, plain_close + 5, 1, 0); break;   /* half an alert */
    case 7: field_forge(field, 0, field->pattern, 0, 0); break;             /* nothing but padding */
    }
}

/* ------------------------------------------------------------------------------------------------ steps */

static int near_step(struct field *field, struct duel_outcome *outcome)
{
    const unsigned argument = outcome->argument;
    switch ((enum duel_call)outcome->call) {
    case DUEL_READ: call_read(field, outcome, 0); return 1;
    case DUEL_PEEK: call_read(field, outcome, 1); return 1;
    case DUEL_WRITE: call_write(field, outcome, 0); return 1;
    case DUEL_WRITE_THROUGH: call_write(field, outcome, 1); return 1;
    case DUEL_SHUTDOWN: call_shutdown(field, outcome, 0); return 1;
    case DUEL_SHUTDOWN_THROUGH: call_shutdown(field, outcome, 1); return 1;
    case DUEL_SET_SHUTDOWN: call_set_shutdown(field, (int)argument); return 1;
    case DUEL_SET_QUIET: field->kind->set_quiet(field->near, (int)(argument & 1)); return 1;
    case DUEL_ASK_KEY_UPDATE: call_key_update(field, outcome); return 1;
    case DUEL_CALL_HANDSHAKE: conclude(field, outcome, field->kind->handshake(field->near)); return 1;
    case DUEL_CLEAR: call_clear(field, outcome); return 1;
    case DUEL_FAR_WRITE: case DUEL_FAR_SHUTDOWN: case DUEL_FAR_READ: case DUEL_FAR_KEY_UPDATE: case DUEL_FORGE_ALERT:
    case DUEL_FORGE_RECORD: case DUEL_DELIVER: case DUEL_DELIVER_ALL: case DUEL_TAKE: case DUEL_TAKE_ALL: case DUEL_EOF:
    case DUEL_CUT: case DUEL_RESET_READ: case DUEL_RESET_WRITE: case DUEL_FAR_SEND: case DUEL_FAR_CLOSE: case DUEL_CALLS:
        break;
    }
    return 0;
}

static void other_step(struct field *field, struct duel_outcome *outcome)
{
    const unsigned argument = outcome->argument;
    switch ((enum duel_call)outcome->call) {
    case DUEL_FAR_WRITE: far_write(field, sizes[argument]); break;
    case DUEL_FAR_SHUTDOWN: far_shutdown(field); break;
    case DUEL_FAR_READ: far_read(field, outcome); break;
    case DUEL_FAR_KEY_UPDATE: far_key_update(field, (int)(argument & 1)); break;
    case DUEL_FORGE_ALERT: forge_alert(field, argument); break;
    case DUEL_FORGE_RECORD: forge_record(field, argument); break;
    case DUEL_DELIVER: field_deliver(field, (size_t)amounts[argument]); break;
    case DUEL_DELIVER_ALL: field_deliver(field, FIELD_ALL); break;
    case DUEL_TAKE: field_take(field, (size_t)amounts[argument]); break;
    case DUEL_TAKE_ALL: field_take(field, FIELD_ALL); break;
    case DUEL_EOF: field_deliver(field, FIELD_ALL); field_end(field, FIELD_EOF); break;
    case DUEL_CUT: field_deliver(field, (size_t)amounts[argument]); field_end(field, FIELD_EOF); break;
    case DUEL_RESET_READ: field_end(field, FIELD_RESET); break;
    case DUEL_RESET_WRITE: field->write_fails = 1; break;
    case DUEL_FAR_SEND: far_write(field, sizes[argument]); field_deliver(field, FIELD_ALL); break;
    case DUEL_FAR_CLOSE: far_shutdown(field); field_deliver(field, FIELD_ALL); break;
    case DUEL_READ: case DUEL_PEEK: case DUEL_WRITE: case DUEL_WRITE_THROUGH: case DUEL_SHUTDOWN: case DUEL_SHUTDOWN_THROUGH:
    case DUEL_SET_SHUTDOWN: case DUEL_SET_QUIET: case DUEL_ASK_KEY_UPDATE: case DUEL_CALL_HANDSHAKE: case DUEL_CLEAR:
    case DUEL_CALLS:
        break;
    }
}

/* The last of the 32 codes are the commonest calls once more. */
static void decode(uint8_t byte, struct duel_outcome *outcome)
{
    static const uint8_t again[32 - DUEL_CALLS] = { DUEL_READ, DUEL_SHUTDOWN, DUEL_FAR_SEND, DUEL_WRITE, DUEL_TAKE_ALL };
    const unsigned code = byte & 31;
    outcome->argument = byte >> 5;
    outcome->call = code < DUEL_CALLS ? (uint8_t)code : again[code - DUEL_CALLS];
    if (outcome->call == DUEL_CLEAR && outcome->argument != 0)
        outcome->call = DUEL_SHUTDOWN;   /* it ends a script: seldom */
}

static void step(struct field *field, uint8_t byte)
{
    struct duel_log *const log = field->log;
    struct duel_outcome *const outcome = &log->outcome[log->steps++];
    decode(byte, outcome);
    if (!near_step(field, outcome))
        other_step(field, outcome);
    outcome->flags = field->kind->get_shutdown(field->near);
    outcome->pending = field->kind->pending(field->near);
    outcome->taken = field_taken(field);
    outcome->records = log->record_count;
}

static void settle(struct field *field)
{
    struct duel_log *const log = field->log;
    field_take(field, FIELD_ALL);
    log->far_result = field_far_read(field);
    log->far_error = party_libssl.get_error(field->far, log->far_result);
    log->far_flags = party_libssl.get_shutdown(field->far);
    log->far_read = field->far_read;
    log->taken = field_taken(field);
    log->far_digest = field->far_digest;
}

void duel_run(const struct party_kind *kind, const uint8_t *script, size_t length, struct duel_log *log)
{
    static const size_t outgoing[4] = { 17000, 1, 7, 512 };
    const uint8_t how = length > 0 ? script[0] : 0;
    struct field *field;
    memset(log, 0, offsetof(struct duel_log, record));
    log->scene.server = how & 1;
    log->scene.tickets = how >> 1 & 1;
    log->scene.partial_write = how >> 2 & 1;
    log->scene.room = outgoing[how >> 3 & 3];
    log->scene.older = how >> 5 == 7;
    field = field_begin(kind, log);
    for (size_t i = 1; i < length && log->steps < DUEL_STEPS && !field->over; i++)
        step(field, script[i]);
    settle(field);
    field_finish(field);
}
