/* SPDX-License-Identifier: MIT */
/* What the drivers share: programs that start the tlsm command and look at it from outside. */
#ifndef TLSM_TEST_DRIVER_H
#define TLSM_TEST_DRIVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { DRIVER_PATIENCE_MS = 20000 };

/* driver_fail: a sentence on stderr, then exit status 1. */
void driver_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* driver_spawn: starts argv with stdin from the file `input` (NULL: /dev/null). *out and *err: our ends of its stdout and
 * stderr; NULL: /dev/null. It dies with its parent. */
pid_t driver_spawn(const char *const argv[], const char *input, int *out, int *err);

/* driver_address: reads "listening on ADDRESS:PORT" from fd. */
void driver_address(int fd, char address[64]);

/* driver_port: the port at the end of an address. */
uint16_t driver_port(const char *address);

/* driver_connect, driver_listen: on 127.0.0.1; the latter gives the port. */
int driver_connect(uint16_t port);
int driver_listen(uint16_t *port);

/* driver_wait: the exit status, or 256 and the signal's number. */
int driver_wait(pid_t pid);

#endif
