# SPDX-License-Identifier: MIT
"""docs/tables/interop.md, from the outcomes of a run."""
import re

import interop_cases as cases
import interop_explained as explained

INTRO = """\
# Interoperation

Our client and our server against other libraries: what `make interop` runs, and what came of it. Every cell is checked against the
rules of [closing.md](../closing.md): the version, the suite, the group, whose certificate either side has seen, whether a session
was resumed and a HelloRetryRequest was sent, every byte in both directions, our verdict, and what the other library says it saw. A
deviation fails unless a note explains it; a note that no longer holds fails too. Before a close, both sides have read everything
that was written.

The words of the plans are those of `test/peers/peer.h`. "saw" is what the other library reports: `close_notify`, `eof`
(a FIN without it), `reset`, `alert:N`, `error`, or `none` where it did not look.
"""


class Notes:
    """Footnotes in the order of their first use."""

    def __init__(self):
        self.texts = []

    def mark(self, text):
        if text is None:
            return ""
        if text not in self.texts:
            self.texts.append(text)
        return f" [{self.texts.index(text) + 1}]"


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


def head(*cells):
    return row(*cells) + "|" + "---|" * len(cells) + "\n"


def unique(values):
    return list(dict.fromkeys(values))


def words(outcome):
    """The library's own words, without what changes from run to run."""
    text = re.sub(r"(read|write) tcp\S* \S+: ", "", outcome.theirs["said"])
    return text.replace("|", "/")


def summary(outcomes, versions):
    text = "\n" + head("library", "version", "cells", "as the rules say", "explained by a note", "failed")
    for peer in unique(outcome.cell.peer for outcome in outcomes):
        mine = [outcome for outcome in outcomes if outcome.cell.peer == peer]
        failed = sum(1 for outcome in mine if outcome.wrong)
        told = sum(1 for outcome in mine if not outcome.wrong and outcome.note)
        text += row(cases.TITLES[peer], versions.get(peer, ""), len(mine), len(mine) - failed - told, told, failed)
    return text


def mark_of(outcome, fine, notes):
    if outcome.wrong:
        return "FAILED"
    if not outcome.ours["handshake"]:
        fine = "none"
    elif outcome.ours["verdict"] != outcome.want.verdict:
        fine = outcome.ours["verdict"]
    return fine + notes.mark(outcome.note)


def cipher(suite):
    return re.sub("TLS_(ECDHE_(ECDSA|RSA)_WITH_)?", "", suite).replace("_", "-")


def suites_in(version, outcomes, notes):
    kinds = cases.KINDS + ([cases.PKCS1] if version == "1.2" else [])
    text = head("library", "we are", "cipher", "group", *kinds)
    found = {}
    for outcome in outcomes:
        cell = outcome.cell
        if cell.section == "suites" and cell.version == version:
            found.setdefault((cell.peer, cell.ours, cipher(cell.suite), cell.group), {})[cell.kind] = outcome
    for (peer, ours, suite, group), line in found.items():
        marks = [mark_of(line[kind], "clean", notes) if kind in line else "" for kind in kinds]
        text += row(cases.TITLES[peer], ours, suite, group, *marks)
    return text if found else ""


def suites(outcomes, notes):
    text = """
## Suites, groups, certificates

`clean`: 1000 bytes there, 20000 back, the client closes first, then the server; `clean_both` on our side and close_notify seen on
the other.

### TLS 1.3

Go chooses the suites of TLS 1.3 itself, JSSE takes its groups from the process; neither they nor our checks need more than that
ours names one. The last group is a HelloRetryRequest: the client offers a share of the first, the server has the second.

"""
    text += suites_in("1.3", outcomes, notes)
    lines = suites_in("1.2", outcomes, notes)
    if lines:
        text += """
### TLS 1.2

With ECDHE and the certificate's own kind of signature. Both sides name the group, then the curve of the certificate, because one list
is for both (RFC 8422 section 5.1.1). The last column: the other side knows no scheme for RSA but PKCS#1; empty where it has no call
for that.

""" + lines
    return text


