/* SPDX-License-Identifier: MIT */
/* The tlsm command: a client, a server, and the tools that show how connections end. */
#define _DEFAULT_SOURCE

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "tlsm.h"
#include "tool.h"

static const char overview[] =
    "tlsm: TLS 1.3 and 1.2 whose ending is as well defined as its beginning.\n"
    "\n"
    "  tlsm client HOST:PORT [OPTION…]   stdin to the peer, the peer to stdout; tells a clean end from a cut one\n"
    "  tlsm server OPTION…               a server that echoes, or answers with a page\n"
    "  tlsm peer NAME… OPTION…           a peer that misbehaves: plays an ending against any TLS implementation\n"
    "  tlsm demo                         real peers, every ending, and what tells them apart\n"
    "  tlsm explore                      walks every reachable state of the closing\n"
    "  tlsm replay FILE                  plays a choice sequence (a fuzz input) and tells what happens\n"
    "  tlsm COMMAND --help               the options of a command, with examples\n"
    "  tlsm --version\n";

static const char client_usage[] =
    "tlsm client HOST:PORT [OPTION…]     ([v6]:PORT for an IPv6 address)\n"
    "\n"
    "Sends stdin to the peer and writes what the peer sends to stdout. At the end of stdin it closes its half\n"
    "(close_notify) and reads on until the peer's end. When the peer closes first, the rest of stdin is left unread.\n"
    "The exit status is 0 only when the peer's data was announced as complete.\n"
    "\n";
static const char client_examples[] =
    "\n"
    "Examples:\n"
    "  printf 'GET / HTTP/1.0\\r\\nHost: example.org\\r\\n\\r\\n' | tlsm client example.org:443 --close late\n"
    "      (late: some servers, nginx among them, take a half-close for a client that is gone)\n"
    "  tlsm client 127.0.0.1:8443 --ca ca.pem --servername localhost --verdict </dev/null\n"
    "  tlsm client localhost:8443 --ca ca.pem --deadline 2000 --trace <request\n";

static const char server_usage[] =
    "tlsm server --cert FILE --key FILE --listen ADDRESS:PORT [OPTION…]\n"
    "\n"
    "Serves many connections at once until SIGTERM or SIGINT.\n"
    "\n";
static const char server_examples[] =
    "\n"
    "Examples:\n"
    "  tlsm server --cert cert.pem --key key.pem --listen 127.0.0.1:8443 --http --file page.html\n"
    "  tlsm server --cert cert.pem --key key.pem --listen '[::1]:0' --echo --verdict\n"
    "  tlsm server --cert cert.pem --key key.pem --listen 127.0.0.1:8443 --http --size 40000 --cut 20000\n"
    "      (a server that vanishes in the middle of its answer: the client must not take it for an end)\n";

static const char relay_usage[] =
    "tlsm relay --listen ADDRESS:PORT --to HOST:PORT --toward SIDE --act WHAT --record NUMBER [--inside BYTES]\n"
    "\n"
    "A TCP relay that ends connections, or changes a bit, at a chosen record: what an unlucky network does.\n"
    "\n";

static const char peer_usage[] =
    "tlsm peer NAME… HOST:PORT [OPTION…]              against a server\n"
    "tlsm peer NAME… --listen ADDRESS:PORT [OPTION…]  against clients, one connection for each NAME\n"
    "tlsm peer --list\n"
    "\n"
    "Carries an honest connection as far as an ending begins, ends it in the way that NAME says, and tells what the other\n"
    "side did about it, as seen from the wire: its alert, FIN or reset, when, and how much it still sent. --all plays every\n"
    "ending in turn. It trusts any certificate, and shows one of its own for localhost unless --cert and --key give one.\n"
    "\n";
static const char peer_examples[] =
    "\n"
    "What is told, for each ending on one line:\n"
    "  its alert   the alert that ended the other side's half, close_notify among them; \"-\" none;\n"
    "              (clear): anybody could have sent it; (before): it came before our ending began\n"
    "  end         fin, reset, waits (it did not end within --wait), gone (we reset it, so that nothing can be seen)\n"
    "  after ms    from our last byte to that end; 0.0 also where it came earlier\n"
    "  bytes in    bytes of the wire; late data: bytes of data that were sent to us once our ending had begun\n"
    "  exit        of the command of --run, whose output goes to stderr; what a client says of a truncation is often this alone\n"
    "\n"
    "Examples:\n"
    "  tlsm peer fin_in_record --listen 127.0.0.1:0 --run 'curl -ks \"https://$TLSM_PEER/\"'\n"
    "      (does curl take half a page for a whole one?)\n"
    "  tlsm peer --all localhost:443 --tls 1.2 --json\n"
    "  tlsm peer plain_close localhost:8443 --expect unexpected_message,fin\n"
    "      (a server that believes a close_notify in the clear can be cut off by anybody)\n"
    "\n"
    "The exit status is 0 when the endings were played, whatever was seen; 1 when --expect says otherwise; 11 when one that was\n"
    "named could not be played, or, with --all, none.\n";

