/* SPDX-License-Identifier: MIT */
/* From flags to settings. What the settings cannot say is left out (status 89), by the name of the flag. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

enum { MOST_SKIPPED = 16384 };      /* bytes of early data that the runner's tests of the limit count on */
enum { EARLY_MOST = 14336 };        /* what the runner's own shim takes */
enum { NOBODYS_SCHEME = 0xfe00 };   /* private use: no peer offers it */

static int left_out(struct bogo_connection *connection, const char *what, unsigned value)
{
    if (value != 0)
        snprintf(connection->shim->missing, BOGO_TEXT, "%s %u", what, value);
    else
        snprintf(connection->shim->missing, BOGO_TEXT, "%s", what);
    return BOGO_LEFT_OUT;
}

static struct tlsm_bytes text(const char *string)
{
    const struct tlsm_bytes bytes = { (const uint8_t *)string, strlen(string) };
    return bytes;
}

/* The first number that is not among `known`; 0: all are. */
static uint16_t unknown(const struct bogo_list *list, const uint16_t *known, size_t count)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t at = 0;
        while (at < count && known[at] != list->value[i])
            at++;
        if (at == count)
            return list->value[i];
    }
    return 0;
}

/* Where nothing limits them, 1.2 and 1.3. */
static int settle_versions(struct bogo_connection *connection)
{
    const struct bogo_flags *flags = connection->flags;
    long min = flags->min_version > TLSM_1_2 ? flags->min_version : TLSM_1_2;
    long max = flags->max_version != 0 && flags->max_version < TLSM_1_3 ? flags->max_version : TLSM_1_3;
    if (flags->no_tls12 && min == TLSM_1_2)
        min = TLSM_1_3;
    if (flags->no_tls13 && max == TLSM_1_3)
        max = flags->no_tls12 ? TLSM_1_2 - 1 : TLSM_1_2;
    if (min > max)
        return left_out(connection, "TLS 1.1 and older", 0);
    connection->settings.version_min = (uint16_t)min;
    connection->settings.version_max = (uint16_t)max;
    return BOGO_DONE;
}

static int settle_lists(struct bogo_connection *connection)
{
    static const uint16_t groups[] = { TLSM_X25519, TLSM_SECP256R1, TLSM_SECP384R1 };
    static const uint16_t schemes[] = { TLSM_RSA_PKCS1_SHA256, TLSM_RSA_PKCS1_SHA384, TLSM_RSA_PKCS1_SHA512,
                                        TLSM_ECDSA_SECP256R1_SHA256, TLSM_ECDSA_SECP384R1_SHA384, TLSM_RSA_PSS_RSAE_SHA256,
                                        TLSM_RSA_PSS_RSAE_SHA384,    TLSM_RSA_PSS_RSAE_SHA512,    TLSM_ED25519 };
    const struct bogo_flags *flags = connection->flags;
    const uint16_t group = unknown(&flags->curves, groups, sizeof groups / sizeof groups[0]);
    const uint16_t scheme = unknown(&flags->verify_prefs, schemes, sizeof schemes / sizeof schemes[0]);
    if (group != 0)
        return left_out(connection, "-curves", group);
    if (scheme != 0)
        return left_out(connection, "-verify-prefs", scheme);
    if (flags->curves.count > 0) {
        connection->settings.groups = flags->curves.value;
        connection->settings.group_count = flags->curves.count;
    }
    if (flags->verify_prefs.count > 0) {
        connection->settings.schemes = flags->verify_prefs.value;
        connection->settings.scheme_count = flags->verify_prefs.count;
    }
    return BOGO_DONE;
}

