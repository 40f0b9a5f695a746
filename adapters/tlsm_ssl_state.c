/* SPDX-License-Identifier: MIT */
/* Where a connection is, and what was negotiated, in OpenSSL's words. */
#include "tlsm_ssl_internal.h"

#include <string.h>

/* ------------------------------------------------------------------------------------------------ state */

static const struct tlsm_control *control_of(const SSL *ssl)
{
    const struct tlsm_state *const machine = ssl != NULL ? ssl_machine(ssl) : NULL;
    return machine != NULL ? &machine->control : NULL;
}

int SSL_is_init_finished(const SSL *ssl)
{
    const struct tlsm_control *const control = control_of(ssl);
    return control != NULL && (control->facts & TLSM_FACT_COMPLETE) != 0;
}

int SSL_in_before(const SSL *ssl) { return ssl != NULL && ssl->bio == NULL; }
int SSL_in_init(const SSL *ssl) { return ssl != NULL && !SSL_is_init_finished(ssl); }

static const struct name {
    uint8_t phase;
    uint8_t state;               /* TLS_ST_… */
    char brief[8];
    char full[48];
} names[] = {
    { TLSM_PHASE_NEW, TLS_ST_BEFORE, "PINIT ", "before SSL initialization" },
    { TLSM_PHASE_C_MAKE_HELLO, TLS_ST_CW_CLNT_HELLO, "TWCH", "SSLv3/TLS write client hello" },
    { TLSM_PHASE_C_WAIT_HELLO, TLS_ST_CR_SRVR_HELLO, "TRSH", "SSLv3/TLS read server hello" },
    { TLSM_PHASE_C_MAKE_RETRY_CCS, TLS_ST_CW_CLNT_HELLO, "TWCCS", "SSLv3/TLS write change cipher spec" },
    { TLSM_PHASE_C_MAKE_RETRY, TLS_ST_CW_CLNT_HELLO, "TWCH", "SSLv3/TLS write client hello" },
    { TLSM_PHASE_C_WAIT_RETRIED, TLS_ST_CR_SRVR_HELLO, "TRSH", "SSLv3/TLS read server hello" },
    { TLSM_PHASE_C_WAIT_EXTENSIONS, TLS_ST_CR_FINISHED, "TREE", "TLSv1.3 read encrypted extensions" },
    { TLSM_PHASE_C_AUTHENTICATE, TLS_ST_CR_FINISHED, "TRSC", "SSLv3/TLS read server certificate" },
    { TLSM_PHASE_C_WAIT_CERTIFICATE, TLS_ST_CR_FINISHED, "TRSC", "SSLv3/TLS read server certificate" },
    { TLSM_PHASE_C_WAIT_CERTIFICATE_ONLY, TLS_ST_CR_FINISHED, "TRSC", "SSLv3/TLS read server certificate" },
    { TLSM_PHASE_C_WAIT_VERIFY, TLS_ST_CR_FINISHED, "TRSCV", "TLSv1.3 read server certificate verify" },
    { TLSM_PHASE_C_WAIT_FINISHED, TLS_ST_CR_FINISHED, "TRFIN", "SSLv3/TLS read finished" },
    { TLSM_PHASE_C_JUDGE, TLS_ST_CR_FINISHED, "TRSC", "SSLv3/TLS read server certificate" },
    { TLSM_PHASE_C_MAKE_CCS, TLS_ST_CW_FINISHED, "TWCCS", "SSLv3/TLS write change cipher spec" },
    { TLSM_PHASE_C_MAKE_CERTIFICATE, TLS_ST_CW_FINISHED, "TWCC", "SSLv3/TLS write client certificate" },
    { TLSM_PHASE_C_MAKE_FINISHED, TLS_ST_CW_FINISHED, "TWFIN", "SSLv3/TLS write finished" },
    { TLSM_PHASE_S_WAIT_HELLO, TLS_ST_SR_CLNT_HELLO, "TRCH", "SSLv3/TLS read client hello" },
    { TLSM_PHASE_S_CHOOSE, TLS_ST_SR_CLNT_HELLO, "TRCH", "SSLv3/TLS read client hello" },
    { TLSM_PHASE_S_FIND, TLS_ST_SR_CLNT_HELLO, "TRCH", "SSLv3/TLS read client hello" },
    { TLSM_PHASE_S_FIND_AGAIN, TLS_ST_SR_CLNT_HELLO, "TRCH", "SSLv3/TLS read client hello" },
    { TLSM_PHASE_S_MAKE_RETRY, TLS_ST_SW_SRVR_HELLO, "TWSH", "SSLv3/TLS write server hello" },
    { TLSM_PHASE_S_MAKE_RETRY_CCS, TLS_ST_SW_SRVR_HELLO, "TWCCS", "SSLv3/TLS write change cipher spec" },
    { TLSM_PHASE_S_WAIT_RETRIED, TLS_ST_SR_CLNT_HELLO, "TRCH", "SSLv3/TLS read client hello" },
    { TLSM_PHASE_S_MAKE_HELLO, TLS_ST_SW_SRVR_HELLO, "TWSH", "SSLv3/TLS write server hello" },
    { TLSM_PHASE_S_MAKE_CCS, TLS_ST_SW_FINISHED, "TWCCS", "SSLv3/TLS write change cipher spec" },
    { TLSM_PHASE_S_MAKE_EXTENSIONS, TLS_ST_SW_FINISHED, "TWEE", "TLSv1.3 write encrypted extensions" },
    { TLSM_PHASE_S_MAKE_CERTIFICATE, TLS_ST_SW_FINISHED, "TWSC", "SSLv3/TLS write certificate" },
    { TLSM_PHASE_S_SIGN, TLS_ST_SW_FINISHED, "TWSCV", "TLSv1.3 write server certificate verify" },
    { TLSM_PHASE_S_MAKE_VERIFY, TLS_ST_SW_FINISHED, "TWSCV", "TLSv1.3 write server certificate verify" },
    { TLSM_PHASE_S_MAKE_FINISHED, TLS_ST_SW_FINISHED, "TWFIN", "SSLv3/TLS write finished" },
    { TLSM_PHASE_S_WAIT_FINISHED, TLS_ST_SR_FINISHED, "TRFIN", "SSLv3/TLS read finished" },
    { TLSM_PHASE_DATA, TLS_ST_OK, "SSLOK ", "SSL negotiation finished successfully" },
};

