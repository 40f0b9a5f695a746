/* SPDX-License-Identifier: MIT */
/* The calls a C programmer knows from OpenSSL, over BIOs, driven by the pure machine.
 *
 * CONVENTIONS, said once:
 *  - The names are OpenSSL's, the linker names are ours (tlsm_ssl_names.h), so that libssl can live in the same process. A
 *    source file includes this header or <openssl/ssl.h>, never both. BIO, X509, EVP_PKEY and the error queue are libcrypto's.
 *  - Where nothing is said here, a call does what its manual page in OpenSSL 3.0 says. docs/differences.md lists what differs.
 *    1 is success and 0 or less is not, unless said otherwise. get0 and get1, set0 and set1, add0 and add1 mean what they
 *    mean there: 1 is a reference of one's own.
 *  - A connection is used by one thread at a time; contexts and sessions are shared freely. A context is configured before
 *    its connections begin.
 *  - TLS 1.3, and TLS 1.2 with ECDHE, AES-GCM and ChaCha20-Poly1305. What only other suites and older versions have (Diffie-Hellman
 *    parameters, renegotiation) is accepted and without effect where a libssl without it would go on, refused where it would refuse.
 *  - The thread's error queue gets an entry with every SSL_ERROR_SSL, and is never read: SSL_get_error() speaks of the
 *    connection alone.
 *  - SSL_shutdown() keeps the contract of its own manual page, SSL_shutdown(3tlsm): one call carries the closing to its end.
 *    OpenSSL's, in two steps, is SSL_MODE_TWO_STEP_SHUTDOWN, and the default of programs that include the drop-in
 *    directory's <openssl/ssl.h>, which defines TLSM_SSL_DROP_IN. */
#ifndef TLSM_SSL_H
#define TLSM_SSL_H

#ifdef OPENSSL_SSL_H
#error "tlsm_ssl.h and OpenSSL's <openssl/ssl.h> name the same calls: include one of them in a source file"
#endif
#define OPENSSL_SSL_H   /* whatever includes <openssl/ssl.h> from here on finds this in its place */
#define HEADER_SSL_H

#include <openssl/bio.h>
#include <openssl/buffer.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/lhash.h>
#include <openssl/pem.h>
#include <openssl/prov_ssl.h>
#include <openssl/safestack.h>
#include <openssl/sslerr.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "tlsm.h"
#include "tlsm_ssl_names.h"
#include "tlsm_ssl_numbers.h"

#ifdef TLSM_SSL_DROP_IN
#undef SSL_CTX_new
#undef SSL_CTX_new_ex
#define SSL_CTX_new tlsm_SSL_CTX_new_drop_in
#define SSL_CTX_new_ex tlsm_SSL_CTX_new_ex_drop_in
#endif

TLSM_DECLARATIONS_BEGIN

typedef struct ssl_method_st SSL_METHOD;
typedef struct ssl_cipher_st SSL_CIPHER;
typedef struct ssl_session_st SSL_SESSION;
DEFINE_STACK_OF(SSL_CIPHER)

typedef int (*SSL_verify_cb)(int preverify_ok, X509_STORE_CTX *x509_ctx);
typedef void (*SSL_CTX_keylog_cb_func)(const SSL *ssl, const char *line);
typedef int (*SSL_CTX_alpn_select_cb_func)(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                                           const unsigned char *in, unsigned int in_length, void *argument);

