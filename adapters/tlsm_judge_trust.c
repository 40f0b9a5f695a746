/* SPDX-License-Identifier: MIT */
/* Making a judge: whom we trust, and whether that is anybody at all. */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tlsm_judge_internal.h"
#include "tlsm_libcrypto_internal.h"

enum { PATH_ROOM = 4096 };

struct tlsm_judge *tlsm_judge_insecurely_trust_anyone(void)
{
    return OPENSSL_zalloc(sizeof(struct tlsm_judge));
}

static struct tlsm_judge *judge_new(void)
{
    struct tlsm_judge *judge = OPENSSL_zalloc(sizeof *judge);

    if (judge != NULL)
        judge->store = X509_STORE_new();
    if (judge == NULL || judge->store == NULL) {
        tlsm_judge_free(judge);
        return NULL;
    }
    return judge;
}

void tlsm_judge_free(struct tlsm_judge *judge)
{
    if (judge == NULL)
        return;
    X509_STORE_free(judge->store);
    OPENSSL_free(judge);
}

int tlsm_judge_has_anchors(const struct tlsm_judge *judge)
{
    return judge->store == NULL || judge->anchors;
}

static void count(struct tlsm_judge *judge)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(judge->store);

    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509_LOOKUP_TYPE type = X509_OBJECT_get_type(sk_X509_OBJECT_value(objects, i));
        judge->anchors |= type == X509_LU_X509;
        judge->lists |= type == X509_LU_CRL;
    }
}

/* ------------------------------------------------------------------------------------------------ directories */

/* libcrypto finds a certificate in a directory by the hash of its subject: "1234abcd.0", a list as "1234abcd.r0". */
static int is_hashed(const char *name, int *list)
{
    size_t digits = strspn(name, "0123456789abcdefABCDEF");

    if (digits != 8 || name[8] != '.')
        return 0;
    *list = name[9] == 'r';
    return isdigit((unsigned char)name[*list ? 10 : 9]) != 0;
}

static int ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length > tail && strcmp(name + length - tail, end) == 0;
}

static int is_pem(const char *name)
{
    return ends_with(name, ".pem") || ends_with(name, ".crt") || ends_with(name, ".cer") || ends_with(name, ".crl");
}

static void load_entry(struct tlsm_judge *judge, const char *folder, const char *name)
{
    char path[PATH_ROOM];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);

    if (length > 0 && (size_t)length < sizeof path)
        (void)X509_STORE_load_file(judge->store, path);
}

/* Hashed entries are looked up when wanted; those of a folder without any are loaded now. Returns 0 or errno. */
static int scan(struct tlsm_judge *judge, const char *folder, int load)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;
    int anchors = 0, lists = 0, list;

    if (directory == NULL)
        return errno;
    while ((entry = readdir(directory)) != NULL)
        if (is_hashed(entry->d_name, &list)) {
            lists |= list;
            anchors |= !list;
        }
    rewinddir(directory);
    while (load && !anchors && (entry = readdir(directory)) != NULL)
        if (is_pem(entry->d_name))
            load_entry(judge, folder, entry->d_name);
    (void)closedir(directory);
    judge->anchors |= anchors;
    judge->lists |= lists;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the system's */

/* A colon-separated list, as SSL_CERT_DIR may be. */
static void scan_system(struct tlsm_judge *judge)
{
    const char *folders = getenv(X509_get_default_cert_dir_env());
    char folder[PATH_ROOM];

    if (folders == NULL)
        folders = X509_get_default_cert_dir();
    while (*folders != '\0') {
        size_t length = strcspn(folders, ":");
        if (length < sizeof folder) {
            memcpy(folder, folders, length);
            folder[length] = '\0';
            (void)scan(judge, folder, 0);
        }
        folders += length + (folders[length] == ':');
    }
}

struct tlsm_judge *tlsm_judge_new_system(void)
{
    struct tlsm_judge *judge;

    ERR_set_mark();
    judge = judge_new();
    if (judge != NULL) {
        (void)X509_STORE_set_default_paths(judge->store);
        count(judge);
        scan_system(judge);
    }
    ERR_pop_to_mark();
    return judge;
}

/* ------------------------------------------------------------------------------------------------ a path */

static int load_folder(struct tlsm_judge *judge, const char *path, char *why, size_t why_room)
{
    int error = scan(judge, path, 1);

    if (error != 0) {
        tlsm_why(why, why_room, "cannot read the directory %s: %s", path, strerror(error));
        return -1;
    }
    if (judge->anchors)
        (void)X509_STORE_load_path(judge->store, path);
    return 0;
}

static int load_file(struct tlsm_judge *judge, const char *path, char *why, size_t why_room)
{
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        tlsm_why(why, why_room, "cannot read %s: %s", path, strerror(errno));
        return -1;
    }
    (void)fclose(file);
    (void)X509_STORE_load_file(judge->store, path);
    return 0;
}

static int load(struct tlsm_judge *judge, const char *path, char *why, size_t why_room)
{
    struct stat status;
    int folder, answer;

    if (stat(path, &status) != 0) {
        tlsm_why(why, why_room, "cannot read %s: %s", path, strerror(errno));
        return -1;
    }
    folder = S_ISDIR(status.st_mode);
    answer = folder ? load_folder(judge, path, why, why_room) : load_file(judge, path, why, why_room);
    count(judge);
    if (answer == 0 && !judge->anchors) {
        tlsm_why(why, why_room, "no certificate in %s %s: give the certificates to trust in PEM form",
                 folder ? "the directory" : "the file", path);
        return -1;
    }
    return answer;
}

struct tlsm_judge *tlsm_judge_new_path(const char *path, char *why, size_t why_room)
{
    struct tlsm_judge *judge;

    tlsm_why(why, why_room, "%s", "");
    ERR_set_mark();
    judge = judge_new();
    if (judge == NULL) {
        tlsm_why(why, why_room, "out of memory");
    } else if (load(judge, path, why, why_room) != 0) {
        tlsm_judge_free(judge);
        judge = NULL;
    }
    ERR_pop_to_mark();
    return judge;
}
