/* SPDX-License-Identifier: MIT */
/* Judging certificates: chain, time, purpose, a server's name, a stapled OCSP response, and the signature that proves the key.
 *
 * A judge holds whom we trust. Made once, it is never written again and may be shared by threads. Certificate revocation
 * lists among the given files are honoured: a certificate they name is refused; one whose issuer gave no list passes. */
#ifndef TLSM_JUDGE_H
#define TLSM_JUDGE_H

#include "tlsm_libcrypto.h"

TLSM_DECLARATIONS_BEGIN

/* tlsm_judge_new_system: trusts the system's certificate authorities (also SSL_CERT_FILE and SSL_CERT_DIR). NULL: no
 * memory, or their file could not be wholly read. There may be none at all: ask tlsm_judge_has_anchors(). Freed by
 * tlsm_judge_free(). */
struct tlsm_judge *tlsm_judge_new_system(void);

/* tlsm_judge_new_path: trusts the certificates of a PEM file, or of the PEM files in a directory, and nobody else. What
 * is damaged or cannot be wholly read is an error, since it may be a revocation list. NULL: `why` says what is wrong and what
 * to do. */
struct tlsm_judge *tlsm_judge_new_path(const char *path, char *why, size_t why_room);

/* tlsm_judge_insecurely_trust_anyone: a judge that asks for no chain, name or time. Anybody can be the peer, also who sits
 * between. It still verifies that the peer holds the key it shows. */
struct tlsm_judge *tlsm_judge_insecurely_trust_anyone(void);

/* tlsm_judge_require_staple: from now on a server that shows no OCSP response is refused, which only settings.ask_staple makes it show.
 * Without this call such a server passes, as most are; a response that comes is verified in any case, and one that says "revoked", is
 * forged, out of date or about another certificate refuses the server. To be called before the judge is used. */
void tlsm_judge_require_staple(struct tlsm_judge *judge);

void tlsm_judge_free(struct tlsm_judge *judge);

/* tlsm_judge_has_anchors: 0 when there is no trusted certificate, so that every peer will be refused. */
int tlsm_judge_has_anchors(const struct tlsm_judge *judge);

/* tlsm_judge_answer: answers a JUDGE request. now_seconds: since 1970; 0: the system's clock. request->server_name is a
 * host name, or an IP address in text. Fills `answer`; its alert is 0, or what RFC 9846 §6.2 names. Returns 0 for yes,
 * negative for no, and then `why` is a sentence that says what to do where something can be done. A client's certificate
 * (request->of_client) is asked for the purpose of clients and for no name: whom it names is the application's to look at.
 * A chain that was found good is not verified again by the same instance for the same role, name and judge while every
 * certificate of it is valid, unless the judge has revocation lists; the signature, and a stapled response, always are. */
int tlsm_judge_answer(struct tlsm_libcrypto *instance, const struct tlsm_judge *judge,
                      const struct tlsm_request *request, int64_t now_seconds, struct tlsm_answer *answer, char *why,
                      size_t why_room);

/* tlsm_judge_name: the common name of a certificate's (DER) subject, else its organisation; what cannot be printed is replaced, what
 * does not fit is cut. For people to read: decide by the certificate. Returns 0; negative: it does not parse, and `to` is empty. */
int tlsm_judge_name(struct tlsm_bytes certificate, char *to, size_t room);

TLSM_DECLARATIONS_END
#endif