/* ------------------------------------------------------------------------------------------------ library, methods, contexts */
int OPENSSL_init_ssl(uint64_t options, const void *settings);   /* nothing to initialise; 1 */
const SSL_METHOD *TLS_method(void);
const SSL_METHOD *TLS_client_method(void);
const SSL_METHOD *TLS_server_method(void);
/* SSL_CTX_new: a context. NULL: no memory. Freed with SSL_CTX_free() once its connections are gone too. */
SSL_CTX *SSL_CTX_new(const SSL_METHOD *method);
SSL_CTX *SSL_CTX_new_ex(OSSL_LIB_CTX *library, const char *properties, const SSL_METHOD *method);
/* What these two are to the linker in programs that include the drop-in folder's header. */
SSL_CTX *tlsm_SSL_CTX_new_drop_in(const SSL_METHOD *method);
SSL_CTX *tlsm_SSL_CTX_new_ex_drop_in(OSSL_LIB_CTX *library, const char *properties, const SSL_METHOD *method);
int SSL_CTX_up_ref(SSL_CTX *ctx);
void SSL_CTX_free(SSL_CTX *ctx);
const SSL_METHOD *SSL_CTX_get_ssl_method(const SSL_CTX *ctx);
const SSL_METHOD *SSL_get_ssl_method(const SSL *ssl);
int SSL_set_ssl_method(SSL *ssl, const SSL_METHOD *method);
int SSL_CTX_set_ssl_version(SSL_CTX *ctx, const SSL_METHOD *method);
long SSL_CTX_ctrl(SSL_CTX *ctx, int command, long number, void *pointer);   /* the commands that macros of old programs use */
long SSL_ctrl(SSL *ssl, int command, long number, void *pointer);
long SSL_CTX_callback_ctrl(SSL_CTX *ctx, int command, void (*callback)(void));
long SSL_callback_ctrl(SSL *ssl, int command, void (*callback)(void));
uint64_t SSL_CTX_set_options(SSL_CTX *ctx, uint64_t options);
uint64_t SSL_CTX_clear_options(SSL_CTX *ctx, uint64_t options);
uint64_t SSL_CTX_get_options(const SSL_CTX *ctx);
uint64_t SSL_set_options(SSL *ssl, uint64_t options);
uint64_t SSL_clear_options(SSL *ssl, uint64_t options);
uint64_t SSL_get_options(const SSL *ssl);
long SSL_CTX_set_mode(SSL_CTX *ctx, long mode);
long SSL_CTX_clear_mode(SSL_CTX *ctx, long mode);
long SSL_CTX_get_mode(SSL_CTX *ctx);
long SSL_set_mode(SSL *ssl, long mode);
long SSL_clear_mode(SSL *ssl, long mode);
long SSL_get_mode(SSL *ssl);
int SSL_CTX_set_min_proto_version(SSL_CTX *ctx, int version);
int SSL_CTX_set_max_proto_version(SSL_CTX *ctx, int version);
int SSL_CTX_get_min_proto_version(SSL_CTX *ctx);
int SSL_CTX_get_max_proto_version(SSL_CTX *ctx);
int SSL_set_min_proto_version(SSL *ssl, int version);
int SSL_set_max_proto_version(SSL *ssl, int version);
int SSL_get_min_proto_version(SSL *ssl);
int SSL_get_max_proto_version(SSL *ssl);
int SSL_CTX_set_cipher_list(SSL_CTX *ctx, const char *list);      /* of TLS 1.2: those of ours that it stands for; none: TLS 1.2 is left out */
int SSL_set_cipher_list(SSL *ssl, const char *list);
int SSL_CTX_set_ciphersuites(SSL_CTX *ctx, const char *list);
int SSL_set_ciphersuites(SSL *ssl, const char *list);
int SSL_CTX_set1_groups(SSL_CTX *ctx, const int *nids, int count);
int SSL_CTX_set1_groups_list(SSL_CTX *ctx, const char *list);
int SSL_set1_groups(SSL *ssl, const int *nids, int count);
int SSL_set1_groups_list(SSL *ssl, const char *list);
int SSL_CTX_set1_sigalgs_list(SSL_CTX *ctx, const char *list);
int SSL_set1_sigalgs_list(SSL *ssl, const char *list);
void SSL_CTX_set_read_ahead(SSL_CTX *ctx, int yes);
int SSL_CTX_get_read_ahead(SSL_CTX *ctx);
void SSL_set_read_ahead(SSL *ssl, int yes);
int SSL_get_read_ahead(const SSL *ssl);
int SSL_CTX_set_max_send_fragment(SSL_CTX *ctx, size_t bytes);    /* 512 to 16384 */
int SSL_set_max_send_fragment(SSL *ssl, size_t bytes);
void SSL_CTX_set_security_level(SSL_CTX *ctx, int level);
int SSL_CTX_get_security_level(const SSL_CTX *ctx);
void SSL_set_security_level(SSL *ssl, int level);
int SSL_get_security_level(const SSL *ssl);
int SSL_CTX_set_ex_data(SSL_CTX *ctx, int index, void *data);
void *SSL_CTX_get_ex_data(const SSL_CTX *ctx, int index);
int SSL_set_ex_data(SSL *ssl, int index, void *data);
void *SSL_get_ex_data(const SSL *ssl, int index);
int SSL_get_ex_data_X509_STORE_CTX_idx(void);
/* Diffie-Hellman over finite fields is not here; the calls succeed and change nothing, as with a libssl whose suites do not
 * use it. */
