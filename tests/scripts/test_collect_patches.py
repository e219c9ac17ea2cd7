"""The script collect_patches: from a source tree to one list whose patches git applies."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
FIXTURES = ROOT / "tests" / "data" / "ts_sources"
REPO = "local__sources.0a1b2c3d"


def run(folder: Path, script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPTS / script, *arguments, "--repo", REPO]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    done = run(tmp_path, "generate_bugs.py", FIXTURES, "--max-bugs", "40", "--output", f"{REPO}/procedural.json")
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_every_collected_patch_applies_to_the_pristine_tree(generated: Path) -> None:
    done = run(generated, "collect_patches.py", f"{REPO}/procedural.json", "--output", "all.json")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    rows = json.loads((generated / "all.json").read_text())
    assert len(rows) == 40
    tree = shutil.copytree(FIXTURES, generated / "tree")
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    for row in rows:
        check = subprocess.run(["git", "apply", "--check", "-"], cwd=tree, input=row["patch"].encode(), check=False)
        assert check.returncode == 0, row["patch"]


def test_broken_store_is_refused_with_code_2_and_nothing_written(generated: Path) -> None:
    broken = next((generated / REPO).rglob("*.diff"))
    broken.write_bytes(b"")
    done = run(generated, "collect_patches.py", f"{REPO}/procedural.json", "--output", "all.json")
    assert done.returncode == 2
    assert broken.name in done.stderr
    assert "run generate_bugs again" in done.stderr
    assert [path.name for path in generated.iterdir()] == [REPO]


def test_missing_summary_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "collect_patches.py", "procedural.json", "--output", "all.json")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "procedural.json: no such file" in done.stderr
