"""A repository nobody has seen, as docs/repositories.md has it: its commands, one after the other, as they stand."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import guide_runs
import workflows

pytestmark = [pytest.mark.sandbox, pytest.mark.network]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a clone, in which all commands of the guide have been run."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("Snakefile", "config.yaml", "configs", "profiles", "rules", "schemas", "scripts"):
        (folder / name).symlink_to(workflows.ROOT / name)
    guide = (workflows.ROOT / "docs" / "repositories.md").read_text()
    (folder / "mine.yaml").write_text(re.findall(r"(?ms)^```yaml\n(.*?)^```$", guide)[0])
    (folder / "tmp").mkdir()
    guide_runs.run_guide(folder, "repositories.md", {})
    guide_runs.run(folder, guide_runs.block("docs/repositories.md", "python3 -m venv sw"), {})
    guide_runs.run(folder, guide_runs.examples()["import_swesmith_profiles"][0], {"my-profiles": "named-profiles"})
    return folder


def environment(path: Path) -> dict[str, Any]:
    """Return an environment without what names its making."""
    found: dict[str, Any] = json.loads(path.read_text())
    found.pop("made_by")
    return found


def test_a_source_alone_becomes_an_environment_that_passed_the_gate(folder: Path) -> None:
    found = environment(folder / "logs" / "build_images" / "wry__trie.v0.5.0" / "environment.json")
    assert found["test"]["runner"] == "mocha"
    assert (found["gate"]["runs"], found["gate"]["passed"], found["gate"]["flaky"]) == (3, 13, [])


def test_the_scripts_make_the_same_by_hand(folder: Path) -> None:
    by_hand, planned = folder / "trie", folder / "logs" / "build_images" / "wry__trie.v0.5.0"
    profile = (folder / "trie.yaml").read_bytes()
    assert profile == (folder / "logs" / "profiles" / "wry__trie.v0.5.0.yaml").read_bytes()
    assert environment(by_hand / "environment.json") == environment(planned / "environment.json")
