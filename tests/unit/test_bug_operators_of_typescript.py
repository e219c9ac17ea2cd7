"""Operators of TypeScript: each in every surrounding, its exact edits, what it leaves alone, and its documentation."""

from pathlib import Path

import pytest

from tracesmith.bugs import operators, sources
from tracesmith.bugs.entities import code_of
from tracesmith.bugs.operators import table
from tracesmith.bugs.operators.base import Operator

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "operators.md"
BY_NAME = {operator.strategy.removeprefix("func_pm_ts_"): operator for operator in operators.TABLE}
OWN = [name for name, operator in BY_NAME.items() if operator.strategy.startswith("func_pm_ts_")]


def edited(operator: Operator, path: str, data: bytes) -> list[bytes]:
    """Return what an operator makes of a file; each text must parse."""
    file = sources.parse(path, data)
    assert file is not None, "the sample itself must parse"
    edits = [
        edit for node, _ in code_of(file) if node.type in operator.node_types for edit in operator.propose(node, data)
    ]
    assert all(file.edited_tree(edit) is not None for edit in edits)
    return [file.edited(edit) for edit in edits]


SURROUNDINGS = {
    "callback.ts": ("go(1, async (x) => {\n", "\n});\n"),
    "overload.ts": ("function f(a: 1): void;\nfunction f(a: any, b?: any): void {\n", "\n}\n"),
    "generic_method.ts": (
        "export class A<T extends { a: 1 }> extends B<T> {\n\t@log('1 < 2', { a: true })\n"
        "\tasync *m<U>(this: A<T>, a: U): AsyncGenerator<T | -1> {\n",
        "\n\t}\n}\n",
    ),
    "namespace.mts": ("export namespace N {\nexport function f<T,>(this: T) {\n", "\n}\n}\n"),
    "satisfies.cts": ("const t = {\n  m() {\n", "\n  },\n} satisfies Record<string, () => 1 | 2>;\n"),
    "component.tsx": ("export const C = <T,>(p: P<T>) => {\n", "\n  return <b title='1 < 2'>{p.a} &lt; ä</b>;\n};\n"),
    "static.ts": ("enum E { A = 1 }\nabstract class S {\n  abstract x: E.A;\n  static {\n", "\n  }\n}\n"),
}
SHAPES = {
    "lf": lambda text: text.encode(),
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "no_final_newline": lambda text: text.removesuffix("\n").encode(),
    "bom_and_not_ascii": lambda text: b"\xef\xbb\xbf" + f"// größe \u2028 変\n{text}// 🙂\n".encode(),
    "tabs": lambda text: text.replace("  ", "\t").encode(),
}


@pytest.mark.parametrize("operator", operators.TABLE, ids=lambda operator: operator.strategy)
def test_the_example_holds_in_every_surrounding_and_nothing_else_changes(operator: Operator) -> None:
    for path, (head, tail) in SURROUNDINGS.items():
        for shape in SHAPES.values():
            before, after = (shape(f"{head}{text}{tail}") for text in (operator.before, operator.after))
            assert after in edited(operator, path, before), (path, before)


