/* SPDX-License-Identifier: MIT */
/* One table of options: what each takes, where it goes, what the help says. */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tlsm.h"
#include "tool.h"

enum kind { FLAG, TEXT, LIST, NUMBER, CLOSING, ALERT, ACTING };

struct row {
    const char *name, *argument;
    unsigned commands;
    enum kind kind;
    size_t at;
    uint64_t least, most;
    const char *text;
};

#define AT(member) offsetof(struct options, member)
#define BOTH (FOR_CLIENT | FOR_SERVER)
#define PEER_TOO (FOR_CLIENT | FOR_SERVER | FOR_PEER)
#define ANY_NUMBER 0, UINT64_MAX - 1

static const struct row rows[] = {
    { "--ca", "FILE", FOR_CLIENT, TEXT, AT(ca), 0, 0, "trust the certificates of this PEM file or folder, not the system's" },
    { "--insecure", NULL, FOR_CLIENT, FLAG, AT(insecure), 0, 0, "trust anyone: whoever sits between can be the peer" },
    { "--servername", "NAME", FOR_CLIENT | FOR_PEER, TEXT, AT(servername), 0, 0, "ask for this name, not for HOST, and judge the certificate by it" },
    { "--resume", "FILE", FOR_CLIENT, TEXT, AT(resume), 0, 0, "resume the session kept in FILE, and keep the newest one there. It is a secret" },
    { "--early-data", "FILE", FOR_CLIENT, TEXT, AT(early_file), 0, 0, "with --resume: send FILE before standard input, as early data where the session allows it. Others can send it again" },
    { "--early-data", NULL, FOR_SERVER, FLAG, AT(early), 0, 0, "read the early data of resumed connections, each once" },
    { "--client-cert", "FILE", FOR_CLIENT, TEXT, AT(client_cert), 0, 0, "PEM: the certificate and its chain, shown to a server that asks; with --client-key" },
    { "--client-key", "FILE", FOR_CLIENT, TEXT, AT(client_key), 0, 0, "PEM: its private key" },
    { "--client-ca", "FILE", FOR_SERVER, TEXT, AT(client_ca), 0, 0, "ask clients for a certificate, and judge it by this PEM file or folder" },
    { "--require-client-cert", NULL, FOR_SERVER, FLAG, AT(require_client_cert), 0, 0, "with --client-ca: refuse clients that show none" },
    { "--tickets", "NUMBER", FOR_SERVER, NUMBER, AT(tickets), 0, 16, "session tickets after each handshake, else 2" },
    { "--cert", "FILE", FOR_SERVER | FOR_PEER, LIST, AT(cert), 0, 0, "PEM: the certificate, then its chain; may be repeated, each with a --key" },
    { "--key", "FILE", FOR_SERVER | FOR_PEER, LIST, AT(key), 0, 0, "PEM: the private key" },
    { "--listen", "ADDRESS:PORT", FOR_SERVER | FOR_RELAY | FOR_PEER, TEXT, AT(listen), 0, 0, "where; port 0 takes a free one. The line \"listening on …\" tells" },
    { "--echo", NULL, FOR_SERVER, FLAG, AT(echo), 0, 0, "send back what comes (the default)" },
    { "--http", NULL, FOR_SERVER, FLAG, AT(http), 0, 0, "answer any request with a page, then close" },
    { "--keep", NULL, FOR_SERVER, FLAG, AT(keep), 0, 0, "with --http: answer request after request, none with a body, until the client closes" },
    { "--sink", NULL, FOR_SERVER, FLAG, AT(sink), 0, 0, "read and say nothing" },
    { "--file", "FILE", FOR_SERVER, TEXT, AT(file), 0, 0, "with --http: the page" },
    { "--size", "BYTES", FOR_SERVER, NUMBER, AT(size), ANY_NUMBER, "with --http: a page of so many bytes" },
    { "--status", "NUMBER", FOR_SERVER, NUMBER, AT(status), 100, 599, "with --http: the answer's status, else 200" },
    { "--late", NULL, FOR_SERVER, FLAG, AT(late), 0, 0, "with --http: answer only once the client's half is closed" },
    { "--eager", NULL, FOR_SERVER, FLAG, AT(eager), 0, 0, "with --http: answer and close before any request comes" },
    { "--alpn", "LIST", PEER_TOO, TEXT, AT(alpn), 0, 0, "application protocols, best first: h2,http/1.1" },
    { "--require-alpn", NULL, FOR_SERVER, FLAG, AT(require_alpn), 0, 0, "refuse clients that offer no protocol at all, too" },
    { "--tls", "VERSION", BOTH, TEXT, AT(tls), 0, 0, "speak only 1.2, or only 1.3; else both (1.2-1.3)" },
    { "--suite", "LIST", PEER_TOO, TEXT, AT(suite), 0, 0, "cipher suites, best first: aes-128-gcm,aes-256-gcm,chacha20-poly1305, or IANA's or OpenSSL's names" },
    { "--group", "LIST", PEER_TOO, TEXT, AT(group), 0, 0, "key exchange groups, best first: x25519,p-256,p-384" },
    { "--close", "HOW", BOTH, CLOSING, AT(close), 0, 0, "two-way (default) | one-way: do not wait | late: after the peer | abort: with an alert | none: drop it" },
    { "--alert", "NAME", BOTH, ALERT, AT(alert), 0, 0, "the alert of --close abort, else internal_error" },
    { "--deadline", "MS", BOTH, NUMBER, AT(deadline), 1, 86400000, "end the connection after so many milliseconds; a server's default is 30000" },
    { "--budget", "BYTES", BOTH, NUMBER, AT(budget), ANY_NUMBER, "data accepted after our close; 0: no limit. A server's default is 16 MiB" },
    { "--verdict", NULL, BOTH, FLAG, AT(verdict), 0, 0, "how it ended, as one line of JSON on stderr" },
    { "--trace", NULL, BOTH, FLAG, AT(trace), 0, 0, "every step of the machine on stderr" },
    { "--keylog", "FILE", BOTH, TEXT, AT(keylog), 0, 0, "append the secrets, for Wireshark. Whoever has them can read everything" },
    { "--one-byte", NULL, BOTH, FLAG, AT(one_byte), 0, 0, "move one byte at a time, for tests" },
    { "--cut", "BYTES", FOR_SERVER, NUMBER, AT(cut), ANY_NUMBER, "play a server that is gone after so many bytes on the wire" },
    { "--count", "NUMBER", FOR_SERVER | FOR_RELAY, NUMBER, AT(count), 1, UINT64_MAX - 1, "end after so many connections" },
    { "--limit", "NUMBER", FOR_SERVER, NUMBER, AT(limit), 1, 1000000, "connections at once, else 4096; more wait" },
    { "--handoff", "SOCKET", FOR_SERVER, TEXT, AT(handoff), 0, 0, "take over address and connections from the server that has this file; else make it, for the next one" },
    { "--list", NULL, FOR_PEER, FLAG, AT(list), 0, 0, "every ending, the rule of docs/closing.md that it is about, and what it is; plays none" },
    { "--all", NULL, FOR_PEER, FLAG, AT(all), 0, 0, "play all endings that --tls and the role allow, each on a connection of its own" },
    { "--tls", "VERSION", FOR_PEER, TEXT, AT(tls), 0, 0, "1.2 or 1.3, else 1.3" },
    { "--file", "FILE", FOR_PEER, TEXT, AT(file), 0, 0, "what is said before the ending, else an HTTP request or a page whose length only its end tells" },
    { "--eager", NULL, FOR_PEER, FLAG, AT(eager), 0, 0, "end without waiting, for up to a second, for first data of the other side" },
    { "--wait", "MS", FOR_PEER, NUMBER, AT(wait), 1, 86400000, "how long the other side may take to end after each ending, else 2000" },
    { "--expect", "LIST", FOR_PEER, TEXT, AT(expect), 0, 0, "what has to be seen, else the exit status is 1: an alert's name or no_alert; fin, reset or waits" },
    { "--run", "COMMAND", FOR_PEER, TEXT, AT(run), 0, 0, "with --listen: start COMMAND by sh for each ending, with TLSM_PEER=ADDRESS:PORT, and report its exit status" },
    { "--json", NULL, FOR_PEER, FLAG, AT(json), 0, 0, "each ending as one line of JSON" },
    { "--to", "HOST:PORT", FOR_RELAY, TEXT, AT(to), 0, 0, "where connections are relayed to" },
    { "--toward", "SIDE", FOR_RELAY, TEXT, AT(toward), 0, 0, "client or server: which direction is tampered with" },
    { "--act", "WHAT", FOR_RELAY, ACTING, AT(act), 0, 0, "pass | cut: end both connections | flip: change a bit of the record" },
    { "--record", "NUMBER", FOR_RELAY, NUMBER, AT(record), ANY_NUMBER, "at which application_data record, from 1" },
    { "--inside", "BYTES", FOR_RELAY, NUMBER, AT(inside), ANY_NUMBER, "so many bytes into that record, header included; 0: before it" },
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static const char *const close_names[] = { "two-way", "one-way", "abort", "none", "late" };
static const char *const act_names[] = { "pass", "cut", "flip" };

static int one_of(const char *value, const char *const names[], int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(value, names[i]) == 0)
            return i;
    return -1;
}

