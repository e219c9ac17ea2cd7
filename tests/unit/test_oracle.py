"""The scripted engines: the oracle's own edits undo every bug it is given, the null engine changes nothing."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local_box import LocalBox
from tracesmith import prepared, workspaces
from tracesmith.agents import scripted
from tracesmith.agents.sessions import Session

SETTINGS = prepared.TestSettings("vitest", ["true"], ["**/*.spec.ts"])
NAME = "local__x.0a1b2c3d.func_pm_x__abcdefgh"
REPEATED = b"".join(b"if (a) {\n    b();\n}\n" for _ in range(6))


def make(folder: Path, good: dict[str, bytes], bad: dict[str, bytes]) -> tuple[LocalBox, Any]:
    """Return a workspace with the bug, and the instance whose patch makes it."""
    testbed = folder / "testbed"
    testbed.mkdir()

    def git(*arguments: str) -> bytes:
        command = ["git", "-C", testbed, "-c", "user.name=x", "-c", "user.email=x@x", *arguments]
        return subprocess.run(command, capture_output=True, check=True).stdout

    git("init", "-q")
    for contents in (good, bad):
        for path in testbed.glob("*.ts"):
            path.unlink()
        for name, data in contents.items():
            (testbed / name).write_bytes(data)
        git("add", "-A")
        if contents is good:
            git("commit", "-qm", "x")
    patch = git("diff", "--cached").decode("utf-8", "surrogateescape")
    git("reset", "-q", "--hard")
    box, instance = LocalBox(testbed), {"instance_id": NAME, "patch": patch, "FAIL_TO_PASS": [], "PASS_TO_PASS": []}
    workspaces.make(box, instance, [])
    return box, instance


CHANGES = {
    "one line": (b"a\nb\nc\n", b"a\nx\nc\n"),
    "removed lines": (b"a\nb\nc\nd\n", b"a\nd\n"),
    "added lines": (b"a\nd\n", b"a\nb\nc\nd\n"),
    "first line": (b"a\nb\n", b"x\nb\n"),
    "last line without newline": (b"a\nb", b"a\nx"),
    "newline added": (b"a\nb", b"a\nb\n"),
    "newline taken away": (b"a\nb\n", b"a\nb"),
    "swapped lines": (b"a\nb\nc\n", b"b\na\nc\n"),
    "a line among its likes": (REPEATED, REPEATED.replace(b"b();", b"c();", 1)),
    "the last of its likes": (REPEATED, REPEATED[:-12] + b"    x();\n}\n"),
    "a like taken away": (b"x\nx\nx\ny\n", b"x\nx\ny\n"),
    "a blank line": (b"a\n\n\nb\n", b"a\n\nb\n"),
    "CRLF": (b"a\r\nb\r\nc\r\n", b"a\r\nx\r\nc\r\n"),
    "line separators": ("a\u2028b\nc\u2029\n".encode(), "a\u2028x\nc\u2029\n".encode()),
    "form feeds": (b"a\x0cb\x0b\nc\n", b"a\x0cx\x0b\nc\n"),
    "bytes that are no UTF-8": (b"\xe9a\nb\xff\n", b"\xe9a\nx\xff\n"),
    "two places": (
        b"".join(b"%d\n" % n for n in range(60)),
        b"".join(b"%d\n" % (n * (n not in (5, 50))) for n in range(60)),
    ),
    "the whole file": (b"a\nb\nc\n", b"x\ny\n"),
    "dollars and braces": (b"`${a}\\n`\n", b"`{{ a }}%s\\n`\n"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_the_oracle_undoes_the_bug_and_submits_a_patch_that_does_so(tmp_path: Path, kind: str) -> None:
    good, bad = CHANGES[kind]
    box, instance = make(tmp_path, {"x.ts": good}, {"x.ts": bad})
    session = Session(NAME, box, "system", "task")
    patch = scripted.oracle(session, instance, SETTINGS)
    assert (box.folder / "x.ts").read_bytes() == good
    subprocess.run(["git", "-C", box.folder, "reset", "-q", "--hard"], check=True)
    assert (box.folder / "x.ts").read_bytes() == bad
    workspaces.apply_patch(box, patch)
    assert (box.folder / "x.ts").read_bytes() == good


def test_the_oracle_undoes_bugs_in_several_files(tmp_path: Path) -> None:
    good = {"x.ts": b"a\n", "y.ts": b"b\n"}
    box, instance = make(tmp_path, good, {"x.ts": b"1\n", "y.ts": b"2\n"})
    scripted.oracle(Session(NAME, box, "system", "task"), instance, SETTINGS)
    assert {path.name: path.read_bytes() for path in box.folder.glob("*.ts")} == good


@pytest.mark.parametrize(("good", "bad"), [({"x.ts": b"a\nb\n"}, {}), ({}, {"x.ts": b"a\n"})])
def test_the_oracle_undoes_bugs_that_add_or_remove_files(
    tmp_path: Path, good: dict[str, bytes], bad: dict[str, bytes]
) -> None:
    box, instance = make(tmp_path, {**good, "kept.ts": b"k\n"}, {**bad, "kept.ts": b"k\n"})
    scripted.oracle(Session(NAME, box, "system", "task"), instance, SETTINGS)
    assert {path.name: path.read_bytes() for path in box.folder.glob("*.ts")} == {**good, "kept.ts": b"k\n"}


def test_a_bug_that_renames_a_file_is_refused_by_its_instance(tmp_path: Path) -> None:
    lines = b"".join(b"%d\n" % number for number in range(20))
    box, instance = make(tmp_path, {"x.ts": lines}, {"y.ts": lines + b"more\n"})
    assert "rename from" in instance["patch"]
    with pytest.raises(scripted.ForfeitError, match="the oracle undoes no renaming"):
        scripted.oracle(Session(NAME, box, "system", "task"), instance, SETTINGS)


def test_every_turn_is_recorded_with_what_was_seen(tmp_path: Path) -> None:
    box, instance = make(tmp_path, {"x.ts": b"a\nb\n"}, {"x.ts": b"a\nx\n"})
    session = Session(NAME, box, "system", "task")
    patch = scripted.oracle(session, instance, SETTINGS)
    record = json.loads(json.dumps(session.trajectory("submitted", patch)))
    assert [step["action"].split()[0] for step in record["trajectory"]] == [
        "str_replace_editor",
        "str_replace_editor",
        "true",
        "submit",
    ]
    assert [message["role"] for message in record["history"]] == ["system", "user", *["assistant", "tool"] * 4]
    assert record["trajectory"][-1]["observation"] == patch == record["info"]["submission"]
    ids = [call["id"] for message in record["history"] for call in message.get("tool_calls", [])]
    assert len(set(ids)) == 4


def test_the_null_engine_submits_nothing(tmp_path: Path) -> None:
    box, instance = make(tmp_path, {"x.ts": b"a\n"}, {"x.ts": b"b\n"})
    session = Session(NAME, box, "system", "task")
    assert scripted.null(session, instance, SETTINGS) == ""
    assert (box.folder / "x.ts").read_bytes() == b"b\n"
    assert len(session.transcript.steps) == 1
