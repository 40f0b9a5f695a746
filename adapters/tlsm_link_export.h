/* SPDX-License-Identifier: MIT */
/* A link that moves: its state (tlsm_export.h) together with the bytes around it: received and not consumed, opened and unread,
 * produced and not taken; and what the link remembers of its transport. For a hand-off between processes: pass the descriptor
 * and these bytes, and the connection goes on there exactly.
 *
 * THE BYTES HOLD THE CONNECTION'S SECRETS AND PLAINTEXT. Wipe them when they were imported, and never import them twice (J3). */
#ifndef TLSM_LINK_EXPORT_H
#define TLSM_LINK_EXPORT_H

#include "tlsm_link.h"

TLSM_DECLARATIONS_BEGIN

/* tlsm_link_export: writes the link into `to` and gives the connection up: nothing leaves it any more, its verdict is handed_off
 * (a connection that was over keeps its own), keys, plaintext and produced bytes are wiped here. Returns how many bytes were
 * written. When `capacity` is too small (0, with `to` NULL, to ask) it returns how many are needed, and nothing has happened.
 * 0: refused, link->code says why: TLSM_ANSWER_FIRST (a request is open: tlsm_link_run(), then repeat), TLSM_SEND_FIRST,
 * TLSM_FEED_FIRST (the transport holds what it sends, or fills: tlsm_link_let_go() first), TLSM_END_HANDED_OFF.
 * A caller whose peer never took the bytes may import them itself: they are then the one successor. */
size_t tlsm_link_export(struct tlsm_link *link, void *to, size_t capacity);

/* tlsm_link_import: makes `link` (not initialised, or freed) the link in `bytes`. `config` and `options` as for tlsm_link_init();
 * the settings must be those of the original, or equal to them. DONE: ask tlsm_link_wants() and go on; unread plaintext is
 * there to be read. NO_MEMORY; REFUSED: link->code is one of the TLSM_EXPORT_… codes. Unless DONE, the link is as after
 * tlsm_link_free(), but for its code. */
int tlsm_link_import(struct tlsm_link *link, const struct tlsm_config *config, const struct tlsm_link_options *options,
                     struct tlsm_bytes bytes);

TLSM_DECLARATIONS_END
#endif
