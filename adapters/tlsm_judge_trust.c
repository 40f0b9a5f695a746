/* SPDX-License-Identifier: MIT */
/* Making a judge: whom we trust, and whether that is anybody at all. */
#define _GNU_SOURCE   /* secure_getenv */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    X509_STORE_set_lookup_crls(judge->store, tlsm_judge_look_up_lists);
    return judge;
}

void tlsm_judge_require_staple(struct tlsm_judge *judge) { judge->staple_required = 1; }

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

/* ------------------------------------------------------------------------------------------------ files */

/* Where a sentence goes. */
struct complaint {
    char *why;
    size_t room;
};

/* Extensions are read now: libcrypto does it once, and keeps for good what it is too short of memory for when somebody is judged. */
static int add(struct tlsm_judge *judge, const X509_INFO *found)
{
    if (found->x509 != NULL)
        (void)X509_check_purpose(found->x509, -1, 0);
    if (found->x509 != NULL && X509_STORE_add_cert(judge->store, found->x509) != 1)
        return 0;
    return found->crl == NULL || X509_STORE_add_crl(judge->store, found->crl) == 1;
}

static int add_all(struct tlsm_judge *judge, const STACK_OF(X509_INFO) *found)
{
    int good = 1;

    for (int i = 0; i < sk_X509_INFO_num(found) && good; i++)
        good = add(judge, sk_X509_INFO_value(found, i));
    return good;
}

/* All of an open file, or nothing. To libcrypto a read that fails looks like the end of the file, and a revocation list may
 * be what is lost then. */
static int load_open(struct tlsm_judge *judge, FILE *file, const char *path, struct complaint complaint)
{
    STACK_OF(X509_INFO) *found;
    int error, good = 0;

    errno = 0;
    found = PEM_X509_INFO_read(file, NULL, NULL, (void *)(uintptr_t)"");
    error = errno != 0 ? errno : EIO;
    if (ferror(file))
        tlsm_why(complaint.why, complaint.room, "cannot read %s: %s", path, strerror(error));
    else if (found == NULL)
        tlsm_why(complaint.why, complaint.room, "cannot read %s: it is damaged, or memory ran out", path);
    else if (!add_all(judge, found))
        tlsm_why(complaint.why, complaint.room, "out of memory");
    else
        good = 1;
    sk_X509_INFO_pop_free(found, X509_INFO_free);
    return good ? 0 : -1;
}

/* 0, or negative and then said why. `needed`: it has to be there. */
static int load_file(struct tlsm_judge *judge, const char *path, int needed, struct complaint complaint)
{
    FILE *file = fopen(path, "re");
    int answer;

    if (file == NULL && errno == ENOENT && !needed)
        return 0;
    if (file == NULL) {
        tlsm_why(complaint.why, complaint.room, "cannot read %s: %s", path, strerror(errno));
        return -1;
    }
    answer = load_open(judge, file, path, complaint);
    (void)fclose(file);
    return answer;
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

static int load_entry(struct tlsm_judge *judge, const char *folder, const char *name, struct complaint complaint)
{
    char path[PATH_ROOM];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);

    if (length > 0 && (size_t)length < sizeof path)
        return load_file(judge, path, 1, complaint);
    tlsm_why(complaint.why, complaint.room, "the path of %s is too long", name);
    return -1;
}

/* The next entry, NULL at the end or with errno. */
static struct dirent *next_entry(DIR *directory)
{
    errno = 0;
    return readdir(directory);
}

/* What next_entry() ended with. */
static int end_of(const char *folder, struct complaint complaint)
{
    if (errno == 0)
        return 0;
    tlsm_why(complaint.why, complaint.room, "cannot read the directory %s: %s", folder, strerror(errno));
    return -1;
}

/* Which hashed entries there are. Lists are loaded now: to libcrypto one that cannot be read when it is wanted is one that
 * is not there. 0, or negative and then said why. */
static int look(struct tlsm_judge *judge, DIR *directory, const char *folder, struct complaint complaint)
{
    struct dirent *entry;
    int list;

    while ((entry = next_entry(directory)) != NULL)
        if (is_hashed(entry->d_name, &list)) {
            if (list && load_entry(judge, folder, entry->d_name, complaint) != 0)
                return -1;
            judge->anchors |= !list;
        }
    return end_of(folder, complaint);
}

