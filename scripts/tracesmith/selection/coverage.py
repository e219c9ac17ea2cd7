"""
Coverage of the pristine suite: which test files enter which function of which source, from one instrumented run.

It stands beside `environment.json` as the reference does, in the store `coverage`. Where all test files share one
process, each has a run of its own instead, in the same sandbox. The run is trusted as far as it says what the reference
says: a test file with another result, one that starts programs, and one that enters nothing though it imports are in
every selection; one that reads a source as text sees all of it. What is entered outside of a test file's own process
belongs to all of them.
"""

import logging
import secrets
from collections import defaultdict
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tracesmith import files, globs, prepared, scratch, stores, suites
from tracesmith.prepared import Environment, TestSettings
from tracesmith.references import Reference
from tracesmith.runners import RUNNERS
from tracesmith.runners.base import relative
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Sandbox
from tracesmith.selection import bodies, selfcontained
from tracesmith.selection.bodies import Body
from tracesmith.suites import SuiteRun

logger = logging.getLogger(__name__)

CODE_VERSION = 3
NAME = "coverage"
SELECTIONS = ("coverage", "related", "none")
"""Which test files run: those that enter what an edit changes, those that load its files, or all."""
SOURCES = (".ts", ".tsx", ".mts", ".cts")
SLOWER = 3
TEST_FILE = "TRACESMITH_TEST_FILE"
"""Names the one test file of a run to the preload."""


@dataclass(frozen=True)
class Seen:
    """Who enters a source file: test files by their numbers; ALL stands for what no single one can be blamed for."""

    module: list[int]
    bodies: list[list[int]]
    """In the order of `bodies.bodies_of`."""
    readers: list[int] = field(default_factory=list)
    """Who reads it as text, and so sees every edit."""


@dataclass(frozen=True)
class Coverage:
    """What the instrumented run saw."""

    tests: list[str]
    """Every test file, sorted; numbers of test files are places in this list."""
    always: list[int] = field(default_factory=list)
    sources: dict[str, Seen] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """Of the tests of each test file, in the instrumented run."""
    doubt: str = ""
    """Why it cannot be trusted at all; empty when it can."""


ALL = -1


@dataclass
class Hits:
    """What the processes of the run wrote."""

    by: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Test files by the number of what they entered; an empty name where there was none."""
    readers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Test files by the source that they read as text."""
    starters: set[str] = field(default_factory=set)
    """Test files that start programs, which are not watched."""
    is_shared: bool = False
    """Whether test files shared a process."""


def make(folder: Path, environment: Environment, reference: Reference, selection: str = "coverage") -> Coverage | None:
    """Return the coverage that belongs to an environment, from the store or made now; None where all test files run."""
    if selection == "none":
        return None
    store = stores.Store(folder / NAME)
    fingerprint = stores.fingerprint(NAME, CODE_VERSION, environment=environment.identity())
    with store.claim("1"):
        if not store.holds("1", fingerprint):
            found = measure(folder, environment, reference)
            with store.replace("1", fingerprint) as entry:
                (entry / "coverage.json").write_bytes(files.json_bytes(asdict(found)))
        found = _read(store.folder("1") / "coverage.json")
    logger.info("coverage: %s", found.doubt or f"{len(found.sources)} sources, {len(found.tests)} test files")
    return found if selection == "coverage" else related(found)


def related(known: Coverage) -> Coverage:
    """Return the coverage by which whoever loads a source sees every edit of it."""
    sources = {path: replace(seen, bodies=[seen.module] * len(seen.bodies)) for path, seen in known.sources.items()}
    return replace(known, sources=sources)


def sources_of(folder: Path, environment: Environment) -> dict[str, tuple[bytes, list[Body]]]:
    """Return the source files that can be instrumented, with their bodies: TypeScript that is no test."""
    root, found = folder / environment.source, {}
    for path in sorted(files.list_files(root)):
        is_source = path.endswith(SOURCES) and not path.endswith((".d.ts", ".d.mts", ".d.cts"))
        if not is_source or globs.matches(path, environment.test.globs) or (root / path).is_symlink():
            continue
        data = (root / path).read_bytes()
        listed = bodies.bodies_of(path, data)
        if listed is not None:
            found[path] = (data, listed)
    return found


def parse(text: str) -> Hits:
    """Read what the processes wrote; each begins with the test file that it runs."""
    hits, current = Hits(), ""
    for line in text.splitlines():
        if line.startswith("="):
            current = relative(line[1:])
        elif line.startswith("<"):
            hits.readers[relative(line[1:])].add(current)
        elif line == ">":
            hits.starters.add(current)
        elif line == "!":
            hits.is_shared = True
        elif line.isdigit():
            hits.by[int(line)].add(current)
    return hits


