# SPDX-License-Identifier: MIT
"""What other libraries do otherwise than the rules of interop_cases.py say, with the reason. A deviation that is not listed
here fails, and so does a listed one that no longer comes."""
from collections import namedtuple

import interop_cases as cases

# allowed: field of interop.compare() -> the values it may have besides the expected one. Those of `always` must deviate.
# no_handshake: the handshake must fail, with the verdict handshake_failed where we were reached at all, or peer_alert where a client
# of ours in TLS 1.3 had finished before.
Reason = namedtuple("Reason", "key where allowed always no_handshake text")


def reason(key, where, text, allowed=None, always=(), no_handshake=False):
    return Reason(key, where, allowed or {}, always, no_handshake, text)


def theirs_first(cell):
    return cell.first != cell.ours


def is_kind(cell, *kinds):
    """Whether a certificate of these kinds is shown, by the server or by the client."""
    return shown_by(cell, "server") in kinds or shown_by(cell, "client") in kinds


def shown_by(cell, role):
    """The kind of certificate that this side shows."""
    return cell.kind if role == "server" else cell.auth[1] if cell.auth else None


def meets(cell, peer):
    """In TLS 1.2 nothing of ours comes after their close_notify: we answer at once."""
    return cell.peer == peer and cell.plan == "meets data" and theirs_first(cell) and cell.version == "1.3"


# In the handshake: what a peer may say of it. Some of it is a race inside the transport.
CUT = {"eof", "reset"}
HANDSHAKE = {
    ("openssl", "hello, close", "client"): ({"close_notify"}, "zero"),
    ("gnutls", "hello, close", "client"): ({"error"}, "clear"),
    ("go", "hello, close", "client"): ({"error"}, "clear"),
    ("jsse", "hello, close", "client"): ({"error"}, "clear"),
    ("wolfssl", "hello, close", "client"): ({"error"}, "clear"),
    ("openssl", "hello, close", "client", "1.2"): ({"close_notify"}, "zero"),
    ("gnutls", "hello, close", "client", "1.2"): ({"close_notify"}, "heard"),
    ("go", "hello, close", "client", "1.2"): ({"eof"}, None),
    ("jsse", "hello, close", "client", "1.2"): ({"error"}, "done"),
    ("wolfssl", "hello, close", "client", "1.2"): ({"close_notify"}, "heard"),
    ("mbedtls", "hello, close", "client"): ({"close_notify"}, "heard"),
    ("bearssl", "hello, close", "client"): ({"close_notify"}, "heard"),
    ("bearssl", "hello, close", "server"): ({"close_notify"}, "answered"),
    ("openssl", "hello, close", "server"): ({"error"}, "init"),
    ("gnutls", "hello, close", "server"): ({"error"}, "early"),
    ("go", "hello, close", "server"): ({"none"}, "silent"),
    ("jsse", "hello, close", "server"): ({"none"}, "jsse"),
    ("wolfssl", "hello, close", "server"): ({"error"}, "early"),
}
HANDSHAKE_TEXT = {
    "clear":
        "Our user_canceled and close_notify come in the clear, as they must before there are keys (A2); this server has "
        "sent its flight by then and reads nothing unencrypted any more.",
    "zero":
        "libssl's server says SSL_ERROR_ZERO_RETURN for the close_notify in the clear (A2) that no one has vouched for.",
    "ems":
        "Go 1.19 and BearSSL do not know the extended master secret (RFC 7627), which we require of TLS 1.2 unless told otherwise.",
    "heard":
        "This server reads our user_canceled and close_notify in the clear (A2), and reports the latter.",
    "done":
        "JSSE's server reports a complete handshake when close_notify comes in it; reading then fails.",
    "init":
        "libssl's SSL_shutdown() refuses in the handshake (\"shutdown while in init\") and sends nothing: a FIN is all we "
        "see.",
    "early":
        "Its close sends close_notify in the clear before there are keys: nothing authenticated came, so the handshake has "
        "failed (C6), and nothing else.",
    "answered":
        "BearSSL's client says close_notify in the clear; nothing authenticated came, so the handshake has failed (C6), and it waits for "
        "the close_notify that we owe.",
    "jsse":
        "JSSE's close() says user_canceled and close_notify in the clear before there are keys: the first is noted, and the "
        "handshake has failed (C6).",
    "silent":
        "Its close says nothing in the handshake: a FIN is all we see.",
}


