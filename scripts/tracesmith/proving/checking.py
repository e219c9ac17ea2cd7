"""
Prove for each instance of a dataset that nothing in its workspace holds the fix.

The environment, from which all workspaces are made, is looked through once for the texts of all instances; of each
workspace only what differs from it. What leaks is refused: run_agent leaves that instance out.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, pool, prepared, progress, records, sections, summaries, workspaces
from tracesmith.errors import InfrastructureError
from tracesmith.prepared import Environment
from tracesmith.proving import looking, needles, reading
from tracesmith.proving.looking import Finds, Needles, Proof
from tracesmith.proving.reading import File
from tracesmith.records import Instance
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Backend, Sandbox

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
# The start commit, then whatever of git's could hold another state of the files.
STATE = r"""
git rev-parse HEAD &&
git rev-list --all --reflog --count &&
git for-each-ref --format='%(refname)' | wc -l &&
git rev-list --objects --all | wc -l &&
git cat-file --batch-all-objects --batch-check='%(objectname)' | wc -l &&
git remote | wc -l
"""


@dataclass(frozen=True)
class Scan:
    """What is known of the environment."""

    environment: Environment
    backend: Backend
    wanted: Needles
    places: Sequence[str]
    listed: dict[str, File]
    finds: Finds
    tracked: frozenset[str]
    """Files of the pristine tree."""
    tests: list[str]


@dataclass(frozen=True)
class Checked:
    """What was found in one workspace."""

    name: str
    commit: str
    proof: Proof
    problems: list[str]
    """What git holds besides the one commit."""

    @property
    def is_refused(self) -> bool:
        """Tell whether an agent must not see this workspace."""
        return bool(self.proof.leaks or self.problems)


def run(dataset: Path, environment_path: Path, output: Path, workers: int) -> None:
    """
    Make and look through each instance's workspace and write what was found.

    Raises InputError for a bad dataset, IncompleteError when sandboxes failed.
    """
    environment = prepared.read(environment_path)
    instances = records.read_instances(dataset)
    workspaces.check(instances, environment_path.parent, environment)
    wanted = Needles({name: needles.of_patch(one["patch"], name) for one in instances if (name := one["instance_id"])})
    backend = prepared.open_backend(environment_path, environment)
    scan = look_through(backend, environment, environment_path.parent, wanted)
    checked = pool.each(instances, lambda instance: check(scan, instance), workers, backend.stop)
    results = list(progress.shown(checked, len(instances), "workspaces"))
    pool.check_complete(results.count(None), len(instances), "instances")
    inputs = {"dataset": dataset, "environment": environment_path}
    made_by = summaries.made_by("check_workspaces", FORMAT_VERSION, inputs, {})
    files.write_json(output, summary(scan, [result for result in results if result], made_by))


def look_through(backend: Backend, environment: Environment, folder: Path, wanted: Needles) -> Scan:
    """Look through what every sandbox of an environment starts from; `folder` is the environment's."""
    source = folder / environment.source
    places = reading.roots(environment.backend)
    with backend.open() as box:
        listed = reading.list_files(box, places)
        finds = wanted.look(reading.read(box, listed.values()))
    logger.info("looked through %d files of the environment for %d texts", finds.files, len(wanted.keys))
    tests = workspaces.test_files(source, environment.test)
    tracked = frozenset(files.list_files(source))
    return Scan(environment, backend, wanted, places, listed, finds, tracked, tests)


def check(scan: Scan, instance: Instance) -> Checked:
    """Make an instance's workspace and look through what it adds to the environment."""
    with scan.backend.open() as box:
        workspaces.make(box, instance, workspaces.hidden_tests(instance, scan.tests))
        found = look_into(scan, box, instance)
    if found.is_refused:
        reasons = [*found.problems, *(f"{path} holds {text!r}" for path, text in found.proof.leaks.items())]
        logger.warning("%s: the workspace gives the fix away: %s", found.name, "; ".join(reasons)[:1000])
    return found


def look_into(scan: Scan, box: Sandbox, instance: Instance) -> Checked:
    """Look through a workspace as it is now, without the files that are as in the environment."""
    name = instance["instance_id"]
    now = reading.list_files(box, scan.places)
    fresh = [file for path, file in now.items() if _is_new(file, scan.listed.get(path))]
    gone = [path for path in scan.listed if path not in now]
    before = scan.finds.without([*gone, *(file.path for file in fresh)])
    finds = before.plus(scan.wanted.look(reading.read(box, fresh)))
    proof = looking.judge(finds, scan.wanted.of[name], scan.tracked, sections.names(instance["patch"]))
    commit, problems = _state(box, name)
    return Checked(name, commit, proof, problems)


def summary(scan: Scan, results: Sequence[Checked], made_by: dict[str, Any]) -> dict[str, Any]:
    """Return the value of the output: what was looked through, and of each instance what was found."""
    funnel = summaries.Funnel()
    for result in results:
        if result.is_refused:
            funnel.drop("leaks" if result.proof.leaks else "git_holds_more")
        else:
            funnel.keep()
    unread = {path.removeprefix(f"{base.TESTBED}/"): f"{way}: {why}" for path, (way, why) in scan.finds.unread.items()}
    return {
        "made_by": made_by,
        "funnel": funnel.as_json(),
        "files": scan.finds.files,
        "texts": len(scan.wanted.keys),
        "unread": dict(sorted(unread.items())),
        "unproved": sorted(result.name for result in results if not result.proof.needles),
        "instances": {result.name: _row(result) for result in sorted(results, key=lambda result: result.name)},
    }


def _row(result: Checked) -> dict[str, Any]:
    return {
        "refused": result.is_refused,
        "commit": result.commit,
        "texts": result.proof.needles,
        "leaks": result.proof.leaks,
        "copies": result.proof.copies,
        "git": result.problems,
    }


def _is_new(file: File, before: File | None) -> bool:
    return before is None or (before.size, before.changed) != (file.size, file.changed)


def _state(box: Sandbox, name: str) -> tuple[str, list[str]]:
    """Return the workspace's commit, and what git holds besides it."""
    told = base.must(box, ["sh", "-c", STATE]).decode().split()
    if len(told) != 6:
        raise InfrastructureError(f"{name}: git says nothing of the workspace")
    commit, commits, refs, reachable, held, remotes = told[0], *map(int, told[1:])
    problems = {
        f"{commits} commits": commits != 1,
        f"{refs} references": refs != 1,
        f"{held - reachable} objects that no commit holds": held != reachable,
        f"{remotes} remotes": remotes != 0,
    }
    return commit, [problem for problem, holds in problems.items() if holds]
