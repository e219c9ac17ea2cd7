"""
Confirm valid bugs: run the tests that can see each several times in fresh sandboxes, each time something else changed.

The runs of the pristine tree under the same changes are those of the reference, which is made longer where it is too
short; they alternate with the runs of the first bugs. A test that is not the same in all runs of one side, or not what
validation saw, leaves the lists. The F2P tests that stay are tried on decoys.

The store beside the summary, a folder of its name, has an entry for the runs of a bug and one for its decoys.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, perturbations, pool, prepared, progress, records, references, stores, summaries
from tracesmith.errors import InfrastructureError
from tracesmith.perturbations import PLAIN
from tracesmith.prepared import Environment
from tracesmith.references import Health, Reference
from tracesmith.sandboxes.base import Backend
from tracesmith.selection import coverage
from tracesmith.suites import SuiteRun
from tracesmith.validation import confirmations, kept, verdicts, warming
from tracesmith.validation.confirmations import CONFIRMED
from tracesmith.validation.kept import Kept
from tracesmith.validation.running import Runner
from tracesmith.validation.trials import Trials

logger = logging.getLogger(__name__)

CODE_VERSION = 2
FORMAT_VERSION = 1
SEEN = {"FAIL_TO_PASS": "failed", "PASS_TO_PASS": "passed"}
"""What validation saw of a test, by its list."""


@dataclass(frozen=True)
class ConfirmSettings:
    """What decides besides the environment."""

    runs: int
    """Of each bug, at least 1."""
    timeout_s: float
    """Most seconds of a run; less where the reference is quick, as for validation."""
    decoys: int = 0
    """For each bug, at most."""
    least_discrimination: float | None = None
    """Share of its decoys that an instance must reject; None drops no instance."""
    selection: str = "coverage"
    """Which test files run, as for validation: one of `coverage.SELECTIONS`."""


@dataclass(frozen=True)
class Job:
    """What all bugs share."""

    environment: Environment
    folder: Path
    """Where the environment stands."""
    store: stores.Store
    settings: ConfirmSettings
    runners: dict[float, Runner]
    """By the share of the CPUs."""
    health: Health
    trials: Trials

    def fingerprint_of(self, one: Kept, found: dict[str, Any]) -> str:
        """Return what the entry of a bug's runs is known by."""
        parts = {"environment": self.environment.identity(), "patch": one.candidate["patch"]}
        lists = {key: found[key] for key in SEEN}
        settings = [self.settings.runs, self.settings.timeout_s, self.settings.selection]
        return stores.fingerprint("confirm_bugs", CODE_VERSION, **parts, lists=lists, settings=settings)

    def stop(self) -> None:
        """Kill what is live."""
        for runner in self.runners.values():
            runner.backend.stop()


def confirm(
    patches: Sequence[Path],
    reports: Sequence[Path],
    environment_path: Path,
    settings: ConfirmSettings,
    output: Path,
    share: pool.Share,
) -> None:
    """
    Fill the store beside `output` with what the runs of each valid bug say, and write the summary.

    A shard only fills its part. Raises InputError for bad lists and reports, IncompleteError when sandboxes failed.
    """
    environment = prepared.read(environment_path)
    listed = kept.read(patches, reports, environment.repo)
    seen = {one.name: kept.read_verdict(one.verdict) for one in listed}
    job = _job(environment_path, environment, settings, output)
    mine = share.of(listed)
    groups = warming.groups(mine, job.trials.warm, share.workers, len(mine))
    found: list[dict[str, Any] | None] = []
    confirmed = pool.each(groups, lambda group: _confirmed_group(job, group, seen), share.workers, job.stop)
    for group, entries in zip(
        groups,
        progress.shown(confirmed, len(groups), "groups of valid bugs"),
        strict=True,
    ):
        found += entries or [None] * len(group)
        for one, entry in zip(group, found[-len(group) :], strict=True):
            said = entry["tracesmith"]["verdict"] if entry else "no verdict"
            logger.info("%d/%d %s: %s", len(found), len(mine), one.name, said)
    pool.check_complete(found.count(None), len(found), "bugs")
    if share.is_whole():
        inputs = kept.inputs(patches, reports, environment_path)
        made_by = summaries.made_by("confirm_bugs", FORMAT_VERSION, inputs, asdict(settings))
        files.write_json(output, {"made_by": made_by, **_summary(listed, [one for one in found if one], settings)})


def _job(path: Path, environment: Environment, settings: ConfirmSettings, output: Path) -> Job:
    reference = references.read(path.parent, environment)
    references.check_time(reference, settings.timeout_s, path)
    known = coverage.make(path.parent, environment, reference, settings.selection)
    source = path.parent / environment.source
    changes = [perturbations.of_run(number) for number in range(1, settings.runs + 1)]
    runners = {
        one.cpu_share: Runner(
            environment,
            references.open_backend(path.parent, environment, one),
            source,
            reference,
            known,
            settings.timeout_s,
        )
        for one in changes
    }
    plain = runners[PLAIN.cpu_share]
    warm = warming.make(path.parent, plain)
    health = Health(environment, plain.backend, reference)
    store = stores.Store(confirmations.store_of(output))
    trials = Trials(plain, warm, health, store, settings.decoys)
    return Job(environment, path.parent, store, settings, runners, health, trials)


