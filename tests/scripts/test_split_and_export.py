"""From trajectories to exports by hand, as docs/sft.md tells it."""

import subprocess
import sys
from pathlib import Path

from sft_samples import DEMO, MINI, RECORDINGS, read_rows, write_report
from tokenizers_made import write_tokenizer

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"
SECOND = "demo__ts-demo.range.bug_1"


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPTS / f"{name}.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def done(name: str, *arguments: object) -> None:
    finished = run(name, *arguments)
    assert (finished.returncode, finished.stdout) == (0, ""), finished.stderr


def test_two_runs_become_one_file_that_is_split_and_exported(tmp_path: Path) -> None:
    report = write_report(tmp_path / "report.json", [DEMO, SECOND], [])
    mini = write_report(tmp_path / "mini.json", [DEMO], [])
    tokenizer = write_tokenizer(tmp_path / "model")
    counted = ("--tokenizer", tokenizer, "--template", "llama3")
    a, b, mix = tmp_path / "a.jsonl", tmp_path / "b.jsonl", tmp_path / "mix.jsonl"
    done("convert_trajectories", RECORDINGS / "submitted", "--style", "xml", "--report", report, "--output", a)
    done("convert_trajectories", MINI / "submitted", "--style", "xml", "--report", mini, *counted, "--output", b)
    filters = ("--per-instance", 2, "--no-flagged", "--max-seq-len", 5000, *counted)
    done("filter_resolved", a, b, "--report", report, mini, *filters, "--output", mix)
    assert sorted(row["tracesmith"]["engine"] for row in read_rows(mix)) == ["mini", "sweagent", "sweagent"]
    train, validation = tmp_path / "train.jsonl", tmp_path / "validation.jsonl"
    done("split_rows", mix, "--share", 0.5, "--validation", validation, "--output", train)
    ids = [{row["instance_id"] for row in read_rows(path)} for path in (train, validation)]
    assert len(ids[0]) == len(ids[1]) == 1 and ids[0] != ids[1]
    for kind in ("parquet", "sharegpt"):
        sides = ("--train", train, "--validation", validation, "--name", "demo")
        done("export_rows", *sides, "--format", kind, "--output", tmp_path / kind / "manifest.json")
        assert (tmp_path / kind / "manifest.json").is_file()


def test_files_that_are_read_are_not_written(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    for words in (
        (rows, "--validation", rows, "--output", tmp_path / "x"),
        (rows, "--validation", "x", "--output", "x"),
    ):
        finished = run("split_rows", *words)
        assert finished.returncode == 2
        assert "three files" in finished.stderr or "read and written" in finished.stderr
    words = (
        "--train",
        rows,
        "--validation",
        rows,
        "--name",
        "x",
        "--format",
        "parquet",
        "--output",
        tmp_path / "x.json",
    )
    assert "FOLDER/manifest.json" in run("export_rows", *words).stderr


def test_a_length_needs_its_tokenizer(tmp_path: Path) -> None:
    report = write_report(tmp_path / "report.json", [DEMO], [])
    finished = run("filter_resolved", "x", "--report", report, "--max-seq-len", 5, "--output", tmp_path / "y")
    assert finished.returncode == 2
    assert "--max-seq-len and --tokenizer belong together" in finished.stderr
