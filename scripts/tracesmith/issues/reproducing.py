"""
Run the reproduction script of an issue text: it must end well on the pristine tree, and fail where the bug is.

The script is TypeScript that imports the repository's sources. It runs in a fresh sandbox each time, by a loader of
ours that needs no package but, where there is one, the repository's own TypeScript. What came of it is stored, so that
the same script is judged once, by whichever process.
"""

import re
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tracesmith import files, prepared, stores, workspaces
from tracesmith.errors import InputError
from tracesmith.issues import checks
from tracesmith.issues.checks import Judgement
from tracesmith.prepared import Environment
from tracesmith.records import Instance
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Backend, Completed
from tracesmith.stores import ENTRY, Store

CODE_VERSION = 1
"""Part of every entry's fingerprint: a change of how scripts are run or judged makes it another one."""
LOADER = Path(__file__).with_name("loader.cjs")
PLACE = "/tmp/tracesmith-loader.cjs"  # noqa: S108 - a path inside the sandbox
SCRIPT = "tracesmith-reproduction"
TIMEOUT_S = 20.0
"""Of one run; a script that runs longer with the bug has shown it."""
OLDEST_NODE = (22, 15)
"""The first in which a loader's hooks hold for `require` as well."""
FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[\w+.-]*)[^\r\n`]*$")
LANGUAGES = frozenset({"", "ts", "typescript", "mts", "cts", "tsx", "js", "javascript", "mjs", "cjs", "jsx"})
ELEMENTS = frozenset({"tsx", "jsx"})
IMPORTS_A_SOURCE = re.compile(r"""\b(?:import\b[^;"'`]*|require\s*\(\s*)["'`]\.{1,2}/""")
LONGEST_OUTPUT = 1500


@dataclass(frozen=True)
class Script:
    """A script and the name of its file."""

    name: str
    text: str


@dataclass(frozen=True)
class Reproducer:
    """Runs the scripts of one environment, so many at once."""

    environment: Environment
    backend: Backend
    workers: int
    store: Store
    _slots: threading.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_slots", threading.Semaphore(self.workers))

    def judge(self, text: str, instance: Instance) -> Judgement:
        """Return what is wrong with a text and its script, the checks that cost nothing first."""
        found = checks.judge(text, instance, "tests")
        return found if found.reason else self._run(found, text, instance)

    def _run(self, found: Judgement, text: str, instance: Instance) -> Judgement:
        script = extract(text)
        if script is None:
            wanted = "one fenced block of TypeScript that imports a source of the repository by its relative path"
            return replace(found, reason="no_script", detail=f"It had no reproduction script: {wanted}.")
        patch, loader = instance["patch"], files.digest_file(LOADER)
        parts = {"environment": self.environment.identity(), "script": asdict(script), "patch": patch, "loader": loader}
        name = stores.fingerprint("write_issues", CODE_VERSION, **parts)
        with self.store.claim(name):
            if not self.store.holds(name, name):
                reason, detail = self._tried(script, patch)
                about = {"instance_id": instance["instance_id"], "reason": reason, "detail": detail}
                with self.store.replace(name, name, about):
                    pass
            entry = files.read_json(self.store.folder(name) / ENTRY)
        return replace(found, reason=entry["reason"], detail=entry["detail"])

    def _tried(self, script: Script, patch: str) -> tuple[str | None, str]:
        """Return what is wrong with a script that was run on both trees, and how to say so; None for nothing."""
        without = self._result(script, None)
        if without.exit_code or without.killed:
            said = f"Without the bug the script must end well, but it ended with {_ending(without)}"
            return "script_fails_without_bug", said
        with_bug = self._result(script, patch)
        if with_bug.exit_code == 0 and not with_bug.killed:
            return "script_passes_with_bug", "With the bug the script must throw, but it ended well."
        return None, ""

    def _result(self, script: Script, patch: str | None) -> Completed:
        """Run a script at the root of a fresh tree, with a patch or without."""
        with self._slots, self.backend.open() as box:
            if patch is not None:
                workspaces.apply_patch(box, patch)
            base.write_file(box, PLACE, LOADER.read_bytes())
            base.write_file(box, script.name, script.text.encode("utf-8", "replace"))
            settings = self.environment.test
            command = ["node", PLACE, script.name, settings.folder]
            return box.run(command, timeout_s=TIMEOUT_S, environment=settings.environment)


def check(path: Path, environment: Environment) -> None:
    """Raise InputError when an environment has no Node that can load TypeScript."""
    version = re.match(r"v?(\d+)\.(\d+)", environment.node)
    if not version or (int(version[1]), int(version[2])) < OLDEST_NODE:
        oldest = ".".join(map(str, OLDEST_NODE))
        raise InputError(f"{path}: scripts of mode tests need Node {oldest} or newer, this has {environment.node}")


def open_for(path: Path, environment: Environment, workers: int, store: Path) -> Reproducer:
    """Return the reproducer of an environment, with the folder of its store."""
    return Reproducer(environment, prepared.open_backend(path, environment), workers, Store(store))


def extract(text: str) -> Script | None:
    """Return the fenced script that imports a source by its relative path, the first of several; None without one."""
    for language, code in _fenced(text):
        if language in LANGUAGES and IMPORTS_A_SOURCE.search(code):
            return Script(f"{SCRIPT}.{'tsx' if language in ELEMENTS else 'ts'}", code)
    return None


def _fenced(text: str) -> Iterator[tuple[str, str]]:
    """Yield language and code of each fenced block; one that is not closed goes to the end."""
    lines = iter(text.replace("\r\n", "\n").split("\n"))
    for line in lines:
        opened = FENCE.match(line)
        if not opened:
            continue
        code = []
        for inner in lines:
            bare = inner.strip()
            if len(bare) >= len(opened["mark"]) and set(bare) == {opened["mark"][0]}:
                break
            code.append(inner.removeprefix(opened["indent"]))
        yield opened["language"].lower(), "\n".join(code) + "\n"


def _ending(done: Completed) -> str:
    how = f"the {done.killed} limit" if done.killed else f"exit code {done.exit_code}"
    return f"{how} and this output:\n\n{done.text.strip()[-LONGEST_OUTPUT:]}\n\n"
