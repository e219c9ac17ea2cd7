"""Which rows a model learns from, and what the funnel says about the others."""

import json
from pathlib import Path
from typing import Any

import pytest

from sft_samples import read_rows, write_report
from tracesmith import files
from tracesmith.errors import InputError
from tracesmith.sft import filtering, similarity
from tracesmith.sft.filters import Filters

BENCHMARKS = Path(__file__).parents[2] / "configs" / "sft" / "benchmarks.yaml"
REPO = "colinhacks__zod.12345678"


def row(name: str, actions: tuple[str, ...] = (), *, run: str = "r", **extras: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    for action in actions or (f"cat {name}",):
        call = f"I do.\n\n<function=bash>\n<parameter=command>{action}</parameter>\n</function>"
        messages += [{"role": "assistant", "content": call}, {"role": "user", "content": "ok"}]
    found = {"messages": messages[:-1], "instance_id": name, "resolved": None, "traj_id": f"{name}.{run}"}
    return found | {"tracesmith": {"repo": name.rsplit(".", 1)[0]} | extras}


def filtered(tmp_path: Path, rows: list[dict[str, Any]], **filters: Any) -> tuple[list[str], dict[str, Any]]:
    dataset = filters.pop("dataset", None)
    lines, output = tmp_path / "rows.jsonl", tmp_path / "kept.jsonl"
    lines.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    report = write_report(tmp_path / "report.json", sorted({one["instance_id"] for one in rows}), [])
    filtering.filter_resolved(
        [lines], [report], output, filtering.Wanted(Filters(**filters), None, [dataset] if dataset else [])
    )
    return [one["traj_id"] for one in read_rows(output)], files.read_json(tmp_path / "kept.jsonl.meta.json")


def test_without_filters_every_resolved_row_stays(tmp_path: Path) -> None:
    rows = [row(f"{REPO}.a", flags=["mines_history"]), row(f"{REPO}.a", run="s")]
    kept, sidecar = filtered(tmp_path, rows)
    assert len(kept) == 2
    assert (sidecar["dropped"], sidecar["lines"]) == ([], 2)


def test_rows_with_an_integrity_flag_are_left_out_by_its_name(tmp_path: Path) -> None:
    rows = [row(f"{REPO}.a", flags=["edits_tests"]), row(f"{REPO}.b", flags=["tries_network"])]
    rows += [row(f"{REPO}.c", flags=["writes_files"])]
    kept, sidecar = filtered(tmp_path, rows, flags=True)
    assert kept == [f"{REPO}.c.r"]
    assert sidecar["funnel"]["dropped"] == {"flag_edits_tests": 1, "flag_tries_network": 1}


def test_of_one_instance_at_most_so_many_stay(tmp_path: Path) -> None:
    rows = [row(f"{REPO}.a", (f"ls {number}",), run=str(number)) for number in range(4)]
    kept, sidecar = filtered(tmp_path, rows, per_instance=2)
    assert kept == [f"{REPO}.a.0", f"{REPO}.a.1"]
    assert sidecar["funnel"]["dropped"] == {"enough_of_instance": 2}
    assert sidecar["dropped"][0] == {
        "instance_id": f"{REPO}.a",
        "reason": "enough_of_instance",
        "traj_id": f"{REPO}.a.2",
    }


def test_trajectories_of_the_same_actions_are_one(tmp_path: Path) -> None:
    actions = tuple(f"cat {number}" for number in range(40))
    rows = [
        row(f"{REPO}.a", actions, run="1"),
        row(f"{REPO}.a", (*actions[:-1], "other"), run="2"),
        row(f"{REPO}.a", tuple(f"sed {number}" for number in range(40)), run="3"),
        row(f"{REPO}.b", actions),
    ]
    kept, sidecar = filtered(tmp_path, rows, trajectories=0.9)
    assert kept == [f"{REPO}.a.1", f"{REPO}.a.3"]
    assert sidecar["funnel"]["dropped"] == {"similar_trajectory": 2}


def bug(name: str, removed: str, added: str, line: int = 5, tests: tuple[str, ...] = ("t",)) -> dict[str, Any]:
    patch = f"--- a/src/x.ts\n+++ b/src/x.ts\n@@ -{line} +{line} @@\n-{removed}\n+{added}\n"
    return {"instance_id": f"{REPO}.{name}", "repo": f"o/{REPO}", "patch": patch, "FAIL_TO_PASS": list(tests)}


def test_bugs_that_are_nearly_the_same_are_one_instance(tmp_path: Path) -> None:
    dataset = tmp_path / "dataset.json"
    bugs = [
        bug("a", "if (x < 1) return y;", "if (x > 1) return y;"),
        bug("b", "if (z < 2) return w;", "if (z > 2) return w;", line=90),
        bug("c", "if (x < 1) return y;", "return y;"),
        bug("d", "if (x < 1) return y;", "return y + 1;", line=50),
        bug("e", "if (x < 1) return y;", "if (x > 1) return y;", tests=("u",)),
    ]
    dataset.write_text(json.dumps(bugs), encoding="utf-8")
    kept, sidecar = filtered(tmp_path, [row(one["instance_id"]) for one in bugs], instances=True, dataset=dataset)
    assert kept == [f"{REPO}.a.r", f"{REPO}.d.r", f"{REPO}.e.r"]
    assert sidecar["funnel"]["dropped"] == {"similar_instance": 2}
    with pytest.raises(InputError, match="give --dataset"):
        filtered(tmp_path, [row(f"{REPO}.a")], instances=True)


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("vuejs__core.12345678.x", True),
        ("Expensify__App.12345678.x", True),
        ("npm__vue.v3.5.0.x", True),
        ("babel__parser.v7.0.0.x", True),
        ("npm__css-what.v8.0.0.x", False),
        ("colinhacks__zod.12345678.x", False),
        ("local__vue.12345678.x", False),
    ],
)
def test_repositories_of_public_benchmarks_are_left_out(tmp_path: Path, name: str, out: bool) -> None:
    rows = [row(name), row("owner__other.12345678.z")]
    kept, _ = filtered(tmp_path, rows, benchmarks=BENCHMARKS)
    assert (f"{name}.r" not in kept) == out