def _confirmed_group(job: Job, group: Sequence[Kept], seen: dict[str, dict[str, Any]]) -> list[dict[str, Any] | None]:
    """Return the reports of some bugs, with what their decoys say; None where a sandbox failed."""
    reports = [pool.attempt(lambda one: _confirmed(job, one, seen[one.name]), one) for one in group]
    confirmed = [
        (one.candidate, report)
        for one, report in zip(group, reports, strict=True)
        if report and report["tracesmith"]["verdict"] == CONFIRMED
    ]
    for (_, report), tried in zip(confirmed, job.trials.of_all(confirmed), strict=True):
        report["tracesmith"]["discrimination"] = tried
    return reports


def _confirmed(job: Job, one: Kept, seen: dict[str, Any]) -> dict[str, Any]:
    fingerprint = job.fingerprint_of(one, seen)
    with job.store.claim(one.name):
        if not job.store.holds(one.name, fingerprint):
            runs, pristine = _runs(job, one)
            report = judge(seen, runs, pristine)
            with job.store.replace(one.name, fingerprint) as folder:
                _write(folder, report, runs)
        return dict(files.read_json(job.store.folder(one.name) / confirmations.REPORT))


def _runs(job: Job, one: Kept) -> tuple[list[SuiteRun], Reference]:
    """Return the runs with the bug, and those without it, one after the other in turn."""
    pristine = [*job.trials.runner.reference.runs]
    selection, runs = job.trials.runner.select(one.candidate["patch"], one.name), []
    for number in range(1, job.settings.runs + 1):
        changes = perturbations.of_run(number)
        runner = job.runners[changes.cpu_share]
        if number > len(pristine):
            pristine.append(_pristine(job, number, runner.backend))
        runs.append(runner.run(one.candidate["patch"], selection, changes, pristine[number - 1]).suite)
        job.health.confirm(runs[-1])
        if runs[-1].outcome != "ran":
            break
    return runs, Reference(pristine)


def _pristine(job: Job, number: int, backend: Backend) -> SuiteRun:
    found = references.make(job.folder, job.environment, number, backend)
    if found.outcome != "ran":
        raise InfrastructureError(f"run {number} of the pristine suite ended with {found.outcome}")
    return found


def judge(seen: dict[str, Any], runs: Sequence[SuiteRun], pristine: Reference) -> dict[str, Any]:
    """Return the report of a bug: the two lists with the tests that all runs of either side agree on."""
    ended = next((run.outcome for run in runs if run.outcome != "ran"), None)
    if ended:
        return {**{key: [] for key in SEEN}, "tracesmith": {"verdict": "not_confirmed", "why": ended}}
    passing = pristine.stable.passed()
    lists: dict[str, list[str]] = {key: [] for key in SEEN}
    disagreements = {}
    for key, state in SEEN.items():
        for test in seen[key]:
            states = [run.tests.get(test, references.ABSENT) for run in runs]
            if test in passing and all((other == "passed") == (state == "passed") for other in states):
                lists[key].append(test)
            else:
                without = [run.tests.get(test, references.ABSENT) for run in pristine.runs]
                disagreements[test] = {"with_bug": [state, *states], "without_bug": without}
    about = {"runs": len(runs), "disagreements": dict(sorted(disagreements.items()))}
    failures = [runs[0].failures[test] for test in lists["FAIL_TO_PASS"] if test in runs[0].failures]
    said = list(dict.fromkeys(failures))[: verdicts.FAILURES_KEPT]
    return {**lists, "tracesmith": {"verdict": _verdict(lists), "failures": said, "confirmation": about}}


def _verdict(lists: dict[str, list[str]]) -> str:
    if not lists["FAIL_TO_PASS"]:
        return "not_confirmed"
    return CONFIRMED if lists["PASS_TO_PASS"] else "no_pass_to_pass"


def _write(folder: Path, report: dict[str, Any], runs: Sequence[SuiteRun]) -> None:
    (folder / confirmations.REPORT).write_bytes(files.json_bytes(report))
    for number, run in enumerate(runs, start=1):
        (folder / confirmations.output_name(number)).write_text(run.output, encoding="utf-8", errors="replace")


def _summary(listed: Sequence[Kept], found: Sequence[dict[str, Any]], settings: ConfirmSettings) -> dict[str, Any]:
    funnel, rows = summaries.Funnel(), []
    for one, report in zip(listed, found, strict=True):
        ours = report["tracesmith"]
        verdict = ours["verdict"]
        tried = ours.get("discrimination")
        if verdict == CONFIRMED and is_weak(tried, settings.least_discrimination):
            verdict = "accepts_decoys"
        funnel.keep() if verdict == CONFIRMED else funnel.drop(verdict)
        counts = {key.lower(): len(report[key]) for key in records.TEST_LISTS}
        disagreements = len(ours.get("confirmation", {}).get("disagreements", ()))
        rows.append({"instance_id": one.name, "verdict": verdict, **counts, "disagreements": disagreements})
        rows[-1] |= {"discrimination": tried} if tried else {}
    return {"funnel": funnel.as_json(), "instances": rows}


def is_weak(tried: dict[str, Any] | None, least: float | None) -> bool:
    """Tell whether an instance rejects too small a share of its decoys; one without any is not weak."""
    return bool(least is not None and tried and tried["tried"] and tried["rejected"] / tried["tried"] < least)
