/* SPDX-License-Identifier: MIT */
/* What the flags say about a connection whose handshake is complete. */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

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
    /* Why it was not is not told. */
    if (flags->expect_early_reason != NULL && (strcmp(flags->expect_early_reason, "accept") == 0) != (early == TLSM_EARLY_ACCEPTED))
        return wrong("early data", early, TLSM_EARLY_ACCEPTED);
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

/* -expect-peer-cert-file: the chain is the file's. */
static int chain_is(struct tlsm_bytes chain, const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    struct tlsm_bytes certificate;
    size_t offset = 0;
    int same = file != NULL;
    X509 *wanted;
    while (file != NULL && (wanted = PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL) {
        uint8_t *der = NULL;
        const int length = i2d_X509(wanted, &der);
        same = same && tlsm_chain_next(chain, &offset, &certificate) && certificate.length == (size_t)length &&
               memcmp(certificate.data, der, certificate.length) == 0;
        OPENSSL_free(der);
        X509_free(wanted);
    }
    BIO_free(file);
    ERR_clear_error();
    return same && !tlsm_chain_next(chain, &offset, &certificate);
}

/* A session that is resumed shows no certificate again. TLS 1.2: a new session comes with the handshake, or none does. */
static int expect_shown(const struct bogo_connection *connection, const struct tlsm_state *state)
{
    const struct bogo_flags *flags = connection->flags;
    const int wanted = !flags->server || flags->require_any_client_certificate;
    const int new_session = !flags->expect_no_session && (!tlsm_resumed(state) || flags->expect_ticket_renewal);
    const struct tlsm_bytes chain = { connection->chain, connection->chain_length };
    if (flags->expect_no_peer_cert && chain.length > 0)
        return wrong("a certificate", 1, 0);
    if (!flags->expect_no_peer_cert && wanted && !tlsm_resumed(state) && chain.length == 0)
        return wrong("a certificate", 0, 1);
    if (flags->expect_peer_cert_file != NULL && chain.length > 0 && !chain_is(chain, flags->expect_peer_cert_file))
        return wrong("the chain of -expect-peer-cert-file", 0, 1);
    if (!flags->server && state->control.version == TLSM_1_2 && connection->got_session != new_session)
        return wrong("a new session", connection->got_session, new_session);
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
    if (expect_shown(connection, state) != BOGO_DONE)
        return BOGO_FAILED;
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
