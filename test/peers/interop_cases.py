# SPDX-License-Identifier: MIT
"""The cells of the interop table: what is run, and what the rules of docs/closing.md say must come of it."""
from collections import namedtuple

SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
# A client that offers a share of the first and is asked for the second: HelloRetryRequest.
RETRIED = "secp256r1, then secp384r1"
GROUPS = ["x25519", "secp256r1", "secp384r1", RETRIED]
KINDS = ["p256", "p384", "ed25519", "rsa", "rsapss"]
PKCS1 = "rsa, PKCS#1"   # where the other side is told to use no other scheme
PEERS = ["openssl", "gnutls", "go", "jsse", "wolfssl", "mbedtls", "bearssl"]
TITLES = {"openssl": "OpenSSL", "gnutls": "GnuTLS", "go": "Go crypto/tls", "jsse": "Java JSSE", "wolfssl": "wolfSSL",
          "mbedtls": "mbedTLS", "bearssl": "BearSSL"}
ONLY_12 = ["mbedtls", "bearssl"]
PROMPT = ["jsse", "bearssl"]   # who answers a close_notify of TLS 1.2 at once
WITHOUT_EMS = ["go", "bearssl"]   # who does not know RFC 7627: we must be told to go without
BOTH = "1.2:1.3"

UP, DOWN, LATER = 1000, 20000, 100000   # bytes; DOWN is more than a record holds
LATER_ASKED = "asks later"              # the server, after the handshake (TLS 1.3)
AT_ONCE = 500                           # early data

# How a connection is closed: by whoever closes first, and by the other, after the data has gone both ways. Who may be
# first: ours, theirs. In which versions. Words: test/peers/peer.h.
Plan = namedtuple("Plan", "name first other who text versions", defaults=("1.3 1.2",))
HALF = f"drain,write:{LATER},close"
PLANS = [
    Plan("orderly", "end,drain,close", "drain,close", "ours theirs",
         "close_notify, then waits for the other's"),
    Plan("own call", "close", "drain,close", "ours theirs", "the library's own whole close"),
    Plan("crossing", "end,drain,close", "end,drain,close", "ours theirs", "both say close_notify without waiting"),
    Plan("half-close", "end,drain,close", HALF, "ours theirs",
         f"close_notify; the other goes on with {LATER} bytes, then closes. In TLS 1.2 we answer a close_notify at once, and write no "
         "more (C3)"),
    Plan("half-close, kept", "end,drain,close", HALF, "theirs",
         "the same where our policy is to keep our half in TLS 1.2 too (C3)", "1.2"),
    Plan("meets data", "close", HALF, "ours theirs",
         f"the library's own whole close; the other goes on with {LATER} bytes, which nobody wants any more"),
    Plan("key update", "update,write:1,read:1,end,drain,close", "read:1,write:1,drain,close", "ours theirs",
         "a key update that asks for one in return, a byte each way, then as orderly", "1.3"),
    Plan("user_canceled", "cancel,end,drain,close", "drain,close", "theirs", "user_canceled, then close_notify"),
    Plan("alert", "abort,close", f"write:{LATER},drain,close", "ours",
         f"the alert internal_error, while the other writes {LATER} bytes that nobody reads: no reset may overtake it (H3)"),
    Plan("their alert", "abort,drop", "drain,close", "theirs", "the alert internal_error"),
    Plan("gone", "end,drop", "drain,close", "ours theirs", "close_notify, and the transport closed at once, unread"),
    Plan("cut", "drop", "drain,close", "ours theirs", "FIN without close_notify: truncation"),
    Plan("half cut", "fin,drain,close", "drain,close", "theirs", "FIN without close_notify, and goes on reading"),
    Plan("reset", "reset", "drain,close", "ours theirs", "a reset"),
]
# In the handshake. The client is first, or the server.
HANDSHAKE_PLANS = [
    Plan("hello, close", "hello,signal,close", "await,handshake,drain,close", "client",
         "the library's own close after ClientHello"),
    Plan("hello, cut", "hello,signal,drop", "await,handshake,drain,close", "client", "FIN after ClientHello"),
    Plan("no hello", "drop", "handshake,drain,close", "server", "FIN instead of ServerHello"),
]
# Who has a call for it. JSSE says user_canceled in its own close.
ONLY = {"user_canceled": ["gnutls", "mbedtls"], "their alert": ["gnutls", "mbedtls"],
        "key update": ["openssl", "gnutls", "jsse", "wolfssl"], PKCS1: ["openssl", "gnutls", "wolfssl"],
        "by its ID": ["openssl", "gnutls", "wolfssl", "mbedtls", "bearssl"], "early": ["openssl", "gnutls"], LATER_ASKED: ["openssl", "gnutls", "wolfssl"],
        "early rejected": ["openssl"],   # GnuTLS does not get past a HelloRetryRequest then, in either role
        "tickets": [peer for peer in PEERS if peer != "bearssl"]}
