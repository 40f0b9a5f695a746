# SPDX-License-Identifier: MIT
"""What judges a mutant: programs linked with the core as a shared library, so that a mutant is one object and one link."""
import functools
import hashlib
import json
import os
import resource
import shutil
import subprocess
import threading

# The cheap scenes first, then some of each version and role; the first difference ends a walk.
FIRST, SCENES = ['10', '11'], ['16', '28', '22', '23', '12', '7', '20']
LIBRARY = 'libtlsm-mutant.so'
# What judges a file that no scene calls; only those tests among them that can call it. The rest of the core is in every scene.
WITHOUT_SCENES = {'machine/shutdown.c': ['tests', 'shutdown'], 'machine/code.c': ['tests'], 'machine/code.def': ['tests']}
# The object that a table goes into: code.def is seen by everybody, its words and numbers of endings by one.
OBJECT = {'machine/closing.def': 'closing', 'machine/event.def': 'closing', 'machine/code.def': 'code'}
MEMORY_KB = 4 << 20


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def read_bytes(path):
    with open(path, 'rb') as file:
        return file.read()


def run(command, seconds, wall, folder, library):
    """0, or why it is not: CPU time counts, so that a busy machine kills nobody; what sleeps ends by the clock."""
    limited = 'ulimit -t %d; ulimit -v %d; ulimit -c 0; exec "$@"' % (seconds, MEMORY_KB)
    environment = dict(os.environ, LD_LIBRARY_PATH=library)
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
        self.group, self.name, self.command, self.seconds, self.kills = group, name, command, 1.0, 0

    def limits(self):
        return int(3 * self.seconds) + 2, int(60 * self.seconds) + 60

    def kills_it(self, folder, library):
        return run(self.command, *self.limits(), folder, library) != 0

    def measure(self, folder, library):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        status = run(self.command, 600, 3600, folder, library)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.seconds = max(0.1, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return status


class Workshop:
    """A copy of machine/ and of the objects, where one mutant at a time is built."""

    def __init__(self, folder, root, objects, compiler):
        self.folder, self.root, self.compiler = folder, root, compiler
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(os.path.join(root, 'machine'), os.path.join(folder, 'machine'))
        self.objects = objects

    def compile(self, name, to, more):
        return subprocess.run(self.compiler + more + ['-c', 'machine/%s.c' % name, '-o', to], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def link(self, name, changed):
        return subprocess.run(self.compiler[:1] + ['-shared', '-Wl,-Bsymbolic', '-o', LIBRARY] + [changed] +
                              [path for other, path in self.objects.items() if other != name], cwd=self.folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def build(self, mutant, lines, more=()):
        """'stillborn', 'identical', or None when it is built."""
        name = object_of(mutant.path)
        place = os.path.join(self.folder, mutant.path)
        changed = list(lines)
        changed[mutant.line - 1] = mutant.after
        write(place, changed)
        born = self.compile(name, 'mutant.o', list(more))
        write(place, lines)
        if not born:
            return 'stillborn'
        if not more and read_bytes(os.path.join(self.folder, 'mutant.o')) == read_bytes(self.objects[name]):
            return 'identical'
        return None if self.link(name, 'mutant.o') else 'stillborn'


def write(path, lines):
    with open(path, 'w', encoding='utf-8') as out:
        out.write('\n'.join(lines))


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

    def core(self):
        """What make built of the unchanged core."""
        self.library = self.build
        folder = os.path.join(self.build, 'machine')
        self.objects = {name[:-2]: os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith('.o')}
        self.identity = b''.join(read_bytes(path) for path in self.objects.values())

    def fingerprint(self, program, arguments):
        """Of everything that what was recorded of the unchanged core depends on."""
        return hashlib.sha256(self.identity + read_bytes(program) + ' '.join(arguments).encode()).hexdigest()[:16]

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

    def prepare(self):
        self.core()
        self.programs = {'scenes': [], 'shutdown': [], 'rows': [], 'tests': [], 'corpus': [], 'walk': []}
        if 'scenes' in self.chosen:
            self.programs['scenes'] = [self.trace('scenes', 'first', FIRST), self.trace('scenes', 'few', SCENES)]
        if 'shutdown' in self.chosen:
            self.programs['shutdown'] = [self.trace('shutdown', 'shutdown', ['shutdown'])]
        if 'rows' in self.chosen:
            self.programs['rows'] = [self.trace('rows', 'rows', ['rows'])]
        if 'walk' in self.chosen:
            rest = [scene for scene in self.all_scenes() if scene not in FIRST + SCENES]
            self.programs['walk'] = [self.trace('walk', 'rest', sorted(rest, key=lambda scene: scene in ('0', '1')))]
        if 'tests' in self.chosen:
            self.programs['tests'] = [Program('tests', name, [os.path.join(self.build, 'test', name)]) for name in self.tests_given]
        if 'corpus' in self.chosen:
            self.programs['corpus'] = [Program('corpus', name, [os.path.join(self.build, 'target', name), os.path.join('corpus', name)])
                                       for name in ('choice', 'chunking', 'wire')]
        self.check()

    def check(self):
        """The unchanged core passes, and says how long it takes; known until the program or the core is another."""
        path = os.path.join(self.folder, 'times')
        times = json.loads(read(path)) if os.path.exists(path) else {}
        for program in [program for group in self.programs.values() for program in group]:
            key = '%s %s' % (program.name, self.fingerprint(program.command[0], program.command[1:]))
            if key not in times:
                if program.measure(self.root, self.library) != 0:
                    raise SystemExit('mutate: %s fails on the unchanged core' % program.name)
                times[key] = program.seconds
            program.seconds = times[key]
        with open(path, 'w') as out:
            json.dump(times, out)
        self.programs['tests'].sort(key=lambda program: program.seconds)

    def order(self, mutant):
        """From the fastest to the slowest; a table's rows as compiled only where nothing that they do tells them apart, and first
        where a row says that it is never taken."""
        groups = ['scenes', 'tests', 'shutdown', 'corpus', 'walk', 'rows']
        if mutant.path in WITHOUT_SCENES:
            groups = WITHOUT_SCENES[mutant.path]
        elif 'cannot happen' in mutant.before:
            groups = ['rows'] + groups[:-1]
        for group in groups:
            programs = [program for program in self.programs[group] if group != 'tests' or self.may_call(program, mutant.path)]
            with self.lock:
                programs.sort(key=lambda program: (program.seconds > 0.5, -program.kills, program.seconds))
            yield from programs

    def may_call(self, program, path):
        """Whether a program can get into a file that nothing else of the core calls."""
        if path not in WITHOUT_SCENES:
            return True
        imported = symbols('-D', '--undefined-only', program.command[0])
        return bool(imported & symbols('--defined-only', self.objects[object_of(path)]))

    def judge(self, shop, mutant, lines):
        """Most die at the first look, for which no optimizer need work."""
        quickest = self.programs['scenes'][:1] if mutant.path not in WITHOUT_SCENES and 'cannot happen' not in mutant.before else []
        for program in quickest:
            if shop.build(mutant, lines, ['-O0']) is None and program.kills_it(self.root, shop.folder):
                return program.group, program.name
        fate = shop.build(mutant, lines)
        if fate is not None:
            return fate, ''
        for program in self.order(mutant):
            if program.kills_it(self.root, shop.folder):
                with self.lock:
                    program.kills += 1
                return program.group, program.name
        return 'survived', ''


@functools.lru_cache(maxsize=None)
def symbols(*arguments):
    listed = subprocess.run(['nm', *arguments], check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    return {line.split()[-1] for line in listed.splitlines() if line.strip()}
