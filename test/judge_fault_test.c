/* SPDX-License-Identifier: MIT */
/* Memory that is refused to us or to libcrypto, and files that cannot be opened or are not wholly read, while trust and keys are
 * loaded and certificates judged: whatever fails, nobody is accepted who would not have been, and what is loaded is whole. */
#define _GNU_SOURCE

#include "ssl_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "fault_sweep.h"
#include "tlsm_judge_internal.h"
#include "tlsm_libcrypto_internal.h"
#include "tlsm_ssl_internal.h"

enum { CHAIN_ROOM = 8192 };

/* ------------------------------------------------------------------------------------------------ what fails */

void *__real_malloc(size_t length);
void *__real_realloc(void *at, size_t length);
void __real_free(void *at);

static int memory_fails;   /* libcrypto's */

static int refused(const char *name)
{
    static const int errors[] = { ENOMEM, 0 };
    int error;
    return memory_fails && fault_next(name, errors, 0, 0, &error);
}

static void *crypto_malloc(size_t length, const char *file, int line)
{
    (void)file;
    (void)line;
    return refused("CRYPTO_malloc") ? NULL : __real_malloc(length);
}

static void *crypto_realloc(void *at, size_t length, const char *file, int line)
{
    (void)file;
    (void)line;
    return refused("CRYPTO_realloc") ? NULL : __real_realloc(at, length);
}

static void crypto_free(void *at, const char *file, int line)
{
    (void)file;
    (void)line;
    __real_free(at);
}

/* A line, so that what fails may fail between one object and the next. */
static ssize_t read_line(void *file, char *to, size_t room)
{
    static const int errors[] = { EIO, 0 };
    int error = 0;
    if (fault_next("reading a file", errors, 0, 1, &error)) {
        errno = error;
        return error != 0 ? -1 : (ssize_t)fread(to, 1, fault_part(room), file);
    }
    return fgets(to, (int)room, file) != NULL ? (ssize_t)strlen(to) : 0;
}

static int seek_in(void *file, off64_t *to, int whence)
{
    if (fseek(file, (long)*to, whence) != 0)
        return -1;
    *to = ftell(file);
    return 0;
}

static int close_it(void *file) { return fclose(file); }

/* Every file that this process reads, libcrypto's too, comes line by line. */
static FILE *open_by_line(const char *path, const char *mode)
{
    static const cookie_io_functions_t by_line = { .read = read_line, .seek = seek_in, .close = close_it };
    static FILE *(*real)(const char *path, const char *mode);
    FILE *file;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "fopen");
    file = real(path, mode);
    return file == NULL || mode[0] != 'r' ? file : fopencookie(file, "r", by_line);
}

FILE *fopen(const char *path, const char *mode) { return open_by_line(path, mode); }
FILE *fopen64(const char *path, const char *mode);
FILE *fopen64(const char *path, const char *mode) { return open_by_line(path, mode); }

/* ------------------------------------------------------------------------------------------------ what is judged */

static struct {
    char folder[64];
    X509 *revoked, *stranger;
    X509_CRL *list;
} the;

static const char *path_of(const char *name)
{
    static char path[4][PATH_ROOM];
    static unsigned turn;
    char *to = path[turn++ % 4];
    (void)snprintf(to, PATH_ROOM, "%s/%s", the.folder, name);
    return to;
}

static void write_pem(const char *name, X509 *first, X509 *second, X509_CRL *list, EVP_PKEY *key)
{
    FILE *const file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_true(first == NULL || PEM_write_X509(file, first) == 1);
    assert_true(second == NULL || PEM_write_X509(file, second) == 1);
    assert_true(list == NULL || PEM_write_X509_CRL(file, list) == 1);
    assert_true(key == NULL || PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    assert_int_equal(fclose(file), 0);
}

static X509_CRL *make_list(X509 *revoked)
{
    X509_CRL *const list = X509_CRL_new();
    X509_REVOKED *const entry = X509_REVOKED_new();
    ASN1_TIME *const when = X509_gmtime_adj(NULL, -10);
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked));
    X509_REVOKED_set_revocationDate(entry, when);
    X509_CRL_set_version(list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list, X509_get_subject_name(pki.middle));
    X509_CRL_set1_lastUpdate(list, when);
    (void)X509_gmtime_adj(when, DAY);
    X509_CRL_set1_nextUpdate(list, when);
    assert_int_equal(X509_CRL_add0_revoked(list, entry), 1);
    assert_true(X509_CRL_sign(list, pki.middle_key, EVP_sha256()) > 0);
    ASN1_TIME_free(when);
    return list;
}

