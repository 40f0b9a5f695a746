#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our client and server against other libraries: every cell of interop_cases.py run and judged, and the table written.

The programs are those that `make peers` builds. With --short, a part of the cells, and only the libraries that are there.
The last line is "N passed, N failed"."""
import argparse
import json
import os
import re
import select
import socket
import subprocess
import sys

import interop_cases as cases
import interop_explained as explained
import interop_table

LIMIT_SECONDS = 25
NOTHING = {"handshake": False, "end": "none", "said": "not asked"}


class Stuck(Exception):
    pass


class Process:
    """A peer program that takes cases from its standard input."""

    def __init__(self, command):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.held = b""

    def tell(self, words):
        line = " ".join(f"{key}={value}" for key, value in words.items())
        try:
            self.child.stdin.write(line.encode() + b"\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            raise Stuck("the program has ended") from None

    def hear(self):
        while b"\n" not in self.held:
            if not select.select([self.child.stdout], [], [], LIMIT_SECONDS)[0]:
                raise Stuck("no report")
            got = os.read(self.child.stdout.fileno(), 65536)
            if not got:
                raise Stuck(f"the program ended with status {self.child.wait()}")
            self.held += got
        line, self.held = self.held.split(b"\n", 1)
        return json.loads(line.decode(errors="replace"))

    def end(self):
        """The program's exit status, once it has no more to do: a sanitizer speaks then."""
        self.child.stdin.close()
        try:
            return self.child.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.stop()
            return -1

    def stop(self):
        self.child.kill()
        self.child.wait()


class Peers:
    """The programs, each started when it is first needed; a stuck one is started anew."""

    def __init__(self, folder, ours):
        self.folder, self.ours = folder, ours
        self.running = {}

    def program(self, name):
        if name == "tlsm":
            return self.ours
        return os.path.join(self.folder, "PeerJsse.class" if name == "jsse" else "peer_" + name)

    def command(self, name, groups):
        if name != "jsse":
            return [self.program(name)]
        java = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m", "-cp", self.folder]
        return java + ([f"-Djdk.tls.namedGroups={groups}"] if groups else []) + ["PeerJsse"]   # groups are the process's

    def get(self, name, role, groups):
        key = (name, role)
        kept = self.running.get(key)
        if kept and kept[0] != (groups if name == "jsse" else None):
            self.drop(name, role)
            kept = None
        if not kept:
            kept = (groups if name == "jsse" else None, Process(self.command(name, groups)))
            self.running[key] = kept
        return kept[1]

    def drop(self, name, role):
        kept = self.running.pop((name, role), None)
        if kept:
            kept[1].stop()

    def close(self):
        """The programs that did not end well."""
        ended = {key: process.end() for key, (_, process) in self.running.items()}
        self.running.clear()
        return [f"{name} as {role} ended with status {status}" for (name, role), status in ended.items() if status != 0]


def knock(port):
    """A server that waits for a client which cannot come."""
    socket.create_connection(("127.0.0.1", port)).close()


def run_cell(peers, cell, pki):
    """Both reports: ours, the peer's."""
    who = {cell.ours: "tlsm", cases.other(cell.ours): cell.peer}
    process = {role: peers.get(who[role], role, cases.groups_of(cell, role).replace(":", ",")) for role in who}
    try:
        process["server"].tell(cases.words(cell, "server", pki))
        first = process["server"].hear()
        if first.get("end") == "unable":
            reports = {"server": first, "client": dict(NOTHING)}
            return reports[cell.ours], reports[cases.other(cell.ours)]
        process["client"].tell(cases.words(cell, "client", pki) | {"port": first["port"]})
        heard = process["client"].hear()
        if heard.get("end") == "unable":
            for _ in range(1 + cell.prime):
                knock(first["port"])
        if "signal" in heard:
            process["server"].tell({"go": 1})
            heard = process["client"].hear()
        reports = {"client": heard, "server": process["server"].hear()}
    except (Stuck, KeyError, ValueError) as error:
        for role in who:
            peers.drop(who[role], role)
        lost = {"handshake": None, "end": "lost", "said": f"{type(error).__name__}: {error}"}
        return lost, dict(lost)
    return reports[cell.ours], reports[cases.other(cell.ours)]


def version(peer, process):
    """The first two numbers of it: what comes after them is a distribution's. JSSE's alerts change with the third."""
    process.tell({"role": "version"})
    return re.search(r"\d+(\.\d+)*" if peer == "jsse" else r"\d+(\.\d+)?", process.hear()["library"]).group()


# ---------------------------------------------------------------------------------------------------------- judging

def pattern(count, known={}):
    if count not in known:
        digest = 0xcbf29ce484222325
        for i in range(count):
            digest = ((digest ^ ((i * 31 + (i >> 8)) & 0xff)) * 0x100000001b3) & 0xffffffffffffffff
        known[count] = f"{digest:016x}"
    return known[count]


