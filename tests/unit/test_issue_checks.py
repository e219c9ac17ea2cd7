"""What issue texts are refused for, and what they are not refused for."""

from pathlib import Path

import pytest

from tracesmith.issues import checks, demonstrations, leaks, static
from tracesmith.records import Instance

ROOT = Path(__file__).parents[2]
PATCH = """--- a/src/intervals.ts
+++ b/src/intervals.ts
@@ -11,4 +11,4 @@
     const last = merged[merged.length - 1];
-    if (last !== undefined && start <= last.end) {
+    if (last !== undefined && start < last.end) {
       last.end = Math.max(last.end, end);
     } else {
"""
REMOVAL = """--- a/src/parse.ts
+++ b/src/parse.ts
@@ -1,5 +1,2 @@
   const endIndex = parseSelector(subselects, selector);
-  if (endIndex < selector.length) {
-    throw new Error(`Unmatched selector: ${selector.slice(endIndex)}`);
-  }
   return subselects;
"""
F2P = [
    "test/unit/intervals.spec.ts > merge > joins intervals that touch",
    "test/unit/intervals.spec.ts > merge > works",
    "test/unit/intervals.spec.ts > merge >  a ",
    "test/unit/intervals.spec.ts > merge > input[name=foo[baz]]",
    "test/unit/intervals.spec.ts > contains > excludes the end",
]
GOOD = """merge() leaves adjacent intervals apart

I call `merge([{ start: 0, end: 2 }, { start: 2, end: 4 }])` and get both back. I expected one from 0 to 4.
"""


def instance(patch: str = PATCH, tests: list[str] | None = None) -> Instance:
    return {
        "instance_id": "demo__demo.12345678.bug__aaaaaaaa",
        "patch": patch,
        "FAIL_TO_PASS": tests or F2P,
        "PASS_TO_PASS": [],
        "image_name": "x",
        "repo": "swesmith/demo__demo.12345678",
    }


def reason(text: str, patch: str = PATCH, mode: str = "llm") -> str | None:
    return checks.judge(text, instance(patch), mode).reason


def test_a_users_report_is_accepted_with_its_scores() -> None:
    found = checks.judge(GOOD, instance(), "llm")
    assert found.reason is None
    assert found.scores == {
        "characters": len(GOOD),
        "patch_overlap": 0.0,
        "patch_lines": 0,
        "tests_named": 0,
        "commands_named": 0,
        "observable": True,
    }


@pytest.mark.parametrize("text", demonstrations.read(ROOT / "configs" / "issue_gen" / "demonstrations.yaml"))
@pytest.mark.parametrize("patch", [PATCH, REMOVAL])
def test_no_demonstration_of_ours_is_refused(text: str, patch: str) -> None:
    assert reason(text, patch) is None


@pytest.mark.parametrize("failure", ["", "AssertionError: expected 3 to be 2", "at /testbed/src/x.ts", "x" * 900])
@pytest.mark.parametrize("template", static.TEMPLATES)
def test_no_template_of_ours_is_refused(template: str, failure: str) -> None:
    assert (
        reason(template.format(package="demo", checks="3 checks", seen=f" One says:\n\n    {failure}"), mode="static")
        is None
    )


@pytest.mark.parametrize("text", ["", " \n", "\u00a0"])
def test_an_empty_text_is_refused(text: str) -> None:
    assert reason(text) == "empty"
    assert reason(text, mode="tests") == "empty"


def test_a_text_that_is_too_long_is_refused() -> None:
    assert reason(GOOD + "x" * (checks.TOO_LONG - len(GOOD))) is None
    assert reason(GOOD + "x" * (checks.TOO_LONG - len(GOOD) + 1)) == "too_long"


QUOTES = [
    "I think it should be `start <= last.end` there, the result is wrong otherwise, please look at it.",
    "It returns wrong results since `if (last !== undefined && start < last.end) {` came in, please look at it.",
    "It returns wrong results since\n\n    if (last !== undefined\n        && start<last.end)  {\n\ncame in.",
]


@pytest.mark.parametrize("text", QUOTES)
def test_code_of_the_patch_is_refused(text: str) -> None:
    assert reason(text) == "quotes_the_patch"
    assert reason(text, mode="tests") == "quotes_the_patch"


def test_a_line_that_is_taken_out_whole_is_refused_and_what_it_says_to_a_user_is_not() -> None:
    fix = "Put back `throw new Error(`Unmatched selector: ${selector.slice(endIndex)}`);` and it throws as expected."
    assert reason(fix, REMOVAL) == "quotes_the_patch"
    told = 'parse("a]") should throw "Unmatched selector: ]", but it returns a list with one selector and no error.'
    assert reason(told, REMOVAL) is None


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        ("    tokens.length > 0 &&", "tokens.length > 0"),
        ("selectorIndex += 1;", "`selectorIndex+=1`"),
        ("  } else if (processedTerm) {", None),
        ("const result = [];", None),
        ("stripWhitespace(1);", None),
        ("i += 1;", None),
    ],
)
def test_a_short_line_counts_where_something_is_done_with_a_name(line: str, quoted: str | None) -> None:
    patch = f"--- a/x.ts\n+++ b/x.ts\n@@ -1,1 +1,1 @@\n-{line}\n+other(line, here);\n"
    text = f"It returns a wrong result, I expected the one I got before: {quoted or line.strip()} and so on."
    assert reason(text, patch) == ("quotes_the_patch" if quoted else None)