static int alert_by_name(const char *value)
{
    for (unsigned alert = 1; alert < TLSM_ALERT_NONE; alert++)
        if (strcmp(value, tlsm_alert_name((uint8_t)alert)) == 0)
            return (int)alert;
    return -1;
}

static int number(const struct row *row, const char *value, uint64_t *to)
{
    char *end = NULL;
    unsigned long long read;
    errno = 0;
    read = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || read < row->least || read > row->most)
        return -1;
    *to = read;
    return 0;
}

static int add(struct options_list *list, const char *value)
{
    if (list->count == OPTIONS_PAIRS)
        return -1;
    list->at[list->count++] = value;
    return 0;
}

static int set(struct options *options, const struct row *row, const char *value)
{
    void *at = (char *)options + row->at;
    int index = 0;
    switch (row->kind) {
    case FLAG:
        *(int *)at = 1;
        return 0;
    case TEXT:
        *(const char **)at = value;
        return value[0] != '\0' ? 0 : -1;
    case LIST:
        return add(at, value);
    case NUMBER:
        return number(row, value, at);
    case CLOSING:
        index = one_of(value, close_names, 5);
        options->close = (enum options_close)index;
        break;
    case ALERT:
        index = alert_by_name(value);
        options->alert = (uint8_t)index;
        break;
    case ACTING:
        index = one_of(value, act_names, 3);
        options->act = (enum options_act)index;
        break;
    }
    return index < 0 ? -1 : 0;
}

