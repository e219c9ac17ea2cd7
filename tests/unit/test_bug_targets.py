"""What a model is asked: which functions, in which order, and what it sees of their files."""

from pathlib import Path

import pytest

from tracesmith.bugs import sources
from tracesmith.bugs.asking import grafting, outlines, targets
from tracesmith.bugs.asking.grafting import Graft, Refusal
from tracesmith.bugs.asking.methods import METHODS
from tracesmith.bugs.asking.targets import Target
from tracesmith.bugs.sources import SourceText
from tracesmith.errors import InputError

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "data" / "ts_sources"
SHOP = """import { round } from "./round.js";
import type { Money } from "./money.js";

export interface Item {
  price: Money;
  tax: Tax;
}

type Tax = "full" | "half";
type Unrelated = { never: string };

const RATES = { full: 0.2, half: 0.1 };

function unrelated(): number {
  return 1;
}

function rateOf(item: Item): number {
  const rate = RATES[item.tax];
  return rate;
}

export class Shop {
  private items: Item[] = [];

  add(item: Item): void {
    this.items.push(item);
  }

  total(): number {
    let sum = 0;
    for (const item of this.items) {
      sum += round(item.price * (1 + rateOf(item)));
    }
    return sum;
  }
}

export const short = () => 1;
"""


def texts() -> list[SourceText]:
    return sources.read_folder(FIXTURES, ["src/**"], []).files


def named(name: str, code: str = SHOP) -> Target:
    file = sources.parse("src/shop.ts", code.encode())
    assert file is not None
    return next(one for one in targets.targets_of(file) if one.entity.name == name)


def test_the_order_is_the_seeds_and_takes_turns_over_the_files() -> None:
    found = [target.place for target in targets.find(texts(), 1, None)]
    assert found == [target.place for target in targets.find(reversed(texts()), 1, None)]
    assert found != [target.place for target in targets.find(texts(), 2, None)]
    assert len({place.split(":")[0] for place in found[:3]}) == 3
    assert [target.place for target in targets.find(texts(), 1, 4)] == found[:4]


def test_a_target_is_a_whole_statement_member_or_property() -> None:
    for target in targets.find(texts(), 1, None):
        data = target.file.data
        assert data[: target.start].decode().rsplit("\n", 1)[-1].strip(" \t{(,") in ("", "static"), target.place
        assert target.head() in target.shown()
        assert target.stub().startswith(target.head())
        assert "// TODO: Implement this function" in target.stub()
        assert target.stub() in target.file_with_stub() or target.indent
    assert named("total").indent == "  "
    assert named("total").shown().startswith("total(): number {\n  let sum")


def test_a_statement_that_two_functions_make_is_one_target() -> None:
    functions = "() => {\n  first();\n  return 1;\n}, () => {\n  second();\n  return 2;\n}"
    file = sources.parse("src/late.ts", f"export const late = debounce({functions});\n".encode())
    assert file is not None
    found = list(targets.targets_of(file))
    assert [target.head() for target in found] == ["export const late = debounce(() =>"]
    assert grafting.graft(found[0], found[0].shown()) == Refusal("unchanged")
    assert isinstance(grafting.graft(found[0], found[0].shown().replace("second", "third")), Graft)


def test_functions_of_one_line_are_no_targets() -> None:
    with pytest.raises(StopIteration):
        named("short")


def test_the_outline_holds_what_the_function_uses_and_what_it_stands_in() -> None:
    shown = outlines.outline(named("total"))
    assert shown.startswith('import { round } from "./round.js";\nimport type { Money }')
    assert "function rateOf(item: Item): number { /* ... */ }" in shown
    assert "add(item: Item): void { /* ... */ }" in shown
    assert "private items: Item[] = [];" in shown
    assert outlines.HERE.decode() in shown
    assert "let sum" not in shown
    assert "unrelated" not in shown and "Unrelated" not in shown


def test_the_outline_holds_the_types_of_the_types_that_are_used() -> None:
    shown = outlines.outline(named("rateOf"))
    assert "export interface Item" in shown
    assert 'type Tax = "full" | "half";' in shown
    assert "const RATES" in shown
    assert "class Shop" not in shown


