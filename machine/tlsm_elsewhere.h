/* SPDX-License-Identifier: MIT */
/* Records elsewhere (J2). A kernel, a NIC or another process may own the record layer of a connection that is established,
 * for either side or both. What records mean stays here: the same guards, limits, events and verdicts. Included by tlsm.h.
 *
 *      tlsm_record_keys()       of a side, at a record boundary: goes to the layer
 *      step TLSM_IN_OFFLOAD     the state forgets the key, and keeps what a later one is made from
 *
 * Read side: whole contents by TLSM_IN_RECORD, in order, instead of TLSM_IN_WIRE. Application data and tickets are read where
 * the content lies: out.plain_length bytes of in.bytes; no plain room is needed. A record that could not be opened is
 * TLSM_IN_RECORD_FAILED, with in.alert bad_record_mac, record_overflow, unexpected_message or protocol_version.
 * tlsm_receive_hint() is room for any content. After NEWS_KEYS_CHANGED the next record is opened with what tlsm_record_keys()
 * gives then.
 *
 * Write side: PRODUCE and WRITE give the content alone in out.wire, neither header nor tag, and its out.record_type; SENT counts
 * these bytes. Where out.wire is in.bytes, WRITE moves nothing. Contents are sealed in order. Handshake messages can be longer than
 * TLSM_PLAIN_MAX (certificates that are asked for later): the layer cuts them into full records, as is counted here. Data may be cut
 * into more records (SENT of a part counts one more), an alert never: a layer that took part of one has failed (SEND_FAILED). After NEWS_WRITE_KEY
 * what follows that record is sealed with what tlsm_record_keys() gives then.
 *
 * A layer that cannot take new keys says so (in.fixed): our key updates are refused with WRITE_EXHAUSTED, before anything of
 * them is sent, and one of the peer's that the layer cannot follow ends the connection with internal_error.
 *
 * TLSM_IN_OFFLOAD is refused with NOT_CONNECTED, FEED_FIRST (a header is begun), SEND_FIRST (bytes are outstanding),
 * PRODUCE_FIRST (a key update is owed, and the layer cannot), ELSEWHERE (offloaded before), NOT_IN_VERSION (TLS 1.2: its nonces
 * travel with the records), RECORDS_LIMITED (write side: the peer's record_size_limit is below the protocol's), or in the words of
 * a half that is over. It cannot be taken back. */
#ifndef TLSM_ELSEWHERE_H
#define TLSM_ELSEWHERE_H

#include "tlsm.h"

TLSM_DECLARATIONS_BEGIN

/* Record types, RFC 9846 §5.1; of a protected record the inner one. */
enum tlsm_record_type { TLSM_TYPE_CCS = 20, TLSM_TYPE_ALERT = 21, TLSM_TYPE_HANDSHAKE = 22, TLSM_TYPE_DATA = 23 };

enum tlsm_side { TLSM_SIDE_READ = 1, TLSM_SIDE_WRITE = 2 };   /* bits */

/* tlsm_record_keys: fills `key` with what the next record of `side` (one enum tlsm_side bit) is opened or sealed with: suite,
 * key (16 bytes for AES-128, else 32), iv, sequence. 0, or negative: there is none now, or in this version (TLS 1.2). With that side elsewhere `sequence` is
 * 0: a key is given there when it begins, and the layer counts on. The caller wipes `key`. */
int tlsm_record_keys(const struct tlsm_config *config, const struct tlsm_state *state, enum tlsm_side side,
                     struct tlsm_key *key);

TLSM_DECLARATIONS_END
#endif