PLAN = {plan.name: plan for plan in PLANS + HANDSHAKE_PLANS}

# version: what must be agreed on, None where nothing can be. offers: what is allowed, ours and theirs.
# auth: what the server does, and what the client shows: ("require", "p256"). tickets: else the session is known by its ID.
Cell = namedtuple("Cell", "section peer ours suite group kind prime plan first version offers auth tickets ems",
                  defaults=("1.3", None, None, True, True))

# What a server asks for, or when; what the client has.
AUTHS = [("request", "none"), ("require", "none"), ("request", "p256")] + [("require", kind) for kind in KINDS] + \
        [("require", "stranger"), (LATER_ASKED, "none"), (LATER_ASKED, "p256"), (LATER_ASKED, "rsa")]
AUTHS_IN_SHORT = [("request", "none"), ("require", "none"), ("require", "p256")]


def suite_for(number, version, kind):
    """The suite of TLS 1.3, or the one of TLS 1.2 with the same cipher, for a kind of certificate."""
    if version == "1.3":
        return SUITES[number]
    return SUITES[number].replace("TLS_", "TLS_ECDHE_RSA_WITH_" if kind.startswith("rsa") else "TLS_ECDHE_ECDSA_WITH_")


def versions_of(peer):
    return ["1.2"] if peer in ONLY_12 else ["1.3", "1.2"]


def has(peer, what):
    return peer in ONLY.get(what, PEERS)


IN_SHORT_12 = ["own call", "half-close", "half-close, kept", "user_canceled", "their alert", "cut"]


def has_sessions(peer, ours, version):
    """A server of ours resumes no session of TLS 1.2 without the extended master secret (RFC 7627 section 5.3)."""
    return version == "1.3" or ours == "client" or peer not in WITHOUT_EMS


def in_short(peer, number, group, kind):
    """Each suite, each kind of certificate and a retry, but not with each other. Java would start anew for the retry."""
    if group == RETRIED:
        return peer != "jsse" and (number, kind) == (0, "p256")
    return group == GROUPS[0] and (number == 0 or kind == "p256")


def suites(peer, ours, version, short):
    for number in range(len(SUITES)):
        for group in GROUPS[:4 if version == "1.3" else 3]:
            for kind in KINDS + ([PKCS1] if version == "1.2" and has(peer, PKCS1) else []):
                if not short or in_short(peer, number, group, kind):
                    yield Cell("suites", peer, ours, suite_for(number, version, kind), group, kind, False, "orderly", "client",
                               version)


def resumption(peer, ours, version, short):
    for number in range(1 if short and version == "1.2" else len(SUITES)):
        for known in ("tickets", "by its ID") if version == "1.2" else ("tickets",):
            if has(peer, known):
                yield Cell("resumption", peer, ours, suite_for(number, version, "p256"), "x25519", "p256", True, "orderly",
                           "client", version, tickets=known == "tickets")


def closing(peer, ours, version, short):
    full = (short and (peer == "jsse" or version == "1.2")) or not has_sessions(peer, ours, version)
    for prime in (False,) if full else (False, True):
        for plan in PLANS:
            if short and version == "1.2" and plan.name not in IN_SHORT_12:
                continue
            for first in plan.who.split():
                side = ours if first == "ours" else other(ours)
                if version in plan.versions and (first == "ours" or has(peer, plan.name)):
                    yield Cell("closing", peer, ours, suite_for(0, version, "p256"), "x25519", "p256", prime, plan.name, side,
                               version, tickets=has(peer, "tickets"))


def authentication(peer, ours, version, short):
    for auth in AUTHS_IN_SHORT if short else AUTHS:
        if auth[0] == LATER_ASKED and (version == "1.2" or not has(peer, LATER_ASKED)):
            continue
        also_resumed = auth[1] == "p256" and has_sessions(peer, ours, version) and not short
        for prime in (False, True) if also_resumed else (False,):
            yield Cell("authentication", peer, ours, suite_for(0, version, "p256"), "x25519", "p256", prime,
                       "refused" if is_refused(auth, version) else "orderly", "client", version, auth=auth,
                       tickets=has(peer, "tickets"))


def early(peer, ours):
    """Accepted; and rejected, as it is where the server asks for another share (RFC 9846 section 4.3.10)."""
    for group, what in (("x25519", "early"), (RETRIED, "early rejected")):
        if has(peer, what):
            yield Cell("early", peer, ours, SUITES[0], group, "p256", True, "orderly", "client")