def compare(cell, want, ours, theirs):
    """What is not as expected: [(field, wanted, got)]."""
    wrong = []

    def check(field, wanted, got):
        if wanted != got:
            wrong.append((field, wanted, got))
    if "lost" in (ours["end"], theirs["end"]):
        return [("reports", "two", ours["said"])]
    check("our handshake", want.handshake, ours["handshake"])
    check("verdict", want.verdict, ours.get("verdict"))
    check("their handshake", want.their_handshake, theirs["handshake"])
    if not want.handshake or not want.their_handshake:
        ends = explained.known_ends(cell)[0]
        check("their end", theirs["end"] if theirs["end"] in ends else " or ".join(sorted(ends)), theirs["end"])
        check("user_canceled", explained.says_canceled(cell), ours.get("canceled"))
        if cell.plan == "refused" and cell.ours == "client":
            seen = explained.refusals(cell)
            check("seen", ours["end"] if ours["end"] in seen else " or ".join(sorted(seen)), ours["end"])
        return wrong
    agreed(cell, want, ours, theirs, check)
    check("seen", want.seen, ours["end"])
    check("their end", want.peer_seen, theirs["end"])
    if ours.get("verdict") == "clean_received":   # B10, and nothing else
        check("cause", "send_failed", ours.get("cause"))
    else:
        check("out", want.out, ours.get("out"))
    if want.verdict == "local_alert":
        check("delivered", True, ours.get("delivered"))
    check("key updates", 1 if cell.plan == "key update" else 0, ours.get("updates"))   # ours, or our answer
    check("user_canceled", want.canceled, ours.get("canceled"))
    for name, report, count in (("in", ours, want.received), ("their in", theirs, want.sent)):
        check(name, count, report.get("in"))
        check(name + ", digest", pattern(count), report.get("digest"))
    return wrong


def agreed(cell, want, ours, theirs, check):
    """What both sides say of a handshake that is complete."""
    group = "secp384r1" if cell.group == cases.RETRIED else cell.group
    for name, report, role in (("our", ours, cell.ours), ("their", theirs, cases.other(cell.ours))):
        check(name + " version", cell.version, report.get("version"))
        check(name + " suite", cell.suite, report.get("suite"))
        check(name + " resumption", want.resumed, report.get("resumed"))
        if role == cell.ours or report.get("peer") and not cell.prime:   # what a session keeps of a certificate is the library's own business
            check(name + " peer", cases.known_peer(cell, role), report.get("peer"))
        accepted = cases.early_accepted(cell)
        check(name + " early data", accepted, report.get("early"))
        check(name + " early data, digest", pattern(accepted) if accepted else None, report.get("early_digest"))
        if report.get("group") and not (cell.version == "1.2" and want.resumed):   # a session of TLS 1.2 needs none
            check(name + " group", group, report["group"])
    check("retried", want.retried, ours.get("retried"))


class Outcome:
    def __init__(self, cell, ours, theirs):
        self.cell, self.ours, self.theirs = cell, ours, theirs
        self.want = cases.expect(cell)
        self.reason, self.wrong = explained.judge(cell, compare(cell, self.want, ours, theirs), ours, theirs)
        self.note = self.reason.text if self.reason else explained.HANDSHAKE_TEXT.get(explained.known_ends(cell)[1])

    def sentence(self):
        cell = self.cell
        what = (f"{cell.peer}, our {cell.ours}, {cell.version}, {cell.suite}, {cell.group}, {cell.kind}"
                f"{', resumed' if cell.prime else ''}{'' if cell.tickets else ' by its ID'}, {cell.section}: {cell.plan}, "
                f"{cell.first} first{', ' + ' '.join(cell.auth) if cell.auth else ''}"
                f"{', ours ' + cell.offers[0] + ', theirs ' + cell.offers[1] if cell.offers else ''}")
        return what + "".join(f"\n    {field}: wanted {wanted}, got {got}" for field, wanted, got in self.wrong)

    def words(self):
        return (f"\n    ours:   {json.dumps(self.ours)}\n    theirs: {json.dumps(self.theirs)}")


def run_peer(peers, peer, given, outcomes):
    todo = list(enumerate(cases.matrix(peer, given.short)))
    if peer == "jsse":
        todo.sort(key=lambda entry: cases.groups_of(entry[1], cases.other(entry[1].ours)))
    first, done = len(outcomes), {}
    for place, cell in todo:
        outcome = done[place] = Outcome(cell, *run_cell(peers, cell, given.pki))
        if outcome.wrong or given.verbose:
            print(("FAILED: " if outcome.wrong else "fine:   ") + outcome.sentence() + outcome.words(), flush=True)
    outcomes += [done[place] for place in sorted(done)]
    bad = sum(1 for outcome in outcomes[first:] if outcome.wrong)
    told = sum(1 for outcome in outcomes[first:] if outcome.note and not outcome.wrong)
    print(f"{cases.TITLES[peer]}: {len(todo)} cells, {told} of them explained, {bad} failed", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", required=True, metavar="FOLDER", help="their programs")
    parser.add_argument("--ours", required=True, metavar="PROGRAM", help="our program, peer_tlsm")
    parser.add_argument("--pki", required=True, metavar="FOLDER", help="ca.pem, and KIND.pem and KIND.key of each kind")
    parser.add_argument("--peer", action="append", choices=cases.PEERS, help="this library alone")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--table", metavar="FILE", help="where to write the table")
    parser.add_argument("--verbose", action="store_true", help="every report")
    given = parser.parse_args()
    peers = Peers(given.peers, given.ours)
    outcomes, versions = [], {}
    try:
        for peer in given.peer or cases.PEERS:
            if given.short and not os.path.exists(peers.program(peer)):
                print(f"{cases.TITLES[peer]}: skipped, it is not installed here")
                continue
            versions[peer] = version(peer, peers.get(peer, "client", ""))
            run_peer(peers, peer, given, outcomes)
    finally:
        ill = peers.close()
        for sentence in ill:
            print("FAILED: " + sentence)
    if given.table:
        with open(given.table, "w", encoding="ascii") as file:
            file.write(interop_table.write(outcomes, versions))
    failed = sum(1 for outcome in outcomes if outcome.wrong)
    print(f"{len(outcomes) - failed} passed, {failed + len(ill)} failed")
    return failed > 0 or bool(ill) or not outcomes


if __name__ == "__main__":
    sys.exit(main())
