/* SPDX-License-Identifier: MIT */
/* Results as entries of libcrypto's error queue and as classes of SSL_get_error(). The queue is written, never read. */
#include "tlsm_ssl_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ texts */

/* What ERR_reason_error_string() says: the texts that logs of OpenSSL's programs have always shown. */
#define TEXT(reason, text) { ERR_PACK(ERR_LIB_SSL, 0, reason), text }
static const ERR_STRING_DATA texts[] = {
    { ERR_PACK(ERR_LIB_SSL, 0, 0), "SSL routines" },
    TEXT(SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY, "application data after close notify"),
    TEXT(SSL_R_ATTEMPT_TO_REUSE_SESSION_IN_DIFFERENT_CONTEXT, "attempt to reuse session in different context"),
    TEXT(SSL_R_BAD_DIGEST_LENGTH, "bad digest length"),
    TEXT(SSL_R_BAD_EXTENSION, "bad extension"),
    TEXT(SSL_R_BAD_KEY_UPDATE, "bad key update"),
    TEXT(SSL_R_BAD_LENGTH, "bad length"),
    TEXT(SSL_R_BAD_PSK, "bad psk"),
    TEXT(SSL_R_BAD_SSL_FILETYPE, "bad ssl filetype"),
    TEXT(SSL_R_BAD_VALUE, "bad value"),
    TEXT(SSL_R_BAD_WRITE_RETRY, "bad write retry"),
    TEXT(SSL_R_BIO_NOT_SET, "bio not set"),
    TEXT(SSL_R_CA_KEY_TOO_SMALL, "ca key too small"),
    TEXT(SSL_R_CERTIFICATE_VERIFY_FAILED, "certificate verify failed"),
    TEXT(SSL_R_CONNECTION_TYPE_NOT_SET, "connection type not set"),
    TEXT(SSL_R_DATA_LENGTH_TOO_LONG, "data length too long"),
    TEXT(SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "decryption failed or bad record mac"),
    TEXT(SSL_R_DIGEST_CHECK_FAILED, "digest check failed"),
    TEXT(SSL_R_EE_KEY_TOO_SMALL, "ee key too small"),
    TEXT(SSL_R_EXTENSION_NOT_RECEIVED, "extension not received"),
    TEXT(SSL_R_INVALID_CONFIG, "invalid config"),
    TEXT(SSL_R_INVALID_KEY_UPDATE_TYPE, "invalid key update type"),
    TEXT(SSL_R_LENGTH_MISMATCH, "length mismatch"),
    TEXT(SSL_R_MISSING_SIGALGS_EXTENSION, "missing sigalgs extension"),
    TEXT(SSL_R_NO_APPLICATION_PROTOCOL, "no application protocol"),
    TEXT(SSL_R_NO_CERTIFICATE_ASSIGNED, "no certificate assigned"),
    TEXT(SSL_R_NO_CIPHER_MATCH, "no cipher match"),
    TEXT(SSL_R_NO_PRIVATE_KEY_ASSIGNED, "no private key assigned"),
    TEXT(SSL_R_NO_PROTOCOLS_AVAILABLE, "no protocols available"),
    TEXT(SSL_R_NOT_SERVER, "not server"),
    TEXT(SSL_R_NO_RENEGOTIATION, "no renegotiation"),
    TEXT(SSL_R_REQUEST_PENDING, "request pending"),
    TEXT(SSL_R_NO_SHARED_CIPHER, "no shared cipher"),
    TEXT(SSL_R_NO_SHARED_GROUPS, "no shared groups"),
    TEXT(SSL_R_NULL_SSL_CTX, "null ssl ctx"),
    TEXT(SSL_R_NULL_SSL_METHOD_PASSED, "null ssl method passed"),
    TEXT(SSL_R_PACKET_LENGTH_TOO_LONG, "packet length too long"),
    TEXT(SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "peer did not return a certificate"),
    TEXT(SSL_R_PROTOCOL_IS_SHUTDOWN, "protocol is shutdown"),
    TEXT(SSL_R_SESSION_ID_CONTEXT_UNINITIALIZED, "session id context uninitialized"),
    TEXT(SSL_R_SHUTDOWN_WHILE_IN_INIT, "shutdown while in init"),
    TEXT(SSL_R_SSL3_EXT_INVALID_SERVERNAME, "ssl3 ext invalid servername"),
    TEXT(SSL_R_SSL_HANDSHAKE_FAILURE, "ssl handshake failure"),
    TEXT(SSL_R_SSL_SESSION_ID_CONTEXT_TOO_LONG, "ssl session id context too long"),
    TEXT(SSL_R_STILL_IN_INIT, "still in init"),
    TEXT(SSL_R_TOO_MANY_KEY_UPDATES, "too many key updates"),
    TEXT(SSL_R_TOO_MANY_WARN_ALERTS, "too many warn alerts"),
    TEXT(SSL_R_UNEXPECTED_EOF_WHILE_READING, "unexpected eof while reading"),
    TEXT(SSL_R_UNEXPECTED_MESSAGE, "unexpected message"),
    TEXT(SSL_R_UNINITIALIZED, "uninitialized"),
    TEXT(SSL_R_UNKNOWN_CERTIFICATE_TYPE, "unknown certificate type"),
    TEXT(SSL_R_UNKNOWN_SSL_VERSION, "unknown ssl version"),
    TEXT(SSL_R_UNSUPPORTED_PROTOCOL, "unsupported protocol"),
    TEXT(SSL_R_TOO_MUCH_EARLY_DATA, "too much early data"),
    TEXT(SSL_R_WRONG_SSL_VERSION, "wrong ssl version"),
    TEXT(SSL_R_WRONG_VERSION_NUMBER, "wrong version number"),
    TEXT(SSL_R_SSLV3_ALERT_UNEXPECTED_MESSAGE, "sslv3 alert unexpected message"),
    TEXT(SSL_R_SSLV3_ALERT_BAD_RECORD_MAC, "sslv3 alert bad record mac"),
    TEXT(SSL_R_TLSV1_ALERT_RECORD_OVERFLOW, "tlsv1 alert record overflow"),
    TEXT(SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "sslv3 alert handshake failure"),
    TEXT(SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "sslv3 alert bad certificate"),
    TEXT(SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "sslv3 alert unsupported certificate"),
    TEXT(SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "sslv3 alert certificate revoked"),
    TEXT(SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "sslv3 alert certificate expired"),
    TEXT(SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "sslv3 alert certificate unknown"),
    TEXT(SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER, "sslv3 alert illegal parameter"),
    TEXT(SSL_R_TLSV1_ALERT_UNKNOWN_CA, "tlsv1 alert unknown ca"),
    TEXT(SSL_R_TLSV1_ALERT_ACCESS_DENIED, "tlsv1 alert access denied"),
    TEXT(SSL_R_TLSV1_ALERT_DECODE_ERROR, "tlsv1 alert decode error"),
    TEXT(SSL_R_TLSV1_ALERT_DECRYPT_ERROR, "tlsv1 alert decrypt error"),
    TEXT(SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "tlsv1 alert protocol version"),
    TEXT(SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, "tlsv1 alert insufficient security"),
    TEXT(SSL_R_TLSV1_ALERT_INTERNAL_ERROR, "tlsv1 alert internal error"),
    TEXT(SSL_R_TLSV1_ALERT_INAPPROPRIATE_FALLBACK, "tlsv1 alert inappropriate fallback"),
    TEXT(SSL_R_TLSV1_ALERT_USER_CANCELLED, "tlsv1 alert user cancelled"),
    TEXT(SSL_R_TLSV13_ALERT_MISSING_EXTENSION, "tlsv13 alert missing extension"),
    TEXT(SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "tlsv13 alert certificate required"),
    TEXT(SSL_R_TLSV1_UNSUPPORTED_EXTENSION, "tlsv1 unsupported extension"),
    TEXT(SSL_R_TLSV1_UNRECOGNIZED_NAME, "tlsv1 unrecognized name"),
    TEXT(SSL_R_TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE, "tlsv1 bad certificate status response"),
    { 0, NULL }
};

