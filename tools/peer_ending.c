/* SPDX-License-Identifier: MIT */
/* The list of endings. */
#include "peer.h"

#include <string.h>

#define ACTS_0() { PEER_ACT_NONE }
#define ACTS_1(a) { PEER_ACT_##a, PEER_ACT_NONE }
#define ACTS_2(a, b) { PEER_ACT_##a, PEER_ACT_##b, PEER_ACT_NONE }
#define ACTS_3(a, b, c) { PEER_ACT_##a, PEER_ACT_##b, PEER_ACT_##c, PEER_ACT_NONE }
#define ACTS_4(a, b, c, d) { PEER_ACT_##a, PEER_ACT_##b, PEER_ACT_##c, PEER_ACT_##d, PEER_ACT_NONE }

static const struct peer_ending endings[] = {
#define ENDING(name, place, versions, roles, rule, sentence, ...) \
    { #name, rule, sentence, PEER_AT_##place, PEER_##versions, PEER_##roles, __VA_ARGS__ },
#include "peer_ending.def"
#undef ENDING
};
enum { ENDINGS = sizeof endings / sizeof endings[0] };

const struct peer_ending *peer_ending_at(size_t index)
{
    return index < ENDINGS ? &endings[index] : NULL;
}

const struct peer_ending *peer_ending_find(const char *name)
{
    for (size_t i = 0; i < ENDINGS; i++)
        if (strcmp(endings[i].name, name) == 0)
            return &endings[i];
    return NULL;
}
