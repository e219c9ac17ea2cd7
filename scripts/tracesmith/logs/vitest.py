"""
The console of vitest (1 to 4), with its verbose and its default reporter.

The verbose one names every test. The default one names files, and of files with a failure some tests: what it names in
full is read, beside the files. What a test prints stands below a heading (`stdout | ...`) up to an empty line.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tracesmith.logs.console import UnreadableLogError, check, check_most, counts, lines_of, plain
from tracesmith.runners.base import SEPARATOR, Reading, identify

STATES = {"✓": "passed", "√": "passed", "\u00d7": "failed", "✗": "failed", "✕": "failed", "\u276f": "failed"}
STATES |= {"↓": "skipped", "□": "todo"}
RUN = re.compile(r" RUN +v(\d+)\.")
PRINTED = re.compile(r"(stdout|stderr) \| ")
RESULT = re.compile(rf" ([{''.join(STATES)}]) (?:\|[^|]+\| )?(\S.*)")
NESTED = re.compile(rf"   ([{''.join(STATES)}]) (\S.*)")
FILE = re.compile(r"(\S.*?) +\((\d+) tests?(?: \| [^()]*)?\)(?: +\d+m?s)?(?: \d+ MB heap used)?")
FAIL = re.compile(r" FAIL  (?:\|[^|]+\| )?(\S.*?)(?: \[ .* \])?")
SECTION = re.compile(r"⎯+ (Failed Suites|Failed Tests|Unhandled Errors?|Unhandled Rejection\w*) .*⎯+")
# With colours the name of a project has a background instead of bars, and so has the word FAIL before it.
BADGE = re.compile("(?<=. )\x1b\\[30m\x1b\\[4\\dm ([^\x1b]+) (?=\x1b)")
EXTRA = re.compile(r" +(?:\((?:retry|repeat) x\d+\)|\d+ MB heap used)$")
DURATION = re.compile(r" +(\d+)ms$")
# Of a test that was skipped while it ran: the time, and why.
SKIPPED = re.compile(r" +\d+ms(?: \[.*\])?$")
# Before version 3 a test's time is only shown above this limit of vitest's configuration.
SLOW_MS = 300
FIRST_WITH_ALL_TIMES = 3
# Below a file of the default reporter every test has its time from here on.
FIRST_WITH_TIMES_BELOW_FILES = 2


@dataclass
class Console:
    """What the parts of a log say."""

    tests: list[tuple[str, str]] = field(default_factory=list)
    """Lines of tests of the verbose reporter, each with its state; times still stand in them."""
    files: list[tuple[str, str]] = field(default_factory=list)
    """Files of the default reporter; one that several projects share stands there several times."""
    named: list[tuple[str, str]] = field(default_factory=list)
    """Lines of tests that the default reporter names in full, with their file."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Tests below "Failed Tests", each with what went wrong."""
    broken: dict[str, str] = field(default_factory=dict)
    """Files below "Failed Suites", with what went wrong."""


def read(text: str) -> Reading:
    """Read a log; it is refused if its summary contradicts it."""
    lines = [plain(BADGE.sub(r"|\1|", line)) for line in lines_of(text)]
    end, files, tests = _summary(lines)
    start = next((number for number, line in enumerate(lines) if RUN.match(line)), 0)
    head = RUN.match(lines[start])
    version = int(head[1]) if head else FIRST_WITH_ALL_TIMES
    console = Console()
    sections = [number for number in range(start, end) if SECTION.fullmatch(lines[number])]
    _results(lines[start : sections[0] if sections else end], console)
    _failures(lines[sections[0] if sections else end : end], console)
    errors = any(re.fullmatch(r" +Errors  \d+ errors?", line) for line in lines[end:])
    clean = not errors and not files.get("failed") and not tests.get("failed")
    reading = Reading(broken=set(console.broken), complaints=dict(console.broken), clean=clean)
    if console.tests:
        _verbose(console, version, reading, tests)
    else:
        _default(console, version, reading, files, tests)
    return reading


def _summary(lines: list[str]) -> tuple[int, dict[str, int], dict[str, int]]:
    """Return where the last summary stands, its files and its tests."""
    for number in range(len(lines) - 2, -1, -1):
        if re.match(r" Test Files  ", lines[number]) and re.match(r"      Tests  ", lines[number + 1]):
            return number, counts(lines[number]), counts(lines[number + 1])
    raise UnreadableLogError('no summary of vitest ("Test Files ...") is in it: not a log of vitest, or one cut off')


