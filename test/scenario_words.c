/* SPDX-License-Identifier: MIT */
/* What the words of a line stand for. */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

int scenario_end(const struct scenario_play *play, const char *word)
{
    if (strcmp(word, "we") == 0)
        return play->we;
    if (strcmp(word, "peer") == 0)
        return 1 - play->we;
    return strcmp(word, "client") == 0 ? 0 : strcmp(word, "server") == 0 ? 1 : -1;
}

size_t scenario_number(const struct scenario_play *play, const char *word)
{
    char *end = NULL;
    const unsigned long long number = strtoull(word, &end, 0);
    if (end == word || *end != '\0')
        scenario_fail(play, "%s is no number", word);
    return (size_t)number;
}

/* "15", or "600*41": so many of it. */
static size_t bytes_of(const struct scenario_play *play, const char *word, uint8_t *to, size_t room)
{
    const char *star = strchr(word, '*');
    const size_t count = star != NULL ? (size_t)strtoul(word, NULL, 10) : 1;
    char *end = NULL;
    const unsigned long byte = strtoul(star != NULL ? star + 1 : word, &end, 16);
    if (*end != '\0' || byte > 255 || count > room)
        scenario_fail(play, "%s is no byte", word);
    memset(to, (int)byte, count);
    return count;
}

size_t scenario_bytes(const struct scenario_play *play, int from, uint8_t *to, size_t room)
{
    size_t length = 0;
    for (int i = from; i < play->at->words; i++)
        length += bytes_of(play, play->at->word[i], to + length, room - length);
    return length;
}

uint8_t scenario_alert(const struct scenario_play *play, const char *word)
{
    for (unsigned alert = 0; alert <= 255; alert++) {
        if (strcmp(tlsm_alert_name((uint8_t)alert), word) == 0)
            return (uint8_t)alert;
    }
    scenario_fail(play, "%s is no alert", word);
}

/* ------------------------------------------------------------------------------------------------ settings */

struct choice {
    const char *setting, *value;
    size_t offset;
    uint8_t number;
};
#define CHOICE(setting, value, number) { #setting, value, offsetof(struct tlsm_settings, setting), number }
static const struct choice choices[] = {
    CHOICE(eof, "strict", TLSM_EOF_STRICT), CHOICE(eof, "framed", TLSM_EOF_FRAMED),
    CHOICE(data_while_closing, "deliver", TLSM_CLOSING_DELIVER), CHOICE(data_while_closing, "discard", TLSM_CLOSING_DISCARD),
    CHOICE(data_while_closing, "fail", TLSM_CLOSING_FAIL),
    CHOICE(close12, "reply", TLSM_CLOSE12_REPLY), CHOICE(close12, "half_close", TLSM_CLOSE12_HALF),
    CHOICE(unsent_tickets, "drop", TLSM_UNSENT_DROP), CHOICE(unsent_tickets, "send_first", TLSM_UNSENT_SEND_FIRST),
    CHOICE(tickets_after_close, "keep", TLSM_TICKETS_KEEP), CHOICE(tickets_after_close, "drop", TLSM_TICKETS_DROP),
    CHOICE(renegotiation, "refuse", TLSM_RENEGOTIATION_REFUSE), CHOICE(renegotiation, "ignore", TLSM_RENEGOTIATION_IGNORE),
    CHOICE(keep_transport, "yes", 1), CHOICE(late_auth, "yes", 1), CHOICE(ask, "credential", TLSM_ASK_CREDENTIAL_BIT),
};

static int set_choice(struct tlsm_settings *settings, const char *setting, const char *value)
{
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        if (strcmp(choices[i].setting, setting) == 0 && strcmp(choices[i].value, value) == 0) {
            *((uint8_t *)settings + choices[i].offset) = choices[i].number;
            return 1;
        }
    }
    return 0;
}

static int set_number(struct tlsm_settings *settings, const char *setting, size_t number)
{
    if (strcmp(setting, "tickets") == 0)
        settings->tickets = (uint8_t)number;
    else if (strcmp(setting, "record_limit") == 0)
        settings->record_limit = number;
    else if (strcmp(setting, "budget_bytes") == 0)
        settings->budget_bytes = number;
    else if (strcmp(setting, "budget_records") == 0)
        settings->budget_records = (uint32_t)number;
    else
        return 0;
    return 1;
}

/* "we set SETTING VALUE", before anything begins. */
int scenario_set(struct scenario_play *play, int end)
{
    const struct scenario_line *line = play->at;
    struct scenario_side *side = &play->side[end];
    if (strcmp(line->word[1], "set") != 0)
        return 0;
    if (line->words != 4)
        scenario_fail(play, "set what to what?");
    if (strcmp(line->word[2], "versions") == 0) {
        side->settings.version_min = TLSM_1_2;
        side->settings.version_max = TLSM_1_3;
    } else if (strcmp(line->word[2], "contract") == 0) {
        side->call.contract = strcmp(line->word[3], "one_call") == 0 ? TLSM_SHUTDOWN_ONE_CALL : TLSM_SHUTDOWN_TWO_STEP;
    } else if (!set_choice(&side->settings, line->word[2], line->word[3]) &&
               !set_number(&side->settings, line->word[2], scenario_number(play, line->word[3]))) {
        scenario_fail(play, "there is no setting %s", line->word[2]);
    }
    return 1;
}
