/* SPDX-License-Identifier: MIT */
/* tlsm client --resume FILE: a session that outlives the process. */
#ifndef TLSM_RESUME_H
#define TLSM_RESUME_H

#include "tlsm.h"

enum { RESUME_ROOM = 65536 + TLSM_SESSION_FIXED_MAX + 32 };

struct resume {
    const char *path;             /* NULL: sessions are not kept */
    int found;                    /* `session` is what lay in the file */
    struct tlsm_session session;
    uint8_t old[RESUME_ROOM];     /* what `session` points into */
    uint8_t newest[RESUME_ROOM];  /* what the file will hold, as far as it came */
    size_t newest_length;         /* 0: no ticket came */
};

/* resume_open: reads the file, and makes sure that it can be replaced. 0, or an exit status, and then said why. A session that
 * cannot be read any more counts as none; a file that is something else is refused, so that it is not overwritten. */
int resume_open(struct resume *resume, const char *path);
/* resume_keep: the newest session so far. */
void resume_keep(struct resume *resume, const struct tlsm_session *session);
/* resume_discard: the connection failed: what came on it, and the session it offered, are no good any more. A session for
 * another name, or another `context`, was not offered and stays. */
void resume_discard(struct resume *resume, const struct tlsm_state *state, struct tlsm_bytes context);
/* resume_save: replaces the file, if a ticket came. 0, or an exit status, and then said why. */
int resume_save(const struct resume *resume);

#endif
