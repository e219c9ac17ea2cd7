"""The script generate_bugs: exit codes, one line for wrong input, and the same bytes in every process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import tiny

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "generate_bugs.py"
FIXTURES = ROOT / "tests" / "data" / "ts_sources"
REPO = "local__sources.0a1b2c3d"


def run(folder: Path, *arguments: str | Path, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, *arguments, "--repo", REPO, "--output", "out/procedural.json"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def write_profile(folder: Path, sources: list[str], excluded: list[str]) -> Path:
    """Write a profile with these globs, and return its path."""
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({**tiny.PROFILE, "source_globs": sources, "exclude_globs": excluded}))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_candidates_are_written_and_listed(tmp_path: Path) -> None:
    profile = write_profile(tmp_path, ["src/**"], ["**/*.tsx", "**/*.mts"])
    done = run(tmp_path, FIXTURES, "--profile", profile)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    summary = json.loads((tmp_path / "out" / "procedural.json").read_text())
    assert {row["file"] for row in summary["candidates"]} == {"src/cart.ts"}
    for row in summary["candidates"]:
        assert (tmp_path / "out" / row["diff"]).read_bytes().startswith(b"diff --git a/src/cart.ts b/src/cart.ts\n")


def test_every_limit_of_the_command_line_holds(tmp_path: Path) -> None:
    limits = [
        "--max-entities",
        "9",
        "--max-candidates",
        "40",
        "--timeout",
        "600",
        "--no-interleave",
        "--max-bugs",
        "30",
    ]
    done = run(tmp_path, FIXTURES, *limits)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "out" / "procedural.json").read_text())
    said = {"max_entities": 9, "max_candidates": 40, "timeout_s": 600, "interleave": False, "max_bugs": 30}
    assert said.items() <= summary["made_by"]["settings"].items()
    strategies = [row["strategy"] for row in summary["candidates"]]
    assert strategies == sorted(strategies)
    assert summary["spread"]["functions"]["found"] <= 9
    assert summary["funnel"]["dropped"]["over_max_bugs"] == 10


def test_every_process_writes_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        done = run(tmp_path / seed, FIXTURES, "--max-bugs", "60", "--per-operator", "9", hash_seed=seed)
        assert done.returncode == 0, done.stderr
        made.append(contents(tmp_path / seed))
    assert made[0] == made[1]
    assert len(made[0]) == 2 + 2 * 60, "the summary, the lock, and two files a candidate"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["missing"], "no such folder"),
        ([FIXTURES, "--profile", "missing.yaml"], "missing.yaml: no such file"),
        ([FIXTURES, "--max-bugs", "0"], "above 0"),
        ([FIXTURES, "--per-operator", "-1"], "above 0"),
        ([FIXTURES, "--max-entities", "0"], "above 0"),
        ([FIXTURES, "--max-candidates", "0"], "above 0"),
        ([FIXTURES, "--timeout", "0"], "above 0"),
        ([FIXTURES, "--seed", "x"], "invalid int"),
    ],
)
def test_wrong_input_is_refused_with_code_2_and_nothing_written(
    tmp_path: Path, arguments: list[str | Path], complaint: str
) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("sources", "excluded", "complaint"),
    [
        (["lib/**"], [], "no candidates"),
        (["**"], ["**"], "no candidates"),
        (["/src/**"], [], "empty segment"),
    ],
)
def test_a_profile_whose_globs_match_nothing_is_refused(
    tmp_path: Path, sources: list[str], excluded: list[str], complaint: str
) -> None:
    done = run(tmp_path, FIXTURES, "--profile", write_profile(tmp_path, sources, excluded))
    assert done.returncode == 2
    assert complaint in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_help_shows_a_command() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "scripts/generate_bugs.py SOURCE_FOLDER --repo" in done.stdout
    assert os.access(SCRIPT, os.X_OK)
