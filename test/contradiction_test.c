/* SPDX-License-Identifier: MIT */
/* States that contradict themselves: each row of contradiction.def over all states it fits, and every field of every state
 * changed in turn. What tlsm_invariant() refuses is not imported; what is imported comes to an end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "event.h"
#include "handshake.h"
#include "state_pool.h"

/* Under sanitizers a part of the states is changed field by field; all of them are without. */
#if defined(__SANITIZE_ADDRESS__)
#define EVERY_STATE 16
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define EVERY_STATE 16
#endif
#endif
#ifndef EVERY_STATE
#define EVERY_STATE 1
#endif

enum { IMPORT_EVERY = 251, SMALL = 14, TX_IN_BLOCK = TLSM_EXPORT_HEADER + 4 + 4 + 1 };

static struct node node, into;
static uint8_t block[SCENE_BLOCK + TLSM_EXPORT_HEADER];
static const struct tlsm_credential bare[1];   /* without a response */

static int fill(void **unused)
{
    (void)unused;
    pool_fill();
    return 0;
}

/* ------------------------------------------------------------------------------------------------ rows */

typedef int where_function(const struct tlsm_state *state, const struct tlsm_control *control, const struct tlsm_handshake *hs);
typedef void change_function(struct tlsm_state *state, struct tlsm_control *control, struct tlsm_handshake *hs, struct tlsm_settings *settings);

#define ROW(name, condition, ...)                                                                                                  \
    static int where_##name(const struct tlsm_state *state, const struct tlsm_control *control, const struct tlsm_handshake *hs) \
    {                                                                                                                              \
        (void)state, (void)control, (void)hs;                                                                                      \
        return condition;                                                                                                          \
    }                                                                                                                              \
    static void change_##name(struct tlsm_state *state, struct tlsm_control *control, struct tlsm_handshake *hs,                  \
                              struct tlsm_settings *settings)                                                                      \
    {                                                                                                                              \
        (void)state, (void)control, (void)hs, (void)settings;                                                                      \
        __VA_ARGS__;                                                                                                               \
    }
#define CONTRADICTION(name, number, condition, ...) ROW(name, condition, __VA_ARGS__)
#define SETTING(name, code, condition, ...) ROW(name, condition, __VA_ARGS__)
#include "contradiction.def"
#undef CONTRADICTION
#undef SETTING

struct row {
    const char *name;
    int expected;
    where_function *where;
    change_function *change;
};

static const struct row contradictions[] = {
#define CONTRADICTION(name, number, ...) { #name, number, where_##name, change_##name },
#define SETTING(name, code, ...)
#include "contradiction.def"
#undef CONTRADICTION
#undef SETTING
};
static const struct row fitting[] = {
#define CONTRADICTION(name, number, ...)
#define SETTING(name, code, ...) { #name, TLSM_##code, where_##name, change_##name },
#include "contradiction.def"
#undef CONTRADICTION
#undef SETTING
};

static int fits(const struct row *row, size_t index)
{
    const struct tlsm_state *state = &pool_at(index)->at.state;
    return row->where(state, &state->control, tlsm_hs_const(state));
}

static void change(const struct row *row, size_t index, struct tlsm_settings *settings)
{
    struct tlsm_state *state = &node.at.state;
    memset(&node, 0, sizeof node);
    node_copy(&node, pool_at(index));
    *settings = scene_at(node.mark.scene)->settings;
    row->change(state, &state->control, tlsm_hs(state), settings);
}

/* The block of `node`, under its scene's settings or others. */
static enum tlsm_code import(const struct tlsm_settings *settings, size_t length)
{
    struct tlsm_config config = scene_at(node.mark.scene)->config;
    config.settings = settings;
    memset(&into, 0x5a, sizeof into.mark + sizeof into.at.state);
    into.mark = node.mark;
    return tlsm_import(&config, (struct tlsm_bytes){ block, length }, &into.at.state, SCENE_ROOM);
}

static void complain(const struct row *row, int got)
{
    const struct tlsm_control *control = &node.at.state.control;
    print_message("%s, in \"%s\", phase %d, rx %d, tx %d: %d, not %d\n", row->name, scene_at(node.mark.scene)->name, control->phase,
                  control->rx, control->tx, got, row->expected);
}

/* What tlsm_invariant() says of it; and no block that says it is taken. -1: one is. */
static int told(void)
{
    const int number = tlsm_invariant(&node.at.state);
    const size_t length = number != 0 ? tlsm_export(&node.at.state, block, sizeof block) : 0;
    struct tlsm_state fresh;
    if (length == 0)
        return number;
    tlsm_init(&fresh);
    if (import(&scene_at(node.mark.scene)->settings, length) != TLSM_EXPORT_INCONSISTENT)
        return -1;
    return memcmp(&into.at.state, &fresh, sizeof fresh) == 0 ? number : -1;
}

