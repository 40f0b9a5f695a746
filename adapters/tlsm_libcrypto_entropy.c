/* SPDX-License-Identifier: MIT */
/* Entropy for connections: from libcrypto's generators, drawn for many connections at a time where a child process cannot inherit what
 * was drawn. A draw costs the same for one connection as for forty. */
#define _DEFAULT_SOURCE   /* madvise */
#include <openssl/rand.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "tlsm_libcrypto_internal.h"

enum { STOCK = 16384 };

/* In pages that are zero after a fork: nothing is left there then, and the child draws its own. What was handed out is wiped. A
 * signal handler may fork in the middle of a draw: `whole` tells, which is zero then, while what was read before is not. */
struct tlsm_entropy_stock {
    volatile size_t left, whole;
    uint8_t bytes[STOCK - 2 * sizeof(size_t)];
};

static int fill(void *to, size_t length)
{
    int good;

    ERR_set_mark();
    good = RAND_priv_bytes(to, (int)length) == 1;
    ERR_pop_to_mark();
    return good;
}

int tlsm_libcrypto_entropy(struct tlsm_entropy *entropy)
{
    if (fill(entropy, sizeof *entropy))
        return 0;
    OPENSSL_cleanse(entropy, sizeof *entropy);
    return -1;
}

#if defined(__linux__) && defined(MADV_WIPEONFORK)
/* Emulators are known that agree to any advice and follow none: they agree to one that does not exist. */
static int is_wiped_by_fork(void *at, size_t length)
{
    return madvise(at, length, MADV_WIPEONFORK) == 0 && madvise(at, length, -1) != 0;
}
#endif

struct tlsm_entropy_stock *tlsm_stock_new(void)
{
#if defined(__linux__) && defined(MADV_WIPEONFORK)
    void *stock = mmap(NULL, sizeof(struct tlsm_entropy_stock), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (stock == MAP_FAILED)
        return NULL;
    if (is_wiped_by_fork(stock, sizeof(struct tlsm_entropy_stock)))
        return stock;
    (void)munmap(stock, sizeof(struct tlsm_entropy_stock));
#endif
    return NULL;
}

void tlsm_stock_drop(struct tlsm_entropy_stock *stock)
{
    if (stock != NULL)
        OPENSSL_cleanse(stock, sizeof *stock);
}

void tlsm_stock_free(struct tlsm_entropy_stock *stock)
{
    tlsm_stock_drop(stock);
#if defined(__linux__)
    if (stock != NULL)
        (void)munmap(stock, sizeof *stock);
#endif
}

static int take(struct tlsm_entropy_stock *stock, struct tlsm_entropy *entropy)
{
    size_t left = stock->left;
    uint8_t *from;

    if (left < sizeof *entropy) {
        stock->whole = 1;
        if (!fill(stock->bytes, sizeof stock->bytes))
            return -1;
        left = sizeof stock->bytes;
    }
    left -= sizeof *entropy;
    from = stock->bytes + left;
    memcpy(entropy, from, sizeof *entropy);
    tlsm_cleanse(from, sizeof *entropy);
    stock->left = left;
    if (stock->whole)
        return 0;
    stock->left = 0;
    return tlsm_libcrypto_entropy(entropy);
}

int tlsm_libcrypto_draw(struct tlsm_libcrypto *instance, struct tlsm_entropy *entropy)
{
    if (instance->stock == NULL)
        return tlsm_libcrypto_entropy(entropy);
    if (take(instance->stock, entropy) == 0)
        return 0;
    OPENSSL_cleanse(entropy, sizeof *entropy);
    return -1;
}
