"""A model's answer becomes an edit in the file's own layout, or is refused with the reason."""

import time

import pytest

from tracesmith.bugs import diffs, sources
from tracesmith.bugs.asking import grafting, targets
from tracesmith.bugs.asking.grafting import Graft, Refusal
from tracesmith.bugs.asking.targets import Target

CODE = """import { look } from "./look";

export class Cache<T> {
\t/** The value of a key. */
\tpublic async get(key: string): Promise<T | undefined> {
\t\tconst found = this.map.get(key); // maybe none
\t\tif (found === undefined) {
\t\t\treturn undefined;
\t\t}
\t\treturn found;
\t}

\tonClick = (event: Event): void => {
\t\tif (event) {
\t\t\tthis.clicks += 1;
\t\t}
\t\tthis.left -= 1;
\t};
}

export const twice = (number: number): number => {
\tconst next = number + 1;
\treturn next * 2;
};

const table = {
\trun: async (count: number) => {
\t\tawait look(count);
\t\treturn count;
\t},
\tname: "größe",
};
"""
GET = """public async get(key: string): Promise<T | undefined> {
    const found = this.map.get(key); // maybe none
    if (found !== undefined) {
        return undefined;
    }
    return found;
}"""
TWICE = """export const twice = (number: number): number => {
  const next = number + 1;
  return next * 3;
};"""
CHANGED_GET = ["-\t\tif (found === undefined) {", "+\t\tif (found !== undefined) {"]
CHANGED_TWICE = ["-\treturn next * 2;", "+\treturn next * 3;"]


def target(name: str, code: str = CODE) -> Target:
    file = sources.parse("src/cache.ts", code.encode())
    assert file is not None
    return next(one for one in targets.targets_of(file) if one.entity.name == name)


def changed(name: str, answer: str, code: str = CODE) -> list[str]:
    """Return the changed lines of the patch that an answer makes."""
    place = target(name, code)
    made = grafting.graft(place, answer)
    assert isinstance(made, Graft), made
    patch = diffs.patch(place.file, made.edit).split("\n")
    return [line for line in patch[3:] if line.startswith(("-", "+"))]


def fenced(code: str, tag: str = "ts", mark: str = "```") -> str:
    return f"{mark}{tag}\n{code}\n{mark}\n"


@pytest.mark.parametrize(
    "answer",
    [
        fenced(GET),
        fenced(GET, "typescript"),
        fenced(GET, "ts "),
        fenced(GET, "c++"),
        fenced(GET, ""),
        fenced(GET, mark="~~~~"),
        fenced(GET).replace("\n", "\r\n"),
        f"```ts\n{GET}",
        GET,
        f"Explanation: it is wrong.\n\nBugged Code:\n{fenced(GET)}\nI hope that this helps.",
        f"The original:\n{fenced(GET.replace('!==', '==='))}\nMine:\n{fenced(GET)}",
        fenced("/**\n * The value.\n *\n * ```ts\n * cache.get('a')\n * ```\n */\n" + GET),
        fenced("/*\n```ts\ncache.get('a')\n```\n*/\n" + GET),
        fenced(f"class Cache<T> {{\n{GET}\n}}"),
        fenced("\n\n" + GET + "\n\n"),
        fenced("\n".join("\t" + line for line in GET.replace("    ", "\t").split("\n"))),
        fenced("\n".join("  " + line for line in GET.replace("    ", "  ").split("\n"))),
        fenced(GET.replace("{\n    const", "{\n    // BUG: the check is inverted\n    const")),
        fenced(GET.replace("undefined) {", "undefined) { // inverted")),
        fenced(GET.replace("return undefined", "return/* inverted */undefined")),
    ],
)
def test_an_answer_of_any_shape_changes_the_one_line(answer: str) -> None:
    assert changed("get", answer) == CHANGED_GET


@pytest.mark.parametrize("name", ["get", "onClick", "twice", "run"])
def test_the_same_code_again_is_unchanged(name: str) -> None:
    place = target(name)
    for code in (place.shown(), place.shown().replace("\t", "  "), place.shown().replace("{\n", "{ // a remark\n", 1)):
        assert grafting.graft(place, fenced(code)) == Refusal("unchanged")