long SSL_CTX_set_tmp_dh(SSL_CTX *ctx, void *dh);
int SSL_CTX_set0_tmp_dh_pkey(SSL_CTX *ctx, EVP_PKEY *key);
long SSL_CTX_set_dh_auto(SSL_CTX *ctx, long on);
long SSL_CTX_set_tmp_ecdh(SSL_CTX *ctx, void *curve);
long SSL_CTX_set_ecdh_auto(SSL_CTX *ctx, long on);

/* ------------------------------------------------------------------------------------------------ certificates and keys of our own */
int SSL_CTX_use_certificate(SSL_CTX *ctx, X509 *certificate);
int SSL_CTX_use_certificate_ASN1(SSL_CTX *ctx, int length, const unsigned char *der);
int SSL_CTX_use_certificate_file(SSL_CTX *ctx, const char *file, int type);
int SSL_CTX_use_certificate_chain_file(SSL_CTX *ctx, const char *file);
int SSL_CTX_use_PrivateKey(SSL_CTX *ctx, EVP_PKEY *key);
int SSL_CTX_use_PrivateKey_file(SSL_CTX *ctx, const char *file, int type);
int SSL_CTX_use_RSAPrivateKey_file(SSL_CTX *ctx, const char *file, int type);
int SSL_CTX_check_private_key(const SSL_CTX *ctx);
int SSL_CTX_add_extra_chain_cert(SSL_CTX *ctx, X509 *certificate);    /* takes over the reference */
int SSL_CTX_clear_extra_chain_certs(SSL_CTX *ctx);
int SSL_CTX_add0_chain_cert(SSL_CTX *ctx, X509 *certificate);
int SSL_CTX_add1_chain_cert(SSL_CTX *ctx, X509 *certificate);
X509 *SSL_CTX_get0_certificate(const SSL_CTX *ctx);
EVP_PKEY *SSL_CTX_get0_privatekey(const SSL_CTX *ctx);
int SSL_use_certificate(SSL *ssl, X509 *certificate);
int SSL_use_certificate_file(SSL *ssl, const char *file, int type);
int SSL_use_certificate_chain_file(SSL *ssl, const char *file);
int SSL_use_PrivateKey(SSL *ssl, EVP_PKEY *key);
int SSL_use_PrivateKey_file(SSL *ssl, const char *file, int type);
int SSL_check_private_key(const SSL *ssl);
X509 *SSL_get_certificate(const SSL *ssl);
EVP_PKEY *SSL_get_privatekey(const SSL *ssl);
void SSL_CTX_set_default_passwd_cb(SSL_CTX *ctx, pem_password_cb *callback);
void SSL_CTX_set_default_passwd_cb_userdata(SSL_CTX *ctx, void *data);
pem_password_cb *SSL_CTX_get_default_passwd_cb(SSL_CTX *ctx);
void *SSL_CTX_get_default_passwd_cb_userdata(SSL_CTX *ctx);

/* ------------------------------------------------------------------------------------------------ judging the peer */
/* In this header's own mode a client verifies unless told otherwise, trusts the system's authorities unless given others, and
 * checks the name given to SSL_set_tlsext_host_name() unless SSL_set1_host() gave another. In drop-in mode OpenSSL's
 * defaults hold: nothing is verified unless the program asks. */