def _read(path: Path) -> Coverage:
    value: dict[str, Any] = files.read_json(path)
    return Coverage(**{**value, "sources": {name: Seen(**seen) for name, seen in value["sources"].items()}})


def measure(folder: Path, environment: Environment, reference: Reference) -> Coverage:
    """Run the instrumented suite and return what it shows."""
    stable = reference.stable
    tests = sorted({suites.test_file(test) for run in reference.runs for test in run.tests} | set(stable.broken_files))
    runner = RUNNERS[environment.test.runner]
    if not runner.coverage:
        return Coverage(tests, doubt=f"of {environment.test.runner} no coverage is measured")
    listed = sources_of(folder, environment)
    found, text = _run(folder, environment, listed, tests if runner.coverage_by_file else None)
    if found.outcome != "ran":
        return Coverage(tests, doubt=f"the instrumented suite ended with {found.outcome}")
    hits = parse(text)
    if hits.is_shared:
        return Coverage(tests, doubt="test files share a process (isolation is off)")
    if any("" in hits.readers[path] for path in listed):
        return Coverage(tests, doubt="a process that is no test file's reads the sources")
    return _join(folder / environment.source, tests, stable, found, hits, listed)


def _run(
    folder: Path,
    environment: Environment,
    listed: dict[str, tuple[bytes, list[Body]]],
    apart: list[str] | None,
) -> tuple[SuiteRun, str]:
    """
    Run the suite on instrumented sources; return what it said, and what its processes wrote.

    `apart` are the test files to run one after the other; None for one run of all.
    """
    preload = f"/tmp/tracesmith-coverage.{secrets.token_hex(8)}.cjs"  # noqa: S108 - a path inside the sandbox
    source = RUNNERS[environment.test.runner].coverage
    assert source  # noqa: S101 - the caller looked
    backend = prepared.open_backend(folder / "environment.json", environment)
    with scratch.folder() as work, backend.open() as box:
        first = 0
        for path, (data, found) in listed.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_bytes(bodies.instrument(data, found, first))
            first += len(found) + 1
        base.write_files(box, work, listed)
        base.write_file(box, preload, source.read_bytes())
        base.must(box, ["mkdir", "-p", f"{preload}.hits"])
        limit = SLOWER * environment.timeout_s
        if apart is None:
            suite = suites.run(box, environment.test, limit, preload=preload)
        else:
            suite = _together([_run_one(box, environment.test, limit, path, preload) for path in apart])
        return suite, base.must(box, ["find", f"{preload}.hits", "-type", "f", "-exec", "cat", "{}", "+"]).decode(
            "utf-8", "replace"
        )


def _run_one(box: Sandbox, test: TestSettings, limit_s: float, path: str, preload: str) -> SuiteRun:
    named = replace(test, environment={**test.environment, TEST_FILE: f"{base.TESTBED}/{path}"})
    return suites.run(box, named, limit_s, only=[path], preload=preload)


def _together(found: list[SuiteRun]) -> SuiteRun:
    """Return what runs of single test files say together; one that did not run has no tests here."""
    ran = [one for one in found if one.outcome == "ran"]
    return SuiteRun(
        "ran" if ran else "no_tests",
        {test: state for one in ran for test, state in one.tests.items()},
        broken_files=sorted({path for one in ran for path in one.broken_files}),
        file_seconds={path: seconds for one in ran for path, seconds in one.file_seconds.items()},
    )


def _join(
    root: Path,
    tests: list[str],
    stable: SuiteRun,
    found: SuiteRun,
    hits: Hits,
    listed: dict[str, tuple[bytes, list[Body]]],
) -> Coverage:
    number = {test: place for place, test in enumerate(tests)}
    entering = set().union(*hits.by.values()) if hits.by else set()
    idle = set(tests) - entering
    always = {test for test in idle if not selfcontained.is_closed(test, (root / test).read_bytes())}
    always |= hits.starters & set(tests)
    always |= {suites.test_file(test) for test, state in stable.tests.items() if found.tests.get(test) != state}
    always |= set(found.broken_files) & set(tests)
    sources, first = {}, 0
    for path, (_, inner) in listed.items():
        who = [sorted({number.get(test, ALL) for test in hits.by[first + place]}) for place in range(len(inner) + 1)]
        sources[path] = Seen(who[0], who[1:], sorted(number[test] for test in hits.readers[path] if test in number))
        first += len(inner) + 1
    return Coverage(tests, sorted(number[test] for test in always if test in number), sources, found.file_seconds)