static const struct row *find(enum options_for command, const char *name, size_t length)
{
    for (size_t i = 0; i < ROWS; i++)
        if ((rows[i].commands & command) && strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0)
            return &rows[i];
    return NULL;
}

static const char *command_name(enum options_for command)
{
    return command == FOR_CLIENT ? "client" : command == FOR_SERVER ? "server" : command == FOR_PEER ? "peer" : "relay";
}

static int add_ending(struct options *options, const char *value)
{
    if (options->ending_count == OPTIONS_ENDINGS)
        return tool_say("More than %d endings: play them in several runs.", OPTIONS_ENDINGS), TOOL_USAGE;
    options->endings[options->ending_count++] = value;
    return 0;
}

static int take_place(struct options *options, enum options_for command, const char *value)
{
    if (command == FOR_PEER && strchr(value, ':') == NULL)
        return add_ending(options, value);
    if (command != FOR_CLIENT && command != FOR_PEER) {
        tool_say("\"%s\" is not understood. See: tlsm %s --help", value, command_name(command));
        return TOOL_USAGE;
    }
    if (options->place != NULL) {
        tool_say("Both \"%s\" and \"%s\" stand where one HOST:PORT belongs.", options->place, value);
        return TOOL_USAGE;
    }
    options->place = value;
    return 0;
}

/* Takes argv[*at], and the next one where it is the option's value. */
static int take(struct options *options, enum options_for command, int argc, char **argv, int *at)
{
    const char *word = argv[*at], *equals = strchr(word, '=');
    const struct row *row;
    const char *value = NULL;
    if (word[0] != '-')
        return take_place(options, command, word);
    row = find(command, word, equals != NULL ? (size_t)(equals - word) : strlen(word));
    if (row == NULL) {
        tool_say("There is no option %s for %s. See: tlsm %s --help", word, command_name(command), command_name(command));
        return TOOL_USAGE;
    }
    if (row->kind == FLAG ? equals != NULL : equals == NULL && *at + 1 == argc) {
        tool_say(row->kind == FLAG ? "%s takes no value.%s" : "%s needs a value: %s", row->name,
                 row->kind == FLAG ? "" : row->argument);
        return TOOL_USAGE;
    }
    if (row->kind != FLAG)
        value = equals != NULL ? equals + 1 : argv[++*at];
    if (set(options, row, value) == 0)
        return 0;
    tool_say("\"%s\" is no good value of %s (%s). See: tlsm %s --help", value, row->name, row->text, command_name(command));
    return TOOL_USAGE;
}

