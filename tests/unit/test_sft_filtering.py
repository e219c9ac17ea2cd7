"""The lines of resolved instances."""

import json
from pathlib import Path
from typing import Any

import pytest

from sft_samples import write_report
from tracesmith import files
from tracesmith.errors import InputError
from tracesmith.sft import filtering


def line(name: str, resolved: bool | None = None, **more: Any) -> str:
    row = {"messages": [{"role": "user", "content": "hi"}], "instance_id": name, "resolved": resolved}
    return json.dumps(row | {"traj_id": f"{name}.aaaaaaaa"} | more)


def run(tmp_path: Path, text: str | bytes, resolved: list[str], unresolved: list[str]) -> bytes:
    lines, output = tmp_path / "rows.jsonl", tmp_path / "out" / "kept.jsonl"
    lines.write_bytes(text.encode() if isinstance(text, str) else text)
    filtering.filter_resolved([lines], [write_report(tmp_path / "report.json", resolved, unresolved)], output)
    return output.read_bytes()


def refused(tmp_path: Path, text: str | bytes, resolved: list[str], unresolved: list[str]) -> str:
    with pytest.raises(InputError) as caught:
        run(tmp_path, text, resolved, unresolved)
    assert not list((tmp_path / "out").glob("*")) and not list((tmp_path / "out").glob(".*"))
    return str(caught.value)


def test_kept_lines_are_the_same_bytes(tmp_path: Path) -> None:
    odd = '{ "instance_id":"b__1",  "messages":[{"content":"a\u2028b \\u00e4 ä"}], "extra": 1.50}\r'
    text = "\n".join([line("a__1"), odd, "", line("c__1")])
    assert run(tmp_path, text, ["b__1", "c__1"], ["a__1"]) == f"{odd}\n{line('c__1')}".encode()


def test_the_sidecar_counts_what_came_and_went(tmp_path: Path) -> None:
    text = "\n".join([line("a__1", True), line("b__1", False), line("c__1", False), line("d__1")])
    run(tmp_path, text, ["a__1", "e__1", "f__1"], ["b__1", "c__1"])
    sidecar = files.read_json(tmp_path / "out" / "kept.jsonl.meta.json")
    assert sidecar["funnel"] == {"in": 4, "out": 1, "dropped": {"not_in_report": 1, "unresolved": 2}}
    assert sidecar["resolved_without_row"] == 2
    assert set(sidecar["made_by"]["inputs"]) == {"lines", "report"}


def test_several_trajectories_of_an_instance_are_kept(tmp_path: Path) -> None:
    text = "\n".join([line("a__1", traj_id="a__1.x"), line("a__1", traj_id="a__1.y")])
    assert run(tmp_path, text, ["a__1"], []) == text.encode()


def test_a_report_without_a_resolved_instance_is_refused(tmp_path: Path) -> None:
    assert "no instance was resolved" in refused(tmp_path, line("a__1"), [], ["a__1"])


def test_a_selection_without_a_line_is_refused(tmp_path: Path) -> None:
    assert "has a line in it: 1 unresolved" in refused(tmp_path, line("a__1"), ["b__1", "c__1"], ["a__1"])
    assert "rows.jsonl: the file is empty" in refused(tmp_path, "", ["b__1"], [])


def test_missing_lines_are_refused(tmp_path: Path) -> None:
    report = write_report(tmp_path / "report.json", ["a__1"], [])
    with pytest.raises(InputError, match="no such file"):
        filtering.filter_resolved([tmp_path / "none.jsonl"], [report], tmp_path / "kept.jsonl")


@pytest.mark.parametrize("stored", [True, False])
def test_a_report_of_another_run_is_refused(tmp_path: Path, stored: bool) -> None:
    ids = (["b__1"], ["a__1"]) if stored else (["a__1", "b__1"], [])
    message = refused(tmp_path, f"{line('b__1', True)}\n{line('a__1', stored)}\n", *ids)
    assert "rows.jsonl line 2" in message and "another run's report" in message


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{", "not JSON"),
        ("[]", "an SFT row is an object"),
        ('{"messages": [1]}', "'instance_id'"),
        ('{"messages": [1], "instance_id": "../x"}', "'instance_id'"),
        ('{"instance_id": "b__1"}', "'messages'"),
        ('{"instance_id": "b__1", "messages": []}', "'messages'"),
        (line("b__1", resolved="yes"), "'resolved'"),  # type: ignore[arg-type]
        (line("a__1"), "stands already in line 1"),
        ("\udcff", "not UTF-8"),
    ],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, bad: str, said: str) -> None:
    text = f"{line('a__1')}\n{bad}\n".encode("utf-8", "surrogateescape")
    message = refused(tmp_path, text, ["a__1", "b__1"], [])
    assert f"{tmp_path / 'rows.jsonl'} line 2" in message and said in message


def test_an_error_leaves_the_former_output_as_it_was(tmp_path: Path) -> None:
    before = run(tmp_path, line("a__1"), ["a__1"], [])
    with pytest.raises(InputError):
        run(tmp_path, f"{line('b__1')}\n{{", ["b__1"], [])
    assert (tmp_path / "out" / "kept.jsonl").read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["kept.jsonl", "kept.jsonl.meta.json"]
