"""
The console of vitest (1 to 4), with its verbose and its default reporter.

The verbose one names every test. The default one names files, and of files with a failure some tests: what it names in
full is read, beside the files. What a test prints stands below a heading (`stdout | ...`) up to an empty line.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from tracesmith.logs.console import UnreadableLogError, check, check_most, counts, lines_of, plain
from tracesmith.runners.base import SEPARATOR, Reading

STATES = {"✓": "passed", "√": "passed", "\u00d7": "failed", "✗": "failed", "✕": "failed", "\u276f": "failed"}
STATES |= {"↓": "skipped", "□": "todo"}
RUN = re.compile(r" RUN +v(\d+)\.")
PRINTED = re.compile(r"(stdout|stderr) \| ")
RESULT = re.compile(rf" ([{''.join(STATES)}]) (?:\|[^|]+\| )?(\S.*)")
NESTED = re.compile(rf"   ([{''.join(STATES)}]) (\S.*)")
FILE = re.compile(r"(\S.*?) +\((\d+) tests?(?: \| [^()]*)?\)(?: +\d+m?s)?(?: \d+ MB heap used)?")
FAIL = re.compile(r" FAIL  (?:\|[^|]+\| )?(\S.*?)(?: \[ .* \])?")
SECTION = re.compile(r"⎯+ (Failed Suites|Failed Tests|Unhandled Errors?|Unhandled Rejection\w*) .*⎯+")
EXTRA = re.compile(r" +(?:\((?:retry|repeat) x\d+\)|\d+ MB heap used)$")
DURATION = re.compile(r" +(\d+)ms$")
# Before version 3 a test's time is only shown above this limit of vitest's configuration.
SLOW_MS = 300
FIRST_WITH_ALL_TIMES = 3
# Version 4 shows the tests of a file as a tree without the titles of its suites.
FIRST_WITH_TREE = 4


@dataclass
class Console:
    """What the parts of a log say."""

    version: int
    tests: list[tuple[str, str]] = field(default_factory=list)
    """Tests of the verbose reporter, each with its state."""
    files: dict[str, str] = field(default_factory=dict)
    """Files of the default reporter."""
    named: list[tuple[str, str]] = field(default_factory=list)
    """Tests that the default reporter names in full."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Tests below "Failed Tests", each with what went wrong."""
    broken: dict[str, str] = field(default_factory=dict)
    """Files below "Failed Suites", with what went wrong."""


def read(text: str) -> Reading:
    """Read a log; it is refused if its summary contradicts it."""
    lines = [plain(line) for line in lines_of(text)]
    end, files, tests = _summary(lines)
    start = next((number for number, line in enumerate(lines) if RUN.match(line)), 0)
    head = RUN.match(lines[start])
    console = Console(int(head[1]) if head else FIRST_WITH_TREE)
    sections = [number for number in range(start, end) if SECTION.fullmatch(lines[number])]
    _results(lines[start : sections[0] if sections else end], console)
    _failures(lines[sections[0] if sections else end : end], console)
    errors = any(re.fullmatch(r" +Errors  \d+ errors?", line) for line in lines[end:])
    clean = not errors and not files.get("failed") and not tests.get("failed")
    reading = Reading(broken=set(console.broken), complaints=dict(console.broken), clean=clean)
    if console.tests:
        _verbose(console, reading, tests)
    else:
        _default(console, reading, files, tests)
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
            if SEPARATOR in name:
                console.tests.append((_name(name, state, console.version), state))
            elif file:
                path = file[1]
                console.files[path] = state
        elif path and (found := NESTED.fullmatch(line)):
            _nested(path, STATES[found[1]], found[2], console)


def _nested(path: str, state: str, text: str, console: Console) -> None:
    """Read a test below its file, where it stands with all its titles, in version 1 also with its file."""
    name = _name(text, state, console.version if console.version < FIRST_WITH_ALL_TIMES else FIRST_WITH_ALL_TIMES)
    if not name.startswith(path + SEPARATOR):
        name = path + SEPARATOR + name
    console.named.append((name, state))


def _name(text: str, state: str, version: int) -> str:
    """Return the name in a result line, without the time, the retries and the memory behind it."""
    while EXTRA.search(text):
        text = EXTRA.sub("", text)
    time = DURATION.search(text)
    shown = time and state in ("passed", "failed") and (version >= FIRST_WITH_ALL_TIMES or int(time[1]) > SLOW_MS)
    return text[: time.start()] if time and shown else text


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


def _verbose(console: Console, reading: Reading, tests: dict[str, int]) -> None:
    """Fill a reading from a log that names every test; some versions leave out those that are skipped."""
    messages = dict(console.failed)
    for name, state in console.tests:
        _add(reading, name, state, messages.get(name, ""))
    found = Counter(reading.tests.values())
    check("tests", tests, found, ("passed", "failed"))
    check_most("tests skipped or to do", *_not_run(tests, found))


def _default(console: Console, reading: Reading, files: dict[str, int], tests: dict[str, int]) -> None:
    """Fill a reading from a log that names every file, and the tests that failed."""
    states = {**dict.fromkeys(console.broken, "failed"), **console.files}
    check("files", files, Counter(states.values()), ("passed", "failed"))
    reading.tests.update(states)
    messages = dict(console.failed)
    if console.version == FIRST_WITH_ALL_TIMES:
        for name, state in console.named:
            _add(reading, name, state, messages.get(name, ""))
    else:
        passed = [] if console.version >= FIRST_WITH_TREE else [item for item in console.named if item[1] != "failed"]
        for name, state in [*passed, *((name, "failed") for name, _ in console.failed)]:
            _add(reading, name, state, messages.get(name, ""))
    named = [state for name, state in reading.tests.items() if SEPARATOR in name]
    check("tests", tests, Counter(named), ("failed",))
    check_most("tests passed", tests.get("passed", 0), named.count("passed"))


def _not_run(said: dict[str, int], found: Counter[str]) -> tuple[int, int]:
    """Return how many tests did not run by the summary and by the log; before version 4 both have one sign."""
    return said.get("skipped", 0) + said.get("todo", 0), found["skipped"] + found["todo"]


def _add(reading: Reading, name: str, state: str, failure: str) -> None:
    path, *titles = name.split(SEPARATOR)
    reading.add(path, titles, state, failure)
