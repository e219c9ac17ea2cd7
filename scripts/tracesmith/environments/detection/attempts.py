"""One attempt: a plan is installed and its suite run in the sandbox, as an environment's is; nothing of it stays."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tracesmith import files, prepared, scratch, stores, suites
from tracesmith.environments import building, images, profiles, sources
from tracesmith.environments.building import BuildSettings
from tracesmith.environments.detection import writing
from tracesmith.environments.detection.plans import Plan
from tracesmith.environments.gating import GateSettings
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.suites import SuiteRun

CODE_VERSION = 1
ENOUGH = GateSettings().passing
"""Share of the tests that has to pass, and of their files that has to load: what the gate asks of an environment."""
KEPT_OUTPUT = 20_000
NOT_INSTALLED = "not_installed"
SHOWN = 12


@dataclass(frozen=True)
class Result:
    """How an attempt ended."""

    outcome: str
    """What the suite's run said (see SuiteRun), or not_installed."""
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: int = 0
    files: dict[str, int] = field(default_factory=dict)
    """How many tests passed in each test file that has a test."""
    broken: list[str] = field(default_factory=list)
    """Test files that failed as a whole."""
    text: str = ""
    """What the installation or the runner printed, its end."""
    seconds: float = 0.0

    @property
    def share(self) -> float:
        """Return the share of the tests that passed, or of the files that loaded where that is less."""
        if self.outcome != "ran" or not self.passed:
            return 0.0
        loaded = len(set(self.files) - set(self.broken)) / len({*self.files, *self.broken})
        return min(self.passed / (self.passed + len(self.failed)), loaded)

    @property
    def is_perfect(self) -> bool:
        """Tell whether all went well."""
        return self.outcome == "ran" and bool(self.passed) and not self.failed and not self.broken

    @property
    def is_enough(self) -> bool:
        """Tell whether the gate would take it."""
        return self.share >= ENOUGH

    def summary(self) -> str:
        """Return the result in a line."""
        if self.outcome == NOT_INSTALLED:
            return "the installation failed"
        counts = (
            f"{self.passed} tests passed, {len(self.failed)} failed, {self.skipped} skipped, in {len(self.files)} files"
        )
        return f"{self.outcome}: {counts}, {len(self.broken)} files broken"

    def first_errors(self) -> list[str]:
        """Return the lines that say first what went wrong."""
        marks = ("error", "cannot find", "failed to", "not found", "no such file", "is not defined", "err!", "enoent")
        lines = [line.strip()[:300] for line in self.text.splitlines()]
        found = [line for line in lines if any(mark in line.lower() for mark in marks)]
        return list(dict.fromkeys(found or [line for line in lines if line][-3:]))[:SHOWN]


def attempt(plan: Plan, pristine: Path, settings: BuildSettings, store: stores.Store) -> Result:
    """
    Return the result of a plan, from the store or made now.

    An installation that failed is not kept: a registry that did not answer may do so next time.
    """
    text = writing.to_yaml(Plan(plan.values), [])
    source = sources.tree_hash(pristine)
    parts = {"source": source, "backend": settings.backend, "needs": asdict(settings.needs)}
    fingerprint = stores.fingerprint("make_profile", CODE_VERSION, plan=text, **parts)
    name = f"attempt-{fingerprint[:12]}"
    with store.claim(name):
        if not store.holds(name, fingerprint):
            found = _try(plan, pristine, settings)
            if found.outcome == NOT_INSTALLED:
                return found
            with store.replace(name, fingerprint) as folder:
                (folder / "profile.yaml").write_text(text, encoding="utf-8")
                (folder / "result.json").write_bytes(files.json_bytes(asdict(found)))
    return Result(**files.read_json(store.folder(name) / "result.json"))


def _try(plan: Plan, pristine: Path, settings: BuildSettings) -> Result:
    with scratch.folder() as folder:
        path = folder / "profile.yaml"
        path.write_text(writing.to_yaml(plan.put("source", str(pristine)), []), encoding="utf-8")
        profile = profiles.read(path)
        (folder / "tree").mkdir()
        sources.fetch(profile, folder / "tree")
        output = folder / "environment.json"
        try:
            environment = building.prepare(stores.Store(folder), profile, folder / "tree", settings)
        except (InfrastructureError, InputError) as error:
            return Result(NOT_INSTALLED, text=str(error)[-KEPT_OUTPUT:])
        environment = replace(environment, source="tree")
        try:
            with prepared.open_backend(output, environment).open() as box:
                return of_run(suites.run(box, environment.test, environment.timeout_s))
        finally:
            if environment.image:
                images.forget(environment.repo, environment.image_name)


def of_run(run: SuiteRun) -> Result:
    """Return the result of a suite's run."""
    states, passed = list(run.tests.values()), Counter(map(suites.test_file, run.passed()))
    failures = "\n".join(f"{test}: {text}" for test, text in list(run.failures.items())[:200])
    output = (
        run.output
        if len(run.output) <= 2 * KEPT_OUTPUT
        else f"{run.output[:KEPT_OUTPUT]}\n...\n{run.output[-KEPT_OUTPUT:]}"
    )
    return Result(
        run.outcome,
        passed=states.count("passed"),
        failed=sorted(run.failed()),
        skipped=states.count("skipped") + states.count("todo"),
        files={file: passed[file] for file in sorted({*map(suites.test_file, run.tests)})},
        broken=run.broken_files,
        text=f"{failures}\n{output}",
        seconds=run.seconds,
    )


def best(results: Sequence[Result]) -> int:
    """Return the place of the best result: most tests passed, of those the fewest failures, of those the first."""
    return max(range(len(results)), key=lambda place: (_rank(results[place]), -place))


def _rank(result: Result) -> tuple[bool, int, int, bool]:
    return (
        result.outcome == "ran",
        result.passed,
        -len(result.failed) - len(result.broken),
        result.outcome != NOT_INSTALLED,
    )
