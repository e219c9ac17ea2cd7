"""What a report takes from SFT rows: which instances have some, and what they took."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tracesmith import files, records, schemas, summaries
from tracesmith.errors import InputError
from tracesmith.reports import turns
from tracesmith.reports.run_files import read_object

RESOLVED = "resolved"
"""The outcome of what a patch repaired."""
AMOUNTS = {
    "properties": {
        "cost": {"type": ["number", "null"], "minimum": 0},
        "tokens": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
    }
}
"""What a row says of its price and length."""


@dataclass
class Rows:
    """What a file of SFT rows says."""

    count: int = 0
    resolved: int = 0
    """Rows whose `resolved` is true."""
    ids: dict[str, bool] = field(default_factory=dict)
    """Instances that have a row, and whether a row of theirs is resolved."""
    exit_statuses: dict[str, list[str]] = field(default_factory=dict)
    """Of each instance's rows, of which there are several where there are samples."""
    costs: list[float] = field(default_factory=list)
    """USD of each row that says it."""
    tokens: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    """By chat format, of each instance's rows."""
    engines: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    dropped: dict[str, str] = field(default_factory=dict)
    """Instances without a row and the reason, of the sidecar."""
    turns: dict[str, list[str]] = field(default_factory=dict)
    """Packed trajectories of each instance, where they were asked for."""


def read_rows(path: Path, outcomes: dict[str, str], evaluation: Path, *, pack: bool) -> Rows:
    """Stream a file of SFT rows and read its sidecar. Raises InputError when the evaluation contradicts a row."""
    rows = Rows(dropped=_reasons(summaries.meta_path(path)))
    packer = turns.Packer(path) if pack and path.is_file() else None
    for number, value in files.read_jsonl(path):
        where = f"{path} line {number}"
        row = records.check_object(value, where)
        name = records.check_instance_id(row.get("instance_id"), f"{where}: key 'instance_id'")
        resolved = row.get("resolved")
        if not isinstance(resolved, bool | None):
            raise InputError(f"{where}: the key 'resolved' must be true, false or null")
        if resolved is not None and name in outcomes and resolved is not (outcomes[name] == RESOLVED):
            raise InputError(f"{where}: {evaluation} contradicts 'resolved' of {name}: it is another run's report")
        rows.count += 1
        rows.resolved += resolved is True
        rows.ids[name] = rows.ids.get(name, False) or resolved is True
        _note(rows, name, row, where)
        if packer:
            packer.add(row, where)
    return replace(rows, turns=packer.packed) if packer else rows


def _note(rows: Rows, name: str, row: dict[str, Any], where: str) -> None:
    ours = records.check_object(row.get("tracesmith") or {}, f"{where}: key 'tracesmith'")
    status, engine, model = ours.get("exit_status"), ours.get("engine"), row.get("model")
    for key, value in (("exit_status", status), ("engine", engine), ("model", model)):
        if not isinstance(value, str | None):
            raise InputError(f"{where}: key {key!r}: a text is wanted")
    if status:
        rows.exit_statuses.setdefault(name, []).append(status)
    schemas.check(ours, AMOUNTS, f"{where}: key 'tracesmith'")
    rows.costs += [ours["cost"]] if ours.get("cost") is not None else []
    for template, count in ours.get("tokens", {}).items():
        rows.tokens.setdefault(template, {}).setdefault(name, []).append(count)
    rows.engines |= {engine} if engine else set()
    rows.models |= {model} if model else set()


def _reasons(sidecar: Path) -> dict[str, str]:
    """Return why instances have no row, from the list that convert_trajectories keeps; a file may have no sidecar."""
    if not sidecar.is_file():
        return {}
    dropped = read_object(sidecar).get("dropped", [])
    try:
        found = {str(entry["instance_id"]): str(entry["reason"]) for entry in dropped}
    except (KeyError, TypeError):
        raise InputError(f"{sidecar}: key 'dropped': a list of {{instance_id, reason}} is wanted") from None
    return found
