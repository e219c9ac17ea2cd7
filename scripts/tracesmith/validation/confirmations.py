"""Read what confirm_bugs found: its summary, and the store beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tracesmith import files
from tracesmith.errors import InputError
from tracesmith.validation import kept

CONFIRMED = "confirmed"
REPORT = "confirmation.json"


def store_of(summary: Path) -> Path:
    """Return the folder of the entries that belong to a summary."""
    return summary.parent / summary.stem


def output_name(number: int) -> str:
    """Return the name of the file with the console output of a run, counted from 1."""
    return f"test_output.{number}.txt"


def read(path: Path, made_from: Mapping[str, Path], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """
    Return what a summary and its store say of each confirmed bug, by its name.

    Raises InputError when it was made from other files, or about other bugs, than these.
    """
    value = files.read_json(path)
    try:
        inputs = dict(value["made_by"]["inputs"])
        rows = {row["instance_id"]: (row["verdict"], row.get("discrimination")) for row in value["instances"]}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: no summary of confirm_bugs") from None
    for key, other in made_from.items():
        if inputs.get(key) != files.digest_file(other):
            raise InputError(f"{path}: was made from another file than {other}; run confirm_bugs again")
    if set(rows) != set(names):
        odd = min(map(str, set(rows) ^ set(names)))
        raise InputError(f"{path}: {odd} is not both there and valid in the reports; run confirm_bugs again")
    found = {}
    for name, (verdict, tried) in rows.items():
        if verdict == CONFIRMED:
            found[name] = _read_entry(store_of(path) / name / REPORT)
            found[name]["tracesmith"] |= {"discrimination": tried} if tried else {}
    if not found:
        raise InputError(f"{path}: none of the {len(rows)} valid bugs is confirmed; see the reasons there")
    return found


def read_output(summary: Path, name: str) -> str:
    """Return the console output of the first run of a bug."""
    path = store_of(summary) / name / output_name(1)
    try:
        return files.read_packed(path).decode("utf-8", "replace")
    except OSError:
        raise InputError(f"{path}: cannot be read; run confirm_bugs again") from None


def _read_entry(path: Path) -> dict[str, Any]:
    found = kept.read_verdict(path)
    if not isinstance(found["tracesmith"].get("confirmation"), dict):
        raise InputError(f"{path}: no entry of confirm_bugs; run it again")
    return found
