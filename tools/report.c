/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "names.h"
#include "tool.h"

/* --close one-way: ours got out, and not to wait was our own wish. */
static int one_way_done(const struct tlsm_verdict *verdict, const struct options *options)
{
    return options->close == CLOSE_ONE_WAY && verdict->how == TLSM_CLOSED_INCOMPLETE_VERDICT &&
           verdict->cause == TLSM_CAUSE_ABANDON;
}

int report_status(const struct session *session, const struct options *options)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(session->socket->link.state, &verdict);
    if (session->refused)
        return TOOL_REFUSED;
    return one_way_done(&verdict, options) ? TOOL_FINE : tlsm_how_exit(verdict.how);
}

/* ------------------------------------------------------------------------------------------------ JSON */

/* One line that is written at once, so that connections do not mix. */
struct line {
    char text[2048];
    size_t length;
};

static void add(struct line *line, const char *format, const char *key, const char *value)
{
    char part[768];
    tool_text(part, sizeof part, format, key, value);
    tool_text(line->text + line->length, sizeof line->text - line->length, "%s%s", line->length > 1 ? "," : "", part);
    line->length += strlen(line->text + line->length);
}

static void add_text(struct line *line, const char *key, const char *value)
{
    char safe[512];
    size_t at = 0;
    if (value == NULL) {
        add(line, "\"%s\":%s", key, "null");
        return;
    }
    for (; *value != '\0' && at + 7 < sizeof safe; value++) {
        const unsigned char c = (unsigned char)*value;
        if (c == '"' || c == '\\') {
            safe[at++] = '\\';
            safe[at++] = *value;
        } else if (c < 0x20) {
            tool_text(safe + at, sizeof safe - at, "\\u%04x", c);
            at += 6;
        } else {
            safe[at++] = *value;
        }
    }
    safe[at] = '\0';
    add(line, "\"%s\":\"%s\"", key, safe);
}

static void add_number(struct line *line, const char *key, uint64_t value)
{
    char digits[24];
    tool_text(digits, sizeof digits, "%" PRIu64, value);
    add(line, "\"%s\":%s", key, digits);
}

static void add_bool(struct line *line, const char *key, int value)
{
    add(line, "\"%s\":%s", key, value ? "true" : "false");
}

/* A number nobody assigned a name to stands as a number. */
static void add_alert(struct line *line, const char *key, uint8_t alert)
{
    char digits[16];
    tool_text(digits, sizeof digits, "alert %u", alert);
    if (alert == TLSM_ALERT_NONE)
        add_text(line, key, NULL);
    else
        add_text(line, key, tlsm_alert_name(alert)[0] == '(' ? digits : tlsm_alert_name(alert));
}

static const char *early_name(uint8_t early)
{
    return early == TLSM_EARLY_ACCEPTED ? "accepted" : early == TLSM_EARLY_REJECTED ? "rejected" : early == TLSM_EARLY_UNKNOWN ? "unknown"
                                                                                                                          : NULL;
}

static void add_verdict(struct line *line, const struct tlsm_verdict *verdict, const struct tlsm_ledger *ledger)
{
    add_text(line, "cause", tlsm_cause_name(verdict->cause));
    add_text(line, "phase", tlsm_phase_name(verdict->phase));
    add_text(line, "first_mover", tlsm_mover_name(verdict->first_mover));
    add_text(line, "place", tlsm_place_name(verdict->place));
    add_number(line, "eof_have", verdict->eof_have);
    add_number(line, "eof_need", verdict->eof_need);
    add_alert(line, "alert_sent", verdict->alert_sent);
    add_bool(line, "alert_delivered", verdict->alert_delivered);
    add_alert(line, "alert_received", verdict->alert_received);
    add_number(line, "alert_received_level", verdict->alert_received_level);
    add_bool(line, "alert_authenticated", verdict->alert_authenticated);
    add_bool(line, "peer_canceled", verdict->peer_canceled);
    add_bool(line, "resumed", verdict->resumed != 0);
    add_bool(line, "resumable", verdict->resumable);
    add_text(line, "early_data", early_name(verdict->early));
    add_number(line, "bytes_in", verdict->plain_in);
    add_number(line, "bytes_out", verdict->plain_out);
    add_number(line, "discarded", verdict->discarded);
    add_number(line, "untaken", verdict->untaken);
    add_number(line, "skipped", verdict->skipped);
    add_number(line, "early_in", ledger->early_in);
    add_number(line, "early_out", ledger->early_out);
    add_bool(line, "peer_may_not_read", verdict->peer_may_not_read != 0);
}

