"""The script revert_pulls: from a file of pull requests to candidates that collect_patches takes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import tiny

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
REPO = tiny.REPO
TEST = "--- a/src/intervals.spec.ts\n+++ b/src/intervals.spec.ts\n@@ -1 +1 @@\n-// none\n+// some\n"


def diff(old: str, new: str, path: str = "src/intervals.ts") -> str:
    """Return the diff of a pull request that put a line for another one."""
    lines = (tiny.SOURCE / path).read_text().splitlines()
    place = next(number for number, line in enumerate(lines, start=1) if new in line)
    after = lines[place - 1]
    return f"--- a/{path}\n+++ b/{path}\n@@ -{place} +{place} @@\n-{after.replace(new, old)}\n+{after}\n"


PULLS = [
    {
        "number": 3,
        "title": "Join intervals that touch",
        "body": None,
        "diff": diff("start < last", "start <= last") + TEST,
    },
    {"number": 4, "title": "Test more", "body": "", "diff": TEST},
    {"pull_number": 9, "title": "Leave the end out", "body": "x", "patch": diff("point <= i", "point < i")},
]


def run(folder: Path, script: str, *words: str | Path, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, SCRIPTS / f"{script}.py", *words, "--repo", REPO]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def revert(folder: Path, *flags: str, output: str = "out/pr.json", hash_seed: str = "0") -> str:
    words = ["pulls.jsonl", "--source", tiny.SOURCE, "--profile", "tiny.yaml", "--output", output]
    done = run(folder, "revert_pulls", *words, *flags, hash_seed=hash_seed)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return done.stderr


@pytest.fixture
def work(tmp_path: Path) -> Path:
    tiny.write_profile(tmp_path)
    (tmp_path / "pulls.jsonl").write_text("".join(json.dumps(pull) + "\n" for pull in PULLS))
    return tmp_path


def test_what_can_be_undone_is_written_listed_and_collected(work: Path) -> None:
    assert "kept 2 of 3 pull requests" in revert(work)
    summary = json.loads((work / "out" / "pr.json").read_text())
    assert [row["instance_id"] for row in summary["candidates"]] == [f"{REPO}.pr_3", f"{REPO}.pr_9"]
    assert summary["dropped"] == [{"number": 4, "reason": "no_source_files", "place": None}]
    done = run(work, "collect_patches", "out/pr.json", "--output", "all.json")
    assert done.returncode == 0, done.stderr
    rows = json.loads((work / "all.json").read_text())
    assert rows[0]["instance_ref"]["title"] == "Join intervals that touch"
    assert rows[0]["patch"].count("\n@@ ") == 1, "the test is left alone"
    for row in rows:
        check = ["git", "apply", "--check", "-"]
        subprocess.run(check, cwd=tiny.SOURCE, input=row["patch"].encode(), check=True)


def test_every_process_writes_the_same_bytes(work: Path) -> None:
    made = []
    for seed in ("1", "2"):
        revert(work, output=f"{seed}/pr.json", hash_seed=seed)
        made.append({path.name: path.read_bytes() for path in (work / seed).rglob("*") if path.is_file()})
    assert made[0] == made[1]
    assert len(made[0]) == 2 + 2 * 2, "the summary, the lock, and two files a candidate"


def test_no_more_than_are_wanted_are_made(work: Path) -> None:
    revert(work, "--max-bugs", "1")
    summary = json.loads((work / "out" / "pr.json").read_text())
    assert summary["funnel"] == {"in": 3, "out": 1, "dropped": {"over_max_bugs": 2}}


def test_globs_of_the_profile_decide_what_is_undone(work: Path) -> None:
    (work / "tiny.yaml").write_text(yaml.safe_dump({**tiny.PROFILE, "exclude_globs": ["src/intervals.ts"]}))
    words = ["pulls.jsonl", "--source", tiny.SOURCE, "--profile", "tiny.yaml", "--output", "out/pr.json"]
    done = run(work, "revert_pulls", *words)
    assert done.returncode == 2
    assert "pulls.jsonl: none of the 3 pull requests can be undone" in done.stderr
    assert "(no_source_files: 3)" in done.stderr
    assert not (work / "out").exists()