def test_the_score_is_the_share_of_what_one_side_changes() -> None:
    side = "undefined && start <= last.end"
    assert leaks.patch_overlap("start of the last end", PATCH, "x") == 0
    assert 0 < leaks.patch_overlap("start <= last.end", PATCH, "x") < leaks.patch_overlap(side, PATCH, "x") <= 1
    assert leaks.patch_overlap("last.end = Math.max(last.end, end)", PATCH, "x") == 0, "it stands on both sides"
    short = PATCH.replace("if (last !== undefined && start <= last.end) {", "i++;").replace("start < last.end", "x")
    assert leaks.patch_overlap("i++; x", short, "x") == 0


NAMES = [
    "See test/unit/intervals.spec.ts: the result is wrong, two intervals come back where one is expected.",
    "See ./unit/intervals.spec.ts: the result is wrong, two intervals come back where one is expected.",
    "In `intervals.spec` the result is wrong, two intervals come back where one is expected.",
    'The case "joins intervals that touch" gives a wrong result, two come back where one is expected.',
    "It no longer Joins  intervals\nthat touch, two come back where one is expected.",
    "merge works > fails, sadly; `contains excludes the end` is wrong as well, what a pity for us all.",
    "contains \u203a excludes the end is wrong, it returns true where it should return false for us.",
    'The test "works" fails now, merge returns two intervals where it should return one.',
    "`works` test fails now, merge returns two intervals where it should return one.",
]
NO_NAMES = [
    "merge works no longer: it returns two intervals where one is expected, for a start that is an end.",
    'parse(" a ") and parse("input[name=foo[baz]]") return something else than before the upgrade, which is wrong.',
    "contains(interval, 3) returns true although the documentation says that it excludes the end of it.",
    "I wrote a test for my own project, and it fails since the result has two intervals instead of one.",
]


@pytest.mark.parametrize("text", NAMES)
def test_a_text_that_names_a_failing_test_is_refused(text: str) -> None:
    assert reason(text) == "names_a_test"
    assert reason(text, mode="tests") == "names_a_test"


@pytest.mark.parametrize("text", NO_NAMES)
def test_words_that_are_titles_too_are_words(text: str) -> None:
    assert reason(text) is None


COMMANDS = [
    "npm test",
    "npm run test:unit",
    "npm --workspace x test",
    "yarn test",
    "pnpm run test",
    "bun test",
    "npx vitest run",
    "npx tsx a.ts",
    "pnpm vitest",
    "node --test",
    "node --import tsx --test",
    "`vitest run`",
    "\n$ jest\n",
    "\njest src/a.ts\n",
    "jest --watch",
    "./node_modules/.bin/mocha",
    "`make test`",
]
NO_COMMANDS = [
    "we use jest and vitest",
    "`jest` 29.7",
    "`jest 29.7`",
    "the vitest run of ours",
    "npm install demo",
    "I ran it with npx and",
    "node repro.mjs",
    "\n> jest is what we use\n",
    "mocha 10 and chai",
    "yarn tested it",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_runs_tests_is_refused(command: str) -> None:
    assert reason(f"{GOOD}\n{command} shows it\n".replace("\n shows it", "\n")) == "names_a_command"


@pytest.mark.parametrize("words", NO_COMMANDS)
def test_the_name_of_a_runner_is_no_command(words: str) -> None:
    assert reason(f"{GOOD}\n{words} and so on\n") is None


SAYS_NOTHING = [
    "Please rename the variable and use a map here, it would be nicer to read for all of us.",
    "merge() in the library",
    "It is wrong.",
]


@pytest.mark.parametrize("text", SAYS_NOTHING)
def test_a_text_without_behaviour_is_refused_unless_a_script_shows_it(text: str) -> None:
    assert reason(text) == "no_observable_behaviour"
    assert reason(text, mode="tests") is None


def test_what_is_wrong_is_said_with_what_was_found() -> None:
    found = checks.judge(f"{GOOD} Run `npm test`.", instance(), "llm")
    assert found.detail == "It named commands that run tests ('npm test')."


def test_templates_do_without_the_failures_words_where_these_give_a_test_away() -> None:
    row = instance()
    row["tracesmith"] = {"failures": ["Error: joins intervals that touch: 2 is not 1"]}
    told = static.write(row, 24)
    assert told.reason is None
    assert "One of them says" not in told.text
    row["tracesmith"] = {"failures": ["at /testbed/src/a.ts", "Error: 2 is not 1"]}
    assert "\n\n    Error: 2 is not 1" in static.write(row, 24).text


def test_the_seed_draws_the_template() -> None:
    texts = {static.write(instance(), seed).text for seed in range(40)}
    assert len(texts) == len(static.TEMPLATES)
    assert static.write(instance(), 7) == static.write(instance(), 7)
