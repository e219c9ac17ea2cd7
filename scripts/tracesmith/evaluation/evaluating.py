"""
Evaluate a run's predictions: one fresh workspace a prediction, the pristine tests, and the run-level report.

The store beside the report has one entry an instance, with SWE-bench's file names.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from tracesmith import files, pool, prepared, records, references, runs, stores, summaries, workspaces
from tracesmith.evaluation import grading
from tracesmith.prepared import Environment
from tracesmith.records import Instance, Prediction, RunReport
from tracesmith.references import Health

logger = logging.getLogger(__name__)

CODE_VERSION = 2
FORMAT_VERSION = 1


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
    workspaces.check(asked, environment_path.parent, environment)
    reference = references.read(environment_path.parent, environment)
    references.check_time(reference, timeout_s, environment_path)
    backend = prepared.open_backend(environment_path, environment)
    health = Health(environment, backend, reference)
    grader = grading.Grader(backend, environment.test, source, timeout_s, reference, health)
    job = Job(environment, stores.Store(output.parent), grader)
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
    parts = {"environment": job.environment.identity(), "timeout": job.grader.timeout_s, "instance": judged}
    parts["reference"] = job.grader.reference.as_json()
    fingerprint = stores.fingerprint("evaluate_predictions", CODE_VERSION, prediction=prediction, **parts)
    with job.store.claim(name):
        if not job.store.holds(name, fingerprint):
            found = job.grader.grade(instance, prediction)
            report = grading.report(instance, prediction, found, job.grader.timeout_s)
            with job.store.replace(name, fingerprint) as folder:
                runs.write(folder, prediction["model_patch"], report, found.suite, f"{name}: {found.outcome}")
                runs.write_script(folder, job.environment.test)
            logger.info("%s: %s", name, found.outcome)
        return str(files.read_json(job.store.folder(name) / "report.json")["tracesmith"]["outcome"])


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
