"""
What an agent hands in: the patch of its workspace, whatever it has done to it.

A repository that the agent removed or damaged is no failure of ours: its start is made again in a fresh sandbox. A
change that is too large, or a workspace of which no patch can be made at all, is a verdict with an empty patch.
"""

import itertools
import logging
from dataclasses import dataclass

from tracesmith.agents import engines, tools
from tracesmith.agents.engines import Task, Workspace
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import TESTBED, Completed, Sandbox

logger = logging.getLogger(__name__)
REPAIR_S = 600.0
PIECE = 32 * 2**20
"""Bytes that are carried from one sandbox to another at once; a command may not print more than twice that."""
ARCHIVE = "/tmp/start.tar"  # noqa: S108 - a path inside the sandbox
OBJECTS = "/tmp/start/objects"  # noqa: S108 - a path inside the sandbox
# The agent has ended: what is in /tmp is no part of its patch, and may have filled the disk.
MAKE_ROOM = f"""
chmod u+rwx {TESTBED}
cd {TESTBED} || exit
chmod u+rwx /tmp 2>/dev/null
find /tmp -mindepth 1 -type d ! -perm -700 -exec chmod u+rwx {{}} \\; 2>/dev/null
find /tmp -mindepth 1 -delete
find . -name node_modules -prune -o -type d ! -perm -700 -exec chmod u+rwx {{}} \\;
find . -name node_modules -prune -o -name .git -prune -o -type f ! -perm -400 -exec chmod u+r {{}} +
"""


@dataclass(frozen=True)
class Submission:
    """The patch of a workspace, empty if nothing was changed or none can be made."""

    patch: str
    failed: str | None = None
    """Exit status of an agent of whose workspace no patch can be made."""
    said: str = ""

    def status(self, own: str) -> str:
        """Return how an agent ended that came to its end with a status."""
        return self.failed or engines.final_status(own, self.patch)

    def info(self) -> dict[str, str]:
        """Return what the trajectory's `info` tells of a patch that could not be made."""
        return {"submission_error": self.said} if self.failed else {}


def collect(task: Task, place: Workspace) -> Submission:
    """Return what an agent hands in. Raises InfrastructureError when a sandbox fails, and for nothing else."""
    done = tools.difference(place.box, place.start)
    if (done.exit_code or done.killed) and done.killed != "output":
        logger.warning("%s: the start of its workspace is made again: %s", task.name, _why(done))
        done = _from_a_fresh_start(task, place)
    if done.killed == "output":
        return Submission("", engines.PATCH_SIZE, "the change is larger than what a command may print")
    if done.exit_code or done.killed:
        return Submission("", engines.WORKSPACE, _why(done))
    return Submission(tools.text_of(done))


def _from_a_fresh_start(task: Task, place: Workspace) -> Completed:
    """Make the instance's workspace once more, carry the objects of its commit over and compute the patch by them."""
    place.box.run(["sh", "-c", MAKE_ROOM], timeout_s=REPAIR_S)
    with task.workspace() as fresh:
        base.must(fresh.box, ["tar", "-cf", ARCHIVE, "-C", ".git", "objects"], timeout_s=REPAIR_S)
        _carry(fresh.box, place.box)
    unpack = f"mkdir -p {OBJECTS} && tar -xf {ARCHIVE} -C {OBJECTS}/.. && rm {ARCHIVE}"
    done = place.box.run(["sh", "-c", unpack], timeout_s=REPAIR_S)
    if done.exit_code or done.killed:
        return done
    return tools.difference(place.box, fresh.start, OBJECTS, REPAIR_S)


def _carry(source: Sandbox, target: Sandbox) -> None:
    """Copy the archive; what the target has no room for is missed when it is unpacked."""
    for number in itertools.count():
        take = ["dd", f"if={ARCHIVE}", f"bs={PIECE}", f"skip={number}", "count=1", "status=none"]
        piece = base.must(source, take, timeout_s=REPAIR_S)
        if not piece:
            return
        target.run(["sh", "-c", f"cat >>{ARCHIVE}"], timeout_s=REPAIR_S, stdin=piece)


def _why(done: Completed) -> str:
    return f"{done.killed or done.exit_code}: {done.text[-500:].strip()}"