@pytest.mark.parametrize(
    ("name", "answer", "lines"),
    [
        ("twice", fenced(TWICE), CHANGED_TWICE),
        ("twice", fenced(f"import {{ look }} from './look';\n\n{TWICE}\n\nconst other = 1;"), CHANGED_TWICE),
        ("onClick", fenced("onClick = (event: Event): void => {\n  this.left -= 1;\n};"), None),
        ("run", fenced("run: async (count: number) => {\n    look(count);\n    return count;\n},"), None),
        ("run", fenced("run: async (count: number) => {\n    look(count);\n    return count;\n}"), None),
    ],
)
def test_members_properties_and_whole_files_find_their_place(name: str, answer: str, lines: list[str] | None) -> None:
    expected = {
        "onClick": ["-\t\tif (event) {", "-\t\t\tthis.clicks += 1;", "-\t\t}"],
        "run": ["-\t\tawait look(count);", "+\t\tlook(count);"],
    }
    assert changed(name, answer) == (lines or expected[name])


def test_line_ends_and_deeper_lines_are_the_files_own() -> None:
    code = CODE.replace("\n", "\r\n")
    nested = GET.replace("    return found;\n", "    if (key) {\n        return found;\n    }\n    return undefined;\n")
    assert changed("get", fenced(nested.replace("!==", "===")), code) == [
        "-\t\treturn found;\r",
        "+\t\tif (key) {\r",
        "+\t\t\treturn found;\r",
        "+\t\t}\r",
        "+\t\treturn undefined;\r",
    ]


def test_the_last_function_of_a_file_without_a_final_newline_stays_so() -> None:
    code = CODE[: CODE.index("\n\nconst table")]
    place = target("twice", code)
    made = grafting.graft(place, fenced(TWICE))
    assert isinstance(made, Graft)
    assert place.file.edited(made.edit).endswith(b"* 3;\n};")


def test_of_a_whole_file_with_like_functions_the_one_that_was_asked_for_is_taken() -> None:
    look = "  look(key: string): number {{\n    const place = key.length;\n    return place {} 1;\n  }}\n"
    code = f"class A {{\n{look.format('+')}}}\nclass B {{\n{look.format('-').replace('place', 'spot')}}}\n"
    file = sources.parse("src/two.ts", code.encode())
    assert file is not None
    last = list(targets.targets_of(file))[1]
    made = grafting.graft(last, fenced(code.replace("spot - 1", "spot - 2")))
    assert isinstance(made, Graft), made
    assert file.edited(made.edit).decode() == code.replace("spot - 1", "spot - 2")
    assert grafting.graft(last, fenced(code)) == Refusal("unchanged")


def test_a_change_of_the_line_that_is_indented_least_changes_that_line_only() -> None:
    code = "export function ask(): string {\n    const text = `\n  one\n`;\n    return text;\n}\n"
    assert changed("ask", fenced(code.replace("  one", "one")), code) == ["-  one", "+one"]
    assert changed("ask", fenced(code.replace("  one\n", "")), code) == ["-  one"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "no_code"),
        ("I cannot do that.", "no_code"),
        (fenced(""), "no_code"),
        (fenced(GET[:-1]), "does_not_parse"),
        (fenced(GET.replace("key: string", "key: number")), "signature_changed"),
        (fenced(GET.replace("public async", "async")), "signature_changed"),
        (fenced(GET.replace("get(", "take(")), "signature_changed"),
        (fenced(GET + "\n\nprivate more(): number {\n  return 1;\n}"), "other_code_around"),
        (fenced("const a = 1;\n"), "does_not_parse"),
    ],
)
def test_what_is_no_bug_is_refused_with_the_reason(answer: str, reason: str) -> None:
    made = grafting.graft(target("get"), answer)
    assert isinstance(made, Refusal)
    assert made.reason == reason


def test_an_answer_of_endless_fences_is_refused_in_no_time() -> None:
    begun = time.process_time()
    made = grafting.graft(target("get"), fenced("look(;") * 300)
    assert made.reason == "does_not_parse"  # type: ignore[union-attr]
    assert time.process_time() - begun < 5


def test_the_explanation_is_what_is_said_and_no_code() -> None:
    answer = f"Explanation: The check is inverted.\nIt shows for keys.\n\nBugged Code:\n{fenced(GET)}"
    made = grafting.graft(target("get"), answer)
    assert made.explanation == "The check is inverted.\nIt shows for keys."
    made = grafting.graft(target("get"), f"Before:\n{fenced('x()')}\nIt looks the key up.\n{fenced(GET)}")
    assert made.explanation == "Before:\n\nIt looks the key up."


def test_equal_code_in_another_layout_has_one_key_and_other_code_another() -> None:
    answers = [GET, GET.replace("    ", "\t").replace("(found !== undefined)", "((found !== undefined))")]
    keys = {grafting.graft(target("get"), fenced(code)).key for code in answers}  # type: ignore[union-attr]
    assert len(keys) == 1
    other = grafting.graft(target("get"), fenced(GET.replace("!==", "!=")))
    assert isinstance(other, Graft)
    assert other.key not in keys
