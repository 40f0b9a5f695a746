/* SPDX-License-Identifier: MIT */
#include "faulty_bio.h"

#include <errno.h>
#include <stdlib.h>

#include "adapter_slot.h"

enum { FLUSH_LATER = 1, FLUSH_NEVER = 2, FLUSHES = 16 };

static int moved(BIO *bio, ssize_t count, int again)
{
    BIO_clear_retry_flags(bio);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_flags(bio, again | BIO_FLAGS_SHOULD_RETRY);
    return (int)count;
}

static int bio_read(BIO *bio, char *to, int room)
{
    struct faulty_end *end = BIO_get_data(bio);
    return moved(bio, faulty_receive(end->faulty, end->who, to, room > 0 ? (size_t)room : 0), BIO_FLAGS_READ);
}

static int bio_write(BIO *bio, const char *from, int length)
{
    struct faulty_end *end = BIO_get_data(bio);
    return moved(bio, faulty_send(end->faulty, end->who, from, length > 0 ? (size_t)length : 0), BIO_FLAGS_WRITE);
}

static long bio_flush(BIO *bio, struct faulty_end *end)
{
    const uint8_t fault = faulty_take(end->faulty) % FLUSHES;
    adapter_answered(fault == FLUSH_LATER ? ADAPTER_FLUSH_BLOCKED : fault == FLUSH_NEVER ? ADAPTER_FLUSH_FAILED : ADAPTER_FLUSHED);
    errno = fault == FLUSH_LATER ? EAGAIN : EPIPE;
    return fault == FLUSH_LATER || fault == FLUSH_NEVER ? moved(bio, -1, BIO_FLAGS_WRITE) : 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    struct faulty_end *end = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_FLUSH)
        return bio_flush(bio, end);
    if (command == BIO_CTRL_EOF)
        return end->faulty->pipe[1 - end->who].shut && faulty_held(end->faulty, 1 - end->who) == 0;
    return command == BIO_CTRL_DUP;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *method(void)
{
    static BIO_METHOD *made;
    if (made != NULL)
        return made;
    made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "faulty");
    if (made == NULL || BIO_meth_set_read(made, bio_read) != 1 || BIO_meth_set_write(made, bio_write) != 1 ||
        BIO_meth_set_ctrl(made, bio_ctrl) != 1 || BIO_meth_set_create(made, bio_create) != 1)
        abort();
    return made;
}

BIO *faulty_bio(struct faulty_end *end)
{
    BIO *bio = BIO_new(method());
    if (bio == NULL)
        abort();
    BIO_set_data(bio, end);
    return bio;
}
