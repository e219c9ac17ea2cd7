"""show_funnel.py as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "show_funnel.py"


def step(name: str, count: int | None, note: str | None = None, **dropped: int) -> dict[str, Any]:
    return {"step": name, "count": count, "dropped": dropped, "from": None, "note": note}


def summary(**more: Any) -> dict[str, Any]:
    funnel = [
        step("candidates", None, "not given"),
        step("valid_instances", 1200, no_fail_to_pass=30, timed_out=2),
        step("trajectories", 1200),
        step("resolved", 7, unresolved=1193),
        step("rows", 7),
    ]
    made_by = {"stage": "report_run", "format_version": 2}
    paths = {"rows": "sft/RUN.jsonl", "report": "RUN.html", "resolved": "gone.jsonl"}
    return {"made_by": made_by, "run_id": "RUN", "engines": ["sweagent"], "files": paths, "funnel": funnel, **more}


def show(folder: Path, value: Any) -> subprocess.CompletedProcess[str]:
    (folder / "RUN.json").write_text(json.dumps(value))
    command = [sys.executable, SCRIPT, "RUN.json"]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)


def test_the_results_that_exist_and_the_funnel_are_printed_aligned(tmp_path: Path) -> None:
    (tmp_path / "sft").mkdir()
    for name in ("sft/RUN.jsonl", "RUN.html"):
        (tmp_path / name).write_text("x")
    done = show(tmp_path, summary())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Run RUN, engine sweagent\n"
        "\n"
        "Results\n"
        "  rows    sft/RUN.jsonl\n"
        "  report  RUN.html\n"
        "\n"
        "step             count  dropped  reason\n"
        "candidates           -           (not given)\n"
        "valid instances   1200       30  no_fail_to_pass\n"
        "                              2  timed_out\n"
        "trajectories      1200\n"
        "resolved             7     1193  unresolved\n"
        "rows                 7\n"
    )


def test_a_scripted_engine_and_missing_files_are_said(tmp_path: Path) -> None:
    done = show(tmp_path, summary(engines=["oracle"], files={"rows": "gone"}))
    assert "engine oracle (scripted: proves the pipeline, no training data)" in done.stdout
    assert "none of its files is here" in done.stdout and "gone" not in done.stdout


def test_a_terminal_is_sent_no_escape_sequence_and_no_forged_line(tmp_path: Path) -> None:
    hostile = {"\x1b[31mred\nrows  9999": 3, "\u202eevil\ud800": 1}
    done = show(tmp_path, summary(funnel=[step("rows", 1, **hostile)]))
    assert done.returncode == 0, done.stderr
    assert "␛[31mred␤rows  9999" in done.stdout and "\\u202eevil\\ud800" in done.stdout
    assert "\x1b" not in done.stdout and done.stdout.count("\n") == 7


def test_what_is_no_summary_is_one_line_and_exit_2(tmp_path: Path) -> None:
    old = {"stage": "report_run", "format_version": 0}
    for value in ([], {}, summary(made_by=old), summary(funnel=[]), summary(funnel=[step("rows", 1, note=None, x=-1)])):
        done = show(tmp_path, value)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: RUN.json") and done.stderr.count("\n") == 1
    (tmp_path / "RUN.json").unlink()
    done = subprocess.run([sys.executable, SCRIPT, tmp_path / "RUN.json"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no such file" in done.stderr


def test_the_script_can_be_run_by_its_name() -> None:
    assert os.access(SCRIPT, os.X_OK)
