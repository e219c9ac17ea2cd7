"""
Evaluate a run's predictions: a fresh tree a prediction, the pristine tests, and the run-level report.

The store beside the report has one entry an instance, with SWE-bench's file names.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, pool, prepared, progress, records, references, runs, stores, summaries, workspaces
from tracesmith.evaluation import checks, grading, run_reports
from tracesmith.evaluation.controls import Controls
from tracesmith.prepared import Environment
from tracesmith.records import Instance, Prediction
from tracesmith.references import Health

logger = logging.getLogger(__name__)

CODE_VERSION = 3
FORMAT_VERSION = 2


@dataclass(frozen=True)
class Job:
    """What every prediction's run shares."""

    environment: Environment
    store: stores.Store
    grader: grading.Grader


def evaluate(
    predictions_path: Path,
    dataset: Path,
    environment_path: Path,
    timeout_s: float,
    output: Path,
    share: pool.Share,
    *,
    second_opinion: bool = True,
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
    asked = [instances[name] for name in predictions]
    checks.check_source(asked, dataset, environment, environment_path)
    stores.check_members(output.parent, instances, dataset, "grade")
    workspaces.check(asked, environment_path.parent, environment)
    reference = references.read(environment_path.parent, environment)
    references.check_time(reference, timeout_s, environment_path)
    backend = prepared.open_backend(environment_path, environment)
    health = Health(environment, backend, reference)
    shared = (backend, environment.test, source, timeout_s, reference)
    grader = grading.Grader(*shared, health, Controls(*shared), second_opinion)
    job = Job(environment, stores.Store(output.parent), grader)
    pairs = [(instances[name], predictions[name]) for name in sorted(predictions)]
    mine = share.of(pairs)
    graded = pool.each(mine, lambda pair: _evaluated(job, *pair), share.workers, backend.stop)
    grades = list(progress.shown(graded, len(mine), "predictions"))
    pool.check_complete(grades.count(None), len(mine), "predictions")
    if share.is_whole():
        found = {pair[0]["instance_id"]: grade for pair, grade in zip(mine, grades, strict=True) if grade}
        inputs = {"dataset": dataset, "environment": environment_path, "predictions": predictions_path}
        settings = {"timeout_s": timeout_s, "second_opinion": second_opinion}
        made_by = summaries.made_by("evaluate_predictions", FORMAT_VERSION, inputs, settings)
        files.write_json(summaries.meta_path(output), {"made_by": made_by})
        files.write_json(output, run_reports.run_report(found, set(instances) - set(predictions)))


def _evaluated(job: Job, instance: Instance, prediction: Prediction) -> dict[str, Any]:
    """Return what an instance's report says under the key `tracesmith`."""
    name = instance["instance_id"]
    judged = {key: instance[key] for key in ("patch", "FAIL_TO_PASS", "PASS_TO_PASS")}
    parts = {"environment": job.environment.identity(), "timeout": job.grader.timeout_s, "instance": judged}
    parts |= {"reference": job.grader.reference.as_json(), "second_opinion": job.grader.second_opinion}
    fingerprint = stores.fingerprint("evaluate_predictions", CODE_VERSION, prediction=prediction, **parts)
    with job.store.claim(name):
        if not job.store.holds(name, fingerprint):
            found = job.grader.grade(instance, prediction)
            report = grading.report(instance, prediction, found, job.grader.timeout_s)
            with job.store.replace(name, fingerprint) as folder:
                runs.write(folder, prediction["model_patch"], report, found.suite, f"{name}: {found.outcome}")
                runs.write_script(folder, job.environment.test)
            logger.info("%s: %s", name, found.outcome)
        return dict(files.read_json(job.store.folder(name) / "report.json")["tracesmith"])