/* 1 where the row is right of every state it fits, and there is one. */
static int holds(const struct row *row, int is_setting)
{
    unsigned found = 0;
    for (size_t index = 0; index < pool_count(); index++) {
        struct tlsm_settings settings;
        if (!fits(row, index))
            continue;
        change(row, index, &settings);
        const size_t length = is_setting ? tlsm_export(&node.at.state, block, sizeof block) : 1;
        if (length == 0)   /* no block says it */
            continue;
        const int got = is_setting ? (int)import(&settings, length) : told();
        found++;
        if (got != row->expected) {
            complain(row, got);
            return 0;
        }
    }
    if (found == 0)
        print_message("%s: there is no such state\n", row->name);
    return found > 0;
}

static void a_state_that_contradicts_itself_is_told_by_number_and_not_imported(void **unused)
{
    size_t wrong = 0;
    (void)unused;
    for (size_t i = 0; i < sizeof contradictions / sizeof *contradictions; i++)
        wrong += !holds(contradictions + i, 0);
    assert_int_equal(wrong, 0);
}

static void a_state_is_imported_under_settings_that_fit_it(void **unused)
{
    size_t wrong = 0;
    (void)unused;
    for (size_t i = 0; i < sizeof fitting / sizeof *fitting; i++)
        wrong += !holds(fitting + i, 1);
    assert_int_equal(wrong, 0);
}

/* ------------------------------------------------------------------------------------------------ every field */

struct field {
    const char *name;
    uint16_t at, size;
};

#define SIZE(type, member) sizeof(((struct type *)NULL)->member)
static const struct field state_fields[] = {
#define STATE(kind, member) { #member, offsetof(struct tlsm_state, member), SIZE(tlsm_state, member) },
#include "export.def"
#undef STATE
};
static const struct field handshake_fields[] = {
#define HANDSHAKE(kind, member) { #member, (uint16_t)(sizeof(struct tlsm_state) + offsetof(struct tlsm_handshake, member)), SIZE(tlsm_handshake, member) },
#include "export.def"
#undef HANDSHAKE
};

static struct {
    unsigned long changed, good, taken;
} count;

static const struct field *changed;

/* What is called good is a state like any other. */
static void judge(void)
{
    count.changed++;
    if (tlsm_invariant(&node.at.state) != 0 || count.good++ % IMPORT_EVERY != 0)
        return;
    const size_t length = tlsm_export(&node.at.state, block, sizeof block);
    if (length == 0 || import(&scene_at(node.mark.scene)->settings, length) != TLSM_OK)
        return;
    const char *broken = check_ends(&into);
    if (broken != NULL)
        fail_msg("in \"%s\", phase %d, rx %d, tx %d, %s changed: %s", scene_at(node.mark.scene)->name, node.at.state.control.phase,
                 node.at.state.control.rx, node.at.state.control.tx, changed->name, broken);
    count.taken++;
}

static void try(uint8_t *at, size_t size, uint64_t value)
{
    const uint8_t one = (uint8_t)value;
    const uint16_t two = (uint16_t)value;
    const uint32_t four = (uint32_t)value;
    switch (size) {
    case 1: memcpy(at, &one, 1); break;
    case 2: memcpy(at, &two, 2); break;
    case 4: memcpy(at, &four, 4); break;
    case 8: memcpy(at, &value, 8); break;
    }
    judge();
}

static uint64_t value_of(const uint8_t *at, size_t size)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (size) {
    case 1: return *at;
    case 2: memcpy(&two, at, 2); return two;
    case 4: memcpy(&four, at, 4); return four;
    }
    memcpy(&eight, at, 8);
    return eight;
}

/* Each bit (of totals, some) the other way; small values, which the enumerations are; one more, one less; suites of both versions. */
static void change_number(uint8_t *at, size_t size)
{
    static const uint16_t others[] = { TLSM_AES_128_GCM_SHA256, TLSM_AES_256_GCM_SHA384, TLSM_ECDHE_RSA_AES_128_GCM_SHA256,
                                       TLSM_ALERT_USER_CANCELED, TLSM_ALERT_NONE };
    const uint64_t was = value_of(at, size);
    for (unsigned bit = 0; bit < 8 * size; bit += size == 8 ? 7 : 1)
        try(at, size, was ^ UINT64_C(1) << bit);
    for (uint64_t value = 0; value < (at == &node.at.state.control.phase ? (uint64_t)TLSM_PHASE_COUNT : SMALL); value++)
        try(at, size, value);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        try(at, size, others[i]);
    try(at, size, was + 1);
    try(at, size, was - 1);
}

static void change_bytes(uint8_t *at, size_t size)
{
    at[0] ^= 1;
    judge();
    memset(at, 0, size);
    judge();
    at[size - 1] = 1;
    judge();
}

static void change_field(const struct field *field)
{
    static uint8_t was[512];
    uint8_t *at = node.at.block + field->at;
    assert_true(field->size <= sizeof was);
    changed = field;
    memcpy(was, at, field->size);
    if (field->size == 1 || field->size == 2 || field->size == 4 || field->size == 8)
        change_number(at, field->size);
    else
        change_bytes(at, field->size);
    memcpy(at, was, field->size);
}

