"""Patches made in memory are patches that git applies, byte for byte, whatever the file holds."""

import subprocess
from pathlib import Path

import pytest

from tracesmith.bugs import diffs, harvesting, sources
from tracesmith.bugs.sources import Edit

FIXTURES = Path(__file__).parent.parent / "data" / "ts_sources" / "src"
CODE = (
    "// größe \u2028 \u2029 \x0c 変\n"
    "export function f(a: number, b: number) {\n"
    "\tlet s = 'é\u2028';\n"
    "\tif (a < b) {\n\t\ts = 'ß' + a;\n\t} else {\n\t\ts = 'x' + b;\n\t}\n"
    "\tfor (const x of [a, b]) s += `${x}\u2028`;\n"
    "\treturn s;\n"
    "}\n"
    "export const g = (a: number) => a - 1"
)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def apply(work: Path, path: str, before: bytes, patch: str) -> bytes:
    """Write a file, apply a patch with git and return what stands there; the patch must be undone by `-R` as well."""
    target = work / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(before)
    for flags in (["--check"], []):
        command = ["git", "apply", "--whitespace=nowarn", *flags, "-"]
        done = subprocess.run(command, input=patch.encode(), cwd=work, capture_output=True, check=False)
        assert done.returncode == 0, (done.stderr, patch)
    after = target.read_bytes()
    subprocess.run(["git", "apply", "--whitespace=nowarn", "-R", "-"], input=patch.encode(), cwd=work, check=True)
    assert target.read_bytes() == before
    return after


VARIANTS = {
    "lf": CODE.encode() + b"\n",
    "no_final_newline": CODE.encode(),
    "crlf": CODE.replace("\n", "\r\n").encode() + b"\r\n",
    "crlf_no_final_newline": CODE.replace("\n", "\r\n").encode(),
    "bom": b"\xef\xbb\xbf" + CODE.encode() + b"\n",
    "mixed_line_ends": CODE.replace("\n", "\r\n", 4).encode() + b"\n\n\n",
    "one_line": b"export const h = (a: number) => (a ? a - 1 : a + 2)",
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_patch_applies_and_gives_the_bytes_that_were_meant(work: Path, name: str) -> None:
    file = sources.parse("src/x.ts", VARIANTS[name])
    assert file is not None
    found = harvesting.harvest("a__b", [file]).candidates
    assert len(found) >= 5
    for one in [*found[:5], *found[5::4]]:
        assert apply(work, "src/x.ts", file.data, one.patch) == file.edited(one.edit)


def test_patches_of_realistic_files_apply(work: Path) -> None:
    for path in sorted(FIXTURES.iterdir()):
        file = sources.parse(path.name, path.read_bytes())
        assert file is not None
        for one in harvesting.harvest("a__b", [file]).candidates[::23]:
            assert apply(work, path.name, file.data, one.patch) == file.edited(one.edit)


@pytest.mark.parametrize(
    "path", ["a b/c d.ts", 'say "x".ts', "größe/変.ts", "tab\there.ts", "back\\slash.ts", "new\nline é .ts", "[id].tsx"]
)
def test_names_that_git_quotes_are_quoted_as_git_does(work: Path, path: str) -> None:
    before = b"const f = (a) => a < 1;\n"
    file = sources.parse(path, before)
    assert file is not None
    patch = diffs.patch(file, Edit(before.index(b"<"), before.index(b"<") + 1, b">"))
    after = apply(work, path, before, patch)
    assert after == b"const f = (a) => a > 1;\n"
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["add", "-A"], ["commit", "-qm", "base"]):
        subprocess.run([*git, *command], cwd=work, check=True)
    (work / path).write_bytes(after)
    made = subprocess.run([*git, "diff"], cwd=work, capture_output=True, check=True, text=True).stdout
    assert [line for line in made.split("\n") if not line.startswith("index ")] == patch.split("\n")


def test_patch_is_the_header_and_three_lines_of_context() -> None:
    before = "".join(f"// {n}\n" for n in range(1, 9)).encode() + b"const f = (a) => a < 1;\n// end\n"
    file = sources.parse("src/x.ts", before)
    assert file is not None
    place = before.index(b"<")
    assert diffs.patch(file, Edit(place, place + 1, b">")) == (
        "diff --git a/src/x.ts b/src/x.ts\n--- a/src/x.ts\n+++ b/src/x.ts\n@@ -6,5 +6,5 @@\n"
        " // 6\n // 7\n // 8\n-const f = (a) => a < 1;\n+const f = (a) => a > 1;\n // end\n"
    )


def test_far_changes_of_one_edit_stand_in_hunks_of_their_own(work: Path) -> None:
    middle = "".join(f"  b({n});\n" for n in range(40))
    before = f"function f(a, b) {{\n  a = b;\n  if (a) {{\n{middle}  }}\n}}\n".encode()
    file = sources.parse("x.ts", before)
    assert file is not None
    found = [one for one in harvesting.harvest("a__b", [file]).candidates if one.strategy == "func_pm_ctrl_shuffle"]
    moved = next(one for one in found if one.edit.replacement.endswith(b"a = b;"))
    assert moved.patch.count("\n@@ ") == 2
    assert apply(work, "x.ts", before, moved.patch) == file.edited(moved.edit)


def test_removal_among_equal_lines_still_applies(work: Path) -> None:
    before = b"function f(a) {\n" + b"  a.x += 1;\n" * 12 + b"}\n"
    file = sources.parse("x.ts", before)
    assert file is not None
    removed = [one for one in harvesting.harvest("a__b", [file]).candidates if "remove_assign" in one.strategy]
    assert len(removed) == 1, "twelve removals make one text"
    assert apply(work, "x.ts", before, removed[0].patch) == file.edited(removed[0].edit)