void SSL_CTX_set_verify(SSL_CTX *ctx, int mode, SSL_verify_cb callback);
void SSL_CTX_set_verify_depth(SSL_CTX *ctx, int depth);
int SSL_CTX_get_verify_mode(const SSL_CTX *ctx);
int SSL_CTX_get_verify_depth(const SSL_CTX *ctx);
SSL_verify_cb SSL_CTX_get_verify_callback(const SSL_CTX *ctx);
void SSL_CTX_set_cert_verify_callback(SSL_CTX *ctx, int (*callback)(X509_STORE_CTX *, void *), void *argument);
void SSL_set_verify(SSL *ssl, int mode, SSL_verify_cb callback);
void SSL_set_verify_depth(SSL *ssl, int depth);
int SSL_get_verify_mode(const SSL *ssl);
int SSL_get_verify_depth(const SSL *ssl);
SSL_verify_cb SSL_get_verify_callback(const SSL *ssl);
long SSL_get_verify_result(const SSL *ssl);
void SSL_set_verify_result(SSL *ssl, long result);
int SSL_CTX_load_verify_locations(SSL_CTX *ctx, const char *file, const char *folder);
int SSL_CTX_load_verify_file(SSL_CTX *ctx, const char *file);
int SSL_CTX_load_verify_dir(SSL_CTX *ctx, const char *folder);
int SSL_CTX_set_default_verify_paths(SSL_CTX *ctx);
int SSL_CTX_set_default_verify_file(SSL_CTX *ctx);
int SSL_CTX_set_default_verify_dir(SSL_CTX *ctx);
X509_STORE *SSL_CTX_get_cert_store(const SSL_CTX *ctx);
void SSL_CTX_set_cert_store(SSL_CTX *ctx, X509_STORE *store);        /* takes over the reference */
void SSL_CTX_set1_cert_store(SSL_CTX *ctx, X509_STORE *store);
X509_VERIFY_PARAM *SSL_CTX_get0_param(SSL_CTX *ctx);
X509_VERIFY_PARAM *SSL_get0_param(SSL *ssl);
int SSL_CTX_set1_param(SSL_CTX *ctx, X509_VERIFY_PARAM *param);
int SSL_set1_param(SSL *ssl, X509_VERIFY_PARAM *param);
int SSL_CTX_set_purpose(SSL_CTX *ctx, int purpose);
int SSL_CTX_set_trust(SSL_CTX *ctx, int trust);
int SSL_set1_host(SSL *ssl, const char *name);
int SSL_add1_host(SSL *ssl, const char *name);
void SSL_set_hostflags(SSL *ssl, unsigned int flags);
const char *SSL_get0_peername(SSL *ssl);
X509 *SSL_get1_peer_certificate(const SSL *ssl);
X509 *SSL_get0_peer_certificate(const SSL *ssl);
STACK_OF(X509) *SSL_get_peer_cert_chain(const SSL *ssl);
STACK_OF(X509) *SSL_get0_verified_chain(const SSL *ssl);
/* Names of authorities for a server that asks for client certificates (SSL_VERIFY_PEER; SSL_VERIFY_FAIL_IF_NO_PEER_CERT: and insists).
 * Its sessions lie in its cache, tickets being keys of it, so that SSL_get1_peer_certificate() has the certificate of a client that
 * resumes, too. A client that was given a certificate, or a callback that brings one, shows it to whoever asks. */
STACK_OF(X509_NAME) *SSL_load_client_CA_file(const char *file);
void SSL_CTX_set_client_CA_list(SSL_CTX *ctx, STACK_OF(X509_NAME) *names);
STACK_OF(X509_NAME) *SSL_CTX_get_client_CA_list(const SSL_CTX *ctx);
int SSL_CTX_add_client_CA(SSL_CTX *ctx, X509 *certificate);
void SSL_set_client_CA_list(SSL *ssl, STACK_OF(X509_NAME) *names);            /* takes it over */
STACK_OF(X509_NAME) *SSL_get_client_CA_list(const SSL *ssl);   /* server: what it names; client: what the server named. NULL none */
/* After the handshake, in TLS 1.3: a client allows it beforehand; a server asks as its verify mode says then, SSL_do_handshake() sends
 * that, and reading brings the answer. 1, or 0: not connected, not allowed, asked already. */
