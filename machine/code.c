/* SPDX-License-Identifier: MIT */
/* Words for every number: generated from the .def files, as switches, so that no table holds a pointer. */
#include "internal.h"

const char *tlsm_code_text(enum tlsm_code code)
{
    switch (code) {
#define CODE(name, value, fault, text, advice) case TLSM_##name: return text;
#define END(name, value, verdict, exit, fault, text, advice) case TLSM_END_##name: return text;
#include "code.def"
#undef CODE
#undef END
    case TLSM_CODE_LAST: break;
    }
    return "An unknown code.";
}

const char *tlsm_code_advice(enum tlsm_code code)
{
    switch (code) {
#define CODE(name, value, fault, text, advice) case TLSM_##name: return advice;
#define END(name, value, verdict, exit, fault, text, advice) case TLSM_END_##name: return advice;
#include "code.def"
#undef CODE
#undef END
    case TLSM_CODE_LAST: break;
    }
    return "Report this.";
}

const char *tlsm_code_name(enum tlsm_code code)
{
    switch (code) {
#define CODE(name, value, fault, text, advice) case TLSM_##name: return #name;
#define END(name, value, verdict, exit, fault, text, advice) case TLSM_END_##name: return "END_" #name;
#include "code.def"
#undef CODE
#undef END
    case TLSM_CODE_LAST: break;
    }
    return "UNKNOWN";
}

enum tlsm_code tlsm_how_code(uint8_t how)
{
    switch ((enum tlsm_how)how) {
    case TLSM_OPEN: break;
#define END(name, value, verdict, exit, fault, text, advice) case TLSM_##verdict##_VERDICT: return TLSM_END_##name;
#include "code.def"
#undef END
    case TLSM_HOW_COUNT: break;
    }
    return TLSM_OK;
}

int tlsm_how_exit(uint8_t how)
{
    switch ((enum tlsm_how)how) {
    case TLSM_OPEN: break;
#define END(name, value, verdict, exit, fault, text, advice) case TLSM_##verdict##_VERDICT: return exit;
#include "code.def"
#undef END
    case TLSM_HOW_COUNT: break;
    }
    return 1;
}

const char *tlsm_how_name(uint8_t how)
{
    switch ((enum tlsm_how)how) {
    case TLSM_OPEN: return "open";
    case TLSM_HANDED_OFF_VERDICT: return "handed_off";
    case TLSM_NEVER_OPENED_VERDICT: return "never_opened";
    case TLSM_CANCELLED_IN_HANDSHAKE_VERDICT: return "cancelled_in_handshake";
    case TLSM_HANDSHAKE_FAILED_VERDICT: return "handshake_failed";
    case TLSM_CLEAN_BOTH_VERDICT: return "clean_both";
    case TLSM_CLEAN_RECEIVED_VERDICT: return "clean_received";
    case TLSM_CLOSED_INCOMPLETE_VERDICT: return "closed_incomplete";
    case TLSM_FRAMED_END_VERDICT: return "framed_end";
    case TLSM_TRUNCATED_VERDICT: return "truncated";
    case TLSM_PEER_ALERT_VERDICT: return "peer_alert";
    case TLSM_LOCAL_ALERT_VERDICT: return "local_alert";
    case TLSM_PROTOCOL_ERROR_VERDICT: return "protocol_error";
    case TLSM_TRANSPORT_FAILED_VERDICT: return "transport_failed";
    case TLSM_TIMED_OUT_VERDICT: return "timed_out";
    case TLSM_LIMIT_EXCEEDED_VERDICT: return "limit_exceeded";
    case TLSM_ABANDONED_VERDICT: return "abandoned";
    case TLSM_HOW_COUNT: break;
    }
    return "unknown";
}

const char *tlsm_alert_name(uint8_t alert)
{
    switch ((enum tlsm_alert)alert) {
    case TLSM_ALERT_CLOSE_NOTIFY: return "close_notify";
    case TLSM_ALERT_UNEXPECTED_MESSAGE: return "unexpected_message";
    case TLSM_ALERT_BAD_RECORD_MAC: return "bad_record_mac";
    case TLSM_ALERT_RECORD_OVERFLOW: return "record_overflow";
    case TLSM_ALERT_DECOMPRESSION_FAILURE: return "decompression_failure";
    case TLSM_ALERT_HANDSHAKE_FAILURE: return "handshake_failure";
    case TLSM_ALERT_BAD_CERTIFICATE: return "bad_certificate";
    case TLSM_ALERT_UNSUPPORTED_CERTIFICATE: return "unsupported_certificate";
    case TLSM_ALERT_CERTIFICATE_REVOKED: return "certificate_revoked";
    case TLSM_ALERT_CERTIFICATE_EXPIRED: return "certificate_expired";
    case TLSM_ALERT_CERTIFICATE_UNKNOWN: return "certificate_unknown";
    case TLSM_ALERT_ILLEGAL_PARAMETER: return "illegal_parameter";
    case TLSM_ALERT_UNKNOWN_CA: return "unknown_ca";
    case TLSM_ALERT_ACCESS_DENIED: return "access_denied";
    case TLSM_ALERT_DECODE_ERROR: return "decode_error";
    case TLSM_ALERT_DECRYPT_ERROR: return "decrypt_error";
    case TLSM_ALERT_PROTOCOL_VERSION: return "protocol_version";
    case TLSM_ALERT_INSUFFICIENT_SECURITY: return "insufficient_security";
    case TLSM_ALERT_INTERNAL_ERROR: return "internal_error";
    case TLSM_ALERT_INAPPROPRIATE_FALLBACK: return "inappropriate_fallback";
    case TLSM_ALERT_NO_RENEGOTIATION: return "no_renegotiation";
    case TLSM_ALERT_USER_CANCELED: return "user_canceled";
    case TLSM_ALERT_MISSING_EXTENSION: return "missing_extension";
    case TLSM_ALERT_UNSUPPORTED_EXTENSION: return "unsupported_extension";
    case TLSM_ALERT_UNRECOGNIZED_NAME: return "unrecognized_name";
    case TLSM_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE: return "bad_certificate_status_response";
    case TLSM_ALERT_UNKNOWN_PSK_IDENTITY: return "unknown_psk_identity";
    case TLSM_ALERT_CERTIFICATE_REQUIRED: return "certificate_required";
    case TLSM_ALERT_GENERAL_ERROR: return "general_error";
    case TLSM_ALERT_NO_APPLICATION_PROTOCOL: return "no_application_protocol";
    case TLSM_ALERT_NONE: return "none";
    }
    return "(unassigned)";
}

