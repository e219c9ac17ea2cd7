"""Collect the candidates of a repository's bug generation methods in the one list that validation reads."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, records, summaries
from tracesmith.bugs.generation import check_repo
from tracesmith.errors import InputError

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1
ROW_KEYS = ("instance_id", "strategy", "diff", "metadata")
METADATA_TEXTS = ("explanation", "output", "rewrite", "strategy")
HASHED = re.compile(r"\.func_pm_\w+__([a-z0-9]{8})")
STAGE = re.compile(r"[a-z]+(_[a-z]+)*")


@dataclass(frozen=True)
class Summary:
    """The candidates' rows of a summary, checked."""

    path: Path
    rows: list[dict[str, Any]]
    again: str
    """The remedy for whatever is wrong with its files."""


def collect(summary_paths: Sequence[Path], repo: str, output: Path) -> int:
    """Write the candidates of all summaries, in their order, and return how many there are."""
    check_repo(repo)
    found: dict[str, dict[str, Any]] = {}
    patches: set[str] = set()
    funnel = summaries.Funnel()
    for path in summary_paths:
        summary = _read(path, repo)
        for row in summary.rows:
            candidate = _candidate(summary, row, repo)
            reason = "duplicate_id" if row["instance_id"] in found else None
            if reason is None and candidate["patch"] in patches:
                reason = "duplicate_patch"
            if reason is not None:
                funnel.drop(reason)
                continue
            funnel.keep()
            found[row["instance_id"]] = candidate
            patches.add(candidate["patch"])
    if not found:
        again = "run generate_bugs again"
        raise InputError(f"{', '.join(map(str, summary_paths))}: there are no candidates in it; {again}")
    inputs = {f"{path.parent.name}/{path.name}": path for path in summary_paths}
    made_by = summaries.made_by("collect_patches", FORMAT_VERSION, inputs, {"repo": repo})
    files.write_json(summaries.meta_path(output), {"made_by": made_by, "funnel": funnel.as_json()})
    files.write_json(output, list(found.values()))
    logger.info("%s: collected %d candidates of %d summaries", repo, len(found), len(summary_paths))
    return len(found)


def _read(path: Path, repo: str) -> Summary:
    """Return a summary whose rows are whole and of the repository."""
    value = files.read_json(path)
    again = f"run {_stage(value)} again"
    rows = value.get("candidates") if isinstance(value, dict) else None
    if not isinstance(rows, list):
        raise InputError(f"{path}: no summary of candidates: the list 'candidates' is missing; {again}")
    for position, row in enumerate(rows, start=1):
        where = f"{path} candidate {position}"
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ROW_KEYS):
            raise InputError(f"{where}: an object with the texts {', '.join(ROW_KEYS)} is wanted; {again}")
        name = records.check_instance_id(row["instance_id"], where)
        if name.rsplit(".", 1)[0] != repo:
            raise InputError(f"{where}: {name} belongs to another repository than {repo}")
    return Summary(path, rows, again)


def _stage(value: Any) -> str:
    """Return which script made a summary, by its own words."""
    made_by = value.get("made_by") if isinstance(value, dict) else None
    stage = made_by.get("stage") if isinstance(made_by, dict) else None
    return stage if isinstance(stage, str) and STAGE.fullmatch(stage) else "generate_bugs"


def _candidate(summary: Summary, row: dict[str, Any], repo: str) -> dict[str, Any]:
    folder = summary.path.parent
    try:
        metadata = _metadata(folder / row["metadata"], row["strategy"])
        patch = _patch(folder / row["diff"], row["instance_id"])
    except InputError as error:
        raise InputError(f"{error}; {summary.again}") from None
    return {**metadata, "instance_id": row["instance_id"], "patch": patch, "repo": repo}


def _metadata(path: Path, strategy: str) -> dict[str, Any]:
    found = files.read_json(path)
    whole = isinstance(found, dict) and all(isinstance(found.get(key), str) for key in METADATA_TEXTS)
    if not whole or isinstance(found.get("cost"), bool) or not isinstance(found.get("cost"), int | float):
        raise InputError(f"{path}: no metadata: texts {', '.join(METADATA_TEXTS)} and a number cost are wanted")
    if found["strategy"] != strategy:
        raise InputError(f"{path}: the strategy is {found['strategy']!r}, the summary says {strategy!r}")
    return dict(found)


def _patch(path: Path, instance_id: str) -> str:
    """Return a patch; that of a procedural candidate must still be the one that its id was made from."""
    text = files.read_text(path)
    if not text.startswith(("diff --git ", "--- ")) or "\n@@ " not in text or not text.endswith("\n"):
        raise InputError(f"{path}: no unified diff")
    hashed = HASHED.search(instance_id)
    if hashed and hashed[1] != files.short_hash(text):
        raise InputError(f"{path}: the patch is not the one that {instance_id} was made from")
    return text
