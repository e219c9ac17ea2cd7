"""Mirrors on a server: created once, pushed once, nothing of others touched, and the token seen by git alone."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import git_server
import guide_runs
import upstream
from git_server import GitServer
from tracesmith import git, prepared
from tracesmith.sandboxes.base import Limits

pytestmark = pytest.mark.git_http

SCRIPT = Path(__file__).parents[2] / "scripts" / "push_mirror.py"
TOKEN = "ghp_planted0123456789abcdef"  # noqa: S105 - planted, to be looked for
REPO = "local__tool.0a1b2c3d"
IDS = [f"{REPO}.func_pm_x__{letter * 8}" for letter in "abc"]
BUG = "--- a/x.ts\n+++ b/x.ts\n@@ -1 +1 @@\n-one\n+{}\n"
AT_ONCE = {"Retry-After": "0"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server.serve(tmp_path / "server", TOKEN) as state:
        yield state


@dataclass
class Line:
    """A repository that is ready to be pushed."""

    folder: Path
    server: GitServer
    owner: str = git_server.LOGIN

    @property
    def name(self) -> str:
        """The mirror's name on the server."""
        return f"{self.owner}/{REPO}"

    @property
    def output(self) -> Path:
        """The summary."""
        return self.folder / "logs" / "mirrors" / f"{REPO}.json"

    @property
    def mirror(self) -> Path:
        """The local mirror."""
        return self.folder / "mirror.git"

    def prepare(self, more: str = "") -> None:
        """Write environment, mirror and instances."""
        tree = self.folder / "source" / "tree"
        tree.mkdir(parents=True, exist_ok=True)
        (tree / "x.ts").write_text("one\n")
        (tree / "y.ts").write_text(more)
        git.make_mirror(self.mirror, tree)
        for number, name in enumerate(IDS):
            git.write_branch(self.mirror, name, BUG.format(number), [])
        limits = Limits(1 << 30, 64, 1.0, 1 << 30)
        tests = prepared.TestSettings("vitest", ["vitest"], ["*.spec.ts"])
        environment = prepared.Environment(
            repo=REPO,
            image_name="image",
            mirror_name=self.name,
            backend="docker",
            image="image",
            tree=None,
            source="source/tree",
            source_hash="0",
            mirror="mirror.git",
            node="v24",
            installed="image",
            network=False,
            timeout_s=60,
            limits=limits,
            test=tests,
            gate=prepared.Gate(
                runs=3, files=1, broken_files=0, tests=2, passed=2, failed=0, skipped=0, todo=0, flaky=[]
            ),
        )
        prepared.write(self.folder / "environment.json", environment, {})
        row = {"patch": BUG, "FAIL_TO_PASS": ["a"], "PASS_TO_PASS": ["b"], "image_name": "image", "repo": self.name}
        self.write_instances([{"instance_id": name, **row} for name in IDS])

    def write_instances(self, rows: list[dict[str, Any]]) -> None:
        """Write the instances."""
        (self.folder / "instances.json").write_text(json.dumps(rows))

    def push(self, *flags: str, path: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the script as a user does."""
        places = ["--api-url", f"{self.server.url}/api", "--git-url", self.server.url, "--output", self.output]
        inputs = [self.folder / "environment.json", "--instances", self.folder / "instances.json"]
        environment = {**os.environ, "GITHUB_TOKEN": TOKEN, "no_proxy": "127.0.0.1", "HOME": str(self.folder)}
        return subprocess.run(
            [sys.executable, SCRIPT, *inputs, *places, *flags],
            capture_output=True,
            text=True,
            check=False,
            env={**environment, "PATH": path + os.environ["PATH"], **variables},
        )

    def on_server(self) -> dict[str, str]:
        """Return the branches on the server."""
        return git.tips(self.server.root / f"{self.name}.git")


@pytest.fixture
def line(tmp_path: Path, server: GitServer) -> Line:
    (tmp_path / "line").mkdir()
    made = Line(tmp_path / "line", server)
    made.prepare()
    return made


def test_a_missing_repository_is_created_and_all_branches_are_pushed_at_once(line: Line) -> None:
    done = line.push()
    assert done.returncode == 0, done.stderr
    assert line.on_server() == git.tips(line.mirror)
    assert set(line.on_server()) == {"main", *IDS}
    assert [(body["name"], body["private"]) for body in line.server.bodies] == [(REPO, True)]
    assert line.server.pushes() == 1
    summary = json.loads(line.output.read_text())
    assert (summary["repo"], summary["instances"]) == (line.name, 3)
    assert summary["url"] == f"{line.server.url}/{line.name}.git"
    assert summary["branches"] == git.tips(line.mirror)
    assert "pushed 4 of 4 branches" in done.stderr


def test_the_example_of_the_reference_works_as_it_stands(line: Line) -> None:
    (line.folder / "scripts").symlink_to(SCRIPT.parent)
    (line.folder / "tmp").mkdir()
    places = f"    --api-url {line.server.url}/api --git-url {line.server.url} \\\n    --output"
    others = {
        "logs/build_images/REPO/": "",
        "logs/task_insts/REPO": "instances",
        "--owner-type org": "--owner-type user",
        "REPO": REPO,
        "    --output": places,
    }
    variables = {"GITHUB_TOKEN": TOKEN, "no_proxy": "127.0.0.1", "HOME": str(line.folder)}
    guide_runs.run_examples(line.folder, ["push_mirror"], others, **variables)
    assert line.on_server() == git.tips(line.mirror)


def test_a_second_run_pushes_nothing_and_says_the_same(line: Line) -> None:
    assert line.push().returncode == 0
    before = line.output.read_bytes()
    again = line.push()
    assert again.returncode == 0
    assert "pushed 0 of 4 branches" in again.stderr
    assert line.server.pushes() == 1
    assert len(line.server.bodies) == 1
    assert line.output.read_bytes() == before


def test_a_push_that_failed_is_no_result_and_goes_on_from_there(line: Line) -> None:
    line.server.answers = [(".git/git-receive-pack", 500, {})]
    failed = line.push()
    assert failed.returncode == 1
    assert failed.stderr.count("error: git push") == 1
    assert not line.output.exists()
    assert line.push().returncode == 0
    upstream.git(line.server.root / f"{line.name}.git", "update-ref", "-d", f"refs/heads/{IDS[1]}")
    done = line.push()
    assert "pushed 1 of 4 branches" in done.stderr
    assert line.on_server() == git.tips(line.mirror)
    assert len(line.server.bodies) == 1


def test_an_older_mirror_is_replaced_and_branches_of_no_instance_are_left(line: Line) -> None:
    assert line.push().returncode == 0
    kept = line.on_server()["main"]
    upstream.git(line.server.root / f"{line.name}.git", "update-ref", "refs/heads/somebodys", kept)
    shutil.rmtree(line.mirror)
    line.prepare("more")
    done = line.push()
    assert done.returncode == 0, done.stderr
    assert line.on_server() == {**git.tips(line.mirror), "somebodys": kept}
    assert "1 branches of no instance, which are left, such as somebodys" in done.stderr
    assert json.loads(line.output.read_text())["other_branches"] == ["somebodys"]


@pytest.mark.parametrize("commits", [1, 2])
def test_a_repository_of_somebody_else_is_left_as_it_is(line: Line, tmp_path: Path, commits: int) -> None:
    theirs = tmp_path / "theirs"
    upstream.make(theirs)
    if commits == 1:
        upstream.git(theirs, "reset", "-q", "--hard", "v1.0.0")
    folder = line.server.make(line.name)
    upstream.git(theirs, "push", "-q", str(folder), "main:main")
    before = line.on_server()
    done = line.push()
    assert done.returncode == 2
    assert "has a main branch that is no mirror of tracesmith" in done.stderr
    assert line.on_server() == before
    assert not line.output.exists()


def test_an_organisation_and_a_public_mirror(line: Line) -> None:
    line.owner = "guild"
    line.prepare()
    done = line.push("--owner-type", "org", "--public")
    assert done.returncode == 0, done.stderr
    assert line.server.private == {f"guild/{REPO}": False}
    assert "POST /api/orgs/guild/repos" in line.server.calls
    assert line.on_server() == git.tips(line.mirror)


def test_a_busy_server_is_asked_again(line: Line) -> None:
    line.server.answers = [
        ("GET /api/repos", 503, AT_ONCE),
        ("GET /api/repos", 429, AT_ONCE),
        ("GET /api/repos", 403, AT_ONCE),
        ("POST /api/user/repos", 502, AT_ONCE),
    ]
    done = line.push()
    assert done.returncode == 0, done.stderr
    assert line.on_server() == git.tips(line.mirror)


def test_a_server_that_stays_busy_is_an_error_of_the_machinery(line: Line) -> None:
    line.server.answers = [("GET /api/repos", 503, AT_ONCE)] * 9
    done = line.push()
    assert done.returncode == 1
    assert "status 503, 5 times" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(line.server.calls) == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("token", "GITHUB_TOKEN is not accepted"),
        ("no token", "GITHUB_TOKEN is not set"),
        ("odd token", "GITHUB_TOKEN holds a space"),
        ("owner", "is a token of acme, not of guild"),
        ("org", "cannot be created: status 404, Not Found; check organisation.github"),
        ("forbidden", "cannot be created: status 403, planned"),
        ("public", "is public and mirror.private is true"),
        ("instance", "has not the branches of these instances; gather them again"),
        ("other mirror", "gather the instances again"),
        ("http", "mirror.api_url: wanted is an https URL"),
        ("password", "mirror.git_url: wanted is an https URL"),
    ],
)
def test_what_cannot_be_pushed_is_one_line_and_nothing_is_made(line: Line, change: str, said: str) -> None:
    flags, variables = [], {}
    rows = json.loads((line.folder / "instances.json").read_text())
    if change in ("token", "no token", "odd token"):
        variables["GITHUB_TOKEN"] = {"token": "ghp_wrong", "no token": "", "odd token": "a b"}[change]
    elif change in ("owner", "org"):
        line.owner = "guild" if change == "owner" else "nobody"
        line.prepare()
        flags = [] if change == "owner" else ["--owner-type", "org"]
    elif change == "forbidden":
        line.server.answers = [("POST /api", 403, {})]
    elif change == "public":
        line.server.make(line.name, private=False)
    elif change == "instance":
        line.write_instances(rows[1:])
    elif change == "other mirror":
        line.write_instances([{**row, "repo": f"else/{REPO}"} for row in rows])
    elif change == "http":
        flags = ["--api-url", "http://api.example"]
    else:
        flags = ["--git-url", f"https://me:{TOKEN}@git.example"]
    done = line.push(*flags, **variables)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr.splitlines()[-1]
    assert TOKEN not in done.stderr
    assert not line.output.exists()
    assert line.server.bodies == []
    assert line.server.pushes() == 0


def test_the_token_is_in_no_file_argument_url_or_log(line: Line, tmp_path: Path) -> None:
    """Every git that is called by name says its arguments; all others are looked for while they run."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/argv\nexec {shutil.which("git")} "$@"\n')
    (tools / "git").chmod(0o755)
    (tmp_path / "tmp").mkdir()
    (line.folder / ".gitconfig").write_text(f'[url "{line.server.url}/nowhere/"]\ninsteadOf = {line.server.url}/\n')
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            line.server.look_for_token()
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        variables = {
            "TMPDIR": str(tmp_path / "tmp"),
            "GIT_TRACE_CURL": str(tmp_path / "trace"),
            "GIT_TRACE_REDACT": "0",
        }
        done = line.push(path=f"{tools}:", **variables)
        refused = line.push(path=f"{tools}:", **variables, GITHUB_TOKEN=f"{TOKEN}x")
    finally:
        stop.set()
        watcher.join()
    assert done.returncode == 0, done.stderr
    assert refused.returncode == 2
    assert line.server.pushes() == 1
    assert "push" in (tmp_path / "argv").read_text()
    assert line.server.seen_in_argv == []
    assert TOKEN not in done.stdout + done.stderr + refused.stdout + refused.stderr
    assert not any(TOKEN in call for call in line.server.calls)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert [path for path, data in files.items() if any(form in data for form in git_server.forms(TOKEN))] == []
    assert not list((tmp_path / "tmp").glob("*/*"))
