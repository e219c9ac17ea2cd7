"""Parts of patches: what git takes for one file is one part, whatever its lines look like."""

import subprocess
from pathlib import Path

import pytest

from tracesmith import sections

HEAD = "diff --git a/src/x.ts b/src/x.ts\n"
PATHS = "--- a/src/x.ts\n+++ b/src/x.ts\n"
HUNK = "@@ -1 +1 @@\n-a\n+b\n"


def diff(folder: Path, before: dict[str, bytes], after: dict[str, bytes]) -> str:
    """Return what git writes for a change of a tree."""
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@x"]
    subprocess.run([*git, "init", "-q"], check=True)
    for files in (before, after):
        for path in folder.iterdir():
            if path.name != ".git":
                path.unlink()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        subprocess.run([*git, "add", "-A"], check=True)
        if files is before:
            subprocess.run([*git, "commit", "-qm", "x"], check=True)
    command = [*git, "diff", "--cached", "-M", "--binary"]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8", "surrogateescape")


def test_the_parts_of_a_patch_of_git_are_its_files_and_together_the_patch(tmp_path: Path) -> None:
    text = b"".join(b"line %d\n" % number for number in range(30))
    before = {
        "a b.ts": b"1\n",
        "gone.ts": b"x",
        "old.ts": text,
        "blob": b"\0\1",
        "caf\udce9".encode("utf-8", "surrogateescape").decode("latin-1"): b"1\n",
    }
    after = {**before, "a b.ts": b"2\n", "renamed.ts": text, "blob": b"\0\2", "empty": b"", "-- a": b"-- x\n++ y\n"}
    del after["gone.ts"], after["old.ts"]
    patch = diff(tmp_path, before, after)
    found = sections.split(patch)
    assert "".join(section.text for section in found) == patch
    assert sections.names(patch) == {"a b.ts", "gone.ts", "old.ts", "renamed.ts", "blob", "empty", "-- a"}
    assert [section.names for section in found if section.is_binary] == [{"blob"}]
    assert {name for section in found if section.adds for name in section.names} == {"empty", "-- a"}


@pytest.mark.parametrize(
    ("patch", "names"),
    [
        (HEAD + PATHS + HUNK, [{"src/x.ts"}]),
        (PATHS + HUNK, [{"src/x.ts"}]),
        (PATHS + HUNK + PATHS.replace("x.ts", "y.ts") + HUNK, [{"src/x.ts"}, {"src/y.ts"}]),
        (HEAD + PATHS + "@@ -1,2 +1,2 @@\n---- a/y\n+++++ b/y\n-diff --git a/z b/z\n+x\n", [{"src/x.ts"}]),
        (HEAD + "old mode 100644\nnew mode 100755\n", [{"src/x.ts"}]),
        ('diff --git "a/caf\\303\\251.ts" "b/caf\\303\\251.ts"\nnew file mode 100644\n', [{"café.ts"}]),
        ("words\n" + HEAD + PATHS + HUNK + "-- \n2.40\n", [{"src/x.ts"}]),
        ("diff --git a/x\n", [set()]),
        (HEAD + "--- a/src/x.ts\n+++ b/package.json\n" + HUNK, [{"src/x.ts", "package.json"}]),
        (HEAD + "rename from src/x.ts\nrename to a/b\n", [{"src/x.ts", "a/b"}]),
        ("--- a/x\n+++ b/../y\n" + HUNK, [{"x", "../y"}]),
        ("words\n", []),
        ("", []),
    ],
)
def test_a_part_names_every_path_it_could_write(patch: str, names: list[set[str]]) -> None:
    assert [section.names for section in sections.split(patch)] == names


@pytest.mark.parametrize(("mode", "links"), [("120000", True), ("160000", True), ("100755", False)])
@pytest.mark.parametrize("line", ["new file mode {}", "old mode 100644\nnew mode {}", "index 1..2 {}"])
def test_links_and_submodules_are_told_by_their_mode(mode: str, links: bool, line: str) -> None:
    (section,) = sections.split(HEAD + line.format(mode) + "\n" + PATHS + HUNK)
    assert section.makes_link is links


def test_the_lines_that_a_part_adds_are_told_from_the_others() -> None:
    patch = HEAD + PATHS + "@@ -1,2 +1,2 @@\n same\n-old\n+new\n"
    assert sections.added_lines(patch) == ["new"]
    assert sections.removed_or_kept_lines(patch) == ["same", "old"]