void SSL_CTX_set_post_handshake_auth(SSL_CTX *ctx, int yes);
void SSL_set_post_handshake_auth(SSL *ssl, int yes);
int SSL_verify_client_post_handshake(SSL *ssl);
void SSL_CTX_set_client_cert_cb(SSL_CTX *ctx, int (*callback)(SSL *, X509 **, EVP_PKEY **));
void SSL_CTX_set_cert_cb(SSL_CTX *ctx, int (*callback)(SSL *, void *), void *argument);

/* ------------------------------------------------------------------------------------------------ connections */
/* SSL_new: a connection of the context, which it keeps alive. NULL: no memory. */
SSL *SSL_new(SSL_CTX *ctx);
int SSL_up_ref(SSL *ssl);
/* SSL_free: wipes, frees, sends nothing. A session whose connection was never shut down leaves the cache (A15). NULL is fine. */
void SSL_free(SSL *ssl);
/* SSL_clear: the object is as new, for another connection over the same BIOs; settings stay. 1, or 0: no memory. */
int SSL_clear(SSL *ssl);
SSL_CTX *SSL_get_SSL_CTX(const SSL *ssl);
SSL_CTX *SSL_set_SSL_CTX(SSL *ssl, SSL_CTX *ctx);
void SSL_set_bio(SSL *ssl, BIO *rbio, BIO *wbio);   /* takes over the references, as SSL_set_bio(3) says */
void SSL_set0_rbio(SSL *ssl, BIO *rbio);
void SSL_set0_wbio(SSL *ssl, BIO *wbio);
BIO *SSL_get_rbio(const SSL *ssl);
BIO *SSL_get_wbio(const SSL *ssl);
int SSL_set_fd(SSL *ssl, int fd);
int SSL_set_rfd(SSL *ssl, int fd);
int SSL_set_wfd(SSL *ssl, int fd);
int SSL_get_fd(const SSL *ssl);
int SSL_get_rfd(const SSL *ssl);
int SSL_get_wfd(const SSL *ssl);
void SSL_set_connect_state(SSL *ssl);
void SSL_set_accept_state(SSL *ssl);
int SSL_is_server(const SSL *ssl);
int SSL_connect(SSL *ssl);
int SSL_accept(SSL *ssl);
int SSL_do_handshake(SSL *ssl);
int SSL_read(SSL *ssl, void *to, int room);
int SSL_read_ex(SSL *ssl, void *to, size_t room, size_t *count);
int SSL_peek(SSL *ssl, void *to, int room);
int SSL_peek_ex(SSL *ssl, void *to, size_t room, size_t *count);
int SSL_write(SSL *ssl, const void *from, int length);
int SSL_write_ex(SSL *ssl, const void *from, size_t length, size_t *count);
int SSL_pending(const SSL *ssl);
int SSL_has_pending(const SSL *ssl);
int SSL_shutdown(SSL *ssl);
void SSL_set_shutdown(SSL *ssl, int flags);
int SSL_get_shutdown(const SSL *ssl);
void SSL_CTX_set_quiet_shutdown(SSL_CTX *ctx, int yes);
int SSL_CTX_get_quiet_shutdown(const SSL_CTX *ctx);
void SSL_set_quiet_shutdown(SSL *ssl, int yes);
int SSL_get_quiet_shutdown(const SSL *ssl);
int SSL_get_error(const SSL *ssl, int result);
int SSL_want(const SSL *ssl);
int SSL_key_update(SSL *ssl, int type);
int SSL_get_key_update_type(const SSL *ssl);
int SSL_renegotiate(SSL *ssl);              /* there is none: 0 */
int SSL_renegotiate_abbreviated(SSL *ssl);
int SSL_renegotiate_pending(const SSL *ssl);
int SSL_get_state(const SSL *ssl);
int SSL_in_init(const SSL *ssl);
int SSL_in_before(const SSL *ssl);
int SSL_is_init_finished(const SSL *ssl);
const char *SSL_state_string(const SSL *ssl);
const char *SSL_state_string_long(const SSL *ssl);
const char *SSL_rstate_string(const SSL *ssl);
const char *SSL_rstate_string_long(const SSL *ssl);
/* SSL_tlsm_verdict: how the connection ended (V1 of docs/closing.md): what no return value of these calls can say. */
void SSL_tlsm_verdict(const SSL *ssl, struct tlsm_verdict *verdict);
/* SSL_tlsm_reason: the last call's error as a sentence, "" when there is none. Never NULL; good until the next call. */
const char *SSL_tlsm_reason(const SSL *ssl);

