"""Run a candidate: the test files that can see it, and more of them for as long as there is a doubt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tracesmith import suites, workspaces
from tracesmith.perturbations import PLAIN, Perturbation
from tracesmith.prepared import Environment
from tracesmith.references import BY_THE_CODE, Reference
from tracesmith.sandboxes.base import Backend
from tracesmith.selection import choosing
from tracesmith.selection.choosing import Selection
from tracesmith.selection.coverage import Coverage
from tracesmith.suites import SuiteRun

# A candidate that runs this many times longer than the reference hangs; short suites get a floor.
SLOWER = 8
SHORTEST_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Found:
    """What the whole suite says of a candidate, and how that is known."""

    suite: SuiteRun
    timeout_s: float
    how: dict[str, Any]


@dataclass(frozen=True)
class Runner:
    """What the runs of all candidates share."""

    environment: Environment
    backend: Backend
    source: Path
    """The pristine tree."""
    reference: Reference
    coverage: Coverage | None
    """None to run the whole suite always."""
    longest_s: float

    def select(self, patch: str, name: str) -> Selection:
        """Return the test files to run for a patch; `name` is the patch's in errors."""
        if not self.coverage:
            return choosing.whole("selection is off")
        return choosing.choose(self.coverage, self.source, patch, name)

    def usual_s(self, only: list[str] | None) -> float:
        """Return the reference time of what is run, None being the whole suite."""
        whole_s, known = self.reference.stable.seconds, self.coverage
        return (
            choosing.seconds(known.seconds, len(known.tests), whole_s, only) if known and only is not None else whole_s
        )

    def timeout_s(self, only: list[str] | None) -> float:
        """Return the time limit of a run, by the reference time of what it runs."""
        return min(self.longest_s, max(SHORTEST_TIMEOUT_S, SLOWER * self.usual_s(only)))

    def run(
        self, patch: str, selection: Selection, changes: Perturbation = PLAIN, beside: SuiteRun | None = None
    ) -> Found:
        """
        Run a patch in a fresh sandbox, with something changed; `beside` is the pristine run under the same changes.

        Raises PatchDoesNotApplyError.
        """
        for only in _steps(selection):
            limit = changes.timeout_s(self.timeout_s(only))
            found = suites.sure(partial(self._run, patch, only or (), limit, changes))
            if only is None:
                break
            if not self.is_doubtful(found, only, selection):
                return self.found(found, only, "clean", limit, beside)
        why = selection.why or "the selected files did not run"
        return Found(found, limit, {"selection": "none", "way": "clean", "why": why})

    def _run(self, patch: str, only: Sequence[str], limit_s: float, changes: Perturbation) -> SuiteRun:
        with self.backend.open() as box:
            workspaces.apply_patch(box, patch)
            return suites.run(box, self.environment.test, limit_s, changes, only=only)

    def found(
        self, suite: SuiteRun, only: list[str], way: str, limit_s: float, beside: SuiteRun | None = None
    ) -> Found:
        """Return what a run of some files says of the whole suite; the others are as in the pristine run `beside`."""
        how = {"selection": "coverage", "way": way, "files": only}
        return Found(choosing.merge(beside or self.reference.stable, suite, only), limit_s, how)

    def is_doubtful(self, found: SuiteRun, only: list[str], selection: Selection) -> bool:
        """Tell whether a run of selected files leaves open what the whole suite would say."""
        if found.outcome != "ran":
            return found.outcome not in BY_THE_CODE
        whole = {suites.test_file(test) for test in found.tests} - set(found.broken_files)
        if not set(only) <= whole | set(found.broken_files):
            return True
        # A file may break because a source does not compile, which a file that loads it and is whole rules out.
        broken = set(found.broken_files) - set(self.reference.stable.broken_files)
        return bool(broken) and only != selection.importers and not all(whole & each for each in selection.loaders)


def _steps(selection: Selection) -> Iterator[list[str] | None]:
    """Yield what to run, each time when the one before leaves a doubt; None is the whole suite."""
    if selection.files is not None:
        yield selection.files
    if selection.importers is not None and selection.importers != selection.files:
        yield selection.importers
    yield None