static void add_negotiated(struct line *line, const struct session *session)
{
    const struct tlsm_state *state = session->socket->link.state;
    const struct tlsm_settings *settings = &session->endpoint->settings;
    char alpn[256] = "";
    if (state->alpn > 0 && state->alpn <= settings->alpn_count)
        tool_text(alpn, sizeof alpn, "%.*s", (int)settings->alpn[state->alpn - 1].length,
                  (const char *)settings->alpn[state->alpn - 1].data);
    add_text(line, "version", state->control.version == TLSM_1_3 ? "TLS 1.3" : state->control.version == TLSM_1_2 ? "TLS 1.2"
                                                                                                              : NULL);
    add_text(line, "suite", suite_name(state->suite));
    add_text(line, "group", group_name(state->group));
    add_bool(line, "retried", (state->control.facts & TLSM_FACT_RETRIED) != 0);
    add_text(line, "alpn", alpn[0] != '\0' ? alpn : NULL);
    if (settings->role == TLSM_SERVER) {
        add_text(line, "client", session->client[0] != '\0' ? session->client : NULL);
        add_bool(line, "client_shown", tlsm_peer_shown(state));
    }
}

void report_json(FILE *out, const struct session *session, const struct options *options, const char *peer)
{
    struct tlsm_verdict verdict;
    struct line line = { "{", 1 };
    tlsm_verdict(session->socket->link.state, &verdict);
    add_text(&line, "verdict", tlsm_how_name(verdict.how));
    add_number(&line, "exit", (uint64_t)report_status(session, options));
    if (session->id != 0)
        add_number(&line, "connection", session->id);
    if (peer != NULL)
        add_text(&line, "peer", peer);
    add_verdict(&line, &verdict, &session->socket->link.state->ledger);
    add_negotiated(&line, session);
    add_text(&line, "error", session->socket->error != 0 ? strerror(session->socket->error) : NULL);
    add_text(&line, "why", session->why[0] != '\0' ? session->why : NULL);
    (void)fprintf(out, "%s}\n", line.text);
    (void)fflush(out);
}

/* ------------------------------------------------------------------------------------------------ sentences */

/* What the verdict knows beyond its name: where, which alert, what the system said. */
static void details(const struct session *session, const struct tlsm_verdict *verdict, char *to, size_t room)
{
    char place[96] = "", alert[96] = "", error[160] = "";
    if (verdict->place == TLSM_PLACE_BODY)
        tool_text(place, sizeof place, " It ended inside a record, after %u of %u bytes.", verdict->eof_have, verdict->eof_need);
    else if (verdict->place == TLSM_PLACE_HEADER)
        tool_text(place, sizeof place, " It ended inside a record's header, after %u of 5 bytes.", verdict->eof_have);
    else if (verdict->place == TLSM_PLACE_BOUNDARY)
        tool_text(place, sizeof place, " It ended between two records.");
    else if (verdict->place == TLSM_PLACE_MESSAGE)
        tool_text(place, sizeof place, " It ended between the fragments of a message.");
    else if (verdict->place == TLSM_PLACE_UNKNOWN)
        tool_text(place, sizeof place, " Whether it ended inside a record cannot be told.");
    if (verdict->alert_received != TLSM_ALERT_NONE && verdict->alert_received != TLSM_ALERT_CLOSE_NOTIFY)
        tool_text(alert, sizeof alert, " The peer sent the alert %s (%u).", tlsm_alert_name(verdict->alert_received),
                  verdict->alert_received);
    else if (verdict->alert_sent != TLSM_ALERT_NONE && verdict->alert_sent != TLSM_ALERT_CLOSE_NOTIFY)
        tool_text(alert, sizeof alert, " We sent the alert %s (%u).", tlsm_alert_name(verdict->alert_sent),
                  verdict->alert_sent);
    else if (verdict->how == TLSM_HANDSHAKE_FAILED_VERDICT && verdict->cause == TLSM_CAUSE_DEADLINE)
        tool_text(alert, sizeof alert, " The deadline passed first.");
    if (session->socket->error != 0)
        tool_text(error, sizeof error, " The system says: %s.", strerror(session->socket->error));
    tool_text(to, room, "%s%s%s", alert, place, error);
}

/* What code.def cannot know: which options help, and what is usual where a handshake fails. */
static const char *hint(const struct tlsm_verdict *verdict, const struct options *options)
{
    if (verdict->how != TLSM_HANDSHAKE_FAILED_VERDICT)
        return "";
    if (verdict->phase == TLSM_PHASE_C_WAIT_HELLO &&
        (verdict->cause == TLSM_CAUSE_LOCAL_ALERT || verdict->alert_received == TLSM_ALERT_PROTOCOL_VERSION))
        return " Perhaps what answers there speaks no version of TLS that was asked for.";
    return options->verdict ? "" : " --verdict shows it.";
}

void report_sentence(const struct session *session, const struct options *options)
{
    struct tlsm_verdict verdict;
    char more[512];
    enum tlsm_code code;
    if (report_status(session, options) == TOOL_FINE)
        return;
    if (session->refused) {
        tool_say("The server's certificate was refused: %s", session->why);
        return;
    }
    tlsm_verdict(session->socket->link.state, &verdict);
    details(session, &verdict, more, sizeof more);
    code = tlsm_how_code(verdict.how);
    tool_say("%s%s %s%s", tlsm_code_text(code), more, tlsm_code_advice(code), hint(&verdict, options));
}
