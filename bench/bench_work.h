/* SPDX-License-Identifier: MIT */
/* What is measured, and how one sample of it is taken. */
#ifndef TLSM_BENCH_WORK_H
#define TLSM_BENCH_WORK_H

#include "bench.h"

enum bench_work {
    BENCH_HANDSHAKE, BENCH_HANDSHAKE_COLD, BENCH_HANDSHAKE_RESUMED, BENCH_RECORD, BENCH_CLOSE, BENCH_CLOSE_FREE, BENCH_NEW_FREE,
    BENCH_REFUSE
};
/* What a target is a ratio to. BENCH_AGAINST_LIBRARIES: less than libssl takes; and less than GnuTLS and BearSSL take where the floor
 * is, else at most so many times the floor. */
enum bench_against { BENCH_AGAINST_FLOOR, BENCH_AGAINST_GNUTLS, BENCH_AGAINST_LIBRARIES };

struct bench_row {
    enum bench_work work;
    enum bench_version version;
    int count;                      /* operations in a sample */
    size_t length;                  /* of a record */
    enum bench_against against;
    double target;                  /* tlsm's time, at most so many times that of what it is compared to */
    char key[24], name[48];
};
enum { BENCH_ROWS = 16 };
extern const struct bench_row bench_rows[BENCH_ROWS];

/* bench_can: 1 when the library does such work. */
int bench_can(const struct bench_library *library, const struct bench_row *row);
/* bench_sample: ns of the thread's CPU time for one operation. Ends the program when the work fails. */
double bench_sample(const struct bench_library *library, const struct bench_row *row);
/* bench_work_prepare: fills what is sent, and measures the clock. */
void bench_work_prepare(void);
/* bench_give_up: says what failed, and ends with status 2. */
void bench_give_up(const struct bench_library *library, const char *what);

#endif