EXACT = [
    ("nullish_to_or", "return a ?? true;", ["return a || true;"]),
    ("nullish_to_or", "return a ?? 0; return a ?? ''; return a ?? b ?? 1; return (a && b) || b;", []),
    ("or_to_nullish", "return a.b || [];", ["return a.b ?? [];"]),
    ("or_to_nullish", "if (a || 'x') b(); return a < b || 'x'; return a || b; return a || b || 1;", []),
    ("nullish_default_drop", "return a || b;", []),
    ("nullish_assign_to_or", "a ??= 0; a ||= b;", []),
    ("optional_chain_drop", "a?.b?.[0]?.(b);", ["a.b?.[0]?.(b);", "a?.b[0]?.(b);", "a?.b?.[0](b);"]),
    ("optional_chain_drop", "a.b[0](b);", []),
    ("assertion_to_optional", "a!\n  .b.c();", ["a\n  ?.b.c();"]),
    ("assertion_to_optional", "a!.b = 1; a!.b.c!.d++; new a!.B(); a!.b`x`; b(a!); a!.b.c += 1;", []),
    ("typeof_other", "return typeof a !== 'object';", ["return typeof a !== 'function';"]),
    ("typeof_other", "return typeof a === b || a === 'string';", []),
    ("guard_negate", "return 'b' in a;", ["return !('b' in a);"]),
    ("guard_negate", "return !(a in b) || a < b;", []),
    ("guard_drop", "return a == null || b(a);", ["return b(a);"]),
    ("guard_drop", "return typeof a === 'x' && b;", ["return b;"]),
    ("guard_drop", "return a && a.b;", ["return a.b;"]),
    ("guard_drop", "return a && b; return a < 1 && b; return a && ab.c; return () => a != null && {};", []),
    ("strict_to_loose", "return a.b !== '';", ["return a.b != '';"]),
    ("strict_to_loose", "return a === b; return a.length === 0; return typeof a === 'x'; return a + b === 0;", []),
    ("loose_to_strict", "return a != b;", ["return a !== b;"]),
    ("loose_to_strict", "return a === b;", []),
    ("null_undefined", "return a === null;", ["return a === undefined;"]),
    ("null_undefined", "return a == null || a === 0;", []),
    ("check_to_truthiness", "if (a.b === undefined) b();", ["if (!a.b) b();"]),
    ("check_to_truthiness", "return a != null && a.b;", ["return a && a.b;"]),
    ("check_to_truthiness", "return a !== undefined; if (a === 0) b();", []),
    ("condition_negate", "if (a.b) b();", ["if (!a.b) b();"]),
    ("condition_negate", "if (a) b(); else a(); if (a < b) b(); while (a) b();", []),
    ("not_drop", "return !(a && b);", ["return (a && b);"]),
    ("not_drop", "return !!a; return -a; return !-a;", []),
    ("index_zero", "return a.search(b) < 0;", ["return a.search(b) <= 0;"]),
    ("index_zero", "return a.indexOf(b) > 2 || a.b() === -1 || a === -1;", []),
    ("await_drop", "await a.b();", ["a.b();"]),
    ("await_drop", "return a;", []),
    ("promise_combinator", "Promise.all(a);", ["Promise.race(a);", "Promise.allSettled(a);"]),
    ("promise_combinator", "return Promise.resolve(a) ?? a.all(b);", []),
    ("promise_handler_drop", "a.then(b).finally(b);", ["a.then(b);", "a.finally(b);"]),
    ("promise_handler_drop", "return a.catch() ?? a.map(b) ?? a.then;", []),
    ("yield_star_drop", "yield a;", []),
    ("for_await_drop", "for (const x of a) await x;", []),
    ("boundary", "if (a > b) b();", ["if (a >= b) b();"]),
    ("boundary", "while (a < b) a++; do a++; while (a < b); return a === b;", []),
    ("for_of_to_in", "for (const x in a) b(x); for await (const y of a) b(y);", []),
    ("break_continue", "for (const x of a) if (x) break;", ["for (const x of a) if (x) continue;"]),
    ("break_continue", "for (let i = 0; i < 3; i++) break;", ["for (let i = 0; i < 3; i++) continue;"]),
    ("break_continue", "for (;;) break; while (a) break; for (;;b++) break; switch (a) { case 1: break; }", []),
    ("break_continue", "x: for (const c of a) { break x; }", []),
    ("early_return_drop", "if (a) { b(); } else { a(); return 1; }", ["if (a) { b(); } else { a();  }"]),
    ("early_return_drop", "if (a) { return b; } if (b) return; b(); return a;", []),
    (
        "fall_through",
        "switch (a) { case 1: { b(); break; } case 2: a(); }",
        ["switch (a) { case 1: { b();  } case 2: a(); }"],
    ),
    ("fall_through", "switch (a) { case 1: b(); case 2: break; } for (;;) break;", []),
    ("case_swap", "switch (a) { case 1: case 2: b(); break; default: a(); }", []),
    (
        "case_drop",
        "switch (a) { case 1: case 2: b(); break; case 3: a(); }",
        [
            "switch (a) {  case 2: b(); break; case 3: a(); }",
            "switch (a) { case 1: case 2: b(); break;  }",
        ],
    ),
    ("case_drop", "switch (a) { case 1: b(); }", []),
    ("increment_order", "b(--a);", ["b(a--);"]),
    ("increment_order", "a++; for (;; a++, b++) break;", []),
    ("some_every", "return a.every(b);", ["return a.some(b);"]),
    ("some_every", "return a.find(b) ?? some(b);", []),
    ("first_last", "return a.find(b);", ["return a.findLast(b);"]),
    ("first_last", "return a.get(b);", []),
    ("array_end", "a.pop();", ["a.shift();"]),
    ("array_end", "push(a);", []),
    ("prefix_suffix", "return a.startsWith(b);", ["return a.includes(b);", "return a.endsWith(b);"]),
    ("prefix_suffix", "return a.includes(b);", []),
    ("reduce_direction", "return a.map(b);", []),
    ("flat_map", "return a.map(b);", []),
    (
        "array_callback",
        "return a.map((x: 1) => x);",
        ["return a.forEach((x: 1) => x);", "return a.filter((x: 1) => x);"],
    ),
    ("array_callback", "a.map(b); return a.find({}) ?? a.filter(b, 1);", []),
    ("copy_to_in_place", "return a.sort(b);", []),
    ("keys_values", "return [...a.values()];", ["return [...a.keys()];"]),
    ("keys_values", "return Object.entries(a);", []),
    ("has_to_get", "return a.has(b) ? a : b;", ["return a.get(b) ? a : b;"]),
    ("has_to_get", "return a.has(b); if (a.has()) b();", []),
    ("string_case", "return a.toUpperCase();", ["return a.toLowerCase();"]),
    ("string_case", "return a.trim();", []),
    ("trim_side", "return a.padEnd(b);", ["return a.padStart(b);"]),
    ("trim_side", "return a.slice();", []),
    ("replace_first", "return a.replace(b, '');", []),
    ("code_unit", "return String.fromCodePoint(a);", ["return String.fromCharCode(a);"]),
    ("code_unit", "return a.charCodeAt(b);", []),
    ("date_field", "a.setUTCHours(1);", ["a.setUTCMinutes(1);"]),
    ("date_field", "a.setTime(a.getTime());", []),
    ("rounding", "return Math.trunc(a);", ["return Math.round(a);"]),
    ("rounding", "return Math.abs(a) + a.round(b);", []),
    ("min_max", "return a.min(b);", []),
    ("number_check", "return isNaN(a);", []),
    ("step_drop", "b(a.filter(b).map(b));", ["b(a.map(b));"]),
    ("step_drop", "a.sort(); await a.filter(b); super.trim();", []),
    ("object_is", "return !Object.is(a, b);", ["return !(a === b);"]),
    ("object_is", "return Object.is(a); return a.is(a, b);", []),
    ("slice_bound", "return a.slice(b + 1);", ["return a.slice(b + 1 + 1);"]),
    ("slice_bound", "return a.at(a ? b : 1);", ["return a.at((a ? b : 1) + 1);"]),
    ("slice_bound", "return a.slice(1, -1) + a.slice() + a.slice(...b) + a.get(b);", []),
    ("slice_end_drop", "return a.slice(b) + a.splice(1, 2);", []),
    ("substring_substr", "return a.substr(1, b);", ["return a.substring(1, b);"]),
    ("substring_substr", "return a.substring(0, b) + a.substring(b);", []),
    ("radix_drop", "return a.toString(2);", ["return a.toString();"]),
    ("radix_drop", "return parseInt(a, 10) + a.toString(10) + a.toString();", []),
    ("separator", "return a.split('-');", ["return a.split('');"]),
    ("separator", "return a.join('');", ["return a.join();"]),
    ("separator", "return a.split('') + a.join(b) + a.join();", []),
    ("comparator_drop", "return a.sort();", []),
    ("comparator_reverse", "a.toSorted((x: 1, y?: 1) => b(x, y));", ["a.toSorted((y: 1, x?: 1) => b(x, y));"]),
    ("comparator_reverse", "a.sort(b); a.map((x, y) => x - y); a.sort((x) => x);", []),
    ("conversion_drop", "return String(a + b);", ["return (a + b);"]),
    ("conversion_drop", "if (Boolean(a)) b(); return Number('1') + Number(...a) + a.String(b);", []),
    ("number_parse", "return BigInt(a);", ["return Number(a);"]),
    ("number_parse", "return parseFloat(a, b) + Number() + a.Number(b);", []),
    ("last_argument_drop", "a(b, 1, 2);", ["a(b, 1);"]),
    ("last_argument_drop", "a(b); a(b, ...b); import(a, b); a.slice(1, b); a`x`;", []),
    ("spread_argument", "new a(1, ...b);", ["new a(1, b);"]),
    ("spread_argument", "a([...b], { ...b });", []),
    ("copy_to_alias", "return () => ({ ...a });", ["return () => (a);"]),
    ("copy_to_alias", "return [...(a ?? b)];", ["return (a ?? b);"]),
    ("copy_to_alias", "return [...a, b]; return { a }; return {};", []),
    ("clone_drop", "return a.slice().sort();", ["return a.sort();"]),
    ("clone_drop", "return structuredClone({ ...a });", ["return { ...a };"]),
    ("clone_drop", "return new Set([1]) ?? new Map() ?? a.slice(1) ?? Array.from(a, b) ?? new Foo(a);", []),
    (
        "assign_to_source",
        "return Object.assign({}); Object.assign({ a }, b); Object.assign(a, b); Object.assign({}, {});",
        [],
    ),
    ("spread_drop", "return [1, ...a];", ["return [1];"]),
    ("spread_drop", "return [...a]; return { ...a }; return [1];", []),
    ("spread_order", "return [1, ...a, 2];", ["return [...a, 1, 2];", "return [1, 2, ...a];"]),
    ("spread_order", "return { a, b };", []),
    (
        "property_drop",
        "return {\n  a,\n  b: 1, // one\n};",
        ["return {\n  b: 1, // one\n};", "return {\n  a,\n  // one\n};"],
    ),
    ("property_drop", "return { a }; return { f() {}, get g() { return 1; } }; const { a: c, b: d } = a;", []),
    ("property_swap", "return { a: 1, m() {}, b: '2', c: '3' };", ["return { a: 1, m() {}, b: '3', c: '2' };"]),
    ("property_swap", "return { a: 1, b: 'x' }; return { a: () => 1, b: () => 2 };", []),
    ("item_drop", "return [\n  1,\n  2,\n];", ["return [\n  2,\n];", "return [\n  1,\n];"]),
    ("item_drop", "return [1]; return [...a, ...b]; const [c, d] = a;", []),
    ("regex_flag_drop", "a.replace(/x/gi, b);", ["a.replace(/x/i, b);", "a.replace(/x/g, b);"]),
    ("regex_flag_drop", "a.matchAll(/x/g); return /\\p{L}/u; return /x/;", []),
    ("regex_anchor_drop", "return /^a$/;", ["return /a$/;", "return /^a/;"]),
    ("regex_anchor_drop", "return /a\\$/; return /^/; return /$/; return /[$]/;", []),
    ("regex_quantifier", "return /a*b+[+]\\+/;", ["return /a+b+[+]\\+/;", "return /a*b*[+]\\+/;"]),
    ("regex_quantifier", "return /[*+]\\*a?/;", []),
    ("regex_class_negate", "return /[^a\\]]\\[b/;", ["return /[a\\]]\\[b/;"]),
    ("regex_class_negate", "return /a\\[b]/;", []),
    ("template_part_drop", "return `${a}`; return a`x${b}`; return `x`;", []),
    ("template_part_swap", "return `${a}-`; return a`${a}${b}`;", []),
    ("boolean_flip", "a(true, !false);", ["a(false, !false);", "a(true, !true);"]),
    ("boolean_flip", "return a === true || 'true';", []),
    ("sign_drop", "return a - -1;", ["return a - 1;"]),
    ("sign_drop", "return a - 1 || -0 || -Infinity || !a;", []),
    ("mask_complement_drop", "return a & ~(b | 1);", ["return a & (b | 1);"]),
    ("mask_complement_drop", "return !a;", []),
    ("bits_to_logical", "return a | b;", ["return a || b;"]),
    ("bits_to_logical", "return a | 0; return a ^ b; return a ?? b & 1;", []),
    ("pattern_default_drop", "const [x = 1] = a;", ["const [x] = a;"]),
    ("pattern_default_drop", "const { x } = a; const c = 1;", []),
    ("parameter_default_drop", "const c = (x = 1, ...r) => x;", []),
    ("parameter_default_drop", "const c = (x = 1, y?: 2) => x;", ["const c = (x?, y?: 2) => x;"]),
    ("parameter_default_drop", "const c = (x = 1, y: 2) => x; const d = ({ z } = a) => z;", []),
    ("enum_value_swap", "enum E { A = 1, B, C = 2 }", ["enum E { A = 2, B, C = 1 }"]),
    ("enum_value_swap", "enum E { A, B = 1 }", []),
    ("setter_ignore", "const o = { set x(v) {}, get y() { return 1; }, m() { a(); } };", []),
    (
        "arrow_to_function",
        "a(async <T,>(x: T): Promise<T> => { await this.b(); });",
        ["a(async function <T,>(x: T): Promise<T> { await this.b(); });"],
    ),
    ("arrow_to_function", "a(() => { b(); }); a(() => this.b()); const c = () => { this.b(); };", []),
    ("method_reference", "a(x => b.c(x));", ["a(b.c);"]),
    (
        "method_reference",
        "a((x) => b(x)); a((x) => b.c(x, 1)); const c = (x) => b.c(x); a(() => b.c()); a((x) => b().c(x));",
        [],
    ),
    ("opposite_name", "const maxLength = a.minLength;", ["const maxLength = a.maxLength;"]),
    ("opposite_name", "const MIN = 1, MAX = 2; return b(MIN);", ["const MIN = 1, MAX = 2; return b(MAX);"]),
    ("opposite_name", "const { min } = a; return min; const minor = a.minor;", []),
    ("enum_member", "enum E { A = 'x', B }\nreturn E.B ?? F.A;", ["enum E { A = 'x', B }\nreturn E.A ?? F.A;"]),
    ("enum_member", "enum E { A }\nreturn E.A ?? a.A;", []),
    ("discriminant_other", "a.k === 'x'; b.k !== 'y';", ["a.k === 'y'; b.k !== 'y';", "a.k === 'x'; b.k !== 'x';"]),
    ("discriminant_other", "a.k === 'x'; a.l === 'y'; a.k = 'z';", []),
    ("update_drop", "a.get(b); a.b = b.pop();", []),
    ("update_drop", "if (a) a.add(b);", ["if (a) {}"]),
    ("call_drop", "await a();\nb;", ["b;"]),
    ("call_drop", "a.push(1); super.m(); const c = a(); return a();", []),
    ("super_call_drop", "super.x; this.m();", []),
    ("result_ignore", "a = a.b.c(1).d();", ["a.b.c(1).d();"]),
    ("result_ignore", "a = b.a(); a = a; a += a.b(); const c = c.d();", []),
    ("delete_to_undefined", "delete a.b;", ["a.b = undefined;"]),
    ("delete_to_undefined", "delete a?.b; return delete a.b;", []),
    ("throw_to_return", "const c = () => { throw a }", ["const c = () => { return }"]),
    ("throw_to_return", "class C { static { throw a; } }", []),
    ("error_class", "throw TypeError('x');", ["throw Error('x');"]),
    ("error_class", "throw new MyError('x'); throw a; return new Error('x');", []),
    ("catch_swallow", "try { a(); } catch { /* nothing */ }", []),
    ("rethrow_drop", "try { a(); } catch (e) { throw e; } throw a;", []),
    ("finally_drop", "try { a(); } finally { b(); }", ["try { a(); } finally {}"]),
    ("finally_drop", "try { a(); } catch {}", []),
]
HEAD, TAIL = "function f(a: any, b: any) {\n", "\n}\n"


@pytest.mark.parametrize(("name", "code", "wanted"), EXACT)
def test_operator_proposes_exactly_these_edits(name: str, code: str, wanted: list[str]) -> None:
    found = edited(BY_NAME[name], "x.ts", f"{HEAD}{code}{TAIL}".encode())
    assert sorted(text.decode() for text in found) == sorted(f"{HEAD}{text}{TAIL}" for text in wanted)


def test_each_operator_is_shown_something_that_it_leaves_alone() -> None:
    assert {name for name, _, wanted in EXACT if not wanted} == set(OWN)


def test_the_documentation_is_what_the_code_says(tmp_path: Path) -> None:
    table.write(tmp_path / "operators.md")
    assert DOCUMENTATION.read_bytes() == (tmp_path / "operators.md").read_bytes(), "run scripts/list_operators.py"
    rows = [line for line in table.markdown().split("\n") if line.startswith("| `")]
    assert len(rows) == len(operators.TABLE)
    assert all(len(row.replace("\\|", "").split("|")) == 7 for row in rows)
    assert all(operator.explanation.endswith(".") and operator.condition.endswith(".") for operator in operators.TABLE)