def resumption(outcomes, notes):
    text = """
## Resumption

A connection, then a second one with the session that the first left: no certificate is shown. In TLS 1.2 with a ticket, and with
a session that both sides know by its ID.

"""
    text += head("library", "version", "by", "we are", *[cipher(suite) for suite in cases.SUITES])
    found = {}
    for outcome in outcomes:
        cell = outcome.cell
        if cell.section == "resumption":
            found.setdefault((cell.peer, cell.version, "ticket" if cell.tickets else "ID", cell.ours), []).append(outcome)
    for (peer, *rest), line in found.items():
        text += row(cases.TITLES[peer], *rest, *[mark_of(outcome, "resumed, clean" if outcome.want.resumed else "clean", notes) for outcome in line])
    return text


def authentication(outcomes, notes):
    """A line for what is asked and shown, a column for each library."""
    mine = [outcome for outcome in outcomes if outcome.cell.section == "authentication"]
    if not mine:
        return ""
    text = """
## Client certificates

The server asks for a certificate, or requires one, or asks later, after the handshake (RFC 9846 section 4.7.2); the client shows one of
this kind, or none, or one of an authority that the server does not know ("stranger"). `clean` as above, with the server's and the
client's word for whom it spoke to. `refused`: the server let nobody in, with what its client saw; in TLS 1.3 a client has finished
before (RFC 9846 section 4.5.1). What a client signs in TLS 1.2 is all messages so far: we keep their digest alone, which a key of the
type Ed25519 cannot sign, so none is asked for or shown.

"""
    peers = unique(outcome.cell.peer for outcome in mine)
    text += head("version", "we are", "the server", "the client shows", *[cases.TITLES[peer] for peer in peers])
    found = {}
    for outcome in mine:
        cell = outcome.cell
        shows = cell.auth[1] + (", resumed" if cell.prime else "")
        asks = cell.auth[0] + ("" if cell.auth[0] == cases.LATER_ASKED else "s")
        found.setdefault((cell.version, cell.ours, asks, shows), {})[cell.peer] = outcome
    for key, line in sorted(found.items(), key=lambda item: (item[0][0] == "1.2", item[0][1])):
        text += row(*key, *[admitted(line[peer], notes) if peer in line else "" for peer in peers])
    return text


def admitted(outcome, notes):
    if outcome.cell.plan != "refused" or outcome.wrong:
        return mark_of(outcome, "clean", notes)
    saw = outcome.ours["end"] if outcome.cell.ours == "client" else outcome.theirs["end"]
    return f"refused, {saw}" + notes.mark(outcome.note)


def early(outcomes, notes):
    mine = [outcome for outcome in outcomes if outcome.cell.section == "early"]
    if not mine:
        return ""
    text = f"""
## Early data

A connection, then a second one whose first {cases.AT_ONCE} bytes are early data; rejected where the server asks for a share of another
group (RFC 9846 section 4.3.10), and what comes after the handshake is untouched by that.

"""
    text += head("library", "we are", "accepted", "rejected")
    found = {}
    for outcome in mine:
        found.setdefault((outcome.cell.peer, outcome.cell.ours), []).append(outcome)
    for (peer, ours), line in found.items():
        text += row(cases.TITLES[peer], ours, *[mark_of(outcome, "clean", notes) for outcome in line])
    return text


def negotiation(outcomes, notes):
    mine = [outcome for outcome in outcomes if outcome.cell.section == "negotiation"]
    if not mine:
        return ""
    text = """
## Versions

What we offer, what they do, and what came of it: the highest version that both have, or no handshake, with what the client said or saw.

"""
    peers = unique(outcome.cell.peer for outcome in mine)
    text += head("we are", "we have", "they have", *[cases.TITLES[peer] for peer in peers])
    found = {}
    for outcome in mine:
        cell = outcome.cell
        offers = [offer.replace(":", ", ") for offer in cell.offers]
        if not cell.ems:
            offers[0] += ", extended master secret required"
        found.setdefault((cell.ours, *offers), {})[cell.peer] = outcome
    for key, line in sorted(found.items(), key=lambda item: item[0][0]):
        text += row(*key, *[agreed(line[peer], notes) if peer in line else "" for peer in peers])
    return text


def agreed(outcome, notes):
    if outcome.wrong:
        return "FAILED"
    if outcome.cell.version:
        return outcome.ours["version"] + notes.mark(outcome.note)
    saw = outcome.theirs["end"] if outcome.cell.ours == "server" else outcome.ours["end"]
    return "none" + (f", {saw}" if saw != "error" else "") + notes.mark(outcome.note)


