"""Prompts of issue texts and what they are filled with: ours, SWE-smith's format, demonstrations, evidence."""

import json
from pathlib import Path
from typing import Any

import pytest

import tiny
from tracesmith import packing
from tracesmith.errors import InputError
from tracesmith.issues import asking, demonstrations, evidence
from tracesmith.issues.evidence import Evidence
from tracesmith.records import Instance

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs" / "issue_gen"
FILE = "src/intervals.spec.ts"
FAILING = [f"{FILE} > merge > joins intervals that touch", f"{FILE} > merge > sorts", f"{FILE} > merge > sorts [2]"]
INSTANCE: Instance = {
    "instance_id": f"{tiny.REPO}.bug__aaaaaaaa",
    "patch": tiny.BUG,
    "FAIL_TO_PASS": FAILING,
    "PASS_TO_PASS": [],
    "image_name": "x",
    "repo": f"swesmith/{tiny.REPO}",
}
KNOWN = evidence.known_variables([INSTANCE])
SWE_SMITH = """settings:
  n_instructions: 2
  max_var_tokens: 10_000
system: You are a software engineer.
demonstration: |-
  Here are some issues:
  {% for text in (demo_problem_statements | shuffle)[:2] %}
  {{ text }}
  {% endfor %}
instance: |-
  {{ patch }} {{ test_output }} {{ instance_id }} {{ style }}
  {% for test in test_funcs | shuffle %}
  {{ test }}
  {% endfor %}
parameters:
  style: terse
model: openai/gpt-4o
"""


def write_output(folder: Path, output: bytes) -> None:
    (folder / INSTANCE["instance_id"]).mkdir(parents=True)
    (folder / INSTANCE["instance_id"] / "test_output.txt").write_bytes(output)


def gathered(folder: Path, output: bytes = b"AssertionError: 2 is not 1", max_tokens: int = 10_000) -> Evidence:
    write_output(folder, output)
    return Evidence(folder, tiny.SOURCE, demonstrations.read(CONFIGS / "demonstrations.yaml"), max_tokens)


@pytest.mark.parametrize("name", ["ig_v2.yaml", "ig_tests.yaml"])
def test_our_prompts_are_filled_with_all_that_is_known(tmp_path: Path, name: str) -> None:
    prompt = asking.read_prompt(CONFIGS / name, KNOWN)
    variables = gathered(tmp_path).variables(INSTANCE)
    messages = prompt.messages(variables, "1")
    assert [message["role"] for message in messages] == ["system", "user", "user"]
    text = messages[-1]["content"]
    assert "AssertionError: 2 is not 1" in text
    assert 'it("joins intervals that touch", () => {' in text
    assert (INSTANCE["patch"] in text) == (name == "ig_v2.yaml")
    assert ('import { contains, coverage, merge } from "./intervals.js";' in text) == (name == "ig_tests.yaml")
    assert sum(shown in messages[1]["content"] for shown in variables["demo_problem_statements"]) in (2, 3)
    assert prompt.messages(variables, "1") == messages != prompt.messages(variables, "2")


@pytest.mark.parametrize("name", ["ig_v2.yaml", "ig_tests.yaml"])
def test_our_prompts_say_when_no_source_was_found(tmp_path: Path, name: str) -> None:
    prompt = asking.read_prompt(CONFIGS / name, KNOWN)
    variables = {**gathered(tmp_path).variables(INSTANCE), "test_funcs": []}
    assert "were not found" in prompt.messages(variables, "1")[-1]["content"]


def test_swe_smiths_format_works_unchanged(tmp_path: Path) -> None:
    (tmp_path / "ig.yaml").write_text(SWE_SMITH)
    prompt = asking.read_prompt(tmp_path / "ig.yaml", KNOWN)
    assert (asking.samples(prompt), asking.max_tokens(prompt)) == (2, 10_000)
    text = prompt.messages(gathered(tmp_path).variables(INSTANCE), "1")[-1]["content"]
    assert INSTANCE["instance_id"] in text
    assert "terse" in text
    (tmp_path / "ig.yaml").write_text("settings: {}\nsystem: s\ndemonstration: ''\ninstance: '{{ patch }}'\n")
    prompt = asking.read_prompt(tmp_path / "ig.yaml", KNOWN)
    assert (asking.samples(prompt), asking.max_tokens(prompt)) == (1, 10_000)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("n_instructions: 2", "n_instructions: 0", "line 2: key settings.n_instructions: wanted is at least 1"),
        ("n_instructions: 2", "samples: 2", "line 2: unknown key settings.samples; known here: max_var_tokens"),
        ("{{ patch }}", "{{ bug_patch }}", "key 'instance': no such variable 'bug_patch'; there are: FAIL_TO_PASS"),
        ("system: You", "sistem: You", "key system is missing"),
        ("{% endfor %}", "", "is no Jinja2"),
    ],
)
def test_a_prompt_that_is_wrong_is_refused_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    (tmp_path / "ig.yaml").write_text(SWE_SMITH.replace(old, new))
    with pytest.raises(InputError) as caught:
        asking.read_prompt(tmp_path / "ig.yaml", KNOWN)
    assert said in str(caught.value)
    assert str(tmp_path / "ig.yaml") in str(caught.value)