def test_single_commits_can_be_left_out(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("benchmarks: {mine: {commits: {colinhacks/zod: ['12345678abcdef']}}}\n", encoding="utf-8")
    rows = [row(f"{REPO}.a"), row("colinhacks__zod.99999999.a")]
    assert filtered(tmp_path, rows, benchmarks=mine)[0] == ["colinhacks__zod.99999999.a.r"]
    mine.write_text("repos: []\n", encoding="utf-8")
    with pytest.raises(InputError, match="no list of benchmarks"):
        filtered(tmp_path, rows, benchmarks=mine)


def test_error_turns_are_masked_when_asked_for(tmp_path: Path) -> None:
    rows = [row(f"{REPO}.a", ("x", "y"), error_turns=[1])]
    filtered(tmp_path, rows, mask_errors=True)
    assert read_rows(tmp_path / "kept.jsonl")[0]["tracesmith"]["masked_turns"] == [1]
    filtered(tmp_path, rows)
    assert "masked_turns" not in read_rows(tmp_path / "kept.jsonl")[0]["tracesmith"]


def test_files_of_several_runs_become_one_sorted_file(tmp_path: Path) -> None:
    paths, reports = [], []
    for run, names in (("1", "ac"), ("2", "ab")):
        path = tmp_path / f"{run}.jsonl"
        rows = [row(f"{REPO}.{name}", run=run) for name in names]
        path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
        paths.append(path)
        reports.append(write_report(tmp_path / f"{run}.json", [one["instance_id"] for one in rows], []))
    filtering.filter_resolved(paths, reports, tmp_path / "mix.jsonl")
    kept = [one["traj_id"].removeprefix(f"{REPO}.") for one in read_rows(tmp_path / "mix.jsonl")]
    assert kept == ["a.1", "a.2", "b.2", "c.1"]
    with pytest.raises(InputError, match="give one report for each"):
        filtering.filter_resolved(paths, reports[:1], tmp_path / "mix.jsonl")


def test_actions_are_read_in_every_style() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
    texts = ["x\n\n<function=bash>\n<parameter=command>ls</parameter>\n</function>", "x\n\n```\nls\n```"]
    rows = [{"messages": [{"role": "assistant", "content": text}]} for text in texts]
    rows.append({"messages": [{"role": "assistant", "content": "x", "tool_calls": [call]}]})
    assert [list(similarity.actions(one)) for one in rows] == [
        ["bash <parameter=command>ls</parameter>\n"],
        ["ls"],
        ['bash {"command": "ls"}'],
    ]
