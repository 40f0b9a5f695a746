/* SPDX-License-Identifier: MIT */
/* The reader and the writer: neither can overrun, both tell. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "internal.h"

static const uint8_t sample[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07 };

static void numbers_are_big_endian(void **state)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(sample, sizeof sample));
    TLSM_UNUSED(state);
    assert_int_equal(tlsm_take_number(&reader, 1), 0x01);
    assert_int_equal(tlsm_take_number(&reader, 2), 0x0203);
    assert_int_equal(tlsm_take_number(&reader, 4), 0x04050607);
    assert_int_equal(reader.left, 0);
    assert_false(reader.bad);
}

static void reading_past_the_end_gives_nothing_and_stays_bad(void **state)
{
    TLSM_UNUSED(state);
    for (size_t length = 0; length <= sizeof sample; length++) {
        struct tlsm_reader reader = tlsm_reader(tlsm_slice(sample, length));
        struct tlsm_bytes taken = tlsm_take(&reader, length + 1);
        assert_int_equal(taken.length, 0);
        assert_true(reader.bad);
        assert_int_equal(reader.left, 0);
        assert_int_equal(tlsm_take_number(&reader, 1), 0);
        assert_int_equal(tlsm_take(&reader, 0).length, 0);
        assert_true(reader.bad);
    }
}

static void huge_lengths_do_not_wrap(void **state)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(sample, sizeof sample));
    TLSM_UNUSED(state);
    (void)tlsm_take(&reader, 1);
    (void)tlsm_take(&reader, SIZE_MAX);
    assert_true(reader.bad);
}

static void nothing_can_be_taken_from_no_memory(void **state)
{
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(NULL, 0));
    TLSM_UNUSED(state);
    assert_int_equal(tlsm_take(&reader, 0).length, 0);
    assert_false(reader.bad);
    assert_int_equal(tlsm_take_vector(&reader, 2).length, 0);
    assert_true(reader.bad);
}

static void vectors_hold_what_their_length_says(void **state)
{
    static const uint8_t wire[] = { 2, 0xaa, 0xbb, 0, 1, 0xcc, 0, 0, 0, 9 };
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(wire, sizeof wire));
    struct tlsm_bytes one = tlsm_take_vector(&reader, 1), two = tlsm_take_vector(&reader, 2);
    TLSM_UNUSED(state);
    assert_int_equal(one.length, 2);
    assert_ptr_equal(one.data, wire + 1);
    assert_int_equal(two.length, 1);
    assert_int_equal(two.data[0], 0xcc);
    assert_int_equal(tlsm_take_vector(&reader, 3).length, 0);
    assert_false(reader.bad);
    assert_int_equal(tlsm_take_vector(&reader, 1).length, 0);
    assert_true(reader.bad);
}

static size_t write_sample(struct tlsm_writer *writer)
{
    size_t outer, inner;
    tlsm_put_number(writer, 0x16, 1);
    outer = tlsm_open_vector(writer, 3);
    tlsm_put_number(writer, 0x0303, 2);
    inner = tlsm_open_vector(writer, 1);
    tlsm_put(writer, tlsm_slice(sample, sizeof sample));
    tlsm_close_vector(writer, inner, 1);
    tlsm_close_vector(writer, outer, 3);
    return writer->length;
}

static void nested_vectors_get_their_lengths(void **state)
{
    static const uint8_t expected[] = { 0x16, 0, 0, 10, 3, 3, 7, 1, 2, 3, 4, 5, 6, 7 };
    uint8_t room[sizeof expected];
    struct tlsm_writer writer = { room, sizeof room, 0 };
    TLSM_UNUSED(state);
    assert_int_equal(write_sample(&writer), sizeof expected);
    assert_false(tlsm_overrun(&writer));
    assert_memory_equal(room, expected, sizeof expected);
}

static void a_short_room_is_never_overrun_and_the_need_is_exact(void **state)
{
    TLSM_UNUSED(state);
    for (size_t capacity = 0; capacity < 14; capacity++) {
        uint8_t room[20];
        struct tlsm_writer writer = { room, capacity, 0 };
        memset(room, 0xee, sizeof room);
        assert_int_equal(write_sample(&writer), 14);
        assert_true(tlsm_overrun(&writer));
        for (size_t i = capacity; i < sizeof room; i++)
            assert_int_equal(room[i], 0xee);
    }
}

static void measuring_needs_no_memory(void **state)
{
    struct tlsm_writer writer = { NULL, 0, 0 };
    TLSM_UNUSED(state);
    assert_int_equal(write_sample(&writer), 14);
    assert_true(tlsm_overrun(&writer));
}

static void equal_sees_every_bit(void **state)
{
    uint8_t other[sizeof sample];
    TLSM_UNUSED(state);
    memcpy(other, sample, sizeof sample);
    assert_true(tlsm_equal(sample, other, sizeof sample));
    assert_true(tlsm_equal(sample, other, 0));
    for (size_t bit = 0; bit < 8 * sizeof sample; bit++) {
        other[bit / 8] = (uint8_t)(other[bit / 8] ^ (1u << bit % 8));
        assert_false(tlsm_equal(sample, other, sizeof sample));
        other[bit / 8] = (uint8_t)(other[bit / 8] ^ (1u << bit % 8));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_big_endian),
        cmocka_unit_test(reading_past_the_end_gives_nothing_and_stays_bad),
        cmocka_unit_test(huge_lengths_do_not_wrap),
        cmocka_unit_test(nothing_can_be_taken_from_no_memory),
        cmocka_unit_test(vectors_hold_what_their_length_says),
        cmocka_unit_test(nested_vectors_get_their_lengths),
        cmocka_unit_test(a_short_room_is_never_overrun_and_the_need_is_exact),
        cmocka_unit_test(measuring_needs_no_memory),
        cmocka_unit_test(equal_sees_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
