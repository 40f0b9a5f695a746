/* SPDX-License-Identifier: MIT */
/* The nth call of the system fails: for every n until none is hit, with every error that it may give, once and for ever, and
 * moving fewer bytes than it was asked to. test/fault_calls.def says which calls and which errors.
 *
 *   Makefile   FAULT_TESTS += NAME_fault_test
 *   scenario   static void scenario(void *context)
 *              {
 *                  ... make both ends; the peer is ours too, in this thread, and moves in fault.idle(fault.idle_context) ...
 *                  fault_arm();      from here on calls are counted, and one of them fails
 *                  ... calls of the adapter, until it ends; those that say "repeat" are repeated ...
 *                  fault_disarm();   calls of the test are not counted: disarm around them
 *                  ... free everything, assert what must hold in any run ...
 *                  if (fault.effect <= FAULT_MILD) { ... assert the undisturbed result ... }
 *              }
 *   test       fault_sweep("a whole life", scenario, &context);
 *
 * In a sweep time is virtual: CLOCK_MONOTONIC and CLOCK_REALTIME advance by fault.tick_ms with every call, and by what is
 * left where poll(2) or epoll_wait(2) would wait: first fault.idle() is called until it says 0 (the peer can do nothing more).
 * While armed a wait without end fails the test, and so do more than FAULT_CALLS_MAX calls in one run (I13). send() and sendmsg() without
 * MSG_NOSIGNAL fail it (H5). After each run: as many descriptors, blocks of memory and address lists as before it, and no freed
 * block held a secret that was told to fault_secret(). `hit` says whether the fault came to pass; `error` and `name` which. */
#ifndef TLSM_TEST_FAULT_SWEEP_H
#define TLSM_TEST_FAULT_SWEEP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct addrinfo;

enum { FAULT_CALLS_MAX = 20000 };

enum fault_effect {
    FAULT_NONE,   /* the undisturbed run */
    FAULT_MILD,   /* interrupted, not yet, or in part: must change nothing at all in the result */
    FAULT_ONCE,   /* failed once */
    FAULT_EVER    /* and whenever it was called again */
};

struct fault {
    /* Set by the scenario, before it arms. */
    int (*idle)(void *context);   /* what the rest of the world does meanwhile; 1: it did something. NULL: nothing */
    void *idle_context;
    uint64_t tick_ms;             /* what a call takes; 1 unless set */
    unsigned ignored;             /* enum fault_group bits: calls that work as ever */
    const char *endless;          /* calls without a deadline: they are interrupted or not ready once, not for ever */
    struct addrinfo *addresses;   /* what getaddrinfo(3) gives, while it works; NULL: its own answer */
    /* What this run is. */
    enum fault_effect effect;
    int hit;                      /* it came to pass */
    int error;                    /* errno (getaddrinfo: its code) that was given; 0: fewer bytes */
    const char *name;             /* of the call */
    unsigned long calls;          /* counted so far */
    uint64_t now_ms;              /* virtual */
    int reset_asked;              /* SO_LINGER with a time of zero was set */
};
enum fault_group { FAULT_MEMORY = 1, FAULT_CLOCK = 2 };
extern struct fault fault;

/* fault_sweep: runs the scenario undisturbed, then with every fault. Prints how many calls and faults there were. Returns the
 * number of faults. */
unsigned long fault_sweep(const char *title, void (*scenario)(void *context), void *context);
/* fault_sweep_some: the same, but only one call in `stride` fails; all of them with TLSM_FAULT_SWEEP=1 in the environment. */
unsigned long fault_sweep_some(const char *title, void (*scenario)(void *context), void *context, unsigned long stride);
/* fault_only: one run, in which every call of that name fails: for tests of one fault. */
void fault_only(const char *name, int error, void (*scenario)(void *context), void *context);
void fault_arm(void);
void fault_disarm(void);
/* fault_next: for calls that are not the system's (a BIO's, a queue's): counts this one. 1: it has to fail; *error says how, 0:
 * in part. `mild`: how many of the errors at the front may change nothing. `errors` ends with 0; `parts`: 1: it may move
 * less; -1: it never fails for ever. */
int fault_next(const char *name, const int *errors, unsigned mild, int parts, int *error);
/* fault_part: how much to move of `length` after fault_next() gave an error of 0. */
size_t fault_part(size_t length);
/* fault_secret: from now on to the end of the run no freed block may hold these bytes (the first 16 are looked for). */
void fault_secret(const void *bytes, size_t length);
/* fault_blocks: memory blocks in use. */
long fault_blocks(void);

#endif
