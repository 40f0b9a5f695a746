/* SPDX-License-Identifier: MIT */
/* Replays a corpus with a plain compiler: `choice [--require SLOTS] FILE|FOLDER…`. Prints the count and the state coverage;
 * with --require ends with status 1 unless every slot of the explorer's list is reached. */
#define _DEFAULT_SOURCE 1
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "statecov.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long replayed;

static int replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(size != 0 ? size : 1);   /* its exact size, so that checkers see what reads beyond */
    int failed = file == NULL || bytes == NULL || fread(bytes, 1, size, file) != size;
    if (failed)
        perror(path);
    else {
        (void)LLVMFuzzerTestOneInput(bytes, size);
        replayed++;
    }
    if (file != NULL)
        (void)fclose(file);
    free(bytes);
    return failed;
}

static int replay(const char *path);

static int replay_folder(const char *path)
{
    struct dirent **entry;
    int count = scandir(path, &entry, NULL, alphasort), failed = count < 0;
    for (int i = 0; i < count; i++) {
        char inner[4096];
        if (entry[i]->d_name[0] != '.') {
            (void)snprintf(inner, sizeof inner, "%s/%s", path, entry[i]->d_name);
            failed |= replay(inner);
        }
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
    else
        perror(path);
    return failed;
}

static int replay(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        perror(path);
        return 1;
    }
    return S_ISDIR(status.st_mode) ? replay_folder(path) : replay_file(path, (size_t)status.st_size);
}

int main(int argc, char **argv)
{
    const char *required = NULL;
    int failed = 0, first = 1;
    if (argc > 2 && strcmp(argv[1], "--require") == 0) {
        required = argv[2];
        first = 3;
    }
    (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = first; i < argc; i++)
        failed |= replay(argv[i]);
    printf("replayed %lu inputs\n", replayed);
    failed |= statecov_report(required) != 0;
    return failed || replayed == 0;
}
