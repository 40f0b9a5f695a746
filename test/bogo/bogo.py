# SPDX-License-Identifier: MIT
"""Runs BoGo's runner with the shim and says what came of it: passed, failed, unimplemented (the shim left it out), disabled (by
config.json). Not zero when a test fails, when fewer pass than the file `passing` says, when a disabled pattern matches more than
100 tests or a reason is no sentence, or when the runner was interrupted.

A test counts for the version that its last connection settled, as the shim's log has it; where none was settled, for the one that its
name has (TLS12, TLS13); else for neither."""

import argparse
import collections
import fnmatch
import json
import os
import re
import subprocess
import sys
import tempfile

MOST_DISABLED = 100
VERSIONS = {"0304": "1.3", "0303": "1.2"}
KINDS = {"PASS": "passed", "FAIL": "failed", "SKIP": "unimplemented"}
COLUMNS = ("all", "1.3", "1.2", "neither")


def version(name, settled):
    named = [v for part, v in (("TLS13", "1.3"), ("TLS12", "1.2")) if part in name.split("-")]
    return VERSIONS.get(settled) or (named[0] if len(named) == 1 else "neither")


def read_log(path):
    """What the shim wrote for each test: the version settled, and what is missing."""
    settled, missing = {}, {}
    if path and os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                name, status, number, what = line.rstrip("\n").split("\t")
                settled[name] = number
                if status == "89":
                    missing[name] = what
    return settled, missing


def matches(pattern, name):
    # Go's path.Match: [^…] negates, and * does not cross a slash, which no name has.
    return fnmatch.fnmatchcase(name, pattern.replace("[^", "[!"))


class Report:
    def __init__(self, results, names, config, log):
        self.settled, self.missing = read_log(log)
        self.count = {kind: collections.Counter() for kind in (*KINDS.values(), "disabled")}
        self.names = collections.defaultdict(list)
        self.complaints = []
        self.patterns = {p: [n for n in names if matches(p, n)] for p in config["DisabledTests"]}
        if results.get("interrupted"):
            self.complaints.append("the runner was interrupted")
        for name, result in results["tests"].items():
            self.add(KINDS.get(result["actual"], "failed"), name)
        for name in set(names) - set(results["tests"]):
            if any(name in matched for matched in self.patterns.values()):
                self.add("disabled", name)
        self.judge(config)

    def add(self, kind, name):
        self.names[kind].append(name)
        self.count[kind]["all"] += 1
        self.count[kind][version(name, self.settled.get(name))] += 1

    def judge(self, config):
        for pattern, reason in config["DisabledTests"].items():
            if len(self.patterns[pattern]) > MOST_DISABLED:
                self.complaints.append(f"{pattern} disables {len(self.patterns[pattern])} tests, more than {MOST_DISABLED}")
            if not re.fullmatch(r"[A-Z].{20,}\.", reason):
                self.complaints.append(f"{pattern}: the reason is no sentence: {reason!r}")
        if self.names["failed"]:
            self.complaints.append(f"{len(self.names['failed'])} failed")

    def compare(self, path):
        """Fewer than recorded is a complaint, more is news."""
        with open(path, encoding="utf-8") as lines:
            least = dict(line.split() for line in lines if not line.startswith("#"))
        for column, number in least.items():
            got = self.count["passed"][column]
            if got < int(number):
                self.complaints.append(f"{got} passed ({column}), recorded are {number}")
            elif got > int(number):
                print(f"{got} passed ({column}), recorded are {number}: make bogo RECORD=1 raises the number")

    def record(self, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write("# How many of BoGo's tests pass at least; make bogo RECORD=1 writes it.\n")
            file.writelines(f"{column} {self.count['passed'][column]}\n" for column in COLUMNS[:3])

    def print(self):
        print(f"{'':15}" + "".join(f"{c if c in ('all', 'neither') else 'TLS ' + c:>9}" for c in COLUMNS))
        for kind, count in self.count.items():
            print(f"{kind:15}" + "".join(f"{count[c]:9}" for c in COLUMNS))
        flags = collections.Counter(self.missing.get(n, "(no log)") for n in self.names["unimplemented"])
        print("\nunimplemented, by what is missing first:" if flags else "")
        for flag, number in flags.most_common():
            print(f"{number:7}  {flag}")
        unused = [p for p, matched in self.patterns.items() if not matched]
        if unused:
            print("\npatterns that match no test of this runner: " + " ".join(unused))
        for name in sorted(self.names["failed"]):
            print(f"FAILED {name}")


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def run(runner, shim, config, folder, look):
    """The runner twice: for the names of all tests, with a flag that no shim knows; and in earnest."""
    common = ["-shim-path", shim, "-allow-unimplemented"]
    names, results, log = (os.path.join(folder, name) for name in ("names.json", "results.json", "log"))
    command = [runner, *common, "-shim-extra-flags", "-names-only", "-json-output", names]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    command = [runner, *common, "-shim-config", config, "-json-output", results, "-transcript-dir", os.path.join(folder, "transcripts")]
    command += ["-test", look] if look else []
    with open(os.path.join(folder, "output"), "w", encoding="utf-8") as output:
        subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "TLSM_BOGO_LOG": log}, check=False)
    if not os.path.exists(names) or not os.path.exists(results):
        with open(os.path.join(folder, "output"), encoding="utf-8", errors="replace") as output:
            sys.exit("the runner gave no result: " + output.read()[-2000:])
    return results, names, log


def show_failures(folder):
    path = os.path.join(folder, "output")
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            for block in re.split(r"\n(?=(?:FAILED|PASSED|UNIMPLEMENTED) \()", file.read()):
                if block.startswith("FAILED"):
                    print(block)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner")
    parser.add_argument("--shim")
    parser.add_argument("--config", required=True)
    parser.add_argument("--passing", required=True)
    parser.add_argument("--look", default="")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--results", help="instead of a runner: what one wrote")
    parser.add_argument("--names", help="with --results: the same of a run of all tests")
    parser.add_argument("--log", help="with --results: the shim's log")
    ask = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results, names, log = ask.results, ask.names, ask.log
        if ask.runner:
            results, names, log = run(ask.runner, ask.shim, ask.config, folder, ask.look)
        report = Report(read_json(results), list(read_json(names)["tests"]), read_json(ask.config), log)
        show_failures(folder)
    report.print()
    if ask.record and not report.complaints:
        report.record(ask.passing)
    if not ask.look:
        report.compare(ask.passing)
    for complaint in report.complaints:
        print(f"bogo: {complaint}")
    print(f"{report.count['passed']['all']} passed, {report.count['failed']['all']} failed")
    return 1 if report.complaints else 0


sys.exit(main())