static void hashed(char name[32], const X509_NAME *subject, const char *kind)
{
    (void)snprintf(name, 32, "hashed/%08lx.%s", X509_NAME_hash_ex(subject, NULL, NULL, NULL), kind);
}

static int set_up(void **state)
{
    char name[32];
    (void)pki_make(state);
    (void)snprintf(the.folder, sizeof the.folder, "/tmp/tlsm-fault-XXXXXX");
    assert_non_null(mkdtemp(the.folder));
    assert_int_equal(mkdir(path_of("plain"), 0700), 0);
    assert_int_equal(mkdir(path_of("hashed"), 0700), 0);
    the.revoked = make_leaf(pki.ec);
    the.stranger = make_certificate((struct recipe){ .name = host, .key = pki.ec, .alternative = "DNS:server.example.org" });
    the.list = make_list(the.revoked);
    write_pem("trust.pem", pki.root, pki.root, the.list, NULL);
    write_pem("plain/root.crt", pki.root, NULL, NULL, NULL);
    write_pem("plain/list.crl", NULL, NULL, the.list, NULL);
    write_pem("chain.pem", pki.leaf, pki.middle, NULL, NULL);
    write_pem("key.pem", NULL, NULL, NULL, pki.ec);
    hashed(name, X509_get_subject_name(pki.root), "0");
    write_pem(name, pki.root, NULL, NULL, NULL);
    hashed(name, X509_get_subject_name(pki.middle), "r0");
    write_pem(name, NULL, NULL, the.list, NULL);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = { "trust.pem", "plain/root.crt", "plain/list.crl", "plain", "chain.pem", "key.pem" };
    char name[32];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)remove(path_of(names[i]));
    hashed(name, X509_get_subject_name(pki.root), "0");
    (void)remove(path_of(name));
    hashed(name, X509_get_subject_name(pki.middle), "r0");
    (void)remove(path_of(name));
    (void)remove(path_of("hashed"));
    X509_free(the.revoked);
    X509_free(the.stranger);
    X509_CRL_free(the.list);
    (void)pki_free(state);
    return rmdir(the.folder);
}

/* What a client holds after the server's flight. */
struct question {
    struct tlsm_request request;
    uint8_t chain[CHAIN_ROOM], signature[TLSM_SIGNATURE_MAX], staple[2048];
};

static void append(struct question *question, X509 *certificate)
{
    uint8_t *to = question->chain + question->request.chain.length;
    unsigned char *der = NULL;
    const int length = i2d_X509(certificate, &der);
    assert_true(length > 0 && question->request.chain.length + (size_t)length + 5 < CHAIN_ROOM);
    to[0] = 0;
    to[1] = (uint8_t)(length >> 8);
    to[2] = (uint8_t)length;
    memcpy(to + 3, der, (size_t)length);
    to[3 + length] = to[4 + length] = 0;
    question->request.chain.length += (size_t)length + 5;
    OPENSSL_free(der);
}

static void ask(struct question *question, X509 *leaf, const char *name)
{
    size_t length;
    memset(question, 0, sizeof *question);
    question->request.kind = TLSM_ASK_JUDGE;
    question->request.id = 9;
    question->request.scheme = TLSM_ECDSA_SECP256R1_SHA256;
    question->request.chain.data = question->chain;
    question->request.content_length = 64 + 34 + 32;
    question->request.server_name.data = (const uint8_t *)name;
    question->request.server_name.length = strlen(name);
    append(question, leaf);
    append(question, pki.middle);
    assert_int_equal(tlsm_libcrypto_sign(pki.ec, &question->request, question->signature, &length), 0);
    question->request.signature.data = question->signature;
    question->request.signature.length = length;
}

/* What the leaf's authority says of it. */
static void staple(struct question *question, int status)
{
    OCSP_BASICRESP *const basic = OCSP_BASICRESP_new();
    OCSP_CERTID *const id = OCSP_cert_to_id(EVP_sha256(), pki.leaf, pki.middle);
    ASN1_TIME *const from = X509_gmtime_adj(NULL, -60), *const to = X509_gmtime_adj(NULL, 3600);
    OCSP_RESPONSE *response;
    uint8_t *at = question->staple;
    int length;
    assert_non_null(OCSP_basic_add1_status(basic, id, status, 0, status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from, to));
    assert_int_equal(OCSP_basic_sign(basic, pki.middle, pki.middle_key, EVP_sha256(), NULL, OCSP_NOCERTS), 1);
    response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    assert_non_null(response);
    length = i2d_OCSP_RESPONSE(response, NULL);
    assert_true(length > 0 && (size_t)length <= sizeof question->staple);
    question->request.staple.data = question->staple;
    question->request.staple.length = (size_t)i2d_OCSP_RESPONSE(response, &at);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
}