static const struct name *name_of(const SSL *ssl)
{
    const struct tlsm_control *const control = control_of(ssl);
    const uint8_t phase = control != NULL ? control->phase : TLSM_PHASE_NEW;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].phase == phase)
            return &names[i];
    return &names[0];
}

/* A handshake that was given up stays where it was. */
static int is_failed(const SSL *ssl)
{
    const struct tlsm_control *const control = control_of(ssl);
    return control != NULL && (control->facts & (TLSM_FACT_ERROR | TLSM_FACT_ABORTED | TLSM_FACT_PEER_ALERT)) != 0;
}

int SSL_get_state(const SSL *ssl) { return name_of(ssl)->state; }
const char *SSL_state_string(const SSL *ssl) { return is_failed(ssl) ? "SSLERR" : name_of(ssl)->brief; }
const char *SSL_state_string_long(const SSL *ssl) { return is_failed(ssl) ? "error" : name_of(ssl)->full; }

static int read_step(const SSL *ssl)
{
    const struct tlsm_control *const control = control_of(ssl);
    const uint8_t seen = control != NULL ? control->header_seen : 0;
    return seen == 0 ? 0 : seen < TLSM_HEADER ? 1 : 2;
}

const char *SSL_rstate_string(const SSL *ssl)
{
    static const char brief[3][3] = { "RD", "RH", "RB" };
    return brief[read_step(ssl)];
}

