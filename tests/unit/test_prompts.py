"""Prompt files: what is wrong in one is said with its line and key, before anything is asked."""

from pathlib import Path
from typing import Any

import pytest

from tracesmith import prompts
from tracesmith.errors import InputError

TEXT = {"type": "string", "minLength": 1}
SHAPE = {
    "type": "object",
    "required": ["system", "instance"],
    "additionalProperties": False,
    "properties": {
        **{key: {"type": "string"} for key in prompts.ROLES},
        "parameters": {"type": "object"},
        "settings": {"type": "object", "properties": {"n": {"type": "integer"}}},
    },
}


def read(folder: Path, text: str, syntax: Any = prompts.JinjaTemplate) -> prompts.Prompt:
    path = folder / "prompt.yaml"
    path.write_text(text)
    return prompts.read(path, SHAPE, syntax, ["code", "name"])


def test_texts_become_messages_and_blank_ones_none(tmp_path: Path) -> None:
    text = "system: be {{ tone }}\ndemonstration: ''\ninstance: '{{ code }}'\nparameters: {tone: kind}\n"
    made = read(tmp_path, text)
    assert made.messages({"code": "{x}", "name": "f"}, "1") == [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "{x}"},
    ]


def test_a_seed_shuffles_always_the_same_way_and_another_one_differently(tmp_path: Path) -> None:
    text = "system: s\ninstance: '{{ (items | shuffle) | join }}'\nparameters: {items: [a, b, c, d, e, f]}\n"
    made = read(tmp_path, text)
    orders = [made.messages({}, seed)[1]["content"] for seed in ("1", "1", "2")]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list("abcdef")


def test_braces_of_str_format_are_variables_and_doubled_ones_braces(tmp_path: Path) -> None:
    made = read(tmp_path, "system: s\ninstance: 'write {name} {{ }} as {code}'\n", prompts.FormatTemplate)
    assert made.messages({"code": "{y}", "name": "f"}, "1")[1]["content"] == "write f { } as {y}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("system: s\ninstance: [\n", "prompt.yaml line 3: not YAML"),
        ("system: s\n", "prompt.yaml line 1: key instance is missing"),
        ("system: s\ninstance: i\nextra: 1\n", "prompt.yaml line 3: unknown key extra; known here: demonstration"),
        ("system: s\n\ninstance: 7\n", "prompt.yaml line 3: key instance: wanted is string"),
        ("system: s\ninstance: i\nsettings:\n  n: x\n", "prompt.yaml line 4: key settings.n: wanted is integer"),
        ("system: s\ninstance: '{{ codee }}'\n", "key 'instance': no such variable 'codee'; there are: code, name"),
        ("system: s\ninstance: '{% if %}'\n", "key 'instance': line 1 of the text is no Jinja2"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=r"^[^\n]*$") as caught:
        read(tmp_path, text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [("'{codee}'", "no such variable 'codee'"), ("'{'", "braces that are no variable are written {{ and }}")],
)
def test_what_is_wrong_for_str_format_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, f"system: s\ninstance: {text}\n", prompts.FormatTemplate)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ("{{ code[7].name }}", prompts.JinjaTemplate),
        ('{{ "%(a)s" % parameters }}', prompts.JinjaTemplate),
        ("{{ code.__class__.__mro__ }}", prompts.JinjaTemplate),
        ("{code:{name}}", prompts.FormatTemplate),
        ("{code:d}", prompts.FormatTemplate),
        ("{code!x}", prompts.FormatTemplate),
        ("{code:>{codee}}", prompts.FormatTemplate),
    ],
)
def test_a_text_that_cannot_be_filled_is_an_error_of_the_file(tmp_path: Path, text: str, syntax: Any) -> None:
    made = read(tmp_path, f"system: s\ninstance: '{text}'\nparameters: {{parameters: {{b: 1}}}}\n", syntax)
    with pytest.raises(InputError, match=r"prompt\.yaml: key 'instance': the text cannot be filled"):
        made.messages({"code": "x", "name": "y"}, "1")


def test_bytes_that_are_no_text_do_not_reach_a_model(tmp_path: Path) -> None:
    made = read(tmp_path, "system: s\ninstance: '{{ code }}'\n")
    assert made.messages({"code": "a\udcff"}, "1")[1]["content"] == "a\ufffd"
