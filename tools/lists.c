/* SPDX-License-Identifier: MIT */
/* From the lists of the command line to settings: versions, cipher suites, groups, application protocols. */
#include <string.h>

#include "endpoint.h"
#include "names.h"
#include "tool.h"

/* The next name of "a,b,c"; 0 at the end. */
static int next_name(const char **at, struct tlsm_bytes *name)
{
    const char *comma;
    if (*at == NULL)
        return 0;
    comma = strchr(*at, ',');
    name->data = (const uint8_t *)*at;
    name->length = comma != NULL ? (size_t)(comma - *at) : strlen(*at);
    *at = comma != NULL ? comma + 1 : NULL;
    return 1;
}

static int read_alpn(struct endpoint *endpoint, const char *list)
{
    struct tlsm_bytes name;
    while (next_name(&list, &name)) {
        if (name.length == 0 || name.length > 255 || endpoint->settings.alpn_count == ENDPOINT_NAMES)
            return tool_say("--alpn takes up to %d names of 1 to 255 bytes, separated by commas.", ENDPOINT_NAMES),
                   TOOL_USAGE;
        endpoint->alpn[endpoint->settings.alpn_count++] = name;
    }
    endpoint->settings.alpn = endpoint->alpn;
    return 0;
}

static int unknown(const char *option, struct tlsm_bytes name)
{
    return tool_say("%s does not know \"%.*s\". The help lists what it knows.", option, (int)name.length, (const char *)name.data),
           TOOL_USAGE;
}

static int read_groups(struct endpoint *endpoint, const char *list)
{
    struct tlsm_settings *settings = &endpoint->settings;
    struct tlsm_bytes name;
    while (next_name(&list, &name)) {
        const uint16_t value = group_number((const char *)name.data, name.length);
        if (value == 0 || settings->group_count == ENDPOINT_NAMES)
            return unknown("--group", name);
        endpoint->groups[settings->group_count++] = value;
    }
    settings->groups = settings->group_count > 0 ? endpoint->groups : NULL;
    return 0;
}

/* A short name is a suite of TLS 1.3 and those of TLS 1.2 with the same cipher. */
static int read_suites(struct endpoint *endpoint, const char *list)
{
    struct tlsm_settings *settings = &endpoint->settings;
    struct tlsm_bytes name;
    while (next_name(&list, &name)) {
        uint16_t numbers[NAMES_SUITES];
        const size_t count = suite_numbers((const char *)name.data, name.length, numbers);
        if (count == 0 || settings->suite_count + count > ENDPOINT_NAMES || settings->suite12_count + count > ENDPOINT_NAMES)
            return unknown("--suite", name);
        for (size_t i = 0; i < count; i++) {
            if (suite_is_13(numbers[i]))
                endpoint->suites[settings->suite_count++] = numbers[i];
            else
                endpoint->suites12[settings->suite12_count++] = numbers[i];
        }
    }
    settings->suites = settings->suite_count > 0 ? endpoint->suites : NULL;
    settings->suites12 = settings->suite12_count > 0 ? endpoint->suites12 : NULL;
    return 0;
}

/* A version of which --suite names none is not spoken. */
static int read_versions(struct endpoint *endpoint, const struct options *options)
{
    struct tlsm_settings *settings = &endpoint->settings;
    int older = options->tls == NULL || strcmp(options->tls, "1.2") == 0 || strcmp(options->tls, "1.2-1.3") == 0;
    int newer = options->tls == NULL || strcmp(options->tls, "1.3") == 0 || strcmp(options->tls, "1.2-1.3") == 0;
    if (!older && !newer)
        return tool_say("--tls is 1.2, 1.3 or 1.2-1.3, not \"%s\".", options->tls), TOOL_USAGE;
    older = older && (options->suite == NULL || settings->suites12 != NULL);
    newer = newer && (options->suite == NULL || settings->suites != NULL);
    if (!older && !newer)
        return tool_say("--suite names no suite of TLS %s.", options->tls), TOOL_USAGE;
    settings->version_min = older ? TLSM_1_2 : TLSM_1_3;
    settings->version_max = newer ? TLSM_1_3 : TLSM_1_2;
    return 0;
}

int endpoint_lists(struct endpoint *endpoint, const struct options *options)
{
    int status = read_alpn(endpoint, options->alpn);
    if (status == 0)
        status = read_suites(endpoint, options->suite);
    if (status == 0)
        status = read_groups(endpoint, options->group);
    return status != 0 ? status : read_versions(endpoint, options);
}
