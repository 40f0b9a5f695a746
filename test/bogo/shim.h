/* SPDX-License-Identifier: MIT */
/* The shim that BoGo's runner drives: what its files share. */
#ifndef TLSM_BOGO_SHIM_H
#define TLSM_BOGO_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include "tlsm_judge.h"
#include "tlsm_libcrypto.h"
#include "tlsm_socket.h"

enum { BOGO_DONE = 0, BOGO_FAILED = 1, BOGO_LEFT_OUT = 89 };
enum { BOGO_CREDENTIALS = 8, BOGO_LIST = 32, BOGO_CACHE = 8, BOGO_EARLY = 16384, BOGO_TEXT = 160, BOGO_TICKET = 65536 + 256 };
enum { BOGO_ANY_CREDENTIAL = -2 };      /* -1: none */
enum bogo_turn { BOGO_INITIAL, BOGO_RESUME, BOGO_RETRY, BOGO_TURNS };

struct bogo_list {
    uint16_t value[BOGO_LIST];
    size_t count;
};

struct bogo_credential {
    const char *cert_file, *key_file;
    struct bogo_list signing_prefs;
    struct tlsm_bytes ocsp_response;
    int must_match_issuer;
};

/* The flags of a connection. */
struct bogo_flags {
#define SWITCH(flag, field) int field;
#define NUMBER(flag, field) long field;
#define NUMBERS(flag, field) struct bogo_list field;
#define TEXT(flag, field) const char *field;
#define BASE64(flag, field) struct tlsm_bytes field;
#include "flags.def"
    struct bogo_credential credential[BOGO_CREDENTIALS];
    size_t credentials, named;           /* how many; so many of them come from -new-x509-credential and have numbers, from 0 */
};

/* bogo_parse: fills the flags of the three turns. BOGO_DONE; BOGO_LEFT_OUT: `missing` says what is not there. */
int bogo_parse(int count, char **argument, struct bogo_flags flags[BOGO_TURNS], char missing[BOGO_TEXT]);

/* A session in a server's cache, under the ticket or id that the client shows. */
struct bogo_kept {
    uint8_t id[TLSM_TICKET_ID], session[TLSM_SESSION_FIXED_MAX + TLSM_TICKET_MAX];
    size_t id_length, length;
};

/* What lives from one connection to the next. */
struct bogo_shim {
    struct tlsm_libcrypto *instance;
    struct tlsm_ticket_key ticket_key;
    uint8_t session[BOGO_TICKET];        /* client: the last ticket's, serialised; none: session_length 0 */
    size_t session_length;
    struct bogo_kept kept[BOGO_CACHE];   /* server with a cache: the last that were made */
    size_t kept_count;
    uint64_t now_ms;                     /* the clock stands, but for -resumption-delay */
    uint16_t version;                    /* of the last connection, as far as it was settled */
    char missing[BOGO_TEXT];
};

/* A connection: its settings with all that they point to. */
struct bogo_connection {
    struct bogo_shim *shim;
    const struct bogo_flags *flags;      /* after rejected early data those of the second try */
    const struct bogo_flags *retry;
    int resuming;
    struct tlsm_settings settings;
    struct tlsm_bytes alpn[BOGO_LIST], name[1], authority[BOGO_LIST];
    uint8_t authorities[BOGO_TEXT * 16]; /* their bytes */
    struct tlsm_credential credential[BOGO_CREDENTIALS];
    uint16_t chosen[BOGO_CREDENTIALS][BOGO_LIST];
    struct tlsm_libcrypto_credential *loaded[BOGO_CREDENTIALS];
    struct tlsm_judge *judge;
    struct tlsm_config config;
    struct tlsm_socket *socket;
    struct tlsm_transport transport;     /* the socket's, or a starved one around it */
    int may_receive, may_send;           /* starved: one byte each */
    int holds_back;                      /* nothing may be sent until something was read */
    uint32_t put_off;                    /* request that was not answered at once */
    uint8_t *chain;                      /* the certificates that the peer showed, as a JUDGE request has them */
    size_t chain_length;
    int got_session, early_session;      /* a ticket came; one that allows early data */
    struct tlsm_session found;           /* server with a cache */
    size_t said;                         /* of what is to be said first */
    uint8_t early[BOGO_EARLY];           /* server: came as early data */
    size_t early_have;
    uint8_t signature[TLSM_SIGNATURE_MAX];
    char why[TLSM_WHY_ROOM];
    char wrong[BOGO_TEXT];               /* an expectation that failed inside a hook */
};

/* bogo_settle: settings and credentials from the flags. BOGO_DONE, BOGO_FAILED, BOGO_LEFT_OUT. */
int bogo_settle(struct bogo_connection *connection);
void bogo_unsettle(struct bogo_connection *connection);

/* bogo_read_names: names in hexadecimal, commas between them, as their bytes in `room`; how many there are. */
size_t bogo_read_names(const char *text, uint8_t *room, size_t capacity, struct tlsm_bytes names[BOGO_LIST]);

/* Hooks; context is the connection. */
int bogo_answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *answer);
void bogo_ticket(void *context, const struct tlsm_state *state, const struct tlsm_session *session);

void bogo_issued(void *context, const struct tlsm_state *state, const struct tlsm_session *session);

/* bogo_expect: after the handshake. 0: all is as the flags say; else a sentence is on stderr. */
int bogo_expect(const struct bogo_connection *connection);
/* bogo_expect_session: client, at the end: a ticket came, or not. */
int bogo_expect_session(const struct bogo_connection *connection);

#endif
