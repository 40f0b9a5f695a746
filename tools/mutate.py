#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mutation testing of what decides how a connection ends: one change at a time, and something must notice.

Every mutant is one changed line. It is compiled, dropped where it compiles to what was there before, and then judged by oracles from
the fastest to the slowest until one of them fails. What survives is a missing test, or stands in test/mutate.explained with the reason
why nobody can tell."""
import argparse
import os
import queue
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mutate_operators  # noqa: E402
import mutate_oracles    # noqa: E402
import mutate_report     # noqa: E402

FILES = ['machine/closing.def', 'machine/closing.c', 'machine/event.def', 'machine/event.c', 'machine/verdict.c', 'machine/shutdown.c',
         'machine/record.c', 'machine/code.def']


def parse():
    parser = argparse.ArgumentParser(prog='mutate.py', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--list', action='store_true', help='prints the mutants, and judges none')
    parser.add_argument('--only', action='append', default=[], metavar='FILE[:LINE]', help='those of a file or line; may be repeated')
    parser.add_argument('--kind', help='those of one kind: operator, constant, name, condition, statement, cell, row')
    parser.add_argument('--sample', type=int, metavar='N', help='N of them, drawn')
    parser.add_argument('--seed', type=int, default=1, metavar='S', help='of the draw; default 1')
    parser.add_argument('--oracles', default='scenes,shutdown,tests,corpus,rows', help='which may judge; default all: %(default)s')
    parser.add_argument('--results', metavar='FILE', help='goes on from what this file says was killed, and writes it')
    parser.add_argument('--report', action='store_true', help='judges none: reports on what --results has')
    parser.add_argument('--table', metavar='FILE', help='writes docs/mutation.md')
    parser.add_argument('--explained', default='test/mutate.explained', metavar='FILE', help='default %(default)s')
    parser.add_argument('--check-explained', action='store_true', help='only checks that each explained mutant still exists')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), metavar='N', help='at a time; default: every processor')
    parser.add_argument('--build', default='build/mutate', metavar='FOLDER', help='what make mutate-oracles built; default %(default)s')
    parser.add_argument('--work', metavar='FOLDER', help='where mutants are built; default work, in the folder above')
    parser.add_argument('--tests', default='', help='names of the test programs that judge')
    return parser.parse_args()


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def chosen(options):
    codes = mutate_operators.codes_of(read('machine/code.def'))
    wanted = [only.partition(':')[::2] for only in options.only]
    files = list(dict.fromkeys(path for path, _ in wanted)) or FILES
    made = [mutant for path in files for mutant in mutate_operators.mutants(path, read(path), codes)]
    if wanted:
        made = [m for m in made if (m.path, '') in wanted or (m.path, str(m.line)) in wanted]
    if options.kind:
        made = [m for m in made if m.kind == options.kind]
    if options.sample is not None and options.sample < len(made):
        drawn = random.Random(options.seed).sample(range(len(made)), options.sample)
        made = [made[i] for i in sorted(drawn)]
    return made


def work(oracles, number, todo, done):
    shop = mutate_oracles.Workshop(os.path.join(oracles.folder, 'shop%d' % number), oracles.root, oracles.objects, oracles.compiler)
    while True:
        try:
            mutant = todo.get_nowait()
        except queue.Empty:
            return
        done.put((mutant, oracles.judge(shop, mutant, read(mutant.path).split('\n'))))


def judged(oracles, made, late, jobs):
    """Each mutant with what became of it, in the order in which that is known; last those that the quick oracles do not decide, and
    those in `late`, which they did not decide before."""
    todo, done, late = queue.Queue(), queue.Queue(), list(late)
    for mutant in made:
        todo.put(mutant)
    threads = [threading.Thread(target=work, args=(oracles, i, todo, done), daemon=True) for i in range(jobs)]
    for thread in threads:
        thread.start()
    for _ in made:
        mutant, fate = done.get()
        if fate[0] == 'undecided':
            late.append(mutant)
        yield mutant, fate
    yield from oracles.together(late)


def judge_all(options, made, known):
    """Every mutant with its fate, those that `known` has first."""
    found = {mutant: known[mutant.key()] for mutant in made if mutant.key() in known}
    late = [mutant for mutant, fate in found.items() if fate[0] in ('undecided', 'survived')]
    if options.report:
        return {mutant: fate for mutant, fate in found.items() if fate[0] != 'undecided'}
    fates = {mutant: fate for mutant, fate in found.items() if mutant not in late}
    todo = [mutant for mutant in made if mutant not in found]
    if not todo and not late:
        return fates
    begun = time.time()
    oracles = mutate_oracles.Oracles(options)
    oracles.prepare(todo + late)
    for i, (mutant, fate) in enumerate(judged(oracles, todo, late, options.jobs)):
        if fate[0] != 'undecided':
            fates[mutant] = fate
        mutate_report.remember(options.results, mutant, fate)
        if fate[0] == 'survived':
            print('survived  %s' % mutant, flush=True)
        if (i + 1) % 100 == 0:
            print('%d, %d s; %d to do' % (i + 1, time.time() - begun, len(todo)), flush=True)
    return fates


def main():
    options = parse()
    made = chosen(options)
    if options.list:
        for mutant in made:
            print(mutant)
        print('%d mutants' % len(made))
        return 0
    try:
        explained = mutate_report.Explained(options.explained)
    except ValueError as error:
        print('mutate: %s' % error)
        return 1
    stale = explained.stale(made) if not (options.only or options.sample or options.kind) else []
    for entry in stale:
        print('mutate: %s explains what is no mutant any more:\n    - %s\n    + %s' % ((options.explained,) + entry[1:]))
    if options.check_explained:
        print('%d explained, %d stale' % (len(explained.why), len(stale)))
        return 1 if stale else 0
    fates = judge_all(options, made, mutate_report.known(options.results))
    return mutate_report.finish(options, made, fates, explained) or (1 if stale else 0)


if __name__ == '__main__':
    sys.exit(main())