static void load(void) { (void)ERR_load_strings_const(texts); }

void tlsm_ssl_load_strings(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, load);
}

/* ------------------------------------------------------------------------------------------------ entries */

static void put(int reason, const char *text)
{
    tlsm_ssl_load_strings();
    if (text[0] != '\0')
        ERR_raise_data(ERR_LIB_SSL, reason, "%s", text);
    else
        ERR_raise(ERR_LIB_SSL, reason);
}

static void remember(SSL *ssl, int error, int reason, const char *text)
{
    ssl->last.error = error;
    ssl->last.reason = reason;
    ssl->last.text[0] = '\0';
    if (text[0] != '\0')
        (void)snprintf(ssl->last.text, sizeof ssl->last.text, "%s", text);
}

int tlsm_ssl_refuse(SSL *ssl, int reason, const char *text)
{
    put(reason, text);
    if (ssl != NULL)
        remember(ssl, SSL_ERROR_SSL, reason, text);
    return 0;
}

/* A program may look at errno after success too: nothing of what was tried on the way is left in it. */
void tlsm_ssl_succeeded(SSL *ssl)
{
    errno = 0;
    remember(ssl, SSL_ERROR_NONE, 0, "");
}

/* ------------------------------------------------------------------------------------------------ what went wrong */

/* A server of TLS 1.2 has no alert of its own for that (RFC 5246 §7.4.6). */
static int misses_certificate(const SSL *ssl)
{
    const struct tlsm_state *const machine = ssl_machine(ssl);
    return ssl->role == TLSM_SERVER && ssl->settings.client_auth == TLSM_CLIENT_AUTH_REQUIRE && ssl->peer == NULL &&
           machine->control.version == TLSM_1_2 && machine->suite != 0;
}

