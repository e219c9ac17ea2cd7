"""Hunks are found by their text: at their line, else at the one place where it stands, with the file's line ends."""

import subprocess
from pathlib import Path

import pytest

from tracesmith import patches
from tracesmith.bugs import diffs, hunks, sources
from tracesmith.bugs.sources import Edit, SourceFile
from tracesmith.patches import Hunk

LINES = [f"export const v{number} = {number};\n" for number in range(40)]
CODE = "".join(LINES)


def parsed(text: str) -> SourceFile:
    file = sources.parse("x.ts", text.encode())
    assert file is not None
    return file


def diff(folder: Path, before: str, after: str, *flags: str) -> list[Hunk]:
    """Return the hunks that git makes of two texts."""
    for name, text in (("before", before), ("after", after)):
        (folder / name).write_bytes(text.encode())
    command = ["git", "diff", "--no-index", *flags, "before", "after"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return [hunk for file in patches.parse(done.stdout.decode(), "here") for hunk in file.hunks]


def changed(text: str, *numbers: int) -> str:
    for number in numbers:
        text = text.replace(f" v{number} =", f" w{number} =")
    return text


CASES = [
    (CODE, changed(CODE, 3)),
    (CODE, changed(CODE, 0, 20, 39)),
    (CODE, "".join(LINES[:10] + LINES[20:])),
    (CODE, "".join([*LINES[:10], "let added;\n", "let more;\n", *LINES[10:]])),
    (CODE, "let first;\n" + CODE + "let last;\n"),
    (CODE.rstrip("\n"), changed(CODE, 39)),
    (CODE, changed(CODE, 39).rstrip("\n")),
    (CODE.replace("\n", "\r\n"), changed(CODE, 3, 4).replace("\n", "\r\n")),
    (CODE.replace("\n", "\r\n"), changed(CODE, 3).replace("\n", "\r\n").removesuffix("\r\n")),
    (CODE.replace("v5", "größe\u2028"), changed(CODE, 4).replace("v5", "größe\u2028")),
    ("", CODE),
]


@pytest.mark.parametrize(("before", "after"), CASES)
def test_what_git_shows_is_done_and_undone_byte_for_byte(tmp_path: Path, before: str, after: str) -> None:
    found = diff(tmp_path, before, after)
    old = parsed(before)
    made = hunks.edits(old, hunks.done(found))
    assert old.edited(old.joined(made)).decode() == after
    new = parsed(after)
    undone = hunks.edits(new, hunks.undone(found))
    assert new.edited(new.joined(undone)).decode() == before


def test_an_edit_holds_the_lines_that_differ_and_no_context(tmp_path: Path) -> None:
    file = parsed(CODE)
    (edit,) = hunks.edits(file, hunks.done(diff(tmp_path, CODE, changed(CODE, 3))))
    assert file.data[edit.start_byte : edit.end_byte].decode() == LINES[3]
    assert edit.replacement == b"export const w3 = 3;\n"


def test_a_hunk_is_found_where_its_lines_stand_now(tmp_path: Path) -> None:
    found = diff(tmp_path, CODE, changed(CODE, 3, 20))
    moved = parsed("let one;\nlet two;\n" + CODE)
    made = hunks.edits(moved, hunks.done(found))
    assert moved.edited(moved.joined(made)).decode() == "let one;\nlet two;\n" + changed(CODE, 3, 20)


def test_a_hunk_at_its_line_is_taken_though_its_text_stands_elsewhere_too(tmp_path: Path) -> None:
    twice = "f(1);\nf(2);\nf(3);\n" * 8
    lines = twice.splitlines(keepends=True)
    after = "".join([*lines[:10], "f(0);\n", *lines[11:]])
    found = diff(tmp_path, twice, after)
    file = parsed(twice)
    made = hunks.edits(file, hunks.done(found))
    assert file.edited(file.joined(made)).decode() == after


@pytest.mark.parametrize(
    "text",
    [
        "let other;\n",
        "x\n" + LINES[2] + LINES[3] + "let between;\n" + LINES[4],
        "x;\n" + CODE + CODE,
        CODE.replace(LINES[3], LINES[3].replace(" = ", "  = ")),
        CODE.replace(LINES[2] + LINES[3], f"let x = 1; {LINES[2]}{LINES[3]}"),
    ],
    ids=["gone", "torn", "twice", "other white space", "not whole lines"],
)
def test_a_hunk_without_a_place_of_its_own_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    found = diff(tmp_path, CODE, changed(CODE, 3))
    with pytest.raises(hunks.NotFoundError) as raised:
        hunks.edits(parsed(text), hunks.done(found))
    assert raised.value.line == 1


def test_line_ends_are_those_of_the_file(tmp_path: Path) -> None:
    found = diff(tmp_path, CODE, changed(CODE, 3))
    windows = parsed(CODE.replace("\n", "\r\n"))
    made = hunks.edits(windows, hunks.done(found))
    assert windows.edited(windows.joined(made)).decode() == changed(CODE, 3).replace("\n", "\r\n")
    back = diff(tmp_path, CODE.replace("\n", "\r\n"), changed(CODE, 3).replace("\n", "\r\n"))
    unix = parsed(CODE)
    made = hunks.edits(unix, hunks.done(back))
    assert unix.edited(unix.joined(made)).decode() == changed(CODE, 3)


def test_text_at_the_end_without_a_newline_is_found_at_the_end_only(tmp_path: Path) -> None:
    found = diff(tmp_path, "let a;\nlet b", "let a;\nlet c")
    with pytest.raises(hunks.NotFoundError):
        hunks.edits(parsed("let a;\nlet b;\n"), hunks.done(found))


def test_hunks_without_lines_to_find_are_refused(tmp_path: Path) -> None:
    added = diff(tmp_path, CODE, "".join([*LINES[:5], "let x;\n", *LINES[5:]]), "-U0")
    with pytest.raises(hunks.NotFoundError):
        hunks.edits(parsed(CODE), hunks.done(added))
    undone = hunks.edits(parsed("".join([*LINES[:5], "let x;\n", *LINES[5:]])), hunks.undone(added))
    assert undone[0].replacement == b""


@pytest.mark.parametrize("text", ["let a = '\ud83d';\n", "let a = '\udcff';\n"])
def test_text_that_no_utf8_file_holds_has_no_place(text: str) -> None:
    for change in (hunks.done, hunks.undone):
        for hunk in (Hunk(1, text, "let a;\n"), Hunk(1, "let a;\n", text)):
            with pytest.raises(hunks.NotFoundError):
                change([hunk])


def test_hunks_that_meet_are_refused() -> None:
    one = Hunk(1, "a;\nb;\nc;\n", "a;\nx;\nc;\n")
    other = Hunk(2, "b;\nc;\nd;\n", "b;\ny;\nd;\n")
    with pytest.raises(hunks.NotFoundError) as raised:
        hunks.edits(parsed("a;\nb;\nc;\nd;\n"), hunks.done([one, other]))
    assert raised.value.line == 2


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ((0, 4), (6, 8), True),
        ((6, 8), (0, 4), True),
        ((0, 4), (4, 8), False),
        ((0, 6), (4, 8), False),
        ((0, 8), (2, 4), False),
        ((4, 4), (4, 4), False),
        ((4, 4), (4, 8), False),
        ((0, 4), (5, 5), True),
    ],
)
def test_edits_that_overlap_or_touch_are_not_apart(one: tuple[int, int], other: tuple[int, int], apart: bool) -> None:
    assert hunks.apart([Edit(*one, b""), Edit(*other, b"x")]) is apart


def test_three_far_and_near_edits_make_hunks_that_git_applies(tmp_path: Path) -> None:
    file = parsed(CODE)
    places = [file.data.index(f" v{number} ".encode()) + 1 for number in (1, 4, 13, 39)]
    edits = [Edit(place, place + 1, b"w\n\n\nw") for place in places]
    patch = diffs.patch(file, *reversed(edits))
    assert patch.count("\n@@ ") == 3
    (tmp_path / "x.ts").write_bytes(file.data)
    done = subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.ts").read_bytes() == file.edited(file.joined(edits))
