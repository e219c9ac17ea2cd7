"""An environment from a git source, as a user makes it: named by the commit, and the same tree as the folder's."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import tiny
import upstream
from tracesmith.environments import sources

pytestmark = [pytest.mark.sandbox, pytest.mark.network]


def test_an_environment_is_built_from_a_commit(tmp_path: Path) -> None:
    repository = shutil.copytree(
        tiny.SOURCE, tmp_path / "tiny", symlinks=True, ignore=shutil.ignore_patterns("node_modules")
    )
    upstream.git(repository, "init", "-q", "-b", "main")
    commit = upstream.commit(repository)
    source = f"git+{repository.as_uri()}@{commit}"
    (tmp_path / "profile.yaml").write_text(yaml.safe_dump({**tiny.PROFILE, "source": source}))
    output = tmp_path / "built" / "environment.json"
    script = tiny.REPOSITORY / "scripts" / "build_environment.py"
    command = [sys.executable, script, tmp_path / "profile.yaml", "--backend", "bubblewrap", "--output", output]
    done = subprocess.run([*command, "--memory", "2g", "--disk", "500m"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    environment = json.loads(output.read_text())
    assert environment["repo"] == f"local__tiny.{commit[:8]}"
    assert environment["source_hash"] == sources.tree_hash(tiny.SOURCE)
    origin = {"source": source, "commit": commit, "submodules": [], "tree_hash": environment["source_hash"]}
    assert environment["made_by"]["origin"] == origin
    (tmp_path / "tiny" / ".git").rename(tmp_path / "gone")
    again = subprocess.run([*command, "--memory", "2g", "--disk", "500m"], capture_output=True, text=True, check=False)
    assert again.returncode == 0, "what was fetched is not fetched again"


@pytest.mark.parametrize(("source", "code"), [("git+file:///nowhere/x@v1", 1), ("git+https://h/o/r@main", 2)])
def test_a_source_that_is_not_there_is_one_line_and_leaves_nothing(tmp_path: Path, source: str, code: int) -> None:
    (tmp_path / "profile.yaml").write_text(yaml.safe_dump({**tiny.PROFILE, "source": source}))
    script = tiny.REPOSITORY / "scripts" / "build_environment.py"
    output = tmp_path / "built" / "environment.json"
    command = [sys.executable, script, tmp_path / "profile.yaml", "--backend", "bubblewrap", "--output", output]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert [line for line in done.stderr.splitlines() if source in line or "moves" in line] == [
        done.stderr.splitlines()[-1]
    ]
    assert "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.glob("built/*")} <= {".lock"}