/* The peer was refused with this alert: what a log of OpenSSL's would have called it. */
static int reason_of_ours(const SSL *ssl, uint8_t alert)
{
    switch (alert) {
    case TLSM_ALERT_BAD_RECORD_MAC: return SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC;
    case TLSM_ALERT_RECORD_OVERFLOW: return SSL_R_PACKET_LENGTH_TOO_LONG;
    case TLSM_ALERT_HANDSHAKE_FAILURE: return misses_certificate(ssl) ? SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE : SSL_R_NO_SHARED_CIPHER;
    case TLSM_ALERT_BAD_CERTIFICATE: case TLSM_ALERT_UNSUPPORTED_CERTIFICATE: case TLSM_ALERT_CERTIFICATE_REVOKED:
    case TLSM_ALERT_CERTIFICATE_EXPIRED: case TLSM_ALERT_CERTIFICATE_UNKNOWN: case TLSM_ALERT_UNKNOWN_CA:
        return SSL_R_CERTIFICATE_VERIFY_FAILED;
    case TLSM_ALERT_CERTIFICATE_REQUIRED: return SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
    case TLSM_ALERT_ILLEGAL_PARAMETER: return SSL_R_BAD_EXTENSION;
    case TLSM_ALERT_DECODE_ERROR: return SSL_R_LENGTH_MISMATCH;
    case TLSM_ALERT_DECRYPT_ERROR: return SSL_R_DIGEST_CHECK_FAILED;
    case TLSM_ALERT_PROTOCOL_VERSION: return SSL_R_UNSUPPORTED_PROTOCOL;
    case TLSM_ALERT_INTERNAL_ERROR: return ssl->verify_result != X509_V_OK ? SSL_R_CERTIFICATE_VERIFY_FAILED
                                                                            : ERR_R_INTERNAL_ERROR;
    case TLSM_ALERT_MISSING_EXTENSION: return SSL_R_MISSING_SIGALGS_EXTENSION;
    case TLSM_ALERT_NO_APPLICATION_PROTOCOL: return SSL_R_NO_APPLICATION_PROTOCOL;
    }
    return SSL_R_UNEXPECTED_MESSAGE;
}

static int fail(SSL *ssl, int reason, const char *text)
{
    put(reason, text);
    remember(ssl, SSL_ERROR_SSL, reason, text);
    return -1;
}

static int fail_ours(SSL *ssl, const struct tlsm_control *control)
{
    char text[128];
    const int silent = control->alert_out == TLSM_ALERT_NONE;   /* B4: after our close_notify no alert may follow */
    const int reason = reason_of_ours(ssl, silent ? ssl->bio->link.violation : control->alert_out);
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return fail(ssl, reason, ssl->refusal);
    if (silent)
        return fail(ssl, reason, "the peer's input could not be trusted");
    (void)snprintf(text, sizeof text, "we ended the connection: %s", tlsm_alert_name(control->alert_out));
    return fail(ssl, reason, text);
}

static int fail_theirs(SSL *ssl, const struct tlsm_control *control)
{
    char text[64];
    (void)snprintf(text, sizeof text, "SSL alert number %d%s", control->alert_in,
                   control->facts & TLSM_FACT_ALERT_AUTHENTIC ? "" : ", not authenticated");
    return fail(ssl, SSL_AD_REASON_OFFSET + control->alert_in, text);
}

/* The transport: errno as it left it; 0 when it said nothing. */
static int fail_transport(SSL *ssl)
{
    remember(ssl, SSL_ERROR_SYSCALL, 0, "the transport failed");
    errno = tlsm_bio_errno(ssl->bio);
    return -1;
}