def negotiation(peer, ours, short):
    """Who offers what; and, where the peer has no extended master secret, a client or server of ours that wants it."""
    for we in (BOTH,) if short else ("1.2", "1.3", BOTH):
        for they in ("1.2",) if peer in ONLY_12 else ("1.2", "1.3", BOTH):
            common = [version for version in ("1.3", "1.2") if version in we and version in they]
            version = common[0] if common else None
            yield Cell("negotiation", peer, ours, suite_for(0, version or "1.3", "p256"), "x25519", "p256", False,
                       "orderly" if version else "refused", "client", version, (we, they))
    if peer in WITHOUT_EMS:
        yield Cell("negotiation", peer, ours, suite_for(0, "1.2", "p256"), "x25519", "p256", False, "refused", "client", None,
                   ("1.2", "1.2"), ems=False)


def matrix(peer, short=False):
    """Every cell of one peer. `ours` is our role; `first` who closes first."""
    for ours in ("client", "server"):
        for version in versions_of(peer):
            yield from suites(peer, ours, version, short)
            yield from resumption(peer, ours, version, short)
            yield from closing(peer, ours, version, short)
            for plan in () if short and version == "1.2" and peer not in ONLY_12 else HANDSHAKE_PLANS:
                yield Cell("handshake", peer, ours, suite_for(0, version, "p256"), "x25519", "p256", False, plan.name, plan.who,
                           version)
            yield from authentication(peer, ours, version, short)
        yield from early(peer, ours)
        yield from negotiation(peer, ours, short)


def other(role):
    return "server" if role == "client" else "client"


def is_refused(auth, version):
    """Whether the server must refuse what the client shows, or does not. We sign a digest in TLS 1.2, which Ed25519 does not know."""
    return auth[1] == "stranger" or auth == ("require", "none") or (version == "1.2" and auth[1] == "ed25519")


def scripts(cell):
    """What client and server do: the data first, acknowledged so that nothing is under way when somebody closes."""
    if cell.plan == "refused":
        # A server that refuses has more to read than it wants. Ours knows (H3); others are helped.
        return {"client": "handshake,drain,close", "server": "handshake,drain,close" if cell.ours == "server" else
                "handshake,drain,linger,close"}
    plan = PLAN[cell.plan]
    first, second = plan.first, plan.other
    if cell.section == "handshake":
        return {cell.first: first, other(cell.first): second}
    does = {"client": f"handshake,write:{UP},read:{DOWN}", "server": f"handshake,read:{UP},write:{DOWN}"}
    if cell.auth and cell.auth[0] == LATER_ASKED:
        does = {"client": f"handshake,write:{UP},read:1,write:1,read:{DOWN}",
                "server": f"handshake,read:{UP},demand,write:1,read:1,write:{DOWN}"}
    if cell.section == "early":
        does = {"client": f"early:{AT_ONCE}," + does["client"], "server": "early," + does["server"]}
    if cell.first == "server":
        does = {"client": does["client"] + ",write:1", "server": does["server"] + ",read:1"}
    return {cell.first: does[cell.first] + "," + first, other(cell.first): does[other(cell.first)] + "," + second}


# ---------------------------------------------------------------------------------------------------------- the rules

Expected = namedtuple("Expected", "handshake their_handshake resumed retried verdict seen peer_seen sent received out canceled")


def closes(script):
    return any(action in script.split(",") for action in ("end", "close"))


def ending_of(script):
    """What the other side must see of one that executes this script."""
    for action in script.split(","):
        if action in ("end", "close"):
            return "close_notify"
        if action == "abort":
            return "alert:80"
        if action in ("fin", "drop"):
            return "eof"
        if action == "reset":
            return "reset"
    raise ValueError(script)


def looks(script):
    """Whether it listens for the other's end at all."""
    actions = script.split(",")
    return "abort" not in actions and ("drain" in actions or "close" in actions)


def total(script, action):
    return sum(int(word.split(":")[1]) for word in script.split(",") if word.startswith(action + ":"))


def heard(script, spoken):
    """What of the other's bytes this script reads."""
    return total(spoken, "write") if "drain" in script.split(",") else total(script, "read")


def verdict_of(ours, seen):
    """V1, for one connection whose handshake is complete."""
    if "abort" in ours.split(","):                        # line 5
        return "local_alert"
    if seen == "alert:80":                                # line 4
        return "peer_alert"
    if not looks(ours):                                   # line 7: abandon
        return "closed_incomplete" if closes(ours) else "abandoned"
    if seen == "close_notify":                            # line 6
        return "clean_both"
    if seen == "reset":                                   # line 7: receive_failed
        return "transport_failed"
    return "truncated"                                    # line 7: EOF; whoever was cut had not closed before


def answers_at_once(cell):
    """Whether a close_notify of theirs ends our writing too: TLS 1.2, unless our policy is another (C3)."""
    return cell.version == "1.2" and cell.plan != "half-close, kept" and cell.first != cell.ours


