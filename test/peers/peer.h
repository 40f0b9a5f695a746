/* SPDX-License-Identifier: MIT */
/* One case of an interop run, for programs in C: peer.c reads it, opens the transport, executes the script and reports; what
 * a library does for each action is in peer_<library>.c. The programs in other languages take the same words.
 *
 * A case is one line of words KEY=VALUE, on standard input, or the program's arguments:
 *
 *      role=client port=4433 ca=ca.pem name=localhost suite=TLS_AES_128_GCM_SHA256 groups=x25519:secp384r1 prime=1
 *      script=handshake,write:100,read:100,end,drain,close
 *      role=server cert=leaf.pem key=leaf.key suite=… groups=… prime=1 script=handshake,read:100,write:100,drain,close
 *
 * A server listens on a port of 127.0.0.1 that the system chooses and says {"port":N} first, unless it cannot use what it
 * was given: then it says so at once, with the end "unable".
 *
 *      version=1.2 | 1.3 | 1.2:1.3   what may be agreed on. Absent: both, or what the library has.
 *      suite=A:B  groups=A:B         by the names of the standards. Absent: the library's own.
 *      scheme=rsa_pkcs1_sha256       the only one for signatures, where the library has a call for it.
 *      prime=1                       a connection before, which leaves a session behind for the one that counts.
 *      tickets=0                     the session is known by its ID alone (TLS 1.2).
 *      cert= key=                    also of a client, which shows it when it is asked.
 *      late=1                        TLS 1.3: the server may ask for a certificate after the handshake; with ca=, and no ask=.
 *      early=N                       early data, up to N bytes: a server takes them, a session of the client allows them.
 *      ask=request | require         the server asks for a certificate, of the authority ca=.
 *
 * For ours alone: ems=0 goes without the extended master secret, half=1 keeps the sending half after a close_notify in TLS 1.2.
 *
 * role=version asks for {"library":"…"} alone.
 *
 * The script:  hello      the first flight alone, then no more of the handshake
 *              handshake  all of it
 *              early:N    client: N bytes of the pattern as early data; server: early, reads all there is. Before handshake
 *              write:N    N bytes of the pattern      read:N   N bytes, or fewer when the end comes first
 *              drain      reads until the end         end      close_notify; the other direction lives on
 *              cancel     user_canceled               close    the library's own whole close, then the transport's
 *              abort      the alert internal_error    update   changes our keys, and asks the peer to
 *              fin        ends the transport's sending half, without a word of TLS
 *              linger     fin, then reads the transport to its end, unopened
 *              drop       closes the transport so     reset    so that the peer sees a reset
 *              demand     server, late: asks for a certificate, which comes before the client's next data
 *              signal     says {"signal":true}        await    waits for a line on standard input
 *
 * The report is one line of JSON: handshake, version, suite, group, resumed, peer (the common name of the certificate that was
 * shown and verified, or "none"; empty: the library does not say), in, digest (of what came in), out, early and early_digest (bytes
 * of early data: client: accepted; server: read), end (close_notify, eof, reset, alert:N, timeout, error, unable; none: not looked for), said (the library's own words), did (the last action), and
 * ours adds its verdict. */
#ifndef PEER_H
#define PEER_H

#include <stddef.h>
#include <stdint.h>

enum { PEER_WORDS = 512, PEER_LIMIT_SECONDS = 10, PEER_SECRET = 48 };

struct plan {
    int client, prime, port, tell_version;
    int tls12, tls13, tickets, early, late, ems, half, ask, require;   /* require: ask too */
    const char *cert, *key, *ca, *name, *suite, *groups, *scheme, *script;
};

struct report {
    int handshake, resumed;
    char version[8], suite[48], group[24], peer[64];
    uint64_t in, out, digest, early, early_digest;
    int early_taken;
    char end[24];
    char said[PEER_WORDS];
    char more[PEER_WORDS];     /* further JSON members, each with a comma before it */
    const char *did;
};

/* The library's part. One struct peer for the connections of one case; 1 is success and 0 failure throughout. */
struct peer;
const char *peer_version(void);
struct peer *peer_prepare(const struct plan *plan, struct report *report);
int peer_open(struct peer *peer, int fd);          /* the next connection of the case, blocking; resumes what the last left */
int peer_hello(struct peer *peer);                 /* fd is non-blocking for this call */
int peer_handshake(struct peer *peer);
long peer_read(struct peer *peer, void *to, size_t room);   /* 0: it ended, and report->end says how */
int peer_write(struct peer *peer, const void *from, size_t length);
int peer_early_write(struct peer *peer, const void *from, size_t length);
long peer_early_read(struct peer *peer, void *to, size_t room);   /* 0: there is no more, or none */
int peer_end(struct peer *peer);
int peer_cancel(struct peer *peer);
int peer_abort(struct peer *peer);
int peer_update(struct peer *peer);
int peer_demand(struct peer *peer);
void peer_close(struct peer *peer);                /* not of the descriptor */
void peer_leave(struct peer *peer);                /* the transport is about to be closed without a word */
void peer_facts(struct peer *peer);                /* version, suite, group, resumed, peer, early_taken: into the report */
void peer_forget(struct peer *peer);               /* the connection; its session may be kept for the next */
void peer_dispose(struct peer *peer);

/* For them. The first end that is told stays. */
void report_end(struct report *report, const char *end, const char *said, ...) __attribute__((format(printf, 3, 4)));
void report_alert(struct report *report, int number, const char *said);
void report_errno(struct report *report, int error, const char *said);   /* reset, timeout, eof for 0, else error */
void report_suite(struct report *report, const char *name);
/* The next of "a:b:c" into `word`; 0 at the end. */
int next_word(const char **at, char *word, size_t room);

#endif