/* ------------------------------------------------------------------------------------------------ what was negotiated */
const char *SSL_get_version(const SSL *ssl);
int SSL_version(const SSL *ssl);
int SSL_client_version(const SSL *ssl);
const SSL_CIPHER *SSL_get_current_cipher(const SSL *ssl);
const SSL_CIPHER *SSL_get_pending_cipher(const SSL *ssl);
STACK_OF(SSL_CIPHER) *SSL_get_ciphers(const SSL *ssl);
STACK_OF(SSL_CIPHER) *SSL_CTX_get_ciphers(const SSL_CTX *ctx);
const char *SSL_get_cipher_list(const SSL *ssl, int index);
const char *SSL_CIPHER_get_name(const SSL_CIPHER *cipher);
const char *SSL_CIPHER_standard_name(const SSL_CIPHER *cipher);
const char *SSL_CIPHER_get_version(const SSL_CIPHER *cipher);
int SSL_CIPHER_get_bits(const SSL_CIPHER *cipher, int *algorithm_bits);
uint32_t SSL_CIPHER_get_id(const SSL_CIPHER *cipher);
uint16_t SSL_CIPHER_get_protocol_id(const SSL_CIPHER *cipher);
char *SSL_CIPHER_description(const SSL_CIPHER *cipher, char *to, int room);
int SSL_CIPHER_is_aead(const SSL_CIPHER *cipher);
int SSL_get_negotiated_group(SSL *ssl);
const char *SSL_get0_group_name(SSL *ssl);
const void *SSL_get_current_compression(SSL *ssl);    /* NULL */
const char *SSL_COMP_get_name(const void *method);
/* SSL_export_keying_material: 1, or 0: not connected, or (TLS 1.2) without the extended master secret. */
int SSL_export_keying_material(SSL *ssl, unsigned char *to, size_t length, const char *label, size_t label_length,
                               const unsigned char *context, size_t context_length, int use_context);
size_t SSL_get_client_random(const SSL *ssl, unsigned char *to, size_t room);
int SSL_set_tlsext_host_name(SSL *ssl, const char *name);
const char *SSL_get_servername(const SSL *ssl, int type);
int SSL_get_servername_type(const SSL *ssl);
int SSL_CTX_set_tlsext_servername_callback(SSL_CTX *ctx, int (*callback)(SSL *, int *, void *));
int SSL_CTX_set_tlsext_servername_arg(SSL_CTX *ctx, void *argument);
int SSL_CTX_set_alpn_protos(SSL_CTX *ctx, const unsigned char *protocols, unsigned int length);   /* 0 is success */
int SSL_set_alpn_protos(SSL *ssl, const unsigned char *protocols, unsigned int length);
void SSL_CTX_set_alpn_select_cb(SSL_CTX *ctx, SSL_CTX_alpn_select_cb_func callback, void *argument);
void SSL_get0_alpn_selected(const SSL *ssl, const unsigned char **data, unsigned int *length);
int SSL_select_next_proto(unsigned char **out, unsigned char *out_length, const unsigned char *server,
                          unsigned int server_length, const unsigned char *client, unsigned int client_length);

