"""What the runners share: what one is, test ids, and the reading that a report becomes."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePosixPath

from tracesmith.sandboxes.base import TESTBED

SEPARATOR = " > "
MOST_LINES = 3
COLOUR = re.compile("\x1b\\[[0-9;]*m")


@dataclass(frozen=True)
class Invocation:
    """A command in the sandbox and the environment variables it gets."""

    command: list[str]
    environment: dict[str, str]


@dataclass
class Reading:
    """What a report says; filled by the reader of each runner."""

    tests: dict[str, str] = field(default_factory=dict)
    """State of each test by its id: passed, failed, skipped or todo."""
    failures: dict[str, str] = field(default_factory=dict)
    """What went wrong, for each test that failed: one line."""
    broken: set[str] = field(default_factory=set)
    """Test files that failed as a whole."""
    complaints: dict[str, str] = field(default_factory=dict)
    """What the runner said of a broken file, where it said something: one line."""
    seconds: dict[str, float] = field(default_factory=dict)
    """What the tests of each file took, where the report says it."""
    clean: bool = True
    """Whether the report itself calls the run a success."""

    def add(self, path: str, titles: Sequence[str], state: str, failure: str = "") -> None:
        """Record a test under its id; a repeated id in a file is numbered."""
        name = identify(relative(path), titles, self.tests)
        self.tests[name] = state
        if state == "failed":
            self.failures[name] = failure


@dataclass(frozen=True)
class Driver:
    """A program of ours that runs several candidates with one runner (see `validation/warming.py`)."""

    program: Path
    helpers: Sequence[Path]
    """The files that stand beside it."""
    begins: Sequence[str]
    """How the words of a profile's command begin, after its program, which is named like the runner."""
    flags: Sequence[str]
    """What the program gets after the words of the profile's command."""
    is_one_process: bool = False
    """Whether tests run in the driver itself: no test file has a process of its own, and a loop ends the driver."""

    def understands(self, runner: str, command: Sequence[str]) -> bool:
        """Tell whether a profile's command is the runner itself, and no other program that starts it."""
        words = command[1 : 1 + len(self.begins)]
        return PurePosixPath(command[0]).stem == runner and list(words) == list(self.begins)


WARM = Path(__file__).with_name("warm.mjs")
"""What all drivers share."""


@dataclass(frozen=True)
class Runner:
    """One test runner."""

    invoke: Callable[[Sequence[str], Mapping[str, str], str], Invocation]
    """Turn a profile's command and variables, and the path of the report, into what writes the report."""
    read: Callable[[bytes, int], Reading | None]
    """Read a report and the exit code; None when the report is none, or not that of a run that ended so."""
    shell_line: Callable[[Sequence[str]], str]
    """Turn a profile's command into a line whose output counts the tests but holds no durations."""
    reads: Sequence[str]
    """Globs of what the runner itself reads beside the tests: its configuration and its snapshots."""
    ended: Collection[int] = (0, 1)
    """With any other exit code the runner did not end by itself, and a report may be somebody else's."""
    reporter: Path | None = None
    """A reporter of ours; it stands at `reporter_path(report)` in the sandbox and writes the report."""
    shuffle: Callable[[Invocation, int, str], Invocation] | None = None
    """
    Turn an invocation with its report into one that runs the test files in another order, which a number decides.

    None where the runner has but one order.
    """
    select: Callable[[Invocation, Sequence[str]], Invocation] | None = None
    """Turn an invocation into one of some test files, by their absolute paths; None where the runner runs all."""
    driver: Driver | None = None
    """What runs several candidates with one runner; None where there is none."""
    coverage: Path | None = None
    """A preload of ours for a run whose sources are instrumented; None where what it says cannot be trusted."""
    coverage_by_file: bool = False
    """Whether each test file needs a run of its own to be told from the others; `select` chooses it."""
    sequencer: Path | None = None
    """A module of ours that `shuffle` needs; it stands at `sequencer_path(report, number)` in the sandbox."""

    def reporter_path(self, report: str) -> str:
        """Return where the reporter stands; it finds the report's path by its own."""
        return report + (self.reporter.suffix if self.reporter else "")

    def sequencer_path(self, report: str, order: int) -> str:
        """Return where the sequencer stands; it reads the order from its name."""
        return f"{report}.{order}{self.sequencer.suffix if self.sequencer else ''}"


def identify(path: str, titles: Sequence[str], taken: Collection[str]) -> str:
    """Return a test's id; `taken` are the ids so far."""
    name = SEPARATOR.join([path, *(title for title in titles if title)])
    numbered = (f"{name} [{number}]" for number in count(2))
    return next(other for other in numbered if other not in taken) if name in taken else name


def relative(path: str) -> str:
    """Return a path inside the repository relative to it."""
    found = PurePosixPath(path)
    return str(found.relative_to(TESTBED)) if found.is_relative_to(TESTBED) else path


def first_line(message: str) -> str:
    """Return the first line of a failure."""
    return message.strip().partition("\n")[0]


def headline(message: str) -> str:
    """
    Return the first few lines of a failure as one, without the stack: node:assert puts its values on later lines.

    Colours and jest's titles, such as "● Test suite failed to run", are left out.
    """
    lines: list[str] = []
    for line in COLOUR.sub("", message).splitlines():
        if line.lstrip().startswith("at ") or len(lines) == MOST_LINES:
            break
        if line.strip() and not line.lstrip().startswith("●"):
            lines.append(line.strip())
    return " ".join(lines)
