# SPDX-License-Identifier: MIT
"""What judges a mutant: programs linked with the core as a shared library, so that a mutant is one object and one link."""
import collections
import functools
import hashlib
import json
import os
import resource
import shutil
import subprocess
import threading

import mutate_reach
from mutate_operators import EVENT, ROW

LIBRARY = 'libtlsm-mutant.so'
# What judges a file that no scene calls; only those tests among them that can call it. The rest of the core is in every scene.
WITHOUT_SCENES = {'machine/shutdown.c': ['tests', 'shutdown'], 'machine/code.c': ['tests'], 'machine/code.def': ['tests']}
# Tables whose rows are told apart by all scenes in one walk.
TABLES = {'machine/closing.def': ROW, 'machine/event.def': EVENT}
# The object that a table goes into: code.def is seen by everybody, its words and numbers of endings by one.
OBJECT = {'machine/closing.def': 'closing', 'machine/event.def': 'closing', 'machine/code.def': 'code'}
MEMORY_KB = 4 << 20
QUICK = 0.25      # seconds of a program; what takes longer and promises a kill in no less than PATIENCE judges many mutants together
PATIENCE = 2.0
STARTING = 0.03   # seconds before a program looks at anything


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def read_bytes(path):
    with open(path, 'rb') as file:
        return file.read()


def run(command, seconds, wall, folder, library, **more):
    """0, or why it is not: CPU time counts, so that a busy machine kills nobody; what sleeps ends by the clock."""
    limited = 'ulimit -t %d; ulimit -v %d; ulimit -c 0; exec "$@"' % (seconds, MEMORY_KB)
    environment = dict(os.environ, LD_LIBRARY_PATH=library, **more)
    child = subprocess.Popen(['sh', '-c', limited, 'sh'] + command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        return child.wait(timeout=wall)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)
        child.wait()
        return 'timeout'


