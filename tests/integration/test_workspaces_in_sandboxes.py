"""An instance's workspace in a real sandbox: what an agent can find in it, and what grades it."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boxes
import pytest
from boxes import MARKER

import tiny
from tracesmith import integrity, prepared, workspaces
from tracesmith.evaluation import trees
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Sandbox

pytestmark = pytest.mark.parametrize("kind", boxes.ENGINES)
Make = Callable[..., boxes.BubblewrapBackend | boxes.DockerBackend]
SETTINGS = prepared.TestSettings(**tiny.PROFILE["test"])
INSTANCE: Any = {
    "instance_id": "local__tiny.x",
    "patch": tiny.BUG,
    "FAIL_TO_PASS": ["src/intervals.spec.ts > merge > joins intervals that touch"],
}
EVERY_OBJECT = "git cat-file --batch-all-objects --batch-check='%(objectname)'"
FILES = "find . -name node_modules -prune -o -name .git -prune -o ! -type d -print | sort"


def sh(box: Sandbox, line: str) -> str:
    """Run a shell line that has to succeed and return its output."""
    done = box.run(["sh", "-c", line], timeout_s=60, environment={boxes.MARK: MARKER})
    assert (done.exit_code, done.killed) == (0, None), done.text
    return done.text


def blob(path: Path) -> str:
    """Return the id that git gives a file."""
    command = ["git", "hash-object", "--no-filters", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_an_agent_finds_the_bug_and_nothing_of_its_solution(make: Make, tree: Path) -> None:
    hidden = workspaces.hidden_tests(INSTANCE, workspaces.test_files(tree, SETTINGS))
    with make().open() as box:
        sh(
            box,
            "git init -q && git add -f src && git -c user.name=x -c user.email=x@x commit -qm upstream && git gc -q",
        )
        workspaces.make(box, INSTANCE, hidden)
        assert hidden == ["src/intervals.spec.ts"]
        assert sh(box, "git rev-list --all --reflog | wc -l; git log --format=%s").split("\n")[:2] == [
            "1",
            "Initial commit",
        ]
        assert sh(box, "git log -g --format=%gs | wc -l; git branch -a; git remote; git stash list") == "1\n* main\n"
        assert (
            sh(box, "git status --porcelain; git fsck --lost-found --no-progress; ls .git/lost-found 2>/dev/null || :")
            == ""
        )
        objects = sh(box, EVERY_OBJECT).split()
        assert blob(tree / "src" / "text.ts") in objects
        for name in ("intervals.ts", "intervals.spec.ts"):
            assert blob(tree / "src" / name) not in objects
        contents = sh(box, f"{EVERY_OBJECT} | git cat-file --batch")
        assert "start < last.end" in contents
        assert tiny.FIXED not in contents
        assert sh(box, "grep -rlF 'start < last.end' . --exclude-dir=node_modules") == "./src/intervals.ts\n"
        assert (
            sh(box, f"grep -raF '{tiny.FIXED}' / --exclude-dir=proc --exclude-dir=usr -s | grep -v dev/null || :") == ""
        )
        assert sh(box, "ls src") == "__fixtures__\nintervals.ts\ntext.spec.ts\ntext.ts\n"
        assert sh(box, "cat node_modules/dep/index.js; git ls-files node_modules") == "module.exports = 1;\n"


def test_a_patch_stays_in_the_tree_and_off_the_packages(make: Make) -> None:
    package = (
        "--- a/node_modules/dep/index.js\n+++ b/node_modules/dep/index.js\n@@ -1 +1 @@\n-module.exports = 1;\n+evil\n"
    )
    outside = "--- /dev/null\n+++ b/../tmp/outside\n@@ -0,0 +1 @@\n+evil\n"
    link = (
        "diff --git a/out b/out\nnew file mode 120000\n--- /dev/null\n+++ b/out\n@@ -0,0 +1 @@\n+/tmp\n"
        "\\ No newline at end of file\n"
        "diff --git a/out/beyond b/out/beyond\nnew file mode 100644\n--- /dev/null\n+++ b/out/beyond\n"
        "@@ -0,0 +1 @@\n+evil\n"
    )
    with make().open() as box:
        workspaces.apply_patch(box, tiny.BUG + package)
        assert sh(box, "cat node_modules/dep/index.js; grep -c 'start < last.end' src/intervals.ts") == (
            "module.exports = 1;\n1\n"
        )
        for patch in (outside, link):
            with pytest.raises(workspaces.PatchDoesNotApplyError):
                workspaces.apply_patch(box, patch)
        assert sh(box, "ls /tmp | grep -v home || :") == ""


def test_the_graded_tree_is_the_pristine_one_but_for_the_parts_of_the_patch_that_are_kept(
    make: Make, tree: Path
) -> None:
    new = "diff --git a/src/{0} b/src/{0}\nnew file mode 100755\n--- /dev/null\n+++ b/src/{0}\n@@ -0,0 +1 @@\n+new\n"
    gone = (tree / "src" / "text.ts").read_text().splitlines(keepends=True)
    removal = f"--- a/src/text.ts\n+++ /dev/null\n@@ -1,{len(gone)} +0,0 @@\n" + "".join(f"-{line}" for line in gone)
    patch = new.format("deep/new.ts") + new.format("new.spec.ts") + removal
    kept = integrity.examine(patch, SETTINGS, INSTANCE["patch"]).kept
    with make().open() as box, trees.build(tree, INSTANCE, kept) as found:
        found.put(box)
        assert sh(box, FILES).split() == [
            *("./.gitignore", "./package.json", "./src/__fixtures__/words.txt", "./src/deep/new.ts"),
            *("./src/intervals.spec.ts", "./src/intervals.ts", "./src/text.spec.ts", "./tsconfig.json"),
            "./vitest.config.mts",
        ]
        assert sh(box, "grep -c 'start < last.end' src/intervals.ts; cat src/deep/new.ts; test -x src/deep/new.ts") == (
            "1\nnew\n"
        )
        for path in ("src/text.spec.ts", "src/intervals.spec.ts", "package.json", "vitest.config.mts"):
            assert base.read_file(box, path) == (tree / path).read_bytes(), path
