"""What a run took: calls, tokens and USD by stage and model, and how long each step worked."""

import csv
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tracesmith import files
from tracesmith.errors import InputError

AMOUNTS = ("prompt_tokens", "cached_tokens", "completion_tokens", "cost_usd", "seconds")
"""Of a call; seconds are those it took, several at once counted each."""
VARIANT = r"(?:__\w+|\.(?:\w+report|report|resolved_only|xml|tool|ticks|llm_modify|llm_rewrite|\d+of\d+))*"
"""What follows the repository or the run in the name of a step's benchmark."""


def read_calls(path: Path, names: Collection[str]) -> list[dict[str, Any]]:
    """
    Return what models were asked for some runs and repositories, by stage and model; most expensive first.

    A line that a kill tore is left out, as in the ledger's own sum; there may be no ledger, where no model was asked.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for line in path.read_bytes().splitlines() if path.is_file() else []:
        try:
            call = files.parse_json(line.decode("ascii"), str(path))
            stage, _, of = call["stage"].partition("/")
            key, outcome, amounts = (stage, call["model"]), call["outcome"], [call[name] or 0 for name in AMOUNTS]
        except (InputError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
            continue
        if of not in names:
            continue
        account = found.setdefault(key, {"paid": 0, "cached": 0, "lost": 0, **dict.fromkeys(AMOUNTS, 0)})
        account["cached" if outcome == "cached" else "paid" if outcome == "paid" else "lost"] += 1
        if outcome != "cached":
            account |= {name: account[name] + amount for name, amount in zip(AMOUNTS, amounts, strict=True)}
    rows = [{"stage": stage, "model": model, **account} for (stage, model), account in found.items()]
    return sorted(rows, key=lambda row: (-row["cost_usd"], row["stage"], row["model"]))


def read_durations(folder: Path, names: Collection[str]) -> list[dict[str, Any]]:
    """
    Return how long the last job of each step for some runs and repositories took, longest first.

    `seconds` of the clock and `cpu_seconds`; shards of a step are added up. Raises InputError for another kind of file.
    """
    mine = re.compile(f"(?:{'|'.join(map(re.escape, sorted(names)))}){VARIANT}")
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*.tsv")):
        if not mine.fullmatch(path.stem):
            continue
        step = path.relative_to(folder).parts[0]
        account = found.setdefault(step, {"step": step, "jobs": 0, "seconds": 0.0, "cpu_seconds": 0.0})
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"):
            account["jobs"] += 1
            account["seconds"] += _number(row.get("s"), path)
            account["cpu_seconds"] += _number(row.get("cpu_time"), path)
    return sorted(found.values(), key=lambda account: (-account["seconds"], account["step"]))


def _number(text: str | None, path: Path) -> float:
    try:
        return 0.0 if text in ("-", "NA") else float(text or "")
    except ValueError:
        raise InputError(f"{path}: {text!r} is no number of seconds: no benchmark of Snakemake") from None
