/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "driver.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void driver_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    exit(1);
}

static void become(const char *const argv[], const char *input, const int out[2], const int err[2])
{
    const int null = open("/dev/null", O_WRONLY), in = open(input != NULL ? input : "/dev/null", O_RDONLY);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(in, 0);
    (void)dup2(out[1] >= 0 ? out[1] : null, 1);
    (void)dup2(err[1] >= 0 ? err[1] : null, 2);
    (void)close(in);
    (void)close(null);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

pid_t driver_spawn(const char *const argv[], const char *input, int *out, int *err)
{
    int out_pipe[2] = { -1, -1 }, err_pipe[2] = { -1, -1 };
    pid_t pid;
    if ((out != NULL && pipe2(out_pipe, O_CLOEXEC) < 0) || (err != NULL && pipe2(err_pipe, O_CLOEXEC) < 0))
        driver_fail("no pipe");
    pid = vfork();
    if (pid < 0)
        driver_fail("no process");
    if (pid == 0)
        become(argv, input, out_pipe, err_pipe);
    if (out != NULL)
        (void)close(out_pipe[1]);
    if (err != NULL)
        (void)close(err_pipe[1]);
    if (out != NULL)
        *out = out_pipe[0];
    if (err != NULL)
        *err = err_pipe[0];
    return pid;
}

void driver_address(int fd, char address[64])
{
    static const char begin[] = "listening on ";
    char line[128];
    size_t have = 0;
    struct pollfd watched = { fd, POLLIN, 0 };
    while (have < sizeof line - 1 && poll(&watched, 1, DRIVER_PATIENCE_MS) > 0 && read(fd, line + have, 1) == 1 &&
           line[have] != '\n')
        have++;
    line[have] = '\0';
    if (strncmp(line, begin, sizeof begin - 1) != 0)
        driver_fail("the server said \"%s\"", line);
    (void)snprintf(address, 64, "%.63s", line + sizeof begin - 1);
}

uint16_t driver_port(const char *address)
{
    return (uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10);
}

static struct sockaddr_in local(uint16_t port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

int driver_connect(uint16_t port)
{
    const struct sockaddr_in address = local(port);
    const int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        driver_fail("cannot connect to port %u", port);
    return fd;
}

int driver_listen(uint16_t *port)
{
    struct sockaddr_in address = local(0);
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 16) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        driver_fail("cannot listen");
    *port = ntohs(address.sin_port);
    return fd;
}

int driver_wait(pid_t pid)
{
    int status = 0;
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}
