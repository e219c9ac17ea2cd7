"""Selection: what is instrumented, which functions a patch changes, and which test files that selects."""

from pathlib import Path

import pytest

from tracesmith import patches
from tracesmith.selection import bodies, choosing, coverage, edits, selfcontained
from tracesmith.selection.coverage import ALL, Coverage, Seen
from tracesmith.suites import SuiteRun

SOURCE = b"""export const one = (x: number) => x + 1;
export function outer(a = one(1)) {
  const inner = () => { return a * 2; };
  return inner();
}
"""
TESTS = ["a.spec.ts", "b.spec.ts", "c.spec.ts"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a tree of one source."""
    (tmp_path / "m.ts").write_bytes(SOURCE)
    return tmp_path


def known(**changes: object) -> Coverage:
    """Make the coverage of SOURCE: `one` is entered by a, `outer` by b, `inner` by nobody; c only loads it."""
    seen = Seen([0, 1, 2], [[0], [1], []])
    values: dict[str, object] = {"sources": {"m.ts": seen}, "seconds": {"a.spec.ts": 3.0, "c.spec.ts": 1.0}}
    return Coverage(TESTS, **{**values, **changes})  # type: ignore[arg-type]


def patch(old: str, new: str, path: str = "m.ts") -> str:
    """Make a patch of whole-line replacements in SOURCE."""
    lines = SOURCE.decode().splitlines()
    number = next(place for place, line in enumerate(lines) if old in line)
    changed = lines[number].replace(old, new).split("\n")
    head = f"--- a/{path}\n+++ b/{path}\n@@ -{number + 1} +{number + 1},{len(changed)} @@\n"
    return head + f"-{lines[number]}\n" + "".join(f"+{line}\n" for line in changed)


def test_every_body_and_the_module_report_and_lines_stay() -> None:
    found = bodies.bodies_of("m.ts", SOURCE)
    assert found is not None
    text = bodies.instrument(SOURCE, found, 7).decode()
    assert text.startswith("(globalThis as any).process.__tracesmith_hit(7);export const one")
    assert "=> ((globalThis as any).process.__tracesmith_hit(8),x + 1);" in text
    assert "outer(a = one(1)) {(globalThis as any).process.__tracesmith_hit(9);\n" in text
    assert "() => {(globalThis as any).process.__tracesmith_hit(10); return" in text
    assert text.count("\n") == SOURCE.count(b"\n")
    assert bodies.bodies_of("m.ts", b"let = = ;") is None


def test_a_loader_line_or_a_mark_stays_in_front() -> None:
    assert bodies.instrument(b"#!/usr/bin/env node\nx();\n", [], 0).startswith(b"#!/usr/bin/env node\n(globalThis")
    assert bodies.instrument(b"\xef\xbb\xbfx();", [], 0).startswith(b"\xef\xbb\xbf(globalThis")


@pytest.mark.parametrize(
    ("old", "new", "files"),
    [
        ("x + 1", "x - 1", ["a.spec.ts"]),
        ("return inner()", "return -inner()", ["b.spec.ts"]),
        # Nobody enters it: the quickest file that loads it tells whether it still compiles.
        ("a * 2", "a / 2", ["b.spec.ts"]),
        # A default value and a whole returned expression belong to what is around.
        ("one(1)", "one(2)", TESTS),
        ("x + 1;", "y;", TESTS),
        # The function ends early.
        ("return inner();", "return 1; } evil(); function more() {", TESTS),
        ("return inner();", "return inner(;", TESTS),
    ],
)
def test_the_files_that_enter_the_innermost_function_are_chosen(
    tree: Path, old: str, new: str, files: list[str]
) -> None:
    found = choosing.choose(known(), tree, patch(old, new), "x")
    assert (found.files, found.importers) == (files, TESTS)


def test_files_that_cannot_be_judged_are_in_every_selection(tree: Path) -> None:
    assert choosing.choose(known(always=[2]), tree, patch("x + 1", "x - 1"), "x").files == ["a.spec.ts", "c.spec.ts"]


def test_related_are_all_files_that_load_the_source(tree: Path) -> None:
    found = choosing.choose(coverage.related(known()), tree, patch("x + 1", "x - 1"), "x")
    assert (found.files, found.importers) == (TESTS, TESTS)


def test_a_file_that_reads_the_source_sees_every_edit(tree: Path) -> None:
    seen = Seen([0, 1, 2], [[0], [1], []], readers=[1])
    for old, new, files in (("x + 1", "x - 1", TESTS[:2]), ("a * 2", "a / 2", ["b.spec.ts"])):
        found = choosing.choose(known(sources={"m.ts": seen}), tree, patch(old, new), "x")
        assert (found.files, found.importers) == (files, TESTS)


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ('import { test } from "vitest";\n// import { x } from "./x";\ntest("it", () => {});\n', True),
        ('import type { X } from "./x";\ntest("it", () => {});\n', False),
        ('export * from "./x";\n', False),
        ('import { vi } from "vitest";\nvi.mock("./x");\n', False),
        ('test("it", async () => { await import("./x"); });\n', False),
        ('const fs = require("fs");\n', False),
        ("test('it', () => fetch(address));\n", False),
        ("const where = import.meta.url;\n", False),
        ("test('it', () => {\n", False),
    ],
)
def test_a_test_file_that_imports_nothing_sees_only_itself(text: str, closed: bool) -> None:
    assert selfcontained.is_closed("a.spec.ts", text.encode()) is closed


def test_a_doubt_runs_the_whole_suite_and_says_why(tree: Path) -> None:
    fine = patch("x + 1", "x - 1")
    outside = Coverage(TESTS, sources={"m.ts": Seen([0], [[0, ALL], [1], []])})
    unseen = Coverage(TESTS, sources={"m.ts": Seen([], [[], [], []])})
    for found, why in (
        (choosing.choose(known(doubt="it is shared"), tree, fine, "x"), "shared"),
        (choosing.choose(outside, tree, fine, "x"), "outside"),
        (choosing.choose(unseen, tree, fine, "x"), "no instrumented run saw m.ts"),
        (choosing.choose(known(), tree, patch("x + 1", "x - 1", "other.json"), "x"), "saw other.json"),
        (choosing.choose(known(), tree, fine.replace("--- a/m.ts", "--- /dev/null"), "x"), "no instrumented"),
        (choosing.choose(known(), tree, fine.replace("-export", "-Export"), "x"), "do not fit"),
        (choosing.choose(known(), tree, "rename from m.ts\nrename to n.ts\n" + fine, "x"), "more than"),
        (choosing.choose(known(), tree, "nothing", "x"), "no unified diff"),
    ):
        assert found.files is None
        assert why in found.why


def test_edits_are_the_bytes_that_differ(tree: Path) -> None:
    (file,) = patches.parse(patch("x + 1", "x - 1"), "x")
    (edit,) = edits.edits_of(file, SOURCE) or []
    assert (SOURCE[edit.start : edit.end], edit.text) == (b"+", b"-")
    assert edits.apply(SOURCE, [edit]) == SOURCE.replace(b"x + 1", b"x - 1")


def test_what_the_processes_wrote_is_read() -> None:
    hits = coverage.parse("=/testbed/a.spec.ts\n0\n2\n</testbed/m.ts\n=\n0\n=/testbed/b.spec.ts\n2\n>\n")
    assert dict(hits.by) == {0: {"a.spec.ts", ""}, 2: {"a.spec.ts", "b.spec.ts"}}
    assert (dict(hits.readers), hits.is_shared) == ({"m.ts": {"a.spec.ts"}}, False)
    assert hits.starters == {"b.spec.ts"}
    assert coverage.parse("=/testbed/a.spec.ts\n!\n").is_shared


def test_files_that_did_not_run_are_as_in_the_reference() -> None:
    reference = SuiteRun("ran", {"a > 1": "passed", "b > 1": "passed"}, broken_files=["c", "d"], clean_exit=True)
    found = SuiteRun("ran", {"a > 2": "failed", "b > 1": "failed"}, {"a > 2": "E", "b > 1": "E"}, ["c"])
    merged = choosing.merge(reference, found, ["a", "d"])
    assert merged.tests == {"b > 1": "passed", "a > 2": "failed"}
    assert (merged.failures, merged.broken_files, merged.clean_exit) == ({"a > 2": "E"}, ["c"], False)
    hung = SuiteRun("timed_out")
    assert choosing.merge(reference, hung, ["a"]) is hung


def test_the_time_of_some_files_is_their_own_and_a_share_of_the_rest() -> None:
    assert choosing.seconds(known().seconds, len(TESTS), 10.0, ["a.spec.ts"]) == 3.0 + 6.0 / 3
