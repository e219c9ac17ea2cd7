"""
Confirm valid bugs: run the whole suite with each several times in fresh sandboxes, every time something else changed.

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

from tracesmith import files, perturbations, pool, prepared, records, references, stores, suites, summaries, workspaces
from tracesmith.errors import InfrastructureError
from tracesmith.perturbations import Perturbation
from tracesmith.prepared import Environment
from tracesmith.references import Health, Reference
from tracesmith.sandboxes.base import Backend
from tracesmith.suites import SuiteRun
from tracesmith.validation import confirmations, kept, running, verdicts
from tracesmith.validation.confirmations import CONFIRMED
from tracesmith.validation.kept import Kept
from tracesmith.validation.trials import Trials

logger = logging.getLogger(__name__)

CODE_VERSION = 1
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


@dataclass(frozen=True)
class Job:
    """What all bugs share."""

    environment: Environment
    folder: Path
    """Where the environment stands."""
    store: stores.Store
    settings: ConfirmSettings
    backends: dict[float, Backend]
    """By the share of the CPUs."""
    health: Health
    runner: running.Runner
    trials: Trials

    def fingerprint_of(self, one: Kept, found: dict[str, Any]) -> str:
        """Return what the entry of a bug's runs is known by."""
        parts = {"environment": self.environment.identity(), "patch": one.candidate["patch"]}
        lists = {key: found[key] for key in SEEN}
        settings = [self.settings.runs, self.settings.timeout_s]
        return stores.fingerprint("confirm_bugs", CODE_VERSION, **parts, lists=lists, settings=settings)

    def stop(self) -> None:
        """Kill what is live."""
        for backend in self.backends.values():
            backend.stop()


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
    found = []
    for entry in pool.each(share.of(listed), lambda one: _confirmed(job, one, seen[one.name]), share.workers, job.stop):
        found.append(entry)
        said = entry["tracesmith"]["verdict"] if entry else "no verdict"
        logger.info("%d/%d %s: %s", len(found), len(share.of(listed)), share.of(listed)[len(found) - 1].name, said)
    pool.check_complete(found.count(None), len(found), "bugs")
    if share.is_whole():
        inputs = kept.inputs(patches, reports, environment_path)
        made_by = summaries.made_by("confirm_bugs", FORMAT_VERSION, inputs, asdict(settings))
        files.write_json(output, {"made_by": made_by, **_summary(listed, [one for one in found if one], settings)})


def _job(path: Path, environment: Environment, settings: ConfirmSettings, output: Path) -> Job:
    reference = references.read(path.parent, environment)
    references.check_time(reference, settings.timeout_s, path)
    changes = [perturbations.of_run(number) for number in range(1, settings.runs + 1)]
    by_share = {one.cpu_share: one for one in changes}
    backends = {share: references.open_backend(path.parent, environment, one) for share, one in by_share.items()}
    health = Health(environment, backends[1.0], reference)
    runner = running.Runner(environment, backends[1.0], reference, None, settings.timeout_s)
    store = stores.Store(confirmations.store_of(output))
    decoys = Trials(path.parent, runner, health, store, settings.decoys)
    return Job(environment, path.parent, store, settings, backends, health, runner, decoys)


def _confirmed(job: Job, one: Kept, seen: dict[str, Any]) -> dict[str, Any]:
    fingerprint = job.fingerprint_of(one, seen)
    with job.store.claim(one.name):
        if not job.store.holds(one.name, fingerprint):
            runs, pristine = _runs(job, one)
            report = judge(seen, runs, pristine)
            with job.store.replace(one.name, fingerprint) as folder:
                _write(folder, report, runs)
        report = files.read_json(job.store.folder(one.name) / confirmations.REPORT)
    if report["tracesmith"]["verdict"] == CONFIRMED:
        report["tracesmith"]["discrimination"] = job.trials.of(one.candidate, report)
    return dict(report)


def _runs(job: Job, one: Kept) -> tuple[list[SuiteRun], Reference]:
    """Return the runs with the bug, and those without it, one after the other in turn."""
    runs, pristine = [], [*job.runner.reference.runs]
    for number in range(1, job.settings.runs + 1):
        runs.append(_run(job, one, perturbations.of_run(number)))
        job.health.confirm(runs[-1])
        if number > len(pristine):
            pristine.append(_pristine(job, number))
        if runs[-1].outcome != "ran":
            break
    return runs, Reference(pristine)


def _run(job: Job, one: Kept, changes: Perturbation) -> SuiteRun:
    with job.backends[changes.cpu_share].open() as box:
        workspaces.apply_patch(box, one.candidate["patch"])
        limit = changes.timeout_s(job.runner.timeout_s(None))
        return suites.run(box, job.environment.test, limit, changes)


def _pristine(job: Job, number: int) -> SuiteRun:
    backend = job.backends[perturbations.of_run(number).cpu_share]
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