def test_the_output_has_no_colours_and_loses_its_middle(tmp_path: Path) -> None:
    found = gathered(tmp_path, b"\x1b[31mfirst\x1b[0m" + b"x" * 5000 + b"\xff last", max_tokens=100)
    output = found.variables(INSTANCE)["test_output"]
    assert output.startswith("firstxxx")
    assert output.endswith("x\ufffd last")
    assert "4611 characters are left out here" in output
    assert len(output) < 500


def test_an_output_that_was_compressed_is_read_as_well(tmp_path: Path) -> None:
    found = gathered(tmp_path, b"AssertionError: 2 is not 1\n" * 200)
    plain = found.variables(INSTANCE)
    (tmp_path / INSTANCE["instance_id"] / "entry.json").write_text("{}")
    packing.pack([tmp_path], 4096)
    assert not (tmp_path / INSTANCE["instance_id"] / "test_output.txt").exists()
    assert found.variables(INSTANCE) == plain


def test_an_output_that_is_missing_is_named(tmp_path: Path) -> None:
    found = Evidence(tmp_path, tiny.SOURCE, [], 100)
    with pytest.raises(InputError, match=r"test_output\.txt: no such file; --validation is the folder"):
        found.variables(INSTANCE)


def test_sources_that_are_not_found_are_counted_and_nothing_outside_of_the_tree_is_read(tmp_path: Path) -> None:
    nowhere = [
        "src/text.ts > x",
        "../tests/titles.spec.ts > Parse > reads a tag",
        f"/{FILE} > sorts",
        "merge > sorts",
        "src > x",
    ]
    assert gathered(tmp_path).missing({**INSTANCE, "FAIL_TO_PASS": [*FAILING, *nowhere]}) == len(nowhere)


def test_equal_sources_are_shown_once(tmp_path: Path) -> None:
    assert len(gathered(tmp_path).variables(INSTANCE)["test_funcs"]) == 2


FORMS: list[tuple[str, Any]] = [
    ("a.yaml", "- one\n- |-\n  two\n"),
    ("a.json", json.dumps(["one", "two"])),
    ("a.json", json.dumps([{"problem_statement": "one", "repo": "x"}, {"problem_statement": "two"}])),
    ("a.jsonl", '{"problem_statement": "one"}\n\n{"problem_statement": "two"}\n'),
]


@pytest.mark.parametrize(("name", "text"), FORMS)
def test_demonstrations_are_lists_of_texts_or_rows_of_a_dataset(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert demonstrations.read(tmp_path / name) == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "- [", "line 1: not YAML"),
        ("a.yaml", "a: 1\n", "a list of issue texts is wanted"),
        ("a.json", "[]", "a list of issue texts is wanted"),
        ("a.json", '["a", " "]', "record 2: a text, or an object"),
        ("a.jsonl", '{"problem_statement": "a"}\n{"text": "b"}\n', "record 2: a text, or an object"),
        ("a.jsonl", "{", "line 1: not JSON"),
    ],
)
def test_what_are_no_demonstrations_is_said(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        demonstrations.read(tmp_path / name)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (" issue\n", "issue"),
        ("<think>\nhm </think>\n\nissue", "issue"),
        ("```markdown\nissue\n\n```ts\nf()\n```\nend\n```", "```markdown\nissue\n\n```ts\nf()\n```\nend\n```"),
        ("```md\nissue\n```", "issue"),
        ("```ts\nf()\n```", "```ts\nf()\n```"),
    ],
)
def test_an_answer_is_freed_of_thoughts_and_of_a_fence_around_it(answer: str, text: str) -> None:
    assert asking.clean(answer) == text
