"""Git: the mirror is the tree, byte for byte and the same commit everywhere; a branch is two commits."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tracesmith import git
from tracesmith.errors import InfrastructureError

NAME = "local__tree.0a1b2c3d.func_pm_x__abcdefgh"
BUG = "diff --git a/src/x.ts b/src/x.ts\n--- a/src/x.ts\n+++ b/src/x.ts\n@@ -1,2 +1,2 @@\n-one\n+bug\n two\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    contents = {
        ".gitignore": b"dist/\n*.log\n",
        ".gitattributes": b"* text=auto eol=lf\n*.ts ident filter=lfs\n",
        "src/x.ts": b"one\ntwo\n",
        "src/crlf.ts": b"one\r\n$Id$\r\n",
        "src/x.spec.ts": b"test\n",
        "dist/x.js": b"built\n",
        "debug.log": b"ignored\n",
        "name with \xe9 and\ttab": b"odd\n",
        "bin/run": b"#!/bin/sh\n",
    }
    folder = tmp_path / "tree"
    for name, data in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "bin" / "run").chmod(0o755)
    (folder / "link").symlink_to("src/x.ts")
    return folder


@pytest.fixture
def mirror(tmp_path: Path, tree: Path) -> Path:
    git.make_mirror(tmp_path / "mirror.git", tree)
    return tmp_path / "mirror.git"


def ask(mirror: Path, *arguments: str) -> str:
    return subprocess.run(["git", "--git-dir", mirror, *arguments], capture_output=True, check=True).stdout.decode()


def listed(mirror: Path, commit: str) -> set[str]:
    return set(ask(mirror, "ls-tree", "-r", "-z", "--name-only", commit).split("\0")) - {""}


def test_a_mirror_whose_making_was_killed_is_made_again(tmp_path: Path, tree: Path) -> None:
    mirror = tmp_path / "killed.git"
    mirror.mkdir()
    (mirror / "HEAD").write_text("ref: refs/heads/main\n")
    assert git.make_mirror(mirror, tree) == git.make_mirror(tmp_path / "whole.git", tree)


def test_the_same_tree_gives_the_same_commit_anywhere(tmp_path: Path, tree: Path, mirror: Path) -> None:
    other = shutil.copytree(tree, tmp_path / "elsewhere" / "copy", symlinks=True)
    for path in other.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    again = git.make_mirror(tmp_path / "again.git", other)
    assert again == git.make_mirror(mirror, tree) == ask(mirror, "rev-parse", "main").strip()


def test_the_users_git_configuration_changes_nothing(
    tmp_path: Path, tree: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text(
        f"[core]\nautocrlf = true\nexcludesFile = {tmp_path}/ignore\n[user]\nname = me\n[commit]\ngpgsign = true\n"
    )
    (tmp_path / "ignore").write_text("*\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "somebody")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.chdir(tree / "src")
    assert git.make_mirror(tmp_path / "again.git", tree) == ask_without(mirror)


def ask_without(mirror: Path) -> str:
    environment = {"PATH": os.environ["PATH"]}
    command = ["git", "--git-dir", mirror, "rev-parse", "main"]
    return subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout.strip()


def test_main_is_one_commit_of_every_file_with_its_bytes_and_mode(tmp_path: Path, tree: Path, mirror: Path) -> None:
    assert ask(mirror, "rev-list", "--count", "--all") == "1\n"
    names = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_symlink() or path.is_file()}
    assert listed(mirror, "main") == names
    for name in names - {"link"}:
        shown = subprocess.run(
            ["git", "--git-dir", mirror, "cat-file", "blob", f"main:{name}"], capture_output=True, check=True
        )
        assert shown.stdout == (tree / name).read_bytes(), name
    assert ask(mirror, "ls-tree", "main", "bin/run").startswith("100755")
    assert ask(mirror, "ls-tree", "main", "link").startswith("120000")


def test_a_mirror_made_again_follows_the_tree(tree: Path, mirror: Path) -> None:
    (tree / "src" / "new.ts").write_text("new\n")
    (tree / "src" / "crlf.ts").unlink()
    git.make_mirror(mirror, tree)
    assert "src/new.ts" in listed(mirror, "main")
    assert "src/crlf.ts" not in listed(mirror, "main")
    assert ask(mirror, "rev-list", "--count", "main") == "1\n"


@pytest.mark.parametrize("removed", [[], ["src/x.spec.ts"], ["src/x.spec.ts", "name with \xe9 and\ttab"]])
def test_a_branch_is_the_bug_and_then_the_removal(mirror: Path, removed: list[str]) -> None:
    tip = git.write_branch(mirror, NAME, BUG, removed)
    assert ask(mirror, "rev-parse", NAME).strip() == tip
    assert ask(mirror, "log", "--format=%s", NAME).splitlines() == ["Remove F2P Tests", "Bug Patch", "Initial commit"]
    assert ask(mirror, "rev-parse", f"{NAME}~2") == ask(mirror, "rev-parse", "main")
    assert ask(mirror, "show", f"{NAME}~1:src/x.ts") == "bug\ntwo\n"
    assert ask(mirror, "diff", "--name-only", f"{NAME}~2", f"{NAME}~1") == "src/x.ts\n"
    assert listed(mirror, f"{NAME}~1") - listed(mirror, NAME) == set(removed)
    assert listed(mirror, f"{NAME}~1") == listed(mirror, "main")


def test_a_branch_is_the_same_commit_every_time(mirror: Path) -> None:
    first = git.write_branch(mirror, NAME, BUG, ["src/x.spec.ts"])
    assert git.write_branch(mirror, NAME, BUG, ["src/x.spec.ts"]) == first
    assert git.write_branch(mirror, "other", BUG, ["src/x.spec.ts"]) == first
    assert sorted(git.branches(mirror)) == sorted([NAME, "main", "other"])
    git.remove_branch(mirror, NAME)
    assert sorted(git.branches(mirror)) == ["main", "other"]


@pytest.mark.parametrize(
    ("patch", "path", "text"),
    [
        (BUG.removesuffix("\n"), "src/x.ts", b"bug\ntwo\n"),
        (
            "--- a/src/crlf.ts\n+++ b/src/crlf.ts\n@@ -1,2 +1,2 @@\n-one\r\n+bug\r\n $Id$\r\n",
            "src/crlf.ts",
            b"bug\r\n$Id$\r\n",
        ),
        (BUG.replace("bug", "\udcff \u2028"), "src/x.ts", b"\xff \xe2\x80\xa8\ntwo\n"),
        (
            BUG + "--- /dev/null\n+++ b/node_modules/a/b.js\n@@ -0,0 +1 @@\n+evil\n",
            "src/x.ts",
            b"bug\ntwo\n",
        ),
    ],
    ids=["no newline at the end", "CRLF", "bytes that are no UTF-8", "installed packages"],
)
def test_a_patch_that_validation_takes_makes_a_branch(mirror: Path, patch: str, path: str, text: bytes) -> None:
    git.write_branch(mirror, NAME, patch, [])
    shown = subprocess.run(["git", "--git-dir", mirror, "show", f"{NAME}:{path}"], capture_output=True, check=True)
    assert shown.stdout == text
    assert listed(mirror, NAME) == listed(mirror, "main")


def test_a_patch_that_does_not_apply_makes_no_branch(mirror: Path) -> None:
    with pytest.raises(InfrastructureError, match="git apply failed"):
        git.write_branch(mirror, NAME, BUG.replace("one", "three"), [])
    assert git.branches(mirror) == ["main"]
