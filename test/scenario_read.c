/* SPDX-License-Identifier: MIT */
/* From text to rules and transcripts. What is read stays for the life of the program. */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

/* What docs/closing.md had when this was written, but for L1–L11: less is a sentence that is not understood. */
enum { RULES_LEAST = 93 };

struct reader {
    struct scenario_book *book;
    const char *file;
    int number;
    int good;
};

static int wrong(struct reader *reader, const char *what, const char *word)
{
    (void)fprintf(stderr, "%s:%d: %s%s%s\n", reader->file, reader->number, what, word != NULL ? ": " : "", word != NULL ? word : "");
    reader->good = 0;
    return 0;
}

static char *copy_of(const char *text)
{
    char *copy = malloc(strlen(text) + 1);
    if (copy == NULL)
        abort();
    return strcpy(copy, text);
}

/* The text behind `word` and what separates it, NULL when the line does not begin with it. */
static char *behind(char *line, const char *word)
{
    const size_t length = strlen(word);
    if (strncmp(line, word, length) != 0 || (line[length] != ' ' && line[length] != '\0'))
        return NULL;
    return line + length + strspn(line + length, " ");
}

static struct scenario_rule *rule_at_hand(struct reader *reader)
{
    return reader->book->rules > 0 ? &reader->book->rule[reader->book->rules - 1] : NULL;
}

static struct scenario_transcript *transcript_at_hand(struct reader *reader)
{
    struct scenario_book *book = reader->book;
    struct scenario_transcript *last = book->transcripts > 0 ? &book->transcript[book->transcripts - 1] : NULL;
    return last != NULL && last->rule + 1 == book->rules ? last : NULL;
}

static int read_rule(struct reader *reader, char *text)
{
    struct scenario_book *book = reader->book;
    char *sentence = strchr(text, ' ');
    if (sentence == NULL || book->rules == SCENARIO_RULES)
        return wrong(reader, "a rule needs a number and a sentence", text);
    *sentence++ = '\0';
    for (size_t i = 0; i < book->rules; i++) {
        if (strcmp(book->rule[i].number, text) == 0)
            return wrong(reader, "this rule stands here twice", text);
    }
    book->rule[book->rules].number = copy_of(text);
    book->rule[book->rules++].sentence = copy_of(sentence);
    return 1;
}

static int read_witness(struct reader *reader, char *text)
{
    struct scenario_book *book = reader->book;
    char *name = strchr(text, ' ');
    if (name == NULL || book->rules == 0 || book->witnesses == SCENARIO_WITNESSES)
        return wrong(reader, "a test needs a file and a name, and a rule before it", text);
    *name++ = '\0';
    book->witness[book->witnesses].rule = book->rules - 1;
    book->witness[book->witnesses].file = copy_of(text);
    book->witness[book->witnesses++].name = copy_of(name);
    rule_at_hand(reader)->witnesses++;
    return 1;
}

static int read_none(struct reader *reader, char *text)
{
    if (rule_at_hand(reader) == NULL || *text == '\0')
        return wrong(reader, "a reason, and a rule before it", NULL);
    rule_at_hand(reader)->none = copy_of(text);
    return 1;
}

static int read_transcript(struct reader *reader, char *text)
{
    struct scenario_book *book = reader->book;
    struct scenario_transcript *transcript = &book->transcript[book->transcripts];
    if (book->rules == 0 || *text == '\0' || book->transcripts == SCENARIO_TRANSCRIPTS)
        return wrong(reader, "a transcript needs a name, and a rule before it", NULL);
    book->transcripts++;
    rule_at_hand(reader)->transcripts++;
    transcript->rule = book->rules - 1;
    transcript->file = reader->file;
    transcript->name = copy_of(text);
    transcript->line = &book->line[book->lines];
    return 1;
}

static int read_only(struct reader *reader, const char *what)
{
    struct scenario_transcript *transcript = transcript_at_hand(reader);
    if (transcript == NULL)
        return wrong(reader, "only what?", what);
    if (strcmp(what, "TLS 1.3") == 0)
        transcript->version = TLSM_1_3;
    else if (strcmp(what, "TLS 1.2") == 0)
        transcript->version = TLSM_1_2;
    else if (strcmp(what, "as client") == 0)
        transcript->role = TLSM_CLIENT;
    else if (strcmp(what, "as server") == 0)
        transcript->role = TLSM_SERVER;
    else
        return wrong(reader, "only TLS 1.3, TLS 1.2, as client, as server", what);
    return 1;
}

/* A step of the transcript at hand. Words stand in quotes where they have spaces. */
static int read_step(struct reader *reader, char *text)
{
    struct scenario_book *book = reader->book;
    struct scenario_transcript *transcript = transcript_at_hand(reader);
    struct scenario_line *line = &book->line[book->lines];
    char *at = copy_of(text);
    if (transcript == NULL || book->lines == SCENARIO_LINES)
        return wrong(reader, "no transcript to belong to", text);
    line->number = reader->number;
    while (*at != '\0') {
        const char end = *at == '"' ? '"' : ' ';
        char *word = at += end == '"';
        at += strcspn(at, end == '"' ? "\"" : " ");
        if (*at != '\0')
            *at++ = '\0';
        at += strspn(at, " ");
        if (line->words == SCENARIO_WORDS)
            return wrong(reader, "too many words", NULL);
        line->word[line->words++] = word;
    }
    if (line->words >= 3 && strcmp(line->word[line->words - 2], "->") == 0) {
        line->result = line->word[line->words - 1];
        line->words -= 2;
    }
    book->lines++;
    transcript->lines++;
    return line->words >= 2 ? 1 : wrong(reader, "who, and what?", text);
}

