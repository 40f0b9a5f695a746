/* SPDX-License-Identifier: MIT */
#include "sequence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statecov.h"

struct course {
    struct node node, next;
    struct tlsm_shutdown shutdown;
    const uint8_t *bytes;
    size_t left;
    void (*told)(void *context, const struct sequence_step *step);
    void *context;
};

static uint8_t take(struct course *course)
{
    if (course->left == 0)
        return 0;
    course->left--;
    return *course->bytes++;
}

static void tell(const struct course *course, const struct sequence_step *step)
{
    if (course->told != NULL)
        course->told(course->context, step);
}

static const char *moved(struct course *course, unsigned choice, const struct operation_result *result, const char *broken)
{
    const struct sequence_step step = { choice, &course->node, &course->next, result, NULL };
    if (result->applied) {
        tell(course, &step);
        node_copy(&course->node, &course->next);
    }
    return broken;
}

static const char *raw(struct course *course)
{
    struct operation_result result;
    const size_t wanted = take(course), length = wanted < course->left ? wanted : course->left;
    const struct tlsm_bytes bytes = { course->bytes, length };
    const char *broken;
    course->bytes += length;
    course->left -= length;
    broken = operation_raw(&course->node, bytes, &course->next, &result);
    return moved(course, SEQUENCE_RAW, &result, broken);
}

static void set_shutdown(struct course *course)
{
    const uint8_t how = take(course);
    const struct sequence_step step = { SEQUENCE_SET, &course->node, &course->node, NULL, NULL };
    if (course->shutdown.called)
        return;
    memset(&course->shutdown, 0, sizeof course->shutdown);
    course->shutdown.contract = how & 1 ? TLSM_SHUTDOWN_TWO_STEP : TLSM_SHUTDOWN_ONE_CALL;
    course->shutdown.quiet = how >> 1 & 1;
    tlsm_shutdown_preset(&course->shutdown, how >> 2 & 3u);
    tell(course, &step);
}

static const char *call_shutdown(struct course *course)
{
    struct tlsm_shutdown_next next;
    const uint8_t how = take(course);
    const size_t wanted = how >> 2 & 3u, reads = wanted < course->left ? wanted : course->left;
    const struct sequence_step step = { SEQUENCE_CALL, &course->next, &course->node, NULL, &next };
    const char *broken;
    node_copy(&course->next, &course->node);
    broken = shutdown_call(&course->node, &course->shutdown, (enum flush)((how & 3u) % 3), course->bytes, reads, &next);
    course->bytes += reads;
    course->left -= reads;
    tell(course, &step);
    return broken;
}

static void take_data(struct course *course)
{
    const struct sequence_step step = { SEQUENCE_TAKEN, &course->node, &course->node, NULL, NULL };
    course->shutdown.held = 0;
    tell(course, &step);
}

static const char *operate(struct course *course, unsigned operation)
{
    struct operation_result result;
    const char *broken = operation_apply(&course->node, operation, &course->next, &result);
    statecov_result(operation, &result, &course->next);
    return moved(course, operation, &result, broken);
}

static const char *one(struct course *course)
{
    const uint8_t choice = take(course);
    if (choice == SEQUENCE_RAW)
        return raw(course);
    if (choice == SEQUENCE_CALL)
        return call_shutdown(course);
    if (choice == SEQUENCE_SET)
        set_shutdown(course);
    else if (choice == SEQUENCE_TAKEN)
        take_data(course);
    else
        return operate(course, choice % OPERATIONS);
    return NULL;
}

const struct node *sequence_start(const uint8_t *bytes, size_t length)
{
    const struct scene *scene = scene_at((length > 0 ? bytes[0] : 0u) % scenes_count());
    return &scene->root[(length > 1 ? bytes[1] : 0u) % scene->roots];
}

const char *sequence_run(const uint8_t *bytes, size_t length,
                         void (*told)(void *context, const struct sequence_step *step), void *context)
{
    static struct course course;
    const char *broken = NULL;
    scenes_prepare();
    memset(&course.shutdown, 0, sizeof course.shutdown);
    node_copy(&course.node, sequence_start(bytes, length));
    course.bytes = length > 2 ? bytes + 2 : bytes;
    course.left = length > 2 ? length - 2 : 0;
    course.told = told;
    course.context = context;
    for (int steps = 0; steps < SEQUENCE_STEPS && course.left > 0 && broken == NULL; steps++)
        broken = one(&course);
    return broken != NULL ? broken : check_ends(&course.node);
}

void sequence_must(const uint8_t *bytes, size_t length, void (*told)(void *context, const struct sequence_step *step),
                   void *context)
{
    const char *broken = sequence_run(bytes, length, told, context);
    if (broken == NULL)
        return;
    fprintf(stderr, "broken: %s\n", broken);
    abort();
}