REASONS = [
    reason("go-pss", lambda c: c.peer == "go" and is_kind(c, "rsapss"),
           "Go's crypto/x509 reads no key and no certificate of the type RSASSA-PSS, and its client does not offer their "
           "schemes.", no_handshake=True),
    reason("wolfssl-pss-judges", lambda c: c.peer == "wolfssl" and shown_by(c, c.ours) == "rsapss",
           "wolfSSL refuses a signature by a key of the type RSASSA-PSS under the rsa_pss_pss schemes that it offered, with "
           "illegal_parameter; those of libssl and GnuTLS too.", no_handshake=True),
    reason("wolfssl-pss-signs", lambda c: c.peer == "wolfssl" and shown_by(c, cases.other(c.ours)) == "rsapss",
           "wolfSSL signs with a key of the type RSASSA-PSS under an rsa_pss_rsae scheme. Those are for keys of the type "
           "rsaEncryption (RFC 9846 section 4.3.3): we refuse with illegal_parameter, and libssl refuses too.",
           no_handshake=True),
    reason("wolfssl-rsa", lambda c: c.peer == "wolfssl" and c.ours == "client" and c.version == "1.2" and c.auth == ("require", "rsa"),
           "wolfSSL's server asks for the kinds of certificates of its own suite: with ECDHE-ECDSA, none with an RSA key.",
           no_handshake=True),
    reason("wolfssl-later", lambda c: c.peer == "wolfssl" and c.ours == "server" and c.prime and c.auth == (cases.LATER_ASKED, "p256"),
           "wolfSSL's client refuses to be asked for a certificate on a session that it resumed, with unexpected_message; its own server "
           "too.",
           {"verdict": ["peer_alert"], "our peer": ["none"], "seen": ["alert:10"], "their end": ["error"], "in": [cases.UP], "out": None,
            "in, digest": None, "their in": [0], "their in, digest": None},
           always=["verdict", "their end"]),
    reason("no-ed25519", lambda c: c.peer in ("gnutls", "wolfssl") and c.ours == "server" and c.version == "1.2" and
           c.auth == ("require", "ed25519"),
           "GnuTLS's and wolfSSL's clients give up where the server does not ask for Ed25519 and they have nothing else.",
           {"their end": ["error"]}, always=["their end"]),
    reason("wolfssl-ed25519", lambda c: c.peer == "wolfssl" and c.ours == "client" and c.version == "1.3" and
           c.auth == ("require", "ed25519"),
           "wolfSSL takes a certificate with an Ed25519 key, but does not give it out.",
           {"their peer": ["none"]},
           always=["their peer"]),
    reason("go-eof", lambda c: c.peer == "go" and c.plan == "cut" and c.first == c.ours,
           "Go's Read returns io.EOF for a FIN at a record boundary too: a truncated stream looks complete.",
           {"their end": ["close_notify"]},
           always=["their end"]),
    reason("jsse-eof", lambda c: c.peer == "jsse" and c.plan == "cut" and c.first == c.ours,
           "JSSE's read returns -1 for a FIN too, unless the property com.sun.net.ssl.requireCloseNotify is set: a "
           "truncated stream looks complete.",
           {"their end": ["close_notify"]},
           always=["their end"]),
    reason("go-close", lambda c: c.peer == "go" and theirs_first(c) and
           (c.plan == "own call" or (c.plan == "meets data" and c.version == "1.2")),
           "Go's Close sends close_notify and closes the transport: it does not wait for ours, nor look for it.",
           {"their end": ["none"]},
           always=["their end"]),
    reason("jsse-close", lambda c: c.peer == "jsse" and c.plan == "own call" and theirs_first(c) and c.version == "1.3",
           "JSSE's close() says user_canceled before close_notify, and returns nothing of what came of it. Our verdict "
           "notes the user_canceled and is clean: the close_notify is what counts (E5).",
           {"their end": ["none"], "user_canceled": [True]},
           always=["their end", "user_canceled"]),
    reason("jsse-close-12", lambda c: c.peer == "jsse" and c.plan in ("own call", "meets data") and theirs_first(c) and
           c.version == "1.2",
           "JSSE's close() returns nothing of what came of it.",
           {"their end": ["none"]},
           always=["their end"]),
    reason("old-kinds", lambda c: c.peer in ("mbedtls", "bearssl") and is_kind(c, "ed25519", "rsapss"),
           "mbedTLS 2.28 and BearSSL 0.6 know neither Ed25519 nor RSASSA-PSS in TLS 1.2.", no_handshake=True),
    reason("mbedtls-close", lambda c: c.peer == "mbedtls" and c.plan in ("own call", "meets data") and theirs_first(c),
           "mbedTLS's own programs send close_notify and close the transport: they do not wait for ours, nor look for it.",
           {"their end": ["none"]},
           always=["their end"]),
    reason("prompt", lambda c: cases.is_prompt(c),
           "JSSE and BearSSL answer our close_notify at once in TLS 1.2, as RFC 5246 section 7.2.1 has it, and write no more."),
    reason("own-group", lambda c: c.peer in ("wolfssl", "bearssl") and c.ours == "client" and c.version == "1.2" and
           c.section == "suites" and (c.kind, c.group) == ("p256", "secp384r1"),
           "wolfSSL's and BearSSL's servers choose among the client's groups themselves, here the certificate's curve.",
           {"our group": ["secp256r1"], "their group": ["secp256r1"]},
           always=["our group", "their group"]),
    reason("libssl-once", lambda c: c.peer == "openssl" and c.section == "early" and c.group == cases.RETRIED and c.ours == "client",
           "libssl's server lets a session with early data be used once: when the second ClientHello comes it is gone, and the "
           "handshake is a full one.",
           {"our resumption": [False], "their resumption": [False]},
           always=["our resumption", "their resumption"]),
    reason("jsse-done", lambda c: c.peer == "jsse" and c.plan == "hello, close" and c.ours == "client" and c.version == "1.2",
           HANDSHAKE_TEXT["done"], {"their handshake": [True]}, always=["their handshake"]),
    reason("full", lambda c: c.section == "resumption" and not cases.has_sessions(c.peer, c.ours, c.version),
           "We resume no session without the extended master secret (RFC 7627 section 5.3): the handshake is a full one."),
    reason("bearssl-half", lambda c: c.peer == "bearssl" and c.plan == "half-close, kept",
           "BearSSL drops what comes after its own close_notify.",
           {"their in": [cases.UP + 1, cases.DOWN], "their in, digest": None},
           always=["their in"]),
    reason("libssl-data", lambda c: meets(c, "openssl"),
           "libssl's second SSL_shutdown() fails at data, and whoever closes the transport then resets it. Their data was "
           "complete before; whether ours was taken before the reset is the transport's to say, and the verdict says it "
           "(B10).",
           {"their end": ["error"], "verdict": ["clean_received"], "out": None},
           always=["their end"]),
    reason("wolfssl-data", lambda c: meets(c, "wolfssl"),
           "wolfSSL_shutdown() fails at data, with no reason in wolfSSL_get_error(); otherwise as libssl.",
           {"their end": ["error"], "verdict": ["clean_received"], "out": None},
           always=["their end"]),
    reason("go-data", lambda c: meets(c, "go"),
           "Go's Close leaves the transport to reset what comes afterwards; otherwise as libssl.",
           {"their end": ["none"], "verdict": ["clean_received"], "out": None},
           always=["their end"]),
    reason("jsse-data", lambda c: meets(c, "jsse"),
           "JSSE's close() (with user_canceled, as above) reads a while and drops what it reads, then resets; otherwise as "
           "libssl.",
           {"their end": ["none"], "user_canceled": [True], "verdict": ["clean_received"], "out": None},
           always=["their end", "user_canceled"]),
]