/* ------------------------------------------------------------------------------------------------ sessions */
SSL_SESSION *SSL_get_session(const SSL *ssl);     /* as SSL_get0_session */
SSL_SESSION *SSL_get1_session(SSL *ssl);
int SSL_set_session(SSL *ssl, SSL_SESSION *session);
int SSL_session_reused(const SSL *ssl);
SSL_SESSION *SSL_SESSION_new(void);
int SSL_SESSION_up_ref(SSL_SESSION *session);
void SSL_SESSION_free(SSL_SESSION *session);
SSL_SESSION *SSL_SESSION_dup(const SSL_SESSION *session);
int SSL_SESSION_is_resumable(const SSL_SESSION *session);
int SSL_SESSION_has_ticket(const SSL_SESSION *session);
unsigned long SSL_SESSION_get_ticket_lifetime_hint(const SSL_SESSION *session);
void SSL_SESSION_get0_ticket(const SSL_SESSION *session, const unsigned char **ticket, size_t *length);
const unsigned char *SSL_SESSION_get_id(const SSL_SESSION *session, unsigned int *length);
const unsigned char *SSL_SESSION_get0_id_context(const SSL_SESSION *session, unsigned int *length);
int SSL_SESSION_get_protocol_version(const SSL_SESSION *session);
const SSL_CIPHER *SSL_SESSION_get0_cipher(const SSL_SESSION *session);
X509 *SSL_SESSION_get0_peer(SSL_SESSION *session);
const char *SSL_SESSION_get0_hostname(const SSL_SESSION *session);
long SSL_SESSION_get_time(const SSL_SESSION *session);
long SSL_SESSION_set_time(SSL_SESSION *session, long seconds);
long SSL_SESSION_get_timeout(const SSL_SESSION *session);
long SSL_SESSION_set_timeout(SSL_SESSION *session, long seconds);
uint32_t SSL_SESSION_get_max_early_data(const SSL_SESSION *session);
int SSL_SESSION_set_ex_data(SSL_SESSION *session, int index, void *data);
void *SSL_SESSION_get_ex_data(const SSL_SESSION *session, int index);
int SSL_SESSION_print(BIO *to, const SSL_SESSION *session);
/* A DER OCTET STRING that holds our own versioned value; no other library reads it, nor we theirs. */
int i2d_SSL_SESSION(SSL_SESSION *session, unsigned char **to);
SSL_SESSION *d2i_SSL_SESSION(SSL_SESSION **session, const unsigned char **from, long length);
int PEM_write_bio_SSL_SESSION(BIO *to, SSL_SESSION *session);
SSL_SESSION *PEM_read_bio_SSL_SESSION(BIO *from, SSL_SESSION **session, pem_password_cb *callback, void *argument);
int PEM_write_SSL_SESSION(FILE *to, SSL_SESSION *session);
SSL_SESSION *PEM_read_SSL_SESSION(FILE *from, SSL_SESSION **session, pem_password_cb *callback, void *argument);
int SSL_CTX_set_session_id_context(SSL_CTX *ctx, const unsigned char *context, unsigned int length);
int SSL_set_session_id_context(SSL *ssl, const unsigned char *context, unsigned int length);
long SSL_CTX_set_session_cache_mode(SSL_CTX *ctx, long mode);
long SSL_CTX_get_session_cache_mode(SSL_CTX *ctx);
long SSL_CTX_sess_set_cache_size(SSL_CTX *ctx, long size);
long SSL_CTX_sess_get_cache_size(SSL_CTX *ctx);
long SSL_CTX_set_timeout(SSL_CTX *ctx, long seconds);
long SSL_CTX_get_timeout(const SSL_CTX *ctx);
void SSL_CTX_flush_sessions(SSL_CTX *ctx, long now);
int SSL_CTX_add_session(SSL_CTX *ctx, SSL_SESSION *session);
int SSL_CTX_remove_session(SSL_CTX *ctx, SSL_SESSION *session);
void SSL_CTX_sess_set_new_cb(SSL_CTX *ctx, int (*callback)(SSL *, SSL_SESSION *));
void SSL_CTX_sess_set_remove_cb(SSL_CTX *ctx, void (*callback)(SSL_CTX *, SSL_SESSION *));
void SSL_CTX_sess_set_get_cb(SSL_CTX *ctx, SSL_SESSION *(*callback)(SSL *, const unsigned char *, int, int *));
long SSL_CTX_sess_number(SSL_CTX *ctx);
long SSL_CTX_sess_connect(SSL_CTX *ctx);
long SSL_CTX_sess_connect_good(SSL_CTX *ctx);
long SSL_CTX_sess_connect_renegotiate(SSL_CTX *ctx);
long SSL_CTX_sess_accept(SSL_CTX *ctx);
long SSL_CTX_sess_accept_good(SSL_CTX *ctx);
long SSL_CTX_sess_accept_renegotiate(SSL_CTX *ctx);
long SSL_CTX_sess_hits(SSL_CTX *ctx);
long SSL_CTX_sess_cb_hits(SSL_CTX *ctx);
long SSL_CTX_sess_misses(SSL_CTX *ctx);
long SSL_CTX_sess_timeouts(SSL_CTX *ctx);
long SSL_CTX_sess_cache_full(SSL_CTX *ctx);
int SSL_CTX_set_num_tickets(SSL_CTX *ctx, size_t count);
size_t SSL_CTX_get_num_tickets(const SSL_CTX *ctx);
int SSL_set_num_tickets(SSL *ssl, size_t count);
size_t SSL_get_num_tickets(const SSL *ssl);
int SSL_new_session_ticket(SSL *ssl);
long SSL_CTX_set_tlsext_ticket_keys(SSL_CTX *ctx, void *keys, long length);    /* 80 bytes: name 16, secret 64 */
long SSL_CTX_get_tlsext_ticket_keys(SSL_CTX *ctx, void *keys, long length);