/* ------------------------------------------------------------------------------------------------ judging */

enum { GOOD, REVOKED, STRANGER, OTHER_NAME, FORGED, STAPLED, QUESTIONS };   /* GOOD, STAPLED: with an OCSP response */

struct trial {
    const char *path;              /* NULL: the system's, by the environment */
    struct question question[QUESTIONS];
    struct tlsm_libcrypto *instance;
    struct tlsm_judge *judge;      /* of sweep_asking() */
    unsigned asked;                /* bits: which of them */
};

static void prepare(struct trial *trial, const char *path)
{
    memset(trial, 0, sizeof *trial);
    trial->path = path;
    trial->asked = (1 << QUESTIONS) - 1;
    trial->instance = tlsm_libcrypto_new(NULL);
    assert_non_null(trial->instance);
    ask(&trial->question[GOOD], pki.leaf, host);
    ask(&trial->question[REVOKED], the.revoked, host);
    ask(&trial->question[STRANGER], the.stranger, host);
    ask(&trial->question[OTHER_NAME], pki.leaf, "other.example.org");
    ask(&trial->question[FORGED], pki.leaf, host);
    trial->question[FORGED].request.content[0] ^= 1;
    ask(&trial->question[STAPLED], pki.leaf, host);
    staple(&trial->question[GOOD], V_OCSP_CERTSTATUS_GOOD);
    staple(&trial->question[STAPLED], V_OCSP_CERTSTATUS_REVOKED);
}

static struct tlsm_judge *make_judge(const struct trial *trial)
{
    char why[TLSM_WHY_ROOM] = "";
    struct tlsm_judge *judge;
    if (trial->path == NULL)
        return tlsm_judge_new_system();
    judge = tlsm_judge_new_path(trial->path, why, sizeof why);
    assert_int_equal(judge == NULL, why[0] != '\0');
    return judge;
}

