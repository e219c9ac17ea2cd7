"""Validation in real sandboxes: selected test files in one warm runner say what clean runs of the whole suite say."""

import json
from pathlib import Path
from typing import Any

import pytest

import tiny
from tracesmith import records
from tracesmith.pool import Share
from tracesmith.validation import validating

pytestmark = pytest.mark.sandbox

LINE = "     const last = merged[merged.length - 1];\n"


def with_line(line: str) -> str:
    """Return the bug with one more line in its function."""
    return tiny.BUG.replace("+11,3", "+11,4").replace(LINE, f"{LINE}+    {line}\n")


LEFT = with_line('(process as any).getBuiltinModule("fs").writeFileSync("left.txt", "");')
LOOP = with_line("for (;;);")
BROKEN = tiny.BUG.replace("start < last.end)", "start < last.end) break nowhere; if (1)")
OTHER = tiny.BUG.replace("start < last.end)", "start > last.end)")
PATCHES = {"bug": tiny.BUG, "left": LEFT, "broken": BROKEN, "loop": LOOP, "other": OTHER}


def validate(environment: Path, folder: Path, selection: str) -> dict[str, Any]:
    """Return the reports of the candidates by their last names."""
    rows = [
        {"instance_id": f"{tiny.repo_name()}.{name}", "patch": patch, "repo": tiny.repo_name(), "strategy": "x"}
        for name, patch in PATCHES.items()
    ]
    folder.mkdir()
    (folder / "patches.json").write_text(json.dumps(rows))
    settings = validating.ValidationSettings(60, selection=selection)
    validating.validate(folder / "patches.json", environment, settings, folder / "report.json", Share(1))
    found = {name: folder / f"{tiny.repo_name()}.{name}" for name in PATCHES}
    ended = [path for name, path in found.items() if name != "loop"]
    said = ["text.spec.ts" in (path / "test_output.txt").read_text() for path in ended]
    assert all(said) if selection == "none" else not any(said)
    return {name: json.loads((path / "report.json").read_text()) for name, path in found.items()}


@pytest.fixture(scope="module", params=["bubblewrap", pytest.param("docker", marks=pytest.mark.docker)])
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the package's environment.json, for each backend."""
    if request.param == "docker":
        return tiny.build(tmp_path_factory.mktemp("docker"), "docker")
    return Path(request.getfixturevalue("tiny_environment"))


def test_selected_files_in_a_warm_runner_say_what_the_whole_suite_says(environment: Path, tmp_path: Path) -> None:
    fast = validate(environment, tmp_path / "fast", "coverage")
    whole = validate(environment, tmp_path / "whole", "none")
    for name in PATCHES:
        assert [fast[name].get(key) for key in records.TEST_LISTS] == [
            whole[name].get(key) for key in records.TEST_LISTS
        ], name
        assert fast[name]["tracesmith"]["verdict"] == whole[name]["tracesmith"]["verdict"], name
    ways = {name: report["tracesmith"]["run"]["way"] for name, report in fast.items()}
    assert ways == {"bug": "warm", "left": "clean", "broken": "warm", "loop": "warm", "other": "warm"}
    assert fast["loop"]["timed_out"]
    assert fast["bug"]["tracesmith"]["run"]["files"] == ["src/intervals.spec.ts"]
    assert whole["bug"]["tracesmith"]["run"] == {"selection": "none", "way": "clean", "why": "selection is off"}