static int check_peer(const struct options *options)
{
    if (options->list)
        return 0;
    if ((options->place != NULL) + (options->listen != NULL) != 1)
        return tool_say("Say where the other side is: HOST:PORT calls a server, --listen ADDRESS:PORT waits for clients."), TOOL_USAGE;
    if ((options->ending_count > 0) + (options->all != 0) != 1)
        return tool_say("Name the endings to play, or play --all of them. tlsm peer --list shows them."), TOOL_USAGE;
    if (options->listen == NULL && (options->run != NULL || options->cert.count > 0))
        return tool_say("--run and --cert are for --listen."), TOOL_USAGE;
    if (options->tls != NULL && strcmp(options->tls, "1.2") != 0 && strcmp(options->tls, "1.3") != 0)
        return tool_say("--tls is 1.2 or 1.3, not \"%s\": what an ending is depends on it.", options->tls), TOOL_USAGE;
    if (options->cert.count != options->key.count || options->cert.count > 1)
        return tool_say("One --cert and its --key, or neither: then a certificate for localhost is made."), TOOL_USAGE;
    return 0;
}

static int check(const struct options *options, enum options_for command)
{
    if (command == FOR_PEER)
        return check_peer(options);
    if (command == FOR_CLIENT && options->place == NULL)
        return tool_say("Say whom to call: tlsm client HOST:PORT"), TOOL_USAGE;
    if (command == FOR_CLIENT && options->insecure && options->ca != NULL)
        return tool_say("--ca says whom to trust and --insecure to trust anyone: give one of them."), TOOL_USAGE;
    if ((options->client_cert == NULL) != (options->client_key == NULL))
        return tool_say("--client-cert and --client-key belong together."), TOOL_USAGE;
    if (options->require_client_cert && options->client_ca == NULL)
        return tool_say("--require-client-cert needs --client-ca, which says whose certificates are good."), TOOL_USAGE;
    if (options->early_file != NULL && options->resume == NULL)
        return tool_say("Only a resumed connection has early data: --early-data needs --resume FILE."), TOOL_USAGE;
    if (command != FOR_CLIENT && options->listen == NULL)
        return tool_say("Say where to listen: --listen 127.0.0.1:8443, or port 0 for a free one."), TOOL_USAGE;
    if (command == FOR_SERVER && options->cert.count == 0)
        return tool_say("A server needs a certificate and its key: --cert FILE --key FILE"), TOOL_USAGE;
    if (options->cert.count != options->key.count)
        return tool_say("Each --cert needs a --key: there are %zu and %zu.", options->cert.count, options->key.count),
               TOOL_USAGE;
    if (options->echo + options->http + options->sink > 1)
        return tool_say("Choose one of --echo, --http and --sink."), TOOL_USAGE;
    if (!options->http && (options->file != NULL || options->size != OPTIONS_NEVER || options->late || options->eager || options->keep))
        return tool_say("--file, --size, --late, --eager and --keep are for --http."), TOOL_USAGE;
    if (options->keep && (options->late || options->eager))
        return tool_say("--keep answers each request when it comes: neither --late nor --eager."), TOOL_USAGE;
    if (command == FOR_RELAY && options->to == NULL)
        return tool_say("Say where to: --to HOST:PORT"), TOOL_USAGE;
    if (options->toward != NULL && strcmp(options->toward, "client") != 0 && strcmp(options->toward, "server") != 0)
        return tool_say("--toward is client or server, not \"%s\".", options->toward), TOOL_USAGE;
    return 0;
}

int options_parse(struct options *options, enum options_for command, int argc, char **argv)
{
    memset(options, 0, sizeof *options);
    options->alert = TLSM_ALERT_INTERNAL_ERROR;
    options->deadline = options->size = options->cut = options->count = options->budget = OPTIONS_NEVER;
    options->limit = 4096;
    options->tickets = 2;
    options->status = 200;
    options->wait = 2000;
    for (int i = 0; i < argc; i++) {
        const int status = take(options, command, argc, argv, &i);
        if (status != 0)
            return status;
    }
    return check(options, command);
}

void options_help(FILE *out, enum options_for command)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].commands & command) {
            char name[64];
            tool_text(name, sizeof name, "%s%s%s", rows[i].name, rows[i].argument != NULL ? " " : "",
                      rows[i].argument != NULL ? rows[i].argument : "");
            (void)fprintf(out, "  %-24s %s\n", name, rows[i].text);
        }
}
