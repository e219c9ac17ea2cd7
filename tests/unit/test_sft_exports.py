"""The split and the files for other trainers."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sft_samples import PROMPT, RECORDINGS, read_rows
from tracesmith import files
from tracesmith.errors import InputError
from tracesmith.sft import exports, origins, splitting
from tracesmith.sft.conversion import Settings, convert_trajectories

pq = pytest.importorskip("pyarrow.parquet")
REPO = "owner__repo.12345678"


def row(name: str, group: str | None = None, **more: Any) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "fix\u2028it"},
        {"role": "assistant", "content": f"does {more.get('traj_id', name)}"},
    ]
    found = {"messages": messages, "instance_id": f"{REPO}.{name}", "resolved": True, "model": "m"}
    found |= {"traj_id": f"{REPO}.{name}.x", "patch": "+a\n"}
    return found | {"tracesmith": {"style": "xml", "split_group": group or name}} | more


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(files.json_line(one) for one in rows))
    return path


def split(
    tmp_path: Path, rows: list[dict[str, Any]], share: float = 0.2, seed: int = 24
) -> tuple[list[Any], list[Any]]:
    path = write(tmp_path / "rows.jsonl", rows)
    outputs = splitting.Outputs(tmp_path / "train.jsonl", tmp_path / "validation.jsonl")
    splitting.split_rows(path, outputs, share, seed)
    return read_rows(outputs.train), read_rows(outputs.validation)


def test_no_group_is_on_both_sides_and_no_row_is_lost(tmp_path: Path) -> None:
    rows = [row(f"a{number:03}", group=f"g{number // 3}") for number in range(120)]
    train, validation = split(tmp_path, rows)
    sides = [{one["tracesmith"]["split_group"] for one in side} for side in (train, validation)]
    assert not sides[0] & sides[1]
    assert sorted(one["instance_id"] for one in [*train, *validation]) == [one["instance_id"] for one in rows]
    assert 2 <= len(sides[1]) <= 16
    meta = files.read_json(tmp_path / "train.jsonl.meta.json")
    assert meta["rows"] == {"train": len(train), "validation": len(validation)}
    assert split(tmp_path, rows) == (train, validation)
    assert split(tmp_path, rows, seed=25) != (train, validation)


def test_a_group_stays_on_its_side_when_rows_are_added(tmp_path: Path) -> None:
    rows = [row(f"a{number:03}") for number in range(100)]
    before = {one["instance_id"] for one in split(tmp_path, rows[:50])[1]}
    after = {one["instance_id"] for one in split(tmp_path, rows)[1]}
    assert before == {name for name in after if name in {one["instance_id"] for one in rows[:50]}}


def test_both_sides_have_a_row_and_one_group_is_refused(tmp_path: Path) -> None:
    for share in (0.001, 1.0):
        train, validation = split(tmp_path, [row("a"), row("b")], share)
        assert (len(train), len(validation)) == (1, 1)
    with pytest.raises(InputError, match="all rows are of one group of bugs"):
        split(tmp_path, [row("a", group="g"), row("b", group="g")])
    assert splitting.choose({"a", "b", "c"}, 0.5, 1, "x") < {"a", "b", "c"}


def bug(name: str, line: int, file: str = "src/x.ts", **more: Any) -> dict[str, Any]:
    patch = f"--- a/{file}\n+++ b/{file}\n@@ -{line} +{line} @@\n-a\n+b\n"
    return {"instance_id": f"{REPO}.{name}", "repo": f"o/{REPO}", "patch": patch, "FAIL_TO_PASS": ["t"]} | more


def test_bugs_that_touch_the_same_lines_are_one_group(tmp_path: Path) -> None:
    both = bug("both", 40)["patch"] + bug("both", 3, "src/z.ts")["patch"]
    bugs = [bug("a", 5), bug("b", 5), bug("c", 90), bug("d", 3, "src/z.ts"), bug("e", 40), bug("both", 1, patch=both)]
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps(bugs), encoding="utf-8")
    groups = {name.removeprefix(f"{REPO}."): origin.group for name, origin in origins.read(path).items()}
    assert groups["a"] == groups["b"] != groups["c"]
    assert groups["both"] == groups["d"] == groups["e"] == f"{REPO}.both"
    path.write_text('[{"instance_id": "a"}]', encoding="utf-8")
    with pytest.raises(InputError, match="no dataset of assemble_dataset"):
        origins.read(path)


def source(tmp_path: Path, rows: list[dict[str, Any]] | None = None, *everything: Path) -> exports.Source:
    train = write(tmp_path / "train.jsonl", rows or [row("a"), row("b")])
    return exports.Source("demo", train, write(tmp_path / "validation.jsonl", [row("c")]), everything)


def test_parquet_holds_the_rows_and_the_card_names_the_splits(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    counts = exports.export_rows(source(tmp_path), "parquet", folder)
    assert counts == {"data/train-00000-of-00001.parquet": 2, "data/validation-00000-of-00001.parquet": 1}
    found = pq.read_table(folder / "data" / "train-00000-of-00001.parquet").to_pylist()
    assert found[0]["messages"] == row("a")["messages"]
    assert json.loads(found[0]["tracesmith"])["split_group"] == "a"
    front = yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    splits = {one["split"]: one["path"] for one in front["configs"][0]["data_files"]}
    assert splits == {
        "train": "data/train-00000-of-00001.parquet",
        "validation": "data/validation-00000-of-00001.parquet",
    }
    manifest = files.read_json(folder / "manifest.json")
    for name, about in manifest["files"].items():
        assert about["sha256"] == files.digest_file(folder / name)
    before = files.digest_file(folder / "data" / "train-00000-of-00001.parquet")
    exports.export_rows(source(tmp_path), "parquet", tmp_path / "again")
    assert files.digest_file(tmp_path / "again" / "data" / "train-00000-of-00001.parquet") == before


def test_rows_of_style_tool_keep_their_calls_and_schemas(tmp_path: Path) -> None:
    convert_trajectories(RECORDINGS / "submitted", tmp_path / "rows.jsonl", Settings("tool", PROMPT))
    rows = read_rows(tmp_path / "rows.jsonl")
    exports.export_rows(source(tmp_path, rows), "parquet", tmp_path / "out")
    [first, _] = pq.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet").to_pylist()
    calls = first["messages"][2]["tool_calls"]
    assert calls == [{**call, "function": call["function"]} for call in rows[0]["messages"][2]["tool_calls"]]
    assert json.loads(first["tools"])[0]["function"]["name"] == "bash"
    with pytest.raises(InputError, match="has tool calls"):
        exports.export_rows(source(tmp_path, rows), "sharegpt", tmp_path / "sharegpt")


def test_sharegpt_is_what_its_description_says(tmp_path: Path) -> None:
    exports.export_rows(source(tmp_path), "sharegpt", tmp_path / "out")
    info = files.read_json(tmp_path / "out" / "dataset_info.json")
    assert info["demo_train"]["file_name"] == "train.jsonl"
    [first, _] = read_rows(tmp_path / "out" / "train.jsonl")
    assert first["system"] == "s"
    assert [turn["from"] for turn in first["conversations"]] == ["human", "gpt"]
    assert first["conversations"][0]["value"] == "fix\u2028it"


def test_preferences_pair_resolved_and_unresolved_rows_of_the_training_side(tmp_path: Path) -> None:
    rows = [
        row("a", traj_id="a.1"),
        row("a", traj_id="a.2", resolved=False),
        row("a", traj_id="a.3", resolved=False),
        row("b", traj_id="b.1"),
        row("c", traj_id="c.1"),
        row("c", traj_id="c.2", resolved=False),
    ]
    everything = write(tmp_path / "rows.jsonl", rows)
    counts = exports.export_rows(source(tmp_path, None, everything), "preferences", tmp_path / "out")
    assert counts == {"train.jsonl": 1}
    other = write(tmp_path / "other.jsonl", [row("b", traj_id="b.2", resolved=False)])
    assert exports.export_rows(source(tmp_path, None, everything, other), "preferences", tmp_path / "both") == {
        "train.jsonl": 2
    }
    [pair] = read_rows(tmp_path / "out" / "train.jsonl")
    assert [message["role"] for message in pair["prompt"]] == ["system", "user"]
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == ("does a.1", "does a.2")
    few = write(tmp_path / "few.jsonl", rows[:1])
    for paths, said in (((), "give --rows as well"), ((few,), "take several samples")):
        with pytest.raises(InputError, match=said):
            exports.export_rows(source(tmp_path, None, *paths), "preferences", tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("[]", "line 1: an SFT row is an object"),
        ('{"messages": []}', "'instance_id'"),
        ('{"instance_id": "a", "messages": []}', "'messages'"),
        ('{"instance_id": "a", "messages": [{"role": "user", "content": null}]}', "message 1"),
        ('{"instance_id": "a", "messages": [{"role": "human", "content": "x"}]}', "message 1"),
    ],
)
def test_a_file_that_holds_no_rows_is_refused_and_leaves_nothing(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        splitting.split_rows(path, splitting.Outputs(tmp_path / "out" / "a", tmp_path / "out" / "b"), 0.1, 1)
    with pytest.raises(InputError, match=said):
        exports.export_rows(exports.Source("x", path, path), "parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("key", "value"), [("resolved", 0), ("model", ["x"]), ("traj_id", 5), ("patch", "\ud800")])
def test_a_value_that_parquet_has_no_place_for_is_named_by_its_row(tmp_path: Path, key: str, value: object) -> None:
    rows = [row("a"), {**row("b"), key: value}]
    with pytest.raises(InputError, match=r"train.jsonl: .*\.b: a value is of no type that Parquet has"):
        exports.export_rows(source(tmp_path, rows), "parquet", tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()
