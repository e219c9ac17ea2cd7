"""Issue texts that show a model how users write: files of the repository or of the user, nothing is downloaded."""

from pathlib import Path
from typing import Any

from tracesmith import files, schemas
from tracesmith.errors import InputError


def read(path: Path) -> list[str]:
    """
    Return the texts of a YAML or JSON list of texts, or of objects with a `problem_statement` (JSONL too).

    Raises InputError that names the record.
    """
    if path.suffix == ".jsonl":
        found: Any = [value for _, value in files.read_jsonl(path)]
    else:
        found = files.read_json(path) if path.suffix == ".json" else schemas.read_yaml(path)
    if not isinstance(found, list) or not found:
        raise InputError(f"{path}: a list of issue texts is wanted, with one at least")
    return [_text(value, f"{path} record {number}") for number, value in enumerate(found, start=1)]


def _text(value: Any, where: str) -> str:
    text = value.get("problem_statement") if isinstance(value, dict) else value
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where}: a text, or an object with the text 'problem_statement', is wanted")
    return text