static void print_statuses(void)
{
    (void)puts("\nExit statuses:");
#define STATUS(name, value, text) (void)printf("  %3d  %s\n", value, text);
#include "status.def"
#undef STATUS
#define END(name, value, verdict, exit, fault, text, advice) \
    (void)printf("  %3d  %s: %s\n", exit, tlsm_how_name(TLSM_##verdict##_VERDICT), text);
#include "code.def"
#undef END
    (void)puts("  With --close one-way, 0 also stands for: our close_notify got out, and we did not wait for the peer's.");
}

static int help(enum options_for command)
{
    if (command == FOR_CLIENT) {
        (void)fputs(client_usage, stdout);
        options_help(stdout, command);
        (void)fputs(client_examples, stdout);
    } else if (command == FOR_SERVER) {
        (void)fputs(server_usage, stdout);
        options_help(stdout, command);
        (void)fputs(server_examples, stdout);
    } else if (command == FOR_PEER) {
        (void)fputs(peer_usage, stdout);
        options_help(stdout, command);
        (void)fputs(peer_examples, stdout);
    } else {
        (void)fputs(relay_usage, stdout);
        options_help(stdout, command);
    }
    print_statuses();
    return TOOL_FINE;
}

static int is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int with_options(enum options_for command, int argc, char **argv, int (*run)(const struct options *))
{
    struct options options;
    int status;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return help(command);
    status = options_parse(&options, command, argc, argv);
    return status != 0 ? status : run(&options);
}

static int other(int argc, char **argv, int (*run)(int, char **))
{
    if (run != NULL)
        return run(argc, argv);
    tool_say("This build has no %s. Build the whole project with: make", argv[0]);
    return TOOL_SETUP;
}

static int run_demo(int argc, char **argv)
{
    if (argc == 1)
        return tool_demo("/proc/self/exe");
    if (strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0)
        return tool_say("demo takes no arguments."), TOOL_USAGE;
    (void)puts("tlsm demo\n\n"
               "Ends connections in seven ways, in memory, over a BIO pair, and over TCP with openssl and curl, and compares\n"
               "what we say about each ending with what is expected. Needs the commands openssl and curl. Works in a folder of\n"
               "its own under $TMPDIR, removed at the end. The exit status is 1 if anything differs.");
    return TOOL_FINE;
}

static int dispatch(int argc, char **argv)
{
    const char *command = argv[0];
    if (strcmp(command, "client") == 0)
        return with_options(FOR_CLIENT, argc - 1, argv + 1, tool_client);
    if (strcmp(command, "server") == 0)
        return with_options(FOR_SERVER, argc - 1, argv + 1, tool_server);
    if (strcmp(command, "relay") == 0)
        return with_options(FOR_RELAY, argc - 1, argv + 1, tool_relay);
    if (strcmp(command, "peer") == 0)
        return with_options(FOR_PEER, argc - 1, argv + 1, tool_peer);
    if (strcmp(command, "demo") == 0)
        return run_demo(argc, argv);
    if (strcmp(command, "explore") == 0)
        return other(argc, argv, tlsm_explore_main);
    if (strcmp(command, "replay") == 0)
        return other(argc, argv, tlsm_replay_main);
    tool_say("There is no command \"%s\". See: tlsm --help", command);
    return TOOL_USAGE;
}

/* A full disk must not look like success. */
static int flushed(int status)
{
    if ((fflush(stdout) == 0 && ferror(stdout) == 0) || status != TOOL_FINE)
        return status;
    tool_say("Writing to stdout failed; what is there is not complete.");
    return TOOL_IO;
}

/* A standard descriptor that is closed must not become a socket; what is opened here fails when it is used. */
static void guard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
    guard_descriptors();
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        (void)fputs(overview, stderr);
        return TOOL_USAGE;
    }
    if (is_help(argv[1])) {
        (void)fputs(overview, stdout);
        print_statuses();
        return flushed(TOOL_FINE);
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)puts("tlsm " TLSM_VERSION_STRING);
        return flushed(TOOL_FINE);
    }
    return flushed(dispatch(argc - 1, argv + 1));
}
