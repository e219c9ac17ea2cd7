"""
Validate bug candidates: run the tests that can see each in a fresh sandbox, beside the reference run.

The verdict is that of the whole suite: test files that cannot see a candidate are as in the reference.

The store beside the report has one entry a candidate, and `<repo>.ref` with the reference run.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, pool, prepared, progress, records, references, runs, stores, summaries, workspaces
from tracesmith.prepared import Environment
from tracesmith.records import Candidate
from tracesmith.references import Health, Reference
from tracesmith.selection import coverage
from tracesmith.selection.choosing import Selection
from tracesmith.suites import SuiteRun
from tracesmith.validation import running, verdicts, warming

logger = logging.getLogger(__name__)

CODE_VERSION = 5
FORMAT_VERSION = 2


@dataclass(frozen=True)
class ValidationSettings:
    """What decides the verdicts besides the environment."""

    timeout_s: float
    """Most seconds of a candidate's run; less where the reference is quick (8 times its time, at least 20 s)."""
    max_instances: int | None = None
    """Stop when this many valid instances are found, in the order of the candidates."""
    selection: str = "coverage"
    """Which test files run: one of `coverage.SELECTIONS`."""


@dataclass(frozen=True)
class Job:
    """What every candidate's run shares."""

    environment: Environment
    runner: running.Runner
    warm: warming.Warm
    store: stores.Store
    settings: ValidationSettings
    reference: Reference
    health: Health
    fingerprint: str

    def fingerprint_of(self, candidate: Candidate) -> str:
        """Return what a candidate's entry is known by."""
        return stores.fingerprint("validate_bugs", CODE_VERSION, shared=self.fingerprint, patch=candidate["patch"])


def validate(
    patches: Path,
    environment_path: Path,
    settings: ValidationSettings,
    output: Path,
    share: pool.Share,
    allow_empty: bool = False,
) -> None:
    """
    Fill the store beside `output` with a verdict a candidate and write the summary; a shard only fills its part.

    A list without candidates has an empty report where that is allowed: of combined bugs there may be none.

    Raises InputError for bad patches, IncompleteError when sandboxes failed.
    """
    environment = prepared.read(environment_path)
    candidates = records.read_candidates(patches, allow_empty)
    records.check_repo(candidates, environment.repo, patches)
    store = stores.Store(output.parent)
    reference = references.read(environment_path.parent, environment)
    references.check_time(reference, settings.timeout_s, environment_path)
    backend = prepared.open_backend(environment_path, environment)
    _show_reference(store, environment, reference)
    health = Health(environment, backend, reference)
    decides = [settings.timeout_s, settings.selection, sorted(reference.stable.tests.items())]
    shared = files.digest([environment.identity(), *decides])
    known = coverage.make(environment_path.parent, environment, reference, settings.selection)
    source = environment_path.parent / environment.source
    runner = running.Runner(environment, backend, source, reference, known, settings.timeout_s)
    warm = warming.make(environment_path.parent, runner)
    job = Job(environment, runner, warm, store, settings, reference, health, shared)
    reports = _until_enough(job, share.of(candidates), share)
    if share.is_whole():
        inputs = {"patches": patches, "environment": environment_path}
        made_by = summaries.made_by("validate_bugs", FORMAT_VERSION, inputs, asdict(settings))
        files.write_json(output, {"made_by": made_by, **_summary(candidates, reports, job)})


def _show_reference(store: stores.Store, environment: Environment, reference: Reference) -> None:
    """Put what the reference runs agree on where SWE-smith has its reference run, beside the candidates."""
    name, said = f"{environment.repo}.ref", asdict(reference.stable)
    fingerprint = stores.fingerprint("show_reference", CODE_VERSION, of=environment.identity(), said=said)
    with store.claim(name):
        if not store.holds(name, fingerprint):
            with store.replace(name, fingerprint) as folder:
                references.write(folder, reference.stable)


