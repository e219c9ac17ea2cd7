"""The graded tree holds the bug and the kept parts of a patch, and nothing else that the patch's text could write."""

from pathlib import Path
from typing import Any

import pytest

from tracesmith import integrity, prepared
from tracesmith.errors import InfrastructureError
from tracesmith.evaluation import trees
from tracesmith.sections import Section
from tracesmith.workspaces import PatchDoesNotApplyError

SETTINGS = prepared.TestSettings("vitest", ["vitest"], ["src/**/*.spec.ts"])
BUG = "--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,2 +1,2 @@\n-right\n+wrong\n end\n"
FIX = BUG.replace("-right\n+wrong", "-wrong\n+right")
NEW = "--- /dev/null\n+++ b/{}\n@@ -0,0 +1 @@\n+x\n"
INSTANCE: Any = {"instance_id": "x.y__1", "patch": BUG}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for name, text in {"src/a.ts": "right\nend\n", "src/b.ts": "b\n", "package.json": "{}\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def made(source: Path, patch: str) -> tuple[dict[str, bytes], list[str], bool]:
    """Return what a patch's kept parts write and remove, and whether they leave the bug alone."""
    kept = integrity.examine(patch, SETTINGS, BUG).kept
    with trees.build(source, INSTANCE, kept) as tree:
        written = {name: (tree.folder / name).read_bytes() for name in tree.written}
        return written, tree.removed, tree.is_the_bug


def test_the_bug_is_there_where_a_patch_does_nothing_of_use(source: Path) -> None:
    assert made(source, NEW.format("src/a.spec.ts")) == ({"src/a.ts": b"wrong\nend\n"}, [], True)


def test_a_fix_is_applied_to_the_bug(source: Path) -> None:
    assert made(source, FIX) == ({"src/a.ts": b"right\nend\n"}, [], False)


def test_files_are_made_removed_and_renamed(source: Path) -> None:
    rename = "diff --git a/src/b.ts b/src/c.ts\nsimilarity index 100%\nrename from src/b.ts\nrename to src/c.ts\n"
    written, removed, is_the_bug = made(source, NEW.format("src/new.ts") + rename)
    assert written == {"src/a.ts": b"wrong\nend\n", "src/new.ts": b"x\n", "src/c.ts": b"b\n"}
    assert (removed, is_the_bug) == (["src/b.ts"], False)


@pytest.mark.parametrize(
    "patch",
    [
        FIX.replace("-wrong", "-other"),
        FIX.replace("\n", "\r\n"),
        FIX[:-5],
        "--- a/src/gone.ts\n+++ b/src/gone.ts\n@@ -1 +1 @@\n-a\n+b\n",
        NEW.format("src/b.ts"),
        NEW.format("src/b.ts/below.ts"),
        NEW.format("src"),
    ],
)
def test_what_does_not_apply_is_refused_with_gits_words(source: Path, patch: str) -> None:
    with pytest.raises(PatchDoesNotApplyError, match="error: "):
        made(source, patch)


def test_a_bug_that_does_not_apply_is_no_verdict_on_the_patch(source: Path) -> None:
    (source / "src" / "a.ts").write_text("other\n")
    with pytest.raises(InfrastructureError, match=r"x\.y__1: the bug patch does not apply"):
        made(source, FIX)


def test_a_file_that_only_git_reads_out_of_a_part_is_left_out(source: Path) -> None:
    hidden = Section(lines=(FIX + NEW.format("package.json.new")).splitlines(), names={"src/a.ts"})
    with trees.build(source, INSTANCE, [hidden]) as tree:
        assert tree.written == ["src/a.ts"]


def test_a_link_of_the_repository_leads_nowhere(source: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.ts").write_text("a\n")
    (source / "src" / "link.ts").symlink_to(tmp_path / "secret.ts")
    (source / "out").symlink_to(tmp_path)
    for name in ("src/link.ts", "out/secret.ts"):
        with pytest.raises(PatchDoesNotApplyError):
            made(source, f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-a\n+b\n")
    assert (tmp_path / "secret.ts").read_text() == "a\n"


def test_bytes_that_are_no_utf8_are_applied_as_they_were(source: Path) -> None:
    assert made(source, FIX.replace("+right", "+\udcff\u2028\r"))[0] == {"src/a.ts": b"\xff\xe2\x80\xa8\r\nend\n"}


def test_a_repository_around_the_scratch_folder_changes_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    assert made(source, FIX)[0] == {"src/a.ts": b"right\nend\n"}
