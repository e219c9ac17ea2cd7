"""Rows that are too long: nothing is cut, and each turn of the agent is trained once or its row is left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from sft_samples import PROMPT, RECORDINGS, read_rows, write_report
from tokenizers_made import write_tokenizer
from tracesmith import files
from tracesmith.errors import InputError
from tracesmith.sft import filtering, lengths, tokens
from tracesmith.sft.conversion import Settings, convert_trajectories

NAME = "owner__repo.12345678.a"
WORDS = 20


def long_row(turns: int, words: int = WORDS) -> dict[str, Any]:
    messages = [{"role": "system", "content": "sys"}, {"role": "user", "content": "task"}]
    for number in range(turns):
        messages += [
            {"role": "assistant", "content": f"turn{number} " + "a " * words},
            {"role": "user", "content": f"seen{number} " + "b " * words},
        ]
    extras = {"error_turns": [1, turns - 1]}
    return {"messages": messages[:-1], "instance_id": NAME, "traj_id": f"{NAME}.x", "tracesmith": extras}


def fit(tmp_path: Path, row: dict[str, Any], most: int, policy: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    lines, output = tmp_path / "rows.jsonl", tmp_path / "kept.jsonl"
    other = {**row, "instance_id": "owner__repo.12345678.b", "messages": row["messages"][:3]}
    lines.write_text(f"{json.dumps(row)}\n{json.dumps(other)}\n", encoding="utf-8")
    report = write_report(tmp_path / "report.json", [NAME, other["instance_id"]], [])
    limit = lengths.Limit(most, write_tokenizer(tmp_path / "model"), policy=policy)
    filtering.filter_resolved([lines], [report], output, filtering.Wanted(limit=limit))
    return read_rows(output), files.read_json(tmp_path / "kept.jsonl.meta.json")


def test_a_long_row_is_dropped_and_counted(tmp_path: Path) -> None:
    rows, sidecar = fit(tmp_path, long_row(30), 200, "drop")
    assert [row["instance_id"] for row in rows] == ["owner__repo.12345678.b"]
    assert sidecar["funnel"] == {"in": 2, "out": 1, "dropped": {"over_length": 1}}
    assert rows[0]["tracesmith"]["tokens"]["llama3"] <= 200


def test_a_long_row_is_an_error_when_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{NAME} has [0-9]+ tokens, max_seq_len is 200"):
        fit(tmp_path, long_row(30), 200, "error")
    assert not (tmp_path / "kept.jsonl").exists()


@pytest.mark.parametrize("most", [100, 200, 333])
def test_parts_hold_each_turn_once_and_fit(tmp_path: Path, most: int) -> None:
    row = long_row(30)
    rows, sidecar = fit(tmp_path, row, most, "split")
    parts = rows[:-1]
    counter = tokens.Counter(tmp_path / "model", "auto")
    assert all(counter.count(part["messages"]) == part["tracesmith"]["tokens"]["llama3"] <= most for part in parts)
    said = [m["content"] for part in parts for m in part["messages"] if m["role"] == "assistant"]
    assert said == [m["content"] for m in row["messages"] if m["role"] == "assistant"]
    for number, part in enumerate(parts, start=1):
        assert [m["role"] for m in part["messages"][:3]] == ["system", "user", "assistant"]
        assert part["messages"][1]["content"].startswith("task")
        assert part["traj_id"] == f"{NAME}.x.{number}of{len(parts)}"
        assert part["messages"][-1]["role"] == "assistant"
    for part in parts:
        turns = sum(m["role"] == "assistant" for m in part["messages"])
        again = lengths.part_again(row, part["tracesmith"]["part"], turns)
        assert again["messages"] == part["messages"] and again["traj_id"] == part["traj_id"]
    first = parts[1]["tracesmith"]["part"]["first_turn"]
    assert f"seen{first - 1} " in parts[1]["messages"][1]["content"]
    assert lengths.LEFT_OUT in parts[1]["messages"][1]["content"]
    marked = [part["tracesmith"]["part"]["first_turn"] + t for part in parts for t in part["tracesmith"]["error_turns"]]
    assert marked == [1, 29]
    assert (sidecar["funnel"]["out"], sidecar["lines"]) == (2, len(parts) + 1)


def test_a_row_with_a_turn_that_fits_nowhere_is_dropped_whole(tmp_path: Path) -> None:
    row = long_row(10)
    row["messages"][10]["content"] = "a " * 500
    rows, sidecar = fit(tmp_path, row, 200, "split")
    assert len(rows) == 1
    assert sidecar["dropped"] == [{"instance_id": NAME, "reason": "turn_over_length", "traj_id": f"{NAME}.x"}]


def test_rows_hold_their_counts_by_template(tmp_path: Path) -> None:
    folder = write_tokenizer(tmp_path / "model", "{% for m in messages %}{{ m.content }} {% endfor %}")
    for template, more in (("chatml", 1), ("llama3", 1), ("own", 0)):
        output = tmp_path / f"{template}.jsonl"
        settings = Settings("xml", PROMPT, tokenizer=folder, template=template)
        convert_trajectories(RECORDINGS / "submitted", output, settings)
        row = read_rows(output)[0]
        assert row["tracesmith"]["tokens"][template] > 100 * more
        assert row["tracesmith"]["provenance"]["tokenizer"] == files.digest_file(folder / "tokenizer.json")
    texts = tokens.Counter(folder, "own").count([{"role": "user", "content": "one two three"}])
    assert texts == 3
    assert tokens.Counter(folder, "chatml").count([{"role": "user", "content": "one two three"}]) == 6


@pytest.mark.parametrize(
    ("written", "template", "said"),
    [
        (None, "chatml", "no such file"),
        ("{", "chatml", "not JSON"),
        ("", "chatml", "the file is empty"),
        ("whole", "own", "no chat_template"),
    ],
)
def test_a_folder_without_what_is_counted_with_is_refused(
    tmp_path: Path, written: str | None, template: str, said: str
) -> None:
    (tmp_path / "model").mkdir()
    if written == "whole":
        write_tokenizer(tmp_path / "model")
    elif written is not None:
        (tmp_path / "model" / "tokenizer.json").write_text(written, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        tokens.Counter(tmp_path / "model", template)


def test_a_template_that_refuses_messages_is_named(tmp_path: Path) -> None:
    folder = write_tokenizer(tmp_path / "model", "{{ raise_exception('only users') }}")
    with pytest.raises(InputError, match="template own: does not take these messages: only users"):
        tokens.Counter(folder, "own").count([{"role": "tool", "content": "x"}])