static void change_fields(const struct field *field, size_t fields)
{
    for (; fields > 0; fields--, field++)
        change_field(field);
}

static void any_field_that_is_changed_is_refused_or_harmless(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < pool_count(); i += EVERY_STATE) {
        memset(&node, 0, sizeof node);
        node_copy(&node, pool_at(i));
        change_fields(state_fields, sizeof state_fields / sizeof *state_fields);
        if (tlsm_in_handshake(&node.at.state))
            change_fields(handshake_fields, sizeof handshake_fields / sizeof *handshake_fields);
        node.at.state.control.facts |= TLSM_FACT_OBSERVED;
        change_fields(state_fields, sizeof state_fields / sizeof *state_fields);
    }
    print_message("%zu states, %lu changes, %lu good, %lu of %lu imported and driven on\n", pool_count(), count.changed, count.good,
                  count.taken, count.good / IMPORT_EVERY);
    assert_true(count.good < count.changed && count.taken > 0);
}

/* ------------------------------------------------------------------------------------------------ blocks */

static size_t index_of(where_function *where)
{
    for (size_t index = 0; index < pool_count(); index++) {
        const struct tlsm_state *state = &pool_at(index)->at.state;
        if (where(state, &state->control, tlsm_hs_const(state)))
            return index;
    }
    fail_msg("there is no such state");
    return 0;
}

static void take(size_t index)
{
    memset(&node, 0, sizeof node);
    node_copy(&node, pool_at(index));
}

static int was_exported(const struct tlsm_state *state, const struct tlsm_control *control, const struct tlsm_handshake *hs)
{
    (void)state, (void)hs;
    return control->tx == TLSM_TX_EXPORTED;
}

/* A good state, and no block of ours says it. */
static void what_was_handed_off_is_not_taken(void **unused)
{
    (void)unused;
    take(index_of(was_exported));
    node.at.state.control.tx = TLSM_TX_DEAD;
    const size_t length = tlsm_export(&node.at.state, block, sizeof block);
    assert_true(length > 0);
    assert_int_equal(block[TX_IN_BLOCK], TLSM_TX_DEAD);
    block[TX_IN_BLOCK] = TLSM_TX_EXPORTED;
    assert_int_equal(import(&scene_at(node.mark.scene)->settings, length), TLSM_EXPORT_INCONSISTENT);
}

static int goes_on(const struct tlsm_state *state, const struct tlsm_control *control, const struct tlsm_handshake *hs)
{
    (void)hs;
    return tlsm_in_handshake(state) && control->request == 0;
}

static void a_block_without_room_for_all_of_it_changes_nothing(void **unused)
{
    static struct tlsm_state before;
    (void)unused;
    take(index_of(goes_on));
    const struct tlsm_config *config = &scene_at(node.mark.scene)->config;
    const size_t length = tlsm_export(&node.at.state, block, sizeof block);
    memset(&before, 0x5a, sizeof before);
    memcpy(&into.at.state, &before, sizeof before);
    assert_int_equal(tlsm_import(config, (struct tlsm_bytes){ block, length }, &into.at.state, sizeof before), TLSM_MORE_STATE_ROOM);
    assert_int_equal(tlsm_import(config, (struct tlsm_bytes){ block, length }, &into.at.state, length - TLSM_EXPORT_HEADER - 1), TLSM_MORE_STATE_ROOM);
    assert_memory_equal(&into.at.state, &before, sizeof before);
    assert_int_equal(tlsm_import(config, (struct tlsm_bytes){ block, length }, &into.at.state, length - TLSM_EXPORT_HEADER), TLSM_OK);
}

static void a_block_too_short_for_a_state_is_told_by_its_length(void **unused)
{
    static const uint8_t head[] = { 't', 'l', 's', 'm', 0, TLSM_EXPORT_VERSION, 0, 0, 0, 0, 0, TLSM_EXPORT_HEADER };
    (void)unused;
    take(0);
    memcpy(block, head, sizeof head);
    assert_int_equal(import(&scene_at(0)->settings, sizeof head), TLSM_EXPORT_LENGTH);
    assert_int_equal(import(&scene_at(0)->settings, sizeof head - 1), TLSM_EXPORT_LENGTH);
    assert_int_equal(import(&scene_at(0)->settings, 3), TLSM_EXPORT_FOREIGN);
    assert_int_equal(import(&scene_at(0)->settings, 0), TLSM_EXPORT_FOREIGN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_that_contradicts_itself_is_told_by_number_and_not_imported),
        cmocka_unit_test(a_state_is_imported_under_settings_that_fit_it),
        cmocka_unit_test(any_field_that_is_changed_is_refused_or_harmless),
        cmocka_unit_test(what_was_handed_off_is_not_taken),
        cmocka_unit_test(a_block_without_room_for_all_of_it_changes_nothing),
        cmocka_unit_test(a_block_too_short_for_a_state_is_told_by_its_length),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
