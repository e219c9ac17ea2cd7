"""Choose the test files that can see a patch; where that is in doubt, the whole suite."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tracesmith import patches
from tracesmith.errors import InputError
from tracesmith.patches import FilePatch
from tracesmith.selection import bodies, edits
from tracesmith.selection.coverage import ALL, Coverage, Seen
from tracesmith.suites import SuiteRun, test_file

# Of a patch without text hunks, or that does more than its hunks say.
BEYOND_TEXT = ("rename ", "copy ", "old mode ", "new mode ", "GIT binary patch", "Binary files ")


@dataclass(frozen=True)
class Selection:
    """The test files to run for a patch."""

    files: list[str] | None
    """Sorted; None for the whole suite."""
    importers: list[str] | None
    """Those to run when a source may not compile any more: then the edit is seen by all that load it."""
    why: str = ""
    """Why it is the whole suite."""
    changed: dict[str, bytes] = field(default_factory=dict)
    """The files of the patch, as they are after it."""
    loaders: list[set[str]] = field(default_factory=list)
    """The test files that load each file of the patch."""


def whole(why: str) -> Selection:
    """Return the whole suite and the reason."""
    return Selection(None, None, why)


def choose(coverage: Coverage, source: Path, patch: str, name: str) -> Selection:
    """Return the test files that can see a patch of the pristine tree in a folder; `name` is the patch's in errors."""
    if why := coverage.doubt or _beyond(patch):
        return whole(why)
    try:
        changed = patches.parse(patch, name)
    except InputError:
        return whole("the patch is no unified diff")
    wanted, loading = set(coverage.always), set(coverage.always)
    after: dict[str, bytes] = {}
    loaders = []
    for file in changed:
        seen = coverage.sources.get(file.before or "") if file.before == file.after else None
        if seen is None or not seen.module:
            return whole(f"no instrumented run saw {file.before or file.after}")
        entering = _entering(source, file, seen, after)
        if entering is None:
            return whole(f"the hunks do not fit {file.before}")
        # An edit that no test enters may still keep the file from being compiled: one that loads it tells.
        wanted |= entering or {_quickest(coverage, seen.module)}
        wanted |= set(seen.readers)
        loading |= set(seen.module)
        loaders.append({coverage.tests[number] for number in seen.module if number != ALL})
    if ALL in wanted:
        return whole("it is entered outside of test files")
    importers = None if ALL in loading else _names(coverage, loading)
    return Selection(_names(coverage, wanted), importers, changed=after, loaders=loaders)


def merge(reference: SuiteRun, found: SuiteRun, selected: Iterable[str]) -> SuiteRun:
    """Return the run of the whole suite that a run of selected files stands for: the others are as in the reference."""
    if found.outcome != "ran":
        return found
    ran = set(selected)
    tests = {test: state for test, state in reference.tests.items() if test_file(test) not in ran}
    failures = {test: line for test, line in reference.failures.items() if test in tests}
    own = {test: state for test, state in found.tests.items() if test_file(test) in ran}
    said = {test: line for test, line in found.failures.items() if test in own}
    broken = sorted((set(reference.broken_files) - ran) | (set(found.broken_files) & ran))
    return replace(found, tests={**tests, **own}, failures={**failures, **said}, broken_files=broken)


def seconds(own: Mapping[str, float], count: int, whole_s: float, selected: Sequence[str]) -> float:
    """
    Estimate what selected files take of the whole suite's time: their own tests', and a file's share of the rest.

    `own` has the seconds of the tests of each file, of which there are `count`.
    """
    rest = max(0.0, whole_s - sum(own.values()))
    return sum(own.get(path, 0.0) for path in selected) + rest * len(selected) / max(1, count)


def _beyond(patch: str) -> str:
    beyond = any(line.startswith(BEYOND_TEXT) for line in patch.split("\n"))
    return "the patch does more than change lines" if beyond else ""


def _entering(source: Path, file: FilePatch, seen: Seen, changed: dict[str, bytes]) -> set[int] | None:
    path = str(file.before)
    data = (source / path).read_bytes()
    changes = edits.edits_of(file, data)
    if changes is None:
        return None
    before = bodies.bodies_of(path, data) or []
    changed[path] = edits.apply(data, changes)
    after = bodies.bodies_of(path, changed[path])
    owners = edits.owners(changes, before, after) if after is not None else {edits.MODULE}
    return {who for owner in owners for who in (seen.module if owner == edits.MODULE else seen.bodies[owner])}


def _quickest(coverage: Coverage, numbers: Iterable[int]) -> int:
    return min(numbers, key=lambda place: (place, 0.0) if place == ALL else (0, _own(coverage, place)))


def _own(coverage: Coverage, place: int) -> float:
    return coverage.seconds.get(coverage.tests[place], 0.0)


def _names(coverage: Coverage, numbers: Iterable[int]) -> list[str]:
    return sorted(coverage.tests[place] for place in numbers)
