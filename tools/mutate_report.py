# SPDX-License-Identifier: MIT
"""What became of the mutants: the table, what is explained, and the verdict."""
import json
import os

KILLERS = ['scenes', 'tests', 'shutdown', 'corpus', 'rows']
SURVIVORS_PERCENT = 2


def remember(path, mutant, fate):
    if path:
        with open(path, 'a', encoding='utf-8') as out:
            out.write(json.dumps([list(mutant.key()), list(fate)]) + '\n')


def known(path):
    """What earlier runs found of each mutant, by its key. Good while the oracles only grow."""
    if not path or not os.path.exists(path):
        return {}
    with open(path, encoding='utf-8') as file:
        return {tuple(key): tuple(fate) for key, fate in map(json.loads, file)}


class Explained:
    """test/mutate.explained: `FILE`, then `- the line`, `+ what the mutant makes of it` (any number of them), then the sentence."""

    def __init__(self, path):
        self.why = {}
        self.path = path
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                for paragraph in file.read().split('\n\n'):
                    self.take([line for line in paragraph.split('\n') if line.strip() and not line.startswith('#')])

    def take(self, lines):
        if not lines:
            return
        file, before, after, why = lines[0].strip(), None, [], []
        for line in lines[1:]:
            if line.startswith('- '):
                before = line[2:].strip()
            elif line.startswith('+ '):
                after.append(line[2:].strip())
            else:
                why.append(line.strip())
        sentence = ' '.join(why)
        if before is None or not after or len(sentence) < 20 or not sentence.endswith('.'):
            raise ValueError('%s: "%s" needs a line, what is made of it, and a sentence that says why' % (self.path, lines[0]))
        for made in after:
            self.why[(file, before, made)] = sentence

    def stale(self, made):
        there = {mutant.text() for mutant in made}
        return [key for key in self.why if key not in there]


def count(fates, path, *wanted):
    return sum(1 for mutant, fate in fates.items() if mutant.path == path and fate[0] in wanted)


def row(name, fates, left, path_of):
    chosen = [fate[0] for mutant, fate in fates.items() if path_of(mutant)]
    lived = [fate for fate in chosen if fate not in ('stillborn', 'identical')]
    survived = lived.count('survived')
    percent = '%.1f %%' % (100.0 * survived / len(lived)) if lived else ''
    return [name, str(len(lived)), str(chosen.count('identical'))] + [str(lived.count(k)) for k in KILLERS] + \
        [str(survived), percent, str(sum(1 for mutant in left if path_of(mutant)))]


def table(fates, left):
    """`left` are those that nothing judged: a run that was stopped, or a report on one."""
    paths = {mutant.path for mutant in list(fates) + left}
    rows = [['file', 'mutants', 'identical'] + KILLERS + ['survived', 'of them', 'not judged']]
    rows += [row('`%s`' % path, fates, left, lambda mutant, path=path: mutant.path == path) for path in sorted(paths)]
    return rows + [row('all', fates, left, lambda mutant: True)]


def as_text(rows):
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(rows[0]))]
    return '\n'.join('  '.join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths)))
                     for cells in rows)


def as_markdown(rows):
    lines = ['| ' + ' | '.join(cells) + ' |' for cells in rows]
    return '\n'.join([lines[0], '|---|' + '--:|' * (len(rows[0]) - 1)] + lines[1:])


def write(path, fates, left, explained):
    """Renews what lies between the two marks of the document."""
    survivors = sorted((mutant for mutant, fate in fates.items() if fate[0] == 'survived'), key=lambda m: (m.path, m.line))
    by_reason = {}
    for mutant in survivors:
        by_reason.setdefault(explained.why.get(mutant.text(), 'Not explained.'), []).append(mutant)
    lines = [as_markdown(table(fates, left)), '', '## What survives', '']
    for why, those in by_reason.items():
        lines += [why, '', '```diff'] + [text for m in those for text in ('  %s' % m.path, '- ' + m.before.strip(), '+ ' + m.after.strip())]
        lines += ['```', '']
    with open(path, encoding='utf-8') as file:
        head, _, rest = file.read().partition('<!-- generated: make mutate -->\n')
    tail = rest.partition('<!-- end generated -->')[2]
    with open(path, 'w', encoding='utf-8') as out:
        out.write(head + '<!-- generated: make mutate -->\n' + '\n'.join(lines) + '<!-- end generated -->' + tail)


def finish(options, made, fates, explained):
    left = [mutant for mutant in made if mutant not in fates]
    survivors = [mutant for mutant, fate in fates.items() if fate[0] == 'survived']
    lived = sum(1 for fate in fates.values() if fate[0] not in ('stillborn', 'identical'))
    unexplained = [mutant for mutant in survivors if mutant.text() not in explained.why]
    lives = {mutant.text() for mutant, fate in fates.items() if fate[0] in ('survived', 'identical')}
    wrong = [mutant for mutant in fates if mutant.text() in explained.why and mutant.text() not in lives]
    print(as_text(table(fates, left)))
    for mutant in unexplained:
        print('not explained  %s' % mutant)
    for mutant in wrong:
        print('explained, and killed by %s: %s' % (fates[mutant][0], mutant))
    if options.table:
        write(options.table, fates, left, explained)
    too_many = not options.only and len(survivors) * 100 > SURVIVORS_PERCENT * lived
    print('%d of %d survived, %d of them not explained' % (len(survivors), lived, len(unexplained)))
    return 1 if unexplained or wrong or too_many or (left and not options.report) else 0
