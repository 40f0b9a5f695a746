# SPDX-License-Identifier: MIT
"""docs/tables/interop.md, from the outcomes of a run."""
import re

import interop_cases as cases
import interop_explained as explained

INTRO = """\
# Interoperation

Our client and our server against other libraries, TLS 1.3: what `make interop` runs, and what came of it. Every cell is checked
against the rules of [closing.md](../closing.md): the suite, the group, whether a session was resumed and a HelloRetryRequest was
sent, every byte in both directions, our verdict, and what the other library says it saw. A deviation fails unless a note explains
it; a note that no longer holds fails too. Before a close, both sides have read everything that was written.

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
    return (fine if outcome.ours["handshake"] else "none") + notes.mark(outcome.note)


def suites(outcomes, notes):
    text = """
## Suites, groups, certificates

`clean`: 1000 bytes there, 20000 back, the client closes first, then the server; `clean_both` on our side and close_notify seen on
the other. Go chooses the suites of TLS 1.3 itself, JSSE takes its groups from the process; neither they nor our checks need more
than that ours names one. The last group is a HelloRetryRequest: the client offers a share of the first, the server has the second.

"""
    text += head("library", "we are", "suite", "group", *cases.KINDS)
    found = {}
    for outcome in outcomes:
        if outcome.cell.section == "suites":
            cell = outcome.cell
            found.setdefault((cell.peer, cell.ours, cell.suite, cell.group), {})[cell.kind] = outcome
    for (peer, ours, suite, group), kinds in found.items():
        marks = [mark_of(kinds[kind], "clean", notes) if kind in kinds else "" for kind in cases.KINDS]
        text += row(cases.TITLES[peer], ours, suite[4:].replace("_", "-"), group, *marks)
    return text


def resumption(outcomes, notes):
    text = "\n## Resumption\n\nA connection, then a second one with the session that the first left: no certificate is shown.\n\n"
    text += head("library", "we are", *[suite[4:].replace("_", "-") for suite in cases.SUITES])
    found = {}
    for outcome in outcomes:
        if outcome.cell.section == "resumption":
            found.setdefault((outcome.cell.peer, outcome.cell.ours), []).append(outcome)
    for (peer, ours), line in found.items():
        text += row(cases.TITLES[peer], ours, *[mark_of(outcome, "resumed, clean", notes) for outcome in line])
    return text


def seen(outcome, field):
    """What the table says of a field: where more than one value may come, all that may."""
    report = outcome.theirs["end"] if field == "their end" else outcome.ours.get("verdict")
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


def closing(outcomes, notes):
    text = f"""
## Closing

With {cases.SUITES[0]}, x25519 and a P-256 certificate; each with a full handshake and with a resumed one, as client and as server
(one line where that makes no difference).
"""
    for plan in cases.PLANS:
        mine = [outcome for outcome in outcomes if outcome.cell.section == "closing" and outcome.cell.plan == plan.name]
        if not mine:
            continue
        text += f"\n### {plan.name}\n\nFirst: `{plan.first}`; the other: `{plan.other}`. "
        text += f"{plan.text[0].upper() + plan.text[1:]}.\n\n"
        text += head("library", "first", "we are", "handshake", "our verdict", "they saw", "in their words")
        groups = {}
        for outcome in mine:
            key = (outcome.cell.peer, who(plan, outcome)) + closing_row(outcome, notes)
            groups.setdefault(key, []).append(outcome)
        for (peer, first, verdict, saw, said, why), line in groups.items():
            roles = unique(outcome.cell.ours for outcome in line)
            resumed = unique("resumed" if outcome.cell.prime else "full" for outcome in line)
            if len(roles) * len(resumed) != len({(outcome.cell.ours, outcome.cell.prime) for outcome in line}):
                roles, resumed = ["some"], ["some"]
            text += row(cases.TITLES[peer], first, "either" if len(roles) == 2 else roles[0],
                        "either" if len(resumed) == 2 else resumed[0], verdict, saw, said + notes.mark(why))
    return text


def handshake(outcomes, notes):
    text = "\n## Closing in the handshake\n\nWhere FIN and reset race inside the transport, both are named.\n"
    for plan in cases.HANDSHAKE_PLANS:
        mine = [outcome for outcome in outcomes if outcome.cell.section == "handshake" and outcome.cell.plan == plan.name]
        if not mine:
            continue
        text += f"\n### {plan.name}\n\nThe {plan.who}: `{plan.first}`; the other: `{plan.other}`. "
        text += f"{plan.text[0].upper() + plan.text[1:]}.\n\n"
        text += head("library", "we are", "our verdict", "they saw")
        for outcome in mine:
            ends = explained.known_ends(outcome.cell)[0]
            verdict = str(outcome.ours.get("verdict")) + (", user_canceled noted" if outcome.ours.get("canceled") else "")
            verdict += ", FAILED" if outcome.wrong else ""
            text += row(cases.TITLES[outcome.cell.peer], outcome.cell.ours, verdict,
                        " or ".join(sorted(ends)) + notes.mark(outcome.note))
    return text


def write(outcomes, versions):
    notes = Notes()
    body = suites(outcomes, notes) + resumption(outcomes, notes) + closing(outcomes, notes) + handshake(outcomes, notes)
    text = INTRO + summary(outcomes, versions) + body + "\n## Notes\n\n"
    return text + "".join(f"{number}. {note}\n" for number, note in enumerate(notes.texts, 1))