def _until_enough(job: Job, candidates: Sequence[Candidate], share: pool.Share) -> list[dict[str, Any] | None]:
    """
    Return the reports of the candidates in order, up to the last that is needed; None where a sandbox failed.

    Of a shard its part of the valid ones is enough; what is missing then, the process of the whole makes.
    """
    reports: list[dict[str, Any] | None] = []
    valid = 0
    most = -(-job.settings.max_instances // share.count) if job.settings.max_instances else len(candidates)
    groups = warming.groups(candidates, job.warm, share.workers, most)
    validated = pool.each(groups, lambda group: _validated_group(job, group), share.workers, job.runner.backend.stop)
    results = progress.shown(validated, len(groups), "groups of candidates")
    flat = (report for group, found in zip(groups, results, strict=False) for report in found or [None] * len(group))
    for candidate, report in zip(candidates, flat, strict=False):
        reports.append(report)
        verdict = report["tracesmith"]["verdict"] if report else "no verdict"
        valid += verdict == verdicts.KEPT
        logger.info("%d/%d %s: %s (%d valid)", len(reports), len(candidates), candidate["instance_id"], verdict, valid)
        if valid >= most:
            break
    results.close()
    pool.check_complete(reports.count(None), len(reports), "candidates")
    return reports


def _validated_group(job: Job, group: Sequence[Candidate]) -> list[dict[str, Any] | None]:
    """Return the reports of some candidates, most of them from one warm runner."""
    new = [one for one in group if not job.store.holds(one["instance_id"], job.fingerprint_of(one))]
    found = warming.run(job.runner, job.warm, {one["instance_id"]: _select(job, one) for one in new})
    return [pool.attempt(lambda one: _validated(job, one, found.get(one["instance_id"])), one) for one in group]


def _select(job: Job, candidate: Candidate) -> Selection:
    return job.runner.select(candidate["patch"], candidate["instance_id"])


def _validated(job: Job, candidate: Candidate, warm: running.Found | None) -> dict[str, Any]:
    name, fingerprint = candidate["instance_id"], job.fingerprint_of(candidate)
    with job.store.claim(name):
        if not job.store.holds(name, fingerprint):
            suite, report = _run(job, candidate, warm)
            with job.store.replace(name, fingerprint) as folder:
                runs.write(folder, candidate["patch"], report, suite, f"{name}: {report['tracesmith']['verdict']}")
                runs.write_script(folder, job.environment.test)
        found: dict[str, Any] = files.read_json(job.store.folder(name) / "report.json")
        return found


def _run(job: Job, candidate: Candidate, warm: running.Found | None) -> tuple[SuiteRun | None, dict[str, Any]]:
    try:
        found = warm or job.runner.run(candidate["patch"], _select(job, candidate))
    except workspaces.PatchDoesNotApplyError as error:
        return None, verdicts.does_not_apply(str(error))
    job.health.confirm(found.suite)
    report = verdicts.judge(job.reference.stable, found.suite, found.timeout_s)
    report["tracesmith"]["run"] = found.how
    return found.suite, report


def _summary(candidates: list[Candidate], reports: list[dict[str, Any] | None], job: Job) -> dict[str, Any]:
    funnel = summaries.Funnel()
    rows = []
    for candidate, report in zip(candidates, reports, strict=False):
        assert report is not None  # noqa: S101 - those without a verdict ended the run
        verdict = report["tracesmith"]["verdict"]
        funnel.keep() if verdict == verdicts.KEPT else funnel.drop(verdict)
        counts = {key.lower(): len(report.get(key, [])) for key in records.TEST_LISTS}
        rows.append({"instance_id": candidate["instance_id"], "verdict": verdict, **counts})
    for _ in candidates[len(reports) :]:
        funnel.drop("not_needed")
    return {"funnel": funnel.as_json(), "reference": job.reference.as_json(), "instances": rows}
