"""
An instance's workspace: the pristine tree with the bug applied and the hidden tests removed, as one orphan commit.

Hidden are the test files that contain an F2P test, removed whole. Nothing else of the upstream repository, its history
or its build output is in reach: the tree has none, and whatever `.git` it came with goes.
"""

import logging
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from tracesmith import files, git, globs, patches, suites
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.git import IDENTITY
from tracesmith.prepared import Environment, TestSettings
from tracesmith.records import Instance
from tracesmith.sandboxes.base import Sandbox

logger = logging.getLogger(__name__)

NOT_APPLIED = 99
# The bug patch comes by stdin, the hidden tests are the arguments.
PREPARE = f"""
git {shlex.join(patches.APPLY)} - || exit {NOT_APPLIED}
[ $# -eq 0 ] || rm -f -- "$@" || exit
"""
# Attributes of the repository change bytes and hide differences; a submitted patch has to hold them.
BYTES_AS_THEY_ARE = "-text !eol -ident -filter -working-tree-encoding !diff"
# As if every file were a big one, git writes all into one pack: a file for each would take most of the time.
COMMIT = f"""
rm -rf .git && git init -q --template= -b main . && mkdir .git/info && printf 'node_modules/\\n' >.git/info/exclude &&
printf '* %s\\n' '{BYTES_AS_THEY_ARE}' >.git/info/attributes &&
git -c core.bigFileThreshold=1 -c core.compression=1 add -A &&
git -c maintenance.auto=false commit -q --no-verify -m "Initial commit" &&
read -r start <.git/refs/heads/main && echo "$start"
"""


class PatchDoesNotApplyError(InputError):
    """A patch does not fit the tree it is meant for."""


def test_files(source: Path, settings: TestSettings) -> list[str]:
    """Return the test files of a pristine tree, sorted."""
    return [path for path in files.list_files(source) if globs.matches(path, settings.globs)]


def hidden_tests(instance: Instance, known: Iterable[str]) -> list[str]:
    """
    Return the test files to hide, sorted: those of the F2P tests.

    `known` are the test files of the pristine tree. Raises InputError when an F2P test belongs to none of them, as in
    datasets whose test names carry no file.
    """
    found = {suites.test_file(test) for test in instance["FAIL_TO_PASS"]}
    unknown = sorted(found - set(known))
    if unknown:
        raise InputError(
            f"{instance['instance_id']}: the FAIL_TO_PASS test {unknown[0]!r} is in no test file of the repository; "
            "its id must be '<file> > <titles>' (validate the patches again with validate_bugs)"
        )
    return sorted(found)


def check(instances: Iterable[Instance], folder: Path, environment: Environment) -> None:
    """
    Check, before any work, that each instance can be made: its bug patch applies and its F2P tests are of this tree.

    `folder` is the environment's. Raises InputError naming the first instance that cannot.
    """
    known = test_files(folder / environment.source, environment.test)
    bugs = {}
    for instance in instances:
        hidden_tests(instance, known)
        bugs[instance["instance_id"]] = instance["patch"]
    git.check_patches(folder / environment.mirror, bugs)


def allowed(instances: Sequence[Instance], checked: Path | None) -> list[Instance]:
    """
    Return the instances whose workspaces do not give the fix away, by the output of check_workspaces; all without one.

    Raises InputError when it is of another dataset, or when no instance is left.
    """
    if checked is None:
        return list(instances)
    value = files.read_json(checked)
    found = value.get("instances") if isinstance(value, dict) else None
    if not isinstance(found, dict) or not all(isinstance(row, dict) and "refused" in row for row in found.values()):
        raise InputError(f"{checked}: not what check_workspaces writes; run it again")
    unknown = [name for instance in instances if (name := instance["instance_id"]) not in found]
    if unknown:
        raise InputError(f"{checked}: {unknown[0]} is not in it; run check_workspaces again on this dataset")
    left = [instance for instance in instances if not found[instance["instance_id"]]["refused"]]
    if not left:
        raise InputError(f"{checked}: every workspace gives its fix away, see `leaks` there")
    if len(left) < len(instances):
        logger.warning("%d of %d instances are left out: %s", len(instances) - len(left), len(instances), checked)
    return left


def apply_patch(box: Sandbox, patch: str) -> None:
    """
    Apply a patch to the tree at /testbed; what it does to installed packages is left out.

    Raises PatchDoesNotApplyError with git's words.
    """
    done = box.run(["git", *patches.APPLY, "-"], timeout_s=120, stdin=patches.to_bytes(patch))
    if done.exit_code or done.killed:
        raise PatchDoesNotApplyError(done.text.strip()[:500] or f"git apply ended with {done.killed or done.exit_code}")


def make(box: Sandbox, instance: Instance, hidden: list[str]) -> str:
    """
    Turn a fresh sandbox into the instance's workspace, one orphan commit, and return that commit.

    It is one command, since each costs its time.
    """
    patch = patches.to_bytes(instance["patch"])
    done = box.run(["sh", "-c", PREPARE + COMMIT, "sh", *hidden], timeout_s=120, stdin=patch, environment=IDENTITY)
    name, said = instance["instance_id"], done.text.strip()[:500]
    if done.exit_code == NOT_APPLIED:
        raise PatchDoesNotApplyError(f"{name}: the bug patch does not apply: {said}")
    if done.exit_code or done.killed:
        raise InfrastructureError(f"{name}: its workspace cannot be made ({done.killed or done.exit_code}): {said}")
    return done.text.split()[-1]