const char *SSL_rstate_string_long(const SSL *ssl)
{
    static const char full[3][12] = { "read done", "read header", "read body" };
    return full[read_step(ssl)];
}

void SSL_tlsm_verdict(const SSL *ssl, struct tlsm_verdict *verdict)
{
    const struct tlsm_state *const machine = ssl != NULL ? ssl_machine(ssl) : NULL;
    struct tlsm_state unborn;
    if (verdict == NULL)
        return;
    if (machine == NULL)
        tlsm_init(&unborn);
    tlsm_verdict(machine != NULL ? machine : &unborn, verdict);
}

/* ------------------------------------------------------------------------------------------------ negotiated */

/* Before a version is agreed upon: the newest that may be. */
int SSL_version(const SSL *ssl)
{
    const struct tlsm_state *const machine = ssl != NULL ? ssl_machine(ssl) : NULL;
    if (machine != NULL && machine->control.version != TLSM_VERSION_UNKNOWN)
        return machine->control.version;
    return ssl == NULL || tlsm_ssl_profile_speaks(&ssl->profile, TLS1_3_VERSION) ? TLS1_3_VERSION : TLS1_2_VERSION;
}

const char *SSL_get_version(const SSL *ssl) { return SSL_version(ssl) == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"; }

int SSL_client_version(const SSL *ssl)
{
    (void)ssl;
    return TLS1_2_VERSION;   /* legacy_version, which is what is asked for */
}

static const SSL_CIPHER *cipher_of(const SSL *ssl)
{
    const struct tlsm_state *const machine = ssl != NULL ? ssl_machine(ssl) : NULL;
    return machine != NULL && machine->suite != 0 ? tlsm_ssl_cipher_of(machine->suite) : NULL;
}

const SSL_CIPHER *SSL_get_current_cipher(const SSL *ssl) { return SSL_in_init(ssl) ? NULL : cipher_of(ssl); }
const SSL_CIPHER *SSL_get_pending_cipher(const SSL *ssl) { return cipher_of(ssl); }

int SSL_get_negotiated_group(SSL *ssl)
{
    const struct tlsm_state *const machine = ssl != NULL ? ssl_machine(ssl) : NULL;
    return machine != NULL && machine->group != 0 ? tlsm_ssl_nid_of_group(machine->group) : NID_undef;
}

const char *SSL_get0_group_name(SSL *ssl)
{
    const int nid = SSL_get_negotiated_group(ssl);
    return nid != NID_undef ? OBJ_nid2sn(nid) : NULL;
}

const void *SSL_get_current_compression(SSL *ssl)
{
    (void)ssl;
    return NULL;
}

/* A context that is not used and an empty one are two things in TLS 1.2. */
int SSL_export_keying_material(SSL *ssl, unsigned char *to, size_t length, const char *label, size_t label_length,
                               const unsigned char *context, size_t context_length, int use_context)
{
    static const unsigned char empty[1] = { 0 };
    const struct tlsm_bytes name = { (const uint8_t *)label, label_length };
    const struct tlsm_span room = { to, length };
    struct tlsm_bytes about = { NULL, 0 };
    if (ssl == NULL || ssl_machine(ssl) == NULL || to == NULL || label == NULL)
        return 0;
    if (use_context) {
        about.data = context != NULL ? context : empty;
        about.length = context != NULL ? context_length : 0;
    }
    const struct tlsm_config config = tlsm_ssl_config(ssl);
    return tlsm_exporter(&config, ssl_machine(ssl), name, about, room) == 0;
}

size_t SSL_get_client_random(const SSL *ssl, unsigned char *to, size_t room)
{
    const struct tlsm_state *const machine = ssl != NULL ? ssl_machine(ssl) : NULL;
    if (machine == NULL)
        return 0;
    if (room == 0 || to == NULL)
        return sizeof machine->client_random;
    if (room > sizeof machine->client_random)
        room = sizeof machine->client_random;
    memcpy(to, machine->client_random, room);
    return room;
}

void SSL_get0_alpn_selected(const SSL *ssl, const unsigned char **data, unsigned int *length)
{
    const struct tlsm_state *const machine = ssl != NULL ? ssl_machine(ssl) : NULL;
    struct tlsm_bytes name = { NULL, 0 };
    if (machine != NULL && machine->alpn > 0 && machine->alpn <= ssl->settings.alpn_count)
        name = ssl->settings.alpn[machine->alpn - 1];
    if (data != NULL)
        *data = name.data;
    if (length != NULL)
        *length = (unsigned)name.length;
}

/* ------------------------------------------------------------------------------------------------ alerts */

const char *SSL_alert_type_string(int value)
{
    return value >> 8 == SSL3_AL_WARNING ? "W" : value >> 8 == SSL3_AL_FATAL ? "F" : "U";
}

const char *SSL_alert_type_string_long(int value)
{
    return value >> 8 == SSL3_AL_WARNING ? "warning" : value >> 8 == SSL3_AL_FATAL ? "fatal" : "unknown";
}

static const struct alert {
    uint8_t value;
    char brief[3];
    char full[32];
} alerts[] = {
    { SSL_AD_CLOSE_NOTIFY, "CN", "close notify" }, { SSL_AD_UNEXPECTED_MESSAGE, "UM", "unexpected message" },
    { SSL_AD_BAD_RECORD_MAC, "BM", "bad record mac" }, { SSL_AD_RECORD_OVERFLOW, "RO", "record overflow" },
    { SSL_AD_HANDSHAKE_FAILURE, "HF", "handshake failure" }, { SSL_AD_BAD_CERTIFICATE, "BC", "bad certificate" },
    { SSL_AD_UNSUPPORTED_CERTIFICATE, "UC", "unsupported certificate" },
    { SSL_AD_CERTIFICATE_REVOKED, "CR", "certificate revoked" }, { SSL_AD_CERTIFICATE_EXPIRED, "CE", "certificate expired" },
    { SSL_AD_CERTIFICATE_UNKNOWN, "CU", "certificate unknown" }, { SSL_AD_ILLEGAL_PARAMETER, "IP", "illegal parameter" },
    { SSL_AD_UNKNOWN_CA, "CA", "unknown CA" }, { SSL_AD_ACCESS_DENIED, "AD", "access denied" },
    { SSL_AD_DECODE_ERROR, "DE", "decode error" }, { SSL_AD_DECRYPT_ERROR, "DC", "decrypt error" },
    { SSL_AD_PROTOCOL_VERSION, "PV", "protocol version" }, { SSL_AD_INSUFFICIENT_SECURITY, "IS", "insufficient security" },
    { SSL_AD_INTERNAL_ERROR, "IE", "internal error" }, { SSL_AD_USER_CANCELLED, "US", "user canceled" },
    { SSL_AD_UNSUPPORTED_EXTENSION, "UE", "unsupported extension" }, { SSL_AD_UNRECOGNIZED_NAME, "UN", "unrecognized name" },
    { SSL_AD_UNKNOWN_PSK_IDENTITY, "UP", "unknown PSK identity" },
    { SSL_AD_MISSING_EXTENSION, "ME", "missing extension" }, { SSL_AD_CERTIFICATE_REQUIRED, "CQ", "certificate required" },
    { SSL_AD_NO_APPLICATION_PROTOCOL, "NA", "no application protocol" },
};

static const struct alert *alert_of(int value)
{
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
        if (alerts[i].value == (value & 0xff))
            return &alerts[i];
    return NULL;
}

const char *SSL_alert_desc_string(int value) { return alert_of(value) != NULL ? alert_of(value)->brief : "UK"; }
const char *SSL_alert_desc_string_long(int value) { return alert_of(value) != NULL ? alert_of(value)->full : "unknown"; }
