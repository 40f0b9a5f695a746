# SPDX-License-Identifier: MIT
"""coverage.py COVERAGE.JSON MISSED LEAST FOUND: a table by file of lines and of conditions (MC/DC), and whether what is missed is what
the list MISSED says. A line of it: file, function, number of the condition, the decision's text, then " -- " and the reason.
The list as it was found goes to FOUND."""
import json
import os
import sys

data, missed_path, least, found_path = json.load(open(sys.argv[1]))["data"][0], sys.argv[2], float(sys.argv[3]), sys.argv[4]
sources = {}


def text_of(path, region):
    """The decision as it is written, in one line."""
    lines = sources.setdefault(path, open(path).read().split("\n"))
    first, begin, last, end = region
    part = lines[first - 1:last]
    part[-1] = part[-1][:end - 1]
    part[0] = part[0][begin - 1:]
    return " ".join(" ".join(part).split())


def short(path):
    return os.path.relpath(path)


# Decisions by place: a function that several objects have is one.
decisions = {}
for function in data["functions"]:
    for record in function.get("mcdc_records", []):
        file = function["filenames"][record[5]] if record[5] < len(function["filenames"]) else function["filenames"][0]
        name = function["name"].split(":")[-1]
        met = decisions.setdefault((file, tuple(record[:4])), (name, [False] * len(record[-1])))[1]
        for i, yes in enumerate(record[-1]):
            met[i] = met[i] or yes

conditions, per_file, missed = 0, {}, []
for (file, region), (name, met) in sorted(decisions.items()):
    count = per_file.setdefault(file, [0, 0])
    for i, yes in enumerate(met):
        count[0] += yes
        count[1] += 1
        if not yes:
            missed.append("%s %s %d: %s" % (short(file), name, i + 1, text_of(file, region)))

print("%-40s %18s %22s" % ("", "lines", "conditions"))
total = [0, 0, 0, 0]
for file in data["files"]:
    path, lines = file["filename"], file["summary"]["lines"]
    met = per_file.get(path, [0, 0])
    total = [total[0] + lines["covered"], total[1] + lines["count"], total[2] + met[0], total[3] + met[1]]
    print("%-40s %6d of %6d %9d of %5d" % (short(path), lines["covered"], lines["count"], met[0], met[1]))
rate = 100.0 * total[2] / max(total[3], 1)
print("machine: %d of %d lines, %.1f %%; %d of %d conditions, %.1f %%" %
      (total[0], total[1], 100.0 * total[0] / max(total[1], 1), total[2], total[3], rate))

reasons = {}
for line in open(missed_path) if os.path.exists(missed_path) else []:
    if line.strip() and not line.startswith("#"):
        what, _, why = line.rstrip("\n").partition(" -- ")
        reasons[what] = why
with open(found_path, "w") as found:
    for what in missed:
        found.write("%s -- %s\n" % (what, reasons.get(what, "")))

bad = 0
for what in missed:
    if not reasons.get(what):
        print("missed, and not in %s: %s" % (missed_path, what))
        bad += 1
for what in sorted(set(reasons) - set(missed)):
    print("met, or gone, but in %s: %s" % (missed_path, what))
    bad += 1
if rate < least:
    print("fewer conditions than %.0f %%" % least)
    bad += 1
sys.exit(1 if bad else 0)
