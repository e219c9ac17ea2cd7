"""Operators on TypeScript: what each proposes for a piece of code, exactly, and what it must leave alone."""

from collections import Counter
from pathlib import Path

import pytest

from tracesmith import grammar
from tracesmith.bugs import operators, sources
from tracesmith.bugs.harvesting import harvest

FIXTURES = Path(__file__).parent.parent / "data" / "ts_sources"
OF_SWE_SMITH = (
    *("op_change", "op_flip", "op_swap", "op_change_const", "op_break_chains", "aug_assign_swap", "ternary_swap"),
    *("arg_swap", "remove_ternary", "ctrl_invert_if", "ctrl_shuffle", "remove_loop", "remove_cond", "remove_assign"),
)
HEAD, TAIL = "function f(a: any, b: any) {\n", "\n}\n"


def mutants(strategy: str, code: str, suffix: str = ".ts") -> list[str]:
    """Return what a strategy makes of statements in a function, as candidates; each must differ and parse."""
    file = sources.parse(f"x{suffix}", (HEAD + code + TAIL).encode())
    assert file is not None, "the sample itself must parse"
    found = harvest("a__b", [file])
    texts = [one.file.edited(one.edit).decode() for one in found.candidates if one.strategy == f"func_pm_{strategy}"]
    assert all(text.startswith(HEAD) and text.endswith(TAIL) for text in texts)
    return [text[len(HEAD) : -len(TAIL)] for text in texts]


