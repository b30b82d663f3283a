# SPDX-License-Identifier: ISC
"""What was reached, from the export of llvm-cov; and whether each branch that wasn't has its reason.

    report.py total WORDS EXPORT            a line: lines and branches, in percent
    report.py files EXPORT                  a line for each file
    report.py gaps EXPORT REASONS OUT       holds the branches never taken against the reasons

A branch is one side of a condition, T (true) or F (false). OUT gets every one that was never taken,
with its line. A line of REASONS (tests/coverage.gaps; # begins a comment) explains some of a function:

    FILE FUNCTION: T `condition`, F `another`, TF `a third`: why

The condition is the source's text with blanks for line ends; ... in it stands for anything, and alone for
each of the function. T? is a branch that is taken at times (a race). Whatever has no line, and each line
that explains nothing, is printed, and the status is 1.
"""
import collections
import json
import os
import re
import sys

SIDES = ("T", "F")
ITEM = re.compile(r"(TF|T|F)(\??) `([^`]+)`(?:, )?")


class Branch(collections.namedtuple("Branch", "file function side text")):
    def __str__(self):
        return "%s %s: %s `%s`" % self


def ours(name):
    return re.match(r"(src|compat)/[a-z0-9_]+\.c$", name)


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)["data"][0]


def source(name, cache={}):
    if name not in cache:
        with open(name, encoding="utf-8") as f:
            cache[name] = f.read().split("\n")
    return cache[name]


def text(name, line, column, last, end):
    rows = source(name)[line - 1:last]
    rows[-1] = rows[-1][:end - 1]
    rows[0] = rows[0][column - 1:]
    return re.sub(r"\s+", " ", " ".join(rows)).strip()


def branches(export):
    """{(file, function, position): [times true, times false]}, of all programs together."""
    found = {}
    for function in export["functions"]:
        name = re.sub(".*[:;]", "", function["name"])
        # A test may give a function another name.
        name = re.sub("^(small|heap|theirs)_", "", name)
        for branch in function["branches"]:
            file = os.path.relpath(os.path.normpath(function["filenames"][branch[6]]))
            if not ours(file):
                continue
            counts = found.setdefault((file, name, tuple(branch[:4])), [0, 0])
            for i in range(2):
                counts[i] += branch[4 + i]
    return found


def lines(export):
    """{file: [reached, all]}."""
    return {name: [s["covered"], s["count"]] for name, s in
            ((os.path.relpath(os.path.normpath(f["filename"])), f["summary"]["lines"])
             for f in export["files"]) if ours(name)}


def count(export):
    """{file: [lines reached, lines, branches taken, branches]}."""
    rows = {name: row + [0, 0] for name, row in lines(export).items()}
    for (file, _, _), counts in branches(export).items():
        rows[file][2] += sum(c > 0 for c in counts)
        rows[file][3] += 2
    return rows


def show(name, reached, of, taken, sides):
    print("%-28s %6.2f %% of %5d lines %6.2f %% of %5d branches, %4d never taken" %
          (name, 100 * reached / (of or 1), of, 100 * taken / (sides or 1), sides, sides - taken))


def total(words, path):
    show(words, *(sum(c) for c in zip(*count(load(path)).values())))


def files(path):
    for name, row in sorted(count(load(path)).items()):
        show(name, *row)


class Reason:
    """An item of a line: the branches of a function that it explains."""
    def __init__(self, number, file, function, sides, optional, condition):
        self.number, self.file, self.function = number, file, function
        self.sides, self.optional, self.condition = sides, optional, condition
        self.pattern = re.compile(".*".join(re.escape(p) for p in condition.split("...")) + "$", re.S)
        self.used = set()

    def explains(self, branch):
        if (branch.file, branch.function) != (self.file, self.function) or \
                branch.side not in self.sides or not self.pattern.match(branch.text):
            return False
        self.used.add(branch.side)
        return True

    def idle(self):
        return not self.optional and bool(set(self.sides) - self.used)

    def __str__(self):
        return "%s %s: %s `%s`" % (self.file, self.function,
                                   "".join(s for s in self.sides if s not in self.used), self.condition)


def reasons(path):
    found = []
    with open(path, encoding="utf-8") as f:
        for number, row in enumerate(f, 1):
            if row.startswith("#") or not row.strip():
                continue
            head = re.match(r"(\S+) ([a-z0-9_]+): ", row)
            at = head.end() if head else 0
            items = []
            while item := ITEM.match(row, at):
                items.append(Reason(number, *head.groups(), *item.groups()))
                at = item.end()
            if not items or not re.match(": \\S.*\\S$", row[at:].rstrip("\n")):
                raise SystemExit("%s:%d: can't be read: %s" % (path, number, row.rstrip()))
            found += items
    return found


def gaps(path, reasons_path, out):
    never = collections.defaultdict(list)
    for (file, function, place), counts in branches(load(path)).items():
        for side, times in zip(SIDES, counts):
            if times == 0:
                never[Branch(file, function, side, text(file, *place))].append(place[0])
    known = reasons(reasons_path)
    bare = 0
    with open(out, "w", encoding="utf-8") as f:
        for branch, rows in sorted(never.items(), key=lambda r: (r[0].file, min(r[1]))):
            for row in sorted(rows):
                f.write("%s:%d: %s: never %s: %s\n" %
                        (branch.file, row, branch.function, branch.side, branch.text))
            # Each that could: a line that isn't needed beside another is found when that goes.
            if not [r for r in known if r.explains(branch)]:
                print("no reason: %s" % (branch,))
                bare += len(rows)
    idle = [r for r in known if r.idle()]
    for reason in idle:
        print("no gap: %s:%d: %s" % (reasons_path, reason.number, reason))
    print("%d branches never taken; %d of them without a reason, %d reasons without a branch" %
          (sum(map(len, never.values())), bare, len(idle)))
    return 1 if bare or idle else 0


sys.exit({"total": total, "files": files, "gaps": gaps}[sys.argv[1]](*sys.argv[2:]))