/* ------------------------------------------------------------------------------------------------ early data */
/* Whoever sees early data can send it again, to another server or this one: only for what does no harm twice. A context reads each
 * ClientHello's once; contexts that share ticket keys do not know of each other, and one whose keys were set rejects for 20 seconds.
 * SSL_OP_NO_ANTI_REPLAY: it is the application that remembers, by its callback.
 * SSL_write_early_data: a client's, before SSL_connect(), with a session that allows it: 1, all was sent; 0: see SSL_get_error().
 * SSL_read_early_data: a server's, before SSL_accept() and instead of it, until FINISH: the handshake is complete. */
int SSL_write_early_data(SSL *ssl, const void *from, size_t length, size_t *count);
int SSL_read_early_data(SSL *ssl, void *to, size_t room, size_t *count);
int SSL_get_early_data_status(const SSL *ssl);
int SSL_CTX_set_max_early_data(SSL_CTX *ctx, uint32_t bytes);   /* a server's; 0, the default: none is read */
int SSL_set_max_early_data(SSL *ssl, uint32_t bytes);
uint32_t SSL_CTX_get_max_early_data(const SSL_CTX *ctx);
uint32_t SSL_get_max_early_data(const SSL *ssl);
void SSL_CTX_set_allow_early_data_cb(SSL_CTX *ctx, int (*callback)(SSL *, void *), void *argument);
void SSL_set_allow_early_data_cb(SSL *ssl, int (*callback)(SSL *, void *), void *argument);

/* ------------------------------------------------------------------------------------------------ watching */
void SSL_CTX_set_keylog_callback(SSL_CTX *ctx, SSL_CTX_keylog_cb_func callback);
SSL_CTX_keylog_cb_func SSL_CTX_get_keylog_callback(const SSL_CTX *ctx);
void SSL_CTX_set_info_callback(SSL_CTX *ctx, void (*callback)(const SSL *, int, int));
void (*SSL_CTX_get_info_callback(SSL_CTX *ctx))(const SSL *, int, int);
void SSL_set_info_callback(SSL *ssl, void (*callback)(const SSL *, int, int));
void (*SSL_get_info_callback(const SSL *ssl))(const SSL *, int, int);
void SSL_CTX_set_msg_callback(SSL_CTX *ctx, void (*callback)(int, int, int, const void *, size_t, SSL *, void *));
void SSL_set_msg_callback(SSL *ssl, void (*callback)(int, int, int, const void *, size_t, SSL *, void *));
void SSL_CTX_set_msg_callback_arg(SSL_CTX *ctx, void *argument);
void SSL_set_msg_callback_arg(SSL *ssl, void *argument);
const char *SSL_alert_type_string(int value);
const char *SSL_alert_type_string_long(int value);
const char *SSL_alert_desc_string(int value);
const char *SSL_alert_desc_string_long(int value);

TLSM_DECLARATIONS_END
#endif