EXACT = [
    ("op_change", "return a - 2;", ["return a * 2;", "return a / 2;", "return a % 2;"]),
    ("op_change", "return a ** b;", ["return a * b;"]),
    ("op_change", "return a >>> 1;", ["return a << 1;", "return a >> 1;"]),
    ("op_change", "return a | 0;", ["return a & 0;"]),
    ("op_change", "return 'n: ' + a;", []),
    ("op_change", "return a * 1;", ["return a + 1;", "return a - 1;", "return a % 1;"]),
    ("op_flip", "return a <= b;", ["return a >= b;"]),
    ("op_flip", "return a !== b;", ["return a === b;"]),
    ("op_flip", "return a && b;", ["return a || b;"]),
    ("op_flip", "return a + b;", ["return a - b;"]),
    ("op_flip", "return a + 0;", []),
    ("op_flip", "return `${a}` + b;", []),
    ("op_flip", "return a ?? b;", []),
    ("op_swap", "return a - b;", ["return b - a;"]),
    ("op_swap", "return a < b;", ["return b < a;"]),
    ("op_swap", "return a - b - 1;", ["return 1 - (a - b);", "return b - a - 1;"]),
    ("op_swap", "return a * b - 1;", ["return 1 - a * b;"]),
    ("op_swap", "return a ** -b;", ["return (-b) ** a;"]),
    ("op_swap", "return a ?? b;", ["return b ?? a;"]),
    ("op_swap", "return a && a.length;", ["return a.length && a;"]),
    ("op_swap", "return a || 'none';", ["return 'none' || a;"]),
    ("op_swap", "return a + 'px';", ["return 'px' + a;"]),
    ("op_swap", "return a === b || a * b === a + b;", []),
    ("op_swap", "return a === Kind.A || a === Kind.B;", []),
    ("op_swap", "return (() => a || {});", ["return (() => ({}) || a);"]),
    ("op_change_const", "return a[0];", ["return a[1];"]),
    ("op_change_const", "return a < 10;", ["return a < 11;", "return a < 9;"]),
    ("op_change_const", "return 0x1F;", ["return 0x20;", "return 0x1E;"]),
    ("op_change_const", "return 1_000n;", ["return 1001n;", "return 999n;"]),
    ("op_change_const", "return { 1: a, b: 1.5, c: 1e3, d: '1' };", []),
    ("op_break_chains", "return a && b && 1;", ["return a && b;", "return a && 1;", "return b && 1;"]),
    ("op_break_chains", "return a || b && 1;", ["return a || b;", "return a || 1;"]),
    ("op_break_chains", "return a && (b || 1);", []),
    ("aug_assign_swap", "a += 2;", ["a -= 2;", "a = 2;"]),
    ("aug_assign_swap", "a += 'x';", ["a = 'x';"]),
    ("aug_assign_swap", "a++;", ["a--;"]),
    ("aug_assign_swap", "--a;", ["++a;"]),
    ("aug_assign_swap", "a ??= b;", ["a &&= b;", "a = b;"]),
    ("aug_assign_swap", "for (;;a++, b += 1) break;", []),
    ("aug_assign_swap", "while (a < this.b) { a++; this.b -= 1; } a += 2; do a++; while (a < 3);", []),
    ("ternary_swap", "return a ? b : 1;", ["return a ? 1 : b;"]),
    ("ternary_swap", "return a ? b : b;", []),
    ("ternary_swap", "return a\n  ? b // yes\n  : 1;", ["return a\n  ? 1 // yes\n  : b;"]),
    ("arg_swap", "g(a, b, 1);", ["g(b, a, 1);", "g(a, 1, b);"]),
    ("arg_swap", "new Map<string, number>(a, b);", ["new Map<string, number>(b, a);"]),
    ("arg_swap", "g(a, /* second */ b);", ["g(b, /* second */ a);"]),
    ("arg_swap", "g(a); g(...a, b); g(a, a); Math.max(a, b); g`${a} ${b}`; import('a', b);", []),
    ("ctrl_invert_if", "if (a) { b(); } else { a(); }", ["if (a) { a(); } else { b(); }"]),
    ("ctrl_invert_if", "if (a) b(); else return 1;", ["if (a) return 1; else b();"]),
    ("ctrl_invert_if", "if (a) { b(); } else if (b) { a(); }", []),
    ("ctrl_shuffle", "a = b;\nb(a);", ["b(a);\na = b;"]),
    ("ctrl_shuffle", "a.x = 1;\nif (a.x) b();", ["if (a.x) b();\na.x = 1;"]),
    ("ctrl_shuffle", "a.x = 1;\na.y = 2;", []),
    ("ctrl_shuffle", "this.x = this.a;\nthis.y = this.b(a);", []),
    ("ctrl_shuffle", "this.x = 1;\nthis.b();", ["this.b();\nthis.x = 1;"]),
    ("ctrl_shuffle", "const c = a();\nb(c);", []),
    ("ctrl_shuffle", "a = b;\nreturn a;", []),
    ("remove_loop", "b();\nfor (const x of a) {\n  b(x);\n}\nreturn 1;", ["b();\nreturn 1;"]),
    ("remove_loop", "out: while (a) { break out; }\nreturn 1;", ["return 1;"]),
    ("remove_loop", "do { a(); } while (b);\nb();", ["b();"]),
    ("remove_loop", "if (a) for (;;) { break; }", ["if (a) {}"]),
    ("remove_cond", "  a();\n  if (b) {\n    a();\n  }\n  b();", ["  a();\n  b();"]),
    ("remove_cond", "  a();\n\n  if (b) return;\n\n  b();", ["  a();\n\n  b();"]),
    ("remove_cond", "  if (a) {\n    b();\n  } else {\n    a();\n  }", ["  b();", "  a();"]),
    ("remove_cond", "if (a) { const c = 1; } else b();", ["{ const c = 1; }", "b();"]),
    ("remove_cond", "if (a) { b() } else if (b) { a() }", ["b()", "if (b) { a() }", "if (a) { b() }"]),
    ("remove_cond", "while (a) if (b) a();", ["while (a) {}"]),
    ("remove_assign", "a.x = 1; // note\nb();", [" // note\nb();"]),
    ("remove_assign", "b();\na.x += 1;\nb();", ["b();\nb();"]),
    ("remove_assign", "let c = 1;\nconst d = a;\na();\nb++;", []),
    ("remove_assign", "b()\na = 1\n;[b] = a", ["b()\n;[b] = a", "b()\na = 1\n;"]),
    ("remove_assign", "b()\na = `x`;\n(b)()", []),
    ("remove_ternary", "return a ? b : 1;", ["return b;", "return 1;"]),
    ("remove_ternary", "return () => a ? {} : b;", ["return () => ({});", "return () => b;"]),
]


