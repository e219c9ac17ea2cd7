"""Patches: what the real git writes is read byte for byte, and anything else is refused with its place."""

import subprocess
from pathlib import Path

import pytest

from tracesmith import patches
from tracesmith.errors import InputError
from tracesmith.patches import FilePatch


class Repository:
    """A git repository with one commit, whose changes can be shown as a patch."""

    def __init__(self, folder: Path, contents: dict[str, bytes]) -> None:
        self.folder = folder
        self.git("init", "-q")
        self.write(contents)
        self.git("add", "-A")
        self.git("-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x")

    def git(self, *arguments: str) -> bytes:
        command = ["git", "-C", self.folder, "-c", "core.autocrlf=false", *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def write(self, contents: dict[str, bytes]) -> None:
        for name, data in contents.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data)

    def diff(self, *flags: str) -> str:
        self.git("add", "-A")
        return self.git(*flags, "diff", "--cached", "-M").decode("utf-8", "surrogateescape")


def patch_of(folder: Path, before: dict[str, bytes], after: dict[str, bytes], *flags: str) -> list[FilePatch]:
    repository = Repository(folder, before)
    for name in before:
        (folder / name).unlink()
    repository.write(after)
    return patches.parse(repository.diff(*flags), "patch")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"one\ntwo\nthree\n", b"one\n2\nthree\n"),
        (b"one\ntwo", b"one\n2"),
        (b"one\ntwo", b"one\ntwo\n"),
        (b"one\ntwo\n", b"one\ntwo"),
        (b"one\r\ntwo\r\n", b"one\r\n2\r\n"),
        (b"one\r\ntwo\r\n", b"one\ntwo\r\n"),
        ("one \u2028 two\n\u2029\x0b\x0c\n".encode(), "one \u2028 2\n\u2029\x0b\x0c\n".encode()),
        (b"-- one\n++ two\n", b"-- 1\n++ two\n"),
        (b"@@ -1 +1 @@\n--- a/x\n+++ b/x\n", b"@@ -1 +1 @@\n--- a/y\n+++ b/y\n"),
        (b"\n\n\n", b"\n\n"),
        (b"latin \xe9\n", b"latin \xff\n"),
        (b"\\ No newline at end of file\nx\n", b"\\ No newline at end of file\ny\n"),
    ],
)
def test_both_sides_of_a_change_are_the_bytes_of_the_file(tmp_path: Path, before: bytes, after: bytes) -> None:
    (found,) = patch_of(tmp_path, {"src/x.ts": before}, {"src/x.ts": after})
    assert (found.before, found.after) == ("src/x.ts", "src/x.ts")
    assert "".join(hunk.before for hunk in found.hunks).encode("utf-8", "surrogateescape") == before
    assert "".join(hunk.after for hunk in found.hunks).encode("utf-8", "surrogateescape") == after


def test_hunks_say_where_they_stand_after_the_patch(tmp_path: Path) -> None:
    lines = [b"%d\n" % number for number in range(1, 101)]
    after = [b"new\n", *lines[:49], b"fifty\n", *lines[50:]]
    (found,) = patch_of(tmp_path, {"x": b"".join(lines)}, {"x": b"".join(after)})
    assert [hunk.line for hunk in found.hunks] == [1, 48]
    for hunk in found.hunks:
        text = b"".join(after[hunk.line - 1 :]).decode()
        assert text.startswith(hunk.after)


def test_added_removed_and_renamed_files_are_told_apart(tmp_path: Path) -> None:
    text = b"".join(b"line %d\n" % number for number in range(30))
    before = {"gone.ts": b"gone\n", "old.ts": text}
    after = {"new.ts": b"new\n", "renamed.ts": text.replace(b"line 3\n", b"line three\n")}
    found = {(file.before, file.after) for file in patch_of(tmp_path, before, after)}
    assert found == {("gone.ts", None), (None, "new.ts"), ("old.ts", "renamed.ts")}


@pytest.mark.parametrize("flags", [(), ("-c", "core.quotepath=off")])
@pytest.mark.parametrize(
    "name",
    [
        "with space.ts",
        "snow\u2603.ts",
        "\u20ac\xe9.ts",
        'say "hi".ts',
        'ends with a quote"',
        "tab\there.ts",
        "new\nline.ts",
        "back\\slash.ts",
        "back\\101.ts",
        'euro \u20ac and "quote".ts',
        "latin\udce9.ts",
    ],
)
def test_quoted_paths_are_the_names_of_the_files(tmp_path: Path, name: str, flags: tuple[str, ...]) -> None:
    (found,) = patch_of(tmp_path, {f"src/{name}": b"one\n"}, {f"src/{name}": b"two\n"}, *flags)
    assert (found.before, found.after) == (f"src/{name}", f"src/{name}")


def test_changes_without_text_are_left_out(tmp_path: Path) -> None:
    found = patch_of(tmp_path, {"x": b"one\n", "blob": b"\0\1"}, {"x": b"two\n", "blob": b"\0\2"})
    assert [file.after for file in found] == ["x"]


HEAD = "--- a/x\n+++ b/x\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no unified diff"),
        ("some words\n", "no unified diff"),
        ("@@ -1 +1 @@\n-a\n+b\n", "no unified diff"),
        (HEAD, "no unified diff"),
        (HEAD + "@@ nonsense @@\n", "line 3 is no hunk header"),
        (HEAD + "@@ -1,3 +1,3 @@\n a\n", "cut short"),
        (HEAD + "@@ -1 +1 @@\n-a\n", "cut short"),
        (HEAD + "@@ -1 +1 @@\n-a\n-b\n+c\n", "cut short"),
        (HEAD + "@@ -1,2 +1,2 @@\n-a\nwhat\n+b\n c\n", "line 5 is no line of a hunk"),
    ],
)
def test_what_is_no_diff_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        patches.parse(text, "data.json x__1: patch")
    assert str(raised.value).startswith("data.json x__1: patch: ")


@pytest.mark.parametrize(
    ("patch", "data"),
    [("a\n", b"a\n"), ("a", b"a\n"), ("\udcff\n", b"\xff\n"), ("\u2028\r\n", b"\xe2\x80\xa8\r\n"), ("\ud83d", None)],
)
def test_every_patch_has_bytes_and_ends_with_a_newline(patch: str, data: bytes | None) -> None:
    assert patches.to_bytes(patch).endswith(b"\n")
    assert data is None or patches.to_bytes(patch) == data