def is_prompt(cell):
    """The same of a library that does as RFC 5246 section 7.2.1 says; the others go on writing."""
    return cell.version == "1.2" and cell.plan in ("half-close", "meets data") and cell.first == cell.ours and cell.peer in PROMPT


def expect_none(cell, does):
    """Where the handshake does not come to its end, on both sides, or on ours, or on theirs."""
    if cell.plan == "refused":
        # In TLS 1.3 a client has finished before its certificate is looked at (V1, line 4).
        early = cell.auth is not None and cell.version == "1.3"
        if early and cell.ours == "client":
            return Expected(True, False, False, False, "peer_alert", None, None, 0, 0, 0, False)
        return Expected(False, early, False, None, "handshake_failed", None, None, 0, 0, 0, False)
    # V1, line 2 and 3: who sent and heard nothing never opened; A2 and abandon cancel; everything else has failed.
    verdict = "handshake_failed"
    if cell.first == cell.ours:
        verdict = "cancelled_in_handshake" if does[cell.ours].startswith("hello") else "never_opened"
    return Expected(False, False, False, None, verdict, None, None, 0, 0, 0, False)


def expect(cell):
    does = scripts(cell)
    if cell.plan == "refused" or cell.section == "handshake":
        return expect_none(cell, does)
    ours, theirs = does[cell.ours], does[other(cell.ours)]
    seen = ending_of(theirs) if looks(ours) else "none"
    peer_seen = ending_of(ours) if looks(theirs) else "none"
    if answers_at_once(cell) and seen == "close_notify":
        ours = ours.replace(HALF, "drain,close")
    if is_prompt(cell):
        theirs = theirs.replace(HALF, "drain,close")
    resumed = cell.prime and has_sessions(cell.peer, cell.ours, cell.version)
    return Expected(True, True, resumed, cell.group == RETRIED, verdict_of(ours, seen), seen, peer_seen,
                    heard(theirs, ours), heard(ours, theirs), total(ours, "write"), "cancel" in theirs.split(","))


def early_accepted(cell):
    """How much of the early data: with its digest, all, or nothing."""
    return AT_ONCE if cell.section == "early" and cell.group != RETRIED else None


def known_peer(cell, role):
    """Whose certificate this side has seen."""
    if role == "client":
        return "tlsm test"
    return "none" if cell.auth is None or cell.auth[1] == "none" else "client-" + cell.auth[1]


# ---------------------------------------------------------------------------------------------------------- words

def curves(cell):
    """Those of the certificates: in TLS 1.2 a list of groups is one of theirs too (RFC 8422 section 5.1.1)."""
    shown = [cell.kind] + ([cell.auth[1]] if cell.auth else [])
    return [{"p256": "secp256r1", "stranger": "secp256r1", "p384": "secp384r1"}.get(kind) for kind in shown]


def groups_of(cell, role):
    """What each side is told. Whoever is the client offers both for a retry, the server has the second alone."""
    if cell.group == RETRIED:
        return "secp256r1:secp384r1" if role == "client" else "secp384r1"
    if cell.version == "1.3" and cell.offers is None:
        return cell.group
    return ":".join(dict.fromkeys([cell.group] + [curve for curve in curves(cell) if curve]))


def offer_of(cell, role):
    if cell.offers:
        return cell.offers[0 if role == cell.ours else 1]
    return cell.version


def suites_of(cell, role):
    if not cell.offers:
        return cell.suite
    return ":".join(suite_for(0, version, cell.kind) for version in ("1.3", "1.2") if version in offer_of(cell, role))


def words(cell, role, pki):
    """The case for one side, but for the port."""
    told = {"role": role, "version": offer_of(cell, role), "suite": suites_of(cell, role), "groups": groups_of(cell, role),
            "prime": int(cell.prime), "tickets": int(cell.tickets)}
    if cell.kind == PKCS1 and role != cell.ours:
        told["scheme"] = "rsa_pkcs1_sha256:ecdsa_secp256r1_sha256"
    if role == cell.ours:
        told |= {"half": int(cell.plan == "half-close, kept"), "ems": int(cell.peer not in WITHOUT_EMS or not cell.ems)}
    shows = cell.kind.split(",")[0] if role == "server" else "client-" + cell.auth[1] if cell.auth and cell.auth[1] != "none" else None
    if shows:
        told |= {"cert": f"{pki}/{shows}.pem", "key": f"{pki}/{shows}.key"}
    if role == "client":
        told |= {"ca": f"{pki}/ca.pem", "name": "localhost"}
    elif cell.auth:
        told["ca"] = f"{pki}/ca.pem"
    if cell.auth and cell.auth[0] == LATER_ASKED:
        told["late"] = 1
    elif cell.auth and role == "server":
        told["ask"] = cell.auth[0]
    if cell.section == "early":
        told["early"] = 16384
    return told | {"script": scripts(cell)[role]}
