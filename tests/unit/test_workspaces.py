"""Workspaces: one orphan commit with the bug and without the hidden tests; what grades is the pristine tree's."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local_box import LocalBox
from tracesmith import prepared, workspaces
from tracesmith.agents import changes, tools
from tracesmith.errors import InputError

SETTINGS = prepared.TestSettings("vitest", ["vitest"], ["src/**/*.spec.ts"], ["package.json", "vitest.config.*"])
NAME = "local__x.0a1b2c3d.func_pm_x__abcdefgh"
BUG = "diff --git a/src/a.ts b/src/a.ts\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,2 +1,2 @@\n-right\n+wrong\n end\n"
CONTENTS = {
    "src/a.ts": b"right\nend\n",
    "src/a.spec.ts": b"test a\n",
    "src/deep/b.spec.ts": b"test b\n",
    "package.json": b"{}\n",
    "vitest.config.mts": b"config\n",
    ".gitignore": b"ignored/\n",
    "ignored/x": b"x\n",
}


def instance(**changes: Any) -> Any:
    return {"instance_id": NAME, "patch": BUG, "FAIL_TO_PASS": ["src/a.spec.ts > a > b"], **changes}


def make_tree(folder: Path) -> Path:
    for name, data in CONTENTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "source")


@pytest.fixture
def box(tmp_path: Path) -> LocalBox:
    folder = make_tree(tmp_path / "box" / "testbed")
    (folder / "node_modules" / "own").mkdir(parents=True)
    (folder / "node_modules" / "own" / "index.js").write_bytes(b"installed\n")
    return LocalBox(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {".git", "node_modules"} & set(path.relative_to(folder).parts)
    }


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", folder, *arguments], capture_output=True, check=True, text=True).stdout


def test_test_files_are_those_of_the_globs_sorted(source: Path) -> None:
    assert workspaces.test_files(source, SETTINGS) == ["src/a.spec.ts", "src/deep/b.spec.ts"]


def test_the_files_of_the_f2p_tests_are_hidden_whole() -> None:
    known = ["src/a.spec.ts", "src/deep/b.spec.ts", "src/c.spec.ts"]
    tests = ["src/deep/b.spec.ts > x", "src/a.spec.ts > y > z", "src/a.spec.ts > y [2]"]
    assert workspaces.hidden_tests(instance(FAIL_TO_PASS=tests), known) == ["src/a.spec.ts", "src/deep/b.spec.ts"]


@pytest.mark.parametrize("test", ["a > b", "../../etc/passwd > x", "-rf > x", "src/a.ts > x", ""])
def test_an_f2p_test_of_no_test_file_is_refused(test: str) -> None:
    with pytest.raises(InputError, match="is in no test file") as raised:
        workspaces.hidden_tests(instance(FAIL_TO_PASS=["src/a.spec.ts > x", test]), ["src/a.spec.ts"])
    assert str(raised.value).startswith(f"{NAME}: ")


def test_a_workspace_is_one_orphan_commit_with_the_bug_and_without_the_hidden_tests(box: LocalBox) -> None:
    git(box.folder, "init", "-q")
    (box.folder / ".git" / "SECRET").write_text("upstream history")
    workspaces.make(box, instance(), ["src/a.spec.ts"])
    assert git(box.folder, "rev-list", "--all", "--count") == "1\n"
    assert git(box.folder, "log", "--format=%an %ae %ad", "--date=short") == (
        "tracesmith tracesmith@example.invalid 2000-01-01\n"
    )
    assert not (box.folder / ".git" / "SECRET").exists()
    assert git(box.folder, "status", "--porcelain") == ""
    assert git(box.folder, "ls-files").splitlines() == sorted({*CONTENTS} - {"src/a.spec.ts", "ignored/x"})
    assert git(box.folder, "show", "HEAD:src/a.ts") == "wrong\nend\n"
    assert "right" not in git(box.folder, "log", "-p", "--all")


@pytest.mark.parametrize("patch", [BUG, BUG.removesuffix("\n")])
def test_a_patch_is_applied_with_or_without_its_last_newline(box: LocalBox, patch: str) -> None:
    workspaces.apply_patch(box, patch)
    assert (box.folder / "src" / "a.ts").read_bytes() == b"wrong\nend\n"


def test_bytes_that_are_no_utf8_are_applied_as_they_were(box: LocalBox) -> None:
    workspaces.apply_patch(box, BUG.replace("wrong", "\udcff\u2028\r"))
    assert (box.folder / "src" / "a.ts").read_bytes() == b"\xff\xe2\x80\xa8\r\nend\n"


@pytest.mark.parametrize("patch", ["", "words\n", BUG.replace("right", "left")])
def test_a_patch_that_does_not_fit_is_refused_and_changes_nothing(box: LocalBox, patch: str) -> None:
    before = contents(box.folder)
    with pytest.raises(workspaces.PatchDoesNotApplyError):
        workspaces.apply_patch(box, patch)
    assert contents(box.folder) == before


@pytest.mark.parametrize("path", ["../outside", "/tmp/outside", ".git/hooks/pre-commit"])  # noqa: S108
def test_a_patch_never_writes_outside_of_the_tree(box: LocalBox, path: str) -> None:
    patch = f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
    with pytest.raises(workspaces.PatchDoesNotApplyError):
        workspaces.apply_patch(box, patch)


def test_what_a_patch_does_to_installed_packages_is_left_out(box: LocalBox) -> None:
    evil = "--- a/node_modules/own/index.js\n+++ b/node_modules/own/index.js\n@@ -1 +1 @@\n-installed\n+forged\n"
    new = "--- /dev/null\n+++ b/deep/node_modules/x.js\n@@ -0,0 +1 @@\n+forged\n"
    workspaces.apply_patch(box, BUG + evil + new)
    assert (box.folder / "node_modules" / "own" / "index.js").read_bytes() == b"installed\n"
    assert not (box.folder / "deep").exists()
    assert (box.folder / "src" / "a.ts").read_bytes() == b"wrong\nend\n"


def test_a_bug_that_does_not_apply_names_its_instance(box: LocalBox) -> None:
    with pytest.raises(InputError, match=f"^{NAME}: the bug patch does not apply"):
        workspaces.make(box, instance(patch=BUG.replace("right", "left")), [])


@pytest.mark.parametrize("attributes", ["* text=auto\n", "*.ts -diff\n", "*.ts binary\n", "*.ts text eol=lf\n"])
def test_attributes_of_a_repository_change_no_byte_of_a_submitted_patch(box: LocalBox, attributes: str) -> None:
    (box.folder / ".gitattributes").write_text(attributes)
    (box.folder / "crlf.ts").write_bytes(b"a\r\nb\r\n")
    workspaces.make(box, instance(), [])
    (box.folder / "crlf.ts").write_bytes(b"a\r\nx\r\n")
    patch = tools.submission(box)
    git(box.folder, "reset", "-q", "--hard")
    workspaces.apply_patch(box, patch)
    assert (box.folder / "crlf.ts").read_bytes() == b"a\r\nx\r\n"


def checked(folder: Path, *refused: str) -> Path:
    rows = {name: {"refused": name in refused} for name in (NAME, f"{NAME}2")}
    (folder / "checked.json").write_text(json.dumps({"instances": rows}))
    return folder / "checked.json"


def test_instances_that_give_their_fix_away_are_left_out(tmp_path: Path) -> None:
    both = [instance(), instance(instance_id=f"{NAME}2")]
    assert workspaces.allowed(both, None) == both
    assert workspaces.allowed(both, checked(tmp_path)) == both
    assert workspaces.allowed(both, checked(tmp_path, NAME)) == both[1:]
    with pytest.raises(InputError, match="every workspace gives its fix away"):
        workspaces.allowed(both, checked(tmp_path, NAME, f"{NAME}2"))


def test_what_was_found_in_another_datasets_workspaces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{NAME}3 is not in it"):
        workspaces.allowed([instance(instance_id=f"{NAME}3")], checked(tmp_path))
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(InputError, match="not what check_workspaces writes"):
        workspaces.allowed([instance()], tmp_path / "other.json")


def made_workspace(box: LocalBox) -> str:
    (box.folder / "logo.png").write_bytes(bytes(range(256)))
    return workspaces.make(box, instance(), ["src/a.spec.ts"])


def work(folder: Path) -> None:
    (folder / "src" / "a.ts").write_bytes(b"right\nend\n")
    (folder / "logo.png").write_bytes(bytes(range(255, -1, -1)))
    (folder / "new file.bin").write_bytes(b"\0\xff\n")
    (folder / "src" / "deep" / "b.spec.ts").unlink()
    (folder / "ignored" / "x").write_bytes(b"y\n")


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "mine")


def configure(folder: Path) -> None:
    git(folder, "config", "diff.noprefix", "true")
    git(folder, "config", "core.excludesFile", str(folder / "package.json"))
    git(folder, "config", "filter.x.clean", "tr a-z A-Z")
    (folder / ".git" / "info" / "attributes").write_text("*.ts -diff\n*.png filter=x\n")
    (folder / ".git" / "info" / "exclude").write_text("*\n")


def stage(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "update-index", "--assume-unchanged", "src/a.ts")


def break_index(folder: Path) -> None:
    (folder / ".git" / "index").write_bytes(b"x")


def start_over(folder: Path) -> None:
    git(folder, "checkout", "-q", "--orphan", "other")
    commit(folder)


@pytest.mark.parametrize("trick", [lambda _: None, commit, configure, stage, break_index, start_over])
def test_a_patch_is_the_same_whatever_an_agent_does_to_git(box: LocalBox, trick: Any) -> None:
    start = made_workspace(box)
    work(box.folder)
    wanted = contents(box.folder)
    expected = tools.submission(box, start)
    trick(box.folder)
    assert tools.submission(box, start) == expected
    if trick is not start_over:
        assert tools.submission(box) == expected
    box.folder.rename(box.folder.with_name("old"))
    again = LocalBox(make_tree(box.folder))
    made_workspace(again)
    workspaces.apply_patch(again, expected)
    assert contents(again.folder) | {"ignored/x": b"y\n"} == wanted


def test_a_submission_changes_nothing_in_the_workspace(box: LocalBox) -> None:
    made_workspace(box)
    work(box.folder)
    before = git(box.folder, "status", "--porcelain")
    tools.submission(box)
    assert git(box.folder, "status", "--porcelain") == before != ""


def test_what_an_agent_left_and_what_it_may_not_touch_are_told(box: LocalBox) -> None:
    made_workspace(box)
    work(box.folder)
    for name in ("reproduce.ts", "tmp/try.mjs", "src/deep/help.ts", "src/new/part.ts", "package.json", "yarn.lock"):
        (box.folder / name).parent.mkdir(exist_ok=True, parents=True)
        (box.folder / name).write_bytes(b"1\n")
    told = changes.describe(tools.submission(box), instance(), SETTINGS, CONTENTS)
    assert told["scratch"] == ["new file.bin", "reproduce.ts", "tmp/try.mjs", "yarn.lock"]
    assert {"edits_tests", "edits_package_json", "edits_lockfile", "writes_binary"} <= set(told["flags"])
    assert told["left_out"]["edits_package_json"] == ["package.json"]


def test_an_agent_that_changed_nothing_has_no_patch_and_no_flag(box: LocalBox) -> None:
    made_workspace(box)
    patch = tools.submission(box)
    assert patch == ""
    assert changes.describe(patch, instance(), SETTINGS, CONTENTS) == {"flags": [], "left_out": {}, "scratch": []}