/* Nobody is accepted who should not be, whatever failed; the good one is, when nothing did. */
static void ask_all(struct trial *trial, const struct tlsm_judge *judge)
{
    struct tlsm_answer answer;
    char why[TLSM_WHY_ROOM];
    for (int i = 0; i < QUESTIONS && judge != NULL; i++) {
        int accepted;
        if (!(trial->asked & 1u << i))
            continue;
        accepted = tlsm_judge_answer(trial->instance, judge, &trial->question[i].request, 0, &answer, why, sizeof why) == 0;
        assert_int_equal(accepted, answer.alert == 0);
        assert_int_equal(answer.id, 9);
        if (accepted && i != GOOD)
            fail_msg("accepted: number %d", i);
        if (fault.effect <= FAULT_MILD)
            assert_int_equal(accepted, i == GOOD);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

static void make_and_ask(void *context)
{
    struct trial *const trial = context;
    struct tlsm_judge *judge;
    fault_arm();
    judge = make_judge(trial);
    fault_disarm();
    if (fault.effect <= FAULT_MILD)
        assert_non_null(judge);
    ask_all(trial, judge);
    tlsm_judge_free(judge);
}

static void only_ask(void *context)
{
    struct trial *const trial = context;
    tlsm_libcrypto_drop(trial->instance);
    fault_arm();
    ask_all(trial, trial->judge);
    fault_disarm();
}

static void done(struct trial *trial)
{
    memory_fails = 0;
    tlsm_judge_free(trial->judge);
    tlsm_libcrypto_free(trial->instance);
}

/* The first run is for what libcrypto makes once. */
static void sweep_making(const char *title, const char *path, unsigned long memory_stride)
{
    static struct trial trial;
    prepare(&trial, path);
    make_and_ask(&trial);
    (void)fault_sweep(title, make_and_ask, &trial);
    trial.asked = 1 << GOOD | 1 << REVOKED;
    memory_fails = 1;
    (void)fault_sweep_some("the same, with libcrypto's memory", make_and_ask, &trial, memory_stride);
    done(&trial);
}

static void sweep_asking(const char *title, const char *path, unsigned long stride)
{
    static struct trial trial;
    prepare(&trial, path);
    trial.judge = make_judge(&trial);
    only_ask(&trial);
    memory_fails = 1;
    (void)fault_sweep_some(title, only_ask, &trial, stride);
    done(&trial);
}

static void trust_in_a_file(void **state)
{
    (void)state;
    sweep_making("trust in a file", path_of("trust.pem"), 29);
}

static void trust_in_a_folder(void **state)
{
    (void)state;
    sweep_making("trust in a folder", path_of("plain"), 29);
    sweep_making("trust in a hashed folder", path_of("hashed"), 29);
}

/* Passed over it might be a list that was lost. */
static void a_damaged_file_among_others_is_an_error(void **state)
{
    char why[TLSM_WHY_ROOM];
    FILE *const file = fopen(path_of("plain/list.crl.pem"), "w");
    (void)state;
    assert_true(file != NULL && fputs("-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n", file) > 0);
    assert_int_equal(fclose(file), 0);
    assert_null(tlsm_judge_new_path(path_of("plain"), why, sizeof why));
    assert_non_null(strstr(why, "list.crl.pem"));
    assert_non_null(strstr(why, "damaged"));
    assert_int_equal(unlink(path_of("plain/list.crl.pem")), 0);
}

static void trust_in_the_system(void **state)
{
    (void)state;
    assert_int_equal(setenv("SSL_CERT_FILE", path_of("trust.pem"), 1), 0);
    assert_int_equal(setenv("SSL_CERT_DIR", path_of("nothing"), 1), 0);
    sweep_making("the system's file", NULL, 29);
    assert_int_equal(setenv("SSL_CERT_FILE", path_of("nothing"), 1), 0);
    assert_int_equal(setenv("SSL_CERT_DIR", path_of("hashed"), 1), 0);
    sweep_making("the system's folder", NULL, 29);
}

static void judging(void **state)
{
    (void)state;
    sweep_asking("judging", path_of("trust.pem"), 61);
}

/* What a list says is lost by no request for memory that is refused while it is looked up. */
static STACK_OF(X509_CRL) *look_up(const X509_STORE_CTX *context, const X509_NAME *issuer)
{
    STACK_OF(X509_CRL) *lists;
    fault_arm();
    lists = tlsm_judge_look_up_lists(context, issuer);
    fault_disarm();
    return lists;
}

static void ask_revoked(void *context)
{
    struct trial *const trial = context;
    struct tlsm_judge *const judge = make_judge(trial);
    assert_non_null(judge);
    X509_STORE_set_lookup_crls(judge->store, look_up);
    ask_all(trial, judge);
    tlsm_judge_free(judge);
}

static void a_revoked_certificate_is_refused_when_its_list_cannot_be_looked_up(void **state)
{
    static const char *const names[] = { "trust.pem", "plain", "hashed" };
    static struct trial trial;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        prepare(&trial, path_of(names[i]));
        trial.asked = 1 << REVOKED;
        ask_revoked(&trial);
        memory_fails = 1;
        assert_true(fault_sweep("a revoked certificate", ask_revoked, &trial) >= 6);
        done(&trial);
    }
}

/* ------------------------------------------------------------------------------------------------ credentials */

/* A credential is whole, or there is none and a sentence says why. */
static void load_credential(void *context)
{
    char why[TLSM_WHY_ROOM] = "";
    struct tlsm_libcrypto_credential *loaded;
    struct question *const question = context;
    uint8_t signature[TLSM_SIGNATURE_MAX];
    size_t length = 0;
    fault_arm();
    loaded = tlsm_libcrypto_credential_load(path_of("chain.pem"), path_of("key.pem"), why, sizeof why);
    fault_disarm();
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(loaded == NULL, why[0] != '\0');
    if (fault.effect <= FAULT_MILD)
        assert_non_null(loaded);
    if (loaded == NULL)
        return;
    assert_int_equal(loaded->credential.chain_count, 2);
    assert_int_equal(loaded->credential.name_count, 1);
    assert_true(loaded->credential.scheme_count > 0);
    fault_arm();
    if (tlsm_libcrypto_sign(loaded->key, &question->request, signature, &length) == 0) {
        fault_disarm();
        question->request.signature = (struct tlsm_bytes){ signature, length };
        assert_int_equal(tlsm_libcrypto_verify(loaded->key, &question->request), 0);
    }
    fault_disarm();
    assert_int_equal(ERR_peek_error(), 0);
    tlsm_libcrypto_credential_free(loaded);
}

static void a_credential_is_whole_or_none(void **state)
{
    static struct question question;
    (void)state;
    ask(&question, pki.leaf, host);
    load_credential(&question);
    (void)fault_sweep("a credential", load_credential, &question);
    memory_fails = 1;
    (void)fault_sweep_some("a credential, memory", load_credential, &question, 97);
    memory_fails = 0;
}

/* A credential without names is one for any name. */
static void name_credential(void *context)
{
    struct tlsm_credential_parts parts;
    struct tlsm_credential credential;
    (void)context;
    memset(&parts, 0, sizeof parts);
    (void)ERR_set_mark();
    fault_arm();
    if (tlsm_credential_add(&parts, pki.leaf) && tlsm_credential_finish(&parts, pki.leaf, pki.ec, &credential)) {
        assert_int_equal(credential.name_count, 1);
        assert_int_equal(credential.chain_count, 1);
    } else {
        assert_true(fault.effect >= FAULT_ONCE);
    }
    fault_disarm();
    tlsm_credential_clear(&parts);
    ERR_clear_error();
}

static void a_credential_keeps_its_names_or_is_none(void **state)
{
    (void)state;
    name_credential(NULL);
    memory_fails = 1;
    assert_true(fault_sweep("a credential's names", name_credential, NULL) > 10);
    memory_fails = 0;
}

static void use_chain(void *context)
{
    SSL_CTX *const ctx = SSL_CTX_new(TLS_server_method());
    int good;
    (void)context;
    fault_arm();
    good = SSL_CTX_use_certificate_chain_file(ctx, path_of("chain.pem"));
    fault_disarm();
    assert_int_equal(good == 1, ERR_peek_error() == 0);
    if (good == 1) {
        const struct ssl_certificates *const all = tlsm_ssl_holder_ctx(ctx).certificates;
        assert_int_equal(sk_X509_num(all->slot[all->current].chain), 1);
    }
    if (fault.effect <= FAULT_MILD)
        assert_int_equal(good, 1);
    ERR_clear_error();
    SSL_CTX_free(ctx);
}

static void a_chain_file_of_ssl_is_read_wholly_or_not_at_all(void **state)
{
    (void)state;
    use_chain(NULL);
    assert_true(fault_sweep("SSL_CTX_use_certificate_chain_file", use_chain, NULL) > 50);
}

static void load_trust(void *context)
{
    SSL_CTX *const ctx = SSL_CTX_new(TLS_client_method());
    STACK_OF(X509_NAME) *names;
    int good;
    (void)context;
    fault_arm();
    good = SSL_CTX_load_verify_locations(ctx, path_of("trust.pem"), NULL);
    fault_disarm();
    assert_int_equal(good == 1, ERR_peek_error() == 0);
    if (good == 1)   /* the certificate, which is there twice, and the list */
        assert_int_equal(sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx))), 2);
    if (fault.effect <= FAULT_MILD)
        assert_int_equal(good, 1);
    ERR_clear_error();
    fault_arm();
    names = SSL_load_client_CA_file(path_of("chain.pem"));
    fault_disarm();
    if (names != NULL)
        assert_int_equal(sk_X509_NAME_num(names), 2);
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    ERR_clear_error();
    SSL_CTX_free(ctx);
}

static void trust_of_ssl_is_read_wholly_or_not_at_all(void **state)
{
    (void)state;
    load_trust(NULL);
    assert_true(fault_sweep("SSL_CTX_load_verify_locations", load_trust, NULL) > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trust_in_a_file),
        cmocka_unit_test(trust_in_a_folder),
        cmocka_unit_test(a_damaged_file_among_others_is_an_error),
        cmocka_unit_test(trust_in_the_system),
        cmocka_unit_test(judging),
        cmocka_unit_test(a_credential_is_whole_or_none),
        cmocka_unit_test(a_credential_keeps_its_names_or_is_none),
        cmocka_unit_test(a_chain_file_of_ssl_is_read_wholly_or_not_at_all),
        cmocka_unit_test(trust_of_ssl_is_read_wholly_or_not_at_all),
        cmocka_unit_test(a_revoked_certificate_is_refused_when_its_list_cannot_be_looked_up),
    };
    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
