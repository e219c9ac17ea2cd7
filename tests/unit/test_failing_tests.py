"""The source of a failing test, found by its id."""

import time
from pathlib import Path

import pytest

from tracesmith.issues.failing_tests import SourceOfTests

FIXTURE = Path(__file__).parents[1] / "data" / "tests" / "titles.spec.ts"
FILE = "test/titles.spec.ts"


@pytest.fixture(scope="module")
def rich() -> SourceOfTests:
    return SourceOfTests(FILE, FIXTURE.read_bytes())


def of(text: str, *ids: str) -> list[str | None]:
    file = SourceOfTests("a.test.ts", text.encode())
    return [file.source(f"a.test.ts > {name}") for name in ids]


FOUND = [
    ("Parse > reads a tag", 'it("reads a tag"', "a tag"),
    ("Parse >  a ", 'it(" a "', "with spaces"),
    ("Parse > a", 'it("a"', "without spaces"),
    ("Parse > a > b", 'it("a > b"', "a child"),
    ('Parse > tab\tand é 😀 "quoted"', "it(", "escapes"),
    ("Parse > twice", "it(", "the first"),
    ("Parse > twice [2]", "it(", "the second"),
    ("Parse > twice [3]", "it(", "the second"),
    ("Parse > nested > works", "it.only(", "nested"),
    ("Parse > nested > each 1 of 2", "it.skip.each([1, 2])(", "printf"),
    ("Parse > nested > adds 1 to 2", "it.each`\n", "table"),
    ("Parse > nested > template without parts", "it.concurrent(", "template"),
    ("Parse > nested > measures a > b twice", "for (const [name, size] of cases)", "loop"),
    ("Parse > p", 'for (const name of ["p", "q"])', "any title"),
    ("Parse > p [2]", 'for (const name of ["p", "q"])', "any title"),
    ("Parse > size of b is 2 cm", "cases.forEach(", "an expression"),
    ("suite of x > upper case", 'test("upper case"', "in a suite of each"),
    ("not on Windows > runs", "it.runIf(true)(", "options"),
    ("not on Windows > named after a function", "it.fails(", "named"),
    ("of mocha > specified", 'specify("specified"', "this.timeout(1)"),
    ("on the top", 'test("on the top"', "node:test"),
    ("on the top > and below", 't.test("and below"', "node:test"),
]


@pytest.mark.parametrize(("test", "start", "holds"), FOUND)
def test_the_source_is_that_of_the_call(rich: SourceOfTests, test: str, start: str, holds: str) -> None:
    source = rich.source(f"{FILE} > {test}")
    assert source is not None
    assert source.startswith(start)
    assert holds in source
    assert source.count("expect(") <= 1 or start.startswith("test(") or "in a suite" in holds


def test_a_test_that_a_helper_makes_is_shown_by_the_suite_around_it(rich: SourceOfTests) -> None:
    source = rich.source(f"{FILE} > Parse > nested > made elsewhere")
    assert source is not None
    assert source.startswith('describe("nested"')


def test_a_test_without_a_title_is_shown_by_the_suite_around_it() -> None:
    text = 'describe("a", () => { describe("b", () => { it(name, f); }); });'
    assert of(text, "a > b") == ['describe("b", () => { it(name, f); })']


def test_what_is_nowhere_has_no_source() -> None:
    assert of('it("a", () => {});', "b", "a > b") == [None, None]
    assert of("", "b") == [None]
    assert of("describe(", "b") == [None]


def test_the_source_stands_at_the_left_margin(rich: SourceOfTests) -> None:
    assert rich.source(f"{FILE} > Parse > reads a tag") == (
        'it("reads a tag", () => {\n  expect(parse("a")).toBe("a tag");\n})'
    )


def test_imports_are_those_of_the_file(rich: SourceOfTests) -> None:
    assert rich.imports().splitlines() == [
        'import { describe, expect, it, test } from "vitest";',
        'import { parse } from "../src/parse.js";',
        'const fs = require("node:fs");',
    ]


def test_a_title_that_ends_like_a_repeated_one_is_itself() -> None:
    text = 'it("a", () => 1); it("a [2]", () => 2);'
    assert of(text, "a", "a [2]") == ['it("a", () => 1)', 'it("a [2]", () => 2)']


def test_an_exact_title_wins_over_a_pattern_and_a_pattern_over_any_title() -> None:
    text = 'it(name, f); it(`sum of ${a}`, g); it("sum of 1", h);'
    assert of(text, "sum of 1", "sum of 2", "other") == ['it("sum of 1", h)', "it(`sum of ${a}`, g)", "it(name, f)"]


def test_deep_files_are_read() -> None:
    deep = " + ".join(["x"] * 5000)
    nested = "describe('d', () => {" * 300 + f"it({deep}, f)" + "})" * 300
    assert of(nested, " > ".join(["d"] * 300 + ["t"])) == [f"it({deep}, f)"]


def test_elements_in_javascript_are_read() -> None:
    file = SourceOfTests("a.test.jsx", b'test("shows", () => { render(<App a={1} />); });')
    assert file.source("a.test.jsx > shows") is not None


def test_a_regular_expression_is_no_test() -> None:
    assert of('it("a", () => { pattern.test("b"); /x/.test("b", 1); });', "a > b") == [None]


def test_a_title_of_many_placeholders_is_looked_at_in_no_time() -> None:
    table = "it.each(rows)('" + "%s " * 20 + "ok', f);"
    begun = time.process_time()
    assert of(f"describe('x', () => {{ {table} }});", "x > " + "w " * 60 + "no") == [
        f"describe('x', () => {{ {table} }})"
    ]
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("title", "text", "fits"),
    [
        ("`a${x}a`", "a", False),
        ("`a${x}a`", "aa", True),
        ("`${x}b${y}b`", "bb", True),
        ("`${x}b${y}b`", "b", False),
        ("`${x}`", "", True),
        ("`${x}ab`", "", False),
    ],
)
def test_what_is_known_of_a_title_stands_in_it_in_its_order(title: str, text: str, fits: bool) -> None:
    assert of(f"it({title}, f);", text) == ([f"it({title}, f)"] if fits else [None])