/* -fips-202205, -wpa-202304: rules of other people about what may be negotiated, which lists can say. */
struct policy {
    struct bogo_list suites, suites12, groups, schemes;
};
static const struct policy fips_202205 = {
    { { TLSM_AES_128_GCM_SHA256, TLSM_AES_256_GCM_SHA384 }, 2 },
    { { TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256, TLSM_ECDHE_RSA_AES_128_GCM_SHA256, TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384,
        TLSM_ECDHE_RSA_AES_256_GCM_SHA384 }, 4 },
    { { TLSM_SECP256R1, TLSM_SECP384R1 }, 2 },
    { { TLSM_ECDSA_SECP256R1_SHA256, TLSM_ECDSA_SECP384R1_SHA384, TLSM_RSA_PSS_RSAE_SHA256, TLSM_RSA_PSS_RSAE_SHA384,
        TLSM_RSA_PSS_RSAE_SHA512, TLSM_RSA_PKCS1_SHA256, TLSM_RSA_PKCS1_SHA384, TLSM_RSA_PKCS1_SHA512 }, 8 }
};
static const struct policy wpa_202304 = {
    { { TLSM_AES_256_GCM_SHA384 }, 1 },
    { { TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384, TLSM_ECDHE_RSA_AES_256_GCM_SHA384 }, 2 },
    { { TLSM_SECP384R1 }, 1 },
    { { TLSM_ECDSA_SECP384R1_SHA384, TLSM_RSA_PSS_RSAE_SHA384, TLSM_RSA_PSS_RSAE_SHA512, TLSM_RSA_PKCS1_SHA384,
        TLSM_RSA_PKCS1_SHA512 }, 5 }
};

static const struct policy *policy_of(const struct bogo_flags *flags)
{
    return flags->fips_202205 ? &fips_202205 : flags->wpa_202304 ? &wpa_202304 : NULL;
}

static void settle_policy(struct bogo_connection *connection)
{
    const struct policy *policy = policy_of(connection->flags);
    struct tlsm_settings *settings = &connection->settings;
    if (policy == NULL)
        return;
    settings->suites = policy->suites.value;
    settings->suite_count = policy->suites.count;
    settings->suites12 = policy->suites12.value;
    settings->suite12_count = policy->suites12.count;
    settings->groups = policy->groups.value;
    settings->group_count = policy->groups.count;
    settings->schemes = policy->schemes.value;
    settings->scheme_count = policy->schemes.count;
}

static void add_protocol(struct bogo_connection *connection, const char *name, size_t length)
{
    struct tlsm_bytes *to = &connection->alpn[connection->settings.alpn_count];
    if (connection->settings.alpn_count == BOGO_LIST)
        return;
    to->data = (const uint8_t *)name;
    to->length = length;
    connection->settings.alpn_count++;
    connection->settings.alpn = connection->alpn;
}

static void settle_alpn(struct bogo_connection *connection)
{
    const struct bogo_flags *flags = connection->flags;
    const char *list = flags->advertise_alpn;
    const size_t length = list != NULL ? strlen(list) : 0;
    if (flags->server && flags->select_alpn != NULL && flags->select_alpn[0] != '\0')
        add_protocol(connection, flags->select_alpn, strlen(flags->select_alpn));
    if (flags->server && flags->reject_alpn)
        add_protocol(connection, "none of theirs", 14);
    for (size_t at = 0; !flags->server && at < length; at += 1 + (size_t)list[at])
        add_protocol(connection, list + at + 1, (size_t)list[at]);
}

/* The schemes that the key has, in the order of the preferences. */
static void prefer(struct bogo_connection *connection, size_t index, const struct bogo_list *wish)
{
    struct tlsm_credential *credential = &connection->credential[index];
    uint16_t *chosen = connection->chosen[index];
    size_t count = 0;
    for (size_t i = 0; i < wish->count; i++)
        for (size_t k = 0; k < credential->scheme_count; k++)
            if (credential->schemes[k] == wish->value[i])
                chosen[count++] = wish->value[i];
    if (count == 0)
        chosen[count++] = NOBODYS_SCHEME;
    credential->schemes = chosen;
    credential->scheme_count = count;
}

/* Those that have names come first, in their order; the one of the flags before them is the last resort. */
static int settle_credentials(struct bogo_connection *connection)
{
    const struct bogo_flags *flags = connection->flags;
    char why[TLSM_WHY_ROOM];   /* with the names of files that are gone when somebody could read it */
    if (flags->expect_server_name != NULL)
        connection->name[0] = text(flags->expect_server_name);
    for (size_t i = 0; i < flags->credentials; i++) {
        const struct bogo_credential *from = &flags->credential[i];
        if (from->cert_file == NULL && from->key_file == NULL)
            continue;
        connection->loaded[i] = tlsm_libcrypto_credential_load(from->cert_file, from->key_file, why, sizeof why);
        if (connection->loaded[i] == NULL) {
            return left_out(connection, "a credential of this kind", 0);
        }
        connection->credential[i] = connection->loaded[i]->credential;
        connection->credential[i].names = connection->name;   /* not those in the certificates */
        connection->credential[i].name_count = flags->expect_server_name != NULL;
        if (!flags->decline_ocsp)
            connection->credential[i].staple = from->ocsp_response;
        if (policy_of(flags) != NULL)
            prefer(connection, i, &policy_of(flags)->schemes);
        else if (from->signing_prefs.count > 0)
            prefer(connection, i, &from->signing_prefs);
        connection->settings.credential_count = i + 1;
    }
    connection->settings.credentials = connection->credential;
    return BOGO_DONE;
}

