"""What exists of a configuration, how far the rest is, and what it may cost."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINE = ROOT / "tests" / "data" / "line"
AGENT = {"runs": {"demo": {"repo": "css-what", "agent": {"engine": "mini"}}}, "llm": {"model": "openai/x"}}


def status(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts" / "show_status.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(LINE, tmp_path / "folder"))


def said(text: str, name: str) -> list[str]:
    """Return what the lines of a name say, without their paths."""
    found = [line.partition(f"  {name:14}  ") for line in text.splitlines()]
    return [rest.rsplit("  ", 1)[0].strip() for before, match, rest in found if match and not before]


def test_what_is_there_is_counted_and_what_is_missing_named(folder: Path) -> None:
    text = status(folder).stdout
    assert said(text, "environment") == ["there", "-"]
    assert said(text, "instances") == ["2", "-"]
    assert said(text, "trajectories") == ["2", "0 of ?"]
    assert said(text, "resolved") == ["2 of 2", "-"]
    assert said(text, "resolved rows") == ["2", "-"]
    assert said(text, "trained model")[0] == "-, only when asked for"


def test_what_is_missing_costs_what_the_others_did(folder: Path) -> None:
    run = folder / "trajectories" / "local" / "demo"
    (run / "preds.json").unlink()
    first, second = sorted(path for path in run.iterdir() if path.is_dir())
    shutil.rmtree(second)
    path = next(first.glob("*.traj"))
    record = json.loads(path.read_text())
    record["info"]["model_stats"] = {"instance_cost": 0.25}
    path.write_text(json.dumps(record))
    (folder / "mine.json").write_text(json.dumps(AGENT))
    done = status(folder, "--configfile", "mine.json")
    assert "1 of 2; at 0.250 USD each so far, the other 1 take about 0.25 USD" in done.stdout, done.stderr


def test_money_that_was_spent_is_told(folder: Path) -> None:
    ledger = folder / "logs" / "llm" / "ledger.jsonl"
    ledger.parent.mkdir(parents=True)
    ledger.write_text(json.dumps({"stage": "s", "outcome": "paid", "cost_usd": 1.5, "call": "a"}) + "\n")
    assert "spent on models: 1.50 USD in 1 calls" in status(folder).stdout


def test_a_malformed_file_is_named(folder: Path) -> None:
    report = folder / "logs" / "run_evaluation" / "demo" / "report.json"
    report.write_text("{")
    done = status(folder)
    assert done.returncode == 2 and "logs/run_evaluation/demo/report.json" in done.stderr
    assert done.stderr.count("\n") == 1
