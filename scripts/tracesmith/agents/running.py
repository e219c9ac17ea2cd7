"""
Run an engine over a dataset: one workspace and one trajectory an instance, and preds.json over them.

The store is the run's trajectory folder itself, in SWE-agent's layout. An agent that came to an end is never run again;
one that was killed, or that a model or a sandbox failed, is.
"""

import dataclasses
import logging
import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tracesmith import files, pool, prepared, records, stores, summaries, workspaces
from tracesmith.agents import changes, engines, registry
from tracesmith.agents.engines import Engine, Task, UnfinishedError
from tracesmith.agents.entries import Entries
from tracesmith.agents.progress import Progress
from tracesmith.agents.registry import MakeSettings, Wanted
from tracesmith.agents.settings import AgentSettings
from tracesmith.agents.turns import SPARE, Turns
from tracesmith.errors import InfrastructureError, InputError, StoppedError, TracesmithError
from tracesmith.prepared import Environment
from tracesmith.records import Instance
from tracesmith.sandboxes.base import Backend

logger = logging.getLogger(__name__)

CODE_VERSION = 2
FORMAT_VERSION = 2
ROUNDS_APART = 1_000_000
"""A redone instance asks the model for other samples than those of the rounds before."""


class AllFailedError(TracesmithError):
    """No instance of a run was submitted with a change: something is wrong with all of it."""


@dataclass(frozen=True)
class Plan:
    """How a dataset is run."""

    engine: str
    config: Path
    share: pool.Share
    sample: int = 0
    """Which of several runs over the same dataset this is, counted from 0."""
    memory_bytes: int | None = None
    """Of each sandbox; None for the environment's own limit."""
    delay_s: float = 0.0
    """The first instances of the workers begin up to so many seconds times the workers later."""
    redo: list[str] = field(default_factory=list)
    """Finished instances that are done again."""
    redo_failed: bool = False
    checked: Path | None = None
    """Output of check_workspaces; instances that it refuses are left out."""
    home: Path | None = None
    """Checkout of SWE-agent, for the engine sweagent."""
    may_fail: bool = False
    """Whether a run in which no agent was of any use is a result."""


@dataclass(frozen=True)
class Job:
    """What every instance's session shares."""

    environment: Environment
    backend: Backend
    engine: Engine
    settings: AgentSettings
    entries: Entries
    plan: Plan
    tasks: dict[str, str]
    """What each instance's agent is told."""
    hidden: dict[str, list[str]]
    pristine: list[str]
    """Files of the pristine tree."""
    rounds: dict[str, int]
    progress: Progress
    stopped: threading.Event
    turns: Turns
    unfinished: dict[str, str]
    """Exit status of each instance that has to be run again."""
    waits: list[float]
    """How long the first instances wait before they begin."""

    def stop(self) -> None:
        """End what is under way."""
        self.stopped.set()
        self.engine.stop()
        self.backend.stop()


def run(dataset: Path, environment_path: Path, plan: Plan, output: Path, make_settings: MakeSettings) -> None:
    """
    Fill the folder of `output` with a trajectory an instance and write preds.json; a shard only fills its part.

    Raises InputError for bad input before any call, IncompleteError when some instances have to be run again,
    AllFailedError when none was of any use.
    """
    environment = _with_memory(prepared.read(environment_path), plan.memory_bytes)
    instances = workspaces.allowed(records.read_instances(dataset, statements=True), plan.checked)
    workspaces.check(instances, environment_path.parent, environment)
    agent = registry.read_settings(plan.engine, plan.config)
    tasks = {instance["instance_id"]: agent.task(instance) for instance in instances}
    entries = Entries(output.parent)
    entries.check(instances, dataset)
    again = _chosen(plan, instances, entries, dataset)
    test_files = workspaces.test_files(environment_path.parent / environment.source, environment.test)
    hidden = {instance["instance_id"]: workspaces.hidden_tests(instance, test_files) for instance in instances}
    mine = plan.share.of(instances)
    wanted = Wanted(plan.engine, plan.config, agent, output.absolute().parent.name, make_settings, plan.home)
    backend = prepared.open_backend(environment_path, environment)
    stopped = threading.Event()
    with registry.make(wanted) as made:
        entries.redo(again)
        progress = Progress(len(mine), made.tally)
        job = Job(
            environment=environment,
            backend=backend,
            engine=made.engine,
            settings=agent,
            entries=entries,
            plan=plan,
            tasks=tasks,
            hidden=hidden,
            pristine=files.list_files(environment_path.parent / environment.source),
            rounds=entries.rounds(),
            progress=progress,
            stopped=stopped,
            turns=Turns(plan.share.workers, stopped),
            unfinished={},
            waits=_waits(plan),
        )
        results = list(pool.each(mine, lambda instance: _solve(job, instance), plan.share.workers + SPARE, job.stop))
    if plan.share.is_whole():
        _write_statuses(output, entries, instances, job.unfinished)
    pool.check_complete(results.count(None), len(mine), "instances")
    if plan.share.is_whole():
        inputs = {"dataset": dataset, "environment": environment_path, "config": plan.config}
        model = made.engine.identity().get("model")
        about = {"engine": plan.engine, "model": model, "sample": plan.sample + 1}
        made_by = summaries.made_by("run_agent", FORMAT_VERSION, inputs, about)
        _write_summary(output, entries, instances, made_by, may_fail=plan.may_fail)