const char *tlsm_event_name(unsigned event)
{
    switch ((enum tlsm_event)event) {
#define EVENT(name, mover, cause, text) case TLSM_EV_##name: return #name;
#include "event.def"
#undef EVENT
    case TLSM_EV_COUNT: break;
    }
    return "unknown";
}

const char *tlsm_phase_name(uint8_t phase)
{
    switch ((enum tlsm_phase)phase) {
#define PHASE(name, role, rx, tx, read, write, text) case TLSM_PHASE_##name: return #name;
#include "phase.def"
#undef PHASE
    case TLSM_PHASE_COUNT: break;
    }
    return "unknown";
}

const char *tlsm_rx_name(uint8_t rx)
{
    switch ((enum tlsm_rx)rx) {
    case TLSM_RX_UNBORN: return "UNBORN";
    case TLSM_RX_HANDSHAKE: return "HANDSHAKE";
    case TLSM_RX_OPEN: return "OPEN";
    case TLSM_RX_CLOSED: return "CLOSED";
    case TLSM_RX_CUT: return "CUT";
    case TLSM_RX_DEAD: return "DEAD";
    case TLSM_RX_COUNT: break;
    }
    return "unknown";
}

const char *tlsm_tx_name(uint8_t tx)
{
    switch ((enum tlsm_tx)tx) {
    case TLSM_TX_UNBORN: return "UNBORN";
    case TLSM_TX_MUTE: return "MUTE";
    case TLSM_TX_HANDSHAKE: return "HANDSHAKE";
    case TLSM_TX_OPEN: return "OPEN";
    case TLSM_TX_CANCELLING: return "CANCELLING";
    case TLSM_TX_CLOSING: return "CLOSING";
    case TLSM_TX_CLOSE_OUT: return "CLOSE_OUT";
    case TLSM_TX_CLOSED: return "CLOSED";
    case TLSM_TX_FAILING: return "FAILING";
    case TLSM_TX_FAIL_OUT: return "FAIL_OUT";
    case TLSM_TX_DEAD: return "DEAD";
    case TLSM_TX_EXPORTED: return "EXPORTED";
    case TLSM_TX_COUNT: break;
    }
    return "unknown";
}

const char *tlsm_cause_name(uint8_t cause)
{
    switch ((enum tlsm_cause)cause) {
    case TLSM_CAUSE_NONE: return "none";
    case TLSM_CAUSE_BUDGET: return "budget";
    case TLSM_CAUSE_DEADLINE: return "deadline";
    case TLSM_CAUSE_ABANDON: return "abandon";
    case TLSM_CAUSE_RECEIVE_FAILED: return "receive_failed";
    case TLSM_CAUSE_SEND_FAILED: return "send_failed";
    case TLSM_CAUSE_EOF: return "eof";
    case TLSM_CAUSE_EOF_VOUCHED: return "eof_vouched";
    case TLSM_CAUSE_PEER_ALERT: return "peer_alert";
    case TLSM_CAUSE_LOCAL_ALERT: return "local_alert";
    case TLSM_CAUSE_PROTOCOL_ERROR: return "protocol_error";
    case TLSM_CAUSE_ABORT: return "abort";
    case TLSM_CAUSE_PEER_CLOSED: return "peer_closed";
    }
    return "unknown";
}

const char *tlsm_place_name(uint8_t place)
{
    switch ((enum tlsm_place)place) {
    case TLSM_PLACE_NONE: return "none";
    case TLSM_PLACE_BOUNDARY: return "boundary";
    case TLSM_PLACE_HEADER: return "header";
    case TLSM_PLACE_BODY: return "body";
    case TLSM_PLACE_MESSAGE: return "message";
    case TLSM_PLACE_UNKNOWN: return "unknown";
    }
    return "unknown";
}

const char *tlsm_mover_name(uint8_t mover)
{
    switch ((enum tlsm_mover)mover) {
    case TLSM_NOBODY_MOVED: return "nobody";
    case TLSM_WE_MOVED: return "we";
    case TLSM_PEER_MOVED: return "peer";
    case TLSM_TRANSPORT_MOVED: return "transport";
    }
    return "unknown";
}
