/* SPDX-License-Identifier: MIT */
/* The command line: flags.def read into the flags of the first connection, of later ones, and of a second try. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "shim.h"

enum kind { IS_SWITCH, IS_NUMBER, IS_NUMBERS, IS_TEXT, IS_BASE64, IS_NOTHING, IS_NEW_CREDENTIAL };

struct flag {
    const char *name;
    enum kind kind;
    int of_credential;
    size_t offset;
};

static const struct flag known[] = {
#define AT(flag, kind, field) { flag, kind, 0, offsetof(struct bogo_flags, field) },
#define IN(flag, kind, field) { flag, kind, 1, offsetof(struct bogo_credential, field) },
#define SWITCH(flag, field) AT(flag, IS_SWITCH, field)
#define NUMBER(flag, field) AT(flag, IS_NUMBER, field)
#define NUMBERS(flag, field) AT(flag, IS_NUMBERS, field)
#define TEXT(flag, field) AT(flag, IS_TEXT, field)
#define BASE64(flag, field) AT(flag, IS_BASE64, field)
#define NOTHING(flag) { flag, IS_NOTHING, 0, 0 },
#define NEW_CREDENTIAL(flag) { flag, IS_NEW_CREDENTIAL, 0, 0 },
#define CREDENTIAL_SWITCH(flag, field) IN(flag, IS_SWITCH, field)
#define CREDENTIAL_TEXT(flag, field) IN(flag, IS_TEXT, field)
#define CREDENTIAL_NUMBERS(flag, field) IN(flag, IS_NUMBERS, field)
#define CREDENTIAL_BASE64(flag, field) IN(flag, IS_BASE64, field)
#include "flags.def"
};

static const struct flag *find(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    return NULL;
}

/* 1: `name` began with `prefix`, which is now behind it. */
static int take_prefix(const char **name, const char *prefix)
{
    const size_t length = strlen(prefix);
    if (strncmp(*name, prefix, length) != 0 || (*name)[length] != '-')
        return 0;
    *name += length;
    return 1;
}

static int add_number(struct bogo_list *list, const char *text)
{
    if (list->count == BOGO_LIST)
        return 0;
    list->value[list->count++] = (uint16_t)strtoul(text, NULL, 10);
    return 1;
}

/* Lives as long as the program. */
static int decode(struct tlsm_bytes *bytes, const char *text)
{
    const size_t length = strlen(text);
    uint8_t *room = malloc(length + 1);
    int got = room == NULL ? -1 : EVP_DecodeBlock(room, (const unsigned char *)text, (int)length);
    if (got < 0) {
        free(room);
        return 0;
    }
    for (size_t i = length; i > 0 && text[i - 1] == '='; i--)
        got--;
    bytes->data = room;
    bytes->length = (size_t)got;
    return 1;
}

/* The one without a number stays the last. */
static int new_credential(struct bogo_flags *flags)
{
    static const struct bogo_credential none;
    if (flags->credentials == BOGO_CREDENTIALS)
        return 0;
    flags->credential[flags->credentials] = flags->credential[flags->credentials - 1];
    flags->credential[flags->credentials - 1] = none;
    flags->credentials++;
    flags->named++;
    return 1;
}

static int set(struct bogo_flags *flags, const struct flag *flag, const char *value)
{
    struct bogo_credential *credential = &flags->credential[flags->named > 0 ? flags->named - 1 : 0];
    char *at = (flag->of_credential ? (char *)credential : (char *)flags) + flag->offset;
    switch (flag->kind) {
    case IS_SWITCH: *(int *)(void *)at = 1; return 1;
    case IS_NUMBER: *(long *)(void *)at = strtol(value, NULL, 10); return 1;
    case IS_NUMBERS: return add_number((struct bogo_list *)(void *)at, value);
    case IS_TEXT: *(const char **)(void *)at = value; return 1;
    case IS_BASE64: return decode((struct tlsm_bytes *)(void *)at, value);
    case IS_NOTHING: return 1;
    case IS_NEW_CREDENTIAL: return new_credential(flags);
    }
    return 0;
}

static void begin(struct bogo_flags flags[BOGO_TURNS])
{
    memset(flags, 0, BOGO_TURNS * sizeof *flags);
    for (int turn = 0; turn < BOGO_TURNS; turn++) {
        flags[turn].credentials = 1;
        flags[turn].initial_write = "hello";
        flags[turn].export_label = flags[turn].export_context = "";
        flags[turn].repeat_initial_write = 1;
        flags[turn].expect_credential = BOGO_ANY_CREDENTIAL;
    }
}

int bogo_parse(int count, char **argument, struct bogo_flags flags[BOGO_TURNS], char missing[BOGO_TEXT])
{
    begin(flags);
    for (int i = 1; i < count; i++) {
        const char *name = argument[i], *value = NULL;
        const int elsewhere = !take_prefix(&name, "-on-shim") && take_prefix(&name, "-on-handshaker");
        const int only = take_prefix(&name, "-on-initial")  ? BOGO_INITIAL
                         : take_prefix(&name, "-on-resume") ? BOGO_RESUME
                         : take_prefix(&name, "-on-retry")  ? BOGO_RETRY
                                                            : BOGO_TURNS;
        const struct flag *flag = find(name);
        const int alone = flag != NULL && (flag->kind == IS_SWITCH || flag->kind == IS_NOTHING || flag->kind == IS_NEW_CREDENTIAL);
        if (flag != NULL && !alone)
            value = ++i < count ? argument[i] : NULL;
        if (flag == NULL || (!alone && value == NULL)) {
            snprintf(missing, BOGO_TEXT, "%.100s", name);
            return BOGO_LEFT_OUT;
        }
        for (int turn = 0; turn < BOGO_TURNS && !elsewhere; turn++)
            if ((only == BOGO_TURNS || only == turn) && !set(&flags[turn], flag, value)) {
                snprintf(missing, BOGO_TEXT, "%.100s", name);
                return BOGO_LEFT_OUT;
            }
    }
    return BOGO_DONE;
}
