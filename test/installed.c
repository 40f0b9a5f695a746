/* SPDX-License-Identifier: MIT */
/* What someone who embeds the library does with it, in the words that C and C++ share: a client and a server in one process,
 * over a transport in memory, with certificates from files. A message each way, a clean end, then the same cut short.
 * `installed CHAIN KEY`; status 0 when both endings say what they were. */
#include <stdio.h>
#include <string.h>

#include <tlsm_judge.h>
#include <tlsm_memory.h>

enum { CLIENT, SERVER, HEARD = 64 };

struct both {
    struct tlsm_settings settings[2];
    struct tlsm_config config[2];
    struct tlsm_libcrypto_answerer answerer[2];
    struct tlsm_memory_options options;
    struct tlsm_libcrypto_credential *credential;
    struct tlsm_entropy entropy[2];
    struct tlsm_memory memory;
};

static int prepare(struct both *both, const char *chain, const char *key)
{
    char why[TLSM_WHY_ROOM];
    int end;
    memset(both, 0, sizeof *both);
    both->settings[CLIENT].role = TLSM_CLIENT;
    both->settings[SERVER].role = TLSM_SERVER;
    both->answerer[CLIENT].judge = tlsm_judge_new_path(chain, why, sizeof why);
    both->credential = tlsm_libcrypto_credential_load(chain, key, why, sizeof why);
    if (both->answerer[CLIENT].judge == NULL || both->credential == NULL) {
        fprintf(stderr, "%s\n", why);
        return 0;
    }
    both->settings[SERVER].credentials = &both->credential->credential;
    both->settings[SERVER].credential_count = 1;
    both->answerer[SERVER].credentials = &both->credential;
    both->answerer[SERVER].credential_count = 1;
    for (end = CLIENT; end <= SERVER; end++) {
        both->answerer[end].instance = tlsm_libcrypto_new(NULL);
        both->config[end].settings = &both->settings[end];
        both->config[end].crypto = &tlsm_libcrypto_table;
        both->config[end].self = both->answerer[end].instance;
        both->options.link[end].hooks.answer = tlsm_libcrypto_answer;
        both->options.link[end].hooks.context = &both->answerer[end];
    }
    return both->answerer[CLIENT].instance != NULL && both->answerer[SERVER].instance != NULL;
}

static int connect_both(struct both *both)
{
    return tlsm_libcrypto_entropy(&both->entropy[CLIENT]) == 0 && tlsm_libcrypto_entropy(&both->entropy[SERVER]) == 0 &&
           tlsm_memory_init(&both->memory, both->config, &both->options) == TLSM_IO_DONE &&
           tlsm_memory_start(&both->memory, both->entropy, "localhost") == TLSM_IO_DONE &&
           tlsm_memory_connect(&both->memory) == TLSM_IO_DONE;
}

static int say(struct both *both, int from, const char *words)
{
    char heard[HEARD];
    const size_t length = strlen(words);
    return tlsm_memory_write(&both->memory, from, words, length) == (ptrdiff_t)length &&
           tlsm_memory_run(&both->memory) > 0 &&
           tlsm_memory_read(&both->memory, 1 - from, heard, sizeof heard) == (ptrdiff_t)length &&
           memcmp(heard, words, length) == 0;
}

static int ends(struct both *both, int which, uint8_t how)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(both->memory.end[which].state, &verdict);
    printf("%s: %s\n", which == CLIENT ? "client" : "server", tlsm_how_name(verdict.how));
    return verdict.how == how;
}

static int end_cleanly(struct both *both)
{
    char heard[HEARD];
    if (!connect_both(both) || !say(both, CLIENT, "question") || !say(both, SERVER, "answer"))
        return 0;
    (void)tlsm_memory_close(&both->memory, CLIENT, 0);
    (void)tlsm_memory_run(&both->memory);
    if (tlsm_memory_read(&both->memory, SERVER, heard, sizeof heard) != TLSM_IO_END)
        return 0;
    (void)tlsm_memory_close(&both->memory, SERVER, 0);
    (void)tlsm_memory_run(&both->memory);
    return ends(both, CLIENT, TLSM_CLEAN_BOTH_VERDICT) && ends(both, SERVER, TLSM_CLEAN_BOTH_VERDICT);
}

static int cut_short(struct both *both)
{
    char heard[HEARD];
    if (!connect_both(both) || !say(both, CLIENT, "question"))
        return 0;
    tlsm_memory_vanish(&both->memory, SERVER);
    (void)tlsm_memory_run(&both->memory);
    return tlsm_memory_read(&both->memory, CLIENT, heard, sizeof heard) == TLSM_IO_ENDED &&
           ends(both, CLIENT, TLSM_TRUNCATED_VERDICT);
}

static void finish(struct both *both)
{
    tlsm_libcrypto_free(both->answerer[CLIENT].instance);
    tlsm_libcrypto_free(both->answerer[SERVER].instance);
    tlsm_libcrypto_credential_free(both->credential);
    tlsm_judge_free(both->answerer[CLIENT].judge);
}

int main(int count, char **argument)
{
    static struct both both;
    int good = count == 3 && prepare(&both, argument[1], argument[2]);
    if (good) {
        good = end_cleanly(&both);
        tlsm_memory_free(&both.memory);
        good = cut_short(&both) && good;
        tlsm_memory_free(&both.memory);
    }
    finish(&both);
    return good ? 0 : 1;
}
