"""The script combine_bugs: the same bytes in every process, and an empty list that says why."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tracesmith import files

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
FIXTURES = ROOT / "tests" / "data" / "ts_sources"
REPO = "local__sources.0a1b2c3d"
COMBINED = f"{REPO}_combined_patches.json"


def run(folder: Path, script: str, *words: str | Path, hash_seed: str = "0") -> None:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, SCRIPTS / f"{script}.py", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def combine(folder: Path, *flags: str, hash_seed: str = "0") -> None:
    words = ["all.json", "--report", "report.json", "--source", FIXTURES, "--output", f"out/{COMBINED}"]
    run(folder, "combine_bugs", *words, *flags, hash_seed=hash_seed)


@pytest.fixture
def collected(tmp_path: Path) -> Path:
    """Make a list of candidates and a report that calls every second one valid."""
    limits = ["--max-bugs", "60", "--repo", REPO]
    run(tmp_path, "generate_bugs", FIXTURES, *limits, "--output", f"{REPO}/procedural.json")
    run(tmp_path, "collect_patches", f"{REPO}/procedural.json", "--repo", REPO, "--output", "all.json")
    ids = [row["instance_id"] for row in json.loads((tmp_path / "all.json").read_text())]
    write_report(tmp_path, {name: ("valid", "no_fail_to_pass")[place % 2] for place, name in enumerate(ids)})
    return tmp_path


def write_report(folder: Path, verdict_of: dict[str, str]) -> None:
    rows = [{"instance_id": name, "verdict": verdict} for name, verdict in verdict_of.items()]
    made_by = {"inputs": {"patches": files.digest_file(folder / "all.json")}}
    files.write_json(folder / "report.json", {"made_by": made_by, "instances": rows})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_process_writes_the_same_bytes(collected: Path) -> None:
    combine(collected, hash_seed="1")
    one = contents(collected / "out")
    for path in sorted((collected / "out").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    combine(collected, hash_seed="2")
    assert contents(collected / "out") == one
    rows = json.loads((collected / "out" / COMBINED).read_text())
    assert len(one) == 3 + 2 * len(rows) > 20, "the list, its sidecar, the lock, and two files a candidate"


def test_the_flags_of_the_command_line_hold(collected: Path) -> None:
    flags = "--strategies combine_module --bugs 3 --depth 1 --max-bugs 4 --per-place 6 --seed 7"
    combine(collected, *flags.split())
    rows = json.loads((collected / "out" / COMBINED).read_text())
    assert {(row["strategy"], row["num_patch_files"]) for row in rows} == {("combine_module", 3)}
    assert len(rows) == 4
    settings = json.loads((collected / "out" / f"{COMBINED}.meta.json").read_text())["made_by"]["settings"]
    said = {"strategies": ["combine_module"], "bugs": 3, "depth": 1, "max_bugs": 4, "per_place": 6, "seed": 7}
    assert said.items() <= settings.items()


def test_too_few_valid_bugs_give_an_empty_list_that_says_why(collected: Path) -> None:
    ids = [row["instance_id"] for row in json.loads((collected / "all.json").read_text())]
    combine(collected)
    write_report(collected, {ids[0]: "valid", ids[1]: "timed_out"})
    combine(collected)
    assert json.loads((collected / "out" / COMBINED).read_text()) == []
    meta = json.loads((collected / "out" / f"{COMBINED}.meta.json").read_text())
    assert meta["funnel"] == {"in": 0, "out": 0, "dropped": {}}
    assert meta["parts"] == {"in": 60, "out": 1, "dropped": {"not_valid": 59}}
    assert meta["why_empty"] == "no place has 2 of the 1 bugs that can be parts"
    assert set(contents(collected / "out")) == {COMBINED, f"{COMBINED}.meta.json", f"{REPO}/.lock"}
