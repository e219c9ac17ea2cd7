"""
The scripted engines, which call no model: `oracle` undoes the bug, `null` changes nothing.

They prove the pipeline, in seconds and for nothing; their rows say `model: oracle` or `null` and are no training data.
"""

import logging
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tracesmith import patches, suites
from tracesmith.agents import engines
from tracesmith.agents.engines import Outcome, Save, Task
from tracesmith.agents.sessions import Session
from tracesmith.agents.tools import Call
from tracesmith.errors import TracesmithError
from tracesmith.prepared import TestSettings
from tracesmith.records import Instance
from tracesmith.sandboxes.base import TESTBED

logger = logging.getLogger(__name__)
CODE_VERSION = 2
CONTEXT = 12


class ForfeitError(TracesmithError):
    """The engine gives up on an instance, which is a verdict on the engine."""


def oracle(session: Session, instance: Instance, settings: TestSettings) -> str:
    """Look at the code, put the true fix in with the edit tool, run the tests that are left, submit."""
    for file in patches.parse(instance["patch"], f"{instance['instance_id']}: patch"):
        _undo_file(session, file)
    session.turn("I run the tests that are there.", Call("bash", {"command": suites.shell_line(settings)}))
    return session.turn("The code does what it should again. I submit the change.", Call("submit", {}))


def null(session: Session, instance: Instance, settings: TestSettings) -> str:  # noqa: ARG001 - one signature for all
    """Submit at once, with nothing changed."""
    return session.turn("I submit without a change.", Call("submit", {}))


def _undo_file(session: Session, file: patches.FilePatch) -> None:
    if file.before and file.after and file.before != file.after:
        raise ForfeitError(f"the oracle undoes no renaming ({file.before} to {file.after})")
    if not file.before:
        path = f"{TESTBED}/{file.after}"
        session.turn(f"{file.after} should not be there.", Call("bash", {"command": f"rm {shlex.quote(path)}"}))
    elif not file.after:
        text = "".join(hunk.before for hunk in file.hunks)
        make = {"command": "create", "path": f"{TESTBED}/{file.before}", "file_text": text}
        session.turn(f"{file.before} is missing.", Call("str_replace_editor", make))
    else:
        for hunk in file.hunks:
            _undo(session, f"{TESTBED}/{file.after}", hunk)


def _undo(session: Session, path: str, hunk: patches.Hunk) -> None:
    first = max(1, hunk.line - CONTEXT)
    last = hunk.line + hunk.after.count("\n") + CONTEXT
    view = {"command": "view", "path": path, "view_range": [first, last]}
    session.turn(f"I look at {path.rsplit('/', 1)[-1]} from line {first}.", Call("str_replace_editor", view))
    old, new = _shortest(hunk.after, hunk.before, session.text_of(path))
    edit = {"command": "str_replace", "path": path, "old_str": old, "new_str": new}
    seen = session.turn("This is not what the report asks for; I correct it.", Call("str_replace_editor", edit))
    if seen.startswith("No change"):
        raise ForfeitError(f"the oracle cannot place the fix in {path}: {seen}")


def _shortest(buggy: str, fixed: str, text: str) -> tuple[str, str]:
    """Return the fewest whole lines around the change that stand once in the text."""
    old, new = buggy.splitlines(keepends=True), fixed.splitlines(keepends=True)
    same = range(min(len(old), len(new)))
    head = next((i for i in same if old[i] != new[i]), len(same))
    tail = next((i for i in same if i >= len(same) - head or old[-1 - i] != new[-1 - i]), len(same) - head)
    for more in range(len(old)):
        start, end = max(0, head - more), max(0, tail - more)
        block = "".join(old[start : len(old) - end])
        if block and text.count(block) == 1:
            return _without_last_newline(block, "".join(new[start : len(new) - end]), text)
    return buggy, fixed


def _without_last_newline(old: str, new: str, text: str) -> tuple[str, str]:
    if old.endswith("\n") and new.endswith("\n") and text.count(old[:-1]) == 1 and new != "\n":
        return old[:-1], new[:-1]
    return old, new


SCRIPTS: dict[str, Callable[[Session, Instance, TestSettings], str]] = {"oracle": oracle, "null": null}


@dataclass(frozen=True)
class ScriptedEngine:
    """An engine that follows one of the SCRIPTS."""

    name: str
    system: str
    tools: tuple[str, ...] = ("bash", "str_replace_editor", "submit")

    def identity(self) -> dict[str, Any]:
        """Return what decides its turns."""
        return {"engine": self.name, "code_version": CODE_VERSION, "system": self.system}

    def run(self, task: Task, save: Save) -> Outcome:
        """Follow the script in the task's workspace."""
        with task.workspace() as place, task.turn():
            session = Session(task.name, place.box, self.system, task.text, save, self.name)
            try:
                patch, status = SCRIPTS[self.name](session, task.instance, task.environment.test), engines.SUBMITTED
            except ForfeitError as error:
                logger.warning("%s: %s", task.name, error)
                patch, status = "", engines.FORFEIT
        return Outcome(status, patch, session.trajectory(status, patch))

    def stop(self) -> None:
        """Do nothing: its sandboxes are stopped by their backend."""
