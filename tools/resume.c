/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE

#include "resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* The file begins with this line; what follows is tlsm_session_write()'s. */
static const char magic[] = "tlsm session\n";
enum { MAGIC = sizeof magic - 1, PATH_ROOM = 4096 };

/* ------------------------------------------------------------------------------------------------ reading */

static int unreadable(const char *path)
{
    return tool_say("Cannot read the session in %s: %s.", path, strerror(errno)), TOOL_SETUP;
}

static int load(struct resume *resume)
{
    const int fd = open(resume->path, O_RDONLY | O_CLOEXEC);
    size_t have = 0;
    ssize_t got = 1;
    if (fd < 0)
        return errno == ENOENT ? 0 : unreadable(resume->path);
    while (have < sizeof resume->old && (got = read(fd, resume->old + have, sizeof resume->old - have)) > 0)
        have += (size_t)got;
    if (got < 0)
        (void)unreadable(resume->path);
    (void)close(fd);
    if (got < 0)
        return TOOL_SETUP;
    if (have > 0 && (have < MAGIC || memcmp(resume->old, magic, MAGIC) != 0))
        return tool_say("%s is no session and would be overwritten. Name another file, or remove it.", resume->path),
               TOOL_SETUP;
    if (have > MAGIC) {
        const struct tlsm_bytes bytes = { resume->old + MAGIC, have - MAGIC };
        resume->found = tlsm_session_read(bytes, &resume->session);
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------ writing */

static int unwritable(const char *path)
{
    tool_say("Cannot keep the session in %s: %s.", path, errno == ENOSPC ? "the disk is full" : strerror(errno));
    return TOOL_SETUP;
}

/* A file of its own beside the one it will replace; nobody but the owner may read it. */
static int create(const char *path, char temporary[PATH_ROOM])
{
    if (strlen(path) + 8 > PATH_ROOM) {
        errno = ENAMETOOLONG;
        return -1;
    }
    tool_text(temporary, PATH_ROOM, "%s.XXXXXX", path);
    return mkstemp(temporary);
}

/* Now, before anybody is called: is there a place, and room? */
static int probe(const char *path)
{
    char temporary[PATH_ROOM];
    const int fd = create(path, temporary);
    int failed;
    if (fd < 0)
        return unwritable(path);
    failed = posix_fallocate(fd, 0, RESUME_ROOM);
    (void)close(fd);
    (void)unlink(temporary);
    if (failed != ENOSPC && failed != EFBIG && failed != EDQUOT)   /* a file system may not know how */
        return 0;
    errno = failed;
    return unwritable(path);
}

static int write_all(int fd, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t put = write(fd, bytes, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        bytes += put;
        length -= (size_t)put;
    }
    return 0;
}

int resume_save(const struct resume *resume)
{
    char temporary[PATH_ROOM];
    int fd, failed;
    if (resume->path == NULL || resume->newest_length == 0)
        return 0;
    fd = create(resume->path, temporary);
    if (fd < 0)
        return unwritable(resume->path), TOOL_IO;
    failed = write_all(fd, resume->newest, resume->newest_length) != 0 || fsync(fd) != 0;
    failed = (close(fd) != 0 && errno != EINTR) || failed || rename(temporary, resume->path) != 0;
    if (!failed)
        return 0;
    (void)unwritable(resume->path);
    (void)unlink(temporary);
    return TOOL_IO;
}

/* ------------------------------------------------------------------------------------------------ both */

int resume_open(struct resume *resume, const char *path)
{
    int status;
    resume->path = path;
    if (path == NULL)
        return 0;
    status = load(resume);
    return status != 0 ? status : probe(path);
}

static int is_for(const struct tlsm_session *session, const struct tlsm_state *state, struct tlsm_bytes context)
{
    return session->context.length == context.length && memcmp(session->context.data, context.data, context.length) == 0 &&
           memcmp(session->name_digest, state->name_digest, sizeof session->name_digest) == 0;
}

void resume_discard(struct resume *resume, const struct tlsm_state *state, struct tlsm_bytes context)
{
    resume->newest_length = 0;
    if (resume->found && is_for(&resume->session, state, context))
        (void)unlink(resume->path);
}

void resume_keep(struct resume *resume, const struct tlsm_session *session)
{
    const struct tlsm_span room = { resume->newest + MAGIC, sizeof resume->newest - MAGIC };
    const size_t length = tlsm_session_write(session, room);
    if (length == 0 || length > room.capacity)
        return;
    memcpy(resume->newest, magic, MAGIC);
    resume->newest_length = MAGIC + length;
}
