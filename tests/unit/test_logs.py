"""Console logs: what those of real runners are read as, from the recordings of tests/data/logs/record.py."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tracesmith.errors import InputError
from tracesmith.logs import READERS
from tracesmith.runners.base import SEPARATOR, Reading

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "logs"
LOGS = sorted(path.relative_to(DATA).as_posix() for path in DATA.rglob("*.log"))
WITH_FILES = [name for name in LOGS if not name.startswith("mocha/")]
OF_MOCHA = [name for name in LOGS if name.startswith("mocha/") and "broken" not in name]
VERBOSE = [name for name in WITH_FILES if ".verbose" in name]
# The default reporters name a failure, not which of several tests of that name it was.
SHARED = {"twice.spec.ts > group > same", "twice.test.js > group > same"}
NUMBER = re.compile(r" \[\d+\]$")


def text_of(name: str) -> str:
    return (DATA / name).read_text()


def reading_of(name: str) -> Reading:
    return READERS[name.partition("/")[0]](text_of(name))


def truth_of(name: str) -> tuple[dict[str, str], list[str]]:
    """Return the states and the broken files of the report of the same run."""
    truth = json.loads((DATA / name).with_suffix(".json").read_text())
    if name.startswith("vitest/3"):
        # Before version 4 a test to do and a skipped one have one sign.
        truth["tests"] = {test: state.replace("todo", "skipped") for test, state in truth["tests"].items()}
    return truth["tests"], truth["broken"]


def test_three_versions_of_each_runner_are_recorded() -> None:
    assert Counter(path.parent.name for path in DATA.glob("*/*/")) == dict.fromkeys(READERS, 3)


@pytest.mark.parametrize("name", WITH_FILES)
def test_every_test_that_a_log_names_has_the_state_of_the_runners_own_report(name: str) -> None:
    tests, broken = truth_of(name)
    found = reading_of(name)
    named = {test: state for test, state in found.tests.items() if SEPARATOR in test and test not in SHARED}
    assert named == {test: tests[test] for test in named}
    assert sorted(found.broken) == broken
    unhandled = name.startswith("vitest/") and "/odd." in name
    assert found.clean == (not broken and "failed" not in tests.values() and not unhandled)


@pytest.mark.parametrize("name", VERBOSE)
def test_a_verbose_log_names_every_test_that_ran(name: str) -> None:
    tests, broken = truth_of(name)
    left_out = {test for test in tests if test not in reading_of(name).tests}
    if name.startswith("jest/"):
        left_out -= {test for test in tests if test.split(SEPARATOR)[0] in broken}
    assert {tests[test] for test in left_out} <= ({"skipped", "todo"} if name.startswith("vitest/1") else set())


@pytest.mark.parametrize("name", [name for name in WITH_FILES if ".default" in name and "single" not in name])
def test_a_default_log_names_every_file_and_every_failure(name: str) -> None:
    tests, broken = truth_of(name)
    found = reading_of(name).tests
    failed = {test for test, state in tests.items() if state == "failed"}
    files = {test.split(SEPARATOR)[0] for test in tests} | set(broken)
    states = {
        path: "failed" if path in {*broken, *(test.split(SEPARATOR)[0] for test in failed)} else "passed"
        for path in files
    }
    skipped = {path for path, state in found.items() if state == "skipped" and SEPARATOR not in path}
    assert {path: found[path] for path in files - skipped} == {path: states[path] for path in files - skipped}
    assert {NUMBER.sub("", test) for test in failed} == {
        NUMBER.sub("", test) for test, state in found.items() if state == "failed" and SEPARATOR in test
    }


@pytest.mark.parametrize("name", OF_MOCHA)
def test_every_test_of_mocha_has_its_titles_and_state_but_those_a_hook_kept_from_running(name: str) -> None:
    tests, _ = truth_of(name)
    titles = Counter((NUMBER.sub("", test.partition(SEPARATOR)[2]), state) for test, state in tests.items())
    found = Counter((NUMBER.sub("", test), state) for test, state in reading_of(name).tests.items())
    assert not found - titles
    assert all(state == "skipped" and ("broken hook" in test or "inside" in test) for test, state in titles - found)


@pytest.mark.parametrize("name", [name for name in LOGS if "mixed" in name])
def test_failures_have_the_first_line_of_their_message(name: str) -> None:
    found = reading_of(name).failures
    message = next(text for test, text in found.items() if test.endswith("further inside > fails"))
    assert message.removeprefix("Error: ") == "first line"
    assert all(found.values())


@pytest.mark.parametrize("name", ["vitest/4.1.12/mixed.verbose.log", "jest/29.7.0/mixed.verbose.log", OF_MOCHA[0]])
def test_windows_line_ends_and_the_times_of_a_ci_change_nothing(name: str) -> None:
    lines = [f"2026-11-28T21:00:00.1234567Z {line}\r" for line in text_of(name).split("\n")]
    assert READERS[name.partition("/")[0]]("\n".join(lines)) == reading_of(name)


FORGED = {
    "vitest/3.2.4/mixed.verbose.log": (" ✓ sub/hook.spec.ts > beside it", " ✓ fake.spec.ts > fake 1ms\n", 25, 26),
    "vitest/4.1.12/mixed.default.log": (" ✓ each.spec.ts", " ✓ fake.spec.ts (2 tests) 1ms\n", 2, 3),
    "jest/30.2.0/mixed.verbose.log": ("PASS ./each.test.js", "PASS fake.test.js\n  ✓ fake (2 ms)\n\n", 3, 4),
    "jest/27.5.1/mixed.default.log": ("PASS ./each.test.js", "  ● a \u203a fake\n\nFAIL fake.test.js\n", 5, 6),
    "mocha/11.8.0/mixed.spec.log": ("    ✔ and passes", "    ✔ fake\n", 25, 26),
    "mocha/8.4.0/mixed.spec.log": ("    ✓ and passes", "    - fake\n", 3, 4),
}


@pytest.mark.parametrize("name", FORGED)
def test_printed_text_that_cannot_be_told_apart_is_refused_with_both_numbers(name: str) -> None:
    place, forged, said, found = FORGED[name]
    text = text_of(name)
    assert text.count(place) == 1
    with pytest.raises(InputError, match=rf"counts {said} \w+ \w+ and the log names {found}:"):
        READERS[name.partition("/")[0]](text.replace(place, forged + place))


def test_text_among_coloured_results_of_mocha_is_told_apart() -> None:
    name = "mocha/11.8.0/mixed.spec.colour.log"
    lines = text_of(name).split("\n")
    place = next(number for number, line in enumerate(lines) if "and passes" in line)
    assert READERS["mocha"]("\n".join([*lines[:place], "    ✔ fake", *lines[place:]])) == reading_of(name)


def test_a_suite_of_mocha_that_was_printed_is_refused_where_a_failure_shows_it() -> None:
    text = text_of("mocha/10.8.2/mixed.spec.log").replace("    2) is wrong", "\n  printed\n    2) is wrong")
    with pytest.raises(InputError, match=r"failure 2 is 'printed > is wrong' .* and 'sum > is wrong' in the list"):
        READERS["mocha"](text)


@pytest.mark.parametrize("runner", READERS)
def test_a_log_without_the_summary_of_its_runner_is_refused(runner: str) -> None:
    other = {"vitest": "jest/30.2.0/mixed.verbose.log", "jest": "mocha/11.8.0/mixed.spec.log"}
    for text in ("npm ERR! missing script: test\n", text_of(other.get(runner, "mocha/11.8.0/broken.spec.log"))):
        with pytest.raises(InputError, match=f"no summary of {runner} "):
            READERS[runner](text)


def test_a_log_that_was_cut_off_at_its_start_is_refused() -> None:
    for name in ("vitest/4.1.12/mixed.verbose.log", "jest/30.2.0/mixed.verbose.log", "mocha/11.8.0/mixed.spec.log"):
        text = text_of(name)
        with pytest.raises(InputError, match="and the log names"):
            READERS[name.partition("/")[0]](text[len(text) // 4 :])


def test_read_log_writes_the_states_and_names_what_it_refuses(tmp_path: Path) -> None:
    log, output = DATA / "vitest/4.1.12/mixed.verbose.log", tmp_path / "states.json"
    command = [sys.executable, ROOT / "scripts" / "read_log.py", log, "--output", output]
    done = subprocess.run([*command, "--runner", "vitest"], capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(output.read_text())) == (0, truth_of("vitest/4.1.12/mixed.verbose.log")[0])
    assert "25 passed" in done.stderr
    assert "bad.spec.ts failed as a whole: Error: Cannot find module" in done.stderr
    output.unlink()
    done = subprocess.run([*command, "--runner", "jest"], capture_output=True, text=True, check=False)
    assert (done.returncode, output.exists()) == (2, False)
    assert done.stderr.startswith(f"error: {log}: no summary of jest")
