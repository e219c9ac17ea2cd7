"""
Leave out candidates that give the same JavaScript, or that TypeScript's checker finds without running anything.

Both screens run the repository's own TypeScript, in a sandbox. Types count only where the pristine tree has no error.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, patches, prepared, records, summaries
from tracesmith.bugs.sources import SUFFIXES
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Sandbox

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1
SCREENS = ("javascript", "types")
SCREEN = Path(__file__).with_name("screen.cjs")
FOLDER = "/tmp/tracesmith-screen"  # noqa: S108 - a path inside the sandbox
REASONS = frozenset({None, "same_javascript", "does_not_apply", "does_not_compile"})


@dataclass(frozen=True)
class Screened:
    """What the screens say."""

    typescript: str | None
    """Version of the repository's TypeScript; None when it has none that can be asked."""
    errors: int | None
    """Errors of the pristine tree; None when types were not looked at."""
    reasons: list[str | None]
    """Why each edit is left out, or None."""
    not_looked_at: int = 0
    """Patches that change more than the text of TypeScript files."""


def screen(patches_path: Path, environment_path: Path, screens: Sequence[str], timeout_s: float, output: Path) -> None:
    """Write the candidates that pass the screens, and beside them what became of the others."""
    environment = prepared.read(environment_path)
    candidates = records.read_candidates(patches_path)
    records.check_repo(candidates, environment.repo, patches_path)
    said = look(environment_path, {one["instance_id"]: one["patch"] for one in candidates}, screens, timeout_s)
    kept = [one for one, reason in zip(candidates, said.reasons, strict=True) if reason is None]
    if not kept:
        raise InputError(f"{patches_path}: no candidate passes the screens {' '.join(screens)}; make more of them")
    funnel = summaries.Funnel()
    for reason in said.reasons:
        funnel.keep() if reason is None else funnel.drop(reason)
    inputs = {"patches": patches_path, "environment": environment_path}
    made_by = summaries.made_by("screen_bugs", FORMAT_VERSION, inputs, {"screens": list(screens)})
    about = {
        "typescript": said.typescript,
        "errors": said.errors,
        "not_looked_at": said.not_looked_at,
        "screened_out": {
            one["instance_id"]: reason for one, reason in zip(candidates, said.reasons, strict=True) if reason
        },
    }
    files.write_json(summaries.meta_path(output), {"made_by": made_by, "funnel": funnel.as_json(), **about})
    files.write_json(output, kept)
    logger.info("%s: kept %d of %d candidates (%s)", environment.repo, len(kept), len(candidates), about)


def look(environment_path: Path, bugs: Mapping[str, str], screens: Sequence[str], timeout_s: float) -> Screened:
    """Return what the screens say of patches, which are given by the names of their bugs, in their order."""
    edits = [_edit(name, patch) for name, patch in bugs.items()]
    asked = [edit for edit in edits if edit is not None]
    environment = prepared.read(environment_path)
    with prepared.open_backend(environment_path, environment).open() as box:
        said = _run(box, asked, screens, timeout_s)
    reasons = iter(said.reasons)
    found = [next(reasons) if edit is not None else None for edit in edits]
    return Screened(said.typescript, said.errors, found, edits.count(None))


def _edit(name: str, patch: str) -> list[dict[str, Any]] | None:
    """Return the edit of a patch for the screen, its files; None when it changes more than texts of TypeScript."""
    found = patches.parse(patch, name)
    if not all(file.before == file.after and str(file.after).endswith(SUFFIXES) for file in found):
        return None
    return [{"path": file.after, "hunks": [asdict(hunk) for hunk in file.hunks]} for file in found]


def _run(box: Sandbox, edits: Sequence[list[dict[str, Any]]], screens: Sequence[str], timeout_s: float) -> Screened:
    paths = [f"{FOLDER}/{name}" for name in ("screen.cjs", "edits.jsonl", "report.json")]
    base.write_file(box, paths[0], SCREEN.read_bytes())
    base.write_file(box, paths[1], "".join(json.dumps(edit) + "\n" for edit in edits).encode("ascii"))
    done = box.run(["node", *paths, *screens], timeout_s=timeout_s)
    data = base.read_file(box, paths[2]) if done.exit_code == 0 else None
    if data is None:
        raise InfrastructureError(f"the screens ended with {done.killed or done.exit_code}: {done.text[-500:].strip()}")
    said = Screened(**json.loads(data))
    if said.typescript is None:
        logger.warning("the repository has no TypeScript with an API (before 7): no candidate is screened")
        return Screened(None, None, [None] * len(edits))
    if len(said.reasons) != len(edits) or not REASONS.issuperset(said.reasons):
        raise InfrastructureError(f"the screens gave {len(said.reasons)} answers to {len(edits)} edits")
    return said
