"""Check YAML against a JSON Schema and say in one line what is wrong, never showing a value: it may be a secret."""

import functools
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tracesmith import files
from tracesmith.errors import InputError

if TYPE_CHECKING:
    from jsonschema import ValidationError

END = "(?![\\s\\S])"  # the end of a text in every dialect of patterns; `$` lets a newline follow in Python's
SCHEMAS = Path(__file__).parents[2] / "schemas"


def read_yaml(path: Path) -> Any:
    """Return the value of a YAML file. Raises InputError, with the line, when it is malformed."""
    try:
        return yaml.safe_load(files.read_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise InputError(f"{path}{line}: not YAML: {getattr(error, 'problem', None) or 'malformed'}") from None
    except (ValueError, RecursionError):  # a date such as 2024-13-45; the error would show the value
        raise InputError(f"{path}: not YAML that can be read: a bad date or number, or nested too deeply") from None


def load_written(path: Path) -> Any:
    """
    Return the value of a YAML file that no user writes, by libyaml, nine times faster. Raises YAMLError and OSError.

    A text that is nested too deeply would end the process.
    """
    return yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe


@functools.cache
def read_schema(name: str) -> Any:
    """Return a schema of the folder schemas/ by its name, such as "config"."""
    return load_written(SCHEMAS / f"{name}.schema.yaml")


def check(value: Any, schema: Any, where: str, lines: Mapping[tuple[Any, ...], int] | None = None) -> None:
    """Raise InputError with the key, its line where `lines` has it, and the remedy when a value does not fit."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - scripts that check nothing start a third faster
    from jsonschema.exceptions import best_match  # noqa: PLC0415

    for key in _keys_without_quotes(value):
        raise InputError(f"{where}: key {key}: a name has to be a text; put it in quotes")
    for key in _not_finite(value):
        raise InputError(f"{where}: key {key}: wanted is a number that is finite")
    error = best_match(Draft202012Validator(schema).iter_errors(value))
    if error:
        line = f" line {_line(error, lines)}" if lines else ""
        raise InputError(f"{where}{line}: {_explain(error)}")


def _line(error: "ValidationError", lines: Mapping[tuple[Any, ...], int]) -> int:
    """Return the line of the key that does not fit: the unknown one, else the nearest that is there."""
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        path = (*path, _unknown(error))
    return lines.get(path, 1)


def _keys_without_quotes(value: Any, *path: Any) -> Iterator[str]:
    """Yield the keys that YAML reads as something else than a text, such as 2024, on or null."""
    if isinstance(value, dict):
        yield from (_key(path, key) for key in value if not isinstance(key, str))
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from _keys_without_quotes(child, *path, key)


def _not_finite(value: Any, *path: Any) -> Iterator[str]:
    """Yield the keys of numbers that pass every comparison, .nan and .inf."""
    if isinstance(value, float) and not math.isfinite(value):
        yield _key(path)
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from _not_finite(child, *path, key)


def coerce(value: Any, schema: Any, root: Any | None = None) -> Any:
    """
    Return a value with the texts turned into the numbers, booleans and nulls that its schema asks for.

    Snakemake's --config hands over nested values as texts. What does not fit is left for `check` to refuse.
    """
    root = root or schema
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        return {key: coerce(child, known.get(key) or others or {}, root) for key, child in value.items()}
    wanted = schema.get("type", "string")
    is_text_wanted = "string" in wanted or "object" in wanted or "array" in wanted
    if is_text_wanted or not isinstance(value, str):
        return value
    try:
        return yaml.safe_load(value)
    except (yaml.YAMLError, ValueError):
        return value


def _explain(error: "ValidationError") -> str:
    schema: Any = error.schema
    wanted: Any = error.validator_value
    found: Any = error.instance
    if error.validator == "additionalProperties":
        known = schema.get("properties", {})
        return f"unknown key {_key(error.absolute_path, _unknown(error))}; known here: {', '.join(sorted(known))}"
    if error.validator == "required":
        return f"key {_key(error.absolute_path, next(key for key in wanted if key not in found))} is missing"
    asked = _wanted(str(error.validator), wanted, schema)
    if "propertyNames" in error.absolute_schema_path:
        return f"key {_key(error.absolute_path, found)}: the name is not {asked}"
    return f"key {_key(error.absolute_path)}: wanted is {asked}"


def _unknown(error: "ValidationError") -> str:
    """Return the first key that the schema does not know."""
    found: Any = error.instance
    schema: Any = error.schema
    return min(str(key) for key in found if key not in schema.get("properties", {}))


def _wanted(kind: str, wanted: Any, schema: Any) -> str:
    """Say what the schema asks for, without the value that was found."""
    if kind == "enum":
        return f"one of {', '.join(str(choice) for choice in wanted if choice is not None)}"
    if kind == "type":
        return wanted if isinstance(wanted, str) else " or ".join(wanted)
    limits = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most", "pattern": "a text like"}
    if kind in limits:
        return f"{limits[kind]} {str(wanted).removesuffix(END)}"
    return f"another value ({kind}). {schema.get('description', '')}".strip()


def _key(path: Iterable[Any], *more: str) -> str:
    return ".".join(str(part) for part in (*path, *more)) or "(top level)"
