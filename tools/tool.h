/* SPDX-License-Identifier: MIT */
/* What the files of the tlsm command share: exit statuses, sentences on stderr, the subcommands. */
#ifndef TLSM_TOOL_H
#define TLSM_TOOL_H

#include <stddef.h>
#include <stdint.h>

enum tool_status {
#define STATUS(name, value, text) TOOL_##name = value,
#include "status.def"
#undef STATUS
};

struct options;

#if defined(__GNUC__)
#define TOOL_LIKE_PRINTF(form, first) __attribute__((format(printf, form, first)))
#else
#define TOOL_LIKE_PRINTF(form, first)
#endif

/* tool_say: one sentence on stderr, behind "tlsm: ". */
void tool_say(const char *format, ...) TOOL_LIKE_PRINTF(1, 2);

/* tool_text: as snprintf(3), always terminated; what does not fit is cut. */
void tool_text(char *to, size_t room, const char *format, ...) TOOL_LIKE_PRINTF(3, 4);

/* tool_split: "host:port" or "[v6]:port" into two strings. 0, or -1 when it is neither. */
int tool_split(const char *place, char host[256], char port[32]);

/* tool_listen: a listening socket on ADDR:PORT (port 0: a free one); prints "listening on ADDR:PORT" on stdout, at once.
 * -1: said why. */
int tool_listen(const char *place);

/* tool_bind: the same, without the line. */
int tool_bind(const char *place);

/* tool_announce: prints "listening on ADDR:PORT" of a listening socket. 0, or not. */
int tool_announce(int fd);

/* tool_raise_descriptors: as many descriptors as the system allows this process. Returns how many. */
size_t tool_raise_descriptors(void);

/* The subcommands; each returns an exit status. */
int tool_client(const struct options *options);
int tool_server(const struct options *options);
int tool_relay(const struct options *options);
int tool_peer(const struct options *options);
int tool_demo(const char *program);

/* In files of their own; absent from builds without them. argv[0] is the subcommand's name. */
#if defined(__GNUC__)
int tlsm_explore_main(int argc, char **argv) __attribute__((weak));
int tlsm_replay_main(int argc, char **argv) __attribute__((weak));
#endif

#endif
