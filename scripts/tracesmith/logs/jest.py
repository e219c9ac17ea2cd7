"""
The console of jest (27 to 30), with and without --verbose.

With it, or with a single test file, all tests of a file stand below its heading as a tree; without it only those that
failed. What a test prints through `console` is indented below a heading of its own, and so it is told apart.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from tracesmith.logs.console import UnreadableLogError, check, check_most, counts, lines_of, plain
from tracesmith.runners.base import Reading

STATES = {"✓": "passed", "√": "passed", "✕": "failed", "\u00d7": "failed", "✗": "failed", "○": "skipped", "✎": "todo"}
WORDS = {"skipped": "skipped ", "todo": "todo "}
HEADING = re.compile(r" ?(PASS|FAIL) +(?:.* )?(\S+?)((?: \([\d.]+ (?:m?s|min|[kMG]?B heap size)\))*)")
RESULT = re.compile(rf"((?:  )+)([{''.join(STATES)}])(?: (.*))?")
SUITE = re.compile(r"((?:  )+)(\S.*)")
DETAIL = re.compile(r"  ● (\S.*)")
DURATION = re.compile(r" \([\d.]+ m?s\)$")
BROKEN = "Test suite failed to run"
CONSOLE = "Console"
ARROW = " \u203a "


@dataclass
class Suite:
    """What stands below the heading of one file."""

    path: str
    passed: bool
    tests: list[tuple[list[str], str]] = field(default_factory=list)
    """Titles and state of each test of the tree."""
    details: list[tuple[str, str]] = field(default_factory=list)
    """Titles, joined by arrows, and the first line of the message of what failed."""


def read(text: str) -> Reading:
    """Read a log; it is refused if its summary contradicts it."""
    lines = [plain(line) for line in lines_of(text)]
    end, files, tests = _summary(lines)
    repeated = [number for number in range(end) if lines[number] == "Summary of all failing tests"]
    suites = _suites(lines[: repeated[-1] if repeated else end])
    reading = Reading(clean=not files.get("failed") and not tests.get("failed"))
    states = Counter("passed" if suite.passed else "failed" for suite in suites)
    check("files", files, states, ("passed", "failed"))
    _broken(suites, reading)
    (_verbose if any(suite.tests for suite in suites) else _default)(suites, reading, tests)
    return reading


def _summary(lines: list[str]) -> tuple[int, dict[str, int], dict[str, int]]:
    """Return where the last summary stands, its files and its tests."""
    for number in range(len(lines) - 2, -1, -1):
        if lines[number].startswith("Test Suites: ") and lines[number + 1].startswith("Tests: "):
            return number, counts(lines[number]), counts(lines[number + 1])
    raise UnreadableLogError('no summary of jest ("Test Suites: ...") is in it: not a log of jest, or one cut off')


def _suites(lines: list[str]) -> list[Suite]:
    """Return what each file's heading is followed by."""
    suites: list[Suite] = []
    tree, stack = False, list[str]()
    for number, line in enumerate(lines):
        if heading := HEADING.fullmatch(line):
            suites.append(Suite(heading[2].removeprefix("./"), heading[1] == "PASS"))
            tree, stack = True, []
        elif detail := DETAIL.fullmatch(line):
            tree = False
            if suites and not suites[-1].passed and detail[1] != CONSOLE:
                suites[-1].details.append((detail[1], _message(lines[number + 1 :])))
        elif line == "":
            tree = False
        elif tree:
            _branch(line, suites[-1], stack)
    return suites


def _branch(line: str, suite: Suite, stack: list[str]) -> None:
    """Read a line of a tree: a test, or a suite above those that are indented further."""
    if found := RESULT.fullmatch(line):
        state = STATES[found[2]]
        title = found[3] or ""
        title = DURATION.sub("", f" {title}")[1:] if state in ("passed", "failed") else title
        title = title.removeprefix(WORDS.get(state, ""))
        suite.tests.append(([*stack[: len(found[1]) // 2 - 1], title], state))
    elif found := SUITE.fullmatch(line):
        del stack[len(found[1]) // 2 - 1 :]
        stack.append(found[2])


def _message(lines: list[str]) -> str:
    return next((line.strip() for line in lines if line.strip()), "")


def _broken(suites: list[Suite], reading: Reading) -> None:
    for suite in suites:
        for title, message in suite.details:
            if title == BROKEN:
                reading.broken.add(suite.path)
                reading.complaints[suite.path] = message


def _verbose(suites: list[Suite], reading: Reading, tests: dict[str, int]) -> None:
    """Fill a reading from trees; files whose tests were all left out have none."""
    for suite in suites:
        messages = [(title, message) for title, message in suite.details if title != BROKEN]
        for titles, state in suite.tests:
            place = next((number for number, item in enumerate(messages) if item[0] == ARROW.join(titles)), None)
            told = messages.pop(place)[1] if state == "failed" and place is not None else ""
            reading.add(suite.path, titles, state, told)
        if suite.path in reading.broken and not suite.tests:
            for title, message in messages:
                reading.add(suite.path, title.split(ARROW), "failed", message)
    found = Counter(reading.tests.values())
    # Of a file that failed as a whole only the failures are named.
    check("tests", tests, found, ("failed",) if reading.broken else ("passed", "failed"))
    check_most("tests passed", tests.get("passed", 0), found["passed"])
    check_most("tests skipped", tests.get("skipped", 0), found["skipped"])
    check_most("tests todo", tests.get("todo", 0), found["todo"])


def _default(suites: list[Suite], reading: Reading, tests: dict[str, int]) -> None:
    """Fill a reading from headings, and from what failed below them."""
    for suite in suites:
        reading.tests[suite.path] = "passed" if suite.passed else "failed"
    failed = 0
    for suite in suites:
        for title, message in suite.details:
            if title != BROKEN:
                reading.add(suite.path, title.split(ARROW), "failed", message)
                failed += 1
    check("tests", tests, {"failed": failed}, ("failed",))
