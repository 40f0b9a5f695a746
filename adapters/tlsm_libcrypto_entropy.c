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

/* In pages that are zero after a fork: nothing is left there then, and the child draws its own. What was handed out is wiped. */
struct tlsm_entropy_stock {
    size_t left;
    uint8_t bytes[STOCK - sizeof(size_t)];
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

struct tlsm_entropy_stock *tlsm_stock_new(void)
{
#if defined(__linux__) && defined(MADV_WIPEONFORK)
    void *stock = mmap(NULL, sizeof(struct tlsm_entropy_stock), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (stock == MAP_FAILED)
        return NULL;
    if (madvise(stock, sizeof(struct tlsm_entropy_stock), MADV_WIPEONFORK) == 0)
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
    uint8_t *from;

    if (stock->left < sizeof *entropy) {
        if (!fill(stock->bytes, sizeof stock->bytes))
            return -1;
        stock->left = sizeof stock->bytes;
    }
    stock->left -= sizeof *entropy;
    from = stock->bytes + stock->left;
    memcpy(entropy, from, sizeof *entropy);
    tlsm_cleanse(from, sizeof *entropy);
    return 0;
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
