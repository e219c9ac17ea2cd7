"""A fix that is planted in reach of an agent is found there, and only the instances that it gives away are refused."""

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import os
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boxes
import pytest

from tracesmith import git, prepared, workspaces
from tracesmith.proving import checking, looking, needles
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Sandbox

NAME = "local__x.0a1b2c3d.func_pm_x__abcdefgh"
FIXED = """export function overlaps(first: Range, second: Range): boolean {
    if (first.start > first.end) throw new RangeError("backwards");
    return first.start <= second.end && second.start <= first.end;
}
"""
BUGGY = FIXED.replace("<= first.end", "< first.end")
LINE = "return first.start <= second.end && second.start <= first.end"
BUG = """--- a/src/ranges.ts
+++ b/src/ranges.ts
@@ -1,4 +1,4 @@
 export function overlaps(first: Range, second: Range): boolean {
     if (first.start > first.end) throw new RangeError("backwards");
-    return first.start <= second.end && second.start <= first.end;
+    return first.start <= second.end && second.start < first.end;
 }
"""
SOURCE = {
    "src/ranges.ts": FIXED,
    "src/ranges.spec.ts": f"// {LINE}\ntest('a', () => {{}});\n",
    "src/index.ts": 'export * from "./ranges";\n',
    ".gitignore": "dist\n.cache\n",
}
INSTANCE: Any = {
    "instance_id": NAME,
    "patch": BUG,
    "FAIL_TO_PASS": ["src/ranges.spec.ts > a"],
    "PASS_TO_PASS": [],
    "image_name": "x",
    "repo": "swesmith/x",
}
COMPILED = FIXED.replace(": Range", "").replace(": boolean", "").replace("    ", "\t").replace("\n", "\r\n").encode()
MINIFIED = b"function o(t){}" + LINE.replace(" ", "").replace("return", "return ").encode() + b"}"

SOURCE_MAP = json.dumps({"version": 3, "sourcesContent": [FIXED], "mappings": ""}).encode()
INLINE_MAP = b"//# sourceMappingURL=data:application/json;base64," + base64.b64encode(SOURCE_MAP)


def packed_tar(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def packed_zip(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


PLANTS: dict[str, tuple[str, bytes]] = {
    "a copy under node_modules": ("node_modules/x/src/ranges.ts", FIXED.encode()),
    "build output": ("dist/ranges.js", COMPILED),
    "minified build output": ("dist/ranges.min.js", MINIFIED),
    "a source map": ("dist/ranges.js.map", SOURCE_MAP),
    "an inline source map": ("dist/other.js", INLINE_MAP),
    "wrapped base64": ("dist/other.txt", base64.encodebytes(FIXED.encode() * 2)),
    "a runner's cache": ("node_modules/.vite/vitest/results/ranges.js", COMPILED),
    "a transform cache": (".cache/jest/a/b_1234.map", SOURCE_MAP),
    "a package manager's cache": ("node_modules/.cache/_cacache/sha512/ab/cd", gzip.compress(FIXED.encode())),
    "a tarball": ("node_modules/.store/x-1.0.0.tgz", packed_tar("package/src/ranges.ts", FIXED.encode())),
    "a zip of yarn": ("node_modules/.yarn/cache/x.zip", packed_zip("node_modules/x/ranges.js", COMPILED)),
    "a tarball in a zip": ("node_modules/a.zip", packed_zip("x.tgz", packed_tar("package/ranges.js", COMPILED))),
    "bzip2": ("node_modules/a.bz2", bz2.compress(FIXED.encode())),
    "xz": ("node_modules/a.xz", lzma.compress(FIXED.encode())),
    "a loose object": ("node_modules/x/.git/objects/ab/cdef", zlib.compress(b"blob 200\0" + FIXED.encode())),
    "a coverage report": ("dist/lcov/ranges.ts.html", html.escape(FIXED).encode()),
    "JSON with unicode escapes": ("dist/a.json", json.dumps(FIXED).replace("<", "\\u003c").encode()),
    "UTF-16": ("dist/a.txt", FIXED.encode("utf-16")),
    "an editor's backup": ("node_modules/.ranges.ts.swp", FIXED.encode()),
}  # fmt: skip


def write(folder: Path, contents: dict[str, bytes]) -> None:
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def scan_of(folder: Path, *instances: Any) -> checking.Scan:
    """Make the environment of a tree and look through it."""
    environment = prepared.Environment(
        *("local__x.0a1b2c3d", "x", "swesmith/x", "bubblewrap", None, "tree", "source", "0", "mirror.git", "24", "0"),
        network=False,
        timeout_s=60,
        limits=boxes.LIMITS,
        test=prepared.TestSettings("vitest", ["vitest"], ["src/**/*.spec.ts"]),
    )
    wanted = looking.Needles({one["instance_id"]: needles.of_patch(one["patch"], "x") for one in instances})
    return checking.look_through(boxes.make_backend("bubblewrap", str(folder / "tree")), environment, folder, wanted)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("source", "tree"):
        write(tmp_path / name, {path: text.encode() for path, text in SOURCE.items()})
    return tmp_path


@pytest.mark.sandbox
def test_a_clean_workspace_holds_no_line_of_the_fix(folder: Path) -> None:
    write(folder / "tree", {"node_modules/y/index.js": b"return first.start <= second.end;\n"})
    found = checking.check(scan_of(folder, INSTANCE), INSTANCE)
    assert (found.proof.needles, found.proof.leaks, found.proof.copies, found.problems) == (2, {}, {}, [])
    assert not found.is_refused


@pytest.mark.sandbox
@pytest.mark.parametrize("where", PLANTS)
def test_a_planted_fix_is_found(folder: Path, where: str) -> None:
    path, data = PLANTS[where]
    write(folder / "tree", {path: data})
    found = checking.check(scan_of(folder, INSTANCE), INSTANCE)
    assert found.is_refused
    assert {way.split(" > ")[0] for way in found.proof.leaks} == {path}


def other_repository(folder: Path) -> Path:
    """Make a repository whose second commit has the bug, so that the fix is a delta or an older object."""
    write(folder, {"ranges.ts": (FIXED + "// more\n" * 50).encode()})
    run = ["git", "-C", str(folder)]
    environment = {**os.environ, **git.environment_of_git()}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*run, *command], check=True, env=environment)
    write(folder, {"ranges.ts": (BUGGY + "// more\n" * 50).encode()})
    for command in (["commit", "-qam", "y"], ["repack", "-qadf"], ["bundle", "create", "-q", "all.bundle", "HEAD"]):
        subprocess.run([*run, *command], check=True, env=environment)
    return folder


