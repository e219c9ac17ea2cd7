"""Decoys: wrong fixes of a bug, none of which is the right one, and all of which parse."""

from pathlib import Path

import pytest
from tree_sitter import Node

import tiny
from tracesmith import grammar
from tracesmith.validation import decoys, returns, sites

FILE = "src/intervals.ts"
JOINS = "src/intervals.spec.ts > merge > joins intervals that touch"
PRISTINE = (tiny.SOURCE / FILE).read_bytes()
BUGGED = PRISTINE.replace(tiny.FIXED.encode(), b"start < last.end")


def made(patch: str = tiny.BUG, source: Path = tiny.SOURCE, most: int = 50) -> list[decoys.Decoy]:
    return decoys.make(patch, "x", source, [JOINS], most)


def texts(kind: str) -> list[bytes]:
    return [one.files[FILE] for one in made() if one.kind == kind]


def test_every_kind_is_made_of_a_bug_in_one_line_but_half_of_a_fix() -> None:
    assert {one.kind for one in made()} == set(decoys.KINDS) - {"half_fix"}


def test_a_decoy_parses_and_is_neither_the_pristine_code_nor_the_bug() -> None:
    known = {b"".join(data.split()) for data in (PRISTINE, BUGGED)}
    found = made()
    for one in found:
        assert not grammar.parser_of(FILE).parse(one.files[FILE]).root_node.has_error
        assert one.kind == "comment" or b"".join(one.files[FILE].split()) not in known
    assert len({one.files[FILE] for one in found}) == len(found)


def test_other_mutants_change_the_lines_of_the_bug_before_those_beside_them() -> None:
    places = []
    for data in texts("other_mutant"):
        lines = zip(data.splitlines(), BUGGED.splitlines(), strict=True)
        places += [number for number, (one, other) in enumerate(lines, start=1) if one != other]
    assert places[0] == 12
    assert places == sorted(places, key=lambda place: abs(place - 12))
    assert set(places) <= {11, 12, 13}
    assert any(b"last === undefined && start < last.end" in data for data in texts("other_mutant"))


def test_the_function_around_the_bug_does_nothing_or_returns_at_once() -> None:
    head = b"export function merge(intervals: Interval[]): Interval[] {"
    assert texts("body_deleted") == [
        BUGGED[: BUGGED.index(head)] + head + b"}" + BUGGED[BUGGED.index(b"\n}\n\n/** How") + 2 :]
    ]
    assert [head + b" return [];" in data for data in texts("early_return")] == [True]
    assert [head + b" return [{ start: 0, end: 4 }];" in data for data in texts("hard_coded")] == [True]


def test_the_comment_changes_no_code() -> None:
    assert [data.startswith(BUGGED) for data in texts("comment")] == [True]


def test_fewer_decoys_are_the_first_of_every_kind_and_always_the_same() -> None:
    assert [one.kind for one in made(most=4)] == ["other_mutant", "body_deleted", "early_return", "hard_coded"]
    assert made(most=4) == made()[:4]
    assert made(most=0) == []


def write(folder: Path, text: str) -> None:
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src" / "a.ts").write_text(text)


def half_fixes(patch: str, source: Path) -> list[str]:
    return [one.files["src/a.ts"].decode() for one in made(patch, source) if one.kind == "half_fix"]


def test_half_of_two_places_is_mended(tmp_path: Path) -> None:
    write(tmp_path, "export const a = 1;\n\n\nexport const b = 2;\n")
    patch = "--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,4 +1,4 @@\n-export const a = 1;\n+export const a = 3;\n \n \n"
    patch += "-export const b = 2;\n+export const b = 4;\n"
    found = half_fixes(patch, tmp_path)
    assert found == [f"export const a = {a};\n\n\nexport const b = {b};\n" for a, b in ((3, 2), (1, 4))]


def test_half_of_two_lines_is_mended(tmp_path: Path) -> None:
    write(tmp_path, "export const a = 1;\nexport const b = 2;\n")
    patch = "--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,2 +1,2 @@\n-export const a = 1;\n-export const b = 2;\n"
    patch += "+export const a = 3;\n+export const b = 4;\n"
    found = half_fixes(patch, tmp_path)
    assert sorted(found) == [f"export const a = {a};\nexport const b = {b};\n" for a, b in ((1, 4), (3, 2))]


@pytest.mark.parametrize(
    "patch",
    [
        "--- /dev/null\n+++ b/src/new.ts\n@@ -0,0 +1 @@\n+export const a = 1;\n",
        "--- a/package.json\n+++ b/package.json\n@@ -1 +1 @@\n-{\n+{ \n",
        "--- a/src/gone.ts\n+++ b/src/gone.ts\n@@ -1 +1 @@\n-a\n+b\n",
        "",
    ],
)
def test_a_bug_that_does_more_than_change_lines_of_code_has_no_decoys(patch: str) -> None:
    assert made(patch) == []


def function(text: str) -> tuple[bytes, Node]:
    data = text.encode()
    stack = [grammar.parser_of("a.ts").parse(data).root_node]
    while stack[-1].type not in grammar.FUNCTIONS:
        stack += reversed(stack.pop().children)
    return data, stack[-1]


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ("", ["undefined", "true"]),
        (": boolean", ["true", "false"]),
        (": number", ["0"]),
        (": Promise<string>", ['""']),
        (": readonly string[]", ["[]"]),
        (": Array<number>", ["[]"]),
        (": x is string", ["true", "false"]),
        (": Thing", ["undefined", "{}"]),
        (": void", []),
    ],
)
def test_what_is_returned_at_once_fits_the_type(said: str, values: list[str]) -> None:
    _, node = function(f"function f(x: unknown){said} {{ g(); }}\n")
    assert [value.decode() for value in returns.constants(node)] == values


def test_an_arrow_returns_the_value_itself() -> None:
    data, node = function("const f = (x: number): number => x + 1;\n")
    assert returns.early(data, node, b"0") == b"const f = (x: number): number => (0);\n"


def test_only_constants_that_the_failing_test_expects_are_hard_coded() -> None:
    text = b"""it("a", () => { expect(f(1)).toBe(7); assert.equal(f(2), -8); expect(f(3)).toEqual(other); });
it("b", () => { expect(f(1)).toBe(9); });
for (const name of names) it(name, () => expect(f(1)).toBe(10));
"""
    assert list(returns.expected_in("a.spec.ts", text, ["a.spec.ts > suite > a"])) == [b"7", b"-8"]


def test_mutants_of_a_line_without_operators_are_those_beside_it() -> None:
    data = b"export const a = b < c;\nexport const d = e;\n"
    place = data.index(b"d = e")
    assert list(sites.mutants("a.ts", data, [(place, place + 5)])) == [
        data.replace(b"<", b"<="),
        data.replace(b"<", b">"),
    ]