static int read_line(struct reader *reader, char *line)
{
    char *rest;
    line += strspn(line, " ");
    line[strcspn(line, "\n")] = '\0';
    if (*line == '\0' || *line == '#')
        return 1;
    if ((rest = behind(line, "rule")) != NULL)
        return read_rule(reader, rest);
    if ((rest = behind(line, "test")) != NULL)
        return read_witness(reader, rest);
    if ((rest = behind(line, "no transcript:")) != NULL)
        return read_none(reader, rest);
    if ((rest = behind(line, "transcript")) != NULL)
        return read_transcript(reader, rest);
    if (strcmp(line, "over the calls, too") == 0 && transcript_at_hand(reader) != NULL) {
        transcript_at_hand(reader)->calls = 1;
        return 1;
    }
    if ((rest = behind(line, "only")) != NULL)
        return read_only(reader, rest);
    return read_step(reader, line);
}

int scenario_read(struct scenario_book *book, const char *file)
{
    struct reader reader = { book, file, 0, 1 };
    char line[512];
    FILE *from = fopen(file, "r");
    if (from == NULL)
        return wrong(&reader, "cannot be read", NULL);
    while (fgets(line, sizeof line, from) != NULL) {
        reader.number++;
        (void)read_line(&reader, line);
    }
    (void)fclose(from);
    return reader.good;
}

/* ------------------------------------------------------------------------------------------------ nothing is missing */

static int has_rule(const struct scenario_book *book, const char *number)
{
    for (size_t i = 0; i < book->rules; i++) {
        if (strcmp(book->rule[i].number, number) == 0)
            return 1;
    }
    return 0;
}

/* A rule's number, at the beginning of a sentence: one letter, digits, and what ends it. L1–L11 stand for all between. */
static size_t rule_number(const char *at, char number[8])
{
    const size_t digits = strspn(at + 1, "0123456789");
    if (*at < 'A' || *at > 'V' || digits == 0 || digits > 2)
        return 0;
    (void)snprintf(number, 8, "%.*s", (int)(1 + digits), at);
    return 1 + digits;
}

/* Numbers that a sentence of this line begins with: "A1. …", "S1. … S2. …". The invariants are no rules to be played: they hold in every run. */
static int rules_of_line(const struct scenario_book *book, const char *line, int *rules)
{
    char number[8];
    int good = 1;
    for (const char *at = line; *at != '\0'; at++) {
        const size_t length = at == line || (at - line > 1 && strncmp(at - 2, ". ", 2) == 0) ? rule_number(at, number) : 0;
        if (length == 0 || at[length] != '.' || *at == 'I')
            continue;
        ++*rules;
        if (!has_rule(book, number)) {
            (void)fprintf(stderr, "docs/closing.md has %s, test/scenarios/ has not\n", number);
            good = 0;
        }
    }
    return good;
}

static int all_rules(const struct scenario_book *book)
{
    FILE *from = fopen("docs/closing.md", "r");
    char line[4096], number[8];
    int good = from != NULL, rules = 0;
    while (from != NULL && fgets(line, sizeof line, from) != NULL)
        good = rules_of_line(book, line, &rules) && good;
    if (from != NULL)
        (void)fclose(from);
    if (rules < RULES_LEAST) {
        (void)fprintf(stderr, "docs/closing.md: only %d rules are understood\n", rules);
        good = 0;
    }
    for (int i = 1; i <= 11; i++) {
        (void)snprintf(number, sizeof number, "L%d", i);
        good = has_rule(book, number) && good;
    }
    return good;
}

/* The test is defined there; a name that only stands in a comment has no parenthesis behind it. */
static int witness_exists(const struct scenario_witness *witness)
{
    char path[128], wanted[160], line[1024];
    int found = 0;
    FILE *from;
    (void)snprintf(path, sizeof path, "test/%s.c", witness->file);
    (void)snprintf(wanted, sizeof wanted, "static void %s(", witness->name);
    from = fopen(path, "r");
    while (from != NULL && !found && fgets(line, sizeof line, from) != NULL)
        found = strstr(line, wanted) == line;
    if (from != NULL)
        (void)fclose(from);
    if (!found)
        (void)fprintf(stderr, "%s has no test %s\n", path, witness->name);
    return found;
}

int scenario_complete(const struct scenario_book *book)
{
    int good = all_rules(book);
    for (size_t i = 0; i < book->witnesses; i++)
        good = witness_exists(&book->witness[i]) && good;
    for (size_t i = 0; i < book->rules; i++) {
        const struct scenario_rule *rule = &book->rule[i];
        if ((rule->transcripts == 0) != (rule->none != NULL) || rule->transcripts + rule->witnesses == 0) {
            (void)fprintf(stderr, "%s: a transcript, or a reason why there is none and a test\n", rule->number);
            good = 0;
        }
    }
    return good;
}
