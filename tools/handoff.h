/* SPDX-License-Identifier: MIT */
/* tlsm server --handoff SOCKET: a new process takes over what an old one has: the address it listens on, the key of its
 * tickets, and every connection, wherever it stands. At any time a connection has one owner (docs/closing.md, J3):
 *
 *      old                                   new
 *      ------------------------------------  ----------------------------------------------
 *                                            connects to SOCKET
 *      hello: version, ticket key, listener  "y": takes them; "n": the old one goes on
 *      connection: bytes, descriptor         "y": from now on it is ours; "n": it stays there
 *      …                                     …
 *      end                                   "y": begins to serve
 *      closes its listener, ends when what
 *      stayed has ended
 *
 * Nothing of a connection is served by the new one before its "y" has left, nor by the old one once it has come. When the new one
 * goes away, says nothing for PASSING_MS, or keeps the old one waiting for twice as long in all, what has no "y" is taken back
 * from the bytes, and the old one goes on. When the old one goes away, the new one goes on with what came. If neither did, and
 * they only lost sight of each other, both serve what they have, and both accept. A server that is ending gives nothing. */
#ifndef TLSM_HANDOFF_H
#define TLSM_HANDOFF_H

#include "server.h"

/* handoff_take: asks the server at the other end of options->handoff for all it has. 1: taken over. 0: nobody is there. -1: said
 * what is wrong. */
int handoff_take(struct server *server);

/* handoff_open: makes the file, for the next server. 0; -1: said what is wrong. */
int handoff_open(struct server *server);

/* handoff_give: somebody called. Gives all to them, if they are who they should be. */
void handoff_give(struct server *server);

/* handoff_close: the file goes, unless another server has it now. */
void handoff_close(struct server *server);

#endif
