/* SPDX-License-Identifier: MIT */
/* A client C and a server V behind OpenSSL's calls, each ours or the installed libssl, with a wire between them; and the
 * words in which scripts about their endings are written. */
#ifndef TLSM_TEST_SSL_ENDS_H
#define TLSM_TEST_SSL_ENDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "party.h"
#include "ssl_wire.h"
#include "tlsm_ssl.h"

enum { C, V, ENDS };
enum { SENT = SSL_SENT_SHUTDOWN, RECEIVED = SSL_RECEIVED_SHUTDOWN, BOTH = SENT | RECEIVED };

/* Who plays whom. */
struct ends_cast {
    const char *name;
    const struct party_kind *kind[ENDS];
    int one_call;             /* ours keep the seed's contract */
};
extern const struct ends_cast ends_cast[];
extern const size_t ends_casts;

struct ends {
    const struct ends_cast *cast;
    int us, peer;             /* the side a script is about, and the other */
    int older;                /* TLS 1.2, else 1.3 */
    struct wire *wire;
    struct party *party[ENDS];
};

/* A script, and for whom it is played. */
enum ends_parts {
    PLAY_ROLES,               /* its parts are C and V: every cast plays it once, the installed libssl on both sides too */
    PLAY_US,                  /* its part is `us`, ours, in either role, against every peer */
    PLAY_US_AS_C, PLAY_US_AS_V
};
enum ends_versions { OLDER = 1, NEWER = 2, EVERY_VERSION = OLDER | NEWER };
struct ends_script {
    const char *name;
    void (*play)(struct ends *);
    enum ends_parts parts;
    int begun;                /* 1: it begins before the handshake; else behind it, with the tickets read */
    enum ends_versions versions;
};
#define SCRIPT(function, parts) { #function, function, parts, 0, EVERY_VERSION }
#define SCRIPT_OF(function, parts, versions) { #function, function, parts, 0, versions }
#define SCRIPT_OF_HANDSHAKE(function, parts) { #function, function, parts, 1, EVERY_VERSION }
#define SCRIPT_OF_HANDSHAKE_OF(function, parts, versions) { #function, function, parts, 1, versions }
/* ends_play: every script in every version of its with every cast that can play it, as tests of cmocka. Returns what main()
 * returns. */
int ends_play(const struct ends_script *scripts, size_t count);

/* For scripts that need other options, or a second connection. */
void ends_open(struct ends *ends, const struct ends_cast *cast, const struct party_options *options);
void ends_wire(struct ends *ends);                     /* gives both parties BIOs of a new wire */
void ends_handshake(struct ends *ends);
void ends_close(struct ends *ends);

static inline const struct party_kind *kind(const struct ends *ends, int side) { return ends->cast->kind[side]; }
static inline struct wire_lane *lane(const struct ends *ends, int side) { return &ends->wire->lane[side]; }
/* sealed: the length of a record with so much content: header, content, tag; TLS 1.3: the type; TLS 1.2: the nonce. */
static inline size_t sealed(const struct ends *ends, size_t content) { return 5 + content + (ends->older ? 8 : 1) + 16; }
static inline size_t alert_record(const struct ends *ends) { return sealed(ends, 2); }
static inline int is_ours(const struct ends *ends, int side) { return kind(ends, side) == &party_tlsm; }
static inline int one_call(const struct ends *ends, int side) { return is_ours(ends, side) && ends->cast->one_call; }
const char *ends_how(const struct ends *ends, int side);   /* ours: the verdict's name; else NULL */
/* ends_spoil: the last bit of what lies in a lane is another. */
void ends_spoil(struct ends *ends, int side);
/* ends_cut: a side's transport is gone; what it wrote still arrives, what it is sent does not. */
void ends_cut(struct ends *ends, int side);

/* The last call's reason, from the error queue; 0 none. */
int ends_reason(void);

/* ------------------------------------------------------------------------------------------------ what must hold */

/* A call to shut down, and what SSL_get_error() says of it. What libssl says of a 0 is not looked at. */
void ends_shutdown(struct ends *ends, int side, int returns, int error, const char *file, int line);
#define assert_shutdown(ends, side, returns, error) ends_shutdown(ends, side, returns, error, __FILE__, __LINE__)
/* The call that sends ours while theirs has not come: 0 in two steps, -1 and WANT_READ in one call. */
#define assert_closes(ends, side) \
    assert_shutdown(ends, side, one_call(ends, side) ? -1 : 0, SSL_ERROR_WANT_READ)
/* The calls that send ours while theirs lies unread: 0 and 1 in two steps, 1 in one call. */
#define assert_closes_and_meets(ends, side)       \
    do {                                          \
        if (!one_call(ends, side))                \
            assert_closes(ends, side);            \
        assert_shutdown(ends, side, 1, SSL_ERROR_NONE); \
    } while (0)
/* A call that waits for theirs finds that the transport ended. */
#define assert_shutdown_meets_eof(ends, side)                                             \
    do {                                                                                  \
        assert_shutdown(ends, side, one_call(ends, side) ? 0 : -1, SSL_ERROR_SSL);        \
        assert_int_equal(ends_reason(), SSL_R_UNEXPECTED_EOF_WHILE_READING);              \
    } while (0)
#define assert_flags(ends, side, flags) assert_int_equal(kind(ends, side)->get_shutdown((ends)->party[side]), flags)
/* Ours: the verdict. */
#define assert_how(ends, side, how)                                \
    do {                                                           \
        if (is_ours(ends, side))                                   \
            assert_string_equal(ends_how(ends, side), how);        \
    } while (0)

void ends_writes(struct ends *ends, int side, const char *text, const char *file, int line);
#define assert_writes(ends, side, text) ends_writes(ends, side, text, __FILE__, __LINE__)
void ends_reads(struct ends *ends, int side, const char *text, const char *file, int line);
#define assert_reads(ends, side, text) ends_reads(ends, side, text, __FILE__, __LINE__)
/* A read that brings nothing: its error. */
void ends_read_fails(struct ends *ends, int side, int error, const char *file, int line);
#define assert_read_fails(ends, side, error) ends_read_fails(ends, side, error, __FILE__, __LINE__)
#define assert_reads_end(ends, side) assert_read_fails(ends, side, SSL_ERROR_ZERO_RETURN)
void ends_write_fails(struct ends *ends, int side, int error, const char *file, int line);
#define assert_write_fails(ends, side) ends_write_fails(ends, side, SSL_ERROR_SSL, __FILE__, __LINE__)

#endif
