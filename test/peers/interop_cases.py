# SPDX-License-Identifier: MIT
"""The cells of the interop table: what is run, and what the rules of docs/closing.md say must come of it."""
from collections import namedtuple

SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
# A client that offers a share of the first and is asked for the second: HelloRetryRequest.
RETRIED = "secp256r1, then secp384r1"
GROUPS = ["x25519", "secp256r1", "secp384r1", RETRIED]
KINDS = ["p256", "p384", "ed25519", "rsa", "rsapss"]
PEERS = ["openssl", "gnutls", "go", "jsse", "wolfssl"]
TITLES = {"openssl": "OpenSSL", "gnutls": "GnuTLS", "go": "Go crypto/tls", "jsse": "Java JSSE", "wolfssl": "wolfSSL"}

UP, DOWN, LATER = 1000, 20000, 100000   # bytes; DOWN is more than a record holds

# How a connection is closed: by whoever closes first, and by the other, after the data has gone both ways. Who may be
# first: ours, theirs. Words: test/peers/peer.h.
Plan = namedtuple("Plan", "name first other who text")
PLANS = [
    Plan("orderly", "end,drain,close", "drain,close", "ours theirs",
         "close_notify, then waits for the other's"),
    Plan("own call", "close", "drain,close", "ours theirs", "the library's own whole close"),
    Plan("crossing", "end,drain,close", "end,drain,close", "ours theirs", "both say close_notify without waiting"),
    Plan("half-close", "end,drain,close", f"drain,write:{LATER},close", "ours theirs",
         f"close_notify; the other goes on with {LATER} bytes, then closes"),
    Plan("meets data", "close", f"drain,write:{LATER},close", "ours theirs",
         f"the library's own whole close; the other goes on with {LATER} bytes, which nobody wants any more"),
    Plan("key update", "update,write:1,read:1,end,drain,close", "read:1,write:1,drain,close", "ours theirs",
         "a key update that asks for one in return, a byte each way, then as orderly"),
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
ONLY = {"user_canceled": ["gnutls"], "their alert": ["gnutls"], "key update": ["openssl", "gnutls", "jsse", "wolfssl"]}
PLAN = {plan.name: plan for plan in PLANS + HANDSHAKE_PLANS}

Cell = namedtuple("Cell", "section peer ours suite group kind prime plan first")


def in_short(peer, suite, group, kind):
    """Each suite, each kind of certificate and a retry, but not with each other. Java would start anew for the retry."""
    if group == RETRIED:
        return peer != "jsse" and (suite, kind) == (SUITES[0], "p256")
    return group == GROUPS[0] and (suite == SUITES[0] or kind == "p256")


def matrix(peer, short=False):
    """Every cell of one peer. `ours` is our role; `first` who closes first."""
    for ours in ("client", "server"):
        for suite in SUITES:
            for group in GROUPS:
                for kind in KINDS:
                    if not short or in_short(peer, suite, group, kind):
                        yield Cell("suites", peer, ours, suite, group, kind, False, "orderly", "client")
        for suite in SUITES:
            yield Cell("resumption", peer, ours, suite, "x25519", "p256", True, "orderly", "client")
        for prime in (False,) if short and peer == "jsse" else (False, True):
            for plan in PLANS:
                for first in plan.who.split():
                    side = ours if first == "ours" else other(ours)
                    if first == "ours" or peer in ONLY.get(plan.name, PEERS):
                        yield Cell("closing", peer, ours, SUITES[0], "x25519", "p256", prime, plan.name, side)
        for plan in HANDSHAKE_PLANS:
            yield Cell("handshake", peer, ours, SUITES[0], "x25519", "p256", False, plan.name, plan.who)


def other(role):
    return "server" if role == "client" else "client"


def scripts(cell):
    """What client and server do: the data first, acknowledged so that nothing is under way when somebody closes."""
    plan = PLAN[cell.plan]
    first, second = plan.first, plan.other
    if cell.section == "handshake":
        return {cell.first: first, other(cell.first): second}
    does = {"client": f"handshake,write:{UP},read:{DOWN}", "server": f"handshake,read:{UP},write:{DOWN}"}
    if cell.first == "server":
        does = {"client": does["client"] + ",write:1", "server": does["server"] + ",read:1"}
    return {cell.first: does[cell.first] + "," + first, other(cell.first): does[other(cell.first)] + "," + second}


# ---------------------------------------------------------------------------------------------------------- the rules

Expected = namedtuple("Expected", "handshake resumed retried verdict seen peer_seen sent received out canceled")


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


def expect(cell):
    does = scripts(cell)
    ours, theirs = does[cell.ours], does[other(cell.ours)]
    if cell.section == "handshake":
        # V1, line 2 and 3: who sent and heard nothing never opened; A2 and abandon cancel; everything else has failed.
        verdict = "handshake_failed"
        if cell.first == cell.ours:
            verdict = "cancelled_in_handshake" if ours.startswith("hello") else "never_opened"
        return Expected(False, False, None, verdict, None, None, 0, 0, 0, False)
    seen = ending_of(theirs) if looks(ours) else "none"
    peer_seen = ending_of(ours) if looks(theirs) else "none"
    return Expected(True, cell.prime, cell.group == RETRIED, verdict_of(ours, seen), seen, peer_seen,
                    heard(theirs, ours), heard(ours, theirs), total(ours, "write"), "cancel" in theirs.split(","))


def groups_of(cell, role):
    """What each side is told. Whoever is the client offers both for a retry, the server has the second alone."""
    if cell.group == RETRIED:
        return "secp256r1:secp384r1" if role == "client" else "secp384r1"
    return cell.group