def test_the_outline_holds_names_that_are_taken_out_of_an_object() -> None:
    code = "const { tax = 1, ...rest } = read();\nconst { other } = read();\n"
    use = "function use(): number {\n  let sum = 0;\n  sum += tax;\n  return sum;\n}\n"
    assert outlines.outline(named("use", code + use)).startswith("const { tax = 1, ...rest } = read();\n/*")


def test_the_outline_of_a_long_file_keeps_within_its_limit() -> None:
    many = "".join(f"export interface T{n} {{\n  a: {'x' * 200};\n}}\n" for n in range(200))
    user = "export function use(): void {\n" + "".join(f"  const v{n} = {{}} as T{n};\n" for n in range(200)) + "}\n"
    assert 6000 < len(outlines.outline(named("use", many + user))) <= outlines.LONGEST + 200


@pytest.mark.parametrize(("method", "file"), [("llm_modify", "ts_modify.yml"), ("llm_rewrite", "ts_rewrite.yml")])
def test_our_prompts_say_all_that_a_model_needs(method: str, file: str) -> None:
    prompt = METHODS[method].read(ROOT / "configs" / "bug_gen" / file)
    target = named("total")
    messages = METHODS[method].messages(prompt, target, 0)
    assert [message["role"] for message in messages][0::2] == ["system", "user"][: len(messages[0::2])]
    said = messages[-1]["content"]
    assert "src/shop.ts" in said and target.head() in said
    assert ("let sum" in said) == (method == "llm_modify")
    assert METHODS[method].messages(prompt, target, 0) == messages
    others = [METHODS[method].messages(prompt, target, sample) for sample in (1, 2, 3)]
    assert any(other != messages for other in others) == (method == "llm_modify"), "the examples are shuffled a sample"


MODIFY = """name: lm_modify
system: You are a developer of {{ file_path }}.
demonstration: |-
  {% for bug in (bug_examples | shuffle)[:2] %}{{ loop.index }}. {{ bug }}
  {% endfor %}
instance: |-
  <CODE lines="{{ line_start }}-{{ line_end }}" indent="{{ indent_level * indent_size }}">
  {{ src_code }}
  </CODE>
parameters:
  bug_examples: [one, two, three]
criteria: filter_something
"""
REWRITE = """name: lm_rewrite
system: You implement functions.
instance: |-
  Implement {func_signature} in
  {file_src_code}
  in the form {{name}}:
  {func_to_write}
"""


def test_prompt_files_in_the_format_of_swe_smith_work_unchanged(tmp_path: Path) -> None:
    (tmp_path / "modify.yml").write_text(MODIFY)
    (tmp_path / "rewrite.yml").write_text(REWRITE)
    modify, rewrite = METHODS["llm_modify"], METHODS["llm_rewrite"]
    messages = modify.messages(modify.read(tmp_path / "modify.yml"), named("total"), 0)
    assert messages[0] == {"role": "system", "content": "You are a developer of src/shop.ts."}
    assert messages[1]["content"].startswith("1. ")
    assert '<CODE lines="30-36" indent="2">\ntotal(): number {\n' in messages[2]["content"]
    messages = rewrite.messages(rewrite.read(tmp_path / "rewrite.yml"), named("total"), 0)
    assert messages[1]["content"].startswith("Implement total(): number in\nimport { round }")
    assert "in the form {name}:\ntotal(): number {\n\t// TODO: Implement this function\n}" in messages[1]["content"]
    assert "let sum" not in messages[1]["content"]


@pytest.mark.parametrize(
    ("method", "text", "said"),
    [
        ("llm_modify", "name: x\nsystem: s\n", "line 1: key instance is missing"),
        ("llm_modify", "name: a.b\nsystem: s\ninstance: i\n", "line 1: key name: wanted is a text like"),
        ("llm_modify", "name: pr_7\nsystem: s\ninstance: i\n", "line 1: key name: wanted is a text like"),
        (
            "llm_modify",
            "name: x\nsystem: s\ninstance: '{{ code }}'\n",
            "no such variable 'code'; there are: file_outline",
        ),
        ("llm_rewrite", "name: x\nsystem: s\ninstance: '{src}'\n", "no such variable 'src'; there are: file_path"),
    ],
)
def test_a_wrong_prompt_is_named_with_its_line_and_key(method: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "prompt.yml").write_text(text)
    with pytest.raises(InputError, match=r"prompt\.yml") as caught:
        METHODS[method].read(tmp_path / "prompt.yml")
    assert said in str(caught.value)