static int load_entries(struct tlsm_judge *judge, DIR *directory, const char *folder, struct complaint complaint)
{
    struct dirent *entry;

    while ((entry = next_entry(directory)) != NULL)
        if (is_pem(entry->d_name) && load_entry(judge, folder, entry->d_name, complaint) != 0)
            return -1;
    return end_of(folder, complaint);
}

/* ------------------------------------------------------------------------------------------------ the system's */

/* Not from the environment of a program with more rights than who called it. */
static const char *chosen(const char *variable, const char *otherwise)
{
#ifdef __linux__
    const char *value = secure_getenv(variable);
#else
    const char *value = issetugid() ? NULL : getenv(variable);
#endif
    return value != NULL ? value : otherwise;
}

/* A folder that may not be listed may still be asked for names, and hold a list. */
static int scan(struct tlsm_judge *judge, const char *folder)
{
    DIR *directory = opendir(folder);
    int answer = 0;

    if (directory == NULL) {
        judge->lists |= errno == EACCES;
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
    }
    answer = look(judge, directory, folder, (struct complaint){ NULL, 0 });
    (void)closedir(directory);
    return answer;
}

/* A colon-separated list, as SSL_CERT_DIR may be. */
static int scan_all(struct tlsm_judge *judge, const char *folders)
{
    char folder[PATH_ROOM];
    int answer = 0;

    while (*folders != '\0' && answer == 0) {
        size_t length = strcspn(folders, ":");
        if (length < sizeof folder) {
            memcpy(folder, folders, length);
            folder[length] = '\0';
            answer = scan(judge, folder);
        }
        folders += length + (folders[length] == ':');
    }
    return answer;
}

static int load_system(struct tlsm_judge *judge)
{
    const char *file = chosen(X509_get_default_cert_file_env(), X509_get_default_cert_file());
    const char *folders = chosen(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());

    if (load_file(judge, file, 0, (struct complaint){ NULL, 0 }) != 0)
        return -1;
    if (*folders != '\0' && X509_STORE_load_path(judge->store, folders) != 1)
        return -1;
    if (scan_all(judge, folders) != 0)
        return -1;
    count(judge);
    return 0;
}

struct tlsm_judge *tlsm_judge_new_system(void)
{
    struct tlsm_judge *judge;

    ERR_set_mark();
    judge = judge_new();
    if (judge != NULL && load_system(judge) != 0) {
        tlsm_judge_free(judge);
        judge = NULL;
    }
    ERR_pop_to_mark();
    return judge;
}

/* ------------------------------------------------------------------------------------------------ a path */

/* Hashed certificates are looked up when wanted; those of a folder without any are loaded now. */
static int load_folder(struct tlsm_judge *judge, const char *path, struct complaint complaint)
{
    DIR *directory = opendir(path);
    int answer;

    if (directory == NULL) {
        tlsm_why(complaint.why, complaint.room, "cannot read the directory %s: %s", path, strerror(errno));
        return -1;
    }
    answer = look(judge, directory, path, complaint);
    if (answer == 0 && !judge->anchors) {
        rewinddir(directory);
        answer = load_entries(judge, directory, path, complaint);
    } else if (answer == 0 && X509_STORE_load_path(judge->store, path) != 1) {
        tlsm_why(complaint.why, complaint.room, "out of memory");
        answer = -1;
    }
    (void)closedir(directory);
    return answer;
}

static int load(struct tlsm_judge *judge, const char *path, struct complaint complaint)
{
    struct stat status;
    int folder, answer;

    if (stat(path, &status) != 0) {
        tlsm_why(complaint.why, complaint.room, "cannot read %s: %s", path, strerror(errno));
        return -1;
    }
    folder = S_ISDIR(status.st_mode);
    answer = folder ? load_folder(judge, path, complaint) : load_file(judge, path, 1, complaint);
    count(judge);
    if (answer == 0 && !judge->anchors) {
        tlsm_why(complaint.why, complaint.room, "no certificate in %s %s: give the certificates to trust in PEM form",
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
    } else if (load(judge, path, (struct complaint){ why, why_room }) != 0) {
        tlsm_judge_free(judge);
        judge = NULL;
    }
    ERR_pop_to_mark();
    return judge;
}