static int fail_end(SSL *ssl)
{
    const struct tlsm_control *const control = &ssl_machine(ssl)->control;
    tlsm_ssl_session_failed(ssl);
    if (control->facts & TLSM_FACT_PEER_ALERT)
        return fail_theirs(ssl, control);
    if (control->facts & (TLSM_FACT_ERROR | TLSM_FACT_ABORTED) || control->cause == TLSM_CAUSE_BUDGET)
        return fail_ours(ssl, control);
    if (control->facts & TLSM_FACT_PEER_CLOSED_EARLY)
        return fail(ssl, SSL_R_SSL_HANDSHAKE_FAILURE, "the peer closed before the handshake was complete");
    if (ssl->bio->send_failed || ssl->bio->receive_failed)
        return fail_transport(ssl);
    if (control->cause == TLSM_CAUSE_EOF || control->cause == TLSM_CAUSE_EOF_VOUCHED)
        return fail(ssl, SSL_R_UNEXPECTED_EOF_WHILE_READING, "");
    if (control->facts & TLSM_FACT_CANCELLED)
        return fail(ssl, SSL_R_SHUTDOWN_WHILE_IN_INIT, "the handshake was cancelled by SSL_shutdown()");
    return fail(ssl, SSL_R_PROTOCOL_IS_SHUTDOWN, "");
}

static int fail_refused(SSL *ssl)
{
    const enum tlsm_code code = ssl->bio->link.code;
    if (code == TLSM_WRITE_FAILED)
        return fail_end(ssl);
    if (code == TLSM_WRITE_CLOSED || code == TLSM_READ_ENDED)
        return fail(ssl, SSL_R_PROTOCOL_IS_SHUTDOWN, tlsm_code_text(code));
    return fail(ssl, ERR_R_INTERNAL_ERROR, tlsm_code_text(code));
}

static int want(SSL *ssl, int error)
{
    remember(ssl, error, 0, "");
    return -1;
}

/* Numbers of both are OpenSSL's. */
static int want_transport(SSL *ssl, enum tlsm_bio_error error) { return want(ssl, (int)tlsm_bio_waits(ssl->bio, error)); }

int tlsm_ssl_report(SSL *ssl, int result)
{
    switch ((enum tlsm_io)result) {
    case TLSM_IO_WANT_READ: return want_transport(ssl, TLSM_BIO_ERROR_WANT_READ);
    case TLSM_IO_WANT_WRITE: return want_transport(ssl, TLSM_BIO_ERROR_WANT_WRITE);
    case TLSM_IO_WANT_ANSWER: return want(ssl, SSL_ERROR_WANT_X509_LOOKUP);
    case TLSM_IO_END:
        remember(ssl, SSL_ERROR_ZERO_RETURN, 0, "");
        return 0;
    case TLSM_IO_REFUSED: return fail_refused(ssl);
    case TLSM_IO_NO_MEMORY: return fail(ssl, ERR_R_MALLOC_FAILURE, "");
    case TLSM_IO_ENDED: case TLSM_IO_UNREAD: case TLSM_IO_DONE: break;
    }
    return fail_end(ssl);
}

void tlsm_ssl_report_shutdown(SSL *ssl, int result)
{
    if (result == 1) {
        tlsm_ssl_succeeded(ssl);
        return;
    }
    switch (ssl->bio->shutdown_error) {
    case TLSM_SHUTDOWN_NONE: tlsm_ssl_succeeded(ssl); break;
    case TLSM_SHUTDOWN_WANT_READ: (void)want_transport(ssl, TLSM_BIO_ERROR_WANT_READ); break;
    case TLSM_SHUTDOWN_WANT_WRITE: (void)want_transport(ssl, TLSM_BIO_ERROR_WANT_WRITE); break;
    case TLSM_SHUTDOWN_SYSCALL: (void)fail_transport(ssl); break;
    case TLSM_SHUTDOWN_PROTOCOL: (void)fail_end(ssl); break;
    case TLSM_SHUTDOWN_UNEXPECTED_EOF: (void)fail(ssl, SSL_R_UNEXPECTED_EOF_WHILE_READING, ""); break;
    case TLSM_SHUTDOWN_DATA_PENDING:
        (void)fail(ssl, SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY, "application data pending: SSL_read() returns it");
        break;
    case TLSM_SHUTDOWN_FAILURE:
        (void)fail(ssl, ssl->bio->link.code == TLSM_LIBRARY_FAILED ? ERR_R_INTERNAL_ERROR : ERR_R_MALLOC_FAILURE, "");
        break;
    case TLSM_SHUTDOWN_IN_INIT: (void)fail(ssl, SSL_R_SHUTDOWN_WHILE_IN_INIT, ""); break;
    }
}

const char *SSL_tlsm_reason(const SSL *ssl)
{
    const char *text = "";
    if (ssl == NULL || ssl->last.error == SSL_ERROR_NONE)
        return text;
    if (ssl->last.text[0] != '\0')
        return ssl->last.text;
    if (ssl->last.reason != 0)
        text = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, ssl->last.reason));
    return text != NULL ? text : "";
}
