"""What agents do to their workspaces, in each of the sandboxes: whatever it is, it is a verdict."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boxes
import pytest

import agent_models
import tiny
from tracesmith import prepared, workspaces
from tracesmith.agents import engines, submissions
from tracesmith.agents.engines import Task
from tracesmith.agents.submissions import Submission
from tracesmith.sandboxes.base import Limits

pytestmark = pytest.mark.parametrize("kind", boxes.ENGINES)
Make = Callable[..., boxes.BubblewrapBackend | boxes.DockerBackend]
SETTINGS = prepared.TestSettings(**tiny.PROFILE["test"])
COMMIT = "git -c user.name=x -c user.email=x@x commit -qam x"
PRUNE = "rm -rf .git/logs && git gc -q --prune=now"
BREAK = {
    "removes": "rm -rf .git",
    "begins_anew": f"rm -rf .git && git init -q . && git add -A && {COMMIT}",
    "cuts_objects_off": "find .git/objects -type f -exec chmod u+w {} + -exec truncate -s 20 {} +",
    "moves": "mv .git /tmp/elsewhere && echo gitdir: /tmp/elsewhere >.git",
    "prunes": f"git checkout -q --orphan x && {COMMIT} && git branch -qD main && {PRUNE}",
    "closes": "chmod 000 .git src/text.ts src",
    "closes_itself": "chmod 000 .",
    "closes_the_temporary_folder": "mkdir /tmp/a && chmod 000 /tmp/a && chmod 500 /tmp || true",
}


def submit(make: Make, tree: Path, *commands: str, limits: Limits = boxes.LIMITS) -> Submission:
    """Return what an agent hands in that repairs the tiny package and then runs these commands."""
    instance: Any = agent_models.instance("solves")
    hidden = workspaces.hidden_tests(instance, workspaces.test_files(tree, SETTINGS))
    environment: Any = None
    task = Task(instance, 0, "Repair it.", hidden, environment, make(limits), engines.Limits())
    with task.workspace() as place:
        repaired = place.box.run(["bash", "-c", agent_models.REPAIR], timeout_s=60)
        assert (repaired.exit_code, repaired.killed) == (0, None), repaired
        for command in commands:
            place.box.run(["bash", "-c", command], timeout_s=60)
        return submissions.collect(task, place)


@pytest.mark.parametrize("way", BREAK)
def test_a_broken_repository_changes_nothing_in_the_patch(make: Make, tree: Path, way: str) -> None:
    found = submit(make, tree, BREAK[way])
    assert tiny.FIXED in found.patch
    assert found == submit(make, tree)


def test_a_full_disk_leaves_the_patch_when_what_fills_it_is_no_part_of_it(make: Make, tree: Path) -> None:
    limits = dataclasses.replace(boxes.LIMITS, disk_bytes=2**25)
    found = submit(make, tree, "head -c 40M /dev/urandom >/tmp/x", "rm -rf .git", limits=limits)
    assert found == submit(make, tree)


def test_a_change_that_is_too_large_is_a_verdict(make: Make, tree: Path) -> None:
    found = submit(make, tree, "head -c 80M /dev/urandom >src/core")
    assert (found.patch, found.status("submitted")) == ("", "exit_patch_size")
    assert "larger" in found.info()["submission_error"]


def test_a_workspace_of_which_no_patch_can_be_made_is_a_verdict(make: Make, tree: Path) -> None:
    limits = dataclasses.replace(boxes.LIMITS, disk_bytes=2**25)
    found = submit(make, tree, "head -c 40M /dev/urandom >src/core", limits=limits)
    assert (found.patch, found.status("exit_calls")) == ("", "exit_workspace")
    assert found.info()["submission_error"]