def _results(lines: list[str], console: Console) -> None:
    """Read the lines above the failures."""
    printed, path = False, None
    for line in lines:
        printed = bool(PRINTED.match(line)) or (printed and line != "")
        if printed:
            continue
        if found := RESULT.fullmatch(line):
            state, name = STATES[found[1]], found[2]
            file = FILE.fullmatch(name)
            if SEPARATOR in f"{name} ":
                console.tests.append((name, state))
            elif file:
                path = file[1]
                console.files.append((path, state))
        elif path and (found := NESTED.fullmatch(line)):
            name = found[2] if found[2].startswith(path + SEPARATOR) else path + SEPARATOR + found[2]
            console.named.append((name, STATES[found[1]]))


def _name(text: str, state: str, every_time: bool) -> str:
    """Return the name in a line of a test, without the time, the retries and the memory behind it."""
    while EXTRA.search(text):
        text = EXTRA.sub("", text)
    if state in ("skipped", "todo"):
        return SKIPPED.sub("", text)
    time = DURATION.search(text)
    return text[: time.start()] if time and (every_time or int(time[1]) > SLOW_MS) else text


def _every_time(lines: list[tuple[str, str]], version: int) -> bool:
    """Tell whether each test that ran has its time; the few titles with a line break have it further below."""
    ran = [line for line, state in lines if state in ("passed", "failed")]
    timed = sum(bool(DURATION.search(EXTRA.sub("", line))) for line in ran)
    return version >= FIRST_WITH_ALL_TIMES and 2 * timed >= len(ran)


def _failures(lines: list[str], console: Console) -> None:
    """Read the headings of the failures; several may stand above one message."""
    section, names = "", list[str]()
    for line in lines:
        if head := SECTION.fullmatch(line):
            section, names = head[1], []
        elif found := FAIL.fullmatch(line):
            names.append(found[1])
        elif names:
            for name in names:
                if section == "Failed Tests":
                    console.failed.append((name, line.strip()))
                elif section == "Failed Suites":
                    console.broken.setdefault(name.split(SEPARATOR)[0], line.strip())
            names = []


def _verbose(console: Console, version: int, reading: Reading, tests: dict[str, int]) -> None:
    """Fill a reading from a log that names every test; some versions leave out those that are skipped."""
    every_time = _every_time(console.tests, version)
    messages = dict(console.failed)
    for line, state in console.tests:
        _add(reading, _name(line, state, every_time), state, messages)
    found = Counter(reading.tests.values())
    check("tests", tests, found, ("passed", "failed"))
    check_most("tests skipped or to do", *_not_run(tests, found))


def _default(console: Console, version: int, reading: Reading, files: dict[str, int], tests: dict[str, int]) -> None:
    """Fill a reading from a log that names every file, and the tests that failed."""
    listed = {path for path, _ in console.files}
    states = [*console.files, *((path, "failed") for path in console.broken if path not in listed)]
    check("files", files, Counter(state for _, state in states), ("passed", "failed"))
    for path, state in states:
        reading.tests[identify(path, [], reading.tests)] = state
    # Brackets behind a skipped test are a part of its title or the reason why it is skipped: such tests are left out.
    lines = [item for item in console.named if item[1] != "skipped" or not item[0].endswith("]")]
    named = [(_name(line, state, version >= FIRST_WITH_TIMES_BELOW_FILES), state) for line, state in lines]
    if sum(state == "failed" for _, state in named) != len(console.failed):
        # Version 4 has a tree without the titles of suites: only tests outside of all suites stand there in full.
        named = [item for item in named if item[1] != "failed"] + [(name, "failed") for name, _ in console.failed]
    for name, state in named:
        _add(reading, name, state, dict(console.failed))
    found = Counter(state for _, state in named)
    check("tests", tests, found, ("failed",))
    check_most("tests passed", tests.get("passed", 0), found["passed"])


def _not_run(said: dict[str, int], found: Counter[str]) -> tuple[int, int]:
    """Return how many tests did not run by the summary and by the log; before version 4 both have one sign."""
    return said.get("skipped", 0) + said.get("todo", 0), found["skipped"] + found["todo"]


def _add(reading: Reading, name: str, state: str, messages: Mapping[str, str]) -> None:
    path, *titles = name.removesuffix(SEPARATOR.rstrip()).rstrip().split(SEPARATOR)
    reading.add(path, titles, state, messages.get(name, ""))