class Program:
    """One command; `group` is what the table calls it."""

    def __init__(self, group, name, command):
        self.group, self.name, self.command, self.seconds = group, name, command, 1.0
        self.tried, self.kills = collections.Counter(), collections.Counter()   # by file

    def limits(self):
        return int(3 * self.seconds) + 2, int(60 * self.seconds) + 60

    def kills_it(self, folder, library):
        return run(self.command, *self.limits(), folder, library) != 0

    def measure(self, folder, library):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        status = run(self.command, 600, 3600, folder, library)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.seconds = max(0.02, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return status

    def worth(self, path):
        """Seconds per kill to be expected of it, from what it did to that file."""
        return (STARTING + self.seconds) * (self.tried[path] + 2) / (self.kills[path] + 1)


class Workshop:
    """A copy of machine/ and of the objects, where one mutant at a time is built."""

    def __init__(self, folder, root, objects, compiler):
        self.folder, self.root, self.compiler = folder, root, compiler
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(os.path.join(root, 'machine'), os.path.join(folder, 'machine'))
        self.objects = objects

    def compile(self, name, to):
        return subprocess.run(self.compiler + ['-c', 'machine/%s.c' % name, '-o', to], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def link(self, name, changed):
        return subprocess.run(self.compiler[:1] + ['-shared', '-Wl,-Bsymbolic', '-o', LIBRARY] + [changed] +
                              [path for other, path in self.objects.items() if other != name], cwd=self.folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def build(self, mutants, lines):
        """Of one mutant, or several of one file: 'stillborn', 'identical', or None when it is built."""
        name = object_of(mutants[0].path)
        place = os.path.join(self.folder, mutants[0].path)
        changed = list(lines)
        for mutant in mutants:
            changed[mutant.line - 1] = mutant.after
        write(place, changed)
        born = self.compile(name, 'mutant.o')
        write(place, lines)
        if not born:
            return 'stillborn'
        if read_bytes(os.path.join(self.folder, 'mutant.o')) == read_bytes(self.objects[name]):
            return 'identical'
        return None if self.link(name, 'mutant.o') else 'stillborn'


def write(path, lines):
    with open(path, 'w', encoding='utf-8') as out:
        out.write('\n'.join(lines))


def layers(mutants):
    """One of each line at a time."""
    while mutants:
        now = list({mutant.line: mutant for mutant in mutants}.values())
        yield now
        mutants = [mutant for mutant in mutants if mutant not in now]


def words_of(mutant):
    words = TABLES[mutant.path].match(mutant.after).groups()
    return ' '.join(words if words[0] in ('RX', 'TX') else ('EVENT',) + words)


def object_of(path):
    return OBJECT.get(path, os.path.basename(path).removesuffix('.c'))


class Oracles:
    """Everything that may kill, in order, and the unchanged core that it was recorded with."""

    def __init__(self, options):
        self.root, self.folder = os.getcwd(), os.path.abspath(options.work or os.path.join(options.build, 'work'))
        os.makedirs(self.folder, exist_ok=True)
        self.compiler = read(os.path.join(options.build, 'compile')).split()
        self.jobs, self.chosen = options.jobs, options.oracles.split(',')
        self.tests_given, self.build = options.tests.split(), os.path.abspath(options.build)
        self.lock = threading.Lock()
        self.objects = {}
        self.programs = {}
        self.told = {}       # mutants of tables: their fate, where all were judged at once
        self.lately = {}     # by line: what killed the last mutant there
        self.compiled = {}   # by what a mutant compiles to: its fate

    def core(self):
        """What make built of the unchanged core."""
        self.library = self.build
        folder = os.path.join(self.build, 'machine')
        self.objects = {name[:-2]: os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith('.o')}
        self.identity = b''.join(read_bytes(path) for path in self.objects.values())

    def fingerprint(self, program, arguments):
        """Of everything that what was recorded of the unchanged core depends on."""
        return hashlib.sha256(self.identity + read_bytes(program) + ' '.join(arguments).encode()).hexdigest()[:16]

    def all_programs(self):
        return [program for group in self.programs.values() for program in group]

    def trace(self, group, name, parts):
        program = os.path.join(self.build, 'test', 'explore_trace')
        path = os.path.join(self.folder, 'trace.%s.%s' % (name, self.fingerprint(program, parts)))
        if not os.path.exists(path) and run([program, '--record', path] + parts, 600, 3600, self.root, self.library) != 0:
            raise SystemExit('mutate: the walk of %s cannot be recorded' % ' '.join(parts))
        return Program(group, name, [program, '--against', path] + parts)

    def all_scenes(self):
        program = os.path.join(self.build, 'test', 'explore_trace')
        listed = subprocess.run([program, '--scenes'], env=dict(os.environ, LD_LIBRARY_PATH=self.library), check=True,
                                stdout=subprocess.PIPE, universal_newlines=True).stdout
        return [line.split()[0] for line in listed.splitlines()]

    def ask(self, mutants):
        """Of mutants of tables: for each that some scene can tell, the scene; `rows` for others that do not say what the row says."""
        program = os.path.join(self.build, 'test', 'explore_rows')
        asked = ''.join(words_of(mutant) + '\n' for mutant in mutants)
        path = os.path.join(self.folder, 'told.%s' % self.fingerprint(program, [asked]))
        if not os.path.exists(path):
            told = subprocess.run(['sh', '-c', 'ulimit -c 0; ulimit -t 3600; exec "$0"', program], input=asked, stdout=subprocess.PIPE,
                                  universal_newlines=True)
            if told.returncode != 0:
                raise SystemExit('mutate: explore_rows ends with status %d' % told.returncode)
            write(path, told.stdout.splitlines())
        return {mutants[int(number)]: what for number, what in map(str.split, read(path).splitlines())}

    def tell(self, mutants):
        """All mutants of tables at once: one walk; then the tests and corpora, for those that no scene can tell; then the rows."""
        answers = self.ask(mutants)
        self.told = {mutant: ('scenes', scene) for mutant, scene in answers.items() if scene != 'rows'}
        others = [mutant for mutant, what in answers.items() if what == 'rows']
        shop = Workshop(os.path.join(self.folder, 'shop'), self.root, self.objects, self.compiler)
        for path in TABLES:
            for layer in layers([mutant for mutant in others if mutant.path == path and 'cannot happen' not in mutant.before]):
                self.halve(shop, layer, read(path).split('\n'))
        if self.programs['rows']:
            self.told.update({mutant: ('rows', 'rows') for mutant in others if mutant not in self.told})

    def halve(self, shop, mutants, lines):
        """What the core with all of them passes, none of them is killed by."""
        fate = self.tried(shop, mutants, False) if shop.build(mutants, lines) is None else ('stillborn', '')
        if fate[0] == 'survived':
            return
        if len(mutants) == 1:
            self.told[mutants[0]] = fate
            return
        self.halve(shop, mutants[:len(mutants) // 2], lines)
        self.halve(shop, mutants[len(mutants) // 2:], lines)

    def together(self, mutants):
        """What became of mutants that all quick programs passed: a pair for each as soon as it is known."""
        shop = Workshop(os.path.join(self.folder, 'shop'), self.root, self.objects, self.compiler)
        for path in sorted({mutant.path for mutant in mutants}):
            for layer in layers([mutant for mutant in mutants if mutant.path == path]):
                self.halve(shop, layer, read(path).split('\n'))
                yield from ((mutant, self.told.get(mutant, ('survived', ''))) for mutant in layer)

    def prepare(self, made):
        self.core()
        self.programs = {'scenes': [], 'shutdown': [], 'rows': [], 'tests': [], 'corpus': []}
        if 'scenes' in self.chosen and any(mutant.path not in TABLES and mutant.path not in WITHOUT_SCENES for mutant in made):
            self.programs['scenes'] = [self.trace('scenes', scene, [scene]) for scene in self.all_scenes() + ['framing']]
        if 'shutdown' in self.chosen:
            self.programs['shutdown'] = [self.trace('shutdown', 'shutdown', ['shutdown'])]
        if 'rows' in self.chosen:
            self.programs['rows'] = [self.trace('rows', 'rows', ['rows'])]
        if 'tests' in self.chosen:
            self.programs['tests'] = [Program('tests', name, [os.path.join(self.build, 'test', name)]) for name in self.tests_given]
        if 'corpus' in self.chosen:
            self.programs['corpus'] = [Program('corpus', name, [os.path.join(self.build, 'target', name), os.path.join('corpus', name)])
                                       for name in ('choice', 'chunking', 'wire')]
        self.check()
        self.reached = mutate_reach.Reached(self, sorted({mutant.path for mutant in made if mutant.path.endswith('.c')}))
        rows = [mutant for mutant in made if mutant.path in TABLES]
        if 'scenes' in self.chosen and rows:
            self.tell(rows)

    def check(self):
        """The unchanged core passes, and says how long it takes; known until the program or the core is another."""
        path = os.path.join(self.folder, 'times')
        times = json.loads(read(path)) if os.path.exists(path) else {}
        for program in self.all_programs():
            key = '%s %s' % (program.name, self.fingerprint(program.command[0], program.command[1:]))
            if key not in times:
                if program.measure(self.root, self.library) != 0:
                    raise SystemExit('mutate: %s fails on the unchanged core' % program.name)
                times[key] = program.seconds
            program.seconds = times[key]
        with open(path, 'w') as out:
            json.dump(times, out)

    def order(self, mutants):
        """What killed a neighbour, then what promises most kills per second. Rows as compiled come first where a row says that it is
        never taken, and last else."""
        path = mutants[0].path
        if path in WITHOUT_SCENES:
            return self.ranked(mutants, WITHOUT_SCENES[path])
        others = self.ranked(mutants, ['tests', 'shutdown', 'corpus'] + ([] if path in TABLES else ['scenes']))
        if path in TABLES and 'scenes' in self.chosen:
            return others   # the rest is told
        return self.programs['rows'] + others if 'cannot happen' in mutants[0].before else others + self.programs['rows']

    def ranked(self, mutants, groups):
        path, line = mutants[0].path, mutants[0].line
        chosen = [program for group in groups for program in self.programs[group]
                  if (group != 'tests' or self.may_call(program, path)) and any(self.reached.gets_to(program, mutant) for mutant in mutants)]
        with self.lock:
            neighbour = self.lately.get((path, line))
            return sorted(chosen, key=lambda program: (program is not neighbour, program.worth(path)))

    def may_call(self, program, path):
        """Whether a program can get into a file that nothing else of the core calls."""
        if path not in WITHOUT_SCENES:
            return True
        imported = symbols('-D', '--undefined-only', program.command[0])
        return bool(imported & symbols('--defined-only', self.objects[object_of(path)]))

    def judge(self, shop, mutant, lines):
        if mutant in self.told:
            return self.told[mutant]
        fate = shop.build([mutant], lines)
        if fate is not None:
            return fate, ''
        made = object_of(mutant.path), hashlib.sha256(read_bytes(os.path.join(shop.folder, 'mutant.o'))).digest()
        if made not in self.compiled:
            self.compiled[made] = self.tried(shop, [mutant], True)
        return self.compiled[made]

    def tried(self, shop, mutants, quickly):
        """What kills the core with those mutants; `undecided` where something slow might still."""
        passed = 'survived'
        for program in self.order(mutants):
            if quickly and program.seconds > QUICK and program.worth(mutants[0].path) > PATIENCE:
                passed = 'undecided'
                continue
            killed = program.kills_it(self.root, shop.folder)
            with self.lock:
                program.tried[mutants[0].path] += 1
                program.kills[mutants[0].path] += killed
                if killed:
                    self.lately[(mutants[0].path, mutants[0].line)] = program
            if killed:
                return program.group, program.name
        return passed, ''


@functools.lru_cache(maxsize=None)
def symbols(*arguments):
    listed = subprocess.run(['nm', *arguments], check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    return {line.split()[-1] for line in listed.splitlines() if line.strip()}
