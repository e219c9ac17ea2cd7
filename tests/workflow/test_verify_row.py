"""The chain of a row: whole in the folder it was made in, and broken where something was changed."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tiny
import workflows

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
ROWS = "trajectories_sft/tiny-oracle.resolved_only.xml.jsonl"
LINKS = ["dataset", "report", "prompt", "source", "bug", "trajectory", "patch", "conversion", "verdict"]


def read(folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = json.loads((folder / ROWS).read_text().splitlines()[0])
    return row


def verify(folder: Path) -> tuple[int, dict[str, str]]:
    """Return the exit code and what is said of each link."""
    name = read(folder)["instance_id"]
    command = [sys.executable, workflows.SCRIPTS / "verify_row.py", ROWS, name, "--prompt", "rows.yaml"]
    environment = workflows.environment(folder)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, {line.split()[1]: line for line in done.stdout.splitlines()}


def test_every_link_of_a_row_holds_in_the_folder_it_was_made_in(line: Path) -> None:
    code, links = verify(line)
    assert (code, list(links)) == (0, LINKS), links


def change_row(folder: Path, **changed: Any) -> None:
    (folder / ROWS).write_text(json.dumps(read(folder) | changed) + "\n")


def edit_source(folder: Path) -> None:
    source = folder / "logs" / "build_images" / tiny.REPO / "source" / "tree" / "src" / "intervals.ts"
    source.write_text(source.read_text() + "// more\n")


def edit_trajectory(folder: Path) -> None:
    path = next((folder / "trajectories").glob(f"*/*/{read(folder)['instance_id']}/*.traj"))
    path.write_text(path.read_text().replace("submitted", "exit_cost"))


def say_another_message(folder: Path) -> None:
    messages = read(folder)["messages"]
    messages[-1]["content"] += " And more."
    change_row(folder, messages=messages)


@pytest.mark.parametrize(
    ("change", "link", "said"),
    [
        (edit_source, "source", "the row was made from"),
        (edit_trajectory, "trajectory", "the row was made from"),
        (say_another_message, "conversion", "made again, it differs in messages"),
        (lambda folder: change_row(folder, patch=""), "verdict", "run again: resolved is False, the row says True"),
    ],
)
def test_a_changed_link_is_broken(line: Path, change: Callable[[Path], None], link: str, said: str) -> None:
    change(line)
    code, links = verify(line)
    assert code == 1
    assert links[link].startswith("BROKEN") and said in links[link], links


def test_a_row_of_another_tool_or_an_unknown_instance_is_refused(line: Path) -> None:
    shutil.copy(line / ROWS, line / "other.jsonl")
    row = read(line)
    (line / "other.jsonl").write_text(json.dumps({**row, "tracesmith": {}}) + "\n")
    for name, said in ((row["instance_id"], "no row of tracesmith"), ("nobody", "no row of nobody")):
        command = [sys.executable, workflows.SCRIPTS / "verify_row.py", "other.jsonl", name]
        done = subprocess.run(command, cwd=line, capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
