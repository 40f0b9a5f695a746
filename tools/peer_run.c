/* SPDX-License-Identifier: MIT */
/* --run: a command for each ending, in a process group of its own, and how it ended. */
#define _GNU_SOURCE

#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Only what may be called between fork and exec. What the command writes goes to stderr: stdout is the report's. */
static void become(const char *command, char *const environment[], int ended)
{
    const char *const argv[] = { "sh", "-c", command, NULL };
    const int nothing = open("/dev/null", O_RDONLY);
    (void)setpgid(0, 0);
    (void)dup2(nothing, STDIN_FILENO);
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    (void)fcntl(ended, F_SETFD, 0);   /* open until the last of them is gone */
    (void)signal(SIGPIPE, SIG_DFL);
    (void)execve("/bin/sh", (char *const *)(uintptr_t)argv, environment);
    _exit(127);
}

extern char **environ;

/* The environment with our three words in front, of which the first counts. */
static char **environment_with(char words[3][320])
{
    size_t count = 0;
    char **with;
    while (environ[count] != NULL)
        count++;
    with = calloc(count + 4, sizeof *with);
    if (with == NULL)
        return NULL;
    for (size_t i = 0; i < 3; i++)
        with[i] = words[i];
    memcpy(with + 3, environ, count * sizeof *with);
    return with;
}

int peer_run_start(struct peer_run *run, const char *command, const char *address, const char *ending)
{
    char words[3][320];
    const char *const colon = strrchr(address, ':');
    int ends[2];
    char **environment;
    tool_text(words[0], sizeof words[0], "TLSM_PEER=%s", address);
    tool_text(words[1], sizeof words[1], "TLSM_PEER_PORT=%s", colon != NULL ? colon + 1 : "");
    tool_text(words[2], sizeof words[2], "TLSM_PEER_ENDING=%s", ending);
    environment = environment_with(words);
    if (environment == NULL || pipe2(ends, O_CLOEXEC) < 0)
        return free(environment), -1;
    run->pid = fork();
    if (run->pid == 0)
        become(command, environment, ends[1]);
    free(environment);
    (void)close(ends[1]);
    run->ended = ends[0];
    if (run->pid < 0)
        return (void)close(ends[0]), -1;
    (void)setpgid(run->pid, run->pid);   /* whoever comes first */
    return 0;
}

int peer_run_end(struct peer_run *run, int milliseconds)
{
    struct pollfd watched = { run->ended, 0, 0 };
    const double until = peer_now() + milliseconds;
    int status = 0, found, in_time;
    do {
        const double rest = until - peer_now();
        found = poll(&watched, 1, rest > 0 ? (int)rest + 1 : 0);
    } while (found < 0 && errno == EINTR);
    in_time = found > 0;
    if (!in_time)
        (void)kill(-run->pid, SIGKILL);
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
        ;
    (void)close(run->ended);
    if (!in_time)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
