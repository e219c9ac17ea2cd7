"""Files: nobody ever sees half of one, and every error names the file and the record."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from processes import dead_label, start
from tracesmith import files, owners
from tracesmith.errors import InputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_written_file_is_whole_and_alone(tmp_path: Path) -> None:
    with files.atomic_writer(tmp_path / "deep" / "out.json") as out:
        out.write(b"one")
        assert not (tmp_path / "deep" / "out.json").exists()
        out.write(b" two")
    assert (tmp_path / "deep" / "out.json").read_bytes() == b"one two"
    assert names(tmp_path / "deep") == ["out.json"]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), files.atomic_writer(path) as out:
        out.write(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out.json"]


def test_what_a_dead_process_left_is_removed_and_what_lives_is_kept(tmp_path: Path) -> None:
    dead, mine = f".out[1].json.{dead_label()}.tmp", owners.temporary_name("out[1].json") + "x"
    foreign, other = f".out[1].json.otherhost.{dead_label().split('.', 1)[1]}.tmp", f".two.json.{dead_label()}.tmp"
    for name in (dead, mine, foreign, other):
        (tmp_path / name).write_bytes(b"half")
    files.write_bytes(tmp_path / "out[1].json", b"whole")
    assert names(tmp_path) == sorted(["out[1].json", mine, foreign, other])


def test_a_file_that_another_live_process_writes_is_left_alone(tmp_path: Path) -> None:
    with files.atomic_writer(tmp_path / "out") as out:
        other = start(
            "import sys, pathlib; from tracesmith import files; "
            "files.write_bytes(pathlib.Path(sys.argv[1]), b'theirs')",
            tmp_path / "out",
        )
        assert other.wait() == 0
        assert (tmp_path / "out").read_bytes() == b"theirs"
        out.write(b"mine")
    assert (tmp_path / "out").read_bytes() == b"mine"


@pytest.mark.parametrize("place", ["folder", "file/below"])
def test_a_place_that_is_no_file_is_refused_and_nothing_is_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"in the way")
    with pytest.raises(InputError, match=re.escape(str(tmp_path / place))):
        files.write_bytes(tmp_path / place, b"x")
    assert names(tmp_path) == ["file", "folder"]
    assert names(tmp_path / "folder") == []


READERS: list[Callable[[Path], Any]] = [
    files.read_text,
    files.read_json,
    lambda path: list(files.read_jsonl(path)),
    files.digest_file,
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("name", "said"), [("none", "no such file"), ("folder", "folder"), ("file/x", "not readable"), ("n" * 300, "long")]
)
def test_what_cannot_be_read_is_named_with_the_reason(
    tmp_path: Path, read: Callable[[Path], Any], name: str, said: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"{}")
    with pytest.raises(InputError, match=said) as raised:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(raised.value)


@pytest.mark.parametrize("read", READERS[:3])
@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, read: Callable[[Path], Any], content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match="the file is empty"):
        read(tmp_path / "x")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{\n  1}", "line 2 column 3"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 10_000, "a number is too long"),
        (b'"ab\xff"', r"not UTF-8 text \(byte 3\)"),
        (b"\xef\xbb\xbf{}", "BOM"),
    ],
)
def test_json_that_cannot_be_read_is_named_with_the_place(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError, match=said) as raised:
        files.read_json(tmp_path / "x.json")
    assert str(tmp_path / "x.json") in str(raised.value)


def test_jsonl_lines_end_at_lf_only_and_blank_lines_count(tmp_path: Path) -> None:
    text = "one\u2028two\u2029three\u0085four\x0bfive"
    lines = [json.dumps({"message": text.replace("\x0b", "")}, ensure_ascii=False), "", "  \t", '{"last": 1}']
    (tmp_path / "x.jsonl").write_bytes("\r\n".join(lines).encode())
    found = list(files.read_jsonl(tmp_path / "x.jsonl"))
    assert found == [(1, {"message": text.replace("\x0b", "")}), (4, {"last": 1})]


def test_a_malformed_jsonl_line_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a": 1}\n\n{"a": \n')
    with pytest.raises(InputError, match=re.escape(f"{path} line 3: not JSON")):
        list(files.read_jsonl(path))
    path.write_bytes(b'{"a": 1}\n"\xff"\n')
    with pytest.raises(InputError, match=re.escape(f"{path} line 2: not UTF-8 text (byte 1 of the line)")):
        list(files.read_jsonl(path))


@pytest.mark.parametrize("text", ["plain", "snow \u2603 \u2028", "a byte \udcff of a patch", "half a pair \ud83d"])
def test_every_text_comes_back_from_a_written_file(tmp_path: Path, text: str) -> None:
    files.write_json(tmp_path / "x.json", {"text": text})
    assert files.read_json(tmp_path / "x.json") == {"text": text}
    (tmp_path / "x.jsonl").write_bytes(files.json_line({"text": text}) * 2)
    assert [value for _, value in files.read_jsonl(tmp_path / "x.jsonl")] == [{"text": text}] * 2


def test_a_jsonl_line_is_one_line_for_every_tool() -> None:
    line = files.json_line({"text": "a\u2028b\u2029c\x85d\r\n\x0b\x1c"})
    assert line.endswith(b"\n")
    assert len(line.decode().splitlines()) == 1


def test_digest_depends_on_the_value_and_not_on_its_order() -> None:
    assert files.digest({"a": 1, "b": [1, 2]}) == files.digest({"b": [1, 2], "a": 1})
    assert files.digest({"a": [1, 2]}) != files.digest({"a": [2, 1]})
    assert files.digest({"a": "1"}) != files.digest({"a": 1})


def test_short_hash_is_eight_characters_of_the_sha256() -> None:
    found = {files.short_hash(f"text {number}") for number in range(2000)}
    assert len(found) == 2000
    assert all(re.fullmatch(r"[a-z0-9]{8}", name) for name in found)
    assert {character for name in found for character in name} == set("abcdefghijklmnopqrstuvwxyz0123456789")
    assert files.short_hash("tracesmith") == files.short_hash("tracesmith")
    assert files.short_hash("\udcff") != files.short_hash("\ud83d")
