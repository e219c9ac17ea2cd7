"""What a run took: calls, tokens and USD by stage and model, and how long each step worked."""

import csv
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from tracesmith.errors import InputError
from tracesmith.llm import ledger

AMOUNTS = ("prompt_tokens", "cached_tokens", "completion_tokens", "cost_usd", "seconds")
"""Of a call; seconds are those it took, several at once counted each."""
STYLE = r"\.(?:xml|tool|ticks)"
VARIANTS = {
    "write_bugs": r"\.llm_(?:modify|rewrite)",
    "validate_bugs": r"\.(?:combined_)?report",
    "write_issues": r"__(?:llm|static|tests|pr|skip)",
    "convert_trajectories": STYLE,
    "filter_resolved": STYLE,
    "split_rows": STYLE,
    "export_rows": STYLE + r"\.(?:parquet|sharegpt|preferences)",
    "render_training_config": r"\.(?:torchtune|trl)",
    "render_agent_config": r"\.(?:base|tuned)",
}
"""What stands behind the repository or the run in the name of a step's benchmark."""
SHARD = r"(?:\.\d+of(\d+))?"
OWN = "report_run"
"""The step that reads them: the last time it ran says nothing of the run."""


def read_calls(path: Path, names: Collection[str]) -> list[dict[str, Any]]:
    """
    Return what models were asked for some runs and repositories, by stage and model; most expensive first.

    A line that a kill tore is left out, as in the ledger's own sum; there may be no ledger, where no model was asked.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for line in path.open("rb") if path.is_file() else ():
        entry = ledger.parse(line)
        stage, _, of = entry["stage"].partition("/") if entry else ("", "", "")
        if not entry or of not in names:
            continue
        call: dict[str, Any] = {**entry}
        key, outcome, amounts = (stage, call["model"]), call["outcome"], [call[name] or 0 for name in AMOUNTS]
        account = found.setdefault(key, {"paid": 0, "cached": 0, "lost": 0, **dict.fromkeys(AMOUNTS, 0)})
        account["cached" if outcome == "cached" else "paid" if outcome == "paid" else "lost"] += 1
        if outcome != "cached":
            account |= {name: account[name] + amount for name, amount in zip(AMOUNTS, amounts, strict=True)}
    rows = [{"stage": stage, "model": model, **account} for (stage, model), account in found.items()]
    return sorted(rows, key=lambda row: (-row["cost_usd"], row["stage"], row["model"]))


def read_durations(folder: Path, names: Collection[str]) -> list[dict[str, Any]]:
    """
    Return how long the last job of each step for some runs and repositories took, longest first.

    `seconds` of the clock and `cpu_seconds`; the shards of a step, as many as there were the last time, are added up.
    Raises InputError for another kind of file.
    """
    known = "|".join(map(re.escape, sorted(names)))
    jobs: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.rglob("*.tsv")):
        step = path.relative_to(folder).parts[0]
        mine = re.fullmatch(f"(?:{known}){VARIANTS.get(step, '')}{SHARD}", path.stem)
        if mine and step != OWN:
            jobs[step][mine[1] or ""].append(path)
    rows = [_duration(step, by_shards.pop("", []) + _newest(by_shards.values())) for step, by_shards in jobs.items()]
    return sorted(rows, key=lambda row: (-row["seconds"], row["step"]))


def _newest(groups: Iterable[list[Path]]) -> list[Path]:
    return max(groups, key=lambda paths: max(path.stat().st_mtime for path in paths), default=[])


def _duration(step: str, paths: Iterable[Path]) -> dict[str, Any]:
    account: dict[str, Any] = {"step": step, "jobs": 0, "seconds": 0.0, "cpu_seconds": 0.0}
    for path in paths:
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"):
            account["jobs"] += 1
            account["seconds"] += _number(row.get("s"), path)
            account["cpu_seconds"] += _number(row.get("cpu_time"), path)
    return account


def _number(text: str | None, path: Path) -> float:
    try:
        return 0.0 if text in ("-", "NA") else float(text or "")
    except ValueError:
        raise InputError(f"{path}: {text!r} is no number of seconds: no benchmark of Snakemake") from None
