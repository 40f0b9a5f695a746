/* SPDX-License-Identifier: MIT */
/* A connection that moves: into another block, thread, process, machine; at any moment at which no request is open. Included
 * by tlsm.h.
 *
 *      length = tlsm_export(state, block, sizeof block);      the state as bytes
 *      tlsm_step(…, TLSM_IN_EXPORT, …)                        the original gives the connection up: it wipes its keys, and
 *                                                             its verdict is handed_off
 *      … the block goes where the connection will live …
 *      code = tlsm_import(config, block, state, capacity);    it goes on there, bit for bit (I11)
 *
 *  - THE BLOCK HOLDS THE CONNECTION'S SECRETS. Whoever reads it reads and forges the connection; keep it as you would keep a
 *    key, and wipe it when it was imported.
 *  - A connection has one successor (J3): two would use a nonce twice. So the original is stepped with TLSM_IN_EXPORT before the
 *    block can reach anybody, and a block is imported once. If the block is lost, so is the connection.
 *  - Produced bytes that the transport has not taken, received bytes that the machine has not consumed, and plaintext that was not
 *    read lie with the caller and move by the caller's hand (tlsm_link_export() of tlsm_link.h carries them).
 *  - Records that are elsewhere (tlsm_elsewhere.h) stay in their layer, which goes along and counts on. tlsm_record_keys() begins at
 *    0 there: what it gives goes to a layer after news of new keys alone, never because a connection was imported.
 *  - The format has a version and no byte order. Another version of tlsm may refuse it (TLSM_EXPORT_OTHER_VERSION). */
#ifndef TLSM_EXPORT_H
#define TLSM_EXPORT_H

#include "tlsm.h"

TLSM_DECLARATIONS_BEGIN

enum {
    TLSM_EXPORT_VERSION = 2,
    TLSM_EXPORT_HEADER = 12      /* a block is this much longer than the state: tlsm_length() + TLSM_EXPORT_HEADER */
};

/* tlsm_export: writes the state as a block. Returns its length; nothing is written when `capacity` is less (`to` may then be
 * NULL). 0: a request is open (answer it first, J1), or the connection was handed off already. Changes nothing: step the
 * original with TLSM_IN_EXPORT. */
size_t tlsm_export(const struct tlsm_state *state, void *to, size_t capacity);

/* tlsm_import: makes `state` the connection in the block, under `config`, whose settings must be those it was made under, or
 * equal to them. `capacity` bytes are behind `state`; as many as the block has are always enough, and a handshake may want more
 * (TLSM_HANDSHAKE_ROOM). Any bytes may be given: they are believed only as far as a state can be looked through.
 *   TLSM_OK                     go on: ask the needs
 *   TLSM_MORE_STATE_ROOM        bring as many bytes as the block has, and sizeof *state at least
 *   TLSM_EXPORT_FOREIGN         these bytes are no exported connection
 *   TLSM_EXPORT_OTHER_VERSION   they were written by a tlsm whose format is another one
 *   TLSM_EXPORT_LENGTH          they were cut short, or are more than one block
 *   TLSM_EXPORT_INCONSISTENT    they contradict themselves: damaged, or forged
 *   TLSM_EXPORT_SETTINGS        the connection was made under other settings (role, ALPN, credentials, ticket keys, eof)
 * On all but TLSM_OK and TLSM_MORE_STATE_ROOM `state` is as tlsm_init() makes it, and nothing of the block is left in it; on
 * TLSM_MORE_STATE_ROOM nothing was written. */
enum tlsm_code tlsm_import(const struct tlsm_config *config, struct tlsm_bytes block, struct tlsm_state *state,
                           size_t capacity) TLSM_MUST_USE;

TLSM_DECLARATIONS_END
#endif