def refusals(cell):
    """What a server says to a client that it refuses: which alert is its own business. Some say nothing."""
    if not cell.ems:
        return {"error"}   # it is ours to refuse
    if cell.version == "1.2" and (cell.peer == "bearssl" or (cell.peer in SILENT and cell.auth[1] != "stranger")):
        return {"eof"}
    return {"alert:40", "alert:42", "alert:46", "alert:48", "alert:50", "alert:70", "alert:116"}


# A server of ours: no certificate where one is required, one of an authority that is not known; no version in common.
OUR_REFUSAL = {("none", "1.3"): "alert:116", ("none", "1.2"): "alert:40", ("stranger", "1.3"): "alert:48", ("stranger", "1.2"): "alert:48",
               ("ed25519", "1.2"): "alert:40"}
SILENT = {"mbedtls", "wolfssl"}   # where no certificate came


def refused_ends(cell):
    """What the peer may say of a handshake that came to nothing."""
    if not cell.ems:
        return {"alert:40"}, "ems"
    if cell.ours == "client":
        return {"error"}, None
    return {OUR_REFUSAL[cell.auth[1], cell.version] if cell.auth else "alert:70"}, None


def handshake_entry(cell, default):
    key = (cell.peer, cell.plan, cell.ours)
    return HANDSHAKE.get(key + (cell.version,), HANDSHAKE.get(key, default))


def known_ends(cell):
    """What the peer may say of a connection that ends in the handshake, and why."""
    if cell.plan == "refused":
        return refused_ends(cell)
    default = (CUT if cell.first == cell.ours else {"none"}, None)
    return handshake_entry(cell, default)


def says_canceled(cell):
    """Whether user_canceled comes from the peer in the handshake."""
    return handshake_entry(cell, (None, None))[1] == "jsse"


def reason_for(cell):
    found = [reason for reason in REASONS if reason.where(cell)]
    assert len(found) < 2, cell
    return found[0] if found else None


def judge(cell, wrong, ours, theirs):
    """From [(field, wanted, got)]: the reason that explains some, and what is left."""
    why = reason_for(cell)
    if why is None or "lost" in (ours["end"], theirs["end"]):
        return None, wrong
    if why.no_handshake:
        # Nobody listened, or nobody came, or it failed.
        may = [None, "never_opened"] if theirs["end"] == "unable" else ["handshake_failed"]
        early = cell.auth is not None and cell.version == "1.3" and (ours if cell.ours == "client" else theirs)["handshake"]
        if early and cell.ours == "client":
            may = ["peer_alert"]
        left = [entry for entry in wrong if entry[0] == "verdict" and entry[2] not in may]
        if (ours["handshake"] and theirs["handshake"]) or ((ours["handshake"] or theirs["handshake"]) and not early):
            left.append(("handshake", "none (listed)", "complete"))
        return why, left
    left = [entry for entry in wrong if entry[0] not in why.allowed or
            (why.allowed[entry[0]] is not None and entry[2] not in why.allowed[entry[0]])]
    deviating = {entry[0] for entry in wrong}
    left += [(field, "the listed deviation", "none") for field in why.always if field not in deviating]
    return why, left
