# SPDX-License-Identifier: MIT
"""What a mutant may be: one token, one statement or one cell of a table changed, on one line."""
import re

CODE = re.compile(r'^(CODE|END)\((\w+),\s*(-?\d+),\s*(\w+)')
ROW = re.compile(r'^(RX|TX)\((\w+),\s*(\w+),\s*(\w+),\s*(\w+),\s*(\w+),')
EVENT = re.compile(r'^EVENT\((\w+),\s*(\w+),\s*(\w+),')
END = re.compile(r'^END\((\w+),\s*(-?\d+),\s*(\w+),\s*(\d+),')

# Binary operators stand between spaces in this code; that tells them from pointers, addresses and signs.
BINARY = {'==': ['!='], '!=': ['=='], '<': ['<=', '>='], '<=': ['<', '>'], '>': ['>=', '<='], '>=': ['>', '<'],
          '&&': ['||'], '||': ['&&'], '+': ['-'], '-': ['+'], '&': ['|'], '|': ['&'], '<<': ['>>'], '>>': ['<<'],
          '+=': ['-=', '='], '-=': ['+=', '='], '|=': ['=', '&='], '&=': ['=', '|='], '/': ['*']}
FAMILIES = ['ALERT_', 'EV_', 'CAUSE_', 'FACT_', 'RX_DO_', 'TX_DO_', 'RX_', 'TX_', 'EPOCH_', 'TYPE_', 'NEWS_', 'PLACE_', 'NEED_',
            'ADVICE_', 'SHUTDOWN_', 'SAW_', 'DO_', 'CLOSING_', 'OWES_', 'MARK_']
DECLARES = re.compile(r'(const|struct|static|enum|unsigned|int|char|size_t|u?int\d+_t|return|case|break|continue|else|if|for|while|'
                      r'switch|do|typedef|default)\b')


class Mutant:
    """One changed line. `nth` tells lines with the same text apart, so that neither file nor explanation depends on numbers."""

    def __init__(self, path, line, kind, before, after):
        self.path, self.line, self.kind, self.before, self.after, self.nth = path, line, kind, before, after, 0

    def text(self):
        return (self.path, self.before.strip(), self.after.strip())

    def key(self):
        return self.text() + (self.nth,)

    def __str__(self):
        return '%s:%d: %s\n    - %s\n    + %s' % (self.path, self.line, self.kind, self.before.strip(), self.after.strip())


def blank(text):
    """The text with comments, strings and preprocessor lines blanked, so that columns stay."""
    def spaces(match):
        return re.sub(r'[^\n]', ' ', match.group())
    text = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', spaces, text, flags=re.S)
    return re.sub(r'^#(?:[^\n]*\\\n)*[^\n]*', spaces, text, flags=re.M)


def family_of(name, codes):
    if name in codes:
        return 'code'
    if name.endswith('_VERDICT'):
        return 'verdict'
    for prefix in FAMILIES:
        if name.startswith('TLSM_' + prefix) and not name.endswith(('_MAX', '_COUNT')):
            return prefix
    return None


def families(code, codes):
    """The names of each family that a file uses, in order."""
    found = {}
    for name in sorted(set(re.findall(r'\bTLSM_[A-Z0-9_]+\b', code))):
        found.setdefault(family_of(name, codes), []).append(name)
    found.pop(None, None)
    return found


def following(names, name, but=()):
    """The next of `names` that is not in `but`; `name` itself where there is none."""
    at = names.index(name)
    return next((other for other in names[at + 1:] + names[:at] if other not in but), name)


def put(line, start, end, text):
    return line[:start] + text + line[end:]


def operators(line, code):
    for match in re.finditer(r'(?<= )(' + '|'.join(re.escape(o) for o in sorted(BINARY, key=len, reverse=True)) + r')(?=[ \n]|$)', code):
        for other in BINARY[match.group()]:
            yield 'operator', put(line, match.start(), match.end(), other)
    for match in re.finditer(r'\+\+|--', code):
        yield 'operator', put(line, match.start(), match.end(), '--' if match.group() == '++' else '++')
    for match in re.finditer(r'!(?!=)|~', code):
        yield 'operator', put(line, match.start(), match.end(), '')


def constants(line, code):
    for match in re.finditer(r'(?<![\w.])(\d+)(?:u|U|L|UL)?(?![\w.])', code):
        value = int(match.group(1))
        for other in ([1] if value == 0 else [0, 2] if value == 1 else [value + 1, value - 1]):
            yield 'constant', put(line, match.start(1), match.end(1), str(other))


