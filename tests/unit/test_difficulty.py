"""Difficulty without a model: what is counted, and what is null because it is not known."""

from pathlib import Path

import pytest

import tiny
from tracesmith.validation import difficulty
from tracesmith.validation.difficulty import Imports

SPEC = "src/intervals.spec.ts"


def of(output: str = "", patch: str = tiny.BUG) -> dict[str, object]:
    return difficulty.of(patch, "x", [SPEC], Imports(tiny.SOURCE), output)


def test_the_size_of_the_fix_and_the_way_from_the_test_are_counted() -> None:
    size = {"files": 1, "hunks": 1, "lines": 2}
    assert of() == {**size, "distance": 1, "output_names_file": False, "output_names_line": False}


@pytest.mark.parametrize(
    ("output", "file", "line"),
    [
        ("at merge (src/intervals.ts:12:9)", True, True),
        ("at merge (/testbed/src/intervals.ts:12:9)", True, True),
        ("\x1b[36msrc/intervals.ts\x1b[39m:\x1b[33m12\x1b[39m", True, True),
        ("at merge (src/intervals.ts:11:9)", True, False),
        ("src/intervals.ts", True, False),
        ("src/intervals.tsx:12 other/src/intervals.ts:12 src/intervals.ts.map:12", False, False),
        (f"FAIL {SPEC}:12", False, False),
    ],
)
def test_an_output_names_a_file_and_a_line_only_where_it_means_them(output: str, file: bool, line: bool) -> None:
    found = of(output)
    assert (found["output_names_file"], found["output_names_line"]) == (file, line)


def test_a_line_that_is_missing_is_named_by_the_one_in_its_place() -> None:
    patch = "--- a/src/text.ts\n+++ b/src/text.ts\n@@ -3,3 +3,2 @@\n a\n-b\n c\n"
    assert of("src/text.ts:4:1", patch) == {**of("", patch), "output_names_file": True, "output_names_line": True}
    assert of("", patch)["lines"] == 1
    assert of("", patch)["distance"] is None


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a tree whose files import each other in every way."""
    texts = {
        "a.spec.ts": 'import "vitest";\nimport { b } from "./src/b.js";\n',
        "src/b.ts": 'export * from "./c";\nexport { a } from "../a.spec.js";\n',
        "src/c/index.ts": 'const d = require("../d.cjs"); const e = import("../e.mjs?raw");\n',
        "src/d.cts": "module.exports = 1;\n",
        "src/e.mts": 'import "../../outside.js";\n',
        "alone.ts": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "distance"),
    [("a.spec.ts", 0), ("src/b.ts", 1), ("src/c/index.ts", 2), ("src/d.cts", 3), ("src/e.mts", 3), ("alone.ts", None)],
)
def test_the_distance_is_the_shortest_way_over_relative_imports(tree: Path, changed: str, distance: int | None) -> None:
    assert Imports(tree).distance(["a.spec.ts"], [changed]) == distance


def test_the_nearest_of_several_changed_files_counts(tree: Path) -> None:
    assert Imports(tree).distance(["a.spec.ts"], ["alone.ts", "src/e.mts", "src/b.ts"]) == 1


def test_only_patches_of_typescript_alone_are_typescript() -> None:
    assert difficulty.is_typescript(tiny.BUG, "x")
    assert not difficulty.is_typescript(tiny.BUG.replace(".ts", ".js"), "x")
    assert not difficulty.is_typescript(tiny.BUG + tiny.BUG.replace(".ts", ".mjs"), "x")
    assert not difficulty.is_typescript("", "x")
