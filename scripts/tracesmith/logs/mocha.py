"""
The console of mocha (8 to 11), with its spec reporter.

It names no file: a test is called by its titles alone. What a test prints stands among the results as it is. With
colours it is told apart, since results have some; without them by its indent and, for a failure, by its number.
"""

import re
from dataclasses import dataclass, field

from tracesmith.logs.console import CONTROL, UnreadableLogError, check, lines_of, plain
from tracesmith.runners.base import SEPARATOR, Reading

PASSING = re.compile(r"  (\d+) passing \(\S+\)")
OTHERS = re.compile(r"  (\d+) (pending|failing)")
PASSED = re.compile(r"((?:  )+)[✓✔√](?: (.*?))??(?: \(\d+ms\))?")
FAILED = re.compile(r"((?:  )+)(\d+)\) (.*)")
SKIPPED = re.compile(r"((?:  )+)- (.*)")
# A line of spaces is a suite without a title.
SUITE = re.compile(r"((?:  )+)(\S.*|)")
HOOK = re.compile(r'"(before|after) (all|each)" hook\b.*')
WORDS = {"passing": "passed", "pending": "skipped", "failing": "failed"}
MARGIN = 7


@dataclass
class Tree:
    """The results of a log, while they are read."""

    stack: list[str] = field(default_factory=list)
    tests: list[tuple[list[str], str]] = field(default_factory=list)
    """Titles and state of each test."""
    failures: list[list[str]] = field(default_factory=list)
    """Titles of each failure by its number, hooks included."""
    closed: bool = True
    """Whether a suite outside of all others may begin: only after an empty line, or where no suite is open."""


def read(text: str) -> Reading:
    """Read a log; it is refused if its summary or its list of failures contradicts it."""
    lines = lines_of(text)
    end = _summary(lines)
    tree = Tree()
    coloured = "\x1b[" in lines[end]
    for line in lines[:end]:
        if not coloured or "\x1b[" in line or plain(line) == "":
            _branch(CONTROL.sub("", line), tree)
    after = [plain(line) for line in lines[end:]]
    said = _numbers(after)
    listed = _listed(after)
    _compare(tree, listed, said)
    messages = [message for (titles, message) in listed if not HOOK.fullmatch(titles[-1])]
    reading = Reading(clean=not said.get("failed"))
    for titles, state in tree.tests:
        reading.add(titles[0], titles[1:], state, messages.pop(0) if state == "failed" else "")
    return reading


def _summary(lines: list[str]) -> int:
    """Return where the last summary stands."""
    for number in range(len(lines) - 1, 0, -1):
        before = [plain(line) for line in lines[max(number - 2, 0) : number]]
        if PASSING.fullmatch(plain(lines[number])) and before == ["", ""]:
            return number
    raise UnreadableLogError(
        'no summary of mocha ("... passing") is in it: not a log of mocha\'s spec reporter, or one cut off'
    )


def _numbers(lines: list[str]) -> dict[str, int]:
    """Return the numbers of a summary, whose lines stand together."""
    passing = PASSING.fullmatch(lines[0])
    said = {"passed": int(passing[1]) if passing else 0}
    for line in lines[1:]:
        found = OTHERS.fullmatch(line)
        if not found:
            break
        said[WORDS[found[2]]] = int(found[1])
    return said


def _branch(line: str, tree: Tree) -> None:
    """Read a line of the results: a test, or a suite above those that are indented further."""
    if line == "":
        tree.closed = True
    elif found := PASSED.fullmatch(line):
        _test(tree, found[1], found[2] or "", "passed")
    elif (found := FAILED.fullmatch(line)) and int(found[2]) == len(tree.failures) + 1:
        tree.failures.append([*tree.stack[: len(found[1]) // 2 - 1], found[3]])
        if not HOOK.fullmatch(found[3]):
            _test(tree, found[1], found[3], "failed")
    elif found := SKIPPED.fullmatch(line):
        _test(tree, found[1], found[2], "skipped")
    elif found := SUITE.fullmatch(line):
        depth = len(found[1]) // 2 - 1
        if depth <= len(tree.stack) and (depth or tree.closed):
            tree.stack[depth:] = [found[2]]
            tree.closed = False


def _test(tree: Tree, indent: str, title: str, state: str) -> None:
    depth = len(indent) // 2 - 1
    if depth <= len(tree.stack):
        tree.tests.append(([*tree.stack[:depth], title], state))


def _listed(lines: list[str]) -> list[tuple[list[str], str]]:
    """Return the titles of each failure of the list behind the summary, with the first line of its message."""
    found: list[tuple[list[str], str]] = []
    for number, line in enumerate(lines):
        head = f"  {len(found) + 1}) "
        if line.startswith(head):
            titles = [line.removeprefix(head)]
            for deeper in lines[number + 1 :]:
                margin = MARGIN + 2 * (len(titles) - 1)
                if len(deeper) - len(deeper.lstrip(" ")) != margin:
                    break
                titles.append(deeper.strip())
            message = lines[number + len(titles)] if number + len(titles) < len(lines) else ""
            found.append(([*titles[:-1], titles[-1].removesuffix(":")], message.strip()))
    return found


def _compare(tree: Tree, listed: list[tuple[list[str], str]], said: dict[str, int]) -> None:
    """Refuse a log whose parts contradict each other."""
    found = {state: sum(state == other for _, other in tree.tests) for state in ("passed", "skipped")}
    found["failed"] = len(tree.failures)
    check("tests", said, found, ("passed", "skipped", "failed"))
    if len(listed) < len(tree.failures):
        raise UnreadableLogError(
            f"{len(tree.failures)} failures are named and {len(listed)} are listed behind them: cut off"
        )
    for number, (titles, (others, _)) in enumerate(zip(tree.failures, listed, strict=False), 1):
        if titles != others:
            raise UnreadableLogError(
                f"failure {number} is {SEPARATOR.join(titles)!r} among the results and {SEPARATOR.join(others)!r} "
                "in the list behind them: text that looks like results was printed; use the runner's JSON report"
            )
