# SPDX-License-Identifier: MIT
"""Which lines of a source each oracle gets to: one that never gets to a line cannot tell what is changed there."""
import json
import os
import re
import shutil
import subprocess

import mutate_oracles

COUNTED = re.compile(r'\s*([^:]+):\s*(\d+):')


class Reached:
    """What gcov counted of the unchanged sources `paths` under every program; kept in a file for each."""

    def __init__(self, oracles, paths):
        self.oracles, self.lines, self.known = oracles, {}, {}
        if not paths or not shutil.which('gcov'):
            return
        folder = os.path.join(oracles.folder, 'reach')
        os.makedirs(folder, exist_ok=True)
        todo = [(program, os.path.join(folder, '%s.%s' % (program.name, self.fingerprint(program, paths))))
                for program in oracles.all_programs()]
        if not all(os.path.exists(place) for _, place in todo):
            self.build(folder, paths)
        for program, place in todo:
            if not os.path.exists(place):
                self.count(folder, paths, program, place)
            with open(place, encoding='utf-8') as file:
                for path, (known, lines) in json.load(file).items():
                    self.known.setdefault(path, set()).update(known)
                    self.lines[program, path] = set(lines)

    def fingerprint(self, program, paths):
        return self.oracles.fingerprint(program.command[0], program.command[1:] + paths)

    def build(self, folder, paths):
        """The core with those sources counting, unoptimized."""
        objects = dict(self.oracles.objects)
        for path in paths:
            name = mutate_oracles.object_of(path)
            objects[name] = os.path.join(folder, name + '.o')
            subprocess.run(self.oracles.compiler + ['-O0', '--coverage', '-c', path, '-o', objects[name]], check=True)
        subprocess.run(self.oracles.compiler[:1] + ['--coverage', '-shared', '-Wl,-Bsymbolic', '-o', os.path.join(folder, mutate_oracles.LIBRARY)] +
                       list(objects.values()), check=True)

    def count(self, folder, paths, program, place):
        names = [mutate_oracles.object_of(path) for path in paths]
        for name in names:
            if os.path.exists(os.path.join(folder, name + '.gcda')):
                os.remove(os.path.join(folder, name + '.gcda'))
        if mutate_oracles.run(program.command, 3600, 36000, self.oracles.root, folder) != 0:
            raise SystemExit('mutate: %s fails where lines are counted' % program.name)
        counted = {path: self.lines_of(folder, name) for path, name in zip(paths, names)}
        with open(place, 'w', encoding='utf-8') as out:
            json.dump(counted, out)

    def lines_of(self, folder, name):
        """The lines that have code, and those of them that were reached. Where nothing was written, nothing was."""
        if not os.path.exists(os.path.join(folder, name + '.gcda')):
            return [], []
        told = subprocess.run(['gcov', '-t', '-o', folder, os.path.join(folder, name + '.o')], cwd=self.oracles.root, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True).stdout
        of_source = next(part for part in told.split('0:Source:') if part.startswith('machine/%s.c\n' % name))
        counts = [match.groups() for match in map(COUNTED.match, of_source.splitlines()) if match and match.group(2) != '0']
        return [int(line) for count, line in counts if count != '-'], [int(line) for count, line in counts if count[0].isdigit()]

    def gets_to(self, program, mutant):
        """Of a line without code of its own, such as the middle of an expression, nothing is known."""
        return mutant.line not in self.known.get(mutant.path, ()) or mutant.line in self.lines.get((program, mutant.path), ())
