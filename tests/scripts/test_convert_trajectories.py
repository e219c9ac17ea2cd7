"""convert_trajectories.py as a user runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sft_samples import DEMO, RECORDINGS, read_rows, write_report

SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "convert_trajectories.py"


def convert(*arguments: object, cwd: Path | None = None, seed: int = 0) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONHASHSEED": str(seed)}
    command = [sys.executable, SCRIPT, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_a_run_becomes_rows_with_verdicts(tmp_path: Path) -> None:
    report = write_report(tmp_path / "report.json", [DEMO], ["demo__ts-demo.range.bug_1"])
    output = tmp_path / "sft" / "RUN.xml.jsonl"
    done = convert(RECORDINGS / "submitted", "--style", "xml", "--report", report, "--output", output)
    assert (done.returncode, done.stdout) == (0, "")
    assert [row["resolved"] for row in read_rows(output)] == [True, False]
    assert sorted(path.name for path in output.parent.iterdir()) == ["RUN.xml.jsonl", "RUN.xml.jsonl.meta.json"]


@pytest.mark.parametrize("style", ["xml", "tool", "ticks"])
def test_the_bytes_are_the_same_from_any_folder(tmp_path: Path, style: str) -> None:
    elsewhere = tmp_path / "elsewhere" / "submitted"
    shutil.copytree(RECORDINGS / "submitted", elsewhere)
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    runs = [
        convert(RECORDINGS / "submitted", "--style", style, "--output", first, seed=1),
        convert("submitted", "--style", style, "--output", second, cwd=elsewhere.parent, seed=2),
    ]
    assert [done.returncode for done in runs] == [0, 0]
    assert first.read_bytes() == second.read_bytes()
    metas = [path.with_name(f"{path.name}.meta.json").read_bytes() for path in (first, second)]
    assert metas[0] == metas[1]
    assert str(tmp_path).encode() not in first.read_bytes() + metas[0]


def test_wrong_input_is_one_line_and_exit_2_and_writes_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_text("[", encoding="utf-8")
    mini = tmp_path / "mini" / DEMO
    mini.mkdir(parents=True)
    (mini / f"{DEMO}.traj.json").write_text("{}", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    run = RECORDINGS / "submitted"
    for arguments, said in (
        ([tmp_path / "none"], "none: no such folder"),
        ([tmp_path / "empty"], "empty: no trajectory in it"),
        ([mini.parent], "1 missing_history"),
        ([RECORDINGS / "rate_limited"], "1 no_assistant_turn"),
        ([run, "--report", bad], "bad: not JSON"),
        ([run, "--report", tmp_path / "absent.json"], "absent.json: no such file"),
        ([run, "--prompt", bad], "bad: not YAML"),
    ):
        done = convert(*arguments, "--style", "xml", "--output", tmp_path / "out" / "rows.jsonl")
        assert done.returncode == 2
        assert said in done.stderr and "Traceback" not in done.stderr
        assert done.stderr.splitlines()[-1].startswith("error: ")
        assert not (tmp_path / "out").exists()


def test_the_arguments_are_checked_and_explained() -> None:
    assert convert(RECORDINGS / "submitted", "--style", "json", "--output", "x").returncode == 2
    shown = convert("--help")
    assert shown.returncode == 0
    assert "scripts/convert_trajectories.py trajectories/local/RUN --style xml" in shown.stdout
    assert os.access(SCRIPT, os.X_OK)