@pytest.mark.parametrize(("strategy", "code", "wanted"), EXACT)
def test_operator_makes_exactly_these_candidates(strategy: str, code: str, wanted: list[str]) -> None:
    assert sorted(mutants(strategy, code)) == sorted(wanted)


def test_each_operator_is_shown_positive_and_negative() -> None:
    names = {operator.strategy.removeprefix(operators.PREFIX) for operator in operators.TABLE}
    names = {name for name in names if not name.startswith("ts_")}
    assert names == {strategy for strategy, _, wanted in EXACT if wanted}
    without = {strategy for strategy, _, wanted in EXACT if not wanted}
    assert names - without == {"remove_loop", "remove_cond", "remove_ternary"}  # every node of theirs is a target


@pytest.mark.parametrize(
    ("code", "suffix"),
    [
        ("let x: Set<object> | Map<string, 1 | 2> = a as unknown as Set<object>;", ".ts"),
        ("const x = a! satisfies Foo<Bar<-1>>;", ".ts"),
        ("type T<U> = U extends 1 ? 2 : 3; interface I { a?: 1 & 2 }", ".ts"),
        ("const x = <Array<1 | 2>>a;", ".ts"),
        ("class C { @dec(1 + 2, 3) m?: `${1 | 2}px`; declare y: 1 }", ".ts"),
        ("const g = a as (x: 1, y?: 2) => asserts x is 3;", ".ts"),
        ("declare const x: 1 | 2;", ".ts"),
        ("type K = 'a' | true | -1 | `${string}`; type S = typeof a extends string ? Array<K> : K['length'];", ".ts"),
        ("declare enum E { A = 1, B = 2 } abstract class C { abstract m(a: true, b?: false): void }", ".ts"),
        ("const x = <b.C a='1 < 2 ? 3 : 4'>1 &lt; 2 ? 3 : 4</b.C>;", ".tsx"),
    ],
)
def test_types_decorators_strings_and_markup_are_never_touched(code: str, suffix: str) -> None:
    for operator in operators.TABLE:
        assert mutants(operator.strategy.removeprefix(operators.PREFIX), code, suffix) == []


def test_code_beside_types_is_still_found() -> None:
    assert mutants("op_flip", "const x = a! < (b as number);") == ["const x = a! > (b as number);"]
    assert mutants("op_flip", "const x = <T,>(y: T) => <i>{a > y}</i>;", ".tsx") == [
        "const x = <T,>(y: T) => <i>{a < y}</i>;"
    ]


def test_every_candidate_of_real_syntax_parses_in_full_and_differs() -> None:
    found = sources.read_folder(FIXTURES, ["**"], [])
    assert [file.path for file in found.files] == ["src/badge.tsx", "src/cart.ts", "src/queue.mts"]
    assert not found.skipped
    made = harvest("a__b", found.files)
    assert made.funnel.dropped["does_not_parse"] == 0
    for candidate in made.candidates:
        text = candidate.file.edited(candidate.edit)
        assert not grammar.parser_of(candidate.file.path).parse(text).root_node.has_error, candidate.patch
        assert text.split() != candidate.file.data.split()
    by_operator = Counter(candidate.strategy for candidate in made.candidates)
    assert {f"func_pm_{name}" for name in OF_SWE_SMITH} <= set(by_operator)
    assert len(by_operator) > 55
    assert len(made.candidates) > 600


def test_strategies_are_those_of_swe_smith_and_at_least_forty_of_typescript() -> None:
    strategies = [operator.strategy for operator in operators.TABLE]
    assert len(set(strategies)) == len(strategies)
    assert strategies[: len(OF_SWE_SMITH)] == [f"func_pm_{name}" for name in OF_SWE_SMITH]
    own = strategies[len(OF_SWE_SMITH) :]
    assert len(own) >= 40
    assert all(strategy.startswith("func_pm_ts_") for strategy in own)