def _with_memory(environment: Environment, memory_bytes: int | None) -> Environment:
    if memory_bytes is None:
        return environment
    limits = dataclasses.replace(environment.limits, memory_bytes=memory_bytes)
    return dataclasses.replace(environment, limits=limits)


def _chosen(plan: Plan, instances: list[Instance], entries: Entries, dataset: Path) -> list[str]:
    known = {instance["instance_id"] for instance in instances}
    for name in plan.redo:
        if name not in known:
            raise InputError(f"--redo {name}: no such instance in {dataset}")
    return [*plan.redo, *(name for name in entries.failed(instances) if plan.redo_failed and name not in plan.redo)]


def _waits(plan: Plan) -> list[float]:
    spread = plan.delay_s * (plan.share.workers - 1)
    return [random.uniform(0, spread) for _ in range(plan.share.workers)] if spread else []  # noqa: S311 - no secret


def _solve(job: Job, instance: Instance) -> str | None:
    """Return the instance's id once it is finished. Raises UnfinishedError when it has to be run again."""
    name = instance["instance_id"]
    entries, engine = job.entries, job.engine
    fingerprint = _fingerprint(job, instance)
    with entries.store.claim(name):
        if entries.store.holds(name, fingerprint):
            job.progress.skip(name, entries.status(name))
            return name
        _wait(job)
        began: list[float] = []
        task = _task(job, instance, entries.begin(name, fingerprint), began)
        try:
            outcome = engine.run(task, lambda trajectory: entries.save(name, trajectory))
        except StoppedError:
            raise
        except InfrastructureError as error:
            status = error.exit_status if isinstance(error, UnfinishedError) else engines.ENVIRONMENT_ERROR
            job.unfinished[name] = status
            job.progress.fail(name, status, str(error))
            raise
        outcome.trajectory["info"]["tracesmith"] = changes.describe(
            outcome.patch, instance, job.environment.test, job.pristine
        )
        entries.finish(name, fingerprint, outcome)
        job.progress.step(name, outcome.trajectory["info"], time.monotonic() - began[0])
        return name


def _fingerprint(job: Job, instance: Instance) -> str:
    return stores.fingerprint(
        "run_agent",
        CODE_VERSION,
        instance=instance,
        environment=job.environment.identity(),
        engine=job.engine.identity(),
        settings=job.settings.identity(),
        sample=job.plan.sample,
        round=job.rounds.get(instance["instance_id"], 0),
    )


def _task(job: Job, instance: Instance, before: engines.Trajectory | None, began: list[float]) -> Task:
    name = instance["instance_id"]
    return Task(
        instance=instance,
        sample=job.plan.sample + ROUNDS_APART * job.rounds.get(name, 0),
        text=job.tasks[name],
        hidden=job.hidden[name],
        environment=job.environment,
        backend=job.backend,
        limits=job.settings.limits,
        before=before,
        turn=lambda: job.turns.held(began),
    )


def _wait(job: Job) -> None:
    """Let the first instances begin at different times, so that the model's server is not met by all at once."""
    try:
        seconds = job.waits.pop()
    except IndexError:
        return
    if job.stopped.wait(seconds):
        raise StoppedError("the run was stopped")


def _write_statuses(output: Path, entries: Entries, instances: list[Instance], unfinished: dict[str, str]) -> None:
    by_status: dict[str, list[str]] = defaultdict(list)
    cost = 0.0
    for name in sorted(instance["instance_id"] for instance in instances):
        if name in unfinished:
            by_status[unfinished[name]].append(name)
        else:
            info = entries.info(name)
            by_status[info["exit_status"]].append(name)
            cost += info["model_stats"]["instance_cost"]
    statuses = {"instances_by_exit_status": dict(sorted(by_status.items())), "total_cost": round(cost, 8)}
    files.write_bytes(output.parent / "run_batch_exit_statuses.yaml", yaml.safe_dump(statuses).encode())
    logger.info("exit statuses: %s", ", ".join(f"{status} {len(ids)}" for status, ids in sorted(by_status.items())))


def _write_summary(
    output: Path, entries: Entries, instances: list[Instance], made_by: dict[str, Any], *, may_fail: bool
) -> None:
    names = sorted(instance["instance_id"] for instance in instances)
    predictions = {name: entries.prediction(name) for name in names}
    infos = [entries.info(name) for name in names]
    empty = [name for name in names if not predictions[name]["model_patch"]]
    if empty:
        logger.warning("%d of %d instances have an empty patch: %s", len(empty), len(names), ", ".join(empty))
    none_submitted = all(info["exit_status"] != engines.SUBMITTED for info in infos)
    if len(empty) == len(names) and none_submitted and not may_fail:
        raise AllFailedError(
            f"{output.parent}: every instance failed, see run_batch_exit_statuses.yaml; "
            "--redo-failed runs them again once the cause is gone"
        )
    counts: dict[str, int] = defaultdict(int)
    funnel = summaries.Funnel()
    for info in infos:
        counts[info["exit_status"]] += 1
        funnel.keep()
    meta = {
        "made_by": made_by,
        "funnel": funnel.as_json(),
        "exit_statuses": dict(sorted(counts.items())),
        "empty_patches": empty,
    }
    files.write_json(summaries.meta_path(output), meta)
    files.write_json(output, predictions)
