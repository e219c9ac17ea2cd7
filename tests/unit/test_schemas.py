"""Schemas: one line that names the key and never shows a value; every key is described."""

from pathlib import Path
from typing import Any

import pytest

from tracesmith import schemas
from tracesmith.errors import InputError

PLANTED = "sk-secret-0123456789"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["user"],
    "properties": {
        "user": {"description": "Folder.", "type": "string", "pattern": "^[a-z]+$"},
        "mode": {"enum": ["static", "skip", None]},
        "count": {"type": ["integer", "null"], "minimum": 1, "maximum": 9},
        "share": {"type": "number", "exclusiveMinimum": 0},
        "globs": {"description": "Which files.", "type": "array", "minItems": 1, "items": {"type": "string"}},
        "runs": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z]+$"},
            "additionalProperties": {
                "type": "object",
                "required": ["repo"],
                "additionalProperties": False,
                "properties": {"repo": {"type": "string"}},
            },
        },
    },
}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"user": "me", PLANTED[:3]: PLANTED}, "unknown key sk-; known here: count, globs, mode, runs, share, user"),
        ({}, "key user is missing"),
        ({"user": PLANTED}, "key user: wanted is a text like ^[a-z]+$"),
        ({"user": {"x": PLANTED}}, "key user: wanted is string"),
        ({"user": "me", "mode": PLANTED}, "key mode: wanted is one of static, skip"),
        ({"user": "me", "count": PLANTED}, "key count: wanted is integer or null"),
        ({"user": "me", "count": 0}, "key count: wanted is at least 1"),
        ({"user": "me", "count": 10}, "key count: wanted is at most 9"),
        ({"user": "me", "count": True}, "key count: wanted is integer or null"),
        ({"user": "me", "share": 0}, "key share: wanted is more than 0"),
        ({"user": "me", "globs": ["a", [PLANTED]]}, "key globs.1: wanted is string"),
        ({"user": "me", "globs": []}, "key globs: wanted is another value (minItems). Which files."),
        ({"user": "me", "runs": {"a": {"repo": 5}}}, "key runs.a.repo: wanted is string"),
        ({"user": "me", "runs": {"a": {"rep": PLANTED}}}, "key runs.a.rep"),
        ({"user": "me", "runs": {"a": {}}}, "key runs.a.repo is missing"),
        ({"user": "me", "runs": {"a": None}}, "key runs.a: wanted is object"),
        ({"user": "me", "runs": {"A B": {"repo": PLANTED}}}, "key runs.A B: the name is not a text like ^[a-z]+$"),
        ({"user": "me", "runs": {2024: {"repo": PLANTED}}}, "key runs.2024: a name has to be a text"),
        ({"user": "me", True: PLANTED}, "key True: a name has to be a text"),
        ([PLANTED], "key (top level): wanted is object"),
        (PLANTED, "key (top level): wanted is object"),
        (None, "key (top level): wanted is object"),
    ],
)
def test_what_does_not_fit_is_one_line_with_the_key_and_without_the_value(value: Any, said: str) -> None:
    with pytest.raises(InputError) as raised:
        schemas.check(value, SCHEMA, "config")
    text = str(raised.value)
    assert text.startswith("config: ")
    assert said in text
    assert "\n" not in text
    assert PLANTED not in text


def test_what_fits_is_taken() -> None:
    schemas.check({"user": "me", "mode": None, "count": None, "runs": {"a": {"repo": "x"}}}, SCHEMA, "config")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"a: b\n  c: {PLANTED}\n", " line 2: not YAML"),
        (f"a: [{PLANTED}\n", "not YAML"),
        (f"password: {PLANTED}\n\tx: 1\n", "not YAML"),
        (f"a: !!python/object:x {PLANTED}\n", "not YAML"),
        (f"a: 2024-13-45\npassword: {PLANTED}\n", "a bad date or number"),
        (f"a: {PLANTED}\x01\n", "not YAML"),
        ("[" * 5000, "nested too deeply"),
        ("", "the file is empty"),
    ],
)
def test_yaml_that_cannot_be_read_is_one_line_without_its_values(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError) as raised:
        schemas.read_yaml(tmp_path / "mine.yaml")
    assert str(tmp_path / "mine.yaml") in str(raised.value)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert PLANTED not in str(raised.value)
