"""filter_resolved.py as a user runs it, on what convert_trajectories.py writes."""

import os
import subprocess
import sys
from pathlib import Path

from sft_samples import DEMO, RECORDINGS, write_report

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"
OTHER = "demo__ts-demo.range.bug_1"


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPTS / script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def converted(tmp_path: Path) -> tuple[Path, Path]:
    report, lines = write_report(tmp_path / "report.json", [OTHER], [DEMO]), tmp_path / "RUN.xml.jsonl"
    done = run(
        "convert_trajectories.py", RECORDINGS / "submitted", "--style", "xml", "--report", report, "--output", lines
    )
    assert done.returncode == 0, done.stderr
    return lines, report


def test_only_the_resolved_line_is_kept_byte_for_byte(tmp_path: Path) -> None:
    lines, report = converted(tmp_path)
    output = tmp_path / "sft" / "RUN.resolved_only.xml.jsonl"
    done = run("filter_resolved.py", lines, "--report", report, "--output", output)
    assert (done.returncode, done.stdout) == (0, "")
    assert output.read_bytes() == lines.read_bytes().splitlines(keepends=True)[1]
    assert "kept 1 rows as 1 lines; 0 resolved ids have none" in done.stderr


def test_another_runs_report_is_one_line_and_exit_2_and_writes_nothing(tmp_path: Path) -> None:
    lines, report = converted(tmp_path)
    output = tmp_path / "kept.jsonl"
    before = sorted(tmp_path.iterdir())
    for resolved, unresolved, said in (
        ([DEMO], [OTHER], "another run's report"),
        ([], [DEMO, OTHER], "no instance was resolved"),
        (["other__1"], [], "has a line"),
    ):
        write_report(report, resolved, unresolved)
        done = run("filter_resolved.py", lines, "--report", report, "--output", output)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and said in done.stderr
        assert sorted(tmp_path.iterdir()) == before


def test_the_help_shows_a_command_that_works() -> None:
    shown = run("filter_resolved.py", "--help")
    assert shown.returncode == 0
    assert "scripts/filter_resolved.py trajectories_sft/RUN.xml.jsonl" in shown.stdout
    assert os.access(SCRIPTS / "filter_resolved.py", os.X_OK)
