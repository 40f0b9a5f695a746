/* SPDX-License-Identifier: MIT */
/* What the other side did, in a line for people or for programs; and the list of endings. */
#include "peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *end_name(enum peer_end end)
{
    static const char *const names[] = { "waits", "fin", "reset", "gone" };
    return names[end];
}

/* A number nobody assigned a name to stands as a number. */
static const char *alert_word(const struct peer *peer, char room[48])
{
    const uint8_t alert = peer->seen.alert;
    if (alert == TLSM_ALERT_NONE)
        return NULL;
    tool_text(room, 48, "alert_%u", alert);
    return tlsm_alert_name(alert)[0] == '(' ? room : tlsm_alert_name(alert);
}

static const char *version_word(const struct options *options)
{
    return options->tls != NULL ? options->tls : "1.3";
}

/* ------------------------------------------------------------------------------------------------ for programs */

/* Sentences of ours, in which nothing has to be escaped but quotes. */
static void text(const char *key, const char *value)
{
    if (value == NULL) {
        (void)printf(",\"%s\":null", key);
        return;
    }
    (void)printf(",\"%s\":\"", key);
    for (; *value != '\0'; value++)
        if ((unsigned char)*value >= 0x20)
            (void)printf(*value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
    (void)putchar('"');
}

static void flag(const char *key, int value) { (void)printf(",\"%s\":%s", key, value ? "true" : "false"); }

static void number(const char *key, uint64_t value) { (void)printf(",\"%s\":%" PRIu64, key, value); }

static void as_json(const struct options *options, const struct peer *peer, int server, int status)
{
    char room[48];
    const struct peer_seen *const seen = &peer->seen;
    (void)printf("{\"ending\":\"%s\"", peer->ending->name);
    text("rule", peer->ending->rule);
    text("as", server ? "server" : "client");
    text("tls", version_word(options));
    flag("played", peer->why[0] == '\0');
    text("why", peer->why[0] != '\0' ? peer->why : NULL);
    text("alert", alert_word(peer, room));
    number("alert_level", seen->alert_level);
    flag("alert_in_clear", seen->alert_clear);
    flag("alert_before", seen->alert_before);
    flag("user_canceled", seen->canceled);
    text("end", end_name(seen->end));
    if (seen->end == PEER_FIN || seen->end == PEER_RESET)
        (void)printf(",\"milliseconds\":%.1f", seen->milliseconds);
    else
        text("milliseconds", NULL);
    number("bytes_in", seen->received);
    number("bytes_out", seen->sent);
    number("data_in", seen->plain);
    number("data_in_late", seen->late_plain);
    if (status >= 0)
        number("exit", (uint64_t)status);
    else
        text("exit", status == -1 ? "killed" : NULL);
    (void)puts("}");
}

/* ------------------------------------------------------------------------------------------------ for people */

static void for_people(const struct options *options, const struct peer *peer, int status)
{
    char room[48], alert[64], time[24] = "", exit[24] = "";
    const char *const word = alert_word(peer, room);
    const struct peer_seen *const seen = &peer->seen;
    if (peer->why[0] != '\0') {
        (void)printf("%-24s not played: %s\n", peer->ending->name, peer->why);
        return;
    }
    tool_text(alert, sizeof alert, "%s%s%s", word != NULL ? word : "-", seen->alert_clear ? " (clear)" : "",
              seen->alert_before ? " (before)" : "");
    if (seen->end == PEER_FIN || seen->end == PEER_RESET)
        tool_text(time, sizeof time, "%.1f", seen->milliseconds);
    if (options->run != NULL)
        tool_text(exit, sizeof exit, status < 0 ? "killed" : "%d", status);
    (void)printf("%-24s %-28s %-6s %8s %9" PRIu64 " %9" PRIu64 "%s%s\n", peer->ending->name, alert, end_name(seen->end), time,
                 seen->received, seen->late_plain, exit[0] != '\0' ? "  " : "", exit);
}

void peer_report_head(const struct options *options)
{
    if (!options->json)
        (void)printf("%-24s %-28s %-6s %8s %9s %9s%s\n", "ending", "its alert", "end", "after ms", "bytes in", "late data",
                     options->run != NULL ? "  exit" : "");
    (void)fflush(stdout);
}

void peer_report(const struct options *options, const struct peer *peer, int server, int status)
{
    if (options->json)
        as_json(options, peer, server, status);
    else
        for_people(options, peer, status);
    (void)fflush(stdout);
}

static const char *restriction(const struct peer_ending *ending)
{
    if (ending->version != PEER_ANY)
        return ending->version == TLSM_1_2 ? (ending->roles == PEER_AS_SERVER ? " (TLS 1.2, with --listen)" : " (TLS 1.2)")
                                           : (ending->roles == PEER_AS_SERVER ? " (TLS 1.3, with --listen)" : " (TLS 1.3)");
    return ending->roles == PEER_AS_SERVER ? " (with --listen)" : "";
}

void peer_report_list(const struct options *options)
{
    const struct peer_ending *ending;
    for (size_t i = 0; (ending = peer_ending_at(i)) != NULL; i++)
        if (options->json)
            (void)printf("{\"ending\":\"%s\",\"rule\":\"%s\",\"tls\":\"%s\",\"as\":\"%s\",\"what\":\"%s\"}\n", ending->name, ending->rule,
                         ending->version == PEER_ANY ? "any" : ending->version == TLSM_1_2 ? "1.2" : "1.3",
                         ending->roles == PEER_EITHER ? "either" : "server", ending->sentence);
        else
            (void)printf("%-24s %-3s %s%s\n", ending->name, ending->rule, ending->sentence, restriction(ending));
}

/* ------------------------------------------------------------------------------------------------ for scripts */

static int holds(const struct peer *peer, const char *word, size_t length)
{
    char room[48];
    const char *const alert = alert_word(peer, room), *const end = end_name(peer->seen.end);
    const char *const said = alert != NULL ? alert : "no_alert";
    return (strlen(said) == length && memcmp(said, word, length) == 0) || (strlen(end) == length && memcmp(end, word, length) == 0);
}

int peer_report_matches(const struct options *options, const struct peer *peer)
{
    const char *at = options->expect;
    while (at != NULL && *at != '\0') {
        const size_t length = strcspn(at, ",");
        if (!holds(peer, at, length))
            return 0;
        at += length + (at[length] == ',');
    }
    return 1;
}
