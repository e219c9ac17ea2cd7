"""Collection: one list in the order of the summaries, and no file taken that is missing, broken or another's."""

import json
from pathlib import Path
from typing import Any

import pytest

from tracesmith import files, records
from tracesmith.bugs import collection, generation
from tracesmith.errors import InputError

FIXTURES = Path(__file__).parent.parent / "data" / "ts_sources"
REPO = "local__sources.0a1b2c3d"
PATCH = "diff --git a/x.ts b/x.ts\n--- a/x.ts\n+++ b/x.ts\n@@ -1 +1 @@\n-a\n+b\u2028\r\n"


@pytest.fixture
def procedural(tmp_path: Path) -> Path:
    output = tmp_path / REPO / "procedural.json"
    generation.generate(FIXTURES, REPO, generation.BugSettings(["src/**"], max_bugs=12), output)
    return output


def model_made(folder: Path, name: str = "lm_modify__abcdefgh") -> Path:
    """Write a summary as another method would, with its files."""
    metadata = {"cost": 0.25, "explanation": "why", "output": "raw", "rewrite": "x", "strategy": "llm", "extra": 1}
    (folder / "x").mkdir(parents=True)
    (folder / "x" / f"bug__{name}.diff").write_bytes(PATCH.encode())
    files.write_json(folder / "x" / f"metadata__{name}.json", metadata)
    row = {"instance_id": f"{REPO}.{name}", "strategy": "llm", "file": "x.ts", "entity": "x"}
    paths = {"diff": f"x/bug__{name}.diff", "metadata": f"x/metadata__{name}.json"}
    files.write_json(folder / "llm_modify.json", {"candidates": [{**row, **paths}]})
    return folder / "llm_modify.json"


def first_row(summary: Path) -> dict[str, Any]:
    return dict(json.loads(summary.read_text())["candidates"][0])


def test_list_has_the_candidates_of_all_summaries_in_their_order(tmp_path: Path, procedural: Path) -> None:
    output = tmp_path / f"{REPO}_all_patches.json"
    other = model_made(tmp_path / "other")
    assert collection.collect([other, procedural], REPO, output) == 13
    rows = json.loads(output.read_text())
    ids = [row["instance_id"] for row in json.loads(procedural.read_text())["candidates"]]
    assert [row["instance_id"] for row in rows] == [f"{REPO}.lm_modify__abcdefgh", *ids]
    assert rows[0]["patch"] == PATCH
    assert (rows[0]["cost"], rows[0]["extra"]) == (0.25, 1)
    required = records.Candidate.__required_keys__
    assert list(rows[1]) == [key for key in records.Candidate.__annotations__ if key in required]
    assert {row["repo"] for row in rows} == {REPO}
    assert [row["instance_id"] for row in records.read_candidates(output)] == [row["instance_id"] for row in rows]


def test_sidecar_says_what_went_in(tmp_path: Path, procedural: Path) -> None:
    output = tmp_path / "all.json"
    collection.collect([procedural], REPO, output)
    meta = json.loads((tmp_path / "all.json.meta.json").read_text())
    assert meta["funnel"] == {"in": 12, "out": 12, "dropped": {}}
    assert meta["made_by"]["inputs"] == {f"{REPO}/procedural.json": files.digest_file(procedural)}


def test_an_id_that_comes_twice_is_taken_once_and_counted(tmp_path: Path, procedural: Path) -> None:
    output = tmp_path / "all.json"
    assert collection.collect([procedural, procedural], REPO, output) == 12
    meta = json.loads((tmp_path / "all.json.meta.json").read_text())
    assert meta["funnel"] == {"in": 24, "out": 12, "dropped": {"duplicate_id": 12}}


def test_a_patch_that_an_earlier_method_has_too_is_taken_once_and_counted(tmp_path: Path) -> None:
    one, other = model_made(tmp_path / "one"), model_made(tmp_path / "other", "lm_rewrite__abcdefgh")
    output = tmp_path / "all.json"
    assert collection.collect([one, other], REPO, output) == 1
    meta = json.loads((tmp_path / "all.json.meta.json").read_text())
    assert meta["funnel"] == {"in": 2, "out": 1, "dropped": {"duplicate_patch": 1}}
    assert json.loads(output.read_text())[0]["instance_id"] == f"{REPO}.lm_modify__abcdefgh"


def test_the_remedy_names_the_script_that_made_the_summary(tmp_path: Path) -> None:
    path = model_made(tmp_path / "one")
    summary = json.loads(path.read_text())
    for stage, named in (("revert_pulls", "revert_pulls"), ("rm -rf /", "generate_bugs"), (5, "generate_bugs")):
        files.write_json(path, {"made_by": {"stage": stage}, "candidates": [5]})
        with pytest.raises(InputError, match=f"run {named} again"):
            collection.collect([path], REPO, tmp_path / "all.json")
    files.write_json(path, {**summary, "made_by": 5})
    assert collection.collect([path], REPO, tmp_path / "all.json") == 1


@pytest.mark.parametrize("key", ["diff", "metadata"])
@pytest.mark.parametrize("content", [None, b"", b"not what it was", b"{}", b"\xff"])
def test_missing_or_broken_file_is_named_with_the_remedy(
    tmp_path: Path, procedural: Path, key: str, content: bytes | None
) -> None:
    path = procedural.parent / first_row(procedural)[key]
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="run generate_bugs again") as raised:
        collection.collect([procedural], REPO, tmp_path / "all.json")
    assert str(path) in str(raised.value)
    assert [one.name for one in tmp_path.iterdir()] == [REPO]


def test_patch_that_was_edited_is_refused(tmp_path: Path, procedural: Path) -> None:
    path = procedural.parent / first_row(procedural)["diff"]
    path.write_bytes(path.read_bytes().replace(b"\n+", b"\n+ ", 2))
    with pytest.raises(InputError, match=r"not the one that .* was made from"):
        collection.collect([procedural], REPO, tmp_path / "all.json")


def test_metadata_of_another_strategy_is_refused(tmp_path: Path, procedural: Path) -> None:
    path = procedural.parent / first_row(procedural)["metadata"]
    metadata = json.loads(path.read_text())
    files.write_json(path, {**metadata, "strategy": "func_pm_other"})
    with pytest.raises(InputError, match="func_pm_other"):
        collection.collect([procedural], REPO, tmp_path / "all.json")


def test_summary_of_another_repository_is_refused(tmp_path: Path, procedural: Path) -> None:
    with pytest.raises(InputError, match="another repository"):
        collection.collect([procedural], "local__other.00000000", tmp_path / "all.json")


@pytest.mark.parametrize("content", ["[]", '{"candidates": {}}', '{"candidates": [1]}', '{"candidates": []}', "{"])
def test_file_that_is_no_summary_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "procedural.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"procedural\.json"):
        collection.collect([path], REPO, tmp_path / "all.json")
    assert not (tmp_path / "all.json").exists()
