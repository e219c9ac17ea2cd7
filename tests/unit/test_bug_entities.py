"""Every function-like node is an entity, and code belongs to the innermost one with a name."""

from hashlib import sha256

import pytest

from tracesmith.bugs import entities, operators, sources


def read(code: str, path: str = "x.ts") -> sources.SourceFile:
    file = sources.parse(path, code.encode())
    assert file is not None, "the sample itself must parse"
    return file


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("function f() {}", "f"),
        ("async function* f() {}", "f"),
        ("const f = () => 1;", "f"),
        ("const f = (async (x) => x) as Foo;", "f"),
        ("const f = function* () {};", "f"),
        ("const f = memo(forward((x) => x), 1);", "f"),
        ("exports.a.f = function () {};", "f"),
        ("class A { f() {} }", "f"),
        ("class A { static async *f() {} }", "f"),
        ("class A { get f() { return 1; } }", "f"),
        ("class A { constructor(private x: number) {} }", "constructor"),
        ("class A { #secret() {} }", "secret"),
        ("class A { f = () => 1; }", "f"),
        ("abstract class A { abstract g(): void; f() {} }", "f"),
        ("const o = { f() {} };", "f"),
        ("const o = { f: () => 1 };", "f"),
        ("const o = { 'a b': function () {} };", "a_b"),
        ("const o = { [Symbol.iterator]() {} };", "Symbol.iterator"),
        ("function größe() {}", "gr_e"),
        ("class A { __f() {} }", "__f"),
        ("export default function () {}", "default"),
        ("export default () => 1;", "default"),
        ("go(() => 1);", "anonymous"),
    ],
)
def test_every_kind_of_function_is_an_entity_with_its_name(code: str, name: str) -> None:
    found = entities.entities_of(read(code))
    assert [entity.name for entity in found if entity.function][:1] == [name]


@pytest.mark.parametrize(
    ("code", "name", "owned"),
    [
        ("export const TABLE = { a: 1 };", "TABLE", b"{ a: 1 }"),
        ("const { a, b } = load(1);", "a_b", b"load(1)"),
        ("let x = memo(1, () => 2) as Foo;", "x", b"memo(1, () => 2) as Foo"),
        ("enum Kind { A = 1 << 2 }", "Kind", b"1 << 2"),
        ("export namespace N { export const x = 1; }", "x", b"1"),
        ("class A { static #n = 1; }", "n", b"1"),
        ("class A { x = [1]; }", "x", b"[1]"),
        ("class A { static { A.x = 1; } }", "static", b"A.x = 1;"),
        ("export default { a: 1 };", "default", b"{ a: 1 }"),
        ("Object.freeze(table);", "module", b"Object.freeze(table);"),
        ("if (a) b();", "module", b"if (a) b();"),
    ],
)
def test_code_outside_functions_belongs_to_what_it_initialises(code: str, name: str, owned: bytes) -> None:
    file = read(code)
    found = {(entity.name, entity.function) for entity in entities.entities_of(file)}
    pieces = {file.data[node.start_byte : node.end_byte]: owner for node, owner in entities.code_of(file)}
    assert (pieces[owned].name, pieces[owned].function) == (name, False)
    assert name == "module" or (name, False) in found


def test_a_function_in_an_initialiser_is_an_entity_of_its_own() -> None:
    file = read("const table = { f: () => 1, n: 2, g: each((x) => 3) };\nconst h = () => 4;\n")
    owners = {file.data[node.start_byte : node.end_byte]: owner for node, owner in entities.code_of(file)}
    assert [(owners[number].name, owners[number].function) for number in (b"1", b"2", b"3", b"4")] == [
        ("f", True),
        ("table", False),
        ("g", True),
        ("h", True),
    ]


def test_signatures_without_a_body_are_no_entities() -> None:
    code = "function f(a: 1): void;\nfunction f(a: any) {}\ndeclare function g(): void;\ninterface I { m(): void }"
    assert [entity.signature for entity in entities.entities_of(read(code))] == ["function f(a: any) "]


def test_folder_name_is_the_name_and_the_hash_of_the_signature() -> None:
    (entity,) = entities.entities_of(read("export const f = (a: string): number => a.length;"))
    assert entity.signature == "f = (a: string): number => "
    assert entity.folder_name == f"f_{sha256(entity.signature.encode()).hexdigest()[:8]}"


def test_getter_and_setter_of_one_name_have_folders_of_their_own() -> None:
    code = "class A { get x() { return 1; } set x(v) { this.y = v; } }"
    assert len({entity.folder_name for entity in entities.entities_of(read(code))}) == 2


def test_code_belongs_to_the_innermost_function_with_a_name() -> None:
    code = "function outer(l) {\n  l.map((x) => x < 1);\n  const inner = (y) => y < 2;\n  return l < 3;\n}\n"
    flips = [
        (entity.name, edit) for op, entity, edit in operators.proposals(read(code)) if op.strategy.endswith("flip")
    ]
    lines = code.split("\n")
    assert [(name, lines[code[: edit.start_byte].count("\n")].strip()) for name, edit in flips] == [
        ("outer", "l.map((x) => x < 1);"),
        ("inner", "const inner = (y) => y < 2;"),
        ("outer", "return l < 3;"),
    ]


def test_a_long_chain_of_operators_does_not_exhaust_the_stack() -> None:
    code = "function f(a) {\n  return " + " && ".join(["a"] * 3000) + ";\n}\n"
    assert sum(1 for _ in entities.code_of(read(code))) > 6000