/* What the runner's own shim has at once is either or here: a cache where it asks for one in its own way or wants no tickets, and
 * everywhere else tickets that are sealed. */
static void settle_tickets(struct bogo_connection *connection)
{
    if (!connection->flags->server)
        return;
    if (connection->flags->no_ticket || connection->flags->async) {
        connection->settings.ask |= TLSM_ASK_SESSION_BIT;
        connection->settings.tickets = !connection->flags->no_ticket;
        return;
    }
    connection->settings.ticket_keys = &connection->shim->ticket_key;
    connection->settings.ticket_key_count = 1;
    connection->settings.tickets = 1;
}

size_t bogo_read_names(const char *text, uint8_t *room, size_t capacity, struct tlsm_bytes names[BOGO_LIST])
{
    size_t count = 0, used = 0;
    unsigned byte = 0;
    while (*text != '\0' && *text != '<' && count < BOGO_LIST) {
        const size_t start = used;
        for (; text[0] != '\0' && text[0] != ',' && used < capacity && sscanf(text, "%2x", &byte) == 1; text += 2)
            room[used++] = (uint8_t)byte;
        names[count].data = room + start;
        names[count++].length = used - start;
        text += *text == ',';
    }
    return count;
}

int bogo_settle(struct bogo_connection *connection)
{
    const struct bogo_flags *flags = connection->flags;
    struct tlsm_settings *settings = &connection->settings;
    int done;
    if (flags->no_ticket && !flags->server)
        return left_out(connection, "-no-ticket, client", 0);
    settings->role = flags->server ? TLSM_SERVER : TLSM_CLIENT;
    settings->ask = TLSM_ASK_CREDENTIAL_BIT;
    settings->renegotiation = flags->renegotiate_ignore ? TLSM_RENEGOTIATION_IGNORE : TLSM_RENEGOTIATION_REFUSE;
    settings->early_skip_max = MOST_SKIPPED;
    settings->insecure_master_secret = 1;   /* the runner's own shim has no rule about it */
    settings->insecure_legacy_server = !flags->no_legacy_server_connect;
    settings->ask_staple = flags->enable_ocsp_stapling != 0;
    if (flags->require_any_client_certificate)
        settings->client_auth = TLSM_CLIENT_AUTH_REQUIRE;
    else if (flags->verify_peer)
        settings->client_auth = TLSM_CLIENT_AUTH_REQUEST;
    settings->early_data = flags->enable_early_data != 0;
    settings->early_max = flags->server && flags->enable_early_data ? EARLY_MOST : 0;
    if (flags->server && flags->expect_accept_early)
        return left_out(connection, "data before the client's Finished", 0);
    if (flags->use_authorities != NULL) {
        settings->authority_count = bogo_read_names(flags->use_authorities, connection->authorities, sizeof connection->authorities,
                                                    connection->authority);
        settings->authorities = connection->authority;
    }
    done = settle_versions(connection);
    if (done == BOGO_DONE)
        done = settle_lists(connection);
    if (done == BOGO_DONE)
        done = settle_credentials(connection);
    if (done != BOGO_DONE)
        return done;
    settle_policy(connection);
    settle_alpn(connection);
    settle_tickets(connection);
    /* The runner's certificates are for no name and no date, so no chain is judged; -verify-fail is what refuses. */
    connection->judge = tlsm_judge_insecurely_trust_anyone();
    connection->config.settings = settings;
    connection->config.crypto = &tlsm_libcrypto_table;
    connection->config.self = connection->shim->instance;
    return connection->judge == NULL ? BOGO_FAILED : BOGO_DONE;
}

void bogo_unsettle(struct bogo_connection *connection)
{
    for (size_t i = 0; i < BOGO_CREDENTIALS; i++)
        tlsm_libcrypto_credential_free(connection->loaded[i]);
    tlsm_judge_free(connection->judge);
    free(connection->chain);
}
