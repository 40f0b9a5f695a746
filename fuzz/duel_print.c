/* SPDX-License-Identifier: MIT */
/* A duel's log, for people. */
#include "duel.h"

#include <stdio.h>

const char *duel_call_name(unsigned call)
{
    static const char names[DUEL_CALLS][24] = {
        [DUEL_READ] = "SSL_read", [DUEL_PEEK] = "SSL_peek", [DUEL_WRITE] = "SSL_write",
        [DUEL_WRITE_THROUGH] = "SSL_write, through", [DUEL_SHUTDOWN] = "SSL_shutdown",
        [DUEL_SHUTDOWN_THROUGH] = "SSL_shutdown, through", [DUEL_SET_SHUTDOWN] = "SSL_set_shutdown",
        [DUEL_SET_QUIET] = "SSL_set_quiet_shutdown", [DUEL_ASK_KEY_UPDATE] = "SSL_key_update",
        [DUEL_CALL_HANDSHAKE] = "SSL_do_handshake", [DUEL_CLEAR] = "SSL_clear", [DUEL_FAR_WRITE] = "far: write",
        [DUEL_FAR_SHUTDOWN] = "far: shutdown", [DUEL_FAR_READ] = "far: read", [DUEL_FAR_KEY_UPDATE] = "far: key update",
        [DUEL_FORGE_ALERT] = "forge an alert", [DUEL_FORGE_RECORD] = "forge a record", [DUEL_DELIVER] = "deliver",
        [DUEL_DELIVER_ALL] = "deliver all", [DUEL_TAKE] = "take", [DUEL_TAKE_ALL] = "take all", [DUEL_EOF] = "end",
        [DUEL_CUT] = "cut", [DUEL_RESET_READ] = "reads fail", [DUEL_RESET_WRITE] = "writes fail",
        [DUEL_FAR_SEND] = "far: send", [DUEL_FAR_CLOSE] = "far: close",
    };
    return call < DUEL_CALLS ? names[call] : "nothing";
}

static void print_record(const struct duel_record *record)
{
    fprintf(stderr, "      record: type %u%s, %u bytes, begins %u %u%s\n", record->type, record->plain ? " in the clear" : "",
            record->length, record->first, record->second, record->broken ? ", does not open" : "");
}

void duel_print(const char *name, const struct duel_log *log, size_t mark)
{
    size_t records = 0;
    fprintf(stderr, "%s: %s%s%s%s, room for %zu bytes\n", name, log->scene.server ? "server" : "client",
            log->scene.older ? ", TLS 1.2" : "", log->scene.tickets ? ", a ticket" : "", log->scene.partial_write ? ", partial writes" : "", log->scene.room);
    for (size_t i = 0; i < log->steps; i++) {
        const struct duel_outcome *const at = &log->outcome[i];
        fprintf(stderr, "%s %2zu %-22s %u: %d", i == mark ? "->" : "  ", i, duel_call_name(at->call), at->argument, at->result);
        fprintf(stderr, ", error %d, flags %d, pending %d, %u calls, digest %08x, %llu bytes taken\n", at->error, at->flags,
                at->pending, at->repeats, at->digest, (unsigned long long)at->taken);
        while (records < at->records)
            print_record(&log->record[records++]);
    }
    while (records < log->record_count)
        print_record(&log->record[records++]);
    fprintf(stderr, "   far side: %d, error %d, flags %d, %llu bytes read\n", log->far_result, log->far_error, log->far_flags,
            (unsigned long long)log->far_read);
}
