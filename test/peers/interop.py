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


def words_for(cell, role, pki, port):
    words = {"role": role, "suite": cell.suite, "groups": cases.groups_of(cell, role), "prime": int(cell.prime)}
    if role == "client":
        words |= {"port": port, "ca": os.path.join(pki, "ca.pem"), "name": "localhost"}
    else:
        words |= {"cert": os.path.join(pki, cell.kind + ".pem"), "key": os.path.join(pki, cell.kind + ".key")}
    words["script"] = cases.scripts(cell)[role]
    return words


def run_cell(peers, cell, pki):
    """Both reports: ours, the peer's."""
    who = {cell.ours: "tlsm", cases.other(cell.ours): cell.peer}
    process = {role: peers.get(who[role], role, cases.groups_of(cell, role).replace(":", ",")) for role in who}
    try:
        process["server"].tell(words_for(cell, "server", pki, 0))
        first = process["server"].hear()
        if first.get("end") == "unable":
            reports = {"server": first, "client": dict(NOTHING)}
            return reports[cell.ours], reports[cases.other(cell.ours)]
        process["client"].tell(words_for(cell, "client", pki, first["port"]))
        heard = process["client"].hear()
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


def version(process):
    """The first two numbers of it: what comes after them is a distribution's."""
    process.tell({"role": "version"})
    return re.search(r"\d+(\.\d+)?", process.hear()["library"]).group()


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
    if not want.handshake:
        check("their handshake", want.handshake, theirs["handshake"])
        ends = explained.known_ends(cell)[0]
        check("their end", theirs["end"] if theirs["end"] in ends else " or ".join(sorted(ends)), theirs["end"])
        check("user_canceled", explained.says_canceled(cell), ours.get("canceled"))
        return wrong
    check("their handshake", want.handshake, theirs["handshake"])
    check("our suite", cell.suite, ours.get("suite"))
    check("their suite", cell.suite, theirs.get("suite"))
    group = "secp384r1" if cell.group == cases.RETRIED else cell.group
    check("our group", group, ours.get("group"))
    if theirs.get("group"):
        check("their group", group, theirs["group"])
    check("retried", want.retried, ours.get("retried"))
    check("our resumption", want.resumed, ours.get("resumed"))
    check("their resumption", want.resumed, theirs.get("resumed"))
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


class Outcome:
    def __init__(self, cell, ours, theirs):
        self.cell, self.ours, self.theirs = cell, ours, theirs
        self.want = cases.expect(cell)
        self.reason, self.wrong = explained.judge(cell, compare(cell, self.want, ours, theirs), ours, theirs)
        self.note = self.reason.text if self.reason else explained.HANDSHAKE_TEXT.get(explained.known_ends(cell)[1])

    def sentence(self):
        cell = self.cell
        what = (f"{cell.peer}, our {cell.ours}, {cell.suite}, {cell.group}, {cell.kind}{', resumed' if cell.prime else ''}, "
                f"{cell.plan}, {cell.first} first")
        return what + "".join(f"\n    {field}: wanted {wanted}, got {got}" for field, wanted, got in self.wrong)

    def words(self):
        return (f"\n    ours:   {json.dumps(self.ours)}\n    theirs: {json.dumps(self.theirs)}")


def run_peer(peers, peer, given, outcomes):
    todo = list(cases.matrix(peer, given.short))
    if peer == "jsse":
        todo.sort(key=lambda cell: cases.GROUPS.index(cell.group))
    first = len(outcomes)
    for cell in todo:
        outcome = Outcome(cell, *run_cell(peers, cell, given.pki))
        outcomes.append(outcome)
        if outcome.wrong or given.verbose:
            print(("FAILED: " if outcome.wrong else "fine:   ") + outcome.sentence() + outcome.words(), flush=True)
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
            versions[peer] = version(peers.get(peer, "client", ""))
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
