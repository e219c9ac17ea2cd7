"""Patches against the tiny package with its bug, as an agent would submit them."""

import difflib
import subprocess
import tempfile
from pathlib import Path

import tiny

SOURCE = "src/intervals.ts"
BUGGY = (tiny.SOURCE / SOURCE).read_text().replace(tiny.FIXED, "start < last.end")
REPAIRED = (tiny.SOURCE / SOURCE).read_text()
CONDITION = "start < last.end"


def add(path: str, text: str) -> str:
    """Return a patch that makes a file."""
    lines = text.splitlines(keepends=True) or ["\n"]
    body = "".join(f"+{line}" for line in lines)
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
    return f"{head}@@ -0,0 +1,{len(lines)} @@\n{body}"


def change(path: str, old: str, new: str) -> str:
    """Return a patch that replaces a text in a file of the tree."""
    before = BUGGY if path == SOURCE else (tiny.SOURCE / path).read_text()
    assert old in before, old
    after = before.replace(old, new, 1)
    lines = (before.splitlines(keepends=True), after.splitlines(keepends=True))
    return f"diff --git a/{path} b/{path}\n" + "".join(difflib.unified_diff(*lines, f"a/{path}", f"b/{path}"))


def remove(path: str) -> str:
    """Return a patch that removes a file of the tree."""
    lines = (tiny.SOURCE / path).read_text().splitlines(keepends=True)
    body = "".join(f"-{line}" for line in lines)
    head = f"diff --git a/{path} b/{path}\ndeleted file mode 100644\n--- a/{path}\n+++ /dev/null\n"
    return f"{head}@@ -1,{len(lines)} +0,0 @@\n{body}"


def on_top(code: str) -> str:
    """Return a patch that puts code at the top of the file with the bug, and leaves the bug."""
    return change(SOURCE, "export interface Interval {", f"{code}\nexport interface Interval {{")


def instead(condition: str, top: str = "") -> str:
    """Return a patch that puts another condition in the place of the wrong one."""
    after = BUGGY.replace(CONDITION, condition)
    lines = (BUGGY.splitlines(keepends=True), (top + after).splitlines(keepends=True))
    head = f"diff --git a/{SOURCE} b/{SOURCE}\n"
    return head + "".join(difflib.unified_diff(*lines, f"a/{SOURCE}", f"b/{SOURCE}"))


def binary(path: str, data: bytes) -> str:
    """Return a patch that makes a binary file, as git writes it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
        (Path(folder) / path).write_bytes(data)
        for words in (["init", "-q"], ["add", "-A"]):
            subprocess.run(["git", "-C", folder, *words], check=True)
        command = ["git", "-C", folder, "diff", "--cached", "--binary"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
