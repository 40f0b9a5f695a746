/* SPDX-License-Identifier: MIT */
/* Two connections over BIOs, in one thread. */
#ifndef TLSM_TEST_BIO_FIXTURE_H
#define TLSM_TEST_BIO_FIXTURE_H

#include "adapter_fixture.h"

#include <openssl/bio.h>

#include "tlsm_bio.h"

struct bios {
    struct two two;
    struct tlsm_bio *c, *v;   /* client, server; NULL once freed */
};

static inline void bios_over(struct bios *bios, BIO *client, BIO *server)
{
    struct tlsm_link_options options = two_options(&bios->two);
    bios->c = tlsm_bio_new_with(&bios->two.config[CLIENT], client, client, &options);
    bios->v = tlsm_bio_new_with(&bios->two.config[SERVER], server, server, &options);
    assert_non_null(bios->c);
    assert_non_null(bios->v);
    assert_int_equal(tlsm_bio_start(bios->c, &bios->two.entropy[CLIENT], "test.example"), TLSM_IO_DONE);
    assert_int_equal(tlsm_bio_start(bios->v, &bios->two.entropy[SERVER], NULL), TLSM_IO_DONE);
}

/* Room for what each side writes; 0: BIO_s_bio's own, 17 KiB. */
static inline void bios_pair(struct bios *bios, size_t client_room, size_t server_room)
{
    BIO *client, *server;
    assert_int_equal(BIO_new_bio_pair(&client, client_room, &server, server_room), 1);
    two_init(&bios->two);
    bios_over(bios, client, server);
}

static inline void bios_connect(struct bios *bios)
{
    int c = 0, v = 0;
    while (c != TLSM_IO_DONE || v != TLSM_IO_DONE) {
        if (c != TLSM_IO_DONE)
            c = tlsm_bio_connect(bios->c, "test.example");
        if (v != TLSM_IO_DONE)
            v = tlsm_bio_accept(bios->v);
        assert_true(c == TLSM_IO_DONE || c == TLSM_IO_WANT_READ || c == TLSM_IO_WANT_WRITE);
        assert_true(v == TLSM_IO_DONE || v == TLSM_IO_WANT_READ || v == TLSM_IO_WANT_WRITE);
    }
}

static inline void bios_free(struct bios *bios)
{
    tlsm_bio_free(bios->c);
    tlsm_bio_free(bios->v);
}

static inline void bios_contract(struct bios *bios, enum tlsm_shutdown_contract contract)
{
    tlsm_bio_contract(bios->c, contract, 0);
    tlsm_bio_contract(bios->v, contract, 0);
}

static inline const char *bio_how(const struct tlsm_bio *bio) { return link_how(&bio->link); }

/* What a call to shut down returned, and its error class. */
#define assert_shutdown(bio, returns, class)                         \
    do {                                                             \
        assert_int_equal(tlsm_bio_shutdown(bio), returns);           \
        assert_int_equal(tlsm_bio_get_error(bio), class);            \
    } while (0)
#define assert_flags(bio, flags) assert_int_equal(tlsm_bio_get_shutdown(bio), flags)
#define assert_bio(bio, name) assert_string_equal(bio_how(bio), name)
#define assert_reason(bio, words) assert_string_equal(tlsm_bio_reason(bio), words)

#define NONE TLSM_BIO_ERROR_NONE
#define SSL_CLASS TLSM_BIO_ERROR_SSL
#define WANT_READ TLSM_BIO_ERROR_WANT_READ
#define WANT_WRITE TLSM_BIO_ERROR_WANT_WRITE
#define SYSCALL TLSM_BIO_ERROR_SYSCALL
#define ZERO_RETURN TLSM_BIO_ERROR_ZERO_RETURN
enum { SENT = TLSM_SENT_SHUTDOWN, RECEIVED = TLSM_RECEIVED_SHUTDOWN, BOTH = SENT | RECEIVED,
       ALERT_RECORD = TLSM_HEADER + 2 + 1 + TLSM_TAG };

#endif
