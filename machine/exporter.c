/* SPDX-License-Identifier: MIT */
/* Keying material for other protocols (RFC 9846 §7.5, RFC 5705, RFC 9266). */
#include "handshake.h"

int tlsm_exporter(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_bytes label,
                  struct tlsm_bytes context, struct tlsm_span to)
{
    TLSM_UNUSED(config);
    TLSM_UNUSED(state);
    TLSM_UNUSED(label);
    TLSM_UNUSED(context);
    TLSM_UNUSED(to);
    return -1;
}
