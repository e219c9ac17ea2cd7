"""Secrets leave a row, each for one placeholder, and nothing else does."""

import json
from pathlib import Path
from typing import Any

import pytest

from canaries import FORMS, plant
from sft_samples import DEMO, PROMPT, RECORDINGS, assistant, history, read_rows, write_trajectory
from tracesmith.errors import InputError
from tracesmith.sft.conversion import Settings, convert_trajectories
from tracesmith.sft.scrubbing import Scrubber

VIEW = {"command": "view", "path": "/testbed"}
TOKEN = "ghp_a1" + "Zx9" * 11 + "k"


def rows_of(root: Path, style: str = "xml", **choices: Any) -> list[dict[str, Any]]:
    output = root.parent / f"{style}.jsonl"
    convert_trajectories(root, output, Settings(style, PROMPT, **choices))
    return read_rows(output)


def test_there_are_thirty_forms_and_more() -> None:
    assert len(FORMS) >= 30


@pytest.mark.parametrize("style", ["xml", "tool", "ticks"])
def test_two_hundred_planted_secrets_are_gone_from_every_part_of_a_row(tmp_path: Path, style: str) -> None:
    planted = plant(200)
    turns = history(VIEW)
    turns[0]["content"] += planted[0][2]
    turns[1]["content"] += "".join(f"\n{text}\n" for _, _, text in planted[:50])
    turns[2]["thought"] = turns[2]["content"] = "\n".join(text for _, _, text in planted[50:100])
    turns[3]["content"] += "\n".join(text for _, _, text in planted[100:150])
    last = assistant("call_9", "bash", {"command": "\n".join(text for _, _, text in planted[150:])}, "Done.")
    write_trajectory(tmp_path / "run", DEMO, [*turns[:-2], last])
    [row] = rows_of(tmp_path / "run", style)
    text = json.dumps(row, ensure_ascii=False)
    left = [form for form, secret, _ in planted if secret in text or json.dumps(secret)[1:-1] in text]
    assert left == []
    assert sum(row["tracesmith"]["placeholders"].values()) >= 190


@pytest.mark.parametrize("form", FORMS)
def test_each_form_alone_is_found(form: str) -> None:
    for _, secret, text in (one for one in plant(len(FORMS) * 5, seed=8) if one[0] == form):
        assert secret not in Scrubber().text(f"before\n{text}\nafter")


def test_a_key_that_is_shown_with_line_numbers_is_gone() -> None:
    _, secret, _ = next(one for one in plant(40) if one[0] == "pem")
    numbered = "\n".join(f"{number:6}\t{line}" for number, line in enumerate(secret.split("\n"), start=1))
    assert not any(line in Scrubber().text(numbered) for line in secret.split("\n")[1:-1])
    head = "\n".join(secret.split("\n")[:4])
    assert not any(line in Scrubber().text(head) for line in head.split("\n")[1:])


def test_a_secret_has_one_placeholder_wherever_it_stands(tmp_path: Path) -> None:
    turns = history(VIEW)
    turns[1]["content"] += f" {TOKEN}"
    turns[3]["content"] += f" again {TOKEN} and ghp_{'b2' * 18}"
    write_trajectory(tmp_path / "run", DEMO, turns)
    [row] = rows_of(tmp_path / "run")
    assert row["messages"][1]["content"].endswith("[KEY_1]")
    assert "again [KEY_1] and [KEY_2]" in row["messages"][3]["content"]
    assert row["tracesmith"]["placeholders"] == {"KEY": 2}


def test_what_stands_in_the_pristine_tree_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "tree" / "src").mkdir(parents=True)
    (tmp_path / "tree" / "src" / "fixture.ts").write_text(f"const token = '{TOKEN}'\n", encoding="utf-8")
    assert Scrubber(tmp_path / "tree").text(TOKEN) == TOKEN
    assert Scrubber().text(TOKEN) == "[KEY_1]"


def test_a_row_whose_patch_would_change_is_dropped_with_the_reason(tmp_path: Path) -> None:
    path = write_trajectory(tmp_path / "run", DEMO, history(VIEW))
    path.with_suffix(".patch").write_text(f"+const token = '{TOKEN}'\n", encoding="utf-8")
    with pytest.raises(InputError, match="1 secret_in_patch"):
        rows_of(tmp_path / "run")
    assert TOKEN in rows_of(tmp_path / "run", scrub=False)[0]["patch"]


@pytest.mark.parametrize(
    "text",
    [
        "const token = tokens[tokens.length - 1];",
        "npm_package_name=css-what",
        '"integrity": "sha512-' + "Ab1+" * 21 + 'Ab==",',
        "git@github.com:owner/repo.git",
        "import x from '@scope/pkg@1.2.3';",
        "at /testbed/src/range.ts:3:7",
        "127.0.0.1:8080 and 0.0.0.0",
        "password: string; secret?: boolean;",
        "https://user:pass@example.com/",
        "API_KEY=your-api-key-here",
        "commit 3ea751c0aa3a9b2c1f6d4e5b7a8c9d0e1f2a3b4c",
        "icon@2x.png",
        "tokenType = SelectorType.Descendant",
    ],
)
def test_code_and_placeholders_stay(text: str) -> None:
    assert Scrubber().text(text) == text


def test_the_recorded_runs_hold_no_secret(tmp_path: Path) -> None:
    for recording in sorted(RECORDINGS.iterdir()):
        for path in recording.glob("*/*.traj"):
            text = path.read_text(encoding="utf-8")
            history_ = json.loads(text)["history"]
            assert Scrubber().secrets([json.dumps(message) for message in history_]) == {}, recording.name