def names(line, code, known, codes):
    there = re.findall(r'\bTLSM_[A-Z0-9_]+\b', code)
    for match in re.finditer(r'\bTLSM_[A-Z0-9_]+\b', code):
        family = known.get(family_of(match.group(), codes), [])
        if len(family) > 1:
            yield 'name', put(line, match.start(), match.end(), following(family, match.group(), there))


def condition_end(code, at):
    depth = 0
    for i in range(at, len(code)):
        depth += (code[i] == '(') - (code[i] == ')')
        if depth == 0:
            return i
    return None


def conditions(line, code):
    for match in re.finditer(r'\b(if|while) \(', code):
        end = condition_end(code, match.end() - 1)
        inner = line[match.end():end] if end is not None else None
        if inner:
            yield 'condition', put(line, match.end(), end, '0 && (' + inner + ')')
            if match.group(1) == 'if':
                yield 'condition', put(line, match.end(), end, '1 || (' + inner + ')')
    for match in re.finditer(r' \? ', code):
        yield 'condition', put(line, match.start(), match.end(), ' && 0 ? ')
        yield 'condition', put(line, match.start(), match.end(), ' || 1 ? ')
    match = re.match(r'\s+return ([^;]*[a-z(][^;]*);', code)
    if match:
        yield 'condition', put(line, match.start(1), match.end(1), '!(' + line[match.start(1):match.end(1)] + ')')


def statements(line, code):
    bare = code.strip()
    if re.match(r'\s+\S.*;$', code.rstrip()) and bare.count(';') == 1 and not DECLARES.match(bare) and \
            re.search(r'=|\(|\+\+|--', bare) and bare.count('(') == bare.count(')') and not bare.startswith(('&&', '||', '"', '(!')):
        indent = len(code) - len(code.lstrip())
        yield 'statement', put(line, indent, len(code.rstrip()), ';')


def in_source(path, text, codes):
    code = blank(text)
    known = families(code, codes)
    for number, (line, bare) in enumerate(zip(text.split('\n'), code.split('\n')), 1):
        if '_Static_assert' in bare or not bare.strip():
            continue
        seen = {line}
        made = [*operators(line, bare), *constants(line, bare), *names(line, bare, known, codes), *conditions(line, bare),
                *statements(line, bare)]
        for kind, changed in made:
            if changed not in seen:
                seen.add(changed)
                yield Mutant(path, number, kind, line, changed)


def values(lines, pattern, group):
    return sorted({match.group(group) for match in map(pattern.match, lines) if match})


def in_table(path, text):
    """Every cell of every row in turn gets the next value of its column; then every row what the next one has."""
    lines = text.split('\n')
    for pattern, groups in ((ROW, (4, 5, 6)), (EVENT, (2, 3)), (END, (3, 4))):
        halves = {match.group(1) for match in map(pattern.match, lines) if match} if pattern is ROW else {None}
        for half in sorted(halves, key=str):
            rows = [(i, pattern.match(line)) for i, line in enumerate(lines)]
            rows = [(i, match) for i, match in rows if match and half in (None, match.group(1))]
            column = {group: sorted({match.group(group) for _, match in rows}) for group in groups}
            for at, (i, match) in enumerate(rows):
                for group in groups:
                    changed = put(lines[i], match.start(group), match.end(group), following(column[group], match.group(group)))
                    yield Mutant(path, i + 1, 'cell', lines[i], changed)
                other = rows[at + 1][1] if at + 1 < len(rows) else match
                changed = lines[i]
                for group in reversed(groups):
                    changed = put(changed, match.start(group), match.end(group), other.group(group))
                if pattern is ROW and changed != lines[i]:
                    yield Mutant(path, i + 1, 'row', lines[i], changed)


def mutants(path, text, codes):
    made = in_table(path, text) if path.endswith('.def') else in_source(path, text, codes)
    made = sorted({(mutant.line, mutant.after): mutant for mutant in made}.values(), key=lambda mutant: mutant.line)
    seen = {}
    for mutant in made:
        lines = seen.setdefault(mutant.before.strip(), [])
        if mutant.line not in lines:
            lines.append(mutant.line)
        mutant.nth = lines.index(mutant.line)
    return made


def codes_of(text):
    return {'TLSM_' + match.group(2) for match in map(CODE.match, text.split('\n')) if match and match.group(1) == 'CODE'}