@pytest.mark.sandbox
@pytest.mark.parametrize("kind", ["pack", "bundle"])
def test_a_fix_in_an_older_commit_of_another_repository_is_found(folder: Path, kind: str) -> None:
    made = other_repository(folder / "other")
    data = next(made.glob(".git/objects/pack/*.pack" if kind == "pack" else "all.bundle")).read_bytes()
    write(folder / "tree", {f"node_modules/x.{kind}": data})
    found = checking.check(scan_of(folder, INSTANCE), INSTANCE)
    assert {way.split(" > ")[0] for way in found.proof.leaks} == {f"node_modules/x.{kind}"}


def stash(box: Sandbox) -> None:
    base.write_file(box, "/testbed/src/ranges.ts", FIXED.encode())
    base.must(box, ["git", "-c", "user.name=x", "-c", "user.email=x", "stash", "-q"])


def reflog(box: Sandbox) -> None:
    base.write_file(box, "/testbed/src/ranges.ts", FIXED.encode())
    commit = "git -c user.name=x -c user.email=x commit -qam fix && git reset -q --hard HEAD~1"
    base.must(box, ["sh", "-c", commit])


def lost_object(box: Sandbox) -> None:
    base.must(box, ["git", "hash-object", "-w", "--stdin"], stdin=FIXED.encode())


def branch(box: Sandbox) -> None:
    reflog(box)
    base.must(box, ["sh", "-c", "git branch fix HEAD@{1} && git pack-refs --all && git repack -qad"])


def temporary(box: Sandbox) -> None:
    base.write_file(box, "/tmp/home/.npm/_cacache/x", gzip.compress(FIXED.encode()))  # noqa: S108


@pytest.mark.sandbox
@pytest.mark.parametrize("plant", [stash, reflog, lost_object, branch, temporary])
def test_a_fix_that_is_planted_while_a_workspace_is_made_is_found(
    folder: Path, plant: Callable[[Sandbox], None]
) -> None:
    scan = scan_of(folder, INSTANCE)
    with scan.backend.open() as box:
        workspaces.make(box, INSTANCE, ["src/ranges.spec.ts"])
        plant(box)
        found = checking.look_into(scan, box, INSTANCE)
    assert found.is_refused
    assert found.proof.leaks
    assert bool(found.problems) == (plant is not temporary)


@pytest.mark.sandbox
def test_a_copy_that_the_repository_itself_holds_is_told_and_not_refused(folder: Path) -> None:
    for name in ("source", "tree"):
        write(folder / name, {"deno/ranges.ts": FIXED.encode()})
    found = checking.check(scan_of(folder, INSTANCE), INSTANCE)
    assert list(found.proof.copies) == ["deno/ranges.ts"]
    assert not found.is_refused


@pytest.mark.sandbox
def test_a_line_that_stands_elsewhere_in_its_file_proves_nothing(folder: Path) -> None:
    for name in ("source", "tree"):
        write(folder / name, {"src/ranges.ts": (FIXED + FIXED.replace("overlaps", "touches")).encode()})
    write(folder / "tree", {"node_modules/y/a.js": f"{{ {LINE} }}".encode()})
    found = checking.check(scan_of(folder, INSTANCE), INSTANCE)
    assert found.proof.needles == 0
    assert not found.is_refused


@pytest.mark.sandbox
def test_only_the_instance_that_is_given_away_is_refused(folder: Path) -> None:
    bug = BUG.replace("-    return", "     return").replace("+    return", "     return").splitlines(keepends=True)
    bug[4] = '-    if (first.start > first.end) throw new RangeError("backwards");\n'
    bug[5] = "     return first.start <= second.end && second.start <= first.end;\n"
    del bug[6]
    bug[2] = "@@ -1,4 +1,3 @@\n"
    other = {**INSTANCE, "instance_id": f"{NAME}2", "patch": "".join(bug)}
    write(folder / "tree", {"node_modules/y/a.js": b'if(first.start>first.end)throw new RangeError("backwards")'})
    scan = scan_of(folder, INSTANCE, other)
    assert not checking.check(scan, INSTANCE).is_refused
    assert checking.check(scan, other).is_refused


@pytest.mark.sandbox
def test_what_cannot_be_looked_through_is_named(folder: Path) -> None:
    write(folder / "tree", {"node_modules/a.zst": b"\x28\xb5\x2f\xfd123", "node_modules/b.gz": b"\x1f\x8bnot gzip"})
    scan = scan_of(folder, INSTANCE)
    told = checking.summary(scan, [checking.check(scan, INSTANCE)], {})
    assert sorted(told["unread"]) == ["node_modules/a.zst", "node_modules/b.gz"]
    assert told["funnel"] == {"in": 1, "out": 1, "dropped": {}}
