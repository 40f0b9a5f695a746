/* SPDX-License-Identifier: MIT */
/* What the flags say about a connection whose handshake is complete. */
#include <stdio.h>
#include <string.h>

#include "shim.h"

static int wrong(const char *what, long got, long wanted)
{
    fprintf(stderr, "expected %s %ld, got %ld\n", what, wanted, got);
    return BOGO_FAILED;
}

static int expect_numbers(const struct bogo_flags *flags, const struct tlsm_state *state)
{
    if (flags->expect_version != 0 && flags->expect_version != state->control.version)
        return wrong("version", state->control.version, flags->expect_version);
    /* A session of 1.2 knows nothing of the group. */
    if (flags->expect_curve_id != 0 && flags->expect_curve_id != state->group &&
        !(tlsm_resumed(state) && state->control.version == TLSM_1_2))
        return wrong("group", state->group, flags->expect_curve_id);
    if (flags->expect_cipher != 0 && flags->expect_cipher != state->suite)
        return wrong("suite", state->suite, flags->expect_cipher);
    if (flags->expect_signature != 0 && !tlsm_resumed(state) && flags->expect_signature != state->scheme)
        return wrong("signature scheme", state->scheme, flags->expect_signature);
    if (flags->expect_credential != BOGO_ANY_CREDENTIAL && flags->server && !tlsm_resumed(state)) {
        const long got = state->credential < flags->named ? state->credential : -1;
        if (flags->expect_credential != got)
            return wrong("credential", got, flags->expect_credential);
    }
    return BOGO_DONE;
}

/* The server takes what -select-alpn says; the client expects what -expect-alpn says; neither: none. */
static int expect_protocol(const struct bogo_connection *connection)
{
    const struct bogo_flags *flags = connection->flags;
    const struct tlsm_state *state = connection->socket->link.state;
    const char *wanted = flags->server ? flags->select_alpn : flags->expect_alpn;
    const struct tlsm_bytes none = { NULL, 0 };
    const struct tlsm_bytes got = state->alpn != 0 ? connection->settings.alpn[state->alpn - 1] : none;
    if (wanted == NULL)
        wanted = "";
    if (strlen(wanted) == got.length && (got.length == 0 || memcmp(wanted, got.data, got.length) == 0))
        return BOGO_DONE;
    fprintf(stderr, "expected protocol \"%s\", got \"%.*s\"\n", wanted, (int)got.length, (const char *)got.data);
    return BOGO_FAILED;
}

static int expect_early(const struct bogo_flags *flags, const struct tlsm_state *state)
{
    const int early = tlsm_early_data(state);
    if (flags->expect_accept_early && early != TLSM_EARLY_ACCEPTED)
        return wrong("early data", early, TLSM_EARLY_ACCEPTED);
    if (flags->expect_reject_early && (early == TLSM_EARLY_ACCEPTED || (!flags->server && early != TLSM_EARLY_REJECTED)))
        return wrong("early data", early, TLSM_EARLY_REJECTED);
    if (flags->expect_no_early && early != TLSM_EARLY_NONE)
        return wrong("early data", early, TLSM_EARLY_NONE);
    return BOGO_DONE;
}

static int expect_marks(const struct bogo_flags *flags, const struct tlsm_control *control)
{
    const int old = control->version == TLSM_1_2;
    if (flags->expect_extended_master && old && !(control->marks & TLSM_MARK_EXTENDED_MASTER))
        return wrong("extended master secret", 0, 1);
    if (flags->expect_renegotiation_info && old && !(control->marks & TLSM_MARK_RENEGOTIATION_INFO))
        return wrong("renegotiation indication", 0, 1);
    return BOGO_DONE;
}

int bogo_expect(const struct bogo_connection *connection)
{
    const struct bogo_flags *flags = connection->flags;
    const struct tlsm_state *state = connection->socket->link.state;
    const int resumed = connection->resuming && !flags->expect_session_miss;
    const int retried = (state->control.facts & TLSM_FACT_RETRIED) != 0;
    if (connection->wrong[0] != '\0') {
        fprintf(stderr, "%s\n", connection->wrong);
        return BOGO_FAILED;
    }
    if (tlsm_resumed(state) != resumed)
        return wrong("resumed", tlsm_resumed(state), resumed);
    if ((flags->expect_hrr && !retried) || (flags->expect_no_hrr && retried))
        return wrong("HelloRetryRequest", retried, flags->expect_hrr);
    if (expect_numbers(flags, state) != BOGO_DONE || expect_marks(flags, &state->control) != BOGO_DONE ||
        (connection->resuming && expect_early(flags, state) != BOGO_DONE))
        return BOGO_FAILED;
    return expect_protocol(connection);
}

int bogo_expect_session(const struct bogo_connection *connection)
{
    const struct bogo_flags *flags = connection->flags;
    const int wanted = !flags->expect_no_session && !flags->shim_shuts_down;
    if (flags->server || connection->socket->link.state->control.version != TLSM_1_3)
        return BOGO_DONE;
    if (wanted != connection->got_session)
        return wrong("a ticket", connection->got_session, wanted);
    if (wanted && flags->expect_ticket_early != connection->early_session)
        return wrong("a ticket for early data", connection->early_session, flags->expect_ticket_early);
    return BOGO_DONE;
}
