"""Collect the candidates of a repository's bug generation methods in the one list that validation reads."""

import logging
import re
from collections.abc import Callable, Sequence
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
AGAIN = "run generate_bugs again"


def collect(summary_paths: Sequence[Path], repo: str, output: Path) -> int:
    """Write the candidates of all summaries, in their order, and return how many there are."""
    check_repo(repo)
    found: dict[str, dict[str, Any]] = {}
    funnel = summaries.Funnel()
    for path in summary_paths:
        for row in _rows(path, repo):
            candidate = _candidate(path, row, repo)
            if found.setdefault(row["instance_id"], candidate) is candidate:
                funnel.keep()
            else:
                funnel.drop("duplicate_id")
    if not found:
        raise InputError(f"{', '.join(map(str, summary_paths))}: there are no candidates in it; {AGAIN}")
    inputs = {f"{path.parent.name}/{path.name}": path for path in summary_paths}
    made_by = summaries.made_by("collect_patches", FORMAT_VERSION, inputs, {"repo": repo})
    files.write_json(summaries.meta_path(output), {"made_by": made_by, "funnel": funnel.as_json()})
    files.write_json(output, list(found.values()))
    logger.info("%s: collected %d candidates of %d summaries", repo, len(found), len(summary_paths))
    return len(found)


def _rows(path: Path, repo: str) -> list[dict[str, Any]]:
    """Return the candidates' rows of a summary, checked."""
    summary = files.read_json(path)
    rows = summary.get("candidates") if isinstance(summary, dict) else None
    if not isinstance(rows, list):
        raise InputError(f"{path}: no summary of generate_bugs: the list 'candidates' is missing; {AGAIN}")
    for position, row in enumerate(rows, start=1):
        where = f"{path} candidate {position}"
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ROW_KEYS):
            raise InputError(f"{where}: an object with the texts {', '.join(ROW_KEYS)} is wanted; {AGAIN}")
        name = records.check_instance_id(row["instance_id"], where)
        if name.rsplit(".", 1)[0] != repo:
            raise InputError(f"{where}: {name} belongs to another repository than {repo}")
    return rows


def _candidate(path: Path, row: dict[str, Any], repo: str) -> dict[str, Any]:
    metadata = _metadata(path.parent / row["metadata"], row["strategy"])
    patch = _patch(path.parent / row["diff"], row["instance_id"])
    return {**metadata, "instance_id": row["instance_id"], "patch": patch, "repo": repo}


def _again(path: Path, read: Callable[[Path], Any]) -> Any:
    """Read a file of the candidates' store; the error of one that is missing or broken tells the remedy."""
    try:
        return read(path)
    except InputError as error:
        raise InputError(f"{error}; {AGAIN}") from None


def _metadata(path: Path, strategy: str) -> dict[str, Any]:
    found = _again(path, files.read_json)
    whole = isinstance(found, dict) and all(isinstance(found.get(key), str) for key in METADATA_TEXTS)
    if not whole or isinstance(found.get("cost"), bool) or not isinstance(found.get("cost"), int | float):
        raise InputError(
            f"{path}: no metadata: texts {', '.join(METADATA_TEXTS)} and a number cost are wanted; {AGAIN}"
        )
    if found["strategy"] != strategy:
        raise InputError(f"{path}: the strategy is {found['strategy']!r}, the summary says {strategy!r}; {AGAIN}")
    return dict(found)


def _patch(path: Path, instance_id: str) -> str:
    """Return a patch; that of a procedural candidate must still be the one that its id was made from."""
    text: str = _again(path, files.read_text)
    if not text.startswith(("diff --git ", "--- ")) or "\n@@ " not in text or not text.endswith("\n"):
        raise InputError(f"{path}: no unified diff; {AGAIN}")
    hashed = HASHED.search(instance_id)
    if hashed and hashed[1] != files.short_hash(text):
        raise InputError(f"{path}: the patch is not the one that {instance_id} was made from; {AGAIN}")
    return text
