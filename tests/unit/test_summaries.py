"""Summaries: counts that add up, and what made a file, the same on every machine."""

import subprocess
from pathlib import Path

import pytest

from tracesmith import files, summaries
from tracesmith.errors import InputError


def test_what_came_in_is_what_went_out_and_what_was_dropped() -> None:
    funnel = summaries.Funnel()
    for _ in range(3):
        funnel.keep()
    for reason in ("timed_out", "no_fail_to_pass", "timed_out"):
        funnel.drop(reason)
    assert funnel.as_json() == {"in": 6, "out": 3, "dropped": {"no_fail_to_pass": 1, "timed_out": 2}}
    assert list(funnel.as_json()["dropped"]) == ["no_fail_to_pass", "timed_out"]


def test_a_file_says_what_made_it(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("b")
    (tmp_path / "a").write_text("a")
    made = summaries.made_by("stage", 7, {"z": tmp_path / "b", "y": tmp_path / "a"}, {"seed": 1})
    head = subprocess.run(
        ["git", "-C", Path(__file__).parent, "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    assert made["commit"] == (head.stdout.strip() or None)
    assert (made["tool"], made["stage"], made["format_version"]) == ("tracesmith", "stage", 7)
    assert made["inputs"] == {"y": files.digest_file(tmp_path / "a"), "z": files.digest_file(tmp_path / "b")}
    assert list(made["inputs"]) == ["y", "z"]
    assert made["settings"] == {"seed": 1}
    assert str(tmp_path) not in str(made)


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: no such file"):
        summaries.made_by("stage", 1, {"x": tmp_path / "none"}, {})


def test_the_sidecar_stands_beside_its_file() -> None:
    assert summaries.meta_path(Path("a/b.xml.jsonl")) == Path("a/b.xml.jsonl.meta.json")
