"""
Run an engine over a dataset: one workspace and one trajectory an instance, and preds.json over them.

The store is the run's trajectory folder itself, in SWE-agent's layout.
"""

import logging
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml

from tracesmith import files, patches, pool, prepared, records, schemas, stores, summaries, workspaces
from tracesmith.agents import scripted
from tracesmith.agents.sessions import Session
from tracesmith.errors import InputError
from tracesmith.prepared import Environment
from tracesmith.records import Instance, Prediction
from tracesmith.sandboxes.base import Backend

logger = logging.getLogger(__name__)

CODE_VERSION = 1
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Prompt:
    """The texts an engine starts from: the system message, and a Jinja2 template of the task."""

    system: str
    instance: str


@dataclass(frozen=True)
class Job:
    """What every instance's session shares."""

    environment: Environment
    backend: Backend
    store: stores.Store
    engine: str
    prompt: Prompt
    tasks: dict[str, str]
    """What each instance's agent is told."""
    test_files: list[str]


def run(
    dataset: Path,
    environment_path: Path,
    engine: str,
    prompt_path: Path,
    output: Path,
    share: pool.Share,
    *,
    checked: Path | None = None,
) -> None:
    """
    Fill the folder of `output` with a trajectory an instance and write preds.json; a shard only fills its part.

    `checked` is the output of check_workspaces; instances that it refuses are left out.
    Raises InputError for a bad dataset or prompt, IncompleteError when sandboxes failed.
    """
    environment = prepared.read(environment_path)
    instances = workspaces.allowed(records.read_instances(dataset, statements=True), checked)
    workspaces.check(instances, environment_path.parent, environment)
    prompt = read_prompt(prompt_path)
    tasks = {instance["instance_id"]: _task(prompt, instance) for instance in instances}
    test_files = workspaces.test_files(environment_path.parent / environment.source, environment.test)
    backend = prepared.open_backend(environment_path, environment)
    job = Job(environment, backend, stores.Store(output.parent), engine, prompt, tasks, test_files)
    mine = share.of(instances)
    results = list(pool.each(mine, lambda instance: _solve(job, instance), share.workers, backend.stop))
    pool.check_complete(results.count(None), len(mine), "instances")
    if share.is_whole():
        inputs = {"dataset": dataset, "environment": environment_path, "prompt": prompt_path}
        made_by = summaries.made_by("run_agent", FORMAT_VERSION, inputs, {"engine": engine})
        _write_summary(output, [result for result in results if result], made_by)


def read_prompt(path: Path) -> Prompt:
    """Return the texts of a prompt file. Raises InputError naming the file and the key."""
    value = schemas.read_yaml(path)
    text = {"type": "string", "minLength": 1}
    shape = {"type": "object", "required": ["system", "instance"], "additionalProperties": False}
    schemas.check(value, {**shape, "properties": {"system": text, "instance": text}}, str(path))
    return Prompt(**value)


def _solve(job: Job, instance: Instance) -> tuple[Prediction, str]:
    name = instance["instance_id"]
    parts = {"environment": job.environment.identity(), "engine": job.engine, "prompt": asdict(job.prompt)}
    fingerprint = stores.fingerprint("run_agent", CODE_VERSION, instance=instance, **parts)
    with job.store.claim(name):
        if not job.store.holds(name, fingerprint):
            trajectory = _session(job, instance)
            with job.store.replace(name, fingerprint) as folder:
                _write_entry(folder, trajectory, job.store.root.name)
            logger.info("%s: %s", name, trajectory["info"]["exit_status"])
        folder = job.store.folder(name)
        status = files.read_json(folder / f"{name}.traj")["info"]["exit_status"]
        return files.read_json(folder / f"{name}.pred"), status


def _task(prompt: Prompt, instance: Instance) -> str:
    template = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - no HTML is made
    try:
        return template.from_string(prompt.instance).render(**instance)
    except jinja2.TemplateError as error:
        raise InputError(f"{instance['instance_id']}: the prompt's key 'instance' cannot be filled: {error}") from None


def _session(job: Job, instance: Instance) -> dict[str, Any]:
    name = instance["instance_id"]
    with job.backend.open() as box:
        workspaces.make(box, instance, workspaces.hidden_tests(instance, job.test_files))
        session = Session(name, box, job.prompt.system, job.tasks[name])
        try:
            patch, status = scripted.ENGINES[job.engine](session, instance, job.environment.test), "submitted"
        except scripted.ForfeitError as error:
            logger.warning("%s: %s", name, error)
            patch, status = "", "exit_forfeit"
    return session.trajectory(job.engine, status, patch)


def _write_entry(folder: Path, trajectory: dict[str, Any], run_id: str) -> None:
    name, patch = trajectory["environment"], trajectory["info"]["submission"]
    prediction = Prediction(instance_id=name, model_patch=patch, model_name_or_path=run_id)
    (folder / f"{name}.traj").write_bytes(files.json_bytes(trajectory))
    (folder / f"{name}.pred").write_bytes(files.json_bytes(prediction))
    if patch:
        (folder / f"{name}.patch").write_bytes(patches.to_bytes(patch))


def _write_summary(output: Path, results: list[tuple[Prediction, str]], made_by: dict[str, Any]) -> None:
    by_status: dict[str, list[str]] = defaultdict(list)
    funnel = summaries.Funnel()
    for prediction, status in results:
        by_status[status].append(prediction["instance_id"])
        funnel.keep()
    statuses = yaml.safe_dump(
        {"instances_by_exit_status": {key: sorted(ids) for key, ids in sorted(by_status.items())}}
    )
    files.write_bytes(output.parent / "run_batch_exit_statuses.yaml", statuses.encode())
    counts = {key: len(ids) for key, ids in sorted(by_status.items())}
    meta = {"made_by": made_by, "funnel": funnel.as_json(), "exit_statuses": counts}
    files.write_json(summaries.meta_path(output), meta)
    files.write_json(output, {prediction["instance_id"]: prediction for prediction, _ in sorted(results, key=_name)})


def _name(result: tuple[Prediction, str]) -> str:
    return result[0]["instance_id"]
