"""
Evaluate a run's predictions: one fresh workspace a prediction, the pristine tests, and the run-level report.

The store beside the report has one entry an instance, with SWE-bench's file names.
"""

import logging
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, patches, pool, prepared, records, stores, summaries, workspaces
from tracesmith.evaluation import grading
from tracesmith.prepared import Environment
from tracesmith.records import Instance, Prediction, RunReport
from tracesmith.sandboxes.base import Backend

logger = logging.getLogger(__name__)

CODE_VERSION = 1
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Job:
    """What every prediction's run shares."""

    environment: Environment
    source: Path
    backend: Backend
    store: stores.Store
    timeout_s: float


def evaluate(
    predictions_path: Path,
    dataset: Path,
    environment_path: Path,
    timeout_s: float,
    output: Path,
    share: pool.Share,
) -> None:
    """
    Fill the store beside `output` with a grade a prediction and write the report; a shard only fills its part.

    Raises InputError for predictions of unknown instances and other bad input, IncompleteError when sandboxes failed.
    """
    environment = prepared.read(environment_path)
    source = environment_path.parent / environment.source
    predictions = records.read_predictions(predictions_path)
    instances = {instance["instance_id"]: instance for instance in records.read_instances(dataset)}
    records.check_known(predictions, instances, str(predictions_path), str(dataset))
    tests = workspaces.test_files(source, environment.test)
    for name in predictions:
        workspaces.hidden_tests(instances[name], tests)
    backend = prepared.open_backend(environment_path, environment)
    job = Job(environment, source, backend, stores.Store(output.parent), timeout_s)
    pairs = [(instances[name], predictions[name]) for name in sorted(predictions)]
    mine = share.of(pairs)
    outcomes = list(pool.each(mine, lambda pair: _evaluated(job, *pair), share.workers, backend.stop))
    pool.check_complete(outcomes.count(None), len(mine), "predictions")
    if share.is_whole():
        found = {pair[0]["instance_id"]: str(outcome) for pair, outcome in zip(mine, outcomes, strict=True)}
        inputs = {"dataset": dataset, "environment": environment_path, "predictions": predictions_path}
        made_by = summaries.made_by("evaluate_predictions", FORMAT_VERSION, inputs, {"timeout_s": timeout_s})
        files.write_json(summaries.meta_path(output), {"made_by": made_by})
        files.write_json(output, _run_report(found, set(instances) - set(predictions)))


def _evaluated(job: Job, instance: Instance, prediction: Prediction) -> str:
    name = instance["instance_id"]
    judged = {key: instance[key] for key in ("patch", "FAIL_TO_PASS", "PASS_TO_PASS")}
    parts = {"environment": job.environment.identity(), "timeout": job.timeout_s, "instance": judged}
    fingerprint = stores.fingerprint("evaluate_predictions", CODE_VERSION, prediction=prediction, **parts)
    with job.store.claim(name):
        if not job.store.holds(name, fingerprint):
            settings = job.environment.test
            found = grading.grade(job.backend, instance, prediction, settings, job.source, job.timeout_s)
            report = grading.report(instance, prediction, found, job.timeout_s)
            with job.store.replace(name, fingerprint) as folder:
                _write_entry(folder, prediction, found, report, shlex.join(settings.command))
            logger.info("%s: %s", name, found.outcome)
        return str(files.read_json(job.store.folder(name) / "report.json")["tracesmith"]["outcome"])


def _write_entry(folder: Path, prediction: Prediction, found: grading.Grade, report: dict[str, Any], line: str) -> None:
    patch = prediction["model_patch"]
    (folder / "patch.diff").write_bytes(patches.to_bytes(patch) if patch else b"")
    (folder / "eval.sh").write_text(f"#!/bin/bash\nset -uxo pipefail\ncd /testbed\n{line}\n")
    (folder / "report.json").write_bytes(files.json_bytes(report))
    output = found.suite.output if found.suite else ""
    (folder / "test_output.txt").write_text(output, encoding="utf-8", errors="replace")
    seconds = f"{found.suite.seconds:.1f} s" if found.suite else "not run"
    (folder / "run_instance.log").write_text(f"{prediction['instance_id']}: {found.outcome}, {seconds}\n")


def _run_report(outcomes: dict[str, str], without: set[str]) -> RunReport:
    resolved = [name for name, outcome in outcomes.items() if outcome == grading.RESOLVED]
    unresolved = [name for name, outcome in outcomes.items() if outcome != grading.RESOLVED]
    funnel = summaries.Funnel()
    for outcome in outcomes.values():
        funnel.keep() if outcome == grading.RESOLVED else funnel.drop(outcome)
    by_outcome = {
        outcome: [name for name in outcomes if outcomes[name] == outcome] for outcome in sorted(set(outcomes.values()))
    }
    return RunReport(
        resolved=len(resolved),
        unresolved=len(unresolved),
        total=len(outcomes),
        ids_resolved=resolved,
        ids_unresolved=unresolved,
        tracesmith={
            "funnel": funnel.as_json(),
            "ids_by_outcome": by_outcome,
            "ids_without_prediction": sorted(without),
        },
    )