def seen(outcome, field):
    """What the table says of a field: where more than one value may come, all that may."""
    report = outcome.theirs["end"] if field == "their end" else str(outcome.ours.get("verdict"))
    wanted = outcome.want.peer_seen if field == "their end" else outcome.want.verdict
    may = (outcome.reason.allowed.get(field) or []) if outcome.reason else []
    if outcome.reason and field in outcome.reason.always:
        return " or ".join(may)
    if may:
        return " or ".join([wanted] + may)
    return report


def closing_row(outcome, notes):
    verdict = seen(outcome, "verdict") + (", FAILED" if outcome.wrong else "")
    if outcome.ours.get("canceled"):
        verdict += ", user_canceled noted"
    return (verdict, seen(outcome, "their end"), words(outcome), outcome.note)


def who(plan, outcome):
    if plan.first == plan.other:
        return "both"
    return "we" if outcome.cell.first == outcome.cell.ours else "they"


def boxes(points):
    """As few products of sets of values as it takes: [(values, values, …)]."""
    axes = [sorted({point[axis] for point in points}, reverse=axis == 0) for axis in range(len(next(iter(points))))]
    count = 1
    for values in axes:
        count *= len(values)
    if count == len(points):
        return [axes]
    axis = next(axis for axis, values in enumerate(axes) if len(values) > 1)
    return [box for value in axes[axis] for box in boxes({point for point in points if point[axis] == value})]


def either(values):
    return "either" if len(values) == 2 else str(values[0])


def closing(outcomes, notes):
    text = f"""
## Closing

With {cipher(cases.SUITES[0])}, x25519 and a P-256 certificate; each with a full handshake and with a resumed one, in each version, as
client and as server (one line where that makes no difference).
"""
    for plan in cases.PLANS:
        mine = [outcome for outcome in outcomes if outcome.cell.section == "closing" and outcome.cell.plan == plan.name]
        if not mine:
            continue
        text += f"\n### {plan.name}\n\nFirst: `{plan.first}`; the other: `{plan.other}`. "
        text += f"{plan.text[0].upper() + plan.text[1:]}.\n\n"
        text += head("library", "version", "first", "we are", "handshake", "our verdict", "they saw", "in their words")
        groups = {}
        for outcome in mine:
            key = (outcome.cell.peer, who(plan, outcome)) + closing_row(outcome, notes)
            groups.setdefault(key, []).append(outcome)
        for (peer, first, verdict, saw, said, why), line in groups.items():
            for version, ours, prime in boxes({(outcome.cell.version, outcome.cell.ours, outcome.cell.prime) for outcome in line}):
                prime = ["resumed" if resumed else "full" for resumed in prime]
                text += row(cases.TITLES[peer], either(version), first, either(ours), either(prime), verdict, saw,
                            said + notes.mark(why))
    return text


def handshake(outcomes, notes):
    text = "\n## Closing in the handshake\n\nWhere FIN and reset race inside the transport, both are named.\n"
    for plan in cases.HANDSHAKE_PLANS:
        mine = [outcome for outcome in outcomes if outcome.cell.section == "handshake" and outcome.cell.plan == plan.name]
        if not mine:
            continue
        text += f"\n### {plan.name}\n\nThe {plan.who}: `{plan.first}`; the other: `{plan.other}`. "
        text += f"{plan.text[0].upper() + plan.text[1:]}.\n\n"
        text += head("library", "version", "we are", "our verdict", "they saw")
        lines = {}
        for outcome in mine:
            ends = explained.known_ends(outcome.cell)[0]
            verdict = str(outcome.ours.get("verdict")) + (", user_canceled noted" if outcome.ours.get("canceled") else "")
            verdict += ", FAILED" if outcome.wrong else ""
            key = (cases.TITLES[outcome.cell.peer], outcome.cell.ours, verdict, " or ".join(sorted(ends)), outcome.note)
            lines.setdefault(key, []).append(outcome.cell.version)
        for (peer, ours, verdict, saw, why), versions in lines.items():
            text += row(peer, either(versions), ours, verdict, saw + notes.mark(why))
    return text


def write(outcomes, versions):
    notes = Notes()
    body = suites(outcomes, notes) + resumption(outcomes, notes) + authentication(outcomes, notes)
    body += early(outcomes, notes) + negotiation(outcomes, notes) + closing(outcomes, notes) + handshake(outcomes, notes)
    text = INTRO + summary(outcomes, versions) + body + "\n## Notes\n\n"
    return text + "".join(f"{number}. {note}\n" for number, note in enumerate(notes.texts, 1))
